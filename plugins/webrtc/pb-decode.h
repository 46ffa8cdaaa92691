/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The best decoder that is there and opens, for `decode=true`. (transfer
 * floating) (nullable); the error is a sentence for a person. */
GstElement *pb_decode_make (const GstCaps *caps, GError **error);

G_END_DECLS
