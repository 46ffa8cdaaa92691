/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-pbsignal
 * @title: pbsignal
 * @short_description: joins a Patchbay session and tells the bus of it
 *
 * pbsignal observes a session: who is there, how well each slot's media
 * arrives, and which tally light is on. It posts what it learns as element
 * messages on the bus. Buffers pass through untouched; linked to nothing at
 * all, it works just as well.
 *
 * It lends its connection to the other Patchbay elements of the pipeline (a
 * #GstContext of type `patchbay.session`), so that a pipeline holds one
 * WebSocket to the server, not several.
 *
 * With an admin's token it sees every slot and may set tally lights
 * (#GstPbSignal::set-tally). With a peer's token it sees the slots in that
 * token's scope.
 *
 * ## Follow a whole session, linked to nothing
 * |[<!-- observe -->
 * gst-launch-1.0 -m pbsignal uri=pb://127.0.0.1:8080/demo
 * ]|
 *
 * ## Beside the media that a pipeline sends, over the same connection
 * |[<!-- observe -->
 * gst-launch-1.0 -m videotestsrc is-live=true ! \
 *     x264enc tune=zerolatency key-int-max=30 ! h264parse ! \
 *     pbsignal uri=pb://127.0.0.1:8080/demo/cam-wide ! \
 *     pbsrtbin uri=pb://127.0.0.1:8080/demo/cam-wide
 * ]|
 *
 * The token comes from PATCHBAY_TOKEN here, or from `token-file`.
 *
 * ## Messages
 *
 * `pb-session` (a state has changed), `pb-peer` (somebody came, went, or said
 * how its connection is), `pb-health` (every 5 s for each peer), `pb-tally`,
 * and `pb-fault` (a cause, with a code for programs and a sentence for people).
 * docs/elements.md lists their fields.
 *
 * While the server is away pbsignal tries again, with growing pauses of at most
 * 10 s: each attempt posts a `pb-fault`, and each new cause one warning. Where
 * trying again cannot help (the token has expired, the session was closed) it
 * posts one error. The media that pass through are never touched by any of it.
 *
 * ## Threads
 *
 * Properties and the action signal may be used from any thread. Messages and
 * notifications come from the session's thread, with no lock held. No state
 * change waits for the network; leaving PAUSED says goodbye to the server and
 * takes at most a fraction of a second where the server does not answer.
 */
#include "config.h"

#include "signal/gstpbsignal-private.h"

#include "core/pb-limits.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-uri.h"

#define GST_CAT_DEFAULT pb_gst_debug_signal

#define DEFAULT_USER_AGENT "pbsignal/" PACKAGE_VERSION
enum {
  PROP_0,
  PROP_URI,
  PROP_TOKEN,
  PROP_TOKEN_FILE,
  PROP_INSECURE,
  PROP_USER_AGENT,
  PROP_STATE,
  PROP_SIGNALLING,
  PROP_TALLY,
  PROP_STATS,
  N_PROPS
};

enum { SIGNAL_SET_TALLY, N_SIGNALS };

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_TYPE (GstPbSignal, gst_pb_signal, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (pbsignal, "pbsignal", GST_RANK_NONE,
    GST_TYPE_PB_SIGNAL)

static const PbGstSessionCallbacks callbacks = {
  .on_message = gst_pb_signal_on_message,
  .on_state = gst_pb_signal_on_state,
  .on_fault = gst_pb_signal_on_fault,
};

/* --- data flow: whatever comes goes on --- */

static GstFlowReturn
gst_pb_signal_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  return gst_pad_push (GST_PB_SIGNAL (parent)->srcpad, buffer);
}

static GstFlowReturn
gst_pb_signal_chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  return gst_pad_push_list (GST_PB_SIGNAL (parent)->srcpad, list);
}

static gboolean
gst_pb_signal_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstPbSignal *self = GST_PB_SIGNAL (parent);
  g_autoptr (PbGstSession) session = NULL;

  if (GST_QUERY_TYPE (query) == GST_QUERY_CONTEXT) {
    g_mutex_lock (&self->lock);
    if (self->session != NULL)
      session = g_object_ref (self->session);
    g_mutex_unlock (&self->lock);
    if (session != NULL && pb_gst_session_answer_query (session, query))
      return TRUE;
  }

  return gst_pad_query_default (pad, parent, query);
}

/* --- states --- */

