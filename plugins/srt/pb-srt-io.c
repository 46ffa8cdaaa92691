/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-io.h"

#include "pb-srt-batch-private.h"
#include "pb-srt-lib-private.h"
#include "pb-srt-link-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

GST_DEBUG_CATEGORY_STATIC (pb_srt_io_debug);
#define GST_CAT_DEFAULT pb_srt_io_debug

/* Handshakes, deadlines and breaks are looked at this often; libsrt's own wait
 * has the same grain. */
#define POLL_US 10000
#define SAMPLE_US (250 * 1000)
/* Without data for this long the sender's thread waits to be woken. */
#define IDLE_US (200 * 1000)
/* Only a thread that is not scheduled lets this much pile up: 1 s at 256 Mbit/s */
#define QUEUE_BYTES_MAX (32 * 1024 * 1024)
#define EVENTS_MAX 64
/* Received messages share memory of this size; one that is kept downstream
 * keeps all of it. */
#define SLAB_SIZE (32 * 1024)
#define MESSAGE_MAX 1456
#define DRAIN_MAX 1024

typedef enum { COMMAND_ADD, COMMAND_REMOVE, COMMAND_RESOLVED } CommandKind;

typedef struct {
  CommandKind kind;
  guint id;
  PbSrtLink *link;         /* add: owned */
  GSocketAddress *address; /* resolved: owned, NULL: not found */
} Command;

struct _PbSrtIo
{
  gatomicrefcount ref_count;

  /* set in new, then read-only */
  PbSrtIoConfig config;
  PbSrtIoCallbacks callbacks;
  gpointer user_data;

  GMutex lock;
  GCond wake;          /* for the I/O thread */
  GCond connected;     /* for a push that waits */
  GThread *thread;     /* lock */
  gboolean is_started; /* lock */
  gboolean is_stopping; /* lock */
  gboolean is_flushing; /* lock */
  gboolean is_idle;     /* lock: the I/O thread sleeps until woken */
  GQueue commands;      /* lock; of Command */
  PbSrtBatch *queue;    /* lock */
  guint last_id;        /* lock */
  guint n_connected;    /* lock */
  GHashTable *links;    /* lock to change, I/O thread to read: id -> link */
  GHashTable *ports;    /* lock; inode -> port over a foreign fd */
  GHashTable *local_ports; /* lock; id -> port number */
  PbSrtStats totals;    /* lock; links that are gone */

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

static void
init_once (void)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    GST_DEBUG_CATEGORY_INIT (pb_srt_io_debug, "pbsrtio", 0,
        "SRT sockets of pbsrtbin");
    g_once_init_leave (&once, 1);
  }
  pb_srt_lib_start ();
}

static void
command_free (Command *command)
{
  g_clear_pointer (&command->link, pb_srt_link_free);
  g_clear_object (&command->address);
  g_free (command);
}

static gboolean
is_sender (PbSrtIo *io)
{
  return io->config.direction == PB_DIRECTION_SEND;
}

static void
post_command (PbSrtIo *io, CommandKind kind, guint id, PbSrtLink *link,
    GSocketAddress *address)
{
  Command *command = g_new0 (Command, 1);

  command->kind = kind;
  command->id = id;
  command->link = link;
  command->address = address;
  g_mutex_lock (&io->lock);
  g_queue_push_tail (&io->commands, command);
  g_cond_signal (&io->wake);
  g_mutex_unlock (&io->lock);
}

/* ---- resolving names: in a thread of its own, which nobody waits for ---- */

typedef struct {
  PbSrtIo *io; /* owned */
  guint id;
  char *host;
  guint16 port;
} Lookup;

static gpointer
lookup_thread (gpointer data)
{
  Lookup *lookup = data;
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  GList *found =
      g_resolver_lookup_by_name (resolver, lookup->host, NULL, NULL);
  GSocketAddress *address = NULL;

  if (found != NULL)
    address = g_inet_socket_address_new (found->data, lookup->port);
  g_resolver_free_addresses (found);
  post_command (lookup->io, COMMAND_RESOLVED, lookup->id, NULL, address);
  pb_srt_io_unref (lookup->io);
  g_free (lookup->host);
  g_free (lookup);
  return NULL;
}

