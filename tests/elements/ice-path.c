/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>

#include "core/pb-error.h"
#include "pb-ice-path.h"
#include "pb-stun-probe.h"

typedef struct _Fixture Fixture;

typedef struct
{
  Fixture *fixture;
  PbIcePath *path;
  gboolean is_ready, is_done;
  guint n_candidates;
  char *first;
  PbFault fault;
} End;

struct _Fixture
{
  GMainContext *context;
  End ends[2];
  gboolean is_late;
  guint watchdog;
};

static gboolean
on_watchdog (gpointer user_data)
{
  g_printerr ("the test took too long\n");
  g_assert_not_reached ();

  return G_SOURCE_REMOVE;
}

static End *
other (End *end)
{
  return end == &end->fixture->ends[0] ? &end->fixture->ends[1]
                                       : &end->fixture->ends[0];
}

static void
on_candidate (PbIcePath *path, const char *line, gpointer user_data)
{
  End *end = user_data;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_str_has_prefix (line, "candidate:"));
  if (end->n_candidates++ == 0)
    end->first = g_strdup (line);
  if (other (end)->path == NULL)
    return;
  g_assert_true (pb_ice_path_add_candidate (other (end)->path, line, &error));
  g_assert_no_error (error);
}

static void
on_candidates_done (PbIcePath *path, gpointer user_data)
{
  End *end = user_data;

  end->is_done = TRUE;
  if (other (end)->path != NULL)
    pb_ice_path_candidates_done (other (end)->path);
}

static void
on_ready (PbIcePath *path, gpointer user_data)
{
  ((End *) user_data)->is_ready = TRUE;
}

static void
on_failed (PbIcePath *path, PbFault fault, gpointer user_data)
{
  End *end = user_data;

  end->fault = fault;
  /* freeing from the callback is allowed */
  g_clear_pointer (&end->path, pb_ice_path_free);
}

static const PbIceCallbacks callbacks = { on_candidate, on_candidates_done,
  on_ready, on_failed };
static const char *const loopback[] = { "127.0.0.1", NULL };

static void
set_up (Fixture *f, gconstpointer unused)
{
  GSource *source = g_timeout_source_new_seconds (30);

  f->context = g_main_context_new ();
  g_main_context_push_thread_default (f->context);
  g_source_set_callback (source, on_watchdog, NULL, NULL);
  g_source_attach (source, f->context);
  g_source_unref (source);
  for (guint i = 0; i < 2; i++)
    f->ends[i].fixture = f;
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  for (guint i = 0; i < 2; i++) {
    g_clear_pointer (&f->ends[i].path, pb_ice_path_free);
    g_free (f->ends[i].first);
  }
  /* libnice ends its streams from the context */
  while (g_main_context_iteration (f->context, FALSE))
    ;
  g_main_context_pop_thread_default (f->context);
  g_main_context_unref (f->context);
}

static void
start (Fixture *f, guint index, const char *const *addresses)
{
  PbIceConfig config = { .is_controlling = index == 0, .addresses = addresses };
  g_autoptr (GError) error = NULL;

  f->ends[index].path =
      pb_ice_path_new (f->context, &config, &callbacks, &f->ends[index]);
  g_assert_true (pb_ice_path_start (f->ends[index].path, &error));
  g_assert_no_error (error);
}

static void
introduce (Fixture *f)
{
  for (guint i = 0; i < 2; i++) {
    PbIcePath *from = f->ends[1 - i].path;
    g_autoptr (GError) error = NULL;

    g_assert_true (pb_ice_path_set_remote (f->ends[i].path,
        pb_ice_path_get_ufrag (from), pb_ice_path_get_pwd (from), &error));
    g_assert_no_error (error);
  }
}

static void
send_one (int fd, GSocketAddress *to, const char *text)
{
  struct sockaddr_storage native;

  g_assert_true (g_socket_address_to_native (to, &native, sizeof native, NULL));
  g_assert_cmpint (sendto (fd, text, strlen (text), 0,
                       (struct sockaddr *) &native,
                       (socklen_t) g_socket_address_get_native_size (to)),
      ==, (int) strlen (text));
}