static gboolean
gst_pb_signal_prepare (GstPbSignal *self)
{
  g_auto (PbGstSettings) settings = { 0 };
  g_autoptr (PbGstSession) session = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *user_agent = NULL;
  const char *sentence;

  g_mutex_lock (&self->lock);
  pb_gst_settings_copy (&self->settings, &settings);
  user_agent = g_strdup (self->user_agent);
  g_mutex_unlock (&self->lock);

  if (settings.uri_problem != NULL) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("The address is not one: %s Write uri=pbs://host/session.",
            settings.uri_problem),
        ("uri was refused"));
    return FALSE;
  }
  if (settings.uri == NULL) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("No session given: set uri=pbs://host/session."), ("uri is NULL"));
    return FALSE;
  }
  if (!pb_gst_uri_is_allowed (settings.uri, settings.insecure, &sentence)) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", sentence),
        ("pb:// off loopback"));
    return FALSE;
  }

  session = pb_gst_settings_find_session (&settings, GST_ELEMENT (self),
      user_agent != NULL ? user_agent : DEFAULT_USER_AGENT, &error);
  if (session == NULL) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_AUTHORIZED, ("%s", error->message),
        ("token-file"));
    return FALSE;
  }
  if (!pb_gst_session_has_token (session)) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_AUTHORIZED,
        ("%s", pb_fault_get_sentence (PB_FAULT_TOKEN_MISSING)), ("no token"));
    return FALSE;
  }

  g_mutex_lock (&self->lock);
  self->session = g_steal_pointer (&session);
  g_mutex_unlock (&self->lock);

  return TRUE;
}

static void
gst_pb_signal_join (GstPbSignal *self)
{
  g_autoptr (PbRegistration) registration = NULL;

  g_mutex_lock (&self->lock);
  registration =
      pb_registration_new (self->settings.uri->stream, PB_DIRECTION_OBSERVE);
  registration->client =
      g_strndup (self->user_agent != NULL ? self->user_agent
                                          : DEFAULT_USER_AGENT,
          PB_CLIENT_MAX);
  self->warned = PB_FAULT_NONE;
  self->n_attempts = 0;
  /* only queues a job, so the lock may be held */
  self->member =
      pb_gst_session_join (self->session, registration, &callbacks, self);
  g_mutex_unlock (&self->lock);
}

static void
gst_pb_signal_leave (GstPbSignal *self)
{
  g_autoptr (PbGstSession) session = NULL;
  PbGstMember *member;

  g_mutex_lock (&self->lock);
  member = g_steal_pointer (&self->member);
  if (member != NULL)
    session = g_object_ref (self->session);
  g_mutex_unlock (&self->lock);
  if (member == NULL)
    return;

  pb_gst_session_leave (session, member);

  g_mutex_lock (&self->lock);
  self->signalling = PB_CLIENT_STATE_CLOSED;
  self->state = PB_STATE_WAITING;
  self->tally = PB_TALLY_OFF;
  g_clear_pointer (&self->last_session, pb_message_unref);
  g_hash_table_remove_all (self->tallies);
  g_hash_table_remove_all (self->peers);
  g_mutex_unlock (&self->lock);
}

static void
gst_pb_signal_forget (GstPbSignal *self)
{
  PbGstSession *session;

  g_mutex_lock (&self->lock);
  session = g_steal_pointer (&self->session);
  g_mutex_unlock (&self->lock);
  g_clear_object (&session);
}

static GstStateChangeReturn
gst_pb_signal_change_state (GstElement *element, GstStateChange transition)
{
  GstPbSignal *self = GST_PB_SIGNAL (element);
  GstStateChangeReturn result;

  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
      if (!gst_pb_signal_prepare (self))
        return GST_STATE_CHANGE_FAILURE;
      break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      gst_pb_signal_join (self);
      break;
    default:
      break;
  }

  result = GST_ELEMENT_CLASS (gst_pb_signal_parent_class)
               ->change_state (element, transition);

  switch (transition) {
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      gst_pb_signal_leave (self);
      break;
    case GST_STATE_CHANGE_READY_TO_NULL:
      gst_pb_signal_forget (self);
      break;
    default:
      break;
  }

  return result;
}

/* --- the action --- */

