/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <gio/gio.h>
#include <gst/app/gstappsrc.h>
#include <gst/check/gstharness.h>
#include <gst/gst.h>

/* pbsrtbin by itself: settings, pads, states. Nothing here has a server that
 * answers; pbsrtbin-media.c has. */

#define TS_CAPS "video/mpegts, systemstream=(boolean)true, packetsize=(int)188"
/* Port 1 of loopback: refused at once. */
#define NOBODY "pb://127.0.0.1:1/demo/cam-wide"

static GstElement *
make (void)
{
  GstElement *element = gst_element_factory_make ("pbsrtbin", NULL);

  g_assert_nonnull (element);

  return element;
}

static GstPad *
request (GstElement *element, const char *template)
{
  return gst_element_request_pad (element,
      gst_element_get_pad_template (element, template), NULL, NULL);
}

static GstBuffer *
make_ts (guint n_packets)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, n_packets * 188, NULL);

  gst_buffer_memset (buffer, 0, 0xff, n_packets * 188);
  for (guint i = 0; i < n_packets; i++)
    gst_buffer_memset (buffer, i * 188, 0x47, 1);

  return buffer;
}

/* --- settings ------------------------------------------------------------- */

static void
test_secrets_cannot_be_read_back (void)
{
  GstElement *element = make ();
  GParamSpec *token =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element), "token");
  GParamSpec *passphrase =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element), "passphrase");
  g_autofree char *uri = NULL;

  g_assert_cmpint (token->flags & G_PARAM_READABLE, ==, 0);
  g_assert_cmpint (passphrase->flags & G_PARAM_READABLE, ==, 0);
  g_object_set (element, "uri", "pbs://example.org/demo/cam?t=p_secret.secret",
      NULL);
  g_object_get (element, "uri", &uri, NULL);
  g_assert_cmpstr (uri, ==, "pbs://example.org/demo/cam");
  gst_object_unref (element);
}

static void
test_settings_are_kept (void)
{
  GstElement *element = make ();
  g_autofree char *stream = NULL, *file = NULL, *local = NULL, *peer = NULL;
  guint latency, port, interval;
  gboolean waits, insecure, thumbnails;
  int mode, tally, state;
  g_autoptr (GstStructure) stats = NULL;

  gst_util_set_object_arg (G_OBJECT (element), "mode", "rendezvous");
  g_object_set (element, "stream", "cam-close", "token-file", "/dev/null",
      "latency", 333, "local-address", "127.0.0.1", "local-port", 20001,
      "peer-address", "127.0.0.2:20002", "wait-for-connection", TRUE,
      "insecure", TRUE, "health-interval", 1000, "thumbnails", FALSE, NULL);
  g_object_get (element, "stream", &stream, "token-file", &file, "latency",
      &latency, "local-address", &local, "local-port", &port, "peer-address",
      &peer, "wait-for-connection", &waits, "insecure", &insecure,
      "health-interval", &interval, "mode", &mode, "tally", &tally, "state",
      &state, "stats", &stats, "thumbnails", &thumbnails, NULL);
  g_assert_false (thumbnails);
  g_assert_cmpstr (stream, ==, "cam-close");
  g_assert_cmpstr (file, ==, "/dev/null");
  g_assert_cmpuint (latency, ==, 333);
  g_assert_cmpstr (local, ==, "127.0.0.1");
  g_assert_cmpuint (port, ==, 20001);
  g_assert_cmpstr (peer, ==, "127.0.0.2:20002");
  g_assert_true (waits);
  g_assert_true (insecure);
  g_assert_cmpuint (interval, ==, 1000);
  g_assert_cmpint (mode, ==, 4);
  g_assert_cmpint (tally, ==, 0);
  g_assert_true (gst_structure_has_name (stats, "pb-srt-stats"));
  g_assert_true (
      gst_structure_has_field_typed (stats, "packets-dropped", G_TYPE_UINT64));
  gst_object_unref (element);
}

