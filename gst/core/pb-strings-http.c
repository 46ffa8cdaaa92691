/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-message.h"
#include "core/pb-random.h"
#include "core/pb-strings.h"

/* What clients of WHIP and WHEP paste: docs/protocol.md, section 10.2. */

/* ---- one writer each ----------------------------------------------------- */

static char *
format_whip (const char *url, const char *token)
{
  return g_strdup_printf ("URL: %s\nBearer Token: %s", url, token);
}

/* As its fields are labelled in Settings, Stream. */
static char *
format_obs (const char *url, const char *token)
{
  return g_strdup_printf ("Service: WHIP\nServer: %s\nBearer Token: %s", url,
      token);
}

/* The muxer calls itself experimental in some releases, and is refused there
 * without -strict. */
static char *
format_ffmpeg (const char *url, const char *token)
{
  return g_strdup_printf (
      "ffmpeg -re -i input.mp4 -c:v libx264 -profile:v baseline "
      "-tune zerolatency -pix_fmt yuv420p -bf 0 -g 50 -b:v 4M "
      "-c:a libopus -ar 48000 -ac 2 -b:a 96k -strict experimental "
      "-f whip -authorization \"%s\" \"%s\"",
      token, url);
}

static char *
format_gstreamer_whip (const char *url, const char *token)
{
  return g_strdup_printf (
      "gst-launch-1.0 -e videotestsrc is-live=true ! "
      "video/x-raw,width=1280,height=720,framerate=25/1 ! whipclientsink "
      "video-caps=video/x-h264 signaller::whip-endpoint=\"%s\" "
      "signaller::auth-token=\"%s\"",
      url, token);
}

static char *
format_gstreamer_whep (const char *url, const char *token)
{
  return g_strdup_printf (
      "gst-launch-1.0 whepclientsrc signaller::whep-endpoint=\"%s\" "
      "signaller::auth-token=\"%s\" ! videoconvert ! autovideosink",
      url, token);
}

/* ---- the clients --------------------------------------------------------- */

static const struct
{
  const char *name;
  PbDirection direction;
  char *(*format) (const char *url, const char *token);
  const char *note;
} rows[] = {
  [PB_HTTP_WHIP] = { "whip", PB_DIRECTION_SEND, format_whip,
      "Send H.264 without B-frames, or VP8, and Opus." },
  /* whip-output.cpp answers NACK, and nothing else of RTCP */
  [PB_HTTP_OBS] = { "obs-whip", PB_DIRECTION_SEND, format_obs,
      "OBS 30 or newer. Settings, Output: Keyframe Interval 1 s, because OBS "
      "makes none on request; simulcast off. It uses no TURN relay: our end "
      "must be reachable by UDP." },
  /* whip.c: the first candidate of type host, and no other */
  [PB_HTTP_FFMPEG] = { "ffmpeg-whip", PB_DIRECTION_SEND, format_ffmpeg,
      "FFmpeg 8 or newer, built with OpenSSL. It takes H.264 without B-frames "
      "and Opus at 48 kHz in stereo, and it tries one host address of our end "
      "only: that must be reachable by UDP." },
  [PB_HTTP_GSTREAMER_WHIP] = { "gstreamer-whip", PB_DIRECTION_SEND,
      format_gstreamer_whip,
      "A test picture. Needs gst-plugins-rs (webrtc), which Debian 12 has not; "
      "give it a stun-server of yours, or it asks Google's. Without an end of "
      "ours there it stops: it does not try again." },
  [PB_HTTP_WHEP] = { "whep", PB_DIRECTION_RECEIVE, format_whip,
      "For a WHEP player. A browser needs none: open the session's page." },
  [PB_HTTP_GSTREAMER_WHEP] = { "gstreamer-whep", PB_DIRECTION_RECEIVE,
      format_gstreamer_whep,
      "Needs gst-plugins-rs (webrtc) 0.14 or newer, which Debian 12 has not; "
      "give it a stun-server of yours, or it asks Google's." },
};
G_STATIC_ASSERT (G_N_ELEMENTS (rows) == PB_N_HTTP_CLIENTS);

