/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/pb-session.h"
#include "core/pb-strings.h"
#include "glue/pb-gst-session.h"
#include "pb-webrtc-peer.h"

G_BEGIN_DECLS

/**
 * PbWebrtcEnd:
 * One end of one slot over WebRTC: its registration and one PbWebrtcPeer for
 * each counterpart it is introduced to; brings each back after every failure,
 * reports faults, health, tally and cues. The twin of PbSrtEnd. Lives on the
 * session's context; the functions may be called from any thread and do not
 * wait for the network. After pb_webrtc_end_stop() no callback comes.
 */
typedef struct _PbWebrtcEnd PbWebrtcEnd;

/* Everything is copied. */
typedef struct
{
  const PbUri *uri;
  const char *stream;
  PbDirection direction; /* SEND or RECEIVE */
  /* Shared with a pbsrtbin of the same element: one registration, two
   * transports. (nullable): drawn */
  const char *peer_id;
  gboolean has_srt;          /* register `srt` after `webrtc` as well */
  gboolean sends_back;       /* RECEIVE: a return feed */
  gboolean gives_thumbnails; /* RECEIVE: still pictures, when asked */
  gboolean is_relay_only;
  gboolean has_fec;
  guint latency_ms;
  guint min_kbps, max_kbps;
  guint health_interval_ms;
  /* (nullable): numeric; as pbsrtbin's local-address */
  const char *local_address;
} PbWebrtcEndConfig;

typedef struct
{
  /* As PbWebrtcPeer's: streaming thread. `source` tells the counterparts apart
   * and is the same again when one comes back: 0 for the slot's sender. */
  void (*received) (guint source, guint track, gboolean is_video,
      GstSample *sample, gpointer user_data);
  /* That counterpart is gone for good. */
  void (*gone) (guint source, gpointer user_data);
  /* The rate for the one video encoder, for all consumers, in kbit/s. */
  void (*rate) (guint kbps, gpointer user_data);
  /* A consumer came, or lost a frame. */
  void (*needs_keyframe) (gpointer user_data);
  /* "state", "tally" or "consumers" has another value. */
  void (*changed) (const char *what, gpointer user_data);
  /* The session asks for a still picture from `us`. */
  void (*wants_thumbnail) (const char *us, gpointer user_data);
} PbWebrtcEndCallbacks;

/* What both ends of an element register that speaks both transports: a shared
 * registration (pb_gst_session_join()) must be the same. */
PbRegistration *pb_webrtc_end_make_registration (const char *stream,
    PbDirection direction, const char *peer_id, gboolean has_srt,
    gboolean sends_back, gboolean gives_thumbnails);

/* `element` posts the messages and outlives the end. */
PbWebrtcEnd *pb_webrtc_end_new (GstElement *element, PbGstSession *session,
    const PbWebrtcEndConfig *config, const PbWebrtcEndCallbacks *callbacks,
    gpointer user_data);
gboolean pb_webrtc_end_start (PbWebrtcEnd *self,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The element plays: no counterpart is met before. */
void pb_webrtc_end_play (PbWebrtcEnd *self, GstClock *clock,
    GstClockTime base_time);
/* Says goodbye, in the background: the stream has ended. */
void pb_webrtc_end_finish (PbWebrtcEnd *self);
void pb_webrtc_end_stop (PbWebrtcEnd *self);
/* What ends that were stopped left to end in the background is gone then, or it
 * takes more than some seconds. */
void pb_webrtc_end_settle (void);
PbWebrtcEnd *pb_webrtc_end_ref (PbWebrtcEnd *self);
void pb_webrtc_end_unref (PbWebrtcEnd *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbWebrtcEnd, pb_webrtc_end_unref)

/* What is sent: nobody is offered anything before it is first called (with none
 * where there is nothing to send); again where it changes. */
void pb_webrtc_end_set_tracks (PbWebrtcEnd *self, const PbWebrtcTrack *tracks,
    guint n_tracks);
/* The element's other transport has somebody: this one is not alone. */
void pb_webrtc_end_set_srt_up (PbWebrtcEnd *self, gboolean is_up);
/* Any thread, never waits; to all counterparts. Not transferred. */
void pb_webrtc_end_push (PbWebrtcEnd *self, guint track, GstBuffer *buffer);
void pb_webrtc_end_ask_keyframe (PbWebrtcEnd *self, guint source, guint track);

/* TRUE where it was sent or queued: an admin's session, or a counterpart's
 * channel. `text`: 1 to PB_CUE_MAX characters. */
gboolean pb_webrtc_end_send_cue (PbWebrtcEnd *self, const char *text);

PbState pb_webrtc_end_get_state (PbWebrtcEnd *self);
PbTally pb_webrtc_end_get_tally (PbWebrtcEnd *self);
/* How many counterparts are connected. */
guint pb_webrtc_end_get_n_connected (PbWebrtcEnd *self);
/* (transfer full): one structure per counterpart, docs/elements.md */
GstStructure *pb_webrtc_end_get_stats (PbWebrtcEnd *self);

G_END_DECLS
