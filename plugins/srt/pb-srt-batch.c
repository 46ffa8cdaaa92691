/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-batch-private.h"

#include <string.h>

#define TS_PACKET 188

typedef struct
{
  GstBuffer *buffer;
  gint64 arrival;
  GstMapInfo map; /* while cut */
  gboolean is_mapped;
} Item;

struct _PbSrtBatch
{
  guint message_size;
  guint stamp_us;
  gsize n_bytes;
  GArray *items;      /* of Item */
  GArray *messages;   /* of PbSrtMessage */
  GByteArray *joined; /* what had to be copied together */
};

PbSrtBatch *
pb_srt_batch_new (guint payload_size, guint stamp_us)
{
  PbSrtBatch *batch = g_new0 (PbSrtBatch, 1);

  batch->message_size = payload_size >= TS_PACKET
                            ? payload_size - payload_size % TS_PACKET
                            : payload_size;
  batch->stamp_us = stamp_us;
  batch->items = g_array_new (FALSE, FALSE, sizeof (Item));
  batch->messages = g_array_new (FALSE, FALSE, sizeof (PbSrtMessage));
  batch->joined = g_byte_array_new ();
  return batch;
}

void
pb_srt_batch_free (PbSrtBatch *batch)
{
  pb_srt_batch_clear (batch);
  g_array_unref (batch->items);
  g_array_unref (batch->messages);
  g_byte_array_unref (batch->joined);
  g_free (batch);
}

void
pb_srt_batch_add (PbSrtBatch *batch, GstBuffer *buffer, gint64 arrival)
{
  const Item item = { .buffer = buffer, .arrival = arrival };

  batch->n_bytes += gst_buffer_get_size (buffer);
  g_array_append_val (batch->items, item);
}

gsize
pb_srt_batch_get_bytes (const PbSrtBatch *batch)
{
  return batch->n_bytes;
}

guint
pb_srt_batch_get_n_packets (const PbSrtBatch *batch)
{
  return (batch->n_bytes + batch->message_size - 1) / batch->message_size;
}

void
pb_srt_batch_clear (PbSrtBatch *batch)
{
  for (guint i = 0; i < batch->items->len; i++) {
    Item *item = &g_array_index (batch->items, Item, i);

    if (item->is_mapped)
      gst_buffer_unmap (item->buffer, &item->map);
    gst_buffer_unref (item->buffer);
  }
  g_array_set_size (batch->items, 0);
  g_array_set_size (batch->messages, 0);
  batch->n_bytes = 0;
}

const PbSrtMessage *
pb_srt_batch_cut (PbSrtBatch *batch, gint64 *last_stamp, guint *n_messages)
{
  PbSrtMessage open = { 0 };
  gsize used = 0;

  /* sized first: messages point into it */
  g_byte_array_set_size (batch->joined, batch->n_bytes);
  for (guint i = 0; i < batch->items->len; i++) {
    Item *item = &g_array_index (batch->items, Item, i);
    const guint8 *data;
    gsize left;

    item->is_mapped = gst_buffer_map (item->buffer, &item->map, GST_MAP_READ);
    if (!item->is_mapped)
      continue;
    data = item->map.data;
    left = item->map.size;
    if (item->arrival - *last_stamp >= batch->stamp_us)
      *last_stamp = item->arrival;

    while (left > 0) {
      guint n;

      if (open.size == 0 && left >= batch->message_size) {
        const PbSrtMessage whole = { .data = data,
          .size = batch->message_size,
          .stamp = *last_stamp };

        g_array_append_val (batch->messages, whole);
        data += whole.size;
        left -= whole.size;
        continue;
      }
      if (open.size == 0) {
        open.data = batch->joined->data + used;
        open.stamp = *last_stamp;
      }
      n = MIN (left, batch->message_size - open.size);
      memcpy (batch->joined->data + used, data, n);
      used += n;
      open.size += n;
      data += n;
      left -= n;
      if (open.size == batch->message_size) {
        g_array_append_val (batch->messages, open);
        open.size = 0;
      }
    }
  }
  if (open.size > 0)
    g_array_append_val (batch->messages, open);

  *n_messages = batch->messages->len;
  return (const PbSrtMessage *) (gpointer) batch->messages->data;
}
