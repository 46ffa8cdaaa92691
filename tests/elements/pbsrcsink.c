/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "fake-webrtc-end.h"
#include "webrtc/gstpbsrcsink.h"
#include "webrtc/pb-encode.h"

/* pbsrcsink by itself: settings, pads, encoders, decoders, states. Beneath it
 * is an end that connects to nobody; tests/integration/webrtc.py has the real
 * one. */

#define NOBODY                                                                 \
  "transport=webrtc uri=pb://127.0.0.1:1/demo/cam-wide token=p_x.y "
#define WATCHDOG (60 * G_TIME_SPAN_SECOND)
#define VIDEO                                                                  \
  "videotestsrc is-live=true ! "                                               \
  "video/x-raw,width=160,height=90,framerate=25/1 "
#define AUDIO "audiotestsrc is-live=true "
#define X264 "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 "

static GstElement *
launch (const char *line)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline;

  fake_end_reset ();
  pipeline = gst_parse_launch (line, &error);
  g_assert_no_error (error);

  return pipeline;
}

static void
play (GstElement *pipeline)
{
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), !=,
      GST_STATE_CHANGE_FAILURE);
}

static void
end (GstElement *pipeline)
{
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_NULL), ==,
      GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (pipeline);
}

static GstElement *
get (GstElement *pipeline, const char *name)
{
  return gst_bin_get_by_name (GST_BIN (pipeline), name);
}

#define wait_for(condition)                                                    \
  G_STMT_START                                                                 \
  {                                                                            \
    gint64 until_ = g_get_monotonic_time () + WATCHDOG;                        \
                                                                               \
    g_mutex_lock (&fake_end.lock);                                             \
    while (!(condition))                                                       \
      if (!g_cond_wait_until (&fake_end.cond, &fake_end.lock, until_))         \
        g_error ("not in time: %s", #condition);                               \
    g_mutex_unlock (&fake_end.lock);                                           \
  }                                                                            \
  G_STMT_END

static GstMessage *
wait_message (GstElement *pipeline, GstMessageType types)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message =
      gst_bus_timed_pop_filtered (bus, WATCHDOG * 1000, types);

  g_assert_nonnull (message);

  return message;
}

static guint
count_messages (GstElement *pipeline, GstMessageType type, char **text)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, type)) != NULL) {
    g_autoptr (GError) error = NULL;

    if (type == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message, &error, NULL);
    else
      gst_message_parse_error (message, &error, NULL);
    g_free (*text);
    *text = g_strdup (error->message);
    gst_message_unref (message);
    n++;
  }

  return n;
}

static gboolean
has_child (GstElement *bin, const char *factory)
{
  g_autoptr (GstIterator) it = gst_bin_iterate_elements (GST_BIN (bin));
  GValue item = G_VALUE_INIT;
  gboolean found = FALSE;

  while (gst_iterator_next (it, &item) == GST_ITERATOR_OK) {
    GstElementFactory *made_by =
        gst_element_get_factory (g_value_get_object (&item));

    found |= made_by != NULL &&
             g_str_has_suffix (GST_OBJECT_NAME (made_by), factory);
    g_value_reset (&item);
  }
  g_value_unset (&item);

  return found;
}

static char *
dup_track (guint i)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  return gst_caps_to_string (fake_end.tracks->pdata[i]);
}

/* --- settings ------------------------------------------------------------- */

static void
test_secrets_cannot_be_read_back (void)
{
  GstElement *element = gst_element_factory_make ("pbsrcsink", NULL);
  GParamSpec *token =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element), "token");
  g_autofree char *uri = NULL;

  g_assert_cmpint (token->flags & G_PARAM_READABLE, ==, 0);
  g_object_set (element, "uri", "pbs://example.org/demo/cam?t=p_secret.secret",
      NULL);
  g_object_get (element, "uri", &uri, NULL);
  g_assert_cmpstr (uri, ==, "pbs://example.org/demo/cam");
  gst_object_unref (element);
}

static void
test_settings_are_kept (void)
{
  GstElement *element = gst_element_factory_make ("pbsrcsink", NULL);
  g_autofree char *stream = NULL, *file = NULL, *local = NULL;
  guint latency, interval, least, most, consumers;
  gboolean insecure, fec, decode, thumbnails;
  int direction, transport, codec, policy, tally, state;
  g_autoptr (GstStructure) stats = NULL;

  gst_util_set_object_arg (G_OBJECT (element), "direction", "receive");
  gst_util_set_object_arg (G_OBJECT (element), "transport", "srt");
  gst_util_set_object_arg (G_OBJECT (element), "video-codec", "vp9");
  gst_util_set_object_arg (G_OBJECT (element), "ice-transport-policy", "relay");
  g_object_set (element, "stream", "cam-close", "token-file", "/dev/null",
      "latency", 333, "local-address", "127.0.0.1", "insecure", TRUE,
      "health-interval", 1000, "min-bitrate", 222, "max-bitrate", 2222, "fec",
      TRUE, "decode", TRUE, "thumbnails", FALSE, NULL);
  g_object_get (element, "stream", &stream, "token-file", &file, "latency",
      &latency, "local-address", &local, "insecure", &insecure,
      "health-interval", &interval, "min-bitrate", &least, "max-bitrate", &most,
      "fec", &fec, "decode", &decode, "thumbnails", &thumbnails, "direction",
      &direction, "transport", &transport, "video-codec", &codec,
      "ice-transport-policy", &policy, "tally", &tally, "state", &state,
      "consumers", &consumers, "stats", &stats, NULL);
  g_assert_cmpstr (stream, ==, "cam-close");
  g_assert_cmpstr (file, ==, "/dev/null");
  g_assert_cmpuint (latency, ==, 333);
  g_assert_cmpstr (local, ==, "127.0.0.1");
  g_assert_true (insecure);
  g_assert_cmpuint (interval, ==, 1000);
  g_assert_cmpuint (least, ==, 222);
  g_assert_cmpuint (most, ==, 2222);
  g_assert_true (fec);
  g_assert_true (decode);
  g_assert_false (thumbnails);
  g_assert_cmpint (direction, ==, 2);
  g_assert_cmpint (transport, ==, 2);
  g_assert_cmpint (codec, ==, PB_CODEC_VP9);
  g_assert_cmpint (policy, ==, 1);
  g_assert_cmpint (tally, ==, PB_TALLY_OFF);
  g_assert_cmpint (state, ==, PB_STATE_CLOSED);
  g_assert_cmpuint (consumers, ==, 0);
  g_assert_true (gst_structure_has_name (stats, "pb-webrtc-stats"));
  gst_object_unref (element);
}

