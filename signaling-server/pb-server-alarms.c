/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-alarms.h"

#include <string.h>

#include "core/pb-limits.h"
#include "pb-server-json.h"

#define RAISE_US (PB_ALARM_RAISE_S * G_TIME_SPAN_SECOND)
#define CLEAR_US (PB_ALARM_CLEAR_S * G_TIME_SPAN_SECOND)
#define NO_FEED "no-feed"
/* `"type":"alarms","alarms":[` … `],"more":500` */
#define ENVELOPE_SIZE 64

/* What may be wrong with one end, or one slot: there from the first sign of it
 * until it has been away for long enough. */
typedef struct
{
  char *stream;
  PbDirection direction; /* NONE: the slot */
  char *peer;            /* (nullable) */
  char *client;          /* (nullable) */
  PbServerAlarmLevel level;
  const char *cause;
  gint64 began_us;      /* the first sign; gaps since were short */
  gint64 away_us;       /* since when all is well; 0: it is not */
  gint64 lower_us;      /* since when it is less than its alarm; 0: it is not */
  PbServerAlarm *alarm; /* (nullable): in the history */
} Condition;

struct _PbServerAlarms
{
  PbServerAlarmTold told;
  gpointer user_data;
  GHashTable *ends;  /* peer id -> Condition */
  GHashTable *slots; /* stream -> Condition */
  GQueue history;    /* of PbServerAlarm, newest first */
  guint n_open;
  guint64 last; /* number */
};

/**
 * pb_server_alarm_level_get_name: (skip)
 * @level: a level
 *
 * Returns: its name on the wire
 */
const char *
pb_server_alarm_level_get_name (PbServerAlarmLevel level)
{
  static const char *const names[] = { "none", "warning", "critical" };

  g_return_val_if_fail (level < PB_SERVER_N_ALARM_LEVELS, NULL);

  return names[level];
}

static void
alarm_free (PbServerAlarm *alarm)
{
  g_free (alarm->stream);
  g_free (alarm->peer);
  g_free (alarm->client);
  g_free (alarm->by);
  g_free (alarm);
}

static void
condition_free (Condition *condition)
{
  g_free (condition->stream);
  g_free (condition->peer);
  g_free (condition->client);
  g_free (condition);
}

/**
 * pb_server_alarms_new: (skip)
 * @told: called for each change
 * @user_data: for it
 *
 * Returns: (transfer full): no alarms yet
 */
PbServerAlarms *
pb_server_alarms_new (PbServerAlarmTold told, gpointer user_data)
{
  PbServerAlarms *self = g_new0 (PbServerAlarms, 1);

  self->told = told;
  self->user_data = user_data;
  self->ends = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) condition_free);
  self->slots = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) condition_free);
  g_queue_init (&self->history);

  return self;
}

/**
 * pb_server_alarms_free: (skip)
 * @self: (nullable) (transfer full): they end with their session, untold
 */
void
pb_server_alarms_free (PbServerAlarms *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->ends);
  g_hash_table_unref (self->slots);
  g_queue_clear_full (&self->history, (GDestroyNotify) alarm_free);
  g_free (self);
}

/* --- from conditions to alarms ------------------------------------------- */

/* The oldest of those that are cleared makes room. */
static void
trim (PbServerAlarms *self)
{
  GList *link = self->history.tail;

  while (link != NULL && self->history.length > PB_ALARMS_MAX) {
    PbServerAlarm *alarm = link->data;
    GList *newer = link->prev;

    if (alarm->cleared_ms != 0) {
      g_queue_delete_link (&self->history, link);
      alarm_free (alarm);
    }
    link = newer;
  }
}

