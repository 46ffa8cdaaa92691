/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "srt-end.h"

#include <string.h>

#define TS_PACKET 188
#define PATIENCE_US (10 * G_USEC_PER_SEC)

void
event_free (Event *event)
{
  g_free (event->stream_id);
  g_free (event);
}

static void
note (End *end, EventKind kind, const PbSrtLinkInfo *link, PbFault fault,
    guint count)
{
  Event *event = g_new0 (Event, 1);

  event->kind = kind;
  event->link = link->id;
  event->listener = link->listener_id;
  event->fault = fault;
  event->count = count;
  event->latency_ms = link->latency_ms;
  event->peer_version = link->peer_version;
  event->key_length = link->key_length;
  event->is_encrypted = link->is_encrypted;
  event->stream_id = g_strdup (link->stream_id);
  g_test_message ("%p event %d link %u: %s", (void *) end, kind, link->id,
      fault != PB_FAULT_NONE ? pb_fault_get_code (fault) : "-");

  g_mutex_lock (&end->lock);
  g_queue_push_tail (&end->events, event);
  g_cond_broadcast (&end->changed);
  g_mutex_unlock (&end->lock);
}

static void
on_connecting (PbSrtIo *io, const PbSrtLinkInfo *link, gpointer user_data)
{
  note (user_data, EVENT_CONNECTING, link, PB_FAULT_NONE, 0);
}

static void
on_connected (PbSrtIo *io, const PbSrtLinkInfo *link, gpointer user_data)
{
  note (user_data, EVENT_CONNECTED, link, PB_FAULT_NONE, 0);
}

static void
on_failed (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
    const char *detail, gpointer user_data)
{
  g_assert_nonnull (detail);
  note (user_data, EVENT_FAILED, link, fault, 0);
}

static void
on_closed (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
    const char *detail, gpointer user_data)
{
  note (user_data, EVENT_CLOSED, link, fault, 0);
}

static void
on_refused (PbSrtIo *io, const PbSrtLinkInfo *link, GSocketAddress *caller,
    PbFault fault, guint count, gpointer user_data)
{
  g_assert_true (G_IS_INET_SOCKET_ADDRESS (caller));
  note (user_data, EVENT_REFUSED, link, fault, count);
}

static void
on_received (PbSrtIo *io, guint link_id, GstBufferList *list,
    gpointer user_data)
{
  End *end = user_data;

  g_mutex_lock (&end->lock);
  end->n_batches++;
  for (guint i = 0; i < gst_buffer_list_length (list); i++) {
    GstBuffer *buffer = gst_buffer_list_get (list, i);
    GstMapInfo map;

    g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
    if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT)) {
      end->n_discont++;
      end->next = -1;
    }
    g_assert_cmpint (GST_BUFFER_PTS (buffer), >=, end->last_pts);
    g_assert_cmpint (GST_BUFFER_PTS (buffer), <=,
        g_get_monotonic_time () * 1000);
    end->last_pts = GST_BUFFER_PTS (buffer);
    g_assert_cmpuint (map.size % TS_PACKET, ==, 0);
    for (gsize at = 0; at + TS_PACKET <= map.size; at += TS_PACKET) {
      guint64 counter;

      memcpy (&counter, map.data + at + 8, sizeof counter);
      if (map.data[at] != 0x47 ||
          (end->next >= 0 && (gint64) counter != end->next))
        end->n_wrong++;
      end->next = counter + 1;
      end->n_packets++;
    }
    gst_buffer_unmap (buffer, &map);
  }
  g_cond_broadcast (&end->changed);
  g_mutex_unlock (&end->lock);
  gst_buffer_list_unref (list);
}

End *
end_new_full (const PbSrtIoConfig *config)
{
  static const PbSrtIoCallbacks callbacks = {
    .connecting = on_connecting,
    .connected = on_connected,
    .failed = on_failed,
    .closed = on_closed,
    .refused = on_refused,
    .received = on_received,
  };
  End *end = g_new0 (End, 1);
  g_autoptr (GError) error = NULL;

  g_mutex_init (&end->lock);
  g_cond_init (&end->changed);
  end->next = -1;
  end->io = pb_srt_io_new (config, &callbacks, end);
  g_assert_true (pb_srt_io_start (end->io, &error));
  g_assert_no_error (error);
  return end;
}

End *
end_new (PbDirection direction)
{
  const PbSrtIoConfig config = PB_SRT_IO_CONFIG_INIT (direction);

  return end_new_full (&config);
}

void
end_free (End *end)
{
  pb_srt_io_stop (end->io);
  pb_srt_io_unref (end->io);
  g_queue_clear_full (&end->events, (GDestroyNotify) event_free);
  g_mutex_clear (&end->lock);
  g_cond_clear (&end->changed);
  g_free (end);
}

static Event *
next_event (End *end)
{
  const gint64 until = g_get_monotonic_time () + PATIENCE_US;
  Event *event;

  g_mutex_lock (&end->lock);
  while ((event = g_queue_pop_head (&end->events)) == NULL) {
    if (!g_cond_wait_until (&end->changed, &end->lock, until))
      break;
  }
  g_mutex_unlock (&end->lock);
  g_assert_nonnull (event);
  return event;
}

Event *
end_expect (End *end, EventKind kind)
{
  Event *event = next_event (end);

  g_assert_cmpint (event->kind, ==, kind);
  return event;
}

Event *
end_wait_for (End *end, EventKind kind)
{
  Event *event = next_event (end);

  while (event->kind != kind) {
    event_free (event);
    event = next_event (end);
  }
  return event;
}

gboolean
end_has_events (End *end)
{
  gboolean has_events;

  g_mutex_lock (&end->lock);
  has_events = !g_queue_is_empty (&end->events);
  g_mutex_unlock (&end->lock);
  return has_events;
}

void
end_wait_for_packets (End *end, guint64 n)
{
  const gint64 until = g_get_monotonic_time () + 2 * PATIENCE_US;

  g_mutex_lock (&end->lock);
  while (end->n_packets < n) {
    if (!g_cond_wait_until (&end->changed, &end->lock, until))
      break;
  }
  g_assert_cmpuint (end->n_packets, >=, n);
  g_mutex_unlock (&end->lock);
}

GstBuffer *
make_packets (guint64 *counter, guint n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, n * TS_PACKET, NULL);
  GstMapInfo map;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  memset (map.data, 0xff, map.size);
  for (guint i = 0; i < n; i++) {
    guint8 *packet = map.data + i * TS_PACKET;
    const guint64 value = (*counter)++;

    packet[0] = 0x47;
    packet[1] = 0x1f;
    packet[2] = 0xff;
    packet[3] = 0x10;
    memcpy (packet + 8, &value, sizeof value);
  }
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

guint64
end_send (End *end, double seconds, double mbps, guint per_buffer)
{
  const gint64 start = g_get_monotonic_time ();
  const double packets_per_us = mbps / 8 / TS_PACKET;
  const guint64 total = seconds * G_USEC_PER_SEC * packets_per_us;
  guint64 counter = 0;

  while (counter < total) {
    const guint64 due =
        (g_get_monotonic_time () - start) * packets_per_us + per_buffer;

    while (counter < MIN (due, total))
      g_assert_true (
          pb_srt_io_push (end->io, make_packets (&counter, per_buffer)));
    g_usleep (1000); /* the pace of a source, not a synchronisation */
  }
  return counter;
}

guint
end_add (End *end, const PbSrtLinkOptions *options)
{
  g_autoptr (GError) error = NULL;
  const guint id = pb_srt_io_add_link (end->io, options, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (id, !=, 0);
  return id;
}
