/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbmediasink.h"

#include <gst/video/video.h>

GST_DEBUG_CATEGORY_STATIC (pb_media_sink_debug);
#define GST_CAT_DEFAULT pb_media_sink_debug

/* A keyframe is some ten times as large as another frame: with five consumers
 * that all lost something, one in this time must do for all of them. */
#define KEYFRAME_INTERVAL (300 * G_TIME_SPAN_MILLISECOND)
/* Frames that come this much before the one before them were put in another
 * order than they are shown in; more is a jump. */
#define REORDER_MAX GST_SECOND

struct _GstPbMediaSink
{
  GstBaseSink parent;

  /* set before the first state change */
  GstPbMediaSinkCallbacks callbacks;
  gpointer user_data;
  gboolean is_unpaced;

  GMutex lock;
  gint64 asked_us;    /* lock: monotonic, for the last keyframe; 0: never */
  gboolean is_asking; /* lock: once that is long enough ago */

  /* streaming thread */
  GstClockTime last_pts;
  gboolean is_video;
  gboolean has_warned;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_FINAL_TYPE (GstPbMediaSink, gst_pb_media_sink, GST_TYPE_BASE_SINK)

/**
 * gst_pb_media_sink_set_callbacks:
 * @self: the sink
 * @callbacks: copied
 * @user_data: for them
 */
void
gst_pb_media_sink_set_callbacks (GstPbMediaSink *self,
    const GstPbMediaSinkCallbacks *callbacks, gpointer user_data)
{
  self->callbacks = *callbacks;
  self->user_data = user_data;
}

/**
 * gst_pb_media_sink_set_unpaced:
 * @self: the sink
 */
void
gst_pb_media_sink_set_unpaced (GstPbMediaSink *self)
{
  self->is_unpaced = TRUE;
}

/* --- keyframes ------------------------------------------------------------ */

/* Whether to ask now; what comes too early is kept in mind. */
static gboolean
may_ask (GstPbMediaSink *self, gboolean is_new)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gint64 now;

  if (!is_new && !self->is_asking)
    return FALSE;
  now = g_get_monotonic_time ();
  self->is_asking =
      self->asked_us != 0 && now - self->asked_us < KEYFRAME_INTERVAL;
  if (!self->is_asking)
    self->asked_us = now;

  return !self->is_asking;
}

static void
ask (GstPbMediaSink *self)
{
  GST_DEBUG_OBJECT (self, "asking for a keyframe");
  gst_pad_push_event (GST_BASE_SINK_PAD (self),
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          0));
}

/**
 * gst_pb_media_sink_ask_keyframe:
 * @self: the sink
 */
void
gst_pb_media_sink_ask_keyframe (GstPbMediaSink *self)
{
  if (may_ask (self, TRUE))
    ask (self);
}

/* --- data flow ------------------------------------------------------------ */

static void
warn_of_reordering (GstPbMediaSink *self, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer);

  if (!self->is_video || self->has_warned || !GST_CLOCK_TIME_IS_VALID (pts))
    return;
  if (GST_CLOCK_TIME_IS_VALID (self->last_pts) && pts < self->last_pts &&
      self->last_pts - pts < REORDER_MAX &&
      !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT)) {
    self->has_warned = TRUE;
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("The video has B-frames, which WebRTC does not carry: the picture "
         "will jerk. Switch them off at the encoder (x264enc: bframes=0 or "
         "tune=zerolatency)."),
        (NULL));
  }
  self->last_pts = pts;
}

static GstClockTime
to_running_time (GstPbMediaSink *self, GstClockTime time)
{
  const GstSegment *segment = &GST_BASE_SINK (self)->segment;

  if (!GST_CLOCK_TIME_IS_VALID (time) || segment->format != GST_FORMAT_TIME)
    return time;

  return gst_segment_to_running_time (segment, GST_FORMAT_TIME, time);
}

