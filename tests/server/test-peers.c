/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "logic-fixture.h"

/* What happens over the WebSocket: registrations, meeting, the relay, tally,
 * health, and every way it ends. */

#define SENDER "sender-0001"
#define RECEIVER "receiver-1"

static PbServerSession *
get_session (Fixture *f, const char *name)
{
  return pb_server_registry_lookup (pb_server_get_registry (f->server), name,
      &(GError *) { NULL });
}

/* --- S24: the three ways people use it ----------------------------------- */

static void
test_single_operator (Fixture *f, gconstpointer unused)
{
  /* one person, one token: sends, receives and switches tally with it */
  g_autofree char *admin = create_session (f, "{\"name\":\"demo\"}");
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) to_a = NULL;
  g_autoptr (JsonObject) to_b = NULL;
  g_autoptr (JsonObject) tally = NULL;

  ws_register (a, SENDER, "main", "send");
  ws_register (b, RECEIVER, "main", "receive");
  to_a = ws_expect (a, "peer");
  to_b = ws_expect (b, "peer");
  g_assert_cmpstr (text_of (to_a, "to"), ==, SENDER);
  g_assert_cmpstr (text_of (to_a, "peer"), ==, RECEIVER);
  g_assert_cmpstr (text_of (to_a, "role"), ==, "caller");
  g_assert_cmpstr (text_of (to_b, "role"), ==, "listener");
  g_assert_true (json_object_get_boolean_member (to_a, "ice"));
  g_assert_cmpstr (text_of (to_a, "passphrase"), ==,
      text_of (to_b, "passphrase"));
  ws_send (a, "{\"type\":\"tally\",\"stream\":\"main\",\"state\":\"program\"}");
  tally = ws_expect (b, "tally");
  g_assert_cmpstr (text_of (tally, "state"), ==, "program");
}

