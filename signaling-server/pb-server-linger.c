/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-linger.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "pb-server-poll.h"
#include "pb-server-wheel.h"

/* Nobody needs more than this to notice that the server has stopped. */
#define DISCARD_MAX (1024 * 1024)

struct _PbServerLinger {
  PbServerPoll *poll;
  PbServerWheel *wheel;
  GQueue leavers; /* of Leaver, owned; by their `link` */
  guint time_ms;
};

typedef struct {
  PbServerPollEntry poll;
  PbServerWheelEntry timer;
  GList link;
  PbServerLinger *linger;
  GIOStream *stream;
  GSocket *socket;
  PbServerTicket *ticket;
  gsize n_discarded;
} Leaver;

static void
leaver_free (Leaver *self)
{
  PbServerLinger *linger = self->linger;

  pb_server_poll_remove (linger->poll, &self->poll);
  pb_server_wheel_disarm (linger->wheel, &self->timer);
  g_queue_unlink (&linger->leavers, &self->link);
  g_io_stream_close (self->stream, NULL, NULL);
  g_object_unref (self->stream);
  g_object_unref (self->socket);
  pb_server_ticket_free (self->ticket);
  g_free (self);
}

static void
on_socket (PbServerPollEntry *entry, guint32 events)
{
  Leaver *self = (Leaver *) ((char *) entry - G_STRUCT_OFFSET (Leaver, poll));
  char data[8192];
  /* past TLS as well: what it says is of no interest */
  gssize n = recv (self->poll.fd, data, sizeof data, MSG_DONTWAIT);

  if (n > 0)
    self->n_discarded += n;
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
      self->n_discarded > DISCARD_MAX)
    leaver_free (self);
}

static void
on_deadline (PbServerWheelEntry *entry)
{
  leaver_free ((Leaver *) ((char *) entry - G_STRUCT_OFFSET (Leaver, timer)));
}

/**
 * pb_server_linger_new:
 * @time_ms: what a client has to read the words
 * @tick_ms: how coarse that is
 * @error: return location
 *
 * Returns: (transfer full) (nullable): none lingers yet
 */
PbServerLinger *
pb_server_linger_new (guint time_ms, guint tick_ms, GError **error)
{
  PbServerPoll *poll = pb_server_poll_new (error);
  PbServerLinger *self;

  if (poll == NULL)
    return NULL;

  self = g_new0 (PbServerLinger, 1);
  self->poll = poll;
  self->wheel = pb_server_wheel_new (tick_ms);
  self->time_ms = time_ms;
  return self;
}

/**
 * pb_server_linger_free:
 * @self: (transfer full): cuts those that linger
 */
void
pb_server_linger_free (PbServerLinger *self)
{
  while (self->leavers.head != NULL)
    leaver_free (self->leavers.head->data);
  pb_server_wheel_free (self->wheel);
  pb_server_poll_free (self->poll);
  g_free (self);
}

/**
 * pb_server_linger_add:
 * @self: where
 * @stream: (transfer full): a connection that nobody else uses
 * @ticket: (transfer full): its own
 * @words: what it gets; few enough for any socket's buffer
 * @length: their bytes
 */
void
pb_server_linger_add (PbServerLinger *self, GIOStream *stream,
    PbServerTicket *ticket, const char *words, gsize length)
{
  GOutputStream *output = g_io_stream_get_output_stream (stream);
  Leaver *leaver = g_new0 (Leaver, 1);

  if (G_IS_POLLABLE_OUTPUT_STREAM (output))
    g_pollable_output_stream_write_nonblocking (
        G_POLLABLE_OUTPUT_STREAM (output), words, length, NULL, NULL);
  leaver->linger = self;
  leaver->stream = stream;
  leaver->socket = pb_server_ticket_steal_socket (ticket);
  leaver->ticket = ticket;
  leaver->timer.func = on_deadline;
  leaver->poll.func = on_socket;
  leaver->poll.events = EPOLLIN;
  leaver->poll.fd = g_socket_get_fd (leaver->socket);
  g_socket_shutdown (leaver->socket, FALSE, TRUE, NULL);
  leaver->link.data = leaver;
  g_queue_push_tail_link (&self->leavers, &leaver->link);
  pb_server_wheel_arm (self->wheel, &leaver->timer, self->time_ms);
  if (!pb_server_poll_add (self->poll, &leaver->poll, NULL))
    leaver_free (leaver);
}
