/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <string.h>

#include "core/pb-limits.h"
#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* Which m-lines there are, and which track is in which. */

/* Which numbers our offers use: payload types from here on (webrtcbin takes
 * further ones for RTX and FEC), and this header extension. */
#define FIRST_PAYLOAD 96
#define EXTMAP 3
/* Of what is sent, where that is wanted */
#define FEC_PERCENT 20

static void
set_transceiver (PbWebrtcPeer *self, GstWebRTCRTPTransceiver *transceiver,
    gboolean is_video, GstWebRTCRTPTransceiverDirection direction,
    GstCaps *caps)
{
  g_object_set (transceiver, "direction", direction, NULL);
  if (caps != NULL)
    g_object_set (transceiver, "codec-preferences", caps, NULL);
  /* Chromium refuses retransmission of audio. */
  g_object_set (transceiver, "do-nack", is_video, NULL);
  if (is_video && self->config.has_fec)
    g_object_set (transceiver, "fec-type", GST_WEBRTC_FEC_TYPE_ULP_RED,
        "fec-percentage", FEC_PERCENT, NULL);
}

/* An answer has ULPFEC only where its transceiver has, whatever was offered: a
 * sender that was told to spend it would find it refused. Clients of HTTP offer
 * it without being told to, as any Chromium does, and are not asked to. */
static void
take_fec (PbWebrtcPeer *self, GstWebRTCRTPTransceiver *transceiver, guint mline,
    gboolean receives)
{
  PbSdpCodec red, fec;

  if (transceiver == NULL || !receives || self->config.has_fec ||
      !self->config.can_trickle ||
      pb_sdp_get_kind (self->remote, mline) != PB_SDP_VIDEO ||
      !pb_sdp_find_codec (self->remote, mline, "red", &red) ||
      !pb_sdp_find_codec (self->remote, mline, "ulpfec", &fec))
    return;

  /* theirs; we send none */
  g_object_set (transceiver, "fec-type", GST_WEBRTC_FEC_TYPE_ULP_RED,
      "fec-percentage", 0, NULL);
}

static void
add_extmap (GstCaps *caps, guint extmap)
{
  g_autofree char *name = g_strdup_printf ("extmap-%u", extmap);

  if (extmap == 0)
    return;

  for (guint i = 0; i < gst_caps_get_size (caps); i++)
    gst_structure_set (gst_caps_get_structure (caps, i), name, G_TYPE_STRING,
        PB_WEBRTC_TWCC_URI, "rtcp-fb-transport-cc", G_TYPE_BOOLEAN, TRUE, NULL);
}

/* (transfer full): of the m-line that sends it */
static GstCaps *
new_sender_caps (PbWebrtcSender *sender, guint payload, guint extmap)
{
  GstCaps *caps =
      pb_webrtc_codec_new_caps (sender->codec, sender->caps, payload);

  gst_caps_set_simple (caps, "ssrc", G_TYPE_UINT, sender->ssrc, NULL);
  add_extmap (caps, extmap);

  return caps;
}

/* Makes the m-line's transceiver and its pad. */
static gboolean
add_sender (PbWebrtcPeer *self, PbWebrtcSender *sender, guint mline,
    guint payload, guint extmap, gboolean receives)
{
  g_autoptr (GstCaps) caps = new_sender_caps (sender, payload, extmap);

  sender->mline = (int) mline;
  if (!pb_webrtc_sender_link (sender, payload, extmap, caps))
    return FALSE;

  set_transceiver (self, sender->transceiver, sender->codec->is_video,
      receives ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV
               : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
      caps);

  return TRUE;
}

/* (transfer full) (nullable) */
static GstWebRTCRTPTransceiver *
add_transceiver (PbWebrtcPeer *self, gboolean is_video,
    GstWebRTCRTPTransceiverDirection direction, GstCaps *caps)
{
  GstWebRTCRTPTransceiver *transceiver = NULL;

  g_signal_emit_by_name (self->webrtc, "add-transceiver", direction, caps,
      &transceiver);
  if (transceiver != NULL)
    set_transceiver (self, transceiver, is_video, direction, NULL);

  return transceiver;
}

