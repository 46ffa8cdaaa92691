/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include "pbsrcsink-lab.h"

/* pbsrcsink by itself: what comes out of it. */

static GPtrArray *
record (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text =
      g_strdup_printf ("%s ! appsink name=out sync=false", line);
  GstElement *pipeline = gst_parse_launch (text, &error);
  g_autoptr (GstElement) out = NULL;
  GPtrArray *samples =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_sample_unref);
  GstSample *sample;

  g_assert_no_error (error);
  out = lab_get (pipeline, "out");
  lab_play (pipeline);
  while ((sample = gst_app_sink_pull_sample (GST_APP_SINK (out))) != NULL)
    g_ptr_array_add (samples, sample);
  lab_end (pipeline);

  return samples;
}

static GPtrArray *
record_video (void)
{
  return record ("videotestsrc num-buffers=50 ! "
                 "video/x-raw,width=160,height=90,framerate=25/1 ! " X264
                 "! h264parse ! video/x-h264,stream-format=byte-stream,"
                 "alignment=au");
}

static GPtrArray *
record_audio (void)
{
  return record ("audiotestsrc num-buffers=100 ! audioconvert ! opusenc");
}

/* As a connection brings it: now, and with caps first. `anew`: of a connection
 * of its own. */
static void
bring (GstElement *pipeline, GPtrArray *samples, guint from, guint n,
    guint source, guint track, gboolean is_video, gboolean anew)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (pipeline);
  GstClockTime base = gst_element_get_base_time (pipeline);
  g_autoptr (GstCaps) caps =
      gst_caps_copy (gst_sample_get_caps (samples->pdata[0]));

  for (guint i = from; i < from + n && i < samples->len; i++) {
    g_autoptr (GstBuffer) buffer =
        gst_buffer_copy (gst_sample_get_buffer (samples->pdata[i]));
    g_autoptr (GstSample) sample = NULL;

    GST_BUFFER_PTS (buffer) = gst_clock_get_time (clock) - base;
    GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
    sample =
        gst_sample_new (buffer, anew && i == from ? caps : NULL, NULL, NULL);
    fake_end.callbacks.received (source, track, is_video, sample,
        fake_end.user_data);
  }
}

static GstPadProbeReturn
on_counted (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  guint *counts = user_data;

  g_mutex_lock (&fake_end.lock);
  counts[0]++;
  if (GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
          GST_BUFFER_FLAG_DISCONT))
    counts[1]++;
  g_cond_broadcast (&fake_end.cond);
  g_mutex_unlock (&fake_end.lock);

  return GST_PAD_PROBE_OK;
}

/* counts[0]: buffers, counts[1]: of them with DISCONT */
static void
count_at (GstElement *pipeline, const char *name, guint *counts)
{
  g_autoptr (GstElement) element = lab_get (pipeline, name);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_counted, counts, NULL);
}

static void
test_a_receiver_is_live_before_it_has_a_pad (void)
{
  GstElement *pipeline = lab_launch ("pbsrcsink name=pb latency=321 " NOBODY
                                     "pb.video_src_0 ! fakesink name=out");
  GstState state;

  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_NO_PREROLL);
  lab_play (pipeline);
  lab_wait_for (fake_end.n_played == 1);
  g_assert_cmpint (fake_end.direction, ==, PB_DIRECTION_RECEIVE);
  g_assert_false (fake_end.sends_back);
  g_assert_cmpuint (fake_end.latency_ms, ==, 321);
  /* with nothing to send it says so at once */
  g_assert_nonnull (fake_end.tracks);
  g_assert_cmpuint (fake_end.tracks->len, ==, 0);
  gst_element_get_state (pipeline, &state, NULL, 0);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_NO_PREROLL);
  lab_end (pipeline);
}

static void
test_streams_arrive_with_their_latency (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb latency=321 " NOBODY
                  "pb.video_src_0 ! queue ! fakesink name=v sync=true "
                  "pb.audio_src_0 ! queue ! fakesink name=a sync=true");
  g_autoptr (GstElement) pb = lab_get (pipeline, "pb");
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  guint v[2] = { 0 }, a[2] = { 0 };
  gboolean is_live;
  GstClockTime least, most;

  count_at (pipeline, "v", v);
  count_at (pipeline, "a", a);
  lab_play (pipeline);
  bring (pipeline, video, 0, 50, 0, 0, TRUE, TRUE);
  bring (pipeline, audio, 0, 50, 0, 1, FALSE, TRUE);
  lab_wait_for (v[0] == 50 && a[0] == 50);
  g_assert_cmpuint (v[1], ==, 1);
  pad = gst_element_get_static_pad (pb, "video_src_0");
  g_assert_true (gst_pad_query (pad, query));
  gst_query_parse_latency (query, &is_live, &least, &most);
  g_assert_true (is_live);
  g_assert_cmpuint (least, ==, 321 * GST_MSECOND);
  lab_end (pipeline);
  /* and a stopped one has none left */
}