static void
test_two_ends_meet (Fixture *f, gconstpointer unused)
{
  int fd[2];
  GSocketAddress *remote[2];

  start (f, 0, loopback);
  start (f, 1, loopback);
  introduce (f);
  while (!f->ends[0].is_ready || !f->ends[1].is_ready)
    g_main_context_iteration (f->context, TRUE);

  for (guint i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;

    g_assert_true (
        pb_ice_path_take_socket (f->ends[i].path, &fd[i], &remote[i], &error));
    g_assert_no_error (error);
    /* once */
    g_assert_false (
        pb_ice_path_take_socket (f->ends[i].path, &fd[i], &remote[i], &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_STATE);
    g_clear_pointer (&f->ends[i].path, pb_ice_path_free);
  }
  while (g_main_context_iteration (f->context, FALSE))
    ;

  /* What is left over from the checks may be in the queue still. */
  for (guint i = 0; i < 2; i++) {
    char text[1500] = "";

    send_one (fd[1 - i], remote[1 - i], "media");
    while (strcmp (text, "media") != 0) {
      gssize n = recv (fd[i], text, sizeof text - 1, 0);

      g_assert_cmpint (n, >, 0);
      text[n] = '\0';
    }
  }
  for (guint i = 0; i < 2; i++) {
    close (fd[i]);
    g_object_unref (remote[i]);
  }
}

static void
test_an_absent_peer_is_a_fault (Fixture *f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  start (f, 0, loopback);
  start (f, 1, loopback);
  introduce (f);
  while (f->ends[1].first == NULL)
    g_main_context_iteration (f->context, TRUE);
  /* Now one end is gone, and its socket with it. */
  g_clear_pointer (&f->ends[1].path, pb_ice_path_free);
  if (f->ends[0].path != NULL)
    pb_ice_path_candidates_done (f->ends[0].path);
  while (f->ends[0].path != NULL && !f->ends[0].is_ready)
    g_main_context_iteration (f->context, TRUE);
  g_assert_cmpint (f->ends[0].fault, ==, PB_FAULT_NO_PATH);
}

static void
test_what_a_stranger_sends_is_checked (Fixture *f, gconstpointer unused)
{
  static const char *const refused[] = {
    "",
    "a=candidate:1 1 UDP 1 127.0.0.1 5000 typ host",
    "candidate:1 1 UDP 2130706431 127.0.0.1 5000 typ host\r\na=x",
    "candidate:1 1 UDP 2130706431 127.0.0.1 5000",
    "candidate:1 1 UDP 2130706431 camera.local 5000 typ host",
    "candidate:1 1 TCP 2130706431 127.0.0.1 5000 typ host tcptype passive",
    "candidate:1 2 UDP 2130706431 127.0.0.1 5000 typ host",
    "candidate:1 1 UDP 2130706431 127.0.0.1 53 typ host",
    "candidate:1 1 UDP 2130706431 127.0.0.1 0 typ host",
    "candidate:1 1 UDP 2130706431 224.0.0.1 5000 typ host",
    "candidate:1 1 UDP 2130706431 255.255.255.255 5000 typ host",
    "candidate:1 1 UDP 2130706431 0.0.0.0 5000 typ host",
    "candidate:1 1 UDP 2130706431 ::ffff:127.0.0.1 5000 typ host",
    "candidate:1 1 UDP 2130706431 ff02::1 5000 typ host",
    "candidate:1 1 UDP 41885439 127.0.0.1 5000 typ relay raddr 1.2.3.4 "
    "rport 5",
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *long_line = NULL;

  start (f, 0, loopback);
  g_assert_false (pb_ice_path_add_candidate (f->ends[0].path,
      "candidate:1 1 UDP 2130706431 127.0.0.1 5000 typ host", &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (pb_ice_path_set_remote (f->ends[0].path, "abc",
      "0123456789012345678901", &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (pb_ice_path_set_remote (f->ends[0].path, "abcd",
      "01234567890123456789\r\n", &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_true (pb_ice_path_set_remote (f->ends[0].path, "abcd",
      "0123456789012345678901", &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_test_message ("%s", refused[i]);
    g_assert_false (
        pb_ice_path_add_candidate (f->ends[0].path, refused[i], &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    g_clear_error (&error);
  }
  long_line = g_strnfill (600, 'x');
  memcpy (long_line, "candidate:", strlen ("candidate:"));
  g_assert_false (
      pb_ice_path_add_candidate (f->ends[0].path, long_line, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_clear_error (&error);

  for (guint i = 0; i < 32; i++) {
    g_autofree char *line =
        g_strdup_printf ("candidate:%u 1 UDP 2130706431 127.0.0.1 %u typ host",
            i + 1, 5000 + i);

    g_assert_true (pb_ice_path_add_candidate (f->ends[0].path, line, &error));
    g_assert_no_error (error);
  }
  g_assert_false (pb_ice_path_add_candidate (f->ends[0].path,
      "candidate:99 1 UDP 2130706431 127.0.0.1 6000 typ host", &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_FULL);
}

static void
test_loopback_is_for_loopback_only (void)
{
  static const struct
  {
    const char *address;
    guint port;
    gboolean on_loopback, is_fit;
  } rows[] = {
    { "127.0.0.1", 5000, TRUE, TRUE },
    { "127.0.0.1", 5000, FALSE, FALSE },
    { "::1", 5000, FALSE, FALSE },
    { "::ffff:10.0.0.1", 5000, TRUE, FALSE },
    { "192.0.2.1", 5000, FALSE, TRUE },
    { "192.0.2.1", 80, FALSE, FALSE },
    { "2001:db8::1", 5000, FALSE, TRUE },
    { "239.1.2.3", 5000, FALSE, FALSE },
    { "240.0.0.1", 5000, FALSE, FALSE },
    { "0.1.2.3", 5000, FALSE, FALSE },
    { "169.254.1.2", 5000, FALSE, TRUE },
    { "169.254.169.254", 5000, TRUE, FALSE },
    { "fd00:ec2::254", 5000, TRUE, FALSE },
    { "fd00:ec2::255", 5000, FALSE, TRUE },
    { "::127.0.0.1", 5000, TRUE, FALSE },
    { "64:ff9b::7f00:1", 5000, TRUE, FALSE },
    { "ff02::1", 5000, TRUE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GInetAddress) address =
        g_inet_address_new_from_string (rows[i].address);

    g_assert_cmpint (pb_ice_address_is_fit (address, rows[i].port,
                         rows[i].on_loopback),
        ==, rows[i].is_fit);
  }
}

/* --- the STUN probe ------------------------------------------------------- */

typedef struct
{
  gboolean is_done;
  char *mapped;
} Answer;

static void
on_probed (PbStunProbe *probe, GSocketAddress *mapped, gpointer user_data)
{
  Answer *answer = user_data;

  answer->is_done = TRUE;
  if (mapped != NULL)
    answer->mapped =
        g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (mapped));
}

static int
bind_socket (GSocketAddress **address)
{
  struct sockaddr_storage native;
  socklen_t size = sizeof native;
  g_autoptr (GSocketAddress) any =
      g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  g_assert_true (
      g_socket_address_to_native (any, &native, sizeof native, NULL));
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native,
                       (socklen_t) g_socket_address_get_native_size (any)),
      ==, 0);
  getsockname (fd, (struct sockaddr *) &native, &size);
  *address = g_socket_address_new_from_native (&native, size);

  return fd;
}

static void
test_a_silent_server_is_no_answer (Fixture *f, gconstpointer unused)
{
  g_autoptr (GSocketAddress) mine = NULL, server = NULL;
  int fd = bind_socket (&mine), silent = bind_socket (&server);
  Answer answer = { FALSE };
  g_autoptr (PbStunProbe) probe =
      pb_stun_probe_new (f->context, fd, server, on_probed, &answer);

  /* rubbish is no answer either */
  send_one (silent, mine, "rubbish");
  while (!answer.is_done)
    g_main_context_iteration (f->context, TRUE);
  g_assert_null (answer.mapped);
  close (fd);
  close (silent);
}

static void
test_the_mapped_address_is_told (Fixture *f, gconstpointer unused)
{
  g_autoptr (GSocketAddress) mine = NULL, server = NULL;
  int fd = bind_socket (&mine), responder = bind_socket (&server);
  Answer answer = { FALSE };
  g_autoptr (PbStunProbe) probe =
      pb_stun_probe_new (f->context, fd, server, on_probed, &answer);
  guint8 request[1500];
  /* A success response of RFC 5389 by hand: 203.0.113.9:20000, XORed with the
   * magic cookie. */
  guint8 response[32] = { 0x01, 0x01, 0x00, 0x0c };
  struct sockaddr_storage from;
  socklen_t size = sizeof from;
  gssize n;

  g_main_context_iteration (f->context, TRUE);
  n = recvfrom (responder, request, sizeof request, 0,
      (struct sockaddr *) &from, &size);
  g_assert_cmpint (n, >=, 20);
  memcpy (response + 4, request + 4, 16);
  memcpy (response + 20,
      (guint8[12]){ 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 20000 >> 8 ^ 0x21,
          (20000 & 0xff) ^ 0x12, 203 ^ 0x21, 0 ^ 0x12, 113 ^ 0xa4, 9 ^ 0x42 },
      12);
  sendto (responder, response, sizeof response, 0, (struct sockaddr *) &from,
      size);
  while (!answer.is_done)
    g_main_context_iteration (f->context, TRUE);
  g_assert_cmpstr (answer.mapped, ==, "203.0.113.9:20000");
  g_free (answer.mapped);
  close (fd);
  close (responder);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);

#define TEST(path, func)                                                       \
  g_test_add (path, Fixture, NULL, set_up, func, tear_down)
  TEST ("/ice-path/two-ends-meet", test_two_ends_meet);
  TEST ("/ice-path/an-absent-peer-is-a-fault", test_an_absent_peer_is_a_fault);
  TEST ("/ice-path/what-a-stranger-sends-is-checked",
      test_what_a_stranger_sends_is_checked);
  TEST ("/stun-probe/a-silent-server-is-no-answer",
      test_a_silent_server_is_no_answer);
  TEST ("/stun-probe/the-mapped-address-is-told",
      test_the_mapped_address_is_told);
#undef TEST
  g_test_add_func ("/ice-path/loopback-is-for-loopback-only",
      test_loopback_is_for_loopback_only);

  return g_test_run ();
}
