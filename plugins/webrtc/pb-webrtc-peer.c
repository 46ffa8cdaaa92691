/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <string.h>

#include "core/pb-error.h"
#include "core/pb-random.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-timer.h"
#include "pb-webrtc-cert.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* webrtcbin's promises may never come back, and ICE may wait for ever for a
 * counterpart that says nothing more. */
#define DEADLINE_MS 20000
/* pb-webrtc-rate.h asks for one each second. */
#define TICK_MS 1000
#define RTCP_INTERVAL (1 * GST_SECOND)
/* RTCP may take so much: rtpsession spaces what is urgent, NACK and PLI, by it
 * (RFC 4585, 3.5.2), and its own 5 % of 64 kbit/s would let a request wait for
 * seconds, and the lost packet come too late. What is really sent is less. */
#define RTCP_BPS 100000.0
/* Else there is one after each frame, and what is overtaken by the last packet
 * of its frame is told as lost. */
#define TWCC_INTERVAL (50 * GST_MSECOND)
/* Without any packet for so long it is interrupted, and then given up. */
#define SILENCE_S 4
#define GIVE_UP_S 15

typedef struct
{
  PbWebrtcTask func;
  gpointer data;
  GDestroyNotify destroy;
} Task;

/* --- references ----------------------------------------------------------- */

static void
task_free (gpointer data)
{
  Task *task = data;

  if (task->destroy != NULL && task->data != NULL)
    task->destroy (task->data);
  g_free (task);
}

PbWebrtcPeer *
pb_webrtc_peer_ref (PbWebrtcPeer *self)
{
  g_atomic_ref_count_inc (&self->refs);

  return self;
}

void
pb_webrtc_peer_unref (PbWebrtcPeer *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_queue_clear_full (&self->tasks, task_free);
  g_queue_clear_full (&self->candidates, g_free);
  g_queue_clear_full (&self->requests, g_free);
  g_ptr_array_unref (self->senders);
  g_array_unref (self->receivers);
  g_ptr_array_unref (self->jitterbuffers);
  g_ptr_array_unref (self->repeaters);
  g_clear_pointer (&self->peer_der, g_bytes_unref);
  g_clear_pointer (&self->remote, pb_sdp_unref);
  g_clear_pointer (&self->next_offer, pb_sdp_unref);
  g_clear_pointer (&self->next_tracks, g_array_unref);
  pb_webrtc_rate_free (self->rate);
  g_clear_pointer (&self->local, gst_webrtc_session_description_free);
  gst_clear_object (&self->config.clock);
  pb_secret_free (self->stun);
  for (char **turn = self->turn; turn != NULL && *turn != NULL; turn++)
    pb_secret_free (*turn);
  g_free (self->turn);
  g_strfreev (self->addresses);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_rw_lock_clear (&self->calling);
  g_free (self);
}

/* --- from other threads into the context ---------------------------------- */