static void
test_decoded_streams_are_raw (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb decode=true " NOBODY
                  "pb.video_src_0 ! video/x-raw ! fakesink name=v sync=false "
                  "pb.audio_src_0 ! audio/x-raw ! fakesink name=a sync=false");
  guint v[2] = { 0 }, a[2] = { 0 };

  count_at (pipeline, "v", v);
  count_at (pipeline, "a", a);
  lab_play (pipeline);
  bring (pipeline, video, 0, 50, 0, 0, TRUE, TRUE);
  bring (pipeline, audio, 0, 50, 0, 1, FALSE, TRUE);
  lab_wait_for (v[0] >= 45 && a[0] >= 45);
  lab_end (pipeline);
}

/* Counts what is on its way to a pad, whether anybody takes it or not. */
static void
on_added (GstElement *element, GstPad *pad, gpointer user_data)
{
  g_autoptr (GstPad) target = NULL;

  if (!g_str_equal (GST_PAD_NAME (pad), "video_src_1"))
    return;
  target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));
  gst_pad_add_probe (target, GST_PAD_PROBE_TYPE_BUFFER, on_counted, user_data,
      NULL);
}

static void
test_what_nobody_takes_stops_nothing (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb " NOBODY
                  "pb.video_src_0 ! queue ! fakesink name=v sync=false");
  g_autoptr (GstElement) pb = lab_get (pipeline, "pb");
  g_autoptr (GstPad) pad = NULL, sink = NULL;
  g_autofree char *text = NULL;
  guint v[2] = { 0 }, lost[2] = { 0 }, late[2] = { 0 };
  GstElement *out;

  count_at (pipeline, "v", v);
  g_signal_connect (pb, "pad-added", G_CALLBACK (on_added), lost);
  lab_play (pipeline);
  bring (pipeline, audio, 0, 50, 0, 1, FALSE, TRUE);
  bring (pipeline, video, 0, 20, 0, 0, TRUE, TRUE);
  /* a second picture that nobody wants yet */
  bring (pipeline, video, 0, 5, 0, 2, TRUE, TRUE);
  lab_wait_for (v[0] == 20 && lost[0] == 5);
  g_assert_cmpuint (lab_count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==,
      0);

  /* whoever comes later begins with a keyframe */
  pad = gst_element_get_static_pad (pb, "video_src_1");
  g_assert_nonnull (pad);
  out = gst_element_factory_make ("fakesink", "late");
  g_object_set (out, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (GST_BIN (pipeline), out);
  gst_element_sync_state_with_parent (out);
  count_at (pipeline, "late", late);
  sink = gst_element_get_static_pad (out, "sink");
  g_assert_cmpint (gst_pad_link (pad, sink), ==, GST_PAD_LINK_OK);
  bring (pipeline, video, 5, 15, 0, 2, TRUE, FALSE);
  lab_wait_for (lost[0] == 20 && late[0] > 0);
  g_assert_cmpuint (late[1], ==, 1);
  g_assert_cmpuint (fake_end.n_keyframes_asked, >=, 1);
  lab_end (pipeline);
}

static void
test_the_senders_pads_stay_when_it_comes_back (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb " NOBODY
                  "pb.video_src_0 ! queue ! fakesink name=v sync=false "
                  "pb.audio_src_0 ! queue ! fakesink name=a sync=false");
  g_autoptr (GstElement) pb = lab_get (pipeline, "pb");
  guint v[2] = { 0 }, a[2] = { 0 };

  count_at (pipeline, "v", v);
  count_at (pipeline, "a", a);
  lab_play (pipeline);
  bring (pipeline, video, 0, 20, 0, 0, TRUE, TRUE);
  bring (pipeline, audio, 0, 20, 0, 1, FALSE, TRUE);
  lab_wait_for (v[0] == 20 && a[0] == 20);
  fake_end.callbacks.gone (0, fake_end.user_data);

  /* after a while, and numbered the other way round */
  g_mutex_lock (&fake_end.lock);
  g_cond_wait_until (&fake_end.cond, &fake_end.lock,
      g_get_monotonic_time () + 400 * G_TIME_SPAN_MILLISECOND);
  g_mutex_unlock (&fake_end.lock);
  bring (pipeline, audio, 20, 20, 0, 0, FALSE, TRUE);
  bring (pipeline, video, 20, 20, 0, 1, TRUE, TRUE);
  lab_wait_for (v[0] == 40 && a[0] == 40);
  g_assert_cmpuint (v[1], ==, 2);
  g_assert_cmpuint (a[1], ==, 2);
  g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 2);
  lab_end (pipeline);
}

static void
on_removed (GstElement *element, GstPad *pad, gpointer user_data)
{
  g_mutex_lock (&fake_end.lock);
  (*(guint *) user_data)++;
  g_cond_broadcast (&fake_end.cond);
  g_mutex_unlock (&fake_end.lock);
}

