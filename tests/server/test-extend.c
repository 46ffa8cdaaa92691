/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <glib/gstdio.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "whip-client.h"

/* A session that is given more time, and more slots, while it runs; and who may
 * begin one: sections 4.3 and 4.8 of the protocol. */

#define SESSION "/api/session/demo"
#define SENDER "sender-0001"
#define RECEIVER "receiver-1"
#define OBSERVER "observer-1"

static gint64
expires_of (Fixture *f, const char *token)
{
  guint status;
  g_autoptr (JsonObject) session =
      http (f, "GET", SESSION, token, NULL, &status);

  g_assert_cmpuint (status, ==, 200);

  return json_object_get_int_member (session, "expires");
}

static void
extend (Fixture *f, const char *token, guint ttl)
{
  g_autofree char *body = g_strdup_printf ("{\"ttl\":%u}", ttl);
  guint status;
  g_autoptr (JsonObject) session =
      http (f, "PATCH", SESSION, token, body, &status);

  g_assert_cmpuint (status, ==, 200);
  g_assert_cmpstr (text_of (session, "session"), ==, "demo");
  g_assert_cmpint (json_object_get_int_member (session, "ttl"), ==, ttl);
  g_assert_cmpint (json_object_get_int_member (session, "expires"), >=,
      pb_server_context_unix (f->context) + ttl - 5);
}

/* --- time ---------------------------------------------------------------- */

static void
test_it_lives_on_and_its_tokens_with_it (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *lasting = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *brief = mint (f, "demo", admin, "cam-wide", "send", 900);
  g_autofree char *clamped = mint (f, "demo", admin, "cam-wide", "send", 86400);
  g_autofree char *later = NULL;
  g_autoptr (PbToken) claims = NULL;

  pass_time (f, 600);
  extend (f, admin, 3600);
  later = mint (f, "demo", admin, "cam-wide", "send", 0);

  /* past the one end of its own, and then past all that was signed before */
  pass_time (f, 301);
  assert_refused (f, "GET", SESSION, brief, NULL, 401, "TOKEN_EXPIRED");
  pass_time (f, PB_TTL_DEFAULT);
  sweep (f);
  expires_of (f, admin);
  expires_of (f, lasting);
  expires_of (f, later);
  assert_refused (f, "GET", SESSION, clamped, NULL, 401, "TOKEN_EXPIRED");
  assert_refused (f, "GET", SESSION, brief, NULL, 401, "TOKEN_EXPIRED");
  /* it is the server that knows: in the token nothing has changed */
  g_assert_null (pb_keyring_verify (f->context->keyring, admin,
      pb_server_context_unix (f->context), NULL));

  /* again and again: longer in all than one may ask for at once */
  extend (f, admin, PB_TTL_MAX);
  pass_time (f, PB_TTL_MAX - 10);
  extend (f, admin, PB_TTL_MAX);
  pass_time (f, PB_TTL_MAX - 10);
  expires_of (f, lasting);
  pass_time (f, 11);
  sweep (f);
  assert_refused (f, "GET", SESSION, admin, NULL, 401, "TOKEN_EXPIRED");
  g_assert_cmpuint (count_sessions (f), ==, 0);
}

static void
test_an_extension_revives_nobody (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *brief = mint (f, "demo", admin, "cam-wide", "send", 60);
  g_autofree char *revoked = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (PbToken) claims =
      pb_keyring_read (f->context->keyring, revoked, 1, NULL);
  g_autofree char *path =
      g_strconcat (SESSION "/token/", pb_token_get_id (claims), NULL);
  g_autoptr (Ws) ws = ws_open (f, "demo", brief);
  guint status;

  ws_register (ws, SENDER, "cam-wide", "send");
  g_assert_null (http (f, "DELETE", path, admin, NULL, &status));
  g_assert_cmpuint (status, ==, 204);
  pass_time (f, 60);
  extend (f, admin, 7200);
  assert_refused (f, "GET", SESSION, brief, NULL, 401, "TOKEN_EXPIRED");
  assert_refused (f, "GET", SESSION, revoked, NULL, 401, "TOKEN_REVOKED");
  /* nor its open socket */
  sweep (f);
  g_assert_cmpuint (ws_expect_closed (ws), ==, 4002);
  pass_time (f, PB_TTL_DEFAULT);
  assert_refused (f, "GET", SESSION, revoked, NULL, 401, "TOKEN_REVOKED");
}

