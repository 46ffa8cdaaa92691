/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrcsink-private.h"

#include <string.h>

#include "glue/pb-gst-debug.h"
#include "gstpbmediasink.h"
#include "pb-encode.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* The sink pads, and what the end is told of them. */

/* A stream that is announced but silent keeps the others from being offered for
 * this long: a second offer costs more than the wait. */
#define SILENT_TIME (2 * G_TIME_SPAN_SECOND)
/* Until the network has told what it takes. */
#define START_KBPS 1500

/* What can be had of a source that leaves a choice: first what costs the least,
 * then what browsers know. */
/* clang-format off */
#define VIDEO_CHOICE \
  "video/x-raw, format = (string) { I420, NV12, YV12 }; " \
  "video/x-h264, profile = (string) { constrained-baseline, baseline, main, " \
  "constrained-high, progressive-high, high }; " \
  "video/x-vp8; video/x-vp9; video/x-h265; video/x-raw; video/x-h264"
#define AUDIO_CHOICE \
  "audio/x-raw, format = (string) S16LE, rate = (int) 48000, " \
  "channels = (int) [ 1, 2 ], layout = (string) interleaved; " \
  "audio/x-opus; audio/x-raw"
/* clang-format on */

/* --- what the end is told ------------------------------------------------- */

/* Size and rate may change without another offer. */
static gboolean
is_other_track (GstCaps *one, GstCaps *other)
{
  static const char *const fields[] = { "profile", "channels",
    "channel-mapping-family" };
  const GstStructure *a, *b;

  if (one == NULL)
    return TRUE;
  a = gst_caps_get_structure (one, 0);
  b = gst_caps_get_structure (other, 0);
  if (!gst_structure_has_name (a, gst_structure_get_name (b)))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    const GValue *left = gst_structure_get_value (a, fields[i]);
    const GValue *right = gst_structure_get_value (b, fields[i]);

    if ((left == NULL) != (right == NULL) ||
        (left != NULL && gst_value_compare (left, right) != GST_VALUE_EQUAL))
      return TRUE;
  }

  return FALSE;
}

static void
track_clear (gpointer data)
{
  gst_caps_unref (((PbWebrtcTrack *) data)->caps);
}

/* With the lock: a stream that has no caps yet is waited for, but not long. */
static gboolean
is_due_unlocked (GstPbSrcSink *self)
{
  guint n_known = 0;

  for (guint i = 0; i < self->ins->len; i++)
    n_known += ((GstPbSrcSinkIn *) self->ins->pdata[i])->caps != NULL;
  if (self->is_published || n_known == self->ins->len)
    return TRUE;

  return n_known > 0 &&
         g_get_monotonic_time () - self->first_caps_us > SILENT_TIME;
}

static int
compare_ins (gconstpointer left, gconstpointer right)
{
  const GstPbSrcSinkIn *a = *(GstPbSrcSinkIn *const *) left;
  const GstPbSrcSinkIn *b = *(GstPbSrcSinkIn *const *) right;

  /* as unsigned: those that are not told of yet, -1, come last */
  return (guint) a->next < (guint) b->next ? -1
                                           : (guint) a->next > (guint) b->next;
}

/* With the lock; (transfer full). A stream that comes late takes no other's
 * place: each keeps its own for as long as none before it goes. */
static GPtrArray *
sort_ins_unlocked (GstPbSrcSink *self)
{
  GPtrArray *ins = g_ptr_array_sized_new (self->ins->len);

  for (guint i = 0; i < self->ins->len; i++)
    g_ptr_array_add (ins, self->ins->pdata[i]);
  g_ptr_array_sort (ins, compare_ins);

  return ins;
}

