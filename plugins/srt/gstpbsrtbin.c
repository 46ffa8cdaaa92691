/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-pbsrtbin
 * @title: pbsrtbin
 *
 * Sends or receives one slot of a session over encrypted SRT. Link a sink pad
 * and it sends; link the src pad and it receives. Peer, path, passphrase and
 * latency come from the session; it connects, reconnects and reports by itself.
 *
 * ## Sending: a test pattern
 * |[<!-- send -->
 * gst-launch-1.0 videotestsrc is-live=true ! \
 *     x264enc tune=zerolatency key-int-max=30 ! h264parse ! \
 *     pbsrtbin uri=pb://127.0.0.1:8080/demo/cam-wide
 * ]|
 * A `video_%u` or `audio_%u` pad takes an encoded stream and multiplexes it;
 * the `sink` pad takes a transport stream that is ready:
 * |[<!-- send -->
 * gst-launch-1.0 videotestsrc is-live=true ! \
 *     x264enc tune=zerolatency key-int-max=30 ! h264parse ! \
 *     mpegtsmux alignment=7 ! pbsrtbin uri=pb://127.0.0.1:8080/demo/cam-wide
 * ]|
 * The token comes from PATCHBAY_TOKEN here, or from `token-file`.
 *
 * ## Receiving
 * |[<!-- receive -->
 * gst-launch-1.0 pbsrtbin uri=pb://127.0.0.1:8080/demo/cam-wide ! \
 *     tsdemux ! h264parse ! avdec_h264 ! videoconvert ! autovideosink
 * ]|
 *
 * ## Messages
 * `pb-session`, `pb-peer`, `pb-health`, `pb-tally` and `pb-fault`, listed in
 * docs/elements.md. A fault is told once per cause, as `pb-fault` and as a
 * warning, or as an error where nothing but a person can help.
 *
 * ## Threads
 * Properties may be set from any thread; what concerns the connection counts
 * from the next time the element leaves READY. Messages and notifications come
 * from the session's thread. No state change waits for the network.
 *
 * Since: 0.1
 */
#include "config.h"

#include "gstpbsrtbin.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "core/pb-session.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-session.h"
#include "glue/pb-gst-uri.h"
#include "gstpbsrtsink.h"
#include "gstpbsrtsrc.h"
#include "pb-srt-end.h"
#include "pb-srt-mux.h"

#define GST_CAT_DEFAULT pb_gst_debug_srt_bin

#define USER_AGENT "pbsrtbin/" PACKAGE_VERSION

enum {
  PROP_0,
  PROP_URI,
  PROP_TOKEN,
  PROP_TOKEN_FILE,
  PROP_STREAM,
  PROP_MODE,
  PROP_LATENCY,
  PROP_PASSPHRASE,
  PROP_LOCAL_ADDRESS,
  PROP_LOCAL_PORT,
  PROP_PEER_ADDRESS,
  PROP_WAIT_FOR_CONNECTION,
  PROP_INSECURE,
  PROP_HEALTH_INTERVAL,
  PROP_STATS,
  PROP_TALLY,
  PROP_STATE,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

struct _GstPbSrtBin
{
  GstBin parent;

  GMutex lock;
  /* lock: the settings */
  PbUri *uri;      /* (nullable) */
  char *uri_error; /* (nullable): why the last uri was not taken */
  char *token;     /* wiped */
  char *token_file, *stream, *local_address, *peer_address;
  char *passphrase; /* wiped */
  PbSrtEndMode mode;
  guint latency_ms, local_port, health_interval_ms;
  gboolean wait_for_connection, insecure;

  /* lock: what is inside */
  GstElement *sink, *mux, *src; /* unowned: the bin's */
  guint n_videos, n_audios;     /* ever made, for their names */
  const char *missing;          /* an element that is not installed */

  /* lock: from NULL to READY and back */
  PbGstSession *session;
  /* lock: from READY to PAUSED and back */
  PbSrtEnd *end;
  PbSrtStats last; /* of the end before this one */
};

/* clang-format off */
#define VIDEO_CAPS \
  "video/x-h264; video/x-h265; " \
  "video/mpeg, mpegversion = (int) { 1, 2 }, systemstream = (boolean) false"
#define AUDIO_CAPS \
  "audio/mpeg, mpegversion = (int) { 1, 2, 4 }; audio/x-ac3; " \
  "audio/x-opus, channel-mapping-family = (int) 0"
/* clang-format on */

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_REQUEST,
        GST_STATIC_CAPS ("video/mpegts, systemstream = (boolean) true"));
