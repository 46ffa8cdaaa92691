/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-signal-data.h"
#include "glue/pb-timer.h"
#include "pb-srt-peer.h"

#include <unistd.h>

#include "core/pb-error.h"
#include "core/pb-limits.h"
#include "core/pb-random.h"

/* ICE has a limit of its own, SRT's handshake too; this one is for messages
 * that were lost in between. */
#define ATTEMPT_MS 15000
/* How long the listener's end waits for the caller to begin again before it
 * asks once more */
#define ASK_AGAIN_MS 5000
/* Attempts that the other end may begin at once, and how soon it may begin one
 * more: each costs us an ICE agent and three messages. */
#define THEIR_ATTEMPTS_MAX 8
#define THEIR_ATTEMPT_US (G_USEC_PER_SEC / 4)
/* The other end counts on from here for years. */
#define NUMBER_MAX (1 << 30)

struct _PbSrtPeer
{
  /* set in new */
  GMainContext *context; /* owned */
  PbSrtPeerCallbacks callbacks;
  gpointer user_data;
  char *us, *them;
  gboolean is_caller;
  char **addresses;
  char *stun_address;
  guint stun_port;

  PbSrtPeerState state;
  guint number;   /* `link` on the wire; 0: none yet */
  guint attempts; /* since the last time it worked */
  PbIcePath *path;
  gboolean they_are_ready, has_signalling;
  gboolean was_cut; /* signalling was away since the attempt began */
  guint link;     /* of the SRT engine; 0: none */
  PbFault fault;  /* the last one, for `restart` */
  gint64 theirs_us; /* until when the attempts they began are paid for */
  GSource *timer; /* owned: the attempt's limit, or the wait for the next */
};

static void begin (PbSrtPeer *self, guint number);
static void fail (PbSrtPeer *self, PbFault fault, gboolean tell);

/**
 * pb_backoff_ms:
 * @attempt: how many have failed, from 1
 *
 * Returns: how long to wait before the next one
 */
guint
pb_backoff_ms (guint attempt)
{
  return pb_random_backoff (PB_BACKOFF_FIRST_MS, PB_BACKOFF_MAX_MS,
      MAX (attempt, 1) - 1);
}

static void
set_timer (PbSrtPeer *self, guint ms, GSourceFunc func)
{
  pb_timer_clear (&self->timer);
  if (func != NULL)
    self->timer = pb_timer_new (self->context, ms, func, self);
}

/* --- what we say ---------------------------------------------------------- */

static void
say (PbSrtPeer *self, const char *kind, const char *key, const char *value,
    const char *key2, const char *value2)
{
  g_autoptr (PbMessage) message = NULL;

  if (!self->has_signalling)
    return;

  message = pb_message_new (PB_MESSAGE_SIGNAL);
  pb_message_set_string (message, "from", self->us);
  pb_message_set_string (message, "to", self->them);
  pb_message_set_string (message, "kind", kind);
  pb_message_set_int (message, "link", self->number);
  if (key != NULL) {
    JsonObject *data = json_object_new ();
    JsonNode *node = json_node_new (JSON_NODE_OBJECT);

    json_object_set_string_member (data, key, value);
    if (key2 != NULL)
      json_object_set_string_member (data, key2, value2);
    json_node_take_object (node, data);
    pb_message_take_node (message, "data", node);
  }
  self->callbacks.send (self, message, self->user_data);
}

static void
set_state (PbSrtPeer *self, PbSrtPeerState state, PbFault fault,
    gboolean is_theirs, guint retry)
{
  self->state = state;
  self->callbacks.changed (self, state, fault, is_theirs, retry,
      self->user_data);
}

/* --- an attempt ----------------------------------------------------------- */

static void
end_attempt (PbSrtPeer *self)
{
  set_timer (self, 0, NULL);
  g_clear_pointer (&self->path, pb_ice_path_free);
  self->they_are_ready = FALSE;
  if (self->link != 0) {
    guint link = self->link;

    self->link = 0;
    self->callbacks.close_link (self, link, self->user_data);
  }
}

