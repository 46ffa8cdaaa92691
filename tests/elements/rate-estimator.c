/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "rate-link.h"

/* What the estimator promises, over the links of tests/data/rate. All times
 * are the links' own: nothing here waits or looks at a clock. */

#define MIN_BPS 100000
#define MAX_BPS 6000000
#define START_BPS 500000

static RateRun
run_for (gint64 seconds)
{
  return (RateRun){
    .min_bps = MIN_BPS,
    .max_bps = MAX_BPS,
    .start_bps = START_BPS,
    .end_ms = seconds * 1000,
  };
}

static GArray *
run_link (const char *name, gint64 seconds)
{
  RateRun run = run_for (seconds);

  return rate_link_run (name, &run);
}

typedef struct
{
  guint least, most; /* kbit/s */
  double mean, queue_ms_most;
} Span;

static Span
look (GArray *samples, gint64 from_s, gint64 to_s)
{
  Span span = { .least = G_MAXUINT };
  guint n = 0;

  for (guint i = 0; i < samples->len; i++) {
    const RateSample *sample = &g_array_index (samples, RateSample, i);

    if (sample->at_ms < from_s * 1000 || sample->at_ms >= to_s * 1000)
      continue;
    span.least = MIN (span.least, sample->estimate_kbps);
    span.most = MAX (span.most, sample->estimate_kbps);
    span.mean += sample->estimate_kbps;
    span.queue_ms_most = MAX (span.queue_ms_most, sample->queue_ms);
    n++;
  }
  g_assert_cmpuint (n, >, 0);
  span.mean /= n;
  g_test_message ("%d to %d s: %u to %u, %.0f kbit/s; queue to %.0f ms",
      (int) from_s, (int) to_s, span.least, span.most, span.mean,
      span.queue_ms_most);

  return span;
}

/* ms after `from_s` at which the estimate first was as asked; -1: never */
static gint64
until (GArray *samples, gint64 from_s, guint kbps, gboolean is_below)
{
  for (guint i = 0; i < samples->len; i++) {
    const RateSample *sample = &g_array_index (samples, RateSample, i);

    if (sample->at_ms >= from_s * 1000 &&
        (is_below ? sample->estimate_kbps <= kbps
                  : sample->estimate_kbps >= kbps)) {
      g_test_message ("%s %u kbit/s after %d ms", is_below ? "below" : "above",
          kbps, (int) (sample->at_ms - from_s * 1000));
      return sample->at_ms - from_s * 1000;
    }
  }

  return -1;
}

#define assert_within(ms, limit)                                               \
  g_assert_cmpint (ms, >=, 0);                                                 \
  g_assert_cmpint (ms, <=, limit)

/* It finds the capacity within five seconds, and then keeps at more than 70 %
 * of it and never above, without swinging by more than a quarter. */
static void
test_converges (gconstpointer name)
{
  g_autoptr (GArray) samples = run_link (name, 75);
  guint capacity = g_array_index (samples, RateSample, 0).capacity_kbps;
  Span span;

  assert_within (until (samples, 0, capacity * 7 / 10, FALSE), 5000);
  span = look (samples, 10, 75);
  g_assert_cmpfloat (span.mean, >=, capacity * 0.75);
  g_assert_cmpuint (span.least, >=, capacity * 65 / 100);
  g_assert_cmpuint (span.most, <, capacity);
  g_assert_cmpuint (span.most, <=, span.least * 5 / 4);
  /* a keyframe alone is some 90 ms at that rate */
  g_assert_cmpfloat (span.queue_ms_most, <, 150);
}

static void
test_wide_link_is_used_up_to_the_bound (void)
{
  g_autoptr (GArray) samples = run_link ("wide", 30);
  Span span;

  assert_within (until (samples, 0, MAX_BPS / 1000, FALSE), 8000);
  span = look (samples, 8, 30);
  g_assert_cmpuint (span.least, ==, MAX_BPS / 1000);
}

