/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU per relayed message of our transport against the bare relay: both get
 * the same load in turn, and the medians of interleaved rounds are compared.
 * Usage: bench-relay [ROUNDS]; epoll-relay and ws-relay lie beside it. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench-relay.h"

#define N_PAIRS 50
#define N_MESSAGES 40000
#define N_ACTIVE (2 * N_PAIRS)
#define N_IDLE 4000
#define N_LISTENERS 500
#define N_BROADCASTS 100
#define PAYLOAD 200
#define ROUNDS_MAX 25

typedef enum {
  RELAY_100,  /* µs of CPU per message, 100 connections */
  RELAY_4000, /* the same with 4000 idle ones beside them */
  BROADCAST,  /* µs of CPU per delivery, 1 to 500 */
  CONNECTS,   /* per CPU-second, while 4000 open */
  MEMORY,     /* KiB of resident set per idle connection */
  N_FIGURES,
} Figure;

static void
server_connect (Server *self, guint n)
{
  static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n"
                                "Upgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: "
                                "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  struct sockaddr_in address = { .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    .sin_port = htons (self->port) };

  while (n-- > 0) {
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    char data[2048];
    gsize size = 0;

    if (connect (fd, (struct sockaddr *) &address, sizeof address) != 0 ||
        send (fd, request, sizeof request - 1, 0) < 0)
      g_error ("connecting: %s", g_strerror (errno));
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (size < 4 || memcmp (data + size - 4, "\r\n\r\n", 4) != 0) {
      read_all (fd, data + size, 1);
      size++;
    }
    if (memcmp (data, "HTTP/1.1 101", 12) != 0)
      g_error ("%.*s", (int) size, data);
    self->fds[self->n_fds++] = fd;
  }
}

static gsize
make_frame (guint8 *frame, char first)
{
  static const guint8 mask[4] = { 1, 2, 3, 4 };
  char text[PAYLOAD];

  memset (text, 'x', sizeof text);
  text[0] = first;
  frame[0] = 0x81;
  frame[1] = 0x80 | 126;
  frame[2] = PAYLOAD >> 8;
  frame[3] = PAYLOAD & 0xff;
  memcpy (frame + 4, mask, 4);
  for (guint i = 0; i < PAYLOAD; i++)
    frame[8 + i] = text[i] ^ mask[i % 4];
  return 8 + PAYLOAD;
}

/* Each pair has one message under way, to and fro. */
static double
relay (Server *self)
{
  guint8 frame[8 + PAYLOAD], data[4 + PAYLOAD];
  gsize size = make_frame (frame, '{');
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  guint n_done = 0;
  double begin;

  for (guint i = 0; i < N_ACTIVE; i++) {
    struct epoll_event event = { .events = EPOLLIN,
      .data.fd = self->fds[i] };

    epoll_ctl (epoll, EPOLL_CTL_ADD, self->fds[i], &event);
  }
  begin = get_cpu (self);
  for (guint i = 0; i < N_ACTIVE; i += 2)
    send (self->fds[i], frame, size, 0);
  while (n_done < N_MESSAGES) {
    struct epoll_event events[64];
    int n = epoll_wait (epoll, events, 64, 10000);

    if (n <= 0)
      g_error ("a message is lost");
    for (int i = 0; i < n; i++) {
      read_all (events[i].data.fd, data, sizeof data);
      send (events[i].data.fd, frame, size, 0);
      n_done++;
    }
  }
  begin = get_cpu (self) - begin;
  /* those still under way */
  for (guint i = 0; i < N_PAIRS; i++) {
    struct epoll_event event;

    if (epoll_wait (epoll, &event, 1, 10000) != 1)
      g_error ("a message is lost");
    read_all (event.data.fd, data, sizeof data);
  }
  close (epoll);
  return begin * 1e6 / n_done;
}

