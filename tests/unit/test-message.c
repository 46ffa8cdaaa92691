/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <math.h>
#include <string.h>

#include "core/pb-health.h"
#include "core/pb-limits.h"
#include "core/pb-message.h"
#include "core/pb-strings.h"

/* tests/data/messages.json: every message and body with every field missing,
 * null, of a wrong kind, out of range, at its limits, and unknown ones. */
static JsonArray *
load_vectors (JsonParser *parser)
{
  g_autoptr (GError) error = NULL;

  json_parser_load_from_file (parser, TEST_DATA "/messages.json", &error);
  g_assert_no_error (error);

  return json_node_get_array (json_parser_get_root (parser));
}

static const char *
get_string (JsonObject *object, const char *name)
{
  return json_object_get_string_member_with_default (object, name, NULL);
}

static gboolean
by_nick (GType type, const char *nick, int *out)
{
  g_autoptr (GEnumClass) class = g_type_class_ref (type);
  GEnumValue *value = g_enum_get_value_by_nick (class, nick);

  if (value != NULL)
    *out = value->value;

  return value != NULL;
}

static void
compare (JsonObject *vector, const char *text, gboolean is_taken,
    const GError *error)
{
  const char *name = get_string (vector, "name");
  const char *wanted = get_string (vector, "error");

  if (is_taken != (wanted == NULL)) {
    g_test_fail_printf ("%s: %s: %s", name,
        is_taken ? "was taken" : error->message, text);
    return;
  }
  if (is_taken)
    return;
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  if (strstr (error->message, wanted) == NULL)
    g_test_fail_printf ("%s: “%s” has no “%s”", name, error->message, wanted);
}

static void
test_vectors (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *vectors = load_vectors (parser);
  guint n_messages = 0, n_bodies = 0;

  for (guint i = 0; i < json_array_get_length (vectors); i++) {
    JsonObject *vector = json_array_get_object_element (vectors, i);
    g_autofree char *text =
        pb_json_print (json_object_get_member (vector, "message"));
    g_autoptr (GError) error = NULL;
    int value = -1;

    if (json_object_has_member (vector, "body")) {
      g_autoptr (JsonObject) body = NULL;

      g_assert_true (
          by_nick (PB_TYPE_BODY_TYPE, get_string (vector, "body"), &value));
      body = pb_body_parse (value, text, -1, &error);
      compare (vector, text, body != NULL, error);
      n_bodies++;
    } else {
      g_autoptr (PbMessage) message = NULL;
      g_autofree char *printed = NULL;

      g_assert_true (
          by_nick (PB_TYPE_MESSAGE_WAY, get_string (vector, "way"), &value));
      message = pb_message_parse (text, -1, value, &error);
      compare (vector, text, message != NULL, error);
      n_messages++;
      if (message == NULL)
        continue;

      /* what is read may be sent, and says the same */
      g_assert_true (pb_message_check (message, value, &error));
      printed = pb_message_print (message);
      g_assert_cmpstr (printed, ==, text);
      g_assert_cmpstr (pb_message_type_get_name (
                           pb_message_get_message_type (message)),
          ==, get_string (vector, "type"));
    }
  }
  g_assert_cmpuint (n_messages, >, 1000);
  g_assert_cmpuint (n_bodies, >, 50);
}

static gboolean
has_vector (JsonArray *vectors, const char *member, const char *value,
    const char *way, const char *ending, gboolean is_refused)
{
  for (guint i = 0; i < json_array_get_length (vectors); i++) {
    JsonObject *vector = json_array_get_object_element (vectors, i);

    if (g_strcmp0 (get_string (vector, member), value) == 0 &&
        g_strcmp0 (get_string (vector, "way"), way) == 0 &&
        g_str_has_suffix (get_string (vector, "name"), ending) &&
        (get_string (vector, "error") != NULL) == is_refused)
      return TRUE;
  }

  return FALSE;
}

