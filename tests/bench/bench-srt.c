/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* What the SRT engine costs beside bare libsrt. In every round each kind of
 * end sends 50 Mbit/s, AES-256, to one of its own kind in another process:
 *
 *   raw          libsrt alone: a burst every 5 ms, a receiver that sleeps in
 *                epoll and reads all there is
 *   engine       pb_srt_io_push_list() of the same bursts
 *   raw-fine     libsrt alone, seven packets at a time, at their own moment
 *   engine-fine  the same into pb_srt_io_push(), as mpegtsmux gives them: the
 *                engine makes the batches
 *   raw-loss     as raw and engine, through pb-netsim: 5 % lost each way and
 *   engine-loss  10 ms to and fro, by the same seed in each round for both
 *
 * One line for each figure; the medians of the rounds. The process that sends
 * makes the packets as well: in the fine kinds its clock is most of the cost.
 */

#include "bench-srt.h"
#include "pb-srt-io.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef enum {
  RAW,
  ENGINE,
  RAW_FINE,
  ENGINE_FINE,
  RAW_LOSS,
  ENGINE_LOSS,
  N_KINDS
} Kind;

static const char *const kind_names[] = { "raw", "engine", "raw-fine",
  "engine-fine", "raw-loss", "engine-loss" };

static double seconds = 4;
static char *program_dir;

/* ---- the receiving process ---- */

static void
on_received (PbSrtIo *io, guint link, GstBufferList *list, gpointer user_data)
{
  for (guint i = 0; i < gst_buffer_list_length (list); i++) {
    GstMapInfo map;

    gst_buffer_map (gst_buffer_list_get (list, i), &map, GST_MAP_READ);
    take_message (user_data, map.data);
    gst_buffer_unmap (gst_buffer_list_get (list, i), &map);
  }
  gst_buffer_list_unref (list);
}

static GMutex end_lock;
static GCond end_cond;
static gboolean has_ended;
static gboolean has_connected;

static void
on_connected (PbSrtIo *io, const PbSrtLinkInfo *link, gpointer user_data)
{
  g_mutex_lock (&end_lock);
  has_connected = TRUE;
  g_cond_signal (&end_cond);
  g_mutex_unlock (&end_lock);
}

static void
on_closed (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
    const char *detail, gpointer user_data)
{
  g_mutex_lock (&end_lock);
  has_ended = TRUE;
  g_cond_signal (&end_cond);
  g_mutex_unlock (&end_lock);
}

static const PbSrtIoCallbacks callbacks = {
  .connected = on_connected,
  .closed = on_closed,
  .received = on_received,
};

static void
receive_engine (Sink *sink, int port_pipe)
{
  const PbSrtIoConfig config = PB_SRT_IO_CONFIG_INIT (PB_DIRECTION_RECEIVE);
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (PB_SRT_LISTENER);
  PbSrtIo *io = pb_srt_io_new (&config, &callbacks, sink);
  guint16 port;
  guint id;

  options.local_host = "127.0.0.1";
  options.passphrase = PASSPHRASE;
  options.latency_ms = LATENCY_MS;
  if (!pb_srt_io_start (io, NULL) ||
      (id = pb_srt_io_add_link (io, &options, NULL)) == 0)
    exit (1);
  port = pb_srt_io_get_local_port (io, id);
  if (write (port_pipe, &port, sizeof port) != sizeof port)
    exit (1);
  g_mutex_lock (&end_lock);
  while (!has_ended)
    g_cond_wait (&end_cond, &end_lock);
  g_mutex_unlock (&end_lock);
  pb_srt_io_stop (io);
}

/* ---- the sending process ---- */