static guint
count_errors (GstElement *pipeline, char **text)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR)) != NULL) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    g_free (*text);
    *text = g_strdup (error->message);
    gst_message_unref (message);
    n++;
  }

  return n;
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
    { "uri=" NOBODY " local-address=nowhere", "local-address" },
    { "uri=" NOBODY " passphrase=short", "passphrase" },
    { "uri=" NOBODY " mode=caller", "peer-address" },
    { "uri=" NOBODY " mode=caller peer-address=host:name", "peer-address" },
    { "uri=" NOBODY " token-file=/nonexistent/token", "token file" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *line =
        g_strdup_printf ("appsrc is-live=true caps=\"" TS_CAPS
                         "\" ! pbsrtbin %s",
            rows[i].settings);
    g_autoptr (GError) error = NULL;
    GstElement *pipeline = gst_parse_launch (line, &error);
    g_autofree char *text = NULL;

    g_test_message ("%s", line);
    g_assert_no_error (error);
    g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), ==,
        GST_STATE_CHANGE_FAILURE);
    g_assert_cmpuint (count_errors (pipeline, &text), ==, 1);
    g_test_message ("%s", text);
    g_assert_nonnull (strstr (text, rows[i].says));
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
  }
}

static void
test_nothing_linked_is_one_error (void)
{
  for (guint i = 0; i < 2; i++) {
    GstElement *pipeline = gst_pipeline_new (NULL), *element = make ();
    g_autofree char *text = NULL;

    gst_bin_add (GST_BIN (pipeline), element);
    g_object_set (element, "uri", NOBODY, "token", "p_x.y", NULL);
    if (i == 1)
      gst_object_unref (request (element, "src"));
    g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PAUSED), ==,
        GST_STATE_CHANGE_FAILURE);
    g_assert_cmpuint (count_errors (pipeline, &text), ==, 1);
    g_assert_nonnull (strstr (text, "Nothing is linked"));
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
  }
}

/* --- pads ----------------------------------------------------------------- */

static void
test_one_element_sends_or_receives (void)
{
  GstElement *element = make ();
  GstPad *src = request (element, "src");

  g_assert_nonnull (src);
  g_assert_null (request (element, "src"));
  g_assert_null (request (element, "sink"));
  g_assert_null (request (element, "video_%u"));
  gst_element_release_request_pad (element, src);
  gst_object_unref (src);

  /* and may change its mind */
  src = request (element, "sink");
  g_assert_nonnull (src);
  g_assert_null (request (element, "audio_%u"));
  g_assert_null (request (element, "src"));
  gst_element_release_request_pad (element, src);
  gst_object_unref (src);
  g_assert_cmpint (GST_BIN_NUMCHILDREN (element), ==, 0);
  gst_object_unref (element);
}

static void
test_elementary_pads_come_and_go (void)
{
  GstElement *element = make ();
  GstPad *video = request (element, "video_%u");
  GstPad *audio = request (element, "audio_%u");
  GstPad *again = request (element, "audio_%u");

  g_assert_cmpstr (GST_PAD_NAME (video), ==, "video_0");
  g_assert_cmpstr (GST_PAD_NAME (audio), ==, "audio_0");
  g_assert_cmpstr (GST_PAD_NAME (again), ==, "audio_1");
  g_assert_null (request (element, "sink"));
  gst_element_release_request_pad (element, video);
  gst_element_release_request_pad (element, audio);
  gst_object_unref (video);
  gst_object_unref (audio);
  /* two queues less, one left with the muxer and the sink */
  g_assert_cmpint (GST_BIN_NUMCHILDREN (element), ==, 3);
  gst_element_release_request_pad (element, again);
  gst_object_unref (again);
  g_assert_cmpint (GST_BIN_NUMCHILDREN (element), ==, 0);
  gst_object_unref (element);
}

/* --- states --------------------------------------------------------------- */

static GstElement *
launch (const char *line)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  g_assert_no_error (error);

  return pipeline;
}

#define SENDER(settings)                                                       \
  "appsrc name=in is-live=true format=time caps=\"" TS_CAPS                    \
  "\" ! pbsrtbin name=pb token=p_x.y " settings
#define RECEIVER(settings)                                                     \
  "pbsrtbin name=pb token=p_x.y " settings " ! fakesink name=out sync=false"

