/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <gst/gst.h>

#include "core/pb-limits.h"
#include "fake-server.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-thumbnail.h"
#include "jpeg-check.h"

/* PbGstThumbnail at a pad where encoded media pass: what an element gives. */

#define WATCHDOG_S 200
#define SIZE(w, h) "video/x-raw,framerate=25/1,width=" #w ",height=" #h
#define RED "videotestsrc pattern=red ! "
#define H264 "x264enc speed-preset=ultrafast tune=zerolatency key-int-max=25 ! "
/* fine enough for the colour: in a hurry their rate control is not */
#define VPX "min-quantizer=0 max-quantizer=4 keyframe-max-dist=25 ! "
#define TS "mpegtsmux alignment=7 ! "
#define TAP "identity name=tap ! fakesink name=sink sync=true"

typedef struct
{
  FakeServer *server;
  PbGstSession *session;
  PbRegistration *registration;
  PbGstMember *member;
  PbGstThumbnail *thumbnail;
  GstElement *pipeline; /* (nullable) */
  GstPad *pad;
} Fixture;

static gpointer
watch (gpointer data)
{
  g_usleep (WATCHDOG_S * G_USEC_PER_SEC);
  g_error ("the test hangs");

  return NULL;
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  static const PbGstSessionCallbacks callbacks = { 0 };
  g_autoptr (PbUri) uri = NULL;
  g_autofree char *text = NULL;

  f->server = fake_server_new ();
  text = g_strdup_printf ("pb://127.0.0.1:%u/demo/cam",
      fake_server_get_port (f->server));
  uri = pb_uri_parse (text, NULL);
  f->session = pb_gst_session_new (uri, "p_x.y", "test/1");
  f->registration = pb_registration_new ("cam", PB_DIRECTION_RECEIVE);
  f->registration->thumbnails = TRUE;
  f->member =
      pb_gst_session_join (f->session, f->registration, &callbacks, NULL);
  fake_server_wait_messages (f->server, "register", 1);
  f->thumbnail = pb_gst_thumbnail_new ();
}

static void
end_media (Fixture *f)
{
  if (f->pipeline == NULL)
    return;
  gst_element_set_state (f->pipeline, GST_STATE_NULL);
  gst_clear_object (&f->pad);
  g_assert_cmpint (GST_OBJECT_REFCOUNT_VALUE (f->pipeline), ==, 1);
  gst_clear_object (&f->pipeline);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  pb_gst_thumbnail_cancel (f->thumbnail);
  pb_gst_thumbnail_settle (f->thumbnail);
  pb_gst_thumbnail_free (f->thumbnail);
  end_media (f);
  pb_gst_session_leave (f->session, f->member);
  pb_registration_free (f->registration);
  g_assert_finalize_object (f->session);
  fake_server_free (f->server);
}

static GstPadProbeReturn
on_first (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  /* in the middle of a group of pictures: from here a decoder has grey only */
  return --*(int *) user_data > 0 ? GST_PAD_PROBE_OK : GST_PAD_PROBE_REMOVE;
}

static void
start_media (Fixture *f, const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) tap = NULL;

  end_media (f);
  g_test_message ("%s", line);
  f->pipeline = gst_parse_launch (line, &error);
  g_assert_no_error (error);
  tap = gst_bin_get_by_name (GST_BIN (f->pipeline), "tap");
  f->pad = gst_element_get_static_pad (tap, "src");
  gst_element_set_state (f->pipeline, GST_STATE_PLAYING);
}

static void
wait_media (Fixture *f)
{
  int n = 10;

  gst_pad_add_probe (f->pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_first, &n,
      NULL);
  while (g_atomic_int_get (&f->pad->num_probes) > 0)
    g_usleep (1000);
}

static void
ask (Fixture *f)
{
  pb_gst_thumbnail_ask (f->thumbnail, f->pad, f->session,
      f->registration->peer);
}

static gboolean
has (const char *factory)
{
  g_autoptr (GstElementFactory) found = gst_element_factory_find (factory);

  return found != NULL;
}

/* --- tests ---------------------------------------------------------------- */

