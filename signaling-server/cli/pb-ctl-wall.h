/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/pb-message.h"

G_BEGIN_DECLS

/**
 * PbCtlWall: (skip)
 * What `pbctl watch` knows: a session, its slots, and what either end of each
 * measured. Fed with the messages an observer gets; drawn as lines of text. The
 * time is given, never read (microseconds of any monotonic clock).
 */
typedef struct _PbCtlWall PbCtlWall;

PbCtlWall *pb_ctl_wall_new (void);
void pb_ctl_wall_free (PbCtlWall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbCtlWall, pb_ctl_wall_free)

/* The name of the slot that changed, "" for all of them, NULL for none. */
const char *pb_ctl_wall_feed (PbCtlWall *self, PbMessage *message,
    gint64 now_us);
gboolean pb_ctl_wall_is_known (PbCtlWall *self);
guint pb_ctl_wall_get_n_slots (PbCtlWall *self);
/* Unix seconds, 0: not known */
gint64 pb_ctl_wall_get_expires (PbCtlWall *self);
const char *pb_ctl_wall_get_session (PbCtlWall *self);
const char *pb_ctl_wall_get_state (PbCtlWall *self);

/* (transfer full): one line, without its end. `width` 0: as long as it is. */
char *pb_ctl_wall_draw (PbCtlWall *self, guint slot, gint64 now_us,
    gboolean colour, guint width);
/* The columns' titles, to go above. */
char *pb_ctl_wall_draw_title (gboolean colour, guint width);
/* -1 where there is no such slot */
int pb_ctl_wall_find (PbCtlWall *self, const char *stream);

G_END_DECLS
