/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-server-private.h"

/* The one order in which a request is looked at: throttle, size, route, token
 * and scope, parse, handler, reply. This file and pb-server-answer.c alone see
 * HTTP. */

#define REQUEST_ID_LENGTH 16

static void
request_clear (PbServerRequest *request)
{
  g_free (request->route);
  g_free (request->name);
  g_free (request->stream);
  g_free (request->resource);
  g_free (request->token_id);
  g_free (request->client);
  g_free (request->match);
  g_free (request->id);
  g_free (request->address);
  g_clear_pointer (&request->query, g_hash_table_unref);
  g_clear_pointer (&request->token, pb_token_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PbServerRequest, request_clear)

static gboolean
fail (GError **error, PbError code, const char *message)
{
  g_set_error_literal (error, PB_ERROR, code, message);

  return FALSE;
}

/* --- who asks ------------------------------------------------------------ */

/* Whether somebody handed it on: what only this machine may see is not for
 * whoever asks a proxy of this machine, told about it or not. */
static gboolean
was_handed_on (SoupMessageHeaders *headers)
{
  static const char *const traces[] = { "X-Forwarded-For", "Forwarded",
    "X-Forwarded-Host", "X-Real-IP", "Via" };

  for (guint i = 0; i < G_N_ELEMENTS (traces); i++)
    if (soup_message_headers_get_list (headers, traces[i]) != NULL)
      return TRUE;

  return FALSE;
}

/* Behind a proxy of this machine, the last address it wrote down is the one
 * it saw itself; what stands before came from the client. */
static void
read_address (PbServer *self, SoupServerMessage *msg, PbServerRequest *request)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (msg);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  const char *forwarded =
      soup_message_headers_get_list (headers, "X-Forwarded-For");
  GInetAddress *inet = G_IS_INET_SOCKET_ADDRESS (remote)
      ? g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote))
      : NULL;
  gboolean is_loopback =
      inet != NULL && g_inet_address_get_is_loopback (inet);

  request->is_local = is_loopback && !was_handed_on (headers);
  if (self->config->behind_proxy && is_loopback && forwarded != NULL) {
    const char *comma = strrchr (forwarded, ',');
    g_autofree char *last =
        g_strstrip (g_strdup (comma != NULL ? comma + 1 : forwarded));
    g_autoptr (GInetAddress) parsed = g_inet_address_new_from_string (last);

    if (parsed != NULL) {
      request->address = g_inet_address_to_string (parsed);
      return;
    }
  }
  request->address =
      inet != NULL ? g_inet_address_to_string (inet) : g_strdup ("0.0.0.0");
}

/* What the client calls itself, as far as people can read it. */
static char *
read_client (SoupMessageHeaders *headers)
{
  const char *agent = soup_message_headers_get_one (headers, "User-Agent");
  g_autofree char *text = NULL;

  if (agent == NULL)
    return NULL;
  text = g_strndup (agent, PB_CLIENT_MAX);
  for (char *c = text; *c != '\0'; c++)
    if (!g_ascii_isprint (*c))
      *c = '?';
  g_strstrip (text);

  return *text != '\0' ? g_steal_pointer (&text) : NULL;
}

/* --- the query ----------------------------------------------------------- */

static gboolean
read_query (SoupServerMessage *msg, const PbServerRoute *route,
    PbServerRequest *request, GError **error)
{
  const char *text = g_uri_get_query (soup_server_message_get_uri (msg));
  GUriParamsIter iter;
  g_autoptr (GError) inner = NULL;
  char *key;
  char *value;

  request->query =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (text == NULL)
    return TRUE;
  g_uri_params_iter_init (&iter, text, -1, "&", G_URI_PARAMS_WWW_FORM);
  while (g_uri_params_iter_next (&iter, &key, &value, &inner)) {
    g_autofree char *padded = g_strconcat (" ", key, " ", NULL);
    gboolean known = (route->flags & PB_SERVER_ROUTE_ANY_QUERY) != 0 ||
        (g_str_equal (key, "t") && (route->flags & PB_SERVER_ROUTE_OPEN) == 0)
        || strstr (route->query, padded) != NULL;

    if (!known || !g_utf8_validate (value, -1, NULL)) {
      g_free (key);
      g_free (value);
      return fail (error, PB_ERROR_INVALID,
          "The address has a parameter that this request does not take.");
    }
    if (!g_hash_table_replace (request->query, key, value))
      return fail (error, PB_ERROR_INVALID,
          "The address has the same parameter twice.");
  }
  if (inner != NULL && (route->flags & PB_SERVER_ROUTE_ANY_QUERY) == 0)
    return fail (error, PB_ERROR_INVALID, "The address is not well formed.");

  return TRUE;
}

