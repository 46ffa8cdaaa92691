/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The bare libsrt ends of bench-srt: a program of their own, because
 * libgstreamer brings in libunwind, which makes every exception inside libsrt
 * some hundred times dearer. Bare libsrt has to be bare. */

#include "bench-srt.h"

#include <netinet/in.h>
#include <signal.h>
#include <srt.h>
#include <sys/prctl.h>
#include <unistd.h>

static SRTSOCKET
make_raw (void)
{
  SRTSOCKET sock = srt_create_socket ();
  const int no = 0;
  const int latency = LATENCY_MS;
  const int key = 32;

  srt_setsockflag (sock, SRTO_RCVSYN, &no, sizeof no);
  srt_setsockflag (sock, SRTO_LATENCY, &latency, sizeof latency);
  srt_setsockflag (sock, SRTO_PBKEYLEN, &key, sizeof key);
  srt_setsockflag (sock, SRTO_PASSPHRASE, PASSPHRASE, strlen (PASSPHRASE));
  return sock;
}

static void
receive_raw (Sink *sink, int port_pipe)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int length = sizeof address;
  SRTSOCKET listener;
  SRTSOCKET sock = SRT_INVALID_SOCK;
  SRT_EPOLL_EVENT event;
  const int in = SRT_EPOLL_IN | SRT_EPOLL_ERR;
  char data[1456];
  guint16 port;
  int epoll;

  srt_startup ();
  listener = make_raw ();
  srt_bind (listener, (struct sockaddr *) &address, sizeof address);
  srt_listen (listener, 1);
  srt_getsockname (listener, (struct sockaddr *) &address, &length);
  port = ntohs (address.sin_port);
  if (write (port_pipe, &port, sizeof port) != sizeof port)
    exit (1);
  epoll = srt_epoll_create ();
  srt_epoll_add_usock (epoll, listener, &in);
  while (sock == SRT_INVALID_SOCK) {
    srt_epoll_uwait (epoll, &event, 1, 1000);
    sock = srt_accept (listener, NULL, NULL);
  }
  srt_epoll_remove_usock (epoll, listener);
  srt_epoll_add_usock (epoll, sock, &in);
  while (TRUE) {
    srt_epoll_uwait (epoll, &event, 1, 1000);
    while (srt_recvmsg2 (sock, data, sizeof data, NULL) > 0)
      take_message (sink, (guint8 *) data);
    if (srt_getsockstate (sock) >= SRTS_BROKEN)
      return;
  }
}

static guint64
send_raw (guint16 port, double seconds, gboolean is_fine)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    .sin_port = htons (port) };
  const double per_us = RATE / 8 / MESSAGE / 1e6;
  SRTSOCKET sock;
  guint64 n = 0;
  gint64 start;
  gint64 next;

  srt_startup ();
  sock = make_raw ();
  srt_connect (sock, (struct sockaddr *) &address, sizeof address);
  while (srt_getsockstate (sock) != SRTS_CONNECTED)
    g_usleep (1000);
  next = start = g_get_monotonic_time ();
  while (next - start < seconds * 1e6) {
    const gint64 now = g_get_monotonic_time ();

    while (n < (now - start) * per_us) {
      guint8 *data = g_malloc (MESSAGE);

      fill (data, now);
      srt_sendmsg2 (sock, (char *) data, MESSAGE, NULL);
      g_free (data);
      n++;
      if (is_fine)
        break;
    }
    next = is_fine ? start + (gint64) (n / per_us) : next + BURST_US;
    sleep_until (next);
  }
  g_usleep (2 * LATENCY_MS * 1000);
  srt_close (sock);
  return n;
}

/* bench-srt-raw send|send-fine|receive SECONDS PORT_FD RESULT_FD */
int
main (int argc, char **argv)
{
  Result result = { 0 };
  double seconds;
  int port_pipe;
  int result_pipe;

  if (argc != 5)
    return 2;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  seconds = atof (argv[2]);
  port_pipe = atoi (argv[3]);
  result_pipe = atoi (argv[4]);
  if (g_str_equal (argv[1], "receive")) {
    Sink sink = { 0 };

    sink.delays = g_new0 (double, SAMPLES_MAX);
    receive_raw (&sink, port_pipe);
    result.cpu_s = get_cpu ();
    sink_finish (&sink, &result);
  } else {
    guint16 port;

    if (read (port_pipe, &port, sizeof port) != sizeof port)
      return 1;
    result.n_messages =
        send_raw (port, seconds, g_str_equal (argv[1], "send-fine"));
    result.cpu_s = get_cpu ();
  }
  if (write (result_pipe, &result, sizeof result) != sizeof result)
    return 1;
  _exit (0);
}
