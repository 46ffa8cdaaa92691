/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-fault.h"
#include "core/pb-limits.h"
#include "whip-client.h"

/* WHIP (RFC 9725) and WHEP, held to what the standard demands of a server:
 * section 10.2 of the protocol. The end that answers is a fake. */

static PbServerSession *
get_session (Fixture *f)
{
  PbServerSession *session = pb_server_registry_lookup (
      pb_server_get_registry (f->server), "demo", NULL);

  g_assert_nonnull (session);

  return session;
}

static guint
count_resources (Fixture *f)
{
  guint n = g_hash_table_size (get_session (f)->resources);

  g_assert_cmpuint (f->context->metrics.whip[0] +
      f->context->metrics.whip[1], ==, n);

  return n;
}

static gboolean
has_no_resource (gpointer data)
{
  return count_resources (data) == 0;
}

static void
expect_gone (Ws *ws, const char *peer, const char *reason)
{
  g_autoptr (JsonObject) gone = ws_expect (ws, "peer_gone");

  g_assert_cmpstr (text_of (gone, "peer"), ==, peer);
  g_assert_cmpstr (text_of (gone, "reason"), ==, reason);
}

static void
say_status (Scene *s, const char *with, const char *srt, const char *code)
{
  ws_send (s->ws, "{\"type\":\"status\",\"peer\":\"" END_ID "\","
      "\"with\":\"%s\",\"srt\":\"%s\"%s%s%s,\"transport\":\"webrtc\","
      "\"path\":\"direct\"}", with, srt, code != NULL ? ",\"code\":\"" : "",
      code != NULL ? code : "", code != NULL ? "\"" : "");
}

/* --- the exchange -------------------------------------------------------- */

static void
check_created (Call *call, const char *prefix)
{
  g_autofree char *body = call_text (call);
  const char *location = call_header (call, "Location");
  const char *tag = call_header (call, "ETag");
  const char *type = soup_message_headers_get_content_type (
      soup_message_get_response_headers (call->msg), NULL);

  g_assert_cmpuint (call_wait (call), ==, 201);
  g_assert_cmpstr (body, ==, WHIP_ANSWER);
  g_assert_cmpstr (type, ==, WHIP_SDP);
  g_assert_true (g_str_has_prefix (location, prefix));
  /* 128 bits that nobody guesses */
  g_assert_true (g_regex_match_simple ("^/[A-Za-z0-9]{22,}$",
      location + strlen (prefix), 0, 0));
  /* strong */
  g_assert_true (g_regex_match_simple ("^\"[A-Za-z0-9]{8,}\"$", tag, 0, 0));
  g_assert_cmpstr (call_header (call, "Cache-Control"), ==, "no-store");
  g_assert_cmpstr (call_header (call, "Access-Control-Allow-Origin"), ==,
      "*");
  g_assert_nonnull (strstr (call_header (call,
      "Access-Control-Expose-Headers"), "Location"));
}

static void
test_an_offer_to_send_is_answered (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *log = NULL;

  scene_init (&s, f, "receive");
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  g_assert_false (call->is_done);
  scene_answer (&s, peer);
  call_wait (call);
  check_created (call, WHIP_PATH);
  /* it goes by other names in public */
  g_assert_null (strstr (call_header (call, "Location"), peer));
  g_assert_cmpuint (count_resources (f), ==, 1);
  g_assert_cmpuint (f->context->metrics.whip_created[0], ==, 1);
  log = read_log (f);
  g_assert_nonnull (strstr (log, "whip_created"));
  g_assert_null (strstr (log,
      strrchr (call_header (call, "Location"), '/') + 1));
}

static void
test_an_offer_to_play_is_answered (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;

  scene_init (&s, f, "send");
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHEP_OFFER);
  scene_answer (&s, peer);
  call_wait (call);
  check_created (call, WHEP_PATH);
  g_assert_cmpuint (f->context->metrics.whip_created[1], ==, 1);
}

