/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "webrtc-end-mock.h"

/* PbWebrtcEnd with connections that the test plays: media, figures and the data
 * channel of those that are up. */

/* --- what flows ----------------------------------------------------------- */

static void
do_receive (PbWebrtcPeer *peer, gpointer user_data)
{
  g_autoptr (GstBuffer) buffer = gst_buffer_new ();
  g_autoptr (GstSample) sample = NULL;

  GST_BUFFER_PTS (buffer) = 30 * GST_SECOND;
  sample = gst_sample_new (buffer, NULL, NULL, NULL);
  peer->callbacks.received (peer, 0, TRUE, sample, peer->user_data);
}

static void
test_buffers_keep_their_time_over_a_pause (Fixture *f, gconstpointer unused)
{
  g_autoptr (GstBuffer) buffer = gst_buffer_new ();

  fixture_set_tracks (f, 2);
  fixture_play (f, 100 * GST_SECOND);
  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (1);
  fixture_sync (f);
  GST_BUFFER_PTS (buffer) = 20 * GST_SECOND;
  pb_webrtc_end_push (f->end, 0, buffer);
  g_assert_cmpuint (mock_peek (1).last_pts, ==, 20 * GST_SECOND);

  /* The pipeline stood still for seven seconds; the connection did not. */
  fixture_play (f, 107 * GST_SECOND);
  pb_webrtc_end_push (f->end, 0, buffer);
  g_assert_cmpuint (mock_peek (1).last_pts, ==, 27 * GST_SECOND);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, 20 * GST_SECOND);
  mock_peer_call (1, do_receive, NULL);
  g_assert_cmpuint (f->received_pts, ==, 23 * GST_SECOND);
  g_assert_cmpuint (f->received_source, ==, 1);
}

static void
test_each_consumer_is_fed_and_the_seventeenth_is_not (Fixture *f,
    gconstpointer unused)
{
  g_autoptr (GstBuffer) buffer = gst_buffer_new ();

  fixture_get_ready (f);
  for (guint i = 0; i < 17; i++) {
    g_autofree char *id = g_strdup_printf ("consumer_%u", i);

    fixture_introduce (f, id, "caller", NULL);
  }
  mock_peers_wait (16);
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 16);
  pb_webrtc_end_push (f->end, 0, buffer);
  for (guint i = 1; i <= 16; i++)
    g_assert_cmpint (mock_peek (i).n_pushed, ==, 1);
  mock_peer_set_state (3, PB_WEBRTC_FAILED, PB_FAULT_NO_PATH);
  pb_webrtc_end_push (f->end, 0, buffer);
  g_assert_cmpint (mock_peek (4).n_pushed, ==, 2);
}

static void
test_keyframes_are_asked_for_together (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
  fixture_wait (f, &f->n_keyframes, 1);
  for (guint i = 0; i < 20; i++)
    mock_peer_need_keyframe (1);
  fixture_wait (f, &f->n_keyframes, 2);
  g_assert_cmpuint (f->n_keyframes, <=, 3);
}

