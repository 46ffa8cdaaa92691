/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-gate.h"

G_BEGIN_DECLS

/**
 * PbServerLinger:
 * Connections that got their last words. A socket closed with bytes unread is
 * reset, and the words are lost with it: so what still comes is read and
 * thrown away, until the client closes or has had its time.
 */
typedef struct _PbServerLinger PbServerLinger;

PbServerLinger *pb_server_linger_new (guint time_ms, guint tick_ms,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_linger_free (PbServerLinger *self);

/* Takes @stream and @ticket. */
void pb_server_linger_add (PbServerLinger *self, GIOStream *stream,
    PbServerTicket *ticket, const char *words, gsize length);

G_END_DECLS
