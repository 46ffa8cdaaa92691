/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "logic-fixture.h"

/* SRT or WebRTC: who meets whom by which, what either end is told, what passes
 * between the two; and cues. */

#define SENDER "sender-0001"
#define RECEIVER "receiver-1"
#define SECOND "receiver-2"

#define SRT "\"srt\""
#define WEBRTC "\"webrtc\""
#define BOTH "\"webrtc\",\"srt\""

static JsonObject *
speak (Ws *ws, const char *peer, const char *direction,
    const char *transports, const char *more)
{
  ws_send (ws, "{\"type\":\"register\",\"peer\":\"%s\",\"ice\":true,"
      "\"stream\":\"cam-wide\",\"direction\":\"%s\",\"transports\":[%s]%s}",
      peer, direction, transports, more);

  return ws_expect (ws, "registered");
}

static gboolean
flag_of (JsonObject *object, const char *name)
{
  return json_object_get_boolean_member_with_default (object, name, FALSE);
}

/* Both ends are told of the other, by this transport. */
static void
expect_pair (Ws *sender, Ws *receiver, const char *transport)
{
  g_autoptr (JsonObject) one = ws_expect (sender, "peer");
  g_autoptr (JsonObject) two = ws_expect (receiver, "peer");
  gboolean is_srt = g_str_equal (transport, "srt");

  g_assert_cmpstr (text_of (one, "transport"), ==, transport);
  g_assert_cmpstr (text_of (two, "transport"), ==, transport);
  g_assert_cmpstr (text_of (one, "role"), ==, "caller");
  g_assert_cmpstr (text_of (two, "role"), ==, "listener");
  g_assert_true (flag_of (one, "ice"));
  g_assert_true (flag_of (two, "ice"));
  g_assert_true (json_object_has_member (one, "passphrase") == is_srt);
  g_assert_true (json_object_has_member (two, "passphrase") == is_srt);
  g_assert_true (json_object_has_member (one, "cipher") == is_srt);
  g_assert_false (json_object_has_member (one, "address"));
  g_assert_true (flag_of (one, "trickle") == !is_srt);
  g_assert_true (flag_of (two, "trickle") == !is_srt);
  g_assert_false (flag_of (one, "back"));
}

/* Each hears of the other that they cannot meet, and what it speaks. */
static void
expect_apart (Ws *ws, const char *other, const char *own,
    const char *transport)
{
  g_autoptr (JsonObject) told = ws_expect (ws, "status");

  g_assert_cmpstr (text_of (told, "peer"), ==, other);
  g_assert_cmpstr (text_of (told, "with"), ==, own);
  g_assert_cmpstr (text_of (told, "srt"), ==, "error");
  g_assert_cmpstr (text_of (told, "code"), ==, "no-transport");
  g_assert_cmpstr (text_of (told, "transport"), ==, transport);
}

/* What the tests have in common: a session, and a token for each end. */
typedef struct {
  char *admin, *send, *receive;
  Ws *a, *b; /* the sender's and the receiver's */
} Scene;

static void
scene_init (Scene *s, Fixture *f)
{
  s->admin = create_session (f, NULL);
  s->send = mint (f, "demo", s->admin, "cam-wide", "send", 0);
  s->receive = mint (f, "demo", s->admin, "cam-wide", "receive", 0);
  s->a = ws_open (f, "demo", s->send);
  s->b = ws_open (f, "demo", s->receive);
}

static void
scene_clear (Scene *s)
{
  ws_free (s->a);
  ws_free (s->b);
  g_free (s->admin);
  g_free (s->send);
  g_free (s->receive);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Scene, scene_clear)

static void
meet (Scene *s, const char *sender, const char *receiver)
{
  json_object_unref (speak (s->a, SENDER, "send", sender, ""));
  json_object_unref (speak (s->b, RECEIVER, "receive", receiver, ""));
}

static void
test_each_pair_meets_by_what_both_speak (Fixture *f, gconstpointer unused)
{
  static const struct {
    const char *sender, *receiver, *transport;
  } pairs[] = {
    { SRT, SRT, "srt" },
    { WEBRTC, WEBRTC, "webrtc" },
    { BOTH, WEBRTC, "webrtc" },
    { BOTH, SRT, "srt" },
    { WEBRTC, BOTH, "webrtc" },
    { SRT, BOTH, "srt" },
    { BOTH, BOTH, "webrtc" },
  };
  g_auto (Scene) s = { NULL };

  scene_init (&s, f);
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_test_message ("%s and %s", pairs[i].sender, pairs[i].receiver);
    meet (&s, pairs[i].sender, pairs[i].receiver);
    expect_pair (s.a, s.b, pairs[i].transport);
    ws_send (s.a, "{\"type\":\"leave\",\"peer\":\"" SENDER "\"}");
    json_object_unref (ws_expect (s.b, "peer_gone"));
    ws_send (s.b, "{\"type\":\"leave\",\"peer\":\"" RECEIVER "\"}");
    ws_expect_none (f, s.b, "status");
  }
}

