/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "pb-server-envelope.h"
#include "pb-server-pending.h"
#include "pb-server-private.h"

/* What a request is answered, in HTTP: at once, or when there is something to
 * say. */

/* The gate's policy, and a style sheet */
#define PAGE_POLICY \
  "default-src 'none'; script-src 'self'; style-src 'self'; " \
  "connect-src 'self' wss:; img-src 'self' data:; form-action 'none'; " \
  "frame-ancestors 'none'; base-uri 'none'"
/* A page makes a phone a camera; a page in one of its frames would not */
#define PAGE_PERMISSIONS                                                       \
  "camera=(self), microphone=(self), display-capture=(self), "                 \
  "screen-wake-lock=(self), autoplay=(self), fullscreen=(self), "              \
  "geolocation=(), usb=(), serial=(), bluetooth=(), payment=()"

/* --- the answer ---------------------------------------------------------- */

/* No client has a say in any of it: names are checked, ids are ours. */
static void
send_entity (SoupMessageHeaders *headers, const PbServerReply *reply)
{
  if (reply->location != NULL)
    soup_message_headers_replace (headers, "Location", reply->location);
  if (reply->tag != NULL) {
    g_autofree char *quoted = g_strdup_printf ("\"%s\"", reply->tag);

    soup_message_headers_replace (headers, "ETag", quoted);
  }
  for (guint i = 0; reply->links != NULL && reply->links[i] != NULL; i++)
    soup_message_headers_append (headers, "Link", reply->links[i]);
}

/* Whether the client would rather have it smaller (RFC 9110, 12.5.3). */
static gboolean
takes_gzip (SoupServerMessage *msg)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  const char *list = soup_message_headers_get_list (headers, "Accept-Encoding");
  GSList *refused = NULL;
  GSList *taken;
  gboolean takes = FALSE;

  if (list == NULL)
    return FALSE;
  taken = soup_header_parse_quality_list (list, &refused);
  for (GSList *l = taken; l != NULL && !takes; l = l->next)
    takes = g_ascii_strcasecmp (l->data, "gzip") == 0 ||
            g_ascii_strcasecmp (l->data, "x-gzip") == 0 ||
            g_str_equal (l->data, "*");
  for (GSList *l = refused; l != NULL && takes; l = l->next)
    takes = g_ascii_strcasecmp (l->data, "gzip") != 0;
  soup_header_free_list (taken);
  soup_header_free_list (refused);

  return takes;
}

/* What of it is sent, and what that is. */
static GBytes *
choose_body (SoupServerMessage *msg, const PbServerReply *reply)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  if (reply->zipped == NULL)
    return reply->body;
  soup_message_headers_append (headers, "Vary", "Accept-Encoding");
  if (!takes_gzip (msg))
    return reply->body;
  soup_message_headers_replace (headers, "Content-Encoding", "gzip");

  return reply->zipped;
}

/**
 * pb_server_send: (skip)
 * @msg: what is answered
 * @request_id: of the request
 * @reply: an answer that is there
 */
void
pb_server_send (SoupServerMessage *msg, const char *request_id,
    const PbServerReply *reply)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  soup_message_headers_replace (headers, "X-Request-Id", request_id);
  send_entity (headers, reply);
  if (g_strcmp0 (reply->type, PB_SERVER_TYPE_HTML) == 0) {
    soup_message_headers_replace (headers, "Content-Security-Policy",
        PAGE_POLICY);
    soup_message_headers_replace (headers, "Permissions-Policy",
        PAGE_PERMISSIONS);
  }
  soup_server_message_set_status (msg, reply->status, NULL);
  if (reply->type != NULL)
    soup_message_headers_set_content_type (headers, reply->type, NULL);
  if (reply->body == NULL)
    return;
  soup_message_body_append_bytes (soup_server_message_get_response_body (msg),
      choose_body (msg, reply));
}

/**
 * pb_server_send_error: (skip)
 * @self: the server
 * @msg: what is refused
 * @request_id: of the request
 * @error: a PB_ERROR; anything else counts as the server's own mistake
 *
 * The one place that turns an error into an HTTP answer.
 */
