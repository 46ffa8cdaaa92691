/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/uio.h>

G_BEGIN_DECLS

/**
 * PbServerOutbox:
 * What a socket would not take yet: whole frames in one block of memory, so
 * that many small ones cost no more than their bytes. Empty, it owns nothing.
 */
typedef struct {
  GByteArray *bytes; /* begins with a frame; NULL while empty */
  gsize n_sent;      /* of them */
} PbServerOutbox;

/* Room for the header of a frame that a server sends */
#define PB_SERVER_FRAME_HEADER_MAX 10

gsize pb_server_frame_make_header (gsize length,
    guint8 header[PB_SERVER_FRAME_HEADER_MAX]);

gsize pb_server_outbox_get_size (const PbServerOutbox *self);
void pb_server_outbox_clear (PbServerOutbox *self);
/* Adds a frame of which @n_sent bytes are on their way, @n_sent being 0
 * unless the outbox is empty. */
void pb_server_outbox_append (PbServerOutbox *self, const struct iovec *parts,
    guint n_parts, gsize n_sent);
/* The next bytes to send; NULL while empty */
const guint8 *pb_server_outbox_peek (const PbServerOutbox *self, gsize *size);
void pb_server_outbox_take (PbServerOutbox *self, gsize size);
/* Forgets all but the rest of a frame that is half-sent. */
void pb_server_outbox_drop (PbServerOutbox *self);

G_END_DECLS
