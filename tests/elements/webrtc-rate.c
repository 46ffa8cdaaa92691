/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-rate.h"

#include "glue/pb-gst-debug.h"

/* What rtpsession says of feedback, as GStreamer 1.22 builds it. */

G_GNUC_BEGIN_IGNORE_DEPRECATIONS

static GstStructure *
new_packet (gint64 sent_us, gint64 received_us, guint size)
{
  return gst_structure_new ("RTPTWCCPacket", "seqnum", G_TYPE_UINT, 1,
      "local-ts", G_TYPE_UINT64, (guint64) sent_us * 1000, "remote-ts",
      G_TYPE_UINT64,
      received_us < 0 ? GST_CLOCK_TIME_NONE : (guint64) received_us * 1000,
      "size", G_TYPE_UINT, size, "lost", G_TYPE_BOOLEAN, received_us < 0, NULL);
}

static void
take_packet (GValueArray *array, GstStructure *packet)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&value, packet);
  g_value_array_append (array, &value);
  g_value_unset (&value);
}

static GstEvent *
new_event (GValueArray *array)
{
  GstStructure *structure = gst_structure_new_empty ("RTPTWCCPackets");
  GValue value = G_VALUE_INIT;

  g_value_init (&value, g_value_array_get_type ());
  g_value_take_boxed (&value, array);
  gst_structure_take_value (structure, "packets", &value);

  return gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, structure);
}

/* As rtpsession tells of a packet of which it told before */
static void
make_late (GstStructure *packet, guint number)
{
  gst_structure_set (packet, "seqnum", G_TYPE_UINT, number, "local-ts",
      G_TYPE_UINT64, GST_CLOCK_TIME_NONE, NULL);
}

/* From `sent` and `received` on, each so many us after the one before; the
 * first `n_lost` did not arrive. */
static GstEvent *
new_message (guint n, guint n_lost, gint64 sent, gint64 sent_step,
    gint64 received, gint64 received_step)
{
  GValueArray *array = g_value_array_new (n);

  for (guint i = 0; i < n; i++)
    take_packet (array,
        new_packet (sent + i * sent_step,
            i < n_lost ? -1 : received + i * received_step, 1000));

  return new_event (array);
}

/* `n` packets, of which `n_lost` did not arrive */
static GstEvent *
new_feedback (guint n, guint n_lost)
{
  return new_message (n, n_lost, g_get_monotonic_time () - 90000, 100, 5000000,
      100);
}

/* What leaves each 5 ms arrives each 10: a queue grows. */
static GstEvent *
new_overuse (void)
{
  return new_message (100, 0, g_get_monotonic_time (), 5000, 5100000, 10000);
}

/* Just sent, and there already */
static GstEvent *
new_arrival (void)
{
  return new_message (5, 0, g_get_monotonic_time () - 10, 1, 7000000, 1);
}

G_GNUC_END_IGNORE_DEPRECATIONS

static void
test_each_message_counts_once (void)
{
  g_autoptr (PbWebrtcRate) rate = pb_webrtc_rate_new (500);
  g_autoptr (GstEvent) first = new_feedback (10, 5);
  g_autoptr (GstEvent) second = new_feedback (10, 0);

  pb_webrtc_rate_take_event (rate, first);
  g_assert_cmpfloat (pb_webrtc_rate_get_loss (rate), ==, 50);
  /* at the pad of another stream */
  pb_webrtc_rate_take_event (rate, first);
  pb_webrtc_rate_take_event (rate, second);
  pb_webrtc_rate_take_event (rate, second);
  g_assert_cmpfloat (pb_webrtc_rate_get_loss (rate), ==, 25);
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS

static void
test_what_comes_late_was_not_lost (void)
{
  g_autoptr (PbWebrtcRate) rate = pb_webrtc_rate_new (500);
  g_autoptr (GstEvent) first = NULL, second = NULL;
  GValueArray *array = g_value_array_new (4);
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < 4; i++) {
    GstStructure *packet = new_packet (now, i < 2 ? -1 : 5000, 1000);

    gst_structure_set (packet, "seqnum", G_TYPE_UINT, 65534 + i, NULL);
    take_packet (array, packet);
  }
  first = new_event (array);
  pb_webrtc_rate_take_event (rate, first);
  g_assert_cmpfloat (pb_webrtc_rate_get_loss (rate), ==, 50);

  /* one of them, one that had come already, and one of them twice */
  array = g_value_array_new (3);
  for (guint i = 0; i < 3; i++) {
    GstStructure *packet = new_packet (now, 6000, 1000);

    make_late (packet, i == 1 ? 0 : 65534);
    take_packet (array, packet);
  }
  second = new_event (array);
  pb_webrtc_rate_take_event (rate, second);
  g_assert_cmpfloat (pb_webrtc_rate_get_loss (rate), ==, 25);
}

