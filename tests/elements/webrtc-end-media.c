/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "glue/pb-gst-debug.h"
#include "fake-server.h"
#include "webrtc-studio.h"

/* PbWebrtcEnds that meet through a real patchbayd and carry real media. */

static const char *const both[] = { "h264", "opus", NULL };
static const char *const sound[] = { "opus", NULL };
/* The least that is assumed of a way is more than what is sent: a machine that
 * is kept busy looks like a bad line. */
static const PbWebrtcEndConfig sender = { .direction = PB_DIRECTION_SEND,
  .min_kbps = 1000 };
static const PbWebrtcEndConfig receiver = { .direction = PB_DIRECTION_RECEIVE };
static const PbWebrtcEndConfig talker = { .direction = PB_DIRECTION_RECEIVE,
  .sends_back = TRUE,
  .min_kbps = 1000 };

static void
drop (GstStructure *s)
{
  gst_structure_free (s);
}

/* --- media ---------------------------------------------------------------- */

static void
test_what_is_sent_is_received (Studio *f, gconstpointer unused)
{
  Station *b = station_new (f->uri, f->receive, &receiver, NULL);
  gint64 began_us = g_get_monotonic_time ();
  Station *a = station_new (f->uri, f->send, &sender, both);
  g_autoptr (GstStructure) s = NULL;
  double kbps = 0;

  station_wait_media (b, 1, 1);
  g_test_message ("first media after %.0f ms, encoders' start included",
      (double) (g_get_monotonic_time () - began_us) / 1e3);
  station_wait_media (b, 50, 50);
  s = station_expect (a, "pb-peer", "srt", "connected");
  g_assert_cmpstr (gst_structure_get_string (s, "path"), ==, "direct");
  g_assert_cmpstr (gst_structure_get_string (s, "transport"), ==, "webrtc");
  g_assert_cmpstr (gst_structure_get_string (s, "cipher"), ==, "dtls-srtp");
  drop (station_expect (b, "pb-peer", "srt", "connected"));
  drop (station_expect (b, "pb-health", "direction", "receive"));
  g_clear_pointer (&s, gst_structure_free);
  while (kbps == 0) {
    g_clear_pointer (&s, gst_structure_free);
    s = station_expect (b, "pb-health", "direction", "send");
    gst_structure_get_double (s, "bitrate", &kbps);
  }
  g_assert_cmpint (pb_webrtc_end_get_state (a->end), ==, PB_STATE_CONNECTED);
  g_assert_cmpuint (b->sources, ==, 1);
  g_assert_cmpuint (a->n_video, ==, 0);

  station_free (a);
  drop (station_expect (b, "pb-peer", "srt", "gone"));
  station_wait (b, &b->n_gone, 1);
  station_free (b);
}

static void
test_return_feed_comes_back (Studio *f, gconstpointer unused)
{
  Station *a = station_new (f->uri, f->send, &sender, both);
  Station *b = station_new (f->uri, f->talk, &talker, sound);

  station_wait_media (b, 25, 25);
  station_wait_media (a, 0, 25);
  g_assert_cmpuint (a->n_video, ==, 0);
  g_assert_cmpuint (a->sources, ==, 1u << 1);
  station_free (b);
  station_free (a);
}

static void
test_a_sender_comes_back (Studio *f, gconstpointer unused)
{
  Station *b = station_new (f->uri, f->receive, &receiver, NULL);

  for (guint i = 0; i < 3; i++) {
    Station *a = station_new (f->uri, f->send, &sender, both);

    station_wait_media (b, 10, 10);
    station_free (a);
  }
  station_free (b);
}

/* --- consumers ------------------------------------------------------------ */

/* A consumer in a process of its own, that a signal may end or stop */
static void G_GNUC_NORETURN
consume (const char *uri, const char *token)
{
  Station *b = station_new (uri, token, &receiver, NULL);

  station_wait_media (b, 10, 10);
  puts ("media");
  fflush (stdout);
  for (;;)
    station_wait_media (b, 1, 1);
}

