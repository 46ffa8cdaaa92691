/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "glue/pb-gst-session.h"

G_BEGIN_DECLS

/**
 * PbGstThumbnail:
 * Gives a receiver's session a still picture of what it receives, when asked
 * and at no other time: then a probe on one of its pads feeds a PbGstPicture,
 * on a thread of its own, for PB_THUMBNAIL_WAIT_S at most. One at a time.
 */
typedef struct _PbGstThumbnail PbGstThumbnail;

PbGstThumbnail *pb_gst_thumbnail_new (void);
/* Nothing is sent after this, and nothing waited for. */
void pb_gst_thumbnail_free (PbGstThumbnail *self);

/* Whether there can be any: a receiver announces them then. */
gboolean pb_gst_thumbnail_is_possible (void);
/* Any thread. The next whole picture that passes `pad` goes to `session`, said
 * by `peer`. Ignored while another one is being taken. */
void pb_gst_thumbnail_ask (PbGstThumbnail *self, GstPad *pad,
    PbGstSession *session, const char *peer);
/* Any thread: it is wanted no more. Does not wait. */
void pb_gst_thumbnail_cancel (PbGstThumbnail *self);
/* Waits until the last one's thread is gone, which takes milliseconds after
 * _cancel(): whoever is told that an element is in NULL may end GStreamer next,
 * under its feet. */
void pb_gst_thumbnail_settle (PbGstThumbnail *self);

G_END_DECLS