static void
test_every_bad_setting_is_one_error (void)
{
  static const struct
  {
    const char *settings, *says;
  } rows[] = {
    { "", "No session given" },
    { "uri=http://127.0.0.1/demo", "pbs://" },
    { "uri=pb://127.0.0.1:1/demo", "No slot given" },
    { "uri=pb://127.0.0.1:1/demo stream=a/b", "no slot's name" },
    { "uri=pb://192.0.2.1:1/demo/cam", "unencrypted" },
    { NOBODY "local-address=nowhere", "local-address" },
    { NOBODY "min-bitrate=500 max-bitrate=400", "min-bitrate" },
    { "uri=pb://127.0.0.1:1/demo/cam token-file=/nonexistent/token",
        "token file" },
    { NOBODY "name=pb direction=receive transport=srt", "no return feed" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *line =
        g_strdup_printf (VIDEO "! pbsrcsink %s", rows[i].settings);
    GstElement *pipeline = launch (line);
    g_autofree char *text = NULL;

    g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), ==,
        GST_STATE_CHANGE_FAILURE);
    g_assert_cmpuint (count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==,
        1);
    g_test_message ("%s", text);
    g_assert_nonnull (strstr (text, rows[i].says));
    end (pipeline);
  }
}

static void
test_what_is_not_installed_is_named_with_its_package (void)
{
  GstRegistry *registry = gst_registry_get ();
  g_autoptr (GstPluginFeature) feature =
      gst_registry_lookup_feature (registry, "nicesrc");
  g_autofree char *text = NULL;
  GstElement *element, *pipeline;

  g_assert_nonnull (feature);
  gst_registry_remove_feature (registry, feature);
  /* nothing fails before somebody wants it to work */
  element = gst_element_factory_make ("pbsrcsink", NULL);
  g_assert_nonnull (element);
  gst_object_unref (element);
  pipeline = launch (VIDEO "! pbsrcsink " NOBODY);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), ==,
      GST_STATE_CHANGE_FAILURE);
  g_assert_cmpuint (count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==, 1);
  g_assert_nonnull (strstr (text, "nicesrc"));
  g_assert_nonnull (strstr (text, "gstreamer1.0-nice"));
  end (pipeline);
  gst_registry_add_feature (registry, gst_object_ref (feature));
}

static void
test_a_player_finds_it_by_the_address (void)
{
  static const char *const addresses[] = { "pb://127.0.0.1:1/demo/cam-wide",
    "pbs://example.org/demo/cam-wide" };

  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++) {
    g_autoptr (GError) error = NULL;
    GstElement *element =
        gst_element_make_from_uri (GST_URI_SRC, addresses[i], NULL, &error);
    g_autofree char *uri = NULL;

    g_assert_no_error (error);
    uri = gst_uri_handler_get_uri (GST_URI_HANDLER (element));
    g_assert_cmpstr (uri, ==, addresses[i]);
    g_assert_false (gst_uri_handler_set_uri (GST_URI_HANDLER (element),
        "pb://a b/c", &error));
    g_assert_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI);
    gst_object_ref_sink (element);
    gst_object_unref (element);
  }
}

/* --- encoders ------------------------------------------------------------- */

static void
test_raw_media_are_encoded_once (void)
{
  GstElement *pipeline = launch (
      "pbsrcsink name=pb " NOBODY VIDEO "! pb.video_0 " AUDIO "! pb.audio_0");
  g_autofree char *video = NULL, *audio = NULL;

  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 50 && fake_end.n_pushed[1] >= 50);
  g_assert_cmpuint (fake_end.n_set_tracks, ==, 1);
  g_assert_cmpuint (fake_end.tracks->len, ==, 2);
  video = dup_track (0);
  audio = dup_track (1);
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
  end (pipeline);
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
    pipeline = launch (line);
    play (pipeline);
    wait_for (fake_end.n_pushed[0] >= 10);
    caps = dup_track (0);
    g_test_message ("%s: %s", rows[i].codec, caps);
    g_assert_true (g_str_has_prefix (caps, rows[i].media_type));
    end (pipeline);
  }
}

