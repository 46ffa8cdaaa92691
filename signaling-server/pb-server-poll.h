/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbServerPoll:
 * Many file descriptors behind one GSource. GLib's main context looks at each
 * of its sources on each wakeup, so thousands of them cost more than the work
 * they bring; an epoll set does not.
 */
typedef struct _PbServerPoll PbServerPoll;
typedef struct _PbServerPollEntry PbServerPollEntry;

typedef void (*PbServerPollFunc) (PbServerPollEntry *entry, guint32 events);

/* Embedded in its owner. Set fd, events (EPOLLIN …) and func, then add. */
struct _PbServerPollEntry {
  PbServerPollFunc func;
  int fd;
  guint32 events;
};

PbServerPoll *pb_server_poll_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_poll_free (PbServerPoll *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerPoll, pb_server_poll_free)

gboolean pb_server_poll_add (PbServerPoll *self, PbServerPollEntry *entry,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_poll_set_events (PbServerPoll *self, PbServerPollEntry *entry,
    guint32 events);
void pb_server_poll_remove (PbServerPoll *self, PbServerPollEntry *entry);

G_END_DECLS