static gboolean
on_deliver (gpointer user_data)
{
  PbWebrtcPeer *self = user_data;
  Task *task;

  g_mutex_lock (&self->lock);
  task = g_queue_pop_head (&self->tasks);
  if (task == NULL) {
    g_clear_pointer (&self->deliver, g_source_unref);
    g_mutex_unlock (&self->lock);
    return G_SOURCE_REMOVE;
  }
  g_mutex_unlock (&self->lock);

  /* The peer may be freed in there: the source holds it. */
  if (!self->is_over)
    task->func (self, task->data);
  task_free (task);

  return self->is_over ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

void
pb_webrtc_peer_post (PbWebrtcPeer *self, PbWebrtcTask func, gpointer data,
    GDestroyNotify destroy)
{
  Task *task = g_new (Task, 1);
  gboolean is_closed;

  *task = (Task){ func, data, destroy };
  g_mutex_lock (&self->lock);
  is_closed = self->is_closed;
  if (!is_closed)
    g_queue_push_tail (&self->tasks, task);
  if (!is_closed && self->deliver == NULL) {
    self->deliver = g_idle_source_new ();
    g_source_set_priority (self->deliver, G_PRIORITY_DEFAULT);
    g_source_set_callback (self->deliver, on_deliver, pb_webrtc_peer_ref (self),
        (GDestroyNotify) pb_webrtc_peer_unref);
    g_source_attach (self->deliver, self->context);
  }
  g_mutex_unlock (&self->lock);
  if (is_closed)
    task_free (task);
}

static void
unref_closure (gpointer data, GClosure *closure)
{
  pb_webrtc_peer_unref (data);
}

void
pb_webrtc_peer_connect (PbWebrtcPeer *self, gpointer object, const char *signal,
    GCallback callback)
{
  g_signal_connect_data (object, signal, callback, pb_webrtc_peer_ref (self),
      unref_closure, 0);
}

typedef struct
{
  PbWebrtcPeer *peer; /* owned */
  PbWebrtcTask func;
} Promise;

static void
promise_free (gpointer data)
{
  Promise *promise = data;

  pb_webrtc_peer_unref (promise->peer);
  g_free (promise);
}

static void
on_promise (GstPromise *promise, gpointer user_data)
{
  Promise *self = user_data;
  const GstStructure *reply = NULL;

  if (gst_promise_wait (promise) == GST_PROMISE_RESULT_REPLIED)
    reply = gst_promise_get_reply (promise);
  pb_webrtc_peer_post (self->peer, self->func,
      reply != NULL ? gst_structure_copy (reply) : NULL,
      (GDestroyNotify) gst_structure_free);
  gst_promise_unref (promise);
}

GstPromise *
pb_webrtc_peer_new_promise (PbWebrtcPeer *self, PbWebrtcTask func)
{
  Promise *promise = g_new (Promise, 1);

  *promise = (Promise){ pb_webrtc_peer_ref (self), func };

  return gst_promise_new_with_change_func (on_promise, promise, promise_free);
}

/* --- states --------------------------------------------------------------- */

/* The caller is a task: the callback does not come from inside a call. */
void
pb_webrtc_peer_set_state (PbWebrtcPeer *self, PbWebrtcState state,
    PbFault fault)
{
  if (self->state == state || self->state == PB_WEBRTC_FAILED)
    return;

  self->state = state;
  g_atomic_int_set (&self->can_send, state == PB_WEBRTC_CONNECTED);
  if (state == PB_WEBRTC_CONNECTED || state == PB_WEBRTC_FAILED)
    pb_timer_clear (&self->deadline);
  if (state == PB_WEBRTC_FAILED)
    g_atomic_int_set (&self->is_verified, FALSE);
  self->callbacks.changed (self, state, fault, self->user_data);
}

static void
do_fail (PbWebrtcPeer *self, gpointer data)
{
  pb_webrtc_peer_set_state (self, PB_WEBRTC_FAILED, GPOINTER_TO_INT (data));
}

/* Any thread; the owner hears of it later. */
void
pb_webrtc_peer_fail (PbWebrtcPeer *self, PbFault fault, const char *reason)
{
  GST_WARNING ("WebRTC peer %p: %s", self, reason);
  g_atomic_int_set (&self->can_send, FALSE);
  g_atomic_int_set (&self->is_verified, FALSE);
  pb_webrtc_peer_post (self, do_fail, GINT_TO_POINTER (fault), NULL);
}

/* No pair of candidates worked; or there is none of ours, for the relay did not
 * give us one. */
static PbFault
get_path_fault (PbWebrtcPeer *self)
{
  return self->config.is_relay_only ? PB_FAULT_RELAY_UNREACHABLE
                                    : PB_FAULT_NO_PATH;
}

PbFault
pb_webrtc_peer_get_late_fault (PbWebrtcPeer *self)
{
  return self->has_local && (self->has_remote || self->n_candidates == 0)
             ? get_path_fault (self)
             : PB_FAULT_TIMED_OUT;
}

static gboolean
on_deadline (gpointer user_data)
{
  PbWebrtcPeer *self = user_data;

  pb_timer_clear (&self->deadline);
  pb_webrtc_peer_fail (self, pb_webrtc_peer_get_late_fault (self),
      "no connection in time");

  return G_SOURCE_REMOVE;
}

static void
do_estimate (PbWebrtcPeer *self, gpointer unused)
{
  g_atomic_int_set (&self->estimate_told, FALSE);
  if (self->state == PB_WEBRTC_CONNECTED)
    self->callbacks.estimate (self, pb_webrtc_rate_get_media (self->rate),
        self->user_data);
}

/* Any thread. */
void
pb_webrtc_peer_tell_estimate (PbWebrtcPeer *self)
{
  if (g_atomic_int_compare_and_exchange (&self->estimate_told, FALSE, TRUE))
    pb_webrtc_peer_post (self, do_estimate, NULL, NULL);
}

/* Connected, or again. */
static void
go_on (PbWebrtcPeer *self)
{
  if (self->state == PB_WEBRTC_CONNECTED)
    return;

  pb_webrtc_send_restart (self);
  self->silent_s = 0;
  pb_webrtc_peer_set_state (self, PB_WEBRTC_CONNECTED, PB_FAULT_NONE);
  if (self->is_over)
    return;

  /* where it begins: the encoder must not flood the way until the first
   * feedback */
  if (pb_webrtc_rate_tick (self->rate))
    pb_webrtc_peer_tell_estimate (self);
  pb_webrtc_send_ask_keyframe (self);
}

/* libnice 0.1.21 takes a minute to notice that nobody answers any more, and
 * webrtcbin does not listen to it. RTCP comes each second from an end like this
 * one, in any state of the media; from others sometimes more rarely, which is
 * learnt. */
static void
watch_silence (PbWebrtcPeer *self)
{
  guint limit = MAX (SILENCE_S, 2 * self->longest_s + 1);
  int n = g_atomic_int_and ((guint *) &self->n_packets, 0);

  if (n > 0) {
    if (self->state == PB_WEBRTC_CONNECTED)
      self->longest_s = MAX (self->longest_s, self->silent_s);
    self->silent_s = 0;
    if (self->state == PB_WEBRTC_INTERRUPTED)
      go_on (self);
    return;
  }

  self->silent_s++;
  if (self->state == PB_WEBRTC_CONNECTED && self->silent_s >= limit)
    pb_webrtc_peer_set_state (self, PB_WEBRTC_INTERRUPTED, PB_FAULT_PEER_LOST);
  else if (self->state == PB_WEBRTC_INTERRUPTED &&
           self->silent_s >= limit + GIVE_UP_S)
    pb_webrtc_peer_set_state (self, PB_WEBRTC_FAILED, PB_FAULT_PEER_LOST);
}

static void
do_tick (PbWebrtcPeer *self, gpointer unused)
{
  if (self->state != PB_WEBRTC_CONNECTED &&
      self->state != PB_WEBRTC_INTERRUPTED)
    return;

  if (self->senders->len > 0 || self->receivers->len > 0)
    watch_silence (self);
  if (!self->is_over && self->state == PB_WEBRTC_CONNECTED &&
      pb_webrtc_rate_tick (self->rate))
    pb_webrtc_peer_tell_estimate (self);
}

/* A callback may free the peer: it does not come from a source of its own. */
static gboolean
on_tick (gpointer user_data)
{
  pb_webrtc_peer_post (user_data, do_tick, NULL, NULL);

  return G_SOURCE_CONTINUE;
}

static void
do_connection_state (PbWebrtcPeer *self, gpointer unused)
{
  GstWebRTCPeerConnectionState state;

  g_object_get (self->webrtc, "connection-state", &state, NULL);
  GST_DEBUG ("WebRTC peer %p: connection %d", self, state);
  switch (state) {
    case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED:
      if (!g_atomic_int_get (&self->is_verified)) {
        pb_webrtc_peer_fail (self, PB_FAULT_FINGERPRINT,
            "connected, without a certificate that was signalled");
        break;
      }
      go_on (self);
      break;
    case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
      pb_webrtc_peer_set_state (self, PB_WEBRTC_FAILED,
          self->state >= PB_WEBRTC_CONNECTED ? PB_FAULT_PEER_LOST
                                             : get_path_fault (self));
      break;
    case GST_WEBRTC_PEER_CONNECTION_STATE_DISCONNECTED:
      if (self->state == PB_WEBRTC_CONNECTED)
        pb_webrtc_peer_set_state (self, PB_WEBRTC_INTERRUPTED,
            PB_FAULT_PEER_LOST);
      break;
    default:
      break;
  }
}

static void
on_connection_state (GObject *object, GParamSpec *pspec, PbWebrtcPeer *self)
{
  pb_webrtc_peer_post (self, do_connection_state, NULL, NULL);
}

/* --- the certificate ------------------------------------------------------ */

void
pb_webrtc_peer_verify (PbWebrtcPeer *self)
{
  gboolean is_known, is_good;

  g_mutex_lock (&self->lock);
  is_known = self->peer_der != NULL && self->remote != NULL;
  is_good = is_known && pb_sdp_matches_certificate (self->remote,
                            g_bytes_get_data (self->peer_der, NULL),
                            g_bytes_get_size (self->peer_der));
  g_mutex_unlock (&self->lock);

  if (is_good)
    g_atomic_int_set (&self->is_verified, TRUE);
  else if (is_known)
    pb_webrtc_peer_fail (self, PB_FAULT_FINGERPRINT,
        "the certificate is not the one that was signalled");
}

/* In the handshake, before there are keys for media. */
static void
on_peer_pem (GstElement *dtlsdec, GParamSpec *pspec, PbWebrtcPeer *self)
{
  g_autofree char *pem = NULL;
  GBytes *der;

  g_object_get (dtlsdec, "peer-pem", &pem, NULL);
  der = pb_webrtc_cert_read_der (pem);
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->peer_der, g_bytes_unref);
  self->peer_der = der;
  g_mutex_unlock (&self->lock);
  pb_webrtc_peer_verify (self);
}