static void
test_once_closed_nothing_of_it_is_honoured (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *again = NULL;
  guint status;

  extend (f, admin, 7200);
  g_assert_null (http (f, "DELETE", SESSION, admin, NULL, &status));
  g_assert_cmpuint (status, ==, 204);
  again = create_session (f, "{\"name\":\"demo\",\"ttl\":86400}");
  assert_refused (f, "GET", SESSION, admin, NULL, 401, "TOKEN_INVALID");
  assert_refused (f, "GET", SESSION, peer, NULL, 401, "TOKEN_INVALID");
  /* between the end that was signed and the later one */
  pass_time (f, PB_TTL_DEFAULT + 1);
  sweep (f);
  assert_refused (f, "GET", SESSION, admin, NULL, 401, "TOKEN_INVALID");
  assert_refused (f, "GET", SESSION, peer, NULL, 401, "TOKEN_INVALID");
  pass_time (f, 7200);
  sweep (f);
  assert_refused (f, "GET", SESSION, admin, NULL, 401, "TOKEN_EXPIRED");
}

static void
test_who_is_there_stays (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autofree char *path = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *tag = NULL;
  g_autoptr (Ws) brief = NULL;
  g_autoptr (Ws) observer = NULL;
  g_autofree char *brief_token = NULL;
  g_autoptr (JsonObject) before = NULL;
  g_autoptr (JsonObject) snapshot = NULL;
  g_autoptr (Call) ask = NULL;
  gint64 end;

  f->context->limits.sweep_ms = 1000000;
  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, &tag);
  ws_send (s.ws,
      "{\"type\":\"status\",\"peer\":\"" END_ID "\",\"srt\":"
      "\"connected\",\"with\":\"%s\",\"path\":\"direct\"}",
      peer);
  brief_token =
      mint (f, "demo", s.admin, "cam-close", "receive", PB_TTL_DEFAULT);
  brief = ws_open (f, "demo", brief_token);
  ws_register (brief, RECEIVER, "cam-close", "receive");
  observer = ws_open (f, "demo", s.admin);
  ws_register (observer, OBSERVER, NULL, "observe");
  before = ws_expect (observer, "session");

  extend (f, s.admin, 2 * PB_TTL_DEFAULT);
  end = expires_of (f, s.admin);
  do {
    g_clear_pointer (&snapshot, json_object_unref);
    snapshot = ws_expect (observer, "session");
  } while (json_object_get_int_member (snapshot, "expires") != end);
  g_assert_cmpint (json_object_get_int_member (snapshot, "ttl"), ==,
      2 * PB_TTL_DEFAULT);

  pass_time (f, PB_TTL_DEFAULT + 10);
  sweep (f);
  g_assert_cmpuint (ws_expect_closed (brief), ==, 4002);
  /* a message is answered, so the token was looked at */
  ws_expect_none (f, s.ws, "closed");
  ws_expect_none (f, observer, "closed");
  ask = call_new (f, "GET", path, s.send, NULL, NULL, NULL);
  g_assert_cmpuint (call_wait (ask), ==, 204);
}

static void
test_who_registers_learns_its_own_end (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *brief = mint (f, "demo", admin, "cam-wide", NULL, 60);
  const struct
  {
    const char *token, *id, *direction;
    gboolean is_brief;
  } ends[] = {
    { token, SENDER, "send", FALSE },
    { brief, RECEIVER, "receive", TRUE },
  };

  extend (f, admin, 7200);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++) {
    g_autoptr (Ws) ws = ws_open (f, "demo", ends[i].token);
    g_autoptr (JsonObject) told = NULL;
    gint64 expires;

    ws_send (ws,
        "{\"type\":\"register\",\"peer\":\"%s\",\"stream\":\"cam-wide\","
        "\"direction\":\"%s\"}",
        ends[i].id, ends[i].direction);
    told = ws_expect (ws, "registered");
    expires = json_object_get_int_member (told, "expires");
    if (ends[i].is_brief)
      g_assert_cmpint (expires, <=, pb_server_context_unix (f->context) + 60);
    else
      g_assert_cmpint (expires, ==, expires_of (f, admin));
  }
}

