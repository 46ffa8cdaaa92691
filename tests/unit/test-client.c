/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PbClient over a channel that the test plays: what is sent, when it is tried
 * again, and when not. */

#include "config.h"

#include <string.h>

#include "net/pb-client.h"

#define WATCHDOG_S 20
#define FIRST_MS 8
#define MAX_MS 32

/* --- a channel that the test plays --- */

#define TEST_TYPE_CHANNEL (test_channel_get_type ())
G_DECLARE_FINAL_TYPE (TestChannel, test_channel, TEST, CHANNEL, GObject)

struct _TestChannel
{
  GObject parent;
  char *url;
  char *token;
  GPtrArray *sent; /* JsonNode */
  gboolean is_open;
  gboolean is_closed;
  guint close_code;
};

static void test_channel_iface_init (PbChannelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TestChannel, test_channel, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (PB_TYPE_CHANNEL, test_channel_iface_init))

static void
test_channel_open (PbChannel *channel, const char *url, const char *token)
{
  TestChannel *self = TEST_CHANNEL (channel);

  g_assert_null (self->url);
  self->url = g_strdup (url);
  self->token = g_strdup (token);
}

static void
test_channel_send (PbChannel *channel, const char *text, gssize length)
{
  TestChannel *self = TEST_CHANNEL (channel);
  g_autoptr (GError) error = NULL;
  JsonNode *node = pb_json_parse (text, length, &error);

  g_assert_no_error (error);
  g_assert_true (self->is_open);
  g_ptr_array_add (self->sent, node);
}

static gboolean
on_goodbye (gpointer data)
{
  g_signal_emit_by_name (data, "closed", 1000, NULL);

  return G_SOURCE_REMOVE;
}

static void
test_channel_close (PbChannel *channel, guint code, const char *reason)
{
  TestChannel *self = TEST_CHANNEL (channel);

  g_assert_false (self->is_closed);
  self->is_closed = TRUE;
  self->is_open = FALSE;
  self->close_code = code;
  g_idle_add_full (G_PRIORITY_DEFAULT, on_goodbye, g_object_ref (self),
      g_object_unref);
}

static void
test_channel_iface_init (PbChannelInterface *iface)
{
  iface->open = test_channel_open;
  iface->send = test_channel_send;
  iface->close = test_channel_close;
}

static void
test_channel_finalize (GObject *object)
{
  TestChannel *self = TEST_CHANNEL (object);

  g_free (self->url);
  g_free (self->token);
  g_ptr_array_unref (self->sent);

  G_OBJECT_CLASS (test_channel_parent_class)->finalize (object);
}

static void
test_channel_init (TestChannel *self)
{
  self->sent =
      g_ptr_array_new_with_free_func ((GDestroyNotify) json_node_unref);
}

static void
test_channel_class_init (TestChannelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_channel_finalize;
}

/* --- the fixture --- */

typedef struct
{
  PbClient *client;
  GPtrArray *channels; /* TestChannel, in the order of the attempts */
  GArray *faults;      /* PbFault */
  GArray *delays;      /* guint, ms: of each fault */
  GString *states;     /* "connecting connected …" */
  guint n_messages;
  char *fault_peer;
  guint watchdog;
} Fixture;

static PbChannel *
make_channel (gpointer user_data)
{
  Fixture *f = user_data;
  TestChannel *channel = g_object_new (TEST_TYPE_CHANNEL, NULL);

  g_ptr_array_add (f->channels, g_object_ref (channel));

  return PB_CHANNEL (channel);
}

static void
on_message (PbClient *client, PbMessage *message, Fixture *f)
{
  f->n_messages++;
}

static void
on_state (PbClient *client, PbClientState state, Fixture *f)
{
  GEnumClass *names = g_type_class_ref (PB_TYPE_CLIENT_STATE);

  g_assert_cmpint (pb_client_get_state (client), ==, state);
  g_string_append_printf (f->states, "%s ",
      g_enum_get_value (names, (gint) state)->value_nick);
  g_type_class_unref (names);
}

