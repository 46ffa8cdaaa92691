/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "logic-fixture.h"

/* What a hostile end may try on the other one by way of the server. */

#define SENDER "sender-0001"
#define RECEIVER "receiver-1"

/* A sender and a receiver, introduced to each other. */
typedef struct {
  char *admin;
  Ws *a, *b;
} Pair;

static void
speak (Ws *ws, const char *peer, const char *direction,
    const char *transport)
{
  ws_send (ws, "{\"type\":\"register\",\"peer\":\"%s\",\"ice\":true,"
      "\"stream\":\"cam-wide\",\"direction\":\"%s\",\"transports\":[\"%s\"]}",
      peer, direction, transport);
  json_object_unref (ws_expect (ws, "registered"));
}

static void
pair_init (Pair *p, Fixture *f, const char *transport)
{
  p->admin = create_session (f, NULL);
  p->a = ws_open (f, "demo", p->admin);
  p->b = ws_open (f, "demo", p->admin);
  speak (p->a, SENDER, "send", transport);
  speak (p->b, RECEIVER, "receive", transport);
  json_object_unref (ws_expect (p->a, "peer"));
  json_object_unref (ws_expect (p->b, "peer"));
}

static void
pair_clear (Pair *p)
{
  ws_free (p->a);
  ws_free (p->b);
  g_free (p->admin);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pair, pair_clear)

/* As if it came from another machine. */
static void
move_away (Fixture *f, const char *id)
{
  PbServerSession *session = pb_server_registry_lookup (
      pb_server_get_registry (f->server), "demo", NULL);
  PbServerPeer *peer = pb_server_session_find (session, id);

  g_free (peer->remote);
  peer->remote = g_strdup ("192.0.2.7");
}

static char *
read_sdp (const char *name)
{
  g_autofree char *path = g_build_filename (TEST_DATA, "sdp", name, NULL);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));

  return text;
}

/* JSON's own text of a string, with its quotes. */
static char *
quote (const char *text)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (),
      text);

  return json_to_string (node, FALSE);
}

static char *
describe (const char *kind, const char *sdp)
{
  g_autofree char *quoted = quote (sdp);

  return g_strdup_printf ("{\"type\":\"signal\",\"from\":\"" SENDER "\","
      "\"to\":\"" RECEIVER "\",\"kind\":\"%s\",\"link\":1,"
      "\"data\":{\"sdp\":%s}}", kind, quoted);
}

static const char *
last_text (Ws *ws)
{
  return g_ptr_array_index (ws->texts, ws->texts->len - 1);
}

static void
test_descriptions_of_the_world_pass_as_they_came (Fixture *f,
    gconstpointer unused)
{
  static const struct {
    const char *kind, *file;
  } good[] = {
    { "offer", "chrome-offer.sdp" },
    { "answer", "chrome-answer.sdp" },
    { "offer", "firefox-offer.sdp" },
    { "offer", "webrtcbin-offer.sdp" },
    { "offer", "ffmpeg-offer.sdp" },
  };
  g_auto (Pair) p = { NULL };

  pair_init (&p, f, "webrtc");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *sdp = read_sdp (good[i].file);
    g_autofree char *text = describe (good[i].kind, sdp);

    g_test_message ("%s", good[i].file);
    ws_send (p.a, "%s", text);
    json_object_unref (ws_expect (p.b, "signal"));
    g_assert_cmpstr (last_text (p.b), ==, text);
  }
  ws_expect_none (f, p.a, "error");
}

static char *
with_line (const char *sdp, const char *line)
{
  return g_strconcat (sdp, line, "\r\n", NULL);
}

static void
test_hosts_to_spare_are_left_out (Fixture *f, gconstpointer unused)
{
  /* OBS names a link-local host beside its others */
  g_auto (Pair) p = { NULL };
  g_autofree char *sdp = read_sdp ("obs-offer.sdp");
  g_autofree char *text = describe ("offer", sdp);
  g_autofree char *bare = read_sdp ("webrtcbin-offer.sdp");
  g_autofree char *near = with_line (bare,
      "a=candidate:7 1 UDP 2122252543 127.0.0.1 5000 typ host");
  g_autofree char *near_text = describe ("offer", near);
  g_autoptr (JsonObject) got = NULL;
  g_autoptr (JsonObject) second = NULL;
  const char *seen;

  pair_init (&p, f, "webrtc");
  g_assert_nonnull (strstr (sdp, "169.254.83.107"));
  ws_send (p.a, "%s", text);
  got = ws_expect (p.b, "signal");
  seen = text_of (json_object_get_object_member (got, "data"), "sdp");
  g_assert_null (strstr (seen, "169.254."));
  g_assert_nonnull (strstr (seen, "192.168.178.20 56921"));
  g_assert_true (g_str_has_prefix (seen, "v=0\r\n"));
  g_assert_cmpstr (text_of (got, "from"), ==, SENDER);
  g_assert_cmpstr (text_of (got, "kind"), ==, "offer");
  g_assert_cmpint (json_object_get_int_member (got, "link"), ==, 1);

  /* loopback is for two ends on this machine */
  ws_send (p.a, "%s", near_text);
  json_object_unref (ws_expect (p.b, "signal"));
  g_assert_cmpstr (last_text (p.b), ==, near_text);
  move_away (f, RECEIVER);
  ws_send (p.a, "%s", near_text);
  second = ws_expect (p.b, "signal");
  g_assert_null (strstr (text_of (json_object_get_object_member (second,
      "data"), "sdp"), "127.0.0.1 5000"));
}

