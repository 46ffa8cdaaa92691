/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The element against a server that the test plays. */

#include "config.h"

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "fake-server.h"

#define TOKEN "p_canarycanarycanary.canarycanarycanary"
/* far more than anything here takes; the watchdog is CK_DEFAULT_TIMEOUT */
#define LONG (20 * GST_SECOND)

static GstElement *make (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* (transfer full): a pbsignal with that address and the token */
static GstElement *
make (const char *format, ...)
{
  GstElement *element = gst_element_factory_make ("pbsignal", NULL);
  g_autofree char *uri = NULL;
  va_list args;

  fail_unless (element != NULL);
  va_start (args, format);
  uri = g_strdup_vprintf (format, args);
  va_end (args);
  g_object_set (element, "uri", uri, "token", TOKEN, NULL);

  return element;
}

/* A pipeline of its own, so that there is a bus. */
static GstElement *
put (GstElement *element)
{
  GstElement *pipeline = gst_pipeline_new (NULL);

  gst_bin_add (GST_BIN (pipeline), element);

  return pipeline;
}

static void
finish (GstElement *pipeline)
{
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  gst_check_object_destroyed_on_unref (pipeline);
}

/* (transfer full): the next element message of that name; everything before it
 * is thrown away, and an error on the way fails the test */
static GstMessage *
await (GstElement *pipeline, const char *name)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  for (;;) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus, LONG,
        GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);

    fail_unless (message != NULL, "no %s came", name);
    fail_if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR);
    if (gst_structure_has_name (gst_message_get_structure (message), name))
      return message;
    gst_message_unref (message);
  }
}

static void
await_field (GstElement *pipeline, const char *name, const char *field,
    const char *value)
{
  for (;;) {
    g_autoptr (GstMessage) message = await (pipeline, name);

    if (g_strcmp0 (gst_structure_get_string (gst_message_get_structure (
                                                 message),
                       field),
            value) == 0)
      return;
  }
}

static char *
await_error (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message =
      gst_bus_timed_pop_filtered (bus, LONG, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;

  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, &debug);
  fail_unless (error->domain == GST_RESOURCE_ERROR);
  fail_unless (strstr (error->message, "canary") == NULL);
  fail_unless (strstr (debug, "canary") == NULL);

  return g_strdup (error->message);
}

static void
assert_no_more (GstElement *pipeline, GstMessageType types)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, types);

  fail_unless (message == NULL);
}

static void
assert_fails_with (GstElement *element, const char *word)
{
  GstElement *pipeline = put (element);
  g_autofree char *text = NULL;

  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PLAYING),
      GST_STATE_CHANGE_FAILURE);
  text = await_error (pipeline);
  fail_unless (strstr (text, word) != NULL, "“%s” has no “%s”", text, word);
  assert_no_more (pipeline, GST_MESSAGE_ERROR);
  finish (pipeline);
}

GST_START_TEST (test_properties_keep_secrets)
{
  GstElement *element = make ("pb://127.0.0.1:8081/demo/cam?t=%s", TOKEN);
  GParamSpec *pspec =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element), "token");
  g_autofree char *uri = NULL;
  g_autofree char *agent = NULL;
  g_autoptr (GstStructure) stats = NULL;
  gboolean insecure;

  g_object_get (element, "uri", &uri, "insecure", &insecure, "user-agent",
      &agent, "stats", &stats, NULL);
  fail_unless_equals_string (uri, "pb://127.0.0.1:8081/demo/cam");
  fail_if (insecure);
  fail_unless (g_str_has_prefix (agent, "pbsignal/"));
  fail_if (pspec->flags & G_PARAM_READABLE);
  fail_unless_equals_string (gst_structure_get_string (stats, "signalling"),
      "closed");
  fail_unless_equals_string (gst_structure_get_string (stats, "fault"), "none");
  gst_check_object_destroyed_on_unref (element);
}
GST_END_TEST;

