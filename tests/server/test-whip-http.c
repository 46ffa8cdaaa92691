/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "whip-client.h"

/* The HTTP of WHIP and WHEP: every status, other sites' pages, what is not an
 * offer, limits, and many at once. test-whip-patch.c: what comes later. */

static gboolean
has_no_resource (gpointer data)
{
  return scene_count_resources (data) == 0;
}

static gboolean
lists (const char *list, const char *word)
{
  g_auto (GStrv) words = g_strsplit (list, ", ", -1);

  return g_strv_contains ((const char *const *) words, word);
}

/* --- other sites' pages -------------------------------------------------- */

static void
test_a_preflight_tells_what_is_taken (Fixture *f, gconstpointer unused)
{
  static const struct {
    const char *path, *methods, *post, *patch;
  } cases[] = {
    { WHIP_PATH, "POST, GET, HEAD, OPTIONS", WHIP_SDP, NULL },
    { WHEP_PATH, "POST, GET, HEAD, OPTIONS", WHIP_SDP, NULL },
    { WHIP_PATH "/abcdefghijklmnopqrstuvwx",
        "PATCH, DELETE, GET, HEAD, OPTIONS", NULL, WHIP_FRAGMENT },
    { WHEP_PATH "/abcdefghijklmnopqrstuvwx",
        "PATCH, DELETE, GET, HEAD, OPTIONS", NULL, WHIP_FRAGMENT },
    /* nothing is told of what exists */
    { "/whip/none/none", "POST, GET, HEAD, OPTIONS", WHIP_SDP, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (Call) call = call_new (f, "OPTIONS", cases[i].path, NULL, NULL,
        NULL, "Origin", "https://studio.example",
        "Access-Control-Request-Method", "POST",
        "Access-Control-Request-Headers", "authorization, content-type, link",
        NULL);

    g_assert_cmpuint (call_wait (call), ==, 200);
    g_assert_cmpuint (g_bytes_get_size (call->body), ==, 0);
    g_assert_cmpstr (call_header (call, "Access-Control-Allow-Origin"), ==,
        "*");
    g_assert_cmpstr (call_header (call, "Access-Control-Allow-Methods"), ==,
        cases[i].methods);
    g_assert_true (lists (call_header (call, "Access-Control-Allow-Headers"),
        "Authorization"));
    g_assert_true (lists (call_header (call, "Access-Control-Allow-Headers"),
        "If-Match"));
    g_assert_null (call_header (call, "Access-Control-Allow-Credentials"));
    g_assert_cmpstr (call_header (call, "Accept-Post"), ==, cases[i].post);
    g_assert_cmpstr (call_header (call, "Accept-Patch"), ==, cases[i].patch);
    /* no credentials of a relay for whoever asks */
    g_assert_null (call_header (call, "Link"));
    g_assert_null (call_header (call, "ETag"));
  }
}

static void
test_pages_of_other_sites_may_ask (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autoptr (Call) elsewhere = NULL;
  g_autoptr (Call) without = NULL;
  g_autoptr (Call) preflight = NULL;
  g_autofree char *peer = NULL;

  scene_init (&s, f, "receive");
  call = call_new (f, "POST", WHIP_PATH, s.send, WHIP_SDP, WHIP_OFFER,
      "Origin", "https://studio.example", NULL);
  peer = scene_take_offer (&s, WHIP_OFFER);
  scene_answer (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 201);
  g_assert_true (lists (call_header (call, "Access-Control-Expose-Headers"),
      "Location"));
  g_assert_true (lists (call_header (call, "Access-Control-Expose-Headers"),
      "ETag"));
  g_assert_true (lists (call_header (call, "Access-Control-Expose-Headers"),
      "Link"));
  without = call_new (f, "POST", WHIP_PATH, NULL, WHIP_SDP, WHIP_OFFER,
      "Origin", "https://studio.example", NULL);
  call_assert_refused (without, 401, "TOKEN_MISSING", NULL);
  g_assert_cmpstr (call_header (without, "WWW-Authenticate"), ==, "Bearer");

  /* nowhere else */
  elsewhere = call_new (f, "GET", "/api/session/demo", s.admin, NULL, NULL,
      "Origin", "https://studio.example", NULL);
  g_assert_cmpuint (call_wait (elsewhere), ==, 403);
  g_assert_null (call_header (elsewhere, "Access-Control-Allow-Origin"));
  preflight = call_new (f, "OPTIONS", "/api/session/demo", NULL, NULL, NULL,
      "Origin", "https://studio.example", NULL);
  g_assert_cmpuint (call_wait (preflight), ==, 405);
  g_assert_cmpstr (call_header (preflight, "Allow"), ==, "GET, PATCH, DELETE");
  g_assert_null (call_header (preflight, "Access-Control-Allow-Origin"));
}

/* --- what is taken ------------------------------------------------------- */

static void
test_a_token_in_the_query_is_taken (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autoptr (Call) twice = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  path = g_strconcat (WHIP_PATH "?t=", s.send, NULL);
  call = call_new (f, "POST", path, NULL, WHIP_SDP, WHIP_OFFER, NULL);
  peer = scene_take_offer (&s, WHIP_OFFER);
  scene_answer (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 201);
  g_assert_null (strstr (call_header (call, "Location"), "t="));
  twice = call_new (f, "POST", path, s.send, WHIP_SDP, WHIP_OFFER, NULL);
  call_assert_refused (twice, 400, "INVALID_MESSAGE", NULL);
}

static void
test_methods (Fixture *f, gconstpointer unused)
{
  static const char endpoint[] = "POST, GET, HEAD, OPTIONS";
  static const char resource[] = "PATCH, DELETE, GET, HEAD, OPTIONS";
  g_auto (Scene) s;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, NULL);
  {
    const struct {
      const char *method, *path, *token;
      guint status;
      const char *allow, *type;
    } cases[] = {
      { "GET", WHIP_PATH, s.send, 204, NULL, NULL },
      { "HEAD", WHIP_PATH, s.send, 204, NULL, NULL },
      { "PATCH", WHIP_PATH, s.send, 405, endpoint, "application/json" },
      { "DELETE", WHIP_PATH, s.send, 405, endpoint, "application/json" },
      { "GET", WHEP_PATH, s.receive, 204, NULL, NULL },
      { "HEAD", WHEP_PATH, s.receive, 200, NULL, WHIP_SDP },
      { "HEAD", WHEP_PATH, NULL, 401, NULL, NULL },
      { "GET", path, s.send, 204, NULL, NULL },
      { "HEAD", path, s.send, 204, NULL, NULL },
      { "POST", path, s.send, 405, resource, "application/json" },
      { "POST", "/whip/demo", s.send, 404, NULL, "application/json" },
      { "GET", "/whip/demo/cam-wide/", s.send, 404, NULL,
          "application/json" },
      { "GET", "/whip/demo/cam-wide/short", s.send, 404, NULL,
          "application/json" },
      { "OPTIONS", "/whip/demo/..", NULL, 404, NULL, "application/json" },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
      g_autoptr (Call) call = call_new (f, cases[i].method, cases[i].path,
          cases[i].token, NULL, NULL, NULL);

      g_test_message ("%s %s", cases[i].method, cases[i].path);
      g_assert_cmpuint (call_wait (call), ==, cases[i].status);
      g_assert_cmpstr (call_header (call, "Allow"), ==, cases[i].allow);
      if (cases[i].type != NULL)
        g_assert_cmpstr (call_header (call, "Content-Type"), ==,
            cases[i].type);
      if (cases[i].status < 300)
        g_assert_cmpuint (g_bytes_get_size (call->body), ==, 0);
    }
  }
}