static void
test_step_down_is_followed_and_step_up_climbed (void)
{
  g_autoptr (GArray) samples = run_link ("step-down-up", 90);
  Span span;

  assert_within (until (samples, 30, 399, TRUE), 1500);
  /* and it stays down, while the queue of the first second drains */
  span = look (samples, 32, 60);
  g_assert_cmpuint (span.most, <, 400);
  g_assert_cmpuint (span.least, >=, 280);
  span = look (samples, 38, 60);
  g_assert_cmpfloat (span.queue_ms_most, <, 200);

  assert_within (until (samples, 60, 700, FALSE), 15000);
  span = look (samples, 75, 90);
  g_assert_cmpuint (span.least, >=, 700);
  g_assert_cmpuint (span.most, <, 1000);
}

static void
test_two_percent_of_loss_do_not_matter (void)
{
  g_autoptr (GArray) samples = run_link ("loss-2", 75);
  Span span = look (samples, 10, 75);

  g_assert_cmpuint (span.least, >=, 2500 * 7 / 10);
  g_assert_cmpuint (span.most, <, 2500);
}

static void
test_ten_percent_of_loss_do (void)
{
  g_autoptr (GArray) samples = run_link ("loss-10", 75);
  Span before = look (samples, 0, 10), after = look (samples, 45, 75);

  g_assert_cmpfloat (after.mean, <, before.most * 0.6);
}

static void
test_bursts_of_loss_cost_less_than_half (void)
{
  g_autoptr (GArray) samples = run_link ("burst-loss", 75);
  Span span = look (samples, 10, 75);

  g_assert_cmpuint (span.least, >=, 2000 * 4 / 10);
  g_assert_cmpuint (span.most, <, 2000);
}

/* No queue tells of it: only what is missing does. */
static void
test_policer_is_obeyed (void)
{
  g_autoptr (GArray) samples = run_link ("policer", 75);

  assert_within (until (samples, 30, 700, TRUE), 5000);
  g_assert_cmpuint (look (samples, 36, 75).most, <=, 720);
  g_assert_cmpuint (look (samples, 36, 75).least, >=, 700 * 7 / 10);
}

static void
test_cross_traffic_is_given_way (void)
{
  g_autoptr (GArray) samples = run_link ("cross-traffic", 75);

  assert_within (until (samples, 25, 800, TRUE), 3000);
  g_assert_cmpuint (look (samples, 30, 50).most, <, 800);
  g_assert_cmpuint (look (samples, 30, 50).least, >=, 800 * 6 / 10);
  assert_within (until (samples, 50, 1400, FALSE), 18000);
}

static void
test_wandering_capacity_is_followed (void)
{
  g_autoptr (GArray) samples = run_link ("wireless", 60);
  double used = 0, capacity = 0;
  guint n_queued = 0;

  for (guint i = 50; i < samples->len; i++) {
    const RateSample *sample = &g_array_index (samples, RateSample, i);

    used += sample->estimate_kbps;
    capacity += sample->capacity_kbps;
    n_queued += sample->queue_ms > 200;
  }
  g_test_message ("%.0f %% of the capacity; %u of %u moments queued",
      100 * used / capacity, n_queued, samples->len - 50);
  g_assert_cmpfloat (used, >, 0.7 * capacity);
  g_assert_cmpfloat (used, <, capacity);
  g_assert_cmpuint (n_queued, <, (samples->len - 50) / 20);
}

/* A third of all packets is overtaken by what one message tells of. */
static void
test_what_was_overtaken_is_not_lost (void)
{
  RateRun run = run_for (60);
  g_autoptr (GArray) never_told = rate_link_run ("overtaken", &run);
  g_autoptr (GArray) told = NULL;
  Span span;

  run.tells_late = TRUE;
  told = rate_link_run ("overtaken", &run);
  span = look (told, 10, 60);
  /* when they came is not known: what was received looks like less */
  g_assert_cmpuint (span.least, >=, 1500 * 5 / 10);
  g_assert_cmpfloat (span.mean, >=, 1500 * 0.65);
  g_assert_cmpuint (span.most, <, 1500);
  g_assert_cmpfloat (span.mean, >, 2 * look (never_told, 30, 60).mean);
}

