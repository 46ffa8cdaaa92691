/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <gst/app/gstappsink.h>
#include <gst/rtp/rtp.h>
#include <gst/video/video.h>

#define PADS_MAX 32
/* Packets come, and no frame: what was asked for was lost, or the keyframe was
 * sent before there were keys. */
#define ASK_AGAIN_US (500 * G_TIME_SPAN_MILLISECOND)

/* webrtcbin ! depayloader ! parser ! appsink */
typedef struct
{
  PbWebrtcPeer *peer; /* owned */
  guint track;
  const PbWebrtcCodec *codec;

  /* streaming thread */
  PbFrameCount frames;
  gint64 frame_us, asked_us; /* the last frame, the last wish for one */
  gboolean awaits_keyframe;
  gboolean has_packet, is_last_of_frame; /* of the last packet, as below */
  guint16 seqnum;
  GstClockTime pts, broken_pts; /* of a frame whose end was lost */
  GstBuffer *part;    /* (nullable) owned: the rest of the frame follows */
  GstBuffer *headers; /* (nullable) owned: the frame that they are of follows */
} Receiver;

static void
receiver_clear (gpointer data)
{
  Receiver *self = data;

  gst_clear_buffer (&self->headers);
  gst_clear_buffer (&self->part);
  pb_webrtc_peer_unref (self->peer);
}

static void
receiver_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, receiver_clear);
}

static void
on_retransmission (GstElement *jitterbuffer, GParamSpec *pspec, gpointer unused)
{
  gboolean is_on;

  g_object_get (jitterbuffer, "do-retransmission", &is_on, NULL);
  if (!is_on)
    g_object_set (jitterbuffer, "do-retransmission", TRUE, NULL);
}

/* Under BUNDLE webrtcbin 1.22 gives every stream the `do-nack` of the last
 * transceiver, which is audio's: nothing that was lost would ever be asked for
 * again. Which stream this will be is not known yet; audio asks as well then,
 * and a sender that does not keep audio has nothing to answer. */
void
pb_webrtc_receive_on_jitterbuffer (PbWebrtcPeer *peer, GstElement *jitterbuffer)
{
  g_signal_connect (jitterbuffer, "notify::do-retransmission",
      G_CALLBACK (on_retransmission), NULL);
  g_object_set (jitterbuffer, "do-retransmission", TRUE, NULL);
  g_mutex_lock (&peer->lock);
  if (!peer->is_closed)
    g_ptr_array_add (peer->jitterbuffers, gst_object_ref (jitterbuffer));
  g_mutex_unlock (&peer->lock);
}

static void
count_frame (Receiver *self, GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  PbWebrtcPeer *peer = self->peer;
  PbFrameCount then = self->frames;

  if (buffer == NULL || !GST_BUFFER_PTS_IS_VALID (buffer))
    return;

  pb_frame_count_add (&self->frames,
      (gint64) (GST_BUFFER_PTS (buffer) / GST_USECOND));
  g_mutex_lock (&peer->lock);
  peer->frames.n_frames++;
  peer->frames.n_missing += self->frames.n_missing - then.n_missing;
  peer->frames.n_freezes += self->frames.n_freezes - then.n_freezes;
  g_mutex_unlock (&peer->lock);
}

/* The PTS becomes the running time that it stands for. */
static GstSample *
set_running_time (GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  const GstSegment *segment = gst_sample_get_segment (sample);
  GstClockTime time;
  GstBuffer *copy;

  if (buffer == NULL || !GST_BUFFER_PTS_IS_VALID (buffer) ||
      segment->format != GST_FORMAT_TIME)
    return sample;
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
  if (time == GST_BUFFER_PTS (buffer) || !GST_CLOCK_TIME_IS_VALID (time))
    return sample;

  copy = gst_buffer_copy (buffer);
  GST_BUFFER_PTS (copy) = time;
  GST_BUFFER_DTS (copy) = GST_CLOCK_TIME_NONE;
  sample = gst_sample_make_writable (sample);
  gst_sample_set_buffer (sample, copy);
  gst_buffer_unref (copy);

  return sample;
}

/* rtph264pay of 1.22, once it was asked for a keyframe, sends the parameter
 * sets with a marker of their own: the depayloader makes two frames of it, and
 * the parser leaves the second, which is the picture, without a time. (transfer
 * full) (nullable): what there is to hand up */
