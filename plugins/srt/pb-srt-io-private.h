/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-srt-batch-private.h"
#include "pb-srt-io.h"
#include "pb-srt-link-private.h"

G_BEGIN_DECLS

/* The inside of PbSrtIo, in three files: pb-srt-io.c is what others call,
 * pb-srt-io-links.c what becomes of links, pb-srt-io-thread.c the loop that
 * moves data. */

/* Handshakes, deadlines and breaks are looked at this often; libsrt's own wait
 * has the same grain. */
#define PB_SRT_POLL_US 10000

typedef enum {
  PB_SRT_COMMAND_ADD,
  PB_SRT_COMMAND_REMOVE,
  PB_SRT_COMMAND_RESOLVED,
} PbSrtCommandKind;

typedef struct
{
  PbSrtCommandKind kind;
  guint id;
  PbSrtLink *link;         /* add: owned */
  GSocketAddress *address; /* resolved: owned, NULL: not found */
} PbSrtCommand;

struct _PbSrtIo
{
  gatomicrefcount ref_count;

  /* set in new, then read-only */
  PbSrtIoConfig config;
  PbSrtIoCallbacks callbacks;
  gpointer user_data;

  GMutex lock;
  GCond wake;              /* for the I/O thread */
  GCond connected;         /* for a push that waits */
  GThread *thread;         /* lock */
  gboolean is_started;     /* lock */
  gboolean is_stopping;    /* lock */
  gboolean is_flushing;    /* lock */
  gboolean is_idle;        /* lock: the I/O thread sleeps until woken */
  GQueue commands;         /* lock; of PbSrtCommand */
  PbSrtBatch *queue;       /* lock */
  guint last_id;           /* lock */
  guint n_connected;       /* lock */
  GHashTable *links;       /* lock to change, I/O thread to read: id -> link */
  GHashTable *ports;       /* lock; inode -> port over a foreign fd */
  GHashTable *local_ports; /* lock; id -> port number */
  PbSrtStats totals;       /* lock; links that are gone */

  /* I/O thread */
  int epoll;
  GHashTable *by_sock; /* SRTSOCKET -> link */
  PbSrtBatch *sending;
  gint64 flushed;
  gint64 fed;
  gint64 last_stamp;
  guint8 *slab; /* an atomic rc box; each message holds it */
  gsize slab_used;
};

static inline gboolean
pb_srt_io_is_sender (PbSrtIo *io)
{
  return io->config.direction == PB_DIRECTION_SEND;
}

/* Any thread. Takes link and address. */
void pb_srt_io_post (PbSrtIo *io, PbSrtCommandKind kind, guint id,
    PbSrtLink *link, GSocketAddress *address);
void pb_srt_io_command_free (PbSrtCommand *command);

/* I/O thread */
gpointer pb_srt_io_thread (gpointer data);
void pb_srt_io_run_commands (PbSrtIo *io);
/* Takes the link away and says why. */
void pb_srt_io_fail_link (PbSrtIo *io, PbSrtLink *link, PbFault fault,
    const char *detail);
void pb_srt_io_establish_link (PbSrtIo *io, PbSrtLink *link);
void pb_srt_io_accept_links (PbSrtIo *io, PbSrtLink *listener);
/* Deadlines, refusals, samples. */
void pb_srt_io_tend_links (PbSrtIo *io, gint64 now);
void pb_srt_io_close_links (PbSrtIo *io);

G_END_DECLS
