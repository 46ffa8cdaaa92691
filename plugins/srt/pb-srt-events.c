/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-end-private.h"

#include <gst/video/video.h>

/* Whoever joins costs the encoder a key frame at most this often, so that a
 * receiver that comes and goes cannot spoil the picture of the others. */
#define KEY_FRAME_INTERVAL_US (500 * G_TIME_SPAN_MILLISECOND)

/* What the SRT engine tells of its links, and what becomes of it. */

typedef enum {
  IO_CONNECTED,
  IO_FAILED,
  IO_CLOSED,
  IO_REFUSED,
} IoKind;

/* What the I/O thread saw, for the context's */
typedef struct
{
  PbSrtEnd *end; /* owned */
  IoKind kind;
  guint id, root;
  gboolean is_surplus;
  PbFault fault;
  GSocketAddress *address; /* (nullable) */
  guint latency_ms, key_length, version;
} IoEvent;

static void
io_event_free (gpointer data)
{
  IoEvent *event = data;

  g_clear_object (&event->address);
  pb_srt_end_unref (event->end);
  g_free (event);
}

static gboolean
is_own_plain (PbSrtEnd *self, guint root)
{
  return self->plain != NULL && pb_srt_plain_get_link (self->plain) == root;
}

static gboolean
push_key_frame_request (GstElement *element, GstPad *pad, gpointer user_data)
{
  /* nobody upstream can, or there is no video there: the next one will do */
  gst_pad_push_event (pad,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          0));

  return TRUE;
}

/* A receiver shows nothing before a key frame: it gets one now, not when the
 * encoder's interval has gone by. */
static void
ask_for_key_frame (PbSrtEnd *self)
{
  const gint64 now = g_get_monotonic_time ();

  if (self->direction != PB_DIRECTION_SEND ||
      (self->key_frame_asked != 0 &&
          now - self->key_frame_asked < KEY_FRAME_INTERVAL_US))
    return;
  self->key_frame_asked = now;
  gst_element_foreach_sink_pad (self->element, push_key_frame_request, NULL);
}

static void
handle_connected (PbSrtEnd *self, const IoEvent *event)
{
  PbSrtCounterpart *other = pb_srt_meet_find_by_root (self, event->root);
  const char *path = other != NULL && other->ice != NULL ? "direct" : "plain";
  const char *id = other != NULL ? other->id : NULL;
  g_autofree char *client = NULL;

  if (other == NULL && !is_own_plain (self, event->root)) {
    pb_srt_io_remove_link (self->io, event->id); /* it came too late */
    pb_srt_meet_close_media (self, event->id);
    return;
  }
  /* One sender per slot, and the one that is there stays. */
  if (event->is_surplus) {
    pb_srt_io_remove_link (self->io, event->id);
    pb_gst_report_fault (self->report, PB_FAULT_SLOT_TAKEN, "local", id, 0, 0,
        NULL);
    if (other != NULL && other->ice != NULL) {
      pb_srt_io_remove_link (self->io, event->root);
      pb_srt_peer_link_down (other->ice, event->root, PB_FAULT_SLOT_TAKEN);
    }
    return;
  }

  if (other != NULL) {
    other->media = event->id;
    client = g_strdup (other->client);
    if (other->ice != NULL)
      pb_srt_peer_link_up (other->ice, event->root);
    else
      pb_srt_plain_link_up (other->plain);
  } else {
    g_array_append_val (self->plain_media, event->id);
    pb_srt_plain_link_up (self->plain);
    client = g_strdup_printf ("libsrt/%u.%u.%u", event->version >> 16,
        event->version >> 8 & 0xff, event->version & 0xff);
  }
  ask_for_key_frame (self);
  pb_gst_report_clear_media (self->report);
  pb_srt_end_hurry_health (self);
  pb_srt_end_set_negotiated (self, event->latency_ms);
  pb_gst_report_peer (self->report, id, client, PB_TRANSPORT_SRT, path,
      "connected", event->key_length == 16 ? "aes-128" : "aes-256",
      event->latency_ms);
  pb_srt_end_send_status (self, "connected", id, PB_FAULT_NONE, path,
      event->latency_ms);
}

static void
handle_down (PbSrtEnd *self, const IoEvent *event)
{
  PbSrtCounterpart *other = pb_srt_meet_find_by_root (self, event->root);
  gboolean is_accepted = event->id != event->root;

  for (guint i = 0; i < self->plain_media->len; i++)
    if (g_array_index (self->plain_media, guint, i) == event->id) {
      g_array_remove_index (self->plain_media, i);
      pb_gst_report_peer (self->report, NULL, NULL, PB_TRANSPORT_SRT, "plain",
          event->fault != PB_FAULT_NONE ? "error" : "disconnected", NULL, 0);
      pb_srt_end_send_status (self,
          event->fault != PB_FAULT_NONE ? "error" : "disconnected", NULL,
          event->fault, "plain", 0);
      break;
    }

  if (other == NULL) {
    if (is_own_plain (self, event->root)) {
      if (!is_accepted)
        pb_srt_plain_link_down (self->plain, event->fault);
      else
        pb_gst_report_fault (self->report, event->fault, "local", NULL, 0, 0,
            NULL);
    }
    return;
  }

  other->media = 0;
  if (other->ice != NULL) {
    /* one attempt, one listener */
    if (is_accepted)
      pb_srt_io_remove_link (self->io, event->root);
    pb_srt_peer_link_down (other->ice, event->root, event->fault);
  } else {
    pb_srt_plain_link_down (other->plain, event->fault);
  }
  if (other->is_gone)
    pb_srt_meet_drop (self, other);
}

