/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/webrtc/webrtc.h>
#include <nice/agent.h>

#include "core/pb-sdp.h"
#include "pb-frame-count.h"
#include "pb-webrtc-codec.h"
#include "pb-webrtc-peer.h"
#include "pb-webrtc-rate.h"
#include "pb-webrtc-sdp.h"

G_BEGIN_DECLS

/* What the files of the peer share. Unless a comment says otherwise a field
 * belongs to the peer's context, and a function is called from there. */

/* One stream that we send: appsrc ! parser ! payloader ! capssetter ! webrtcbin
 */
typedef struct
{
  gatomicrefcount refs;
  PbWebrtcPeer *peer; /* not owned: who has the sender has the peer */
  guint index;
  const PbWebrtcCodec *codec; /* (nullable): nobody can send that */
  guint ssrc;
  GstCaps *caps;
  int mline;                            /* -1: none yet */
  GstPad *sink;                         /* owned: webrtcbin's */
  GstWebRTCRTPTransceiver *transceiver; /* owned */
  int is_wanted;                        /* atomic: the counterpart takes it */

  GMutex lock;
  GstAppSrc *source; /* lock; owned */
} PbWebrtcSender;

/* One stream of theirs */
typedef struct
{
  guint mline;
  gboolean is_video;
  GstPad *pad; /* (nullable) owned: a keyframe is asked for here */
  const PbWebrtcCodec *codec; /* with `pad` */
} PbWebrtcReceiver;

/* What rates are made of */
typedef struct
{
  gint64 at_us;
  guint64 sent_bytes, received_bytes;
  gint64 sent_packets, sent_lost, received_packets, received_lost;
  gint64 received_dropped, received_retransmitted; /* of the jitter buffers */
  gint64 sent_again;                               /* of the repeaters */
} PbWebrtcCounts;

struct _PbWebrtcPeer
{
  gatomicrefcount refs;

  /* set in new, then read-only */
  GMainContext *context; /* owned */
  PbWebrtcConfig config; /* its strings are below */
  char *stun;
  char **turn, **addresses;
  PbWebrtcCallbacks callbacks;
  gpointer user_data;

  PbWebrtcRate *rate;   /* owned; set in new, any thread */
  GstElement *pipeline; /* owned; NULL before start and once freed */
  GstElement *webrtc;   /* owned */
  NiceAgent *agent;     /* owned */
  PbWebrtcState state;
  gboolean has_local, has_remote; /* descriptions */
  GSource *deadline, *tick;       /* owned */

  /* negotiation */
  GstWebRTCSessionDescription *local; /* (nullable) owned: the last one */
  /* from create-offer, or their offer, to the answer's being set */
  gboolean is_negotiating;
  gboolean awaits_remote; /* their candidates wait for their description */
  gboolean awaits_answer; /* our offer has none yet */
  gboolean is_gathered, is_description_due, has_offered;
  GSource *gather;    /* owned */
  GQueue candidates;  /* of char *: "0 candidate:…", that wait */
  guint n_candidates; /* ours */
  guint n_remote_candidates;
  guint n_mlines, next_payload;
  /* what waits for the end of it */
  gboolean wants_restart;
  GArray *next_tracks; /* (nullable) owned: of PbWebrtcTrack */
  PbSdp *next_offer;   /* (nullable) owned */

  /* keyframes that were asked of the encoder */
  guint n_prompt_keyframes; /* that no interval keeps back */
  gint64 keyframe_us;       /* the last; 0: none yet */
  GSource *keyframe_timer;  /* owned: the next is due */

  gboolean is_on_loopback;
  gboolean has_restarted;    /* webrtcbin's ICE credentials are old */
  gboolean tells_candidates; /* again */

  GObject *channel; /* (nullable) owned: the data channel */
  gboolean is_channel_open;
  int n_texts;           /* atomic: on their way into the context */
  GQueue requests;       /* for figures: in the order of their promises */
  PbWebrtcCounts counts; /* at the last get_stats() */

  GMutex lock;
  gboolean is_closed;  /* lock: freed, nothing more is posted */
  GQueue tasks;        /* lock */
  GSource *deliver;    /* lock; owned */
  GPtrArray *senders;  /* lock; changed from the context only */
  PbSdp *remote;       /* lock; changed from the context only; (nullable) */
  GBytes *peer_der;    /* lock; (nullable): the certificate that was shown */
  GArray *receivers;   /* lock: of PbWebrtcReceiver, by track */
  guint n_pads;        /* lock: that webrtcbin made for their streams */
  PbFrameCount frames; /* lock: totals of their video; no times */
  GPtrArray *jitterbuffers; /* lock: of GstElement */
  GPtrArray *repeaters;     /* lock: of GstElement, rtprtxsend */

  GRWLock calling;  /* read: in `received`; write: to end that for good */
  gboolean is_over; /* calling */

  guint silent_s, longest_s; /* without a packet, and the most there was */
  int n_packets;             /* atomic: since the last tick */
  int is_verified;           /* atomic: the certificate is the one signalled */
  int can_send;              /* atomic: and the peer is CONNECTED */
  int n_frames_sent;         /* atomic: of video */
  int keyframe_asked;        /* atomic: needs_keyframe is on its way */
  int estimate_told;         /* atomic: so is estimate */
};