static GstStaticPadTemplate video_template =
    GST_STATIC_PAD_TEMPLATE ("video_%u", GST_PAD_SINK, GST_PAD_REQUEST,
        GST_STATIC_CAPS (VIDEO_CAPS));
static GstStaticPadTemplate audio_template =
    GST_STATIC_PAD_TEMPLATE ("audio_%u", GST_PAD_SINK, GST_PAD_REQUEST,
        GST_STATIC_CAPS (AUDIO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS (
        "video/mpegts, systemstream = (boolean) true, packetsize = (int) 188"));

G_DEFINE_FINAL_TYPE (GstPbSrtBin, gst_pb_srt_bin, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE (pbsrtbin, "pbsrtbin", GST_RANK_NONE,
    GST_TYPE_PB_SRT_BIN)

#define GST_TYPE_PB_SRT_BIN_MODE (gst_pb_srt_bin_mode_get_type ())
static GType
gst_pb_srt_bin_mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { PB_SRT_END_AUTO,
        "ICE with other pbsrtbins; a receiver also listens for plain callers",
        "auto" },
    { PB_SRT_END_ICE, "ICE with other pbsrtbins only", "ice" },
    { PB_SRT_END_LISTENER, "A plain SRT listener", "listener" },
    { PB_SRT_END_CALLER, "A plain SRT caller of peer-address", "caller" },
    { PB_SRT_END_RENDEZVOUS, "A plain SRT rendezvous with peer-address",
        "rendezvous" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstPbSrtBinMode", values));

  return type;
}

/* --- helpers -------------------------------------------------------------- */

static PbSrtEnd *
ref_end (GstPbSrtBin *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->end != NULL ? pb_srt_end_ref (self->end) : NULL;
}

static gboolean
refuse (GstPbSrtBin *self, const char *sentence, const char *detail)
{
  GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", sentence),
      ("%s", detail != NULL ? detail : ""));

  return FALSE;
}

/* --- data flow and news from below ---------------------------------------- */

static void
on_received (GstBufferList *list, gpointer user_data)
{
  GstPbSrtBin *self = user_data;
  GstElement *src;

  g_mutex_lock (&self->lock);
  src = self->src != NULL ? gst_object_ref (self->src) : NULL;
  g_mutex_unlock (&self->lock);
  if (src == NULL) {
    gst_buffer_list_unref (list);
    return;
  }
  gst_pb_srt_src_take (GST_PB_SRT_SRC (src), list);
  gst_object_unref (src);
}

static void
on_changed (const char *what, gpointer user_data)
{
  GstPbSrtBin *self = user_data;

  if (g_str_equal (what, "state")) {
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
  } else if (g_str_equal (what, "tally")) {
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TALLY]);
  } else {
    g_autoptr (PbSrtEnd) end = ref_end (self);
    GstElement *src;

    g_mutex_lock (&self->lock);
    src = self->src != NULL ? gst_object_ref (self->src) : NULL;
    g_mutex_unlock (&self->lock);
    if (src != NULL && end != NULL)
      gst_pb_srt_src_set_latency (GST_PB_SRT_SRC (src),
          pb_srt_end_get_latency (end));
    g_clear_pointer (&src, gst_object_unref);
  }
}

/* The stream's end has gone out: the others need not find out by silence. */
static void
on_drained (gpointer user_data)
{
  g_autoptr (PbSrtEnd) end = ref_end (user_data);

  if (end != NULL)
    pb_srt_end_finish (end);
}

/* --- pads ----------------------------------------------------------------- */

static GstPad *
add_ghost (GstPbSrtBin *self, GstPad *target, GstPadTemplate *template,
    const char *name)
{
  GstPad *ghost = gst_ghost_pad_new_from_template (name, target, template);

  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (GST_ELEMENT (self), ghost);

  return ghost;
}

static GstElement *
add_sink (GstPbSrtBin *self)
{
  GstElement *sink = g_object_new (GST_TYPE_PB_SRT_SINK, "name", "sink", NULL);
  g_autoptr (PbSrtEnd) end = ref_end (self);

  gst_pb_srt_sink_set_drained (GST_PB_SRT_SINK (sink), on_drained, self);
  if (end != NULL)
    gst_pb_srt_sink_set_io (GST_PB_SRT_SINK (sink), pb_srt_end_peek_io (end));
  gst_bin_add (GST_BIN (self), sink);
  self->sink = sink;

  return sink;
}