static void
test_a_return_feeds_pads_go_with_it (void)
{
  g_autoptr (GPtrArray) audio = record_audio ();
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb " NOBODY VIDEO "! pb.video_0 "
                  "pb.audio_src_0 ! queue ! "
                  "fakesink name=a async=false sync=false");
  g_autoptr (GstElement) pb = lab_get (pipeline, "pb");
  guint a[2] = { 0 }, n_removed = 0;

  count_at (pipeline, "a", a);
  g_signal_connect (pb, "pad-removed", G_CALLBACK (on_removed), &n_removed);
  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 3);
  bring (pipeline, audio, 0, 20, 7, 0, FALSE, TRUE);
  lab_wait_for (a[0] == 20);
  bring (pipeline, audio, 0, 5, 8, 0, FALSE, TRUE);
  g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 2);
  fake_end.callbacks.gone (7, fake_end.user_data);
  lab_wait_for (n_removed == 1);
  g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 1);
  lab_weigh (5);
  lab_end (pipeline);
}

static void
test_a_receiver_may_send_back (void)
{
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb direction=receive " NOBODY
                  "audiotestsrc is-live=true num-buffers=20 ! "
                  "pb.audio_0 "
                  "pb.video_src_0 ! fakesink sync=false");
  g_autoptr (GstElement) pb = lab_get (pipeline, "pb");

  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 10);
  g_assert_cmpint (fake_end.direction, ==, PB_DIRECTION_RECEIVE);
  g_assert_true (fake_end.sends_back);
  g_assert_cmpuint (fake_end.tracks->len, ==, 1);
  lab_end (pipeline);
  /* what is sent back may end: the receiver receives on */
  g_assert_cmpuint (fake_end.n_finished, ==, 0);
}

static void
test_a_stuck_pipeline_loses_and_asks_for_a_keyframe (void)
{
  g_autoptr (GPtrArray) video = record_video ();
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb " NOBODY "pb.video_src_0 ! "
                  "fakesink name=v sync=false");
  g_autoptr (GstElement) v = lab_get (pipeline, "v");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (v, "sink");
  gulong block;

  lab_play (pipeline);
  block = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, NULL,
      NULL, NULL);
  /* four seconds in no time */
  for (guint i = 0; i < 100; i++) {
    g_autoptr (GstBuffer) buffer =
        gst_buffer_copy (gst_sample_get_buffer (video->pdata[i % 50]));
    g_autoptr (GstSample) sample = NULL;

    GST_BUFFER_PTS (buffer) = i * 40 * GST_MSECOND;
    sample = gst_sample_new (buffer,
        i == 0 ? gst_sample_get_caps (video->pdata[0]) : NULL, NULL, NULL);
    fake_end.callbacks.received (0, 0, TRUE, sample, fake_end.user_data);
  }
  g_assert_cmpuint (fake_end.n_keyframes_asked, >=, 1);
  gst_pad_remove_probe (pad, block);
  lab_end (pipeline);
}

static void
test_cycles_leak_nothing (void)
{
  g_autoptr (GPtrArray) video = record_video ();
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb direction=receive " NOBODY AUDIO
                  "! pb.audio_0 pb.video_src_0 ! queue ! fakesink sync=false");
  guint n = g_getenv ("PB_CYCLES") != NULL
                ? (guint) g_ascii_strtoull (g_getenv ("PB_CYCLES"), NULL, 10)
                : 500;

  for (guint i = 0; i < n / 5; i++) {
    lab_play (pipeline);
    bring (pipeline, video, 0, 5, 0, 0, TRUE, TRUE);
    g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_NULL), ==,
        GST_STATE_CHANGE_SUCCESS);
    {
      g_autoptr (GstElement) pb = lab_get (pipeline, "pb");

      g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 0);
    }
  }
  lab_end (pipeline);
}

int
main (int argc, char *argv[])
{
  static const LabTest tests[] = {
    { "a-receiver-is-live-before-it-has-a-pad",
        test_a_receiver_is_live_before_it_has_a_pad },
    { "streams-arrive-with-their-latency",
        test_streams_arrive_with_their_latency },
    { "decoded-streams-are-raw", test_decoded_streams_are_raw },
    { "what-nobody-takes-stops-nothing", test_what_nobody_takes_stops_nothing },
    { "the-senders-pads-stay-when-it-comes-back",
        test_the_senders_pads_stay_when_it_comes_back },
    { "a-return-feeds-pads-go-with-it", test_a_return_feeds_pads_go_with_it },
    { "a-receiver-may-send-back", test_a_receiver_may_send_back },
    { "a-stuck-pipeline-loses-and-asks-for-a-keyframe",
        test_a_stuck_pipeline_loses_and_asks_for_a_keyframe },
    { "cycles-leak-nothing", test_cycles_leak_nothing },
  };

  return lab_run (argc, argv, tests, G_N_ELEMENTS (tests));
}
