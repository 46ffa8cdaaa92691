/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-rest.h"

#include <string.h>

#include <libsoup/soup.h>

#include "core/pb-json.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "net/pb-envelope-private.h"

/* A picture of a QR code is some kilobytes; nothing else is larger. */
#define ANSWER_MAX (1024 * 1024)

struct _PbRest
{
  GObject parent;

  /* the calling thread only */
  SoupSession *session;
  GUri *server;
  char *token; /* wiped */
  GTlsCertificateFlags tls_flags;
};

G_DEFINE_FINAL_TYPE (PbRest, pb_rest, G_TYPE_OBJECT)

static gboolean
is_loopback (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  if (address == NULL)
    return g_ascii_strcasecmp (host, "localhost") == 0;

  return g_inet_address_get_is_loopback (address);
}

static gboolean
on_accept_certificate (SoupMessage *message, GTlsCertificate *certificate,
    GTlsCertificateFlags flags, PbRest *self)
{
  self->tls_flags = flags;

  return FALSE;
}

static void
set_transport_error (PbRest *self, const GError *cause, GError **error)
{
  g_autofree char *words = NULL;

  if (!g_error_matches (cause, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE)) {
    g_set_error (error, PB_ERROR, PB_ERROR_UNAVAILABLE,
        "the server cannot be reached: %s", cause->message);
    return;
  }

  words = pb_envelope_describe_tls (self->tls_flags);
  g_set_error (error, PB_ERROR, PB_ERROR_UNAVAILABLE,
      "the server's certificate is %s", words);
}

static SoupMessage *
make_message (PbRest *self, const char *method, const char *path,
    GError **error)
{
  g_autoptr (GUri) uri = NULL;
  g_autoptr (SoupMessage) message = NULL;
  SoupMessageHeaders *headers;

  if (path[0] != '/') {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "“%s” is not a path: it begins with a slash", path);
    return NULL;
  }
  uri = g_uri_parse_relative (self->server, path, SOUP_HTTP_URI_FLAGS, NULL);
  /* "//other.host/" is relative too */
  if (uri == NULL ||
      g_strcmp0 (g_uri_get_host (uri), g_uri_get_host (self->server)) != 0) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "“%s” is not a path", path);
    return NULL;
  }

  message = soup_message_new_from_uri (method, uri);
  /* the token goes to the server that was named and nowhere else */
  soup_message_add_flags (message,
      SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE);
  g_signal_connect (message, "accept-certificate",
      G_CALLBACK (on_accept_certificate), self);
  headers = soup_message_get_request_headers (message);
  if (self->token != NULL) {
    char *bearer = g_strconcat ("Bearer ", self->token, NULL);

    soup_message_headers_replace (headers, "Authorization", bearer);
    pb_secret_free (bearer);
  }

  return g_steal_pointer (&message);
}

static GBytes *
read_answer (GInputStream *stream, GError **error)
{
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  guint8 buffer[16384];
  gssize n;

  while ((n = g_input_stream_read (stream, buffer, sizeof buffer, NULL,
              error)) > 0) {
    if (answer->len + (gsize) n > ANSWER_MAX) {
      g_set_error (error, PB_ERROR, PB_ERROR_TOO_LARGE,
          "the server's answer is longer than any it should give");
      return NULL;
    }
    g_byte_array_append (answer, buffer, (guint) n);
  }
  if (n < 0)
    return NULL;

  return g_byte_array_free_to_bytes (g_steal_pointer (&answer));
}

/* The whole exchange; an answer of 300 or more is an error. */
static GBytes *
exchange (PbRest *self, SoupMessage *message, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GBytes) answer = NULL;
  guint status;

  stream = soup_session_send (self->session, message, NULL, &cause);
  if (stream != NULL)
    answer = read_answer (stream, &cause);
  if (answer == NULL) {
    if (cause->domain == PB_ERROR)
      g_propagate_error (error, g_steal_pointer (&cause));
    else
      set_transport_error (self, cause, error);
    return NULL;
  }

  status = soup_message_get_status (message);
  if (status >= 300) {
    gsize length;
    const char *text = g_bytes_get_data (answer, &length);

    g_propagate_error (error, pb_envelope_to_error (status, text, length));
    return NULL;
  }

  return g_steal_pointer (&answer);
}

