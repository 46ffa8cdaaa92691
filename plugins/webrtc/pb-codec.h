/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What goes over WebRTC, and what else a slot may bring over SRT. */
typedef enum {
  PB_CODEC_NONE,
  PB_CODEC_H264,
  PB_CODEC_H265,
  PB_CODEC_VP8,
  PB_CODEC_VP9,
  PB_CODEC_OPUS,
  PB_CODEC_OTHER, /* SRT's alone: AAC, MPEG video … */
} PbCodec;

/* Of fixed caps; PB_CODEC_NONE where they are raw. */
PbCodec pb_codec_of_caps (const GstCaps *caps);
gboolean pb_codec_is_raw (const GstCaps *caps);
/* (nullable): the element that cuts it into frames; none is needed else */
const char *pb_codec_get_parser (PbCodec codec);
/* The form in which it leaves the parser. */
const char *pb_codec_get_form (PbCodec codec);
/* "video/x-h264" */
const char *pb_codec_get_media_type (PbCodec codec);

/* Elements that are not there: a sentence that names the one and the package of
 * Debian that has it. (transfer full) */
char *pb_missing_dup_sentence (const char *element);
/* The first of what WebRTC needs that is not there; (nullable): all is. */
const char *pb_missing_find (void);

G_END_DECLS
