/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-stun-probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <glib-unix.h>
#include <stun/stunagent.h>
#include <stun/usages/bind.h>

#include "glue/pb-timer.h"


/* 100, 200, 400, 800 ms and a last second and a half: a lost packet costs
 * little, a dead network is known in three seconds. */
#define FIRST_MS 100
#define TRIES 5

struct _PbStunProbe
{
  /* set in new */
  GMainContext *context; /* owned */
  int fd;
  GSocketAddress *server; /* owned */
  PbStunProbeFunc done;
  gpointer user_data;

  StunAgent agent;
  StunMessage request;
  uint8_t buffer[STUN_MAX_MESSAGE_SIZE_IPV6];
  gsize length;
  guint tries;
  GSource *readable; /* owned */
  GSource *timer;    /* owned */
};

static void
finish (PbStunProbe *self, GSocketAddress *mapped)
{
  pb_timer_clear (&self->readable);
  pb_timer_clear (&self->timer);
  self->done (self, mapped, self->user_data);
}

static gboolean
on_timer (gpointer user_data)
{
  PbStunProbe *self = user_data;
  struct sockaddr_storage to;
  gssize size = g_socket_address_get_native_size (self->server);
  guint delay;

  pb_timer_clear (&self->timer);
  if (self->tries >= TRIES ||
      !g_socket_address_to_native (self->server, &to, sizeof to, NULL)) {
    finish (self, NULL);
    return G_SOURCE_REMOVE;
  }

  /* A refused or unreachable send is the network's answer to one packet; the
   * next may go through. */
  if (sendto (self->fd, self->buffer, self->length, MSG_DONTWAIT,
          (struct sockaddr *) &to, (socklen_t) size) < 0)
    g_debug ("stun probe: %s", g_strerror (errno));
  delay = FIRST_MS << self->tries++;
  self->timer = pb_timer_new (self->context, delay, on_timer, self);

  return G_SOURCE_REMOVE;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  PbStunProbe *self = user_data;
  uint8_t packet[1500];
  struct sockaddr_storage mapped, other;
  socklen_t mapped_size = sizeof mapped, other_size = sizeof other;
  StunMessage message;
  gssize n;

  n = recv (fd, packet, sizeof packet, MSG_DONTWAIT);
  if (n <= 0)
    return G_SOURCE_CONTINUE;
  /* Checks that it answers our request: the transaction id is 96 random bits.
   */
  if (stun_agent_validate (&self->agent, &message, packet, (size_t) n, NULL,
          NULL) != STUN_VALIDATION_SUCCESS)
    return G_SOURCE_CONTINUE;
  if (stun_usage_bind_process (&message, (struct sockaddr *) &mapped,
          &mapped_size, (struct sockaddr *) &other,
          &other_size) != STUN_USAGE_BIND_RETURN_SUCCESS)
    return G_SOURCE_CONTINUE;

  {
    g_autoptr (GSocketAddress) address =
        g_socket_address_new_from_native (&mapped, mapped_size);

    finish (self, address);
  }

  return G_SOURCE_REMOVE;
}

/**
 * pb_stun_probe_new:
 * @context: where it lives
 * @fd: a bound, unconnected UDP socket
 * @server: the STUN server
 * @done: called once
 * @user_data: for @done
 *
 * Returns: (transfer full): a probe, under way
 */
PbStunProbe *
pb_stun_probe_new (GMainContext *context, int fd, GSocketAddress *server,
    PbStunProbeFunc done, gpointer user_data)
{
  static const uint16_t known[] = { STUN_ATTRIBUTE_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_ERROR_CODE, 0 };
  PbStunProbe *self;

  g_return_val_if_fail (fd >= 0, NULL);
  g_return_val_if_fail (G_IS_SOCKET_ADDRESS (server), NULL);
  g_return_val_if_fail (done != NULL, NULL);

  self = g_new0 (PbStunProbe, 1);
  self->context = g_main_context_ref (context);
  self->fd = fd;
  self->server = g_object_ref (server);
  self->done = done;
  self->user_data = user_data;
  stun_agent_init (&self->agent, known, STUN_COMPATIBILITY_RFC5389, 0);
  self->length = stun_usage_bind_create (&self->agent, &self->request,
      self->buffer, sizeof self->buffer);

  self->readable = g_unix_fd_source_new (fd, G_IO_IN);
  g_source_set_callback (self->readable, G_SOURCE_FUNC (on_readable), self,
      NULL);
  g_source_attach (self->readable, context);
  self->timer = pb_timer_new (context, 0, on_timer, self);

  return self;
}

/**
 * pb_stun_probe_free:
 * @self: (transfer full): the probe; it says nothing any more
 */
void
pb_stun_probe_free (PbStunProbe *self)
{
  if (self == NULL)
    return;

  pb_timer_clear (&self->readable);
  pb_timer_clear (&self->timer);
  g_clear_object (&self->server);
  g_main_context_unref (self->context);
  g_free (self);
}
