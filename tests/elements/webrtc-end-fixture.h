/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fake-server.h"
#include "pb-webrtc-end.h"

G_BEGIN_DECLS

/* A PbWebrtcEnd on a fake server's session, and what it told. */

#define US "us_000001"
#define THEM "them_00001"
#define MAX_KBPS 6000

typedef struct
{
  FakeServer *server;
  PbGstSession *session;
  GstElement *element; /* posts the messages */
  GstBus *bus;
  GstClock *clock;
  PbWebrtcEnd *end;

  GMutex lock;
  GCond changed;
  guint n_keyframes, n_rates, kbps, n_states, n_consumers, n_gone, gone_source;
  guint n_received, received_source;
  GstClockTime received_pts;
} Fixture;

/* The end's configuration but uri and stream; NULL: a sender's */
void fixture_set_up (Fixture *f, gconstpointer config);
void fixture_tear_down (Fixture *f, gconstpointer unused);
/* The same with another session's end: (transfer full) */
void fixture_make_end (Fixture *f, const PbWebrtcEndConfig *config);

/* Registered, playing, with one video and one audio track */
void fixture_get_ready (Fixture *f);
void fixture_set_tracks (Fixture *f, guint n_tracks);
void fixture_play (Fixture *f, GstClockTime base_time);

/* `extra`: more members, each with its comma in front */
void fixture_introduce (Fixture *f, const char *peer, const char *role,
    const char *extra);
void fixture_signal (Fixture *f, const char *from, const char *kind, guint link,
    const char *data);
void fixture_gone (Fixture *f, const char *peer, const char *reason);
/* Until the end has read all that was said before */
void fixture_sync (Fixture *f);

void fixture_wait (Fixture *f, const guint *counter, guint n);
void fixture_wait_state (Fixture *f, PbState state);
/* The next element message of that name, whatever comes before it. */
GstMessage *fixture_pop (Fixture *f, const char *name);
/* Its string field has this value, at last. */
void fixture_expect (Fixture *f, const char *name, const char *field,
    const char *value);
guint fixture_count (Fixture *f, const char *name);

G_END_DECLS