static GSubprocess *
spawn_consumer (Studio *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDataInputStream) output = NULL;
  g_autofree char *line = NULL;
  GSubprocess *process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE,
      &error, "/proc/self/exe", "--consume", f->uri, f->receive, NULL);

  g_assert_no_error (error);
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  line = g_data_input_stream_read_line (output, NULL, NULL, &error);
  g_assert_cmpstr (line, ==, "media");

  return process;
}

static void
test_a_killed_consumer_harms_nobody (Studio *f, gconstpointer unused)
{
  Station *a = station_new (f->uri, f->send, &sender, both);
  Station *b = station_new (f->uri, f->receive, &receiver, NULL);
  g_autoptr (GSubprocess) doomed = spawn_consumer (f);

  station_wait_media (b, 10, 10);
  station_count (b, "pb-fault"); /* of the time before */
  g_subprocess_force_exit (doomed);
  g_assert_true (g_subprocess_wait (doomed, NULL, NULL));
  station_wait_media (b, 100, 100);
  g_assert_cmpuint (station_count (b, "pb-fault"), ==, 0);
  station_free (a);
  station_free (b);
}

static void
test_five_consumers_and_one_that_stands_still (Studio *f, gconstpointer unused)
{
  Station *a = station_new (f->uri, f->send, &sender, both);
  Station *consumers[4];
  g_autoptr (GSubprocess) stopped = spawn_consumer (f);

  for (guint i = 0; i < G_N_ELEMENTS (consumers); i++)
    consumers[i] = station_new (f->uri, f->receive, &receiver, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (consumers); i++)
    station_wait_media (consumers[i], 5, 5);
  g_subprocess_send_signal (stopped, SIGSTOP);
  station_pause (consumers[0], TRUE);
  for (guint i = 1; i < G_N_ELEMENTS (consumers); i++)
    station_wait_media (consumers[i], 75, 75);

  /* one leaves while the others run */
  station_free (consumers[1]);
  for (guint i = 2; i < G_N_ELEMENTS (consumers); i++)
    station_wait_media (consumers[i], 25, 25);
  station_pause (consumers[0], FALSE);
  station_wait_media (consumers[0], 5, 5);
  g_subprocess_force_exit (stopped);
  g_assert_true (g_subprocess_wait (stopped, NULL, NULL));
  station_free (consumers[0]);
  station_free (consumers[2]);
  station_free (consumers[3]);
  station_free (a);
}

/* --- the server ----------------------------------------------------------- */

static void
test_media_outlives_the_server (Studio *f, gconstpointer unused)
{
  Station *a = station_new (f->uri, f->send, &sender, both);
  Station *b = station_new (f->uri, f->admin, &receiver, NULL);

  station_wait_media (b, 25, 25);
  studio_kill_server (f);
  drop (station_expect (a, "pb-fault", "code", "server-unreachable"));
  station_wait_media (b, 50, 50);
  /* the light goes its own way meanwhile, from who may set it; and so do cues
   */
  station_count (a, "pb-cue");
  g_assert_true (pb_webrtc_end_send_cue (b->end, "hold"));
  drop (station_expect (a, "pb-cue", "text", "hold"));
  studio_start_server (f);
  drop (station_expect (a, "pb-session", "signalling", "connected"));
  drop (station_expect (b, "pb-session", "signalling", "connected"));
  station_wait_media (b, 50, 50);
  g_assert_cmpint (pb_webrtc_end_get_state (b->end), ==, PB_STATE_CONNECTED);
  station_free (a);
  station_free (b);
}

static void
test_cues_reach_the_slot (Studio *f, gconstpointer unused)
{
  Station *a = station_new (f->uri, f->send, &sender, sound);
  Station *b = station_new (f->uri, f->admin, &receiver, NULL);
  g_autoptr (GstMessage) warning = NULL;

  station_wait_media (b, 0, 10);
  g_assert_true (pb_webrtc_end_send_cue (b->end, "stand by, cam 2"));
  drop (station_expect (a, "pb-cue", "text", "stand by, cam 2"));
  g_assert_true (pb_webrtc_end_send_cue (b->end, "go"));
  drop (station_expect (a, "pb-cue", "text", "go"));
  /* a camera's token gives no cues */
  g_assert_true (pb_webrtc_end_send_cue (a->end, "I decide"));
  warning =
      gst_bus_timed_pop_filtered (a->bus, STUDIO_WAIT, GST_MESSAGE_WARNING);
  g_assert_nonnull (warning);
  station_free (a);
  station_free (b);
}

