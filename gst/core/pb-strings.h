/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-session.h"
#include "core/pb-token.h"
#include "core/pb-uri.h"

G_BEGIN_DECLS

/* What a third-party client is told to paste. */
typedef enum {
  PB_CLIENT_FFMPEG,
  PB_CLIENT_OBS,
  PB_CLIENT_VMIX,
  PB_CLIENT_GSTREAMER,
  PB_CLIENT_SRT_LIVE_TRANSMIT,
  PB_CLIENT_LARIX,
  PB_N_CLIENTS,
} PbClientKind;

typedef enum {
  PB_SRT_CALLER,
  PB_SRT_LISTENER,
  PB_SRT_RENDEZVOUS,
  PB_N_SRT_MODES,
} PbSrtMode;

PB_API GType pb_client_kind_get_type (void);
#define PB_TYPE_CLIENT_KIND (pb_client_kind_get_type ())
PB_API GType pb_srt_mode_get_type (void);
#define PB_TYPE_SRT_MODE (pb_srt_mode_get_type ())
PB_API const char *pb_client_kind_get_name (PbClientKind kind); /* "ffmpeg" */
PB_API const char *pb_srt_mode_get_name (PbSrtMode mode); /* "caller" */
PB_API gboolean pb_srt_mode_from_name (const char *name, PbSrtMode *out);

/**
 * PbEndpoint:
 * Where the third-party client finds its peer, and on what terms.
 */
typedef struct {
  const char *session;
  const char *stream;
  const char *address;    /* of our end; (nullable): not known yet */
  guint port;             /* of our end, and of the client in rendezvous */
  guint local_port;       /* the client's own port; 0: the same as port */
  const char *passphrase;
  PbCipher cipher;
  guint latency_ms;
} PbEndpoint;

/* (transfer full): a command line or URL, exactly as that client takes it:
 * units (ffmpeg and OBS: microseconds), escaping, limits. `mode` is what the
 * CLIENT is, `direction` what it does: send or receive. An unknown address becomes the word ADDRESS.
 * Where the client cannot do it the result is NULL and `*note` says so and
 * gives the way that works. Otherwise `*note` (nullable, static) is the one
 * line a person needs beside it. Free the string with pb_secret_free(). */
PB_API char *pb_strings_format (PbClientKind kind, PbSrtMode mode,
    PbDirection direction, const PbEndpoint *endpoint, const char **note);

/* What speaks WHIP (sends) or WHEP (receives): WebRTC by one HTTP request. */
typedef enum {
  PB_HTTP_WHIP,           /* any that asks for an address and a token */
  PB_HTTP_OBS,            /* OBS 30 and newer */
  PB_HTTP_FFMPEG,         /* FFmpeg 8 and newer */
  PB_HTTP_GSTREAMER_WHIP, /* gst-plugins-rs: whipclientsink */
  PB_HTTP_WHEP,
  PB_HTTP_GSTREAMER_WHEP, /* gst-plugins-rs: whepclientsrc */
  PB_N_HTTP_CLIENTS,
} PbHttpClient;

PB_API GType pb_http_client_get_type (void);
#define PB_TYPE_HTTP_CLIENT (pb_http_client_get_type ())
PB_API const char *pb_http_client_get_name (PbHttpClient client); /* "obs-whip" */
/* SEND with WHIP, RECEIVE with WHEP: it does nothing else. */
PB_API PbDirection pb_http_client_get_direction (PbHttpClient client);

/**
 * PbHttpEndpoint:
 * What a client of WHIP or WHEP is told.
 */
typedef struct {
  const char *url;   /* the server's public one: "https://host" */
  const char *session;
  const char *stream;
  const char *token; /* for that slot and direction, and for nothing else */
} PbHttpEndpoint;

/* (transfer full): URL/whip/SESSION/STREAM or URL/whep/… */
PB_API char *pb_strings_http_url (PbDirection direction, const char *url,
    const char *session, const char *stream);
/* (transfer full): what to paste, as pb_strings_format(): there always is one.
 * For /connect: after the SRT strings of an END come those whose direction is
 * the END's, with `mode` "whip" or "whep", whether or not an end of ours is
 * there; each END has one freshly minted token of the admin's remaining time
 * for them. Free with pb_secret_free(). */
PB_API char *pb_strings_format_http (PbHttpClient client,
    const PbHttpEndpoint *endpoint, const char **note);

/* "#!::r=session/slot,m=publish" (the sender) or m=request (the receiver). */
PB_API char *pb_strings_stream_id (const char *session, const char *stream,
    PbDirection direction);
/* The other way round, for a listener: also takes the bare "session/slot".
 * PB_ERROR_INVALID; at most 512 bytes; unknown keys are ignored. */
PB_API gboolean pb_strings_parse_stream_id (const char *text, char **session,
    char **stream, PbDirection *direction, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
