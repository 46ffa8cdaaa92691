/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "glue/pb-gst-debug.h"
#include "webrtc-line.h"

/* Two peers, real encoders, and pb-netsim between them: its line has 1 Mbit/s,
 * then 400 kbit/s, then 1 Mbit/s again. The estimate drives x264enc, as
 * pbsrcsink's does, and must follow.
 *
 *   webrtc-adapt                   the test
 *   webrtc-adapt --figures [--csv] [NETSIM OPTION...]
 *                                  a line of figures; all samples on stderr
 *
 * The figures: `down`, ms from the line's fall to an estimate below it; `back`,
 * from its rise to an estimate of 70 % of it; for each part of the time the
 * mean estimate and what was received, kbit/s; and the line's own counts. */

#define WIDE 1000
#define NARROW 400
/* seconds after the first packet */
#define DOWN 14
#define UP 26
#define END 50
#define RATES "1000,14:400,26:1000"
#define WINDOW 4
#define SAMPLE_MS 100

typedef struct
{
  gint64 at_ms;
  guint estimate_kbps, encoder_kbps;
  guint64 n_octets; /* received until then */
} Sample;

typedef struct
{
  Pair *pair;
  PairLine *line;
  GArray *samples;
  char *counts; /* netsim's, of the way to the receiver */
} Adapt;

static Adapt adapt;
static char *no_options[] = { NULL };
static char **netsim_options = no_options;

static gboolean
on_sample (gpointer unused)
{
  PairEnd *to = &adapt.pair->ends[1];
  Sample sample;

  if (adapt.pair->connected_us == 0)
    return G_SOURCE_CONTINUE;
  sample.encoder_kbps = pair_line_follow (adapt.line);
  g_mutex_lock (&adapt.pair->lock);
  sample.n_octets = to->n_octets;
  g_mutex_unlock (&adapt.pair->lock);
  sample.at_ms = (g_get_monotonic_time () - adapt.pair->connected_us) / 1000;
  sample.estimate_kbps = adapt.pair->ends[0].estimate / 1000;
  g_array_append_val (adapt.samples, sample);

  return G_SOURCE_CONTINUE;
}

static gint64
get_at_ms (void)
{
  return adapt.samples->len == 0
             ? -1
             : g_array_index (adapt.samples, Sample, adapt.samples->len - 1)
                   .at_ms;
}

static gboolean
is_over (Pair *pair)
{
  return get_at_ms () >= END * 1000;
}

/* In two waits: each has a watchdog of less than all of it. */
static gboolean
is_half (Pair *pair)
{
  return get_at_ms () >= UP * 1000;
}

static void
run (void)
{
  static const char *const bottleneck[] = { "--rate=" RATES, "--queue=500",
    "--delay=20" };
  g_autoptr (GStrvBuilder) options = g_strv_builder_new ();
  g_auto (GStrv) line = NULL;
  GSource *timer = g_timeout_source_new (SAMPLE_MS);

  for (guint i = 0; i < G_N_ELEMENTS (bottleneck); i++)
    g_strv_builder_add (options, bottleneck[i]);
  g_strv_builder_addv (options, (const char **) netsim_options);
  line = g_strv_builder_end (options);
  adapt = (Adapt){ .pair = pair_new () };
  adapt.samples = g_array_new (FALSE, FALSE, sizeof (Sample));
  adapt.line = pair_line_new (adapt.pair, (const char *const *) line);
  g_source_set_callback (timer, on_sample, NULL, NULL);
  g_source_attach (timer, adapt.pair->context);
  pair_start (adapt.pair);
  /* every rate is used up */
  gst_util_set_object_arg (G_OBJECT (
                               pair_line_find (adapt.line, "videotestsrc")),
      "pattern", "snow");
  pair_wait (adapt.pair, is_half);
  pair_wait (adapt.pair, is_over);
  g_source_destroy (timer);
  g_source_unref (timer);
  adapt.counts = pair_line_end (adapt.line);
  pair_free (adapt.pair);
}

static void
finish (void)
{
  g_free (adapt.counts);
  pair_line_free (adapt.line);
  g_array_unref (adapt.samples);
}

typedef struct
{
  double estimate, received;
} Mean;