static void
test_bodies_that_are_no_offer (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *huge = NULL;
  g_autofree char *long_line = NULL;
  g_autofree char *no_bundle = NULL;
  g_autofree char *no_print = NULL;
  g_autofree char *control = NULL;
  g_autofree char *hostile = NULL;
  g_autofree char *pad = g_strnfill (3000, 'x');
  g_autoptr (GString) many = g_string_new (WHIP_OFFER);

  scene_init (&s, f, "receive");
  while (many->len <= PB_SDP_MAX)
    g_string_append (many, "a=x-pad:and-another-line\r\n");
  huge = g_string_free (g_steal_pointer (&many), FALSE);
  long_line = g_strconcat (WHIP_OFFER, "a=", pad, "\r\n", NULL);
  no_bundle = replaced (WHIP_OFFER, "a=group:BUNDLE 0 1\r\n", "");
  no_print = replaced (WHIP_OFFER, "a=fingerprint:", "a=x-fingerprint:");
  control = replaced (WHIP_OFFER, "s=-", "s=\001");
  hostile = replaced (WHIP_OFFER, "198.51.100.1 39132 typ", "nonsense");
  {
    const struct {
      const char *type, *body;
      guint status;
      const char *reason;
    } cases[] = {
      { NULL, "", 415, "UNSUPPORTED_MEDIA_TYPE" },
      { "text/plain", WHIP_OFFER, 415, "UNSUPPORTED_MEDIA_TYPE" },
      { "application/json", "{}", 415, "UNSUPPORTED_MEDIA_TYPE" },
      { WHIP_FRAGMENT, WHIP_OFFER, 415, "UNSUPPORTED_MEDIA_TYPE" },
      { "application/sdpx", WHIP_OFFER, 415, "UNSUPPORTED_MEDIA_TYPE" },
      { WHIP_SDP, "", 400, "INVALID_MESSAGE" },
      { WHIP_SDP, "{}", 400, "INVALID_MESSAGE" },
      { WHIP_SDP, "v=0\r\n", 400, "INVALID_MESSAGE" },
      { WHIP_SDP, WHIP_ANSWER, 422, "UNPROCESSABLE" },
      { WHIP_SDP, huge, 413, "TOO_LARGE" },
      { WHIP_SDP, long_line, 400, "INVALID_MESSAGE" },
      { WHIP_SDP, no_print, 400, "INVALID_MESSAGE" },
      { WHIP_SDP, control, 400, "INVALID_MESSAGE" },
      { WHIP_SDP, hostile, 400, "INVALID_MESSAGE" },
      { WHIP_SDP, no_bundle, 422, "UNPROCESSABLE" },
      /* a player's */
      { WHIP_SDP, WHEP_OFFER, 422, "UNPROCESSABLE" },
      { WHIP_SDP, WHIP_OFFER_OF ("inactive"), 422, "UNPROCESSABLE" },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
      g_autoptr (Call) call = call_new (f, "POST", WHIP_PATH, s.send,
          cases[i].type, cases[i].body, NULL);

      g_test_message ("case %u", i);
      call_assert_refused (call, cases[i].status, cases[i].reason, NULL);
      g_assert_cmpuint (scene_count_resources (f), ==, 0);
    }
  }
  ws_expect_none (f, s.ws, "peer");
}

