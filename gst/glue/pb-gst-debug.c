/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-debug.h"

GST_DEBUG_CATEGORY (pb_gst_debug);
GST_DEBUG_CATEGORY (pb_gst_debug_signal);
GST_DEBUG_CATEGORY (pb_gst_debug_srt_bin);
GST_DEBUG_CATEGORY (pb_gst_debug_src_sink);

/**
 * pb_gst_debug_init: (skip)
 *
 * Once, before any element is made.
 */
void
pb_gst_debug_init (void)
{
  GST_DEBUG_CATEGORY_INIT (pb_gst_debug, "pb", 0,
      "Patchbay: what its elements share");
  GST_DEBUG_CATEGORY_INIT (pb_gst_debug_signal, "pbsignal", 0,
      "Patchbay: sessions");
  GST_DEBUG_CATEGORY_INIT (pb_gst_debug_srt_bin, "pbsrtbin", 0,
      "Patchbay: SRT");
  GST_DEBUG_CATEGORY_INIT (pb_gst_debug_src_sink, "pbsrcsink", 0,
      "Patchbay: WebRTC");
}