static void
test_multi_operator (Fixture *f, gconstpointer unused)
{
  /* an admin, an operator per camera, a control room that sees all */
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *wide = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *close = mint (f, "demo", admin, "cam-close", "send", 0);
  g_autofree char *room = mint (f, "demo", admin, NULL, "receive", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", wide);
  g_autoptr (Ws) b = ws_open (f, "demo", close);
  g_autoptr (Ws) c = ws_open (f, "demo", room);
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;
  g_autoptr (JsonObject) again = NULL;

  ws_register (a, "sender-wide", "cam-wide", "send");
  ws_register (b, "sender-close", "cam-close", "send");
  ws_register (c, "room-wide", "cam-wide", "receive");
  one = ws_expect (c, "peer");
  g_assert_cmpstr (text_of (one, "peer"), ==, "sender-wide");
  ws_register (c, "room-close", "cam-close", "receive");
  two = ws_expect (c, "peer");
  g_assert_cmpstr (text_of (two, "peer"), ==, "sender-close");
  g_assert_cmpstr (text_of (one, "passphrase"), !=,
      text_of (two, "passphrase"));

  /* the operator of one camera has no say on another */
  ws_send (a, "{\"type\":\"register\",\"stream\":\"cam-close\","
      "\"direction\":\"send\"}");
  ws_expect_error (a, "PERMISSION_DENIED");
  /* and the control room does not send */
  ws_send (c, "{\"type\":\"register\",\"stream\":\"cam-wide\","
      "\"direction\":\"send\"}");
  ws_expect_error (c, "PERMISSION_DENIED");
  /* each hears of its own slot only */
  again = ws_expect (b, "peer");
  g_assert_cmpstr (text_of (again, "peer"), ==, "room-close");
  ws_expect_none (f, b, "peer");
}

static void
test_qr_sharing (Fixture *f, gconstpointer unused)
{
  /* whoever scans it may send on that slot, for a while, and nothing else */
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (SoupMessage) msg = new_message (f, "GET",
      "/s/demo/qr?format=svg&stream=cam-wide", admin, NULL);
  g_autoptr (GBytes) picture = http_raw (f, msg);
  g_autofree char *token = NULL;
  g_autofree char *until = NULL;
  g_autoptr (Ws) ws = NULL;

  g_assert_cmpuint (soup_message_get_status (msg), ==, 200);
  g_assert_nonnull (g_strstr_len (g_bytes_get_data (picture, NULL),
      (gssize) g_bytes_get_size (picture), "<svg"));
  /* tests/server/qr.py decodes the picture; here is a token as it holds */
  token = mint (f, "demo", admin, "cam-wide", "send", 900);
  assert_refused (f, "GET", "/api/session/demo/connect", token, NULL, 403,
      "PERMISSION_DENIED");
  ws = ws_open (f, "demo", token);
  ws_send (ws, "{\"type\":\"register\"}");
  json_object_unref (ws_expect (ws, "registered"));
  pass_time (f, 901);
  sweep (f);
  json_object_unref (ws_expect (ws, "closed"));
  g_assert_cmpuint (ws_expect_closed (ws), ==, 4002);
}

/* --- registering --------------------------------------------------------- */

static void
test_bad_messages_change_nothing (Fixture *f, gconstpointer unused)
{
  static const char *const bad[] = {
    "", "{", "[]", "null", "{}", "{\"type\":1}", "{\"type\":\"nothing\"}",
    "{\"type\":\"register\",\"type\":\"leave\"}",
    "{\"type\":\"register\",\"x\":1}",
    "{\"type\":\"register\",\"stream\":1}",
    "{\"type\":\"register\",\"stream\":\"a b\"}",
    "{\"type\":\"register\",\"direction\":\"both\"}",
    "{\"type\":\"register\",\"peer\":\"short\"}",
    "{\"type\":\"register\",\"peer\":\"much-too-long-for-an-id-of-a-peer-it-is\"}",
    "{\"type\":\"register\",\"port\":80}",
    "{\"type\":\"register\",\"port\":65536}",
    "{\"type\":\"register\",\"port\":\"5000\"}",
    "{\"type\":\"register\",\"address\":\"example.org\"}",
    "{\"type\":\"register\",\"mode\":\"push\"}",
    "{\"type\":\"register\",\"client\":\"\\n\"}",
    "{\"type\":\"register\",\"id\":-1}",
    "{\"type\":\"registered\",\"peer\":\"sender-0001\"}",
    "{\"type\":\"closed\",\"reason\":\"shutdown\"}",
    "{\"type\":\"status\"}", "{\"type\":\"health\"}",
    "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"live\"}",
    "{\"type\":\"signal\"}",
    "{\"type\":\"ready\",\"peer\":\"sender-0001\",\"mode\":\"caller\"}",
  };
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", NULL, 0);
  g_autoptr (Ws) ws = ws_open (f, "demo", token);
  PbServerSession *session = get_session (f, "demo");

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_test_message ("%s", bad[i]);
    ws_send (ws, "%s", bad[i]);
    ws_expect_error (ws, "INVALID_MESSAGE");
    g_assert_cmpuint (g_hash_table_size (session->peers), ==, 0);
  }
  ws_send (ws, "{\"type\":\"register\",\"direction\":\"send\","
      "\"protocol\":\"2.0\"}");
  ws_expect_error (ws, "VERSION_MISMATCH");
  ws_send (ws, "{\"type\":\"tally\",\"stream\":\"cam-wide\","
      "\"state\":\"program\"}");
  ws_expect_error (ws, "PERMISSION_DENIED");
  ws_send (ws, "{\"type\":\"leave\",\"peer\":\"not-there-1\"}");
  ws_expect_error (ws, "NOT_FOUND");
  g_assert_cmpuint (g_hash_table_size (session->peers), ==, 0);
  g_assert_cmpint (pb_session_get_tally (session->core, "cam-wide"), ==,
      PB_TALLY_OFF);
}

static void
test_the_answer_repeats_the_id (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) ws = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) ok = NULL;
  g_autoptr (JsonObject) error = NULL;

  ws_send (ws, "{\"type\":\"register\",\"id\":7}");
  ok = ws_expect (ws, "registered");
  g_assert_cmpint (json_object_get_int_member (ok, "id"), ==, 7);
  g_assert_cmpstr (text_of (ok, "direction"), ==, "observe");
  g_assert_false (json_object_has_member (ok, "passphrase"));
  ws_send (ws, "{\"type\":\"leave\",\"id\":8,\"peer\":\"not-there-1\"}");
  error = ws_expect (ws, "error");
  g_assert_cmpint (json_object_get_int_member (error, "id"), ==, 8);
  g_assert_cmpstr (text_of (error, "peer"), ==, "not-there-1");
}

