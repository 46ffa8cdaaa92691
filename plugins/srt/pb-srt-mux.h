/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The sender's muxer: elementary streams in, a transport stream out.
 *
 *   video_0 ──► queue ──► (h264parse) ──┐
 *   audio_0 ──► queue ──► (aacparse) ───┴► mpegtsmux ──► …
 *
 * The parser comes with the first caps, which say what the stream is. */

/* (transfer floating) (nullable): NULL where the muxer is not installed */
GstElement *pb_srt_mux_new (void);
/* (transfer full): a branch's sink pad, to be ghosted; NULL where an element is
 * not installed. `bin` holds `mux`. */
GstPad *pb_srt_mux_add_branch (GstBin *bin, GstElement *mux);
/* `pad` is what add_branch returned. */
void pb_srt_mux_remove_branch (GstBin *bin, GstElement *mux, GstPad *pad);

G_END_DECLS
