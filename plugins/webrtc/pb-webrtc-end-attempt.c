/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-timer.h"
#include "pb-webrtc-end-private.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"

/* How one counterpart is connected and brought back after every failure
 * (docs/protocol.md, 5.2 and 10). What the other end says is read by
 * pb-webrtc-end-signal.c. */

/* ICE and DTLS have limits of their own; this one is for messages that were
 * lost in between. */
#define ATTEMPT_MS 15000
/* An ICE restart takes two round trips of signalling and one of the path; then
 * everything is begun anew. */
#define RESTART_MS 7000
/* The other end's, and a moment for it to notice */
#define THEIR_RESTART_MS 9000
/* Without signalling there is nothing to do but to wait for the path. */
#define LOST_MS 20000
/* How long the listener's end waits for the caller to begin again before it
 * asks once more */
#define ASK_AGAIN_MS 5000

static void give_up (PbWebrtcCounterpart *other, PbFault fault);
static void rest (PbWebrtcCounterpart *other);

static void
set_timer (PbWebrtcCounterpart *other, guint ms, GSourceFunc func)
{
  pb_timer_clear (&other->timer);
  if (func != NULL)
    other->timer = pb_timer_new (other->end->context, ms, func, other);
}

/* --- what we say ---------------------------------------------------------- */

/* (transfer full) data, nullable */
static void
say (PbWebrtcCounterpart *other, const char *kind, JsonObject *data)
{
  PbWebrtcEnd *self = other->end;
  g_autoptr (PbMessage) message = NULL;

  if (!self->is_registered) {
    g_clear_pointer (&data, json_object_unref);
    return;
  }

  message = pb_message_new (PB_MESSAGE_SIGNAL);
  pb_message_set_string (message, "from", self->us);
  pb_message_set_string (message, "to", other->id);
  pb_message_set_string (message, "kind", kind);
  pb_message_set_int (message, "link", MAX (other->number, 1));
  if (data != NULL) {
    JsonNode *node = json_node_new (JSON_NODE_OBJECT);

    json_node_take_object (node, data);
    pb_message_take_node (message, "data", node);
  }
  pb_gst_session_send (self->session, message);
}

static void
ask_for (PbWebrtcCounterpart *other, PbFault fault)
{
  JsonObject *data = NULL;

  if (fault != PB_FAULT_NONE) {
    data = json_object_new ();
    json_object_set_string_member (data, "code", pb_fault_get_code (fault));
  }
  say (other, "restart", data);
}

/* For another attempt: `peer-lost` would ask it to mend what is no more here */
static void
ask (PbWebrtcCounterpart *other)
{
  ask_for (other,
      other->fault == PB_FAULT_PEER_LOST ? PB_FAULT_TIMED_OUT : other->fault);
}

static gboolean
on_ask_again (gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;

  ask (other);

  return G_SOURCE_CONTINUE;
}

/* --- the peer's callbacks ------------------------------------------------- */

/* Both ends are with the server, as far as it is known. */
static gboolean
can_tell (PbWebrtcCounterpart *other)
{
  return other->end->is_registered && !other->is_gone && !other->was_cut;
}

static gboolean
on_no_answer (gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;

  /* else it is told again with the next introduction */
  if (!can_tell (other))
    pb_timer_clear (&other->answer_timer);
  else
    give_up (other, PB_FAULT_TIMED_OUT);

  return G_SOURCE_REMOVE;
}

static void
on_description (PbWebrtcPeer *peer, const char *type, const char *sdp,
    gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;
  JsonObject *data = json_object_new ();

  json_object_set_string_member (data, "sdp", sdp);
  say (other, type, data);
  /* A connection runs, but not as it should: refused, or lost on the way. */
  pb_timer_clear (&other->answer_timer);
  if (other->has_remote && other->is_caller && other->can_trickle)
    other->answer_timer =
        pb_timer_new (other->end->context, ATTEMPT_MS, on_no_answer, other);
}

