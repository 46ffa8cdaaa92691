/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least a WebSocket relay can do: epoll, one read and one write a message,
 * no rule of the framing checked. The n-th connection talks to the (n^1)-th;
 * a message that begins with '*' goes to all. What it costs is the measure. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000

static const char answer[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static int fds[CONNECTIONS_MAX];
static char is_open[CONNECTIONS_MAX];
static int n_fds;

static void
relay (int n, unsigned char *data, ssize_t size)
{
  unsigned char out[4096];

  /* whole masked frames, with a length of one or three bytes */
  while (size > 6) {
    size_t length = data[1] & 0x7f, header = 2, n_out;
    unsigned char *mask, *text;

    if (length == 126) {
      length = data[2] << 8 | data[3];
      header = 4;
    }
    mask = data + header;
    text = mask + 4;
    if (length > sizeof out - 4 || (ssize_t) (header + 4 + length) > size)
      abort ();
    memcpy (out, data, header);
    out[1] &= 0x7f;
    for (size_t i = 0; i < length; i++)
      out[header + i] = text[i] ^ mask[i % 4];
    n_out = header + length;
    if (out[header] == '*') {
      for (int i = 0; i < n_fds; i++)
        if (write (fds[i], out, n_out) < 0)
          abort ();
    } else if (write (fds[n ^ 1], out, n_out) < 0) {
      abort ();
    }
    data += header + 4 + length;
    size -= header + 4 + length;
  }
}

int
main (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t address_size = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN, .data.u32 = UINT32_MAX };

  if (bind (listener, (struct sockaddr *) &address, sizeof address) != 0 ||
      listen (listener, 1024) != 0)
    return 1;
  getsockname (listener, (struct sockaddr *) &address, &address_size);
  printf ("%u\n", ntohs (address.sin_port));
  fflush (stdout);
  epoll_ctl (epoll, EPOLL_CTL_ADD, listener, &event);

  for (;;) {
    struct epoll_event events[128];
    int n = epoll_wait (epoll, events, 128, -1);

    for (int i = 0; i < n; i++) {
      unsigned char data[8192];
      unsigned at = events[i].data.u32;
      ssize_t size;

      if (at == UINT32_MAX) {
        int one = 1;

        fds[n_fds] = accept4 (listener, NULL, NULL,
            SOCK_CLOEXEC | SOCK_NONBLOCK);
        setsockopt (fds[n_fds], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        event.data.u32 = n_fds;
        epoll_ctl (epoll, EPOLL_CTL_ADD, fds[n_fds], &event);
        n_fds++;
        continue;
      }
      size = read (fds[at], data, sizeof data);
      if (size <= 0) {
        if (size == 0)
          epoll_ctl (epoll, EPOLL_CTL_DEL, fds[at], NULL);
      } else if (is_open[at]) {
        relay (at, data, size);
      } else {
        is_open[at] = 1;
        if (write (fds[at], answer, sizeof answer - 1) < 0)
          return 1;
      }
    }
  }
}
