/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <sys/socket.h>

#include "core/pb-limits.h"
#include "pb-server-ws.h"
#include "server-client.h"

typedef struct {
  PbServerWs *ws;
  PbServerConn *conn;
  Client *client;
  GPtrArray *messages; /* of GString */
  guint n_closed;
  guint close_code;
  gboolean closes_on_message;
  gboolean echoes;
} Fixture;

static void
on_message (PbServerConn *conn, const char *text, gsize length,
    gpointer user_data)
{
  Fixture *f = user_data;

  g_assert_cmpuint (f->n_closed, ==, 0);
  g_ptr_array_add (f->messages, g_string_new_len (text, length));
  if (f->echoes)
    pb_server_conn_send_text (conn, text, length);
  if (f->closes_on_message)
    pb_server_conn_close (conn, 4001, "closed");
}

static void
on_closed (PbServerConn *conn, guint code, gpointer user_data)
{
  Fixture *f = user_data;

  f->n_closed++;
  f->close_code = code;
}

static void
free_message (gpointer message)
{
  g_string_free (message, TRUE);
}

static void
set_up_with (Fixture *f, const PbServerWsLimits *limits)
{
  static const PbServerWsFuncs funcs = { .message = on_message,
    .closed = on_closed };
  g_autoptr (GError) error = NULL;
  int pair[2];

  f->messages = g_ptr_array_new_with_free_func (free_message);
  f->ws = pb_server_ws_new (&funcs, f, limits, &error);
  g_assert_no_error (error);
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  f->client = client_new (pair[0]);
  f->conn = pb_server_ws_adopt (f->ws, pair[1], "192.0.2.7", NULL, &error);
  g_assert_no_error (error);
  pb_server_conn_ref (f->conn);
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  PbServerWsLimits limits;

  pb_server_ws_limits_init (&limits);
  set_up_with (f, &limits);
}

static void
set_up_quick (Fixture *f, gconstpointer unused)
{
  PbServerWsLimits limits;

  pb_server_ws_limits_init (&limits);
  limits.ping_ms = limits.pong_ms = limits.idle_ms = limits.close_ms = 40;
  limits.tick_ms = 5;
  set_up_with (f, &limits);
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  pb_server_conn_unref (f->conn);
  pb_server_ws_free (f->ws);
  g_assert_cmpuint (f->n_closed, ==, 1);
  client_free (f->client);
  g_ptr_array_unref (f->messages);
}

static gboolean
has_message (gpointer data)
{
  return ((Fixture *) data)->messages->len > 0;
}

static gboolean
is_closed (gpointer data)
{
  return ((Fixture *) data)->n_closed > 0;
}

static gboolean
is_gone (gpointer data)
{
  Fixture *f = data;

  client_poll (f->client);
  return pb_server_ws_get_stats (f->ws)->n_sockets == 0;
}

static void
assert_message (Fixture *f, guint i, const char *text)
{
  g_assert_cmpuint (f->messages->len, >, i);
  g_assert_cmpstr (((GString *) f->messages->pdata[i])->str, ==, text);
}

/* --- what must be refused ------------------------------------------------ */

#define S(literal) literal, sizeof (literal) - 1

/* Up to three frames; `raw` frames go as they are, others are masked. The
 * case numbers are those of the Autobahn suite that the idea is from. */
typedef struct {
  const char *name;
  guint code;
  struct {
    int first; /* -1: raw */
    const char *data;
    gsize size;
  } frames[4];
} Case;