static gboolean
on_retry (gpointer user_data)
{
  PbSrtPeer *self = user_data;

  begin (self, self->number + 1);

  return G_SOURCE_REMOVE;
}

static void
ask (PbSrtPeer *self)
{
  say (self, "restart", self->fault != PB_FAULT_NONE ? "code" : NULL,
      pb_fault_get_code (self->fault), NULL, NULL);
}

static gboolean
on_ask_again (gpointer user_data)
{
  PbSrtPeer *self = user_data;

  ask (self);
  set_timer (self, ASK_AGAIN_MS, on_ask_again);

  return G_SOURCE_REMOVE;
}

static gboolean
on_attempt_timeout (gpointer user_data)
{
  fail (user_data, PB_FAULT_TIMED_OUT, TRUE);

  return G_SOURCE_REMOVE;
}

/* The caller's end begins again by itself, the listener's asks it to. */
static void
fail (PbSrtPeer *self, PbFault fault, gboolean tell)
{
  guint delay;

  end_attempt (self);
  self->fault = fault;
  self->attempts++;
  delay = pb_backoff_ms (self->attempts);

  if (!self->has_signalling) {
    /* the next introduction begins it */
    set_state (self, PB_SRT_PEER_WAITING, fault, !tell, delay);
    return;
  }
  if (self->is_caller) {
    set_timer (self, delay, on_retry);
  } else {
    if (tell)
      ask (self);
    set_timer (self, ASK_AGAIN_MS, on_ask_again);
  }
  set_state (self, PB_SRT_PEER_WAITING, fault, !tell, delay);
}

static void
open_link (PbSrtPeer *self)
{
  g_autoptr (GSocketAddress) remote = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  if (!pb_ice_path_take_socket (self->path, &fd, &remote, &error)) {
    g_debug ("peer %s: %s", self->them, error->message);
    fail (self, PB_FAULT_NO_PATH, TRUE);
    return;
  }
  g_clear_pointer (&self->path, pb_ice_path_free);

  self->link = self->callbacks.open_link (self, fd, remote, self->user_data);
  if (self->link == 0) {
    fail (self, PB_FAULT_INTERNAL, TRUE);
    return;
  }
  /* Said once it listens, so that the caller's first packet meets an open
   * door: libsrt repeats a lost one only after a quarter of a second. */
  if (!self->is_caller)
    say (self, "ready", NULL, NULL, NULL, NULL);
}

static void
on_candidate (PbIcePath *path, const char *line, gpointer user_data)
{
  say (user_data, "candidate", "candidate", line, NULL, NULL);
}

static void
on_candidates_done (PbIcePath *path, gpointer user_data)
{
  say (user_data, "end-of-candidates", NULL, NULL, NULL, NULL);
}

static void
on_ready (PbIcePath *path, gpointer user_data)
{
  PbSrtPeer *self = user_data;

  if (self->is_caller)
    say (self, "ready", NULL, NULL, NULL, NULL);
  if (self->they_are_ready)
    open_link (self);
}

static void
on_failed (PbIcePath *path, PbFault fault, gpointer user_data)
{
  fail (user_data, fault, TRUE);
}

static void
begin (PbSrtPeer *self, guint number)
{
  static const PbIceCallbacks callbacks = { on_candidate, on_candidates_done,
    on_ready, on_failed };
  g_autoptr (GError) error = NULL;
  PbIceConfig config = {
    .is_controlling = self->is_caller,
    .addresses = (const char *const *) self->addresses,
    .stun_address = self->stun_address,
    .stun_port = self->stun_port,
    /* The quick way may leave the two ends with different pairs where several
     * work; then the next attempt takes its time. */
    .is_patient = self->attempts > 0,
  };

  end_attempt (self);
  self->was_cut = FALSE;
  self->number = number;
  self->path = pb_ice_path_new (self->context, &config, &callbacks, self);
  if (!pb_ice_path_start (self->path, &error)) {
    g_debug ("peer %s: %s", self->them, error->message);
    fail (self, PB_FAULT_NO_PATH, TRUE);
    return;
  }
  set_timer (self, ATTEMPT_MS, on_attempt_timeout);
  say (self, "ice", "ufrag", pb_ice_path_get_ufrag (self->path), "pwd",
      pb_ice_path_get_pwd (self->path));
  set_state (self, PB_SRT_PEER_CONNECTING, PB_FAULT_NONE, FALSE, 0);
}

