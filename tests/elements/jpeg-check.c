/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "jpeg-check.h"

#include <gst/app/app.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <json-glib/json-glib.h>

#include "core/pb-limits.h"

static void
measure (GstSample *sample, Shown *shown)
{
  GstVideoInfo info;
  GstVideoFrame frame;
  double sums[3] = { 0 };

  g_assert_true (
      gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
  g_assert_true (gst_video_frame_map (&frame, &info,
      gst_sample_get_buffer (sample), GST_MAP_READ));
  shown->width = GST_VIDEO_FRAME_WIDTH (&frame);
  shown->height = GST_VIDEO_FRAME_HEIGHT (&frame);
  for (int y = 0; y < shown->height; y++) {
    const guint8 *row =
        (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) +
        y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0);

    for (int x = 0; x < shown->width; x++)
      for (guint i = 0; i < 3; i++)
        sums[i] += row[3 * x + i];
  }
  gst_video_frame_unmap (&frame);
  shown->red = sums[0] / (shown->width * shown->height);
  shown->green = sums[1] / (shown->width * shown->height);
  shown->blue = sums[2] / (shown->width * shown->height);
}

static void
decode (const guchar *jpeg, gsize n_octets, Shown *shown)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline =
      gst_parse_launch ("appsrc name=in caps=image/jpeg ! jpegdec ! "
                        "videoconvert ! "
                        "video/x-raw,format=RGB ! appsink name=out sync=false",
          &error);
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_autoptr (GstSample) sample = NULL;

  g_assert_no_error (error);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (in),
      gst_buffer_new_memdup (jpeg, n_octets));
  gst_app_src_end_of_stream (GST_APP_SRC (in));
  sample = gst_app_sink_try_pull_sample (GST_APP_SINK (out), 10 * GST_SECOND);
  g_assert_nonnull (sample);
  measure (sample, shown);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

Shown
jpeg_check (const char *message, const char *peer)
{
  g_autoptr (JsonNode) node = json_from_string (message, NULL);
  JsonObject *object = json_node_get_object (node);
  g_autofree guchar *jpeg = NULL;
  Shown shown = { 0 };

  g_assert_cmpstr (json_object_get_string_member (object, "type"), ==,
      "thumbnail");
  g_assert_cmpstr (json_object_get_string_member (object, "peer"), ==, peer);
  jpeg = g_base64_decode (json_object_get_string_member (object, "jpeg"),
      &shown.n_octets);
  g_assert_cmpuint (shown.n_octets, <=, PB_THUMBNAIL_MAX);
  decode (jpeg, shown.n_octets, &shown);
  g_assert_cmpint (shown.width, <=, PB_THUMBNAIL_WIDTH);
  g_test_message ("%d x %d, %.0f %.0f %.0f, %" G_GSIZE_FORMAT " octets",
      shown.width, shown.height, shown.red, shown.green, shown.blue,
      shown.n_octets);

  return shown;
}

Shown
jpeg_wait (FakeServer *server, const char *peer, guint n)
{
  g_autofree char *message = NULL;

  fake_server_wait_messages (server, "thumbnail", n);
  message = fake_server_dup_message (server, "thumbnail");

  return jpeg_check (message, peer);
}

void
jpeg_assert_red (const Shown *shown)
{
  g_assert_cmpfloat (shown->red, >, 248);
  g_assert_cmpfloat (shown->green, <, 8);
  g_assert_cmpfloat (shown->blue, <, 8);
}

void
jpeg_assert_size (const Shown *shown, int width, int height)
{
  g_assert_cmpint (shown->width, ==, width);
  g_assert_cmpint (shown->height, ==, height);
}
