/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-picture.h"

#include <gst/app/app.h>
#include <gst/video/video.h>

#include "core/pb-limits.h"
#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug

/* What a buffer at the decoder's door is to us */
typedef enum {
  GATE_SHUT,   /* before the keyframe */
  GATE_HALF,   /* its second field is to come */
  GATE_PASSED, /* that was it */
  GATE_ENDED,
} Gate;

struct _PbGstPicture
{
  /* set in new */
  GstElement *pipeline;                            /* owned */
  GstElement *src, *demux, *scale, *filter, *sink; /* unowned: of the pipeline;
                                                    * demux (nullable) */
  GstBus *bus;                                     /* owned */
  gboolean is_raw;

  /* its own streaming threads, one after the other */
  gboolean has_video;
  Gate gate;

  int is_full;       /* atomic: no more is needed */
  int is_impossible; /* atomic */
};

/* clang-format off */
static const struct {
  const char *caps;
  const char *parser; /* (nullable): they come frame by frame */
} formats[] = {
  { "video/x-h264", "h264parse" },
  { "video/x-h265", "h265parse" },
  { "video/mpeg, mpegversion = (int) { 1, 2 }, systemstream = (boolean) false",
    "mpegvideoparse" },
  /* not those that know transparency alone */
  { "video/x-vp8, codec-alpha = (boolean) false", NULL },
  { "video/x-vp9, codec-alpha = (boolean) false", NULL },
};
/* clang-format on */

static int
find_format (const GstCaps *caps)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GstCaps) format = gst_caps_from_string (formats[i].caps);

    if (gst_caps_can_intersect (caps, format))
      return (int) i;
  }

  return -1;
}

/**
 * pb_gst_picture_is_possible: (skip)
 *
 * Decoders are another matter: nobody knows yet what will come.
 *
 * Returns: whether what every picture needs is installed
 */
gboolean
pb_gst_picture_is_possible (void)
{
  static const char *const needed[] = { "appsrc", "videoscale", "videoconvert",
    "capsfilter", "appsink", "jpegenc" };

  for (guint i = 0; i < G_N_ELEMENTS (needed); i++) {
    g_autoptr (GstElementFactory) factory =
        gst_element_factory_find (needed[i]);

    if (factory == NULL) {
      GST_DEBUG ("no still pictures: %s is not installed", needed[i]);
      return FALSE;
    }
  }

  return TRUE;
}

/* --- decoder -------------------------------------------------------------- */

/* What a driver gives may be in memory of its own, and its sessions are few:
 * for one picture the processor comes first. */
static int
compare_decoders (gconstpointer a, gconstpointer b)
{
  gboolean a_is_hard = gst_element_factory_list_is_type ((gpointer) a,
      GST_ELEMENT_FACTORY_TYPE_HARDWARE);
  gboolean b_is_hard = gst_element_factory_list_is_type ((gpointer) b,
      GST_ELEMENT_FACTORY_TYPE_HARDWARE);

  if (a_is_hard != b_is_hard)
    return a_is_hard ? 1 : -1;

  return gst_plugin_feature_rank_compare_func (a, b);
}

static GstElement *
try_out (GstElementFactory *factory)
{
  GstElement *decoder = gst_element_factory_create (factory, NULL);

  if (decoder == NULL)
    return NULL;

  /* a driver that is registered may still have no device */
  gst_object_ref_sink (decoder);
  if (gst_element_set_state (decoder, GST_STATE_READY) !=
          GST_STATE_CHANGE_FAILURE &&
      g_list_length (GST_ELEMENT_CAST (decoder)->srcpads) == 1)
    return decoder;
  gst_element_set_state (decoder, GST_STATE_NULL);
  gst_object_unref (decoder);

  return NULL;
}

static void
set_uint (GstElement *element, const char *name, guint value)
{
  GParamSpec *pspec =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);

  if (pspec != NULL && (G_PARAM_SPEC_VALUE_TYPE (pspec) == G_TYPE_INT ||
                           G_PARAM_SPEC_VALUE_TYPE (pspec) == G_TYPE_UINT))
    g_object_set (element, name, value, NULL);
}

