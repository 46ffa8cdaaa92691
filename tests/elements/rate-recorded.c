/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "pb-rate-estimator.h"

/* The estimator over what real connections were told of a real line's time:
 * tests/data/recorded, which says what is in there. The models of rate-link.c
 * obey the estimate; a recording does not, so what is asked is what an estimate
 * must be for what was seen. */

#define WIDE 1000
#define NARROW 400
/* seconds after the first packet through the line */
#define DOWN 14
#define UP 26
/* the line's clock began some tenths of a second before the recording */
#define SLACK 1

#define MIN_BPS 50000
#define MAX_BPS 4192000
#define START_BPS 1000000

typedef struct
{
  gint64 at_ms;
  guint kbps;
} Sample;

typedef struct
{
  GArray *samples; /* of Sample */
  guint n_packets, n_lost;
  guint64 n_octets[2]; /* that came, in the narrow part and in all */
} Replay;

static void
replay_clear (Replay *self)
{
  g_clear_pointer (&self->samples, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Replay, replay_clear)

typedef struct
{
  Replay *out;
  PbRateEstimator *estimator;
  GArray *packets; /* of PbRatePacket, of one message */
  gint64 now_us, rtt_us, tick_us, sent_us, received_us, offset_us;
  guint n_late;
  gboolean has_message;
} Reader;

static void
feed (Reader *self)
{
  Sample sample;

  if (!self->has_message)
    return;
  for (; self->tick_us < self->now_us; self->tick_us += G_USEC_PER_SEC)
    pb_rate_estimator_tick (self->estimator, self->tick_us);
  if (self->n_late > 0)
    pb_rate_estimator_recover (self->estimator, self->n_late);
  pb_rate_estimator_feed (self->estimator,
      (const PbRatePacket *) (gpointer) self->packets->data, self->packets->len,
      self->rtt_us, self->now_us);
  sample.at_ms = self->now_us / 1000;
  sample.kbps = pb_rate_estimator_get (self->estimator) / 1000;
  g_array_append_val (self->out->samples, sample);
  g_array_set_size (self->packets, 0);
}

static void
read_packet (Reader *self, char **words)
{
  gboolean is_lost = g_str_equal (words[2], "lost");
  PbRatePacket packet = { .size = (guint) atoi (words[3]) };

  self->sent_us += g_ascii_strtoll (words[1], NULL, 10);
  if (!is_lost)
    self->received_us += g_ascii_strtoll (words[2], NULL, 10);
  packet.sent_us = self->sent_us;
  packet.received_us = is_lost ? -1 : self->received_us + self->offset_us;
  g_array_append_val (self->packets, packet);
  self->out->n_packets++;
  self->out->n_lost += is_lost;
  if (is_lost)
    return;
  self->out->n_octets[1] += packet.size;
  if (self->now_us >= (DOWN + SLACK) * G_USEC_PER_SEC &&
      self->now_us < (UP - SLACK) * G_USEC_PER_SEC)
    self->out->n_octets[0] += packet.size;
}

static void
replay (const char *name, gint64 offset_us, Replay *out)
{
  g_autofree char *path = g_strdup_printf ("%s/tests/data/recorded/%s.csv",
      g_getenv ("PATCHBAY_SRCDIR"), name);
  g_autoptr (GArray) packets =
      g_array_new (FALSE, FALSE, sizeof (PbRatePacket));
  g_autoptr (PbRateEstimator) estimator =
      pb_rate_estimator_new (MIN_BPS, MAX_BPS, START_BPS);
  Reader reader = { .out = out,
    .estimator = estimator,
    .packets = packets,
    .offset_us = offset_us };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  *out = (Replay){ g_array_new (FALSE, FALSE, sizeof (Sample)) };
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_auto (GStrv) words = g_strsplit (*line, ",", -1);

    if (**line == '\0' || **line == '#')
      continue;
    g_assert_cmpuint (g_strv_length (words), ==, 4);
    if (g_str_equal (words[0], "packet")) {
      read_packet (&reader, words);
      continue;
    }
    g_assert_cmpstr (words[0], ==, "feedback");
    feed (&reader);
    reader.has_message = TRUE;
    reader.now_us = g_ascii_strtoll (words[1], NULL, 10);
    reader.rtt_us = g_ascii_strtoll (words[2], NULL, 10);
    reader.n_late = (guint) atoi (words[3]);
  }
  feed (&reader);
  g_test_message ("%s: %u messages, %u packets, %.1f %% lost", name,
      out->samples->len, out->n_packets,
      100.0 * out->n_lost / MAX (out->n_packets, 1));
}

