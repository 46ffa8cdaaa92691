/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-report.h"
#include "pb-srt-end.h"
#include "pb-srt-peer.h"
#include "pb-srt-plain.h"

#define GST_CAT_DEFAULT pb_gst_debug_srt_bin

G_BEGIN_DECLS

/* Shared by pb-srt-end.c (registration, messages, life), pb-srt-meet.c (who is
 * met, and on which path) and pb-srt-events.c (what the engine tells). */

/* Somebody at the other end of the slot, introduced by the server */
typedef struct
{
  PbSrtEnd *end; /* unowned */
  char *id;
  char *client;           /* (nullable) */
  PbSrtPeer *ice;         /* either this */
  PbSrtPlain *plain;      /* or this */
  GSocketAddress *remote; /* (nullable) of the ICE link */
  guint media;            /* the link that carries; 0: none */
  gboolean is_gone;       /* from signalling; its link still lives */
} PbSrtCounterpart;

struct _PbSrtEnd
{
  /* set in new */
  GstElement *element; /* unowned */
  PbGstSession *session;
  GMainContext *context; /* the session's */
  PbSrtEndCallbacks callbacks;
  gpointer user_data;
  PbUri *uri;
  char *stream, *stream_id, *resource;
  PbDirection direction;
  PbSrtEndMode mode;
  guint latency_ms;
  char *own_passphrase; /* wiped */
  char *local_address, *peer_host;
  guint local_port, peer_port;
  guint health_interval_ms;
  PbRegistration *shared; /* (nullable) */
  gboolean on_loopback, gives_thumbnails;
  PbSrtIo *io;
  PbGstReport *report;
  char *us; /* our peer id */

  /* the context's thread */
  gboolean is_stopped, is_registered;
  PbGstMember *member;
  char *slot_passphrase; /* wiped */
  guint slot_port;
  PbCipher cipher;
  char *stun_address; /* numeric */
  guint stun_port;
  GCancellable *resolving; /* STUN's name */
  GPtrArray *early;        /* `peer` messages that wait for it */
  GPtrArray *counterparts; /* of PbSrtCounterpart */
  PbSrtPlain *plain;       /* (nullable): our own plain endpoint */
  GArray *plain_media;     /* guint: its links that carry */
  guint n_quick;           /* early health reports to come */
  PbSrtStats last;         /* of the last health report */
  gint64 last_us;
  gint64 key_frame_asked;  /* monotonic us; 0: never */
  GSource *health_timer, *absent_timer;

  gint active; /* atomic: the link whose data a receiver takes; 0: none */

  GMutex lock;
  PbState state;         /* lock */
  PbTally tally;         /* lock */
  guint slot_latency_ms; /* lock */
  guint negotiated_ms;   /* lock; 0: not yet */
};

/* pb-srt-events.c; from the engine's thread */
extern const PbSrtIoCallbacks pb_srt_events_io_callbacks;

/* pb-srt-meet.c; all on the context's thread, close_media() on any */
/* `root` is what open_link returned, not what a listener accepted there. */
PbSrtCounterpart *pb_srt_meet_find_by_root (PbSrtEnd *self, guint root);
void pb_srt_meet_close_media (PbSrtEnd *self, guint link);
void pb_srt_meet_drop (PbSrtEnd *self, PbSrtCounterpart *other);
void pb_srt_meet_introduce (PbSrtEnd *self, PbMessage *message);
void pb_srt_meet_gone (PbSrtEnd *self, PbMessage *message);
void pb_srt_meet_signal (PbSrtEnd *self, PbMessage *message);
void pb_srt_meet_status (PbSrtEnd *self, PbMessage *message);
void pb_srt_meet_set_signalling (PbSrtEnd *self, gboolean is_up);
/* Our own plain endpoint, where the mode has one */
void pb_srt_meet_start_plain (PbSrtEnd *self);
/* After a resume: what runs is told again. */
void pb_srt_meet_tell_again (PbSrtEnd *self);
void pb_srt_meet_drop_all (PbSrtEnd *self);
void pb_srt_counterpart_free (gpointer data);

/* pb-srt-end.c */
void pb_srt_end_send_status (PbSrtEnd *self, const char *srt, const char *with,
    PbFault fault, const char *path, guint latency_ms);
/* What we ask for: the property's, else the session's */
guint pb_srt_end_get_wanted_latency (PbSrtEnd *self);
void pb_srt_end_set_negotiated (PbSrtEnd *self, guint latency_ms);
void pb_srt_end_hurry_health (PbSrtEnd *self);
/* Works out the state and tells the element if it is another. */
void pb_srt_end_update_state (PbSrtEnd *self);

G_END_DECLS
