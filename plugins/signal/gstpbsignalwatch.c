/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "signal/gstpbsignal-private.h"

#include <string.h>

#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-message.h"

#define GST_CAT_DEFAULT pb_gst_debug_signal

void
gst_pb_signal_peer_free (gpointer data)
{
  GstPbSignalPeer *peer = data;

  g_free (peer->stream);
  g_free (peer->client);
  g_free (peer->srt);
  g_free (peer->path);
  g_free (peer);
}

/* --- telling the bus --- */

static void
post (GstPbSignal *self, GstMessage *message)
{
  gst_element_post_message (GST_ELEMENT (self), message);
}

static void
post_session (GstPbSignal *self)
{
  g_autoptr (PbMessage) session = NULL;
  PbClientState signalling;
  GEnumClass *names = g_type_class_ref (PB_TYPE_CLIENT_STATE);

  g_mutex_lock (&self->lock);
  if (self->last_session != NULL)
    session = pb_message_ref (self->last_session);
  signalling = self->signalling;
  g_mutex_unlock (&self->lock);

  post (self,
      pb_gst_message_new_session (GST_OBJECT (self),
          g_enum_get_value (names, (gint) signalling)->value_nick, session));
  g_type_class_unref (names);
}

/* Ours for it: a newer server may know others. */
static const char *
read_transport (const char *name)
{
  PbTransport transport;

  return pb_transport_from_name (name, &transport)
             ? pb_transport_get_name (transport)
             : "";
}

static void
post_peer (GstPbSignal *self, const char *id, const GstPbSignalPeer *peer,
    const char *cipher, guint latency_ms)
{
  post (self,
      pb_gst_message_new_peer (GST_OBJECT (self),
          gst_structure_new ("pb-peer", "stream", G_TYPE_STRING, peer->stream,
              "peer", G_TYPE_STRING, id, "direction", G_TYPE_STRING,
              peer->direction, "client", G_TYPE_STRING, peer->client, "path",
              G_TYPE_STRING, peer->path, "srt", G_TYPE_STRING, peer->srt,
              "cipher", G_TYPE_STRING, cipher != NULL ? cipher : "",
              "latency-ms", G_TYPE_UINT, latency_ms, "transport", G_TYPE_STRING,
              peer->transport, NULL)));
}

/* Where the fault cannot be mended the element is of no use: an error. Else one
 * warning for each new cause. */
static void
post_trouble (GstPbSignal *self, PbFault fault, const char *detail,
    gboolean is_final)
{
  GstResourceError code;

  switch (fault) {
    case PB_FAULT_TOKEN_MISSING:
    case PB_FAULT_TOKEN_INVALID:
    case PB_FAULT_TOKEN_EXPIRED:
    case PB_FAULT_DENIED:
      code = GST_RESOURCE_ERROR_NOT_AUTHORIZED;
      break;
    case PB_FAULT_SESSION_UNKNOWN:
    case PB_FAULT_SLOT_UNKNOWN:
      code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case PB_FAULT_SESSION_FULL:
    case PB_FAULT_SLOT_TAKEN:
      code = GST_RESOURCE_ERROR_BUSY;
      break;
    case PB_FAULT_SESSION_CLOSED:
    case PB_FAULT_SESSION_EXPIRED:
      code = GST_RESOURCE_ERROR_CLOSE;
      break;
    default:
      code = GST_RESOURCE_ERROR_OPEN_READ_WRITE;
  }

  gst_element_message_full (GST_ELEMENT (self),
      is_final ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING, GST_RESOURCE_ERROR,
      code, g_strdup (pb_fault_get_sentence (fault)),
      g_strdup_printf ("%s: %s", pb_fault_get_code (fault), detail), __FILE__,
      G_STRFUNC, __LINE__);
}

/* --- what the server says, on the session's thread --- */

