/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-session.h"

G_BEGIN_DECLS

/* What of a session is an alarm: it tells PbServerAlarms how its slots and
 * their ends are, and observers what comes of that. */

/* (transfer full): of one session */
PbServerAlarms *pb_server_watch_new (PbServerSession *session);
PbServerMoment pb_server_watch_now (PbServerSession *session);
/* Something about this slot may have changed. */
void pb_server_watch_slot (PbServerSession *session, PbServerSlot *slot);
/* A sender or receiver is in its slot no more; `reason` of peer_gone. */
void pb_server_watch_gone (PbServerSession *session, PbServerPeer *peer,
    const char *reason);
/* Each second: what lasts. */
void pb_server_watch_sweep (PbServerSession *session);
/* To an observer that has just come: those there are. */
void pb_server_watch_send (PbServerSession *session, PbServerPeer *peer);

G_END_DECLS
