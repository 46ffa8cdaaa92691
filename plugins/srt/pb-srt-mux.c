/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-mux.h"

#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug_srt_bin

/* Elements of a branch, kept as data of its queue */
#define PARSER "pb-parser"

/* clang-format off */
static const struct {
  const char *caps;
  const char *parser;
  gboolean repeats_headers; /* has config-interval */
} formats[] = {
  /* Headers with every key frame: a receiver may come at any time. */
  { "video/x-h264", "h264parse", TRUE },
  { "video/x-h265", "h265parse", TRUE },
  { "video/mpeg, mpegversion = (int) { 1, 2 }", "mpegvideoparse", FALSE },
  { "audio/mpeg, mpegversion = (int) 1", "mpegaudioparse", FALSE },
  { "audio/mpeg, mpegversion = (int) { 2, 4 }", "aacparse", FALSE },
  { "audio/x-ac3", "ac3parse", FALSE },
  { "audio/x-opus", "opusparse", FALSE },
};
/* clang-format on */

/**
 * pb_srt_mux_new:
 *
 * Returns: (transfer floating) (nullable): the muxer
 */
GstElement *
pb_srt_mux_new (void)
{
  GstElement *mux = gst_element_factory_make ("mpegtsmux", NULL);

  /* seven packets are one SRT payload */
  if (mux != NULL)
    g_object_set (mux, "alignment", 7, NULL);

  return mux;
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/* What still comes down the branch goes nowhere: the element upstream would
 * only add an error of its own. */
static void
close_branch (GstElement *queue)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (queue, "src");

  gst_pad_add_probe (src,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_data, NULL,
      NULL);
}

static gboolean
fail_format (GstObject *bin, GstElement *queue, const char *detail)
{
  close_branch (queue);
  GST_ELEMENT_ERROR (bin, STREAM, FORMAT,
      ("This kind of media cannot be put into a transport stream."),
      ("%s", detail));

  return FALSE;
}

static gboolean
fail_missing (GstObject *bin, GstElement *queue, const char *name)
{
  close_branch (queue);
  GST_ELEMENT_ERROR (bin, CORE, MISSING_PLUGIN,
      ("The GStreamer element %s is not installed.", name), (NULL));

  return FALSE;
}

static const char *
find_parser (GstCaps *caps, gboolean *repeats_headers)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GstCaps) format = gst_caps_from_string (formats[i].caps);

    if (!gst_caps_can_intersect (caps, format))
      continue;
    *repeats_headers = formats[i].repeats_headers;
    return formats[i].parser;
  }

  return NULL;
}

/* Streaming thread, before the caps go further */
static gboolean
complete (GstElement *queue, GstElement *mux, GstCaps *caps)
{
  g_autoptr (GstObject) bin = gst_object_get_parent (GST_OBJECT (queue));
  gboolean repeats_headers = FALSE;
  const char *name = find_parser (caps, &repeats_headers);
  GstElement *parser;

  if (bin == NULL)
    return FALSE;
  if (name == NULL) {
    g_autofree char *text = gst_caps_to_string (caps);

    return fail_format (bin, queue, text);
  }
  parser = gst_element_factory_make (name, NULL);
  if (parser == NULL)
    return fail_missing (bin, queue, name);
  if (repeats_headers)
    g_object_set (parser, "config-interval", -1, NULL);

  gst_bin_add (GST_BIN (bin), parser);
  g_object_set_data (G_OBJECT (queue), PARSER, parser);
  if (!gst_element_link (parser, mux) ||
      !gst_element_link_pads (queue, "src", parser, "sink"))
    return fail_format (bin, queue, name);

  return gst_element_sync_state_with_parent (parser);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GstElement) queue = gst_pad_get_parent_element (pad);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  if (queue == NULL || g_object_get_data (G_OBJECT (queue), PARSER) != NULL)
    return GST_PAD_PROBE_REMOVE;

  gst_event_parse_caps (event, &caps);
  complete (queue, GST_ELEMENT (user_data), caps);

  return GST_PAD_PROBE_REMOVE;
}

/**
 * pb_srt_mux_add_branch:
 * @bin: holds @mux and will hold the branch
 * @mux: the muxer
 *
 * Returns: (transfer full) (nullable): where the stream goes in
 */
GstPad *
pb_srt_mux_add_branch (GstBin *bin, GstElement *mux)
{
  GstElement *queue = gst_element_factory_make ("queue", NULL);
  g_autoptr (GstPad) src = NULL;

  if (queue == NULL)
    return NULL;

  gst_bin_add (bin, queue);
  src = gst_element_get_static_pad (queue, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event,
      gst_object_ref (mux), gst_object_unref);
  gst_element_sync_state_with_parent (queue);

  return gst_element_get_static_pad (queue, "sink");
}

/**
 * pb_srt_mux_remove_branch:
 * @bin: holds the branch
 * @mux: the muxer
 * @pad: the branch's sink pad
 */
void
pb_srt_mux_remove_branch (GstBin *bin, GstElement *mux, GstPad *pad)
{
  g_autoptr (GstElement) queue = gst_pad_get_parent_element (pad);
  GstElement *parser;

  if (queue == NULL)
    return;

  parser = g_object_get_data (G_OBJECT (queue), PARSER);
  gst_element_set_locked_state (queue, TRUE);
  gst_element_set_state (queue, GST_STATE_NULL);
  if (parser != NULL) {
    g_autoptr (GstPad) src = gst_element_get_static_pad (parser, "src");
    g_autoptr (GstPad) in = gst_pad_get_peer (src);

    gst_element_set_locked_state (parser, TRUE);
    gst_element_set_state (parser, GST_STATE_NULL);
    if (in != NULL) {
      gst_pad_unlink (src, in);
      gst_element_release_request_pad (mux, in);
    }
    gst_bin_remove (bin, parser);
  }
  gst_bin_remove (bin, queue);
}