/* The light of our slot, or of a whole session: the brightest of its slots. */
static PbTally
find_tally_unlocked (GstPbSignal *self)
{
  PbTally tally = PB_TALLY_OFF;
  GHashTableIter iter;
  gpointer value;

  if (self->settings.uri != NULL && self->settings.uri->stream != NULL)
    return (PbTally) GPOINTER_TO_INT (
        g_hash_table_lookup (self->tallies, self->settings.uri->stream));

  g_hash_table_iter_init (&iter, self->tallies);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    tally = MAX (tally, (PbTally) GPOINTER_TO_INT (value));

  return tally;
}

static void
note_tally (GstPbSignal *self, const char *stream, const char *name)
{
  gpointer before;
  gboolean is_known;
  gboolean is_ours;
  PbTally tally;
  PbTally ours;

  if (stream == NULL || !pb_tally_from_name (name, &tally))
    return;

  g_mutex_lock (&self->lock);
  is_known =
      g_hash_table_lookup_extended (self->tallies, stream, NULL, &before);
  g_hash_table_replace (self->tallies, g_strdup (stream),
      GINT_TO_POINTER (tally));
  ours = find_tally_unlocked (self);
  is_ours = ours != self->tally;
  self->tally = ours;
  g_mutex_unlock (&self->lock);

  if (!is_known || (PbTally) GPOINTER_TO_INT (before) != tally)
    post (self, pb_gst_message_new_tally (GST_OBJECT (self), stream, tally));
  if (is_ours)
    g_object_notify (G_OBJECT (self), "tally");
}

static void
note_state (GstPbSignal *self, PbMessage *message)
{
  gboolean has_changed;
  PbState state;

  if (!pb_state_from_name (pb_message_get_string (message, "state"), &state))
    return;
  g_mutex_lock (&self->lock);
  has_changed = self->state != state;
  self->state = state;
  if (self->last_session != NULL)
    pb_message_unref (self->last_session);
  self->last_session = pb_message_ref (message);
  g_mutex_unlock (&self->lock);

  post_session (self);
  if (has_changed)
    g_object_notify (G_OBJECT (self), "state");
}

static const char *
get_string (JsonObject *object, const char *name)
{
  return json_object_get_string_member_with_default (object, name, "");
}

static void
note_peer (GstPbSignal *self, GHashTable *present, const char *stream,
    const char *direction, JsonNode *node)
{
  JsonObject *object;
  const char *id;
  GstPbSignalPeer *before;
  GstPbSignalPeer *peer;
  gboolean has_changed;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return;
  object = json_node_get_object (node);
  id = get_string (object, "peer");
  g_hash_table_add (present, g_strdup (id));

  peer = g_new0 (GstPbSignalPeer, 1);
  peer->stream = g_strdup (stream);
  peer->direction = direction;
  peer->client = g_strdup (get_string (object, "client"));
  peer->srt = g_strdup (get_string (object, "srt"));
  peer->path = g_strdup (get_string (object, "path"));
  peer->transport = read_transport (get_string (object, "transport"));

  g_mutex_lock (&self->lock);
  before = g_hash_table_lookup (self->peers, id);
  has_changed = before == NULL || g_strcmp0 (before->srt, peer->srt) != 0 ||
                g_strcmp0 (before->path, peer->path) != 0 ||
                before->transport != peer->transport;
  g_mutex_unlock (&self->lock);

  if (has_changed)
    post_peer (self, id, peer, NULL, 0);
  g_mutex_lock (&self->lock);
  g_hash_table_replace (self->peers, g_strdup (id), peer);
  g_mutex_unlock (&self->lock);
}

/* Those who were there and are not any more. */
static void
drop_peers (GstPbSignal *self, GHashTable *present)
{
  g_autoptr (GHashTable) gone = g_hash_table_new_full (g_str_hash, g_str_equal,
      g_free, gst_pb_signal_peer_free);
  GHashTableIter iter;
  gpointer id;
  gpointer peer;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, &id, &peer)) {
    if (g_hash_table_contains (present, id))
      continue;
    g_hash_table_iter_steal (&iter);
    g_hash_table_insert (gone, id, peer);
  }
  g_mutex_unlock (&self->lock);

  g_hash_table_iter_init (&iter, gone);
  while (g_hash_table_iter_next (&iter, &id, &peer)) {
    g_free (((GstPbSignalPeer *) peer)->srt);
    ((GstPbSignalPeer *) peer)->srt = g_strdup ("gone");
    post_peer (self, id, peer, NULL, 0);
  }
}

