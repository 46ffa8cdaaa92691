/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "logic-fixture.h"

/* What a session looks like from outside: section 4.4 of the protocol. */

#define SENDER "sender-0001"
#define RECEIVER "receiver-1"

static PbServerSession *
get_session (Fixture *f)
{
  return pb_server_registry_lookup (pb_server_get_registry (f->server), "demo",
      &(GError *){ NULL });
}

static JsonObject *
read_slot (Fixture *f, const char *admin, const char *stream)
{
  guint status;
  g_autoptr (JsonObject) session =
      http (f, "GET", "/api/session/demo", admin, NULL, &status);
  JsonObject *slot;

  g_assert_cmpuint (status, ==, 200);
  slot = slot_of (session, stream);
  g_assert_nonnull (slot);

  return json_object_ref (slot);
}

static JsonObject *
read_sender (Fixture *f, const char *admin)
{
  g_autoptr (JsonObject) slot = read_slot (f, admin, "cam-wide");

  return json_object_ref (json_object_get_object_member (slot, "sender"));
}

static void
test_a_peer_tells_its_cipher_and_since_when (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) before = NULL;
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;
  g_autoptr (JsonObject) again = NULL;
  g_autoptr (JsonObject) rest = NULL;
  g_autoptr (JsonObject) after = NULL;
  gint64 since;

  ws_register (a, SENDER, "cam-wide", "send");
  ws_register (b, RECEIVER, "cam-wide", "receive");
  ws_register (b, "receiver-2", "cam-wide", "receive");
  before = read_sender (f, admin);
  g_assert_true (json_object_get_null_member (before, "cipher"));
  g_assert_true (json_object_get_null_member (before, "since"));

  ws_send (a,
      "{\"type\":\"status\",\"peer\":\"" SENDER "\",\"srt\":"
      "\"connected\",\"with\":\"" RECEIVER "\",\"cipher\":\"aes-128\"}");
  ws_expect_none (f, a, "error");
  first = read_sender (f, admin);
  since = json_object_get_int_member (first, "since");
  g_assert_cmpstr (text_of (first, "cipher"), ==, "aes-128");
  g_assert_cmpint (since, >=, pb_server_context_unix (f->context) - 20);
  g_assert_cmpint (since, <=, pb_server_context_unix (f->context));

  /* another one, later; then the first is said again, after a resume */
  pass_time (f, 100);
  ws_send (a, "{\"type\":\"status\",\"peer\":\"" SENDER "\",\"srt\":"
              "\"connected\",\"with\":\"receiver-2\",\"cipher\":\"aes-256\"}");
  ws_send (a, "{\"type\":\"status\",\"peer\":\"" SENDER "\",\"srt\":"
              "\"connected\",\"with\":\"" RECEIVER "\"}");
  ws_expect_none (f, a, "error");
  second = read_sender (f, admin);
  g_assert_cmpint (json_object_get_int_member (second, "since"), ==, since);
  g_assert_cmpstr (text_of (second, "cipher"), ==, "aes-256");

  /* of those that stand */
  ws_send (a, "{\"type\":\"status\",\"peer\":\"" SENDER "\",\"srt\":"
              "\"disconnected\",\"with\":\"" RECEIVER "\"}");
  ws_expect_none (f, a, "error");
  rest = read_sender (f, admin);
  g_assert_cmpint (json_object_get_int_member (rest, "since"), >=, since + 100);

  ws_send (b, "{\"type\":\"leave\",\"peer\":\"receiver-2\"}");
  ws_expect_none (f, b, "error");
  after = read_sender (f, admin);
  g_assert_true (json_object_get_null_member (after, "since"));
  g_assert_cmpstr (text_of (after, "cipher"), ==, "aes-256");
}

static void
test_a_slot_tells_of_still_pictures (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) ws = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) none = NULL;
  g_autoptr (JsonObject) sender = NULL;
  g_autoptr (JsonObject) some = NULL;
  g_autoptr (JsonObject) no_more = NULL;

  none = read_slot (f, admin, "cam-wide");
  g_assert_false (json_object_get_boolean_member (none, "thumbnails"));
  /* who sends has no picture to give */
  ws_send (ws, "{\"type\":\"register\",\"peer\":\"" SENDER "\",\"stream\":"
               "\"cam-wide\",\"direction\":\"send\",\"thumbnails\":true}");
  json_object_unref (ws_expect (ws, "registered"));
  sender = read_slot (f, admin, "cam-wide");
  g_assert_false (json_object_get_boolean_member (sender, "thumbnails"));

  ws_send (ws, "{\"type\":\"register\",\"peer\":\"" RECEIVER "\",\"stream\":"
               "\"cam-wide\",\"direction\":\"receive\",\"thumbnails\":true}");
  json_object_unref (ws_expect (ws, "registered"));
  some = read_slot (f, admin, "cam-wide");
  g_assert_true (json_object_get_boolean_member (some, "thumbnails"));

  /* what a resume says holds from then on */
  ws_send (ws, "{\"type\":\"register\",\"peer\":\"" RECEIVER "\",\"stream\":"
               "\"cam-wide\",\"direction\":\"receive\"}");
  json_object_unref (ws_expect (ws, "registered"));
  no_more = read_slot (f, admin, "cam-wide");
  g_assert_false (json_object_get_boolean_member (no_more, "thumbnails"));
}

