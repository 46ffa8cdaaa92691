/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"
#include "core/pb-token.h"

G_BEGIN_DECLS

typedef enum {
  PB_HEALTH_HEALTHY,
  PB_HEALTH_WARNING,
  PB_HEALTH_CRITICAL,
} PbHealthStatus;

PB_API GType pb_health_status_get_type (void);
#define PB_TYPE_HEALTH_STATUS (pb_health_status_get_type ())
PB_API const char *pb_health_status_get_name (PbHealthStatus status);
PB_API gboolean pb_health_status_from_name (const char *name,
    PbHealthStatus *out);

/**
 * PbHealthSample:
 * What one end measured over the last interval. The field names are those of
 * the `health` message; docs/protocol.md section 6 has units and thresholds.
 * Counters are totals since the registration; rates are over the interval.
 */
typedef struct {
  double rtt_ms;
  double jitter_ms;
  double loss_percent;      /* lost on the way, before recovery, 0..100 */
  double drop_percent;      /* not recovered in time: seen by the viewer */
  double bitrate_kbps;
  double bandwidth_kbps;    /* estimated link capacity; 0: unknown */
  double buffer_ms;         /* sender: unsent; receiver: held for latency */
  gint64 latency_ms;        /* negotiated */
  gint64 packets;
  gint64 packets_lost;
  gint64 packets_dropped;
  gint64 packets_retransmitted;
  gint64 packets_undecrypted;
  gint64 frames;            /* of video, decoded or handed up whole */
  gint64 frames_dropped;    /* that could not be, or were not sent */
  gint64 freezes;           /* times the picture stood still */
  gint64 interval_ms;
  gboolean connected;       /* media can flow */
} PbHealthSample;

PB_API void pb_health_sample_write (const PbHealthSample *sample,
    PbMessage *message);
PB_API void pb_health_sample_read (PbHealthSample *sample, PbMessage *message);

/**
 * PbHealth: (skip)
 * Health of one end of one slot: the last sample, its age, and hysteresis (a
 * worse status counts at once, a better one after two samples in a row). Time
 * is given, never read: microseconds of any monotonic clock.
 */
typedef struct _PbHealth PbHealth;

PB_API PbHealth *pb_health_new (PbDirection direction);
PB_API void pb_health_free (PbHealth *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbHealth, pb_health_free)

PB_API PbHealthStatus pb_health_add (PbHealth *self,
    const PbHealthSample *sample, gint64 now_us);
/* Silence is not health: WARNING after PB_HEALTH_STALE_MS, CRITICAL after
 * PB_HEALTH_DEAD_MS, and CRITICAL before any sample came. */
PB_API PbHealthStatus pb_health_get (PbHealth *self, gint64 now_us,
    gboolean *is_stale);
/* FALSE before the first. */
PB_API gboolean pb_health_peek (PbHealth *self, PbHealthSample *sample,
    gint64 *age_ms, gint64 now_us);
/* One word for what is worst: "loss", "drops", "rtt", "buffer", "stale",
 * "disconnected", "undecrypted", "bandwidth" or "" */
PB_API const char *pb_health_get_cause (PbHealth *self, gint64 now_us);

G_END_DECLS
