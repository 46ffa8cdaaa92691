/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-link.h"

#include <stdlib.h>
#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-permit.h"
#include "core/pb-random.h"
#include "pb-server-desk.h"
#include "pb-server-envelope.h"
#include "pb-server-relay.h"
#include "pb-server-session.h"
#include "pb-server-watch.h"

/* The messages of a WebSocket: what routes are to HTTP. A handler turns a
 * checked message into answers or an error; only pb_server_link_handle() sees
 * text. */

#define PROTOCOL_MAJOR 1

typedef gboolean (*Handler) (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error);

static gboolean
deny (GError **error, PbError code, const char *sentence)
{
  g_set_error_literal (error, PB_ERROR, code, sentence);

  return FALSE;
}

static void
answer (PbServerLink *self, PbMessage *question, PbMessage *reply)
{
  if (pb_message_has (question, "id"))
    pb_message_set_int (reply, "id", pb_message_get_int (question, "id"));
  pb_server_link_send (self, reply);
}

static gboolean
check_version (PbMessage *message, GError **error)
{
  const char *version = pb_message_get_string (message, "protocol");

  if (version == NULL || atoi (version) == PROTOCOL_MAJOR)
    return TRUE;

  return deny (error, PB_ERROR_VERSION,
      pb_error_get_sentence (PB_ERROR_VERSION));
}

/* The one direction the token allows, where the message names none. */
static gboolean
choose_direction (PbServerLink *self, PbMessage *message, PbDirection *out,
    GError **error)
{
  const char *name = pb_message_get_string (message, "direction");
  PbDirection allowed = pb_token_get_directions (self->token);

  if (name != NULL) {
    if (pb_direction_from_name (name, out))
      return TRUE;
    return deny (error, PB_ERROR_INVALID, "“direction” is not one.");
  }
  if (pb_token_get_role (self->token) == PB_ROLE_ADMIN) {
    *out = PB_DIRECTION_OBSERVE;
    return TRUE;
  }
  if (allowed == PB_DIRECTION_SEND || allowed == PB_DIRECTION_RECEIVE ||
      allowed == PB_DIRECTION_OBSERVE) {
    *out = allowed;
    return TRUE;
  }

  return deny (error, PB_ERROR_INVALID,
      "“direction” is needed: this token allows more than one.");
}

/* Punch's clients name none: they speak SRT. */
static PbTransport
read_transports (PbMessage *message)
{
  JsonArray *names;
  PbTransport transports = PB_TRANSPORT_NONE;

  if (!pb_message_has (message, "transports"))
    return PB_TRANSPORT_SRT;
  names = json_object_get_array_member (pb_message_peek_object (message),
      "transports");
  for (guint i = 0; i < json_array_get_length (names); i++) {
    PbTransport transport;

    /* others were refused as a broken message */
    if (pb_transport_from_name (json_array_get_string_element (names, i),
            &transport))
      transports |= transport;
  }

  return transports;
}

/* A receiver that may send over the same connection, too. */
static gboolean
permit_back (PbServerLink *self, PbDirection direction, const char *stream,
    GError **error)
{
  if (direction != PB_DIRECTION_RECEIVE)
    return deny (error, PB_ERROR_DENIED, "“back” is for receivers.");

  return pb_permit (self->token, PB_ACTION_SEND,
      pb_session_get_name (self->session->core), stream, error);
}