static char *
repeat (const char *sdp, const char *line, guint n)
{
  GString *out = g_string_new (sdp);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (out, "%s\r\n", line);

  return g_string_free (out, FALSE);
}

static void
expect_refusal (Pair *p, const char *sdp, const char *reason)
{
  g_autofree char *text = describe ("offer", sdp);

  ws_send (p->a, "%s", text);
  ws_expect_error (p->a, reason);
}

static void
test_broken_descriptions_are_refused (Fixture *f, gconstpointer unused)
{
  static const char *const shapes[] = {
    "{}", "{\"sdp\":null}", "{\"sdp\":1}", "{\"sdp\":[]}", "{\"sdp\":\"\"}",
    "{\"sdp\":\"v=0\"}", "{\"sdp\":\"\\r\\n\"}", "{\"SDP\":\"v=0\"}",
    "[\"v=0\"]", "\"v=0\"", "null",
  };
  static const char *const lines[] = {
    "a=x\ty", "a=x\x1b[2J", "a=x\x7f",
    "a=candidate:1 1 UDP 1 192.0.2.1 70000 typ host",
    "a=candidate:1 1 UDP 1 not-an-address:5 5000 typ host",
    "x", "=", "m=video 9 UDP/TLS/RTP/SAVPF 96",
  };
  g_auto (Pair) p = { NULL };
  g_autofree char *good = read_sdp ("webrtcbin-offer.sdp");
  g_autofree char *wide = g_strnfill (PB_SDP_LINE_MAX, 'x');
  g_autofree char *wide_line = g_strconcat ("a=", wide, NULL);
  g_autofree char *wide_sdp = with_line (good, wide_line);
  g_autofree char *many = repeat (good, "a=x", PB_SDP_LINES_MAX);
  g_autofree char *media = repeat (good,
      "m=audio 9 UDP/TLS/RTP/SAVPF 97", PB_SDP_MEDIA_MAX);
  g_autofree char *hosts = repeat (good,
      "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host", PB_CANDIDATES_MAX + 1);
  g_autofree char *huge = repeat (good, "a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      PB_SDP_SIGNAL_MAX / 32);
  GString *bare = g_string_new (good);

  pair_init (&p, f, "webrtc");
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    g_test_message ("%s", shapes[i]);
    ws_send (p.a, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
        RECEIVER "\",\"kind\":\"offer\",\"data\":%s}", shapes[i]);
    ws_expect_error (p.a, "INVALID_MESSAGE");
  }
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_autofree char *sdp = with_line (good, lines[i]);

    g_test_message ("%s", lines[i]);
    expect_refusal (&p, sdp, "INVALID_MESSAGE");
  }
  expect_refusal (&p, wide_sdp, "INVALID_MESSAGE");
  expect_refusal (&p, many, "INVALID_MESSAGE");
  expect_refusal (&p, media, "INVALID_MESSAGE");
  expect_refusal (&p, hosts, "INVALID_MESSAGE");
  expect_refusal (&p, huge, "TOO_LARGE");
  /* nobody could tell whom it talks to */
  g_string_replace (bare, "a=fingerprint:", "a=fingertips:", 0);
  expect_refusal (&p, bare->str, "INVALID_MESSAGE");
  g_string_free (bare, TRUE);
  ws_expect_none (f, p.b, "signal");
}

static void
offer_candidate (Ws *ws, const char *candidate)
{
  g_autofree char *quoted = quote (candidate);

  ws_send (ws, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
      RECEIVER "\",\"kind\":\"candidate\",\"data\":{\"candidate\":%s,"
      "\"mline\":0}}", quoted);
}