/* (transfer full) (nullable) */
static GstElement *
make_decoder (int format)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (formats[format].caps);
  GList *all = gst_element_factory_list_get_elements (
      GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO,
      GST_RANK_MARGINAL);
  GList *able =
      gst_element_factory_list_filter (all, caps, GST_PAD_SINK, FALSE);
  GstElement *decoder = NULL;

  able = g_list_sort (able, compare_decoders);
  for (GList *l = able; decoder == NULL && l != NULL; l = l->next)
    decoder = try_out (l->data);
  gst_plugin_feature_list_free (able);
  gst_plugin_feature_list_free (all);
  if (decoder == NULL)
    return NULL;

  /* One frame needs no threads. */
  set_uint (decoder, "max-threads", 1);
  set_uint (decoder, "threads", 1);

  return decoder;
}

/* --- inside --------------------------------------------------------------- */

/**
 * pb_gst_picture_cancel: (skip)
 * @self: a picture
 */
void
pb_gst_picture_cancel (PbGstPicture *self)
{
  gst_bus_post (self->bus,
      gst_message_new_application (GST_OBJECT (self->pipeline),
          gst_structure_new_empty ("pb-cancel")));
}

static void
give_up (PbGstPicture *self, const char *why)
{
  GST_DEBUG ("no still picture: %s", why);
  g_atomic_int_set (&self->is_full, TRUE);
  g_atomic_int_set (&self->is_impossible, TRUE);
  pb_gst_picture_cancel (self);
}

/* Only the keyframe goes in, and the end of the stream behind it brings it out:
 * no other frame is decoded. */
static GstPadProbeReturn
on_encoded (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  PbGstPicture *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  switch (self->gate) {
    case GATE_SHUT:
      if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT) ||
          GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED))
        return GST_PAD_PROBE_DROP;
      self->gate =
          GST_BUFFER_FLAG_IS_SET (buffer, GST_VIDEO_BUFFER_FLAG_ONEFIELD)
              ? GATE_HALF
              : GATE_PASSED;
      return GST_PAD_PROBE_OK;
    case GATE_HALF:
      self->gate = GATE_PASSED;
      return GST_PAD_PROBE_OK;
    case GATE_PASSED:
      self->gate = GATE_ENDED;
      g_atomic_int_set (&self->is_full, TRUE);
      gst_pad_send_event (pad, gst_event_new_eos ());
      return GST_PAD_PROBE_DROP;
    case GATE_ENDED:
    default:
      return GST_PAD_PROBE_DROP;
  }
}

static gboolean
add_decoder (PbGstPicture *self, GstPad *from, int format)
{
  GstElement *parser = NULL, *decoder = make_decoder (format);
  g_autoptr (GstPad) door = NULL, first = NULL;
  gboolean is_linked;

  if (formats[format].parser != NULL)
    parser = gst_element_factory_make (formats[format].parser, NULL);
  if (decoder == NULL || (formats[format].parser != NULL && parser == NULL)) {
    give_up (self,
        decoder == NULL ? "no decoder is installed" : "no parser is installed");
    gst_clear_object (&parser);
    if (decoder != NULL)
      gst_element_set_state (decoder, GST_STATE_NULL);
    gst_clear_object (&decoder);
    return FALSE;
  }

  GST_DEBUG ("a still picture with %s", GST_OBJECT_NAME (decoder));
  gst_bin_add (GST_BIN (self->pipeline), decoder);
  gst_object_unref (decoder); /* the pipeline's now */
  door = gst_element_get_static_pad (decoder, "sink");
  gst_pad_add_probe (door, GST_PAD_PROBE_TYPE_BUFFER, on_encoded, self, NULL);
  is_linked = gst_element_link (decoder, self->scale);
  if (parser != NULL) {
    gst_bin_add (GST_BIN (self->pipeline), parser);
    is_linked = is_linked && gst_element_link (parser, decoder);
  }
  first =
      gst_element_get_static_pad (parser != NULL ? parser : decoder, "sink");
  gst_element_sync_state_with_parent (decoder);
  if (parser != NULL)
    gst_element_sync_state_with_parent (parser);
  is_linked = is_linked && GST_PAD_LINK_SUCCESSFUL (gst_pad_link (from, first));
  if (!is_linked)
    give_up (self, "its elements do not fit one another");

  return is_linked;
}

/* The demuxer's thread */
static void
on_demux_pad (GstElement *demux, GstPad *pad, gpointer user_data)
{
  PbGstPicture *self = user_data;
  g_autoptr (GstCaps) caps = gst_pad_query_caps (pad, NULL);
  int format = find_format (caps);

  if (format < 0 || self->has_video)
    return;
  self->has_video = TRUE;
  add_decoder (self, pad, format);
}

