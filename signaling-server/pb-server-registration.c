/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-fault.h"
#include "pb-server-json.h"
#include "pb-server-session.h"
#include "pb-server-virtual.h"
#include "pb-server-watch.h"

/* Who comes to a session, who has to go for it, and who meets whom: section
 * 5.1 and 5.2 of the protocol. */

static gboolean
is_lost_for_good (PbServerSession *self, PbServerPeer *peer)
{
  return !pb_server_peer_is_here (peer) &&
      pb_server_context_now_us (self->context) - peer->lost_at >=
      self->context->limits.grace_us;
}

static void
replace (PbServerSession *self, PbServerPeer *peer)
{
  g_autoptr (PbMessage) closed = pb_message_new (PB_MESSAGE_CLOSED);

  pb_message_set_string (closed, "reason", "replaced");
  pb_message_set_boolean (closed, "retry", FALSE);
  pb_message_set_string (closed, "peer", peer->id);
  pb_server_peer_tell (peer, closed);
  pb_server_session_remove (self, peer, "replaced");
}

/* It may be another process by now, whose attempts begin at 1 again. */
static void
forget_candidates (PbServerPeer *peer)
{
  PbServerSlot *slot = peer->slot;

  g_clear_pointer (&peer->candidates, g_hash_table_unref);
  if (peer->direction == PB_DIRECTION_OBSERVE)
    return;
  if (slot->sender != NULL)
    pb_server_peer_forget_candidates (slot->sender, peer->id);
  for (guint i = 0; i < slot->receivers->len; i++)
    pb_server_peer_forget_candidates (
        g_ptr_array_index (slot->receivers, i), peer->id);
}

/* What the newcomer knows better than the registration it resumes. */
static void
resume (PbServerSession *self, PbServerPeer *peer, PbServerLink *link,
    PbServerPeer *wanted)
{
  if (peer->link != link) {
    if (peer->link != NULL) {
      g_autoptr (PbMessage) closed = pb_message_new (PB_MESSAGE_CLOSED);

      pb_message_set_string (closed, "reason", "replaced");
      pb_message_set_boolean (closed, "retry", FALSE);
      pb_message_set_string (closed, "peer", peer->id);
      pb_server_link_send (peer->link, closed);
      g_ptr_array_remove_fast (peer->link->peers, peer);
    }
    peer->link = link;
    g_ptr_array_add (link->peers, peer);
  }
  forget_candidates (peer);
  peer->transports = wanted->transports;
  peer->transport &= wanted->transports;
  peer->back = wanted->back;
  peer->thumbnails = wanted->thumbnails;
  peer->has_ice = wanted->has_ice;
  peer->port = wanted->port;
  peer->mode = wanted->mode;
  g_free (peer->address);
  peer->address = g_steal_pointer (&wanted->address);
  g_free (peer->remote);
  peer->remote = g_steal_pointer (&wanted->remote);
  g_free (peer->client);
  peer->client = g_steal_pointer (&wanted->client);
}

static guint
count_observers (PbServerSession *self)
{
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((PbServerPeer *) value)->direction == PB_DIRECTION_OBSERVE)
      n++;

  return n;
}

/* Who has to go so that `wanted` can come, or why it cannot. */
static gboolean
make_room (PbServerSession *self, PbServerPeer *wanted, GError **error)
{
  PbServerSlot *slot = wanted->slot;

  if (wanted->direction == PB_DIRECTION_OBSERVE) {
    if (count_observers (self) < self->context->limits.observers_max)
      return TRUE;
  } else if (wanted->direction == PB_DIRECTION_SEND) {
    PbServerPeer *owner = slot->sender;

    if (owner == NULL)
      return TRUE;
    if (!is_lost_for_good (self, owner) &&
        !g_str_equal (owner->identity, wanted->identity)) {
      g_set_error (error, PB_ERROR, PB_ERROR_STREAM_TAKEN, "%s",
          pb_error_get_sentence (PB_ERROR_STREAM_TAKEN));
      return FALSE;
    }
    if (is_lost_for_good (self, owner))
      pb_server_session_remove (self, owner, "lost");
    else
      replace (self, owner);
    return TRUE;
  } else {
    if (slot->receivers->len < self->context->limits.receivers_max)
      return TRUE;
    for (guint i = 0; i < slot->receivers->len; i++) {
      PbServerPeer *other = g_ptr_array_index (slot->receivers, i);

      if (!pb_server_peer_is_here (other)) {
        pb_server_session_remove (self, other, "lost");
        return TRUE;
      }
    }
  }
  g_set_error (error, PB_ERROR, PB_ERROR_FULL, "%s",
      pb_error_get_sentence (PB_ERROR_FULL));

  return FALSE;
}