/* clang-format off */
static const Case cases[] = {
  /* 3.x reserved bits */
  { "rsv1-text", 1002, { { 0xc1, S ("x") } } },
  { "rsv2-text", 1002, { { 0xa1, S ("x") } } },
  { "rsv3-text", 1002, { { 0x91, S ("x") } } },
  { "rsv-all-empty", 1002, { { 0xf1, S ("") } } },
  { "rsv1-ping", 1002, { { 0xc9, S ("x") } } },
  { "rsv2-close", 1002, { { 0xa8, S ("\x03\xe8") } } },
  { "rsv1-continuation", 1002, { { 0x01, S ("x") }, { 0xc0, S ("y") } } },
  /* 4.x reserved opcodes */
  { "opcode-3", 1002, { { 0x83, S ("") } } },
  { "opcode-4", 1002, { { 0x84, S ("x") } } },
  { "opcode-5", 1002, { { 0x85, S ("x") } } },
  { "opcode-6", 1002, { { 0x86, S ("x") } } },
  { "opcode-7", 1002, { { 0x87, S ("x") } } },
  { "opcode-11", 1002, { { 0x8b, S ("") } } },
  { "opcode-12", 1002, { { 0x8c, S ("x") } } },
  { "opcode-13", 1002, { { 0x8d, S ("x") } } },
  { "opcode-14", 1002, { { 0x8e, S ("x") } } },
  { "opcode-15", 1002, { { 0x8f, S ("x") } } },
  { "opcode-3-inside-message", 1002, { { 0x01, S ("x") }, { 0x83, S ("y") } } },
  /* 2.x, 5.x control frames and fragments */
  { "ping-fragmented", 1002, { { 0x09, S ("x") }, { 0x80, S ("y") } } },
  { "pong-fragmented", 1002, { { 0x0a, S ("x") }, { 0x80, S ("y") } } },
  { "close-fragmented", 1002, { { 0x08, S ("\x03\xe8") } } },
  { "ping-126", 1002, { { 0x89, NULL, 126 } } },
  { "pong-126", 1002, { { 0x8a, NULL, 126 } } },
  { "close-126", 1002, { { 0x88, NULL, 126 } } },
  { "ping-65536", 1002, { { 0x89, NULL, 65536 } } },
  { "continuation-first", 1002, { { 0x80, S ("x") } } },
  { "continuation-first-not-final", 1002, { { 0x00, S ("x") }, { 0x80, S ("y") } } },
  { "continuation-after-message", 1002, { { 0x81, S ("x") }, { 0x80, S ("y") } } },
  { "text-inside-message", 1002, { { 0x01, S ("x") }, { 0x81, S ("y") } } },
  { "text-inside-message-not-final", 1002, { { 0x01, S ("x") }, { 0x01, S ("y") } } },
  /* masking, lengths */
  { "unmasked-text", 1002, { { -1, S ("\x81\x01x") } } },
  { "unmasked-empty", 1002, { { -1, S ("\x81\x00") } } },
  { "unmasked-ping", 1002, { { -1, S ("\x89\x01x") } } },
  { "length-16-for-125", 1002, { { -1, S ("\x81\xfe\x00\x7d\x00\x00\x00\x00") } } },
  { "length-64-for-65535", 1002, { { -1, S ("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00") } } },
  { "length-63-bits", 1009, { { -1, S ("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00x") } } },
  { "length-64-bits", 1002, { { -1, S ("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00") } } },
  { "too-big", 1009, { { 0x81, NULL, PB_WS_MESSAGE_MAX + 1 } } },
  { "too-big-in-two", 1009, { { 0x01, NULL, PB_WS_MESSAGE_MAX }, { 0x80, S ("x") } } },
  { "too-big-in-three", 1009, { { 0x01, NULL, 40000 }, { 0x00, NULL, 25536 }, { 0x80, S ("x") } } },
  { "binary", 1003, { { 0x82, S ("x") } } },
  { "binary-empty", 1003, { { 0x82, S ("") } } },
  { "binary-not-final", 1003, { { 0x02, S ("x") } } },
  /* 6.x UTF-8 */
  { "utf8-lone-continuation", 1007, { { 0x81, S ("\x80") } } },
  { "utf8-overlong-slash", 1007, { { 0x81, S ("\xc0\xaf") } } },
  { "utf8-overlong-3", 1007, { { 0x81, S ("\xe0\x80\xaf") } } },
  { "utf8-overlong-4", 1007, { { 0x81, S ("\xf0\x80\x80\xaf") } } },
  { "utf8-overlong-nul", 1007, { { 0x81, S ("\xc0\x80") } } },
  { "utf8-surrogate", 1007, { { 0x81, S ("\xed\xa0\x80") } } },
  { "utf8-surrogate-pair", 1007, { { 0x81, S ("\xed\xa0\x80\xed\xb0\x80") } } },
  { "utf8-beyond", 1007, { { 0x81, S ("\xf4\x90\x80\x80") } } },
  { "utf8-five", 1007, { { 0x81, S ("\xf8\x88\x80\x80\x80") } } },
  { "utf8-fe", 1007, { { 0x81, S ("\xfe") } } },
  { "utf8-ff", 1007, { { 0x81, S ("\xff") } } },
  { "utf8-cut", 1007, { { 0x81, S ("\xce\xba\xe1\xbd") } } },
  { "utf8-missing-continuation", 1007, { { 0x81, S ("\xe2\x28\xa1") } } },
  { "utf8-bad-across-frames", 1007, { { 0x01, S ("\xce\xba\xed") }, { 0x80, S ("\xa0\x80") } } },
  { "utf8-cut-across-frames", 1007, { { 0x01, S ("\xe1") }, { 0x80, S ("\xbd") } } },
  { "utf8-fails-before-the-end", 1007, { { 0x01, S ("\xf4\x90") } } },
  /* 7.x closing */
  { "close-one-byte", 1002, { { 0x88, S ("\x03") } } },
  { "close-0", 1002, { { 0x88, S ("\x00\x00") } } },
  { "close-999", 1002, { { 0x88, S ("\x03\xe7") } } },
  { "close-1004", 1002, { { 0x88, S ("\x03\xec") } } },
  { "close-1005", 1002, { { 0x88, S ("\x03\xed") } } },
  { "close-1006", 1002, { { 0x88, S ("\x03\xee") } } },
  { "close-1015", 1002, { { 0x88, S ("\x03\xf7") } } },
  { "close-1016", 1002, { { 0x88, S ("\x03\xf8") } } },
  { "close-1100", 1002, { { 0x88, S ("\x04\x4c") } } },
  { "close-2000", 1002, { { 0x88, S ("\x07\xd0") } } },
  { "close-2999", 1002, { { 0x88, S ("\x0b\xb7") } } },
  { "close-5000", 1002, { { 0x88, S ("\x13\x88") } } },
  { "close-65535", 1002, { { 0x88, S ("\xff\xff") } } },
  { "close-reason-not-utf8", 1007, { { 0x88, S ("\x03\xe8\xce\xba\xff") } } },
  /* the same, behind a good message and a ping */
  { "after-a-message", 1002, { { 0x81, S ("good") }, { 0x89, S ("p") }, { 0x83, S ("") } } },
};
/* clang-format on */

