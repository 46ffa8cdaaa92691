/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbServerReader:
 * Turns bytes from a WebSocket client into messages: libwslay, and the rules
 * it leaves to us. It knows no socket, so the fuzzer drives it as the server
 * does.
 *
 * A reader holds 8 KiB of buffers. Between messages it holds no state, and
 * goes back to its pool: an idle socket has none.
 */
typedef struct _PbServerReader PbServerReader;
typedef struct _PbServerReaderPool PbServerReaderPool;

#define PB_SERVER_READ_AGAIN (-1)

typedef struct {
  /* Up to @size bytes; 0: the stream ended or broke;
   * PB_SERVER_READ_AGAIN: nothing now */
  gssize (*read) (gpointer user_data, guint8 *data, gsize size);
  /* whole frames to send: pongs, and the frame that closes */
  void (*write) (gpointer user_data, const guint8 *data, gsize size);
  /* one message, valid UTF-8, not terminated */
  void (*text) (gpointer user_data, const char *text, gsize length);
  void (*pong) (gpointer user_data, const guint8 *data, gsize size);
} PbServerReaderFuncs;

typedef enum {
  PB_SERVER_READER_MORE,    /* wait for more bytes */
  PB_SERVER_READER_CLOSED,  /* the client said goodbye and was answered */
  PB_SERVER_READER_REFUSED, /* it broke a rule and was told which */
  PB_SERVER_READER_ENDED,   /* no more bytes will come */
} PbServerReaderResult;

PbServerReaderPool *pb_server_reader_pool_new (
    const PbServerReaderFuncs *funcs, gsize message_max, guint fragments_max);
void pb_server_reader_pool_free (PbServerReaderPool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerReaderPool, pb_server_reader_pool_free)

PbServerReader *pb_server_reader_pool_take (PbServerReaderPool *self,
    gpointer user_data);
void pb_server_reader_pool_give (PbServerReaderPool *self,
    PbServerReader *reader);

PbServerReaderResult pb_server_reader_run (PbServerReader *self,
    guint *close_code);
/* Nothing is half-read: the next byte begins a message. */
gboolean pb_server_reader_is_idle (PbServerReader *self);

/* The frame that closes; @reason is cut to what fits. Returns its size. */
#define PB_SERVER_CLOSE_FRAME_MAX 127
gsize pb_server_reader_make_close (guint code, const char *reason,
    guint8 frame[PB_SERVER_CLOSE_FRAME_MAX]);

G_END_DECLS