static void
test_what_is_asked_for_is_given (Fixture *f, gconstpointer unused)
{
  static const struct
  {
    const char *needs, *line;
    int width, height;
  } rows[] = {
    { "x264enc", RED SIZE (640, 360) " ! " H264 TS TAP, 320, 180 },
    { "x264enc", RED SIZE (360, 640) " ! " H264 TS TAP, 320, 570 },
    { "x264enc", RED SIZE (720, 576) ",pixel-aspect-ratio=64/45 ! " H264 TS TAP,
        320, 180 },
    { "x264enc", RED SIZE (160, 90) " ! " H264 TS TAP, 160, 90 },
    { "x264enc", RED SIZE (64, 1280) " ! " H264 TS TAP, 32, 640 },
    { "x264enc",
        RED SIZE (640, 360) " ! " H264 "h264parse ! video/x-h264,"
                            "stream-format=avc,alignment=au ! " TAP,
        320, 180 },
    { "x265enc",
        RED SIZE (640,
            360) " ! x265enc speed-preset=ultrafast "
                 "tune=zerolatency key-int-max=25 ! h265parse ! " TS TAP,
        320, 180 },
    { "vp8enc", RED SIZE (640, 360) " ! vp8enc deadline=1 cpu-used=8 " VPX TAP,
        320, 180 },
    { "vp9enc", RED SIZE (320, 180) " ! vp9enc deadline=1 cpu-used=8 " VPX TAP,
        320, 180 },
    { "videotestsrc", RED SIZE (1280, 720) ",format=NV12 ! " TAP, 320, 180 },
  };
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    Shown shown;

    if (!has (rows[i].needs)) {
      g_test_message ("no %s here", rows[i].needs);
      continue;
    }
    start_media (f, rows[i].line);
    wait_media (f);
    ask (f);
    shown = jpeg_wait (f->server, f->registration->peer, ++n);
    jpeg_assert_size (&shown, rows[i].width, rows[i].height);
    jpeg_assert_red (&shown);
    /* and nothing is left on the way of the media */
    g_assert_cmpint (f->pad->num_probes, ==, 0);
    pb_gst_thumbnail_settle (f->thumbnail);
  }
  g_assert_cmpuint (n, >=, 2);
}

static void
test_a_busy_picture_fits_as_well (Fixture *f, gconstpointer unused)
{
  Shown shown;

  start_media (f,
      "videotestsrc pattern=snow ! " SIZE (360, 640) ",format=I420 ! " TAP);
  wait_media (f);
  ask (f);
  shown = jpeg_wait (f->server, f->registration->peer, 1);
  jpeg_assert_size (&shown, 320, 570);
  g_assert_cmpfloat (shown.green, >, 100);
}

static void
test_one_at_a_time (Fixture *f, gconstpointer unused)
{
  start_media (f, RED SIZE (640, 360) " ! " H264 TS TAP);
  wait_media (f);
  for (guint i = 0; i < 5; i++) {
    ask (f);
    g_assert_cmpint (f->pad->num_probes, <=, 1);
  }
  jpeg_wait (f->server, f->registration->peer, 1);
  pb_gst_thumbnail_settle (f->thumbnail);
  ask (f);
  jpeg_wait (f->server, f->registration->peer, 2);
  g_assert_cmpuint (fake_server_count_messages (f->server, "thumbnail"), ==, 2);
}

static void
test_without_media_nothing_comes (Fixture *f, gconstpointer unused)
{
  /* caps that are there, and those that are not */
  static const char *const lines[] = {
    "appsrc format=time is-live=true caps=\"video/mpegts,systemstream=true,"
    "packetsize=188\" ! " TAP,
    "appsrc format=time is-live=true ! " TAP,
  };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    start_media (f, lines[i]);
    ask (f);
    pb_gst_thumbnail_cancel (f->thumbnail);
    pb_gst_thumbnail_settle (f->thumbnail);
    ask (f);
    g_usleep (100000);
    pb_gst_thumbnail_cancel (f->thumbnail);
    pb_gst_thumbnail_settle (f->thumbnail);
    g_assert_cmpint (f->pad->num_probes, ==, 0);
  }
  g_assert_cmpuint (fake_server_count_messages (f->server, "thumbnail"), ==, 0);
}

/* Those give up by themselves, long before the time is over. */
static void
test_what_holds_no_picture_is_given_up (Fixture *f, gconstpointer unused)
{
  static const char *const lines[] = {
    "audiotestsrc ! opusenc ! " TS TAP,
    "audiotestsrc ! opusenc ! " TAP,
  };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    start_media (f, lines[i]);
    wait_media (f);
    ask (f);
    pb_gst_thumbnail_settle (f->thumbnail);
    g_assert_cmpint (f->pad->num_probes, ==, 0);
  }
  g_assert_cmpuint (fake_server_count_messages (f->server, "thumbnail"), ==, 0);
}

