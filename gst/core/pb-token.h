/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-error.h"

G_BEGIN_DECLS

typedef enum {
  PB_ROLE_PEER,
  PB_ROLE_ADMIN,
} PbRole;

/**
 * PbDirection:
 * What a peer may do, and on a registration what it does (exactly one there).
 */
typedef enum {
  PB_DIRECTION_NONE = 0,
  PB_DIRECTION_SEND = 1 << 0,
  PB_DIRECTION_RECEIVE = 1 << 1,
  PB_DIRECTION_OBSERVE = 1 << 2, /* health and tally, no media */
} PbDirection;

PB_API GType pb_role_get_type (void);
#define PB_TYPE_ROLE (pb_role_get_type ())
PB_API GType pb_direction_get_type (void);
#define PB_TYPE_DIRECTION (pb_direction_get_type ())
PB_API const char *pb_role_get_name (PbRole role); /* "admin", "peer" */
/* The name of one direction: "send", "receive", "observe". */
PB_API const char *pb_direction_get_name (PbDirection direction);
PB_API gboolean pb_direction_from_name (const char *name, PbDirection *out);

/**
 * PbToken:
 * The claims of a token: what its bearer may do. Immutable, reference counted.
 * On the wire: p_BASE64URL(JSON).BASE64URL(HMAC-SHA256), docs/protocol.md
 * section 3. Claims: session, role, stream (absent or null: the whole
 * session), exp (Unix seconds), and ours: jti (its id, 16 of [A-Za-z0-9]),
 * kid (which key signed), perm (array of direction names), gid and pid
 * (reserved for policies; kept and checked for form, 1 to 16 characters).
 *
 * Directions where `perm` is absent (a token of a Punch server): with a stream
 * send and receive, without one receive and observe, admin: all.
 */
typedef struct _PbToken PbToken;

#define PB_TYPE_TOKEN (pb_token_get_type ())
PB_API GType pb_token_get_type (void);
PB_API PbToken *pb_token_ref (PbToken *self);
PB_API void pb_token_unref (PbToken *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbToken, pb_token_unref)

/* `directions` NONE leaves `perm` out, as an admin's always is. An id is drawn.
 * The names must be valid, an admin's `stream` NULL (g_return_val_if_fail). */
PB_API PbToken *pb_token_new (const char *session, PbRole role,
    const char *stream, PbDirection directions, gint64 expires);
/* (transfer full): the same claims, ending at another time. */
PB_API PbToken *pb_token_with_expires (PbToken *self, gint64 expires);
PB_API const char *pb_token_get_session (PbToken *self);
PB_API PbRole pb_token_get_role (PbToken *self);
PB_API const char *pb_token_get_stream (PbToken *self); /* (nullable) */
PB_API PbDirection pb_token_get_directions (PbToken *self);
PB_API gint64 pb_token_get_expires (PbToken *self); /* Unix seconds */
PB_API const char *pb_token_get_id (PbToken *self); /* (nullable): jti */
/* What identifies the bearer across connections: the jti, or for tokens
 * without one a hash of the whole token. Set by verification. Never NULL. */
PB_API const char *pb_token_get_identity (PbToken *self);

/**
 * PbKeyring:
 * The server's secret: signs and verifies tokens, derives keys. Holds the
 * current secret and any number of retired ones that still verify until a
 * given time. Secrets are wiped when they go. Not thread safe.
 */
typedef struct _PbKeyring PbKeyring;

#define PB_TYPE_KEYRING (pb_keyring_get_type ())
PB_API GType pb_keyring_get_type (void);
PB_API PbKeyring *pb_keyring_ref (PbKeyring *self);
PB_API void pb_keyring_unref (PbKeyring *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbKeyring, pb_keyring_unref)

/* PB_ERROR_INVALID where the secret is shorter than PB_SECRET_MIN. */
PB_API PbKeyring *pb_keyring_new (const char *secret, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A new secret signs from now on. `grace_until` (Unix seconds): how long the old
 * one still verifies; 0 drops it and every retired one at once. PB_ERROR_INVALID
 * where the secret is too short or the present one. */
PB_API gboolean pb_keyring_rotate (PbKeyring *self, const char *secret,
    gint64 grace_until, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): free with pb_secret_free(). */
PB_API char *pb_keyring_sign (PbKeyring *self, PbToken *token);
/* `now`: Unix seconds. TOKEN_MISSING (NULL), TOKEN_INVALID, TOKEN_EXPIRED. Form is checked before any
 * cryptography; canonical base64url without padding; the signature before the
 * payload is read; equal keys, unknown claims, wrong kinds are refused. */
PB_API PbToken *pb_keyring_verify (PbKeyring *self, const char *text,
    gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, but for the token's own time (TOKEN_EXPIRED), which the caller
 * must look at. */
PB_API PbToken *pb_keyring_read (PbKeyring *self, const char *text, gint64 now,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether the present secret signed these claims, which it has read. */
PB_API gboolean pb_keyring_is_current (PbKeyring *self, PbToken *token);
/* HKDF-SHA256 of the current secret under a label of its own. */
PB_API void pb_keyring_derive (PbKeyring *self, const char *label, guint8 *out,
    gsize length);
/* 64 of [A-Za-z0-9]: what --generate-secret prints. */
PB_API char *pb_keyring_generate_secret (void);

G_END_DECLS
