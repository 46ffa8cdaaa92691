/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a peer takes from nobody, and tells nobody. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "core/pb-error.h"
#include "glue/pb-gst-debug.h"
#include "pb-webrtc-sdp.h"
#include "webrtc-pair.h"

static gboolean
has_one_failed (Pair *pair)
{
  return pair->ends[0].state == PB_WEBRTC_FAILED ||
         pair->ends[1].state == PB_WEBRTC_FAILED;
}

static gboolean
has_described (Pair *pair)
{
  return pair->ends[0].is_gathered && pair->ends[1].n_descriptions > 0;
}

static char *
alter_fingerprint (Pair *pair, guint from, const char *type, const char *sdp)
{
  char *text = g_strdup (sdp);
  char *at = text;

  while ((at = strstr (at, "a=fingerprint:sha-256 ")) != NULL) {
    at += strlen ("a=fingerprint:sha-256 ");
    *at = *at == '0' ? '1' : '0';
  }

  return text;
}

static void
test_altered_fingerprint (gconstpointer user_data)
{
  guint from = GPOINTER_TO_UINT (user_data);
  Pair *pair = pair_new_both_ways ();

  pair->ends[from].on_description = alter_fingerprint;
  pair_start (pair);
  pair_wait (pair, has_one_failed);
  g_assert_cmpint (pair->ends[1 - from].state, ==, PB_WEBRTC_FAILED);
  g_assert_cmpint (pair->ends[1 - from].fault, ==, PB_FAULT_FINGERPRINT);
  pair_end_peer (pair, 1 - from);
  /* the end that was lied to took nothing and sent nothing */
  g_mutex_lock (&pair->lock);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (pair->ends[i].n_video + pair->ends[i].n_audio, ==, 0);
  g_assert_cmpuint (pair->ends[1 - from].n_connected, ==, 0);
  g_mutex_unlock (&pair->lock);
  pair_free (pair);
}

