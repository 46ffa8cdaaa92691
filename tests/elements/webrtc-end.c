/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "pb-webrtc-end-private.h"
#include "webrtc-end-mock.h"

/* PbWebrtcEnd with connections that the test plays: who is offered what and
 * when, and how it comes back. webrtc-end-flow.c: what then flows;
 * webrtc-end-media.c has real ones. */

/* A receiver that sends nothing meets a caller. */
static void
meet_listener (Fixture *f)
{
  fixture_set_tracks (f, 0);
  fixture_play (f, 0);
  fake_server_wait_messages (f->server, "register", 1);
  fixture_introduce (f, THEM, "listener", NULL);
}

static void
connect_listener (Fixture *f)
{
  meet_listener (f);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=1\"}");
  mock_peers_wait (1);
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_expect_status (f, "connected", "", 1);
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
  peer = mock_peek (1);
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

  mock_connect (f);
  fixture_expect (f, "pb-peer", "srt", "connected");
  fixture_signal (f, THEM, "candidate", 1,
      "{\"candidate\":\"candidate:1 1 UDP 1 127.0.0.1 5000 typ host\","
      "\"mline\":1}");
  /* of an attempt that never was, without a description, of nothing */
  fixture_signal (f, THEM, "answer", 9, "{\"sdp\":\"v=9\"}");
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=8\"}");
  fixture_signal (f, "stranger_1", "answer", 1, "{\"sdp\":\"v=7\"}");
  fixture_sync (f);
  heard = mock_dup_heard (1);
  g_assert_cmpstr (heard, ==,
      "answer:v=0 1:candidate:1 1 UDP 1 127.0.0.1 5000 typ host");
  said = mock_wait_signal (f, "candidate", 1, 1);
  g_assert_nonnull (strstr (said, "\"mline\":0"));
  g_free (mock_wait_signal (f, "end-of-candidates", 1, 1));
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
  heard = mock_dup_heard (1);
  g_assert_cmpstr (heard, ==,
      "offer:v=0 0:candidate:1 1 UDP 1 127.0.0.1 5000 typ host");
  peer = mock_peek (1);
  g_assert_true (peer.config.may_receive);
  g_assert_false (peer.config.may_send || peer.config.is_offerer);
  mock_peer_describe (1, "answer", "v=1");
  g_free (mock_wait_signal (f, "answer", 1, 1));
}

/* --- attempts ------------------------------------------------------------- */