static void
start_lookup (PbSrtIo *io, PbSrtLink *link)
{
  Lookup *lookup = g_new0 (Lookup, 1);

  lookup->io = pb_srt_io_ref (io);
  lookup->id = link->info.id;
  lookup->host = g_strdup (link->host);
  lookup->port = link->host_port;
  link->state = PB_SRT_LINK_RESOLVING;
  g_thread_unref (g_thread_new ("pb-srt-lookup", lookup_thread, lookup));
}

/* ---- links, on the I/O thread ---- */

static void
watch_link (PbSrtIo *io, PbSrtLink *link, int events)
{
  srt_epoll_remove_usock (io->epoll, link->sock);
  srt_epoll_add_usock (io->epoll, link->sock, &events);
  g_hash_table_insert (io->by_sock, GINT_TO_POINTER (link->sock), link);
}

static void
sample_link (PbSrtIo *io, PbSrtLink *link, gint64 now)
{
  PbSrtStats stats;

  pb_srt_link_sample (link, now, &stats);
  g_mutex_lock (&io->lock);
  link->stats = stats;
  g_mutex_unlock (&io->lock);
}

/* Takes the link out of every table and closes it; its callback, if any, is
 * the caller's, and so is the link. */
static void
retire_link (PbSrtIo *io, PbSrtLink *link)
{
  const gboolean was_connected = link->state == PB_SRT_LINK_CONNECTED;
  const guint id = link->info.id;

  sample_link (io, link, g_get_monotonic_time ());
  if (link->sock != SRT_INVALID_SOCK) {
    srt_epoll_remove_usock (io->epoll, link->sock);
    g_hash_table_remove (io->by_sock, GINT_TO_POINTER (link->sock));
  }
  if (link->info.listener_id != 0 && link->listener != NULL)
    pb_srt_listener_forget_link (link->listener);

  g_mutex_lock (&io->lock);
  pb_srt_stats_add (&io->totals, &link->stats, FALSE);
  g_hash_table_steal (io->links, GUINT_TO_POINTER (id));
  g_hash_table_remove (io->local_ports, GUINT_TO_POINTER (id));
  if (was_connected)
    io->n_connected--;
  g_mutex_unlock (&io->lock);

  pb_srt_link_close (link);
}

static void
fail_link (PbSrtIo *io, PbSrtLink *link, PbFault fault, const char *detail)
{
  const gboolean was_connected = link->state == PB_SRT_LINK_CONNECTED;

  retire_link (io, link);
  GST_INFO ("link %u %s: %s (%s)", link->info.id,
      was_connected ? "closed" : "failed", pb_fault_get_code (fault), detail);
  if (was_connected && io->callbacks.closed != NULL)
    io->callbacks.closed (io, &link->info, fault, detail, io->user_data);
  else if (!was_connected && io->callbacks.failed != NULL)
    io->callbacks.failed (io, &link->info, fault, detail, io->user_data);
  pb_srt_link_free (link);
}

static void
establish_link (PbSrtIo *io, PbSrtLink *link)
{
  PbFault fault;

  if (!pb_srt_link_confirm (link, &fault)) {
    fail_link (io, link, fault, "connected, but the keys do not fit");
    return;
  }
  watch_link (io, link,
      SRT_EPOLL_ERR | (is_sender (io) ? 0 : SRT_EPOLL_IN));
  g_mutex_lock (&io->lock);
  io->n_connected++;
  g_cond_broadcast (&io->connected);
  g_mutex_unlock (&io->lock);
  sample_link (io, link, g_get_monotonic_time ());

  GST_INFO ("link %u connected, latency %u ms, AES-%u", link->info.id,
      link->info.latency_ms, link->info.key_length * 8);
  if (io->callbacks.connected != NULL)
    io->callbacks.connected (io, &link->info, io->user_data);
}

static void
call_link (PbSrtIo *io, PbSrtLink *link)
{
  PbFault fault;
  const char *detail;

  if (!pb_srt_link_connect (link, &fault, &detail)) {
    fail_link (io, link, fault, detail);
    return;
  }
  watch_link (io, link, SRT_EPOLL_ERR | SRT_EPOLL_OUT);
}

