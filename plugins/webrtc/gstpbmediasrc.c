/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbmediasrc.h"

GST_DEBUG_CATEGORY_STATIC (pb_media_src_debug);
#define GST_CAT_DEFAULT pb_media_src_debug

/* A pipeline that takes nothing for this long loses what waits. Memory stays
 * bounded, and live stays live. */
#define QUEUE_MAX_TIME (2 * GST_SECOND)
#define QUEUE_MAX_BYTES (16 * 1024 * 1024)

typedef struct
{
  GstBuffer *buffer; /* owned */
  GstCaps *caps;     /* (nullable), owned: before the buffer */
} Item;

struct _GstPbMediaSrc
{
  GstPushSrc parent;

  GMutex lock;
  GCond cond;
  GQueue items;         /* lock; of Item */
  gsize n_bytes;        /* lock; in the items */
  guint64 n_dropped;    /* lock */
  gboolean is_flushing; /* lock */
  gboolean is_ended;    /* lock */
  gboolean lost_some;   /* lock; the next buffer is a DISCONT */
  gboolean needs_key;   /* lock; of video nothing else is taken */
  gboolean is_video;    /* lock */
  GstCaps *pending;     /* lock; (nullable), owned: of the next buffer */
  GstCaps *seen;        /* lock; (nullable), owned: as they last came */
  GstCaps *caps;        /* lock; (nullable), owned: as they were last set */
  guint latency_ms;     /* lock */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_FINAL_TYPE (GstPbMediaSrc, gst_pb_media_src, GST_TYPE_PUSH_SRC)

static void
item_free (gpointer data)
{
  Item *item = data;

  gst_buffer_unref (item->buffer);
  g_clear_pointer (&item->caps, gst_caps_unref);
  g_free (item);
}

static void
clear_unlocked (GstPbMediaSrc *self)
{
  g_queue_clear_full (&self->items, item_free);
  self->n_bytes = 0;
}

static gboolean
caps_are_video (GstCaps *caps)
{
  return g_str_has_prefix (gst_structure_get_name (
                               gst_caps_get_structure (caps, 0)),
      "video/");
}

/**
 * gst_pb_media_src_set_caps:
 * @self: the source
 * @caps: of the first buffer
 */
void
gst_pb_media_src_set_caps (GstPbMediaSrc *self, GstCaps *caps)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  gst_caps_replace (&self->caps, caps);
  gst_caps_replace (&self->seen, caps);
  self->is_video = caps_are_video (caps);
}

/* Too much waits: all of it goes, or the delay would stay. */
static void
drop_unlocked (GstPbMediaSrc *self)
{
  for (GList *l = self->items.head; l != NULL; l = l->next) {
    Item *item = l->data;

    if (item->caps != NULL)
      gst_caps_replace (&self->pending, item->caps);
  }
  self->n_dropped += g_queue_get_length (&self->items);
  clear_unlocked (self);
  self->lost_some = TRUE;
  self->needs_key = self->is_video;
}

static gboolean
is_too_much_unlocked (GstPbMediaSrc *self, GstBuffer *buffer)
{
  Item *oldest = g_queue_peek_head (&self->items);

  if (oldest == NULL)
    return FALSE;
  if (self->n_bytes + gst_buffer_get_size (buffer) > QUEUE_MAX_BYTES)
    return TRUE;

  return GST_BUFFER_PTS_IS_VALID (buffer) &&
         GST_BUFFER_PTS_IS_VALID (oldest->buffer) &&
         GST_BUFFER_PTS (buffer) >
             GST_BUFFER_PTS (oldest->buffer) + QUEUE_MAX_TIME;
}

/**
 * gst_pb_media_src_take:
 * @self: the source
 * @buffer: what came
 * @caps: (nullable): where the stream begins anew
 *
 * Returns: whether a keyframe is wanted
 */
gboolean
gst_pb_media_src_take (GstPbMediaSrc *self, GstBuffer *buffer, GstCaps *caps)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Item *item;

  if (self->is_flushing || self->is_ended)
    return FALSE;

  /* the same ones may come with every buffer */
  if (caps != NULL && caps != self->seen) {
    gst_caps_replace (&self->seen, caps);
    gst_caps_replace (&self->pending, caps);
    self->is_video = caps_are_video (caps);
    self->lost_some = TRUE;
  }
  if (is_too_much_unlocked (self, buffer))
    drop_unlocked (self);
  if (self->needs_key) {
    if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT)) {
      self->n_dropped++;
      return TRUE;
    }
    self->needs_key = FALSE;
  }

  item = g_new0 (Item, 1);
  item->caps = g_steal_pointer (&self->pending);
  item->buffer = gst_buffer_ref (buffer);
  if (self->lost_some) {
    item->buffer = gst_buffer_make_writable (item->buffer);
    GST_BUFFER_FLAG_SET (item->buffer, GST_BUFFER_FLAG_DISCONT);
    self->lost_some = FALSE;
  }
  self->n_bytes += gst_buffer_get_size (buffer);
  g_queue_push_tail (&self->items, item);
  g_cond_signal (&self->cond);

  return FALSE;
}

/**
 * gst_pb_media_src_end:
 * @self: the source
 */
void
gst_pb_media_src_end (GstPbMediaSrc *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->is_ended = TRUE;
  g_cond_signal (&self->cond);
}

/**
 * gst_pb_media_src_set_latency:
 * @self: the source
 * @latency_ms: how late a buffer may come
 */
void
gst_pb_media_src_set_latency (GstPbMediaSrc *self, guint latency_ms)
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
 * gst_pb_media_src_get_n_dropped:
 * @self: the source
 *
 * Returns: buffers that the pipeline was too slow to take
 */