/* --- what they say -------------------------------------------------------- */

static void
handle_ready (PbSrtPeer *self)
{
  self->they_are_ready = TRUE;
  if (self->path != NULL && pb_ice_path_is_ready (self->path))
    open_link (self);
}

static gboolean
may_begin (PbSrtPeer *self)
{
  gint64 now_us = g_get_monotonic_time ();
  gint64 paid_us = MAX (self->theirs_us, now_us) + THEIR_ATTEMPT_US;

  if (paid_us - now_us > THEIR_ATTEMPTS_MAX * THEIR_ATTEMPT_US)
    return FALSE;
  self->theirs_us = paid_us;

  return TRUE;
}

static void
handle_restart (PbSrtPeer *self, const char *code)
{
  PbFault fault = PB_FAULT_NO_PATH;

  /* Only the listener's end asks, and a wait that runs already is the answer */
  if (!self->is_caller || self->state == PB_SRT_PEER_WAITING)
    return;
  if (code != NULL && !pb_fault_from_code (code, &fault))
    fault = PB_FAULT_NO_PATH;
  fail (self, fault, FALSE);
}

/**
 * pb_srt_peer_handle_signal:
 * @self: the peer that it is from
 * @message: a `signal`, checked
 */
void
pb_srt_peer_handle_signal (PbSrtPeer *self, PbMessage *message)
{
  const char *kind = pb_message_get_string (message, "kind");
  gint64 number = pb_message_has (message, "link")
                      ? pb_message_get_int (message, "link")
                      : 1;
  JsonObject *data = pb_signal_data_peek (message);
  g_autoptr (GError) error = NULL;

  if (kind == NULL || number < 1 || number > NUMBER_MAX)
    return;

  if ((guint) number > self->number) {
    if (self->is_caller) {
      /* It remembers attempts that we do not: we have been away */
      if (self->state != PB_SRT_PEER_CONNECTED && may_begin (self))
        begin (self, (guint) number + 1);
      else
        self->number = (guint) number;
      return;
    }
    if (g_strcmp0 (kind, "ice") == 0 && may_begin (self))
      begin (self, (guint) number);
  }
  if (g_strcmp0 (kind, "restart") == 0) {
    handle_restart (self, pb_signal_data_get_text (data, "code"));
    return;
  }
  if ((guint) number != self->number || self->path == NULL)
    return;

  if (g_strcmp0 (kind, "ice") == 0) {
    if (!pb_ice_path_set_remote (self->path,
            pb_signal_data_get_text (data, "ufrag"),
            pb_signal_data_get_text (data, "pwd"), &error))
      g_debug ("peer %s: %s", self->them, error->message);
  } else if (g_strcmp0 (kind, "candidate") == 0) {
    if (!pb_ice_path_add_candidate (self->path,
            pb_signal_data_get_text (data, "candidate"), &error))
      g_debug ("peer %s: %s", self->them, error->message);
  } else if (g_strcmp0 (kind, "end-of-candidates") == 0) {
    pb_ice_path_candidates_done (self->path);
  } else if (g_strcmp0 (kind, "ready") == 0) {
    handle_ready (self);
  }
}

/* --- the interface -------------------------------------------------------- */

/**
 * pb_srt_peer_new:
 * @context: where it lives
 * @us: our peer id
 * @them: theirs
 * @is_caller: whether our end calls
 * @ice: copied
 * @callbacks: copied; all of them are needed
 * @user_data: for the callbacks
 *
 * Returns: (transfer full): a counterpart that waits for its introduction
 */
