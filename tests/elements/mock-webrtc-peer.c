/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mock-webrtc-peer.h"

#include <string.h>

#include "core/pb-error.h"

static GMutex lock;
static GCond changed;
static GPtrArray *alive; /* lock: unowned */
static guint n_made;     /* lock */

/* --- what the end calls --------------------------------------------------- */

PbWebrtcPeer *
pb_webrtc_peer_new (GMainContext *context, const PbWebrtcConfig *config,
    const PbWebrtcTrack *tracks, guint n_tracks,
    const PbWebrtcCallbacks *callbacks, gpointer user_data)
{
  PbWebrtcPeer *self = g_new0 (PbWebrtcPeer, 1);

  g_assert_nonnull (config->clock);
  for (guint i = 0; i < n_tracks; i++)
    g_assert_true (GST_IS_CAPS (tracks[i].caps));
  self->context = g_main_context_ref (context);
  self->config = *config;
  self->turn = config->turn != NULL
                   ? g_strjoinv (" ", (char **) (gpointer) config->turn)
                   : NULL;
  self->stun = g_strdup (config->stun);
  self->address =
      g_strdup (config->addresses != NULL ? config->addresses[0] : NULL);
  self->callbacks = *callbacks;
  self->user_data = user_data;
  self->n_tracks = n_tracks;
  self->remotes = g_ptr_array_new_with_free_func (g_free);
  self->candidates = g_ptr_array_new_with_free_func (g_free);
  self->texts = g_ptr_array_new_with_free_func (g_free);

  g_mutex_lock (&lock);
  if (alive == NULL)
    alive = g_ptr_array_new ();
  g_ptr_array_add (alive, self);
  self->serial = ++n_made;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);

  return self;
}

void
pb_webrtc_peer_free (PbWebrtcPeer *self)
{
  g_mutex_lock (&lock);
  g_assert_true (g_ptr_array_remove (alive, self));
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
  g_ptr_array_unref (self->remotes);
  g_ptr_array_unref (self->candidates);
  g_ptr_array_unref (self->texts);
  g_free (self->turn);
  g_free (self->stun);
  g_free (self->address);
  g_main_context_unref (self->context);
  g_free (self);
}

gboolean
pb_webrtc_peer_start (PbWebrtcPeer *self, GError **error)
{
  self->is_started = TRUE;

  return TRUE;
}

gboolean
pb_webrtc_peer_set_remote (PbWebrtcPeer *self, const char *type,
    const char *sdp, GError **error)
{
  if (g_str_equal (sdp, MOCK_BAD_SDP)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID, "no SDP");
    return FALSE;
  }
  g_ptr_array_add (self->remotes, g_strdup_printf ("%s:%s", type, sdp));

  return TRUE;
}

gboolean
pb_webrtc_peer_add_candidate (PbWebrtcPeer *self, guint mline,
    const char *candidate, GError **error)
{
  g_ptr_array_add (self->candidates,
      g_strdup_printf ("%u:%s", mline, candidate));

  return TRUE;
}

PbFault
pb_webrtc_peer_get_late_fault (PbWebrtcPeer *self)
{
  return PB_FAULT_TIMED_OUT;
}

void
pb_webrtc_peer_restart_ice (PbWebrtcPeer *self)
{
  self->n_restarts++;
}

void
pb_webrtc_peer_repeat_offer (PbWebrtcPeer *self)
{
  self->n_repeated++;
}

gboolean
pb_webrtc_peer_set_tracks (PbWebrtcPeer *self, const PbWebrtcTrack *tracks,
    guint n_tracks)
{
  if (self->is_full)
    return FALSE;
  self->n_tracks = n_tracks;
  self->n_retracked++;

  return TRUE;
}

void
pb_webrtc_peer_push (PbWebrtcPeer *self, guint track,
    const PbWebrtcCodec *codec, GstBuffer *buffer)
{
  self->last_pts = GST_BUFFER_PTS (buffer);
  g_atomic_int_inc (&self->n_pushed);
}

void
pb_webrtc_peer_ask_keyframe (PbWebrtcPeer *self, guint track)
{
  self->n_keyframes_asked++;
}

gboolean
pb_webrtc_peer_send_text (PbWebrtcPeer *self, const char *text)
{
  g_assert_cmpuint (strlen (text), <=, PB_WEBRTC_TEXT_MAX);
  g_mutex_lock (&lock);
  g_ptr_array_add (self->texts, g_strdup (text));
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);

  return TRUE;
}

PbWebrtcState
pb_webrtc_peer_get_state (PbWebrtcPeer *self)
{
  return self->state;
}

typedef struct
{
  PbWebrtcPeer *peer;
  guint serial;
  PbWebrtcStatsFunc done;
  gpointer user_data;
} Answer;

