/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-health.h"

#include <math.h>

#include "core/pb-limits.h"

/* A better status counts after this many samples in a row. */
#define SAMPLES_TO_RECOVER 2

static const char *const status_names[] = {
  [PB_HEALTH_HEALTHY] = "healthy",
  [PB_HEALTH_WARNING] = "warning",
  [PB_HEALTH_CRITICAL] = "critical",
};

/* clang-format off */
G_DEFINE_ENUM_TYPE (PbHealthStatus, pb_health_status,
    G_DEFINE_ENUM_VALUE (PB_HEALTH_HEALTHY, "healthy"),
    G_DEFINE_ENUM_VALUE (PB_HEALTH_WARNING, "warning"),
    G_DEFINE_ENUM_VALUE (PB_HEALTH_CRITICAL, "critical"))
/* clang-format on */

/* In the order of the table in docs/protocol.md, section 6: of two causes that
 * are equally bad, the upper one is named. */
typedef enum {
  CAUSE_DISCONNECTED,
  CAUSE_STALE,
  CAUSE_UNDECRYPTED,
  CAUSE_DROPS,
  CAUSE_LOSS,
  CAUSE_RTT,
  CAUSE_BUFFER,
  CAUSE_BANDWIDTH,
  CAUSE_NONE,
} Cause;

static const char *const cause_names[] = {
  [CAUSE_DISCONNECTED] = "disconnected",
  [CAUSE_STALE] = "stale",
  [CAUSE_UNDECRYPTED] = "undecrypted",
  [CAUSE_DROPS] = "drops",
  [CAUSE_LOSS] = "loss",
  [CAUSE_RTT] = "rtt",
  [CAUSE_BUFFER] = "buffer",
  [CAUSE_BANDWIDTH] = "bandwidth",
  [CAUSE_NONE] = "",
};

typedef struct
{
  PbHealthStatus status;
  Cause cause;
} Verdict;

struct _PbHealth
{
  PbDirection direction;
  gboolean has_sample;
  PbHealthSample sample;
  gint64 sample_us;

  Verdict held;     /* what counts */
  Verdict recovery; /* the worst of the better samples since */
  guint n_better;   /* how many of them in a row */
};

/* What a rule reads: the sample and what the last interval added. */
typedef struct
{
  const PbHealthSample *sample;
  gint64 undecrypted;
  gboolean is_sender;
} Reading;

/* Each measures one thing on a scale of its own; the limits below are on that
 * scale. A figure that is not known gives 0, which no limit is below. */
static double
read_disconnected (const Reading *r)
{
  return r->sample->connected ? 0 : 1;
}

static double
read_undecrypted (const Reading *r)
{
  return (double) r->undecrypted;
}

static double
read_drops (const Reading *r)
{
  return r->sample->drop_percent;
}

static double
read_loss (const Reading *r)
{
  return r->sample->loss_percent;
}

static double
per_latency (const Reading *r, double ms)
{
  return r->sample->latency_ms > 0 ? ms / (double) r->sample->latency_ms : 0;
}

static double
read_rtt (const Reading *r)
{
  return per_latency (r, r->sample->rtt_ms);
}

/* A receiver holds its buffer for the sake of the latency; at a sender it is
 * what the network has not taken. */
static double
read_buffer (const Reading *r)
{
  return r->is_sender ? per_latency (r, r->sample->buffer_ms) : 0;
}

static double
read_bandwidth (const Reading *r)
{
  return r->sample->bandwidth_kbps > 0
             ? r->sample->bitrate_kbps / r->sample->bandwidth_kbps
             : 0;
}

typedef enum {
  ABOVE,
  FROM,
  NO_LIMIT,
} Comparison;