static void
test_one_end_meets_the_client (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Ws) other = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  other = ws_open (f, "demo", s.receive);
  ws_send (other, "{\"type\":\"register\",\"peer\":\"second-end\","
      "\"direction\":\"receive\",\"transports\":[\"webrtc\"],\"ice\":true}");
  json_object_unref (ws_expect (other, "registered"));
  path = scene_connect (&s, f, &peer, NULL);
  /* nor may it talk to the client, or hear that it goes from anyone else */
  ws_send (other, "{\"type\":\"signal\",\"from\":\"second-end\","
      "\"to\":\"%s\",\"kind\":\"answer\",\"data\":{\"sdp\":\"v=0\"}}", peer);
  ws_expect_error (other, "NOT_FOUND");
  ws_expect_none (f, other, "peer");
  g_assert_cmpuint (count_resources (f), ==, 1);
}

static void
test_an_end_that_comes_back_is_offered_once_more (Fixture *f,
    gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *again = NULL;

  scene_init (&s, f, "receive");
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  /* the same socket: it has the offer */
  ws_send (s.ws, "{\"type\":\"ready\",\"peer\":\"" END_ID "\","
      "\"mode\":\"listener\",\"port\":20000}");
  json_object_unref (ws_expect (s.ws, "peer"));
  ws_expect_none (f, s.ws, "signal");
  ws_free (s.ws);
  s.ws = ws_open (f, "demo", s.receive);
  ws_send (s.ws, "{\"type\":\"register\",\"peer\":\"" END_ID "\","
      "\"direction\":\"receive\",\"transports\":[\"webrtc\"],\"ice\":true}");
  json_object_unref (ws_expect (s.ws, "registered"));
  again = scene_take_offer (&s, WHIP_OFFER);
  g_assert_cmpstr (again, ==, peer);
  scene_answer (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 201);
}

static void
test_the_session_shows_it_like_others (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;
  guint status;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  say_status (&s, peer, "connected", NULL);
  settle (f);
  settle (f);
  {
    g_autoptr (JsonObject) session =
        http (f, "GET", "/api/session/demo", s.admin, NULL, &status);
    JsonObject *slot = slot_of (session, "cam-wide");
    JsonObject *sender = json_object_get_object_member (slot, "sender");

    g_assert_cmpstr (text_of (slot, "state"), ==, "CONNECTED");
    g_assert_cmpstr (text_of (sender, "peer"), ==, peer);
    g_assert_cmpstr (text_of (sender, "srt"), ==, "connected");
    g_assert_cmpstr (text_of (sender, "transport"), ==, "webrtc");
    g_assert_cmpstr (text_of (sender, "path"), ==, "direct");
    /* it reports nothing; the end does */
    g_assert_true (json_object_get_null_member (sender, "health"));
  }
}

/* --- who is not there, and who does not answer --------------------------- */

static void
test_nobody_there_is_told (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) send = NULL;
  g_autoptr (Call) play = NULL;

  scene_init (&s, f, NULL);
  send = call_new (f, "POST", WHIP_PATH, s.send, WHIP_SDP, WHIP_OFFER, NULL);
  call_assert_refused (send, 503, "PEER_ABSENT", NULL);
  play = call_new (f, "POST", WHEP_PATH, s.receive, WHIP_SDP, WHEP_OFFER,
      NULL);
  call_assert_refused (play, 409, "NOT_LIVE", NULL);
  g_assert_cmpuint (g_hash_table_size (get_session (f)->peers), ==, 0);
}

static void
test_an_end_of_srt_cannot_answer (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Ws) sender = NULL;
  g_autoptr (Call) play = NULL;
  g_autoptr (Call) send = NULL;

  scene_init (&s, f, NULL);
  sender = ws_open (f, "demo", s.send);
  ws_register (sender, "srt-sender", "cam-wide", "send");
  play = call_new (f, "POST", WHEP_PATH, s.receive, WHIP_SDP, WHEP_OFFER,
      NULL);
  call_assert_refused (play, 409, "NOT_LIVE",
      pb_fault_get_sentence (PB_FAULT_NO_TRANSPORT));
}

/* One that sends by WHIP, and one that plays: both offer, neither answers. */
static void
test_two_clients_do_not_meet (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *path = NULL;
  g_autoptr (Call) play = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, NULL);
  play = call_new (f, "POST", WHEP_PATH, s.receive, WHIP_SDP, WHEP_OFFER,
      NULL);
  call_assert_refused (play, 409, "NOT_LIVE", NULL);
}

