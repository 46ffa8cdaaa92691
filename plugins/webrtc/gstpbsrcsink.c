/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-pbsrcsink
 * @title: pbsrcsink
 *
 * Both ends of a slot over WebRTC: sends what is linked to its sink pads, raw
 * or encoded, and has a src pad for each stream that comes from the other end.
 * A browser, a WHIP or WHEP client or another pbsrcsink is at the other end;
 * who, where and how comes from the session.
 *
 * ## Sending: a test pattern and a tone, encoded here
 * |[<!-- send webrtc -->
 * gst-launch-1.0 pbsrcsink name=pb uri=pb://127.0.0.1:8080/demo/cam-wide \
 *     videotestsrc is-live=true ! pb.video_0 \
 *     audiotestsrc is-live=true ! pb.audio_0
 * ]|
 *
 * ## Sending what is encoded already
 * |[<!-- send webrtc -->
 * gst-launch-1.0 videotestsrc is-live=true ! \
 *     x264enc tune=zerolatency key-int-max=60 ! h264parse ! \
 *     pbsrcsink uri=pb://127.0.0.1:8080/demo/cam-wide
 * ]|
 *
 * ## Receiving
 * |[<!-- receive webrtc -->
 * gst-launch-1.0 pbsrcsink name=pb decode=true \
 *     uri=pb://127.0.0.1:8080/demo/cam-wide \
 *     pb.video_src_0 ! queue ! videoconvert ! autovideosink \
 *     pb.audio_src_0 ! queue ! audioconvert ! autoaudiosink
 * ]|
 * or, in a player:
 * |[<!-- receive webrtc -->
 * gst-launch-1.0 playbin3 uri=pb://127.0.0.1:8080/demo/cam-wide
 * ]|
 *
 * ## Both: a control room that watches and talks back
 * |[<!-- receive webrtc -->
 * gst-launch-1.0 pbsrcsink name=pb direction=receive decode=true \
 *     uri=pb://127.0.0.1:8080/demo/cam-wide \
 *     pb.video_src_0 ! queue ! videoconvert ! autovideosink \
 *     audiotestsrc is-live=true ! pb.audio_0
 * ]|
 *
 * The token comes from PATCHBAY_TOKEN here, or from `token-file`.
 *
 * ## Messages
 * `pb-session`, `pb-peer`, `pb-health`, `pb-tally`, `pb-cue` and `pb-fault`,
 * listed in docs/elements.md.
 *
 * ## Threads
 * Properties may be set from any thread; what concerns the connection counts
 * from the next time the element leaves READY. Messages and notifications come
 * from the session's thread, pads from the connection's. No state change waits
 * for the network.
 *
 * Since: 0.1
 */
#include "config.h"

#include "gstpbsrcsink-private.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-uri.h"

#define GST_CAT_DEFAULT pb_gst_debug_src_sink

#define USER_AGENT "pbsrcsink/" PACKAGE_VERSION

/* clang-format off */
#define VIDEO_ENCODED \
  "video/x-h264; video/x-h265; video/x-vp8; video/x-vp9"
#define AUDIO_ENCODED "audio/x-opus"
/* What comes over SRT may be of other kinds. */
#define VIDEO_OUT \
  VIDEO_ENCODED "; " \
  "video/mpeg, mpegversion = (int) { 1, 2 }, systemstream = (boolean) false; " \
  "video/x-raw(ANY)"
#define AUDIO_OUT \
  AUDIO_ENCODED "; audio/mpeg, mpegversion = (int) { 1, 2, 4 }; " \
  "audio/x-ac3; audio/x-raw(ANY)"
/* clang-format on */

static GstStaticPadTemplate video_template =
    GST_STATIC_PAD_TEMPLATE ("video_%u", GST_PAD_SINK, GST_PAD_REQUEST,
        GST_STATIC_CAPS ("video/x-raw; " VIDEO_ENCODED));
static GstStaticPadTemplate audio_template =
    GST_STATIC_PAD_TEMPLATE ("audio_%u", GST_PAD_SINK, GST_PAD_REQUEST,
        GST_STATIC_CAPS ("audio/x-raw; " AUDIO_ENCODED));
static GstStaticPadTemplate video_src_template =
    GST_STATIC_PAD_TEMPLATE ("video_src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
        GST_STATIC_CAPS (VIDEO_OUT));
static GstStaticPadTemplate audio_src_template =
    GST_STATIC_PAD_TEMPLATE ("audio_src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
        GST_STATIC_CAPS (AUDIO_OUT));

