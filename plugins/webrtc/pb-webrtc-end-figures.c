/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-end-private.h"

#include "glue/pb-gst-message.h"
#include "glue/pb-timer.h"

/* What was measured: asked of each peer, told to the server, the bus, the other
 * ends and the `stats` property. Of several connections the counters and rates
 * are sums, the rest is the worst one's, as in PbSrtStats. */

/* The first figures of a connection, before the regular ones */
#define QUICK_HEALTH_MS 1000

static const PbHealthSample *
get_sample (PbWebrtcCounterpart *other)
{
  return other->end->direction == PB_DIRECTION_SEND ? &other->sent
                                                    : &other->received;
}

/* --- sums ----------------------------------------------------------------- */

static void
add_counters (PbHealthSample *to, const PbHealthSample *from)
{
  to->packets += from->packets;
  to->packets_lost += from->packets_lost;
  to->packets_dropped += from->packets_dropped;
  to->packets_retransmitted += from->packets_retransmitted;
  to->packets_undecrypted += from->packets_undecrypted;
  to->frames += from->frames;
  to->frames_dropped += from->frames_dropped;
  to->freezes += from->freezes;
}

static void
add_gauges (PbHealthSample *to, const PbHealthSample *from)
{
  to->rtt_ms = MAX (to->rtt_ms, from->rtt_ms);
  to->jitter_ms = MAX (to->jitter_ms, from->jitter_ms);
  to->buffer_ms = MAX (to->buffer_ms, from->buffer_ms);
  to->latency_ms = MAX (to->latency_ms, from->latency_ms);
  to->bitrate_kbps += from->bitrate_kbps;
  /* the narrowest path is the one to know about */
  if (to->bandwidth_kbps == 0.0 ||
      (from->bandwidth_kbps > 0.0 && from->bandwidth_kbps < to->bandwidth_kbps))
    to->bandwidth_kbps = from->bandwidth_kbps;
  to->connected = TRUE;
}

static double
percent (gint64 part, gint64 whole)
{
  return part > 0 && whole > 0
             ? MIN (100.0, 100.0 * (double) part / (double) whole)
             : 0.0;
}

static void
sum (PbWebrtcEnd *self, gint64 now_us, PbHealthSample *out)
{
  const PbHealthSample *then = &self->last;
  gint64 packets, lost, dropped;

  *out = self->past;
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (other->peer == NULL)
      continue;
    add_counters (out, get_sample (other));
    if (other->link == PB_WEBRTC_LINK_CONNECTED)
      add_gauges (out, get_sample (other));
  }
  packets = out->packets - then->packets;
  lost = out->packets_lost - then->packets_lost;
  dropped = out->packets_dropped - then->packets_dropped;
  /* what a receiver lost is not among its packets */
  if (self->direction == PB_DIRECTION_RECEIVE) {
    out->loss_percent = percent (lost, packets + MAX (lost, 0));
    out->drop_percent = percent (dropped, packets + MAX (dropped, 0));
  } else {
    out->loss_percent = percent (lost, packets);
    out->drop_percent = percent (dropped, packets + MAX (dropped, 0));
  }
  out->interval_ms = (now_us - self->last_us) / 1000;
}

/* --- `stats` -------------------------------------------------------------- */

static GstStructure *
describe (PbWebrtcCounterpart *other)
{
  static const char *const links[] = { "waiting", "connecting", "connected",
    "interrupted" };
  gboolean is_up = other->link == PB_WEBRTC_LINK_CONNECTED;
  const PbHealthSample *sent = &other->sent, *received = &other->received;

  return gst_structure_new ("peer", "peer", G_TYPE_STRING, other->id, "client",
      G_TYPE_STRING, other->client != NULL ? other->client : "", "source",
      G_TYPE_UINT, other->source, "state", G_TYPE_STRING, links[other->link],
      "path", G_TYPE_STRING,
      !is_up ? "" : (other->is_relayed ? "relay" : "direct"), "video-codec",
      G_TYPE_STRING, other->video_codec != NULL ? other->video_codec : "",
      "audio-codec", G_TYPE_STRING,
      other->audio_codec != NULL ? other->audio_codec : "", "attempts",
      G_TYPE_UINT, other->attempts, "estimate-bps", G_TYPE_UINT,
      other->estimate_bps, "rtt-ms", G_TYPE_DOUBLE,
      MAX (sent->rtt_ms, received->rtt_ms), "packets-sent", G_TYPE_INT64,
      sent->packets, "packets-send-lost", G_TYPE_INT64, sent->packets_lost,
      "packets-retransmitted", G_TYPE_INT64, sent->packets_retransmitted,
      "send-kbps", G_TYPE_DOUBLE, sent->bitrate_kbps, "send-loss",
      G_TYPE_DOUBLE, sent->loss_percent, "frames-sent", G_TYPE_INT64,
      sent->frames, "frames-not-sent", G_TYPE_INT64, sent->frames_dropped,
      "packets-received", G_TYPE_INT64, received->packets, "packets-lost",
      G_TYPE_INT64, received->packets_lost, "packets-dropped", G_TYPE_INT64,
      received->packets_dropped, "receive-kbps", G_TYPE_DOUBLE,
      received->bitrate_kbps, "receive-loss", G_TYPE_DOUBLE,
      received->loss_percent, "jitter-ms", G_TYPE_DOUBLE, received->jitter_ms,
      "frames-received", G_TYPE_INT64, received->frames, "frames-dropped",
      G_TYPE_INT64, received->frames_dropped, "freezes", G_TYPE_INT64,
      received->freezes, NULL);
}