static void
begin_link (PbSrtIo *io, PbSrtLink *link)
{
  if (link->info.mode == PB_SRT_LISTENER) {
    link->state = PB_SRT_LINK_LISTENING;
    watch_link (io, link, SRT_EPOLL_ERR | SRT_EPOLL_IN);
    return;
  }

  /* before the callback, which may remove the link: that is a command, and
   * commands are not run from here */
  if (io->callbacks.connecting != NULL)
    io->callbacks.connecting (io, &link->info, io->user_data);
  if (link->info.peer == NULL) {
    link->info.peer =
        g_inet_socket_address_new_from_string (link->host, link->host_port);
  }
  if (link->info.peer == NULL)
    start_lookup (io, link);
  else
    call_link (io, link);
}

static void
insert_link (PbSrtIo *io, PbSrtLink *link)
{
  g_mutex_lock (&io->lock);
  if (link->info.id == 0)
    link->info.id = ++io->last_id;
  g_hash_table_insert (io->links, GUINT_TO_POINTER (link->info.id), link);
  g_mutex_unlock (&io->lock);
}

static void
accept_links (PbSrtIo *io, PbSrtLink *listener)
{
  struct sockaddr_storage peer;
  int length = sizeof peer;
  SRTSOCKET sock;

  while ((sock = srt_accept (listener->sock, (struct sockaddr *) &peer,
              &length)) != SRT_INVALID_SOCK) {
    PbSrtLink *link = pb_srt_link_new_accepted (
        listener, sock, (struct sockaddr *) &peer);

    insert_link (io, link);
    establish_link (io, link);
    length = sizeof peer;
  }
}

static void
resolve_link (PbSrtIo *io, guint id, GSocketAddress *address)
{
  PbSrtLink *link = g_hash_table_lookup (io->links, GUINT_TO_POINTER (id));

  if (link == NULL || link->state != PB_SRT_LINK_RESOLVING)
    return;
  if (address == NULL) {
    fail_link (io, link, PB_FAULT_NO_PATH, "no such host");
    return;
  }
  link->info.peer = g_object_ref (address);
  call_link (io, link);
}

static void
drop_link (PbSrtIo *io, guint id)
{
  PbSrtLink *link = g_hash_table_lookup (io->links, GUINT_TO_POINTER (id));
  g_autoptr (GList) all = NULL;

  if (link == NULL)
    return;
  if (link->state == PB_SRT_LINK_LISTENING) {
    all = g_hash_table_get_values (io->links);
    for (GList *l = all; l != NULL; l = l->next) {
      PbSrtLink *child = l->data;

      if (child->info.listener_id == id) {
        retire_link (io, child);
        pb_srt_link_free (child);
      }
    }
  }
  retire_link (io, link);
  pb_srt_link_free (link);
}

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
    int n;

    prepare_slab (io);
    n = srt_recvmsg2 (link->sock, (char *) io->slab + io->slab_used,
        MESSAGE_MAX, &control);
    if (n <= 0)
      break;

    buffer = gst_buffer_new_wrapped_full (0, io->slab + io->slab_used, n, 0,
        n, g_atomic_rc_box_acquire (io->slab), g_atomic_rc_box_release);
    io->slab_used += n;
    GST_BUFFER_PTS (buffer) = control.srctime * GST_USECOND;
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
    io->callbacks.received (
        io, link->info.id, g_steal_pointer (&list), io->user_data);
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

/* ---- the thread ---- */

