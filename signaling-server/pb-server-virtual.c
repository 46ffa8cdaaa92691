/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-virtual.h"

#include <string.h>

#include "core/pb-fault.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"

/* letters and digits: 95 bits, told to its client alone */
#define TAG_LENGTH 16

struct _PbServerVirtual {
  PbServerPeer *peer; /* owns this */
  char *resource;
  char *tag;
  char *end;          /* id of the peer that it meets */
  char *offer;
  PbServerLink *offered_to; /* only compared: an end that comes back by
                             * another socket has not seen the offer */

  PbServerPending *pending; /* NULL once it is answered */
  GPtrArray *ice_servers;   /* NULL with it */
  guint deadline;           /* source id */
  gint64 answered_us;       /* monotonic; 0: not yet */
  gboolean was_connected;

  GQueue heard; /* of PbMessage */
  guint turn;   /* source id */
};

static PbServerContext *
get_context (PbServerVirtual *self)
{
  return self->peer->session->context;
}

static guint
get_kind (PbServerVirtual *self)
{
  return self->peer->direction == PB_DIRECTION_SEND ? 0 : 1;
}

/* --- the client ---------------------------------------------------------- */

/* Ends the registration, and with it @self. */
static void
leave (PbServerVirtual *self, const char *reason)
{
  pb_server_session_remove (self->peer->session, self->peer, reason);
}

static void
on_abandoned (gpointer user_data)
{
  leave (user_data, "left");
}

static void
settle (PbServerVirtual *self, PbServerReply *reply, const GError *error)
{
  PbServerPending *pending = g_steal_pointer (&self->pending);

  g_clear_handle_id (&self->deadline, g_source_remove);
  g_clear_pointer (&self->ice_servers, g_ptr_array_unref);
  if (reply != NULL) {
    pb_server_pending_answer (pending, reply);
  } else {
    get_context (self)->metrics.whip_refused[get_kind (self)]++;
    pb_server_pending_fail (pending, error);
  }
}

/* What an end's fault means to who asked over HTTP. */
static PbError
get_error_of_fault (PbFault fault)
{
  switch (fault) {
    case PB_FAULT_NO_CODEC:
    case PB_FAULT_REFUSED:
    case PB_FAULT_FINGERPRINT:
      return PB_ERROR_UNPROCESSABLE;
    default:
      return PB_ERROR_ABSENT;
  }
}

static void
fail (PbServerVirtual *self, PbFault fault)
{
  g_autoptr (GError) error = NULL;

  if (self->pending == NULL)
    return;
  error = g_error_new_literal (PB_ERROR, (gint) get_error_of_fault (fault),
      pb_fault_get_sentence (fault));
  settle (self, NULL, error);
}

static gboolean
on_deadline (gpointer user_data)
{
  PbServerVirtual *self = user_data;

  self->deadline = 0;
  fail (self, PB_FAULT_TIMED_OUT);
  leave (self, "left");

  return G_SOURCE_REMOVE;
}

/* --- what it hears ------------------------------------------------------- */

/* Each returns whether @self is still there. */
typedef gboolean (*Handler) (PbServerVirtual *self, PbMessage *message);

static JsonNode *
new_data (const char *member, const char *text)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_alloc ();

  json_object_set_string_member (object, member, text);
  json_node_take_object (node, object);

  return node;
}

/* Of this peer's, to its end. (transfer full) data */
static void
send_signal (PbServerVirtual *self, PbServerPeer *end, const char *kind,
    JsonNode *data)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_SIGNAL);

  pb_message_set_string (message, "from", self->peer->id);
  pb_message_set_string (message, "to", end->id);
  pb_message_set_string (message, "kind", kind);
  pb_message_set_int (message, "link", 1);
  pb_message_take_node (message, "data", data);
  pb_server_peer_tell (end, message);
}

static gboolean
hear_peer (PbServerVirtual *self, PbMessage *message)
{
  PbServerPeer *end = pb_server_session_find (self->peer->session, self->end);

  /* introduced again by the same socket: it has the offer */
  if (self->pending == NULL || end == NULL || end->link == NULL ||
      end->link == self->offered_to)
    return TRUE;
  self->offered_to = end->link;
  send_signal (self, end, "offer", new_data ("sdp", self->offer));

  return TRUE;
}

static const char *
get_sdp (PbMessage *message)
{
  JsonObject *object = pb_message_peek_object (message);
  JsonObject *data = json_object_get_object_member (object, "data");
  JsonNode *node = data != NULL ? json_object_get_member (data, "sdp") : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
      json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node) : NULL;
}

