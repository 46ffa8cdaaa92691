/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PbWsChannel against servers on loopback: libsoup's, and one that says canned
 * things. */

#include "config.h"

#include <string.h>

#include <libsoup/soup.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "net/pb-channel.h"

#define WATCHDOG_S 20

typedef struct
{
  SoupServer *server;
  GSocketService *raw;
  const char *canned; /* what the raw server says */
  GPtrArray *raw_connections;
  guint raw_close; /* the code of a close frame that it sends, or 0 */
  GBytes *raw_frames; /* what it says after its first message, or NULL */
  guint port;
  SoupWebsocketConnection *peer; /* the server's end */
  char *authorization;
  char *user_agent;

  PbChannel *channel;
  GString *log; /* "opened message:… closed:code:reason" */
  char *detail;
  gboolean is_closed;
  guint watchdog;
} Fixture;

static void
on_opened (PbChannel *channel, Fixture *f)
{
  g_string_append (f->log, "opened ");
}

static void
on_message (PbChannel *channel, const char *text, gsize length, Fixture *f)
{
  g_assert_cmpuint (strlen (text), ==, length);
  g_string_append_printf (f->log, "message:%s ", text);
}

static void
on_closed (PbChannel *channel, guint code, GError *error, Fixture *f)
{
  g_assert_false (f->is_closed);
  f->is_closed = TRUE;
  if (error != NULL)
    g_assert_true (error->domain == PB_ERROR);
  g_string_append_printf (f->log, "closed:%u:%s", code,
      error != NULL ? pb_error_get_reason ((PbError) error->code) : "none");
  f->detail = g_strdup (error != NULL ? error->message : NULL);
}

static gboolean
on_watchdog (gpointer data)
{
  g_assert_not_reached ();
}

static void
on_text (SoupWebsocketConnection *ws, int type, GBytes *bytes, Fixture *f)
{
  const char *text = g_bytes_get_data (bytes, NULL);

  if (strcmp (text, "binary") == 0)
    soup_websocket_connection_send_binary (ws, "x", 1);
  else
    soup_websocket_connection_send_text (ws, text);
}

static void
on_websocket (SoupServer *server, SoupServerMessage *message, const char *path,
    SoupWebsocketConnection *ws, gpointer data)
{
  Fixture *f = data;
  SoupMessageHeaders *headers =
      soup_server_message_get_request_headers (message);

  f->authorization =
      g_strdup (soup_message_headers_get_one (headers, "Authorization"));
  f->user_agent =
      g_strdup (soup_message_headers_get_one (headers, "User-Agent"));
  f->peer = g_object_ref (ws);
  g_signal_connect (ws, "message", G_CALLBACK (on_text), f);
}

/* (transfer full): an answer with the envelope; REASON "none": without one. Not
 * by libsoup's server, which leaks an upgrade that it refused. */
static char *
make_refusal (guint status, const char *reason)
{
  g_autofree char *text = NULL;

  if (strcmp (reason, "none") == 0)
    return g_strdup_printf ("HTTP/1.1 %u Whatever\r\n"
                            "Content-Length: 0\r\n\r\n",
        status);
  text = g_strdup_printf (
      "{\"error\":{\"status\":\"X\",\"reason\":\"%s\",\"domain\":\"patchbay\","
      "\"message\":\"Words\\nof the server.\",\"request_id\":\"r\"}}",
      reason);

  return g_strdup_printf ("HTTP/1.1 %u Whatever\r\n"
                          "Content-Type: application/json\r\n"
                          "Content-Length: %zu\r\n\r\n%s",
      status, strlen (text), text);
}

