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
 * |[
 * gst-launch-1.0 -m pbsignal uri=pb://127.0.0.1:8080/demo
 * token-file=admin.token
 * ]|
 *
 * ## Beside the media that a pipeline sends
 * |[
 * gst-launch-1.0 -m videotestsrc is-live=true ! \
 *     pbsignal uri=pb://127.0.0.1:8080/demo/cam-wide token-file=cam.token ! \
 *     fakesink
 * ]|
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

#include "signal/gstpbsignal.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-message.h"
#include "glue/pb-gst-session.h"
#include "glue/pb-gst-uri.h"

#define GST_CAT_DEFAULT pb_gst_debug_signal

#define DEFAULT_USER_AGENT "pbsignal/" PACKAGE_VERSION
/* PbClient numbers its own requests from 1 */
#define FIRST_ID 0x40000000

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

/* What is known of a peer, to tell what has changed. */
typedef struct
{
  char *stream;
  const char *direction; /* static */
  char *client;
  char *srt;
  char *path;
} Peer;

struct _GstPbSignal
{
  GstElement parent;

  /* set in init */
  GstPad *sinkpad;
  GstPad *srcpad;

  GMutex lock;
  PbUri *uri;            /* lock */
  char *uri_problem;     /* lock: why the text that was set is not one */
  char *token;           /* lock, wiped */
  char *token_file;      /* lock */
  gboolean insecure;     /* lock */
  char *user_agent;      /* lock */
  PbGstSession *session; /* lock, owned from READY on */
  PbGstMember *member;   /* lock, from PAUSED on */

