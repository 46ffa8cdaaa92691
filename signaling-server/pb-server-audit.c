/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <json-glib/json-glib.h>

#include "core/pb-error.h"
#include "core/pb-json.h"

struct _PbServerAudit
{
  char *path; /* (nullable): stderr */
  int fd;     /* -1: nothing is written */
  gboolean all_addresses;
  guint64 lost; /* lines since the last that could be written */
};

/* clang-format off */
static const struct {
  PbServerAuditEvent event;
  const char *type, *resource, *action;
  gboolean has_address; /* requirement S29: only where somebody is refused */
} events[] = {
  { PB_SERVER_AUDIT_SERVER_STARTED, "server_started", "server", "start", FALSE },
  { PB_SERVER_AUDIT_SERVER_STOPPED, "server_stopped", "server", "stop", FALSE },
  { PB_SERVER_AUDIT_CONFIG_RELOADED, "config_reloaded", "server", "update", FALSE },
  { PB_SERVER_AUDIT_SECRET_ROTATED, "secret_rotated", "server", "update", FALSE },
  { PB_SERVER_AUDIT_SESSION_CREATED, "session_created", "session", "create", FALSE },
  { PB_SERVER_AUDIT_SESSION_EXTENDED, "session_extended", "session", "update", FALSE },
  { PB_SERVER_AUDIT_STREAM_ADDED, "stream_added", "slot", "create", FALSE },
  { PB_SERVER_AUDIT_SESSION_CLOSED, "session_closed", "session", "delete", FALSE },
  { PB_SERVER_AUDIT_SESSION_EXPIRED, "session_expired", "session", "delete", FALSE },
  { PB_SERVER_AUDIT_TOKEN_MINTED, "peer_token_minted", "token", "create", FALSE },
  { PB_SERVER_AUDIT_TOKEN_REVOKED, "token_revoked", "token", "delete", FALSE },
  { PB_SERVER_AUDIT_CONNECT_READ, "connect_read", "session", "read", FALSE },
  { PB_SERVER_AUDIT_PEER_REGISTERED, "peer_registered", "peer", "create", FALSE },
  { PB_SERVER_AUDIT_PEER_GONE, "peer_gone", "peer", "delete", FALSE },
  { PB_SERVER_AUDIT_WHIP_CREATED, "whip_created", "peer", "create", FALSE },
  { PB_SERVER_AUDIT_WHIP_DELETED, "whip_deleted", "peer", "delete", FALSE },
  { PB_SERVER_AUDIT_TALLY_CHANGED, "tally_changed", "slot", "update", FALSE },
  { PB_SERVER_AUDIT_CUE_GIVEN, "cue_given", "slot", "update", FALSE },
  { PB_SERVER_AUDIT_ALARM_RAISED, "alarm_raised", "slot", "update", FALSE },
  { PB_SERVER_AUDIT_ALARM_CLEARED, "alarm_cleared", "slot", "update", FALSE },
  { PB_SERVER_AUDIT_ALARM_ACKED, "alarm_acked", "slot", "update", FALSE },
  { PB_SERVER_AUDIT_AUTH_FAILED, "auth_failed", "server", "refuse", TRUE },
  { PB_SERVER_AUDIT_PERMISSION_DENIED, "permission_denied", "server", "refuse", TRUE },
  { PB_SERVER_AUDIT_RATE_LIMITED, "rate_limited", "server", "refuse", TRUE },
  { PB_SERVER_AUDIT_GAP, "audit_gap", "server", "lost", FALSE },
};
/* clang-format on */

G_STATIC_ASSERT (G_N_ELEMENTS (events) == PB_SERVER_N_AUDITS);

static int
open_log (const char *path)
{
  return open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
      0600);
}

/**
 * pb_server_audit_new: (skip)
 * @target: "stderr", "none" or a file name
 * @all_addresses: whether every event may tell the address
 * @error: PB_ERROR_INVALID where the file cannot be opened
 *
 * Returns: (transfer full): the log
 */
