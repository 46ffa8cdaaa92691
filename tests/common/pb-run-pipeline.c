/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a pipeline as gst-launch-1.0 does and tells a script what happens: one
 * JSON object per line on standard output.
 *
 *   pb-run-pipeline [--count ELEMENT]… [--stats ELEMENT] [--cycles N] PIPELINE
 *
 * Events: state, first-buffer, count (each 200 ms, while it grows), message
 * (every pb-… element message, with its fields), stats, news (the same
 * element's state and consumers, where they are others), warning, error, eos,
 * stopped. With --cycles it goes to NULL as soon as the first counted element
 * has had a buffer, and another is made, N times in all. SIGTERM and SIGINT
 * stop it in order; exit 0 then, 1 after an error.
 */
#include "config.h"

#include <gst/gst.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "pb-known-criticals.h"

typedef struct {
  char *name;
  guint64 buffers, bytes, discont; /* streaming thread, read atomically enough */
  guint64 reported;
  guint64 pts_backwards;
  GstClockTime last_pts;
  gint64 first_us; /* monotonic; before `first` */
  gint first; /* atomic: 1 = seen, 2 = told */
} Counter;

typedef struct {
  GMainLoop *loop;
  GstElement *pipeline;
  GPtrArray *counters;
  char *stats;
  char *news; /* the last, of the element of `stats` */
  gint64 started;
  gint64 asked; /* when PLAYING was */
  int status;
  gboolean is_cycling;
} App;

static void
put_value (JsonBuilder *b, const GValue *value)
{
  if (G_VALUE_HOLDS_STRING (value))
    json_builder_add_string_value (b, g_value_get_string (value));
  else if (G_VALUE_HOLDS_BOOLEAN (value))
    json_builder_add_boolean_value (b, g_value_get_boolean (value));
  else if (G_VALUE_HOLDS_INT (value))
    json_builder_add_int_value (b, g_value_get_int (value));
  else if (G_VALUE_HOLDS_UINT (value))
    json_builder_add_int_value (b, g_value_get_uint (value));
  else if (G_VALUE_HOLDS_INT64 (value))
    json_builder_add_int_value (b, g_value_get_int64 (value));
  else if (G_VALUE_HOLDS_UINT64 (value))
    json_builder_add_int_value (b, (gint64) g_value_get_uint64 (value));
  else if (G_VALUE_HOLDS_DOUBLE (value))
    json_builder_add_double_value (b, g_value_get_double (value));
  else {
    g_autofree char *text = gst_value_serialize (value);

    json_builder_add_string_value (b, text != NULL ? text : "?");
  }
}

static gboolean
put_field (GQuark field, const GValue *value, gpointer user_data)
{
  JsonBuilder *b = user_data;

  json_builder_set_member_name (b, g_quark_to_string (field));
  put_value (b, value);

  return TRUE;
}

static JsonBuilder *
begin (App *app, const char *event)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "ms");
  json_builder_add_int_value (b, (g_get_monotonic_time () - app->started) / 1000);
  json_builder_set_member_name (b, "event");
  json_builder_add_string_value (b, event);

  return b;
}

static void
put_string (JsonBuilder *b, const char *name, const char *value)
{
  json_builder_set_member_name (b, name);
  json_builder_add_string_value (b, value);
}

static void
put_int (JsonBuilder *b, const char *name, gint64 value)
{
  json_builder_set_member_name (b, name);
  json_builder_add_int_value (b, value);
}

static void
finish (JsonBuilder *b)
{
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_end_object (b);
  root = json_builder_get_root (b);
  text = json_to_string (root, FALSE);
  g_print ("%s\n", text);
  g_object_unref (b);
}

static void
put_structure (App *app, const char *event, const GstStructure *s,
    const char *element)
{
  JsonBuilder *b = begin (app, event);

  put_string (b, "name", gst_structure_get_name (s));
  put_string (b, "element", element);
  json_builder_set_member_name (b, "fields");
  json_builder_begin_object (b);
  gst_structure_foreach (s, put_field, b);
  json_builder_end_object (b);
  finish (b);
}

static void
add_buffer (Counter *counter, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_DTS_OR_PTS (buffer);

  counter->buffers++;
  counter->bytes += gst_buffer_get_size (buffer);
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT))
    counter->discont++;
  if (GST_CLOCK_TIME_IS_VALID (pts)) {
    if (GST_CLOCK_TIME_IS_VALID (counter->last_pts) && pts < counter->last_pts)
      counter->pts_backwards++;
    counter->last_pts = pts;
  }
  if (counter->buffers == 1)
    counter->first_us = g_get_monotonic_time ();
  g_atomic_int_compare_and_exchange (&counter->first, 0, 1);
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Counter *counter = user_data;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);

    for (guint i = 0; i < gst_buffer_list_length (list); i++)
      add_buffer (counter, gst_buffer_list_get (list, i));
  } else {
    add_buffer (counter, GST_PAD_PROBE_INFO_BUFFER (info));
  }

  return GST_PAD_PROBE_OK;
}