static guint
count_dir (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static void
cycle (GstElement *pipeline)
{
  gint64 start;

  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), !=,
      GST_STATE_CHANGE_FAILURE);
  start = g_get_monotonic_time ();
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_NULL), ==,
      GST_STATE_CHANGE_SUCCESS);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 10 * G_TIME_SPAN_SECOND);
}

static void
test_a_thousand_cycles_leak_nothing (void)
{
  GstElement *sender = launch (SENDER ("uri=" NOBODY));
  GstElement *receiver = launch (RECEIVER ("uri=" NOBODY));
  guint n = g_getenv ("PB_CYCLES") != NULL
                ? (guint) g_ascii_strtoull (g_getenv ("PB_CYCLES"), NULL, 10)
                : 1000;
  guint threads, files;

  /* what is made once stays */
  for (guint i = 0; i < 5; i++) {
    cycle (sender);
    cycle (receiver);
  }
  threads = count_dir ("/proc/self/task");
  files = count_dir ("/proc/self/fd");
  for (guint i = 0; i < n / 2; i++) {
    cycle (sender);
    cycle (receiver);
  }
  /* GLib's thread pools come and go by a few */
  g_assert_cmpuint (count_dir ("/proc/self/task"), <, threads + 8);
  g_assert_cmpuint (count_dir ("/proc/self/fd"), <, files + 8);
  gst_object_unref (sender);
  gst_object_unref (receiver);
}

/* A server that takes the connection and says nothing */
static void
test_a_mute_server_holds_nothing_up (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GSocketAddress) any =
      g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;
  const char *lines[] = { SENDER (""), RECEIVER ("") };

  g_socket_listener_add_address (listener, any, G_SOCKET_TYPE_STREAM,
      G_SOCKET_PROTOCOL_TCP, NULL, &address, &error);
  g_assert_no_error (error);
  uri = g_strdup_printf ("pb://127.0.0.1:%u/demo/cam",
      g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));

  for (guint i = 0; i < 2; i++) {
    GstElement *pipeline = launch (lines[i]);
    g_autoptr (GstElement) pb = gst_bin_get_by_name (GST_BIN (pipeline), "pb");

    g_object_set (pb, "uri", uri, NULL);
    cycle (pipeline);
    cycle (pipeline);
    gst_object_unref (pipeline);
  }
}

static guint64
get_stat (GstElement *element, const char *field)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 value = 0;

  g_object_get (element, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, field, &value));

  return value;
}

static void
test_without_a_peer_upstream_runs_and_drops_are_counted (void)
{
  GstHarness *h;
  GstElement *element = make ();
  guint n = 1000;

  g_object_set (element, "uri", NOBODY, "token", "p_x.y", NULL);
  h = gst_harness_new_with_element (element, "sink", NULL);
  gst_harness_set_src_caps_str (h, TS_CAPS);
  gst_harness_play (h);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (gst_harness_push (h, make_ts (7)), ==, GST_FLOW_OK);
  while (get_stat (element, "packets-unconnected") < n)
    g_thread_yield ();
  g_assert_cmpuint (get_stat (element, "packets-dropped"), ==, n);
  g_assert_cmpuint (get_stat (element, "packets-sent"), ==, 0);
  gst_harness_teardown (h);
  /* what it did is still told */
  g_assert_cmpuint (get_stat (element, "packets-dropped"), ==, n);
  gst_object_unref (element);
}

static gpointer
push_one (gpointer data)
{
  GstHarness *h = data;

  return GINT_TO_POINTER (gst_harness_push (h, make_ts (7)));
}

