/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-outbox.h"

#include <string.h>

/* Sent bytes are moved out of memory when there are this many. */
#define SENT_KEPT (64 * 1024)

/**
 * pb_server_frame_make_header:
 * @length: of the text
 * @header: (out): RFC 6455, 5.2: one text frame, final, not masked
 *
 * Returns: its size
 */
gsize
pb_server_frame_make_header (gsize length,
    guint8 header[PB_SERVER_FRAME_HEADER_MAX])
{
  header[0] = 0x81;
  if (length < 126) {
    header[1] = length;
    return 2;
  }
  if (length <= G_MAXUINT16) {
    header[1] = 126;
    header[2] = length >> 8;
    header[3] = length & 0xff;
    return 4;
  }

  header[1] = 127;
  for (guint i = 0; i < 8; i++)
    header[2 + i] = (guint64) length >> (56 - 8 * i);
  return 10;
}

/* Our own frames, so they are sound and never masked. */
static gsize
frame_size (const guint8 *frame)
{
  gsize length = 0;

  if (frame[1] < 126)
    return 2 + frame[1];
  if (frame[1] == 126)
    return 4 + (frame[2] << 8 | frame[3]);
  for (guint i = 0; i < 8; i++)
    length = length << 8 | frame[2 + i];
  return 10 + length;
}

/* The begin of the frame that holds the next byte to send */
static gsize
find_frame (const PbServerOutbox *self, gsize *size)
{
  gsize at = 0;

  *size = 0;
  while (at < self->bytes->len) {
    *size = frame_size (self->bytes->data + at);
    if (at + *size > self->n_sent)
      break;
    at += *size;
    *size = 0;
  }

  return at;
}

/**
 * pb_server_outbox_get_size:
 * @self: an outbox
 *
 * Returns: the bytes that wait
 */
gsize
pb_server_outbox_get_size (const PbServerOutbox *self)
{
  return self->bytes != NULL ? self->bytes->len - self->n_sent : 0;
}

/**
 * pb_server_outbox_clear:
 * @self: an outbox, empty afterwards
 */
void
pb_server_outbox_clear (PbServerOutbox *self)
{
  g_clear_pointer (&self->bytes, g_byte_array_unref);
  self->n_sent = 0;
}

/**
 * pb_server_outbox_append:
 * @self: an outbox
 * @parts: (array length=n_parts): the frame; or several whole ones
 * @n_parts: how many
 * @n_sent: how much the socket took of it, if this is the first
 */
void
pb_server_outbox_append (PbServerOutbox *self, const struct iovec *parts,
    guint n_parts, gsize n_sent)
{
  g_return_if_fail (self->bytes == NULL || n_sent == 0);

  if (self->bytes == NULL) {
    self->bytes = g_byte_array_new ();
    self->n_sent = n_sent;
  }
  for (guint i = 0; i < n_parts; i++)
    g_byte_array_append (self->bytes, parts[i].iov_base, parts[i].iov_len);
}

/**
 * pb_server_outbox_peek:
 * @self: an outbox
 * @size: (out): how many bytes
 *
 * Returns: (nullable): what to send next
 */
const guint8 *
pb_server_outbox_peek (const PbServerOutbox *self, gsize *size)
{
  *size = pb_server_outbox_get_size (self);

  return *size > 0 ? self->bytes->data + self->n_sent : NULL;
}

/**
 * pb_server_outbox_take:
 * @self: an outbox
 * @size: bytes that the socket took
 */
void
pb_server_outbox_take (PbServerOutbox *self, gsize size)
{
  gsize ignored, done;

  g_return_if_fail (size <= pb_server_outbox_get_size (self));

  self->n_sent += size;
  if (pb_server_outbox_get_size (self) == 0) {
    pb_server_outbox_clear (self);
    return;
  }
  if (self->n_sent < MAX (SENT_KEPT, self->bytes->len / 2))
    return;

  done = find_frame (self, &ignored);
  if (done > 0) {
    g_byte_array_remove_range (self->bytes, 0, done);
    self->n_sent -= done;
  }
}

/**
 * pb_server_outbox_drop:
 * @self: an outbox
 */
void
pb_server_outbox_drop (PbServerOutbox *self)
{
  gsize at, size;

  if (self->bytes == NULL)
    return;

  at = find_frame (self, &size);
  if (at == self->n_sent)
    pb_server_outbox_clear (self);
  else
    g_byte_array_set_size (self->bytes, at + size);
}
