/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <gst/gst.h>

#include "pbsrcsink-lab.h"
#include "webrtc/pb-encode.h"

/* pbsrcsink by itself: settings, pads, states. */

/* --- settings ------------------------------------------------------------- */

static void
test_secrets_cannot_be_read_back (void)
{
  GstElement *element = gst_element_factory_make ("pbsrcsink", NULL);
  GParamSpec *token =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element), "token");
  g_autofree char *uri = NULL;

  g_assert_cmpint (token->flags & G_PARAM_READABLE, ==, 0);
  g_object_set (element, "uri", "pbs://example.org/demo/cam?t=p_secret.secret",
      NULL);
  g_object_get (element, "uri", &uri, NULL);
  g_assert_cmpstr (uri, ==, "pbs://example.org/demo/cam");
  gst_object_unref (element);
}

static void
test_settings_are_kept (void)
{
  GstElement *element = gst_element_factory_make ("pbsrcsink", NULL);
  g_autofree char *stream = NULL, *file = NULL, *local = NULL;
  guint latency, interval, least, most, consumers;
  gboolean insecure, fec, decode, thumbnails;
  int direction, transport, codec, policy, tally, state;
  g_autoptr (GstStructure) stats = NULL;

  gst_util_set_object_arg (G_OBJECT (element), "direction", "receive");
  gst_util_set_object_arg (G_OBJECT (element), "transport", "srt");
  gst_util_set_object_arg (G_OBJECT (element), "video-codec", "vp9");
  gst_util_set_object_arg (G_OBJECT (element), "ice-transport-policy", "relay");
  g_object_set (element, "stream", "cam-close", "token-file", "/dev/null",
      "latency", 333, "local-address", "127.0.0.1", "insecure", TRUE,
      "health-interval", 1000, "min-bitrate", 222, "max-bitrate", 2222, "fec",
      TRUE, "decode", TRUE, "thumbnails", FALSE, NULL);
  g_object_get (element, "stream", &stream, "token-file", &file, "latency",
      &latency, "local-address", &local, "insecure", &insecure,
      "health-interval", &interval, "min-bitrate", &least, "max-bitrate", &most,
      "fec", &fec, "decode", &decode, "thumbnails", &thumbnails, "direction",
      &direction, "transport", &transport, "video-codec", &codec,
      "ice-transport-policy", &policy, "tally", &tally, "state", &state,
      "consumers", &consumers, "stats", &stats, NULL);
  g_assert_cmpstr (stream, ==, "cam-close");
  g_assert_cmpstr (file, ==, "/dev/null");
  g_assert_cmpuint (latency, ==, 333);
  g_assert_cmpstr (local, ==, "127.0.0.1");
  g_assert_true (insecure);
  g_assert_cmpuint (interval, ==, 1000);
  g_assert_cmpuint (least, ==, 222);
  g_assert_cmpuint (most, ==, 2222);
  g_assert_true (fec);
  g_assert_true (decode);
  g_assert_false (thumbnails);
  g_assert_cmpint (direction, ==, 2);
  g_assert_cmpint (transport, ==, 2);
  g_assert_cmpint (codec, ==, PB_CODEC_VP9);
  g_assert_cmpint (policy, ==, 1);
  g_assert_cmpint (tally, ==, PB_TALLY_OFF);
  g_assert_cmpint (state, ==, PB_STATE_CLOSED);
  g_assert_cmpuint (consumers, ==, 0);
  g_assert_true (gst_structure_has_name (stats, "pb-webrtc-stats"));
  gst_object_unref (element);
}

static void
test_every_bad_setting_is_one_error (void)
{
  static const struct
  {
    const char *settings, *says;
  } rows[] = {
    { "", "No session given" },
    { "uri=http://127.0.0.1/demo", "pbs://" },
    { "uri=pb://127.0.0.1:1/demo", "No slot given" },
    { "uri=pb://127.0.0.1:1/demo stream=a/b", "no slot's name" },
    { "uri=pb://192.0.2.1:1/demo/cam", "unencrypted" },
    { NOBODY "local-address=nowhere", "local-address" },
    { NOBODY "min-bitrate=500 max-bitrate=400", "min-bitrate" },
    { "uri=pb://127.0.0.1:1/demo/cam token-file=/nonexistent/token",
        "token file" },
    { NOBODY "name=pb direction=receive transport=srt", "no return feed" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *line =
        g_strdup_printf (VIDEO "! pbsrcsink %s", rows[i].settings);
    GstElement *pipeline = lab_launch (line);
    g_autofree char *text = NULL;

    g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), ==,
        GST_STATE_CHANGE_FAILURE);
    g_assert_cmpuint (lab_count_messages (pipeline, GST_MESSAGE_ERROR, &text),
        ==, 1);
    g_test_message ("%s", text);
    g_assert_nonnull (strstr (text, rows[i].says));
    lab_end (pipeline);
  }
}

