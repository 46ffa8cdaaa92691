/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-session.h"

#include "core/pb-limits.h"
#include "pb-server-desk.h"
#include "pb-server-json.h"
#include "pb-server-virtual.h"
#include "pb-server-watch.h"

/* `"type":"session",` around a description */
#define ENVELOPE_SIZE 64

/* What a session looks like from outside, and what happens to it by itself:
 * snapshots for observers, and the sweep of each second. */

/**
 * pb_server_format_time: (skip)
 * @unix_s: Unix seconds
 *
 * Returns: (transfer full): it as a date, in UTC
 */
char *
pb_server_format_time (gint64 unix_s)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (unix_s);

  return g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ");
}

/* An answer has at most 65536 octets, like any message: a session with many
 * slots and receivers is told without the figures, a huge one without the
 * receivers, too. Both are to be had slot by slot. */
typedef enum {
  DETAIL_FULL,
  DETAIL_NO_FIGURES,
  DETAIL_NO_RECEIVERS,
} Detail;

static JsonNode *
describe_peer (PbServerPeer *peer, Detail detail, gint64 now_us)
{
  static const char *const kept[] = { "peer", "client", "srt", "transport",
    "path", "cipher", "since", "health", "cause", "stale", "age" };
  g_autoptr (JsonNode) node = pb_server_peer_describe (peer, now_us);
  JsonObject *object = json_node_get_object (node);
  g_autoptr (GList) members = json_object_get_members (object);

  if (detail == DETAIL_FULL)
    return g_steal_pointer (&node);
  for (GList *l = members; l != NULL; l = l->next) {
    gboolean is_kept = FALSE;

    for (guint i = 0; !is_kept && i < G_N_ELEMENTS (kept); i++)
      is_kept = g_str_equal (l->data, kept[i]);
    if (!is_kept)
      json_object_remove_member (object, l->data);
  }

  return g_steal_pointer (&node);
}

static JsonObject *
describe_slot (PbServerSession *self, PbServerSlot *slot, Detail detail,
    gint64 now_us)
{
  JsonObject *object = json_object_new ();
  JsonArray *receivers = json_array_new ();
  PbState state = PB_STATE_WAITING;

  if (!pb_session_get_stream_state (self->core, slot->name, &state, NULL))
    g_warn_if_reached ();
  json_object_set_string_member (object, "stream", slot->name);
  json_object_set_string_member (object, "state", pb_state_get_name (state));
  json_object_set_string_member (object, "tally",
      pb_tally_get_name (pb_session_get_tally (self->core, slot->name)));
  json_object_set_int_member (object, "port", slot->port);
  json_object_set_boolean_member (object, "thumbnails",
      pb_server_slot_find_thumbnails (slot) != NULL);
  if (slot->sender != NULL)
    json_object_set_member (object, "sender",
        describe_peer (slot->sender, detail, now_us));
  else
    json_object_set_null_member (object, "sender");
  for (guint i = 0;
       i < slot->receivers->len && detail != DETAIL_NO_RECEIVERS; i++)
    json_array_add_element (receivers,
        describe_peer (g_ptr_array_index (slot->receivers, i), detail,
            now_us));
  json_object_set_array_member (object, "receivers", receivers);

  return object;
}

/**
 * pb_server_session_describe_slot: (skip)
 * @self: the session
 * @slot: one of its slots
 *
 * Returns: (transfer full): a STREAM of section 4.4
 */
JsonObject *
pb_server_session_describe_slot (PbServerSession *self, PbServerSlot *slot)
{
  return describe_slot (self, slot, DETAIL_FULL,
      pb_server_context_now_us (self->context));
}

static JsonObject *
describe (PbServerSession *self, const char *stream, Detail detail)
{
  gint64 now_us = pb_server_context_now_us (self->context);
  const char *const *names = pb_session_get_streams (self->core);
  g_autofree char *created =
      pb_server_format_time (pb_session_get_created (self->core));
  JsonObject *object = json_object_new ();
  JsonArray *streams = json_array_new ();

  json_object_set_string_member (object, "session",
      pb_session_get_name (self->core));
  json_object_set_string_member (object, "state",
      pb_state_get_name (pb_session_get_state (self->core)));
  json_object_set_int_member (object, "latency",
      pb_session_get_latency (self->core));
  json_object_set_int_member (object, "ttl", pb_session_get_ttl (self->core));
  json_object_set_string_member (object, "cipher",
      pb_cipher_get_name (pb_session_get_cipher (self->core)));
  json_object_set_string_member (object, "created", created);
  json_object_set_int_member (object, "expires",
      pb_session_get_expires (self->core));
  for (guint i = 0; names[i] != NULL; i++)
    if (stream == NULL || g_str_equal (stream, names[i]))
      json_array_add_object_element (streams,
          describe_slot (self, g_hash_table_lookup (self->slots, names[i]),
              detail, now_us));
  json_object_set_array_member (object, "streams", streams);

  return object;
}

/**
 * pb_server_session_describe: (skip)
 * @self: the session
 * @stream: (nullable): the one slot in scope
 *
 * Returns: (transfer full): section 4.4 of the protocol
 */
