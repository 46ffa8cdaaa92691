/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-end.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "glue/pb-call.h"
#include "glue/pb-gst-message.h"
#include "glue/pb-timer.h"
#include "pb-webrtc-cert.h"
#include "pb-webrtc-end-private.h"

/* The ends of a production rarely start in the same second. */
#define ABSENT_MS 2500

/* --- small things --------------------------------------------------------- */

void
pb_webrtc_end_tell (PbWebrtcEnd *self, const char *what)
{
  if (!self->is_stopped)
    self->callbacks.changed (what, self->user_data);
}

void
pb_webrtc_end_send_status (PbWebrtcEnd *self, PbWebrtcCounterpart *other,
    const char *srt, PbFault fault)
{
  g_autoptr (PbMessage) message = NULL;

  if (!self->is_registered)
    return;

  message = pb_message_new (PB_MESSAGE_STATUS);
  pb_message_set_string (message, "peer", self->us);
  pb_message_set_string (message, "srt", srt);
  pb_message_set_string (message, "with", other->id);
  pb_message_set_string (message, "transport", "webrtc");
  if (fault != PB_FAULT_NONE)
    pb_message_set_string (message, "code", pb_fault_get_code (fault));
  if (g_str_equal (srt, "connected")) {
    pb_message_set_string (message, "path",
        other->is_relayed ? "relay" : "direct");
    pb_message_set_string (message, "cipher", "dtls-srtp");
    pb_message_set_int (message, "latency", self->latency_ms);
  }
  pb_gst_session_send (self->session, message);
}

static gboolean
on_absent (gpointer user_data)
{
  PbWebrtcEnd *self = user_data;

  pb_timer_clear (&self->absent_timer);
  pb_gst_report_fault (self->report, PB_FAULT_PEER_ABSENT, "local", NULL, 0, 0,
      NULL);

  return G_SOURCE_REMOVE;
}

static PbState
work_out_state (PbWebrtcEnd *self, guint *n_connected)
{
  guint n_relayed = 0;

  *n_connected = 0;
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbWebrtcCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (other->link != PB_WEBRTC_LINK_CONNECTED)
      continue;
    (*n_connected)++;
    n_relayed += other->is_told && other->is_relayed;
  }
  if (self->member == NULL)
    return PB_STATE_CLOSED;
  if (*n_connected > 0)
    return *n_connected == n_relayed ? PB_STATE_RELAYING : PB_STATE_CONNECTED;
  if (self->counterparts->len > 0)
    return PB_STATE_READY;

  return PB_STATE_WAITING;
}

gboolean
pb_webrtc_end_has_foreign (PbWebrtcEnd *self)
{
  return g_hash_table_size (self->foreign) > 0 ||
         g_atomic_int_get (&self->srt_is_up);
}

void
pb_webrtc_end_update_state (PbWebrtcEnd *self)
{
  guint n_connected;
  PbState state = work_out_state (self, &n_connected);
  gboolean is_alone = state == PB_STATE_WAITING && self->is_registered &&
                      !pb_webrtc_end_has_foreign (self);
  gboolean is_new;

  if (!is_alone)
    pb_timer_clear (&self->absent_timer);
  else if (self->absent_timer == NULL)
    self->absent_timer =
        pb_timer_new (self->context, ABSENT_MS, on_absent, self);

  g_mutex_lock (&self->lock);
  is_new = self->state != state;
  self->state = state;
  g_mutex_unlock (&self->lock);
  if (is_new)
    pb_webrtc_end_tell (self, "state");
  if (self->n_connected != n_connected) {
    g_atomic_int_set (&self->n_connected, n_connected);
    pb_webrtc_end_tell (self, "consumers");
  }
}

gboolean
pb_webrtc_end_is_ready (PbWebrtcEnd *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->is_playing && self->tracks != NULL && self->is_up &&
         self->resolving == NULL;
}

void
pb_webrtc_end_set_tally (PbWebrtcEnd *self, const char *name)
{
  PbTally tally;
  gboolean is_new;

  if (name == NULL || !pb_tally_from_name (name, &tally))
    return;

  g_mutex_lock (&self->lock);
  is_new = self->tally != tally;
  self->tally = tally;
  g_mutex_unlock (&self->lock);
  if (!is_new)
    return;

  gst_element_post_message (self->element,
      pb_gst_message_new_tally (GST_OBJECT (self->element), self->stream,
          tally));
  pb_webrtc_end_tell (self, "tally");
  pb_webrtc_channel_send_tally (self, NULL);
}

/* --- the session's callbacks ---------------------------------------------- */

static void
set_up (PbWebrtcEnd *self, gboolean is_up)
{
  self->is_registered = is_up;
  g_mutex_lock (&self->lock);
  self->is_up = is_up;
  g_mutex_unlock (&self->lock);
}

