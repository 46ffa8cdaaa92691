/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-turn-tunnel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "core/pb-error.h"
#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink
#define TURNS_PORT 5349
/* An agent opens one for each address of the machine. */
#define CONNECTIONS_MAX 64
#define CONNECT_S 10

struct _PbTurnTunnel
{
  guint refs; /* its owner's, and one for each call that is under way */
  GSocketConnectable *relay;
  GSocketListener *listener;
  GCancellable *cancellable;
  GPtrArray *addresses; /* of char *, with a NULL at the end */
  guint n_connections;
};

typedef struct
{
  PbTurnTunnel *tunnel; /* owned */
  GSocketConnection *near, *far;
  GCancellable *cancellable;
  gulong ends_with_tunnel;
  guint n_ways; /* that still copy */
} Connection;

static void accept_next (PbTurnTunnel *self);

static PbTurnTunnel *
tunnel_ref (PbTurnTunnel *self)
{
  self->refs++;

  return self;
}

static void
tunnel_unref (PbTurnTunnel *self)
{
  if (--self->refs > 0)
    return;

  g_clear_object (&self->relay);
  g_clear_object (&self->listener);
  g_clear_object (&self->cancellable);
  g_ptr_array_unref (self->addresses);
  g_free (self);
}

/* --- one connection ------------------------------------------------------- */

static void
on_tunnel_ends (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static Connection *
connection_new (PbTurnTunnel *tunnel, GSocketConnection *near)
{
  Connection *self = g_new0 (Connection, 1);

  self->tunnel = tunnel_ref (tunnel);
  self->near = near;
  self->cancellable = g_cancellable_new ();
  self->ends_with_tunnel =
      g_cancellable_connect (tunnel->cancellable, G_CALLBACK (on_tunnel_ends),
          g_object_ref (self->cancellable), g_object_unref);
  tunnel->n_connections++;

  return self;
}

static void
connection_free (Connection *self)
{
  self->tunnel->n_connections--;
  g_cancellable_disconnect (self->tunnel->cancellable, self->ends_with_tunnel);
  g_clear_object (&self->cancellable);
  /* closes them */
  g_clear_object (&self->near);
  g_clear_object (&self->far);
  tunnel_unref (self->tunnel);
  g_free (self);
}

static void
on_copied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Connection *self = user_data;

  g_output_stream_splice_finish (G_OUTPUT_STREAM (source), result, NULL);
  /* one way alone is of no use */
  g_cancellable_cancel (self->cancellable);
  if (--self->n_ways == 0)
    connection_free (self);
}

static void
copy (Connection *self, GSocketConnection *from, GSocketConnection *to)
{
  /* a packet does not wait for the next */
  g_socket_set_option (g_socket_connection_get_socket (to), IPPROTO_TCP,
      TCP_NODELAY, TRUE, NULL);
  self->n_ways++;
  g_output_stream_splice_async (g_io_stream_get_output_stream (
                                    G_IO_STREAM (to)),
      g_io_stream_get_input_stream (G_IO_STREAM (from)),
      G_OUTPUT_STREAM_SPLICE_NONE, G_PRIORITY_DEFAULT, self->cancellable,
      on_copied, self);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Connection *self = user_data;
  g_autoptr (GError) error = NULL;

  self->far =
      g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  if (self->far == NULL) {
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      GST_WARNING ("TURN over TLS: %s", error->message);
    connection_free (self);
    return;
  }

  /* it was for connecting; a relay may have nothing to say for minutes */
  g_socket_set_timeout (g_socket_connection_get_socket (self->far), 0);
  copy (self, self->near, self->far);
  copy (self, self->far, self->near);
}

/* --- the port ------------------------------------------------------------- */

static void
on_accepted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  PbTurnTunnel *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) near =
      g_socket_listener_accept_finish (self->listener, result, NULL, &error);

  if (near != NULL && self->n_connections < CONNECTIONS_MAX) {
    g_autoptr (GSocketClient) client = g_socket_client_new ();
    Connection *connection = connection_new (self, g_steal_pointer (&near));

    g_socket_client_set_tls (client, TRUE);
    g_socket_client_set_timeout (client, CONNECT_S);
    g_socket_client_connect_async (client, self->relay, connection->cancellable,
        on_connected, connection);
  }
  if (near != NULL || error == NULL)
    accept_next (self);
  else if (!g_cancellable_is_cancelled (self->cancellable))
    GST_WARNING ("TURN over TLS: no more connections: %s", error->message);
  tunnel_unref (self);
}

static void
accept_next (PbTurnTunnel *self)
{
  if (g_cancellable_is_cancelled (self->cancellable))
    return;

  g_socket_listener_accept_async (self->listener, self->cancellable,
      on_accepted, tunnel_ref (self));
}

static gboolean
listen_on (PbTurnTunnel *self, GSocketFamily family, GError **error)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (family);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autofree char *text = NULL;

  if (!g_socket_listener_add_address (self->listener, any, G_SOCKET_TYPE_STREAM,
          G_SOCKET_PROTOCOL_TCP, NULL, &bound, error))
    return FALSE;

  text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (bound));
  g_ptr_array_insert (self->addresses, (int) self->addresses->len - 1,
      g_steal_pointer (&text));

  return TRUE;
}

/**
 * pb_turn_tunnel_new: (skip)
 * @relay: HOST, HOST:PORT, [IPV6]:PORT
 * @error: return location
 *
 * Returns: (transfer full) (nullable): a port that is open
 */
PbTurnTunnel *
pb_turn_tunnel_new (const char *relay, GError **error)
{
  g_autoptr (GSocketConnectable) connectable =
      g_network_address_parse (relay, TURNS_PORT, error);
  PbTurnTunnel *self;

  if (connectable == NULL)
    return NULL;
  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ())) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INTERNAL,
        "TLS is not to be had: install glib-networking.");
    return NULL;
  }

  self = g_new0 (PbTurnTunnel, 1);
  self->refs = 1;
  self->relay = g_steal_pointer (&connectable);
  self->cancellable = g_cancellable_new ();
  self->listener = g_socket_listener_new ();
  self->addresses = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->addresses, NULL);
  if (!listen_on (self, G_SOCKET_FAMILY_IPV4, error)) {
    pb_turn_tunnel_free (self);
    return NULL;
  }
  listen_on (self, G_SOCKET_FAMILY_IPV6, NULL);
  accept_next (self);

  return self;
}

/**
 * pb_turn_tunnel_free: (skip)
 * @self: (transfer full): the tunnel, whose connections end
 */
void
pb_turn_tunnel_free (PbTurnTunnel *self)
{
  g_cancellable_cancel (self->cancellable);
  g_socket_listener_close (self->listener);
  tunnel_unref (self);
}

/**
 * pb_turn_tunnel_get_addresses: (skip)
 * @self: the tunnel
 *
 * Returns: (transfer none): where it listens
 */
const char *const *
pb_turn_tunnel_get_addresses (PbTurnTunnel *self)
{
  return (const char *const *) self->addresses->pdata;
}
