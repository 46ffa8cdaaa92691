/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two controllers, and the lower one counts: draft-ietf-rmcat-gcc-02, clause 5
 * (delay; the detector is pb-rate-trend.c) and clause 6 (loss). What the draft
 * leaves to the sender is ours: a quick start, since nobody here sends packets
 * only to probe, and what silence means. */

#include "config.h"

#include "pb-rate-estimator.h"

#include <math.h>

#include "pb-rate-meter.h"
#include "pb-rate-queue.h"
#include "pb-rate-trend.h"

/* 5.5 and 5.6 */
#define DECREASE 0.85
#define INCREASE_PER_S 1.08
#define START_PER_S 1.7
#define RECEIVED_TIMES_MAX 1.5
#define RECEIVED_PLUS_BPS 10000
#define RESPONSE_US (100 * 1000)
#define FRAMES_PER_S 30
#define PACKET_BITS (1200 * 8)
#define ADDITIVE_MIN_BPS 1000
/* two decreases are at least as far apart as the first needs to be seen */
#define DECREASE_MIN_US (10 * 1000)
#define DECREASE_MAX_US (200 * 1000)
/* of the average of R_hat where it was decreased; kbit/s */
#define CAPACITY_WEIGHT 0.05
#define CAPACITY_SIGMAS 3
#define CAPACITY_VARIANCE 0.4
#define CAPACITY_VARIANCE_MAX 2.5

/* Clause 6; judged once a second, as a receiver reports. It climbs as clause 5
 * does, not by the draft's 5 %: a full queue loses as well, and beside 2 % of
 * random loss the way back would take a minute. */
#define LOSS_LOW 0.02
#define LOSS_HIGH 0.10
#define LOSS_INCREASE_PER_S 1.08
#define LOSS_PERIOD_US G_USEC_PER_SEC
#define LOSS_PACKETS_MIN 20
/* beyond any chance in twenty packets: not waited for */
#define LOSS_FLOOD 0.30
#define LOSS_FLOOD_US (300 * 1000)

#define SILENCE_US (2 * G_USEC_PER_SEC)
#define SILENCE_AGAIN_US G_USEC_PER_SEC
#define RTT_MAX_US (10 * G_USEC_PER_SEC)
#define RTT_DEFAULT_US (200 * 1000)

/* Neither controller sees a queue that stands (pb-rate-queue.c does), and all
 * that waits in it comes too late. What is sent is taken back by as much as
 * empties it in about a second. */
#define QUEUE_FROM_US (100 * 1000)
#define QUEUE_DRAIN_US G_USEC_PER_SEC
#define QUEUE_DRAIN_MOST 0.5
/* what a report may be late by itself, and no queue */
#define QUEUE_NONE_US (50 * 1000)

/* messages that are known again */
#define HEARD 8

#define SHOWN_SLOT_US (100 * 1000)
#define SHOWN_SLOTS 10

typedef enum {
  PB_RATE_STATE_HOLD,
  PB_RATE_STATE_INCREASE,
  PB_RATE_STATE_DECREASE,
} PbRateState;

typedef struct
{
  gint64 slot;
  guint n, n_lost;
} Shown;

typedef struct
{
  gint64 first, last; /* sent */
  gsize n;
} Heard;

struct _PbRateEstimator
{
  double min_bps, max_bps;

  PbRateTrend trend;
  PbRateQueue queue;
  PbRateMeter meter;
  PbRateState state;
  double delay_bps; /* A_hat */
  gboolean is_starting;
  gboolean has_end;
  gboolean has_capacity;
  double capacity_kbps, capacity_variance;
  gint64 changed_us, decreased_us;

  double loss_bps;           /* As_hat */
  guint64 n_packets, n_lost; /* since it was judged */
  gint64 judged_us;

  gboolean was_fed;
  gint64 now_us, fed_us, halved_us, rtt_us;
  Heard heard[HEARD];
  guint n_heard;
  Shown shown[SHOWN_SLOTS];
};

