/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-random.h"
#include "core/pb-strings.h"

#define TOKEN "p_eyJzIjoxfQ.c2ln-_"
#define WHIP "https://live.example.org/whip/demo/cam-wide"
#define WHEP "https://live.example.org/whep/demo/cam-wide"

static const PbHttpEndpoint end = {
  .url = "https://live.example.org",
  .session = "demo",
  .stream = "cam-wide",
  .token = TOKEN,
};

static void
test_each_client_gets_its_own (void)
{
  static const struct
  {
    PbHttpClient client;
    const char *name, *string, *note;
    PbDirection direction;
  } rows[] = {
    { PB_HTTP_WHIP, "whip", "URL: " WHIP "\nBearer Token: " TOKEN, "H.264",
        PB_DIRECTION_SEND },
    { PB_HTTP_OBS, "obs-whip",
        "Service: WHIP\nServer: " WHIP "\nBearer Token: " TOKEN,
        "Keyframe Interval", PB_DIRECTION_SEND },
    { PB_HTTP_FFMPEG, "ffmpeg-whip",
        "ffmpeg -re -i input.mp4 -c:v libx264 -profile:v baseline -tune "
        "zerolatency -pix_fmt yuv420p -bf 0 -g 50 -b:v 4M -c:a libopus "
        "-ar 48000 -ac 2 -b:a 96k -strict experimental -f whip "
        "-authorization \"" TOKEN "\" \"" WHIP "\"",
        "FFmpeg 8", PB_DIRECTION_SEND },
    { PB_HTTP_GSTREAMER_WHIP, "gstreamer-whip",
        "gst-launch-1.0 -e videotestsrc is-live=true ! "
        "video/x-raw,width=1280,height=720,framerate=25/1 ! whipclientsink "
        "video-caps=video/x-h264 signaller::whip-endpoint=\"" WHIP "\" "
        "signaller::auth-token=\"" TOKEN "\"",
        "stun-server", PB_DIRECTION_SEND },
    { PB_HTTP_WHEP, "whep", "URL: " WHEP "\nBearer Token: " TOKEN, "player",
        PB_DIRECTION_RECEIVE },
    { PB_HTTP_GSTREAMER_WHEP, "gstreamer-whep",
        "gst-launch-1.0 whepclientsrc signaller::whep-endpoint=\"" WHEP "\" "
        "signaller::auth-token=\"" TOKEN "\" ! videoconvert ! autovideosink",
        "stun-server", PB_DIRECTION_RECEIVE },
  };

  g_assert_cmpuint (G_N_ELEMENTS (rows), ==, PB_N_HTTP_CLIENTS);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const char *note = NULL;
    char *string = pb_strings_format_http (rows[i].client, &end, &note);
    char *again = pb_strings_format_http (rows[i].client, &end, NULL);

    g_assert_cmpstr (pb_http_client_get_name (rows[i].client), ==,
        rows[i].name);
    g_assert_cmpint (pb_http_client_get_direction (rows[i].client), ==,
        rows[i].direction);
    g_assert_cmpstr (string, ==, rows[i].string);
    g_assert_cmpstr (string, ==, again);
    g_assert_nonnull (strstr (note, rows[i].note));
    pb_secret_free (string);
    pb_secret_free (again);
  }
}

static void
test_the_address_follows_the_server (void)
{
  static const struct
  {
    const char *url, *whole;
  } rows[] = {
    { "http://127.0.0.1:8080", "http://127.0.0.1:8080/whep/a/b" },
    { "http://[::1]:8080/", "http://[::1]:8080/whep/a/b" },
    { "https://h/patch-bay", "https://h/patch-bay/whep/a/b" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *whole =
        pb_strings_http_url (PB_DIRECTION_RECEIVE, rows[i].url, "a", "b");

    g_assert_cmpstr (whole, ==, rows[i].whole);
  }
}

/* Our own code's mistakes, each of which would end in a shell. */
static void
test_nothing_else_gets_into_a_command (void)
{
  static const struct
  {
    const char *url, *session, *stream, *token, *blame;
  } rows[] = {
    { "https://h/\"; reboot; \"", "a", "b", "t", "*is_url*" },
    { "https://h/$(x)", "a", "b", "t", "*is_url*" },
    { "ftp://h", "a", "b", "t", "*is_url*" },
    { NULL, "a", "b", "t", "*is_url*" },
    { "https://h", "a/b", "b", "t", "*pb_name_is_valid*" },
    { "https://h", "a", "", "t", "*pb_name_is_valid*" },
    { "https://h", "a", "b", "t\"", "*is_made_of*" },
    { "https://h", "a", "b", "", "*is_made_of*" },
    { "https://h", "a", "b", NULL, "*is_made_of*" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    PbHttpEndpoint bad = { rows[i].url, rows[i].session, rows[i].stream,
      rows[i].token };
    const char *note = "untouched";

    g_test_expect_message ("Pb", G_LOG_LEVEL_CRITICAL, rows[i].blame);
    g_assert_null (pb_strings_format_http (PB_HTTP_FFMPEG, &bad, &note));
    g_test_assert_expected_messages ();
    g_assert_cmpstr (note, ==, "untouched");
  }
  g_test_expect_message ("Pb", G_LOG_LEVEL_CRITICAL, "*direction*");
  g_assert_null (
      pb_strings_http_url (PB_DIRECTION_OBSERVE, "https://h", "a", "b"));
  g_test_assert_expected_messages ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/strings-http/each-client-gets-its-own",
      test_each_client_gets_its_own);
  g_test_add_func ("/strings-http/the-address-follows-the-server",
      test_the_address_follows_the_server);
  g_test_add_func ("/strings-http/nothing-else-gets-into-a-command",
      test_nothing_else_gets_into_a_command);

  return g_test_run ();
}