G_GNUC_END_IGNORE_DEPRECATIONS

static void
test_other_events_are_not_ours (void)
{
  g_autoptr (PbWebrtcRate) rate = pb_webrtc_rate_new (500);
  g_autoptr (GstEvent) flush = gst_event_new_flush_start ();
  g_autoptr (GstEvent) bare = gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new_empty ("RTPTWCCPackets"));
  g_autoptr (GstEvent) other = gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new ("x", "packets", G_TYPE_UINT, 3, NULL));
  g_autoptr (GstEvent) wrong = gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new ("RTPTWCCPackets", "packets", G_TYPE_UINT, 3, NULL));
  GstEvent *events[] = { flush, bare, other, wrong };

  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    g_assert_false (pb_webrtc_rate_take_event (rate, events[i]));
  g_assert_cmpuint (pb_webrtc_rate_get (rate), ==, 1000000);
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS

static void
test_half_told_packets_do_no_harm (void)
{
  g_autoptr (PbWebrtcRate) rate = pb_webrtc_rate_new (500);
  GValueArray *array = g_value_array_new (4);
  g_autoptr (GstEvent) event = NULL;

  take_packet (array, gst_structure_new_empty ("RTPTWCCPacket"));
  take_packet (array, new_packet (-1, -1, 0)); /* not a time */
  take_packet (array,
      gst_structure_new ("RTPTWCCPacket", "local-ts", G_TYPE_UINT64,
          G_GUINT64_CONSTANT (5), NULL)); /* lost */
  take_packet (array, new_packet (G_MAXINT64 / 1000, 0, G_MAXUINT));
  event = new_event (array);
  pb_webrtc_rate_take_event (rate, event);
  g_assert_cmpfloat (pb_webrtc_rate_get_loss (rate), >, 0);
  g_assert_cmpuint (pb_webrtc_rate_get (rate), >=, 250000);
  g_assert_cmpuint (pb_webrtc_rate_get (rate), <=, 4192000);
}

G_GNUC_END_IGNORE_DEPRECATIONS

static void
test_loss_lowers_it_and_is_told (void)
{
  g_autoptr (PbWebrtcRate) rate = pb_webrtc_rate_new (500);
  guint n_told = 0;

  /* the first says where it begins */
  g_assert_true (pb_webrtc_rate_tick (rate));
  g_assert_false (pb_webrtc_rate_tick (rate));
  /* its clock is the real one; the test's time limit is the watchdog */
  while (pb_webrtc_rate_get (rate) >= 900000) {
    g_autoptr (GstEvent) event = new_feedback (30, 20);

    n_told += pb_webrtc_rate_take_event (rate, event);
    g_thread_yield ();
  }
  g_assert_cmpuint (n_told, >, 0);
}

static GstBuffer *
new_frame (gsize size, gboolean is_key)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  if (!is_key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);

  return buffer;
}