static void
raise_alarm (PbServerAlarms *self, Condition *condition,
    const PbServerMoment *now)
{
  PbServerAlarm *alarm;

  /* nobody reads so many; it waits until one is cleared. Whoever may receive
   * can come a thousand times, and must not drown what is said of the feeds. */
  if (self->n_open >= PB_ALARMS_MAX &&
      condition->direction == PB_DIRECTION_RECEIVE)
    return;
  alarm = g_new0 (PbServerAlarm, 1);
  alarm->number = ++self->last;
  alarm->stream = g_strdup (condition->stream);
  alarm->cause = condition->cause;
  alarm->level = condition->level;
  alarm->direction = condition->direction;
  alarm->peer = g_strdup (condition->peer);
  alarm->client = g_strdup (condition->client);
  alarm->raised_ms = now->unix_ms;
  g_queue_push_head (&self->history, alarm);
  self->n_open++;
  condition->alarm = alarm;
  condition->lower_us = 0;
  trim (self);
  self->told (alarm, PB_SERVER_ALARM_RAISED, self->user_data);
}

static void
clear_alarm (PbServerAlarms *self, Condition *condition,
    const PbServerMoment *now)
{
  PbServerAlarm *alarm = condition->alarm;

  if (alarm == NULL)
    return;
  condition->alarm = NULL;
  alarm->cleared_ms = now->unix_ms;
  self->n_open--;
  self->told (alarm, PB_SERVER_ALARM_CLEARED, self->user_data);
}

/* An alarm is as bad as its condition was in the last while: what is worse
 * counts at once, what is better when it has lasted. */
static void
follow (PbServerAlarms *self, Condition *condition, const PbServerMoment *now)
{
  PbServerAlarm *alarm = condition->alarm;
  PbServerAlarmChange change = PB_SERVER_ALARM_CHANGED;

  if (condition->level >= alarm->level)
    condition->lower_us = 0;
  else if (condition->lower_us == 0)
    condition->lower_us = now->us;
  if (condition->level == PB_SERVER_ALARM_NONE)
    return;

  if (condition->level > alarm->level) {
    change = PB_SERVER_ALARM_WORSE;
    alarm->acked_ms = 0;
    g_clear_pointer (&alarm->by, g_free);
  } else if (condition->level < alarm->level) {
    if (now->us - condition->lower_us < CLEAR_US)
      return;
    condition->lower_us = 0;
  } else if (g_str_equal (condition->cause, alarm->cause)) {
    return;
  }
  alarm->level = condition->level;
  alarm->cause = condition->cause;
  self->told (alarm, change, self->user_data);
}

/* FALSE where it is over, and may be forgotten. */
static gboolean
settle (PbServerAlarms *self, Condition *condition, const PbServerMoment *now)
{
  if (condition->alarm != NULL)
    follow (self, condition, now);
  else if (condition->level == PB_SERVER_ALARM_CRITICAL ||
           (condition->level == PB_SERVER_ALARM_WARNING &&
               now->us - condition->began_us >= RAISE_US))
    raise_alarm (self, condition, now);
  if (condition->away_us == 0 || now->us - condition->away_us < CLEAR_US)
    return TRUE;
  clear_alarm (self, condition, now);

  return FALSE;
}

/* What it reads now. */
static gboolean
read_condition (PbServerAlarms *self, Condition *condition,
    PbServerAlarmLevel level, const char *cause, const PbServerMoment *now)
{
  if (level == PB_SERVER_ALARM_NONE && condition->away_us == 0) {
    condition->away_us = now->us;
  } else if (level != PB_SERVER_ALARM_NONE) {
    /* where the sweep comes late, it is another one already */
    if (condition->began_us == 0 ||
        (condition->away_us != 0 && !settle (self, condition, now)))
      condition->began_us = now->us;
    condition->away_us = 0;
    condition->cause = cause;
  }
  condition->level = level;

  return settle (self, condition, now);
}

static void
drop (PbServerAlarms *self, GHashTable *table, const char *key,
    const PbServerMoment *now)
{
  Condition *condition = g_hash_table_lookup (table, key);

  if (condition == NULL)
    return;
  clear_alarm (self, condition, now);
  g_hash_table_remove (table, key);
}

