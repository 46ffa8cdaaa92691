/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <srt.h>

#include "pb-srt-io.h"
#include "pb-srt-listener-private.h"

G_BEGIN_DECLS

/**
 * PbSrtPort:
 *
 * A bound UDP socket and libsrt's reader on it, kept alive by an SRT socket
 * that does nothing else. Links then bind to the same address and share the
 * reader; without it every attempt on the same fd would start a second reader,
 * and the old one, which lives on for a second or two, would steal packets.
 * Counted; the engine keeps those over a foreign fd until it stops.
 */
typedef struct
{
  int fd; /* ours */
  guint64 inode;
  SRTSOCKET anchor;
  GSocketAddress *address;
} PbSrtPort;

PbSrtPort *pb_srt_port_new (int fd /* (transfer full) */, GError **error);
void pb_srt_port_unref (PbSrtPort *port);

typedef enum {
  PB_SRT_LINK_NEW,
  PB_SRT_LINK_RESOLVING,
  PB_SRT_LINK_CONNECTING,
  PB_SRT_LINK_LISTENING,
  PB_SRT_LINK_CONNECTED,
  PB_SRT_LINK_GONE,
} PbSrtLinkState;

typedef struct
{
  /* set in new, then read-only */
  PbSrtPort *port; /* owned, NULL for an accepted link */
  PbDirection direction;
  char *passphrase; /* wiped on free */
  char *host;
  guint16 host_port;
  guint key_length;
  guint latency_ms;
  guint connect_timeout_ms;
  guint idle_timeout_ms;
  guint km_refresh_packets;
  guint payload_size;

  /* I/O thread */
  PbSrtLinkInfo info; /* owns peer and stream_id */
  PbSrtLinkState state;
  SRTSOCKET sock;
  PbSrtListener *listener; /* owned by a listening link, borrowed by its own */
  gint64 deadline;
  gint64 rogue_since;
  gint64 first_srctime; /* none earlier is taken by libsrt */
  gint64 last_source;   /* source time of the last message received */
  gint32 next_seq;      /* -1: none yet */
  gint64 last_heard;
  gint64 sampled;
  gint64 rated;
  guint64 rated_sent;
  guint64 rated_received;
  guint64 heard; /* changes while the peer is alive */
  guint64 n_overflowed;
  guint64 n_delivered;

  PbSrtStats stats; /* the engine's lock */
} PbSrtLink;

PbSrtLink *pb_srt_link_new (const PbSrtLinkOptions *options, PbSrtPort *port,
    PbDirection direction, guint payload_size, GError **error);
/* One that `listener` accepted: takes over the socket. */
PbSrtLink *pb_srt_link_new_accepted (PbSrtLink *listener, SRTSOCKET sock,
    const struct sockaddr *peer);
void pb_srt_link_free (PbSrtLink *link);

/* I/O thread. FALSE with the cause in fault and detail (static). */
gboolean pb_srt_link_connect (PbSrtLink *link, PbFault *fault,
    const char **detail);
gboolean pb_srt_link_listen (PbSrtLink *link, GError **error);
/* Reads what was negotiated; FALSE where the keys are not proven. */
gboolean pb_srt_link_confirm (PbSrtLink *link, PbFault *fault);
/* Why the handshake did not come to an end. */
PbFault pb_srt_link_get_refusal (PbSrtLink *link, const char **detail);
/* TRUE once a rendezvous peer has walked away in the middle of it. */
gboolean pb_srt_link_is_abandoned (PbSrtLink *link, gint64 now);
/* Samples libsrt's counters into *out. */
void pb_srt_link_sample (PbSrtLink *link, gint64 now, PbSrtStats *out);
/* The peer's silence at the moment its connection broke. */
PbFault pb_srt_link_get_closing_fault (PbSrtLink *link, gint64 now);
void pb_srt_link_close (PbSrtLink *link);

G_END_DECLS
