/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "pb-server-stun.h"
#include "server-client.h"

typedef struct {
  PbServerStun *stun;
  Client *client; /* UDP */
} Fixture;

static void
set_up_for (Fixture *f, const char *bound, const char *address)
{
  g_autoptr (GSocketAddress) to = NULL;
  g_autoptr (GError) error = NULL;
  struct sockaddr_storage native;
  int fd;

  f->stun = pb_server_stun_new (bound, 0, &error);
  g_assert_no_error (error);
  to = g_inet_socket_address_new_from_string (address,
      pb_server_stun_get_port (f->stun));
  fd = socket (g_socket_address_get_family (to), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_assert_true (g_socket_address_to_native (to, &native, sizeof native, NULL));
  g_assert_no_errno (connect (fd, (struct sockaddr *) &native,
      g_socket_address_get_native_size (to)));
  f->client = client_new (fd);
}

static void
set_up (Fixture *f, gconstpointer unused)
{
  set_up_for (f, "127.0.0.1", "127.0.0.1");
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  pb_server_stun_free (f->stun);
  client_free (f->client);
}

#define COOKIE "\x21\x12\xa4\x42"
#define ID "abcdefghijkl"
static const char request[] = "\x00\x01\x00\x00" COOKIE ID;
#define REQUEST_SIZE (sizeof request - 1)

static gboolean
has_counted (gpointer data)
{
  Fixture *f = data;
  const PbServerStunStats *stats = pb_server_stun_get_stats (f->stun);

  return stats->n_answered + stats->n_malformed + stats->n_limited > 0;
}

static void
send_datagram (Fixture *f, const void *data, gsize size)
{
  g_assert_cmpint (send (f->client->fd, data, size, 0), ==, size);
}

/* One datagram's worth of answer */
static void
expect_answer (Fixture *f)
{
  client_wait_bytes (f->client, 20);
}

static void
assert_mapped (Fixture *f, int family)
{
  const guint8 *data = f->client->received->data;
  struct sockaddr_storage own;
  socklen_t size = sizeof own;
  gsize length = family == AF_INET ? 8 : 20;
  guint8 address[16];

  getsockname (f->client->fd, (struct sockaddr *) &own, &size);
  g_assert_cmpuint (f->client->received->len, ==, 20 + 4 + length);
  g_assert_cmpmem (data, 2, "\x01\x01", 2);
  g_assert_cmpmem (data + 4, 16, COOKIE ID, 16);
  g_assert_cmpmem (data + 20, 2, "\x00\x20", 2); /* XOR-MAPPED-ADDRESS */
  g_assert_cmpuint (data[25], ==, family == AF_INET ? 1 : 2);
  g_assert_cmpuint ((data[26] ^ 0x21) << 8 | (data[27] ^ 0x12), ==,
      ntohs (((struct sockaddr_in *) &own)->sin_port));
  for (gsize i = 0; i < length - 4; i++)
    address[i] = data[28 + i] ^ data[4 + i];
  if (family == AF_INET)
    g_assert_cmpmem (address, 4, &((struct sockaddr_in *) &own)->sin_addr, 4);
  else
    g_assert_cmpmem (address, 16, &((struct sockaddr_in6 *) &own)->sin6_addr,
        16);
}

static void
test_ipv4 (Fixture *f, gconstpointer unused)
{
  send_datagram (f, request, REQUEST_SIZE);
  expect_answer (f);
  assert_mapped (f, AF_INET);
  g_assert_cmpuint (pb_server_stun_get_stats (f->stun)->n_answered, ==, 1);
}

/* RFC 3489, as libnice asks when it gathers: no cookie, MAPPED-ADDRESS */
static void
test_classic (Fixture *f, gconstpointer unused)
{
  static const char classic[] = "\x00\x01\x00\x00" "abcd" ID;
  const guint8 *data;
  struct sockaddr_in own;
  socklen_t size = sizeof own;

  send_datagram (f, classic, sizeof classic - 1);
  expect_answer (f);
  data = f->client->received->data;
  getsockname (f->client->fd, (struct sockaddr *) &own, &size);
  g_assert_cmpuint (f->client->received->len, ==, 20 + 12);
  g_assert_cmpmem (data, 4, "\x01\x01\x00\x0c", 4);
  g_assert_cmpmem (data + 4, 16, "abcd" ID, 16);
  g_assert_cmpmem (data + 20, 6, "\x00\x01\x00\x08\x00\x01", 6);
  g_assert_cmpmem (data + 26, 2, &own.sin_port, 2);
  g_assert_cmpmem (data + 28, 4, &own.sin_addr, 4);
}

static gboolean
has_ipv6 (void)
{
  g_autoptr (PbServerStun) stun = pb_server_stun_new ("::1", 0, NULL);

  return stun != NULL;
}

static void
test_ipv6 (void)
{
  Fixture f;

  if (!has_ipv6 ()) {
    g_test_skip ("no IPv6 here");
    return;
  }
  set_up_for (&f, "::1", "::1");
  send_datagram (&f, request, REQUEST_SIZE);
  expect_answer (&f);
  assert_mapped (&f, AF_INET6);
  tear_down (&f, NULL);
}

/* A dual-stack socket, asked by IPv4 */
static void
test_ipv4_on_ipv6 (void)
{
  Fixture f;

  if (!has_ipv6 ()) {
    g_test_skip ("no IPv6 here");
    return;
  }
  set_up_for (&f, "::ffff:127.0.0.1", "127.0.0.1");
  send_datagram (&f, request, REQUEST_SIZE);
  expect_answer (&f);
  assert_mapped (&f, AF_INET);
  tear_down (&f, NULL);
}

static void
test_with_attributes (Fixture *f, gconstpointer unused)
{
  static const char full[] = "\x00\x01\x00\x14" COOKIE ID
                             "\x80\x22\x00\x04test"
                             "\x00\x24\x00\x04\x00\x00\x00\x01"
                             "\x80\x54\x00\x00";

  send_datagram (f, full, sizeof full - 1);
  expect_answer (f);
  assert_mapped (f, AF_INET);
}

static void
test_unknown_attribute (Fixture *f, gconstpointer unused)
{
  static const char unknown[] = "\x00\x01\x00\x08" COOKIE ID
                                "\x7f\x01\x00\x04test";

  send_datagram (f, unknown, sizeof unknown - 1);
  expect_answer (f);
  g_assert_cmpmem (f->client->received->data, 2, "\x01\x11", 2);
  g_assert_cmpuint (f->client->received->len, <=, 3 * (sizeof unknown - 1));
}

/* --- what gets no answer ------------------------------------------------- */

typedef struct {
  const char *name;
  const char *data;
  gsize size;
} Case;

#define S(literal) literal, sizeof (literal) - 1

/* clang-format off */
static const Case cases[] = {
  { "empty", S ("") },
  { "one-byte", S ("\x00") },
  { "garbage", S ("garbage garbage garbage garbage") },
  { "classic-allocate", S ("\x00\x03\x00\x00" "abcd" ID) },
  { "classic-response", S ("\x01\x01\x00\x00" "abcd" ID) },
  { "classic-cut", S ("\x00\x01\x00\x08" "abcd" ID) },
  { "cut-header", S ("\x00\x01\x00\x00" COOKIE "abcdefghijk") },
  { "length-beyond", S ("\x00\x01\x00\x08" COOKIE ID) },
  { "length-short-of-the-end", S ("\x00\x01\x00\x00" COOKIE ID "\x80\x22\x00\x00") },
  { "length-odd", S ("\x00\x01\x00\x03" COOKIE ID "abc") },
  { "attribute-beyond", S ("\x00\x01\x00\x08" COOKIE ID "\x80\x22\x00\x40" "abcd") },
  { "attribute-cut", S ("\x00\x01\x00\x02" COOKIE ID "\x80\x22") },
  { "response", S ("\x01\x01\x00\x00" COOKIE ID) },
  { "error-response", S ("\x01\x11\x00\x00" COOKIE ID) },
  { "indication", S ("\x00\x11\x00\x00" COOKIE ID) },
  { "allocate", S ("\x00\x03\x00\x00" COOKIE ID) },
  { "high-bits", S ("\xc0\x01\x00\x00" COOKIE ID) },
  { "huge", NULL, 60000 },
  { "longer-than-any", NULL, 1025 },
};
/* clang-format on */

static void
test_silent (Fixture *f, gconstpointer data)
{
  const Case *c = data;

  if (c->data == NULL) {
    g_autofree guint8 *huge = g_malloc0 (c->size);

    /* sound, but for its size */
    memcpy (huge, request, REQUEST_SIZE);
    huge[2] = (c->size - 20) >> 8;
    huge[3] = (c->size - 20) & 0xfc;
    send_datagram (f, huge, c->size);
  } else {
    send_datagram (f, c->data, c->size);
  }
  wait_until (has_counted, f);
  g_assert_cmpuint (pb_server_stun_get_stats (f->stun)->n_malformed, ==, 1);
  client_poll (f->client);
  g_assert_cmpuint (f->client->received->len, ==, 0);
  /* and the next is answered */
  send_datagram (f, request, REQUEST_SIZE);
  expect_answer (f);
  assert_mapped (f, AF_INET);
}

static void
test_every_cut (Fixture *f, gconstpointer unused)
{
  static const char full[] = "\x00\x01\x00\x14" COOKIE ID
                             "\x80\x22\x00\x04test"
                             "\x00\x24\x00\x04\x00\x00\x00\x01"
                             "\x80\x54\x00\x00";

  for (gsize n = 1; n < sizeof full - 1; n++) {
    send_datagram (f, full, n);
    run_ready ();
  }
  g_assert_cmpuint (pb_server_stun_get_stats (f->stun)->n_answered, ==, 0);
}

static void
test_flood (Fixture *f, gconstpointer unused)
{
  const PbServerStunStats *stats = pb_server_stun_get_stats (f->stun);

  while (stats->n_limited < 100) {
    send (f->client->fd, request, REQUEST_SIZE, MSG_DONTWAIT);
    g_main_context_iteration (NULL, FALSE);
  }
  g_assert_cmpuint (stats->n_answered, >=, 100);
}

static void
test_port_in_use (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (pb_server_stun_new ("127.0.0.1",
      pb_server_stun_get_port (f->stun), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_clear_error (&error);
  g_assert_null (pb_server_stun_new ("localhost", 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

#define ADD(path, func)                                                       \
  g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/stun/ipv4", test_ipv4);
  ADD ("/stun/classic", test_classic);
  g_test_add_func ("/stun/ipv6", test_ipv6);
  g_test_add_func ("/stun/ipv4-on-ipv6", test_ipv4_on_ipv6);
  ADD ("/stun/with-attributes", test_with_attributes);
  ADD ("/stun/an-unknown-attribute-is-420", test_unknown_attribute);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/stun/silent/", cases[i].name, NULL);

    g_test_add (path, Fixture, &cases[i], set_up, test_silent, tear_down);
  }
  ADD ("/stun/cut-anywhere", test_every_cut);
  ADD ("/stun/a-flood-is-limited", test_flood);
  ADD ("/stun/port-in-use", test_port_in_use);

  return g_test_run ();
}
