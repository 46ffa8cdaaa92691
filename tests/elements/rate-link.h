/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-rate-estimator.h"

G_BEGIN_DECLS

/* A link of tests/data/rate with an estimator on it: an encoder that follows
 * the estimate, 64 kbit/s of audio, a bottleneck with a queue, and a receiver
 * that tells of what came each 50 ms. Time is the link's, from 0. */
typedef struct
{
  gint64 at_ms;
  guint capacity_kbps, cross_kbps, delay_ms;
  gboolean has_feedback;
} RateStep;

typedef struct
{
  gint64 at_ms;
  guint capacity_kbps, estimate_kbps;
  double queue_ms, loss_percent;
} RateSample;

typedef struct
{
  guint min_bps, max_bps, start_bps;
  gint64 end_ms;
  /* added to what the receiver's clock says */
  gint64 receiver_offset_us;
  /* after which that clock begins again at 0; 0: never */
  gint64 receiver_wrap_us;
  /* feedback messages change places in twos; each comes twice */
  gboolean swaps_feedback, repeats_feedback;
  /* what was told as lost, and comes, is told of again */
  gboolean tells_late;
} RateRun;

/* One RateSample for each 100 ms. Aborts where the link cannot be read. */
GArray *rate_link_run (const char *name, const RateRun *run);

G_END_DECLS
