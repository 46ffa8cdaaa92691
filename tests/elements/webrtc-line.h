/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "webrtc-pair.h"

G_BEGIN_DECLS

/* A bad network between the two ends of a Pair, pb-netsim, and a sender that
 * takes its rate from the estimate, as pbsrcsink does. */
typedef struct _PairLine PairLine;

#define PAIR_MIN_KBPS 100
#define PAIR_MAX_KBPS 4000
/* Opus of a Pair */
#define PAIR_AUDIO_BPS 64000

/* Before pair_start(): end 0 sends H.264 and Opus through pb-netsim with these
 * options, which are kept. */
PairLine *pair_line_new (Pair *pair, const char *const *options);
/* The encoder that end 0 sends from: after pair_start(); not transferred. */
GstElement *pair_line_find (PairLine *self, const char *factory);
/* Tells the encoder what was estimated last; returns what it has, in kbit/s. */
guint pair_line_follow (PairLine *self);
/* Nothing passes until it is taken back; what comes meanwhile is lost but for
 * what the kernel keeps. */
void pair_line_halt (PairLine *self, gboolean is_halted);
/* Ends pb-netsim: nothing passes any more. Returns (transfer full) its counts
 * of both ways: `up` is from end 0. */
char *pair_line_end (PairLine *self);
/* After pair_line_end() and pair_free(). */
void pair_line_free (PairLine *self);

G_END_DECLS