/**
 * pb_rate_estimator_new:
 * @min_bps: what it never says less than
 * @max_bps: what it never says more than; @min_bps where that is more
 * @start_bps: what it says before it knows
 *
 * Returns: (transfer full): an estimator of one way
 *
 * Since: 0.1
 */
PbRateEstimator *
pb_rate_estimator_new (guint min_bps, guint max_bps, guint start_bps)
{
  PbRateEstimator *self = g_new0 (PbRateEstimator, 1);

  pb_rate_trend_init (&self->trend);
  self->delay_bps = start_bps;
  self->loss_bps = G_MAXUINT;
  self->is_starting = TRUE;
  pb_rate_estimator_set_bounds (self, min_bps, max_bps);
  for (guint i = 0; i < SHOWN_SLOTS; i++)
    self->shown[i].slot = -1;

  return self;
}

/**
 * pb_rate_estimator_free:
 * @self: (transfer full): the estimator
 *
 * Since: 0.1
 */
void
pb_rate_estimator_free (PbRateEstimator *self)
{
  g_free (self);
}

/**
 * pb_rate_estimator_set_bounds:
 * @self: the estimator
 * @min_bps: the least
 * @max_bps: the most; @min_bps where that is more
 *
 * The estimate lies within them at once.
 *
 * Since: 0.1
 */
void
pb_rate_estimator_set_bounds (PbRateEstimator *self, guint min_bps,
    guint max_bps)
{
  self->min_bps = min_bps;
  self->max_bps = MAX (min_bps, max_bps);
  self->delay_bps = CLAMP (self->delay_bps, self->min_bps, self->max_bps);
  self->loss_bps = MAX (self->loss_bps, self->min_bps);
}

/* As much as may be where it is not known: the estimate may be more than what
 * anybody sends. */
static double
get_received (const PbRateEstimator *self)
{
  double received_bps = pb_rate_meter_get (&self->meter);

  return received_bps > 0 ? received_bps : self->max_bps;
}

static Shown *
get_shown (PbRateEstimator *self)
{
  gint64 slot = self->now_us / SHOWN_SLOT_US;
  Shown *shown = &self->shown[slot % SHOWN_SLOTS];

  if (shown->slot != slot)
    *shown = (Shown){ .slot = slot };

  return shown;
}

/* 5.5: the average of R_hat where the way was full, and how far it strays */
static void
learn_capacity (PbRateEstimator *self, double received_kbps)
{
  double error;

  if (!self->has_capacity) {
    self->capacity_kbps = received_kbps;
    self->capacity_variance = CAPACITY_VARIANCE;
    self->has_capacity = TRUE;
    return;
  }
  self->capacity_kbps +=
      CAPACITY_WEIGHT * (received_kbps - self->capacity_kbps);
  error = self->capacity_kbps - received_kbps;
  self->capacity_variance =
      CLAMP ((1 - CAPACITY_WEIGHT) * self->capacity_variance +
                 CAPACITY_WEIGHT * error * error / MAX (self->capacity_kbps, 1),
          CAPACITY_VARIANCE, CAPACITY_VARIANCE_MAX);
}

/* < 0 below what was learnt, > 0 above it, 0 where it is about that */
static int
compare_capacity (const PbRateEstimator *self, double received_kbps)
{
  double distance =
      CAPACITY_SIGMAS * sqrt (self->capacity_variance * self->capacity_kbps);

  if (received_kbps > self->capacity_kbps + distance)
    return 1;

  return received_kbps < self->capacity_kbps - distance ? -1 : 0;
}

static gint64
get_rtt (const PbRateEstimator *self)
{
  return self->rtt_us > 0 ? self->rtt_us : RTT_DEFAULT_US;
}

