/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-webrtc-end.h"

#include "srt/gstpbsrtbin.h"

#define KEPT 200

FakeEnd fake_end;

struct _PbWebrtcEnd
{
  gint refs;
};

void
fake_end_reset (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  g_clear_pointer (&fake_end.stream, g_free);
  g_clear_pointer (&fake_end.cue, g_free);
  g_clear_pointer (&fake_end.tracks, g_ptr_array_unref);
  g_clear_pointer (&fake_end.pushed, g_ptr_array_unref);
  fake_end.pushed =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  fake_end.n_made = fake_end.n_started = fake_end.n_played = 0;
  fake_end.n_finished = fake_end.n_stopped = fake_end.n_keyframes_asked = 0;
  fake_end.n_set_tracks = 0;
  memset (fake_end.n_pushed, 0, sizeof fake_end.n_pushed);
}

PbWebrtcEnd *
pb_webrtc_end_new (GstElement *element, PbGstSession *session,
    const PbWebrtcEndConfig *config, const PbWebrtcEndCallbacks *callbacks,
    gpointer user_data)
{
  PbWebrtcEnd *self = g_new0 (PbWebrtcEnd, 1);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  self->refs = 1;
  fake_end.n_made++;
  fake_end.direction = config->direction;
  fake_end.sends_back = config->sends_back;
  g_free (fake_end.stream);
  fake_end.stream = g_strdup (config->stream);
  fake_end.latency_ms = config->latency_ms;
  fake_end.min_kbps = config->min_kbps;
  fake_end.max_kbps = config->max_kbps;
  fake_end.callbacks = *callbacks;
  fake_end.user_data = user_data;
  g_clear_pointer (&fake_end.tracks, g_ptr_array_unref);

  return self;
}

static void
count (guint *what)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  (*what)++;
  g_cond_broadcast (&fake_end.cond);
}

gboolean
pb_webrtc_end_start (PbWebrtcEnd *self, GError **error)
{
  count (&fake_end.n_started);

  return TRUE;
}

void
pb_webrtc_end_play (PbWebrtcEnd *self, GstClock *clock, GstClockTime base_time)
{
  fake_end.base_time = base_time;
  count (&fake_end.n_played);
}

void
pb_webrtc_end_finish (PbWebrtcEnd *self)
{
  count (&fake_end.n_finished);
}

void
pb_webrtc_end_settle (void)
{
}

void
pb_webrtc_end_stop (PbWebrtcEnd *self)
{
  count (&fake_end.n_stopped);
}

PbWebrtcEnd *
pb_webrtc_end_ref (PbWebrtcEnd *self)
{
  g_atomic_int_inc (&self->refs);

  return self;
}

void
pb_webrtc_end_unref (PbWebrtcEnd *self)
{
  if (g_atomic_int_dec_and_test (&self->refs))
    g_free (self);
}

void
pb_webrtc_end_set_tracks (PbWebrtcEnd *self, const PbWebrtcTrack *tracks,
    guint n_tracks)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  g_clear_pointer (&fake_end.tracks, g_ptr_array_unref);
  fake_end.tracks =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_caps_unref);
  for (guint i = 0; i < n_tracks; i++)
    g_ptr_array_add (fake_end.tracks, gst_caps_ref (tracks[i].caps));
  fake_end.n_set_tracks++;
  g_cond_broadcast (&fake_end.cond);
}

void
pb_webrtc_end_set_srt_up (PbWebrtcEnd *self, gboolean is_up)
{
  g_assert_not_reached ();
}

void
pb_webrtc_end_push (PbWebrtcEnd *self, guint track, GstBuffer *buffer)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  g_return_if_fail (track < G_N_ELEMENTS (fake_end.n_pushed));
  fake_end.n_pushed[track]++;
  if (track == 0 && fake_end.pushed->len < KEPT)
    g_ptr_array_add (fake_end.pushed, gst_buffer_ref (buffer));
  g_cond_broadcast (&fake_end.cond);
}

void
pb_webrtc_end_ask_keyframe (PbWebrtcEnd *self, guint source, guint track)
{
  count (&fake_end.n_keyframes_asked);
}

gboolean
pb_webrtc_end_send_cue (PbWebrtcEnd *self, const char *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  g_free (fake_end.cue);
  fake_end.cue = g_strdup (text);

  return TRUE;
}

PbState
pb_webrtc_end_get_state (PbWebrtcEnd *self)
{
  return PB_STATE_WAITING;
}

guint
pb_webrtc_end_get_n_connected (PbWebrtcEnd *self)
{
  return 3;
}

PbTally
pb_webrtc_end_get_tally (PbWebrtcEnd *self)
{
  return PB_TALLY_PREVIEW;
}

GstStructure *
pb_webrtc_end_get_stats (PbWebrtcEnd *self)
{
  return gst_structure_new ("pb-webrtc-stats", "connections", G_TYPE_UINT, 3,
      NULL);
}

PbRegistration *
pb_webrtc_end_make_registration (const char *stream, PbDirection direction,
    const char *peer_id, gboolean has_srt, gboolean sends_back,
    gboolean gives_thumbnails)
{
  g_assert_not_reached ();
}

/* --- SRT: not in this test ------------------------------------------------ */

GType
gst_pb_srt_bin_get_type (void)
{
  g_assert_not_reached ();
}

void
gst_pb_srt_bin_share (GstPbSrtBin *self, const PbRegistration *registration)
{
  g_assert_not_reached ();
}
