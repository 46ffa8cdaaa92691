/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <string.h>

#include "core/pb-error.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-timer.h"
#include "pb-webrtc-cert.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* How long a description without trickle waits for a server that does not
 * answer. */
#define GATHER_MS 3000

static void create_offer (PbWebrtcPeer *self);

static void
fail_negotiation (PbWebrtcPeer *self, const char *what,
    const GstStructure *reply)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *reason = NULL;

  if (reply != NULL)
    gst_structure_get (reply, "error", G_TYPE_ERROR, &error, NULL);
  reason = g_strdup_printf ("%s: %s", what,
      error != NULL ? error->message : "no answer");
  pb_webrtc_peer_fail (self, PB_FAULT_INTERNAL, reason);
}

static gboolean
has_failed (const GstStructure *reply)
{
  return reply != NULL && gst_structure_has_field (reply, "error");
}

/* --- what had to wait for the end of a negotiation ------------------------ */

static void
clear_tracks (gpointer data)
{
  gst_caps_unref (((PbWebrtcTrack *) data)->caps);
}

static gboolean set_offer (PbWebrtcPeer *self, PbSdp *sdp);

static void
end_negotiation (PbWebrtcPeer *self)
{
  g_autoptr (GArray) tracks = g_steal_pointer (&self->next_tracks);
  g_autoptr (PbSdp) offer = g_steal_pointer (&self->next_offer);
  gboolean is_due = self->wants_restart;

  self->is_negotiating = FALSE;
  if (offer != NULL) {
    set_offer (self, offer);
    return;
  }
  if (self->wants_restart)
    pb_webrtc_ice_restart (self);
  self->wants_restart = FALSE;
  if (tracks != NULL)
    is_due = pb_webrtc_tracks_replace (self, tracks) || is_due;
  if (is_due)
    create_offer (self);
}

/* --- our description ------------------------------------------------------ */

static void
tell_description (PbWebrtcPeer *self)
{
  g_autofree char *sdp = NULL;

  self->is_description_due = FALSE;
  pb_timer_clear (&self->gather);
  if (!self->config.can_trickle) {
    g_auto (GStrv) candidates = pb_webrtc_ice_dup_candidates (self);

    pb_webrtc_sdp_add_candidates (self->local->sdp, candidates);
  }
  sdp = gst_sdp_message_as_text (self->local->sdp);
  self->callbacks.description (self,
      gst_webrtc_sdp_type_to_string (self->local->type), sdp, self->user_data);
}

static gboolean
on_gather_time (gpointer user_data)
{
  PbWebrtcPeer *self = user_data;

  pb_timer_clear (&self->gather);
  if (self->is_description_due)
    tell_description (self);

  return G_SOURCE_REMOVE;
}

void
pb_webrtc_negotiate_on_gathered (PbWebrtcPeer *self, gpointer unused)
{
  self->is_gathered = TRUE;
  if (self->config.can_trickle)
    self->callbacks.candidates_done (self, self->user_data);
  else if (self->is_description_due && self->has_local)
    tell_description (self);
}

static void
do_local_set (PbWebrtcPeer *self, gpointer reply)
{
  gboolean is_answer = self->local->type == GST_WEBRTC_SDP_TYPE_ANSWER;

  if (has_failed (reply)) {
    fail_negotiation (self, "setting our description", reply);
    return;
  }

  self->has_local = TRUE;
  if (is_answer && self->state == PB_WEBRTC_NEW)
    pb_webrtc_peer_set_state (self, PB_WEBRTC_CONNECTING, PB_FAULT_NONE);
  if (self->is_over)
    return;
  if (self->is_description_due && self->is_gathered)
    tell_description (self);
  else if (self->is_description_due)
    self->gather =
        pb_timer_new (self->context, GATHER_MS, on_gather_time, self);
  if (!self->is_over)
    pb_webrtc_ice_tell_candidates (self);
  if (!self->is_over && is_answer)
    end_negotiation (self);
}

static void
do_created (PbWebrtcPeer *self, const GstStructure *reply, const char *type)
{
  GstWebRTCSessionDescription *description = NULL;

  if (reply != NULL)
    gst_structure_get (reply, type, GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
        &description, NULL);
  if (description == NULL) {
    fail_negotiation (self, "making our description", reply);
    return;
  }

  /* webrtcbin hashes the key along with the certificate. */
  pb_webrtc_sdp_set_fingerprint (description->sdp,
      pb_webrtc_cert_get_fingerprint ());
  pb_webrtc_ice_write_credentials (self, description->sdp);
  g_clear_pointer (&self->local, gst_webrtc_session_description_free);
  self->local = description;
  self->is_description_due = TRUE;
  g_signal_emit_by_name (self->webrtc, "set-local-description", description,
      pb_webrtc_peer_new_promise (self, do_local_set));
  if (self->config.can_trickle)
    tell_description (self);
}

