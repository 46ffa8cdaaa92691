/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-ws-handshake-private.h"

#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "net/pb-envelope-private.h"
#include "net/pb-ws-guard-private.h"

/* RFC 6455, section 1.3 */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SUBPROTOCOL "patchbay.v1"
#define HEAD_MAX 16384

/* The task data of one handshake. Belongs to the task's main context. */
typedef struct
{
  GUri *uri;
  char *request; /* holds the token: wiped */
  char *accept;  /* the Sec-WebSocket-Accept that we expect */
  GTlsCertificateFlags tls_flags;
  GIOStream *stream;
  GSource *source;
  GByteArray *head;
  GByteArray *body;
  gsize body_length;
  guint status;
} Handshake;

static void
handshake_free (gpointer data)
{
  Handshake *self = data;

  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_source_unref (self->source);
  }
  g_clear_object (&self->stream);
  g_clear_pointer (&self->uri, g_uri_unref);
  pb_secret_free (self->request);
  g_free (self->accept);
  g_byte_array_unref (self->head);
  g_byte_array_unref (self->body);
  g_free (self);
}

static void
fail_from (GTask *task, const GError *cause)
{
  Handshake *self = g_task_get_task_data (task);

  if (g_error_matches (cause, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE)) {
    g_autofree char *words = pb_envelope_describe_tls (self->tls_flags);

    g_task_return_new_error (task, PB_ERROR, PB_ERROR_INVALID,
        "the server's certificate is %s", words);
    return;
  }
  if (cause->domain == G_TLS_ERROR) {
    g_task_return_new_error (task, PB_ERROR, PB_ERROR_INVALID,
        "no TLS with the server: %s", cause->message);
    return;
  }

  g_task_return_new_error (task, PB_ERROR, PB_ERROR_UNAVAILABLE, "%s",
      cause->message);
}

static gboolean
has_word (SoupMessageHeaders *headers, const char *name, const char *word)
{
  const char *value = soup_message_headers_get_list (headers, name);

  return value != NULL && soup_header_contains (value, word);
}

static void
finish_open (GTask *task, SoupMessageHeaders *headers)
{
  Handshake *self = g_task_get_task_data (task);
  const char *accept =
      soup_message_headers_get_one (headers, "Sec-WebSocket-Accept");
  const char *protocol =
      soup_message_headers_get_one (headers, "Sec-WebSocket-Protocol");
  g_autoptr (GIOStream) guarded = NULL;
  SoupWebsocketConnection *ws;

  if (!has_word (headers, "Upgrade", "websocket") ||
      !has_word (headers, "Connection", "upgrade") ||
      g_strcmp0 (accept, self->accept) != 0 ||
      g_strcmp0 (protocol, SUBPROTOCOL) != 0 ||
      soup_message_headers_get_one (headers, "Sec-WebSocket-Extensions") !=
          NULL) {
    g_task_return_new_error (task, PB_ERROR, PB_ERROR_INVALID,
        "the server's WebSocket handshake is not one of Patchbay's");
    return;
  }

  guarded = pb_ws_guard_wrap (self->stream);
  ws = soup_websocket_connection_new (guarded, self->uri,
      SOUP_WEBSOCKET_CONNECTION_CLIENT, NULL, SUBPROTOCOL, NULL);
  soup_websocket_connection_set_max_incoming_payload_size (ws,
      PB_WS_MESSAGE_MAX);
  g_task_return_pointer (task, ws, g_object_unref);
}

static void
finish_refused (GTask *task)
{
  Handshake *self = g_task_get_task_data (task);

  g_task_return_error (task,
      pb_envelope_to_error (self->status, (const char *) self->body->data,
          self->body->len));
}

/* The head is whole. Returns whether a body is still to be read. */
static gboolean
handle_head (GTask *task)
{
  Handshake *self = g_task_get_task_data (task);
  g_autoptr (SoupMessageHeaders) headers =
      soup_message_headers_new (SOUP_MESSAGE_HEADERS_RESPONSE);
  goffset length;

  /* the parser wants the last CRLF, not the empty line */
  if (!soup_headers_parse_response ((const char *) self->head->data,
          (int) self->head->len - 2, headers, NULL, &self->status, NULL)) {
    g_task_return_new_error (task, PB_ERROR, PB_ERROR_INVALID,
        "the server's answer is not HTTP");
    return FALSE;
  }

  if (self->status == SOUP_STATUS_SWITCHING_PROTOCOLS) {
    finish_open (task, headers);
    return FALSE;
  }
  if (self->status < 300) {
    g_task_return_new_error (task, PB_ERROR, PB_ERROR_INVALID,
        "the server answered a WebSocket handshake with HTTP status %u",
        self->status);
    return FALSE;
  }

  length = 0;
  if (soup_message_headers_get_encoding (headers) ==
      SOUP_ENCODING_CONTENT_LENGTH)
    length = soup_message_headers_get_content_length (headers);
  if (length <= 0 || length > PB_HTTP_BODY_MAX) {
    finish_refused (task);
    return FALSE;
  }
  self->body_length = (gsize) length;

  return TRUE;
}

