/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-io-private.h"

#include "pb-srt-lib-private.h"

/* Without data for this long the sender's thread waits to be woken. */
#define IDLE_US (200 * 1000)
#define EVENTS_MAX 64
/* Received messages share memory of this size; one that is kept downstream
 * keeps all of it. */
#define SLAB_SIZE (32 * 1024)
#define MESSAGE_MAX 1456
#define DRAIN_MAX 1024

/* ---- receiving ---- */

static void
release_slab (PbSrtIo *io)
{
  g_clear_pointer (&io->slab, g_atomic_rc_box_release);
}

static void
prepare_slab (PbSrtIo *io)
{
  if (io->slab != NULL && io->slab_used + MESSAGE_MAX <= SLAB_SIZE)
    return;
  release_slab (io);
  io->slab = g_atomic_rc_box_alloc (SLAB_SIZE);
  io->slab_used = 0;
}

/* Whether a read would give something. Asking is cheap; reading in vain is a
 * C++ exception inside libsrt, and libgstreamer brings in libunwind, whose
 * unwinder makes that some 200 us and a hundred system calls. */
static gboolean
can_read (PbSrtLink *link)
{
  return (pb_srt_lib_get_int (link->sock, SRTO_EVENT) &
             (SRT_EPOLL_IN | SRT_EPOLL_ERR)) != 0;
}

static void
drain_link (PbSrtIo *io, PbSrtLink *link)
{
  g_autoptr (GstBufferList) list = NULL;

  for (guint i = 0; i < DRAIN_MAX && can_read (link); i++) {
    SRT_MSGCTRL control = srt_msgctrl_default;
    GstBuffer *buffer;
    gint64 source;
    int n;

    prepare_slab (io);
    n = srt_recvmsg2 (link->sock, (char *) io->slab + io->slab_used,
        MESSAGE_MAX, &control);
    if (n <= 0)
      break;

    buffer = gst_buffer_new_wrapped_full (0, io->slab + io->slab_used, n, 0, n,
        g_atomic_rc_box_acquire (io->slab), g_atomic_rc_box_release);
    io->slab_used += n;
    /* libsrt says when the message is due, which is the latency later */
    source = control.srctime - link->info.latency_ms * G_GINT64_CONSTANT (1000);
    /* nor does time go back where libsrt corrects for the clocks' drift */
    link->last_source = MAX (link->last_source, source);
    GST_BUFFER_PTS (buffer) = link->last_source * GST_USECOND;
    GST_BUFFER_OFFSET (buffer) = control.pktseq;
    if (control.pktseq != link->next_seq)
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
    link->next_seq = (control.pktseq + 1) & G_MAXINT32;
    link->n_delivered++;
    if (list == NULL)
      list = gst_buffer_list_new_sized (32);
    gst_buffer_list_add (list, buffer);
  }

  if (list != NULL && io->callbacks.received != NULL)
    io->callbacks.received (io, link->info.id, g_steal_pointer (&list),
        io->user_data);
}

/* ---- sending ---- */

static void
send_messages (PbSrtLink *link, const PbSrtMessage *messages, guint n)
{
  for (guint i = 0; i < n; i++) {
    SRT_MSGCTRL control = srt_msgctrl_default;

    control.srctime = MAX (messages[i].stamp, link->first_srctime);
    if (srt_sendmsg2 (link->sock, (const char *) messages[i].data,
            messages[i].size, &control) > 0)
      continue;
    /* A full buffer does not empty while we look at it. What is broken is
     * found by the epoll set. */
    link->n_overflowed += n - i;
    return;
  }
}

static void
flush (PbSrtIo *io, gint64 now)
{
  PbSrtBatch *batch;
  const PbSrtMessage *messages;
  guint n_messages;
  guint n_links = 0;
  GHashTableIter iter;
  gpointer value;

  g_mutex_lock (&io->lock);
  batch = io->queue;
  io->queue = io->sending;
  io->sending = batch;
  g_mutex_unlock (&io->lock);
  io->flushed = now;
  if (pb_srt_batch_get_bytes (batch) == 0)
    return;
  io->fed = now;

  messages = pb_srt_batch_cut (batch, &io->last_stamp, &n_messages);
  g_hash_table_iter_init (&iter, io->links);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    PbSrtLink *link = value;

    if (link->state != PB_SRT_LINK_CONNECTED)
      continue;
    n_links++;
    send_messages (link, messages, n_messages);
  }
  pb_srt_batch_clear (batch);

  if (n_links == 0) {
    g_mutex_lock (&io->lock);
    io->totals.packets_unconnected += n_messages;
    g_mutex_unlock (&io->lock);
  }
}

/* ---- the loop ---- */

