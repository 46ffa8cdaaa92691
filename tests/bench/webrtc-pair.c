/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A sender and a receiver of WebRTC in one process, so that a frame is timed
 * from its source to the decoder's far side by one clock:
 *
 *   webrtc-pair bare SECONDS      two webrtcbins, signalled by function calls
 *   webrtc-pair able SECONDS      the same, made to do what pbsrcsink does:
 *                                 NACK and RTX, TWCC, a data channel
 *   webrtc-pair ours SECONDS URI  two pbsrcsinks; tokens in PB_SEND, PB_RECEIVE
 *
 * Prints one line: first=MS p50=MS p99=MS frames=N cpu=SECONDS. The first frame
 * counts from the moment both pipelines were asked to play; latency and CPU are
 * over SECONDS from a second later on. bench-webrtc.py compares the two.
 *
 * The first dtlsdec of a process makes an RSA key for those that bring none, in
 * 50 to 700 ms of pure chance, whoever asks for it: all three have it made
 * before the clock runs. */
#include "config.h"

#define GST_USE_UNSTABLE_API
#include <gst/gst.h>
#include <gst/rtp/rtp.h>
#include <gst/webrtc/webrtc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define WARM_MS 1000
#define WATCHDOG_S 20

/* The same pictures, encoder and decoder for both: bars that move, which use up
 * the 3 Mbit/s */
#define SOURCE                                                                 \
  "videotestsrc is-live=true pattern=smpte horizontal-speed=4 ! "              \
  "video/x-raw,width=1280,height=720,framerate=30/1 ! identity name=source ! " \
  "x264enc tune=zerolatency speed-preset=ultrafast bitrate=3000 "              \
  "key-int-max=60 ! video/x-h264,profile=constrained-baseline ! h264parse ! "
#define CAPS "application/x-rtp,media=video,encoding-name=H264,payload=96"
#define BARE(caps)                                                             \
  SOURCE "rtph264pay name=pay config-interval=-1 "                             \
         "aggregate-mode=zero-latency ! " caps " ! "                           \
         "webrtcbin name=webrtc bundle-policy=max-bundle latency=100"
#define TWCC                                                                   \
  "http://www.ietf.org/id/"                                                    \
  "draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define ABLE_CAPS                                                              \
  ",rtcp-fb-transport-cc=true,rtcp-fb-nack-pli=true,extmap-1=(string)" TWCC
#define TWCC_INTERVAL (50 * GST_MSECOND)
#define DECODER                                                                \
  "h264parse ! avdec_h264 ! identity name=decoded ! fakesink sync=false "      \
  "async=false"

typedef struct
{
  GMainLoop *loop;
  GstElement *sender, *receiver;
  guint seconds;
  gboolean is_able, is_offered;
  gint64 begun_us;

  GMutex lock;
  GArray *taken;        /* lock: when each frame left its source, us */
  GArray *latency;      /* lock: us, while measured */
  guint n_decoded;      /* lock */
  gint64 first_us;      /* lock: 0 before it */
  gboolean is_measured; /* lock */
  double cpu_before;
} Bench;

static double
get_cpu (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);

  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
fail (const char *what, const char *detail)
{
  fprintf (stderr, "webrtc-pair: %s%s%s\n", what, detail != NULL ? ": " : "",
      detail != NULL ? detail : "");
  exit (1);
}

static gboolean
on_watchdog (gpointer user_data)
{
  fail ("no picture in time", NULL);

  return G_SOURCE_REMOVE;
}

/* --- frames --------------------------------------------------------------- */

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 left = *(const gint64 *) a, right = *(const gint64 *) b;

  return (left > right) - (left < right);
}

static gboolean
on_end (gpointer user_data)
{
  Bench *self = user_data;
  double cpu = get_cpu () - self->cpu_before;
  guint n;

  g_mutex_lock (&self->lock);
  self->is_measured = FALSE;
  n = self->latency->len;
  if (n == 0)
    fail ("no frame was measured", NULL);
  g_array_sort (self->latency, compare);
  printf ("first=%.1f p50=%.2f p99=%.2f frames=%u cpu=%.3f\n",
      (double) (self->first_us - self->begun_us) / 1e3,
      (double) g_array_index (self->latency, gint64, n / 2) / 1e3,
      (double) g_array_index (self->latency, gint64, n * 99 / 100) / 1e3, n,
      cpu);
  g_mutex_unlock (&self->lock);
  g_main_loop_quit (self->loop);

  return G_SOURCE_REMOVE;
}

