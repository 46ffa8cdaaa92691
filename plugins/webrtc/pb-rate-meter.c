/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-rate-meter.h"

#define SLOT_US 10000
/* as much must have been seen, or a burst at the start looks like a rate */
#define MIN_US (200 * 1000)
#define PACKET_MAX 65535

void
pb_rate_meter_add (PbRateMeter *self, gint64 received_us, gsize size)
{
  gint64 slot = received_us / SLOT_US;

  if (!self->has_any || ABS (slot - self->newest) > 4 * PB_RATE_METER_SLOTS) {
    /* the first, or the receiver's clock has jumped */
    *self = (PbRateMeter){ .first = slot, .newest = slot, .has_any = TRUE };
  }
  if (slot <= self->newest - PB_RATE_METER_SLOTS)
    return;
  for (; self->newest < slot; self->newest++)
    self->octets[(self->newest + 1) % PB_RATE_METER_SLOTS] = 0;
  self->octets[slot % PB_RATE_METER_SLOTS] += MIN (size, PACKET_MAX);
}

double
pb_rate_meter_get (const PbRateMeter *self)
{
  gint64 n_slots = MIN (self->newest - self->first + 1, PB_RATE_METER_SLOTS);
  double octets = 0;

  if (!self->has_any || n_slots * SLOT_US < MIN_US)
    return 0;
  for (guint i = 0; i < PB_RATE_METER_SLOTS; i++)
    octets += self->octets[i];

  return octets * 8 * G_USEC_PER_SEC / (double) (n_slots * SLOT_US);
}