static PbServerPeer *
read_registration (PbServerLink *self, PbMessage *message, GError **error)
{
  static const PbAction actions[] = {
    [PB_DIRECTION_SEND] = PB_ACTION_SEND,
    [PB_DIRECTION_RECEIVE] = PB_ACTION_RECEIVE,
    [PB_DIRECTION_OBSERVE] = PB_ACTION_OBSERVE,
  };
  const char *session = pb_session_get_name (self->session->core);
  const char *stream = pb_message_get_string (message, "stream");
  const char *id = pb_message_get_string (message, "peer");
  g_autofree char *drawn = NULL;
  g_autoptr (PbServerPeer) peer = NULL;
  PbServerSlot *slot = NULL;
  PbDirection direction;
  gboolean back = pb_message_get_boolean (message, "back");

  if (!check_version (message, error) ||
      !choose_direction (self, message, &direction, error))
    return NULL;
  if (stream == NULL)
    stream = pb_token_get_stream (self->token);
  if (!pb_permit (self->token, actions[direction], session, stream, error) ||
      (back && !permit_back (self, direction, stream, error)))
    return NULL;
  if (stream != NULL) {
    slot = pb_server_session_get_slot (self->session, stream, error);
    if (slot == NULL)
      return NULL;
  } else if (direction != PB_DIRECTION_OBSERVE) {
    deny (error, PB_ERROR_INVALID, "“stream” is needed to send or receive.");
    return NULL;
  }

  if (id == NULL)
    id = drawn = pb_random_id (PB_PEER_ID_DEFAULT);
  peer = pb_server_peer_new (id, direction);
  peer->slot = slot;
  peer->role = pb_token_get_role (self->token);
  peer->identity = g_strdup (pb_token_get_identity (self->token));
  peer->token_expires = pb_token_get_expires (self->token);
  peer->transports = read_transports (message);
  peer->back = back;
  peer->thumbnails = direction == PB_DIRECTION_RECEIVE &&
                     pb_message_get_boolean (message, "thumbnails");
  peer->has_ice = pb_message_get_boolean (message, "ice");
  peer->port = (guint) pb_message_get_int (message, "port");
  peer->address = g_strdup (pb_message_get_string (message, "address"));
  peer->remote = g_strdup (self->address);
  if (pb_message_has (message, "mode") &&
      !pb_srt_mode_from_name (pb_message_get_string (message, "mode"),
          &peer->mode)) {
    deny (error, PB_ERROR_INVALID, "“mode” is not one.");
    return NULL;
  }
  peer->client = g_strdup (pb_message_get_string (message, "client"));

  return g_steal_pointer (&peer);
}

static PbMessage *
new_registered (PbServerLink *self, PbServerPeer *peer)
{
  PbServerSession *session = self->session;
  PbMessage *reply = pb_message_new (PB_MESSAGE_REGISTERED);
  PbState state = pb_session_get_state (session->core);

  pb_message_set_string (reply, "peer", peer->id);
  pb_message_set_string (reply, "session", pb_session_get_name (session->core));
  pb_message_set_string (reply, "direction",
      pb_direction_get_name (peer->direction));
  if (peer->slot != NULL) {
    pb_message_set_string (reply, "stream", peer->slot->name);
    if (!pb_session_get_stream_state (session->core, peer->slot->name, &state,
            NULL))
      g_warn_if_reached ();
    pb_message_set_string (reply, "tally",
        pb_tally_get_name (pb_session_get_tally (session->core,
            peer->slot->name)));
    pb_message_set_int (reply, "port", peer->slot->port);
    /* of SRT; a browser has no use for it */
    if (peer->direction != PB_DIRECTION_OBSERVE &&
        (peer->transports & PB_TRANSPORT_SRT) != 0)
      pb_message_set_string (reply, "passphrase", peer->slot->passphrase);
  }
  pb_message_set_string (reply, "state", pb_state_get_name (state));
  pb_message_set_int (reply, "latency", pb_session_get_latency (session->core));
  pb_message_set_string (reply, "cipher",
      pb_cipher_get_name (pb_session_get_cipher (session->core)));
  if (self->context->stun_port != 0) {
    JsonNode *node = json_node_alloc ();
    JsonObject *stun = json_object_new ();

    json_object_set_int_member (stun, "port", self->context->stun_port);
    if (self->context->stun_address != NULL)
      json_object_set_string_member (stun, "address",
          self->context->stun_address);
    json_node_take_object (node, stun);
    pb_message_take_node (reply, "stun", node);
  }
  if (peer->direction != PB_DIRECTION_OBSERVE) {
    JsonObject *turn = pb_server_link_describe_turn (self, peer->id);

    if (turn != NULL) {
      JsonNode *node = json_node_alloc ();

      pb_message_take_node (reply, "turn", json_node_init_object (node, turn));
      json_object_unref (turn);
    }
  }
  /* of what the bearer may do, which the session's end ends as well */
  pb_message_set_int (reply, "expires",
      MIN (pb_session_get_expires (session->core),
          pb_token_get_expires (self->token)));
  pb_message_set_string (reply, "protocol", "1.0");

  return reply;
}

