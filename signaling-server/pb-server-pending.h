/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-request.h"

G_BEGIN_DECLS

/* Of dispatch(): either may be NULL, not both. */
typedef void (*PbServerPendingDone) (const PbServerReply *reply,
    const GError *error, gpointer user_data);
/* Of the handler: nobody waits any more. */
typedef void (*PbServerPendingAbandoned) (gpointer user_data);

/* A promise with two holders: the handler that will answer, and dispatch(), at
 * whose side somebody waits. Whoever is done first lets go, and the other side
 * hears of it at once; nothing is called after that. */

/* (transfer full): the handler's hold; dispatch()'s goes into the reply */
PbServerPending *pb_server_pending_new (PbServerPendingAbandoned abandoned,
    gpointer user_data);
/* (transfer full): a reply that says: not yet */
PbServerReply *pb_server_reply_new_pending (PbServerPending *self);

/* The handler: (transfer full) self, and the reply. */
void pb_server_pending_answer (PbServerPending *self, PbServerReply *reply);
void pb_server_pending_fail (PbServerPending *self, const GError *error);

/* dispatch(): where the answer is there already, `done` is called now. */
void pb_server_pending_wait (PbServerPending *self, PbServerPendingDone done,
    gpointer user_data);
/* The client has gone: `done` is not called any more. */
void pb_server_pending_abandon (PbServerPending *self);

PbServerPending *pb_server_pending_ref (PbServerPending *self);
void pb_server_pending_unref (PbServerPending *self);

G_END_DECLS
