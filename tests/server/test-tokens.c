/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-json.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "whip-client.h"

/* What an admin gives out, sees of it, and takes back: sections 4.5 and 4.9 of
 * the protocol. */

#define TOKENS "/api/session/demo/token"
#define SENDER "sender-0001"
#define RECEIVER "receiver-1"
#define OBSERVER "observer-1"

static char *
id_of (Fixture *f, const char *token)
{
  g_autoptr (PbToken) claims =
      pb_keyring_read (f->context->keyring, token, 1, NULL);

  return g_strdup (pb_token_get_id (claims));
}

static JsonObject *
list_from (Fixture *f, const char *admin, guint offset)
{
  g_autofree char *path = g_strdup_printf (TOKENS "?offset=%u", offset);
  guint status;
  JsonObject *answer =
      http (f, "GET", offset > 0 ? path : TOKENS, admin, NULL, &status);

  g_assert_cmpuint (status, ==, 200);
  g_assert_nonnull (answer);

  return answer;
}

/* (transfer full) (nullable) */
static JsonObject *
row_of (Fixture *f, const char *admin, const char *id)
{
  g_autoptr (JsonObject) answer = list_from (f, admin, 0);
  JsonArray *tokens = json_object_get_array_member (answer, "tokens");

  for (guint i = 0; i < json_array_get_length (tokens); i++) {
    JsonObject *row = json_array_get_object_element (tokens, i);

    if (g_str_equal (text_of (row, "id"), id))
      return json_object_ref (row);
  }

  return NULL;
}

static guint
take_back (Fixture *f, const char *admin, const char *id)
{
  g_autofree char *path = g_strconcat (TOKENS "/", id, NULL);
  guint status;
  g_autoptr (JsonObject) answer =
      http (f, "DELETE", path, admin, NULL, &status);

  return status;
}

static void
assert_row (Fixture *f, const char *admin, const char *id, gboolean revoked,
    guint live)
{
  g_autoptr (JsonObject) row = row_of (f, admin, id);

  g_assert_nonnull (row);
  g_assert_true (json_object_get_boolean_member (row, "revoked") == revoked);
  g_assert_cmpint (json_object_get_int_member (row, "live"), ==, live);
}

/* --- what was given out -------------------------------------------------- */

static void
test_the_list_tells_what_was_given_out (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *own = id_of (f, admin);
  guint status;
  g_autoptr (JsonObject) made = http (f, "POST", TOKENS, admin,
      "{\"role\":\"peer\",\"stream\":\"cam-wide\",\"direction\":\"send\","
      "\"ttl\":600,\"label\":\"Kim, \\\"camera\\\" <b>2</b> \xc3\xa9\"}",
      &status);
  g_autofree char *plain = mint (f, "demo", admin, NULL, NULL, 0);
  g_autoptr (JsonObject) answer = list_from (f, admin, 0);
  JsonArray *tokens = json_object_get_array_member (answer, "tokens");
  gint64 now = pb_server_context_unix (f->context);
  JsonObject *row;

  g_assert_cmpstr (text_of (made, "label"), ==,
      "Kim, \"camera\" <b>2</b> \xc3\xa9");
  g_assert_false (json_object_has_member (made, "qr"));
  g_assert_cmpuint (json_array_get_length (tokens), ==, 3);
  g_assert_cmpint (json_object_get_int_member (answer, "more"), ==, 0);

  row = json_array_get_object_element (tokens, 0);
  g_assert_null (text_of (row, "label"));
  g_assert_null (text_of (row, "stream"));
  g_assert_null (text_of (row, "direction"));
  g_assert_false (json_object_get_boolean_member (row, "own"));
  row = json_array_get_object_element (tokens, 1);
  g_assert_cmpuint (json_object_get_size (row), ==, 10);
  g_assert_cmpstr (text_of (row, "id"), ==, text_of (made, "id"));
  g_assert_cmpstr (text_of (row, "label"), ==, text_of (made, "label"));
  g_assert_cmpstr (text_of (row, "role"), ==, "peer");
  g_assert_cmpstr (text_of (row, "stream"), ==, "cam-wide");
  g_assert_cmpstr (text_of (row, "direction"), ==, "send");
  g_assert_cmpint (json_object_get_int_member (row, "expires"), ==,
      json_object_get_int_member (made, "expires"));
  g_assert_cmpint (json_object_get_int_member (row, "created"), <=, now);
  g_assert_cmpint (json_object_get_int_member (row, "created"), >=, now - 60);
  g_assert_false (json_object_get_boolean_member (row, "revoked"));
  g_assert_cmpint (json_object_get_int_member (row, "live"), ==, 0);
  row = json_array_get_object_element (tokens, 2);
  g_assert_cmpstr (text_of (row, "id"), ==, own);
  g_assert_cmpstr (text_of (row, "role"), ==, "admin");
  g_assert_null (text_of (row, "label"));
  g_assert_true (json_object_get_boolean_member (row, "own"));
}

