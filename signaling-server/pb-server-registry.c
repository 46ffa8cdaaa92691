/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-registry.h"

#include <string.h>

typedef struct
{
  gint64 expires;    /* Unix seconds: then its own time refuses it */
  gboolean by_admin; /* it alone, while its session lived */
} Revoked;

struct _PbServerRegistry
{
  PbServerContext *context;
  GHashTable *sessions; /* name -> PbServerSession */
  GHashTable *ports;    /* in use */
  guint next_port;
  GHashTable *revoked;  /* id of a token whose session ended -> Revoked */
  guint sweep;          /* source id */
};

static gboolean
on_sweep (gpointer user_data)
{
  pb_server_registry_sweep (user_data);

  return G_SOURCE_CONTINUE;
}

/**
 * pb_server_registry_new: (skip)
 * @context: shared things; outlives the registry
 *
 * Returns: (transfer full): an empty registry
 */
PbServerRegistry *
pb_server_registry_new (PbServerContext *context)
{
  PbServerRegistry *self = g_new0 (PbServerRegistry, 1);

  self->context = context;
  self->sessions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      NULL);
  self->ports = g_hash_table_new (NULL, NULL);
  self->revoked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  self->next_port = context->limits.port_first;
  self->sweep = g_timeout_add (context->limits.sweep_ms, on_sweep, self);

  return self;
}

/**
 * pb_server_registry_free: (skip)
 * @self: (nullable) (transfer full): the registry
 */
void
pb_server_registry_free (PbServerRegistry *self)
{
  if (self == NULL)
    return;
  pb_server_registry_close_all (self, "shutdown", TRUE, 1001);
  g_source_remove (self->sweep);
  g_hash_table_unref (self->sessions);
  g_hash_table_unref (self->ports);
  g_hash_table_unref (self->revoked);
  g_free (self);
}

/* Round the range, so that a port rests before somebody else gets it: a
 * client of the last session may still be sending there. */
static guint
take_port (PbServerRegistry *self)
{
  const PbServerLimits *limits = &self->context->limits;
  guint n = limits->port_last - limits->port_first + 1;

  for (guint i = 0; i < n; i++) {
    guint port = self->next_port;

    self->next_port = port >= limits->port_last ? limits->port_first : port + 1;
    if (g_hash_table_add (self->ports, GUINT_TO_POINTER (port)))
      return port;
  }

  return 0;
}

static void
give_ports_back (PbServerRegistry *self, const guint *ports, guint n)
{
  for (guint i = 0; i < n; i++)
    g_hash_table_remove (self->ports, GUINT_TO_POINTER (ports[i]));
}

static gboolean
take_ports (PbServerRegistry *self, guint *ports, guint n, GError **error)
{
  for (guint i = 0; i < n; i++) {
    ports[i] = take_port (self);
    if (ports[i] == 0) {
      give_ports_back (self, ports, i);
      g_set_error (error, PB_ERROR, PB_ERROR_FULL,
          "Every port of this server's range is in use.");
      return FALSE;
    }
  }

  return TRUE;
}

/**
 * pb_server_registry_create: (skip)
 * @self: the registry
 * @name: of the new session
 * @streams: its slots
 * @latency_ms: SRT latency
 * @ttl_s: how long it lives
 * @cipher: of its streams
 * @error: PB_ERROR_INVALID, PB_ERROR_EXISTS or PB_ERROR_FULL
 *
 * Returns: (transfer none): the new session
 */
PbServerSession *
pb_server_registry_create (PbServerRegistry *self, const char *name,
    const char *const *streams, guint latency_ms, guint ttl_s,
    PbCipher cipher, GError **error)
{
  g_autoptr (PbSession) core = NULL;
  PbServerSession *session = g_hash_table_lookup (self->sessions, name);
  guint n = g_strv_length ((char **) streams);
  g_autofree guint *ports = g_new0 (guint, n + 1);

  if (session != NULL && pb_server_session_is_over (session)) {
    pb_server_registry_close (self, session, "session-expired", FALSE, 4004);
    session = NULL;
  }
  if (session != NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_EXISTS,
        pb_error_get_sentence (PB_ERROR_EXISTS));
    return NULL;
  }
  if (ttl_s > self->context->limits.ttl_max_s) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "“ttl” is at most %u here.", self->context->limits.ttl_max_s);
    return NULL;
  }
  core = pb_session_new (name, streams, latency_ms, ttl_s, cipher,
      pb_server_context_unix (self->context), error);
  if (core == NULL)
    return NULL;
  if (g_hash_table_size (self->sessions) >=
      self->context->limits.sessions_max) {
    g_set_error (error, PB_ERROR, PB_ERROR_FULL,
        "This server holds as many sessions as it may.");
    return NULL;
  }
  if (!take_ports (self, ports, n, error))
    return NULL;

  session = pb_server_session_new (self->context, g_steal_pointer (&core),
      ports);
  g_hash_table_insert (self->sessions, g_strdup (name), session);
  self->context->metrics.sessions_created++;

  return session;
}

