/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-json.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "logic-fixture.h"

/* Every route: what it gives, and what it says to those it refuses. */

static void
test_health (Fixture *f, gconstpointer unused)
{
  g_autoptr (SoupMessage) msg =
      new_message (f, "GET", "/api/health?x=1", NULL, NULL);
  g_autoptr (SoupMessage) head =
      new_message (f, "HEAD", "/api/health", NULL, NULL);
  g_autoptr (GBytes) body = http_raw (f, msg);
  g_autoptr (GBytes) nothing = http_raw (f, head);
  SoupMessageHeaders *headers = soup_message_get_response_headers (msg);

  g_assert_cmpuint (soup_message_get_status (msg), ==, 200);
  g_assert_cmpstr (soup_message_headers_get_one (headers, "Punch-Version"),
      ==, "1.0");
  g_assert_cmpstr (soup_message_headers_get_one (headers, "Cache-Control"),
      ==, "no-store");
  g_assert_cmpuint (soup_message_get_status (head), ==, 200);
  g_assert_cmpuint (g_bytes_get_size (nothing), ==, 0);
}

static void
test_create_gives_the_admin_token_once (Fixture *f, gconstpointer unused)
{
  guint status;
  g_autoptr (JsonObject) made = http (f, "POST", "/api/session", NULL,
      "{\"name\":\"nab-floor\",\"streams\":[\"a\",\"b\"],\"latency\":120,"
      "\"ttl\":60,\"cipher\":\"aes-128\"}", &status);
  g_autoptr (JsonObject) seen = NULL;
  g_autofree char *token = NULL;

  g_assert_cmpuint (status, ==, 201);
  g_assert_cmpstr (text_of (made, "session"), ==, "nab-floor");
  g_assert_cmpstr (text_of (made, "state"), ==, "WAITING");
  g_assert_cmpstr (text_of (made, "cipher"), ==, "aes-128");
  g_assert_cmpint (json_object_get_int_member (made, "latency"), ==, 120);
  g_assert_cmpint (json_object_get_int_member (made, "ttl"), ==, 60);
  g_assert_true (g_str_has_suffix (text_of (made, "url"), "/s/nab-floor"));
  g_assert_true (g_str_has_suffix (text_of (made, "qr"), "/s/nab-floor/qr"));
  token = g_strdup (text_of (made, "token"));
  g_assert_true (g_str_has_prefix (token, "p_"));

  seen = http (f, "GET", "/api/session/nab-floor", token, NULL, &status);
  g_assert_cmpuint (status, ==, 200);
  g_assert_false (json_object_has_member (seen, "token"));
  g_assert_cmpuint (json_array_get_length (
      json_object_get_array_member (seen, "streams")), ==, 2);
}