/* clang-format off */
G_DEFINE_ENUM_TYPE (PbHttpClient, pb_http_client,
    G_DEFINE_ENUM_VALUE (PB_HTTP_WHIP, "whip"),
    G_DEFINE_ENUM_VALUE (PB_HTTP_OBS, "obs-whip"),
    G_DEFINE_ENUM_VALUE (PB_HTTP_FFMPEG, "ffmpeg-whip"),
    G_DEFINE_ENUM_VALUE (PB_HTTP_GSTREAMER_WHIP, "gstreamer-whip"),
    G_DEFINE_ENUM_VALUE (PB_HTTP_WHEP, "whep"),
    G_DEFINE_ENUM_VALUE (PB_HTTP_GSTREAMER_WHEP, "gstreamer-whep"))
/* clang-format on */

/**
 * pb_http_client_get_name:
 * @client: a client of WHIP or WHEP
 *
 * Returns: (nullable): its name on the wire, such as "obs-whip"
 */
const char *
pb_http_client_get_name (PbHttpClient client)
{
  g_return_val_if_fail ((guint) client < PB_N_HTTP_CLIENTS, NULL);

  return rows[client].name;
}

/**
 * pb_http_client_get_direction:
 * @client: a client of WHIP or WHEP
 *
 * Returns: what it does: send or receive
 */
PbDirection
pb_http_client_get_direction (PbHttpClient client)
{
  g_return_val_if_fail ((guint) client < PB_N_HTTP_CLIENTS, PB_DIRECTION_NONE);

  return rows[client].direction;
}

/* ---- what is asked ------------------------------------------------------- */

/* Nothing else goes into a line that somebody pastes into a shell. */
static gboolean
is_made_of (const char *text, const char *marks)
{
  if (*text == '\0')
    return FALSE;
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum (*text) && strchr (marks, *text) == NULL)
      return FALSE;

  return TRUE;
}

static gboolean
is_url (const char *url)
{
  return url != NULL &&
         (g_str_has_prefix (url, "https://") ||
             g_str_has_prefix (url, "http://")) &&
         is_made_of (url, ":/.-_~[]");
}

/**
 * pb_strings_http_url:
 * @direction: what the client does: send or receive
 * @url: the server's public one, such as "https://host"
 * @session: a session
 * @stream: one of its slots
 *
 * Returns: (transfer full): where the client POSTs its offer
 */
char *
pb_strings_http_url (PbDirection direction, const char *url,
    const char *session, const char *stream)
{
  g_return_val_if_fail (direction == PB_DIRECTION_SEND ||
                            direction == PB_DIRECTION_RECEIVE,
      NULL);
  g_return_val_if_fail (is_url (url), NULL);
  g_return_val_if_fail (pb_name_is_valid (session), NULL);
  g_return_val_if_fail (pb_name_is_valid (stream), NULL);

  return g_strdup_printf ("%s%s%s/%s/%s", url,
      g_str_has_suffix (url, "/") ? "" : "/",
      direction == PB_DIRECTION_SEND ? "whip" : "whep", session, stream);
}

/**
 * pb_strings_format_http: (skip)
 * @client: which client
 * @endpoint: where it finds the slot, and on what terms
 * @note: (out) (nullable) (transfer none): what a person needs beside it
 *
 * Returns: (transfer full): what to paste, with the token: free it with
 *   pb_secret_free()
 */
char *
pb_strings_format_http (PbHttpClient client, const PbHttpEndpoint *endpoint,
    const char **note)
{
  g_autofree char *url = NULL;

  g_return_val_if_fail ((guint) client < PB_N_HTTP_CLIENTS, NULL);
  g_return_val_if_fail (endpoint != NULL, NULL);
  g_return_val_if_fail (endpoint->token != NULL &&
                            is_made_of (endpoint->token, "._-"),
      NULL);

  url = pb_strings_http_url (rows[client].direction, endpoint->url,
      endpoint->session, endpoint->stream);
  if (url == NULL)
    return NULL;
  if (note != NULL)
    *note = rows[client].note;

  return rows[client].format (url, endpoint->token);
}