/* --- offering ------------------------------------------------------------- */

/* An m-line for what the counterpart may send of a kind that we do not. */
static void
offer_receiving (PbWebrtcPeer *self, gboolean is_video)
{
  GstCaps *caps = gst_caps_new_empty ();
  g_autoptr (GstWebRTCRTPTransceiver) made = NULL;
  const PbWebrtcCodec *codec;

  for (guint i = 0; (codec = pb_webrtc_codec_get (i)) != NULL; i++)
    if (codec->is_video == is_video)
      gst_caps_append (caps,
          pb_webrtc_codec_new_caps (codec, NULL, self->next_payload++));
  add_extmap (caps, EXTMAP);
  if (!gst_caps_is_empty (caps)) {
    made = add_transceiver (self, is_video,
        GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps);
    self->n_mlines++;
  }
  gst_caps_unref (caps);
}

static gboolean
offer_kind (PbWebrtcPeer *self, gboolean is_video)
{
  gboolean is_wanted =
      is_video ? self->config.wants_video : self->config.wants_audio;
  gboolean has_any = FALSE;

  for (guint i = 0; i < self->senders->len; i++) {
    PbWebrtcSender *sender = g_ptr_array_index (self->senders, i);

    if (sender->codec == NULL || sender->codec->is_video != is_video)
      continue;
    has_any = TRUE;
    if (sender->mline < 0 &&
        !add_sender (self, sender, self->n_mlines++, self->next_payload++,
            EXTMAP, self->config.may_receive))
      return FALSE;
  }
  if (!has_any && !self->has_offered && self->config.may_receive && is_wanted)
    offer_receiving (self, is_video);

  return TRUE;
}

/* Puts every track without an m-line into one; the first time also those for
 * what is only received, and the data channel. Sound comes first: everybody
 * takes Opus, and where the first m-line is refused, Firefox bundles none. */
gboolean
pb_webrtc_tracks_offer (PbWebrtcPeer *self)
{
  if (self->next_payload == 0)
    self->next_payload = FIRST_PAYLOAD;
  if (!offer_kind (self, FALSE) || !offer_kind (self, TRUE))
    return FALSE;
  if (self->has_offered)
    return TRUE;

  self->has_offered = TRUE;
  if (self->config.has_data_channel) {
    pb_webrtc_channel_offer (self);
    self->n_mlines++;
  }

  return TRUE;
}

/* Whether our offer had anything to answer: without a track and without a
 * return there is only the data channel. */
static gboolean
has_offered_media (PbWebrtcPeer *self)
{
  const GstSDPMessage *offer = self->local->sdp;

  for (guint i = 0; i < gst_sdp_message_medias_len (offer); i++) {
    const GstSDPMedia *media = gst_sdp_message_get_media (offer, i);

    if (strcmp (gst_sdp_media_get_media (media), "application") != 0 &&
        gst_sdp_media_get_attribute_val (media, "inactive") == NULL)
      return TRUE;
  }

  return FALSE;
}

/* What the answer made of it. FALSE: no media can flow. */
gboolean
pb_webrtc_tracks_take_answer (PbWebrtcPeer *self)
{
  gboolean is_any = !has_offered_media (self);

  for (guint i = 0; i < pb_sdp_get_n_media (self->remote); i++)
    is_any = is_any ||
             (!pb_sdp_is_rejected (self->remote, i) &&
                 pb_sdp_get_kind (self->remote, i) != PB_SDP_DATA &&
                 pb_sdp_get_direction (self->remote, i) != PB_SDP_INACTIVE);
  for (guint i = 0; i < self->senders->len; i++) {
    PbWebrtcSender *sender = g_ptr_array_index (self->senders, i);

    if (sender->mline >= 0 &&
        (guint) sender->mline < pb_sdp_get_n_media (self->remote))
      g_atomic_int_set (&sender->is_wanted,
          !pb_sdp_is_rejected (self->remote, sender->mline) &&
              (pb_sdp_get_direction (self->remote, sender->mline) &
                  PB_SDP_RECVONLY) != 0);
  }

  return is_any;
}