static gboolean
hear_signal (PbServerVirtual *self, PbMessage *message)
{
  PbServerContext *context = get_context (self);
  const char *kind = pb_message_get_string (message, "kind");
  const char *sdp;
  PbServerReply *reply;

  /* candidates: the answer holds them all */
  if (self->pending == NULL || !g_str_equal (kind, "answer"))
    return TRUE;
  sdp = get_sdp (message);
  if (sdp == NULL || strlen (sdp) > PB_SDP_MAX) {
    fail (self, PB_FAULT_REFUSED);
    leave (self, "left");
    return FALSE;
  }

  reply = pb_server_reply_new (201, PB_SERVER_TYPE_SDP,
      g_bytes_new (sdp, strlen (sdp)));
  reply->location = g_strdup_printf ("/%s/%s/%s/%s",
      get_kind (self) == 0 ? "whip" : "whep",
      pb_session_get_name (self->peer->session->core), self->peer->slot->name,
      self->resource);
  reply->tag = g_strdup (self->tag);
  reply->ice_servers = g_steal_pointer (&self->ice_servers);
  self->answered_us = pb_server_context_now_us (context);
  context->metrics.whip_created[get_kind (self)]++;
  pb_server_audit_log (context->audit, PB_SERVER_AUDIT_WHIP_CREATED,
      self->peer->id, NULL, NULL,
      "session", pb_session_get_name (self->peer->session->core),
      "stream", self->peer->slot->name,
      "kind", get_kind (self) == 0 ? "whip" : "whep", NULL);
  settle (self, reply, NULL);

  return TRUE;
}

/* A client of HTTP cannot be called again: what its end gives up is over. */
static gboolean
hear_status (PbServerVirtual *self, PbMessage *message)
{
  PbServerPeer *peer = self->peer;
  const char *srt = pb_message_get_string (message, "srt");
  PbFault fault = PB_FAULT_PEER_LOST;

  if (g_strcmp0 (pb_message_get_string (message, "with"), peer->id) != 0)
    return TRUE;
  if (g_str_equal (srt, "disconnected") || g_str_equal (srt, "error")) {
    (void) pb_fault_from_code (pb_message_get_string (message, "code"),
        &fault);
    fail (self, fault);
    leave (self, "left");
    return FALSE;
  }

  /* nobody else says it for this peer */
  pb_server_peer_set_status (peer, srt, self->end,
      pb_message_get_string (message, "path"));
  if (g_str_equal (srt, "connected")) {
    self->was_connected = TRUE;
    peer->transport = PB_TRANSPORT_WEBRTC;
  }
  pb_server_session_update (peer->session, peer->slot);
  pb_server_session_queue_snapshot (peer->session);

  return TRUE;
}

static gboolean
hear_peer_gone (PbServerVirtual *self, PbMessage *message)
{
  fail (self, PB_FAULT_PEER_LOST);
  leave (self, "left");

  return FALSE;
}

/* clang-format off */
static const struct {
  PbMessageType type;
  Handler handle;
} handlers[] = {
  { PB_MESSAGE_PEER, hear_peer },
  { PB_MESSAGE_SIGNAL, hear_signal },
  { PB_MESSAGE_STATUS, hear_status },
  { PB_MESSAGE_PEER_GONE, hear_peer_gone },
};
/* clang-format on */

/* Whom it is from: all that is heard here is about the end. */
static const char *
get_source (PbMessage *message)
{
  const char *from = pb_message_get_string (message, "from");

  return from != NULL ? from : pb_message_get_string (message, "peer");
}

static Handler
find_handler (PbServerVirtual *self, PbMessage *message)
{
  PbMessageType type = pb_message_get_message_type (message);

  if (g_strcmp0 (get_source (message), self->end) != 0)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    if (handlers[i].type == type)
      return handlers[i].handle;

  return NULL;
}

static gboolean
on_turn (gpointer user_data)
{
  PbServerVirtual *self = user_data;
  g_autoptr (PbMessage) message = g_queue_pop_head (&self->heard);

  if (message == NULL) {
    self->turn = 0;
    return G_SOURCE_REMOVE;
  }

  return find_handler (self, message) (self, message) ? G_SOURCE_CONTINUE
      : G_SOURCE_REMOVE;
}

/**
 * pb_server_virtual_hear: (skip)
 * @self: what stands for the client
 * @message: to its peer; anything that is of no use here is passed over
 */
void
pb_server_virtual_hear (PbServerVirtual *self, PbMessage *message)
{
  if (find_handler (self, message) == NULL)
    return;
  g_queue_push_tail (&self->heard, pb_message_ref (message));
  if (self->turn == 0)
    self->turn = g_idle_add_full (G_PRIORITY_DEFAULT, on_turn, self, NULL);
}

