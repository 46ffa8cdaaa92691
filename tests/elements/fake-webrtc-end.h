/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "webrtc/pb-webrtc-end.h"

G_BEGIN_DECLS

/* Stands where PbWebrtcEnd stands, in the element's own test: it keeps what the
 * element gives it, and gives the element what the test wants it to have. */
typedef struct
{
  GMutex lock;
  GCond cond;

  /* lock */
  guint n_made, n_started, n_played, n_finished, n_stopped, n_keyframes_asked;
  PbDirection direction;
  gboolean sends_back;
  char *stream; /* owned */
  guint latency_ms, min_kbps, max_kbps;
  GstClockTime base_time;
  guint n_set_tracks;
  GPtrArray *tracks;   /* of GstCaps, owned; NULL: not told yet */
  guint64 n_pushed[8]; /* by track */
  GPtrArray *pushed;   /* of GstBuffer: the first ones of track 0 */
  char *cue;           /* owned */

  PbWebrtcEndCallbacks callbacks;
  gpointer user_data;
} FakeEnd;

extern FakeEnd fake_end;

void fake_end_reset (void);

G_END_DECLS
