/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-link-private.h"

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-srt-lib-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_CONNECT_TIMEOUT_MS 3000
#define DEFAULT_IDLE_TIMEOUT_MS 5000
/* What buffers are sized for: 100 Mbit/s of full packets */
#define PACKETS_PER_SECOND 9500
#define FULL_PACKET 1456
/* libsrt adapts up to this many packets of reordering before it asks again */
#define REORDER_TOLERANCE 40
/* A rendezvous peer that refused our key says goodbye in the middle of the
 * handshake (SRT_REJ_ROGUE here); one that restarts begins anew. */
#define ROGUE_PATIENCE_US (300 * 1000)
#define RATE_WINDOW_US G_USEC_PER_SEC

static void
set_int (SRTSOCKET sock, SRT_SOCKOPT option, int value)
{
  srt_setsockflag (sock, option, &value, sizeof value);
}

static void
set_bool (SRTSOCKET sock, SRT_SOCKOPT option, gboolean value)
{
  set_int (sock, option, value ? 1 : 0);
}

/* Options that decide whether two SRT sockets may share one UDP socket. */
static SRTSOCKET
create_socket (GSocketAddress *local)
{
  SRTSOCKET sock = srt_create_socket ();

  if (sock == SRT_INVALID_SOCK)
    return sock;
  set_int (sock, SRTO_TRANSTYPE, SRTT_LIVE);
  set_bool (sock, SRTO_RCVSYN, FALSE);
  set_bool (sock, SRTO_SNDSYN, FALSE);
  if (g_socket_address_get_family (local) == G_SOCKET_FAMILY_IPV6)
    set_bool (sock, SRTO_IPV6ONLY, FALSE);
  return sock;
}

static void
port_clear (gpointer data)
{
  PbSrtPort *port = data;

  if (port->anchor != SRT_INVALID_SOCK)
    srt_close (port->anchor);
  g_clear_object (&port->address);
  if (port->fd >= 0) {
    pb_srt_udp_release (port->fd);
    close (port->fd);
  }
}

/* Any thread */
PbSrtPort *
pb_srt_port_new (int fd, GError **error)
{
  PbSrtPort *port = g_atomic_rc_box_new0 (PbSrtPort);
  struct stat st = { 0 };
  int theirs;

  port->fd = fd;
  port->anchor = SRT_INVALID_SOCK;
  port->address = pb_srt_udp_get_address (fd);
  fstat (fd, &st);
  port->inode = st.st_ino;
  /* libsrt polls without pause on a non-blocking socket: a whole core */
  fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) & ~O_NONBLOCK);

  if (G_IS_INET_SOCKET_ADDRESS (port->address))
    port->anchor = create_socket (port->address);
  if (port->anchor == SRT_INVALID_SOCK) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL,
        "not a bound UDP socket, or libsrt has no more sockets");
    pb_srt_port_unref (port);
    return NULL;
  }
  theirs = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (theirs < 0 || srt_bind_acquire (port->anchor, theirs) != 0) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL,
        "libsrt does not take the UDP socket: %s",
        theirs < 0 ? g_strerror (errno) : srt_getlasterror_str ());
    if (theirs >= 0)
      close (theirs);
    pb_srt_port_unref (port);
    return NULL;
  }
  return port;
}

void
pb_srt_port_unref (PbSrtPort *port)
{
  g_atomic_rc_box_release_full (port, port_clear);
}

static gboolean
bind_socket (PbSrtLink *link)
{
  struct sockaddr_storage native;
  const gssize length = g_socket_address_get_native_size (link->port->address);

  return g_socket_address_to_native (link->port->address, &native,
             sizeof native, NULL) &&
         srt_bind (link->sock, (struct sockaddr *) &native, length) == 0;
}

