/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/**
 * PbServerGate:
 * What a SoupServer lacks to face strangers: deadlines, bounds, one reading
 * of each request, and the same words for every refusal. It decides before
 * any handler runs, and knows nothing of routes.
 */
typedef struct _PbServerGate PbServerGate;

/**
 * PbServerTicket:
 * One connection's place among those that are allowed. It follows the socket,
 * and whoever takes the socket over takes the ticket with it.
 */
typedef struct _PbServerTicket PbServerTicket;

/* Numbers from pb-limits.h; tests shorten them. */
typedef struct {
  guint header_ms;   /* from the accept, or a request's first byte */
  guint body_ms;     /* from the header's end */
  guint response_ms; /* until the client has taken the response */
  guint idle_ms;     /* between requests */
  guint linger_ms;   /* a refused client may read why */
  guint tick_ms;     /* how coarse these times are */
  gsize body_max;
  guint connections_max;
  guint connections_per_ip; /* per IPv4 address or IPv6 /64 */
  /* A proxy on this machine speaks for everybody, so by default what comes
   * from loopback is not counted per address. */
  gboolean counts_loopback;
  guint requests_max;       /* per connection */
} PbServerGateLimits;

/* Since the attachment, but for the first */
typedef struct {
  guint n_connections; /* now, those taken over included */
  guint64 n_accepted;
  guint64 n_over_total;
  guint64 n_over_ip;
  guint64 n_late;    /* a deadline passed */
  guint64 n_refused; /* requests that broke a rule */
} PbServerGateStats;

void pb_server_gate_limits_init (PbServerGateLimits *limits);

/* The server itself listens nowhere. */
PbServerGate *pb_server_gate_attach (SoupServer *server,
    const PbServerGateLimits *limits,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_gate_detach (PbServerGate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerGate, pb_server_gate_detach)
const PbServerGateStats *pb_server_gate_get_stats (PbServerGate *self);

/* (transfer full): a listening socket for pb_server_gate_listen_socket() */
GSocket *pb_server_gate_socket_new (GSocketAddress *address,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* In place of soup_server_listen_socket(): libsoup 3.2 stops listening for
 * ever when one accept fails, and leaks a GSocket per connection. */
gboolean pb_server_gate_listen_socket (PbServerGate *self, GSocket *socket,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* No new connections; those there are stay. */
void pb_server_gate_stop_listening (PbServerGate *self);

/* (nullable) (transfer full): attached; calls once, when the client has closed
 * its side: libsoup does not look while an answer is not there. Destroy it. */
GSource *pb_server_gate_watch_client (SoupServerMessage *msg,
    GSourceFunc gone, gpointer user_data);

/* (nullable) (transfer full): of a connection that leaves HTTP; none of the
 * deadlines here holds for it any more. */
PbServerTicket *pb_server_gate_steal_ticket (SoupServerMessage *msg);
/* (transfer full) (nullable): once */
GSocket *pb_server_ticket_steal_socket (PbServerTicket *self);
void pb_server_ticket_free (PbServerTicket *self);

G_END_DECLS