  PbClientState signalling; /* lock */
  PbState state;            /* lock */
  PbTally tally;            /* lock */
  PbMessage *last_session;  /* lock: `session` or `registered` */
  GHashTable *tallies;      /* lock: slot -> PbTally */
  GHashTable *peers;        /* lock: id -> Peer */
  PbFault warned;           /* lock: the cause of the last warning */
  gint64 next_id;           /* lock: of our own requests */
  guint64 n_messages;       /* lock */
  guint n_connects;         /* lock */
  guint n_attempts;         /* lock: failed in a row */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_TYPE (GstPbSignal, gst_pb_signal, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (pbsignal, "pbsignal", GST_RANK_NONE,
    GST_TYPE_PB_SIGNAL)

static void
peer_free (gpointer data)
{
  Peer *peer = data;

  g_free (peer->stream);
  g_free (peer->client);
  g_free (peer->srt);
  g_free (peer->path);
  g_free (peer);
}

/* --- telling the bus --- */

static void
post (GstPbSignal *self, GstMessage *message)
{
  gst_element_post_message (GST_ELEMENT (self), message);
}

static void
post_session (GstPbSignal *self)
{
  g_autoptr (PbMessage) session = NULL;
  PbClientState signalling;
  GEnumClass *names = g_type_class_ref (PB_TYPE_CLIENT_STATE);

  g_mutex_lock (&self->lock);
  if (self->last_session != NULL)
    session = pb_message_ref (self->last_session);
  signalling = self->signalling;
  g_mutex_unlock (&self->lock);

  post (self,
      pb_gst_message_new_session (GST_OBJECT (self),
          g_enum_get_value (names, (gint) signalling)->value_nick, session));
  g_type_class_unref (names);
}

static void
post_peer (GstPbSignal *self, const char *id, const Peer *peer,
    const char *cipher, guint latency_ms)
{
  post (self,
      pb_gst_message_new_peer (GST_OBJECT (self),
          gst_structure_new ("pb-peer", "stream", G_TYPE_STRING, peer->stream,
              "peer", G_TYPE_STRING, id, "direction", G_TYPE_STRING,
              peer->direction, "client", G_TYPE_STRING, peer->client, "path",
              G_TYPE_STRING, peer->path, "srt", G_TYPE_STRING, peer->srt,
              "cipher", G_TYPE_STRING, cipher != NULL ? cipher : "",
              "latency-ms", G_TYPE_UINT, latency_ms, NULL)));
}

/* Where the fault cannot be mended the element is of no use: an error. Else one
 * warning for each new cause. */
static void
post_trouble (GstPbSignal *self, PbFault fault, const char *detail,
    gboolean is_final)
{
  GstResourceError code;

  switch (fault) {
    case PB_FAULT_TOKEN_MISSING:
    case PB_FAULT_TOKEN_INVALID:
    case PB_FAULT_TOKEN_EXPIRED:
    case PB_FAULT_DENIED:
      code = GST_RESOURCE_ERROR_NOT_AUTHORIZED;
      break;
    case PB_FAULT_SESSION_UNKNOWN:
    case PB_FAULT_SLOT_UNKNOWN:
      code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case PB_FAULT_SESSION_FULL:
    case PB_FAULT_SLOT_TAKEN:
      code = GST_RESOURCE_ERROR_BUSY;
      break;
    case PB_FAULT_SESSION_CLOSED:
    case PB_FAULT_SESSION_EXPIRED:
      code = GST_RESOURCE_ERROR_CLOSE;
      break;
    default:
      code = GST_RESOURCE_ERROR_OPEN_READ_WRITE;
  }

  gst_element_message_full (GST_ELEMENT (self),
      is_final ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING, GST_RESOURCE_ERROR,
      code, g_strdup (pb_fault_get_sentence (fault)),
      g_strdup_printf ("%s: %s", pb_fault_get_code (fault), detail), __FILE__,
      G_STRFUNC, __LINE__);
}

/* --- what the server says, on the session's thread --- */

/* The light of our slot, or of a whole session: the brightest of its slots. */
static PbTally
find_tally_unlocked (GstPbSignal *self)
{
  PbTally tally = PB_TALLY_OFF;
  GHashTableIter iter;
  gpointer value;

  if (self->uri != NULL && self->uri->stream != NULL)
    return (PbTally) GPOINTER_TO_INT (
        g_hash_table_lookup (self->tallies, self->uri->stream));

  g_hash_table_iter_init (&iter, self->tallies);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    tally = MAX (tally, (PbTally) GPOINTER_TO_INT (value));

  return tally;
}

static void
note_tally (GstPbSignal *self, const char *stream, const char *name)
{
  gpointer before;
  gboolean is_known;
  gboolean is_ours;
  PbTally tally;
  PbTally ours;

  if (stream == NULL || !pb_tally_from_name (name, &tally))
    return;

  g_mutex_lock (&self->lock);
  is_known =
      g_hash_table_lookup_extended (self->tallies, stream, NULL, &before);
  g_hash_table_replace (self->tallies, g_strdup (stream),
      GINT_TO_POINTER (tally));
  ours = find_tally_unlocked (self);
  is_ours = ours != self->tally;
  self->tally = ours;
  g_mutex_unlock (&self->lock);

  if (!is_known || (PbTally) GPOINTER_TO_INT (before) != tally)
    post (self, pb_gst_message_new_tally (GST_OBJECT (self), stream, tally));
  if (is_ours)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TALLY]);
}

