/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-server-connect.h"
#include "pb-server-private.h"
#include "pb-server-qr.h"

/* What a QR code on a screen is good for: requirement S25 */
#define QR_TTL_S 900

static PbServerReply *
fail (GError **error, PbError code, const char *message)
{
  g_set_error_literal (error, PB_ERROR, code, message);

  return NULL;
}

static PbServerReply *
handle_health (PbServer *self, const PbServerRequest *request, GError **error)
{
  JsonObject *object = json_object_new ();
  gint64 now = pb_server_context_now_us (self->context);

  json_object_set_string_member (object, "status", "ok");
  json_object_set_string_member (object, "version", PACKAGE_VERSION);
  json_object_set_string_member (object, "protocol", "1.0");
  json_object_set_int_member (object, "uptime",
      (now - self->started_us) / G_USEC_PER_SEC);
  json_object_set_int_member (object, "sessions",
      pb_server_registry_count (self->registry));
  json_object_set_int_member (object, "peers", self->context->metrics.peers);
  if (self->context->stun_port != 0) {
    JsonObject *stun = json_object_new ();

    json_object_set_int_member (stun, "port", self->context->stun_port);
    json_object_set_object_member (object, "stun", stun);
  }

  return pb_server_reply_new_json (200, object);
}

/* Keeps its id, so that closing the session revokes it, and signs it. */
static char *
give_token (PbServer *self, PbServerSession *session, PbToken *token,
    GError **error)
{
  if (!pb_server_session_remember_token (session, token, error))
    return NULL;

  return pb_keyring_sign (self->context->keyring, token);
}

static char **
read_streams (JsonObject *body)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  JsonArray *array = NULL;

  if (json_object_has_member (body, "streams") &&
      !json_object_get_null_member (body, "streams"))
    array = json_object_get_array_member (body, "streams");
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    g_ptr_array_add (names,
        g_strdup (json_array_get_string_element (array, i)));
  if (array == NULL)
    g_ptr_array_add (names, g_strdup ("main"));
  g_ptr_array_add (names, NULL);

  return (char **) g_ptr_array_steal (names, NULL);
}

static gboolean
has (JsonObject *body, const char *member)
{
  return json_object_has_member (body, member) &&
      !json_object_get_null_member (body, member);
}

static JsonObject *
describe_new_session (PbServer *self, PbServerSession *session,
    const char *token)
{
  const char *const *names = pb_session_get_streams (session->core);
  const char *name = pb_session_get_name (session->core);
  g_autofree char *url = g_strconcat (self->public_url, "/s/", name, NULL);
  g_autofree char *qr = g_strconcat (url, "/qr", NULL);
  g_autofree char *created =
      pb_server_format_time (pb_session_get_created (session->core));
  JsonObject *object = json_object_new ();
  JsonArray *streams = json_array_new ();

  for (guint i = 0; names[i] != NULL; i++)
    json_array_add_string_element (streams, names[i]);
  json_object_set_string_member (object, "session", name);
  json_object_set_string_member (object, "token", token);
  json_object_set_string_member (object, "url", url);
  json_object_set_string_member (object, "qr", qr);
  json_object_set_array_member (object, "streams", streams);
  json_object_set_int_member (object, "latency",
      pb_session_get_latency (session->core));
  json_object_set_int_member (object, "ttl", pb_session_get_ttl (session->core));
  json_object_set_string_member (object, "cipher",
      pb_cipher_get_name (pb_session_get_cipher (session->core)));
  json_object_set_string_member (object, "state",
      pb_state_get_name (pb_session_get_state (session->core)));
  json_object_set_string_member (object, "created", created);
  json_object_set_int_member (object, "expires",
      pb_session_get_expires (session->core));

  return object;
}

