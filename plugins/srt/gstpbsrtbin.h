/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PB_SRT_BIN (gst_pb_srt_bin_get_type ())
G_DECLARE_FINAL_TYPE (GstPbSrtBin, gst_pb_srt_bin, GST, PB_SRT_BIN, GstBin)

GST_ELEMENT_REGISTER_DECLARE (pbsrtbin);

G_END_DECLS
