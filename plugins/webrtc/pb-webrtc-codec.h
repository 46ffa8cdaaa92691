/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <gst/sdp/sdp.h>

G_BEGIN_DECLS

/**
 * PbWebrtcCodec:
 * What the peer knows of a codec: one row of one table.
 */
typedef struct
{
  gboolean is_video;
  const char *encoding;   /* in the SDP */
  const char *media_type; /* of the caps */
  const char *payloader;
  const char *depayloader;
  const char *parser;   /* (nullable): after the depayloader */
  const char *received; /* caps of what is handed up */
  guint clock_rate;
} PbWebrtcCodec;

/* All below: NULL where there is none, or its elements are not installed. */
const PbWebrtcCodec *pb_webrtc_codec_from_caps (const GstCaps *caps);
const PbWebrtcCodec *pb_webrtc_codec_from_encoding (gboolean is_video,
    const char *encoding);
typedef enum {
  PB_WEBRTC_FRAME_WHOLE,
  PB_WEBRTC_FRAME_PART,   /* its first slice is missing */
  PB_WEBRTC_FRAME_HEADERS /* parameter sets and the like, and no slice */
} PbWebrtcFrame;

PbWebrtcFrame pb_webrtc_codec_look_at (const PbWebrtcCodec *codec,
    GstBuffer *frame);
gboolean pb_webrtc_codec_has_slices (const PbWebrtcCodec *codec);
GstBuffer *pb_webrtc_codec_cut_headers (const PbWebrtcCodec *codec,
    GstBuffer *frame);
/* In the order we like to receive them. */
const PbWebrtcCodec *pb_webrtc_codec_get (guint index);

/* (transfer full): what an m-line of ours says of it. `caps` (nullable): of the
 * track, for H.264's profile. */
GstCaps *pb_webrtc_codec_new_caps (const PbWebrtcCodec *codec,
    const GstCaps *caps, guint payload);

G_END_DECLS
