/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-end-private.h"

#include <unistd.h>

#include "core/pb-limits.h"

/* --- counterparts --------------------------------------------------------- */

void
pb_srt_counterpart_free (gpointer data)
{
  PbSrtCounterpart *other = data;

  pb_srt_peer_free (other->ice);
  pb_srt_plain_free (other->plain);
  g_clear_object (&other->remote);
  g_free (other->client);
  g_free (other->id);
  g_free (other);
}

static PbSrtCounterpart *
find_by_id (PbSrtEnd *self, const char *id)
{
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbSrtCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (g_strcmp0 (other->id, id) == 0)
      return other;
  }

  return NULL;
}

PbSrtCounterpart *
pb_srt_meet_find_by_root (PbSrtEnd *self, guint root)
{
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbSrtCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if ((other->ice != NULL && pb_srt_peer_get_link (other->ice) == root) ||
        (other->plain != NULL && pb_srt_plain_get_link (other->plain) == root))
      return other;
  }

  return NULL;
}

/* --- links ---------------------------------------------------------------- */

static const char *
get_passphrase (PbSrtEnd *self)
{
  return self->own_passphrase != NULL ? self->own_passphrase
                                      : self->slot_passphrase;
}

static guint
add_link (PbSrtEnd *self, PbSrtLinkOptions *options)
{
  g_autoptr (GError) error = NULL;
  guint id;

  options->passphrase = get_passphrase (self);
  options->key_length = pb_cipher_get_key_length (self->cipher);
  options->latency_ms = pb_srt_end_get_wanted_latency (self);
  if (options->mode == PB_SRT_LISTENER)
    options->stream_id = self->resource;
  else if (options->mode == PB_SRT_CALLER)
    options->stream_id = self->stream_id;
  if (options->passphrase == NULL)
    return 0; /* never in the clear: enforced here and by libsrt */

  id = pb_srt_io_add_link (self->io, options, &error);
  if (id == 0)
    GST_WARNING_OBJECT (self->element, "no link: %s", error->message);

  return id;
}

void
pb_srt_meet_close_media (PbSrtEnd *self, guint link)
{
  g_atomic_int_compare_and_exchange (&self->active, (gint) link, 0);
}

/* --- ICE ------------------------------------------------------------------ */

static void
ice_send (PbSrtPeer *peer, PbMessage *message, gpointer user_data)
{
  PbSrtCounterpart *other = user_data;

  pb_gst_session_send (other->end->session, message);
}

static guint
ice_open_link (PbSrtPeer *peer, int fd, GSocketAddress *remote,
    gpointer user_data)
{
  PbSrtCounterpart *other = user_data;
  PbSrtEnd *self = other->end;
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (
      self->direction == PB_DIRECTION_SEND ? PB_SRT_CALLER : PB_SRT_LISTENER);
  guint id;

  options.fd = fd;
  options.max_links = 1;
  if (options.mode == PB_SRT_CALLER)
    options.peer = remote;
  g_set_object (&other->remote, remote);
  id = add_link (self, &options);
  close (fd); /* the engine has its own */

  return id;
}

static void
ice_close_link (PbSrtPeer *peer, guint link, gpointer user_data)
{
  PbSrtCounterpart *other = user_data;

  pb_srt_meet_close_media (other->end, other->media);
  other->media = 0;
  pb_srt_io_remove_link (other->end->io, link);
}

