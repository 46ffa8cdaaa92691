/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-timer.h"
#include "pb-webrtc-end-private.h"

#include "core/pb-limits.h"
#include "pb-rate-estimator.h"

/* What flows: buffers out and in, the rate that all consumers together allow,
 * and keyframes. */

/* However many consumers ask: each costs the encoder its rate for a while. */
#define KEYFRAME_INTERVAL_MS 200
/* Encoders take a new rate at the next frames; more often is noise. */
#define RATE_INTERVAL_MS 250
/* and so are changes below this part of it */
#define RATE_STEP 0.03

/* --- tracks --------------------------------------------------------------- */

static void
track_clear (gpointer data)
{
  gst_clear_caps (&((PbWebrtcTrack *) data)->caps);
}

GArray *
pb_webrtc_tracks_copy (const PbWebrtcTrack *tracks, guint n_tracks)
{
  GArray *copy =
      g_array_sized_new (FALSE, TRUE, sizeof (PbWebrtcTrack), n_tracks);

  g_array_set_clear_func (copy, track_clear);
  for (guint i = 0; i < n_tracks; i++) {
    PbWebrtcTrack track = { tracks[i].is_video, gst_caps_ref (tracks[i].caps),
      pb_webrtc_codec_from_caps (tracks[i].caps) };

    g_array_append_val (copy, track);
  }

  return copy;
}

/* --- out ------------------------------------------------------------------ */

void
pb_webrtc_media_add (PbWebrtcEnd *self, PbWebrtcCounterpart *other)
{
  PbWebrtcFeed feed = { other->peer, other->base_time };

  g_rw_lock_writer_lock (&self->feed_lock);
  g_array_append_val (self->feeds, feed);
  g_rw_lock_writer_unlock (&self->feed_lock);
}

/* After this nobody pushes to it any more. */
void
pb_webrtc_media_remove (PbWebrtcEnd *self, PbWebrtcPeer *peer)
{
  g_rw_lock_writer_lock (&self->feed_lock);
  for (guint i = 0; i < self->feeds->len; i++)
    if (g_array_index (self->feeds, PbWebrtcFeed, i).peer == peer) {
      g_array_remove_index_fast (self->feeds, i);
      break;
    }
  g_rw_lock_writer_unlock (&self->feed_lock);
}

/* Our pipeline has paused and gone on: its running time lags behind that of the
 * peer's, which ran on. (transfer full) */
static GstBuffer *
shift (GstBuffer *buffer, GstClockTime from, GstClockTime to)
{
  GstBuffer *copy = gst_buffer_copy (buffer);
  GstClockTimeDiff diff = GST_CLOCK_DIFF (to, from);

  if (GST_BUFFER_PTS_IS_VALID (copy))
    GST_BUFFER_PTS (copy) =
        (GstClockTime) MAX ((gint64) GST_BUFFER_PTS (copy) + diff, 0);
  if (GST_BUFFER_DTS_IS_VALID (copy))
    GST_BUFFER_DTS (copy) =
        (GstClockTime) MAX ((gint64) GST_BUFFER_DTS (copy) + diff, 0);

  return copy;
}

/**
 * pb_webrtc_end_push:
 * @self: the end
 * @track: as in pb_webrtc_end_set_tracks()
 * @buffer: (transfer none): one access unit or frame
 */
void
pb_webrtc_end_push (PbWebrtcEnd *self, guint track, GstBuffer *buffer)
{
  const PbWebrtcCodec *codec = NULL;
  GstClockTime base_time;

  g_mutex_lock (&self->lock);
  base_time = self->base_time;
  if (self->tracks != NULL && track < self->tracks->len) {
    const PbWebrtcTrack *own =
        &g_array_index (self->tracks, PbWebrtcTrack, track);

    codec = own->codec;
    if (!own->is_video)
      self->audio_pushed += gst_buffer_get_size (buffer);
  }
  g_mutex_unlock (&self->lock);

  /* Held while it is handed over, which never waits: the context's thread takes
   * a peer out of the list before it frees it. */
  g_rw_lock_reader_lock (&self->feed_lock);
  for (guint i = 0; i < self->feeds->len; i++) {
    const PbWebrtcFeed *feed = &g_array_index (self->feeds, PbWebrtcFeed, i);

    if (feed->base_time == base_time) {
      pb_webrtc_peer_push (feed->peer, track, codec, buffer);
    } else {
      g_autoptr (GstBuffer) moved = shift (buffer, base_time, feed->base_time);

      pb_webrtc_peer_push (feed->peer, track, codec, moved);
    }
  }
  g_rw_lock_reader_unlock (&self->feed_lock);
}

/* --- in ------------------------------------------------------------------- */

void
pb_webrtc_media_received (PbWebrtcCounterpart *other, guint track,
    gboolean is_video, GstSample *sample)
{
  PbWebrtcEnd *self = other->end;
  GstClockTime base_time;
  g_autoptr (GstBuffer) moved = NULL;
  g_autoptr (GstSample) copy = NULL;

  g_mutex_lock (&self->lock);
  base_time = self->base_time;
  g_mutex_unlock (&self->lock);
  if (base_time != other->base_time && gst_sample_get_buffer (sample) != NULL) {
    moved = shift (gst_sample_get_buffer (sample), other->base_time, base_time);
    copy = gst_sample_new (moved, gst_sample_get_caps (sample),
        gst_sample_get_segment (sample), NULL);
    sample = copy;
  }
  self->callbacks.received (other->source, track, is_video, sample,
      self->user_data);
}

