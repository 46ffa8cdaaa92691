/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-health.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-report.h"
#include "pb-webrtc-end.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

G_BEGIN_DECLS

/* Shared by pb-webrtc-end.c (registration, messages, life) and its parts:
 * -meet (who is met), -attempt (how one counterpart is connected and brought
 * back), -signal (what it says of that), -media (what flows, at which rate),
 * -figures (health and stats) and -channel (what the data channel says). */

typedef enum {
  PB_WEBRTC_LINK_WAITING, /* until the next attempt, or for the caller's */
  PB_WEBRTC_LINK_CONNECTING,
  PB_WEBRTC_LINK_CONNECTED,
  PB_WEBRTC_LINK_INTERRUPTED, /* was connected; ICE is restarted */
} PbWebrtcLink;

/* Somebody at the other end of the slot, introduced by the server. All of it
 * belongs to the context's thread, but what is set in new. */
typedef struct
{
  /* set in new */
  PbWebrtcEnd *end; /* unowned */
  char *id;
  char *client; /* (nullable) */
  guint source; /* 0: the slot's sender */

  gboolean is_caller;   /* our end offers */
  gboolean has_back;    /* the receiver of the two may send */
  gboolean is_control;  /* its tally and cues count */
  gboolean can_trickle; /* FALSE: an HTTP client, which never comes back */
  gboolean is_gone;     /* from signalling; its media still flows */

  /* the attempt; pb-webrtc-end-attempt.c */
  PbWebrtcLink link;
  PbWebrtcPeer *peer;     /* (nullable) */
  GstClockTime base_time; /* of that peer; set before it is made */
  guint number;           /* `link` on the wire; 0: none yet */
  guint attempts;         /* since the last time it worked */
  guint n_candidates;     /* of theirs, since their description */
  gboolean has_remote;    /* their description is set */
  gboolean is_introduced, was_cut, has_channel;
  gboolean has_changes; /* of our tracks, that it could not be asked for */
  PbFault fault;    /* the last one, for `restart` */
  gint64 theirs_us; /* until when what they began is paid for */
  GSource *timer, *answer_timer;
  GPtrArray *early; /* `signal` messages until we are ready */

  /* figures; pb-webrtc-end-figures.c */
  gboolean is_asked; /* for figures, and has not answered */
  gboolean is_told;  /* that it is connected, and on which path */
  gboolean is_relayed;
  PbHealthSample sent, received; /* the last ones */
  const char *video_codec, *audio_codec;
  guint estimate_bps; /* 0: none yet */
  PbHealth *theirs;   /* (nullable): what their channel says */
  gint64 theirs_at_us;
} PbWebrtcCounterpart;

/* Where pushed buffers go */
typedef struct
{
  PbWebrtcPeer *peer;
  GstClockTime base_time;
} PbWebrtcFeed;

struct _PbWebrtcEnd
{
  /* set in new */
  GstElement *element; /* unowned */
  PbGstSession *session;
  GMainContext *context; /* the session's */
  PbWebrtcEndCallbacks callbacks;
  gpointer user_data;
  PbUri *uri;
  char *stream;
  PbDirection direction;
  gboolean has_srt, sends_back, gives_thumbnails, is_relay_only, has_fec;
  guint latency_ms, min_kbps, max_kbps;
  guint health_interval_ms;
  char *local_address; /* (nullable) */
  gboolean on_loopback;
  PbGstReport *report;
  char *us; /* our peer id */

  /* the context's thread */
  gboolean is_stopped, is_registered;
  PbGstMember *member;
  char *stun;              /* (nullable): "stun://address:port" */
  char **turn;             /* (nullable): wiped */
  GHashTable *tunnels;     /* (nullable): of PbTurnTunnel, by relay */
  GCancellable *resolving; /* STUN's name */
  GPtrArray *counterparts; /* of PbWebrtcCounterpart */
  PbMessage *next_sender;  /* (nullable): who came before the last had ended */
  GHashTable *foreign;     /* ids of those met over SRT */
  int srt_is_up;           /* atomic: a plain client signals nothing */
  GHashTable *sources;     /* id: source */
  guint next_source;
  GSource *health_timer, *absent_timer, *keyframe_timer, *rate_timer;
  guint n_quick;       /* early health reports to come */
  guint n_asked;       /* counterparts that owe figures */
  PbHealthSample past; /* totals of peers that are gone */
  PbHealthSample last; /* totals of the last report */
  gint64 last_us, keyframe_us, rate_us;
  guint told_kbps; /* the rate; 0: none yet */
  guint n_connected;
  guint64 audio_octets; /* at the last look */
  guint audio_bps;
  char *last_cue; /* (nullable) */
  gboolean last_cue_by_channel;
  gint64 last_cue_us;

  GRWLock feed_lock;
  GArray *feeds; /* feed_lock: PbWebrtcFeed */

  GMutex lock;
  PbState state;          /* lock */
  PbTally tally;          /* lock */
  gboolean is_playing;    /* lock */
  GstClock *clock;        /* lock (nullable) */
  GstClockTime base_time; /* lock */
  GArray *tracks;         /* lock (nullable): PbWebrtcTrack */
  GstStructure *stats;    /* lock */
  gboolean is_up;         /* lock: registered */
  guint n_channels;       /* lock: counterparts whose channel is open */
  gint64 cue_id;          /* lock: of the last cue's request */
  guint64 audio_pushed;   /* lock: octets */
};

/* --- pb-webrtc-end.c --- */

void pb_webrtc_end_tell (PbWebrtcEnd *self, const char *what);
void pb_webrtc_end_send_status (PbWebrtcEnd *self, PbWebrtcCounterpart *other,
    const char *srt, PbFault fault);