static gboolean
prepare_socket (PbSrtLink *link, GError **error)
{
  /* how many packets may be under way: latency and half a second */
  const int packets =
      MAX (8192, PACKETS_PER_SECOND * (link->latency_ms + 500) / 1000 * 3 / 2);
  SRTSOCKET sock = create_socket (link->port->address);
  gboolean is_taken = TRUE;

  link->sock = sock;
  if (sock == SRT_INVALID_SOCK) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL, "%s",
        srt_getlasterror_str ());
    return FALSE;
  }

  set_int (sock, SRTO_LATENCY, link->latency_ms);
  set_bool (sock, SRTO_TLPKTDROP, TRUE);
  set_int (sock, SRTO_PAYLOADSIZE, link->payload_size);
  /* No more than the buffers hold: libsrt clears tables of this size while it
   * answers a handshake, and that time stays in the stream as latency. */
  set_int (sock, SRTO_FC, packets);
  set_int (sock, SRTO_SNDBUF, packets * FULL_PACKET);
  set_int (sock, SRTO_RCVBUF, packets * FULL_PACKET);
  set_int (sock, SRTO_LOSSMAXTTL, REORDER_TOLERANCE);
  set_int (sock, SRTO_RETRANSMITALGO, 1);
  set_int (sock, SRTO_MINVERSION, SRT_VERSION_FEAT_HSv5);
  set_int (sock, SRTO_PEERIDLETIMEO, link->idle_timeout_ms);
  set_bool (sock, SRTO_ENFORCEDENCRYPTION, TRUE);
  if (link->passphrase != NULL) {
    is_taken = srt_setsockflag (sock, SRTO_PASSPHRASE, link->passphrase,
                   strlen (link->passphrase)) == 0;
    set_int (sock, SRTO_PBKEYLEN, link->key_length);
    if (link->km_refresh_packets > 0) {
      /* the order matters: one must stay under half of the other */
      set_int (sock, SRTO_KMPREANNOUNCE, link->km_refresh_packets / 4);
      set_int (sock, SRTO_KMREFRESHRATE, link->km_refresh_packets);
      set_int (sock, SRTO_KMPREANNOUNCE, link->km_refresh_packets / 4);
    }
  }
  if (link->info.mode == PB_SRT_RENDEZVOUS)
    set_bool (sock, SRTO_RENDEZVOUS, TRUE);
  if (link->info.mode != PB_SRT_LISTENER) {
    /* libsrt's own limit comes after ours, and is tenfold in rendezvous */
    const guint slack = link->connect_timeout_ms + 500;

    set_int (sock, SRTO_CONNTIMEO,
        link->info.mode == PB_SRT_RENDEZVOUS ? slack / 10 : slack);
  }
  if (link->info.mode == PB_SRT_CALLER && link->info.stream_id != NULL)
    is_taken =
        is_taken && srt_setsockflag (sock, SRTO_STREAMID, link->info.stream_id,
                        strlen (link->info.stream_id)) == 0;
  if (!is_taken) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL,
        "a passphrase has 10 to 79 characters, a stream id at most 512");
    return FALSE;
  }
  if (!bind_socket (link)) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL,
        "cannot share the UDP socket: %s", srt_getlasterror_str ());
    return FALSE;
  }
  return TRUE;
}

PbSrtLink *
pb_srt_link_new (const PbSrtLinkOptions *options, PbSrtPort *port,
    PbDirection direction, guint payload_size, GError **error)
{
  PbSrtLink *link = g_new0 (PbSrtLink, 1);

  link->port = g_atomic_rc_box_acquire (port);
  link->direction = direction;
  link->payload_size = payload_size;
  link->passphrase = g_strdup (options->passphrase);
  link->host = g_strdup (options->host);
  link->host_port = options->port;
  link->key_length = options->key_length != 0 ? options->key_length : 32;
  link->latency_ms =
      options->latency_ms != 0 ? options->latency_ms : PB_LATENCY_DEFAULT;
  link->connect_timeout_ms = options->connect_timeout_ms != 0
                                 ? options->connect_timeout_ms
                                 : DEFAULT_CONNECT_TIMEOUT_MS;
  link->idle_timeout_ms = options->idle_timeout_ms != 0
                              ? options->idle_timeout_ms
                              : DEFAULT_IDLE_TIMEOUT_MS;
  link->km_refresh_packets = options->km_refresh_packets;
  link->info.mode = options->mode;
  link->next_seq = SRT_SEQNO_NONE;
  link->sock = SRT_INVALID_SOCK;
  link->deadline = g_get_monotonic_time () +
                   link->connect_timeout_ms * G_GINT64_CONSTANT (1000);
  if (options->peer != NULL)
    link->info.peer = g_object_ref (options->peer);
  if (options->mode == PB_SRT_CALLER)
    link->info.stream_id = g_strdup (options->stream_id);

  if (!prepare_socket (link, error)) {
    pb_srt_link_free (link);
    return NULL;
  }
  if (options->mode == PB_SRT_LISTENER) {
    link->listener = pb_srt_listener_new (direction, options->stream_id,
        options->allow_empty_stream_id, link->passphrase != NULL,
        options->max_links);
    if (!pb_srt_listener_install (link->listener, link->sock)) {
      const int code = srt_getlasterror (NULL);

      g_set_error (error, PB_SRT_FAULT,
          code == SRT_EDUPLISTEN ? PB_FAULT_PORT_IN_USE : PB_FAULT_INTERNAL,
          "cannot listen: %s", srt_getlasterror_str ());
      pb_srt_link_free (link);
      return NULL;
    }
  }
  return link;
}

