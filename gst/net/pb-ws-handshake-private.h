/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

/* From an address to an open WebSocket. By hand up to the upgrade, because
 * libsoup 3.2 throws away the body of a refused one, and that body says why
 * (TOKEN_EXPIRED or TOKEN_INVALID); libsoup's frames after it. */
void pb_ws_handshake_async (const char *url, const char *token,
    const char *user_agent, GCancellable *cancellable,
    GAsyncReadyCallback callback, gpointer user_data);
/* A PB_ERROR always, also where it was cancelled. (transfer full) */
SoupWebsocketConnection *pb_ws_handshake_finish (GAsyncResult *result,
    GError **error);

G_END_DECLS