static GstPadProbeReturn
on_drop (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return g_rand_int_range (user_data, 0, 100) < 5 ? GST_PAD_PROBE_DROP
                                                  : GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_garble (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer =
      gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  GstMapInfo map;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READWRITE));
  for (gsize i = 0; i < map.size; i++)
    if (i % 188 != 0)
      map.data[i] = (guint8) g_rand_int (user_data);
  gst_buffer_unmap (buffer, &map);
  info->data = buffer;

  return GST_PAD_PROBE_OK;
}

static void
spoil (Fixture *f, GstPadProbeCallback func, GRand *rand)
{
  g_autoptr (GstElement) spoiler =
      gst_bin_get_by_name (GST_BIN (f->pipeline), "spoiler");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (spoiler, "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, func, rand, NULL);
}

static void
test_a_broken_stream_gives_a_whole_picture_or_none (Fixture *f,
    gconstpointer unused)
{
  static const char line[] =
      RED SIZE (640, 360) " ! " H264 TS "identity name=spoiler ! " TAP;
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  start_media (f, line);
  spoil (f, on_drop, rand);
  wait_media (f);
  for (guint i = 1; i <= 3; i++) {
    Shown shown;

    ask (f);
    shown = jpeg_wait (f->server, f->registration->peer, i);
    jpeg_assert_red (&shown);
    pb_gst_thumbnail_settle (f->thumbnail);
  }
  end_media (f);

  start_media (f, line);
  spoil (f, on_garble, rand);
  wait_media (f);
  ask (f);
  g_usleep (G_USEC_PER_SEC);
  pb_gst_thumbnail_cancel (f->thumbnail);
  pb_gst_thumbnail_settle (f->thumbnail);
  end_media (f);
  g_assert_cmpuint (fake_server_count_messages (f->server, "thumbnail"), ==, 3);
}

static guint
count_threads (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (tasks) != NULL)
    n++;

  return n;
}

static void
test_it_ends_at_any_moment (Fixture *f, gconstpointer unused)
{
  guint n_threads = 0;

  start_media (f,
      RED SIZE (640, 360) " ! x264enc speed-preset=ultrafast "
                          "tune=zerolatency key-int-max=4 ! " TS TAP);
  wait_media (f);
  for (guint i = 0; i < 100; i++) {
    gint64 begin;

    ask (f);
    g_usleep (i * 7 * 1000 % 300000);
    begin = g_get_monotonic_time ();
    pb_gst_thumbnail_cancel (f->thumbnail);
    /* it only says so: the media's own state change is not held up */
    g_assert_cmpint (g_get_monotonic_time () - begin, <, G_USEC_PER_SEC);
    pb_gst_thumbnail_settle (f->thumbnail);
    g_assert_cmpint (f->pad->num_probes, ==, 0);
    if (i == 10)
      n_threads = count_threads ();
  }
  /* GLib keeps some that are idle, and those change */
  g_assert_cmpuint (count_threads (), <=, n_threads + 4);
}

static void
test_the_media_may_go_first (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; i < 20; i++) {
    start_media (f, RED SIZE (640, 360) " ! " H264 TS TAP);
    wait_media (f);
    ask (f);
    g_usleep (i * 10 * 1000);
    gst_element_set_state (f->pipeline, GST_STATE_NULL);
    pb_gst_thumbnail_cancel (f->thumbnail);
    pb_gst_thumbnail_settle (f->thumbnail);
  }
}

int
main (int argc, char *argv[])
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  pb_gst_debug_init ();
  g_thread_unref (g_thread_new ("watchdog", watch, NULL));

#define TEST(name, func)                                                       \
  g_test_add ("/thumbnail/" name, Fixture, NULL, set_up, func, tear_down)
  TEST ("what-is-asked-for-is-given", test_what_is_asked_for_is_given);
  TEST ("a-busy-picture-fits-as-well", test_a_busy_picture_fits_as_well);
  TEST ("one-at-a-time", test_one_at_a_time);
  TEST ("without-media-nothing-comes", test_without_media_nothing_comes);
  TEST ("what-holds-no-picture-is-given-up",
      test_what_holds_no_picture_is_given_up);
  TEST ("a-broken-stream-gives-a-whole-picture-or-none",
      test_a_broken_stream_gives_a_whole_picture_or_none);
  TEST ("it-ends-at-any-moment", test_it_ends_at_any_moment);
  TEST ("the-media-may-go-first", test_the_media_may_go_first);
#undef TEST

  return g_test_run ();
}