void
pb_server_send_error (PbServer *self, SoupServerMessage *msg,
    const char *request_id, const GError *error)
{
  PbError code = error->domain == PB_ERROR ? (PbError) error->code
      : PB_ERROR_INTERNAL;
  guint status = pb_error_get_http_status (code);
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  char *text = pb_server_envelope_print (error, request_id);
  g_autoptr (PbServerReply) reply = pb_server_reply_new (status,
      "application/json", g_bytes_new_take (text, strlen (text)));

  if (status == 401)
    soup_message_headers_replace (headers, "WWW-Authenticate", "Bearer");
  if (status == 405) {
    g_autofree char *methods = pb_server_routes_list_methods (
        g_uri_get_path (soup_server_message_get_uri (msg)));

    soup_message_headers_replace (headers, "Allow", methods);
  }
  if (status == 429 || status == 503 || code == PB_ERROR_NOT_LIVE)
    soup_message_headers_replace (headers, "Retry-After",
        code == PB_ERROR_FULL ? "30" : "2");
  self->context->metrics.errors[MIN (status / 100, 5)]++;
  if (code == PB_ERROR_INTERNAL)
    g_warning ("request %s: %s", request_id, error->message);
  pb_server_send (msg, request_id, reply);
}

/* --- other sites' pages -------------------------------------------------- */

/**
 * pb_server_allow_any_origin: (skip)
 * @msg: what will be answered
 * @route: of it
 * @path: of its address
 *
 * Where a token is all that counts, and no cookie could stand in for it, a page
 * of any site may ask and read the answer.
 */
void
pb_server_allow_any_origin (SoupServerMessage *msg, const PbServerRoute *route,
    const char *path)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  g_autofree char *methods = NULL;

  soup_message_headers_replace (headers, "Access-Control-Allow-Origin", "*");
  soup_message_headers_replace (headers, "Access-Control-Expose-Headers",
      "Location, Link, ETag, Retry-After, X-Request-Id");
  if (!g_str_equal (route->method, "OPTIONS"))
    return;

  methods = pb_server_routes_list_methods (path);
  soup_message_headers_replace (headers, "Allow", methods);
  soup_message_headers_replace (headers, "Access-Control-Allow-Methods",
      methods);
  soup_message_headers_replace (headers, "Access-Control-Allow-Headers",
      "Authorization, Content-Type, If-Match");
  soup_message_headers_replace (headers, "Access-Control-Max-Age", "600");
  if (strstr (methods, "POST") != NULL)
    soup_message_headers_replace (headers, "Accept-Post", PB_SERVER_TYPE_SDP);
  if (strstr (methods, "PATCH") != NULL)
    soup_message_headers_replace (headers, "Accept-Patch",
        PB_SERVER_TYPE_FRAGMENT);
}

/* --- answers that take their time ---------------------------------------- */

typedef struct {
  PbServer *server;
  SoupServerMessage *msg;
  char *request_id;
  PbServerPending *pending;
  GSource *client; /* (nullable): tells when it goes */
} Waiting;

static void
resume (Waiting *self)
{
  if (self->client != NULL) {
    g_source_destroy (self->client);
    g_source_unref (self->client);
  }
  self->server->n_waiting--;
  soup_server_message_unpause (self->msg);
  pb_server_pending_unref (self->pending);
  g_object_unref (self->msg);
  g_free (self->request_id);
  g_free (self);
}

static void
on_settled (const PbServerReply *reply, const GError *error,
    gpointer user_data)
{
  Waiting *self = user_data;

  if (reply != NULL)
    pb_server_send (self->msg, self->request_id, reply);
  else
    pb_server_send_error (self->server, self->msg, self->request_id, error);
  resume (self);
}

/* libsoup still has to be told something, so that it lets go. */
static gboolean
on_client_gone (gpointer user_data)
{
  Waiting *self = user_data;

  pb_server_pending_abandon (self->pending);
  soup_server_message_set_status (self->msg, 503, NULL);
  resume (self);

  return G_SOURCE_REMOVE;
}

/**
 * pb_server_send_later: (skip)
 * @self: the server
 * @msg: what will be answered
 * @request_id: of the request
 * @pending: with what
 */
void
pb_server_send_later (PbServer *self, SoupServerMessage *msg,
    const char *request_id, PbServerPending *pending)
{
  Waiting *waiting = g_new0 (Waiting, 1);

  waiting->server = self;
  waiting->msg = g_object_ref (msg);
  waiting->request_id = g_strdup (request_id);
  waiting->pending = pb_server_pending_ref (pending);
  waiting->client = pb_server_gate_watch_client (msg, on_client_gone, waiting);
  self->n_waiting++;
  soup_server_message_pause (msg);
  pb_server_pending_wait (pending, on_settled, waiting);
}

