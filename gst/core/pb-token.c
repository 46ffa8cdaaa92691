/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-token-private.h"

#include <string.h>

#include "core/pb-json.h"
#include "core/pb-message.h"
#include "core/pb-random.h"

static const char *const role_names[] = {
  [PB_ROLE_PEER] = "peer",
  [PB_ROLE_ADMIN] = "admin",
};

static const struct
{
  PbDirection direction;
  const char *name;
} direction_names[] = {
  { PB_DIRECTION_SEND, "send" },
  { PB_DIRECTION_RECEIVE, "receive" },
  { PB_DIRECTION_OBSERVE, "observe" },
};

#define ALL_DIRECTIONS                                                         \
  (PB_DIRECTION_SEND | PB_DIRECTION_RECEIVE | PB_DIRECTION_OBSERVE)

G_DEFINE_ENUM_TYPE (PbRole, pb_role, G_DEFINE_ENUM_VALUE (PB_ROLE_PEER, "peer"),
    G_DEFINE_ENUM_VALUE (PB_ROLE_ADMIN, "admin"))

G_DEFINE_FLAGS_TYPE (PbDirection, pb_direction,
    G_DEFINE_ENUM_VALUE (PB_DIRECTION_NONE, "none"),
    G_DEFINE_ENUM_VALUE (PB_DIRECTION_SEND, "send"),
    G_DEFINE_ENUM_VALUE (PB_DIRECTION_RECEIVE, "receive"),
    G_DEFINE_ENUM_VALUE (PB_DIRECTION_OBSERVE, "observe"))

G_DEFINE_BOXED_TYPE (PbToken, pb_token, pb_token_ref, pb_token_unref)

/**
 * pb_role_get_name:
 * @role: the role
 *
 * Returns: (nullable): its name on the wire, "admin" or "peer"
 */
const char *
pb_role_get_name (PbRole role)
{
  g_return_val_if_fail ((guint) role < G_N_ELEMENTS (role_names), NULL);

  return role_names[role];
}

/**
 * pb_direction_get_name:
 * @direction: exactly one direction
 *
 * Returns: (nullable): its name on the wire: "send", "receive", "observe"
 */
const char *
pb_direction_get_name (PbDirection direction)
{
  for (guint i = 0; i < G_N_ELEMENTS (direction_names); i++)
    if (direction_names[i].direction == direction)
      return direction_names[i].name;

  g_return_val_if_reached (NULL);
}

/**
 * pb_direction_from_name:
 * @name: (nullable): as pb_direction_get_name() gives it
 * @out: (out): the direction; untouched where there is none of that name
 *
 * Returns: whether there is one
 */
gboolean
pb_direction_from_name (const char *name, PbDirection *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (direction_names); i++) {
    if (g_strcmp0 (direction_names[i].name, name) == 0) {
      *out = direction_names[i].direction;
      return TRUE;
    }
  }

  return FALSE;
}

/* What a token comes to: an admin may do all of it, and nobody else sends on
 * every slot at once. */
static PbDirection
effective_directions (PbRole role, gboolean has_stream, PbDirection perm)
{
  if (role == PB_ROLE_ADMIN)
    return ALL_DIRECTIONS;
  if (perm == PB_DIRECTION_NONE)
    return has_stream ? PB_DIRECTION_SEND | PB_DIRECTION_RECEIVE
                      : PB_DIRECTION_RECEIVE | PB_DIRECTION_OBSERVE;

  return has_stream ? perm : perm & ~PB_DIRECTION_SEND;
}