static void
on_candidate (PbWebrtcPeer *peer, guint mline, const char *candidate,
    gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;
  JsonObject *data;

  if (!other->can_trickle)
    return; /* it is in the description */
  data = json_object_new ();
  json_object_set_string_member (data, "candidate", candidate);
  json_object_set_int_member (data, "mline", mline);
  say (other, "candidate", data);
}

static void
on_candidates_done (PbWebrtcPeer *peer, gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;

  if (other->can_trickle)
    say (other, "end-of-candidates", NULL);
}

static gboolean
on_retry (gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;

  pb_webrtc_attempt_begin (other, other->number + 1);

  return G_SOURCE_REMOVE;
}

/* From a timer: `other` may be gone afterwards. */
static void
give_up (PbWebrtcCounterpart *other, PbFault fault)
{
  PbWebrtcEnd *self = other->end;

  pb_webrtc_attempt_fail (other, fault, TRUE);
  if (other->is_gone)
    pb_webrtc_meet_drop (self, other);
  pb_webrtc_meet_retry (self);
  pb_webrtc_media_update_rate (self);
  pb_webrtc_end_update_state (self);
}

static gboolean
on_attempt_timeout (gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;

  give_up (other, other->peer != NULL
                      ? pb_webrtc_peer_get_late_fault (other->peer)
                      : PB_FAULT_TIMED_OUT);

  return G_SOURCE_REMOVE;
}

/* A listener's attempt begins with the offer, a caller's with itself. */
void
pb_webrtc_attempt_await (PbWebrtcCounterpart *other)
{
  set_timer (other, ATTEMPT_MS, on_attempt_timeout);
}

static gboolean
on_lost (gpointer user_data)
{
  give_up (user_data, PB_FAULT_PEER_LOST);

  return G_SOURCE_REMOVE;
}

/* Over the same connection; who answers is waited for as for any offer. */
void
pb_webrtc_attempt_restart_ice (PbWebrtcCounterpart *other)
{
  other->n_candidates = 0;
  pb_webrtc_peer_restart_ice (other->peer);
}

/* Packets have stopped: other addresses may do, over the same keys. */
static void
mend (PbWebrtcCounterpart *other)
{
  if (!other->end->is_registered || other->is_gone) {
    set_timer (other, LOST_MS, on_lost);
  } else if (other->is_caller) {
    set_timer (other, RESTART_MS, on_lost);
    pb_webrtc_attempt_restart_ice (other);
  } else {
    /* it may have noticed nothing */
    ask_for (other, PB_FAULT_PEER_LOST);
    set_timer (other, THEIR_RESTART_MS, on_lost);
  }
}

static void
note_interrupted (PbWebrtcCounterpart *other, PbFault fault)
{
  PbWebrtcEnd *self = other->end;

  if (other->link != PB_WEBRTC_LINK_CONNECTED)
    return;
  other->link = PB_WEBRTC_LINK_INTERRUPTED;
  other->is_told = FALSE;
  pb_gst_report_peer (self->report, other->id, other->client,
      PB_TRANSPORT_WEBRTC, "", "disconnected", NULL, 0);
  pb_gst_report_fault (self->report, fault, "local", other->id, 0, 0, NULL);
  pb_webrtc_end_send_status (self, other, "disconnected", PB_FAULT_NONE);
  mend (other);
}

static void
note_connected (PbWebrtcCounterpart *other)
{
  PbWebrtcEnd *self = other->end;

  set_timer (other, 0, NULL);
  other->link = PB_WEBRTC_LINK_CONNECTED;
  other->attempts = 0;
  other->fault = PB_FAULT_NONE;
  other->is_told = FALSE;
  pb_gst_report_clear_media (self->report);
  /* its path is among the figures: told when they come */
  pb_webrtc_figures_hurry (self, other);
  if (self->direction == PB_DIRECTION_SEND)
    pb_webrtc_media_want_keyframe (self);
}

