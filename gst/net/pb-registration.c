/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-client.h"

#include "core/pb-limits.h"
#include "core/pb-random.h"

/**
 * pb_registration_new:
 * @stream: (nullable): the slot; %NULL observes the whole session
 * @direction: send, receive or observe
 *
 * Returns: (transfer full): a registration under a fresh peer id
 */
PbRegistration *
pb_registration_new (const char *stream, PbDirection direction)
{
  PbRegistration *self = g_new0 (PbRegistration, 1);

  self->peer = pb_random_id (PB_PEER_ID_DEFAULT);
  self->stream = g_strdup (stream);
  self->direction = direction;

  return self;
}

/**
 * pb_registration_copy:
 * @self: a registration
 *
 * Returns: (transfer full): the same, peer id included
 */
PbRegistration *
pb_registration_copy (const PbRegistration *self)
{
  PbRegistration *copy;

  g_return_val_if_fail (self != NULL, NULL);

  copy = g_new (PbRegistration, 1);
  *copy = *self;
  copy->peer = g_strdup (self->peer);
  copy->stream = g_strdup (self->stream);
  copy->address = g_strdup (self->address);
  copy->mode = g_strdup (self->mode);
  copy->client = g_strdup (self->client);

  return copy;
}

/**
 * pb_registration_free:
 * @self: (transfer full): a registration
 */
void
pb_registration_free (PbRegistration *self)
{
  g_return_if_fail (self != NULL);

  g_free (self->peer);
  g_free (self->stream);
  g_free (self->address);
  g_free (self->mode);
  g_free (self->client);
  g_free (self);
}

/**
 * pb_registration_equal:
 * @a: a registration
 * @b: another
 *
 * Returns: whether the server would be told the same
 */
gboolean
pb_registration_equal (const PbRegistration *a, const PbRegistration *b)
{
  g_return_val_if_fail (a != NULL && b != NULL, FALSE);

  return g_strcmp0 (a->peer, b->peer) == 0 &&
         g_strcmp0 (a->stream, b->stream) == 0 &&
         a->direction == b->direction && a->ice == b->ice &&
         a->port == b->port && g_strcmp0 (a->address, b->address) == 0 &&
         g_strcmp0 (a->mode, b->mode) == 0 &&
         g_strcmp0 (a->client, b->client) == 0 &&
         a->transports == b->transports && a->back == b->back &&
         a->thumbnails == b->thumbnails;
}

G_DEFINE_BOXED_TYPE (PbRegistration, pb_registration, pb_registration_copy,
    pb_registration_free)
