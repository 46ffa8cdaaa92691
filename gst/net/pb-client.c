/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-client-private.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"

enum { SIGNAL_MESSAGE, SIGNAL_STATE_CHANGED, SIGNAL_FAULT, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (PbClient, pb_client, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE (PbClientState, pb_client_state,
    G_DEFINE_ENUM_VALUE (PB_CLIENT_STATE_CLOSED, "closed"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_STATE_CONNECTING, "connecting"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_STATE_CONNECTED, "connected"),
    G_DEFINE_ENUM_VALUE (PB_CLIENT_STATE_WAITING, "waiting"))

static void try_connect (PbClient *self);

void
pb_client_clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

GSource *
pb_client_attach_timer (PbClient *self, guint ms, GSourceFunc callback,
    gpointer data)
{
  GSource *timer = g_timeout_source_new (ms);

  g_source_set_callback (timer, callback, data, NULL);
  g_source_attach (timer, self->context);

  return timer;
}

static void
tell_state (PbClient *self)
{
  if (self->state == self->told)
    return;
  self->told = self->state;
  g_signal_emit (self, signals[SIGNAL_STATE_CHANGED], 0, self->state);
}

/* Whoever counted `attempt` failures waits so long for the next try. */
guint
pb_client_draw_delay (PbClient *self, guint attempt)
{
  return pb_random_backoff (self->first_ms, self->max_ms, attempt);
}

void
pb_client_emit_fault (PbClient *self, PbFault fault, const char *detail,
    const char *peer, guint attempt, guint retry_ms)
{
  /* `peer` may be what is freed here */
  char *copy = g_strdup (peer);

  g_free (self->fault_peer);
  self->fault_peer = copy;
  self->fault_attempt = attempt;
  self->fault_retry_ms = retry_ms;
  g_signal_emit (self, signals[SIGNAL_FAULT], 0, fault,
      detail != NULL ? detail : "");
}

/* --- the connection --- */

static void
on_goodbye (PbChannel *channel, guint code, GError *error, PbClient *self)
{
  g_signal_handlers_disconnect_by_data (channel, self);
  g_ptr_array_remove_fast (self->closing, channel);
}

static void
drop_channel (PbClient *self, guint code, const char *reason)
{
  PbChannel *channel = g_steal_pointer (&self->channel);

  for (guint i = 0; i < self->entries->len; i++) {
    PbClientEntry *entry = g_ptr_array_index (self->entries, i);

    entry->request_id = 0;
    entry->is_registered = FALSE;
    pb_client_clear_source (&entry->timer);
  }
  if (channel == NULL)
    return;

  g_signal_handlers_disconnect_by_data (channel, self);
  if (code == 0) {
    g_object_unref (channel);
    return;
  }
  g_ptr_array_add (self->closing, channel);
  g_signal_connect (channel, "closed", G_CALLBACK (on_goodbye), self);
  pb_channel_close (channel, code, reason);
}

static gboolean
on_retry (gpointer user_data)
{
  PbClient *self = user_data;

  pb_client_clear_source (&self->timer);
  try_connect (self);

  return G_SOURCE_REMOVE;
}

/* The connection is not up, or shall not be. `code` 0: it is gone already. */
void
pb_client_fail (PbClient *self, PbFault fault, const char *detail,
    const char *peer, gboolean is_final, guint code)
{
  g_autoptr (PbClient) keep = g_object_ref (self);
  guint ms = 0;

  drop_channel (self, code, NULL);
  pb_client_clear_source (&self->timer);
  if (is_final || pb_fault_is_fatal (fault)) {
    self->state = PB_CLIENT_STATE_CLOSED;
  } else {
    ms = pb_client_draw_delay (self, self->attempt);
    self->timer = pb_client_attach_timer (self, ms, on_retry, self);
    self->state = PB_CLIENT_STATE_WAITING;
  }
  self->attempt++;

  pb_client_emit_fault (self, fault, detail, peer, self->attempt, ms);
  tell_state (self);
}

static void
on_message (PbChannel *channel, const char *text, gsize length, PbClient *self)
{
  g_autoptr (PbClient) keep = g_object_ref (self);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbMessage) message =
      pb_message_parse (text, (gssize) length, PB_MESSAGE_TO_PEER, &error);

  if (message == NULL) {
    /* a newer server may say what we do not know */
    g_debug ("a message was ignored: %s", error->message);
    return;
  }

  pb_client_note_registered (self, message);
  g_signal_emit (self, signals[SIGNAL_MESSAGE], 0, message);
  if (self->channel == channel)
    pb_client_note_message (self, message);
}

static void
on_opened (PbChannel *channel, PbClient *self)
{
  g_autoptr (PbClient) keep = g_object_ref (self);

  self->state = PB_CLIENT_STATE_CONNECTED;
  for (guint i = 0; i < self->entries->len; i++)
    pb_client_send_register (self, g_ptr_array_index (self->entries, i));
  tell_state (self);
}

static void
on_closed (PbChannel *channel, guint code, GError *error, PbClient *self)
{
  PbFault fault;

  switch (code) {
    case 4001:
      fault = PB_FAULT_SESSION_CLOSED;
      break;
    default:
      fault = error != NULL ? pb_fault_from_error (error)
                            : PB_FAULT_SERVER_UNREACHABLE;
  }

  pb_client_fail (self, fault, error != NULL ? error->message : NULL, NULL,
      FALSE, 0);
}

static char *
make_url (const PbUri *uri)
{
  gboolean is_ipv6 = strchr (uri->host, ':') != NULL && uri->host[0] != '[';

  return g_strdup_printf ("%s://%s%s%s:%u/api/ws/%s",
      uri->is_secure ? "wss" : "ws", is_ipv6 ? "[" : "", uri->host,
      is_ipv6 ? "]" : "", uri->port, uri->session);
}

static void
try_connect (PbClient *self)
{
  g_autofree char *url = make_url (self->uri);

  self->channel = self->factory != NULL ? self->factory (self->factory_data)
                                        : pb_ws_channel_new (self->user_agent);
  g_signal_connect (self->channel, "opened", G_CALLBACK (on_opened), self);
  g_signal_connect (self->channel, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->channel, "closed", G_CALLBACK (on_closed), self);
  self->state = PB_CLIENT_STATE_CONNECTING;
  pb_channel_open (self->channel, url, self->token);
  tell_state (self);
}

static void
pb_client_finalize (GObject *object)
{
  PbClient *self = PB_CLIENT (object);

  pb_client_clear_source (&self->timer);
  drop_channel (self, 1000, NULL);
  for (guint i = 0; i < self->closing->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->closing, i),
        self);
  g_ptr_array_unref (self->closing);
  g_ptr_array_unref (self->entries);
  if (self->factory_destroy != NULL)
    self->factory_destroy (self->factory_data);
  pb_secret_free (self->token);
  g_clear_pointer (&self->uri, pb_uri_free);
  g_free (self->user_agent);
  g_free (self->fault_peer);
  g_main_context_unref (self->context);

