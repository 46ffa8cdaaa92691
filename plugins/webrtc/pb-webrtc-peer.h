/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/pb-fault.h"
#include "core/pb-health.h"
#include "pb-webrtc-codec.h"

G_BEGIN_DECLS

/**
 * PbWebrtcPeer:
 * One WebRTC connection to one counterpart: a webrtcbin in a pipeline of its
 * own, so that whatever happens to it happens to nobody else. It knows neither
 * the session nor the element: its owner carries descriptions and candidates
 * (docs/protocol.md 5.2), hands it encoded media and takes what arrives.
 *
 * Belongs to one main context: every function but pb_webrtc_peer_push() is
 * called from its thread, and every callback but `received` comes from there,
 * never from inside a call.
 */
typedef struct _PbWebrtcPeer PbWebrtcPeer;

/* One stream that we send: `caps` are of encoded media, parsed, one access
 * unit or frame per buffer, with PTS as running time of the owner's pipeline.
 */
typedef struct
{
  gboolean is_video;
  GstCaps *caps;
  const PbWebrtcCodec *codec; /* (nullable): of `caps`; the end's own copy */
} PbWebrtcTrack;

typedef enum {
  PB_WEBRTC_NEW, /* until both descriptions are there */
  PB_WEBRTC_CONNECTING,
  PB_WEBRTC_CONNECTED,   /* DTLS done, the certificate is the one signalled */
  PB_WEBRTC_INTERRUPTED, /* was connected; packets stopped; may come back */
  PB_WEBRTC_FAILED,      /* for good: make another peer */
} PbWebrtcState;

/* Everything is copied. */
typedef struct
{
  gboolean is_offerer;
  /* FALSE: our description waits for all our candidates (WHIP, WHEP) */
  gboolean can_trickle;
  /* Whether the counterpart may send us media at all: FALSE makes our m-lines
   * sendonly, and what arrives all the same is dropped. */
  gboolean may_receive;
  /* Whether we may send: FALSE answers recvonly. */
  gboolean may_send;
  /* TRUE: an m-line for each kind that we do not send is offered recvonly, so
   * that the counterpart can send it. */
  gboolean wants_audio, wants_video;
  gboolean has_data_channel;
  gboolean is_relay_only; /* ice-transport-policy=relay */
  guint latency_ms;       /* of the jitter buffers */
  gboolean has_fec;       /* offer ULPFEC beside NACK and RTX */
  guint min_kbps;         /* of video, for the estimator */
  const char *stun;       /* (nullable): "stun://address:port" */
  /* (nullable): "turn(s)://user:pass@host:port?…", user and password escaped
   * once. GstUri unescapes the user info before webrtcbin splits it at its
   * first
   * ':': for webrtcbin's own properties escape both once more. */
  const char *const *turn;
  /* (nullable): numeric addresses to gather on; NULL: all but loopback */
  const char *const *addresses;
  /* the owner's pipeline: buffers keep their running time through both */
  GstClock *clock;
  GstClockTime base_time;
} PbWebrtcConfig;

/* Totals since the peer began, rates since the last call. */
typedef struct
{
  PbHealthSample sent, received; /* what we send and what we receive */
  gboolean is_relayed;
  const char *video_codec, *audio_codec; /* (nullable), static: "H264" */
} PbWebrtcStats;

typedef struct
{
  /* `type` is "offer" or "answer" */
  void (*description) (PbWebrtcPeer *self, const char *type, const char *sdp,
      gpointer user_data);
  void (*candidate) (PbWebrtcPeer *self, guint mline, const char *candidate,
      gpointer user_data);
  void (*candidates_done) (PbWebrtcPeer *self, gpointer user_data);
  /* `fault` is why it is INTERRUPTED or FAILED */
  void (*changed) (PbWebrtcPeer *self, PbWebrtcState state, PbFault fault,
      gpointer user_data);
  /* A stream from the counterpart: `track` counts from 0. Streaming thread, as
   * are the buffers that follow; caps come with the first sample and with each
   * that changes them. PTS is the running time of the owner's pipeline. */
  void (*received) (PbWebrtcPeer *self, guint track, gboolean is_video,
      GstSample *sample, gpointer user_data);
  /* What the way carries of frames, in bits per second: all that we send less
   * headers and what was lost and goes out once more. */
  void (*estimate) (PbWebrtcPeer *self, guint bps, gpointer user_data);
  /* The counterpart lost a frame and asks for a whole one. */
  void (*needs_keyframe) (PbWebrtcPeer *self, gpointer user_data);
  /* Text from the data channel, at most PB_WEBRTC_TEXT_MAX octets of UTF-8. */
  void (*text) (PbWebrtcPeer *self, const char *text, gpointer user_data);
  void (*channel_open) (PbWebrtcPeer *self, gpointer user_data);
} PbWebrtcCallbacks;