static void
test_create_refuses_what_is_wrong (Fixture *f, gconstpointer unused)
{
  static const char *const bodies[] = {
    "", "{}", "[]", "null", "1", "\"demo\"", "{", "{\"name\":\"demo\"",
    "{\"name\":1}", "{\"name\":null}", "{\"name\":\"\"}",
    "{\"name\":\"-demo\"}", "{\"name\":\"de mo\"}", "{\"name\":\"d/e\"}",
    "{\"name\":\"demo\\u0000\"}", "{\"name\":\"\xc3\x28\"}",
    "{\"name\":\"demo\"}{}", "{\"name\":\"demo\",\"name\":\"other\"}",
    "{\"name\":\"demo\",\"Name\":\"x\"}", "{\"name\":\"demo\",\"x\":1}",
    "{\"name\":\"demo\",\"streams\":[]}",
    "{\"name\":\"demo\",\"streams\":\"a\"}",
    "{\"name\":\"demo\",\"streams\":[\"a\",\"a\"]}",
    "{\"name\":\"demo\",\"streams\":[1]}",
    "{\"name\":\"demo\",\"streams\":[\"a b\"]}",
    "{\"name\":\"demo\",\"latency\":19}",
    "{\"name\":\"demo\",\"latency\":8001}",
    "{\"name\":\"demo\",\"latency\":\"200\"}",
    "{\"name\":\"demo\",\"latency\":200.5}",
    "{\"name\":\"demo\",\"ttl\":9}", "{\"name\":\"demo\",\"ttl\":86401}",
    "{\"name\":\"demo\",\"ttl\":-1}",
    "{\"name\":\"demo\",\"ttl\":99999999999999999999}",
    "{\"name\":\"demo\",\"cipher\":\"aes-512\"}",
    "\xef\xbb\xbf{\"name\":\"demo\"}",
    "{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
  };
  g_autofree char *deep = g_strnfill (100000, '[');
  g_autofree char *big = g_strnfill (PB_HTTP_BODY_MAX, 'a');
  g_autofree char *huge = g_strconcat ("{\"name\":\"", big, "\"}", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    assert_refused (f, "POST", "/api/session", NULL, bodies[i], 400,
        "INVALID_MESSAGE");
  deep[60000] = '\0';
  assert_refused (f, "POST", "/api/session", NULL, deep, 400,
      "INVALID_MESSAGE");
  assert_refused (f, "POST", "/api/session", NULL, huge, 413, "TOO_LARGE");
  g_assert_cmpuint (count_sessions (f), ==, 0);
}

static void
test_create_wants_json_and_nobody_else_s_page (Fixture *f,
    gconstpointer unused)
{
  const char *body = "{\"name\":\"demo\"}";
  g_autoptr (SoupMessage) form =
      new_message (f, "POST", "/api/session", NULL, body);
  g_autoptr (SoupMessage) foreign =
      new_message (f, "POST", "/api/session", NULL, body);
  g_autoptr (GBytes) a = NULL;
  g_autoptr (GBytes) b = NULL;

  soup_message_headers_replace (soup_message_get_request_headers (form),
      "Content-Type", "text/plain");
  a = http_raw (f, form);
  g_assert_cmpuint (soup_message_get_status (form), ==, 400);
  soup_message_headers_replace (soup_message_get_request_headers (foreign),
      "Origin", "https://evil.example");
  b = http_raw (f, foreign);
  g_assert_cmpuint (soup_message_get_status (foreign), ==, 403);
  g_assert_cmpuint (count_sessions (f), ==, 0);
}

static void
test_create_twice_is_refused (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);

  assert_refused (f, "POST", "/api/session", NULL, "{\"name\":\"demo\"}", 409,
      "SESSION_EXISTS");
  g_assert_cmpuint (count_sessions (f), ==, 1);
}

static void
test_create_with_a_token (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  guint status;
  g_autoptr (JsonObject) made = NULL;

  assert_refused (f, "POST", "/api/session", peer, "{\"name\":\"two\"}", 403,
      "PERMISSION_DENIED");
  assert_refused (f, "POST", "/api/session", "p_x.y", "{\"name\":\"two\"}",
      401, "TOKEN_INVALID");
  made = http (f, "POST", "/api/session", admin, "{\"name\":\"two\"}",
      &status);
  g_assert_cmpuint (status, ==, 201);
}

static void
test_limits_are_told (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = NULL;
  g_autofree char *path = g_strdup ("/api/session/demo/token");
  guint status;
  g_autoptr (JsonObject) one = NULL;

  f->context->limits.sessions_max = 1;
  f->context->limits.tokens_max = 2;
  admin = create_session (f, NULL);
  assert_refused (f, "POST", "/api/session", NULL, "{\"name\":\"two\"}", 429,
      "SESSION_FULL");
  one = http (f, "POST", path, admin, "{\"role\":\"peer\"}", &status);
  g_assert_cmpuint (status, ==, 201);
  assert_refused (f, "POST", path, admin, "{\"role\":\"peer\"}", 429,
      "SESSION_FULL");
}

