/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of WebSocket frames: the first byte says how the others are cut
 * into reads, the rest is what a client sent. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "pb-server-reader.h"

#define MESSAGE_MAX 4096
#define FRAGMENTS_MAX 4

typedef struct {
  const guint8 *data;
  gsize size;
  gsize step;
  gboolean is_given; /* one read a run, as from a socket */
  gboolean is_over;
} Stream;

static gssize
on_read (gpointer user_data, guint8 *data, gsize size)
{
  Stream *stream = user_data;
  gsize n = MIN (MIN (size, stream->size), stream->step);

  if (stream->is_given)
    return PB_SERVER_READ_AGAIN;
  stream->is_given = TRUE;
  memcpy (data, stream->data, n);
  stream->data += n;
  stream->size -= n;
  return n;
}

static void
on_write (gpointer user_data, const guint8 *data, gsize size)
{
  gsize at = 0;

  /* whole control frames, not masked */
  while (at < size) {
    if (size - at < 2 || (data[at] != 0x8a && data[at] != 0x88) ||
        data[at + 1] > 125)
      abort ();
    at += 2 + data[at + 1];
  }
  if (at != size)
    abort ();
}

static void
on_text (gpointer user_data, const char *text, gsize length)
{
  Stream *stream = user_data;

  /* g_utf8_validate() also refuses NUL, which is a matter of the JSON */
  if (stream->is_over || length > MESSAGE_MAX)
    abort ();
  while (length > 0) {
    gsize n = strnlen (text, length);

    if (!g_utf8_validate_len (text, n, NULL))
      abort ();
    n = MIN (n + 1, length);
    text += n;
    length -= n;
  }
}

static void
on_pong (gpointer user_data, const guint8 *data, gsize size)
{
  Stream *stream = user_data;

  if (stream->is_over || size > 125)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const PbServerReaderFuncs funcs = { .read = on_read,
    .write = on_write, .text = on_text, .pong = on_pong };
  g_autoptr (PbServerReaderPool) pool = NULL;
  PbServerReader *reader = NULL;
  Stream stream = { 0 };

  if (size < 2)
    return 0;
  stream.data = data + 1;
  stream.size = size - 1;
  stream.step = 1 + data[0] * data[0];
  pool = pb_server_reader_pool_new (&funcs, MESSAGE_MAX, FRAGMENTS_MAX);
  while (!stream.is_over) {
    guint code = 0;

    stream.is_given = FALSE;
    if (reader == NULL)
      reader = pb_server_reader_pool_take (pool, &stream);
    switch (pb_server_reader_run (reader, &code)) {
      case PB_SERVER_READER_MORE:
        if (pb_server_reader_is_idle (reader)) {
          pb_server_reader_pool_give (pool, reader);
          reader = NULL;
        }
        break;
      default:
        if (code < 1000 || code > 4999 || pb_server_reader_is_idle (reader))
          abort ();
        stream.is_over = TRUE;
        break;
    }
  }
  pb_server_reader_pool_give (pool, reader);
  return 0;
}