static void
set_up_session (GstElement *rtpsession)
{
  g_autoptr (GObject) session = NULL;

  g_object_set (rtpsession, "rtcp-min-interval", RTCP_INTERVAL, "rtcp-fraction",
      RTCP_BPS, NULL);
  g_object_get (rtpsession, "internal-session", &session, NULL);
  g_object_set (session, "twcc-feedback-interval", TWCC_INTERVAL, NULL);
}

static void
on_deep_element_added (GstBin *bin, GstBin *sub, GstElement *element,
    PbWebrtcPeer *self)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *name = factory != NULL ? GST_OBJECT_NAME (factory) : "";

  if (strcmp (name, "rtpjitterbuffer") == 0) {
    pb_webrtc_receive_on_jitterbuffer (self, element);
  } else if (strcmp (name, "nicesrc") == 0) {
    pb_webrtc_receive_watch (self, element);
  } else if (strcmp (name, "nicesink") == 0) {
    pb_webrtc_send_watch (self, element);
  } else if (strcmp (name, "rtprtxsend") == 0) {
    pb_webrtc_send_on_repeater (self, element);
  } else if (strcmp (name, "rtpsession") == 0) {
    set_up_session (element);
  } else if (strcmp (name, "dtlsdec") == 0) {
    g_object_set (element, "pem", pb_webrtc_cert_get_pem (), NULL);
    pb_webrtc_peer_connect (self, element, "notify::peer-pem",
        G_CALLBACK (on_peer_pem));
  }
}