static void
test_ports_are_unique_and_come_back (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = NULL;
  g_autofree char *again = NULL;
  guint status;

  f->context->limits.port_first = 20000;
  f->context->limits.port_last = 20001;
  admin = create_session (f, NULL);
  assert_refused (f, "POST", "/api/session", NULL, "{\"name\":\"two\"}", 429,
      "SESSION_FULL");
  g_assert_null (http (f, "DELETE", "/api/session/demo", admin, NULL,
      &status));
  g_assert_cmpuint (status, ==, 204);
  again = create_session (f, NULL);
}

/* clang-format off */
static const struct {
  const char *method, *path, *body;
  gboolean admin_only;
} guarded[] = {
  { "GET", "/api/session/demo", NULL, FALSE },
  { "DELETE", "/api/session/demo", NULL, TRUE },
  { "PATCH", "/api/session/demo", "{\"ttl\":3600}", TRUE },
  { "POST", "/api/session/demo/stream", "{\"stream\":\"x\"}", TRUE },
  { "POST", "/api/session/demo/token", "{\"role\":\"peer\"}", TRUE },
  { "GET", "/api/session/demo/token", NULL, TRUE },
  { "DELETE", "/api/session/demo/token/aaaaaaaaaaaaaaaa", NULL, TRUE },
  { "GET", "/api/session/demo/connect", NULL, TRUE },
  { "GET", "/s/demo/qr", NULL, TRUE },
  { "GET", "/api/ws/demo", NULL, FALSE },
};
/* clang-format on */

static void
test_every_guarded_route_asks_for_a_token (Fixture *f, gconstpointer unused)
{
  gint64 now = pb_server_context_unix (f->context);
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *other = create_session (f, "{\"name\":\"other\"}");
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *wide = mint (f, "demo", admin, NULL, "receive", 0);
  g_autofree char *expired = forge (f, "demo", PB_ROLE_ADMIN, NULL, now);
  g_autofree char *unknown =
      forge (f, "nothing", PB_ROLE_ADMIN, NULL, now + 100);
  g_autofree char *forged = g_strdup (admin);
  g_autofree char *widened = g_strconcat (admin, "=", NULL);
  g_autofree char *basic = g_strconcat ("x", admin, NULL);

  forged[10] ^= 1;
  for (guint i = 0; i < G_N_ELEMENTS (guarded); i++) {
    const char *method = guarded[i].method;
    const char *path = guarded[i].path;
    const char *body = guarded[i].body;

    assert_refused (f, method, path, NULL, body, 401, "TOKEN_MISSING");
    assert_refused (f, method, path, forged, body, 401, "TOKEN_INVALID");
    assert_refused (f, method, path, widened, body, 401, "TOKEN_INVALID");
    assert_refused (f, method, path, basic, body, 401, "TOKEN_INVALID");
    assert_refused (f, method, path, expired, body, 401, "TOKEN_EXPIRED");
    /* a session there is, one there is not: nobody can tell */
    assert_refused (f, method, path, other, body, 404, "NOT_FOUND");
    assert_refused (f, method, path, unknown, body, 404, "NOT_FOUND");
    if (guarded[i].admin_only) {
      assert_refused (f, method, path, peer, body, 403, "PERMISSION_DENIED");
      assert_refused (f, method, path, wide, body, 403, "PERMISSION_DENIED");
    }
  }
  g_assert_cmpuint (count_sessions (f), ==, 2);
}

static void
test_a_token_is_shown_in_one_place (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *query = g_strconcat ("/api/session/demo?t=", admin, NULL);
  guint status;
  g_autoptr (JsonObject) seen =
      http (f, "GET", query, NULL, NULL, &status);

  g_assert_cmpuint (status, ==, 200);
  assert_refused (f, "GET", query, admin, NULL, 400, "INVALID_MESSAGE");
}

