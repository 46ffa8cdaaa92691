/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-error.h"
#include "glue/pb-gst-debug.h"
#include "pb-webrtc-sdp.h"
#include "webrtc-pair.h"

/* rtpbin 1.22, stopped while it learns of a payload type, forgets the row that
 * it has just made and what hangs on it; a payloader, stopped in the middle of
 * a frame, what it kept of the frame's metadata (each seen in one of some
 * runs). Of this program alone: elsewhere whatever runs beneath them shall be
 * seen, and webrtc-leaks counts packets in its own way. */
const char *__lsan_default_suppressions (void);

const char *
__lsan_default_suppressions (void)
{
  return "leak:libgstrtpmanager\nleak:libgstrtp-1.0\n";
}

/* --- what is waited for --------------------------------------------------- */

static gboolean
has_media (Pair *pair)
{
  return pair->ends[1].n_video >= 30 && pair->ends[1].n_audio >= 50;
}

static gboolean
has_video (Pair *pair)
{
  return pair->ends[1].n_video >= 30;
}

static gboolean
has_all (Pair *pair)
{
  return has_media (pair) && pair->ends[0].n_video >= 30 &&
         pair->ends[0].n_audio >= 50;
}

static gboolean
has_return_video (Pair *pair)
{
  return pair->ends[1].n_audio >= 50 && pair->ends[0].n_video >= 30;
}

static gboolean
has_one_failed (Pair *pair)
{
  return pair->ends[0].state == PB_WEBRTC_FAILED ||
         pair->ends[1].state == PB_WEBRTC_FAILED;
}

static const char *
get_name (PairEnd *end, guint track)
{
  return gst_structure_get_name (gst_caps_get_structure (end->caps[track], 0));
}

/* --- media ---------------------------------------------------------------- */

static void
test_one_direction (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  pair_start (pair);
  pair_wait (pair, has_media);
  g_assert_true (pair_is_connected (pair));
  g_assert_cmpuint (pair->ends[0].n_video, ==, 0);
  /* tracks are numbered as the m-lines are: sound comes first */
  g_assert_cmpstr (get_name (&pair->ends[1], 0), ==, "audio/x-opus");
  g_assert_cmpstr (get_name (&pair->ends[1], 1), ==, "video/x-h264");
  g_assert_cmpuint (pair->ends[0].n_keyframes_asked, >=, 1);
  g_test_message ("connected after %.1f ms, first frame after %.1f ms",
      (pair->connected_us - pair->began_us) / 1e3,
      (pair->first_sample_us - pair->began_us) / 1e3);
  pair_free (pair);
}

static void
test_codec (gconstpointer user_data)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = user_data;
  pair_start (pair);
  pair_wait (pair, has_video);
  g_assert_true (pair_is_connected (pair));
  pair_free (pair);
}

static Pair *
new_both_ways (void)
{
  Pair *pair = pair_new ();

  for (guint i = 0; i < 2; i++) {
    pair->ends[i].media[0] = "h264";
    pair->ends[i].media[1] = "opus";
    pair->ends[i].config.may_send = TRUE;
    pair->ends[i].config.may_receive = TRUE;
    pair->ends[i].config.has_data_channel = TRUE;
  }

  return pair;
}

static void
test_both_ways (void)
{
  Pair *pair = new_both_ways ();

  pair_start (pair);
  pair_wait (pair, has_all);
  g_assert_true (pair_is_connected (pair));
  pair_free (pair);
}

/* The offerer has sound and asks for the other's picture. */
static void
test_return_of_another_kind (void)
{
  Pair *pair = new_both_ways ();

  pair->ends[0].media[0] = "opus";
  pair->ends[0].media[1] = NULL;
  pair->ends[0].config.wants_video = TRUE;
  pair->ends[1].media[0] = "vp8";
  pair->ends[1].media[1] = NULL;
  pair_start (pair);
  pair_wait (pair, has_return_video);
  g_assert_cmpstr (get_name (&pair->ends[0], 0), ==, "video/x-vp8");
  g_assert_cmpuint (pair->ends[0].n_audio, ==, 0);
  pair_free (pair);
}