/* clang-format off */
static const struct {
  Cause cause;
  double (*read) (const Reading *reading);
  struct { Comparison comparison; double limit; } warning, critical;
} rules[] = {
  { CAUSE_DISCONNECTED, read_disconnected, { NO_LIMIT, 0 },      { ABOVE, 0 } },
  { CAUSE_UNDECRYPTED,  read_undecrypted,  { NO_LIMIT, 0 },      { ABOVE, 0 } },
  { CAUSE_DROPS,        read_drops,        { ABOVE, 0 },         { FROM, 1 } },
  { CAUSE_LOSS,         read_loss,         { FROM, 2 },          { FROM, 10 } },
  { CAUSE_RTT,          read_rtt,          { ABOVE, 1. / 4 },    { ABOVE, 1. / 2 } },
  { CAUSE_BUFFER,       read_buffer,       { ABOVE, 1. / 2 },    { ABOVE, 1 } },
  { CAUSE_BANDWIDTH,    read_bandwidth,    { ABOVE, 1 / 1.2 },   { NO_LIMIT, 0 } },
};
/* clang-format on */

/**
 * pb_health_status_get_name:
 * @status: a status
 *
 * Returns: (nullable): its name on the wire, such as "healthy"
 */
const char *
pb_health_status_get_name (PbHealthStatus status)
{
  g_return_val_if_fail ((guint) status < G_N_ELEMENTS (status_names), NULL);

  return status_names[status];
}

/**
 * pb_health_status_from_name:
 * @name: (nullable): as pb_health_status_get_name() gives it
 * @out: (out): the status; untouched where there is none of that name
 *
 * Returns: whether there is one
 */