static void
on_all_pads (GstElement *demux, gpointer user_data)
{
  PbGstPicture *self = user_data;

  if (!self->has_video)
    give_up (self, "no video that is known");
}

/* Square pixels and as wide as a tile, never larger than it was */
static void
fit (const GstVideoInfo *info, int *width, int *height)
{
  guint64 par_n = MAX (GST_VIDEO_INFO_PAR_N (info), 1);
  guint64 par_d = MAX (GST_VIDEO_INFO_PAR_D (info), 1);
  guint64 w =
      gst_util_uint64_scale_round ((guint64) MAX (GST_VIDEO_INFO_WIDTH (info),
                                       1),
          par_n, par_d);
  guint64 h = (guint64) MAX (GST_VIDEO_INFO_HEIGHT (info), 1);

  w = MAX (w, 1);
  if (w > PB_THUMBNAIL_WIDTH) {
    h = gst_util_uint64_scale_round (h, PB_THUMBNAIL_WIDTH, w);
    w = PB_THUMBNAIL_WIDTH;
  }
  if (h > PB_THUMBNAIL_HEIGHT) {
    w = gst_util_uint64_scale_round (w, PB_THUMBNAIL_HEIGHT, h);
    h = PB_THUMBNAIL_HEIGHT;
  }
  /* colour is by pairs */
  *width = (int) MAX ((w + 1) / 2 * 2, 2);
  *height = (int) MAX ((h + 1) / 2 * 2, 2);
}

/* At the scaler's door: whole pictures, and of which size */
static GstPadProbeReturn
on_picture (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  PbGstPicture *self = user_data;
  g_autoptr (GstCaps) small = NULL;
  GstVideoInfo video;
  GstCaps *caps;
  int width, height;

  if ((GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) != 0)
    return GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
               GST_BUFFER_FLAG_CORRUPTED)
               ? GST_PAD_PROBE_DROP
               : GST_PAD_PROBE_OK;
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;

  gst_event_parse_caps (GST_PAD_PROBE_INFO_EVENT (info), &caps);
  if (!gst_video_info_from_caps (&video, caps))
    return GST_PAD_PROBE_OK;
  fit (&video, &width, &height);
  /* JPEG has a range and a matrix of its own. Its encoder makes them of RGB,
   * where videoconvert (seen: 1.22) takes one range of YUV for the other. */
  small = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "RGB",
      "width", G_TYPE_INT, width, "height", G_TYPE_INT, height,
      "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
  g_object_set (self->filter, "caps", small, NULL);

  return GST_PAD_PROBE_OK;
}

static GstElement *
add (PbGstPicture *self, const char *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element != NULL)
    gst_bin_add (GST_BIN (self->pipeline), element);

  return element;
}

static gboolean
build_tail (PbGstPicture *self)
{
  GstElement *convert;
  g_autoptr (GstPad) pad = NULL;

  self->src = add (self, "appsrc");
  self->scale = add (self, "videoscale");
  convert = add (self, "videoconvert");
  self->filter = add (self, "capsfilter");
  self->sink = add (self, "appsink");
  if (self->src == NULL || self->scale == NULL || convert == NULL ||
      self->filter == NULL || self->sink == NULL)
    return FALSE;

  g_object_set (self->src, "format", GST_FORMAT_TIME, "max-bytes",
      (guint64) PB_THUMBNAIL_FEED_MAX, "leaky-type",
      GST_APP_LEAKY_TYPE_DOWNSTREAM, NULL);
  g_object_set (self->sink, "sync", FALSE, "async", FALSE, "max-buffers", 1,
      "drop", TRUE, "wait-on-eos", FALSE, "enable-last-sample", FALSE, NULL);
  pad = gst_element_get_static_pad (self->scale, "sink");
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      on_picture, self, NULL);

  return gst_element_link_many (self->scale, convert, self->filter, self->sink,
      NULL);
}

static gboolean
build_head (PbGstPicture *self, const GstCaps *caps)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (self->src, "src");
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  int format;

  g_object_set (self->src, "caps", caps, NULL);
  if (gst_structure_has_name (s, "video/mpegts")) {
    self->demux = add (self, "tsdemux");
    if (self->demux == NULL)
      return FALSE;
    g_signal_connect (self->demux, "pad-added", G_CALLBACK (on_demux_pad),
        self);
    g_signal_connect (self->demux, "no-more-pads", G_CALLBACK (on_all_pads),
        self);
    return gst_element_link (self->src, self->demux);
  }
  if (gst_structure_has_name (s, "video/x-raw")) {
    self->is_raw = TRUE;
    return gst_element_link (self->src, self->scale);
  }
  format = find_format (caps);

  return format >= 0 && add_decoder (self, src, format);
}

