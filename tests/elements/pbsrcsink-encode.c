/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <gst/gst.h>
#include <gst/video/video.h>

#include "webrtc/pb-encode.h"

#include "pbsrcsink-lab.h"

/* pbsrcsink by itself: what it makes of raw media, and of encoded ones. */

/* --- encoders ------------------------------------------------------------- */

static void
test_raw_media_are_encoded_once (void)
{
  GstElement *pipeline = lab_launch (
      "pbsrcsink name=pb " NOBODY VIDEO "! pb.video_0 " AUDIO "! pb.audio_0");
  g_autofree char *video = NULL, *audio = NULL;

  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 50 && fake_end.n_pushed[1] >= 50);
  g_assert_cmpuint (fake_end.n_set_tracks, ==, 1);
  g_assert_cmpuint (fake_end.tracks->len, ==, 2);
  video = lab_dup_track (0);
  audio = lab_dup_track (1);
  g_assert_nonnull (strstr (video, "video/x-h264"));
  g_assert_nonnull (strstr (video, "byte-stream"));
  g_assert_nonnull (strstr (video, "alignment=(string)au"));
  g_assert_nonnull (strstr (video, "constrained-baseline"));
  g_assert_nonnull (strstr (audio, "audio/x-opus"));
  g_assert_cmpint (fake_end.direction, ==, PB_DIRECTION_SEND);
  g_assert_cmpstr (fake_end.stream, ==, "cam-wide");

  g_mutex_lock (&fake_end.lock);
  for (guint i = 0; i < fake_end.pushed->len; i++) {
    GstBuffer *buffer = fake_end.pushed->pdata[i];

    g_assert_true (GST_BUFFER_PTS_IS_VALID (buffer));
    g_assert_cmpint (GST_BUFFER_FLAG_IS_SET (buffer,
                         GST_BUFFER_FLAG_DELTA_UNIT),
        ==, i > 0);
    if (i > 0)
      g_assert_cmpuint (GST_BUFFER_PTS (buffer), >,
          GST_BUFFER_PTS (fake_end.pushed->pdata[i - 1]));
  }
  g_mutex_unlock (&fake_end.lock);
  lab_end (pipeline);
  g_assert_cmpuint (fake_end.n_stopped, ==, 1);
}

static void
test_the_codec_is_what_was_asked_for (void)
{
  static const struct
  {
    const char *codec, *encoder, *media_type;
  } rows[] = {
    { "auto", NULL, "video/x-h264" },
    { "h264", NULL, "video/x-h264" },
    { "h265", "x265enc", "video/x-h265" },
    { "vp8", "vp8enc", "video/x-vp8" },
    { "vp9", "vp9enc", "video/x-vp9" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *line =
        g_strdup_printf (VIDEO "! pbsrcsink name=pb video-codec=%s " NOBODY,
            rows[i].codec);
    g_autoptr (GstElementFactory) factory =
        rows[i].encoder != NULL ? gst_element_factory_find (rows[i].encoder)
                                : NULL;
    g_autofree char *caps = NULL;
    GstElement *pipeline;

    if (rows[i].encoder != NULL && factory == NULL) {
      g_test_message ("no %s", rows[i].encoder);
      continue;
    }
    pipeline = lab_launch (line);
    lab_play (pipeline);
    lab_wait_for (fake_end.n_pushed[0] >= 10);
    caps = lab_dup_track (0);
    g_test_message ("%s: %s", rows[i].codec, caps);
    g_assert_true (g_str_has_prefix (caps, rows[i].media_type));
    lab_end (pipeline);
  }
}

static void
test_without_an_h264_encoder_it_is_vp8_and_without_any_an_error (void)
{
  static const char *const h264[] = { "x264enc", "openh264enc", "vp8enc" };
  GstPluginFeature *hidden[G_N_ELEMENTS (h264)];
  g_autofree char *text = NULL, *caps = NULL;
  GstElement *pipeline;

  hidden[0] = lab_hide (h264[0]);
  hidden[1] = lab_hide (h264[1]);
  pipeline = lab_launch (VIDEO "! pbsrcsink " NOBODY);
  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 3);
  caps = lab_dup_track (0);
  g_assert_true (g_str_has_prefix (caps, "video/x-vp8"));
  lab_end (pipeline);

  hidden[2] = lab_hide (h264[2]);
  pipeline = lab_launch (VIDEO "! pbsrcsink " NOBODY);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (lab_wait_message (pipeline, GST_MESSAGE_ERROR));
  lab_end (pipeline);

  /* by name, so that a person knows what to install */
  pipeline = lab_launch (VIDEO "! pbsrcsink video-codec=vp8 " NOBODY);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  {
    g_autoptr (GstMessage) message =
        lab_wait_message (pipeline, GST_MESSAGE_ERROR);
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    g_assert_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN);
    g_assert_nonnull (strstr (error->message, "vp8enc"));
    g_assert_nonnull (strstr (error->message, "gstreamer1.0-plugins-good"));
    g_assert_cmpuint (lab_count_messages (pipeline, GST_MESSAGE_ERROR, &text),
        ==, 0);
  }
  lab_end (pipeline);
  for (guint i = 0; i < G_N_ELEMENTS (h264); i++)
    lab_show (hidden[i]);
}