static void
test_without_a_word_it_is_srt (Fixture *f, gconstpointer unused)
{
  /* a client of Punch, and one that takes both */
  g_auto (Scene) s = { NULL };

  scene_init (&s, f);
  ws_register (s.a, SENDER, "cam-wide", "send");
  json_object_unref (speak (s.b, RECEIVER, "receive", BOTH, ""));
  expect_pair (s.a, s.b, "srt");
}

static void
test_who_shares_none_is_told (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autoptr (Ws) o = NULL;
  g_autoptr (JsonObject) seen = NULL;

  scene_init (&s, f);
  o = ws_open (f, "demo", s.admin);
  ws_register (o, "observer-1", NULL, "observe");
  meet (&s, SRT, WEBRTC);
  expect_apart (s.a, RECEIVER, SENDER, "webrtc");
  expect_apart (s.b, SENDER, RECEIVER, "srt");
  seen = ws_expect (o, "status");
  g_assert_cmpstr (text_of (seen, "code"), ==, "no-transport");
  /* they were not introduced, and have nothing to say to each other */
  ws_send (s.a, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
      RECEIVER "\",\"kind\":\"ready\"}");
  ws_expect_error (s.a, "WRONG_STATE");
  ws_expect_none (f, s.a, "peer");
  ws_expect_none (f, s.b, "peer");
  ws_expect_none (f, o, "peer_match");
}

static void
test_receivers_of_one_sender_may_differ (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autoptr (Ws) c = NULL;

  scene_init (&s, f);
  c = ws_open (f, "demo", s.admin);
  meet (&s, BOTH, SRT);
  expect_pair (s.a, s.b, "srt");
  json_object_unref (speak (c, SECOND, "receive", WEBRTC, ""));
  expect_pair (s.a, c, "webrtc");
  ws_expect_none (f, s.b, "peer");
  /* an offer passes to the one and not to the other */
  ws_send (s.a, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
      RECEIVER "\",\"kind\":\"answer\",\"data\":{\"sdp\":\"v=0\"}}");
  ws_expect_error (s.a, "WRONG_STATE");
  ws_expect_none (f, s.b, "signal");
}

static void
test_a_resume_may_change_the_transport (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autoptr (JsonObject) session = NULL;
  guint status;

  scene_init (&s, f);
  meet (&s, BOTH, WEBRTC);
  expect_pair (s.a, s.b, "webrtc");
  ws_send (s.b, "{\"type\":\"status\",\"peer\":\"" RECEIVER "\","
      "\"with\":\"" SENDER "\",\"srt\":\"connected\","
      "\"transport\":\"webrtc\",\"cipher\":\"dtls-srtp\"}");
  json_object_unref (ws_expect (s.a, "status"));
  json_object_unref (speak (s.b, RECEIVER, "receive", SRT, ""));
  expect_pair (s.a, s.b, "srt");
  /* what it said of the other one is no longer true */
  session = http (f, "GET", "/api/session/demo", s.admin, NULL, &status);
  g_assert_true (json_object_get_null_member (json_array_get_object_element (
      json_object_get_array_member (slot_of (session, "cam-wide"),
          "receivers"), 0), "transport"));

  json_object_unref (speak (s.a, SENDER, "send", WEBRTC, ""));
  expect_apart (s.b, SENDER, RECEIVER, "webrtc");
  json_object_unref (speak (s.b, RECEIVER, "receive", WEBRTC, ""));
  expect_pair (s.a, s.b, "webrtc");
}

static void
test_a_webrtc_end_needs_no_port_and_no_passphrase (Fixture *f,
    gconstpointer unused)
{
  /* it says nothing of ICE, and names a plain endpoint: neither counts */
  g_auto (Scene) s = { NULL };
  g_autoptr (JsonObject) registered = NULL;
  g_autoptr (JsonObject) peer = NULL;

  scene_init (&s, f);
  registered = speak (s.a, SENDER, "send", WEBRTC, "");
  g_assert_false (json_object_has_member (registered, "passphrase"));
  ws_send (s.b, "{\"type\":\"register\",\"peer\":\"" RECEIVER "\","
      "\"transports\":[\"webrtc\"],\"port\":5000,\"mode\":\"listener\"}");
  json_object_unref (ws_expect (s.b, "registered"));
  peer = ws_expect (s.a, "peer");
  g_assert_true (flag_of (peer, "ice"));
  g_assert_false (json_object_has_member (peer, "port"));
  g_assert_false (json_object_has_member (peer, "mode"));
}