static void
test_nothing_is_without_vectors (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *vectors = load_vectors (parser);
  g_autoptr (GEnumClass) types = g_type_class_ref (PB_TYPE_MESSAGE_TYPE);
  g_autoptr (GEnumClass) ways = g_type_class_ref (PB_TYPE_MESSAGE_WAY);
  g_autoptr (GEnumClass) bodies = g_type_class_ref (PB_TYPE_BODY_TYPE);

  for (guint i = 0; i < types->n_values; i++) {
    const char *type = types->values[i].value_nick;
    guint n_ways = 0;

    g_assert_cmpstr (type, ==,
        pb_message_type_get_name (types->values[i].value));
    for (guint j = 0; j < ways->n_values; j++) {
      PbMessageWay way = ways->values[j].value;
      const char *way_name = ways->values[j].value_nick;
      g_autoptr (PbMessage) message = pb_message_new (types->values[i].value);
      g_autoptr (GError) error = NULL;

      /* whether it goes this way at all is not the vectors' to say */
      if (!pb_message_check (message, way, &error) &&
          strstr (error->message, "not sent this way") != NULL)
        continue;
      n_ways++;
      g_assert_true (
          has_vector (vectors, "type", type, way_name, "minimal", FALSE));
      g_assert_true (
          has_vector (vectors, "type", type, way_name, "full", FALSE));
      g_assert_true (
          has_vector (vectors, "type", type, way_name, "wrong kind", TRUE));
      g_assert_true (
          has_vector (vectors, "type", type, way_name, "out of range", TRUE));
      g_assert_true (has_vector (vectors, "type", type, way_name,
          "an unknown field", way == PB_MESSAGE_TO_SERVER));
    }
    g_assert_cmpuint (n_ways, >, 0);
  }
  for (guint i = 0; i < bodies->n_values; i++) {
    const char *body = bodies->values[i].value_nick;

    g_assert_true (has_vector (vectors, "body", body, NULL, "minimal", FALSE));
    g_assert_true (has_vector (vectors, "body", body, NULL, "full", FALSE));
    g_assert_true (has_vector (vectors, "body", body, NULL, "missing", TRUE));
    g_assert_true (
        has_vector (vectors, "body", body, NULL, "wrong kind", TRUE));
    g_assert_true (
        has_vector (vectors, "body", body, NULL, "out of range", TRUE));
    g_assert_true (
        has_vector (vectors, "body", body, NULL, "an unknown field", TRUE));
  }
}

/* The envelopes say what pb-error.c says, and no error is without one. */
static void
test_every_error_has_an_envelope (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *vectors = load_vectors (parser);
  guint64 seen = 0;

  for (guint i = 0; i < json_array_get_length (vectors); i++) {
    JsonObject *vector = json_array_get_object_element (vectors, i);
    JsonObject *message, *envelope;
    PbError code;

    if (!json_object_has_member (vector, "http"))
      continue;
    message = json_object_get_object_member (vector, "message");
    envelope = json_object_get_object_member (message, "error");
    code = pb_error_from_reason (get_string (envelope, "reason"));
    g_assert_cmpstr (pb_error_get_reason (code), ==,
        get_string (envelope, "reason"));
    g_assert_cmpstr (pb_error_get_status (code), ==,
        get_string (envelope, "status"));
    g_assert_cmpstr (pb_error_get_code (code), ==,
        get_string (message, "code"));
    g_assert_cmpint (pb_error_get_http_status (code), ==,
        json_object_get_int_member (vector, "http"));
    seen |= G_GUINT64_CONSTANT (1) << code;
  }
  g_assert_cmpuint (seen, ==,
      (G_GUINT64_CONSTANT (1) << (PB_ERROR_UNAVAILABLE + 1)) - 1);
}

static void
refuse (const char *text, PbMessageWay way, PbError code, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbMessage) message = pb_message_parse (text, -1, way, &error);

  g_assert_null (message);
  g_assert_error (error, PB_ERROR, (int) code);
  g_assert_cmpstr (error->message, ==, wanted);
}

