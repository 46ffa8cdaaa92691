/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-server-connect.h"
#include "pb-server-json.h"
#include "pb-server-private.h"
#include "pb-server-qr.h"

/* What an admin gives out, and takes back: sections 4.5, 4.6, 4.7 and 4.9 of
 * the protocol. */

static PbServerReply *
fail (GError **error, PbError code, const char *message)
{
  g_set_error_literal (error, PB_ERROR, code, message);

  return NULL;
}

/* --- giving -------------------------------------------------------------- */

/* What somebody asks a token for. */
typedef struct
{
  const char *stream;    /* (nullable): the whole session */
  PbDirection direction; /* NONE: what the form gives */
  gint64 ttl;            /* 0: as long as the session */
  const char *label;     /* (nullable) */
} Wanted;

/* A peer token as asked for, never wider or longer than what was shown. */
static PbToken *
make_peer_token (PbServer *self, const PbServerRequest *request,
    PbServerSession *session, const Wanted *wanted, GError **error)
{
  gint64 now = pb_server_context_unix (self->context);
  gint64 expires = MIN (pb_token_get_expires (request->token),
      pb_session_get_expires (session->core));

  if (!pb_permit (request->token, PB_ACTION_TOKEN_MINT, request->name,
          wanted->stream, error))
    return NULL;
  if (wanted->stream != NULL &&
      pb_server_session_get_slot (session, wanted->stream, error) == NULL)
    return NULL;
  if (wanted->stream == NULL && wanted->direction == PB_DIRECTION_SEND) {
    fail (error, PB_ERROR_INVALID,
        "A token for the whole session cannot send: name a “stream”.");
    return NULL;
  }
  if (wanted->ttl > 0)
    expires = MIN (expires, now + wanted->ttl);

  return pb_token_new (request->name, PB_ROLE_PEER, wanted->stream,
      wanted->direction, expires);
}

/* From now on it is out: its id is kept, and it is written down. */
static gboolean
give (PbServer *self, const PbServerRequest *request, PbServerSession *session,
    PbToken *token, const Wanted *wanted, GError **error)
{
  PbServerGrant *grant = pb_server_session_grant (session, token, error);

  if (grant == NULL)
    return FALSE;
  grant->direction = wanted->direction;
  pb_server_grant_set_label (grant, wanted->label);
  /* nobody hands on more time than they have themselves */
  grant->is_lasting =
      wanted->ttl == 0 &&
      pb_token_get_expires (token) == pb_session_get_expires (session->core);
  self->context->metrics.tokens_minted++;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_TOKEN_MINTED,
      pb_token_get_id (token), request->address, request->id, "session",
      request->name, "stream", wanted->stream, "direction",
      wanted->direction != PB_DIRECTION_NONE
          ? pb_direction_get_name (wanted->direction)
          : NULL,
      "by", pb_token_get_id (request->token), NULL);

  return TRUE;
}

static char *
make_page_url (PbServer *self, const char *name, const char *token)
{
  return g_strconcat (self->public_url, "/s/", name, "#t=", token, NULL);
}

static gboolean
read_wanted (JsonObject *body, Wanted *wanted, GError **error)
{
  if (pb_server_json_has (body, "stream"))
    wanted->stream = json_object_get_string_member (body, "stream");
  if (pb_server_json_has (body, "direction") &&
      !pb_direction_from_name (json_object_get_string_member (body,
                                   "direction"),
          &wanted->direction)) {
    fail (error, PB_ERROR_INVALID, "“direction” is not one.");
    return FALSE;
  }
  if (pb_server_json_has (body, "ttl"))
    wanted->ttl = json_object_get_int_member (body, "ttl");
  if (pb_server_json_has (body, "label"))
    wanted->label = json_object_get_string_member (body, "label");

  return TRUE;
}

/* The picture of @url, which holds the token, as text in an answer. */
static gboolean
add_picture (JsonObject *answer, const char *url, GError **error)
{
  char *text = pb_server_qr_print (url, error);

  if (text == NULL)
    return FALSE;
  json_object_set_string_member (answer, "qr", text);
  pb_secret_free (text);

  return TRUE;
}

static JsonObject *
describe_token (PbServer *self, PbToken *token, const Wanted *wanted,
    gboolean with_picture, GError **error)
{
  const char *name = pb_token_get_session (token);
  g_autoptr (JsonObject) object = json_object_new ();
  char *text = pb_keyring_sign (self->context->keyring, token);
  char *url = make_page_url (self, name, text);
  gboolean is_drawn = !with_picture || add_picture (object, url, error);

  json_object_set_string_member (object, "token", text);
  json_object_set_string_member (object, "id", pb_token_get_id (token));
  json_object_set_string_member (object, "session", name);
  json_object_set_string_member (object, "role", "peer");
  pb_server_json_set_text (object, "stream", wanted->stream);
  pb_server_json_set_text (object, "direction",
      wanted->direction != PB_DIRECTION_NONE
          ? pb_direction_get_name (wanted->direction)
          : NULL);
  json_object_set_int_member (object, "expires", pb_token_get_expires (token));
  pb_server_json_set_text (object, "label", wanted->label);
  json_object_set_string_member (object, "url", url);
  pb_secret_free (text);
  pb_secret_free (url);

  return is_drawn ? g_steal_pointer (&object) : NULL;
}