static void
test_bad_transports_are_refused (Fixture *f, gconstpointer unused)
{
  static const char *const bad[] = { "[]", "\"srt\"", "[\"rist\"]", "[1]",
    "[\"srt\",\"webrtc\",\"srt\"]", "[null]", "{}" };
  g_auto (Scene) s = { NULL };

  scene_init (&s, f);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    ws_send (s.a, "{\"type\":\"register\",\"transports\":%s}", bad[i]);
    ws_expect_error (s.a, "INVALID_MESSAGE");
  }
  g_assert_cmpuint (f->context->metrics.peers, ==, 0);
}

/* --- the way back, and who is in control --------------------------------- */

static void
test_back_needs_a_token_that_sends (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autofree char *both = NULL;
  g_autoptr (Ws) c = NULL;
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;

  scene_init (&s, f);
  both = mint (f, "demo", s.admin, "cam-wide", NULL, 0);
  c = ws_open (f, "demo", both);
  ws_send (s.b, "{\"type\":\"register\",\"back\":true}");
  ws_expect_error (s.b, "PERMISSION_DENIED");
  /* a sender sends anyway, and an observer never does */
  ws_send (s.a, "{\"type\":\"register\",\"back\":true}");
  ws_expect_error (s.a, "PERMISSION_DENIED");
  ws_send (c, "{\"type\":\"register\",\"direction\":\"observe\","
      "\"back\":true}");
  ws_expect_error (c, "PERMISSION_DENIED");
  g_assert_cmpuint (f->context->metrics.peers, ==, 0);

  json_object_unref (speak (s.a, SENDER, "send", WEBRTC, ""));
  json_object_unref (speak (c, SECOND, "receive", WEBRTC, ",\"back\":true"));
  one = ws_expect (s.a, "peer");
  two = ws_expect (c, "peer");
  g_assert_true (flag_of (one, "back"));
  g_assert_true (flag_of (two, "back"));
  /* it is the matter of one pair */
  json_object_unref (speak (s.b, RECEIVER, "receive", WEBRTC,
      ",\"back\":false"));
  expect_pair (s.a, s.b, "webrtc");
}

static void
test_control_is_the_admins (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autoptr (Ws) c = NULL;
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;
  g_autoptr (JsonObject) three = NULL;

  scene_init (&s, f);
  c = ws_open (f, "demo", s.admin);
  json_object_unref (speak (s.a, SENDER, "send", WEBRTC, ""));
  json_object_unref (speak (c, SECOND, "receive", WEBRTC, ""));
  one = ws_expect (s.a, "peer");
  two = ws_expect (c, "peer");
  g_assert_true (flag_of (one, "control"));
  g_assert_false (flag_of (two, "control"));
  json_object_unref (speak (s.b, RECEIVER, "receive", WEBRTC, ""));
  three = ws_expect (s.a, "peer");
  g_assert_false (flag_of (three, "control"));
}

static void
test_status_tells_the_transport (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autoptr (Ws) o = NULL;
  g_autoptr (JsonObject) told = NULL;
  g_autoptr (JsonObject) before = NULL;
  g_autoptr (JsonObject) after = NULL;
  guint status;

  scene_init (&s, f);
  o = ws_open (f, "demo", s.admin);
  meet (&s, WEBRTC, WEBRTC);
  before = http (f, "GET", "/api/session/demo", s.admin, NULL, &status);
  g_assert_true (json_object_get_null_member (json_object_get_object_member (
      slot_of (before, "cam-wide"), "sender"), "transport"));
  ws_register (o, "observer-1", NULL, "observe");
  ws_send (s.a, "{\"type\":\"status\",\"peer\":\"" SENDER "\",\"with\":\""
      RECEIVER "\",\"srt\":\"connected\",\"path\":\"relay\","
      "\"cipher\":\"dtls-srtp\",\"transport\":\"webrtc\"}");
  told = ws_expect (s.b, "status");
  g_assert_cmpstr (text_of (told, "transport"), ==, "webrtc");
  g_assert_cmpstr (text_of (told, "cipher"), ==, "dtls-srtp");
  json_object_unref (ws_expect (o, "status"));
  after = http (f, "GET", "/api/session/demo", s.admin, NULL, &status);
  g_assert_cmpstr (text_of (json_object_get_object_member (
      slot_of (after, "cam-wide"), "sender"), "transport"), ==, "webrtc");
  g_assert_cmpstr (text_of (slot_of (after, "cam-wide"), "state"), ==,
      "RELAYING");
  ws_send (s.a, "{\"type\":\"status\",\"peer\":\"" SENDER "\","
      "\"srt\":\"connected\",\"transport\":\"rist\"}");
  ws_expect_error (s.a, "INVALID_MESSAGE");
}