static gboolean
handle_register (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error)
{
  PbServerPeer *wanted = read_registration (self, message, error);
  PbServerPeer *peer;
  g_autoptr (PbMessage) reply = NULL;

  if (wanted == NULL)
    return FALSE;
  peer = pb_server_session_register (self->session, self, wanted, error);
  if (peer == NULL)
    return FALSE;

  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_PEER_REGISTERED,
      peer->id, NULL, request_id,
      "session", pb_session_get_name (self->session->core),
      "stream", peer->slot != NULL ? peer->slot->name : NULL,
      "role", pb_role_get_name (peer->role),
      "direction", pb_direction_get_name (peer->direction), NULL);
  pb_server_conn_set_registered (self->connection);
  /* so that the answer tells the state as it is with this peer */
  if (peer->slot != NULL)
    pb_server_session_update (self->session, peer->slot);
  reply = new_registered (self, peer);
  answer (self, message, reply);
  pb_server_session_introduce (self->session, peer);

  return TRUE;
}

static gboolean
handle_leave (PbServerLink *self, PbMessage *message, const char *request_id,
    GError **error)
{
  PbServerPeer *peer = pb_server_link_get_own (self, message, error);

  if (peer == NULL)
    return FALSE;
  pb_server_session_remove (self->session, peer, "left");

  return TRUE;
}

static gboolean
handle_ready (PbServerLink *self, PbMessage *message, const char *request_id,
    GError **error)
{
  PbServerPeer *peer = pb_server_link_get_own (self, message, error);
  PbSrtMode mode;

  if (peer == NULL)
    return FALSE;
  if (peer->direction == PB_DIRECTION_OBSERVE)
    return deny (error, PB_ERROR_STATE, "An observer has no endpoint.");
  if (!pb_srt_mode_from_name (pb_message_get_string (message, "mode"), &mode))
    return deny (error, PB_ERROR_INVALID, "“mode” is not one.");
  peer->mode = mode;
  peer->port = (guint) pb_message_get_int (message, "port");
  peer->local_port = (guint) pb_message_get_int (message, "local_port");
  if (pb_message_has (message, "address")) {
    g_free (peer->address);
    peer->address = g_strdup (pb_message_get_string (message, "address"));
  }
  pb_server_session_introduce (self->session, peer);

  return TRUE;
}

static gboolean
handle_status (PbServerLink *self, PbMessage *message, const char *request_id,
    GError **error)
{
  static const char *const copied[] = { "srt", "with", "code", "path",
    "cipher", "transport" };
  PbServerPeer *peer = pb_server_link_get_own (self, message, error);
  const char *with = pb_message_get_string (message, "with");
  PbServerPeer *other;
  g_autoptr (PbMessage) told = NULL;

  if (peer == NULL)
    return FALSE;
  if (peer->direction == PB_DIRECTION_OBSERVE)
    return deny (error, PB_ERROR_STATE, "An observer has no connection.");
  other = pb_server_session_find (self->session, with);
  /* the other end may be gone already: then there is nobody to tell */
  if (other != NULL && !pb_server_session_are_ends (peer, other))
    return deny (error, PB_ERROR_DENIED,
        "“with” is not the other end of this slot.");

  if (with == NULL || other != NULL) {
    pb_server_peer_set_status (peer, pb_message_get_string (message, "srt"),
        with, pb_message_get_string (message, "path"),
        pb_message_get_string (message, "cipher"),
        pb_server_context_unix (self->context));
    (void) pb_transport_from_name (
        pb_message_get_string (message, "transport"), &peer->transport);
  }
  told = pb_message_new (PB_MESSAGE_STATUS);
  pb_message_set_string (told, "peer", peer->id);
  pb_message_set_string (told, "stream", peer->slot->name);
  pb_message_set_string (told, "direction",
      pb_direction_get_name (peer->direction));
  for (guint i = 0; i < G_N_ELEMENTS (copied); i++)
    if (pb_message_get_string (message, copied[i]) != NULL)
      pb_message_set_string (told, copied[i],
          pb_message_get_string (message, copied[i]));
  if (pb_message_has (message, "latency"))
    pb_message_set_int (told, "latency",
        pb_message_get_int (message, "latency"));
  pb_server_session_tell_others (self->session, peer, told, with);
  pb_server_session_update (self->session, peer->slot);
  pb_server_session_queue_snapshot (self->session);

  return TRUE;
}

