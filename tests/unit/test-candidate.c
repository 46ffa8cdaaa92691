/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-candidate.h"
#include "core/pb-limits.h"

#define HOST(address) "candidate:1 1 UDP 2130706431 " address " 5000 typ host"

static void
test_good_lines (void)
{
  static const struct
  {
    const char *line;
    PbCandidate is;
  } rows[] = {
    { HOST ("192.0.2.1"), { PB_CANDIDATE_HOST, PB_CANDIDATE_UDP, 1, 2130706431,
                              (char *) "192.0.2.1", FALSE, 5000 } },
    { "a=candidate:a+/9 256 udp 1 2001:db8::1 1 typ relay raddr 192.0.2.9 "
      "rport 4000",
        { PB_CANDIDATE_RELAY, PB_CANDIDATE_UDP, 256, 1, (char *) "2001:db8::1",
            FALSE, 1 } },
    { "candidate:1 1 TCP 2147483647 192.0.2.1 9 typ host tcptype active",
        { PB_CANDIDATE_HOST, PB_CANDIDATE_TCP_ACTIVE, 1, 2147483647,
            (char *) "192.0.2.1", FALSE, 9 } },
    { "candidate:1 1 tcp 1 192.0.2.1 443 typ srflx raddr 0.0.0.0 rport 0 "
      "tcptype passive generation 0",
        { PB_CANDIDATE_SRFLX, PB_CANDIDATE_TCP_PASSIVE, 1, 1,
            (char *) "192.0.2.1", FALSE, 443 } },
    { "candidate:1 1 tcp 1 192.0.2.1 65535 typ prflx tcptype so",
        { PB_CANDIDATE_PRFLX, PB_CANDIDATE_TCP_SO, 1, 1, (char *) "192.0.2.1",
            FALSE, 65535 } },
    { "candidate:1 1 udp 1 192.0.2.1 5000 typ srflx raddr x.local rport 5 "
      "generation 0 ufrag EsAw network-id 1 network-cost 10",
        { PB_CANDIDATE_SRFLX, PB_CANDIDATE_UDP, 1, 1, (char *) "192.0.2.1",
            FALSE, 5000 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbCandidate) first =
        pb_candidate_parse (rows[i].line, PB_ADDRESS_STRICT, &error);
    g_autoptr (PbCandidate) is = NULL;

    g_assert_no_error (error);
    is = g_boxed_copy (PB_TYPE_CANDIDATE, first);
    g_clear_pointer (&first, pb_candidate_free);
    g_assert_cmpint (is->kind, ==, rows[i].is.kind);
    g_assert_cmpint (is->transport, ==, rows[i].is.transport);
    g_assert_cmpuint (is->component, ==, rows[i].is.component);
    g_assert_cmpuint (is->priority, ==, rows[i].is.priority);
    g_assert_cmpstr (is->address, ==, rows[i].is.address);
    g_assert_false (is->is_name);
    g_assert_cmpuint (is->port, ==, rows[i].is.port);
    g_assert_cmpint (pb_candidate_judge (rows[i].line, PB_ADDRESS_STRICT,
                         &error),
        ==, PB_CANDIDATE_FIT);
    g_assert_no_error (error);
  }
}

static void
test_names_are_passed_over (void)
{
  static const char *const names[] = {
    "0f5c2dcd-3d6d-4d6f-8d5f-1b6a5a1f9c77.local", "example.org", "a",
    "9x_y.l-ocal"
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *line = g_strdup_printf (HOST ("%s"), names[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (PbCandidate) is =
        pb_candidate_parse (line, PB_ADDRESS_STRICT, &error);

    g_assert_no_error (error);
    g_assert_true (is->is_name);
    g_assert_cmpstr (is->address, ==, names[i]);
    g_assert_cmpint (pb_candidate_judge (line, PB_ADDRESS_STRICT, NULL), ==,
        PB_CANDIDATE_NAME);
  }
}

static void
test_malformed_lines (void)
{
  g_autofree char *foundation = g_strnfill (33, 'a');
  g_autofree char *name = g_strnfill (254, 'a');
  g_autofree char *junk = g_strnfill (PB_CANDIDATE_MAX, 'a');
  char *generated[] = {
    g_strdup_printf ("candidate:%s 1 UDP 1 192.0.2.1 5000 typ host",
        foundation),
    g_strdup_printf (HOST ("%s"), name),
    g_strdup_printf (HOST ("192.0.2.1") " x %s", junk),
  };
  static const char *const bad[] = { "", "a=", "candidate",
    "candidate:", "a=a=" HOST ("192.0.2.1"), " " HOST ("192.0.2.1"),
    "Candidate:1 1 UDP 1 192.0.2.1 5000 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 5000 typ",
    "candidate: 1 1 UDP 1 192.0.2.1 5000 typ host",
    "candidate:1  1 UDP 1 192.0.2.1 5000 typ host", HOST ("192.0.2.1") " ",
    HOST ("192.0.2.1") "\r\na=ice-lite", HOST ("192.0.2.1") "\n",
    HOST ("192.0.2.1") "\t", HOST ("192.0.2.1\x7f"), HOST ("192.0.2.\xc3\xa4"),
    /* foundation, component, transport, priority */
    "candidate:a-b 1 UDP 1 192.0.2.1 5000 typ host",
    "candidate:1 0 UDP 1 192.0.2.1 5000 typ host",
    "candidate:1 257 UDP 1 192.0.2.1 5000 typ host",
    "candidate:1 0001 UDP 1 192.0.2.1 5000 typ host",
    "candidate:1 x UDP 1 192.0.2.1 5000 typ host",
    "candidate:1 1 SCTP 1 192.0.2.1 5000 typ host",
    "candidate:1 1 TLS 1 192.0.2.1 5000 typ host",
    "candidate:1 1 UDP 0 192.0.2.1 5000 typ host",
    "candidate:1 1 UDP 2147483648 192.0.2.1 5000 typ host",
    "candidate:1 1 UDP 99999999999 192.0.2.1 5000 typ host",
    "candidate:1 1 UDP -1 192.0.2.1 5000 typ host",
    "candidate:1 1 UDP 1x 192.0.2.1 5000 typ host",
    /* address: what inet_aton() takes is neither an address nor a name */
    HOST ("127.1"), HOST ("0x7f.1"), HOST ("2130706433"), HOST ("192.0.2"),
    HOST ("192.0.2.256"), HOST ("192.0.2.1.5"), HOST ("fe80::1%eth0"),
    HOST ("[2001:db8::1]"), HOST ("2001:db8:::1"), HOST ("a..b"),
    HOST (".local"), HOST ("a/b"), HOST ("a:b"), HOST ("x.local."),
    HOST ("::ffff:127.0.0.1:127.127.127.127.127.127.127.127"),
    /* port */
    "candidate:1 1 UDP 1 192.0.2.1 65536 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 000000 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 -1 typ host",
    "candidate:1 1 UDP 1 192.0.2.1  typ host",
    /* type */
    "candidate:1 1 UDP 1 192.0.2.1 5000 typ Host",
    "candidate:1 1 UDP 1 192.0.2.1 5000 typ local",
    "candidate:1 1 UDP 1 192.0.2.1 5000 type host",
    /* what follows */
    HOST ("192.0.2.1") " generation", HOST ("192.0.2.1") " generation ",
    HOST ("192.0.2.1") "  0", HOST ("192.0.2.1") " raddr 192.0.2.1 rport",
    HOST ("192.0.2.1") " raddr 127.1", HOST ("192.0.2.1") " rport 65536",
    HOST ("192.0.2.1") " raddr 192.0.2.1 raddr 192.0.2.1",
    HOST ("192.0.2.1") " rport 1 rport 1", HOST ("192.0.2.1") " tcptype active",
    "candidate:1 1 TCP 1 192.0.2.1 9 typ host",
    "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype none",
    "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype so tcptype so" };

  for (guint i = 0; i < G_N_ELEMENTS (bad) + G_N_ELEMENTS (generated); i++) {
    const char *line =
        i < G_N_ELEMENTS (bad) ? bad[i] : generated[i - G_N_ELEMENTS (bad)];
    g_autoptr (GError) error = NULL;

    if (pb_candidate_parse (line, PB_ADDRESS_LOOPBACK, &error) != NULL)
      g_test_fail_printf ("taken: %s", line);
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    g_assert_true (g_str_has_prefix (error->message, "the candidate "));
    g_clear_error (&error);
    if (pb_candidate_judge (line, PB_ADDRESS_LOOPBACK, &error) !=
        PB_CANDIDATE_MALFORMED)
      g_test_fail_printf ("not malformed: %s", line);
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  }
  for (guint i = 0; i < G_N_ELEMENTS (generated); i++)
    g_free (generated[i]);
}

static void
test_ports_that_are_none (void)
{
  static const char *const unfit[] = {
    "candidate:1 1 UDP 1 192.0.2.1 0 typ host",
    "candidate:1 1 TCP 1 192.0.2.1 0 typ host tcptype passive",
    "candidate:1 1 TCP 1 192.0.2.1 0 typ host tcptype active",
    "candidate:1 1 TCP 1 192.0.2.1 10 typ host tcptype active",
    "candidate:1 1 UDP 1 x.local 0 typ host",
  };

  for (guint i = 0; i < G_N_ELEMENTS (unfit); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (pb_candidate_judge (unfit[i], PB_ADDRESS_STRICT, &error),
        ==, PB_CANDIDATE_UNFIT);
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, "port"));
  }
}

static void
test_where_no_packet_goes (void)
{
  static const struct
  {
    const char *address;
    PbAddressFlags flags; /* that make it fit; ~0: none do */
    const char *why;
  } rows[] = {
    { "192.0.2.1", 0, NULL },
    { "10.0.0.1", 0, NULL },
    { "100.64.0.1", 0, NULL },
    { "223.255.255.255", 0, NULL },
    { "2001:db8::1", 0, NULL },
    { "fd00:ec2::255", 0, NULL },
    { "2002:c000:201::1", 0, NULL },
    { "0.0.0.0", ~0, "unspecified" },
    { "0.1.2.3", ~0, "unspecified" },
    { "::", ~0, "unspecified" },
    { "127.0.0.1", PB_ADDRESS_LOOPBACK, "loopback" },
    { "127.255.255.254", PB_ADDRESS_LOOPBACK, "loopback" },
    { "::1", PB_ADDRESS_LOOPBACK, "loopback" },
    { "224.0.0.251", ~0, "multicast" },
    { "239.255.255.255", ~0, "multicast" },
    { "ff02::fb", ~0, "multicast" },
    { "240.0.0.1", ~0, "reserved" },
    { "255.255.255.255", ~0, "broadcast" },
    { "169.254.1.1", PB_ADDRESS_LINK_LOCAL, "link-local" },
    { "169.254.169.254", ~0, "metadata" },
    { "fd00:ec2::254", ~0, "metadata" },
    { "fe80::1", PB_ADDRESS_LINK_LOCAL, "link-local" },
    { "febf::1", PB_ADDRESS_LINK_LOCAL, "link-local" },
    { "fec0::1", PB_ADDRESS_LINK_LOCAL, "link-local" },
    { "::ffff:127.0.0.1", ~0, "dressed up" },
    { "::ffff:169.254.169.254", ~0, "dressed up" },
    { "::ffff:10.0.0.1", ~0, "dressed up" },
    { "::127.0.0.1", ~0, "dressed up" },
    { "::2", ~0, "dressed up" },
    { "64:ff9b::7f00:1", ~0, "dressed up" },
    { "64:ff9b:1::7f00:1", ~0, "dressed up" },
    { "::ffff:0:127.0.0.1", ~0, "dressed up" },
    { "::ffff:2002:7f00:1", ~0, "dressed up" },
    { "2002:7f00:1::1", ~0, "dressed up" },
    { "2002:a9fe:a9fe::", ~0, "dressed up" },
  };
  static const PbAddressFlags all[] = { PB_ADDRESS_STRICT, PB_ADDRESS_LOOPBACK,
    PB_ADDRESS_LINK_LOCAL, PB_ADDRESS_LOOPBACK | PB_ADDRESS_LINK_LOCAL };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    for (guint j = 0; j < G_N_ELEMENTS (all); j++) {
      g_autoptr (GInetAddress) address =
          g_inet_address_new_from_string (rows[i].address);
      g_autofree char *line = g_strdup_printf (HOST ("%s"), rows[i].address);
      gboolean is_fit = (all[j] & rows[i].flags) == rows[i].flags;
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (address);
      if (pb_address_check (address, all[j], &error) != is_fit)
        g_test_fail_printf ("%s: not %d with %d", rows[i].address, is_fit,
            all[j]);
      g_assert_cmpint (is_fit, ==, error == NULL);
      if (!is_fit) {
        g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
        g_assert_nonnull (strstr (error->message, rows[i].why));
        g_clear_error (&error);
      }
      g_assert_cmpint (pb_candidate_judge (line, all[j], &error), ==,
          is_fit ? PB_CANDIDATE_FIT : PB_CANDIDATE_UNFIT);
      if (!is_fit)
        g_assert_nonnull (strstr (error->message, rows[i].why));
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/candidate/good-lines-are-read", test_good_lines);
  g_test_add_func ("/candidate/names-are-passed-over",
      test_names_are_passed_over);
  g_test_add_func ("/candidate/malformed-lines-are-refused",
      test_malformed_lines);
  g_test_add_func ("/candidate/ports-that-are-none-are-unfit",
      test_ports_that_are_none);
  g_test_add_func ("/candidate/no-packet-goes-where-it-can-only-harm",
      test_where_no_packet_goes);

  return g_test_run ();
}
