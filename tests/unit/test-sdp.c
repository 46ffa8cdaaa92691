/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-sdp.h"

/* The hash of the octets "certificate" */
#define SHA256                                                                 \
  "03:D6:6D:D0:88:35:C1:CA:3F:12:8C:CE:AC:D1:F3:1A:C9:41:63:09:6B:20:F4:45:"   \
  "AE:84:28:5B:C0:83:2D:72"

/* A description that is taken, with one line of it replaced by `in` (NULL: left
 * out), or `in` added at the end where `out` is NULL. */
static const char *const plain[] = { "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-",
  "t=0 0", "a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
  "c=IN IP4 0.0.0.0", "a=mid:0", "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuv", "a=fingerprint:sha-256 " SHA256,
  "a=setup:actpass", "a=rtcp-mux", "a=sendrecv", "a=rtpmap:111 opus/48000/2",
  "a=fmtp:111 useinbandfec=1", "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1",
  "a=rtcp-mux", "a=sendonly", "a=rtpmap:96 H264/90000", "a=rtpmap:97 rtx/90000",
  "a=fmtp:97 apt=96", "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host" };

static char *
build (const char *out, const char *in)
{
  GString *text = g_string_new (NULL);
  gboolean is_done = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (plain); i++) {
    gboolean is_it = !is_done && g_strcmp0 (plain[i], out) == 0;
    const char *line = is_it ? in : plain[i];

    is_done |= is_it;
    if (line != NULL)
      g_string_append_printf (text, "%s\r\n", line);
  }
  if (out == NULL && in != NULL)
    g_string_append_printf (text, "%s\r\n", in);
  else
    g_assert_cmpint (is_done, ==, out != NULL);

  return g_string_free (text, FALSE);
}

static PbSdp *
parse (PbSdpFlags flags, const char *out, const char *in, GError **error)
{
  g_autofree char *text = build (out, in);

  return pb_sdp_parse (PB_SDP_OFFER, text, -1, flags, error);
}

static PbSdp *
parse_file (const char *name, PbSdpType type, PbSdpFlags flags, GError **error)
{
  g_autofree char *path = g_build_filename (TEST_DATA, "sdp", name, NULL);
  g_autofree char *text = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &text, &length, NULL));

  return pb_sdp_parse (type, text, length, flags, error);
}

/* ---- what is taken ------------------------------------------------------- */

