/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-frame-gate.h"

#define MS 1000
#define FRAME_US (40 * MS)
/* any clock's */
#define START (G_GINT64_CONSTANT (77) * G_USEC_PER_SEC)

typedef struct
{
  PbFrameGate *gate;
  gint64 now;
} Fixture;

static void
set_up (Fixture *f, gconstpointer unused)
{
  f->gate = pb_frame_gate_new ();
  f->now = START;
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  pb_frame_gate_free (f->gate);
}

static gboolean
video (Fixture *f, gsize size, gint64 queued_us)
{
  return pb_frame_gate_admit (f->gate, TRUE, FALSE, size, queued_us, f->now);
}

static gboolean
key (Fixture *f, gsize size, gint64 queued_us)
{
  return pb_frame_gate_admit (f->gate, TRUE, TRUE, size, queued_us, f->now);
}

static gboolean
audio (Fixture *f, gsize size, gint64 queued_us)
{
  return pb_frame_gate_admit (f->gate, FALSE, FALSE, size, queued_us, f->now);
}

static void
test_what_has_arrived_is_no_debt (Fixture *f, gconstpointer unused)
{
  pb_frame_gate_set_rate (f->gate, 1000000);
  g_assert_true (key (f, 100000, 0)); /* 800 ms of it */
  /* what was told of was sent before */
  pb_frame_gate_forgive (f->gate, f->now - MS);
  f->now += 100 * MS;
  g_assert_false (video (f, 1000, 0));
  pb_frame_gate_forgive (f->gate, f->now - 50 * MS);
  /* a gap ends with a keyframe all the same */
  g_assert_false (video (f, 1000, 0));
  g_assert_true (key (f, 10000, 0));
  g_assert_true (video (f, 1000, 0));
  /* more than is remembered: nobody knows */
  for (guint i = 0; i < 200; i++)
    g_assert_true (audio (f, 1000, 0));
  pb_frame_gate_forgive (f->gate, f->now - MS);
  g_assert_false (video (f, 1000, 0));
  pb_frame_gate_forgive (f->gate, f->now);
  g_assert_true (key (f, 1000, 0));
}

static void
test_video_begins_with_a_keyframe (Fixture *f, gconstpointer unused)
{
  g_assert_false (pb_frame_gate_wants_keyframe (f->gate, f->now));
  g_assert_false (video (f, 1000, 0));
  g_assert_true (audio (f, 100, 0));
  g_assert_true (pb_frame_gate_wants_keyframe (f->gate, f->now));
  g_assert_true (key (f, 1000, 0));
  g_assert_true (video (f, 1000, 0));
  g_assert_false (pb_frame_gate_wants_keyframe (f->gate, f->now));
  g_assert_cmpuint (pb_frame_gate_get_dropped (f->gate), ==, 1);
}

static void
test_no_rate_is_no_bound (Fixture *f, gconstpointer unused)
{
  g_assert_true (key (f, 10000000, 0));
  for (guint i = 0; i < 1000; i++)
    g_assert_true (video (f, 10000000, 0));
  g_assert_cmpuint (pb_frame_gate_get_dropped (f->gate), ==, 0);
}

static void
test_a_queue_is_bounded_in_time (Fixture *f, gconstpointer unused)
{
  g_assert_true (key (f, 1000, 0));
  g_assert_true (video (f, 1000, 400 * MS));
  g_assert_false (video (f, 1000, 401 * MS));
  /* audio may wait longer, and does not wait without end */
  g_assert_true (audio (f, 100, 401 * MS));
  g_assert_true (audio (f, 100, G_USEC_PER_SEC));
  g_assert_false (audio (f, 100, G_USEC_PER_SEC + 1));
  /* a gap in audio is no gap in video, and it ends by itself */
  g_assert_true (audio (f, 100, 0));
  g_assert_cmpuint (pb_frame_gate_get_dropped (f->gate), ==, 2);
}

static void
test_after_a_drop_video_waits_for_a_keyframe (Fixture *f, gconstpointer unused)
{
  g_assert_true (key (f, 1000, 0));
  g_assert_false (video (f, 1000, G_USEC_PER_SEC));
  for (guint i = 0; i < 10; i++)
    g_assert_false (video (f, 1000, 0));
  /* one that would be followed by a drop is no end of the gap */
  g_assert_false (key (f, 1000, 300 * MS));
  g_assert_false (video (f, 1000, 0));
  g_assert_true (key (f, 1000, 0));
  g_assert_true (video (f, 1000, 0));
}

static void
test_a_keyframe_is_dropped_too (Fixture *f, gconstpointer unused)
{
  g_assert_true (key (f, 1000, 0));
  g_assert_false (key (f, 1000, G_USEC_PER_SEC));
  g_assert_false (video (f, 1000, 0));
}