/* --- the token ----------------------------------------------------------- */

/* `Sec-WebSocket-Protocol: patchbay.v1, p_…`: how a browser shows it. Returns
 * how many there are. */
static guint
find_in_protocols (const char *protocols, char **out)
{
  g_auto (GStrv) parts = NULL;
  guint n = 0;

  if (protocols == NULL)
    return 0;
  parts = g_strsplit (protocols, ",", -1);
  for (guint i = 0; parts[i] != NULL; i++) {
    const char *part = g_strstrip (parts[i]);

    if (g_str_has_prefix (part, "p_") && n++ == 0)
      *out = g_strdup (part);
  }

  return n;
}

/* Where the token stands; in more than one place it is refused, so that no
 * two readers of a request can disagree on whose it is. */
static gboolean
find_token (SoupServerMessage *msg, const PbServerRoute *route,
    const PbServerRequest *request, char **out, gboolean *in_header,
    GError **error)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  const char *bearer = soup_message_headers_get_list (headers,
      "Authorization");
  const char *parameter = pb_server_request_get (request, "t");
  g_autofree char *protocol = NULL;
  guint n = (bearer != NULL) + (parameter != NULL);

  if ((route->flags & PB_SERVER_ROUTE_WEBSOCKET) != 0)
    n += find_in_protocols (soup_message_headers_get_list (headers,
            "Sec-WebSocket-Protocol"), &protocol);
  if (n > 1)
    return fail (error, PB_ERROR_INVALID,
        "The token is shown in more than one place.");

  *in_header = bearer != NULL || protocol != NULL;
  if (bearer != NULL) {
    if (g_ascii_strncasecmp (bearer, "Bearer ", 7) != 0)
      return fail (error, PB_ERROR_TOKEN_INVALID, "not a bearer token");
    *out = g_strdup (bearer + 7);
  } else if (protocol != NULL) {
    *out = g_steal_pointer (&protocol);
  } else if (parameter != NULL) {
    *out = g_strdup (parameter);
  } else if ((route->flags & PB_SERVER_ROUTE_MAY_TOKEN) == 0) {
    return fail (error, PB_ERROR_TOKEN_MISSING, "no token");
  }

  return TRUE;
}

/* Our own pages, by each name under which they are opened. */
static gboolean
is_own_origin (PbServer *self, const char *origin)
{
  g_autoptr (GUri) uri =
      g_uri_parse (self->public_url, G_URI_FLAGS_NONE, NULL);
  g_autofree char *public_origin = NULL;
  g_autofree char *local = NULL;

  if (g_str_equal (origin, self->address) ||
      g_strv_contains ((const char *const *) self->config->origins, origin))
    return TRUE;
  if (uri != NULL)
    public_origin = g_uri_join (G_URI_FLAGS_NONE, g_uri_get_scheme (uri),
        NULL, g_uri_get_host (uri), g_uri_get_port (uri), "", NULL, NULL);
  if (pb_server_config_is_loopback (self->config))
    local = g_strconcat ("http://localhost", strrchr (self->address, ':'),
        NULL);

  return g_strcmp0 (origin, public_origin) == 0 ||
      g_strcmp0 (origin, local) == 0;
}

/* A page of another site must not reach a server on somebody's own machine or
 * network through that somebody's browser. */
