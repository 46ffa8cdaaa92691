/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-webrtc-peer.h"

G_BEGIN_DECLS

/* A PbWebrtcPeer that does nothing by itself: a test that brings this file
 * plays the network. It is called by the end's context; the test reads it
 * through mock_peer_call(). */

struct _PbWebrtcPeer
{
  guint serial; /* from 1: the how manieth that was made */
  GMainContext *context;
  PbWebrtcConfig config; /* strings and lists are not kept, but: */
  char *turn;            /* all of them, joined by spaces */
  char *stun, *address;
  PbWebrtcCallbacks callbacks;
  gpointer user_data;
  PbWebrtcState state;
  GPtrArray *remotes;    /* "type:sdp" */
  GPtrArray *candidates; /* "mline:candidate" */
  GPtrArray *texts;
  guint n_tracks, n_restarts, n_retracked, n_repeated, n_keyframes_asked;
  gboolean is_started;
  gboolean is_full; /* there is no room for other tracks */
  gint n_pushed; /* atomic */
  GstClockTime last_pts;
  PbWebrtcStats stats;
};

/* Everything below: any thread. */
void mock_peers_reset (void);
/* Until so many were made, ever */
void mock_peers_wait (guint n);
guint mock_peers_count (void);
/* Those that are not freed */
guint mock_peers_count_alive (void);
/* The last one made that lives; on its context, waited for. FALSE where there
 * is none. `serial` 0: the last. */
typedef void (*MockFunc) (PbWebrtcPeer *peer, gpointer user_data);
gboolean mock_peer_call (guint serial, MockFunc func, gpointer user_data);
void mock_peer_set_state (guint serial, PbWebrtcState state, PbFault fault);
void mock_peer_describe (guint serial, const char *type, const char *sdp);
void mock_peer_say (guint serial, const char *text);
void mock_peer_estimate (guint serial, guint bps);
void mock_peer_need_keyframe (guint serial);
/* A remote description of this content is refused. */
#define MOCK_BAD_SDP "bad"

G_END_DECLS