static void
handle_registered (PbWebrtcEnd *self, PbMessage *message)
{
  JsonObject *object = pb_message_peek_object (message);
  JsonNode *turn = json_object_get_member (object, "turn");

  if (g_strcmp0 (pb_message_get_string (message, "peer"), self->us) != 0)
    return;

  set_up (self, TRUE);
  pb_gst_report_clear_server (self->report);
  gst_element_post_message (self->element,
      pb_gst_message_new_session (GST_OBJECT (self->element), "connected",
          message));
  pb_webrtc_end_set_tally (self, pb_message_get_string (message, "tally"));
  pb_webrtc_lent_find_stun (self, object);
  if (turn != NULL && JSON_NODE_HOLDS_OBJECT (turn))
    pb_webrtc_lent_take_turn (self, json_node_get_object (turn));
  pb_webrtc_figures_start (self);
  pb_webrtc_meet_begin_all (self);
  pb_webrtc_end_update_state (self);
}

static void
on_message (PbMessage *message, gpointer user_data)
{
  PbWebrtcEnd *self = user_data;
  const char *stream = pb_message_get_string (message, "stream");

  if (self->member == NULL)
    return;

  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_REGISTERED:
      handle_registered (self, message);
      break;
    case PB_MESSAGE_PEER:
      pb_webrtc_meet_introduce (self, message);
      break;
    case PB_MESSAGE_PEER_GONE:
      pb_webrtc_meet_gone (self, message);
      break;
    case PB_MESSAGE_SIGNAL:
      pb_webrtc_meet_signal (self, message);
      break;
    case PB_MESSAGE_STATUS:
      pb_webrtc_meet_status (self, message);
      break;
    case PB_MESSAGE_TURN:
      pb_webrtc_lent_take_turn (self, pb_message_peek_object (message));
      break;
    case PB_MESSAGE_HEALTH:
      if (g_strcmp0 (stream, self->stream) == 0 &&
          g_strcmp0 (pb_message_get_string (message, "peer"), self->us) != 0)
        gst_element_post_message (self->element,
            pb_gst_message_new_health (GST_OBJECT (self->element), message));
      break;
    case PB_MESSAGE_TALLY:
      if (g_strcmp0 (stream, self->stream) == 0)
        pb_webrtc_end_set_tally (self,
            pb_message_get_string (message, "state"));
      break;
    case PB_MESSAGE_CUE:
      if (g_strcmp0 (stream, self->stream) == 0)
        pb_webrtc_channel_take_cue (self,
            pb_message_get_string (message, "text"), FALSE);
      break;
    case PB_MESSAGE_THUMBNAIL_REQUEST:
      if (self->gives_thumbnails && !self->is_stopped)
        self->callbacks.wants_thumbnail (self->us, self->user_data);
      break;
    case PB_MESSAGE_ERROR:
      pb_webrtc_channel_take_error (self, message);
      break;
    default:
      break; /* `closed` comes as a fault */
  }
}

static void
on_state (PbClientState state, gpointer user_data)
{
  PbWebrtcEnd *self = user_data;
  static const char *const names[] = { "closed", "connecting", "connected",
    "waiting" };

  if (self->member == NULL)
    return;

  if (state != PB_CLIENT_STATE_CONNECTED) {
    set_up (self, FALSE);
    pb_webrtc_meet_set_signalling (self, FALSE);
    /* "connected" is told with the registration, which says more */
    gst_element_post_message (self->element,
        pb_gst_message_new_session (GST_OBJECT (self->element), names[state],
            NULL));
  }
  pb_webrtc_end_update_state (self);
}

static void
leave (PbWebrtcEnd *self)
{
  PbGstMember *member = g_steal_pointer (&self->member);

  set_up (self, FALSE);
  pb_webrtc_figures_stop (self);
  pb_timer_clear (&self->absent_timer);
  pb_timer_clear (&self->keyframe_timer);
  pb_timer_clear (&self->rate_timer);
  if (self->resolving != NULL)
    g_cancellable_cancel (self->resolving);
  g_clear_object (&self->resolving);
  pb_webrtc_meet_drop_all (self);
  if (member != NULL)
    pb_gst_session_leave (self->session, member);
}

static void
on_fault (PbFault fault, const char *detail, gpointer user_data)
{
  PbWebrtcEnd *self = user_data;
  guint attempt = 0, retry_in_ms = 0;

  if (self->member == NULL)
    return;

  pb_gst_session_get_retry (self->session, &attempt, &retry_in_ms);
  pb_gst_report_fault (self->report, fault,
      fault == PB_FAULT_SERVER_UNREACHABLE ? "local" : "server", NULL, attempt,
      retry_in_ms, detail);
  if (pb_fault_is_fatal (fault)) {
    leave (self);
    pb_webrtc_end_update_state (self);
  }
}

