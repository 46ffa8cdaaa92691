/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbServerStun:
 * Tells who asks by UDP which address he asks from: Binding requests of
 * RFC 5389, and nothing else. Anybody may forge his address, so an answer is
 * hardly longer than its question, and no address gets many.
 */
typedef struct _PbServerStun PbServerStun;

typedef struct {
  guint64 n_answered;
  guint64 n_malformed; /* or no Binding request */
  guint64 n_limited;
} PbServerStunStats;

PbServerStun *pb_server_stun_new (const char *address, guint16 port,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_stun_free (PbServerStun *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerStun, pb_server_stun_free)
guint16 pb_server_stun_get_port (PbServerStun *self);
const PbServerStunStats *pb_server_stun_get_stats (PbServerStun *self);

G_END_DECLS