/* A late timer counts for as long as it was late. */
static Mean
get_mean (gint64 from_s, gint64 to_s)
{
  Mean mean = { 0 };
  gint64 all_ms = 0;

  for (guint i = 1; i < adapt.samples->len; i++) {
    const Sample *sample = &g_array_index (adapt.samples, Sample, i);
    gint64 ms = sample->at_ms - sample[-1].at_ms;

    if (sample->at_ms < from_s * 1000 || sample->at_ms >= to_s * 1000)
      continue;
    mean.estimate += (double) sample->estimate_kbps * (double) ms;
    mean.received += (double) (sample->n_octets - sample[-1].n_octets) * 8;
    all_ms += ms;
  }
  g_assert_cmpint (all_ms, >, 0);
  mean.estimate /= (double) all_ms;
  mean.received /= (double) all_ms;

  return mean;
}

/* What comes through once it has found its rate: in the best WINDOW of the
 * time. Another program's burst of work takes whole seconds of any one. */
static double
get_best_received (gint64 from_s, gint64 to_s)
{
  double best = 0;

  for (gint64 s = from_s; s + WINDOW <= to_s; s++)
    best = MAX (best, get_mean (s, s + WINDOW).received);

  return best;
}

/* ms after `from_s`; -1: never */
static gint64
until (gint64 from_s, guint kbps, gboolean is_below)
{
  for (guint i = 0; i < adapt.samples->len; i++) {
    const Sample *sample = &g_array_index (adapt.samples, Sample, i);

    if (sample->at_ms >= from_s * 1000 &&
        (is_below ? sample->estimate_kbps <= kbps
                  : sample->estimate_kbps >= kbps))
      return sample->at_ms - from_s * 1000;
  }

  return -1;
}

static char *
print_figures (void)
{
  Mean wide = get_mean (6, DOWN), narrow = get_mean (DOWN + 4, UP);
  Mean again = get_mean (END - 6, END);

  return g_strdup_printf ("wide=%.0f/%.0f down=%d narrow=%.0f/%.0f back=%d "
                          "again=%.0f/%.0f line: "
                          "%s",
      wide.estimate, wide.received, (int) until (DOWN, NARROW, TRUE),
      narrow.estimate, narrow.received, (int) until (UP, WIDE * 7 / 10, FALSE),
      again.estimate, again.received, adapt.counts);
}

static void
test_the_encoder_follows_a_bottleneck (void)
{
  g_autofree char *figures = NULL;
  Mean wide, narrow, again;
  gint64 down;

  run ();
  figures = print_figures ();
  g_test_message ("%s", figures);
  wide = get_mean (6, DOWN);
  narrow = get_mean (DOWN + 4, UP);
  again = get_mean (END - 6, END);
  down = until (DOWN, NARROW, TRUE);

  /* A busy machine's own queues look like the line's: what is asked for is the
   * order of things. The figures are bench-adapt's. */
  g_assert_cmpfloat (wide.estimate, >, 1.3 * NARROW);
  g_assert_cmpfloat (wide.received, >, NARROW);
  g_assert_cmpfloat (wide.received, <, WIDE);
  g_assert_cmpint (down, >=, 0);
  g_assert_cmpfloat (narrow.estimate, <, 1.1 * NARROW);
  g_assert_cmpfloat (get_best_received (DOWN + 4, UP), >, 0.4 * NARROW);
  g_assert_cmpfloat (narrow.received, <, NARROW);
  g_assert_cmpfloat (again.estimate, >, 1.3 * NARROW);
  g_assert_cmpfloat (again.received, >, NARROW);
  finish ();
}

static int
print (int argc, char **argv)
{
  g_autofree char *figures = NULL;
  gboolean is_csv = argc > 0 && g_str_equal (argv[0], "--csv");

  netsim_options = argv + is_csv;
  run ();
  figures = print_figures ();
  printf ("%s\n", figures);
  for (guint i = 0; is_csv && i < adapt.samples->len; i++) {
    const Sample *sample = &g_array_index (adapt.samples, Sample, i);

    fprintf (stderr, "%d,%u,%u,%" G_GUINT64_FORMAT "\n", (int) sample->at_ms,
        sample->estimate_kbps, sample->encoder_kbps, sample->n_octets);
  }
  finish ();

  return 0;
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  pb_gst_debug_init ();
  if (argc > 1 && g_str_equal (argv[1], "--figures"))
    return print (argc - 2, argv + 2);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/webrtc-adapt/the-encoder-follows-a-bottleneck",
      test_the_encoder_follows_a_bottleneck);

  return g_test_run ();
}