static void
test_an_observer_of_a_slot_gets_no_passphrase (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "observe", 0);
  g_autoptr (Ws) ws = ws_open (f, "demo", token);
  g_autoptr (JsonObject) ok = NULL;
  g_autoptr (JsonObject) session = NULL;

  ws_send (ws, "{\"type\":\"register\"}");
  ok = ws_expect (ws, "registered");
  g_assert_false (json_object_has_member (ok, "passphrase"));
  session = ws_expect (ws, "session");
  g_assert_nonnull (slot_of (session, "cam-wide"));
  g_assert_null (slot_of (session, "cam-close"));
}

static void
test_a_live_owner_keeps_its_slot (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *two = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) b = ws_open (f, "demo", two);

  ws_register (a, SENDER, "cam-wide", "send");
  ws_send (b, "{\"type\":\"register\",\"direction\":\"send\"}");
  ws_expect_error (b, "STREAM_TAKEN");
  /* nor can anyone else take its id */
  ws_send (b, "{\"type\":\"register\",\"peer\":\"" SENDER "\"}");
  ws_expect_error (b, "PERMISSION_DENIED");

  /* its connection breaks: it has a while to come back */
  ws_cut (a);
  ws_expect_closed (a);
  settle (f);
  ws_send (b, "{\"type\":\"register\",\"direction\":\"send\"}");
  ws_expect_error (b, "STREAM_TAKEN");
  pass_time (f, PB_SLOT_GRACE_S + 1);
  ws_register (b, "sender-0002", "cam-wide", "send");
}

static void
test_goodbye_gives_the_slot_back_at_once (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *two = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) b = ws_open (f, "demo", two);

  ws_register (a, SENDER, "cam-wide", "send");
  ws_close (a, 1000);
  settle (f);
  ws_register (b, "sender-0002", "cam-wide", "send");
  ws_send (b, "{\"type\":\"leave\",\"peer\":\"sender-0002\"}");
  settle (f);
  g_assert_cmpuint (g_hash_table_size (get_session (f, "demo")->peers), ==, 0);
}

static void
test_the_same_token_takes_over (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *room = mint (f, "demo", admin, "cam-wide", "receive", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) b = ws_open (f, "demo", one);
  g_autoptr (Ws) c = ws_open (f, "demo", room);
  g_autoptr (JsonObject) closed = NULL;
  g_autoptr (JsonObject) gone = NULL;
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (c, RECEIVER, "cam-wide", "receive");
  first = ws_expect (c, "peer");
  ws_register (b, "sender-0002", "cam-wide", "send");
  closed = ws_expect (a, "closed");
  g_assert_cmpstr (text_of (closed, "reason"), ==, "replaced");
  g_assert_cmpstr (text_of (closed, "peer"), ==, SENDER);
  gone = ws_expect (c, "peer_gone");
  g_assert_cmpstr (text_of (gone, "reason"), ==, "replaced");
  second = ws_expect (c, "peer");
  g_assert_cmpstr (text_of (second, "peer"), ==, "sender-0002");
  /* the socket of the old one stays, its registration does not */
  ws_send (a, "{\"type\":\"status\",\"peer\":\"" SENDER "\","
      "\"srt\":\"connected\"}");
  ws_expect_error (a, "NOT_FOUND");
}

static void
test_the_same_id_resumes (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *room = mint (f, "demo", admin, "cam-wide", "receive", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) b = NULL;
  g_autoptr (Ws) c = ws_open (f, "demo", room);
  g_autoptr (JsonObject) again = NULL;
  PbServerSession *session = get_session (f, "demo");
  PbState state;

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (c, RECEIVER, "cam-wide", "receive");
  json_object_unref (ws_expect (c, "peer"));
  ws_send (a, "{\"type\":\"status\",\"peer\":\"" SENDER "\","
      "\"srt\":\"connected\",\"with\":\"" RECEIVER "\",\"path\":\"direct\"}");
  json_object_unref (ws_expect (c, "status"));
  ws_cut (a);
  ws_expect_closed (a);
  settle (f);
  g_assert_true (pb_session_get_stream_state (session->core, "cam-wide",
      &state, NULL));
  g_assert_cmpint (state, ==, PB_STATE_CONNECTED);

  b = ws_open (f, "demo", one);
  ws_register (b, SENDER, "cam-wide", "send");
  again = ws_expect (b, "peer");
  g_assert_cmpstr (text_of (again, "peer"), ==, RECEIVER);
  json_object_unref (ws_expect (c, "peer"));
  ws_expect_none (f, c, "peer_gone");
  g_assert_true (pb_session_get_stream_state (session->core, "cam-wide",
      &state, NULL));
  g_assert_cmpint (state, ==, PB_STATE_CONNECTED);
}