static void
test_what_fits_goes (Fixture *f, gconstpointer unused)
{
  /* 1 Mbit/s in 5000 octets per frame, a keyframe of six times that */
  pb_frame_gate_set_rate (f->gate, 1000000);
  for (guint i = 0; i < 500; i++, f->now += FRAME_US) {
    if (i % 50 == 0)
      g_assert_true (key (f, 30000, 0));
    else
      g_assert_true (video (f, 4400, 0));
  }
  g_assert_cmpuint (pb_frame_gate_get_dropped (f->gate), ==, 0);
}

/* Twice the rate: it carries half of it, in pieces that each begin with a
 * keyframe, and never more than half a second of debt. */
static void
test_a_narrow_way_gets_what_it_carries (Fixture *f, gconstpointer unused)
{
  const guint bps = 500000;
  guint64 bits = 0;
  guint n_asked = 0;
  gboolean wants = FALSE, was_open = FALSE;

  pb_frame_gate_set_rate (f->gate, bps);
  for (guint i = 0; i < 2500; i++, f->now += FRAME_US) {
    gboolean is_key = i % 100 == 0 || wants;
    gboolean goes = is_key ? key (f, 15000, 0) : video (f, 5000, 0);

    g_assert_true (was_open || is_key || !goes);
    was_open = goes;
    bits += goes ? (is_key ? 15000 : 5000) * 8 : 0;
    /* what went is never ahead of the way by more than the debt and a frame */
    g_assert_cmpuint (bits, <=,
        (guint64) bps * (i * 40 + 500) / 1000 + 15000 * 8);
    wants = pb_frame_gate_wants_keyframe (f->gate, f->now);
    n_asked += wants;
  }
  g_test_message ("%u kbit/s of %u, %u keyframes asked for, %u dropped",
      (guint) (bits / 100000), bps / 1000, n_asked,
      (guint) pb_frame_gate_get_dropped (f->gate));
  g_assert_cmpuint (bits, >=, (guint64) bps * 100 * 6 / 10);
  g_assert_cmpuint (n_asked, >, 10);
  g_assert_cmpuint (n_asked, <=, 51);
}

static void
test_audio_goes_before_video (Fixture *f, gconstpointer unused)
{
  guint n_audio = 0, n_video = 0;

  /* just what audio needs */
  pb_frame_gate_set_rate (f->gate, 64000);
  for (guint i = 0; i < 500; i++, f->now += 20 * MS) {
    n_audio += audio (f, 160, 0);
    if (i % 2 == 0)
      n_video += i % 50 == 0 ? key (f, 8000, 0) : video (f, 2000, 0);
  }
  g_assert_cmpuint (n_audio, ==, 500);
  g_assert_cmpuint (n_video, <, 25);
}

static void
test_audio_takes_from_what_video_has (Fixture *f, gconstpointer unused)
{
  pb_frame_gate_set_rate (f->gate, 80000);
  g_assert_true (key (f, 100, 0));
  /* half a second and more */
  g_assert_true (audio (f, 5000, 0));
  g_assert_true (audio (f, 100, 0));
  g_assert_false (video (f, 100, 0));
}

static void
test_what_goes_past_another_gate_counts (Fixture *f, gconstpointer unused)
{
  pb_frame_gate_set_rate (f->gate, 80000);
  g_assert_true (key (f, 100, 0));
  pb_frame_gate_pay (f->gate, 5000, f->now);
  g_assert_false (video (f, 100, 0));
  f->now += G_USEC_PER_SEC;
  pb_frame_gate_pay (f->gate, 100, f->now);
  g_assert_true (key (f, 100, 0));
}

static void
test_a_keyframe_is_asked_for_once_in_two_seconds (Fixture *f,
    gconstpointer unused)
{
  guint n = 0;

  g_assert_true (key (f, 1000, 0));
  g_assert_false (pb_frame_gate_wants_keyframe (f->gate, f->now));
  for (guint i = 0; i < 250; i++, f->now += FRAME_US) {
    g_assert_false (video (f, 1000, i == 0 ? G_USEC_PER_SEC : 0));
    n += pb_frame_gate_wants_keyframe (f->gate, f->now);
    g_assert_false (pb_frame_gate_wants_keyframe (f->gate, f->now));
  }
  g_assert_cmpuint (n, ==, 5);
  /* and not where the way has no room for it */
  f->now += 10 * G_USEC_PER_SEC;
  g_assert_false (video (f, 1000, 300 * MS));
  g_assert_false (pb_frame_gate_wants_keyframe (f->gate, f->now));
  g_assert_false (video (f, 1000, 0));
  g_assert_true (pb_frame_gate_wants_keyframe (f->gate, f->now));
}

/* A consumer whose picture breaks again at once asks no more often. */
static void
test_asking_is_limited_across_gaps (Fixture *f, gconstpointer unused)
{
  g_assert_false (video (f, 1000, 0));
  g_assert_true (pb_frame_gate_wants_keyframe (f->gate, f->now));
  for (guint i = 0; i < 49; i++) {
    f->now += FRAME_US;
    g_assert_true (key (f, 1000, 0));
    g_assert_false (video (f, 1000, G_USEC_PER_SEC));
    g_assert_false (video (f, 1000, 0));
    g_assert_false (pb_frame_gate_wants_keyframe (f->gate, f->now));
  }
  f->now += FRAME_US;
  g_assert_true (pb_frame_gate_wants_keyframe (f->gate, f->now));
}

