/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sources that their owner keeps a reference to, so as to end them early. */

/* (transfer full): calls `func` after `ms` in `context` */
GSource *pb_timer_new (GMainContext *context, guint ms, GSourceFunc func,
    gpointer user_data);
/* Also for other sources than timers; NULL is fine. */
void pb_timer_clear (GSource **source);

G_END_DECLS