static void
decrease (PbRateEstimator *self, double received_bps)
{
  gint64 apart = CLAMP (get_rtt (self), DECREASE_MIN_US, DECREASE_MAX_US);
  double to = DECREASE * (received_bps > 0 ? received_bps : self->delay_bps);

  /* Once more is right only where the last one can have been seen, or where it
   * was far from enough. */
  if (self->decreased_us > 0 && self->now_us - self->decreased_us < apart &&
      (received_bps <= 0 || received_bps > self->delay_bps / 2))
    return;

  self->is_starting = FALSE;
  self->has_end = TRUE;
  self->decreased_us = self->now_us;
  if (received_bps > 0) {
    if (self->has_capacity && compare_capacity (self, received_bps / 1000) < 0)
      self->has_capacity = FALSE;
    learn_capacity (self, received_bps / 1000);
  }
  self->delay_bps = MIN (self->delay_bps, to);
}

/* 5.5: slowly near the capacity, half a packet per response time; else by a
 * share, and by a larger one before the capacity was ever met. */
static void
increase (PbRateEstimator *self, double received_bps, double elapsed_s)
{
  double to = self->delay_bps;
  double most = RECEIVED_TIMES_MAX * received_bps + RECEIVED_PLUS_BPS;

  if (self->has_capacity && compare_capacity (self, received_bps / 1000) > 0)
    self->has_capacity = FALSE;

  if (self->has_capacity) {
    double frame_bits = self->delay_bps / FRAMES_PER_S;
    double packet_bits = frame_bits / ceil (MAX (frame_bits, 1) / PACKET_BITS);
    double response_s =
        (double) (RESPONSE_US + get_rtt (self)) / G_USEC_PER_SEC;

    to += MAX (ADDITIVE_MIN_BPS * elapsed_s,
        0.5 * packet_bits * MIN (elapsed_s / response_s, 1));
  } else {
    to = MAX (to + ADDITIVE_MIN_BPS * elapsed_s,
        to * pow (self->is_starting ? START_PER_S : INCREASE_PER_S, elapsed_s));
  }
  /* what has come without a queue fits, whoever sends it */
  if (self->is_starting)
    to = MAX (to, received_bps);
  /* 5.5: what nobody has sent, nobody has tried */
  self->delay_bps = MAX (self->delay_bps, MIN (to, most));
}

/* 5.5: the table of states */
static void
control_delay (PbRateEstimator *self, PbRateUse use)
{
  double received_bps = pb_rate_meter_get (&self->meter);
  double elapsed_s =
      CLAMP ((double) (self->now_us - self->changed_us) / G_USEC_PER_SEC, 0, 1);

  if (use == PB_RATE_USE_OVER)
    self->state = PB_RATE_STATE_DECREASE;
  else if (use == PB_RATE_USE_UNDER)
    self->state = PB_RATE_STATE_HOLD; /* the queue drains: let it */
  else if (self->state == PB_RATE_STATE_HOLD)
    self->state = PB_RATE_STATE_INCREASE;

  if (self->state == PB_RATE_STATE_DECREASE) {
    decrease (self, received_bps);
    self->state = PB_RATE_STATE_HOLD;
  } else if (self->state == PB_RATE_STATE_INCREASE && received_bps > 0) {
    increase (self, received_bps, elapsed_s);
  }
  self->changed_us = self->now_us;
  self->delay_bps = CLAMP (self->delay_bps, self->min_bps, self->max_bps);
}

/* Clause 6 */
static void
control_loss (PbRateEstimator *self)
{
  gint64 elapsed = self->now_us - self->judged_us;
  double now_bps = MIN (self->delay_bps, self->loss_bps);
  double loss;

  if (self->n_packets < LOSS_PACKETS_MIN)
    return;
  loss = (double) self->n_lost / (double) self->n_packets;
  if (elapsed < LOSS_PERIOD_US &&
      (loss < LOSS_FLOOD || elapsed < LOSS_FLOOD_US + get_rtt (self)))
    return;

  if (loss > LOSS_HIGH) {
    self->loss_bps = now_bps * (1 - 0.5 * loss);
    self->is_starting = FALSE;
    self->has_end = TRUE;
  } else if (loss <= LOSS_LOW) {
    self->loss_bps *= LOSS_INCREASE_PER_S;
  }
  self->loss_bps = CLAMP (self->loss_bps, self->min_bps, G_MAXUINT);
  self->n_packets = 0;
  self->n_lost = 0;
  self->judged_us = self->now_us;
}