static GstPad *
request_ts (GstPbSrtBin *self, GstPadTemplate *template)
{
  g_autoptr (GstPad) target = NULL;
  GstElement *sink;

  if (self->sink != NULL)
    return NULL;

  sink = add_sink (self);
  target = gst_element_get_static_pad (sink, "sink");
  gst_element_sync_state_with_parent (sink);

  return add_ghost (self, target, template, "sink");
}

static GstPad *
request_es (GstPbSrtBin *self, GstPadTemplate *template, const char *name)
{
  g_autoptr (GstPad) target = NULL;
  g_autofree char *made = NULL;
  gboolean is_video =
      template == gst_element_get_pad_template (GST_ELEMENT (self), "video_%u");

  if (self->sink != NULL && self->mux == NULL)
    return NULL; /* it carries a ready transport stream */
  if (self->mux == NULL) {
    self->mux = pb_srt_mux_new ();
    if (self->mux == NULL) {
      self->missing = "mpegtsmux";
      return NULL;
    }
    gst_bin_add (GST_BIN (self), self->mux);
    add_sink (self);
    gst_element_link (self->mux, self->sink);
    gst_element_sync_state_with_parent (self->sink);
    gst_element_sync_state_with_parent (self->mux);
  }

  target = pb_srt_mux_add_branch (GST_BIN (self), self->mux);
  if (target == NULL) {
    self->missing = "queue";
    return NULL;
  }
  if (name == NULL) {
    made = is_video ? g_strdup_printf ("video_%u", self->n_videos++)
                    : g_strdup_printf ("audio_%u", self->n_audios++);
    name = made;
  }

  return add_ghost (self, target, template, name);
}

static GstPad *
request_src (GstPbSrtBin *self, GstPadTemplate *template)
{
  g_autoptr (GstPad) target = NULL;
  GstElement *src;

  if (self->src != NULL)
    return NULL;

  src = g_object_new (GST_TYPE_PB_SRT_SRC, "name", "src", NULL);
  gst_bin_add (GST_BIN (self), src);
  g_mutex_lock (&self->lock);
  self->src = src;
  g_mutex_unlock (&self->lock);
  target = gst_element_get_static_pad (src, "src");
  gst_element_sync_state_with_parent (src);

  return add_ghost (self, target, template, "src");
}

static GstPad *
gst_pb_srt_bin_request_new_pad (GstElement *element, GstPadTemplate *template,
    const char *name, const GstCaps *caps)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (element);
  gboolean is_src = GST_PAD_TEMPLATE_DIRECTION (template) == GST_PAD_SRC;

  if (is_src ? self->sink != NULL : self->src != NULL) {
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("One pbsrtbin sends or receives, not both: use two, each with a token "
         "of its own."),
        (NULL));
    return NULL;
  }

  if (is_src)
    return request_src (self, template);
  if (template == gst_element_get_pad_template (element, "sink"))
    return request_ts (self, template);

  return request_es (self, template, name);
}

static void
remove_child (GstPbSrtBin *self, GstElement **child)
{
  GstElement *element;

  g_mutex_lock (&self->lock);
  element = g_steal_pointer (child);
  g_mutex_unlock (&self->lock);
  if (element == NULL)
    return;

  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), element);
}

static void
gst_pb_srt_bin_release_pad (GstElement *element, GstPad *pad)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (element);
  g_autoptr (GstPad) target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));
  gboolean is_src = GST_PAD_IS_SRC (pad);

  gst_object_ref (pad);
  gst_pad_set_active (pad, FALSE);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), NULL);
  gst_element_remove_pad (element, pad);
  if (is_src) {
    remove_child (self, &self->src);
  } else if (self->mux != NULL) {
    if (target != NULL)
      pb_srt_mux_remove_branch (GST_BIN (self), self->mux, target);
    if (element->numsinkpads == 0) {
      remove_child (self, &self->mux);
      remove_child (self, &self->sink);
    }
  } else {
    remove_child (self, &self->sink);
  }
  gst_object_unref (pad);
}

/* --- state change --------------------------------------------------------- */

