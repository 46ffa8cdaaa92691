/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-random.h"
#include "core/pb-strings.h"

#define PASS "0123456789abcdefABCDEFGHIJKLMNop"
#define SEND PB_DIRECTION_SEND
#define RECEIVE PB_DIRECTION_RECEIVE

static const PbEndpoint v4 = {
  .session = "demo",
  .stream = "cam-wide",
  .address = "203.0.113.9",
  .port = 20000,
  .passphrase = PASS,
  .cipher = PB_CIPHER_AES_256,
  .latency_ms = 200,
};
static const PbEndpoint v6 = {
  .session = "demo",
  .stream = "cam-wide",
  .address = "2001:db8::9",
  .port = 20000,
  .passphrase = PASS,
  .cipher = PB_CIPHER_AES_128,
  .latency_ms = 120,
};
static const PbEndpoint unknown = {
  .session = "demo",
  .stream = "cam-wide",
  .port = 20000,
  .passphrase = PASS,
  .cipher = PB_CIPHER_AES_256,
  .latency_ms = 200,
};
static const PbEndpoint two_ports = {
  .session = "demo",
  .stream = "cam-wide",
  .address = "203.0.113.9",
  .port = 20000,
  .local_port = 20001,
  .passphrase = PASS,
  .cipher = PB_CIPHER_AES_256,
  .latency_ms = 200,
};

#define TERMS_US "&latency=200000&passphrase=" PASS "&pbkeylen=32"
#define TERMS_MS "&latency=200&passphrase=" PASS "&pbkeylen=32"
#define ID "&streamid=demo/cam-wide"
#define GST_SEND                                                               \
  "gst-launch-1.0 -e videotestsrc is-live=true ! "                             \
  "video/x-raw,width=1280,height=720,framerate=25/1 ! x264enc "                \
  "tune=zerolatency bitrate=4000 key-int-max=50 ! h264parse ! mpegtsmux "      \
  "alignment=7 ! srtsink uri="
#define GST_KEEP                                                               \
  " ! tsdemux ! h264parse ! matroskamux ! filesink location=output.mkv"

typedef struct
{
  PbClientKind kind;
  PbSrtMode mode;
  PbDirection direction;
  const PbEndpoint *end;
  const char *string; /* NULL: cannot be done */
  const char *note;   /* part of it; NULL: none */
} Row;

