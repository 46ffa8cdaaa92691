/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-sdp.h"

#define PWD "abcdefghijklmnopqrstuv"
#define NEW_PWD "ABCDEFGHIJKLMNOPQRSTUV"
#define CREDENTIALS "a=ice-ufrag:EsAw\r\na=ice-pwd:" PWD "\r\n"
#define HOST "candidate:1 1 UDP 1 192.0.2.1 5000 typ host"

static char *
read_data (const char *name)
{
  g_autofree char *path = g_build_filename (TEST_DATA, "sdp", name, NULL);
  char *text;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));

  return text;
}

static PbSdp *
read_offer (const char *name)
{
  g_autofree char *text = read_data (name);
  g_autoptr (GError) error = NULL;
  PbSdp *sdp =
      pb_sdp_parse (PB_SDP_OFFER, text, -1, PB_SDP_DROP_CANDIDATES, &error);

  g_assert_no_error (error);

  return sdp;
}

static void
test_the_rfc_s_own_is_read (void)
{
  g_autofree char *text = read_data ("whip.sdpfrag");
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdpFragment) first =
      pb_sdp_fragment_parse (text, -1, PB_SDP_STRICT, &error);
  g_autoptr (PbSdpFragment) is = NULL;

  g_assert_no_error (error);
  is = g_boxed_copy (PB_TYPE_SDP_FRAGMENT, first);
  g_clear_pointer (&first, pb_sdp_fragment_free);
  g_assert_cmpstr (is->ufrag, ==, "EsAw");
  g_assert_cmpstr (is->pwd, ==, "P2uYro0UCOQ4zxjKXaWCBui1");
  g_assert_true (is->is_ended);
  g_assert_cmpuint (is->n_candidates, ==, 4);
  g_assert_cmpuint (is->n_dropped, ==, 0);
  for (guint i = 0; i < is->n_candidates; i++) {
    g_assert_cmpstr (is->candidates[i].mid, ==, "0");
    g_assert_true (g_str_has_prefix (is->candidates[i].line, "candidate:"));
  }
}

