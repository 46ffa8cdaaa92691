/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-frame-gate.h"

/* What waits to be sent is late already: a return feed that lags is of less
 * use than one that skips. Audio may lag more, since a gap in it is worse. */
#define VIDEO_QUEUE_US (400 * 1000)
#define AUDIO_QUEUE_US G_USEC_PER_SEC
/* What was let through above the rate lies in a queue on the way, in time at
 * that rate. A keyframe and the reaction time of an encoder fit in. */
#define DEBT_US (500 * 1000)
/* no remembering beyond: audio alone may be more than the rate */
#define DEBT_MAX_US (2 * G_USEC_PER_SEC)
/* A gap ends only where what follows the keyframe has room as well. */
#define RESUME_QUEUE_US (100 * 1000)
#define RESUME_DEBT_US (100 * 1000)
/* Each is a burden to all consumers of the one encoder. */
#define KEYFRAME_AGAIN_US (2 * G_USEC_PER_SEC)

/* payments that are remembered: a second of pictures and sound, and more */
#define PAID_MAX 128

typedef struct
{
  gint64 at_us;
  double bits;
} Paid;

struct _PbFrameGate
{
  guint bps; /* 0: no bound */
  double debt_bits;
  gint64 now_us;
  gboolean has_now;
  Paid paid[PAID_MAX]; /* a ring */
  guint64 n_paid;

  /* Also before the first frame: a decoder needs a whole picture to begin. */
  gboolean is_waiting;
  gboolean has_refused; /* video, since it waits */
  gboolean can_resume;  /* a keyframe would have been let through */
  gboolean has_asked;
  gint64 asked_us;
  guint64 n_dropped;
};

/**
 * pb_frame_gate_new:
 *
 * Returns: (transfer full): a gate that lets audio through, and video from the
 *     first keyframe on
 *
 * Since: 0.1
 */
PbFrameGate *
pb_frame_gate_new (void)
{
  PbFrameGate *self = g_new0 (PbFrameGate, 1);

  self->is_waiting = TRUE;

  return self;
}

/**
 * pb_frame_gate_free:
 * @self: (transfer full): the gate
 *
 * Since: 0.1
 */
void
pb_frame_gate_free (PbFrameGate *self)
{
  g_free (self);
}

static double
debt_us (const PbFrameGate *self)
{
  return self->bps > 0 ? self->debt_bits * G_USEC_PER_SEC / self->bps : 0;
}

/* The way has carried since what it carries. */
static void
advance (PbFrameGate *self, gint64 now_us)
{
  gint64 now = CLAMP (now_us, 0, G_MAXINT64 / 2);

  if (self->has_now && now > self->now_us)
    self->debt_bits = MAX (self->debt_bits - (double) self->bps *
                                                 (double) (now - self->now_us) /
                                                 G_USEC_PER_SEC,
        0);
  self->now_us = self->has_now ? MAX (self->now_us, now) : now;
  self->has_now = TRUE;
}

static void
pay (PbFrameGate *self, gsize size)
{
  self->paid[self->n_paid++ % PAID_MAX] =
      (Paid){ self->now_us, 8.0 * (double) size };
  if (self->bps == 0)
    return;
  self->debt_bits = MIN (self->debt_bits + 8.0 * (double) size,
      (double) self->bps * DEBT_MAX_US / G_USEC_PER_SEC);
}

/**
 * pb_frame_gate_set_rate:
 * @self: the gate
 * @bps: what the way carries, audio included; 0: as much as comes
 *
 * Since: 0.1
 */
void
pb_frame_gate_set_rate (PbFrameGate *self, guint bps)
{
  /* What lies in the queue needs longer or shorter now; the bits remain. */
  self->bps = bps;
  if (bps == 0)
    self->debt_bits = 0;
}

/**
 * pb_frame_gate_pay:
 * @self: the gate
 * @size: octets
 * @now_us: as pb_frame_gate_admit()'s
 *
 * A frame went over the same way that this gate was not asked for.
 *
 * Since: 0.1
 */
