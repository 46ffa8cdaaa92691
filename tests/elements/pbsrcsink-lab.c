/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pbsrcsink-lab.h"

#include "webrtc/gstpbsrcsink.h"

GstElement *
lab_launch (const char *line)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline;

  fake_end_reset ();
  pipeline = gst_parse_launch (line, &error);
  g_assert_no_error (error);

  return pipeline;
}

void
lab_play (GstElement *pipeline)
{
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), !=,
      GST_STATE_CHANGE_FAILURE);
}

void
lab_end (GstElement *pipeline)
{
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_NULL), ==,
      GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (pipeline);
}

GstElement *
lab_get (GstElement *pipeline, const char *name)
{
  return gst_bin_get_by_name (GST_BIN (pipeline), name);
}

GstMessage *
lab_wait_message (GstElement *pipeline, GstMessageType types)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message =
      gst_bus_timed_pop_filtered (bus, WATCHDOG * 1000, types);

  g_assert_nonnull (message);

  return message;
}

guint
lab_count_messages (GstElement *pipeline, GstMessageType type, char **text)
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

gboolean
lab_has_child (GstElement *bin, const char *factory)
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

char *
lab_dup_track (guint i)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fake_end.lock);

  return gst_caps_to_string (fake_end.tracks->pdata[i]);
}

GstPluginFeature *
lab_hide (const char *name)
{
  GstRegistry *registry = gst_registry_get ();
  GstPluginFeature *feature = gst_registry_lookup_feature (registry, name);

  if (feature != NULL)
    gst_registry_remove_feature (registry, feature);

  return feature;
}

void
lab_show (GstPluginFeature *feature)
{
  if (feature != NULL)
    gst_registry_add_feature (gst_registry_get (), feature);
}

gsize
lab_weigh (guint n)
{
  gsize bytes = 0;

  g_mutex_lock (&fake_end.lock);
  g_ptr_array_set_size (fake_end.pushed, 0);
  g_mutex_unlock (&fake_end.lock);
  lab_wait_for (fake_end.pushed->len >= n);
  g_mutex_lock (&fake_end.lock);
  for (guint i = 0; i < n; i++)
    bytes += gst_buffer_get_size (fake_end.pushed->pdata[i]);
  g_mutex_unlock (&fake_end.lock);

  return bytes;
}

int
lab_run (int argc, char *argv[], const LabTest *tests, gsize n_tests)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  /* not the plugin's: that has the real end beneath it */
  lab_hide ("pbsrcsink");
  GST_ELEMENT_REGISTER (pbsrcsink, NULL);
  for (gsize i = 0; i < n_tests; i++) {
    g_autofree char *path = g_strconcat ("/pbsrcsink/", tests[i].name, NULL);

    g_test_add_func (path, tests[i].func);
  }

  return g_test_run ();
}
