/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-ws-private.h"

#include <string.h>

/* One WebSocket: what it receives, from the socket to a message. */

/* Bytes read from one socket before others have their turn */
#define READ_TURN (64 * 1024)
/* What a client may still send after it broke a rule, before the connection
 * is cut. Reading it lets the close frame arrive: closing a socket with bytes
 * unread resets it. */
#define DISCARD_MAX (1024 * 1024)

void
pb_server_conn_drop_reader (PbServerConn *self)
{
  if (self->reader != NULL)
    pb_server_reader_pool_give (self->ws->readers, self->reader);
  self->reader = NULL;
}

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
  n = pb_server_conn_recv (self, data, size);
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
  if (self->state == PB_SERVER_CONN_OPEN &&
      pb_server_conn_has_room (self, size))
    pb_server_conn_write (self, &part, 1, size);
}

static void
on_reader_text (gpointer user_data, const char *text, gsize length)
{
  PbServerConn *self = user_data;

  if (self->state != PB_SERVER_CONN_OPEN)
    return;
  self->ws->stats.n_messages_in++;
  self->ws->funcs.message (self, text, length, self->ws->user_data);
}

static void
on_reader_pong (gpointer user_data, const guint8 *data, gsize size)
{
  PbServerConn *self = user_data;

  if (self->state != PB_SERVER_CONN_OPEN || !self->is_waiting ||
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
  n = pb_server_conn_recv (self, data, sizeof data);
  if (n > 0)
    self->n_turn += n;
  if (n == 0 || self->n_turn > DISCARD_MAX)
    self->is_broken = TRUE;
}

void
pb_server_conn_read (PbServerConn *self)
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
        pb_server_conn_drop_reader (self);
      break;
    case PB_SERVER_READER_CLOSED:
      self->is_answered = self->is_refused = TRUE;
      pb_server_conn_drop_reader (self);
      pb_server_conn_end (self, code);
      break;
    case PB_SERVER_READER_REFUSED:
      if (self->state == PB_SERVER_CONN_OPEN)
        self->ws->stats.n_closed_rules++;
      self->is_refused = TRUE;
      pb_server_conn_drop_reader (self);
      pb_server_conn_end (self, code);
      break;
    case PB_SERVER_READER_ENDED:
      self->is_broken = TRUE;
      break;
    default:
      g_assert_not_reached ();
  }
}

const PbServerReaderFuncs pb_server_conn_reader_funcs = {
  .read = on_reader_read,
  .write = on_reader_write,
  .text = on_reader_text,
  .pong = on_reader_pong,
};