/* Of the time, not of the messages */
static double
get_mean (const Replay *self, gint64 from_s, gint64 to_s)
{
  double sum = 0, ms = 0;

  for (guint i = 1; i < self->samples->len; i++) {
    const Sample *sample = &g_array_index (self->samples, Sample, i);
    double each = (double) (sample->at_ms - sample[-1].at_ms);

    if (sample->at_ms < from_s * 1000 || sample->at_ms >= to_s * 1000)
      continue;
    sum += sample[-1].kbps * each;
    ms += each;
  }
  g_assert_cmpfloat (ms, >, 0);
  g_test_message ("%d to %d s: %.0f kbit/s", (int) from_s, (int) to_s,
      sum / ms);

  return sum / ms;
}

/* ms after `from_s`; -1: never */
static gint64
until (const Replay *self, gint64 from_s, guint kbps, gboolean is_below)
{
  for (guint i = 0; i < self->samples->len; i++) {
    const Sample *sample = &g_array_index (self->samples, Sample, i);

    if (sample->at_ms >= from_s * 1000 &&
        (is_below ? sample->kbps < kbps : sample->kbps > kbps))
      return sample->at_ms - from_s * 1000;
  }

  return -1;
}

typedef struct
{
  const char *name;
  double wide, narrow, again; /* the least mean, kbit/s */
  gint64 down_ms;             /* to be below the narrow line */
  double lost_least;          /* percent: what the recording is of */
} Case;

static const Case cases[] = {
  { "bottleneck", 600, 200, 500, 2000, 0 },
  { "bottleneck-that-loses", 500, 180, 400, 2000, 1 },
  { "bottleneck-with-jitter", 500, 180, 400, 2000, 0 },
};

static void
test_a_real_line_is_followed (gconstpointer data)
{
  const Case *test = data;
  g_auto (Replay) run = { NULL };
  double wide, narrow, again;
  gint64 down;

  replay (test->name, 0, &run);
  g_assert_cmpuint (run.n_packets, >, 2000);
  g_assert_cmpfloat (100.0 * run.n_lost / run.n_packets, >=, test->lost_least);
  /* it is of a line that was full: else nothing is shown */
  g_assert_cmpfloat (run.n_octets[0] * 8e-3 / (UP - DOWN - 2 * SLACK), >,
      0.4 * NARROW);

  wide = get_mean (&run, 6, DOWN - SLACK);
  g_assert_cmpfloat (wide, >, test->wide);
  g_assert_cmpfloat (wide, <, WIDE);
  down = until (&run, DOWN - SLACK, NARROW, TRUE);
  g_test_message ("below %u kbit/s after %d ms", NARROW, (int) down);
  g_assert_cmpint (down, >=, 0);
  g_assert_cmpint (down, <=, test->down_ms + SLACK * 1000);
  narrow = get_mean (&run, DOWN + 4, UP - SLACK);
  g_assert_cmpfloat (narrow, >, test->narrow);
  g_assert_cmpfloat (narrow, <, NARROW);
  again = get_mean (&run, UP + 10, UP + 14);
  g_assert_cmpfloat (again, >, test->again);
  g_assert_cmpfloat (again, <, WIDE);
}

/* The receiver's clock has nothing to do with ours. (By whole seconds: the
 * octets that came are counted in parts of one.) */
static void
test_a_recording_by_another_clock_is_the_same (void)
{
  g_auto (Replay) one = { NULL };
  g_auto (Replay) other = { NULL };

  replay (cases[0].name, 0, &one);
  replay (cases[0].name, G_GINT64_CONSTANT (123456000000), &other);
  g_assert_cmpuint (one.samples->len, ==, other.samples->len);
  for (guint i = 0; i < one.samples->len; i++)
    g_assert_cmpuint (g_array_index (one.samples, Sample, i).kbps, ==,
        g_array_index (other.samples, Sample, i).kbps);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path =
        g_strdup_printf ("/rate-recorded/%s", cases[i].name);

    g_test_add_data_func (path, &cases[i], test_a_real_line_is_followed);
  }
  g_test_add_func ("/rate-recorded/another-clock",
      test_a_recording_by_another_clock_is_the_same);

  return g_test_run ();
}
