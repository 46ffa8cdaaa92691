/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-rate-estimator.h"

/**
 * pb_rate_share:
 * @estimates: (array length=n_estimates) (nullable): bits per second
 * @n_estimates: of the connected consumers
 * @min_bps: the least that the encoder is given
 * @max_bps: the most
 *
 * The least of those who take at least half of what the best one takes: they
 * all see the whole picture, and whoever takes less is thinned alone.
 *
 * Returns: the encoder's rate in bits per second
 *
 * Since: 0.1
 */
guint
pb_rate_share (const guint *estimates, gsize n_estimates, guint min_bps,
    guint max_bps)
{
  guint best = 0, share;

  max_bps = MAX (min_bps, max_bps);
  if (n_estimates == 0)
    return max_bps;

  /* What nobody can be sent makes nobody the best. */
  for (gsize i = 0; i < n_estimates; i++)
    best = MAX (best, MIN (estimates[i], max_bps));
  share = best;
  for (gsize i = 0; i < n_estimates; i++) {
    if (estimates[i] >= best - best / 2)
      share = MIN (share, estimates[i]);
  }

  return CLAMP (share, min_bps, max_bps);
}
