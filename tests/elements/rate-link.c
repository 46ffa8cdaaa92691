/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "rate-link.h"

#include <stdlib.h>

#define PAYLOAD 1200
#define AUDIO_BPS 64000
#define AUDIO_OCTETS 160
#define FRAME_US 40000
#define AUDIO_US 20000
#define FEEDBACK_US 50000
#define SAMPLE_US 100000
/* the resolution of the feedback's deltas */
#define TICK_US 250

typedef struct
{
  gboolean is_lost;
  gint64 jitter_us;
} Fate;

typedef struct
{
  PbRatePacket packet;
  gint64 arrives_us;  /* by the true clock; -1: never */
  gboolean is_missed; /* told as lost */
} Sent;

typedef struct
{
  gint64 due_us;
  GArray *packets; /* PbRatePacket */
  guint n_late;    /* told as lost before */
} Message;

typedef struct
{
  const RateRun *run;
  GArray *steps, *fates, *frames;
  gint64 queue_us;
  guint step;

  PbRateEstimator *estimator;
  gint64 line_free_us, cross_us;
  guint n_sent, n_frames;
  GArray *sent; /* Sent, of which `n_told` were told of */
  guint n_told;
  GQueue messages; /* Message */
} Link;

static void
read_link (Link *link, const char *name)
{
  g_autofree char *path = g_strdup_printf ("%s/tests/data/rate/%s.csv",
      g_getenv ("PATCHBAY_SRCDIR"), name);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++) {
    g_auto (GStrv) words = g_strsplit (lines[i], ",", -1);
    guint n = g_strv_length (words);

    if (g_str_equal (words[0], "at") && n == 6) {
      RateStep step = { atoll (words[1]), atoi (words[2]), atoi (words[4]),
        atoi (words[3]), atoi (words[5]) };

      g_array_append_val (link->steps, step);
    } else if (g_str_equal (words[0], "packet") && n == 3) {
      Fate fate = { atoi (words[1]), atoll (words[2]) };

      g_array_append_val (link->fates, fate);
    } else if (g_str_equal (words[0], "frame") && n == 2) {
      guint percent = atoi (words[1]);

      g_array_append_val (link->frames, percent);
    } else {
      g_assert_true (g_str_equal (words[0], "queue") && n == 2);
      link->queue_us = atoll (words[1]) * 1000;
    }
  }
  g_assert_cmpuint (link->steps->len, >, 0);
  g_assert_cmpuint (link->fates->len, >, 0);
  g_assert_cmpuint (link->frames->len, >, 0);
}

static const RateStep *
get_step (Link *link, gint64 now_us)
{
  while (link->step + 1 < link->steps->len &&
         g_array_index (link->steps, RateStep, link->step + 1).at_ms * 1000 <=
             now_us)
    link->step++;

  return &g_array_index (link->steps, RateStep, link->step);
}

static gint64
on_the_line (const RateStep *step, guint octets)
{
  return (gint64) octets * 8000 / step->capacity_kbps;
}

/* The others' packets that came before ours */
static void
send_cross (Link *link, const RateStep *step, gint64 now_us)
{
  if (step->cross_kbps == 0) {
    link->cross_us = now_us;
    return;
  }
  for (; link->cross_us < now_us;
       link->cross_us += (gint64) PAYLOAD * 8000 / step->cross_kbps) {
    gint64 start = MAX (link->line_free_us, link->cross_us);

    if (start - link->cross_us < link->queue_us)
      link->line_free_us = start + on_the_line (step, PAYLOAD);
  }
}

static void
send_packet (Link *link, guint octets, gint64 now_us)
{
  const RateStep *step = get_step (link, now_us);
  const Fate *fate =
      &g_array_index (link->fates, Fate, link->n_sent++ % link->fates->len);
  Sent sent = { { now_us, -1, octets }, -1, FALSE };
  gint64 start;

  send_cross (link, step, now_us);
  start = MAX (link->line_free_us, now_us);
  if (start - now_us <= link->queue_us) {
    link->line_free_us = start + on_the_line (step, octets);
    if (!fate->is_lost)
      sent.arrives_us =
          link->line_free_us + step->delay_ms * 1000 + fate->jitter_us;
  }
  g_array_append_val (link->sent, sent);
}

static void
send_frame (Link *link, gint64 now_us)
{
  guint bps = pb_rate_estimator_get (link->estimator);
  guint percent =
      g_array_index (link->frames, guint, link->n_frames++ % link->frames->len);
  gint64 octets = (gint64) (MAX (bps, AUDIO_BPS + 30000) - AUDIO_BPS) *
                  FRAME_US / (8 * G_USEC_PER_SEC) * percent / 100;

  /* a network card sends one after another too */
  for (guint i = 0; octets > 0; octets -= PAYLOAD, i++)
    send_packet (link, (guint) MIN (octets, PAYLOAD) + 40, now_us + i * 30);
}

static gint64
receiver_clock (const Link *link, gint64 true_us)
{
  gint64 us = true_us + link->run->receiver_offset_us;

  us -= us % TICK_US;

  return link->run->receiver_wrap_us > 0 ? us % link->run->receiver_wrap_us
                                         : us;
}

