/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

/**
 * PbChannel:
 * One connection that carries text messages both ways: the WebSocket in real
 * life (PbWsChannel), a mock in tests. Belongs to the main context it was
 * created in; every callback comes from there, never from inside a call.
 *
 * Signals:
 * - opened ()
 * - message (const char *text, gsize length)
 * - closed (guint code, const GError *error): exactly once after open(), also
 *   where opening failed; `code` is the WebSocket close code or 0. The error is
 *   a PB_ERROR that says why, as the server's envelope or close code told.
 */
#define PB_TYPE_CHANNEL (pb_channel_get_type ())
PB_API G_DECLARE_INTERFACE (PbChannel, pb_channel, PB, CHANNEL, GObject)

struct _PbChannelInterface {
  GTypeInterface parent;

  void (*open) (PbChannel *self, const char *url, const char *token);
  void (*send) (PbChannel *self, const char *text, gssize length);
  void (*close) (PbChannel *self, guint code, const char *reason);
};

PB_API void pb_channel_open (PbChannel *self, const char *url,
    const char *token);
/* Dropped silently where the channel is not open. */
PB_API void pb_channel_send (PbChannel *self, const char *text, gssize length);
PB_API void pb_channel_close (PbChannel *self, guint code, const char *reason);

/* The WebSocket, by libsoup's client: no cookies, cache or proxies; the token
 * travels in the Authorization header. */
#define PB_TYPE_WS_CHANNEL (pb_ws_channel_get_type ())
PB_API G_DECLARE_FINAL_TYPE (PbWsChannel, pb_ws_channel, PB, WS_CHANNEL, GObject)
PB_API PbChannel *pb_ws_channel_new (const char *user_agent);

G_END_DECLS
