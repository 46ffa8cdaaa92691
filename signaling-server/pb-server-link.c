/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-link.h"

#include <string.h>

#include "core/pb-limits.h"
#include "pb-server-json.h"
#include "pb-server-session.h"

/**
 * pb_server_link_new: (skip)
 * @context: shared things
 * @session: the session its token is for
 * @token: (transfer none): what it may do
 * @address: where it comes from
 * @connection: its socket, which outlives the link
 *
 * Returns: (transfer full): free by pb_server_link_closed()
 */
PbServerLink *
pb_server_link_new (PbServerContext *context, PbServerSession *session,
    PbToken *token, const char *address, PbServerConn *connection)
{
  PbServerLink *self = g_new0 (PbServerLink, 1);

  self->context = context;
  self->session = session;
  self->token = pb_token_ref (token);
  self->address = g_strdup (address);
  self->connection = connection;
  self->peers = g_ptr_array_new ();
  g_ptr_array_add (session->links, self);
  context->metrics.sockets++;
  self->number = ++context->metrics.sockets_opened;

  return self;
}

/**
 * pb_server_link_closed: (skip)
 * @self: (transfer full): the link
 * @code: the close code; 0 or 1006 where the connection broke
 */
void
pb_server_link_closed (PbServerLink *self, guint code)
{
  PbServerMetrics *metrics = &self->context->metrics;

  self->connection = NULL;
  metrics->sockets--;
  metrics->sockets_closed[pb_server_closed_from_code (code)]++;
  if (self->session != NULL) {
    PbServerSession *session = self->session;

    g_ptr_array_remove_fast (session->links, self);
    pb_server_thumbnails_forget (session->thumbnails, self->number);
    while (self->peers->len > 0) {
      PbServerPeer *peer = g_ptr_array_index (self->peers, 0);

      g_ptr_array_remove_index_fast (self->peers, 0);
      peer->link = NULL;
      /* who says goodbye gives its slot back at once */
      if (code == 1000 || peer->direction == PB_DIRECTION_OBSERVE)
        pb_server_session_remove (session, peer, "left");
      else
        pb_server_session_lose (session, peer);
    }
  }
  g_ptr_array_unref (self->peers);
  pb_token_unref (self->token);
  g_free (self->address);
  g_free (self);
}

/**
 * pb_server_link_send_text: (skip)
 * @self: the link
 * @text: a message
 * @length: its length
 */
void
pb_server_link_send_text (PbServerLink *self, const char *text, gsize length)
{
  if (self->connection != NULL)
    pb_server_conn_send_text (self->connection, text, length);
}

/**
 * pb_server_link_send: (skip)
 * @self: the link
 * @message: what to say; held against the table of messages first
 */
void
pb_server_link_send (PbServerLink *self, PbMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (self->connection == NULL)
    return;
  if (!pb_message_check (message, PB_MESSAGE_TO_PEER, &error)) {
    g_critical ("a message of ours is wrong: %s", error->message);
    return;
  }
  text = pb_message_print (message);
  pb_server_conn_send_text (self->connection, text, strlen (text));
}

/**
 * pb_server_link_end: (skip)
 * @self: the link
 * @reason: of the `closed` message
 * @retry: whether coming back helps
 * @code: the close code
 *
 * pb_server_link_closed() follows when the connection is really gone.
 */
void
pb_server_link_end (PbServerLink *self, const char *reason, gboolean retry,
    guint code)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_CLOSED);
  PbServerConn *connection = self->connection;

  if (connection == NULL)
    return;
  pb_message_set_string (message, "reason", reason);
  pb_message_set_boolean (message, "retry", retry);
  pb_server_link_send (self, message);
  self->connection = NULL;
  pb_server_conn_close (connection, code, reason);
}

/**
 * pb_server_link_check_token: (skip)
 * @self: the link
 *
 * What a token allowed ends with it: the registrations are gone at once, not
 * after the grace time, since nobody could resume them.
 *
 * Returns: whether the token still holds
 */
gboolean
pb_server_link_check_token (PbServerLink *self)
{
  if (pb_token_get_expires (self->token) >
      pb_server_context_unix (self->context))
    return TRUE;

  while (self->session != NULL && self->peers->len > 0)
    pb_server_session_remove (self->session,
        g_ptr_array_index (self->peers, 0), "closed");
  pb_server_link_end (self, "token-expired", FALSE, 4002);

  return FALSE;
}

/**
 * pb_server_link_get_own: (skip)
 * @self: the link
 * @message: one that came over it
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer none): the registration that it is about
 */
PbServerPeer *
pb_server_link_get_own (PbServerLink *self, PbMessage *message, GError **error)
{
  PbServerPeer *peer = pb_server_session_find (self->session,
      pb_message_get_string (message, "peer"));

  if (peer == NULL || peer->link != self) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        "This connection has no registration of that id.");
    return NULL;
  }

  return peer;
}