static void
test_frames_pass_the_gate (void)
{
  g_autoptr (PbWebrtcRate) rate = pb_webrtc_rate_new (500);
  g_autoptr (GstBuffer) key = new_frame (1000000, TRUE);
  g_autoptr (GstBuffer) delta = new_frame (1000, FALSE);
  g_autoptr (GstEvent) event = new_feedback (1, 0);
  g_autoptr (GstEvent) overuse = new_overuse ();
  gboolean wants = FALSE;

  g_assert_false (pb_webrtc_rate_admit (rate, 0, TRUE, delta, 0, &wants));
  g_assert_true (wants);
  g_assert_true (
      pb_webrtc_rate_admit (rate, 0, TRUE, key, GST_CLOCK_TIME_NONE, &wants));
  /* no feedback yet, no rate */
  g_assert_true (pb_webrtc_rate_admit (rate, 0, TRUE, delta, 0, &wants));
  g_assert_false (
      pb_webrtc_rate_admit (rate, 0, TRUE, delta, GST_SECOND, &wants));
  /* each track begins for itself */
  g_assert_false (pb_webrtc_rate_admit (rate, 2, TRUE, delta, 0, &wants));
  g_assert_true (pb_webrtc_rate_admit (rate, 2, TRUE, key, 0, &wants));

  pb_webrtc_rate_restart (rate, 0);
  /* nothing shows that the way has an end */
  pb_webrtc_rate_take_event (rate, event);
  g_assert_true (pb_webrtc_rate_admit (rate, 0, TRUE, key, 0, &wants));
  g_assert_true (pb_webrtc_rate_admit (rate, 0, TRUE, delta, 0, &wants));
  pb_webrtc_rate_take_event (rate, overuse);
  g_assert_true (pb_webrtc_rate_admit (rate, 0, TRUE, key, 0, &wants));
  g_assert_false (pb_webrtc_rate_admit (rate, 0, TRUE, delta, 0, &wants));
  g_assert_false (wants);
  /* they share the way; audio goes first */
  g_assert_false (pb_webrtc_rate_admit (rate, 2, TRUE, delta, 0, &wants));
  g_assert_true (pb_webrtc_rate_admit (rate, 1, FALSE, key, 0, &wants));
  g_assert_cmpuint (pb_webrtc_rate_get_dropped (rate), ==, 5);

  /* what has arrived burdens nobody, though the estimate is as low as before */
  for (guint i = 0; i < 8; i++) {
    g_autoptr (GstEvent) arrival = new_arrival ();

    pb_webrtc_rate_take_event (rate, arrival);
  }
  g_assert_true (pb_webrtc_rate_admit (rate, 0, TRUE, key, 0, &wants));
}

/* A quarter of what goes out is headers and what goes out again. */
static void
test_media_get_what_the_rest_leaves (void)
{
  g_autoptr (PbWebrtcRate) rate = pb_webrtc_rate_new (500);
  g_autoptr (GstBuffer) frame = new_frame (3000, TRUE);
  gboolean wants;

  g_assert_cmpuint (pb_webrtc_rate_get_media (rate), ==, 1000000);
  g_assert_true (pb_webrtc_rate_admit (rate, 0, TRUE, frame, 0, &wants));
  /* on its way to the network */
  g_assert_cmpuint (pb_webrtc_rate_get_media (rate), ==, 1000000);
  pb_webrtc_rate_note_sent (rate, 4, 4000 - 4 * 28);
  g_assert_cmpuint (pb_webrtc_rate_get_media (rate), >, 740000);
  g_assert_cmpuint (pb_webrtc_rate_get_media (rate), <, 760000);
  g_assert_cmpuint (pb_webrtc_rate_get (rate), ==, 1000000);
  /* losses do not starve what was never sent */
  pb_webrtc_rate_note_sent (rate, 100, 100000);
  g_assert_cmpuint (pb_webrtc_rate_get_media (rate), ==, 500000);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  pb_gst_debug_init ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/webrtc-rate/each-message-counts-once",
      test_each_message_counts_once);
  g_test_add_func ("/webrtc-rate/what-comes-late-was-not-lost",
      test_what_comes_late_was_not_lost);
  g_test_add_func ("/webrtc-rate/other-events-are-not-ours",
      test_other_events_are_not_ours);
  g_test_add_func ("/webrtc-rate/half-told-packets-do-no-harm",
      test_half_told_packets_do_no_harm);
  g_test_add_func ("/webrtc-rate/loss-lowers-it-and-is-told",
      test_loss_lowers_it_and_is_told);
  g_test_add_func ("/webrtc-rate/frames-pass-the-gate",
      test_frames_pass_the_gate);
  g_test_add_func ("/webrtc-rate/media-get-what-the-rest-leaves",
      test_media_get_what_the_rest_leaves);

  return g_test_run ();
}