static void
test_the_list_holds_no_token (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autoptr (SoupMessage) msg = new_message (f, "GET", TOKENS, admin, NULL);
  g_autoptr (GBytes) bytes = http_raw (f, msg);
  g_autofree char *text =
      g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  g_assert_cmpuint (soup_message_get_status (msg), ==, 200);
  g_assert_nonnull (strstr (text, "\"id\""));
  g_assert_null (strstr (text, "p_"));
  g_assert_null (strstr (text, strchr (peer, '.') + 1));
  g_assert_null (strstr (text, strchr (admin, '.') + 1));
}

static void
test_connect_and_qr_are_in_the_list (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  guint status;
  g_autoptr (JsonObject) connect = http (f, "GET",
      "/api/session/demo/connect?stream=cam-wide", admin, NULL, &status);
  g_autoptr (SoupMessage) msg =
      new_message (f, "GET", "/s/demo/qr?stream=cam-close", admin, NULL);
  g_autoptr (GBytes) picture = http_raw (f, msg);
  g_autoptr (JsonObject) answer = list_from (f, admin, 0);
  JsonArray *tokens = json_object_get_array_member (answer, "tokens");
  static const struct
  {
    const char *stream, *direction;
  } expected[] = { { "cam-close", "send" }, { "cam-wide", "receive" },
    { "cam-wide", "send" }, { NULL, NULL } };

  g_assert_cmpuint (soup_message_get_status (msg), ==, 200);
  g_assert_cmpuint (json_array_get_length (tokens), ==, 4);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    JsonObject *row = json_array_get_object_element (tokens, i);

    g_assert_cmpstr (text_of (row, "stream"), ==, expected[i].stream);
    g_assert_cmpstr (text_of (row, "direction"), ==, expected[i].direction);
    g_assert_null (text_of (row, "label"));
  }
}

