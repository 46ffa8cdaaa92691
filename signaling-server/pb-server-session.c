/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-session.h"

#include <string.h>

#include "core/pb-random.h"
#include "pb-server-virtual.h"
#include "pb-server-watch.h"

static void
slot_free (PbServerSlot *slot)
{
  g_free (slot->name);
  pb_secret_free (slot->passphrase);
  g_ptr_array_unref (slot->receivers);
  g_clear_pointer (&slot->send_token, pb_token_unref);
  g_clear_pointer (&slot->receive_token, pb_token_unref);
  g_free (slot);
}

static PbServerSlot *
slot_new (const char *name, guint port)
{
  PbServerSlot *slot = g_new0 (PbServerSlot, 1);

  slot->name = g_strdup (name);
  slot->passphrase = pb_random_passphrase ();
  slot->port = port;
  slot->receivers = g_ptr_array_new ();

  return slot;
}

/**
 * pb_server_session_new: (skip)
 * @context: shared things
 * @core: (transfer full): the session
 * @ports: one for each of its slots
 *
 * Returns: (transfer full): the live session, with a passphrase per slot
 */
PbServerSession *
pb_server_session_new (PbServerContext *context, PbSession *core,
    const guint *ports)
{
  PbServerSession *self = g_new0 (PbServerSession, 1);
  const char *const *streams = pb_session_get_streams (core);

  self->context = context;
  self->core = core;
  self->deadline_us = pb_server_context_now_us (context) +
      (gint64) pb_session_get_ttl (core) * G_USEC_PER_SEC;
  self->slots = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) slot_free);
  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) pb_server_peer_free);
  self->links = g_ptr_array_new ();
  self->alarms = pb_server_watch_new (self);
  self->thumbnails = pb_server_thumbnails_new ();
  self->grants = pb_server_grants_new ();
  self->resources = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; streams[i] != NULL; i++) {
    PbServerSlot *slot = slot_new (streams[i], ports[i]);

    g_hash_table_insert (self->slots, slot->name, slot);
  }

  return self;
}

/**
 * pb_server_session_free: (skip)
 * @self: (transfer full): the session; it has ended
 */
void
pb_server_session_free (PbServerSession *self)
{
  g_return_if_fail (self->links->len == 0);

  g_clear_handle_id (&self->snapshot, g_source_remove);
  g_hash_table_unref (self->peers);
  g_hash_table_unref (self->resources);
  g_hash_table_unref (self->slots);
  pb_server_grants_free (self->grants);
  g_ptr_array_unref (self->links);
  pb_server_alarms_free (self->alarms);
  pb_server_thumbnails_free (self->thumbnails);
  g_object_unref (self->core);
  g_free (self);
}

/* So that who waits for an answer learns why there will be none. */
static void
end_virtual (PbServerSession *self, const char *reason)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerPeer *peer = value;

    if (peer->http != NULL)
      pb_server_virtual_end (peer->http, reason);
  }
}

/**
 * pb_server_session_end: (skip)
 * @self: the session
 * @reason: of the `closed` message
 * @retry: whether coming back helps
 * @code: the close code of its sockets
 *
 * Tells and closes every socket, and lets go of them.
 */
void
pb_server_session_end (PbServerSession *self, const char *reason,
    gboolean retry, guint code)
{
  g_autoptr (GError) error = NULL;

  if (!pb_session_feed (self->core, NULL, PB_EVENT_CLOSE, &error))
    g_critical ("closing a session: %s", error->message);
  while (self->links->len > 0) {
    PbServerLink *link = g_ptr_array_steal_index_fast (self->links, 0);

    g_ptr_array_set_size (link->peers, 0);
    link->session = NULL;
    pb_server_link_end (link, reason, retry, code);
  }
  end_virtual (self, reason);
  self->context->metrics.peers -= g_hash_table_size (self->peers);
  g_hash_table_remove_all (self->peers);
}

/**
 * pb_server_session_get_slot: (skip)
 * @self: the session
 * @stream: the slot's name
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer none): the slot
 */
PbServerSlot *
pb_server_session_get_slot (PbServerSession *self, const char *stream,
    GError **error)
{
  PbServerSlot *slot = g_hash_table_lookup (self->slots, stream);

  if (slot == NULL)
    g_set_error (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        "This session has no slot of that name.");

  return slot;
}

/**
 * pb_server_session_is_over: (skip)
 * @self: the session
 *
 * Returns: whether its time has run out, before the sweep has seen it
 */
gboolean
pb_server_session_is_over (PbServerSession *self)
{
  return pb_server_context_now_us (self->context) >= self->deadline_us;
}

/**
 * pb_server_session_add_slot: (skip)
 * @self: the session
 * @stream: the name of its new slot
 * @port: that nobody else has
 * @error: PB_ERROR_INVALID, PB_ERROR_STREAM_EXISTS, PB_ERROR_FULL
 *
 * Returns: (transfer none) (nullable): the slot, with a passphrase of its own
 */
