/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-frame-count.h"

/* W3C's webrtc-stats: over how many frames the usual interval is taken, and how
 * much longer one must be to be seen */
#define USUAL_FRAMES 30
#define FREEZE_TIMES 3
#define FREEZE_US 150000
/* No interval is usual before a few have been seen. */
#define FIRST_FRAMES 5

/**
 * pb_frame_count_add: (skip)
 * @self: a count
 * @time_us: when the picture is to be shown; one that is not after the last
 *   one counts as a picture and no more
 */
void
pb_frame_count_add (PbFrameCount *self, gint64 time_us)
{
  gint64 interval = time_us - self->last_us;
  gboolean is_first = self->n_frames++ == 0;

  if (!is_first && interval <= 0)
    return;
  self->last_us = time_us;
  if (is_first)
    return;

  if (self->n_intervals >= FIRST_FRAMES) {
    if (interval > FREEZE_TIMES * self->usual_us &&
        interval > self->usual_us + FREEZE_US)
      self->n_freezes++;
    /* a gap says nothing about what is usual */
    if (2 * interval > 3 * self->usual_us) {
      self->n_missing += (interval + self->usual_us / 2) / self->usual_us - 1;
      /* but one after the other does: the sender has become slower */
      interval = MIN (interval, 2 * self->usual_us);
    }
  }
  self->n_intervals = MIN (self->n_intervals + 1, USUAL_FRAMES);
  self->usual_us += (interval - self->usual_us) / (gint64) self->n_intervals;
  self->usual_us = MAX (self->usual_us, 1);
}