/* Hardware that has the rank of none, as much of it does in 1.22. Within it
 * works what is there. */
static gboolean hardware_opens;

typedef struct
{
  GstBin parent;
} FakeHardware;

typedef struct
{
  GstBinClass parent_class;
} FakeHardwareClass;

static GType fake_hardware_get_type (void);
G_DEFINE_TYPE (FakeHardware, fake_hardware, GST_TYPE_BIN)

static GstStateChangeReturn
fake_hardware_change_state (GstElement *element, GstStateChange transition)
{
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !hardware_opens)
    return GST_STATE_CHANGE_FAILURE;

  return GST_ELEMENT_CLASS (fake_hardware_parent_class)
      ->change_state (element, transition);
}

static void
fake_hardware_init (FakeHardware *self)
{
  static const char *const names[] = { "sink", "src" };
  GstElement *x264 = gst_element_factory_make ("x264enc", NULL);
  GstElement *element = GST_ELEMENT (self);

  /* hidden as well: it will not open */
  if (x264 == NULL)
    return;
  gst_util_set_object_arg (G_OBJECT (x264), "tune", "zerolatency");
  gst_bin_add (GST_BIN (self), x264);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GstPad) pad = gst_element_get_static_pad (x264, names[i]);

    gst_element_add_pad (element,
        gst_ghost_pad_new_from_template (names[i], pad,
            gst_element_get_pad_template (element, names[i])));
  }
}

static void
fake_hardware_class_init (FakeHardwareClass *klass)
{
  static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE ("sink",
      GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw"));
  static GstStaticPadTemplate src =
      GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
          GST_STATIC_CAPS ("video/x-h264, profile=constrained-baseline"));
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  element_class->change_state = fake_hardware_change_state;
  gst_element_class_add_static_pad_template (element_class, &sink);
  gst_element_class_add_static_pad_template (element_class, &src);
  gst_element_class_set_static_metadata (element_class, "Hardware of the test",
      "Codec/Encoder/Video/Hardware", "None", "The Patchbay project");
}

static void
test_hardware_goes_first_where_it_opens (void)
{
  static const struct
  {
    gboolean opens, has_software;
    const char *used, *media_type;
  } rows[] = {
    { TRUE, TRUE, "vatesth264enc", "video/x-h264" },
    { FALSE, TRUE, "x264enc", "video/x-h264" },
    { FALSE, FALSE, "vp8enc", "video/x-vp8" },
  };
  GstPluginFeature *hardware;

  g_assert_true (gst_element_register (NULL, "vatesth264enc", GST_RANK_NONE,
      fake_hardware_get_type ()));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    GstPluginFeature *x264 = NULL, *openh264 = NULL;
    GstElement *pipeline;
    g_autoptr (GstElement) pb = NULL;
    g_autofree char *caps = NULL;

    hardware_opens = rows[i].opens;
    if (!rows[i].has_software) {
      x264 = lab_hide ("x264enc");
      openh264 = lab_hide ("openh264enc");
    }
    pipeline = lab_launch (VIDEO "! pbsrcsink name=pb " NOBODY);
    pb = lab_get (pipeline, "pb");
    lab_play (pipeline);
    lab_wait_for (fake_end.n_pushed[0] >= 10);
    g_assert_true (lab_has_child (pb, rows[i].used));
    caps = lab_dup_track (0);
    g_assert_true (g_str_has_prefix (caps, rows[i].media_type));
    lab_end (pipeline);
    lab_show (x264);
    lab_show (openh264);
  }
  hardware = lab_hide ("vatesth264enc");
  g_assert_nonnull (hardware);
  gst_object_unref (hardware);
}

