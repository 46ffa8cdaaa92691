/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

G_DEFINE_QUARK (pb - srt - fault - quark, pb_srt_fault)

static void
set_reuse (int fd, gboolean is_reusable)
{
  const int value = is_reusable ? 1 : 0;

  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
}

/**
 * pb_srt_udp_bind:
 * @host: (nullable): numeric local address
 * @port: local port, 0 for any
 * @error: a #PB_SRT_FAULT
 *
 * Returns: a bound socket, or -1
 */
int
pb_srt_udp_bind (const char *host, guint16 port, GError **error)
{
  g_autoptr (GSocketAddress) address = NULL;
  struct sockaddr_storage native;
  gssize length;
  int fd;

  address = g_inet_socket_address_new_from_string (host != NULL && *host != '\0'
                                                       ? host
                                                       : "0.0.0.0",
      port);
  if (address == NULL) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL,
        "%s is not a numeric address", host);
    return -1;
  }
  length = g_socket_address_get_native_size (address);
  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return -1;

  fd = socket (native.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL, "no UDP socket: %s",
        g_strerror (errno));
    return -1;
  }
  if (native.ss_family == AF_INET6) {
    const int no = 0;

    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  }

  /* Linux lets two UDP sockets share a port only if both say so. A socket in
   * use says no, one that was released says yes, so a conflict is told and a
   * quick restart on the same port still works. */
  set_reuse (fd, TRUE);
  if (bind (fd, (struct sockaddr *) &native, length) < 0) {
    const int saved = errno;

    close (fd);
    g_set_error (error, PB_SRT_FAULT,
        saved == EADDRINUSE ? PB_FAULT_PORT_IN_USE : PB_FAULT_INTERNAL,
        "cannot bind UDP port %u: %s", port, g_strerror (saved));
    return -1;
  }
  set_reuse (fd, FALSE);

  return fd;
}

/**
 * pb_srt_udp_get_address:
 * @fd: a socket
 *
 * Returns: (transfer full) (nullable): its local address
 */
GSocketAddress *
pb_srt_udp_get_address (int fd)
{
  struct sockaddr_storage native = { 0 };
  socklen_t length = sizeof native;

  if (getsockname (fd, (struct sockaddr *) &native, &length) < 0)
    return NULL;
  return g_socket_address_new_from_native (&native, length);
}

/**
 * pb_srt_udp_get_port:
 * @fd: a socket
 *
 * Returns: its local port in host order, 0 if it has none
 */
guint16
pb_srt_udp_get_port (int fd)
{
  g_autoptr (GSocketAddress) address = pb_srt_udp_get_address (fd);

  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return 0;
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

/**
 * pb_srt_udp_release:
 * @fd: a socket from pb_srt_udp_bind()
 */
void
pb_srt_udp_release (int fd)
{
  set_reuse (fd, TRUE);
}
