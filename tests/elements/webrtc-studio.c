/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "../common/pb-known-criticals.h"
#include "../common/pb-mortal-child.h"
#include "webrtc-studio.h"

#include <string.h>

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include "net/pb-rest.h"

#define SECRET                                                                 \
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct
{
  const char *name, *chain;
} chains[] = {
  { "h264", "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
            "height=240,framerate=25/1 ! x264enc name=encoder tune=zerolatency "
            "bitrate=300 "
            "key-int-max=250 speed-preset=ultrafast ! h264parse ! "
            "video/x-h264,stream-format=byte-stream,alignment=au,"
            "profile=constrained-baseline" },
  { "vp8",
      "videotestsrc is-live=1 pattern=ball ! video/x-raw,width=320,"
      "height=240,framerate=25/1 ! vp8enc name=encoder deadline=1 cpu-used=8 "
      "target-bitrate=300000 keyframe-max-dist=250" },
  { "opus", "audiotestsrc is-live=1 samplesperbuffer=960 ! "
            "audio/x-raw,rate=48000,channels=2 ! opusenc" },
};

/* --- the server ----------------------------------------------------------- */

static JsonNode *
call (PbRest *rest, const char *method, const char *path, const char *body)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;
  JsonNode *answer;

  node = body != NULL ? json_from_string (body, &error) : NULL;
  answer = pb_rest_call (rest, method, path, node, &error);
  g_assert_no_error (error);

  return answer;
}

/* NULL: both ways */
static char *
mint (PbRest *rest, const char *direction)
{
  g_autofree char *body =
      g_strdup_printf ("{\"role\":\"peer\",\"stream\":\"cam\"%s%s%s}",
          direction != NULL ? ",\"direction\":\"" : "",
          direction != NULL ? direction : "", direction != NULL ? "\"" : "");
  g_autoptr (JsonNode) answer =
      call (rest, "POST", "/api/session/demo/token", body);

  return g_strdup (
      json_object_get_string_member (json_node_get_object (answer), "token"));
}

void
studio_start_server (Studio *self)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autofree char *listen = g_strdup_printf ("127.0.0.1:%u", self->port);
  g_autofree char *line = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (JsonNode) answer = NULL;

  pb_allow_known_criticals ();
  g_subprocess_launcher_setenv (launcher, "PATCHBAY_SECRET", SECRET, TRUE);
  g_subprocess_launcher_set_child_setup (launcher, pb_die_with_parent, NULL,
      NULL);
  self->server = g_subprocess_launcher_spawn (launcher, &error, "patchbayd",
      "--listen", listen, "--stun", "127.0.0.1:0", NULL);
  g_assert_no_error (error);
  self->output =
      g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->server));
  do {
    g_free (line);
    line = g_data_input_stream_read_line (self->output, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_nonnull (line);
  } while (!g_str_has_prefix (line, "listening on "));
  g_free (self->address);
  self->address = g_strdup (line + strlen ("listening on "));
  self->port = (guint) atoi (strrchr (self->address, ':') + 1);

  rest = pb_rest_new (self->address, FALSE, &error);
  g_assert_no_error (error);
  answer = call (rest, "POST", "/api/session",
      "{\"name\":\"demo\",\"streams\":[\"cam\"],\"latency\":60}");
  if (self->uri != NULL)
    return; /* the older tokens are as good as before */
  self->admin = g_strdup (
      json_object_get_string_member (json_node_get_object (answer), "token"));
  pb_rest_set_token (rest, self->admin);
  self->send = mint (rest, "send");
  self->receive = mint (rest, "receive");
  self->talk = mint (rest, NULL);
  self->uri =
      g_strdup_printf ("pb://%s/demo/cam", self->address + strlen ("http://"));
}

void
studio_kill_server (Studio *self)
{
  g_autoptr (GError) error = NULL;

  g_subprocess_force_exit (self->server);
  g_subprocess_wait (self->server, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&self->output);
  g_clear_object (&self->server);
}

void
studio_set_up (Studio *self, gconstpointer unused)
{
  studio_start_server (self);
}

void
studio_tear_down (Studio *self, gconstpointer unused)
{
  studio_kill_server (self);
  pb_webrtc_peer_settle ();
  g_free (self->address);
  g_free (self->uri);
  g_free (self->admin);
  g_free (self->send);
  g_free (self->receive);
  g_free (self->talk);
}

/* --- what the end calls --------------------------------------------------- */