/* The rate that the network allows is set while the encoder runs, within the
 * bounds, and the encoder obeys. */
static void
test_the_rate_is_followed (void)
{
  static const char *const encoders[] = { "x264enc", "openh264enc", "vp8enc",
    "vp9enc", "x265enc" };
  static const char *const codecs[] = { "h264", "h264", "vp8", "vp9", "h265" };

  for (guint i = 0; i < G_N_ELEMENTS (encoders); i++) {
    g_autofree char *line =
        g_strdup_printf ("videotestsrc is-live=true pattern=snow ! "
                         "video/x-raw,width=160,height=90,framerate=25/1 ! "
                         "pbsrcsink name=pb video-codec=%s min-bitrate=100 "
                         "max-bitrate=2000 " NOBODY,
            codecs[i]);
    GstPluginFeature *hidden = i == 1 ? lab_hide ("x264enc") : NULL;
    g_autoptr (GstElement) pb = NULL;
    GstElement *pipeline;
    gsize much, little;

    {
      g_autoptr (GstElementFactory) factory =
          gst_element_factory_find (encoders[i]);

      if (factory == NULL) {
        g_test_message ("no %s", encoders[i]);
        continue;
      }
    }
    pipeline = lab_launch (line);
    pb = lab_get (pipeline, "pb");
    lab_play (pipeline);
    lab_wait_for (fake_end.n_pushed[0] >= 1);
    g_assert_true (lab_has_child (pb, encoders[i]));
    fake_end.callbacks.rate (100000, fake_end.user_data);
    lab_weigh (25);
    much = lab_weigh (50);
    fake_end.callbacks.rate (1, fake_end.user_data);
    lab_weigh (25);
    little = lab_weigh (50);
    g_test_message ("%s: %" G_GSIZE_FORMAT " kbit/s at 2000, %" G_GSIZE_FORMAT
                    " at 100",
        encoders[i], much * 8 / 2000, little * 8 / 2000);
    g_assert_cmpuint (much, >, 2 * little);
    lab_end (pipeline);
    lab_show (hidden);
  }
}

static void
test_a_keyframe_that_is_asked_for_comes (void)
{
  GstElement *pipeline = lab_launch (VIDEO "! pbsrcsink name=pb " NOBODY);
  guint n = 0;

  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 10);
  /* the second one comes too soon after the first, and is not forgotten */
  fake_end.callbacks.needs_keyframe (fake_end.user_data);
  lab_wait_for (fake_end.n_pushed[0] >= 14);
  fake_end.callbacks.needs_keyframe (fake_end.user_data);
  lab_weigh (30);
  g_mutex_lock (&fake_end.lock);
  for (guint i = 0; i < fake_end.pushed->len; i++)
    n += !GST_BUFFER_FLAG_IS_SET ((GstBuffer *) fake_end.pushed->pdata[i],
        GST_BUFFER_FLAG_DELTA_UNIT);
  g_mutex_unlock (&fake_end.lock);
  g_assert_cmpuint (n, >=, 1);
  g_assert_cmpuint (n, <=, 2);
  lab_end (pipeline);
}

/* Every preset is loaded by GStreamer's own reader into the real element, and
 * every property it names is there. */
