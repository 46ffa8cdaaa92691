/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "glue/pb-gst-debug.h"
#include "mock-webrtc-peer.h"
#include "webrtc-end-fixture.h"

/* PbWebrtcEnd with connections that the test plays: who is offered what and
 * when, and how it comes back. webrtc-end-media.c has real ones. */

#define WATCHDOG_S 120

static char *
wait_signal (Fixture *f, const char *kind, guint link, guint n)
{
  g_autofree char *pattern =
      g_strdup_printf ("*\"from\":\"" US "\"*\"kind\":\"%s\",\"link\":%u*",
          kind, link);

  return fake_server_wait_matches (f->server, pattern, n);
}

static void
expect_status (Fixture *f, const char *srt, const char *rest, guint n)
{
  g_autofree char *pattern =
      g_strdup_printf ("*\"status\",\"peer\":\"" US
                       "\",\"srt\":\"%s\",\"with\":\"" THEM
                       "\",\"transport\":\"webrtc\"%s*",
          srt, rest);

  g_free (fake_server_wait_matches (f->server, pattern, n));
}

/* A caller's connection to THEM */
static void
connect (Fixture *f)
{
  fixture_get_ready (f);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (1);
  mock_peer_describe (1, "offer", "v=0");
  g_free (wait_signal (f, "offer", 1, 1));
  fixture_signal (f, THEM, "answer", 1, "{\"sdp\":\"v=0\"}");
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  expect_status (f, "connected", "", 1);
}

static void
get_list (PbWebrtcPeer *peer, gpointer user_data)
{
  char ***out = user_data;
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < peer->remotes->len; i++)
    g_ptr_array_add (list, g_strdup (g_ptr_array_index (peer->remotes, i)));
  for (guint i = 0; i < peer->candidates->len; i++)
    g_ptr_array_add (list, g_strdup (g_ptr_array_index (peer->candidates, i)));
  g_ptr_array_add (list, NULL);
  *out = (char **) g_ptr_array_free (list, FALSE);
}

/* Everything that was handed to the last peer */
static char *
dup_heard (guint serial)
{
  g_auto (GStrv) list = NULL;

  g_assert_true (mock_peer_call (serial, get_list, &list));

  return g_strjoinv (" ", list);
}

static void
get_copy (PbWebrtcPeer *peer, gpointer user_data)
{
  *(PbWebrtcPeer *) user_data = *peer;
}

static PbWebrtcPeer
peek (guint serial)
{
  PbWebrtcPeer copy = { 0 };

  g_assert_true (mock_peer_call (serial, get_copy, &copy));

  return copy;
}

/* --- being introduced ----------------------------------------------------- */

static void
test_nobody_is_offered_anything_too_early (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = NULL;
  PbWebrtcPeer peer;

  fake_server_wait_messages (f->server, "register", 1);
  text = fake_server_dup_message (f->server, "register");
  g_assert_nonnull (strstr (text, "\"transports\":[\"webrtc\"]"));
  g_assert_nonnull (
      strstr (text, "\"client\":\"pbsrcsink/" PACKAGE_VERSION " gstreamer/1."));
  g_assert_nonnull (strstr (text, "\"ice\":true"));
  fixture_introduce (f, THEM, "caller", NULL);
  fixture_wait_state (f, PB_STATE_READY);
  g_assert_cmpuint (mock_peers_count (), ==, 0);

  fixture_set_tracks (f, 2);
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 0);
  fixture_play (f, 5);
  mock_peers_wait (1);
  peer = peek (1);
  g_assert_true (peer.is_started && peer.config.is_offerer);
  g_assert_true (peer.config.can_trickle && peer.config.may_send);
  g_assert_false (peer.config.may_receive);
  g_assert_cmpuint (peer.n_tracks, ==, 2);
  g_assert_cmpuint (peer.config.base_time, ==, 5);
  g_assert_cmpstr (peer.address, ==, "127.0.0.1");
}

