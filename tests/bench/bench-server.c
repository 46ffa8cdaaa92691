/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What patchbayd itself costs, token, registration and `signal` rules
 * included: beside the bare relay for its messages, beside libsoup with a
 * constant body for the sessions it creates. Interleaved rounds, medians.
 * Usage: bench-server [ROUNDS]; epoll-relay and soup-const lie beside it. */
#include "config.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "bench-relay.h"

#define N_PAIRS 50
#define N_ACTIVE (2 * N_PAIRS)
#define N_MESSAGES 20000
#define N_IDLE 4000
#define N_SESSIONS (N_IDLE / 2)
#define N_MORE 1000
/* Signed on before the server tires of waiting for it */
#define N_AT_ONCE 500
#define PAYLOAD 200
#define ROUNDS_MAX 25
/* The gate ends a connection after so many requests. */
#define REQUESTS_MAX 50

typedef enum {
  BARE_RELAY,
  BARE_CONNECTS,
  CONST_POST,
  RELAY_100,
  RELAY_4000,
  CREATE,
  CONNECTS,
  IDLE_MEMORY,
  SESSION_MEMORY,
  N_FIGURES,
} Figure;

static char *directory, *bare_program, *const_program, *patchbayd;

/* --- the client's side of HTTP and of the framing ------------------------ */

