/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-codec.h"

G_BEGIN_DECLS

/* Which encoder raw media goes through, and how it is set up: no delay, no
 * B-frames, and a bitrate that follows the network while it runs. */

/* The best that is there and opens: hardware first, then by rank. (transfer
 * floating) (nullable); the error is a sentence for a person. */
GstElement *pb_encode_make (PbCodec codec, GError **error);
/* The same for `video-codec=auto`: of H.264 where an encoder for it opens, else
 * of VP8. */
GstElement *pb_encode_make_any (PbCodec *codec, GError **error);
/* Video: what it is asked for, such as a profile that browsers know. (transfer
 * full) */
GstCaps *pb_encode_get_caps (GstElement *encoder, PbCodec codec);
/* Any thread, while it runs. Audio keeps its own. */
void pb_encode_set_bitrate (GstElement *encoder, guint kbps);
/* The text of a preset in presets/encoders, by the name of its file; (transfer
 * full) (nullable) */
GBytes *pb_encode_get_preset (const char *file);

G_END_DECLS
