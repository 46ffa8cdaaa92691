/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "logic-fixture.h"

/* What people ask for beside the media: strings to paste (section 5.5 of the
 * protocol) and still pictures (5.6). */

#define SENDER "sender-0001"
#define RECEIVER "receiver-1"
/* 320 by 180, as far as the header goes */
#define JPEG "/9j/wAALCAC0AUABAREA/9k="

/* --- strings ------------------------------------------------------------- */

static JsonObject *
find_row (JsonObject *message, const char *client)
{
  JsonArray *rows = json_object_get_array_member (message, "strings");

  for (guint i = 0; i < json_array_get_length (rows); i++) {
    JsonObject *row = json_array_get_object_element (rows, i);

    if (g_str_equal (text_of (row, "client"), client))
      return row;
  }

  return NULL;
}

static void
ask_strings (Ws *ws, const char *peer, const char *direction)
{
  if (direction != NULL)
    ws_send (ws,
        "{\"type\":\"strings\",\"id\":5,\"peer\":\"%s\","
        "\"direction\":\"%s\"}",
        peer, direction);
  else
    ws_send (ws, "{\"type\":\"strings\",\"id\":5,\"peer\":\"%s\"}", peer);
}

static void
test_a_sender_gets_what_its_encoder_needs (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) ws = ws_open (f, "demo", token);
  g_autoptr (JsonObject) registered = NULL;
  g_autoptr (JsonObject) strings = NULL;
  g_autofree char *log = NULL;
  JsonObject *row;
  const char *passphrase;

  ws_send (ws, "{\"type\":\"register\",\"peer\":\"" SENDER "\"}");
  registered = ws_expect (ws, "registered");
  passphrase = text_of (registered, "passphrase");
  ask_strings (ws, SENDER, NULL);
  strings = ws_expect (ws, "strings");
  g_assert_cmpint (json_object_get_int_member (strings, "id"), ==, 5);
  g_assert_cmpstr (text_of (strings, "peer"), ==, SENDER);
  g_assert_cmpstr (text_of (strings, "stream"), ==, "cam-wide");
  g_assert_cmpstr (text_of (strings, "direction"), ==, "send");
  g_assert_false (json_object_get_boolean_member (strings, "ready"));
  row = find_row (strings, "ffmpeg");
  g_assert_nonnull (strstr (text_of (row, "string"), passphrase));
  g_assert_null (text_of (row, "qr"));
  row = find_row (strings, "larix");
  g_assert_true (g_str_has_prefix (text_of (row, "string"), "larix://"));
  g_assert_true (g_str_has_prefix (text_of (row, "qr"), "<svg "));
  /* its own token, to the letter */
  row = find_row (strings, "obs-whip");
  g_assert_nonnull (strstr (text_of (row, "string"), token));
  g_assert_null (find_row (strings, "whep"));

  log = read_log (f);
  g_assert_nonnull (strstr (log, "\"connect_read\""));
  g_assert_null (strstr (log, passphrase));
  g_assert_null (strstr (log, token));
}

/* nor could anybody revoke it who has that secret */
static void
test_a_retired_secrets_token_is_in_no_string (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) ws = ws_open (f, "demo", token);
  g_autoptr (JsonObject) strings = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (pb_keyring_rotate (f->context->keyring,
      "another-secret-another-secret-another-secret-another-secret-xxxx",
      pb_server_context_unix (f->context) + 3600, &error));
  ws_register (ws, SENDER, "cam-wide", "send");
  ask_strings (ws, SENDER, NULL);
  strings = ws_expect (ws, "strings");
  g_assert_nonnull (find_row (strings, "ffmpeg"));
  g_assert_null (find_row (strings, "whip"));
  g_assert_null (find_row (strings, "obs-whip"));
}

static void
test_who_asks_without_end_has_to_wait (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) ws = ws_open (f, "demo", token);

  /* the clock of the server moves only when the test says so, nearly; room
   * for two, with the register, and for a few other messages */
  f->context->limits.message_burst = 2 * PB_STRINGS_COST + 10;
  f->context->limits.message_rate = 1;
  ws_register (ws, SENDER, "cam-wide", "send");
  for (guint i = 0; i < 2; i++) {
    ask_strings (ws, SENDER, NULL);
    json_object_unref (ws_expect (ws, "strings"));
  }
  ask_strings (ws, SENDER, NULL);
  ws_expect_error (ws, "RATE_LIMIT_EXCEEDED");

  /* other messages pass, and it may ask again after a while */
  ws_send (ws, "{\"type\":\"status\",\"peer\":\"" SENDER "\",\"srt\":"
               "\"connecting\"}");
  ws_expect_none (f, ws, "error");
  pass_time (f, 2 * PB_STRINGS_COST);
  ask_strings (ws, SENDER, NULL);
  json_object_unref (ws_expect (ws, "strings"));
}