static void
test_what_is_unfit_is_left_out (Fixture *f, gconstpointer unused)
{
  static const char *const extra =
      "a=candidate:2 1 UDP 2130706431 169.254.169.254 80 typ host\r\n"
      "a=candidate:3 1 UDP 2130706431 224.0.0.1 5004 typ host\r\n"
      "a=candidate:4 1 UDP 2130706431 0b7c1f2a-5d6e.local 5004 typ host\r\n"
      "m=video";
  g_auto (Scene) s;
  g_autofree char *offer = replaced (WHIP_OFFER, "m=video", extra);
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;

  scene_init (&s, f, "receive");
  call = call_new (f, "POST", WHIP_PATH, s.send, "application/sdp;charset=utf-8",
      offer, NULL);
  peer = scene_take_offer (&s, WHIP_OFFER);
  scene_answer (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 201);
}

static void
test_the_client_says_who_it_is (Fixture *f, gconstpointer unused)
{
  static const char agent[] = "Mozilla/5.0 (OBS-Studio/30.2.3; Linux x86_64; "
      "en-US) \xc3\xa9\x7f and then so much more";
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autoptr (JsonObject) told = NULL;
  guint status;

  scene_init (&s, f, "receive");
  g_object_set (f->http, "user-agent", agent, NULL);
  call = scene_offer (&s, f);
  told = ws_expect (s.ws, "peer");
  g_assert_cmpstr (text_of (told, "client"), ==,
      "Mozilla/5.0 (OBS-Studio/30.2.3; Linux x86_64; en-US) ??? and the");
  g_assert_cmpuint (strlen (text_of (told, "client")), ==, PB_CLIENT_MAX);
  {
    g_autoptr (JsonObject) session =
        http (f, "GET", "/api/session/demo", s.admin, NULL, &status);
    JsonObject *sender = json_object_get_object_member (
        slot_of (session, "cam-wide"), "sender");

    g_assert_cmpstr (text_of (sender, "client"), ==,
        text_of (told, "client"));
  }
  f->context->limits.whip_answer_ms = 1;
  scene_answer (&s, text_of (told, "peer"));
}