static void
test_silence_halves_and_is_recovered_from (void)
{
  g_autoptr (GArray) samples = run_link ("feedback-lost", 60);
  guint before = (guint) look (samples, 10, 20).mean;

  assert_within (until (samples, 20, before / 2, TRUE), 3200);
  assert_within (until (samples, 20, before / 4, TRUE), 4200);
  assert_within (until (samples, 26, 1500 * 7 / 10, FALSE), 10000);
}

static void
test_receivers_clock_may_be_any (void)
{
  g_autoptr (GArray) plain = run_link ("step-down-up", 60);
  RateRun run = run_for (60);
  g_autoptr (GArray) shifted = NULL;

  run.receiver_offset_us = G_GINT64_CONSTANT (987654321) * 10000;
  shifted = rate_link_run ("step-down-up", &run);
  g_assert_cmpmem (plain->data, plain->len * sizeof (RateSample), shifted->data,
      shifted->len * sizeof (RateSample));
}

static void
test_receivers_clock_may_wrap (void)
{
  RateRun run = run_for (60);
  g_autoptr (GArray) samples = NULL;

  /* 24 bits of 64 ms; 20 s before the end of it */
  run.receiver_wrap_us = (G_GINT64_CONSTANT (1) << 24) * 64000;
  run.receiver_offset_us = run.receiver_wrap_us - 20 * G_USEC_PER_SEC;
  samples = rate_link_run ("constant", &run);
  g_assert_cmpuint (look (samples, 10, 60).least, >=, 700);
  g_assert_cmpuint (look (samples, 10, 60).most, <, 1050);
}

static void
test_feedback_may_come_twice_and_out_of_order (void)
{
  RateRun run = run_for (75);
  g_autoptr (GArray) swapped = NULL;
  g_autoptr (GArray) repeated = NULL;

  run.swaps_feedback = TRUE;
  swapped = rate_link_run ("constant", &run);
  g_assert_cmpuint (look (swapped, 10, 75).least, >=, 700);
  g_assert_cmpuint (look (swapped, 10, 75).most, <, 1000);

  run.swaps_feedback = FALSE;
  run.repeats_feedback = TRUE;
  repeated = rate_link_run ("constant", &run);
  g_assert_cmpuint (look (repeated, 10, 75).least, >=, 700);
  g_assert_cmpuint (look (repeated, 10, 75).most, <, 1000);
}

static void
test_bounds_hold_everywhere (void)
{
  static const char *const names[] = { "step-down-up", "loss-10", "policer",
    "wide", "feedback-lost" };
  RateRun run = run_for (90);

  run.min_bps = 450000;
  run.max_bps = 900000;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GArray) samples = rate_link_run (names[i], &run);
    Span span = look (samples, 0, 90);

    g_assert_cmpuint (span.least, >=, 450);
    g_assert_cmpuint (span.most, <=, 900);
  }
}

static void
test_bounds_change_at_once (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (100000, 2000000, 1000000);

  g_assert_cmpuint (pb_rate_estimator_get (self), ==, 1000000);
  pb_rate_estimator_set_bounds (self, 100000, 600000);
  g_assert_cmpuint (pb_rate_estimator_get (self), ==, 600000);
  pb_rate_estimator_set_bounds (self, 800000, 900000);
  g_assert_cmpuint (pb_rate_estimator_get (self), ==, 800000);
  /* the least wins */
  pb_rate_estimator_set_bounds (self, 700000, 300000);
  g_assert_cmpuint (pb_rate_estimator_get (self), ==, 700000);
}

static void
test_no_feedback_ever_is_no_news (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);

  for (gint64 now = 0; now < 60 * G_USEC_PER_SEC; now += G_USEC_PER_SEC)
    g_assert_cmpuint (pb_rate_estimator_tick (self, now), ==, START_BPS);
}

/* What is sent is far less than the estimate: nothing says that more fits. */
static void
test_what_was_not_sent_is_not_known (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);

  /* 800 kbit/s: a packet each 10 ms */
  for (gint64 now = 0; now < 60 * G_USEC_PER_SEC; now += 50000) {
    PbRatePacket packets[5];

    for (guint i = 0; i < 5; i++)
      packets[i] =
          (PbRatePacket){ now + i * 10000, now + 20000 + i * 10000, 1000 };
    pb_rate_estimator_feed (self, packets, 5, 40000, now + 90000);
  }
  g_assert_cmpuint (pb_rate_estimator_get (self), >=, 1100000);
  g_assert_cmpuint (pb_rate_estimator_get (self), <=, 1300000);
}

