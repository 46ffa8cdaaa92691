/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

#include "core/pb-fault.h"
#include "core/pb-strings.h"
#include "core/pb-token.h"
#include "pb-srt-stats.h"
#include "pb-srt-udp.h"

G_BEGIN_DECLS

/**
 * PbSrtIo:
 *
 * The SRT sockets of one pbsrtbin: one I/O thread, any number of links, one
 * direction. A link is one caller, one listener, one rendezvous, or one peer
 * that a listener accepted. A link is one attempt: it fails or closes once,
 * is gone then, and whoever wants another adds another (back-off is theirs).
 *
 * ## Threads
 * Every function may be called from any thread, the callbacks included, and
 * none waits for the network. Callbacks run on the I/O thread with no lock
 * held; while one runs nothing is received or sent, so they return soon.
 * After pb_srt_io_stop() has returned no callback runs any more.
 *
 * ## Time
 * All stamps are those of g_get_monotonic_time(), in microseconds; on buffers
 * in nanoseconds.
 */
typedef struct _PbSrtIo PbSrtIo;

typedef struct
{
  PbDirection direction; /* PB_DIRECTION_SEND or PB_DIRECTION_RECEIVE */
  guint payload_size;    /* sending: bytes, at most 1456; 1316 */
  guint batch_us;        /* sending: a packet waits at most this long; 5000 */
  /* sending: packets that came within this time carry one source time, so
   * that the receiver's libsrt wakes once for all of them; 1000 */
  guint stamp_us;
  /* receiving: after a read the thread rests this long, so that packets that
   * come one by one are read a few at a time; 500 */
  guint rest_us;
  /* sending: pb_srt_io_push() blocks until somebody is connected */
  gboolean wait_for_connection;
} PbSrtIoConfig;

/* clang-format off */
#define PB_SRT_IO_CONFIG_INIT(dir) \
  { .direction = (dir), .payload_size = 1316, .batch_us = 5000, \
    .stamp_us = 1000, .rest_us = 500 }
/* clang-format on */

/**
 * PbSrtLinkOptions:
 *
 * How to make a link. Everything is copied.
 */
typedef struct
{
  PbSrtMode mode;
  /* A bound, unconnected UDP socket, or -1. It is duplicated and stays the
   * caller's; O_NONBLOCK is cleared on it (a flag of the open file, not of the
   * descriptor: libsrt spins otherwise). Read nothing from it from now on, and
   * give it to no second engine. Several links of one engine, also one after
   * the other, may use it: they share libsrt's reader. */
  int fd;
  const char *local_host; /* without fd: numeric, or NULL for any */
  guint16 local_port;     /* without fd: 0 for any */

  /* Not for a listener: either `peer` or a host (name or number) and port. */
  GSocketAddress *peer;
  const char *host;
  guint16 port;

  /* Caller: sent as it is, NULL for none. Listener: the "session/slot" that a
   * caller must name, bare or as #!::r=session/slot; NULL takes any. */
  const char *stream_id;
  gboolean allow_empty_stream_id; /* listener: for clients that have none */

  const char *passphrase; /* 10 to 79 characters; NULL: not encrypted */
  guint key_length;       /* bytes, 16, 24 or 32; 0: 32 */
  guint latency_ms;       /* 0: PB_LATENCY_DEFAULT; the larger of both ends */
  /* Caller and rendezvous: from the moment the link is added; 0: 3000. */
  guint connect_timeout_ms;
  guint idle_timeout_ms;    /* silence that means lost; 0: libsrt's 5000 */
  guint km_refresh_packets; /* 0: libsrt's 2^24; for tests */
  /* Listener: accepted links at a time, further callers are told that the slot
   * is taken; 0: any number. A receiver of one slot wants 1. */
  guint max_links;
} PbSrtLinkOptions;

/* clang-format off */
#define PB_SRT_LINK_OPTIONS_INIT(m) { .mode = (m), .fd = -1 }
/* clang-format on */

/**
 * PbSrtLinkInfo:
 *
 * A link as a callback sees it, valid while the callback runs.
 */
