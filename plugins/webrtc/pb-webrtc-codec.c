/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-codec.h"

#include <string.h>

/* clang-format off */
static const PbWebrtcCodec codecs[] = {
  { TRUE, "H264", "video/x-h264", "rtph264pay", "rtph264depay", "h264parse",
    "video/x-h264,stream-format=byte-stream,alignment=au", 90000 },
  { TRUE, "VP8", "video/x-vp8", "rtpvp8pay", "rtpvp8depay", NULL,
    "video/x-vp8", 90000 },
  { TRUE, "VP9", "video/x-vp9", "rtpvp9pay", "rtpvp9depay", "vp9parse",
    "video/x-vp9,alignment=super-frame", 90000 },
  { TRUE, "H265", "video/x-h265", "rtph265pay", "rtph265depay", "h265parse",
    "video/x-h265,stream-format=byte-stream,alignment=au", 90000 },
  { FALSE, "OPUS", "audio/x-opus", "rtpopuspay", "rtpopusdepay", NULL,
    "audio/x-opus", 48000 },
};
/* clang-format on */

static gboolean
is_installed (const char *factory)
{
  g_autoptr (GstElementFactory) found = NULL;

  if (factory == NULL)
    return TRUE;
  found = gst_element_factory_find (factory);

  return found != NULL;
}

static const PbWebrtcCodec *
check (const PbWebrtcCodec *codec)
{
  return is_installed (codec->payloader) && is_installed (codec->depayloader) &&
                 is_installed (codec->parser)
             ? codec
             : NULL;
}

/**
 * pb_webrtc_codec_get: (skip)
 * @index: from 0
 *
 * Returns: (nullable): a codec that can be sent and received here, or %NULL
 *   after the last one
 */
const PbWebrtcCodec *
pb_webrtc_codec_get (guint index)
{
  for (gsize i = 0; i < G_N_ELEMENTS (codecs); i++) {
    const PbWebrtcCodec *codec = check (&codecs[i]);

    if (codec != NULL && index-- == 0)
      return codec;
  }

  return NULL;
}

/**
 * pb_webrtc_codec_from_caps: (skip)
 * @caps: of encoded media
 *
 * Returns: (nullable): its codec
 */
