/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstpbsrcsink-private.h"

#include <string.h>

#include "glue/pb-gst-debug.h"
#include "gstpbmediasink.h"
#include "pb-encode.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

/* From a sink pad to encoded media: raw media through an encoder, encoded media
 * through a parser. What it is, the first caps tell. */

/* Raw and live: what an encoder is too slow for is dropped, oldest first. */
#define RAW_TIME (200 * GST_MSECOND)
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
#define AUDIO_RAW "audio/x-raw, rate = (int) 48000, channels = (int) [ 1, 2 ]"
/* clang-format on */

typedef struct
{
  /* set in new */
  GstPbSrcSink *owner; /* unowned */
  gboolean is_video;
  GstPad *ghost;     /* unowned: the element's */
  GstElement *queue; /* unowned: the bin's */
  GstElement *sink;  /* unowned: the bin's */

  /* the queue's streaming thread, or nobody's once that has ended */
  GPtrArray *chain; /* unowned: what is between queue and sink */
  char *media_type; /* (nullable): that it was made for */
  gulong closed;    /* probe: it cannot be made; 0: it can */
  GstPad *srt;      /* (nullable) owned: pbsrtbin's */

  int track; /* atomic: its number at the end; -1: none */

  /* the owner's lock */
  GstElement *encoder; /* (nullable), owned */
  GstCaps *caps;       /* (nullable), owned: as they were published */
  gboolean is_eos;
  int next; /* what `track` will be, once the end has been told */
} In;

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
    n_known += ((In *) self->ins->pdata[i])->caps != NULL;
  if (self->is_published || n_known == self->ins->len)
    return TRUE;

  return n_known > 0 &&
         g_get_monotonic_time () - self->first_caps_us > SILENT_TIME;
}

/* With the lock; (transfer full) (nullable): something to tell */
static GArray *
begin_unlocked (GstPbSrcSink *self)
{
  GArray *tracks;

  if (!self->is_dirty || self->end == NULL || !is_due_unlocked (self))
    return NULL;

  self->is_dirty = FALSE;
  self->is_published = TRUE;
  tracks = g_array_new (FALSE, FALSE, sizeof (PbWebrtcTrack));
  g_array_set_clear_func (tracks, track_clear);
  for (guint i = 0; i < self->ins->len; i++) {
    In *in = self->ins->pdata[i];
    PbWebrtcTrack track = { in->is_video, in->caps };

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
      In *in = self->ins->pdata[i];

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
    In *in = self->ins->pdata[i];

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
  In *in = user_data;
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
  In *in = user_data;
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
  In *in = user_data;
  GstPbSrcSink *self = in->owner;
  g_autoptr (PbWebrtcEnd) end = NULL;
  gboolean is_over;

  g_mutex_lock (&self->lock);
  in->is_eos = TRUE;
  is_over = !self->is_receiver;
  for (guint i = 0; i < self->ins->len; i++)
    is_over &= ((In *) self->ins->pdata[i])->is_eos;
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
    In *in = self->ins->pdata[i];

    if (in->is_video && in->encoder != NULL)
      g_ptr_array_add (encoders, gst_object_ref (in->encoder));
  }
  *kbps = encoders->len > 0 ? MAX (1, self->kbps / encoders->len) : 0;

  return encoders;
}

static void
apply_rate (GstPbSrcSink *self)
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
  apply_rate (self);
}

void
gst_pb_src_sink_ask_keyframe (GstPbSrcSink *self)
{
  g_autoptr (GPtrArray) sinks =
      g_ptr_array_new_with_free_func (gst_object_unref);

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->ins->len; i++) {
    In *in = self->ins->pdata[i];

    if (in->is_video)
      g_ptr_array_add (sinks, gst_object_ref (in->sink));
  }
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < sinks->len; i++)
    gst_pb_media_sink_ask_keyframe (sinks->pdata[i]);
}

/* --- the chain between queue and sink ------------------------------------- */

static GstPadProbeReturn
on_dropped (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/* What still comes goes nowhere: the element upstream would only add an error
 * of its own. */
static gboolean
fail (In *in, GError *error)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (in->queue, "src");

  if (in->closed == 0)
    in->closed = gst_pad_add_probe (src,
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_dropped,
        NULL, NULL);
  gst_element_message_full (GST_ELEMENT (in->owner), GST_MESSAGE_ERROR,
      error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
      GST_FUNCTION, __LINE__);

  return FALSE;
}

static gboolean
add (In *in, const char *name, GError **error)
{
  GstElement *element = gst_element_factory_make (name, NULL);
  g_autofree char *sentence = NULL;

  if (element == NULL) {
    sentence = pb_missing_dup_sentence (name);
    g_set_error_literal (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        sentence);
    return FALSE;
  }
  gst_bin_add (GST_BIN (in->owner), element);
  g_ptr_array_add (in->chain, element);

  return TRUE;
}