#define PB_WEBRTC_TEXT_MAX 4096

/* No callback comes after pb_webrtc_peer_free(). */
PbWebrtcPeer *pb_webrtc_peer_new (GMainContext *context,
    const PbWebrtcConfig *config, const PbWebrtcTrack *tracks, guint n_tracks,
    const PbWebrtcCallbacks *callbacks, gpointer user_data);
/* Ends at once for the caller; the pipeline goes in the background. */
void pb_webrtc_peer_free (PbWebrtcPeer *self);
/* Any thread: waits until the pipelines of all that were freed are gone. */
void pb_webrtc_peer_settle (void);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbWebrtcPeer, pb_webrtc_peer_free)

/* The offerer begins; the answerer waits for set_remote(). */
gboolean pb_webrtc_peer_start (PbWebrtcPeer *self,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* PB_ERROR_INVALID: refused by pb-sdp (core), nothing has changed. An error of
 * webrtcbin's comes as `changed` to FAILED. A second offer renegotiates; one
 * with other ICE credentials restarts ICE. */
gboolean pb_webrtc_peer_set_remote (PbWebrtcPeer *self, const char *type,
    const char *sdp, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Refused (PB_ERROR_INVALID) where pb-candidate (core) says so; mDNS names are
 * passed over in silence. Before the remote description they wait. */
gboolean pb_webrtc_peer_add_candidate (PbWebrtcPeer *self, guint mline,
    const char *candidate, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Why it is not connected yet, should it be given up now: nobody answered, or
 * somebody did and no path was found. */
PbFault pb_webrtc_peer_get_late_fault (PbWebrtcPeer *self);
/* Offerer: new ICE credentials, same connection. */
void pb_webrtc_peer_restart_ice (PbWebrtcPeer *self);
/* Offerer: an offer that waits for its answer is told once more. */
void pb_webrtc_peer_repeat_offer (PbWebrtcPeer *self);
/* Offerer: what is sent has changed: a new offer follows. FALSE: there is no
 * room for it, and nothing has changed. */
gboolean pb_webrtc_peer_set_tracks (PbWebrtcPeer *self,
    const PbWebrtcTrack *tracks, guint n_tracks) G_GNUC_WARN_UNUSED_RESULT;

/* Any thread; never waits. What does not fit is dropped: video up to the next
 * keyframe, and video before audio. Nothing is sent before CONNECTED. Not
 * transferred. */
void pb_webrtc_peer_push (PbWebrtcPeer *self, guint track,
    const PbWebrtcCodec *codec, GstBuffer *buffer);
/* Asks the counterpart for a keyframe of what it sends. */
void pb_webrtc_peer_ask_keyframe (PbWebrtcPeer *self, guint track);
/* FALSE where the channel is not open. */
gboolean pb_webrtc_peer_send_text (PbWebrtcPeer *self, const char *text);

PbWebrtcState pb_webrtc_peer_get_state (PbWebrtcPeer *self);
/* The answer comes to `done` on the peer's context, unless the peer is freed
 * first; `stats` is valid for the call. */
typedef void (*PbWebrtcStatsFunc) (PbWebrtcPeer *self,
    const PbWebrtcStats *stats, gpointer user_data);
void pb_webrtc_peer_get_stats (PbWebrtcPeer *self, PbWebrtcStatsFunc done,
    gpointer user_data);

G_END_DECLS
