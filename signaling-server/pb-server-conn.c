/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-ws-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

/* One WebSocket: its socket, its goodbyes, its deadlines, what it sends. */

#define CONN_FROM_POLL(entry)                                                  \
  ((PbServerConn *) ((char *) (entry) -G_STRUCT_OFFSET (PbServerConn, poll)))
#define CONN_FROM_TIMER(entry)                                                 \
  ((PbServerConn *) ((char *) (entry) -G_STRUCT_OFFSET (PbServerConn, timer)))

/* --- bytes ---------------------------------------------------------------
 * The seam for TLS: these three are all that touches the socket's bytes. */

gssize
pb_server_conn_recv (PbServerConn *self, guint8 *data, gsize size)
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

/* --- life --------------------------------------------------------------- */

/* No message comes or goes from here on. */
void
pb_server_conn_end (PbServerConn *self, guint code)
{
  if (self->state >= PB_SERVER_CONN_CLOSING)
    return;

  self->ws->stats.n_open--;
  self->state = PB_SERVER_CONN_CLOSING;
  self->code = code;
  self->n_turn = 0;
  pb_server_wheel_arm (self->ws->wheel, &self->timer,
      self->ws->limits.close_ms);
  pb_server_ws_add_due (self);
}

/* Closes the socket, and lets go of @self once `closed` was called. */
void
pb_server_conn_finish (PbServerConn *self)
{
  PbServerWs *ws = self->ws;

  pb_server_conn_end (self, 1006);
  if (self->state != PB_SERVER_CONN_GONE) {
    self->state = PB_SERVER_CONN_GONE;
    ws->stats.n_sockets--;
    pb_server_wheel_disarm (ws->wheel, &self->timer);
    pb_server_conn_drop_reader (self);
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
void
pb_server_conn_settle (PbServerConn *self)
{
  if (self->state == PB_SERVER_CONN_GONE)
    return;
  if (self->is_broken) {
    pb_server_conn_end (self, 1006);
    pb_server_conn_finish (self);
    return;
  }

  if (self->state == PB_SERVER_CONN_CLOSING && self->outbox.bytes == NULL) {
    if (self->is_answered) {
      pb_server_conn_finish (self);
      return;
    }
    if (self->is_refused && !self->is_shut && self->poll.fd >= 0)
      conn_shut (self);
  }
  conn_update_events (self);
}

/* --- writing ------------------------------------------------------------ */

/* Sends whole frames, or queues what the socket does not take. */
void
pb_server_conn_write (PbServerConn *self, struct iovec *parts, guint n_parts,
    gsize size)
{
  gsize n_sent = 0;

  if (self->is_broken)
    return;
  if (self->state != PB_SERVER_CONN_CONNECTING && self->outbox.bytes == NULL) {
    n_sent = conn_sendv (self, parts, n_parts);
    if (n_sent == size)
      return;
  }

  pb_server_outbox_append (&self->outbox, parts, n_parts, n_sent);
  conn_update_events (self);
  if (self->is_broken)
    pb_server_ws_add_due (self);
}

static void
conn_write_close (PbServerConn *self, guint code, const char *reason)
{
  guint8 frame[PB_SERVER_CLOSE_FRAME_MAX];
  struct iovec part = { .iov_base = frame };

  part.iov_len = pb_server_reader_make_close (code, reason, frame);
  pb_server_conn_write (self, &part, 1, part.iov_len);
}

/* FALSE: the client is too slow, and is told to go. */
gboolean
pb_server_conn_has_room (PbServerConn *self, gsize size)
{
  if (pb_server_outbox_get_size (&self->outbox) + size <=
      self->ws->limits.queue_max)
    return TRUE;

  self->ws->stats.n_closed_slow++;
  pb_server_outbox_drop (&self->outbox);
  conn_write_close (self, 1013, "too slow");
  self->is_refused = TRUE;
  pb_server_conn_end (self, 1013);
  return FALSE;
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

/* --- events ------------------------------------------------------------- */

static void
on_socket (PbServerPollEntry *entry, guint32 events)
{
  g_autoptr (PbServerConn) self = pb_server_conn_ref (CONN_FROM_POLL (entry));

  if (events & EPOLLOUT)
    conn_flush (self);
  if (events & ~EPOLLOUT)
    pb_server_conn_read (self);
  pb_server_conn_settle (self);
}

static void
conn_ping (PbServerConn *self)
{
  guint8 frame[2 + sizeof self->ping] = { 0x89, sizeof self->ping };
  struct iovec part = { .iov_base = frame, .iov_len = sizeof frame };

  self->ping++;
  memcpy (frame + 2, &self->ping, sizeof self->ping);
  self->is_waiting = TRUE;
  if (!pb_server_conn_has_room (self, sizeof frame))
    return;
  pb_server_conn_write (self, &part, 1, sizeof frame);
  pb_server_wheel_arm (self->ws->wheel, &self->timer, self->ws->limits.pong_ms);
}

static void
on_deadline (PbServerWheelEntry *entry)
{
  g_autoptr (PbServerConn) self = pb_server_conn_ref (CONN_FROM_TIMER (entry));
  PbServerWs *ws = self->ws;

  if (self->state == PB_SERVER_CONN_CLOSING ||
      self->state == PB_SERVER_CONN_CONNECTING) {
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
  pb_server_conn_settle (self);
}

PbServerConn *
pb_server_conn_new (PbServerWs *ws, const char *address)
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
gboolean
pb_server_conn_open (PbServerConn *self, int fd, GBytes *early, GError **error)
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
  if (self->state == PB_SERVER_CONN_CONNECTING)
    self->state = PB_SERVER_CONN_OPEN;
  if (early != NULL && g_bytes_get_size (early) > 0) {
    self->early = g_bytes_ref (early);
    pb_server_ws_add_due (self);
  }
  conn_flush (self);
  if (self->is_broken || self->state == PB_SERVER_CONN_CLOSING)
    pb_server_ws_add_due (self);
  conn_update_events (self);
  return TRUE;
}

/* --- for the logic ------------------------------------------------------ */

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
  if (!pb_server_conn_has_room (self, parts[0].iov_len + length))
    return;
  self->ws->stats.n_messages_out++;
  pb_server_conn_write (self, parts, 2, parts[0].iov_len + length);
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
  if (!pb_server_conn_is_open (self) || !pb_server_conn_has_room (self, size))
    return;
  self->ws->stats.n_messages_out++;
  pb_server_conn_write (self, &part, 1, size);
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
  pb_server_conn_end (self, code);
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
  pb_server_wheel_arm (self->ws->wheel, &self->timer, self->ws->limits.ping_ms);
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
  return self->state <= PB_SERVER_CONN_OPEN;
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
