/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-server-envelope.h"
#include "pb-server-json.h"
#include "pb-server-private.h"

/* A session's beginning, its time, its slots, its end: sections 4.3, 4.4 and
 * 4.8 of the protocol. */

/**
 * pb_server_may_create: (skip)
 * @self: the server
 * @request: of somebody who shows no token
 *
 * Returns: whether they may create a session
 */
gboolean
pb_server_may_create (PbServer *self, const PbServerRequest *request)
{
  return !self->config->create_local || request->is_local;
}

static PbServerReply *
fail (GError **error, PbError code, const char *message)
{
  g_set_error_literal (error, PB_ERROR, code, message);

  return NULL;
}

static char **
read_streams (JsonObject *body)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  JsonArray *array = NULL;

  if (pb_server_json_has (body, "streams"))
    array = json_object_get_array_member (body, "streams");
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    g_ptr_array_add (names,
        g_strdup (json_array_get_string_element (array, i)));
  if (array == NULL)
    g_ptr_array_add (names, g_strdup ("main"));
  g_ptr_array_add (names, NULL);

  return (char **) g_ptr_array_steal (names, NULL);
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
  json_object_set_int_member (object, "ttl",
      pb_session_get_ttl (session->core));
  json_object_set_string_member (object, "cipher",
      pb_cipher_get_name (pb_session_get_cipher (session->core)));
  json_object_set_string_member (object, "state",
      pb_state_get_name (pb_session_get_state (session->core)));
  json_object_set_string_member (object, "created", created);
  json_object_set_int_member (object, "expires",
      pb_session_get_expires (session->core));

  return object;
}

/**
 * pb_server_handle_session_create: (skip)
 * @self: the server
 * @request: for a new session
 * @error: PB_ERROR_INVALID, PB_ERROR_EXISTS, PB_ERROR_FULL, PB_ERROR_DENIED
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_session_create (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  g_autoptr (JsonObject) body = NULL;
  g_auto (GStrv) streams = NULL;
  g_autoptr (PbToken) token = NULL;
  PbCipher cipher = PB_CIPHER_AES_256;
  guint latency = PB_LATENCY_DEFAULT;
  guint ttl = MIN (PB_TTL_DEFAULT, self->context->limits.ttl_max_s);
  PbServerSession *session;
  PbServerGrant *grant;
  PbServerReply *reply;
  char *text;

  if (request->token == NULL && !pb_server_may_create (self, request))
    return fail (error, PB_ERROR_DENIED, PB_SERVER_CREATE_IS_LOCAL);
  body = pb_body_parse (PB_BODY_SESSION_CREATE, request->body,
      (gssize) request->body_length, error);
  if (body == NULL)
    return NULL;
  streams = read_streams (body);
  if (pb_server_json_has (body, "latency"))
    latency = (guint) json_object_get_int_member (body, "latency");
  if (pb_server_json_has (body, "ttl"))
    ttl = (guint) json_object_get_int_member (body, "ttl");
  if (pb_server_json_has (body, "cipher") &&
      !pb_cipher_from_name (json_object_get_string_member (body, "cipher"),
          &cipher))
    return fail (error, PB_ERROR_INVALID, "“cipher” is not one.");
  session = pb_server_registry_create (self->registry,
      json_object_get_string_member (body, "name"),
      (const char *const *) streams, latency, ttl, cipher, error);
  if (session == NULL)
    return NULL;

  token = pb_token_new (pb_session_get_name (session->core), PB_ROLE_ADMIN,
      NULL, PB_DIRECTION_NONE, pb_session_get_expires (session->core));
  grant = pb_server_session_grant (session, token, error);
  if (grant == NULL)
    return NULL;
  grant->is_lasting = TRUE;
  text = pb_keyring_sign (self->context->keyring, token);
  reply = pb_server_reply_new_json (201,
      describe_new_session (self, session, text));
  pb_secret_free (text);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SESSION_CREATED,
      pb_session_get_name (session->core), request->address, request->id,
      "token", pb_token_get_id (token), NULL);

  return reply;
}

/**
 * pb_server_handle_session_read: (skip)
 * @self: the server
 * @request: for what a session looks like
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_session_read (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);

  if (session == NULL)
    return NULL;

  return pb_server_reply_new_json (200,
      pb_server_session_describe (session,
          pb_token_get_stream (request->token)));
}

/**
 * pb_server_handle_session_extend: (skip)
 * @self: the server
 * @request: for more time
 * @error: PB_ERROR_STATE, PB_ERROR_INVALID
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_session_extend (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  g_autoptr (JsonObject) body = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  if (session == NULL)
    return NULL;
  body = pb_body_parse (PB_BODY_SESSION_EXTEND, request->body,
      (gssize) request->body_length, error);
  if (body == NULL)
    return NULL;
  before = g_strdup_printf ("%" G_GINT64_FORMAT,
      pb_session_get_expires (session->core));
  if (!pb_server_session_extend (session,
          (guint) json_object_get_int_member (body, "ttl"), error))
    return NULL;
  after = g_strdup_printf ("%" G_GINT64_FORMAT,
      pb_session_get_expires (session->core));
  self->context->metrics.sessions_extended++;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SESSION_EXTENDED,
      request->name, request->address, request->id, "old", before, "new", after,
      "token", pb_token_get_id (request->token), NULL);

  return pb_server_reply_new_json (200,
      pb_server_session_describe (session, NULL));
}

/**
 * pb_server_handle_stream_add: (skip)
 * @self: the server
 * @request: for one more slot
 * @error: PB_ERROR_STREAM_EXISTS, PB_ERROR_FULL, PB_ERROR_INVALID
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_stream_add (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  g_autoptr (JsonObject) body = NULL;
  g_autofree char *path = NULL;
  PbServerSlot *slot;

  if (session == NULL)
    return NULL;
  body = pb_body_parse (PB_BODY_STREAM_ADD, request->body,
      (gssize) request->body_length, error);
  if (body == NULL)
    return NULL;
  slot = pb_server_registry_add_slot (self->registry, session,
      json_object_get_string_member (body, "stream"), error);
  if (slot == NULL)
    return NULL;
  path = g_strconcat (request->name, "/", slot->name, NULL);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_STREAM_ADDED, path,
      request->address, request->id, "token", pb_token_get_id (request->token),
      NULL);

  return pb_server_reply_new_json (201,
      pb_server_session_describe_slot (session, slot));
}

/**
 * pb_server_handle_session_close: (skip)
 * @self: the server
 * @request: for the end
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_session_close (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);

  if (session == NULL)
    return NULL;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SESSION_CLOSED,
      request->name, request->address, request->id, "token",
      pb_token_get_id (request->token), NULL);
  pb_server_registry_close (self->registry, session, "session-closed", FALSE,
      4001);

  return pb_server_reply_new (204, NULL, NULL);
}