static void
test_errors_name_the_field (void)
{
  refuse ("{\"type\":\"register\",\"port\":80}", PB_MESSAGE_TO_SERVER,
      PB_ERROR_INVALID, "register: port must be 1024 to 65535");
  refuse ("{\"type\":\"leave\"}", PB_MESSAGE_TO_SERVER, PB_ERROR_INVALID,
      "leave: peer is missing");
  refuse ("{\"type\":\"tally\",\"stream\":\"a\",\"state\":\"red\"}",
      PB_MESSAGE_TO_SERVER, PB_ERROR_INVALID,
      "tally: state must be off, preview or program");
  refuse ("{\"type\":\"peer_match\",\"stream\":\"a\",\"sender\":{}}",
      PB_MESSAGE_TO_PEER, PB_ERROR_INVALID,
      "peer_match: sender: peer is missing");
  refuse ("{\"type\":\"leave\",\"type\":\"leave\"}", PB_MESSAGE_TO_SERVER,
      PB_ERROR_INVALID, "JSON, byte 16: the same key twice in an object");
}

static void
test_types (void)
{
  PbMessageType type = PB_MESSAGE_ERROR;

  for (PbMessageType i = 0; i <= PB_MESSAGE_ERROR; i++) {
    const char *name = pb_message_type_get_name (i);
    g_autofree char *longer = g_strconcat (name, "x", NULL);

    g_assert_true (pb_message_type_from_name (name, -1, &type));
    g_assert_cmpint (type, ==, i);
    type = PB_MESSAGE_ERROR;
    g_assert_true (pb_message_type_from_name (longer, strlen (name), &type));
    g_assert_cmpint (type, ==, i);
    g_assert_false (pb_message_type_from_name (longer, -1, &type));
    /* one shorter is another (“alarm” of “alarms”) or none, never itself */
    if (pb_message_type_from_name (name, strlen (name) - 1, &type))
      g_assert_cmpint (strlen (pb_message_type_get_name (type)), ==,
          strlen (name) - 1);
  }
}

/* A newer server may say what this client does not know: told apart from what
 * is broken. The server knows no such mercy. */
static void
test_unknown_types_are_told_apart (void)
{
  static const char *const wrong[] = { "{\"type\":17}", "{\"type\":null}", "{}",
    "{\"type\":[\"leave\"]}" };

  refuse ("{\"type\":\"newer\",\"x\":1}", PB_MESSAGE_TO_PEER,
      PB_ERROR_NOT_FOUND, "type is not a known one");
  refuse ("{\"type\":\"newer\"}", PB_MESSAGE_TO_SERVER, PB_ERROR_INVALID,
      "type is not a known one");
  /* known, but not this way */
  refuse ("{\"type\":\"register\"}", PB_MESSAGE_TO_PEER, PB_ERROR_NOT_FOUND,
      "type is not a known one");
  refuse ("{\"type\":\"closed\",\"reason\":\"shutdown\"}", PB_MESSAGE_TO_SERVER,
      PB_ERROR_INVALID, "type is not a known one");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    for (PbMessageWay way = 0; way <= PB_MESSAGE_TO_PEER; way++)
      refuse (wrong[i], way, PB_ERROR_INVALID, "type must be a string");
  refuse ("[]", PB_MESSAGE_TO_PEER, PB_ERROR_INVALID, "JSON: not an object");
}

static void
test_signals_are_bounded (void)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_SIGNAL);
  g_autoptr (PbMessage) other = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *sdp = g_strnfill (PB_SIGNAL_MAX, 'x');
  g_autofree char *text = NULL;
  JsonObject *data = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_object_set_string_member (data, "sdp", sdp);
  json_node_take_object (node, data);
  pb_message_set_string (message, "from", "abcdefgh");
  pb_message_set_string (message, "to", "ijklmnop");
  pb_message_set_string (message, "kind", "offer");
  pb_message_take_node (message, "data", node);
  text = pb_message_print (message);
  other = pb_message_parse (text, -1, PB_MESSAGE_TO_SERVER, &error);
  g_assert_null (other);
  g_assert_error (error, PB_ERROR, PB_ERROR_TOO_LARGE);
}

