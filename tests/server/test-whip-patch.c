/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "pb-server-virtual-private.h"
#include "whip-client.h"

/* PATCH of WHIP and WHEP: candidates that trickle in, and ICE restarts. */

/* --- PATCH --------------------------------------------------------------- */

#define HEAD_OF_FRAGMENT                                                       \
  "a=ice-ufrag:offr\r\na=ice-pwd:offeroffer/offeroffer+r\r\n"                  \
  "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
#define CANDIDATE "candidate:7 1 UDP 2122260223 192.0.2.1 61764 typ host"
#define TRICKLED HEAD_OF_FRAGMENT "a=" CANDIDATE "\r\na=end-of-candidates\r\n"

static Call *
patch (Fixture *f, Scene *s, const char *path, const char *tag,
    const char *body)
{
  const char *token = g_str_has_prefix (path, "/whip") ? s->send : s->receive;

  if (tag == NULL)
    return call_new (f, "PATCH", path, token, WHIP_FRAGMENT, body, NULL);

  return call_new (f, "PATCH", path, token, WHIP_FRAGMENT, body, "If-Match",
      tag, NULL);
}

static void
test_candidates_are_handed_on (Fixture *f, gconstpointer unused)
{
  static const char *const directions[] = { "receive", "send" };

  for (guint i = 0; i < G_N_ELEMENTS (directions); i++) {
    g_auto (Scene) s;
    g_autofree char *peer = NULL;
    g_autofree char *tag = NULL;
    g_autofree char *path = NULL;
    g_autoptr (Call) call = NULL;
    g_autoptr (JsonObject) data = NULL;
    guint status;

    scene_init (&s, f, directions[i]);
    path = scene_connect (&s, f, &peer, &tag);
    call = patch (f, &s, path, tag, TRICKLED);
    g_assert_cmpuint (call_wait (call), ==, 204);
    g_assert_null (call_header (call, "ETag"));
    g_assert_cmpuint (g_bytes_get_size (call->body), ==, 0);
    data = scene_take_signal (&s, peer, "candidate");
    g_assert_cmpstr (text_of (data, "candidate"), ==, CANDIDATE);
    g_assert_cmpint (json_object_get_int_member (data, "mline"), ==, 0);
    g_assert_null (scene_take_signal (&s, peer, "end-of-candidates"));
    http (f, "DELETE", "/api/session/demo", s.admin, NULL, &status);
    g_assert_cmpuint (status, ==, 204);
  }
}

static void
test_entity_tags_are_asked_for (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *tag = NULL;
  g_autofree char *path = NULL;
  g_autofree char *weak = NULL;
  g_autofree char *list = NULL;
  g_autofree char *bare = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, &tag);
  weak = g_strconcat ("W/", tag, NULL);
  list = g_strconcat ("\"other\", ", tag, NULL);
  bare = g_strndup (tag + 1, strlen (tag) - 2);
  {
    const struct
    {
      const char *tag;
      guint status;
      const char *reason;
    } cases[] = {
      { NULL, 428, "PRECONDITION_REQUIRED" },
      { "\"other\"", 412, "PRECONDITION_FAILED" },
      { "\"\"", 412, "PRECONDITION_FAILED" },
      { weak, 412, "PRECONDITION_FAILED" },
      { bare, 412, "PRECONDITION_FAILED" },
      { tag, 204, NULL },
      { list, 204, NULL },
      { "*", 204, NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
      g_autoptr (Call) call = patch (f, &s, path, cases[i].tag, TRICKLED);

      if (cases[i].reason != NULL)
        call_assert_refused (call, cases[i].status, cases[i].reason, NULL);
      else
        g_assert_cmpuint (call_wait (call), ==, cases[i].status);
    }
  }
}

static void
test_fragments_that_are_none (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *tag = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GString) many = g_string_new (HEAD_OF_FRAGMENT);
  g_autoptr (Call) typed = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, &tag);
  for (guint i = 0; i < PB_CANDIDATES_MAX; i++)
    g_string_append_printf (many,
        "a=candidate:%u 1 UDP 2122260223 192.0.2.%u "
        "61764 typ host\r\n",
        i + 10, i + 1);
  typed = call_new (f, "PATCH", path, s.send, WHIP_SDP, TRICKLED, "If-Match",
      tag, NULL);
  call_assert_refused (typed, 415, "UNSUPPORTED_MEDIA_TYPE", NULL);
  {
    const char *const bodies[] = {
      "{}", HEAD_OF_FRAGMENT "a=candidate:nonsense\r\n",
      HEAD_OF_FRAGMENT "a=" CANDIDATE " \001\r\n",
      "a=ice-ufrag:x\r\na=ice-pwd:y\r\n",
      "a=ice-ufrag:offr\r\na=ice-pwd:offeroffer/offeroffer+r\r\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:9\r\na=" CANDIDATE "\r\n",
      many->str, /* with the one of the offer too many */
    };

    for (guint i = 0; i < G_N_ELEMENTS (bodies); i++) {
      g_autoptr (Call) call = patch (f, &s, path, tag, bodies[i]);

      g_test_message ("case %u", i);
      call_assert_refused (call, 400, "INVALID_MESSAGE", NULL);
    }
  }
  /* nothing of it went on */
  ws_expect_none (f, s.ws, "signal");
  g_assert_cmpuint (scene_count_resources (f), ==, 1);
}

