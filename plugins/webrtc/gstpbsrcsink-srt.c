/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrcsink-private.h"

#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-uri.h"
#include "gstpbmediasink.h"
#include "srt/gstpbsrtbin.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* The other transport: a pbsrtbin inside, under the same registration. It sends
 * what the chains of the sink pads bring, beside WebRTC; what it receives takes
 * the same way out as what comes over WebRTC, so that an application sees no
 * difference. */

/* Our own muxer's clock is 125 ms early; what tsdemux assumes of anybody's is
 * 700. */
#define DEMUX_MS 200

/* clang-format off */
static const struct {
  const char *caps;
  const char *parser;
  const char *form;
} formats[] = {
  { "video/x-h264", "h264parse",
    "video/x-h264, stream-format = (string) byte-stream, alignment = (string) au" },
  { "video/x-h265", "h265parse",
    "video/x-h265, stream-format = (string) byte-stream, alignment = (string) au" },
  { "video/mpeg", "mpegvideoparse", "video/mpeg" },
  { "audio/x-opus", "opusparse", "audio/x-opus" },
  { "audio/mpeg, mpegversion = (int) 1", "mpegaudioparse", "audio/mpeg" },
  { "audio/mpeg, mpegversion = (int) { 2, 4 }", "aacparse", "audio/mpeg" },
  { "audio/x-ac3", "ac3parse", "audio/x-ac3" },
};
/* clang-format on */

/* --- sending -------------------------------------------------------------- */

/* Muxing for nobody costs, so nothing goes in before somebody is there. */
static GstPadProbeReturn
on_sent (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstPbSrcSink *self = user_data;

  return g_atomic_int_get (&self->srt_is_up) ? GST_PAD_PROBE_OK
                                             : GST_PAD_PROBE_DROP;
}

static void
on_state (GObject *srt, GParamSpec *pspec, gpointer user_data)
{
  GstPbSrcSink *self = user_data;
  g_autoptr (PbWebrtcEnd) end = gst_pb_src_sink_ref_end (self);
  int state;
  gboolean is_up;

  g_object_get (srt, "state", &state, NULL);
  is_up = state == PB_STATE_CONNECTED || state == PB_STATE_RELAYING;
  if (is_up && g_atomic_int_compare_and_exchange (&self->srt_is_up, 0, 1))
    gst_pb_src_sink_ask_keyframe (self);
  else
    g_atomic_int_set (&self->srt_is_up, is_up);
  if (end != NULL)
    pb_webrtc_end_set_srt_up (end, is_up);
  g_object_notify_by_pspec (G_OBJECT (self), gst_pb_src_sink_props[PROP_STATE]);
  g_object_notify_by_pspec (G_OBJECT (self),
      gst_pb_src_sink_props[PROP_CONSUMERS]);
}

static void
on_tally (GObject *srt, GParamSpec *pspec, gpointer user_data)
{
  GstPbSrcSink *self = user_data;

  if (self->transport == GST_PB_SRC_SINK_TRANSPORT_SRT)
    g_object_notify_by_pspec (G_OBJECT (self),
        gst_pb_src_sink_props[PROP_TALLY]);
}

/* (transfer full) (nullable) */
GstElement *
gst_pb_src_sink_ref_srt (GstPbSrcSink *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->srt != NULL ? gst_object_ref (self->srt) : NULL;
}

/* pbsrtbin expects its pads to be requested by one thread; here each stream has
 * one of its own. */
static GstPad *
request_pad (GstPbSrcSink *self, GstElement *srt, const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->srt_lock);

  return gst_element_request_pad_simple (srt, name);
}

/* Streaming thread. (transfer full) (nullable): its pad, linked to `tee`; none
 * where this does not go over SRT. */
GstPad *
gst_pb_src_sink_link_srt (GstPbSrcSink *self, GstElement *tee, PbCodec codec)
{
  g_autoptr (GstElement) srt = gst_pb_src_sink_ref_srt (self);
  g_autoptr (GstPad) src = NULL;
  GstPad *sink;

  if (srt == NULL || self->is_receiver)
    return NULL;
  if (codec != PB_CODEC_H264 && codec != PB_CODEC_H265 &&
      codec != PB_CODEC_OPUS) {
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("Who receives over SRT gets nothing of %s: send H.264 or H.265.",
            pb_codec_get_media_type (codec)),
        (NULL));
    return NULL;
  }

  sink =
      request_pad (self, srt, codec == PB_CODEC_OPUS ? "audio_%u" : "video_%u");
  src = gst_element_request_pad_simple (tee, "src_%u");
  if (sink == NULL || src == NULL) {
    g_clear_pointer (&sink, gst_object_unref);
    return NULL;
  }
  gst_pad_add_probe (src,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_sent, self,
      NULL);
  gst_pad_link_full (src, sink, GST_PAD_LINK_CHECK_NOTHING);
  /* the first one brings it up */
  gst_element_set_locked_state (srt, FALSE);
  gst_element_sync_state_with_parent (srt);

  return sink;
}

