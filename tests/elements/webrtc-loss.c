/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gst/app/gstappsrc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glue/pb-gst-debug.h"
#include "webrtc-line.h"

/* Two peers over a line in pb-netsim that loses, reorders and repeats, with a
 * round trip of 100 ms: what arrives whole, what a decoder says of it, and
 * whether audio goes on. The encoder makes a keyframe only when it is asked.
 *
 *   webrtc-loss                    the test
 *   webrtc-loss --figures [--no-nack] [--fec] [--seconds N] [--latency MS]
 *               [NETSIM OPTION...]
 *                                  a line of figures
 *
 * All times are those that the media carries: a slow machine is late with
 * everything, and loses no more. The figures: `video` and `audio`, percent of
 * what was due; `thinned`, frames that our own gate left out; `again`, packets
 * that were sent once more; `rtt`, ms, as the receiver has it; `freezes`, times
 * without video of more than FREEZE, `frozen` their sum and `longest` the
 * longest, in ms; `faults`, what the decoder complained of; `asked`, keyframes
 * that the sender was asked for; the last estimate in kbit/s; and the line's
 * own counts of the way there. */

#define FRAME (GST_SECOND / 25)
#define PACKET (20 * GST_MSECOND)
#define FREEZE (4 * FRAME)
#define FOLLOW_MS 100

typedef struct
{
  guint n;
  GstClockTime first, last;
} Stream;

typedef struct
{
  Pair *pair;
  PairLine *line;
  guint seconds;
  GstElement *decoder; /* a pipeline */
  GstAppSrc *to_decoder;
  int n_decoded, n_faults; /* atomic */
  gboolean has_stats;

  /* the pair's lock */
  Stream video, audio;
  guint n_freezes, n_timeless;
  GstClockTime frozen, longest;

  guint n_asked, n_connected, estimate_kbps;
  guint64 n_thinned;
  gint64 n_again; /* sent once more */
  double rtt_ms;  /* as who only receives knows it */
  PbWebrtcState states[2];
  char *counts; /* netsim's */
} Loss;

static Loss loss;

/* --- the decoder ---------------------------------------------------------- */

static GstPadProbeReturn
on_decoded (GstPad *pad, GstPadProbeInfo *info, gpointer unused)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  g_atomic_int_inc (&loss.n_decoded);
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED))
    g_atomic_int_inc (&loss.n_faults);

  return GST_PAD_PROBE_OK;
}

/* What libav hides by concealment it says here, and nowhere else. */
static void
on_log (GstDebugCategory *category, GstDebugLevel level, const char *file,
    const char *function, int line, GObject *object, GstDebugMessage *message,
    gpointer unused)
{
  if (level > GST_LEVEL_WARNING ||
      !g_str_equal (gst_debug_category_get_name (category), "libav"))
    return;

  g_atomic_int_inc (&loss.n_faults);
  g_test_message ("libav: %s", gst_debug_message_get (message));
}

static void
make_decoder (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) decoder = NULL, source = NULL;
  g_autoptr (GstPad) pad = NULL;

  loss.decoder = gst_parse_launch ("appsrc name=in format=time ! h264parse ! "
                                   "avdec_h264 name=decoder "
                                   "max-threads=1 ! fakesink sync=0 async=0",
      &error);
  g_assert_no_error (error);
  source = gst_bin_get_by_name (GST_BIN (loss.decoder), "in");
  loss.to_decoder = GST_APP_SRC (gst_object_ref (source));
  decoder = gst_bin_get_by_name (GST_BIN (loss.decoder), "decoder");
  pad = gst_element_get_static_pad (decoder, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_decoded, NULL, NULL);
  gst_element_set_state (loss.decoder, GST_STATE_PLAYING);
}

static void
end_decoder (void)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (loss.decoder);
  g_autoptr (GstMessage) message = NULL;

  gst_app_src_end_of_stream (loss.to_decoder);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_element_set_state (loss.decoder, GST_STATE_NULL);
  gst_clear_object (&loss.to_decoder);
  gst_clear_object (&loss.decoder);
}

/* --- what arrives --------------------------------------------------------- */

static void
stream_add (Stream *stream, GstClockTime pts)
{
  if (stream->n++ == 0)
    stream->first = pts;
  stream->last = pts;
}

