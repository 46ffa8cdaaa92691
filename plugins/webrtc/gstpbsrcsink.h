/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PB_SRC_SINK (gst_pb_src_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstPbSrcSink, gst_pb_src_sink, GST, PB_SRC_SINK, GstBin)

GST_ELEMENT_REGISTER_DECLARE (pbsrcsink);

G_END_DECLS
