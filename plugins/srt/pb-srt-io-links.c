/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-io-private.h"

#include "pb-srt-lib-private.h"

GST_DEBUG_CATEGORY_EXTERN (pb_srt_io_debug);
#define GST_CAT_DEFAULT pb_srt_io_debug

#define SAMPLE_US (250 * 1000)

/* ---- resolving names: in a thread of its own, which nobody waits for ---- */

typedef struct
{
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
  GList *found = g_resolver_lookup_by_name (resolver, lookup->host, NULL, NULL);
  GSocketAddress *address = NULL;

  if (found != NULL)
    address = g_inet_socket_address_new (found->data, lookup->port);
  g_resolver_free_addresses (found);
  pb_srt_io_post (lookup->io, PB_SRT_COMMAND_RESOLVED, lookup->id, NULL,
      address);
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

static void
watch_link (PbSrtIo *io, PbSrtLink *link, int events)
{
  /* libsrt calls it an internal error to leave a set without being in it */
  if (g_hash_table_contains (io->by_sock, GINT_TO_POINTER (link->sock)))
    srt_epoll_update_usock (io->epoll, link->sock, &events);
  else
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
  if (g_hash_table_remove (io->by_sock, GINT_TO_POINTER (link->sock)))
    srt_epoll_remove_usock (io->epoll, link->sock);
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

void
pb_srt_io_fail_link (PbSrtIo *io, PbSrtLink *link, PbFault fault,
    const char *detail)
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

void
pb_srt_io_establish_link (PbSrtIo *io, PbSrtLink *link)
{
  PbFault fault;

  if (!pb_srt_link_confirm (link, &fault)) {
    pb_srt_io_fail_link (io, link, fault, "connected, but the keys do not fit");
    return;
  }
  watch_link (io, link,
      SRT_EPOLL_ERR | (pb_srt_io_is_sender (io) ? 0 : SRT_EPOLL_IN));
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
    pb_srt_io_fail_link (io, link, fault, detail);
    return;
  }
  watch_link (io, link, SRT_EPOLL_ERR | SRT_EPOLL_OUT);
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

void
pb_srt_io_accept_links (PbSrtIo *io, PbSrtLink *listener)
{
  struct sockaddr_storage peer;
  int length = sizeof peer;
  SRTSOCKET sock;

  while ((sock = srt_accept (listener->sock, (struct sockaddr *) &peer,
              &length)) != SRT_INVALID_SOCK) {
    PbSrtLink *link =
        pb_srt_link_new_accepted (listener, sock, (struct sockaddr *) &peer);

    insert_link (io, link);
    pb_srt_io_establish_link (io, link);
    length = sizeof peer;
  }
}

static void
begin_link (PbSrtIo *io, PbSrtLink *link)
{
  if (link->info.mode == PB_SRT_LISTENER) {
    link->state = PB_SRT_LINK_LISTENING;
    watch_link (io, link, SRT_EPOLL_ERR | SRT_EPOLL_IN);
    /* It has listened since it was made, and libsrt gives an epoll set no
     * event for a caller who came before. */
    pb_srt_io_accept_links (io, link);
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
resolve_link (PbSrtIo *io, guint id, GSocketAddress *address)
{
  PbSrtLink *link = g_hash_table_lookup (io->links, GUINT_TO_POINTER (id));

  if (link == NULL || link->state != PB_SRT_LINK_RESOLVING)
    return;
  if (address == NULL) {
    pb_srt_io_fail_link (io, link, PB_FAULT_NO_PATH, "no such host");
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

void
pb_srt_io_run_commands (PbSrtIo *io)
{
  GQueue commands = G_QUEUE_INIT;
  PbSrtCommand *command;

  g_mutex_lock (&io->lock);
  commands = io->commands;
  g_queue_init (&io->commands);
  g_mutex_unlock (&io->lock);

  while ((command = g_queue_pop_head (&commands)) != NULL) {
    if (command->kind == PB_SRT_COMMAND_ADD) {
      PbSrtLink *link = g_steal_pointer (&command->link);

      insert_link (io, link);
      begin_link (io, link);
    } else if (command->kind == PB_SRT_COMMAND_REMOVE) {
      drop_link (io, command->id);
    } else {
      resolve_link (io, command->id, command->address);
    }
    pb_srt_io_command_free (command);
  }
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
        pb_srt_io_fail_link (io, link, PB_FAULT_TIMED_OUT,
            "no answer from the resolver");
      break;
    case PB_SRT_LINK_CONNECTING:
      if (now >= link->deadline) {
        const PbFault fault = pb_srt_link_get_refusal (link, &detail);

        if (fault == PB_FAULT_REFUSED)
          pb_srt_io_fail_link (io, link, PB_FAULT_TIMED_OUT, detail);
        else
          pb_srt_io_fail_link (io, link, fault, detail);
      } else if (pb_srt_link_is_abandoned (link, now)) {
        const PbFault fault = pb_srt_link_get_refusal (link, &detail);

        pb_srt_io_fail_link (io, link, fault, detail);
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

void
pb_srt_io_tend_links (PbSrtIo *io, gint64 now)
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

void
pb_srt_io_close_links (PbSrtIo *io)
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