static void
run_commands (PbSrtIo *io)
{
  GQueue commands = G_QUEUE_INIT;
  Command *command;

  g_mutex_lock (&io->lock);
  commands = io->commands;
  g_queue_init (&io->commands);
  g_mutex_unlock (&io->lock);

  while ((command = g_queue_pop_head (&commands)) != NULL) {
    if (command->kind == COMMAND_ADD) {
      PbSrtLink *link = g_steal_pointer (&command->link);

      insert_link (io, link);
      begin_link (io, link);
    } else if (command->kind == COMMAND_REMOVE) {
      drop_link (io, command->id);
    } else {
      resolve_link (io, command->id, command->address);
    }
    command_free (command);
  }
}

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
        establish_link (io, link);
      } else if (status >= SRTS_BROKEN) {
        const PbFault fault = pb_srt_link_get_refusal (link, &detail);

        fail_link (io, link, fault, detail);
      }
      break;
    case PB_SRT_LINK_LISTENING:
      if (status >= SRTS_BROKEN)
        fail_link (io, link, PB_FAULT_INTERNAL, "the listener broke");
      else
        accept_links (io, link);
      break;
    case PB_SRT_LINK_CONNECTED:
      if (!is_sender (io))
        drain_link (io, link);
      if (status >= SRTS_BROKEN) {
        const PbFault fault = pb_srt_link_get_closing_fault (link, now);

        fail_link (io, link, fault,
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

static void
tell_refusals (PbSrtIo *io, PbSrtLink *link, gint64 now)
{
  PbSrtRefusal refusal;

  while (pb_srt_listener_next_refusal (link->listener, now, &refusal)) {
    GST_INFO ("link %u refused %u callers: %s", link->info.id, refusal.count,
        pb_fault_get_code (refusal.fault));
    if (io->callbacks.refused != NULL)
      io->callbacks.refused (io, &link->info, refusal.caller, refusal.fault,
          refusal.count, io->user_data);
    g_clear_object (&refusal.caller);
  }
}

static void
tend_link (PbSrtIo *io, PbSrtLink *link, gint64 now)
{
  const char *detail = "";

  switch (link->state) {
    case PB_SRT_LINK_LISTENING:
      tell_refusals (io, link, now);
      break;
    case PB_SRT_LINK_RESOLVING:
      if (now >= link->deadline)
        fail_link (io, link, PB_FAULT_TIMED_OUT, "no answer from the resolver");
      break;
    case PB_SRT_LINK_CONNECTING:
      if (now >= link->deadline) {
        const PbFault fault = pb_srt_link_get_refusal (link, &detail);

        if (fault == PB_FAULT_REFUSED)
          fail_link (io, link, PB_FAULT_TIMED_OUT, detail);
        else
          fail_link (io, link, fault, detail);
      } else if (pb_srt_link_is_abandoned (link, now)) {
        const PbFault fault = pb_srt_link_get_refusal (link, &detail);

        fail_link (io, link, fault, detail);
      }
      break;
    case PB_SRT_LINK_CONNECTED:
      if (now - link->sampled >= SAMPLE_US)
        sample_link (io, link, now);
      break;
    default:
      break;
  }
}

static void
tend_links (PbSrtIo *io, gint64 now)
{
  g_autofree guint *ids = NULL;
  guint n = 0;
  GHashTableIter iter;
  gpointer key;

  /* by id: what one of them tells may take others away */
  ids = g_new (guint, g_hash_table_size (io->links));
  g_hash_table_iter_init (&iter, io->links);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    ids[n++] = GPOINTER_TO_UINT (key);
  for (guint i = 0; i < n; i++) {
    PbSrtLink *link =
        g_hash_table_lookup (io->links, GUINT_TO_POINTER (ids[i]));

    if (link != NULL)
      tend_link (io, link, now);
  }
}

/* TRUE: go on; FALSE: stop. */
static gboolean
wait_for_work (PbSrtIo *io)
{
  const gint64 now = g_get_monotonic_time ();
  const gboolean has_links = g_hash_table_size (io->links) > 0;
  const gboolean is_active =
      is_sender (io) && now - io->fed < IDLE_US && io->fed != 0;
  gint64 until = has_links ? now + POLL_US : G_MAXINT64;
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

static void
close_links (PbSrtIo *io)
{
  g_autoptr (GList) all = g_hash_table_get_values (io->links);

  /* accepted links before their listeners, whose gate they share */
  for (int pass = 0; pass < 2; pass++) {
    for (GList *l = all; l != NULL; l = l->next) {
      PbSrtLink *link = l->data;

      if (link != NULL && (link->info.listener_id != 0) == (pass == 0)) {
        retire_link (io, link);
        pb_srt_link_free (link);
        l->data = NULL;
      }
    }
  }
}

static gpointer
io_thread (gpointer data)
{
  PbSrtIo *io = data;
  gint64 tended = 0;

  while (!should_stop (io)) {
    gint64 now;

    run_commands (io);
    /* A sender sleeps on the clock and looks at libsrt in passing; a receiver
     * sleeps in libsrt, which wakes it for data. */
    if (is_sender (io) || g_hash_table_size (io->by_sock) == 0)
      handle_events (io, 0);
    else if (handle_events (io, POLL_US / 1000) > 0 && io->config.rest_us > 0)
      g_usleep (io->config.rest_us);

    now = g_get_monotonic_time ();
    if (now - tended >= POLL_US) {
      tend_links (io, now);
      tended = now;
    }
    if (is_sender (io) && now - io->flushed >= (gint64) io->config.batch_us)
      flush (io, now);
    if ((is_sender (io) || g_hash_table_size (io->by_sock) == 0) &&
        !wait_for_work (io))
      break;
  }

  close_links (io);
  release_slab (io);
  pb_srt_io_unref (io);
  return NULL;
}

/* ---- for everybody ---- */

/**
 * pb_srt_io_new:
 * @config: see #PbSrtIoConfig
 * @callbacks: copied; any may be NULL
 * @user_data: for the callbacks; must live until pb_srt_io_stop()
 *
 * Returns: (transfer full): an engine that is not started
 */
PbSrtIo *
pb_srt_io_new (const PbSrtIoConfig *config, const PbSrtIoCallbacks *callbacks,
    gpointer user_data)
{
  PbSrtIo *io;

  g_return_val_if_fail (config->direction == PB_DIRECTION_SEND ||
          config->direction == PB_DIRECTION_RECEIVE, NULL);
  g_return_val_if_fail (config->payload_size > 0 &&
          config->payload_size <= MESSAGE_MAX, NULL);

  init_once ();
  io = g_new0 (PbSrtIo, 1);
  g_atomic_ref_count_init (&io->ref_count);
  io->config = *config;
  io->callbacks = *callbacks;
  io->user_data = user_data;
  g_mutex_init (&io->lock);
  g_cond_init (&io->wake);
  g_cond_init (&io->connected);
  g_queue_init (&io->commands);
  io->queue = pb_srt_batch_new (config->payload_size, config->stamp_us);
  io->sending = pb_srt_batch_new (config->payload_size, config->stamp_us);
  io->links = g_hash_table_new (NULL, NULL);
  io->local_ports = g_hash_table_new (NULL, NULL);
  io->ports = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
      (GDestroyNotify) pb_srt_port_unref);
  io->by_sock = g_hash_table_new (NULL, NULL);
  io->epoll = srt_epoll_create ();
  return io;
}

/**
 * pb_srt_io_ref:
 * @io: an engine
 *
 * Returns: (transfer full): @io
 */
PbSrtIo *
pb_srt_io_ref (PbSrtIo *io)
{
  g_atomic_ref_count_inc (&io->ref_count);
  return io;
}

static void
clear_commands (PbSrtIo *io)
{
  Command *command;

  while ((command = g_queue_pop_head (&io->commands)) != NULL)
    command_free (command);
}

/**
 * pb_srt_io_unref:
 * @io: (transfer full): an engine; stop it first, its thread holds it too
 */
void
pb_srt_io_unref (PbSrtIo *io)
{
  if (!g_atomic_ref_count_dec (&io->ref_count))
    return;
  clear_commands (io);
  pb_srt_batch_free (io->queue);
  pb_srt_batch_free (io->sending);
  g_hash_table_unref (io->by_sock);
  g_hash_table_unref (io->links);
  g_hash_table_unref (io->local_ports);
  g_hash_table_unref (io->ports);
  srt_epoll_release (io->epoll);
  g_mutex_clear (&io->lock);
  g_cond_clear (&io->wake);
  g_cond_clear (&io->connected);
  g_free (io);
}

/**
 * pb_srt_io_start:
 * @io: an engine
 * @error: a GThread error
 *
 * Starts the I/O thread. An engine is started once.
 */
gboolean
pb_srt_io_start (PbSrtIo *io, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&io->lock);

  g_return_val_if_fail (!io->is_started, FALSE);
  io->thread =
      g_thread_try_new ("pb-srt-io", io_thread, pb_srt_io_ref (io), error);
  if (io->thread == NULL) {
    g_atomic_ref_count_dec (&io->ref_count);
    return FALSE;
  }
  io->is_started = TRUE;
  return TRUE;
}

/**
 * pb_srt_io_stop:
 * @io: an engine
 */
void
pb_srt_io_stop (PbSrtIo *io)
{
  GThread *thread;

  g_mutex_lock (&io->lock);
  io->is_stopping = TRUE;
  g_cond_broadcast (&io->wake);
  g_cond_broadcast (&io->connected);
  thread = g_steal_pointer (&io->thread);
  g_mutex_unlock (&io->lock);

  if (thread == g_thread_self ())
    g_thread_unref (thread);
  else if (thread != NULL)
    g_thread_join (thread);

  /* links that were never begun, and the ports */
  if (thread != g_thread_self ()) {
    g_mutex_lock (&io->lock);
    clear_commands (io);
    g_hash_table_remove_all (io->ports);
    g_mutex_unlock (&io->lock);
  }
}

/* A reference to the port over `fd`, which is foreign, or over a new socket. */
static PbSrtPort *
get_port (PbSrtIo *io, const PbSrtLinkOptions *options, GError **error)
{
  PbSrtPort *port;
  struct stat st;
  guint64 inode;
  int fd;

  if (options->fd < 0) {
    const char *host = options->local_host;

    /* a peer's family decides where nothing else does */
    if (host == NULL && options->peer != NULL &&
        g_socket_address_get_family (options->peer) == G_SOCKET_FAMILY_IPV6)
      host = "::";
    else if (host == NULL && options->host != NULL &&
        strchr (options->host, ':') != NULL)
      host = "::";
    fd = pb_srt_udp_bind (host, options->local_port, error);
    return fd < 0 ? NULL : pb_srt_port_new (fd, error);
  }

  if (fstat (options->fd, &st) < 0) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL, "fd: %s",
        g_strerror (errno));
    return NULL;
  }
  inode = st.st_ino;
  g_mutex_lock (&io->lock);
  port = g_hash_table_lookup (io->ports, &inode);
  if (port != NULL)
    g_atomic_rc_box_acquire (port);
  g_mutex_unlock (&io->lock);
  if (port != NULL)
    return port;

  fd = fcntl (options->fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) {
    g_set_error (error, PB_SRT_FAULT, PB_FAULT_INTERNAL, "fd: %s",
        g_strerror (errno));
    return NULL;
  }
  port = pb_srt_port_new (fd, error);
  if (port != NULL) {
    g_mutex_lock (&io->lock);
    g_hash_table_replace (
        io->ports, &port->inode, g_atomic_rc_box_acquire (port));
    g_mutex_unlock (&io->lock);
  }
  return port;
}

