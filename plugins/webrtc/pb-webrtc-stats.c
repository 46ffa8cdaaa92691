/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

/* Everything goes by SSRC and direction: under BUNDLE webrtcbin gives each
 * stream the same `kind`, and mixes up codecs and candidates. */

typedef struct
{
  PbWebrtcStatsFunc done;
  gpointer user_data;
} Request;

typedef struct
{
  PbWebrtcPeer *peer;
  PbWebrtcStats stats;
  PbWebrtcCounts counts;
} Reading;

static gint64
get_number (const GstStructure *from, const char *name)
{
  guint64 number = 0;
  gint64 signed_number = 0;
  guint small = 0;
  int small_signed = 0;

  if (gst_structure_get_uint64 (from, name, &number))
    return (gint64) MIN (number, G_MAXINT64);
  if (gst_structure_get_int64 (from, name, &signed_number))
    return MAX (signed_number, 0);
  if (gst_structure_get_uint (from, name, &small))
    return small;
  if (gst_structure_get_int (from, name, &small_signed))
    return MAX (small_signed, 0);

  return 0;
}

static double
get_seconds_ms (const GstStructure *from, const char *name)
{
  double seconds = 0;

  gst_structure_get_double (from, name, &seconds);

  return seconds * 1000;
}

/* RFC 3550's estimate is the difference of two clocks before it is one of
 * their jitter: a stream whose timestamps begin anew has hours of it for some
 * packets (seen with Chromium). No packet is awaited this long. */
#define JITTER_MAX_MS 10000

static double
get_jitter_ms (const GstStructure *from)
{
  double jitter_ms = get_seconds_ms (from, "jitter");

  return jitter_ms <= JITTER_MAX_MS ? jitter_ms : 0;
}

static gboolean
read_entry (GQuark id, const GValue *value, gpointer user_data)
{
  Reading *reading = user_data;
  PbWebrtcCounts *counts = &reading->counts;
  PbHealthSample *sent = &reading->stats.sent;
  PbHealthSample *received = &reading->stats.received;
  const GstStructure *entry;
  GstWebRTCStatsType type;

  if (!GST_VALUE_HOLDS_STRUCTURE (value))
    return TRUE;
  entry = gst_value_get_structure (value);
  if (!gst_structure_get (entry, "type", GST_TYPE_WEBRTC_STATS_TYPE, &type,
          NULL))
    return TRUE;

  switch (type) {
    case GST_WEBRTC_STATS_OUTBOUND_RTP:
      counts->sent_bytes += get_number (entry, "bytes-sent");
      counts->sent_packets += get_number (entry, "packets-sent");
      break;
    case GST_WEBRTC_STATS_INBOUND_RTP:
      counts->received_bytes += get_number (entry, "bytes-received");
      counts->received_packets += get_number (entry, "packets-received");
      counts->received_lost += get_number (entry, "packets-lost");
      received->jitter_ms = MAX (received->jitter_ms, get_jitter_ms (entry));
      break;
    case GST_WEBRTC_STATS_REMOTE_INBOUND_RTP:
      counts->sent_lost += get_number (entry, "packets-lost");
      sent->rtt_ms =
          MAX (sent->rtt_ms, get_seconds_ms (entry, "round-trip-time"));
      sent->jitter_ms = MAX (sent->jitter_ms, get_jitter_ms (entry));
      break;
    default:
      break;
  }

  return TRUE;
}

static void
set_rates (PbHealthSample *sample, guint64 bytes, gint64 packets, gint64 lost,
    gint64 interval_us)
{
  sample->interval_ms = interval_us / 1000;
  if (interval_us > 0)
    sample->bitrate_kbps = bytes * 8000.0 / interval_us;
  if (packets + lost > 0)
    sample->loss_percent = 100.0 * lost / (packets + lost);
}

static void
set_codec (PbWebrtcStats *stats, const PbWebrtcCodec *codec)
{
  const char **name;

  if (codec == NULL)
    return;

  name = codec->is_video ? &stats->video_codec : &stats->audio_codec;
  if (*name == NULL)
    *name = codec->encoding;
}

/* Of what is sent, else of what is received: webrtcbin mixes them up. */
static void
set_codecs (PbWebrtcPeer *self, PbWebrtcStats *stats)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < self->senders->len; i++) {
    const PbWebrtcSender *sender = g_ptr_array_index (self->senders, i);

    if (g_atomic_int_get (&sender->is_wanted))
      set_codec (stats, sender->codec);
  }
  for (guint i = 0; i < self->receivers->len; i++)
    set_codec (stats,
        g_array_index (self->receivers, PbWebrtcReceiver, i).codec);
}

/* webrtcbin answers with nothing while it is busy, and leaves out a stream
 * whose session it cannot look into just now. */
static void
keep_growing (PbWebrtcCounts *now, const PbWebrtcCounts *then)
{
  now->sent_bytes = MAX (now->sent_bytes, then->sent_bytes);
  now->received_bytes = MAX (now->received_bytes, then->received_bytes);
  now->sent_packets = MAX (now->sent_packets, then->sent_packets);
  now->sent_lost = MAX (now->sent_lost, then->sent_lost);
  now->received_packets = MAX (now->received_packets, then->received_packets);
  now->received_lost = MAX (now->received_lost, then->received_lost);
  now->sent_again = MAX (now->sent_again, then->sent_again);
  now->received_dropped = MAX (now->received_dropped, then->received_dropped);
  now->received_retransmitted =
      MAX (now->received_retransmitted, then->received_retransmitted);
}

