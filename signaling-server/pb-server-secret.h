/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Files that nobody else may read: the configuration, and secrets. */

/* (transfer full) text. PB_ERROR_INVALID */
gboolean pb_server_secret_read_file (const char *path, char **text,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pb_server_secret_check (const char *secret, guint min,
    const char *where, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): free with pb_secret_free() */
char *pb_server_secret_read (const char *file, guint min, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
