/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-request.h"

G_BEGIN_DECLS

/**
 * PbServerFiles:
 * What the program has inside and gives to everybody: pages, modules, style
 * sheets, docs. Each is compressed once, when it is first asked for.
 */
typedef struct _PbServerFiles PbServerFiles;

PbServerFiles *pb_server_files_new (void);
void pb_server_files_free (PbServerFiles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerFiles, pb_server_files_free)

/* (transfer full) (nullable): 200, or PB_ERROR_NOT_FOUND. `type` is static. */
PbServerReply *pb_server_files_reply (PbServerFiles *self, const char *path,
    const char *type, GError **error);

G_END_DECLS