static guint64
send_engine (guint16 port, gboolean is_fine)
{
  const PbSrtIoConfig config = PB_SRT_IO_CONFIG_INIT (PB_DIRECTION_SEND);
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (PB_SRT_CALLER);
  PbSrtIo *io = pb_srt_io_new (&config, &callbacks, NULL);
  const double per_us = RATE / 8 / MESSAGE / 1e6;
  const gint64 step = is_fine ? 1 : BURST_US;
  guint64 n = 0;
  gint64 start;
  gint64 next;

  options.host = "127.0.0.1";
  options.port = port;
  options.passphrase = PASSPHRASE;
  options.latency_ms = LATENCY_MS;
  if (!pb_srt_io_start (io, NULL) ||
      pb_srt_io_add_link (io, &options, NULL) == 0)
    exit (1);
  g_mutex_lock (&end_lock);
  while (!has_connected)
    g_cond_wait (&end_cond, &end_lock);
  g_mutex_unlock (&end_lock);

  next = start = g_get_monotonic_time ();
  while (next - start < seconds * 1e6) {
    GstBufferList *list = gst_buffer_list_new ();
    const gint64 now = g_get_monotonic_time ();

    while (n < (now - start) * per_us) {
      guint8 *data = g_malloc (MESSAGE);

      fill (data, now);
      gst_buffer_list_add (list, gst_buffer_new_wrapped (data, MESSAGE));
      n++;
      if (is_fine)
        break;
    }
    pb_srt_io_push_list (io, list);
    next = is_fine ? start + (gint64) (n / per_us) : next + step;
    sleep_until (next);
  }
  g_usleep (2 * LATENCY_MS * 1000);
  pb_srt_io_stop (io);
  return n;
}

/* ---- the parent ---- */

static void
run_raw (Kind kind, gboolean is_receiver, int port_pipe, int result_pipe)
{
  g_autofree char *program =
      g_build_filename (program_dir, "bench-srt-raw", NULL);
  g_autofree char *duration = g_strdup_printf ("%f", seconds);
  g_autofree char *port_fd = g_strdup_printf ("%d", port_pipe);
  g_autofree char *result_fd = g_strdup_printf ("%d", result_pipe);
  const char *role = kind == RAW_FINE ? "send-fine" : "send";

  execl (program, program, is_receiver ? "receive" : role, duration, port_fd,
      result_fd, NULL);
  _exit (1);
}

static void
run_child (Kind kind, gboolean is_receiver, int port_pipe, int result_pipe)
{
  Result result = { 0 };
  double before;

  if (kind % 2 == 0)
    run_raw (kind, is_receiver, port_pipe, result_pipe);
  /* a child of an interrupted benchmark goes with it */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  alarm (60 + (guint) seconds);
  gst_init (NULL, NULL);
  before = get_cpu ();
  if (is_receiver) {
    Sink sink = { 0 };

    sink.delays = g_new0 (double, SAMPLES_MAX);
    receive_engine (&sink, port_pipe);
    result.cpu_s = get_cpu () - before;
    sink_finish (&sink, &result);
  } else {
    guint16 port;

    if (read (port_pipe, &port, sizeof port) != sizeof port)
      _exit (1);
    result.n_messages = send_engine (port, kind == ENGINE_FINE);
    result.cpu_s = get_cpu () - before;
  }
  if (write (result_pipe, &result, sizeof result) != sizeof result)
    _exit (1);
  _exit (0);
}

/* The proxy for @port; its own port is the one to call. */
static GSubprocess *
start_netsim (guint16 *port, guint seed)
{
  g_autofree char *program = g_build_filename (program_dir, "..", "common",
      "pb-netsim", NULL);
  g_autofree char *to = g_strdup_printf ("%u", *port);
  g_autofree char *number = g_strdup_printf ("%u", seed);
  g_autofree char *line = NULL;
  GSubprocess *process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE,
      NULL, program, "--to", to, "--seed", number, "--loss", "5", "--delay",
      "5", NULL);
  g_autoptr (GDataInputStream) output = NULL;

  if (process == NULL)
    return NULL;
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  line = g_data_input_stream_read_line (output, NULL, NULL, NULL);
  if (line == NULL || sscanf (line, "listening on %hu", port) != 1)
    g_warning ("no pb-netsim");
  return process;
}

/* The receiver's port goes to the sender, by way of the proxy for the lossy
 * kinds. */
