/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-desk.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-permit.h"
#include "core/pb-random.h"
#include "pb-server-connect.h"
#include "pb-server-jpeg.h"
#include "pb-server-json.h"
#include "pb-server-qr.h"
#include "pb-server-watch.h"

static gboolean
deny (GError **error, PbError code, const char *sentence)
{
  g_set_error_literal (error, PB_ERROR, code, sentence);

  return FALSE;
}

/* --- strings ------------------------------------------------------------- */

static gboolean
choose_direction (PbServerLink *self, PbMessage *message, const char *stream,
    PbDirection *out, GError **error)
{
  const char *name = pb_message_get_string (message, "direction");

  if (name == NULL)
    *out = (pb_token_get_directions (self->token) & PB_DIRECTION_SEND) != 0
               ? PB_DIRECTION_SEND
               : PB_DIRECTION_RECEIVE;
  else if (!pb_direction_from_name (name, out))
    return deny (error, PB_ERROR_INVALID, "“direction” is not one.");

  return pb_permit (self->token,
      *out == PB_DIRECTION_SEND ? PB_ACTION_SEND : PB_ACTION_RECEIVE,
      pb_session_get_name (self->session->core), stream, error);
}

/* The claims signed again, for the text that opened this socket is kept
 * nowhere: the same bearer, until the end that counts now. */
static char *
give_own_token (PbServerSlot *slot, PbDirection direction, gpointer user_data)
{
  PbServerLink *self = user_data;

  return pb_keyring_sign (self->context->keyring, self->token);
}

/* A phone takes the link from the screen. */
static void
add_qr (JsonArray *strings)
{
  for (guint i = 0; i < json_array_get_length (strings); i++) {
    JsonObject *row = json_array_get_object_element (strings, i);
    char *text;

    if (!g_str_equal (json_object_get_string_member (row, "client"),
            pb_client_kind_get_name (PB_CLIENT_LARIX)) ||
        json_object_get_null_member (row, "string"))
      continue;
    text = pb_server_qr_print (json_object_get_string_member (row, "string"),
        NULL);
    if (text == NULL)
      continue;
    json_object_set_string_member (row, "qr", text);
    pb_secret_free (text);
  }
}

static void
send_secret (PbServerLink *self, PbMessage *message)
{
  g_autoptr (GError) error = NULL;
  char *text;

  if (!pb_message_check (message, PB_MESSAGE_TO_PEER, &error)) {
    g_critical ("a message of ours is wrong: %s", error->message);
    return;
  }
  text = pb_message_print (message);
  pb_server_link_send_text (self, text, strlen (text));
  pb_secret_free (text);
}

/**
 * pb_server_desk_strings: (skip)
 * @self: the link it came over
 * @message: `strings`
 * @request_id: for the log
 * @error: why there are none
 *
 * Section 5.5: what somebody who may send, or receive, needs to do it with a
 * program of somebody else's.
 *
 * Returns: whether they were given
 */
gboolean
pb_server_desk_strings (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error)
{
  const char *name = pb_session_get_name (self->session->core);
  PbServerPeer *peer = pb_server_link_get_own (self, message, error);
  g_autoptr (PbMessage) reply = NULL;
  g_autoptr (JsonObject) end = NULL;
  PbDirection direction;

  if (peer == NULL)
    return FALSE;
  if (peer->slot == NULL)
    return deny (error, PB_ERROR_STATE,
        "This registration is for no slot: strings are.");
  if (!choose_direction (self, message, peer->slot->name, &direction, error))
    return FALSE;

  if (!pb_server_link_pay (self, PB_STRINGS_COST, error))
    return FALSE;

  /* an admin's token opens the whole session, and is nothing to paste; one of
   * a retired secret must not be renewed by the present one */
  end = pb_server_connect_describe_end (self->session, peer->slot, direction,
      self->context->public_url,
      pb_token_get_role (self->token) != PB_ROLE_ADMIN &&
              pb_keyring_is_current (self->context->keyring, self->token)
          ? give_own_token
          : NULL,
      self);
  add_qr (json_object_get_array_member (end, "strings"));
  reply = pb_message_new (PB_MESSAGE_STRINGS);
  if (pb_message_has (message, "id"))
    pb_message_set_int (reply, "id", pb_message_get_int (message, "id"));
  pb_message_set_string (reply, "peer", peer->id);
  pb_message_set_string (reply, "stream", peer->slot->name);
  pb_message_set_string (reply, "direction", pb_direction_get_name (direction));
  pb_server_json_fill_message (reply, end);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_CONNECT_READ, name,
      self->address, request_id, "stream", peer->slot->name, "token",
      pb_token_get_id (self->token), "direction",
      pb_direction_get_name (direction), NULL);
  send_secret (self, reply);

  return TRUE;
}