static int
connect_to (Server *self)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    .sin_port = htons (self->port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

  if (connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    g_error ("connecting: %s", g_strerror (errno));
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* One whole answer, its body behind the header; @data has room for it. */
static void
read_answer (int fd, char *data, gsize room, const char *status)
{
  gsize size = 0, length = 0;
  const char *field, *end = NULL;

  while (end == NULL) {
    gssize n = recv (fd, data + size, room - size - 1, 0);

    if (n <= 0)
      g_error ("the server has gone");
    size += n;
    data[size] = '\0';
    end = strstr (data, "\r\n\r\n");
  }
  if (strncmp (data + 9, status, 3) != 0)
    g_error ("%s", data);
  end += 4;
  field = strstr (data, "Content-Length: ");
  if (field != NULL && field < end)
    length = strtoul (field + 16, NULL, 10);
  length -= data + size - end;
  if (length > 0) /* or else it would wait for more */
    read_all (fd, data + size, length);
  data[size + length] = '\0';
}

static char *
find_token (const char *answer)
{
  const char *start = strstr (answer, "\"token\":\"");

  if (start == NULL)
    g_error ("no token in %s", answer);
  start += 9;
  return g_strndup (start, strcspn (start, "\""));
}

/* Sessions NAME0, NAME1…; their tokens go to @tokens, where that is given. */
static void
create (Server *self, const char *name, guint n, char **tokens)
{
  int fd = -1;

  for (guint i = 0; i < n; i++) {
    g_autofree char *body = g_strdup_printf (
        "{\"name\":\"%s%u\",\"streams\":[\"cam-wide\"]}", name, i);
    g_autofree char *request = g_strdup_printf (
        "POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        strlen (body), body);
    char answer[4096];

    if (i % REQUESTS_MAX == 0) {
      if (fd >= 0)
        close (fd);
      fd = connect_to (self);
    }
    if (send (fd, request, strlen (request), 0) < 0)
      g_error ("%s", g_strerror (errno));
    read_answer (fd, answer, sizeof answer, "201");
    if (tokens != NULL)
      tokens[i] = find_token (answer);
  }
  close (fd);
}

static int
upgrade (Server *self, const char *session, guint n, const char *token)
{
  g_autofree char *request = g_strdup_printf (
      "GET /api/ws/%s%u HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Authorization: Bearer %s\r\n\r\n", session, n, token);
  char answer[4096];
  int fd = connect_to (self);

  if (send (fd, request, strlen (request), 0) < 0)
    g_error ("%s", g_strerror (errno));
  read_answer (fd, answer, sizeof answer, "101");
  return fd;
}

static gsize
make_frame (guint8 *frame, const char *text)
{
  static const guint8 mask[4] = { 1, 2, 3, 4 };
  gsize length = strlen (text), at = 2;

  frame[0] = 0x81;
  if (length < 126) {
    frame[1] = 0x80 | length;
  } else {
    frame[1] = 0x80 | 126;
    frame[2] = length >> 8;
    frame[3] = length & 0xff;
    at = 4;
  }
  memcpy (frame + at, mask, 4);
  for (guint i = 0; i < length; i++)
    frame[at + 4 + i] = text[i] ^ mask[i % 4];
  return at + 4 + length;
}

static void
send_text (int fd, const char *text)
{
  guint8 frame[1024];

  if (send (fd, frame, make_frame (frame, text), 0) < 0)
    g_error ("%s", g_strerror (errno));
}

/* The next frame that is no ping: a text of less than 64 KiB. */
static void
read_text (int fd, char *text, gsize room)
{
  for (;;) {
    guint8 header[4];
    gsize length;

    read_all (fd, header, 2);
    length = header[1] & 0x7f;
    if (length == 126) {
      read_all (fd, header + 2, 2);
      length = header[2] << 8 | header[3];
    }
    if (length >= room)
      g_error ("a message of %zu", length);
    read_all (fd, text, length);
    text[length] = '\0';
    if ((header[0] & 0x0f) == 1)
      return;
  }
}

static void
expect_text (int fd, const char *type)
{
  g_autofree char *wanted = g_strdup_printf ("\"type\":\"%s\"", type);
  char text[4096];

  do {
    read_text (fd, text, sizeof text);
    if (strstr (text, "\"type\":\"error\"") != NULL)
      g_error ("%s", text);
  } while (strstr (text, wanted) == NULL);
}

static void
make_peer (char peer[20], const char *session, guint n, gboolean is_sender)
{
  g_snprintf (peer, 20, "%s%06u%s", session, n,
      is_sender ? "sender00" : "receiver");
}

static void
sign_on (int fd, const char *session, guint n, gboolean is_sender)
{
  char peer[20];
  g_autofree char *text = NULL;

  make_peer (peer, session, n, is_sender);
  text = g_strdup_printf ("{\"type\":\"register\",\"stream\":\"cam-wide\","
                          "\"direction\":\"%s\",\"peer\":\"%s\",\"ice\":true,"
                          "\"client\":\"bench\"}",
      is_sender ? "send" : "receive", peer);
  send_text (fd, text);
  expect_text (fd, "registered");
}

/* --- the load ------------------------------------------------------------ */

/* A `signal` of 200 octets from one end of a pair to the other */
static void
make_signal (char text[PAYLOAD + 1], const char *session, guint n,
    gboolean is_sender)
{
  char from[20], to[20];
  int length;

  make_peer (from, session, n, is_sender);
  make_peer (to, session, n, !is_sender);
  length = g_snprintf (text, PAYLOAD + 1,
      "{\"type\":\"signal\",\"from\":\"%s\",\"to\":\"%s\",\"link\":1,"
      "\"kind\":\"candidate\",\"data\":{\"candidate\":\"", from, to);
  memset (text + length, 'c', PAYLOAD - length - 3);
  memcpy (text + PAYLOAD - 3, "\"}}", 4);
}

/* µs of the server's CPU for each message: one is under way in each pair, to
 * and fro. */
static double
relay (Server *self)
{
  static guint8 frames[N_ACTIVE][PAYLOAD + 8];
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  guint n_done = 0;
  double begin;

  for (guint i = 0; i < N_ACTIVE; i++) {
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
    char text[PAYLOAD + 1];

    make_signal (text, "a", i / 2, i % 2 == 0);
    make_frame (frames[i], text);
    epoll_ctl (epoll, EPOLL_CTL_ADD, self->fds[i], &event);
  }
  begin = get_cpu (self);
  for (guint i = 0; i < N_ACTIVE; i += 2)
    send (self->fds[i], frames[i], sizeof frames[i], 0);
  while (n_done < N_MESSAGES) {
    struct epoll_event events[64];
    int n = epoll_wait (epoll, events, 64, 10000);

    if (n <= 0)
      g_error ("a message is lost");
    for (int i = 0; i < n; i++) {
      guint at = events[i].data.u32;
      char text[1024];

      read_text (self->fds[at], text, sizeof text);
      send (self->fds[at], frames[at], sizeof frames[at], 0);
      n_done++;
    }
  }
  begin = get_cpu (self) - begin;
  for (guint i = 0; i < N_PAIRS; i++) { /* those still under way */
    struct epoll_event event;
    char text[1024];

    if (epoll_wait (epoll, &event, 1, 10000) != 1)
      g_error ("a message is lost");
    read_text (self->fds[event.data.u32], text, sizeof text);
  }
  close (epoll);
  return begin * 1e6 / n_done;
}

static void
measure_bare (double figures[N_FIGURES])
{
  static Server server;
  const char *argv[] = { bare_program, NULL };
  double cpu;

  server_start (&server, argv);
  for (guint i = 0; i < N_ACTIVE; i++)
    server.fds[server.n_fds++] = upgrade (&server, "a", i / 2, "none");
  relay (&server); /* warm */
  figures[BARE_RELAY] = relay (&server);
  for (guint i = 0; i < N_IDLE; i++)
    server.fds[server.n_fds++] = upgrade (&server, "b", i / 2, "none");
  cpu = get_cpu (&server);
  for (guint i = 0; i < N_MORE; i++)
    server.fds[server.n_fds++] = upgrade (&server, "c", i / 2, "none");
  figures[BARE_CONNECTS] = N_MORE / (get_cpu (&server) - cpu);
  server_stop (&server);
}

static void
measure_const (double figures[N_FIGURES])
{
  static Server server;
  const char *argv[] = { const_program, NULL };
  double cpu;

  server_start (&server, argv);
  create (&server, "a", N_PAIRS, NULL);
  cpu = get_cpu (&server);
  create (&server, "b", N_SESSIONS, NULL);
  figures[CONST_POST] = (get_cpu (&server) - cpu) * 1e6 / N_SESSIONS;
  server_stop (&server);
}

static void
measure_patchbayd (double figures[N_FIGURES])
{
  static Server server;
  static char *tokens[N_SESSIONS + N_PAIRS + 1];
  g_autofree char *config = g_build_filename (directory, "conf", NULL);
  g_autofree char *audit = g_build_filename (directory, "audit", NULL);
  g_autofree char *secret = g_build_filename (directory, "secret", NULL);
  const char *argv[] = { patchbayd, "--config", config, "--listen",
    "127.0.0.1:0", "--secret-file", secret, "--no-stun", "--audit-log", audit,
    NULL };
  double cpu, kib[2];

  server_start (&server, argv);
  create (&server, "a", N_PAIRS, tokens);
  for (guint i = 0; i < N_ACTIVE; i++) {
    int fd = upgrade (&server, "a", i / 2, tokens[i / 2]);

    server.fds[server.n_fds++] = fd;
    sign_on (fd, "a", i / 2, i % 2 == 0);
  }
  for (guint i = 0; i < N_ACTIVE; i++)
    expect_text (server.fds[i], "peer");
  relay (&server); /* warm */
  figures[RELAY_100] = relay (&server);
  for (guint i = 0; i < N_PAIRS; i++)
    g_clear_pointer (&tokens[i], g_free);

  kib[0] = get_kib (&server);
  cpu = get_cpu (&server);
  create (&server, "b", N_SESSIONS, tokens);
  figures[CREATE] = (get_cpu (&server) - cpu) * 1e6 / N_SESSIONS;
  kib[1] = get_kib (&server);
  figures[SESSION_MEMORY] = kib[1] - kib[0];
  figures[IDLE_MEMORY] = 0;
  for (guint begin = 0; begin < N_IDLE; begin += N_AT_ONCE) {
    kib[0] = get_kib (&server);
    for (guint i = begin; i < begin + N_AT_ONCE; i++)
      server.fds[server.n_fds++] =
          upgrade (&server, "b", i / 2, tokens[i / 2]);
    kib[1] = get_kib (&server);
    for (guint i = begin; i < begin + N_AT_ONCE; i++)
      sign_on (server.fds[N_ACTIVE + i], "b", i / 2, i % 2 == 0);
    figures[IDLE_MEMORY] += kib[1] - kib[0];
    figures[SESSION_MEMORY] += get_kib (&server) - kib[1];
  }
  figures[IDLE_MEMORY] /= N_IDLE;
  figures[SESSION_MEMORY] /= N_SESSIONS;
  figures[RELAY_4000] = relay (&server);
  cpu = get_cpu (&server);
  for (guint i = 0; i < N_MORE; i++)
    server.fds[server.n_fds++] =
        upgrade (&server, "b", i / 2, tokens[i / 2]);
  figures[CONNECTS] = N_MORE / (get_cpu (&server) - cpu);
  server_stop (&server);
  for (guint i = 0; i < N_SESSIONS; i++)
    g_clear_pointer (&tokens[i], g_free);
  g_unlink (audit);
}

/* --- the rounds ---------------------------------------------------------- */

static void
prepare (const char *program)
{
  g_autofree char *here = g_path_get_dirname (program);
  g_autofree char *config = NULL;
  g_autofree char *secret = NULL;
  g_autofree char *one = g_uuid_string_random ();
  g_autofree char *two = g_uuid_string_random ();
  g_autofree char *text = g_strconcat (one, two, NULL);

  bare_program = g_build_filename (here, "epoll-relay", NULL);
  const_program = g_build_filename (here, "soup-const", NULL);
  patchbayd = g_build_filename (here, "..", "..", "signaling-server",
      "patchbayd", NULL);
  directory = g_dir_make_tmp ("patchbay-bench-XXXXXX", NULL);
  config = g_build_filename (directory, "conf", NULL);
  secret = g_build_filename (directory, "secret", NULL);
  g_file_set_contents_full (config, "[sessions]\nmax=10000\n"
      "[server]\nmessage-rate=0\n", -1,
      G_FILE_SET_CONTENTS_NONE, 0600, NULL);
  g_file_set_contents_full (secret, text, -1, G_FILE_SET_CONTENTS_NONE, 0600,
      NULL);
}

static void
clean_up (void)
{
  static const char *const files[] = { "conf", "secret", "audit" };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (directory, files[i], NULL);

    g_unlink (path);
  }
  g_rmdir (directory);
}

int
main (int argc, char **argv)
{
  static double rounds[N_FIGURES][ROUNDS_MAX];
  double m[N_FIGURES];
  guint n_rounds = argc > 1 ? CLAMP (atoi (argv[1]), 1, ROUNDS_MAX) : 5;

  raise_files ();
  prepare (argv[0]);
  for (guint i = 0; i < n_rounds; i++) {
    double figures[N_FIGURES];

    measure_bare (figures);
    measure_const (figures);
    measure_patchbayd (figures);
    for (guint f = 0; f < N_FIGURES; f++)
      rounds[f][i] = figures[f];
  }
  clean_up ();
  for (guint f = 0; f < N_FIGURES; f++) {
    qsort (rounds[f], n_rounds, sizeof (double), compare);
    m[f] = rounds[f][n_rounds / 2];
  }

  printf ("server-relay %.2f us/message (bare %.2f)\n", m[RELAY_100],
      m[BARE_RELAY]);
  printf ("server-relay-ratio %.2f x bare (goal 1.5)\n",
      m[RELAY_100] / m[BARE_RELAY]);
  printf ("server-relay-4000-idle-ratio %.2f x with 100 (goal 1.3)\n",
      m[RELAY_4000] / m[RELAY_100]);
  printf ("server-connects %.0f per CPU-s (goal 10000; bare %.0f)\n",
      m[CONNECTS], m[BARE_CONNECTS]);
  printf ("server-idle-memory %.2f KiB (goal 4)\n", m[IDLE_MEMORY]);
  printf ("server-session-memory %.2f KiB with both peers, their sockets "
          "apart (goal 8)\n", m[SESSION_MEMORY]);
  printf ("server-create %.1f us (constant body %.1f)\n", m[CREATE],
      m[CONST_POST]);
  printf ("server-create-ratio %.2f x constant body (goal 1.3)\n",
      m[CREATE] / m[CONST_POST]);
  return 0;
}