static PbServerReply *
handle_create (PbServer *self, const PbServerRequest *request, GError **error)
{
  g_autoptr (JsonObject) body = pb_body_parse (PB_BODY_SESSION_CREATE,
      request->body, (gssize) request->body_length, error);
  g_auto (GStrv) streams = NULL;
  g_autoptr (PbToken) token = NULL;
  PbCipher cipher = PB_CIPHER_AES_256;
  guint latency = PB_LATENCY_DEFAULT;
  guint ttl = MIN (PB_TTL_DEFAULT, self->context->limits.ttl_max_s);
  PbServerSession *session;
  PbServerReply *reply;
  char *text;

  if (body == NULL)
    return NULL;
  streams = read_streams (body);
  if (has (body, "latency"))
    latency = (guint) json_object_get_int_member (body, "latency");
  if (has (body, "ttl"))
    ttl = (guint) json_object_get_int_member (body, "ttl");
  if (has (body, "cipher") && !pb_cipher_from_name (
          json_object_get_string_member (body, "cipher"), &cipher))
    return fail (error, PB_ERROR_INVALID, "“cipher” is not one.");
  session = pb_server_registry_create (self->registry,
      json_object_get_string_member (body, "name"),
      (const char *const *) streams, latency, ttl, cipher, error);
  if (session == NULL)
    return NULL;

  token = pb_token_new (pb_session_get_name (session->core), PB_ROLE_ADMIN,
      NULL, PB_DIRECTION_NONE, pb_session_get_expires (session->core));
  text = give_token (self, session, token, error);
  if (text == NULL)
    return NULL;
  reply = pb_server_reply_new_json (201,
      describe_new_session (self, session, text));
  pb_secret_free (text);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SESSION_CREATED,
      pb_session_get_name (session->core), request->address, request->id,
      "token", pb_token_get_id (token), NULL);

  return reply;
}

static PbServerReply *
handle_read (PbServer *self, const PbServerRequest *request, GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);

  if (session == NULL)
    return NULL;

  return pb_server_reply_new_json (200, pb_server_session_describe (session,
      pb_token_get_stream (request->token)));
}

static PbServerReply *
handle_close (PbServer *self, const PbServerRequest *request, GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);

  if (session == NULL)
    return NULL;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SESSION_CLOSED,
      request->name, request->address, request->id,
      "token", pb_token_get_id (request->token), NULL);
  pb_server_registry_close (self->registry, session, "session-closed", FALSE,
      4001);

  return pb_server_reply_new (204, NULL, NULL);
}

/* A peer token as asked for, never wider or longer than what was shown. */
static PbToken *
make_peer_token (PbServer *self, const PbServerRequest *request,
    PbServerSession *session, const char *stream, PbDirection direction,
    gint64 ttl, GError **error)
{
  gint64 now = pb_server_context_unix (self->context);
  gint64 expires = MIN (pb_token_get_expires (request->token),
      pb_session_get_expires (session->core));

  if (!pb_permit (request->token, PB_ACTION_TOKEN_MINT, request->name, stream,
          error))
    return NULL;
  if (stream != NULL &&
      pb_server_session_get_slot (session, stream, error) == NULL)
    return NULL;
  if (stream == NULL && direction == PB_DIRECTION_SEND) {
    fail (error, PB_ERROR_INVALID,
        "A token for the whole session cannot send: name a “stream”.");
    return NULL;
  }
  if (ttl > 0)
    expires = MIN (expires, now + ttl);

  return pb_token_new (request->name, PB_ROLE_PEER, stream, direction,
      expires);
}

static char *
make_page_url (PbServer *self, const char *name, const char *token)
{
  return g_strconcat (self->public_url, "/s/", name, "#t=", token, NULL);
}

static void
log_minted (PbServer *self, const PbServerRequest *request, PbToken *token,
    PbDirection direction)
{
  self->context->metrics.tokens_minted++;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_TOKEN_MINTED,
      pb_token_get_id (token), request->address, request->id,
      "session", request->name, "stream", pb_token_get_stream (token),
      "direction", direction != PB_DIRECTION_NONE
          ? pb_direction_get_name (direction) : NULL,
      "by", pb_token_get_id (request->token), NULL);
}

