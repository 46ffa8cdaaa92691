/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbRateEstimator:
 * What a way carries, from what came back over it (transport-wide congestion
 * control, draft-holmer-rmcat-transport-wide-cc-extensions-01): the trend of
 * the delay, and loss, after draft-ietf-rmcat-gcc-02. Pure arithmetic: no
 * clock, no thread, no GStreamer; times are given in microseconds.
 */
typedef struct _PbRateEstimator PbRateEstimator;

typedef struct
{
  gint64 sent_us;     /* by the sender's clock */
  gint64 received_us; /* by the receiver's; -1: lost */
  guint size;         /* octets, headers included */
} PbRatePacket;

PbRateEstimator *pb_rate_estimator_new (guint min_bps, guint max_bps,
    guint start_bps);
void pb_rate_estimator_free (PbRateEstimator *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbRateEstimator, pb_rate_estimator_free)

/* One feedback message: its packets in the order they were sent. `rtt_us` 0:
 * not known. Returns the estimate in bits per second. */
guint pb_rate_estimator_feed (PbRateEstimator *self,
    const PbRatePacket *packets, gsize n_packets, gint64 rtt_us, gint64 now_us);
/* So many that an earlier message called lost have come after all. */
void pb_rate_estimator_recover (PbRateEstimator *self, guint n_packets);
/* No feedback for a while is bad news too; call it each second. */
guint pb_rate_estimator_tick (PbRateEstimator *self, gint64 now_us);
guint pb_rate_estimator_get (PbRateEstimator *self);
/* A queue, loss or silence has shown that the way has an end. */
gboolean pb_rate_estimator_has_end (PbRateEstimator *self);
/* What was sent has arrived, whatever the estimate says. */
gboolean pb_rate_estimator_is_clear (PbRateEstimator *self);
/* Percent of the packets of the last second. */
double pb_rate_estimator_get_loss (PbRateEstimator *self);
void pb_rate_estimator_set_bounds (PbRateEstimator *self, guint min_bps,
    guint max_bps);

/**
 * pb_rate_share:
 * One encoder for several consumers: which rate it takes. A consumer that can
 * take less than half of what the best one takes does not drag the others down:
 * it is thinned by itself (pb-frame-gate.h).
 *
 * `estimates`: of the connected consumers, audio already taken off. Returns
 * `max_bps` where there is none.
 */
guint pb_rate_share (const guint *estimates, gsize n_estimates, guint min_bps,
    guint max_bps);

G_END_DECLS