/**
 * pb_server_registry_lookup: (skip)
 * @self: the registry
 * @name: of a session
 * @error: PB_ERROR_NOT_FOUND or PB_ERROR_EXPIRED
 *
 * Returns: (transfer none): the session, alive
 */
PbServerSession *
pb_server_registry_lookup (PbServerRegistry *self, const char *name,
    GError **error)
{
  PbServerSession *session = g_hash_table_lookup (self->sessions, name);

  if (session == NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        "no such session");
    return NULL;
  }
  if (pb_server_session_is_over (session)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_EXPIRED,
        "its time has run out");
    return NULL;
  }

  return session;
}

/**
 * pb_server_registry_add_slot: (skip)
 * @self: the registry
 * @session: one of its sessions
 * @stream: the name of its new slot
 * @error: PB_ERROR_INVALID, PB_ERROR_STREAM_EXISTS or PB_ERROR_FULL
 *
 * Returns: (transfer none) (nullable): the slot, with a port of its own
 */
PbServerSlot *
pb_server_registry_add_slot (PbServerRegistry *self, PbServerSession *session,
    const char *stream, GError **error)
{
  PbServerSlot *slot;
  guint port;

  if (!take_ports (self, &port, 1, error))
    return NULL;
  slot = pb_server_session_add_slot (session, stream, port, error);
  if (slot == NULL)
    give_ports_back (self, &port, 1);

  return slot;
}

static void
on_grant (const PbServerGrant *grant, gpointer user_data)
{
  PbServerRegistry *self = user_data;
  Revoked *revoked;

  if (grant->expires <= pb_server_context_unix (self->context))
    return;
  revoked = g_new (Revoked, 1);
  revoked->expires = grant->expires;
  revoked->by_admin = grant->is_revoked;
  g_hash_table_replace (self->revoked, g_strdup (grant->id), revoked);
}

/**
 * pb_server_registry_close: (skip)
 * @self: the registry
 * @session: (transfer full): one of its sessions
 * @reason: of the `closed` message
 * @retry: whether coming back helps
 * @code: the close code of its sockets
 *
 * Its passphrases are wiped, its ports are free, and the tokens it gave out
 * are good for nothing, not even for a later session of the same name.
 */
void
pb_server_registry_close (PbServerRegistry *self, PbServerSession *session,
    const char *reason, gboolean retry, guint code)
{
  GHashTableIter iter;
  gpointer value;

  pb_server_session_end (session, reason, retry, code);
  g_hash_table_iter_init (&iter, session->slots);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerSlot *slot = value;

    give_ports_back (self, &slot->port, 1);
  }
  pb_server_grants_foreach (session->grants, on_grant, self);
  g_hash_table_remove (self->sessions, pb_session_get_name (session->core));
  pb_server_session_free (session);
}

/**
 * pb_server_registry_close_all: (skip)
 * @self: the registry
 * @reason: of the `closed` message
 * @retry: whether coming back helps
 * @code: the close code
 */
void
pb_server_registry_close_all (PbServerRegistry *self, const char *reason,
    gboolean retry, guint code)
{
  g_autoptr (GList) sessions = g_hash_table_get_values (self->sessions);

  for (GList *l = sessions; l != NULL; l = l->next)
    pb_server_registry_close (self, l->data, reason, retry, code);
}

static PbToken *
refuse (GError **error, PbError code, const char *message)
{
  g_set_error_literal (error, PB_ERROR, code, message);

  return NULL;
}

/**
 * pb_server_registry_admit: (skip)
 * @self: the registry
 * @token: claims whose signature holds, and nothing else is known of
 * @error: PB_ERROR_TOKEN_REVOKED; PB_ERROR_TOKEN_INVALID where its session was
 *   closed; PB_ERROR_TOKEN_EXPIRED
 *
 * What the session knows of a token that it gave out comes before what was
 * signed: it may have been revoked since, or its session extended.
 *
 * Returns: (transfer full) (nullable): the claims, with the end that counts
 */
