/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"
#include "pb-server-pending.h"
#include "pb-server-session.h"

G_BEGIN_DECLS

/**
 * PbServerVirtual:
 * What stands for a WebSocket where a registration is a client of WHIP or WHEP:
 * it hears what a WebSocket would be sent, and does for the client what the
 * client cannot: offers, and turns the answer into the one of HTTP. Owned by
 * its PbServerPeer.
 *
 * What it hears it acts on at the next turn of the main loop, as a client at
 * the end of a socket would: it may end its own registration then.
 */

/* `end`: the registration that it meets, and no other; `offer`: checked; it is
 * made when the two are introduced. `ice_servers`: (transfer full), for the
 * client. */
PbServerVirtual *pb_server_virtual_new (PbServerPeer *peer, PbServerPeer *end,
    const char *offer, GPtrArray *ice_servers);
void pb_server_virtual_free (PbServerVirtual *self);

/* A message to a peer, as it stands in the table of messages. */
void pb_server_virtual_hear (PbServerVirtual *self, PbMessage *message);
/* (transfer full): of the first answer */
PbServerReply *pb_server_virtual_promise (PbServerVirtual *self);
/* The registration goes: who waits is told so. `reason` of peer_gone, or of
 * closed. */
void pb_server_virtual_end (PbServerVirtual *self, const char *reason);

gboolean pb_server_virtual_is_end (PbServerVirtual *self, const char *id);
/* Offered, answered, and never connected since. */
gboolean pb_server_virtual_is_idle (PbServerVirtual *self, gint64 now_us);
const char *pb_server_virtual_get_resource (PbServerVirtual *self);
/* Of the present ICE session, without quotes. */
const char *pb_server_virtual_get_tag (PbServerVirtual *self);

G_END_DECLS