/* --- still pictures ------------------------------------------------------ */

static void
pass_request (PbServerSession *session, PbServerSlot *slot, gint64 now_us)
{
  PbServerPeer *giver = pb_server_slot_find_thumbnails (slot);
  g_autoptr (PbMessage) message = NULL;

  if (giver == NULL)
    return;
  message = pb_message_new (PB_MESSAGE_THUMBNAIL_REQUEST);
  pb_message_set_string (message, "to", giver->id);
  pb_message_set_string (message, "stream", slot->name);
  pb_server_peer_tell (giver, message);
  pb_server_thumbnails_passed (session->thumbnails, slot->name, giver->id,
      now_us);
}

/**
 * pb_server_desk_thumbnail_request: (skip)
 * @self: the link it came over
 * @message: `thumbnail_request`
 * @request_id: for the log
 * @error: PB_ERROR_NOT_LIVE where nobody would give one
 *
 * Returns: whether a picture is on its way, or soon will be
 */
gboolean
pb_server_desk_thumbnail_request (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error)
{
  PbServerSession *session = self->session;
  const char *stream = pb_message_get_string (message, "stream");
  gint64 now_us = pb_server_context_now_us (self->context);
  PbServerSlot *slot;

  if (!pb_permit (self->token, PB_ACTION_THUMBNAIL,
          pb_session_get_name (session->core), stream, error))
    return FALSE;
  slot = pb_server_session_get_slot (session, stream, error);
  if (slot == NULL)
    return FALSE;
  if (pb_server_slot_find_thumbnails (slot) == NULL)
    return deny (error, PB_ERROR_NOT_LIVE,
        "No receiver of this slot gives still pictures.");

  pb_server_thumbnails_ask (session->thumbnails, stream, self->number, now_us);
  if (pb_server_thumbnails_is_due (session->thumbnails, stream, now_us))
    pass_request (session, slot, now_us);

  return TRUE;
}

/* Whether it may have the picture now: a token can have run out since it
 * asked. One that is slow to read misses this one, rather than what matters. */
static gboolean
takes_thumbnail (PbServerLink *self, const char *stream)
{
  return self->connection != NULL &&
         pb_permit (self->token, PB_ACTION_THUMBNAIL,
             pb_session_get_name (self->session->core), stream, NULL) &&
         pb_server_conn_get_queue_size (self->connection) <
             PB_THUMBNAIL_QUEUE_MAX &&
         pb_server_link_check_token (self);
}

static void
forward_thumbnail (PbServerSession *session, PbServerPeer *peer,
    const char *jpeg, gint64 now_us)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_THUMBNAIL);
  g_autofree char *stream = g_strdup (peer->slot->name);
  g_autofree char *text = NULL;
  gsize length;

  pb_message_set_string (message, "peer", peer->id);
  pb_message_set_string (message, "stream", stream);
  pb_message_set_string (message, "jpeg", jpeg);
  text = pb_message_print (message);
  length = strlen (text);
  /* a token that has run out ends its registrations, `peer` perhaps */
  for (guint i = 0; i < session->links->len; i++) {
    PbServerLink *link = g_ptr_array_index (session->links, i);

    if (pb_server_thumbnails_is_waiting (session->thumbnails, stream,
            link->number, now_us) &&
        takes_thumbnail (link, stream))
      pb_server_link_send_text (link, text, length);
  }
}

