/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-qr.h"

#include <string.h>

#include <png.h>
#include <qrencode.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"

/* ISO/IEC 18004: four modules of light on every side */
#define QUIET 4
/* pixels per module: a phone reads it across a desk */
#define SCALE 8
#define TOO_LONG "That does not fit into a QR code."

/* clang-format off */
static const struct {
  const char *name, *type;
} formats[] = {
  [PB_SERVER_QR_SVG] = { "svg", "image/svg+xml" },
  [PB_SERVER_QR_PNG] = { "png", "image/png" },
  [PB_SERVER_QR_TEXT] = { "text", "text/plain; charset=utf-8" },
};
/* clang-format on */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (QRcode, QRcode_free)

/**
 * pb_server_qr_format_from_name: (skip)
 * @name: `svg`, `png` or `text`
 * @out: (out): which that is
 *
 * Returns: whether there is such a format
 */
gboolean
pb_server_qr_format_from_name (const char *name, PbServerQrFormat *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (formats[i].name, name)) {
      *out = (PbServerQrFormat) i;
      return TRUE;
    }

  return FALSE;
}

/**
 * pb_server_qr_format_get_type: (skip)
 * @format: one of them
 *
 * Returns: its media type
 */
const char *
pb_server_qr_format_get_type (PbServerQrFormat format)
{
  return formats[format].type;
}

/* Outside the code it is light. */
static gboolean
is_dark (const QRcode *code, int x, int y)
{
  if (x < 0 || y < 0 || x >= code->width || y >= code->width)
    return FALSE;

  return code->data[y * code->width + x] & 1;
}

static GBytes *
take_string (GString *string)
{
  gsize length = string->len;

  return g_bytes_new_take (g_string_free (string, FALSE), length);
}

static GString *
draw_svg (const QRcode *code)
{
  int side = code->width + 2 * QUIET;
  GString *out = g_string_new (NULL);

  g_string_append_printf (out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
      "width=\"%d\" height=\"%d\" shape-rendering=\"crispEdges\">"
      "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path d=\"",
      side, side, side * SCALE, side * SCALE, side, side);
  for (int y = 0; y < code->width; y++)
    for (int x = 0; x < code->width; x++) {
      int run = 0;

      while (is_dark (code, x + run, y))
        run++;
      if (run == 0)
        continue;
      g_string_append_printf (out, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET,
          run, run);
      x += run;
    }
  g_string_append (out, "\"/></svg>\n");

  return out;
}

static GBytes *
draw_png (const QRcode *code, GError **error)
{
  png_image image = { .version = PNG_IMAGE_VERSION };
  guint side = (guint) (code->width + 2 * QUIET) * SCALE;
  g_autofree guint8 *pixels = g_malloc ((gsize) side * side);
  g_autofree guint8 *out = NULL;
  png_alloc_size_t size = 0;

  for (guint y = 0; y < side; y++)
    for (guint x = 0; x < side; x++)
      pixels[(gsize) y * side + x] = is_dark (code, (int) (x / SCALE) - QUIET,
          (int) (y / SCALE) - QUIET) ? 0 : 255;
  image.width = side;
  image.height = side;
  image.format = PNG_FORMAT_GRAY;
  if (png_image_write_to_memory (&image, NULL, &size, 0, pixels, 0, NULL)) {
    out = g_malloc (size);
    if (png_image_write_to_memory (&image, out, &size, 0, pixels, 0, NULL))
      return g_bytes_new_take (g_steal_pointer (&out), size);
  }
  g_set_error (error, PB_ERROR, PB_ERROR_INTERNAL, "libpng: %s",
      image.message);

  return NULL;
}

/* Two modules per character. What is light is drawn, because terminals are
 * dark; a reader takes the other way round as well. */
static GBytes *
draw_text (const QRcode *code)
{
  static const char *const blocks[] = { " ", "▄", "▀", "█" };
  GString *out = g_string_new (NULL);

  for (int y = -QUIET; y < code->width + QUIET; y += 2) {
    for (int x = -QUIET; x < code->width + QUIET; x++) {
      guint top = is_dark (code, x, y) ? 0 : 2;
      guint bottom = is_dark (code, x, y + 1) ? 0 : 1;

      g_string_append (out, blocks[top | bottom]);
    }
    g_string_append_c (out, '\n');
  }

  return take_string (out);
}

/* (transfer full) (nullable) */
static QRcode *
encode (const char *text, GError **error)
{
  /* low redundancy: a screen has no dirt, and large modules read from afar */
  QRcode *code = QRcode_encodeString (text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

  if (code == NULL)
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOO_LARGE, TOO_LONG);

  return code;
}

/**
 * pb_server_qr_draw: (skip)
 * @text: what it shall say
 * @format: what to draw
 * @error: PB_ERROR_TOO_LARGE
 *
 * Returns: (transfer full): the picture
 */
GBytes *
pb_server_qr_draw (const char *text, PbServerQrFormat format, GError **error)
{
  g_autoptr (QRcode) code = encode (text, error);

  if (code == NULL)
    return NULL;
  switch (format) {
    case PB_SERVER_QR_SVG:
      return take_string (draw_svg (code));
    case PB_SERVER_QR_PNG:
      return draw_png (code, error);
    case PB_SERVER_QR_TEXT:
      return draw_text (code);
  }

  g_return_val_if_reached (NULL);
}

/**
 * pb_server_qr_print: (skip)
 * @text: what it shall say
 * @error: PB_ERROR_TOO_LARGE
 *
 * Returns: (transfer full) (nullable): the picture as SVG, as a member `qr` of
 *   an answer or message has it; pb_secret_free() it if @text was secret
 */
char *
pb_server_qr_print (const char *text, GError **error)
{
  g_autoptr (QRcode) code = encode (text, error);
  GString *out;

  if (code == NULL)
    return NULL;
  out = draw_svg (code);
  if (out->len > PB_STRING_QR_MAX) {
    pb_secret_free (g_string_free (out, FALSE));
    g_set_error_literal (error, PB_ERROR, PB_ERROR_TOO_LARGE, TOO_LONG);
    return NULL;
  }

  return g_string_free (out, FALSE);
}