static void
test_what_is_not_installed_is_named_with_its_package (void)
{
  GstRegistry *registry = gst_registry_get ();
  g_autoptr (GstPluginFeature) feature =
      gst_registry_lookup_feature (registry, "nicesrc");
  g_autofree char *text = NULL;
  GstElement *element, *pipeline;

  g_assert_nonnull (feature);
  gst_registry_remove_feature (registry, feature);
  /* nothing fails before somebody wants it to work */
  element = gst_element_factory_make ("pbsrcsink", NULL);
  g_assert_nonnull (element);
  gst_object_unref (element);
  pipeline = lab_launch (VIDEO "! pbsrcsink " NOBODY);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), ==,
      GST_STATE_CHANGE_FAILURE);
  g_assert_cmpuint (lab_count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==,
      1);
  g_assert_nonnull (strstr (text, "nicesrc"));
  g_assert_nonnull (strstr (text, "gstreamer1.0-nice"));
  lab_end (pipeline);
  gst_registry_add_feature (registry, gst_object_ref (feature));
}

static void
test_a_player_finds_it_by_the_address (void)
{
  static const char *const addresses[] = { "pb://127.0.0.1:1/demo/cam-wide",
    "pbs://example.org/demo/cam-wide" };

  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++) {
    g_autoptr (GError) error = NULL;
    GstElement *element =
        gst_element_make_from_uri (GST_URI_SRC, addresses[i], NULL, &error);
    g_autofree char *uri = NULL;

    g_assert_no_error (error);
    uri = gst_uri_handler_get_uri (GST_URI_HANDLER (element));
    g_assert_cmpstr (uri, ==, addresses[i]);
    g_assert_false (gst_uri_handler_set_uri (GST_URI_HANDLER (element),
        "pb://a b/c", &error));
    g_assert_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI);
    gst_object_ref_sink (element);
    gst_object_unref (element);
  }
}

/* --- pads and the end of a stream ----------------------------------------- */

static void
test_pads_have_names (void)
{
  GstElement *element = gst_element_factory_make ("pbsrcsink", NULL);
  g_autoptr (GstPad) one = gst_element_request_pad_simple (element, "video_0");
  g_autoptr (GstPad) two = gst_element_request_pad_simple (element, "video_%u");
  g_autoptr (GstPad) tone =
      gst_element_request_pad_simple (element, "audio_%u");

  g_assert_cmpstr (GST_PAD_NAME (one), ==, "video_0");
  g_assert_cmpstr (GST_PAD_NAME (two), ==, "video_1");
  g_assert_cmpstr (GST_PAD_NAME (tone), ==, "audio_0");
  gst_element_release_request_pad (element, one);
  gst_element_release_request_pad (element, two);
  gst_element_release_request_pad (element, tone);
  g_assert_cmpint (GST_BIN_NUMCHILDREN (element), ==, 0);
  gst_object_unref (element);
}

static void
test_pads_come_and_go_while_it_plays (void)
{
  GstElement *pipeline =
      lab_launch ("pbsrcsink name=pb " NOBODY VIDEO "! pb.video_0");
  g_autoptr (GstElement) pb = lab_get (pipeline, "pb");
  g_autoptr (GError) error = NULL;
  GstElement *tone;
  g_autoptr (GstPad) src = NULL, sink = NULL;

  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 5);
  g_assert_cmpuint (fake_end.tracks->len, ==, 1);

  tone = gst_parse_bin_from_description ("audiotestsrc is-live=true ! queue",
      TRUE, &error);
  g_assert_no_error (error);
  gst_bin_add (GST_BIN (pipeline), tone);
  src = gst_element_get_static_pad (tone, "src");
  sink = gst_element_request_pad_simple (pb, "audio_%u");
  g_assert_cmpint (gst_pad_link (src, sink), ==, GST_PAD_LINK_OK);
  gst_element_sync_state_with_parent (tone);
  lab_wait_for (fake_end.tracks->len == 2 && fake_end.n_pushed[1] >= 5);

  /* away from the middle of the flow */
  gst_element_set_state (tone, GST_STATE_NULL);
  gst_pad_unlink (src, sink);
  gst_element_release_request_pad (pb, sink);
  gst_bin_remove (GST_BIN (pipeline), tone);
  lab_wait_for (fake_end.tracks->len == 1);
  lab_weigh (10);
  lab_end (pipeline);
}

static void
push_silence (GstElement *source)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 2 * 960, NULL);
  GstFlowReturn flow;

  gst_buffer_memset (buffer, 0, 0, 2 * 960);
  g_signal_emit_by_name (source, "push-buffer", buffer, &flow);
  gst_buffer_unref (buffer);
  g_assert_cmpint (flow, ==, GST_FLOW_OK);
}

/* And where it comes at last it takes no other's place. */
static void
test_a_silent_stream_does_not_hold_the_others_up_for_ever (void)
{
  GstElement *pipeline = lab_launch (
      "pbsrcsink name=pb " NOBODY
      "appsrc name=mute is-live=true format=time do-timestamp=true "
      "caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1 "
      "! pb.audio_0 " VIDEO "! pb.video_0");
  g_autoptr (GstElement) mute = lab_get (pipeline, "mute");
  g_autofree char *first = NULL, *second = NULL;

  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 5);
  g_assert_cmpuint (fake_end.tracks->len, ==, 1);
  for (guint i = 0; i < 50; i++)
    push_silence (mute);
  lab_wait_for (fake_end.tracks->len == 2 && fake_end.n_pushed[1] >= 5);
  first = lab_dup_track (0);
  second = lab_dup_track (1);
  g_assert_true (g_str_has_prefix (first, "video/"));
  g_assert_true (g_str_has_prefix (second, "audio/"));
  lab_end (pipeline);
}