/* Who may not receive offers sendonly, and the other end has to obey. */
static void
test_sendonly_is_obeyed (void)
{
  Pair *pair = new_both_ways ();

  pair->ends[0].config.may_receive = FALSE;
  pair_start (pair);
  pair_wait (pair, has_media);
  g_assert_nonnull (strstr (pair->ends[0].description, "a=sendonly"));
  g_assert_null (strstr (pair->ends[0].description, "a=sendrecv"));
  g_assert_nonnull (strstr (pair->ends[1].description, "a=recvonly"));
  g_assert_cmpuint (pair->ends[0].n_video + pair->ends[0].n_audio, ==, 0);
  pair_free (pair);
}

static void
test_no_trickle (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  for (guint i = 0; i < 2; i++)
    pair->ends[i].config.can_trickle = FALSE;
  pair_start (pair);
  pair_wait (pair, has_media);
  for (guint i = 0; i < 2; i++) {
    g_assert_cmpuint (pair->ends[i].n_candidates, ==, 0);
    g_assert_cmpuint (pair->ends[i].n_descriptions, ==, 1);
    g_assert_nonnull (strstr (pair->ends[i].description, "a=candidate:"));
    g_assert_nonnull (strstr (pair->ends[i].description, "a=end-of-cand"));
  }
  pair_free (pair);
}

static gboolean
has_described (Pair *pair)
{
  return pair->ends[0].is_gathered && pair->ends[1].n_descriptions > 0;
}

static void
test_quality_is_negotiated (void)
{
  Pair *pair = new_both_ways ();

  for (guint i = 0; i < 2; i++)
    pair->ends[i].config.has_fec = TRUE;
  pair_start (pair);
  pair_wait (pair, has_all);
  for (guint i = 0; i < 2; i++) {
    g_auto (GStrv) parts =
        g_strsplit (strstr (pair->ends[i].description, "m=audio"), "m=", 0);
    const char *audio = parts[1], *video = parts[2];

    g_assert_true (g_str_has_prefix (video, "video"));
    g_assert_true (g_str_has_prefix (audio, "audio"));
    g_assert_nonnull (strstr (video, " rtx/90000"));
    g_assert_nonnull (strstr (video, " red/90000"));
    g_assert_nonnull (strstr (video, " ulpfec/90000"));
    g_assert_nonnull (strstr (video, " nack\r\n"));
    g_assert_nonnull (strstr (video, " nack pli\r\n"));
    g_assert_nonnull (strstr (video, " transport-cc\r\n"));
    g_assert_nonnull (strstr (video, "transport-wide-cc-extensions-01"));
    g_assert_nonnull (strstr (audio, "transport-wide-cc-extensions-01"));
    g_assert_null (strstr (audio, "rtx"));
    g_assert_null (strstr (audio, "nack"));
  }
  g_assert_cmpuint (pair->ends[0].n_estimates, >, 0);
  pair_free (pair);
}

static gboolean
describes_fec (PairEnd *end)
{
  const char *video = strstr (end->description, "m=video");

  return strstr (video, " red/90000") != NULL &&
         strstr (video, " ulpfec/90000") != NULL;
}

/* Who is told to spend it says so, and the other end has only to take it: both
 * ways its own media stay without. */
static void
test_fec_is_the_senders_choice (gconstpointer user_data)
{
  Pair *pair = user_data != NULL ? new_both_ways () : pair_new ();

  if (user_data == NULL) {
    pair->ends[0].media[0] = "h264";
    pair->ends[0].media[1] = "opus";
  }
  pair->ends[0].config.has_fec = TRUE;
  pair_start (pair);
  pair_wait (pair, user_data != NULL ? has_all : has_media);
  g_assert_true (describes_fec (&pair->ends[0]));
  g_assert_true (describes_fec (&pair->ends[1]));
  pair_free (pair);
}

/* What was not offered is not answered, and a client of HTTP offers it unasked.
 */
