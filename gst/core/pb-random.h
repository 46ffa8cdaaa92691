/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-api.h"

G_BEGIN_DECLS

/* Unbiased by rejection sampling; aborts the process if the system has no
 * randomness to give (there is no safe way on). */
PB_API char *pb_random_passphrase (void);      /* 32 of [A-Za-z0-9] */
PB_API char *pb_random_id (guint n_chars);     /* n of [A-Za-z0-9] */
PB_API void pb_random_bytes (void *out, gsize n_bytes);
/* How long to wait before the next attempt: doubled for each that failed, and
 * shortened by chance, so that those whom one server lost do not come back in
 * one moment. */
PB_API guint pb_random_backoff (guint first_ms, guint max_ms,
    guint n_doublings);

/* Frees a string after wiping it; the cleanup for every secret held as text. */
PB_API void pb_secret_free (char *secret);
/* Constant time for equal lengths; FALSE where either is NULL. */
PB_API gboolean pb_secret_equal (const char *a, const char *b);

G_END_DECLS