static void
test_the_longest_list_fits_and_goes_on (Fixture *f, gconstpointer unused)
{
  /* what is longest in JSON: every character of it is escaped, or has four
   * octets */
  g_autofree char *name = g_strnfill (PB_NAME_MAX, 'n');
  g_autofree char *create =
      g_strdup_printf ("{\"name\":\"demo\","
                       "\"streams\":[\"%s\"],\"ttl\":86400}",
          name);
  g_autofree char *admin = create_session (f, create);
  g_autoptr (GString) label = g_string_new (NULL);
  g_autofree char *body = NULL;
  g_autoptr (SoupMessage) msg = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (JsonObject) first = NULL;
  g_autoptr (JsonObject) second = NULL;
  g_autoptr (JsonObject) beyond = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  guint status;

  for (guint i = 0; i < PB_LABEL_MAX; i++)
    g_string_append (label, "\xf0\x9f\x8e\xa5");
  body = g_strdup_printf ("{\"role\":\"peer\",\"stream\":\"%s\","
                          "\"direction\":\"receive\",\"label\":\"%s\"}",
      name, label->str);
  for (guint i = 0; i < PB_TOKENS_TOLD_MAX + 19; i++) {
    g_autoptr (JsonObject) made =
        http (f, "POST", TOKENS, admin, body, &status);

    g_assert_cmpuint (status, ==, 201);
  }

  msg = new_message (f, "GET", TOKENS, admin, NULL);
  bytes = http_raw (f, msg);
  g_assert_cmpuint (g_bytes_get_size (bytes), <, PB_JSON_SIZE_MAX);
  g_assert_cmpuint (g_bytes_get_size (bytes), >, PB_TOKENS_TOLD_MAX * 400);

  first = list_from (f, admin, 0);
  second = list_from (f, admin, PB_TOKENS_TOLD_MAX);
  beyond = list_from (f, admin, 4000);
  g_assert_cmpint (json_object_get_int_member (first, "more"), ==, 20);
  g_assert_cmpint (json_object_get_int_member (second, "more"), ==, 0);
  g_assert_cmpint (json_object_get_int_member (beyond, "more"), ==, 0);
  g_assert_cmpuint (json_array_get_length (
                        json_object_get_array_member (beyond, "tokens")),
      ==, 0);
  for (guint k = 0; k < 2; k++) {
    JsonArray *tokens =
        json_object_get_array_member (k == 0 ? first : second, "tokens");

    g_assert_cmpuint (json_array_get_length (tokens), ==,
        k == 0 ? PB_TOKENS_TOLD_MAX : 20);
    for (guint i = 0; i < json_array_get_length (tokens); i++)
      g_assert_true (g_hash_table_add (seen,
          (gpointer) text_of (json_array_get_object_element (tokens, i),
              "id")));
  }
}

static void
test_what_expired_is_left_out (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *brief = mint (f, "demo", admin, "cam-wide", "send", 60);
  g_autofree char *lasting = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *brief_id = id_of (f, brief);
  g_autofree char *lasting_id = id_of (f, lasting);

  assert_row (f, admin, brief_id, FALSE, 0);
  pass_time (f, 60);
  g_assert_null (row_of (f, admin, brief_id));
  assert_row (f, admin, lasting_id, FALSE, 0);
}

static void
test_the_list_refuses_what_is_wrong (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  static const char *const queries[] = { "offset=", "offset=-1", "offset=x",
    "offset=1e3", "offset=99999999999", "offset=1&offset=2", "limit=5" };

  for (guint i = 0; i < G_N_ELEMENTS (queries); i++) {
    g_autofree char *path = g_strconcat (TOKENS "?", queries[i], NULL);

    assert_refused (f, "GET", path, admin, NULL, 400, "INVALID_MESSAGE");
  }
}

/* --- minting ------------------------------------------------------------- */

static void
test_labels_are_for_people (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *body = g_strnfill (PB_LABEL_MAX + 1, 'a');
  g_autofree char *too_long =
      g_strdup_printf ("{\"role\":\"peer\",\"label\":\"%s\"}", body);
  static const char *const bad[] = {
    "{\"role\":\"peer\",\"label\":\"\"}",
    "{\"role\":\"peer\",\"label\":1}",
    "{\"role\":\"peer\",\"label\":\"a\\u0000b\"}",
    "{\"role\":\"peer\",\"label\":\"two\\nlines\"}",
    "{\"role\":\"peer\",\"label\":\"\\u001b[31m\"}",
    "{\"role\":\"peer\",\"label\":\"a\\u202eb\"}",
    "{\"role\":\"peer\",\"label\":\"a\\u2066b\"}",
    "{\"role\":\"peer\",\"label\":[]}",
    "{\"role\":\"peer\",\"qr\":\"yes\"}",
    "{\"role\":\"peer\",\"qr\":1}",
  };
  g_autoptr (JsonObject) answer = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (f, "POST", TOKENS, admin, bad[i], 400, "INVALID_MESSAGE");
  assert_refused (f, "POST", TOKENS, admin, too_long, 400, "INVALID_MESSAGE");
  answer = list_from (f, admin, 0);
  g_assert_cmpuint (json_array_get_length (
                        json_object_get_array_member (answer, "tokens")),
      ==, 1);
}