/* --- life ----------------------------------------------------------------- */

/**
 * pb_webrtc_end_new:
 * @element: posts the messages and outlives the end
 * @session: whose context it lives on
 * @config: copied
 * @callbacks: copied; all of them are needed
 * @user_data: for the callbacks
 *
 * Returns: (transfer full): an end that has not started
 */
PbWebrtcEnd *
pb_webrtc_end_new (GstElement *element, PbGstSession *session,
    const PbWebrtcEndConfig *config, const PbWebrtcEndCallbacks *callbacks,
    gpointer user_data)
{
  PbWebrtcEnd *self = g_atomic_rc_box_new0 (PbWebrtcEnd);

  /* while signalling goes on */
  pb_webrtc_cert_prepare ();
  self->element = element;
  self->session = g_object_ref (session);
  self->context = g_main_context_ref (pb_gst_session_get_context (session));
  self->callbacks = *callbacks;
  self->user_data = user_data;
  self->uri = pb_uri_copy (config->uri);
  self->stream = g_strdup (config->stream);
  self->direction = config->direction;
  self->us = config->peer_id != NULL ? g_strdup (config->peer_id)
                                     : pb_random_id (PB_PEER_ID_DEFAULT);
  self->has_srt = config->has_srt;
  self->sends_back =
      config->sends_back && config->direction == PB_DIRECTION_RECEIVE;
  self->gives_thumbnails =
      config->gives_thumbnails && config->direction == PB_DIRECTION_RECEIVE;
  self->is_relay_only = config->is_relay_only;
  self->has_fec = config->has_fec;
  self->latency_ms = config->latency_ms;
  self->min_kbps = config->min_kbps;
  self->max_kbps = config->max_kbps;
  self->health_interval_ms = config->health_interval_ms > 0
                                 ? config->health_interval_ms
                                 : PB_HEALTH_INTERVAL_MS;
  self->local_address = g_strdup (config->local_address);
  self->on_loopback = pb_uri_is_loopback (config->uri);
  self->report = pb_gst_report_new (element, config->stream, config->direction);
  self->counterparts =
      g_ptr_array_new_with_free_func (pb_webrtc_counterpart_free);
  self->foreign = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->sources = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->feeds = g_array_new (FALSE, FALSE, sizeof (PbWebrtcFeed));
  self->last_us = g_get_monotonic_time ();
  self->state = PB_STATE_WAITING;
  g_mutex_init (&self->lock);
  g_rw_lock_init (&self->feed_lock);

  return self;
}

static void
finalize (gpointer data)
{
  PbWebrtcEnd *self = data;

  g_ptr_array_unref (self->counterparts);
  g_clear_pointer (&self->next_sender, pb_message_unref);
  g_hash_table_unref (self->foreign);
  g_hash_table_unref (self->sources);
  g_array_unref (self->feeds);
  g_clear_pointer (&self->tracks, g_array_unref);
  gst_clear_structure (&self->stats);
  gst_clear_object (&self->clock);
  pb_gst_report_free (self->report);
  pb_webrtc_lent_free_turn (self->turn);
  pb_uri_free (self->uri);
  g_free (self->stream);
  g_free (self->local_address);
  g_free (self->stun);
  g_free (self->us);
  g_free (self->last_cue);
  g_mutex_clear (&self->lock);
  g_rw_lock_clear (&self->feed_lock);
  g_main_context_unref (self->context);
  g_object_unref (self->session);
}

/**
 * pb_webrtc_end_ref:
 * @self: the end
 *
 * Returns: @self
 */
