/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-relay.h"

#include <string.h>

#include "core/pb-permit.h"
#include "core/pb-sdp.h"
#include "pb-server-session.h"
#include "pb-server-virtual.h"

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

typedef enum {
  KIND_ANY,
  KIND_CANDIDATE,
  KIND_SDP,
} KindClass;

typedef struct {
  const char *name;
  gboolean has_data;
  gboolean one_line;
  KindClass what;
} Kind;

static const Kind kinds[] = {
  { "ice", TRUE, TRUE, KIND_ANY },
  { "candidate", TRUE, TRUE, KIND_CANDIDATE },
  { "end-of-candidates", FALSE, TRUE, KIND_ANY },
  { "ready", FALSE, TRUE, KIND_ANY },
  { "restart", FALSE, TRUE, KIND_ANY },
  { "offer", TRUE, FALSE, KIND_SDP },
  { "answer", TRUE, FALSE, KIND_SDP },
};

static const Kind *
find_kind (const PbJsonMember *member, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (pb_server_member_is (member, kinds[i].name))
      return &kinds[i];
  (void) deny (error, PB_ERROR_INVALID, "“kind” is not one.");

  return NULL;
}

static gboolean
check_size (const Kind *kind, gsize length, GError **error)
{
  if (kind->what == KIND_SDP)
    return length <= PB_SDP_SIGNAL_MAX || deny (error, PB_ERROR_TOO_LARGE,
        "An offer or answer has 49152 octets.");

  return length <= PB_SIGNAL_MAX ||
      deny (error, PB_ERROR_TOO_LARGE, "A signal has 10240 octets.");
}

static gboolean
check_data (const Kind *kind, const PbJsonMember *data, GError **error)
{
  gboolean is_null = data == NULL || data->kind == PB_JSON_NULL;

  if (!is_null && data->kind != PB_JSON_OBJECT)
    return deny (error, PB_ERROR_INVALID, "“data” must be an object.");
  if (is_null && kind->has_data)
    return deny (error, PB_ERROR_INVALID, "“data” is needed.");
  if (!is_null && kind->one_line && !is_one_line (data))
    return deny (error, PB_ERROR_INVALID,
        "“data” must not hold line breaks.");

  return TRUE;
}

/* 1 where it is absent. */
static gboolean
read_link (const PbJsonMember *member, gint64 *link, GError **error)
{
  *link = 1;
  if (member == NULL || member->kind == PB_JSON_NULL)
    return TRUE;
  if (member->kind == PB_JSON_INTEGER && member->value[0] != '-' &&
      member->value[0] != '0' && member->value_length <= 10) {
    *link = g_ascii_strtoll (member->value, NULL, 10);
    if (*link <= G_MAXINT32)
      return TRUE;
  }

  return deny (error, PB_ERROR_INVALID,
      "“link” must be a number from 1 to 2147483647.");
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

static const PbJsonMember *
find_text (const PbJsonMember *data, const char *name, gsize max,
    PbJsonMember members[PB_JSON_MEMBERS_MAX], GError **error)
{
  const PbJsonMember *text;
  gsize n = 0;

  if (!pb_json_scan (data->value, (gssize) data->value_length, members,
          PB_JSON_MEMBERS_MAX, &n, error))
    return NULL;
  text = pb_json_find (members, n, name);
  if (text != NULL && text->kind == PB_JSON_STRING &&
      text->value_length > 0 && text->value_length <= max)
    return text;
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
      "“%s” in “data” must be a text of some length.", name);

  return NULL;
}

/* One line, of an address that packets may be sent to. A name (mDNS) passes:
 * each end knows what it does with it. */
static gboolean
check_candidate (const PbJsonMember *data, PbAddressFlags flags,
    GError **error)
{
  PbJsonMember members[PB_JSON_MEMBERS_MAX];
  char line[PB_CANDIDATE_MAX + 1];
  const PbJsonMember *text =
      find_text (data, "candidate", PB_CANDIDATE_MAX, members, error);

  if (text == NULL)
    return FALSE;
  (void) pb_json_unescape (text, line);

  return pb_candidate_judge (line, flags, error) <= PB_CANDIDATE_NAME;
}

/* (transfer full): the message anew, with another description in it */
static char *
print_signal (const Kind *kind, const char *from, const char *to, gint64 link,
    const char *sdp)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_SIGNAL);
  JsonObject *data = json_object_new ();
  JsonNode *node = json_node_alloc ();

  pb_message_set_string (message, "from", from);
  pb_message_set_string (message, "to", to);
  pb_message_set_string (message, "kind", kind->name);
  pb_message_set_int (message, "link", link);
  json_object_set_string_member (data, "sdp", sdp);
  json_node_take_object (node, data);
  pb_message_take_node (message, "data", node);

  return pb_message_print (message);
}

/* A description that names hosts nobody should send to is none the worse
 * without them: machines with many interfaces name link-local ones. `*anew` is
 * the message that goes instead, where there are such. */