#define HOST(address) \
  "candidate:1 1 UDP 2122252543 " address " 50000 typ host"

static void
test_candidates_that_point_astray_are_refused (Fixture *f,
    gconstpointer unused)
{
  static const char *const bad[] = {
    HOST ("127.0.0.1"), HOST ("::1"), HOST ("::ffff:127.0.0.1"),
    HOST ("169.254.169.254"), HOST ("fe80::1"), HOST ("224.0.0.251"),
    HOST ("ff02::fb"), HOST ("255.255.255.255"), HOST ("0.0.0.0"),
    HOST ("::"), HOST ("240.0.0.1"), HOST ("::ffff:169.254.169.254"),
    HOST ("192.0.2.1\r\na=candidate:2"), HOST ("192.0.2.1\n"),
    HOST ("192.0.2.1\r"), HOST ("192.0.2.1\x01"), HOST ("192.0.2.300"),
    HOST (""), "", "candidate:", "x",
    "candidate:1 1 UDP 1 192.0.2.1 0 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 65536 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 -1 typ host",
    "candidate:1 1 SCTP 1 192.0.2.1 5000 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 5000 typ nothing",
    "candidate:1 1 UDP 1 192.0.2.1 5000",
  };
  static const char *const good[] = {
    HOST ("192.0.2.1"), HOST ("10.0.0.5"), HOST ("2001:db8::5"),
    HOST ("0f5c2dcd-3d6d-4d6f-8d5f-1b6a5a1f9c77.local"),
    "candidate:2 1 TCP 1518280447 192.0.2.1 9 typ host tcptype active",
    "candidate:3 1 UDP 1686052607 203.0.113.77 52811 typ srflx raddr "
    "0.0.0.0 rport 0",
  };
  g_auto (Pair) p = { NULL };
  guint n;

  pair_init (&p, f, "webrtc");
  move_away (f, SENDER);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_test_message ("%s", bad[i]);
    offer_candidate (p.a, bad[i]);
    ws_expect_error (p.a, "INVALID_MESSAGE");
  }
  ws_expect_none (f, p.b, "signal");
  n = p.b->texts->len;
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_test_message ("%s", good[i]);
    offer_candidate (p.a, good[i]);
    json_object_unref (ws_expect (p.b, "signal"));
    g_assert_nonnull (strstr (last_text (p.b), good[i]));
  }
  g_assert_cmpuint (p.b->texts->len, ==, n + G_N_ELEMENTS (good));
}

static void
test_loopback_is_for_two_ends_on_it (Fixture *f, gconstpointer unused)
{
  g_auto (Pair) p = { NULL };

  pair_init (&p, f, "webrtc");
  offer_candidate (p.a, HOST ("127.0.0.1"));
  json_object_unref (ws_expect (p.b, "signal"));
  move_away (f, RECEIVER);
  offer_candidate (p.a, HOST ("127.0.0.1"));
  ws_expect_error (p.a, "INVALID_MESSAGE");
  /* and nothing else is, wherever they are */
  offer_candidate (p.a, HOST ("169.254.169.254"));
  ws_expect_error (p.a, "INVALID_MESSAGE");
}

static void
test_srt_has_its_candidates_checked_too (Fixture *f, gconstpointer unused)
{
  g_auto (Pair) p = { NULL };

  pair_init (&p, f, "srt");
  move_away (f, SENDER);
  offer_candidate (p.a, HOST ("127.0.0.1"));
  ws_expect_error (p.a, "INVALID_MESSAGE");
  offer_candidate (p.a, HOST ("224.0.0.1"));
  ws_expect_error (p.a, "INVALID_MESSAGE");
  offer_candidate (p.a, HOST ("169.254.169.254"));
  ws_expect_error (p.a, "INVALID_MESSAGE");
  /* a cable between two machines, without DHCP */
  offer_candidate (p.a, HOST ("169.254.7.8"));
  json_object_unref (ws_expect (p.b, "signal"));
}