static void
test_who_does_not_come_back_is_gone (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *room = mint (f, "demo", admin, "cam-wide", "receive", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) c = ws_open (f, "demo", room);
  g_autoptr (JsonObject) gone = NULL;
  PbServerSession *session = get_session (f, "demo");

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (c, RECEIVER, "cam-wide", "receive");
  ws_cut (a);
  ws_expect_closed (a);
  settle (f);
  sweep (f);
  ws_expect_none (f, c, "peer_gone");
  pass_time (f, PB_SLOT_GRACE_S + 1);
  sweep (f);
  gone = ws_expect (c, "peer_gone");
  g_assert_cmpstr (text_of (gone, "reason"), ==, "lost");
  g_assert_cmpint (pb_session_get_state (session->core), ==,
      PB_STATE_WAITING);
}

static void
test_a_slot_has_so_many_receivers (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) ws = ws_open (f, "demo", admin);

  f->context->limits.receivers_max = 2;
  ws_register (ws, "receiver-1", "cam-wide", "receive");
  ws_register (ws, "receiver-2", "cam-wide", "receive");
  ws_send (ws, "{\"type\":\"register\",\"peer\":\"receiver-3\","
      "\"stream\":\"cam-wide\",\"direction\":\"receive\"}");
  ws_expect_error (ws, "SESSION_FULL");
  f->context->limits.registrations_max = 2;
  ws_send (ws, "{\"type\":\"register\",\"direction\":\"observe\"}");
  ws_expect_error (ws, "SESSION_FULL");
}

/* --- meeting ------------------------------------------------------------- */

static void
test_a_signal_goes_as_the_bytes_that_came (Fixture *f, gconstpointer unused)
{
  static const char *const good =
      "{ \"kind\":\"candidate\", \"type\":\"signal\",\"from\":\"" SENDER "\","
      "\"to\":\"" RECEIVER "\",\"link\":1,"
      "\"data\":{\"candidate\":\"candidate:1 1 UDP 1 192.0.2.1 9 typ host\"}}";
  static const struct {
    const char *text, *reason;
  } bad[] = {
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"nobody-01\","
      "\"kind\":\"ready\"}", "NOT_FOUND" },
    { "{\"type\":\"signal\",\"from\":\"" RECEIVER "\",\"to\":\"" SENDER "\","
      "\"kind\":\"ready\"}", "NOT_FOUND" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" SENDER "\","
      "\"kind\":\"ready\"}", "NOT_FOUND" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"observer-1\","
      "\"kind\":\"ready\"}", "NOT_FOUND" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"shout\"}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ready\",\"x\":1}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ready\",\"link\":\"1\"}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ready\",\"link\":-1}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ready\",\"link\":0}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ready\",\"link\":2147483648}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ice\"}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ice\",\"data\":\"x\"}", "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"candidate\",\"data\":{\"candidate\":\"a\\r\\nb\"}}",
      "INVALID_MESSAGE" },
    { "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\"" RECEIVER "\","
      "\"kind\":\"ready\",\"from\":\"" SENDER "\"}", "INVALID_MESSAGE" },
  };
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *room = mint (f, "demo", admin, NULL, "receive", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) b = ws_open (f, "demo", room);
  g_autoptr (Ws) o = ws_open (f, "demo", admin);
  g_autofree char *long_text = g_strnfill (PB_SIGNAL_MAX, 'a');
  JsonObject *got;

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (b, RECEIVER, "cam-wide", "receive");
  ws_register (o, "observer-1", "cam-wide", "observe");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_test_message ("%s", bad[i].text);
    ws_send (a, "%s", bad[i].text);
    ws_expect_error (a, bad[i].reason);
  }
  ws_send (a, "{\"type\":\"signal\",\"from\":\"" SENDER "\",\"to\":\""
      RECEIVER "\",\"kind\":\"ice\",\"data\":{\"sdp\":\"%s\"}}", long_text);
  ws_expect_error (a, "TOO_LARGE");
  ws_expect_none (f, b, "signal");

  ws_send (a, "%s", good);
  got = ws_expect (b, "signal");
  json_object_unref (got);
  g_assert_cmpstr (g_ptr_array_index (b->texts, b->texts->len - 1), ==, good);
  ws_expect_none (f, o, "signal");
}