static void
test_fec_is_not_for_everybody (gconstpointer user_data)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  if (user_data != NULL) {
    pair->ends[0].config.has_fec = TRUE;
    pair->ends[0].config.can_trickle = FALSE;
    pair->ends[1].config.can_trickle = FALSE;
  }
  pair_start (pair);
  pair_wait (pair, has_media);
  g_assert_true (describes_fec (&pair->ends[0]) == (user_data != NULL));
  g_assert_false (describes_fec (&pair->ends[1]));
  pair_free (pair);
}

/* --- the channel ---------------------------------------------------------- */

static gboolean
has_channels (Pair *pair)
{
  return pair->ends[0].is_channel_open && pair->ends[1].is_channel_open;
}

static gboolean
has_texts (Pair *pair)
{
  return g_strcmp0 (pair->ends[0].text, "from 1") == 0 &&
         g_strcmp0 (pair->ends[1].text, "from 0: \xc3\xa9") == 0;
}

static void
test_channel (void)
{
  Pair *pair = new_both_ways ();

  pair_start (pair);
  g_assert_false (pb_webrtc_peer_send_text (pair->ends[0].peer, "early"));
  pair_wait (pair, has_channels);
  g_assert_true (
      pb_webrtc_peer_send_text (pair->ends[0].peer, "from 0: \xc3\xa9"));
  g_assert_true (pb_webrtc_peer_send_text (pair->ends[1].peer, "from 1"));
  pair_wait (pair, has_texts);
  pair_free (pair);
}

/* An answer as Firefox makes it that has no H.264: of what it refuses it tells
 * the mid and nothing else. */
static char *
refuse_video (Pair *pair, guint from, const char *type, const char *sdp)
{
  g_auto (GStrv) sections = g_strsplit (sdp, "\r\nm=", 0);
  g_auto (GStrv) group = g_strsplit (sections[0], " video1", 0);

  g_assert_cmpuint (g_strv_length (sections), ==, 3);
  g_assert_true (g_str_has_prefix (sections[2], "video"));
  g_free (sections[0]);
  sections[0] = g_strjoinv ("", group);
  g_free (sections[2]);
  sections[2] = g_strdup ("video 0 UDP/TLS/RTP/SAVPF 120\r\n"
                          "c=IN IP4 0.0.0.0\r\na=inactive\r\n"
                          "a=mid:video1\r\na=rtpmap:120 VP8/90000\r\n");

  return g_strjoinv ("\r\nm=", sections);
}

static gboolean
has_audio (Pair *pair)
{
  return pair->ends[1].n_audio >= 50;
}

static void
test_what_is_refused_does_not_stop_the_rest (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  pair->ends[1].on_description = refuse_video;
  pair_start (pair);
  pair_wait (pair, has_audio);
  g_assert_true (pair_is_connected (pair));
  g_assert_cmpuint (pair->ends[1].n_video, ==, 0);
  pair_free (pair);
}

/* --- security ------------------------------------------------------------- */

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
  Pair *pair = new_both_ways ();

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
  pair_wait (pair, has_media);
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
  pair_wait (pair, has_media);
  /* to each of the two, when it was the first that it could hear */
  g_assert_cmpuint (n_hellos, >=, 2);
  for (guint i = 0; i < 2; i++)
    say_hello (pair->ends[i].first_candidate);
  /* the connection outlives it: what was sent has been read meanwhile */
  before = pair->ends[1].n_video;
  pair->ends[1].n_video = 0;
  pair_wait (pair, has_video);
  g_assert_cmpuint (before, >, 0);
  g_assert_true (sees_no_answer (socket));
  g_assert_true (pair_is_connected (pair));
  pair_free (pair);
}

/* --- order ---------------------------------------------------------------- */

static char *held_offer;

static char *
hold_offer (Pair *pair, guint from, const char *type, const char *sdp)
{
  held_offer = g_strdup (sdp);

  return NULL;
}

static gboolean
has_gathered (Pair *pair)
{
  return held_offer != NULL && pair->ends[0].is_gathered;
}

static void
test_candidates_before_the_description (void)
{
  Pair *pair = pair_new ();
  g_autoptr (GError) error = NULL;

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  pair->ends[0].on_description = hold_offer;
  pair_start (pair);
  pair_wait (pair, has_gathered);
  g_assert_cmpuint (pair->ends[0].n_candidates, >, 0);
  g_assert_true (pb_webrtc_peer_set_remote (pair->ends[1].peer, "offer",
      held_offer, &error));
  g_assert_no_error (error);
  g_clear_pointer (&held_offer, g_free);
  pair_wait (pair, has_media);
  pair_free (pair);
}

