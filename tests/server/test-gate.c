/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/pb-limits.h"
#include "server-client.h"
#include "server-fixture.h"

typedef struct {
  TestServer server;
  Client *client;
} Fixture;

static void
quick_limits (PbServerGateLimits *limits)
{
  pb_server_gate_limits_init (limits);
  limits->header_ms = limits->body_ms = limits->response_ms = 60;
  limits->idle_ms = 60;
  limits->linger_ms = 60;
  limits->tick_ms = 5;
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  test_server_init (&f->server, NULL, NULL);
  f->client = client_connect (f->server.port);
}

static void
set_up_quick (Fixture *f, gconstpointer unused)
{
  PbServerGateLimits limits;

  quick_limits (&limits);
  test_server_init (&f->server, &limits, NULL);
  f->client = client_connect (f->server.port);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  client_free (f->client);
  test_server_clear (&f->server);
}

static void
assert_envelope (Client *client, const char *body)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *object;

  json_parser_load_from_data (parser, body, -1, &error);
  g_assert_no_error (error);
  object = json_object_get_object_member (
      json_node_get_object (json_parser_get_root (parser)), "error");
  g_assert_nonnull (object);
  g_assert_nonnull (json_object_get_string_member (object, "status"));
  g_assert_nonnull (json_object_get_string_member (object, "reason"));
  g_assert_cmpstr (json_object_get_string_member (object, "domain"), ==,
      "patchbay");
  g_assert_nonnull (json_object_get_string_member (object, "message"));
  g_assert_cmpuint (
      strlen (json_object_get_string_member (object, "request_id")), ==, 16);
  g_assert_true (client_has_header (client, "X-Request-Id: "));
  g_assert_true (client_has_header (client, "Content-Type: application/json"));
}

static void
assert_fixed_headers (Client *client)
{
  g_assert_true (client_has_header (client,
      "Strict-Transport-Security: max-age=31536000"));
  g_assert_true (client_has_header (client,
      "Content-Security-Policy: default-src 'none';"));
  g_assert_true (client_has_header (client, "Referrer-Policy: no-referrer"));
  g_assert_true (client_has_header (client,
      "X-Content-Type-Options: nosniff"));
  g_assert_true (client_has_header (client, "Cache-Control: no-store"));
  g_assert_true (client_has_header (client,
      "Cross-Origin-Opener-Policy: same-origin"));
}

/* --- requests that are refused ------------------------------------------- */

typedef struct {
  const char *name;
  guint status;
  const char *request;
} Case;

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

