/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-virtual-private.h"

#include <string.h>

#include "core/pb-fault.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"

/* letters and digits: 95 bits, told to its client alone */
#define TAG_LENGTH 16

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

static PbServerPending *
stop_waiting (PbServerVirtual *self)
{
  g_clear_handle_id (&self->deadline, g_source_remove);

  return g_steal_pointer (&self->pending);
}

static void
refuse (PbServerVirtual *self, PbError code, const char *sentence)
{
  g_autoptr (GError) error = NULL;

  if (self->pending == NULL)
    return;
  if (self->answer == NULL)
    get_context (self)->metrics.whip_refused[get_kind (self)]++;
  error = g_error_new_literal (PB_ERROR, (gint) code, sentence);
  pb_server_pending_fail (stop_waiting (self), error);
}

/* What an end's fault means to who asked over HTTP. */
static void
refuse_by_fault (PbServerVirtual *self, PbFault fault)
{
  gboolean is_final = fault == PB_FAULT_NO_CODEC ||
      fault == PB_FAULT_REFUSED || fault == PB_FAULT_FINGERPRINT;

  refuse (self, is_final ? PB_ERROR_UNPROCESSABLE : PB_ERROR_ABSENT,
      pb_fault_get_sentence (fault));
}

/* A client that went before it was answered knows of no resource. One that
 * goes while ICE restarts has one, and may try again: after the answer, or once
 * there is none in time. */
static void
on_abandoned (gpointer user_data)
{
  PbServerVirtual *self = user_data;

  if (self->answer == NULL)
    leave (self, "left");
  else
    pb_server_pending_unref (g_steal_pointer (&self->pending));
}

static gboolean
on_deadline (gpointer user_data)
{
  PbServerVirtual *self = user_data;

  self->deadline = 0;
  refuse_by_fault (self, PB_FAULT_TIMED_OUT);
  /* an ICE session that could not be restarted goes on */
  if (self->answer == NULL)
    leave (self, "left");
  else
    g_clear_pointer (&self->restart, pb_sdp_unref);

  return G_SOURCE_REMOVE;
}

void
pb_server_virtual_start_waiting (PbServerVirtual *self)
{
  g_clear_handle_id (&self->deadline, g_source_remove);
  self->pending = pb_server_pending_new (on_abandoned, self);
  self->deadline = g_timeout_add (get_context (self)->limits.whip_answer_ms,
      on_deadline, self);
}

/* --- what it says to its end --------------------------------------------- */

PbServerPeer *
pb_server_virtual_find_end (PbServerVirtual *self)
{
  PbServerPeer *end = pb_server_session_find (self->peer->session, self->end);

  return end != NULL && end->link != NULL ? end : NULL;
}

void
pb_server_virtual_send_signal (PbServerVirtual *self, PbServerPeer *end,
    const char *kind, JsonObject *data)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_SIGNAL);

  pb_message_set_string (message, "from", self->peer->id);
  pb_message_set_string (message, "to", end->id);
  pb_message_set_string (message, "kind", kind);
  pb_message_set_int (message, "link", 1);
  if (data != NULL) {
    JsonNode *node = json_node_alloc ();

    json_node_take_object (node, data);
    pb_message_take_node (message, "data", node);
  }
  pb_server_peer_tell (end, message);
}

void
pb_server_virtual_send_offer (PbServerVirtual *self, PbServerPeer *end)
{
  JsonObject *data = json_object_new ();
  g_autofree char *sdp =
      pb_sdp_print (self->restart != NULL ? self->restart : self->offer);

  json_object_set_string_member (data, "sdp", sdp);
  self->offered_to = end->link->number;
  pb_server_virtual_send_signal (self, end, "offer", data);
}

/**
 * pb_server_virtual_get_flags: (skip)
 * @peer: a client of HTTP
 * @end: (nullable): whom it meets
 *
 * Returns: how what passes between them is read
 */
PbSdpFlags
pb_server_virtual_get_flags (PbServerPeer *peer, PbServerPeer *end)
{
  return PB_SDP_DROP_CANDIDATES |
      (end != NULL && pb_server_peer_are_local (peer, end)
          ? PB_SDP_LOOPBACK : PB_SDP_STRICT);
}

/* --- what it hears ------------------------------------------------------- */

/* Each returns whether @self is still there. */
typedef gboolean (*Handler) (PbServerVirtual *self, PbMessage *message);