/* Told as lost, and there now */
static guint
count_late (Link *link, gint64 now_us)
{
  guint n = 0;

  for (guint i = link->n_told > 1000 ? link->n_told - 1000 : 0;
       i < link->n_told; i++) {
    Sent *sent = &g_array_index (link->sent, Sent, i);

    if (sent->is_missed && sent->arrives_us >= 0 &&
        sent->arrives_us <= now_us) {
      sent->is_missed = FALSE;
      n++;
    }
  }

  return n;
}

/* What came up to now, and the gaps before it: a packet that comes later was
 * lost for whoever hears of it. */
static void
tell (Link *link, gint64 now_us)
{
  const RateStep *step = get_step (link, now_us);
  Message *message;
  guint last = link->n_told;

  for (guint i = link->n_told; i < link->sent->len; i++) {
    const Sent *sent = &g_array_index (link->sent, Sent, i);

    if (sent->arrives_us >= 0 && sent->arrives_us <= now_us)
      last = i + 1;
  }
  if (last == link->n_told)
    return;

  message = g_new0 (Message, 1);
  message->n_late = link->run->tells_late ? count_late (link, now_us) : 0;
  message->due_us = now_us + step->delay_ms * 1000;
  message->packets = g_array_new (FALSE, FALSE, sizeof (PbRatePacket));
  for (; link->n_told < last; link->n_told++) {
    Sent sent = g_array_index (link->sent, Sent, link->n_told);

    if (sent.arrives_us >= 0 && sent.arrives_us <= now_us)
      sent.packet.received_us = receiver_clock (link, sent.arrives_us);
    else
      g_array_index (link->sent, Sent, link->n_told).is_missed = TRUE;
    g_array_append_val (message->packets, sent.packet);
  }
  if (!step->has_feedback) {
    g_array_unref (message->packets);
    g_free (message);
    return;
  }
  g_queue_push_tail (&link->messages, message);
  if (link->run->swaps_feedback && link->messages.length >= 2 &&
      link->n_sent % 2 == 0) {
    Message *before = link->messages.tail->prev->data;
    GArray *packets = before->packets;

    before->packets = message->packets;
    message->packets = packets;
  }
}

static void
hear (Link *link, gint64 now_us)
{
  Message *message;

  while ((message = g_queue_peek_head (&link->messages)) != NULL &&
         message->due_us <= now_us) {
    const RateStep *step = get_step (link, now_us);

    pb_rate_estimator_recover (link->estimator, message->n_late);
    for (guint i = 0; i <= (guint) link->run->repeats_feedback; i++)
      pb_rate_estimator_feed (link->estimator,
          (const PbRatePacket *) message->packets->data, message->packets->len,
          step->delay_ms * 2000, now_us);
    g_queue_pop_head (&link->messages);
    g_array_unref (message->packets);
    g_free (message);
  }
}

static void
free_message (gpointer data)
{
  Message *message = data;

  g_array_unref (message->packets);
  g_free (message);
}

GArray *
rate_link_run (const char *name, const RateRun *run)
{
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (RateSample));
  Link link = {
    .run = run,
    .steps = g_array_new (FALSE, FALSE, sizeof (RateStep)),
    .fates = g_array_new (FALSE, FALSE, sizeof (Fate)),
    .frames = g_array_new (FALSE, FALSE, sizeof (guint)),
    .sent = g_array_new (FALSE, FALSE, sizeof (Sent)),
    .estimator =
        pb_rate_estimator_new (run->min_bps, run->max_bps, run->start_bps),
  };

  g_queue_init (&link.messages);
  read_link (&link, name);
  for (gint64 now = 0; now < run->end_ms * 1000; now += 1000) {
    const RateStep *step = get_step (&link, now);

    hear (&link, now);
    if (now % G_USEC_PER_SEC == 0)
      pb_rate_estimator_tick (link.estimator, now);
    if (now % FRAME_US == 0)
      send_frame (&link, now);
    if (now % AUDIO_US == 7000)
      send_packet (&link, AUDIO_OCTETS + 40, now);
    if (now % FEEDBACK_US == 3000)
      tell (&link, now);
    if (now % SAMPLE_US == 0) {
      guint bps = pb_rate_estimator_get (link.estimator);
      RateSample sample = {
        .at_ms = now / 1000,
        .capacity_kbps = step->capacity_kbps - step->cross_kbps,
        .estimate_kbps = bps / 1000,
        .queue_ms = (double) MAX (link.line_free_us - now, 0) / 1000,
        .loss_percent = pb_rate_estimator_get_loss (link.estimator),
      };

      g_assert_cmpuint (bps, >=, run->min_bps);
      g_assert_cmpuint (bps, <=, run->max_bps);
      g_array_append_val (samples, sample);
    }
  }
  g_queue_clear_full (&link.messages, free_message);
  g_array_unref (link.steps);
  g_array_unref (link.fates);
  g_array_unref (link.frames);
  g_array_unref (link.sent);
  pb_rate_estimator_free (link.estimator);

  return g_steal_pointer (&samples);
}