/* percent of what was due from the first to the last */
static double
stream_get_share (const Stream *stream, GstClockTime each)
{
  GstClockTime span = stream->last - stream->first;

  return stream->n == 0
             ? 0
             : 100.0 * stream->n / ((double) span / (double) each + 1);
}

static void
on_received (Pair *pair, gboolean is_video, GstSample *sample)
{
  GstClockTime pts = GST_BUFFER_PTS (gst_sample_get_buffer (sample));
  GstClockTime gap;

  if (!GST_CLOCK_TIME_IS_VALID (pts)) {
    loss.n_timeless++;
    return;
  }
  if (!is_video) {
    stream_add (&loss.audio, pts);
    return;
  }

  gap = loss.video.n > 0 && pts > loss.video.last ? pts - loss.video.last : 0;
  if (gap > FREEZE) {
    loss.n_freezes++;
    loss.frozen += gap;
  }
  loss.longest = MAX (loss.longest, gap);
  stream_add (&loss.video, pts);
  gst_app_src_push_sample (loss.to_decoder, sample);
}

/* --- a run ---------------------------------------------------------------- */

static gboolean
on_follow (gpointer unused)
{
  pair_line_follow (loss.line);

  return G_SOURCE_CONTINUE;
}

static gboolean
has_begun (Pair *pair)
{
  return loss.video.n > 0 && loss.audio.n > 0;
}

static gboolean
is_over (Pair *pair)
{
  return loss.video.last - loss.video.first >= loss.seconds * GST_SECOND &&
         loss.audio.last - loss.audio.first >= loss.seconds * GST_SECOND;
}

static gboolean
has_stats (Pair *pair)
{
  return loss.has_stats;
}

static void
on_stats (PbWebrtcPeer *peer, const PbWebrtcStats *stats, gpointer unused)
{
  if (peer == loss.pair->ends[0].peer) {
    loss.n_thinned = (guint64) stats->sent.frames_dropped;
    loss.n_again = stats->sent.packets_retransmitted;
  } else {
    loss.rtt_ms = stats->received.rtt_ms;
  }
  loss.has_stats = TRUE;
}

static void
read_stats (PairEnd *end)
{
  loss.has_stats = FALSE;
  pb_webrtc_peer_get_stats (end->peer, on_stats, NULL);
  pair_wait (loss.pair, has_stats);
}

/* Nobody knows what this is: neither end negotiates retransmission. */
static char *
hide_rtx (Pair *pair, guint from, const char *type, const char *sdp)
{
  g_auto (GStrv) parts = g_strsplit (sdp, " rtx/", -1);

  return g_strjoinv (" xxx/", parts);
}

typedef struct
{
  guint seconds;
  gboolean has_nack, has_fec;
  guint latency_ms; /* the receiver's; 0: as it is */
} Run;

static void
run (const Run *how, const char *const *options,
    gboolean (*is_enough) (Pair *pair))
{
  GSource *timer = g_timeout_source_new (FOLLOW_MS);
  PairEnd *from, *to;

  loss = (Loss){ .pair = pair_new (), .seconds = how->seconds };
  loss.line = pair_line_new (loss.pair, options);
  from = &loss.pair->ends[0];
  to = &loss.pair->ends[1];
  from->media[0] = "h264-asked";
  to->on_received = on_received;
  from->config.has_fec = to->config.has_fec = how->has_fec;
  if (how->latency_ms > 0)
    to->config.latency_ms = how->latency_ms;
  if (!how->has_nack)
    from->on_description = to->on_description = hide_rtx;
  make_decoder ();
  g_source_set_callback (timer, on_follow, NULL, NULL);
  g_source_attach (timer, loss.pair->context);
  pair_start (loss.pair);
  pair_wait (loss.pair, has_begun);
  pair_wait (loss.pair, is_enough);
  read_stats (from);
  read_stats (to);
  g_source_destroy (timer);
  g_source_unref (timer);
  loss.n_asked = from->n_keyframes_asked;
  loss.n_connected = from->n_connected + to->n_connected;
  loss.estimate_kbps = from->estimate / 1000;
  loss.states[0] = from->state;
  loss.states[1] = to->state;
  loss.counts = pair_line_end (loss.line);
  pair_free (loss.pair);
  end_decoder ();
}

