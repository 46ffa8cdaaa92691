/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-client-private.h"

#include <string.h>

#define PROTOCOL "1.0"

/* clang-format off */
static const struct {
  const char *reason;
  PbFault fault;
} closed_reasons[] = {
  { "session-closed", PB_FAULT_SESSION_CLOSED },
  { "token-revoked", PB_FAULT_TOKEN_REVOKED },
  { "session-expired", PB_FAULT_SESSION_EXPIRED },
  { "token-expired", PB_FAULT_TOKEN_EXPIRED },
  { "replaced", PB_FAULT_REPLACED },
  { "shutdown", PB_FAULT_SERVER_UNREACHABLE },
};
/* clang-format on */

void
pb_client_entry_free (gpointer data)
{
  PbClientEntry *entry = data;

  pb_client_clear_source (&entry->timer);
  pb_registration_free (entry->registration);
  g_free (entry);
}

PbClientEntry *
pb_client_find_entry (PbClient *self, const char *peer, gint64 request_id)
{
  for (guint i = 0; i < self->entries->len; i++) {
    PbClientEntry *entry = g_ptr_array_index (self->entries, i);

    if (peer != NULL ? strcmp (entry->registration->peer, peer) == 0
                     : request_id > 0 && entry->request_id == request_id)
      return entry;
  }

  return NULL;
}

/* --- registrations --- */

gboolean
pb_client_send_checked (PbClient *self, PbMessage *message)
{
  g_autoptr (GError) error = NULL;
  char *text;

  if (!pb_message_check (message, PB_MESSAGE_TO_SERVER, &error)) {
    g_warning ("%s", error->message);
    return FALSE;
  }
  text = pb_message_print (message);
  pb_channel_send (self->channel, text, -1);
  g_free (text);

  return TRUE;
}

static JsonNode *
name_transports (PbTransport transports)
{
  static const PbTransport all[] = { PB_TRANSPORT_WEBRTC, PB_TRANSPORT_SRT };
  JsonArray *names = json_array_new ();
  JsonNode *node = json_node_alloc ();

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if ((transports & all[i]) != 0)
      json_array_add_string_element (names, pb_transport_get_name (all[i]));
  json_node_init_array (node, names);
  json_array_unref (names);

  return node;
}

void
pb_client_send_register (PbClient *self, PbClientEntry *entry)
{
  const PbRegistration *registration = entry->registration;
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_REGISTER);

  pb_client_clear_source (&entry->timer);
  self->last_id = self->last_id % G_MAXINT32 + 1;
  pb_message_set_int (message, "id", self->last_id);
  if (registration->stream != NULL)
    pb_message_set_string (message, "stream", registration->stream);
  pb_message_set_string (message, "direction",
      pb_direction_get_name (registration->direction));
  pb_message_set_string (message, "peer", registration->peer);
  if (registration->ice)
    pb_message_set_boolean (message, "ice", TRUE);
  if (registration->port != 0)
    pb_message_set_int (message, "port", registration->port);
  if (registration->address != NULL)
    pb_message_set_string (message, "address", registration->address);
  if (registration->mode != NULL)
    pb_message_set_string (message, "mode", registration->mode);
  if (registration->client != NULL)
    pb_message_set_string (message, "client", registration->client);
  pb_message_set_string (message, "protocol", PROTOCOL);
  if (registration->transports != PB_TRANSPORT_NONE)
    pb_message_take_node (message, "transports",
        name_transports (registration->transports));
  if (registration->back)
    pb_message_set_boolean (message, "back", TRUE);
  if (registration->thumbnails)
    pb_message_set_boolean (message, "thumbnails", TRUE);

  if (pb_client_send_checked (self, message))
    entry->request_id = self->last_id;
}

void
pb_client_send_leave (PbClient *self, PbClientEntry *entry)
{
  g_autoptr (PbMessage) message = NULL;

  if (self->state != PB_CLIENT_STATE_CONNECTED ||
      (entry->request_id == 0 && !entry->is_registered))
    return;
  message = pb_message_new (PB_MESSAGE_LEAVE);
  pb_message_set_string (message, "peer", entry->registration->peer);
  pb_client_send_checked (self, message);
}

static gboolean
on_register_again (gpointer user_data)
{
  PbClientEntry *entry = user_data;

  if (entry->client->state == PB_CLIENT_STATE_CONNECTED)
    pb_client_send_register (entry->client, entry);
  else
    pb_client_clear_source (&entry->timer);

  return G_SOURCE_REMOVE;
}