static void
test_a_token_comes_with_its_picture (Fixture *f, gconstpointer unused)
{
  g_autofree char *session = g_strnfill (PB_NAME_MAX, 's');
  g_autofree char *stream = g_strnfill (PB_NAME_MAX, 'c');
  g_autofree char *create =
      g_strdup_printf ("{\"name\":\"%s\",\"streams\":[\"%s\"]}", session,
          stream);
  g_autofree char *admin = create_session (f, create);
  g_autofree char *path = g_strdup_printf ("/api/session/%s/token", session);
  g_autofree char *body = g_strdup_printf ("{\"role\":\"peer\","
                                           "\"stream\":\"%s\",\"direction\":"
                                           "\"receive\",\"qr\":true}",
      stream);
  guint status;
  g_autoptr (JsonObject) made = http (f, "POST", path, admin, body, &status);
  g_autoptr (JsonObject) without = NULL;

  g_assert_cmpuint (status, ==, 201);
  g_assert_true (g_str_has_prefix (text_of (made, "qr"), "<svg "));
  g_assert_nonnull (strstr (text_of (made, "qr"), "</svg>"));
  g_assert_null (strstr (text_of (made, "qr"), "p_"));
  /* the longest names there are */
  g_assert_cmpuint (strlen (text_of (made, "qr")), <=, PB_STRING_QR_MAX);
  without = http (f, "POST", path, admin,
      "{\"role\":\"peer\",\"qr\":false,\"label\":null}", &status);
  g_assert_cmpuint (status, ==, 201);
  g_assert_false (json_object_has_member (without, "qr"));
  g_assert_null (text_of (without, "label"));
}

/* An admin's token that is not one of this session's own, as one signed
 * elsewhere with the same secret */
static void
test_nobody_hands_on_more_time_than_they_have (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  gint64 now = pb_server_context_unix (f->context);
  g_autofree char *brief = forge (f, "demo", PB_ROLE_ADMIN, NULL, now + 60);
  g_autofree char *peer = mint (f, "demo", brief, "cam-wide", "send", 0);
  g_autofree char *asked = mint (f, "demo", brief, "cam-wide", "send", 86400);
  guint status;
  g_autoptr (JsonObject) answer =
      http (f, "PATCH", "/api/session/demo", admin, "{\"ttl\":7200}", &status);

  g_assert_cmpuint (status, ==, 200);
  pass_time (f, 61);
  assert_refused (f, "GET", "/api/session/demo", brief, NULL, 401,
      "TOKEN_EXPIRED");
  assert_refused (f, "GET", "/api/session/demo", peer, NULL, 401,
      "TOKEN_EXPIRED");
  assert_refused (f, "GET", "/api/session/demo", asked, NULL, 401,
      "TOKEN_EXPIRED");
}

/* --- taking back --------------------------------------------------------- */

