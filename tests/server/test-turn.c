/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <glib/gstdio.h>

#include "core/pb-error.h"
#include "core/pb-limits.h"
#include "logic-fixture.h"

/* Credentials for a relay: coturn's scheme, who gets them, and when again. That
 * a coturn takes them is tested in tests/network. */

#define SECRET "relay-canary-relay-canary-relay-canary"
#define SENDER "sender-0001"
#define RECEIVER "receiver-1"

static const char *const urls[] = {
  "turn:turn.example.org:3478?transport=udp",
  "turns:turn.example.org:5349?transport=tcp",
  NULL,
};

static void
pass_ms (Fixture *f, gint64 ms)
{
  f->context->wall_offset_us += ms * 1000;
  f->context->monotonic_offset_us += ms * 1000;
}

static void
add_relay (Fixture *f, guint ttl_s)
{
  /* the sweep of the test alone */
  f->context->limits.sweep_ms = 1000000;
  f->context->turn = pb_server_turn_new (urls, SECRET, ttl_s);
}

static void
test_the_vector (void)
{
  /* computed by hand with another implementation */
  g_autoptr (PbServerTurn) turn = pb_server_turn_new (urls, "s3cr3t", 600);
  g_autofree char *credential =
      pb_server_turn_sign (turn, "1767225600:cam1");

  g_assert_cmpstr (credential, ==, "O7SLX4lUFyQ2/Wloi4C+qnLktyw=");
}