  G_OBJECT_CLASS (pb_client_parent_class)->finalize (object);
}

static void
pb_client_init (PbClient *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->closing = g_ptr_array_new_with_free_func (g_object_unref);
  self->entries = g_ptr_array_new_with_free_func (pb_client_entry_free);
  self->first_ms = PB_BACKOFF_FIRST_MS;
  self->max_ms = PB_BACKOFF_MAX_MS;
}

static void
pb_client_class_init (PbClientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pb_client_finalize;

  /**
   * PbClient::message:
   * @self: the client
   * @message: what the server said
   *
   * Every message from the server, checked.
   */
  signals[SIGNAL_MESSAGE] = g_signal_new ("message", PB_TYPE_CLIENT,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, PB_TYPE_MESSAGE);
  /**
   * PbClient::state-changed:
   * @self: the client
   * @state: the new state
   */
  signals[SIGNAL_STATE_CHANGED] =
      g_signal_new ("state-changed", PB_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL,
          NULL, NULL, G_TYPE_NONE, 1, PB_TYPE_CLIENT_STATE);
  /**
   * PbClient::fault:
   * @self: the client
   * @fault: the cause
   * @detail: more, for a log
   *
   * Once for every attempt that failed and every registration that was
   * refused; see pb_client_get_fault_details(). The state is already the one
   * that follows from it.
   */
  signals[SIGNAL_FAULT] = g_signal_new ("fault", PB_TYPE_CLIENT,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, PB_TYPE_FAULT,
      G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE);
}