static PbServerReply *
handle_mint (PbServer *self, const PbServerRequest *request, GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  g_autoptr (JsonObject) body = NULL;
  g_autoptr (PbToken) token = NULL;
  const char *stream = NULL;
  PbDirection direction = PB_DIRECTION_NONE;
  gint64 ttl = 0;
  char *text;
  char *url;
  JsonObject *object;

  if (session == NULL)
    return NULL;
  body = pb_body_parse (PB_BODY_TOKEN_MINT, request->body,
      (gssize) request->body_length, error);
  if (body == NULL)
    return NULL;
  if (has (body, "stream"))
    stream = json_object_get_string_member (body, "stream");
  if (has (body, "direction") && !pb_direction_from_name (
          json_object_get_string_member (body, "direction"), &direction))
    return fail (error, PB_ERROR_INVALID, "“direction” is not one.");
  if (has (body, "ttl"))
    ttl = json_object_get_int_member (body, "ttl");
  token = make_peer_token (self, request, session, stream, direction, ttl,
      error);
  if (token == NULL)
    return NULL;
  text = give_token (self, session, token, error);
  if (text == NULL)
    return NULL;

  url = make_page_url (self, request->name, text);
  object = json_object_new ();
  json_object_set_string_member (object, "token", text);
  json_object_set_string_member (object, "id", pb_token_get_id (token));
  json_object_set_string_member (object, "session", request->name);
  json_object_set_string_member (object, "role", "peer");
  if (stream != NULL)
    json_object_set_string_member (object, "stream", stream);
  else
    json_object_set_null_member (object, "stream");
  if (direction != PB_DIRECTION_NONE)
    json_object_set_string_member (object, "direction",
        pb_direction_get_name (direction));
  else
    json_object_set_null_member (object, "direction");
  json_object_set_int_member (object, "expires",
      pb_token_get_expires (token));
  json_object_set_string_member (object, "url", url);
  pb_secret_free (text);
  pb_secret_free (url);
  log_minted (self, request, token, direction);

  return pb_server_reply_new_json (201, object);
}

typedef struct {
  PbServer *server;
  const PbServerRequest *request;
  PbServerSession *session;
} Connecting;

/* One for each end of a slot, for as long as the admin's own: the same again
 * for who asks again. */
static char *
give_slot_token (PbServerSlot *slot, PbDirection direction,
    gpointer user_data)
{
  Connecting *self = user_data;
  PbToken **token = direction == PB_DIRECTION_SEND ? &slot->send_token
      : &slot->receive_token;
  g_autoptr (PbToken) fresh = NULL;

  if (*token != NULL && pb_token_get_expires (*token) <=
      pb_token_get_expires (self->request->token))
    return pb_keyring_sign (self->server->context->keyring, *token);

  fresh = make_peer_token (self->server, self->request, self->session,
      slot->name, direction, 0, NULL);
  if (fresh == NULL || !pb_server_session_remember_token (self->session, fresh,
          NULL))
    return NULL;
  log_minted (self->server, self->request, fresh, direction);
  g_clear_pointer (token, pb_token_unref);
  *token = g_steal_pointer (&fresh);

  return pb_keyring_sign (self->server->context->keyring, *token);
}

static PbServerReply *
handle_connect (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  const char *stream = pb_server_request_get (request, "stream");
  Connecting connecting = { self, request, session };

  if (session == NULL)
    return NULL;
  if (stream != NULL && !pb_name_is_valid (stream))
    return fail (error, PB_ERROR_INVALID, "“stream” is not a name.");
  if (stream != NULL &&
      pb_server_session_get_slot (session, stream, error) == NULL)
    return NULL;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_CONNECT_READ,
      request->name, request->address, request->id, "stream", stream,
      "token", pb_token_get_id (request->token), NULL);

  return pb_server_reply_new_json (200,
      pb_server_connect_describe (session, stream, self->public_url,
          give_slot_token, &connecting));
}

