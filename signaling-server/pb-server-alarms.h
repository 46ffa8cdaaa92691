/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-error.h"
#include "core/pb-token.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* How bad it is; as a condition's reading, NONE is that all is well. */
typedef enum {
  PB_SERVER_ALARM_NONE,
  PB_SERVER_ALARM_WARNING,
  PB_SERVER_ALARM_CRITICAL,
  PB_SERVER_N_ALARM_LEVELS,
} PbServerAlarmLevel;

const char *pb_server_alarm_level_get_name (PbServerAlarmLevel level);

/* Both clocks: what lasts is measured with the one, and told with the other. */
typedef struct
{
  gint64 us;      /* monotonic */
  gint64 unix_ms; /* Unix milliseconds */
} PbServerMoment;

typedef struct
{
  guint64 number; /* from 1, in the session */
  char *stream;
  const char *cause; /* static */
  PbServerAlarmLevel level;
  PbDirection direction; /* NONE: it is about the slot */
  char *peer;            /* (nullable) */
  char *client;          /* (nullable) */
  gint64 raised_ms;      /* Unix milliseconds, as the next */
  gint64 cleared_ms;     /* 0: it is open */
  gint64 acked_ms;       /* 0: nobody has seen it */
  char *by;              /* (nullable): a person's name, never to be logged */
} PbServerAlarm;

typedef enum {
  PB_SERVER_ALARM_RAISED,
  PB_SERVER_ALARM_WORSE,   /* critical now, and to be seen again */
  PB_SERVER_ALARM_CHANGED, /* another cause, or no more than a warning */
  PB_SERVER_ALARM_ACKED,
  PB_SERVER_ALARM_CLEARED,
} PbServerAlarmChange;

typedef void (*PbServerAlarmTold) (const PbServerAlarm *alarm,
    PbServerAlarmChange change, gpointer user_data);

/**
 * PbServerAlarms:
 * The alarms of a session: section 5.7 of the protocol. It is told how each
 * end and each slot is, as often as one likes, and makes of it what a person
 * has to see: one alarm for what goes on, however it flaps. It reads no clock.
 */
typedef struct _PbServerAlarms PbServerAlarms;

/* `told` is called for each change, and must not call back. */
PbServerAlarms *pb_server_alarms_new (PbServerAlarmTold told,
    gpointer user_data);
void pb_server_alarms_free (PbServerAlarms *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerAlarms, pb_server_alarms_free)

/* How one end is. `cause`: static; no matter where `level` is NONE. */
void pb_server_alarms_set_end (PbServerAlarms *self, const char *stream,
    const char *peer, PbDirection direction, const char *client,
    PbServerAlarmLevel level, const char *cause, const PbServerMoment *now);
/* It is gone; `at_once`: and its alarm with it. */
void pb_server_alarms_drop_end (PbServerAlarms *self, const char *peer,
    gboolean at_once, const PbServerMoment *now);
/* Whether the feed of a slot is missing; `at_once`: with NONE, nobody waits for
 * it any more. */
void pb_server_alarms_set_slot (PbServerAlarms *self, const char *stream,
    PbServerAlarmLevel level, gboolean at_once, const PbServerMoment *now);
/* What has lasted long enough by now. */
void pb_server_alarms_sweep (PbServerAlarms *self, const PbServerMoment *now);

/* Somebody has seen it; `by`: (nullable). Again changes nothing, and `*is_new`
 * is FALSE. PB_ERROR_NOT_FOUND. */
const PbServerAlarm *pb_server_alarms_ack (PbServerAlarms *self, guint64 number,
    const char *by, const PbServerMoment *now, gboolean *is_new,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the members of an `alarm` message */
JsonObject *pb_server_alarm_describe (const PbServerAlarm *alarm);
/* (transfer full): newest first, those of `stream` (NULL: all), as many as one
 * message holds; `*n_more`: how many older ones there are. */
JsonArray *pb_server_alarms_list (PbServerAlarms *self, const char *stream,
    guint *n_more);
/* How many are open, by level. */
void pb_server_alarms_count (PbServerAlarms *self,
    guint n_open[PB_SERVER_N_ALARM_LEVELS]);

G_END_DECLS
