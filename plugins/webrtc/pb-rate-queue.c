/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-rate-queue.h"

#define BASE_PERIOD_US (10 * G_USEC_PER_SEC)

void
pb_rate_queue_init (PbRateQueue *self, gint64 now_us)
{
  *self = (PbRateQueue){ .base_since_us = now_us };
}

void
pb_rate_queue_add (PbRateQueue *self, gint64 rtt_us, gint64 now_us)
{
  self->rtts_us[self->n_rtts++ % PB_RATE_QUEUE_RTTS] = rtt_us;
  if (now_us - self->base_since_us >= BASE_PERIOD_US) {
    self->base_us[1] = self->base_us[0];
    self->base_us[0] = 0;
    self->base_since_us = now_us;
  }
  if (self->base_us[0] == 0 || rtt_us < self->base_us[0])
    self->base_us[0] = rtt_us;
}

gboolean
pb_rate_queue_is_known (const PbRateQueue *self)
{
  return self->n_rtts >= PB_RATE_QUEUE_RTTS;
}

/* The least of a few, since a busy machine makes some late. */
gint64
pb_rate_queue_get (const PbRateQueue *self)
{
  gint64 base = self->base_us[0], least = G_MAXINT64;

  if (!pb_rate_queue_is_known (self))
    return 0;
  if (self->base_us[1] > 0)
    base = MIN (base, self->base_us[1]);
  for (guint i = 0; i < PB_RATE_QUEUE_RTTS; i++)
    least = MIN (least, self->rtts_us[i]);

  return least - base;
}