static void
serve (Fixture *f, GTlsCertificate *certificate)
{
  char *protocols[] = { (char *) "patchbay.v1", NULL };
  g_autoptr (GError) error = NULL;
  GSList *uris;

  f->server = soup_server_new ("tls-certificate", certificate, NULL);
  soup_server_add_websocket_handler (f->server, "/api/ws/demo", NULL, protocols,
      on_websocket, f, NULL);
  soup_server_listen_local (f->server, 0,
      SOUP_SERVER_LISTEN_IPV4_ONLY |
          (certificate != NULL ? SOUP_SERVER_LISTEN_HTTPS : 0),
      &error);
  g_assert_no_error (error);
  uris = soup_server_get_uris (f->server);
  f->port = (guint) g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection,
    GObject *source, Fixture *f)
{
  g_ptr_array_add (f->raw_connections, g_object_ref (connection));
  if (f->canned == NULL)
    return TRUE;
  g_output_stream_write_all (g_io_stream_get_output_stream (
                                 G_IO_STREAM (connection)),
      f->canned, strlen (f->canned), NULL, NULL, NULL);
  g_output_stream_flush (g_io_stream_get_output_stream (
                             G_IO_STREAM (connection)),
      NULL, NULL);
  g_socket_shutdown (g_socket_connection_get_socket (connection), FALSE, TRUE,
      NULL);

  return TRUE;
}