static gboolean
check_origin (PbServer *self, SoupServerMessage *msg,
    const PbServerRoute *route, gboolean token_in_header, GError **error)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  const char *origin = soup_message_headers_get_list (headers, "Origin");

  if (origin == NULL) {
    if ((route->flags & PB_SERVER_ROUTE_WEBSOCKET) == 0 || token_in_header)
      return TRUE;
    return fail (error, PB_ERROR_DENIED, "no Origin, no token in a header");
  }
  if ((route->flags & PB_SERVER_ROUTE_ANY_ORIGIN) != 0 ||
      is_own_origin (self, origin))
    return TRUE;

  return fail (error, PB_ERROR_DENIED, "foreign Origin");
}

static gboolean
check_token (PbServer *self, SoupServerMessage *msg,
    const PbServerRoute *route, PbServerRequest *request, GError **error)
{
  g_autoptr (PbToken) claims = NULL;
  char *text = NULL;
  gboolean in_header = FALSE;
  const char *name;

  if ((route->flags & PB_SERVER_ROUTE_OPEN) != 0)
    return TRUE;
  if (!find_token (msg, route, request, &text, &in_header, error))
    return FALSE;
  if (!check_origin (self, msg, route, in_header, error)) {
    pb_secret_free (text);
    return FALSE;
  }
  if (text == NULL)
    return TRUE;
  claims = pb_keyring_read (self->context->keyring, text,
      pb_server_context_unix (self->context), error);
  pb_secret_free (text);
  if (claims == NULL)
    return FALSE;
  request->token = pb_server_registry_admit (self->registry, claims, error);
  if (request->token == NULL)
    return FALSE;
  name = request->name != NULL ? request->name
      : pb_token_get_session (request->token);

  return pb_permit (request->token, route->action, name, request->stream,
      error);
}

/* --- the body ------------------------------------------------------------ */

/* What a body must say that it is, where it may not be left out. */
static const char *
get_body_type (const PbServerRoute *route)
{
  if ((route->flags & PB_SERVER_ROUTE_SDP) != 0)
    return PB_SERVER_TYPE_SDP;
  if ((route->flags & PB_SERVER_ROUTE_FRAGMENT) != 0)
    return PB_SERVER_TYPE_FRAGMENT;

  return NULL;
}

static gboolean
check_body (SoupServerMessage *msg, const PbServerRoute *route,
    PbServerRequest *request, GError **error)
{
  const char *wanted = get_body_type (route);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  SoupMessageBody *body = soup_server_message_get_request_body (msg);
  const char *type = soup_message_headers_get_content_type (headers, NULL);

  if (body->length > PB_HTTP_BODY_MAX)
    return fail (error, PB_ERROR_TOO_LARGE, "A body has 65536 octets.");
  request->body = body->data != NULL ? body->data : "";
  request->body_length = (gsize) body->length;
  if (wanted != NULL) {
    if (type == NULL || g_ascii_strcasecmp (type, wanted) != 0)
      return fail (error, PB_ERROR_MEDIA_TYPE, "not SDP");
    if (request->body_length > PB_SDP_MAX)
      return fail (error, PB_ERROR_TOO_LARGE, "A body of SDP has 32768 octets.");
    return TRUE;
  }
  /* also keeps out what a browser sends to strangers without asking them */
  if (request->body_length > 0 && (type == NULL ||
          g_ascii_strcasecmp (type, "application/json") != 0))
    return fail (error, PB_ERROR_INVALID,
        "The body must be “Content-Type: application/json”.");

  return TRUE;
}

/* --- refusals ------------------------------------------------------------ */

