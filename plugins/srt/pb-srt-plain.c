/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-plain.h"

#include <unistd.h>

#include "glue/pb-timer.h"
#include "pb-srt-peer.h"
#include "pb-stun-probe.h"

struct _PbSrtPlain
{
  /* set in new */
  GMainContext *context; /* owned */
  PbSrtPlainCallbacks callbacks;
  gpointer user_data;
  PbSrtMode mode;
  char *local_address, *host;
  guint local_port, port;
  GSocketAddress *stun; /* (nullable) owned */

  int fd; /* -1 until it is bound */
  PbStunProbe *probe;
  gboolean is_told;  /* `ready` has its answer */
  char *out_address; /* (nullable) */
  guint out_port, own_port;
  GCancellable *cancellable; /* of the name that is looked up */
  guint link, attempts;
  GSource *timer;
};

static gboolean on_attempt (gpointer user_data);

static void
set_timer (PbSrtPlain *self, guint ms, GSourceFunc func)
{
  pb_timer_clear (&self->timer);
  if (func != NULL)
    self->timer = pb_timer_new (self->context, ms, func, self);
}

static void
fail (PbSrtPlain *self, PbFault fault)
{
  guint delay = pb_backoff_ms (++self->attempts);

  self->link = 0;
  set_timer (self, delay, on_attempt);
  self->callbacks.fault (self, fault, self->attempts, delay, self->user_data);
}

/* --- the link ------------------------------------------------------------- */

static void
open_link (PbSrtPlain *self, GSocketAddress *peer)
{
  PbSrtLinkOptions options = PB_SRT_LINK_OPTIONS_INIT (self->mode);

  options.fd = self->fd;
  options.peer = peer;
  options.local_host = self->local_address;
  options.allow_empty_stream_id = TRUE;
  self->link = self->callbacks.open_link (self, &options, self->user_data);
  if (self->link == 0)
    fail (self, PB_FAULT_INTERNAL);
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  PbSrtPlain *self;
  g_autoptr (GError) error = NULL;
  GList *addresses =
      g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);
  g_autoptr (GSocketAddress) peer = NULL;

  /* freed meanwhile: self is no more */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  self = user_data;
  g_clear_object (&self->cancellable);
  if (addresses == NULL) {
    g_debug ("plain: %s", error->message);
    fail (self, PB_FAULT_TIMED_OUT);
    return;
  }
  peer = g_inet_socket_address_new (addresses->data, self->port);
  g_resolver_free_addresses (addresses);
  open_link (self, peer);
}

static void
connect_now (PbSrtPlain *self)
{
  g_autoptr (GSocketAddress) peer = NULL;
  g_autoptr (GResolver) resolver = NULL;

  if (self->mode == PB_SRT_LISTENER) {
    open_link (self, NULL);
    return;
  }

  peer = g_inet_socket_address_new_from_string (self->host, self->port);
  if (peer != NULL) {
    open_link (self, peer);
    return;
  }
  resolver = g_resolver_get_default ();
  self->cancellable = g_cancellable_new ();
  g_resolver_lookup_by_name_async (resolver, self->host, self->cancellable,
      on_resolved, self);
}

/* --- the socket ----------------------------------------------------------- */

/* Of an end that calls, others need the port that they must listen on; its own
 * is nobody's business, and may be in use on the same machine. */
static void
tell (PbSrtPlain *self)
{
  if (self->mode == PB_SRT_CALLER)
    self->callbacks.ready (self, NULL, self->port, self->port,
        self->user_data);
  else
    self->callbacks.ready (self, self->out_address, self->out_port,
        self->own_port, self->user_data);
}

static void
on_probed (PbStunProbe *probe, GSocketAddress *mapped, gpointer user_data)
{
  PbSrtPlain *self = user_data;

  g_clear_pointer (&self->probe, pb_stun_probe_free);
  if (G_IS_INET_SOCKET_ADDRESS (mapped)) {
    GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS (mapped);

    self->out_address =
        g_inet_address_to_string (g_inet_socket_address_get_address (inet));
    self->out_port = g_inet_socket_address_get_port (inet);
  } else {
    /* It goes on: the client may be on this side of the firewall. */
    self->callbacks.fault (self, PB_FAULT_UDP_BLOCKED, 0, 0, self->user_data);
  }
  self->is_told = TRUE;
  tell (self);
  connect_now (self);
}

