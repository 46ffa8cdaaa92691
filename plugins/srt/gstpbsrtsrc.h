/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

/* Inside pbsrtbin: brings what SRT received into the pipeline. Never
 * registered as an element of its own. */
#define GST_TYPE_PB_SRT_SRC (gst_pb_srt_src_get_type ())
G_DECLARE_FINAL_TYPE (GstPbSrtSrc, gst_pb_srt_src, GST, PB_SRT_SRC, GstPushSrc)

/* Any thread; (transfer full). Buffers carry SRT's source time as PTS, in
 * nanoseconds of the monotonic clock. */
void gst_pb_srt_src_take (GstPbSrtSrc *self, GstBufferList *list);
/* Any thread. What the LATENCY query answers. */
void gst_pb_srt_src_set_latency (GstPbSrtSrc *self, guint latency_ms);
/* Lists that the pipeline was too slow to take, as packets. */
guint64 gst_pb_srt_src_get_n_dropped (GstPbSrtSrc *self);

G_END_DECLS