static gboolean
on_warm (gpointer user_data)
{
  Bench *self = user_data;

  g_mutex_lock (&self->lock);
  self->is_measured = TRUE;
  g_mutex_unlock (&self->lock);
  self->cpu_before = get_cpu ();
  g_timeout_add_seconds (self->seconds, on_end, self);

  return G_SOURCE_REMOVE;
}

static gboolean
on_first (gpointer user_data)
{
  g_timeout_add (WARM_MS, on_warm, user_data);

  return G_SOURCE_REMOVE;
}

static GstPadProbeReturn
on_taken (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Bench *self = user_data;
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  g_array_append_val (self->taken, now);
  g_mutex_unlock (&self->lock);

  return GST_PAD_PROBE_OK;
}

/* Frames before the connection never arrive; from then on, on loopback, all
 * do, one decoded for one taken: the newest taken that is not yet decoded is
 * at most a few frames away. A frame's way is shorter than the interval of two
 * unless something is wrong, so the last one taken is the one decoded; where it
 * is longer, its latency would be told too short by whole intervals, which the
 * p99 of the interval itself (33 ms) gives away. */
static GstPadProbeReturn
on_decoded (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Bench *self = user_data;
  gint64 now = g_get_monotonic_time ();
  gint64 way;

  g_mutex_lock (&self->lock);
  way = now - g_array_index (self->taken, gint64, self->taken->len - 1);
  if (self->is_measured)
    g_array_append_val (self->latency, way);
  self->n_decoded++;
  if (self->first_us == 0) {
    self->first_us = now;
    g_idle_add (on_first, self);
  }
  g_mutex_unlock (&self->lock);

  return GST_PAD_PROBE_OK;
}

static void
watch (Bench *self, GstElement *pipeline, const char *name,
    GstPadProbeCallback callback)
{
  g_autoptr (GstElement) element =
      gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, callback, self, NULL);
}

static GstElement *
make (const char *text)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (text, &error);

  if (error != NULL)
    fail ("the pipeline cannot be made", error->message);

  return pipeline;
}

static gboolean
on_bus (GstBus *bus, GstMessage *message, gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    fail (GST_OBJECT_NAME (message->src), error->message);
  }

  return G_SOURCE_CONTINUE;
}

/* --- two webrtcbins ------------------------------------------------------- */

/* As little as it takes, and no word on the network but 127.0.0.1's */
static GstElement *
get_webrtcbin (GstElement *pipeline)
{
  GstElement *bin = gst_bin_get_by_name (GST_BIN (pipeline), "webrtc");
  g_autoptr (GObject) ice = NULL;
  g_autoptr (GObject) agent = NULL;

  g_object_get (bin, "ice-agent", &ice, NULL);
  g_object_get (ice, "agent", &agent, NULL);
  g_object_set (agent, "upnp", FALSE, NULL);

  return bin;
}

static void
on_candidate (GstElement *from, guint mline, const char *candidate,
    gpointer other)
{
  g_signal_emit_by_name (other, "add-ice-candidate", mline, candidate);
}

static GstWebRTCSessionDescription *
take (GstPromise *promise, const char *field)
{
  GstWebRTCSessionDescription *description = NULL;

  gst_structure_get (gst_promise_get_reply (promise), field,
      GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &description, NULL);
  if (description == NULL)
    fail ("no description", field);
  gst_promise_unref (promise);

  return description;
}

static void
on_answered (GstPromise *promise, gpointer user_data)
{
  Bench *self = user_data;
  g_autoptr (GstElement) from =
      gst_bin_get_by_name (GST_BIN (self->receiver), "webrtc");
  g_autoptr (GstElement) to =
      gst_bin_get_by_name (GST_BIN (self->sender), "webrtc");
  GstWebRTCSessionDescription *answer = take (promise, "answer");

  g_signal_emit_by_name (from, "set-local-description", answer, NULL);
  g_signal_emit_by_name (to, "set-remote-description", answer, NULL);
  gst_webrtc_session_description_free (answer);
}

