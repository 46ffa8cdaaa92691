/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-uri.h"

static void
test_good_addresses (void)
{
  static const struct
  {
    const char *text;
    gboolean is_secure;
    const char *host;
    guint port;
    const char *session, *stream, *token, *printed;
  } cases[] = {
    { "pbs://live.example.org/demo/cam-wide", TRUE, "live.example.org", 443,
        "demo", "cam-wide", NULL, "pbs://live.example.org/demo/cam-wide" },
    { "pbs://live.example.org/demo", TRUE, "live.example.org", 443, "demo",
        NULL, NULL, "pbs://live.example.org/demo" },
    { "pb://127.0.0.1/demo/cam", FALSE, "127.0.0.1", 8080, "demo", "cam", NULL,
        "pb://127.0.0.1/demo/cam" },
    { "pb://127.0.0.1:8080/demo/cam", FALSE, "127.0.0.1", 8080, "demo", "cam",
        NULL, "pb://127.0.0.1/demo/cam" },
    { "PB://localhost:1/a/b", FALSE, "localhost", 1, "a", "b", NULL,
        "pb://localhost:1/a/b" },
    { "pbs://[2001:db8::1]:65535/a.b_c-D/0", TRUE, "2001:db8::1", 65535,
        "a.b_c-D", "0", NULL, "pbs://[2001:db8::1]:65535/a.b_c-D/0" },
    { "pb://[::1]/demo", FALSE, "::1", 8080, "demo", NULL, NULL,
        "pb://[::1]/demo" },
    { "pb://[::ffff:127.0.0.1]/demo", FALSE, "::ffff:127.0.0.1", 8080, "demo",
        NULL, NULL, "pb://[::ffff:127.0.0.1]/demo" },
    { "pbs://h/demo/cam?t=p_abc-_.DEF", TRUE, "h", 443, "demo", "cam",
        "p_abc-_.DEF", "pbs://h/demo/cam" },
    { "pbs://h/demo#t=p_abc.DEF", TRUE, "h", 443, "demo", NULL, "p_abc.DEF",
        "pbs://h/demo" },
    { "pb://h:443/demo", FALSE, "h", 443, "demo", NULL, NULL,
        "pb://h:443/demo" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbUri) uri = pb_uri_parse (cases[i].text, &error);
    g_autoptr (PbUri) copy = NULL;
    g_autofree char *printed = NULL;

    g_assert_no_error (error);
    copy = pb_uri_copy (uri);
    g_clear_pointer (&uri, pb_uri_free);
    g_assert_cmpint (copy->is_secure, ==, cases[i].is_secure);
    g_assert_cmpstr (copy->host, ==, cases[i].host);
    g_assert_cmpuint (copy->port, ==, cases[i].port);
    g_assert_cmpstr (copy->session, ==, cases[i].session);
    g_assert_cmpstr (copy->stream, ==, cases[i].stream);
    g_assert_cmpstr (copy->token, ==, cases[i].token);
    printed = pb_uri_print (copy);
    g_assert_cmpstr (printed, ==, cases[i].printed);
  }
}

