/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-fault.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "core/pb-sdp.h"
#include "pb-server-private.h"
#include "pb-server-virtual.h"

/* WHIP (RFC 9725) and WHEP without a media server: an offer becomes a
 * registration of its slot, which meets one end that speaks WebRTC. Section
 * 10.2 of the protocol. */

static PbServerReply *
refuse (GError **error, PbError code, const char *sentence)
{
  g_set_error_literal (error, PB_ERROR, code, sentence);

  return NULL;
}

/* --- the offer ----------------------------------------------------------- */

/* A client of HTTP has one connection: it meets who was there first. */
static gboolean
can_answer (PbServerPeer *peer)
{
  return peer != NULL && peer->link != NULL &&
      (peer->transports & PB_TRANSPORT_WEBRTC) != 0;
}

static PbServerPeer *
find_receiver (PbServerSlot *slot, GError **error)
{
  for (guint i = 0; i < slot->receivers->len; i++)
    if (can_answer (g_ptr_array_index (slot->receivers, i)))
      return g_ptr_array_index (slot->receivers, i);
  (void) refuse (error, PB_ERROR_ABSENT,
      pb_error_get_sentence (PB_ERROR_ABSENT));

  return NULL;
}

static PbServerPeer *
find_sender (PbServerSlot *slot, GError **error)
{
  if (can_answer (slot->sender))
    return slot->sender;
  (void) refuse (error, PB_ERROR_NOT_LIVE,
      slot->sender == NULL || slot->sender->link == NULL
          ? pb_error_get_sentence (PB_ERROR_NOT_LIVE)
          : pb_fault_get_sentence (PB_FAULT_NO_TRANSPORT));

  return NULL;
}

static gboolean
has_room (PbServerSession *session, const char *identity, GError **error)
{
  const PbServerLimits *limits = &session->context->limits;
  guint n_own = 0;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, session->resources);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (g_str_equal (((PbServerPeer *) value)->identity, identity))
      n_own++;
  if (g_hash_table_size (session->resources) < limits->whip_per_session &&
      n_own < limits->whip_per_token)
    return TRUE;
  (void) refuse (error, PB_ERROR_FULL,
      n_own >= limits->whip_per_token
          ? "This token has as many WHIP and WHEP clients as it may."
          : "This session has as many WHIP and WHEP clients as it may.");

  return FALSE;
}

static PbServerPeer *
new_peer (const PbServerRequest *request, PbServerSlot *slot,
    PbDirection direction)
{
  g_autofree char *id = pb_random_id (PB_PEER_ID_DEFAULT);
  PbServerPeer *peer = pb_server_peer_new (id, direction);

  peer->slot = slot;
  peer->role = pb_token_get_role (request->token);
  peer->identity = g_strdup (pb_token_get_identity (request->token));
  peer->token_expires = pb_token_get_expires (request->token);
  peer->transports = PB_TRANSPORT_WEBRTC;
  peer->has_ice = TRUE;
  peer->remote = g_strdup (request->address);
  peer->client = g_strdup (request->client);

  return peer;
}

/* Where a client finds itself a way: our STUN, and the relay. */
static char **
list_ice_servers (PbServer *self, PbServerPeer *peer)
{
  PbServerContext *context = self->context;
  g_autoptr (GUri) uri =
      g_uri_parse (self->public_url, G_URI_FLAGS_NONE, NULL);
  const char *host = context->stun_address != NULL ? context->stun_address
      : uri != NULL ? g_uri_get_host (uri) : NULL;
  g_autoptr (GPtrArray) links = g_ptr_array_new ();

  if (context->stun_port != 0 && host != NULL)
    g_ptr_array_add (links, g_strdup_printf (strchr (host, ':') != NULL
        ? "<stun:[%s]:%u>; rel=\"ice-server\""
        : "<stun:%s:%u>; rel=\"ice-server\"", host, context->stun_port));
  if (context->turn != NULL) {
    g_auto (GStrv) relay = pb_server_turn_make_links (context->turn, peer->id,
        pb_server_context_unix (context), MIN (peer->token_expires,
            pb_session_get_expires (peer->session->core)));

    for (guint i = 0; relay[i] != NULL; i++)
      g_ptr_array_add (links, g_steal_pointer (&relay[i]));
  }
  g_ptr_array_add (links, NULL);

  return (char **) g_ptr_array_steal (links, NULL);
}

