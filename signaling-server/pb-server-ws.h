/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/**
 * PbServerConn:
 * One WebSocket. From the upgrade until `closed` was called it is held by its
 * set; who keeps it longer takes a reference, and may then still call
 * everything here: what comes too late does nothing.
 */
typedef struct _PbServerConn PbServerConn;

/**
 * PbServerWs:
 * All WebSockets of the server: libsoup answers the handshake, then the
 * connection is taken over, and one epoll set serves them all.
 */
typedef struct _PbServerWs PbServerWs;

/* All are called from the main loop, never from inside a function of this
 * header (so a loop over connections may send and close). */
typedef struct {
  /* One message: valid UTF-8, not terminated, gone after the call. */
  void (*message) (PbServerConn *conn, const char *text, gsize length,
      gpointer user_data);
  /* (nullable) Not registered in time: say so and close with 4008. Without
   * it, it is closed. */
  void (*idle) (PbServerConn *conn, gpointer user_data);
  /* Once, last. @code: what the client gave (1005: none), what we sent, or
   * 1006 where the connection just ended. */
  void (*closed) (PbServerConn *conn, guint code, gpointer user_data);
} PbServerWsFuncs;

/* Numbers from pb-limits.h; tests shorten them. */
typedef struct {
  gsize message_max;
  guint fragments_max;
  gsize queue_max;
  guint ping_ms;
  guint pong_ms;
  guint idle_ms;  /* not registered */
  guint close_ms; /* to take the close frame and answer it */
  guint tick_ms;  /* how coarse the times are */
} PbServerWsLimits;

/* Since the start, unless said otherwise */
typedef struct {
  guint n_sockets; /* now, those saying goodbye included */
  guint n_open;    /* now */
  guint64 n_upgraded;
  guint64 n_messages_in;
  guint64 n_messages_out;
  guint64 n_bytes_in;
  guint64 n_bytes_out;
  guint64 n_closed_slow;  /* queue_max */
  guint64 n_closed_pong;  /* no answer to a ping */
  guint64 n_closed_idle;  /* not registered */
  guint64 n_closed_rules; /* broke a rule of the framing */
} PbServerWsStats;

void pb_server_ws_limits_init (PbServerWsLimits *limits);

PbServerWs *pb_server_ws_new (const PbServerWsFuncs *funcs,
    gpointer user_data, const PbServerWsLimits *limits,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_ws_free (PbServerWs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerWs, pb_server_ws_free)

PbServerConn *pb_server_ws_upgrade (PbServerWs *self, SoupServerMessage *msg,
    const char *const *protocols, GError **error) G_GNUC_WARN_UNUSED_RESULT;
PbServerConn *pb_server_ws_adopt (PbServerWs *self, int fd,
    const char *address, GBytes *early,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;

void pb_server_ws_close_all (PbServerWs *self, guint code,
    const char *reason);
const PbServerWsStats *pb_server_ws_get_stats (PbServerWs *self);

PbServerConn *pb_server_conn_ref (PbServerConn *self);
void pb_server_conn_unref (PbServerConn *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerConn, pb_server_conn_unref)

void pb_server_conn_send_text (PbServerConn *self, const char *text,
    gsize length);
/* The same message to many: make the frame once. */
GBytes *pb_server_frame_new_text (const char *text, gsize length);
void pb_server_conn_send_frame (PbServerConn *self, GBytes *frame);
void pb_server_conn_close (PbServerConn *self, guint code,
    const char *reason);

/* It may be silent from now on, as long as it answers pings. */
void pb_server_conn_set_registered (PbServerConn *self);
gboolean pb_server_conn_is_open (PbServerConn *self);
const char *pb_server_conn_get_address (PbServerConn *self);
gsize pb_server_conn_get_queue_size (PbServerConn *self);
void pb_server_conn_set_data (PbServerConn *self, gpointer data,
    GDestroyNotify destroy);
gpointer pb_server_conn_get_data (PbServerConn *self);

G_END_DECLS