static void
note_state (GstPbSignal *self, PbMessage *message)
{
  gboolean has_changed;
  PbState state;

  if (!pb_state_from_name (pb_message_get_string (message, "state"), &state))
    return;
  g_mutex_lock (&self->lock);
  has_changed = self->state != state;
  self->state = state;
  if (self->last_session != NULL)
    pb_message_unref (self->last_session);
  self->last_session = pb_message_ref (message);
  g_mutex_unlock (&self->lock);

  post_session (self);
  if (has_changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

static const char *
get_string (JsonObject *object, const char *name)
{
  return json_object_get_string_member_with_default (object, name, "");
}

static void
note_peer (GstPbSignal *self, GHashTable *present, const char *stream,
    const char *direction, JsonNode *node)
{
  JsonObject *object;
  const char *id;
  Peer *before;
  Peer *peer;
  gboolean has_changed;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return;
  object = json_node_get_object (node);
  id = get_string (object, "peer");
  g_hash_table_add (present, g_strdup (id));

  peer = g_new0 (Peer, 1);
  peer->stream = g_strdup (stream);
  peer->direction = direction;
  peer->client = g_strdup (get_string (object, "client"));
  peer->srt = g_strdup (get_string (object, "srt"));
  peer->path = g_strdup (get_string (object, "path"));

  g_mutex_lock (&self->lock);
  before = g_hash_table_lookup (self->peers, id);
  has_changed = before == NULL || g_strcmp0 (before->srt, peer->srt) != 0 ||
                g_strcmp0 (before->path, peer->path) != 0;
  g_mutex_unlock (&self->lock);

  if (has_changed)
    post_peer (self, id, peer, NULL, 0);
  g_mutex_lock (&self->lock);
  g_hash_table_replace (self->peers, g_strdup (id), peer);
  g_mutex_unlock (&self->lock);
}

/* Those who were there and are not any more. */
static void
drop_peers (GstPbSignal *self, GHashTable *present)
{
  g_autoptr (GHashTable) gone =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, peer_free);
  GHashTableIter iter;
  gpointer id;
  gpointer peer;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, &id, &peer)) {
    if (g_hash_table_contains (present, id))
      continue;
    g_hash_table_iter_steal (&iter);
    g_hash_table_insert (gone, id, peer);
  }
  g_mutex_unlock (&self->lock);

  g_hash_table_iter_init (&iter, gone);
  while (g_hash_table_iter_next (&iter, &id, &peer)) {
    g_free (((Peer *) peer)->srt);
    ((Peer *) peer)->srt = g_strdup ("gone");
    post_peer (self, id, peer, NULL, 0);
  }
}

static void
note_session (GstPbSignal *self, PbMessage *message)
{
  g_autoptr (GHashTable) present =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  JsonNode *streams =
      json_object_get_member (pb_message_peek_object (message), "streams");
  JsonArray *list;

  note_state (self, message);
  if (streams == NULL || !JSON_NODE_HOLDS_ARRAY (streams))
    return;

  list = json_node_get_array (streams);
  for (guint i = 0; i < json_array_get_length (list); i++) {
    JsonNode *node = json_array_get_element (list, i);
    JsonNode *receivers;
    JsonObject *object;
    const char *stream;

    if (!JSON_NODE_HOLDS_OBJECT (node))
      continue;
    object = json_node_get_object (node);
    stream = get_string (object, "stream");
    note_tally (self, stream, get_string (object, "tally"));
    note_peer (self, present, stream, "send",
        json_object_get_member (object, "sender"));
    receivers = json_object_get_member (object, "receivers");
    if (receivers == NULL || !JSON_NODE_HOLDS_ARRAY (receivers))
      continue;
    for (guint j = 0;
         j < json_array_get_length (json_node_get_array (receivers)); j++)
      note_peer (self, present, stream, "receive",
          json_array_get_element (json_node_get_array (receivers), j));
  }
  drop_peers (self, present);
}

/* An end of a slot says how its connection is. */
static void
note_status (GstPbSignal *self, PbMessage *message)
{
  const char *id = pb_message_get_string (message, "peer");
  const char *stream = pb_message_get_string (message, "stream");
  const char *srt = pb_message_get_string (message, "srt");
  const char *path = pb_message_get_string (message, "path");
  PbDirection direction = PB_DIRECTION_RECEIVE;
  Peer peer = { .stream = (char *) (stream != NULL ? stream : ""),
    .client = (char *) "",
    .srt = (char *) (srt != NULL ? srt : ""),
    .path = (char *) (path != NULL ? path : "") };
  g_autofree char *client = NULL;
  Peer *known;
  PbFault fault;

  if (id == NULL)
    return;
  pb_direction_from_name (pb_message_get_string (message, "direction"),
      &direction);
  peer.direction = pb_direction_get_name (direction);
  g_mutex_lock (&self->lock);
  known = g_hash_table_lookup (self->peers, id);
  if (known != NULL) {
    client = g_strdup (known->client);
    g_free (known->srt);
    known->srt = g_strdup (peer.srt);
    if (path != NULL) {
      g_free (known->path);
      known->path = g_strdup (path);
    }
  }
  g_mutex_unlock (&self->lock);

  if (client != NULL)
    peer.client = client;
  post_peer (self, id, &peer, pb_message_get_string (message, "cipher"),
      (guint) pb_message_get_int (message, "latency"));
  if (pb_fault_from_code (pb_message_get_string (message, "code"), &fault) &&
      fault != PB_FAULT_NONE)
    post (self, pb_gst_message_new_fault (GST_OBJECT (self), fault, "peer",
                    stream, id, 0, 0));
}