static void
test_waiting_for_a_connection_ends_with_the_state (void)
{
  GstElement *element = make ();
  GstHarness *h;
  GThread *thread;

  g_object_set (element, "uri", NOBODY, "token", "p_x.y", "wait-for-connection",
      TRUE, NULL);
  h = gst_harness_new_with_element (element, "sink", NULL);
  gst_harness_set_src_caps_str (h, TS_CAPS);
  gst_harness_play (h);
  thread = g_thread_new ("push", push_one, h);
  /* Whether it waits already or not, it must come back. */
  gst_element_set_state (element, GST_STATE_NULL);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), !=, GST_FLOW_OK);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_a_receiver_is_live_and_tells_its_latency (void)
{
  GstElement *pipeline = launch (RECEIVER ("latency=321 uri=" NOBODY));
  g_autoptr (GstElement) pb = gst_bin_get_by_name (GST_BIN (pipeline), "pb");
  g_autoptr (GstPad) src = gst_element_get_static_pad (pb, "src");
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean is_live;
  GstClockTime least, most;

  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_NO_PREROLL);
  g_assert_true (gst_pad_query (src, query));
  gst_query_parse_latency (query, &is_live, &least, &most);
  g_assert_true (is_live);
  g_assert_cmpuint (least, ==, 321 * GST_MSECOND);
  g_assert_false (GST_CLOCK_TIME_IS_VALID (most));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static void
test_a_sender_prerolls_without_data (void)
{
  GstElement *pipeline = launch (SENDER ("uri=" NOBODY));
  GstState state;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_assert_cmpint (gst_element_get_state (pipeline, &state, NULL,
                       10 * GST_SECOND),
      !=, GST_STATE_CHANGE_FAILURE);
  g_assert_cmpint (state, ==, GST_STATE_PLAYING);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static void
test_the_end_of_a_stream_nobody_saw_comes_at_once (void)
{
  GstElement *pipeline = launch (SENDER ("uri=" NOBODY));
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (in), make_ts (7));
  gst_app_src_end_of_stream (GST_APP_SRC (in));
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS);
  g_assert_nonnull (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static void
test_media_that_cannot_be_muxed_is_one_error (void)
{
  /* layer and version that the muxer's parsers refuse are no template's: what
   * is left is caps that change their mind after the link */
  GstElement *pipeline = launch ("appsrc name=in is-live=true format=time "
                                 "! pbsrtbin name=pb token=p_x.y uri=" NOBODY);
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstCaps) caps = gst_caps_from_string ("text/x-raw, format=utf8");
  g_autoptr (GstMessage) message = NULL;
  g_autofree char *text = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_app_src_set_caps (GST_APP_SRC (in), caps);
  gst_app_src_push_buffer (GST_APP_SRC (in), make_ts (7));
  message =
      gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpuint (count_errors (pipeline, &text), ==, 0);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

int
main (int argc, char *argv[])
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);

#define TEST(name, func) g_test_add_func ("/pbsrtbin/" name, func)
  TEST ("secrets-cannot-be-read-back", test_secrets_cannot_be_read_back);
  TEST ("settings-are-kept", test_settings_are_kept);
  TEST ("every-bad-setting-is-one-error", test_every_bad_setting_is_one_error);
  TEST ("nothing-linked-is-one-error", test_nothing_linked_is_one_error);
  TEST ("one-element-sends-or-receives", test_one_element_sends_or_receives);
  TEST ("elementary-pads-come-and-go", test_elementary_pads_come_and_go);
  TEST ("a-thousand-cycles-leak-nothing", test_a_thousand_cycles_leak_nothing);
  TEST ("a-mute-server-holds-nothing-up", test_a_mute_server_holds_nothing_up);
  TEST ("without-a-peer-upstream-runs-and-drops-are-counted",
      test_without_a_peer_upstream_runs_and_drops_are_counted);
  TEST ("waiting-for-a-connection-ends-with-the-state",
      test_waiting_for_a_connection_ends_with_the_state);
  TEST ("a-receiver-is-live-and-tells-its-latency",
      test_a_receiver_is_live_and_tells_its_latency);
  TEST ("a-sender-prerolls-without-data", test_a_sender_prerolls_without_data);
  TEST ("the-end-of-a-stream-nobody-saw-comes-at-once",
      test_the_end_of_a_stream_nobody_saw_comes_at_once);
  TEST ("media-that-cannot-be-muxed-is-one-error",
      test_media_that_cannot_be_muxed_is_one_error);
#undef TEST

  return g_test_run ();
}