GST_START_TEST (test_bad_settings_are_one_error)
{
  GstElement *element;

  element = gst_element_factory_make ("pbsignal", NULL);
  assert_fails_with (element, "uri=");
  assert_fails_with (make ("http://127.0.0.1/demo"), "address");
  assert_fails_with (make ("pb://127.0.0.1/demo/a/b/c?t=canary"), "address");
  assert_fails_with (make ("pb://192.0.2.1:8080/demo"), "unencrypted");

  element = make ("pb://127.0.0.1:8080/demo");
  g_object_set (element, "token", NULL, NULL);
  assert_fails_with (element, "token");

  element = make ("pb://127.0.0.1:8080/demo");
  g_object_set (element, "token", NULL, "token-file", "/nonexistent/token",
      NULL);
  assert_fails_with (element, "/nonexistent/token");
}
GST_END_TEST;

GST_START_TEST (test_token_comes_from_a_file)
{
  FakeServer *server = fake_server_new ();
  GstElement *element =
      make ("pb://127.0.0.1:%u/demo", fake_server_get_port (server));
  GstElement *pipeline = put (element);
  g_autofree char *name = NULL;
  int fd = g_file_open_tmp ("pbsignal-XXXXXX", &name, NULL);

  fail_unless (write (fd, TOKEN "\nmore\n", strlen (TOKEN "\nmore\n")) > 0);
  close (fd);
  g_object_set (element, "token", NULL, "token-file", name, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  await_field (pipeline, "pb-session", "signalling", "connected");
  finish (pipeline);
  g_unlink (name);
  fake_server_free (server);
}
GST_END_TEST;

GST_START_TEST (test_tells_what_the_server_says)
{
  FakeServer *server = fake_server_new ();
  GstElement *element =
      make ("pb://127.0.0.1:%u/demo", fake_server_get_port (server));
  GstElement *pipeline = put (element);
  GstMessage *message;
  const GstStructure *fields;
  g_autofree char *asked = NULL;
  gboolean result;
  double rtt;
  gint tally;

  g_signal_emit_by_name (element, "set-tally", "cam-wide", "program", &result);
  fail_if (result);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PLAYING),
      GST_STATE_CHANGE_SUCCESS);
  await_field (pipeline, "pb-session", "state", "WAITING");

  fake_server_say (server,
      "{\"type\":\"session\",\"session\":\"demo\",\"state\":\"READY\","
      "\"latency\":200,\"ttl\":1800,\"cipher\":\"aes-256\","
      "\"created\":\"2026-11-22T19:00:00Z\",\"expires\":4000000000,"
      "\"streams\":[{\"stream\":\"cam-wide\",\"state\":\"READY\","
      "\"tally\":\"preview\",\"port\":20000,\"sender\":{\"peer\":"
      "\"aaaaaaaa\",\"client\":\"pbsrtbin\",\"srt\":\"connecting\"},"
      "\"receivers\":[{\"peer\":\"bbbbbbbb\",\"client\":\"obs\","
      "\"srt\":\"connecting\"}]}]}");
  message = await (pipeline, "pb-session");
  fields = gst_message_get_structure (message);
  fail_unless_equals_string (gst_structure_get_string (fields, "state"),
      "READY");
  fail_unless (gst_value_array_get_size (
                   gst_structure_get_value (fields, "streams")) == 1);
  gst_message_unref (message);
  message = await (pipeline, "pb-tally");
  fields = gst_message_get_structure (message);
  fail_unless_equals_string (gst_structure_get_string (fields, "stream"),
      "cam-wide");
  fail_unless_equals_string (gst_structure_get_string (fields, "state"),
      "preview");
  gst_message_unref (message);
  await_field (pipeline, "pb-peer", "peer", "aaaaaaaa");
  await_field (pipeline, "pb-peer", "peer", "bbbbbbbb");

  fake_server_say (server,
      "{\"type\":\"tally\",\"stream\":\"cam-wide\",\"state\":\"program\"}");
  await_field (pipeline, "pb-tally", "state", "program");
  g_object_get (element, "tally", &tally, NULL);
  fail_unless_equals_int (tally, 2);

  fake_server_say (server, "{\"type\":\"cue\",\"stream\":\"cam-wide\","
                           "\"text\":\"stand by, cam 2\"}");
  message = await (pipeline, "pb-cue");
  fields = gst_message_get_structure (message);
  fail_unless_equals_string (gst_structure_get_string (fields, "stream"),
      "cam-wide");
  fail_unless_equals_string (gst_structure_get_string (fields, "text"),
      "stand by, cam 2");
  gst_message_unref (message);
  fake_server_say (server,
      "{\"type\":\"status\",\"peer\":\"bbbbbbbb\",\"stream\":\"cam-wide\","
      "\"direction\":\"receive\",\"srt\":\"connecting\","
      "\"transport\":\"webrtc\"}");
  await_field (pipeline, "pb-peer", "transport", "webrtc");

  fake_server_say (server,
      "{\"type\":\"health\",\"peer\":\"bbbbbbbb\",\"stream\":\"cam-wide\","
      "\"direction\":\"receive\",\"health\":\"warning\",\"cause\":\"loss\","
      "\"stale\":false,\"age\":20,\"rtt\":12.5,\"packets_lost\":3,"
      "\"connected\":true}");
  message = await (pipeline, "pb-health");
  fields = gst_message_get_structure (message);
  fail_unless_equals_string (gst_structure_get_string (fields, "cause"),
      "loss");
  fail_unless (gst_structure_get_double (fields, "rtt", &rtt) && rtt == 12.5);
  fail_unless (
      gst_structure_has_field_typed (fields, "packets-lost", G_TYPE_INT64));
  gst_message_unref (message);

  fake_server_say (server,
      "{\"type\":\"status\",\"peer\":\"bbbbbbbb\",\"stream\":\"cam-wide\","
      "\"direction\":\"receive\",\"srt\":\"error\","
      "\"code\":\"wrong-passphrase\"}");
  await_field (pipeline, "pb-peer", "srt", "error");
  await_field (pipeline, "pb-fault", "code", "wrong-passphrase");

  g_signal_emit_by_name (element, "set-tally", "cam-wide", "off", &result);
  fail_unless (result);
  g_signal_emit_by_name (element, "set-tally", "cam-wide", "purple", &result);
  fail_if (result);
  g_signal_emit_by_name (element, "set-tally", "no/name", "off", &result);
  fail_if (result);
  fake_server_wait_messages (server, "tally", 1);
  asked = fake_server_dup_message (server, "tally");
  fail_unless (strstr (asked, "\"off\"") != NULL);

  finish (pipeline);
  /* and it has said goodbye */
  fake_server_wait_messages (server, "leave", 1);
  fake_server_free (server);
}
GST_END_TEST;