static void
test_a_slow_end_is_waited_for_so_long (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;

  f->context->limits.whip_answer_ms = 50;
  scene_init (&s, f, "receive");
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  call_assert_refused (call, 503, "PEER_ABSENT",
      pb_fault_get_sentence (PB_FAULT_TIMED_OUT));
  expect_gone (s.ws, peer, "left");
  g_assert_cmpuint (count_resources (f), ==, 0);
  g_assert_null (pb_server_session_get_slot (get_session (f), "cam-wide",
      NULL)->sender);
  /* too late, and of no harm */
  scene_answer (&s, peer);
  ws_expect_error (s.ws, "NOT_FOUND");
}

static void
test_an_end_refuses (Fixture *f, gconstpointer unused)
{
  static const struct {
    PbFault fault;
    guint status;
    const char *reason;
  } cases[] = {
    { PB_FAULT_NO_CODEC, 422, "UNPROCESSABLE" },
    { PB_FAULT_REFUSED, 422, "UNPROCESSABLE" },
    { PB_FAULT_FINGERPRINT, 422, "UNPROCESSABLE" },
    { PB_FAULT_NO_PATH, 503, "PEER_ABSENT" },
    { PB_FAULT_INTERNAL, 503, "PEER_ABSENT" },
  };
  g_auto (Scene) s;

  scene_init (&s, f, "receive");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (Call) call = scene_offer (&s, f);
    g_autofree char *peer = scene_take_offer (&s, WHIP_OFFER);

    say_status (&s, peer, "error", pb_fault_get_code (cases[i].fault));
    call_assert_refused (call, cases[i].status, cases[i].reason,
        pb_fault_get_sentence (cases[i].fault));
    expect_gone (s.ws, peer, "left");
    g_assert_cmpuint (count_resources (f), ==, 0);
  }
  g_assert_cmpuint (f->context->metrics.whip_refused[0], ==,
      G_N_ELEMENTS (cases));
}

static void
test_an_end_leaves_meanwhile (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;

  scene_init (&s, f, "receive");
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  ws_send (s.ws, "{\"type\":\"leave\",\"peer\":\"" END_ID "\"}");
  call_assert_refused (call, 503, "PEER_ABSENT",
      pb_fault_get_sentence (PB_FAULT_PEER_LOST));
  wait_until (has_no_resource, f);
}

static void
test_an_answer_that_is_none_is_refused (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;

  scene_init (&s, f, "receive");
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  ws_send (s.ws, "{\"type\":\"signal\",\"from\":\"" END_ID "\",\"to\":\"%s\","
      "\"kind\":\"answer\",\"data\":{\"sdp\":1}}", peer);
  ws_expect_error (s.ws, "INVALID_MESSAGE");
  scene_answer (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 201);
}

/* --- a client that goes -------------------------------------------------- */

static gboolean
has_one_resource (gpointer data)
{
  return count_resources (data) == 1;
}

static GSocketConnection *
post_raw (Fixture *f, const char *token)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GUri) uri =
      g_uri_parse (pb_server_get_address (f->server), G_URI_FLAGS_NONE, NULL);
  g_autofree char *text = g_strdup_printf ("POST " WHIP_PATH " HTTP/1.1\r\n"
      "Host: localhost\r\nAuthorization: Bearer %s\r\n"
      "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", token,
      strlen (WHIP_OFFER), WHIP_OFFER);
  GSocketConnection *connection = g_socket_client_connect_to_host (client,
      g_uri_get_host (uri), (guint16) g_uri_get_port (uri), NULL, NULL);

  g_assert_nonnull (connection);
  g_assert_true (g_output_stream_write_all (
      g_io_stream_get_output_stream (G_IO_STREAM (connection)), text,
      strlen (text), NULL, NULL, NULL));

  return connection;
}

