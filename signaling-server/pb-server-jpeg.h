/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean pb_server_jpeg_measure (const guint8 *data, gsize size, guint *width,
    guint *height);

G_END_DECLS