PbServerAudit *
pb_server_audit_new (const char *target, gboolean all_addresses,
    GError **error)
{
  g_autoptr (PbServerAudit) self = g_new0 (PbServerAudit, 1);

  self->all_addresses = all_addresses;
  self->fd = -1;
  if (g_str_equal (target, "stderr")) {
    self->fd = STDERR_FILENO;
  } else if (!g_str_equal (target, "none")) {
    self->path = g_strdup (target);
    self->fd = open_log (target);
    if (self->fd < 0) {
      g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
          "The audit log %s cannot be opened: %s.", target,
          g_strerror (errno));
      return NULL;
    }
  }

  return g_steal_pointer (&self);
}

/**
 * pb_server_audit_free: (skip)
 * @self: (nullable) (transfer full): the log
 */
void
pb_server_audit_free (PbServerAudit *self)
{
  if (self == NULL)
    return;
  if (self->path != NULL && self->fd >= 0)
    close (self->fd);
  g_free (self->path);
  g_free (self);
}

/**
 * pb_server_audit_reopen: (skip)
 * @self: the log
 *
 * Keeps the old file where the new one cannot be opened.
 */
void
pb_server_audit_reopen (PbServerAudit *self)
{
  int fd;

  if (self->path == NULL)
    return;
  fd = open_log (self->path);
  if (fd < 0) {
    g_warning ("audit log %s: %s", self->path, g_strerror (errno));
    return;
  }
  if (self->fd >= 0)
    close (self->fd);
  self->fd = fd;
}

static void
set_text (JsonObject *object, const char *member, const char *text)
{
  if (text == NULL) {
    json_object_set_null_member (object, member);
  } else {
    g_autofree char *valid = g_utf8_make_valid (text, -1);

    json_object_set_string_member (object, member, valid);
  }
}

/* One write per line: lines of several processes in one file stay whole. */
static void
write_line (PbServerAudit *self, JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;
  gsize length;
  gssize n;

  json_node_init_object (node, object);
  text = pb_json_print (node);
  line = g_strconcat (text, "\n", NULL);
  length = strlen (line);
  do
    n = write (self->fd, line, length);
  while (n < 0 && errno == EINTR);
  if (n != (gssize) length)
    self->lost++;
}

static JsonObject *
new_line (PbServerAuditEvent event, const char *resource, const char *address,
    const char *request_id)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *seconds = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *stamp = g_strdup_printf ("%s.%03dZ", seconds,
      g_date_time_get_microsecond (now) / 1000);
  JsonObject *object = json_object_new ();

  set_text (object, "timestamp", stamp);
  set_text (object, "event_type", events[event].type);
  set_text (object, "resource_type", events[event].resource);
  set_text (object, "resource_id", resource);
  set_text (object, "action", events[event].action);
  set_text (object, "source_ip", address);
  set_text (object, "request_id", request_id);

  return object;
}

/**
 * pb_server_audit_log: (skip)
 * @self: the log
 * @event: what happened
 * @resource: (nullable): to what: a session, `session/slot`, a peer or token id
 * @address: (nullable): who asked; left out where the event may not tell it
 * @request_id: (nullable): the request that caused it
 * @...: pairs of strings for the details, ended by %NULL
 *
 * Writes one line. What cannot be written is counted, and the gap is itself
 * recorded as soon as writing works again.
 */
void
pb_server_audit_log (PbServerAudit *self, PbServerAuditEvent event,
    const char *resource, const char *address, const char *request_id, ...)
{
  g_autoptr (JsonObject) object = NULL;
  JsonObject *details;
  const char *key;
  va_list args;

  g_return_if_fail (event < PB_SERVER_N_AUDITS);

  if (self->fd < 0)
    return;
  if (self->lost > 0) {
    g_autoptr (JsonObject) gap =
        new_line (PB_SERVER_AUDIT_GAP, NULL, NULL, NULL);
    JsonObject *lost = json_object_new ();
    guint64 before = self->lost;

    json_object_set_int_member (lost, "lines", (gint64) before);
    json_object_set_object_member (gap, "details", lost);
    write_line (self, gap);
    if (self->lost != before)
      self->lost = before;
    else
      self->lost = 0;
  }

  if (!events[event].has_address && !self->all_addresses)
    address = NULL;
  object = new_line (event, resource, address, request_id);
  details = json_object_new ();
  va_start (args, request_id);
  while ((key = va_arg (args, const char *)) != NULL)
    set_text (details, key, va_arg (args, const char *));
  va_end (args);
  json_object_set_object_member (object, "details", details);
  write_line (self, object);
}
