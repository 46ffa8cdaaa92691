/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <stdlib.h>
#include <string.h>

#include "core/pb-error.h"
#include "glue/pb-gst-debug.h"
#include "pb-webrtc-cert.h"

/* Which numbers our offers use: payload types from here on, and this header
 * extension. */
#define FIRST_PAYLOAD 96
#define EXTMAP 3

static void
fail_negotiation (PbWebrtcPeer *self, const char *what, const GstStructure *reply)
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

/* --- candidates ----------------------------------------------------------- */

static void
add_candidate (PbWebrtcPeer *self, const char *entry)
{
  char *line = strchr (entry, ' ');

  g_signal_emit_by_name (self->webrtc, "add-ice-candidate",
      (guint) strtoul (entry, NULL, 10), line + 1);
}

/* After the remote description is set. */
static void
flush_candidates (PbWebrtcPeer *self)
{
  char *entry;

  while ((entry = g_queue_pop_head (&self->candidates)) != NULL) {
    add_candidate (self, entry);
    g_free (entry);
  }
}

void
pb_webrtc_negotiate_candidate (PbWebrtcPeer *self, guint mline,
    const char *candidate)
{
  g_autofree char *entry = g_strdup_printf ("%u %s", mline, candidate);

  if (self->has_remote)
    add_candidate (self, entry);
  else
    g_queue_push_tail (&self->candidates, g_steal_pointer (&entry));
}

/* --- our description ------------------------------------------------------ */

static void
tell_description (PbWebrtcPeer *self, GstWebRTCSessionDescription *description)
{
  g_autofree char *sdp = gst_sdp_message_as_text (description->sdp);

  self->callbacks.description (self,
      gst_webrtc_sdp_type_to_string (description->type), sdp, self->user_data);
}

void
pb_webrtc_negotiate_on_gathered (PbWebrtcPeer *self, gpointer unused)
{
  g_autoptr (GstWebRTCSessionDescription) description = NULL;

  self->is_gathered = TRUE;
  if (self->config.can_trickle) {
    self->callbacks.candidates_done (self, self->user_data);
    return;
  }
  if (!self->is_description_due)
    return;

  self->is_description_due = FALSE;
  g_object_get (self->webrtc, "local-description", &description, NULL);
  if (description != NULL)
    tell_description (self, description);
}

static void
do_local_set (PbWebrtcPeer *self, gpointer data)
{
  GstWebRTCSessionDescription *description = self->local;

  self->local = NULL;
  if (has_failed (data)) {
    fail_negotiation (self, "setting our description", data);
  } else {
    self->has_local = TRUE;
    if (self->has_remote)
      pb_webrtc_peer_set_state (self, PB_WEBRTC_CONNECTING, PB_FAULT_NONE);
    if (description->type == GST_WEBRTC_SDP_TYPE_ANSWER)
      self->is_negotiating = FALSE;
  }
  gst_webrtc_session_description_free (description);
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
  g_clear_pointer (&self->local, gst_webrtc_session_description_free);
  self->local = description;
  self->is_description_due = !self->config.can_trickle;
  g_signal_emit_by_name (self->webrtc, "set-local-description", description,
      pb_webrtc_peer_new_promise (self, do_local_set));
  if (self->config.can_trickle)
    tell_description (self, description);
}

static void
do_offer_created (PbWebrtcPeer *self, gpointer data)
{
  do_created (self, data, "offer");
}

static void
do_answer_created (PbWebrtcPeer *self, gpointer data)
{
  do_created (self, data, "answer");
}

/* --- offering ------------------------------------------------------------- */

static void
set_transceiver (GstWebRTCRTPTransceiver *transceiver, gboolean is_video,
    GstWebRTCRTPTransceiverDirection direction, GstCaps *caps)
{
  g_object_set (transceiver, "direction", direction, NULL);
  if (caps != NULL)
    g_object_set (transceiver, "codec-preferences", caps, NULL);
  /* Chromium refuses retransmission of audio. */
  g_object_set (transceiver, "do-nack", is_video, NULL);
}

static void
add_extmap (GstCaps *caps, guint extmap)
{
  g_autofree char *name = g_strdup_printf ("extmap-%u", extmap);

  if (extmap != 0)
    gst_caps_set_simple (caps, name, G_TYPE_STRING, PB_WEBRTC_TWCC_URI,
        "rtcp-fb-transport-cc", G_TYPE_BOOLEAN, TRUE, NULL);
}