/* With the lock; (transfer full) (nullable): something to tell */
static GArray *
begin_unlocked (GstPbSrcSink *self)
{
  g_autoptr (GPtrArray) ins = NULL;
  GArray *tracks;

  if (!self->is_dirty || self->end == NULL || !is_due_unlocked (self))
    return NULL;

  self->is_dirty = FALSE;
  self->is_published = TRUE;
  tracks = g_array_new (FALSE, FALSE, sizeof (PbWebrtcTrack));
  g_array_set_clear_func (tracks, track_clear);
  ins = sort_ins_unlocked (self);
  for (guint i = 0; i < ins->len; i++) {
    GstPbSrcSinkIn *in = ins->pdata[i];
    PbWebrtcTrack track = { in->is_video, in->caps, NULL };

    in->next = -1;
    if (in->caps == NULL)
      continue;
    gst_caps_ref (track.caps);
    in->next = (int) tracks->len;
    g_array_append_val (tracks, track);
  }

  return tracks;
}

/* Several streams begin at once, each on a thread of its own: whoever comes
 * first tells for the others, so that the last word is the newest. */
void
gst_pb_src_sink_publish (GstPbSrcSink *self)
{
  GArray *tracks;

  g_mutex_lock (&self->lock);
  self->is_dirty = TRUE;
  if (self->is_publishing) {
    g_mutex_unlock (&self->lock);
    return;
  }
  self->is_publishing = TRUE;
  while ((tracks = begin_unlocked (self)) != NULL) {
    PbWebrtcEnd *end = pb_webrtc_end_ref (self->end);

    g_mutex_unlock (&self->lock);
    GST_INFO_OBJECT (self, "sending %u streams", tracks->len);
    pb_webrtc_end_set_tracks (end, (PbWebrtcTrack *) tracks->data, tracks->len);
    pb_webrtc_end_unref (end);
    g_array_unref (tracks);
    g_mutex_lock (&self->lock);
    for (guint i = 0; i < self->ins->len; i++) {
      GstPbSrcSinkIn *in = self->ins->pdata[i];

      g_atomic_int_set (&in->track, in->next);
    }
  }
  self->is_publishing = FALSE;
  g_mutex_unlock (&self->lock);
}

/* --- the beginning and the end of a run ---------------------------------- */

void
gst_pb_src_sink_reset_ins (GstPbSrcSink *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->is_published = FALSE;
  self->first_caps_us = 0;
  self->kbps = CLAMP (START_KBPS, self->min_kbps, self->max_kbps);
  for (guint i = 0; i < self->ins->len; i++) {
    GstPbSrcSinkIn *in = self->ins->pdata[i];

    gst_caps_replace (&in->caps, NULL);
    in->is_eos = FALSE;
    in->next = -1;
    g_atomic_int_set (&in->track, -1);
  }
}

gboolean
gst_pb_src_sink_has_ins (GstPbSrcSink *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->ins->len > 0;
}

/* --- from the media sinks, on their streaming threads --------------------- */

static void
on_caps (GstCaps *caps, gpointer user_data)
{
  GstPbSrcSinkIn *in = user_data;
  GstPbSrcSink *self = in->owner;
  gboolean is_new;

  g_mutex_lock (&self->lock);
  is_new = is_other_track (in->caps, caps);
  if (is_new)
    gst_caps_replace (&in->caps, caps);
  if (self->first_caps_us == 0)
    self->first_caps_us = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
  if (is_new)
    gst_pb_src_sink_publish (self);
}

static void
publish_late (GstPbSrcSink *self)
{
  gboolean is_late;

  g_mutex_lock (&self->lock);
  is_late = !self->is_published && self->first_caps_us != 0 &&
            g_get_monotonic_time () - self->first_caps_us > SILENT_TIME;
  g_mutex_unlock (&self->lock);
  if (is_late)
    gst_pb_src_sink_publish (self);
}

static void
on_buffer (GstBuffer *buffer, gpointer user_data)
{
  GstPbSrcSinkIn *in = user_data;
  int track = g_atomic_int_get (&in->track);
  g_autoptr (PbWebrtcEnd) end = NULL;

  if (track < 0) {
    publish_late (in->owner);
    track = g_atomic_int_get (&in->track);
  }
  end = track >= 0 ? gst_pb_src_sink_ref_end (in->owner) : NULL;
  if (end != NULL)
    pb_webrtc_end_push (end, (guint) track, buffer);
}

