/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

/* Inside pbsrcsink: brings one received stream into the pipeline. What the
 * pipeline is too slow for is dropped, up to a keyframe. Never registered as an
 * element of its own. */
#define GST_TYPE_PB_MEDIA_SRC (gst_pb_media_src_get_type ())
G_DECLARE_FINAL_TYPE (GstPbMediaSrc, gst_pb_media_src, GST, PB_MEDIA_SRC,
    GstPushSrc)

/* Before the first state change; what it sends first. */
void gst_pb_media_src_set_caps (GstPbMediaSrc *self, GstCaps *caps);
/* Any thread. Its PTS is a running time. Caps (nullable) mean that the stream
 * begins anew. TRUE where a keyframe is wanted, as some were dropped. */
gboolean gst_pb_media_src_take (GstPbMediaSrc *self, GstBuffer *buffer,
    GstCaps *caps);
/* Any thread: what is queued goes out, then EOS. */
void gst_pb_media_src_end (GstPbMediaSrc *self);
/* Any thread. What the LATENCY query answers. */
void gst_pb_media_src_set_latency (GstPbMediaSrc *self, guint latency_ms);
guint64 gst_pb_media_src_get_n_dropped (GstPbMediaSrc *self);

G_END_DECLS
