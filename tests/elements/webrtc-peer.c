/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-debug.h"
#include "webrtc-pair.h"

static gboolean
has_media (Pair *pair)
{
  return pair->ends[1].n_video >= 50 && pair->ends[1].n_audio >= 50;
}

static void
test_one_direction (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  pair_start (pair);
  pair_wait (pair, has_media);
  g_assert_true (pair_is_connected (pair));
  g_assert_cmpuint (pair->ends[0].n_video, ==, 0);
  g_test_message ("connected after %.1f ms, first frame after %.1f ms",
      (pair->connected_us - pair->began_us) / 1e3,
      (pair->first_sample_us - pair->began_us) / 1e3);
  pair_free (pair);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  pb_gst_debug_init ();
  g_test_add_func ("/webrtc-peer/h264-and-opus-arrive", test_one_direction);

  return g_test_run ();
}