/* With the lock. NULL where all is well, else what is wrong, for a person. */
static const char *
check_settings_unlocked (GstPbSrtBin *self)
{
  const char *sentence = NULL;

  if (self->uri_error != NULL)
    return self->uri_error;
  if (self->uri == NULL)
    return "No session given: set uri=pbs://host/session/slot.";
  if (self->stream == NULL && self->uri->stream == NULL)
    return "No slot given: set uri=pbs://host/session/slot, or stream.";
  if (self->stream != NULL && !pb_name_is_valid (self->stream))
    return "The stream is no slot's name: letters, digits, '.', '_' and '-'.";
  if (!pb_gst_uri_is_allowed (self->uri, self->insecure, &sentence))
    return sentence;
  if (self->local_address != NULL &&
      !g_hostname_is_ip_address (self->local_address))
    return "The local-address is no IP address of this machine.";
  if (self->passphrase != NULL &&
      (strlen (self->passphrase) < 10 || strlen (self->passphrase) > 79))
    return "A passphrase has 10 to 79 characters.";
  if ((self->mode == PB_SRT_END_CALLER ||
          self->mode == PB_SRT_END_RENDEZVOUS) &&
      self->peer_address == NULL)
    return "The modes caller and rendezvous need peer-address=host:port.";

  return NULL;
}

static gboolean
prepare (GstPbSrtBin *self)
{
  g_autofree char *sentence = NULL;
  g_autofree char *token_file = NULL;
  g_autoptr (PbUri) uri = NULL;
  g_autoptr (GError) error = NULL;
  char *own = NULL, *token;
  PbGstSession *session;
  gboolean insecure;

  g_mutex_lock (&self->lock);
  sentence = g_strdup (check_settings_unlocked (self));
  uri = self->uri != NULL ? pb_uri_copy (self->uri) : NULL;
  own = g_strdup (self->token);
  token_file = g_strdup (self->token_file);
  insecure = self->insecure;
  g_mutex_unlock (&self->lock);

  if (sentence == NULL && self->missing != NULL)
    sentence = g_strdup_printf ("The GStreamer element %s is not installed.",
        self->missing);
  if (sentence != NULL) {
    pb_secret_free (own);
    return refuse (self, sentence, NULL);
  }

  token = pb_gst_dup_token (own, uri, token_file, &error);
  pb_secret_free (own);
  if (error != NULL)
    return refuse (self, error->message, NULL);

  /* Without a token of our own a neighbour may lend its session; where none
   * does, the session says that the token is missing. */
  session =
      pb_gst_session_find_or_make (GST_ELEMENT (self), uri, token, USER_AGENT);
  pb_gst_session_set_allow_plain (session, insecure);
  pb_secret_free (token);
  g_mutex_lock (&self->lock);
  self->session = session;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

static gboolean
parse_peer (const char *text, char **host, guint *port)
{
  g_autoptr (GSocketConnectable) address = NULL;

  address = text != NULL ? g_network_address_parse (text, 0, NULL) : NULL;
  if (address == NULL)
    return FALSE;

  *host =
      g_strdup (g_network_address_get_hostname (G_NETWORK_ADDRESS (address)));
  *port = g_network_address_get_port (G_NETWORK_ADDRESS (address));

  return TRUE;
}

static PbSrtEnd *
make_end (GstPbSrtBin *self)
{
  static const PbSrtEndCallbacks callbacks = { on_received, on_changed };
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autofree char *host = NULL;
  PbSrtEndConfig config = {
    .uri = self->uri,
    .stream = self->stream != NULL ? self->stream : self->uri->stream,
    .direction = self->src != NULL ? PB_DIRECTION_RECEIVE : PB_DIRECTION_SEND,
    .mode = self->mode,
    .latency_ms = self->latency_ms,
    .passphrase = self->passphrase,
    .local_address = self->local_address,
    .local_port = self->local_port,
    .wait_for_connection = self->wait_for_connection,
    .health_interval_ms = self->health_interval_ms,
  };

  if (self->peer_address != NULL && (self->mode == PB_SRT_END_CALLER ||
                                        self->mode == PB_SRT_END_RENDEZVOUS)) {
    if (!parse_peer (self->peer_address, &host, &config.peer_port))
      return NULL;
    config.peer_host = host;
  }

  return pb_srt_end_new (GST_ELEMENT (self), self->session, &config, &callbacks,
      self);
}

static gboolean
is_unlinked (GstElement *element, GstPad *pad, gpointer user_data)
{
  return !gst_pad_is_linked (pad);
}

static gboolean
start (GstPbSrtBin *self)
{
  g_autoptr (GError) error = NULL;
  PbSrtEnd *end;

  /* one is enough: an application may link the others later */
  if (GST_ELEMENT (self)->numpads == 0 ||
      gst_element_foreach_pad (GST_ELEMENT (self), is_unlinked, NULL))
    return refuse (self,
        "Nothing is linked: give pbsrtbin a stream to send, or link its src "
        "pad to receive.",
        NULL);

  end = make_end (self);
  if (end == NULL)
    return refuse (self, "The peer-address is not host:port.", NULL);
  if (!pb_srt_end_start (end, &error)) {
    pb_srt_end_unref (end);
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ_WRITE,
        ("%s", pb_fault_get_sentence (PB_FAULT_INTERNAL)),
        ("%s", error->message));
    return FALSE;
  }

  g_mutex_lock (&self->lock);
  self->end = end;
  g_mutex_unlock (&self->lock);
  if (self->sink != NULL)
    gst_pb_srt_sink_set_io (GST_PB_SRT_SINK (self->sink),
        pb_srt_end_peek_io (end));
  on_changed ("latency", self);

  return TRUE;
}

