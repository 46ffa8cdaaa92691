/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "logic-fixture.h"

/* What the program has inside and gives to everybody, plain and compressed. */

/* clang-format off */
static const struct { const char *path, *type; } pages[] = {
  { "/", "text/html" },
  { "/s/demo", "text/html" },
  { "/docs", "text/html" },
  { "/docs/", "text/html" },
  { "/docs/browser", "text/html" },
  { "/docs/elements", "text/html" },
  { "/docs/operating", "text/html" },
  { "/docs/performance", "text/html" },
  { "/docs/protocol", "text/html" },
  { "/docs/security", "text/html" },
  { "/docs/threat-model", "text/html" },
  { "/web/session.js", "text/javascript" },
  { "/web/style.css", "text/css" },
  { "/web/icon.svg", "image/svg+xml" },
};
/* clang-format on */

/* @encodings: what the client takes, or NULL for not a word of it */
static GBytes *
ask (Fixture *f, const char *method, const char *path, const char *token,
    const char *encodings, SoupMessage **message)
{
  SoupMessage *msg = new_message (f, method, path, token, NULL);

  /* or it would ask for, and undo, what is to be looked at */
  soup_session_remove_feature_by_type (f->http, SOUP_TYPE_CONTENT_DECODER);
  if (encodings != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (msg),
        "Accept-Encoding", encodings);
  *message = msg;

  return http_raw (f, msg);
}

static const char *
header (SoupMessage *msg, const char *name)
{
  return soup_message_headers_get_one (soup_message_get_response_headers (msg),
      name);
}

static GBytes *
inflate (GBytes *zipped)
{
  g_autoptr (GZlibDecompressor) gzip =
      g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP);
  g_autoptr (GInputStream) memory =
      g_memory_input_stream_new_from_bytes (zipped);
  g_autoptr (GInputStream) in =
      g_converter_input_stream_new (memory, G_CONVERTER (gzip));
  g_autoptr (GOutputStream) out = g_memory_output_stream_new_resizable ();
  g_autoptr (GError) error = NULL;

  g_output_stream_splice (out, in, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL,
      &error);
  g_assert_no_error (error);

  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (out));
}

static void
assert_length (SoupMessage *msg, gsize size)
{
  g_autofree char *text = g_strdup_printf ("%zu", size);

  g_assert_cmpstr (header (msg, "Content-Length"), ==, text);
}

static void
assert_page (SoupMessage *msg, const char *type)
{
  g_assert_cmpuint (soup_message_get_status (msg), ==, 200);
  g_assert_cmpstr (soup_message_headers_get_content_type (
                       soup_message_get_response_headers (msg), NULL),
      ==, type);
  g_assert_cmpstr (header (msg, "Cache-Control"), ==, "no-store");
  g_assert_cmpstr (header (msg, "Vary"), ==, "Accept-Encoding");
  g_assert_cmpstr (header (msg, "X-Content-Type-Options"), ==, "nosniff");
  g_assert_nonnull (header (msg, "X-Request-Id"));
}

static void
test_compressed_is_the_same (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; i < G_N_ELEMENTS (pages); i++) {
    g_autoptr (SoupMessage) plain = NULL;
    g_autoptr (GBytes) text = ask (f, "GET", pages[i].path, NULL, NULL, &plain);

    g_test_message ("%s", pages[i].path);
    assert_page (plain, pages[i].type);
    g_assert_null (header (plain, "Content-Encoding"));
    g_assert_cmpuint (g_bytes_get_size (text), >, 100);
    assert_length (plain, g_bytes_get_size (text));
    /* the first time it is compressed, the second it is there */
    for (guint round = 0; round < 2; round++) {
      g_autoptr (SoupMessage) msg = NULL;
      g_autoptr (GBytes) zipped =
          ask (f, "GET", pages[i].path, NULL, "gzip, deflate, br", &msg);
      g_autoptr (GBytes) same = inflate (zipped);

      assert_page (msg, pages[i].type);
      g_assert_cmpstr (header (msg, "Content-Encoding"), ==, "gzip");
      assert_length (msg, g_bytes_get_size (zipped));
      g_assert_cmpuint (g_bytes_get_size (zipped), <, g_bytes_get_size (text));
      g_assert_true (g_bytes_equal (same, text));
    }
  }
}