/* A page, or a wall of 50 of them, shows it as it came: it must not claim to be
 * larger than a receiver of ours makes one. */
static gboolean
check_picture (const char *jpeg, GError **error)
{
  gsize size;
  g_autofree guint8 *data = g_base64_decode (jpeg, &size);
  guint width = 0;
  guint height = 0;

  if (!pb_server_jpeg_measure (data, size, &width, &height))
    return deny (error, PB_ERROR_INVALID, "“jpeg” is no JPEG.");
  if (width < 1 || width > PB_THUMBNAIL_WIDTH || height < 1 ||
      height > PB_THUMBNAIL_HEIGHT)
    return deny (error, PB_ERROR_INVALID,
        "A still picture is at most 320 pixels wide and 640 high.");

  return TRUE;
}

/**
 * pb_server_desk_thumbnail: (skip)
 * @self: the link it came over
 * @message: `thumbnail`
 * @request_id: for the log
 * @error: why it is refused
 *
 * Returns: whether it was taken: handed on, or dropped where nobody waits
 */
gboolean
pb_server_desk_thumbnail (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error)
{
  PbServerSession *session = self->session;
  PbServerPeer *peer = pb_server_link_get_own (self, message, error);
  const char *jpeg = pb_message_get_string (message, "jpeg");
  gint64 now_us = pb_server_context_now_us (self->context);

  if (peer == NULL)
    return FALSE;
  if (!peer->thumbnails)
    return deny (error, PB_ERROR_STATE,
        "Still pictures come from a receiver that registered with them.");
  if (!check_picture (jpeg, error))
    return FALSE;
  if (pb_server_thumbnails_take (session->thumbnails, peer->slot->name,
          peer->id, now_us))
    forward_thumbnail (session, peer, jpeg, now_us);

  return TRUE;
}

/**
 * pb_server_desk_sweep: (skip)
 * @session: a session
 */
void
pb_server_desk_sweep (PbServerSession *session)
{
  gint64 now_us = pb_server_context_now_us (session->context);
  g_autoptr (GPtrArray) streams =
      pb_server_thumbnails_list (session->thumbnails, now_us);

  for (guint i = 0; i < streams->len; i++) {
    const char *stream = g_ptr_array_index (streams, i);

    if (pb_server_thumbnails_is_due (session->thumbnails, stream, now_us))
      pass_request (session, g_hash_table_lookup (session->slots, stream),
          now_us);
  }
}

/* --- alarms -------------------------------------------------------------- */

/**
 * pb_server_desk_ack: (skip)
 * @self: the link it came over
 * @message: `ack`
 * @request_id: for the log
 * @error: PB_ERROR_DENIED or PB_ERROR_NOT_FOUND
 *
 * Who has seen it is for those at the desk; the log tells whose token said so.
 *
 * Returns: whether there is such an alarm
 */
gboolean
pb_server_desk_ack (PbServerLink *self, PbMessage *message,
    const char *request_id, GError **error)
{
  PbServerSession *session = self->session;
  const char *name = pb_session_get_name (session->core);
  PbServerMoment now = pb_server_watch_now (session);
  const PbServerAlarm *alarm;
  g_autofree char *resource = NULL;
  g_autofree char *number = NULL;
  gboolean is_new;

  if (!pb_permit (self->token, PB_ACTION_ALARM_ACK, name, NULL, error))
    return FALSE;
  alarm = pb_server_alarms_ack (session->alarms,
      (guint64) pb_message_get_int (message, "alarm"),
      pb_message_get_string (message, "by"), &now, &is_new, error);
  if (alarm == NULL)
    return FALSE;
  if (!is_new)
    return TRUE;

  resource = g_strconcat (name, "/", alarm->stream, NULL);
  number = g_strdup_printf ("%" G_GUINT64_FORMAT, alarm->number);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_ALARM_ACKED,
      resource, NULL, request_id, "alarm", number, "token",
      pb_token_get_id (self->token), NULL);

  return TRUE;
}