static void
test_a_client_that_goes_gives_the_slot_back (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (GSocketConnection) connection = NULL;
  g_autofree char *peer = NULL;

  scene_init (&s, f, "receive");
  connection = post_raw (f, s.send);
  wait_until (has_one_resource, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  wait_until (has_no_resource, f);
  expect_gone (s.ws, peer, "left");
  g_assert_null (pb_server_session_get_slot (get_session (f), "cam-wide",
      NULL)->sender);
}

static void
test_a_client_may_send_the_next_request_meanwhile (Fixture *f,
    gconstpointer unused)
{
  static const char next[] = "GET /api/health HTTP/1.1\r\nHost: a\r\n"
      "Connection: close\r\n\r\n";
  g_auto (Scene) s;
  g_autoptr (GSocketConnection) connection = NULL;
  g_autofree char *peer = NULL;
  g_autoptr (GString) got = g_string_new (NULL);
  GSocket *socket;

  scene_init (&s, f, "receive");
  connection = post_raw (f, s.send);
  socket = g_socket_connection_get_socket (connection);
  g_assert_cmpint (g_socket_send (socket, next, strlen (next), NULL, NULL),
      ==, (gssize) strlen (next));
  peer = scene_take_offer (&s, WHIP_OFFER);
  settle (f);
  scene_answer (&s, peer);
  g_socket_set_blocking (socket, FALSE);
  while (TRUE) {
    char text[4096];
    gssize n = g_socket_receive (socket, text, sizeof text, NULL, NULL);

    if (n == 0)
      break;
    if (n > 0)
      g_string_append_len (got, text, n);
    settle (f);
  }
  g_assert_true (g_str_has_prefix (got->str, "HTTP/1.1 201 "));
  g_assert_nonnull (strstr (got->str, "\"status\":\"ok\""));
}

/* --- ends of all kinds --------------------------------------------------- */

static void
test_delete_ends_it (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;
  g_autofree char *log = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  {
    /* entity tags do not matter */
    g_autoptr (Call) call = call_new (f, "DELETE", path, s.send, NULL, NULL,
        "If-Match", "\"of-yesterday\"", NULL);

    g_assert_cmpuint (call_wait (call), ==, 200);
  }
  expect_gone (s.ws, peer, "left");
  g_assert_cmpuint (count_resources (f), ==, 0);
  log = read_log (f);
  g_assert_nonnull (strstr (log, "whip_deleted"));
  {
    g_autoptr (Call) call =
        call_new (f, "DELETE", path, s.send, NULL, NULL, NULL);

    call_assert_refused (call, 404, "NOT_FOUND", NULL);
  }
}

static void
assert_gone (Fixture *f, Scene *s, const char *path)
{
  g_autoptr (Call) call = NULL;

  wait_until (has_no_resource, f);
  call = call_new (f, "DELETE", path, s->send, NULL, NULL, NULL);
  call_assert_refused (call, 404, "NOT_FOUND", NULL);
}

static void
test_what_its_end_gives_up_is_over (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  say_status (&s, peer, "connecting", NULL);
  say_status (&s, peer, "connected", NULL);
  /* interrupted: it may come back */
  say_status (&s, peer, "disconnected", NULL);
  ws_expect_none (f, s.ws, "peer_gone");
  g_assert_cmpuint (count_resources (f), ==, 1);
  say_status (&s, peer, "error", "peer-lost");
  expect_gone (s.ws, peer, "lost");
  assert_gone (f, &s, path);
}

static void
test_an_interruption_has_its_time (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  say_status (&s, peer, "connected", NULL);
  ws_expect_none (f, s.ws, "peer_gone");
  pass_time (f, PB_WHIP_CONNECT_S + 1);
  sweep (f);
  g_assert_cmpuint (count_resources (f), ==, 1);
  say_status (&s, peer, "disconnected", NULL);
  ws_expect_none (f, s.ws, "peer_gone");
  pass_time (f, PB_WHIP_CONNECT_S + 1);
  sweep (f);
  expect_gone (s.ws, peer, "lost");
  assert_gone (f, &s, path);
}

static void
test_it_ends_with_its_end (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  ws_cut (s.ws);
  ws_expect_closed (s.ws);
  settle (f);
  /* within its grace media flows */
  g_assert_cmpuint (count_resources (f), ==, 1);
  pass_time (f, PB_SLOT_GRACE_S + 1);
  sweep (f);
  assert_gone (f, &s, path);
}

static void
test_it_ends_with_its_token (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  g_free (s.send);
  s.send = mint (f, "demo", s.admin, "cam-wide", "send", 60);
  path = scene_connect (&s, f, &peer, NULL);
  say_status (&s, peer, "connected", NULL);
  settle (f);
  pass_time (f, 61);
  sweep (f);
  g_assert_cmpuint (count_resources (f), ==, 0);
  expect_gone (s.ws, peer, "closed");
}

static void
test_no_media_frees_the_slot (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  pass_time (f, PB_WHIP_CONNECT_S - 1);
  sweep (f);
  g_assert_cmpuint (count_resources (f), ==, 1);
  pass_time (f, 2);
  sweep (f);
  g_assert_cmpuint (count_resources (f), ==, 0);
  expect_gone (s.ws, peer, "lost");
}

static void
test_it_ends_with_its_session (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;
  g_autoptr (Call) call = NULL;
  g_autofree char *waiting = NULL;
  guint status;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  /* another one of the same bearer still waits */
  call = scene_offer (&s, f);
  waiting = scene_take_offer (&s, WHIP_OFFER);
  http (f, "DELETE", "/api/session/demo", s.admin, NULL, &status);
  g_assert_cmpuint (status, ==, 204);
  call_assert_refused (call, 404, "NOT_FOUND", NULL);
  g_assert_cmpuint (f->context->metrics.whip[0], ==, 0);
}

static void
on_stopped (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

static gboolean
is_set (gpointer data)
{
  return *(gboolean *) data;
}

static void
test_the_server_stops_meanwhile (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;
  gboolean is_stopped = FALSE;

  f->context->limits.stop_ms = 20000;
  scene_init (&s, f, "receive");
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  pb_server_stop (f->server, on_stopped, &is_stopped);
  call_assert_refused (call, 503, "UNAVAILABLE", NULL);
  wait_until (is_set, &is_stopped);
}

/* Freed with a request that nobody has answered. */
static void
test_the_server_goes_meanwhile (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (GSocketConnection) connection = NULL;
  g_autofree char *peer = NULL;

  scene_init (&s, f, "receive");
  connection = post_raw (f, s.send);
  peer = scene_take_offer (&s, WHIP_OFFER);
}

/* --- who may ------------------------------------------------------------- */

static void
test_the_slot_has_one_sender (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *stranger = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *path = NULL;
  g_autoptr (Call) taken = NULL;
  g_autoptr (Call) again = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &first, NULL);
  stranger = mint (f, "demo", s.admin, "cam-wide", "send", 0);
  taken = call_new (f, "POST", WHIP_PATH, stranger, WHIP_SDP, WHIP_OFFER,
      NULL);
  call_assert_refused (taken, 409, "STREAM_TAKEN", NULL);
  g_assert_cmpuint (count_resources (f), ==, 1);
  /* the same token takes it over: a client that was restarted */
  again = scene_offer (&s, f);
  expect_gone (s.ws, first, "replaced");
  second = scene_take_offer (&s, WHIP_OFFER);
  scene_answer (&s, second);
  g_assert_cmpuint (call_wait (again), ==, 201);
  g_assert_cmpuint (count_resources (f), ==, 1);
  {
    g_autoptr (Call) old =
        call_new (f, "DELETE", path, s.send, NULL, NULL, NULL);

    call_assert_refused (old, 404, "NOT_FOUND", NULL);
  }
}

static void
test_another_token_may_not_touch_it (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *path = NULL;
  g_autofree char *stranger = NULL;
  g_autofree char *elsewhere = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, NULL);
  stranger = mint (f, "demo", s.admin, "cam-wide", "send", 0);
  elsewhere = mint (f, "demo", s.admin, "cam-close", "send", 0);
  for (guint i = 0; i < 2; i++) {
    const char *method = i == 0 ? "DELETE" : "PATCH";
    const char *type = i == 0 ? NULL : WHIP_FRAGMENT;
    const char *body = i == 0 ? NULL : "a=end-of-candidates\r\n";
    g_autoptr (Call) a =
        call_new (f, method, path, stranger, type, body, NULL);
    g_autoptr (Call) b =
        call_new (f, method, path, elsewhere, type, body, NULL);
    g_autoptr (Call) c =
        call_new (f, method, path, s.receive, type, body, NULL);
    g_autoptr (Call) d = call_new (f, method, path, NULL, type, body, NULL);

    call_assert_refused (a, 403, "PERMISSION_DENIED", NULL);
    call_assert_refused (b, 403, "PERMISSION_DENIED", NULL);
    call_assert_refused (c, 403, "PERMISSION_DENIED", NULL);
    call_assert_refused (d, 401, "TOKEN_MISSING", NULL);
  }
  g_assert_cmpuint (count_resources (f), ==, 1);
}

