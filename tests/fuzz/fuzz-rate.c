/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "pb-frame-gate.h"
#include "pb-rate-estimator.h"

/* Feedback as a counterpart may make it up: whatever it says, the estimate
 * stays within its bounds, and the frame gate counts.
 *
 * Octets are read as operations: one that says which, then its numbers. */

typedef struct
{
  const uint8_t *data;
  size_t left;
} Reader;

static guint64
read_bits (Reader *reader, guint n_octets)
{
  guint64 value = 0;
  size_t n = MIN (n_octets, reader->left);

  memcpy (&value, reader->data, n);
  reader->data += n;
  reader->left -= n;

  return value;
}

/* Small steps, as real ones, and any number at all */
static gint64
read_time (Reader *reader, gint64 last)
{
  guint kind = (guint) read_bits (reader, 1);

  if (kind < 200)
    return (gint64) ((guint64) last + kind * 250);
  if (kind < 220)
    return (gint64) ((guint64) last - read_bits (reader, 2));
  if (kind < 240)
    return -1;

  return (gint64) read_bits (reader, 8);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Reader reader = { data, size };
  guint min_bps = (guint) read_bits (&reader, 3);
  guint max_bps = (guint) read_bits (&reader, 4);
  g_autoptr (PbRateEstimator) rate =
      pb_rate_estimator_new (min_bps, max_bps, (guint) read_bits (&reader, 4));
  g_autoptr (PbFrameGate) gate = pb_frame_gate_new ();
  gint64 sent = 0, received = 0, now = 0;
  PbRatePacket packets[64];

  while (reader.left > 0) {
    guint kind = (guint) read_bits (&reader, 1);
    guint n = kind / 4, bps;
    gsize frame;

    now = read_time (&reader, now);
    switch (kind % 4) {
      case 0:
        for (guint i = 0; i < n; i++) {
          sent = read_time (&reader, sent);
          received = read_time (&reader, received);
          packets[i] = (PbRatePacket){ sent, received,
            (guint) read_bits (&reader, n % 5) };
        }
        pb_rate_estimator_feed (rate, packets, n, read_time (&reader, n * 1000),
            now);
        break;
      case 1:
        pb_rate_estimator_tick (rate, now);
        break;
      case 2:
        min_bps = (guint) read_bits (&reader, 3);
        max_bps = (guint) read_bits (&reader, 4);
        pb_rate_estimator_set_bounds (rate, min_bps, max_bps);
        break;
      default:
        frame = read_bits (&reader, n % 8);
        pb_frame_gate_set_rate (gate, pb_rate_estimator_get (rate));
        pb_frame_gate_admit (gate, n & 1, n & 2, frame, read_time (&reader, 0),
            now);
        pb_frame_gate_wants_keyframe (gate, now);
        break;
    }
    bps = pb_rate_estimator_get (rate);
    FUZZ_CHECK (bps >= min_bps);
    FUZZ_CHECK (bps <= MAX (min_bps, max_bps));
    FUZZ_CHECK (pb_rate_estimator_get_loss (rate) >= 0);
    FUZZ_CHECK (pb_rate_estimator_get_loss (rate) <= 100);
  }

  return 0;
}