static gboolean
add_filter (In *in, GstCaps *caps, GError **error)
{
  if (!add (in, "capsfilter", error))
    return FALSE;
  g_object_set (in->chain->pdata[in->chain->len - 1], "caps", caps, NULL);

  return TRUE;
}

static gboolean
add_filter_text (In *in, const char *text, GError **error)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);

  return add_filter (in, caps, error);
}

static gboolean
add_parser (In *in, PbCodec codec, GError **error)
{
  const char *name = pb_codec_get_parser (codec);
  GObject *parser;

  if (name == NULL)
    return TRUE;
  if (!add (in, name, error))
    return FALSE;
  parser = in->chain->pdata[in->chain->len - 1];
  /* Headers with every keyframe: a consumer may come at any time. */
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (parser),
          "config-interval") != NULL)
    g_object_set (parser, "config-interval", -1, NULL);

  return add_filter_text (in, pb_codec_get_form (codec), error);
}

static void
set_encoder (In *in, GstElement *encoder)
{
  GstPbSrcSink *self = in->owner;
  GstElement *old;

  g_mutex_lock (&self->lock);
  old = in->encoder;
  in->encoder = encoder != NULL ? gst_object_ref (encoder) : NULL;
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&old, gst_object_unref);
}

static PbCodec
choose_codec (In *in)
{
  GstPbSrcSink *self = in->owner;
  PbCodec codec;

  if (!in->is_video)
    return PB_CODEC_OPUS;
  g_mutex_lock (&self->lock);
  codec = self->video_codec;
  g_mutex_unlock (&self->lock);
  if (codec == PB_CODEC_NONE)
    codec = pb_encode_choose_codec ();

  return codec != PB_CODEC_NONE ? codec : PB_CODEC_H264;
}

static gboolean
add_encoder (In *in, GError **error)
{
  PbCodec codec = choose_codec (in);
  g_autoptr (GstCaps) caps = NULL;
  GstElement *encoder;

  if (in->is_video) {
    if (!add (in, "videoconvert", error))
      return FALSE;
  } else if (!add (in, "audioconvert", error) ||
             !add (in, "audioresample", error) ||
             !add_filter_text (in, AUDIO_RAW, error)) {
    return FALSE;
  }
  encoder = pb_encode_make (codec, error);
  if (encoder == NULL)
    return FALSE;
  gst_bin_add (GST_BIN (in->owner), encoder);
  g_ptr_array_add (in->chain, encoder);
  set_encoder (in, encoder);
  apply_rate (in->owner);
  caps = pb_encode_get_caps (encoder, codec);
  if (!add_filter (in, caps, error))
    return FALSE;

  return !in->is_video || add_parser (in, codec, error);
}

static gboolean
add_passage (In *in, GstCaps *caps, GError **error)
{
  PbCodec codec = pb_codec_of_caps (caps);

  if (codec == PB_CODEC_OTHER) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "WebRTC does not carry %s. Send H.264, H.265, VP8 or VP9, and Opus; or "
        "raw media, which is encoded here.",
        gst_structure_get_name (gst_caps_get_structure (caps, 0)));
    return FALSE;
  }

  return add_parser (in, codec, error);
}

static void
remove_chain (In *in)
{
  set_encoder (in, NULL);
  for (guint i = 0; i < in->chain->len; i++) {
    GstElement *element = in->chain->pdata[i];

    gst_element_set_locked_state (element, TRUE);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (in->owner), element);
  }
  g_ptr_array_set_size (in->chain, 0);
  g_clear_pointer (&in->media_type, g_free);
}

static void
clear_chain (In *in)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (in->queue, "src");

  if (in->closed != 0)
    gst_pad_remove_probe (src, in->closed);
  in->closed = 0;
  if (in->media_type == NULL)
    return;
  if (in->srt != NULL)
    gst_pb_src_sink_unlink_srt (in->owner, in->srt);
  g_clear_pointer (&in->srt, gst_object_unref);
  gst_element_unlink (in->queue,
      in->chain->len > 0 ? in->chain->pdata[0] : in->sink);
  remove_chain (in);
}

/* The last in the chain, where SRT takes part. */
static gboolean
add_tee (In *in, GError **error)
{
  g_autoptr (GstElement) srt = gst_pb_src_sink_ref_srt (in->owner);

  if (srt == NULL || in->owner->is_receiver)
    return TRUE;
  if (!add (in, "tee", error))
    return FALSE;
  g_object_set (in->chain->pdata[in->chain->len - 1], "allow-not-linked", TRUE,
      NULL);

  return TRUE;
}

static void
link_srt (In *in, PbCodec codec)
{
  GstElement *last =
      in->chain->len > 0 ? in->chain->pdata[in->chain->len - 1] : NULL;

  if (last != NULL && g_object_class_find_property (G_OBJECT_GET_CLASS (last),
                          "allow-not-linked") != NULL)
    in->srt = gst_pb_src_sink_link_srt (in->owner, last, codec);
}