static void
note_session (GstPbSignal *self, PbMessage *message)
{
  g_autoptr (GHashTable) present =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  JsonNode *streams =
      json_object_get_member (pb_message_peek_object (message), "streams");
  g_autoptr (PbMessage) before = NULL;
  g_autofree char *own = NULL;
  JsonArray *list;

  g_mutex_lock (&self->lock);
  if (self->settings.uri != NULL)
    own = g_strdup (self->settings.uri->stream);
  before =
      self->last_session != NULL ? pb_message_ref (self->last_session) : NULL;
  g_mutex_unlock (&self->lock);
  /* it comes once for each registration of the connection */
  if (before != NULL && json_object_equal (pb_message_peek_object (before),
                            pb_message_peek_object (message)))
    return;

  note_state (self, message);
  if (streams == NULL || !JSON_NODE_HOLDS_ARRAY (streams))
    return;

  list = json_node_get_array (streams);
  for (guint i = 0; i < json_array_get_length (list); i++) {
    JsonNode *node = json_array_get_element (list, i);
    JsonNode *receivers;
    JsonObject *object;
    const char *stream;

    if (!JSON_NODE_HOLDS_OBJECT (node))
      continue;
    object = json_node_get_object (node);
    stream = get_string (object, "stream");
    if (own != NULL && strcmp (own, stream) != 0)
      continue;
    note_tally (self, stream, get_string (object, "tally"));
    note_peer (self, present, stream, "send",
        json_object_get_member (object, "sender"));
    receivers = json_object_get_member (object, "receivers");
    if (receivers == NULL || !JSON_NODE_HOLDS_ARRAY (receivers))
      continue;
    for (guint j = 0;
         j < json_array_get_length (json_node_get_array (receivers)); j++)
      note_peer (self, present, stream, "receive",
          json_array_get_element (json_node_get_array (receivers), j));
  }
  drop_peers (self, present);
}

/* An end of a slot says how its connection is. */
static void
note_status (GstPbSignal *self, PbMessage *message)
{
  const char *id = pb_message_get_string (message, "peer");
  const char *stream = pb_message_get_string (message, "stream");
  const char *srt = pb_message_get_string (message, "srt");
  const char *path = pb_message_get_string (message, "path");
  PbDirection direction = PB_DIRECTION_RECEIVE;
  GstPbSignalPeer peer = { .stream = (char *) (stream != NULL ? stream : ""),
    .client = (char *) "",
    .srt = (char *) (srt != NULL ? srt : ""),
    .path = (char *) (path != NULL ? path : ""),
    .transport =
        read_transport (pb_message_get_string (message, "transport")) };
  g_autofree char *client = NULL;
  GstPbSignalPeer *known;
  PbFault fault;

  if (id == NULL)
    return;
  pb_direction_from_name (pb_message_get_string (message, "direction"),
      &direction);
  peer.direction = pb_direction_get_name (direction);
  g_mutex_lock (&self->lock);
  known = g_hash_table_lookup (self->peers, id);
  if (known != NULL) {
    client = g_strdup (known->client);
    if (*peer.transport == '\0')
      peer.transport = known->transport;
    known->transport = peer.transport;
    g_free (known->srt);
    known->srt = g_strdup (peer.srt);
    if (path != NULL) {
      g_free (known->path);
      known->path = g_strdup (path);
    }
  }
  g_mutex_unlock (&self->lock);

  if (client != NULL)
    peer.client = client;
  post_peer (self, id, &peer, pb_message_get_string (message, "cipher"),
      (guint) pb_message_get_int (message, "latency"));
  if (pb_fault_from_code (pb_message_get_string (message, "code"), &fault) &&
      fault != PB_FAULT_NONE)
    post (self, pb_gst_message_new_fault (GST_OBJECT (self), fault, "peer",
                    stream, id, 0, 0));
}

