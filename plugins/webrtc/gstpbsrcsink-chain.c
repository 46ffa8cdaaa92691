/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrcsink-private.h"

#include "glue/pb-gst-debug.h"
#include "pb-encode.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* From a sink pad's entry to its media sink: raw media through an encoder,
 * encoded media through a parser. What it is, the first caps tell. */

/* Raw and live: what an encoder is too slow for is dropped, oldest first. */
#define RAW_TIME (200 * GST_MSECOND)

#define AUDIO_RAW "audio/x-raw, rate = (int) 48000, channels = (int) [ 1, 2 ]"

static GstPadProbeReturn
on_dropped (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/* What still comes goes nowhere: the element upstream would only add an error
 * of its own. */
static gboolean
fail (GstPbSrcSinkIn *in, GError *error)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (in->entry, "src");

  if (in->closed == 0)
    in->closed = gst_pad_add_probe (src,
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_dropped,
        NULL, NULL);
  gst_element_message_full (GST_ELEMENT (in->owner), GST_MESSAGE_ERROR,
      error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
      GST_FUNCTION, __LINE__);

  return FALSE;
}

static gboolean
add (GstPbSrcSinkIn *in, const char *name, GError **error)
{
  GstElement *element = gst_element_factory_make (name, NULL);
  g_autofree char *sentence = NULL;

  if (element == NULL) {
    sentence = pb_missing_dup_sentence (name);
    g_set_error_literal (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        sentence);
    return FALSE;
  }
  gst_bin_add (GST_BIN (in->owner), element);
  g_ptr_array_add (in->chain, element);

  return TRUE;
}

static gboolean
add_filter (GstPbSrcSinkIn *in, GstCaps *caps, GError **error)
{
  if (!add (in, "capsfilter", error))
    return FALSE;
  g_object_set (in->chain->pdata[in->chain->len - 1], "caps", caps, NULL);

  return TRUE;
}

static gboolean
add_filter_text (GstPbSrcSinkIn *in, const char *text, GError **error)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);

  return add_filter (in, caps, error);
}

static gboolean
add_parser (GstPbSrcSinkIn *in, PbCodec codec, GError **error)
{
  const char *name = pb_codec_get_parser (codec);
  GObject *parser;

  if (name == NULL)
    return TRUE;
  if (!add (in, name, error))
    return FALSE;
  parser = in->chain->pdata[in->chain->len - 1];
  /* Headers with every keyframe: a consumer may come at any time. */
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (parser),
          "config-interval") != NULL)
    g_object_set (parser, "config-interval", -1, NULL);

  return add_filter_text (in, pb_codec_get_form (codec), error);
}

/* Live pictures do not wait for a slow encoder; a file has time. What is
 * encoded already goes on in the thread that brings it, for nothing before the
 * connections takes time; SRT's muxer may. */
static gboolean
add_queue (GstPbSrcSinkIn *in, gboolean is_raw, GError **error)
{
  g_autoptr (GstElement) srt = gst_pb_src_sink_ref_srt (in->owner);
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  g_autoptr (GstPad) pad = gst_element_get_static_pad (in->entry, "sink");
  gboolean is_live = FALSE;

  if (!is_raw && srt == NULL)
    return TRUE;
  if (!add (in, "queue", error))
    return FALSE;

  if (is_raw && gst_pad_peer_query (pad, query))
    gst_query_parse_latency (query, &is_live, NULL, NULL);
  if (is_live)
    g_object_set (in->chain->pdata[0], "max-size-time", (guint64) RAW_TIME,
        "max-size-bytes", 0, "max-size-buffers", 0, "leaky", 2 /* old ones */,
        NULL);

  return TRUE;
}

static void
set_encoder (GstPbSrcSinkIn *in, GstElement *encoder)
{
  GstPbSrcSink *self = in->owner;
  GstElement *old;

  g_mutex_lock (&self->lock);
  old = in->encoder;
  in->encoder = encoder != NULL ? gst_object_ref (encoder) : NULL;
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&old, gst_object_unref);
}

/* (transfer floating) (nullable) */
static GstElement *
make_encoder (GstPbSrcSinkIn *in, GError **error)
{
  GstPbSrcSink *self = in->owner;

  in->codec = PB_CODEC_OPUS;
  if (in->is_video) {
    g_mutex_lock (&self->lock);
    in->codec = self->video_codec;
    g_mutex_unlock (&self->lock);
  }

  return in->codec == PB_CODEC_NONE ? pb_encode_make_any (&in->codec, error)
                                    : pb_encode_make (in->codec, error);
}