static gboolean
link_chain (In *in, GError **error)
{
  GstElement *last = in->sink;

  for (guint i = in->chain->len; i-- > 0;) {
    if (!gst_element_link (in->chain->pdata[i], last)) {
      g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_PAD,
          "%s cannot be linked to %s.", GST_ELEMENT_NAME (in->chain->pdata[i]),
          GST_ELEMENT_NAME (last));
      return FALSE;
    }
    last = in->chain->pdata[i];
    gst_element_sync_state_with_parent (last);
  }
  if (!gst_element_link (in->queue, last)) {
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "This kind of media cannot be sent.");
    return FALSE;
  }

  return TRUE;
}

/* Live pictures do not wait for a slow encoder; a file has time. */
static void
set_leaky (In *in, gboolean is_raw)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  g_autoptr (GstPad) pad = gst_element_get_static_pad (in->queue, "sink");
  gboolean is_live = FALSE;

  if (gst_pad_peer_query (pad, query))
    gst_query_parse_latency (query, &is_live, NULL, NULL);
  if (is_raw && is_live)
    g_object_set (in->queue, "max-size-time", (guint64) RAW_TIME,
        "max-size-bytes", 0, "max-size-buffers", 0, NULL);
  gst_util_set_object_arg (G_OBJECT (in->queue), "leaky",
      is_raw && is_live ? "downstream" : "no");
}

/* Streaming thread, before the caps go further */
static gboolean
complete (In *in, GstCaps *caps)
{
  const char *media_type =
      gst_structure_get_name (gst_caps_get_structure (caps, 0));
  gboolean is_raw = pb_codec_is_raw (caps);
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (in->media_type, media_type) == 0)
    return TRUE;
  clear_chain (in);
  GST_INFO_OBJECT (in->queue, "%s", media_type);
  in->media_type = g_strdup (media_type);
  set_leaky (in, is_raw);
  if (!(is_raw ? add_encoder (in, &error) : add_passage (in, caps, &error)) ||
      !add_tee (in, &error) || !link_chain (in, &error))
    return fail (in, error);
  link_srt (in, is_raw ? choose_codec (in) : pb_codec_of_caps (caps));

  return TRUE;
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    if (!complete (user_data, caps))
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
    clear_chain (self->ins->pdata[i]);
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
add_ghost (In *in, GstPadTemplate *template, const char *name)
{
  g_autoptr (GstPad) target = gst_element_get_static_pad (in->queue, "sink");
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
  GstElement *queue = gst_element_factory_make ("queue", NULL);
  In *in;

  if (queue == NULL)
    return NULL;

  in = g_new0 (In, 1);
  in->owner = self;
  in->is_video = is_video;
  in->track = in->next = -1;
  in->chain = g_ptr_array_new ();
  in->queue = queue;
  in->sink = g_object_new (GST_TYPE_PB_MEDIA_SINK, NULL);
  gst_pb_media_sink_set_callbacks (GST_PB_MEDIA_SINK (in->sink),
      &sink_callbacks, in);
  gst_bin_add_many (GST_BIN (self), in->queue, in->sink, NULL);
  src = gst_element_get_static_pad (in->queue, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, in,
      NULL);

  if (name == NULL)
    name = made = make_name (self, is_video);
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->ins, in);
  g_mutex_unlock (&self->lock);
  gst_element_sync_state_with_parent (in->sink);
  gst_element_sync_state_with_parent (in->queue);
  in->ghost = add_ghost (in, template, name);

  return in->ghost;
}

static In *
steal_in (GstPbSrcSink *self, GstPad *pad)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < self->ins->len; i++)
    if (((In *) self->ins->pdata[i])->ghost == pad)
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
  In *in = steal_in (self, pad);

  gst_object_ref (pad);
  gst_pad_set_active (pad, FALSE);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), NULL);
  gst_element_remove_pad (GST_ELEMENT (self), pad);
  gst_object_unref (pad);
  if (in == NULL)
    return;

  /* the queue first: its thread is the one that changes the chain */
  gst_element_set_locked_state (in->queue, TRUE);
  gst_element_set_state (in->queue, GST_STATE_NULL);
  clear_chain (in);
  remove_child (self, in->queue);
  remove_child (self, in->sink);
  gst_pb_src_sink_in_free (in);
  gst_pb_src_sink_publish (self);
}

void
gst_pb_src_sink_in_free (gpointer data)
{
  In *in = data;

  g_clear_pointer (&in->encoder, gst_object_unref);
  gst_caps_replace (&in->caps, NULL);
  g_ptr_array_unref (in->chain);
  g_free (in->media_type);
  g_free (in);
}