/**
 * pb_client_new:
 * @uri: the server and the session; a token in it is taken over
 * @user_agent: (nullable): who we are: "pbsignal/0.1.0"
 *
 * Returns: (transfer full): a client that is not open yet, of the thread's
 *   default main context
 */
PbClient *
pb_client_new (const PbUri *uri, const char *user_agent)
{
  PbClient *self;

  g_return_val_if_fail (uri != NULL, NULL);

  self = g_object_new (PB_TYPE_CLIENT, NULL);
  self->uri = pb_uri_copy (uri);
  self->token = g_strdup (uri->token);
  self->user_agent = g_strdup (user_agent);

  return self;
}

/**
 * pb_client_set_channel_factory:
 * @self: a client
 * @factory: (scope notified) (closure user_data): makes the channel of an
 *   attempt
 * @user_data: for it
 * @destroy: (nullable): frees @user_data
 *
 * Speaks over a channel of one's own instead of a WebSocket.
 */
void
pb_client_set_channel_factory (PbClient *self, PbChannelFactory factory,
    gpointer user_data, GDestroyNotify destroy)
{
  g_return_if_fail (PB_IS_CLIENT (self));

  if (self->factory_destroy != NULL)
    self->factory_destroy (self->factory_data);
  self->factory = factory;
  self->factory_data = user_data;
  self->factory_destroy = destroy;
}

/**
 * pb_client_set_token:
 * @self: a client
 * @token: (nullable): the bearer's token
 *
 * For the next attempt to connect. It cannot be read back.
 */
void
pb_client_set_token (PbClient *self, const char *token)
{
  char *copy = g_strdup (token);

  g_return_if_fail (PB_IS_CLIENT (self));

  pb_secret_free (self->token);
  self->token = copy;
}

/**
 * pb_client_set_allow_plain:
 * @self: a client
 * @allow: whether a token may travel unencrypted to another machine
 */
void
pb_client_set_allow_plain (PbClient *self, gboolean allow)
{
  g_return_if_fail (PB_IS_CLIENT (self));

  self->allow_plain = allow;
}

/**
 * pb_client_open:
 * @self: a client
 *
 * Connects, and stays connected, until pb_client_close() or a fatal fault.
 * Where it cannot even begin (no token), #PbClient::fault comes from within
 * this call.
 */
void
pb_client_open (PbClient *self)
{
  g_return_if_fail (PB_IS_CLIENT (self));

  if (self->state != PB_CLIENT_STATE_CLOSED)
    return;

  self->attempt = 0;
  if (!self->uri->is_secure && !self->allow_plain &&
      !pb_uri_is_loopback (self->uri)) {
    pb_client_fail (self, PB_FAULT_SERVER_REFUSED,
        "pb:// to another machine would send the token in the clear: use "
        "pbs://, or allow it",
        NULL, TRUE, 0);
    return;
  }
  if (self->token == NULL) {
    pb_client_fail (self, PB_FAULT_TOKEN_MISSING, NULL, NULL, TRUE, 0);
    return;
  }

  try_connect (self);
}

/**
 * pb_client_close:
 * @self: a client
 *
 * Says `leave` for every registration and closes. The registrations stay: a
 * pb_client_open() registers them again. No signal but #PbClient::state-changed
 * comes from now on.
 */
void
pb_client_close (PbClient *self)
{
  g_return_if_fail (PB_IS_CLIENT (self));

  for (guint i = 0; i < self->entries->len; i++)
    pb_client_send_leave (self, g_ptr_array_index (self->entries, i));
  pb_client_clear_source (&self->timer);
  drop_channel (self, 1000, NULL);
  self->state = PB_CLIENT_STATE_CLOSED;
  tell_state (self);
}