static void
test_a_token_is_for_one_thing (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  static const char *const foreign =
      "{\"name\":\"other\",\"streams\":[\"cam-wide\"]}";
  g_autofree char *other = NULL;
  g_autofree char *close_up = NULL;

  scene_init (&s, f, "receive");
  other = create_session (f, foreign);
  close_up = mint (f, "demo", s.admin, "cam-close", "send", 0);
  {
    const struct {
      const char *path, *token;
      guint status;
      const char *reason;
    } cases[] = {
      { WHIP_PATH, NULL, 401, "TOKEN_MISSING" },
      { WHIP_PATH, "p_rubbish", 401, "TOKEN_INVALID" },
      { WHIP_PATH, s.receive, 403, "PERMISSION_DENIED" },
      { WHIP_PATH, close_up, 403, "PERMISSION_DENIED" },
      { WHIP_PATH, other, 404, "NOT_FOUND" },
      { WHEP_PATH, s.send, 403, "PERMISSION_DENIED" },
      { "/whip/demo/none", s.admin, 404, "NOT_FOUND" },
      { "/whip/none/cam-wide", s.admin, 404, "NOT_FOUND" },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
      g_autoptr (Call) call = call_new (f, "POST", cases[i].path,
          cases[i].token, WHIP_SDP, WHIP_OFFER, NULL);

      call_assert_refused (call, cases[i].status, cases[i].reason, NULL);
    }
  }
  g_assert_cmpuint (count_resources (f), ==, 0);
}