/* --- answering ------------------------------------------------------------ */

/* The track that is in the m-line; or the next one without an m-line. */
static PbWebrtcSender *
find_sender (PbWebrtcPeer *self, guint mline, guint *payload)
{
  gboolean is_video = pb_sdp_get_kind (self->remote, mline) == PB_SDP_VIDEO;

  if (!self->config.may_send ||
      (pb_sdp_get_direction (self->remote, mline) & PB_SDP_RECVONLY) == 0)
    return NULL;

  for (guint i = 0; i < self->senders->len; i++) {
    PbWebrtcSender *sender = g_ptr_array_index (self->senders, i);

    if (sender->codec == NULL || sender->codec->is_video != is_video ||
        (sender->mline >= 0 && sender->mline != (int) mline))
      continue;
    *payload = pb_webrtc_sdp_find_payload (self->remote, mline, sender->codec,
        sender->caps);
    if (*payload != 0)
      return sender;
  }

  return NULL;
}

/* (transfer full): the one codec that we take, and NULL where there is none */
static GstCaps *
new_receive_caps (PbWebrtcPeer *self, guint mline)
{
  gboolean is_video = pb_sdp_get_kind (self->remote, mline) == PB_SDP_VIDEO;
  const PbWebrtcCodec *codec;

  for (guint i = 0; (codec = pb_webrtc_codec_get (i)) != NULL; i++) {
    guint payload;

    if (codec->is_video != is_video)
      continue;
    payload = pb_webrtc_sdp_find_payload (self->remote, mline, codec, NULL);
    if (payload != 0)
      return pb_webrtc_codec_new_caps (codec, NULL, payload);
  }

  return NULL;
}

/* (transfer full) (nullable): of an m-line that was negotiated before */
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

static gboolean
answer_mline (PbWebrtcPeer *self, guint mline, gboolean *is_any)
{
  gboolean is_video = pb_sdp_get_kind (self->remote, mline) == PB_SDP_VIDEO;
  gboolean receives =
      self->config.may_receive &&
      (pb_sdp_get_direction (self->remote, mline) & PB_SDP_SENDONLY) != 0;
  guint extmap =
      pb_webrtc_sdp_find_extmap (self->remote, mline, PB_WEBRTC_TWCC_URI);
  guint payload = 0;
  PbWebrtcSender *sender = find_sender (self, mline, &payload);
  g_autoptr (GstWebRTCRTPTransceiver) known = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstWebRTCRTPTransceiverDirection direction;

  if (mline < self->n_mlines)
    known = find_transceiver (self, mline);
  if (sender != NULL) {
    *is_any = TRUE;
    g_atomic_int_set (&sender->is_wanted, TRUE);
    if (known == NULL || sender->sink == NULL) {
      if (!add_sender (self, sender, mline, payload, extmap, receives))
        return FALSE;
      take_fec (self, sender->transceiver, mline, receives);
      return TRUE;
    }
    caps = new_sender_caps (sender, payload, extmap);
    set_transceiver (self, known, is_video,
        receives ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV
                 : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
        caps);
    take_fec (self, known, mline, receives);
    return TRUE;
  }

  caps = new_receive_caps (self, mline);
  direction = receives && caps != NULL
                  ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY
                  : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_INACTIVE;
  *is_any |= direction == GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY;
  /* Nothing of ours fits: webrtcbin refuses what it has no caps in common
   * with. */
  if (caps == NULL)
    caps = gst_caps_new_simple ("application/x-rtp", "media", G_TYPE_STRING,
        is_video ? "video" : "audio", "encoding-name", G_TYPE_STRING, "NONE",
        NULL);
  add_extmap (caps, extmap);
  if (known != NULL)
    set_transceiver (self, known, is_video, direction, caps);
  else
    known = add_transceiver (self, is_video, direction, caps);
  take_fec (self, known, mline, receives);

  return TRUE;
}

/* Before the answer is made: webrtcbin takes its transceivers in their order
 * for the m-lines. `is_any`: whether anything can flow */
