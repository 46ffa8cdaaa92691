/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-limits.h"
#include "pb-server-link.h"

G_BEGIN_DECLS

gboolean pb_server_member_is (const PbJsonMember *member, const char *text);
gboolean pb_server_member_copy_id (const PbJsonMember *member,
    char out[PB_PEER_ID_MAX + 1]);
/* A `signal`, scanned: checks it, and hands it on as it came. */
gboolean pb_server_link_relay (PbServerLink *self,
    const PbJsonMember *members, gsize n_members, const char *text,
    gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
