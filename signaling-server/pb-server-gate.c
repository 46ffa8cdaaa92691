/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-gate-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/pb-limits.h"

/* Connections taken at once, before others have their turn */
#define ACCEPT_TURN 64

static GQuark
ticket_quark (void)
{
  static GQuark quark;

  if (quark == 0)
    quark = g_quark_from_static_string ("pb-server-ticket");
  return quark;
}

static void
clear_booth (gpointer data)
{
  PbServerBooth *booth = data;

  g_hash_table_unref (booth->by_address);
  pb_server_wheel_free (booth->wheel);
}

/* --- connections --------------------------------------------------------- */

/* An IPv4 address, or the /64 that one IPv6 host can fill at will */
static guint64
make_key (GSocketAddress *address)
{
  GInetAddress *inet;
  const guint8 *bytes;
  guint64 key = 0;
  guint n = 8;

  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return 0;
  inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
  bytes = g_inet_address_to_bytes (inet);
  if (g_inet_address_get_family (inet) == G_SOCKET_FAMILY_IPV4) {
    n = 4;
  } else if (memcmp (bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
    bytes += 12; /* ::ffff:a.b.c.d */
    n = 4;
  }
  for (guint i = 0; i < n; i++)
    key = key << 8 | bytes[i];
  /* No prefix in use begins with ff00::/8, multicast. */
  return n == 4 ? key | G_GUINT64_CONSTANT (0xff00) << 48 : key;
}

static guint
count_address (PbServerBooth *booth, guint64 key, int change)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (booth->by_address, &key));

  n += change;
  if (n == 0)
    g_hash_table_remove (booth->by_address, &key);
  else
    g_hash_table_replace (booth->by_address, g_memdup2 (&key, sizeof key),
        GUINT_TO_POINTER (n));
  return n;
}

static void
on_late (PbServerWheelEntry *entry)
{
  PbServerTicket *self =
      (PbServerTicket *) ((char *) entry -
                          G_STRUCT_OFFSET (PbServerTicket, timer));

  self->booth->stats.n_late++;
  /* libsoup sees the end of the stream, and lets go of it. */
  g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
}

/**
 * pb_server_ticket_free:
 * @self: (transfer full): a ticket; its connection is closed
 */
void
pb_server_ticket_free (PbServerTicket *self)
{
  pb_server_wheel_disarm (self->booth->wheel, &self->timer);
  self->booth->stats.n_connections--;
  count_address (self->booth, self->key, -1);
  g_clear_object (&self->socket);
  g_rc_box_release_full (self->booth, clear_booth);
  g_free (self);
}

/* libsoup hands our own address object back with each message: it is what
 * all messages of a connection, and nothing else, have in common. */
PbServerTicket *
pb_server_gate_get_ticket (SoupServerMessage *msg)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (msg);

  return remote != NULL
             ? g_object_get_qdata (G_OBJECT (remote), ticket_quark ())
             : NULL;
}

/**
 * pb_server_gate_steal_ticket:
 * @msg: a request
 *
 * Returns: (transfer full) (nullable): the ticket of its connection
 */
PbServerTicket *
pb_server_gate_steal_ticket (SoupServerMessage *msg)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (msg);
  PbServerTicket *self;

  if (remote == NULL)
    return NULL;
  self = g_object_steal_qdata (G_OBJECT (remote), ticket_quark ());
  if (self != NULL)
    pb_server_wheel_disarm (self->booth->wheel, &self->timer);
  return self;
}

typedef struct
{
  GSourceFunc gone;
  gpointer user_data;
} Watch;

static gboolean
on_stir (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Watch *watch = user_data;
  char octet;
  gssize n = recv (g_socket_get_fd (socket), &octet, 1,
      MSG_PEEK | MSG_DONTWAIT);

  if (n < 0 && errno == EAGAIN && (condition & (G_IO_HUP | G_IO_ERR)) == 0)
    return G_SOURCE_CONTINUE;
  /* The next request already: what comes after it cannot be seen, and the
   * end of the connection is found when this one is answered. */
  if (n > 0)
    return G_SOURCE_REMOVE;

  return watch->gone (watch->user_data);
}

/**
 * pb_server_gate_watch_client:
 * @msg: a request whose answer is not there yet
 * @gone: called once, where the client has closed its side; it destroys the
 *   source
 * @user_data: for @gone
 *
 * Returns: (transfer full) (nullable): the source that looks
 */
GSource *
pb_server_gate_watch_client (SoupServerMessage *msg, GSourceFunc gone,
    gpointer user_data)
{
  PbServerTicket *ticket = pb_server_gate_get_ticket (msg);
  GSource *source;
  Watch *watch;

  if (ticket == NULL || ticket->socket == NULL)
    return NULL;
  watch = g_new0 (Watch, 1);
  watch->gone = gone;
  watch->user_data = user_data;
  source = g_socket_create_source (ticket->socket, G_IO_IN | G_IO_HUP, NULL);
  g_source_set_static_name (source, "patchbay client");
  g_source_set_callback (source, G_SOURCE_FUNC (on_stir), watch, g_free);
  g_source_attach (source, g_main_context_get_thread_default ());

  return source;
}