/* --- signals of webrtcbin ------------------------------------------------- */

typedef struct
{
  guint mline;
  char *line;
} Candidate;

static void
candidate_free (gpointer data)
{
  Candidate *candidate = data;

  g_free (candidate->line);
  g_free (candidate);
}

static void
do_candidate (PbWebrtcPeer *self, gpointer data)
{
  Candidate *candidate = data;
  g_autofree char *line = pb_webrtc_ice_dup_told (self, candidate->line);

  self->n_candidates++;
  if (self->config.can_trickle)
    self->callbacks.candidate (self, candidate->mline, line, self->user_data);
}

static void
on_candidate (GstElement *webrtc, guint mline, const char *line,
    PbWebrtcPeer *self)
{
  Candidate *candidate = g_new (Candidate, 1);

  *candidate = (Candidate){ mline, g_strdup (line) };
  pb_webrtc_peer_post (self, do_candidate, candidate, candidate_free);
}

static void
on_gathering_state (GObject *webrtc, GParamSpec *pspec, PbWebrtcPeer *self)
{
  GstWebRTCICEGatheringState state;

  g_object_get (webrtc, "ice-gathering-state", &state, NULL);
  if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
    pb_webrtc_peer_post (self, pb_webrtc_negotiate_on_gathered, NULL, NULL);
}