/* clang-format off */
static const Case cases[] = {
  { "transfer-encoding", 411, POST HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" },
  { "transfer-encoding-and-length", 411, POST HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
  { "transfer-encoding-folded", 411, POST HOST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" },
  { "two-lengths", 400, POST HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" },
  { "two-equal-lengths", 400, POST HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" },
  { "length-list", 400, POST HOST "Content-Length: 3, 3\r\n\r\nabc" },
  { "length-signed", 400, POST HOST "Content-Length: +3\r\n\r\nabc" },
  { "length-negative", 400, POST HOST "Content-Length: -3\r\n\r\nabc" },
  { "length-hex", 400, POST HOST "Content-Length: 0x3\r\n\r\nabc" },
  { "length-beyond-64-bits", 400, POST HOST "Content-Length: 18446744073709551619\r\n\r\nabc" },
  { "length-too-large", 413, POST HOST "Content-Length: 65537\r\n\r\n" },
  { "length-too-large-expect", 413, POST HOST "Content-Length: 300000000\r\nExpect: 100-continue\r\n\r\n" },
  { "two-hosts", 400, GET HOST "Host: b\r\n\r\n" },
  { "host-list", 400, GET "Host: a, b\r\n\r\n" },
  { "no-host", 400, GET "\r\n" },
  { "no-host-http-1.0", 400, "GET / HTTP/1.0\r\n\r\n" },
  { "no-host-absolute", 400, "GET http://a/ HTTP/1.1\r\n\r\n" },
  { "host-with-path", 400, GET "Host: a/b\r\n\r\n" },
  { "multipart", 415, POST HOST "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n\r\nabc" },
  { "multipart-cased", 415, POST HOST "content-type: MultiPart/mixed\r\nContent-Length: 0\r\n\r\n" },
  { "method-put", 405, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n" },
  { "method-trace", 405, "TRACE / HTTP/1.1\r\n" HOST "\r\n" },
  { "method-connect", 405, "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n" },
  { "method-lower-case", 405, "get / HTTP/1.1\r\n" HOST "\r\n" },
  { "method-unknown", 405, "PROPFIND / HTTP/1.1\r\n" HOST "\r\n" },
  { "upgrade-with-body", 400, "GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabc" },
  /* libsoup's own */
  { "garbage", 400, "\x01\x02\x03\r\n\r\n" },
  { "version-3", 505, "GET / HTTP/3.7\r\n" HOST "\r\n" },
  { "no-version", 400, "GET /\r\n\r\n" },
};
/* clang-format on */

static void
test_refused (Fixture *f, gconstpointer data)
{
  const Case *c = data;
  const char *body = NULL;

  client_send_text (f->client, c->request);
  g_assert_cmpuint (client_wait_response (f->client, &body), ==, c->status);
  assert_envelope (f->client, body);
  assert_fixed_headers (f->client);
  if (c->status == 405)
    g_assert_true (
        client_has_header (f->client, "Allow: GET, HEAD, POST, PATCH, DELETE, OPTIONS"));
  /* and nothing else is read from this connection */
  client_send_text (f->client, GET HOST "\r\n");
  client_wait_end (f->client);
  g_assert_null (strstr ((char *) f->client->received->data + 8, "HTTP/1."));
  g_assert_cmpuint (f->server.n_requests, ==, 0);
}

/* --- requests that pass -------------------------------------------------- */

static void
test_passes (Fixture *f, gconstpointer unused)
{
  const char *body;

  client_send_text (f->client, GET HOST "Range: bytes=0-99999,1-2\r\n\r\n");
  g_assert_cmpuint (client_wait_response (f->client, &body), ==, 200);
  g_assert_cmpstr (body, ==, "fine"); /* the range is not looked at */
  assert_fixed_headers (f->client);
  g_assert_false (client_has_header (f->client, "X-Request-Id"));
  g_byte_array_set_size (f->client->received, 0);

  client_send_text (f->client,
      POST HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  g_assert_cmpuint (client_wait_response (f->client, NULL), ==, 100);
  g_byte_array_set_size (f->client->received, 0);
  client_send_text (f->client, "abc");
  g_assert_cmpuint (client_wait_response (f->client, &body), ==, 200);
  g_assert_cmpuint (f->server.body_size, ==, 3);
  assert_fixed_headers (f->client);
}

static void
test_largest_body (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = g_strnfill (PB_HTTP_BODY_MAX, 'x');

  client_send_text (f->client, POST HOST "Content-Length: 65536\r\n\r\n");
  client_send (f->client, text, PB_HTTP_BODY_MAX);
  g_assert_cmpuint (client_wait_response (f->client, NULL), ==, 200);
  g_assert_cmpuint (f->server.body_size, ==, PB_HTTP_BODY_MAX);
}

static void
test_refusal_is_read_in_spite_of_a_body (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = g_strnfill (300000, 'x');

  /* what it sends on would reset the connection, were it not read */
  client_send_text (f->client, POST HOST "Content-Length: 300000\r\n\r\n");
  client_send (f->client, text, 300000);
  g_assert_cmpuint (client_wait_response (f->client, NULL), ==, 413);
}

static void
test_endless_body (Fixture *f, gconstpointer unused)
{
  static char junk[64 * 1024];
  guint n = 0;

  client_send_text (f->client, POST HOST "Transfer-Encoding: chunked\r\n\r\n");
  while (client_send (f->client, junk, sizeof junk))
    g_assert_cmpuint (n++, <, 1000);
  client_wait_end (f->client);
}

static void
test_requests_per_connection (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; i < 100; i++) {
    g_byte_array_set_size (f->client->received, 0);
    client_send_text (f->client, GET HOST "\r\n");
    g_assert_cmpuint (client_wait_response (f->client, NULL), ==, 200);
  }
  g_assert_true (client_has_header (f->client, "Connection: close"));
  client_wait_end (f->client);
}

/* --- time ---------------------------------------------------------------- */

static void
assert_late (Fixture *f)
{
  client_wait_end (f->client);
  g_assert_cmpuint (pb_server_gate_get_stats (f->server.gate)->n_late, >=, 1);
}

static void
test_silent (Fixture *f, gconstpointer unused)
{
  assert_late (f);
  g_assert_cmpuint (f->client->received->len, ==, 0);
}

static gboolean
drip (gpointer data)
{
  Client *client = data;

  client_send (client, "x", 1);
  client_poll (client);
  return client->is_ended;
}

static void
test_header_drip (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, GET HOST "X-Long: ");
  wait_until (drip, f->client);
  assert_late (f);
  g_assert_cmpuint (f->server.n_requests, ==, 0);
}

static void
test_body_drip (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, POST HOST "Content-Length: 60000\r\n\r\n");
  wait_until (drip, f->client);
  assert_late (f);
  g_assert_cmpuint (f->server.n_requests, ==, 0);
}

static void
test_idle (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, GET HOST "\r\n");
  g_assert_cmpuint (client_wait_response (f->client, NULL), ==, 200);
  assert_late (f);
}

static void
test_second_header_drip (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, GET HOST "\r\n");
  g_assert_cmpuint (client_wait_response (f->client, NULL), ==, 200);
  client_send_text (f->client, GET HOST "X-Long: ");
  wait_until (drip, f->client);
  assert_late (f);
}

static void
test_response_is_not_read (Fixture *f, gconstpointer unused)
{
  f->server.page_size = 16 * 1024 * 1024;
  client_send_text (f->client, GET HOST "\r\n");
  while (pb_server_gate_get_stats (f->server.gate)->n_late == 0)
    g_main_context_iteration (NULL, TRUE);
  client_wait_end (f->client);
  g_assert_cmpuint (f->client->received->len, <, f->server.page_size);
}

static void
test_answer_that_never_comes (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, "GET /slow HTTP/1.1\r\n" HOST "\r\n");
  assert_late (f);
}

static void
test_refused_and_staying (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, "PUT / HTTP/1.1\r\n" HOST "\r\n");
  client_wait_end (f->client);
  while (pb_server_gate_get_stats (f->server.gate)->n_connections > 0)
    g_main_context_iteration (NULL, TRUE);
}