/**
 * pb_server_ticket_steal_socket:
 * @self: a ticket
 *
 * Returns: (transfer full) (nullable): the connection's socket, once
 */
GSocket *
pb_server_ticket_steal_socket (PbServerTicket *self)
{
  return g_steal_pointer (&self->socket);
}

static PbServerTicket *
ticket_new (PbServerBooth *booth, GSocket *socket, guint64 key)
{
  PbServerTicket *self = g_new0 (PbServerTicket, 1);

  self->booth = g_rc_box_acquire (booth);
  self->timer.func = on_late;
  self->socket = g_object_ref (socket);
  self->key = key;
  count_address (booth, key, 1);
  booth->stats.n_connections++;
  booth->stats.n_accepted++;

  return self;
}

static gboolean
is_loopback (GSocketAddress *address)
{
  return G_IS_INET_SOCKET_ADDRESS (address) &&
         g_inet_address_get_is_loopback (g_inet_socket_address_get_address (
             G_INET_SOCKET_ADDRESS (address)));
}

static gboolean
has_room (PbServerBooth *booth, GSocketAddress *remote, guint64 key)
{
  if (booth->stats.n_connections >= booth->limits.connections_max) {
    booth->stats.n_over_total++;
    return FALSE;
  }
  if (is_loopback (remote) && !booth->limits.counts_loopback)
    return TRUE;
  if (GPOINTER_TO_UINT (g_hash_table_lookup (booth->by_address, &key)) >=
      booth->limits.connections_per_ip) {
    booth->stats.n_over_ip++;
    return FALSE;
  }

  return TRUE;
}

void
pb_server_ticket_arm (PbServerTicket *ticket, guint ms)
{
  pb_server_wheel_arm (ticket->booth->wheel, &ticket->timer, ms);
}

/* --- accepting ----------------------------------------------------------- */

static void
admit (PbServerGate *self, GSocket *socket)
{
  g_autoptr (GSocketAddress) local = g_socket_get_local_address (socket, NULL);
  g_autoptr (GSocketAddress) remote =
      g_socket_get_remote_address (socket, NULL);
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GError) error = NULL;
  PbServerTicket *ticket;
  guint64 key;

  /* NULL: it has left already */
  if (local == NULL || remote == NULL)
    return;
  key = make_key (remote);
  /* No answer: who is over the limit costs an accept. */
  if (!has_room (self->booth, remote, key))
    return;

  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, TRUE, NULL);
  ticket = ticket_new (self->booth, socket, key);
  pb_server_ticket_arm (ticket, self->booth->limits.header_ms);
  g_object_set_qdata_full (G_OBJECT (remote), ticket_quark (), ticket,
      (GDestroyNotify) pb_server_ticket_free);
  /* TLS goes between here: its handshake then has the header's deadline. */
  connection = g_socket_connection_factory_create_connection (socket);
  if (!soup_server_accept_iostream (self->server, G_IO_STREAM (connection),
          local, remote, &error))
    g_debug ("a connection is lost: %s", error->message);
}

/* Without a descriptor for it a connection stays in the queue, and epoll
 * would tell of it for ever: give one up, and take another later. */
static void
turn_away (PbServerGate *self, int listen_fd)
{
  int fd;

  if (self->spare_fd >= 0)
    close (self->spare_fd);
  fd = accept4 (listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) {
    close (fd);
    self->booth->stats.n_over_total++;
  }
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

static gboolean
on_incoming (GSocket *listener, GIOCondition condition, gpointer user_data)
{
  PbServerGate *self = user_data;

  for (guint i = 0; i < ACCEPT_TURN; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GSocket) socket = g_socket_accept (listener, NULL, &error);

    if (socket != NULL) {
      admit (self, socket);
      continue;
    }
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      break;
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
      turn_away (self, g_socket_get_fd (listener));
    /* anything else concerns one connection, such as ECONNABORTED */
  }

  return G_SOURCE_CONTINUE;
}

static void
listener_free (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* libsoup 3.2 keeps no connection alive once it has no listener (that is how
 * it stops). This one listens to nobody: the other end of it is ours. */
static gboolean
add_decoy (PbServerGate *self, GError **error)
{
  g_autoptr (GSocket) socket = NULL;
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    int saved = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved),
        "socketpair: %s", g_strerror (saved));
    return FALSE;
  }

  self->decoy_fd = pair[0];
  socket = g_socket_new_from_fd (pair[1], error);
  if (socket == NULL) {
    close (pair[1]);
    return FALSE;
  }
  return soup_server_listen_socket (self->server, socket, 0, error);
}

/* --- the gate ------------------------------------------------------------ */

/**
 * pb_server_gate_limits_init:
 * @limits: (out): the numbers of pb-limits.h
 */
