/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrcsink-private.h"

#include <string.h>

#include "glue/pb-gst-debug.h"
#include "gstpbmediasrc.h"
#include "pb-decode.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* From what the counterparts send to a src pad for each stream. */

/* Nobody says how many streams there will be. When picture and sound are there,
 * or one of them has been alone for this long, there are no more. */
#define COMPLETE_TIME (2 * G_TIME_SPAN_SECOND)
/* A pad that has had nothing for this long may be taken over by a stream of a
 * new connection, which numbers its streams anew. */
#define IDLE_TIME (200 * G_TIME_SPAN_MILLISECOND)

/* Reference counted: probes hold it as well. */
typedef struct
{
  /* set in new */
  GstPbSrcSink *owner; /* unowned */
  guint source, group_id;
  gboolean is_video;
  PbCodec codec;

  /* the owner's lock */
  guint track;
  gint64 last_us; /* monotonic: of the last buffer */
  gboolean is_ready;

  /* set before it is ready */
  GstElement *src;     /* unowned: the bin's */
  GstElement *decoder; /* (nullable) unowned: the bin's */
  GstPad *ghost;       /* (nullable) owned */

  /* the pad's streaming thread */
  gboolean is_adrift; /* nobody took the last one */
} Out;

static void
out_clear (gpointer data)
{
  g_clear_pointer (&((Out *) data)->ghost, gst_object_unref);
}

static void
out_unref (gpointer out)
{
  g_atomic_rc_box_release_full (out, out_clear);
}

/* --- which pad ------------------------------------------------------------ */

/* With the lock. */
static Out *
find_unlocked (GstPbSrcSink *self, guint source, guint track, gboolean is_video)
{
  for (guint i = 0; i < self->outs->len; i++) {
    Out *out = self->outs->pdata[i];

    if (out->source == source && out->track == track &&
        out->is_video == is_video)
      return out;
  }

  return NULL;
}

/* With the lock: one that a stream of these caps may go on with. */
static Out *
find_idle_unlocked (GstPbSrcSink *self, guint source, gboolean is_video,
    PbCodec codec)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < self->outs->len; i++) {
    Out *out = self->outs->pdata[i];

    if (out->source == source && out->is_video == is_video &&
        out->codec == codec && now - out->last_us > IDLE_TIME)
      return out;
  }

  return NULL;
}

/* With the lock: the group of its counterpart's other streams */
static guint
find_group_unlocked (GstPbSrcSink *self, guint source)
{
  for (guint i = 0; i < self->outs->len; i++)
    if (((Out *) self->outs->pdata[i])->source == source)
      return ((Out *) self->outs->pdata[i])->group_id;

  return gst_util_group_id_next ();
}

/* --- data flow ------------------------------------------------------------ */

static void
ask_keyframe (Out *out)
{
  GstPbSrcSink *self = out->owner;
  g_autoptr (PbWebrtcEnd) end = gst_pb_src_sink_ref_end (self);
  guint track;

  g_mutex_lock (&self->lock);
  track = out->track;
  g_mutex_unlock (&self->lock);
  if (end != NULL && out->is_video)
    pb_webrtc_end_ask_keyframe (end, out->source, track);
}

/* The last step before the pad: a stream that nobody takes is no reason to stop
 * any, and whoever takes it later begins with a keyframe. */
static GstFlowReturn
on_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Out *out = g_object_get_data (G_OBJECT (pad), "pb-out");
  gboolean is_linked = gst_pad_is_linked (out->ghost);
  GstFlowReturn flow;

  if (!is_linked) {
    out->is_adrift = TRUE;
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  if (out->is_adrift) {
    if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT)) {
      ask_keyframe (out);
      gst_buffer_unref (buffer);
      return GST_FLOW_OK;
    }
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
    out->is_adrift = FALSE;
  }

  flow = gst_proxy_pad_chain_default (pad, parent, buffer);
  if (flow != GST_FLOW_NOT_LINKED)
    return flow;
  out->is_adrift = TRUE;

  return GST_FLOW_OK;
}

/* One counterpart's streams belong together: players go by the group. With a
 * GstStream in it as well, decodebin3 would wait for a collection. */