static void
on_received (guint source, guint track, gboolean is_video, GstSample *sample,
    gpointer user_data)
{
  Station *self = user_data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (self->is_paused)
    g_cond_wait (&self->changed, &self->lock);
  self->n_video += is_video;
  self->n_audio += !is_video;
  self->sources |= 1u << source;
  g_cond_broadcast (&self->changed);
}

static void
on_gone (guint source, gpointer user_data)
{
  Station *self = user_data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->n_gone++;
  g_cond_broadcast (&self->changed);
}

static void
on_rate (guint kbps, gpointer user_data)
{
  Station *self = user_data;
  g_autoptr (GstElement) encoder = NULL;

  g_mutex_lock (&self->lock);
  self->n_rates++;
  self->kbps = kbps;
  g_mutex_unlock (&self->lock);
  /* what does not follow is thinned until nothing is left of it */
  encoder = self->media != NULL
                ? gst_bin_get_by_name (GST_BIN (self->media), "encoder")
                : NULL;
  if (encoder == NULL)
    return;
  kbps = MIN (kbps, 300);
  if (g_str_has_prefix (GST_OBJECT_NAME (gst_element_get_factory (encoder)),
          "x264"))
    g_object_set (encoder, "bitrate", kbps, NULL);
  else
    g_object_set (encoder, "target-bitrate", (int) kbps * 1000, NULL);
}

static void
on_needs_keyframe (gpointer user_data)
{
  Station *self = user_data;
  g_autoptr (GstElement) sink = NULL;
  g_autoptr (GstPad) pad = NULL;

  g_mutex_lock (&self->lock);
  self->n_keyframes++;
  g_mutex_unlock (&self->lock);
  sink = self->media != NULL
             ? gst_bin_get_by_name (GST_BIN (self->media), "track0")
             : NULL;
  if (sink == NULL)
    return;
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_push_event (pad,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          0));
}

static void
on_changed (const char *what, gpointer user_data)
{
  Station *self = user_data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_cond_broadcast (&self->changed);
}

/* --- what it sends -------------------------------------------------------- */

typedef struct
{
  Station *station;
  guint track;
} Feed;

static GstFlowReturn
on_encoded (GstAppSink *sink, gpointer user_data)
{
  Feed *feed = user_data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  g_autoptr (GstBuffer) copy = gst_buffer_copy (gst_sample_get_buffer (sample));

  GST_BUFFER_PTS (copy) =
      gst_segment_to_running_time (gst_sample_get_segment (sample),
          GST_FORMAT_TIME, GST_BUFFER_PTS (copy));
  GST_BUFFER_DTS (copy) = GST_CLOCK_TIME_NONE;
  pb_webrtc_end_push (feed->station->end, feed->track, copy);

  return GST_FLOW_OK;
}

static void
add_chain (Station *self, const char *name, guint track)
{
  static GstAppSinkCallbacks callbacks = { .new_sample = on_encoded };
  g_autofree char *text = NULL;
  g_autofree char *sink_name = g_strdup_printf ("track%u", track);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) sink = NULL;
  GstElement *bin;
  Feed *feed = g_new0 (Feed, 1);

  for (guint i = 0; i < G_N_ELEMENTS (chains); i++)
    if (g_str_equal (chains[i].name, name))
      text = g_strdup_printf ("%s ! appsink sync=0 name=%s", chains[i].chain,
          sink_name);
  g_assert_nonnull (text);
  bin = gst_parse_bin_from_description_full (text, FALSE, NULL,
      GST_PARSE_FLAG_NONE, &error);
  g_assert_no_error (error);
  gst_bin_add (GST_BIN (self->media), bin);
  sink = gst_bin_get_by_name (GST_BIN (bin), sink_name);
  feed->station = self;
  feed->track = track;
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, feed, g_free);
}

static void
start_media (Station *self, const char *const *media)
{
  PbWebrtcTrack tracks[4];
  guint n = 0;

  self->media = gst_pipeline_new (NULL);
  for (; media[n] != NULL; n++)
    add_chain (self, media[n], n);
  gst_pipeline_use_clock (GST_PIPELINE (self->media), self->clock);
  gst_element_set_start_time (self->media, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (self->media, self->base_time);
  gst_element_set_state (self->media, GST_STATE_PLAYING);
  /* every appsink has its caps once all have prerolled */
  g_assert_cmpint (gst_element_get_state (self->media, NULL, NULL, STUDIO_WAIT),
      ==, GST_STATE_CHANGE_SUCCESS);
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("track%u", i);
    g_autoptr (GstElement) sink =
        gst_bin_get_by_name (GST_BIN (self->media), name);
    g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

    tracks[i].caps = gst_pad_get_current_caps (pad);
    tracks[i].is_video = !g_str_equal (media[i], "opus");
    g_assert_nonnull (tracks[i].caps);
  }
  pb_webrtc_end_set_tracks (self->end, tracks, n);
  for (guint i = 0; i < n; i++)
    gst_caps_unref (tracks[i].caps);
}