static void
test_what_clients_send_is_taken (void)
{
  static const struct
  {
    const char *file;
    PbSdpType type;
    PbSdpFlags flags;
    guint n_media, n_dropped;
    const char *ufrag;
    int h264; /* payload type of the first */
    PbSdpDirection video;
  } rows[] = {
    { "chrome-offer.sdp", PB_SDP_OFFER, PB_SDP_STRICT, 3, 0, "xFlA", 103,
        PB_SDP_SENDRECV },
    { "chrome-offer.sdp", PB_SDP_OFFER, PB_SDP_DROP_CANDIDATES, 3, 2, "xFlA",
        103, PB_SDP_SENDRECV },
    { "chrome-answer.sdp", PB_SDP_ANSWER, PB_SDP_STRICT, 3, 0, "xFlA", 103,
        PB_SDP_RECVONLY },
    { "firefox-offer.sdp", PB_SDP_OFFER, PB_SDP_DROP_CANDIDATES, 3, 2,
        "8f0c23ab", 126, PB_SDP_SENDRECV },
    { "obs-offer.sdp", PB_SDP_OFFER, PB_SDP_DROP_CANDIDATES, 2, 1, "jV5p", 96,
        PB_SDP_SENDONLY },
    { "ffmpeg-offer.sdp", PB_SDP_OFFER, PB_SDP_STRICT, 2, 0, "2f1b9a0c", 106,
        PB_SDP_SENDONLY },
    { "webrtcbin-offer.sdp", PB_SDP_OFFER, PB_SDP_STRICT, 3, 0,
        "mB3oP3PsjWrfSPQ1aRB1lWbTFdDoYUc9", 96, PB_SDP_SENDRECV },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp =
        parse_file (rows[i].file, rows[i].type, rows[i].flags, &error);
    g_autoptr (PbSdp) again = NULL;
    g_autofree char *text = NULL;
    g_autofree char *same = NULL;
    gboolean has_video = FALSE;

    g_test_message ("%s", rows[i].file);
    g_assert_no_error (error);
    g_assert_cmpint (pb_sdp_get_sdp_type (sdp), ==, rows[i].type);
    g_assert_cmpuint (pb_sdp_get_n_media (sdp), ==, rows[i].n_media);
    g_assert_cmpuint (pb_sdp_get_n_dropped (sdp), ==, rows[i].n_dropped);
    g_assert_cmpstr (pb_sdp_get_ufrag (sdp), ==, rows[i].ufrag);
    g_assert_true (pb_sdp_is_bundled (sdp));
    g_assert_cmpstr (pb_sdp_get_fingerprint_algorithm (sdp), ==, "sha-256");
    for (guint m = 0; m < pb_sdp_get_n_media (sdp); m++) {
      PbSdpCodec codec;

      g_assert_false (pb_sdp_is_rejected (sdp, m));
      if (pb_sdp_get_kind (sdp, m) != PB_SDP_VIDEO)
        continue;
      has_video = TRUE;
      g_assert_true (pb_sdp_find_codec (sdp, m, "h264", &codec));
      g_assert_cmpint (codec.payload_type, ==, rows[i].h264);
      g_assert_cmpuint (codec.clock_rate, ==, 90000);
      g_assert_nonnull (strstr (codec.fmtp, "packetization-mode=1"));
      g_assert_cmpint (pb_sdp_get_direction (sdp, m), ==, rows[i].video);
    }
    g_assert_true (has_video);

    text = pb_sdp_print (sdp);
    g_assert_cmpint (strstr (text, ".local") != NULL, ==,
        rows[i].flags == PB_SDP_STRICT && strstr (rows[i].file, "chrome-o"));
    g_assert_null (strstr (text, "169.254."));
    again = pb_sdp_parse (rows[i].type, text, -1, PB_SDP_STRICT, &error);
    g_assert_no_error (error);
    same = pb_sdp_print (again);
    g_assert_cmpstr (same, ==, text);
  }
}

static void
test_an_address_that_is_not_fit_refuses_it (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (
      parse_file ("obs-offer.sdp", PB_SDP_OFFER, PB_SDP_STRICT, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "link-local"));
}