static GstPluginFeature *
hide (const char *name)
{
  GstRegistry *registry = gst_registry_get ();
  GstPluginFeature *feature = gst_registry_lookup_feature (registry, name);

  if (feature != NULL)
    gst_registry_remove_feature (registry, feature);

  return feature;
}

static void
show (GstPluginFeature *feature)
{
  if (feature != NULL)
    gst_registry_add_feature (gst_registry_get (), feature);
}

static void
test_without_an_h264_encoder_it_is_vp8_and_without_any_an_error (void)
{
  static const char *const h264[] = { "x264enc", "openh264enc", "vp8enc" };
  GstPluginFeature *hidden[G_N_ELEMENTS (h264)];
  g_autofree char *text = NULL, *caps = NULL;
  GstElement *pipeline;

  hidden[0] = hide (h264[0]);
  hidden[1] = hide (h264[1]);
  pipeline = launch (VIDEO "! pbsrcsink " NOBODY);
  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 3);
  caps = dup_track (0);
  g_assert_true (g_str_has_prefix (caps, "video/x-vp8"));
  end (pipeline);

  hidden[2] = hide (h264[2]);
  pipeline = launch (VIDEO "! pbsrcsink " NOBODY);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (wait_message (pipeline, GST_MESSAGE_ERROR));
  end (pipeline);

  /* by name, so that a person knows what to install */
  pipeline = launch (VIDEO "! pbsrcsink video-codec=vp8 " NOBODY);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  {
    g_autoptr (GstMessage) message = wait_message (pipeline, GST_MESSAGE_ERROR);
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    g_assert_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN);
    g_assert_nonnull (strstr (error->message, "vp8enc"));
    g_assert_nonnull (strstr (error->message, "gstreamer1.0-plugins-good"));
    g_assert_cmpuint (count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==,
        0);
  }
  end (pipeline);
  for (guint i = 0; i < G_N_ELEMENTS (h264); i++)
    show (hidden[i]);
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
      x264 = hide ("x264enc");
      openh264 = hide ("openh264enc");
    }
    pipeline = launch (VIDEO "! pbsrcsink name=pb " NOBODY);
    pb = get (pipeline, "pb");
    play (pipeline);
    wait_for (fake_end.n_pushed[0] >= 10);
    g_assert_true (has_child (pb, rows[i].used));
    caps = dup_track (0);
    g_assert_true (g_str_has_prefix (caps, rows[i].media_type));
    end (pipeline);
    show (x264);
    show (openh264);
  }
  hardware = hide ("vatesth264enc");
  g_assert_nonnull (hardware);
  gst_object_unref (hardware);
}

/* Bytes of the next `n` buffers */
static gsize
weigh (guint n)
{
  gsize bytes = 0;

  g_mutex_lock (&fake_end.lock);
  g_ptr_array_set_size (fake_end.pushed, 0);
  g_mutex_unlock (&fake_end.lock);
  wait_for (fake_end.pushed->len >= n);
  g_mutex_lock (&fake_end.lock);
  for (guint i = 0; i < n; i++)
    bytes += gst_buffer_get_size (fake_end.pushed->pdata[i]);
  g_mutex_unlock (&fake_end.lock);

  return bytes;
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
    GstPluginFeature *hidden = i == 1 ? hide ("x264enc") : NULL;
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
    pipeline = launch (line);
    pb = get (pipeline, "pb");
    play (pipeline);
    wait_for (fake_end.n_pushed[0] >= 1);
    g_assert_true (has_child (pb, encoders[i]));
    fake_end.callbacks.rate (100000, fake_end.user_data);
    weigh (25);
    much = weigh (50);
    fake_end.callbacks.rate (1, fake_end.user_data);
    weigh (25);
    little = weigh (50);
    g_test_message ("%s: %" G_GSIZE_FORMAT " kbit/s at 2000, %" G_GSIZE_FORMAT
                    " at 100",
        encoders[i], much * 8 / 2000, little * 8 / 2000);
    g_assert_cmpuint (much, >, 2 * little);
    end (pipeline);
    show (hidden);
  }
}

static void
test_a_keyframe_that_is_asked_for_comes (void)
{
  GstElement *pipeline = launch (VIDEO "! pbsrcsink name=pb " NOBODY);
  guint n = 0;

  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 10);
  /* the second one comes too soon after the first, and is not forgotten */
  fake_end.callbacks.needs_keyframe (fake_end.user_data);
  wait_for (fake_end.n_pushed[0] >= 14);
  fake_end.callbacks.needs_keyframe (fake_end.user_data);
  weigh (30);
  g_mutex_lock (&fake_end.lock);
  for (guint i = 0; i < fake_end.pushed->len; i++)
    n += !GST_BUFFER_FLAG_IS_SET ((GstBuffer *) fake_end.pushed->pdata[i],
        GST_BUFFER_FLAG_DELTA_UNIT);
  g_mutex_unlock (&fake_end.lock);
  g_assert_cmpuint (n, >=, 1);
  g_assert_cmpuint (n, <=, 2);
  end (pipeline);
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
    GstElement *pipeline = launch (line);
    g_autoptr (GstElement) pb = get (pipeline, "pb");
    g_autoptr (GHashTable) brought =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr (GstPad) pad = GST_PAD (
        gst_object_ref (g_list_first (GST_ELEMENT (pb)->sinkpads)->data));
    g_autofree char *caps = NULL;

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_brought, brought,
        NULL);
    play (pipeline);
    wait_for (fake_end.n_pushed[0] >= 25);
    caps = dup_track (0);
    g_test_message ("%s", caps);
    g_assert_true (g_str_has_prefix (caps, rows[i].media_type));
    g_assert_false (transcodes (pb));
    g_mutex_lock (&fake_end.lock);
    for (guint j = 0; j < fake_end.pushed->len; j++) {
      g_autofree char *tail = dup_tail (fake_end.pushed->pdata[j]);

      g_assert_true (g_hash_table_contains (brought, tail));
    }
    g_mutex_unlock (&fake_end.lock);
    end (pipeline);
  }
}