/* Three times the start rate, as a camera may send by itself, and no queue */
static void
test_what_arrives_from_the_start_fits (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);
  const gsize size = 3 * START_BPS / 8 / 100; /* each 10 ms */

  for (gint64 now = 0; now < 500000; now += 50000) {
    PbRatePacket packets[5];

    for (guint i = 0; i < 5; i++)
      packets[i] =
          (PbRatePacket){ now + i * 10000, now + 20000 + i * 10000, size };
    pb_rate_estimator_feed (self, packets, 5, 40000, now + 90000);
  }
  g_assert_false (pb_rate_estimator_has_end (self));
  g_assert_cmpuint (pb_rate_estimator_get (self), >=, 3 * START_BPS * 95 / 100);
}

static void
test_loss_is_that_of_the_last_second (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);
  PbRatePacket packets[10];

  g_assert_cmpfloat (pb_rate_estimator_get_loss (self), ==, 0);
  for (int i = 0; i < 10; i++)
    packets[i] = (PbRatePacket){ i * 1000, i < 3 ? -1 : 5000 + i * 1000, 500 };
  pb_rate_estimator_feed (self, packets, 10, 0, 1000000);
  g_assert_cmpfloat (pb_rate_estimator_get_loss (self), ==, 30);
  /* one of them has come after all; no more can than were lost */
  pb_rate_estimator_recover (self, 1);
  g_assert_cmpfloat (pb_rate_estimator_get_loss (self), ==, 20);
  pb_rate_estimator_recover (self, 7);
  g_assert_cmpfloat (pb_rate_estimator_get_loss (self), ==, 0);
  packets[0].sent_us = 500;
  pb_rate_estimator_feed (self, packets, 10, 0, 1000000);
  g_assert_cmpfloat (pb_rate_estimator_get_loss (self), ==, 15);
  pb_rate_estimator_feed (self, packets + 3, 5, 0, 1500000);
  g_assert_cmpfloat (pb_rate_estimator_get_loss (self), ==, 12);
  pb_rate_estimator_tick (self, 2200000);
  g_assert_cmpfloat (pb_rate_estimator_get_loss (self), ==, 0);
}

static void
test_hostile_numbers_do_no_harm (void)
{
  static const gint64 times[] = { 0, 1, -1, -2, 1000, 5000000, G_MAXINT64,
    G_MININT64, G_MAXINT64 - 1, G_MAXINT64 / 2,
    G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC };
  static const guint sizes[] = { 0, 1, 1200, 65535, G_MAXUINT };
  const guint n = G_N_ELEMENTS (times);
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);

  pb_rate_estimator_feed (self, NULL, 0, 0, 0);
  g_assert_cmpuint (pb_rate_estimator_get (self), ==, START_BPS);
  /* all of all, with a prime stride so that neighbours differ */
  for (guint i = 0; i < n * n * n * n; i++) {
    guint k = (guint) ((guint64) i * 7919 % (n * n * n * n));
    PbRatePacket packet = { times[k % n], times[k / n % n], sizes[i % 5] };
    guint bps = pb_rate_estimator_feed (self, &packet, 1, times[k / n / n % n],
        times[k / n / n / n]);

    g_assert_cmpuint (bps, >=, MIN_BPS);
    g_assert_cmpuint (bps, <=, MAX_BPS);
    bps = pb_rate_estimator_tick (self, times[i % n]);
    g_assert_cmpuint (bps, >=, MIN_BPS);
    g_assert_cmpuint (bps, <=, MAX_BPS);
    g_assert_cmpfloat (pb_rate_estimator_get_loss (self), >=, 0);
    g_assert_cmpfloat (pb_rate_estimator_get_loss (self), <=, 100);
  }
}

/* A lie about the clock costs nobody the stream: once the numbers are sane
 * again the estimate is. */
