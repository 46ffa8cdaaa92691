/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-end-private.h"

#include <string.h>

#include "core/pb-json.h"
#include "core/pb-limits.h"
#include "glue/pb-gst-message.h"
#include "glue/pb-timer.h"

/* What the data channel says (docs/protocol.md, 10.1), and cues by whichever
 * way they come. */

/* A line that comes by both ways is one line. */
#define CUE_TWICE_US (5 * G_USEC_PER_SEC)
/* Their figures come with their health reports; more often is somebody who
 * would fill our bus. */
#define HEALTH_INTERVAL_US (G_USEC_PER_SEC / 4)
/* Requests of our own: away from PbClient's and pbsignal's */
#define FIRST_ID 0x60000000

/* --- what we say ---------------------------------------------------------- */

static gboolean
send (PbWebrtcCounterpart *other, PbMessage *message)
{
  g_autofree char *text = NULL;

  if (other->peer == NULL)
    return FALSE;
  text = pb_message_print (message);

  return strlen (text) <= PB_WEBRTC_TEXT_MAX &&
         pb_webrtc_peer_send_text (other->peer, text);
}

static void
send_to_all (PbWebrtcEnd *self, PbMessage *message)
{
  for (guint i = 0; i < self->counterparts->len; i++)
    send (g_ptr_array_index (self->counterparts, i), message);
}

/* What the server told us; whether it counts there is theirs to know. */
void
pb_webrtc_channel_send_tally (PbWebrtcEnd *self, PbWebrtcCounterpart *only)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_TALLY);

  if (!self->is_registered)
    return; /* it may be the past */
  pb_message_set_string (message, "stream", self->stream);
  pb_message_set_string (message, "state",
      pb_tally_get_name (pb_webrtc_end_get_tally (self)));
  if (only != NULL)
    send (only, message);
  else
    send_to_all (self, message);
}

/* What arrives from them, as they cannot see it */
void
pb_webrtc_channel_send_health (PbWebrtcCounterpart *other)
{
  g_autoptr (PbMessage) message = NULL;

  if (other->received.packets == 0)
    return;
  message = pb_message_new (PB_MESSAGE_HEALTH);
  pb_health_sample_write (&other->received, message);
  send (other, message);
}

/* --- cues ----------------------------------------------------------------- */

typedef struct
{
  PbWebrtcEnd *end; /* owned */
  char *text;
} Cue;

static void
cue_free (gpointer data)
{
  Cue *cue = data;

  pb_webrtc_end_unref (cue->end);
  g_free (cue->text);
  g_free (cue);
}

static gboolean
on_cue (gpointer user_data)
{
  Cue *cue = user_data;
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_CUE);

  pb_message_set_string (message, "stream", cue->end->stream);
  pb_message_set_string (message, "text", cue->text);
  send_to_all (cue->end, message);

  return G_SOURCE_REMOVE;
}

/**
 * pb_webrtc_end_send_cue:
 * @self: the end
 * @text: a line of 1 to PB_CUE_MAX characters
 *
 * To everybody on the slot, through the server and down the data channels.
 * Where the server refuses it (the token is no admin's), a warning follows on
 * the bus.
 *
 * Returns: whether there was a way to send it
 */
gboolean
pb_webrtc_end_send_cue (PbWebrtcEnd *self, const char *text)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_CUE);
  g_autoptr (GError) error = NULL;
  gboolean is_up, has_channel;
  g_autoptr (GSource) idle = NULL;
  gint64 id;
  Cue *cue;

  if (text == NULL || !g_utf8_validate (text, -1, NULL))
    return FALSE;
  pb_message_set_string (message, "stream", self->stream);
  pb_message_set_string (message, "text", text);
  if (!pb_message_check (message, PB_MESSAGE_TO_SERVER, &error)) {
    GST_WARNING_OBJECT (self->element, "cue: %s", error->message);
    return FALSE;
  }

  g_mutex_lock (&self->lock);
  is_up = self->is_up;
  has_channel = self->n_channels > 0;
  if (is_up)
    self->cue_id = FIRST_ID + (self->cue_id + 1) % (G_MAXINT32 - FIRST_ID);
  id = self->cue_id;
  g_mutex_unlock (&self->lock);

  if (is_up) {
    pb_message_set_int (message, "id", id);
    pb_gst_session_send (self->session, message);
  }
  if (has_channel) {
    cue = g_new0 (Cue, 1);
    cue->end = pb_webrtc_end_ref (self);
    cue->text = g_strdup (text);
    idle = g_idle_source_new ();
    g_source_set_priority (idle, G_PRIORITY_DEFAULT);
    g_source_set_callback (idle, on_cue, cue, cue_free);
    g_source_attach (idle, self->context);
  }

  return is_up || has_channel;
}

/* The server's answer to it, where that is no */
void
pb_webrtc_channel_take_error (PbWebrtcEnd *self, PbMessage *message)
{
  const char *sentence = NULL;
  JsonNode *node =
      json_object_get_member (pb_message_peek_object (message), "error");
  gint64 id;

  g_mutex_lock (&self->lock);
  id = self->cue_id;
  g_mutex_unlock (&self->lock);
  if (id == 0 || pb_message_get_int (message, "id") != id)
    return;
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    sentence =
        json_object_get_string_member_with_default (json_node_get_object (node),
            "message", NULL);
  GST_ELEMENT_WARNING (self->element, RESOURCE, NOT_AUTHORIZED,
      ("The server did not pass the cue on: %s",
          sentence != NULL ? sentence : "it gave no reason."),
      ("error to request %" G_GINT64_FORMAT, id));
}

