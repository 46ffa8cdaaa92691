/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What both programs of the SRT benchmark agree on. */

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MESSAGE 1316
#define RATE 50e6
#define BURST_US 5000
#define LATENCY_MS 60
#define PASSPHRASE "benchmarkbenchmarkbenchmark12345"
#define SAMPLES_MAX (1 << 20)

/* what a child tells its parent */
typedef struct
{
  double cpu_s;
  guint64 n_messages;
  double p50_ms; /* above the configured latency */
  double p99_ms;
} Result;

static inline double
get_cpu (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6 +
         usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6;
}

static inline int
compare_doubles (gconstpointer a, gconstpointer b)
{
  const double left = *(const double *) a;
  const double right = *(const double *) b;

  return (left > right) - (left < right);
}

typedef struct
{
  guint64 n;
  double *delays;
} Sink;

static inline void
take_message (Sink *sink, const guint8 *data)
{
  const gint64 now = g_get_monotonic_time ();
  gint64 stamp;

  memcpy (&stamp, data + 8, sizeof stamp);
  if (sink->n < SAMPLES_MAX)
    sink->delays[sink->n] = (now - stamp) / 1e3 - LATENCY_MS;
  sink->n++;
}

static inline void
fill (guint8 *data, gint64 now)
{
  memset (data, 0xff, MESSAGE);
  for (guint i = 0; i < 7; i++)
    data[i * 188] = 0x47;
  memcpy (data + 8, &now, sizeof now);
}

static inline void
sleep_until (gint64 when)
{
  const gint64 now = g_get_monotonic_time ();

  if (when > now)
    g_usleep (when - now);
}

static inline void
sink_finish (Sink *sink, Result *result)
{
  const gsize n = MIN (sink->n, SAMPLES_MAX);

  result->n_messages = sink->n;
  if (n == 0)
    return;
  qsort (sink->delays, n, sizeof (double), compare_doubles);
  result->p50_ms = sink->delays[n / 2];
  result->p99_ms = sink->delays[n * 99 / 100];
}