static void
ice_changed (PbSrtPeer *peer, PbSrtPeerState state, PbFault fault,
    gboolean is_theirs, guint retry_in_ms, gpointer user_data)
{
  PbSrtCounterpart *other = user_data;
  PbSrtEnd *self = other->end;

  GST_DEBUG_OBJECT (self->element,
      "peer %s: state %d, fault %s, retry in %u ms", other->id, state,
      pb_fault_get_code (fault), retry_in_ms);
  switch (state) {
    case PB_SRT_PEER_CONNECTING:
      if (pb_srt_peer_get_attempt (peer) == 0)
        pb_gst_report_peer (self->report, other->id, other->client,
            PB_TRANSPORT_SRT, "direct", "connecting", NULL, 0);
      pb_srt_end_send_status (self, "connecting", other->id, PB_FAULT_NONE,
          NULL, 0);
      break;
    case PB_SRT_PEER_WAITING:
      pb_srt_meet_close_media (self, other->media);
      other->media = 0;
      pb_gst_report_peer (self->report, other->id, other->client,
          PB_TRANSPORT_SRT, "",
          fault != PB_FAULT_NONE ? "error" : "disconnected", NULL, 0);
      pb_gst_report_fault (self->report, fault, is_theirs ? "peer" : "local",
          other->id, pb_srt_peer_get_attempt (peer), retry_in_ms, NULL);
      /* What they have told us they know. */
      pb_srt_end_send_status (self,
          fault != PB_FAULT_NONE && !is_theirs ? "error" : "disconnected",
          other->id, is_theirs ? PB_FAULT_NONE : fault, NULL, 0);
      break;
    case PB_SRT_PEER_CONNECTED:
      /* told by the engine's event, which knows cipher and latency */
      break;
  }
  pb_srt_end_update_state (self);
}

static const PbSrtPeerCallbacks ice_callbacks = { ice_send, ice_open_link,
  ice_close_link, ice_changed };

/* --- the plain path ------------------------------------------------------- */

static guint
plain_open_link (PbSrtPlain *plain, PbSrtLinkOptions *options,
    gpointer user_data)
{
  PbSrtEnd *self = user_data;

  options->max_links =
      self->direction == PB_DIRECTION_RECEIVE ? 1 : PB_SLOT_RECEIVERS_MAX;

  return add_link (self, options);
}

static void
plain_close_link (PbSrtPlain *plain, guint link, gpointer user_data)
{
  PbSrtEnd *self = user_data;

  pb_srt_meet_close_media (self, link);
  if (plain == self->plain) {
    for (guint i = 0; i < self->plain_media->len; i++)
      pb_srt_meet_close_media (self,
          g_array_index (self->plain_media, guint, i));
    g_array_set_size (self->plain_media, 0);
  }
  pb_srt_io_remove_link (self->io, link);
}

static void
plain_ready (PbSrtPlain *plain, const char *address, guint port,
    guint local_port, gpointer user_data)
{
  PbSrtEnd *self = user_data;
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_READY);

  if (port < PB_PORT_MIN)
    return;

  pb_message_set_string (message, "peer", self->us);
  pb_message_set_string (message, "mode",
      pb_srt_mode_get_name (pb_srt_plain_get_mode (plain)));
  pb_message_set_int (message, "port", port);
  if (address != NULL)
    pb_message_set_string (message, "address", address);
  if (local_port != port && local_port >= PB_PORT_MIN)
    pb_message_set_int (message, "local_port", local_port);
  pb_gst_session_send (self->session, message);
}

static void
plain_fault (PbSrtPlain *plain, PbFault fault, guint attempt, guint retry_in_ms,
    gpointer user_data)
{
  PbSrtEnd *self = user_data;

  pb_gst_report_fault (self->report, fault, "local", NULL, attempt, retry_in_ms,
      NULL);
  /* The port of the second way in does not make the first one fail. */
  if (fault != PB_FAULT_PORT_IN_USE || self->mode != PB_SRT_END_AUTO)
    pb_srt_end_send_status (self, "error", NULL, fault, "plain", 0);
}

static const PbSrtPlainCallbacks plain_callbacks = { plain_open_link,
  plain_close_link, plain_ready, plain_fault };

static GSocketAddress *
dup_stun (PbSrtEnd *self)
{
  return self->stun_address != NULL
             ? g_inet_socket_address_new_from_string (self->stun_address,
                   self->stun_port)
             : NULL;
}