static void
test_ice_servers_are_told (Fixture *f, gconstpointer unused)
{
  static const char *const urls[] = { "turn:turn.example:3478?transport=udp",
    "turns:turn.example:5349?transport=tcp", NULL };
  g_auto (Scene) s;
  g_autoptr (Call) call = NULL;
  g_autofree char *peer = NULL;
  const char *links;

  scene_init (&s, f, "receive");
  f->context->stun_port = 3478;
  f->context->turn = pb_server_turn_new (urls, "canary-turn-secret", 600);
  call = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  scene_answer (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 201);
  links = call_header (call, "Link");
  g_assert_nonnull (strstr (links,
      "<stun:127.0.0.1:3478>; rel=\"ice-server\", "));
  for (guint i = 0; urls[i] != NULL; i++) {
    g_autofree char *link = g_strdup_printf ("<%s>; rel=\"ice-server\"; "
        "username=\"", urls[i]);

    g_assert_nonnull (strstr (links, link));
  }
  g_assert_nonnull (strstr (links, "credential-type=\"password\""));
  g_assert_null (strstr (links, "canary"));
}

/* --- limits, and many ---------------------------------------------------- */

static void
test_resources_are_counted (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *first = NULL;
  g_autofree char *other = NULL;
  g_autoptr (Call) own = NULL;
  g_autoptr (Call) all = NULL;
  g_autoptr (Call) slot = NULL;

  scene_init (&s, f, "send");
  first = scene_connect (&s, f, NULL, NULL);
  other = mint (f, "demo", s.admin, "cam-wide", "receive", 0);
  f->context->limits.whip_per_token = 1;
  own = call_new (f, "POST", WHEP_PATH, s.receive, WHIP_SDP, WHEP_OFFER,
      NULL);
  call_assert_refused (own, 429, "SESSION_FULL",
      "This token has as many WHIP and WHEP clients as it may.");
  f->context->limits.whip_per_session = 1;
  all = call_new (f, "POST", WHEP_PATH, other, WHIP_SDP, WHEP_OFFER, NULL);
  call_assert_refused (all, 429, "SESSION_FULL",
      "This session has as many WHIP and WHEP clients as it may.");
  f->context->limits.whip_per_session = 16;
  f->context->limits.receivers_max = 1;
  slot = call_new (f, "POST", WHEP_PATH, other, WHIP_SDP, WHEP_OFFER, NULL);
  call_assert_refused (slot, 429, "SESSION_FULL", NULL);
  g_assert_cmpuint (scene_count_resources (f), ==, 1);
}

static void
test_another_secret_ends_them (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *path = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, NULL);
  pb_server_registry_drop_links (pb_server_get_registry (f->server),
      "token-expired", FALSE, 4002);
  g_assert_cmpuint (scene_count_resources (f), ==, 0);
}

#define MANY 200