static char *
print_figures (void)
{
  return g_strdup_printf ("video=%.1f%% of=%.0f thinned=%" G_GUINT64_FORMAT
                          " decoded=%.1f%% "
                          "faults=%d freezes=%u frozen=%d longest=%d "
                          "audio=%.1f%% asked=%u "
                          "estimate=%u again=%d rtt=%.0f %s",
      stream_get_share (&loss.video, FRAME),
      (double) (loss.video.last - loss.video.first) / (double) FRAME + 1,
      loss.n_thinned, 100.0 * loss.n_decoded / loss.video.n, loss.n_faults,
      loss.n_freezes, (int) (loss.frozen / GST_MSECOND),
      (int) (loss.longest / GST_MSECOND),
      stream_get_share (&loss.audio, PACKET), loss.n_asked, loss.estimate_kbps,
      (int) loss.n_again, loss.rtt_ms, loss.counts);
}

static void
finish (void)
{
  g_free (loss.counts);
  pair_line_free (loss.line);
}

/* --- the test ------------------------------------------------------------- */

typedef struct
{
  const char *name;
  const char *line;    /* pb-netsim's options */
  double video, audio; /* the least percent of what was due */
  gboolean has_no_nack;
} Case;

/* Each way has the loss, so a report or a request is lost as well; audio is not
 * sent again. Without NACK each loss costs all up to a keyframe that was asked
 * for: about 30 % here. */
static const Case cases[] = {
  { "one-percent", "--delay=50 --loss=1 --seed=1", 97, 92, FALSE },
  { "five-percent", "--delay=50 --loss=5 --seed=2", 85, 80, FALSE },
  { "ten-percent", "--delay=50 --loss=10 --seed=3", 70, 74, FALSE },
  { "bursts", "--delay=50 --loss=3 --burst=5 --seed=4", 75, 80, FALSE },
  { "reordered-and-repeated",
      "--delay=50 --reorder=5 --reorder-by=30 --duplicate=5 --seed=5", 97, 98,
      FALSE },
  { "five-percent-and-no-nack", "--delay=50 --loss=5 --seed=2", 40, 80, TRUE },
};

#define NO_NACK_MOST 85
#define NO_NACK_ASKED 3

#define SECONDS 10

static void
check (gconstpointer data)
{
  const Case *test = data;
  g_auto (GStrv) options = g_strsplit (test->line, " ", -1);
  const Run how = { SECONDS, !test->has_no_nack, FALSE, 0 };
  g_autofree char *figures = NULL;

  run (&how, (const char *const *) options, is_over);
  figures = print_figures ();
  g_test_message ("%s", figures);
  g_assert_cmpint (loss.states[0], ==, PB_WEBRTC_CONNECTED);
  g_assert_cmpint (loss.states[1], ==, PB_WEBRTC_CONNECTED);
  /* once each: never INTERRUPTED in between */
  g_assert_cmpuint (loss.n_connected, ==, 2);
  g_assert_cmpfloat (stream_get_share (&loss.video, FRAME), >=, test->video);
  g_assert_cmpfloat (stream_get_share (&loss.audio, PACKET), >=, test->audio);
  /* frames, not parts of them */
  g_assert_cmpuint (loss.n_timeless, ==, 0);
  g_assert_cmpint (loss.n_decoded, >=, (int) loss.video.n * 95 / 100);
  g_assert_cmpint (loss.n_faults, ==, 0);
  /* the encoder makes no keyframe else */
  g_assert_cmpuint (loss.n_asked, >=, test->has_no_nack ? NO_NACK_ASKED : 1);
  if (test->has_no_nack)
    g_assert_cmpfloat (stream_get_share (&loss.video, FRAME), <, NO_NACK_MOST);
  /* by what was asked for again, where anything was; rtpjitterbuffer times only
   * what came at the first request, and of the five packets that 1 % takes none
   * may have */
  if (strstr (test->line, "--loss") != NULL && !test->has_no_nack) {
    if (loss.rtt_ms > 0 || strstr (test->line, "--loss=1 ") == NULL)
      g_assert_cmpfloat (loss.rtt_ms, >=, 90);
    g_assert_cmpfloat (loss.rtt_ms, <=, 500);
    g_assert_cmpint (loss.n_again, >, 0);
  }
  if (test->has_no_nack)
    g_assert_cmpint (loss.n_again, ==, 0);
  finish ();
}

/* --- a way that is too narrow for both ------------------------------------ */

