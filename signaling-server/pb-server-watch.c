/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-watch.h"

#include "core/pb-limits.h"
#include "pb-server-json.h"

/* A person in a control room is called for what goes wrong, and for nothing
 * else: not for a camera that has been switched off, not for a monitor that was
 * closed, not twice for one thing. */

static void
log_alarm (PbServerSession *self, PbServerAuditEvent event,
    const PbServerAlarm *alarm)
{
  g_autofree char *number =
      g_strdup_printf ("%" G_GUINT64_FORMAT, alarm->number);
  g_autofree char *resource =
      g_strconcat (pb_session_get_name (self->core), "/", alarm->stream, NULL);

  pb_server_audit_log (self->context->audit, event, resource, NULL, NULL,
      "alarm", number, "cause", alarm->cause, "level",
      pb_server_alarm_level_get_name (alarm->level), "peer", alarm->peer, NULL);
}

static void
on_alarm (const PbServerAlarm *alarm, PbServerAlarmChange change,
    gpointer user_data)
{
  PbServerSession *self = user_data;
  PbServerSlot *slot = g_hash_table_lookup (self->slots, alarm->stream);
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_ALARM);
  g_autoptr (JsonObject) object = pb_server_alarm_describe (alarm);

  /* who acknowledges is logged with the request */
  if (change == PB_SERVER_ALARM_RAISED || change == PB_SERVER_ALARM_WORSE)
    log_alarm (self, PB_SERVER_AUDIT_ALARM_RAISED, alarm);
  else if (change == PB_SERVER_ALARM_CLEARED)
    log_alarm (self, PB_SERVER_AUDIT_ALARM_CLEARED, alarm);
  pb_server_json_fill_message (message, object);
  pb_server_session_broadcast (self, slot, message, FALSE);
}

/**
 * pb_server_watch_new: (skip)
 * @session: whose alarms
 *
 * Returns: (transfer full): none yet; observers will be told
 */
PbServerAlarms *
pb_server_watch_new (PbServerSession *session)
{
  return pb_server_alarms_new (on_alarm, session);
}

/**
 * pb_server_watch_now: (skip)
 * @session: a session
 *
 * Returns: the present, by both clocks
 */
PbServerMoment
pb_server_watch_now (PbServerSession *session)
{
  return (PbServerMoment){
    .us = pb_server_context_now_us (session->context),
    .unix_ms = pb_server_context_unix_ms (session->context),
  };
}

/* Whether there is somebody that this end could be connected with. */
static gboolean
has_other_end (PbServerPeer *peer)
{
  PbServerSlot *slot = peer->slot;

  if (peer->direction == PB_DIRECTION_RECEIVE)
    return slot->sender != NULL && pb_server_peer_is_here (slot->sender) &&
           pb_server_session_may_meet (slot->sender, peer);
  for (guint i = 0; i < slot->receivers->len; i++) {
    PbServerPeer *other = g_ptr_array_index (slot->receivers, i);

    if (pb_server_peer_is_here (other) &&
        pb_server_session_may_meet (peer, other))
      return TRUE;
  }

  return FALSE;
}

/* Without a connection, old figures and silence say nothing, and that it has
 * none is news only where another end has been there for a while, and where it
 * is not said of the slot already. With one, `disconnected` is what it was a
 * moment ago: health gets better slowly. */
static gboolean
is_concern (PbServerPeer *peer, const char *cause, gint64 now_us)
{
  if (pb_server_peer_is_connected (peer, NULL))
    return !g_str_equal (cause, "disconnected");

  return peer->apart_us != 0 &&
         now_us - peer->apart_us >= PB_ALARM_MEET_S * G_TIME_SPAN_SECOND;
}

static void
watch_end (PbServerSession *self, PbServerPeer *peer, const PbServerMoment *now)
{
  PbServerAlarmLevel level = PB_SERVER_ALARM_NONE;
  const char *cause;

  /* a client of WHIP or WHEP reports nothing: its end does */
  if (!peer->has_health)
    return;
  if (pb_server_peer_is_connected (peer, NULL) || peer->slot->is_dark ||
      !has_other_end (peer))
    peer->apart_us = 0;
  else if (peer->apart_us == 0)
    peer->apart_us = now->us;
  cause = pb_health_get_cause (peer->health, now->us);
  switch (pb_health_get (peer->health, now->us, NULL)) {
    case PB_HEALTH_HEALTHY:
      break;
    case PB_HEALTH_WARNING:
      level = PB_SERVER_ALARM_WARNING;
      break;
    case PB_HEALTH_CRITICAL:
      level = PB_SERVER_ALARM_CRITICAL;
      break;
  }
  if (level != PB_SERVER_ALARM_NONE && !is_concern (peer, cause, now->us))
    level = PB_SERVER_ALARM_NONE;
  pb_server_alarms_set_end (self->alarms, peer->slot->name, peer->id,
      peer->direction, peer->client, level, cause, now);
}