static void gst_pb_src_sink_init_uri_handler (gpointer iface, gpointer data);

G_DEFINE_FINAL_TYPE_WITH_CODE (GstPbSrcSink, gst_pb_src_sink, GST_TYPE_BIN,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER,
        gst_pb_src_sink_init_uri_handler))
/* The only element for these addresses: players must find it. */
GST_ELEMENT_REGISTER_DEFINE (pbsrcsink, "pbsrcsink", GST_RANK_PRIMARY,
    GST_TYPE_PB_SRC_SINK)

/* --- helpers -------------------------------------------------------------- */

PbWebrtcEnd *
gst_pb_src_sink_ref_end (GstPbSrcSink *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->end != NULL ? pb_webrtc_end_ref (self->end) : NULL;
}

static gboolean
refuse (GstPbSrcSink *self, const char *sentence)
{
  GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", sentence), (NULL));

  return FALSE;
}

/* --- news from below ------------------------------------------------------ */

static void
on_received (guint source, guint track, gboolean is_video, GstSample *sample,
    gpointer user_data)
{
  gst_pb_src_sink_take (user_data, source, track, is_video, sample);
}

static void
on_gone (guint source, gpointer user_data)
{
  gst_pb_src_sink_lose (user_data, source);
}

static void
on_rate (guint kbps, gpointer user_data)
{
  gst_pb_src_sink_set_rate (user_data, kbps);
}

static void
on_needs_keyframe (gpointer user_data)
{
  gst_pb_src_sink_ask_keyframe (user_data);
}

static void
on_changed (const char *what, gpointer user_data)
{
  GParamSpec *pspec = NULL;

  if (g_str_equal (what, "state"))
    pspec = gst_pb_src_sink_props[PROP_STATE];
  else if (g_str_equal (what, "tally"))
    pspec = gst_pb_src_sink_props[PROP_TALLY];
  else if (g_str_equal (what, "consumers"))
    pspec = gst_pb_src_sink_props[PROP_CONSUMERS];
  if (pspec != NULL)
    g_object_notify_by_pspec (user_data, pspec);
}

/* A registration that is shared with SRT is answered here too: what comes over
 * either passes the same pads. */
static void
on_wants_thumbnail (const char *us, gpointer user_data)
{
  GstPbSrcSink *self = user_data;
  g_autoptr (GstPad) pad = gst_pb_src_sink_dup_video_pad (self);
  g_autoptr (PbGstSession) session = NULL;

  g_mutex_lock (&self->lock);
  g_set_object (&session, self->session);
  g_mutex_unlock (&self->lock);
  if (pad != NULL && session != NULL)
    pb_gst_thumbnail_ask (self->thumbnail, pad, session, us);
}

/* --- pads ----------------------------------------------------------------- */

static GstPad *
gst_pb_src_sink_request_new_pad (GstElement *element, GstPadTemplate *template,
    const char *name, const GstCaps *caps)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (element);
  gboolean is_video =
      template == gst_element_get_pad_template (element, "video_%u");
  gboolean is_refused;

  if (GST_PAD_TEMPLATE_DIRECTION (template) != GST_PAD_SINK)
    return NULL;

  /* What an end may do is said once, when it registers. */
  g_mutex_lock (&self->lock);
  is_refused = self->end != NULL && self->is_receiver && self->ins->len == 0;
  g_mutex_unlock (&self->lock);
  if (is_refused) {
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("A return feed's first pad must be there before the receiver starts."),
        (NULL));
    return NULL;
  }

  return gst_pb_src_sink_add_in (self, template, name, is_video);
}

static void
gst_pb_src_sink_release_pad (GstElement *element, GstPad *pad)
{
  gst_pb_src_sink_remove_in (GST_PB_SRC_SINK (element), pad);
}

/* --- state change --------------------------------------------------------- */

/* With the lock. NULL where all is well, else what is wrong, for a person. */
static const char *
check_settings_unlocked (GstPbSrcSink *self)
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
  if (self->min_kbps > self->max_kbps)
    return "The min-bitrate is above the max-bitrate.";

  return NULL;
}

static gboolean
check_elements (GstPbSrcSink *self)
{
  const char *missing = pb_missing_find ();
  g_autofree char *sentence = NULL;

  if (missing == NULL)
    return TRUE;
  sentence = pb_missing_dup_sentence (missing);
  GST_ELEMENT_ERROR (self, CORE, MISSING_PLUGIN, ("%s", sentence), (NULL));

  return FALSE;
}

