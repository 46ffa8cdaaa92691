/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-server-gate.h"
#include "pb-server-ws.h"

G_BEGIN_DECLS

/* A SoupServer behind the gate on a port of its own. /ws upgrades and echoes,
 * /slow never answers, anything else answers "fine" and counts. */
typedef struct {
  SoupServer *soup;
  PbServerGate *gate;
  PbServerWs *ws;
  guint16 port;
  guint n_requests;  /* that came to the handler */
  guint n_messages;
  guint n_closed;
  guint close_code;
  gboolean refuses; /* the handler denies upgrades */
  gsize body_size;  /* of the last request */
  gsize page_size;  /* of the response; 0: "fine" */
  PbServerConn *conn; /* the last; a reference */
} TestServer;

void test_server_init (TestServer *self, const PbServerGateLimits *gate_limits,
    const PbServerWsLimits *ws_limits);
void test_server_clear (TestServer *self);

extern const char test_handshake[]; /* for /ws */

G_END_DECLS