const PbWebrtcCodec *
pb_webrtc_codec_from_caps (const GstCaps *caps)
{
  const GstStructure *structure;

  if (caps == NULL || gst_caps_get_size (caps) == 0)
    return NULL;

  structure = gst_caps_get_structure (caps, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (gst_structure_has_name (structure, codecs[i].media_type))
      return check (&codecs[i]);

  return NULL;
}

/**
 * pb_webrtc_codec_from_encoding: (skip)
 * @is_video: the kind of the m-line
 * @encoding: (nullable): as in a=rtpmap
 *
 * Returns: (nullable): the codec
 */
const PbWebrtcCodec *
pb_webrtc_codec_from_encoding (gboolean is_video, const char *encoding)
{
  if (encoding == NULL)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (codecs[i].is_video == is_video &&
        g_ascii_strcasecmp (codecs[i].encoding, encoding) == 0)
      return check (&codecs[i]);

  return NULL;
}

/* RFC 6184, 8.1: the profile, its constraints and the level in hexadecimal. A
 * browser takes part in constrained baseline, baseline, main and high. */
static void
set_h264 (GstStructure *out, const GstCaps *caps)
{
  static const struct
  {
    const char *profile, *value;
  } profiles[] = {
    { "constrained-baseline", "42e01f" },
    { "baseline", "42001f" },
    { "main", "4d001f" },
    { "high", "64001f" },
    { "constrained-high", "640c1f" },
  };
  const char *profile = NULL, *value = "42e01f";

  if (caps != NULL)
    profile =
        gst_structure_get_string (gst_caps_get_structure (caps, 0), "profile");
  for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
    if (g_strcmp0 (profile, profiles[i].profile) == 0)
      value = profiles[i].value;

  gst_structure_set (out, "packetization-mode", G_TYPE_STRING, "1",
      "profile-level-id", G_TYPE_STRING, value, "level-asymmetry-allowed",
      G_TYPE_STRING, "1", NULL);
}

/**
 * pb_webrtc_codec_new_caps: (skip)
 * @codec: a codec
 * @caps: (nullable): of the track
 * @payload: the payload type
 *
 * Returns: (transfer full): what webrtcbin makes an m-line of
 */
GstCaps *
pb_webrtc_codec_new_caps (const PbWebrtcCodec *codec, const GstCaps *caps,
    guint payload)
{
  GstStructure *out = gst_structure_new ("application/x-rtp", "media",
      G_TYPE_STRING, codec->is_video ? "video" : "audio", "encoding-name",
      G_TYPE_STRING, codec->encoding, "clock-rate", G_TYPE_INT,
      (int) codec->clock_rate, "payload", G_TYPE_INT, (int) payload, NULL);
  GstCaps *result = gst_caps_new_empty ();

  if (strcmp (codec->encoding, "H264") == 0)
    set_h264 (out, caps);
  if (!codec->is_video)
    gst_structure_set (out, "encoding-params", G_TYPE_STRING, "2", "minptime",
        G_TYPE_STRING, "10", "useinbandfec", G_TYPE_STRING, "1", NULL);
  if (codec->is_video)
    gst_structure_set (out, "rtcp-fb-nack-pli", G_TYPE_BOOLEAN, TRUE,
        "rtcp-fb-ccm-fir", G_TYPE_BOOLEAN, TRUE, NULL);
  gst_caps_append_structure (result, out);

  return result;
}

/* first_mb_in_slice is 0, or first_slice_segment_in_pic_flag is set; -1: that
 * is no slice */
static int
is_first_slice (gboolean is_h265, const guint8 *nal, gsize length)
{
  guint type;

  if (length < 3)
    return -1;
  if (is_h265)
    return ((nal[0] >> 1) & 0x3f) < 32 ? (nal[2] & 0x80) != 0 : -1;

  type = nal[0] & 0x1f;

  return type == 1 || type == 2 || type == 5 ? (nal[1] & 0x80) != 0 : -1;
}

/**
 * pb_webrtc_codec_has_slices: (skip)
 * @codec: a codec
 *
 * Returns: whether its frames are made of slices, with parameter sets between
 *   them
 */
gboolean
pb_webrtc_codec_has_slices (const PbWebrtcCodec *codec)
{
  return strcmp (codec->encoding, "H264") == 0 ||
         strcmp (codec->encoding, "H265") == 0;
}

/* Where the first slice begins, its start code included; -1: there is none */
static gssize
find_slice (const PbWebrtcCodec *codec, const GstMapInfo *map, int *is_first)
{
  gboolean is_h265 = strcmp (codec->encoding, "H265") == 0;

  *is_first = -1;
  for (gsize i = 0; i + 3 < map->size; i++) {
    if (map->data[i] != 0 || map->data[i + 1] != 0 || map->data[i + 2] != 1)
      continue;
    *is_first = is_first_slice (is_h265, map->data + i + 3, map->size - i - 3);
    if (*is_first >= 0)
      return (gssize) (i > 0 && map->data[i - 1] == 0 ? i - 1 : i);
  }

  return -1;
}

/**
 * pb_webrtc_codec_cut_headers: (skip)
 * @codec: a codec that has slices
 * @frame: of it, a byte stream
 *
 * Returns: (transfer full): @frame from its first slice on
 */
GstBuffer *
pb_webrtc_codec_cut_headers (const PbWebrtcCodec *codec, GstBuffer *frame)
{
  GstMapInfo map;
  gssize at = -1;
  int is_first;

  if (gst_buffer_map (frame, &map, GST_MAP_READ)) {
    at = find_slice (codec, &map, &is_first);
    gst_buffer_unmap (frame, &map);
  }

  return at <= 0 ? gst_buffer_ref (frame)
                 : gst_buffer_copy_region (frame, GST_BUFFER_COPY_ALL,
                       (gsize) at, (gsize) -1);
}

/**
 * pb_webrtc_codec_look_at: (skip)
 * @codec: a codec
 * @frame: of it, as a depayloader made it
 *
 * After a loss the depayloaders of 1.22 take any slice of a keyframe for the
 * beginning of it.
 *
 * Returns: what it is
 */
PbWebrtcFrame
pb_webrtc_codec_look_at (const PbWebrtcCodec *codec, GstBuffer *frame)
{
  GstMapInfo map;
  int is_first;

  if (!pb_webrtc_codec_has_slices (codec) ||
      !gst_buffer_map (frame, &map, GST_MAP_READ))
    return PB_WEBRTC_FRAME_WHOLE;

  /* the parameter sets before it are short */
  find_slice (codec, &map, &is_first);
  gst_buffer_unmap (frame, &map);

  if (is_first < 0)
    return PB_WEBRTC_FRAME_HEADERS;

  return is_first ? PB_WEBRTC_FRAME_WHOLE : PB_WEBRTC_FRAME_PART;
}