static gboolean
prepare (GstPbSrcSink *self)
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
  if (sentence != NULL)
    return refuse (self, sentence);
  if (self->transport != GST_PB_SRC_SINK_TRANSPORT_SRT &&
      !check_elements (self))
    return FALSE;

  /* Without a token of our own a neighbour may lend its session; where none
   * does, the session says that the token is missing. */
  session = pb_gst_settings_find_session (&settings, GST_ELEMENT (self),
      USER_AGENT, &error);
  if (session == NULL)
    return refuse (self, error->message);
  g_mutex_lock (&self->lock);
  self->session = session;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

/* With the lock. */
static gboolean
is_receiver_unlocked (GstPbSrcSink *self)
{
  if (self->direction == GST_PB_SRC_SINK_AUTO)
    return self->ins->len == 0;

  return self->direction == GST_PB_SRC_SINK_RECEIVE;
}

/* With the lock. */
static const char *
get_stream_unlocked (GstPbSrcSink *self)
{
  return self->stream != NULL ? self->stream : self->settings.uri->stream;
}

/* With the lock. */
static gboolean
gives_thumbnails_unlocked (GstPbSrcSink *self)
{
  return self->is_receiver && self->thumbnails &&
         pb_gst_thumbnail_is_possible ();
}

static PbWebrtcEnd *
make_end (GstPbSrcSink *self, const PbRegistration *shared)
{
  static const PbWebrtcEndCallbacks callbacks = { on_received, on_gone, on_rate,
    on_needs_keyframe, on_changed, on_wants_thumbnail };
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  PbWebrtcEndConfig config = {
    .uri = self->settings.uri,
    .stream = get_stream_unlocked (self),
    .direction = self->is_receiver ? PB_DIRECTION_RECEIVE : PB_DIRECTION_SEND,
    .peer_id = shared != NULL ? shared->peer : NULL,
    .has_srt = shared != NULL,
    .sends_back = self->is_receiver && self->ins->len > 0,
    .gives_thumbnails = gives_thumbnails_unlocked (self),
    .is_relay_only = self->policy == GST_PB_SRC_SINK_POLICY_RELAY,
    .has_fec = self->has_fec,
    .latency_ms = self->latency_ms,
    .min_kbps = self->min_kbps,
    .max_kbps = self->max_kbps,
    .health_interval_ms = self->health_interval_ms,
    .local_address = self->local_address,
  };

  return pb_webrtc_end_new (GST_ELEMENT (self), self->session, &config,
      &callbacks, self);
}

/* Under which both transports are known, one of them being WebRTC; (nullable):
 * no SRT. A relay is all that the policy may allow, and SRT's path has none. */
static PbRegistration *
make_shared (GstPbSrcSink *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  PbDirection direction =
      self->is_receiver ? PB_DIRECTION_RECEIVE : PB_DIRECTION_SEND;
  g_autoptr (PbRegistration) drawn = NULL;

  if (self->transport != GST_PB_SRC_SINK_TRANSPORT_AUTO ||
      self->policy == GST_PB_SRC_SINK_POLICY_RELAY)
    return NULL;
  drawn = pb_registration_new (get_stream_unlocked (self), direction);

  return pb_webrtc_end_make_registration (get_stream_unlocked (self), direction,
      drawn->peer, TRUE, self->is_receiver && self->ins->len > 0,
      gives_thumbnails_unlocked (self));
}

static gboolean
start_webrtc (GstPbSrcSink *self, const PbRegistration *shared)
{
  g_autoptr (GError) error = NULL;
  PbWebrtcEnd *end = make_end (self, shared);

  if (!pb_webrtc_end_start (end, &error)) {
    pb_webrtc_end_unref (end);
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ_WRITE,
        ("%s", pb_fault_get_sentence (PB_FAULT_INTERNAL)),
        ("%s", error->message));
    return FALSE;
  }
  g_mutex_lock (&self->lock);
  self->end = end;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

static gboolean
start (GstPbSrcSink *self)
{
  g_autoptr (PbRegistration) shared = NULL;
  gboolean is_srt = self->transport == GST_PB_SRC_SINK_TRANSPORT_SRT;

  gst_pb_src_sink_reset_ins (self);
  g_mutex_lock (&self->lock);
  self->is_receiver = is_receiver_unlocked (self);
  g_mutex_unlock (&self->lock);
  if (is_srt && self->is_receiver && gst_pb_src_sink_has_ins (self))
    return refuse (self,
        "SRT carries no return feed: use transport=webrtc, or a slot of its "
        "own for the way back.");

  shared = make_shared (self);
  if (!is_srt && !start_webrtc (self, shared))
    return FALSE;
  if ((is_srt || shared != NULL) && !gst_pb_src_sink_start_srt (self, shared))
    return FALSE;
  /* A source of streams that are not there yet, for gst-launch-1.0 -e */
  if (self->is_receiver)
    GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  if (!gst_pb_src_sink_has_ins (self))
    gst_pb_src_sink_publish (self);

  return TRUE;
}

