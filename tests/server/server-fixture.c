/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "server-fixture.h"

#include "server-client.h"

const char test_handshake[] = "GET /ws HTTP/1.1\r\n"
                              "Host: localhost\r\n"
                              "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Protocol: other, patchbay.v1\r\n"
                              "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                              "\r\n";

static void
on_message (PbServerConn *conn, const char *text, gsize length,
    gpointer user_data)
{
  TestServer *self = user_data;

  self->n_messages++;
  pb_server_conn_set_registered (conn);
  pb_server_conn_send_text (conn, text, length);
}

static void
on_closed (PbServerConn *conn, guint code, gpointer user_data)
{
  TestServer *self = user_data;

  self->n_closed++;
  self->close_code = code;
}

static void
handle (SoupServer *soup, SoupServerMessage *msg, const char *path,
    GHashTable *query, gpointer user_data)
{
  static const char *const protocols[] = { "patchbay.v1", NULL };
  TestServer *self = user_data;
  g_autoptr (GError) error = NULL;

  self->n_requests++;
  self->body_size = soup_server_message_get_request_body (msg)->length;
  if (g_str_equal (path, "/slow")) {
    soup_server_message_pause (msg);
    return;
  }
  if (g_str_equal (path, "/ws") && !self->refuses) {
    PbServerConn *conn =
        pb_server_ws_upgrade (self->ws, msg, protocols, &error);

    if (conn != NULL) {
      g_clear_pointer (&self->conn, pb_server_conn_unref);
      self->conn = pb_server_conn_ref (conn);
      pb_server_conn_send_text (conn, "welcome", 7);
      return;
    }
    soup_server_message_set_status (msg, 400, NULL);
  } else {
    soup_server_message_set_status (msg, self->refuses ? 403 : 200, NULL);
  }

  if (self->page_size > 0)
    soup_server_message_set_response (msg, "text/plain", SOUP_MEMORY_TAKE,
        g_strnfill (self->page_size, 'p'), self->page_size);
  else
    soup_server_message_set_response (msg, "text/plain", SOUP_MEMORY_STATIC,
        "fine", 4);
}

void
test_server_init (TestServer *self, const PbServerGateLimits *gate_limits,
    const PbServerWsLimits *ws_limits)
{
  static const PbServerWsFuncs funcs = { .message = on_message,
    .closed = on_closed };
  g_autoptr (GSocketAddress) any =
      g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) local = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) error = NULL;

  *self = (TestServer) { .soup = soup_server_new (NULL, NULL) };
  self->gate = pb_server_gate_attach (self->soup, gate_limits, &error);
  g_assert_no_error (error);
  self->ws = pb_server_ws_new (&funcs, self, ws_limits, &error);
  g_assert_no_error (error);
  soup_server_add_handler (self->soup, NULL, handle, self, NULL);
  socket = pb_server_gate_socket_new (any, &error);
  g_assert_no_error (error);
  local = g_socket_get_local_address (socket, NULL);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local));
  g_assert_true (pb_server_gate_listen_socket (self->gate, socket, &error));
}

static gboolean
is_empty (gpointer data)
{
  return pb_server_gate_get_stats (data)->n_connections == 0;
}

void
test_server_clear (TestServer *self)
{
  soup_server_disconnect (self->soup);
  g_clear_pointer (&self->conn, pb_server_conn_unref);
  pb_server_ws_free (self->ws);
  run_ready ();
  /* each ticket came back, but for those that the gate itself holds */
  g_clear_object (&self->soup);
  wait_until (is_empty, self->gate);
  pb_server_gate_detach (self->gate);
}