/* Says `canned` to whoever comes, and ends; with NULL it never says a word. */
static void
serve_raw (Fixture *f, const char *canned)
{
  g_autoptr (GInetAddress) loopback =
      g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  f->canned = canned;
  f->raw = g_socket_service_new ();
  g_socket_listener_add_address (G_SOCKET_LISTENER (f->raw), address,
      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  f->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  g_signal_connect (f->raw, "incoming", G_CALLBACK (on_incoming), f);
  g_socket_service_start (f->raw);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->log = g_string_new (NULL);
  f->raw_connections = g_ptr_array_new_with_free_func (g_object_unref);
  f->channel = pb_ws_channel_new ("test/1");
  g_signal_connect (f->channel, "opened", G_CALLBACK (on_opened), f);
  g_signal_connect (f->channel, "message", G_CALLBACK (on_message), f);
  g_signal_connect (f->channel, "closed", G_CALLBACK (on_closed), f);
  f->watchdog = g_timeout_add_seconds (WATCHDOG_S, on_watchdog, NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_finalize_object (f->channel);
  /* libsoup's server leaks what is open when it is told to end */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  if (f->server != NULL)
    soup_server_disconnect (f->server);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_object (&f->peer);
  g_clear_object (&f->server);
  if (f->raw != NULL) {
    g_socket_service_stop (f->raw);
    g_socket_listener_close (G_SOCKET_LISTENER (f->raw));
  }
  g_clear_object (&f->raw);
  g_ptr_array_unref (f->raw_connections);
  g_clear_pointer (&f->raw_frames, g_bytes_unref);
  g_free (f->authorization);
  g_free (f->user_agent);
  g_string_free (f->log, TRUE);
  g_free (f->detail);
  g_source_remove (f->watchdog);
}

static void
connect_to (Fixture *f, const char *scheme, const char *path)
{
  g_autofree char *url =
      g_strdup_printf ("%s://127.0.0.1:%u%s", scheme, f->port, path);

  pb_channel_open (f->channel, url, "p_test.test");
  g_assert_cmpstr (f->log->str, ==, "");
}

static void
wait_for (Fixture *f, const char *text)
{
  while (strstr (f->log->str, text) == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_carries_text_both_ways (Fixture *f, gconstpointer data)
{
  g_autofree char *large = g_strnfill (60000, 'x');

  serve (f, NULL);
  pb_channel_send (f->channel, "too early", -1);
  connect_to (f, "ws", "/api/ws/demo");
  pb_channel_send (f->channel, "still too early", -1);
  wait_for (f, "opened");
  pb_channel_send (f->channel, "hello", -1);
  pb_channel_send (f->channel, "worldly", 5);
  pb_channel_send (f->channel, large, -1);
  wait_for (f, large);
  g_assert_true (g_str_has_prefix (f->log->str,
      "opened message:hello message:world message:xxx"));
  g_assert_cmpstr (f->authorization, ==, "Bearer p_test.test");
  g_assert_cmpstr (f->user_agent, ==, "test/1");
  g_assert_cmpstr (soup_websocket_connection_get_protocol (f->peer), ==,
      "patchbay.v1");
  g_assert_null (soup_websocket_connection_get_extensions (f->peer));

  pb_channel_close (f->channel, 1000, "done");
  wait_for (f, "closed");
  g_assert_true (g_str_has_suffix (f->log->str, "closed:1000:none"));
  while (soup_websocket_connection_get_state (f->peer) !=
         SOUP_WEBSOCKET_STATE_CLOSED)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (soup_websocket_connection_get_close_code (f->peer), ==,
      1000);
}

static void
test_last_words_go_out (Fixture *f, gconstpointer data)
{
  PbChannel *forgotten;

  serve (f, NULL);
  connect_to (f, "ws", "/api/ws/demo");
  wait_for (f, "opened");
  while (f->peer == NULL)
    g_main_context_iteration (NULL, TRUE);
  pb_channel_send (f->channel, "goodbye", -1);
  pb_channel_close (f->channel, 1000, NULL);
  forgotten = f->channel;
  f->channel = pb_ws_channel_new (NULL);
  g_object_unref (forgotten);
  wait_for (f, "closed");
  g_assert_true (g_str_has_suffix (f->log->str, ":none"));
}

static void
test_refusal_tells_the_reason (Fixture *f, gconstpointer data)
{
  const struct
  {
    guint status;
    const char *word;
    const char *reason;
  } rows[] = {
    { 401, "TOKEN_MISSING", "TOKEN_MISSING" },
    { 401, "TOKEN_INVALID", "TOKEN_INVALID" },
    { 401, "TOKEN_EXPIRED", "TOKEN_EXPIRED" },
    { 403, "PERMISSION_DENIED", "PERMISSION_DENIED" },
    { 404, "NOT_FOUND", "NOT_FOUND" },
    { 410, "SESSION_EXPIRED", "SESSION_EXPIRED" },
    { 426, "VERSION_MISMATCH", "VERSION_MISMATCH" },
    { 429, "SESSION_FULL", "SESSION_FULL" },
    { 429, "RATE_LIMIT_EXCEEDED", "RATE_LIMIT_EXCEEDED" },
    { 503, "UNAVAILABLE", "UNAVAILABLE" },
    { 404, "OF_THE_FUTURE", "SERVER_ERROR" },
    /* not a server of ours, or a proxy in front of it */
    { 401, "none", "TOKEN_INVALID" },
    { 404, "none", "NOT_FOUND" },
    { 302, "none", "INVALID_MESSAGE" },
    { 200, "none", "INVALID_MESSAGE" },
    { 502, "none", "UNAVAILABLE" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *canned = make_refusal (rows[i].status, rows[i].word);
    g_autofree char *expected = g_strdup_printf ("closed:0:%s", rows[i].reason);

    tear_down (f, NULL);
    memset (f, 0, sizeof *f);
    set_up (f, NULL);
    serve_raw (f, canned);
    connect_to (f, "ws", "/api/ws/demo");
    wait_for (f, "closed");
    g_assert_cmpstr (f->log->str, ==, expected);
    if (strcmp (rows[i].word, "none") != 0)
      g_assert_cmpstr (f->detail, ==, "Words of the server.");
  }
}

static void
test_binary_is_refused (Fixture *f, gconstpointer data)
{
  serve (f, NULL);
  connect_to (f, "ws", "/api/ws/demo");
  wait_for (f, "opened");
  pb_channel_send (f->channel, "binary", -1);
  wait_for (f, "closed");
  g_assert_cmpuint (soup_websocket_connection_get_close_code (f->peer), ==,
      1003);
}

static void
test_nobody_listens (Fixture *f, gconstpointer data)
{
  serve_raw (f, NULL);
  g_socket_service_stop (f->raw);
  g_socket_listener_close (G_SOCKET_LISTENER (f->raw));
  connect_to (f, "ws", "/api/ws/demo");
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "closed:0:UNAVAILABLE");
}

static void
test_strange_answers_are_refused (Fixture *f, gconstpointer data)
{
  g_autofree char *endless = g_strnfill (20000, 'x');
  const struct
  {
    const char *canned;
    const char *expected;
  } rows[] = {
    { "SSH-2.0-OpenSSH_9.2\r\n\r\n", "closed:0:INVALID_MESSAGE" },
    { "", "closed:0:UNAVAILABLE" },
    { "HTTP/1.1 101 Switching", "closed:0:UNAVAILABLE" },
    { endless, "closed:0:INVALID_MESSAGE" },
    { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Accept: "
      "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
      "\r\nSec-WebSocket-Protocol: patchbay.v1\r\n\r\n",
        "closed:0:INVALID_MESSAGE" },
    /* a body that is cut short, and one that says it is huge */
    { "HTTP/1.1 401 No\r\nContent-Length: 500\r\n\r\n{\"error\":",
        "closed:0:TOKEN_INVALID" },
    { "HTTP/1.1 403 No\r\nContent-Length: 99999999999\r\n\r\n{",
        "closed:0:PERMISSION_DENIED" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    tear_down (f, NULL);
    memset (f, 0, sizeof *f);
    set_up (f, NULL);
    serve_raw (f, rows[i].canned);
    connect_to (f, "ws", "/api/ws/demo");
    wait_for (f, "closed");
    g_assert_cmpstr (f->log->str, ==, rows[i].expected);
  }
}

static void
test_hanging_server_is_given_up (Fixture *f, gconstpointer data)
{
  serve_raw (f, NULL);
  g_object_set (f->channel, "connect-timeout", 50, NULL);
  connect_to (f, "ws", "/api/ws/demo");
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "closed:0:UNAVAILABLE");
  g_assert_nonnull (strstr (f->detail, "in time"));
}

static void
test_hanging_handshake_is_cancelled (Fixture *f, gconstpointer data)
{
  serve_raw (f, NULL);
  connect_to (f, "ws", "/api/ws/demo");
  while (f->raw_connections->len == 0)
    g_main_context_iteration (NULL, TRUE);
  pb_channel_close (f->channel, 1000, NULL);
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "closed:0:none");
}

static void
test_cancelled_at_once (Fixture *f, gconstpointer data)
{
  serve_raw (f, NULL);
  connect_to (f, "ws", "/api/ws/demo");
  pb_channel_close (f->channel, 1000, NULL);
  g_assert_cmpstr (f->log->str, ==, "");
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "closed:0:none");
}

/* Answers the handshake as it should, then never says a word again. */
static gboolean
on_mute_readable (GSocket *socket, GIOCondition condition, gpointer data)
{
  char buffer[4096];
  gssize n = g_socket_receive (socket, buffer, sizeof buffer - 1, NULL, NULL);
  Fixture *f = data;
  const char *label = "Sec-WebSocket-Key: ";
  g_autofree char *key = NULL;
  g_autofree char *text = NULL;
  g_autofree char *accept = NULL;
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize length = sizeof digest;
  char *begin;

  g_assert_cmpint (n, >, 0);
  buffer[n] = '\0';
  begin = strstr (buffer, label);
  g_assert_nonnull (begin);
  begin += strlen (label);
  key = g_strndup (begin, strcspn (begin, "\r"));
  g_checksum_update (sum, (guchar *) key, -1);
  g_checksum_update (sum,
      (const guchar *) "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", -1);
  g_checksum_get_digest (sum, digest, &length);
  accept = g_base64_encode (digest, length);
  text = g_strdup_printf ("HTTP/1.1 101 Switching Protocols\r\n"
                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Protocol: patchbay.v1\r\n"
                          "Sec-WebSocket-Accept: %s\r\n\r\n"
                          /* one text frame in the same packet: "hi" */
                          "\x81\x02hi",
      accept);
  g_assert_cmpint (g_socket_send (socket, text, strlen (text), NULL, NULL), >,
      0);
  if (f->raw_frames != NULL) {
    const char *frames = g_bytes_get_data (f->raw_frames, &length);

    g_assert_cmpint (g_socket_send (socket, frames, length, NULL, NULL), ==,
        (gssize) length);
  }
  if (f->raw_close != 0) {
    const char frame[] = { (char) 0x88, 2, (char) (f->raw_close >> 8),
      (char) (f->raw_close & 0xff) };

    g_assert_cmpint (g_socket_send (socket, frame, sizeof frame, NULL, NULL),
        ==, sizeof frame);
    /* or libsoup's client waits 5 s for it */
    g_socket_shutdown (socket, FALSE, TRUE, NULL);
  }

  return G_SOURCE_REMOVE;
}

static void
connect_to_mute (Fixture *f)
{
  g_autoptr (GSource) source = NULL;

  serve_raw (f, NULL);
  connect_to (f, "ws", "/api/ws/demo");
  while (f->raw_connections->len == 0)
    g_main_context_iteration (NULL, TRUE);
  source =
      g_socket_create_source (g_socket_connection_get_socket (
                                  g_ptr_array_index (f->raw_connections, 0)),
          G_IO_IN, NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (on_mute_readable), f, NULL);
  g_source_attach (source, NULL);
  wait_for (f, "opened message:hi");
}

/* libsoup's server leaks a connection that it closes first, so this is by hand.
 */
static void
test_close_codes_have_meanings (Fixture *f, gconstpointer data)
{
  const struct
  {
    guint code;
    const char *reason;
  } rows[] = {
    { 1000, "UNAVAILABLE" },
    { 1001, "UNAVAILABLE" },
    { 1008, "INVALID_MESSAGE" },
    { 1013, "UNAVAILABLE" },
    { 4001, "WRONG_STATE" },
    { 4002, "TOKEN_EXPIRED" },
    { 4004, "SESSION_EXPIRED" },
    { 4008, "UNAVAILABLE" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *expected =
        g_strdup_printf ("opened message:hi closed:%u:%s", rows[i].code,
            rows[i].reason);

    tear_down (f, NULL);
    memset (f, 0, sizeof *f);
    set_up (f, NULL);
    f->raw_close = rows[i].code;
    connect_to_mute (f);
    wait_for (f, "closed");
    g_assert_cmpstr (f->log->str, ==, expected);
  }
}

static void
test_fragments_make_up_a_message (Fixture *f, gconstpointer data)
{
  /* with a ping among them, which is nobody's fragment */
  static const char frames[] = "\x01\x02wo\x89\x01x\x00\x02rl\x80\x01" "d";

  f->raw_frames = g_bytes_new_static (frames, sizeof frames - 1);
  connect_to_mute (f);
  wait_for (f, "message:world");
  pb_channel_close (f->channel, 1000, NULL);
  wait_for (f, "closed");
}

/* Frames that are each small enough, of a message that never ends */
static GBytes *
make_fragments (guint n, guint16 size)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *payload = g_malloc (size);

  memset (payload, 'x', size);
  for (guint i = 0; i < n; i++) {
    const guint8 header[] = { i == 0 ? 0x01 : 0x00, 126, size >> 8,
      size & 0xff };

    g_byte_array_append (bytes, header, sizeof header);
    g_byte_array_append (bytes, payload, size);
  }

  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

static void
test_endless_message_is_cut (Fixture *f, gconstpointer data)
{
  f->raw_frames = make_fragments (5, 16000);
  connect_to_mute (f);
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "opened message:hi closed:0:TOO_LARGE");
}

static void
test_flood_of_fragments_is_cut (Fixture *f, gconstpointer data)
{
  f->raw_frames = make_fragments (17, 126);
  connect_to_mute (f);
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "opened message:hi closed:0:TOO_LARGE");
}

/* Each wants a pong, which libsoup sorts into its queue one by one. */
static void
test_flood_of_pings_is_cut (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) pings = g_byte_array_new ();

  for (guint i = 0; i < 10000; i++)
    g_byte_array_append (pings, (const guint8 *) "\x89\x01x", 3);
  connect_to_mute (f);
  g_assert_cmpint (g_socket_send (g_socket_connection_get_socket (
                                      g_ptr_array_index (f->raw_connections,
                                          0)),
                       (char *) pings->data, pings->len, NULL, NULL),
      >, 1000);
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==,
      "opened message:hi closed:0:RATE_LIMIT_EXCEEDED");
}