/* --- /connect ------------------------------------------------------------ */

static char *
get_string (Fixture *f, Scene *s, const char *direction, const char *client,
    char **note)
{
  guint status;
  g_autoptr (JsonObject) told = http (f, "GET",
      "/api/session/demo/connect?stream=cam-wide", s->admin, NULL, &status);
  JsonArray *strings = json_object_get_array_member (
      json_object_get_object_member (slot_of (told, "cam-wide"), direction),
      "strings");

  g_assert_cmpuint (status, ==, 200);
  for (guint i = 0; i < json_array_get_length (strings); i++) {
    JsonObject *row = json_array_get_object_element (strings, i);

    if (!g_str_equal (text_of (row, "client"), client))
      continue;
    g_assert_cmpstr (text_of (row, "mode"), ==,
        g_str_equal (direction, "send") ? "whip" : "whep");
    g_assert_true (json_object_get_boolean_member (row, "works") ==
        (text_of (row, "string") != NULL));
    if (note != NULL)
      *note = g_strdup (text_of (row, "note"));
    return g_strdup (text_of (row, "string"));
  }
  g_assert_not_reached ();
}

/* What /connect prints opens just that slot that way; asked again, it prints
 * the same, and makes no more tokens. */
static void
test_connect_prints_what_works (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *text = NULL;
  g_autofree char *again = NULL;
  g_autofree char *play = NULL;
  g_autofree char *token = NULL;
  g_autofree char *peer = NULL;
  g_autoptr (Call) call = NULL;
  g_autoptr (Call) other = NULL;
  const char *begin;
  guint n_tokens;

  scene_init (&s, f, "receive");
  text = get_string (f, &s, "send", "whip", NULL);
  play = get_string (f, &s, "receive", "whep", NULL);
  n_tokens = pb_server_grants_count (get_session (f)->grants);
  again = get_string (f, &s, "send", "whip", NULL);
  g_assert_cmpstr (again, ==, text);
  g_assert_cmpuint (pb_server_grants_count (get_session (f)->grants), ==,
      n_tokens);
  g_assert_nonnull (strstr (text, pb_server_get_address (f->server)));
  g_assert_nonnull (strstr (text, WHIP_PATH));
  g_assert_nonnull (strstr (play, WHEP_PATH));
  begin = strstr (text, "p_");
  token = g_strndup (begin, strcspn (begin, " \n\"'"));
  g_assert_null (strstr (play, token));

  call = call_new (f, "POST", WHIP_PATH, token, WHIP_SDP, WHIP_OFFER, NULL);
  peer = scene_take_offer (&s, WHIP_OFFER);
  scene_answer (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 201);
  other = call_new (f, "POST", "/whip/demo/cam-close", token, WHIP_SDP,
      WHIP_OFFER, NULL);
  call_assert_refused (other, 403, "PERMISSION_DENIED", NULL);
}

