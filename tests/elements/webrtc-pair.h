/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-webrtc-peer.h"

G_BEGIN_DECLS

/* Two peers in one process on 127.0.0.1, signalling by callbacks, with media
 * from real encoders. */

#define PAIR_TRACKS 4

typedef struct _Pair Pair;

typedef struct
{
  Pair *pair;
  guint index;
  PbWebrtcPeer *peer; /* NULL once freed */

  /* set before pair_start() */
  PbWebrtcConfig config;
  const char *media[PAIR_TRACKS]; /* "h264", "vp8", …; NULL ends it */
  guint n_first;                  /* how many of them at first; 0: all */
  /* (nullable): may change or withhold what goes to the other end; returns
   * (transfer full) the SDP or candidate, NULL to withhold it */
  char *(*on_description) (Pair *pair, guint from, const char *type,
      const char *sdp);
  char *(*on_candidate) (Pair *pair, guint from, const char *candidate);
  /* (nullable): what it receives; with the pair's lock, from any thread */
  void (*on_received) (Pair *pair, gboolean is_video, GstSample *sample);

  GstPad *sinks[PAIR_TRACKS];        /* behind its encoders */
  gboolean is_deaf;                  /* to what its peer says of keyframes */
  PbWebrtcTrack tracks[PAIR_TRACKS]; /* made by pair_start() */
  /* what was seen; the first group under the pair's lock */
  guint n_samples[PAIR_TRACKS], n_video, n_audio;
  guint n_fed; /* frames of video that its peer was given */
  GstCaps *caps[PAIR_TRACKS];
  GstClockTime last_pts[PAIR_TRACKS];
  guint64 n_octets; /* of all tracks */
  guint n_keyframes_asked, n_candidates, n_descriptions, n_estimates;
  guint estimate;
  gboolean is_gathered, is_channel_open;
  PbWebrtcState state;
  PbFault fault;
  guint n_connected;
  char *text;
  char *description; /* the last one it made */
  char *first_candidate;
} PairEnd;

struct _Pair
{
  GMainContext *context;
  GstElement *sources; /* one pipeline: the "owner's" */
  PairEnd ends[2];
  GMutex lock;
  gint64 began_us, first_sample_us, connected_us;
  gboolean holds_candidates; /* until pair_release_candidates() */
  GPtrArray *held;
  gboolean is_pushing;    /* lock */
  gboolean is_idle;       /* the peers are made, and not started */
  struct _PairLine *line; /* (nullable): webrtc-line.h */
};

Pair *pair_new (void);
/* Both send H.264 and Opus, and take it. */
Pair *pair_new_both_ways (void);
void pair_free (Pair *self);
/* Starts the encoders, waits for their caps, makes the peers, starts them. */
void pair_start (Pair *self);
/* While its encoders go on. */
void pair_end_peer (Pair *self, guint index);
void pair_release_candidates (Pair *self);
/* Runs the context until `is_there` says so; fails the test after a while. */
void pair_wait (Pair *self, gboolean (*is_there) (Pair *self));
gboolean pair_is_connected (Pair *self);
/* for pair_wait(): a second of what the first end sends */
gboolean pair_has_video (Pair *self);
gboolean pair_has_media (Pair *self);

G_END_DECLS