static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Out *out = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (GST_EVENT_TYPE (event) != GST_EVENT_STREAM_START)
    return GST_PAD_PROBE_OK;

  event = gst_event_make_writable (event);
  gst_event_set_group_id (event, out->group_id);
  info->data = event;

  return GST_PAD_PROBE_OK;
}

/* Upstream: whoever decodes has lost something. */
static GstPadProbeReturn
on_upstream (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM &&
      gst_event_has_name (event, "GstForceKeyUnit"))
    ask_keyframe (user_data);

  return GST_PAD_PROBE_OK;
}

/* --- pads ----------------------------------------------------------------- */

static gboolean
fail (GstPbSrcSink *self, GError *error)
{
  gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR,
      error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
      GST_FUNCTION, __LINE__);

  return FALSE;
}

static gboolean
add_decoder (Out *out, GstCaps *caps)
{
  GstPbSrcSink *self = out->owner;
  g_autoptr (GError) error = NULL;

  out->decoder = pb_decode_make (caps, &error);
  if (out->decoder == NULL)
    return fail (self, error);
  gst_bin_add (GST_BIN (self), out->decoder);

  return gst_element_link (out->src, out->decoder);
}

static void
add_ghost (Out *out)
{
  GstPbSrcSink *self = out->owner;
  GstElement *last = out->decoder != NULL ? out->decoder : out->src;
  g_autoptr (GstPad) target = gst_element_get_static_pad (last, "src");
  g_autoptr (GstPadTemplate) template = NULL;
  g_autoptr (GstPad) inner = NULL;
  const char *pattern = out->is_video ? "video_src_%u" : "audio_src_%u";
  g_autofree char *name = NULL;

  for (guint i = 0; name == NULL; i++) {
    g_autoptr (GstPad) taken = NULL;
    g_autofree char *one =
        g_strdup_printf (out->is_video ? "video_src_%u" : "audio_src_%u", i);

    taken = gst_element_get_static_pad (GST_ELEMENT (self), one);
    if (taken == NULL)
      name = g_steal_pointer (&one);
  }
  template = gst_object_ref (
      gst_element_get_pad_template (GST_ELEMENT (self), pattern));
  out->ghost = gst_object_ref_sink (
      gst_ghost_pad_new_from_template (name, target, template));
  inner = GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (out->ghost)));
  g_object_set_data_full (G_OBJECT (inner), "pb-out",
      g_atomic_rc_box_acquire (out), out_unref);
  gst_pad_set_chain_function (inner, on_chain);
  gst_pad_set_active (out->ghost, TRUE);
}

/* Streaming thread of the connection: the element runs, and stops only after
 * the last of these calls has come back. */
static gboolean
build (Out *out, GstCaps *caps)
{
  GstPbSrcSink *self = out->owner;
  g_autoptr (GstPad) pad = NULL;
  gboolean decodes;
  guint latency;

  g_mutex_lock (&self->lock);
  decodes = self->decodes;
  latency = MAX (self->latency_ms, self->out_latency_ms);
  g_mutex_unlock (&self->lock);

  out->src = g_object_new (GST_TYPE_PB_MEDIA_SRC, NULL);
  gst_pb_media_src_set_caps (GST_PB_MEDIA_SRC (out->src), caps);
  gst_pb_media_src_set_latency (GST_PB_MEDIA_SRC (out->src), latency);
  pad = gst_element_get_static_pad (out->src, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event,
      g_atomic_rc_box_acquire (out), out_unref);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream,
      g_atomic_rc_box_acquire (out), out_unref);
  gst_bin_add (GST_BIN (self), out->src);
  if (decodes && !add_decoder (out, caps))
    return FALSE;
  add_ghost (out);

  return TRUE;
}

static void
show (Out *out)
{
  GstPbSrcSink *self = out->owner;

  GST_INFO_OBJECT (self, "%s: source %u, track %u", GST_PAD_NAME (out->ghost),
      out->source, out->track);
  gst_element_add_pad (GST_ELEMENT (self), out->ghost);
  if (out->decoder != NULL)
    gst_element_sync_state_with_parent (out->decoder);
  gst_element_sync_state_with_parent (out->src);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_latency (GST_OBJECT (self)));
}