/* (transfer full): `elements`, which are under the lock */
static GPtrArray *
copy_elements (PbWebrtcPeer *self, GPtrArray *const *elements)
{
  GPtrArray *all = g_ptr_array_new_with_free_func (gst_object_unref);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < (*elements)->len; i++)
    g_ptr_array_add (all, gst_object_ref (g_ptr_array_index (*elements, i)));

  return all;
}

static void
read_repeaters (PbWebrtcPeer *self, PbWebrtcCounts *counts)
{
  g_autoptr (GPtrArray) all = copy_elements (self, &self->repeaters);

  for (guint i = 0; i < all->len; i++) {
    guint n = 0;

    g_object_get (g_ptr_array_index (all, i), "num-rtx-packets", &n, NULL);
    counts->sent_again += n;
  }
}

/* What was lost for good, and what came by asking again, only they know. */
static void
read_jitterbuffers (PbWebrtcPeer *self, PbWebrtcCounts *counts, double *rtt_ms)
{
  g_autoptr (GPtrArray) all = copy_elements (self, &self->jitterbuffers);

  for (guint i = 0; i < all->len; i++) {
    g_autoptr (GstStructure) stats = NULL;

    g_object_get (g_ptr_array_index (all, i), "stats", &stats, NULL);
    if (stats == NULL)
      continue;
    counts->received_dropped += get_number (stats, "num-lost");
    counts->received_retransmitted += get_number (stats, "rtx-success-count");
    *rtt_ms = MAX (*rtt_ms, (double) get_number (stats, "rtx-rtt") / 1e6);
  }
}

static void
set_frames (PbWebrtcPeer *self, PbWebrtcStats *stats)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  stats->received.frames = self->frames.n_frames;
  stats->received.frames_dropped = self->frames.n_missing;
  stats->received.freezes = self->frames.n_freezes;
  stats->sent.frames = (guint) g_atomic_int_get (&self->n_frames_sent);
  stats->sent.frames_dropped = (gint64) pb_webrtc_rate_get_dropped (self->rate);
}

static void
answer (PbWebrtcPeer *self, const GstStructure *reply, const Request *request)
{
  Reading reading = { .peer = self };
  double rtx_rtt_ms = 0;
  const PbWebrtcCounts *now = &reading.counts, *then = &self->counts;
  gint64 interval_us;

  if (reply != NULL)
    gst_structure_foreach (reply, read_entry, &reading);
  read_jitterbuffers (self, &reading.counts, &rtx_rtt_ms);
  read_repeaters (self, &reading.counts);
  keep_growing (&reading.counts, then);
  reading.counts.at_us = g_get_monotonic_time ();
  interval_us = then->at_us != 0 ? now->at_us - then->at_us : 0;
  set_rates (&reading.stats.sent, now->sent_bytes - then->sent_bytes,
      now->sent_packets - then->sent_packets, now->sent_lost - then->sent_lost,
      interval_us);
  set_rates (&reading.stats.received,
      now->received_bytes - then->received_bytes,
      now->received_packets - then->received_packets,
      now->received_lost - then->received_lost, interval_us);
  reading.stats.sent.packets = now->sent_packets;
  reading.stats.sent.packets_lost = now->sent_lost;
  reading.stats.sent.packets_retransmitted = now->sent_again;
  reading.stats.received.packets = now->received_packets;
  reading.stats.received.packets_lost = now->received_lost;
  /* RTCP tells it to who sends; who only receives knows how long what it asks
   * for again takes */
  reading.stats.received.rtt_ms =
      reading.stats.sent.rtt_ms > 0 ? reading.stats.sent.rtt_ms : rtx_rtt_ms;
  reading.stats.sent.latency_ms = reading.stats.received.latency_ms =
      self->config.latency_ms;
  reading.stats.sent.connected = reading.stats.received.connected =
      self->state == PB_WEBRTC_CONNECTED;
  reading.stats.sent.bandwidth_kbps = pb_webrtc_rate_get (self->rate) / 1000.0;
  reading.stats.received.packets_dropped = now->received_dropped;
  reading.stats.received.packets_retransmitted = now->received_retransmitted;
  set_frames (self, &reading.stats);
  reading.stats.is_relayed = pb_webrtc_ice_is_relayed (self);
  set_codecs (self, &reading.stats);
  self->counts = reading.counts;
  request->done (self, &reading.stats, request->user_data);
}

static void
do_stats (PbWebrtcPeer *self, gpointer reply)
{
  Request *request = g_queue_pop_head (&self->requests);

  answer (self, reply, request);
  g_free (request);
}

/**
 * pb_webrtc_peer_get_stats: (skip)
 * @self: a peer that was started
 * @done: who is told, unless the peer is freed first
 * @user_data: for @done
 */
void
pb_webrtc_peer_get_stats (PbWebrtcPeer *self, PbWebrtcStatsFunc done,
    gpointer user_data)
{
  Request *request = g_new (Request, 1);

  *request = (Request){ done, user_data };
  g_queue_push_tail (&self->requests, request);
  g_signal_emit_by_name (self->webrtc, "get-stats", NULL,
      pb_webrtc_peer_new_promise (self, do_stats));
}