static void
play (GstPbSrcSink *self)
{
  g_autoptr (PbWebrtcEnd) end = gst_pb_src_sink_ref_end (self);
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));

  if (clock == NULL)
    clock = gst_system_clock_obtain ();
  if (end != NULL)
    pb_webrtc_end_play (end, clock,
        gst_element_get_base_time (GST_ELEMENT (self)));
}

/* After this nothing comes from below. */
static void
stop (GstPbSrcSink *self)
{
  PbWebrtcEnd *end;

  g_mutex_lock (&self->lock);
  end = g_steal_pointer (&self->end);
  g_mutex_unlock (&self->lock);
  if (end == NULL)
    return;

  pb_webrtc_end_stop (end);
  pb_webrtc_end_unref (end);
  pb_gst_thumbnail_cancel (self->thumbnail);
  g_object_notify_by_pspec (G_OBJECT (self), gst_pb_src_sink_props[PROP_STATE]);
}

static void
clean_up (GstPbSrcSink *self)
{
  stop (self);
  gst_pb_src_sink_clear_ins (self);
  gst_pb_src_sink_stop_srt (self);
  gst_pb_src_sink_remove_outs (self);
  GST_OBJECT_FLAG_UNSET (self, GST_ELEMENT_FLAG_SOURCE);
}

static void
forget_session (GstPbSrcSink *self)
{
  PbGstSession *session;

  g_mutex_lock (&self->lock);
  session = g_steal_pointer (&self->session);
  g_mutex_unlock (&self->lock);
  g_clear_object (&session);
}

/* A receiver has nothing to preroll with, even before it has a pad. */
static GstStateChangeReturn
judge (GstPbSrcSink *self, GstStateChangeReturn result)
{
  if (result == GST_STATE_CHANGE_SUCCESS && self->is_receiver)
    return GST_STATE_CHANGE_NO_PREROLL;

  return result;
}

static GstStateChangeReturn
gst_pb_src_sink_change_state (GstElement *element, GstStateChange transition)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !prepare (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self)) {
    clean_up (self);
    return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    stop (self);

  result = GST_ELEMENT_CLASS (gst_pb_src_sink_parent_class)
               ->change_state (element, transition);

  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
      if (result == GST_STATE_CHANGE_FAILURE)
        forget_session (self);
      break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (result == GST_STATE_CHANGE_FAILURE)
        clean_up (self);
      else
        result = judge (self, result);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      play (self);
      break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      result = judge (self, result);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      clean_up (self);
      break;
    case GST_STATE_CHANGE_READY_TO_NULL:
      forget_session (self);
      pb_webrtc_end_settle ();
      pb_gst_thumbnail_settle (self->thumbnail);
      break;
    default:
      break;
  }

  return result;
}

/* --- uri ------------------------------------------------------------------ */

static GstURIType
get_uri_type (GType type)
{
  return GST_URI_SRC;
}

static const gchar *const *
get_protocols (GType type)
{
  return pb_gst_uri_get_protocols ();
}

static gchar *
get_uri (GstURIHandler *handler)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (handler);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return pb_gst_uri_print (self->settings.uri);
}

static gboolean
set_uri (GstURIHandler *handler, const gchar *uri, GError **error)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (handler);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!pb_gst_uri_set (&self->settings.uri, uri, error))
    return FALSE;
  g_clear_pointer (&self->settings.uri_problem, g_free);

  return TRUE;
}

static void
gst_pb_src_sink_init_uri_handler (gpointer iface, gpointer data)
{
  GstURIHandlerInterface *handler = iface;

  handler->get_type = get_uri_type;
  handler->get_protocols = get_protocols;
  handler->get_uri = get_uri;
  handler->set_uri = set_uri;
}

/* --- object --------------------------------------------------------------- */

