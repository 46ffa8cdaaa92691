/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-random.h"
#include "glue/pb-timer.h"
#include "pb-webrtc-peer-private.h"

#include <string.h>

#include <gst/rtp/rtp.h>
#include <gst/video/video.h>

/* Leaves room for SRTP, header extensions, TURN and a tunnel below 1500. */
#define MTU 1200
/* Between keyframes that are asked for, two round trips, but not less or more
 * than this; the first few of a connection are not kept back: a counterpart may
 * not have been ready for the first. */
#define KEYFRAME_DISTANCE_US (500 * G_TIME_SPAN_MILLISECOND)
#define KEYFRAME_DISTANCE_MAX_US (2 * G_TIME_SPAN_SECOND)
#define PROMPT_KEYFRAMES 3

PbWebrtcSender *
pb_webrtc_sender_new (PbWebrtcPeer *peer, guint index,
    const PbWebrtcTrack *track)
{
  PbWebrtcSender *self = g_new0 (PbWebrtcSender, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->peer = peer;
  self->index = index;
  self->mline = -1;
  self->caps = gst_caps_ref (track->caps);
  self->codec = pb_webrtc_codec_from_caps (track->caps);
  pb_random_bytes (&self->ssrc, sizeof self->ssrc);
  self->ssrc |= 1;

  return self;
}

PbWebrtcSender *
pb_webrtc_sender_ref (PbWebrtcSender *self)
{
  g_atomic_ref_count_inc (&self->refs);

  return self;
}

void
pb_webrtc_sender_unref (gpointer data)
{
  PbWebrtcSender *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  gst_clear_object (&self->source);
  gst_clear_object (&self->sink);
  gst_clear_object (&self->transceiver);
  gst_caps_unref (self->caps);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* --- keyframes ------------------------------------------------------------ */

static void
tell_keyframe (PbWebrtcPeer *peer, gpointer unused)
{
  pb_timer_clear (&peer->keyframe_timer);
  peer->keyframe_us = g_get_monotonic_time ();
  if (peer->n_prompt_keyframes > 0)
    peer->n_prompt_keyframes--;
  peer->callbacks.needs_keyframe (peer, peer->user_data);
}

/* A callback may free the peer: it does not come from a source of its own. */
static gboolean
on_keyframe_due (gpointer user_data)
{
  PbWebrtcPeer *peer = user_data;

  pb_timer_clear (&peer->keyframe_timer);
  pb_webrtc_peer_post (peer, tell_keyframe, NULL, NULL);

  return G_SOURCE_REMOVE;
}

/* A narrow way that loses makes its receiver ask at each loss, and a keyframe,
 * ten times as large as another frame, is what fills its queue: each would call
 * for the next. So they keep a distance that empties the queue. What is asked
 * for within a round trip was asked before the last one could be seen. */
static void
do_keyframe (PbWebrtcPeer *peer, gpointer unused)
{
  gint64 rtt_us = pb_webrtc_rate_get_rtt (peer->rate);
  gint64 distance_us =
      CLAMP (2 * rtt_us, KEYFRAME_DISTANCE_US, KEYFRAME_DISTANCE_MAX_US);
  gint64 since_us = g_get_monotonic_time () - peer->keyframe_us;

  g_atomic_int_set (&peer->keyframe_asked, FALSE);
  if (peer->keyframe_timer != NULL)
    return;

  if (peer->keyframe_us == 0 || peer->n_prompt_keyframes > 0 ||
      since_us >= distance_us)
    tell_keyframe (peer, NULL);
  else if (since_us >= MIN (rtt_us, KEYFRAME_DISTANCE_MAX_US))
    peer->keyframe_timer = pb_timer_new (peer->context,
        (guint) ((distance_us - since_us) / 1000 + 1), on_keyframe_due, peer);
}

/* Any thread. */
void
pb_webrtc_send_ask_keyframe (PbWebrtcPeer *peer)
{
  if (g_atomic_int_compare_and_exchange (&peer->keyframe_asked, FALSE, TRUE))
    pb_webrtc_peer_post (peer, do_keyframe, NULL, NULL);
}

void
pb_webrtc_send_restart (PbWebrtcPeer *peer)
{
  for (guint i = 0; i < peer->senders->len; i++)
    pb_webrtc_rate_restart (peer->rate, i);
  pb_timer_clear (&peer->keyframe_timer);
  peer->n_prompt_keyframes = PROMPT_KEYFRAMES;
}

/* What comes back of what we send. */
static GstPadProbeReturn
on_upstream (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  PbWebrtcPeer *peer = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  /* The parser would have the payloader send the parameter sets once more, and
   * as a frame of their own. */
  if (gst_video_event_is_force_key_unit (event)) {
    pb_webrtc_send_ask_keyframe (peer);
    return GST_PAD_PROBE_DROP;
  }
  if (pb_webrtc_rate_take_event (peer->rate, event))
    pb_webrtc_peer_tell_estimate (peer);

  return GST_PAD_PROBE_OK;
}

static void
set_up_payloader (PbWebrtcSender *self, GstElement *payloader, guint payload,
    guint extmap)
{
  const char *encoding = self->codec->encoding;

  g_object_set (payloader, "pt", payload, "ssrc", self->ssrc, "mtu", MTU, NULL);
  if (strcmp (encoding, "H264") == 0 || strcmp (encoding, "H265") == 0) {
    gst_util_set_object_arg (G_OBJECT (payloader), "aggregate-mode",
        "zero-latency");
  } else if (self->codec->is_video) {
    gst_util_set_object_arg (G_OBJECT (payloader), "picture-id-mode", "15-bit");
  }
  if (extmap != 0) {
    g_autoptr (GstRTPHeaderExtension) extension =
        gst_rtp_header_extension_create_from_uri (PB_WEBRTC_TWCC_URI);

    if (extension != NULL) {
      gst_rtp_header_extension_set_id (extension, extmap);
      g_signal_emit_by_name (payloader, "add-extension", extension);
    }
  }
}

/* webrtcbin takes a stream up when it has its caps: they do not wait for the
 * first frame. */
static void
send_caps (PbWebrtcSender *self, GstPad *src, GstCaps *caps)
{
  g_autofree char *id = g_strdup_printf ("track-%u", self->index);

  gst_pad_push_event (src, gst_event_new_stream_start (id));
  gst_pad_push_event (src, gst_event_new_caps (caps));
}

/* A byte stream has its parameter sets in it, before each keyframe: whoever
 * pushes it sees to that. avc1, hev1 and the like have them in their caps. */
static gboolean
needs_parser (PbWebrtcSender *self)
{
  const GstStructure *structure = gst_caps_get_structure (self->caps, 0);

  return (strcmp (self->codec->encoding, "H264") == 0 ||
             strcmp (self->codec->encoding, "H265") == 0) &&
         g_strcmp0 (gst_structure_get_string (structure, "stream-format"),
             "byte-stream") != 0;
}

/* FALSE: its elements are not there. Parameter sets are for a parser before the
 * payloader: the payloader itself, of 1.22, puts them before each slice of a
 * keyframe, and a depayloader takes every slice for a frame then. */
static gboolean
make_chain (PbWebrtcSender *self, GstBin *bin, GstElement **source,
    GstElement **payloader, GstElement **setter)
{
  const char *parser = needs_parser (self) ? self->codec->parser : NULL;
  const char *const factories[] = { "appsrc", self->codec->payloader,
    "capssetter", parser };
  GstElement *made[G_N_ELEMENTS (factories)] = { NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (factories) && factories[i] != NULL; i++) {
    made[i] = gst_element_factory_make (factories[i], NULL);
    if (made[i] == NULL)
      return FALSE;
    gst_bin_add (bin, made[i]);
  }
  *source = made[0];
  *payloader = made[1];
  *setter = made[2];
  if (made[3] == NULL)
    return gst_element_link_many (made[0], made[1], made[2], NULL);

  g_object_set (made[3], "config-interval", -1, NULL);

  return gst_element_link_many (made[0], made[3], made[1], made[2], NULL) &&
         gst_element_sync_state_with_parent (made[3]);
}

gboolean
pb_webrtc_sender_link (PbWebrtcSender *self, guint payload, guint extmap,
    GstCaps *caps)
{
  PbWebrtcPeer *peer = self->peer;
  GstElement *source, *payloader, *setter;
  GstPadTemplate *templ =
      gst_element_get_pad_template (peer->webrtc, "sink_%u");
  g_autofree char *name = g_strdup_printf ("sink_%d", self->mline);
  g_autoptr (GstPad) src = NULL, probed = NULL;

  if (!make_chain (self, GST_BIN (peer->pipeline), &source, &payloader,
          &setter))
    return FALSE;
  g_object_set (source, "is-live", TRUE, "format", GST_FORMAT_TIME, "caps",
      self->caps, "max-bytes", G_GUINT64_CONSTANT (0), "max-buffers",
      G_GUINT64_CONSTANT (0), "max-time", G_GUINT64_CONSTANT (0), NULL);
  set_up_payloader (self, payloader, payload, extmap);
  /* What the payloader says of the stream is more than what was negotiated, and
   * webrtcbin refuses what differs in anything. */
  g_object_set (setter, "caps", caps, "join", FALSE, "replace", TRUE, NULL);

  self->sink = gst_element_request_pad (peer->webrtc, templ, name, caps);
  src = gst_element_get_static_pad (setter, "src");
  if (self->sink == NULL || gst_pad_link (src, self->sink) != GST_PAD_LINK_OK)
    return FALSE;

  g_object_get (self->sink, "transceiver", &self->transceiver, NULL);
  if (self->transceiver == NULL)
    return FALSE;
  probed = gst_element_get_static_pad (payloader, "src");
  gst_pad_add_probe (probed, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream,
      pb_webrtc_peer_ref (peer), (GDestroyNotify) pb_webrtc_peer_unref);

  gst_element_sync_state_with_parent (setter);
  send_caps (self, src, caps);
  gst_element_sync_state_with_parent (payloader);
  gst_element_sync_state_with_parent (source);
  g_mutex_lock (&self->lock);
  self->source = gst_object_ref (GST_APP_SRC (source));
  g_mutex_unlock (&self->lock);

  return TRUE;
}

/* Of the same codec. */
void
pb_webrtc_sender_set_caps (PbWebrtcSender *self, GstCaps *caps)
{
  if (gst_caps_is_equal (self->caps, caps))
    return;

  gst_caps_replace (&self->caps, caps);
  if (self->source != NULL)
    gst_app_src_set_caps (self->source, caps);
}

/* Any thread. */
void
pb_webrtc_sender_push (PbWebrtcSender *self, GstBuffer *buffer)
{
  g_autoptr (GstAppSrc) source = NULL;
  gboolean wants_keyframe = FALSE, is_due;

  if (!g_atomic_int_get (&self->is_wanted))
    return;

  g_mutex_lock (&self->lock);
  if (self->source != NULL)
    source = gst_object_ref (self->source);
  g_mutex_unlock (&self->lock);
  if (source == NULL)
    return;

  is_due = pb_webrtc_rate_admit (self->peer->rate, self->index,
      self->codec->is_video, buffer,
      gst_app_src_get_current_level_time (source), &wants_keyframe);
  if (is_due)
    gst_app_src_push_buffer (source, gst_buffer_ref (buffer));
  if (is_due && self->codec->is_video)
    g_atomic_int_inc (&self->peer->n_frames_sent);
  if (wants_keyframe)
    pb_webrtc_send_ask_keyframe (self->peer);
}

/* What goes to the counterpart, whatever it is */
static GstPadProbeReturn
on_sent (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  PbWebrtcPeer *peer = user_data;
  GstBufferList *list;

  if ((GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) != 0) {
    list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);
    pb_webrtc_rate_note_sent (peer->rate, gst_buffer_list_length (list),
        gst_buffer_list_calculate_size (list));
  } else {
    pb_webrtc_rate_note_sent (peer->rate, 1,
        gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info)));
  }

  return GST_PAD_PROBE_OK;
}

void
pb_webrtc_send_watch (PbWebrtcPeer *peer, GstElement *nicesink)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (nicesink, "sink");

  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_sent,
      pb_webrtc_peer_ref (peer), (GDestroyNotify) pb_webrtc_peer_unref);
}

void
pb_webrtc_send_on_repeater (PbWebrtcPeer *peer, GstElement *rtxsend)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&peer->lock);

  if (!peer->is_closed)
    g_ptr_array_add (peer->repeaters, gst_object_ref (rtxsend));
}