static void
test_higher_link_is_a_new_attempt (Fixture *f, gconstpointer unused)
{
  g_autofree char *heard = NULL;
  g_autofree char *again = NULL;

  meet_listener (f);
  /* a peer that waits for its first offer takes the fourth as well */
  fixture_signal (f, THEM, "offer", 4, "{\"sdp\":\"v=4\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);

  /* the same number renegotiates, a lower one is the past */
  fixture_signal (f, THEM, "offer", 4, "{\"sdp\":\"v=4b\"}");
  fixture_signal (f, THEM, "offer", 3, "{\"sdp\":\"v=3\"}");
  fixture_sync (f);
  heard = mock_dup_heard (1);
  g_assert_cmpstr (heard, ==, "offer:v=4 offer:v=4b");

  fixture_signal (f, THEM, "offer", 5, "{\"sdp\":\"v=5\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  again = mock_dup_heard (2);
  g_assert_cmpstr (again, ==, "offer:v=5");
  mock_peer_describe (2, "answer", "v=1");
  g_free (mock_wait_signal (f, "answer", 5, 1));
}

static void
test_caller_begins_again_after_failure (Fixture *f, gconstpointer unused)
{
  g_autoptr (GstMessage) message = NULL;

  mock_connect (f);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_FINGERPRINT);
  mock_expect_status (f, "error", ",\"code\":\"fingerprint\"", 1);
  fixture_expect (f, "pb-fault", "code", "fingerprint");
  mock_peers_wait (2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  mock_peer_describe (2, "offer", "v=0");
  g_free (mock_wait_signal (f, "offer", 2, 1));

  /* told once per cause */
  mock_peer_set_state (2, PB_WEBRTC_FAILED, PB_FAULT_FINGERPRINT);
  mock_peers_wait (3);
  g_assert_cmpuint (fixture_count (f, "pb-fault"), ==, 0);
  mock_peer_set_state (3, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_expect_status (f, "connected", "", 2);
}

static void
test_listener_asks_and_waits (Fixture *f, gconstpointer unused)
{
  meet_listener (f);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"" MOCK_BAD_SDP "\"}");
  g_free (fake_server_wait_matches (f->server,
      "*\"kind\":\"restart\",\"link\":1,\"data\":{\"code\":\"refused\"}*", 1));
  mock_expect_status (f, "error", ",\"code\":\"refused\"", 1);
  fixture_expect (f, "pb-fault", "code", "refused");
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
  /* what comes of the dead attempt finds nobody */
  fixture_signal (f, THEM, "candidate", 1, "{\"candidate\":\"candidate:1\"}");
  fixture_signal (f, THEM, "offer", 2, "{\"sdp\":\"v=2\"}");
  mock_peers_wait (2);
  mock_peer_set_state (2, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_expect_status (f, "connected", "", 1);

  /* bad ones do no harm to what runs */
  fixture_signal (f, THEM, "offer", 2, "{\"sdp\":\"" MOCK_BAD_SDP "\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  g_assert_cmpint (pb_webrtc_end_get_state (f->end), ==, PB_STATE_CONNECTED);
}

static void
test_interrupted_restarts_ice_first (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
  mock_peer_set_state (1, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  g_assert_cmpuint (mock_peek (1).n_restarts, ==, 1);
  fixture_wait_state (f, PB_STATE_READY);
  fixture_expect (f, "pb-fault", "code", "peer-lost");
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_expect_status (f, "connected", "", 2);
  g_assert_cmpuint (mock_peers_count (), ==, 1);

  /* it hears nothing and we do: the same connection once more, and nobody is
   * told that it broke */
  fixture_signal (f, THEM, "restart", 1, "{\"code\":\"peer-lost\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peek (1).n_restarts, ==, 2);
  g_assert_cmpint (pb_webrtc_end_get_state (f->end), ==, PB_STATE_CONNECTED);
  /* nor is anything restarted that is being restarted */
  mock_peer_set_state (1, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  fixture_signal (f, THEM, "restart", 1, "{\"code\":\"peer-lost\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peek (1).n_restarts, ==, 3);
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);

  /* where its end is gone, a new one is made */
  fixture_signal (f, THEM, "restart", 1, "{\"code\":\"timed-out\"}");
  mock_peers_wait (2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  mock_peer_describe (2, "offer", "v=0");
  g_free (mock_wait_signal (f, "offer", 2, 1));
  /* and what is said of the last one is no news */
  fixture_signal (f, THEM, "restart", 1, "{\"code\":\"peer-lost\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
}

static void
test_listener_leaves_the_restart_to_the_caller (Fixture *f,
    gconstpointer unused)
{
  connect_listener (f);
  mock_peer_set_state (1, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=1b\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  /* it is told, since it may hear us; and again when there is nothing left */
  g_free (fake_server_wait_matches (f->server,
      "*\"kind\":\"restart\",\"link\":1,\"data\":{\"code\":\"peer-lost\"}*",
      1));
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"kind\":\"restart\"*"),
      ==, 1);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_PEER_LOST);
  g_free (fake_server_wait_matches (f->server,
      "*\"kind\":\"restart\",\"link\":1,\"data\":{\"code\":\"timed-out\"}*",
      1));
}

static void
test_listener_waits_for_an_offer_in_peace (Fixture *f, gconstpointer unused)
{
  g_autofree char *heard = NULL;

  meet_listener (f);
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
  heard = mock_dup_heard (2);
  g_assert_cmpstr (heard, ==, "offer:v=1");
}

static void
test_flood_of_offers_is_limited (Fixture *f, gconstpointer unused)
{
  meet_listener (f);
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
  peer = mock_peek (1);
  g_assert_false (peer.config.can_trickle || peer.config.is_offerer);
  g_assert_true (peer.config.may_send);
  mock_peer_describe (1, "answer", "v=0");
  g_free (mock_wait_signal (f, "answer", 1, 1));
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_NO_PATH);
  mock_expect_status (f, "error", ",\"code\":\"no-path\"", 1);
  fixture_sync (f);
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"kind\":\"restart\"*"),
      ==, 0);
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"kind\":\"candidate\"*"),
      ==, 0);
}

static void
fill (PbWebrtcPeer *peer, gpointer unused)
{
  peer->is_full = TRUE;
}

/* --- the server comes and goes -------------------------------------------- */

static void
test_connection_outlives_the_server (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
  fake_server_hang_up (f->server, 1001);
  fake_server_wait_messages (f->server, "register", 2);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_expect_status (f, "connected", "", 2);
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  fixture_wait_state (f, PB_STATE_CONNECTED);
}

/* The name of the STUN server is looked up once more after each registration:
 * who is introduced meanwhile is not forgotten. */
static void
resolve (PbWebrtcPeer *peer, gpointer unused)
{
  PbWebrtcCounterpart *other = peer->user_data;

  other->end->resolving = g_cancellable_new ();
}

static void
test_introduced_too_early_is_met_later (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
  mock_peer_call (1, resolve, NULL);
  fake_server_hang_up (f->server, 1001);
  fixture_wait_state (f, PB_STATE_CONNECTED);
  fake_server_wait_messages (f->server, "register", 2);
  mock_peer_set_state (1, PB_WEBRTC_FAILED, PB_FAULT_PEER_LOST);
  fixture_introduce (f, THEM, "caller", NULL);
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
  g_clear_object (&f->end->resolving);
  fixture_play (f, 0);
  mock_peers_wait (2);
}

static void
test_offer_that_was_cut_off_is_repeated (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
  fake_server_hang_up (f->server, 1001);
  fake_server_wait_messages (f->server, "register", 2);
  fixture_sync (f);
  g_assert_cmpuint (mock_peek (1).n_repeated, ==, 0);
  fixture_introduce (f, THEM, "caller", NULL);
  fixture_sync (f);
  g_assert_cmpuint (mock_peek (1).n_repeated, ==, 1);
  /* or it was the other end that was away */
  fixture_introduce (f, THEM, "caller", ",\"back\":true");
  fixture_sync (f);
  g_assert_cmpuint (mock_peek (1).n_repeated, ==, 2);
}

/* Its answer was lost, or it has none. */
static void
test_offer_without_answer_ends_the_attempt (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
  mock_peer_describe (1, "offer", "v=0b");
  g_free (mock_wait_signal (f, "offer", 1, 2));
  fixture_signal (f, THEM, "answer", 1, "{\"sdp\":\"v=0b\"}");
  fixture_sync (f);
  mock_peer_describe (1, "offer", "v=0c");
  fixture_signal (f, THEM, "answer", 1, "{\"sdp\":\"" MOCK_BAD_SDP "\"}");
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  fixture_expect (f, "pb-fault", "code", "timed-out");
  mock_peers_wait (2);
}

static void
test_no_room_for_a_track_is_a_new_attempt (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
  mock_peer_call (1, fill, NULL);
  fixture_set_tracks (f, 1);
  mock_peers_wait (2);
  g_assert_cmpuint (mock_peek (2).n_tracks, ==, 1);
  mock_peer_describe (2, "offer", "v=0");
  g_free (mock_wait_signal (f, "offer", 2, 1));
}

static void
test_no_room_for_a_track_while_the_other_is_away (Fixture *f,
    gconstpointer unused)
{
  mock_connect (f);
  mock_peer_call (1, fill, NULL);
  fixture_gone (f, THEM, "lost");
  fixture_sync (f);
  fixture_set_tracks (f, 1);
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  fixture_introduce (f, THEM, "caller", NULL);
  mock_peers_wait (2);
}

/* A restarted server does not know who sends, and lets another one in. */
static void
test_next_sender_waits_for_the_end_of_the_last (Fixture *f,
    gconstpointer unused)
{
  connect_listener (f);
  fixture_introduce (f, "second_001", "listener", NULL);
  fixture_expect (f, "pb-fault", "code", "slot-taken");
  g_assert_cmpuint (mock_peers_count (), ==, 1);
  mock_peer_set_state (1, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  mock_peers_wait (2);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  fixture_signal (f, "second_001", "offer", 4, "{\"sdp\":\"v=4\"}");
  fixture_sync (f);
  {
    g_autofree char *heard = mock_dup_heard (2);

    g_assert_cmpstr (heard, ==, "offer:v=4");
  }
}

/* Its picture goes on; what we send is told once there is somebody to tell. */
static void
test_listener_changes_its_tracks_while_the_server_is_away (Fixture *f,
    gconstpointer unused)
{
  fixture_get_ready (f);
  fixture_introduce (f, THEM, "listener", ",\"back\":true");
  fixture_signal (f, THEM, "offer", 1, "{\"sdp\":\"v=1\"}");
  mock_peers_wait (1);
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  mock_expect_status (f, "connected", "", 1);
  fixture_gone (f, THEM, "lost");
  fixture_sync (f);
  fixture_set_tracks (f, 1);
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 1);
  mock_peer_set_state (1, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  fixture_introduce (f, THEM, "listener", ",\"back\":true");
  g_free (fake_server_wait_matches (f->server,
      "*\"kind\":\"restart\",\"link\":1,\"data\":{\"code\":\"peer-lost\"}*",
      1));
  mock_peer_set_state (1, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  g_free (mock_wait_signal (f, "restart", 1, 2));
  fixture_sync (f);
  g_assert_cmpuint (mock_peers_count_alive (), ==, 0);
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
  g_free (mock_wait_signal (f, "offer", 2, 1));
}

static void
test_who_lost_the_server_is_kept (Fixture *f, gconstpointer unused)
{
  mock_connect (f);
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
  mock_connect (f);
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
  peer = mock_peek (1);
  g_assert_true (peer.config.may_send && peer.config.may_receive);
  g_assert_cmpuint (peer.n_tracks, ==, 2);
  fixture_gone (f, THEM, "left");
  fixture_wait (f, &f->n_gone, 1);
  g_assert_cmpuint (f->gone_source, ==, 0);

  fixture_introduce (f, "second_001", "listener", NULL);
  mock_peers_wait (2);
  peer = mock_peek (2);
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
  peer = mock_peek (1);
  g_assert_true (peer.config.may_send && peer.config.may_receive);
  g_assert_true (peer.config.wants_audio && peer.config.wants_video);
  /* what is sent changes: the offerer says so */
  fixture_set_tracks (f, 1);
  fixture_sync (f);
  g_assert_cmpuint (mock_peek (1).n_retracked, ==, 1);
  g_assert_cmpuint (mock_peek (1).n_tracks, ==, 1);
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
  peer = mock_peek (1);
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

  mock_init (&argc, &argv);

#define ADD(path, config, function)                                            \
  g_test_add ("/webrtc-end/" path, Fixture, config, fixture_set_up, function,  \
      mock_tear_down)
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
  ADD ("introduced-too-early-is-met-later", NULL,
      test_introduced_too_early_is_met_later);
  ADD ("offer-that-was-cut-off-is-repeated", NULL,
      test_offer_that_was_cut_off_is_repeated);
  ADD ("offer-without-answer-ends-the-attempt", NULL,
      test_offer_without_answer_ends_the_attempt);
  ADD ("no-room-for-a-track-is-a-new-attempt", NULL,
      test_no_room_for_a_track_is_a_new_attempt);
  ADD ("no-room-for-a-track-while-the-other-is-away", NULL,
      test_no_room_for_a_track_while_the_other_is_away);
  ADD ("next-sender-waits-for-the-end-of-the-last", &receiver,
      test_next_sender_waits_for_the_end_of_the_last);
  ADD ("listener-changes-its-tracks-while-the-server-is-away", &talker,
      test_listener_changes_its_tracks_while_the_server_is_away);
  ADD ("half-an-attempt-begins-anew", NULL, test_half_an_attempt_begins_anew);
  ADD ("who-lost-the-server-is-kept", NULL, test_who_lost_the_server_is_kept);
  ADD ("who-left-goes-at-once", NULL, test_who_left_goes_at_once);
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