static Out *
add_out (GstPbSrcSink *self, guint source, guint track, gboolean is_video,
    GstCaps *caps)
{
  Out *out = g_atomic_rc_box_new0 (Out);

  out->owner = self;
  out->source = source;
  out->track = track;
  out->is_video = is_video;
  out->codec = pb_codec_of_caps (caps);
  out->last_us = g_get_monotonic_time ();
  g_mutex_lock (&self->lock);
  out->group_id = find_group_unlocked (self, source);
  g_ptr_array_add (self->outs, out);
  if (self->first_pad_us == 0)
    self->first_pad_us = out->last_us;
  g_mutex_unlock (&self->lock);

  if (!build (out, caps))
    return NULL;
  show (out);
  g_mutex_lock (&self->lock);
  out->is_ready = TRUE;
  g_mutex_unlock (&self->lock);

  return out;
}

static void
tell_complete (GstPbSrcSink *self)
{
  gboolean has_video = FALSE, has_audio = FALSE, is_due;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->outs->len; i++) {
    Out *out = self->outs->pdata[i];

    has_video |= out->is_ready && out->is_video;
    has_audio |= out->is_ready && !out->is_video;
  }
  is_due = !self->is_complete && (has_video || has_audio) &&
           ((has_video && has_audio) ||
               g_get_monotonic_time () - self->first_pad_us > COMPLETE_TIME);
  if (is_due)
    self->is_complete = TRUE;
  g_mutex_unlock (&self->lock);
  if (is_due)
    gst_element_no_more_pads (GST_ELEMENT (self));
}

static gboolean
is_ready (Out *out)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&out->owner->lock);

  return out->is_ready;
}

static void
remove_child (GstPbSrcSink *self, GstElement *element)
{
  if (element == NULL)
    return;

  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), element);
}

static void
remove_out (Out *out)
{
  GstPbSrcSink *self = out->owner;

  if (out->ghost != NULL) {
    gst_pad_set_active (out->ghost, FALSE);
    gst_element_remove_pad (GST_ELEMENT (self), out->ghost);
  }
  remove_child (self, out->src);
  remove_child (self, out->decoder);
  /* the pad holds us, and we hold the pad */
  if (out->ghost != NULL) {
    g_autoptr (GstPad) inner =
        GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (out->ghost)));

    g_object_set_data (G_OBJECT (inner), "pb-out", NULL);
  }
  out_unref (out);
}

/* While it runs: downstream sees the end of the stream before the pad goes. */
static void
end_and_remove (GstElement *element, gpointer user_data)
{
  Out *out = user_data;

  if (out->src != NULL) {
    gst_element_set_locked_state (out->src, TRUE);
    gst_element_set_state (out->src, GST_STATE_NULL);
  }
  if (out->decoder != NULL) {
    g_autoptr (GstPad) sink = gst_element_get_static_pad (out->decoder, "sink");

    gst_pad_send_event (sink, gst_event_new_eos ());
  } else if (out->ghost != NULL) {
    gst_pad_push_event (out->ghost, gst_event_new_eos ());
  }
  remove_out (out);
}

/* Downstream may be stuck, and nobody here may wait for it. */
static void
dismiss (Out *out)
{
  gst_element_call_async (GST_ELEMENT (out->owner), end_and_remove, out, NULL);
}

/* (transfer full) (nullable): where the stream goes on */
static Out *
find_out (GstPbSrcSink *self, guint source, guint track, gboolean is_video,
    GstCaps *caps, Out **other)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Out *out = find_unlocked (self, source, track, is_video);

  *other = NULL;
  if (caps != NULL && out != NULL && out->is_ready &&
      out->codec != pb_codec_of_caps (caps)) {
    g_ptr_array_remove (self->outs, out);
    *other = out;
    out = NULL;
  }
  if (out == NULL && caps != NULL) {
    out = find_idle_unlocked (self, source, is_video, pb_codec_of_caps (caps));
    if (out != NULL)
      out->track = track;
  }
  if (out == NULL)
    return NULL;
  out->last_us = g_get_monotonic_time ();

  return g_atomic_rc_box_acquire (out);
}