/**
 * pb_server_session_register: (skip)
 * @self: the session
 * @link: (nullable): the socket it came over; none: by HTTP, under a new id
 * @wanted: (transfer full): the registration as asked for
 * @error: STREAM_TAKEN, FULL, DENIED or STATE
 *
 * Returns: (transfer none): the registration as it stands
 */
PbServerPeer *
pb_server_session_register (PbServerSession *self, PbServerLink *link,
    PbServerPeer *wanted, GError **error)
{
  g_autoptr (PbServerPeer) peer = wanted;
  PbServerPeer *known = pb_server_session_find (self, wanted->id);

  if (known != NULL) {
    /* a client of HTTP cannot be resumed: it does not know this id */
    if (known->http != NULL ||
        !g_str_equal (known->identity, wanted->identity)) {
      g_set_error (error, PB_ERROR, PB_ERROR_DENIED,
          "This peer id belongs to the bearer of another token.");
      return NULL;
    }
    if (known->slot != wanted->slot || known->direction != wanted->direction) {
      g_set_error (error, PB_ERROR, PB_ERROR_STATE,
          "This peer id is registered elsewhere: leave first.");
      return NULL;
    }
    resume (self, known, link, wanted);
    return known;
  }
  if (link != NULL &&
      link->peers->len >= self->context->limits.registrations_max) {
    g_set_error (error, PB_ERROR, PB_ERROR_FULL,
        "This connection holds as many registrations as it may.");
    return NULL;
  }
  if (!make_room (self, wanted, error))
    return NULL;

  peer->session = self;
  peer->link = link;
  if (link != NULL)
    g_ptr_array_add (link->peers, peer);
  g_hash_table_insert (self->peers, peer->id, peer);
  if (peer->direction == PB_DIRECTION_SEND)
    peer->slot->sender = peer;
  else if (peer->direction == PB_DIRECTION_RECEIVE)
    g_ptr_array_add (peer->slot->receivers, peer);
  self->context->metrics.peers++;

  return g_steal_pointer (&peer);
}

static PbSrtMode
complement (PbSrtMode mode)
{
  switch (mode) {
    case PB_SRT_CALLER:
      return PB_SRT_LISTENER;
    case PB_SRT_LISTENER:
      return PB_SRT_CALLER;
    default:
      return PB_SRT_RENDEZVOUS;
  }
}

/* Who calls makes the offer of WebRTC: a client of HTTP can do nothing else. */
static gboolean
is_caller (PbServerPeer *to, PbServerPeer *peer)
{
  if (to->http != NULL || peer->http != NULL)
    return to->http != NULL;

  return to->direction == PB_DIRECTION_SEND;
}

/* Where a plain SRT endpoint is, and what the wire of SRT needs. */
static void
describe_srt (PbServerSession *self, PbServerPeer *to, PbServerPeer *peer,
    PbMessage *message)
{
  gboolean ice = to->has_ice && peer->has_ice;

  pb_message_set_boolean (message, "ice", ice);
  if (!ice && peer->port != 0) {
    pb_message_set_string (message, "mode",
        pb_srt_mode_get_name (complement (peer->mode)));
    pb_message_set_string (message, "address",
        peer->address != NULL ? peer->address : peer->remote);
    pb_message_set_int (message, "port", peer->port);
  }
  pb_message_set_string (message, "passphrase", peer->slot->passphrase);
  pb_message_set_string (message, "cipher",
      pb_cipher_get_name (pb_session_get_cipher (self->core)));
}

static void
describe_webrtc (PbServerPeer *to, PbServerPeer *peer, PbMessage *message)
{
  pb_message_set_boolean (message, "ice", TRUE);
  /* only the receiver of the two can have it */
  pb_message_set_boolean (message, "back", to->back || peer->back);
  pb_message_set_boolean (message, "trickle", peer->http == NULL);
}