/* --- life ---------------------------------------------------------------- */

/**
 * pb_server_virtual_new: (skip)
 * @peer: the registration, which becomes its owner
 * @end: whom it meets
 * @offer: the client's, checked
 * @ice_servers: (transfer full): what the client may use
 *
 * Returns: (transfer full): what stands for the client
 */
PbServerVirtual *
pb_server_virtual_new (PbServerPeer *peer, PbServerPeer *end,
    const char *offer, GPtrArray *ice_servers)
{
  PbServerVirtual *self = g_new0 (PbServerVirtual, 1);
  PbServerSession *session = peer->session;

  self->peer = peer;
  self->resource = pb_random_id (PB_WHIP_RESOURCE_LENGTH);
  self->tag = pb_random_id (TAG_LENGTH);
  self->end = g_strdup (end->id);
  self->offer = g_strdup (offer);
  self->ice_servers = ice_servers;
  self->pending = pb_server_pending_new (on_abandoned, self);
  self->deadline = g_timeout_add (session->context->limits.whip_answer_ms,
      on_deadline, self);
  g_queue_init (&self->heard);
  g_hash_table_insert (session->resources, self->resource, peer);
  session->context->metrics.whip[get_kind (self)]++;

  return self;
}

/**
 * pb_server_virtual_free: (skip)
 * @self: (nullable) (transfer full): what stands for a client
 */
void
pb_server_virtual_free (PbServerVirtual *self)
{
  PbServerSession *session;

  if (self == NULL)
    return;
  pb_server_virtual_end (self, "closed");
  session = self->peer->session;
  session->context->metrics.whip[get_kind (self)]--;
  g_hash_table_remove (session->resources, self->resource);
  g_clear_handle_id (&self->turn, g_source_remove);
  g_queue_clear_full (&self->heard, (GDestroyNotify) pb_message_unref);
  g_free (self->resource);
  g_free (self->tag);
  g_free (self->end);
  g_free (self->offer);
  g_free (self);
}

/**
 * pb_server_virtual_promise: (skip)
 * @self: what stands for a client, which has not been answered
 *
 * Returns: (transfer full): what the handler of its request replies
 */
PbServerReply *
pb_server_virtual_promise (PbServerVirtual *self)
{
  return pb_server_reply_new_pending (self->pending);
}

/**
 * pb_server_virtual_end: (skip)
 * @self: what stands for a client
 * @reason: of `peer_gone` or `closed`
 */
void
pb_server_virtual_end (PbServerVirtual *self, const char *reason)
{
  static const struct {
    const char *reason;
    PbError code;
  } codes[] = {
    { "replaced", PB_ERROR_STREAM_TAKEN },
    { "session-closed", PB_ERROR_NOT_FOUND },
    { "session-expired", PB_ERROR_EXPIRED },
    { "closed", PB_ERROR_TOKEN_EXPIRED },
  };
  g_autoptr (GError) error = NULL;
  PbError code = PB_ERROR_UNAVAILABLE;

  if (self->pending == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_str_equal (codes[i].reason, reason))
      code = codes[i].code;
  error = g_error_new_literal (PB_ERROR, (gint) code,
      pb_error_get_sentence (code));
  settle (self, NULL, error);
}

/**
 * pb_server_virtual_is_end: (skip)
 * @self: what stands for a client
 * @id: of a peer
 *
 * Returns: whether that is the one it meets
 */
gboolean
pb_server_virtual_is_end (PbServerVirtual *self, const char *id)
{
  return g_str_equal (self->end, id);
}

/**
 * pb_server_virtual_is_idle: (skip)
 * @self: what stands for a client
 * @now_us: the monotonic clock
 *
 * Returns: whether its client took the answer and was not seen again
 */
gboolean
pb_server_virtual_is_idle (PbServerVirtual *self, gint64 now_us)
{
  return self->answered_us != 0 && !self->was_connected &&
      now_us - self->answered_us >= get_context (self)->limits.whip_connect_us;
}

/**
 * pb_server_virtual_get_resource: (skip)
 * @self: what stands for a client
 *
 * Returns: its id in the path; who knows it has been told
 */
const char *
pb_server_virtual_get_resource (PbServerVirtual *self)
{
  return self->resource;
}

/**
 * pb_server_virtual_get_tag: (skip)
 * @self: what stands for a client
 *
 * Returns: the entity tag of the present ICE session
 */
const char *
pb_server_virtual_get_tag (PbServerVirtual *self)
{
  return self->tag;
}