static void
on_eos (gpointer user_data)
{
  GstPbSrcSinkIn *in = user_data;
  GstPbSrcSink *self = in->owner;
  g_autoptr (PbWebrtcEnd) end = NULL;
  gboolean is_over;

  g_mutex_lock (&self->lock);
  in->is_eos = TRUE;
  is_over = !self->is_receiver;
  for (guint i = 0; i < self->ins->len; i++)
    is_over &= ((GstPbSrcSinkIn *) self->ins->pdata[i])->is_eos;
  g_mutex_unlock (&self->lock);

  /* A return feed that ends leaves what it answered. */
  if (!is_over)
    return;
  end = gst_pb_src_sink_ref_end (self);
  if (end != NULL)
    pb_webrtc_end_finish (end);
  gst_pb_src_sink_end_outs (self);
}

static const GstPbMediaSinkCallbacks sink_callbacks = { on_caps, on_buffer,
  on_eos };

/* --- rate and keyframes --------------------------------------------------- */

/* With the lock; (transfer full): the encoders that run, and what each gets */
static GPtrArray *
list_encoders_unlocked (GstPbSrcSink *self, guint *kbps)
{
  GPtrArray *encoders = g_ptr_array_new_with_free_func (gst_object_unref);

  for (guint i = 0; i < self->ins->len; i++) {
    GstPbSrcSinkIn *in = self->ins->pdata[i];

    if (in->is_video && in->encoder != NULL)
      g_ptr_array_add (encoders, gst_object_ref (in->encoder));
  }
  *kbps = encoders->len > 0 ? MAX (1, self->kbps / encoders->len) : 0;

  return encoders;
}

void
gst_pb_src_sink_apply_rate (GstPbSrcSink *self)
{
  g_autoptr (GPtrArray) encoders = NULL;
  guint kbps;

  g_mutex_lock (&self->lock);
  encoders = list_encoders_unlocked (self, &kbps);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < encoders->len; i++)
    pb_encode_set_bitrate (encoders->pdata[i], kbps);
}

void
gst_pb_src_sink_set_rate (GstPbSrcSink *self, guint kbps)
{
  g_mutex_lock (&self->lock);
  self->kbps = CLAMP (kbps, self->min_kbps, self->max_kbps);
  g_mutex_unlock (&self->lock);
  gst_pb_src_sink_apply_rate (self);
}

void
gst_pb_src_sink_ask_keyframe (GstPbSrcSink *self)
{
  g_autoptr (GPtrArray) sinks =
      g_ptr_array_new_with_free_func (gst_object_unref);

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->ins->len; i++) {
    GstPbSrcSinkIn *in = self->ins->pdata[i];

    if (in->is_video)
      g_ptr_array_add (sinks, gst_object_ref (in->sink));
  }
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < sinks->len; i++)
    gst_pb_media_sink_ask_keyframe (sinks->pdata[i]);
}

/* --- what comes in ---------------------------------------------------------
 */

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    if (!gst_pb_src_sink_complete_chain (user_data, caps))
      return GST_PAD_PROBE_DROP;
  }

  return GST_PAD_PROBE_OK;
}

/* No data flow any more: the next run may be of another kind, or find another
 * encoder. */
void
gst_pb_src_sink_clear_ins (GstPbSrcSink *self)
{
  /* Pads are requested and released in the application's thread, which is here
   * now: the list stays as it is. */
  for (guint i = 0; i < self->ins->len; i++)
    gst_pb_src_sink_clear_chain (self->ins->pdata[i]);
}

/* --- pads ----------------------------------------------------------------- */

