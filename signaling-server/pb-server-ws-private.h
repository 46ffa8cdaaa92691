/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the set (pb-server-ws.c), a connection (pb-server-conn.c) and its
 * reading (pb-server-conn-read.c) know of one another. */

#include "pb-server-gate.h"
#include "pb-server-outbox.h"
#include "pb-server-poll.h"
#include "pb-server-reader.h"
#include "pb-server-wheel.h"
#include "pb-server-ws.h"

#include <sys/uio.h>

G_BEGIN_DECLS

/* Where a connection stands */
typedef enum {
  PB_SERVER_CONN_CONNECTING, /* libsoup is sending the 101 */
  PB_SERVER_CONN_OPEN,
  /* over for both sides' messages; goodbyes on their way */
  PB_SERVER_CONN_CLOSING,
  PB_SERVER_CONN_GONE, /* no socket */
} PbServerConnState;

struct _PbServerWs
{
  PbServerWsFuncs funcs;
  gpointer user_data;
  PbServerWsLimits limits;
  PbServerWsStats stats;
  PbServerPoll *poll;
  PbServerWheel *wheel;
  PbServerReaderPool *readers;
  GQueue conns;        /* of PbServerConn, owned; by their `link` */
  GQueue due;          /* of PbServerConn, borrowed: see on_due() */
  GSource *due_source; /* NULL while nothing is due */
};

struct _PbServerConn
{
  PbServerPollEntry poll;
  PbServerWheelEntry timer;
  gatomicrefcount ref_count;
  PbServerWs *ws;         /* NULL once the set has let go */
  GList link;             /* in ws->conns */
  PbServerReader *reader; /* while a message is half-read */
  PbServerOutbox outbox;
  GBytes *early; /* arrived behind the handshake, not read yet */
  guint n_early; /* bytes of it that were */
  guint n_turn;  /* bytes read in this turn; while closing: discarded */
  guint32 ping;  /* number of the last ping */
  guint16 code;  /* why it closes */
  guint8 state;
  gboolean is_registered : 1;
  gboolean is_waiting : 1;  /* for a pong */
  gboolean is_drained : 1;  /* the socket had no more to read in this turn */
  gboolean is_refused : 1;  /* no frame is read any more */
  gboolean is_shut : 1;     /* we sent our end of stream */
  gboolean is_broken : 1;   /* the socket is of no use */
  gboolean is_answered : 1; /* the client sent its close frame */
  gboolean is_notified : 1; /* `closed` was called */
  gboolean is_due : 1;      /* in ws->due */
  PbServerTicket *ticket;   /* (nullable) its place among the connections */
  char *address;
  gpointer data;
  GDestroyNotify data_destroy;
};

/* pb-server-ws.c */

/* From the main loop: what must not happen inside the caller's own call. */
void pb_server_ws_add_due (PbServerConn *conn);

/* pb-server-conn.c */

PbServerConn *pb_server_conn_new (PbServerWs *ws, const char *address);
/* Takes @fd in any case. */
gboolean pb_server_conn_open (PbServerConn *self, int fd, GBytes *early,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
gssize pb_server_conn_recv (PbServerConn *self, guint8 *data, gsize size);
/* Sends whole frames, or queues what the socket does not take. */
void pb_server_conn_write (PbServerConn *self, struct iovec *parts,
    guint n_parts, gsize size);
/* FALSE: the client is too slow, and is told to go. */
gboolean pb_server_conn_has_room (PbServerConn *self, gsize size);
/* After any change: is the goodbye complete? */
void pb_server_conn_settle (PbServerConn *self);
/* No message comes or goes from here on. */
void pb_server_conn_end (PbServerConn *self, guint code);
/* Closes the socket, and lets go of @self once `closed` was called. */
void pb_server_conn_finish (PbServerConn *self);

/* pb-server-conn-read.c */

extern const PbServerReaderFuncs pb_server_conn_reader_funcs;

void pb_server_conn_read (PbServerConn *self);
void pb_server_conn_drop_reader (PbServerConn *self);

G_END_DECLS