static void
test_offer_is_answered_and_candidates_are_passed (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *heard = NULL;
  g_autofree char *said = NULL;

  connect (f);
  fixture_expect (f, "pb-peer", "srt", "connected");
  fixture_signal (f, THEM, "candidate", 1,
      "{\"candidate\":\"candidate:1 1 UDP 1 127.0.0.1 5000 typ host\","
      "\"mline\":1}");
  /* of an attempt that never was, without a description, of nothing */
  fixture_signal (f, THEM, "answer", 9, "{\"sdp\":\"v=9\"}");
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=8\"}");
  fixture_signal (f, "stranger_1", "answer", 1, "{\"sdp\":\"v=7\"}");
  fixture_sync (f);
  heard = dup_heard (1);
  g_assert_cmpstr (heard, ==,
      "answer:v=0 1:candidate:1 1 UDP 1 127.0.0.1 5000 typ host");
  said = wait_signal (f, "candidate", 1, 1);
  g_assert_nonnull (strstr (said, "\"mline\":0"));
  g_free (wait_signal (f, "end-of-candidates", 1, 1));
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  fixture_wait_state (f, PB_STATE_CONNECTED);
}

static void
test_early_offer_waits_until_we_play (Fixture *f, gconstpointer unused)
{
  g_autofree char *heard = NULL;
  PbWebrtcPeer peer;

  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "listener", NULL);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=0\"}");
  fixture_signal (f, THEM, "candidate", 1,
      "{\"candidate\":\"candidate:1 1 UDP 1 127.0.0.1 5000 typ host\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 0);
  fixture_set_tracks (f, 0);
  fixture_play (f, 0);
  mock_peers_wait (1);
  fixture_sync (f);
  heard = dup_heard (1);
  g_assert_cmpstr (heard, ==,
      "offer:v=0 0:candidate:1 1 UDP 1 127.0.0.1 5000 typ host");
  peer = peek (1);
  g_assert_true (peer.config.may_receive);
  g_assert_false (peer.config.may_send || peer.config.is_offerer);
  mock_peer_describe (1, "answer", "v=1");
  g_free (wait_signal (f, "answer", 1, 1));
}

/* --- attempts ------------------------------------------------------------- */