void
gst_pb_src_sink_unlink_srt (GstPbSrcSink *self, GstPad *pad)
{
  g_autoptr (GstElement) srt = gst_pb_src_sink_ref_srt (self);

  if (srt == NULL)
    return;

  g_mutex_lock (&self->srt_lock);
  gst_element_release_request_pad (srt, pad);
  g_mutex_unlock (&self->srt_lock);
}

/* --- receiving ------------------------------------------------------------ */

typedef struct
{
  GstPbSrcSink *owner; /* unowned */
  GstElement *parser;  /* unowned: the bin's */
  GstElement *filter;  /* unowned: the bin's */
  GstElement *sink;    /* unowned: the bin's */
  GstPad *pad;         /* unowned: the demuxer's */
  guint track;

  /* streaming thread */
  GstCaps *caps; /* (nullable), owned */
} Bridge;

static void
on_bridge_caps (GstCaps *caps, gpointer user_data)
{
  Bridge *bridge = user_data;
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  g_autoptr (GstPad) pad = gst_element_get_static_pad (bridge->sink, "sink");
  GstClockTime least = 0;

  gst_caps_replace (&bridge->caps, caps);
  if (gst_pad_peer_query (pad, query)) {
    gst_query_parse_latency (query, NULL, &least, NULL);
    gst_pb_src_sink_set_out_latency (bridge->owner,
        (guint) (least / GST_MSECOND));
  }
}

static void
on_bridge_buffer (GstBuffer *buffer, gpointer user_data)
{
  Bridge *bridge = user_data;
  g_autoptr (GstSample) sample =
      gst_sample_new (buffer, bridge->caps, NULL, NULL);

  if (bridge->caps != NULL)
    gst_pb_src_sink_take (bridge->owner, 0, bridge->track,
        g_str_has_prefix (gst_structure_get_name (
                              gst_caps_get_structure (bridge->caps, 0)),
            "video/"),
        sample);
}

static void
remove_child (GstPbSrcSink *self, GstElement **child)
{
  GstElement *element = g_steal_pointer (child);

  if (element == NULL)
    return;
  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), element);
}

static void
bridge_free (gpointer data)
{
  Bridge *bridge = data;

  remove_child (bridge->owner, &bridge->parser);
  remove_child (bridge->owner, &bridge->filter);
  remove_child (bridge->owner, &bridge->sink);
  gst_caps_replace (&bridge->caps, NULL);
  g_free (bridge);
}

static int
find_format (GstCaps *caps)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GstCaps) format = gst_caps_from_string (formats[i].caps);

    if (gst_caps_can_intersect (caps, format))
      return (int) i;
  }

  return -1;
}

static gboolean
build_bridge (Bridge *bridge, int format)
{
  static const GstPbMediaSinkCallbacks callbacks = { on_bridge_caps,
    on_bridge_buffer, NULL };
  GstPbSrcSink *self = bridge->owner;
  g_autoptr (GstCaps) form = gst_caps_from_string (formats[format].form);
  g_autofree char *sentence = NULL;

  bridge->parser = gst_element_factory_make (formats[format].parser, NULL);
  if (bridge->parser == NULL) {
    sentence = pb_missing_dup_sentence (formats[format].parser);
    GST_ELEMENT_ERROR (self, CORE, MISSING_PLUGIN, ("%s", sentence), (NULL));
    return FALSE;
  }
  bridge->filter = gst_element_factory_make ("capsfilter", NULL);
  g_object_set (bridge->filter, "caps", form, NULL);
  bridge->sink = g_object_new (GST_TYPE_PB_MEDIA_SINK, NULL);
  gst_pb_media_sink_set_callbacks (GST_PB_MEDIA_SINK (bridge->sink), &callbacks,
      bridge);
  gst_pb_media_sink_set_unpaced (GST_PB_MEDIA_SINK (bridge->sink));
  /* Its EOS is not the element's. */
  GST_OBJECT_FLAG_UNSET (bridge->sink, GST_ELEMENT_FLAG_SINK);
  gst_bin_add_many (GST_BIN (self), bridge->parser, bridge->filter,
      bridge->sink, NULL);

  return gst_element_link_many (bridge->parser, bridge->filter, bridge->sink,
      NULL);
}