/**
 * pb_client_get_state:
 * @self: a client
 *
 * Returns: whether it is connected
 */
PbClientState
pb_client_get_state (PbClient *self)
{
  g_return_val_if_fail (PB_IS_CLIENT (self), PB_CLIENT_STATE_CLOSED);

  return self->state;
}

/**
 * pb_client_is_closing:
 * @self: a client
 *
 * Returns: whether a connection that was closed still says goodbye
 */
gboolean
pb_client_is_closing (PbClient *self)
{
  g_return_val_if_fail (PB_IS_CLIENT (self), FALSE);

  return self->closing->len > 0;
}

/**
 * pb_client_get_fault_details:
 * @self: a client
 * @attempt: (out) (optional): attempts that failed in a row
 * @retry_in_ms: (out) (optional): until the next one; 0: there is none
 *
 * More about the last #PbClient::fault.
 *
 * Returns: (nullable): the peer id of the registration that was refused; %NULL
 *   where it is about the connection
 */
const char *
pb_client_get_fault_details (PbClient *self, guint *attempt, guint *retry_in_ms)
{
  g_return_val_if_fail (PB_IS_CLIENT (self), NULL);

  if (attempt != NULL)
    *attempt = self->fault_attempt;
  if (retry_in_ms != NULL)
    *retry_in_ms = self->fault_retry_ms;

  return self->fault_peer;
}

/**
 * pb_client_register:
 * @self: a client
 * @registration: which end of which slot; copied
 *
 * Registers now if connected, else when connected, and again after every
 * reconnect. One with a peer id that is known already replaces it; the same
 * once more is not sent while the server owes the answer to the first.
 */
void
pb_client_register (PbClient *self, const PbRegistration *registration)
{
  PbClientEntry *entry;

  g_return_if_fail (PB_IS_CLIENT (self));
  g_return_if_fail (registration != NULL && registration->peer != NULL);

  entry = pb_client_find_entry (self, registration->peer, 0);
  if (entry == NULL) {
    entry = g_new0 (PbClientEntry, 1);
    entry->client = self;
    g_ptr_array_add (self->entries, entry);
  } else {
    if (entry->request_id != 0 &&
        pb_registration_equal (entry->registration, registration))
      return;
    pb_registration_free (entry->registration);
  }
  entry->registration = pb_registration_copy (registration);
  entry->attempt = 0;
  if (self->state == PB_CLIENT_STATE_CONNECTED)
    pb_client_send_register (self, entry);
}

/**
 * pb_client_unregister:
 * @self: a client
 * @peer: the id of a registration
 *
 * Says `leave` for it, if connected, and forgets it.
 */
void
pb_client_unregister (PbClient *self, const char *peer)
{
  PbClientEntry *entry;

  g_return_if_fail (PB_IS_CLIENT (self));
  g_return_if_fail (peer != NULL);

  entry = pb_client_find_entry (self, peer, 0);
  if (entry == NULL)
    return;
  pb_client_send_leave (self, entry);
  g_ptr_array_remove (self->entries, entry);
}

/**
 * pb_client_send:
 * @self: a client
 * @message: what to say
 *
 * Dropped silently where the client is not connected, and with a warning where
 * the message is not one a peer may send.
 */
void
pb_client_send (PbClient *self, PbMessage *message)
{
  g_return_if_fail (PB_IS_CLIENT (self));
  g_return_if_fail (message != NULL);

  if (self->state == PB_CLIENT_STATE_CONNECTED)
    pb_client_send_checked (self, message);
}

/**
 * pb_client_set_backoff:
 * @self: a client
 * @first_ms: the first delay, in milliseconds
 * @max_ms: the longest
 *
 * For tests.
 */
void
pb_client_set_backoff (PbClient *self, guint first_ms, guint max_ms)
{
  g_return_if_fail (PB_IS_CLIENT (self));
  g_return_if_fail (first_ms > 0 && max_ms >= first_ms);

  self->first_ms = first_ms;
  self->max_ms = max_ms;
}
