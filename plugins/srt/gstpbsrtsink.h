/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>

#include "pb-srt-io.h"

G_BEGIN_DECLS

/* Inside pbsrtbin: takes a transport stream off the pipeline and gives it to
 * the SRT engine. Never registered as an element of its own. */
#define GST_TYPE_PB_SRT_SINK (gst_pb_srt_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstPbSrtSink, gst_pb_srt_sink, GST, PB_SRT_SINK,
    GstBaseSink)

/* Between states only. (nullable): without one buffers are dropped. */
void gst_pb_srt_sink_set_io (GstPbSrtSink *self, PbSrtIo *io);
/* Called once the last data of the stream are on their way. */
typedef void (*GstPbSrtSinkDrained) (gpointer user_data);
void gst_pb_srt_sink_set_drained (GstPbSrtSink *self,
    GstPbSrtSinkDrained drained, gpointer user_data);

G_END_DECLS
