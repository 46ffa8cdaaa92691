/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbFrameGate:
 * Whether the next frame goes to one consumer: within what its way carries and
 * what its queue holds; audio always before video; video that was dropped stays
 * away until a keyframe, so that nobody sees a broken picture. Pure: times are
 * given in microseconds. Not thread safe.
 */
typedef struct _PbFrameGate PbFrameGate;

PbFrameGate *pb_frame_gate_new (void);
void pb_frame_gate_free (PbFrameGate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbFrameGate, pb_frame_gate_free)

/* 0: as much as comes */
void pb_frame_gate_set_rate (PbFrameGate *self, guint bps);
/* `queued_us`: how much of that stream waits to be sent already. */
gboolean pb_frame_gate_admit (PbFrameGate *self, gboolean is_video,
    gboolean is_keyframe, gsize size, gint64 queued_us, gint64 now_us);
/* What went over the same way past another gate. */
void pb_frame_gate_pay (PbFrameGate *self, gsize size, gint64 now_us);
/* TRUE once after frames were dropped: a keyframe would end the gap. */
gboolean pb_frame_gate_wants_keyframe (PbFrameGate *self, gint64 now_us);
/* What was let through up to then has arrived: none of it waits on the way. */
void pb_frame_gate_forgive (PbFrameGate *self, gint64 until_us);
/* Nobody has what was sent before: video begins with a keyframe again. */
void pb_frame_gate_restart (PbFrameGate *self);
guint64 pb_frame_gate_get_dropped (PbFrameGate *self);

G_END_DECLS
