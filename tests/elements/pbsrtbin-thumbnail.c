/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>

#include <gst/gst.h>
#include <json-glib/json-glib.h>

#include "../common/pb-known-criticals.h"
#include "fake-server.h"
#include "jpeg-check.h"

/* pbsrtbin gives a still picture of what it receives: two of them that speak to
 * a server which says what the test wants, and meet on a plain SRT path. */

#define WATCHDOG_S 150
#define PASSPHRASE "passphrase=not-the-slots-own"

typedef struct
{
  FakeServer *server;
  guint port;
  GstElement *sender, *receiver;
  GstPad *pad;
  char *us; /* the receiver's peer id */
} Fixture;

static gpointer
watch (gpointer data)
{
  g_usleep (WATCHDOG_S * G_USEC_PER_SEC);
  g_error ("the test hangs");

  return NULL;
}

static GstElement *
launch (const char *line)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  g_assert_no_error (error);

  return pipeline;
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  g_autofree char *line = NULL;

  pb_allow_known_criticals ();
  f->server = fake_server_new ();
  f->port = fake_server_find_closed_port ();
  line = g_strdup_printf (
      "videotestsrc pattern=red is-live=true ! "
      "video/x-raw,width=640,height=360,framerate=25/1 ! "
      "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=12 ! "
      "pbsrtbin mode=caller peer-address=127.0.0.1:%u latency=20 " PASSPHRASE
      " token=p_x.y uri=pb://127.0.0.1:%u/demo/cam",
      f->port, fake_server_get_port (f->server));
  f->sender = launch (line);
  gst_element_set_state (f->sender, GST_STATE_PLAYING);
}

static void
stop (GstElement **pipeline)
{
  if (*pipeline == NULL)
    return;
  pb_allow_ending_criticals ();
  g_assert_cmpint (gst_element_set_state (*pipeline, GST_STATE_NULL), ==,
      GST_STATE_CHANGE_SUCCESS);
  gst_clear_object (pipeline);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  stop (&f->sender);
  gst_clear_object (&f->pad);
  stop (&f->receiver);
  fake_server_free (f->server);
  g_free (f->us);
}

static void
start_receiver (Fixture *f, const char *settings)
{
  g_autofree char *line = NULL;
  g_autoptr (GstElement) pb = NULL, src = NULL;

  line = g_strdup_printf ("pbsrtbin name=pb mode=listener local-port=%u "
                          "latency=20 " PASSPHRASE
                          " token=p_x.y uri=pb://127.0.0.1:%u/demo/cam %s ! "
                          "fakesink sync=false async=false",
      f->port, fake_server_get_port (f->server), settings);
  f->receiver = launch (line);
  pb = gst_bin_get_by_name (GST_BIN (f->receiver), "pb");
  src = gst_bin_get_by_name (GST_BIN (pb), "src");
  f->pad = gst_element_get_static_pad (src, "src");
  gst_element_set_state (f->receiver, GST_STATE_PLAYING);
}

/* The n-th registration of a receiver, and whether it offers pictures */
static gboolean
wait_registered (Fixture *f, guint n)
{
  g_autofree char *text = fake_server_wait_matches (f->server,
      "*\"register\"*\"direction\":\"receive\"*", n);
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  JsonObject *object = json_node_get_object (node);

  g_free (f->us);
  f->us = g_strdup (json_object_get_string_member (object, "peer"));

  return json_object_get_boolean_member_with_default (object, "thumbnails",
      FALSE);
}

static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_REMOVE;
}

static void
wait_media (Fixture *f)
{
  gst_pad_add_probe (f->pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_buffer,
      NULL, NULL);
  while (g_atomic_int_get (&f->pad->num_probes) > 0)
    g_usleep (1000);
}

static void
ask (Fixture *f, const char *whom)
{
  g_autofree char *text = g_strdup_printf ("{\"type\":\"thumbnail_request\","
                                           "\"to\":\"%s\",\"stream\":\"cam\"}",
      whom);

  fake_server_say (f->server, text);
}

/* --- tests ---------------------------------------------------------------- */

static void
test_who_is_asked_gives_a_picture (Fixture *f, gconstpointer unused)
{
  Shown shown;

  start_receiver (f, "");
  g_assert_true (wait_registered (f, 1));
  wait_media (f);
  /* as long as nobody asks nothing stands in the way of the media */
  g_assert_cmpint (f->pad->num_probes, ==, 0);
  ask (f, "somebodyElse1234");
  ask (f, f->us);
  ask (f, f->us);
  shown = jpeg_wait (f->server, f->us, 1);
  jpeg_assert_size (&shown, 320, 180);
  jpeg_assert_red (&shown);
  g_assert_cmpint (f->pad->num_probes, ==, 0);
  stop (&f->receiver);
  g_assert_cmpuint (fake_server_count_messages (f->server, "thumbnail"), ==, 1);
  g_assert_cmpuint (fake_server_count_matches (f->server,
                        "*\"register\"*\"direction\":\"send\"*thumbnails*"),
      ==, 0);
}

static void
test_who_shall_not_does_not (Fixture *f, gconstpointer unused)
{
  start_receiver (f, "thumbnails=false");
  g_assert_false (wait_registered (f, 1));
  wait_media (f);
  ask (f, f->us);
  /* another message after it: the request has been read by then */
  fake_server_say (f->server,
      "{\"type\":\"tally\",\"stream\":\"cam\",\"state\":\"program\"}");
  for (;;) {
    g_autoptr (GstElement) pb =
        gst_bin_get_by_name (GST_BIN (f->receiver), "pb");
    int tally;

    g_object_get (pb, "tally", &tally, NULL);
    if (tally != 0)
      break;
    g_usleep (1000);
  }
  g_assert_cmpint (f->pad->num_probes, ==, 0);
  stop (&f->receiver);
  g_assert_cmpuint (fake_server_count_messages (f->server, "thumbnail"), ==, 0);
}

/* Threads that have just ended may hold it for a moment more. */
static void
wait_gone (Fixture *f)
{
  gpointer pad = f->pad;

  g_object_add_weak_pointer (G_OBJECT (f->pad), &pad);
  gst_clear_object (&f->pad);
  while (g_atomic_pointer_get (&pad) != NULL)
    g_usleep (1000);
}

static void
test_null_at_any_moment (Fixture *f, gconstpointer unused)
{
  const char *cycles = g_getenv ("PB_CYCLES");
  /* it is stopped while media flow, each time */
  guint n = cycles != NULL ? (guint) atoi (cycles) : 100;

  for (guint i = 0; i < n; i++) {
    start_receiver (f, "");
    g_assert_true (wait_registered (f, i + 1));
    if (i % 4 != 0)
      wait_media (f);
    ask (f, f->us);
    g_usleep (i * 7000 % 600000);
    if (i % 3 == 0)
      gst_element_set_state (f->receiver, GST_STATE_READY);
    stop (&f->receiver);
    g_assert_cmpint (f->pad->num_probes, ==, 0);
    wait_gone (f);
  }
}

int
main (int argc, char *argv[])
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_thread_unref (g_thread_new ("watchdog", watch, NULL));

#define TEST(name, func)                                                       \
  g_test_add ("/pbsrtbin-thumbnail/" name, Fixture, NULL, set_up, func,        \
      tear_down)
  TEST ("who-is-asked-gives-a-picture", test_who_is_asked_gives_a_picture);
  TEST ("who-shall-not-does-not", test_who_shall_not_does_not);
  TEST ("null-at-any-moment", test_null_at_any_moment);
#undef TEST

  return g_test_run ();
}