/* --- changes -------------------------------------------------------------- */

static guint n_before;

static gboolean
has_more_video (Pair *pair)
{
  return pair->ends[1].n_video >= n_before + 30;
}

static gboolean
has_restarted (Pair *pair)
{
  return pair->ends[1].n_descriptions >= 2;
}

static char *
dup_ufrag (const char *sdp)
{
  const char *at = strstr (sdp, "a=ice-ufrag:");

  return g_strndup (at, strcspn (at, "\r\n"));
}

static void
test_ice_restart (void)
{
  Pair *pair = new_both_ways ();
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  pair_start (pair);
  pair_wait (pair, has_all);
  first = dup_ufrag (pair->ends[0].description);
  second = dup_ufrag (pair->ends[1].description);
  pb_webrtc_peer_restart_ice (pair->ends[0].peer);
  pair_wait (pair, has_restarted);
  g_assert_null (strstr (pair->ends[0].description, first));
  g_assert_null (strstr (pair->ends[1].description, second));
  /* longer than a pair lasts whose checks nobody answers */
  for (guint i = 0; i < 8; i++) {
    n_before = pair->ends[1].n_video;
    pair_wait (pair, has_more_video);
  }
  g_assert_true (pair_is_connected (pair));
  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (pair->ends[i].n_connected, ==, 1);
  pair_free (pair);
}

static gboolean
has_second_track (Pair *pair)
{
  return pair->ends[1].n_samples[0] >= 50 && pair->ends[1].n_samples[1] >= 30;
}

/* Sound first; then a picture beside it. */
static void
test_a_track_is_added (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].config.has_data_channel = TRUE;
  pair->ends[1].config.has_data_channel = TRUE;
  pair->ends[0].media[0] = "opus";
  pair->ends[0].media[1] = "h264";
  pair->ends[0].n_first = 1;
  pair_start (pair);
  pair_wait (pair, pair_is_connected);
  pb_webrtc_peer_set_tracks (pair->ends[0].peer, pair->ends[0].tracks, 2);
  pair_wait (pair, has_second_track);
  g_assert_cmpstr (get_name (&pair->ends[1], 0), ==, "audio/x-opus");
  g_assert_cmpstr (get_name (&pair->ends[1], 1), ==, "video/x-h264");
  g_assert_cmpuint (pair->ends[1].n_descriptions, ==, 2);
  pair_free (pair);
}

static gboolean
has_answered_twice (Pair *pair)
{
  return pair->ends[0].n_descriptions == 2 && pair->ends[1].n_descriptions == 2;
}

static guint audio_before;

static gboolean
has_more_audio (Pair *pair)
{
  return pair->ends[1].n_audio >= audio_before + 50;
}

/* Sound goes on, and the picture ends. */
static void
test_a_track_is_taken_away (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "opus";
  pair->ends[0].media[1] = "h264";
  pair_start (pair);
  pair_wait (pair, has_media);
  pb_webrtc_peer_set_tracks (pair->ends[0].peer, pair->ends[0].tracks, 1);
  pair_wait (pair, has_answered_twice);
  /* what was under way arrives meanwhile */
  audio_before = pair->ends[1].n_audio;
  pair_wait (pair, has_more_audio);
  n_before = pair->ends[1].n_video;
  audio_before = pair->ends[1].n_audio;
  pair_wait (pair, has_more_audio);
  g_assert_cmpuint (pair->ends[1].n_video, ==, n_before);
  g_assert_true (pair_is_connected (pair));
  pair_free (pair);
}

static gboolean
has_noticed (Pair *pair)
{
  return pair->ends[0].state == PB_WEBRTC_INTERRUPTED ||
         pair->ends[0].state == PB_WEBRTC_FAILED;
}