static double
broadcast (Server *self)
{
  guint8 frame[8 + PAYLOAD], data[4 + PAYLOAD];
  gsize size = make_frame (frame, '*');
  double begin = get_cpu (self);

  for (guint i = 0; i < N_BROADCASTS; i++) {
    send (self->fds[0], frame, size, 0);
    for (guint j = 0; j < self->n_fds; j++)
      read_all (self->fds[j], data, sizeof data);
  }
  return (get_cpu (self) - begin) * 1e6 / N_BROADCASTS / self->n_fds;
}

static void
run_round (const char *program, double figures[N_FIGURES])
{
  static Server server;
  const char *argv[] = { program, NULL };
  double cpu, kib;

  server_start (&server, argv);
  server_connect (&server, N_ACTIVE);
  relay (&server); /* warm */
  figures[RELAY_100] = relay (&server);
  server_connect (&server, N_LISTENERS - N_ACTIVE);
  figures[BROADCAST] = broadcast (&server);
  cpu = get_cpu (&server);
  kib = get_kib (&server);
  server_connect (&server, N_IDLE - (N_LISTENERS - N_ACTIVE));
  figures[CONNECTS] =
      (N_IDLE - (N_LISTENERS - N_ACTIVE)) / (get_cpu (&server) - cpu);
  figures[MEMORY] =
      (get_kib (&server) - kib) / (N_IDLE - (N_LISTENERS - N_ACTIVE));
  figures[RELAY_4000] = relay (&server);
  server_stop (&server);
}

static double
median (double rounds[ROUNDS_MAX][N_FIGURES], guint n, Figure figure)
{
  double values[ROUNDS_MAX];

  for (guint i = 0; i < n; i++)
    values[i] = rounds[i][figure];
  qsort (values, n, sizeof *values, compare);
  return values[n / 2];
}

int
main (int argc, char **argv)
{
  static double bare[ROUNDS_MAX][N_FIGURES], ours[ROUNDS_MAX][N_FIGURES];
  double b[N_FIGURES], o[N_FIGURES];
  guint n_rounds = argc > 1 ? CLAMP (atoi (argv[1]), 1, ROUNDS_MAX) : 5;
  g_autofree char *here = g_path_get_dirname (argv[0]);
  g_autofree char *bare_program = g_build_filename (here, "epoll-relay", NULL);
  g_autofree char *our_program = g_build_filename (here, "ws-relay", NULL);

  raise_files ();

  for (guint i = 0; i < n_rounds; i++) {
    run_round (bare_program, bare[i]);
    run_round (our_program, ours[i]);
  }
  for (guint i = 0; i < N_FIGURES; i++) {
    b[i] = median (bare, n_rounds, i);
    o[i] = median (ours, n_rounds, i);
  }

  printf ("relay-bare %.2f us/message\n", b[RELAY_100]);
  printf ("relay %.2f us/message\n", o[RELAY_100]);
  printf ("relay-ratio %.2f x bare (goal 1.5)\n",
      o[RELAY_100] / b[RELAY_100]);
  printf ("relay-4000-idle %.2f us/message\n", o[RELAY_4000]);
  printf ("relay-4000-idle-ratio %.2f x with 100 (goal 1.3)\n",
      o[RELAY_4000] / o[RELAY_100]);
  printf ("broadcast-bare %.2f us/delivery\n", b[BROADCAST]);
  printf ("broadcast %.2f us/delivery\n", o[BROADCAST]);
  printf ("broadcast-ratio %.2f x bare (goal 1.5)\n",
      o[BROADCAST] / b[BROADCAST]);
  printf ("connects-bare %.0f per CPU-s\n", b[CONNECTS]);
  printf ("connects %.0f per CPU-s (goal 10000)\n", o[CONNECTS]);
  printf ("idle-memory-bare %.2f KiB\n", b[MEMORY]);
  printf ("idle-memory %.2f KiB (goal 4)\n", o[MEMORY]);
  return 0;
}