gboolean
pb_health_status_from_name (const char *name, PbHealthStatus *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (status_names); i++) {
    if (g_strcmp0 (status_names[i], name) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

/* ---- the wire ---------------------------------------------------------- */

typedef struct
{
  const char *name;
  gsize offset;
} Figure;

static const Figure doubles[] = {
  { "rtt", G_STRUCT_OFFSET (PbHealthSample, rtt_ms) },
  { "jitter", G_STRUCT_OFFSET (PbHealthSample, jitter_ms) },
  { "loss", G_STRUCT_OFFSET (PbHealthSample, loss_percent) },
  { "drop", G_STRUCT_OFFSET (PbHealthSample, drop_percent) },
  { "bitrate", G_STRUCT_OFFSET (PbHealthSample, bitrate_kbps) },
  { "bandwidth", G_STRUCT_OFFSET (PbHealthSample, bandwidth_kbps) },
  { "buffer", G_STRUCT_OFFSET (PbHealthSample, buffer_ms) },
};

static const Figure integers[] = {
  { "latency", G_STRUCT_OFFSET (PbHealthSample, latency_ms) },
  { "packets", G_STRUCT_OFFSET (PbHealthSample, packets) },
  { "packets_lost", G_STRUCT_OFFSET (PbHealthSample, packets_lost) },
  { "packets_dropped", G_STRUCT_OFFSET (PbHealthSample, packets_dropped) },
  { "packets_retransmitted",
      G_STRUCT_OFFSET (PbHealthSample, packets_retransmitted) },
  { "packets_undecrypted",
      G_STRUCT_OFFSET (PbHealthSample, packets_undecrypted) },
  { "interval", G_STRUCT_OFFSET (PbHealthSample, interval_ms) },
  { "frames", G_STRUCT_OFFSET (PbHealthSample, frames) },
  { "frames_dropped", G_STRUCT_OFFSET (PbHealthSample, frames_dropped) },
  { "freezes", G_STRUCT_OFFSET (PbHealthSample, freezes) },
};

/**
 * pb_health_sample_write: (skip)
 * @sample: what was measured
 * @message: a message that has the figures of docs/protocol.md, section 6
 *
 * Figures are finite and not negative on the wire; what is not becomes 0.
 */
void
pb_health_sample_write (const PbHealthSample *sample, PbMessage *message)
{
  g_return_if_fail (sample != NULL);
  g_return_if_fail (message != NULL);

  for (guint i = 0; i < G_N_ELEMENTS (doubles); i++) {
    double value = G_STRUCT_MEMBER (double, sample, doubles[i].offset);

    if (!isfinite (value) || value < 0)
      value = 0;
    /* a thousandth is finer than any of them is measured */
    if (value < G_MAXINT32)
      value = (double) (gint64) (value * 1000 + 0.5) / 1000;
    pb_message_set_double (message, doubles[i].name, value);
  }
  for (guint i = 0; i < G_N_ELEMENTS (integers); i++)
    pb_message_set_int (message, integers[i].name,
        MAX (0, G_STRUCT_MEMBER (gint64, sample, integers[i].offset)));
  pb_message_set_boolean (message, "connected", sample->connected);
}

/**
 * pb_health_sample_read: (skip)
 * @sample: where to put it
 * @message: a message that has the figures of docs/protocol.md, section 6
 *
 * A figure that is absent is 0, which stands for unknown; `connected` where it
 * is absent is true: who reports without saying so has something to report.
 */
void
pb_health_sample_read (PbHealthSample *sample, PbMessage *message)
{
  g_return_if_fail (sample != NULL);
  g_return_if_fail (message != NULL);

  for (guint i = 0; i < G_N_ELEMENTS (doubles); i++)
    G_STRUCT_MEMBER (double, sample, doubles[i].offset) =
        pb_message_get_double (message, doubles[i].name);
  for (guint i = 0; i < G_N_ELEMENTS (integers); i++)
    G_STRUCT_MEMBER (gint64, sample, integers[i].offset) =
        pb_message_get_int (message, integers[i].name);
  sample->connected = !pb_message_has (message, "connected") ||
                      pb_message_get_boolean (message, "connected");
}

/* ---- the verdict ------------------------------------------------------- */

/**
 * pb_health_new: (skip)
 * @direction: what the end does that reports
 *
 * Returns: (transfer full): health of which nothing is known yet
 */
PbHealth *
pb_health_new (PbDirection direction)
{
  PbHealth *self = g_new0 (PbHealth, 1);

  self->direction = direction;

  return self;
}

/**
 * pb_health_free: (skip)
 * @self: (transfer full): health
 */
void
pb_health_free (PbHealth *self)
{
  g_free (self);
}

static gboolean
is_beyond (double value, Comparison comparison, double limit)
{
  switch (comparison) {
    case ABOVE:
      return value > limit;
    case FROM:
      return value >= limit;
    case NO_LIMIT:
      return FALSE;
  }

  g_return_val_if_reached (FALSE);
}

static Verdict
worse (Verdict a, Verdict b)
{
  if (a.status != b.status)
    return a.status > b.status ? a : b;

  return a.cause < b.cause ? a : b;
}

static Verdict
judge (const Reading *reading)
{
  Verdict worst = { PB_HEALTH_HEALTHY, CAUSE_NONE };

  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    double value = rules[i].read (reading);

    if (is_beyond (value, rules[i].critical.comparison,
            rules[i].critical.limit))
      worst = worse (worst, (Verdict){ PB_HEALTH_CRITICAL, rules[i].cause });
    else if (is_beyond (value, rules[i].warning.comparison,
                 rules[i].warning.limit))
      worst = worse (worst, (Verdict){ PB_HEALTH_WARNING, rules[i].cause });
  }

  return worst;
}

/* How old the last sample is. A clock that seems to run backwards makes none
 * younger than new. */
static gint64
get_age_ms (PbHealth *self, gint64 now_us)
{
  return MAX (0, now_us - self->sample_us) / 1000;
}

static Verdict
judge_age (PbHealth *self, gint64 now_us)
{
  gint64 age_ms;

  if (!self->has_sample)
    return (Verdict){ PB_HEALTH_CRITICAL, CAUSE_STALE };
  age_ms = get_age_ms (self, now_us);
  if (age_ms >= PB_HEALTH_DEAD_MS)
    return (Verdict){ PB_HEALTH_CRITICAL, CAUSE_STALE };
  if (age_ms >= PB_HEALTH_STALE_MS)
    return (Verdict){ PB_HEALTH_WARNING, CAUSE_STALE };

  return (Verdict){ PB_HEALTH_HEALTHY, CAUSE_NONE };
}

/**
 * pb_health_add: (skip)
 * @self: health of one end
 * @sample: what it measured
 * @now_us: when that came, in microseconds
 *
 * Returns: its status now
 */
PbHealthStatus
pb_health_add (PbHealth *self, const PbHealthSample *sample, gint64 now_us)
{
  Reading reading = { .sample = sample };
  Verdict verdict;

  g_return_val_if_fail (self != NULL, PB_HEALTH_CRITICAL);
  g_return_val_if_fail (sample != NULL, PB_HEALTH_CRITICAL);

  reading.is_sender = self->direction == PB_DIRECTION_SEND;
  reading.undecrypted = sample->packets_undecrypted;
  /* a total that shrank began anew */
  if (self->has_sample &&
      sample->packets_undecrypted >= self->sample.packets_undecrypted)
    reading.undecrypted -= self->sample.packets_undecrypted;
  verdict = judge (&reading);

  if (!self->has_sample || verdict.status >= self->held.status) {
    self->held = verdict;
    self->n_better = 0;
  } else {
    self->recovery =
        self->n_better == 0 ? verdict : worse (verdict, self->recovery);
    self->n_better++;
    if (self->n_better == SAMPLES_TO_RECOVER) {
      self->held = self->recovery;
      /* this sample is the first of the next step, if it was better still */
      self->recovery = verdict;
      self->n_better = verdict.status < self->held.status ? 1 : 0;
    }
  }
  self->sample = *sample;
  self->sample_us = now_us;
  self->has_sample = TRUE;

  return self->held.status;
}

static Verdict
get_verdict (PbHealth *self, gint64 now_us)
{
  Verdict age = judge_age (self, now_us);

  return self->has_sample ? worse (self->held, age) : age;
}

/**
 * pb_health_get: (skip)
 * @self: health of one end
 * @now_us: the present, in microseconds
 * @is_stale: (out) (optional): whether the last sample is too old, or none came
 *
 * Returns: its status now
 */
PbHealthStatus
pb_health_get (PbHealth *self, gint64 now_us, gboolean *is_stale)
{
  g_return_val_if_fail (self != NULL, PB_HEALTH_CRITICAL);

  if (is_stale != NULL)
    *is_stale = judge_age (self, now_us).cause == CAUSE_STALE;

  return get_verdict (self, now_us).status;
}

/**
 * pb_health_peek: (skip)
 * @self: health of one end
 * @sample: (out) (optional): the last sample
 * @age_ms: (out) (optional): its age in milliseconds
 * @now_us: the present, in microseconds
 *
 * Returns: whether there was a sample; nothing is written where there was none
 */
gboolean
pb_health_peek (PbHealth *self, PbHealthSample *sample, gint64 *age_ms,
    gint64 now_us)
{
  g_return_val_if_fail (self != NULL, FALSE);

  if (!self->has_sample)
    return FALSE;
  if (sample != NULL)
    *sample = self->sample;
  if (age_ms != NULL)
    *age_ms = get_age_ms (self, now_us);

  return TRUE;
}

/**
 * pb_health_get_cause: (skip)
 * @self: health of one end
 * @now_us: the present, in microseconds
 *
 * Returns: one word for what is worst, such as "loss"; "" where nothing is
 */
const char *
pb_health_get_cause (PbHealth *self, gint64 now_us)
{
  g_return_val_if_fail (self != NULL, cause_names[CAUSE_STALE]);

  return cause_names[get_verdict (self, now_us).cause];
}
