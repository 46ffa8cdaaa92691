/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <math.h>

#include "core/pb-health.h"
#include "core/pb-limits.h"

#define MS 1000
/* any clock's zero will do, a negative one included */
#define START (-G_GINT64_CONSTANT (3000000))

static PbHealthSample
good_sample (void)
{
  return (PbHealthSample){
    .rtt_ms = 20,
    .jitter_ms = 1,
    .bitrate_kbps = 4000,
    .bandwidth_kbps = 50000,
    .buffer_ms = 30,
    .latency_ms = 200,
    .packets = 1000,
    .interval_ms = 5000,
    .connected = TRUE,
  };
}

typedef struct
{
  const char *name;
  PbDirection direction;
  gsize offset;
  gboolean is_integer;
  double value;
  PbHealthStatus status;
  const char *cause;
} Row;

#define D(field) G_STRUCT_OFFSET (PbHealthSample, field), FALSE
#define I(field) G_STRUCT_OFFSET (PbHealthSample, field), TRUE
#define SEND PB_DIRECTION_SEND
#define RECEIVE PB_DIRECTION_RECEIVE

/* One figure changed in a good sample: on the limit, and just beyond. The
 * table of docs/protocol.md, section 6, row by row. */
/* clang-format off */
static const Row rows[] = {
  { "drop 0", SEND, D (drop_percent), 0, PB_HEALTH_HEALTHY, "" },
  { "drop > 0", SEND, D (drop_percent), 0.001, PB_HEALTH_WARNING, "drops" },
  { "drop < 1", SEND, D (drop_percent), 0.999, PB_HEALTH_WARNING, "drops" },
  { "drop 1", SEND, D (drop_percent), 1, PB_HEALTH_CRITICAL, "drops" },
  { "loss < 2", SEND, D (loss_percent), 1.999, PB_HEALTH_HEALTHY, "" },
  { "loss 2", RECEIVE, D (loss_percent), 2, PB_HEALTH_WARNING, "loss" },
  { "loss < 10", SEND, D (loss_percent), 9.999, PB_HEALTH_WARNING, "loss" },
  { "loss 10", SEND, D (loss_percent), 10, PB_HEALTH_CRITICAL, "loss" },
  { "4 rtt = latency", SEND, D (rtt_ms), 50, PB_HEALTH_HEALTHY, "" },
  { "4 rtt > latency", SEND, D (rtt_ms), 50.1, PB_HEALTH_WARNING, "rtt" },
  { "2 rtt = latency", SEND, D (rtt_ms), 100, PB_HEALTH_WARNING, "rtt" },
  { "2 rtt > latency", SEND, D (rtt_ms), 100.1, PB_HEALTH_CRITICAL, "rtt" },
  { "buffer = half", SEND, D (buffer_ms), 100, PB_HEALTH_HEALTHY, "" },
  { "buffer > half", SEND, D (buffer_ms), 100.1, PB_HEALTH_WARNING, "buffer" },
  { "buffer = all", SEND, D (buffer_ms), 200, PB_HEALTH_WARNING, "buffer" },
  { "buffer > all", SEND, D (buffer_ms), 200.1, PB_HEALTH_CRITICAL, "buffer" },
  { "a receiver's", RECEIVE, D (buffer_ms), 500, PB_HEALTH_HEALTHY, "" },
  { "latency unknown", SEND, I (latency_ms), 0, PB_HEALTH_HEALTHY, "" },
  { "bandwidth 1.2", SEND, D (bandwidth_kbps), 4801, PB_HEALTH_HEALTHY, "" },
  { "less", SEND, D (bandwidth_kbps), 4799, PB_HEALTH_WARNING, "bandwidth" },
  { "much less", SEND, D (bandwidth_kbps), 1, PB_HEALTH_WARNING, "bandwidth" },
  { "unknown", SEND, D (bandwidth_kbps), 0, PB_HEALTH_HEALTHY, "" },
  { "undecrypted", RECEIVE, I (packets_undecrypted), 1, PB_HEALTH_CRITICAL,
    "undecrypted" },
  { "jitter", SEND, D (jitter_ms), 9999, PB_HEALTH_HEALTHY, "" },
  { "lost", SEND, I (packets_lost), 9999, PB_HEALTH_HEALTHY, "" },
};
/* clang-format on */