static void
register_full (Ws *ws, const char *stream, const char *direction, guint index)
{
  g_autofree char *peer =
      g_strdup_printf ("%s-of-a-long-name-%02u", direction, index);

  ws_send (ws,
      "{\"type\":\"register\",\"peer\":\"%s\",\"stream\":\"%s\","
      "\"direction\":\"%s\",\"thumbnails\":true,\"client\":"
      "\"pbsrtbin/0.1.0 libsrt/1.5.1 GStreamer/1.22.0 Debian GNU/Linux 12\"}",
      peer, stream, direction);
  ws_send (ws,
      "{\"type\":\"status\",\"peer\":\"%s\",\"srt\":\"connected\","
      "\"path\":\"direct\",\"cipher\":\"aes-256\",\"transport\":\"srt\"}",
      peer);
  ws_send (ws,
      "{\"type\":\"health\",\"peer\":\"%s\",\"rtt\":23.456,"
      "\"jitter\":1.234,\"loss\":0.123,\"drop\":0,\"bitrate\":6012.345,"
      "\"bandwidth\":95012.345,\"buffer\":12.345,\"latency\":200,"
      "\"packets\":123456789,\"packets_lost\":1234567,\"packets_dropped\":1,"
      "\"packets_retransmitted\":1234567,\"packets_undecrypted\":0,"
      "\"interval\":5000,\"frames\":1234567,\"frames_dropped\":12,"
      "\"freezes\":3}",
      peer);
}

/* The control room's page: all that it needs to be read at a glance. */
static void
check_that_it_fits (Fixture *f, guint n_slots, gboolean is_huge)
{
  GString *body = g_string_new ("{\"name\":\"demo\",\"streams\":[");
  g_autofree char *admin = NULL;
  g_autoptr (Ws) ws = NULL;
  g_autoptr (Ws) observer = NULL;
  g_autoptr (JsonObject) snapshot = NULL;
  JsonArray *streams;
  const char *text;

  for (guint i = 0; i < n_slots; i++)
    g_string_append_printf (body, "%s\"camera-at-the-stadium-%02u\"",
        i > 0 ? "," : "", i);
  g_string_append (body, "]}");
  admin = create_session (f, body->str);
  g_string_free (body, TRUE);
  f->context->limits.registrations_max = 2 * n_slots;
  ws = ws_open (f, "demo", admin);
  for (guint i = 0; i < n_slots; i++) {
    g_autofree char *stream = g_strdup_printf ("camera-at-the-stadium-%02u", i);

    register_full (ws, stream, "send", i);
    register_full (ws, stream, "receive", i);
  }
  ws_expect_none (f, ws, "error");
  g_assert_cmpuint (g_hash_table_size (get_session (f)->peers), ==,
      2 * n_slots);

  observer = ws_open (f, "demo", admin);
  ws_send (observer, "{\"type\":\"register\",\"direction\":\"observe\"}");
  snapshot = ws_expect (observer, "session");
  text = g_ptr_array_index (observer->texts, 1);
  g_assert_cmpuint (strlen (text), <=, PB_WS_MESSAGE_MAX);
  g_test_message ("%u slots: %u octets", n_slots, (guint) strlen (text));
  streams = json_object_get_array_member (snapshot, "streams");
  g_assert_cmpuint (json_array_get_length (streams), ==, n_slots);
  for (guint i = 0; i < n_slots; i++) {
    JsonObject *slot = json_array_get_object_element (streams, i);
    JsonArray *receivers = json_object_get_array_member (slot, "receivers");
    JsonObject *sender = json_object_get_object_member (slot, "sender");
    JsonObject *receiver;

    g_assert_cmpuint (json_array_get_length (receivers), ==, 1);
    receiver = json_array_get_object_element (receivers, 0);
    g_assert_true (json_object_get_boolean_member (slot, "thumbnails"));
    g_assert_cmpstr (text_of (sender, "cipher"), ==, "aes-256");
    g_assert_cmpstr (text_of (receiver, "cipher"), ==, "aes-256");
    g_assert_cmpint (json_object_get_int_member (sender, "since"), >, 0);
    g_assert_cmpstr (text_of (receiver, "health"), ==, "healthy");
    if (is_huge)
      g_assert_false (json_object_has_member (sender, "rtt"));
  }
}

static void
test_fifty_slots_fit (Fixture *f, gconstpointer unused)
{
  check_that_it_fits (f, 50, FALSE);
}

static void
test_the_figures_go_first (Fixture *f, gconstpointer unused)
{
  check_that_it_fits (f, PB_STREAMS_DEFAULT_MAX, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define TEST(name, test)                                                       \
  g_test_add ("/server/snapshot/" name, Fixture, NULL, fixture_set_up, test,   \
      fixture_tear_down)

  TEST ("a-peer-tells-its-cipher-and-since-when",
      test_a_peer_tells_its_cipher_and_since_when);
  TEST ("a-slot-tells-of-still-pictures", test_a_slot_tells_of_still_pictures);
  TEST ("fifty-slots-fit", test_fifty_slots_fit);
  TEST ("the-figures-go-first", test_the_figures_go_first);

  return g_test_run ();
}