/* Small messages, as fast as they are taken, until nobody takes them */
static gpointer
flood (gpointer data)
{
  g_autoptr (GByteArray) frames = g_byte_array_new ();
  guint8 frame[4 + 1000] = { 0x81, 126, 1000 >> 8, 1000 & 0xff };
  gssize n;

  memset (frame + 4, 'x', 1000);
  for (guint i = 0; i < 64; i++)
    g_byte_array_append (frames, frame, sizeof frame);
  g_socket_set_blocking (data, TRUE);
  do {
    n = g_socket_send (data, (char *) frames->data, frames->len, NULL, NULL);
  } while (n == (gssize) frames->len);
  g_object_unref (data);

  return NULL;
}

static gboolean
on_turn (gpointer data)
{
  guint *turns = data;

  (*turns)++;

  return G_SOURCE_CONTINUE;
}

static void
test_flood_leaves_turns_to_others (Fixture *f, gconstpointer data)
{
  g_autoptr (GThread) thread = NULL;
  guint turns = 0;
  guint source;

  connect_to_mute (f);
  source = g_timeout_add (1, on_turn, &turns);
  thread = g_thread_new ("flood", flood,
      g_object_ref (g_socket_connection_get_socket (
          g_ptr_array_index (f->raw_connections, 0))));
  while (turns < 20)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);
  pb_channel_close (f->channel, 1000, NULL);
  wait_for (f, "closed");
  g_thread_join (g_steal_pointer (&thread));
}