static gboolean
on_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  g_autoptr (GstCaps) caps = NULL, result = NULL;
  GstCaps *filter;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      caps = gst_caps_from_string (
          g_str_has_prefix (GST_PAD_NAME (pad), "video") ? VIDEO_CHOICE
                                                         : AUDIO_CHOICE);
      gst_query_parse_caps (query, &filter);
      result = filter != NULL ? gst_caps_intersect_full (caps, filter,
                                    GST_CAPS_INTERSECT_FIRST)
                              : gst_caps_ref (caps);
      gst_query_set_caps_result (query, result);
      return TRUE;
    case GST_QUERY_ACCEPT_CAPS:
      /* What cannot be sent is an error in words, and not the negotiation's. */
      gst_query_set_accept_caps_result (query, TRUE);
      return TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

static GstPad *
add_ghost (GstPbSrcSinkIn *in, GstPadTemplate *template, const char *name)
{
  g_autoptr (GstPad) target = gst_element_get_static_pad (in->entry, "sink");
  GstPad *ghost = gst_ghost_pad_new_from_template (name, target, template);

  gst_pad_set_query_function (ghost, on_query);
  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (GST_ELEMENT (in->owner), ghost);

  return ghost;
}

static char *
make_name (GstPbSrcSink *self, gboolean is_video)
{
  for (guint i = 0;; i++) {
    g_autofree char *name =
        g_strdup_printf ("%s_%u", is_video ? "video" : "audio", i);
    g_autoptr (GstPad) taken =
        gst_element_get_static_pad (GST_ELEMENT (self), name);

    if (taken == NULL)
      return g_steal_pointer (&name);
  }
}

GstPad *
gst_pb_src_sink_add_in (GstPbSrcSink *self, GstPadTemplate *template,
    const char *name, gboolean is_video)
{
  g_autoptr (GstPad) src = NULL;
  g_autofree char *made = NULL;
  GstElement *entry = gst_element_factory_make ("identity", NULL);
  GstPbSrcSinkIn *in;

  if (entry == NULL)
    return NULL;

  in = g_new0 (GstPbSrcSinkIn, 1);
  in->owner = self;
  in->is_video = is_video;
  in->track = in->next = -1;
  in->chain = g_ptr_array_new ();
  in->entry = entry;
  in->sink = g_object_new (GST_TYPE_PB_MEDIA_SINK, NULL);
  gst_pb_media_sink_set_callbacks (GST_PB_MEDIA_SINK (in->sink),
      &sink_callbacks, in);
  gst_bin_add_many (GST_BIN (self), in->entry, in->sink, NULL);
  src = gst_element_get_static_pad (in->entry, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, in,
      NULL);

  if (name == NULL)
    name = made = make_name (self, is_video);
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->ins, in);
  g_mutex_unlock (&self->lock);
  gst_element_sync_state_with_parent (in->sink);
  gst_element_sync_state_with_parent (in->entry);
  in->ghost = add_ghost (in, template, name);

  return in->ghost;
}

static GstPbSrcSinkIn *
steal_in (GstPbSrcSink *self, GstPad *pad)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < self->ins->len; i++)
    if (((GstPbSrcSinkIn *) self->ins->pdata[i])->ghost == pad)
      return g_ptr_array_steal_index (self->ins, i);

  return NULL;
}

static void
remove_child (GstPbSrcSink *self, GstElement *element)
{
  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), element);
}

void
gst_pb_src_sink_remove_in (GstPbSrcSink *self, GstPad *pad)
{
  GstPbSrcSinkIn *in = steal_in (self, pad);

  gst_object_ref (pad);
  gst_pad_set_active (pad, FALSE);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), NULL);
  gst_element_remove_pad (GST_ELEMENT (self), pad);
  gst_object_unref (pad);
  if (in == NULL)
    return;

  gst_pb_src_sink_clear_chain (in);
  remove_child (self, in->entry);
  remove_child (self, in->sink);
  gst_pb_src_sink_in_free (in);
  gst_pb_src_sink_publish (self);
}

void
gst_pb_src_sink_in_free (gpointer data)
{
  GstPbSrcSinkIn *in = data;

  g_clear_pointer (&in->encoder, gst_object_unref);
  gst_caps_replace (&in->caps, NULL);
  g_ptr_array_unref (in->chain);
  g_free (in->media_type);
  g_free (in);
}