static void
test_loss_of_the_peer_is_noticed (void)
{
  Pair *pair = pair_new ();
  gint64 began;

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  pair_start (pair);
  pair_wait (pair, has_media);
  began = g_get_monotonic_time ();
  pair_end_peer (pair, 1);
  pair_wait (pair, has_noticed);
  g_assert_cmpint (pair->ends[0].fault, ==, PB_FAULT_PEER_LOST);
  g_test_message ("noticed after %.1f ms",
      (g_get_monotonic_time () - began) / 1e3);
  pair_free (pair);
}

/* --- figures -------------------------------------------------------------- */

static PbWebrtcStats seen;
static guint n_seen;

static void
on_stats (PbWebrtcPeer *peer, const PbWebrtcStats *stats, gpointer unused)
{
  seen = *stats;
  n_seen++;
}

static gboolean
has_stats (Pair *pair)
{
  return n_seen == 2;
}

static void
read_stats (Pair *pair, guint index)
{
  n_seen = 1;
  pb_webrtc_peer_get_stats (pair->ends[index].peer, on_stats, NULL);
  pair_wait (pair, has_stats);
}

static void
test_stats (void)
{
  Pair *pair = pair_new ();

  pair->ends[0].media[0] = "h264";
  pair->ends[0].media[1] = "opus";
  pair_start (pair);
  pair_wait (pair, has_media);
  read_stats (pair, 0);
  read_stats (pair, 1);
  pair->ends[1].n_video = 0;
  pair_wait (pair, has_media);

  read_stats (pair, 1);
  g_assert_true (seen.received.connected);
  g_assert_cmpint (seen.received.packets, >, 80);
  g_assert_cmpint (seen.sent.packets, ==, 0);
  g_assert_cmpint (seen.received.frames, >=, pair->ends[1].n_video);
  g_assert_cmpint (seen.sent.frames, ==, 0);
  g_assert_cmpfloat (seen.received.bitrate_kbps, >, 20);
  g_assert_cmpfloat (seen.received.bitrate_kbps, <, 20000);
  g_assert_cmpfloat (seen.received.loss_percent, <, 50);
  g_assert_cmpint (seen.received.latency_ms, ==, 40);
  g_assert_false (seen.is_relayed);
  g_assert_cmpstr (seen.video_codec, ==, "H264");
  g_assert_cmpstr (seen.audio_codec, ==, "OPUS");

  read_stats (pair, 0);
  g_assert_cmpint (seen.sent.packets, >, 80);
  g_assert_cmpint (seen.sent.frames, >, 20);
  g_assert_cmpint (seen.received.frames, ==, 0);
  g_assert_cmpint (seen.received.packets, ==, 0);
  g_assert_cmpfloat (seen.sent.bitrate_kbps, >, 20);
  g_assert_cmpfloat (seen.sent.rtt_ms, <, 2000);
  g_assert_cmpstr (seen.video_codec, ==, "H264");
  pair_free (pair);
}

/* --- ends at any moment --------------------------------------------------- */

static guint n_left;

static gboolean
has_passed (Pair *pair)
{
  return n_left-- == 0 || pair_is_connected (pair);
}

static void
test_ends_at_any_moment (void)
{
  for (guint i = 0; i < 12; i++) {
    Pair *pair = new_both_ways ();

    pair_start (pair);
    n_left = i * 3;
    pair_wait (pair, has_passed);
    pair_free (pair);
  }
}

static char *
end_at_description (Pair *pair, guint from, const char *type, const char *sdp)
{
  pair_end_peer (pair, from);

  return g_strdup (sdp);
}

static char *
end_at_candidate (Pair *pair, guint from, const char *candidate)
{
  pair_end_peer (pair, from);

  return g_strdup (candidate);
}

static gboolean
has_ended (Pair *pair)
{
  return pair->ends[0].peer == NULL || pair->ends[1].peer == NULL;
}

static void
test_ends_in_a_callback (void)
{
  for (guint i = 0; i < 4; i++) {
    Pair *pair = new_both_ways ();

    if (i < 2)
      pair->ends[i].on_description = end_at_description;
    else
      pair->ends[i - 2].on_candidate = end_at_candidate;
    pair_start (pair);
    pair_wait (pair, has_ended);
    pair_free (pair);
  }
}