static void
do_offer_created (PbWebrtcPeer *self, gpointer reply)
{
  do_created (self, reply, "offer");
}

static void
do_answer_created (PbWebrtcPeer *self, gpointer reply)
{
  do_created (self, reply, "answer");
}

/* --- offering ------------------------------------------------------------- */

static void
create_offer (PbWebrtcPeer *self)
{
  self->is_negotiating = TRUE;
  self->awaits_answer = TRUE;
  /* their candidates may overtake their answer */
  self->awaits_remote = TRUE;
  if (!pb_webrtc_tracks_offer (self)) {
    pb_webrtc_peer_fail (self, PB_FAULT_INTERNAL, "a track cannot be sent");
    return;
  }
  g_signal_emit_by_name (self->webrtc, "create-offer", NULL,
      pb_webrtc_peer_new_promise (self, do_offer_created));
}

void
pb_webrtc_negotiate_start (PbWebrtcPeer *self)
{
  self->awaits_remote = TRUE;
  if (self->config.is_offerer)
    create_offer (self);
}

/**
 * pb_webrtc_peer_restart_ice: (skip)
 * @self: an offerer that was started
 */
void
pb_webrtc_peer_restart_ice (PbWebrtcPeer *self)
{
  g_return_if_fail (self->config.is_offerer);

  /* before the first answer there is nothing to restart */
  if (!self->has_remote)
    return;

  self->wants_restart = TRUE;
  if (!self->is_negotiating)
    end_negotiation (self);
}

/**
 * pb_webrtc_peer_repeat_offer: (skip)
 * @self: an offerer that was started
 *
 * Signalling was gone, and an offer or its answer with it: the one that waits
 * for its answer is told again.
 */
void
pb_webrtc_peer_repeat_offer (PbWebrtcPeer *self)
{
  g_return_if_fail (self->config.is_offerer);

  if (!self->is_negotiating || !self->has_local || self->is_description_due ||
      self->local->type != GST_WEBRTC_SDP_TYPE_OFFER)
    return;

  self->tells_candidates = TRUE;
  tell_description (self);
  if (!self->is_over)
    pb_webrtc_ice_tell_candidates (self);
}

/**
 * pb_webrtc_peer_set_tracks: (skip)
 * @self: an offerer
 * @tracks: (array length=n_tracks): what is sent from now on
 * @n_tracks: their number
 *
 * A track with the same index and codec goes on.
 *
 * Returns: %FALSE where the description has no room left for it, since what was
 *     sent once keeps its place: that takes a new connection
 */
gboolean
pb_webrtc_peer_set_tracks (PbWebrtcPeer *self, const PbWebrtcTrack *tracks,
    guint n_tracks)
{
  GArray *copy;

  g_return_val_if_fail (self->config.is_offerer, FALSE);

  if (!pb_webrtc_tracks_fit (self, tracks, n_tracks))
    return FALSE;
  copy = g_array_new (FALSE, FALSE, sizeof (PbWebrtcTrack));

  g_array_set_clear_func (copy, clear_tracks);
  for (guint i = 0; i < n_tracks; i++) {
    PbWebrtcTrack track = { tracks[i].is_video, gst_caps_ref (tracks[i].caps),
      tracks[i].codec };

    g_array_append_val (copy, track);
  }
  g_clear_pointer (&self->next_tracks, g_array_unref);
  self->next_tracks = copy;
  if (self->pipeline != NULL && !self->is_negotiating)
    end_negotiation (self);

  return TRUE;
}

/* --- their description ---------------------------------------------------- */

static void
do_offer_set (PbWebrtcPeer *self, gpointer reply)
{
  gboolean is_any = FALSE;

  if (has_failed (reply)) {
    fail_negotiation (self, "setting their offer", reply);
    return;
  }

  self->has_remote = TRUE;
  self->awaits_remote = FALSE;
  if (!pb_webrtc_tracks_answer (self, &is_any)) {
    pb_webrtc_peer_fail (self, PB_FAULT_INTERNAL, "a track cannot be sent");
    return;
  }
  if (!is_any) {
    pb_webrtc_peer_fail (self, PB_FAULT_NO_CODEC, "nothing in common");
    return;
  }
  pb_webrtc_ice_flush (self);
  g_signal_emit_by_name (self->webrtc, "create-answer", NULL,
      pb_webrtc_peer_new_promise (self, do_answer_created));
}

static void
do_answer_set (PbWebrtcPeer *self, gpointer reply)
{
  if (has_failed (reply)) {
    fail_negotiation (self, "setting their answer", reply);
    return;
  }

  self->has_remote = TRUE;
  self->awaits_remote = FALSE;
  if (!pb_webrtc_tracks_take_answer (self)) {
    pb_webrtc_peer_fail (self, PB_FAULT_NO_CODEC, "everything was refused");
    return;
  }
  pb_webrtc_ice_flush (self);
  if (self->state == PB_WEBRTC_NEW)
    pb_webrtc_peer_set_state (self, PB_WEBRTC_CONNECTING, PB_FAULT_NONE);
  if (!self->is_over)
    end_negotiation (self);
}