static void
test_a_plain_endpoint_is_told_how_it_is_met (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) to_a = NULL;
  g_autoptr (JsonObject) to_b = NULL;
  g_autoptr (JsonObject) again = NULL;
  g_autoptr (JsonObject) told = NULL;
  JsonObject *end;
  guint status;

  ws_send (a, "{\"type\":\"register\",\"stream\":\"cam-wide\","
      "\"direction\":\"send\",\"port\":5000,\"peer\":\"" SENDER "\"}");
  ws_register (b, RECEIVER, "cam-wide", "receive");
  to_a = ws_expect (a, "peer");
  to_b = ws_expect (b, "peer");
  g_assert_false (json_object_get_boolean_member (to_b, "ice"));
  g_assert_cmpstr (text_of (to_b, "mode"), ==, "rendezvous");
  g_assert_cmpstr (text_of (to_b, "address"), ==, "127.0.0.1");
  g_assert_cmpint (json_object_get_int_member (to_b, "port"), ==, 5000);
  g_assert_false (json_object_has_member (to_a, "port"));

  ws_send (b, "{\"type\":\"ready\",\"peer\":\"" RECEIVER "\","
      "\"mode\":\"listener\",\"port\":20000,\"address\":\"192.0.2.7\"}");
  again = ws_expect (a, "peer");
  g_assert_cmpstr (text_of (again, "mode"), ==, "caller");
  g_assert_cmpstr (text_of (again, "address"), ==, "192.0.2.7");

  told = http (f, "GET", "/api/session/demo/connect?stream=cam-wide", admin,
      NULL, &status);
  end = json_object_get_object_member (slot_of (told, "cam-wide"), "send");
  g_assert_true (json_object_get_boolean_member (end, "ready"));
  g_assert_cmpstr (text_of (end, "mode"), ==, "caller");
  g_assert_cmpstr (text_of (end, "address"), ==, "192.0.2.7");
  g_assert_cmpint (json_object_get_int_member (end, "port"), ==, 20000);
}

static void
test_status_makes_states_and_tells_the_other_end (Fixture *f,
    gconstpointer unused)
{
  static const struct {
    const char *fields;
    PbState state;
  } steps[] = {
    { "\"srt\":\"connecting\"", PB_STATE_READY },
    { "\"srt\":\"connected\",\"path\":\"relay\"", PB_STATE_RELAYING },
    { "\"srt\":\"connected\",\"path\":\"direct\"", PB_STATE_CONNECTED },
    { "\"srt\":\"error\",\"code\":\"wrong-passphrase\"", PB_STATE_READY },
    { "\"srt\":\"connected\"", PB_STATE_CONNECTED },
    { "\"srt\":\"disconnected\"", PB_STATE_READY },
  };
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);
  PbServerSession *session = get_session (f, "demo");

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (b, RECEIVER, "cam-wide", "receive");
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    g_autoptr (JsonObject) told = NULL;

    ws_send (a, "{\"type\":\"status\",\"peer\":\"" SENDER "\",\"with\":\""
        RECEIVER "\",%s}", steps[i].fields);
    told = ws_expect (b, "status");
    g_assert_cmpstr (text_of (told, "peer"), ==, SENDER);
    if (i == 3)
      g_assert_cmpstr (text_of (told, "code"), ==, "wrong-passphrase");
    g_assert_cmpint (pb_session_get_state (session->core), ==,
        steps[i].state);
  }
}

static void
test_a_third_party_counts_as_connected (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);
  PbServerSession *session = get_session (f, "demo");

  ws_register (b, RECEIVER, "cam-wide", "receive");
  ws_send (b, "{\"type\":\"status\",\"peer\":\"" RECEIVER "\","
      "\"srt\":\"connected\",\"path\":\"plain\"}");
  ws_expect_none (f, b, "error");
  g_assert_cmpint (pb_session_get_state (session->core), ==,
      PB_STATE_CONNECTED);
  ws_send (b, "{\"type\":\"leave\",\"peer\":\"" RECEIVER "\"}");
  settle (f);
  ws_expect_none (f, b, "status");
  g_assert_cmpint (pb_session_get_state (session->core), ==,
      PB_STATE_WAITING);
}

/* --- while it runs ------------------------------------------------------- */