static void
on_fault (PbClient *client, PbFault fault, const char *detail, Fixture *f)
{
  guint attempt;
  guint ms;
  const char *peer = pb_client_get_fault_details (client, &attempt, &ms);

  g_assert_cmpuint (attempt, >, 0);
  g_assert_nonnull (detail);
  g_array_append_val (f->faults, fault);
  g_array_append_val (f->delays, ms);
  g_free (f->fault_peer);
  f->fault_peer = g_strdup (peer);
}

static gboolean
on_watchdog (gpointer data)
{
  g_assert_not_reached ();
}

static PbClient *
make_client (Fixture *f, const char *address)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbUri) uri = pb_uri_parse (address, &error);
  PbClient *client;

  g_assert_no_error (error);
  client = pb_client_new (uri, "test/1");
  pb_client_set_channel_factory (client, make_channel, f, NULL);
  pb_client_set_backoff (client, FIRST_MS, MAX_MS);
  g_signal_connect (client, "message", G_CALLBACK (on_message), f);
  g_signal_connect (client, "state-changed", G_CALLBACK (on_state), f);
  g_signal_connect (client, "fault", G_CALLBACK (on_fault), f);

  return client;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->channels = g_ptr_array_new_with_free_func (g_object_unref);
  f->faults = g_array_new (FALSE, FALSE, sizeof (PbFault));
  f->delays = g_array_new (FALSE, FALSE, sizeof (guint));
  f->states = g_string_new (NULL);
  f->client = make_client (f, "pb://127.0.0.1:8080/demo");
  pb_client_set_token (f->client, "p_test.test");
  f->watchdog = g_timeout_add_seconds (WATCHDOG_S, on_watchdog, NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_finalize_object (f->client);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_ptr_array_unref (f->channels);
  g_array_unref (f->faults);
  g_array_unref (f->delays);
  g_string_free (f->states, TRUE);
  g_free (f->fault_peer);
  g_source_remove (f->watchdog);
}

static TestChannel *
last (Fixture *f)
{
  g_assert_cmpuint (f->channels->len, >, 0);

  return g_ptr_array_index (f->channels, f->channels->len - 1);
}