PbWebrtcEnd *
pb_webrtc_end_ref (PbWebrtcEnd *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * pb_webrtc_end_unref:
 * @self: the end
 */
void
pb_webrtc_end_unref (PbWebrtcEnd *self)
{
  g_atomic_rc_box_release_full (self, finalize);
}

static void
run (PbWebrtcEnd *self, void (*func) (PbWebrtcEnd *self))
{
  pb_call (self->context, (PbCallFunc) func, pb_webrtc_end_ref (self),
      (GDestroyNotify) pb_webrtc_end_unref);
}

static void
join (PbWebrtcEnd *self)
{
  static const PbGstSessionCallbacks callbacks = { on_message, on_state,
    on_fault };
  g_autoptr (PbRegistration) registration = NULL;

  if (self->is_stopped)
    return;

  registration = pb_webrtc_end_make_registration (self->stream, self->direction,
      self->us, self->has_srt, self->sends_back, self->gives_thumbnails);
  self->member =
      pb_gst_session_join (self->session, registration, &callbacks, self);
}

/**
 * pb_webrtc_end_make_registration:
 * @stream: the slot
 * @direction: what the end does there
 * @peer_id: its id
 * @has_srt: whether it speaks SRT as well
 * @sends_back: whether a receiver would send a return feed
 * @gives_thumbnails: whether a receiver gives still pictures
 *
 * Both ends of an element that speaks both transports register just this.
 *
 * Returns: (transfer full): how the server should know the end
 */
PbRegistration *
pb_webrtc_end_make_registration (const char *stream, PbDirection direction,
    const char *peer_id, gboolean has_srt, gboolean sends_back,
    gboolean gives_thumbnails)
{
  PbRegistration *registration = pb_registration_new (stream, direction);

  g_free (registration->peer);
  registration->peer = g_strdup (peer_id);
  registration->ice = TRUE;
  registration->client = g_strdup_printf ("pbsrcsink/%s gstreamer/%u.%u.%u",
      PACKAGE_VERSION, GST_VERSION_MAJOR, GST_VERSION_MINOR, GST_VERSION_MICRO);
  registration->transports =
      PB_TRANSPORT_WEBRTC | (has_srt ? PB_TRANSPORT_SRT : 0);
  registration->back = sends_back;
  registration->thumbnails = gives_thumbnails;

  return registration;
}

/**
 * pb_webrtc_end_start:
 * @self: the end
 * @error: a #PbError
 *
 * Returns: whether it is on its way
 */
gboolean
pb_webrtc_end_start (PbWebrtcEnd *self, GError **error)
{
  run (self, join);

  return TRUE;
}

/**
 * pb_webrtc_end_play:
 * @self: the end
 * @clock: of the element's pipeline
 * @base_time: the same
 *
 * Again where the pipeline has paused: the base time is another then.
 */
void
pb_webrtc_end_play (PbWebrtcEnd *self, GstClock *clock, GstClockTime base_time)
{
  g_mutex_lock (&self->lock);
  gst_object_replace ((GstObject **) &self->clock, GST_OBJECT (clock));
  self->base_time = base_time;
  self->is_playing = TRUE;
  g_mutex_unlock (&self->lock);
  run (self, pb_webrtc_meet_begin_all);
}

/**
 * pb_webrtc_end_set_tracks:
 * @self: the end
 * @tracks: (array length=n_tracks): what is sent
 * @n_tracks: how many
 */
void
pb_webrtc_end_set_tracks (PbWebrtcEnd *self, const PbWebrtcTrack *tracks,
    guint n_tracks)
{
  GArray *copy = pb_webrtc_tracks_copy (tracks, n_tracks);
  g_autoptr (GArray) old = NULL;

  g_mutex_lock (&self->lock);
  old = g_steal_pointer (&self->tracks);
  self->tracks = copy;
  g_mutex_unlock (&self->lock);
  run (self,
      old == NULL ? pb_webrtc_meet_begin_all : pb_webrtc_meet_tracks_changed);
}

/**
 * pb_webrtc_end_set_srt_up:
 * @self: the end
 * @is_up: whether somebody is connected over SRT
 */
void
pb_webrtc_end_set_srt_up (PbWebrtcEnd *self, gboolean is_up)
{
  g_atomic_int_set (&self->srt_is_up, is_up);
  run (self, pb_webrtc_end_update_state);
}

static void
finish (PbWebrtcEnd *self)
{
  leave (self);
  pb_webrtc_end_update_state (self);
}

/**
 * pb_webrtc_end_finish:
 * @self: the end
 */
void
pb_webrtc_end_finish (PbWebrtcEnd *self)
{
  run (self, finish);
}

static void
stop (PbWebrtcEnd *self)
{
  self->is_stopped = TRUE;
  leave (self);
  g_clear_pointer (&self->tunnels, g_hash_table_unref);
}

/**
 * pb_webrtc_end_stop:
 * @self: the end
 */
void
pb_webrtc_end_stop (PbWebrtcEnd *self)
{
  pb_call_and_wait (self->context, (PbCallFunc) stop, self);
}

/**
 * pb_webrtc_end_settle:
 *
 * Waits for the connections of ends that were stopped: whoever is told that an
 * element is in NULL may end GStreamer next, under their threads.
 */
void
pb_webrtc_end_settle (void)
{
  pb_webrtc_peer_settle ();
}

/**
 * pb_webrtc_end_get_state:
 * @self: the end
 *
 * Returns: of the slot, as seen from here
 */
PbState
pb_webrtc_end_get_state (PbWebrtcEnd *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->state;
}

/**
 * pb_webrtc_end_get_n_connected:
 * @self: the end
 *
 * Returns: how many counterparts are connected
 */
guint
pb_webrtc_end_get_n_connected (PbWebrtcEnd *self)
{
  return g_atomic_int_get (&self->n_connected);
}

/**
 * pb_webrtc_end_get_tally:
 * @self: the end
 *
 * Returns: the slot's
 */
PbTally
pb_webrtc_end_get_tally (PbWebrtcEnd *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->tally;
}