static void
test_odd_fragments_are_borne_with (void)
{
  static const struct
  {
    const char *text;
    guint n_candidates;
    const char *mid; /* of the first */
  } rows[] = {
    { "a=end-of-candidates", 0, NULL },
    { "a=" HOST, 1, NULL },
    { "m=audio 9 RTP/AVP 0\na=" HOST "\na=mid:x\na=" HOST, 2, "x" },
    { "m=audio 9 RTP/AVP 0\na=mid:x\nm=video 9 RTP/AVP 0\na=" HOST, 1, NULL },
    { "m=nonsense\na=mid:0\na=" HOST "\nm=\x21\na=mid:1\na=" HOST, 2, "0" },
    { CREDENTIALS "m=audio 9 RTP/AVP 0\r\n" CREDENTIALS "a=mid:0\r\na=" HOST, 1,
        "0" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdpFragment) is =
        pb_sdp_fragment_parse (rows[i].text, -1, PB_SDP_STRICT, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (is->n_candidates, ==, rows[i].n_candidates);
    if (is->n_candidates > 0)
      g_assert_cmpstr (is->candidates[0].mid, ==, rows[i].mid);
  }
}

static void
test_bad_fragments (void)
{
  static const struct
  {
    const char *text, *why;
  } rows[] = {
    { "", "empty" },
    { "v=0", "neither" },
    { "c=IN IP4 0.0.0.0", "neither" },
    { "a", "x=" },
    { "a=x\ry", "control" },
    { "a=ice-ufrag:EsAw", "half" },
    { "a=ice-pwd:" PWD, "half" },
    { "a=ice-ufrag:abc\na=ice-pwd:" PWD, "credentials" },
    { "a=ice-ufrag:abcd\na=ice-pwd:abc", "credentials" },
    { CREDENTIALS "a=ice-ufrag:EsAx", "differ" },
    { CREDENTIALS "a=ice-pwd:" NEW_PWD, "differ" },
    { "a=mid:0", "mid" },
    { "m=audio 9 RTP/AVP 0\na=mid:0\na=mid:0", "mid" },
    { "m=audio 9 RTP/AVP 0\na=mid:", "mid" },
    { "a=candidate", "candidate" },
    { "a=candidate:1 1 UDP 1 192.0.2.1 5000", "candidate" },
    { "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host x", "candidate" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;

    if (pb_sdp_fragment_parse (rows[i].text, -1, PB_SDP_DROP_CANDIDATES,
            &error) != NULL)
      g_test_fail_printf ("taken: %s", rows[i].text);
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    if (strstr (error->message, rows[i].why) == NULL)
      g_test_fail_printf ("row %u: %s", i, error->message);
  }
}

static void
test_addresses_are_judged (void)
{
  static const char text[] = "m=audio 9 RTP/AVP 0\na=mid:0\na=" HOST
                             "\na=candidate:2 1 UDP 1 127.0.0.1 5000 typ host"
                             "\na=candidate:3 1 UDP 1 x.local 5000 typ host";
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdpFragment) dropped = NULL;
  g_autoptr (PbSdpFragment) local = NULL;

  g_assert_null (pb_sdp_fragment_parse (text, -1, PB_SDP_STRICT, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_clear_error (&error);
  dropped = pb_sdp_fragment_parse (text, -1, PB_SDP_DROP_CANDIDATES, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dropped->n_candidates, ==, 1);
  g_assert_cmpuint (dropped->n_dropped, ==, 2);
  local = pb_sdp_fragment_parse (text, -1, PB_SDP_LOOPBACK, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (local->n_candidates, ==, 3);
}

static void
test_limits_are_where_they_are (void)
{
  static const struct
  {
    const char *line;
    guint n;
    int code;
  } rows[] = {
    { "a=" HOST, PB_CANDIDATES_MAX, PB_ERROR_INVALID },
    { "a=candidate:1 1 UDP 1 x.local 1 typ host", PB_CANDIDATES_MAX,
        PB_ERROR_INVALID },
    { "m=x", PB_SDP_MEDIA_MAX, PB_ERROR_INVALID },
    { "a=x", PB_SDP_LINES_MAX, PB_ERROR_INVALID },
  };
  g_autofree char *big = g_strnfill (PB_SDP_MAX + 1, 'a');
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (PbSdpFragment) is = NULL;

    for (guint n = 0; n < rows[i].n; n++)
      g_string_append_printf (text, "%s\r\n", rows[i].line);
    is = pb_sdp_fragment_parse (text->str, text->len, PB_SDP_DROP_CANDIDATES,
        &error);
    g_assert_no_error (error);
    g_string_append (text, rows[i].line);
    g_assert_null (pb_sdp_fragment_parse (text->str, text->len,
        PB_SDP_DROP_CANDIDATES, &error));
    g_assert_error (error, PB_ERROR, rows[i].code);
    g_clear_error (&error);
  }
  g_assert_null (pb_sdp_fragment_parse (big, -1, PB_SDP_STRICT, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_TOO_LARGE);
}

/* What a description holds, printed, read and merged again. */
static void
test_what_is_printed_is_read_again (void)
{
  static const struct
  {
    const char *file;
    guint n;
    gboolean is_ended;
  } rows[] = {
    { "chrome-offer.sdp", 1, FALSE },
    { "firefox-offer.sdp", 3, TRUE },
    { "obs-offer.sdp", 3, TRUE },
    { "webrtcbin-offer.sdp", 0, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (PbSdp) sdp = read_offer (rows[i].file);
    g_autoptr (PbSdpFragment) is = pb_sdp_dup_fragment (sdp);
    g_autofree char *text = pb_sdp_fragment_print (is, sdp);
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdpFragment) again =
        pb_sdp_fragment_parse (text, -1, PB_SDP_STRICT, &error);

    g_assert_no_error (error);
    g_assert_true (g_str_has_prefix (text, "a=group:BUNDLE "));
    g_assert_cmpstr (again->ufrag, ==, pb_sdp_get_ufrag (sdp));
    g_assert_cmpstr (again->pwd, ==, pb_sdp_get_pwd (sdp));
    g_assert_cmpuint (again->n_candidates, ==, rows[i].n);
    g_assert_cmpint (again->is_ended, ==, rows[i].is_ended);
    g_assert_false (pb_sdp_fragment_is_restart (again, sdp));
    for (guint c = 0; c < again->n_candidates; c++) {
      g_assert_cmpstr (again->candidates[c].mid, ==, pb_sdp_get_mid (sdp, 0));
      g_assert_cmpint (pb_sdp_fragment_find_media (again, c, sdp), ==, 0);
    }
  }
}

static void
test_the_end_alone_is_told (void)
{
  g_autoptr (PbSdp) sdp = read_offer ("webrtcbin-offer.sdp");
  PbSdpFragment end = { .is_ended = TRUE };
  g_autofree char *text = pb_sdp_fragment_print (&end, sdp);

  g_assert_cmpstr (text, ==,
      "a=group:BUNDLE video0 audio1 application2\r\n"
      "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:video0\r\n"
      "a=end-of-candidates\r\n");
}

static guint
count (const char *text, const char *what)
{
  guint n = 0;

  for (; (text = strstr (text, what)) != NULL; text++)
    n++;

  return n;
}

static void
test_candidates_are_added (void)
{
  g_autoptr (PbSdp) sdp = read_offer ("webrtcbin-offer.sdp");
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdpFragment) more =
      pb_sdp_fragment_parse ("a=" HOST "\nm=x\na=mid:audio1\na=candidate:2 1 "
                                       "UDP 1 192.0.2.2 5000 typ "
                             "host\na=end-of-candidates",
          -1, PB_SDP_STRICT, &error);
  g_autoptr (PbSdp) merged = pb_sdp_merge (sdp, more, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (pb_sdp_get_ufrag (merged), ==, pb_sdp_get_ufrag (sdp));
  g_assert_cmpstr (pb_sdp_get_attribute (merged, 0, "candidate", 0), ==,
      HOST + strlen ("candidate:"));
  g_assert_nonnull (pb_sdp_get_attribute (merged, 1, "candidate", 0));
  g_assert_null (pb_sdp_get_attribute (merged, 2, "candidate", 0));
  text = pb_sdp_print (merged);
  g_assert_nonnull (
      strstr (text, "o=- 2341894091349612032 0 IN IP4 0.0.0.0\r\n"));
  g_assert_cmpuint (count (text, "a=end-of-candidates\r\n"), ==, 3);
  /* a second time the end is told already */
  g_clear_pointer (&text, g_free);
  pb_sdp_unref (sdp);
  sdp = g_steal_pointer (&merged);
  merged = pb_sdp_merge (sdp, more, &error);
  g_assert_no_error (error);
  text = pb_sdp_print (merged);
  g_assert_cmpuint (count (text, "a=end-of-candidates\r\n"), ==, 3);
}

static void
test_a_restart_replaces (void)
{
  g_autoptr (PbSdp) sdp = read_offer ("firefox-offer.sdp");
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdpFragment) restart =
      pb_sdp_fragment_parse ("a=ice-ufrag:NEWu\na=ice-pwd:" NEW_PWD
                             "\nm=x\na=mid:0\na=" HOST,
          -1, PB_SDP_STRICT, &error);
  g_autoptr (PbSdp) merged = pb_sdp_merge (sdp, restart, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  g_assert_true (pb_sdp_fragment_is_restart (restart, sdp));
  g_assert_cmpstr (pb_sdp_get_ufrag (merged), ==, "NEWu");
  g_assert_cmpstr (pb_sdp_get_pwd (merged), ==, NEW_PWD);
  text = pb_sdp_print (merged);
  g_assert_cmpuint (count (text, "a=candidate:"), ==, 1);
  g_assert_cmpuint (count (text, "a=end-of-candidates"), ==, 0);
  g_assert_cmpuint (count (text, "a=ice-ufrag:NEWu\r\n"), ==, 2);
  g_assert_null (strstr (text, pb_sdp_get_pwd (sdp)));
  g_assert_nonnull (strstr (text, " 5129217137826218462 1 IN IP4 "));
  /* only the password differs */
  g_free (restart->ufrag);
  restart->ufrag = g_strdup (pb_sdp_get_ufrag (sdp));
  g_assert_true (pb_sdp_fragment_is_restart (restart, sdp));
}

static void
test_what_cannot_be_merged (void)
{
  static const struct
  {
    const char *ufrag, *pwd, *mid, *line, *why;
  } rows[] = {
    { NULL, NULL, "nobody", HOST, "mid" },
    { NULL, NULL, NULL, "x", "none" },
    { NULL, NULL, NULL, "a=" HOST, "none" },
    { NULL, NULL, NULL, HOST "\r\na=crypto:1", "printable" },
    { NULL, NULL, NULL, "candidate:1 1 UDP 1 192.0.2.1 5000", "candidate" },
    { "abcd", NULL, NULL, HOST, "credentials" },
    { NULL, PWD, NULL, HOST, "credentials" },
    { "ab\r\n", PWD, NULL, HOST, "credentials" },
    { "abcd", "short", NULL, HOST, "credentials" },
  };
  g_autoptr (PbSdp) sdp = read_offer ("obs-offer.sdp");
  g_autofree char *before = pb_sdp_print (sdp);
  g_autofree char *after = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    PbSdpFragmentCandidate candidate = { (char *) rows[i].mid,
      (char *) rows[i].line };
    PbSdpFragment bad = { (char *) rows[i].ufrag, (char *) rows[i].pwd, FALSE,
      1, &candidate, 0 };
    g_autoptr (GError) error = NULL;

    g_assert_null (pb_sdp_merge (sdp, &bad, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    if (strstr (error->message, rows[i].why) == NULL)
      g_test_fail_printf ("row %u: %s", i, error->message);
  }
  after = pb_sdp_print (sdp);
  g_assert_cmpstr (before, ==, after);
}

static void
test_limits_hold_for_the_sum (void)
{
  g_autofree char *filler = g_strnfill (1500, 'x');
  g_autofree char *offer = read_data ("ffmpeg-offer.sdp");
  g_autoptr (GString) text = g_string_new (offer);
  g_autoptr (GError) error = NULL;
  g_autoptr (PbSdp) sdp = NULL;
  g_autoptr (PbSdp) full = NULL;
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (PbSdpFragment) many = NULL;

  for (guint i = 0; i < 20; i++)
    g_string_append_printf (text, "a=%s\r\n", filler);
  sdp = pb_sdp_parse (PB_SDP_OFFER, text->str, -1, PB_SDP_STRICT, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < PB_CANDIDATES_MAX; i++)
    g_string_append (lines, "a=" HOST " generation 0 network-id 1\r\n");
  many = pb_sdp_fragment_parse (lines->str, -1, PB_SDP_STRICT, &error);
  g_assert_no_error (error);
  g_assert_null (pb_sdp_merge (sdp, many, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_TOO_LARGE);
  g_clear_error (&error);

  pb_sdp_unref (sdp);
  sdp = read_offer ("ffmpeg-offer.sdp");
  full = pb_sdp_merge (sdp, many, &error);
  g_assert_no_error (error);
  g_assert_null (pb_sdp_merge (full, many, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

/* An o= line that no restart can count on. */
static void
test_a_version_that_cannot_be_raised (void)
{
  static const char *const origins[] = { "o=FFmpeg", "o=- 1 x IN IP4 h",
    "o=- 1 18446744073709551615 IN IP4 h" };

  for (guint i = 0; i < G_N_ELEMENTS (origins); i++) {
    g_autofree char *offer = read_data ("ffmpeg-offer.sdp");
    g_autoptr (GString) text = g_string_new (offer);
    PbSdpFragment restart = { .ufrag = (char *) "NEWu",
      .pwd = (char *) NEW_PWD };
    g_autoptr (GError) error = NULL;
    g_autoptr (PbSdp) sdp = NULL;

    g_string_replace (text, "o=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1",
        origins[i], 1);
    sdp = pb_sdp_parse (PB_SDP_OFFER, text->str, -1, PB_SDP_STRICT, &error);
    g_assert_no_error (error);
    g_assert_null (pb_sdp_merge (sdp, &restart, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdp-fragment/the-rfc-s-own-is-read",
      test_the_rfc_s_own_is_read);
  g_test_add_func ("/sdp-fragment/odd-ones-are-borne-with",
      test_odd_fragments_are_borne_with);
  g_test_add_func ("/sdp-fragment/bad-ones-are-refused", test_bad_fragments);
  g_test_add_func ("/sdp-fragment/addresses-are-judged",
      test_addresses_are_judged);
  g_test_add_func ("/sdp-fragment/limits-are-where-they-are",
      test_limits_are_where_they_are);
  g_test_add_func ("/sdp-fragment/what-is-printed-is-read-again",
      test_what_is_printed_is_read_again);
  g_test_add_func ("/sdp-fragment/the-end-alone-is-told",
      test_the_end_alone_is_told);
  g_test_add_func ("/sdp-fragment/candidates-are-added",
      test_candidates_are_added);
  g_test_add_func ("/sdp-fragment/a-restart-replaces", test_a_restart_replaces);
  g_test_add_func ("/sdp-fragment/what-cannot-be-merged-changes-nothing",
      test_what_cannot_be_merged);
  g_test_add_func ("/sdp-fragment/limits-hold-for-the-sum",
      test_limits_hold_for_the_sum);
  g_test_add_func ("/sdp-fragment/a-version-that-cannot-be-raised-is-refused",
      test_a_version_that_cannot_be_raised);

  return g_test_run ();
}