/* A source that leaves the choice makes what everybody can decode. */
static void
test_an_encoder_upstream_makes_what_browsers_decode (void)
{
  GstElement *pipeline = launch ("videotestsrc is-live=true ! "
                                 "x264enc tune=zerolatency ! "
                                 "pbsrcsink name=pb " NOBODY);
  g_autofree char *caps = NULL;

  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 1);
  caps = dup_track (0);
  g_assert_nonnull (strstr (caps, "constrained-baseline"));
  end (pipeline);
}

static void
test_b_frames_are_warned_of_once (void)
{
  GstElement *pipeline =
      launch ("videotestsrc is-live=true pattern=ball ! "
              "video/x-raw,width=160,height=90,framerate=100/1 ! "
              "x264enc speed-preset=ultrafast bframes=2 b-adapt=false "
              "rc-lookahead=0 key-int-max=100 ! video/x-h264,profile=main ! "
              "pbsrcsink name=pb " NOBODY);
  g_autofree char *text = NULL;

  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 100);
  g_assert_cmpuint (count_messages (pipeline, GST_MESSAGE_WARNING, &text), ==,
      1);
  g_assert_nonnull (strstr (text, "B-frames"));
  end (pipeline);
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
  play (pipeline);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (src, gst_event_new_stream_start ("x"));
  gst_pad_push_event (src, gst_event_new_caps (caps));
  gst_pad_push_event (src, gst_event_new_segment (&segment));
  gst_pad_push (src, gst_buffer_new_allocate (NULL, 10, NULL));
  {
    g_autoptr (GstMessage) message = wait_message (pipeline, GST_MESSAGE_ERROR);

    gst_message_parse_error (message, &error, NULL);
    g_test_message ("%s", error->message);
    g_assert_nonnull (strstr (error->message, "video/x-theora"));
  }
  g_assert_cmpuint (count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==, 0);
  gst_pad_unlink (src, pad);
  gst_pad_set_active (src, FALSE);
  end (pipeline);
  gst_object_unref (src);
}

/* --- pads and the end of a stream ----------------------------------------- */

static void
test_pads_have_names (void)
{
  GstElement *element = gst_element_factory_make ("pbsrcsink", NULL);
  g_autoptr (GstPad) one = gst_element_request_pad_simple (element, "video_0");
  g_autoptr (GstPad) two = gst_element_request_pad_simple (element, "video_%u");
  g_autoptr (GstPad) tone =
      gst_element_request_pad_simple (element, "audio_%u");

  g_assert_cmpstr (GST_PAD_NAME (one), ==, "video_0");
  g_assert_cmpstr (GST_PAD_NAME (two), ==, "video_1");
  g_assert_cmpstr (GST_PAD_NAME (tone), ==, "audio_0");
  gst_element_release_request_pad (element, one);
  gst_element_release_request_pad (element, two);
  gst_element_release_request_pad (element, tone);
  g_assert_cmpint (GST_BIN_NUMCHILDREN (element), ==, 0);
  gst_object_unref (element);
}

static void
test_pads_come_and_go_while_it_plays (void)
{
  GstElement *pipeline =
      launch ("pbsrcsink name=pb " NOBODY VIDEO "! pb.video_0");
  g_autoptr (GstElement) pb = get (pipeline, "pb");
  g_autoptr (GError) error = NULL;
  GstElement *tone;
  g_autoptr (GstPad) src = NULL, sink = NULL;

  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 5);
  g_assert_cmpuint (fake_end.tracks->len, ==, 1);

  tone = gst_parse_bin_from_description ("audiotestsrc is-live=true ! queue",
      TRUE, &error);
  g_assert_no_error (error);
  gst_bin_add (GST_BIN (pipeline), tone);
  src = gst_element_get_static_pad (tone, "src");
  sink = gst_element_request_pad_simple (pb, "audio_%u");
  g_assert_cmpint (gst_pad_link (src, sink), ==, GST_PAD_LINK_OK);
  gst_element_sync_state_with_parent (tone);
  wait_for (fake_end.tracks->len == 2 && fake_end.n_pushed[1] >= 5);

  /* away from the middle of the flow */
  gst_element_set_state (tone, GST_STATE_NULL);
  gst_pad_unlink (src, sink);
  gst_element_release_request_pad (pb, sink);
  gst_bin_remove (GST_BIN (pipeline), tone);
  wait_for (fake_end.tracks->len == 1);
  weigh (10);
  end (pipeline);
}