static void
test_nonsense_passes (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);
  PbRatePacket nonsense[] = { { G_MAXINT64, 0, G_MAXUINT },
    { 0, G_MAXINT64, 1 }, { -5, 77, 0 }, { 4, -9, 12 } };
  gint64 now = 0;

  pb_rate_estimator_feed (self, nonsense, G_N_ELEMENTS (nonsense), -3, now);
  for (; now < 20 * G_USEC_PER_SEC; now += 50000) {
    PbRatePacket packets[5];

    for (guint i = 0; i < 5; i++)
      packets[i] = (PbRatePacket){ now + i * 10000, now + i * 10000, 1000 };
    pb_rate_estimator_feed (self, packets, 5, 40000, now + 90000);
  }
  g_assert_cmpuint (pb_rate_estimator_get (self), >=, 1000000);
}

/* Packets evenly spaced that all wait `queue_ms`: no trend, no loss. */
static gint64
wait_in_queue (PbRateEstimator *self, gint64 now_us, gint64 for_us,
    gint64 queue_us)
{
  for (gint64 end_us = now_us + for_us; now_us < end_us; now_us += 50000) {
    PbRatePacket packets[5];

    for (guint i = 0; i < 5; i++) {
      gint64 sent_us = now_us + i * 10000;

      packets[i] = (PbRatePacket){ sent_us, sent_us + queue_us, 1000 };
    }
    pb_rate_estimator_feed (self, packets, 5, 40000 + queue_us,
        now_us + 90000 + queue_us);
  }

  return now_us;
}

static void
test_standing_queue_is_drained (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);
  gint64 now_us = wait_in_queue (self, 0, 3 * G_USEC_PER_SEC, 0);
  guint before = pb_rate_estimator_get (self), full;

  /* it came so slowly that there was no trend to see */
  for (gint64 queue_us = 0; queue_us < 500000; queue_us += 2000)
    now_us = wait_in_queue (self, now_us, 50000, queue_us);
  now_us = wait_in_queue (self, now_us, G_USEC_PER_SEC, 500000);
  full = pb_rate_estimator_get (self);
  g_test_message ("%u kbit/s before, %u with a full queue", before / 1000,
      full / 1000);
  g_assert_cmpuint (full, <, before * 7 / 10);
  g_assert_cmpuint (full, >=, before / 4);
  g_assert_true (pb_rate_estimator_has_end (self));
  /* a way that is that long after all is used again */
  wait_in_queue (self, now_us, 21 * G_USEC_PER_SEC, 500000);
  g_assert_cmpuint (pb_rate_estimator_get (self), >=, full * 3 / 2);
}

static void
test_what_arrives_is_clear_whatever_the_estimate (void)
{
  g_autoptr (PbRateEstimator) self =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);
  PbRatePacket lost[100];
  gint64 now_us;

  g_assert_false (pb_rate_estimator_is_clear (self)); /* not known */
  now_us = wait_in_queue (self, 0, G_USEC_PER_SEC, 0);
  g_assert_true (pb_rate_estimator_is_clear (self));
  now_us = wait_in_queue (self, now_us, G_USEC_PER_SEC, 80000);
  g_assert_false (pb_rate_estimator_is_clear (self));
  now_us = wait_in_queue (self, now_us, G_USEC_PER_SEC, 10000);
  g_assert_true (pb_rate_estimator_is_clear (self));
  /* a way that throws away what is too much has no queue */
  for (guint i = 0; i < G_N_ELEMENTS (lost); i++)
    lost[i] = (PbRatePacket){ now_us + i * 1000,
      i % 20 == 0 ? -1 : now_us + i * 1000 + 10000, 1000 };
  pb_rate_estimator_feed (self, lost, G_N_ELEMENTS (lost), 50000,
      now_us + 150000);
  g_assert_false (pb_rate_estimator_is_clear (self));
}