static void
test_candidates_go_by_the_flags (void)
{
  static const struct
  {
    const char *line;
    gboolean is_fit, is_fit_on_loopback, is_name;
  } rows[] = {
    { "a=candidate:9 1 UDP 1 192.0.2.7 5000 typ host", TRUE, TRUE, FALSE },
    { "a=candidate:9 1 UDP 1 127.0.0.1 5000 typ host", FALSE, TRUE, FALSE },
    { "a=candidate:9 1 UDP 1 ::1 5000 typ host", FALSE, TRUE, FALSE },
    { "a=candidate:9 1 UDP 1 ::ffff:127.0.0.1 5000 typ host", FALSE, FALSE,
        FALSE },
    { "a=candidate:9 1 UDP 1 169.254.169.254 5000 typ host", FALSE, FALSE,
        FALSE },
    { "a=candidate:9 1 UDP 1 224.0.0.1 5000 typ host", FALSE, FALSE, FALSE },
    { "a=candidate:9 1 UDP 1 192.0.2.7 0 typ host", FALSE, FALSE, FALSE },
    { "a=candidate:9 1 UDP 1 x.local 5000 typ host", TRUE, TRUE, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    for (guint flags = 0; flags < 4; flags++) {
      gboolean is_fit = (flags & PB_SDP_LOOPBACK) != 0
                            ? rows[i].is_fit_on_loopback
                            : rows[i].is_fit;
      gboolean drops = (flags & PB_SDP_DROP_CANDIDATES) != 0;
      g_autoptr (GError) error = NULL;
      g_autoptr (PbSdp) sdp = parse (flags, NULL, rows[i].line, &error);
      g_autofree char *text = NULL;

      if (!is_fit && !drops) {
        g_assert_null (sdp);
        g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
        continue;
      }
      g_assert_no_error (error);
      text = pb_sdp_print (sdp);
      g_assert_cmpint (strstr (text, rows[i].line) != NULL, ==,
          is_fit && !(drops && rows[i].is_name));
      g_assert_cmpuint (pb_sdp_get_n_dropped (sdp), ==,
          strstr (text, rows[i].line) == NULL);
    }
  }
}

static void
test_its_sections_are_told (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdp) sdp = parse (PB_SDP_STRICT, NULL, NULL, &error);
  PbSdpCodec codec;
  const guint8 *hash;
  gsize length;

  g_assert_no_error (error);
  g_assert_cmpint (pb_sdp_get_kind (sdp, 0), ==, PB_SDP_AUDIO);
  g_assert_cmpstr (pb_sdp_get_mid (sdp, 1), ==, "1");
  g_assert_cmpint (pb_sdp_find_mid (sdp, "1"), ==, 1);
  g_assert_cmpint (pb_sdp_find_mid (sdp, "2"), ==, -1);
  g_assert_cmpint (pb_sdp_find_mid (sdp, NULL), ==, -1);
  g_assert_cmpstr (pb_sdp_get_pwd (sdp), ==, "abcdefghijklmnopqrstuv");
  hash = pb_sdp_peek_fingerprint (sdp, &length);
  g_assert_cmpuint (length, ==, 32);
  g_assert_cmpuint (hash[0], ==, 0x03);
  g_assert_cmpuint (hash[31], ==, 0x72);

  g_assert_cmpuint (pb_sdp_get_n_codecs (sdp, 0), ==, 2);
  pb_sdp_get_codec (sdp, 0, 0, &codec);
  g_assert_cmpuint (codec.payload_type, ==, 111);
  g_assert_cmpstr (codec.name, ==, "opus");
  g_assert_cmpuint (codec.clock_rate, ==, 48000);
  g_assert_cmpuint (codec.channels, ==, 2);
  g_assert_cmpstr (codec.fmtp, ==, "useinbandfec=1");
  pb_sdp_get_codec (sdp, 0, 1, &codec);
  g_assert_cmpuint (codec.payload_type, ==, 0);
  g_assert_cmpstr (codec.name, ==, "");
  g_assert_cmpuint (codec.clock_rate, ==, 0);
  g_assert_cmpuint (codec.channels, ==, 1);
  g_assert_null (codec.fmtp);
  g_assert_false (pb_sdp_find_codec (sdp, 1, "VP8", &codec));
  g_assert_cmpuint (codec.payload_type, ==, 0);

  g_assert_cmpstr (pb_sdp_get_attribute (sdp, 1, "rtpmap", 1), ==,
      "97 rtx/90000");
  g_assert_null (pb_sdp_get_attribute (sdp, 1, "rtpmap", 2));
  g_assert_cmpstr (pb_sdp_get_attribute (sdp, 0, "rtcp-mux", 0), ==, "");
  g_assert_cmpstr (pb_sdp_get_attribute (sdp, -1, "group", 0), ==,
      "BUNDLE 0 1");
  g_assert_null (pb_sdp_get_attribute (sdp, -1, "mid", 0));
}