static void
be_many (Fixture *f)
{
  g_object_unref (f->http);
  f->http = soup_session_new_with_options ("max-conns", 2 * MANY,
      "max-conns-per-host", 2 * MANY, NULL);
  /* a busy machine takes its time with so many */
  f->context->limits.whip_answer_ms = 60 * 1000;
  f->context->limits.receivers_max = MANY;
  f->context->limits.whip_per_session = MANY;
  f->context->limits.whip_per_token = MANY;
}

static void
answer_next (Scene *s)
{
  g_autoptr (JsonObject) offer = ws_expect (s->ws, "signal");

  g_assert_cmpstr (text_of (offer, "kind"), ==, "offer");
  scene_answer (s, text_of (offer, "from"));
}

typedef struct {
  Scene *scene;
  Call **calls;
} Crowd;

/* Each offer as it comes, until nobody waits. */
static gboolean
are_answered (gpointer data)
{
  Crowd *crowd = data;
  JsonObject *next;

  while ((next = g_queue_pop_head (crowd->scene->ws->messages)) != NULL) {
    if (g_str_equal (text_of (next, "type"), "signal"))
      scene_answer (crowd->scene, text_of (next, "from"));
    json_object_unref (next);
  }
  for (guint i = 0; i < MANY; i++)
    if (!crowd->calls[i]->is_done)
      return FALSE;

  return TRUE;
}

static void
test_many_play_at_once (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (GHashTable) paths =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Call *calls[MANY];
  GHashTableIter iter;
  gpointer key;

  be_many (f);
  scene_init (&s, f, "send");
  for (guint i = 0; i < MANY; i++)
    calls[i] = scene_offer (&s, f);
  for (guint i = 0; i < MANY; i++)
    answer_next (&s);
  for (guint i = 0; i < MANY; i++) {
    g_assert_cmpuint (call_wait (calls[i]), ==, 201);
    g_assert_true (g_hash_table_add (paths,
        g_strdup (call_header (calls[i], "Location"))));
    call_free (calls[i]);
  }
  g_assert_cmpuint (scene_count_resources (f), ==, MANY);
  g_hash_table_iter_init (&iter, paths);
  while (g_hash_table_iter_next (&iter, &key, NULL)) {
    g_autoptr (Call) call =
        call_new (f, "DELETE", key, s.receive, NULL, NULL, NULL);

    g_assert_cmpuint (call_wait (call), ==, 200);
  }
  g_assert_cmpuint (scene_count_resources (f), ==, 0);
}

/* One slot, one token: the last of them has it, and the others learn why. */
static void
test_many_want_the_same_slot (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  Call *calls[MANY];
  Crowd crowd = { &s, calls };
  guint n_refused = 0;

  be_many (f);
  scene_init (&s, f, "receive");
  for (guint i = 0; i < MANY; i++)
    calls[i] = scene_offer (&s, f);
  wait_until (are_answered, &crowd);
  for (guint i = 0; i < MANY; i++) {
    if (call_wait (calls[i]) != 201) {
      call_assert_refused (calls[i], 409, "STREAM_TAKEN", NULL);
      n_refused++;
    }
    call_free (calls[i]);
  }
  g_assert_cmpuint (f->context->metrics.whip_refused[0], ==, n_refused);
  g_assert_cmpuint (f->context->metrics.whip_created[0], ==,
      MANY - n_refused);
  g_assert_cmpuint (scene_count_resources (f), ==, 1);
}