static void
on_changed (PbWebrtcPeer *peer, PbWebrtcState state, PbFault fault,
    gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;
  PbWebrtcEnd *self = other->end;

  GST_DEBUG_OBJECT (self->element, "peer %s: attempt %u, state %d, fault %s",
      other->id, other->number, state, pb_fault_get_code (fault));
  switch (state) {
    case PB_WEBRTC_NEW:
    case PB_WEBRTC_CONNECTING:
      return;
    case PB_WEBRTC_CONNECTED:
      note_connected (other);
      if (other->has_changes)
        pb_webrtc_attempt_tracks_changed (other);
      break;
    case PB_WEBRTC_INTERRUPTED:
      note_interrupted (other,
          fault != PB_FAULT_NONE ? fault : PB_FAULT_PEER_LOST);
      break;
    case PB_WEBRTC_FAILED:
      if (!other->is_caller && !other->has_remote &&
          fault == PB_FAULT_TIMED_OUT)
        rest (other);
      else
        pb_webrtc_attempt_fail (other,
            fault != PB_FAULT_NONE ? fault : PB_FAULT_INTERNAL, TRUE);
      break;
  }
  /* It lost the server first and us now: nobody will bring it back. */
  if (other->is_gone && other->link == PB_WEBRTC_LINK_WAITING)
    pb_webrtc_meet_drop (self, other);
  pb_webrtc_meet_retry (self);
  pb_webrtc_media_update_rate (self);
  pb_webrtc_end_update_state (self);
}

/* --- an attempt ----------------------------------------------------------- */

void
pb_webrtc_attempt_end (PbWebrtcCounterpart *other)
{
  PbWebrtcPeer *peer = g_steal_pointer (&other->peer);

  set_timer (other, 0, NULL);
  pb_timer_clear (&other->answer_timer);
  other->has_changes = FALSE;
  other->has_remote = FALSE;
  other->n_candidates = 0;
  other->estimate_bps = 0;
  other->link = PB_WEBRTC_LINK_WAITING;
  if (peer == NULL)
    return;

  pb_webrtc_figures_forget (other);
  pb_webrtc_channel_closed (other);
  pb_webrtc_media_remove (other->end, peer);
  pb_webrtc_peer_free (peer);
}

/* The caller's end begins again by itself, the listener's asks it to. */
void
pb_webrtc_attempt_fail (PbWebrtcCounterpart *other, PbFault fault,
    gboolean is_ours)
{
  PbWebrtcEnd *self = other->end;
  guint delay = 0;

  pb_webrtc_attempt_end (other);
  other->fault = fault;
  other->attempts++;
  other->is_told = FALSE;
  if (!other->can_trickle) {
    /* an HTTP client: it starts over, under another id */
  } else if (!self->is_registered) {
    /* the next introduction begins it */
  } else if (other->is_caller) {
    delay = pb_random_backoff (PB_BACKOFF_FIRST_MS, PB_BACKOFF_MAX_MS,
        other->attempts - 1);
    set_timer (other, delay, on_retry);
  } else {
    if (is_ours)
      ask (other);
    set_timer (other, ASK_AGAIN_MS, on_ask_again);
  }

  pb_gst_report_peer (self->report, other->id, other->client,
      PB_TRANSPORT_WEBRTC, "", "error", NULL, 0);
  pb_gst_report_fault (self->report, fault, is_ours ? "local" : "peer",
      other->id, other->attempts, delay, NULL);
  /* What they have told us they know. */
  pb_webrtc_end_send_status (self, other, is_ours ? "error" : "disconnected",
      is_ours ? fault : PB_FAULT_NONE);
  pb_webrtc_end_update_state (self);
}

/* No offer has come, and the peer that was made ready for it is tired of
 * waiting. The caller offers when it has something to send: nothing is wrong.
 */
static void
rest (PbWebrtcCounterpart *other)
{
  pb_webrtc_attempt_end (other);
  /* the attempt has not begun: an offer of its number is news */
  other->number--;
}

