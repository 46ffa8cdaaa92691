/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * PbSrtBatch:
 *
 * Buffers on their way to libsrt, and the messages they make: full ones of a
 * whole number of transport stream packets, cut across buffers; only the last
 * of a batch may be shorter. No lock: whoever holds it owns it.
 */
typedef struct _PbSrtBatch PbSrtBatch;

typedef struct
{
  const guint8 *data; /* valid until pb_srt_batch_clear() */
  guint size;
  gint64 stamp; /* monotonic, us */
} PbSrtMessage;

PbSrtBatch *pb_srt_batch_new (guint payload_size, guint stamp_us);
void pb_srt_batch_free (PbSrtBatch *batch);

void pb_srt_batch_add (PbSrtBatch *batch, GstBuffer *buffer, gint64 arrival);
gsize pb_srt_batch_get_bytes (const PbSrtBatch *batch);
/* How many messages the batch makes, at least. */
guint pb_srt_batch_get_n_packets (const PbSrtBatch *batch);
/* `last_stamp` (inout): source times never go back, also between batches. */
const PbSrtMessage *pb_srt_batch_cut (PbSrtBatch *batch, gint64 *last_stamp,
    guint *n_messages);
void pb_srt_batch_clear (PbSrtBatch *batch);

G_END_DECLS