static gboolean
gst_pb_signal_set_tally (GstPbSignal *self, const char *stream,
    const char *state)
{
  g_autoptr (PbMessage) message = NULL;
  g_autoptr (PbGstSession) session = NULL;
  PbTally tally;

  if (stream == NULL || !pb_name_is_valid (stream) ||
      !pb_tally_from_name (state, &tally)) {
    GST_WARNING_OBJECT (self, "set-tally: no such slot or state");
    return FALSE;
  }

  message = pb_message_new (PB_MESSAGE_TALLY);
  pb_message_set_string (message, "stream", stream);
  pb_message_set_string (message, "state", state);
  g_mutex_lock (&self->lock);
  if (self->member != NULL && self->signalling == PB_CLIENT_STATE_CONNECTED)
    session = g_object_ref (self->session);
  pb_message_set_int (message, "id", self->next_id);
  if (session != NULL)
    self->next_id = self->next_id < G_MAXINT32 ? self->next_id + 1 : FIRST_ID;
  g_mutex_unlock (&self->lock);
  if (session == NULL)
    return FALSE;

  pb_gst_session_send (session, message);

  return TRUE;
}

/* --- properties --- */

static void
gst_pb_signal_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  GstPbSignal *self = GST_PB_SIGNAL (object);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  switch (id) {
    case PROP_USER_AGENT:
      g_free (self->user_agent);
      self->user_agent = g_value_dup_string (value);
      break;
    default:
      if (!pb_gst_settings_set_property (&self->settings, pspec->name, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static GstStructure *
make_stats_unlocked (GstPbSignal *self)
{
  GEnumClass *names = g_type_class_ref (PB_TYPE_CLIENT_STATE);
  GstStructure *stats = gst_structure_new ("application/x-patchbay-signal",
      "signalling", G_TYPE_STRING,
      g_enum_get_value (names, (gint) self->signalling)->value_nick, "state",
      G_TYPE_STRING, pb_state_get_name (self->state), "connects", G_TYPE_UINT,
      self->n_connects, "attempts", G_TYPE_UINT, self->n_attempts, "messages",
      G_TYPE_UINT64, self->n_messages, "streams", G_TYPE_UINT,
      g_hash_table_size (self->tallies), "peers", G_TYPE_UINT,
      g_hash_table_size (self->peers), "fault", G_TYPE_STRING,
      pb_fault_get_code (self->warned), NULL);

  g_type_class_unref (names);

  return stats;
}

static void
gst_pb_signal_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  GstPbSignal *self = GST_PB_SIGNAL (object);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  switch (id) {
    case PROP_USER_AGENT:
      g_value_set_string (value,
          self->user_agent != NULL ? self->user_agent : DEFAULT_USER_AGENT);
      break;
    case PROP_STATE:
      g_value_set_enum (value, (gint) self->state);
      break;
    case PROP_SIGNALLING:
      g_value_set_enum (value, (gint) self->signalling);
      break;
    case PROP_TALLY:
      g_value_set_enum (value, (gint) self->tally);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats_unlocked (self));
      break;
    default:
      if (!pb_gst_settings_get_property (&self->settings, pspec->name, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
gst_pb_signal_finalize (GObject *object)
{
  GstPbSignal *self = GST_PB_SIGNAL (object);

  pb_gst_settings_clear (&self->settings);
  g_free (self->user_agent);
  g_clear_pointer (&self->last_session, pb_message_unref);
  g_hash_table_unref (self->tallies);
  g_hash_table_unref (self->peers);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (gst_pb_signal_parent_class)->finalize (object);
}

static void
gst_pb_signal_init (GstPbSignal *self)
{
  g_mutex_init (&self->lock);
  self->tallies = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      gst_pb_signal_peer_free);
  self->next_id = FIRST_ID;

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_pb_signal_chain);
  gst_pad_set_chain_list_function (self->sinkpad, gst_pb_signal_chain_list);
  gst_pad_set_query_function (self->sinkpad, gst_pb_signal_query);
  GST_PAD_SET_PROXY_CAPS (self->sinkpad);
  GST_PAD_SET_PROXY_ALLOCATION (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_query_function (self->srcpad, gst_pb_signal_query);
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}

static void
gst_pb_signal_class_init (GstPbSignalClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  const GParamFlags settable =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->set_property = gst_pb_signal_set_property;
  object_class->get_property = gst_pb_signal_get_property;
  object_class->finalize = gst_pb_signal_finalize;
  element_class->change_state = gst_pb_signal_change_state;

  /**
   * GstPbSignal:uri:
   *
   * The session: `pbs://host[:port]/session[/slot]`, or `pb://…` for plain HTTP
   * on this machine. With a slot, that slot alone is observed. A token in it
   * (`?t=…`) is taken out and never read back.
   *
   * Since: 0.1
   */
  props[PROP_URI] = g_param_spec_string ("uri", "Session address",
      "The session, and the slot where only one is of interest: "
      "pbs://host[:port]/session[/slot], or pb:// for plain HTTP on this "
      "machine; applies from the next NULL to READY",
      NULL, settable);
  /**
   * GstPbSignal:token:
   *
   * Since: 0.1
   */
  props[PROP_TOKEN] = g_param_spec_string ("token", "Token",
      "The token (p_…) that the session's admin gave; cannot be read back. "
      "Where it is not set: the uri's, token-file, PATCHBAY_TOKEN",
      NULL,
      G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  /**
   * GstPbSignal:token-file:
   *
   * Since: 0.1
   */
  props[PROP_TOKEN_FILE] = g_param_spec_string ("token-file", "Token file",
      "File whose first line is the token: keeps it out of the process list",
      NULL, settable);
  /**
   * GstPbSignal:insecure:
   *
   * Since: 0.1
   */
  props[PROP_INSECURE] = g_param_spec_boolean ("insecure", "Insecure",
      "Allow pb:// (plain HTTP) to another machine: whoever is on the way can "
      "read the token",
      FALSE, settable);
  /**
   * GstPbSignal:user-agent:
   *
   * Since: 0.1
   */
  props[PROP_USER_AGENT] = g_param_spec_string ("user-agent", "User agent",
      "How this end is named to the server and on the control room's wall, up "
      "to 64 characters",
      DEFAULT_USER_AGENT, settable);
  /**
   * GstPbSignal:state:
   *
   * The session's state; notified.
   *
   * Since: 0.1
   */
  props[PROP_STATE] = g_param_spec_enum ("state", "Session state",
      "The session's state: the furthest of its slots", PB_TYPE_STATE,
      PB_STATE_WAITING, readable);
  /**
   * GstPbSignal:signalling:
   *
   * The connection to the server; notified.
   *
   * Since: 0.1
   */
  props[PROP_SIGNALLING] = g_param_spec_enum ("signalling", "Signalling",
      "The connection to the signalling server", PB_TYPE_CLIENT_STATE,
      PB_CLIENT_STATE_CLOSED, readable);
  /**
   * GstPbSignal:tally:
   *
   * Notified.
   *
   * Since: 0.1
   */
  props[PROP_TALLY] = g_param_spec_enum ("tally", "Tally",
      "The tally light of the uri's slot; without a slot the brightest of the "
      "session's",
      PB_TYPE_TALLY, PB_TALLY_OFF, readable);
  /**
   * GstPbSignal:stats:
   *
   * `signalling` (string), `state` (string), `connects` (uint: how often the
   * connection came up), `attempts` (uint: failed in a row), `messages`
   * (uint64: from the server), `streams` (uint: slots in sight), `peers` (uint:
   * peers in sight), `fault` (string: code of the last cause, "none").
   *
   * Since: 0.1
   */
  props[PROP_STATS] = g_param_spec_boxed ("stats", "Statistics",
      "signalling, state, connects, attempts (failed in a row), messages (from "
      "the server), streams and peers (in sight), fault (code of the last "
      "cause)",
      GST_TYPE_STRUCTURE, readable);
  g_object_class_install_properties (object_class, N_PROPS, props);

  /**
   * GstPbSignal::set-tally:
   * @self: the element
   * @stream: the slot
   * @state: "off", "preview" or "program"
   *
   * Asks the server to switch a tally light; needs an admin's token. `pb-tally`
   * tells when it is on.
   *
   * Returns: whether it was asked for: %FALSE while not connected, and for
   *   names that cannot be
   *
   * Since: 0.1
   */
  signals[SIGNAL_SET_TALLY] = g_signal_new_class_handler ("set-tally",
      GST_TYPE_PB_SIGNAL, G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (gst_pb_signal_set_tally), NULL, NULL, NULL, G_TYPE_BOOLEAN, 2,
      G_TYPE_STRING, G_TYPE_STRING);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Patchbay session",
      "Filter/Network",
      "Joins a Patchbay session, lends the connection to its neighbours and "
      "posts peers, health, tally and faults on the bus; media pass through",
      "Patchbay");

  gst_type_mark_as_plugin_api (PB_TYPE_STATE, 0);
  gst_type_mark_as_plugin_api (PB_TYPE_CLIENT_STATE, 0);
  gst_type_mark_as_plugin_api (PB_TYPE_TALLY, 0);
}
