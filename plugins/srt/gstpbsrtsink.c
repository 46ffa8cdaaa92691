/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrtsink.h"

#include "core/pb-limits.h"

GST_DEBUG_CATEGORY_STATIC (pb_srt_sink_debug);
#define GST_CAT_DEFAULT pb_srt_sink_debug

/* At the end of the stream: what is under way may need a retransmission or
 * two, but nobody waits longer than this for an ended stream. */
#define DRAIN_MAX_MS 1000
#define DRAIN_STEP_MS 20
/* As long as the engine gathers a batch */
#define PACE (5 * GST_MSECOND)

struct _GstPbSrtSink
{
  GstBaseSink parent;

  GMutex lock;
  GCond cond;
  PbSrtIo *io;          /* lock; owned, nullable */
  gboolean is_flushing; /* lock */

  /* set before the first state change */
  GstPbSrtSinkDrained drained;
  gpointer user_data;
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS ("video/mpegts, systemstream = (boolean) true"));

G_DEFINE_FINAL_TYPE (GstPbSrtSink, gst_pb_srt_sink, GST_TYPE_BASE_SINK)

static PbSrtIo *
ref_io (GstPbSrtSink *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->io != NULL ? pb_srt_io_ref (self->io) : NULL;
}

/**
 * gst_pb_srt_sink_set_io:
 * @self: the sink
 * @io: (nullable): the engine
 */
void
gst_pb_srt_sink_set_io (GstPbSrtSink *self, PbSrtIo *io)
{
  PbSrtIo *old;

  g_mutex_lock (&self->lock);
  old = self->io;
  self->io = io != NULL ? pb_srt_io_ref (io) : NULL;
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&old, pb_srt_io_unref);
}

/**
 * gst_pb_srt_sink_set_drained:
 * @self: the sink
 * @drained: from the streaming thread, at the end of the stream
 * @user_data: for @drained
 */
void
gst_pb_srt_sink_set_drained (GstPbSrtSink *self, GstPbSrtSinkDrained drained,
    gpointer user_data)
{
  self->drained = drained;
  self->user_data = user_data;
}

/* --- data flow ------------------------------------------------------------ */

static GstFlowReturn
flow (GstPbSrtSink *self, gboolean pushed)
{
  g_autoptr (GMutexLocker) locker = NULL;

  if (pushed)
    return GST_FLOW_OK;

  locker = g_mutex_locker_new (&self->lock);

  /* Not started or stopped already: media goes on without us. */
  return self->is_flushing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

static GstFlowReturn
gst_pb_srt_sink_render (GstBaseSink *base, GstBuffer *buffer)
{
  GstPbSrtSink *self = GST_PB_SRT_SINK (base);
  g_autoptr (PbSrtIo) io = ref_io (self);

  if (io == NULL)
    return GST_FLOW_OK;

  return flow (self, pb_srt_io_push (io, gst_buffer_ref (buffer)));
}

static GstFlowReturn
gst_pb_srt_sink_render_list (GstBaseSink *base, GstBufferList *list)
{
  GstPbSrtSink *self = GST_PB_SRT_SINK (base);
  g_autoptr (PbSrtIo) io = ref_io (self);

  if (io == NULL)
    return GST_FLOW_OK;

  return flow (self, pb_srt_io_push_list (io, gst_buffer_list_ref (list)));
}

/* When a buffer of a file is due: packets go out in batches, so the clock is
 * waited for once for each batch, not for every 200 µs of a fast stream. */
static void
gst_pb_srt_sink_get_times (GstBaseSink *base, GstBuffer *buffer,
    GstClockTime *start, GstClockTime *end)
{
  GST_BASE_SINK_CLASS (gst_pb_srt_sink_parent_class)
      ->get_times (base, buffer, start, end);
  if (GST_CLOCK_TIME_IS_VALID (*start))
    *start -= *start % PACE;
}

/* A live source has its own pace, and waiting for the clock would only add the
 * pipeline's latency to SRT's. A file has none and would arrive all at once. */
static void
choose_pace (GstPbSrtSink *self)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean is_live = FALSE;

  if (gst_pad_peer_query (GST_BASE_SINK_PAD (self), query))
    gst_query_parse_latency (query, &is_live, NULL, NULL);
  GST_DEBUG_OBJECT (self, "upstream is %slive", is_live ? "" : "not ");
  gst_base_sink_set_sync (GST_BASE_SINK (self), !is_live);
}