static void
stop (GstPbSrtBin *self)
{
  PbSrtEnd *end;

  g_mutex_lock (&self->lock);
  end = g_steal_pointer (&self->end);
  if (end != NULL)
    pb_srt_io_get_stats (pb_srt_end_peek_io (end), 0, &self->last);
  g_mutex_unlock (&self->lock);
  if (self->sink != NULL)
    gst_pb_srt_sink_set_io (GST_PB_SRT_SINK (self->sink), NULL);
  if (end == NULL)
    return;

  pb_srt_end_stop (end);
  pb_srt_end_unref (end);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

static void
forget_session (GstPbSrtBin *self)
{
  PbGstSession *session;

  g_mutex_lock (&self->lock);
  session = g_steal_pointer (&self->session);
  g_mutex_unlock (&self->lock);
  g_clear_object (&session);
}

static GstStateChangeReturn
gst_pb_srt_bin_change_state (GstElement *element, GstStateChange transition)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (element);
  GstStateChangeReturn result;

  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
      if (!prepare (self))
        return GST_STATE_CHANGE_FAILURE;
      break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (!start (self))
        return GST_STATE_CHANGE_FAILURE;
      break;
    default:
      break;
  }

  result = GST_ELEMENT_CLASS (gst_pb_srt_bin_parent_class)
               ->change_state (element, transition);

  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (result == GST_STATE_CHANGE_FAILURE)
        stop (self);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      stop (self);
      break;
    case GST_STATE_CHANGE_NULL_TO_READY:
      if (result == GST_STATE_CHANGE_FAILURE)
        forget_session (self);
      break;
    case GST_STATE_CHANGE_READY_TO_NULL:
      forget_session (self);
      break;
    default:
      break;
  }

  return result;
}

/* --- properties ----------------------------------------------------------- */

static GstStructure *
make_stats (GstPbSrtBin *self)
{
  g_autoptr (PbSrtEnd) end = ref_end (self);
  PbSrtStats stats = { 0 };
  gboolean is_sender = self->src == NULL;
  guint64 dropped;

  if (end == NULL ||
      !pb_srt_io_get_stats (pb_srt_end_peek_io (end), 0, &stats)) {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

    stats = self->last;
  }
  dropped = is_sender ? stats.packets_send_dropped + stats.packets_overflowed +
                            stats.packets_unconnected
                      : stats.packets_dropped;

  return gst_structure_new ("pb-srt-stats", "connections", G_TYPE_UINT,
      stats.n_links, "packets-sent", G_TYPE_UINT64, stats.packets_sent,
      "bytes-sent", G_TYPE_UINT64, stats.bytes_sent, "packets-retransmitted",
      G_TYPE_UINT64, stats.packets_retransmitted, "packets-received",
      G_TYPE_UINT64, stats.packets_received, "bytes-received", G_TYPE_UINT64,
      stats.bytes_received, "packets-lost", G_TYPE_UINT64,
      is_sender ? stats.packets_send_lost : stats.packets_lost,
      "packets-dropped", G_TYPE_UINT64, dropped, "packets-unconnected",
      G_TYPE_UINT64, stats.packets_unconnected, "packets-overflowed",
      G_TYPE_UINT64, stats.packets_overflowed, "packets-undecrypted",
      G_TYPE_UINT64, stats.packets_undecrypted, "packets-belated",
      G_TYPE_UINT64, stats.packets_belated, "rtt-ms", G_TYPE_DOUBLE,
      stats.rtt_ms, "send-bps", G_TYPE_UINT64, stats.send_bps, "receive-bps",
      G_TYPE_UINT64, stats.receive_bps, "bandwidth-bps", G_TYPE_UINT64,
      stats.bandwidth_bps, "buffer-ms", G_TYPE_UINT, stats.buffer_ms,
      "latency-ms", G_TYPE_UINT, stats.latency_ms, NULL);
}