/* Tells `to` how to meet `peer`. */
static void
introduce_one (PbServerSession *self, PbServerPeer *to, PbServerPeer *peer,
    PbTransport transport)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_PEER);

  pb_message_set_string (message, "to", to->id);
  pb_message_set_string (message, "peer", peer->id);
  pb_message_set_string (message, "stream", peer->slot->name);
  pb_message_set_string (message, "direction",
      pb_direction_get_name (peer->direction));
  pb_message_set_string (message, "role",
      is_caller (to, peer) ? "caller" : "listener");
  pb_message_set_string (message, "transport",
      pb_transport_get_name (transport));
  if (transport == PB_TRANSPORT_WEBRTC)
    describe_webrtc (to, peer, message);
  else
    describe_srt (self, to, peer, message);
  pb_message_set_boolean (message, "control", peer->role == PB_ROLE_ADMIN);
  pb_message_set_int (message, "latency", pb_session_get_latency (self->core));
  if (peer->client != NULL)
    pb_message_set_string (message, "client", peer->client);
  pb_server_peer_tell (to, message);
}

static JsonNode *
name_peer (PbServerPeer *peer)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_alloc ();

  json_object_set_string_member (object, "peer", peer->id);
  pb_server_json_set_text (object, "client", peer->client);
  json_node_take_object (node, object);

  return node;
}

/* `to`, and who observes, hear that it will never meet `peer`. */
static void
tell_apart (PbServerSession *self, PbServerPeer *to, PbServerPeer *peer)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_STATUS);

  pb_message_set_string (message, "peer", peer->id);
  pb_message_set_string (message, "stream", peer->slot->name);
  pb_message_set_string (message, "direction",
      pb_direction_get_name (peer->direction));
  pb_message_set_string (message, "srt", "error");
  pb_message_set_string (message, "with", to->id);
  pb_message_set_string (message, "code",
      pb_fault_get_code (PB_FAULT_NO_TRANSPORT));
  /* one each, or they would share one */
  pb_message_set_string (message, "transport",
      pb_transport_get_name (peer->transports));
  pb_server_session_tell_others (self, peer, message, to->id);
}

/**
 * pb_server_session_may_meet: (skip)
 * @a: a registration
 * @b: one at the other end of its slot
 *
 * A client of HTTP has one connection, and chose its end when it came.
 *
 * Returns: whether the two would be introduced
 */
gboolean
pb_server_session_may_meet (PbServerPeer *a, PbServerPeer *b)
{
  return (a->http == NULL || pb_server_virtual_is_end (a->http, b->id)) &&
      (b->http == NULL || pb_server_virtual_is_end (b->http, a->id));
}

static void
introduce_pair (PbServerSession *self, PbServerPeer *sender,
    PbServerPeer *receiver)
{
  PbTransport transport = pb_server_peer_get_common (sender, receiver);
  g_autoptr (PbMessage) match = NULL;

  if (!pb_server_peer_is_here (sender) || !pb_server_peer_is_here (receiver))
    return;
  if (transport == PB_TRANSPORT_NONE) {
    tell_apart (self, sender, receiver);
    tell_apart (self, receiver, sender);
    return;
  }
  if (!pb_server_session_may_meet (sender, receiver))
    return;
  introduce_one (self, sender, receiver, transport);
  introduce_one (self, receiver, sender, transport);

  match = pb_message_new (PB_MESSAGE_PEER_MATCH);
  pb_message_set_string (match, "stream", sender->slot->name);
  pb_message_take_node (match, "sender", name_peer (sender));
  pb_message_take_node (match, "receiver", name_peer (receiver));
  pb_server_session_broadcast (self, sender->slot, match, FALSE);
}

/**
 * pb_server_session_introduce: (skip)
 * @self: the session
 * @peer: who came, came back, or told more about its endpoint
 */
void
pb_server_session_introduce (PbServerSession *self, PbServerPeer *peer)
{
  PbServerSlot *slot = peer->slot;

  if (peer->direction == PB_DIRECTION_OBSERVE) {
    /* for the others nothing has changed */
    pb_server_session_send_snapshot (self, peer);
    pb_server_watch_send (self, peer);
    return;
  }
  if (peer->direction == PB_DIRECTION_SEND) {
    for (guint i = 0; i < slot->receivers->len; i++)
      introduce_pair (self, peer, g_ptr_array_index (slot->receivers, i));
  } else if (slot->sender != NULL) {
    introduce_pair (self, slot->sender, peer);
  }
  pb_server_session_update (self, slot);
  pb_server_session_queue_snapshot (self);
}
