/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-io-private.h"

#include "pb-srt-lib-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

GST_DEBUG_CATEGORY (pb_srt_io_debug);

/* Only a thread that is not scheduled lets this much pile up: a second
 * at 256 Mbit/s */
#define QUEUE_BYTES_MAX (32 * 1024 * 1024)

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

void
pb_srt_io_command_free (PbSrtCommand *command)
{
  g_clear_pointer (&command->link, pb_srt_link_free);
  g_clear_object (&command->address);
  g_free (command);
}

void
pb_srt_io_post (PbSrtIo *io, PbSrtCommandKind kind, guint id, PbSrtLink *link,
    GSocketAddress *address)
{
  PbSrtCommand *command = g_new0 (PbSrtCommand, 1);

  command->kind = kind;
  command->id = id;
  command->link = link;
  command->address = address;
  g_mutex_lock (&io->lock);
  g_queue_push_tail (&io->commands, command);
  g_cond_signal (&io->wake);
  g_mutex_unlock (&io->lock);
}

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
                            config->direction == PB_DIRECTION_RECEIVE,
      NULL);
  g_return_val_if_fail (config->payload_size > 0 &&
                            config->payload_size <= SRT_LIVE_MAX_PLSIZE,
      NULL);

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
  PbSrtCommand *command;

  while ((command = g_queue_pop_head (&io->commands)) != NULL)
    pb_srt_io_command_free (command);
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
  io->thread = g_thread_try_new ("pb-srt-io", pb_srt_io_thread,
      pb_srt_io_ref (io), error);
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
    g_hash_table_replace (io->ports, &port->inode,
        g_atomic_rc_box_acquire (port));
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
                            options->peer != NULL || options->host != NULL,
      0);

  port = get_port (io, options, error);
  if (port == NULL)
    return 0;
  number =
      g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (port->address));
  link = pb_srt_link_new (options, port, io->config.direction,
      io->config.payload_size, error);
  pb_srt_port_unref (port);
  if (link == NULL)
    return 0;

  g_mutex_lock (&io->lock);
  id = link->info.id = ++io->last_id;
  g_hash_table_insert (io->local_ports, GUINT_TO_POINTER (id),
      GUINT_TO_POINTER (number));
  g_mutex_unlock (&io->lock);
  pb_srt_io_post (io, PB_SRT_COMMAND_ADD, id, link, NULL);
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
  pb_srt_io_post (io, PB_SRT_COMMAND_REMOVE, id, NULL, NULL);
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