static void
test_the_end_of_all_streams_is_said_once (void)
{
  GstElement *pipeline = lab_launch (
      "pbsrcsink name=pb " NOBODY "videotestsrc is-live=true num-buffers=10 ! "
      /* slow enough for any encoder: what is late is left out */
      "video/x-raw,width=160,height=90,framerate=5/1 ! pb.video_0 "
      "audiotestsrc is-live=true num-buffers=40 ! pb.audio_0");
  g_autoptr (GstMessage) message = NULL;

  lab_play (pipeline);
  message = lab_wait_message (pipeline, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  g_assert_cmpuint (fake_end.n_finished, ==, 1);
  g_assert_cmpuint (fake_end.n_pushed[0], ==, 10);
  lab_end (pipeline);
}

/* A file goes out at its own speed. */
static void
test_what_is_not_live_is_paced (void)
{
  GstElement *pipeline = lab_launch (
      "videotestsrc ! video/x-raw,width=160,height=90,framerate=50/1 ! "
      "pbsrcsink name=pb " NOBODY);
  g_autoptr (GstClock) clock = NULL;
  GstClockTime now, base;

  lab_play (pipeline);
  lab_wait_for (fake_end.pushed->len >= 50);
  clock = gst_element_get_clock (pipeline);
  base = gst_element_get_base_time (pipeline);
  g_mutex_lock (&fake_end.lock);
  now = gst_clock_get_time (clock) - base;
  for (guint i = 0; i < fake_end.pushed->len; i++)
    g_assert_cmpuint (GST_BUFFER_PTS ((GstBuffer *) fake_end.pushed->pdata[i]),
        <=, now);
  g_mutex_unlock (&fake_end.lock);
  lab_end (pipeline);
}

static void
test_a_sender_plays_without_data (void)
{
  GstElement *pipeline = lab_launch (
      "appsrc is-live=true format=time ! pbsrcsink name=pb " NOBODY);
  GstState state;

  lab_play (pipeline);
  g_assert_cmpint (gst_element_get_state (pipeline, &state, NULL,
                       10 * GST_SECOND),
      !=, GST_STATE_CHANGE_FAILURE);
  g_assert_cmpint (state, ==, GST_STATE_PLAYING);
  lab_end (pipeline);
}

static void
test_a_cue_is_a_line (void)
{
  GstElement *pipeline = lab_launch (
      "appsrc is-live=true format=time ! pbsrcsink name=pb " NOBODY);
  g_autoptr (GstElement) pb = lab_get (pipeline, "pb");
  g_autofree char *longest = g_strnfill (140, 'x');
  g_autofree char *longer = g_strnfill (141, 'x');
  gboolean sent = TRUE;

  g_signal_emit_by_name (pb, "send-cue", "too early", &sent);
  g_assert_false (sent);
  lab_play (pipeline);
  g_signal_emit_by_name (pb, "send-cue", "stand by, cam 2", &sent);
  g_assert_true (sent);
  g_assert_cmpstr (fake_end.cue, ==, "stand by, cam 2");
  g_signal_emit_by_name (pb, "send-cue", longest, &sent);
  g_assert_true (sent);
  g_signal_emit_by_name (pb, "send-cue", longer, &sent);
  g_assert_false (sent);
  g_signal_emit_by_name (pb, "send-cue", "", &sent);
  g_assert_false (sent);
  lab_end (pipeline);
}

int
main (int argc, char *argv[])
{
  static const LabTest tests[] = {
    { "secrets-cannot-be-read-back", test_secrets_cannot_be_read_back },
    { "settings-are-kept", test_settings_are_kept },
    { "every-bad-setting-is-one-error", test_every_bad_setting_is_one_error },
    { "what-is-not-installed-is-named-with-its-package",
        test_what_is_not_installed_is_named_with_its_package },
    { "a-player-finds-it-by-the-address",
        test_a_player_finds_it_by_the_address },
    { "pads-have-names", test_pads_have_names },
    { "pads-come-and-go-while-it-plays", test_pads_come_and_go_while_it_plays },
    { "a-silent-stream-does-not-hold-the-others-up-for-ever",
        test_a_silent_stream_does_not_hold_the_others_up_for_ever },
    { "the-end-of-all-streams-is-said-once",
        test_the_end_of_all_streams_is_said_once },
    { "what-is-not-live-is-paced", test_what_is_not_live_is_paced },
    { "a-sender-plays-without-data", test_a_sender_plays_without_data },
    { "a-cue-is-a-line", test_a_cue_is_a_line },
  };

  return lab_run (argc, argv, tests, G_N_ELEMENTS (tests));
}