/* Whether a description names other ICE credentials than the one before. */
static gboolean
is_restart (PbSdp *sdp, PbSdp *earlier)
{
  return earlier != NULL &&
         (g_strcmp0 (pb_sdp_get_ufrag (sdp), pb_sdp_get_ufrag (earlier)) != 0 ||
             g_strcmp0 (pb_sdp_get_pwd (sdp), pb_sdp_get_pwd (earlier)) != 0);
}

/* TRUE: webrtcbin has it. */
static gboolean
set_remote (PbWebrtcPeer *self, PbSdp *sdp, GstWebRTCSDPType type,
    PbWebrtcTask done)
{
  g_autoptr (GstWebRTCSessionDescription) description = NULL;
  g_autoptr (GPtrArray) candidates = NULL;
  g_autofree char *text = pb_sdp_print (sdp);
  GstSDPMessage *message = NULL;

  if (gst_sdp_message_new_from_text (text, &message) != GST_SDP_OK) {
    g_clear_pointer (&message, gst_sdp_message_free);
    return FALSE;
  }

  candidates = pb_webrtc_sdp_take_candidates (message);
  pb_webrtc_sdp_complete (message);
  description = gst_webrtc_session_description_new (type, message);
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->remote, pb_sdp_unref);
  self->remote = pb_sdp_ref (sdp);
  g_mutex_unlock (&self->lock);
  pb_webrtc_peer_verify (self);
  pb_webrtc_tracks_number (self);
  self->awaits_remote = TRUE;
  self->n_remote_candidates = 0;
  for (guint i = 0; i < candidates->len; i++) {
    const char *line = g_ptr_array_index (candidates, i);

    /* judged with the description */
    if (!pb_webrtc_ice_add_candidate (self, 0, strchr (line, ' ') + 1, NULL))
      GST_INFO ("WebRTC peer %p: a candidate was passed over", self);
  }
  g_signal_emit_by_name (self->webrtc, "set-remote-description", description,
      pb_webrtc_peer_new_promise (self, done));

  return TRUE;
}

static gboolean
set_offer (PbWebrtcPeer *self, PbSdp *sdp)
{
  self->is_negotiating = TRUE;
  if (self->has_local && is_restart (sdp, self->remote))
    pb_webrtc_ice_restart (self);

  return set_remote (self, sdp, GST_WEBRTC_SDP_TYPE_OFFER, do_offer_set);
}

static PbSdp *
parse (PbWebrtcPeer *self, const char *type, const char *text, GError **error)
{
  PbSdpFlags flags =
      PB_SDP_DROP_CANDIDATES | (self->is_on_loopback ? PB_SDP_LOOPBACK : 0);
  g_autoptr (PbSdp) sdp = NULL;
  PbSdpType sdp_type;
  gboolean is_fit;

  if (!pb_sdp_type_from_name (type, &sdp_type) ||
      (sdp_type == PB_SDP_OFFER) == self->config.is_offerer) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "a description of the other kind is due");
    return NULL;
  }
  sdp = pb_sdp_parse (sdp_type, text, -1, flags, error);
  if (sdp == NULL)
    return NULL;

  is_fit = sdp_type == PB_SDP_OFFER
               ? pb_webrtc_sdp_continues (sdp,
                     self->next_offer != NULL ? self->next_offer : self->remote)
               : self->is_negotiating && self->local != NULL &&
                     self->awaits_answer &&
                     pb_webrtc_sdp_answers (sdp, self->local->sdp);
  if (!is_fit) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "a description that does not fit the one before");
    return NULL;
  }

  return g_steal_pointer (&sdp);
}

gboolean
pb_webrtc_negotiate_remote (PbWebrtcPeer *self, const char *type,
    const char *text, GError **error)
{
  g_autoptr (PbSdp) sdp = parse (self, type, text, error);
  gboolean is_set;

  if (sdp == NULL)
    return FALSE;
  if (!self->config.is_offerer && self->is_negotiating) {
    g_clear_pointer (&self->next_offer, pb_sdp_unref);
    self->next_offer = g_steal_pointer (&sdp);
    return TRUE;
  }

  /* one that was repeated may have two */
  self->awaits_answer = FALSE;
  is_set =
      self->config.is_offerer
          ? set_remote (self, sdp, GST_WEBRTC_SDP_TYPE_ANSWER, do_answer_set)
          : set_offer (self, sdp);
  if (!is_set)
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "a description that GStreamer cannot read");

  return is_set;
}
