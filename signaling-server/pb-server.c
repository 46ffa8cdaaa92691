/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server.h"

#include <errno.h>
#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-server-private.h"

/* --- connections --------------------------------------------------------- */

static void
on_message (PbServerConn *connection, const char *text, gsize length,
    gpointer user_data)
{
  PbServerLink *link = pb_server_conn_get_data (connection);

  if (link != NULL)
    pb_server_link_handle (link, text, length);
}

static void
on_closed (PbServerConn *connection, guint code, gpointer user_data)
{
  PbServerLink *link = pb_server_conn_get_data (connection);

  if (link == NULL)
    return;
  pb_server_conn_set_data (connection, NULL, NULL);
  pb_server_link_closed (link, code);
}

static void
on_request (SoupServer *soup, SoupServerMessage *msg, const char *path,
    GHashTable *query, gpointer user_data)
{
  pb_server_dispatch (user_data, msg, path);
}

/* --- life ---------------------------------------------------------------- */

static void
apply_config (PbServer *self)
{
  PbServerLimits *limits = &self->context->limits;

  limits->sessions_max = self->config->sessions_max;
  limits->ttl_max_s = self->config->ttl_max_s;
  limits->message_rate = self->config->message_rate;
  limits->port_first = self->config->port_first;
  limits->port_last = self->config->port_last;
  g_clear_pointer (&self->context->turn, pb_server_turn_free);
  if (self->config->turn_secret != NULL)
    self->context->turn = pb_server_turn_new (
        (const char *const *) self->config->turn_urls,
        self->config->turn_secret, self->config->turn_ttl_s);
}

/**
 * pb_server_new: (skip)
 * @config: (transfer full): checked
 * @error: PB_ERROR_INVALID or PB_ERROR_UNAVAILABLE
 *
 * Returns: (transfer full): a server that does not listen yet
 */
PbServer *
pb_server_new (PbServerConfig *config, GError **error)
{
  static const PbServerWsFuncs funcs = {
    .message = on_message,
    .closed = on_closed,
  };
  g_autoptr (PbServerConfig) owned = config;
  g_autoptr (PbKeyring) keyring = NULL;
  g_autoptr (PbServerAudit) audit = NULL;
  g_autoptr (PbServerWs) ws = NULL;
  PbServerWsLimits ws_limits;
  PbServer *self;

  if (owned->secret == NULL)
    owned->secret = pb_keyring_generate_secret ();
  keyring = pb_keyring_new (owned->secret, error);
  if (keyring == NULL)
    return NULL;
  audit = pb_server_audit_new (owned->audit_log, owned->audit_addresses,
      error);
  if (audit == NULL)
    return NULL;

  self = g_new0 (PbServer, 1);
  pb_server_ws_limits_init (&ws_limits);
  ws = pb_server_ws_new (&funcs, self, &ws_limits, error);
  if (ws == NULL) {
    g_free (self);
    return NULL;
  }
  self->config = g_steal_pointer (&owned);
  self->context = pb_server_context_new (g_steal_pointer (&keyring),
      g_steal_pointer (&audit));
  self->ws = g_steal_pointer (&ws);
  apply_config (self);
  self->registry = pb_server_registry_new (self->context);
  self->files = pb_server_files_new ();
  self->started_us = pb_server_context_now_us (self->context);

  return self;
}

/**
 * pb_server_free: (skip)
 * @self: (nullable) (transfer full): the server; stopped, or it stops rudely
 */
void
pb_server_free (PbServer *self)
{
  if (self == NULL)
    return;
  g_clear_handle_id (&self->stop_source, g_source_remove);
  g_clear_pointer (&self->registry, pb_server_registry_free);
  g_clear_pointer (&self->ws, pb_server_ws_free);
  /* no handshake can be under way: TLS would change that (CVE-2026-2436) */
  if (self->soup != NULL)
    soup_server_disconnect (self->soup);
  g_clear_pointer (&self->gate, pb_server_gate_detach);
  g_clear_pointer (&self->stun, pb_server_stun_free);
  g_clear_object (&self->soup);
  g_clear_pointer (&self->files, pb_server_files_free);
  pb_server_context_free (self->context);
  pb_server_config_free (self->config);
  g_free (self->address);
  g_free (self->public_url);
  g_free (self);
}

/**
 * pb_server_get_context: (skip)
 * @self: the server
 *
 * Returns: (transfer none): limits and clock
 */
PbServerContext *
pb_server_get_context (PbServer *self)
{
  return self->context;
}

/**
 * pb_server_get_registry: (skip)
 * @self: the server
 *
 * Returns: (transfer none): its sessions
 */
PbServerRegistry *
pb_server_get_registry (PbServer *self)
{
  return self->registry;
}

static GSocket *
open_socket (PbServerConfig *config, GError **error)
{
  g_autoptr (GSocketAddress) address =
      g_inet_socket_address_new_from_string (config->listen_address,
          config->listen_port);
  g_autoptr (GError) inner = NULL;
  GSocket *socket = pb_server_gate_socket_new (address, &inner);

  if (socket == NULL)
    g_set_error (error, PB_ERROR, PB_ERROR_UNAVAILABLE,
        "Listening on %s port %u: %s.", config->listen_address,
        config->listen_port, inner->message);

  return socket;
}