/**
 * pb_srt_io_add_link:
 * @io: an engine
 * @options: see #PbSrtLinkOptions
 * @error: a #PB_SRT_FAULT
 *
 * Returns: the id of the link, 0 with @error set
 */
guint
pb_srt_io_add_link (PbSrtIo *io, const PbSrtLinkOptions *options,
    GError **error)
{
  PbSrtPort *port;
  PbSrtLink *link;
  guint16 number;
  guint id;

  g_return_val_if_fail (options->mode == PB_SRT_LISTENER ||
          options->peer != NULL || options->host != NULL, 0);

  port = get_port (io, options, error);
  if (port == NULL)
    return 0;
  number = g_inet_socket_address_get_port (
      G_INET_SOCKET_ADDRESS (port->address));
  link = pb_srt_link_new (options, port, io->config.direction,
      io->config.payload_size, error);
  pb_srt_port_unref (port);
  if (link == NULL)
    return 0;

  g_mutex_lock (&io->lock);
  id = link->info.id = ++io->last_id;
  g_hash_table_insert (
      io->local_ports, GUINT_TO_POINTER (id), GUINT_TO_POINTER (number));
  g_mutex_unlock (&io->lock);
  post_command (io, COMMAND_ADD, id, link, NULL);
  return id;
}

/**
 * pb_srt_io_remove_link:
 * @io: an engine
 * @id: a link
 */
