/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gst/gst.h>

#include "glue/pb-gst-debug.h"
#include "signal/gstpbsignal.h"
#include "srt/gstpbsrtbin.h"
#include "webrtc/gstpbsrcsink.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean is_any = FALSE;

  pb_gst_debug_init ();
  is_any |= GST_ELEMENT_REGISTER (pbsignal, plugin);
  is_any |= GST_ELEMENT_REGISTER (pbsrtbin, plugin);
  is_any |= GST_ELEMENT_REGISTER (pbsrcsink, plugin);

  return is_any;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, patchbay,
    "Live pictures from a camera to a control room, signalled and encrypted",
    plugin_init, PACKAGE_VERSION, "LGPL", "Patchbay", PACKAGE_ORIGIN)