PbSrtPeer *
pb_srt_peer_new (GMainContext *context, const char *us, const char *them,
    gboolean is_caller, const PbIceConfig *ice,
    const PbSrtPeerCallbacks *callbacks, gpointer user_data)
{
  PbSrtPeer *self = g_new0 (PbSrtPeer, 1);

  self->context = g_main_context_ref (context);
  self->callbacks = *callbacks;
  self->user_data = user_data;
  self->us = g_strdup (us);
  self->them = g_strdup (them);
  self->is_caller = is_caller;
  self->addresses = g_strdupv ((char **) ice->addresses);
  self->stun_address = g_strdup (ice->stun_address);
  self->stun_port = ice->stun_port;
  self->has_signalling = TRUE;

  return self;
}

/**
 * pb_srt_peer_free:
 * @self: (transfer full) (nullable): the peer; its link is closed
 */
void
pb_srt_peer_free (PbSrtPeer *self)
{
  if (self == NULL)
    return;

  end_attempt (self);
  g_strfreev (self->addresses);
  g_free (self->stun_address);
  g_free (self->us);
  g_free (self->them);
  g_main_context_unref (self->context);
  g_free (self);
}

/**
 * pb_srt_peer_get_id:
 * @self: the peer
 *
 * Returns: its id
 */
const char *
pb_srt_peer_get_id (PbSrtPeer *self)
{
  return self->them;
}

/**
 * pb_srt_peer_get_state:
 * @self: the peer
 *
 * Returns: what it is at
 */
PbSrtPeerState
pb_srt_peer_get_state (PbSrtPeer *self)
{
  return self->state;
}

/**
 * pb_srt_peer_get_link:
 * @self: the peer
 *
 * Returns: the SRT engine's link, 0 without one
 */
guint
pb_srt_peer_get_link (PbSrtPeer *self)
{
  return self->link;
}

/**
 * pb_srt_peer_get_attempt:
 * @self: the peer
 *
 * Returns: how many attempts have failed since it last worked
 */
guint
pb_srt_peer_get_attempt (PbSrtPeer *self)
{
  return self->attempts;
}

/**
 * pb_srt_peer_introduce:
 * @self: the peer
 *
 * The server says that it is there. A connection that runs is kept; a half
 * attempt may have lost messages and is begun again.
 */
void
pb_srt_peer_introduce (PbSrtPeer *self)
{
  self->has_signalling = TRUE;
  if (self->state == PB_SRT_PEER_CONNECTED
      || (self->state == PB_SRT_PEER_CONNECTING && !self->was_cut))
    return;

  if (self->number == 0)
    begin (self, 1);
  else if (self->is_caller)
    begin (self, self->number + 1);
  else
    set_timer (self, ASK_AGAIN_MS, on_ask_again);
}

/**
 * pb_srt_peer_set_signalling:
 * @self: the peer
 * @is_up: whether messages get through
 */
void
pb_srt_peer_set_signalling (PbSrtPeer *self, gboolean is_up)
{
  if (self->has_signalling == is_up)
    return;

  self->has_signalling = is_up;
  self->was_cut = self->was_cut || !is_up;
  /* Both sockets chosen: the link needs no signalling any more. Everything
   * before that begins again with the next introduction. */
  if (!is_up && self->state != PB_SRT_PEER_CONNECTED && self->link == 0) {
    end_attempt (self);
    self->state = PB_SRT_PEER_WAITING;
  }
}

/**
 * pb_srt_peer_link_up:
 * @self: the peer
 * @link: what open_link returned
 */
void
pb_srt_peer_link_up (PbSrtPeer *self, guint link)
{
  if (link == 0 || link != self->link)
    return;

  set_timer (self, 0, NULL);
  self->attempts = 0;
  self->fault = PB_FAULT_NONE;
  set_state (self, PB_SRT_PEER_CONNECTED, PB_FAULT_NONE, FALSE, 0);
}

/**
 * pb_srt_peer_link_down:
 * @self: the peer
 * @link: what open_link returned; the engine has closed it
 * @fault: why
 */
void
pb_srt_peer_link_down (PbSrtPeer *self, guint link, PbFault fault)
{
  if (link == 0 || link != self->link)
    return;

  self->link = 0;
  fail (self, fault, TRUE);
}
