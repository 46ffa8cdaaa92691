/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-session.h"

G_BEGIN_DECLS

/* What people ask for at a desk, beside the media: strings to paste, still
 * pictures, alarms. Sections 5.5 to 5.7 of the protocol. Each handles one
 * message of a WebSocket, as pb-server-messages.c does. */

gboolean pb_server_desk_strings (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pb_server_desk_thumbnail_request (PbServerLink *self,
    PbMessage *message, const char *request_id,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pb_server_desk_thumbnail (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pb_server_desk_ack (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Each second: requests that had to wait. */
void pb_server_desk_sweep (PbServerSession *session);

G_END_DECLS
