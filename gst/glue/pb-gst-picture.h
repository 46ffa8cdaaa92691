/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * PbGstPicture:
 * One whole picture out of a stream that passes: a small pipeline of its own,
 * which demultiplexes, decodes the next keyframe and nothing else, and scales
 * it. Feeding it never waits; the thread that waits for it also stops it, as
 * that takes as long as its decoder's last frame.
 */
typedef struct _PbGstPicture PbGstPicture;

typedef enum {
  PB_GST_PICTURE_AWAITED, /* not yet */
  PB_GST_PICTURE_TAKEN,
  PB_GST_PICTURE_SPOILT,     /* or cancelled; the next keyframe may do */
  PB_GST_PICTURE_IMPOSSIBLE, /* no decoder, or no video in it */
} PbGstPictureOutcome;

/* Whether what every picture needs is installed. */
gboolean pb_gst_picture_is_possible (void);

/* `caps`, fixed: a transport stream, encoded or raw video. */
PbGstPicture *pb_gst_picture_new (const GstCaps *caps, GError **error);
PbGstPicture *pb_gst_picture_ref (PbGstPicture *self);
void pb_gst_picture_unref (PbGstPicture *self);

/* Streaming thread: what passes `pad`, not transferred */
void pb_gst_picture_feed_buffer (PbGstPicture *self, GstPad *pad,
    GstBuffer *buffer);
void pb_gst_picture_feed_list (PbGstPicture *self, GstBufferList *list);
/* `sample`: (transfer full), where it is taken: raw video, small */
PbGstPictureOutcome pb_gst_picture_wait (PbGstPicture *self,
    GstClockTime timeout, GstSample **sample);
/* Any thread: nobody needs to wait any longer. */
void pb_gst_picture_cancel (PbGstPicture *self);
/* Before the last reference goes. */
void pb_gst_picture_stop (PbGstPicture *self);

G_END_DECLS
