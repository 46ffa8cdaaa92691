/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"
#include "core/pb-sdp.h"
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

/* `end`: the registration that it meets, and no other; `offer` is made when
 * the two are introduced. `links`: (transfer full), for the client. */
PbServerVirtual *pb_server_virtual_new (PbServerPeer *peer, PbServerPeer *end,
    PbSdp *offer, char **links);
void pb_server_virtual_free (PbServerVirtual *self);

/* A message to a peer, as it stands in the table of messages. */
void pb_server_virtual_hear (PbServerVirtual *self, PbMessage *message);
/* (transfer full): of the first answer */
PbServerReply *pb_server_virtual_promise (PbServerVirtual *self);
/* Whether a client that names these entity tags (NULL: none) means the present
 * ICE session. PB_ERROR_CONDITION or PB_ERROR_MISMATCH; PB_ERROR_RATE where it
 * has asked too often. */
gboolean pb_server_virtual_check_tag (PbServerVirtual *self,
    const char *tags, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): its candidates, or an ICE restart, go to the end: done, or
 * a promise. PB_ERROR_ABSENT, PB_ERROR_STATE, PB_ERROR_INVALID. */
PbServerReply *pb_server_virtual_patch (PbServerVirtual *self,
    const char *body, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The registration goes: who waits is told so. `reason` of peer_gone, or of
 * closed. */
void pb_server_virtual_end (PbServerVirtual *self, const char *reason);

PbSdpFlags pb_server_virtual_get_flags (PbServerPeer *peer,
    PbServerPeer *end);
gboolean pb_server_virtual_is_end (PbServerVirtual *self, const char *id);
/* Answered, and not connected since, or not any more. */
gboolean pb_server_virtual_is_idle (PbServerVirtual *self, gint64 now_us);

G_END_DECLS
