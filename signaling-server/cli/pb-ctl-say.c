/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One message over the WebSocket, and whether the server took it. */
#include "config.h"

#include "pb-ctl.h"

#include "core/pb-random.h"

/* PbClient numbers its own requests from 1 */
#define ID 0x40000000

/* A message that is taken has no answer of its own, one that is refused has an
 * `error`. So another registration follows it on the same connection, which is
 * read in order: once that one is answered, the message has been taken. */
typedef struct
{
  PbClient *client;
  GMainLoop *loop;
  PbMessage *message;
  PbRegistration *before, *after;
  gboolean is_taken;
  GError *error;
} Say;

static void
finish (Say *self, PbError code, const char *text)
{
  if (self->error == NULL && !self->is_taken)
    self->error = g_error_new_literal (PB_ERROR, (gint) code, text);
  g_main_loop_quit (self->loop);
}

static void
on_registered (Say *self, PbMessage *message)
{
  const char *peer = pb_message_get_string (message, "peer");

  if (g_strcmp0 (peer, self->before->peer) == 0) {
    pb_client_send (self->client, self->message);
    pb_client_register (self->client, self->after);
  } else if (g_strcmp0 (peer, self->after->peer) == 0) {
    /* both answers may have come in one read */
    self->is_taken = self->error == NULL;
    g_main_loop_quit (self->loop);
  }
}

static void
on_error_message (Say *self, PbMessage *message)
{
  JsonObject *object = pb_message_peek_object (message);
  JsonNode *node = json_object_get_member (object, "error");
  JsonObject *inner = node != NULL && JSON_NODE_HOLDS_OBJECT (node)
                          ? json_node_get_object (node)
                          : NULL;
  const char *reason = pb_ctl_member (inner, "reason");
  const char *text = pb_ctl_member (inner, "message");

  finish (self, pb_error_from_reason (reason != NULL ? reason : ""),
      text != NULL ? text : "the server refused");
}

static void
on_message (PbClient *client, PbMessage *message, gpointer user_data)
{
  Say *self = user_data;

  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_REGISTERED:
      on_registered (self, message);
      break;
    case PB_MESSAGE_ERROR:
      on_error_message (self, message);
      break;
    default:
      break;
  }
}

static void
on_fault (PbClient *client, PbFault fault, const char *detail,
    gpointer user_data)
{
  Say *self = user_data;

  switch (fault) {
    case PB_FAULT_SERVER_UNREACHABLE:
      finish (self, PB_ERROR_UNAVAILABLE, pb_fault_get_sentence (fault));
      break;
    case PB_FAULT_TOKEN_MISSING:
      finish (self, PB_ERROR_TOKEN_MISSING, pb_fault_get_sentence (fault));
      break;
    case PB_FAULT_TOKEN_INVALID:
      finish (self, PB_ERROR_TOKEN_INVALID, pb_fault_get_sentence (fault));
      break;
    case PB_FAULT_TOKEN_EXPIRED:
      finish (self, PB_ERROR_TOKEN_EXPIRED, pb_fault_get_sentence (fault));
      break;
    case PB_FAULT_TOKEN_REVOKED:
      finish (self, PB_ERROR_TOKEN_REVOKED, pb_fault_get_sentence (fault));
      break;
    case PB_FAULT_DENIED:
      finish (self, PB_ERROR_DENIED, pb_fault_get_sentence (fault));
      break;
    case PB_FAULT_SESSION_UNKNOWN:
    case PB_FAULT_SLOT_UNKNOWN:
      finish (self, PB_ERROR_NOT_FOUND, pb_fault_get_sentence (fault));
      break;
    default:
      finish (self, PB_ERROR_STATE, pb_fault_get_sentence (fault));
      break;
  }
}

static gboolean
on_timeout (gpointer user_data)
{
  finish (user_data, PB_ERROR_UNAVAILABLE, "the server did not answer in time");
  return G_SOURCE_REMOVE;
}

static gboolean
say (Say *self, GError **error)
{
  guint timeout = g_timeout_add_seconds (PB_CTL_ANSWER_S, on_timeout, self);

  self->loop = g_main_loop_new (NULL, FALSE);
  self->before = pb_registration_new (NULL, PB_DIRECTION_OBSERVE);
  self->after = pb_registration_new (NULL, PB_DIRECTION_OBSERVE);
  g_signal_connect (self->client, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->client, "fault", G_CALLBACK (on_fault), self);
  pb_client_register (self->client, self->before);
  pb_client_open (self->client);
  g_main_loop_run (self->loop);
  g_signal_handlers_disconnect_by_data (self->client, self);
  pb_client_close (self->client);
  if (g_main_context_find_source_by_id (NULL, timeout) != NULL)
    g_source_remove (timeout);
  pb_registration_free (self->before);
  pb_registration_free (self->after);
  g_main_loop_unref (self->loop);
  if (self->error != NULL)
    g_propagate_error (error, self->error);

  return self->is_taken;
}

/* Joins the session that the token is for, as an observer, and says one thing
 * there. */
gboolean
pb_ctl_say (PbCtl *self, PbMessage *message, GError **error)
{
  g_autofree char *session = NULL;
  g_autoptr (PbClient) client = NULL;
  g_autoptr (GError) problem = NULL;
  char *token = pb_ctl_dup_token (self, TRUE, &problem);
  Say job = { .message = message };

  if (problem == NULL)
    session = pb_ctl_dup_session (self, token, &problem);
  if (session != NULL)
    client = pb_ctl_open_client (self, session, token, &problem);
  pb_secret_free (token);
  if (client == NULL) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  job.client = client;
  pb_message_set_int (message, "id", ID);

  return say (&job, error);
}
