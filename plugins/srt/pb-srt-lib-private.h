/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <srt.h>

#include "core/pb-fault.h"

G_BEGIN_DECLS

/* libsrt as a guest in a process that others share it with. Only the sources
 * of the engine include this. */

void pb_srt_lib_start (void);
/* Takes the log handler (again): libgstsrt.so sets its own when it loads. */
void pb_srt_lib_take_log (void);

PbFault pb_srt_lib_fault_from_reason (int reason);
GSocketAddress *pb_srt_lib_address (const struct sockaddr *native);
guint pb_srt_lib_get_int (SRTSOCKET sock, SRT_SOCKOPT option);

/* The listen callback names the attempt that this thread of libsrt goes on
 * with; a rejection that libsrt then logs on the same thread belongs to it. */
void pb_srt_lib_begin_attempt (guint gate_id, SRTSOCKET sock);

G_END_DECLS