/* Times are this side's own: one that goes back stands still. */
static void
set_now (PbRateEstimator *self, gint64 now_us)
{
  self->now_us = MAX (self->now_us, MIN (now_us, G_MAXINT64 / 2));
}

/* A message that comes twice must not double what was received. */
static gboolean
is_repeated (PbRateEstimator *self, const PbRatePacket *packets, gsize n)
{
  Heard now = { packets[0].sent_us, packets[n - 1].sent_us, n };

  for (guint i = 0; i < HEARD; i++) {
    const Heard *heard = &self->heard[i];

    if (heard->n == n && heard->first == now.first && heard->last == now.last)
      return TRUE;
  }
  self->heard[self->n_heard++ % HEARD] = now;

  return FALSE;
}

/* What was learnt before the silence may have changed with the way. */
static void
end_silence (PbRateEstimator *self)
{
  pb_rate_trend_init (&self->trend);
  self->meter = (PbRateMeter){ .has_any = FALSE };
  self->has_capacity = FALSE;
  self->is_starting = TRUE;
  pb_rate_queue_init (&self->queue, self->now_us);
  self->state = PB_RATE_STATE_HOLD;
  self->changed_us = self->now_us;
  self->judged_us = self->now_us;
  self->n_packets = 0;
  self->n_lost = 0;
}

/**
 * pb_rate_estimator_feed:
 * @self: the estimator
 * @packets: (array length=n_packets) (nullable): in the order they were sent
 * @n_packets: of one feedback message
 * @rtt_us: the round trip; 0: not known
 * @now_us: when the message came, by any clock that does not go back
 *
 * Messages may overtake one another, repeat and be lost; both clocks may jump
 * and wrap.
 *
 * Returns: the estimate in bits per second
 *
 * Since: 0.1
 */
guint
pb_rate_estimator_feed (PbRateEstimator *self, const PbRatePacket *packets,
    gsize n_packets, gint64 rtt_us, gint64 now_us)
{
  PbRateUse use = PB_RATE_USE_NORMAL;
  gsize n_received = 0;
  Shown *shown;

  set_now (self, now_us);
  if (n_packets == 0 || is_repeated (self, packets, n_packets))
    return pb_rate_estimator_get (self);

  if (!self->was_fed || self->halved_us > self->fed_us)
    end_silence (self);
  self->was_fed = TRUE;
  self->fed_us = self->now_us;
  if (rtt_us > 0) {
    self->rtt_us = MIN (rtt_us, RTT_MAX_US);
    pb_rate_queue_add (&self->queue, self->rtt_us, self->now_us);
  }
  shown = get_shown (self);
  for (gsize i = 0; i < n_packets; i++) {
    const PbRatePacket *packet = &packets[i];

    shown->n++;
    self->n_packets++;
    if (packet->received_us < 0) {
      shown->n_lost++;
      self->n_lost++;
      continue;
    }
    pb_rate_meter_add (&self->meter, packet->received_us, packet->size);
    if (packet->sent_us < 0)
      continue;
    /* One message may tell of a queue that came and of its end: the worse. */
    n_received++;
    use = pb_rate_trend_add (&self->trend, packet->sent_us,
              packet->received_us) == PB_RATE_USE_OVER
              ? PB_RATE_USE_OVER
              : use;
  }
  if (use != PB_RATE_USE_OVER)
    use = self->trend.use;
  if (pb_rate_queue_get (&self->queue) >= QUEUE_FROM_US)
    self->has_end = TRUE;
  if (n_received > 0)
    control_delay (self, use);
  control_loss (self);

  return pb_rate_estimator_get (self);
}

/**
 * pb_rate_estimator_recover:
 * @self: the estimator
 * @n_packets: how many were told as lost, and have come
 *
 * Others had overtaken them on the way: that is not loss. What was judged with
 * them stays judged.
 *
 * Since: 0.1
 */