static void
keep_stats (PbWebrtcEnd *self)
{
  GstStructure *stats =
      gst_structure_new ("pb-webrtc-stats", "connections", G_TYPE_UINT,
          self->n_connected, "target-kbps", G_TYPE_UINT, self->told_kbps, NULL);
  GstStructure *old;
  GValue list = G_VALUE_INIT;

  g_value_init (&list, GST_TYPE_ARRAY);
  for (guint i = 0; i < self->counterparts->len; i++) {
    GValue value = G_VALUE_INIT;

    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&value,
        describe (g_ptr_array_index (self->counterparts, i)));
    gst_value_array_append_and_take_value (&list, &value);
  }
  gst_structure_take_value (stats, "peers", &list);

  g_mutex_lock (&self->lock);
  old = self->stats;
  self->stats = stats;
  g_mutex_unlock (&self->lock);
  gst_clear_structure (&old);
}

/**
 * pb_webrtc_end_get_stats:
 * @self: the end
 *
 * Returns: (transfer full): figures as of the last health report: connections,
 *   target-kbps, and of each counterpart a structure in `peers`
 */
GstStructure *
pb_webrtc_end_get_stats (PbWebrtcEnd *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->stats != NULL
             ? gst_structure_copy (self->stats)
             : gst_structure_new ("pb-webrtc-stats", "connections", G_TYPE_UINT,
                   0, "target-kbps", G_TYPE_UINT, 0, NULL);
}

/* --- reports -------------------------------------------------------------- */

static void
report (PbWebrtcEnd *self)
{
  gint64 now_us = g_get_monotonic_time ();
  PbHealthSample sample;
  g_autoptr (PbMessage) message = NULL;

  keep_stats (self);
  /* All that we meet is met over SRT: its report is that of this end. */
  if (self->has_srt && self->counterparts->len == 0 &&
      pb_webrtc_end_has_foreign (self))
    return;

  sum (self, now_us, &sample);
  message = pb_gst_report_health (self->report, self->us, &sample, now_us);
  self->last = sample;
  self->last_us = now_us;
  if (self->is_registered)
    pb_gst_session_send (self->session, message);
}

static void
note_answered (PbWebrtcCounterpart *other)
{
  PbWebrtcEnd *self = other->end;

  if (!other->is_asked)
    return;
  other->is_asked = FALSE;
  self->n_asked--;
  if (self->n_asked == 0)
    report (self);
}

void
pb_webrtc_figures_tell_connected (PbWebrtcCounterpart *other)
{
  PbWebrtcEnd *self = other->end;

  other->is_told = TRUE;
  pb_gst_report_peer (self->report, other->id, other->client,
      PB_TRANSPORT_WEBRTC, other->is_relayed ? "relay" : "direct", "connected",
      "dtls-srtp", self->latency_ms);
  pb_webrtc_end_send_status (self, other, "connected", PB_FAULT_NONE);
}

static void
on_stats (PbWebrtcPeer *peer, const PbWebrtcStats *stats, gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;
  gboolean is_news = other->is_relayed != stats->is_relayed;

  other->sent = stats->sent;
  other->received = stats->received;
  other->is_relayed = stats->is_relayed;
  other->video_codec = stats->video_codec;
  other->audio_codec = stats->audio_codec;
  if (other->link == PB_WEBRTC_LINK_CONNECTED && (is_news || !other->is_told)) {
    pb_webrtc_figures_tell_connected (other);
    pb_webrtc_end_update_state (other->end);
  }
  if (other->is_asked)
    pb_webrtc_channel_send_health (other);
  note_answered (other);
}

static gboolean
on_health (gpointer user_data)
{
  PbWebrtcEnd *self = user_data;

  pb_timer_clear (&self->health_timer);
  self->health_timer = pb_timer_new (self->context,
      self->n_quick > 0 ? QUICK_HEALTH_MS : self->health_interval_ms, on_health,
      self);
  if (self->n_quick > 0)
    self->n_quick--;

  /* Who owes the last round's answer is late: its old figures count. */
  if (self->n_asked > 0)
    report (self);
  self->n_asked = 0;
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    other->is_asked = other->link == PB_WEBRTC_LINK_CONNECTED;
    if (other->is_asked)
      self->n_asked++;
  }
  if (self->n_asked == 0)
    report (self);
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (other->is_asked)
      pb_webrtc_peer_get_stats (other->peer, on_stats, other);
  }

  return G_SOURCE_REMOVE;
}

void
pb_webrtc_figures_hurry (PbWebrtcEnd *self, PbWebrtcCounterpart *other)
{
  pb_webrtc_peer_get_stats (other->peer, on_stats, other);
  if (self->health_timer == NULL)
    return;

  /* Better counts after two reports in a row: a new connection gives them soon,
   * and is not called disconnected for ten seconds more. */
  self->n_quick = 2;
  pb_timer_clear (&self->health_timer);
  self->health_timer =
      pb_timer_new (self->context, QUICK_HEALTH_MS, on_health, self);
}

void
pb_webrtc_figures_forget (PbWebrtcCounterpart *other)
{
  add_counters (&other->end->past, get_sample (other));
  other->sent = (PbHealthSample){ 0 };
  other->received = (PbHealthSample){ 0 };
  other->is_relayed = FALSE;
  note_answered (other);
}

void
pb_webrtc_figures_start (PbWebrtcEnd *self)
{
  if (self->health_timer == NULL)
    self->health_timer =
        pb_timer_new (self->context, QUICK_HEALTH_MS, on_health, self);
}

void
pb_webrtc_figures_stop (PbWebrtcEnd *self)
{
  pb_timer_clear (&self->health_timer);
  for (guint i = 0; i < self->counterparts->len; i++)
    ((PbWebrtcCounterpart *) g_ptr_array_index (self->counterparts, i))
        ->is_asked = FALSE;
  self->n_asked = 0;
}