static void
test_a_peer_gets_its_own_slot_and_direction (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *send = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *room = mint (f, "demo", admin, NULL, "receive", 0);
  g_autofree char *eyes = mint (f, "demo", admin, "cam-wide", "observe", 0);
  g_autoptr (Ws) a = ws_open (f, "demo", send);
  g_autoptr (Ws) b = ws_open (f, "demo", room);
  g_autoptr (Ws) c = ws_open (f, "demo", eyes);
  g_autoptr (JsonObject) before_live = NULL;
  g_autoptr (JsonObject) receive = NULL;
  guint n;

  /* before it goes live, the page observes its slot */
  ws_register (a, "observer-1", "cam-wide", "observe");
  ask_strings (a, "observer-1", "send");
  before_live = ws_expect (a, "strings");
  ask_strings (a, "observer-1", "receive");
  ws_expect_error (a, "PERMISSION_DENIED");
  ask_strings (a, "somebody-else", "send");
  ws_expect_error (a, "NOT_FOUND");

  ws_register (b, RECEIVER, "cam-close", "receive");
  ask_strings (b, RECEIVER, NULL);
  receive = ws_expect (b, "strings");
  g_assert_cmpstr (text_of (receive, "stream"), ==, "cam-close");
  g_assert_cmpstr (text_of (receive, "direction"), ==, "receive");
  ask_strings (b, RECEIVER, "send");
  ws_expect_error (b, "PERMISSION_DENIED");
  /* another's registration is not there for it */
  ask_strings (b, "observer-1", NULL);
  ws_expect_error (b, "NOT_FOUND");

  /* who only watches */
  ws_register (c, "observer-2", "cam-wide", "observe");
  n = c->texts->len;
  ask_strings (c, "observer-2", NULL);
  ws_expect_error (c, "PERMISSION_DENIED");
  for (guint i = n; i < c->texts->len; i++)
    g_assert_null (
        strstr (g_ptr_array_index (c->texts, i), "\"type\":\"strings\""));
}

static void
test_an_admins_token_is_in_no_string (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) ws = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) strings = NULL;

  ws_register (ws, "observer-1", NULL, "observe");
  ask_strings (ws, "observer-1", NULL);
  ws_expect_error (ws, "WRONG_STATE");
  ws_register (ws, "observer-2", "cam-wide", "observe");
  ask_strings (ws, "observer-2", NULL);
  strings = ws_expect (ws, "strings");
  g_assert_nonnull (find_row (strings, "obs"));
  g_assert_null (find_row (strings, "obs-whip"));
  for (guint i = 0; i < ws->texts->len; i++)
    g_assert_null (strstr (g_ptr_array_index (ws->texts, i), admin));
}

static void
test_strings_are_those_of_the_end_that_is_there (Fixture *f,
    gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *token = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (Ws) ours = ws_open (f, "demo", admin);
  g_autoptr (Ws) ws = ws_open (f, "demo", token);
  g_autoptr (JsonObject) strings = NULL;

  ws_register (ours, RECEIVER, "cam-wide", "receive");
  ws_send (ours, "{\"type\":\"ready\",\"peer\":\"" RECEIVER
                 "\",\"mode\":\"listener\",\"address\":\"203.0.113.9\","
                 "\"port\":20042}");
  ws_expect_none (f, ours, "error");
  ws_register (ws, SENDER, "cam-wide", "send");
  ask_strings (ws, SENDER, "send");
  strings = ws_expect (ws, "strings");
  g_assert_true (json_object_get_boolean_member (strings, "ready"));
  g_assert_cmpstr (text_of (strings, "address"), ==, "203.0.113.9");
  g_assert_cmpint (json_object_get_int_member (strings, "port"), ==, 20042);
  g_assert_cmpstr (text_of (strings, "mode"), ==, "caller");
  g_assert_nonnull (strstr (text_of (find_row (strings, "obs"), "string"),
      "203.0.113.9:20042"));
  /* SRT alone there: it says so */
  g_assert_false (
      json_object_get_boolean_member (find_row (strings, "obs-whip"), "works"));
}