static void
test_thresholds_are_those_of_the_protocol (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (PbHealth) health = pb_health_new (rows[i].direction);
    PbHealthSample sample = good_sample ();
    PbHealthStatus status;

    if (rows[i].is_integer)
      G_STRUCT_MEMBER (gint64, &sample, rows[i].offset) =
          (gint64) rows[i].value;
    else
      G_STRUCT_MEMBER (double, &sample, rows[i].offset) = rows[i].value;
    status = pb_health_add (health, &sample, START);
    if (status != rows[i].status ||
        !g_str_equal (pb_health_get_cause (health, START), rows[i].cause))
      g_test_fail_printf ("%s: %s, “%s”", rows[i].name,
          pb_health_status_get_name (status),
          pb_health_get_cause (health, START));
    g_assert_cmpint (pb_health_get (health, START, NULL), ==, status);
  }
}

static void
test_a_broken_connection_is_critical (void)
{
  g_autoptr (PbHealth) health = pb_health_new (SEND);
  PbHealthSample sample = good_sample ();

  sample.connected = FALSE;
  sample.loss_percent = 50;
  g_assert_cmpint (pb_health_add (health, &sample, START), ==,
      PB_HEALTH_CRITICAL);
  g_assert_cmpstr (pb_health_get_cause (health, START), ==, "disconnected");
}

static void
test_the_worst_is_named (void)
{
  g_autoptr (PbHealth) health = pb_health_new (SEND);
  PbHealthSample sample = good_sample ();

  /* two warnings: the upper row; a critical one below both */
  sample.drop_percent = 0.5;
  sample.loss_percent = 3;
  pb_health_add (health, &sample, START);
  g_assert_cmpstr (pb_health_get_cause (health, START), ==, "drops");
  sample.rtt_ms = 150;
  pb_health_add (health, &sample, START);
  g_assert_cmpstr (pb_health_get_cause (health, START), ==, "rtt");
}

static void
test_no_sample_is_no_health (void)
{
  g_autoptr (PbHealth) health = pb_health_new (RECEIVE);
  PbHealthSample sample = { .rtt_ms = 77 };
  gboolean is_stale = FALSE;
  gint64 age = 77;

  g_assert_cmpint (pb_health_get (health, START, &is_stale), ==,
      PB_HEALTH_CRITICAL);
  g_assert_true (is_stale);
  g_assert_cmpstr (pb_health_get_cause (health, START), ==, "stale");
  g_assert_false (pb_health_peek (health, &sample, &age, START));
  g_assert_cmpfloat (sample.rtt_ms, ==, 77);
  g_assert_cmpint (age, ==, 77);
}

static void
test_silence_is_not_health (void)
{
  static const struct
  {
    gint64 age_us;
    PbHealthStatus status;
    gboolean is_stale;
  } steps[] = {
    { 0, PB_HEALTH_HEALTHY, FALSE },
    { PB_HEALTH_STALE_MS * MS - 1, PB_HEALTH_HEALTHY, FALSE },
    { PB_HEALTH_STALE_MS * MS, PB_HEALTH_WARNING, TRUE },
    { PB_HEALTH_DEAD_MS * MS - 1, PB_HEALTH_WARNING, TRUE },
    { PB_HEALTH_DEAD_MS * MS, PB_HEALTH_CRITICAL, TRUE },
    { G_GINT64_CONSTANT (86400000) * MS, PB_HEALTH_CRITICAL, TRUE },
    /* a clock that seems to run backwards */
    { -1, PB_HEALTH_HEALTHY, FALSE },
  };
  g_autoptr (PbHealth) health = pb_health_new (SEND);
  PbHealthSample sample = good_sample ();

  pb_health_add (health, &sample, START);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    gint64 now = START + steps[i].age_us;
    PbHealthSample last;
    gboolean is_stale;
    gint64 age;

    g_assert_cmpint (pb_health_get (health, now, &is_stale), ==,
        steps[i].status);
    g_assert_cmpint (is_stale, ==, steps[i].is_stale);
    g_assert_cmpstr (pb_health_get_cause (health, now), ==,
        steps[i].is_stale ? "stale" : "");
    g_assert_true (pb_health_peek (health, &last, &age, now));
    g_assert_cmpint (age, ==, MAX (0, steps[i].age_us) / MS);
    g_assert_cmpfloat (last.rtt_ms, ==, sample.rtt_ms);
  }

  /* what was worse already stays the cause */
  sample.connected = FALSE;
  pb_health_add (health, &sample, START);
  g_assert_cmpstr (pb_health_get_cause (health,
                       START + PB_HEALTH_STALE_MS * MS),
      ==, "disconnected");
  sample = good_sample ();
  sample.loss_percent = 3;
  pb_health_add (health, &sample, START);
  pb_health_add (health, &sample, START);
  g_assert_cmpstr (pb_health_get_cause (health, START), ==, "loss");
  g_assert_cmpstr (pb_health_get_cause (health, START + PB_HEALTH_DEAD_MS * MS),
      ==, "stale");
}

