/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/webrtc/webrtc.h>
#include <nice/agent.h>

#include "pb-webrtc-codec.h"
#include "pb-webrtc-peer.h"
#include "pb-webrtc-rate.h"
#include "pb-webrtc-sdp.h"

G_BEGIN_DECLS

/* What the files of the peer share. Unless a comment says otherwise a field
 * belongs to the peer's context, and a function is called from there. */

/* One stream that we send: appsrc ! payloader ! capssetter ! webrtcbin */
typedef struct
{
  gatomicrefcount refs;
  PbWebrtcPeer *peer; /* not owned: pads' probes hold it */
  guint index;
  GstCaps *caps;
  const PbWebrtcCodec *codec; /* (nullable): nobody can send that */
  guint ssrc;

  /* set where it is linked; read by any thread once `is_linked` */
  GstElement *bin; /* owned by the pipeline */
  GstAppSrc *source; /* owned */
  GstPad *sink; /* owned: webrtcbin's */
  GstWebRTCRTPTransceiver *transceiver; /* owned */

  GMutex lock;
} PbWebrtcSender;

/* What rates are made of */
typedef struct
{
  gint64 at_us;
  guint64 sent_bytes, received_bytes;
  gint64 sent_packets, sent_lost, received_packets, received_lost;
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

  GstElement *pipeline; /* owned; NULL once freed */
  GstElement *webrtc; /* owned */
  NiceAgent *agent; /* owned */
  PbWebrtcState state;
  gboolean has_local, has_remote; /* descriptions */
  GSource *deadline; /* owned */
  GSource *second; /* owned: each second while connected */

  PbWebrtcRate *rate; /* owned; set in new, any thread */

  /* negotiation */
  GstWebRTCSessionDescription *local; /* being set */
  gboolean is_negotiating; /* from create-… or set_remote() to the end of it */
  gboolean wants_offer; /* once it is over */
  gboolean is_gathered, is_description_due;
  GQueue candidates; /* of char *: "mline candidate:…", before the description */
  GstSDPMessage *remote; /* (nullable) owned: the last one */
  guint n_remote_candidates;

  GObject *channel; /* (nullable) owned: the data channel */
  gboolean is_channel_open;
  int n_texts; /* atomic: on their way into the context */
  GQueue requests; /* for figures: in the order of their promises */
  PbWebrtcCounts counts; /* at the last get_stats() */

  GMutex lock;
  GQueue tasks; /* lock */
  GSource *deliver; /* lock; owned */
  GPtrArray *senders; /* lock: of PbWebrtcSender */
  GPtrArray *fingerprints; /* lock; (nullable): as pb-webrtc-sdp.h has them */
  char *peer_pem; /* lock; (nullable): the certificate that was shown */
  GHashTable *receivers; /* lock: m-line -> track + 1 */
  GPtrArray *received; /* lock: GstPad of each track, or NULL */

  GRWLock calling; /* read: in `received`; write: to end that for good */
  gboolean is_over; /* calling */

  int is_verified; /* atomic: the certificate is the one signalled */
  int can_send; /* atomic: and the peer is CONNECTED */
  int estimate_due; /* atomic: estimate is on its way */
  int keyframe_asked; /* atomic: needs_keyframe is on its way */
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

/* send */
PbWebrtcSender *pb_webrtc_sender_new (PbWebrtcPeer *peer, guint index,
    const PbWebrtcTrack *track);
PbWebrtcSender *pb_webrtc_sender_ref (PbWebrtcSender *self);
void pb_webrtc_sender_unref (gpointer self);
/* Makes the chain and links it to webrtcbin's pad for the m-line. `extmap`: 0
 * for none */
gboolean pb_webrtc_sender_link (PbWebrtcSender *self, guint mline,
    guint payload, guint extmap);
void pb_webrtc_sender_push (PbWebrtcSender *self, GstBuffer *buffer);
/* Any thread: what the way carries has changed. */
void pb_webrtc_sender_tell_estimate (PbWebrtcPeer *peer);
/* Nothing but a keyframe goes next. */
void pb_webrtc_sender_restart (PbWebrtcSender *self);

/* receive */
/* A stream that comes: it was made, and nothing has passed it. */
void pb_webrtc_receive_on_jitterbuffer (GstElement *jitterbuffer);
void pb_webrtc_receive_on_pad_added (GstElement *webrtc, GstPad *pad,
    PbWebrtcPeer *peer);

/* channel */
void pb_webrtc_channel_offer (PbWebrtcPeer *self);
void pb_webrtc_channel_on_data_channel (GstElement *webrtc, GObject *channel,
    PbWebrtcPeer *self);

/* negotiate */
void pb_webrtc_negotiate_offer (PbWebrtcPeer *self);
gboolean pb_webrtc_negotiate_remote (PbWebrtcPeer *self, const char *type,
    const char *text, GError **error);
void pb_webrtc_negotiate_candidate (PbWebrtcPeer *self, guint mline,
    const char *candidate);
void pb_webrtc_negotiate_on_gathered (PbWebrtcPeer *self, gpointer unused);

G_END_DECLS