static GstSample *
join_headers (Receiver *self, GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstBuffer *joined;

  if (buffer == NULL)
    return sample;
  if (pb_webrtc_codec_look_at (self->codec, buffer) ==
      PB_WEBRTC_FRAME_HEADERS) {
    gst_buffer_replace (&self->headers, buffer);
    gst_sample_unref (sample);
    return NULL;
  }
  if (self->headers == NULL)
    return sample;
  if (GST_BUFFER_PTS_IS_VALID (buffer) &&
      GST_BUFFER_PTS (buffer) != GST_BUFFER_PTS (self->headers)) {
    gst_clear_buffer (&self->headers);
    return sample;
  }

  joined = gst_buffer_append (g_steal_pointer (&self->headers),
      gst_buffer_ref (buffer));
  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT))
    GST_BUFFER_FLAG_UNSET (joined, GST_BUFFER_FLAG_DELTA_UNIT);
  sample = gst_sample_make_writable (sample);
  gst_sample_set_buffer (sample, joined);
  gst_buffer_unref (joined);

  return sample;
}

/* Parts of a frame, and what refers to it, are of no use to anybody. */
static gboolean
is_fit (Receiver *self, GstBuffer *buffer)
{
  if (pb_webrtc_codec_look_at (self->codec, buffer) == PB_WEBRTC_FRAME_PART ||
      !GST_BUFFER_PTS_IS_VALID (buffer) || /* the second part of one */
      GST_BUFFER_PTS (buffer) == self->broken_pts) {
    self->awaits_keyframe = TRUE;
    self->frame_us = 0;
  } else if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT)) {
    self->awaits_keyframe = FALSE;
  }
  if (self->awaits_keyframe)
    return FALSE;

  self->frame_us = g_get_monotonic_time ();

  return TRUE;
}

/* The depayloaders of 1.22 hand up what they have of a frame whose end was
 * lost. */
static void
watch_gaps (Receiver *self, GstBuffer *packet)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  if (packet == NULL || !gst_rtp_buffer_map (packet, GST_MAP_READ, &rtp))
    return;

  if (self->has_packet &&
      gst_rtp_buffer_get_seq (&rtp) != (guint16) (self->seqnum + 1)) {
    self->awaits_keyframe = TRUE;
    if (!self->is_last_of_frame)
      self->broken_pts = self->pts;
  }
  self->has_packet = TRUE;
  self->seqnum = gst_rtp_buffer_get_seq (&rtp);
  self->is_last_of_frame = gst_rtp_buffer_get_marker (&rtp);
  self->pts = GST_BUFFER_PTS (packet);
  gst_rtp_buffer_unmap (&rtp);
}

/* What the depayloader gets */
static GstPadProbeReturn
on_rtp (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Receiver *self = user_data;
  gint64 now_us = g_get_monotonic_time ();

  watch_gaps (self, GST_PAD_PROBE_INFO_BUFFER (info));
  if (now_us - MAX (self->frame_us, self->asked_us) < ASK_AGAIN_US)
    return GST_PAD_PROBE_OK;

  self->asked_us = now_us;
  gst_pad_push_event (pad,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          0));

  return GST_PAD_PROBE_OK;
}

/* What the depayloader makes of it. Of a keyframe that has parameter sets
 * before each of its slices, as rtph264pay with a config-interval of -1 sends
 * it, the depayloaders of 1.22 make a frame for each slice: they are one again
 * up to the packet that ends it, or one with another time. */
static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Receiver *self = user_data;
  GstBuffer *frame = GST_PAD_PROBE_INFO_BUFFER (info);

  if (self->part != NULL &&
      GST_BUFFER_PTS (self->part) == GST_BUFFER_PTS (frame)) {
    GstBuffer *rest = pb_webrtc_codec_look_at (self->codec, self->part) ==
                              PB_WEBRTC_FRAME_HEADERS
                          ? gst_buffer_ref (frame)
                          : pb_webrtc_codec_cut_headers (self->codec, frame);

    frame = gst_buffer_append (g_steal_pointer (&self->part), rest);
    gst_buffer_unref (GST_PAD_PROBE_INFO_BUFFER (info));
    info->data = frame;
  }
  /* its end was lost */
  gst_clear_buffer (&self->part);
  if (GST_BUFFER_PTS (frame) != self->pts || self->is_last_of_frame)
    return GST_PAD_PROBE_OK;

  self->part = gst_buffer_ref (frame);

  return GST_PAD_PROBE_DROP;
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user_data)
{
  Receiver *self = user_data;
  PbWebrtcPeer *peer = self->peer;
  GstSample *sample = gst_app_sink_pull_sample (sink);

  if (sample == NULL)
    return GST_FLOW_EOS;
  if (self->codec->is_video)
    sample = join_headers (self, sample);
  if (sample == NULL)
    return GST_FLOW_OK;
  if (self->codec->is_video && !is_fit (self, gst_sample_get_buffer (sample))) {
    gst_sample_unref (sample);
    return GST_FLOW_OK;
  }

  sample = set_running_time (sample);
  if (self->codec->is_video)
    count_frame (self, sample);
  g_rw_lock_reader_lock (&peer->calling);
  if (!peer->is_over && g_atomic_int_get (&peer->is_verified))
    peer->callbacks.received (peer, self->track, self->codec->is_video, sample,
        peer->user_data);
  g_rw_lock_reader_unlock (&peer->calling);
  gst_sample_unref (sample);

  return GST_FLOW_OK;
}