static void
test_patches_are_counted (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *path = NULL;

  f->context->limits.whip_patches = 3;
  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, NULL);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (Call) call = patch (f, &s, path, "*", TRICKLED);

    g_assert_cmpuint (call_wait (call), ==, 204);
  }
  {
    g_autoptr (Call) call = patch (f, &s, path, "*", TRICKLED);
    g_autoptr (Call) end =
        call_new (f, "DELETE", path, s.send, NULL, NULL, NULL);

    call_assert_refused (call, 429, "RATE_LIMIT_EXCEEDED", NULL);
    g_assert_cmpuint (call_wait (end), ==, 200);
  }
}

static void
test_an_end_that_is_lost_takes_no_candidates (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *path = NULL;
  g_autofree char *tag = NULL;
  g_autoptr (Call) call = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, NULL, &tag);
  ws_cut (s.ws);
  ws_expect_closed (s.ws);
  settle (f);
  call = patch (f, &s, path, tag, TRICKLED);
  call_assert_refused (call, 503, "PEER_ABSENT", NULL);
  g_assert_cmpuint (scene_count_resources (f), ==, 1);
}

/* --- ICE restarts -------------------------------------------------------- */

#define RESTART                                                                \
  "a=ice-ufrag:anew\r\na=ice-pwd:anewanewanewanewanewanew\r\n"                 \
  "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"                             \
  "a=candidate:9 1 UDP 2122260223 203.0.113.5 61770 typ host\r\n"

/* The offer that comes: the old one with other credentials and candidates. */
static void
take_restart (Scene *s, const char *peer)
{
  g_autoptr (JsonObject) data = scene_take_signal (s, peer, "offer");
  const char *sdp = text_of (data, "sdp");

  g_assert_nonnull (strstr (sdp, "a=ice-ufrag:anew\r\n"));
  g_assert_nonnull (strstr (sdp, "203.0.113.5"));
  g_assert_nonnull (strstr (sdp, "m=video"));
  g_assert_null (strstr (sdp, "a=ice-ufrag:offr"));
  g_assert_null (strstr (sdp, "198.51.100.1"));
}

static void
answer_restart (Scene *s, const char *peer)
{
  g_autofree char *ufrag = replaced (WHIP_ANSWER, "ufrag:answ", "ufrag:fres");
  g_autofree char *sdp = replaced (ufrag, "pwd:answeransweransweransw",
      "pwd:freshfreshfreshfreshfr");

  scene_answer_with (s, peer, sdp);
}

static void
test_ice_restarts (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *tag = NULL;
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  g_autoptr (Call) call = NULL;
  g_autoptr (Call) busy = NULL;
  g_autoptr (Call) old = NULL;
  g_autoptr (Call) fresh = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, &tag);
  call = patch (f, &s, path, "*", RESTART);
  take_restart (&s, peer);
  busy = patch (f, &s, path, "*", RESTART);
  call_assert_refused (busy, 409, "WRONG_STATE", NULL);
  answer_restart (&s, peer);
  g_assert_cmpuint (call_wait (call), ==, 200);
  g_assert_cmpstr (call_header (call, "Content-Type"), ==, WHIP_FRAGMENT);
  g_assert_nonnull (call_header (call, "ETag"));
  g_assert_cmpstr (call_header (call, "ETag"), !=, tag);
  text = call_text (call);
  g_assert_nonnull (strstr (text, "a=ice-ufrag:fres\r\n"));
  g_assert_nonnull (strstr (text, "a=ice-pwd:freshfreshfreshfreshfr\r\n"));
  g_assert_nonnull (strstr (text, "198.51.100.9 39132 typ host\r\n"));

  /* the old ICE session is over */
  old = patch (f, &s, path, tag, RESTART "a=" CANDIDATE "\r\n");
  call_assert_refused (old, 412, "PRECONDITION_FAILED", NULL);
  fresh = patch (f, &s, path, call_header (call, "ETag"),
      RESTART "a=" CANDIDATE "\r\n");
  g_assert_cmpuint (call_wait (fresh), ==, 204);
}

