/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-health.h"
#include "core/pb-message.h"
#include "core/pb-strings.h"
#include "pb-server-context.h"

G_BEGIN_DECLS

typedef struct _PbServerSession PbServerSession;
typedef struct _PbServerSlot PbServerSlot;
typedef struct _PbServerLink PbServerLink;
typedef struct _PbServerVirtual PbServerVirtual;

/**
 * PbServerPeer:
 * One registration: one end of one slot, or an observer. Owned by its session;
 * survives its WebSocket for the grace time. At its other side is a WebSocket
 * (`link`) or a client of WHIP or WHEP, which has none (`http`).
 */
typedef struct {
  char *id;
  PbServerSession *session;
  PbServerSlot *slot; /* NULL: observes the whole session */
  PbDirection direction;
  PbRole role;
  char *identity;     /* who may resume it: of the token, never the token */
  gint64 token_expires;

  PbServerLink *link; /* NULL while lost, and where there is `http` */
  gint64 lost_at;     /* monotonic, while it is lost */
  gint64 apart_us;    /* monotonic: another end has been there since, and it has
                       * no connection; 0: that is not so */
  PbServerVirtual *http; /* (nullable): owned */

  /* how to meet it */
  PbTransport transports; /* that it speaks */
  gboolean back;      /* a receiver that may send, too */
  gboolean thumbnails; /* a receiver that would give still pictures */
  gboolean has_ice;
  guint port;         /* of its plain endpoint; 0: none */
  guint local_port;   /* behind the NAT; 0: the same */
  char *address;      /* (nullable): where the WebSocket comes from */
  char *remote;       /* where the WebSocket comes from */
  PbSrtMode mode;     /* what its plain endpoint is */
  char *client;       /* (nullable) */

  /* what it said last */
  char *srt;          /* (nullable) */
  char *path;         /* (nullable) */
  char *cipher;       /* (nullable): of its last connection */
  PbTransport transport; /* of its last connection */
  GHashTable *connections; /* peer id, or "" -> what stands, and since when */
  GHashTable *candidates;  /* (nullable): peer id -> how many it was sent */

  PbHealth *health;
  gboolean has_health;
  PbHealthStatus told_status; /* as last sent out */
  gboolean told_stale;
} PbServerPeer;

PbServerPeer *pb_server_peer_new (const char *id, PbDirection direction);
void pb_server_peer_free (PbServerPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerPeer, pb_server_peer_free)

/* What the two would meet by; PB_TRANSPORT_NONE where they share none. */
PbTransport pb_server_peer_get_common (PbServerPeer *self,
    PbServerPeer *other);
/* Whether both stand on this machine: then its own addresses are no secret,
 * nor out of reach. */
gboolean pb_server_peer_are_local (PbServerPeer *a, PbServerPeer *b);
/* Whether there is somebody to tell; who is not may come back. */
gboolean pb_server_peer_is_here (PbServerPeer *self);
/* To its WebSocket, or to what stands for it; to nobody while it is lost. */
void pb_server_peer_tell (PbServerPeer *self, PbMessage *message);
/* What a `status` message changes; `now`: Unix seconds. */
void pb_server_peer_set_status (PbServerPeer *self, const char *srt,
    const char *with, const char *path, const char *cipher, gint64 now);
/* One more of attempt `link`: FALSE where that is too many. */
gboolean pb_server_peer_count_candidate (PbServerPeer *self, const char *to,
    gint64 link);
/* They begin anew. */
void pb_server_peer_forget_candidates (PbServerPeer *self, const char *to);
/* The other end is gone, so its connection is. */
void pb_server_peer_forget (PbServerPeer *self, const char *other);
gboolean pb_server_peer_is_connected (PbServerPeer *self,
    gboolean *is_relayed);
/* Unix seconds: of the connections that stand, the first. 0: none stands. */
gint64 pb_server_peer_get_since (PbServerPeer *self);
/* (transfer full): section 4.4 of the protocol: no address, no secret */
JsonNode *pb_server_peer_describe (PbServerPeer *self, gint64 now_us);
/* (transfer full): a `health` message about this peer */
PbMessage *pb_server_peer_get_health (PbServerPeer *self, gint64 now_us);

G_END_DECLS
