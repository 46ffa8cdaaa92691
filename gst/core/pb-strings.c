/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-strings.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-message.h"
#include "core/pb-random.h"

/* libsrt's limit for SRTO_STREAMID */
#define STREAM_ID_MAX 512
/* Where the commands for a shell take and leave the transport stream */
#define LOCAL_UDP "udp://127.0.0.1:5000"

static const char *const client_names[] = {
  [PB_CLIENT_FFMPEG] = "ffmpeg",
  [PB_CLIENT_OBS] = "obs",
  [PB_CLIENT_VMIX] = "vmix",
  [PB_CLIENT_GSTREAMER] = "gstreamer",
  [PB_CLIENT_SRT_LIVE_TRANSMIT] = "srt-live-transmit",
  [PB_CLIENT_LARIX] = "larix",
};
G_STATIC_ASSERT (G_N_ELEMENTS (client_names) == PB_N_CLIENTS);

static const char *const mode_names[] = {
  [PB_SRT_CALLER] = "caller",
  [PB_SRT_LISTENER] = "listener",
  [PB_SRT_RENDEZVOUS] = "rendezvous",
};
G_STATIC_ASSERT (G_N_ELEMENTS (mode_names) == PB_N_SRT_MODES);

/* clang-format off */
G_DEFINE_ENUM_TYPE (PbClientKind, pb_client_kind,
    G_DEFINE_ENUM_VALUE (PB_CLIENT_FFMPEG, "ffmpeg"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_OBS, "obs"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_VMIX, "vmix"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_GSTREAMER, "gstreamer"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_SRT_LIVE_TRANSMIT, "srt-live-transmit"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_LARIX, "larix"))
G_DEFINE_ENUM_TYPE (PbSrtMode, pb_srt_mode,
    G_DEFINE_ENUM_VALUE (PB_SRT_CALLER, "caller"),
    G_DEFINE_ENUM_VALUE (PB_SRT_LISTENER, "listener"),
    G_DEFINE_ENUM_VALUE (PB_SRT_RENDEZVOUS, "rendezvous"))
/* clang-format on */

/**
 * pb_client_kind_get_name:
 * @kind: a third-party client
 *
 * Returns: (nullable): its name on the wire, such as "ffmpeg"
 */
const char *
pb_client_kind_get_name (PbClientKind kind)
{
  g_return_val_if_fail ((guint) kind < PB_N_CLIENTS, NULL);

  return client_names[kind];
}

/**
 * pb_srt_mode_get_name:
 * @mode: an SRT mode
 *
 * Returns: (nullable): its name, such as "caller"
 */
const char *
pb_srt_mode_get_name (PbSrtMode mode)
{
  g_return_val_if_fail ((guint) mode < PB_N_SRT_MODES, NULL);

  return mode_names[mode];
}

/**
 * pb_srt_mode_from_name:
 * @name: (nullable): as pb_srt_mode_get_name() gives it
 * @out: (out): the mode; untouched where there is none of that name
 *
 * Returns: whether there is one
 */
gboolean
pb_srt_mode_from_name (const char *name, PbSrtMode *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (mode_names); i++) {
    if (g_strcmp0 (mode_names[i], name) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

/* ---- stream ids -------------------------------------------------------- */

/**
 * pb_strings_stream_id:
 * @session: a session
 * @stream: one of its slots
 * @direction: what the caller does: send or receive
 *
 * Returns: (transfer full): the stream id it shows, in SRT's access control
 *   syntax
 */
char *
pb_strings_stream_id (const char *session, const char *stream,
    PbDirection direction)
{
  g_return_val_if_fail (session != NULL && stream != NULL, NULL);

  return g_strdup_printf ("#!::r=%s/%s,m=%s", session, stream,
      direction == PB_DIRECTION_SEND ? "publish" : "request");
}

static gboolean
refuse_stream_id (GError **error, const char *why)
{
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "the stream id %s", why);

  return FALSE;
}

static gboolean
split_resource (const char *text, char **session, char **stream, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, "/", 3);

  if (g_strv_length (parts) != 2 || !pb_name_is_valid (parts[0]) ||
      !pb_name_is_valid (parts[1]))
    return refuse_stream_id (error, "does not name session/slot");
  *stream = g_steal_pointer (&parts[1]);
  *session = g_steal_pointer (&parts[0]);

  return TRUE;
}

