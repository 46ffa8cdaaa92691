/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbFrameCount:
 * What a viewer sees of a stream of pictures: how many came, how many are
 * missing between them, how often it stood still. Pure: times are given, in
 * microseconds of presentation. All zeroes is a good beginning. Not thread
 * safe.
 */
typedef struct
{
  gint64 n_frames;
  /* Gaps, in frames of the usual interval: an estimate, for nobody numbers
   * pictures on the way. */
  gint64 n_missing;
  /* As `freezeCount` of W3C's webrtc-stats: an interval of more than three
   * times the usual one, and 150 ms longer than it */
  gint64 n_freezes;

  gint64 last_us, usual_us; /* 0: not known yet */
  guint n_intervals;        /* that `usual_us` is made of */
} PbFrameCount;

void pb_frame_count_add (PbFrameCount *self, gint64 time_us);

G_END_DECLS