static void
test_share_leaves_the_weak_behind (void)
{
  static const struct
  {
    guint estimates[4];
    gsize n;
    guint share;
  } rows[] = {
    { { 0 }, 0, 4000 }, /* nobody: as much as may be */
    { { 3000 }, 1, 3000 },
    { { 9000 }, 1, 4000 },
    { { 100 }, 1, 500 },
    { { 3000, 2000 }, 2, 2000 },
    { { 3000, 1500 }, 2, 1500 }, /* half is enough */
    { { 3000, 1499 }, 2, 3000 },
    { { 3001, 1500 }, 2, 3001 }, /* less than half */
    { { 1200, 300, 3000, 2500 }, 4, 2500 },
    { { 90000, 3000 }, 2, 3000 }, /* nobody is sent 90000 */
    { { G_MAXUINT, 0, 0, 0 }, 4, 4000 },
    { { 0, 0 }, 2, 500 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    guint share = pb_rate_share (rows[i].estimates, rows[i].n, 500, 4000);

    g_test_message ("row %u", i);
    g_assert_cmpuint (share, ==, rows[i].share);
  }
  g_assert_cmpuint (pb_rate_share (NULL, 0, 500, 100), ==, 500);
}

int
main (int argc, char **argv)
{
  static const char *const converging[] = { "constant", "long-way", "jitter",
    "reordering" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (converging); i++) {
    g_autofree char *path =
        g_strdup_printf ("/rate/converges-below-capacity/%s", converging[i]);

    g_test_add_data_func (path, converging[i], test_converges);
  }
  g_test_add_func ("/rate/a-wide-link-is-used-up-to-the-bound",
      test_wide_link_is_used_up_to_the_bound);
  g_test_add_func ("/rate/a-step-down-is-followed-and-a-step-up-climbed",
      test_step_down_is_followed_and_step_up_climbed);
  g_test_add_func ("/rate/two-percent-of-loss-do-not-matter",
      test_two_percent_of_loss_do_not_matter);
  g_test_add_func ("/rate/ten-percent-of-loss-do", test_ten_percent_of_loss_do);
  g_test_add_func ("/rate/bursts-of-loss-cost-less-than-half",
      test_bursts_of_loss_cost_less_than_half);
  g_test_add_func ("/rate/a-policer-is-obeyed", test_policer_is_obeyed);
  g_test_add_func ("/rate/cross-traffic-is-given-way",
      test_cross_traffic_is_given_way);
  g_test_add_func ("/rate/a-wandering-capacity-is-followed",
      test_wandering_capacity_is_followed);
  g_test_add_func ("/rate/what-was-overtaken-is-not-lost",
      test_what_was_overtaken_is_not_lost);
  g_test_add_func ("/rate/silence-halves-and-is-recovered-from",
      test_silence_halves_and_is_recovered_from);
  g_test_add_func ("/rate/the-receivers-clock-may-be-any",
      test_receivers_clock_may_be_any);
  g_test_add_func ("/rate/the-receivers-clock-may-wrap",
      test_receivers_clock_may_wrap);
  g_test_add_func ("/rate/feedback-may-come-twice-and-out-of-order",
      test_feedback_may_come_twice_and_out_of_order);
  g_test_add_func ("/rate/bounds-hold-everywhere", test_bounds_hold_everywhere);
  g_test_add_func ("/rate/bounds-change-at-once", test_bounds_change_at_once);
  g_test_add_func ("/rate/no-feedback-ever-is-no-news",
      test_no_feedback_ever_is_no_news);
  g_test_add_func ("/rate/what-arrives-from-the-start-fits",
      test_what_arrives_from_the_start_fits);
  g_test_add_func ("/rate/what-arrives-is-clear-whatever-the-estimate",
      test_what_arrives_is_clear_whatever_the_estimate);
  g_test_add_func ("/rate/what-was-not-sent-is-not-known",
      test_what_was_not_sent_is_not_known);
  g_test_add_func ("/rate/loss-is-that-of-the-last-second",
      test_loss_is_that_of_the_last_second);
  g_test_add_func ("/rate/hostile-numbers-do-no-harm",
      test_hostile_numbers_do_no_harm);
  g_test_add_func ("/rate/nonsense-passes", test_nonsense_passes);
  g_test_add_func ("/rate/a-standing-queue-is-drained",
      test_standing_queue_is_drained);
  g_test_add_func ("/rate/share-leaves-the-weak-behind",
      test_share_leaves_the_weak_behind);

  return g_test_run ();
}
