/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-limits.h"
#include "pb-server-json.h"
#include "pb-server-session.h"
#include "pb-server-virtual.h"

/* What a session gave out, and what becomes of those who hold it: sections
 * 4.8 and 4.9 of the protocol. */

/**
 * pb_server_session_grant: (skip)
 * @self: the session
 * @token: a token this server gives out
 * @error: PB_ERROR_FULL
 *
 * Returns: (transfer none) (nullable): what is kept of it
 */
PbServerGrant *
pb_server_session_grant (PbServerSession *self, PbToken *token, GError **error)
{
  return pb_server_grants_add (self->grants, token,
      pb_server_context_unix (self->context), self->context->limits.tokens_max,
      error);
}

/* --- extending ----------------------------------------------------------- */

/* `before`: when the session would have ended */
static void
carry_link (PbServerSession *self, PbServerLink *link, gint64 before)
{
  PbServerGrant *grant =
      pb_server_grants_find (self->grants, pb_token_get_id (link->token));
  gint64 until = MIN (pb_token_get_expires (link->token), before);

  if (grant != NULL && grant->expires != pb_token_get_expires (link->token)) {
    PbToken *token = pb_token_with_expires (link->token, grant->expires);

    pb_token_unref (link->token);
    link->token = token;
  }
  /* what it has of the relay was to be the last, unless it is told again */
  if (link->renew_turn_us != 0 ||
      MIN (pb_token_get_expires (link->token),
          pb_session_get_expires (self->core)) <= until)
    return;
  link->renew_turn_us = pb_server_context_now_us (self->context);
  pb_server_link_renew_turn (link);
}

/* Also of who is lost at the moment, and of clients of WHIP and WHEP */
static void
carry_peer (PbServerSession *self, PbServerPeer *peer)
{
  PbServerGrant *grant = pb_server_grants_find (self->grants, peer->identity);

  if (grant != NULL)
    peer->token_expires = grant->expires;
}

/**
 * pb_server_session_extend: (skip)
 * @self: the session
 * @ttl_s: how many seconds it has from now on
 * @error: PB_ERROR_STATE where it has more, PB_ERROR_INVALID where the server
 *   allows fewer
 *
 * Returns: whether it has; nothing has changed otherwise
 */
gboolean
pb_server_session_extend (PbServerSession *self, guint ttl_s, GError **error)
{
  gint64 before = pb_session_get_expires (self->core);
  GHashTableIter iter;
  gpointer value;

  if (ttl_s > self->context->limits.ttl_max_s) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "“ttl” is at most %u here.",
        self->context->limits.ttl_max_s);
    return FALSE;
  }
  if (!pb_session_extend (self->core, pb_server_context_unix (self->context),
          ttl_s, error))
    return FALSE;
  /* whole seconds of the one clock must not cost a part of one of the other */
  self->deadline_us =
      MAX (self->deadline_us, pb_server_context_now_us (self->context) +
                                  (gint64) ttl_s * G_USEC_PER_SEC);
  pb_server_grants_extend (self->grants, pb_session_get_expires (self->core));
  for (guint i = 0; i < self->links->len; i++)
    carry_link (self, g_ptr_array_index (self->links, i), before);
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    carry_peer (self, value);
  self->tells_all = TRUE;
  pb_server_session_queue_snapshot (self);

  return TRUE;
}

/* --- revoking ------------------------------------------------------------ */

static void
throw_out (PbServerSession *self, const char *id)
{
  g_autoptr (GList) peers = g_hash_table_get_values (self->peers);

  for (GList *l = peers; l != NULL; l = l->next) {
    PbServerPeer *peer = l->data;

    if (!g_str_equal (peer->identity, id))
      continue;
    /* who waits for an answer learns why there will be none */
    if (peer->http != NULL)
      pb_server_virtual_end (peer->http, "token-revoked");
    pb_server_session_remove (self, peer, "closed");
  }
  /* ending a link takes it off no list: that happens when it is closed */
  for (guint i = 0; i < self->links->len; i++) {
    PbServerLink *link = g_ptr_array_index (self->links, i);

    if (g_strcmp0 (pb_token_get_id (link->token), id) == 0)
      pb_server_link_end (link, "token-revoked", FALSE, 4003);
  }
}

/**
 * pb_server_session_revoke: (skip)
 * @self: the session
 * @id: of a token
 * @error: PB_ERROR_NOT_FOUND where this session did not give it out
 *
 * Its registrations are gone at once, not after the grace time: nobody could
 * resume them.
 *
 * Returns: whether nobody can use it from now on
 */
gboolean
pb_server_session_revoke (PbServerSession *self, const char *id, GError **error)
{
  PbServerGrant *grant = pb_server_grants_find (self->grants, id);

  if (grant == NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        "This session gave out no token of that id.");
    return FALSE;
  }
  if (!grant->is_revoked) {
    grant->is_revoked = TRUE;
    throw_out (self, id);
  }

  return TRUE;
}

/* --- telling ------------------------------------------------------------- */

/* identity -> how many registrations, in a pointer; the keys are the peers' */
static GHashTable *
count_registrations (PbServerSession *self)
{
  GHashTable *counts = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerPeer *peer = value;
    guint n = GPOINTER_TO_UINT (g_hash_table_lookup (counts, peer->identity));

    g_hash_table_replace (counts, peer->identity, GUINT_TO_POINTER (n + 1));
  }

  return counts;
}

static JsonObject *
describe_grant (const PbServerGrant *grant, GHashTable *counts, const char *own)
{
  JsonObject *object = json_object_new ();

  pb_server_json_set_text (object, "id", grant->id);
  pb_server_json_set_text (object, "label", grant->label);
  pb_server_json_set_text (object, "role", pb_role_get_name (grant->role));
  pb_server_json_set_text (object, "stream", grant->stream);
  pb_server_json_set_text (object, "direction",
      grant->direction != PB_DIRECTION_NONE
          ? pb_direction_get_name (grant->direction)
          : NULL);
  json_object_set_int_member (object, "created", grant->created);
  json_object_set_int_member (object, "expires", grant->expires);
  json_object_set_boolean_member (object, "revoked", grant->is_revoked);
  json_object_set_boolean_member (object, "own",
      g_strcmp0 (grant->id, own) == 0);
  json_object_set_int_member (object, "live",
      GPOINTER_TO_UINT (g_hash_table_lookup (counts, grant->id)));

  return object;
}

/**
 * pb_server_session_list_tokens: (skip)
 * @self: the session
 * @offset: how many of the newest to leave out
 * @own: (nullable): the id of the token that asks
 *
 * Returns: (transfer full): section 4.9 of the protocol
 */
JsonObject *
pb_server_session_list_tokens (PbServerSession *self, guint offset,
    const char *own)
{
  guint more;
  g_autoptr (GPtrArray) grants = pb_server_grants_list (self->grants,
      pb_server_context_unix (self->context), offset, PB_TOKENS_TOLD_MAX,
      &more);
  g_autoptr (GHashTable) counts = count_registrations (self);
  JsonObject *object = json_object_new ();
  JsonArray *tokens = json_array_new ();

  for (guint i = 0; i < grants->len; i++)
    json_array_add_object_element (tokens,
        describe_grant (g_ptr_array_index (grants, i), counts, own));
  json_object_set_array_member (object, "tokens", tokens);
  json_object_set_int_member (object, "more", more);

  return object;
}
