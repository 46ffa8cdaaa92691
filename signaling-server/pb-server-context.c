/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-context.h"

#include <string.h>

#include "core/pb-limits.h"

/**
 * pb_server_limits_init: (skip)
 * @self: what to fill with the defaults
 */
void
pb_server_limits_init (PbServerLimits *self)
{
  *self = (PbServerLimits){
    .sessions_max = 1000,
    .observers_max = 64,
    /* each is 500 octets with the longest label: 2 MiB for a session that
     * mints all the time */
    .tokens_max = 4096,
    .registrations_max = PB_WS_REGISTRATIONS_MAX,
    .receivers_max = PB_SLOT_RECEIVERS_MAX,
    .ttl_max_s = PB_TTL_MAX,
    .port_first = PB_SLOT_PORT_FIRST,
    .port_last = PB_SLOT_PORT_LAST,
    .grace_us = PB_SLOT_GRACE_S * G_USEC_PER_SEC,
    .sweep_ms = 1000,
    .snapshot_ms = 100,
    .message_rate = PB_WS_MESSAGE_RATE,
    .message_burst = PB_WS_MESSAGE_BURST,
    .stop_ms = 1000,
    .whip_answer_ms = PB_WHIP_ANSWER_S * 1000,
    .whip_connect_us = PB_WHIP_CONNECT_S * G_USEC_PER_SEC,
    .whip_per_session = PB_WHIP_PER_SESSION_MAX,
    .whip_per_token = PB_WHIP_PER_TOKEN_MAX,
    .whip_patches = PB_WHIP_PATCHES_MAX,
  };
}

/**
 * pb_server_context_new: (skip)
 * @keyring: (transfer full): signs and verifies
 * @audit: (transfer full): the log
 *
 * Returns: (transfer full): with the default limits
 */
PbServerContext *
pb_server_context_new (PbKeyring *keyring, PbServerAudit *audit)
{
  PbServerContext *self = g_new0 (PbServerContext, 1);

  pb_server_limits_init (&self->limits);
  self->keyring = keyring;
  self->audit = audit;

  return self;
}

/**
 * pb_server_context_free: (skip)
 * @self: (nullable) (transfer full): the context
 */
void
pb_server_context_free (PbServerContext *self)
{
  if (self == NULL)
    return;
  pb_keyring_unref (self->keyring);
  pb_server_audit_free (self->audit);
  g_free (self->stun_address);
  pb_server_turn_free (self->turn);
  g_free (self);
}

/**
 * pb_server_context_make_ice_links: (skip)
 * @self: the context
 * @host: where clients reach this server: a name or an IP literal
 * @id: of the peer that asks
 * @until: Unix seconds: when its right ends
 *
 * Returns: (transfer full): none where there is neither STUN nor TURN
 */
char **
pb_server_context_make_ice_links (PbServerContext *self, const char *host,
    const char *id, gint64 until)
{
  g_autoptr (GStrvBuilder) links = g_strv_builder_new ();

  if (self->stun_port != 0) {
    const char *name = self->stun_address != NULL ? self->stun_address : host;
    g_autofree char *link = g_strdup_printf (strchr (name, ':') != NULL
            ? "<stun:[%s]:%u>; rel=\"ice-server\""
            : "<stun:%s:%u>; rel=\"ice-server\"", name, self->stun_port);

    g_strv_builder_add (links, link);
  }
  if (self->turn != NULL) {
    g_auto (GStrv) relays = pb_server_turn_make_links (self->turn, id,
        pb_server_context_unix (self), until);

    g_strv_builder_addv (links, (const char **) relays);
  }

  return g_strv_builder_end (links);
}

/**
 * pb_server_context_now_us: (skip)
 * @self: the context
 *
 * Returns: microseconds of the monotonic clock
 */
gint64
pb_server_context_now_us (PbServerContext *self)
{
  return g_get_monotonic_time () + self->monotonic_offset_us;
}

/**
 * pb_server_context_unix: (skip)
 * @self: the context
 *
 * Returns: Unix seconds
 */
gint64
pb_server_context_unix (PbServerContext *self)
{
  return (g_get_real_time () + self->wall_offset_us) / G_USEC_PER_SEC;
}

/**
 * pb_server_context_unix_ms: (skip)
 * @self: the context
 *
 * Returns: Unix milliseconds
 */
gint64
pb_server_context_unix_ms (PbServerContext *self)
{
  return (g_get_real_time () + self->wall_offset_us) / 1000;
}