static void
test_urls (void)
{
  static const char *const good[] = {
    "turn:turn.example.org", "turn:192.0.2.1:3478?transport=udp",
    "turn:[2001:db8::1]:3478?transport=tcp", "turn:127.0.0.1:1",
    "turns:turn.example.org:443?transport=tcp", "turns:turn.example.org",
  };
  static const char *const bad[] = {
    "", "turn", "turn:", "turn.example.org", "stun:turn.example.org",
    "https://turn.example.org", "turn://turn.example.org", "turn::3478",
    "turn:turn.example.org:", "turn:turn.example.org:0",
    "turn:turn.example.org:65536", "turn:turn.example.org:34a",
    "turn:turn.example.org?transport=sctp", "turn:turn.example.org?",
    "turn:turn.example.org?transport=udp&x", "turns:turn.example.org?transport=udp",
    "turn:user@turn.example.org", "turn:2001:db8::1", "turn:[192.0.2.1]",
    "turn:[2001:db8::1", "turn:0.0.0.0", "turn:[::]:3478", "turn:224.0.0.1",
    "turn:a b", "turn:a\"b", "turn:a>b", "turn:-a", "turn:\xc3\xa4.example",
  };
  g_autofree char *body = g_strnfill (PB_TURN_URL_MAX, 'a');
  g_autofree char *too_long = g_strconcat ("turn:", body, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    if (!pb_server_turn_check_url (good[i], &error))
      g_error ("%s: %s", good[i], error->message);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_test_message ("%s", bad[i]);
    g_assert_false (pb_server_turn_check_url (bad[i], &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    g_clear_error (&error);
  }
  g_assert_false (pb_server_turn_check_url (too_long, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

/* The credential is of its username, and that of this peer. */
static gint64
check_pass (JsonObject *turn, const char *id, gint64 now, gint64 ttl)
{
  g_autoptr (PbServerTurn) other = pb_server_turn_new (urls, SECRET, 1);
  const char *username = text_of (turn, "username");
  g_autofree char *expected = pb_server_turn_sign (other, username);
  char *rest;
  gint64 expires = g_ascii_strtoll (username, &rest, 10);

  g_assert_cmpstr (text_of (turn, "credential"), ==, expected);
  g_assert_cmpint (*rest, ==, ':');
  g_assert_cmpstr (rest + 1, ==, id);
  g_assert_cmpint (json_object_get_int_member (turn, "ttl"), <=, ttl);
  g_assert_cmpint (json_object_get_int_member (turn, "ttl"), >=, ttl - 5);
  g_assert_cmpint (expires, >=, now + ttl - 5);
  g_assert_cmpint (expires, <=, now + ttl + 5);

  return expires;
}

static JsonObject *
do_register (Ws *ws, const char *peer, const char *stream,
    const char *direction)
{
  ws_send (ws, "{\"type\":\"register\",\"peer\":\"%s\",\"stream\":\"%s\","
      "\"direction\":\"%s\"}", peer, stream, direction);

  return ws_expect (ws, "registered");
}

static void
test_ends_get_credentials_and_observers_none (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *send = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", send);
  g_autoptr (Ws) o = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) before = NULL;
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;
  g_autoptr (JsonObject) three = NULL;
  g_autoptr (JsonObject) seen = NULL;
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autofree char *session = NULL;
  g_autofree char *log = NULL;
  JsonObject *turn;
  guint status;

  before = do_register (a, SENDER, "cam-wide", "send");
  g_assert_false (json_object_has_member (before, "turn"));
  add_relay (f, 600);
  one = do_register (a, SENDER, "cam-wide", "send");
  turn = json_object_get_object_member (one, "turn");
  check_pass (turn, SENDER, pb_server_context_unix (f->context), 600);
  g_assert_cmpuint (json_array_get_length (
      json_object_get_array_member (turn, "urls")), ==, 2);
  g_assert_cmpstr (json_array_get_string_element (
      json_object_get_array_member (turn, "urls"), 1), ==, urls[1]);
  two = do_register (o, RECEIVER, "cam-wide", "receive");
  check_pass (json_object_get_object_member (two, "turn"), RECEIVER,
      pb_server_context_unix (f->context), 600);
  ws_send (o, "{\"type\":\"register\",\"peer\":\"observer-1\"}");
  three = ws_expect (o, "registered");
  g_assert_false (json_object_has_member (three, "turn"));

  /* none of it where others look */
  seen = http (f, "GET", "/api/session/demo", admin, NULL, &status);
  g_assert_cmpuint (status, ==, 200);
  session = json_to_string (json_node_init_object (node, seen), FALSE);
  g_assert_null (strstr (session, text_of (turn, "credential")));
  log = read_log (f);
  g_assert_null (strstr (log, text_of (turn, "credential")));
  g_assert_null (strstr (log, text_of (turn, "username")));
  g_assert_null (strstr (log, SECRET));
}

static void
test_they_are_told_again_in_time (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) o = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;
  g_autoptr (JsonObject) three = NULL;
  gint64 first;
  gint64 second;

  add_relay (f, 100);
  one = do_register (a, SENDER, "cam-wide", "send");
  first = check_pass (json_object_get_object_member (one, "turn"), SENDER,
      pb_server_context_unix (f->context), 100);
  /* a later registration of the same socket does not put it off */
  pass_ms (f, 60 * 1000);
  json_object_unref (do_register (a, RECEIVER, "cam-close", "receive"));
  ws_send (o, "{\"type\":\"register\",\"peer\":\"observer-1\"}");
  json_object_unref (ws_expect (o, "registered"));
  pass_ms (f, 19 * 1000);
  sweep (f);
  ws_expect_none (f, a, "turn");

  /* at 80 % of 100 s, and once for the whole socket */
  pass_ms (f, 2 * 1000);
  sweep (f);
  sweep (f);
  two = ws_expect (a, "turn");
  second = check_pass (two, strchr (text_of (two, "username"), ':') + 1,
      pb_server_context_unix (f->context), 100);
  g_assert_cmpint (second, >=, first + 80);
  ws_expect_none (f, a, "turn");
  ws_expect_none (f, o, "turn");
  pass_ms (f, 81 * 1000);
  sweep (f);
  three = ws_expect (a, "turn");
  g_assert_cmpstr (text_of (three, "username"), !=,
      text_of (two, "username"));

  /* who has left needs none */
  ws_send (a, "{\"type\":\"leave\",\"peer\":\"" SENDER "\"}");
  ws_send (a, "{\"type\":\"leave\",\"peer\":\"" RECEIVER "\"}");
  ws_expect_none (f, a, "turn");
  pass_ms (f, 81 * 1000);
  sweep (f);
  ws_expect_none (f, a, "turn");
}

static void
test_they_outlive_neither_token_nor_session (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f,
      "{\"name\":\"demo\",\"streams\":[\"cam-wide\"],\"ttl\":300}");
  g_autofree char *brief = mint (f, "demo", admin, "cam-wide", "send", 60);
  g_autoptr (Ws) a = ws_open (f, "demo", brief);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) one = NULL;
  g_autoptr (JsonObject) two = NULL;

  add_relay (f, 600);
  one = do_register (a, SENDER, "cam-wide", "send");
  check_pass (json_object_get_object_member (one, "turn"), SENDER,
      pb_server_context_unix (f->context), 60);
  two = do_register (b, RECEIVER, "cam-wide", "receive");
  check_pass (json_object_get_object_member (two, "turn"), RECEIVER,
      pb_server_context_unix (f->context), 300);
  /* and are not made again for what little is left */
  pass_ms (f, 55 * 1000);
  sweep (f);
  ws_expect_none (f, a, "turn");
}

static void
test_links_for_http (Fixture *f, gconstpointer unused)
{
  gint64 now = pb_server_context_unix (f->context);
  g_auto (GStrv) none = NULL;
  g_auto (GStrv) links = NULL;
  g_auto (GStrv) six = NULL;
  const char *username;

  none = pb_server_context_make_ice_links (f->context, "pb.example.org",
      SENDER, now + 3600);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  add_relay (f, 600);
  f->context->stun_port = 3478;
  links = pb_server_context_make_ice_links (f->context, "pb.example.org",
      SENDER, now + 3600);
  g_assert_cmpuint (g_strv_length (links), ==, 3);
  g_assert_cmpstr (links[0], ==,
      "<stun:pb.example.org:3478>; rel=\"ice-server\"");
  g_assert_true (g_str_has_prefix (links[2],
      "<turns:turn.example.org:5349?transport=tcp>; rel=\"ice-server\"; "
      "username=\""));
  g_assert_nonnull (strstr (links[2], "credential=\""));
  g_assert_true (g_str_has_suffix (links[2],
      "credential-type=\"password\""));
  username = strstr (links[1], "username=\"") + strlen ("username=\"");
  g_assert_cmpint (g_ascii_strtoll (username, NULL, 10), >=, now + 600);
  g_assert_nonnull (strstr (username, ":" SENDER "\""));
  six = pb_server_context_make_ice_links (f->context, "2001:db8::1", SENDER,
      now + 3600);
  g_assert_true (g_str_has_prefix (six[0], "<stun:[2001:db8::1]:3478>"));
}

static char *
write_file (Fixture *f, const char *name, const char *text)
{
  char *path = g_build_filename (f->directory, name, NULL);

  g_assert_true (g_file_set_contents_full (path, text, -1,
      G_FILE_SET_CONTENTS_NONE, 0600, NULL));

  return path;
}

static void
test_a_reload_tells_of_the_new_relay_at_once (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *secret = write_file (f, "turn-secret", SECRET "\n");
  g_autofree char *text = g_strdup_printf ("[turn]\n"
      "urls = turn:192.0.2.9:3478 turn:192.0.2.9:3478?transport=tcp\n"
      "secret-file = %s\nttl = 120\n", secret);
  g_autofree char *conf = write_file (f, "patchbayd.conf", text);
  PbServerOptions options = { .listen = (char *) "127.0.0.1:0",
    .no_stun = TRUE };
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) o = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) told = NULL;
  g_autoptr (GError) error = NULL;
  PbServerConfig *config;

  f->context->limits.sweep_ms = 1000000;
  json_object_unref (do_register (a, SENDER, "cam-wide", "send"));
  ws_send (o, "{\"type\":\"register\",\"peer\":\"observer-1\"}");
  json_object_unref (ws_expect (o, "registered"));
  options.audit_log = f->log;
  options.config = conf;
  config = pb_server_config_load (&options, &error);
  g_assert_no_error (error);
  g_assert_true (pb_server_reload (f->server, config, &error));
  told = ws_expect (a, "turn");
  check_pass (told, SENDER, pb_server_context_unix (f->context), 120);
  g_assert_cmpstr (json_array_get_string_element (
      json_object_get_array_member (told, "urls"), 0), ==,
      "turn:192.0.2.9:3478");
  ws_expect_none (f, o, "turn");
  g_unlink (conf);
  g_unlink (secret);
}

#define TEST(name, function) \
  g_test_add ("/server/turn/" name, Fixture, NULL, fixture_set_up, \
      function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/turn/the-vector", test_the_vector);
  g_test_add_func ("/server/turn/urls", test_urls);
  TEST ("ends-get-credentials-and-observers-none",
      test_ends_get_credentials_and_observers_none);
  TEST ("they-are-told-again-in-time", test_they_are_told_again_in_time);
  TEST ("they-outlive-neither-token-nor-session",
      test_they_outlive_neither_token_nor_session);
  TEST ("links-for-http", test_links_for_http);
  TEST ("a-reload-tells-of-the-new-relay-at-once",
      test_a_reload_tells_of_the_new_relay_at_once);

  return g_test_run ();
}