static void
test_never_started (void)
{
  Pair *pair = new_both_ways ();

  pair->is_idle = TRUE;
  pair_start (pair);
  g_assert_cmpint (pb_webrtc_peer_get_state (pair->ends[0].peer), ==,
      PB_WEBRTC_NEW);
  pair_free (pair);
}

static void
test_many_times (void)
{
  const char *cycles = g_getenv ("PB_CYCLES");
  guint n = cycles != NULL ? atoi (cycles) : 50;

  for (guint i = 0; i < n; i++) {
    Pair *pair = pair_new ();

    pair->ends[0].media[0] = "opus";
    pair->ends[0].config.has_data_channel = TRUE;
    pair->ends[1].config.has_data_channel = TRUE;
    pair_start (pair);
    pair_wait (pair, pair_is_connected);
    pair_free (pair);
  }
}

int
main (int argc, char **argv)
{
  static const char *const codecs[] = { "avc", "vp8", "vp9", "h265" };
  int result;

  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  pb_gst_debug_init ();
#define ADD(name, func) g_test_add_func ("/webrtc-peer/" name, func)
  ADD ("h264-and-opus-arrive", test_one_direction);
  for (gsize i = 0; i < G_N_ELEMENTS (codecs); i++) {
    g_autofree char *path =
        g_strdup_printf ("/webrtc-peer/%s-arrives", codecs[i]);

    g_test_add_data_func (path, codecs[i], test_codec);
  }
  ADD ("both-directions-in-one-connection", test_both_ways);
  ADD ("a-return-of-another-kind", test_return_of_another_kind);
  ADD ("sendonly-is-obeyed", test_sendonly_is_obeyed);
  ADD ("without-trickle-the-description-has-it-all", test_no_trickle);
  ADD ("what-is-refused-does-not-stop-the-rest",
      test_what_is_refused_does_not_stop_the_rest);
  ADD ("rtx-fec-and-twcc-on-video-never-rtx-on-audio",
      test_quality_is_negotiated);
  g_test_add_data_func ("/webrtc-peer/fec-is-the-senders-choice", NULL,
      test_fec_is_the_senders_choice);
  g_test_add_data_func ("/webrtc-peer/fec-is-the-senders-choice-both-ways",
      "both", test_fec_is_the_senders_choice);
  g_test_add_data_func ("/webrtc-peer/fec-that-was-not-offered", NULL,
      test_fec_is_not_for_everybody);
  g_test_add_data_func ("/webrtc-peer/fec-of-a-client-of-http", "http",
      test_fec_is_not_for_everybody);
  ADD ("text-goes-both-ways", test_channel);
  for (guint i = 0; i < 2; i++)
    g_test_add_data_func (
        i == 0 ? "/webrtc-peer/an-altered-fingerprint-in-the-offer-no-media"
               : "/webrtc-peer/an-altered-fingerprint-in-the-answer-no-media",
        GUINT_TO_POINTER (i), test_altered_fingerprint);
  ADD ("bad-input-is-refused-and-changes-nothing", test_bad_input_is_refused);
  ADD ("candidates-have-an-end", test_candidates_have_an_end);
  ADD ("a-relay-hides-where-we-are", test_a_relay_hides_where_we_are);
  ADD ("a-foreign-handshake-has-no-answer",
      test_foreign_handshake_has_no_answer);
  ADD ("candidates-before-the-description",
      test_candidates_before_the_description);
  ADD ("ice-restarts-and-media-goes-on", test_ice_restart);
  ADD ("a-track-is-added", test_a_track_is_added);
  ADD ("a-track-is-taken-away", test_a_track_is_taken_away);
  ADD ("loss-of-the-peer-is-noticed", test_loss_of_the_peer_is_noticed);
  ADD ("figures-go-by-direction", test_stats);
  ADD ("ends-at-any-moment", test_ends_at_any_moment);
  ADD ("ends-in-a-callback", test_ends_in_a_callback);
  ADD ("never-started", test_never_started);
  ADD ("many-times", test_many_times);

  result = g_test_run ();
  /* the leaks tracer warns of what it finds */
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR);
  gst_deinit ();

  return result;
}
