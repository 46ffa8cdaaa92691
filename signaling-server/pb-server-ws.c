/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-ws.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "core/pb-error.h"
#include "core/pb-limits.h"
#include "pb-server-gate.h"
#include "pb-server-outbox.h"
#include "pb-server-poll.h"
#include "pb-server-reader.h"
#include "pb-server-wheel.h"

/* Bytes read from one socket before others have their turn */
#define READ_TURN (64 * 1024)
/* What a client may still send after it broke a rule, before the connection
 * is cut. Reading it lets the close frame arrive: closing a socket with bytes
 * unread resets it. */
#define DISCARD_MAX (1024 * 1024)
/* What may have arrived behind the handshake's request */
#define EARLY_MAX (2 * PB_WS_MESSAGE_MAX)

typedef enum {
  STATE_CONNECTING, /* libsoup is sending the 101 */
  STATE_OPEN,
  STATE_CLOSING, /* over for both sides' messages; goodbyes on their way */
  STATE_GONE,    /* no socket */
} State;

struct _PbServerWs {
  PbServerWsFuncs funcs;
  gpointer user_data;
  PbServerWsLimits limits;
  PbServerWsStats stats;
  PbServerPoll *poll;
  PbServerWheel *wheel;
  PbServerReaderPool *readers;
  GQueue conns;    /* of PbServerConn, owned; by their `link` */
  GQueue due;      /* of PbServerConn, borrowed: see on_due() */
  GSource *due_source; /* NULL while nothing is due */
};

struct _PbServerConn {
  PbServerPollEntry poll;
  PbServerWheelEntry timer;
  gatomicrefcount ref_count;
  PbServerWs *ws; /* NULL once the set has let go */
  GList link;     /* in ws->conns */
  PbServerReader *reader; /* while a message is half-read */
  PbServerOutbox outbox;
  GBytes *early; /* arrived behind the handshake, not read yet */
  guint n_early; /* bytes of it that were */
  guint n_turn;  /* bytes read in this turn; in STATE_CLOSING: discarded */
  guint32 ping;  /* number of the last ping */
  guint16 code;  /* why it closes */
  guint8 state;
  gboolean is_registered : 1;
  gboolean is_waiting : 1;  /* for a pong */
  gboolean is_drained : 1;  /* the socket had no more to read in this turn */
  gboolean is_refused : 1;  /* no frame is read any more */
  gboolean is_shut : 1;     /* we sent our end of stream */
  gboolean is_broken : 1;   /* the socket is of no use */
  gboolean is_answered : 1; /* the client sent its close frame */
  gboolean is_notified : 1; /* `closed` was called */
  gboolean is_due : 1;      /* in ws->due */
  PbServerTicket *ticket; /* (nullable) its place among the connections */
  char *address;
  gpointer data;
  GDestroyNotify data_destroy;
};

#define CONN_FROM_POLL(entry)                                                \
  ((PbServerConn *) ((char *) (entry) -G_STRUCT_OFFSET (PbServerConn, poll)))
#define CONN_FROM_TIMER(entry)                                               \
  ((PbServerConn *) ((char *) (entry) -G_STRUCT_OFFSET (PbServerConn, timer)))

static gboolean on_due (gpointer user_data);

/* --- bytes ---------------------------------------------------------------
 * The seam for TLS: these three are all that touches the socket's bytes. */

