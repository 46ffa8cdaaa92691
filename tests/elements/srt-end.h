/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pb-srt-io.h"

/* One end of an SRT test: an engine, and all that it told. */

typedef enum {
  EVENT_CONNECTING,
  EVENT_CONNECTED,
  EVENT_FAILED,
  EVENT_CLOSED,
  EVENT_REFUSED,
} EventKind;

typedef struct
{
  EventKind kind;
  guint link;
  guint listener;
  PbFault fault;
  guint count;
  guint latency_ms;
  guint peer_version;
  guint key_length;
  gboolean is_encrypted;
  char *stream_id;
} Event;

typedef struct
{
  PbSrtIo *io;
  GMutex lock;
  GCond changed;
  GQueue events; /* lock */

  /* lock: what was received, checked against its counter */
  guint64 n_packets;
  guint64 n_wrong;
  guint64 n_discont;
  guint64 n_batches;
  gint64 next;
  gint64 last_pts;
} End;

End *end_new (PbDirection direction);
End *end_new_full (const PbSrtIoConfig *config);
void end_free (End *end);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (End, end_free)

/* The next event, which must be of this kind; fails the test after 10 s. The
 * caller frees it. */
Event *end_expect (End *end, EventKind kind);
/* The same, past events of other kinds. */
Event *end_wait_for (End *end, EventKind kind);
gboolean end_has_events (End *end);
void event_free (Event *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Event, event_free)

/* Until so many packets came; fails the test after 20 s. */
void end_wait_for_packets (End *end, guint64 n);

/* A transport stream of null packets, each with a counter. */
GstBuffer *make_packets (guint64 *counter, guint n);
/* Pushes `seconds` of `mbps` in buffers of `per_buffer` packets. */
guint64 end_send (End *end, double seconds, double mbps, guint per_buffer);

guint end_add (End *end, const PbSrtLinkOptions *options);
