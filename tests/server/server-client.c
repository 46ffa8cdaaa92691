/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "server-client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#define WATCHDOG_US (20 * G_USEC_PER_SEC)

static gboolean
on_heartbeat (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

void
wait_until (Condition condition, gpointer data)
{
  gint64 deadline = g_get_monotonic_time () + WATCHDOG_US;
  /* The client's own socket is no source: look at it this often. */
  guint heartbeat = g_timeout_add (1, on_heartbeat, NULL);

  while (!condition (data)) {
    if (g_get_monotonic_time () > deadline)
      g_error ("the condition did not come true");
    g_main_context_iteration (NULL, TRUE);
  }
  g_source_remove (heartbeat);
}

void
run_ready (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

Client *
client_new (int fd)
{
  Client *self = g_new0 (Client, 1);

  self->fd = fd;
  self->received = g_byte_array_new ();
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);

  return self;
}

Client *
client_connect_to (const char *address, guint16 port)
{
  g_autoptr (GSocketAddress) to =
      g_inet_socket_address_new_from_string (address, port);
  struct sockaddr_storage native;
  int fd = socket (g_socket_address_get_family (to), SOCK_STREAM | SOCK_CLOEXEC,
      0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (g_socket_address_to_native (to, &native, sizeof native, NULL));
  g_assert_no_errno (connect (fd, (struct sockaddr *) &native,
      g_socket_address_get_native_size (to)));

  return client_new (fd);
}

Client *
client_connect (guint16 port)
{
  return client_connect_to ("127.0.0.1", port);
}

void
client_free (Client *self)
{
  if (self->fd >= 0)
    close (self->fd);
  g_byte_array_unref (self->received);
  g_free (self);
}

void
client_poll (Client *self)
{
  guint8 data[16384];
  gssize n;

  while (!self->is_ended) {
    n = recv (self->fd, data, sizeof data, MSG_DONTWAIT);
    if (n > 0)
      g_byte_array_append (self->received, data, n);
    else if (n < 0 && errno == EAGAIN)
      break;
    else
      self->is_ended = TRUE;
  }
}

gboolean
client_send (Client *self, const void *data, gsize size)
{
  gint64 deadline = g_get_monotonic_time () + WATCHDOG_US;
  const guint8 *at = data;

  while (size > 0) {
    gssize n = send (self->fd, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n > 0) {
      at += n;
      size -= n;
    } else if (errno != EAGAIN) {
      return FALSE;
    }
    if (g_get_monotonic_time () > deadline)
      g_error ("the server does not read");
    g_main_context_iteration (NULL, FALSE);
  }

  return TRUE;
}

gboolean
client_send_text (Client *self, const char *text)
{
  return client_send (self, text, strlen (text));
}

typedef struct {
  Client *client;
  gsize size;
} Wanted;

static gboolean
has_bytes (gpointer data)
{
  Wanted *wanted = data;

  client_poll (wanted->client);
  return wanted->client->received->len >= wanted->size ||
      wanted->client->is_ended;
}

void
client_wait_bytes (Client *self, gsize size)
{
  Wanted wanted = { self, size };

  wait_until (has_bytes, &wanted);
}

void
client_wait_end (Client *self)
{
  client_wait_bytes (self, G_MAXSIZE);
}

static gboolean
has_response (gpointer data)
{
  Client *self = data;
  const char *end, *length;
  gsize size;

  client_poll (self);
  g_byte_array_append (self->received, (const guint8 *) "", 1);
  g_byte_array_set_size (self->received, self->received->len - 1);
  if (self->is_ended)
    return TRUE;
  end = strstr ((char *) self->received->data, "\r\n\r\n");
  if (end == NULL)
    return FALSE;
  length = strcasestr ((char *) self->received->data, "\r\nContent-Length:");
  size = length != NULL && length < end ? strtoul (length + 17, NULL, 10) : 0;
  return self->received->len >=
      (gsize) (end + 4 - (char *) self->received->data) + size;
}

guint
client_wait_response (Client *self, const char **body)
{
  const char *text, *end;

  wait_until (has_response, self);
  text = (const char *) self->received->data;
  if (self->received->len < 12 || !g_str_has_prefix (text, "HTTP/1."))
    return 0;
  end = strstr (text, "\r\n\r\n");
  if (body != NULL)
    *body = end != NULL ? end + 4 : "";
  return strtoul (text + 9, NULL, 10);
}

gboolean
client_has_header (Client *self, const char *line)
{
  g_autofree char *wanted = g_strconcat ("\r\n", line, NULL);

  return strcasestr ((char *) self->received->data, wanted) != NULL;
}

void
frame_append (GByteArray *out, guint8 first, const void *data, gsize size)
{
  static const guint8 mask[4] = { 0x12, 0xf0, 0x55, 0x9c };
  guint8 header[10] = { first };
  gsize n_header = 2, begin;

  if (size < 126) {
    header[1] = 0x80 | size;
  } else if (size <= 0xffff) {
    header[1] = 0x80 | 126;
    header[2] = size >> 8;
    header[3] = size & 0xff;
    n_header = 4;
  } else {
    header[1] = 0x80 | 127;
    for (guint i = 0; i < 8; i++)
      header[2 + i] = (guint64) size >> (56 - 8 * i);
    n_header = 10;
  }

  g_byte_array_append (out, header, n_header);
  g_byte_array_append (out, mask, sizeof mask);
  begin = out->len;
  if (size > 0)
    g_byte_array_append (out, data, size);
  for (gsize i = 0; i < size; i++)
    out->data[begin + i] ^= mask[i % 4];
}

gboolean
client_send_frame (Client *self, guint8 first, const void *data, gsize size)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  frame_append (bytes, first, data, size);
  return client_send (self, bytes->data, bytes->len);
}

guint8
client_wait_frame (Client *self, GByteArray *data)
{
  gsize n_header = 2, size;
  guint8 first;

  client_wait_bytes (self, 2);
  if (self->received->len < 2)
    return 0;
  first = self->received->data[0];
  size = self->received->data[1];
  g_assert_cmpuint (size, <, 128); /* a server never masks */
  if (size >= 126) {
    n_header = size == 126 ? 4 : 10;
    client_wait_bytes (self, n_header);
    size = 0;
    for (gsize i = 2; i < n_header; i++)
      size = size << 8 | self->received->data[i];
  }
  client_wait_bytes (self, n_header + size);
  g_assert_cmpuint (self->received->len, >=, n_header + size);

  if (data != NULL) {
    g_byte_array_set_size (data, 0);
    g_byte_array_append (data, self->received->data + n_header, size);
  }
  g_byte_array_remove_range (self->received, 0, n_header + size);
  return first;
}

guint
client_wait_close (Client *self)
{
  g_autoptr (GByteArray) data = g_byte_array_new ();
  guint8 first;

  do {
    first = client_wait_frame (self, data);
  } while (first != 0 && first != 0x88);
  if (first == 0)
    return 1006;
  return data->len >= 2 ? data->data[0] << 8 | data->data[1] : 1005;
}
