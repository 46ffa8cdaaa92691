/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-config.h"
#include "pb-server-registry.h"

G_BEGIN_DECLS

/**
 * PbServer:
 * The whole server on one main context: what main() starts, and what tests
 * start in process on port 0.
 */
typedef struct _PbServer PbServer;

/* (transfer full) config. PB_ERROR_INVALID, PB_ERROR_UNAVAILABLE */
PbServer *pb_server_new (PbServerConfig *config, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void pb_server_free (PbServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServer, pb_server_free)

/* Limits and clock; change them before the first client comes. */
PbServerContext *pb_server_get_context (PbServer *self);
PbServerRegistry *pb_server_get_registry (PbServer *self);

gboolean pb_server_listen (PbServer *self, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* "http://127.0.0.1:8080": where it listens */
const char *pb_server_get_address (PbServer *self);
/* Takes the place of what can be changed while running; PB_ERROR_INVALID, and
 * nothing has changed. (transfer full) config */
gboolean pb_server_reload (PbServer *self, PbServerConfig *config,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Tells everyone, then calls `done` from the main loop when all have gone, or
 * after a while. */
typedef void (*PbServerStopped) (gpointer user_data);
void pb_server_stop (PbServer *self, PbServerStopped done,
    gpointer user_data);

G_END_DECLS