static void
test_who_sends_hears_of_it_once (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *brief = mint (f, "demo", admin, "cam-wide", NULL, 60);
  g_autoptr (Ws) sender = ws_open (f, "demo", token);
  g_autoptr (Ws) receiver = ws_open (f, "demo", brief);
  g_autoptr (Ws) silent = ws_open (f, "demo", token);
  g_autoptr (JsonObject) told = NULL;
  g_autoptr (JsonObject) other = NULL;
  g_autoptr (JsonObject) slot = NULL;
  guint status;

  ws_register (sender, SENDER, "cam-wide", "send");
  ws_register (receiver, RECEIVER, "cam-wide", "receive");
  ws_expect_none (f, sender, "session");
  extend (f, admin, 7200);
  told = ws_expect (sender, "session");
  g_assert_cmpint (json_object_get_int_member (told, "expires"), ==,
      expires_of (f, admin));
  g_assert_nonnull (slot_of (told, "cam-wide"));
  g_assert_null (slot_of (told, "cam-close"));
  other = ws_expect (receiver, "session");
  g_assert_null (slot_of (other, "cam-close"));
  ws_expect_none (f, silent, "session");

  /* what else changes is for observers, as before */
  slot = http (f, "POST", SESSION "/stream", admin, "{\"stream\":\"cam-3\"}",
      &status);
  g_assert_cmpuint (status, ==, 201);
  json_object_unref (http (f, "GET", SESSION, admin, NULL, &status));
  ws_expect_none (f, sender, "session");
}

static void
test_who_is_lost_comes_back (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) lost = ws_open (f, "demo", token);
  g_autoptr (Ws) back = NULL;
  g_autoptr (Ws) receiver = ws_open (f, "demo", admin);

  f->context->limits.sweep_ms = 1000000;
  f->context->limits.grace_us = (gint64) 3600 * G_USEC_PER_SEC;
  ws_register (receiver, RECEIVER, "cam-wide", "receive");
  ws_register (lost, SENDER, "cam-wide", "send");
  ws_cut (lost);
  ws_expect_closed (lost);
  extend (f, admin, 2 * PB_TTL_DEFAULT);
  pass_time (f, PB_TTL_DEFAULT + 1);
  sweep (f);
  back = ws_open (f, "demo", token);
  g_assert_nonnull (back->ws);
  ws_register (back, SENDER, "cam-wide", "send");
  ws_expect_none (f, receiver, "peer_gone");
}

static void
test_the_relay_is_told_again (Fixture *f, gconstpointer unused)
{
  static const char *const urls[] = { "turn:turn.example.org:3478", NULL };
  g_autofree char *admin = create_session (f,
      "{\"name\":\"demo\",\"streams\":[\"cam-wide\"],\"ttl\":300}");
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *brief = mint (f, "demo", admin, "cam-wide", "receive", 299);
  g_autoptr (Ws) sender = ws_open (f, "demo", token);
  g_autoptr (Ws) receiver = ws_open (f, "demo", brief);
  g_autoptr (JsonObject) turn = NULL;

  f->context->limits.sweep_ms = 1000000;
  f->context->turn = pb_server_turn_new (urls,
      "relay-canary-relay-canary-relay-canary", PB_TURN_TTL_S);
  /* what they get are the last ones, until the end of the session */
  ws_register (sender, SENDER, "cam-wide", "send");
  ws_register (receiver, RECEIVER, "cam-wide", "receive");
  pass_time (f, 200);
  sweep (f);
  ws_expect_none (f, sender, "turn");
  extend (f, admin, 3600);
  turn = ws_expect (sender, "turn");
  g_assert_cmpint (json_object_get_int_member (turn, "ttl"), ==, PB_TURN_TTL_S);
  /* whose time is as it was needs none */
  ws_expect_none (f, receiver, "turn");
  /* and from now on in time, again and again */
  pass_time (f, (gint64) (PB_TURN_RENEW * PB_TURN_TTL_S) + 1);
  sweep (f);
  g_clear_pointer (&turn, json_object_unref);
  turn = ws_expect (sender, "turn");
}

