/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-jpeg.h"

#include <gst/app/app.h>

/* Of a picture of 320 pixels, which takes a millisecond */
#define ENCODE_TIME (2 * GST_SECOND)

/* (transfer full) (nullable) */
static GBytes *
encode (GstElement *src, GstElement *encoder, GstElement *sink,
    GstBuffer *picture, int quality)
{
  g_autoptr (GstSample) sample = NULL;
  GstMapInfo map;
  GBytes *jpeg;

  g_object_set (encoder, "quality", quality, NULL);
  if (gst_app_src_push_buffer (GST_APP_SRC (src), gst_buffer_ref (picture)) !=
      GST_FLOW_OK)
    return NULL;
  sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), ENCODE_TIME);
  if (sample == NULL ||
      !gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ))
    return NULL;
  jpeg = g_bytes_new (map.data, map.size);
  gst_buffer_unmap (gst_sample_get_buffer (sample), &map);

  return jpeg;
}

/* As good as fits. (transfer full) (nullable) */
static GBytes *
encode_to_fit (GstElement *src, GstElement *encoder, GstElement *sink,
    GstBuffer *picture, gsize max)
{
  /* the first is good; the last is a picture still */
  static const int qualities[] = { 80, 60, 40, 20, 10, 4 };

  for (guint i = 0; i < G_N_ELEMENTS (qualities); i++) {
    g_autoptr (GBytes) jpeg =
        encode (src, encoder, sink, picture, qualities[i]);

    if (jpeg == NULL)
      return NULL;
    if (g_bytes_get_size (jpeg) <= max)
      return g_steal_pointer (&jpeg);
  }

  return NULL;
}

/**
 * pb_gst_jpeg_print: (skip)
 * @sample: as pb_gst_picture_wait() gave it
 * @max: how many octets it may take
 * @error: a sentence for the log
 *
 * Returns: (transfer full) (nullable): a JPEG
 */
GBytes *
pb_gst_jpeg_print (GstSample *sample, gsize max, GError **error)
{
  g_autoptr (GstElement) pipeline =
      gst_object_ref_sink (gst_pipeline_new (NULL));
  GstElement *src = gst_element_factory_make ("appsrc", NULL);
  GstElement *encoder = gst_element_factory_make ("jpegenc", NULL);
  GstElement *sink = gst_element_factory_make ("appsink", NULL);
  GstElement *elements[] = { src, encoder, sink };
  GBytes *jpeg;

  for (guint i = 0; i < G_N_ELEMENTS (elements); i++)
    if (elements[i] != NULL)
      gst_bin_add (GST_BIN (pipeline), elements[i]);
  if (src == NULL || encoder == NULL || sink == NULL ||
      !gst_element_link_many (src, encoder, sink, NULL)) {
    g_set_error_literal (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "Nothing here makes a JPEG.");
    return NULL;
  }

  g_object_set (src, "caps", gst_sample_get_caps (sample), "format",
      GST_FORMAT_TIME, NULL);
  g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  jpeg =
      encode_to_fit (src, encoder, sink, gst_sample_get_buffer (sample), max);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (jpeg == NULL)
    g_set_error_literal (error, GST_CORE_ERROR, GST_CORE_ERROR_FAILED,
        "It fits no message.");

  return jpeg;
}