static void
test_rate_is_shared (Fixture *f, gconstpointer unused)
{
  guint n;

  mock_connect (f);
  mock_peer_estimate (1, 2000000);
  fixture_wait (f, &f->n_rates, 1);
  g_mutex_lock (&f->lock);
  while (f->kbps != 2000)
    g_cond_wait (&f->changed, &f->lock);
  n = f->n_rates;
  g_mutex_unlock (&f->lock);

  /* another that can hardly take anything drags nobody down */
  fixture_introduce (f, "second_001", "caller", NULL);
  mock_peers_wait (2);
  mock_peer_set_state (2, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_peer_estimate (2, 200000);
  mock_peer_estimate (1, 3000000);
  fixture_wait (f, &f->n_rates, n + 1);
  g_mutex_lock (&f->lock);
  while (f->kbps != 3000)
    g_cond_wait (&f->changed, &f->lock);
  g_mutex_unlock (&f->lock);

  /* nobody: as much as may be */
  fixture_gone (f, THEM, "left");
  fixture_gone (f, "second_001", "left");
  g_mutex_lock (&f->lock);
  while (f->kbps != MAX_KBPS)
    g_cond_wait (&f->changed, &f->lock);
  g_mutex_unlock (&f->lock);
}

/* --- figures -------------------------------------------------------------- */

static void
do_measure (PbWebrtcPeer *peer, gpointer user_data)
{
  peer->stats = *(PbWebrtcStats *) user_data;
}

static void
test_path_and_figures_are_told (Fixture *f, gconstpointer unused)
{
  PbWebrtcStats stats = {
    .sent = { .rtt_ms = 20,
        .bitrate_kbps = 900,
        .packets = 1000,
        .packets_lost = 10,
        .connected = TRUE },
    .is_relayed = TRUE,
    .video_codec = "H264",
  };
  g_autoptr (GstStructure) figures = NULL;
  g_autofree char *text = NULL;
  const GValue *peers, *first;

  fixture_get_ready (f);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (1);
  mock_peer_call (1, do_measure, &stats);
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_expect_status (f, "connected",
      ",\"path\":\"relay\",\"cipher\":\"dtls-srtp\",\"latency\":200", 1);
  fixture_wait_state (f, PB_STATE_RELAYING);
  text = fake_server_wait_matches (f->server, "*\"health\"*\"connected\":true*",
      1);
  g_assert_nonnull (strstr (text, "\"rtt\":20"));
  g_assert_nonnull (strstr (text, "\"packets\":1000"));
  g_assert_nonnull (strstr (text, "\"loss\":1"));

  /* a path that changes is told again */
  stats.is_relayed = FALSE;
  mock_peer_call (1, do_measure, &stats);
  mock_expect_status (f, "connected", ",\"path\":\"direct\"", 1);
  fixture_wait_state (f, PB_STATE_CONNECTED);

  figures = pb_webrtc_end_get_stats (f->end);
  peers = gst_structure_get_value (figures, "peers");
  g_assert_cmpuint (gst_value_array_get_size (peers), ==, 1);
  first = gst_value_array_get_value (peers, 0);
  g_assert_cmpstr (gst_structure_get_string (g_value_get_boxed (first),
                       "video-codec"),
      ==, "H264");
}

static void
test_counters_only_grow (Fixture *f, gconstpointer unused)
{
  PbWebrtcStats stats = { .sent = { .packets = 1000, .connected = TRUE } };
  g_autofree char *text = NULL;
  g_autofree char *later = NULL;

  mock_connect (f);
  mock_peer_call (1, do_measure, &stats);
  text = fake_server_wait_matches (f->server, "*\"packets\":1000,*", 1);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_NO_PATH);
  mock_peers_wait (2);
  stats.sent.packets = 500;
  mock_peer_call (2, do_measure, &stats);
  mock_peer_set_state (2, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  later = fake_server_wait_matches (f->server, "*\"packets\":1500,*", 1);
}

/* --- the data channel ----------------------------------------------------- */

static void
do_open (PbWebrtcPeer *peer, gpointer user_data)
{
  peer->callbacks.channel_open (peer, peer->user_data);
}

static void
test_channel_counts_from_control_alone (Fixture *f, gconstpointer unused)
{
  const char *const wrong[] = {
    "",
    "no JSON",
    "[]",
    "{\"type\":7}",
    "{\"type\":\"cue\"}",
    "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"\"}",
    "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"a\",\"text\":\"b\"}",
    "{\"type\":\"cue\",\"stream\":\"other\",\"text\":\"stand by\"}",
    "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"purple\"}",
    "{\"type\":\"health\",\"rtt\":\"x\"}",
    "{\"type\":\"what\"}",
  };

  mock_connect (f);
  fixture_sync (f);
  mock_peer_say (1,
      "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"no admin\"}");
  g_assert_cmpuint (fixture_count (f, "pb-cue"), ==, 0);

  fixture_introduce (f, THEM, "caller", ",\"control\":true");
  fixture_sync (f);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    mock_peer_say (1, wrong[i]);
  g_assert_cmpuint (fixture_count (f, "pb-cue"), ==, 0);
  mock_peer_say (1,
      "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"stand by\"}");
  fixture_expect (f, "pb-cue", "text", "stand by");
  /* the same by the other way is the same */
  fake_server_say (f->server,
      "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"stand by\"}");
  fake_server_say (f->server,
      "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"go\"}");
  {
    g_autoptr (GstMessage) message = fixture_pop (f, "pb-cue");

    g_assert_cmpstr (gst_structure_get_string (gst_message_get_structure (
                                                   message),
                         "text"),
        ==, "go");
  }

  /* The server is the source of truth, while it is there. */
  mock_peer_say (1,
      "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"program\"}");
  g_assert_cmpint (pb_webrtc_end_get_tally (f->end), ==, PB_TALLY_OFF);
  fake_server_refuse (f->server, 503, "UNAVAILABLE");
  fake_server_hang_up (f->server, 1001);
  fixture_expect (f, "pb-session", "signalling", "waiting");
  mock_peer_say (1,
      "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"program\"}");
  g_assert_cmpint (pb_webrtc_end_get_tally (f->end), ==, PB_TALLY_PROGRAM);
  fixture_expect (f, "pb-tally", "state", "program");
  mock_peer_say (1, "{\"type\":\"health\",\"rtt\":12,\"connected\":true}");
  fixture_expect (f, "pb-health", "peer", THEM);
}

static void
get_texts (PbWebrtcPeer *peer, gpointer user_data)
{
  g_ptr_array_add (peer->texts, NULL);
  *(char **) user_data = g_strjoinv ("\n", (char **) peer->texts->pdata);
  g_ptr_array_remove_index (peer->texts, peer->texts->len - 1);
}

static void
test_tally_and_cues_go_down_the_channel (Fixture *f, gconstpointer unused)
{
  g_autofree char *texts = NULL;
  g_autofree char *text = NULL;
  g_autofree char *answer = NULL;
  g_autofree char *long_text = g_strnfill (141, 'x');
  g_autoptr (JsonNode) node = NULL;
  GstMessage *message;

  mock_connect (f);
  mock_peer_call (1, do_open, NULL);
  fake_server_say (f->server,
      "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"preview\"}");
  fixture_sync (f);
  g_assert_true (pb_webrtc_end_send_cue (f->end, "stand by"));
  g_assert_false (pb_webrtc_end_send_cue (f->end, ""));
  g_assert_false (pb_webrtc_end_send_cue (f->end, long_text));
  g_assert_false (pb_webrtc_end_send_cue (f->end, "\xff"));
  text = fake_server_wait_matches (f->server,
      "*\"cue\",\"stream\":\"cam-wide\",\"text\":\"stand by\"*", 1);
  fixture_sync (f);
  mock_peer_call (1, get_texts, &texts);
  g_assert_nonnull (strstr (texts,
      "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"off\"}"));
  g_assert_nonnull (strstr (texts,
      "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"preview\"}"));
  g_assert_nonnull (strstr (texts,
      "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"stand by\"}"));

  /* Only an admin's token may: the answer is a warning. */
  node = pb_json_parse (text, -1, NULL);
  answer = g_strdup_printf ("{\"type\":\"error\",\"id\":%" G_GINT64_FORMAT
                            ",\"code\":\"X\",\"error\":"
                            "{\"status\":\"PERMISSION_DENIED\",\"reason\":"
                            "\"PERMISSION_DENIED\","
                            "\"message\":\"No.\"}}",
      json_object_get_int_member (json_node_get_object (node), "id"));
  fake_server_say (f->server, answer);
  message =
      gst_bus_timed_pop_filtered (f->bus, 20 * GST_SECOND, GST_MESSAGE_WARNING);
  g_assert_nonnull (message);
  gst_message_unref (message);
}

int
main (int argc, char **argv)
{
  mock_init (&argc, &argv);

#define ADD(path, config, function)                                            \
  g_test_add ("/webrtc-end-flow/" path, Fixture, config, fixture_set_up,       \
      function, mock_tear_down)
  ADD ("buffers-keep-their-time-over-a-pause", NULL,
      test_buffers_keep_their_time_over_a_pause);
  ADD ("each-consumer-is-fed-and-the-seventeenth-is-not", NULL,
      test_each_consumer_is_fed_and_the_seventeenth_is_not);
  ADD ("keyframes-are-asked-for-together", NULL,
      test_keyframes_are_asked_for_together);
  ADD ("rate-is-shared", NULL, test_rate_is_shared);
  ADD ("path-and-figures-are-told", NULL, test_path_and_figures_are_told);
  ADD ("counters-only-grow", NULL, test_counters_only_grow);
  ADD ("channel-counts-from-control-alone", NULL,
      test_channel_counts_from_control_alone);
  ADD ("tally-and-cues-go-down-the-channel", NULL,
      test_tally_and_cues_go_down_the_channel);
#undef ADD

  return g_test_run ();
}