static void
log_refused (PbServer *self, const PbServerRequest *request,
    const GError *error)
{
  PbServerAuditEvent event;

  if (g_error_matches (error, PB_ERROR, PB_ERROR_TOKEN_MISSING) ||
      g_error_matches (error, PB_ERROR, PB_ERROR_TOKEN_INVALID) ||
      g_error_matches (error, PB_ERROR, PB_ERROR_TOKEN_EXPIRED) ||
      g_error_matches (error, PB_ERROR, PB_ERROR_TOKEN_REVOKED)) {
    event = PB_SERVER_AUDIT_AUTH_FAILED;
    self->context->metrics.auth_failures++;
  } else if (g_error_matches (error, PB_ERROR, PB_ERROR_DENIED)) {
    event = PB_SERVER_AUDIT_PERMISSION_DENIED;
  } else if (g_error_matches (error, PB_ERROR, PB_ERROR_RATE)) {
    event = PB_SERVER_AUDIT_RATE_LIMITED;
  } else {
    return;
  }
  pb_server_audit_log (self->context->audit, event, request->name,
      request->address, request->id, "endpoint", request->route,
      "reason", pb_error_get_reason ((PbError) error->code),
      "token", request->token != NULL
          ? pb_token_get_id (request->token) : NULL, NULL);
}

/* --- the order ----------------------------------------------------------- */

static gboolean
upgrade (PbServer *self, SoupServerMessage *msg,
    const PbServerRequest *request, GError **error)
{
  static const char *const protocols[] = { "patchbay.v1", NULL };
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  PbServerConn *connection;
  PbServerLink *link;

  if (session == NULL)
    return FALSE;
  connection = pb_server_ws_upgrade (self->ws, msg, protocols, error);
  if (connection == NULL)
    return FALSE;
  link = pb_server_link_new (self->context, session, request->token,
      request->address, connection);
  /* freed by pb_server_link_closed(), which the set's `closed` calls */
  pb_server_conn_set_data (connection, link, NULL);

  return TRUE;
}

static gboolean
serve (PbServer *self, SoupServerMessage *msg, const char *path,
    PbServerRequest *request, PbServerReply **reply, GError **error)
{
  const PbServerRoute *route;
  g_autofree char *known = NULL;

  /* the throttle of requirement S26 belongs here, before any lookup */
  if (self->is_stopping)
    return fail (error, PB_ERROR_UNAVAILABLE, "stopping");
  route = pb_server_routes_find (soup_server_message_get_method (msg), path,
      request, error);
  if (route == NULL)
    return FALSE;
  request->route = g_strconcat (route->method, " ", route->path, NULL);
  if ((route->flags & PB_SERVER_ROUTE_ANY_ORIGIN) != 0)
    pb_server_allow_any_origin (msg, route, path);
  if (!read_query (msg, route, request, error) ||
      !check_token (self, msg, route, request, error))
    return FALSE;
  if ((route->flags & PB_SERVER_ROUTE_WEBSOCKET) != 0)
    return upgrade (self, msg, request, error);
  if (!check_body (msg, route, request, error))
    return FALSE;
  *reply = route->handle (self, request, error);
  if (*reply == NULL)
    return FALSE;
  if (route->handle != NULL && g_str_equal (path, "/api/health")) {
    SoupMessageHeaders *headers =
        soup_server_message_get_response_headers (msg);

    soup_message_headers_replace (headers, "Punch-Version", "1.0");
    soup_message_headers_replace (headers, "Patchbay-Version",
        PACKAGE_VERSION);
  }

  return TRUE;
}

/**
 * pb_server_dispatch: (skip)
 * @self: the server
 * @msg: a request that has been read whole
 * @path: of its address
 */
void
pb_server_dispatch (PbServer *self, SoupServerMessage *msg, const char *path)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  g_auto (PbServerRequest) request = { NULL };
  g_autoptr (PbServerReply) reply = NULL;
  g_autoptr (GError) error = NULL;

  self->context->metrics.requests++;
  request.id = pb_random_id (REQUEST_ID_LENGTH);
  read_address (self, msg, &request);
  request.client = read_client (headers);
  request.match =
      g_strdup (soup_message_headers_get_list (headers, "If-Match"));
  if (!serve (self, msg, path, &request, &reply, &error)) {
    log_refused (self, &request, error);
    pb_server_send_error (self, msg, request.id, error);
  } else if (reply != NULL && reply->pending != NULL) {
    pb_server_send_later (self, msg, request.id, reply->pending);
  } else if (reply != NULL) {
    pb_server_send (msg, request.id, reply);
  }
}