/* --- the relay ----------------------------------------------------------- */

static void
send_candidate (Ws *ws, const char *from, const char *to, guint link,
    const char *candidate)
{
  ws_send (ws, "{\"type\":\"signal\",\"from\":\"%s\",\"to\":\"%s\","
      "\"kind\":\"candidate\",\"link\":%u,\"data\":{\"candidate\":\"%s\","
      "\"mline\":0}}", from, to, link, candidate);
}

#define CANDIDATE \
  "candidate:1 1 UDP 2122252543 192.0.2.17 50000 typ host"

static guint
count_signals (Ws *ws)
{
  guint n = 0;

  for (guint i = 0; i < ws->texts->len; i++)
    if (strstr (g_ptr_array_index (ws->texts, i), "\"type\":\"signal\""))
      n++;

  return n;
}

static void
test_an_attempt_has_so_many_candidates (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  guint n;

  scene_init (&s, f);
  meet (&s, WEBRTC, WEBRTC);
  expect_pair (s.a, s.b, "webrtc");
  for (guint i = 0; i < PB_CANDIDATES_MAX; i++)
    send_candidate (s.a, SENDER, RECEIVER, 2, CANDIDATE);
  ws_expect_none (f, s.a, "error");
  send_candidate (s.a, SENDER, RECEIVER, 2, CANDIDATE);
  ws_expect_error (s.a, "INVALID_MESSAGE");
  /* going back to an older attempt gives no more of them */
  send_candidate (s.a, SENDER, RECEIVER, 1, CANDIDATE);
  ws_expect_error (s.a, "INVALID_MESSAGE");
  n = PB_CANDIDATES_MAX;
  ws_expect_none (f, s.b, "peer");
  g_assert_cmpuint (count_signals (s.b), ==, n);

  /* a new attempt has as many again, and so has each end */
  send_candidate (s.a, SENDER, RECEIVER, 3, CANDIDATE);
  send_candidate (s.b, RECEIVER, SENDER, 2, CANDIDATE);
  ws_expect_none (f, s.a, "error");
  ws_expect_none (f, s.b, "error");
  g_assert_cmpuint (count_signals (s.b), ==, n + 1);
  g_assert_cmpuint (count_signals (s.a), ==, 1);
}

static void
test_one_whose_token_ran_out_gets_no_signal (Fixture *f,
    gconstpointer unused)
{
  /* its socket is silent, and the sweep has not seen it yet */
  g_auto (Scene) s = { NULL };
  g_autofree char *brief = NULL;
  g_autoptr (Ws) c = NULL;

  scene_init (&s, f);
  brief = mint (f, "demo", s.admin, "cam-wide", "receive", 60);
  c = ws_open (f, "demo", brief);
  json_object_unref (speak (s.a, SENDER, "send", WEBRTC, ""));
  json_object_unref (speak (c, SECOND, "receive", WEBRTC, ""));
  expect_pair (s.a, c, "webrtc");
  send_candidate (s.a, SENDER, SECOND, 1, CANDIDATE);
  json_object_unref (ws_expect (c, "signal"));
  f->context->limits.sweep_ms = 1000000;
  pass_time (f, 61);
  send_candidate (s.a, SENDER, SECOND, 1, CANDIDATE);
  ws_expect_error (s.a, "NOT_FOUND");
  g_assert_cmpuint (count_signals (c), ==, 1);
}

/* --- cues ---------------------------------------------------------------- */