GST_START_TEST (test_media_pass_untouched)
{
  FakeServer *server = fake_server_new ();
  GstElement *element =
      make ("pb://127.0.0.1:%u/demo", fake_server_get_port (server));
  GstHarness *harness = gst_harness_new_with_element (element, "sink", "src");
  GstBuffer *sent = gst_buffer_new_allocate (NULL, 1316, NULL);
  GstBuffer *received;

  gst_harness_set_src_caps_str (harness, "video/mpegts");
  received = gst_harness_push_and_pull (harness, sent);
  fail_unless (received == sent);
  gst_buffer_unref (received);
  gst_harness_teardown (harness);
  gst_check_object_destroyed_on_unref (element);
  fake_server_free (server);
}
GST_END_TEST;

GST_START_TEST (test_unreachable_server_is_one_warning)
{
  GstElement *element =
      make ("pb://127.0.0.1:%u/demo", fake_server_find_closed_port ());
  GstElement *pipeline = put (element);
  guint n_warnings = 0;
  guint n_faults = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (n_faults < 3) {
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, LONG,
        GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
    const GstStructure *fields = gst_message_get_structure (message);
    guint attempt;
    guint ms;

    fail_unless (message != NULL);
    fail_if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR);
    n_warnings += GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
    if (!gst_structure_has_name (fields, "pb-fault"))
      continue;
    n_faults++;
    fail_unless (gst_structure_get_uint (fields, "attempt", &attempt) &&
                 attempt == n_faults);
    fail_unless (gst_structure_get_uint (fields, "retry-in-ms", &ms) && ms > 0);
    fail_unless_equals_string (gst_structure_get_string (fields, "code"),
        "server-unreachable");
  }
  fail_unless_equals_int (n_warnings, 1);
  finish (pipeline);
}
GST_END_TEST;

