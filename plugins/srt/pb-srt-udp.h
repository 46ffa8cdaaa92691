/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/pb-fault.h"

G_BEGIN_DECLS

/**
 * PB_SRT_FAULT:
 * Errors of the SRT engine; the code is a #PbFault.
 */
#define PB_SRT_FAULT (pb_srt_fault_quark ())
GQuark pb_srt_fault_quark (void);

/* Any thread; never blocks. `host` is a numeric address, or NULL for any IPv4
 * address ("::" takes IPv4 as well). `port` 0 lets the system choose. The
 * result is a blocking, unconnected, close-on-exec UDP socket, as STUN wants
 * it and srt_bind_acquire() needs it; -1 with PB_FAULT_PORT_IN_USE where
 * somebody has the port, PB_FAULT_INTERNAL for everything else. */
int pb_srt_udp_bind (const char *host, guint16 port,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full) (nullable): where the socket is bound. */
GSocketAddress *pb_srt_udp_get_address (int fd);
/* 0 where it is not bound. */
guint16 pb_srt_udp_get_port (int fd);
/* Gives the port up before the last holder of the socket has closed it: libsrt
 * keeps its own duplicate for a second or two after srt_close(). From here on
 * pb_srt_udp_bind() may take the port again and gets its packets. The fd stays
 * open: closing it is the caller's. */
void pb_srt_udp_release (int fd);

G_END_DECLS