static gboolean
ends_head (GByteArray *head)
{
  return head->len >= 4 &&
         memcmp (head->data + head->len - 4, "\r\n\r\n", 4) == 0;
}

/* Reads the head octet by octet: what follows it is the WebSocket's, which
 * could not be given back. */
static gboolean
on_readable (GObject *stream, gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (G_TASK (user_data));
  Handshake *self = g_task_get_task_data (task);
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (stream);

  for (;;) {
    g_autoptr (GError) error = NULL;
    guint8 buffer[1024];
    gboolean in_body = self->body_length > 0;
    gsize wanted =
        in_body ? MIN (sizeof buffer, self->body_length - self->body->len) : 1;
    gssize n = g_pollable_input_stream_read_nonblocking (input, buffer, wanted,
        g_task_get_cancellable (task), &error);

    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      return G_SOURCE_CONTINUE;
    if (n < 0) {
      fail_from (task, error);
      return G_SOURCE_REMOVE;
    }
    if (n == 0 && in_body) {
      finish_refused (task);
      return G_SOURCE_REMOVE;
    }
    if (n == 0) {
      g_task_return_new_error (task, PB_ERROR, PB_ERROR_UNAVAILABLE,
          "the server hung up in the WebSocket handshake");
      return G_SOURCE_REMOVE;
    }

    if (in_body) {
      g_byte_array_append (self->body, buffer, (guint) n);
      if (self->body->len < self->body_length)
        continue;
      finish_refused (task);
      return G_SOURCE_REMOVE;
    }

    g_byte_array_append (self->head, buffer, 1);
    if (ends_head (self->head)) {
      if (!handle_head (task))
        return G_SOURCE_REMOVE;
    } else if (self->head->len >= HEAD_MAX) {
      g_task_return_new_error (task, PB_ERROR, PB_ERROR_INVALID,
          "the head of the server's answer is too long");
      return G_SOURCE_REMOVE;
    }
  }
}

static void
on_written (GObject *stream, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  Handshake *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GInputStream *input = g_io_stream_get_input_stream (self->stream);

  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (stream), result, NULL,
          &error)) {
    fail_from (task, error);
    return;
  }

  self->source =
      g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (input),
          g_task_get_cancellable (task));
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable),
      g_object_ref (task), g_object_unref);
  g_source_attach (self->source, g_task_get_context (task));
}

static void
on_connected (GObject *client, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  Handshake *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection =
      g_socket_client_connect_to_host_finish (G_SOCKET_CLIENT (client), result,
          &error);

  if (connection == NULL) {
    fail_from (task, error);
    return;
  }

  /* or each second small message waits 40 ms for the other end's ACK */
  g_socket_set_option (g_socket_connection_get_socket (connection), IPPROTO_TCP,
      TCP_NODELAY, 1, NULL);
  self->stream = G_IO_STREAM (connection);
  g_output_stream_write_all_async (g_io_stream_get_output_stream (self->stream),
      self->request, strlen (self->request), G_PRIORITY_DEFAULT,
      g_task_get_cancellable (task), on_written, g_object_ref (task));
}

static gboolean
on_accept_certificate (GTlsConnection *connection, GTlsCertificate *certificate,
    GTlsCertificateFlags flags, gpointer user_data)
{
  GTask *task = user_data;
  Handshake *self = g_task_get_task_data (task);

  /* may come from the TLS backend's thread, before the result does */
  self->tls_flags = flags;

  return FALSE;
}

static void
on_event (GSocketClient *client, GSocketClientEvent event,
    GSocketConnectable *connectable, GIOStream *connection, gpointer user_data)
{
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_signal_connect_object (connection, "accept-certificate",
        G_CALLBACK (on_accept_certificate), user_data, 0);
}

