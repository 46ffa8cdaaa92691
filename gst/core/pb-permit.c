/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-permit.h"

/* clang-format off */
G_DEFINE_ENUM_TYPE (PbAction, pb_action,
    G_DEFINE_ENUM_VALUE (PB_ACTION_SESSION_CREATE, "session-create"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_SESSION_READ, "session-read"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_SESSION_EXTEND, "session-extend"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_SESSION_CLOSE, "session-close"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_STREAM_ADD, "stream-add"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_TOKEN_MINT, "token-mint"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_TOKEN_REVOKE, "token-revoke"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_CONNECT_READ, "connect-read"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_SEND, "send"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_RECEIVE, "receive"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_OBSERVE, "observe"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_SIGNAL, "signal"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_HEALTH_REPORT, "health-report"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_HEALTH_READ, "health-read"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_TALLY_SET, "tally-set"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_TALLY_READ, "tally-read"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_ALARM_ACK, "alarm-ack"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_THUMBNAIL, "thumbnail"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_CUE, "cue"),
    G_DEFINE_ENUM_VALUE (PB_ACTION_PAGE, "page"))
/* clang-format on */

typedef enum {
  NEVER,
  OWN,   /* the slots the token is for: one, or with a session-wide token all,
            and then the session as a whole too */
  ENTER, /* like OWN, and the session as a whole whatever the token is for:
            what lies inside is then asked for slot by slot */
  ANY,   /* every slot and the whole session */
} Scope;

typedef struct
{
  const char *name;
  Scope scope[2];    /* by PbRole */
  PbDirection needs; /* one of these must be among the token's directions */
} Rule;

/* docs/protocol.md, section 3, "Who may do what" */
/* clang-format off */
static const Rule rules[PB_N_ACTIONS] = {
#define RULE(action, name, peer, admin, needs) \
  [PB_ACTION_##action] = { name, { [PB_ROLE_PEER] = peer, \
    [PB_ROLE_ADMIN] = admin }, PB_DIRECTION_##needs }
  /*    action          name             peer   admin needs */
  RULE (SESSION_CREATE, "session-create", NEVER, ANY, NONE),
  RULE (SESSION_READ,   "session-read",   ENTER, ANY, NONE),
  RULE (SESSION_EXTEND, "session-extend", NEVER, ANY, NONE),
  RULE (SESSION_CLOSE,  "session-close",  NEVER, ANY, NONE),
  RULE (STREAM_ADD,     "stream-add",     NEVER, ANY, NONE),
  RULE (TOKEN_MINT,     "token-mint",     NEVER, ANY, NONE),
  RULE (TOKEN_REVOKE,   "token-revoke",   NEVER, ANY, NONE),
  RULE (CONNECT_READ,   "connect-read",   NEVER, ANY, NONE),
  RULE (SEND,           "send",           OWN,   ANY, SEND),
  RULE (RECEIVE,        "receive",        OWN,   ANY, RECEIVE),
  RULE (OBSERVE,        "observe",        OWN,   ANY, NONE),
  RULE (SIGNAL,         "signal",         OWN,   ANY, NONE),
  RULE (HEALTH_REPORT,  "health-report",  OWN,   ANY, NONE),
  RULE (HEALTH_READ,    "health-read",    OWN,   ANY, NONE),
  RULE (TALLY_SET,      "tally-set",      NEVER, ANY, NONE),
  RULE (TALLY_READ,     "tally-read",     OWN,   ANY, NONE),
  RULE (ALARM_ACK,      "alarm-ack",      NEVER, ANY, NONE),
  RULE (THUMBNAIL,      "thumbnail",      OWN,   ANY, RECEIVE),
  RULE (CUE,            "cue",            NEVER, ANY, NONE),
  RULE (PAGE,           "page",           ENTER, ANY, NONE),
#undef RULE
};
/* clang-format on */

/**
 * pb_action_get_name:
 * @action: what somebody wants to do
 *
 * Returns: (nullable): its name, such as "tally-set"
 */
const char *
pb_action_get_name (PbAction action)
{
  g_return_val_if_fail ((guint) action < PB_N_ACTIONS, NULL);

  return rules[action].name;
}

static gboolean
is_in_scope (PbToken *token, Scope scope, const char *stream)
{
  const char *own = pb_token_get_stream (token);

  switch (scope) {
    case NEVER:
      return FALSE;
    case OWN:
      return own == NULL || (stream != NULL && g_str_equal (own, stream));
    case ENTER:
      return own == NULL || stream == NULL || g_str_equal (own, stream);
    case ANY:
      return TRUE;
  }

  g_return_val_if_reached (FALSE);
}

/**
 * pb_permit:
 * @token: (nullable): verified claims; %NULL: nobody showed a token
 * @action: what its bearer wants to do
 * @session: the session it is about; a new one's name, which no token can be
 *   for, in %PB_ACTION_SESSION_CREATE
 * @stream: (nullable): the slot it is about; %NULL: the whole session
 * @error: where to put why not
 *
 * The one place that says who may do what. It knows nothing of time: a token
 * is verified first.
 *
 * Returns: whether that is allowed; %PB_ERROR_TOKEN_MISSING without a token,
 *   %PB_ERROR_NOT_FOUND for a token of another session, %PB_ERROR_DENIED for
 *   one without the scope
 */
gboolean
pb_permit (PbToken *token, PbAction action, const char *session,
    const char *stream, GError **error)
{
  const Rule *rule;

  g_return_val_if_fail ((guint) action < PB_N_ACTIONS, FALSE);
  g_return_val_if_fail (session != NULL, FALSE);

  if (token == NULL) {
    g_set_error (error, PB_ERROR, PB_ERROR_TOKEN_MISSING, "“%s” needs a token",
        pb_action_get_name (action));
    return FALSE;
  }
  rule = &rules[action];

  /* first, so that no answer tells whether a foreign name exists */
  if (action != PB_ACTION_SESSION_CREATE &&
      !g_str_equal (pb_token_get_session (token), session)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        "the token is for another session");
    return FALSE;
  }
  if (!is_in_scope (token, rule->scope[pb_token_get_role (token)], stream) ||
      (rule->needs != PB_DIRECTION_NONE &&
          (pb_token_get_directions (token) & rule->needs) == 0)) {
    g_set_error (error, PB_ERROR, PB_ERROR_DENIED,
        "the token does not allow “%s” there", pb_action_get_name (action));
    return FALSE;
  }

  return TRUE;
}