void
pb_srt_io_remove_link (PbSrtIo *io, guint id)
{
  post_command (io, COMMAND_REMOVE, id, NULL, NULL);
}

/**
 * pb_srt_io_get_local_port:
 * @io: an engine
 * @id: a link that was added (not accepted)
 *
 * Returns: its UDP port
 */
guint16
pb_srt_io_get_local_port (PbSrtIo *io, guint id)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&io->lock);

  return GPOINTER_TO_UINT (
      g_hash_table_lookup (io->local_ports, GUINT_TO_POINTER (id)));
}

/* Lock is held. Whether there is somebody to send to, waiting if asked to. */
static gboolean
is_wanted_unlocked (PbSrtIo *io)
{
  while (io->config.wait_for_connection && io->n_connected == 0 &&
      !io->is_flushing && !io->is_stopping)
    g_cond_wait (&io->connected, &io->lock);
  return io->n_connected > 0;
}

static void
enqueue_unlocked (PbSrtIo *io, GstBuffer *buffer, gint64 now)
{
  const gsize size = gst_buffer_get_size (buffer);
  const guint payload = io->config.payload_size;

  if (io->n_connected == 0 ||
      pb_srt_batch_get_bytes (io->queue) + size > QUEUE_BYTES_MAX) {
    const guint n = (size + payload - 1) / payload;

    if (io->n_connected == 0)
      io->totals.packets_unconnected += n;
    else
      io->totals.packets_overflowed += n;
    gst_buffer_unref (buffer);
    return;
  }
  pb_srt_batch_add (io->queue, buffer, now);
}