/* clang-format off */
static const Row rows[] = {
  /* FFmpeg: microseconds */
  { PB_CLIENT_FFMPEG, PB_SRT_CALLER, SEND, &v4,
    "ffmpeg -re -i input.mp4 -c copy -f mpegts \"srt://203.0.113.9:20000"
    "?mode=caller" TERMS_US "&pkt_size=1316" ID "\"", NULL },
  { PB_CLIENT_FFMPEG, PB_SRT_CALLER, RECEIVE, &v4,
    "ffmpeg -i \"srt://203.0.113.9:20000?mode=caller" TERMS_US
    "&pkt_size=1316" ID "\" -c copy output.ts", NULL },
  { PB_CLIENT_FFMPEG, PB_SRT_CALLER, SEND, &v6,
    "ffmpeg -re -i input.mp4 -c copy -f mpegts \"srt://[2001:db8::9]:20000"
    "?mode=caller&latency=120000&passphrase=" PASS "&pbkeylen=16"
    "&pkt_size=1316" ID "\"", NULL },
  { PB_CLIENT_FFMPEG, PB_SRT_CALLER, SEND, &unknown,
    "ffmpeg -re -i input.mp4 -c copy -f mpegts \"srt://ADDRESS:20000"
    "?mode=caller" TERMS_US "&pkt_size=1316" ID "\"", NULL },
  { PB_CLIENT_FFMPEG, PB_SRT_LISTENER, SEND, &v4,
    "ffmpeg -re -i input.mp4 -c copy -f mpegts \"srt://0.0.0.0:20000"
    "?mode=listener" TERMS_US "&pkt_size=1316\"", "Start it first" },
  { PB_CLIENT_FFMPEG, PB_SRT_LISTENER, RECEIVE, &two_ports,
    "ffmpeg -i \"srt://0.0.0.0:20001?mode=listener" TERMS_US
    "&pkt_size=1316\" -c copy output.ts", "Start it first" },
  { PB_CLIENT_FFMPEG, PB_SRT_LISTENER, SEND, &v6,
    "ffmpeg -re -i input.mp4 -c copy -f mpegts \"srt://[::]:20000"
    "?mode=listener&latency=120000&passphrase=" PASS "&pbkeylen=16"
    "&pkt_size=1316\"", "Start it first" },
  { PB_CLIENT_FFMPEG, PB_SRT_RENDEZVOUS, SEND, &v4, NULL,
    "udp://127.0.0.1:5000?pkt_size=1316" },
  { PB_CLIENT_FFMPEG, PB_SRT_RENDEZVOUS, RECEIVE, &v4, NULL,
    "srt-live-transmit" },

  /* OBS: microseconds */
  { PB_CLIENT_OBS, PB_SRT_CALLER, SEND, &v4,
    "srt://203.0.113.9:20000?mode=caller" TERMS_US ID, "Stream Key empty" },
  { PB_CLIENT_OBS, PB_SRT_CALLER, RECEIVE, &v4,
    "srt://203.0.113.9:20000?mode=caller" TERMS_US ID, "Media Source" },
  { PB_CLIENT_OBS, PB_SRT_CALLER, SEND, &v6,
    "srt://[2001:db8::9]:20000?mode=caller&latency=120000&passphrase=" PASS
    "&pbkeylen=16" ID, "Stream Key empty" },
  { PB_CLIENT_OBS, PB_SRT_LISTENER, SEND, &v4,
    "srt://0.0.0.0:20000?mode=listener" TERMS_US, "waits for our end" },
  { PB_CLIENT_OBS, PB_SRT_LISTENER, RECEIVE, &v4,
    "srt://0.0.0.0:20000?mode=listener" TERMS_US, "Media Source" },
  { PB_CLIENT_OBS, PB_SRT_RENDEZVOUS, SEND, &v4,
    "srt://203.0.113.9:20000?mode=rendezvous&localip=0.0.0.0"
    "&localport=20000" TERMS_US, "libsrt 1.5.2" },
  { PB_CLIENT_OBS, PB_SRT_RENDEZVOUS, SEND, &two_ports, NULL, "differ" },
  { PB_CLIENT_OBS, PB_SRT_RENDEZVOUS, SEND, &v6, NULL, "IPv4 only" },
  { PB_CLIENT_OBS, PB_SRT_RENDEZVOUS, RECEIVE, &v4, NULL,
    "udp://127.0.0.1:5000" },

  /* vMix: a dialogue, milliseconds */
  { PB_CLIENT_VMIX, PB_SRT_CALLER, SEND, &v4,
    "Type: Caller\nHostname: 203.0.113.9\nPort: 20000\nLatency: 200\n"
    "Passphrase: " PASS "\nKey Length: 32\n"
    "Stream ID: #!::r=demo/cam-wide,m=publish", "Outputs" },
  { PB_CLIENT_VMIX, PB_SRT_CALLER, RECEIVE, &v6,
    "Stream Type: SRT (Caller)\nHostname: 2001:db8::9\nPort: 20000\n"
    "Latency: 120\nPassphrase: " PASS "\nKey Length: 16\n"
    "Stream ID: #!::r=demo/cam-wide,m=request", "Add Input" },
  { PB_CLIENT_VMIX, PB_SRT_CALLER, SEND, &unknown,
    "Type: Caller\nHostname: ADDRESS\nPort: 20000\nLatency: 200\n"
    "Passphrase: " PASS "\nKey Length: 32\n"
    "Stream ID: #!::r=demo/cam-wide,m=publish", "Outputs" },
  { PB_CLIENT_VMIX, PB_SRT_LISTENER, SEND, &two_ports,
    "Type: Listener\nPort: 20001\nLatency: 200\nPassphrase: " PASS
    "\nKey Length: 32", "Outputs" },
  { PB_CLIENT_VMIX, PB_SRT_RENDEZVOUS, RECEIVE, &v4,
    "Stream Type: SRT (Rendezvous)\nHostname: 203.0.113.9\nPort: 20000\n"
    "Latency: 200\nPassphrase: " PASS "\nKey Length: 32", "Add Input" },
  { PB_CLIENT_VMIX, PB_SRT_RENDEZVOUS, SEND, &two_ports, NULL, "differ" },

  /* GStreamer: milliseconds, localaddress */
  { PB_CLIENT_GSTREAMER, PB_SRT_CALLER, SEND, &v4,
    GST_SEND "\"srt://203.0.113.9:20000?mode=caller" TERMS_MS ID "\"",
    "test picture" },
  { PB_CLIENT_GSTREAMER, PB_SRT_CALLER, RECEIVE, &v4,
    "gst-launch-1.0 -e srtsrc uri=\"srt://203.0.113.9:20000?mode=caller"
    TERMS_MS ID "\"" GST_KEEP, "output.mkv" },
  { PB_CLIENT_GSTREAMER, PB_SRT_LISTENER, RECEIVE, &v4,
    "gst-launch-1.0 -e srtsrc uri=\"srt://0.0.0.0:20000?mode=listener"
    TERMS_MS "\"" GST_KEEP, "output.mkv" },
  { PB_CLIENT_GSTREAMER, PB_SRT_RENDEZVOUS, SEND, &two_ports,
    GST_SEND "\"srt://203.0.113.9:20000?mode=rendezvous"
    "&localaddress=0.0.0.0&localport=20001" TERMS_MS "\"", "test picture" },
  { PB_CLIENT_GSTREAMER, PB_SRT_RENDEZVOUS, RECEIVE, &v6,
    "gst-launch-1.0 -e srtsrc uri=\"srt://[2001:db8::9]:20000?mode=rendezvous"
    "&localaddress=::&localport=20000&latency=120&passphrase=" PASS
    "&pbkeylen=16\"" GST_KEEP, "output.mkv" },

  /* srt-live-transmit: milliseconds, adapter and port */
  { PB_CLIENT_SRT_LIVE_TRANSMIT, PB_SRT_CALLER, SEND, &v4,
    "srt-live-transmit udp://127.0.0.1:5000 \"srt://203.0.113.9:20000"
    "?mode=caller" TERMS_MS ID "\"", "udp://127.0.0.1:5000" },
  { PB_CLIENT_SRT_LIVE_TRANSMIT, PB_SRT_CALLER, RECEIVE, &v6,
    "srt-live-transmit \"srt://[2001:db8::9]:20000?mode=caller&latency=120"
    "&passphrase=" PASS "&pbkeylen=16" ID "\" udp://127.0.0.1:5000",
    "udp://127.0.0.1:5000" },
  { PB_CLIENT_SRT_LIVE_TRANSMIT, PB_SRT_LISTENER, SEND, &v4,
    "srt-live-transmit udp://127.0.0.1:5000 \"srt://0.0.0.0:20000"
    "?mode=listener" TERMS_MS "\"", "udp://127.0.0.1:5000" },
  { PB_CLIENT_SRT_LIVE_TRANSMIT, PB_SRT_RENDEZVOUS, SEND, &v4,
    "srt-live-transmit udp://127.0.0.1:5000 \"srt://203.0.113.9:20000"
    "?mode=rendezvous&adapter=0.0.0.0&port=20000" TERMS_MS "\"",
    "udp://127.0.0.1:5000" },
  { PB_CLIENT_SRT_LIVE_TRANSMIT, PB_SRT_RENDEZVOUS, RECEIVE, &two_ports,
    "srt-live-transmit \"srt://203.0.113.9:20000"
    "?mode=rendezvous&adapter=0.0.0.0&port=20001" TERMS_MS
    "\" udp://127.0.0.1:5000", "udp://127.0.0.1:5000" },

  /* Larix: a link, values escaped */
  { PB_CLIENT_LARIX, PB_SRT_CALLER, SEND, &v4,
    "larix://set/v1?conn[][url]=srt%3A%2F%2F203.0.113.9%3A20000"
    "&conn[][name]=demo%20cam-wide&conn[][mode]=va&conn[][srtmode]=c"
    "&conn[][srtlatency]=200&conn[][srtpass]=" PASS "&conn[][srtpbkl]=32"
    "&conn[][srtstreamid]=%23%21%3A%3Ar%3Ddemo%2Fcam-wide%2Cm%3Dpublish"
    "&conn[][overwrite]=on&conn[][active]=on", "phone" },
  { PB_CLIENT_LARIX, PB_SRT_CALLER, SEND, &v6,
    "larix://set/v1?conn[][url]=srt%3A%2F%2F%5B2001%3Adb8%3A%3A9%5D%3A20000"
    "&conn[][name]=demo%20cam-wide&conn[][mode]=va&conn[][srtmode]=c"
    "&conn[][srtlatency]=120&conn[][srtpass]=" PASS "&conn[][srtpbkl]=16"
    "&conn[][srtstreamid]=%23%21%3A%3Ar%3Ddemo%2Fcam-wide%2Cm%3Dpublish"
    "&conn[][overwrite]=on&conn[][active]=on", "phone" },
  { PB_CLIENT_LARIX, PB_SRT_LISTENER, SEND, &v4,
    "larix://set/v1?conn[][url]=srt%3A%2F%2F0.0.0.0%3A20000"
    "&conn[][name]=demo%20cam-wide&conn[][mode]=va&conn[][srtmode]=l"
    "&conn[][srtlatency]=200&conn[][srtpass]=" PASS "&conn[][srtpbkl]=32"
    "&conn[][overwrite]=on&conn[][active]=on", "phone" },
  { PB_CLIENT_LARIX, PB_SRT_RENDEZVOUS, SEND, &v4, NULL, "Let Larix call" },
  { PB_CLIENT_LARIX, PB_SRT_CALLER, RECEIVE, &v4, NULL, "only sends" },
};
/* clang-format on */