gboolean
pb_webrtc_tracks_answer (PbWebrtcPeer *self, gboolean *is_any)
{
  guint n = pb_sdp_get_n_media (self->remote);

  *is_any = FALSE;
  for (guint i = 0; i < self->senders->len; i++) {
    PbWebrtcSender *sender = g_ptr_array_index (self->senders, i);

    g_atomic_int_set (&sender->is_wanted, FALSE);
  }
  for (guint i = 0; i < n; i++) {
    if (pb_sdp_get_kind (self->remote, i) == PB_SDP_DATA)
      *is_any = TRUE;
    else if (!answer_mline (self, i, is_any))
      return FALSE;
  }
  self->n_mlines = n;

  return TRUE;
}

/* --- theirs --------------------------------------------------------------- */

/* Which m-line is which track of theirs: once given, a number stays. */
void
pb_webrtc_tracks_number (PbWebrtcPeer *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!self->config.may_receive)
    return;

  for (guint i = 0; i < pb_sdp_get_n_media (self->remote); i++) {
    PbSdpKind kind = pb_sdp_get_kind (self->remote, i);
    gboolean is_known = FALSE;

    for (guint j = 0; j < self->receivers->len; j++)
      is_known =
          is_known ||
          g_array_index (self->receivers, PbWebrtcReceiver, j).mline == i;
    if (!is_known && kind != PB_SDP_DATA &&
        (pb_sdp_get_direction (self->remote, i) & PB_SDP_SENDONLY) != 0) {
      PbWebrtcReceiver receiver = { i, kind == PB_SDP_VIDEO, NULL, NULL };

      g_array_append_val (self->receivers, receiver);
    }
  }
}

/* --- another set of them -------------------------------------------------- */

static gboolean
is_same (PbWebrtcSender *sender, const PbWebrtcTrack *track)
{
  return sender->codec == pb_webrtc_codec_from_caps (track->caps);
}

gboolean
pb_webrtc_tracks_fit (PbWebrtcPeer *self, const PbWebrtcTrack *tracks,
    guint n_tracks)
{
  guint n_mlines = self->n_mlines;

  for (guint i = 0; i < n_tracks; i++)
    if (i >= self->senders->len ||
        !is_same (g_ptr_array_index (self->senders, i), &tracks[i]))
      n_mlines++;

  return n_mlines <= PB_SDP_MEDIA_MAX;
}

/* The track goes, its m-line stays and is silent. */
static void
retire (PbWebrtcPeer *self, guint index)
{
  PbWebrtcSender *sender = g_ptr_array_index (self->senders, index);

  g_atomic_int_set (&sender->is_wanted, FALSE);
  if (sender->transceiver != NULL)
    g_object_set (sender->transceiver, "direction",
        self->config.may_receive
            ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY
            : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_INACTIVE,
        NULL);
}

/* TRUE: that takes another offer */
gboolean
pb_webrtc_tracks_replace (PbWebrtcPeer *self, const GArray *tracks)
{
  GPtrArray *senders = g_ptr_array_new_with_free_func (pb_webrtc_sender_unref);
  GPtrArray *old;
  gboolean is_other = FALSE;

  for (guint i = 0; i < MAX (tracks->len, self->senders->len); i++) {
    const PbWebrtcTrack *track =
        i < tracks->len ? &g_array_index (tracks, PbWebrtcTrack, i) : NULL;
    PbWebrtcSender *sender =
        i < self->senders->len ? g_ptr_array_index (self->senders, i) : NULL;

    if (track != NULL && sender != NULL && is_same (sender, track)) {
      pb_webrtc_sender_set_caps (sender, track->caps);
      g_ptr_array_add (senders, pb_webrtc_sender_ref (sender));
      continue;
    }
    is_other = TRUE;
    if (sender != NULL)
      retire (self, i);
    if (track != NULL)
      g_ptr_array_add (senders, pb_webrtc_sender_new (self, i, track));
  }

  g_mutex_lock (&self->lock);
  old = self->senders;
  self->senders = senders;
  g_mutex_unlock (&self->lock);
  g_ptr_array_unref (old);

  return is_other;
}
