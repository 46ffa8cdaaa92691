/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-jpeg.h"

/* ITU-T T.81, annex B: as much of it as tells how large a picture is. What
 * shows one takes memory for what its header claims, however little follows. */

#define MARKER 0xff
#define SOI 0xd8
#define EOI 0xd9
#define SOS 0xda
/* length, precision, height, width */
#define FRAME_SIZE 7

static guint
read_short (const guint8 *data)
{
  return (guint) data[0] << 8 | data[1];
}

/* C0 to CF, but for tables and what is reserved */
static gboolean
begins_frame (guint8 marker)
{
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
         marker != 0xcc;
}

/* Those without a length have no place before the frame. */
static gboolean
has_length (guint8 marker)
{
  return marker >= 0xc0 && (marker < 0xd0 || marker > EOI);
}

/**
 * pb_server_jpeg_measure: (skip)
 * @data: a file
 * @size: its octets
 * @width: (out): of the picture, in pixels
 * @height: (out): of it; 0 where that is told behind the picture
 *
 * Returns: whether it begins as a JPEG does
 */
gboolean
pb_server_jpeg_measure (const guint8 *data, gsize size, guint *width,
    guint *height)
{
  gsize at = 2;

  if (size < 2 || data[0] != MARKER || data[1] != SOI)
    return FALSE;
  while (at + 2 + FRAME_SIZE <= size && data[at] == MARKER) {
    guint8 marker = data[at + 1];
    guint length;

    /* padding */
    if (marker == MARKER) {
      at++;
      continue;
    }
    length = read_short (data + at + 2);
    if (!has_length (marker) || marker == SOS || length < 2)
      return FALSE;
    if (begins_frame (marker)) {
      *height = read_short (data + at + 5);
      *width = read_short (data + at + 7);
      return length >= FRAME_SIZE;
    }
    at += 2 + length;
  }

  return FALSE;
}