static gboolean
is_header_text (const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (!g_ascii_isgraph (*p) && *p != ' ')
      return FALSE;

  return TRUE;
}

static char *
make_request (GUri *uri, guint port, const char *token, const char *user_agent,
    const char *key)
{
  const char *host = g_uri_get_host (uri);
  const char *path = g_uri_get_path (uri);
  gboolean is_ipv6 = strchr (host, ':') != NULL;
  g_autofree char *agent =
      user_agent != NULL ? g_strdup_printf ("User-Agent: %s\r\n", user_agent)
                         : g_strdup ("");

  return g_strdup_printf ("GET %s HTTP/1.1\r\n"
                          "Host: %s%s%s:%u\r\n"
                          "Upgrade: websocket\r\n"
                          "Connection: Upgrade\r\n"
                          "Sec-WebSocket-Key: %s\r\n"
                          "Sec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Protocol: " SUBPROTOCOL "\r\n"
                          "%s%s%s%s\r\n",
      path[0] != '\0' ? path : "/", is_ipv6 ? "[" : "", host,
      is_ipv6 ? "]" : "", port, key, agent,
      token != NULL ? "Authorization: Bearer " : "", token != NULL ? token : "",
      token != NULL ? "\r\n" : "");
}

static char *
make_accept (const char *key)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize length = sizeof digest;

  g_checksum_update (checksum, (const guchar *) key, -1);
  g_checksum_update (checksum, (const guchar *) ACCEPT_GUID, -1);
  g_checksum_get_digest (checksum, digest, &length);

  return g_base64_encode (digest, length);
}

/**
 * pb_ws_handshake_async: (skip)
 * @url: ws:// or wss://
 * @token: (nullable): for the Authorization header
 * @user_agent: (nullable): for the User-Agent header
 * @cancellable: (nullable): stops it at any point
 * @callback: called in the thread's default main context
 * @user_data: for it
 */
void
pb_ws_handshake_async (const char *url, const char *token,
    const char *user_agent, GCancellable *cancellable,
    GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autofree char *key = NULL;
  Handshake *self = g_new0 (Handshake, 1);
  guint8 nonce[16];
  gboolean is_secure;
  guint port;

  g_task_set_source_tag (task, pb_ws_handshake_async);
  self->head = g_byte_array_new ();
  self->body = g_byte_array_new ();
  g_task_set_task_data (task, self, handshake_free);

  self->uri = g_uri_parse (url, G_URI_FLAGS_ENCODED, NULL);
  if (self->uri == NULL || g_uri_get_host (self->uri) == NULL ||
      (user_agent != NULL && !is_header_text (user_agent))) {
    g_task_return_new_error (task, PB_ERROR, PB_ERROR_INVALID,
        "the server's address is not one");
    return;
  }
  if (token != NULL && !is_header_text (token)) {
    g_task_return_new_error (task, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "the token holds characters that no token holds");
    return;
  }

  is_secure = g_strcmp0 (g_uri_get_scheme (self->uri), "wss") == 0;
  port = g_uri_get_port (self->uri) > 0 ? (guint) g_uri_get_port (self->uri)
                                        : (is_secure ? 443 : 80);
  pb_random_bytes (nonce, sizeof nonce);
  key = g_base64_encode (nonce, sizeof nonce);
  self->accept = make_accept (key);
  self->request = make_request (self->uri, port, token, user_agent, key);

  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_set_tls (client, is_secure);
  g_signal_connect_object (client, "event", G_CALLBACK (on_event), task, 0);
  g_socket_client_connect_to_host_async (client, g_uri_get_host (self->uri),
      (guint16) port, cancellable, on_connected, g_steal_pointer (&task));
}

/**
 * pb_ws_handshake_finish: (skip)
 * @result: from the callback
 * @error: why there is none
 *
 * Returns: (transfer full): the open WebSocket
 */
SoupWebsocketConnection *
pb_ws_handshake_finish (GAsyncResult *result, GError **error)
{
  GError *cause = NULL;
  SoupWebsocketConnection *ws =
      g_task_propagate_pointer (G_TASK (result), &cause);

  /* GTask's own, from the cancellable */
  if (cause != NULL && cause->domain != PB_ERROR) {
    g_set_error (error, PB_ERROR, PB_ERROR_UNAVAILABLE, "%s", cause->message);
    g_error_free (cause);
  } else if (cause != NULL) {
    g_propagate_error (error, cause);
  }

  return ws;
}
