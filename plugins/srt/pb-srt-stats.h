/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-health.h"

G_BEGIN_DECLS

/**
 * PbSrtStats:
 *
 * What one link, or all links of an engine together, has done. Counters only
 * grow, also over links that are gone; gauges are the latest sample (at most
 * 250 ms old) and zero where nothing is connected. For several links at once
 * counters and rates are sums, the other gauges the worst one.
 *
 * "Packet" is an SRT message of at most one payload size (1316 bytes: seven
 * transport stream packets); bytes are payload, without any header.
 */
typedef struct
{
  /* counters, sending */
  guint64 packets_sent; /* without retransmissions */
  guint64 bytes_sent;
  guint64 packets_retransmitted;
  guint64 packets_send_lost;    /* reported lost by the receiver */
  guint64 packets_send_dropped; /* libsrt gave up: too late to send */
  guint64 packets_overflowed;   /* never queued: the link's buffer was full */
  guint64 packets_unconnected;  /* never queued: nobody was connected */

  /* counters, receiving */
  guint64 packets_received; /* unique */
  guint64 bytes_received;
  guint64 packets_delivered; /* handed to the received callback */
  guint64 packets_lost;      /* missing once; most are recovered */
  guint64 packets_dropped;   /* never recovered: too late to play */
  guint64 packets_undecrypted;
  guint64 packets_belated; /* came after their time */

  /* gauges */
  double rtt_ms;
  guint64 send_bps; /* bits per second of payload, over about a second */
  guint64 receive_bps;
  guint64 bandwidth_bps;  /* libsrt's estimate of the path's capacity */
  guint buffer_ms;        /* send: not yet acknowledged; receive: not yet due */
  guint latency_ms;       /* negotiated */
  guint reorder_distance; /* packets; the furthest seen out of order */
  guint n_links;          /* connected now */
} PbSrtStats;

/* Adds the counters of `from`; gauges too when `with_gauges`. */
void pb_srt_stats_add (PbSrtStats *to, const PbSrtStats *from,
    gboolean with_gauges);
/* What an interval of it means for health. */
void pb_srt_stats_to_sample (const PbSrtStats *now, const PbSrtStats *then,
    PbDirection direction, gint64 interval_us, PbHealthSample *out);

G_END_DECLS
