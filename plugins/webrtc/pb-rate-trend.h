/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbRateTrend: (skip)
 * Whether a queue grows on the way, from when packets were sent and when they
 * arrived: draft-ietf-rmcat-gcc-02, 5.1 to 5.4, with a line fitted through the
 * last delays in place of 5.3's Kalman filter. Part of PbRateEstimator.
 */
typedef enum {
  PB_RATE_USE_NORMAL,
  PB_RATE_USE_OVER,
  PB_RATE_USE_UNDER,
} PbRateUse;

#define PB_RATE_TREND_POINTS 20

typedef struct
{
  gint64 first_sent, last_sent;         /* µs, the sender's clock */
  gint64 first_received, last_received; /* µs, the receiver's clock */
} PbRateGroup;

typedef struct
{
  PbRateGroup current, previous;
  gboolean has_current, has_previous;
  guint n_reordered; /* groups in a row */

  double delay_ms, smoothed_ms; /* since the reset, accumulated */
  double x[PB_RATE_TREND_POINTS], y[PB_RATE_TREND_POINTS]; /* ms, a ring */
  guint n_deltas;
  gint64 origin; /* of x */

  double threshold_ms, last_trend;
  double over_ms; /* how long above the threshold; < 0: not at all */
  guint n_over;
  PbRateUse use;
} PbRateTrend;

void pb_rate_trend_init (PbRateTrend *self);
/* Neither is negative. Packets come about in the order they were sent. */
PbRateUse pb_rate_trend_add (PbRateTrend *self, gint64 sent_us,
    gint64 received_us);

G_END_DECLS
