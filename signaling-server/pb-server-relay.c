/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-relay.h"

#include <string.h>

#include "core/pb-permit.h"
#include "pb-server-session.h"

static gboolean
deny (GError **error, PbError code, const char *sentence)
{
  g_set_error_literal (error, PB_ERROR, code, sentence);

  return FALSE;
}

/**
 * pb_server_member_is: (skip)
 * @member: (nullable): of a scanned object
 * @text: what it may say
 *
 * Returns: whether it is a string that says just that
 */
gboolean
pb_server_member_is (const PbJsonMember *member, const char *text)
{
  return member != NULL && member->kind == PB_JSON_STRING &&
      member->is_plain && member->value_length == strlen (text) &&
      memcmp (member->value, text, member->value_length) == 0;
}

/**
 * pb_server_member_copy_id: (skip)
 * @member: (nullable): of a scanned object
 * @out: where to put it: on the stack, since a peer id is short
 *
 * Returns: whether it is a valid peer id
 */
gboolean
pb_server_member_copy_id (const PbJsonMember *member,
    char out[PB_PEER_ID_MAX + 1])
{
  if (member == NULL || member->kind != PB_JSON_STRING || !member->is_plain ||
      member->value_length > PB_PEER_ID_MAX)
    return FALSE;
  memcpy (out, member->value, member->value_length);
  out[member->value_length] = '\0';

  return pb_peer_id_is_valid (out);
}

/* SDP is lines: a peer must not smuggle one into a field that is one line. */
static gboolean
is_one_line (const PbJsonMember *data)
{
  return g_strstr_len (data->value, (gssize) data->value_length, "\\n") ==
      NULL &&
      g_strstr_len (data->value, (gssize) data->value_length, "\\r") == NULL &&
      g_strstr_len (data->value, (gssize) data->value_length, "\\u00") == NULL;
}

static gboolean
check_kind (const PbJsonMember *kind, const PbJsonMember *data, GError **error)
{
  static const struct {
    const char *name;
    gboolean has_data;
    gboolean one_line;
  } kinds[] = {
    { "ice", TRUE, TRUE },
    { "candidate", TRUE, TRUE },
    { "end-of-candidates", FALSE, TRUE },
    { "ready", FALSE, TRUE },
    { "restart", FALSE, TRUE },
    { "offer", TRUE, FALSE },
    { "answer", TRUE, FALSE },
  };
  gboolean is_null = data == NULL || data->kind == PB_JSON_NULL;

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (!pb_server_member_is (kind, kinds[i].name))
      continue;
    if (!is_null && data->kind != PB_JSON_OBJECT)
      return deny (error, PB_ERROR_INVALID, "“data” must be an object.");
    if (is_null && kinds[i].has_data)
      return deny (error, PB_ERROR_INVALID, "“data” is needed.");
    if (!is_null && kinds[i].one_line && !is_one_line (data))
      return deny (error, PB_ERROR_INVALID,
          "“data” must not hold line breaks.");
    return TRUE;
  }

  return deny (error, PB_ERROR_INVALID, "“kind” is not one.");
}

static gboolean
check_signal_fields (const PbJsonMember *members, gsize n_members,
    GError **error)
{
  static const char *const known[] = { "type", "from", "to", "kind", "link",
    "data" };

  for (gsize i = 0; i < n_members; i++) {
    gboolean found = FALSE;

    for (guint j = 0; !found && j < G_N_ELEMENTS (known); j++)
      found = members[i].key_length == strlen (known[j]) &&
          memcmp (members[i].key, known[j], members[i].key_length) == 0;
    if (!found)
      return deny (error, PB_ERROR_INVALID, "There is an unknown field.");
  }

  return TRUE;
}

/**
 * pb_server_link_relay: (skip)
 * @self: the link it came over
 * @members: of the message
 * @n_members: how many
 * @text: the message
 * @length: its length
 * @error: why it is not handed on
 *
 * The one message that is handed on as the bytes that came, without json-glib.
 *
 * Returns: whether it was, or waits for nobody
 */
gboolean
pb_server_link_relay (PbServerLink *self, const PbJsonMember *members, gsize n_members,
    const char *text, gsize length, GError **error)
{
  const PbJsonMember *link = pb_json_find (members, n_members, "link");
  PbServerPeer *from;
  PbServerPeer *to;
  char from_id[PB_PEER_ID_MAX + 1];
  char to_id[PB_PEER_ID_MAX + 1];

  if (length > PB_SIGNAL_MAX)
    return deny (error, PB_ERROR_TOO_LARGE, "A signal has 10240 octets.");
  if (!check_signal_fields (members, n_members, error) ||
      !check_kind (pb_json_find (members, n_members, "kind"),
          pb_json_find (members, n_members, "data"), error))
    return FALSE;
  if (link != NULL && link->kind != PB_JSON_NULL &&
      (link->kind != PB_JSON_INTEGER || link->value[0] == '-' ||
          link->value[0] == '0' || link->value_length > 10 ||
          g_ascii_strtoll (link->value, NULL, 10) > G_MAXINT32))
    return deny (error, PB_ERROR_INVALID, "“link” must be a number from 1 to 2147483647.");
  if (!pb_server_member_copy_id (pb_json_find (members, n_members, "from"), from_id) ||
      !pb_server_member_copy_id (pb_json_find (members, n_members, "to"), to_id))
    return deny (error, PB_ERROR_INVALID, "“from” and “to” must be peer ids.");

  from = pb_server_session_find (self->session, from_id);
  if (from == NULL || from->link != self)
    return deny (error, PB_ERROR_NOT_FOUND,
        "This connection has no registration of that id.");
  to = pb_server_session_find (self->session, to_id);
  if (to == NULL || !pb_server_session_are_ends (from, to))
    return deny (error, PB_ERROR_NOT_FOUND, "There is no such peer.");
  if (!pb_permit (self->token, PB_ACTION_SIGNAL,
          pb_session_get_name (self->session->core), from->slot->name, error))
    return FALSE;

  /* a lost peer is introduced again when it comes back */
  if (to->link != NULL) {
    pb_server_link_send_text (to->link, text, length);
    self->context->metrics.messages_relayed++;
  }

  return TRUE;
}
