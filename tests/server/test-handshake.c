/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

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
set_up (Fixture *f, gconstpointer unused)
{
  test_server_init (&f->server, NULL, NULL);
  f->client = client_connect (f->server.port);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  if (f->client != NULL)
    client_free (f->client);
  test_server_clear (&f->server);
}

/* The response goes, frames stay. */
static void
wait_upgrade (Fixture *f)
{
  const char *text, *end;

  g_assert_cmpuint (client_wait_response (f->client, NULL), ==, 101);
  text = (const char *) f->client->received->data;
  end = strstr (text, "\r\n\r\n");
  g_assert_true (client_has_header (f->client,
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  g_assert_true (
      client_has_header (f->client, "Sec-WebSocket-Protocol: patchbay.v1"));
  g_assert_false (client_has_header (f->client, "Sec-WebSocket-Extensions"));
  g_byte_array_remove_range (f->client->received, 0, end + 4 - text);
}

static void
expect_text (Fixture *f, const char *text)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
  g_assert_cmpmem (data->data, data->len, text, strlen (text));
}

static void
test_upgrade (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, test_handshake);
  wait_upgrade (f);
  expect_text (f, "welcome");
  g_assert_cmpstr (pb_server_conn_get_address (f->server.conn), ==,
      "127.0.0.1");
  client_send_frame (f->client, 0x81, "hello", 5);
  expect_text (f, "hello");
}

/* Frames behind the request, in one segment: libsoup has read them. */
static void
test_frames_in_the_same_segment (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) test_handshake,
      strlen (test_handshake));
  frame_append (bytes, 0x81, "early", 5);
  frame_append (bytes, 0x81, "bird", 4);
  client_send (f->client, bytes->data, bytes->len);
  wait_upgrade (f);
  expect_text (f, "welcome");
  expect_text (f, "early");
  expect_text (f, "bird");
  client_send_frame (f->client, 0x81, "worm", 4);
  expect_text (f, "worm");
}

static void
test_half_a_frame_in_the_same_segment (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *text = g_strnfill (20000, 'x');

  g_byte_array_append (bytes, (const guint8 *) test_handshake,
      strlen (test_handshake));
  frame_append (bytes, 0x81, text, 20000);
  client_send (f->client, bytes->data, bytes->len - 1);
  wait_upgrade (f);
  expect_text (f, "welcome");
  g_assert_cmpuint (f->server.n_messages, ==, 0);
  client_send (f->client, bytes->data + bytes->len - 1, 1);
  expect_text (f, text);
}

static void
test_too_much_in_the_same_segment (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *text = g_strnfill (60000, 'x');

  g_byte_array_append (bytes, (const guint8 *) test_handshake,
      strlen (test_handshake));
  for (guint i = 0; i < 50; i++)
    frame_append (bytes, 0x81, text, 60000);
  client_send (f->client, bytes->data, bytes->len); /* may be cut */
  /* either all is served, or the connection ends: it does not hang */
  client_send_frame (f->client, 0x88, "\x03\xe8", 2);
  client_wait_end (f->client);
}

static void
test_bad_frame_in_the_same_segment (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) test_handshake,
      strlen (test_handshake));
  g_byte_array_append (bytes, (const guint8 *) "\x81\x01x", 3);
  client_send (f->client, bytes->data, bytes->len);
  wait_upgrade (f);
  expect_text (f, "welcome");
  g_assert_cmpuint (client_wait_close (f->client), ==, 1002);
  client_wait_end (f->client);
}

static void
test_bytewise (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; test_handshake[i] != '\0'; i++) {
    client_send (f->client, test_handshake + i, 1);
    run_ready ();
  }
  wait_upgrade (f);
  expect_text (f, "welcome");
}