static PbWebrtcPeer *
make_peer (PbWebrtcCounterpart *other)
{
  PbWebrtcEnd *self = other->end;
  const char *addresses[] = { self->local_address, NULL };
  gboolean is_sender = self->direction == PB_DIRECTION_SEND;
  PbWebrtcConfig config = {
    .is_offerer = other->is_caller,
    .can_trickle = other->can_trickle,
    .may_receive = !is_sender || other->has_back,
    .may_send = is_sender || (self->sends_back && other->has_back),
    .has_data_channel = TRUE,
    .is_relay_only = self->is_relay_only,
    .latency_ms = self->latency_ms,
    .has_fec = self->has_fec,
    .min_kbps = self->min_kbps,
    .stun = self->stun,
    .turn = (const char *const *) self->turn,
  };
  g_autoptr (GstClock) clock = NULL;
  g_autoptr (GArray) tracks = NULL;

  config.wants_audio = config.wants_video = config.may_receive;
  /* Where the server is this machine, so is everybody else, unless a local
   * address says otherwise. */
  if (self->local_address == NULL && self->on_loopback)
    addresses[0] = "127.0.0.1";
  if (addresses[0] != NULL)
    config.addresses = addresses;
  g_mutex_lock (&self->lock);
  clock = gst_object_ref (self->clock);
  config.base_time = self->base_time;
  tracks = g_array_ref (self->tracks);
  g_mutex_unlock (&self->lock);
  config.clock = clock;
  other->base_time = config.base_time;

  return pb_webrtc_peer_new (self->context, &config,
      (const PbWebrtcTrack *) (gpointer) tracks->data,
      config.may_send ? tracks->len : 0, &pb_webrtc_attempt_callbacks, other);
}

void
pb_webrtc_attempt_begin (PbWebrtcCounterpart *other, guint number)
{
  PbWebrtcEnd *self = other->end;
  g_autoptr (GError) error = NULL;

  pb_webrtc_attempt_end (other);
  other->was_cut = FALSE;
  other->number = number;
  if (self->is_relay_only && self->turn == NULL) {
    pb_webrtc_attempt_fail (other, PB_FAULT_RELAY_UNREACHABLE, TRUE);
    return;
  }

  other->peer = make_peer (other);
  pb_webrtc_media_add (self, other);
  if (!pb_webrtc_peer_start (other->peer, &error)) {
    GST_WARNING_OBJECT (self->element, "peer %s: %s", other->id,
        error->message);
    pb_webrtc_attempt_fail (other, PB_FAULT_INTERNAL, TRUE);
    return;
  }
  other->link = PB_WEBRTC_LINK_CONNECTING;
  if (other->is_caller)
    pb_webrtc_attempt_await (other);
  if (other->attempts == 0)
    pb_gst_report_peer (self->report, other->id, other->client,
        PB_TRANSPORT_WEBRTC, "", "connecting", NULL, 0);
  pb_webrtc_end_send_status (self, other, "connecting", PB_FAULT_NONE);
  pb_webrtc_end_update_state (self);
}

/* --- signalling comes and goes -------------------------------------------- */

/* The server says that it is there, or we have become ready. A connection that
 * runs is kept; a half attempt may have lost messages and is begun again. */
