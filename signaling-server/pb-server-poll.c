/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-poll.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

/* Events taken from the kernel at once; what is left comes on the next
 * iteration, after other sources had their turn. */
#define BATCH 128

struct _PbServerPoll {
  int epoll_fd;
  GSource *source;
  struct epoll_event *batch; /* while dispatching */
  int n_batch;
};

static gboolean
on_ready (int fd, GIOCondition condition, gpointer user_data)
{
  PbServerPoll *self = user_data;
  struct epoll_event batch[BATCH];
  int n;

  n = epoll_wait (fd, batch, BATCH, 0);
  if (n <= 0)
    return G_SOURCE_CONTINUE;

  self->batch = batch;
  self->n_batch = n;
  for (int i = 0; i < self->n_batch; i++) {
    PbServerPollEntry *entry = batch[i].data.ptr;

    /* NULL: removed by an entry before it */
    if (entry != NULL)
      entry->func (entry, batch[i].events);
  }
  self->batch = NULL;
  self->n_batch = 0;

  return G_SOURCE_CONTINUE;
}

/**
 * pb_server_poll_new:
 * @error: return location
 *
 * The source goes to the thread-default main context.
 *
 * Returns: (transfer full) (nullable): an empty set
 */
PbServerPoll *
pb_server_poll_new (GError **error)
{
  g_autoptr (PbServerPoll) self = g_new0 (PbServerPoll, 1);

  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (self->epoll_fd < 0) {
    int saved = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved),
        "epoll_create1: %s", g_strerror (saved));
    return NULL;
  }

  self->source = g_unix_fd_source_new (self->epoll_fd, G_IO_IN);
  g_source_set_static_name (self->source, "patchbay sockets");
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_ready), self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());

  return g_steal_pointer (&self);
}

/**
 * pb_server_poll_free:
 * @self: (transfer full): a set from which all entries were removed; not from
 *   inside an entry's function
 */
void
pb_server_poll_free (PbServerPoll *self)
{
  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_source_unref (self->source);
  }
  if (self->epoll_fd >= 0)
    close (self->epoll_fd);
  g_free (self);
}

/**
 * pb_server_poll_add:
 * @self: a set
 * @entry: filled in; stays where it is until removed
 * @error: return location
 *
 * Returns: whether the kernel took it
 */
gboolean
pb_server_poll_add (PbServerPoll *self, PbServerPollEntry *entry,
    GError **error)
{
  struct epoll_event event = { .events = entry->events,
    .data = { .ptr = entry } };

  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, entry->fd, &event) != 0) {
    int saved = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved),
        "epoll_ctl: %s", g_strerror (saved));
    return FALSE;
  }

  return TRUE;
}

/**
 * pb_server_poll_set_events:
 * @self: a set
 * @entry: one of its entries
 * @events: EPOLLIN, EPOLLOUT or both; errors are always reported
 */
void
pb_server_poll_set_events (PbServerPoll *self, PbServerPollEntry *entry,
    guint32 events)
{
  struct epoll_event event = { .events = events, .data = { .ptr = entry } };

  if (entry->events == events)
    return;

  entry->events = events;
  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, entry->fd, &event) != 0)
    g_critical ("epoll_ctl: %s", g_strerror (errno));
}

/**
 * pb_server_poll_remove:
 * @self: a set
 * @entry: one of its entries; its function is not called again
 *
 * Must come before the descriptor is closed: a closed descriptor that has a
 * duplicate stays in the set, with a pointer to what was freed.
 */
void
pb_server_poll_remove (PbServerPoll *self, PbServerPollEntry *entry)
{
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, entry->fd, NULL);

  for (int i = 0; i < self->n_batch; i++)
    if (self->batch[i].data.ptr == entry)
      self->batch[i].data.ptr = NULL;
}