/* ?format=…&stream=…&direction=…&ttl=… */
static gboolean
read_qr_query (const PbServerRequest *request, PbServerQrFormat *format,
    PbDirection *direction, gint64 *ttl, GError **error)
{
  const char *text = pb_server_request_get (request, "format");
  guint64 number;

  *format = PB_SERVER_QR_SVG;
  if (text != NULL && !pb_server_qr_format_from_name (text, format)) {
    fail (error, PB_ERROR_INVALID, "“format” is svg, png or text.");
    return FALSE;
  }
  text = pb_server_request_get (request, "stream");
  *direction = text != NULL ? PB_DIRECTION_SEND : PB_DIRECTION_OBSERVE;
  if (text != NULL && !pb_name_is_valid (text)) {
    fail (error, PB_ERROR_INVALID, "“stream” is not a name.");
    return FALSE;
  }
  text = pb_server_request_get (request, "direction");
  if (text != NULL && !pb_direction_from_name (text, direction)) {
    fail (error, PB_ERROR_INVALID, "“direction” is not one.");
    return FALSE;
  }
  text = pb_server_request_get (request, "ttl");
  *ttl = QR_TTL_S;
  if (text != NULL) {
    if (!g_ascii_string_to_unsigned (text, 10, PB_TTL_MIN, PB_TTL_MAX, &number,
            NULL)) {
      fail (error, PB_ERROR_INVALID, "“ttl” is a number of seconds.");
      return FALSE;
    }
    *ttl = (gint64) number;
  }

  return TRUE;
}

static PbServerReply *
handle_qr (PbServer *self, const PbServerRequest *request, GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  const char *stream = pb_server_request_get (request, "stream");
  g_autoptr (PbToken) token = NULL;
  PbServerQrFormat format;
  PbDirection direction;
  gint64 ttl;
  char *text;
  char *url;
  GBytes *picture;

  if (session == NULL ||
      !read_qr_query (request, &format, &direction, &ttl, error))
    return NULL;
  token = make_peer_token (self, request, session, stream, direction, ttl,
      error);
  if (token == NULL)
    return NULL;
  text = give_token (self, session, token, error);
  if (text == NULL)
    return NULL;
  url = make_page_url (self, request->name, text);
  picture = pb_server_qr_draw (url, format, error);
  pb_secret_free (text);
  pb_secret_free (url);
  if (picture == NULL)
    return NULL;
  log_minted (self, request, token, direction);

  return pb_server_reply_new (200, pb_server_qr_format_get_type (format),
      picture);
}

static PbServerReply *
handle_metrics (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerMetrics *metrics = &self->context->metrics;
  char *text;

  if (!request->is_local && !self->config->metrics_anywhere)
    return fail (error, PB_ERROR_DENIED, "metrics are for this machine");
  pb_server_registry_measure (self->registry, metrics);
  if (self->stun != NULL)
    metrics->stun_requests = pb_server_stun_get_stats (self->stun)->n_answered;
  metrics->uptime_s =
      (pb_server_context_now_us (self->context) - self->started_us) /
      G_USEC_PER_SEC;
  text = pb_server_metrics_print (metrics);

  return pb_server_reply_new (200, "text/plain; version=0.0.4; charset=utf-8",
      g_bytes_new_take (text, strlen (text)));
}