/* peer */
PbWebrtcPeer *pb_webrtc_peer_ref (PbWebrtcPeer *self);
void pb_webrtc_peer_unref (PbWebrtcPeer *self);

typedef void (*PbWebrtcTask) (PbWebrtcPeer *self, gpointer data);
/* Any thread: `func` runs in the context, unless the peer is freed first.
 * `data` is freed by `destroy` in any case. */
void pb_webrtc_peer_post (PbWebrtcPeer *self, PbWebrtcTask func, gpointer data,
    GDestroyNotify destroy);
/* g_signal_connect() with a reference for as long as it lasts. */
void pb_webrtc_peer_connect (PbWebrtcPeer *self, gpointer object,
    const char *signal, GCallback callback);
/* A promise whose answer comes to `func`, in the context, as its GstStructure
 * (nullable). */
GstPromise *pb_webrtc_peer_new_promise (PbWebrtcPeer *self, PbWebrtcTask func);
void pb_webrtc_peer_set_state (PbWebrtcPeer *self, PbWebrtcState state,
    PbFault fault);
void pb_webrtc_peer_fail (PbWebrtcPeer *self, PbFault fault,
    const char *reason);
/* Any thread. */
void pb_webrtc_peer_verify (PbWebrtcPeer *self);
void pb_webrtc_peer_tell_estimate (PbWebrtcPeer *self);

/* teardown */
#define PB_WEBRTC_BIN "webrtc" /* its name in the pipeline */
void pb_webrtc_teardown (GstElement *pipeline);

/* send */
PbWebrtcSender *pb_webrtc_sender_new (PbWebrtcPeer *peer, guint index,
    const PbWebrtcTrack *track);
PbWebrtcSender *pb_webrtc_sender_ref (PbWebrtcSender *self);
void pb_webrtc_sender_unref (gpointer self);
/* Makes the chain and webrtcbin's pad for its m-line. `extmap`: 0 for none */
gboolean pb_webrtc_sender_link (PbWebrtcSender *self, guint payload,
    guint extmap, GstCaps *caps);
void pb_webrtc_sender_set_caps (PbWebrtcSender *self, GstCaps *caps);
void pb_webrtc_sender_push (PbWebrtcSender *self, GstBuffer *buffer);
void pb_webrtc_send_ask_keyframe (PbWebrtcPeer *self);
/* Connected, or again: nothing of what was sent before is there. */
void pb_webrtc_send_restart (PbWebrtcPeer *self);
/* An element of webrtcbin's that is about to start: counts what goes out. */
void pb_webrtc_send_watch (PbWebrtcPeer *peer, GstElement *nicesink);
/* Another, that sends once more what was asked for: it counts itself. */
void pb_webrtc_send_on_repeater (PbWebrtcPeer *peer, GstElement *rtxsend);

/* receive */
/* A stream that comes: it was made, and nothing has passed it. */
void pb_webrtc_receive_on_jitterbuffer (PbWebrtcPeer *peer,
    GstElement *jitterbuffer);
void pb_webrtc_receive_watch (PbWebrtcPeer *peer, GstElement *nicesrc);
void pb_webrtc_receive_on_pad_added (GstElement *webrtc, GstPad *pad,
    PbWebrtcPeer *peer);

/* channel */
void pb_webrtc_channel_offer (PbWebrtcPeer *self);
void pb_webrtc_channel_on_data_channel (GstElement *webrtc, GObject *channel,
    PbWebrtcPeer *self);

/* ice */
/* Before the first candidates are gathered */
void pb_webrtc_ice_add_relays (PbWebrtcPeer *self);
gboolean pb_webrtc_ice_set_up (PbWebrtcPeer *self);
gboolean pb_webrtc_ice_add_candidate (PbWebrtcPeer *self, guint mline,
    const char *candidate, GError **error);
void pb_webrtc_ice_flush (PbWebrtcPeer *self);
char *pb_webrtc_ice_dup_told (PbWebrtcPeer *self, const char *candidate);
char **pb_webrtc_ice_dup_candidates (PbWebrtcPeer *self);
void pb_webrtc_ice_write_credentials (PbWebrtcPeer *self, GstSDPMessage *sdp);
void pb_webrtc_ice_restart (PbWebrtcPeer *self);
void pb_webrtc_ice_tell_candidates (PbWebrtcPeer *self);
gboolean pb_webrtc_ice_is_relayed (PbWebrtcPeer *self);

/* tracks */
gboolean pb_webrtc_tracks_offer (PbWebrtcPeer *self);
gboolean pb_webrtc_tracks_take_answer (PbWebrtcPeer *self);
gboolean pb_webrtc_tracks_answer (PbWebrtcPeer *self, gboolean *is_any);
void pb_webrtc_tracks_number (PbWebrtcPeer *self);
gboolean pb_webrtc_tracks_replace (PbWebrtcPeer *self, const GArray *tracks);
/* Whether there are m-lines left for these */
gboolean pb_webrtc_tracks_fit (PbWebrtcPeer *self, const PbWebrtcTrack *tracks,
    guint n_tracks);

/* negotiate */
void pb_webrtc_negotiate_start (PbWebrtcPeer *self);
gboolean pb_webrtc_negotiate_remote (PbWebrtcPeer *self, const char *type,
    const char *text, GError **error);
void pb_webrtc_negotiate_on_gathered (PbWebrtcPeer *self, gpointer unused);

G_END_DECLS