static PbHealthStatus
add_loss (PbHealth *health, double loss)
{
  PbHealthSample sample = good_sample ();

  sample.loss_percent = loss;

  return pb_health_add (health, &sample, START);
}

static void
test_worse_counts_at_once_and_better_after_two (void)
{
  static const struct
  {
    double loss;
    PbHealthStatus status;
  } steps[] = {
    { 0, PB_HEALTH_HEALTHY },
    { 3, PB_HEALTH_WARNING },
    { 0, PB_HEALTH_WARNING },
    { 0, PB_HEALTH_HEALTHY },
    { 20, PB_HEALTH_CRITICAL },
    { 0, PB_HEALTH_CRITICAL },
    { 20, PB_HEALTH_CRITICAL },
    { 0, PB_HEALTH_CRITICAL },
    /* two that are better, by as much as the lesser of them */
    { 3, PB_HEALTH_WARNING },
    { 0, PB_HEALTH_WARNING },
    { 0, PB_HEALTH_HEALTHY },
    /* the second of two counts as the first of the next step down */
    { 20, PB_HEALTH_CRITICAL },
    { 3, PB_HEALTH_CRITICAL },
    { 0, PB_HEALTH_WARNING },
    { 0, PB_HEALTH_HEALTHY },
    { 20, PB_HEALTH_CRITICAL },
    { 3, PB_HEALTH_CRITICAL },
    { 3, PB_HEALTH_WARNING },
    { 3, PB_HEALTH_WARNING },
    { 20, PB_HEALTH_CRITICAL },
  };
  g_autoptr (PbHealth) health = pb_health_new (SEND);

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    g_assert_cmpint (add_loss (health, steps[i].loss), ==, steps[i].status);
}

static void
test_a_held_status_keeps_its_cause (void)
{
  g_autoptr (PbHealth) health = pb_health_new (SEND);

  add_loss (health, 20);
  add_loss (health, 0);
  g_assert_cmpstr (pb_health_get_cause (health, START), ==, "loss");
  add_loss (health, 0);
  g_assert_cmpstr (pb_health_get_cause (health, START), ==, "");
}

static void
test_undecrypted_is_of_the_interval (void)
{
  static const struct
  {
    gint64 total;
    gboolean is_critical;
  } steps[] = { { 5, TRUE }, { 5, TRUE /* one good */ }, { 5, FALSE },
    { 6, TRUE }, { 6, TRUE }, { 6, FALSE },
    /* the total began anew */
    { 0, FALSE }, { 1, TRUE } };
  g_autoptr (PbHealth) health = pb_health_new (RECEIVE);
  PbHealthSample sample = good_sample ();

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    sample.packets_undecrypted = steps[i].total;
    g_assert_cmpint (pb_health_add (health, &sample, START), ==,
        steps[i].is_critical ? PB_HEALTH_CRITICAL : PB_HEALTH_HEALTHY);
  }
}

static void
test_a_sample_crosses_the_wire (void)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_HEALTH);
  g_autoptr (PbMessage) parsed = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  PbHealthSample sample = { .rtt_ms = 12.3456,
    .jitter_ms = 0.25,
    .loss_percent = 1.5,
    .drop_percent = 0.125,
    .bitrate_kbps = 4123.5,
    .bandwidth_kbps = 98765.4,
    .buffer_ms = 33,
    .latency_ms = 200,
    .packets = G_GINT64_CONSTANT (5000000000),
    .packets_lost = 12,
    .packets_dropped = 3,
    .packets_retransmitted = 14,
    .packets_undecrypted = 1,
    .interval_ms = 5000,
    .connected = TRUE };
  PbHealthSample got;

  pb_message_set_string (message, "peer", "abcdefgh12345678");
  pb_health_sample_write (&sample, message);
  g_assert_true (pb_message_check (message, PB_MESSAGE_TO_SERVER, &error));
  g_assert_no_error (error);
  text = pb_message_print (message);
  parsed = pb_message_parse (text, -1, PB_MESSAGE_TO_SERVER, &error);
  g_assert_no_error (error);
  pb_health_sample_read (&got, parsed);
  g_assert_cmpfloat_with_epsilon (got.rtt_ms, 12.346, 1e-9);
  sample.rtt_ms = got.rtt_ms;
