/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbServerThumbnails:
 * Who waits for a still picture of which slot, and which receiver was asked
 * for one: section 5.6 of the protocol. It holds no picture, and names sockets
 * by their numbers, so that one that is gone is nobody. Takes the time from
 * its caller.
 */
typedef struct _PbServerThumbnails PbServerThumbnails;

PbServerThumbnails *pb_server_thumbnails_new (void);
void pb_server_thumbnails_free (PbServerThumbnails *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerThumbnails, pb_server_thumbnails_free)

/* Socket `link` would like one. */
void pb_server_thumbnails_ask (PbServerThumbnails *self, const char *stream,
    guint64 link, gint64 now_us);
/* Whether a receiver is to be asked now: somebody waits, and the last request
 * is long enough ago. */
gboolean pb_server_thumbnails_is_due (PbServerThumbnails *self,
    const char *stream, gint64 now_us);
/* `peer` has been asked. */
void pb_server_thumbnails_passed (PbServerThumbnails *self, const char *stream,
    const char *peer, gint64 now_us);
/* A picture by `peer`: whether it is one that it was asked for. */
gboolean pb_server_thumbnails_take (PbServerThumbnails *self,
    const char *stream, const char *peer, gint64 now_us);
gboolean pb_server_thumbnails_is_waiting (PbServerThumbnails *self,
    const char *stream, guint64 link, gint64 now_us);
/* It has closed. */
void pb_server_thumbnails_forget (PbServerThumbnails *self, guint64 link);
/* (transfer full): the slots that somebody waits for; forgets the others */
GPtrArray *pb_server_thumbnails_list (PbServerThumbnails *self, gint64 now_us);

G_END_DECLS
