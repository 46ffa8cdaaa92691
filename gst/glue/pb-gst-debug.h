/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* GST_DEBUG categories: `pb` for what elements share, one more per element.
 * pb_gst_debug_init() comes first in plugin_init; a file of an element says
 * `#define GST_CAT_DEFAULT pb_gst_debug_srt_bin` below its includes. */
GST_DEBUG_CATEGORY_EXTERN (pb_gst_debug);
GST_DEBUG_CATEGORY_EXTERN (pb_gst_debug_signal);
GST_DEBUG_CATEGORY_EXTERN (pb_gst_debug_srt_bin);
GST_DEBUG_CATEGORY_EXTERN (pb_gst_debug_src_sink);

void pb_gst_debug_init (void);

G_END_DECLS