static void
test_a_restart_that_fails_ends_nothing (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *tag = NULL;
  g_autofree char *path = NULL;
  g_autoptr (Call) slow = NULL;
  g_autoptr (Call) old = NULL;
  g_autoptr (Call) never = NULL;
  g_autoptr (Call) well = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, &tag);
  f->context->limits.whip_answer_ms = 50;
  slow = patch (f, &s, path, "*", RESTART);
  call_assert_refused (slow, 503, "PEER_ABSENT", NULL);
  f->context->limits.whip_answer_ms = 20000;
  take_restart (&s, peer);
  /* an end that cannot: the credentials are the old ones */
  never = patch (f, &s, path, "*", RESTART);
  take_restart (&s, peer);
  scene_answer (&s, peer);
  call_assert_refused (never, 422, "UNPROCESSABLE", NULL);
  old = patch (f, &s, path, tag, TRICKLED);
  g_assert_cmpuint (call_wait (old), ==, 204);
  json_object_unref (scene_take_signal (&s, peer, "candidate"));
  g_assert_null (scene_take_signal (&s, peer, "end-of-candidates"));
  /* and at last */
  well = patch (f, &s, path, "*", RESTART);
  take_restart (&s, peer);
  answer_restart (&s, peer);
  g_assert_cmpuint (call_wait (well), ==, 200);
  g_assert_cmpuint (scene_count_resources (f), ==, 1);
}

static gboolean
has_no_restart (gpointer data)
{
  Fixture *f = data;
  PbServerSession *session =
      pb_server_registry_lookup (pb_server_get_registry (f->server), "demo",
          NULL);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, session->resources);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((PbServerPeer *) value)->http->restart != NULL)
      return FALSE;

  return TRUE;
}

/* Nobody waits for its answer any more, and there is none. */
static void
test_a_restart_that_was_abandoned_is_over_in_time (Fixture *f,
    gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GUri) uri =
      g_uri_parse (pb_server_get_address (f->server), G_URI_FLAGS_NONE, NULL);
  g_autoptr (Call) well = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  text = g_strdup_printf ("PATCH %s HTTP/1.1\r\nHost: a\r\n"
                          "Authorization: Bearer %s\r\nIf-Match: *\r\n"
                          "Content-Type: " WHIP_FRAGMENT "\r\n"
                          "Content-Length: %zu\r\n\r\n%s",
      path, s.send, strlen (RESTART), RESTART);
  f->context->limits.whip_answer_ms = 500;
  connection = g_socket_client_connect_to_host (client, g_uri_get_host (uri),
      (guint16) g_uri_get_port (uri), NULL, NULL);
  g_assert_nonnull (connection);
  g_assert_true (g_output_stream_write_all (g_io_stream_get_output_stream (
                                                G_IO_STREAM (connection)),
      text, strlen (text), NULL, NULL, NULL));
  take_restart (&s, peer);
  g_clear_object (&connection);
  wait_until (has_no_restart, f);
  f->context->limits.whip_answer_ms = 20000;
  well = patch (f, &s, path, "*", RESTART);
  take_restart (&s, peer);
  answer_restart (&s, peer);
  g_assert_cmpuint (call_wait (well), ==, 200);
}

static void
test_a_resource_may_go_while_it_restarts (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s;
  g_autofree char *peer = NULL;
  g_autofree char *path = NULL;
  g_autoptr (Call) call = NULL;
  g_autoptr (Call) end = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, NULL);
  call = patch (f, &s, path, "*", RESTART);
  take_restart (&s, peer);
  end = call_new (f, "DELETE", path, s.send, NULL, NULL, NULL);
  g_assert_cmpuint (call_wait (end), ==, 200);
  call_assert_refused (call, 404, "NOT_FOUND", NULL);
  g_assert_cmpuint (scene_count_resources (f), ==, 0);
}

#define TEST(name, func)                                                       \
  g_test_add ("/whip-patch/" name, Fixture, NULL, fixture_set_up, func,        \
      fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  TEST ("candidates-are-handed-on", test_candidates_are_handed_on);
  TEST ("entity-tags-are-asked-for", test_entity_tags_are_asked_for);
  TEST ("fragments-that-are-none", test_fragments_that_are_none);
  TEST ("patches-are-counted", test_patches_are_counted);
  TEST ("an-end-that-is-lost-takes-no-candidates",
      test_an_end_that_is_lost_takes_no_candidates);
  TEST ("ice-restarts", test_ice_restarts);
  TEST ("a-restart-that-fails-ends-nothing",
      test_a_restart_that_fails_ends_nothing);
  TEST ("a-restart-that-was-abandoned-is-over-in-time",
      test_a_restart_that_was_abandoned_is_over_in_time);
  TEST ("a-resource-may-go-while-it-restarts",
      test_a_resource_may_go_while_it_restarts);

  return g_test_run ();
}