/* An answer to something that we asked for ourselves. */
static void
note_error (GstPbSignal *self, PbMessage *message)
{
  gint64 id = pb_message_get_int (message, "id");
  const char *sentence = NULL;
  JsonNode *node =
      json_object_get_member (pb_message_peek_object (message), "error");
  gboolean is_ours;

  g_mutex_lock (&self->lock);
  is_ours = id >= FIRST_ID && id < self->next_id;
  g_mutex_unlock (&self->lock);
  if (!is_ours)
    return;
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    sentence =
        json_object_get_string_member_with_default (json_node_get_object (node),
            "message", NULL);
  GST_ELEMENT_WARNING (self, RESOURCE, NOT_AUTHORIZED,
      ("The server did not set the tally: %s",
          sentence != NULL ? sentence : "it gave no reason."),
      ("error to request %" G_GINT64_FORMAT, id));
}

void
gst_pb_signal_on_message (PbMessage *message, gpointer user_data)
{
  GstPbSignal *self = user_data;

  g_mutex_lock (&self->lock);
  self->n_messages++;
  g_mutex_unlock (&self->lock);

  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_REGISTERED:
      g_mutex_lock (&self->lock);
      self->warned = PB_FAULT_NONE;
      self->n_attempts = 0;
      g_mutex_unlock (&self->lock);
      note_state (self, message);
      note_tally (self, pb_message_get_string (message, "stream"),
          pb_message_get_string (message, "tally"));
      break;
    case PB_MESSAGE_SESSION:
      note_session (self, message);
      break;
    case PB_MESSAGE_TALLY:
      note_tally (self, pb_message_get_string (message, "stream"),
          pb_message_get_string (message, "state"));
      break;
    case PB_MESSAGE_CUE:
      post (self, pb_gst_message_new_cue (GST_OBJECT (self),
                      pb_message_get_string (message, "stream"),
                      pb_message_get_string (message, "text")));
      break;
    case PB_MESSAGE_HEALTH:
      post (self, pb_gst_message_new_health (GST_OBJECT (self), message));
      break;
    case PB_MESSAGE_STATUS:
      note_status (self, message);
      break;
    case PB_MESSAGE_ERROR:
      note_error (self, message);
      break;
    default:
      break;
  }
}

void
gst_pb_signal_on_state (PbClientState state, gpointer user_data)
{
  GstPbSignal *self = user_data;

  g_mutex_lock (&self->lock);
  self->signalling = state;
  if (state == PB_CLIENT_STATE_CONNECTED)
    self->n_connects++;
  g_mutex_unlock (&self->lock);

  post_session (self);
  g_object_notify (G_OBJECT (self), "signalling");
}

void
gst_pb_signal_on_fault (PbFault fault, const char *detail, gpointer user_data)
{
  GstPbSignal *self = user_data;
  g_autofree char *stream = NULL;
  guint attempt = 0;
  guint retry_in_ms = 0;
  gboolean is_new;

  g_mutex_lock (&self->lock);
  if (self->settings.uri != NULL)
    stream = g_strdup (self->settings.uri->stream);
  pb_gst_session_get_retry (self->session, &attempt, &retry_in_ms);
  is_new = self->warned != fault;
  self->warned = fault;
  self->n_attempts = attempt;
  g_mutex_unlock (&self->lock);

  post (self, pb_gst_message_new_fault (GST_OBJECT (self), fault,
                  fault == PB_FAULT_SERVER_UNREACHABLE ? "local" : "server",
                  stream, NULL, attempt, retry_in_ms));
  if (is_new || retry_in_ms == 0)
    post_trouble (self, fault, detail, retry_in_ms == 0);
}