static gboolean
add_encoder (GstPbSrcSinkIn *in, GError **error)
{
  g_autoptr (GstCaps) caps = NULL;
  GstElement *encoder;

  if (in->is_video) {
    if (!add (in, "videoconvert", error))
      return FALSE;
  } else if (!add (in, "audioconvert", error) ||
             !add (in, "audioresample", error) ||
             !add_filter_text (in, AUDIO_RAW, error)) {
    return FALSE;
  }
  encoder = make_encoder (in, error);
  if (encoder == NULL)
    return FALSE;
  gst_bin_add (GST_BIN (in->owner), encoder);
  g_ptr_array_add (in->chain, encoder);
  set_encoder (in, encoder);
  gst_pb_src_sink_apply_rate (in->owner);
  caps = pb_encode_get_caps (encoder, in->codec);
  if (!add_filter (in, caps, error))
    return FALSE;

  return !in->is_video || add_parser (in, in->codec, error);
}

static gboolean
add_passage (GstPbSrcSinkIn *in, GstCaps *caps, GError **error)
{
  in->codec = pb_codec_of_caps (caps);
  if (in->codec == PB_CODEC_OTHER) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "WebRTC does not carry %s. Send H.264, H.265, VP8 or VP9, and Opus; or "
        "raw media, which is encoded here.",
        gst_structure_get_name (gst_caps_get_structure (caps, 0)));
    return FALSE;
  }

  return add_parser (in, in->codec, error);
}

static void
remove_chain (GstPbSrcSinkIn *in)
{
  set_encoder (in, NULL);
  for (guint i = 0; i < in->chain->len; i++) {
    GstElement *element = in->chain->pdata[i];

    gst_element_set_locked_state (element, TRUE);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (in->owner), element);
  }
  g_ptr_array_set_size (in->chain, 0);
  g_clear_pointer (&in->media_type, g_free);
}

void
gst_pb_src_sink_clear_chain (GstPbSrcSinkIn *in)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (in->entry, "src");

  if (in->closed != 0)
    gst_pad_remove_probe (src, in->closed);
  in->closed = 0;
  if (in->media_type == NULL)
    return;
  if (in->srt != NULL)
    gst_pb_src_sink_unlink_srt (in->owner, in->srt);
  g_clear_pointer (&in->srt, gst_object_unref);
  gst_element_unlink (in->entry,
      in->chain->len > 0 ? in->chain->pdata[0] : in->sink);
  remove_chain (in);
}

/* The last in the chain, where SRT takes part. */
static gboolean
add_tee (GstPbSrcSinkIn *in, GError **error)
{
  g_autoptr (GstElement) srt = gst_pb_src_sink_ref_srt (in->owner);

  if (srt == NULL || in->owner->is_receiver)
    return TRUE;
  if (!add (in, "tee", error))
    return FALSE;
  g_object_set (in->chain->pdata[in->chain->len - 1], "allow-not-linked", TRUE,
      NULL);

  return TRUE;
}

static void
link_srt (GstPbSrcSinkIn *in)
{
  GstElement *last =
      in->chain->len > 0 ? in->chain->pdata[in->chain->len - 1] : NULL;

  if (last != NULL && g_object_class_find_property (G_OBJECT_GET_CLASS (last),
                          "allow-not-linked") != NULL)
    in->srt = gst_pb_src_sink_link_srt (in->owner, last, in->codec);
}

static gboolean
link_chain (GstPbSrcSinkIn *in, GError **error)
{
  GstElement *last = in->sink;

  for (guint i = in->chain->len; i-- > 0;) {
    if (!gst_element_link (in->chain->pdata[i], last)) {
      g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_PAD,
          "%s cannot be linked to %s.", GST_ELEMENT_NAME (in->chain->pdata[i]),
          GST_ELEMENT_NAME (last));
      return FALSE;
    }
    last = in->chain->pdata[i];
    gst_element_sync_state_with_parent (last);
  }
  if (!gst_element_link (in->entry, last)) {
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "This kind of media cannot be sent.");
    return FALSE;
  }

  return TRUE;
}

/* Streaming thread, before the caps go further */
gboolean
gst_pb_src_sink_complete_chain (GstPbSrcSinkIn *in, GstCaps *caps)
{
  const char *media_type =
      gst_structure_get_name (gst_caps_get_structure (caps, 0));
  gboolean is_raw = pb_codec_is_raw (caps);
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (in->media_type, media_type) == 0)
    return TRUE;
  gst_pb_src_sink_clear_chain (in);
  GST_INFO_OBJECT (in->entry, "%s", media_type);
  in->media_type = g_strdup (media_type);
  if (!add_queue (in, is_raw, &error) ||
      !(is_raw ? add_encoder (in, &error) : add_passage (in, caps, &error)) ||
      !add_tee (in, &error) || !link_chain (in, &error))
    return fail (in, error);
  link_srt (in);

  return TRUE;
}