/**
 * pb_strings_parse_stream_id:
 * @text: a stream id as a caller showed it
 * @session: (out) (transfer full): the session it names
 * @stream: (out) (transfer full): the slot it names
 * @direction: (out): what the caller wants to do: send, receive, or
 *   %PB_DIRECTION_NONE where the bare "session/slot" does not tell
 * @error: where to put why not
 *
 * Returns: whether it is one of ours; else %PB_ERROR_INVALID, and nothing is
 *   written
 */
gboolean
pb_strings_parse_stream_id (const char *text, char **session, char **stream,
    PbDirection *direction, GError **error)
{
  g_auto (GStrv) pairs = NULL;
  const char *resource = NULL, *mode = NULL, *type = NULL;

  g_return_val_if_fail (text != NULL, FALSE);

  if (strnlen (text, STREAM_ID_MAX + 1) > STREAM_ID_MAX)
    return refuse_stream_id (error, "is too long");
  if (!g_str_has_prefix (text, "#!::")) {
    if (!split_resource (text, session, stream, error))
      return FALSE;
    *direction = PB_DIRECTION_NONE;
    return TRUE;
  }

  pairs = g_strsplit (text + 4, ",", -1);
  for (guint i = 0; pairs[i] != NULL; i++) {
    const char **value = NULL;

    if (g_str_has_prefix (pairs[i], "r="))
      value = &resource;
    else if (g_str_has_prefix (pairs[i], "m="))
      value = &mode;
    else if (g_str_has_prefix (pairs[i], "t="))
      value = &type;
    else if (strchr (pairs[i], '=') == NULL)
      return refuse_stream_id (error, "is not a list of key=value");
    if (value != NULL && *value != NULL)
      return refuse_stream_id (error, "has a key twice");
    if (value != NULL)
      *value = pairs[i] + 2;
  }

  if (resource == NULL)
    return refuse_stream_id (error, "names no resource");
  if (type != NULL && !g_str_equal (type, "stream"))
    return refuse_stream_id (error, "is not for a stream");
  /* SRT's access control guideline: absent means request */
  if (mode != NULL && !g_str_equal (mode, "request") &&
      !g_str_equal (mode, "publish"))
    return refuse_stream_id (error, "has an unknown mode");
  if (!split_resource (resource, session, stream, error))
    return FALSE;
  *direction = g_strcmp0 (mode, "publish") == 0 ? PB_DIRECTION_SEND
                                                : PB_DIRECTION_RECEIVE;

  return TRUE;
}

/* ---- connection strings ------------------------------------------------ */

/* What the writers below share. */
typedef struct
{
  PbSrtMode mode;
  gboolean is_sender;
  const PbEndpoint *end;
  gboolean is_ipv6;
  char *host;       /* of our end, IPv6 in brackets; or the word ADDRESS */
  const char *any;  /* the client's own address: any of that family */
  guint local_port; /* the client's own */
} Job;

/* A URL under construction holds the passphrase. */
static void
wipe_url (GString *url)
{
  pb_secret_free (g_string_free (url, FALSE));
}

typedef GString Url;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Url, wipe_url)

/* The bare session/slot: FFmpeg 5.1 and srt-live-transmit 1.5 carry
 * `#!::r=…,m=…` as it stands and decode no escapes, GStreamer takes the raw `#`
 * for a fragment and drops all of it, and to an interactive bash the `!` of a
 * pasted command is history expansion. Our listener takes both forms. */
static char *
bare_stream_id (const Job *job)
{
  return g_strdup_printf ("%s/%s", job->end->session, job->end->stream);
}

/* srt://host:port?mode=…: the peer's to one that calls, the client's own to
 * one that listens. */
static GString *
begin_url (const Job *job)
{
  GString *url = g_string_new ("srt://");

  if (job->mode == PB_SRT_LISTENER)
    g_string_append_printf (url, "%s:%u", job->any, job->local_port);
  else
    g_string_append_printf (url, "%s:%u", job->host, job->end->port);
  g_string_append_printf (url, "?mode=%s", mode_names[job->mode]);

  return url;
}

/* latency in the client's own unit, passphrase, key length */
static void
append_terms (GString *url, const Job *job, guint latency)
{
  g_string_append_printf (url, "&latency=%u&passphrase=%s&pbkeylen=%u", latency,
      job->end->passphrase, pb_cipher_get_key_length (job->end->cipher));
}