static void
test_higher_link_is_a_new_attempt (Fixture *f, gconstpointer unused)
{
  g_autofree char *heard = NULL;
  g_autofree char *again = NULL;

  fixture_set_tracks (f, 0);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "listener", NULL);
  /* a peer that waits for its first offer takes the fourth as well */
  fixture_signal (f, THEM, "offer", 4, "{\"sdp\":\"v=4\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);

  /* the same number renegotiates, a lower one is the past */
  fixture_signal (f, THEM, "offer", 4, "{\"sdp\":\"v=4b\"}");
  fixture_signal (f, THEM, "offer", 3, "{\"sdp\":\"v=3\"}");
  fixture_sync (f);
  heard = dup_heard (1);
  g_assert_cmpstr (heard, ==, "offer:v=4 offer:v=4b");

  fixture_signal (f, THEM, "offer", 5, "{\"sdp\":\"v=5\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  again = dup_heard (2);
  g_assert_cmpstr (again, ==, "offer:v=5");
  mock_peer_describe (2, "answer", "v=1");
  g_free (wait_signal (f, "answer", 5, 1));
}

static void
test_caller_begins_again_after_failure (Fixture *f, gconstpointer unused)
{
  g_autoptr (GstMessage) message = NULL;

  connect (f);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_FINGERPRINT);
  expect_status (f, "error", ",\"code\":\"fingerprint\"", 1);
  fixture_expect (f, "pb-fault", "code", "fingerprint");
  mock_peers_wait (2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  mock_peer_describe (2, "offer", "v=0");
  g_free (wait_signal (f, "offer", 2, 1));

  /* told once per cause */
  mock_peer_set_state (2, PB_WEBRTC_FAILED, PB_FAULT_FINGERPRINT);
  mock_peers_wait (3);
  g_assert_cmpuint (fixture_count (f, "pb-fault"), ==, 0);
  mock_peer_set_state (3, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  expect_status (f, "connected", "", 2);
}

static void
test_listener_asks_and_waits (Fixture *f, gconstpointer unused)
{
  fixture_set_tracks (f, 0);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "listener", NULL);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"" MOCK_BAD_SDP "\"}");
  g_free (fake_server_wait_matches (f->server,
      "*\"kind\":\"restart\",\"link\":1,\"data\":{\"code\":\"refused\"}*", 1));
  expect_status (f, "error", ",\"code\":\"refused\"", 1);
  fixture_expect (f, "pb-fault", "code", "refused");
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
  /* what comes of the dead attempt finds nobody */
  fixture_signal (f, THEM, "candidate", 1, "{\"candidate\":\"candidate:1\"}");
  fixture_signal (f, THEM, "offer", 2, "{\"sdp\":\"v=2\"}");
  mock_peers_wait (2);
  mock_peer_set_state (2, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  expect_status (f, "connected", "", 1);

  /* bad ones do no harm to what runs */
  fixture_signal (f, THEM, "offer", 2, "{\"sdp\":\"" MOCK_BAD_SDP "\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  g_assert_cmpint (pb_webrtc_end_get_state (f->end), ==, PB_STATE_CONNECTED);
}

static void
test_interrupted_restarts_ice_first (Fixture *f, gconstpointer unused)
{
  connect (f);
  mock_peer_set_state (1, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  g_assert_cmpuint (peek (1).n_restarts, ==, 1);
  fixture_wait_state (f, PB_STATE_READY);
  fixture_expect (f, "pb-fault", "code", "peer-lost");
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  expect_status (f, "connected", "", 2);
  g_assert_cmpuint (mock_peers_count (), ==, 1);

  /* where its end is gone, a new one is made */
  fixture_signal (f, THEM, "restart", 1, "{\"code\":\"peer-lost\"}");
  mock_peers_wait (2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  mock_peer_describe (2, "offer", "v=0");
  g_free (wait_signal (f, "offer", 2, 1));
}

static void
test_listener_leaves_the_restart_to_the_caller (Fixture *f,
    gconstpointer unused)
{
  fixture_set_tracks (f, 0);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "listener", NULL);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=1\"}");
  mock_peers_wait (1);
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  expect_status (f, "connected", "", 1);
  mock_peer_set_state (1, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=1b\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"kind\":\"restart\"*"),
      ==, 0);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_PEER_LOST);
  g_free (fake_server_wait_matches (f->server,
      "*\"kind\":\"restart\",\"link\":1,\"data\":{\"code\":\"peer-lost\"}*",
      1));
}

static void
test_listener_waits_for_an_offer_in_peace (Fixture *f, gconstpointer unused)
{
  g_autofree char *heard = NULL;

  fixture_set_tracks (f, 0);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "listener", NULL);
  mock_peers_wait (1);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_TIMED_OUT);
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
  g_assert_cmpuint (fixture_count (f, "pb-fault"), ==, 0);
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"kind\":\"restart\"*"),
      ==, 0);
  g_assert_cmpint (pb_webrtc_end_get_state (f->end), ==, PB_STATE_READY);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=1\"}");
  mock_peers_wait (2);
  fixture_sync (f);
  heard = dup_heard (2);
  g_assert_cmpstr (heard, ==, "offer:v=1");
}

static void
test_flood_of_offers_is_limited (Fixture *f, gconstpointer unused)
{
  fixture_set_tracks (f, 0);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "listener", NULL);
  for (guint i = 1; i <= 50; i++)
    fixture_signal (f, THEM, "offer", i, "{\"sdp\":\"v=0\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), <, 20);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
}

static void
test_http_client_gets_all_in_one (Fixture *f, gconstpointer unused)
{
  PbWebrtcPeer peer;

  fixture_get_ready (f);
  fixture_introduce (f, THEM, "listener", ",\"trickle\":false");
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=0\"}");
  mock_peers_wait (1);
  peer = peek (1);
  g_assert_false (peer.config.can_trickle || peer.config.is_offerer);
  g_assert_true (peer.config.may_send);
  mock_peer_describe (1, "answer", "v=0");
  g_free (wait_signal (f, "answer", 1, 1));
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_NO_PATH);
  expect_status (f, "error", ",\"code\":\"no-path\"", 1);
  fixture_sync (f);
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"kind\":\"restart\"*"),
      ==, 0);
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"kind\":\"candidate\"*"),
      ==, 0);
}

