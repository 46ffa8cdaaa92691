/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-session.h"

G_BEGIN_DECLS

/* (transfer full) (nullable): a token for just that, to be wiped; NULL where
 * none is to be had */
typedef char *(*PbServerConnectToken) (PbServerSlot *slot,
    PbDirection direction, gpointer user_data);

/* (transfer full): section 4.6 of the protocol. `stream` NULL: every slot;
 * `url`: the server's public one */
JsonObject *pb_server_connect_describe (PbServerSession *session,
    const char *stream, const char *url, PbServerConnectToken token,
    gpointer user_data);
/* (transfer full): an END of it. `token` NULL: strings of SRT alone */
JsonObject *pb_server_connect_describe_end (PbServerSession *session,
    PbServerSlot *slot, PbDirection direction, const char *url,
    PbServerConnectToken token, gpointer user_data);

G_END_DECLS