/* --- still pictures ------------------------------------------------------ */

static void
register_giver (Ws *ws, const char *peer)
{
  ws_send (ws,
      "{\"type\":\"register\",\"peer\":\"%s\",\"stream\":\"cam-wide\","
      "\"direction\":\"receive\",\"thumbnails\":true}",
      peer);
  json_object_unref (ws_expect (ws, "registered"));
}

static void
ask (Ws *ws)
{
  ws_send (ws, "{\"type\":\"thumbnail_request\",\"stream\":\"cam-wide\"}");
}

static void
give (Ws *ws, const char *peer, const char *jpeg)
{
  ws_send (ws, "{\"type\":\"thumbnail\",\"peer\":\"%s\",\"jpeg\":\"%s\"}", peer,
      jpeg);
}

static void
expect_request (Ws *ws, const char *peer)
{
  g_autoptr (JsonObject) message = ws_expect (ws, "thumbnail_request");

  g_assert_cmpstr (text_of (message, "to"), ==, peer);
  g_assert_cmpstr (text_of (message, "stream"), ==, "cam-wide");
}

static void
test_a_picture_goes_to_who_asked (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *room = mint (f, "demo", admin, NULL, "receive", 0);
  g_autofree char *eyes = mint (f, "demo", admin, NULL, "observe", 0);
  g_autofree char *other = mint (f, "demo", admin, "cam-close", NULL, 0);
  g_autoptr (Ws) giver = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", room);
  g_autoptr (Ws) b = ws_open (f, "demo", room);
  g_autoptr (Ws) c = ws_open (f, "demo", eyes);
  g_autoptr (Ws) d = ws_open (f, "demo", other);
  g_autoptr (JsonObject) picture = NULL;

  ws_register (a, "observer-1", NULL, "observe");
  ws_register (b, "observer-2", NULL, "observe");
  ask (a);
  ws_expect_error (a, "NOT_LIVE");
  register_giver (giver, RECEIVER);
  /* nobody has asked for it */
  give (giver, RECEIVER, JPEG);
  ws_expect_none (f, giver, "error");
  ws_expect_none (f, a, "thumbnail");

  ask (a);
  expect_request (giver, RECEIVER);
  give (giver, RECEIVER, JPEG);
  picture = ws_expect (a, "thumbnail");
  g_assert_cmpstr (text_of (picture, "peer"), ==, RECEIVER);
  g_assert_cmpstr (text_of (picture, "stream"), ==, "cam-wide");
  g_assert_cmpstr (text_of (picture, "jpeg"), ==, JPEG);
  ws_expect_none (f, b, "thumbnail");

  /* one for each request, no more */
  give (giver, RECEIVER, JPEG);
  ws_expect_none (f, giver, "error");
  ws_expect_none (f, a, "thumbnail");

  /* who only observes health, and who is on another slot, sees none */
  ask (c);
  ws_expect_error (c, "PERMISSION_DENIED");
  ask (d);
  ws_expect_error (d, "PERMISSION_DENIED");
  ws_send (a, "{\"type\":\"thumbnail_request\",\"stream\":\"no-such\"}");
  ws_expect_error (a, "NOT_FOUND");
}

static void
test_many_askers_are_one_request (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) giver = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autoptr (Ws) b = ws_open (f, "demo", admin);

  register_giver (giver, RECEIVER);
  ask (a);
  expect_request (giver, RECEIVER);
  ask (a);
  ask (b);
  ws_expect_none (f, b, "error");
  ws_expect_none (f, giver, "thumbnail_request");
  give (giver, RECEIVER, JPEG);
  json_object_unref (ws_expect (a, "thumbnail"));
  json_object_unref (ws_expect (b, "thumbnail"));

  /* who asks too soon is served when the time has come */
  ask (b);
  ws_expect_none (f, b, "error");
  sweep (f);
  ws_expect_none (f, giver, "thumbnail_request");
  pass_time (f, PB_THUMBNAIL_INTERVAL_S);
  sweep (f);
  expect_request (giver, RECEIVER);
  give (giver, RECEIVER, JPEG);
  json_object_unref (ws_expect (b, "thumbnail"));

  /* nobody asks any more */
  pass_time (f, PB_THUMBNAIL_WAIT_S);
  sweep (f);
  ws_expect_none (f, giver, "thumbnail_request");
  give (giver, RECEIVER, JPEG);
  ws_expect_none (f, giver, "error");
  ws_expect_none (f, b, "thumbnail");
}