static void
test_a_cue_reaches_its_slot_and_who_observes (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autofree char *other = NULL;
  g_autoptr (Ws) x = NULL;
  g_autoptr (Ws) o = NULL;
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;
  g_autoptr (JsonObject) three = NULL;
  g_autofree char *log = NULL;

  scene_init (&s, f);
  other = mint (f, "demo", s.admin, "cam-close", "send", 0);
  x = ws_open (f, "demo", other);
  o = ws_open (f, "demo", s.admin);
  meet (&s, WEBRTC, SRT);
  ws_register (x, "sender-0002", "cam-close", "send");
  ws_register (o, "observer-1", NULL, "observe");
  ws_send (o, "{\"type\":\"cue\",\"stream\":\"cam-wide\","
      "\"text\":\"stand by, cam 2 – gleich\"}");
  one = ws_expect (s.a, "cue");
  two = ws_expect (s.b, "cue");
  g_assert_cmpstr (text_of (one, "text"), ==, "stand by, cam 2 – gleich");
  g_assert_cmpstr (text_of (one, "stream"), ==, "cam-wide");
  g_assert_cmpstr (text_of (two, "text"), ==, text_of (one, "text"));
  three = ws_expect (o, "cue");
  g_assert_cmpstr (text_of (three, "stream"), ==, "cam-wide");
  ws_expect_none (f, x, "cue");
  log = read_log (f);
  g_assert_nonnull (strstr (log, "\"cue_given\""));
  g_assert_nonnull (strstr (log, "demo/cam-wide"));
  g_assert_null (strstr (log, "stand by"));
}

static void
test_bad_cues_go_nowhere (Fixture *f, gconstpointer unused)
{
  static const struct {
    const char *rest, *reason;
  } bad[] = {
    { "\"stream\":\"cam-none\",\"text\":\"x\"", "NOT_FOUND" },
    { "\"stream\":\"cam-wide\",\"text\":\"\"", "INVALID_MESSAGE" },
    { "\"stream\":\"cam-wide\",\"text\":\"a\\nb\"", "INVALID_MESSAGE" },
    { "\"stream\":\"cam-wide\",\"text\":\"a\\u001b[2J\"",
      "INVALID_MESSAGE" },
    { "\"stream\":\"cam-wide\",\"text\":1", "INVALID_MESSAGE" },
    { "\"stream\":\"cam-wide\"", "INVALID_MESSAGE" },
    { "\"text\":\"x\"", "INVALID_MESSAGE" },
    { "\"stream\":\"cam-wide\",\"text\":\"x\",\"y\":1", "INVALID_MESSAGE" },
  };
  g_auto (Scene) s = { NULL };
  g_autofree char *too_long = g_strnfill (PB_CUE_MAX + 1, 'a');
  g_autoptr (Ws) o = NULL;
  g_autofree char *log = NULL;

  scene_init (&s, f);
  o = ws_open (f, "demo", s.admin);
  meet (&s, WEBRTC, WEBRTC);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    ws_send (o, "{\"type\":\"cue\",%s}", bad[i].rest);
    ws_expect_error (o, bad[i].reason);
  }
  ws_send (o, "{\"type\":\"cue\",\"stream\":\"cam-wide\",\"text\":\"%s\"}",
      too_long);
  ws_expect_error (o, "INVALID_MESSAGE");
  /* the ends of the slot give none, not even to each other */
  ws_send (s.a, "{\"type\":\"cue\",\"stream\":\"cam-wide\","
      "\"text\":\"x\"}");
  ws_expect_error (s.a, "PERMISSION_DENIED");
  ws_expect_none (f, s.b, "cue");
  log = read_log (f);
  g_assert_null (strstr (log, "cue_given"));
}

#define TEST(name, function) \
  g_test_add ("/server/transports/" name, Fixture, NULL, fixture_set_up, \
      function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("each-pair-meets-by-what-both-speak",
      test_each_pair_meets_by_what_both_speak);
  TEST ("without-a-word-it-is-srt", test_without_a_word_it_is_srt);
  TEST ("who-shares-none-is-told", test_who_shares_none_is_told);
  TEST ("receivers-of-one-sender-may-differ",
      test_receivers_of_one_sender_may_differ);
  TEST ("a-resume-may-change-the-transport",
      test_a_resume_may_change_the_transport);
  TEST ("a-webrtc-end-needs-no-port-and-no-passphrase",
      test_a_webrtc_end_needs_no_port_and_no_passphrase);
  TEST ("bad-transports-are-refused", test_bad_transports_are_refused);
  TEST ("back-needs-a-token-that-sends", test_back_needs_a_token_that_sends);
  TEST ("control-is-the-admins", test_control_is_the_admins);
  TEST ("status-tells-the-transport", test_status_tells_the_transport);
  TEST ("an-attempt-has-so-many-candidates",
      test_an_attempt_has_so_many_candidates);
  TEST ("one-whose-token-ran-out-gets-no-signal",
      test_one_whose_token_ran_out_gets_no_signal);
  TEST ("a-cue-reaches-its-slot-and-who-observes",
      test_a_cue_reaches_its_slot_and_who_observes);
  TEST ("bad-cues-go-nowhere", test_bad_cues_go_nowhere);

  return g_test_run ();
}