static void
handle_event (PbSrtIo *io, const SRT_EPOLL_EVENT *event)
{
  PbSrtLink *link =
      g_hash_table_lookup (io->by_sock, GINT_TO_POINTER (event->fd));
  const SRT_SOCKSTATUS status = srt_getsockstate (event->fd);
  const gint64 now = g_get_monotonic_time ();
  const char *detail = "";

  if (link == NULL) {
    srt_epoll_remove_usock (io->epoll, event->fd);
    return;
  }
  switch (link->state) {
    case PB_SRT_LINK_CONNECTING:
      if (status == SRTS_CONNECTED) {
        pb_srt_io_establish_link (io, link);
      } else if (status >= SRTS_BROKEN) {
        const PbFault fault = pb_srt_link_get_refusal (link, &detail);

        pb_srt_io_fail_link (io, link, fault, detail);
      }
      break;
    case PB_SRT_LINK_LISTENING:
      if (status >= SRTS_BROKEN)
        pb_srt_io_fail_link (io, link, PB_FAULT_INTERNAL, "the listener broke");
      else
        pb_srt_io_accept_links (io, link);
      break;
    case PB_SRT_LINK_CONNECTED:
      if (!pb_srt_io_is_sender (io))
        drain_link (io, link);
      if (status >= SRTS_BROKEN) {
        const PbFault fault = pb_srt_link_get_closing_fault (link, now);

        pb_srt_io_fail_link (io, link, fault,
            fault == PB_FAULT_NONE ? "the peer hung up" : "silence");
      }
      break;
    default:
      break;
  }
}

static guint
handle_events (PbSrtIo *io, gint64 timeout_ms)
{
  SRT_EPOLL_EVENT events[EVENTS_MAX];
  int n;

  if (g_hash_table_size (io->by_sock) == 0)
    return 0;
  n = srt_epoll_uwait (io->epoll, events, EVENTS_MAX, timeout_ms);
  for (int i = 0; i < MIN (n, EVENTS_MAX); i++)
    handle_event (io, &events[i]);
  return MAX (n, 0);
}

/* TRUE: go on; FALSE: stop. */
static gboolean
wait_for_work (PbSrtIo *io)
{
  const gint64 now = g_get_monotonic_time ();
  const gboolean has_links = g_hash_table_size (io->links) > 0;
  const gboolean is_active =
      pb_srt_io_is_sender (io) && now - io->fed < IDLE_US && io->fed != 0;
  gint64 until = has_links ? now + PB_SRT_POLL_US : G_MAXINT64;
  gboolean goes_on;

  if (is_active)
    until = MIN (until, io->flushed + io->config.batch_us);

  g_mutex_lock (&io->lock);
  io->is_idle = !is_active;
  while (!io->is_stopping && g_queue_is_empty (&io->commands)) {
    /* woken from idleness by the first buffer: give its batch its time */
    if (io->is_idle && pb_srt_batch_get_bytes (io->queue) > 0) {
      io->is_idle = FALSE;
      until = MIN (until, g_get_monotonic_time () + io->config.batch_us);
    }
    if (until == G_MAXINT64)
      g_cond_wait (&io->wake, &io->lock);
    else if (!g_cond_wait_until (&io->wake, &io->lock, until))
      break;
  }
  io->is_idle = FALSE;
  goes_on = !io->is_stopping;
  g_mutex_unlock (&io->lock);
  return goes_on;
}

static gboolean
should_stop (PbSrtIo *io)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&io->lock);

  return io->is_stopping;
}

gpointer
pb_srt_io_thread (gpointer data)
{
  PbSrtIo *io = data;
  gint64 tended = 0;

  while (!should_stop (io)) {
    gint64 now;

    pb_srt_io_run_commands (io);
    /* A sender sleeps on the clock and looks at libsrt in passing; a receiver
     * sleeps in libsrt, which wakes it for data. */
    if (pb_srt_io_is_sender (io) || g_hash_table_size (io->by_sock) == 0)
      handle_events (io, 0);
    else if (handle_events (io, PB_SRT_POLL_US / 1000) > 0 &&
             io->config.rest_us > 0)
      g_usleep (io->config.rest_us);

    now = g_get_monotonic_time ();
    if (now - tended >= PB_SRT_POLL_US) {
      pb_srt_io_tend_links (io, now);
      tended = now;
    }
    if (pb_srt_io_is_sender (io) &&
        now - io->flushed >= (gint64) io->config.batch_us)
      flush (io, now);
    if ((pb_srt_io_is_sender (io) || g_hash_table_size (io->by_sock) == 0) &&
        !wait_for_work (io))
      break;
  }

  pb_srt_io_close_links (io);
  release_slab (io);
  pb_srt_io_unref (io);
  return NULL;
}