/* too long for the vectors, which people read */
static void
test_thumbnails_are_bounded (void)
{
  for (gsize length = PB_THUMBNAIL_BASE64_MAX;
       length <= PB_THUMBNAIL_BASE64_MAX + 4; length += 4) {
    g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_THUMBNAIL);
    g_autofree char *jpeg = g_strnfill (length, 'A');
    g_autoptr (GError) error = NULL;

    pb_message_set_string (message, "peer", "abcdefgh");
    pb_message_set_string (message, "jpeg", jpeg);
    if (length == PB_THUMBNAIL_BASE64_MAX) {
      g_assert_true (
          pb_message_check (message, PB_MESSAGE_TO_SERVER, &error));
      g_assert_no_error (error);
    } else {
      g_assert_false (
          pb_message_check (message, PB_MESSAGE_TO_SERVER, &error));
      g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    }
  }
}

static void
test_fields_are_set_and_read (void)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_HEALTH);
  g_autoptr (PbMessage) same = pb_message_ref (message);
  g_autofree char *text = NULL;

  pb_message_set_string (message, "peer", "abcdefgh");
  pb_message_set_string (message, "cause", NULL);
  pb_message_set_int (message, "packets", 17);
  pb_message_set_double (message, "rtt", 2.5);
  pb_message_set_boolean (message, "connected", TRUE);
  pb_message_take_node (message, "age", json_node_new (JSON_NODE_NULL));

  g_assert_true (pb_message_has (message, "peer"));
  g_assert_false (pb_message_has (message, "cause"));
  g_assert_false (pb_message_has (message, "age"));
  g_assert_false (pb_message_has (message, "loss"));
  g_assert_cmpstr (pb_message_get_string (message, "peer"), ==, "abcdefgh");
  g_assert_null (pb_message_get_string (message, "cause"));
  g_assert_null (pb_message_get_string (message, "loss"));
  g_assert_null (pb_message_get_string (message, "packets"));
  g_assert_cmpint (pb_message_get_int (message, "packets"), ==, 17);
  g_assert_cmpint (pb_message_get_int (message, "rtt"), ==, 2);
  g_assert_cmpint (pb_message_get_int (message, "peer"), ==, 0);
  g_assert_cmpint (pb_message_get_int (message, "loss"), ==, 0);
  g_assert_cmpfloat (pb_message_get_double (message, "rtt"), ==, 2.5);
  g_assert_cmpfloat (pb_message_get_double (message, "packets"), ==, 17);
  g_assert_cmpfloat (pb_message_get_double (message, "connected"), ==, 0);
  g_assert_true (pb_message_get_boolean (message, "connected"));
  g_assert_false (pb_message_get_boolean (message, "packets"));
  g_assert_false (pb_message_get_boolean (message, "age"));
  g_assert_true (
      pb_message_peek_object (message) == pb_message_peek_object (same));

  text = pb_message_print (same);
  g_assert_cmpstr (text, ==,
      "{\"type\":\"health\",\"peer\":\"abcdefgh\",\"cause\":null,\"packets\":"
      "17,"
      "\"rtt\":2.5,\"connected\":true,\"age\":null}");
}

/* Whatever a wrong number of ours is, an int is made of it without harm. */
static void
test_numbers_are_kept_in_range (void)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_HEALTH);

  pb_message_set_double (message, "rtt", 1e300);
  g_assert_cmpint (pb_message_get_int (message, "rtt"), ==,
      PB_JSON_INTEGER_MAX);
  pb_message_set_double (message, "rtt", -1e300);
  g_assert_cmpint (pb_message_get_int (message, "rtt"), ==,
      -PB_JSON_INTEGER_MAX);
  pb_message_set_double (message, "rtt", (double) NAN);
  g_assert_cmpint (pb_message_get_int (message, "rtt"), ==, 0);
  g_assert_cmpfloat (pb_message_get_double (message, "rtt"), ==, 0);
}

static void
refuse_own (PbMessage *message, PbMessageWay way, const char *wanted)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (pb_message_check (message, way, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, wanted);
}