static gboolean
open_stun (PbServer *self, GError **error)
{
  PbServerConfig *config = self->config;
  g_autoptr (GError) inner = NULL;

  if (!config->stun)
    return TRUE;
  self->stun = pb_server_stun_new (config->stun_address != NULL
          ? config->stun_address : config->listen_address,
      config->stun_port, &inner);
  if (self->stun == NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_UNAVAILABLE,
        inner->message);
    return FALSE;
  }

  self->context->stun_port = pb_server_stun_get_port (self->stun);
  g_free (self->context->stun_address);
  self->context->stun_address = g_strdup (config->stun_public);
  /* clients look for it where they found the server: say so where that would
   * be wrong */
  if (config->stun_public == NULL && config->stun_address != NULL &&
      !g_str_equal (config->stun_address, config->listen_address) &&
      !pb_server_config_is_wildcard (config->stun_address))
    self->context->stun_address = g_strdup (config->stun_address);
  return TRUE;
}

static char *
print_address (GSocket *socket)
{
  g_autoptr (GSocketAddress) local = g_socket_get_local_address (socket, NULL);
  GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS (local);
  g_autofree char *address =
      g_inet_address_to_string (g_inet_socket_address_get_address (inet));

  return g_strdup_printf (strchr (address, ':') != NULL ? "http://[%s]:%u"
      : "http://%s:%u", address, g_inet_socket_address_get_port (inet));
}

/**
 * pb_server_listen: (skip)
 * @self: the server
 * @error: PB_ERROR_UNAVAILABLE: the port is in use, say
 *
 * Returns: whether it accepts connections from now on
 */
gboolean
pb_server_listen (PbServer *self, GError **error)
{
  g_autoptr (GSocket) socket = open_socket (self->config, error);

  if (socket == NULL || !open_stun (self, error))
    return FALSE;
  self->soup = soup_server_new (NULL, NULL);
  self->gate = pb_server_gate_attach (self->soup, NULL, error);
  if (self->gate == NULL)
    return FALSE;
  soup_server_add_handler (self->soup, NULL, on_request, self, NULL);
  if (!pb_server_gate_listen_socket (self->gate, socket, error))
    return FALSE;
  self->address = print_address (socket);
  self->public_url = g_strdup (self->config->public_url != NULL
      ? self->config->public_url : self->address);
  self->context->public_url = self->public_url;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SERVER_STARTED,
      self->address, NULL, NULL, "version", PACKAGE_VERSION, NULL);

  return TRUE;
}

/**
 * pb_server_get_address: (skip)
 * @self: a server that listens
 *
 * Returns: (transfer none): such as "http://127.0.0.1:8080"
 */
const char *
pb_server_get_address (PbServer *self)
{
  return self->address;
}

/**
 * pb_server_reload: (skip)
 * @self: the server
 * @config: (transfer full): the new configuration
 * @error: PB_ERROR_INVALID; nothing has changed then
 *
 * Requirement S15: a secret that was replaced verifies for the grace time, or
 * not at all, and then every open socket is asked for a new token.
 *
 * Returns: whether it holds now
 */
gboolean
pb_server_reload (PbServer *self, PbServerConfig *config, GError **error)
{
  g_autoptr (PbServerConfig) fresh = config;
  gint64 now = pb_server_context_unix (self->context);
  gint64 until = fresh->rotation_grace_s == 0 ? 0
      : now + fresh->rotation_grace_s;
  gboolean is_new_secret = fresh->secret != NULL &&
      !pb_secret_equal (fresh->secret, self->config->secret);

  if (is_new_secret &&
      !pb_keyring_rotate (self->context->keyring, fresh->secret, until, error))
    return FALSE;
  if (fresh->secret == NULL)
    fresh->secret = g_steal_pointer (&self->config->secret);
  /* what is bound stays as it is until a restart */
  g_free (fresh->listen_address);
  fresh->listen_address = g_strdup (self->config->listen_address);
  fresh->listen_port = self->config->listen_port;
  pb_server_config_free (self->config);
  self->config = g_steal_pointer (&fresh);
  apply_config (self);
  /* the relay may have another secret, or another address */
  pb_server_registry_renew_turn (self->registry);
  if (self->config->public_url != NULL) {
    g_free (self->public_url);
    self->public_url = g_strdup (self->config->public_url);
    self->context->public_url = self->public_url;
  }
  pb_server_audit_reopen (self->context->audit);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_CONFIG_RELOADED,
      self->address, NULL, NULL, NULL);
  if (is_new_secret) {
    pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SECRET_ROTATED,
        self->address, NULL, NULL, "grace", until == 0 ? "no" : "yes", NULL);
    if (until == 0)
      pb_server_registry_drop_links (self->registry, "token-expired", FALSE,
          4002);
  }

  return TRUE;
}

static gboolean
on_stopping (gpointer user_data)
{
  PbServer *self = user_data;

  if ((pb_server_ws_get_stats (self->ws)->n_sockets > 0 ||
          self->n_waiting > 0) &&
      pb_server_context_now_us (self->context) < self->stop_at_us)
    return G_SOURCE_CONTINUE;
  self->stop_source = 0;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_SERVER_STOPPED,
      self->address, NULL, NULL, NULL);
  self->stopped (self->stopped_data);

  return G_SOURCE_REMOVE;
}

/**
 * pb_server_stop: (skip)
 * @self: the server
 * @done: called once, from the main loop
 * @user_data: for it
 *
 * Every peer is told to come back; their sockets have a moment to take it.
 * Requests that come meanwhile get UNAVAILABLE.
 */
void
pb_server_stop (PbServer *self, PbServerStopped done, gpointer user_data)
{
  if (self->is_stopping)
    return;
  self->is_stopping = TRUE;
  self->stopped = done;
  self->stopped_data = user_data;
  self->stop_at_us = pb_server_context_now_us (self->context) +
      (gint64) self->context->limits.stop_ms * 1000;
  pb_server_registry_close_all (self->registry, "shutdown", TRUE, 1001);
  pb_server_ws_close_all (self->ws, 1001, "shutdown");
  self->stop_source = g_timeout_add (10, on_stopping, self);
}