static gboolean
hear_peer (PbServerVirtual *self, PbMessage *message)
{
  PbServerPeer *end = pb_server_virtual_find_end (self);

  /* introduced again by the same socket: it has the offer */
  if ((self->pending != NULL || self->restart != NULL) && end != NULL &&
      end->link->number != self->offered_to)
    pb_server_virtual_send_offer (self, end);

  return TRUE;
}

static PbSdp *
read_answer (PbServerVirtual *self, PbMessage *message, GError **error)
{
  JsonObject *data = json_object_get_object_member (
      pb_message_peek_object (message), "data");

  return pb_sdp_parse (PB_SDP_ANSWER,
      json_object_get_string_member (data, "sdp"), -1,
      pb_server_virtual_get_flags (self->peer,
          pb_server_virtual_find_end (self)), error);
}

/* An end may take some of the media; one that takes none has no codec. */
static gboolean
takes_media (PbSdp *answer)
{
  for (guint i = 0; i < pb_sdp_get_n_media (answer); i++)
    if (pb_sdp_get_kind (answer, i) != PB_SDP_DATA &&
        !pb_sdp_is_rejected (answer, i))
      return TRUE;

  return FALSE;
}

static void
log_created (PbServerVirtual *self)
{
  PbServerContext *context = get_context (self);

  context->metrics.whip_created[get_kind (self)]++;
  pb_server_audit_log (context->audit, PB_SERVER_AUDIT_WHIP_CREATED,
      self->peer->id, NULL, NULL,
      "session", pb_session_get_name (self->peer->session->core),
      "stream", self->peer->slot->name,
      "kind", get_kind (self) == 0 ? "whip" : "whep", NULL);
}

static PbServerReply *
reply_with_text (PbServerVirtual *self, guint status, const char *type,
    char *text)
{
  PbServerReply *reply = pb_server_reply_new (status, type,
      g_bytes_new_take (text, strlen (text)));

  reply->tag = g_strdup (self->tag);

  return reply;
}

static gboolean
take_first_answer (PbServerVirtual *self, PbSdp *answer)
{
  PbServerReply *reply;

  if (!takes_media (answer)) {
    refuse_by_fault (self, PB_FAULT_NO_CODEC);
    leave (self, "left");
    return FALSE;
  }

  self->answer = pb_sdp_ref (answer);
  self->idle_us = pb_server_context_now_us (get_context (self));
  reply = reply_with_text (self, 201, PB_SERVER_TYPE_SDP,
      pb_sdp_print (answer));
  reply->location = g_strdup_printf ("/%s/%s/%s/%s",
      get_kind (self) == 0 ? "whip" : "whep",
      pb_session_get_name (self->peer->session->core), self->peer->slot->name,
      self->resource);
  reply->links = g_steal_pointer (&self->links);
  log_created (self);
  pb_server_pending_answer (stop_waiting (self), reply);

  return TRUE;
}

static void
take_restart_answer (PbServerVirtual *self, PbSdp *answer)
{
  g_autoptr (PbSdp) offer = g_steal_pointer (&self->restart);
  g_autoptr (PbSdpFragment) fragment = pb_sdp_dup_fragment (answer);

  if (!pb_sdp_fragment_is_restart (fragment, self->answer)) {
    refuse (self, PB_ERROR_UNPROCESSABLE,
        "The other end cannot restart ICE. Begin a new session.");
    return;
  }

  pb_sdp_unref (self->offer);
  self->offer = g_steal_pointer (&offer);
  pb_sdp_unref (self->answer);
  self->answer = pb_sdp_ref (answer);
  g_free (self->tag);
  self->tag = pb_random_id (TAG_LENGTH);
  /* who asked may have gone: it asks again, for any entity tag */
  if (self->pending != NULL)
    pb_server_pending_answer (stop_waiting (self),
        reply_with_text (self, 200, PB_SERVER_TYPE_FRAGMENT,
            pb_sdp_fragment_print (fragment, answer)));
}

