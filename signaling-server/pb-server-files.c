/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-files.h"

#include <gio/gio.h>

#include "core/pb-error.h"
#include "pb-server-docs.h"
#include "pb-server-resources.h"

/* They never change while the program runs, and nothing in them is anybody's
 * secret: so they may be compressed, which answers of the API are not. */

#define GZIP_LEVEL 9 /* once, some milliseconds for all of them */

struct _PbServerFiles
{
  GHashTable *zipped; /* path -> GBytes */
};

/**
 * pb_server_files_new: (skip)
 *
 * Returns: (transfer full): nothing is compressed yet
 */
PbServerFiles *
pb_server_files_new (void)
{
  PbServerFiles *self = g_new0 (PbServerFiles, 1);

  self->zipped = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) g_bytes_unref);

  return self;
}

/**
 * pb_server_files_free: (skip)
 * @self: (nullable) (transfer full): the files
 */
void
pb_server_files_free (PbServerFiles *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->zipped);
  g_free (self);
}

/* By their names: a linker drops a file of a static library that nobody calls,
 * and with it the constructor that would register the resource. */
static GBytes *
look_up (const char *path)
{
  GResource *const resources[] = { pb_server_resources_get_resource (),
    pb_server_docs_get_resource () };
  GBytes *bytes = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (resources) && bytes == NULL; i++)
    bytes = g_resource_lookup_data (resources[i], path,
        G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  return bytes;
}

static GBytes *
compress (GBytes *bytes)
{
  g_autoptr (GZlibCompressor) gzip =
      g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, GZIP_LEVEL);
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream) stream =
      g_converter_output_stream_new (memory, G_CONVERTER (gzip));
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);

  if (!g_output_stream_write_all (stream, data, size, NULL, NULL, NULL) ||
      !g_output_stream_close (stream, NULL, NULL))
    return NULL;

  return g_memory_output_stream_steal_as_bytes (
      G_MEMORY_OUTPUT_STREAM (memory));
}

/**
 * pb_server_files_reply: (skip)
 * @self: the files
 * @path: of the resource
 * @type: media type, static
 * @error: PB_ERROR_NOT_FOUND
 *
 * Returns: (transfer full): the file, as it is and compressed: which of them is
 *   sent is between the client and pb_server_send()
 */
PbServerReply *
pb_server_files_reply (PbServerFiles *self, const char *path, const char *type,
    GError **error)
{
  g_autoptr (GBytes) bytes = look_up (path);
  GBytes *zipped;
  PbServerReply *reply;

  if (bytes == NULL) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        "There is nothing here.");
    return NULL;
  }
  zipped = g_hash_table_lookup (self->zipped, path);
  if (zipped == NULL) {
    zipped = compress (bytes);
    if (zipped != NULL)
      g_hash_table_insert (self->zipped, g_strdup (path), zipped);
  }
  reply = pb_server_reply_new (200, type, g_steal_pointer (&bytes));
  if (zipped != NULL)
    reply->zipped = g_bytes_ref (zipped);

  return reply;
}
