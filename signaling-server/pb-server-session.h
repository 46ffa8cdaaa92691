/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-session.h"
#include "pb-server-alarms.h"
#include "pb-server-grant.h"
#include "pb-server-link.h"
#include "pb-server-thumbnails.h"

G_BEGIN_DECLS

struct _PbServerSlot {
  char *name;
  char *passphrase;     /* wiped with the slot */
  guint port;           /* no other slot of this server has it */
  PbServerPeer *sender; /* (nullable) */
  GPtrArray *receivers; /* of PbServerPeer */
  gboolean had_feed;    /* and nobody has ended it on purpose since */
  gboolean is_dark;     /* it has none, and somebody misses it */
  /* what /connect gives to clients of WHIP and WHEP: the claims, unsigned, so
   * that asking again makes no more tokens; NULL: never asked */
  PbToken *send_token;
  PbToken *receive_token;
};

/**
 * PbServerSession:
 * A live session: the PbSession of core with what core must not hold: secrets,
 * registrations, sockets. Owned by the registry.
 */
struct _PbServerSession {
  PbServerContext *context;
  PbSession *core;
  gint64 deadline_us;  /* monotonic: a wall clock that jumps ends nothing */
  GHashTable *slots;   /* name -> PbServerSlot */
  GHashTable *peers;   /* id -> PbServerPeer */
  GPtrArray *links;    /* of PbServerLink, which own themselves */
  PbServerGrants *grants; /* the tokens that it gave out */
  GHashTable *resources; /* of WHIP and WHEP: id -> PbServerPeer */
  PbServerAlarms *alarms;
  PbServerThumbnails *thumbnails; /* who waits for which */
  guint snapshot;      /* source id */
  gboolean tells_all;  /* the next one is for senders and receivers, too */
  guint64 n_broadcasts;
};

/* `ports`: one for each stream of `core`, in its order. */
PbServerSession *pb_server_session_new (PbServerContext *context,
    PbSession *core, const guint *ports);
/* Links must have ended: pb_server_session_end(). */
void pb_server_session_free (PbServerSession *self);
void pb_server_session_end (PbServerSession *self, const char *reason,
    gboolean retry, guint code);

PbServerSlot *pb_server_session_get_slot (PbServerSession *self,
    const char *stream, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pb_server_session_is_over (PbServerSession *self);
/* pb-server-bearer.c: what becomes of those whom it gave a token */

/* So that it can be revoked: a later session of the same name must not honour
 * it. (transfer none): PB_ERROR_FULL: too many. */
PbServerGrant *pb_server_session_grant (PbServerSession *self, PbToken *token,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* From now on it has so many seconds: who holds a token that lasts as long as
 * the session keeps it. PB_ERROR_STATE, PB_ERROR_INVALID. */
gboolean pb_server_session_extend (PbServerSession *self, guint ttl_s,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whoever holds it is out. PB_ERROR_NOT_FOUND: not given out here. */
gboolean pb_server_session_revoke (PbServerSession *self, const char *id,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): section 4.9; `own`: the id of who asks, or NULL */
JsonObject *pb_server_session_list_tokens (PbServerSession *self, guint offset,
    const char *own);

/* One more slot, at `port`. (transfer none): PB_ERROR_INVALID,
 * PB_ERROR_STREAM_EXISTS, PB_ERROR_FULL. */
PbServerSlot *pb_server_session_add_slot (PbServerSession *self,
    const char *stream, guint port, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer none): the registration as it stands afterwards. Nothing is said
 * to anyone but those it replaces. */
PbServerPeer *pb_server_session_register (PbServerSession *self,
    PbServerLink *link, PbServerPeer *wanted, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Whether the two would be introduced: a client of HTTP meets one end. */
gboolean pb_server_session_may_meet (PbServerPeer *a, PbServerPeer *b);
/* Introduces it to the other end of its slot. */
void pb_server_session_introduce (PbServerSession *self, PbServerPeer *peer);
/* Clients of WHIP and WHEP go: their tokens are good for nothing now. */
void pb_server_session_drop_virtual (PbServerSession *self);
/* Its connection broke: it may come back within the grace time. */
void pb_server_session_lose (PbServerSession *self, PbServerPeer *peer);
/* For good: `reason` of peer_gone. Frees the peer. */
void pb_server_session_remove (PbServerSession *self, PbServerPeer *peer,
    const char *reason);
PbServerPeer *pb_server_session_find (PbServerSession *self, const char *id);
/* (transfer none) (nullable): a receiver of it that is here and would give a
 * still picture; one that is connected before one that is not. */
PbServerPeer *pb_server_slot_find_thumbnails (PbServerSlot *slot);
/* Are these the two ends of one slot? */
gboolean pb_server_session_are_ends (PbServerPeer *a, PbServerPeer *b);

/* Takes the edge that what the peers say calls for. */
void pb_server_session_update (PbServerSession *self, PbServerSlot *slot);
/* To everyone in the slot (`ends`) and to those who observe it. */
void pb_server_session_broadcast (PbServerSession *self, PbServerSlot *slot,
    PbMessage *message, gboolean ends);
/* To the other ends of the peer's slot, or `with` alone, and to observers. */
void pb_server_session_tell_others (PbServerSession *self, PbServerPeer *peer,
    PbMessage *message, const char *with);
void pb_server_session_queue_snapshot (PbServerSession *self);
void pb_server_session_send_snapshot (PbServerSession *self,
    PbServerPeer *peer);
/* (transfer full): section 4.4; `stream` NULL: every slot */
JsonObject *pb_server_session_describe (PbServerSession *self,
    const char *stream);
/* (transfer full): one STREAM of it */
JsonObject *pb_server_session_describe_slot (PbServerSession *self,
    PbServerSlot *slot);
/* A `health` message goes to its own peer, the other ends and observers. */
void pb_server_session_tell_health (PbServerSession *self,
    PbServerPeer *peer);
/* Each second: tokens that ran out, owners that did not come back, silence. */
void pb_server_session_sweep (PbServerSession *self);
/* (transfer full): "2026-11-22T19:00:00Z" */
char *pb_server_format_time (gint64 unix_s);

G_END_DECLS