static gboolean
is_same_address (GSocketAddress *a, GSocketAddress *b)
{
  GInetSocketAddress *x, *y;

  if (!G_IS_INET_SOCKET_ADDRESS (a) || !G_IS_INET_SOCKET_ADDRESS (b))
    return FALSE;

  x = G_INET_SOCKET_ADDRESS (a);
  y = G_INET_SOCKET_ADDRESS (b);

  return g_inet_socket_address_get_port (x) ==
             g_inet_socket_address_get_port (y) &&
         g_inet_address_equal (g_inet_socket_address_get_address (x),
             g_inet_socket_address_get_address (y));
}

static void
handle_refused (PbSrtEnd *self, const IoEvent *event)
{
  PbSrtCounterpart *other = pb_srt_meet_find_by_root (self, event->root);

  if (other == NULL) {
    if (is_own_plain (self, event->root)) {
      pb_gst_report_fault (self->report, event->fault, "peer", NULL, 0, 0,
          NULL);
      pb_srt_end_send_status (self,
          self->plain_media->len > 0 ? "connected" : "error", NULL,
          event->fault, "plain", 0);
    }
    return;
  }
  /* A stranger who knocks at the port ends no attempt. */
  if (other->ice != NULL && is_same_address (event->address, other->remote) &&
      other->media == 0) {
    pb_srt_io_remove_link (self->io, event->root);
    pb_srt_peer_link_down (other->ice, event->root, event->fault);
  }
}

static gboolean
on_io_event (gpointer user_data)
{
  IoEvent *event = user_data;
  PbSrtEnd *self = event->end;

  if (self->is_stopped)
    return G_SOURCE_REMOVE;

  switch (event->kind) {
    case IO_CONNECTED:
      handle_connected (self, event);
      break;
    case IO_FAILED:
    case IO_CLOSED:
      handle_down (self, event);
      break;
    case IO_REFUSED:
      handle_refused (self, event);
      break;
  }
  pb_srt_end_update_state (self);

  return G_SOURCE_REMOVE;
}

static void
post_event (PbSrtEnd *self, IoKind kind, const PbSrtLinkInfo *link,
    PbFault fault, GSocketAddress *address, gboolean is_surplus)
{
  IoEvent *event = g_new0 (IoEvent, 1);
  GSource *source = g_idle_source_new ();

  event->end = pb_srt_end_ref (self);
  event->kind = kind;
  event->id = link->id;
  event->root = link->listener_id != 0 ? link->listener_id : link->id;
  event->fault = fault;
  event->address = address != NULL ? g_object_ref (address) : NULL;
  event->is_surplus = is_surplus;
  event->latency_ms = link->latency_ms;
  event->key_length = link->key_length;
  event->version = link->peer_version;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_io_event, event, io_event_free);
  g_source_attach (source, self->context);
  g_source_unref (source);
}

static void
on_io_connecting (PbSrtIo *io, const PbSrtLinkInfo *link, gpointer user_data)
{
}

static void
on_io_connected (PbSrtIo *io, const PbSrtLinkInfo *link, gpointer user_data)
{
  PbSrtEnd *self = user_data;
  gboolean is_surplus = FALSE;

  /* Decided here, so that the first packet finds the door open. */
  if (self->direction == PB_DIRECTION_RECEIVE)
    is_surplus =
        !g_atomic_int_compare_and_exchange (&self->active, 0, (gint) link->id);
  post_event (self, IO_CONNECTED, link, PB_FAULT_NONE, link->peer, is_surplus);
}

static void
on_io_failed (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
    const char *detail, gpointer user_data)
{
  PbSrtEnd *self = user_data;

  GST_INFO_OBJECT (self->element, "link %u failed: %s (%s)", link->id,
      pb_fault_get_code (fault), detail != NULL ? detail : "");
  post_event (self, IO_FAILED, link, fault, NULL, FALSE);
}

static void
on_io_closed (PbSrtIo *io, const PbSrtLinkInfo *link, PbFault fault,
    const char *detail, gpointer user_data)
{
  PbSrtEnd *self = user_data;

  GST_INFO_OBJECT (self->element, "link %u closed: %s (%s)", link->id,
      pb_fault_get_code (fault), detail != NULL ? detail : "");
  pb_srt_meet_close_media (self, link->id);
  post_event (self, IO_CLOSED, link, fault, NULL, FALSE);
}

static void
on_io_refused (PbSrtIo *io, const PbSrtLinkInfo *link, GSocketAddress *caller,
    PbFault fault, guint count, gpointer user_data)
{
  PbSrtEnd *self = user_data;

  GST_INFO_OBJECT (self->element, "link %u refused %u callers: %s", link->id,
      count, pb_fault_get_code (fault));
  post_event (self, IO_REFUSED, link, fault, caller, FALSE);
}

static void
on_io_received (PbSrtIo *io, guint link_id, GstBufferList *list,
    gpointer user_data)
{
  PbSrtEnd *self = user_data;

  if (g_atomic_int_get (&self->active) == (gint) link_id)
    self->callbacks.received (list, self->user_data);
  else
    gst_buffer_list_unref (list);
}

const PbSrtIoCallbacks pb_srt_events_io_callbacks = { on_io_connecting,
  on_io_connected, on_io_failed, on_io_closed, on_io_refused, on_io_received };