/* As a browser does it: no Authorization header, an Origin. */
static guint
upgrade_from (Fixture *f, const char *origin, const char *protocol,
    const char *query)
{
  g_autofree char *path = g_strconcat ("/api/ws/demo", query, NULL);
  g_autoptr (SoupMessage) msg = new_message (f, "GET", path, NULL, NULL);
  SoupMessageHeaders *headers = soup_message_get_request_headers (msg);
  g_autoptr (GBytes) body = NULL;

  if (origin != NULL)
    soup_message_headers_replace (headers, "Origin", origin);
  if (protocol != NULL)
    soup_message_headers_replace (headers, "Sec-WebSocket-Protocol", protocol);
  body = http_raw (f, msg);

  return soup_message_get_status (msg);
}

static void
test_a_browser_must_come_from_our_own_page (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *protocol = g_strconcat ("patchbay.v1, ", admin, NULL);
  g_autofree char *twice = g_strconcat (protocol, ", ", admin, NULL);
  g_autofree char *query = g_strconcat ("?t=", admin, NULL);
  const char *own = pb_server_get_address (f->server);
  g_autofree char *local =
      g_strconcat ("http://localhost", strrchr (own, ':'), NULL);

  /* 400: it is let through to the handshake, which this is not */
  g_assert_cmpuint (upgrade_from (f, own, protocol, ""), ==, 400);
  g_assert_cmpuint (upgrade_from (f, local, protocol, ""), ==, 400);
  g_assert_cmpuint (upgrade_from (f, NULL, protocol, ""), ==, 400);
  g_assert_cmpuint (upgrade_from (f, own, NULL, query), ==, 400);
  g_assert_cmpuint (upgrade_from (f, NULL, NULL, query), ==, 403);
  g_assert_cmpuint (upgrade_from (f, "https://evil.example", protocol, ""),
      ==, 403);
  g_assert_cmpuint (upgrade_from (f, "null", protocol, ""), ==, 403);
  g_assert_cmpuint (upgrade_from (f, own, "patchbay.v1", ""), ==, 401);
  g_assert_cmpuint (upgrade_from (f, own, protocol, query), ==, 400);
  /* two tokens in one header: refused before anybody chooses one of them, so
   * also before the Origin is */
  g_assert_cmpuint (upgrade_from (f, "null", twice, ""), ==, 400);
}

static void
test_unknown_routes_methods_and_parameters (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);

  assert_refused (f, "GET", "/nothing", NULL, NULL, 404, "NOT_FOUND");
  assert_refused (f, "GET", "/api/session/demo/", admin, NULL, 404,
      "NOT_FOUND");
  assert_refused (f, "GET", "/api/session/de%2Fmo", admin, NULL, 404,
      "NOT_FOUND");
  assert_refused (f, "GET", "/api/session/..", admin, NULL, 404, "NOT_FOUND");
  assert_refused (f, "GET", "/api/session/-demo", admin, NULL, 404,
      "NOT_FOUND");
  assert_refused (f, "PUT", "/api/session/demo", admin, NULL, 405,
      "METHOD_NOT_ALLOWED");
  assert_refused (f, "GET", "/api/session", admin, NULL, 405,
      "METHOD_NOT_ALLOWED");
  assert_refused (f, "OPTIONS", "/api/session", NULL, NULL, 405,
      "METHOD_NOT_ALLOWED");
  assert_refused (f, "GET", "/api/session/demo?x=1", admin, NULL, 400,
      "INVALID_MESSAGE");
  assert_refused (f, "GET",
      "/api/session/demo/connect?stream=cam-wide&stream=cam-close", admin,
      NULL, 400, "INVALID_MESSAGE");
  assert_refused (f, "GET", "/api/session/demo/connect?stream=a%20b", admin,
      NULL, 400, "INVALID_MESSAGE");
  assert_refused (f, "GET", "/api/session/demo/connect?stream=cam-none",
      admin, NULL, 404, "NOT_FOUND");
}