/* --- somebody in between -------------------------------------------------- */

typedef struct
{
  FakeServer *server;
  Station *a, *b;
} Ambush;

static void
ambush (Ambush *self, FakeServerFunc alter)
{
  PbWebrtcEndConfig from = sender, to = receiver;
  g_autofree char *uri = NULL;

  self->server = fake_server_new ();
  fake_server_relay (self->server, alter);
  uri = g_strdup_printf ("pb://127.0.0.1:%u/demo/cam",
      fake_server_get_port (self->server));
  from.peer_id = "camera_001";
  to.peer_id = "studio_001";
  self->a = station_new (uri, "p_test.test", &from, both);
  self->b = station_new (uri, "p_test.test", &to, NULL);
  fake_server_wait_messages (self->server, "register", 2);
  fake_server_say (self->server,
      "{\"type\":\"peer\",\"to\":\"studio_001\",\"peer\":\"camera_001\","
      "\"stream\":\"cam\",\"direction\":\"send\",\"role\":\"listener\","
      "\"ice\":true,\"transport\":\"webrtc\"}");
  fake_server_say (self->server,
      "{\"type\":\"peer\",\"to\":\"camera_001\",\"peer\":\"studio_001\","
      "\"stream\":\"cam\",\"direction\":\"receive\",\"role\":\"caller\","
      "\"ice\":true,\"transport\":\"webrtc\"}");
}

static void
disperse (Ambush *self)
{
  station_free (self->a);
  station_free (self->b);
  fake_server_free (self->server);
}

/* Another certificate's, as far as anybody can tell */
static char *
forge_fingerprint (const char *text)
{
  static const char key[] = "a=fingerprint:sha-256 ";
  char *copy = g_strdup (text);

  for (char *p = strstr (copy, key); p != NULL; p = strstr (p, key)) {
    p += strlen (key);
    *p = *p == 'A' ? 'B' : 'A';
  }

  return copy;
}

/* As a server hands it on */
static char *
pass_on (const char *text)
{
  static const char prefix[] = "{\"type\":\"status\",";

  if (g_str_has_prefix (text, prefix))
    return g_strdup_printf ("%s\"stream\":\"cam\",\"direction\":\"send\",%s",
        prefix, text + strlen (prefix));

  return g_strdup (text);
}

static char *
forge_offer (FakeServer *server, const char *text)
{
  return strstr (text, "\"kind\":\"offer\"") != NULL ? forge_fingerprint (text)
                                                     : pass_on (text);
}

static char *
forge_answer (FakeServer *server, const char *text)
{
  return strstr (text, "\"kind\":\"answer\"") != NULL ? forge_fingerprint (text)
                                                      : pass_on (text);
}

static void
test_a_forged_fingerprint_is_told_at_both_ends (FakeServerFunc alter)
{
  Ambush f;

  ambush (&f, alter);
  drop (station_expect (f.a, "pb-fault", "code", "fingerprint"));
  drop (station_expect (f.b, "pb-fault", "code", "fingerprint"));
  g_assert_cmpuint (f.b->n_video + f.b->n_audio, ==, 0);
  g_assert_cmpint (pb_webrtc_end_get_state (f.a->end), ==, PB_STATE_READY);
  g_assert_cmpint (pb_webrtc_end_get_state (f.b->end), ==, PB_STATE_READY);
  disperse (&f);
}

static void
test_forged_offer (void)
{
  test_a_forged_fingerprint_is_told_at_both_ends (forge_offer);
}

static void
test_forged_answer (void)
{
  test_a_forged_fingerprint_is_told_at_both_ends (forge_answer);
}