static void
replace (char **to, const GValue *value)
{
  const char *text = g_value_get_string (value);

  g_free (*to);
  *to = text != NULL && text[0] != '\0' ? g_strdup (text) : NULL;
}

static void
replace_secret (char **to, const GValue *value)
{
  const char *text = g_value_get_string (value);

  pb_secret_free (*to);
  *to = text != NULL && text[0] != '\0' ? g_strdup (text) : NULL;
}

static void
set_uri_unlocked (GstPbSrtBin *self, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&self->uri_error, g_free);
  if (!pb_gst_uri_set (&self->uri, text, &error)) {
    g_clear_pointer (&self->uri, pb_uri_free);
    self->uri_error =
        g_strdup_printf ("The uri cannot be used: %s.", error->message);
  }
}

static void
gst_pb_srt_bin_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (object);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  switch (id) {
    case PROP_URI:
      set_uri_unlocked (self, g_value_get_string (value));
      break;
    case PROP_TOKEN:
      replace_secret (&self->token, value);
      break;
    case PROP_TOKEN_FILE:
      replace (&self->token_file, value);
      break;
    case PROP_STREAM:
      replace (&self->stream, value);
      break;
    case PROP_MODE:
      self->mode = (PbSrtEndMode) g_value_get_enum (value);
      break;
    case PROP_LATENCY:
      self->latency_ms = g_value_get_uint (value);
      break;
    case PROP_PASSPHRASE:
      replace_secret (&self->passphrase, value);
      break;
    case PROP_LOCAL_ADDRESS:
      replace (&self->local_address, value);
      break;
    case PROP_LOCAL_PORT:
      self->local_port = g_value_get_uint (value);
      break;
    case PROP_PEER_ADDRESS:
      replace (&self->peer_address, value);
      break;
    case PROP_WAIT_FOR_CONNECTION:
      self->wait_for_connection = g_value_get_boolean (value);
      break;
    case PROP_INSECURE:
      self->insecure = g_value_get_boolean (value);
      break;
    case PROP_HEALTH_INTERVAL:
      self->health_interval_ms = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static void
gst_pb_srt_bin_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (object);
  g_autoptr (PbSrtEnd) end = NULL;
  g_autoptr (GMutexLocker) locker = NULL;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }

  end = ref_end (self);
  locker = g_mutex_locker_new (&self->lock);
  switch (id) {
    case PROP_URI:
      g_value_take_string (value, pb_gst_uri_print (self->uri));
      break;
    case PROP_TOKEN_FILE:
      g_value_set_string (value, self->token_file);
      break;
    case PROP_STREAM:
      g_value_set_string (value, self->stream);
      break;
    case PROP_MODE:
      g_value_set_enum (value, self->mode);
      break;
    case PROP_LATENCY:
      g_value_set_uint (value, self->latency_ms);
      break;
    case PROP_LOCAL_ADDRESS:
      g_value_set_string (value, self->local_address);
      break;
    case PROP_LOCAL_PORT:
      g_value_set_uint (value, self->local_port);
      break;
    case PROP_PEER_ADDRESS:
      g_value_set_string (value, self->peer_address);
      break;
    case PROP_WAIT_FOR_CONNECTION:
      g_value_set_boolean (value, self->wait_for_connection);
      break;
    case PROP_INSECURE:
      g_value_set_boolean (value, self->insecure);
      break;
    case PROP_HEALTH_INTERVAL:
      g_value_set_uint (value, self->health_interval_ms);
      break;
    case PROP_TALLY:
      g_value_set_enum (value,
          end != NULL ? pb_srt_end_get_tally (end) : PB_TALLY_OFF);
      break;
    case PROP_STATE:
      g_value_set_enum (value,
          end != NULL ? pb_srt_end_get_state (end) : PB_STATE_CLOSED);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

/* --- object --------------------------------------------------------------- */

static void
gst_pb_srt_bin_dispose (GObject *object)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (object);

  /* The bin lets go of its children, and only then are the pads released. */
  g_mutex_lock (&self->lock);
  self->sink = self->mux = self->src = NULL;
  g_mutex_unlock (&self->lock);
  G_OBJECT_CLASS (gst_pb_srt_bin_parent_class)->dispose (object);
}