static void
test_a_revoked_token_is_out_at_once (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *bad = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *good = mint (f, "demo", admin, "cam-wide", "receive", 0);
  g_autofree char *id = id_of (f, bad);
  g_autofree char *good_id = id_of (f, good);
  g_autoptr (Ws) sender = ws_open (f, "demo", bad);
  g_autoptr (Ws) silent = ws_open (f, "demo", bad);
  g_autoptr (Ws) receiver = ws_open (f, "demo", good);
  g_autoptr (Ws) observer = ws_open (f, "demo", admin);
  g_autoptr (JsonObject) closed = NULL;
  g_autoptr (JsonObject) gone = NULL;
  g_autoptr (JsonObject) seen = NULL;
  g_autoptr (JsonObject) session = NULL;
  g_autofree char *log = NULL;
  guint status;

  ws_register (sender, SENDER, "cam-wide", "send");
  ws_register (receiver, RECEIVER, "cam-wide", "receive");
  ws_register (observer, OBSERVER, NULL, "observe");
  assert_row (f, admin, id, FALSE, 1);

  g_assert_cmpuint (take_back (f, admin, id), ==, 204);
  closed = ws_expect (sender, "closed");
  g_assert_cmpstr (text_of (closed, "reason"), ==, "token-revoked");
  g_assert_false (json_object_get_boolean_member (closed, "retry"));
  g_assert_cmpuint (ws_expect_closed (sender), ==, 4003);
  g_assert_cmpuint (ws_expect_closed (silent), ==, 4003);
  gone = ws_expect (receiver, "peer_gone");
  g_assert_cmpstr (text_of (gone, "peer"), ==, SENDER);
  g_assert_cmpstr (text_of (gone, "reason"), ==, "closed");
  seen = ws_expect (observer, "peer_gone");
  g_assert_cmpstr (text_of (seen, "reason"), ==, "closed");
  assert_row (f, admin, id, TRUE, 0);
  assert_row (f, admin, good_id, FALSE, 1);

  /* once more is no error, and no second event */
  g_assert_cmpuint (take_back (f, admin, id), ==, 204);
  /* who is left is left alone */
  g_assert_false (receiver->is_closed);
  session = http (f, "GET", "/api/session/demo", admin, NULL, &status);
  g_assert_true (
      json_object_get_null_member (slot_of (session, "cam-wide"), "sender"));
  g_assert_cmpuint (json_array_get_length (
                        json_object_get_array_member (slot_of (session,
                                                          "cam-wide"),
                            "receivers")),
      ==, 1);
  log = read_log (f);
  g_assert_nonnull (strstr (log, "token_revoked"));
  g_assert_null (strstr (strstr (log, "token_revoked") + 1, "token_revoked"));
}

static void
test_the_slot_is_free_for_another (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *bad = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *next = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *id = id_of (f, bad);
  g_autoptr (Ws) lost = ws_open (f, "demo", bad);
  g_autoptr (Ws) other = ws_open (f, "demo", next);

  /* also one whose connection broke, and who could come back */
  ws_register (lost, SENDER, "cam-wide", "send");
  ws_cut (lost);
  ws_expect_closed (lost);
  g_assert_cmpuint (take_back (f, admin, id), ==, 204);
  assert_row (f, admin, id, TRUE, 0);
  ws_register (other, "sender-0002", "cam-wide", "send");
}

