/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a viewer sees of a stream, counted from its presentation times. */
#include "config.h"

#include "pb-frame-count.h"

#define FRAME_US 40000

static void
run (PbFrameCount *count, gint64 *now, guint n, gint64 interval_us)
{
  for (guint i = 0; i < n; i++)
    pb_frame_count_add (count, *now += interval_us);
}

static void
test_a_steady_stream_misses_nothing (void)
{
  PbFrameCount count = { 0 };
  gint64 now = 0;

  /* times of arrival waver; so do those of the jitter buffer */
  for (guint i = 0; i < 1000; i++)
    run (&count, &now, 1, FRAME_US + (i % 2 == 0 ? 6000 : -6000));
  g_assert_cmpint (count.n_frames, ==, 1000);
  g_assert_cmpint (count.n_missing, ==, 0);
  g_assert_cmpint (count.n_freezes, ==, 0);
}

static void
test_a_gap_is_counted_in_frames (void)
{
  PbFrameCount count = { 0 };
  gint64 now = 0;

  run (&count, &now, 50, FRAME_US);
  run (&count, &now, 1, 3 * FRAME_US);
  run (&count, &now, 50, FRAME_US);
  g_assert_cmpint (count.n_frames, ==, 101);
  g_assert_cmpint (count.n_missing, ==, 2);
  /* a tenth of a second is no freeze */
  g_assert_cmpint (count.n_freezes, ==, 0);
}

static void
test_a_picture_that_stands_still_is_a_freeze (void)
{
  PbFrameCount count = { 0 };
  gint64 now = 0;

  run (&count, &now, 50, FRAME_US);
  run (&count, &now, 1, 25 * FRAME_US);
  run (&count, &now, 10, FRAME_US);
  run (&count, &now, 1, 6 * FRAME_US);
  g_assert_cmpint (count.n_freezes, ==, 2);
  g_assert_cmpint (count.n_missing, >=, 27);
  g_assert_cmpint (count.n_missing, <=, 29);
}

static void
test_a_slower_sender_becomes_usual (void)
{
  PbFrameCount count = { 0 };
  gint64 now = 0, missing;

  run (&count, &now, 50, FRAME_US);
  run (&count, &now, 60, 2 * FRAME_US);
  missing = count.n_missing;
  run (&count, &now, 200, 2 * FRAME_US);
  g_assert_cmpint (count.n_missing, ==, missing);
  g_assert_cmpint (count.n_freezes, ==, 0);
}

static void
test_times_that_stand_or_go_back_do_no_harm (void)
{
  static const gint64 times[] = { 5, 5, G_MININT32, 0, 4, G_MAXINT32 };
  PbFrameCount count = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    pb_frame_count_add (&count, times[i]);
  g_assert_cmpint (count.n_frames, ==, G_N_ELEMENTS (times));
  g_assert_cmpint (count.n_missing, ==, 0);
  g_assert_cmpint (count.n_freezes, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name, func) g_test_add_func ("/frame-count/" name, func)
  TEST ("a-steady-stream-misses-nothing", test_a_steady_stream_misses_nothing);
  TEST ("a-gap-is-counted-in-frames", test_a_gap_is_counted_in_frames);
  TEST ("a-picture-that-stands-still-is-a-freeze",
      test_a_picture_that_stands_still_is_a_freeze);
  TEST ("a-slower-sender-becomes-usual", test_a_slower_sender_becomes_usual);
  TEST ("times-that-stand-or-go-back-do-no-harm",
      test_times_that_stand_or_go_back_do_no_harm);
#undef TEST

  return g_test_run ();
}