static gboolean
count_at (Counter *counter, GstElement *element)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "sink");

  if (pad == NULL)
    return FALSE;
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_data,
      counter, NULL);

  return TRUE;
}

/* A player's sinks are in its pipeline only when it has something for them. */
static void
on_element (GstBin *pipeline, GstBin *bin, GstElement *element,
    gpointer user_data)
{
  App *app = user_data;

  for (guint i = 0; i < app->counters->len; i++)
    if (g_str_equal (((Counter *) app->counters->pdata[i])->name,
            GST_ELEMENT_NAME (element)))
      count_at (app->counters->pdata[i], element);
}

static void
tell_news (App *app, GstElement *element)
{
  GObjectClass *klass = G_OBJECT_GET_CLASS (element);
  GParamSpec *pspec = g_object_class_find_property (klass, "state");
  g_autofree char *text = NULL;
  guint consumers = 0;
  int state = 0;
  GEnumValue *value;
  JsonBuilder *b;

  if (pspec == NULL || !G_IS_PARAM_SPEC_ENUM (pspec))
    return;
  g_object_get (element, "state", &state, NULL);
  if (g_object_class_find_property (klass, "consumers") != NULL)
    g_object_get (element, "consumers", &consumers, NULL);
  value = g_enum_get_value (G_PARAM_SPEC_ENUM (pspec)->enum_class, state);
  text = g_strdup_printf ("%s %u", value->value_nick, consumers);
  if (g_strcmp0 (text, app->news) == 0)
    return;

  g_free (app->news);
  app->news = g_steal_pointer (&text);
  b = begin (app, "news");
  put_string (b, "state", value->value_nick);
  put_int (b, "consumers", consumers);
  finish (b);
}

static gboolean
on_tick (gpointer user_data)
{
  App *app = user_data;

  for (guint i = 0; i < app->counters->len; i++) {
    Counter *counter = app->counters->pdata[i];
    JsonBuilder *b;

    if (g_atomic_int_compare_and_exchange (&counter->first, 1, 2)) {
      b = begin (app, "first-buffer");
      put_string (b, "element", counter->name);
      put_int (b, "after_ms", (counter->first_us - app->asked) / 1000);
      finish (b);
      if (app->is_cycling)
        g_main_loop_quit (app->loop);
    }
    if (counter->buffers == counter->reported)
      continue;
    counter->reported = counter->buffers;
    b = begin (app, "count");
    put_string (b, "element", counter->name);
    put_int (b, "buffers", (gint64) counter->buffers);
    put_int (b, "bytes", (gint64) counter->bytes);
    put_int (b, "discont", (gint64) counter->discont);
    put_int (b, "backwards", (gint64) counter->pts_backwards);
    finish (b);
  }
  if (app->stats != NULL && app->pipeline != NULL) {
    g_autoptr (GstElement) element =
        gst_bin_get_by_name (GST_BIN (app->pipeline), app->stats);
    g_autoptr (GstStructure) stats = NULL;

    if (element != NULL) {
      g_object_get (element, "stats", &stats, NULL);
      if (stats != NULL)
        put_structure (app, "stats", stats, app->stats);
      tell_news (app, element);
    }
  }

  return G_SOURCE_CONTINUE;
}

static gboolean
on_bus (GstBus *bus, GstMessage *message, gpointer user_data)
{
  App *app = user_data;
  const char *source = GST_MESSAGE_SRC_NAME (message);
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;
  JsonBuilder *b;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      if (g_str_has_prefix (
              gst_structure_get_name (gst_message_get_structure (message)),
              "pb-"))
        put_structure (app, "message", gst_message_get_structure (message),
            source);
      break;
    case GST_MESSAGE_ERROR:
    case GST_MESSAGE_WARNING: {
      gboolean is_error = GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR;

      if (is_error)
        gst_message_parse_error (message, &error, &debug);
      else
        gst_message_parse_warning (message, &error, &debug);
      b = begin (app, is_error ? "error" : "warning");
      put_string (b, "element", source);
      put_string (b, "text", error->message);
      put_string (b, "debug", debug != NULL ? debug : "");
      finish (b);
      if (is_error) {
        app->status = 1;
        g_main_loop_quit (app->loop);
      }
      break;
    }
    case GST_MESSAGE_STATE_CHANGED:
      if (GST_MESSAGE_SRC (message) == GST_OBJECT (app->pipeline)) {
        GstState new;

        gst_message_parse_state_changed (message, NULL, &new, NULL);
        b = begin (app, "state");
        put_string (b, "state", gst_element_state_get_name (new));
        finish (b);
      }
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (app->pipeline));
      break;
    case GST_MESSAGE_EOS:
      b = begin (app, "eos");
      finish (b);
      g_main_loop_quit (app->loop);
      break;
    default:
      break;
  }

  return G_SOURCE_CONTINUE;
}

static gboolean
on_signal (gpointer user_data)
{
  App *app = user_data;

  g_main_loop_quit (app->loop);

  return G_SOURCE_CONTINUE;
}

static void
counter_free (gpointer data)
{
  Counter *counter = data;

  g_free (counter->name);
  g_free (counter);
}

static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