typedef struct
{
  guint id;
  guint listener_id; /* of the listener that accepted it, else 0 */
  PbSrtMode mode;
  GSocketAddress *peer;  /* (nullable) */
  const char *stream_id; /* (nullable): what the caller sent */
  /* once connected */
  guint latency_ms;      /* negotiated, of this engine's direction */
  guint peer_version;    /* libsrt's: 0x010501 is 1.5.1 */
  gboolean is_encrypted; /* key material exchanged, both ways */
  guint key_length;      /* bytes, 0 unless encrypted */
} PbSrtLinkInfo;

typedef struct
{
  /* Handshake under way. Not for what a listener accepts. */
  void (
      *connecting) (PbSrtIo *io, const PbSrtLinkInfo *link, gpointer user_data);
  /* Handshake done and, where a passphrase is set, proven equal. */
  void (
      *connected) (PbSrtIo *io, const PbSrtLinkInfo *link, gpointer user_data);
  /* Never connected; the link is gone. `detail` is for a log. */
  void (*failed) (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
      const char *detail, gpointer user_data);
  /* Was connected; the link is gone. PB_FAULT_NONE: the peer said goodbye;
   * PB_FAULT_PEER_LOST: it went silent. Not called after
   * pb_srt_io_remove_link() and pb_srt_io_stop(). */
  void (*closed) (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
      const char *detail, gpointer user_data);
  /* A listener turned a caller away, `count` times since it last said so; at
   * most once a second for each listener and cause. `link` is the listener. */
  void (*refused) (PbSrtIo *io, const PbSrtLinkInfo *link,
      GSocketAddress *caller, PbFault fault, guint count, gpointer user_data);
  /* Receiving: one buffer per message. PTS: source time, when the sender had
   * it, by this end's clock; it is due here, and handed over, one latency
   * later. OFFSET: SRT's sequence number. DISCONT: first of its link, or after
   * a gap. Whoever may block here (a push downstream) stops everything else,
   * pb_srt_io_stop() included: unblock it first. */
  void (*received) (PbSrtIo *io, guint link_id,
      GstBufferList *list /* (transfer full) */, gpointer user_data);
} PbSrtIoCallbacks;

PbSrtIo *pb_srt_io_new (const PbSrtIoConfig *config,
    const PbSrtIoCallbacks *callbacks, gpointer user_data);
PbSrtIo *pb_srt_io_ref (PbSrtIo *io);
/* The last one stops. */
void pb_srt_io_unref (PbSrtIo *io);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbSrtIo, pb_srt_io_unref)

gboolean pb_srt_io_start (PbSrtIo *io,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes every link and joins the I/O thread (unless called on it: then the
 * thread ends by itself once the callback returns). */
void pb_srt_io_stop (PbSrtIo *io);

/* The id of a link, never 0; or 0 with PB_SRT_FAULT (PB_FAULT_PORT_IN_USE,
 * PB_FAULT_INTERNAL). May be called before pb_srt_io_start(). */
guint pb_srt_io_add_link (PbSrtIo *io, const PbSrtLinkOptions *options,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* With a listener go the links it accepted. No callback follows from the next
 * round of the I/O thread on (10 ms). Unknown ids are ignored. */
void pb_srt_io_remove_link (PbSrtIo *io, guint id);
/* Host order; 0 for an unknown id. */
guint16 pb_srt_io_get_local_port (PbSrtIo *io, guint id);

/* Sending. (transfer full). FALSE: flushing, stopped, or never started. */
gboolean pb_srt_io_push (PbSrtIo *io, GstBuffer *buffer);
gboolean pb_srt_io_push_list (PbSrtIo *io, GstBufferList *list);
/* TRUE empties the queue, unblocks pb_srt_io_push() and refuses more. */
void pb_srt_io_set_flushing (PbSrtIo *io, gboolean is_flushing);

guint pb_srt_io_get_n_connected (PbSrtIo *io);
/* id 0: everything since pb_srt_io_new(). FALSE for an unknown id. */
gboolean pb_srt_io_get_stats (PbSrtIo *io, guint id, PbSrtStats *out);

G_END_DECLS