GST_START_TEST (test_expired_token_is_one_error)
{
  FakeServer *server = fake_server_new ();
  GstElement *element =
      make ("pb://127.0.0.1:%u/demo", fake_server_get_port (server));
  GstElement *pipeline = put (element);
  g_autofree char *text = NULL;

  fake_server_refuse (server, 401, "TOKEN_EXPIRED");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  text = await_error (pipeline);
  fail_unless (strstr (text, "expired") != NULL);
  assert_no_more (pipeline, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  gst_element_set_state (pipeline, GST_STATE_NULL);

  /* a fresh one helps, from the next time on */
  fake_server_refuse (server, 0, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  await_field (pipeline, "pb-session", "state", "WAITING");
  finish (pipeline);
  fake_server_free (server);
}
GST_END_TEST;

GST_START_TEST (test_comes_back_when_the_server_does)
{
  FakeServer *server = fake_server_new ();
  GstElement *element =
      make ("pb://127.0.0.1:%u/demo", fake_server_get_port (server));
  GstElement *pipeline = put (element);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  await_field (pipeline, "pb-session", "state", "WAITING");
  fake_server_hang_up (server, 1001);
  await_field (pipeline, "pb-fault", "code", "server-unreachable");
  fake_server_wait_messages (server, "register", 2);
  fail_unless_equals_int (fake_server_count_connections (server), 2);
  finish (pipeline);
  fake_server_free (server);
}
GST_END_TEST;

GST_START_TEST (test_stops_while_connecting)
{
  guint port;
  int fd = fake_server_open_mute (&port);
  GstElement *pipeline = put (make ("pb://127.0.0.1:%u/demo", port));

  for (guint i = 0; i < 20; i++) {
    gint64 begin;
    gint64 ms;

    fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PLAYING),
        GST_STATE_CHANGE_SUCCESS);
    await_field (pipeline, "pb-session", "signalling", "connecting");
    begin = g_get_monotonic_time ();
    fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
        GST_STATE_CHANGE_SUCCESS);
    ms = (g_get_monotonic_time () - begin) / 1000;
    if (ms > 1000)
      GST_WARNING ("NULL took %" G_GINT64_FORMAT " ms", ms);
  }
  finish (pipeline);
  close (fd);
}
GST_END_TEST;