static void
test_our_own_are_checked (void)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_HEALTH);
  g_autoptr (GError) error = NULL;

  refuse_own (message, PB_MESSAGE_TO_SERVER, "health: peer is missing");
  pb_message_set_string (message, "peer", "abcdefgh");
  g_assert_true (pb_message_check (message, PB_MESSAGE_TO_SERVER, &error));
  refuse_own (message, PB_MESSAGE_TO_PEER, "health: stream is missing");
  pb_message_set_double (message, "rtt", (double) NAN);
  refuse_own (message, PB_MESSAGE_TO_SERVER,
      "health: rtt must be a number of 0 or more");
  pb_message_set_double (message, "rtt", (double) INFINITY);
  refuse_own (message, PB_MESSAGE_TO_SERVER,
      "health: rtt must be a number of 0 or more");
  pb_message_set_double (message, "rtt", 0);
  pb_message_set_string (message, "peer", "abcdefg\xff");
  refuse_own (message, PB_MESSAGE_TO_SERVER,
      "health: peer must be 8 to 32 letters, digits, underscores or hyphens");
  pb_message_set_string (message, "peer", "abcdefgh");
  g_clear_pointer (&message, pb_message_unref);
  message = pb_message_new (PB_MESSAGE_REGISTER);
  pb_message_set_string (message, "client", "pbsrtbin\xff");
  refuse_own (message, PB_MESSAGE_TO_SERVER,
      "register: client must be a string of 0 to 64 printable characters");
  g_clear_pointer (&message, pb_message_unref);
  message = pb_message_new (PB_MESSAGE_HEALTH);
  pb_message_set_string (message, "type", "tally");
  refuse_own (message, PB_MESSAGE_TO_SERVER, "health: not sent this way");
}

/* Sets `field` to each name of `type`; the table must know them all. */
static void
try_words (PbMessage *message, PbMessageWay way, const char *field, GType type,
    guint n)
{
  g_autoptr (GEnumClass) class = g_type_class_ref (type);

  g_assert_cmpuint (class->n_values, >=, n);
  for (guint i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;

    pb_message_set_string (message, field, class->values[i].value_nick);
    if (!pb_message_check (message, way, &error))
      g_test_fail_printf ("%s %s: %s", field, class->values[i].value_nick,
          error->message);
  }
}

/* The table of messages and the enums of the other files name the same. */
static void
test_words_are_those_of_the_enums (void)
{
  static const PbDirection directions[] = { PB_DIRECTION_SEND,
    PB_DIRECTION_RECEIVE, PB_DIRECTION_OBSERVE };
  g_autoptr (PbMessage) ready = pb_message_new (PB_MESSAGE_READY);
  g_autoptr (PbMessage) health = pb_message_new (PB_MESSAGE_HEALTH);
  g_autoptr (PbMessage) registered = pb_message_new (PB_MESSAGE_REGISTERED);

  pb_message_set_string (ready, "peer", "abcdefgh");
  pb_message_set_int (ready, "port", 20000);
  try_words (ready, PB_MESSAGE_TO_SERVER, "mode", PB_TYPE_SRT_MODE,
      PB_N_SRT_MODES);

  pb_message_set_string (health, "peer", "abcdefgh");
  pb_message_set_string (health, "stream", "cam-wide");
  pb_message_set_string (health, "direction", "send");
  try_words (health, PB_MESSAGE_TO_PEER, "health", PB_TYPE_HEALTH_STATUS, 3);

  pb_message_set_string (registered, "peer", "abcdefgh");
  pb_message_set_string (registered, "session", "demo");
  for (guint i = 0; i < G_N_ELEMENTS (directions); i++) {
    pb_message_set_string (registered, "direction",
        pb_direction_get_name (directions[i]));
    g_assert_true (pb_message_check (registered, PB_MESSAGE_TO_PEER, NULL));
  }
  for (PbState i = PB_STATE_WAITING; i <= PB_STATE_CLOSED; i++) {
    pb_message_set_string (registered, "state", pb_state_get_name (i));
    g_assert_true (pb_message_check (registered, PB_MESSAGE_TO_PEER, NULL));
  }
  try_words (registered, PB_MESSAGE_TO_PEER, "tally", PB_TYPE_TALLY, 3);
  try_words (registered, PB_MESSAGE_TO_PEER, "cipher", PB_TYPE_CIPHER, 2);
}