static void
test_shapes_of_a_candidate (Fixture *f, gconstpointer unused)
{
  static const char *const bad[] = {
    "{}", "{\"candidate\":null}", "{\"candidate\":1}",
    "{\"candidate\":{\"a\":1}}", "{\"candidate\":[]}",
    "{\"candidate\":\"" HOST ("192.0.2.1") "\\u000d\\u000aa=x\"}",
    "{\"candidate\":\"" HOST ("192.0.2.1") "\\n\"}",
    "{\"candidate\":\"" HOST ("192.0.2.1") "\",\"candidate\":\"x\"}",
    "{\"Candidate\":\"" HOST ("192.0.2.1") "\"}",
  };
  g_auto (Pair) p = { NULL };
  g_autofree char *long_word = g_strnfill (PB_CANDIDATE_MAX, 'x');
  g_autofree char *too_long = g_strconcat (HOST ("192.0.2.1"), " ",
      long_word, NULL);
  g_autofree char *bulk = g_strnfill (PB_SIGNAL_MAX, 'x');

  pair_init (&p, f, "webrtc");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_test_message ("%s", bad[i]);
    ws_send (p.a, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
        RECEIVER "\",\"kind\":\"candidate\",\"data\":%s}", bad[i]);
    ws_expect_error (p.a, "INVALID_MESSAGE");
  }
  offer_candidate (p.a, too_long);
  ws_expect_error (p.a, "INVALID_MESSAGE");
  offer_candidate (p.a, bulk);
  ws_expect_error (p.a, "TOO_LARGE");
  ws_expect_none (f, p.b, "signal");
  /* an escape that stands for an ordinary letter is none the worse */
  ws_send (p.a, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
      RECEIVER "\",\"kind\":\"candidate\",\"data\":{\"x\":[{}],"
      "\"candidate\":\"candidate:a\\/b 1 UDP 1 192.0.2.1 5000 typ host\"}}");
  json_object_unref (ws_expect (p.b, "signal"));
}

/* --- too much of it ------------------------------------------------------ */

static void
test_who_floods_is_told_then_cut (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);
  g_autofree char *log = NULL;
  guint64 relayed;

  f->context->limits.message_burst = 200;
  /* the clock of the server moves only when the test says so, nearly */
  f->context->limits.message_rate = 1;
  speak (a, SENDER, "send", "webrtc");
  speak (b, RECEIVER, "receive", "webrtc");
  json_object_unref (ws_expect (a, "peer"));
  relayed = f->context->metrics.messages_relayed;
  /* 64 receivers at once have their say */
  for (guint i = 0; i < 190; i++)
    ws_send (a, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
        RECEIVER "\",\"kind\":\"restart\"}");
  ws_expect_none (f, a, "error");
  g_assert_cmpuint (f->context->metrics.messages_relayed, ==, relayed + 190);

  for (guint i = 0; i < 60; i++)
    ws_send (a, "{\"type\":\"leave\",\"peer\":\"nobody-here\"}");
  do {
    g_autoptr (JsonObject) next = ws_expect (a, "error");
    JsonObject *error = json_object_get_object_member (next, "error");

    if (g_str_equal (text_of (error, "reason"), "RATE_LIMIT_EXCEEDED"))
      break;
  } while (TRUE);
  log = read_log (f);
  g_assert_nonnull (strstr (log, "rate_limited"));

  /* a pause mends it */
  f->context->monotonic_offset_us += 300 * G_USEC_PER_SEC;
  f->context->limits.message_rate = 100;
  f->context->limits.message_burst = 1000;
  while (!g_queue_is_empty (a->messages))
    json_object_unref (g_queue_pop_head (a->messages));
  ws_expect_none (f, a, "closed");

  /* and who does not stop has to go; its slot waits for it */
  f->context->limits.message_rate = 1;
  f->context->limits.message_burst = 1;
  for (guint i = 0; i < 300; i++)
    ws_send (a, "{\"type\":\"leave\",\"peer\":\"nobody-here\"}");
  g_assert_cmpuint (ws_expect_closed (a), ==, 1008);
  f->context->limits.message_rate = 0;
  ws_expect_none (f, b, "peer_gone");
  g_assert_cmpuint (f->context->metrics.sockets_closed[
      PB_SERVER_CLOSED_RULES], ==, 1);
}

#define TEST(name, function) \
  g_test_add ("/server/signal/" name, Fixture, NULL, fixture_set_up, \
      function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("descriptions-of-the-world-pass-as-they-came",
      test_descriptions_of_the_world_pass_as_they_came);
  TEST ("hosts-to-spare-are-left-out", test_hosts_to_spare_are_left_out);
  TEST ("broken-descriptions-are-refused",
      test_broken_descriptions_are_refused);
  TEST ("candidates-that-point-astray-are-refused",
      test_candidates_that_point_astray_are_refused);
  TEST ("loopback-is-for-two-ends-on-it",
      test_loopback_is_for_two_ends_on_it);
  TEST ("srt-has-its-candidates-checked-too",
      test_srt_has_its_candidates_checked_too);
  TEST ("shapes-of-a-candidate", test_shapes_of_a_candidate);
  TEST ("who-floods-is-told-then-cut", test_who_floods_is_told_then_cut);

  return g_test_run ();
}