static guint
count_entries (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static void
cycle (GstElement *pipeline, guint n)
{
  for (guint i = 0; i < n; i++) {
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    /* sooner or later in the handshake, or after it */
    if (i % 3 == 0)
      await_field (pipeline, "pb-session", "state", "WAITING");
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
}

GST_START_TEST (test_many_cycles_leave_nothing)
{
  FakeServer *server = fake_server_new ();
  GstElement *pipeline =
      put (make ("pb://127.0.0.1:%u/demo", fake_server_get_port (server)));
  guint n_fds;
  guint n_threads;

  cycle (pipeline, 10);
  n_fds = count_entries ("/proc/self/fd");
  n_threads = count_entries ("/proc/self/task");
  cycle (pipeline, 200);
  /* some slack for connections that the server has not let go of yet, and for
   * the resolver's threads */
  fail_unless (count_entries ("/proc/self/fd") <= n_fds + 10);
  fail_unless (count_entries ("/proc/self/task") <= n_threads + 10);
  finish (pipeline);
  fake_server_free (server);
}
GST_END_TEST;

GST_START_TEST (test_two_share_one_connection)
{
  FakeServer *server = fake_server_new ();
  GstElement *one =
      make ("pb://127.0.0.1:%u/demo", fake_server_get_port (server));
  GstElement *two =
      make ("pb://127.0.0.1:%u/demo/cam-wide", fake_server_get_port (server));
  GstElement *other =
      make ("pb://127.0.0.1:%u/other", fake_server_get_port (server));
  GstElement *pipeline = put (one);

  /* without a token of its own it takes what there is */
  g_object_set (two, "token", NULL, NULL);
  gst_bin_add (GST_BIN (pipeline), two);
  /* started last: bins start in an order of their own */
  gst_element_set_locked_state (two, TRUE);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PLAYING),
      GST_STATE_CHANGE_SUCCESS);
  gst_element_set_locked_state (two, FALSE);
  fail_unless (gst_element_sync_state_with_parent (two));
  fake_server_wait_messages (server, "register", 2);
  fail_unless_equals_int (fake_server_count_connections (server), 1);

  /* another session does not */
  gst_bin_add (GST_BIN (pipeline), other);
  fail_unless (gst_element_sync_state_with_parent (other));
  fake_server_wait_messages (server, "register", 3);
  fail_unless_equals_int (fake_server_count_connections (server), 2);

  finish (pipeline);
  fail_unless_equals_int (fake_server_count_messages (server, "leave"), 3);
  fake_server_free (server);
}
GST_END_TEST;

static void
search_log (GstDebugCategory *category, GstDebugLevel level, const char *file,
    const char *function, gint line, GObject *object, GstDebugMessage *message,
    gpointer found)
{
  const char *text = gst_debug_message_get (message);

  if (text != NULL && strstr (text, "canarycanary") != NULL)
    g_atomic_int_inc ((gint *) found);
}

GST_START_TEST (test_no_log_holds_the_token)
{
  FakeServer *server = fake_server_new ();
  GstElement *pipeline = put (make ("pb://127.0.0.1:%u/demo?t=%s",
      fake_server_get_port (server), TOKEN));
  gint found = 0;

  gst_debug_remove_log_function (gst_debug_log_default);
  gst_debug_add_log_function (search_log, &found, NULL);
  gst_debug_set_default_threshold (GST_LEVEL_MEMDUMP);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  await_field (pipeline, "pb-session", "state", "WAITING");
  finish (pipeline);
  gst_debug_set_default_threshold (GST_LEVEL_NONE);
  gst_debug_remove_log_function (search_log);
  fail_unless_equals_int (found, 0);
  fake_server_free (server);
}
GST_END_TEST;

static Suite *
pbsignal_suite (void)
{
  Suite *suite = suite_create ("pbsignal");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_properties_keep_secrets);
  tcase_add_test (tcase, test_bad_settings_are_one_error);
  tcase_add_test (tcase, test_token_comes_from_a_file);
  tcase_add_test (tcase, test_tells_what_the_server_says);
  tcase_add_test (tcase, test_media_pass_untouched);
  tcase_add_test (tcase, test_unreachable_server_is_one_warning);
  tcase_add_test (tcase, test_expired_token_is_one_error);
  tcase_add_test (tcase, test_comes_back_when_the_server_does);
  tcase_add_test (tcase, test_stops_while_connecting);
  tcase_add_test (tcase, test_many_cycles_leave_nothing);
  tcase_add_test (tcase, test_two_share_one_connection);
  tcase_add_test (tcase, test_no_log_holds_the_token);

  return suite;
}

GST_CHECK_MAIN (pbsignal)