static void
on_offered (GstPromise *promise, gpointer user_data)
{
  Bench *self = user_data;
  g_autoptr (GstElement) from =
      gst_bin_get_by_name (GST_BIN (self->sender), "webrtc");
  g_autoptr (GstElement) to =
      gst_bin_get_by_name (GST_BIN (self->receiver), "webrtc");
  GstWebRTCSessionDescription *offer = take (promise, "offer");

  g_signal_emit_by_name (from, "set-local-description", offer, NULL);
  g_signal_emit_by_name (to, "set-remote-description", offer, NULL);
  gst_webrtc_session_description_free (offer);
  g_signal_emit_by_name (to, "create-answer", NULL,
      gst_promise_new_with_change_func (on_answered, self, NULL));
}

static void
on_transceiver (GstElement *bin, GObject *transceiver, gpointer unused)
{
  g_object_set (transceiver, "do-nack", TRUE, NULL);
}

/* As plugins/webrtc/pb-webrtc-peer.c sets its own */
static void
on_element (GstBin *bin, GstBin *sub, GstElement *element, gpointer unused)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GObject) session = NULL;

  if (factory == NULL || strcmp (GST_OBJECT_NAME (factory), "rtpsession") != 0)
    return;

  g_object_set (element, "rtcp-min-interval", 1 * GST_SECOND, "rtcp-fraction",
      100000.0, NULL);
  g_object_get (element, "internal-session", &session, NULL);
  g_object_set (session, "twcc-feedback-interval", TWCC_INTERVAL, NULL);
}