static void
test_a_silent_stream_does_not_hold_the_others_up_for_ever (void)
{
  GstElement *pipeline =
      launch ("pbsrcsink name=pb " NOBODY VIDEO "! pb.video_0 "
              "appsrc name=mute is-live=true format=time ! pb.audio_0");
  g_autofree char *caps = NULL;

  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 5);
  g_assert_cmpuint (fake_end.tracks->len, ==, 1);
  caps = dup_track (0);
  g_assert_true (g_str_has_prefix (caps, "video/"));
  end (pipeline);
}

static void
test_the_end_of_all_streams_is_said_once (void)
{
  GstElement *pipeline = launch (
      "pbsrcsink name=pb " NOBODY "videotestsrc is-live=true num-buffers=10 ! "
      /* slow enough for any encoder: what is late is left out */
      "video/x-raw,width=160,height=90,framerate=5/1 ! pb.video_0 "
      "audiotestsrc is-live=true num-buffers=40 ! pb.audio_0");
  g_autoptr (GstMessage) message = NULL;

  play (pipeline);
  message = wait_message (pipeline, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  g_assert_cmpuint (fake_end.n_finished, ==, 1);
  g_assert_cmpuint (fake_end.n_pushed[0], ==, 10);
  end (pipeline);
}

/* A file goes out at its own speed. */
static void
test_what_is_not_live_is_paced (void)
{
  GstElement *pipeline =
      launch ("videotestsrc ! video/x-raw,width=160,height=90,framerate=50/1 ! "
              "pbsrcsink name=pb " NOBODY);
  g_autoptr (GstClock) clock = NULL;
  GstClockTime now, base;

  play (pipeline);
  wait_for (fake_end.pushed->len >= 50);
  clock = gst_element_get_clock (pipeline);
  base = gst_element_get_base_time (pipeline);
  g_mutex_lock (&fake_end.lock);
  now = gst_clock_get_time (clock) - base;
  for (guint i = 0; i < fake_end.pushed->len; i++)
    g_assert_cmpuint (GST_BUFFER_PTS ((GstBuffer *) fake_end.pushed->pdata[i]),
        <=, now);
  g_mutex_unlock (&fake_end.lock);
  end (pipeline);
}

static void
test_a_sender_plays_without_data (void)
{
  GstElement *pipeline =
      launch ("appsrc is-live=true format=time ! pbsrcsink name=pb " NOBODY);
  GstState state;

  play (pipeline);
  g_assert_cmpint (gst_element_get_state (pipeline, &state, NULL,
                       10 * GST_SECOND),
      !=, GST_STATE_CHANGE_FAILURE);
  g_assert_cmpint (state, ==, GST_STATE_PLAYING);
  end (pipeline);
}

static void
test_a_cue_is_a_line (void)
{
  GstElement *pipeline =
      launch ("appsrc is-live=true format=time ! pbsrcsink name=pb " NOBODY);
  g_autoptr (GstElement) pb = get (pipeline, "pb");
  g_autofree char *longest = g_strnfill (140, 'x');
  g_autofree char *longer = g_strnfill (141, 'x');
  gboolean sent = TRUE;

  g_signal_emit_by_name (pb, "send-cue", "too early", &sent);
  g_assert_false (sent);
  play (pipeline);
  g_signal_emit_by_name (pb, "send-cue", "stand by, cam 2", &sent);
  g_assert_true (sent);
  g_assert_cmpstr (fake_end.cue, ==, "stand by, cam 2");
  g_signal_emit_by_name (pb, "send-cue", longest, &sent);
  g_assert_true (sent);
  g_signal_emit_by_name (pb, "send-cue", longer, &sent);
  g_assert_false (sent);
  g_signal_emit_by_name (pb, "send-cue", "", &sent);
  g_assert_false (sent);
  end (pipeline);
}

/* --- receiving ------------------------------------------------------------ */

typedef struct
{
  GPtrArray *samples; /* of GstSample */
} Recording;

static GPtrArray *
record (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text =
      g_strdup_printf ("%s ! appsink name=out sync=false", line);
  GstElement *pipeline = gst_parse_launch (text, &error);
  g_autoptr (GstElement) out = NULL;
  GPtrArray *samples =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_sample_unref);
  GstSample *sample;

  g_assert_no_error (error);
  out = get (pipeline, "out");
  play (pipeline);
  while ((sample = gst_app_sink_pull_sample (GST_APP_SINK (out))) != NULL)
    g_ptr_array_add (samples, sample);
  end (pipeline);

  return samples;
}

static GPtrArray *
record_video (void)
{
  return record ("videotestsrc num-buffers=50 ! "
                 "video/x-raw,width=160,height=90,framerate=25/1 ! " X264
                 "! h264parse ! video/x-h264,stream-format=byte-stream,"
                 "alignment=au");
}

static GPtrArray *
record_audio (void)
{
  return record ("audiotestsrc num-buffers=100 ! audioconvert ! opusenc");
}

/* As a connection brings it: now, and with caps first. `anew`: of a connection
 * of its own. */
static void
bring (GstElement *pipeline, GPtrArray *samples, guint from, guint n,
    guint source, guint track, gboolean is_video, gboolean anew)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (pipeline);
  GstClockTime base = gst_element_get_base_time (pipeline);
  g_autoptr (GstCaps) caps =
      gst_caps_copy (gst_sample_get_caps (samples->pdata[0]));

  for (guint i = from; i < from + n && i < samples->len; i++) {
    g_autoptr (GstBuffer) buffer =
        gst_buffer_copy (gst_sample_get_buffer (samples->pdata[i]));
    g_autoptr (GstSample) sample = NULL;

    GST_BUFFER_PTS (buffer) = gst_clock_get_time (clock) - base;
    GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
    sample =
        gst_sample_new (buffer, anew && i == from ? caps : NULL, NULL, NULL);
    fake_end.callbacks.received (source, track, is_video, sample,
        fake_end.user_data);
  }
}