static void
test_bad_addresses (void)
{
  static const char *const bad[] = { "", "pbs", "pbs:", "pbs:/", "pbs://",
    "pbs:///demo", "http://h/demo", "pbsx://h/demo", " pbs://h/demo", "pbs://h",
    "pbs://h/", "pbs://h//cam", "pbs://h/demo/", "pbs://h/demo//",
    "pbs://h/demo/cam/", "pbs://h/demo/cam/x", "pbs://h/.demo", "pbs://h/-demo",
    "pbs://h/de%20mo", "pbs://h/demo/c%61m", "pbs://h/d mo", "pbs://h/demo/cäm",
    "pbs://h/demo ", "pbs://h/demo\n", "pbs://h/demo/cam\t",
    /* host */
    "pbs://user@h/demo", "pbs://user:secretpass@h/demo", "pbs://:80/demo",
    "pbs://.h/demo", "pbs://-h/demo", "pbs://h..x/demo", "pbs://h_x/demo",
    "pbs://h%2f/demo", "pbs://[/demo", "pbs://[]/demo", "pbs://[::1/demo",
    "pbs://[::1%25eth0]/demo", "pbs://[127.0.0.1]/demo", "pbs://[zz]/demo",
    "pbs://::1/demo", "pbs://[::1]x/demo", "pbs://[1:2]/demo",
    /* port */
    "pbs://h:/demo", "pbs://h:0/demo", "pbs://h:65536/demo",
    "pbs://h:99999999999/demo", "pbs://h:-1/demo", "pbs://h:+1/demo",
    "pbs://h:8x/demo", "pbs://h: 8/demo",
    /* token */
    "pbs://h/demo?", "pbs://h/demo?t=", "pbs://h/demo#t=", "pbs://h/demo#",
    "pbs://h/demo?x=1", "pbs://h/demo?t=abc&x=1", "pbs://h/demo?x=1&t=abc",
    "pbs://h/demo?t=abc#t=def", "pbs://h/demo?t=abc#", "pbs://h/demo?t=a%41",
    "pbs://h/demo/cam?T=abc", "pbs://h/demo?t=secretsecret!" };
  g_autofree char *name = g_strnfill (65, 'a');
  g_autofree char *host = g_strnfill (254, 'a');
  g_autofree char *token = g_strnfill (1025, 'a');
  char *generated[] = { g_strdup_printf ("pbs://h/%s", name),
    g_strdup_printf ("pbs://h/demo/%s", name),
    g_strdup_printf ("pbs://%s/demo", host),
    g_strdup_printf ("pbs://h/demo?t=%s", token) };

  for (guint i = 0; i < G_N_ELEMENTS (bad) + G_N_ELEMENTS (generated); i++) {
    const char *text =
        i < G_N_ELEMENTS (bad) ? bad[i] : generated[i - G_N_ELEMENTS (bad)];
    g_autoptr (GError) error = NULL;
    g_autoptr (PbUri) uri = pb_uri_parse (text, &error);

    if (uri != NULL)
      g_test_fail_printf ("taken: %s", text);
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    g_assert_null (strstr (error->message, "secret"));
  }
  for (guint i = 0; i < G_N_ELEMENTS (generated); i++)
    g_free (generated[i]);
}

static void
test_the_longest_are_taken (void)
{
  g_autofree char *name = g_strnfill (64, 'a');
  g_autofree char *host = g_strnfill (253, 'a');
  g_autofree char *token = g_strnfill (1024, 'a');
  g_autofree char *text =
      g_strdup_printf ("pbs://%s:65535/%s/%s?t=%s", host, name, name, token);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbUri) uri = pb_uri_parse (text, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (uri->host, ==, host);
  g_assert_cmpstr (uri->stream, ==, name);
  g_assert_cmpstr (uri->token, ==, token);
}

static void
test_what_stays_on_this_machine (void)
{
  static const struct
  {
    const char *host;
    gboolean is_loopback;
  } cases[] = {
    { "127.0.0.1", TRUE },
    { "127.255.255.254", TRUE },
    { "[::1]", TRUE },
    { "localhost", TRUE },
    { "LOCALHOST", TRUE },
    { "128.0.0.1", FALSE },
    { "12.7.0.1", FALSE },
    { "127.0.0.1.example.org", FALSE },
    { "127.1", FALSE },
    { "localhost.example.org", FALSE },
    { "[::2]", FALSE },
    { "[::]", FALSE },
    { "0.0.0.0", FALSE },
    { "h", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf ("pb://%s/demo", cases[i].host);
    g_autoptr (PbUri) uri = pb_uri_parse (text, NULL);

    g_assert_nonnull (uri);
    g_assert_cmpint (pb_uri_is_loopback (uri), ==, cases[i].is_loopback);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/uri/good-addresses", test_good_addresses);
  g_test_add_func ("/uri/bad-addresses", test_bad_addresses);
  g_test_add_func ("/uri/the-longest-are-taken", test_the_longest_are_taken);
  g_test_add_func ("/uri/what-stays-on-this-machine",
      test_what_stays_on_this_machine);

  return g_test_run ();
}
