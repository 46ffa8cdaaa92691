/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the way in (pb-server-gate.c) and the check of each request
 * (pb-server-gate-check.c) know of one another. */

#include "pb-server-gate.h"
#include "pb-server-linger.h"
#include "pb-server-wheel.h"

G_BEGIN_DECLS

/* Shared by the gate and its tickets, of which some outlive it. */
typedef struct
{
  PbServerGateLimits limits;
  PbServerGateStats stats;
  PbServerWheel *wheel;
  GHashTable *by_address; /* guint64* → count in a pointer */
} PbServerBooth;

struct _PbServerGate
{
  SoupServer *server;   /* owned */
  PbServerBooth *booth; /* a reference */
  PbServerLinger *linger;
  GPtrArray *listeners; /* of GSource */
  int decoy_fd;         /* see add_decoy() */
  int spare_fd; /* given up to refuse one when there are no more; or -1 */
};

struct _PbServerTicket
{
  PbServerWheelEntry timer;
  PbServerBooth *booth; /* a reference */
  GSocket *socket;      /* a reference; NULL once it was taken over */
  guint64 key;
  gsize n_body; /* of the request being read */
  guint n_requests;
};

/* pb-server-gate.c */

/* (nullable): of the connection that @msg came on */
PbServerTicket *pb_server_gate_get_ticket (SoupServerMessage *msg);
/* The connection has so long for what comes next. */
void pb_server_ticket_arm (PbServerTicket *ticket, guint ms);

/* pb-server-gate-check.c: reads each request before any handler does */
void pb_server_gate_check_requests (PbServerGate *self);

G_END_DECLS