/**
 * pb_server_link_describe_turn: (skip)
 * @self: the link
 * @id: of one of its peers
 *
 * Credentials outlive neither the token nor the session, and are told again
 * before they run out.
 *
 * Returns: (transfer full) (nullable): none where there is no relay
 */
JsonObject *
pb_server_link_describe_turn (PbServerLink *self, const char *id)
{
  PbServerContext *context = self->context;
  gint64 now = pb_server_context_unix (context);
  gint64 until = MIN (pb_token_get_expires (self->token),
      pb_session_get_expires (self->session->core));
  guint ttl_s;

  if (context->turn == NULL)
    return NULL;
  ttl_s = pb_server_turn_get_ttl (context->turn);
  /* The last ones are not renewed: they end with the right to have them. What
   * another registration of this socket got runs out first. */
  if (until - now > ttl_s && self->renew_turn_us == 0)
    self->renew_turn_us = pb_server_context_now_us (context) +
        (gint64) (PB_TURN_RENEW * ttl_s * G_USEC_PER_SEC);

  return pb_server_turn_describe (context->turn, id, now, until);
}

/**
 * pb_server_link_renew_turn: (skip)
 * @self: the link
 */
void
pb_server_link_renew_turn (PbServerLink *self)
{
  PbServerPeer *peer = NULL;
  g_autoptr (PbMessage) message = NULL;
  g_autoptr (JsonObject) object = NULL;

  if (self->renew_turn_us == 0 ||
      pb_server_context_now_us (self->context) < self->renew_turn_us)
    return;
  self->renew_turn_us = 0;
  /* one set serves all that it holds */
  for (guint i = 0; peer == NULL && i < self->peers->len; i++) {
    PbServerPeer *own = g_ptr_array_index (self->peers, i);

    if (own->direction != PB_DIRECTION_OBSERVE)
      peer = own;
  }
  if (peer != NULL)
    object = pb_server_link_describe_turn (self, peer->id);
  if (object == NULL)
    return;

  message = pb_message_new (PB_MESSAGE_TURN);
  pb_server_json_fill_message (message, object);
  pb_server_link_send (self, message);
}

/* Whether the time for `n` messages is left; it is spent then. */
static gboolean
spend (PbServerLink *self, guint n)
{
  const PbServerLimits *limits = &self->context->limits;
  gint64 now = pb_server_context_now_us (self->context);
  gint64 cost;

  if (limits->message_rate == 0)
    return TRUE;
  cost = G_USEC_PER_SEC / limits->message_rate;
  if (self->paid_until_us < now)
    self->paid_until_us = now;
  if (self->paid_until_us - now + n * cost > limits->message_burst * cost)
    return FALSE;
  self->paid_until_us += n * cost;

  return TRUE;
}

/**
 * pb_server_link_pay: (skip)
 * @self: a link that is open
 * @n: messages
 * @error: PB_ERROR_RATE
 *
 * For a message that costs as much as many: who asks too often is refused, and
 * may go on otherwise.
 *
 * Returns: whether it may be served
 */
gboolean
pb_server_link_pay (PbServerLink *self, guint n, GError **error)
{
  if (spend (self, n))
    return TRUE;
  g_set_error_literal (error, PB_ERROR, PB_ERROR_RATE,
      pb_error_get_sentence (PB_ERROR_RATE));

  return FALSE;
}

/**
 * pb_server_link_throttle: (skip)
 * @self: a link that is open
 * @error: PB_ERROR_RATE
 *
 * Each message pays for a slice of time; it may be paid ahead as far as the
 * burst goes. Who does not stop when told so has its connection closed: it may
 * come back, and media runs on meanwhile.
 *
 * Returns: whether the message may be read
 */
gboolean
pb_server_link_throttle (PbServerLink *self, GError **error)
{
  PbServerConn *connection = self->connection;

  if (spend (self, 1)) {
    /* somebody who keeps to the rate from now on is forgiven by and by */
    if (self->n_throttled > 0)
      self->n_throttled--;
    return TRUE;
  }

  if (self->n_throttled++ == 0)
    pb_server_audit_log (self->context->audit, PB_SERVER_AUDIT_RATE_LIMITED,
        pb_session_get_name (self->session->core), self->address, NULL,
        "endpoint", "WS /api/ws/{name}", "token",
        pb_token_get_id (self->token), NULL);
  if (self->n_throttled <= PB_WS_MESSAGE_REFUSALS) {
    g_set_error (error, PB_ERROR, PB_ERROR_RATE, "%s",
        pb_error_get_sentence (PB_ERROR_RATE));
    return FALSE;
  }
  self->connection = NULL;
  pb_server_conn_close (connection, 1008, "too many messages");

  return FALSE;
}