typedef struct
{
  PbWebrtcEnd *end; /* owned */
  guint source, track;
} Ask;

static void
ask_free (gpointer data)
{
  Ask *ask = data;

  pb_webrtc_end_unref (ask->end);
  g_free (ask);
}

static gboolean
on_ask (gpointer user_data)
{
  Ask *ask = user_data;
  PbWebrtcCounterpart *other =
      pb_webrtc_meet_find_source (ask->end, ask->source);

  if (other != NULL && other->peer != NULL)
    pb_webrtc_peer_ask_keyframe (other->peer, ask->track);

  return G_SOURCE_REMOVE;
}

/**
 * pb_webrtc_end_ask_keyframe:
 * @self: the end
 * @source: of which counterpart
 * @track: of what it sends
 */
void
pb_webrtc_end_ask_keyframe (PbWebrtcEnd *self, guint source, guint track)
{
  Ask *ask = g_new0 (Ask, 1);
  g_autoptr (GSource) idle = g_idle_source_new ();

  ask->end = pb_webrtc_end_ref (self);
  ask->source = source;
  ask->track = track;
  g_source_set_priority (idle, G_PRIORITY_DEFAULT);
  g_source_set_callback (idle, on_ask, ask, ask_free);
  g_source_attach (idle, self->context);
}

/* --- keyframes ------------------------------------------------------------ */

static void
tell_keyframe (PbWebrtcEnd *self)
{
  pb_timer_clear (&self->keyframe_timer);
  self->keyframe_us = g_get_monotonic_time ();
  self->callbacks.needs_keyframe (self->user_data);
}

static gboolean
on_keyframe_due (gpointer user_data)
{
  tell_keyframe (user_data);

  return G_SOURCE_REMOVE;
}

void
pb_webrtc_media_want_keyframe (PbWebrtcEnd *self)
{
  gint64 wait_ms = 0;

  if (self->keyframe_timer != NULL)
    return; /* on its way, for all who ask meanwhile */

  if (self->keyframe_us != 0)
    wait_ms = KEYFRAME_INTERVAL_MS -
              (g_get_monotonic_time () - self->keyframe_us) / 1000;
  if (wait_ms <= 0)
    tell_keyframe (self);
  else
    self->keyframe_timer =
        pb_timer_new (self->context, (guint) wait_ms, on_keyframe_due, self);
}

/* --- the rate ------------------------------------------------------------- */

static void
measure_audio (PbWebrtcEnd *self, gint64 now_us)
{
  guint64 octets;

  g_mutex_lock (&self->lock);
  octets = self->audio_pushed;
  g_mutex_unlock (&self->lock);
  if (self->rate_us != 0 && now_us > self->rate_us)
    self->audio_bps =
        (guint) MIN ((octets - self->audio_octets) * 8 * G_USEC_PER_SEC /
                         (guint64) (now_us - self->rate_us),
            G_MAXUINT / 2);
  self->audio_octets = octets;
  self->rate_us = now_us;
}

static gboolean
on_rate_due (gpointer user_data)
{
  PbWebrtcEnd *self = user_data;

  pb_timer_clear (&self->rate_timer);
  pb_webrtc_media_update_rate (self);

  return G_SOURCE_REMOVE;
}

void
pb_webrtc_media_update_rate (PbWebrtcEnd *self)
{
  guint estimates[PB_SLOT_RECEIVERS_MAX];
  guint n = 0, n_connected = 0, kbps;
  gint64 now_us = g_get_monotonic_time ();

  if (self->direction == PB_DIRECTION_RECEIVE && !self->sends_back)
    return;
  if (self->rate_timer != NULL)
    return;
  if (self->rate_us != 0 && now_us - self->rate_us < RATE_INTERVAL_MS * 1000) {
    self->rate_timer =
        pb_timer_new (self->context, RATE_INTERVAL_MS, on_rate_due, self);
    return;
  }

  measure_audio (self, now_us);
  for (guint i = 0; i < self->counterparts->len && n < G_N_ELEMENTS (estimates);
       i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    n_connected += other->link == PB_WEBRTC_LINK_CONNECTED;
    if (other->link == PB_WEBRTC_LINK_CONNECTED && other->estimate_bps > 0)
      estimates[n++] = other->estimate_bps > self->audio_bps
                           ? other->estimate_bps - self->audio_bps
                           : 0;
  }
  /* who has just come has no estimate yet: no reason to change anything */
  if (n == 0 && (n_connected > 0 || self->told_kbps == 0))
    return;
  kbps = pb_rate_share (estimates, n, self->min_kbps * 1000,
             self->max_kbps * 1000) /
         1000;
  if (kbps == 0 ||
      (self->told_kbps != 0 && ABS ((gint64) kbps - (gint64) self->told_kbps) <
                                   RATE_STEP * self->told_kbps))
    return;
  self->told_kbps = kbps;
  self->callbacks.rate (kbps, self->user_data);
}
