/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "net/pb-ws-guard-private.h"

#include "core/pb-error.h"
#include "core/pb-limits.h"

/* Octets read before others on this thread have their turn: some fifty
 * introductions, each of which may cost milliseconds */
#define READ_TURN (16 * 1024)
/* Pings and pongs taken in a second. A server sends one each 15 s; libsoup
 * answers each at a cost that grows with those it could not send yet. */
#define CONTROL_MAX 16
/* RFC 6455, section 5.2 */
#define FIN 0x80
#define MASKED 0x80
#define IS_CONTROL 0x08
#define HEADER_MAX 14

struct _PbWsGuard
{
  GFilterInputStream parent;

  /* the reading thread only */
  guint8 header[HEADER_MAX];
  guint n_header;
  guint64 n_payload; /* of this frame, still to come */
  guint64 n_message; /* of this message, announced so far */
  guint n_fragments;
  guint n_control; /* since `control_us` */
  gint64 control_us;
  gsize n_turn;
};

static void pb_ws_guard_iface_init (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (PbWsGuard, pb_ws_guard,
    G_TYPE_FILTER_INPUT_STREAM,
    G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
        pb_ws_guard_iface_init))

/* How long the header is, as far as it is known by now */
static guint
get_header_size (PbWsGuard *self)
{
  guint size = 2;

  if (self->n_header < size)
    return size;
  if ((self->header[1] & ~MASKED) == 126)
    size += 2;
  else if ((self->header[1] & ~MASKED) == 127)
    size += 8;

  return size + ((self->header[1] & MASKED) != 0 ? 4 : 0);
}

static guint64
get_payload_size (PbWsGuard *self)
{
  guint64 size = self->header[1] & ~MASKED;
  guint n = size == 126 ? 2 : size == 127 ? 8 : 0;

  if (n == 0)
    return size;
  size = 0;
  for (guint i = 0; i < n; i++)
    size = size << 8 | self->header[2 + i];

  return size;
}

static gboolean
count_control (PbWsGuard *self, GError **error)
{
  gint64 now_us = g_get_monotonic_time ();

  if (now_us - self->control_us >= G_USEC_PER_SEC) {
    self->control_us = now_us;
    self->n_control = 0;
  }
  if (++self->n_control <= CONTROL_MAX)
    return TRUE;

  g_set_error_literal (error, PB_ERROR, PB_ERROR_RATE,
      "the server sent too many pings");
  return FALSE;
}

static gboolean
count_frame (PbWsGuard *self, GError **error)
{
  guint8 first = self->header[0];

  self->n_payload = get_payload_size (self);
  /* libsoup holds each frame against the limit, those of control as well */
  if ((first & IS_CONTROL) != 0)
    return count_control (self, error);

  self->n_fragments++;
  self->n_message += MIN (self->n_payload, PB_WS_MESSAGE_MAX + 1);
  if (self->n_message > PB_WS_MESSAGE_MAX ||
      self->n_fragments > PB_WS_FRAGMENTS_MAX) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOO_LARGE,
        "the server sent a message that is too large");
    return FALSE;
  }
  if ((first & FIN) != 0)
    self->n_message = self->n_fragments = 0;

  return TRUE;
}

static gboolean
count (PbWsGuard *self, const guint8 *data, gsize size, GError **error)
{
  while (size > 0) {
    gsize n = MIN (size, self->n_payload);

    self->n_payload -= n;
    data += n;
    size -= n;
    if (size == 0)
      break;
    self->header[self->n_header++] = *data++;
    size--;
    if (self->n_header < get_header_size (self))
      continue;
    if (!count_frame (self, error))
      return FALSE;
    self->n_header = 0;
  }

  return TRUE;
}

static GPollableInputStream *
get_base (GPollableInputStream *stream)
{
  return G_POLLABLE_INPUT_STREAM (
      g_filter_input_stream_get_base_stream (G_FILTER_INPUT_STREAM (stream)));
}

static gssize
pb_ws_guard_read_nonblocking (GPollableInputStream *stream, void *buffer,
    gsize size, GError **error)
{
  PbWsGuard *self = PB_WS_GUARD (stream);
  gssize n;

  if (self->n_turn >= READ_TURN) {
    /* the source fires again at once */
    self->n_turn = 0;
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK,
        "others have their turn");
    return -1;
  }

  n = g_pollable_input_stream_read_nonblocking (get_base (stream), buffer,
      size, NULL, error);
  if (n <= 0) {
    self->n_turn = 0;
    return n;
  }
  self->n_turn += (gsize) n;

  return count (self, buffer, (gsize) n, error) ? n : -1;
}

static gboolean
pb_ws_guard_can_poll (GPollableInputStream *stream)
{
  return g_pollable_input_stream_can_poll (get_base (stream));
}

static gboolean
pb_ws_guard_is_readable (GPollableInputStream *stream)
{
  return g_pollable_input_stream_is_readable (get_base (stream));
}

static GSource *
pb_ws_guard_create_source (GPollableInputStream *stream,
    GCancellable *cancellable)
{
  g_autoptr (GSource) base =
      g_pollable_input_stream_create_source (get_base (stream), NULL);

  return g_pollable_source_new_full (stream, base, cancellable);
}

static void
pb_ws_guard_iface_init (GPollableInputStreamInterface *iface)
{
  iface->can_poll = pb_ws_guard_can_poll;
  iface->is_readable = pb_ws_guard_is_readable;
  iface->create_source = pb_ws_guard_create_source;
  iface->read_nonblocking = pb_ws_guard_read_nonblocking;
}

static void
pb_ws_guard_init (PbWsGuard *self)
{
}

static void
pb_ws_guard_class_init (PbWsGuardClass *klass)
{
}

static GQuark
wrapped_quark (void)
{
  return g_quark_from_static_string ("pb-ws-guard-wrapped");
}

/**
 * pb_ws_guard_wrap: (skip)
 * @stream: an open connection
 *
 * Returns: (transfer full): it, read through a guard
 */
GIOStream *
pb_ws_guard_wrap (GIOStream *stream)
{
  g_autoptr (GInputStream) guard = g_object_new (PB_TYPE_WS_GUARD,
      "base-stream", g_io_stream_get_input_stream (stream),
      "close-base-stream", FALSE, NULL);
  GIOStream *wrapper = g_simple_io_stream_new (guard,
      g_io_stream_get_output_stream (stream));

  /* the socket is closed with the last reference to the connection */
  g_object_set_qdata_full (G_OBJECT (wrapper), wrapped_quark (),
      g_object_ref (stream), g_object_unref);

  return wrapper;
}

/**
 * pb_ws_guard_get_wrapped: (skip)
 * @stream: from pb_ws_guard_wrap()
 *
 * Returns: (transfer none): the connection
 */
GIOStream *
pb_ws_guard_get_wrapped (GIOStream *stream)
{
  return g_object_get_qdata (G_OBJECT (stream), wrapped_quark ());
}