static gboolean
offer_track (PbWebrtcPeer *self, PbWebrtcSender *sender, guint mline,
    guint payload)
{
  g_autoptr (GstCaps) caps =
      pb_webrtc_codec_new_caps (sender->codec, sender->caps, payload);

  if (!pb_webrtc_sender_link (sender, mline, payload, EXTMAP))
    return FALSE;
  add_extmap (caps, EXTMAP);
  gst_caps_set_simple (caps, "ssrc", G_TYPE_UINT, sender->ssrc, NULL);
  set_transceiver (sender->transceiver, sender->codec->is_video,
      self->config.may_receive
          ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV
          : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
      caps);

  return TRUE;
}

static void
create_offer (PbWebrtcPeer *self)
{
  self->is_negotiating = TRUE;
  g_signal_emit_by_name (self->webrtc, "create-offer", NULL,
      pb_webrtc_peer_new_promise (self, do_offer_created));
}

void
pb_webrtc_negotiate_offer (PbWebrtcPeer *self)
{
  guint mline = 0, payload = FIRST_PAYLOAD;

  self->is_negotiating = TRUE;
  for (guint i = 0; i < self->senders->len; i++) {
    PbWebrtcSender *sender = g_ptr_array_index (self->senders, i);

    if (sender->codec == NULL)
      continue;
    if (!offer_track (self, sender, mline++, payload++)) {
      pb_webrtc_peer_fail (self, PB_FAULT_INTERNAL, "a track cannot be sent");
      return;
    }
  }
  if (self->config.has_data_channel && self->channel == NULL)
    pb_webrtc_channel_offer (self);
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

  if (self->is_negotiating || !self->has_remote)
    return;

  nice_agent_restart (self->agent);
  create_offer (self);
}

/**
 * pb_webrtc_peer_set_tracks: (skip)
 * @self: an offerer that was started
 * @tracks: (array length=n_tracks): what is sent from now on
 * @n_tracks: their number
 */
void
pb_webrtc_peer_set_tracks (PbWebrtcPeer *self, const PbWebrtcTrack *tracks,
    guint n_tracks)
{
  g_return_if_fail (self->config.is_offerer);
}

/* --- answering ------------------------------------------------------------ */

/* (transfer full) (nullable) */
static GstWebRTCRTPTransceiver *
find_transceiver (PbWebrtcPeer *self, guint mline)
{
  g_autoptr (GArray) all = NULL;

  g_signal_emit_by_name (self->webrtc, "get-transceivers", &all);
  for (guint i = 0; all != NULL && i < all->len; i++) {
    GstWebRTCRTPTransceiver *one =
        g_array_index (all, GstWebRTCRTPTransceiver *, i);
    guint index;

    g_object_get (one, "mlineindex", &index, NULL);
    if (index == mline)
      return gst_object_ref (one);
  }

  return NULL;
}

/* The next track of that kind without an m-line. */
static PbWebrtcSender *
find_sender (PbWebrtcPeer *self, const PbWebrtcMline *mline, guint *payload)
{
  if (!self->config.may_send || !mline->receives)
    return NULL;

  for (guint i = 0; i < self->senders->len; i++) {
    PbWebrtcSender *sender = g_ptr_array_index (self->senders, i);

    if (sender->codec == NULL || sender->sink != NULL ||
        sender->codec->is_video != (mline->kind == PB_WEBRTC_VIDEO))
      continue;
    *payload = pb_webrtc_sdp_find_payload (mline, sender->codec, sender->caps);
    if (*payload != 0)
      return sender;
  }

  return NULL;
}

/* (transfer full): what of the m-line we take, best first */
static GstCaps *
new_receive_caps (const PbWebrtcMline *mline)
{
  GstCaps *caps = gst_caps_new_empty ();
  const PbWebrtcCodec *codec;

  for (guint i = 0; (codec = pb_webrtc_codec_get (i)) != NULL; i++) {
    guint payload;

    if (codec->is_video != (mline->kind == PB_WEBRTC_VIDEO))
      continue;
    payload = pb_webrtc_sdp_find_payload (mline, codec, NULL);
    if (payload != 0)
      gst_caps_append (caps, pb_webrtc_codec_new_caps (codec, NULL, payload));
  }

  return caps;
}