/* The demuxer's thread */
static void
on_demux_pad (GstElement *demux, GstPad *pad, gpointer user_data)
{
  GstPbSrcSink *self = user_data;
  g_autoptr (GstCaps) caps = gst_pad_query_caps (pad, NULL);
  g_autoptr (GstPad) sink = NULL;
  int format = find_format (caps);
  Bridge *bridge;

  if (format < 0) {
    GST_INFO_OBJECT (self, "passing over %" GST_PTR_FORMAT, caps);
    return;
  }

  bridge = g_new0 (Bridge, 1);
  bridge->owner = self;
  bridge->pad = pad;
  g_mutex_lock (&self->lock);
  bridge->track = self->n_bridges++;
  g_ptr_array_add (self->bridges, bridge);
  g_mutex_unlock (&self->lock);
  if (!build_bridge (bridge, format))
    return;
  gst_element_sync_state_with_parent (bridge->sink);
  gst_element_sync_state_with_parent (bridge->filter);
  gst_element_sync_state_with_parent (bridge->parser);
  sink = gst_element_get_static_pad (bridge->parser, "sink");
  gst_pad_link (pad, sink);
}

static void
on_demux_pad_gone (GstElement *demux, GstPad *pad, gpointer user_data)
{
  GstPbSrcSink *self = user_data;
  Bridge *bridge = NULL;

  g_mutex_lock (&self->lock);
  for (guint i = 0; bridge == NULL && i < self->bridges->len; i++)
    if (((Bridge *) self->bridges->pdata[i])->pad == pad)
      bridge = g_ptr_array_steal_index (self->bridges, i);
  g_mutex_unlock (&self->lock);
  if (bridge != NULL)
    bridge_free (bridge);
}

static gboolean
add_demuxer (GstPbSrcSink *self, GstElement *srt)
{
  GstElement *demux = gst_element_factory_make ("tsdemux", NULL);
  g_autofree char *sentence = NULL;

  if (demux == NULL) {
    sentence = pb_missing_dup_sentence ("tsdemux");
    GST_ELEMENT_ERROR (self, CORE, MISSING_PLUGIN, ("%s", sentence), (NULL));
    return FALSE;
  }
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (demux), "latency") !=
      NULL)
    g_object_set (demux, "latency", DEMUX_MS, NULL);
  g_signal_connect (demux, "pad-added", G_CALLBACK (on_demux_pad), self);
  g_signal_connect (demux, "pad-removed", G_CALLBACK (on_demux_pad_gone), self);
  gst_bin_add (GST_BIN (self), demux);
  self->demux = demux;

  return gst_element_link_pads (srt, "src", demux, "sink");
}

/* --- its life ------------------------------------------------------------- */

static void
set_up (GstPbSrcSink *self, GstElement *srt)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autofree char *uri = pb_gst_uri_print (self->settings.uri);
  g_autoptr (GstContext) context = pb_gst_session_to_context (self->session);

  /* It needs no token of its own: the session is ours. */
  g_object_set (srt, "uri", uri, "stream", self->stream, "insecure",
      self->settings.insecure, "local-address", self->local_address, "latency",
      self->latency_ms, "health-interval", self->health_interval_ms,
      "thumbnails", self->thumbnails, NULL);
  gst_element_set_context (srt, context);
}

/* From READY to PAUSED. `shared` (nullable): alone */
gboolean
gst_pb_src_sink_start_srt (GstPbSrcSink *self, const PbRegistration *shared)
{
  GstElement *srt = g_object_new (GST_TYPE_PB_SRT_BIN, "name", "srt", NULL);

  set_up (self, srt);
  if (shared != NULL)
    gst_pb_srt_bin_share (GST_PB_SRT_BIN (srt), shared);
  g_signal_connect (srt, "notify::state", G_CALLBACK (on_state), self);
  g_signal_connect (srt, "notify::tally", G_CALLBACK (on_tally), self);
  /* A sender comes up when it has something to send. */
  gst_element_set_locked_state (srt, !self->is_receiver);
  gst_bin_add (GST_BIN (self), srt);
  g_mutex_lock (&self->lock);
  self->srt = srt;
  g_mutex_unlock (&self->lock);

  return !self->is_receiver || add_demuxer (self, srt);
}

/* No data flow any more. */
void
gst_pb_src_sink_stop_srt (GstPbSrcSink *self)
{
  GstElement *srt;

  g_mutex_lock (&self->lock);
  srt = g_steal_pointer (&self->srt);
  g_mutex_unlock (&self->lock);
  if (srt == NULL)
    return;

  g_signal_handlers_disconnect_by_data (srt, self);
  remove_child (self, &srt);
  if (self->demux != NULL)
    g_signal_handlers_disconnect_by_data (self->demux, self);
  remove_child (self, &self->demux);
  while (self->bridges->len > 0)
    bridge_free (g_ptr_array_steal_index (self->bridges, 0));
  self->n_bridges = 0;
  g_atomic_int_set (&self->srt_is_up, 0);
}