/* The pipeline's messages end here: none is the application's business. */
static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    pb_webrtc_peer_fail (user_data, PB_FAULT_INTERNAL, error->message);
  }
  gst_message_unref (message);

  return GST_BUS_DROP;
}

/* --- life ----------------------------------------------------------------- */

static gboolean
set_up (PbWebrtcPeer *self)
{
  g_autoptr (GstBus) bus = NULL;

  self->webrtc = gst_element_factory_make ("webrtcbin", PB_WEBRTC_BIN);
  if (self->webrtc == NULL)
    return FALSE;
  gst_object_ref_sink (self->webrtc);
  self->pipeline = gst_pipeline_new (NULL);
  gst_object_ref_sink (self->pipeline);
  bus = gst_pipeline_get_bus (GST_PIPELINE (self->pipeline));
  gst_bus_set_sync_handler (bus, on_message, pb_webrtc_peer_ref (self),
      (GDestroyNotify) pb_webrtc_peer_unref);
  gst_pipeline_use_clock (GST_PIPELINE (self->pipeline), self->config.clock);
  gst_element_set_start_time (self->pipeline, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (self->pipeline, self->config.base_time);

  g_object_set (self->webrtc, "latency", self->config.latency_ms,
      "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, NULL);
  if (self->stun != NULL)
    g_object_set (self->webrtc, "stun-server", self->stun, NULL);
  if (self->config.is_relay_only)
    g_object_set (self->webrtc, "ice-transport-policy",
        GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY, NULL);
  if (self->turn != NULL)
    pb_webrtc_ice_add_relays (self);

  pb_webrtc_peer_connect (self, self->webrtc, "deep-element-added",
      G_CALLBACK (on_deep_element_added));
  pb_webrtc_peer_connect (self, self->webrtc, "on-ice-candidate",
      G_CALLBACK (on_candidate));
  pb_webrtc_peer_connect (self, self->webrtc, "notify::ice-gathering-state",
      G_CALLBACK (on_gathering_state));
  pb_webrtc_peer_connect (self, self->webrtc, "notify::connection-state",
      G_CALLBACK (on_connection_state));
  pb_webrtc_peer_connect (self, self->webrtc, "on-data-channel",
      G_CALLBACK (pb_webrtc_channel_on_data_channel));
  pb_webrtc_peer_connect (self, self->webrtc, "pad-added",
      G_CALLBACK (pb_webrtc_receive_on_pad_added));
  gst_bin_add (GST_BIN (self->pipeline), self->webrtc);

  return pb_webrtc_ice_set_up (self);
}

static void
clear_receiver (gpointer data)
{
  gst_clear_object (&((PbWebrtcReceiver *) data)->pad);
}

/**
 * pb_webrtc_peer_new: (skip)
 * @context: where it lives
 * @config: how; copied
 * @tracks: (array length=n_tracks): what is sent
 * @n_tracks: their number
 * @callbacks: all of them set; copied
 * @user_data: for @callbacks
 *
 * Returns: (transfer full): a peer that does nothing yet
 */
PbWebrtcPeer *
pb_webrtc_peer_new (GMainContext *context, const PbWebrtcConfig *config,
    const PbWebrtcTrack *tracks, guint n_tracks,
    const PbWebrtcCallbacks *callbacks, gpointer user_data)
{
  PbWebrtcPeer *self = g_new0 (PbWebrtcPeer, 1);

  pb_webrtc_cert_prepare ();
  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  g_rw_lock_init (&self->calling);
  g_queue_init (&self->tasks);
  g_queue_init (&self->candidates);
  g_queue_init (&self->requests);
  self->context = context != NULL ? g_main_context_ref (context)
                                  : g_main_context_ref_thread_default ();
  self->config = *config;
  self->config.clock = gst_object_ref (config->clock);
  self->stun = g_strdup (config->stun);
  self->turn = g_strdupv ((char **) config->turn);
  self->addresses = g_strdupv ((char **) config->addresses);
  self->callbacks = *callbacks;
  self->user_data = user_data;
  self->rate = pb_webrtc_rate_new (config->min_kbps);
  self->receivers = g_array_new (FALSE, FALSE, sizeof (PbWebrtcReceiver));
  g_array_set_clear_func (self->receivers, clear_receiver);
  self->jitterbuffers = g_ptr_array_new_with_free_func (gst_object_unref);
  self->repeaters = g_ptr_array_new_with_free_func (gst_object_unref);
  self->senders = g_ptr_array_new_with_free_func (pb_webrtc_sender_unref);
  for (guint i = 0; i < n_tracks; i++)
    g_ptr_array_add (self->senders, pb_webrtc_sender_new (self, i, &tracks[i]));

  return self;
}

/**
 * pb_webrtc_peer_free: (skip)
 * @self: (transfer full): a peer, in any state; also from its own callbacks
 */
void
pb_webrtc_peer_free (PbWebrtcPeer *self)
{
  g_autoptr (GPtrArray) senders = NULL;
  g_autoptr (GPtrArray) jitterbuffers = NULL;
  g_autoptr (GPtrArray) repeaters = NULL;
  g_autoptr (GArray) receivers = NULL;
  GQueue tasks = G_QUEUE_INIT;
  GSource *deliver;

  g_return_if_fail (self != NULL);

  g_atomic_int_set (&self->can_send, FALSE);
  g_atomic_int_set (&self->is_verified, FALSE);
  /* waits for a `received` that is under way */
  g_rw_lock_writer_lock (&self->calling);
  self->is_over = TRUE;
  g_rw_lock_writer_unlock (&self->calling);

  pb_timer_clear (&self->deadline);
  pb_timer_clear (&self->gather);
  pb_timer_clear (&self->tick);
  pb_timer_clear (&self->keyframe_timer);
  g_mutex_lock (&self->lock);
  if (self->deliver != NULL)
    g_source_destroy (self->deliver);
  deliver = g_steal_pointer (&self->deliver);
  /* What these hold of webrtcbin holds us: its objects' signals do. */
  self->is_closed = TRUE;
  tasks = self->tasks;
  g_queue_init (&self->tasks);
  senders = g_steal_pointer (&self->senders);
  receivers = g_steal_pointer (&self->receivers);
  jitterbuffers = g_steal_pointer (&self->jitterbuffers);
  repeaters = g_steal_pointer (&self->repeaters);
  self->senders = g_ptr_array_new ();
  self->jitterbuffers = g_ptr_array_new ();
  self->repeaters = g_ptr_array_new ();
  self->receivers = g_array_new (FALSE, FALSE, sizeof (PbWebrtcReceiver));
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&deliver, g_source_unref);
  g_queue_clear_full (&tasks, task_free);
  g_clear_object (&self->channel);
  gst_clear_object (&self->webrtc);
  g_clear_object (&self->agent);
  if (self->pipeline != NULL)
    pb_webrtc_teardown (g_steal_pointer (&self->pipeline));
  pb_webrtc_peer_unref (self);
}

/**
 * pb_webrtc_peer_start: (skip)
 * @self: a peer that was not started yet
 * @error: return location
 *
 * Returns: %FALSE where WebRTC does not work here at all
 */
gboolean
pb_webrtc_peer_start (PbWebrtcPeer *self, GError **error)
{
  g_return_val_if_fail (self->pipeline == NULL, FALSE);

  if (pb_webrtc_cert_get_pem () == NULL || !set_up (self) ||
      gst_element_set_state (self->pipeline, GST_STATE_PLAYING) ==
          GST_STATE_CHANGE_FAILURE) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_UNAVAILABLE,
        "WebRTC needs GStreamer's webrtcbin, nice, dtls and srtp plugins");
    return FALSE;
  }
  self->deadline = pb_timer_new (self->context, DEADLINE_MS, on_deadline, self);
  self->tick = pb_timer_new (self->context, TICK_MS, on_tick, self);
  pb_webrtc_negotiate_start (self);

  return TRUE;
}