PbSrtLink *
pb_srt_link_new_accepted (PbSrtLink *listener, SRTSOCKET sock,
    const struct sockaddr *peer)
{
  PbSrtLink *link = g_new0 (PbSrtLink, 1);

  link->direction = listener->direction;
  link->passphrase = g_strdup (listener->passphrase);
  link->payload_size = listener->payload_size;
  link->idle_timeout_ms = listener->idle_timeout_ms;
  link->sock = sock;
  link->next_seq = SRT_SEQNO_NONE;
  link->listener = listener->listener;
  link->info.mode = PB_SRT_LISTENER;
  link->info.listener_id = listener->info.id;
  link->info.peer = pb_srt_lib_address (peer);
  link->info.stream_id = pb_srt_listener_accepted (link->listener, sock);
  return link;
}

void
pb_srt_link_close (PbSrtLink *link)
{
  link->state = PB_SRT_LINK_GONE;
  if (link->sock != SRT_INVALID_SOCK)
    srt_close (link->sock);
  link->sock = SRT_INVALID_SOCK;
}

void
pb_srt_link_free (PbSrtLink *link)
{
  pb_srt_link_close (link);
  if (link->listener != NULL && link->info.listener_id == 0)
    pb_srt_listener_free (link->listener);
  g_clear_pointer (&link->port, pb_srt_port_unref);
  g_clear_object (&link->info.peer);
  g_free ((char *) link->info.stream_id);
  pb_secret_free (link->passphrase);
  g_free (link->host);
  g_free (link);
}

gboolean
pb_srt_link_connect (PbSrtLink *link, PbFault *fault, const char **detail)
{
  struct sockaddr_storage native;
  const gssize length = g_socket_address_get_native_size (link->info.peer);

  if (!g_socket_address_to_native (link->info.peer, &native, sizeof native,
          NULL)) {
    *fault = PB_FAULT_INTERNAL;
    *detail = "not an address that SRT can call";
    return FALSE;
  }

  /* a dual-stack socket calls an IPv4 peer by its mapped address */
  if (native.ss_family == AF_INET &&
      g_socket_address_get_family (link->port->address) ==
          G_SOCKET_FAMILY_IPV6) {
    const struct sockaddr_in v4 = *(struct sockaddr_in *) &native;
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
      .sin6_port = v4.sin_port };

    v6.sin6_addr.s6_addr[10] = 0xff;
    v6.sin6_addr.s6_addr[11] = 0xff;
    memcpy (&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
    memcpy (&native, &v6, sizeof v6);
  }

  if (srt_connect (link->sock, (struct sockaddr *) &native,
          native.ss_family == AF_INET6 ? (gssize) sizeof (struct sockaddr_in6)
                                       : length) != 0) {
    *fault = PB_FAULT_INTERNAL;
    *detail = srt_getlasterror_str ();
    return FALSE;
  }
  link->state = PB_SRT_LINK_CONNECTING;
  return TRUE;
}

/* A socket can be CONNECTED without the other end being able to read a word:
 * only the key material states tell. */
gboolean
pb_srt_link_confirm (PbSrtLink *link, PbFault *fault)
{
  const guint snd = pb_srt_lib_get_int (link->sock, SRTO_SNDKMSTATE);
  const guint rcv = pb_srt_lib_get_int (link->sock, SRTO_RCVKMSTATE);
  const gint64 now = g_get_monotonic_time ();

  link->info.latency_ms = pb_srt_lib_get_int (link->sock,
      link->direction == PB_DIRECTION_SEND ? SRTO_PEERLATENCY
                                           : SRTO_RCVLATENCY);
  link->info.peer_version = pb_srt_lib_get_int (link->sock, SRTO_PEERVERSION);
  link->info.is_encrypted = snd == SRT_KM_S_SECURED && rcv == SRT_KM_S_SECURED;
  if (link->info.is_encrypted)
    link->info.key_length = pb_srt_lib_get_int (link->sock, SRTO_PBKEYLEN);
  if (link->passphrase != NULL && !link->info.is_encrypted) {
    *fault = snd == SRT_KM_S_BADSECRET || rcv == SRT_KM_S_BADSECRET
                 ? PB_FAULT_WRONG_PASSPHRASE
                 : PB_FAULT_UNENCRYPTED;
    return FALSE;
  }
  link->first_srctime = srt_connection_time (link->sock);
  link->last_heard = now;
  link->rated = now;
  link->state = PB_SRT_LINK_CONNECTED;
  return TRUE;
}