/* clang-format off */
#define OPEN PB_SERVER_ROUTE_OPEN
#define MAY_TOKEN PB_SERVER_ROUTE_MAY_TOKEN
#define WEBSOCKET PB_SERVER_ROUTE_WEBSOCKET
#define ANY_QUERY PB_SERVER_ROUTE_ANY_QUERY
#define CORS PB_SERVER_ROUTE_ANY_ORIGIN
#define SDP PB_SERVER_ROUTE_SDP
#define FRAGMENT PB_SERVER_ROUTE_FRAGMENT
#define WHIP "/whip/{name}/{stream}"
#define WHEP "/whep/{name}/{stream}"
#define RESOURCE "/{resource}"
static const PbServerRoute routes[] = {
  { "GET", "/api/health", OPEN | ANY_QUERY, 0, handle_health, "" },
  { "HEAD", "/api/health", OPEN | ANY_QUERY, 0, handle_health, "" },
  { "POST", "/api/session", MAY_TOKEN, PB_ACTION_SESSION_CREATE, handle_create, "" },
  { "GET", "/api/session/{name}", 0, PB_ACTION_SESSION_READ, handle_read, "" },
  { "DELETE", "/api/session/{name}", 0, PB_ACTION_SESSION_CLOSE, handle_close, "" },
  { "POST", "/api/session/{name}/token", 0, PB_ACTION_TOKEN_MINT, handle_mint, "" },
  { "GET", "/api/session/{name}/connect", 0, PB_ACTION_CONNECT_READ, handle_connect, " stream " },
  { "GET", "/api/ws/{name}", WEBSOCKET, PB_ACTION_SESSION_READ, NULL, "" },
  { "GET", "/s/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_page, "" },
  { "HEAD", "/s/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_page, "" },
  { "GET", "/s/{name}/qr", 0, PB_ACTION_TOKEN_MINT, handle_qr, " format stream direction ttl " },
  { "POST", WHIP, CORS | SDP, PB_ACTION_SEND, pb_server_handle_whip, "" },
  { "GET", WHIP, CORS, PB_ACTION_SEND, pb_server_handle_whip_get, "" },
  { "HEAD", WHIP, CORS, PB_ACTION_SEND, pb_server_handle_whip_get, "" },
  { "OPTIONS", WHIP, CORS | OPEN | ANY_QUERY, 0, pb_server_handle_options, "" },
  { "PATCH", WHIP RESOURCE, CORS | FRAGMENT, PB_ACTION_SEND, pb_server_handle_whip_patch, "" },
  { "DELETE", WHIP RESOURCE, CORS, PB_ACTION_SEND, pb_server_handle_whip_delete, "" },
  { "GET", WHIP RESOURCE, CORS, PB_ACTION_SEND, pb_server_handle_whip_get, "" },
  { "HEAD", WHIP RESOURCE, CORS, PB_ACTION_SEND, pb_server_handle_whip_get, "" },
  { "OPTIONS", WHIP RESOURCE, CORS | OPEN | ANY_QUERY, 0, pb_server_handle_options, "" },
  { "POST", WHEP, CORS | SDP, PB_ACTION_RECEIVE, pb_server_handle_whep, "" },
  { "GET", WHEP, CORS, PB_ACTION_RECEIVE, pb_server_handle_whip_get, "" },
  { "HEAD", WHEP, CORS, PB_ACTION_RECEIVE, pb_server_handle_whep_head, "" },
  { "OPTIONS", WHEP, CORS | OPEN | ANY_QUERY, 0, pb_server_handle_options, "" },
  { "PATCH", WHEP RESOURCE, CORS | FRAGMENT, PB_ACTION_RECEIVE, pb_server_handle_whip_patch, "" },
  { "DELETE", WHEP RESOURCE, CORS, PB_ACTION_RECEIVE, pb_server_handle_whip_delete, "" },
  { "GET", WHEP RESOURCE, CORS, PB_ACTION_RECEIVE, pb_server_handle_whip_get, "" },
  { "HEAD", WHEP RESOURCE, CORS, PB_ACTION_RECEIVE, pb_server_handle_whip_get, "" },
  { "OPTIONS", WHEP RESOURCE, CORS | OPEN | ANY_QUERY, 0, pb_server_handle_options, "" },
  { "GET", "/metrics", OPEN, 0, handle_metrics, "" },
  { "GET", "/", OPEN | ANY_QUERY, 0, pb_server_handle_home, "" },
  { "HEAD", "/", OPEN | ANY_QUERY, 0, pb_server_handle_home, "" },
  { "GET", "/web/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_asset, "" },
  { "HEAD", "/web/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_asset, "" },
  { "GET", "/docs", OPEN | ANY_QUERY, 0, pb_server_handle_docs, "" },
  { "HEAD", "/docs", OPEN | ANY_QUERY, 0, pb_server_handle_docs, "" },
  { "GET", "/docs/", OPEN | ANY_QUERY, 0, pb_server_handle_docs, "" },
  { "HEAD", "/docs/", OPEN | ANY_QUERY, 0, pb_server_handle_docs, "" },
  { "GET", "/docs/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_docs, "" },
  { "HEAD", "/docs/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_docs, "" },
};
/* clang-format on */

/* A hole takes one segment, which must be valid; it is kept in @request. */
static gboolean
fill_hole (const char *hole, gsize n_hole, const char *segment, gsize n,
    PbServerRequest *request)
{
  g_autofree char *text = g_strndup (segment, n);

  if (n_hole == strlen ("{resource}")) {
    if (n != PB_WHIP_RESOURCE_LENGTH || !pb_peer_id_is_valid (text))
      return FALSE;
    request->resource = g_steal_pointer (&text);
    return TRUE;
  }
  if (!pb_name_is_valid (text))
    return FALSE;
  if (strncmp (hole, "{name}", n_hole) == 0)
    request->name = g_steal_pointer (&text);
  else
    request->stream = g_steal_pointer (&text);

  return TRUE;
}

static void
clear_holes (PbServerRequest *request)
{
  g_clear_pointer (&request->name, g_free);
  g_clear_pointer (&request->stream, g_free);
  g_clear_pointer (&request->resource, g_free);
}

/* Segment by segment, each from its slash; nothing is copied before the
 * first hole. */
static gboolean
matches (const char *pattern, const char *path, PbServerRequest *request)
{
  while (*pattern == '/' && *path == '/') {
    gsize n_pattern = strcspn (pattern + 1, "/");
    gsize n_path = strcspn (path + 1, "/");

    if (pattern[1] != '{') {
      if (n_pattern != n_path ||
          strncmp (pattern + 1, path + 1, n_path) != 0)
        break;
    } else if (!fill_hole (pattern + 1, n_pattern, path + 1, n_path,
            request)) {
      break;
    }
    pattern += n_pattern + 1;
    path += n_path + 1;
  }
  if (*pattern == '\0' && *path == '\0')
    return TRUE;
  clear_holes (request);

  return FALSE;
}

/**
 * pb_server_routes_find: (skip)
 * @method: of the request
 * @path: of the request, as it came
 * @request: (inout): its `name`, `stream` and `resource` are filled in
 * @error: PB_ERROR_NOT_FOUND or PB_ERROR_METHOD
 *
 * Returns: (nullable): the line of the table
 */
const PbServerRoute *
pb_server_routes_find (const char *method, const char *path,
    PbServerRequest *request, GError **error)
{
  PbError code = PB_ERROR_NOT_FOUND;

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    if (!matches (routes[i].path, path, request))
      continue;
    if (g_str_equal (routes[i].method, method))
      return &routes[i];
    clear_holes (request);
    code = PB_ERROR_METHOD;
  }
  g_set_error_literal (error, PB_ERROR, code, "no such route");

  return NULL;
}

/**
 * pb_server_routes_list_methods: (skip)
 * @path: of a request, as it came
 *
 * Returns: (transfer full) (nullable): what it takes, for people and programs
 */
char *
pb_server_routes_list_methods (const char *path)
{
  g_autoptr (GString) list = g_string_new (NULL);
  PbServerRequest request = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    if (!matches (routes[i].path, path, &request))
      continue;
    clear_holes (&request);
    g_string_append_printf (list, "%s%s", list->len > 0 ? ", " : "",
        routes[i].method);
  }
  if (list->len == 0)
    return NULL;

  return g_string_free (g_steal_pointer (&list), FALSE);
}
