/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-message.h"
#include "pb-server-peer.h"
#include "pb-server-ws.h"

G_BEGIN_DECLS

/**
 * PbServerLink:
 * One WebSocket as the logic sees it: whose token, which session, which
 * registrations.
 */
struct _PbServerLink {
  PbServerContext *context;
  guint64 number;           /* no other has it, not even a later one */
  PbServerSession *session; /* NULL once it has ended */
  PbToken *token;
  char *address;
  PbServerConn *connection; /* NULL once closed, or told to close */
  GPtrArray *peers;         /* of PbServerPeer, owned by the session */
  guint64 last_broadcast;   /* so that it gets each once */
  gint64 paid_until_us;     /* monotonic: by its messages so far */
  guint n_throttled;        /* refused in a row */
  gint64 renew_turn_us;     /* monotonic: it wants fresh ones; 0: never */
};

PbServerLink *pb_server_link_new (PbServerContext *context,
    PbServerSession *session, PbToken *token, const char *address,
    PbServerConn *connection);
/* The connection is gone: its registrations are lost, or have left. Frees. */
void pb_server_link_closed (PbServerLink *self, guint code);

void pb_server_link_send_text (PbServerLink *self, const char *text,
    gsize length);
void pb_server_link_send (PbServerLink *self, PbMessage *message);
/* Says `closed`, then closes with `code`. Nothing is sent after it. */
void pb_server_link_end (PbServerLink *self, const char *reason,
    gboolean retry, guint code);
/* What peer `id` of it is told of the relay; when to tell it again follows.
 * (transfer full) (nullable): there is none. */
JsonObject *pb_server_link_describe_turn (PbServerLink *self,
    const char *id);
/* Fresh credentials, where they are due. */
void pb_server_link_renew_turn (PbServerLink *self);
/* One more message: FALSE where it comes too soon; PB_ERROR_RATE, or no error
 * and the link closed. */
gboolean pb_server_link_throttle (PbServerLink *self, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* For a message that costs as much as `n`: PB_ERROR_RATE. */
gboolean pb_server_link_pay (PbServerLink *self, guint n,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* FALSE, and the link ended, where the token has expired. */
gboolean pb_server_link_check_token (PbServerLink *self);

/* (transfer none): the registration of this very socket that `peer` of the
 * message names. PB_ERROR_NOT_FOUND */
PbServerPeer *pb_server_link_get_own (PbServerLink *self, PbMessage *message,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* pb-server-messages.c: one message from the peer */
void pb_server_link_handle (PbServerLink *self, const char *text,
    gsize length);

G_END_DECLS
