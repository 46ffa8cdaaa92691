/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-peer.h"

#include "core/pb-limits.h"
#include "pb-server-json.h"
#include "pb-server-session.h"
#include "pb-server-virtual.h"

/* One that stands. */
typedef struct
{
  gboolean is_relayed;
  gint64 since; /* Unix seconds */
} Connection;

/* What a peer told another one of itself in this attempt. */
typedef struct {
  gint64 link;
  guint n_candidates;
} Told;

/**
 * pb_server_peer_new: (skip)
 * @id: its id, valid
 * @direction: exactly one
 *
 * Returns: (transfer full): a registration that stands nowhere yet
 */
PbServerPeer *
pb_server_peer_new (const char *id, PbDirection direction)
{
  PbServerPeer *self = g_new0 (PbServerPeer, 1);

  self->id = g_strdup (id);
  self->direction = direction;
  self->transports = PB_TRANSPORT_SRT;
  self->mode = PB_SRT_RENDEZVOUS;
  self->connections =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->health = pb_health_new (direction);

  return self;
}

/**
 * pb_server_peer_free: (skip)
 * @self: (nullable) (transfer full): the registration
 */
void
pb_server_peer_free (PbServerPeer *self)
{
  if (self == NULL)
    return;
  g_free (self->id);
  g_free (self->identity);
  g_free (self->address);
  g_free (self->remote);
  g_free (self->client);
  g_free (self->srt);
  g_free (self->path);
  g_free (self->cipher);
  g_hash_table_unref (self->connections);
  g_clear_pointer (&self->candidates, g_hash_table_unref);
  pb_health_free (self->health);
  pb_server_virtual_free (self->http);
  g_free (self);
}

/**
 * pb_server_peer_get_common: (skip)
 * @self: a registration
 * @other: one at the other end of its slot
 *
 * Returns: the one transport that the two take, or none
 */
PbTransport
pb_server_peer_get_common (PbServerPeer *self, PbServerPeer *other)
{
  PbTransport both = self->transports & other->transports;

  return both & PB_TRANSPORT_WEBRTC ? PB_TRANSPORT_WEBRTC : both;
}

static gboolean
is_local (PbServerPeer *peer)
{
  return peer->remote != NULL && (g_str_has_prefix (peer->remote, "127.") ||
      g_str_equal (peer->remote, "::1"));
}

/**
 * pb_server_peer_are_local: (skip)
 * @a: a registration
 * @b: another
 *
 * Returns: whether candidates on loopback are of use between the two
 */
gboolean
pb_server_peer_are_local (PbServerPeer *a, PbServerPeer *b)
{
  return is_local (a) && is_local (b);
}

/**
 * pb_server_peer_is_here: (skip)
 * @self: the registration
 *
 * Returns: whether it is connected, and not lost
 */
gboolean
pb_server_peer_is_here (PbServerPeer *self)
{
  return self->link != NULL || self->http != NULL;
}

/**
 * pb_server_peer_tell: (skip)
 * @self: the registration
 * @message: what to say
 */
void
pb_server_peer_tell (PbServerPeer *self, PbMessage *message)
{
  if (self->link != NULL)
    pb_server_link_send (self->link, message);
  else if (self->http != NULL)
    pb_server_virtual_hear (self->http, message);
}

/**
 * pb_server_peer_set_status: (skip)
 * @self: the registration
 * @srt: `connecting`, `connected`, `disconnected` or `error`
 * @with: (nullable): the peer at the other end; none: a third-party client
 * @path: (nullable): `direct`, `relay` or `plain`
 * @cipher: (nullable): what it is encrypted with
 * @now: Unix seconds
 *
 * A sender has one connection per receiver: it is connected while any is.
 */
void
pb_server_peer_set_status (PbServerPeer *self, const char *srt,
    const char *with, const char *path, const char *cipher, gint64 now)
{
  const char *key = with != NULL ? with : "";
  Connection *connection = g_hash_table_lookup (self->connections, key);

  if (g_str_equal (srt, "connected")) {
    /* said again, of the same one, after the server was away */
    if (connection == NULL) {
      connection = g_new0 (Connection, 1);
      connection->since = now;
      g_hash_table_insert (self->connections, g_strdup (key), connection);
    }
    connection->is_relayed = g_strcmp0 (path, "relay") == 0;
  } else {
    g_hash_table_remove (self->connections, key);
  }

  if (g_hash_table_size (self->connections) > 0)
    srt = "connected";
  g_free (self->srt);
  self->srt = g_strdup (srt);
  if (path != NULL) {
    g_free (self->path);
    self->path = g_strdup (path);
  }
  if (cipher != NULL) {
    g_free (self->cipher);
    self->cipher = g_strdup (cipher);
  }
}

/**
 * pb_server_peer_count_candidate: (skip)
 * @self: who sends it
 * @to: who shall get it
 * @link: the attempt that it is for
 *
 * A host that has few can name thousands, each a packet that the other end
 * sends somewhere.
 *
 * Returns: whether it may pass
 */