static void
test_mint_never_widens (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f,
      "{\"name\":\"demo\",\"streams\":[\"cam-wide\"],\"ttl\":100}");
  static const char *const bodies[] = {
    "{}", "{\"role\":\"admin\"}", "{\"role\":\"peer\",\"stream\":1}",
    "{\"role\":\"peer\",\"stream\":\"a b\"}",
    "{\"role\":\"peer\",\"direction\":\"both\"}",
    "{\"role\":\"peer\",\"direction\":\"send\"}",
    "{\"role\":\"peer\",\"stream\":null,\"direction\":\"send\"}",
    "{\"role\":\"peer\",\"ttl\":0}", "{\"role\":\"peer\",\"ttl\":1e3}",
    "{\"role\":\"peer\",\"perm\":[\"send\"]}",
    "{\"role\":\"peer\",\"session\":\"other\"}",
  };
  guint status;
  g_autoptr (JsonObject) made = NULL;
  g_autoptr (PbToken) token = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    assert_refused (f, "POST", "/api/session/demo/token", admin, bodies[i],
        400, "INVALID_MESSAGE");
  assert_refused (f, "POST", "/api/session/demo/token", admin,
      "{\"role\":\"peer\",\"stream\":\"cam-none\"}", 404, "NOT_FOUND");

  made = http (f, "POST", "/api/session/demo/token", admin,
      "{\"role\":\"peer\",\"stream\":\"cam-wide\",\"direction\":\"send\","
      "\"ttl\":86400}", &status);
  g_assert_cmpuint (status, ==, 201);
  token = pb_keyring_verify (f->context->keyring, text_of (made, "token"),
      pb_server_context_unix (f->context), NULL);
  g_assert_nonnull (token);
  g_assert_cmpint (pb_token_get_expires (token), <=,
      pb_server_context_unix (f->context) + 100);
  g_assert_cmpint (pb_token_get_role (token), ==, PB_ROLE_PEER);
  g_assert_cmpint (pb_token_get_directions (token), ==, PB_DIRECTION_SEND);
  g_assert_cmpstr (pb_token_get_stream (token), ==, "cam-wide");
  g_assert_cmpstr (pb_token_get_id (token), ==, text_of (made, "id"));
  g_assert_nonnull (strstr (text_of (made, "url"), "/s/demo#t=p_"));
}

static void
test_scope_of_reading (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  guint status;
  g_autoptr (JsonObject) seen =
      http (f, "GET", "/api/session/demo", peer, NULL, &status);

  g_assert_cmpuint (status, ==, 200);
  g_assert_nonnull (slot_of (seen, "cam-wide"));
  g_assert_null (slot_of (seen, "cam-close"));
}

static void
test_a_closed_session_takes_its_tokens_with_it (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *again = NULL;
  guint status;

  g_assert_null (http (f, "DELETE", "/api/session/demo", admin, NULL,
      &status));
  g_assert_cmpuint (status, ==, 204);
  g_assert_cmpuint (count_sessions (f), ==, 0);
  assert_refused (f, "GET", "/api/session/demo", peer, NULL, 401,
      "TOKEN_INVALID");

  /* a session of the same name is another session */
  again = create_session (f, NULL);
  assert_refused (f, "GET", "/api/session/demo", admin, NULL, 401,
      "TOKEN_INVALID");
  assert_refused (f, "DELETE", "/api/session/demo", admin, NULL, 401,
      "TOKEN_INVALID");
  g_assert_cmpuint (count_sessions (f), ==, 1);
}

static void
test_connect_tells_admins (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  guint status;
  g_autoptr (JsonObject) told = http (f, "GET",
      "/api/session/demo/connect?stream=cam-wide", admin, NULL, &status);
  JsonObject *slot;
  JsonObject *end;
  JsonArray *strings;

  g_assert_cmpuint (status, ==, 200);
  slot = slot_of (told, "cam-wide");
  g_assert_null (slot_of (told, "cam-close"));
  g_assert_cmpuint (strlen (text_of (slot, "passphrase")), ==, 32);
  g_assert_cmpint (json_object_get_int_member (slot, "pbkeylen"), ==, 32);
  end = json_object_get_object_member (slot, "send");
  g_assert_false (json_object_get_boolean_member (end, "ready"));
  g_assert_nonnull (text_of (end, "note"));
  strings = json_object_get_array_member (end, "strings");
  g_assert_cmpuint (json_array_get_length (strings), >=, 6);
  g_assert_nonnull (strstr (text_of (
      json_array_get_object_element (strings, 0), "string"), "ADDRESS"));
}

