/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-rate-trend.h"

#include <math.h>

/* 5.2: packets sent within it are one group */
#define BURST_US 5000
/* no group collects for longer, however fast its packets come */
#define GROUP_MAX_US 100000
/* a delay that changes by more is a clock that was set, or that wrapped (the
 * reference time of the feedback does after twelve days) */
#define JUMP_US (3 * G_USEC_PER_SEC)
#define REORDERED_MAX 3

/* The line: how much a new delay weighs, and what makes its slope comparable
 * with the thresholds of 5.6, which are in ms of delay per group. */
#define SMOOTHING 0.9
#define GAIN 4.0
#define DELTAS_MAX 60

/* 5.4 and 5.6. The gains are those that go with a fitted line: its slope is
 * steadier than m(i) of the Kalman filter, so the threshold may follow it
 * faster downwards. */
#define THRESHOLD_MS 12.5
#define THRESHOLD_MIN_MS 6.0
#define THRESHOLD_MAX_MS 600.0
#define THRESHOLD_FAR_MS 15.0
#define THRESHOLD_STEP_MS 100.0
#define GAIN_UP 0.0087
#define GAIN_DOWN 0.039
#define OVER_MS 10.0

/**
 * pb_rate_trend_init: (skip)
 * @self: any memory
 *
 * Nothing is known of the way.
 */
void
pb_rate_trend_init (PbRateTrend *self)
{
  *self = (PbRateTrend){ .threshold_ms = THRESHOLD_MS, .over_ms = -1 };
}

/* The clocks are not what they were: all but the threshold, which is about the
 * way and not about the clocks. */
static void
reset (PbRateTrend *self)
{
  double threshold_ms = self->threshold_ms;

  pb_rate_trend_init (self);
  self->threshold_ms = threshold_ms;
}

/* Least squares; ms of delay per ms */
static double
slope (const PbRateTrend *self)
{
  double mean_x = 0, mean_y = 0, above = 0, below = 0;

  for (guint i = 0; i < PB_RATE_TREND_POINTS; i++) {
    mean_x += self->x[i] / PB_RATE_TREND_POINTS;
    mean_y += self->y[i] / PB_RATE_TREND_POINTS;
  }
  for (guint i = 0; i < PB_RATE_TREND_POINTS; i++) {
    above += (self->x[i] - mean_x) * (self->y[i] - mean_y);
    below += (self->x[i] - mean_x) * (self->x[i] - mean_x);
  }

  return below > 0 ? above / below : 0;
}

/* 5.4: the threshold follows the trend slowly, so that we neither starve beside
 * a greedy flow nor mistake one large frame for a queue. */
static void
adapt_threshold (PbRateTrend *self, double trend, double elapsed_ms)
{
  double distance = fabs (trend) - self->threshold_ms;
  double gain = distance < 0 ? GAIN_DOWN : GAIN_UP;

  if (distance > THRESHOLD_FAR_MS)
    return;
  self->threshold_ms =
      CLAMP (self->threshold_ms +
                 gain * distance * MIN (elapsed_ms, THRESHOLD_STEP_MS),
          THRESHOLD_MIN_MS, THRESHOLD_MAX_MS);
}

static void
detect (PbRateTrend *self, double trend, double elapsed_ms)
{
  if (trend > self->threshold_ms) {
    self->over_ms =
        self->over_ms < 0 ? elapsed_ms / 2 : self->over_ms + elapsed_ms;
    self->n_over++;
    if (self->over_ms > OVER_MS && self->n_over > 1 &&
        trend >= self->last_trend) {
      self->over_ms = 0;
      self->n_over = 0;
      self->use = PB_RATE_USE_OVER;
    }
  } else {
    self->over_ms = -1;
    self->n_over = 0;
    self->use =
        trend < -self->threshold_ms ? PB_RATE_USE_UNDER : PB_RATE_USE_NORMAL;
  }
  self->last_trend = trend;
  adapt_threshold (self, trend, elapsed_ms);
}

/* 5.1: d(i), the variation of the delay between two groups. */
static void
add_delta (PbRateTrend *self, gint64 sent_delta, gint64 received_delta)
{
  double variation_ms = (double) (received_delta - sent_delta) / 1000;
  guint at = self->n_deltas % PB_RATE_TREND_POINTS;
  double trend = 0;

  if (self->n_deltas == 0)
    self->origin = self->current.last_received;
  self->delay_ms += variation_ms;
  self->smoothed_ms =
      SMOOTHING * self->smoothed_ms + (1 - SMOOTHING) * self->delay_ms;
  self->x[at] = (double) (self->current.last_received - self->origin) / 1000;
  self->y[at] = self->smoothed_ms;
  /* wraps to a whole number of rounds of the ring, and stays full */
  self->n_deltas = self->n_deltas == 1000 * PB_RATE_TREND_POINTS
                       ? 999 * PB_RATE_TREND_POINTS + 1
                       : self->n_deltas + 1;

  if (self->n_deltas >= PB_RATE_TREND_POINTS)
    trend = slope (self) * MIN (self->n_deltas, DELTAS_MAX) * GAIN;
  detect (self, trend, (double) sent_delta / 1000);
}

static void
finish_group (PbRateTrend *self)
{
  gint64 sent = self->current.last_sent - self->previous.last_sent;
  gint64 received = self->current.last_received - self->previous.last_received;

  if (sent > JUMP_US || ABS (received - sent) > JUMP_US) {
    reset (self);
  } else if (received < 0) {
    if (++self->n_reordered >= REORDERED_MAX)
      reset (self);
  } else {
    self->n_reordered = 0;
    add_delta (self, sent, received);
  }
}

/* 5.2: sent in one burst, or let through in one by a way that had stopped: the
 * latter's delay says nothing of a queue. */
static gboolean
is_of_group (const PbRateTrend *self, gint64 sent_us, gint64 received_us)
{
  const PbRateGroup *group = &self->current;
  gint64 gap = received_us - group->last_received;

  if (sent_us - group->first_sent <= BURST_US)
    return TRUE;

  return gap >= -GROUP_MAX_US && gap <= BURST_US &&
         gap < sent_us - group->last_sent &&
         received_us - group->first_received < GROUP_MAX_US &&
         sent_us - group->first_sent < JUMP_US;
}

/**
 * pb_rate_trend_add: (skip)
 * @self: the trend
 * @sent_us: when one packet was sent
 * @received_us: when it arrived
 *
 * Returns: how the way is used, after this packet
 */
PbRateUse
pb_rate_trend_add (PbRateTrend *self, gint64 sent_us, gint64 received_us)
{
  PbRateGroup *group = &self->current;

  if (self->has_current && sent_us < group->first_sent) {
    if (group->first_sent - sent_us <= JUMP_US)
      return self->use; /* late: its group has been counted */
    reset (self);
  }
  if (self->has_current && is_of_group (self, sent_us, received_us)) {
    group->last_sent = MAX (group->last_sent, sent_us);
    group->last_received = MAX (group->last_received, received_us);
    return self->use;
  }

  if (self->has_current) {
    if (self->has_previous)
      finish_group (self);
    /* what reset() has forgotten is not the one before this */
    self->has_previous = self->has_current;
    self->previous = self->current;
  }
  *group = (PbRateGroup){ sent_us, sent_us, received_us, received_us };
  self->has_current = TRUE;

  return self->use;
}