static PbWebrtcPeer *
find_unlocked (guint serial)
{
  for (guint i = alive != NULL ? alive->len : 0; i > 0; i--) {
    PbWebrtcPeer *peer = g_ptr_array_index (alive, i - 1);

    if (serial == 0 || peer->serial == serial)
      return peer;
  }

  return NULL;
}

static gboolean
on_answer (gpointer user_data)
{
  Answer *answer = user_data;
  PbWebrtcPeer *peer;

  g_mutex_lock (&lock);
  peer = find_unlocked (answer->serial);
  g_mutex_unlock (&lock);
  if (peer != NULL)
    answer->done (peer, &peer->stats, answer->user_data);

  return G_SOURCE_REMOVE;
}

void
pb_webrtc_peer_get_stats (PbWebrtcPeer *self, PbWebrtcStatsFunc done,
    gpointer user_data)
{
  Answer *answer = g_new0 (Answer, 1);
  g_autoptr (GSource) idle = g_idle_source_new ();

  answer->serial = self->serial;
  answer->done = done;
  answer->user_data = user_data;
  g_source_set_callback (idle, on_answer, answer, g_free);
  g_source_attach (idle, self->context);
}

/* --- what the test calls -------------------------------------------------- */

void
mock_peers_reset (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  g_assert_true (alive == NULL || alive->len == 0);
  n_made = 0;
}

void
mock_peers_wait (guint n)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  while (n_made < n)
    g_cond_wait (&changed, &lock);
}

guint
mock_peers_count (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  return n_made;
}

guint
mock_peers_count_alive (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  return alive != NULL ? alive->len : 0;
}

typedef struct
{
  guint serial;
  MockFunc func;
  gpointer user_data;
  gboolean is_done, was_there;
} Call;

static gboolean
on_call (gpointer user_data)
{
  Call *call = user_data;
  PbWebrtcPeer *peer;

  g_mutex_lock (&lock);
  peer = find_unlocked (call->serial);
  g_mutex_unlock (&lock);
  if (peer != NULL)
    call->func (peer, call->user_data);
  g_mutex_lock (&lock);
  call->was_there = peer != NULL;
  call->is_done = TRUE;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);

  return G_SOURCE_REMOVE;
}

gboolean
mock_peer_call (guint serial, MockFunc func, gpointer user_data)
{
  Call call = { serial, func, user_data, FALSE, FALSE };
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (GSource) idle = g_idle_source_new ();
  PbWebrtcPeer *peer;

  g_mutex_lock (&lock);
  peer = find_unlocked (serial);
  if (peer != NULL)
    context = g_main_context_ref (peer->context);
  g_mutex_unlock (&lock);
  if (context == NULL)
    return FALSE;

  g_source_set_callback (idle, on_call, &call, NULL);
  g_source_attach (idle, context);
  g_mutex_lock (&lock);
  while (!call.is_done)
    g_cond_wait (&changed, &lock);
  g_mutex_unlock (&lock);

  return call.was_there;
}

typedef struct
{
  PbWebrtcState state;
  PbFault fault;
  const char *type, *text;
  guint bps;
} Event;

static void
do_state (PbWebrtcPeer *peer, gpointer user_data)
{
  Event *event = user_data;

  peer->state = event->state;
  peer->callbacks.changed (peer, event->state, event->fault, peer->user_data);
}

void
mock_peer_set_state (guint serial, PbWebrtcState state, PbFault fault)
{
  Event event = { .state = state, .fault = fault };

  g_assert_true (mock_peer_call (serial, do_state, &event));
}

static void
do_describe (PbWebrtcPeer *peer, gpointer user_data)
{
  Event *event = user_data;

  peer->callbacks.description (peer, event->type, event->text, peer->user_data);
  peer->callbacks.candidate (peer, 0,
      "candidate:1 1 UDP 2015363327 127.0.0.1 50000 typ host", peer->user_data);
  peer->callbacks.candidates_done (peer, peer->user_data);
}

void
mock_peer_describe (guint serial, const char *type, const char *sdp)
{
  Event event = { .type = type, .text = sdp };

  g_assert_true (mock_peer_call (serial, do_describe, &event));
}

static void
do_say (PbWebrtcPeer *peer, gpointer user_data)
{
  peer->callbacks.text (peer, user_data, peer->user_data);
}

void
mock_peer_say (guint serial, const char *text)
{
  g_assert_true (mock_peer_call (serial, do_say, (gpointer) text));
}

static void
do_estimate (PbWebrtcPeer *peer, gpointer user_data)
{
  peer->callbacks.estimate (peer, *(guint *) user_data, peer->user_data);
}

void
mock_peer_estimate (guint serial, guint bps)
{
  g_assert_true (mock_peer_call (serial, do_estimate, &bps));
}

static void
do_need (PbWebrtcPeer *peer, gpointer user_data)
{
  peer->callbacks.needs_keyframe (peer, peer->user_data);
}

void
mock_peer_need_keyframe (guint serial)
{
  g_assert_true (mock_peer_call (serial, do_need, NULL));
}
