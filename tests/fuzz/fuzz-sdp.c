/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-sdp.h"
#include "fuzz.h"

/* A description and a fragment from the same octets. What is taken has what
 * WebRTC needs, holds no line that could be taken for two, and is read again as
 * the same; what is merged goes through the same checks. */

static const char base_text[] =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    "a=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n"
    "a=fingerprint:sha-256 "
    "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:"
    "AB:CD:EF:01:23:45:67:89\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
    "a=rtpmap:111 opus/48000/2\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"
    "a=rtpmap:96 VP8/90000\r\n";
static const guint8 data_of_none[] = { 1, 2, 3, 4 };

static void
check_text (const char *text)
{
  guint n_lines = 0;

  FUZZ_CHECK (g_utf8_validate (text, -1, NULL));
  FUZZ_CHECK (strlen (text) <= PB_SDP_MAX + PB_SDP_LINES_MAX);
  while (*text != '\0') {
    gsize length = strcspn (text, "\r\n");

    FUZZ_CHECK (length >= 2 && length <= PB_SDP_LINE_MAX);
    FUZZ_CHECK (g_ascii_islower (text[0]) && text[1] == '=');
    FUZZ_CHECK (g_str_has_prefix (text + length, "\r\n"));
    for (gsize i = 0; i < length; i++)
      FUZZ_CHECK ((guchar) text[i] >= 0x20 && text[i] != 0x7f);
    FUZZ_CHECK (!g_str_has_prefix (text, "a=crypto:"));
    text += length + 2;
    n_lines++;
  }
  FUZZ_CHECK (n_lines <= PB_SDP_LINES_MAX);
}

static void
check_media (PbSdp *sdp, guint media)
{
  PbSdpDirection direction = pb_sdp_get_direction (sdp, media);
  const char *mid = pb_sdp_get_mid (sdp, media);

  FUZZ_CHECK (direction <= PB_SDP_SENDRECV);
  FUZZ_CHECK (!pb_sdp_is_rejected (sdp, media) || direction == PB_SDP_INACTIVE);
  FUZZ_CHECK (mid == NULL || pb_sdp_find_mid (sdp, mid) == (int) media);
  for (guint i = 0; i < pb_sdp_get_n_codecs (sdp, media); i++) {
    PbSdpCodec codec;

    pb_sdp_get_codec (sdp, media, i, &codec);
    FUZZ_CHECK (codec.payload_type <= 127);
    FUZZ_CHECK ((*codec.name == '\0') == (codec.clock_rate == 0));
    FUZZ_CHECK (pb_sdp_find_codec (sdp, media, codec.name, &codec));
  }
}

static PbSdp *
check_description (PbSdpType type, const char *text, gsize length,
    PbSdpFlags flags)
{
  g_autoptr (GError) error = NULL;
  PbSdp *sdp = pb_sdp_parse (type, text, length, flags, &error);
  g_autoptr (PbSdp) again = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *same = NULL;
  gsize size;

  FUZZ_CHECK ((sdp == NULL) == (error != NULL));
  if (sdp == NULL) {
    FUZZ_CHECK (error->domain == PB_ERROR);
    FUZZ_CHECK (g_utf8_validate (error->message, -1, NULL));
    return NULL;
  }

  FUZZ_CHECK (pb_sdp_get_n_media (sdp) >= 1);
  FUZZ_CHECK (pb_sdp_get_n_media (sdp) <= PB_SDP_MEDIA_MAX);
  FUZZ_CHECK (strlen (pb_sdp_get_ufrag (sdp)) >= 4);
  FUZZ_CHECK (strlen (pb_sdp_get_pwd (sdp)) >= 22);
  pb_sdp_peek_fingerprint (sdp, &size);
  FUZZ_CHECK (size >= 32);
  FUZZ_CHECK (!pb_sdp_matches_certificate (sdp, data_of_none, 4));
  pb_sdp_is_bundled (sdp);
  for (guint i = 0; i < pb_sdp_get_n_media (sdp); i++)
    check_media (sdp, i);

  printed = pb_sdp_print (sdp);
  check_text (printed);
  /* line ends may have grown it beyond the limit */
  again = pb_sdp_parse (type, printed, -1, flags, NULL);
  FUZZ_CHECK (again != NULL || strlen (printed) > PB_SDP_MAX);
  if (again != NULL) {
    same = pb_sdp_print (again);
    FUZZ_CHECK (strcmp (same, printed) == 0);
    FUZZ_CHECK (pb_sdp_get_n_dropped (again) == 0);
  }

  return sdp;
}

static void
check_fragment (const PbSdpFragment *fragment, PbSdp *sdp)
{
  g_autofree char *printed = pb_sdp_fragment_print (fragment, sdp);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdp) merged = pb_sdp_merge (sdp, fragment, &error);
  g_autoptr (PbSdpFragment) again = NULL;

  check_text (printed);
  FUZZ_CHECK ((merged == NULL) == (error != NULL));
  if (merged != NULL) {
    FUZZ_CHECK (!pb_sdp_fragment_is_restart (fragment, merged) ||
                fragment->ufrag == NULL);
    FUZZ_CHECK (pb_sdp_get_n_media (merged) == pb_sdp_get_n_media (sdp));
  }
  if (*printed != '\0')
    again = pb_sdp_fragment_parse (printed, -1, PB_SDP_LOOPBACK, NULL);
  FUZZ_CHECK (again == NULL || again->n_candidates <= fragment->n_candidates);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  /* one that is good, to merge fragments into */
  static PbSdp *base;
  const char *text = (const char *) data;

  if (base == NULL) {
    base = pb_sdp_parse (PB_SDP_OFFER, base_text, -1, PB_SDP_STRICT, NULL);
    FUZZ_CHECK (base != NULL);
  }
  for (guint flags = 0; flags < 4; flags++) {
    g_autoptr (PbSdp) offer =
        check_description (PB_SDP_OFFER, text, size, flags);
    g_autoptr (PbSdp) answer =
        check_description (PB_SDP_ANSWER, text, size, flags);
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdpFragment) fragment =
        pb_sdp_fragment_parse (text, size, flags, &error);

    FUZZ_CHECK (answer == NULL || offer != NULL);
    FUZZ_CHECK ((fragment == NULL) == (error != NULL));
    if (fragment != NULL)
      check_fragment (fragment, base);
    if (offer != NULL) {
      g_autoptr (PbSdpFragment) own = pb_sdp_dup_fragment (offer);

      FUZZ_CHECK (!pb_sdp_fragment_is_restart (own, offer));
      check_fragment (own, offer);
    }
  }

  return 0;
}
