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
