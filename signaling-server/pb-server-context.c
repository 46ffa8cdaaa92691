/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-context.h"

#include "core/pb-limits.h"

/**
 * pb_server_limits_init: (skip)
 * @self: what to fill with the defaults
 */
void
pb_server_limits_init (PbServerLimits *self)
{
  *self = (PbServerLimits) {
    .sessions_max = 1000,
    .observers_max = 64,
    /* each is 16 letters: 64 KiB for a session that mints all the time */
    .tokens_max = 4096,
    .registrations_max = PB_WS_REGISTRATIONS_MAX,
    .receivers_max = PB_SLOT_RECEIVERS_MAX,
    .ttl_max_s = PB_TTL_MAX,
    .port_first = PB_SLOT_PORT_FIRST,
    .port_last = PB_SLOT_PORT_LAST,
    .grace_us = PB_SLOT_GRACE_S * G_USEC_PER_SEC,
    .sweep_ms = 1000,
    .snapshot_ms = 100,
    .stop_ms = 1000,
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
  g_free (self);
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