static void
make_able (Bench *self)
{
  g_autoptr (GstElement) payloader =
      gst_bin_get_by_name (GST_BIN (self->sender), "pay");
  g_autoptr (GstRTPHeaderExtension) twcc =
      gst_rtp_header_extension_create_from_uri (TWCC);
  GstElement *pipelines[] = { self->sender, self->receiver };
  g_autoptr (GstElement) receiver =
      gst_bin_get_by_name (GST_BIN (self->receiver), "webrtc");
  g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;
  g_autoptr (GstCaps) caps = gst_caps_from_string (CAPS ABLE_CAPS);

  if (twcc == NULL)
    fail ("no TWCC", NULL);
  gst_rtp_header_extension_set_id (twcc, 1);
  g_signal_emit_by_name (payloader, "add-extension", twcc);
  for (guint i = 0; i < G_N_ELEMENTS (pipelines); i++) {
    g_autoptr (GstElement) bin =
        gst_bin_get_by_name (GST_BIN (pipelines[i]), "webrtc");

    g_signal_connect (bin, "on-new-transceiver", G_CALLBACK (on_transceiver),
        NULL);
    g_signal_connect (bin, "deep-element-added", G_CALLBACK (on_element), NULL);
  }
  /* webrtcbin answers TWCC only where it was told of it */
  g_signal_emit_by_name (receiver, "add-transceiver",
      GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
}

static void
add_channel (GstElement *bin)
{
  GObject *channel = NULL;

  g_signal_emit_by_name (bin, "create-data-channel", "bench", NULL, &channel);
  if (channel == NULL)
    fail ("no data channel", NULL);
  g_object_unref (channel);
}

static void
on_negotiation_needed (GstElement *from, gpointer user_data)
{
  Bench *self = user_data;

  if (self->is_offered)
    return;
  self->is_offered = TRUE;
  if (self->is_able)
    add_channel (from);
  g_signal_emit_by_name (from, "create-offer", NULL,
      gst_promise_new_with_change_func (on_offered, user_data, NULL));
}

static void
on_stream (GstElement *bin, GstPad *pad, gpointer user_data)
{
  Bench *self = user_data;
  g_autoptr (GstElement) next =
      gst_bin_get_by_name (GST_BIN (self->receiver), "depay");
  g_autoptr (GstPad) sink = gst_element_get_static_pad (next, "sink");

  if (GST_PAD_DIRECTION (pad) == GST_PAD_SRC && !gst_pad_is_linked (sink))
    gst_pad_link (pad, sink);
}

static void
make_bare (Bench *self)
{
  GstElement *sender, *receiver;

  self->sender = make (self->is_able ? BARE (CAPS ABLE_CAPS) : BARE (CAPS));
  self->receiver = make ("webrtcbin name=webrtc bundle-policy=max-bundle "
                         "latency=100 rtph264depay name=depay ! " DECODER);
  if (self->is_able)
    make_able (self);
  sender = get_webrtcbin (self->sender);
  receiver = get_webrtcbin (self->receiver);
  g_signal_connect (sender, "on-ice-candidate", G_CALLBACK (on_candidate),
      receiver);
  g_signal_connect (receiver, "on-ice-candidate", G_CALLBACK (on_candidate),
      sender);
  g_signal_connect (receiver, "pad-added", G_CALLBACK (on_stream), self);
  g_signal_connect (sender, "on-negotiation-needed",
      G_CALLBACK (on_negotiation_needed), self);
  gst_object_unref (sender);
  gst_object_unref (receiver);
}

/* --- two pbsrcsinks ------------------------------------------------------- */

static void
set_token (GstElement *pipeline, const char *variable)
{
  g_autoptr (GstElement) element =
      gst_bin_get_by_name (GST_BIN (pipeline), "pb");

  g_object_set (element, "token", g_getenv (variable), NULL);
}

static void
make_rsa_key (void)
{
  GstElement *element = gst_element_factory_make ("dtlsdec", NULL);

  if (element == NULL)
    fail ("no DTLS", "dtlsdec");
  gst_object_unref (gst_object_ref_sink (element));
}

static void
make_ours (Bench *self, const char *uri)
{
  g_autofree char *sender = g_strdup_printf (SOURCE
      "pbsrcsink name=pb direction=send transport=webrtc latency=100 uri=%s",
      uri);
  g_autofree char *receiver =
      g_strdup_printf ("pbsrcsink name=pb direction=receive transport=webrtc "
                       "latency=100 uri=%s "
                       "! " DECODER,
          uri);

  self->sender = make (sender);
  self->receiver = make (receiver);
  set_token (self->sender, "PB_SEND");
  set_token (self->receiver, "PB_RECEIVE");
}

int
main (int argc, char **argv)
{
  Bench self = { 0 };
  GstElement *pipelines[2];

  gst_init (NULL, NULL);
  self.is_able = argc == 3 && g_str_equal (argv[1], "able");
  if (!(argc == 3 && (self.is_able || g_str_equal (argv[1], "bare"))) &&
      !(argc == 4 && g_str_equal (argv[1], "ours")))
    fail ("usage: webrtc-pair bare|able SECONDS | ours SECONDS URI", NULL);
  self.seconds = (guint) CLAMP (atoi (argv[2]), 1, 600);
  self.loop = g_main_loop_new (NULL, FALSE);
  self.taken = g_array_new (FALSE, FALSE, sizeof (gint64));
  self.latency = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_mutex_init (&self.lock);
  make_rsa_key ();

  if (argc == 3)
    make_bare (&self);
  else
    make_ours (&self, argv[3]);
  watch (&self, self.sender, "source", on_taken);
  watch (&self, self.receiver, "decoded", on_decoded);
  pipelines[0] = self.receiver;
  pipelines[1] = self.sender;
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GstBus) bus = gst_element_get_bus (pipelines[i]);

    gst_bus_add_watch (bus, on_bus, NULL);
  }

  g_timeout_add_seconds (WATCHDOG_S + self.seconds, on_watchdog, NULL);
  self.begun_us = g_get_monotonic_time ();
  for (guint i = 0; i < 2; i++)
    gst_element_set_state (pipelines[i], GST_STATE_PLAYING);
  g_main_loop_run (self.loop);
  fflush (stdout);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GstBus) bus = gst_element_get_bus (pipelines[i]);

    gst_element_set_state (pipelines[i], GST_STATE_NULL);
    gst_bus_remove_watch (bus);
    gst_object_unref (pipelines[i]);
  }
  g_array_unref (self.taken);
  g_array_unref (self.latency);
  g_mutex_clear (&self.lock);
  g_main_loop_unref (self.loop);

  return 0;
}