static GstPadProbeReturn
on_counted (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  guint *counts = user_data;

  g_mutex_lock (&fake_end.lock);
  counts[0]++;
  if (GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
          GST_BUFFER_FLAG_DISCONT))
    counts[1]++;
  g_cond_broadcast (&fake_end.cond);
  g_mutex_unlock (&fake_end.lock);

  return GST_PAD_PROBE_OK;
}

/* counts[0]: buffers, counts[1]: of them with DISCONT */
static void
count_at (GstElement *pipeline, const char *name, guint *counts)
{
  g_autoptr (GstElement) element = get (pipeline, name);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_counted, counts, NULL);
}

static void
test_a_receiver_is_live_before_it_has_a_pad (void)
{
  GstElement *pipeline = launch ("pbsrcsink name=pb latency=321 " NOBODY
                                 "pb.video_src_0 ! fakesink name=out");
  GstState state;

  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_NO_PREROLL);
  play (pipeline);
  wait_for (fake_end.n_played == 1);
  g_assert_cmpint (fake_end.direction, ==, PB_DIRECTION_RECEIVE);
  g_assert_false (fake_end.sends_back);
  g_assert_cmpuint (fake_end.latency_ms, ==, 321);
  /* with nothing to send it says so at once */
  g_assert_nonnull (fake_end.tracks);
  g_assert_cmpuint (fake_end.tracks->len, ==, 0);
  gst_element_get_state (pipeline, &state, NULL, 0);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_NO_PREROLL);
  end (pipeline);
}

static void
test_streams_arrive_with_their_latency (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      launch ("pbsrcsink name=pb latency=321 " NOBODY
              "pb.video_src_0 ! queue ! fakesink name=v sync=true "
              "pb.audio_src_0 ! queue ! fakesink name=a sync=true");
  g_autoptr (GstElement) pb = get (pipeline, "pb");
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  guint v[2] = { 0 }, a[2] = { 0 };
  gboolean is_live;
  GstClockTime least, most;

  count_at (pipeline, "v", v);
  count_at (pipeline, "a", a);
  play (pipeline);
  bring (pipeline, video, 0, 50, 0, 0, TRUE, TRUE);
  bring (pipeline, audio, 0, 50, 0, 1, FALSE, TRUE);
  wait_for (v[0] == 50 && a[0] == 50);
  g_assert_cmpuint (v[1], ==, 1);
  pad = gst_element_get_static_pad (pb, "video_src_0");
  g_assert_true (gst_pad_query (pad, query));
  gst_query_parse_latency (query, &is_live, &least, &most);
  g_assert_true (is_live);
  g_assert_cmpuint (least, ==, 321 * GST_MSECOND);
  end (pipeline);
  /* and a stopped one has none left */
}

static void
test_decoded_streams_are_raw (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      launch ("pbsrcsink name=pb decode=true " NOBODY
              "pb.video_src_0 ! video/x-raw ! fakesink name=v sync=false "
              "pb.audio_src_0 ! audio/x-raw ! fakesink name=a sync=false");
  guint v[2] = { 0 }, a[2] = { 0 };

  count_at (pipeline, "v", v);
  count_at (pipeline, "a", a);
  play (pipeline);
  bring (pipeline, video, 0, 50, 0, 0, TRUE, TRUE);
  bring (pipeline, audio, 0, 50, 0, 1, FALSE, TRUE);
  wait_for (v[0] >= 45 && a[0] >= 45);
  end (pipeline);
}

/* Counts what is on its way to a pad, whether anybody takes it or not. */
static void
on_added (GstElement *element, GstPad *pad, gpointer user_data)
{
  g_autoptr (GstPad) target = NULL;

  if (!g_str_equal (GST_PAD_NAME (pad), "video_src_1"))
    return;
  target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));
  gst_pad_add_probe (target, GST_PAD_PROBE_TYPE_BUFFER, on_counted, user_data,
      NULL);
}

