/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gst/app/gstappsink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "glue/pb-gst-debug.h"
#include "pb-rate-estimator.h"
#include "webrtc-pair.h"

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

#define MIN_KBPS 100
#define MAX_KBPS 4000
#define AUDIO_BPS 64000
#define WIDE 1000
#define NARROW 400
/* seconds after the first packet */
#define DOWN 14
#define UP 26
#define END 50
#define SAMPLE_MS 100

typedef struct
{
  gint64 at_ms;
  guint estimate_kbps, encoder_kbps, received_kbps;
} Sample;

typedef struct
{
  Pair *pair;
  GSubprocess *netsim;
  GDataInputStream *out;
  GstElement *encoder;
  guint encoder_kbps;
  guint64 n_octets; /* at the last sample */
  GArray *samples;
  char *counts; /* netsim's, of the way to the receiver */
} Adapt;

static Adapt adapt;
static char **netsim_options;

/* A line in front of where the receiver listens. */
static guint
start_netsim (const char *port)
{
  g_autoptr (GPtrArray) args = g_ptr_array_new ();
  g_autofree char *rates =
      g_strdup_printf ("%u,%u:%u,%u:%u", WIDE, DOWN, NARROW, UP, WIDE);
  g_autofree char *line = NULL;
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (args, (char *) PB_NETSIM);
  g_ptr_array_add (args, (char *) "--to");
  g_ptr_array_add (args, (char *) port);
  g_ptr_array_add (args, (char *) "--rate");
  g_ptr_array_add (args, rates);
  g_ptr_array_add (args, (char *) "--queue=500");
  g_ptr_array_add (args, (char *) "--delay=20");
  for (char **option = netsim_options; option != NULL && *option != NULL;
       option++)
    g_ptr_array_add (args, *option);
  g_ptr_array_add (args, NULL);
  adapt.netsim = g_subprocess_newv ((const char *const *) args->pdata,
      G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
  g_assert_no_error (error);
  adapt.out =
      g_data_input_stream_new (g_subprocess_get_stdout_pipe (adapt.netsim));
  line = g_data_input_stream_read_line (adapt.out, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (line, "listening on "));

  return (guint) atoi (line + strlen ("listening on "));
}

/* The receiver is told of nobody: it meets the sender as its checks arrive. */
static char *
withhold (Pair *pair, guint from, const char *candidate)
{
  return NULL;
}

/* The sender is told of the line instead of the receiver. */
static char *
divert (Pair *pair, guint from, const char *candidate)
{
  g_auto (GStrv) words = g_strsplit (candidate, " ", -1);
  guint port;

  if (adapt.netsim != NULL || g_strv_length (words) < 8 ||
      g_ascii_strcasecmp (words[2], "udp") != 0 ||
      !g_str_equal (words[4], "127.0.0.1"))
    return NULL;

  port = start_netsim (words[5]);
  g_free (words[5]);
  words[5] = g_strdup_printf ("%u", port);

  return g_strjoinv (" ", words);
}

static GstElement *
find (const char *factory)
{
  g_autoptr (GstIterator) iter = gst_bin_iterate_all_by_element_factory_name (
      GST_BIN (adapt.pair->sources), factory);
  GValue value = G_VALUE_INIT;
  GstElement *element;

  g_assert_cmpint (gst_iterator_next (iter, &value), ==, GST_ITERATOR_OK);
  element = g_value_dup_object (&value);
  g_value_unset (&value);

  return element;
}

/* As pbsrcsink does: audio off, shared, and the encoder is told. */
static void
follow (guint bps)
{
  guint video = bps > AUDIO_BPS ? bps - AUDIO_BPS : 0;
  guint kbps =
      pb_rate_share (&video, 1, MIN_KBPS * 1000, MAX_KBPS * 1000) / 1000;

  if (kbps == adapt.encoder_kbps)
    return;
  adapt.encoder_kbps = kbps;
  g_object_set (adapt.encoder, "bitrate", kbps, NULL);
}

static gboolean
on_sample (gpointer unused)
{
  PairEnd *to = &adapt.pair->ends[1];
  guint64 n_octets;
  Sample sample = { .encoder_kbps = adapt.encoder_kbps };

  if (adapt.pair->connected_us == 0)
    return G_SOURCE_CONTINUE;
  if (adapt.pair->ends[0].n_estimates > 0)
    follow (adapt.pair->ends[0].estimate);
  g_mutex_lock (&adapt.pair->lock);
  n_octets = to->n_octets;
  g_mutex_unlock (&adapt.pair->lock);
  sample.at_ms =
      (g_get_monotonic_time () - adapt.pair->connected_us) / 1000;
  sample.estimate_kbps = adapt.pair->ends[0].estimate / 1000;
  sample.received_kbps =
      (guint) ((n_octets - adapt.n_octets) * 8 / SAMPLE_MS);
  adapt.n_octets = n_octets;
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
  g_autoptr (GstElement) source = NULL;
  GSource *timer = g_timeout_source_new (SAMPLE_MS);

  adapt = (Adapt) { .pair = pair_new () };
  adapt.samples = g_array_new (FALSE, FALSE, sizeof (Sample));
  adapt.pair->ends[0].media[0] = "h264";
  adapt.pair->ends[0].media[1] = "opus";
  /* a lost packet is asked for, and comes in time */
  adapt.pair->ends[0].config.latency_ms = 200;
  adapt.pair->ends[1].config.latency_ms = 200;
  adapt.pair->ends[0].config.min_kbps = MIN_KBPS;
  adapt.pair->ends[0].config.max_kbps = MAX_KBPS;
  adapt.pair->ends[0].on_candidate = withhold;
  adapt.pair->ends[1].on_candidate = divert;
  g_source_set_callback (timer, on_sample, NULL, NULL);
  g_source_attach (timer, adapt.pair->context);
  pair_start (adapt.pair);
  adapt.encoder = find ("x264enc");
  source = find ("videotestsrc");
  /* every rate is used up */
  gst_util_set_object_arg (G_OBJECT (source), "pattern", "snow");
  pair_wait (adapt.pair, is_half);
  pair_wait (adapt.pair, is_over);
  g_source_destroy (timer);
  g_source_unref (timer);
  g_subprocess_send_signal (adapt.netsim, SIGTERM);
  adapt.counts = g_data_input_stream_read_line (adapt.out, NULL, NULL, NULL);
  g_subprocess_wait (adapt.netsim, NULL, NULL);
  gst_object_unref (adapt.encoder);
  pair_free (adapt.pair);
}

static void
finish (void)
{
  g_free (adapt.counts);
  g_object_unref (adapt.out);
  g_object_unref (adapt.netsim);
  g_array_unref (adapt.samples);
}

typedef struct
{
  double estimate, received;
} Mean;

static Mean
get_mean (gint64 from_s, gint64 to_s)
{
  Mean mean = { 0 };
  guint n = 0;

  for (guint i = 0; i < adapt.samples->len; i++) {
    const Sample *sample = &g_array_index (adapt.samples, Sample, i);

    if (sample->at_ms < from_s * 1000 || sample->at_ms >= to_s * 1000)
      continue;
    mean.estimate += sample->estimate_kbps;
    mean.received += sample->received_kbps;
    n++;
  }
  g_assert_cmpuint (n, >, 0);
  mean.estimate /= n;
  mean.received /= n;

  return mean;
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
  g_assert_cmpfloat (wide.received, <, WIDE);
  g_assert_cmpint (down, >=, 0);
  g_assert_cmpfloat (narrow.estimate, <, 1.1 * NARROW);
  g_assert_cmpfloat (narrow.received, >, 0.4 * NARROW);
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

    fprintf (stderr, "%d,%u,%u,%u\n", (int) sample->at_ms,
        sample->estimate_kbps, sample->encoder_kbps, sample->received_kbps);
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