static gboolean
handle_health (PbServerLink *self, PbMessage *message, const char *request_id,
    GError **error)
{
  PbServerPeer *peer = pb_server_link_get_own (self, message, error);
  PbHealthSample sample;

  if (peer == NULL)
    return FALSE;
  if (peer->direction == PB_DIRECTION_OBSERVE)
    return deny (error, PB_ERROR_STATE, "An observer has no health.");
  memset (&sample, 0, sizeof sample);
  pb_health_sample_read (&sample, message);
  pb_health_add (peer->health, &sample,
      pb_server_context_now_us (self->context));
  peer->has_health = TRUE;
  pb_server_session_tell_health (self->session, peer);
  pb_server_watch_slot (self->session, peer->slot);

  return TRUE;
}

static gboolean
handle_tally (PbServerLink *self, PbMessage *message, const char *request_id,
    GError **error)
{
  PbServerSession *session = self->session;
  const char *name = pb_session_get_name (session->core);
  const char *stream = pb_message_get_string (message, "stream");
  const char *state = pb_message_get_string (message, "state");
  g_autofree char *resource = NULL;
  g_autoptr (PbMessage) told = NULL;
  PbServerSlot *slot;
  PbTally old;
  PbTally tally;

  if (!pb_permit (self->token, PB_ACTION_TALLY_SET, name, stream, error))
    return FALSE;
  slot = pb_server_session_get_slot (session, stream, error);
  if (slot == NULL)
    return FALSE;
  if (!pb_tally_from_name (state, &tally))
    return deny (error, PB_ERROR_INVALID, "“state” is not a tally.");
  old = pb_session_get_tally (session->core, stream);
  if (!pb_session_set_tally (session->core, stream, tally, error))
    return FALSE;

  told = pb_message_new (PB_MESSAGE_TALLY);
  pb_message_set_string (told, "stream", stream);
  pb_message_set_string (told, "state", state);
  pb_server_session_broadcast (session, slot, told, TRUE);
  pb_server_watch_slot (session, slot);
  if (old != tally) {
    resource = g_strconcat (name, "/", stream, NULL);
    pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_TALLY_CHANGED,
        resource, NULL, request_id, "old", pb_tally_get_name (old),
        "new", state, NULL);
    pb_server_session_queue_snapshot (session);
  }

  return TRUE;
}

/* A line for the people at the ends of a slot. It is theirs: the audit log
 * tells who gave one to which slot, not what it said. */
static gboolean
handle_cue (PbServerLink *self, PbMessage *message, const char *request_id,
    GError **error)
{
  const char *name = pb_session_get_name (self->session->core);
  const char *stream = pb_message_get_string (message, "stream");
  g_autofree char *resource = NULL;
  g_autoptr (PbMessage) told = NULL;
  PbServerSlot *slot;

  if (!pb_permit (self->token, PB_ACTION_CUE, name, stream, error))
    return FALSE;
  slot = pb_server_session_get_slot (self->session, stream, error);
  if (slot == NULL)
    return FALSE;

  told = pb_message_new (PB_MESSAGE_CUE);
  pb_message_set_string (told, "stream", stream);
  pb_message_set_string (told, "text",
      pb_message_get_string (message, "text"));
  pb_server_session_broadcast (self->session, slot, told, TRUE);
  resource = g_strconcat (name, "/", stream, NULL);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_CUE_GIVEN,
      resource, NULL, request_id, "token", pb_token_get_id (self->token),
      NULL);

  return TRUE;
}

/* clang-format off */
static const struct {
  PbMessageType type;
  Handler handle;
} handlers[] = {
  { PB_MESSAGE_REGISTER, handle_register },
  { PB_MESSAGE_LEAVE, handle_leave },
  { PB_MESSAGE_READY, handle_ready },
  { PB_MESSAGE_STATUS, handle_status },
  { PB_MESSAGE_HEALTH, handle_health },
  { PB_MESSAGE_TALLY, handle_tally },
  { PB_MESSAGE_CUE, handle_cue },
  { PB_MESSAGE_STRINGS, pb_server_desk_strings },
  { PB_MESSAGE_THUMBNAIL_REQUEST, pb_server_desk_thumbnail_request },
  { PB_MESSAGE_THUMBNAIL, pb_server_desk_thumbnail },
  { PB_MESSAGE_ACK, pb_server_desk_ack },
};
/* clang-format on */