static gboolean
claims_feed (PbServerPeer *peer, gboolean is_here)
{
  return pb_server_peer_is_here (peer) == is_here &&
         pb_server_peer_is_connected (peer, NULL);
}

/* The state of a slot holds for the grace time of who has gone without a word;
 * a picture that has gone black does not. An end that is away is believed where
 * nobody at the other one says otherwise: the server may be what is away. */
static gboolean
has_feed (PbServerSlot *slot)
{
  PbServerPeer *sender = slot->sender;
  gboolean is_alone = TRUE;
  gboolean is_remembered = FALSE;

  if (sender != NULL && claims_feed (sender, TRUE))
    return TRUE;
  for (guint i = 0; i < slot->receivers->len; i++) {
    PbServerPeer *peer = g_ptr_array_index (slot->receivers, i);

    if (claims_feed (peer, TRUE))
      return TRUE;
    is_alone &= !pb_server_peer_is_here (peer);
    is_remembered |= claims_feed (peer, FALSE);
  }
  if (sender == NULL || !pb_server_peer_is_here (sender))
    return is_alone &&
           (is_remembered || (sender != NULL && claims_feed (sender, FALSE)));

  return FALSE;
}

static void
watch_feed (PbServerSession *self, PbServerSlot *slot,
    const PbServerMoment *now)
{
  PbTally tally = pb_session_get_tally (self->core, slot->name);
  PbServerAlarmLevel level = PB_SERVER_ALARM_NONE;
  gboolean is_up = has_feed (slot);

  if (is_up)
    slot->had_feed = TRUE;
  else if (tally == PB_TALLY_PROGRAM)
    level = PB_SERVER_ALARM_CRITICAL;
  else if (slot->had_feed)
    level = PB_SERVER_ALARM_WARNING;
  slot->is_dark = level != PB_SERVER_ALARM_NONE;
  pb_server_alarms_set_slot (self->alarms, slot->name, level, !is_up, now);
}

static void
watch_slot (PbServerSession *self, PbServerSlot *slot,
    const PbServerMoment *now)
{
  watch_feed (self, slot, now);
  if (slot->sender != NULL)
    watch_end (self, slot->sender, now);
  for (guint i = 0; i < slot->receivers->len; i++)
    watch_end (self, g_ptr_array_index (slot->receivers, i), now);
}

/**
 * pb_server_watch_slot: (skip)
 * @session: the session
 * @slot: one of its slots, whose state, tally or ends may have changed
 */
void
pb_server_watch_slot (PbServerSession *session, PbServerSlot *slot)
{
  PbServerMoment now = pb_server_watch_now (session);

  watch_slot (session, slot, &now);
}

/* `closed` is said of a token that has run out, which nobody meant to happen,
 * and of one that was taken back. */
static gboolean
went_on_purpose (PbServerSession *self, PbServerPeer *peer, const char *reason)
{
  return g_str_equal (reason, "left") ||
         (g_str_equal (reason, "closed") &&
             peer->token_expires > pb_server_context_unix (self->context));
}

/**
 * pb_server_watch_gone: (skip)
 * @session: the session
 * @peer: a sender or receiver; its slot does not hold it any more
 * @reason: `left`, `lost`, `replaced` or `closed`
 *
 * Nobody misses the feed of a sender that has left, nor one that nobody wants
 * to see; whoever replaces a sender is to bring it back. pb_server_watch_slot()
 * must follow.
 */
void
pb_server_watch_gone (PbServerSession *session, PbServerPeer *peer,
    const char *reason)
{
  PbServerMoment now = pb_server_watch_now (session);
  PbServerSlot *slot = peer->slot;
  gboolean is_empty = peer->direction == PB_DIRECTION_SEND
                          ? slot->sender == NULL
                          : slot->receivers->len == 0;

  if (is_empty && went_on_purpose (session, peer, reason))
    slot->had_feed = FALSE;
  /* the alarm of one that broke down is not cleared by that */
  pb_server_alarms_drop_end (session->alarms, peer->id,
      !g_str_equal (reason, "lost"), &now);
}

/**
 * pb_server_watch_sweep: (skip)
 * @session: the session
 */
void
pb_server_watch_sweep (PbServerSession *session)
{
  PbServerMoment now = pb_server_watch_now (session);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, session->slots);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    watch_slot (session, value, &now);
  pb_server_alarms_sweep (session->alarms, &now);
}

/**
 * pb_server_watch_send: (skip)
 * @session: the session
 * @peer: an observer
 */
void
pb_server_watch_send (PbServerSession *session, PbServerPeer *peer)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_ALARMS);
  JsonNode *node = json_node_alloc ();
  guint n_more;

  json_node_init (node, JSON_NODE_ARRAY);
  json_node_take_array (node,
      pb_server_alarms_list (session->alarms,
          peer->slot != NULL ? peer->slot->name : NULL, &n_more));
  pb_message_take_node (message, "alarms", node);
  pb_message_set_int (message, "more", n_more);
  pb_server_peer_tell (peer, message);
}
