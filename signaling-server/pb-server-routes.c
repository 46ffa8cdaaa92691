/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "pb-server-private.h"

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
  json_object_set_boolean_member (object, "create",
      pb_server_may_create (self, request));
  if (self->context->stun_port != 0) {
    JsonObject *stun = json_object_new ();

    json_object_set_int_member (stun, "port", self->context->stun_port);
    json_object_set_object_member (object, "stun", stun);
  }

  return pb_server_reply_new_json (200, object);
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
  { "POST", "/api/session", MAY_TOKEN, PB_ACTION_SESSION_CREATE, pb_server_handle_session_create, "" },
  { "GET", "/api/session/{name}", 0, PB_ACTION_SESSION_READ, pb_server_handle_session_read, "" },
  { "PATCH", "/api/session/{name}", 0, PB_ACTION_SESSION_EXTEND, pb_server_handle_session_extend, "" },
  { "DELETE", "/api/session/{name}", 0, PB_ACTION_SESSION_CLOSE, pb_server_handle_session_close, "" },
  { "POST", "/api/session/{name}/stream", 0, PB_ACTION_STREAM_ADD, pb_server_handle_stream_add, "" },
  { "POST", "/api/session/{name}/token", 0, PB_ACTION_TOKEN_MINT, pb_server_handle_token_mint, "" },
  { "GET", "/api/session/{name}/token", 0, PB_ACTION_TOKEN_REVOKE, pb_server_handle_token_list, " offset " },
  { "DELETE", "/api/session/{name}/token/{id}", 0, PB_ACTION_TOKEN_REVOKE, pb_server_handle_token_revoke, "" },
  { "GET", "/api/session/{name}/connect", 0, PB_ACTION_CONNECT_READ, pb_server_handle_connect, " stream " },
  { "GET", "/api/ws/{name}", WEBSOCKET, PB_ACTION_SESSION_READ, NULL, "" },
  { "GET", "/s/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_page, "" },
  { "HEAD", "/s/{name}", OPEN | ANY_QUERY, 0, pb_server_handle_page, "" },
  { "GET", "/s/{name}/qr", 0, PB_ACTION_TOKEN_MINT, pb_server_handle_qr, " format stream direction ttl " },
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
  if (n_hole == strlen ("{id}")) {
    if (n != PB_TOKEN_ID_LENGTH || !pb_peer_id_is_valid (text))
      return FALSE;
    request->token_id = g_steal_pointer (&text);
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
  g_clear_pointer (&request->token_id, g_free);
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
 * @request: (inout): what its path names is filled in
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