/* Lock is held: once for a batch, and only from idleness. */
static void
wake_unlocked (PbSrtIo *io)
{
  if (io->is_idle && pb_srt_batch_get_bytes (io->queue) > 0)
    g_cond_signal (&io->wake);
}

/**
 * pb_srt_io_push:
 * @io: an engine that sends
 * @buffer: (transfer full): any number of bytes; its arrival is now
 *
 * Returns: FALSE while flushing and after the stop
 */
gboolean
pb_srt_io_push (PbSrtIo *io, GstBuffer *buffer)
{
  const gint64 now = g_get_monotonic_time ();
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&io->lock);

  is_wanted_unlocked (io);
  if (io->is_flushing || io->is_stopping || !io->is_started) {
    gst_buffer_unref (buffer);
    return FALSE;
  }
  enqueue_unlocked (io, buffer, now);
  wake_unlocked (io);
  return TRUE;
}

/**
 * pb_srt_io_push_list:
 * @io: an engine that sends
 * @list: (transfer full): as pb_srt_io_push(), under one lock
 *
 * Returns: FALSE while flushing and after the stop
 */
gboolean
pb_srt_io_push_list (PbSrtIo *io, GstBufferList *list)
{
  const gint64 now = g_get_monotonic_time ();
  const guint n = gst_buffer_list_length (list);
  gboolean goes_on;

  g_mutex_lock (&io->lock);
  is_wanted_unlocked (io);
  goes_on = !io->is_flushing && !io->is_stopping && io->is_started;
  for (guint i = 0; goes_on && i < n; i++)
    enqueue_unlocked (io, gst_buffer_ref (gst_buffer_list_get (list, i)), now);
  wake_unlocked (io);
  g_mutex_unlock (&io->lock);

  gst_buffer_list_unref (list);
  return goes_on;
}

/**
 * pb_srt_io_set_flushing:
 * @io: an engine
 * @is_flushing: TRUE from flush-start or PAUSED to READY on
 */
void
pb_srt_io_set_flushing (PbSrtIo *io, gboolean is_flushing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&io->lock);

  io->is_flushing = is_flushing;
  if (is_flushing)
    pb_srt_batch_clear (io->queue);
  g_cond_broadcast (&io->connected);
}

/**
 * pb_srt_io_get_n_connected:
 * @io: an engine
 *
 * Returns: how many peers are connected now
 */
guint
pb_srt_io_get_n_connected (PbSrtIo *io)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&io->lock);

  return io->n_connected;
}

/**
 * pb_srt_io_get_stats:
 * @io: an engine
 * @id: a link, or 0 for the engine
 * @out: (out caller-allocates): what it has done
 *
 * Returns: FALSE for an unknown link
 */
gboolean
pb_srt_io_get_stats (PbSrtIo *io, guint id, PbSrtStats *out)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&io->lock);
  GHashTableIter iter;
  gpointer value;

  if (id != 0) {
    const PbSrtLink *link =
        g_hash_table_lookup (io->links, GUINT_TO_POINTER (id));

    if (link != NULL)
      *out = link->stats;
    return link != NULL;
  }

  *out = io->totals;
  g_hash_table_iter_init (&iter, io->links);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    pb_srt_stats_add (out, &((PbSrtLink *) value)->stats, TRUE);
  return TRUE;
}