PbServerSlot *
pb_server_session_add_slot (PbServerSession *self, const char *stream,
    guint port, GError **error)
{
  PbServerSlot *slot;

  if (!pb_session_add_stream (self->core, stream, error))
    return NULL;
  slot = slot_new (stream, port);
  g_hash_table_insert (self->slots, slot->name, slot);
  pb_server_session_queue_snapshot (self);

  return slot;
}

/**
 * pb_server_session_find: (skip)
 * @self: the session
 * @id: (nullable): a peer's id
 *
 * Returns: (transfer none) (nullable): the registration
 */
PbServerPeer *
pb_server_session_find (PbServerSession *self, const char *id)
{
  return id != NULL ? g_hash_table_lookup (self->peers, id) : NULL;
}

/**
 * pb_server_slot_find_thumbnails: (skip)
 * @slot: a slot
 *
 * An admin's receiver before a guest's, who could show the control room what
 * they like; then one that has a picture.
 *
 * Returns: (transfer none) (nullable): who would give a picture of it
 */
PbServerPeer *
pb_server_slot_find_thumbnails (PbServerSlot *slot)
{
  PbServerPeer *found = NULL;
  guint best = 0;

  for (guint i = 0; i < slot->receivers->len; i++) {
    PbServerPeer *peer = g_ptr_array_index (slot->receivers, i);
    guint rank;

    if (!peer->thumbnails || peer->link == NULL)
      continue;
    rank = 1 + 2 * (peer->role == PB_ROLE_ADMIN) +
           (pb_server_peer_is_connected (peer, NULL) ? 1 : 0);
    if (rank <= best)
      continue;
    found = peer;
    best = rank;
  }

  return found;
}

/**
 * pb_server_session_are_ends: (skip)
 * @a: a registration
 * @b: another of the same session
 *
 * Returns: whether one sends what the other receives
 */
gboolean
pb_server_session_are_ends (PbServerPeer *a, PbServerPeer *b)
{
  return a->slot != NULL && a->slot == b->slot &&
      (a->direction | b->direction) ==
      (PB_DIRECTION_SEND | PB_DIRECTION_RECEIVE);
}

static void
feed (PbServerSession *self, PbServerSlot *slot, PbEvent event)
{
  g_autoptr (GError) error = NULL;

  if (!pb_session_feed (self->core, slot->name, event, &error))
    g_critical ("%s at a slot: %s", pb_event_get_name (event),
        error->message);
}

/* A registered end that reports a connection is connected even where nobody is
 * registered at the other end: that is how a third-party client looks. */
static void
update_state (PbServerSession *self, PbServerSlot *slot)
{
  gboolean is_up = FALSE;
  gboolean is_relayed = FALSE;
  gboolean relayed;
  gboolean is_matched = slot->sender != NULL && slot->receivers->len > 0;
  PbState state;
  PbState wanted;

  if (slot->sender != NULL &&
      pb_server_peer_is_connected (slot->sender, &relayed)) {
    is_up = TRUE;
    is_relayed |= relayed;
  }
  for (guint i = 0; i < slot->receivers->len; i++)
    if (pb_server_peer_is_connected (g_ptr_array_index (slot->receivers, i),
            &relayed)) {
      is_up = TRUE;
      is_relayed |= relayed;
    }
  wanted = is_up ? (is_relayed ? PB_STATE_RELAYING : PB_STATE_CONNECTED)
      : is_matched ? PB_STATE_READY : PB_STATE_WAITING;

  if (!pb_session_get_stream_state (self->core, slot->name, &state, NULL) ||
      state == wanted)
    return;
  if (state == PB_STATE_WAITING)
    feed (self, slot, PB_EVENT_MATCHED);
  if (wanted == PB_STATE_CONNECTED)
    feed (self, slot, PB_EVENT_MEDIA_UP);
  else if (wanted == PB_STATE_RELAYING)
    feed (self, slot, PB_EVENT_RELAYED);
  else if (wanted == PB_STATE_WAITING)
    feed (self, slot, PB_EVENT_UNMATCHED);
  else if (state != PB_STATE_WAITING)
    feed (self, slot, PB_EVENT_MEDIA_LOST);
  pb_server_session_queue_snapshot (self);
}

/**
 * pb_server_session_update: (skip)
 * @self: the session
 * @slot: one of its slots
 */
void
pb_server_session_update (PbServerSession *self, PbServerSlot *slot)
{
  update_state (self, slot);
  pb_server_watch_slot (self, slot);
}

static gboolean
observes (PbServerPeer *peer, PbServerSlot *slot)
{
  return peer->direction == PB_DIRECTION_OBSERVE &&
      (peer->slot == NULL || peer->slot == slot);
}

/* Once per socket, however many registrations it holds. */
static void
send_once (PbServerSession *self, PbServerPeer *peer, const char *text)
{
  if (peer->link == NULL || peer->link->last_broadcast == self->n_broadcasts)
    return;
  peer->link->last_broadcast = self->n_broadcasts;
  pb_server_link_send_text (peer->link, text, strlen (text));
}