static void
test_what_nobody_takes_stops_nothing (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      launch ("pbsrcsink name=pb " NOBODY
              "pb.video_src_0 ! queue ! fakesink name=v sync=false");
  g_autoptr (GstElement) pb = get (pipeline, "pb");
  g_autoptr (GstPad) pad = NULL, sink = NULL;
  g_autofree char *text = NULL;
  guint v[2] = { 0 }, lost[2] = { 0 }, late[2] = { 0 };
  GstElement *out;

  count_at (pipeline, "v", v);
  g_signal_connect (pb, "pad-added", G_CALLBACK (on_added), lost);
  play (pipeline);
  bring (pipeline, audio, 0, 50, 0, 1, FALSE, TRUE);
  bring (pipeline, video, 0, 20, 0, 0, TRUE, TRUE);
  /* a second picture that nobody wants yet */
  bring (pipeline, video, 0, 5, 0, 2, TRUE, TRUE);
  wait_for (v[0] == 20 && lost[0] == 5);
  g_assert_cmpuint (count_messages (pipeline, GST_MESSAGE_ERROR, &text), ==, 0);

  /* whoever comes later begins with a keyframe */
  pad = gst_element_get_static_pad (pb, "video_src_1");
  g_assert_nonnull (pad);
  out = gst_element_factory_make ("fakesink", "late");
  g_object_set (out, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add (GST_BIN (pipeline), out);
  gst_element_sync_state_with_parent (out);
  count_at (pipeline, "late", late);
  sink = gst_element_get_static_pad (out, "sink");
  g_assert_cmpint (gst_pad_link (pad, sink), ==, GST_PAD_LINK_OK);
  bring (pipeline, video, 5, 15, 0, 2, TRUE, FALSE);
  wait_for (lost[0] == 20 && late[0] > 0);
  g_assert_cmpuint (late[1], ==, 1);
  g_assert_cmpuint (fake_end.n_keyframes_asked, >=, 1);
  end (pipeline);
}

static void
test_the_senders_pads_stay_when_it_comes_back (void)
{
  g_autoptr (GPtrArray) video = record_video (), audio = record_audio ();
  GstElement *pipeline =
      launch ("pbsrcsink name=pb " NOBODY
              "pb.video_src_0 ! queue ! fakesink name=v sync=false "
              "pb.audio_src_0 ! queue ! fakesink name=a sync=false");
  g_autoptr (GstElement) pb = get (pipeline, "pb");
  guint v[2] = { 0 }, a[2] = { 0 };

  count_at (pipeline, "v", v);
  count_at (pipeline, "a", a);
  play (pipeline);
  bring (pipeline, video, 0, 20, 0, 0, TRUE, TRUE);
  bring (pipeline, audio, 0, 20, 0, 1, FALSE, TRUE);
  wait_for (v[0] == 20 && a[0] == 20);
  fake_end.callbacks.gone (0, fake_end.user_data);

  /* after a while, and numbered the other way round */
  g_mutex_lock (&fake_end.lock);
  g_cond_wait_until (&fake_end.cond, &fake_end.lock,
      g_get_monotonic_time () + 400 * G_TIME_SPAN_MILLISECOND);
  g_mutex_unlock (&fake_end.lock);
  bring (pipeline, audio, 20, 20, 0, 0, FALSE, TRUE);
  bring (pipeline, video, 20, 20, 0, 1, TRUE, TRUE);
  wait_for (v[0] == 40 && a[0] == 40);
  g_assert_cmpuint (v[1], ==, 2);
  g_assert_cmpuint (a[1], ==, 2);
  g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 2);
  end (pipeline);
}

static void
on_removed (GstElement *element, GstPad *pad, gpointer user_data)
{
  g_mutex_lock (&fake_end.lock);
  (*(guint *) user_data)++;
  g_cond_broadcast (&fake_end.cond);
  g_mutex_unlock (&fake_end.lock);
}

static void
test_a_return_feeds_pads_go_with_it (void)
{
  g_autoptr (GPtrArray) audio = record_audio ();
  GstElement *pipeline =
      launch ("pbsrcsink name=pb " NOBODY VIDEO "! pb.video_0 "
              "pb.audio_src_0 ! queue ! "
              "fakesink name=a async=false sync=false");
  g_autoptr (GstElement) pb = get (pipeline, "pb");
  guint a[2] = { 0 }, n_removed = 0;

  count_at (pipeline, "a", a);
  g_signal_connect (pb, "pad-removed", G_CALLBACK (on_removed), &n_removed);
  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 3);
  bring (pipeline, audio, 0, 20, 7, 0, FALSE, TRUE);
  wait_for (a[0] == 20);
  bring (pipeline, audio, 0, 5, 8, 0, FALSE, TRUE);
  g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 2);
  fake_end.callbacks.gone (7, fake_end.user_data);
  wait_for (n_removed == 1);
  g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 1);
  weigh (5);
  end (pipeline);
}

static void
test_a_receiver_may_send_back (void)
{
  GstElement *pipeline = launch ("pbsrcsink name=pb direction=receive " NOBODY
                                 "audiotestsrc is-live=true num-buffers=20 ! "
                                 "pb.audio_0 "
                                 "pb.video_src_0 ! fakesink sync=false");
  g_autoptr (GstElement) pb = get (pipeline, "pb");

  play (pipeline);
  wait_for (fake_end.n_pushed[0] >= 10);
  g_assert_cmpint (fake_end.direction, ==, PB_DIRECTION_RECEIVE);
  g_assert_true (fake_end.sends_back);
  g_assert_cmpuint (fake_end.tracks->len, ==, 1);
  end (pipeline);
  /* what is sent back may end: the receiver receives on */
  g_assert_cmpuint (fake_end.n_finished, ==, 0);
}

