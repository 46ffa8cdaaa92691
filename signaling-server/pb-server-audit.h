/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is written down, requirements S29 to S31. The table in the .c file says
 * of each what it is about and whether an address may stand in it. */
typedef enum {
  PB_SERVER_AUDIT_SERVER_STARTED,
  PB_SERVER_AUDIT_SERVER_STOPPED,
  PB_SERVER_AUDIT_CONFIG_RELOADED,
  PB_SERVER_AUDIT_SECRET_ROTATED,
  PB_SERVER_AUDIT_SESSION_CREATED,
  PB_SERVER_AUDIT_SESSION_EXTENDED,
  PB_SERVER_AUDIT_STREAM_ADDED,
  PB_SERVER_AUDIT_SESSION_CLOSED,
  PB_SERVER_AUDIT_SESSION_EXPIRED,
  PB_SERVER_AUDIT_TOKEN_MINTED,
  PB_SERVER_AUDIT_TOKEN_REVOKED,
  PB_SERVER_AUDIT_CONNECT_READ,
  PB_SERVER_AUDIT_PEER_REGISTERED,
  PB_SERVER_AUDIT_PEER_GONE,
  PB_SERVER_AUDIT_WHIP_CREATED,
  PB_SERVER_AUDIT_WHIP_DELETED,
  PB_SERVER_AUDIT_TALLY_CHANGED,
  PB_SERVER_AUDIT_CUE_GIVEN,
  PB_SERVER_AUDIT_ALARM_RAISED,
  PB_SERVER_AUDIT_ALARM_CLEARED,
  PB_SERVER_AUDIT_ALARM_ACKED,
  PB_SERVER_AUDIT_AUTH_FAILED,
  PB_SERVER_AUDIT_PERMISSION_DENIED,
  PB_SERVER_AUDIT_RATE_LIMITED,
  PB_SERVER_AUDIT_GAP,
  PB_SERVER_N_AUDITS,
} PbServerAuditEvent;

/**
 * PbServerAudit:
 * A log of events as JSON Lines: a fixed set of members, built by json-glib,
 * so that nothing a client sends can forge a line.
 */
typedef struct _PbServerAudit PbServerAudit;

/* `target`: "stderr", "none" or a file, which is appended to and made with
 * mode 0600. `all_addresses`: addresses in every event, not only in refusals. */
PbServerAudit *pb_server_audit_new (const char *target,
    gboolean all_addresses, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_audit_free (PbServerAudit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerAudit, pb_server_audit_free)

/* Opens the file again: it was moved away by a log rotation. */
void pb_server_audit_reopen (PbServerAudit *self);
/* The rest: pairs of strings for `details`, ended by NULL; a pair whose value
 * is NULL becomes null. Never a token, never a passphrase. */
void pb_server_audit_log (PbServerAudit *self, PbServerAuditEvent event,
    const char *resource, const char *address, const char *request_id,
    ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
