/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-ws-private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/pb-error.h"
#include "core/pb-limits.h"

/* All WebSockets: the way in, by libsoup's handshake, and the set they are
 * in. */

/* What may have arrived behind the handshake's request */
#define EARLY_MAX (2 * PB_WS_MESSAGE_MAX)

/* --- goodbyes ----------------------------------------------------------- */

static gboolean
on_due (gpointer user_data)
{
  PbServerWs *ws = user_data;
  guint n = ws->due.length; /* what becomes due meanwhile waits its turn */

  while (n-- > 0) {
    PbServerConn *conn = g_queue_pop_head (&ws->due);
    g_autoptr (PbServerConn) self = pb_server_conn_ref (conn);

    self->is_due = FALSE;
    if (self->early != NULL && self->state == PB_SERVER_CONN_OPEN) {
      pb_server_conn_read (self);
      if (self->early != NULL)
        pb_server_ws_add_due (self);
    }
    pb_server_conn_settle (self);
    if (self->state >= PB_SERVER_CONN_CLOSING && !self->is_notified) {
      self->is_notified = TRUE;
      ws->funcs.closed (self, self->code, ws->user_data);
      if (self->state == PB_SERVER_CONN_GONE)
        pb_server_conn_finish (self);
    }
  }

  if (ws->due.length > 0)
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&ws->due_source, g_source_unref);
  return G_SOURCE_REMOVE;
}

/* From the main loop: what must not happen inside the caller's own call. */
void
pb_server_ws_add_due (PbServerConn *conn)
{
  PbServerWs *ws = conn->ws;

  if (conn->is_due)
    return;

  conn->is_due = TRUE;
  g_queue_push_tail (&ws->due, conn);
  if (ws->due_source != NULL)
    return;

  ws->due_source = g_idle_source_new ();
  g_source_set_priority (ws->due_source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (ws->due_source, "patchbay goodbyes");
  g_source_set_callback (ws->due_source, on_due, ws, NULL);
  g_source_attach (ws->due_source, g_main_context_get_thread_default ());
}

/* --- the way in --------------------------------------------------------- */

/* What libsoup had read behind the request, and what the socket has. NULL if
 * that is more than anybody sends before he has seen the answer. */
static GBytes *
drain (GIOStream *stream)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  GInputStream *input = g_io_stream_get_input_stream (stream);
  guint8 data[4096];
  gssize n = 1;

  if (!G_IS_POLLABLE_INPUT_STREAM (input))
    return NULL;
  while (n > 0) {
    /* TLS: the stream is read to its end here as well, and stays. */
    n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (
                                                      input),
        data, sizeof data, NULL, NULL);
    if (n > 0)
      g_byte_array_append (bytes, data, n);
    if (bytes->len > EARLY_MAX)
      return NULL;
  }

  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/* The client left before it had the 101. */
static void
on_message_gone (SoupServerMessage *msg, gpointer user_data)
{
  PbServerConn *self = user_data;

  if (self->poll.fd < 0 && self->ws != NULL) {
    self->is_broken = TRUE;
    pb_server_ws_add_due (self);
  }
}

static void
on_wrote_informational (SoupServerMessage *msg, gpointer user_data)
{
  PbServerConn *self = user_data;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GBytes) early = NULL;
  int fd;

  g_signal_handlers_disconnect_by_func (msg, on_message_gone, self);
  if (self->state == PB_SERVER_CONN_GONE)
    return;

  self->ticket = pb_server_gate_steal_ticket (msg);
  if (self->ticket != NULL)
    socket = pb_server_ticket_steal_socket (self->ticket);
  else if (soup_server_message_get_socket (msg) != NULL)
    socket = g_object_ref (soup_server_message_get_socket (msg));
  stream = soup_server_message_steal_connection (msg);
  early = drain (stream);
  fd = early == NULL || socket == NULL
           ? -1
           : fcntl (g_socket_get_fd (socket), F_DUPFD_CLOEXEC, 3);
  /* Or else the epoll set keeps the original, after our own is closed. */
  g_io_stream_close (stream, NULL, NULL);
  if (fd < 0 || !pb_server_conn_open (self, fd, early, NULL)) {
    self->is_broken = TRUE;
    pb_server_ws_add_due (self);
  }
}

static void
unref_closure (gpointer data, GClosure *closure)
{
  pb_server_conn_unref (data);
}

/**
 * pb_server_ws_upgrade:
 * @self: a set
 * @msg: a request, checked for everything but the handshake itself
 * @protocols: (nullable): subprotocols that may be agreed on
 * @error: return location; PB_ERROR_INVALID where this is no handshake
 *
 * Answers the handshake, without extensions. What is sent to the connection
 * meanwhile follows the answer.
 *
 * Returns: (transfer none) (nullable): the connection; `closed` follows
 */
