/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What libsoup 3.2's WebSocket reads through. It bounds each frame, but not
 * the message that frames make up (CVE-2025-32049), and reads as long as there
 * is something to read, so that a server that never stops keeps the thread. */
#define PB_TYPE_WS_GUARD (pb_ws_guard_get_type ())
G_DECLARE_FINAL_TYPE (PbWsGuard, pb_ws_guard, PB, WS_GUARD,
    GFilterInputStream)

/* (transfer full): @stream, an open connection, read through a guard. */
GIOStream *pb_ws_guard_wrap (GIOStream *stream);
/* (transfer none): what was wrapped */
GIOStream *pb_ws_guard_get_wrapped (GIOStream *stream);

G_END_DECLS
