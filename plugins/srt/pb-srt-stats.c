/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-stats.h"

/**
 * pb_srt_stats_add:
 * @to: where to add
 * @from: what to add
 * @with_gauges: FALSE for a link that is gone: what it counted stays true,
 *   what it measured does not
 */
void
pb_srt_stats_add (PbSrtStats *to, const PbSrtStats *from, gboolean with_gauges)
{
  to->packets_sent += from->packets_sent;
  to->bytes_sent += from->bytes_sent;
  to->packets_retransmitted += from->packets_retransmitted;
  to->packets_send_lost += from->packets_send_lost;
  to->packets_send_dropped += from->packets_send_dropped;
  to->packets_overflowed += from->packets_overflowed;
  to->packets_unconnected += from->packets_unconnected;
  to->packets_received += from->packets_received;
  to->bytes_received += from->bytes_received;
  to->packets_delivered += from->packets_delivered;
  to->packets_lost += from->packets_lost;
  to->packets_dropped += from->packets_dropped;
  to->packets_undecrypted += from->packets_undecrypted;
  to->packets_belated += from->packets_belated;

  if (!with_gauges)
    return;
  to->rtt_ms = MAX (to->rtt_ms, from->rtt_ms);
  to->send_bps += from->send_bps;
  to->receive_bps += from->receive_bps;
  /* the narrowest path is the one to know about */
  if (to->bandwidth_bps == 0 || from->bandwidth_bps < to->bandwidth_bps)
    to->bandwidth_bps = from->bandwidth_bps;
  to->buffer_ms = MAX (to->buffer_ms, from->buffer_ms);
  to->latency_ms = MAX (to->latency_ms, from->latency_ms);
  to->reorder_distance = MAX (to->reorder_distance, from->reorder_distance);
  to->n_links += from->n_links;
}

/* --- health --------------------------------------------------------------- */

static double
percent (guint64 part, guint64 rest)
{
  return part + rest > 0 ? 100.0 * (double) part / (double) (part + rest) : 0.0;
}

/* libsrt begins with a guess of just this, which would be an alarm where the
 * latency is short; no measurement comes out so round. */
#define RTT_GUESS_MS 100.0

static double
get_rtt (const PbSrtStats *stats)
{
  return stats->rtt_ms == RTT_GUESS_MS ? 0.0 : stats->rtt_ms;
}

/* libsrt guesses the path's capacity from pairs of packets, and is far off
 * where few are sent. A path that carries the stream without loss or backlog
 * has what it needs, whatever the guess. */
static double
get_bandwidth (const PbSrtStats *stats, const PbHealthSample *sample)
{
  double guess = (double) stats->bandwidth_bps / 1000.0;

  if (guess < 1.2 * sample->bitrate_kbps && sample->loss_percent < 2.0 &&
      4.0 * sample->buffer_ms < (double) sample->latency_ms)
    return 0.0;

  return guess;
}

/**
 * pb_srt_stats_to_sample:
 * @now: what was counted so far
 * @then: the same, one interval ago
 * @direction: which half is asked for
 * @interval_us: between the two
 * @out: (out): what it means
 */
void
pb_srt_stats_to_sample (const PbSrtStats *now, const PbSrtStats *then,
    PbDirection direction, gint64 interval_us, PbHealthSample *out)
{
  *out = (PbHealthSample){
    .rtt_ms = get_rtt (now),
    .buffer_ms = now->buffer_ms,
    .latency_ms = now->latency_ms,
    .interval_ms = interval_us / G_TIME_SPAN_MILLISECOND,
    .connected = now->n_links > 0,
  };
  if (direction == PB_DIRECTION_SEND) {
    guint64 dropped = now->packets_send_dropped + now->packets_overflowed -
                      then->packets_send_dropped - then->packets_overflowed;
    guint64 sent = now->packets_sent - then->packets_sent;
    guint64 lost = now->packets_send_lost - then->packets_send_lost;

    out->bitrate_kbps = (double) now->send_bps / 1000.0;
    out->packets = (gint64) now->packets_sent;
    out->packets_lost = (gint64) now->packets_send_lost;
    out->packets_dropped =
        (gint64) (now->packets_send_dropped + now->packets_overflowed);
    out->packets_retransmitted = (gint64) now->packets_retransmitted;
    out->loss_percent =
        MIN (100.0, sent > 0 ? 100.0 * (double) lost / (double) sent : 0.0);
    out->drop_percent = percent (dropped, sent);
  } else {
    guint64 received = now->packets_received - then->packets_received;

    out->bitrate_kbps = (double) now->receive_bps / 1000.0;
    out->packets = (gint64) now->packets_received;
    out->packets_lost = (gint64) now->packets_lost;
    out->packets_dropped = (gint64) now->packets_dropped;
    out->packets_undecrypted = (gint64) now->packets_undecrypted;
    out->loss_percent =
        percent (now->packets_lost - then->packets_lost, received);
    out->drop_percent =
        percent (now->packets_dropped - then->packets_dropped, received);
  }
  out->bandwidth_kbps = get_bandwidth (now, out);
}