/* --- what others see ------------------------------------------------------ */

/**
 * pb_gst_picture_new: (skip)
 * @caps: of what will pass
 * @error: a sentence for the log
 *
 * Returns: (transfer full) (nullable): a pipeline that runs
 */
PbGstPicture *
pb_gst_picture_new (const GstCaps *caps, GError **error)
{
  PbGstPicture *self = g_atomic_rc_box_new0 (PbGstPicture);

  self->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  self->bus = gst_element_get_bus (self->pipeline);
  if (!build_tail (self) || !build_head (self, caps) ||
      gst_element_set_state (self->pipeline, GST_STATE_PLAYING) ==
          GST_STATE_CHANGE_FAILURE) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "Nothing here makes a picture of %s.",
        gst_structure_get_name (gst_caps_get_structure (caps, 0)));
    pb_gst_picture_stop (self);
    pb_gst_picture_unref (self);
    return NULL;
  }

  return self;
}

static void
finalize (gpointer data)
{
  PbGstPicture *self = data;

  gst_object_unref (self->bus);
  gst_object_unref (self->pipeline);
}

/**
 * pb_gst_picture_ref: (skip)
 * @self: a picture
 *
 * Returns: @self
 */
PbGstPicture *
pb_gst_picture_ref (PbGstPicture *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * pb_gst_picture_unref: (skip)
 * @self: a picture
 */
void
pb_gst_picture_unref (PbGstPicture *self)
{
  g_atomic_rc_box_release_full (self, finalize);
}

/**
 * pb_gst_picture_feed_buffer: (skip)
 * @self: a picture
 * @pad: where it passes
 * @buffer: what does
 */
void
pb_gst_picture_feed_buffer (PbGstPicture *self, GstPad *pad, GstBuffer *buffer)
{
  if (g_atomic_int_get (&self->is_full))
    return;

  if (self->is_raw) {
    /* it may be of another size than the one before */
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

    if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED) ||
        !g_atomic_int_compare_and_exchange (&self->is_full, FALSE, TRUE))
      return;
    if (caps != NULL)
      gst_app_src_set_caps (GST_APP_SRC (self->src), caps);
  }
  gst_app_src_push_buffer (GST_APP_SRC (self->src), gst_buffer_ref (buffer));
  if (self->is_raw)
    gst_app_src_end_of_stream (GST_APP_SRC (self->src));
}

/**
 * pb_gst_picture_feed_list: (skip)
 * @self: a picture of what is not raw
 * @list: what passes
 */
void
pb_gst_picture_feed_list (PbGstPicture *self, GstBufferList *list)
{
  if (g_atomic_int_get (&self->is_full) || self->is_raw)
    return;

  /* One by one: a source that is stopped while it holds a list trips over it
   * (seen: 1.22). */
  for (guint i = 0; i < gst_buffer_list_length (list); i++)
    gst_app_src_push_buffer (GST_APP_SRC (self->src),
        gst_buffer_ref (gst_buffer_list_get (list, i)));
}

/**
 * pb_gst_picture_wait: (skip)
 * @self: a picture
 * @timeout: for how long
 * @sample: (out) (transfer full) (nullable): the picture
 *
 * Returns: what became of it
 */
PbGstPictureOutcome
pb_gst_picture_wait (PbGstPicture *self, GstClockTime timeout,
    GstSample **sample)
{
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (self->bus,
      timeout, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_APPLICATION);

  *sample = NULL;
  if (message == NULL)
    return PB_GST_PICTURE_AWAITED;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    GST_DEBUG ("no still picture: %s", error->message);
  }
  if (g_atomic_int_get (&self->is_impossible))
    return PB_GST_PICTURE_IMPOSSIBLE;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
    *sample = gst_app_sink_try_pull_sample (GST_APP_SINK (self->sink), 0);

  return *sample != NULL ? PB_GST_PICTURE_TAKEN : PB_GST_PICTURE_SPOILT;
}

/**
 * pb_gst_picture_stop: (skip)
 * @self: a picture
 *
 * Waits for the frame that its decoder has begun.
 */
void
pb_gst_picture_stop (PbGstPicture *self)
{
  g_atomic_int_set (&self->is_full, TRUE);
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
}
