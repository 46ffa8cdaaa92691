/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-token.h"
#include "pb-server-audit.h"
#include "pb-server-metrics.h"
#include "pb-server-turn.h"

G_BEGIN_DECLS

/**
 * PbServerLimits:
 * Every bound and delay of the logic, so that tests can shorten them. The
 * defaults come from pb-limits.h.
 */
typedef struct {
  guint sessions_max;
  guint observers_max;     /* per session */
  guint tokens_max;        /* minted and not expired, per session */
  guint registrations_max; /* per WebSocket */
  guint receivers_max;     /* per slot */
  guint ttl_max_s;
  guint port_first;
  guint port_last;
  gint64 grace_us;         /* a slot waits for its owner */
  guint sweep_ms;
  guint snapshot_ms;       /* at most one `session` message in this time */
  guint message_rate;      /* per second and WebSocket; 0: any */
  guint message_burst;     /* at once, after a silence */
  guint stop_ms;           /* sockets have this long to read `closed` */
  guint whip_answer_ms;    /* an end has this long to answer an offer */
  gint64 whip_connect_us;  /* and then this long until media */
  guint whip_per_session;  /* resources of WHIP and WHEP */
  guint whip_per_token;
  guint whip_patches;      /* of one resource */
} PbServerLimits;

/**
 * PbServerContext:
 * What every object of the server shares. The clock is given so that a test
 * can move it: the wall clock for expiry and stamps, the monotonic one for
 * everything that lasts.
 */
typedef struct {
  PbServerLimits limits;
  PbKeyring *keyring;
  PbServerAudit *audit;
  PbServerMetrics metrics;
  gint64 wall_offset_us;      /* tests only */
  gint64 monotonic_offset_us; /* tests only */
  guint16 stun_port;          /* 0: none is offered */
  char *stun_address;         /* (nullable): the server's own */
  PbServerTurn *turn;         /* (nullable): there is no relay */
  const char *public_url;     /* of the PbServer; NULL until it listens */
} PbServerContext;

void pb_server_limits_init (PbServerLimits *self);
PbServerContext *pb_server_context_new (PbKeyring *keyring,
    PbServerAudit *audit);
void pb_server_context_free (PbServerContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerContext, pb_server_context_free)

/* (transfer full): STUN and TURN servers as values of `Link` headers for peer
 * `id`, whose right ends at `until` (Unix seconds); `host` is where clients
 * reach this server. Never to be logged. */
char **pb_server_context_make_ice_links (PbServerContext *self,
    const char *host, const char *id, gint64 until);

gint64 pb_server_context_now_us (PbServerContext *self); /* monotonic */
gint64 pb_server_context_unix (PbServerContext *self);   /* Unix seconds */
gint64 pb_server_context_unix_ms (PbServerContext *self);

G_END_DECLS
