/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-session.h"

G_BEGIN_DECLS

/**
 * PbServerRegistry:
 * Every live session of this process, their UDP ports, and the ids of tokens
 * that outlive their session. When a session ends, nothing of it stays.
 */
typedef struct _PbServerRegistry PbServerRegistry;

PbServerRegistry *pb_server_registry_new (PbServerContext *context);
void pb_server_registry_free (PbServerRegistry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerRegistry, pb_server_registry_free)

/* (transfer none): PB_ERROR_INVALID, PB_ERROR_EXISTS, PB_ERROR_FULL */
PbServerSession *pb_server_registry_create (PbServerRegistry *self,
    const char *name, const char *const *streams, guint latency_ms,
    guint ttl_s, PbCipher cipher, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* PB_ERROR_NOT_FOUND; PB_ERROR_EXPIRED where its time has run out. */
PbServerSession *pb_server_registry_lookup (PbServerRegistry *self,
    const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer none): one more, with a port of its own. PB_ERROR_INVALID,
 * PB_ERROR_STREAM_EXISTS, PB_ERROR_FULL. */
PbServerSlot *pb_server_registry_add_slot (PbServerRegistry *self,
    PbServerSession *session, const char *stream,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends it, tells everyone, forgets it. */
void pb_server_registry_close (PbServerRegistry *self,
    PbServerSession *session, const char *reason, gboolean retry, guint code);
void pb_server_registry_close_all (PbServerRegistry *self,
    const char *reason, gboolean retry, guint code);
/* (transfer full): a token whose signature holds, with the end that counts.
 * PB_ERROR_TOKEN_REVOKED, PB_ERROR_TOKEN_INVALID, PB_ERROR_TOKEN_EXPIRED. */
PbToken *pb_server_registry_admit (PbServerRegistry *self, PbToken *token,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The relay has changed. */
void pb_server_registry_renew_turn (PbServerRegistry *self);
/* Every socket of every session has to show a new token. */
void pb_server_registry_drop_links (PbServerRegistry *self,
    const char *reason, gboolean retry, guint code);
/* What the sweep does each second. */
void pb_server_registry_sweep (PbServerRegistry *self);
/* Fills in what is true now. */
void pb_server_registry_measure (PbServerRegistry *self,
    PbServerMetrics *metrics);
guint pb_server_registry_count (PbServerRegistry *self);

G_END_DECLS