void
pb_srt_meet_start_plain (PbSrtEnd *self)
{
  g_autoptr (GSocketAddress) stun = dup_stun (self);
  PbSrtPlainConfig config = {
    .local_address = self->local_address,
    .local_port = self->local_port > 0 ? self->local_port : self->slot_port,
    .host = self->peer_host,
    .port = self->peer_port > 0 ? self->peer_port : self->slot_port,
    .stun = stun,
  };

  if (self->plain != NULL) {
    pb_srt_plain_tell_ready (self->plain);
    return;
  }
  switch (self->mode) {
    case PB_SRT_END_ICE:
      return;
    case PB_SRT_END_AUTO:
      if (self->direction != PB_DIRECTION_RECEIVE)
        return;
      G_GNUC_FALLTHROUGH;
    case PB_SRT_END_LISTENER:
      config.mode = PB_SRT_LISTENER;
      /* Where the server is this machine, so is everybody else, unless a
       * local address says otherwise. */
      if (config.local_address == NULL && self->on_loopback)
        config.local_address = "127.0.0.1";
      break;
    case PB_SRT_END_CALLER:
      config.mode = PB_SRT_CALLER;
      config.local_port = self->local_port;
      break;
    case PB_SRT_END_RENDEZVOUS:
      config.mode = PB_SRT_RENDEZVOUS;
      break;
  }

  self->plain =
      pb_srt_plain_new (self->context, &config, &plain_callbacks, self);
  pb_srt_plain_start (self->plain);
}

/* --- introductions -------------------------------------------------------- */

static gboolean
is_plain_fit (PbSrtEnd *self, const char *address, guint port)
{
  g_autoptr (GInetAddress) inet =
      address != NULL ? g_inet_address_new_from_string (address) : NULL;

  return inet != NULL && pb_ice_address_is_fit (inet, port, self->on_loopback);
}

static void
add_ice (PbSrtEnd *self, PbSrtCounterpart *other)
{
  const char *addresses[] = { self->local_address, NULL };
  PbIceConfig ice = { .stun_address = self->stun_address,
    .stun_port = self->stun_port };

  if (self->local_address == NULL && self->on_loopback)
    addresses[0] = "127.0.0.1";
  if (addresses[0] != NULL)
    ice.addresses = addresses;
  other->ice = pb_srt_peer_new (self->context, self->us, other->id,
      self->direction == PB_DIRECTION_SEND, &ice, &ice_callbacks, other);
}

/* A client that signals but has no ICE: the server says where it is, and what
 * we are to be. */
static void
add_plain (PbSrtEnd *self, PbSrtCounterpart *other, PbMessage *message)
{
  const char *address = pb_message_get_string (message, "address");
  guint port = (guint) pb_message_get_int (message, "port");
  g_autoptr (GSocketAddress) stun = dup_stun (self);
  PbSrtPlainConfig config = {
    .local_address = self->local_address,
    .local_port = self->local_port > 0 ? self->local_port : self->slot_port,
    .host = address,
    .port = port,
    .stun = stun,
  };

  if (!pb_srt_mode_from_name (pb_message_get_string (message, "mode"),
          &config.mode) ||
      config.mode == PB_SRT_LISTENER)
    return; /* it calls us: our own listener is there, or nothing can be done */
  if (!is_plain_fit (self, address, port)) {
    GST_WARNING_OBJECT (self->element, "peer %s: not a fit address", other->id);
    return;
  }
  /* Our listener has the slot's port. */
  if (config.mode == PB_SRT_CALLER || self->plain != NULL)
    config.local_port = self->local_port;
  other->plain =
      pb_srt_plain_new (self->context, &config, &plain_callbacks, self);
  pb_srt_plain_start (other->plain);
}

void
pb_srt_meet_drop (PbSrtEnd *self, PbSrtCounterpart *other)
{
  pb_gst_report_peer (self->report, other->id, other->client, PB_TRANSPORT_SRT,
      "", "gone", NULL, 0);
  g_ptr_array_remove (self->counterparts, other);
}

/* Its signalling is away and its slot has somebody new: whatever still flows
 * from it is the past. */
static void
drop_gone (PbSrtEnd *self)
{
  for (guint i = self->counterparts->len; i > 0; i--) {
    PbSrtCounterpart *other = g_ptr_array_index (self->counterparts, i - 1);

    if (other->is_gone)
      pb_srt_meet_drop (self, other);
  }
}