static gssize
conn_recv (PbServerConn *self, guint8 *data, gsize size)
{
  gssize n;

  do {
    n = recv (self->poll.fd, data, size, 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == EAGAIN ? PB_SERVER_READ_AGAIN : 0;

  self->ws->stats.n_bytes_in += n;
  return n;
}

/* How much the socket took; the rest waits for EPOLLOUT. */
static gsize
conn_sendv (PbServerConn *self, struct iovec *parts, guint n_parts)
{
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = n_parts };
  gssize n;

  do {
    n = sendmsg (self->poll.fd, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    if (errno != EAGAIN)
      self->is_broken = TRUE;
    return 0;
  }

  self->ws->stats.n_bytes_out += n;
  return n;
}

static void
conn_shut (PbServerConn *self)
{
  self->is_shut = TRUE;
  shutdown (self->poll.fd, SHUT_WR);
}

/* --- life ---------------------------------------------------------------- */

/* From the main loop: what must not happen inside the caller's own call. */
static void
conn_set_due (PbServerConn *self)
{
  PbServerWs *ws = self->ws;

  if (self->is_due)
    return;

  self->is_due = TRUE;
  g_queue_push_tail (&ws->due, self);
  if (ws->due_source != NULL)
    return;

  ws->due_source = g_idle_source_new ();
  g_source_set_priority (ws->due_source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (ws->due_source, "patchbay goodbyes");
  g_source_set_callback (ws->due_source, on_due, ws, NULL);
  g_source_attach (ws->due_source, g_main_context_get_thread_default ());
}

static void
conn_drop_reader (PbServerConn *self)
{
  if (self->reader != NULL)
    pb_server_reader_pool_give (self->ws->readers, self->reader);
  self->reader = NULL;
}

/* No message comes or goes from here on. */
static void
conn_end (PbServerConn *self, guint code)
{
  if (self->state >= STATE_CLOSING)
    return;

  self->ws->stats.n_open--;
  self->state = STATE_CLOSING;
  self->code = code;
  self->n_turn = 0;
  pb_server_wheel_arm (self->ws->wheel, &self->timer,
      self->ws->limits.close_ms);
  conn_set_due (self);
}

/* Closes the socket, and lets go of @self once `closed` was called. */
static void
conn_finish (PbServerConn *self)
{
  PbServerWs *ws = self->ws;

  conn_end (self, 1006);
  if (self->state != STATE_GONE) {
    self->state = STATE_GONE;
    ws->stats.n_sockets--;
    pb_server_wheel_disarm (ws->wheel, &self->timer);
    conn_drop_reader (self);
    pb_server_outbox_clear (&self->outbox);
    g_clear_pointer (&self->early, g_bytes_unref);
    if (self->poll.fd >= 0) {
      pb_server_poll_remove (ws->poll, &self->poll);
      close (self->poll.fd);
      self->poll.fd = -1;
    }
    g_clear_pointer (&self->ticket, pb_server_ticket_free);
  }

  if (self->is_notified) {
    g_queue_unlink (&ws->conns, &self->link);
    if (self->is_due)
      g_queue_remove (&ws->due, self);
    self->is_due = FALSE;
    self->ws = NULL;
    pb_server_conn_unref (self);
  }
}

static void
conn_update_events (PbServerConn *self)
{
  if (self->poll.fd >= 0)
    pb_server_poll_set_events (self->ws->poll, &self->poll,
        EPOLLIN | (self->outbox.bytes != NULL ? EPOLLOUT : 0));
}

/* After any change: is the goodbye complete? */
static void
conn_settle (PbServerConn *self)
{
  if (self->state == STATE_GONE)
    return;
  if (self->is_broken) {
    conn_end (self, 1006);
    conn_finish (self);
    return;
  }

  if (self->state == STATE_CLOSING && self->outbox.bytes == NULL) {
    if (self->is_answered) {
      conn_finish (self);
      return;
    }
    if (self->is_refused && !self->is_shut && self->poll.fd >= 0)
      conn_shut (self);
  }
  conn_update_events (self);
}

/* Sends whole frames, or queues what the socket does not take. */
static void
conn_write (PbServerConn *self, struct iovec *parts, guint n_parts, gsize size)
{
  gsize n_sent = 0;

  if (self->is_broken)
    return;
  if (self->state != STATE_CONNECTING && self->outbox.bytes == NULL) {
    n_sent = conn_sendv (self, parts, n_parts);
    if (n_sent == size)
      return;
  }

  pb_server_outbox_append (&self->outbox, parts, n_parts, n_sent);
  conn_update_events (self);
  if (self->is_broken)
    conn_set_due (self);
}

static void
conn_write_close (PbServerConn *self, guint code, const char *reason)
{
  guint8 frame[PB_SERVER_CLOSE_FRAME_MAX];
  struct iovec part = { .iov_base = frame };

  part.iov_len = pb_server_reader_make_close (code, reason, frame);
  conn_write (self, &part, 1, part.iov_len);
}

/* FALSE: the client is too slow, and is told to go. */
static gboolean
conn_has_room (PbServerConn *self, gsize size)
{
  if (pb_server_outbox_get_size (&self->outbox) + size <=
      self->ws->limits.queue_max)
    return TRUE;

  self->ws->stats.n_closed_slow++;
  pb_server_outbox_drop (&self->outbox);
  conn_write_close (self, 1013, "too slow");
  self->is_refused = TRUE;
  conn_end (self, 1013);
  return FALSE;
}

/* --- reading ------------------------------------------------------------- */

static gssize
on_reader_read (gpointer user_data, guint8 *data, gsize size)
{
  PbServerConn *self = user_data;
  gssize n;

  if (self->early != NULL) {
    gsize n_bytes;
    const guint8 *bytes = g_bytes_get_data (self->early, &n_bytes);

    n = MIN (size, n_bytes - self->n_early);
    memcpy (data, bytes + self->n_early, n);
    self->n_early += n;
    if (self->n_early == n_bytes)
      g_clear_pointer (&self->early, g_bytes_unref);
    return n;
  }

  if (self->is_drained || self->n_turn >= READ_TURN)
    return PB_SERVER_READ_AGAIN;
  n = conn_recv (self, data, size);
  if (n > 0) {
    /* A short read leaves nothing behind; if it does, epoll tells. */
    self->is_drained = (gsize) n < size;
    self->n_turn += n;
  }
  return n;
}

static void
on_reader_write (gpointer user_data, const guint8 *data, gsize size)
{
  PbServerConn *self = user_data;
  struct iovec part = { .iov_base = (guint8 *) data, .iov_len = size };

  /* After our close frame nothing may follow, an answer to a ping neither. */
  if (self->state == STATE_OPEN && conn_has_room (self, size))
    conn_write (self, &part, 1, size);
}

static void
on_reader_text (gpointer user_data, const char *text, gsize length)
{
  PbServerConn *self = user_data;

  if (self->state != STATE_OPEN)
    return;
  self->ws->stats.n_messages_in++;
  self->ws->funcs.message (self, text, length, self->ws->user_data);
}

static void
on_reader_pong (gpointer user_data, const guint8 *data, gsize size)
{
  PbServerConn *self = user_data;

  if (self->state != STATE_OPEN || !self->is_waiting ||
      size != sizeof self->ping || memcmp (data, &self->ping, size) != 0)
    return;
  self->is_waiting = FALSE;
  pb_server_wheel_arm (self->ws->wheel, &self->timer,
      self->is_registered ? self->ws->limits.ping_ms
                          : self->ws->limits.idle_ms);
}

/* The client broke a rule, or the set closes it: let its bytes go by. */
static void
conn_discard (PbServerConn *self)
{
  guint8 data[4096];
  gssize n;

  g_clear_pointer (&self->early, g_bytes_unref);
  n = conn_recv (self, data, sizeof data);
  if (n > 0)
    self->n_turn += n;
  if (n == 0 || self->n_turn > DISCARD_MAX)
    self->is_broken = TRUE;
}

static void
conn_read (PbServerConn *self)
{
  guint code;

  if (self->is_refused) {
    conn_discard (self);
    return;
  }

  if (self->reader == NULL)
    self->reader = pb_server_reader_pool_take (self->ws->readers, self);
  self->n_turn = 0;
  self->is_drained = FALSE;
  switch (pb_server_reader_run (self->reader, &code)) {
    case PB_SERVER_READER_MORE:
      if (pb_server_reader_is_idle (self->reader))
        conn_drop_reader (self);
      break;
    case PB_SERVER_READER_CLOSED:
      self->is_answered = self->is_refused = TRUE;
      conn_drop_reader (self);
      conn_end (self, code);
      break;
    case PB_SERVER_READER_REFUSED:
      if (self->state == STATE_OPEN)
        self->ws->stats.n_closed_rules++;
      self->is_refused = TRUE;
      conn_drop_reader (self);
      conn_end (self, code);
      break;
    case PB_SERVER_READER_ENDED:
      self->is_broken = TRUE;
      break;
    default:
      g_assert_not_reached ();
  }
}

static void
conn_flush (PbServerConn *self)
{
  struct iovec part;
  gsize size;

  part.iov_base = (guint8 *) pb_server_outbox_peek (&self->outbox, &size);
  part.iov_len = size;
  if (size > 0)
    pb_server_outbox_take (&self->outbox, conn_sendv (self, &part, 1));
}

static void
on_socket (PbServerPollEntry *entry, guint32 events)
{
  g_autoptr (PbServerConn) self =
      pb_server_conn_ref (CONN_FROM_POLL (entry));

  if (events & EPOLLOUT)
    conn_flush (self);
  if (events & ~EPOLLOUT)
    conn_read (self);
  conn_settle (self);
}

static gboolean
on_due (gpointer user_data)
{
  PbServerWs *ws = user_data;
  guint n = ws->due.length; /* what becomes due meanwhile waits its turn */

  while (n-- > 0) {
    PbServerConn *conn = g_queue_pop_head (&ws->due);
    g_autoptr (PbServerConn) self = pb_server_conn_ref (conn);

    self->is_due = FALSE;
    if (self->early != NULL && self->state == STATE_OPEN) {
      conn_read (self);
      if (self->early != NULL)
        conn_set_due (self);
    }
    conn_settle (self);
    if (self->state >= STATE_CLOSING && !self->is_notified) {
      self->is_notified = TRUE;
      ws->funcs.closed (self, self->code, ws->user_data);
      if (self->state == STATE_GONE)
        conn_finish (self);
    }
  }

  if (ws->due.length > 0)
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&ws->due_source, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
conn_ping (PbServerConn *self)
{
  guint8 frame[2 + sizeof self->ping] = { 0x89, sizeof self->ping };
  struct iovec part = { .iov_base = frame, .iov_len = sizeof frame };

  self->ping++;
  memcpy (frame + 2, &self->ping, sizeof self->ping);
  self->is_waiting = TRUE;
  if (!conn_has_room (self, sizeof frame))
    return;
  conn_write (self, &part, 1, sizeof frame);
  pb_server_wheel_arm (self->ws->wheel, &self->timer,
      self->ws->limits.pong_ms);
}

static void
on_deadline (PbServerWheelEntry *entry)
{
  g_autoptr (PbServerConn) self =
      pb_server_conn_ref (CONN_FROM_TIMER (entry));
  PbServerWs *ws = self->ws;

  if (self->state == STATE_CLOSING || self->state == STATE_CONNECTING) {
    self->is_broken = TRUE; /* it had its time */
  } else if (!self->is_registered) {
    ws->stats.n_closed_idle++;
    if (ws->funcs.idle != NULL)
      ws->funcs.idle (self, ws->user_data);
    pb_server_conn_close (self, 4008, "not registered in time");
  } else if (self->is_waiting) {
    ws->stats.n_closed_pong++;
    self->is_broken = TRUE;
  } else {
    conn_ping (self);
  }
  conn_settle (self);
}

/* --- connections --------------------------------------------------------- */

static PbServerConn *
conn_new (PbServerWs *ws, const char *address)
{
  PbServerConn *self = g_new0 (PbServerConn, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->ws = ws;
  self->poll.fd = -1;
  self->poll.func = on_socket;
  self->poll.events = EPOLLIN;
  self->timer.func = on_deadline;
  self->link.data = self;
  self->address = g_strdup (address);
  g_queue_push_tail_link (&ws->conns, &self->link);
  ws->stats.n_sockets++;
  ws->stats.n_open++;
  pb_server_wheel_arm (ws->wheel, &self->timer, ws->limits.idle_ms);

  return self;
}

/* Takes @fd in any case. */
static gboolean
conn_open (PbServerConn *self, int fd, GBytes *early, GError **error)
{
  int one = 1;

  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  self->poll.fd = fd;
  if (!pb_server_poll_add (self->ws->poll, &self->poll, error)) {
    self->poll.fd = -1;
    close (fd);
    return FALSE;
  }

  self->ws->stats.n_upgraded++;
  if (self->state == STATE_CONNECTING)
    self->state = STATE_OPEN;
  if (early != NULL && g_bytes_get_size (early) > 0) {
    self->early = g_bytes_ref (early);
    conn_set_due (self);
  }
  conn_flush (self);
  if (self->is_broken || self->state == STATE_CLOSING)
    conn_set_due (self);
  conn_update_events (self);
  return TRUE;
}

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
    n = g_pollable_input_stream_read_nonblocking (
        G_POLLABLE_INPUT_STREAM (input), data, sizeof data, NULL, NULL);
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
    conn_set_due (self);
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
  if (self->state == STATE_GONE)
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
  if (fd < 0 || !conn_open (self, fd, early, NULL)) {
    self->is_broken = TRUE;
    conn_set_due (self);
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

  if (!soup_websocket_server_check_handshake (msg, NULL,
          (char **) protocols, NULL, &refusal)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "not a WebSocket: %s",
        refusal->message);
    return NULL;
  }
  if (!soup_websocket_server_process_handshake (msg, NULL,
          (char **) protocols, NULL, NULL)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "not a WebSocket");
    return NULL;
  }

  if (G_IS_INET_SOCKET_ADDRESS (remote))
    address = g_inet_address_to_string (
        g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote)));
  conn = conn_new (self, address);
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
  PbServerConn *conn = conn_new (self, address);

  if (!conn_open (conn, fd, early, error)) {
    conn->is_notified = TRUE; /* the caller hears of it here */
    conn_finish (conn);
    return NULL;
  }

  return conn;
}

/* --- the set ------------------------------------------------------------- */

/**
 * pb_server_ws_limits_init:
 * @limits: (out): the numbers of pb-limits.h
 */
void
pb_server_ws_limits_init (PbServerWsLimits *limits)
{
  *limits = (PbServerWsLimits) {
    .message_max = PB_WS_MESSAGE_MAX,
    .fragments_max = PB_WS_FRAGMENTS_MAX,
    .queue_max = PB_WS_QUEUE_MAX,
    .ping_ms = PB_WS_PING_S * 1000,
    .pong_ms = PB_WS_PONG_S * 1000,
    .idle_ms = PB_WS_IDLE_S * 1000,
    .close_ms = 5000,
    .tick_ms = 100,
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
  static const PbServerReaderFuncs reader_funcs = {
    .read = on_reader_read,
    .write = on_reader_write,
    .text = on_reader_text,
    .pong = on_reader_pong,
  };
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
  self->readers = pb_server_reader_pool_new (&reader_funcs,
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

    conn_finish (conn);
    if (self->conns.head != NULL && self->conns.head->data == conn) {
      conn->is_notified = TRUE;
      self->funcs.closed (conn, conn->code, self->user_data);
      conn_finish (conn);
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

/**
 * pb_server_conn_ref:
 * @self: a connection
 *
 * Returns: (transfer full): @self
 */
PbServerConn *
pb_server_conn_ref (PbServerConn *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * pb_server_conn_unref:
 * @self: (transfer full): a connection
 */
void
pb_server_conn_unref (PbServerConn *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->data_destroy != NULL)
    self->data_destroy (self->data);
  g_free (self->address);
  g_free (self);
}

/**
 * pb_server_conn_send_text:
 * @self: a connection
 * @text: a message, sent as it is
 * @length: its bytes
 *
 * Nothing happens where it is not open. Where too much waits already, the
 * connection is closed with 1013.
 */
void
pb_server_conn_send_text (PbServerConn *self, const char *text, gsize length)
{
  guint8 header[PB_SERVER_FRAME_HEADER_MAX];
  struct iovec parts[2];

  if (!pb_server_conn_is_open (self))
    return;

  parts[0].iov_base = header;
  parts[0].iov_len = pb_server_frame_make_header (length, header);
  parts[1].iov_base = (char *) text;
  parts[1].iov_len = length;
  if (!conn_has_room (self, parts[0].iov_len + length))
    return;
  self->ws->stats.n_messages_out++;
  conn_write (self, parts, 2, parts[0].iov_len + length);
}

/**
 * pb_server_frame_new_text:
 * @text: a message
 * @length: its bytes
 *
 * Returns: (transfer full): for pb_server_conn_send_frame()
 */
GBytes *
pb_server_frame_new_text (const char *text, gsize length)
{
  guint8 header[PB_SERVER_FRAME_HEADER_MAX];
  gsize n_header = pb_server_frame_make_header (length, header);
  guint8 *frame = g_malloc (n_header + length);

  memcpy (frame, header, n_header);
  memcpy (frame + n_header, text, length);
  return g_bytes_new_take (frame, n_header + length);
}

/**
 * pb_server_conn_send_frame:
 * @self: a connection
 * @frame: from pb_server_frame_new_text()
 *
 * As pb_server_conn_send_text().
 */
void
pb_server_conn_send_frame (PbServerConn *self, GBytes *frame)
{
  struct iovec part;
  gsize size;

  part.iov_base = (guint8 *) g_bytes_get_data (frame, &size);
  part.iov_len = size;
  if (!pb_server_conn_is_open (self) || !conn_has_room (self, size))
    return;
  self->ws->stats.n_messages_out++;
  conn_write (self, &part, 1, size);
}

/**
 * pb_server_conn_close:
 * @self: a connection
 * @code: RFC 6455, 7.4
 * @reason: (nullable): for people, without secrets
 *
 * Sends what waits, then the close frame. Messages that still arrive are
 * dropped. Nothing happens where it is closing already.
 */
void
pb_server_conn_close (PbServerConn *self, guint code, const char *reason)
{
  if (!pb_server_conn_is_open (self))
    return;

  conn_write_close (self, code, reason);
  conn_end (self, code);
}

/**
 * pb_server_conn_set_registered:
 * @self: a connection
 */
void
pb_server_conn_set_registered (PbServerConn *self)
{
  if (self->is_registered || !pb_server_conn_is_open (self))
    return;

  self->is_registered = TRUE;
  pb_server_wheel_arm (self->ws->wheel, &self->timer,
      self->ws->limits.ping_ms);
}

/**
 * pb_server_conn_is_open:
 * @self: a connection
 *
 * Returns: whether a message that is sent now may arrive
 */
gboolean
pb_server_conn_is_open (PbServerConn *self)
{
  return self->state <= STATE_OPEN;
}

/**
 * pb_server_conn_get_address:
 * @self: a connection
 *
 * Returns: (nullable): the client's address, without its port
 */
const char *
pb_server_conn_get_address (PbServerConn *self)
{
  return self->address;
}

/**
 * pb_server_conn_get_queue_size:
 * @self: a connection
 *
 * Returns: the bytes that the client has not taken yet
 */
gsize
pb_server_conn_get_queue_size (PbServerConn *self)
{
  return pb_server_outbox_get_size (&self->outbox);
}

/**
 * pb_server_conn_set_data:
 * @self: a connection
 * @data: the owner's
 * @destroy: (nullable): for it
 */
void
pb_server_conn_set_data (PbServerConn *self, gpointer data,
    GDestroyNotify destroy)
{
  if (self->data_destroy != NULL)
    self->data_destroy (self->data);
  self->data = data;
  self->data_destroy = destroy;
}

/**
 * pb_server_conn_get_data:
 * @self: a connection
 *
 * Returns: (transfer none) (nullable): what was set
 */
gpointer
pb_server_conn_get_data (PbServerConn *self)
{
  return self->data;
}