/* Every text empty; what is behind its NUL is never read. */
static PbToken *
token_alloc (void)
{
  PbToken *self = g_new (PbToken, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->role = PB_ROLE_PEER;
  self->perm = self->directions = PB_DIRECTION_NONE;
  self->expires = 0;
  self->session[0] = self->stream[0] = self->id[0] = self->kid[0] = '\0';
  self->gid[0] = self->pid[0] = self->identity[0] = '\0';

  return self;
}

/**
 * pb_token_new:
 * @session: the session it is for
 * @role: what its bearer is
 * @stream: (nullable): the one slot it is for; %NULL: the whole session, as
 *   an admin's always is
 * @directions: what a peer may do; %PB_DIRECTION_NONE: what the form gives by
 *   default
 * @expires: Unix seconds at which it ends
 *
 * Claims with a fresh id; pb_keyring_sign() makes a token of them.
 *
 * Returns: (transfer full): the claims
 */
PbToken *
pb_token_new (const char *session, PbRole role, const char *stream,
    PbDirection directions, gint64 expires)
{
  g_autofree char *id = NULL;
  PbToken *self;

  g_return_val_if_fail (session != NULL && pb_name_is_valid (session), NULL);
  g_return_val_if_fail ((guint) role < G_N_ELEMENTS (role_names), NULL);
  g_return_val_if_fail (stream == NULL || pb_name_is_valid (stream), NULL);
  g_return_val_if_fail (stream == NULL || role == PB_ROLE_PEER, NULL);
  g_return_val_if_fail ((directions & ~ALL_DIRECTIONS) == 0, NULL);
  g_return_val_if_fail (expires > 0 && expires <= PB_JSON_INTEGER_MAX, NULL);

  self = token_alloc ();
  self->role = role;
  self->perm = role == PB_ROLE_ADMIN ? PB_DIRECTION_NONE : directions;
  self->directions = effective_directions (role, stream != NULL, self->perm);
  self->expires = expires;
  g_strlcpy (self->session, session, sizeof self->session);
  g_strlcpy (self->stream, stream != NULL ? stream : "", sizeof self->stream);
  id = pb_random_id (PB_TOKEN_ID_LENGTH);
  g_strlcpy (self->id, id, sizeof self->id);
  g_strlcpy (self->identity, id, sizeof self->identity);

  return self;
}

/**
 * pb_token_ref:
 * @self: a token's claims
 *
 * Returns: (transfer full): the same, held once more
 */
PbToken *
pb_token_ref (PbToken *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

/**
 * pb_token_unref:
 * @self: (transfer full): a token's claims
 */
void
pb_token_unref (PbToken *self)
{
  g_return_if_fail (self != NULL);

  if (g_atomic_ref_count_dec (&self->ref_count))
    g_free (self);
}

/**
 * pb_token_with_expires:
 * @self: a token's claims
 * @expires: Unix seconds at which it ends instead
 *
 * Who holds the result is the same bearer: only the time is another.
 *
 * Returns: (transfer full): such claims
 */
PbToken *
pb_token_with_expires (PbToken *self, gint64 expires)
{
  PbToken *other;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (expires > 0 && expires <= PB_JSON_INTEGER_MAX, NULL);

  other = g_memdup2 (self, sizeof *self);
  g_atomic_ref_count_init (&other->ref_count);
  other->expires = expires;

  return other;
}

/**
 * pb_token_get_session:
 * @self: a token's claims
 *
 * Returns: the session it is for
 */
const char *
pb_token_get_session (PbToken *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->session;
}

/**
 * pb_token_get_role:
 * @self: a token's claims
 *
 * Returns: what its bearer is
 */
PbRole
pb_token_get_role (PbToken *self)
{
  g_return_val_if_fail (self != NULL, PB_ROLE_PEER);

  return self->role;
}

/**
 * pb_token_get_stream:
 * @self: a token's claims
 *
 * Returns: (nullable): the slot it is for; %NULL: the whole session
 */
const char *
pb_token_get_stream (PbToken *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->stream[0] != '\0' ? self->stream : NULL;
}

/**
 * pb_token_get_directions:
 * @self: a token's claims
 *
 * What the claims come to: everything for an admin, never `send` for a peer
 * whose token is for the whole session.
 *
 * Returns: what its bearer may do
 */
PbDirection
pb_token_get_directions (PbToken *self)
{
  g_return_val_if_fail (self != NULL, PB_DIRECTION_NONE);

  return self->directions;
}

/**
 * pb_token_get_expires:
 * @self: a token's claims
 *
 * Returns: when it ends, in Unix seconds; at that time it is refused
 */
gint64
pb_token_get_expires (PbToken *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->expires;
}

/**
 * pb_token_get_id:
 * @self: a token's claims
 *
 * Returns: (nullable): its id, the `jti` claim
 */
const char *
pb_token_get_id (PbToken *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->id[0] != '\0' ? self->id : NULL;
}

/**
 * pb_token_get_identity:
 * @self: a token's claims
 *
 * Returns: what tells its bearer from others across connections: the id, or a
 *   hash of the token where it has none
 */
const char *
pb_token_get_identity (PbToken *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->identity;
}

/* ---- claims ------------------------------------------------------------ */

static void
refuse (GError **error, const char *claim)
{
  g_set_error (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
      "the token's claim “%s” is not well formed", claim);
}

/* A string of 1 to size - 1 octets. */
static gboolean
read_text (const PbJsonMember *member, char *out, gsize size)
{
  if (member->kind != PB_JSON_STRING)
    return FALSE;

  if (member->is_plain) {
    if (member->value_length == 0 || member->value_length >= size)
      return FALSE;
    memcpy (out, member->value, member->value_length);
    out[member->value_length] = '\0';
  } else {
    g_autofree char *quoted =
        g_strndup (member->value - 1, member->value_length + 2);
    g_autoptr (JsonNode) node = json_from_string (quoted, NULL);
    const char *text = node != NULL ? json_node_get_string (node) : NULL;

    if (text == NULL || text[0] == '\0' || strlen (text) >= size)
      return FALSE;
    g_strlcpy (out, text, size);
  }

  return TRUE;
}

static gboolean
read_name (const PbJsonMember *member, char *out)
{
  return read_text (member, out, PB_NAME_MAX + 1) && pb_name_is_valid (out);
}

static gboolean
read_group (const PbJsonMember *member, char *out)
{
  return read_text (member, out, PB_TOKEN_GROUP_MAX + 1) &&
         g_utf8_strlen (out, -1) <= PB_TOKEN_GROUP_CHARS;
}

static gboolean
read_id (const PbJsonMember *member, char *out)
{
  if (!read_text (member, out, PB_TOKEN_ID_LENGTH + 1) ||
      strlen (out) != PB_TOKEN_ID_LENGTH)
    return FALSE;
  for (const char *c = out; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c))
      return FALSE;

  return TRUE;
}

static gboolean
read_kid (const PbJsonMember *member, char *out)
{
  if (!read_text (member, out, PB_TOKEN_KID_LENGTH + 1) ||
      strlen (out) != PB_TOKEN_KID_LENGTH)
    return FALSE;

  return strspn (out, "0123456789abcdef") == PB_TOKEN_KID_LENGTH;
}

static gboolean
read_role (const PbJsonMember *member, PbRole *out)
{
  char text[8];

  if (!read_text (member, text, sizeof text))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (role_names); i++) {
    if (strcmp (role_names[i], text) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

static gboolean
read_expires (const PbJsonMember *member, gint64 *out)
{
  gint64 value = 0;

  /* The strict reader has bounded an integer to 16 digits; a sign or zero
   * is no time at which a token could still be good. */
  if (member->kind != PB_JSON_INTEGER)
    return FALSE;
  for (gsize i = 0; i < member->value_length; i++) {
    if (!g_ascii_isdigit (member->value[i]))
      return FALSE;
    value = value * 10 + (member->value[i] - '0');
  }
  *out = value;

  return value > 0;
}

/* At least one direction and none of them twice. The strict reader has checked
 * that this is JSON; the names hold nothing that would need an escape. */
static gboolean
read_perm (const PbJsonMember *member, PbDirection *out)
{
  const char *at = member->value, *end = at + member->value_length;
  PbDirection perm = PB_DIRECTION_NONE;
  gboolean in_string = FALSE;
  const char *start = NULL;

  if (member->kind != PB_JSON_ARRAY)
    return FALSE;
  for (at++, end--; at < end; at++) {
    guint i;

    if (*at == '"' && !in_string) {
      in_string = TRUE;
      start = at + 1;
    } else if (*at == '"') {
      gsize length = at - start;

      in_string = FALSE;
      for (i = 0; i < G_N_ELEMENTS (direction_names); i++)
        if (strlen (direction_names[i].name) == length &&
            memcmp (direction_names[i].name, start, length) == 0)
          break;
      if (i == G_N_ELEMENTS (direction_names) ||
          (perm & direction_names[i].direction) != 0)
        return FALSE;
      perm |= direction_names[i].direction;
    } else if (!in_string && strchr (", \t\r\n", *at) == NULL) {
      return FALSE;
    }
  }
  *out = perm;

  return perm != PB_DIRECTION_NONE;
}

typedef enum {
  CLAIM_SESSION,
  CLAIM_ROLE,
  CLAIM_EXP,
  CLAIM_STREAM,
  CLAIM_PERM,
  CLAIM_JTI,
  CLAIM_KID,
  CLAIM_GID,
  CLAIM_PID,
  N_CLAIMS,
} Claim;

#define CLAIM(name)                                                            \
  {                                                                            \
    name, sizeof name - 1                                                      \
  }
static const struct
{
  const char *name;
  gsize length;
} claims[N_CLAIMS] = {
  [CLAIM_SESSION] = CLAIM ("session"),
  [CLAIM_ROLE] = CLAIM ("role"),
  [CLAIM_EXP] = CLAIM ("exp"),
  [CLAIM_STREAM] = CLAIM ("stream"),
  [CLAIM_PERM] = CLAIM ("perm"),
  [CLAIM_JTI] = CLAIM ("jti"),
  [CLAIM_KID] = CLAIM ("kid"),
  [CLAIM_GID] = CLAIM ("gid"),
  [CLAIM_PID] = CLAIM ("pid"),
};
#undef CLAIM

/* N_CLAIMS where it is none of ours. A name written with escapes is none:
 * nobody has a reason to write one so. */
static Claim
find_claim (const PbJsonMember *member)
{
  Claim claim = 0;

  while (claim < N_CLAIMS &&
         (claims[claim].length != member->key_length ||
             memcmp (claims[claim].name, member->key, member->key_length) != 0))
    claim++;

  return claim;
}

/* One claim into its field. */
static gboolean
read_claim (PbToken *self, Claim claim, const PbJsonMember *member)
{
  /* an optional one that is null counts as absent */
  if (member->kind == PB_JSON_NULL)
    return claim >= CLAIM_STREAM;

  switch (claim) {
    case CLAIM_SESSION:
      return read_name (member, self->session);
    case CLAIM_ROLE:
      return read_role (member, &self->role);
    case CLAIM_EXP:
      return read_expires (member, &self->expires);
    case CLAIM_STREAM:
      return read_name (member, self->stream);
    case CLAIM_PERM:
      return read_perm (member, &self->perm);
    case CLAIM_JTI:
      return read_id (member, self->id);
    case CLAIM_KID:
      return read_kid (member, self->kid);
    case CLAIM_GID:
      return read_group (member, self->gid);
    case CLAIM_PID:
      return read_group (member, self->pid);
    case N_CLAIMS:
      break;
  }

  g_return_val_if_reached (FALSE);
}

PbToken *
pb_token_read_claims (const char *json, gsize length, GError **error)
{
  PbJsonMember members[N_CLAIMS];
  g_autoptr (PbToken) self = NULL;
  g_autoptr (GError) inner = NULL;
  const PbRole no_role = G_N_ELEMENTS (role_names);
  gsize n_members;

  if (!pb_json_scan (json, length, members, G_N_ELEMENTS (members), &n_members,
          &inner)) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "the token's payload is not well formed: %s", inner->message);
    return NULL;
  }

  self = token_alloc ();
  self->role = no_role;
  for (gsize i = 0; i < n_members; i++) {
    Claim claim = find_claim (&members[i]);

    if (claim == N_CLAIMS) {
      g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
          "the token has a claim that is unknown here");
      return NULL;
    }
    if (!read_claim (self, claim, &members[i])) {
      refuse (error, claims[claim].name);
      return NULL;
    }
  }

  if (self->session[0] == '\0' || self->role == no_role || self->expires == 0) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOKEN_INVALID,
        "the token lacks its session, role or exp");
    return NULL;
  }
  /* an admin has the session, so a slot beside it would promise a limit that
   * does not hold */
  if (self->role == PB_ROLE_ADMIN && self->stream[0] != '\0') {
    refuse (error, claims[CLAIM_STREAM].name);
    return NULL;
  }
  self->directions =
      effective_directions (self->role, self->stream[0] != '\0', self->perm);
  memcpy (self->identity, self->id, sizeof self->id);

  return g_steal_pointer (&self);
}

char *
pb_token_write_claims (PbToken *self, const char *kid)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (node, object);
  json_object_set_string_member (object, "session", self->session);
  json_object_set_string_member (object, "role", role_names[self->role]);
  if (self->stream[0] != '\0')
    json_object_set_string_member (object, "stream", self->stream);
  else
    json_object_set_null_member (object, "stream");
  json_object_set_int_member (object, "exp", self->expires);
  if (self->perm != PB_DIRECTION_NONE) {
    JsonArray *perm = json_array_new ();

    for (guint i = 0; i < G_N_ELEMENTS (direction_names); i++)
      if ((self->perm & direction_names[i].direction) != 0)
        json_array_add_string_element (perm, direction_names[i].name);
    json_object_set_array_member (object, "perm", perm);
  }
  if (self->id[0] != '\0')
    json_object_set_string_member (object, "jti", self->id);
  json_object_set_string_member (object, "kid", kid);
  if (self->gid[0] != '\0')
    json_object_set_string_member (object, "gid", self->gid);
  if (self->pid[0] != '\0')
    json_object_set_string_member (object, "pid", self->pid);

  return pb_json_print (node);
}