static GSubprocess *
pass_port (Kind kind, guint seed, int from, int to)
{
  GSubprocess *netsim = NULL;
  guint16 port = 0;

  if (read (from, &port, sizeof port) != sizeof port)
    return NULL;
  if (kind >= RAW_LOSS)
    netsim = start_netsim (&port, seed);
  if (write (to, &port, sizeof port) != sizeof port)
    g_warning ("no sender");
  return netsim;
}

static gboolean
run_pair (Kind kind, guint seed, Result results[2])
{
  GSubprocess *netsim;
  int port_pipes[2][2];
  gboolean is_good = TRUE;
  int result_pipes[2][2];
  pid_t pids[2];

  if (pipe (port_pipes[0]) < 0 || pipe (port_pipes[1]) < 0)
    return FALSE;
  for (int i = 0; i < 2; i++) {
    if (pipe (result_pipes[i]) < 0)
      return FALSE;
    pids[i] = fork ();
    if (pids[i] == 0)
      run_child (kind, i == 1, port_pipes[i][i], result_pipes[i][1]);
    close (result_pipes[i][1]);
  }
  close (port_pipes[1][1]);
  netsim = pass_port (kind, seed, port_pipes[1][0], port_pipes[0][1]);
  for (int i = 0; i < 2; i++) {
    is_good = read (result_pipes[i][0], &results[i], sizeof results[i]) ==
                  sizeof results[i] &&
              is_good;
    close (result_pipes[i][0]);
    waitpid (pids[i], NULL, 0);
  }
  close (port_pipes[0][0]);
  close (port_pipes[0][1]);
  close (port_pipes[1][0]);
  if (netsim != NULL) {
    g_subprocess_force_exit (netsim);
    g_subprocess_wait (netsim, NULL, NULL);
    g_object_unref (netsim);
  }
  return is_good;
}

static double
get_median (double *values, guint n)
{
  qsort (values, n, sizeof *values, compare_doubles);
  return values[n / 2];
}

int
main (int argc, char **argv)
{
  const guint n_rounds = argc > 1 ? MAX (1, atoi (argv[1])) : 5;
  enum { SEND, RECEIVE, P50, P99, MISSING, N_FIGURES };
  static const char *const figures[] = { "send cpu-s/GB", "receive cpu-s/GB",
    "added latency p50 ms", "added latency p99 ms", "messages missing" };
  double *values[N_KINDS][N_FIGURES];

  program_dir = g_path_get_dirname (argv[0]);
  if (argc > 2)
    seconds = CLAMP (atof (argv[2]), 1, 60);
  for (guint k = 0; k < N_KINDS; k++) {
    for (guint f = 0; f < N_FIGURES; f++)
      values[k][f] = g_new0 (double, n_rounds);
  }

  for (guint round = 0; round < n_rounds; round++) {
    for (guint k = 0; k < N_KINDS; k++) {
      Result results[2];
      double gigabytes;

      if (!run_pair (k, round + 1, results)) {
        fprintf (stderr, "bench-srt: a %s end failed\n", kind_names[k]);
        return 1;
      }
      gigabytes = results[0].n_messages * (double) MESSAGE / 1e9;
      values[k][SEND][round] = results[0].cpu_s / gigabytes;
      values[k][RECEIVE][round] = results[1].cpu_s / gigabytes;
      values[k][P50][round] = results[1].p50_ms;
      values[k][P99][round] = results[1].p99_ms;
      values[k][MISSING][round] =
          (double) results[0].n_messages - (double) results[1].n_messages;
    }
  }

  for (guint f = 0; f < N_FIGURES; f++) {
    double medians[N_KINDS];

    for (guint k = 0; k < N_KINDS; k++) {
      medians[k] = get_median (values[k][f], n_rounds);
      if (k >= RAW_LOSS && f <= RECEIVE)
        continue;
      printf ("srt %-11s %-21s %.2f", kind_names[k], figures[f], medians[k]);
      if (k % 2 == 1 && f <= RECEIVE)
        printf ("  (%.2f x %s)", medians[k] / medians[k - 1],
            kind_names[k - 1]);
      printf ("\n");
    }
  }
  return 0;
}