static void
drain (GstPbSrtSink *self)
{
  g_autoptr (PbSrtIo) io = ref_io (self);
  gint64 start = g_get_monotonic_time (), end;
  PbSrtStats stats;

  if (io == NULL || pb_srt_io_get_n_connected (io) == 0)
    return;

  end = start + DRAIN_MAX_MS * G_TIME_SPAN_MILLISECOND;
  if (pb_srt_io_get_stats (io, 0, &stats) && stats.latency_ms > 0)
    end = MIN (end, start + (stats.latency_ms + 100) * G_TIME_SPAN_MILLISECOND);

  g_mutex_lock (&self->lock);
  while (!self->is_flushing && pb_srt_io_get_n_connected (io) > 0 &&
         g_get_monotonic_time () < end)
    g_cond_wait_until (&self->cond, &self->lock,
        g_get_monotonic_time () + DRAIN_STEP_MS * G_TIME_SPAN_MILLISECOND);
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_pb_srt_sink_event (GstBaseSink *base, GstEvent *event)
{
  GstPbSrtSink *self = GST_PB_SRT_SINK (base);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
    choose_pace (self);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    drain (self);
    if (self->drained != NULL)
      self->drained (self->user_data);
  }

  return GST_BASE_SINK_CLASS (gst_pb_srt_sink_parent_class)
      ->event (base, event);
}

static void
set_flushing (GstPbSrtSink *self, gboolean is_flushing)
{
  g_autoptr (PbSrtIo) io = ref_io (self);

  g_mutex_lock (&self->lock);
  self->is_flushing = is_flushing;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  if (io != NULL)
    pb_srt_io_set_flushing (io, is_flushing);
}

static gboolean
gst_pb_srt_sink_unlock (GstBaseSink *base)
{
  set_flushing (GST_PB_SRT_SINK (base), TRUE);

  return TRUE;
}

static gboolean
gst_pb_srt_sink_unlock_stop (GstBaseSink *base)
{
  set_flushing (GST_PB_SRT_SINK (base), FALSE);

  return TRUE;
}

static gboolean
gst_pb_srt_sink_start (GstBaseSink *base)
{
  set_flushing (GST_PB_SRT_SINK (base), FALSE);

  return TRUE;
}

/* --- object --------------------------------------------------------------- */

static void
gst_pb_srt_sink_finalize (GObject *object)
{
  GstPbSrtSink *self = GST_PB_SRT_SINK (object);

  g_clear_pointer (&self->io, pb_srt_io_unref);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (gst_pb_srt_sink_parent_class)->finalize (object);
}

static void
gst_pb_srt_sink_init (GstPbSrtSink *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  /* Live: there is nothing to preroll, and no reason to wait for it. */
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_sync (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_last_sample_enabled (GST_BASE_SINK (self), FALSE);
}

static void
gst_pb_srt_sink_class_init (GstPbSrtSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *base_class = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (pb_srt_sink_debug, "pbsrtsink", 0,
      "pbsrtbin's end of a pipeline");
  object_class->finalize = gst_pb_srt_sink_finalize;
  base_class->render = gst_pb_srt_sink_render;
  base_class->render_list = gst_pb_srt_sink_render_list;
  base_class->get_times = gst_pb_srt_sink_get_times;
  base_class->event = gst_pb_srt_sink_event;
  base_class->unlock = gst_pb_srt_sink_unlock;
  base_class->unlock_stop = gst_pb_srt_sink_unlock_stop;
  base_class->start = gst_pb_srt_sink_start;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_set_static_metadata (element_class, "pbsrtbin's sink",
      "Sink/Network", "Gives a transport stream to SRT",
      "The Patchbay project");
}
