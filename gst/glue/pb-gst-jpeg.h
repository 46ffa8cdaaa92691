/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Raw video, one picture. (nullable): as good as fits `max` octets; where none
 * does, `error` */
GBytes *pb_gst_jpeg_print (GstSample *sample, gsize max, GError **error);

G_END_DECLS