static void
test_a_revoked_token_opens_nothing (Fixture *f, gconstpointer unused)
{
  static const struct
  {
    const char *method, *path, *type, *body;
  } entries[] = {
    { "GET", "/api/session/demo", NULL, NULL },
    { "PATCH", "/api/session/demo", "application/json", "{\"ttl\":3600}" },
    { "DELETE", "/api/session/demo", NULL, NULL },
    { "POST", "/api/session", "application/json", "{\"name\":\"other\"}" },
    { "POST", "/api/session/demo/stream", "application/json",
        "{\"stream\":\"x\"}" },
    { "POST", TOKENS, "application/json", "{\"role\":\"peer\"}" },
    { "GET", TOKENS, NULL, NULL },
    { "DELETE", TOKENS "/aaaaaaaaaaaaaaaa", NULL, NULL },
    { "GET", "/api/session/demo/connect", NULL, NULL },
    { "GET", "/s/demo/qr", NULL, NULL },
    { "GET", "/api/ws/demo", NULL, NULL },
    { "POST", WHIP_PATH, WHIP_SDP, WHIP_OFFER },
    { "GET", WHIP_PATH, NULL, NULL },
    { "POST", WHEP_PATH, WHIP_SDP, WHEP_OFFER },
    { "PATCH", WHEP_PATH "/aaaaaaaaaaaaaaaaaaaaaaaa", WHIP_FRAGMENT, "" },
    { "DELETE", WHEP_PATH "/aaaaaaaaaaaaaaaaaaaaaaaa", NULL, NULL },
    /* of another session it tells nothing either */
    { "GET", "/api/session/elsewhere", NULL, NULL },
  };
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *bad = mint (f, "demo", admin, "cam-wide", NULL, 0);
  g_autofree char *id = id_of (f, bad);
  g_autofree char *in_query = g_strconcat ("/api/session/demo?t=", bad, NULL);
  g_autoptr (Ws) ws = NULL;
  g_autofree char *log = NULL;

  g_assert_cmpuint (take_back (f, admin, id), ==, 204);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++) {
    g_autoptr (Call) call = call_new (f, entries[i].method, entries[i].path,
        bad, entries[i].type, entries[i].body, NULL);
    g_autofree char *text = NULL;

    g_test_message ("%s %s", entries[i].method, entries[i].path);
    g_assert_cmpuint (call_wait (call), ==, 401);
    text = call_text (call);
    g_assert_nonnull (strstr (text, "\"TOKEN_REVOKED\""));
  }
  assert_refused (f, "GET", in_query, NULL, NULL, 401, "TOKEN_REVOKED");
  ws = ws_open (f, "demo", bad);
  g_assert_null (ws->ws);
  g_assert_cmpuint (ws->status, ==, 401);
  g_assert_cmpuint (count_sessions (f), ==, 1);
  log = read_log (f);
  g_assert_nonnull (strstr (log, "TOKEN_REVOKED"));
}

static void
test_whip_ends_with_its_token (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autofree char *peer = NULL;
  g_autofree char *tag = NULL;
  g_autofree char *path = NULL;
  g_autofree char *id = NULL;
  g_autoptr (JsonObject) gone = NULL;
  g_autoptr (Call) ask = NULL;

  scene_init (&s, f, "receive");
  path = scene_connect (&s, f, &peer, &tag);
  id = id_of (f, s.send);
  assert_row (f, s.admin, id, FALSE, 1);
  g_assert_cmpuint (take_back (f, s.admin, id), ==, 204);
  gone = ws_expect (s.ws, "peer_gone");
  g_assert_cmpstr (text_of (gone, "peer"), ==, peer);
  g_assert_cmpstr (text_of (gone, "reason"), ==, "closed");
  assert_row (f, s.admin, id, TRUE, 0);
  ask = call_new (f, "DELETE", path, s.send, NULL, NULL, NULL);
  call_assert_refused (ask, 401, "TOKEN_REVOKED", NULL);
}

static void
test_whoever_waits_for_an_answer_hears_why (Fixture *f, gconstpointer unused)
{
  g_auto (Scene) s = { NULL };
  g_autoptr (Call) offer = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *id = NULL;

  scene_init (&s, f, "receive");
  offer = scene_offer (&s, f);
  peer = scene_take_offer (&s, WHIP_OFFER);
  id = id_of (f, s.send);
  g_assert_cmpuint (take_back (f, s.admin, id), ==, 204);
  call_assert_refused (offer, 401, "TOKEN_REVOKED", NULL);
}