/* What one end measures fits the message that carries it. */
static void
test_health_samples_fit (void)
{
  static const PbHealthSample sample = { 1.5, 0.25, 2, 0.5, 4000, 90000, 17,
    200, 100000, 17, 3, 20, 1, 5000, 250, 2, 1, TRUE };
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_HEALTH);
  g_autoptr (PbMessage) again = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  PbHealthSample read = { 0 };

  pb_message_set_string (message, "peer", "abcdefgh");
  pb_health_sample_write (&sample, message);
  g_assert_true (pb_message_check (message, PB_MESSAGE_TO_SERVER, &error));
  g_assert_no_error (error);
  text = pb_message_print (message);
  again = pb_message_parse (text, -1, PB_MESSAGE_TO_SERVER, &error);
  g_assert_no_error (error);
  pb_health_sample_read (&read, again);
  g_assert_cmpfloat (read.rtt_ms, ==, sample.rtt_ms);
  g_assert_cmpfloat (read.bandwidth_kbps, ==, sample.bandwidth_kbps);
  g_assert_cmpint (read.packets_undecrypted, ==, sample.packets_undecrypted);
  g_assert_cmpint (read.interval_ms, ==, sample.interval_ms);
  g_assert_cmpint (read.frames, ==, sample.frames);
  g_assert_cmpint (read.freezes, ==, sample.freezes);
  g_assert_true (read.connected);
}

static void
test_bodies_may_be_empty (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (pb_body_parse (PB_BODY_TOKEN_MINT, "", 0, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "role is missing");
  g_clear_error (&error);
  g_assert_null (pb_body_parse (PB_BODY_TOKEN_MINT, NULL, 0, &error));
  g_assert_cmpstr (error->message, ==, "role is missing");
  g_clear_error (&error);
  g_assert_null (pb_body_parse (PB_BODY_SESSION_CREATE, "[]", -1, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

static void
test_names (void)
{
  g_assert_true (pb_name_is_valid ("cam-wide.2_b"));
  g_assert_false (pb_name_is_valid (NULL));
  g_assert_false (pb_name_is_valid (""));
  g_assert_false (pb_name_is_valid ("-cam"));
  g_assert_false (pb_name_is_valid ("cam/wide"));
  g_assert_true (pb_peer_id_is_valid ("-_aZ09--"));
  g_assert_false (pb_peer_id_is_valid (NULL));
  g_assert_false (pb_peer_id_is_valid ("short"));
  g_assert_false (pb_peer_id_is_valid ("with space"));
}

static void
test_boxed (void)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_LEAVE);
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, PB_TYPE_MESSAGE);
  g_value_set_boxed (&value, message);
  g_assert_true (g_value_get_boxed (&value) == message);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(sentence, function) g_test_add_func ("/message/" sentence, function)
  ADD ("vectors-are-taken-and-refused-as-they-say", test_vectors);
  ADD ("nothing-is-without-vectors", test_nothing_is_without_vectors);
  ADD ("every-error-has-an-envelope", test_every_error_has_an_envelope);
  ADD ("errors-name-the-field", test_errors_name_the_field);
  ADD ("types-have-names", test_types);
  ADD ("unknown-types-are-told-apart", test_unknown_types_are_told_apart);
  ADD ("signals-are-bounded", test_signals_are_bounded);
  ADD ("thumbnails-are-bounded", test_thumbnails_are_bounded);
  ADD ("fields-are-set-and-read", test_fields_are_set_and_read);
  ADD ("numbers-are-kept-in-range", test_numbers_are_kept_in_range);
  ADD ("our-own-are-checked", test_our_own_are_checked);
  ADD ("words-are-those-of-the-enums", test_words_are_those_of_the_enums);
  ADD ("health-samples-fit", test_health_samples_fit);
  ADD ("bodies-may-be-empty", test_bodies_may_be_empty);
  ADD ("names-match-their-patterns", test_names);
  ADD ("messages-are-boxed", test_boxed);

  return g_test_run ();
}