static void
test_silence_is_death (Fixture *f, gconstpointer data)
{
  g_object_set (f->channel, "silence", 200, NULL);
  connect_to_mute (f);
  wait_for (f, "closed");
  g_assert_true (g_str_has_suffix (f->log->str, "closed:0:UNAVAILABLE"));
  g_assert_nonnull (strstr (f->detail, "nothing was heard"));
}

static void
test_mute_server_gets_a_short_goodbye (Fixture *f, gconstpointer data)
{
  connect_to_mute (f);
  pb_channel_close (f->channel, 1000, NULL);
  wait_for (f, "closed");
  g_assert_true (g_str_has_suffix (f->log->str, ":none"));
}

static void
test_token_is_never_a_header_of_its_own (Fixture *f, gconstpointer data)
{
  g_autofree char *url = NULL;

  serve (f, NULL);
  url = g_strdup_printf ("ws://127.0.0.1:%u/api/ws/demo", f->port);
  pb_channel_open (f->channel, url, "p_x\r\nX-Evil: 1");
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "closed:0:TOKEN_INVALID");
}

static GTlsCertificate *
make_certificate (void)
{
  EVP_PKEY *key = EVP_EC_gen ("P-256");
  X509 *x509 = X509_new ();
  BIO *bio = BIO_new (BIO_s_mem ());
  g_autoptr (GError) error = NULL;
  GTlsCertificate *certificate;
  char *pem;
  long length;

  X509_set_version (x509, 2);
  ASN1_INTEGER_set (X509_get_serialNumber (x509), 1);
  X509_gmtime_adj (X509_getm_notBefore (x509), 0);
  X509_gmtime_adj (X509_getm_notAfter (x509), 3600);
  X509_NAME_add_entry_by_txt (X509_get_subject_name (x509), "CN", MBSTRING_ASC,
      (const guchar *) "other.example", -1, -1, 0);
  X509_set_issuer_name (x509, X509_get_subject_name (x509));
  X509_set_pubkey (x509, key);
  g_assert_cmpint (X509_sign (x509, key, EVP_sha256 ()), >, 0);
  PEM_write_bio_X509 (bio, x509);
  PEM_write_bio_PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL);
  length = BIO_get_mem_data (bio, &pem);
  certificate = g_tls_certificate_new_from_pem (pem, length, &error);
  g_assert_no_error (error);
  BIO_free (bio);
  X509_free (x509);
  EVP_PKEY_free (key);

  return certificate;
}