guint64
gst_pb_media_src_get_n_dropped (GstPbMediaSrc *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->n_dropped;
}

/* --- data flow ------------------------------------------------------------ */

static Item *
wait_for_item (GstPbMediaSrc *self, GstFlowReturn *flow)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Item *item;

  while (
      !self->is_flushing && !self->is_ended && g_queue_is_empty (&self->items))
    g_cond_wait (&self->cond, &self->lock);
  item = self->is_flushing ? NULL : g_queue_pop_head (&self->items);
  if (item == NULL) {
    *flow = self->is_flushing ? GST_FLOW_FLUSHING : GST_FLOW_EOS;
    return NULL;
  }
  self->n_bytes -= gst_buffer_get_size (item->buffer);

  return item;
}

static gboolean
update_caps (GstPbMediaSrc *self, GstCaps *caps)
{
  gboolean is_new;

  g_mutex_lock (&self->lock);
  is_new = self->caps == NULL || !gst_caps_is_equal (self->caps, caps);
  if (is_new)
    gst_caps_replace (&self->caps, caps);
  g_mutex_unlock (&self->lock);

  return !is_new || gst_base_src_set_caps (GST_BASE_SRC (self), caps);
}

static GstFlowReturn
gst_pb_media_src_create (GstPushSrc *push, GstBuffer **out)
{
  GstPbMediaSrc *self = GST_PB_MEDIA_SRC (push);
  GstFlowReturn flow = GST_FLOW_OK;
  Item *item = wait_for_item (self, &flow);

  if (item == NULL)
    return flow;
  if (item->caps != NULL && !update_caps (self, item->caps)) {
    item_free (item);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  *out = gst_buffer_ref (item->buffer);
  item_free (item);

  return GST_FLOW_OK;
}

static gboolean
gst_pb_media_src_negotiate (GstBaseSrc *base)
{
  GstPbMediaSrc *self = GST_PB_MEDIA_SRC (base);
  g_autoptr (GstCaps) caps = NULL;

  g_mutex_lock (&self->lock);
  caps = self->caps != NULL ? gst_caps_ref (self->caps) : NULL;
  g_mutex_unlock (&self->lock);

  return caps == NULL || gst_base_src_set_caps (base, caps);
}

static GstCaps *
gst_pb_media_src_get_caps (GstBaseSrc *base, GstCaps *filter)
{
  GstPbMediaSrc *self = GST_PB_MEDIA_SRC (base);
  g_autoptr (GstCaps) caps = NULL;

  g_mutex_lock (&self->lock);
  caps = self->caps != NULL ? gst_caps_ref (self->caps) : gst_caps_new_any ();
  g_mutex_unlock (&self->lock);
  if (filter != NULL)
    return gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);

  return g_steal_pointer (&caps);
}

static void
set_flushing (GstPbMediaSrc *self, gboolean is_flushing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->is_flushing = is_flushing;
  if (is_flushing && !g_queue_is_empty (&self->items))
    drop_unlocked (self);
  g_cond_broadcast (&self->cond);
}

static gboolean
gst_pb_media_src_unlock (GstBaseSrc *base)
{
  set_flushing (GST_PB_MEDIA_SRC (base), TRUE);

  return TRUE;
}

static gboolean
gst_pb_media_src_unlock_stop (GstBaseSrc *base)
{
  set_flushing (GST_PB_MEDIA_SRC (base), FALSE);

  return TRUE;
}

static gboolean
gst_pb_media_src_start (GstBaseSrc *base)
{
  set_flushing (GST_PB_MEDIA_SRC (base), FALSE);

  return TRUE;
}

static gboolean
gst_pb_media_src_query (GstBaseSrc *base, GstQuery *query)
{
  GstPbMediaSrc *self = GST_PB_MEDIA_SRC (base);

  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

    gst_query_set_latency (query, TRUE, self->latency_ms * GST_MSECOND,
        GST_CLOCK_TIME_NONE);
    return TRUE;
  }

  return GST_BASE_SRC_CLASS (gst_pb_media_src_parent_class)
      ->query (base, query);
}

/* --- object --------------------------------------------------------------- */

static void
gst_pb_media_src_finalize (GObject *object)
{
  GstPbMediaSrc *self = GST_PB_MEDIA_SRC (object);

  g_queue_clear_full (&self->items, item_free);
  gst_caps_replace (&self->pending, NULL);
  gst_caps_replace (&self->seen, NULL);
  gst_caps_replace (&self->caps, NULL);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (gst_pb_media_src_parent_class)->finalize (object);
}

static void
gst_pb_media_src_init (GstPbMediaSrc *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->items);
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), FALSE);
}

static void
gst_pb_media_src_class_init (GstPbMediaSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (pb_media_src_debug, "pbmediasrc", 0,
      "pbsrcsink's start of a pipeline");
  object_class->finalize = gst_pb_media_src_finalize;
  base_class->start = gst_pb_media_src_start;
  base_class->unlock = gst_pb_media_src_unlock;
  base_class->unlock_stop = gst_pb_media_src_unlock_stop;
  base_class->negotiate = gst_pb_media_src_negotiate;
  base_class->get_caps = gst_pb_media_src_get_caps;
  base_class->query = gst_pb_media_src_query;
  GST_PUSH_SRC_CLASS (klass)->create = gst_pb_media_src_create;
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "pbsrcsink's source",
      "Source/Network", "Brings encoded media from WebRTC",
      "The Patchbay project");
}