static void
append_case (const Case *c, GByteArray *bytes)
{
  static const char zeros[PB_WS_MESSAGE_MAX + 1];

  for (guint i = 0; i < G_N_ELEMENTS (c->frames); i++) {
    const char *data = c->frames[i].data;

    if (c->frames[i].first == 0 && data == NULL && c->frames[i].size == 0)
      break;
    if (c->frames[i].first < 0)
      g_byte_array_append (bytes, (const guint8 *) data, c->frames[i].size);
    else
      frame_append (bytes, c->frames[i].first, data != NULL ? data : zeros,
          c->frames[i].size);
  }
}

static void
run_case (Fixture *f, const Case *c, gsize step)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  gsize at = 0;

  append_case (c, bytes);
  while (at < bytes->len) {
    gsize n = MIN (step, bytes->len - at);

    if (!client_send (f->client, bytes->data + at, n))
      break;
    at += n;
    if (bytes->len < 1000)
      run_ready ();
  }
  g_assert_cmpuint (client_wait_close (f->client), ==, c->code);
  /* it may not speak again: our end comes without its answer */
  client_wait_end (f->client);
  wait_until (is_closed, f);
  g_assert_cmpuint (f->close_code, ==, c->code);
  for (guint i = 0; i < f->messages->len; i++)
    g_assert_true (g_utf8_validate_len (
        ((GString *) f->messages->pdata[i])->str,
        ((GString *) f->messages->pdata[i])->len, NULL));
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  run_case (f, data, G_MAXSIZE);
}