static void
test_the_client_chooses (Fixture *f, gconstpointer unused)
{
  static const struct
  {
    const char *encodings;
    gboolean is_zipped;
  } rows[] = {
    { NULL, FALSE },
    { "identity", FALSE },
    { "br, deflate", FALSE },
    { "gzip", TRUE },
    { "GZIP;q=0.5, br", TRUE },
    { "x-gzip", TRUE },
    { "*", TRUE },
    { "*;q=0.1, br", TRUE },
    { "gzip;q=0", FALSE },
    { "gzip;q=0, *", FALSE },
    { "*;q=0", FALSE },
    { "gzipped", FALSE },
    { ",;q=,=", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (SoupMessage) msg = NULL;
    g_autoptr (GBytes) body =
        ask (f, "GET", "/", NULL, rows[i].encodings, &msg);

    g_test_message ("%s", rows[i].encodings);
    assert_page (msg, "text/html");
    g_assert_cmpstr (header (msg, "Content-Encoding"), ==,
        rows[i].is_zipped ? "gzip" : NULL);
    assert_length (msg, g_bytes_get_size (body));
  }
}

static void
test_head_tells_the_same (Fixture *f, gconstpointer unused)
{
  static const char *const encodings[] = { NULL, "gzip" };
  static const char *const names[] = { "Content-Length", "Content-Type",
    "Content-Encoding", "Vary", "Content-Security-Policy" };

  for (guint i = 0; i < G_N_ELEMENTS (pages) * 2; i++) {
    const char *path = pages[i / 2].path;
    g_autoptr (SoupMessage) get = NULL;
    g_autoptr (SoupMessage) head = NULL;
    g_autoptr (GBytes) body =
        ask (f, "GET", path, NULL, encodings[i % 2], &get);
    g_autoptr (GBytes) nothing =
        ask (f, "HEAD", path, NULL, encodings[i % 2], &head);

    assert_page (head, pages[i / 2].type);
    g_assert_cmpuint (g_bytes_get_size (body), >, 0);
    g_assert_cmpuint (g_bytes_get_size (nothing), ==, 0);
    for (guint n = 0; n < G_N_ELEMENTS (names); n++)
      g_assert_cmpstr (header (head, names[n]), ==, header (get, names[n]));
  }
}

/* They hold tokens and passphrases: their size must tell nothing. */
static void
test_the_api_is_never_compressed (Fixture *f, gconstpointer unused)
{
  static const char *const paths[] = { "/api/health", "/api/session/demo",
    "/api/session/demo/connect", "/api/session/demo/token", "/s/demo/qr",
    "/s/demo/qr?format=text", "/metrics", "/api/session/other", "/nowhere",
    "/docs/nowhere" };
  g_autofree char *admin = create_session (f, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (SoupMessage) msg = NULL;
    gboolean is_open = g_str_equal (paths[i], "/api/health") ||
                       g_str_equal (paths[i], "/metrics");
    g_autoptr (GBytes) body =
        ask (f, "GET", paths[i], is_open ? NULL : admin, "gzip", &msg);

    g_test_message ("%s", paths[i]);
    g_assert_cmpuint (g_bytes_get_size (body), >, 0);
    g_assert_null (header (msg, "Content-Encoding"));
    g_assert_null (header (msg, "Vary"));
  }
}

static void
test_pages_have_a_policy (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; i < G_N_ELEMENTS (pages); i++) {
    g_autoptr (SoupMessage) msg = NULL;
    g_autoptr (GBytes) body = ask (f, "GET", pages[i].path, NULL, NULL, &msg);
    const char *policy = header (msg, "Content-Security-Policy");

    g_assert_cmpuint (g_bytes_get_size (body), >, 0);
    g_assert_nonnull (policy);
    g_assert_nonnull (strstr (policy, "default-src 'none'"));
    g_assert_nonnull (strstr (policy, "script-src 'self';"));
    g_assert_nonnull (strstr (policy, "img-src 'self' data:;"));
    g_assert_nonnull (strstr (policy, "frame-ancestors 'none'"));
    g_assert_null (strstr (policy, "unsafe"));
  }
}

static void
test_what_is_not_there (Fixture *f, gconstpointer unused)
{
  static const char *const absent[] = { "/docs/other", "/docs/index",
    "/docs/protocol.md", "/docs/protocol/", "/docs/page/protocol", "/docs//",
    "/docs/../../../etc/passwd", "/docs/../index", "/docs/..%2Findex",
    "/docs/%2e%2e%2findex", "/docs/.%00", "/docs/page%2Fprotocol",
    "/web/..%2Fdocs%2Findex", "/web/docs-protocol.html", "/web/docs.html",
    "/web/icon", "/web/.svg", "/favicon.ico" };

  for (guint i = 0; i < G_N_ELEMENTS (absent); i++) {
    g_test_message ("%s", absent[i]);
    assert_refused (f, "GET", absent[i], NULL, NULL, 404, "NOT_FOUND");
  }
  assert_refused (f, "POST", "/docs", NULL, NULL, 405, "METHOD_NOT_ALLOWED");
  assert_refused (f, "DELETE", "/docs/protocol", NULL, NULL, 405,
      "METHOD_NOT_ALLOWED");
  assert_refused (f, "POST", "/", NULL, NULL, 405, "METHOD_NOT_ALLOWED");
}

#define TEST(name, function)                                                   \
  g_test_add ("/server/pages/" name, Fixture, NULL, fixture_set_up, function,  \
      fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("compressed-is-the-same", test_compressed_is_the_same);
  TEST ("the-client-chooses", test_the_client_chooses);
  TEST ("head-tells-the-same", test_head_tells_the_same);
  TEST ("the-api-is-never-compressed", test_the_api_is_never_compressed);
  TEST ("pages-have-a-policy", test_pages_have_a_policy);
  TEST ("what-is-not-there", test_what_is_not_there);

  return g_test_run ();
}