static void
test_health_is_told_and_goes_stale (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *other = mint (f, "demo", admin, "cam-close", "observe", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) o = ws_open (f, "demo", admin);
  g_autoptr (Ws) x = ws_open (f, "demo", other);
  g_autoptr (JsonObject) own = NULL;
  g_autoptr (JsonObject) seen = NULL;
  g_autoptr (JsonObject) stale = NULL;
  g_autoptr (JsonObject) dead = NULL;

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (o, "observer-1", NULL, "observe");
  ws_register (x, "observer-2", "cam-close", "observe");
  ws_send (a, "{\"type\":\"health\",\"peer\":\"" SENDER "\",\"rtt\":10,"
      "\"latency\":200,\"bitrate\":4000,\"connected\":true}");
  own = ws_expect (a, "health");
  seen = ws_expect (o, "health");
  g_assert_cmpstr (text_of (seen, "health"), ==, "healthy");
  g_assert_cmpstr (text_of (seen, "cause"), ==, "");
  g_assert_false (json_object_get_boolean_member (seen, "stale"));

  pass_time (f, 13);
  sweep (f);
  stale = ws_expect (o, "health");
  g_assert_cmpstr (text_of (stale, "health"), ==, "warning");
  g_assert_cmpstr (text_of (stale, "cause"), ==, "stale");
  g_assert_true (json_object_get_boolean_member (stale, "stale"));
  sweep (f);
  pass_time (f, 5);
  sweep (f);
  dead = ws_expect (o, "health");
  g_assert_cmpstr (text_of (dead, "health"), ==, "critical");
  ws_expect_none (f, x, "health");
}

static void
test_tally_reaches_the_slot_and_no_other (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *two = mint (f, "demo", admin, "cam-close", "send", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) b = ws_open (f, "demo", two);
  g_autoptr (Ws) o = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) told = NULL;
  g_autoptr (JsonObject) later = NULL;
  g_autoptr (Ws) c = NULL;

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (b, "sender-0002", "cam-close", "send");
  ws_send (o, "{\"type\":\"tally\",\"stream\":\"cam-wide\","
      "\"state\":\"preview\"}");
  told = ws_expect (a, "tally");
  g_assert_cmpstr (text_of (told, "state"), ==, "preview");
  ws_expect_none (f, b, "tally");
  ws_send (o, "{\"type\":\"tally\",\"stream\":\"cam-none\","
      "\"state\":\"preview\"}");
  ws_expect_error (o, "NOT_FOUND");
  /* who comes later is told on arrival */
  c = ws_open (f, "demo", one);
  ws_send (c, "{\"type\":\"register\",\"peer\":\"" SENDER "\"}");
  later = ws_expect (c, "registered");
  g_assert_cmpstr (text_of (later, "tally"), ==, "preview");
}

static void
test_observers_get_a_snapshot_for_many_changes (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) o = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;
  guint n = 0;

  ws_register (o, "observer-1", NULL, "observe");
  first = ws_expect (o, "session");
  f->context->limits.snapshot_ms = 50;
  for (guint i = 0; i < 20; i++)
    ws_send (a, "{\"type\":\"register\",\"peer\":\"receiver-%u\","
        "\"stream\":\"%s\",\"direction\":\"receive\"}", i + 10,
        i % 2 == 0 ? "cam-wide" : "cam-close");
  ws_expect_none (f, a, "error");
  second = ws_expect (o, "session");
  for (guint i = 0; i < o->texts->len; i++)
    if (strstr (g_ptr_array_index (o->texts, i), "\"type\":\"session\""))
      n++;
  g_assert_cmpuint (n, <=, 4);
}

static void
test_a_huge_session_still_fits_a_message (Fixture *f, gconstpointer unused)
{
  GString *body = g_string_new ("{\"name\":\"demo\",\"streams\":[");
  g_autofree char *admin = NULL;
  g_autoptr (GPtrArray) all =
      g_ptr_array_new_with_free_func ((GDestroyNotify) ws_free);
  g_autoptr (JsonObject) seen = NULL;
  PbServerSession *session;
  guint status;

  for (guint i = 0; i < 64; i++)
    g_string_append_printf (body, "%s\"a-slot-with-a-rather-long-name-%02u\"",
        i > 0 ? "," : "", i);
  g_string_append (body, "]}");
  admin = create_session (f, body->str);
  g_string_free (body, TRUE);
  session = get_session (f, "demo");
  for (guint i = 0; i < 12; i++) {
    Ws *ws = ws_open (f, "demo", admin);

    g_ptr_array_add (all, ws);
    for (guint j = 0; j < 60; j++)
      ws_send (ws, "{\"type\":\"register\",\"peer\":\"receiver-%u-%u\","
          "\"stream\":\"a-slot-with-a-rather-long-name-%02u\","
          "\"direction\":\"receive\",\"client\":\"a client with a name of "
          "some length 1.2.3\"}", i, j, j);
    ws_expect_none (f, ws, "error");
  }
  g_assert_cmpuint (g_hash_table_size (session->peers), ==, 12 * 60);
  seen = http (f, "GET", "/api/session/demo", admin, NULL, &status);
  g_assert_cmpuint (status, ==, 200);
  g_assert_nonnull (seen);
  g_assert_cmpuint (json_array_get_length (
      json_object_get_array_member (seen, "streams")), ==, 64);
}