static void
test_qr_refuses_what_is_wrong (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  static const char *const queries[] = { "format=gif", "format=", "ttl=0",
    "ttl=x", "ttl=1.5", "ttl=-1", "direction=both", "stream=a%20b",
    "direction=send", "size=100000", "format=svg&format=png" };
  g_autoptr (SoupMessage) msg = NULL;
  g_autoptr (GBytes) picture = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (queries); i++) {
    g_autofree char *path = g_strconcat ("/s/demo/qr?", queries[i], NULL);

    assert_refused (f, "GET", path, admin, NULL, 400, "INVALID_MESSAGE");
  }
  msg = new_message (f, "GET", "/s/demo/qr?format=png&stream=cam-wide", admin,
      NULL);
  picture = http_raw (f, msg);
  g_assert_cmpuint (soup_message_get_status (msg), ==, 200);
  g_assert_cmpmem (g_bytes_get_data (picture, NULL), 4, "\x89PNG", 4);
}

static void
test_pages_hold_nothing (Fixture *f, gconstpointer unused)
{
  static const char *const paths[] = { "/", "/s/demo", "/s/other",
    "/web/session.js", "/web/pb-session.js", "/web/style.css" };
  static const char *const absent[] = { "/web/home.html", "/web/session.html",
    "/web/other.js", "/web/session", "/web/pb-session.js/" };
  g_autofree char *admin = create_session (f, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (SoupMessage) msg =
        new_message (f, "GET", paths[i], NULL, NULL);
    g_autoptr (GBytes) body = http_raw (f, msg);

    g_assert_cmpuint (soup_message_get_status (msg), ==, 200);
    g_assert_null (g_strstr_len (g_bytes_get_data (body, NULL),
        (gssize) g_bytes_get_size (body), "cam-wide"));
  }
  for (guint i = 0; i < G_N_ELEMENTS (absent); i++)
    assert_refused (f, "GET", absent[i], NULL, NULL, 404, "NOT_FOUND");
}

static void
test_metrics_count (Fixture *f, gconstpointer unused)
{
  /* a proxy that was not told about, too */
  static const char *const traces[][2] = {
    { "X-Forwarded-For", "203.0.113.9" },
    { "X-Forwarded-For", "127.0.0.1" },
    { "Forwarded", "for=203.0.113.9" },
    { "X-Real-IP", "203.0.113.9" },
    { "X-Forwarded-Host", "patchbay.example.org" },
    { "Via", "1.1 proxy" },
  };
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (SoupMessage) msg = new_message (f, "GET", "/metrics", NULL, NULL);
  g_autoptr (GBytes) body = http_raw (f, msg);
  g_autofree char *text = g_strndup (g_bytes_get_data (body, NULL),
      g_bytes_get_size (body));

  g_assert_nonnull (strstr (text, "\npatchbay_sessions 1\n"));
  g_assert_nonnull (strstr (text, "\npatchbay_slots{state=\"WAITING\"} 2\n"));
  g_assert_null (strstr (text, "demo"));

  for (guint i = 0; i < G_N_ELEMENTS (traces); i++) {
    g_autoptr (SoupMessage) proxied =
        new_message (f, "GET", "/metrics", NULL, NULL);
    g_autoptr (GBytes) refused = NULL;

    soup_message_headers_replace (soup_message_get_request_headers (proxied),
        traces[i][0], traces[i][1]);
    refused = http_raw (f, proxied);
    g_assert_cmpuint (soup_message_get_status (proxied), ==, 403);
  }
}

