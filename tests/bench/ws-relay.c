/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What epoll-relay does, by the server's own transport: libsoup behind the
 * gate, wslay, the epoll set, with every rule checked. */
#include "config.h"

#include <stdio.h>

#include "pb-server-gate.h"
#include "pb-server-ws.h"

static GPtrArray *conns; /* of PbServerConn */

static void
on_message (PbServerConn *conn, const char *text, gsize length,
    gpointer user_data)
{
  guint n = GPOINTER_TO_UINT (pb_server_conn_get_data (conn));

  if (length > 0 && text[0] == '*') {
    g_autoptr (GBytes) frame = pb_server_frame_new_text (text, length);

    for (guint i = 0; i < conns->len; i++)
      pb_server_conn_send_frame (conns->pdata[i], frame);
  } else {
    pb_server_conn_send_text (conns->pdata[n ^ 1], text, length);
  }
}

static void
on_closed (PbServerConn *conn, guint code, gpointer user_data)
{
}

static void
on_request (SoupServer *soup, SoupServerMessage *msg, const char *path,
    GHashTable *query, gpointer user_data)
{
  PbServerConn *conn = pb_server_ws_upgrade (user_data, msg, NULL, NULL);

  if (conn == NULL) {
    soup_server_message_set_status (msg, 400, NULL);
    return;
  }
  pb_server_conn_set_registered (conn);
  pb_server_conn_set_data (conn, GUINT_TO_POINTER (conns->len), NULL);
  g_ptr_array_add (conns, pb_server_conn_ref (conn));
}

int
main (void)
{
  static const PbServerWsFuncs funcs = { .message = on_message,
    .closed = on_closed };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (SoupServer) soup = soup_server_new (NULL, NULL);
  g_autoptr (GSocketAddress) any =
      g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GError) error = NULL;
  PbServerWsLimits limits;
  PbServerGateLimits gate_limits;
  PbServerGate *gate;
  PbServerWs *ws;
  GSocket *socket;
  g_autoptr (GSocketAddress) local = NULL;

  conns = g_ptr_array_new ();
  pb_server_ws_limits_init (&limits);
  limits.ping_ms = G_MAXINT; /* the clients here do not answer */
  pb_server_gate_limits_init (&gate_limits);
  gate_limits.connections_max = 20000;
  ws = pb_server_ws_new (&funcs, NULL, &limits, &error);
  if (ws == NULL)
    g_error ("%s", error->message);
  gate = pb_server_gate_attach (soup, &gate_limits, &error);
  socket = pb_server_gate_socket_new (any, &error);
  if (gate == NULL || socket == NULL ||
      !pb_server_gate_listen_socket (gate, socket, &error))
    g_error ("%s", error->message);
  soup_server_add_handler (soup, NULL, on_request, ws, NULL);
  local = g_socket_get_local_address (socket, NULL);
  printf ("%u\n", g_inet_socket_address_get_port (
      G_INET_SOCKET_ADDRESS (local)));
  fflush (stdout);
  g_main_loop_run (loop);
  return 0;
}