/**
 * pb_server_handle_token_mint: (skip)
 * @self: the server
 * @request: for a token for somebody
 * @error: PB_ERROR_INVALID, PB_ERROR_FULL, PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_token_mint (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  g_autoptr (JsonObject) body = NULL;
  g_autoptr (JsonObject) answer = NULL;
  g_autoptr (PbToken) token = NULL;
  Wanted wanted = { NULL, PB_DIRECTION_NONE, 0, NULL };

  if (session == NULL)
    return NULL;
  body = pb_body_parse (PB_BODY_TOKEN_MINT, request->body,
      (gssize) request->body_length, error);
  if (body == NULL || !read_wanted (body, &wanted, error))
    return NULL;
  token = make_peer_token (self, request, session, &wanted, error);
  if (token == NULL)
    return NULL;
  answer = describe_token (self, token, &wanted,
      pb_server_json_has (body, "qr") &&
          json_object_get_boolean_member (body, "qr"),
      error);
  if (answer == NULL || !give (self, request, session, token, &wanted, error))
    return NULL;

  return pb_server_reply_new_json (201, g_steal_pointer (&answer));
}

typedef struct
{
  PbServer *server;
  const PbServerRequest *request;
  PbServerSession *session;
} Connecting;

/* What was given out may have been revoked since, or run out. */
static gboolean
is_good (Connecting *self, PbToken *token)
{
  PbServerGrant *grant = token != NULL
                             ? pb_server_grants_find (self->session->grants,
                                   pb_token_get_id (token))
                             : NULL;

  return grant != NULL && !grant->is_revoked &&
         grant->expires > pb_server_context_unix (self->server->context) &&
         grant->expires <= pb_token_get_expires (self->request->token);
}

/* One for each end of a slot, for as long as the admin's own: the same again
 * for who asks again. */
static char *
give_slot_token (PbServerSlot *slot, PbDirection direction, gpointer user_data)
{
  Connecting *self = user_data;
  PbToken **token =
      direction == PB_DIRECTION_SEND ? &slot->send_token : &slot->receive_token;
  Wanted wanted = { slot->name, direction, 0, NULL };
  g_autoptr (PbToken) fresh = NULL;

  if (is_good (self, *token))
    return pb_keyring_sign (self->server->context->keyring, *token);

  fresh = make_peer_token (self->server, self->request, self->session, &wanted,
      NULL);
  if (fresh == NULL ||
      !give (self->server, self->request, self->session, fresh, &wanted, NULL))
    return NULL;
  g_clear_pointer (token, pb_token_unref);
  *token = g_steal_pointer (&fresh);

  return pb_keyring_sign (self->server->context->keyring, *token);
}

/**
 * pb_server_handle_connect: (skip)
 * @self: the server
 * @request: for what third-party clients paste
 * @error: PB_ERROR_INVALID, PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_connect (PbServer *self, const PbServerRequest *request,
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
      request->name, request->address, request->id, "stream", stream, "token",
      pb_token_get_id (request->token), NULL);

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
  *ttl = PB_QR_TTL_S;
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

/**
 * pb_server_handle_qr: (skip)
 * @self: the server
 * @request: for a QR code with a fresh token
 * @error: PB_ERROR_INVALID, PB_ERROR_NOT_FOUND, PB_ERROR_FULL
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_qr (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  Wanted wanted = { pb_server_request_get (request, "stream"),
    PB_DIRECTION_NONE, 0, NULL };
  g_autoptr (PbToken) token = NULL;
  g_autoptr (GBytes) picture = NULL;
  PbServerQrFormat format;
  char *text;
  char *url;

  if (session == NULL ||
      !read_qr_query (request, &format, &wanted.direction, &wanted.ttl, error))
    return NULL;
  token = make_peer_token (self, request, session, &wanted, error);
  if (token == NULL)
    return NULL;
  text = pb_keyring_sign (self->context->keyring, token);
  url = make_page_url (self, request->name, text);
  picture = pb_server_qr_draw (url, format, error);
  pb_secret_free (text);
  pb_secret_free (url);
  if (picture == NULL || !give (self, request, session, token, &wanted, error))
    return NULL;

  return pb_server_reply_new (200, pb_server_qr_format_get_type (format),
      g_steal_pointer (&picture));
}

/* --- taking back --------------------------------------------------------- */

/**
 * pb_server_handle_token_list: (skip)
 * @self: the server
 * @request: for what was given out
 * @error: PB_ERROR_INVALID
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_token_list (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  const char *text = pb_server_request_get (request, "offset");
  guint64 offset = 0;

  if (session == NULL)
    return NULL;
  if (text != NULL &&
      !g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT32, &offset, NULL))
    return fail (error, PB_ERROR_INVALID, "“offset” is a number.");

  return pb_server_reply_new_json (200,
      pb_server_session_list_tokens (session, (guint) offset,
          pb_token_get_id (request->token)));
}

/**
 * pb_server_handle_token_revoke: (skip)
 * @self: the server
 * @request: for the end of one token
 * @error: PB_ERROR_NOT_FOUND, PB_ERROR_STATE
 *
 * Returns: (transfer full) (nullable): the answer
 */
PbServerReply *
pb_server_handle_token_revoke (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  PbServerGrant *grant;
  gboolean is_first;

  if (session == NULL)
    return NULL;
  /* or nobody could open the door again */
  if (g_strcmp0 (request->token_id, pb_token_get_id (request->token)) == 0)
    return fail (error, PB_ERROR_STATE,
        "This is the token that you hold yourself. Close the session instead.");
  grant = pb_server_grants_find (session->grants, request->token_id);
  is_first = grant != NULL && !grant->is_revoked;
  if (!pb_server_session_revoke (session, request->token_id, error))
    return NULL;
  if (is_first) {
    self->context->metrics.tokens_revoked++;
    pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_TOKEN_REVOKED,
        request->token_id, request->address, request->id, "session",
        request->name, "by", pb_token_get_id (request->token), NULL);
  }

  return pb_server_reply_new (204, NULL, NULL);
}