static void
test_who_may_not_revoke (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *foreign = create_session (f, "{\"name\":\"other\"}");
  g_autofree char *peer = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *id = id_of (f, peer);
  g_autofree char *own = id_of (f, admin);
  g_autofree char *foreign_id = id_of (f, foreign);
  g_autofree char *path = g_strconcat (TOKENS "/", id, NULL);
  g_autofree char *own_path = g_strconcat (TOKENS "/", own, NULL);
  g_autofree char *foreign_path = g_strconcat (TOKENS "/", foreign_id, NULL);
  g_autofree char *crossed =
      g_strconcat ("/api/session/other/token/", id, NULL);
  static const char *const bad[] = { TOKENS "/", TOKENS "/short",
    TOKENS "/aaaaaaaaaaaaaaaaa", TOKENS "/aaaaaaaa%2faaaaaaaa",
    TOKENS "/aaaaaaaaaaaaaaaa/x" };

  assert_refused (f, "DELETE", path, NULL, NULL, 401, "TOKEN_MISSING");
  assert_refused (f, "DELETE", path, peer, NULL, 403, "PERMISSION_DENIED");
  assert_refused (f, "DELETE", path, foreign, NULL, 404, "NOT_FOUND");
  assert_refused (f, "DELETE", crossed, foreign, NULL, 404, "NOT_FOUND");
  assert_refused (f, "DELETE", foreign_path, admin, NULL, 404, "NOT_FOUND");
  assert_refused (f, "DELETE", TOKENS "/aaaaaaaaaaaaaaaa", admin, NULL, 404,
      "NOT_FOUND");
  assert_refused (f, "DELETE", own_path, admin, NULL, 409, "WRONG_STATE");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (f, "DELETE", bad[i], admin, NULL, 404, "NOT_FOUND");
  assert_refused (f, "GET", path, admin, NULL, 405, "METHOD_NOT_ALLOWED");
  assert_refused (f, "GET", TOKENS, peer, NULL, 403, "PERMISSION_DENIED");
  assert_refused (f, "GET", TOKENS, foreign, NULL, 404, "NOT_FOUND");
  assert_refused (f, "GET", TOKENS, NULL, NULL, 401, "TOKEN_MISSING");

  /* nothing has changed */
  assert_row (f, admin, id, FALSE, 0);
  assert_row (f, admin, own, FALSE, 0);
  settle (f);
}

static void
test_revocation_outlasts_the_session (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  g_autofree char *bad = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *other = mint (f, "demo", admin, "cam-wide", "send", 0);
  g_autofree char *id = id_of (f, bad);
  g_autofree char *again = NULL;
  guint status;

  g_assert_cmpuint (take_back (f, admin, id), ==, 204);
  g_assert_null (http (f, "DELETE", "/api/session/demo", admin, NULL, &status));
  assert_refused (f, "GET", "/api/session/demo", bad, NULL, 401,
      "TOKEN_REVOKED");
  again = create_session (f, NULL);
  assert_refused (f, "GET", "/api/session/demo", bad, NULL, 401,
      "TOKEN_REVOKED");
  assert_refused (f, "GET", "/api/session/demo", other, NULL, 401,
      "TOKEN_INVALID");
  assert_refused (f, "DELETE", "/api/session/demo", admin, NULL, 401,
      "TOKEN_INVALID");
  /* until its own time refuses it */
  pass_time (f, PB_TTL_DEFAULT + 1);
  sweep (f);
  assert_refused (f, "GET", "/api/session/demo", bad, NULL, 401,
      "TOKEN_EXPIRED");
}

static void
test_connect_gives_no_revoked_token (Fixture *f, gconstpointer unused)
{
  const char *path = "/api/session/demo/connect?stream=cam-wide";
  g_autofree char *admin = create_session (f, NULL);
  g_autoptr (JsonObject) list = NULL;
  g_autoptr (JsonObject) after = NULL;
  JsonObject *row;
  guint status;

  for (guint i = 0; i < 2; i++) {
    g_autoptr (JsonObject) connect =
        http (f, "GET", path, admin, NULL, &status);

    g_assert_cmpuint (status, ==, 200);
  }
  list = list_from (f, admin, 0);
  /* the admin's, and one for each end: asking again made no more */
  g_assert_cmpuint (json_array_get_length (
                        json_object_get_array_member (list, "tokens")),
      ==, 3);
  row = json_array_get_object_element (json_object_get_array_member (list,
                                           "tokens"),
      0);
  g_assert_cmpuint (take_back (f, admin, text_of (row, "id")), ==, 204);
  g_clear_pointer (&list, json_object_unref);
  json_object_unref (http (f, "GET", path, admin, NULL, &status));
  after = list_from (f, admin, 0);
  g_assert_cmpuint (json_array_get_length (
                        json_object_get_array_member (after, "tokens")),
      ==, 4);
  row = json_array_get_object_element (json_object_get_array_member (after,
                                           "tokens"),
      0);
  g_assert_false (json_object_get_boolean_member (row, "revoked"));
}