static void
test_refused_by_the_handler (Fixture *f, gconstpointer unused)
{
  const char *body;

  f->server.refuses = TRUE;
  client_send_text (f->client, test_handshake);
  g_assert_cmpuint (client_wait_response (f->client, &body), ==, 403);
  /* still HTTP */
  g_byte_array_set_size (f->client->received, 0);
  client_send_text (f->client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  g_assert_cmpuint (client_wait_response (f->client, &body), ==, 403);
}

/* Each line of the handshake, missing or wrong */
static void
test_not_a_handshake (Fixture *f, gconstpointer unused)
{
  static const struct {
    const char *from, *to;
  } changes[] = {
    { "Upgrade: websocket\r\n", "" },
    { "Upgrade: websocket", "Upgrade: h2c" },
    { "Connection: Upgrade\r\n", "" },
    { "Sec-WebSocket-Version: 13\r\n", "" },
    { "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8" },
    { "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "" },
    { "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Key: short" },
    { "GET /ws", "POST /ws" },
    { "other, patchbay.v1", "other, patchbay.v2" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autoptr (Client) client = client_connect (f->server.port);
    g_autoptr (GString) text = g_string_new (test_handshake);

    g_assert_cmpuint (
        g_string_replace (text, changes[i].from, changes[i].to, 1), ==, 1);
    client_send_text (client, text->str);
    g_assert_cmpuint (client_wait_response (client, NULL), ==, 400);
  }
  g_assert_cmpuint (pb_server_ws_get_stats (f->server.ws)->n_upgraded, ==, 0);
  g_assert_cmpuint (pb_server_ws_get_stats (f->server.ws)->n_sockets, ==, 0);
}

static gboolean
is_empty (gpointer data)
{
  TestServer *server = data;

  return pb_server_gate_get_stats (server->gate)->n_connections == 0 &&
      pb_server_ws_get_stats (server->ws)->n_sockets == 0;
}

/* The client leaves after each byte, politely and not. */
static void
test_leaves_at_each_step (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  struct linger reset = { .l_onoff = 1, .l_linger = 0 };

  g_clear_pointer (&f->client, client_free);
  g_byte_array_append (bytes, (const guint8 *) test_handshake,
      strlen (test_handshake));
  frame_append (bytes, 0x81, "hello", 5);
  frame_append (bytes, 0x88, "", 0);
  for (gsize n = 0; n <= bytes->len; n++) {
    for (guint how = 0; how < 3; how++) {
      Client *client = client_connect (f->server.port);

      g_assert_true (client_send (client, bytes->data, n));
      if (how == 1)
        run_ready ();
      if (how == 2)
        setsockopt (client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      client_free (client);
    }
  }
  wait_until (is_empty, &f->server);
  g_assert_cmpuint (f->server.n_closed, ==,
      pb_server_ws_get_stats (f->server.ws)->n_upgraded);
}

/* The upgrade itself may be closed before it is answered. */
static void
test_server_stops_meanwhile (Fixture *f, gconstpointer unused)
{
  client_send_text (f->client, test_handshake);
  while (f->server.conn == NULL)
    g_main_context_iteration (NULL, TRUE);
  pb_server_ws_close_all (f->server.ws, 1001, NULL);
  wait_upgrade (f);
  expect_text (f, "welcome");
  g_assert_cmpuint (client_wait_close (f->client), ==, 1001);
  g_clear_pointer (&f->client, client_free);
  wait_until (is_empty, &f->server);
  g_assert_cmpuint (f->server.n_closed, ==, 1);
}

static void
test_upgraded_and_silent (void)
{
  PbServerWsLimits limits;
  TestServer server;
  g_autoptr (GPtrArray) clients =
      g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);

  pb_server_ws_limits_init (&limits);
  limits.idle_ms = 50;
  limits.close_ms = 50;
  limits.tick_ms = 5;
  test_server_init (&server, NULL, &limits);
  for (guint i = 0; i < 50; i++) {
    g_ptr_array_add (clients, client_connect (server.port));
    client_send_text (clients->pdata[i], test_handshake);
  }
  for (guint i = 0; i < 50; i++)
    client_wait_end (clients->pdata[i]);
  wait_until (is_empty, &server);
  g_assert_cmpuint (server.n_closed, ==, 50);
  g_assert_cmpuint (server.close_code, ==, 4008);
  g_ptr_array_set_size (clients, 0);
  test_server_clear (&server);
}

#define ADD(path, func)                                                       \
  g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/handshake/upgrades-without-extensions", test_upgrade);
  ADD ("/handshake/frames-in-the-same-segment",
      test_frames_in_the_same_segment);
  ADD ("/handshake/half-a-frame-in-the-same-segment",
      test_half_a_frame_in_the_same_segment);
  ADD ("/handshake/too-much-in-the-same-segment",
      test_too_much_in_the_same_segment);
  ADD ("/handshake/a-bad-frame-in-the-same-segment",
      test_bad_frame_in_the_same_segment);
  ADD ("/handshake/byte-by-byte", test_bytewise);
  ADD ("/handshake/refused-by-the-handler", test_refused_by_the_handler);
  ADD ("/handshake/what-is-none-is-400", test_not_a_handshake);
  ADD ("/handshake/the-client-leaves-at-each-step", test_leaves_at_each_step);
  ADD ("/handshake/the-server-stops-meanwhile", test_server_stops_meanwhile);
  g_test_add_func ("/handshake/upgraded-and-silent",
      test_upgraded_and_silent);

  return g_test_run ();
}
