/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Work that is handed to the thread of a context, where nothing blocks. */

typedef void (*PbCallFunc) (gpointer data);

/* `data` is freed by `destroy` (nullable) afterwards, there. */
void pb_call (GMainContext *context, PbCallFunc func, gpointer data,
    GDestroyNotify destroy);
void pb_call_and_wait (GMainContext *context, PbCallFunc func, gpointer data);

G_END_DECLS
