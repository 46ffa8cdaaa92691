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

#include "gstpbsrtbin-private.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "core/pb-session.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-uri.h"
#include "gstpbsrtsink.h"
#include "gstpbsrtsrc.h"
#include "pb-srt-mux.h"

#define GST_CAT_DEFAULT pb_gst_debug_srt_bin

#define USER_AGENT "pbsrtbin/" PACKAGE_VERSION

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

/* --- helpers -------------------------------------------------------------- */

PbSrtEnd *
gst_pb_srt_bin_ref_end (GstPbSrtBin *self)
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
    g_object_notify_by_pspec (G_OBJECT (self),
        gst_pb_srt_bin_props[PROP_STATE]);
  } else if (g_str_equal (what, "tally")) {
    g_object_notify_by_pspec (G_OBJECT (self),
        gst_pb_srt_bin_props[PROP_TALLY]);
  } else {
    g_autoptr (PbSrtEnd) end = gst_pb_srt_bin_ref_end (self);
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

/* Where what is received passes. Until then nothing is there that could cost.
 */
static void
on_wants_thumbnail (const char *us, gpointer user_data)
{
  GstPbSrtBin *self = user_data;
  g_autoptr (PbGstSession) session = NULL;
  g_autoptr (GstElement) src = NULL;
  g_autoptr (GstPad) pad = NULL;

  g_mutex_lock (&self->lock);
  g_set_object (&session, self->session);
  src = self->src != NULL ? gst_object_ref (self->src) : NULL;
  g_mutex_unlock (&self->lock);
  if (src == NULL || session == NULL)
    return;

  pad = gst_element_get_static_pad (src, "src");
  pb_gst_thumbnail_ask (self->thumbnail, pad, session, us);
}

/* The stream's end has gone out: the others need not find out by silence. */
static void
on_drained (gpointer user_data)
{
  g_autoptr (PbSrtEnd) end = gst_pb_srt_bin_ref_end (user_data);

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
  g_autoptr (PbSrtEnd) end = gst_pb_srt_bin_ref_end (self);

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
    pb_gst_thumbnail_cancel (self->thumbnail);
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

/**
 * gst_pb_srt_bin_share: (skip)
 * @self: an element
 * @registration: what it registers, and another transport's end as well; copied
 */
void
gst_pb_srt_bin_share (GstPbSrtBin *self, const PbRegistration *registration)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_clear_pointer (&self->shared, pb_registration_free);
  self->shared = pb_registration_copy (registration);
}

/* --- state change --------------------------------------------------------- */

/* With the lock. NULL where all is well, else what is wrong, for a person. */
static const char *
check_settings_unlocked (GstPbSrtBin *self)
{
  const char *sentence = NULL;

  if (self->settings.uri == NULL)
    return "No session given: set uri=pbs://host/session/slot.";
  if (self->stream == NULL && self->settings.uri->stream == NULL)
    return "No slot given: set uri=pbs://host/session/slot, or stream.";
  if (self->stream != NULL && !pb_name_is_valid (self->stream))
    return "The stream is no slot's name: letters, digits, '.', '_' and '-'.";
  if (!pb_gst_uri_is_allowed (self->settings.uri, self->settings.insecure,
          &sentence))
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
  g_auto (PbGstSettings) settings = { 0 };
  g_autofree char *sentence = NULL;
  g_autoptr (GError) error = NULL;
  PbGstSession *session;

  g_mutex_lock (&self->lock);
  pb_gst_settings_copy (&self->settings, &settings);
  sentence = settings.uri_problem != NULL
                 ? g_strdup_printf ("The uri cannot be used: %s.",
                       settings.uri_problem)
                 : g_strdup (check_settings_unlocked (self));
  g_mutex_unlock (&self->lock);

  if (sentence == NULL && self->missing != NULL)
    sentence = g_strdup_printf ("The GStreamer element %s is not installed.",
        self->missing);
  if (sentence != NULL)
    return refuse (self, sentence, NULL);

  /* Without a token of our own a neighbour may lend its session; where none
   * does, the session says that the token is missing. */
  session = pb_gst_settings_find_session (&settings, GST_ELEMENT (self),
      USER_AGENT, &error);
  if (session == NULL)
    return refuse (self, error->message, NULL);
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
  static const PbSrtEndCallbacks callbacks = { on_received, on_changed,
    on_wants_thumbnail };
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autofree char *host = NULL;
  PbSrtEndConfig config = {
    .uri = self->settings.uri,
    .stream = self->stream != NULL ? self->stream : self->settings.uri->stream,
    .direction = self->src != NULL ? PB_DIRECTION_RECEIVE : PB_DIRECTION_SEND,
    .mode = self->mode,
    .latency_ms = self->latency_ms,
    .passphrase = self->passphrase,
    .local_address = self->local_address,
    .local_port = self->local_port,
    .wait_for_connection = self->wait_for_connection,
    .registration = self->shared,
    .gives_thumbnails = self->thumbnails && self->src != NULL &&
                        pb_gst_thumbnail_is_possible (),
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
  pb_gst_thumbnail_cancel (self->thumbnail);
  g_object_notify_by_pspec (G_OBJECT (self), gst_pb_srt_bin_props[PROP_STATE]);
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
      pb_gst_thumbnail_settle (self->thumbnail);
      break;
    default:
      break;
  }

  return result;
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

  pb_gst_thumbnail_free (self->thumbnail);
  pb_gst_settings_clear (&self->settings);
  g_clear_pointer (&self->shared, pb_registration_free);
  pb_secret_free (self->passphrase);
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
  self->thumbnails = TRUE;
  self->thumbnail = pb_gst_thumbnail_new ();
}

static void
gst_pb_srt_bin_class_init (GstPbSrtBinClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->dispose = gst_pb_srt_bin_dispose;
  object_class->finalize = gst_pb_srt_bin_finalize;
  element_class->change_state = gst_pb_srt_bin_change_state;
  element_class->request_new_pad = gst_pb_srt_bin_request_new_pad;
  element_class->release_pad = gst_pb_srt_bin_release_pad;
  gst_pb_srt_bin_install_properties (object_class);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &video_template);
  gst_element_class_add_static_pad_template (element_class, &audio_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Patchbay SRT transport", "Source/Sink/Network",
      "Sends or receives a slot of a session over encrypted SRT",
      "The Patchbay project");
}