static void
test_many_go_while_they_wait (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autoptr (GPtrArray) sockets =
      g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GUri) uri =
      g_uri_parse (pb_server_get_address (f->server), G_URI_FLAGS_NONE, NULL);

  be_many (f);
  scene_init (&s, f, "send");
  for (guint i = 0; i < MANY; i++) {
    g_autoptr (GSocketClient) client = g_socket_client_new ();
    g_autofree char *text = g_strdup_printf ("POST " WHEP_PATH
        " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
        s.receive, strlen (WHEP_OFFER), WHEP_OFFER);
    GSocketConnection *connection = g_socket_client_connect_to_host (client,
        g_uri_get_host (uri), (guint16) g_uri_get_port (uri), NULL, NULL);

    g_assert_nonnull (connection);
    g_assert_true (g_output_stream_write_all (
        g_io_stream_get_output_stream (G_IO_STREAM (connection)), text,
        strlen (text), NULL, NULL, NULL));
    g_ptr_array_add (sockets, connection);
  }
  for (guint i = 0; i < MANY; i++)
    json_object_unref (ws_expect (s.ws, "signal"));
  g_assert_cmpuint (scene_count_resources (f), ==, MANY);
  g_ptr_array_set_size (sockets, 0);
  wait_until (has_no_resource, f);
  g_assert_cmpuint (f->context->metrics.whip_created[1], ==, 0);
}

/* --- requests that two readers would read in two ways --------------------- */

static void
test_smuggled_requests_are_refused (Fixture *f, gconstpointer unused)
{
  static const struct {
    const char *headers;
    const char *status;
  } cases[] = {
    { "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 411" },
    { "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "HTTP/1.1 400" },
    { "Host: b\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 400" },
    { "Content-Length: 70000\r\n\r\n", "HTTP/1.1 413" },
    { "Content-Type: multipart/form-data\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 415" },
  };
  g_auto (Scene) s;
  g_autoptr (GUri) uri =
      g_uri_parse (pb_server_get_address (f->server), G_URI_FLAGS_NONE, NULL);

  scene_init (&s, f, "receive");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GSocketClient) client = g_socket_client_new ();
    g_autoptr (GSocketConnection) connection =
        g_socket_client_connect_to_host (client, g_uri_get_host (uri),
            (guint16) g_uri_get_port (uri), NULL, NULL);
    g_autofree char *text = g_strdup_printf ("%s " WHIP_PATH " HTTP/1.1\r\n"
        "Host: a\r\nAuthorization: Bearer %s\r\n%s",
        i % 2 == 0 ? "POST" : "PATCH", s.send, cases[i].headers);
    GSocket *socket = g_socket_connection_get_socket (connection);
    char got[64] = "";
    gssize n;

    g_assert_cmpint (g_socket_send (socket, text, strlen (text), NULL, NULL),
        ==, (gssize) strlen (text));
    g_socket_set_blocking (socket, FALSE);
    while ((n = g_socket_receive (socket, got, sizeof got - 1, NULL, NULL)) <
        0)
      settle (f);
    g_assert_cmpint (n, >, 12);
    got[12] = '\0';
    g_assert_cmpstr (got, ==, cases[i].status);
  }
  g_assert_cmpuint (scene_count_resources (f), ==, 0);
}

#define TEST(name, func)                                                      \
  g_test_add ("/whip-http/" name, Fixture, NULL, fixture_set_up, func,        \
      fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  TEST ("a-preflight-tells-what-is-taken",
      test_a_preflight_tells_what_is_taken);
  TEST ("pages-of-other-sites-may-ask", test_pages_of_other_sites_may_ask);
  TEST ("a-token-in-the-query-is-taken", test_a_token_in_the_query_is_taken);
  TEST ("methods", test_methods);
  TEST ("bodies-that-are-no-offer", test_bodies_that_are_no_offer);
  TEST ("what-is-unfit-is-left-out", test_what_is_unfit_is_left_out);
  TEST ("the-client-says-who-it-is", test_the_client_says_who_it_is);
  TEST ("ice-servers-are-told", test_ice_servers_are_told);
  TEST ("resources-are-counted", test_resources_are_counted);
  TEST ("another-secret-ends-them", test_another_secret_ends_them);
  TEST ("many-play-at-once", test_many_play_at_once);
  TEST ("many-want-the-same-slot", test_many_want_the_same_slot);
  TEST ("many-go-while-they-wait", test_many_go_while_they_wait);
  TEST ("smuggled-requests-are-refused", test_smuggled_requests_are_refused);

  return g_test_run ();
}