gboolean
pb_server_peer_count_candidate (PbServerPeer *self, const char *to,
    gint64 link)
{
  Told *told;

  if (self->candidates == NULL)
    self->candidates =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  told = g_hash_table_lookup (self->candidates, to);
  if (told == NULL) {
    told = g_new0 (Told, 1);
    g_hash_table_insert (self->candidates, g_strdup (to), told);
  }
  /* those of an older attempt count, too: going back gives no more of them */
  if (link > told->link) {
    told->link = link;
    told->n_candidates = 0;
  }

  return told->n_candidates++ < PB_CANDIDATES_MAX;
}

/**
 * pb_server_peer_forget_candidates: (skip)
 * @self: who sent them
 * @to: who got them
 */
void
pb_server_peer_forget_candidates (PbServerPeer *self, const char *to)
{
  if (self->candidates != NULL)
    g_hash_table_remove (self->candidates, to);
}

/**
 * pb_server_peer_forget: (skip)
 * @self: the registration
 * @other: the id of a peer that is gone
 */
void
pb_server_peer_forget (PbServerPeer *self, const char *other)
{
  pb_server_peer_forget_candidates (self, other);
  if (!g_hash_table_remove (self->connections, other))
    return;
  if (g_hash_table_size (self->connections) == 0) {
    g_free (self->srt);
    self->srt = g_strdup ("disconnected");
  }
}

/**
 * pb_server_peer_is_connected: (skip)
 * @self: the registration
 * @is_relayed: (out) (optional): whether a connection runs through a relay
 *
 * Returns: whether it has reported a connection that still stands
 */
gboolean
pb_server_peer_is_connected (PbServerPeer *self, gboolean *is_relayed)
{
  GHashTableIter iter;
  gpointer value;
  gboolean relayed = FALSE;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    relayed |= ((Connection *) value)->is_relayed;
  if (is_relayed != NULL)
    *is_relayed = relayed;

  return g_hash_table_size (self->connections) > 0;
}

/**
 * pb_server_peer_get_since: (skip)
 * @self: the registration
 *
 * Returns: Unix seconds; 0 where it is not connected
 */
gint64
pb_server_peer_get_since (PbServerPeer *self)
{
  GHashTableIter iter;
  gpointer value;
  gint64 since = 0;

  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Connection *connection = value;

    if (since == 0 || connection->since < since)
      since = connection->since;
  }

  return since;
}

/**
 * pb_server_peer_get_health: (skip)
 * @self: the registration
 * @now_us: the monotonic clock
 *
 * Returns: (transfer full): the last figures with what they mean now
 */
PbMessage *
pb_server_peer_get_health (PbServerPeer *self, gint64 now_us)
{
  PbMessage *message = pb_message_new (PB_MESSAGE_HEALTH);
  PbHealthSample sample;
  PbHealthStatus status;
  gboolean is_stale;
  gint64 age;

  status = pb_health_get (self->health, now_us, &is_stale);
  if (pb_health_peek (self->health, &sample, &age, now_us)) {
    pb_health_sample_write (&sample, message);
    pb_message_set_int (message, "age", age);
  }
  pb_message_set_string (message, "peer", self->id);
  if (self->slot != NULL)
    pb_message_set_string (message, "stream", self->slot->name);
  pb_message_set_string (message, "direction",
      pb_direction_get_name (self->direction));
  pb_message_set_string (message, "health",
      pb_health_status_get_name (status));
  pb_message_set_string (message, "cause",
      pb_health_get_cause (self->health, now_us));
  pb_message_set_boolean (message, "stale", is_stale);

  return message;
}

/**
 * pb_server_peer_describe: (skip)
 * @self: the registration
 * @now_us: the monotonic clock
 *
 * Returns: (transfer full): an object for people and programs to read
 */
JsonNode *
pb_server_peer_describe (PbServerPeer *self, gint64 now_us)
{
  g_autoptr (PbMessage) health = pb_server_peer_get_health (self, now_us);
  JsonObject *figures = pb_message_peek_object (health);
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_alloc ();
  gint64 since = pb_server_peer_get_since (self);
  JsonObjectIter iter;
  const char *member;
  JsonNode *value;

  json_object_set_string_member (object, "peer", self->id);
  pb_server_json_set_text (object, "client", self->client);
  json_object_set_string_member (object, "srt",
      self->srt != NULL ? self->srt : "disconnected");
  pb_server_json_set_text (object, "transport",
      pb_transport_get_name (self->transport));
  pb_server_json_set_text (object, "path", self->path);
  pb_server_json_set_text (object, "cipher", self->cipher);
  if (since != 0)
    json_object_set_int_member (object, "since", since);
  else
    json_object_set_null_member (object, "since");

  /* A client of HTTP reports nothing: its end tells how it is. */
  if (self->http != NULL) {
    json_object_set_null_member (object, "health");
    json_object_set_null_member (object, "cause");
    json_object_set_null_member (object, "stale");
  }
  json_object_iter_init (&iter, figures);
  while (json_object_iter_next (&iter, &member, &value))
    if (!g_str_equal (member, "type") && !json_object_has_member (object,
            member) && !g_str_equal (member, "stream") &&
        !g_str_equal (member, "direction"))
      json_object_set_member (object, member, json_node_copy (value));

  json_node_take_object (node, object);

  return node;
}