static void
test_refused_bytewise (Fixture *f, gconstpointer data)
{
  run_case (f, data, 1);
}

/* --- what must pass ------------------------------------------------------ */

static void
test_message (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  f->echoes = TRUE;
  client_send_frame (f->client, 0x81, "hello", 5);
  g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
  g_assert_cmpmem (data->data, data->len, "hello", 5);
  assert_message (f, 0, "hello");
  g_assert_cmpstr (pb_server_conn_get_address (f->conn), ==, "192.0.2.7");
}

static void
test_sizes (Fixture *f, gconstpointer unused)
{
  static const gsize sizes[] = { 0, 1, 125, 126, 127, 128, 4090, 4096, 4100,
    65535, 65536 };
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autofree char *text = g_malloc (65536);

  memset (text, 'a', 65536);
  f->echoes = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    client_send_frame (f->client, 0x81, text, sizes[i]);
    g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
    g_assert_cmpmem (data->data, data->len, text, sizes[i]);
  }
}

static void
test_bytewise (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GByteArray) data = g_byte_array_new ();

  f->echoes = TRUE;
  frame_append (bytes, 0x01, "\xce", 1);
  frame_append (bytes, 0x89, "ping", 4);
  frame_append (bytes, 0x00, "", 0);
  frame_append (bytes, 0x80, "\xba.", 2);
  for (guint i = 0; i < bytes->len; i++) {
    client_send (f->client, bytes->data + i, 1);
    run_ready ();
  }
  g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x8a);
  g_assert_cmpmem (data->data, data->len, "ping", 4);
  g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
  assert_message (f, 0, "\xce\xba.");
}

static void
test_many_in_one_segment (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  f->echoes = TRUE;
  for (guint i = 0; i < 3000; i++) {
    g_autofree char *text = g_strdup_printf ("message %u", i);

    frame_append (bytes, 0x81, text, strlen (text));
  }
  client_send (f->client, bytes->data, bytes->len);
  for (guint i = 0; i < 3000; i++) {
    g_autoptr (GByteArray) data = g_byte_array_new ();
    g_autofree char *text = g_strdup_printf ("message %u", i);

    g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
    g_assert_cmpmem (data->data, data->len, text, strlen (text));
  }
}

static void
send_fragments (Fixture *f, guint n)
{
  for (guint i = 0; i < n; i++)
    client_send_frame (f->client,
        (i == 0 ? 0x01 : 0x00) | (i == n - 1 ? 0x80 : 0), "x", 1);
}

static void
test_fragments_up_to_the_limit (Fixture *f, gconstpointer unused)
{
  send_fragments (f, PB_WS_FRAGMENTS_MAX);
  wait_until (has_message, f);
  assert_message (f, 0, "xxxxxxxxxxxxxxxx");
  send_fragments (f, PB_WS_FRAGMENTS_MAX);
  client_send_frame (f->client, 0x89, "", 0);
  g_assert_cmpuint (client_wait_frame (f->client, NULL), ==, 0x8a);
  g_assert_cmpuint (f->messages->len, ==, 2);
}

static void
test_fragment_flood (Fixture *f, gconstpointer unused)
{
  send_fragments (f, PB_WS_FRAGMENTS_MAX + 1);
  g_assert_cmpuint (client_wait_close (f->client), ==, 1008);
  g_assert_cmpuint (f->messages->len, ==, 0);
}

static void
test_empty_fragment_flood (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; i < 1000; i++)
    if (!client_send_frame (f->client, i == 0 ? 0x01 : 0x00, "", 0))
      break;
  g_assert_cmpuint (client_wait_close (f->client), ==, 1008);
}