void
pb_webrtc_channel_take_cue (PbWebrtcEnd *self, const char *text,
    gboolean by_channel)
{
  gint64 now_us = g_get_monotonic_time ();

  if (self->last_cue != NULL && self->last_cue_by_channel != by_channel &&
      now_us - self->last_cue_us < CUE_TWICE_US &&
      g_str_equal (self->last_cue, text)) {
    g_clear_pointer (&self->last_cue, g_free);
    return;
  }

  g_free (self->last_cue);
  self->last_cue = g_strdup (text);
  self->last_cue_by_channel = by_channel;
  self->last_cue_us = now_us;
  gst_element_post_message (self->element,
      pb_gst_message_new_cue (GST_OBJECT (self->element), self->stream, text));
}

/* --- what they say -------------------------------------------------------- */

/* The same as the server would say it of them. While it can, it does: then
 * theirs is not told twice. */
static void
take_health (PbWebrtcCounterpart *other, JsonNode *node)
{
  PbWebrtcEnd *self = other->end;
  JsonObject *object = json_node_get_object (node);
  PbDirection theirs = self->direction == PB_DIRECTION_SEND
                           ? PB_DIRECTION_RECEIVE
                           : PB_DIRECTION_SEND;
  gint64 now_us = g_get_monotonic_time ();
  g_autofree char *text = NULL;
  g_autoptr (PbMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  PbHealthSample sample = { 0 };
  PbHealthStatus status;

  if (self->is_registered || now_us - other->theirs_at_us < HEALTH_INTERVAL_US)
    return;
  other->theirs_at_us = now_us;

  json_object_set_string_member (object, "peer", other->id);
  json_object_set_string_member (object, "stream", self->stream);
  json_object_set_string_member (object, "direction",
      pb_direction_get_name (theirs));
  text = pb_json_print (node);
  message = pb_message_parse (text, -1, PB_MESSAGE_TO_PEER, &error);
  if (message == NULL) {
    GST_DEBUG_OBJECT (self->element, "peer %s: %s", other->id, error->message);
    return;
  }

  if (other->theirs == NULL)
    other->theirs = pb_health_new (theirs);
  pb_health_sample_read (&sample, message);
  status = pb_health_add (other->theirs, &sample, now_us);
  pb_message_set_string (message, "health", pb_health_status_get_name (status));
  pb_message_set_string (message, "cause",
      pb_health_get_cause (other->theirs, now_us));
  pb_message_set_boolean (message, "stale", FALSE);
  pb_message_set_int (message, "age", 0);
  gst_element_post_message (self->element,
      pb_gst_message_new_health (GST_OBJECT (self->element), message));
}

void
pb_webrtc_channel_take (PbWebrtcCounterpart *other, const char *text)
{
  PbWebrtcEnd *self = other->end;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (PbMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  const char *type;

  if (strlen (text) > PB_WEBRTC_TEXT_MAX)
    return;
  node = pb_json_parse (text, -1, &error);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node)) {
    GST_DEBUG_OBJECT (self->element, "peer %s: its channel speaks no JSON",
        other->id);
    return;
  }
  type =
      json_object_get_string_member_with_default (json_node_get_object (node),
          "type", "");
  if (g_strcmp0 (type, "health") == 0) {
    take_health (other, node);
    return;
  }
  if (!other->is_control ||
      (g_strcmp0 (type, "tally") != 0 && g_strcmp0 (type, "cue") != 0))
    return;

  message = pb_message_parse (text, -1, PB_MESSAGE_TO_PEER, &error);
  if (message == NULL) {
    GST_DEBUG_OBJECT (self->element, "peer %s: %s", other->id, error->message);
    return;
  }
  if (g_strcmp0 (pb_message_get_string (message, "stream"), self->stream) != 0)
    return;
  if (pb_message_get_message_type (message) == PB_MESSAGE_CUE)
    pb_webrtc_channel_take_cue (self, pb_message_get_string (message, "text"),
        TRUE);
  else if (!self->is_registered)
    pb_webrtc_end_set_tally (self, pb_message_get_string (message, "state"));
}

/* --- open and closed ------------------------------------------------------ */

void
pb_webrtc_channel_opened (PbWebrtcCounterpart *other)
{
  PbWebrtcEnd *self = other->end;

  if (other->has_channel)
    return;
  other->has_channel = TRUE;
  g_mutex_lock (&self->lock);
  self->n_channels++;
  g_mutex_unlock (&self->lock);
  pb_webrtc_channel_send_tally (self, other);
}

void
pb_webrtc_channel_closed (PbWebrtcCounterpart *other)
{
  PbWebrtcEnd *self = other->end;

  if (!other->has_channel)
    return;
  other->has_channel = FALSE;
  g_mutex_lock (&self->lock);
  self->n_channels--;
  g_mutex_unlock (&self->lock);
}
