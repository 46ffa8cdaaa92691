/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * PbTurnTunnel: (skip)
 * TURN over TLS (`turns:`, RFC 7065) for libnice 0.1.21, which speaks TURN over
 * TCP only: a port on loopback whose connections go on to the relay in TLS, its
 * certificate checked. It lives in the thread-default context of its maker.
 */
typedef struct _PbTurnTunnel PbTurnTunnel;

/* `relay`: HOST[:PORT], [IPV6][:PORT]; the port is 5349 where it has none. */
PbTurnTunnel *pb_turn_tunnel_new (const char *relay, GError **error);
void pb_turn_tunnel_free (PbTurnTunnel *self);
/* (transfer none): "127.0.0.1:PORT", and "[::1]:PORT" where there is that */
const char *const *pb_turn_tunnel_get_addresses (PbTurnTunnel *self);

G_END_DECLS