PbServerConn *
pb_server_ws_upgrade (PbServerWs *self, SoupServerMessage *msg,
    const char *const *protocols, GError **error)
{
  g_autoptr (GError) refusal = NULL;
  GSocketAddress *remote = soup_server_message_get_remote_address (msg);
  g_autofree char *address = NULL;
  PbServerConn *conn;

  if (!soup_websocket_server_check_handshake (msg, NULL, (char **) protocols,
          NULL, &refusal)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "not a WebSocket: %s",
        refusal->message);
    return NULL;
  }
  if (!soup_websocket_server_process_handshake (msg, NULL, (char **) protocols,
          NULL, NULL)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID, "not a WebSocket");
    return NULL;
  }

  if (G_IS_INET_SOCKET_ADDRESS (remote))
    address = g_inet_address_to_string (
        g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote)));
  conn = pb_server_conn_new (self, address);
  g_signal_connect_data (msg, "wrote-informational",
      G_CALLBACK (on_wrote_informational), pb_server_conn_ref (conn),
      unref_closure, 0);
  g_signal_connect_data (msg, "finished", G_CALLBACK (on_message_gone),
      pb_server_conn_ref (conn), unref_closure, 0);

  return conn;
}

/**
 * pb_server_ws_adopt:
 * @self: a set
 * @fd: a connected socket behind its handshake; taken, also on failure
 * @address: (nullable): of the client
 * @early: (nullable): bytes already read from it
 * @error: return location
 *
 * Returns: (transfer none) (nullable): the connection; `closed` follows
 */
PbServerConn *
pb_server_ws_adopt (PbServerWs *self, int fd, const char *address,
    GBytes *early, GError **error)
{
  PbServerConn *conn = pb_server_conn_new (self, address);

  if (!pb_server_conn_open (conn, fd, early, error)) {
    conn->is_notified = TRUE; /* the caller hears of it here */
    pb_server_conn_finish (conn);
    return NULL;
  }

  return conn;
}

/* --- the set ------------------------------------------------------------ */

/**
 * pb_server_ws_limits_init:
 * @limits: (out): the numbers of pb-limits.h
 */
void
pb_server_ws_limits_init (PbServerWsLimits *limits)
{
  *limits = (PbServerWsLimits){
    .message_max = PB_WS_MESSAGE_MAX,
    .fragments_max = PB_WS_FRAGMENTS_MAX,
    .queue_max = PB_WS_QUEUE_MAX,
    .ping_ms = PB_WS_PING_S * 1000,
    .pong_ms = PB_WS_PONG_S * 1000,
    .idle_ms = PB_WS_IDLE_S * 1000,
    .close_ms = PB_WS_CLOSE_S * 1000,
    .tick_ms = PB_SERVER_TICK_MS,
  };
}

/**
 * pb_server_ws_new:
 * @funcs: what it calls
 * @user_data: for them
 * @limits: (nullable): %NULL for the usual ones
 * @error: return location
 *
 * Returns: (transfer full) (nullable): an empty set on the thread-default
 *   main context
 */
PbServerWs *
pb_server_ws_new (const PbServerWsFuncs *funcs, gpointer user_data,
    const PbServerWsLimits *limits, GError **error)
{
  g_autoptr (PbServerPoll) poll = pb_server_poll_new (error);
  PbServerWs *self;

  if (poll == NULL)
    return NULL;

  self = g_new0 (PbServerWs, 1);
  self->funcs = *funcs;
  self->user_data = user_data;
  if (limits != NULL)
    self->limits = *limits;
  else
    pb_server_ws_limits_init (&self->limits);
  self->poll = g_steal_pointer (&poll);
  self->wheel = pb_server_wheel_new (self->limits.tick_ms);
  self->readers = pb_server_reader_pool_new (&pb_server_conn_reader_funcs,
      self->limits.message_max, self->limits.fragments_max);

  return self;
}

/**
 * pb_server_ws_free:
 * @self: (transfer full): a set; not from inside one of its functions
 *
 * Cuts every connection; `closed` is called for those that were open.
 */
void
pb_server_ws_free (PbServerWs *self)
{
  while (self->conns.head != NULL) {
    PbServerConn *conn = self->conns.head->data;

    pb_server_conn_finish (conn);
    if (self->conns.head != NULL && self->conns.head->data == conn) {
      conn->is_notified = TRUE;
      self->funcs.closed (conn, conn->code, self->user_data);
      pb_server_conn_finish (conn);
    }
  }
  g_queue_clear (&self->due);
  if (self->due_source != NULL) {
    g_source_destroy (self->due_source);
    g_source_unref (self->due_source);
  }
  pb_server_reader_pool_free (self->readers);
  pb_server_wheel_free (self->wheel);
  pb_server_poll_free (self->poll);
  g_free (self);
}

/**
 * pb_server_ws_close_all:
 * @self: a set
 * @code: for all
 * @reason: (nullable): for all
 *
 * They are gone when `n_sockets` is 0, after `close_ms` at the latest.
 */
void
pb_server_ws_close_all (PbServerWs *self, guint code, const char *reason)
{
  for (GList *l = self->conns.head; l != NULL; l = l->next)
    pb_server_conn_close (l->data, code, reason);
}

/**
 * pb_server_ws_get_stats:
 * @self: a set
 *
 * Returns: (transfer none): its counters, always current
 */
const PbServerWsStats *
pb_server_ws_get_stats (PbServerWs *self)
{
  return &self->stats;
}