static void
test_the_presets_fit_their_elements (void)
{
  const char *folder = g_getenv ("PB_PRESETS");
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;
  guint n_tried = 0;

  g_assert_nonnull (dir);
  while ((file = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, file, NULL);
    g_autofree char *stem = g_strndup (file, strlen (file) - 4);
    g_autofree char *text = NULL, *name = NULL;
    g_autoptr (GBytes) ours = NULL;
    g_autoptr (GKeyFile) preset = g_key_file_new ();
    g_auto (GStrv) keys = NULL;
    GList *factories, *l;
    gsize size;

    if (!g_str_has_suffix (file, ".prs"))
      continue;
    /* what is embedded is the file */
    g_assert_true (g_file_get_contents (path, &text, &size, NULL));
    ours = pb_encode_get_preset (stem);
    g_assert_nonnull (ours);
    g_assert_cmpmem (text, size, g_bytes_get_data (ours, NULL),
        g_bytes_get_size (ours));
    g_assert_true (g_key_file_load_from_data (preset, text, size, 0, NULL));
    name = g_key_file_get_string (preset, "_presets_", "element-name", NULL);
    g_assert_cmpstr (name, ==, stem);
    keys = g_key_file_get_keys (preset, "Patchbay live", NULL, NULL);
    g_assert_cmpuint (g_strv_length (keys), >, 1);

    factories =
        gst_element_factory_list_get_elements (GST_ELEMENT_FACTORY_TYPE_ENCODER,
            GST_RANK_NONE);
    for (l = factories; l != NULL; l = l->next) {
      g_autoptr (GstElementFactory) factory =
          GST_ELEMENT_FACTORY (gst_plugin_feature_load (l->data));
      GstElement *element;

      if (factory == NULL ||
          g_strcmp0 (g_type_name (
                         gst_element_factory_get_element_type (factory)),
              stem) != 0)
        continue;
      element = gst_element_factory_create (factory, NULL);
      for (guint i = 0; keys[i] != NULL; i++)
        if (keys[i][0] != '_')
          g_assert_nonnull (
              g_object_class_find_property (G_OBJECT_GET_CLASS (element),
                  keys[i]));
      if (GST_IS_PRESET (element))
        g_assert_true (
            gst_preset_load_preset (GST_PRESET (element), "Patchbay live"));
      g_test_message ("%s is there", stem);
      n_tried++;
      gst_object_ref_sink (element);
      gst_object_unref (element);
    }
    gst_plugin_feature_list_free (factories);
  }
  g_assert_cmpuint (n_tried, >=, 4);
}

/* --- what is encoded already ---------------------------------------------- */

static gboolean
transcodes (GstElement *bin)
{
  g_autoptr (GstIterator) it = gst_bin_iterate_recurse (GST_BIN (bin));
  GValue item = G_VALUE_INIT;
  gboolean found = FALSE;

  while (gst_iterator_next (it, &item) == GST_ITERATOR_OK) {
    const char *klass =
        gst_element_get_metadata (g_value_get_object (&item), "klass");

    found |= klass != NULL && (strstr (klass, "Encoder") != NULL ||
                                  strstr (klass, "Decoder") != NULL);
    g_value_reset (&item);
  }
  g_value_unset (&item);

  return found;
}

#define TAIL 16

/* The end of a frame, which no parser touches. */
static char *
dup_tail (GstBuffer *buffer)
{
  GstMapInfo map;
  char *text;
  gsize size;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
  size = MIN (map.size, TAIL);
  text = g_compute_checksum_for_data (G_CHECKSUM_SHA256,
      map.data + map.size - size, size);
  gst_buffer_unmap (buffer, &map);

  return text;
}

static GstPadProbeReturn
on_brought (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  g_hash_table_add (user_data, dup_tail (GST_PAD_PROBE_INFO_BUFFER (info)));

  return GST_PAD_PROBE_OK;
}

static void
test_encoded_media_are_passed_through (void)
{
  static const struct
  {
    const char *source, *media_type;
  } rows[] = {
    { VIDEO "! " X264, "video/x-h264" },
    { VIDEO "! " X264 "! h264parse ! video/x-h264,stream-format=avc",
        "video/x-h264" },
    { VIDEO "! vp8enc deadline=1", "video/x-vp8" },
    { VIDEO "! vp9enc deadline=1 cpu-used=8", "video/x-vp9" },
    { AUDIO "! opusenc", "audio/x-opus" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *line =
        g_strdup_printf ("%s ! pbsrcsink name=pb " NOBODY, rows[i].source);
    GstElement *pipeline = lab_launch (line);
    g_autoptr (GstElement) pb = lab_get (pipeline, "pb");
    g_autoptr (GHashTable) brought =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr (GstPad) pad = GST_PAD (
        gst_object_ref (g_list_first (GST_ELEMENT (pb)->sinkpads)->data));
    g_autofree char *caps = NULL;

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_brought, brought,
        NULL);
    lab_play (pipeline);
    lab_wait_for (fake_end.n_pushed[0] >= 25);
    caps = lab_dup_track (0);
    g_test_message ("%s", caps);
    g_assert_true (g_str_has_prefix (caps, rows[i].media_type));
    g_assert_false (transcodes (pb));
    g_mutex_lock (&fake_end.lock);
    for (guint j = 0; j < fake_end.pushed->len; j++) {
      g_autofree char *tail = dup_tail (fake_end.pushed->pdata[j]);

      g_assert_true (g_hash_table_contains (brought, tail));
    }
    g_mutex_unlock (&fake_end.lock);
    lab_end (pipeline);
  }
}