/* An answer to something that we asked for ourselves. */
static void
note_error (GstPbSignal *self, PbMessage *message)
{
  gint64 id = pb_message_get_int (message, "id");
  const char *sentence = NULL;
  JsonNode *node =
      json_object_get_member (pb_message_peek_object (message), "error");
  gboolean is_ours;

  g_mutex_lock (&self->lock);
  is_ours = id >= FIRST_ID && id < self->next_id;
  g_mutex_unlock (&self->lock);
  if (!is_ours)
    return;
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    sentence =
        json_object_get_string_member_with_default (json_node_get_object (node),
            "message", NULL);
  GST_ELEMENT_WARNING (self, RESOURCE, NOT_AUTHORIZED,
      ("The server did not set the tally: %s",
          sentence != NULL ? sentence : "it gave no reason."),
      ("error to request %" G_GINT64_FORMAT, id));
}

static void
on_message (PbMessage *message, gpointer user_data)
{
  GstPbSignal *self = user_data;

  g_mutex_lock (&self->lock);
  self->n_messages++;
  g_mutex_unlock (&self->lock);

  switch (pb_message_get_message_type (message)) {
    case PB_MESSAGE_REGISTERED:
      g_mutex_lock (&self->lock);
      self->warned = PB_FAULT_NONE;
      self->n_attempts = 0;
      g_mutex_unlock (&self->lock);
      note_state (self, message);
      note_tally (self, pb_message_get_string (message, "stream"),
          pb_message_get_string (message, "tally"));
      break;
    case PB_MESSAGE_SESSION:
      note_session (self, message);
      break;
    case PB_MESSAGE_TALLY:
      note_tally (self, pb_message_get_string (message, "stream"),
          pb_message_get_string (message, "state"));
      break;
    case PB_MESSAGE_HEALTH:
      post (self, pb_gst_message_new_health (GST_OBJECT (self), message));
      break;
    case PB_MESSAGE_STATUS:
      note_status (self, message);
      break;
    case PB_MESSAGE_ERROR:
      note_error (self, message);
      break;
    default:
      break;
  }
}

static void
on_state (PbClientState state, gpointer user_data)
{
  GstPbSignal *self = user_data;

  g_mutex_lock (&self->lock);
  self->signalling = state;
  if (state == PB_CLIENT_STATE_CONNECTED)
    self->n_connects++;
  g_mutex_unlock (&self->lock);

  post_session (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_SIGNALLING]);
}

static void
on_fault (PbFault fault, const char *detail, gpointer user_data)
{
  GstPbSignal *self = user_data;
  g_autofree char *stream = NULL;
  guint attempt = 0;
  guint retry_in_ms = 0;
  gboolean is_new;

  g_mutex_lock (&self->lock);
  if (self->uri != NULL)
    stream = g_strdup (self->uri->stream);
  pb_gst_session_get_retry (self->session, &attempt, &retry_in_ms);
  is_new = self->warned != fault;
  self->warned = fault;
  self->n_attempts = attempt;
  g_mutex_unlock (&self->lock);

  post (self, pb_gst_message_new_fault (GST_OBJECT (self), fault,
                  fault == PB_FAULT_SERVER_UNREACHABLE ? "local" : "server",
                  stream, NULL, attempt, retry_in_ms));
  if (is_new || retry_in_ms == 0)
    post_trouble (self, fault, detail, retry_in_ms == 0);
}

