/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-debug.h"
#include "pb-webrtc-peer-private.h"
#include "webrtc-pair.h"

/* What a receiver that asks for keyframes gets: one, whole, with a time, and
 * not one for each wish. */

#define ASK_EACH_MS 20
#define FRAMES 75      /* three seconds */
#define LATENCY_MS 200 /* a busy machine's packets are late, not lost */

/* pair's lock */
static guint n_keyframes, n_without_time;

static void
on_received (Pair *pair, gboolean is_video, GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);

  if (!is_video)
    return;
  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT))
    n_keyframes++;
  if (!GST_BUFFER_PTS_IS_VALID (buffer))
    n_without_time++;
}

static Pair *
begin (const char *media)
{
  Pair *pair = pair_new ();

  n_keyframes = n_without_time = 0;
  pair->ends[0].media[0] = media;
  pair->ends[1].on_received = on_received;
  pair->ends[1].config.latency_ms = LATENCY_MS;
  pair_start (pair);

  return pair;
}

static gboolean
has_begun (Pair *pair)
{
  return pair->ends[1].n_video >= 10;
}

static guint keyframes_before;

static gboolean
has_another_keyframe (Pair *pair)
{
  return n_keyframes > keyframes_before;
}

/* The encoder makes no other. */
static void
test_comes_when_asked_for (void)
{
  Pair *pair = begin ("h264-asked");

  pair_wait (pair, has_begun);
  keyframes_before = n_keyframes;
  pb_webrtc_peer_ask_keyframe (pair->ends[1].peer, 0);
  pb_webrtc_peer_ask_keyframe (pair->ends[1].peer, 7); /* there is none */
  pair_wait (pair, has_another_keyframe);
  g_assert_cmpuint (n_without_time, ==, 0);
  pair_free (pair);
}

static gboolean
on_ask (gpointer user_data)
{
  Pair *pair = user_data;

  pb_webrtc_peer_ask_keyframe (pair->ends[1].peer, 0);

  return G_SOURCE_CONTINUE;
}

static guint video_before, fed_before;

static gboolean
has_many_more (Pair *pair)
{
  return pair->ends[0].n_fed - fed_before >= FRAMES;
}

/* However often it is asked: two in each second, and three at the beginning of
 * a connection; and the picture goes on meanwhile. */
static void
test_keep_a_distance (void)
{
  Pair *pair = begin ("h264-asked");
  GSource *timer = g_timeout_source_new (ASK_EACH_MS);
  guint asked_before, n_asked, n_video, n_fed;
  gint64 began_us;

  pair_wait (pair, has_begun);
  g_source_set_callback (timer, on_ask, pair, NULL);
  g_source_attach (timer, pair->context);
  began_us = g_get_monotonic_time ();
  asked_before = pair->ends[0].n_keyframes_asked;
  g_mutex_lock (&pair->lock);
  keyframes_before = n_keyframes;
  video_before = pair->ends[1].n_video;
  fed_before = pair->ends[0].n_fed;
  g_mutex_unlock (&pair->lock);
  pair_wait (pair, has_many_more);
  g_source_destroy (timer);
  g_source_unref (timer);

  g_mutex_lock (&pair->lock);
  n_video = pair->ends[1].n_video - video_before;
  n_fed = pair->ends[0].n_fed - fed_before;
  g_mutex_unlock (&pair->lock);
  n_asked = pair->ends[0].n_keyframes_asked - asked_before;
  g_test_message ("asked %u times, %u of %u frames", n_asked, n_video, n_fed);
  g_assert_cmpuint (n_asked, >=, 1);
  g_assert_cmpuint (n_asked, <=,
      3 + (g_get_monotonic_time () - began_us) / (G_USEC_PER_SEC / 2));
  g_assert_cmpuint (n_keyframes, >, keyframes_before);
  g_assert_cmpuint (n_video, >, n_fed * 3 / 4);
  g_assert_cmpuint (n_without_time, ==, 0);
  pair_free (pair);
}

static gboolean
has_three_keyframes (Pair *pair)
{
  return n_keyframes >= 3 && pair->ends[1].n_video >= 50;
}

/* As GStreamer's own payloader does it once it was asked for a keyframe */
static void
test_may_come_in_two_parts (void)
{
  Pair *pair = begin ("h264-split");

  pair_wait (pair, has_three_keyframes);
  g_assert_cmpuint (n_without_time, ==, 0);
  pair_free (pair);
}

/* pair's lock */
static guint n_sent;
static GstClockTime sent_pts;

static GstPadProbeReturn
on_sent (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Pair *pair = user_data;

  g_mutex_lock (&pair->lock);
  n_sent += GST_BUFFER_PTS (info->data) != sent_pts;
  sent_pts = GST_BUFFER_PTS (info->data);
  g_mutex_unlock (&pair->lock);

  return GST_PAD_PROBE_OK;
}

/* What anybody's `rtph264pay config-interval=-1` does, the payloader of a
 * pipeline that sends to WHIP */
static void
repeat_headers (Pair *pair)
{
  g_autoptr (GstIterator) all =
      gst_bin_iterate_all_by_element_factory_name (GST_BIN (
                                                       pair->ends[0]
                                                           .peer->pipeline),
          "rtph264pay");
  g_auto (GValue) payloader = G_VALUE_INIT;
  g_autoptr (GstPad) pad = NULL;

  g_assert_cmpint (gst_iterator_next (all, &payloader), ==, GST_ITERATOR_OK);
  g_object_set (g_value_get_object (&payloader), "config-interval", -1, NULL);
  pad = gst_element_get_static_pad (g_value_get_object (&payloader), "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_sent, pair, NULL);
}

static gboolean
has_sent_many (Pair *pair)
{
  return n_sent >= FRAMES;
}

/* Before each slice of a keyframe: it is one frame all the same, and what
 * refers to it is not lost. */
static void
test_may_repeat_its_headers (void)
{
  Pair *pair = begin ("h264-sliced");
  guint n_video;

  pair_wait (pair, has_begun);
  g_mutex_lock (&pair->lock);
  n_sent = 0;
  keyframes_before = n_keyframes;
  video_before = pair->ends[1].n_video;
  g_mutex_unlock (&pair->lock);
  repeat_headers (pair);
  pair_wait (pair, has_sent_many);

  g_mutex_lock (&pair->lock);
  n_video = pair->ends[1].n_video - video_before;
  g_mutex_unlock (&pair->lock);
  g_test_message ("%u of %u frames", n_video, n_sent);
  g_assert_cmpuint (n_video, >, FRAMES / 2);
  g_assert_cmpuint (n_video, <=, n_sent + 5);
  g_assert_cmpuint (n_keyframes, >, keyframes_before);
  g_assert_cmpuint (n_without_time, ==, 0);
  pair_free (pair);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  pb_gst_debug_init ();
#define ADD(name, func) g_test_add_func ("/webrtc-keyframes/" name, func)
  ADD ("one-comes-when-asked-for", test_comes_when_asked_for);
  ADD ("they-keep-a-distance", test_keep_a_distance);
  ADD ("one-may-come-in-two-parts", test_may_come_in_two_parts);
  ADD ("one-may-repeat-its-headers", test_may_repeat_its_headers);

  return g_test_run ();
}