static gboolean
bind_socket (PbSrtPlain *self)
{
  g_autoptr (GError) error = NULL;

  self->fd =
      pb_srt_udp_bind (self->local_address, (guint16) self->local_port, &error);
  if (self->fd < 0) {
    g_debug ("plain: %s", error->message);
    fail (self, g_error_matches (error, PB_SRT_FAULT, PB_FAULT_PORT_IN_USE)
                    ? PB_FAULT_PORT_IN_USE
                    : PB_FAULT_INTERNAL);
    return FALSE;
  }

  self->own_port = pb_srt_udp_get_port (self->fd);
  self->out_port = self->own_port;
  self->out_address = g_strdup (self->local_address);

  return TRUE;
}

static gboolean
on_attempt (gpointer user_data)
{
  PbSrtPlain *self = user_data;

  set_timer (self, 0, NULL);
  if (self->fd < 0 && !bind_socket (self))
    return G_SOURCE_REMOVE;

  if (!self->is_told && self->stun != NULL && self->mode != PB_SRT_CALLER) {
    g_clear_pointer (&self->out_address, g_free);
    self->probe = pb_stun_probe_new (self->context, self->fd, self->stun,
        on_probed, self);
    return G_SOURCE_REMOVE;
  }
  if (!self->is_told) {
    self->is_told = TRUE;
    tell (self);
  }
  connect_now (self);

  return G_SOURCE_REMOVE;
}

/* --- the interface -------------------------------------------------------- */

/**
 * pb_srt_plain_new:
 * @context: where it lives
 * @config: copied
 * @callbacks: copied; all of them are needed
 * @user_data: for the callbacks
 *
 * Returns: (transfer full): an end that has not started
 */
PbSrtPlain *
pb_srt_plain_new (GMainContext *context, const PbSrtPlainConfig *config,
    const PbSrtPlainCallbacks *callbacks, gpointer user_data)
{
  PbSrtPlain *self = g_new0 (PbSrtPlain, 1);

  self->context = g_main_context_ref (context);
  self->callbacks = *callbacks;
  self->user_data = user_data;
  self->mode = config->mode;
  self->local_address = g_strdup (config->local_address);
  self->local_port = config->local_port;
  self->host = g_strdup (config->host);
  self->port = config->port;
  self->stun = config->stun != NULL ? g_object_ref (config->stun) : NULL;
  self->fd = -1;

  return self;
}

/**
 * pb_srt_plain_free:
 * @self: (transfer full) (nullable): the end; its link is closed
 */
void
pb_srt_plain_free (PbSrtPlain *self)
{
  if (self == NULL)
    return;

  set_timer (self, 0, NULL);
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  pb_stun_probe_free (self->probe);
  if (self->link != 0)
    self->callbacks.close_link (self, self->link, self->user_data);
  if (self->fd >= 0) {
    pb_srt_udp_release (self->fd);
    close (self->fd);
  }
  g_clear_object (&self->stun);
  g_free (self->out_address);
  g_free (self->local_address);
  g_free (self->host);
  g_main_context_unref (self->context);
  g_free (self);
}

/**
 * pb_srt_plain_start:
 * @self: the end
 */
void
pb_srt_plain_start (PbSrtPlain *self)
{
  set_timer (self, 0, on_attempt);
}

/**
 * pb_srt_plain_tell_ready:
 * @self: the end
 */
void
pb_srt_plain_tell_ready (PbSrtPlain *self)
{
  if (self->is_told)
    tell (self);
}

/**
 * pb_srt_plain_get_mode:
 * @self: the end
 *
 * Returns: what our end is
 */
PbSrtMode
pb_srt_plain_get_mode (PbSrtPlain *self)
{
  return self->mode;
}

/**
 * pb_srt_plain_get_link:
 * @self: the end
 *
 * Returns: the SRT engine's link, 0 without one
 */
guint
pb_srt_plain_get_link (PbSrtPlain *self)
{
  return self->link;
}

/**
 * pb_srt_plain_link_up:
 * @self: the end
 */
void
pb_srt_plain_link_up (PbSrtPlain *self)
{
  self->attempts = 0;
}

/**
 * pb_srt_plain_link_down:
 * @self: the end; not for what its listener accepted
 * @fault: why; the engine has closed the link
 */
void
pb_srt_plain_link_down (PbSrtPlain *self, PbFault fault)
{
  fail (self, fault);
}