/* Connections end in the background: until no thread has ended for a second. */
static void
wait_for_threads (void)
{
  guint n = count_threads ();

  for (guint quiet = 0, i = 0; quiet < 20 && i < 200; i++) {
    guint now = count_threads ();

    quiet = now == n ? quiet + 1 : 0;
    n = now;
    g_usleep (50000);
  }
}

static gboolean
make_pipeline (App *app, const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstBus) bus = NULL;

  app->pipeline = gst_parse_launch (line, &error);
  if (app->pipeline == NULL || error != NULL) {
    g_printerr ("%s\n", error->message);
    return FALSE;
  }
  /* an element alone, as gst-launch-1.0 takes it too */
  if (!GST_IS_PIPELINE (app->pipeline)) {
    GstElement *pipeline = gst_pipeline_new (NULL);

    gst_bin_add (GST_BIN (pipeline), app->pipeline);
    app->pipeline = pipeline;
  }
  for (guint i = 0; i < app->counters->len; i++) {
    Counter *counter = app->counters->pdata[i];
    g_autoptr (GstElement) element =
        gst_bin_get_by_name (GST_BIN (app->pipeline), counter->name);

    counter->last_pts = GST_CLOCK_TIME_NONE;
    counter->buffers = counter->reported = counter->discont = 0;
    g_atomic_int_set (&counter->first, 0);
    if (element != NULL && !count_at (counter, element)) {
      g_printerr ("%s has no sink pad\n", counter->name);
      return FALSE;
    }
  }
  g_signal_connect (app->pipeline, "deep-element-added",
      G_CALLBACK (on_element), app);
  bus = gst_pipeline_get_bus (GST_PIPELINE (app->pipeline));
  gst_bus_add_watch (bus, on_bus, app);

  return TRUE;
}

static void
run_once (App *app)
{
  g_autoptr (GstBus) bus = gst_pipeline_get_bus (GST_PIPELINE (app->pipeline));
  gint64 before;
  JsonBuilder *b;

  app->asked = g_get_monotonic_time ();
  if (gst_element_set_state (app->pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE)
    app->status = 1; /* the error is on the bus: read it, then stop */
  g_main_loop_run (app->loop);
  on_tick (app);
  before = g_get_monotonic_time ();
  pb_allow_ending_criticals ();
  gst_element_set_state (app->pipeline, GST_STATE_NULL);
  b = begin (app, "stopped");
  put_int (b, "took_ms", (g_get_monotonic_time () - before) / 1000);
  finish (b);
  gst_bus_remove_watch (bus);
  g_clear_pointer (&app->pipeline, gst_object_unref);
}

int
main (int argc, char **argv)
{
  App app = { NULL };
  g_auto (GStrv) counts = NULL;
  g_autofree char *stats = NULL;
  int cycles = 1;
  const char *cafile = g_getenv ("PB_TEST_CA");
  GOptionEntry entries[] = {
    { "cycles", 0, 0, G_OPTION_ARG_INT, &cycles,
        "Made, run and ended so many times", "N" },
    { "count", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &counts,
        "Count what reaches this element's sink pad", "ELEMENT" },
    { "stats", 's', 0, G_OPTION_ARG_STRING, &stats,
        "Print this element's stats property", "ELEMENT" },
    { NULL },
  };
  g_autoptr (GOptionContext) options = g_option_context_new ("PIPELINE");
  g_autoptr (GError) error = NULL;

  gst_init (NULL, NULL);
  pb_allow_known_criticals ();
  setvbuf (stdout, NULL, _IOLBF, 0);
  g_option_context_add_main_entries (options, entries, NULL);
  if (!g_option_context_parse (options, &argc, &argv, &error) || argc != 2) {
    g_printerr ("%s\n", error != NULL ? error->message : "one PIPELINE needed");
    return 2;
  }
  if (cafile != NULL && *cafile != '\0') {
    g_autoptr (GTlsDatabase) trusted = g_tls_file_database_new (cafile, &error);

    g_assert_no_error (error);
    g_tls_backend_set_default_database (g_tls_backend_get_default (), trusted);
  }
  app.started = g_get_monotonic_time ();
  app.stats = stats;
  app.loop = g_main_loop_new (NULL, FALSE);
  app.counters = g_ptr_array_new_with_free_func (counter_free);
  for (guint i = 0; counts != NULL && counts[i] != NULL; i++) {
    Counter *counter = g_new0 (Counter, 1);

    counter->name = g_strdup (counts[i]);
    g_ptr_array_add (app.counters, counter);
  }
  g_unix_signal_add (SIGTERM, on_signal, &app);
  g_unix_signal_add (SIGINT, on_signal, &app);
  g_timeout_add (200, on_tick, &app);
  app.is_cycling = cycles > 1;
  do {
    if (!make_pipeline (&app, argv[1]))
      return 2;
    run_once (&app);
  } while (--cycles > 0 && app.status == 0);
  g_clear_pointer (&app.counters, g_ptr_array_unref);
  g_main_loop_unref (app.loop);
  /* where the leaks tracer speaks */
  if (app.is_cycling) {
    wait_for_threads ();
    gst_deinit ();
  }

  return app.status;
}