static void
test_goodbye (Fixture *f, gconstpointer unused)
{
  client_send_frame (f->client, 0x88, "\x03\xe8" "bye", 5);
  g_assert_cmpuint (client_wait_close (f->client), ==, 1000);
  client_wait_end (f->client);
  wait_until (is_closed, f);
  g_assert_cmpuint (f->close_code, ==, 1000);
  g_assert_false (pb_server_conn_is_open (f->conn));
  /* too late is no harm */
  pb_server_conn_send_text (f->conn, "x", 1);
  pb_server_conn_close (f->conn, 1000, NULL);
  pb_server_conn_set_registered (f->conn);
  wait_until (is_gone, f);
}

static void
test_goodbye_without_code (Fixture *f, gconstpointer unused)
{
  client_send_frame (f->client, 0x88, "", 0);
  g_assert_cmpuint (client_wait_close (f->client), ==, 1005);
  wait_until (is_closed, f);
  g_assert_cmpuint (f->close_code, ==, 1005);
}

static void
test_cut (Fixture *f, gconstpointer unused)
{
  client_send (f->client, "\x81\xfe\x01", 3);
  run_ready ();
  shutdown (f->client->fd, SHUT_WR);
  wait_until (is_closed, f);
  g_assert_cmpuint (f->close_code, ==, 1006);
  wait_until (is_gone, f);
}

static void
test_server_closes (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  pb_server_conn_send_text (f->conn, "last", 4);
  pb_server_conn_close (f->conn, 4001, "session closed");
  g_assert_cmpuint (f->n_closed, ==, 0); /* never inside the call */
  g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
  g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x88);
  g_assert_cmpmem (data->data, data->len, "\x0f\xa1session closed", 16);
  wait_until (is_closed, f);
  g_assert_cmpuint (f->close_code, ==, 4001);
  /* pings, messages and the answer after it: no further byte comes */
  client_send_frame (f->client, 0x81, "late", 4);
  client_send_frame (f->client, 0x89, "late", 4);
  client_send_frame (f->client, 0x88, "\x0f\xa1", 2);
  client_wait_end (f->client);
  g_assert_cmpuint (f->client->received->len, ==, 0);
  g_assert_cmpuint (f->messages->len, ==, 0);
  wait_until (is_gone, f);
}

static void
test_close_is_cut_short_of_a_character (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autoptr (GString) reason = g_string_new ("x");

  for (guint i = 0; i < 100; i++)
    g_string_append (reason, "\xc3\xa9");
  pb_server_conn_close (f->conn, 1008, reason->str);
  g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x88);
  g_assert_cmpuint (data->len, ==, 2 + 123);
  g_assert_true (g_utf8_validate_len ((char *) data->data + 2, 123, NULL));
}

static void
test_nothing_after_our_close (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  f->closes_on_message = TRUE;
  for (guint i = 0; i < 20; i++)
    frame_append (bytes, 0x81, "x", 1);
  client_send (f->client, bytes->data, bytes->len);
  g_assert_cmpuint (client_wait_close (f->client), ==, 4001);
  g_assert_cmpuint (f->messages->len, ==, 1);
}

static void
test_no_answer_to_close (Fixture *f, gconstpointer unused)
{
  pb_server_conn_close (f->conn, 1001, NULL);
  g_assert_cmpuint (client_wait_close (f->client), ==, 1001);
  client_wait_end (f->client); /* after close_ms */
  wait_until (is_gone, f);
}

static void
test_flood_after_refusal (Fixture *f, gconstpointer unused)
{
  static guint8 junk[64 * 1024];
  guint n = 0;

  client_send_frame (f->client, 0x82, "x", 1);
  /* it never listens: the server must cut, and not read for ever */
  while (client_send (f->client, junk, sizeof junk))
    g_assert_cmpuint (n++, <, 200);
  wait_until (is_gone, f);
  g_assert_cmpuint (f->close_code, ==, 1003);
}

static void
test_not_registered (Fixture *f, gconstpointer unused)
{
  g_assert_cmpuint (client_wait_close (f->client), ==, 4008);
  wait_until (is_closed, f);
  g_assert_cmpuint (pb_server_ws_get_stats (f->ws)->n_closed_idle, ==, 1);
}

