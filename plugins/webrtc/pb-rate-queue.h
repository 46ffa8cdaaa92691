/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbRateQueue: (skip)
 * How long what is sent now will wait on the way. A queue that stands has no
 * trend, so PbRateTrend does not see it: it is what the round trip has above
 * its least of the last while. Part of PbRateEstimator.
 */

#define PB_RATE_QUEUE_RTTS 4

typedef struct
{
  gint64 rtts_us[PB_RATE_QUEUE_RTTS]; /* the latest; a ring */
  guint n_rtts;
  /* the least of this period, and of the one before; 0: none */
  gint64 base_us[2];
  gint64 base_since_us;
} PbRateQueue;

void pb_rate_queue_init (PbRateQueue *self, gint64 now_us);
/* `rtt_us` is more than 0; `now_us` does not go back. */
void pb_rate_queue_add (PbRateQueue *self, gint64 rtt_us, gint64 now_us);
/* Whether there were enough round trips to tell; before, get() says 0. */
gboolean pb_rate_queue_is_known (const PbRateQueue *self);
gint64 pb_rate_queue_get (const PbRateQueue *self);

G_END_DECLS