static void
append_bare_stream_id (GString *url, const Job *job)
{
  g_autofree char *id = bare_stream_id (job);

  if (job->mode == PB_SRT_CALLER)
    g_string_append_printf (url, "&streamid=%s", id);
}

/* FFmpeg: latency in microseconds; it decodes nothing. */
static char *
format_ffmpeg (const Job *job, const char **note)
{
  g_autoptr (Url) url = NULL;

  if (job->mode == PB_SRT_RENDEZVOUS) {
    *note =
        job->is_sender
            ? "FFmpeg cannot do SRT rendezvous: it binds to the other end's "
              "address. Let it send to \"udp://127.0.0.1:5000?pkt_size=1316\" "
              "(-f mpegts) and run the srt-live-transmit line beside it."
            : "FFmpeg cannot do SRT rendezvous: it binds to the other end's "
              "address. Run the srt-live-transmit line and let FFmpeg read "
              "-i \"udp://127.0.0.1:5000\".";
    return NULL;
  }

  url = begin_url (job);
  append_terms (url, job, job->end->latency_ms * 1000);
  g_string_append (url, "&pkt_size=1316");
  append_bare_stream_id (url, job);
  if (job->mode == PB_SRT_LISTENER)
    *note = "Start it first: it waits for our end to call, and ends when the "
            "call ends.";

  return job->is_sender
             ? g_strdup_printf (
                   "ffmpeg -re -i input.mp4 -c copy -f mpegts \"%s\"", url->str)
             : g_strdup_printf ("ffmpeg -i \"%s\" -c copy output.ts", url->str);
}

/* OBS sends with its own SRT code, and receives with FFmpeg's: a Media Source.
 * Latency in microseconds either way. */
static char *
format_obs (const Job *job, const char **note)
{
  g_autoptr (Url) url = NULL;

  if (job->mode == PB_SRT_RENDEZVOUS) {
    if (!job->is_sender) {
      *note = "An OBS Media Source cannot do SRT rendezvous. Run the "
              "srt-live-transmit line and give the Media Source "
              "udp://127.0.0.1:5000 as its input.";
      return NULL;
    }
    if (job->is_ipv6) {
      *note = "OBS does SRT rendezvous over IPv4 only. Send to "
              "udp://127.0.0.1:5000 by a custom FFmpeg output and run the "
              "srt-live-transmit line beside it.";
      return NULL;
    }
    if (job->local_port != job->end->port) {
      *note = "OBS uses one port number for both ends in SRT rendezvous, and "
              "here they differ. Send to udp://127.0.0.1:5000 by a custom "
              "FFmpeg output and run the srt-live-transmit line beside it.";
      return NULL;
    }
    *note = "Needs OBS 30 or newer with libsrt 1.5.2 or newer. Settings, "
            "Stream: Service “Custom…”, this as Server, Stream Key empty.";
  } else if (job->is_sender) {
    *note =
        job->mode == PB_SRT_CALLER
            ? "Settings, Stream: Service “Custom…”, this as Server, Stream Key "
              "empty."
            : "Settings, Stream: Service “Custom…”, this as Server, Stream Key "
              "empty. Start streaming: OBS then waits for our end to call.";
  } else {
    *note = "Add a Media Source: “Local File” off, this as Input, Input "
            "Format “mpegts”.";
  }

  url = begin_url (job);
  if (job->mode == PB_SRT_RENDEZVOUS)
    g_string_append_printf (url, "&localip=%s&localport=%u", job->any,
        job->local_port);
  append_terms (url, job, job->end->latency_ms * 1000);
  append_bare_stream_id (url, job);

  return g_string_free ((GString *) g_steal_pointer (&url), FALSE);
}

