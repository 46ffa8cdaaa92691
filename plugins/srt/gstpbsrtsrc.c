/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrtsrc.h"

#include "core/pb-limits.h"

GST_DEBUG_CATEGORY_STATIC (pb_srt_src_debug);
#define GST_CAT_DEFAULT pb_srt_src_debug

/* A pipeline that takes nothing for this long loses the oldest: at 20 Mbit/s
 * about two seconds. Memory stays bounded, and live stays live. */
#define QUEUE_MAX_PACKETS 4096
/* The pipeline's clock against the monotonic one: below this the difference is
 * the noise of reading both, above it somebody set or changed the clock. */
#define CLOCK_JUMP (100 * GST_MSECOND)
#define CLOCK_SMOOTHING 64
/* Two packets of one instant may come out a hair apart after the mapping. */
#define BACKWARDS_MAX (10 * GST_MSECOND)

struct _GstPbSrtSrc
{
  GstPushSrc parent;

  GMutex lock;
  GCond cond;
  GQueue lists;         /* lock; of GstBufferList */
  guint n_packets;      /* lock; in the lists */
  guint64 n_dropped;    /* lock */
  gboolean is_flushing; /* lock */
  gboolean is_paused;   /* lock; after it has played */
  gboolean lost_some;   /* lock; the next buffer is a DISCONT */
  guint latency_ms;     /* lock */

  /* streaming thread */
  gboolean has_offset;
  GstClockTimeDiff offset; /* running time minus monotonic time */
  GstClockTime last_pts;
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (
        "video/mpegts, systemstream = (boolean) true, packetsize = (int) 188"));

G_DEFINE_FINAL_TYPE (GstPbSrtSrc, gst_pb_srt_src, GST_TYPE_PUSH_SRC)

/**
 * gst_pb_srt_src_take:
 * @self: the source
 * @list: (transfer full): what came
 */
void
gst_pb_srt_src_take (GstPbSrtSrc *self, GstBufferList *list)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->is_flushing) {
    gst_buffer_list_unref (list);
    return;
  }

  g_queue_push_tail (&self->lists, list);
  self->n_packets += gst_buffer_list_length (list);
  while (self->n_packets > QUEUE_MAX_PACKETS &&
         g_queue_get_length (&self->lists) > 1) {
    GstBufferList *old = g_queue_pop_head (&self->lists);

    self->n_packets -= gst_buffer_list_length (old);
    self->n_dropped += gst_buffer_list_length (old);
    self->lost_some = TRUE;
    gst_buffer_list_unref (old);
  }
  g_cond_signal (&self->cond);
}

/**
 * gst_pb_srt_src_set_latency:
 * @self: the source
 * @latency_ms: as negotiated
 */
void
gst_pb_srt_src_set_latency (GstPbSrtSrc *self, guint latency_ms)
{
  gboolean is_new;

  g_mutex_lock (&self->lock);
  is_new = self->latency_ms != latency_ms;
  self->latency_ms = latency_ms;
  g_mutex_unlock (&self->lock);
  if (is_new)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

/**
 * gst_pb_srt_src_get_n_dropped:
 * @self: the source
 *
 * Returns: packets that the pipeline was too slow to take
 */
guint64
gst_pb_srt_src_get_n_dropped (GstPbSrtSrc *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->n_dropped;
}

/* --- time ----------------------------------------------------------------- */

static gboolean
update_offset (GstPbSrtSrc *self)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime base, now, before, after;
  GstClockTimeDiff offset;

  if (clock == NULL)
    return FALSE;

  base = gst_element_get_base_time (GST_ELEMENT (self));
  before = (GstClockTime) g_get_monotonic_time () * 1000;
  now = gst_clock_get_time (clock);
  after = (GstClockTime) g_get_monotonic_time () * 1000;
  offset = GST_CLOCK_DIFF (before + (after - before) / 2, now - base);

  if (!self->has_offset ||
      ABS (offset - self->offset) > (GstClockTimeDiff) CLOCK_JUMP)
    self->offset = offset;
  else
    self->offset += (offset - self->offset) / CLOCK_SMOOTHING;
  self->has_offset = TRUE;

  return TRUE;
}

static void
stamp (GstPbSrtSrc *self, GstBuffer *buffer)
{
  GstClockTimeDiff pts;

  if (!GST_BUFFER_PTS_IS_VALID (buffer))
    return;

  pts = (GstClockTimeDiff) GST_BUFFER_PTS (buffer) + self->offset;
  /* sent before this pipeline began to run */
  pts = MAX (pts, 0);
  if (GST_CLOCK_TIME_IS_VALID (self->last_pts) &&
      (GstClockTime) pts < self->last_pts &&
      self->last_pts - (GstClockTime) pts < BACKWARDS_MAX)
    pts = (GstClockTimeDiff) self->last_pts;
  self->last_pts = (GstClockTime) pts;
  GST_BUFFER_PTS (buffer) = (GstClockTime) pts;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
}

/* --- data flow ------------------------------------------------------------ */

/* Everything that waits, as one list: the more there is, the fewer calls. None
 * while it is paused: the base class would hold it until it plays, and where it
 * is stopped instead, lets go of a buffer that there is not (seen: 1.22). */