void
pb_frame_gate_pay (PbFrameGate *self, gsize size, gint64 now_us)
{
  advance (self, now_us);
  pay (self, size);
}

/**
 * pb_frame_gate_forgive:
 * @self: the gate
 * @until_us: as pb_frame_gate_admit()'s
 *
 * What was let through until then has arrived: nothing of it lies in a queue.
 *
 * Since: 0.1
 */
void
pb_frame_gate_forgive (PbFrameGate *self, gint64 until_us)
{
  guint n = (guint) MIN (self->n_paid, PAID_MAX);
  double later = 0;

  for (guint i = 0; i < n; i++) {
    if (self->paid[i].at_us > until_us)
      later += self->paid[i].bits;
  }
  /* what is not remembered any more may be later, too */
  if (n < PAID_MAX || self->paid[self->n_paid % PAID_MAX].at_us <= until_us)
    self->debt_bits = MIN (self->debt_bits, later);
}

static gboolean
admit_video (PbFrameGate *self, gboolean is_keyframe, gint64 queued_us)
{
  double debt = debt_us (self);

  self->can_resume = queued_us <= RESUME_QUEUE_US && debt <= RESUME_DEBT_US;
  if (self->is_waiting)
    return is_keyframe && self->can_resume;

  return queued_us <= VIDEO_QUEUE_US && debt <= DEBT_US;
}

/**
 * pb_frame_gate_admit:
 * @self: the gate
 * @is_video: or audio
 * @is_keyframe: of video: it can be decoded alone
 * @size: octets
 * @queued_us: how much of that stream waits to be sent already
 * @now_us: by any clock that does not go back
 *
 * Audio is measured against its queue alone, and takes from the rate what video
 * is then measured against.
 *
 * Returns: whether it goes
 *
 * Since: 0.1
 */
gboolean
pb_frame_gate_admit (PbFrameGate *self, gboolean is_video, gboolean is_keyframe,
    gsize size, gint64 queued_us, gint64 now_us)
{
  gboolean goes;

  advance (self, now_us);
  goes = is_video ? admit_video (self, is_keyframe, queued_us)
                  : queued_us <= AUDIO_QUEUE_US;
  if (is_video) {
    self->is_waiting = !goes;
    self->has_refused = !goes;
  }
  if (goes)
    pay (self, size);
  else
    self->n_dropped++;

  return goes;
}

/**
 * pb_frame_gate_wants_keyframe:
 * @self: the gate
 * @now_us: as pb_frame_gate_admit()'s
 *
 * Whether the encoder should be asked for a keyframe: video was refused, and
 * would go again. Having said so it stays silent for two seconds.
 *
 * Returns: TRUE once
 *
 * Since: 0.1
 */
gboolean
pb_frame_gate_wants_keyframe (PbFrameGate *self, gint64 now_us)
{
  advance (self, now_us);
  if (!self->has_refused || !self->can_resume)
    return FALSE;
  if (self->has_asked && self->now_us - self->asked_us < KEYFRAME_AGAIN_US)
    return FALSE;

  self->has_asked = TRUE;
  self->asked_us = self->now_us;

  return TRUE;
}

/**
 * pb_frame_gate_restart:
 * @self: the gate
 *
 * The consumer begins, or begins again: video waits for a keyframe, and none
 * has been asked for.
 *
 * Since: 0.1
 */
void
pb_frame_gate_restart (PbFrameGate *self)
{
  self->is_waiting = TRUE;
  self->has_refused = FALSE;
  self->has_asked = FALSE;
  self->debt_bits = 0;
}

/**
 * pb_frame_gate_get_dropped:
 * @self: the gate
 *
 * Returns: frames that were refused, of both kinds
 *
 * Since: 0.1
 */
guint64
pb_frame_gate_get_dropped (PbFrameGate *self)
{
  return self->n_dropped;
}