static void
test_strange_certificate_is_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (GTlsCertificate) certificate = make_certificate ();

  serve (f, certificate);
  connect_to (f, "wss", "/api/ws/demo");
  wait_for (f, "closed");
  g_assert_cmpstr (f->log->str, ==, "closed:0:INVALID_MESSAGE");
  g_assert_nonnull (strstr (f->detail, "nobody this system trusts"));
  g_assert_nonnull (strstr (f->detail, "another name"));
  g_assert_null (f->authorization);
}

static void
test_no_tls_there (Fixture *f, gconstpointer data)
{
  serve_raw (f, "HTTP/1.1 400 Bad Request\r\n\r\n");
  connect_to (f, "wss", "/api/ws/demo");
  wait_for (f, "closed");
  g_assert_true (g_str_has_prefix (f->log->str, "closed:0:"));
  g_assert_null (strstr (f->log->str, "opened"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                    \
  g_test_add ("/ws-channel/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("carries-text-both-ways", test_carries_text_both_ways);
  ADD ("last-words-go-out", test_last_words_go_out);
  ADD ("refusal-tells-the-reason", test_refusal_tells_the_reason);
  ADD ("close-codes-have-meanings", test_close_codes_have_meanings);
  ADD ("binary-is-refused", test_binary_is_refused);
  ADD ("nobody-listens", test_nobody_listens);
  ADD ("strange-answers-are-refused", test_strange_answers_are_refused);
  ADD ("hanging-server-is-given-up", test_hanging_server_is_given_up);
  ADD ("hanging-handshake-is-cancelled", test_hanging_handshake_is_cancelled);
  ADD ("cancelled-at-once", test_cancelled_at_once);
  ADD ("fragments-make-up-a-message", test_fragments_make_up_a_message);
  ADD ("endless-message-is-cut", test_endless_message_is_cut);
  ADD ("flood-of-fragments-is-cut", test_flood_of_fragments_is_cut);
  ADD ("flood-of-pings-is-cut", test_flood_of_pings_is_cut);
  ADD ("flood-leaves-turns-to-others", test_flood_leaves_turns_to_others);
  ADD ("silence-is-death", test_silence_is_death);
  ADD ("mute-server-gets-a-short-goodbye",
      test_mute_server_gets_a_short_goodbye);
  ADD ("token-is-never-a-header-of-its-own",
      test_token_is_never_a_header_of_its_own);
#undef ADD
  /* run by themselves: see meson.build */
  g_test_add ("/ws-channel-tls/strange-certificate-is-refused", Fixture, NULL,
      set_up, test_strange_certificate_is_refused, tear_down);
  g_test_add ("/ws-channel-tls/no-tls-there", Fixture, NULL, set_up,
      test_no_tls_there, tear_down);

  return g_test_run ();
}