/* Patient between requests, not within one */
static void
test_idle_is_longer_than_a_header (void)
{
  PbServerGateLimits limits;
  TestServer server;
  g_autoptr (Client) client = NULL;

  quick_limits (&limits);
  limits.header_ms = 50;
  limits.idle_ms = 100000;
  test_server_init (&server, &limits, NULL);
  client = client_connect (server.port);
  for (guint i = 0; i < 3; i++) {
    gint64 begin = g_get_monotonic_time ();

    g_byte_array_set_size (client->received, 0);
    client_send_text (client, GET HOST "\r\n");
    g_assert_cmpuint (client_wait_response (client, NULL), ==, 200);
    while (g_get_monotonic_time () < begin + 4 * 50 * 1000)
      g_main_context_iteration (NULL, FALSE);
  }
  g_clear_pointer (&client, client_free);
  test_server_clear (&server);
}

/* --- numbers ------------------------------------------------------------- */

static void
test_per_address (void)
{
  PbServerGateLimits limits;
  TestServer server;
  g_autoptr (GPtrArray) clients =
      g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);

  pb_server_gate_limits_init (&limits);
  limits.connections_per_ip = 8;
  limits.counts_loopback = TRUE;
  test_server_init (&server, &limits, NULL);
  for (guint i = 0; i < 12; i++)
    g_ptr_array_add (clients, client_connect (server.port));
  for (guint i = 8; i < 12; i++)
    client_wait_end (clients->pdata[i]);
  g_assert_cmpuint (pb_server_gate_get_stats (server.gate)->n_over_ip, ==, 4);

  /* the first eight are served, WebSockets count, and who leaves makes room */
  for (guint i = 0; i < 8; i++) {
    client_send_text (clients->pdata[i],
        i < 4 ? GET HOST "\r\n" : test_handshake);
    g_assert_cmpuint (client_wait_response (clients->pdata[i], NULL), ==,
        i < 4 ? 200 : 101);
  }
  g_ptr_array_add (clients, client_connect (server.port));
  client_wait_end (clients->pdata[12]);
  g_ptr_array_set_size (clients, 6);
  while (pb_server_gate_get_stats (server.gate)->n_connections > 6)
    g_main_context_iteration (NULL, TRUE);
  g_ptr_array_add (clients, client_connect (server.port));
  client_send_text (clients->pdata[6], GET HOST "\r\n");
  g_assert_cmpuint (client_wait_response (clients->pdata[6], NULL), ==, 200);

  g_ptr_array_set_size (clients, 0);
  test_server_clear (&server);
}