void
pb_server_gate_limits_init (PbServerGateLimits *limits)
{
  *limits = (PbServerGateLimits){
    .header_ms = PB_HTTP_HEADER_S * 1000,
    .body_ms = PB_HTTP_BODY_S * 1000,
    .response_ms = PB_HTTP_RESPONSE_S * 1000,
    .idle_ms = PB_HTTP_IDLE_S * 1000,
    .linger_ms = PB_HTTP_LINGER_S * 1000,
    .tick_ms = PB_SERVER_TICK_MS,
    .body_max = PB_HTTP_BODY_MAX,
    .connections_max = PB_HTTP_CONNECTIONS_MAX,
    .connections_per_ip = PB_HTTP_CONNECTIONS_PER_IP,
    .requests_max = PB_HTTP_REQUESTS_MAX,
  };
}

/**
 * pb_server_gate_attach:
 * @server: a server that does not listen yet
 * @limits: (nullable): %NULL for the usual ones
 * @error: return location
 *
 * soup_server_get_uris() is of no use behind a gate, which listens itself.
 *
 * Returns: (transfer full) (nullable): the gate before @server
 */
PbServerGate *
pb_server_gate_attach (SoupServer *server, const PbServerGateLimits *limits,
    GError **error)
{
  PbServerGateLimits usual;
  PbServerLinger *linger;
  PbServerGate *self;

  pb_server_gate_limits_init (&usual);
  if (limits == NULL)
    limits = &usual;
  linger = pb_server_linger_new (limits->linger_ms, limits->tick_ms, error);
  if (linger == NULL)
    return NULL;

  self = g_new0 (PbServerGate, 1);
  self->linger = linger;
  self->decoy_fd = -1;
  self->booth = g_rc_box_new0 (PbServerBooth);
  self->booth->limits = *limits;
  self->booth->wheel = pb_server_wheel_new (limits->tick_ms);
  self->booth->by_address =
      g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->server = g_object_ref (server);
  self->listeners =
      g_ptr_array_new_with_free_func ((GDestroyNotify) listener_free);
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  /* libsoup 3.2 speaks HTTP/2 when this is set, with faults fixed later. */
  g_unsetenv ("SOUP_SERVER_HTTP2");
  /* Inflates without bound. The sockets are ours, so it could not act: this
   * is for the day when somebody adds a handler of libsoup's own. */
  soup_server_remove_websocket_extension (server,
      SOUP_TYPE_WEBSOCKET_EXTENSION_DEFLATE);
  pb_server_gate_check_requests (self);

  if (!add_decoy (self, error)) {
    pb_server_gate_detach (self);
    return NULL;
  }
  return self;
}

/**
 * pb_server_gate_detach:
 * @self: (transfer full): a gate whose server was disconnected, so that no
 *   request is under way
 */
void
pb_server_gate_detach (PbServerGate *self)
{
  pb_server_gate_stop_listening (self);
  g_ptr_array_unref (self->listeners);
  if (self->spare_fd >= 0)
    close (self->spare_fd);
  if (self->decoy_fd >= 0)
    close (self->decoy_fd);
  g_signal_handlers_disconnect_by_data (self->server, self);
  g_object_unref (self->server);
  pb_server_linger_free (self->linger);
  g_rc_box_release_full (self->booth, clear_booth);
  g_free (self);
}

/**
 * pb_server_gate_get_stats:
 * @self: a gate
 *
 * Returns: (transfer none): its counters, always current
 */
const PbServerGateStats *
pb_server_gate_get_stats (PbServerGate *self)
{
  return &self->booth->stats;
}

/**
 * pb_server_gate_socket_new:
 * @address: where; port 0 takes any that is free
 * @error: return location
 *
 * Returns: (transfer full) (nullable): a listening socket
 */
GSocket *
pb_server_gate_socket_new (GSocketAddress *address, GError **error)
{
  g_autoptr (GSocket) socket =
      g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM,
          G_SOCKET_PROTOCOL_TCP, error);

  if (socket == NULL)
    return NULL;
  g_socket_set_listen_backlog (socket, PB_HTTP_BACKLOG);
  if (!g_socket_bind (socket, address, TRUE, error) ||
      !g_socket_listen (socket, error))
    return NULL;

  return g_steal_pointer (&socket);
}

/**
 * pb_server_gate_listen_socket:
 * @self: a gate
 * @socket: a listening socket
 * @error: return location
 *
 * Returns: whether connections come in from now on
 */
gboolean
pb_server_gate_listen_socket (PbServerGate *self, GSocket *socket,
    GError **error)
{
  GSource *source;

  if (g_socket_is_closed (socket)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
        "the listening socket is closed");
    return FALSE;
  }

  g_socket_set_blocking (socket, FALSE);
  source = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_static_name (source, "patchbay listener");
  g_source_set_callback (source, G_SOURCE_FUNC (on_incoming), self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  g_ptr_array_add (self->listeners, source);
  return TRUE;
}

/**
 * pb_server_gate_stop_listening:
 * @self: a gate
 *
 * The sockets are closed when their owners let go of them.
 */
void
pb_server_gate_stop_listening (PbServerGate *self)
{
  g_ptr_array_set_size (self->listeners, 0);
}
