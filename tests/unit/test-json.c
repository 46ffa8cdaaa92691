/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <math.h>
#include <string.h>

#include "core/pb-json.h"
#include "core/pb-limits.h"

static void
accept (const char *text, gssize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (!pb_json_check (text, length, &error)) {
    g_test_fail_printf ("%s: %s", text, error->message);
    return;
  }
  node = pb_json_parse (text, length, &error);
  if (node == NULL)
    g_test_fail_printf ("%s: %s", text, error->message);
}

static void
refuse (const char *text, gssize length, const char *message)
{
  g_autoptr (GError) error = NULL;
  PbJsonMember members[4];
  gsize n = 77;

  if (pb_json_check (text, length, &error)) {
    g_test_fail_printf ("accepted: %s", text);
    return;
  }
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  if (message != NULL && strstr (error->message, message) == NULL)
    g_test_fail_printf ("%s: “%s” has no “%s”", text, error->message, message);
  g_assert_null (pb_json_parse (text, length, NULL));
  g_assert_false (
      pb_json_scan (text, length, members, G_N_ELEMENTS (members), &n, NULL));
  g_assert_cmpuint (n, ==, 77);
}

static void
test_values_are_taken (void)
{
  static const char *const texts[] = { "{}", "[]", "null", "true", "false",
    " \t\r\n{ } \t\r\n", "0", "-0", "1", "-1", "9007199254740991",
    "-9007199254740991", "0.5", "-0.5e-3", "1e5", "1E+5", "1.25e-10", "0e9999",
    "0.0e9999", "1e-999999999999", "1e307", "0.00001e312", "\"\"", "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0001\\u00e9\\uD83D\\uDE00\"",
    "\"é€😀\x7f\"", "[1,2,[3,{\"a\":[]}]]",
    "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}", "{\"\":1,\" \":2}",
    "\"\xf4\x8f\xbf\xbf\xee\x80\x80\xed\x9f\xbf\"" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    accept (texts[i], -1);
  /* not ended by a NUL, and what follows is not read */
  accept ("17}", 2);
}

static void
test_what_is_no_json_is_refused (void)
{
  static const char *const texts[] = { "", " ", "{", "[", "{}{}", "1 2", "[1,]",
    "[,1]", "{,}", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{1:2}",
    "{'a':1}", "'a'", "[1 2]", "{\"a\" 1}", "]", "}", "[}", "{]", "[1}", "nul",
    "nulll", "True", "var x=1", "// x\n1", "/**/1", "NaN", "Infinity",
    "-Infinity", "-", "+1", "01", "-01", "00", "1.", ".5", "1.e5", "1e", "1e+",
    "0x10", "1a", "\"", "\"a", "\"\\\"", "\"\\", "\"\\x41\"", "\"\\u\"",
    "\"\\u12\"", "\"\\u12g4\"", "\"\\U0041\"", "\"a\nb\"", "\"a\tb\"",
    "\"\x1f\"", "\xef\xbb\xbf{}", "\v1", "\f1", "\302\2401" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    refuse (texts[i], -1, "byte ");
}

static void
test_bad_utf8_is_refused (void)
{
  static const char *const texts[] = { "\"\x80\"", "\"\xbf\"", "\"\xc0\x80\"",
    "\"\xc1\xbf\"", "\"\xe0\x9f\xbf\"", "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"",
    "\"\xf0\x8f\xbf\xbf\"", "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"",
    "\"\xff\"", "\"\xc3\"", "\"\xe2\x82\"", "\"\xf0\x9f\x98\"",
    "\"\xe2\x28\xa1\"", "\"\xc3", "\"\xe2\x82", "\"\xf0\x9f\x98" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    refuse (texts[i], -1, "not UTF-8");
}

static void
test_what_json_glib_gets_wrong_is_refused (void)
{
  refuse ("{\"role\":\"peer\",\"role\":\"admin\"}", -1,
      "byte 15: the same key");
  refuse ("{\"role\":1,\"\\u0072ole\":2}", -1, "the same key");
  refuse ("{\"\\u00e9\":1,\"é\":2}", -1, "the same key");
  refuse ("{\"\\uD83D\\uDE00\":1,\"😀\":2}", -1, "the same key");
  refuse ("{\"\\n\":1,\"\\u000a\":2}", -1, "the same key");
  refuse ("{\"\\/\":1,\"/\":2}", -1, "the same key");
  refuse ("[{\"a\":{\"b\":1,\"c\":2,\"b\":3}}]", -1, "the same key");
  refuse ("\"a\\u0000b\"", -1, "an escaped NUL");
  refuse ("{\"a\\u0000\":1}", -1, "an escaped NUL");
  refuse ("\"a\0b\"", 5, "a control character");
  refuse ("1\0", 2, "something follows");
  refuse ("99999999999999999999", -1, "beyond 2^53");
  refuse ("9007199254740992", -1, "beyond 2^53");
  refuse ("-9007199254740992", -1, "beyond 2^53");
  refuse ("1e400", -1, "too large");
  refuse ("-1e309", -1, "too large");
  refuse ("1e99999999999999999999", -1, "too large");
  refuse ("0.001e312", -1, "too large");
  refuse ("\"\\ud800\"", -1, "surrogate");
  refuse ("\"\\ud800x\"", -1, "surrogate");
  refuse ("\"\\ud800\\u0041\"", -1, "surrogate");
  refuse ("\"\\udc00\"", -1, "surrogate");
  refuse ("\"\\ud800\\ud800\"", -1, "surrogate");
  refuse ("\"\\ud83d\\ude0", -1, "surrogate");
}

static void
test_depth_is_bounded (void)
{
  g_autoptr (GString) deep = g_string_new (NULL);

  for (guint i = 0; i < PB_JSON_DEPTH_MAX; i++)
    g_string_append_c (deep, '[');
  for (guint i = 0; i < PB_JSON_DEPTH_MAX; i++)
    g_string_append_c (deep, ']');
  accept (deep->str, -1);
  g_string_prepend_c (deep, '[');
  g_string_append_c (deep, ']');
  refuse (deep->str, -1, "nested too deeply");

  g_string_truncate (deep, 0);
  for (guint i = 0; i < 20000; i++)
    g_string_append (deep, i % 2 ? "{\"\":" : "[");
  refuse (deep->str, -1, NULL);
}

static void
test_size_is_bounded (void)
{
  g_autofree char *text = g_malloc (PB_JSON_SIZE_MAX + 2);
  g_autoptr (GError) error = NULL;

  memset (text, 'a', PB_JSON_SIZE_MAX + 1);
  text[0] = text[PB_JSON_SIZE_MAX - 1] = '"';
  accept (text, PB_JSON_SIZE_MAX);
  text[PB_JSON_SIZE_MAX - 1] = 'a';
  text[PB_JSON_SIZE_MAX] = '"';
  g_assert_false (pb_json_check (text, PB_JSON_SIZE_MAX + 1, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_TOO_LARGE);
}

static void
test_members_are_bounded (void)
{
  g_autoptr (GString) text = g_string_new ("[{");

  for (guint i = 0; i < PB_JSON_MEMBERS_MAX; i++)
    g_string_append_printf (text, "%s\"k%u\":%u", i > 0 ? "," : "", i, i);
  g_string_append (text, "}]");
  accept (text->str, -1);
  g_string_truncate (text, text->len - 2);
  g_string_append (text, ",\"one more\":1}]");
  refuse (text->str, -1, "too many members");
}

static void
test_scan_takes_an_object_apart (void)
{
  static const char text[] = " { \"type\" : \"signal\" , \"n\":-17,\"x\":1.5,"
                             "\"t\":true,\"z\":null,\"d\":{\"a\":[1,{\"type\""
                             ":2}]},\"l\":[ ],\"s\":\"a\\\"b\",\"k\\u0065y\":"
                             "\"\",\"e\":{} } ";
  static const struct
  {
    const char *key;
    PbJsonKind kind;
    const char *value;
    gboolean is_plain;
  } wanted[] = {
    { "type", PB_JSON_STRING, "signal", TRUE },
    { "n", PB_JSON_INTEGER, "-17", TRUE },
    { "x", PB_JSON_NUMBER, "1.5", TRUE },
    { "t", PB_JSON_BOOLEAN, "true", TRUE },
    { "z", PB_JSON_NULL, "null", TRUE },
    { "d", PB_JSON_OBJECT, "{\"a\":[1,{\"type\":2}]}", TRUE },
    { "l", PB_JSON_ARRAY, "[ ]", TRUE },
    { "s", PB_JSON_STRING, "a\\\"b", FALSE },
    { "key", PB_JSON_STRING, "", FALSE },
    { "e", PB_JSON_OBJECT, "{}", TRUE },
  };
  g_autoptr (GError) error = NULL;
  PbJsonMember members[16];
  gsize n = 0;

  g_assert_true (pb_json_scan (text, -1, members, 16, &n, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (wanted));
  for (guint i = 0; i < n; i++) {
    const PbJsonMember *member = pb_json_find (members, n, wanted[i].key);

    g_assert_true (member == &members[i]);
    g_assert_cmpint (member->kind, ==, wanted[i].kind);
    g_assert_cmpmem (member->value, member->value_length, wanted[i].value,
        strlen (wanted[i].value));
    g_assert_cmpint (member->is_plain, ==, wanted[i].is_plain);
  }
  g_assert_null (pb_json_find (members, n, "a"));
  g_assert_null (pb_json_find (members, n, "typ"));
  g_assert_null (pb_json_find (members, n, "types"));
  g_assert_null (pb_json_find (members, n, "k\\u0065y"));
}

static void
test_scan_wants_an_object_that_fits (void)
{
  static const char *const others[] = { "[]", "1", "\"{}\"", "null", "" };
  PbJsonMember members[2];
  g_autoptr (GError) error = NULL;
  gsize n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_assert_false (pb_json_scan (others[i], -1, members, 2, &n, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    g_clear_error (&error);
  }
  g_assert_true (pb_json_scan ("{}", -1, members, 0, &n, &error));
  g_assert_cmpuint (n, ==, 0);
  g_assert_true (
      pb_json_scan ("{\"a\":1,\"b\":{\"c\":1}}", -1, members, 2, &n, &error));
  g_assert_cmpuint (n, ==, 2);
  g_assert_false (
      pb_json_scan ("{\"a\":1,\"b\":1,\"c\":1}", -1, members, 2, &n, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

/* Every prefix of a text that is fine is refused, from memory that ends there
 * (a sanitizer sees a read beyond it). */
static void
test_prefixes_are_refused (void)
{
  static const char text[] = "{\"a\\u00e9\":[1.5e3,\"\\ud83d\\ude00é😀\",true,"
                             "null,{\"b\":false}],\"c\":\"12345678\"}";

  accept (text, -1);
  for (gsize length = 0; length < strlen (text); length++) {
    g_autofree char *prefix = g_memdup2 (text, length);

    g_assert_false (pb_json_check (prefix, length, NULL));
  }
}

static void
test_print_and_parse_agree (void)
{
  static const struct
  {
    const char *text, *printed;
  } pairs[] = {
    { "{\"a\":[1,2.5,\"x\\n\\\"é\",null,true],\"b\":{\"c\":-3}}", NULL },
    { "[[],{},[{}],false]", NULL },
    { " { \"b\" : 1 , \"a\" : 2 } ", "{\"b\":1,\"a\":2}" },
    /* where json-glib's own printer gives no JSON */
    { "1e-8", "1e-08" },
    { "1e20", "1e+20" },
    { "\"\\u001f\\u007f\"", NULL },
    { "0.1", NULL },
    { "17.0", NULL },
    { "-0.0", NULL },
    { "1e5", "100000.0" },
    { "1e-400", "0.0" },
    { "0.30000000000000004", NULL },
    { "\"\\b\\f\\n\\r\\t\\\\\\/\\u0001\"", "\"\\b\\f\\n\\r\\t\\\\/\\u0001\"" },
    { "\"\\ud83d\\ude00\"", "\"😀\"" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    const char *wanted =
        pairs[i].printed != NULL ? pairs[i].printed : pairs[i].text;
    g_autoptr (JsonNode) node = pb_json_parse (pairs[i].text, -1, NULL);
    g_autoptr (JsonNode) again = NULL;
    g_autofree char *printed = pb_json_print (node);

    g_assert_cmpstr (printed, ==, wanted);
    again = pb_json_parse (printed, -1, NULL);
    g_assert_nonnull (again);
    g_assert_true (json_node_equal (node, again));
  }
}

static void
test_what_is_no_number_prints_as_null (void)
{
  static const double values[] = { (double) NAN, (double) INFINITY,
    (double) -INFINITY };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
    g_autoptr (JsonNode) node =
        json_node_init_double (json_node_alloc (), values[i]);
    g_autofree char *printed = pb_json_print (node);

    g_assert_cmpstr (printed, ==, "null");
  }
}

static void
test_a_string_is_unescaped (void)
{
  static const char *const text =
      "{\"a\":\"\",\"b\":\"plain é\",\"c\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
      "\"d\":\"\\u0041\\u00e9\\u20ac\\uD83D\\uDE00.\"}";
  static const char *const expected[] = { "", "plain é",
    "\"\\/\b\f\n\r\t", "Aé€😀." };
  PbJsonMember members[4];
  gsize n = 0;

  g_assert_true (pb_json_scan (text, -1, members, 4, &n, NULL));
  g_assert_cmpuint (n, ==, 4);
  for (guint i = 0; i < n; i++) {
    g_autofree char *out = g_malloc (members[i].value_length + 1);

    g_assert_cmpuint (pb_json_unescape (&members[i], out), ==,
        strlen (expected[i]));
    g_assert_cmpstr (out, ==, expected[i]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(sentence, function) g_test_add_func ("/json/" sentence, function)
  ADD ("values-are-taken", test_values_are_taken);
  ADD ("what-is-no-json-is-refused", test_what_is_no_json_is_refused);
  ADD ("bad-utf8-is-refused", test_bad_utf8_is_refused);
  ADD ("what-json-glib-gets-wrong-is-refused",
      test_what_json_glib_gets_wrong_is_refused);
  ADD ("depth-is-bounded", test_depth_is_bounded);
  ADD ("size-is-bounded", test_size_is_bounded);
  ADD ("members-are-bounded", test_members_are_bounded);
  ADD ("scan-takes-an-object-apart", test_scan_takes_an_object_apart);
  ADD ("scan-wants-an-object-that-fits", test_scan_wants_an_object_that_fits);
  ADD ("prefixes-are-refused", test_prefixes_are_refused);
  ADD ("print-and-parse-agree", test_print_and_parse_agree);
  ADD ("what-is-no-number-prints-as-null",
      test_what_is_no_number_prints_as_null);
  ADD ("a-string-is-unescaped", test_a_string_is_unescaped);

  return g_test_run ();
}