static void
gst_pb_srt_bin_finalize (GObject *object)
{
  GstPbSrtBin *self = GST_PB_SRT_BIN (object);

  g_clear_pointer (&self->uri, pb_uri_free);
  g_free (self->uri_error);
  pb_secret_free (self->token);
  pb_secret_free (self->passphrase);
  g_free (self->token_file);
  g_free (self->stream);
  g_free (self->local_address);
  g_free (self->peer_address);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_pb_srt_bin_parent_class)->finalize (object);
}

/*
 * Sending elementary streams:
 *
 *   video_0 ─► queue ─► h264parse ─┐
 *   audio_0 ─► queue ─► aacparse ──┴► mpegtsmux ─► GstPbSrtSink ─┐
 *                                                                ├ PbSrtEnd
 *   src ◄──────────────────────────────────────── GstPbSrtSrc ◄──┘
 *
 * A ready transport stream goes straight from the sink pad to GstPbSrtSink.
 */
static void
gst_pb_srt_bin_init (GstPbSrtBin *self)
{
  g_mutex_init (&self->lock);
  self->health_interval_ms = PB_HEALTH_INTERVAL_MS;
}

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags rw =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags secret =
      G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags news = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  /**
   * GstPbSrtBin:uri:
   *
   * The server, the session and the slot: `pbs://host/session/slot`. A token in
   * it (`?t=…`) is taken out and never shown.
   *
   * Since: 0.1
   */
  props[PROP_URI] = g_param_spec_string ("uri", "URI",
      "Where to go: pbs://host[:port]/session/slot, or pb:// on loopback", NULL,
      rw);
  /**
   * GstPbSrtBin:token:
   *
   * Since: 0.1
   */
  props[PROP_TOKEN] = g_param_spec_string ("token", "Token",
      "The token for the slot and direction; else token-file, else the "
      "environment's PATCHBAY_TOKEN",
      NULL, secret);
  /**
   * GstPbSrtBin:token-file:
   *
   * Since: 0.1
   */
  props[PROP_TOKEN_FILE] = g_param_spec_string ("token-file", "Token file",
      "A file whose first line is the token", NULL, rw);
  /**
   * GstPbSrtBin:stream:
   *
   * Since: 0.1
   */
  props[PROP_STREAM] = g_param_spec_string ("stream", "Stream",
      "The slot, where it is not that of the uri", NULL, rw);
  /**
   * GstPbSrtBin:mode:
   *
   * Since: 0.1
   */
  props[PROP_MODE] =
      g_param_spec_enum ("mode", "Mode", "How the other end is met",
          GST_TYPE_PB_SRT_BIN_MODE, PB_SRT_END_AUTO, rw);
  /**
   * GstPbSrtBin:latency:
   *
   * Since: 0.1
   */
  props[PROP_LATENCY] = g_param_spec_uint ("latency", "Latency",
      "Time for retransmission in milliseconds; the larger of both ends' "
      "counts "
      "(0 = the session's)",
      0, PB_LATENCY_MAX, 0, rw);
  /**
   * GstPbSrtBin:passphrase:
   *
   * Since: 0.1
   */
  props[PROP_PASSPHRASE] = g_param_spec_string ("passphrase", "Passphrase",
      "Instead of the slot's: for a third-party end that has one of its own",
      NULL, secret);
  /**
   * GstPbSrtBin:local-address:
   *
   * Since: 0.1
   */
  props[PROP_LOCAL_ADDRESS] =
      g_param_spec_string ("local-address", "Local address",
          "The IP address to use (NULL = 127.0.0.1 where the server is this "
          "machine, else all)",
          NULL, rw);
  /**
   * GstPbSrtBin:local-port:
   *
   * Since: 0.1
   */
  props[PROP_LOCAL_PORT] = g_param_spec_uint ("local-port", "Local port",
      "The UDP port of the plain path (0 = the slot's; a caller's: any)", 0,
      PB_PORT_MAX, 0, rw);
  /**
   * GstPbSrtBin:peer-address:
   *
   * Since: 0.1
   */
  props[PROP_PEER_ADDRESS] =
      g_param_spec_string ("peer-address", "Peer address",
          "host[:port] of the other end, for the modes caller and rendezvous "
          "(without a port: the slot's)",
          NULL, rw);
  /**
   * GstPbSrtBin:wait-for-connection:
   *
   * Since: 0.1
   */
  props[PROP_WAIT_FOR_CONNECTION] = g_param_spec_boolean ("wait-for-connection",
      "Wait for connection",
      "Sending: hold the pipeline until somebody receives, rather than drop",
      FALSE, rw);
  /**
   * GstPbSrtBin:insecure:
   *
   * Since: 0.1
   */
  props[PROP_INSECURE] = g_param_spec_boolean ("insecure", "Insecure",
      "Let the token travel unencrypted (pb://) to another machine", FALSE, rw);
  /**
   * GstPbSrtBin:health-interval:
   *
   * Since: 0.1
   */
  props[PROP_HEALTH_INTERVAL] = g_param_spec_uint ("health-interval",
      "Health interval", "Milliseconds between health reports", 500, 10000,
      PB_HEALTH_INTERVAL_MS, rw);
  /**
   * GstPbSrtBin:stats:
   *
   * What it has done, as a fresh #GstStructure `pb-srt-stats`. Counters only
   * grow from READY on; the others are the latest. A packet is an SRT message
   * of at most 1316 bytes.
   *
   * `connections` (uint) now · `packets-sent`, `bytes-sent`,
   * `packets-retransmitted`, `packets-received`, `bytes-received` (uint64) ·
   * `packets-lost`: on the way, most of them recovered · `packets-dropped`:
   * never arrived: all reasons, of which `packets-unconnected` while nobody was
   * there and `packets-overflowed` as the link was too slow ·
   * `packets-undecrypted`, `packets-belated` (uint64) · `rtt-ms` (double) ·
   * `send-bps`, `receive-bps`, `bandwidth-bps` (uint64) bits per second ·
   * `buffer-ms`: not yet acknowledged, or not yet due · `latency-ms` (uint)
   * negotiated
   *
   * Since: 0.1
   */
  props[PROP_STATS] = g_param_spec_boxed ("stats", "Statistics",
      "Counters and figures of the connection", GST_TYPE_STRUCTURE, news);
  /**
   * GstPbSrtBin:tally:
   *
   * Since: 0.1
   */
  props[PROP_TALLY] = g_param_spec_enum ("tally", "Tally",
      "The slot's tally light", PB_TYPE_TALLY, PB_TALLY_OFF, news);
  /**
   * GstPbSrtBin:state:
   *
   * Since: 0.1
   */
  props[PROP_STATE] = g_param_spec_enum ("state", "State",
      "WAITING for somebody, READY to connect, CONNECTED, or CLOSED",
      PB_TYPE_STATE, PB_STATE_CLOSED, news);

  g_object_class_install_properties (klass, N_PROPS, props);
}

static void
gst_pb_srt_bin_class_init (GstPbSrtBinClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_pb_srt_bin_set_property;
  object_class->get_property = gst_pb_srt_bin_get_property;
  object_class->dispose = gst_pb_srt_bin_dispose;
  object_class->finalize = gst_pb_srt_bin_finalize;
  element_class->change_state = gst_pb_srt_bin_change_state;
  element_class->request_new_pad = gst_pb_srt_bin_request_new_pad;
  element_class->release_pad = gst_pb_srt_bin_release_pad;
  install_properties (object_class);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &video_template);
  gst_element_class_add_static_pad_template (element_class, &audio_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Patchbay SRT transport", "Source/Sink/Network",
      "Sends or receives a slot of a session over encrypted SRT",
      "The Patchbay project");
  gst_type_mark_as_plugin_api (GST_TYPE_PB_SRT_BIN_MODE, 0);
}
