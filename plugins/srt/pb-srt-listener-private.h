/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <srt.h>

#include "core/pb-fault.h"
#include "core/pb-token.h"

G_BEGIN_DECLS

/**
 * PbSrtListener:
 *
 * What a listening socket asks of its callers, and what became of them. libsrt
 * asks on its own thread, before it looks at the passphrase; what fails after
 * that never reaches srt_accept() and is told nowhere. So each attempt is noted
 * here, and one whose socket is gone without having been accepted was refused.
 */
typedef struct _PbSrtListener PbSrtListener;

typedef struct
{
  GSocketAddress *caller; /* owned */
  PbFault fault;
  guint count;
} PbSrtRefusal;

PbSrtListener *pb_srt_listener_new (PbDirection direction, const char *resource,
    gboolean allow_empty, gboolean is_encrypted, guint max_links);
/* Off the registry: libsrt's thread no longer finds it. */
void pb_srt_listener_free (PbSrtListener *self);
/* Makes `sock` listen behind this gate. I/O or calling thread. */
gboolean pb_srt_listener_install (PbSrtListener *self, SRTSOCKET sock);

/* I/O thread: `sock` came out of srt_accept(). */
char *pb_srt_listener_accepted (PbSrtListener *self, SRTSOCKET sock);
/* I/O thread: an accepted link is gone. */
void pb_srt_listener_forget_link (PbSrtListener *self);
/* I/O thread: the next refusal to tell, FALSE when there is none. */
gboolean pb_srt_listener_next_refusal (PbSrtListener *self, gint64 now,
    PbSrtRefusal *out);
/* libsrt's thread, from the log. */
void pb_srt_listener_note_reason (guint id, SRTSOCKET sock, int reason);

/* 0, or why a stream id is not welcome (SRT_REJX_…). */
int pb_srt_listener_check_stream_id (const char *text, const char *resource,
    gboolean allow_empty, PbDirection direction);

G_END_DECLS