static void
test_the_log_tells_ids_alone (Fixture *f, gconstpointer unused)
{
  g_autofree char *admin = create_session (f, NULL);
  guint status;
  g_autoptr (JsonObject) made = http (f, "POST", TOKENS, admin,
      "{\"role\":\"peer\",\"stream\":\"cam-wide\",\"label\":\"canary-label\","
      "\"qr\":true}",
      &status);
  g_autofree char *own = id_of (f, admin);
  g_autofree char *log = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean is_there = FALSE;

  g_assert_cmpuint (take_back (f, admin, text_of (made, "id")), ==, 204);
  log = read_log (f);
  g_assert_null (strstr (log, "canary-label"));
  g_assert_null (strstr (log, text_of (made, "token")));
  lines = g_strsplit (g_strstrip (log), "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_autoptr (JsonNode) node = pb_json_parse (lines[i], -1, NULL);
    JsonObject *line = json_node_get_object (node);
    JsonObject *details = json_object_get_object_member (line, "details");

    if (!g_str_equal (text_of (line, "event_type"), "token_revoked"))
      continue;
    is_there = TRUE;
    g_assert_cmpstr (text_of (line, "resource_id"), ==, text_of (made, "id"));
    g_assert_cmpstr (text_of (details, "by"), ==, own);
    g_assert_cmpstr (text_of (details, "session"), ==, "demo");
  }
  g_assert_true (is_there);
}

#define TEST(name, function)                                                   \
  g_test_add ("/server/tokens/" name, Fixture, NULL, fixture_set_up, function, \
      fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("the-list-tells-what-was-given-out",
      test_the_list_tells_what_was_given_out);
  TEST ("the-list-holds-no-token", test_the_list_holds_no_token);
  TEST ("connect-and-qr-are-in-the-list", test_connect_and_qr_are_in_the_list);
  TEST ("the-longest-list-fits-and-goes-on",
      test_the_longest_list_fits_and_goes_on);
  TEST ("what-expired-is-left-out", test_what_expired_is_left_out);
  TEST ("the-list-refuses-what-is-wrong", test_the_list_refuses_what_is_wrong);
  TEST ("labels-are-for-people", test_labels_are_for_people);
  TEST ("a-token-comes-with-its-picture", test_a_token_comes_with_its_picture);
  TEST ("nobody-hands-on-more-time-than-they-have",
      test_nobody_hands_on_more_time_than_they_have);
  TEST ("a-revoked-token-is-out-at-once", test_a_revoked_token_is_out_at_once);
  TEST ("the-slot-is-free-for-another", test_the_slot_is_free_for_another);
  TEST ("a-revoked-token-opens-nothing", test_a_revoked_token_opens_nothing);
  TEST ("whip-ends-with-its-token", test_whip_ends_with_its_token);
  TEST ("whoever-waits-for-an-answer-hears-why",
      test_whoever_waits_for_an_answer_hears_why);
  TEST ("who-may-not-revoke", test_who_may_not_revoke);
  TEST ("revocation-outlasts-the-session",
      test_revocation_outlasts_the_session);
  TEST ("connect-gives-no-revoked-token", test_connect_gives_no_revoked_token);
  TEST ("the-log-tells-ids-alone", test_the_log_tells_ids_alone);

  return g_test_run ();
}