static void
test_a_receiver_that_is_connected_is_asked (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) idle = ws_open (f, "demo", admin);
  g_autoptr (Ws) busy = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);

  register_giver (idle, RECEIVER);
  register_giver (busy, "receiver-2");
  ws_send (busy, "{\"type\":\"status\",\"peer\":\"receiver-2\","
                 "\"srt\":\"connected\"}");
  ws_expect_none (f, busy, "error");
  ask (a);
  expect_request (busy, "receiver-2");
  ws_expect_none (f, idle, "thumbnail_request");
  /* an answer by who was not asked is none */
  give (idle, RECEIVER, JPEG);
  ws_expect_none (f, idle, "error");
  ws_expect_none (f, a, "thumbnail");

  /* it goes, and the other one is there still */
  ws_close (busy, 1000);
  settle (f);
  pass_time (f, PB_THUMBNAIL_INTERVAL_S);
  ask (a);
  expect_request (idle, RECEIVER);
}

static void
test_what_is_no_picture_is_refused (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) giver = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  g_autofree char *big = g_strnfill (PB_THUMBNAIL_BASE64_MAX + 4, 'A');
  /* the first twelve octets: what says how large it is */
  const gsize n_header = 16;

  register_giver (giver, RECEIVER);
  ws_register (giver, "receiver-2", "cam-close", "receive");
  ask (a);
  expect_request (giver, RECEIVER);
  /* a PNG */
  give (giver, RECEIVER, "iVBORw0KGgo=");
  ws_expect_error (giver, "INVALID_MESSAGE");
  give (giver, RECEIVER, "<script>");
  ws_expect_error (giver, "INVALID_MESSAGE");
  memcpy (big, JPEG, n_header);
  give (giver, RECEIVER, big);
  ws_expect_error (giver, "INVALID_MESSAGE");
  /* whose registration did not speak of pictures */
  give (giver, "receiver-2", JPEG);
  ws_expect_error (giver, "WRONG_STATE");
  give (a, RECEIVER, JPEG);
  ws_expect_error (a, "NOT_FOUND");
  ws_expect_none (f, a, "thumbnail");
  /* the largest there is */
  big[PB_THUMBNAIL_BASE64_MAX] = '\0';
  give (giver, RECEIVER, big);
  json_object_unref (ws_expect (a, "thumbnail"));
}

static char *
make_jpeg (guint8 before, guint width, guint height)
{
  const guint8 data[] = { 0xff, 0xd8, 0xff, before, 0, 4, 1, 2, 0xff, 0xff,
    0xc2, 0, 11, 8, (guint8) (height >> 8), (guint8) height,
    (guint8) (width >> 8), (guint8) width, 1, 1, 0x11, 0, 0xff, 0xd9 };

  return g_base64_encode (data, sizeof data);
}

/* What shows 30 KB that claim to be 65535 by 65535 takes 16 GB for them. */
static void
test_a_picture_is_as_small_as_it_is_said_to_be (Fixture *f,
    gconstpointer unused)
{
  static const struct
  {
    guint8 before;
    guint width, height;
    gboolean is_taken;
  } cases[] = {
    { 0xe1, 65535, 65535, FALSE },
    { 0xe1, 321, 180, FALSE },
    { 0xe1, 320, 641, FALSE },
    { 0xe1, 320, 0, FALSE },
    { 0xe1, 0, 180, FALSE },
    /* what stands where no frame can follow */
    { 0xda, 320, 180, FALSE },
    { 0xd0, 320, 180, FALSE },
    { 0xd9, 320, 180, FALSE },
    { 0x01, 320, 180, FALSE },
    { 0xc4, 320, 640, TRUE },
  };
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) giver = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);

  register_giver (giver, RECEIVER);
  ask (a);
  expect_request (giver, RECEIVER);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *jpeg =
        make_jpeg (cases[i].before, cases[i].width, cases[i].height);

    give (giver, RECEIVER, jpeg);
    if (cases[i].is_taken)
      json_object_unref (ws_expect (a, "thumbnail"));
    else
      ws_expect_error (giver, "INVALID_MESSAGE");
  }
  /* cut off in every place before the size is known */
  for (guint i = 0; i < 4; i++) {
    static const char *const parts[] = { "/9g=", "/9j/",
      "/9j/wAALCA==", "/9j/4AAA" };

    give (giver, RECEIVER, parts[i]);
    ws_expect_error (giver, "INVALID_MESSAGE");
  }
}