/* Nothing is kept of what has always been well. */
static Condition *
get_condition (GHashTable *table, const char *key, PbServerAlarmLevel level)
{
  Condition *condition = g_hash_table_lookup (table, key);

  if (condition == NULL && level != PB_SERVER_ALARM_NONE)
    condition = g_new0 (Condition, 1);

  return condition;
}

/**
 * pb_server_alarms_set_end: (skip)
 * @self: the alarms
 * @stream: its slot
 * @peer: its id
 * @direction: what it does
 * @client: (nullable): what it calls itself
 * @level: how bad it is
 * @cause: why, static
 * @now: when that is so
 */
void
pb_server_alarms_set_end (PbServerAlarms *self, const char *stream,
    const char *peer, PbDirection direction, const char *client,
    PbServerAlarmLevel level, const char *cause, const PbServerMoment *now)
{
  Condition *condition = g_hash_table_lookup (self->ends, peer);

  /* the same id at another place is another end */
  if (condition != NULL && stream != NULL &&
      (condition->direction != direction ||
          !g_str_equal (condition->stream, stream)))
    drop (self, self->ends, peer, now);
  condition = get_condition (self->ends, peer, level);
  if (condition == NULL)
    return;
  if (condition->peer == NULL) {
    condition->stream = g_strdup (stream);
    condition->peer = g_strdup (peer);
    condition->client = g_strdup (client);
    condition->direction = direction;
    g_hash_table_insert (self->ends, condition->peer, condition);
  }
  if (!read_condition (self, condition, level, cause, now))
    g_hash_table_remove (self->ends, peer);
}

/**
 * pb_server_alarms_drop_end: (skip)
 * @self: the alarms
 * @peer: the id of an end that is gone
 * @at_once: whether its alarm is cleared now; it went because it wanted to
 * @now: when it went
 */
void
pb_server_alarms_drop_end (PbServerAlarms *self, const char *peer,
    gboolean at_once, const PbServerMoment *now)
{
  if (at_once)
    drop (self, self->ends, peer, now);
  else
    pb_server_alarms_set_end (self, NULL, peer, PB_DIRECTION_NONE, NULL,
        PB_SERVER_ALARM_NONE, NULL, now);
}

/**
 * pb_server_alarms_set_slot: (skip)
 * @self: the alarms
 * @stream: a slot
 * @level: how bad it is that it has no feed
 * @at_once: where it is not, whether because nobody wants one any more
 * @now: when that is so
 */
void
pb_server_alarms_set_slot (PbServerAlarms *self, const char *stream,
    PbServerAlarmLevel level, gboolean at_once, const PbServerMoment *now)
{
  Condition *condition = get_condition (self->slots, stream, level);

  if (condition == NULL)
    return;
  if (level == PB_SERVER_ALARM_NONE && at_once) {
    drop (self, self->slots, stream, now);
    return;
  }
  if (condition->stream == NULL) {
    condition->stream = g_strdup (stream);
    g_hash_table_insert (self->slots, condition->stream, condition);
  }
  if (!read_condition (self, condition, level, NO_FEED, now))
    g_hash_table_remove (self->slots, stream);
}

static void
sweep_table (PbServerAlarms *self, GHashTable *table, const PbServerMoment *now)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!settle (self, value, now))
      g_hash_table_iter_remove (&iter);
}

/**
 * pb_server_alarms_sweep: (skip)
 * @self: the alarms
 * @now: the present
 */
void
pb_server_alarms_sweep (PbServerAlarms *self, const PbServerMoment *now)
{
  sweep_table (self, self->slots, now);
  sweep_table (self, self->ends, now);
}

/* --- what people do and see ---------------------------------------------- */

