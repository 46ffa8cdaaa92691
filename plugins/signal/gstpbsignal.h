/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PB_SIGNAL (gst_pb_signal_get_type ())
G_DECLARE_FINAL_TYPE (GstPbSignal, gst_pb_signal, GST, PB_SIGNAL, GstElement)

GST_ELEMENT_REGISTER_DECLARE (pbsignal)

G_END_DECLS