static void
test_answers_pings (Fixture *f, gconstpointer unused)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();

  pb_server_conn_set_registered (f->conn);
  for (guint i = 0; i < 5; i++) {
    g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x89);
    client_send_frame (f->client, 0x8a, data->data, data->len);
  }
  g_assert_true (pb_server_conn_is_open (f->conn));
}

static void
test_no_pong (Fixture *f, gconstpointer unused)
{
  pb_server_conn_set_registered (f->conn);
  g_assert_cmpuint (client_wait_frame (f->client, NULL), ==, 0x89);
  /* neither an old pong nor a message is an answer */
  client_send_frame (f->client, 0x8a, "old!", 4);
  client_send_frame (f->client, 0x81, "x", 1);
  client_wait_end (f->client);
  wait_until (is_closed, f);
  g_assert_cmpuint (f->close_code, ==, 1006);
  g_assert_cmpuint (pb_server_ws_get_stats (f->ws)->n_closed_pong, ==, 1);
}

static void
test_slow_reader (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = g_strnfill (1000, 'x');
  g_autoptr (GByteArray) data = g_byte_array_new ();
  guint n_sent = 0, n_received = 0;
  guint8 first;

  while (pb_server_conn_is_open (f->conn)) {
    pb_server_conn_send_text (f->conn, text, 1000);
    g_assert_cmpuint (pb_server_conn_get_queue_size (f->conn), <=,
        PB_WS_QUEUE_MAX);
    g_assert_cmpuint (n_sent++, <, 100000);
  }
  g_assert_cmpuint (n_sent, >, PB_WS_QUEUE_MAX / 1010);
  /* what waited is forgotten at once */
  g_assert_cmpuint (pb_server_conn_get_queue_size (f->conn), <, 1200);
  g_assert_cmpuint (pb_server_ws_get_stats (f->ws)->n_closed_slow, ==, 1);

  /* and what comes is whole frames, then the reason */
  while ((first = client_wait_frame (f->client, data)) == 0x81) {
    g_assert_cmpmem (data->data, data->len, text, 1000);
    n_received++;
  }
  g_assert_cmpuint (first, ==, 0x88);
  g_assert_cmpmem (data->data, 2, "\x03\xf5", 2);
  g_assert_cmpuint (n_received, <, n_sent);
  wait_until (is_closed, f);
  g_assert_cmpuint (f->close_code, ==, 1013);
}

static void
test_ping_flood (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = g_strnfill (125, 'x');
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint n = 0;

  for (guint i = 0; i < 100; i++)
    frame_append (bytes, 0x89, text, 125);
  /* it never reads its pongs */
  while (pb_server_conn_is_open (f->conn)) {
    client_send (f->client, bytes->data, bytes->len);
    g_assert_cmpuint (pb_server_conn_get_queue_size (f->conn), <=,
        PB_WS_QUEUE_MAX);
    g_assert_cmpuint (n++, <, 10000);
  }
  g_assert_cmpuint (client_wait_close (f->client), ==, 1013);
}

static void
test_queue_drains (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = g_strnfill (60000, 'y');
  g_autoptr (GBytes) frame = pb_server_frame_new_text (text, 60000);
  g_autoptr (GByteArray) data = g_byte_array_new ();

  for (guint i = 0; i < 15; i++) {
    g_autofree char *number = g_strdup_printf ("%u", i);

    pb_server_conn_send_frame (f->conn, frame);
    pb_server_conn_send_text (f->conn, number, strlen (number));
  }
  g_assert_cmpuint (pb_server_conn_get_queue_size (f->conn), >, 0);
  for (guint i = 0; i < 15; i++) {
    g_autofree char *number = g_strdup_printf ("%u", i);

    g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
    g_assert_cmpmem (data->data, data->len, text, 60000);
    g_assert_cmpuint (client_wait_frame (f->client, data), ==, 0x81);
    g_assert_cmpmem (data->data, data->len, number, strlen (number));
  }
  g_assert_cmpuint (pb_server_conn_get_queue_size (f->conn), ==, 0);
}