/* What the two protocols ask of an offer beyond what WebRTC does. */
static gboolean
check_offer (PbSdp *offer, PbDirection direction, GError **error)
{
  PbSdpDirection wanted = direction == PB_DIRECTION_SEND ? PB_SDP_SENDONLY
      : PB_SDP_RECVONLY;
  guint n = 0;

  for (guint i = 0; i < pb_sdp_get_n_media (offer); i++) {
    if (pb_sdp_get_kind (offer, i) == PB_SDP_DATA ||
        pb_sdp_is_rejected (offer, i))
      continue;
    if ((pb_sdp_get_direction (offer, i) & wanted) == 0) {
      (void) refuse (error, PB_ERROR_UNPROCESSABLE,
          direction == PB_DIRECTION_SEND
              ? "WHIP sends: offer “sendonly” or “sendrecv” media."
              : "WHEP plays: offer “recvonly” or “sendrecv” media.");
      return FALSE;
    }
    n++;
  }
  if (n > 0 && pb_sdp_is_bundled (offer))
    return TRUE;
  (void) refuse (error, PB_ERROR_UNPROCESSABLE,
      n == 0 ? "The offer has neither audio nor video."
          : "All media of the offer must be in one BUNDLE group.");

  return FALSE;
}

/* What is wrong with the offer is told before who is absent. */
static PbSdp *
read_offer (const PbServerRequest *request, PbServerPeer *peer,
    PbServerPeer *end, GError **error)
{
  g_autoptr (PbSdp) offer = pb_sdp_parse (PB_SDP_OFFER, request->body,
      (gssize) request->body_length, pb_server_virtual_get_flags (peer, end),
      error);

  if (offer == NULL || !check_offer (offer, peer->direction, error))
    return NULL;

  return g_steal_pointer (&offer);
}

/* (transfer none): the new registration */
static PbServerPeer *
take_offer (PbServer *self, const PbServerRequest *request,
    PbServerSession *session, PbServerSlot *slot, PbDirection direction,
    GError **error)
{
  g_autoptr (PbServerPeer) wanted = new_peer (request, slot, direction);
  g_autoptr (GError) absent = NULL;
  PbServerPeer *end = direction == PB_DIRECTION_SEND
      ? find_receiver (slot, &absent) : find_sender (slot, &absent);
  g_autoptr (PbSdp) offer = read_offer (request, wanted, end, error);
  PbServerPeer *peer;

  if (offer == NULL)
    return NULL;
  if (end == NULL) {
    self->context->metrics.whip_refused[direction != PB_DIRECTION_SEND]++;
    g_propagate_error (error, g_steal_pointer (&absent));
    return NULL;
  }
  if (!has_room (session, wanted->identity, error))
    return NULL;
  peer = pb_server_session_register (session, NULL, g_steal_pointer (&wanted),
      error);
  if (peer != NULL)
    peer->http = pb_server_virtual_new (peer, end, offer,
        list_ice_servers (self, peer));

  return peer;
}

static PbServerReply *
handle_offer (PbServer *self, const PbServerRequest *request,
    PbDirection direction, GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  PbServerSlot *slot;
  PbServerPeer *peer;
  PbServerReply *reply;

  if (session == NULL)
    return NULL;
  slot = pb_server_session_get_slot (session, request->stream, error);
  if (slot == NULL)
    return NULL;
  peer = take_offer (self, request, session, slot, direction, error);
  if (peer == NULL)
    return NULL;

  reply = pb_server_virtual_promise (peer->http);
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_PEER_REGISTERED,
      peer->id, request->address, request->id, "session", request->name,
      "stream", request->stream, "role", pb_role_get_name (peer->role),
      "direction", pb_direction_get_name (direction), NULL);
  pb_server_session_introduce (session, peer);

  return reply;
}

/**
 * pb_server_handle_whip: (skip)
 * @self: the server
 * @request: an offer to send
 * @error: PB_ERROR_ABSENT, PB_ERROR_STREAM_TAKEN, PB_ERROR_FULL …
 *
 * Returns: (transfer full): a promise
 */