void
gst_pb_src_sink_take (GstPbSrcSink *self, guint source, guint track,
    gboolean is_video, GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstCaps *caps = gst_sample_get_caps (sample);
  Out *other, *out;

  if (caps != NULL && !gst_caps_is_fixed (caps))
    caps = NULL;
  out = find_out (self, source, track, is_video, caps, &other);
  if (other != NULL)
    dismiss (other);
  if (out == NULL) {
    /* without caps nobody knows what it is */
    if (caps == NULL)
      return;
    out = add_out (self, source, track, is_video, caps);
    if (out == NULL)
      return;
    g_atomic_rc_box_acquire (out);
    caps = NULL;
  }
  if (is_ready (out) && buffer != NULL &&
      gst_pb_media_src_take (GST_PB_MEDIA_SRC (out->src), buffer, caps))
    ask_keyframe (out);
  out_unref (out);
  tell_complete (self);
}

/* Of a decoder's work, or else of what it would decode */
GstPad *
gst_pb_src_sink_dup_video_pad (GstPbSrcSink *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Out *latest = NULL;

  for (guint i = 0; i < self->outs->len; i++) {
    Out *out = self->outs->pdata[i];

    if (out->is_ready && out->is_video && out->source == 0 &&
        (latest == NULL || out->last_us > latest->last_us))
      latest = out;
  }
  if (latest == NULL)
    return NULL;
  if (latest->decoder != NULL) {
    g_autoptr (GstPad) pad =
        gst_element_get_static_pad (latest->decoder, "src");
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

    /* not what is in a driver's memory */
    if (caps != NULL &&
        gst_caps_features_is_equal (gst_caps_get_features (caps, 0),
            GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY))
      return g_steal_pointer (&pad);
  }

  return gst_element_get_static_pad (latest->src, "src");
}

/* --- their end ------------------------------------------------------------ */

/* (transfer full): of one source, or all */
static GPtrArray *
steal_outs (GstPbSrcSink *self, gboolean all, guint source)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GPtrArray *gone = g_ptr_array_new ();

  for (guint i = self->outs->len; i-- > 0;) {
    Out *out = self->outs->pdata[i];

    if (all || out->source == source)
      g_ptr_array_add (gone, g_ptr_array_steal_index (self->outs, i));
  }

  return gone;
}

/* (transfer full): the sources that run */
static GPtrArray *
list_srcs (GstPbSrcSink *self, gboolean all, guint source)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GPtrArray *srcs = g_ptr_array_new_with_free_func (gst_object_unref);

  for (guint i = 0; i < self->outs->len; i++) {
    Out *out = self->outs->pdata[i];

    if (out->is_ready && (all || out->source == source))
      g_ptr_array_add (srcs, gst_object_ref (out->src));
  }

  return srcs;
}

void
gst_pb_src_sink_set_out_latency (GstPbSrcSink *self, guint latency_ms)
{
  g_autoptr (GPtrArray) srcs = NULL;
  gboolean is_more;

  g_mutex_lock (&self->lock);
  is_more = latency_ms > MAX (self->latency_ms, self->out_latency_ms);
  if (is_more)
    self->out_latency_ms = latency_ms;
  g_mutex_unlock (&self->lock);
  if (!is_more)
    return;
  srcs = list_srcs (self, TRUE, 0);
  for (guint i = 0; i < srcs->len; i++)
    gst_pb_media_src_set_latency (srcs->pdata[i], latency_ms);
}

void
gst_pb_src_sink_end_outs (GstPbSrcSink *self)
{
  g_autoptr (GPtrArray) srcs = list_srcs (self, TRUE, 0);

  for (guint i = 0; i < srcs->len; i++)
    gst_pb_media_src_end (srcs->pdata[i]);
}

/* The slot's sender may always come back, and finds its pads again; a return
 * feed takes its own away. */
void
gst_pb_src_sink_lose (GstPbSrcSink *self, guint source)
{
  g_autoptr (GPtrArray) gone = NULL;

  if (source == 0)
    return;
  gone = steal_outs (self, FALSE, source);
  for (guint i = 0; i < gone->len; i++)
    dismiss (gone->pdata[i]);
}

void
gst_pb_src_sink_remove_outs (GstPbSrcSink *self)
{
  g_autoptr (GPtrArray) gone = steal_outs (self, TRUE, 0);

  for (guint i = 0; i < gone->len; i++)
    remove_out (gone->pdata[i]);
  g_mutex_lock (&self->lock);
  self->is_complete = FALSE;
  self->first_pad_us = 0;
  self->out_latency_ms = 0;
  g_mutex_unlock (&self->lock);
}

/* When the bin lets go of its children */
void
gst_pb_src_sink_out_free (gpointer out)
{
  out_unref (out);
}