static void
test_a_rate_that_rises_pays_the_debt (Fixture *f, gconstpointer unused)
{
  pb_frame_gate_set_rate (f->gate, 100000);
  g_assert_true (key (f, 10000, 0)); /* 800 ms */
  g_assert_false (video (f, 1000, 0));
  g_assert_false (key (f, 1000, 0));
  pb_frame_gate_set_rate (f->gate, 1000000); /* 80 ms */
  g_assert_true (key (f, 1000, 0));
  pb_frame_gate_set_rate (f->gate, 100000);
  g_assert_false (video (f, 1000, 0));
  pb_frame_gate_set_rate (f->gate, 0);
  g_assert_true (key (f, 1000, 0));
}

/* A debt is forgotten: after two seconds of nothing the way is free. */
static void
test_a_debt_ends (Fixture *f, gconstpointer unused)
{
  pb_frame_gate_set_rate (f->gate, 1000);
  g_assert_true (key (f, 100000000, 0));
  g_assert_false (video (f, 10, 0));
  f->now += 2 * G_USEC_PER_SEC;
  g_assert_true (key (f, 10, 0));
}

static void
test_who_begins_again_begins_with_a_keyframe (Fixture *f, gconstpointer unused)
{
  g_assert_false (video (f, 1000, 0));
  g_assert_true (pb_frame_gate_wants_keyframe (f->gate, f->now));
  g_assert_true (key (f, 1000, 0));
  pb_frame_gate_restart (f->gate);
  g_assert_false (pb_frame_gate_wants_keyframe (f->gate, f->now));
  g_assert_false (video (f, 1000, 0));
  g_assert_true (pb_frame_gate_wants_keyframe (f->gate, f->now));
  g_assert_true (key (f, 1000, 0));
  g_assert_cmpuint (pb_frame_gate_get_dropped (f->gate), ==, 2);
}

static void
test_hostile_numbers_do_no_harm (Fixture *f, gconstpointer unused)
{
  static const gint64 times[] = { G_MININT64, -1, 0, 1, START, G_MAXINT64 };
  static const gsize sizes[] = { 0, 1, 1500, G_MAXSIZE };
  static const guint rates[] = { 0, 1, 1000000, G_MAXUINT };
  guint64 before = 0;

  for (guint i = 0; i < 6 * 6 * 4 * 4 * 4; i++) {
    pb_frame_gate_set_rate (f->gate, rates[i / 4 % 4]);
    pb_frame_gate_admit (f->gate, i & 1, i / 64 % 2, sizes[i % 4],
        times[i / 16 % 6], times[i * 5 / 96 % 6]);
    pb_frame_gate_wants_keyframe (f->gate, times[i % 6]);
    g_assert_cmpuint (pb_frame_gate_get_dropped (f->gate), >=, before);
    before = pb_frame_gate_get_dropped (f->gate);
  }
  /* time that has gone back is time that stands still; it goes on */
  pb_frame_gate_set_rate (f->gate, 0);
  g_assert_true (key (f, 1000, 0));
}

#define ADD(name, function)                                                    \
  g_test_add ("/frame-gate/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("video-begins-with-a-keyframe", test_video_begins_with_a_keyframe);
  ADD ("what-has-arrived-is-no-debt", test_what_has_arrived_is_no_debt);
  ADD ("no-rate-is-no-bound", test_no_rate_is_no_bound);
  ADD ("a-queue-is-bounded-in-time", test_a_queue_is_bounded_in_time);
  ADD ("after-a-drop-video-waits-for-a-keyframe",
      test_after_a_drop_video_waits_for_a_keyframe);
  ADD ("a-keyframe-is-dropped-too", test_a_keyframe_is_dropped_too);
  ADD ("what-fits-goes", test_what_fits_goes);
  ADD ("a-narrow-way-gets-what-it-carries",
      test_a_narrow_way_gets_what_it_carries);
  ADD ("audio-goes-before-video", test_audio_goes_before_video);
  ADD ("audio-takes-from-what-video-has", test_audio_takes_from_what_video_has);
  ADD ("what-goes-past-another-gate-counts",
      test_what_goes_past_another_gate_counts);
  ADD ("a-keyframe-is-asked-for-once-in-two-seconds",
      test_a_keyframe_is_asked_for_once_in_two_seconds);
  ADD ("asking-is-limited-across-gaps", test_asking_is_limited_across_gaps);
  ADD ("a-rate-that-rises-pays-the-debt", test_a_rate_that_rises_pays_the_debt);
  ADD ("a-debt-ends", test_a_debt_ends);
  ADD ("who-begins-again-begins-with-a-keyframe",
      test_who_begins_again_begins_with_a_keyframe);
  ADD ("hostile-numbers-do-no-harm", test_hostile_numbers_do_no_harm);

  return g_test_run ();
}