static void
wait_for_attempt (Fixture *f, guint n)
{
  while (f->channels->len < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
let_open (Fixture *f)
{
  last (f)->is_open = TRUE;
  g_signal_emit_by_name (last (f), "opened");
}

/* The other end hangs up, with an error that the envelope or the code gave. */
static void
let_close (Fixture *f, guint code, PbError reason)
{
  g_autoptr (GError) error = g_error_new_literal (PB_ERROR, reason, "test");

  last (f)->is_open = FALSE;
  last (f)->is_closed = TRUE;
  g_signal_emit_by_name (last (f), "closed", code, error);
}

static void say (Fixture *f, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
say (Fixture *f, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_signal_emit_by_name (last (f), "message", text, strlen (text));
}

static JsonObject *
sent (Fixture *f, guint i)
{
  g_assert_cmpuint (last (f)->sent->len, >, i);

  return json_node_get_object (g_ptr_array_index (last (f)->sent, i));
}

static void
assert_sent (Fixture *f, guint i, const char *type, const char *peer)
{
  JsonObject *object = sent (f, i);

  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, type);
  g_assert_cmpstr (json_object_get_string_member (object, "peer"), ==, peer);
}

static void
assert_fault (Fixture *f, guint i, PbFault fault)
{
  g_assert_cmpuint (f->faults->len, ==, i + 1);
  g_assert_cmpstr (pb_fault_get_code (g_array_index (f->faults, PbFault, i)),
      ==, pb_fault_get_code (fault));
}

static char *
add (Fixture *f, const char *stream, PbDirection direction)
{
  g_autoptr (PbRegistration) registration =
      pb_registration_new (stream, direction);

  pb_client_register (f->client, registration);

  return g_strdup (registration->peer);
}

static void
say_registered (Fixture *f, const char *peer, const char *stream)
{
  say (f,
      "{\"type\":\"registered\",\"id\":1,\"peer\":\"%s\",\"session\":\"demo\","
      "\"stream\":\"%s\",\"direction\":\"send\",\"state\":\"WAITING\","
      "\"tally\":\"off\",\"latency\":200,\"cipher\":\"aes-256\","
      "\"expires\":4000000000,\"protocol\":\"1.0\"}",
      peer, stream);
}

static void
refuse (Fixture *f, guint i, PbError reason)
{
  say (f,
      "{\"type\":\"error\",\"id\":%d,\"code\":\"%s\",\"error\":{\"status\":"
      "\"%s\",\"reason\":\"%s\",\"domain\":\"patchbay\",\"message\":\"No.\","
      "\"request_id\":\"r1\"}}",
      (int) json_object_get_int_member (sent (f, i), "id"),
      pb_error_get_code (reason), pb_error_get_status (reason),
      pb_error_get_reason (reason));
}

/* --- tests --- */

static void
test_registers_when_connected (Fixture *f, gconstpointer data)
{
  g_autofree char *a = add (f, "cam-wide", PB_DIRECTION_SEND);
  g_autofree char *b = add (f, NULL, PB_DIRECTION_OBSERVE);
  g_autofree char *c = NULL;

  g_assert_cmpuint (f->channels->len, ==, 0);
  pb_client_open (f->client);
  g_assert_cmpstr (last (f)->url, ==, "ws://127.0.0.1:8080/api/ws/demo");
  g_assert_cmpstr (last (f)->token, ==, "p_test.test");
  g_assert_cmpuint (last (f)->sent->len, ==, 0);

  let_open (f);
  g_assert_cmpstr (f->states->str, ==, "connecting connected ");
  g_assert_cmpuint (last (f)->sent->len, ==, 2);
  assert_sent (f, 0, "register", a);
  assert_sent (f, 1, "register", b);
  g_assert_cmpstr (json_object_get_string_member (sent (f, 0), "stream"), ==,
      "cam-wide");
  g_assert_cmpstr (json_object_get_string_member (sent (f, 0), "direction"), ==,
      "send");
  g_assert_false (json_object_has_member (sent (f, 1), "stream"));

  c = add (f, "cam-close", PB_DIRECTION_RECEIVE);
  assert_sent (f, 2, "register", c);
  say_registered (f, a, "cam-wide");
  g_assert_cmpuint (f->n_messages, ==, 1);
  g_assert_cmpuint (f->faults->len, ==, 0);
}

static void
test_backs_off (Fixture *f, gconstpointer data)
{
  const guint expected[] = { 8, 16, 32, 32, 32 };
  guint n_shortened = 0;

  pb_client_open (f->client);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    guint ms;

    let_close (f, 0, PB_ERROR_UNAVAILABLE);
    assert_fault (f, i, PB_FAULT_SERVER_UNREACHABLE);
    g_assert_cmpint (pb_client_get_state (f->client), ==,
        PB_CLIENT_STATE_WAITING);
    ms = g_array_index (f->delays, guint, i);
    g_assert_cmpuint (ms, <=, expected[i]);
    g_assert_cmpuint (ms, >=, expected[i] * 7 / 10);
    n_shortened += ms < expected[i];
    wait_for_attempt (f, i + 2);
  }
  /* jitter, drawn five times, of which none would be zero */
  g_assert_cmpuint (n_shortened, >, 0);
}

static void
test_begins_again_after_success (Fixture *f, gconstpointer data)
{
  g_autofree char *peer = add (f, "cam-wide", PB_DIRECTION_SEND);

  pb_client_open (f->client);
  for (guint i = 0; i < 4; i++) {
    let_close (f, 0, PB_ERROR_UNAVAILABLE);
    wait_for_attempt (f, i + 2);
  }
  let_open (f);
  say_registered (f, peer, "cam-wide");
  let_close (f, 1006, PB_ERROR_UNAVAILABLE);
  g_assert_cmpuint (g_array_index (f->delays, guint, 4), <=, FIRST_MS);
}

static void
test_flapping_server_is_not_success (Fixture *f, gconstpointer data)
{
  g_autofree char *peer = add (f, "cam-wide", PB_DIRECTION_SEND);

  pb_client_open (f->client);
  for (guint i = 0; i < 4; i++) {
    let_open (f);
    let_close (f, 1006, PB_ERROR_UNAVAILABLE);
    wait_for_attempt (f, i + 2);
  }
  g_assert_cmpuint (g_array_index (f->delays, guint, 3), >, FIRST_MS);
}

static void
test_resumes_under_the_same_ids (Fixture *f, gconstpointer data)
{
  g_autofree char *a = add (f, "cam-wide", PB_DIRECTION_SEND);
  g_autofree char *b = add (f, "cam-close", PB_DIRECTION_RECEIVE);

  pb_client_open (f->client);
  let_open (f);
  say_registered (f, a, "cam-wide");
  pb_client_unregister (f->client, b);
  assert_sent (f, 2, "leave", b);
  let_close (f, 1001, PB_ERROR_UNAVAILABLE);
  wait_for_attempt (f, 2);
  let_open (f);
  g_assert_cmpuint (last (f)->sent->len, ==, 1);
  assert_sent (f, 0, "register", a);
  g_assert_cmpstr (f->states->str, ==,
      "connecting connected waiting connecting connected ");
}

static void
test_gives_up_on_what_cannot_be_mended (Fixture *f, gconstpointer data)
{
  const struct
  {
    guint code;
    PbError error;
    PbFault fault;
  } rows[] = {
    { 0, PB_ERROR_TOKEN_INVALID, PB_FAULT_TOKEN_INVALID },
    { 0, PB_ERROR_TOKEN_EXPIRED, PB_FAULT_TOKEN_EXPIRED },
    { 0, PB_ERROR_DENIED, PB_FAULT_DENIED },
    { 0, PB_ERROR_VERSION, PB_FAULT_VERSION_MISMATCH },
    { 4001, PB_ERROR_STATE, PB_FAULT_SESSION_CLOSED },
    { 4002, PB_ERROR_TOKEN_EXPIRED, PB_FAULT_TOKEN_EXPIRED },
    { 4004, PB_ERROR_EXPIRED, PB_FAULT_SESSION_EXPIRED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    pb_client_open (f->client);
    g_assert_cmpuint (f->channels->len, ==, i + 1);
    let_close (f, rows[i].code, rows[i].error);
    assert_fault (f, i, rows[i].fault);
    g_assert_cmpuint (g_array_index (f->delays, guint, i), ==, 0);
    g_assert_cmpint (pb_client_get_state (f->client), ==,
        PB_CLIENT_STATE_CLOSED);
  }
}

static void
test_tries_again_on_what_may_pass (Fixture *f, gconstpointer data)
{
  const struct
  {
    guint code;
    PbError error;
    PbFault fault;
  } rows[] = {
    { 0, PB_ERROR_NOT_FOUND, PB_FAULT_SESSION_UNKNOWN },
    { 0, PB_ERROR_FULL, PB_FAULT_SESSION_FULL },
    { 0, PB_ERROR_RATE, PB_FAULT_SERVER_REFUSED },
    { 0, PB_ERROR_INVALID, PB_FAULT_SERVER_REFUSED },
    { 0, PB_ERROR_INTERNAL, PB_FAULT_SERVER_REFUSED },
    { 1001, PB_ERROR_UNAVAILABLE, PB_FAULT_SERVER_UNREACHABLE },
    { 1013, PB_ERROR_UNAVAILABLE, PB_FAULT_SERVER_UNREACHABLE },
    { 4008, PB_ERROR_UNAVAILABLE, PB_FAULT_SERVER_UNREACHABLE },
  };

  pb_client_open (f->client);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    let_close (f, rows[i].code, rows[i].error);
    assert_fault (f, i, rows[i].fault);
    g_assert_cmpuint (g_array_index (f->delays, guint, i), >, 0);
    wait_for_attempt (f, i + 2);
  }
}

static void
test_taken_slot_is_tried_again_on_the_same_connection (Fixture *f,
    gconstpointer data)
{
  g_autofree char *peer = add (f, "cam-wide", PB_DIRECTION_SEND);

  pb_client_open (f->client);
  let_open (f);
  for (guint i = 0; i < 3; i++) {
    refuse (f, i, PB_ERROR_STREAM_TAKEN);
    assert_fault (f, i, PB_FAULT_SLOT_TAKEN);
    g_assert_cmpstr (f->fault_peer, ==, peer);
    while (last (f)->sent->len < i + 2)
      g_main_context_iteration (NULL, TRUE);
    assert_sent (f, i + 1, "register", peer);
  }
  g_assert_cmpuint (g_array_index (f->delays, guint, 2), >, FIRST_MS);
  g_assert_cmpuint (f->channels->len, ==, 1);
  g_assert_cmpint (pb_client_get_state (f->client), ==,
      PB_CLIENT_STATE_CONNECTED);
}

static void
test_one_refused_registration_leaves_the_others (Fixture *f, gconstpointer data)
{
  g_autofree char *a = add (f, "cam-wide", PB_DIRECTION_SEND);
  g_autofree char *b = add (f, "cam-tpyo", PB_DIRECTION_RECEIVE);

  pb_client_open (f->client);
  let_open (f);
  refuse (f, 1, PB_ERROR_NOT_FOUND);
  assert_fault (f, 0, PB_FAULT_SLOT_UNKNOWN);
  g_assert_cmpstr (f->fault_peer, ==, b);
  g_assert_cmpint (pb_client_get_state (f->client), ==,
      PB_CLIENT_STATE_CONNECTED);

  /* it is forgotten */
  let_close (f, 1001, PB_ERROR_UNAVAILABLE);
  wait_for_attempt (f, 2);
  let_open (f);
  g_assert_cmpuint (last (f)->sent->len, ==, 1);
  assert_sent (f, 0, "register", a);

  /* and with the last one the connection ends */
  refuse (f, 0, PB_ERROR_DENIED);
  assert_fault (f, 2, PB_FAULT_DENIED);
  g_assert_cmpstr (f->fault_peer, ==, a);
  g_assert_cmpint (pb_client_get_state (f->client), ==, PB_CLIENT_STATE_CLOSED);
  g_assert_true (last (f)->is_closed);
}

static void
test_error_to_something_else_changes_nothing (Fixture *f, gconstpointer data)
{
  g_autofree char *peer = add (f, "cam-wide", PB_DIRECTION_SEND);

  pb_client_open (f->client);
  let_open (f);
  say_registered (f, peer, "cam-wide");
  say (f,
      "{\"type\":\"error\",\"peer\":\"%s\",\"code\":\"INVALID_MESSAGE\","
      "\"error\":{\"status\":\"INVALID_ARGUMENT\",\"reason\":"
      "\"INVALID_MESSAGE\",\"domain\":\"patchbay\",\"message\":\"No.\","
      "\"request_id\":\"r\"}}",
      peer);
  g_assert_cmpuint (f->n_messages, ==, 2);
  g_assert_cmpuint (f->faults->len, ==, 0);
  g_assert_cmpint (pb_client_get_state (f->client), ==,
      PB_CLIENT_STATE_CONNECTED);
}

static void
test_closed_message_says_why (Fixture *f, gconstpointer data)
{
  g_autofree char *a = add (f, "cam-wide", PB_DIRECTION_SEND);
  g_autofree char *b = add (f, "cam-close", PB_DIRECTION_SEND);

  pb_client_open (f->client);
  let_open (f);
  say (f,
      "{\"type\":\"closed\",\"reason\":\"replaced\",\"retry\":false,"
      "\"peer\":\"%s\"}",
      b);
  assert_fault (f, 0, PB_FAULT_REPLACED);
  g_assert_cmpstr (f->fault_peer, ==, b);
  g_assert_cmpint (pb_client_get_state (f->client), ==,
      PB_CLIENT_STATE_CONNECTED);

  say (f, "{\"type\":\"closed\",\"reason\":\"shutdown\",\"retry\":true}");
  assert_fault (f, 1, PB_FAULT_SERVER_UNREACHABLE);
  g_assert_cmpint (pb_client_get_state (f->client), ==,
      PB_CLIENT_STATE_WAITING);
  wait_for_attempt (f, 2);
  let_open (f);
  g_assert_cmpuint (last (f)->sent->len, ==, 1);

  say (f,
      "{\"type\":\"closed\",\"reason\":\"session-closed\",\"retry\":false}");
  assert_fault (f, 2, PB_FAULT_SESSION_CLOSED);
  g_assert_cmpint (pb_client_get_state (f->client), ==, PB_CLIENT_STATE_CLOSED);
}

static void
test_close_says_leave (Fixture *f, gconstpointer data)
{
  g_autofree char *a = add (f, "cam-wide", PB_DIRECTION_SEND);
  g_autofree char *b = add (f, "cam-close", PB_DIRECTION_RECEIVE);

  pb_client_open (f->client);
  let_open (f);
  pb_client_close (f->client);
  assert_sent (f, 2, "leave", a);
  assert_sent (f, 3, "leave", b);
  g_assert_true (last (f)->is_closed);
  g_assert_cmpuint (last (f)->close_code, ==, 1000);
  g_assert_true (pb_client_is_closing (f->client));
  while (pb_client_is_closing (f->client))
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (f->states->str, ==, "connecting connected closed ");
  g_assert_cmpuint (f->faults->len, ==, 0);

  /* and opens again with the same ones */
  pb_client_open (f->client);
  let_open (f);
  assert_sent (f, 0, "register", a);
}

static void
test_closes_in_the_middle_of_anything (Fixture *f, gconstpointer data)
{
  g_autofree char *peer = add (f, "cam-wide", PB_DIRECTION_SEND);

  /* connecting */
  pb_client_open (f->client);
  pb_client_close (f->client);
  g_assert_true (last (f)->is_closed);
  /* waiting */
  pb_client_open (f->client);
  let_close (f, 0, PB_ERROR_UNAVAILABLE);
  pb_client_close (f->client);
  /* waiting for a slot */
  pb_client_open (f->client);
  let_open (f);
  refuse (f, 0, PB_ERROR_STREAM_TAKEN);
  pb_client_close (f->client);
  /* closed */
  pb_client_close (f->client);

  while (pb_client_is_closing (f->client))
    g_main_context_iteration (NULL, TRUE);
  /* no timer of any of them is left */
  g_assert_cmpuint (f->channels->len, ==, 3);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (f->channels->len, ==, 3);
  g_assert_cmpint (pb_client_get_state (f->client), ==, PB_CLIENT_STATE_CLOSED);
  /* the teardown lets go of one that is connecting */
  pb_client_open (f->client);
}

static void
close_on_fault (PbClient *client, PbFault fault, const char *detail,
    gpointer data)
{
  pb_client_close (client);
}

static void
test_may_be_closed_from_its_own_signals (Fixture *f, gconstpointer data)
{
  g_signal_connect (f->client, "fault", G_CALLBACK (close_on_fault), NULL);
  pb_client_open (f->client);
  let_close (f, 0, PB_ERROR_UNAVAILABLE);
  g_assert_cmpint (pb_client_get_state (f->client), ==, PB_CLIENT_STATE_CLOSED);
  g_assert_cmpstr (f->states->str, ==, "connecting closed ");
}

static void
test_plain_to_another_machine_is_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (PbClient) client = make_client (f, "pb://192.0.2.1:8080/demo");

  pb_client_set_token (client, "p_test.test");
  pb_client_open (client);
  assert_fault (f, 0, PB_FAULT_SERVER_REFUSED);
  g_assert_cmpuint (g_array_index (f->delays, guint, 0), ==, 0);
  g_assert_cmpint (pb_client_get_state (client), ==, PB_CLIENT_STATE_CLOSED);
  g_assert_cmpuint (f->channels->len, ==, 0);

  pb_client_set_allow_plain (client, TRUE);
  pb_client_open (client);
  g_assert_cmpuint (f->channels->len, ==, 1);
}