/**
 * pb_server_alarms_ack: (skip)
 * @self: the alarms
 * @number: of one of them, open or cleared
 * @by: (nullable): who has seen it
 * @now: when
 * @is_new: (out): FALSE where somebody had before
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer none): the alarm
 */
const PbServerAlarm *
pb_server_alarms_ack (PbServerAlarms *self, guint64 number, const char *by,
    const PbServerMoment *now, gboolean *is_new, GError **error)
{
  for (GList *l = self->history.head; l != NULL; l = l->next) {
    PbServerAlarm *alarm = l->data;

    if (alarm->number != number)
      continue;
    *is_new = alarm->acked_ms == 0;
    if (*is_new) {
      alarm->acked_ms = now->unix_ms;
      alarm->by = g_strdup (by);
      self->told (alarm, PB_SERVER_ALARM_ACKED, self->user_data);
    }
    return alarm;
  }
  g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
      "There is no alarm of that number.");

  return NULL;
}

/**
 * pb_server_alarm_describe: (skip)
 * @alarm: an alarm
 *
 * Returns: (transfer full): section 5.7 of the protocol
 */
JsonObject *
pb_server_alarm_describe (const PbServerAlarm *alarm)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "alarm", (gint64) alarm->number);
  json_object_set_string_member (object, "stream", alarm->stream);
  json_object_set_string_member (object, "cause", alarm->cause);
  json_object_set_string_member (object, "level",
      pb_server_alarm_level_get_name (alarm->level));
  if (alarm->direction != PB_DIRECTION_NONE)
    json_object_set_string_member (object, "direction",
        pb_direction_get_name (alarm->direction));
  if (alarm->peer != NULL)
    json_object_set_string_member (object, "peer", alarm->peer);
  if (alarm->client != NULL)
    json_object_set_string_member (object, "client", alarm->client);
  json_object_set_int_member (object, "raised", alarm->raised_ms);
  if (alarm->cleared_ms != 0)
    json_object_set_int_member (object, "cleared", alarm->cleared_ms);
  if (alarm->acked_ms != 0)
    json_object_set_int_member (object, "acked", alarm->acked_ms);
  if (alarm->by != NULL)
    json_object_set_string_member (object, "by", alarm->by);

  return object;
}

/**
 * pb_server_alarms_list: (skip)
 * @self: the alarms
 * @stream: (nullable): the one slot in scope
 * @n_more: (out): how many older ones are left out
 *
 * Names that are made to be long do not make the message too long.
 *
 * Returns: (transfer full): newest first
 */
JsonArray *
pb_server_alarms_list (PbServerAlarms *self, const char *stream, guint *n_more)
{
  JsonArray *array = json_array_new ();
  gsize room = PB_WS_MESSAGE_MAX - ENVELOPE_SIZE;

  *n_more = 0;
  for (GList *l = self->history.head; l != NULL; l = l->next) {
    const PbServerAlarm *alarm = l->data;
    JsonObject *object;
    gsize size;

    if (stream != NULL && !g_str_equal (alarm->stream, stream))
      continue;
    if (*n_more > 0 || json_array_get_length (array) == PB_ALARMS_TOLD_MAX) {
      (*n_more)++;
      continue;
    }
    object = pb_server_alarm_describe (alarm);
    size = pb_server_json_measure (object) + strlen (",");
    if (size <= room) {
      room -= size;
      json_array_add_object_element (array, object);
    } else {
      json_object_unref (object);
      (*n_more)++;
    }
  }

  return array;
}

/**
 * pb_server_alarms_count: (skip)
 * @self: the alarms
 * @n_open: (inout): is added to, by level
 */
void
pb_server_alarms_count (PbServerAlarms *self,
    guint n_open[PB_SERVER_N_ALARM_LEVELS])
{
  for (GList *l = self->history.head; l != NULL; l = l->next) {
    const PbServerAlarm *alarm = l->data;

    if (alarm->cleared_ms == 0)
      n_open[alarm->level]++;
  }
}