static void
test_in_all (void)
{
  PbServerGateLimits limits;
  TestServer server;
  Client *first, *second, *third;

  pb_server_gate_limits_init (&limits);
  limits.connections_max = 2;
  test_server_init (&server, &limits, NULL);
  first = client_connect (server.port);
  second = client_connect (server.port);
  third = client_connect (server.port);
  client_wait_end (third);
  g_assert_cmpuint (pb_server_gate_get_stats (server.gate)->n_over_total, ==,
      1);
  client_send_text (first, GET HOST "\r\n");
  g_assert_cmpuint (client_wait_response (first, NULL), ==, 200);
  client_free (first);
  client_free (second);
  client_free (third);
  test_server_clear (&server);
}

static void
test_300_silent (void)
{
  PbServerGateLimits limits;
  TestServer server;
  g_autoptr (GPtrArray) clients =
      g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);
  g_autoptr (Client) client = NULL;

  pb_server_gate_limits_init (&limits);
  limits.header_ms = 300;
  limits.tick_ms = 5;
  test_server_init (&server, &limits, NULL);
  /* nothing runs meanwhile: the backlog takes them all */
  for (guint i = 0; i < 300; i++)
    g_ptr_array_add (clients, client_connect (server.port));
  client = client_connect (server.port);
  client_send_text (client, GET HOST "\r\n");
  g_assert_cmpuint (client_wait_response (client, NULL), ==, 200);
  for (guint i = 0; i < 300; i++)
    client_wait_end (clients->pdata[i]);
  g_assert_cmpuint (pb_server_gate_get_stats (server.gate)->n_late, >=, 300);

  g_clear_pointer (&client, client_free);
  test_server_clear (&server);
}

static void
test_half_closed_everywhere (void)
{
  static const char request[] = POST HOST "Content-Length: 3\r\n\r\nabc";
  PbServerGateLimits limits;
  TestServer server;

  /* libsoup takes a header that ends early for a whole one, and then does
   * not see the end of the stream: the idle deadline does. */
  quick_limits (&limits);
  test_server_init (&server, &limits, NULL);
  for (gsize n = 0; n < sizeof request; n++) {
    g_autoptr (Client) client = client_connect (server.port);

    client_send (client, request, n);
    shutdown (client->fd, SHUT_WR);
    client_wait_end (client);
  }
  test_server_clear (&server);
}

#define ADD(path, up, func)                                                   \
  g_test_add (path, Fixture, NULL, up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path =
        g_strconcat ("/gate/refused/", cases[i].name, NULL);

#ifdef __SANITIZE_ADDRESS__
    /* libsoup 3.2 leaks the path of a request whose length it cannot read */
    if (g_str_equal (cases[i].name, "length-list") ||
        g_str_equal (cases[i].name, "length-hex"))
      continue;
#endif

    g_test_add (path, Fixture, &cases[i], set_up, test_refused, tear_down);
  }
  ADD ("/gate/requests-pass", set_up, test_passes);
  ADD ("/gate/the-largest-body-passes", set_up, test_largest_body);
  ADD ("/gate/a-refusal-is-read-in-spite-of-a-body", set_up,
      test_refusal_is_read_in_spite_of_a_body);
  ADD ("/gate/an-endless-body-is-cut", set_up, test_endless_body);
  ADD ("/gate/a-hundred-requests-per-connection", set_up,
      test_requests_per_connection);
  ADD ("/gate/late/silent", set_up_quick, test_silent);
  ADD ("/gate/late/header-drip", set_up_quick, test_header_drip);
  ADD ("/gate/late/body-drip", set_up_quick, test_body_drip);
  ADD ("/gate/late/idle", set_up_quick, test_idle);
  ADD ("/gate/late/second-header-drip", set_up_quick,
      test_second_header_drip);
  ADD ("/gate/late/response-is-not-read", set_up_quick,
      test_response_is_not_read);
  ADD ("/gate/late/answer-that-never-comes", set_up_quick,
      test_answer_that_never_comes);
  ADD ("/gate/late/refused-and-staying", set_up_quick,
      test_refused_and_staying);
  g_test_add_func ("/gate/idle-is-longer-than-a-header",
      test_idle_is_longer_than_a_header);
  g_test_add_func ("/gate/connections/per-address", test_per_address);
  g_test_add_func ("/gate/connections/in-all", test_in_all);
  g_test_add_func ("/gate/connections/300-silent", test_300_silent);
  g_test_add_func ("/gate/connections/half-closed-everywhere",
      test_half_closed_everywhere);

  return g_test_run ();
}