static void
pb_rest_finalize (GObject *object)
{
  PbRest *self = PB_REST (object);

  g_clear_object (&self->session);
  g_clear_pointer (&self->server, g_uri_unref);
  pb_secret_free (self->token);

  G_OBJECT_CLASS (pb_rest_parent_class)->finalize (object);
}

static void
pb_rest_init (PbRest *self)
{
  self->session = soup_session_new_with_options ("proxy-resolver", NULL,
      "timeout", PB_HTTP_BODY_S, "max-conns", 1, NULL);
}

static void
pb_rest_class_init (PbRestClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pb_rest_finalize;
}

/**
 * pb_rest_new:
 * @server: "https://host" or "http://127.0.0.1:8080"
 * @allow_plain: whether http:// to another machine is fine
 * @error: why not
 *
 * Returns: (transfer full): what speaks to that server
 */
PbRest *
pb_rest_new (const char *server, gboolean allow_plain, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  const char *scheme;
  PbRest *self;

  g_return_val_if_fail (server != NULL, NULL);

  uri = g_uri_parse (server, SOUP_HTTP_URI_FLAGS, NULL);
  scheme = uri != NULL ? g_uri_get_scheme (uri) : NULL;
  if (uri == NULL || g_uri_get_host (uri) == NULL ||
      g_uri_get_host (uri)[0] == '\0' ||
      (strcmp (scheme, "http") != 0 && strcmp (scheme, "https") != 0)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "“%s” is not a server's address: write https://host", server);
    return NULL;
  }
  if (strcmp (scheme, "http") == 0 && !allow_plain &&
      !is_loopback (g_uri_get_host (uri))) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "http:// to another machine would send the token in the clear: use "
        "https://");
    return NULL;
  }

  self = g_object_new (PB_TYPE_REST, NULL);
  self->server = g_steal_pointer (&uri);

  return self;
}

/**
 * pb_rest_set_token:
 * @self: a server
 * @token: (nullable): the bearer's token; cannot be read back
 */
void
pb_rest_set_token (PbRest *self, const char *token)
{
  char *copy = g_strdup (token);

  g_return_if_fail (PB_IS_REST (self));

  pb_secret_free (self->token);
  self->token = copy;
}

/**
 * pb_rest_call:
 * @self: a server
 * @method: such as "POST"
 * @path: such as "/api/session"
 * @body: (nullable): the request's JSON
 * @error: a #PbError with the server's own message
 *
 * Blocks until the answer is there.
 *
 * Returns: (transfer full): the answer's JSON; a null node where it has none
 */
JsonNode *
pb_rest_call (PbRest *self, const char *method, const char *path,
    JsonNode *body, GError **error)
{
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GBytes) answer = NULL;
  const char *text;
  gsize length;

  g_return_val_if_fail (PB_IS_REST (self), NULL);
  g_return_val_if_fail (method != NULL && path != NULL, NULL);

  message = make_message (self, method, path, error);
  if (message == NULL)
    return NULL;
  if (body != NULL) {
    char *json = pb_json_print (body);
    g_autoptr (GBytes) bytes = g_bytes_new_take (json, strlen (json));

    soup_message_set_request_body_from_bytes (message, "application/json",
        bytes);
  }

  answer = exchange (self, message, error);
  if (answer == NULL)
    return NULL;
  text = g_bytes_get_data (answer, &length);
  if (length == 0)
    return json_node_new (JSON_NODE_NULL);

  return pb_json_parse (text, (gssize) length, error);
}

/**
 * pb_rest_fetch:
 * @self: a server
 * @path: such as "/s/demo/qr?format=png"
 * @content_type: (out) (optional) (nullable) (transfer full): what it is
 * @error: a #PbError with the server's own message
 *
 * Blocks until the answer is there.
 *
 * Returns: (transfer full): the answer
 */
GBytes *
pb_rest_fetch (PbRest *self, const char *path, char **content_type,
    GError **error)
{
  g_autoptr (SoupMessage) message = NULL;
  GBytes *answer;

  g_return_val_if_fail (PB_IS_REST (self), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  message = make_message (self, "GET", path, error);
  answer = message != NULL ? exchange (self, message, error) : NULL;
  if (answer != NULL && content_type != NULL)
    *content_type = g_strdup (soup_message_headers_get_content_type (
        soup_message_get_response_headers (message), NULL));

  return answer;
}
