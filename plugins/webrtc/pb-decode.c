/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-decode.h"

#include "glue/pb-gst-debug.h"
#include "pb-codec.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* The usual one, which a person would install */
static const char *
get_usual (const GstCaps *caps)
{
  switch (pb_codec_of_caps (caps)) {
    case PB_CODEC_H264:
      return "avdec_h264";
    case PB_CODEC_H265:
      return "avdec_h265";
    case PB_CODEC_VP8:
      return "vp8dec";
    case PB_CODEC_VP9:
      return "vp9dec";
    case PB_CODEC_OPUS:
      return "opusdec";
    default:
      return NULL;
  }
}

static GstElement *
try_out (GstElementFactory *factory)
{
  GstElement *decoder = gst_element_factory_create (factory, NULL);
  GstStateChangeReturn result;

  if (decoder == NULL)
    return NULL;

  /* A driver that is registered may still have no device. */
  result = gst_element_set_state (decoder, GST_STATE_READY);
  gst_element_set_state (decoder, GST_STATE_NULL);
  if (result != GST_STATE_CHANGE_FAILURE)
    return decoder;
  GST_INFO ("%s does not open", GST_OBJECT_NAME (factory));
  gst_object_ref_sink (decoder);
  gst_object_unref (decoder);

  return NULL;
}

static void
set_missing (const GstCaps *caps, GError **error)
{
  const char *usual = get_usual (caps);
  g_autofree char *sentence =
      usual != NULL
          ? pb_missing_dup_sentence (usual)
          : g_strdup_printf ("There is no decoder for %s.",
                gst_structure_get_name (gst_caps_get_structure (caps, 0)));

  g_set_error_literal (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
      sentence);
}

/**
 * pb_decode_make:
 * @caps: of the encoded stream
 * @error: a sentence for a person
 *
 * Returns: (transfer floating) (nullable): a decoder
 */
GstElement *
pb_decode_make (const GstCaps *caps, GError **error)
{
  GList *all =
      gst_element_factory_list_get_elements (GST_ELEMENT_FACTORY_TYPE_DECODER,
          GST_RANK_MARGINAL);
  GList *able = gst_element_factory_list_filter (all, caps, GST_PAD_SINK,
      gst_caps_is_fixed (caps));
  GstElement *decoder = NULL;

  able = g_list_sort (able, gst_plugin_feature_rank_compare_func);
  for (GList *l = able; decoder == NULL && l != NULL; l = l->next)
    decoder = try_out (l->data);
  gst_plugin_feature_list_free (able);
  gst_plugin_feature_list_free (all);
  if (decoder == NULL)
    set_missing (caps, error);
  else
    GST_INFO ("decoding with %" GST_PTR_FORMAT, decoder);

  return decoder;
}
