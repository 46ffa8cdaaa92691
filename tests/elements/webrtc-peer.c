/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-error.h"
#include "glue/pb-gst-debug.h"
#include "pb-webrtc-sdp.h"
#include "webrtc-pair.h"

/* --- what is waited for --------------------------------------------------- */

static gboolean
has_all (Pair *pair)
{
  return pair_has_media (pair) && pair->ends[0].n_video >= 30 &&
         pair->ends[0].n_audio >= 50;
}

static gboolean
has_return_video (Pair *pair)
{
  return pair->ends[1].n_audio >= 50 && pair->ends[0].n_video >= 30;
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
  pair_wait (pair, pair_has_media);
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
  pair_wait (pair, pair_has_video);
  g_assert_true (pair_is_connected (pair));
  pair_free (pair);
}

static void
test_both_ways (void)
{
  Pair *pair = pair_new_both_ways ();

  pair_start (pair);
  pair_wait (pair, has_all);
  g_assert_true (pair_is_connected (pair));
  pair_free (pair);
}

/* The offerer has sound and asks for the other's picture. */
static void
test_return_of_another_kind (void)
{
  Pair *pair = pair_new_both_ways ();

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
  Pair *pair = pair_new_both_ways ();

  pair->ends[0].config.may_receive = FALSE;
  pair_start (pair);
  pair_wait (pair, pair_has_media);
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
  pair_wait (pair, pair_has_media);
  for (guint i = 0; i < 2; i++) {
    g_assert_cmpuint (pair->ends[i].n_candidates, ==, 0);
    g_assert_cmpuint (pair->ends[i].n_descriptions, ==, 1);
    g_assert_nonnull (strstr (pair->ends[i].description, "a=candidate:"));
    g_assert_nonnull (strstr (pair->ends[i].description, "a=end-of-cand"));
  }
  pair_free (pair);
}

static void
test_quality_is_negotiated (void)
{
  Pair *pair = pair_new_both_ways ();

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
  Pair *pair = user_data != NULL ? pair_new_both_ways () : pair_new ();

  if (user_data == NULL) {
    pair->ends[0].media[0] = "h264";
    pair->ends[0].media[1] = "opus";
  }
  pair->ends[0].config.has_fec = TRUE;
  pair_start (pair);
  pair_wait (pair, user_data != NULL ? has_all : pair_has_media);
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
  pair_wait (pair, pair_has_media);
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
  Pair *pair = pair_new_both_ways ();

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
  pair_wait (pair, pair_has_media);
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
  Pair *pair = pair_new_both_ways ();
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
  g_assert_true (
      pb_webrtc_peer_set_tracks (pair->ends[0].peer, pair->ends[0].tracks, 2));
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
  pair_wait (pair, pair_has_media);
  g_assert_true (
      pb_webrtc_peer_set_tracks (pair->ends[0].peer, pair->ends[0].tracks, 1));
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
  pair_wait (pair, pair_has_media);
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
  pair_wait (pair, pair_has_media);
  read_stats (pair, 0);
  read_stats (pair, 1);
  pair->ends[1].n_video = 0;
  pair_wait (pair, pair_has_media);

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
    Pair *pair = pair_new_both_ways ();

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
    Pair *pair = pair_new_both_ways ();

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
  Pair *pair = pair_new_both_ways ();

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
