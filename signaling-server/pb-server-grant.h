/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-token.h"

G_BEGIN_DECLS

/**
 * PbServerGrant:
 * One token that a session gave out: what its admin may know of it, and what
 * became of it since. Never the token itself.
 */
typedef struct
{
  char *id; /* of its claims */
  PbRole role;
  char *stream;          /* (nullable): a GRefString: the session has few */
  PbDirection direction; /* as asked for; NONE: what the form gives */
  char *label;           /* (nullable): whom it is for; never in a log */
  gint64 created;        /* Unix seconds, like all times here */
  gint64 expires;        /* the end that counts: the signed one, or later */
  gboolean is_lasting;   /* as long as the session, however long that is */
  gboolean is_revoked;
} PbServerGrant;

/**
 * PbServerGrants:
 * The tokens that one session gave out, by their ids and in their order. Those
 * that expired are forgotten when room is needed: their own time refuses them.
 */
typedef struct _PbServerGrants PbServerGrants;

typedef void (
    *PbServerGrantFunc) (const PbServerGrant *grant, gpointer user_data);

PbServerGrants *pb_server_grants_new (void);
void pb_server_grants_free (PbServerGrants *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerGrants, pb_server_grants_free)

/* One more, of `max` at a time. (transfer none): PB_ERROR_FULL */
PbServerGrant *pb_server_grants_add (PbServerGrants *self, PbToken *token,
    gint64 now, guint max, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer none) (nullable): by a token's id, or NULL */
PbServerGrant *pb_server_grants_find (PbServerGrants *self, const char *id);
/* Those that last as long as the session end at `expires` now. */
void pb_server_grants_extend (PbServerGrants *self, gint64 expires);
guint pb_server_grants_count (PbServerGrants *self);
void pb_server_grants_foreach (PbServerGrants *self, PbServerGrantFunc func,
    gpointer user_data);
/* (transfer container): those that have not ended, newest first, without the
 * first `offset` of them, `n_max` at most; `n_more`: how many come after. */
GPtrArray *pb_server_grants_list (PbServerGrants *self, gint64 now,
    guint offset, guint n_max, guint *n_more);
void pb_server_grant_set_label (PbServerGrant *self, const char *label);

G_END_DECLS
