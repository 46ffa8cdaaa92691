/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-codec.h"

#include <string.h>

/* clang-format off */
static const struct {
  PbCodec codec;
  const char *media_type;
  const char *parser; /* (nullable) */
  const char *form;
} codecs[] = {
  /* what every payloader takes, with one access unit in each buffer */
  { PB_CODEC_H264, "video/x-h264", "h264parse",
    "video/x-h264, stream-format = (string) byte-stream, alignment = (string) au" },
  { PB_CODEC_H265, "video/x-h265", "h265parse",
    "video/x-h265, stream-format = (string) byte-stream, alignment = (string) au" },
  { PB_CODEC_VP8, "video/x-vp8", NULL, "video/x-vp8" },
  { PB_CODEC_VP9, "video/x-vp9", "vp9parse",
    "video/x-vp9, alignment = (string) super-frame" },
  { PB_CODEC_OPUS, "audio/x-opus", "opusparse", "audio/x-opus" },
};

static const struct {
  const char *element;
  const char *package;
  gboolean is_needed; /* by every WebRTC connection */
} packages[] = {
  { "webrtcbin",     "gstreamer1.0-plugins-bad",  TRUE },
  { "nicesrc",       "gstreamer1.0-nice",         TRUE },
  { "nicesink",      "gstreamer1.0-nice",         TRUE },
  { "dtlsdec",       "gstreamer1.0-plugins-bad",  TRUE },
  { "dtlsenc",       "gstreamer1.0-plugins-bad",  TRUE },
  { "srtpdec",       "gstreamer1.0-plugins-bad",  TRUE },
  { "srtpenc",       "gstreamer1.0-plugins-bad",  TRUE },
  { "sctpdec",       "gstreamer1.0-plugins-bad",  TRUE },
  { "sctpenc",       "gstreamer1.0-plugins-bad",  TRUE },
  { "rtpbin",        "gstreamer1.0-plugins-good", TRUE },
  { "rtpopuspay",    "gstreamer1.0-plugins-good", TRUE },
  { "queue",         "libgstreamer1.0-0",         FALSE },
  { "capsfilter",    "libgstreamer1.0-0",         FALSE },
  { "tee",           "libgstreamer1.0-0",         FALSE },
  { "h264parse",     "gstreamer1.0-plugins-bad",  FALSE },
  { "h265parse",     "gstreamer1.0-plugins-bad",  FALSE },
  { "vp9parse",      "gstreamer1.0-plugins-bad",  FALSE },
  { "opusparse",     "gstreamer1.0-plugins-bad",  FALSE },
  { "tsdemux",       "gstreamer1.0-plugins-bad",  FALSE },
  { "videoconvert",  "gstreamer1.0-plugins-base", FALSE },
  { "audioconvert",  "gstreamer1.0-plugins-base", FALSE },
  { "audioresample", "gstreamer1.0-plugins-base", FALSE },
  { "opusenc",       "gstreamer1.0-plugins-base", FALSE },
  { "opusdec",       "gstreamer1.0-plugins-base", FALSE },
  { "x264enc",       "gstreamer1.0-plugins-ugly", FALSE },
  { "x265enc",       "gstreamer1.0-plugins-bad",  FALSE },
  { "vp8enc",        "gstreamer1.0-plugins-good", FALSE },
  { "vp9enc",        "gstreamer1.0-plugins-good", FALSE },
  { "vp8dec",        "gstreamer1.0-plugins-good", FALSE },
  { "vp9dec",        "gstreamer1.0-plugins-good", FALSE },
  { "avdec_h264",    "gstreamer1.0-libav",        FALSE },
  { "avdec_h265",    "gstreamer1.0-libav",        FALSE },
};
/* clang-format on */

static int
find_codec (PbCodec codec)
{
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (codecs[i].codec == codec)
      return (int) i;

  return -1;
}

/**
 * pb_codec_is_raw:
 * @caps: fixed caps
 *
 * Returns: whether they want an encoder
 */
gboolean
pb_codec_is_raw (const GstCaps *caps)
{
  const char *name = gst_structure_get_name (gst_caps_get_structure (caps, 0));

  return g_str_equal (name, "video/x-raw") || g_str_equal (name, "audio/x-raw");
}

/**
 * pb_codec_of_caps:
 * @caps: fixed caps
 *
 * Returns: which codec they are of
 */
PbCodec
pb_codec_of_caps (const GstCaps *caps)
{
  const char *name = gst_structure_get_name (gst_caps_get_structure (caps, 0));

  if (pb_codec_is_raw (caps))
    return PB_CODEC_NONE;
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (g_str_equal (name, codecs[i].media_type))
      return codecs[i].codec;

  return PB_CODEC_OTHER;
}

/**
 * pb_codec_get_parser:
 * @codec: a codec
 *
 * Returns: (nullable): the element that cuts it into frames
 */
const char *
pb_codec_get_parser (PbCodec codec)
{
  int i = find_codec (codec);

  return i >= 0 ? codecs[i].parser : NULL;
}

/**
 * pb_codec_get_form:
 * @codec: a codec
 *
 * Returns: caps of what the parser shall make of it
 */
const char *
pb_codec_get_form (PbCodec codec)
{
  int i = find_codec (codec);

  return i >= 0 ? codecs[i].form : "ANY";
}

/**
 * pb_codec_get_media_type:
 * @codec: a codec
 *
 * Returns: (nullable): the name of its caps
 */
const char *
pb_codec_get_media_type (PbCodec codec)
{
  int i = find_codec (codec);

  return i >= 0 ? codecs[i].media_type : NULL;
}

/**
 * pb_missing_dup_sentence:
 * @element: the name of an element that is not installed
 *
 * Returns: (transfer full): what to do about it, for a person
 */
char *
pb_missing_dup_sentence (const char *element)
{
  for (guint i = 0; i < G_N_ELEMENTS (packages); i++)
    if (g_str_equal (element, packages[i].element))
      return g_strdup_printf ("The GStreamer element %s is not installed. It "
                              "is in Debian's package %s.",
          element, packages[i].package);

  return g_strdup_printf ("The GStreamer element %s is not installed.",
      element);
}

/**
 * pb_missing_find:
 *
 * Returns: (nullable): the first element that WebRTC needs and that is not
 *   installed
 */
const char *
pb_missing_find (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (packages); i++) {
    g_autoptr (GstElementFactory) factory = NULL;

    if (!packages[i].is_needed)
      continue;
    factory = gst_element_factory_find (packages[i].element);
    if (factory == NULL)
      return packages[i].element;
  }

  return NULL;
}