static GstBufferList *
wait_for_list (GstPbSrtSrc *self, gboolean *is_discont)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GstBufferList *list;

  while (!self->is_flushing &&
         (self->is_paused || g_queue_is_empty (&self->lists)))
    g_cond_wait (&self->cond, &self->lock);
  if (self->is_flushing)
    return NULL;

  *is_discont = self->lost_some;
  self->lost_some = FALSE;
  list = g_queue_pop_head (&self->lists);
  self->n_packets -= gst_buffer_list_length (list);

  return list;
}

static GstFlowReturn
gst_pb_srt_src_create (GstPushSrc *push, GstBuffer **out)
{
  GstPbSrtSrc *self = GST_PB_SRT_SRC (push);
  gboolean is_discont = FALSE;
  GstBufferList *list = wait_for_list (self, &is_discont);

  if (list == NULL)
    return GST_FLOW_FLUSHING;
  if (!update_offset (self)) {
    gst_buffer_list_unref (list);
    return GST_FLOW_FLUSHING;
  }

  list = gst_buffer_list_make_writable (list);
  for (guint i = 0; i < gst_buffer_list_length (list); i++) {
    GstBuffer *buffer = gst_buffer_list_get_writable (list, i);

    stamp (self, buffer);
    if (is_discont && i == 0)
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  }
  gst_base_src_submit_buffer_list (GST_BASE_SRC (self), list);
  *out = NULL;

  return GST_FLOW_OK;
}

static void
set_flushing (GstPbSrtSrc *self, gboolean is_flushing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->is_flushing = is_flushing;
  if (is_flushing) {
    g_queue_clear_full (&self->lists, (GDestroyNotify) gst_buffer_list_unref);
    self->n_packets = 0;
  }
  g_cond_broadcast (&self->cond);
}

static gboolean
gst_pb_srt_src_unlock (GstBaseSrc *base)
{
  set_flushing (GST_PB_SRT_SRC (base), TRUE);

  return TRUE;
}

static gboolean
gst_pb_srt_src_unlock_stop (GstBaseSrc *base)
{
  set_flushing (GST_PB_SRT_SRC (base), FALSE);

  return TRUE;
}

static gboolean
gst_pb_srt_src_start (GstBaseSrc *base)
{
  GstPbSrtSrc *self = GST_PB_SRT_SRC (base);

  self->has_offset = FALSE;
  self->last_pts = GST_CLOCK_TIME_NONE;
  set_flushing (self, FALSE);

  return TRUE;
}

static gboolean
gst_pb_srt_src_stop (GstBaseSrc *base)
{
  set_flushing (GST_PB_SRT_SRC (base), TRUE);

  return TRUE;
}

static gboolean
gst_pb_srt_src_query (GstBaseSrc *base, GstQuery *query)
{
  GstPbSrtSrc *self = GST_PB_SRT_SRC (base);

  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

    gst_query_set_latency (query, TRUE, self->latency_ms * GST_MSECOND,
        GST_CLOCK_TIME_NONE);
    return TRUE;
  }

  return GST_BASE_SRC_CLASS (gst_pb_srt_src_parent_class)->query (base, query);
}

static void
set_paused (GstPbSrtSrc *self, gboolean is_paused)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->is_paused = is_paused;
  g_cond_broadcast (&self->cond);
}

static GstStateChangeReturn
gst_pb_srt_src_change_state (GstElement *element, GstStateChange transition)
{
  GstPbSrtSrc *self = GST_PB_SRT_SRC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    set_paused (self, TRUE);
  ret = GST_ELEMENT_CLASS (gst_pb_srt_src_parent_class)
            ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    set_paused (self, FALSE);

  return ret;
}

/* --- object --------------------------------------------------------------- */

static void
gst_pb_srt_src_finalize (GObject *object)
{
  GstPbSrtSrc *self = GST_PB_SRT_SRC (object);

  g_queue_clear_full (&self->lists, (GDestroyNotify) gst_buffer_list_unref);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (gst_pb_srt_src_parent_class)->finalize (object);
}

static void
gst_pb_srt_src_init (GstPbSrtSrc *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->lists);
  self->latency_ms = PB_LATENCY_DEFAULT;
  self->is_flushing = TRUE;
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), FALSE);
}

static void
gst_pb_srt_src_class_init (GstPbSrtSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (pb_srt_src_debug, "pbsrtsrc", 0,
      "pbsrtbin's start of a pipeline");
  object_class->finalize = gst_pb_srt_src_finalize;
  element_class->change_state = gst_pb_srt_src_change_state;
  base_class->start = gst_pb_srt_src_start;
  base_class->stop = gst_pb_srt_src_stop;
  base_class->unlock = gst_pb_srt_src_unlock;
  base_class->unlock_stop = gst_pb_srt_src_unlock_stop;
  base_class->query = gst_pb_srt_src_query;
  GST_PUSH_SRC_CLASS (klass)->create = gst_pb_srt_src_create;
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "pbsrtbin's source",
      "Source/Network", "Brings a transport stream from SRT",
      "The Patchbay project");
}