static void
test_each_client_gets_its_own (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const Row *row = &rows[i];
    const char *note = "untouched";
    char *string = pb_strings_format (row->kind, row->mode, row->direction,
        row->end, &note);

    g_assert_cmpstr (string, ==, row->string);
    if (row->note == NULL)
      g_assert_null (note);
    else if (note == NULL || strstr (note, row->note) == NULL)
      g_test_fail_printf ("%s %s: note “%s” lacks “%s”",
          pb_client_kind_get_name (row->kind), pb_srt_mode_get_name (row->mode),
          note, row->note);
    pb_secret_free (string);
  }
}

/* Every combination: either a string that holds the passphrase, or a note. */
static void
test_nobody_is_left_without_a_way (void)
{
  static const PbEndpoint *const ends[] = { &v4, &v6, &unknown, &two_ports };
  guint n_strings = 0, n_notes = 0;

  for (guint kind = 0; kind < PB_N_CLIENTS; kind++) {
    for (guint mode = 0; mode < PB_N_SRT_MODES; mode++) {
      for (guint d = SEND; d <= RECEIVE; d <<= 1) {
        for (guint e = 0; e < G_N_ELEMENTS (ends); e++) {
          const char *note = NULL;
          char *string = pb_strings_format (kind, mode, d, ends[e], &note);
          char *again = pb_strings_format (kind, mode, d, ends[e], NULL);

          g_assert_cmpstr (string, ==, again);
          if (string != NULL) {
            g_assert_nonnull (strstr (string, PASS));
            g_assert_cmpint (strstr (string, "ADDRESS") != NULL, ==,
                ends[e]->address == NULL && mode != PB_SRT_LISTENER);
            n_strings++;
          } else {
            g_assert_nonnull (note);
            g_assert_cmpuint (strlen (note), >, 30);
            n_notes++;
          }
          pb_secret_free (string);
          pb_secret_free (again);
        }
      }
    }
  }
  g_assert_cmpuint (n_strings + n_notes, ==,
      PB_N_CLIENTS * PB_N_SRT_MODES * 2 * G_N_ELEMENTS (ends));
  g_test_message ("%u strings, %u notes", n_strings, n_notes);
}