static gboolean
send_cue (GstPbSrcSink *self, const char *text)
{
  g_autoptr (PbWebrtcEnd) end = gst_pb_src_sink_ref_end (self);
  glong length;

  if (end == NULL || text == NULL || !g_utf8_validate (text, -1, NULL))
    return FALSE;
  length = g_utf8_strlen (text, -1);
  if (length < 1 || length > PB_CUE_MAX)
    return FALSE;

  return pb_webrtc_end_send_cue (end, text);
}

static void
gst_pb_src_sink_dispose (GObject *object)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (object);
  g_autoptr (GPtrArray) outs = NULL;

  /* The bin lets go of its children, and only then are the pads released. */
  g_mutex_lock (&self->lock);
  g_ptr_array_set_size (self->ins, 0);
  g_ptr_array_set_size (self->outs, 0);
  g_mutex_unlock (&self->lock);
  G_OBJECT_CLASS (gst_pb_src_sink_parent_class)->dispose (object);
}

static void
gst_pb_src_sink_finalize (GObject *object)
{
  GstPbSrcSink *self = GST_PB_SRC_SINK (object);

  pb_gst_thumbnail_free (self->thumbnail);
  pb_gst_settings_clear (&self->settings);
  g_free (self->stream);
  g_free (self->local_address);
  g_ptr_array_unref (self->ins);
  g_ptr_array_unref (self->outs);
  g_ptr_array_unref (self->bridges);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->srt_lock);
  G_OBJECT_CLASS (gst_pb_src_sink_parent_class)->finalize (object);
}

/* clang-format off */
/*
 * Sending, for each sink pad; raw media take the upper way:
 *
 *            ┌► queue ► videoconvert ► x264enc ► h264parse ─┐
 *   video_0 ─┤                                              ├► GstPbMediaSink ─┐
 *            └► h264parse ──────────────────────────────────┘                  │
 *                (with SRT: a queue first, and a tee that feeds pbsrtbin)      │
 *                                                                              │
 *                                                   PbWebrtcEnd ◄──────────────┘
 *                                                        │ a pipeline for each
 *   video_src_0 ◄ [decoder] ◄ GstPbMediaSrc ◄────────────┘ counterpart
 */
/* clang-format on */
static void
gst_pb_src_sink_init (GstPbSrcSink *self)
{
  g_mutex_init (&self->lock);
  g_mutex_init (&self->srt_lock);
  self->ins = g_ptr_array_new_with_free_func (gst_pb_src_sink_in_free);
  self->outs = g_ptr_array_new_with_free_func (gst_pb_src_sink_out_free);
  self->bridges = g_ptr_array_new ();
  self->health_interval_ms = PB_HEALTH_INTERVAL_MS;
  self->thumbnails = TRUE;
  self->thumbnail = pb_gst_thumbnail_new ();
  self->min_kbps = GST_PB_SRC_SINK_MIN_KBPS;
  self->max_kbps = GST_PB_SRC_SINK_MAX_KBPS;
  self->latency_ms = GST_PB_SRC_SINK_LATENCY_MS;
  /* It is a source by its direction, not by the pads of the moment. */
  gst_bin_set_suppressed_flags (GST_BIN (self), GST_ELEMENT_FLAG_SOURCE);
}

static void
gst_pb_src_sink_class_init (GstPbSrcSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->dispose = gst_pb_src_sink_dispose;
  object_class->finalize = gst_pb_src_sink_finalize;
  element_class->change_state = gst_pb_src_sink_change_state;
  element_class->request_new_pad = gst_pb_src_sink_request_new_pad;
  element_class->release_pad = gst_pb_src_sink_release_pad;
  gst_pb_src_sink_install_properties (object_class);

  /**
   * GstPbSrcSink::send-cue:
   * @self: the element
   * @text: a line of 1 to 140 characters
   *
   * Gives a cue to the people on the slot (“stand by, cam 2”).
   *
   * Returns: whether it was sent: an admin's token is needed for it to count
   *
   * Since: 0.1
   */
  g_signal_new_class_handler ("send-cue", G_TYPE_FROM_CLASS (klass),
      G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, G_CALLBACK (send_cue), NULL, NULL,
      NULL, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);

  gst_element_class_add_static_pad_template (element_class, &video_template);
  gst_element_class_add_static_pad_template (element_class, &audio_template);
  gst_element_class_add_static_pad_template (element_class,
      &video_src_template);
  gst_element_class_add_static_pad_template (element_class,
      &audio_src_template);
  gst_element_class_set_static_metadata (element_class,
      "Patchbay WebRTC endpoint", "Source/Sink/Network",
      "Sends and receives a slot of a session over WebRTC",
      "The Patchbay project");
}
