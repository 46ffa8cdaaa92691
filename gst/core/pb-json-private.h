/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-json.h"

G_BEGIN_DECLS

/* Where a reader of JSON stands. The pb_json_skip_*() move `at` behind what
 * they read, or leave it at the byte that is wrong and set `problem`. */
typedef struct
{
  const guint8 *start;
  const guint8 *at;
  const guint8 *end;
  const char *problem; /* static */
} PbJsonCursor;

static inline gboolean
pb_json_fail (PbJsonCursor *self, const char *problem)
{
  self->problem = problem;

  return FALSE;
}

/* `at` is on the opening quote; a string without escapes is plain. */
gboolean pb_json_skip_string (PbJsonCursor *self, gboolean *is_plain);
/* `at` is on a digit or a minus sign. */
gboolean pb_json_skip_number (PbJsonCursor *self, PbJsonKind *kind);

/* Of strings that were skipped before, as slices without their quotes: whether
 * they are the same text after unescaping, and a hash of that text. */
gboolean pb_json_is_same (const guint8 *a, gsize a_length, const guint8 *b,
    gsize b_length);
guint32 pb_json_hash (const guint8 *text, gsize length, gboolean is_plain);

G_END_DECLS