/* --- the end ------------------------------------------------------------- */

static void
test_the_end_of_its_time_closes_and_forgets (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f,
      "{\"name\":\"demo\",\"streams\":[\"cam-wide\"],\"ttl\":60}");
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (JsonObject) closed = NULL;
  g_autofree char *log = NULL;

  ws_register (a, SENDER, "cam-wide", "send");
  /* a wall clock that is put back keeps no session alive */
  f->context->monotonic_offset_us += 61 * G_USEC_PER_SEC;
  sweep (f);
  closed = ws_expect (a, "closed");
  g_assert_cmpstr (text_of (closed, "reason"), ==, "session-expired");
  g_assert_false (json_object_get_boolean_member (closed, "retry"));
  g_assert_cmpuint (ws_expect_closed (a), ==, 4004);
  g_assert_cmpuint (pb_server_registry_count (
      pb_server_get_registry (f->server)), ==, 0);
  g_assert_cmpuint (f->context->metrics.peers, ==, 0);
  assert_refused (f, "GET", "/api/session/demo", admin, NULL, 401,
      "TOKEN_INVALID");
  log = read_log (f);
  g_assert_nonnull (strstr (log, "session_expired"));
}

static void
test_time_is_up_before_the_sweep_sees_it (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, "{\"name\":\"demo\",\"ttl\":60}");
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) closed = NULL;

  f->context->monotonic_offset_us += 61 * G_USEC_PER_SEC;
  assert_refused (f, "GET", "/api/session/demo", admin, NULL, 410,
      "SESSION_EXPIRED");
  ws_send (a, "{\"type\":\"register\"}");
  closed = ws_expect (a, "closed");
  g_assert_cmpuint (ws_expect_closed (a), ==, 4004);
}

static void
test_an_expired_token_ends_its_socket (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 60);
  g_autofree char *room = mint (f, "demo", admin, "cam-wide", "receive", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (Ws) b = ws_open (f, "demo", room);
  g_autoptr (JsonObject) closed = NULL;
  g_autoptr (JsonObject) gone = NULL;

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (b, RECEIVER, "cam-wide", "receive");
  pass_time (f, 61);
  /* on the very next message, not only at the sweep */
  ws_send (a, "{\"type\":\"status\",\"peer\":\"" SENDER "\","
      "\"srt\":\"connected\"}");
  closed = ws_expect (a, "closed");
  g_assert_cmpstr (text_of (closed, "reason"), ==, "token-expired");
  g_assert_cmpuint (ws_expect_closed (a), ==, 4002);
  gone = ws_expect (b, "peer_gone");
  g_assert_cmpstr (text_of (gone, "reason"), ==, "closed");
  ws_expect_none (f, b, "status");
}

static void
test_closing_tells_everyone (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *one = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", one);
  g_autoptr (JsonObject) closed = NULL;
  guint status;

  ws_register (a, SENDER, "cam-wide", "send");
  g_assert_null (http (f, "DELETE", "/api/session/demo", admin, NULL,
      &status));
  closed = ws_expect (a, "closed");
  g_assert_cmpstr (text_of (closed, "reason"), ==, "session-closed");
  g_assert_cmpuint (ws_expect_closed (a), ==, 4001);
}

static void
on_stopped (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

static gboolean
is_true (gpointer data)
{
  return *(gboolean *) data;
}

static void
test_stopping_tells_everyone_to_come_back (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) silent = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) closed = NULL;
  gboolean is_stopped = FALSE;

  ws_register (a, SENDER, "cam-wide", "send");
  pb_server_stop (f->server, on_stopped, &is_stopped);
  closed = ws_expect (a, "closed");
  g_assert_cmpstr (text_of (closed, "reason"), ==, "shutdown");
  g_assert_true (json_object_get_boolean_member (closed, "retry"));
  g_assert_cmpuint (ws_expect_closed (a), ==, 1001);
  g_assert_cmpuint (ws_expect_closed (silent), ==, 1001);
  wait_until (is_true, &is_stopped);
}