/**
 * pb_webrtc_peer_set_remote: (skip)
 * @self: a peer that was started
 * @type: "offer" or "answer"
 * @sdp: the counterpart's description
 * @error: return location
 *
 * Returns: %FALSE where it was refused; nothing has changed then
 */
gboolean
pb_webrtc_peer_set_remote (PbWebrtcPeer *self, const char *type,
    const char *sdp, GError **error)
{
  return pb_webrtc_negotiate_remote (self, type, sdp, error);
}

/**
 * pb_webrtc_peer_add_candidate: (skip)
 * @self: a peer that was started
 * @mline: which m-line it is of
 * @candidate: one line
 * @error: return location
 *
 * Returns: %FALSE where it was refused; nothing has changed then
 */
gboolean
pb_webrtc_peer_add_candidate (PbWebrtcPeer *self, guint mline,
    const char *candidate, GError **error)
{
  return pb_webrtc_ice_add_candidate (self, mline, candidate, error);
}

/**
 * pb_webrtc_peer_push: (skip)
 * @self: a peer
 * @track: as in pb_webrtc_peer_new()
 * @codec: (nullable): what the frame is in
 * @buffer: one frame; a keyframe of an H.264 or H.265 byte stream has its
 *     parameter sets in it
 *
 * The owner's tracks may have changed before the counterpart knows: a frame in
 * another codec than the track was offered with is dropped.
 */
void
pb_webrtc_peer_push (PbWebrtcPeer *self, guint track,
    const PbWebrtcCodec *codec, GstBuffer *buffer)
{
  PbWebrtcSender *sender = NULL;

  if (!g_atomic_int_get (&self->can_send))
    return;

  g_mutex_lock (&self->lock);
  if (track < self->senders->len)
    sender = pb_webrtc_sender_ref (g_ptr_array_index (self->senders, track));
  g_mutex_unlock (&self->lock);
  if (sender == NULL)
    return;

  if (codec == NULL || codec == sender->codec)
    pb_webrtc_sender_push (sender, buffer);
  pb_webrtc_sender_unref (sender);
}

/**
 * pb_webrtc_peer_get_state: (skip)
 * @self: a peer
 *
 * Returns: where it is
 */
PbWebrtcState
pb_webrtc_peer_get_state (PbWebrtcPeer *self)
{
  return self->state;
}