static char *
print_checked (PbMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (!pb_message_check (message, PB_MESSAGE_TO_PEER, &error)) {
    g_critical ("a message of ours is wrong: %s", error->message);
    return NULL;
  }

  return pb_message_print (message);
}

/**
 * pb_server_session_broadcast: (skip)
 * @self: the session
 * @slot: what it is about
 * @message: what to say
 * @ends: whether its senders and receivers hear it, too
 */
void
pb_server_session_broadcast (PbServerSession *self, PbServerSlot *slot,
    PbMessage *message, gboolean ends)
{
  g_autofree char *text = print_checked (message);
  GHashTableIter iter;
  gpointer value;

  if (text == NULL)
    return;
  self->n_broadcasts++;
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerPeer *peer = value;

    if (observes (peer, slot) || (ends && peer->slot == slot))
      send_once (self, peer, text);
  }
}

/**
 * pb_server_session_tell_others: (skip)
 * @self: the session
 * @peer: who it is about
 * @message: what to say
 * @with: (nullable): the one end that shall hear it
 */
void
pb_server_session_tell_others (PbServerSession *self, PbServerPeer *peer,
    PbMessage *message, const char *with)
{
  g_autofree char *text = print_checked (message);
  GHashTableIter iter;
  gpointer value;

  if (text == NULL)
    return;
  self->n_broadcasts++;
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerPeer *other = value;

    if (observes (other, peer->slot) ||
        (pb_server_session_are_ends (peer, other) &&
            (with == NULL || g_str_equal (with, other->id)))) {
      send_once (self, other, text);
      if (other->http != NULL)
        pb_server_virtual_hear (other->http, message);
    }
  }
}

/**
 * pb_server_session_tell_health: (skip)
 * @self: the session
 * @peer: whose health
 */
void
pb_server_session_tell_health (PbServerSession *self, PbServerPeer *peer)
{
  gint64 now = pb_server_context_now_us (self->context);
  g_autoptr (PbMessage) message = pb_server_peer_get_health (peer, now);

  peer->told_status = pb_health_get (peer->health, now, &peer->told_stale);
  pb_server_session_tell_others (self, peer, message, NULL);
  if (peer->link != NULL &&
      peer->link->last_broadcast != self->n_broadcasts)
    pb_server_link_send (peer->link, message);
}

static void
tell_gone (PbServerSession *self, PbServerPeer *peer, const char *reason)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerPeer *other = value;
    g_autoptr (PbMessage) message = NULL;

    if (other == peer || !pb_server_peer_is_here (other) ||
        (!observes (other, peer->slot) &&
            !pb_server_session_are_ends (peer, other)))
      continue;
    message = pb_message_new (PB_MESSAGE_PEER_GONE);
    pb_message_set_string (message, "to", other->id);
    pb_message_set_string (message, "peer", peer->id);
    pb_message_set_string (message, "stream", peer->slot->name);
    pb_message_set_string (message, "reason", reason);
    pb_server_peer_tell (other, message);
    pb_server_peer_forget (other, peer->id);
  }
}

/**
 * pb_server_session_remove: (skip)
 * @self: the session
 * @peer: (transfer full): who goes
 * @reason: `left`, `lost`, `replaced` or `closed`
 */
void
pb_server_session_remove (PbServerSession *self, PbServerPeer *peer,
    const char *reason)
{
  PbServerSlot *slot = peer->slot;

  if (peer->link != NULL)
    g_ptr_array_remove_fast (peer->link->peers, peer);
  if (peer->http != NULL)
    pb_server_virtual_end (peer->http, reason);
  if (slot != NULL && slot->sender == peer)
    slot->sender = NULL;
  else if (slot != NULL)
    g_ptr_array_remove (slot->receivers, peer);
  if (peer->direction != PB_DIRECTION_OBSERVE) {
    tell_gone (self, peer, reason);
    pb_server_watch_gone (self, peer, reason);
  }
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_PEER_GONE,
      peer->id, NULL, NULL, "session", pb_session_get_name (self->core),
      "reason", reason, NULL);
  self->context->metrics.peers--;
  g_hash_table_remove (self->peers, peer->id);
  if (slot != NULL) {
    pb_server_session_update (self, slot);
    pb_server_session_queue_snapshot (self);
  }
}

/**
 * pb_server_session_drop_virtual: (skip)
 * @self: the session
 */
void
pb_server_session_drop_virtual (PbServerSession *self)
{
  g_autoptr (GList) peers = g_hash_table_get_values (self->resources);

  for (GList *l = peers; l != NULL; l = l->next)
    pb_server_session_remove (self, l->data, "closed");
}

/**
 * pb_server_session_lose: (skip)
 * @self: the session
 * @peer: whose connection broke
 */
void
pb_server_session_lose (PbServerSession *self, PbServerPeer *peer)
{
  peer->link = NULL;
  peer->lost_at = pb_server_context_now_us (self->context);
}