static void
test_the_log_tells_and_hides (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *bad = g_strconcat ("/api/session/", peer, NULL);
  g_autoptr (Ws) ws = ws_open (f, "demo", peer);
  g_autofree char *log = NULL;
  g_auto (GStrv) lines = NULL;
  g_autofree char *passphrase = NULL;
  g_autoptr (JsonObject) registered = NULL;

  ws_send (ws, "{\"type\":\"register\",\"stream\":\"cam-wide\"}");
  registered = ws_expect (ws, "registered");
  passphrase = g_strdup (text_of (registered, "passphrase"));
  assert_refused (f, "GET", "/api/session/demo", "p_e30.x", NULL, 401,
      "TOKEN_INVALID");
  assert_refused (f, "GET", bad, NULL, NULL, 404, "NOT_FOUND");

  log = read_log (f);
  lines = g_strsplit (g_strstrip (log), "\n", -1);
  g_assert_nonnull (strstr (log, "session_created"));
  g_assert_nonnull (strstr (log, "peer_token_minted"));
  g_assert_nonnull (strstr (log, "peer_registered"));
  g_assert_nonnull (strstr (log, "auth_failed"));
  g_assert_null (strstr (log, admin));
  g_assert_null (strstr (log, peer));
  g_assert_null (strstr (log, strchr (peer, '.') + 1));
  g_assert_null (strstr (log, passphrase));
  g_assert_null (strstr (log, "canary-secret"));
  for (guint i = 0; lines[i] != NULL; i++) {
    g_autoptr (JsonNode) node = pb_json_parse (lines[i], -1, NULL);
    JsonObject *line;

    g_assert_nonnull (node);
    line = json_node_get_object (node);
    g_assert_cmpuint (json_object_get_size (line), ==, 8);
    if (g_str_equal (text_of (line, "event_type"), "auth_failed")) {
      g_assert_cmpstr (text_of (line, "source_ip"), ==, "127.0.0.1");
      g_assert_nonnull (text_of (line, "request_id"));
    } else {
      g_assert_null (text_of (line, "source_ip"));
      if (!g_str_has_prefix (text_of (line, "event_type"), "server_"))
        g_assert_null (strstr (lines[i], "127.0.0.1"));
    }
  }
}

#define TEST(name, function) \
  g_test_add ("/server/routes/" name, Fixture, NULL, fixture_set_up, \
      function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("health", test_health);
  TEST ("create-gives-the-admin-token-once",
      test_create_gives_the_admin_token_once);
  TEST ("create-refuses-what-is-wrong", test_create_refuses_what_is_wrong);
  TEST ("create-wants-json-and-nobody-else-s-page",
      test_create_wants_json_and_nobody_else_s_page);
  TEST ("create-twice-is-refused", test_create_twice_is_refused);
  TEST ("create-with-a-token", test_create_with_a_token);
  TEST ("limits-are-told", test_limits_are_told);
  TEST ("ports-are-unique-and-come-back", test_ports_are_unique_and_come_back);
  TEST ("every-guarded-route-asks-for-a-token",
      test_every_guarded_route_asks_for_a_token);
  TEST ("a-token-is-shown-in-one-place", test_a_token_is_shown_in_one_place);
  TEST ("a-browser-must-come-from-our-own-page",
      test_a_browser_must_come_from_our_own_page);
  TEST ("unknown-routes-methods-and-parameters",
      test_unknown_routes_methods_and_parameters);
  TEST ("mint-never-widens", test_mint_never_widens);
  TEST ("scope-of-reading", test_scope_of_reading);
  TEST ("a-closed-session-takes-its-tokens-with-it",
      test_a_closed_session_takes_its_tokens_with_it);
  TEST ("connect-tells-admins", test_connect_tells_admins);
  TEST ("qr-refuses-what-is-wrong", test_qr_refuses_what_is_wrong);
  TEST ("pages-hold-nothing", test_pages_hold_nothing);
  TEST ("metrics-count", test_metrics_count);
  TEST ("the-log-tells-and-hides", test_the_log_tells_and_hides);

  return g_test_run ();
}