/* What nobody may send us, or nobody understands, ends here. */
static void
discard (PbWebrtcPeer *peer, GstPad *pad)
{
  g_autoptr (GstElement) parent = gst_pad_get_parent_element (pad);
  g_autoptr (GstObject) pipeline = gst_object_get_parent (GST_OBJECT (parent));
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstPad) sinkpad = gst_element_get_static_pad (sink, "sink");

  g_object_set (sink, "sync", FALSE, "async", FALSE, "enable-last-sample",
      FALSE, NULL);
  gst_bin_add (GST_BIN (pipeline), sink);
  gst_element_sync_state_with_parent (sink);
  gst_pad_link (pad, sinkpad);
}

static GstElement *
add (GstBin *bin, const char *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element != NULL)
    gst_bin_add (bin, element);

  return element;
}

/* Not every depayloader has it. */
static void
set_if_any (GstElement *element, const char *property)
{
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), property) !=
      NULL)
    g_object_set (element, property, TRUE, NULL);
}

static gboolean
link_chain (PbWebrtcPeer *peer, GstPad *pad, const PbWebrtcCodec *codec,
    guint track)
{
  static const GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
  g_autoptr (GstElement) webrtc = gst_pad_get_parent_element (pad);
  g_autoptr (GstObject) pipeline = gst_object_get_parent (GST_OBJECT (webrtc));
  g_autoptr (GstCaps) caps = gst_caps_from_string (codec->received);
  GstElement *depay = add (GST_BIN (pipeline), codec->depayloader);
  GstElement *parser =
      codec->parser != NULL ? add (GST_BIN (pipeline), codec->parser) : NULL;
  GstElement *sink = add (GST_BIN (pipeline), "appsink");
  g_autoptr (GstPad) sinkpad = NULL, srcpad = NULL;
  PbWebrtcReceiver *entry;
  Receiver *receiver;

  if (depay == NULL || sink == NULL ||
      (codec->parser != NULL && parser == NULL))
    return FALSE;

  set_if_any (depay, "request-keyframe");
  set_if_any (depay, "wait-for-keyframe");
  g_object_set (sink, "sync", FALSE, "async", FALSE, "enable-last-sample",
      FALSE, "caps", caps, NULL);
  receiver = g_atomic_rc_box_new0 (Receiver);
  receiver->peer = pb_webrtc_peer_ref (peer);
  receiver->track = track;
  receiver->codec = codec;
  receiver->frame_us = g_get_monotonic_time ();
  receiver->broken_pts = GST_CLOCK_TIME_NONE;
  gst_app_sink_set_callbacks (GST_APP_SINK (sink),
      (GstAppSinkCallbacks *) &callbacks, receiver, receiver_unref);
  /* `on_frame` reads start codes */
  if (parser != NULL ? !gst_element_link_filtered (depay, parser,
                           pb_webrtc_codec_has_slices (codec) ? caps : NULL) ||
                           !gst_element_link (parser, sink)
                     : !gst_element_link (depay, sink))
    return FALSE;

  gst_element_sync_state_with_parent (sink);
  if (parser != NULL)
    gst_element_sync_state_with_parent (parser);
  gst_element_sync_state_with_parent (depay);
  sinkpad = gst_element_get_static_pad (depay, "sink");
  srcpad = gst_element_get_static_pad (depay, "src");
  if (codec->is_video)
    gst_pad_add_probe (sinkpad, GST_PAD_PROBE_TYPE_BUFFER, on_rtp,
        g_atomic_rc_box_acquire (receiver), receiver_unref);
  if (pb_webrtc_codec_has_slices (codec))
    gst_pad_add_probe (srcpad, GST_PAD_PROBE_TYPE_BUFFER, on_frame,
        g_atomic_rc_box_acquire (receiver), receiver_unref);
  g_mutex_lock (&peer->lock);
  /* there is none any more where the peer is freed meanwhile */
  if (track < peer->receivers->len) {
    entry = &g_array_index (peer->receivers, PbWebrtcReceiver, track);
    gst_object_replace ((GstObject **) &entry->pad, GST_OBJECT (sinkpad));
    entry->codec = codec;
  }
  g_mutex_unlock (&peer->lock);

  return gst_pad_link (pad, sinkpad) == GST_PAD_LINK_OK;
}