PbFault
pb_srt_link_get_refusal (PbSrtLink *link, const char **detail)
{
  const int reason = srt_getrejectreason (link->sock);

  *detail = reason < SRT_REJC_PREDEFINED ? srt_rejectreason_str (reason)
                                         : "refused by the peer's policy";
  if (reason == SRT_REJ_UNKNOWN)
    return PB_FAULT_TIMED_OUT;
  if (link->info.mode == PB_SRT_RENDEZVOUS && reason == SRT_REJ_ROGUE &&
      link->passphrase != NULL) {
    *detail = "the peer left in the middle of the handshake";
    return PB_FAULT_WRONG_PASSPHRASE;
  }
  return pb_srt_lib_fault_from_reason (reason);
}

gboolean
pb_srt_link_is_abandoned (PbSrtLink *link, gint64 now)
{
  if (link->info.mode != PB_SRT_RENDEZVOUS || link->passphrase == NULL ||
      srt_getrejectreason (link->sock) != SRT_REJ_ROGUE) {
    link->rogue_since = 0;
    return FALSE;
  }
  if (link->rogue_since == 0)
    link->rogue_since = now;
  return now - link->rogue_since >= ROGUE_PATIENCE_US;
}

void
pb_srt_link_sample (PbSrtLink *link, gint64 now, PbSrtStats *out)
{
  SRT_TRACEBSTATS s;
  guint64 heard;

  link->sampled = now;
  *out = link->stats;
  out->packets_overflowed = link->n_overflowed;
  out->packets_delivered = link->n_delivered;
  if (link->state != PB_SRT_LINK_CONNECTED ||
      srt_bistats (link->sock, &s, 0, 1) != 0)
    return;

  out->packets_sent = s.pktSentUniqueTotal;
  out->bytes_sent = s.byteSentUniqueTotal;
  out->packets_retransmitted = s.pktRetransTotal;
  out->packets_send_lost = s.pktSndLossTotal;
  out->packets_send_dropped = s.pktSndDropTotal;
  out->packets_received = s.pktRecvUniqueTotal;
  out->bytes_received = s.byteRecvUniqueTotal;
  out->packets_lost = s.pktRcvLossTotal;
  out->packets_dropped = s.pktRcvDropTotal;
  out->packets_undecrypted = s.pktRcvUndecryptTotal;
  out->packets_belated = s.pktRcvBelated;
  out->rtt_ms = s.msRTT;
  out->bandwidth_bps = s.mbpsBandwidth * 1e6;
  out->buffer_ms =
      link->direction == PB_DIRECTION_SEND ? s.msSndBuf : s.msRcvBuf;
  out->latency_ms = link->info.latency_ms;
  out->reorder_distance = s.pktReorderDistance;
  out->n_links = 1;

  if (now - link->rated >= RATE_WINDOW_US) {
    const double seconds = (now - link->rated) / (double) G_USEC_PER_SEC;

    out->send_bps = (out->bytes_sent - link->rated_sent) * 8 / seconds;
    out->receive_bps =
        (out->bytes_received - link->rated_received) * 8 / seconds;
    link->rated = now;
    link->rated_sent = out->bytes_sent;
    link->rated_received = out->bytes_received;
  }

  heard = s.pktRecvTotal + s.pktRecvACKTotal + s.pktRecvNAKTotal;
  if (heard != link->heard) {
    link->heard = heard;
    link->last_heard = now;
  }
}

/* libsrt does not say whether a connection ended with the peer's shutdown or
 * with its silence; the time since anything was counted does. */
PbFault
pb_srt_link_get_closing_fault (PbSrtLink *link, gint64 now)
{
  const gint64 idle_us = link->idle_timeout_ms * G_GINT64_CONSTANT (1000);

  return now - link->last_heard >= idle_us * 3 / 4 ? PB_FAULT_PEER_LOST
                                                   : PB_FAULT_NONE;
}