static void
test_close_all (Fixture *f, gconstpointer unused)
{
  pb_server_ws_close_all (f->ws, 1001, "going down");
  g_assert_cmpuint (client_wait_close (f->client), ==, 1001);
  client_send_frame (f->client, 0x88, "\x03\xe9", 2);
  wait_until (is_gone, f);
}

/* Held in data by a connection that outlives its set */
static void
test_outlives_its_set (void)
{
  Fixture f = { 0 };

  set_up (&f, NULL);
  pb_server_conn_set_data (f.conn, g_strdup ("mine"), g_free);
  g_assert_cmpstr (pb_server_conn_get_data (f.conn), ==, "mine");
  pb_server_ws_free (f.ws);
  g_assert_cmpuint (f.n_closed, ==, 1);
  g_assert_false (pb_server_conn_is_open (f.conn));
  pb_server_conn_send_text (f.conn, "x", 1);
  pb_server_conn_close (f.conn, 1000, NULL);
  g_assert_cmpuint (pb_server_conn_get_queue_size (f.conn), ==, 0);
  pb_server_conn_unref (f.conn);
  client_free (f.client);
  g_ptr_array_unref (f.messages);
}

#define ADD(path, up, func)                                                   \
  g_test_add (path, Fixture, NULL, up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *whole = g_strconcat ("/ws/refused/", cases[i].name, NULL);
    g_autofree char *bytewise =
        g_strconcat ("/ws/refused-bytewise/", cases[i].name, NULL);

    g_test_add (whole, Fixture, &cases[i], set_up, test_refused, tear_down);
    g_test_add (bytewise, Fixture, &cases[i], set_up, test_refused_bytewise,
        tear_down);
  }
  ADD ("/ws/a-message-comes-and-goes", set_up, test_message);
  ADD ("/ws/messages-of-every-length-form", set_up, test_sizes);
  ADD ("/ws/a-ping-between-fragments-byte-by-byte", set_up, test_bytewise);
  ADD ("/ws/many-messages-in-one-segment", set_up, test_many_in_one_segment);
  ADD ("/ws/fragments-up-to-the-limit", set_up,
      test_fragments_up_to_the_limit);
  ADD ("/ws/a-fragment-too-many", set_up, test_fragment_flood);
  ADD ("/ws/empty-fragments-count", set_up, test_empty_fragment_flood);
  ADD ("/ws/a-goodbye-is-answered", set_up, test_goodbye);
  ADD ("/ws/a-goodbye-without-code", set_up, test_goodbye_without_code);
  ADD ("/ws/a-cut-connection-is-1006", set_up, test_cut);
  ADD ("/ws/the-server-closes", set_up, test_server_closes);
  ADD ("/ws/a-reason-is-cut-between-characters", set_up,
      test_close_is_cut_short_of_a_character);
  ADD ("/ws/messages-behind-our-close-are-dropped", set_up,
      test_nothing_after_our_close);
  ADD ("/ws/a-close-that-is-not-answered", set_up_quick,
      test_no_answer_to_close);
  ADD ("/ws/a-flood-behind-a-refusal-is-cut", set_up,
      test_flood_after_refusal);
  ADD ("/ws/not-registered-in-time", set_up_quick, test_not_registered);
  ADD ("/ws/pings-that-are-answered", set_up_quick, test_answers_pings);
  ADD ("/ws/pings-that-are-not", set_up_quick, test_no_pong);
  ADD ("/ws/a-slow-reader-is-told-to-go", set_up, test_slow_reader);
  ADD ("/ws/a-ping-flood-is-bounded", set_up, test_ping_flood);
  ADD ("/ws/a-queue-drains-in-order", set_up, test_queue_drains);
  ADD ("/ws/all-are-closed", set_up, test_close_all);
  g_test_add_func ("/ws/a-connection-outlives-its-set",
      test_outlives_its_set);

  return g_test_run ();
}
