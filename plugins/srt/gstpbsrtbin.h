/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "net/pb-client.h"

G_BEGIN_DECLS

#define GST_TYPE_PB_SRT_BIN (gst_pb_srt_bin_get_type ())
G_DECLARE_FINAL_TYPE (GstPbSrtBin, gst_pb_srt_bin, GST, PB_SRT_BIN, GstBin)

GST_ELEMENT_REGISTER_DECLARE (pbsrtbin);

/* For an element that holds a pbsrtbin beside another transport: the
 * registration that both share, told to the server once. What is about the
 * session (pb-session, pb-tally, absence, the server's faults and health) is
 * then told by the other. From the next READY to PAUSED on. */
void gst_pb_srt_bin_share (GstPbSrtBin *self,
    const PbRegistration *registration);

G_END_DECLS