/* Things that are odd, and that no reason speaks against. */
static void
test_odd_descriptions_are_borne_with (void)
{
  static const struct
  {
    const char *out, *in;
  } rows[] = {
    { "s=-", "s=Kamera Süd" },
    { "s=-", "s=" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:98 nobody/90000" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:x nobody/90000" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97" },
    { "a=fmtp:97 apt=96", "a=fmtp:97" },
    { "a=fmtp:97 apt=96", "a=fmtp:96 a\r\na=fmtp:96 b" },
    { "a=mid:1", NULL },
    { "a=group:BUNDLE 0 1", "a=group:LS 0 1\r\na=group:BUNDLE 2 0 1" },
    { "a=fingerprint:sha-256 " SHA256,
        "a=fingerprint:SHA-256 03:d6:6d:d0:88:35:c1:ca:3f:12:8c:ce:ac:d1:f3:1a:"
        "c9:41:63:09:6b:20:f4:45:ae:84:28:5b:c0:83:2d:72" },
    { "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "m=video 0 UDP/TLS/RTP/SAVPF 96 97" },
    { NULL, "a=setupx:holdconn" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp = NULL;
    const char *in = rows[i].in;

    /* without a mid there is no BUNDLE to inherit from */
    if (g_strcmp0 (rows[i].out, "a=mid:1") == 0)
      in = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
           "a=setup:actpass\r\na=fingerprint:sha-256 " SHA256;
    sdp = parse (PB_SDP_STRICT, rows[i].out, in, &error);
    if (sdp == NULL)
      g_test_fail_printf ("%s: %s", in, error->message);
  }
}

static void
test_line_ends (void)
{
  g_autofree char *crlf = build (NULL, NULL);
  g_autofree char *lf = NULL;
  g_autoptr (GString) text = g_string_new (crlf);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdp) sdp = NULL;
  g_autofree char *printed = NULL;

  g_string_replace (text, "\r\n", "\n", 0);
  g_string_truncate (text, text->len - 1); /* none at the end */
  sdp =
      pb_sdp_parse (PB_SDP_OFFER, text->str, text->len, PB_SDP_STRICT, &error);
  g_assert_no_error (error);
  printed = pb_sdp_print (sdp);
  g_assert_cmpstr (printed, ==, crlf);
}

/* ---- what is refused ----------------------------------------------------- */

#define UFRAG "a=ice-ufrag:abcd"
#define PWD "a=ice-pwd:abcdefghijklmnopqrstuv"
#define PRINT "a=fingerprint:sha-256 " SHA256
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111 0"

static void
test_bad_descriptions (void)
{
  static const struct
  {
    const char *out, *in, *why;
  } rows[] = {
    /* form */
    { "v=0", NULL, "v=0" },
    { "v=0", "v=1", "v=0" },
    { "s=-", "v=0", "twice" },
    { NULL, "nonsense", "x=" },
    { NULL, "", "x=" },
    { NULL, "a", "x=" },
    { NULL, "A=b", "x=" },
    { NULL, " a=b", "x=" },
    { NULL, "a=b\rc=d", "control" },
    { NULL, "a=b\r", "control" },
    { NULL, "a=\tb", "control" },
    { NULL, "a=\x01", "control" },
    { NULL, "a=\x7f", "control" },
    { NULL, "a=\xc2\x85", "control" },
    { NULL, "a=\xff", "UTF-8" },
    { NULL, "a=\xc2", "UTF-8" },
    /* m-lines */
    { NULL, "m=text 9 UDP/TLS/RTP/SAVPF 99", "media other" },
    { NULL, "m=", "m-line" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF", "m-line" },
    { NULL, "m=audio x UDP/TLS/RTP/SAVPF 1", "m-line" },
    { NULL, "m=audio 65536 UDP/TLS/RTP/SAVPF 1", "m-line" },
    { NULL, "m=audio  UDP/TLS/RTP/SAVPF 1", "m-line" },
    { NULL, "m=audio 9999999999 UDP/TLS/RTP/SAVPF 1", "m-line" },
    { NULL, "m=audio 9 RTP/AVP 1", "profile" },
    { NULL, "m=audio 9 RTP/SAVPF 1", "profile" },
    { NULL, "m=audio 9 UDP/DTLS/SCTP 1", "profile" },
    { NULL, "m=application 9 UDP/TLS/RTP/SAVPF 1", "profile" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF 128", "format" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF 1 1", "format" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF 1 ", "format" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF opus", "format" },
    { NULL, "m=application 9 UDP/DTLS/SCTP 5000", "format" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF 1", "fingerprint" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF 1\r\n" PRINT, "credentials" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF 1\r\n" PRINT "\r\n" UFRAG,
        "credentials" },
    { NULL, "m=audio 9 UDP/TLS/RTP/SAVPF 1\r\n" PRINT "\r\n" UFRAG "\r\n" PWD,
        "setup" },
    { NULL, "a=rtpmap:97 again/90000", "rtpmap" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97 rtx", "rtpmap" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97 /90000", "rtpmap" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97 r x/90000", "rtpmap" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97 rtx/0", "rtpmap" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97 rtx/x", "rtpmap" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97 rtx/90000/0", "rtpmap" },
    { "a=rtpmap:97 rtx/90000", "a=rtpmap:97 rtx/90000/x", "rtpmap" },
    { "a=mid:1", "a=mid:0", "mid" },
    /* security */
    { NULL, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "SDES" },
    { PRINT, NULL, "fingerprint" },
    { PRINT, "a=fingerprint", "fingerprint" },
    { PRINT, "a=fingerprint:", "fingerprint" },
    { PRINT, "a=fingerprint:sha-256", "fingerprint" },
    { PRINT, "a=fingerprint:sha-256 ", "fingerprint" },
    { PRINT, "a=fingerprint:sha-256 03:15", "fingerprint" },
    { PRINT, "a=fingerprint:sha-512 " SHA256, "fingerprint" },
    { PRINT, PRINT ":00", "fingerprint" },
    { PRINT,
        "a=fingerprint:sha-256 "
        "03-15-B4-02-0A-F3-EC-CC-77-06-67-95-80-A8-7A-71-0D-82-97-0B-86-E7-13-"
        "9E-70-0C-3C-41-2E-63-5D-0D",
        "fingerprint" },
    { PRINT,
        "a=fingerprint:sha-256 "
        "X3:15:B4:02:0A:F3:EC:CC:77:06:67:95:80:A8:7A:71:0D:82:97:0B:86:E7:13:"
        "9E:70:0C:3C:41:2E:63:5D:0D",
        "fingerprint" },
    { PRINT,
        "a=fingerprint:sha-256 "
        "0X:15:B4:02:0A:F3:EC:CC:77:06:67:95:80:A8:7A:71:0D:82:97:0B:86:E7:13:"
        "9E:70:0C:3C:41:2E:63:5D:0D",
        "fingerprint" },
    { PRINT,
        "a=fingerprint:sha-1 "
        "03:15:B4:02:0A:F3:EC:CC:77:06:67:95:80:A8:7A:71:0D:82:97:0B",
        "fingerprint" },
    { PRINT,
        "a=fingerprint:md5 03:15:B4:02:0A:F3:EC:CC:77:06:67:95:80:A8:7A:71",
        "fingerprint" },
    { NULL,
        "a=fingerprint:sha-256 "
        "04:15:B4:02:0A:F3:EC:CC:77:06:67:95:80:A8:7A:71:0D:82:97:0B:86:E7:13:"
        "9E:70:0C:3C:41:2E:63:5D:0D",
        "differ" },
    { UFRAG, NULL, "credentials" },
    { PWD, NULL, "credentials" },
    { UFRAG, "a=ice-ufrag:abc", "ice-ufrag" },
    { UFRAG, "a=ice-ufrag:ab cd", "ice-ufrag" },
    { UFRAG, "a=ice-ufrag", "ice-ufrag" },
    { PWD, "a=ice-pwd:abcdefghijklmnopqrstu", "ice-pwd" },
    { PWD, "a=ice-pwd:abcdefghijklmnopqrst-v", "ice-pwd" },
    { "a=setup:actpass", NULL, "setup" },
    { "a=setup:actpass", "a=setup:holdconn", "setup" },
    { "a=setup:actpass", "a=setup:", "setup" },
    /* candidates */
    { NULL, "a=candidate", "candidate" },
    { NULL, "a=candidate:", "candidate" },
    { NULL, "a=candidate:1 1 UDP 1 x 5000", "candidate" },
    { "s=-", "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host", "outside" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    for (guint flags = 0; flags < 4; flags++) {
      g_autoptr (GError) error = NULL;

      if (parse (flags, rows[i].out, rows[i].in, &error) != NULL)
        g_test_fail_printf ("row %u taken: %s", i, rows[i].in);
      g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
      if (strstr (error->message, rows[i].why) == NULL)
        g_test_fail_printf ("row %u: %s", i, error->message);
    }
  }
}

static void
test_an_answer_has_made_up_its_mind (void)
{
  g_autofree char *actpass = build (NULL, NULL);
  g_autofree char *passive = build ("a=setup:actpass", "a=setup:passive");
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdp) sdp = NULL;

  g_assert_null (
      pb_sdp_parse (PB_SDP_ANSWER, actpass, -1, PB_SDP_STRICT, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_clear_error (&error);
  sdp = pb_sdp_parse (PB_SDP_ANSWER, passive, -1, PB_SDP_STRICT, &error);
  g_assert_no_error (error);
}

static void
test_nothing_of_use_is_refused (void)
{
  static const char *const texts[] = { "", "v=0", "v=0\r\n",
    "v=0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\n", "\r\n", "v=0\r\n\r\n" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (
        pb_sdp_parse (PB_SDP_OFFER, texts[i], -1, PB_SDP_STRICT, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  }
}

/* ---- limits -------------------------------------------------------------- */

/* `n` times `line` after a good description */
static PbSdp *
parse_with (const char *line, guint n, GError **error)
{
  g_autofree char *text = build (NULL, NULL);
  g_autoptr (GString) all = g_string_new (text);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (all, "%s\r\n", line);

  return pb_sdp_parse (PB_SDP_OFFER, all->str, all->len, PB_SDP_STRICT, error);
}

static void
test_limits_are_where_they_are (void)
{
  g_autofree char *octets = g_strnfill (PB_SDP_LINE_MAX - 2, 'x');
  g_autofree char *line = g_strdup_printf ("a=%s", octets);
  g_autofree char *long_line = g_strdup_printf ("a=%sx", octets);
  const guint n_lines = PB_SDP_LINES_MAX - G_N_ELEMENTS (plain);
  struct
  {
    const char *line;
    guint n; /* that fit */
    int code;
    const char *why;
  } rows[] = {
    { line, (PB_SDP_MAX - 900) / (PB_SDP_LINE_MAX + 2), PB_ERROR_TOO_LARGE,
        "octets" },
    { long_line, 0, PB_ERROR_INVALID, "too long" },
    { "a=x", n_lines, PB_ERROR_INVALID, "too many lines" },
    { "m=audio 0 UDP/TLS/RTP/SAVPF 0", PB_SDP_MEDIA_MAX - 2, PB_ERROR_INVALID,
        "media sections" },
    { "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host", PB_CANDIDATES_MAX - 1,
        PB_ERROR_INVALID, "too many candidates" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp = parse_with (rows[i].line, rows[i].n, &error);

    g_assert_no_error (error);
    g_assert_null (parse_with (rows[i].line, rows[i].n + 1, &error));
    g_assert_error (error, PB_ERROR, rows[i].code);
    g_assert_nonnull (strstr (error->message, rows[i].why));
  }
}

static void
test_credentials_have_lengths (void)
{
  static const struct
  {
    guint ufrag, pwd;
    gboolean is_good;
  } rows[] = {
    { 4, 22, TRUE },
    { 256, 256, TRUE },
    { 257, 22, FALSE },
    { 4, 257, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *u = g_strnfill (rows[i].ufrag, '+');
    g_autofree char *p = g_strnfill (rows[i].pwd, '/');
    g_autofree char *lines =
        g_strdup_printf ("a=ice-ufrag:%s\r\na=ice-pwd:%s", u, p);
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp = parse (PB_SDP_STRICT, UFRAG, lines, &error);

    g_assert_cmpint (sdp != NULL, ==, rows[i].is_good);
    if (rows[i].is_good)
      g_assert_cmpstr (pb_sdp_get_pwd (sdp), ==, p);
    else
      g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  }
}

/* A length that is given is kept to, and a NUL is not the end. */
static void
test_a_nul_is_refused (void)
{
  g_autofree char *text = build (NULL, NULL);
  g_autoptr (GString) all = g_string_new (text);
  g_autoptr (GError) error = NULL;

  g_string_append_len (all, "a=b\0c\r\n", 7);
  g_assert_null (
      pb_sdp_parse (PB_SDP_OFFER, all->str, all->len, PB_SDP_STRICT, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

/* ---- the rest ------------------------------------------------------------ */

static void
test_the_certificate_is_compared (void)
{
  static const char *const lines[] = {
    "a=fingerprint:sha-256 " SHA256,
    "a=fingerprint:sha-384 "
    "CB:18:6A:2F:3B:1A:E7:8A:0D:7E:5C:A5:A5:3E:F3:AF:14:1A:9E:9E:3B:0F:15:5F:"
    "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00",
  };
  static const struct
  {
    const char *der;
    gboolean is_it[2];
  } rows[] = {
    { "certificate", { TRUE, FALSE } },
    { "certificatf", { FALSE, FALSE } },
    { "", { FALSE, FALSE } },
  };

  for (guint l = 0; l < G_N_ELEMENTS (lines); l++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp = parse (PB_SDP_STRICT, PRINT, lines[l], &error);

    g_assert_no_error (error);
    for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
      g_assert_cmpint (pb_sdp_matches_certificate (sdp,
                           (const guint8 *) rows[i].der, strlen (rows[i].der)),
          ==, rows[i].is_it[l]);
  }
}

static void
test_longer_hashes_are_known (void)
{
  static const struct
  {
    GChecksumType type;
    const char *name;
  } rows[] = {
    { G_CHECKSUM_SHA384, "sha-384" },
    { G_CHECKSUM_SHA512, "sha-512" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *hex =
        g_compute_checksum_for_string (rows[i].type, "certificate", -1);
    g_autoptr (GString) line = g_string_new ("a=fingerprint:");
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp = NULL;

    g_string_append_printf (line, "%s ", rows[i].name);
    for (gsize at = 0; hex[at] != '\0'; at += 2)
      g_string_append_printf (line, "%s%.2s", at > 0 ? ":" : "", hex + at);
    sdp = parse (PB_SDP_STRICT, PRINT, line->str, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (pb_sdp_get_fingerprint_algorithm (sdp), ==, rows[i].name);
    g_assert_true (pb_sdp_matches_certificate (sdp,
        (const guint8 *) "certificate", strlen ("certificate")));
    g_assert_false (pb_sdp_matches_certificate (sdp, (const guint8 *) "x", 1));
  }
}

static void
test_directions_are_inherited (void)
{
  static const struct
  {
    const char *out, *in;
    PbSdpDirection audio;
  } rows[] = {
    { "a=sendrecv", "a=recvonly", PB_SDP_RECVONLY },
    { "a=sendrecv", "a=inactive", PB_SDP_INACTIVE },
    { "a=sendrecv", NULL, PB_SDP_SENDRECV },
    { "s=-", "s=-\r\na=inactive", PB_SDP_SENDRECV },
    { AUDIO, "m=audio 0 UDP/TLS/RTP/SAVPF 111 0", PB_SDP_INACTIVE },
    { AUDIO, "m=audio 0 UDP/TLS/RTP/SAVPF 111 0\r\na=bundle-only",
        PB_SDP_SENDRECV },
  };
  g_autofree char *text = build ("a=sendrecv", "a=x");
  g_autoptr (GString) whole = g_string_new (text);
  g_autoptr (PbSdp) inherits = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp =
        parse (PB_SDP_STRICT, rows[i].out, rows[i].in, &error);

    g_assert_no_error (error);
    g_assert_cmpint (pb_sdp_get_direction (sdp, 0), ==, rows[i].audio);
  }
  g_string_replace (whole, "s=-\r\n", "s=-\r\na=recvonly\r\n", 1);
  inherits = pb_sdp_parse (PB_SDP_OFFER, whole->str, -1, PB_SDP_STRICT, NULL);
  g_assert_cmpint (pb_sdp_get_direction (inherits, 0), ==, PB_SDP_RECVONLY);
}

static void
test_sections_apart_are_not_bundled (void)
{
#define OWN UFRAG "\r\n" PWD "\r\n" PRINT "\r\na=setup:actpass"
  static const struct
  {
    const char *group;
    gboolean is_bundled;
  } rows[] = {
    { "a=group:BUNDLE 0 1", TRUE },
    { "a=group:BUNDLE 9 1 0", TRUE },
    { "a=group:BUNDLE 0\r\na=group:BUNDLE 1", FALSE },
    { "a=group:BUNDLE 0", FALSE },
    { "a=group:LS 0 1", FALSE },
    { "a=group", FALSE },
    { NULL, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = build ("a=group:BUNDLE 0 1", rows[i].group);
    g_autoptr (GString) whole = g_string_new (text);
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp = NULL;

    g_string_replace (whole, "a=mid:1", "a=mid:1\r\n" OWN, 1);
    sdp = pb_sdp_parse (PB_SDP_OFFER, whole->str, -1, PB_SDP_STRICT, &error);
    g_assert_no_error (error);
    g_assert_cmpint (pb_sdp_is_bundled (sdp), ==, rows[i].is_bundled);
  }
}

static void
test_types_have_names (void)
{
  PbSdpType type = PB_SDP_ANSWER;

  g_assert_cmpstr (pb_sdp_type_get_name (PB_SDP_OFFER), ==, "offer");
  g_assert_true (pb_sdp_type_from_name ("offer", &type));
  g_assert_cmpint (type, ==, PB_SDP_OFFER);
  g_assert_true (pb_sdp_type_from_name ("answer", &type));
  g_assert_cmpint (type, ==, PB_SDP_ANSWER);
  g_assert_false (pb_sdp_type_from_name ("pranswer", &type));
  g_assert_false (pb_sdp_type_from_name (NULL, &type));
  g_assert_cmpint (type, ==, PB_SDP_ANSWER);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdp/what-clients-send-is-taken",
      test_what_clients_send_is_taken);
  g_test_add_func ("/sdp/an-address-that-is-not-fit-refuses-it",
      test_an_address_that_is_not_fit_refuses_it);
  g_test_add_func ("/sdp/candidates-go-by-the-flags",
      test_candidates_go_by_the_flags);
  g_test_add_func ("/sdp/its-sections-are-told", test_its_sections_are_told);
  g_test_add_func ("/sdp/odd-descriptions-are-borne-with",
      test_odd_descriptions_are_borne_with);
  g_test_add_func ("/sdp/line-ends-are-made-one-kind", test_line_ends);
  g_test_add_func ("/sdp/bad-descriptions-are-refused", test_bad_descriptions);
  g_test_add_func ("/sdp/an-answer-has-made-up-its-mind",
      test_an_answer_has_made_up_its_mind);
  g_test_add_func ("/sdp/nothing-of-use-is-refused",
      test_nothing_of_use_is_refused);
  g_test_add_func ("/sdp/limits-are-where-they-are",
      test_limits_are_where_they_are);
  g_test_add_func ("/sdp/credentials-have-lengths",
      test_credentials_have_lengths);
  g_test_add_func ("/sdp/a-nul-is-refused", test_a_nul_is_refused);
  g_test_add_func ("/sdp/the-certificate-is-compared",
      test_the_certificate_is_compared);
  g_test_add_func ("/sdp/longer-hashes-are-known",
      test_longer_hashes_are_known);
  g_test_add_func ("/sdp/directions-are-inherited",
      test_directions_are_inherited);
  g_test_add_func ("/sdp/sections-apart-are-not-bundled",
      test_sections_apart_are_not_bundled);
  g_test_add_func ("/sdp/types-have-names", test_types_have_names);

  return g_test_run ();
}