static void
answer_mline (PbWebrtcPeer *self, const PbWebrtcMline *mline)
{
  g_autoptr (GstWebRTCRTPTransceiver) transceiver =
      find_transceiver (self, mline->index);
  gboolean receives = self->config.may_receive && mline->sends;
  guint extmap = pb_webrtc_sdp_find_extmap (mline, PB_WEBRTC_TWCC_URI);
  guint payload = 0;
  PbWebrtcSender *sender = find_sender (self, mline, &payload);
  g_autoptr (GstCaps) caps = NULL;

  if (sender != NULL) {
    caps = pb_webrtc_codec_new_caps (sender->codec, sender->caps, payload);
    gst_caps_set_simple (caps, "ssrc", G_TYPE_UINT, sender->ssrc, NULL);
  } else {
    caps = new_receive_caps (mline);
  }
  add_extmap (caps, extmap);
  /* webrtcbin would make one as it answers, without what we ask for; it takes
   * one that is there and fits. */
  if (transceiver == NULL && !gst_caps_is_empty (caps))
    g_signal_emit_by_name (self->webrtc, "add-transceiver",
        GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
  if (transceiver == NULL)
    return;

  /* webrtcbin gives a pad only to a transceiver that may send. */
  set_transceiver (transceiver, mline->kind == PB_WEBRTC_VIDEO,
      sender != NULL && receives
          ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV
      : sender != NULL ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY
      : receives       ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY
                       : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_INACTIVE,
      caps);
  if (sender != NULL &&
      !pb_webrtc_sender_link (sender, mline->index, payload, extmap))
    pb_webrtc_peer_fail (self, PB_FAULT_INTERNAL, "a track cannot be sent");
}

static void
do_remote_set (PbWebrtcPeer *self, gpointer data)
{
  gboolean is_offer = !self->config.is_offerer;

  if (has_failed (data)) {
    fail_negotiation (self, "setting their description", data);
    return;
  }

  self->has_remote = TRUE;
  if (!is_offer) {
    self->is_negotiating = FALSE;
    flush_candidates (self);
    pb_webrtc_peer_set_state (self, PB_WEBRTC_CONNECTING, PB_FAULT_NONE);
    return;
  }

  for (guint i = 0; i < gst_sdp_message_medias_len (self->remote); i++) {
    PbWebrtcMline mline = pb_webrtc_sdp_get_mline (self->remote, i);

    if (mline.kind == PB_WEBRTC_AUDIO || mline.kind == PB_WEBRTC_VIDEO)
      answer_mline (self, &mline);
  }
  flush_candidates (self);
  g_signal_emit_by_name (self->webrtc, "create-answer", NULL,
      pb_webrtc_peer_new_promise (self, do_answer_created));
}

/* Which m-line is which track of theirs: once given, a number stays. */
static void
number_receivers (PbWebrtcPeer *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < gst_sdp_message_medias_len (self->remote); i++) {
    PbWebrtcMline mline = pb_webrtc_sdp_get_mline (self->remote, i);

    if (self->config.may_receive && mline.sends &&
        (mline.kind == PB_WEBRTC_AUDIO || mline.kind == PB_WEBRTC_VIDEO) &&
        !g_hash_table_contains (self->receivers, GUINT_TO_POINTER (i)))
      g_hash_table_insert (self->receivers, GUINT_TO_POINTER (i),
          GSIZE_TO_POINTER (g_hash_table_size (self->receivers) + 1));
  }
}

gboolean
pb_webrtc_negotiate_remote (PbWebrtcPeer *self, const char *type,
    const char *text, GError **error)
{
  g_autoptr (GstWebRTCSessionDescription) description = NULL;
  g_autoptr (GPtrArray) candidates = NULL;
  gboolean is_offer = g_strcmp0 (type, "offer") == 0;
  GstSDPMessage *sdp = NULL;

  if (is_offer == self->config.is_offerer ||
      (!is_offer && g_strcmp0 (type, "answer") != 0) ||
      gst_sdp_message_new_from_text (text, &sdp) != GST_SDP_OK) {
    g_clear_pointer (&sdp, gst_sdp_message_free);
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "not a description that fits");
    return FALSE;
  }

  candidates = pb_webrtc_sdp_take_candidates (sdp);
  g_clear_pointer (&self->remote, gst_sdp_message_free);
  gst_sdp_message_copy (sdp, &self->remote);
  description = gst_webrtc_session_description_new (
      is_offer ? GST_WEBRTC_SDP_TYPE_OFFER : GST_WEBRTC_SDP_TYPE_ANSWER, sdp);
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->fingerprints, g_ptr_array_unref);
  self->fingerprints = pb_webrtc_sdp_get_fingerprints (self->remote);
  g_mutex_unlock (&self->lock);
  pb_webrtc_peer_verify (self);
  number_receivers (self);
  for (guint i = candidates->len; i-- > 0;)
    g_queue_push_tail (&self->candidates,
        g_strdup (g_ptr_array_index (candidates, i)));
  self->is_negotiating = TRUE;
  g_signal_emit_by_name (self->webrtc, "set-remote-description", description,
      pb_webrtc_peer_new_promise (self, do_remote_set));

  return TRUE;
}
