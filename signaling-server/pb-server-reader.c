/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-reader.h"

#include <string.h>

#include <wslay/wslay.h>

/* Readers kept for the next socket. One is enough while messages arrive
 * whole; more are in use only while clients send slowly. */
#define SPARE_MAX 64
/* What a reader may keep of its own buffer for answers */
#define ANSWERS_KEPT 512

struct _PbServerReaderPool {
  PbServerReaderFuncs funcs;
  gsize message_max;
  guint fragments_max;
  GPtrArray *spare; /* of PbServerReader */
};

struct _PbServerReader {
  const PbServerReaderPool *pool;
  wslay_event_context_ptr wslay;
  gpointer user_data;
  GByteArray *answers; /* frames that wslay made in this run */
  guint64 n_read;      /* bytes taken from the stream */
  guint64 n_framed;    /* bytes of all frames begun, whole */
  guint n_fragments;   /* of the message being read; 0 between messages */
  guint refusal;       /* close code of a rule that is ours */
  gboolean ended;
};

static ssize_t
on_recv (wslay_event_context_ptr wslay, uint8_t *data, size_t size, int flags,
    void *user_data)
{
  PbServerReader *self = user_data;
  gssize n = self->pool->funcs.read (self->user_data, data, size);

  if (n > 0) {
    self->n_read += n;
    return n;
  }

  if (n == 0)
    self->ended = TRUE;
  wslay_event_set_error (wslay,
      n == 0 ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
  return -1;
}

static ssize_t
on_send (wslay_event_context_ptr wslay, const uint8_t *data, size_t size,
    int flags, void *user_data)
{
  PbServerReader *self = user_data;

  g_byte_array_append (self->answers, data, size);
  return size;
}

static void
refuse (PbServerReader *self, guint code)
{
  if (self->refusal == 0)
    self->refusal = code;
  wslay_event_shutdown_read (self->wslay);
}

static void
on_frame_start (wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_start_arg *arg, void *user_data)
{
  PbServerReader *self = user_data;

  /* RFC 6455, 5.2: two bytes, the longer length, the mask. wslay refuses a
   * length that could have been written shorter, and a frame with no mask. */
  self->n_framed += 2 + 4 + arg->payload_length;
  if (arg->payload_length > G_MAXUINT16)
    self->n_framed += 8;
  else if (arg->payload_length >= 126)
    self->n_framed += 2;

  if (wslay_is_ctrl_frame (arg->opcode)) {
    /* 5.5.1: nothing, or a code of two bytes and a reason */
    if (arg->opcode == WSLAY_CONNECTION_CLOSE && arg->payload_length == 1)
      refuse (self, WSLAY_CODE_PROTOCOL_ERROR);
    return;
  }

  if (arg->opcode == WSLAY_BINARY_FRAME)
    refuse (self, WSLAY_CODE_UNSUPPORTED_DATA);
  if (++self->n_fragments > self->pool->fragments_max)
    refuse (self, WSLAY_CODE_POLICY_VIOLATION);
  if (arg->fin)
    self->n_fragments = 0;
}

static void
on_message (wslay_event_context_ptr wslay,
    const struct wslay_event_on_msg_recv_arg *arg, void *user_data)
{
  PbServerReader *self = user_data;
  const PbServerReaderFuncs *funcs = &self->pool->funcs;

  if (self->refusal != 0)
    return;
  if (arg->opcode == WSLAY_TEXT_FRAME)
    funcs->text (self->user_data,
        arg->msg_length > 0 ? (const char *) arg->msg : "", arg->msg_length);
  else if (arg->opcode == WSLAY_PONG)
    funcs->pong (self->user_data, arg->msg, arg->msg_length);
  else if (arg->opcode == WSLAY_CONNECTION_CLOSE && arg->msg_length > 2 &&
      !g_utf8_validate_len ((const char *) arg->msg + 2, arg->msg_length - 2,
          NULL))
    /* wslay skips two bytes of each piece that it reads of the reason */
    refuse (self, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);
}

static void
reader_free (PbServerReader *self)
{
  wslay_event_context_free (self->wslay);
  g_byte_array_unref (self->answers);
  g_free (self);
}

/**
 * pb_server_reader_pool_new:
 * @funcs: what its readers call
 * @message_max: bytes of a message
 * @fragments_max: frames of a message
 *
 * Returns: (transfer full): a pool
 */
PbServerReaderPool *
pb_server_reader_pool_new (const PbServerReaderFuncs *funcs,
    gsize message_max, guint fragments_max)
{
  PbServerReaderPool *self = g_new0 (PbServerReaderPool, 1);

  self->funcs = *funcs;
  self->message_max = message_max;
  self->fragments_max = fragments_max;
  self->spare = g_ptr_array_new_with_free_func ((GDestroyNotify) reader_free);

  return self;
}

/**
 * pb_server_reader_pool_free:
 * @self: (transfer full): a pool that got all its readers back
 */
void
pb_server_reader_pool_free (PbServerReaderPool *self)
{
  g_ptr_array_unref (self->spare);
  g_free (self);
}

/**
 * pb_server_reader_pool_take:
 * @self: a pool
 * @user_data: for the pool's functions
 *
 * Returns: (transfer full): a reader at the beginning of a message
 */
PbServerReader *
pb_server_reader_pool_take (PbServerReaderPool *self, gpointer user_data)
{
  static const struct wslay_event_callbacks callbacks = {
    .recv_callback = on_recv,
    .send_callback = on_send,
    .on_frame_recv_start_callback = on_frame_start,
    .on_msg_recv_callback = on_message,
  };
  PbServerReader *reader;

  if (self->spare->len > 0) {
    reader = g_ptr_array_steal_index_fast (self->spare, self->spare->len - 1);
  } else {
    reader = g_new0 (PbServerReader, 1);
    reader->pool = self;
    reader->answers = g_byte_array_new ();
    /* fails only without memory, where GLib would abort as well */
    if (wslay_event_context_server_init (&reader->wslay, &callbacks, reader) !=
        0)
      g_error ("wslay: out of memory");
    wslay_event_config_set_max_recv_msg_length (reader->wslay,
        self->message_max);
  }

  reader->user_data = user_data;
  return reader;
}

/**
 * pb_server_reader_pool_give:
 * @self: a pool
 * @reader: (transfer full): one of its readers, in whatever state
 */
void
pb_server_reader_pool_give (PbServerReaderPool *self, PbServerReader *reader)
{
  if (self->spare->len >= SPARE_MAX || !pb_server_reader_is_idle (reader)) {
    reader_free (reader);
    return;
  }

  reader->user_data = NULL;
  g_ptr_array_add (self->spare, reader);
}

/**
 * pb_server_reader_is_idle:
 * @self: a reader
 *
 * Returns: whether it holds no part of a message and may be given back
 */
gboolean
pb_server_reader_is_idle (PbServerReader *self)
{
  return self->n_read == self->n_framed && self->n_fragments == 0 &&
      self->refusal == 0 && !self->ended &&
      wslay_event_want_read (self->wslay) &&
      !wslay_event_want_write (self->wslay);
}

/**
 * pb_server_reader_make_close:
 * @code: RFC 6455, 7.4; 1005 for none
 * @reason: (nullable): for people
 * @frame: (out): the frame
 *
 * Returns: how many bytes of @frame it takes
 */
gsize
pb_server_reader_make_close (guint code, const char *reason,
    guint8 frame[PB_SERVER_CLOSE_FRAME_MAX])
{
  const char *end = "";
  gsize n = 0;

  frame[0] = 0x80 | WSLAY_CONNECTION_CLOSE;
  if (code == WSLAY_CODE_NO_STATUS_RCVD) {
    frame[1] = 0;
    return 2;
  }

  if (reason != NULL) {
    /* cut between characters */
    g_utf8_validate_len (reason, strnlen (reason, 123), &end);
    n = end - reason;
    memcpy (frame + 4, reason, n);
  }
  frame[1] = 2 + n;
  frame[2] = code >> 8;
  frame[3] = code & 0xff;

  return 4 + n;
}

/**
 * pb_server_reader_run:
 * @self: a reader
 * @close_code: (out): why it ended, unless PB_SERVER_READER_MORE
 *
 * Reads until there is nothing to read now. What it has to answer was written
 * when it returns. Once it has returned anything but PB_SERVER_READER_MORE it
 * must not run again.
 *
 * Returns: what to do next
 */
PbServerReaderResult
pb_server_reader_run (PbServerReader *self, guint *close_code)
{
  const PbServerReaderFuncs *funcs = &self->pool->funcs;
  int r = wslay_event_recv (self->wslay);
  gboolean closes;

  if (self->ended) {
    *close_code = WSLAY_CODE_ABNORMAL_CLOSURE;
    return PB_SERVER_READER_ENDED;
  }
  /* A header that cannot be: wslay would close without a code. */
  if (r != 0 && self->refusal == 0)
    self->refusal = r == WSLAY_ERR_NOMEM ? WSLAY_CODE_INTERNAL_SERVER_ERROR
                                         : WSLAY_CODE_PROTOCOL_ERROR;
  if (self->refusal != 0) {
    guint8 frame[PB_SERVER_CLOSE_FRAME_MAX];

    funcs->write (self->user_data, frame,
        pb_server_reader_make_close (self->refusal, NULL, frame));
    *close_code = self->refusal;
    return PB_SERVER_READER_REFUSED;
  }

  if (!wslay_event_want_write (self->wslay))
    return PB_SERVER_READER_MORE;

  /* on_send() takes all, so this ends with nothing left in wslay. */
  wslay_event_send (self->wslay);
  closes = wslay_event_get_close_sent (self->wslay);
  funcs->write (self->user_data, self->answers->data, self->answers->len);
  if (self->answers->len > ANSWERS_KEPT) {
    g_byte_array_unref (self->answers);
    self->answers = g_byte_array_new ();
  } else {
    g_byte_array_set_size (self->answers, 0);
  }
  if (!closes)
    return PB_SERVER_READER_MORE;

  if (wslay_event_get_close_received (self->wslay)) {
    *close_code = wslay_event_get_status_code_received (self->wslay);
    return PB_SERVER_READER_CLOSED;
  }
  *close_code = wslay_event_get_status_code_sent (self->wslay);
  return PB_SERVER_READER_REFUSED;
}