/* One registration was refused or taken away; the connection is fine. */
static void
refuse (PbClient *self, PbClientEntry *entry, PbFault fault, const char *detail,
    gboolean is_final)
{
  g_autofree char *peer = g_strdup (entry->registration->peer);
  guint attempt;
  guint ms;

  entry->request_id = 0;
  entry->is_registered = FALSE;
  if (is_final || pb_fault_is_fatal (fault)) {
    attempt = entry->attempt + 1;
    g_ptr_array_remove (self->entries, entry);
    if (self->entries->len == 0)
      pb_client_fail (self, fault, detail, peer, TRUE, 1000);
    else
      pb_client_emit_fault (self, fault, detail, peer, attempt, 0);
    return;
  }

  ms = pb_client_draw_delay (self, entry->attempt);
  attempt = ++entry->attempt;
  pb_client_clear_source (&entry->timer);
  entry->timer = pb_client_attach_timer (self, ms, on_register_again, entry);
  pb_client_emit_fault (self, fault, detail, peer, attempt, ms);
}

/* --- what the server says --- */

void
pb_client_note_registered (PbClient *self, PbMessage *message)
{
  PbClientEntry *entry;

  if (pb_message_get_message_type (message) != PB_MESSAGE_REGISTERED)
    return;
  entry = pb_client_find_entry (self, pb_message_get_string (message, "peer"),
      pb_message_get_int (message, "id"));
  if (entry == NULL)
    return;
  entry->request_id = 0;
  entry->is_registered = TRUE;
  entry->attempt = 0;
  self->attempt = 0;
}

static const char *
get_reason (PbMessage *message, const char **sentence)
{
  JsonObject *object = pb_message_peek_object (message);
  JsonNode *node = json_object_get_member (object, "error");

  *sentence = NULL;
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  object = json_node_get_object (node);
  *sentence =
      json_object_get_string_member_with_default (object, "message", NULL);

  return json_object_get_string_member_with_default (object, "reason", NULL);
}

static void
handle_error (PbClient *self, PbMessage *message)
{
  gint64 id = pb_message_get_int (message, "id");
  PbClientEntry *entry = pb_client_find_entry (self, NULL, id);
  const char *sentence;
  const char *reason = get_reason (message, &sentence);
  g_autoptr (GError) error = NULL;
  PbFault fault;

  if (entry == NULL && !pb_message_has (message, "id")) {
    entry =
        pb_client_find_entry (self, pb_message_get_string (message, "peer"), 0);
    if (entry != NULL && entry->request_id == 0)
      entry = NULL;
  }
  /* an answer to something else than a `register` changes nothing here */
  if (entry == NULL)
    return;

  error = g_error_new_literal (PB_ERROR, pb_error_from_reason (reason),
      sentence != NULL ? sentence : "");
  fault = error->code == PB_ERROR_NOT_FOUND ? PB_FAULT_SLOT_UNKNOWN
                                            : pb_fault_from_error (error);
  switch (error->code) {
    case PB_ERROR_TOKEN_MISSING:
    case PB_ERROR_TOKEN_INVALID:
    case PB_ERROR_TOKEN_EXPIRED:
    case PB_ERROR_TOKEN_REVOKED:
    case PB_ERROR_EXPIRED:
      /* true of the whole connection */
      pb_client_fail (self, fault, error->message, NULL, FALSE, 1000);
      break;
    default:
      refuse (self, entry, fault, error->message, FALSE);
  }
}

static void
handle_closed (PbClient *self, PbMessage *message)
{
  const char *peer = pb_message_get_string (message, "peer");
  const char *reason = pb_message_get_string (message, "reason");
  gboolean is_final = !pb_message_get_boolean (message, "retry");
  PbFault fault = PB_FAULT_SERVER_REFUSED;
  PbClientEntry *entry;

  for (guint i = 0; i < G_N_ELEMENTS (closed_reasons); i++)
    if (g_strcmp0 (closed_reasons[i].reason, reason) == 0)
      fault = closed_reasons[i].fault;
  /* a server that goes down comes back, whatever it says */
  if (fault == PB_FAULT_SERVER_UNREACHABLE)
    is_final = FALSE;

  if (peer == NULL) {
    pb_client_fail (self, fault, reason, NULL, is_final, 1000);
    return;
  }
  entry = pb_client_find_entry (self, peer, 0);
  if (entry != NULL)
    refuse (self, entry, fault, reason, is_final);
}

void
pb_client_note_message (PbClient *self, PbMessage *message)
{
  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_ERROR:
      handle_error (self, message);
      break;
    case PB_MESSAGE_CLOSED:
      handle_closed (self, message);
      break;
    default:
      break;
  }
}