#define NARROW_SECONDS 15
#define NARROW_AUDIO 90 /* percent */
#define NARROW_VIDEO 75

static gboolean
has_enough_audio (Pair *pair)
{
  return loss.audio.last - loss.audio.first >= NARROW_SECONDS * GST_SECOND;
}

/* What Opus takes fits, and little else does. */
static void
test_video_gives_way_to_audio (void)
{
  static const char *const options[] = { "--delay=20", "--rate=160",
    "--queue=400", NULL };
  const Run how = { NARROW_SECONDS, TRUE, FALSE, 0 };
  g_autofree char *figures = NULL;

  run (&how, options, has_enough_audio);
  figures = print_figures ();
  g_test_message ("%s", figures);
  g_assert_cmpuint (loss.n_connected, ==, 2);
  g_assert_cmpfloat (stream_get_share (&loss.audio, PACKET), >=, NARROW_AUDIO);
  g_assert_cmpuint (loss.n_thinned, >, 0);
  g_assert_cmpuint (loss.video.n * 100, <,
      NARROW_VIDEO * NARROW_SECONDS * (guint) (GST_SECOND / FRAME));
  finish ();
}

/* --- a way that is gone for a while --------------------------------------- */

static guint video_before;

static gboolean
has_media (Pair *pair)
{
  return pair_is_connected (pair) && pair->ends[1].n_video >= 25;
}

static gboolean
has_stopped (Pair *pair)
{
  return pair->ends[0].state == PB_WEBRTC_INTERRUPTED &&
         pair->ends[1].state == PB_WEBRTC_INTERRUPTED;
}

static gboolean
is_back (Pair *pair)
{
  return pair_is_connected (pair) && pair->ends[1].n_video >= video_before + 50;
}

/* The same connection: nothing is negotiated anew. */
static void
test_the_way_comes_back (void)
{
  static const char *const options[] = { "--delay=10", NULL };
  Pair *pair = pair_new ();
  PairLine *line = pair_line_new (pair, options);
  guint n_descriptions;

  pair_start (pair);
  pair_wait (pair, has_media);
  n_descriptions = pair->ends[0].n_descriptions;
  pair_line_halt (line, TRUE);
  pair_wait (pair, has_stopped);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (pair->ends[i].fault, ==, PB_FAULT_PEER_LOST);

  g_mutex_lock (&pair->lock);
  video_before = pair->ends[1].n_video;
  g_mutex_unlock (&pair->lock);
  pair_line_halt (line, FALSE);
  pair_wait (pair, is_back);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (pair->ends[i].n_connected, ==, 2);
  g_assert_cmpuint (pair->ends[0].n_descriptions, ==, n_descriptions);

  g_free (pair_line_end (line));
  pair_free (pair);
  pair_line_free (line);
}

/* --- figures -------------------------------------------------------------- */

static int
print (int argc, char **argv)
{
  g_autofree char *figures = NULL;
  Run how = { SECONDS, TRUE, FALSE, 0 };

  for (; argc > 0; argc--, argv++) {
    if (g_str_equal (argv[0], "--no-nack"))
      how.has_nack = FALSE;
    else if (g_str_equal (argv[0], "--fec"))
      how.has_fec = TRUE;
    else if (g_str_equal (argv[0], "--seconds") && argc > 1)
      how.seconds = (guint) atoi ((argc--, *++argv));
    else if (g_str_equal (argv[0], "--latency") && argc > 1)
      how.latency_ms = (guint) atoi ((argc--, *++argv));
    else
      break;
  }
  run (&how, (const char *const *) argv, is_over);
  figures = print_figures ();
  printf ("%s\n", figures);
  finish ();

  return 0;
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  pb_gst_debug_init ();
  gst_debug_set_active (TRUE);
  gst_debug_set_threshold_for_name ("libav", GST_LEVEL_WARNING);
  gst_debug_add_log_function (on_log, NULL, NULL);
  if (argc > 1 && g_str_equal (argv[1], "--figures"))
    return print (argc - 2, argv + 2);

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strdup_printf ("/webrtc-loss/%s", cases[i].name);

    g_test_add_data_func (path, &cases[i], check);
  }
  g_test_add_func ("/webrtc-loss/video-gives-way-to-audio",
      test_video_gives_way_to_audio);
  g_test_add_func ("/webrtc-loss/the-way-comes-back", test_the_way_comes_back);

  return g_test_run ();
}