static gboolean
hear_signal (PbServerVirtual *self, PbMessage *message)
{
  gboolean is_first = self->answer == NULL;
  g_autoptr (PbSdp) answer = NULL;
  g_autoptr (GError) error = NULL;

  /* candidates: the answer holds them all */
  if (!g_str_equal (pb_message_get_string (message, "kind"), "answer") ||
      (!is_first && self->restart == NULL))
    return TRUE;
  answer = read_answer (self, message, &error);
  if (answer != NULL && is_first)
    return take_first_answer (self, answer);
  if (answer != NULL) {
    take_restart_answer (self, answer);
    return TRUE;
  }

  g_debug ("an answer to %s: %s", self->peer->id, error->message);
  refuse_by_fault (self, PB_FAULT_REFUSED);
  g_clear_pointer (&self->restart, pb_sdp_unref);
  if (!is_first)
    return TRUE;
  leave (self, "left");

  return FALSE;
}

/* A client of HTTP cannot be called again: what its end gives up is over. What
 * is interrupted may come back: by itself, or by an ICE restart. */
static gboolean
hear_status (PbServerVirtual *self, PbMessage *message)
{
  PbServerPeer *peer = self->peer;
  const char *srt = pb_message_get_string (message, "srt");
  PbFault fault = PB_FAULT_PEER_LOST;

  if (g_strcmp0 (pb_message_get_string (message, "with"), peer->id) != 0)
    return TRUE;
  if (g_str_equal (srt, "error")) {
    (void) pb_fault_from_code (pb_message_get_string (message, "code"),
        &fault);
    refuse_by_fault (self, fault);
    /* one that was up did not end because anybody meant it to */
    leave (self, peer->transport == PB_TRANSPORT_NONE ? "left" : "lost");
    return FALSE;
  }

  /* nobody else says it for this peer */
  pb_server_peer_set_status (peer, srt, self->end,
      pb_message_get_string (message, "path"),
      pb_message_get_string (message, "cipher"),
      pb_server_context_unix (get_context (self)));
  if (g_str_equal (srt, "connected")) {
    self->idle_us = 0;
    peer->transport = PB_TRANSPORT_WEBRTC;
  } else if (self->idle_us == 0) {
    self->idle_us = pb_server_context_now_us (get_context (self));
  }
  pb_server_session_update (peer->session, peer->slot);
  pb_server_session_queue_snapshot (peer->session);

  return TRUE;
}

static gboolean
hear_peer_gone (PbServerVirtual *self, PbMessage *message)
{
  refuse_by_fault (self, PB_FAULT_PEER_LOST);
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
 * @offer: the client's
 * @links: (transfer full): to what the client may use
 *
 * Returns: (transfer full): what stands for the client
 */
PbServerVirtual *
pb_server_virtual_new (PbServerPeer *peer, PbServerPeer *end, PbSdp *offer,
    char **links)
{
  PbServerVirtual *self = g_new0 (PbServerVirtual, 1);
  PbServerSession *session = peer->session;

  self->peer = peer;
  self->resource = pb_random_id (PB_WHIP_RESOURCE_LENGTH);
  self->tag = pb_random_id (TAG_LENGTH);
  self->end = g_strdup (end->id);
  self->offer = pb_sdp_ref (offer);
  self->links = links;
  g_queue_init (&self->heard);
  pb_server_virtual_start_waiting (self);
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
  g_clear_handle_id (&self->deadline, g_source_remove);
  g_queue_clear_full (&self->heard, (GDestroyNotify) pb_message_unref);
  g_clear_pointer (&self->answer, pb_sdp_unref);
  g_clear_pointer (&self->restart, pb_sdp_unref);
  pb_sdp_unref (self->offer);
  g_strfreev (self->links);
  g_free (self->resource);
  g_free (self->tag);
  g_free (self->end);
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
    { "left", PB_ERROR_NOT_FOUND },
    { "lost", PB_ERROR_NOT_FOUND },
    { "session-closed", PB_ERROR_NOT_FOUND },
    { "session-expired", PB_ERROR_EXPIRED },
    { "closed", PB_ERROR_TOKEN_EXPIRED },
    { "token-revoked", PB_ERROR_TOKEN_REVOKED },
  };
  PbError code = PB_ERROR_UNAVAILABLE;

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_str_equal (codes[i].reason, reason))
      code = codes[i].code;
  refuse (self, code, pb_error_get_sentence (code));
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
 * Returns: whether its client took the answer, and has sent or taken nothing
 *   for so long
 */
gboolean
pb_server_virtual_is_idle (PbServerVirtual *self, gint64 now_us)
{
  return self->answer != NULL && self->idle_us != 0 &&
      now_us - self->idle_us >= get_context (self)->limits.whip_connect_us;
}