static void
reload (Fixture *f, const char *secret, guint grace)
{
  PbServerOptions options = { .listen = (char *) "127.0.0.1:0",
    .no_stun = TRUE };
  g_autoptr (GError) error = NULL;
  PbServerConfig *config;

  options.audit_log = f->log;
  g_setenv ("PATCHBAY_SECRET", secret, TRUE);
  config = pb_server_config_load (&options, &error);
  g_assert_no_error (error);
  g_assert_null (g_getenv ("PATCHBAY_SECRET"));
  config->rotation_grace_s = grace;
  g_assert_true (pb_server_reload (f->server, config, &error));
  g_assert_no_error (error);
}

static void
test_a_new_secret_with_grace_and_without (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autofree char *second = NULL;
  g_autoptr (JsonObject) closed = NULL;
  guint status;

  ws_register (a, SENDER, "cam-wide", "send");
  reload (f, "another-secret-another-secret-another-secret-another-secret-xxxx",
      60);
  second = mint (f, "demo", admin, NULL, "observe", 0);
  ws_expect_none (f, a, "closed");
  pass_time (f, 61);
  assert_refused (f, "GET", "/api/session/demo", admin, NULL, 401,
      "TOKEN_INVALID");

  reload (f, "third-secret-third-secret-third-secret-third-secret-third-secret",
      0);
  closed = ws_expect (a, "closed");
  g_assert_cmpuint (ws_expect_closed (a), ==, 4002);
  json_object_unref (http (f, "GET", "/api/session/demo", second, NULL,
      &status));
  g_assert_cmpuint (status, ==, 401);
}

#define TEST(name, function) \
  g_test_add ("/server/peers/" name, Fixture, NULL, fixture_set_up, \
      function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("single-operator", test_single_operator);
  TEST ("multi-operator", test_multi_operator);
  TEST ("qr-sharing", test_qr_sharing);
  TEST ("bad-messages-change-nothing", test_bad_messages_change_nothing);
  TEST ("the-answer-repeats-the-id", test_the_answer_repeats_the_id);
  TEST ("an-observer-of-a-slot-gets-no-passphrase",
      test_an_observer_of_a_slot_gets_no_passphrase);
  TEST ("a-live-owner-keeps-its-slot", test_a_live_owner_keeps_its_slot);
  TEST ("goodbye-gives-the-slot-back-at-once",
      test_goodbye_gives_the_slot_back_at_once);
  TEST ("the-same-token-takes-over", test_the_same_token_takes_over);
  TEST ("the-same-id-resumes", test_the_same_id_resumes);
  TEST ("who-does-not-come-back-is-gone",
      test_who_does_not_come_back_is_gone);
  TEST ("a-slot-has-so-many-receivers", test_a_slot_has_so_many_receivers);
  TEST ("a-signal-goes-as-the-bytes-that-came",
      test_a_signal_goes_as_the_bytes_that_came);
  TEST ("a-plain-endpoint-is-told-how-it-is-met",
      test_a_plain_endpoint_is_told_how_it_is_met);
  TEST ("status-makes-states-and-tells-the-other-end",
      test_status_makes_states_and_tells_the_other_end);
  TEST ("a-third-party-counts-as-connected",
      test_a_third_party_counts_as_connected);
  TEST ("health-is-told-and-goes-stale", test_health_is_told_and_goes_stale);
  TEST ("tally-reaches-the-slot-and-no-other",
      test_tally_reaches_the_slot_and_no_other);
  TEST ("observers-get-a-snapshot-for-many-changes",
      test_observers_get_a_snapshot_for_many_changes);
  TEST ("a-huge-session-still-fits-a-message",
      test_a_huge_session_still_fits_a_message);
  TEST ("the-end-of-its-time-closes-and-forgets",
      test_the_end_of_its_time_closes_and_forgets);
  TEST ("time-is-up-before-the-sweep-sees-it",
      test_time_is_up_before_the_sweep_sees_it);
  TEST ("an-expired-token-ends-its-socket",
      test_an_expired_token_ends_its_socket);
  TEST ("closing-tells-everyone", test_closing_tells_everyone);
  TEST ("stopping-tells-everyone-to-come-back",
      test_stopping_tells_everyone_to_come_back);
  TEST ("a-new-secret-with-grace-and-without",
      test_a_new_secret_with_grace_and_without);

  return g_test_run ();
}