/* A source that leaves the choice makes what everybody can decode. */
static void
test_an_encoder_upstream_makes_what_browsers_decode (void)
{
  GstElement *pipeline = lab_launch ("videotestsrc is-live=true ! "
                                     "x264enc tune=zerolatency ! "
                                     "pbsrcsink name=pb " NOBODY);
  g_autofree char *caps = NULL;

  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 1);
  caps = lab_dup_track (0);
  g_assert_nonnull (strstr (caps, "constrained-baseline"));
  lab_end (pipeline);
}

static void
test_b_frames_are_warned_of_once (void)
{
  GstElement *pipeline = lab_launch (
      "videotestsrc is-live=true pattern=ball ! "
      "video/x-raw,width=160,height=90,framerate=100/1 ! "
      "x264enc speed-preset=ultrafast bframes=2 b-adapt=false "
      "rc-lookahead=0 key-int-max=100 ! video/x-h264,profile=main ! "
      "pbsrcsink name=pb " NOBODY);
  g_autofree char *text = NULL;

  lab_play (pipeline);
  lab_wait_for (fake_end.n_pushed[0] >= 100);
  g_assert_cmpuint (lab_count_messages (pipeline, GST_MESSAGE_WARNING, &text),
      ==, 1);
  g_assert_nonnull (strstr (text, "B-frames"));
  lab_end (pipeline);
}

static void
test_media_that_webrtc_does_not_carry_are_one_error (void)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *pb = gst_element_factory_make ("pbsrcsink", NULL);
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-theora");
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  GstPad *src = gst_pad_new ("src", GST_PAD_SRC);
  GstSegment segment;

  fake_end_reset ();
  g_object_set (pb, "uri", "pb://127.0.0.1:1/demo/cam", "token", "p_x.y", NULL);
  gst_util_set_object_arg (G_OBJECT (pb), "transport", "webrtc");
  gst_bin_add (GST_BIN (pipeline), pb);
  pad = gst_element_request_pad_simple (pb, "video_%u");
  g_assert_cmpint (gst_pad_link_full (src, pad, GST_PAD_LINK_CHECK_NOTHING), ==,
      GST_PAD_LINK_OK);
  gst_pad_set_active (src, TRUE);
  lab_play (pipeline);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (src, gst_event_new_stream_start ("x"));
  gst_pad_push_event (src, gst_event_new_caps (caps));
  gst_pad_push_event (src, gst_event_new_segment (&segment));
  gst_pad_push (src, gst_buffer_new_allocate (NULL, 10, NULL));
  {
    g_autoptr (GstMessage) message =
        lab_wait_message (pipeline, GST_MESSAGE_ERROR);

    gst_message_parse_error (message, &error, NULL);
    g_test_message ("%s", error->message);
    g_assert_nonnull (strstr (error->message, "video/x-theora"));
  }
  g_assert_cmpuint (lab_count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==,
      0);
  gst_pad_unlink (src, pad);
  gst_pad_set_active (src, FALSE);
  lab_end (pipeline);
  gst_object_unref (src);
}

int
main (int argc, char *argv[])
{
  static const LabTest tests[] = {
    { "raw-media-are-encoded-once", test_raw_media_are_encoded_once },
    { "the-codec-is-what-was-asked-for", test_the_codec_is_what_was_asked_for },
    { "without-an-h264-encoder-it-is-vp8-and-without-any-an-error",
        test_without_an_h264_encoder_it_is_vp8_and_without_any_an_error },
    { "hardware-goes-first-where-it-opens",
        test_hardware_goes_first_where_it_opens },
    { "the-rate-is-followed", test_the_rate_is_followed },
    { "a-keyframe-that-is-asked-for-comes",
        test_a_keyframe_that_is_asked_for_comes },
    { "the-presets-fit-their-elements", test_the_presets_fit_their_elements },
    { "encoded-media-are-passed-through",
        test_encoded_media_are_passed_through },
    { "an-encoder-upstream-makes-what-browsers-decode",
        test_an_encoder_upstream_makes_what_browsers_decode },
    { "b-frames-are-warned-of-once", test_b_frames_are_warned_of_once },
    { "media-that-webrtc-does-not-carry-are-one-error",
        test_media_that_webrtc_does_not_carry_are_one_error },
  };

  return lab_run (argc, argv, tests, G_N_ELEMENTS (tests));
}