void
pb_srt_meet_introduce (PbSrtEnd *self, PbMessage *message)
{
  const char *id = pb_message_get_string (message, "peer");
  PbSrtCounterpart *other = find_by_id (self, id);

  const char *transport = pb_message_get_string (message, "transport");

  if (g_strcmp0 (pb_message_get_string (message, "to"), self->us) != 0 ||
      g_strcmp0 (id, self->us) == 0)
    return;
  if (transport != NULL && g_strcmp0 (transport, "srt") != 0)
    return; /* met by the end that shares our registration */

  if (other == NULL) {
    /* the server's limit, in case it is another server */
    if (self->counterparts->len > PB_SLOT_RECEIVERS_MAX)
      return;
    if (self->direction == PB_DIRECTION_RECEIVE)
      drop_gone (self);
    other = g_new0 (PbSrtCounterpart, 1);
    other->end = self;
    other->id = g_strdup (id);
    other->client = g_strdup (pb_message_get_string (message, "client"));
    if (pb_message_get_boolean (message, "ice") &&
        (self->mode == PB_SRT_END_AUTO || self->mode == PB_SRT_END_ICE))
      add_ice (self, other);
    else if (self->mode == PB_SRT_END_AUTO)
      add_plain (self, other, message);
    g_ptr_array_add (self->counterparts, other);
  }
  other->is_gone = FALSE;

  if (other->ice != NULL)
    pb_srt_peer_introduce (other->ice);
  if (other->media != 0)
    pb_srt_end_send_status (self, "connected", other->id, PB_FAULT_NONE,
        other->ice != NULL ? "direct" : "plain", pb_srt_end_get_latency (self));
  pb_srt_end_update_state (self);
}

void
pb_srt_meet_gone (PbSrtEnd *self, PbMessage *message)
{
  PbSrtCounterpart *other =
      find_by_id (self, pb_message_get_string (message, "peer"));
  const char *reason = pb_message_get_string (message, "reason");

  if (other == NULL)
    return;

  /* It lost the server, not us. */
  if (g_strcmp0 (reason, "lost") == 0 && other->media != 0)
    other->is_gone = TRUE;
  else
    pb_srt_meet_drop (self, other);
  pb_srt_end_update_state (self);
}

void
pb_srt_meet_signal (PbSrtEnd *self, PbMessage *message)
{
  PbSrtCounterpart *other =
      find_by_id (self, pb_message_get_string (message, "from"));

  if (other != NULL && other->ice != NULL &&
      g_strcmp0 (pb_message_get_string (message, "to"), self->us) == 0)
    pb_srt_peer_handle_signal (other->ice, message);
}

void
pb_srt_meet_status (PbSrtEnd *self, PbMessage *message)
{
  const char *with = pb_message_get_string (message, "with");
  const char *id = pb_message_get_string (message, "peer");
  PbSrtCounterpart *other = find_by_id (self, id);
  PbFault fault;

  if (with != NULL && g_strcmp0 (with, self->us) != 0)
    return;
  if (other == NULL) {
    /* Two that share no transport are not even introduced. */
    if (self->shared == NULL && g_strcmp0 (id, self->us) != 0 &&
        pb_fault_from_code (pb_message_get_string (message, "code"), &fault) &&
        fault == PB_FAULT_NO_TRANSPORT)
      pb_gst_report_fault (self->report, fault, "server", id, 0, 0, NULL);
    return;
  }
  /* Both ends learn the cause, whoever found it. What the session's server
   * decides it tells us itself. */
  if (pb_fault_from_code (pb_message_get_string (message, "code"), &fault) &&
      !pb_fault_is_fatal (fault) && other->media == 0)
    pb_gst_report_fault (self->report, fault, "peer", other->id, 0, 0, NULL);
}

void
pb_srt_meet_set_signalling (PbSrtEnd *self, gboolean is_up)
{
  for (guint i = 0; i < self->counterparts->len; i++) {
    PbSrtCounterpart *other = g_ptr_array_index (self->counterparts, i);

    if (other->ice != NULL)
      pb_srt_peer_set_signalling (other->ice, is_up);
  }
}

void
pb_srt_meet_tell_again (PbSrtEnd *self)
{
  if (self->plain_media->len > 0)
    pb_srt_end_send_status (self, "connected", NULL, PB_FAULT_NONE, "plain",
        pb_srt_end_get_latency (self));
}

void
pb_srt_meet_drop_all (PbSrtEnd *self)
{
  g_ptr_array_set_size (self->counterparts, 0);
  pb_srt_plain_free (self->plain);
  self->plain = NULL;
  g_atomic_int_set (&self->active, 0);
}