/* vMix has a dialogue: one line a field, as they are labelled there. */
static char *
format_vmix (const Job *job, const char **note)
{
  static const char *const types[] = {
    [PB_SRT_CALLER] = "Caller",
    [PB_SRT_LISTENER] = "Listener",
    [PB_SRT_RENDEZVOUS] = "Rendezvous",
  };
  GString *fields;

  if (job->mode == PB_SRT_RENDEZVOUS && job->local_port != job->end->port) {
    *note = "vMix uses one port number for both ends in SRT rendezvous, and "
            "here they differ. Let vMix call or listen instead.";
    return NULL;
  }
  *note = job->is_sender ? "Settings, Outputs / NDI / OMT / SRT: the gear of "
                           "an output, SRT on."
                         : "Add Input, Stream / SRT.";

  fields = g_string_new (NULL);
  if (job->is_sender)
    g_string_append_printf (fields, "Type: %s\n", types[job->mode]);
  else
    g_string_append_printf (fields, "Stream Type: SRT (%s)\n",
        types[job->mode]);
  if (job->mode != PB_SRT_LISTENER)
    g_string_append_printf (fields, "Hostname: %s\n",
        job->end->address != NULL ? job->end->address : job->host);
  g_string_append_printf (fields,
      "Port: %u\nLatency: %u\nPassphrase: %s\nKey Length: %u",
      job->mode == PB_SRT_LISTENER ? job->local_port : job->end->port,
      job->end->latency_ms, job->end->passphrase,
      pb_cipher_get_key_length (job->end->cipher));
  if (job->mode == PB_SRT_CALLER) {
    g_autofree char *id =
        pb_strings_stream_id (job->end->session, job->end->stream,
            job->is_sender ? PB_DIRECTION_SEND : PB_DIRECTION_RECEIVE);

    g_string_append_printf (fields, "\nStream ID: %s", id);
  }

  return g_string_free (fields, FALSE);
}

/* GStreamer: milliseconds; without localaddress a rendezvous would bind to
 * the other end's address. */
static char *
format_gstreamer (const Job *job, const char **note)
{
  g_autoptr (Url) url = begin_url (job);

  if (job->mode == PB_SRT_RENDEZVOUS)
    g_string_append_printf (url, "&localaddress=%s&localport=%u",
        job->is_ipv6 ? "::" : job->any, job->local_port);
  append_terms (url, job, job->end->latency_ms);
  append_bare_stream_id (url, job);
  if (job->is_sender)
    *note = "A test picture: put your own source and encoder in front of "
            "mpegtsmux.";
  else
    *note = "Keeps H.264 in output.mkv. To watch, end it with: ! tsdemux ! "
            "h264parse ! avdec_h264 ! videoconvert ! autovideosink";

  return job->is_sender
             ? g_strdup_printf (
                   "gst-launch-1.0 -e videotestsrc is-live=true ! "
                   "video/x-raw,width=1280,height=720,framerate=25/1 ! "
                   "x264enc tune=zerolatency bitrate=4000 "
                   "key-int-max=50 ! h264parse ! mpegtsmux alignment=7 "
                   "! srtsink uri=\"%s\"",
                   url->str)
             : g_strdup_printf ("gst-launch-1.0 -e srtsrc uri=\"%s\" ! tsdemux "
                                "! "
                                "h264parse ! matroskamux ! "
                                "filesink location=output.mkv",
                   url->str);
}

/* srt-live-transmit: milliseconds; `port` is the local one in rendezvous. */
static char *
format_srt_live_transmit (const Job *job, const char **note)
{
  g_autoptr (Url) url = begin_url (job);

  if (job->mode == PB_SRT_RENDEZVOUS)
    g_string_append_printf (url, "&adapter=%s&port=%u", job->any,
        job->local_port);
  append_terms (url, job, job->end->latency_ms);
  append_bare_stream_id (url, job);
  *note = job->is_sender ? "Takes an MPEG transport stream, 1316 octets a "
                           "packet, on " LOCAL_UDP "."
                         : "Gives the MPEG transport stream to " LOCAL_UDP ".";

  return job->is_sender
             ? g_strdup_printf ("srt-live-transmit " LOCAL_UDP " \"%s\"",
                   url->str)
             : g_strdup_printf ("srt-live-transmit \"%s\" " LOCAL_UDP,
                   url->str);
}