JsonObject *
pb_server_session_describe (PbServerSession *self, const char *stream)
{
  /* what surely fits is not measured */
  const guint small = 32;
  guint n = g_hash_table_size (self->peers) + g_hash_table_size (self->slots);
  JsonObject *object = describe (self, stream, DETAIL_FULL);

  for (Detail detail = DETAIL_NO_FIGURES;
       n > small &&
       pb_server_json_measure (object) > PB_WS_MESSAGE_MAX - ENVELOPE_SIZE &&
       detail <= DETAIL_NO_RECEIVERS;
       detail++) {
    json_object_unref (object);
    object = describe (self, stream, detail);
  }

  return object;
}

static PbMessage *
new_snapshot (PbServerSession *self, PbServerSlot *slot)
{
  g_autoptr (JsonObject) object =
      pb_server_session_describe (self, slot != NULL ? slot->name : NULL);
  PbMessage *message = pb_message_new (PB_MESSAGE_SESSION);

  pb_server_json_fill_message (message, object);

  return message;
}

/**
 * pb_server_session_send_snapshot: (skip)
 * @self: the session
 * @peer: an observer that has just come
 */
void
pb_server_session_send_snapshot (PbServerSession *self, PbServerPeer *peer)
{
  g_autoptr (PbMessage) message = new_snapshot (self, peer->slot);

  pb_server_link_send (peer->link, message);
}

/* `made`: slot, or NULL -> what was made for it so far */
static void
send_made (PbServerSession *self, PbServerLink *link, PbServerSlot *slot,
    GHashTable *made)
{
  PbMessage *message = g_hash_table_lookup (made, slot);

  if (message == NULL) {
    message = new_snapshot (self, slot);
    g_hash_table_insert (made, slot, message);
  }
  pb_server_link_send (link, message);
}

/* Who registered, and observes nothing, reads what its token lets it read. */
static void
tell_ends (PbServerSession *self, PbServerLink *link, GHashTable *made)
{
  const char *stream = pb_token_get_stream (link->token);

  for (guint i = 0; i < link->peers->len; i++) {
    PbServerPeer *peer = g_ptr_array_index (link->peers, i);

    if (peer->direction == PB_DIRECTION_OBSERVE)
      return;
  }
  if (link->peers->len > 0)
    send_made (self, link,
        stream != NULL ? g_hash_table_lookup (self->slots, stream) : NULL,
        made);
}

static gboolean
on_snapshot (gpointer user_data)
{
  PbServerSession *self = user_data;
  g_autoptr (GHashTable) made = g_hash_table_new_full (NULL, NULL, NULL,
      (GDestroyNotify) pb_message_unref);
  GHashTableIter iter;
  gpointer value;

  self->snapshot = 0;
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerPeer *peer = value;

    if (peer->direction == PB_DIRECTION_OBSERVE && peer->link != NULL)
      send_made (self, peer->link, peer->slot, made);
  }
  for (guint i = 0; self->tells_all && i < self->links->len; i++)
    tell_ends (self, g_ptr_array_index (self->links, i), made);
  self->tells_all = FALSE;

  return G_SOURCE_REMOVE;
}

/**
 * pb_server_session_queue_snapshot: (skip)
 * @self: the session
 *
 * Observers get one `session` message for all that changes in a short while.
 */
void
pb_server_session_queue_snapshot (PbServerSession *self)
{
  if (self->snapshot == 0)
    self->snapshot = g_timeout_add (self->context->limits.snapshot_ms,
        on_snapshot, self);
}

static void
sweep_peer (PbServerSession *self, PbServerPeer *peer, gint64 now_us)
{
  PbHealthStatus status;
  gboolean is_stale;

  if (!pb_server_peer_is_here (peer) &&
      (now_us - peer->lost_at >= self->context->limits.grace_us ||
          peer->token_expires <= pb_server_context_unix (self->context))) {
    pb_server_session_remove (self, peer, "lost");
    return;
  }
  /* nobody else asks for its token */
  if (peer->http != NULL &&
      peer->token_expires <= pb_server_context_unix (self->context)) {
    pb_server_session_remove (self, peer, "closed");
    return;
  }
  if (peer->http != NULL &&
      pb_server_virtual_is_idle (peer->http, now_us)) {
    pb_server_session_remove (self, peer, "lost");
    return;
  }
  if (!peer->has_health)
    return;
  status = pb_health_get (peer->health, now_us, &is_stale);
  if (status != peer->told_status || is_stale != peer->told_stale)
    pb_server_session_tell_health (self, peer);
}

/**
 * pb_server_session_sweep: (skip)
 * @self: the session
 */
void
pb_server_session_sweep (PbServerSession *self)
{
  gint64 now_us = pb_server_context_now_us (self->context);
  g_autoptr (GList) peers = NULL;

  /* ending a link takes it off no list: that happens when it is closed */
  for (guint i = 0; i < self->links->len; i++) {
    PbServerLink *link = g_ptr_array_index (self->links, i);

    if (link->connection != NULL && pb_server_link_check_token (link))
      pb_server_link_renew_turn (link);
  }
  peers = g_hash_table_get_values (self->peers);
  for (GList *l = peers; l != NULL; l = l->next)
    sweep_peer (self, l->data, now_us);
  pb_server_watch_sweep (self);
  pb_server_desk_sweep (self);
}