static gboolean
dispatch (PbServerLink *self, const PbJsonMember *members, gsize n_members,
    const char *text, gsize length, const char *request_id, GError **error)
{
  g_autoptr (PbMessage) message = NULL;
  PbMessageType type;

  message = pb_message_parse (text, (gssize) length, PB_MESSAGE_TO_SERVER,
      error);
  if (message == NULL)
    return FALSE;
  type = pb_message_get_message_type (message);
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    if (handlers[i].type == type)
      return handlers[i].handle (self, message, request_id, error);

  return deny (error, PB_ERROR_INVALID, "That message is not for the server.");
}

static void
refuse (PbServerLink *self, const PbJsonMember *members, gsize n_members,
    const char *request_id, const GError *error)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_ERROR);
  const PbJsonMember *id = pb_json_find (members, n_members, "id");
  const PbJsonMember *peer = pb_json_find (members, n_members, "peer");
  char text[PB_PEER_ID_MAX + 1];
  JsonNode *node = json_node_alloc ();

  if (id != NULL && id->kind == PB_JSON_INTEGER && id->value[0] != '-' &&
      id->value_length <= 10) {
    gint64 value = g_ascii_strtoll (id->value, NULL, 10);

    if (value <= G_MAXINT32)
      pb_message_set_int (message, "id", value);
  }
  if (peer == NULL)
    peer = pb_json_find (members, n_members, "from");
  if (pb_server_member_copy_id (peer, text))
    pb_message_set_string (message, "peer", text);
  pb_message_set_string (message, "code",
      pb_error_get_code ((PbError) error->code));
  json_node_take_object (node, pb_server_envelope_new (error, request_id));
  pb_message_take_node (message, "error", node);
  pb_server_link_send (self, message);

  self->context->metrics.messages_refused++;
  if (g_error_matches (error, PB_ERROR, PB_ERROR_DENIED))
    pb_server_audit_log (self->context->audit,
        PB_SERVER_AUDIT_PERMISSION_DENIED,
        pb_session_get_name (self->session->core), self->address, request_id,
        "endpoint", "WS /api/ws/{name}", "token",
        pb_token_get_id (self->token), NULL);
}

/**
 * pb_server_link_handle: (skip)
 * @self: the link
 * @text: a whole text message, UTF-8
 * @length: its length
 *
 * The order is that of HTTP: throttle, size, token, parse, handler, reply.
 */
void
pb_server_link_handle (PbServerLink *self, const char *text, gsize length)
{
  PbJsonMember members[PB_JSON_MEMBERS_MAX];
  gsize n_members = 0;
  g_autoptr (GError) error = NULL;
  g_autofree char *request_id = NULL;

  if (self->session == NULL || self->connection == NULL)
    return;
  self->context->metrics.messages_in++;
  if (!pb_server_link_throttle (self, &error)) {
    request_id = pb_random_id (16);
    if (error != NULL)
      refuse (self, members, 0, request_id, error);
    return;
  }
  if (pb_server_session_is_over (self->session)) {
    pb_server_link_end (self, "session-expired", FALSE, 4004);
    return;
  }
  if (!pb_server_link_check_token (self))
    return;

  if (pb_json_scan (text, (gssize) length, members, G_N_ELEMENTS (members),
          &n_members, &error)) {
    if (pb_server_member_is (pb_json_find (members, n_members, "type"), "signal")) {
      if (pb_server_link_relay (self, members, n_members, text, length, &error))
        return;
      request_id = pb_random_id (16);
    } else {
      request_id = pb_random_id (16);
      if (dispatch (self, members, n_members, text, length, request_id,
              &error))
        return;
    }
  } else {
    n_members = 0;
    request_id = pb_random_id (16);
  }
  refuse (self, members, n_members, request_id, error);
}