static const PbGstSessionCallbacks callbacks = {
  .on_message = on_message,
  .on_state = on_state,
  .on_fault = on_fault,
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
  g_autoptr (GError) error = NULL;
  g_autoptr (PbUri) uri = NULL;
  g_autofree char *problem = NULL;
  g_autofree char *property = NULL;
  g_autofree char *file = NULL;
  g_autofree char *user_agent = NULL;
  const char *sentence;
  char *token;
  gboolean insecure;
  PbGstSession *session;

  g_mutex_lock (&self->lock);
  uri = self->uri != NULL ? pb_uri_copy (self->uri) : NULL;
  problem = g_strdup (self->uri_problem);
  property = g_strdup (self->token);
  file = g_strdup (self->token_file);
  user_agent = g_strdup (self->user_agent);
  insecure = self->insecure;
  g_mutex_unlock (&self->lock);

  token = pb_gst_dup_token (property, uri, file, &error);
  pb_secret_free (g_steal_pointer (&property));
  if (problem != NULL) {
    pb_secret_free (token);
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("The address is not one: %s Write uri=pbs://host/session.", problem),
        ("uri was refused"));
    return FALSE;
  }
  if (uri == NULL) {
    pb_secret_free (token);
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("No session given: set uri=pbs://host/session."), ("uri is NULL"));
    return FALSE;
  }
  if (!pb_gst_uri_is_allowed (uri, insecure, &sentence)) {
    pb_secret_free (token);
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", sentence),
        ("pb:// off loopback"));
    return FALSE;
  }
  if (error != NULL) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_AUTHORIZED, ("%s", error->message),
        ("token-file"));
    return FALSE;
  }

  session = pb_gst_session_find_or_make (GST_ELEMENT (self), uri, token,
      user_agent != NULL ? user_agent : DEFAULT_USER_AGENT);
  pb_secret_free (token);
  if (!pb_gst_session_has_token (session)) {
    g_object_unref (session);
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_AUTHORIZED,
        ("%s", pb_fault_get_sentence (PB_FAULT_TOKEN_MISSING)), ("no token"));
    return FALSE;
  }
  if (insecure)
    pb_gst_session_set_allow_plain (session, TRUE);

  g_mutex_lock (&self->lock);
  self->session = session;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

static void
gst_pb_signal_join (GstPbSignal *self)
{
  g_autoptr (PbRegistration) registration = NULL;

  g_mutex_lock (&self->lock);
  registration = pb_registration_new (self->uri->stream, PB_DIRECTION_OBSERVE);
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
  g_autoptr (GError) error = NULL;

  switch (id) {
    case PROP_URI:
      g_clear_pointer (&self->uri_problem, g_free);
      if (!pb_gst_uri_set (&self->uri, g_value_get_string (value), &error)) {
        g_clear_pointer (&self->uri, pb_uri_free);
        self->uri_problem = g_strdup (error->message);
      }
      break;
    case PROP_TOKEN:
      pb_secret_free (self->token);
      self->token = g_value_dup_string (value);
      break;
    case PROP_TOKEN_FILE:
      g_free (self->token_file);
      self->token_file = g_value_dup_string (value);
      break;
    case PROP_INSECURE:
      self->insecure = g_value_get_boolean (value);
      break;
    case PROP_USER_AGENT:
      g_free (self->user_agent);
      self->user_agent = g_value_dup_string (value);
      break;
    default:
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
    case PROP_URI:
      g_value_take_string (value, pb_gst_uri_print (self->uri));
      break;
    case PROP_TOKEN_FILE:
      g_value_set_string (value, self->token_file);
      break;
    case PROP_INSECURE:
      g_value_set_boolean (value, self->insecure);
      break;
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
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
gst_pb_signal_finalize (GObject *object)
{
  GstPbSignal *self = GST_PB_SIGNAL (object);

  g_clear_pointer (&self->uri, pb_uri_free);
  g_free (self->uri_problem);
  pb_secret_free (self->token);
  g_free (self->token_file);
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
  self->peers =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, peer_free);
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