/* What nobody should send goes before what is meant. */
static char *
add_rubbish (FakeServer *server, const char *text)
{
  static const char *const candidates[] = {
    "candidate:1 1 UDP 2015363327 239.1.2.3 5000 typ host",
    "candidate:1 1 UDP 2015363327 255.255.255.255 5000 typ host",
    "candidate:1 1 UDP 2015363327 0.0.0.0 5000 typ host",
    "candidate:1 1 UDP 2015363327 169.254.169.254 80 typ host",
    "candidate:1 1 UDP 2015363327 127.0.0.1 0 typ host",
    "candidate:1 1 UDP 2015363327 0d6a6a2e.local 5000 typ host",
    "candidate:x y z",
    "candidate:",
  };
  const char *to = strstr (text, "\"to\":\"studio_001\"") != NULL
                       ? "studio_001"
                       : "camera_001";
  const char *from =
      g_str_equal (to, "studio_001") ? "camera_001" : "studio_001";

  if (strstr (text, "\"kind\":\"offer\",\"link\":1,") != NULL)
    return g_strdup (
        "{\"type\":\"signal\",\"from\":\"camera_001\",\"to\":\"studio_001\","
        "\"kind\":\"offer\",\"link\":1,\"data\":{\"sdp\":\"v=0\\r\\nrubbish\"}"
        "}");
  if (strstr (text, "\"kind\":\"candidate\"") != NULL)
    for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
      for (guint link = 1; link <= 2; link++) {
        g_autofree char *more = g_strdup_printf (
            "{\"type\":\"signal\",\"from\":\"%s\",\"to\":\"%s\",\"kind\":"
            "\"candidate\",\"link\":%u,\"data\":{\"candidate\":\"%s\","
            "\"mline\":%u}}",
            from, to, link, candidates[i], i % 2);

        fake_server_say (server, more);
      }

  return pass_on (text);
}

static void
test_rubbish_does_no_harm (void)
{
  Ambush f;

  ambush (&f, add_rubbish);
  drop (station_expect (f.b, "pb-fault", "code", "refused"));
  drop (station_expect (f.a, "pb-fault", "code", "refused"));
  station_wait_media (f.b, 10, 10);
  disperse (&f);
}

/* --- endurance ------------------------------------------------------------ */

static void
test_meeting_often_leaks_nothing (Studio *f, gconstpointer unused)
{
  const char *text = g_getenv ("PB_CYCLES");
  guint n = text != NULL ? MIN ((guint) atoi (text), 20) : 100;
  Station *a = station_new (f->uri, f->send, &sender, sound);

  for (guint i = 0; i < n; i++) {
    Station *b = station_new (f->uri, f->receive, &receiver, NULL);

    /* at every stage of an attempt */
    if (i % 4 == 0)
      drop (station_expect (b, "pb-peer", "srt", "connecting"));
    else if (i % 4 == 1)
      drop (station_expect (b, "pb-peer", "srt", "connected"));
    else if (i % 4 == 2)
      station_wait_media (b, 0, 1);
    station_free (b);
  }
  station_free (a);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  pb_gst_debug_init ();
  if (argc == 4 && g_str_equal (argv[1], "--consume"))
    consume (argv[2], argv[3]);
  g_test_init (&argc, &argv, NULL);

#define TEST(name, func)                                                       \
  g_test_add ("/webrtc-end-media/" name, Studio, NULL, studio_set_up, func,    \
      studio_tear_down)
  TEST ("what-is-sent-is-received", test_what_is_sent_is_received);
  TEST ("return-feed-comes-back", test_return_feed_comes_back);
  TEST ("a-sender-comes-back", test_a_sender_comes_back);
  TEST ("a-killed-consumer-harms-nobody", test_a_killed_consumer_harms_nobody);
  TEST ("five-consumers-and-one-that-stands-still",
      test_five_consumers_and_one_that_stands_still);
  TEST ("media-outlives-the-server", test_media_outlives_the_server);
  TEST ("cues-reach-the-slot", test_cues_reach_the_slot);
  g_test_add_func ("/webrtc-end-media/forged-offer-is-told-at-both-ends",
      test_forged_offer);
  g_test_add_func ("/webrtc-end-media/forged-answer-is-told-at-both-ends",
      test_forged_answer);
  g_test_add_func ("/webrtc-end-media/rubbish-does-no-harm",
      test_rubbish_does_no_harm);
  TEST ("meeting-often-leaks-nothing", test_meeting_often_leaks_nothing);
#undef TEST

  return g_test_run ();
}