/* --- stations ------------------------------------------------------------- */

static void
on_wants_thumbnail (const char *us, gpointer user_data)
{
}

Station *
station_new (const char *uri_text, const char *token,
    const PbWebrtcEndConfig *config, const char *const *media)
{
  static const PbWebrtcEndCallbacks callbacks = { on_received, on_gone, on_rate,
    on_needs_keyframe, on_changed, on_wants_thumbnail };
  Station *self = g_new0 (Station, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbUri) uri = pb_uri_parse (uri_text, &error);
  PbWebrtcEndConfig copy = *config;

  g_assert_no_error (error);
  copy.uri = uri;
  copy.stream = uri->stream;
  if (copy.latency_ms == 0)
    copy.latency_ms = 60;
  if (copy.max_kbps == 0)
    copy.max_kbps = 4000;
  if (copy.health_interval_ms == 0)
    copy.health_interval_ms = 500;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->element = gst_element_factory_make ("identity", NULL);
  self->bus = gst_bus_new ();
  gst_element_set_bus (self->element, self->bus);
  self->clock = gst_system_clock_obtain ();
  self->base_time = gst_clock_get_time (self->clock);
  self->session = pb_gst_session_new (uri, token, "test/1");
  self->end =
      pb_webrtc_end_new (self->element, self->session, &copy, &callbacks, self);
  g_assert_true (pb_webrtc_end_start (self->end, &error));
  pb_webrtc_end_play (self->end, self->clock, self->base_time);
  if (media != NULL)
    start_media (self, media);
  else
    pb_webrtc_end_set_tracks (self->end, NULL, 0);

  return self;
}

void
station_stop (Station *self)
{
  station_pause (self, FALSE);
  if (self->media != NULL)
    gst_element_set_state (self->media, GST_STATE_NULL);
  pb_webrtc_end_stop (self->end);
}

void
station_free (Station *self)
{
  station_stop (self);
  pb_webrtc_end_unref (self->end);
  g_assert_finalize_object (self->session);
  gst_element_set_bus (self->element, NULL);
  gst_object_unref (self->bus);
  gst_object_unref (self->element);
  gst_clear_object (&self->media);
  gst_object_unref (self->clock);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

void
station_wait_media (Station *self, guint n_video, guint n_audio)
{
  gint64 until = g_get_monotonic_time () + STUDIO_WAIT / 1000;

  g_mutex_lock (&self->lock);
  n_video += self->n_video;
  n_audio += self->n_audio;
  while (self->n_video < n_video || self->n_audio < n_audio)
    if (!g_cond_wait_until (&self->changed, &self->lock, until))
      g_error ("video %u of %u, audio %u of %u", self->n_video, n_video,
          self->n_audio, n_audio);
  g_mutex_unlock (&self->lock);
}

void
station_wait (Station *self, const guint *counter, guint n)
{
  gint64 until = g_get_monotonic_time () + STUDIO_WAIT / 1000;

  g_mutex_lock (&self->lock);
  while (*counter < n)
    if (!g_cond_wait_until (&self->changed, &self->lock, until))
      g_error ("%u of %u", *counter, n);
  g_mutex_unlock (&self->lock);
}

void
station_pause (Station *self, gboolean is_paused)
{
  g_mutex_lock (&self->lock);
  self->is_paused = is_paused;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

GstStructure *
station_expect (Station *self, const char *name, const char *field,
    const char *value)
{
  for (;;) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (self->bus,
        STUDIO_WAIT, GST_MESSAGE_ELEMENT);
    const GstStructure *s;

    if (message == NULL)
      g_error ("no %s with %s=%s", name, field, value);
    s = gst_message_get_structure (message);
    if (gst_structure_has_name (s, name) &&
        g_strcmp0 (gst_structure_get_string (s, field), value) == 0)
      return gst_structure_copy (s);
  }
}

guint
station_count (Station *self, const char *name)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (self->bus, GST_MESSAGE_ELEMENT))) {
    n += gst_message_has_name (message, name);
    gst_message_unref (message);
  }

  return n;
}