void
pb_webrtc_attempt_introduce (PbWebrtcCounterpart *other)
{
  /* again when we are */
  other->is_introduced = pb_webrtc_end_is_ready (other->end);
  if (!other->is_introduced)
    return;

  /* it, or its answer, was said to one of us who was away */
  if (other->is_caller && other->link >= PB_WEBRTC_LINK_CONNECTED)
    pb_webrtc_peer_repeat_offer (other->peer);
  switch (other->link) {
    case PB_WEBRTC_LINK_CONNECTED:
      other->was_cut = FALSE;
      if (other->has_changes)
        pb_webrtc_attempt_tracks_changed (other);
      break;
    case PB_WEBRTC_LINK_INTERRUPTED:
      if (other->was_cut)
        mend (other);
      break;
    case PB_WEBRTC_LINK_CONNECTING:
      if (!other->was_cut)
        break;
      G_GNUC_FALLTHROUGH;
    case PB_WEBRTC_LINK_WAITING:
      if (other->number == 0)
        pb_webrtc_attempt_begin (other, 1);
      else if (other->is_caller)
        pb_webrtc_attempt_begin (other, other->number + 1);
      else if (other->can_trickle)
        set_timer (other, ASK_AGAIN_MS, on_ask_again);
      break;
  }
  other->was_cut = FALSE;
  pb_webrtc_signal_take_early (other);
}

void
pb_webrtc_attempt_set_signalling (PbWebrtcCounterpart *other, gboolean is_up)
{
  if (is_up)
    return; /* the introduction says more */

  other->was_cut = TRUE;
  g_ptr_array_set_size (other->early, 0);
  /* What waits for messages has them no more; what has them all goes on. */
  if (other->link == PB_WEBRTC_LINK_WAITING)
    set_timer (other, 0, NULL);
  else if (other->link == PB_WEBRTC_LINK_INTERRUPTED)
    set_timer (other, LOST_MS, on_lost);
}

/* The offerer says what it sends now; the answerer cannot: it asks for a new
 * attempt, whose answer says it. */
void
pb_webrtc_attempt_tracks_changed (PbWebrtcCounterpart *other)
{
  PbWebrtcEnd *self = other->end;
  g_autoptr (GArray) tracks = NULL;

  other->has_changes = FALSE;
  if (other->peer == NULL)
    return;
  if (self->direction == PB_DIRECTION_RECEIVE &&
      !(self->sends_back && other->has_back))
    return; /* it is sent nothing */

  if (other->is_caller) {
    g_mutex_lock (&self->lock);
    tracks = g_array_ref (self->tracks);
    g_mutex_unlock (&self->lock);
    if (pb_webrtc_peer_set_tracks (other->peer,
            (const PbWebrtcTrack *) (gpointer) tracks->data, tracks->len))
      return;
    if (can_tell (other))
      pb_webrtc_attempt_begin (other, other->number + 1);
    else
      other->has_changes = TRUE;
  } else if (!other->has_remote) {
    pb_webrtc_attempt_begin (other, other->number);
  } else if (!can_tell (other)) {
    /* nobody to ask: what comes in goes on */
    other->has_changes = TRUE;
  } else if (other->can_trickle) {
    pb_webrtc_attempt_end (other);
    other->fault = PB_FAULT_NONE;
    ask (other);
    set_timer (other, ASK_AGAIN_MS, on_ask_again);
  }
}

/* --- for the peer --------------------------------------------------------- */

static void
on_received (PbWebrtcPeer *peer, guint track, gboolean is_video,
    GstSample *sample, gpointer user_data)
{
  pb_webrtc_media_received (user_data, track, is_video, sample);
}

static void
on_estimate (PbWebrtcPeer *peer, guint bps, gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;

  other->estimate_bps = bps;
  pb_webrtc_media_update_rate (other->end);
}

static void
on_needs_keyframe (PbWebrtcPeer *peer, gpointer user_data)
{
  PbWebrtcCounterpart *other = user_data;

  pb_webrtc_media_want_keyframe (other->end);
}

static void
on_text (PbWebrtcPeer *peer, const char *text, gpointer user_data)
{
  pb_webrtc_channel_take (user_data, text);
}

static void
on_channel_open (PbWebrtcPeer *peer, gpointer user_data)
{
  pb_webrtc_channel_opened (user_data);
}

const PbWebrtcCallbacks pb_webrtc_attempt_callbacks = { on_description,
  on_candidate, on_candidates_done, on_changed, on_received, on_estimate,
  on_needs_keyframe, on_text, on_channel_open };