static void
test_connect_says_where_it_cannot_work (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Ws) receiver = NULL;
  g_autofree char *note = NULL;
  g_autofree char *text = NULL;

  scene_init (&s, f, NULL);
  receiver = ws_open (f, "demo", s.receive);
  ws_register (receiver, "srt-receiver", "cam-wide", "receive");
  text = get_string (f, &s, "send", "obs-whip", &note);
  g_assert_null (text);
  g_assert_cmpstr (note, ==, pb_fault_get_sentence (PB_FAULT_NO_TRANSPORT));
}

#define TEST(name, func)                                                      \
  g_test_add ("/whip/" name, Fixture, NULL, fixture_set_up, func,             \
      fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  TEST ("an-offer-to-send-is-answered", test_an_offer_to_send_is_answered);
  TEST ("an-offer-to-play-is-answered", test_an_offer_to_play_is_answered);
  TEST ("one-end-meets-the-client", test_one_end_meets_the_client);
  TEST ("an-end-that-comes-back-is-offered-once-more",
      test_an_end_that_comes_back_is_offered_once_more);
  TEST ("the-session-shows-it-like-others",
      test_the_session_shows_it_like_others);
  TEST ("nobody-there-is-told", test_nobody_there_is_told);
  TEST ("an-end-of-srt-cannot-answer", test_an_end_of_srt_cannot_answer);
  TEST ("two-clients-do-not-meet", test_two_clients_do_not_meet);
  TEST ("a-slow-end-is-waited-for-so-long",
      test_a_slow_end_is_waited_for_so_long);
  TEST ("an-end-refuses", test_an_end_refuses);
  TEST ("an-end-leaves-meanwhile", test_an_end_leaves_meanwhile);
  TEST ("an-answer-that-is-none-is-refused",
      test_an_answer_that_is_none_is_refused);
  TEST ("a-client-that-goes-gives-the-slot-back",
      test_a_client_that_goes_gives_the_slot_back);
  TEST ("a-client-may-send-the-next-request-meanwhile",
      test_a_client_may_send_the_next_request_meanwhile);
  TEST ("delete-ends-it", test_delete_ends_it);
  TEST ("what-its-end-gives-up-is-over", test_what_its_end_gives_up_is_over);
  TEST ("an-interruption-has-its-time", test_an_interruption_has_its_time);
  TEST ("it-ends-with-its-end", test_it_ends_with_its_end);
  TEST ("it-ends-with-its-token", test_it_ends_with_its_token);
  TEST ("no-media-frees-the-slot", test_no_media_frees_the_slot);
  TEST ("it-ends-with-its-session", test_it_ends_with_its_session);
  TEST ("the-server-stops-meanwhile", test_the_server_stops_meanwhile);
  TEST ("the-server-goes-meanwhile", test_the_server_goes_meanwhile);
  TEST ("the-slot-has-one-sender", test_the_slot_has_one_sender);
  TEST ("another-token-may-not-touch-it", test_another_token_may_not_touch_it);
  TEST ("a-token-is-for-one-thing", test_a_token_is_for_one_thing);
  TEST ("connect-prints-what-works", test_connect_prints_what_works);
  TEST ("connect-says-where-it-cannot-work",
      test_connect_says_where_it_cannot_work);

  return g_test_run ();
}