static void
test_stream_ids_go_both_ways (void)
{
  static const struct
  {
    const char *text;
    PbDirection direction;
  } cases[] = {
    { "demo/cam-wide", PB_DIRECTION_NONE },
    { "#!::r=demo/cam-wide,m=publish", SEND },
    { "#!::r=demo/cam-wide,m=request", RECEIVE },
    { "#!::m=publish,r=demo/cam-wide", SEND },
    { "#!::r=demo/cam-wide", RECEIVE },
    { "#!::u=somebody,r=demo/cam-wide,t=stream,h=x,s=1,user_x=y,m=publish",
        SEND },
    { "#!::r=demo/cam-wide,rr=1,mm=2", RECEIVE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *session = NULL;
    g_autofree char *stream = NULL;
    g_autoptr (GError) error = NULL;
    PbDirection direction = PB_DIRECTION_OBSERVE;

    g_assert_true (pb_strings_parse_stream_id (cases[i].text, &session, &stream,
        &direction, &error));
    g_assert_no_error (error);
    g_assert_cmpstr (session, ==, "demo");
    g_assert_cmpstr (stream, ==, "cam-wide");
    g_assert_cmpint (direction, ==, cases[i].direction);
  }

  for (guint d = SEND; d <= RECEIVE; d <<= 1) {
    g_autofree char *id = pb_strings_stream_id ("a.b", "c_d", d);
    g_autofree char *session = NULL;
    g_autofree char *stream = NULL;
    PbDirection direction;

    g_assert_true (
        pb_strings_parse_stream_id (id, &session, &stream, &direction, NULL));
    g_assert_cmpstr (session, ==, "a.b");
    g_assert_cmpstr (stream, ==, "c_d");
    g_assert_cmpint (direction, ==, d);
  }
}

static void
test_stream_ids_that_are_refused (void)
{
  static const char *const bad[] = { "", "/", "demo", "demo/", "/cam",
    "demo/cam/x", "demo//cam", ".demo/cam", "demo/c am", "demo/cam\n",
    "demo\\cam", "#!::", "#!::r=", "#!::r=demo", "#!::r=demo/cam/x",
    "#!::m=publish", "#!::r=demo/cam,", "#!::,r=demo/cam", "#!::demo/cam",
    "#!::r=demo/cam,r=demo/other", "#!::r=demo/cam,m=publish,m=request",
    "#!::r=demo/cam,m=bidirectional", "#!::r=demo/cam,m=", "#!::r=demo/cam,m",
    "#!::r=demo/cam,t=file", "#!::r=demo/cam,t=stream,t=stream",
    "#!:r=demo/cam", "#!::R=demo/cam", "#!:{r=demo/cam}",
    "publish:demo/cam:u:p", "%23!::r=demo/cam" };
  g_autofree char *name = g_strnfill (65, 'a');
  g_autofree char *filler = g_strnfill (513 - 15, 'x');
  char *generated[] = { g_strdup_printf ("%s/cam", name),
    g_strdup_printf ("#!::r=demo/%s", name),
    g_strdup_printf ("#!::r=demo/c,u=%s", filler) };

  g_assert_cmpuint (strlen (generated[2]), ==, 513);
  for (guint i = 0; i < G_N_ELEMENTS (bad) + G_N_ELEMENTS (generated); i++) {
    const char *text =
        i < G_N_ELEMENTS (bad) ? bad[i] : generated[i - G_N_ELEMENTS (bad)];
    char *session = NULL, *stream = NULL;
    PbDirection direction = PB_DIRECTION_OBSERVE;
    g_autoptr (GError) error = NULL;

    if (pb_strings_parse_stream_id (text, &session, &stream, &direction,
            &error))
      g_test_fail_printf ("taken: %s", text);
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
    g_assert_null (session);
    g_assert_null (stream);
    g_assert_cmpint (direction, ==, PB_DIRECTION_OBSERVE);
  }

  /* one character less is the longest there is */
  {
    g_autofree char *session = NULL;
    g_autofree char *stream = NULL;
    PbDirection direction;

    generated[2][512] = '\0';
    g_assert_true (pb_strings_parse_stream_id (generated[2], &session, &stream,
        &direction, NULL));
  }
  for (guint i = 0; i < G_N_ELEMENTS (generated); i++)
    g_free (generated[i]);
}

static void
test_names (void)
{
  static const char *const clients[] = { "ffmpeg", "obs", "vmix", "gstreamer",
    "srt-live-transmit", "larix" };
  PbSrtMode mode = PB_SRT_RENDEZVOUS;

  for (guint i = 0; i < PB_N_CLIENTS; i++)
    g_assert_cmpstr (pb_client_kind_get_name (i), ==, clients[i]);
  for (guint i = 0; i < PB_N_SRT_MODES; i++) {
    g_assert_true (pb_srt_mode_from_name (pb_srt_mode_get_name (i), &mode));
    g_assert_cmpint (mode, ==, i);
  }
  g_assert_false (pb_srt_mode_from_name ("Caller", &mode));
  g_assert_false (pb_srt_mode_from_name (NULL, &mode));
  g_assert_cmpint (mode, ==, PB_SRT_RENDEZVOUS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/strings/each-client-gets-its-own",
      test_each_client_gets_its_own);
  g_test_add_func ("/strings/nobody-is-left-without-a-way",
      test_nobody_is_left_without_a_way);
  g_test_add_func ("/strings/stream-ids-go-both-ways",
      test_stream_ids_go_both_ways);
  g_test_add_func ("/strings/stream-ids-that-are-refused",
      test_stream_ids_that_are_refused);
  g_test_add_func ("/strings/names", test_names);

  return g_test_run ();
}