void
pb_rate_estimator_recover (PbRateEstimator *self, guint n_packets)
{
  self->n_lost -= MIN (n_packets, self->n_lost);
  for (guint i = 0; i < SHOWN_SLOTS; i++) {
    guint n = MIN (n_packets, self->shown[i].n_lost);

    self->shown[i].n_lost -= n;
    n_packets -= n;
  }
}

/**
 * pb_rate_estimator_tick:
 * @self: the estimator
 * @now_us: as pb_rate_estimator_feed()'s
 *
 * Where feedback has come and comes no more, the estimate is halved each
 * second: what is sent may be what keeps it from coming. A counterpart that
 * never sent any has the start rate for good.
 *
 * Returns: the estimate in bits per second
 *
 * Since: 0.1
 */
guint
pb_rate_estimator_tick (PbRateEstimator *self, gint64 now_us)
{
  set_now (self, now_us);
  if (self->was_fed && self->now_us - self->fed_us >= SILENCE_US &&
      self->now_us - MAX (self->halved_us, self->fed_us) >= SILENCE_AGAIN_US) {
    self->halved_us = self->now_us;
    self->has_end = TRUE;
    self->delay_bps = MIN (self->delay_bps, self->loss_bps);
    self->delay_bps =
        MAX (MIN (self->delay_bps, get_received (self)) / 2, self->min_bps);
    self->meter = (PbRateMeter){ .has_any = FALSE };
  }

  return pb_rate_estimator_get (self);
}

/**
 * pb_rate_estimator_get:
 * @self: the estimator
 *
 * Returns: the estimate in bits per second
 *
 * Since: 0.1
 */
guint
pb_rate_estimator_get (PbRateEstimator *self)
{
  double drain = (double) (pb_rate_queue_get (&self->queue) - QUEUE_FROM_US) /
                 QUEUE_DRAIN_US;
  double bps = MIN (self->delay_bps, self->loss_bps) *
               (1 - CLAMP (drain, 0, QUEUE_DRAIN_MOST));

  return (guint) CLAMP (bps, self->min_bps, self->max_bps);
}

/**
 * pb_rate_estimator_has_end:
 * @self: the estimator
 *
 * Returns: whether anything has shown that the way has an end; before, what is
 *     sent beyond the estimate may well arrive
 *
 * Since: 0.1
 */
gboolean
pb_rate_estimator_has_end (PbRateEstimator *self)
{
  return self->has_end;
}

/**
 * pb_rate_estimator_is_clear:
 * @self: the estimator
 *
 * The estimate may be too low for a while, where a busy machine looked like a
 * queue; then this is TRUE all the same.
 *
 * Returns: whether what was sent has arrived: the round trip shows no queue,
 *     and next to nothing was lost within the last second
 *
 * Since: 0.1
 */
gboolean
pb_rate_estimator_is_clear (PbRateEstimator *self)
{
  return pb_rate_queue_is_known (&self->queue) &&
         pb_rate_queue_get (&self->queue) < QUEUE_NONE_US &&
         pb_rate_estimator_get_loss (self) <= 100 * LOSS_LOW;
}

/**
 * pb_rate_estimator_get_loss:
 * @self: the estimator
 *
 * Returns: percent of the packets that were told of within the second before
 *     the last call that gave a time
 *
 * Since: 0.1
 */
double
pb_rate_estimator_get_loss (PbRateEstimator *self)
{
  gint64 slot = self->now_us / SHOWN_SLOT_US;
  guint64 n = 0, n_lost = 0;

  for (guint i = 0; i < SHOWN_SLOTS; i++) {
    if (self->shown[i].slot < 0 || self->shown[i].slot <= slot - SHOWN_SLOTS)
      continue;
    n += self->shown[i].n;
    n_lost += self->shown[i].n_lost;
  }

  return n > 0 ? 100.0 * (double) n_lost / (double) n : 0;
}
