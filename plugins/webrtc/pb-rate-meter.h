/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbRateMeter: (skip)
 * What arrives: R_hat of draft-ietf-rmcat-gcc-02, 5.5, over the last half
 * second of the receiver's clock. Part of PbRateEstimator; all zero: new.
 */

#define PB_RATE_METER_SLOTS 50

typedef struct
{
  guint32 octets[PB_RATE_METER_SLOTS];
  gint64 first, newest; /* slots */
  gboolean has_any;
} PbRateMeter;

/* At most 65535 octets count: IP carries no more, and no counter overflows. */
void pb_rate_meter_add (PbRateMeter *self, gint64 received_us, gsize size);
/* Bits per second; 0: not known yet */
double pb_rate_meter_get (const PbRateMeter *self);

G_END_DECLS