static void
test_addresses_are_spelt_right (Fixture *f, gconstpointer data)
{
  const struct
  {
    const char *address;
    const char *url;
  } rows[] = {
    { "pbs://media.example/demo", "wss://media.example:443/api/ws/demo" },
    { "pb://[::1]:9000/demo/cam", "ws://[::1]:9000/api/ws/demo" },
    { "pb://localhost/demo", "ws://localhost:8080/api/ws/demo" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (PbClient) client = make_client (f, rows[i].address);

    pb_client_set_token (client, "p_test.test");
    pb_client_open (client);
    g_assert_cmpstr (last (f)->url, ==, rows[i].url);
  }
}

static void
test_no_token_is_a_fault (Fixture *f, gconstpointer data)
{
  pb_client_set_token (f->client, NULL);
  pb_client_open (f->client);
  assert_fault (f, 0, PB_FAULT_TOKEN_MISSING);
  g_assert_cmpuint (f->channels->len, ==, 0);
}

static void
test_fresh_token_goes_on (Fixture *f, gconstpointer data)
{
  pb_client_open (f->client);
  let_close (f, 0, PB_ERROR_TOKEN_EXPIRED);
  pb_client_set_token (f->client, "p_fresh.fresh");
  pb_client_open (f->client);
  g_assert_cmpstr (last (f)->token, ==, "p_fresh.fresh");
}

static void
test_what_is_not_understood_is_ignored (Fixture *f, gconstpointer data)
{
  pb_client_open (f->client);
  let_open (f);
  say (f, "{\"type\":\"from-the-future\",\"x\":1}");
  say (f, "{\"type\":");
  say (f, "[]");
  say (f, "%s", "");
  g_assert_cmpuint (f->n_messages, ==, 0);
  g_assert_cmpint (pb_client_get_state (f->client), ==,
      PB_CLIENT_STATE_CONNECTED);
}

static void
test_own_messages_are_checked (Fixture *f, gconstpointer data)
{
  g_autoptr (PbMessage) wrong = pb_message_new (PB_MESSAGE_TALLY);
  g_autoptr (PbMessage) right = pb_message_new (PB_MESSAGE_TALLY);

  pb_message_set_string (wrong, "stream", "cam-wide");
  pb_message_set_string (right, "stream", "cam-wide");
  pb_message_set_string (right, "state", "program");

  pb_client_send (f->client, right);
  pb_client_open (f->client);
  pb_client_send (f->client, right);
  let_open (f);
  g_assert_cmpuint (last (f)->sent->len, ==, 0);

  g_test_expect_message ("Pb", G_LOG_LEVEL_WARNING, "*state*");
  pb_client_send (f->client, wrong);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (last (f)->sent->len, ==, 0);
  pb_client_send (f->client, right);
  g_assert_cmpuint (last (f)->sent->len, ==, 1);
}

static void
test_registration_is_copied_whole (Fixture *f, gconstpointer data)
{
  g_autoptr (PbRegistration) registration =
      pb_registration_new ("cam-wide", PB_DIRECTION_SEND);
  g_autoptr (PbRegistration) copy = NULL;

  registration->ice = TRUE;
  registration->port = 20000;
  registration->address = g_strdup ("192.0.2.7");
  registration->mode = g_strdup ("listener");
  registration->client = g_strdup ("pbsrtbin/0.1.0");
  copy = pb_registration_copy (registration);
  g_assert_cmpstr (copy->peer, ==, registration->peer);
  g_assert_true (pb_peer_id_is_valid (copy->peer));
  pb_client_register (f->client, copy);
  pb_client_open (f->client);
  let_open (f);
  g_assert_true (json_object_get_boolean_member (sent (f, 0), "ice"));
  g_assert_cmpint (json_object_get_int_member (sent (f, 0), "port"), ==, 20000);
  g_assert_cmpstr (json_object_get_string_member (sent (f, 0), "address"), ==,
      "192.0.2.7");
  g_assert_cmpstr (json_object_get_string_member (sent (f, 0), "mode"), ==,
      "listener");
  g_assert_cmpstr (json_object_get_string_member (sent (f, 0), "client"), ==,
      "pbsrtbin/0.1.0");
  g_assert_cmpstr (json_object_get_string_member (sent (f, 0), "protocol"), ==,
      "1.0");
}

/* Two ends of one element: one registration, both times the same */
static void
test_the_same_registration_is_sent_once (Fixture *f, gconstpointer data)
{
  g_autoptr (PbRegistration) registration =
      pb_registration_new ("cam-wide", PB_DIRECTION_SEND);
  g_autoptr (PbRegistration) other = NULL;

  registration->transports = PB_TRANSPORT_WEBRTC | PB_TRANSPORT_SRT;
  g_assert_true (pb_registration_equal (registration, registration));
  pb_client_register (f->client, registration);
  pb_client_register (f->client, registration);
  pb_client_open (f->client);
  let_open (f);
  g_assert_cmpuint (last (f)->sent->len, ==, 1);
  pb_client_register (f->client, registration);
  g_assert_cmpuint (last (f)->sent->len, ==, 1);

  /* Who comes late wants to hear what was said. */
  say (f,
      "{\"type\":\"registered\",\"id\":%d,\"peer\":\"%s\","
      "\"session\":\"demo\",\"stream\":\"cam-wide\",\"direction\":\"send\"}",
      (int) json_object_get_int_member (sent (f, 0), "id"), registration->peer);
  pb_client_register (f->client, registration);
  g_assert_cmpuint (last (f)->sent->len, ==, 2);
  assert_sent (f, 1, "register", registration->peer);

  /* Another content is news at any time. */
  other = pb_registration_copy (registration);
  other->back = TRUE;
  g_assert_false (pb_registration_equal (registration, other));
  pb_client_register (f->client, other);
  g_assert_cmpuint (last (f)->sent->len, ==, 3);
  g_assert_true (json_object_get_boolean_member (sent (f, 2), "back"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                    \
  g_test_add ("/client/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("registers-when-connected", test_registers_when_connected);
  ADD ("backs-off-doubling-with-jitter", test_backs_off);
  ADD ("begins-again-after-success", test_begins_again_after_success);
  ADD ("flapping-server-is-not-success", test_flapping_server_is_not_success);
  ADD ("resumes-under-the-same-ids", test_resumes_under_the_same_ids);
  ADD ("gives-up-on-what-cannot-be-mended",
      test_gives_up_on_what_cannot_be_mended);
  ADD ("tries-again-on-what-may-pass", test_tries_again_on_what_may_pass);
  ADD ("taken-slot-is-tried-again-on-the-same-connection",
      test_taken_slot_is_tried_again_on_the_same_connection);
  ADD ("one-refused-registration-leaves-the-others",
      test_one_refused_registration_leaves_the_others);
  ADD ("error-to-something-else-changes-nothing",
      test_error_to_something_else_changes_nothing);
  ADD ("closed-message-says-why", test_closed_message_says_why);
  ADD ("close-says-leave", test_close_says_leave);
  ADD ("closes-in-the-middle-of-anything",
      test_closes_in_the_middle_of_anything);
  ADD ("may-be-closed-from-its-own-signals",
      test_may_be_closed_from_its_own_signals);
  ADD ("plain-to-another-machine-is-refused",
      test_plain_to_another_machine_is_refused);
  ADD ("addresses-are-spelt-right", test_addresses_are_spelt_right);
  ADD ("no-token-is-a-fault", test_no_token_is_a_fault);
  ADD ("fresh-token-goes-on", test_fresh_token_goes_on);
  ADD ("what-is-not-understood-is-ignored",
      test_what_is_not_understood_is_ignored);
  ADD ("own-messages-are-checked", test_own_messages_are_checked);
  ADD ("registration-is-copied-whole", test_registration_is_copied_whole);
  ADD ("the-same-registration-is-sent-once",
      test_the_same_registration_is_sent_once);
#undef ADD

  return g_test_run ();
}
