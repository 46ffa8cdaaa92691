/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl tally: the light at the camera. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <string.h>

#include "core/pb-random.h"

static const char help[] =
    "Sets the tally of a slot. The server hands it to the slot's sender and "
    "receivers\nand to everybody who watches. Needs the admin's token.\n\n"
    "Examples:\n"
    "  pbctl tally cam-wide program   # on air: red\n"
    "  pbctl tally cam-wide preview   # next: green\n"
    "  pbctl tally cam-wide off";

typedef struct
{
  PbClient *client;
  GMainLoop *loop;
  const char *stream;
  const char *state;
  PbRegistration *registration;
  gboolean is_sent;
  gboolean is_set;
  GError *error;
} Tally;

static void
finish (Tally *self, PbError code, const char *text)
{
  if (self->error == NULL && !self->is_set)
    self->error = g_error_new_literal (PB_ERROR, (gint) code, text);
  g_main_loop_quit (self->loop);
}

static void
send_tally (Tally *self)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_TALLY);

  pb_message_set_int (message, "id", 1);
  pb_message_set_string (message, "stream", self->stream);
  pb_message_set_string (message, "state", self->state);
  pb_client_send (self->client, message);
  self->is_sent = TRUE;
}

static void
on_error_message (Tally *self, PbMessage *message)
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
  Tally *self = user_data;

  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_REGISTERED:
      send_tally (self);
      break;
    case PB_MESSAGE_TALLY:
      /* Ours comes back to us as to every observer. */
      if (self->is_sent &&
          g_strcmp0 (pb_message_get_string (message, "stream"), self->stream) ==
              0 &&
          g_strcmp0 (pb_message_get_string (message, "state"), self->state) ==
              0) {
        self->is_set = TRUE;
        g_main_loop_quit (self->loop);
      }
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
  Tally *self = user_data;

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
set_tally (Tally *self, GError **error)
{
  guint timeout = g_timeout_add_seconds (PB_CTL_ANSWER_S, on_timeout, self);

  self->loop = g_main_loop_new (NULL, FALSE);
  self->registration = pb_registration_new (NULL, PB_DIRECTION_OBSERVE);
  g_signal_connect (self->client, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->client, "fault", G_CALLBACK (on_fault), self);
  pb_client_register (self->client, self->registration);
  pb_client_open (self->client);
  g_main_loop_run (self->loop);
  g_signal_handlers_disconnect_by_data (self->client, self);
  pb_client_close (self->client);
  if (g_main_context_find_source_by_id (NULL, timeout) != NULL)
    g_source_remove (timeout);
  pb_registration_free (self->registration);
  g_main_loop_unref (self->loop);
  if (self->error != NULL)
    g_propagate_error (error, self->error);

  return self->is_set;
}

/* pbctl tally SLOT STATE */
int
pb_ctl_tally (PbCtl *self, int argc, char **argv)
{
  g_autofree char *session = NULL;
  g_autoptr (PbClient) client = NULL;
  g_autoptr (GError) error = NULL;
  Tally tally = { 0 };
  PbTally parsed;
  char *token;

  if (!pb_ctl_parse (self, NULL, "SLOT off|preview|program", help, &argc,
          &argv))
    return PB_CTL_USAGE;
  if (argc != 3)
    return pb_ctl_usage (self, "tally needs a slot and a state");
  if (!pb_ctl_check_name (self, "slot", argv[1]))
    return PB_CTL_USAGE;
  if (!pb_tally_from_name (argv[2], &parsed))
    return pb_ctl_usage (self, "\"%s\": say off, preview or program", argv[2]);

  token = pb_ctl_dup_token (self, TRUE, &error);
  if (error == NULL)
    session = pb_ctl_dup_session (self, token, &error);
  if (session != NULL)
    client = pb_ctl_open_client (self, session, token, &error);
  pb_secret_free (token);
  tally.client = client;
  tally.stream = argv[1];
  tally.state = argv[2];
  if (client == NULL || !set_tally (&tally, &error))
    return pb_ctl_fail (self, error, "cannot set the tally of %s", argv[1]);

  if (self->json)
    printf ("{\"stream\":\"%s\",\"state\":\"%s\"}\n", argv[1], argv[2]);
  else
    printf ("%s: %s\n", argv[1], argv[2]);

  return PB_CTL_OK;
}