/* --- the server comes and goes -------------------------------------------- */

static void
test_connection_outlives_the_server (Fixture *f, gconstpointer unused)
{
  connect (f);
  fake_server_hang_up (f->server, 1001);
  fake_server_wait_messages (f->server, "register", 2);
  fixture_introduce (f, THEM, "caller", NULL);
  expect_status (f, "connected", "", 2);
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  fixture_wait_state (f, PB_STATE_CONNECTED);
}

static void
test_half_an_attempt_begins_anew (Fixture *f, gconstpointer unused)
{
  fixture_get_ready (f);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (1);
  fake_server_hang_up (f->server, 1001);
  fake_server_wait_messages (f->server, "register", 2);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  mock_peer_describe (2, "offer", "v=0");
  g_free (wait_signal (f, "offer", 2, 1));
}

static void
test_who_lost_the_server_is_kept (Fixture *f, gconstpointer unused)
{
  connect (f);
  fixture_gone (f, THEM, "lost");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  g_assert_cmpint (pb_webrtc_end_get_state (f->end), ==, PB_STATE_CONNECTED);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_PEER_LOST);
  fixture_wait (f, &f->n_gone, 1);
  fixture_wait_state (f, PB_STATE_WAITING);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
}

static void
test_who_left_goes_at_once (Fixture *f, gconstpointer unused)
{
  connect (f);
  fixture_introduce (f, "second_001", "caller", NULL);
  mock_peers_wait (2);
  fixture_gone (f, "second_001", "left");
  fixture_wait (f, &f->n_gone, 1);
  g_assert_cmpuint (f->gone_source, ==, 2);
  fixture_gone (f, THEM, "closed");
  fixture_wait (f, &f->n_gone, 2);
  g_assert_cmpuint (f->gone_source, ==, 1);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
  /* known again */
  fixture_introduce (f, "second_001", "caller", NULL);
  mock_peers_wait (3);
  fixture_gone (f, "second_001", "left");
  fixture_wait (f, &f->n_gone, 3);
  g_assert_cmpuint (f->gone_source, ==, 2);
}

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
  g_assert_cmpuint (peek (1).last_pts, ==, 20 * GST_SECOND);

  /* The pipeline stood still for seven seconds; the connection did not. */
  fixture_play (f, 107 * GST_SECOND);
  pb_webrtc_end_push (f->end, 0, buffer);
  g_assert_cmpuint (peek (1).last_pts, ==, 27 * GST_SECOND);
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
    g_assert_cmpint (peek (i).n_pushed, ==, 1);
  mock_peer_set_state (3, PB_WEBRTC_FAILED, PB_FAULT_NO_PATH);
  pb_webrtc_end_push (f->end, 0, buffer);
  g_assert_cmpint (peek (4).n_pushed, ==, 2);
}