void pb_webrtc_end_set_tally (PbWebrtcEnd *self, const char *name);
/* Works out the state and tells the element if it is another. */
void pb_webrtc_end_update_state (PbWebrtcEnd *self);
/* Whether somebody is there over SRT */
gboolean pb_webrtc_end_has_foreign (PbWebrtcEnd *self);
/* Everything an attempt needs is known. */
gboolean pb_webrtc_end_is_ready (PbWebrtcEnd *self);

/* --- pb-webrtc-end-lent.c --- */

/* From `registered`; where a name must be looked up, those who wait begin
 * afterwards. */
void pb_webrtc_lent_find_stun (PbWebrtcEnd *self, JsonObject *registered);
/* `turn`, alone or in `registered` */
void pb_webrtc_lent_take_turn (PbWebrtcEnd *self, JsonObject *object);
void pb_webrtc_lent_free_turn (char **turn);

/* --- pb-webrtc-end-meet.c; on the context's thread --- */

PbWebrtcCounterpart *pb_webrtc_meet_find (PbWebrtcEnd *self, const char *id);
PbWebrtcCounterpart *pb_webrtc_meet_find_source (PbWebrtcEnd *self,
    guint source);
void pb_webrtc_meet_introduce (PbWebrtcEnd *self, PbMessage *message);
void pb_webrtc_meet_gone (PbWebrtcEnd *self, PbMessage *message);
void pb_webrtc_meet_signal (PbWebrtcEnd *self, PbMessage *message);
void pb_webrtc_meet_status (PbWebrtcEnd *self, PbMessage *message);
void pb_webrtc_meet_set_signalling (PbWebrtcEnd *self, gboolean is_up);
/* Where we are ready now: those that wait begin. */
void pb_webrtc_meet_begin_all (PbWebrtcEnd *self);
/* What is sent has changed. */
void pb_webrtc_meet_tracks_changed (PbWebrtcEnd *self);
void pb_webrtc_meet_drop (PbWebrtcEnd *self, PbWebrtcCounterpart *other);
void pb_webrtc_meet_retry (PbWebrtcEnd *self);
void pb_webrtc_meet_drop_all (PbWebrtcEnd *self);
void pb_webrtc_counterpart_free (gpointer data);

/* --- pb-webrtc-end-attempt.c; the same --- */

extern const PbWebrtcCallbacks pb_webrtc_attempt_callbacks;
void pb_webrtc_attempt_introduce (PbWebrtcCounterpart *other);
void pb_webrtc_attempt_set_signalling (PbWebrtcCounterpart *other,
    gboolean is_up);
void pb_webrtc_attempt_tracks_changed (PbWebrtcCounterpart *other);
void pb_webrtc_attempt_end (PbWebrtcCounterpart *other);
/* Another one, of this number */
void pb_webrtc_attempt_begin (PbWebrtcCounterpart *other, guint number);
/* Until it is up, or else it has failed */
void pb_webrtc_attempt_await (PbWebrtcCounterpart *other);
/* `is_ours`: this end has noticed, and tells */
void pb_webrtc_attempt_fail (PbWebrtcCounterpart *other, PbFault fault,
    gboolean is_ours);
/* Of a caller that is connected */
void pb_webrtc_attempt_restart_ice (PbWebrtcCounterpart *other);

/* --- pb-webrtc-end-signal.c --- */

void pb_webrtc_signal_take (PbWebrtcCounterpart *other, PbMessage *message);
/* What came before we were ready */
void pb_webrtc_signal_take_early (PbWebrtcCounterpart *other);

/* --- pb-webrtc-end-media.c --- */

/* Streaming thread; others are the context's. */
void pb_webrtc_media_received (PbWebrtcCounterpart *other, guint track,
    gboolean is_video, GstSample *sample);
GArray *pb_webrtc_tracks_copy (const PbWebrtcTrack *tracks, guint n_tracks);
void pb_webrtc_media_add (PbWebrtcEnd *self, PbWebrtcCounterpart *other);
void pb_webrtc_media_remove (PbWebrtcEnd *self, PbWebrtcPeer *peer);
/* A counterpart's estimate, or who is connected, has changed. */
void pb_webrtc_media_update_rate (PbWebrtcEnd *self);
/* Now, or as soon as the last one is long enough ago */
void pb_webrtc_media_want_keyframe (PbWebrtcEnd *self);

/* --- pb-webrtc-end-figures.c --- */

void pb_webrtc_figures_start (PbWebrtcEnd *self);
void pb_webrtc_figures_stop (PbWebrtcEnd *self);
/* A new connection: the first reports come soon, its path at once. */
void pb_webrtc_figures_hurry (PbWebrtcEnd *self, PbWebrtcCounterpart *other);
/* Its peer is about to go: what it counted stays. */
void pb_webrtc_figures_forget (PbWebrtcCounterpart *other);
void pb_webrtc_figures_tell_connected (PbWebrtcCounterpart *other);

/* --- pb-webrtc-end-channel.c --- */

void pb_webrtc_channel_opened (PbWebrtcCounterpart *other);
void pb_webrtc_channel_closed (PbWebrtcCounterpart *other);
void pb_webrtc_channel_take (PbWebrtcCounterpart *other, const char *text);
void pb_webrtc_channel_send_tally (PbWebrtcEnd *self,
    PbWebrtcCounterpart *only);
void pb_webrtc_channel_send_health (PbWebrtcCounterpart *other);
/* An `error` of the server's */
void pb_webrtc_channel_take_error (PbWebrtcEnd *self, PbMessage *message);
void pb_webrtc_channel_take_cue (PbWebrtcEnd *self, const char *text,
    gboolean by_channel);

G_END_DECLS
