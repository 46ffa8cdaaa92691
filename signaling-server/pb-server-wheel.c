/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-wheel.h"

#define N_SLOTS 256

struct _PbServerWheel {
  GSource *timer; /* NULL while nothing is armed */
  gint64 tick_us;
  guint64 now; /* the last tick that was served */
  guint n_armed;
  PbServerWheelEntry slots[N_SLOTS]; /* list heads, linked in circles */
};

static guint64
current_tick (PbServerWheel *self)
{
  return g_get_monotonic_time () / self->tick_us;
}

static void
unlink_entry (PbServerWheelEntry *entry)
{
  entry->prev->next = entry->next;
  entry->next->prev = entry->prev;
  entry->prev = entry->next = NULL;
}

static void
link_entry (PbServerWheelEntry *head, PbServerWheelEntry *entry)
{
  entry->prev = head->prev;
  entry->next = head;
  entry->prev->next = entry;
  head->prev = entry;
}

static void
serve_slot (PbServerWheel *self, PbServerWheelEntry *head, guint64 now)
{
  PbServerWheelEntry todo = { .prev = &todo, .next = &todo };

  /* A list of its own: functions arm and disarm, also each other. */
  if (head->next == head)
    return;
  todo.next = head->next;
  todo.prev = head->prev;
  todo.next->prev = todo.prev->next = &todo;
  head->next = head->prev = head;

  while (todo.next != &todo) {
    PbServerWheelEntry *entry = todo.next;

    unlink_entry (entry);
    if (entry->due > now) {
      link_entry (head, entry); /* a later turn of the wheel */
    } else {
      self->n_armed--;
      entry->func (entry);
    }
  }
}

static gboolean
on_tick (gpointer user_data)
{
  PbServerWheel *self = user_data;
  guint64 now = current_tick (self);
  guint64 first = self->now + 1;

  /* After a long sleep one turn serves all. */
  if (now >= first + N_SLOTS)
    first = now - N_SLOTS + 1;
  for (guint64 tick = first; tick <= now; tick++) {
    self->now = tick;
    serve_slot (self, &self->slots[tick % N_SLOTS], now);
  }

  if (self->n_armed > 0)
    return G_SOURCE_CONTINUE;

  g_clear_pointer (&self->timer, g_source_unref);
  return G_SOURCE_REMOVE;
}

/**
 * pb_server_wheel_new:
 * @tick_ms: how coarse it is
 *
 * Returns: (transfer full): a wheel on the thread-default main context
 */
PbServerWheel *
pb_server_wheel_new (guint tick_ms)
{
  PbServerWheel *self = g_new0 (PbServerWheel, 1);

  self->tick_us = MAX (tick_ms, 1) * (gint64) 1000;
  for (guint i = 0; i < N_SLOTS; i++)
    self->slots[i].prev = self->slots[i].next = &self->slots[i];

  return self;
}

/**
 * pb_server_wheel_free:
 * @self: (transfer full): a wheel with nothing armed; not from inside an
 *   entry's function
 */
void
pb_server_wheel_free (PbServerWheel *self)
{
  g_warn_if_fail (self->n_armed == 0);

  if (self->timer != NULL) {
    g_source_destroy (self->timer);
    g_source_unref (self->timer);
  }
  g_free (self);
}

/**
 * pb_server_wheel_arm:
 * @self: a wheel
 * @entry: an entry, armed or not
 * @delay_ms: its function is called once, not before this time
 */
void
pb_server_wheel_arm (PbServerWheel *self, PbServerWheelEntry *entry,
    guint delay_ms)
{
  gint64 us = g_get_monotonic_time () + delay_ms * (gint64) 1000;

  pb_server_wheel_disarm (self, entry);

  if (self->timer == NULL) {
    self->now = current_tick (self);
    self->timer = g_timeout_source_new (self->tick_us / 1000);
    g_source_set_static_name (self->timer, "patchbay deadlines");
    g_source_set_callback (self->timer, on_tick, self, NULL);
    g_source_attach (self->timer, g_main_context_get_thread_default ());
  }

  /* Rounded up; and never into a tick that was served already. */
  entry->due = MAX ((guint64) (us / self->tick_us), self->now) + 1;
  link_entry (&self->slots[entry->due % N_SLOTS], entry);
  self->n_armed++;
}

/**
 * pb_server_wheel_disarm:
 * @self: a wheel
 * @entry: an entry, armed or not
 */
void
pb_server_wheel_disarm (PbServerWheel *self, PbServerWheelEntry *entry)
{
  if (entry->next == NULL)
    return;

  unlink_entry (entry);
  self->n_armed--;
}