#define SAME(field) g_assert_true (got.field == sample.field)
  SAME (jitter_ms);
  SAME (loss_percent);
  SAME (drop_percent);
  SAME (bitrate_kbps);
  g_assert_cmpfloat_with_epsilon (got.bandwidth_kbps, 98765.4, 1e-9);
  SAME (buffer_ms);
  SAME (latency_ms);
  SAME (packets);
  SAME (packets_lost);
  SAME (packets_dropped);
  SAME (packets_retransmitted);
  SAME (packets_undecrypted);
  SAME (interval_ms);
  SAME (connected);
#undef SAME
  g_assert_cmpint (pb_message_get_int (parsed, "packets_lost"), ==, 12);
  g_assert_true (pb_message_get_boolean (parsed, "connected"));
}

static void
test_odd_figures_are_mended_on_the_wire (void)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_HEALTH);
  g_autoptr (GError) error = NULL;
  PbHealthSample sample = { .rtt_ms = NAN,
    .jitter_ms = INFINITY,
    .loss_percent = -1,
    .buffer_ms = -0.0,
    .latency_ms = -5,
    .packets_lost = G_MININT64 };

  pb_message_set_string (message, "peer", "abcdefgh12345678");
  pb_health_sample_write (&sample, message);
  g_assert_true (pb_message_check (message, PB_MESSAGE_TO_SERVER, &error));
  g_assert_no_error (error);
  g_assert_cmpfloat (pb_message_get_double (message, "rtt"), ==, 0);
  g_assert_cmpfloat (pb_message_get_double (message, "jitter"), ==, 0);
  g_assert_cmpfloat (pb_message_get_double (message, "loss"), ==, 0);
  g_assert_cmpint (pb_message_get_int (message, "latency"), ==, 0);
  g_assert_cmpint (pb_message_get_int (message, "packets_lost"), ==, 0);
}

static void
test_absent_figures_are_unknown (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbMessage) message =
      pb_message_parse ("{\"type\":\"health\",\"peer\":\"abcdefgh12345678\","
                        "\"rtt\":null}",
          -1, PB_MESSAGE_TO_SERVER, &error);
  g_autoptr (PbHealth) health = pb_health_new (SEND);
  PbHealthSample sample = { .rtt_ms = 77, .packets = 77 };

  g_assert_no_error (error);
  pb_health_sample_read (&sample, message);
  g_assert_cmpfloat (sample.rtt_ms, ==, 0);
  g_assert_cmpint (sample.packets, ==, 0);
  g_assert_true (sample.connected);
  g_assert_cmpint (pb_health_add (health, &sample, START), ==,
      PB_HEALTH_HEALTHY);
}

static void
test_names (void)
{
  PbHealthStatus status = PB_HEALTH_HEALTHY;

  for (guint i = 0; i <= PB_HEALTH_CRITICAL; i++) {
    g_assert_true (
        pb_health_status_from_name (pb_health_status_get_name (i), &status));
    g_assert_cmpint (status, ==, i);
  }
  g_assert_false (pb_health_status_from_name ("ok", &status));
  g_assert_false (pb_health_status_from_name (NULL, &status));
  g_assert_cmpint (status, ==, PB_HEALTH_CRITICAL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/health/thresholds-are-those-of-the-protocol",
      test_thresholds_are_those_of_the_protocol);
  g_test_add_func ("/health/a-broken-connection-is-critical",
      test_a_broken_connection_is_critical);
  g_test_add_func ("/health/the-worst-is-named", test_the_worst_is_named);
  g_test_add_func ("/health/no-sample-is-no-health",
      test_no_sample_is_no_health);
  g_test_add_func ("/health/silence-is-not-health", test_silence_is_not_health);
  g_test_add_func ("/health/worse-counts-at-once-and-better-after-two",
      test_worse_counts_at_once_and_better_after_two);
  g_test_add_func ("/health/a-held-status-keeps-its-cause",
      test_a_held_status_keeps_its_cause);
  g_test_add_func ("/health/undecrypted-is-of-the-interval",
      test_undecrypted_is_of_the_interval);
  g_test_add_func ("/health/a-sample-crosses-the-wire",
      test_a_sample_crosses_the_wire);
  g_test_add_func ("/health/odd-figures-are-mended-on-the-wire",
      test_odd_figures_are_mended_on_the_wire);
  g_test_add_func ("/health/absent-figures-are-unknown",
      test_absent_figures_are_unknown);
  g_test_add_func ("/health/names", test_names);

  return g_test_run ();
}