static void
test_it_is_never_shortened (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *foreign = create_session (f, "{\"name\":\"other\"}");
  g_autofree char *peer = mint (f, "demo", admin, NULL, NULL, 0);
  gint64 end = expires_of (f, admin);
  static const char *const bad[] = { NULL, "", "{}", "[]", "{\"ttl\":null}",
    "{\"ttl\":\"3600\"}", "{\"ttl\":9}", "{\"ttl\":86401}", "{\"ttl\":-1}",
    "{\"ttl\":3600.5}", "{\"ttl\":3600,\"x\":1}",
    "{\"ttl\":3600,\"ttl\":7200}" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (f, "PATCH", SESSION, admin, bad[i], 400, "INVALID_MESSAGE");
  assert_refused (f, "PATCH", SESSION, admin, "{\"ttl\":60}", 409,
      "WRONG_STATE");
  assert_refused (f, "PATCH", SESSION, peer, "{\"ttl\":3600}", 403,
      "PERMISSION_DENIED");
  assert_refused (f, "PATCH", SESSION, foreign, "{\"ttl\":3600}", 404,
      "NOT_FOUND");
  assert_refused (f, "PATCH", SESSION, NULL, "{\"ttl\":3600}", 401,
      "TOKEN_MISSING");
  f->context->limits.ttl_max_s = 3600;
  assert_refused (f, "PATCH", SESSION, admin, "{\"ttl\":3601}", 400,
      "INVALID_MESSAGE");
  g_assert_cmpint (expires_of (f, admin), ==, end);
  extend (f, admin, 3600);

  pass_time (f, 3601);
  assert_refused (f, "PATCH", SESSION, admin, "{\"ttl\":3600}", 401,
      "TOKEN_EXPIRED");
}

static void
test_it_is_written_down (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  gint64 before = expires_of (f, admin);
  g_autofree char *line = NULL;
  g_autofree char *log = NULL;

  extend (f, admin, 7200);
  line = g_strdup_printf ("\"old\":\"%" G_GINT64_FORMAT
                          "\",\"new\":\"%" G_GINT64_FORMAT "\"",
      before, expires_of (f, admin));
  log = read_log (f);
  g_assert_nonnull (strstr (log, "session_extended"));
  g_assert_nonnull (strstr (log, line));
}

/* --- slots --------------------------------------------------------------- */

static JsonObject *
add (Fixture *f, const char *token, const char *stream)
{
  g_autofree char *body = g_strdup_printf ("{\"stream\":\"%s\"}", stream);
  guint status;
  JsonObject *slot = http (f, "POST", SESSION "/stream", token, body, &status);

  g_assert_cmpuint (status, ==, 201);

  return slot;
}

static void
test_a_slot_is_added_while_it_runs (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *early = mint (f, "demo", admin, NULL, "observe", 0);
  g_autofree char *scoped = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *token = NULL;
  g_autoptr (Ws) observer = ws_open (f, "demo", early);
  g_autoptr (Ws) sender = NULL;
  g_autoptr (Ws) other = NULL;
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) snapshot = NULL;
  g_autoptr (JsonObject) slot = NULL;
  g_autoptr (JsonObject) connect = NULL;
  g_autoptr (JsonObject) session = NULL;
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;
  g_autofree char *log = NULL;
  guint status;

  ws_register (observer, OBSERVER, NULL, "observe");
  first = ws_expect (observer, "session");
  slot = add (f, admin, "cam-3");
  g_assert_cmpstr (text_of (slot, "stream"), ==, "cam-3");
  g_assert_cmpstr (text_of (slot, "state"), ==, "WAITING");
  g_assert_cmpstr (text_of (slot, "tally"), ==, "off");
  g_assert_true (json_object_get_null_member (slot, "sender"));
  g_assert_cmpint (json_object_get_int_member (slot, "port"), >, 0);
  g_assert_false (json_object_has_member (slot, "passphrase"));

  /* who is there for all of it sees it at once, nobody else */
  snapshot = ws_expect (observer, "session");
  g_assert_nonnull (slot_of (snapshot, "cam-3"));
  session = http (f, "GET", SESSION, scoped, NULL, &status);
  g_assert_null (slot_of (session, "cam-3"));

  /* it is a slot like another, with secrets of its own */
  token = mint (f, "demo", admin, "cam-3", "send", 0);
  sender = ws_open (f, "demo", token);
  ws_send (sender, "{\"type\":\"register\",\"direction\":\"send\"}");
  one = ws_expect (sender, "registered");
  g_assert_cmpstr (text_of (one, "stream"), ==, "cam-3");
  g_assert_cmpint (json_object_get_int_member (one, "port"), ==,
      json_object_get_int_member (slot, "port"));
  other = ws_open (f, "demo", scoped);
  ws_send (other, "{\"type\":\"register\",\"direction\":\"send\"}");
  two = ws_expect (other, "registered");
  g_assert_cmpstr (text_of (one, "passphrase"), !=,
      text_of (two, "passphrase"));
  g_assert_cmpuint (strlen (text_of (one, "passphrase")), ==,
      PB_PASSPHRASE_LENGTH);
  g_assert_cmpint (json_object_get_int_member (two, "port"), !=,
      json_object_get_int_member (one, "port"));
  connect =
      http (f, "GET", SESSION "/connect?stream=cam-3", admin, NULL, &status);
  g_assert_cmpuint (status, ==, 200);
  log = read_log (f);
  g_assert_nonnull (strstr (log, "stream_added"));
  g_assert_nonnull (strstr (log, "demo/cam-3"));
}

