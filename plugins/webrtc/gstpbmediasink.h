/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

/* Inside pbsrcsink: takes encoded media off a pipeline, one per stream. Never
 * waits for anybody but the clock, and for that only where the stream is not
 * live. Never registered as an element of its own. */
#define GST_TYPE_PB_MEDIA_SINK (gst_pb_media_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstPbMediaSink, gst_pb_media_sink, GST, PB_MEDIA_SINK,
    GstBaseSink)

/* All from the streaming thread. */
typedef struct
{
  void (*caps) (GstCaps *caps, gpointer user_data);
  /* PTS and DTS are running times. Not transferred. */
  void (*buffer) (GstBuffer *buffer, gpointer user_data);
  /* (nullable) */
  void (*eos) (gpointer user_data);
} GstPbMediaSinkCallbacks;

/* Before the first state change. */
void gst_pb_media_sink_set_callbacks (GstPbMediaSink *self,
    const GstPbMediaSinkCallbacks *callbacks, gpointer user_data);
/* Before the first state change: never wait for the clock. */
void gst_pb_media_sink_set_unpaced (GstPbMediaSink *self);
/* Any thread: asks upstream for a keyframe, at once or as soon as the last one
 * is long enough ago. */
void gst_pb_media_sink_ask_keyframe (GstPbMediaSink *self);

G_END_DECLS