static gboolean
check_sdp (const Kind *kind, const PbJsonMember *data, PbServerPeer *from,
    PbServerPeer *to, gint64 link, char **anew, GError **error)
{
  PbJsonMember members[PB_JSON_MEMBERS_MAX];
  PbSdpFlags flags = PB_SDP_DROP_CANDIDATES;
  PbSdpType type = PB_SDP_OFFER;
  const PbJsonMember *member =
      find_text (data, "sdp", PB_SDP_SIGNAL_MAX, members, error);
  g_autofree char *text = NULL;
  g_autoptr (PbSdp) sdp = NULL;
  gsize length;

  if (member == NULL)
    return FALSE;
  if (pb_server_peer_are_local (from, to))
    flags |= PB_SDP_LOOPBACK;
  if (!pb_sdp_type_from_name (kind->name, &type))
    g_return_val_if_reached (FALSE);
  text = g_malloc (member->value_length + 1);
  length = pb_json_unescape (member, text);
  sdp = pb_sdp_parse (type, text, (gssize) length, flags, error);
  if (sdp == NULL)
    return FALSE;
  if (pb_sdp_get_n_dropped (sdp) > 0) {
    g_autoptr (PbSdp) strict = pb_sdp_parse (type, text, (gssize) length,
        flags & ~PB_SDP_DROP_CANDIDATES, NULL);
    g_autofree char *printed = pb_sdp_print (sdp);

    /* names (mDNS) alone */
    if (strict != NULL)
      return TRUE;
    *anew = print_signal (kind, from->id, to->id, link, printed);
  }

  return TRUE;
}

/* Whoever may be told something now: a token can have run out since it was
 * shown, on a socket that has been silent. */
static gboolean
is_entitled (PbServerSession *session, PbServerPeer *peer)
{
  const char *name = pb_session_get_name (session->core);

  if (peer->token_expires <= pb_server_context_unix (session->context))
    return FALSE;

  return peer->link == NULL || pb_permit (peer->link->token, PB_ACTION_SIGNAL,
      name, peer->slot->name, NULL);
}

/* What passes between these two, and how much of it. */
static gboolean
check_pair (const Kind *kind, const PbJsonMember *data, PbServerPeer *from,
    PbServerPeer *to, gint64 link, char **anew, GError **error)
{
  PbTransport transport = pb_server_peer_get_common (from, to);
  PbAddressFlags flags = PB_ADDRESS_STRICT;

  if (transport == PB_TRANSPORT_NONE)
    return deny (error, PB_ERROR_STATE, "The two share no transport.");
  switch (kind->what) {
    case KIND_SDP:
      if (transport != PB_TRANSPORT_WEBRTC)
        return deny (error, PB_ERROR_STATE,
            "The two do not meet by WebRTC.");
      if (!check_sdp (kind, data, from, to, link, anew, error))
        return FALSE;
      /* it may restart ICE, with as many candidates again at either end */
      pb_server_peer_forget_candidates (from, to->id);
      pb_server_peer_forget_candidates (to, from->id);
      return TRUE;
    case KIND_CANDIDATE:
      if (transport == PB_TRANSPORT_SRT)
        flags |= PB_ADDRESS_LINK_LOCAL;
      if (pb_server_peer_are_local (from, to))
        flags |= PB_ADDRESS_LOOPBACK;
      return pb_server_peer_count_candidate (from, to->id, link)
          ? check_candidate (data, flags, error)
          : deny (error, PB_ERROR_INVALID,
              "A connection has at most 64 candidates.");
    default:
      return TRUE;
  }
}

/* It reads what a WebSocket would only carry. */
static gboolean
tell_virtual (PbServerPeer *to, const char *text, gsize length, GError **error)
{
  g_autoptr (PbMessage) message = pb_message_parse (text, (gssize) length,
      PB_MESSAGE_TO_PEER, error);

  if (message == NULL)
    return FALSE;
  pb_server_virtual_hear (to->http, message);

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
 * The one message that is handed on as the bytes that came, without json-glib
 * (but for a description that lost a candidate on the way).
 *
 * Returns: whether it was, or waits for nobody
 */
gboolean
pb_server_link_relay (PbServerLink *self, const PbJsonMember *members,
    gsize n_members, const char *text, gsize length, GError **error)
{
  const Kind *kind =
      find_kind (pb_json_find (members, n_members, "kind"), error);
  const PbJsonMember *data = pb_json_find (members, n_members, "data");
  PbServerPeer *from;
  PbServerPeer *to;
  char from_id[PB_PEER_ID_MAX + 1];
  char to_id[PB_PEER_ID_MAX + 1];
  g_autofree char *anew = NULL;
  gint64 link;

  if (kind == NULL || !check_size (kind, length, error) ||
      !check_signal_fields (members, n_members, error) ||
      !check_data (kind, data, error) ||
      !read_link (pb_json_find (members, n_members, "link"), &link, error))
    return FALSE;
  if (!pb_server_member_copy_id (pb_json_find (members, n_members, "from"),
          from_id) ||
      !pb_server_member_copy_id (pb_json_find (members, n_members, "to"),
          to_id))
    return deny (error, PB_ERROR_INVALID,
        "“from” and “to” must be peer ids.");

  from = pb_server_session_find (self->session, from_id);
  if (from == NULL || from->link != self)
    return deny (error, PB_ERROR_NOT_FOUND,
        "This connection has no registration of that id.");
  if (!pb_permit (self->token, PB_ACTION_SIGNAL,
          pb_session_get_name (self->session->core), from->slot != NULL
              ? from->slot->name : NULL, error))
    return FALSE;
  to = pb_server_session_find (self->session, to_id);
  if (to == NULL || !pb_server_session_are_ends (from, to) ||
      !is_entitled (self->session, to) ||
      (to->http != NULL && !pb_server_virtual_is_end (to->http, from->id)))
    return deny (error, PB_ERROR_NOT_FOUND, "There is no such peer.");
  if (!check_pair (kind, data, from, to, link, &anew, error))
    return FALSE;

  /* a lost peer is introduced again when it comes back */
  if (anew != NULL) {
    text = anew;
    length = strlen (anew);
  }
  if (to->link != NULL)
    pb_server_link_send_text (to->link, text, length);
  else if (to->http == NULL)
    return TRUE;
  else if (!tell_virtual (to, text, length, error))
    return FALSE;
  self->context->metrics.messages_relayed++;

  return TRUE;
}