/* Which track it is: that of the m-line; but webrtcbin takes a stream that no
 * a=ssrc announced for the first m-line, whatever it is. -1: none */
static int
find_track (PbWebrtcPeer *peer, guint mline, gboolean is_video)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&peer->lock);
  int found = -1;

  for (guint i = 0; i < peer->receivers->len; i++) {
    const PbWebrtcReceiver *receiver =
        &g_array_index (peer->receivers, PbWebrtcReceiver, i);

    if (receiver->is_video != is_video)
      continue;
    if (receiver->mline == mline)
      return (int) i;
    if (found < 0)
      found = (int) i;
  }

  return found;
}

/* Each stream costs a jitter buffer and threads: a counterpart that makes up
 * ever new ones is cut off. */
static gboolean
is_one_too_many (PbWebrtcPeer *peer)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&peer->lock);

  return ++peer->n_pads > PADS_MAX;
}

/* A streaming thread of webrtcbin's. */
void
pb_webrtc_receive_on_pad_added (GstElement *webrtc, GstPad *pad,
    PbWebrtcPeer *peer)
{
  g_autoptr (GstCaps) caps = NULL;
  g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;
  const GstStructure *structure;
  const PbWebrtcCodec *codec = NULL;
  guint mline = G_MAXUINT;
  int track = -1;

  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
    return;

  caps = gst_pad_get_current_caps (pad);
  if (caps == NULL)
    caps = gst_pad_query_caps (pad, NULL);
  g_object_get (pad, "transceiver", &transceiver, NULL);
  if (transceiver != NULL)
    g_object_get (transceiver, "mlineindex", &mline, NULL);
  structure = gst_caps_get_size (caps) > 0 && !gst_caps_is_any (caps)
                  ? gst_caps_get_structure (caps, 0)
                  : NULL;
  if (structure != NULL)
    codec = pb_webrtc_codec_from_encoding (
        g_strcmp0 (gst_structure_get_string (structure, "media"), "video") == 0,
        gst_structure_get_string (structure, "encoding-name"));
  if (codec != NULL)
    track = find_track (peer, mline, codec->is_video);
  if (is_one_too_many (peer)) {
    pb_webrtc_peer_fail (peer, PB_FAULT_INTERNAL, "too many streams");
    track = -1;
  }

  if (track < 0 || !link_chain (peer, pad, codec, track))
    discard (peer, pad);
}

/**
 * pb_webrtc_peer_ask_keyframe: (skip)
 * @self: a peer
 * @track: as in `received`
 */
void
pb_webrtc_peer_ask_keyframe (PbWebrtcPeer *self, guint track)
{
  g_autoptr (GstPad) pad = NULL;

  g_mutex_lock (&self->lock);
  if (track < self->receivers->len)
    pad = g_array_index (self->receivers, PbWebrtcReceiver, track).pad;
  if (pad != NULL)
    gst_object_ref (pad);
  g_mutex_unlock (&self->lock);
  if (pad != NULL)
    gst_pad_push_event (pad,
        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
            0));
}

/* What comes from the counterpart's address, whatever it is */
static GstPadProbeReturn
on_packet (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_atomic_int_inc (&((PbWebrtcPeer *) user_data)->n_packets);

  return GST_PAD_PROBE_OK;
}

/* webrtcbin makes it, before anything passes it. */
void
pb_webrtc_receive_watch (PbWebrtcPeer *peer, GstElement *nicesrc)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (nicesrc, "src");

  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_packet,
      pb_webrtc_peer_ref (peer), (GDestroyNotify) pb_webrtc_peer_unref);
}