static void
refuse (PbWebrtcPeer *peer, const char *type, const char *sdp)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (pb_webrtc_peer_set_remote (peer, type, sdp, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_assert_cmpint (pb_webrtc_peer_get_state (peer), ==, PB_WEBRTC_NEW);
}

static char *
replace (const char *text, const char *from, const char *to)
{
  g_auto (GStrv) parts = g_strsplit (text, from, 0);

  return g_strjoinv (to, parts);
}

/* What would make webrtcbin abort the process, or is just wrong. */
static char *
try_bad_descriptions (Pair *pair, guint from, const char *type, const char *sdp)
{
  PbWebrtcPeer *to = pair->ends[1 - from].peer;
  const char *other = g_str_equal (type, "offer") ? "answer" : "offer";
  g_autofree char *no_mid = replace (sdp, "a=mid:", "a=dim:");
  g_autofree char *same_mid = replace (sdp, "a=mid:video1", "a=mid:audio0");
  g_autofree char *no_bundle = replace (sdp, "a=group:BUNDLE", "a=group:LS");
  g_autofree char *sha1 = replace (sdp, "sha-256", "sha-1");
  g_autofree char *none = replace (sdp, "a=fingerprint", "a=footprint");

  refuse (to, other, sdp);
  refuse (to, "pranswer", sdp);
  refuse (to, type, "");
  refuse (to, type, "v=0\r\n");
  refuse (to, type, no_mid);
  refuse (to, type, same_mid);
  refuse (to, type, no_bundle);
  refuse (to, type, sha1);
  refuse (to, type, none);

  return g_strdup (sdp);
}

static void
refuse_candidate (PbWebrtcPeer *peer, guint mline, const char *line)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (pb_webrtc_peer_add_candidate (peer, mline, line, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

static char *
try_bad_candidates (Pair *pair, guint from, const char *candidate)
{
  PbWebrtcPeer *to = pair->ends[1 - from].peer;
  g_autoptr (GError) error = NULL;

  refuse_candidate (to, 0, "candidate:nonsense");
  refuse_candidate (to, 0,
      "candidate:1 1 UDP 2013266431 224.0.0.251 5353 typ host");
  refuse_candidate (to, 0,
      "candidate:1 1 UDP 2013266431 169.254.169.254 80 typ host");
  refuse_candidate (to, 99, candidate);
  /* a name: passed over, and never resolved */
  g_assert_true (pb_webrtc_peer_add_candidate (to, 0,
      "candidate:1 1 UDP 2013266431 "
      "0f6c2f1e-9f1c-4f5c-8f53-6f3c1f0a9b7e.local 50000 typ host",
      &error));
  g_assert_no_error (error);

  return g_strdup (candidate);
}

static void
test_bad_input_is_refused (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  for (guint i = 0; i < 2; i++) {
    pair->ends[i].on_description = try_bad_descriptions;
    pair->ends[i].on_candidate = try_bad_candidates;
  }
  pair_start (pair);
  pair_wait (pair, pair_has_media);
  pair_free (pair);
}

static void
test_candidates_have_an_end (void)
{
  Pair *pair = pair_new ();
  guint n = 0;

  pair->ends[0].media[0] = "opus";
  pair_start (pair);
  for (; n < 1000; n++) {
    g_autofree char *line =
        g_strdup_printf ("candidate:%u 1 UDP 2013266431 127.0.0.1 %u typ host",
            n, 20000 + n);
    g_autoptr (GError) error = NULL;

    if (!pb_webrtc_peer_add_candidate (pair->ends[1].peer, 0, line, &error)) {
      g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
      break;
    }
  }
  g_assert_cmpuint (n, ==, 64);
  pair_free (pair);
}

/* Where nothing but a relay is allowed, nothing but it is told of. */
static void
test_a_relay_hides_where_we_are (void)
{
  static const char *const rows[][2] = {
    { "candidate:3 1 UDP 503318271 203.0.113.2 49170 typ relay raddr "
      "198.51.100.2 rport 41034",
        "candidate:3 1 UDP 503318271 203.0.113.2 49170 typ relay raddr 0.0.0.0 "
        "rport 0" },
    { "candidate:3 1 UDP 503318271 2001:db8::2 49170 typ relay raddr "
      "2001:db8::77 rport 41034",
        "candidate:3 1 UDP 503318271 2001:db8::2 49170 typ relay raddr :: "
        "rport 0" },
    { "candidate:1 1 UDP 2015363327 203.0.113.2 49170 typ relay",
        "candidate:1 1 UDP 2015363327 203.0.113.2 49170 typ relay" },
    { "candidate:1 1 UDP 1 203.0.113.2 9 typ relay raddr",
        "candidate:1 1 UDP 1 203.0.113.2 9 typ relay raddr" },
  };
  Pair *pair = pair_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *told = pb_webrtc_sdp_hide_base (rows[i][0]);

    g_assert_cmpstr (told, ==, rows[i][1]);
  }

  /* there is none, so there is nothing to tell */
  pair->ends[0].media[0] = "opus";
  pair->ends[0].config.is_relay_only = TRUE;
  pair->ends[1].config.can_trickle = FALSE;
  pair->ends[1].config.is_relay_only = TRUE;
  pair_start (pair);
  pair_wait (pair, has_described);
  g_assert_cmpuint (pair->ends[0].n_candidates, ==, 0);
  for (guint i = 0; i < 2; i++) {
    g_assert_null (strstr (pair->ends[i].description, "a=candidate"));
    g_assert_null (strstr (pair->ends[i].description, "127.0.0.1"));
  }
  pair_free (pair);
}

/* A DTLS ClientHello from an address that ICE has not checked. */
static gboolean
sees_no_answer (GSocket *socket)
{
  char answer[2048];
  g_autoptr (GError) error = NULL;

  return g_socket_receive (socket, answer, sizeof answer, NULL, &error) < 0 &&
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

static GSocket *foreign;
static guint n_hellos;

static void
say_hello (const char *candidate)
{
  /* DTLS 1.0 record, ClientHello of DTLS 1.2 with one cipher */
  static const guint8 hello[] = { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 54,
    1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, 0, 0, 0, 2, 0xc0, 0x2b, 1, 0 };
  g_auto (GStrv) parts = g_strsplit (candidate, " ", 0);
  g_autoptr (GSocketAddress) to =
      g_inet_socket_address_new_from_string (parts[4], atoi (parts[5]));

  g_assert_cmpstr (parts[7], ==, "host");
  for (guint j = 0; j < 5; j++)
    g_assert_cmpint (g_socket_send_to (foreign, to, (const char *) hello,
                         sizeof hello, NULL, NULL),
        ==, sizeof hello);
  n_hellos++;
}

/* Before anybody else can have said anything */
static char *
be_early (Pair *pair, guint from, const char *candidate)
{
  if (strstr (candidate, " UDP ") != NULL)
    say_hello (candidate);

  return g_strdup (candidate);
}

static void
test_foreign_handshake_has_no_answer (void)
{
  Pair *pair = pair_new ();
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4,
      G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
  g_autoptr (GSocketAddress) any =
      g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  guint before;

  g_assert_true (g_socket_bind (socket, any, FALSE, NULL));
  g_socket_set_blocking (socket, FALSE);
  foreign = socket;
  n_hellos = 0;
  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  for (guint i = 0; i < 2; i++)
    pair->ends[i].on_candidate = be_early;
  pair_start (pair);
  pair_wait (pair, pair_has_media);
  /* to each of the two, when it was the first that it could hear */
  g_assert_cmpuint (n_hellos, >=, 2);
  for (guint i = 0; i < 2; i++)
    say_hello (pair->ends[i].first_candidate);
  /* the connection outlives it: what was sent has been read meanwhile */
  before = pair->ends[1].n_video;
  pair->ends[1].n_video = 0;
  pair_wait (pair, pair_has_video);
  g_assert_cmpuint (before, >, 0);
  g_assert_true (sees_no_answer (socket));
  g_assert_true (pair_is_connected (pair));
  pair_free (pair);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  pb_gst_debug_init ();
#define ADD(name, func) g_test_add_func ("/webrtc-peer-security/" name, func)
  for (guint i = 0; i < 2; i++)
    g_test_add_data_func (i == 0
                              ? "/webrtc-peer-security/"
                                "an-altered-fingerprint-in-the-offer-no-media"
                              : "/webrtc-peer-security/"
                                "an-altered-fingerprint-in-the-answer-no-media",
        GUINT_TO_POINTER (i), test_altered_fingerprint);
  ADD ("bad-input-is-refused-and-changes-nothing", test_bad_input_is_refused);
  ADD ("candidates-have-an-end", test_candidates_have_an_end);
  ADD ("a-relay-hides-where-we-are", test_a_relay_hides_where_we_are);
  ADD ("a-foreign-handshake-has-no-answer",
      test_foreign_handshake_has_no_answer);

  result = g_test_run ();
  gst_deinit ();

  return result;
}