PbServerReply *
pb_server_handle_whip (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  return handle_offer (self, request, PB_DIRECTION_SEND, error);
}

/**
 * pb_server_handle_whep: (skip)
 * @self: the server
 * @request: an offer to play
 * @error: PB_ERROR_NOT_LIVE, PB_ERROR_FULL …
 *
 * Returns: (transfer full): a promise
 */
PbServerReply *
pb_server_handle_whep (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  return handle_offer (self, request, PB_DIRECTION_RECEIVE, error);
}

/* --- what is there ------------------------------------------------------- */

/* The resource of the path; only who made it may ask. */
static PbServerPeer *
find_resource (PbServer *self, const PbServerRequest *request, GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);
  PbServerPeer *peer;

  if (session == NULL)
    return NULL;
  peer = g_hash_table_lookup (session->resources, request->resource);
  if (peer == NULL || !g_str_equal (peer->slot->name, request->stream) ||
      (peer->direction == PB_DIRECTION_SEND) !=
          (strstr (request->route, "/whip/") != NULL)) {
    (void) refuse (error, PB_ERROR_NOT_FOUND, "no such resource");
    return NULL;
  }
  if (!g_str_equal (peer->identity, pb_token_get_identity (request->token))) {
    (void) refuse (error, PB_ERROR_DENIED, "another token made it");
    return NULL;
  }

  return peer;
}

/**
 * pb_server_handle_options: (skip)
 * @self: the server
 * @request: a question that dispatch() has answered in the header already
 * @error: not used
 *
 * Returns: (transfer full): nothing more
 */
PbServerReply *
pb_server_handle_options (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  return pb_server_reply_new (200, NULL, NULL);
}

/**
 * pb_server_handle_whip_get: (skip)
 * @self: the server
 * @request: for an endpoint or a resource
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer full): that it is there; it has no content
 */
PbServerReply *
pb_server_handle_whip_get (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerSession *session =
      pb_server_registry_lookup (self->registry, request->name, error);

  if (session == NULL ||
      pb_server_session_get_slot (session, request->stream, error) == NULL ||
      (request->resource != NULL &&
          find_resource (self, request, error) == NULL))
    return NULL;

  return pb_server_reply_new (204, NULL, NULL);
}

/**
 * pb_server_handle_whep_head: (skip)
 * @self: the server
 * @request: of a player that asks what is spoken here
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer full): SDP
 */
PbServerReply *
pb_server_handle_whep_head (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerReply *reply = pb_server_handle_whip_get (self, request, error);

  if (reply == NULL)
    return NULL;
  reply->status = 200;
  reply->type = PB_SERVER_TYPE_SDP;

  return reply;
}

/**
 * pb_server_handle_whip_delete: (skip)
 * @self: the server
 * @request: for a resource; entity tags do not matter here
 * @error: PB_ERROR_NOT_FOUND or PB_ERROR_DENIED
 *
 * Returns: (transfer full): that it is gone
 */
PbServerReply *
pb_server_handle_whip_delete (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerPeer *peer = find_resource (self, request, error);

  if (peer == NULL)
    return NULL;
  pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_WHIP_DELETED,
      peer->id, request->address, request->id, "session", request->name,
      "stream", request->stream, NULL);
  pb_server_session_remove (peer->session, peer, "left");

  return pb_server_reply_new (200, NULL, NULL);
}

/**
 * pb_server_handle_whip_patch: (skip)
 * @self: the server
 * @request: candidates for a resource, or an ICE restart
 * @error: PB_ERROR_NOT_FOUND, PB_ERROR_DENIED, PB_ERROR_CONDITION,
 *   PB_ERROR_MISMATCH, PB_ERROR_INVALID or PB_ERROR_RATE
 *
 * Returns: (transfer full): that it was done, or a promise
 */
PbServerReply *
pb_server_handle_whip_patch (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  PbServerPeer *peer = find_resource (self, request, error);

  if (peer == NULL ||
      !pb_server_virtual_check_tag (peer->http, request->match, error))
    return NULL;

  return pb_server_virtual_patch (peer->http, request->body,
      request->body_length, error);
}
