/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-token.h"

G_BEGIN_DECLS

typedef enum {
  PB_ACTION_SESSION_CREATE, /* no peer token may; see pb_permit() */
  PB_ACTION_SESSION_READ,   /* its name, state, slots in scope */
  PB_ACTION_SESSION_EXTEND, /* its time */
  PB_ACTION_SESSION_CLOSE,
  PB_ACTION_STREAM_ADD,     /* one more slot */
  PB_ACTION_TOKEN_MINT,     /* also: QR codes, which carry a fresh token */
  PB_ACTION_TOKEN_REVOKE,   /* also: list those given out, by their ids */
  PB_ACTION_CONNECT_READ,   /* connection strings, with the passphrase */
  PB_ACTION_SEND,           /* register as the sender of a slot */
  PB_ACTION_RECEIVE,        /* register as a receiver of a slot */
  PB_ACTION_OBSERVE,        /* register as an observer */
  PB_ACTION_SIGNAL,         /* relay offers and candidates inside a slot */
  PB_ACTION_HEALTH_REPORT,
  PB_ACTION_HEALTH_READ,
  PB_ACTION_TALLY_SET,
  PB_ACTION_TALLY_READ,
  PB_ACTION_ALARM_ACK,      /* everybody who reads health sees alarms */
  PB_ACTION_THUMBNAIL,      /* a still picture: for who may receive */
  PB_ACTION_CUE,            /* a line of text to whoever is on a slot */
  PB_ACTION_PAGE,           /* the session's page; carries nothing itself */
  PB_N_ACTIONS,
} PbAction;

PB_API GType pb_action_get_type (void);
#define PB_TYPE_ACTION (pb_action_get_type ())
PB_API const char *pb_action_get_name (PbAction action);

/* The one place that says who may do what (requirement S9): a table of role
 * and action gives never, own slot, or any slot. `stream` NULL asks for the
 * whole session. A token of another session gets PB_ERROR_NOT_FOUND (there is
 * no oracle for foreign names), one without the scope PB_ERROR_DENIED, no token
 * (NULL) PB_ERROR_TOKEN_MISSING. SESSION_READ and PAGE let a token for one slot
 * in with `stream` NULL: ask again for each slot that is shown.
 * A session-wide peer token may receive, observe and read, never send. */
PB_API gboolean pb_permit (PbToken *token, PbAction action, const char *session,
    const char *stream, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