static void
test_a_stuck_pipeline_loses_and_asks_for_a_keyframe (void)
{
  g_autoptr (GPtrArray) video = record_video ();
  GstElement *pipeline = launch ("pbsrcsink name=pb " NOBODY "pb.video_src_0 ! "
                                 "fakesink name=v sync=false");
  g_autoptr (GstElement) v = get (pipeline, "v");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (v, "sink");
  gulong block;

  play (pipeline);
  block = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, NULL,
      NULL, NULL);
  /* four seconds in no time */
  for (guint i = 0; i < 100; i++) {
    g_autoptr (GstBuffer) buffer =
        gst_buffer_copy (gst_sample_get_buffer (video->pdata[i % 50]));
    g_autoptr (GstSample) sample = NULL;

    GST_BUFFER_PTS (buffer) = i * 40 * GST_MSECOND;
    sample = gst_sample_new (buffer,
        i == 0 ? gst_sample_get_caps (video->pdata[0]) : NULL, NULL, NULL);
    fake_end.callbacks.received (0, 0, TRUE, sample, fake_end.user_data);
  }
  g_assert_cmpuint (fake_end.n_keyframes_asked, >=, 1);
  gst_pad_remove_probe (pad, block);
  end (pipeline);
}

static void
test_cycles_leak_nothing (void)
{
  g_autoptr (GPtrArray) video = record_video ();
  GstElement *pipeline =
      launch ("pbsrcsink name=pb direction=receive " NOBODY AUDIO
              "! pb.audio_0 pb.video_src_0 ! queue ! fakesink sync=false");
  guint n = g_getenv ("PB_CYCLES") != NULL
                ? (guint) g_ascii_strtoull (g_getenv ("PB_CYCLES"), NULL, 10)
                : 500;

  for (guint i = 0; i < n / 5; i++) {
    play (pipeline);
    bring (pipeline, video, 0, 5, 0, 0, TRUE, TRUE);
    g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_NULL), ==,
        GST_STATE_CHANGE_SUCCESS);
    {
      g_autoptr (GstElement) pb = get (pipeline, "pb");

      g_assert_cmpuint (GST_ELEMENT (pb)->numsrcpads, ==, 0);
    }
  }
  end (pipeline);
}

int
main (int argc, char *argv[])
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  /* not the plugin's: that has the real end beneath it */
  hide ("pbsrcsink");
  GST_ELEMENT_REGISTER (pbsrcsink, NULL);

#define TEST(name, func) g_test_add_func ("/pbsrcsink/" name, func)
  TEST ("secrets-cannot-be-read-back", test_secrets_cannot_be_read_back);
  TEST ("settings-are-kept", test_settings_are_kept);
  TEST ("every-bad-setting-is-one-error", test_every_bad_setting_is_one_error);
  TEST ("what-is-not-installed-is-named-with-its-package",
      test_what_is_not_installed_is_named_with_its_package);
  TEST ("a-player-finds-it-by-the-address",
      test_a_player_finds_it_by_the_address);
  TEST ("raw-media-are-encoded-once", test_raw_media_are_encoded_once);
  TEST ("the-codec-is-what-was-asked-for",
      test_the_codec_is_what_was_asked_for);
  TEST ("without-an-h264-encoder-it-is-vp8-and-without-any-an-error",
      test_without_an_h264_encoder_it_is_vp8_and_without_any_an_error);
  TEST ("hardware-goes-first-where-it-opens",
      test_hardware_goes_first_where_it_opens);
  TEST ("the-rate-is-followed", test_the_rate_is_followed);
  TEST ("a-keyframe-that-is-asked-for-comes",
      test_a_keyframe_that_is_asked_for_comes);
  TEST ("the-presets-fit-their-elements", test_the_presets_fit_their_elements);
  TEST ("encoded-media-are-passed-through",
      test_encoded_media_are_passed_through);
  TEST ("an-encoder-upstream-makes-what-browsers-decode",
      test_an_encoder_upstream_makes_what_browsers_decode);
  TEST ("b-frames-are-warned-of-once", test_b_frames_are_warned_of_once);
  TEST ("media-that-webrtc-does-not-carry-are-one-error",
      test_media_that_webrtc_does_not_carry_are_one_error);
  TEST ("pads-have-names", test_pads_have_names);
  TEST ("pads-come-and-go-while-it-plays",
      test_pads_come_and_go_while_it_plays);
  TEST ("a-silent-stream-does-not-hold-the-others-up-for-ever",
      test_a_silent_stream_does_not_hold_the_others_up_for_ever);
  TEST ("the-end-of-all-streams-is-said-once",
      test_the_end_of_all_streams_is_said_once);
  TEST ("what-is-not-live-is-paced", test_what_is_not_live_is_paced);
  TEST ("a-sender-plays-without-data", test_a_sender_plays_without_data);
  TEST ("a-cue-is-a-line", test_a_cue_is_a_line);
  TEST ("a-receiver-is-live-before-it-has-a-pad",
      test_a_receiver_is_live_before_it_has_a_pad);
  TEST ("streams-arrive-with-their-latency",
      test_streams_arrive_with_their_latency);
  TEST ("decoded-streams-are-raw", test_decoded_streams_are_raw);
  TEST ("what-nobody-takes-stops-nothing",
      test_what_nobody_takes_stops_nothing);
  TEST ("the-senders-pads-stay-when-it-comes-back",
      test_the_senders_pads_stay_when_it_comes_back);
  TEST ("a-return-feeds-pads-go-with-it", test_a_return_feeds_pads_go_with_it);
  TEST ("a-receiver-may-send-back", test_a_receiver_may_send_back);
  TEST ("a-stuck-pipeline-loses-and-asks-for-a-keyframe",
      test_a_stuck_pipeline_loses_and_asks_for_a_keyframe);
  TEST ("cycles-leak-nothing", test_cycles_leak_nothing);
#undef TEST

  return g_test_run ();
}