static void
test_pictures_are_not_saved_up (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (Ws) giver = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);
  guint n = 0;

  register_giver (giver, RECEIVER);
  for (guint i = 0; i < 100; i++) {
    ask (a);
    expect_request (giver, RECEIVER);
    pass_time (f, PB_THUMBNAIL_INTERVAL_S);
  }
  for (guint i = 0; i < 100; i++)
    give (giver, RECEIVER, JPEG);
  ws_expect_none (f, giver, "error");
  ws_expect_none (f, giver, "closed");
  settle (f);
  for (guint i = 0; i < a->texts->len; i++)
    if (strstr (g_ptr_array_index (a->texts, i), "\"type\":\"thumbnail\""))
      n++;
  g_assert_cmpuint (n, ==, PB_THUMBNAIL_WAIT_S / PB_THUMBNAIL_INTERVAL_S);
}

/* A viewer who says that it is connected shows the control room nothing that
 * an admin's receiver could. */
static void
test_an_admins_receiver_is_asked_first (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *room = mint (f, "demo", admin, NULL, "receive", 0);
  g_autoptr (Ws) guest = ws_open (f, "demo", room);
  g_autoptr (Ws) own = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", admin);

  register_giver (guest, RECEIVER);
  ws_send (guest,
      "{\"type\":\"status\",\"peer\":\"" RECEIVER "\",\"srt\":\"connected\"}");
  ws_expect_none (f, guest, "error");
  register_giver (own, "receiver-2");
  ask (a);
  expect_request (own, "receiver-2");
  ws_expect_none (f, guest, "thumbnail_request");
  give (guest, RECEIVER, JPEG);
  ws_expect_none (f, guest, "error");
  ws_expect_none (f, a, "thumbnail");
}

static void
test_a_token_that_ran_out_gets_no_picture (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *room = mint (f, "demo", admin, NULL, "receive", 10);
  g_autoptr (Ws) giver = ws_open (f, "demo", admin);
  g_autoptr (Ws) a = ws_open (f, "demo", room);

  register_giver (giver, RECEIVER);
  ws_register (a, "observer-1", NULL, "observe");
  ask (a);
  expect_request (giver, RECEIVER);
  pass_time (f, 10);
  give (giver, RECEIVER, JPEG);
  ws_expect_none (f, giver, "error");
  ws_expect_closed (a);
  for (guint i = 0; i < a->texts->len; i++)
    g_assert_null (
        strstr (g_ptr_array_index (a->texts, i), "\"type\":\"thumbnail\""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define TEST(name, test)                                                       \
  g_test_add ("/server/desk/" name, Fixture, NULL, fixture_set_up, test,       \
      fixture_tear_down)

  TEST ("a-sender-gets-what-its-encoder-needs",
      test_a_sender_gets_what_its_encoder_needs);
  TEST ("a-retired-secrets-token-is-in-no-string",
      test_a_retired_secrets_token_is_in_no_string);
  TEST ("who-asks-without-end-has-to-wait",
      test_who_asks_without_end_has_to_wait);
  TEST ("a-peer-gets-its-own-slot-and-direction",
      test_a_peer_gets_its_own_slot_and_direction);
  TEST ("an-admins-token-is-in-no-string",
      test_an_admins_token_is_in_no_string);
  TEST ("strings-are-those-of-the-end-that-is-there",
      test_strings_are_those_of_the_end_that_is_there);
  TEST ("a-picture-goes-to-who-asked", test_a_picture_goes_to_who_asked);
  TEST ("many-askers-are-one-request", test_many_askers_are_one_request);
  TEST ("a-receiver-that-is-connected-is-asked",
      test_a_receiver_that_is_connected_is_asked);
  TEST ("what-is-no-picture-is-refused", test_what_is_no_picture_is_refused);
  TEST ("a-picture-is-as-small-as-it-is-said-to-be",
      test_a_picture_is_as_small_as_it_is_said_to_be);
  TEST ("pictures-are-not-saved-up", test_pictures_are_not_saved_up);
  TEST ("an-admins-receiver-is-asked-first",
      test_an_admins_receiver_is_asked_first);
  TEST ("a-token-that-ran-out-gets-no-picture",
      test_a_token_that_ran_out_gets_no_picture);

  return g_test_run ();
}