PbToken *
pb_server_registry_admit (PbServerRegistry *self, PbToken *token,
    GError **error)
{
  const char *id = pb_token_get_id (token);
  const Revoked *revoked =
      id != NULL ? g_hash_table_lookup (self->revoked, id) : NULL;
  PbServerSession *session =
      g_hash_table_lookup (self->sessions, pb_token_get_session (token));
  PbServerGrant *grant =
      session != NULL ? pb_server_grants_find (session->grants, id) : NULL;
  gint64 expires =
      grant != NULL ? grant->expires : pb_token_get_expires (token);

  if ((revoked != NULL && revoked->by_admin) ||
      (grant != NULL && grant->is_revoked))
    return refuse (error, PB_ERROR_TOKEN_REVOKED, "its admin took it back");
  if (revoked != NULL)
    return refuse (error, PB_ERROR_TOKEN_INVALID, "its session was closed");
  if (expires <= pb_server_context_unix (self->context))
    return refuse (error, PB_ERROR_TOKEN_EXPIRED, "the token has expired");

  return expires == pb_token_get_expires (token)
             ? pb_token_ref (token)
             : pb_token_with_expires (token, expires);
}

/**
 * pb_server_registry_drop_links: (skip)
 * @self: the registry
 * @reason: of the `closed` message
 * @retry: whether coming back helps
 * @code: the close code
 *
 * The sessions live on; who was connected has to show another token.
 */
void
pb_server_registry_drop_links (PbServerRegistry *self, const char *reason,
    gboolean retry, guint code)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerSession *session = value;

    pb_server_session_drop_virtual (session);
    for (guint i = 0; i < session->links->len; i++) {
      PbServerLink *link = g_ptr_array_index (session->links, i);

      while (link->peers->len > 0)
        pb_server_session_remove (session,
            g_ptr_array_index (link->peers, 0), "closed");
      pb_server_link_end (link, reason, retry, code);
    }
  }
}

/**
 * pb_server_registry_renew_turn: (skip)
 * @self: the registry
 *
 * Whoever sends or receives is told of the relay as it is now. Where there is
 * none any more, nobody is told: what was given out ends by itself.
 */
void
pb_server_registry_renew_turn (PbServerRegistry *self)
{
  gint64 now = pb_server_context_now_us (self->context);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerSession *session = value;

    for (guint i = 0; i < session->links->len; i++) {
      PbServerLink *link = g_ptr_array_index (session->links, i);

      link->renew_turn_us = now;
      pb_server_link_renew_turn (link);
    }
  }
}

static void
forget_revoked (PbServerRegistry *self)
{
  gint64 now = pb_server_context_unix (self->context);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->revoked);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((const Revoked *) value)->expires <= now)
      g_hash_table_iter_remove (&iter);
}

/**
 * pb_server_registry_sweep: (skip)
 * @self: the registry
 */
void
pb_server_registry_sweep (PbServerRegistry *self)
{
  g_autoptr (GList) sessions = g_hash_table_get_values (self->sessions);

  for (GList *l = sessions; l != NULL; l = l->next) {
    PbServerSession *session = l->data;

    if (pb_server_session_is_over (session)) {
      pb_server_audit_log (self->context->audit,
          PB_SERVER_AUDIT_SESSION_EXPIRED, pb_session_get_name (session->core),
          NULL, NULL, NULL);
      pb_server_registry_close (self, session, "session-expired", FALSE, 4004);
    } else {
      pb_server_session_sweep (session);
    }
  }
  forget_revoked (self);
}

static void
measure_session (PbServerSession *session, PbServerMetrics *metrics,
    gint64 now_us)
{
  const char *const *names = pb_session_get_streams (session->core);
  GHashTableIter iter;
  gpointer value;
  PbState state;

  for (guint i = 0; names[i] != NULL; i++)
    if (pb_session_get_stream_state (session->core, names[i], &state, NULL))
      metrics->slots_by_state[state]++;
  pb_server_alarms_count (session->alarms, metrics->alarms_open);
  g_hash_table_iter_init (&iter, session->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbServerPeer *peer = value;

    if (peer->has_health)
      metrics->peers_by_health[pb_health_get (peer->health, now_us, NULL)]++;
  }
}

/**
 * pb_server_registry_measure: (skip)
 * @self: the registry
 * @metrics: (inout): where to put what is true now
 */
void
pb_server_registry_measure (PbServerRegistry *self, PbServerMetrics *metrics)
{
  gint64 now_us = pb_server_context_now_us (self->context);
  GHashTableIter iter;
  gpointer value;

  metrics->sessions = g_hash_table_size (self->sessions);
  memset (metrics->slots_by_state, 0, sizeof metrics->slots_by_state);
  memset (metrics->peers_by_health, 0, sizeof metrics->peers_by_health);
  memset (metrics->alarms_open, 0, sizeof metrics->alarms_open);
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    measure_session (value, metrics, now_us);
}

/**
 * pb_server_registry_count: (skip)
 * @self: the registry
 *
 * Returns: how many sessions there are
 */
guint
pb_server_registry_count (PbServerRegistry *self)
{
  return g_hash_table_size (self->sessions);
}