/* Larix Broadcaster: a link that sets the connection up; values escaped. */
static char *
format_larix (const Job *job, const char **note)
{
  static const char modes[] = {
    [PB_SRT_CALLER] = 'c',
    [PB_SRT_LISTENER] = 'l',
  };
  g_autofree char *address = NULL;
  GString *link;

  if (!job->is_sender) {
    *note = "Larix Broadcaster only sends. Watch on a phone with the session's "
            "page, or with another client.";
    return NULL;
  }
  if (job->mode == PB_SRT_RENDEZVOUS) {
    *note = "Which port Larix uses on its own side of an SRT rendezvous is not "
            "known, so that our end could not meet it. Let Larix call.";
    return NULL;
  }
  *note = "Open this link, or its QR code, on the phone that is the camera: "
          "it holds the passphrase.";

  address = job->mode == PB_SRT_LISTENER
                ? g_strdup_printf ("srt://%s:%u", job->any, job->local_port)
                : g_strdup_printf ("srt://%s:%u", job->host, job->end->port);
  link = g_string_new ("larix://set/v1?conn[][url]=");
  g_string_append_uri_escaped (link, address, NULL, FALSE);
  g_string_append_printf (link, "&conn[][name]=%s%%20%s&conn[][mode]=va",
      job->end->session, job->end->stream);
  g_string_append_printf (link,
      "&conn[][srtmode]=%c&conn[][srtlatency]=%u&conn[][srtpass]=%s"
      "&conn[][srtpbkl]=%u",
      modes[job->mode], job->end->latency_ms, job->end->passphrase,
      pb_cipher_get_key_length (job->end->cipher));
  if (job->mode == PB_SRT_CALLER) {
    g_autofree char *id = pb_strings_stream_id (job->end->session,
        job->end->stream, PB_DIRECTION_SEND);

    g_string_append (link, "&conn[][srtstreamid]=");
    g_string_append_uri_escaped (link, id, NULL, FALSE);
  }
  g_string_append (link, "&conn[][overwrite]=on&conn[][active]=on");

  return g_string_free (link, FALSE);
}

static char *(*const writers[]) (const Job *job, const char **note) = {
  [PB_CLIENT_FFMPEG] = format_ffmpeg,
  [PB_CLIENT_OBS] = format_obs,
  [PB_CLIENT_VMIX] = format_vmix,
  [PB_CLIENT_GSTREAMER] = format_gstreamer,
  [PB_CLIENT_SRT_LIVE_TRANSMIT] = format_srt_live_transmit,
  [PB_CLIENT_LARIX] = format_larix,
};
G_STATIC_ASSERT (G_N_ELEMENTS (writers) == PB_N_CLIENTS);

/* Nothing else goes into a line that somebody pastes into a shell. */
static gboolean
is_made_of (const char *text, const char *marks)
{
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum (*text) && strchr (marks, *text) == NULL)
      return FALSE;

  return TRUE;
}

/**
 * pb_strings_format: (skip)
 * @kind: which client
 * @mode: what the client is to be
 * @direction: what the client does: send or receive
 * @endpoint: where it finds its peer, and on what terms
 * @note: (out) (nullable) (transfer none): what a person needs beside it
 *
 * Returns: (transfer full) (nullable): what to paste, with the passphrase: free
 *   it with pb_secret_free(). %NULL where the client cannot do it; @note then
 *   gives the way that works
 */
char *
pb_strings_format (PbClientKind kind, PbSrtMode mode, PbDirection direction,
    const PbEndpoint *endpoint, const char **note)
{
  g_autofree char *host = NULL;
  const char *unused;
  Job job = { .mode = mode, .end = endpoint };

  g_return_val_if_fail ((guint) kind < PB_N_CLIENTS, NULL);
  g_return_val_if_fail ((guint) mode < PB_N_SRT_MODES, NULL);
  g_return_val_if_fail (direction == PB_DIRECTION_SEND ||
                            direction == PB_DIRECTION_RECEIVE,
      NULL);
  g_return_val_if_fail (endpoint != NULL, NULL);
  g_return_val_if_fail (pb_name_is_valid (endpoint->session), NULL);
  g_return_val_if_fail (pb_name_is_valid (endpoint->stream), NULL);
  g_return_val_if_fail (endpoint->port > 0 && endpoint->port <= 65535, NULL);
  g_return_val_if_fail (endpoint->local_port <= 65535, NULL);
  g_return_val_if_fail (endpoint->passphrase != NULL &&
                            is_made_of (endpoint->passphrase, ""),
      NULL);
  g_return_val_if_fail (endpoint->address == NULL ||
                            is_made_of (endpoint->address, ".:-"),
      NULL);

  job.is_sender = direction == PB_DIRECTION_SEND;
  job.is_ipv6 =
      endpoint->address != NULL && strchr (endpoint->address, ':') != NULL;
  job.any = job.is_ipv6 ? "[::]" : "0.0.0.0";
  job.local_port =
      endpoint->local_port != 0 ? endpoint->local_port : endpoint->port;
  host = endpoint->address == NULL ? g_strdup ("ADDRESS")
         : job.is_ipv6             ? g_strdup_printf ("[%s]", endpoint->address)
                                   : g_strdup (endpoint->address);
  job.host = host;
  if (note == NULL)
    note = &unused;
  *note = NULL;

  return writers[kind](&job, note);
}