static void
test_keyframes_are_asked_for_together (Fixture *f, gconstpointer unused)
{
  connect (f);
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

  connect (f);
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
  expect_status (f, "connected",
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
  expect_status (f, "connected", ",\"path\":\"direct\"", 1);
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

  connect (f);
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

  connect (f);
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

  connect (f);
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

/* --- both transports, both ways ------------------------------------------- */

static void
test_what_is_met_over_srt_is_not_ours (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = NULL;

  fixture_get_ready (f);
  text = fake_server_dup_message (f->server, "register");
  g_assert_nonnull (strstr (text, "\"transports\":[\"webrtc\",\"srt\"]"));
  fake_server_say (f->server,
      "{\"type\":\"peer\",\"to\":\"" US "\",\"peer\":\"obs_000001\",\"stream\":"
      "\"cam-wide\",\"direction\":\"receive\",\"role\":\"caller\",\"ice\":true,"
      "\"transport\":\"srt\"}");
  fixture_signal (f, "obs_000001", "ice", 1,
      "{\"ufrag\":\"abcd\",\"pwd\":\"0123456789012345678901\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 0);
  g_assert_cmpint (pb_webrtc_end_get_state (f->end), ==, PB_STATE_WAITING);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (1);
  fixture_gone (f, "obs_000001", "left");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
}

static void
test_return_feed_is_agreed_upon (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = NULL;
  PbWebrtcPeer peer;

  fixture_get_ready (f);
  text = fake_server_dup_message (f->server, "register");
  g_assert_nonnull (strstr (text, "\"back\":true"));
  fixture_introduce (f, THEM, "listener", ",\"back\":true");
  mock_peers_wait (1);
  peer = peek (1);
  g_assert_true (peer.config.may_send && peer.config.may_receive);
  g_assert_cmpuint (peer.n_tracks, ==, 2);
  fixture_gone (f, THEM, "left");
  fixture_wait (f, &f->n_gone, 1);
  g_assert_cmpuint (f->gone_source, ==, 0);

  fixture_introduce (f, "second_001", "listener", NULL);
  mock_peers_wait (2);
  peer = peek (2);
  g_assert_false (peer.config.may_send);
  g_assert_cmpuint (peer.n_tracks, ==, 0);
}

static void
test_sender_offers_what_may_come_back (Fixture *f, gconstpointer unused)
{
  PbWebrtcPeer peer;

  fixture_get_ready (f);
  fixture_introduce (f, THEM, "caller", ",\"back\":true");
  mock_peers_wait (1);
  peer = peek (1);
  g_assert_true (peer.config.may_send && peer.config.may_receive);
  g_assert_true (peer.config.wants_audio && peer.config.wants_video);
  /* what is sent changes: the offerer says so */
  fixture_set_tracks (f, 1);
  fixture_sync (f);
  g_assert_cmpuint (peek (1).n_retracked, ==, 1);
  g_assert_cmpuint (peek (1).n_tracks, ==, 1);
}

#define RELAY_USER "1700000000%3Aabc:a%2Fb%2Bc%3D@"

static void
test_relay_is_lent (Fixture *f, gconstpointer unused)
{
  PbWebrtcPeer peer;

  fixture_set_tracks (f, 2);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
  /* relay only, and none: said so, and tried again */
  fixture_introduce (f, THEM, "caller", NULL);
  fixture_expect (f, "pb-fault", "code", "relay-unreachable");
  g_assert_cmpuint (mock_peers_count (), ==, 0);
  fake_server_say (f->server,
      "{\"type\":\"turn\",\"urls\":[\"turn:127.0.0.1:3478?transport=udp\","
      "\"turns:relay.example:5349\",\"http://x\",\"turn:a@b:1\"],"
      "\"username\":\"1700000000:abc\",\"credential\":\"a/b+c=\",\"ttl\":600}");
  mock_peers_wait (1);
  peer = peek (1);
  /* the relay over TLS is reached by a way of our own, one for each family */
  g_assert_true (g_regex_match_simple ("^turn://" RELAY_USER
                                       "127[.]0[.]0[.]1:3478[?]transport=udp "
                                       "turn://" RELAY_USER
                                       "127[.]0[.]0[.]1:[0-9]+[?]transport=tcp"
                                       "( turn://" RELAY_USER
                                       "\\[::1\\]:[0-9]+[?]transport=tcp)?$",
      peer.turn, 0, 0));
  g_assert_true (peer.config.is_relay_only);
}

static void
test_faults_of_the_server_are_told_once (Fixture *f, gconstpointer unused)
{
  fixture_get_ready (f);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (1);
  fake_server_say (f->server,
      "{\"type\":\"closed\",\"reason\":\"session-closed\"}");
  fixture_expect (f, "pb-fault", "code", "session-closed");
  fixture_wait_state (f, PB_STATE_CLOSED);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
  g_assert_cmpuint (fixture_count (f, "pb-fault"), ==, 0);
}

/* ------------------------------------------------------------------------- */

static void
tear_down (Fixture *f, gconstpointer unused)
{
  fixture_tear_down (f, NULL);
  mock_peers_reset ();
}

static gpointer
watch (gpointer data)
{
  g_usleep (WATCHDOG_S * G_USEC_PER_SEC);
  g_error ("the test hangs");

  return NULL;
}

int
main (int argc, char **argv)
{
  static const PbWebrtcEndConfig receiver = {
    .direction = PB_DIRECTION_RECEIVE,
    .latency_ms = 200,
    .health_interval_ms = 500,
  };
  static const PbWebrtcEndConfig talker = {
    .direction = PB_DIRECTION_RECEIVE,
    .sends_back = TRUE,
    .latency_ms = 200,
    .max_kbps = MAX_KBPS,
    .health_interval_ms = 500,
  };
  static const PbWebrtcEndConfig both = {
    .direction = PB_DIRECTION_SEND,
    .has_srt = TRUE,
    .latency_ms = 200,
    .max_kbps = MAX_KBPS,
    .health_interval_ms = 500,
  };
  static const PbWebrtcEndConfig relayed = {
    .direction = PB_DIRECTION_SEND,
    .is_relay_only = TRUE,
    .latency_ms = 200,
    .max_kbps = MAX_KBPS,
    .health_interval_ms = 500,
  };

  gst_init (&argc, &argv);
  pb_gst_debug_init ();
  g_test_init (&argc, &argv, NULL);
  g_thread_unref (g_thread_new ("watchdog", watch, NULL));

#define ADD(path, config, function)                                            \
  g_test_add ("/webrtc-end/" path, Fixture, config, fixture_set_up, function,  \
      tear_down)
  ADD ("nobody-is-offered-anything-too-early", NULL,
      test_nobody_is_offered_anything_too_early);
  ADD ("offer-is-answered-and-candidates-are-passed", NULL,
      test_offer_is_answered_and_candidates_are_passed);
  ADD ("early-offer-waits-until-we-play", &receiver,
      test_early_offer_waits_until_we_play);
  ADD ("higher-link-is-a-new-attempt", &receiver,
      test_higher_link_is_a_new_attempt);
  ADD ("caller-begins-again-after-failure", NULL,
      test_caller_begins_again_after_failure);
  ADD ("listener-asks-and-waits", &receiver, test_listener_asks_and_waits);
  ADD ("interrupted-restarts-ice-first", NULL,
      test_interrupted_restarts_ice_first);
  ADD ("listener-leaves-the-restart-to-the-caller", &receiver,
      test_listener_leaves_the_restart_to_the_caller);
  ADD ("listener-waits-for-an-offer-in-peace", &receiver,
      test_listener_waits_for_an_offer_in_peace);
  ADD ("flood-of-offers-is-limited", &receiver,
      test_flood_of_offers_is_limited);
  ADD ("http-client-gets-all-in-one", NULL, test_http_client_gets_all_in_one);
  ADD ("connection-outlives-the-server", NULL,
      test_connection_outlives_the_server);
  ADD ("half-an-attempt-begins-anew", NULL, test_half_an_attempt_begins_anew);
  ADD ("who-lost-the-server-is-kept", NULL, test_who_lost_the_server_is_kept);
  ADD ("who-left-goes-at-once", NULL, test_who_left_goes_at_once);
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
  ADD ("what-is-met-over-srt-is-not-ours", &both,
      test_what_is_met_over_srt_is_not_ours);
  ADD ("return-feed-is-agreed-upon", &talker, test_return_feed_is_agreed_upon);
  ADD ("sender-offers-what-may-come-back", NULL,
      test_sender_offers_what_may_come_back);
  ADD ("relay-is-lent", &relayed, test_relay_is_lent);
  ADD ("faults-of-the-server-are-told-once", NULL,
      test_faults_of_the_server_are_told_once);
#undef ADD

  return g_test_run ();
}