static GstFlowReturn
gst_pb_media_sink_render (GstBaseSink *base, GstBuffer *buffer)
{
  GstPbMediaSink *self = GST_PB_MEDIA_SINK (base);
  GstClockTime pts = to_running_time (self, GST_BUFFER_PTS (buffer));
  GstClockTime dts = to_running_time (self, GST_BUFFER_DTS (buffer));

  warn_of_reordering (self, buffer);
  if (may_ask (self, FALSE))
    ask (self);
  if (pts == GST_BUFFER_PTS (buffer) && dts == GST_BUFFER_DTS (buffer)) {
    self->callbacks.buffer (buffer, self->user_data);
  } else {
    /* the memory is shared */
    g_autoptr (GstBuffer) copy = gst_buffer_copy (buffer);

    GST_BUFFER_PTS (copy) = pts;
    GST_BUFFER_DTS (copy) = dts;
    self->callbacks.buffer (copy, self->user_data);
  }

  return GST_FLOW_OK;
}

static gboolean
gst_pb_media_sink_set_caps (GstBaseSink *base, GstCaps *caps)
{
  GstPbMediaSink *self = GST_PB_MEDIA_SINK (base);

  self->is_video = g_str_has_prefix (gst_structure_get_name (
                                         gst_caps_get_structure (caps, 0)),
      "video/");
  self->callbacks.caps (caps, self->user_data);

  return TRUE;
}

/* A live source has its own pace, and waiting for the clock would only add the
 * pipeline's latency. A file has none and would go out all at once. */
static void
choose_pace (GstPbMediaSink *self)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean is_live = FALSE;

  if (self->is_unpaced)
    return;
  if (gst_pad_peer_query (GST_BASE_SINK_PAD (self), query))
    gst_query_parse_latency (query, &is_live, NULL, NULL);
  GST_DEBUG_OBJECT (self, "upstream is %slive", is_live ? "" : "not ");
  gst_base_sink_set_sync (GST_BASE_SINK (self), !is_live);
}

static gboolean
gst_pb_media_sink_event (GstBaseSink *base, GstEvent *event)
{
  GstPbMediaSink *self = GST_PB_MEDIA_SINK (base);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
    self->last_pts = GST_CLOCK_TIME_NONE;
    choose_pace (self);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_EOS &&
             self->callbacks.eos != NULL) {
    self->callbacks.eos (self->user_data);
  }

  return GST_BASE_SINK_CLASS (gst_pb_media_sink_parent_class)
      ->event (base, event);
}

static gboolean
gst_pb_media_sink_start (GstBaseSink *base)
{
  GstPbMediaSink *self = GST_PB_MEDIA_SINK (base);

  self->last_pts = GST_CLOCK_TIME_NONE;
  self->has_warned = FALSE;
  g_mutex_lock (&self->lock);
  self->asked_us = 0;
  self->is_asking = FALSE;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

/* --- object --------------------------------------------------------------- */

static void
gst_pb_media_sink_finalize (GObject *object)
{
  g_mutex_clear (&GST_PB_MEDIA_SINK (object)->lock);
  G_OBJECT_CLASS (gst_pb_media_sink_parent_class)->finalize (object);
}

static void
gst_pb_media_sink_init (GstPbMediaSink *self)
{
  g_mutex_init (&self->lock);
  /* Nothing is shown: there is nothing to preroll, and no reason to wait. */
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_sync (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_last_sample_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_qos_enabled (GST_BASE_SINK (self), FALSE);
}

static void
gst_pb_media_sink_class_init (GstPbMediaSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *base_class = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (pb_media_sink_debug, "pbmediasink", 0,
      "pbsrcsink's end of a pipeline");
  object_class->finalize = gst_pb_media_sink_finalize;
  base_class->render = gst_pb_media_sink_render;
  base_class->set_caps = gst_pb_media_sink_set_caps;
  base_class->event = gst_pb_media_sink_event;
  base_class->start = gst_pb_media_sink_start;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_set_static_metadata (element_class, "pbsrcsink's sink",
      "Sink/Network", "Gives encoded media to WebRTC", "The Patchbay project");
}
