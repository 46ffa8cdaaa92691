/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/pb-health.h"
#include "core/pb-session.h"
#include "pb-server-alarms.h"

G_BEGIN_DECLS

/* Why a WebSocket ended, as a label: a bounded set, whatever clients send. */
typedef enum {
  PB_SERVER_CLOSED_LEFT,
  PB_SERVER_CLOSED_LOST,
  PB_SERVER_CLOSED_RULES,
  PB_SERVER_CLOSED_TOO_BIG,
  PB_SERVER_CLOSED_SLOW,
  PB_SERVER_CLOSED_IDLE,
  PB_SERVER_CLOSED_SHUTDOWN,
  PB_SERVER_CLOSED_SESSION_CLOSED,
  PB_SERVER_CLOSED_SESSION_EXPIRED,
  PB_SERVER_CLOSED_TOKEN_EXPIRED,
  PB_SERVER_CLOSED_TOKEN_REVOKED,
  PB_SERVER_N_CLOSED,
} PbServerClosed;

/**
 * PbServerMetrics:
 * What is counted since the start, and what is true now. No names: a scrape
 * tells nothing about a session that its token would have to open.
 */
typedef struct {
  /* since the start */
  guint64 sessions_created;
  guint64 sessions_extended;
  guint64 tokens_minted;
  guint64 tokens_revoked;
  guint64 requests;
  guint64 errors[6]; /* by first digit of the status */
  guint64 messages_in;
  guint64 messages_relayed;
  guint64 messages_refused;
  guint64 auth_failures;
  guint64 sockets_opened;
  guint64 sockets_closed[PB_SERVER_N_CLOSED];
  guint64 stun_requests;
  guint64 whip_created[2]; /* WHIP, WHEP */
  guint64 whip_refused[2]; /* with a good token and offer */

  /* now */
  guint sessions;
  guint sockets;
  guint peers;
  guint whip[2];           /* resources: WHIP, WHEP */
  guint slots_by_state[PB_STATE_CLOSED + 1];
  guint peers_by_health[PB_HEALTH_CRITICAL + 1];
  guint alarms_open[PB_SERVER_N_ALARM_LEVELS];
  gint64 uptime_s;
} PbServerMetrics;

PbServerClosed pb_server_closed_from_code (guint code);
/* (transfer full): Prometheus text, version 0.0.4 */
char *pb_server_metrics_print (const PbServerMetrics *self);

G_END_DECLS