static guint
count_slots (Fixture *f, const char *admin)
{
  guint status;
  g_autoptr (JsonObject) session =
      http (f, "GET", SESSION, admin, NULL, &status);

  return json_array_get_length (
      json_object_get_array_member (session, "streams"));
}

static void
test_a_slot_that_cannot_be_added (Fixture *f, gconstpointer unused)
{
  const char *path = SESSION "/stream";
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *foreign = create_session (f, "{\"name\":\"other\"}");
  g_autofree char *peer = mint (f, "demo", admin, NULL, NULL, 0);
  static const char *const bad[] = { NULL, "{}", "{\"stream\":null}",
    "{\"stream\":\"\"}", "{\"stream\":\"a b\"}", "{\"stream\":1}",
    "{\"stream\":[\"a\"]}", "{\"stream\":\"a\",\"port\":20000}" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (f, "POST", path, admin, bad[i], 400, "INVALID_MESSAGE");
  assert_refused (f, "POST", path, admin, "{\"stream\":\"cam-wide\"}", 409,
      "STREAM_EXISTS");
  assert_refused (f, "POST", path, peer, "{\"stream\":\"x\"}", 403,
      "PERMISSION_DENIED");
  assert_refused (f, "POST", path, foreign, "{\"stream\":\"x\"}", 404,
      "NOT_FOUND");
  assert_refused (f, "POST", path, NULL, "{\"stream\":\"x\"}", 401,
      "TOKEN_MISSING");
  g_assert_cmpuint (count_slots (f, admin), ==, 2);

  for (guint i = 2; i < PB_STREAMS_DEFAULT_MAX; i++) {
    g_autofree char *name = g_strdup_printf ("cam-%u", i);
    g_autoptr (JsonObject) slot = add (f, admin, name);
  }
  assert_refused (f, "POST", path, admin, "{\"stream\":\"x\"}", 429,
      "SESSION_FULL");
  g_assert_cmpuint (count_slots (f, admin), ==, PB_STREAMS_DEFAULT_MAX);
}

static void
test_ports_are_not_lost_to_slots_that_are_refused (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = NULL;
  g_autofree char *again = NULL;
  g_autoptr (JsonObject) slot = NULL;
  guint status;

  f->context->limits.port_first = 20000;
  f->context->limits.port_last = 20002;
  admin = create_session (f, NULL);
  for (guint i = 0; i < 5; i++)
    assert_refused (f, "POST", SESSION "/stream", admin,
        "{\"stream\":\"cam-wide\"}", 409, "STREAM_EXISTS");
  slot = add (f, admin, "cam-3");
  assert_refused (f, "POST", SESSION "/stream", admin, "{\"stream\":\"x\"}",
      429, "SESSION_FULL");
  g_assert_cmpuint (count_slots (f, admin), ==, 3);
  g_assert_null (http (f, "DELETE", SESSION, admin, NULL, &status));
  again =
      create_session (f, "{\"name\":\"demo\",\"streams\":[\"a\",\"b\",\"c\"]}");
}

/* --- who may begin one --------------------------------------------------- */

static void
let_create (Fixture *f, const char *who)
{
  g_autofree char *name = g_build_filename (f->directory, "conf", NULL);
  g_autofree char *secret = g_build_filename (f->directory, "secret", NULL);
  g_autofree char *text = g_strdup_printf ("[sessions]\ncreate = %s\n", who);
  PbServerOptions options = { .listen = (char *) "127.0.0.1:0",
    .no_stun = TRUE,
    .config = name,
    .secret_file = secret,
    .audit_log = f->log };
  g_autoptr (GError) error = NULL;
  PbServerConfig *config;

  g_assert_true (g_file_set_contents_full (name, text, -1,
      G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  config = pb_server_config_load (&options, &error);
  g_assert_no_error (error);
  g_assert_true (pb_server_reload (f->server, config, &error));
  g_assert_no_error (error);
  g_unlink (name);
}

/* As a proxy on this machine would pass it on; (transfer full): the answer */
static JsonObject *
from_afar (Fixture *f, const char *method, const char *path, const char *token,
    const char *body, guint *status)
{
  g_autoptr (SoupMessage) msg = new_message (f, method, path, token, body);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (JsonNode) node = NULL;

  soup_message_headers_replace (soup_message_get_request_headers (msg),
      "X-Forwarded-For", "203.0.113.7");
  bytes = http_raw (f, msg);
  *status = soup_message_get_status (msg);
  node = json_from_string (g_bytes_get_data (bytes, NULL), NULL);
  g_assert_nonnull (node);

  return json_object_ref (json_node_get_object (node));
}

static void
assert_create (Fixture *f, gboolean is_afar, gboolean expected)
{
  guint status;
  g_autoptr (JsonObject) health =
      is_afar ? from_afar (f, "GET", "/api/health", NULL, NULL, &status)
              : http (f, "GET", "/api/health", NULL, NULL, &status);

  g_assert_cmpuint (status, ==, 200);
  g_assert_true (json_object_get_boolean_member (health, "create") == expected);
}

static void
test_only_this_machine_creates (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = NULL;
  g_autofree char *peer = NULL;
  g_autoptr (JsonObject) refused = NULL;
  g_autoptr (JsonObject) denied = NULL;
  g_autoptr (JsonObject) made = NULL;
  g_autoptr (JsonObject) open = NULL;
  JsonObject *inner;
  guint status;

  assert_create (f, TRUE, TRUE);
  let_create (f, "local");
  assert_create (f, FALSE, TRUE);
  assert_create (f, TRUE, FALSE);
  admin = create_session (f, NULL);
  peer = mint (f, "demo", admin, NULL, NULL, 0);

  refused = from_afar (f, "POST", "/api/session", NULL, "{\"name\":\"afar\"}",
      &status);
  g_assert_cmpuint (status, ==, 403);
  inner = json_object_get_object_member (refused, "error");
  g_assert_cmpstr (text_of (inner, "reason"), ==, "PERMISSION_DENIED");
  g_assert_nonnull (strstr (text_of (inner, "message"), "own machine"));
  denied = from_afar (f, "POST", "/api/session", peer, "{\"name\":\"afar\"}",
      &status);
  g_assert_cmpuint (status, ==, 403);
  g_assert_cmpuint (count_sessions (f), ==, 1);

  made = from_afar (f, "POST", "/api/session", admin, "{\"name\":\"afar\"}",
      &status);
  g_assert_cmpuint (status, ==, 201);
  let_create (f, "anyone");
  open = from_afar (f, "POST", "/api/session", NULL, "{\"name\":\"open\"}",
      &status);
  g_assert_cmpuint (status, ==, 201);
}

#define TEST(name, function)                                                   \
  g_test_add ("/server/extend/" name, Fixture, NULL, fixture_set_up, function, \
      fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("it-lives-on-and-its-tokens-with-it",
      test_it_lives_on_and_its_tokens_with_it);
  TEST ("an-extension-revives-nobody", test_an_extension_revives_nobody);
  TEST ("once-closed-nothing-of-it-is-honoured",
      test_once_closed_nothing_of_it_is_honoured);
  TEST ("who-is-there-stays", test_who_is_there_stays);
  TEST ("who-registers-learns-its-own-end",
      test_who_registers_learns_its_own_end);
  TEST ("who-sends-hears-of-it-once", test_who_sends_hears_of_it_once);
  TEST ("who-is-lost-comes-back", test_who_is_lost_comes_back);
  TEST ("the-relay-is-told-again", test_the_relay_is_told_again);
  TEST ("it-is-never-shortened", test_it_is_never_shortened);
  TEST ("it-is-written-down", test_it_is_written_down);
  TEST ("a-slot-is-added-while-it-runs", test_a_slot_is_added_while_it_runs);
  TEST ("a-slot-that-cannot-be-added", test_a_slot_that_cannot_be_added);
  TEST ("ports-are-not-lost-to-slots-that-are-refused",
      test_ports_are_not_lost_to_slots_that_are_refused);
  TEST ("only-this-machine-creates", test_only_this_machine_creates);

  return g_test_run ();
}
