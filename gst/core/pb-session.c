/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-session-private.h"

#include "core/pb-limits.h"
#include "core/pb-message.h"

/* How far a slot has come: a direct path is the aim, a relay the step to it
 * (Punch: RELAYING goes on to CONNECTED). A closed slot counts for nothing
 * while another is open. */
static const guint8 progress[] = {
  [PB_STATE_CLOSED] = 0,
  [PB_STATE_WAITING] = 1,
  [PB_STATE_READY] = 2,
  [PB_STATE_RELAYING] = 3,
  [PB_STATE_CONNECTED] = 4,
};

typedef struct
{
  PbState state;
  PbTally tally;
} Slot;

struct _PbSession
{
  GObject parent;

  /* set by pb_session_new(), then read-only */
  char *name;
  guint latency_ms;
  PbCipher cipher;
  gint64 created; /* Unix seconds */

  /* the session's main context */
  guint ttl_s;    /* as given last */
  gint64 expires; /* Unix seconds */
  GStrv streams;
  guint n_slots;
  Slot *slots; /* in the order of streams */
};

G_DEFINE_FINAL_TYPE (PbSession, pb_session, G_TYPE_OBJECT)

enum { SIGNAL_STATE_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static gboolean
check_streams (const char *const *streams, GError **error)
{
  guint n = streams != NULL ? g_strv_length ((char **) streams) : 0;

  if (n < 1 || n > PB_STREAMS_DEFAULT_MAX) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "a session has 1 to %d streams", PB_STREAMS_DEFAULT_MAX);
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    if (!pb_name_is_valid (streams[i])) {
      g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
          "the name of stream %u is not valid", i + 1);
      return FALSE;
    }
    for (guint j = 0; j < i; j++) {
      if (g_str_equal (streams[i], streams[j])) {
        g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
            "there are two streams “%s”", streams[i]);
        return FALSE;
      }
    }
  }

  return TRUE;
}

static gboolean
check_range (const char *what, gint64 value, gint64 min, gint64 max,
    GError **error)
{
  if (value >= min && value <= max)
    return TRUE;

  g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
      "“%s” is %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, what, min, max);

  return FALSE;
}

/**
 * pb_session_new:
 * @name: its name
 * @streams: (array zero-terminated=1): the names of its slots
 * @latency_ms: SRT latency
 * @ttl_s: its lifetime in seconds
 * @cipher: how its slots are encrypted
 * @created: the present, in Unix seconds
 * @error: where to put why not
 *
 * Returns: (transfer full): a session whose slots are all WAITING;
 *   %PB_ERROR_INVALID where a name is not valid or appears twice, or a number
 *   is out of range
 */
PbSession *
pb_session_new (const char *name, const char *const *streams, guint latency_ms,
    guint ttl_s, PbCipher cipher, gint64 created, GError **error)
{
  PbSession *self;

  if (name == NULL || !pb_name_is_valid (name)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "the session's name is not valid");
    return NULL;
  }
  if (!check_streams (streams, error) ||
      !check_range ("latency", latency_ms, PB_LATENCY_MIN, PB_LATENCY_MAX,
          error) ||
      !check_range ("ttl", ttl_s, PB_TTL_MIN, PB_TTL_MAX, error) ||
      !check_range ("cipher", cipher, 0, PB_N_CIPHERS - 1, error) ||
      !check_range ("created", created, 0, G_MAXINT64 - PB_TTL_MAX, error))
    return NULL;

  self = g_object_new (PB_TYPE_SESSION, NULL);
  self->name = g_strdup (name);
  self->streams = g_strdupv ((char **) streams);
  self->n_slots = g_strv_length (self->streams);
  self->slots = g_new0 (Slot, self->n_slots);
  self->latency_ms = latency_ms;
  self->ttl_s = ttl_s;
  self->cipher = cipher;
  self->created = created;
  self->expires = created + ttl_s;

  return self;
}

/**
 * pb_session_get_name:
 * @self: a session
 *
 * Returns: its name
 */
const char *
pb_session_get_name (PbSession *self)
{
  g_return_val_if_fail (PB_IS_SESSION (self), NULL);

  return self->name;
}

/**
 * pb_session_get_streams:
 * @self: a session
 *
 * Returns: (transfer none) (array zero-terminated=1): the names of its slots;
 *   good until pb_session_add_stream()
 */
const char *const *
pb_session_get_streams (PbSession *self)
{
  g_return_val_if_fail (PB_IS_SESSION (self), NULL);

  return (const char *const *) self->streams;
}

static Slot *
find_slot (PbSession *self, const char *stream)
{
  for (guint i = 0; stream != NULL && i < self->n_slots; i++)
    if (g_str_equal (self->streams[i], stream))
      return &self->slots[i];

  return NULL;
}

static Slot *
require_slot (PbSession *self, const char *stream, GError **error)
{
  Slot *slot = find_slot (self, stream);

  if (slot == NULL)
    g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        stream != NULL ? "the session has no such stream"
                       : "no stream is named");

  return slot;
}

/**
 * pb_session_has_stream:
 * @self: a session
 * @stream: (nullable): the name of a slot
 *
 * Returns: whether it has that slot
 */
gboolean
pb_session_has_stream (PbSession *self, const char *stream)
{
  g_return_val_if_fail (PB_IS_SESSION (self), FALSE);

  return find_slot (self, stream) != NULL;
}

/**
 * pb_session_get_latency:
 * @self: a session
 *
 * Returns: its SRT latency in milliseconds
 */
guint
pb_session_get_latency (PbSession *self)
{
  g_return_val_if_fail (PB_IS_SESSION (self), 0);

  return self->latency_ms;
}

/**
 * pb_session_get_ttl:
 * @self: a session
 *
 * Returns: its lifetime in seconds as it was given last: from its creation, or
 *   from when it was extended
 */
guint
pb_session_get_ttl (PbSession *self)
{
  g_return_val_if_fail (PB_IS_SESSION (self), 0);

  return self->ttl_s;
}

/**
 * pb_session_get_cipher:
 * @self: a session
 *
 * Returns: how its slots are encrypted
 */
PbCipher
pb_session_get_cipher (PbSession *self)
{
  g_return_val_if_fail (PB_IS_SESSION (self), PB_CIPHER_AES_256);

  return self->cipher;
}

/**
 * pb_session_get_created:
 * @self: a session
 *
 * Returns: when it began, in Unix seconds
 */
gint64
pb_session_get_created (PbSession *self)
{
  g_return_val_if_fail (PB_IS_SESSION (self), 0);

  return self->created;
}

/**
 * pb_session_get_expires:
 * @self: a session
 *
 * Returns: when its time runs out, in Unix seconds
 */
gint64
pb_session_get_expires (PbSession *self)
{
  g_return_val_if_fail (PB_IS_SESSION (self), 0);

  return self->expires;
}

/**
 * pb_session_get_state:
 * @self: a session
 *
 * Returns: the state of the slot that has come furthest
 */
PbState
pb_session_get_state (PbSession *self)
{
  PbState state = PB_STATE_CLOSED;

  g_return_val_if_fail (PB_IS_SESSION (self), PB_STATE_CLOSED);

  for (guint i = 0; i < self->n_slots; i++)
    if (progress[self->slots[i].state] > progress[state])
      state = self->slots[i].state;

  return state;
}

/**
 * pb_session_get_stream_state:
 * @self: a session
 * @stream: the name of a slot
 * @out: (out): its state; untouched on failure
 * @error: where to put why not
 *
 * Returns: whether it has that slot; else %PB_ERROR_NOT_FOUND
 */
gboolean
pb_session_get_stream_state (PbSession *self, const char *stream, PbState *out,
    GError **error)
{
  Slot *slot;

  g_return_val_if_fail (PB_IS_SESSION (self), FALSE);

  slot = require_slot (self, stream, error);
  if (slot == NULL)
    return FALSE;
  *out = slot->state;

  return TRUE;
}

/* The only place that assigns a state. */
static void
enter (PbSession *self, Slot *slot, PbState to)
{
  const char *stream = self->streams[slot - self->slots];
  PbState from = slot->state;

  slot->state = to;
  if (to != from)
    g_signal_emit (self, signals[SIGNAL_STATE_CHANGED], 0, stream, from, to);
}

static gboolean
close_all (PbSession *self, GError **error)
{
  PbState to;

  if (pb_session_get_state (self) == PB_STATE_CLOSED) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_STATE,
        "the session is closed already");
    return FALSE;
  }
  /* each slot is asked for its edge when its turn comes: a handler of the
   * signal may have closed it */
  for (guint i = 0; i < self->n_slots; i++)
    if (pb_state_next (self->slots[i].state, PB_EVENT_CLOSE, &to))
      enter (self, &self->slots[i], to);

  return TRUE;
}

/**
 * pb_session_feed:
 * @self: a session
 * @stream: (nullable): the slot to which it happens; %NULL with
 *   %PB_EVENT_CLOSE: all of them
 * @event: what happens
 * @error: where to put why not
 *
 * Returns: whether there is an edge for that; %PB_ERROR_STATE where the slot's
 *   state has none, %PB_ERROR_NOT_FOUND where there is no such slot, and then
 *   nothing has changed
 */
gboolean
pb_session_feed (PbSession *self, const char *stream, PbEvent event,
    GError **error)
{
  g_autoptr (PbSession) hold = NULL;
  PbState to;
  Slot *slot;

  g_return_val_if_fail (PB_IS_SESSION (self), FALSE);
  g_return_val_if_fail ((guint) event < PB_N_EVENTS, FALSE);

  /* a handler may let the session go */
  hold = g_object_ref (self);
  if (stream == NULL && event == PB_EVENT_CLOSE)
    return close_all (self, error);

  slot = require_slot (self, stream, error);
  if (slot == NULL)
    return FALSE;
  if (!pb_state_next (slot->state, event, &to)) {
    g_set_error (error, PB_ERROR, PB_ERROR_STATE,
        "stream “%s” is %s: %s does not happen there", stream,
        pb_state_get_name (slot->state), pb_event_get_name (event));
    return FALSE;
  }
  enter (self, slot, to);

  return TRUE;
}

/**
 * pb_session_extend:
 * @self: a session
 * @now: the present, in Unix seconds
 * @ttl_s: how many seconds it has from now on
 * @error: where to put why not
 *
 * Returns: whether it has; %PB_ERROR_INVALID where @ttl_s or @now is out of
 *   range, %PB_ERROR_STATE where it is closed or would end earlier than it
 *   does, and then nothing has changed
 */
gboolean
pb_session_extend (PbSession *self, gint64 now, guint ttl_s, GError **error)
{
  g_return_val_if_fail (PB_IS_SESSION (self), FALSE);

  if (!check_range ("ttl", ttl_s, PB_TTL_MIN, PB_TTL_MAX, error) ||
      !check_range ("now", now, 0, G_MAXINT64 - PB_TTL_MAX, error))
    return FALSE;
  if (pb_session_get_state (self) == PB_STATE_CLOSED) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_STATE,
        "the session is closed");
    return FALSE;
  }
  if (now + ttl_s < self->expires) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_STATE,
        "The session would end earlier than it does.");
    return FALSE;
  }
  self->ttl_s = ttl_s;
  self->expires = now + ttl_s;

  return TRUE;
}

/**
 * pb_session_add_stream:
 * @self: a session
 * @stream: the name of its new slot
 * @error: where to put why not
 *
 * Returns: whether it has one more slot, WAITING, the last of them;
 *   %PB_ERROR_INVALID where the name is not valid, %PB_ERROR_STREAM_EXISTS
 *   where there is one of that name, %PB_ERROR_FULL where it has as many as it
 *   may, %PB_ERROR_STATE where it is closed, and then nothing has changed
 */
gboolean
pb_session_add_stream (PbSession *self, const char *stream, GError **error)
{
  g_return_val_if_fail (PB_IS_SESSION (self), FALSE);

  if (stream == NULL || !pb_name_is_valid (stream)) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_INVALID,
        "the name of the stream is not valid");
    return FALSE;
  }
  if (pb_session_get_state (self) == PB_STATE_CLOSED) {
    g_set_error_literal (error, PB_ERROR, PB_ERROR_STATE,
        "the session is closed");
    return FALSE;
  }
  if (find_slot (self, stream) != NULL) {
    g_set_error (error, PB_ERROR, PB_ERROR_STREAM_EXISTS,
        "there is a stream “%s”", stream);
    return FALSE;
  }
  if (self->n_slots >= PB_STREAMS_DEFAULT_MAX) {
    g_set_error (error, PB_ERROR, PB_ERROR_FULL, "A session has %d slots.",
        PB_STREAMS_DEFAULT_MAX);
    return FALSE;
  }

  self->streams = g_renew (char *, self->streams, self->n_slots + 2);
  self->streams[self->n_slots] = g_strdup (stream);
  self->streams[self->n_slots + 1] = NULL;
  self->slots = g_renew (Slot, self->slots, self->n_slots + 1);
  self->slots[self->n_slots] = (Slot){ PB_STATE_WAITING, PB_TALLY_OFF };
  self->n_slots++;

  return TRUE;
}

/**
 * pb_session_get_tally:
 * @self: a session
 * @stream: the name of a slot
 *
 * Returns: its tally state; %PB_TALLY_OFF where there is no such slot
 */
PbTally
pb_session_get_tally (PbSession *self, const char *stream)
{
  Slot *slot;

  g_return_val_if_fail (PB_IS_SESSION (self), PB_TALLY_OFF);

  slot = find_slot (self, stream);

  return slot != NULL ? slot->tally : PB_TALLY_OFF;
}

/**
 * pb_session_set_tally:
 * @self: a session
 * @stream: the name of a slot
 * @tally: its new tally state
 * @error: where to put why not
 *
 * Returns: whether it is set; %PB_ERROR_NOT_FOUND where there is no such slot,
 *   %PB_ERROR_STATE where it is closed
 */
gboolean
pb_session_set_tally (PbSession *self, const char *stream, PbTally tally,
    GError **error)
{
  Slot *slot;

  g_return_val_if_fail (PB_IS_SESSION (self), FALSE);
  g_return_val_if_fail ((guint) tally < PB_N_TALLIES, FALSE);

  slot = require_slot (self, stream, error);
  if (slot == NULL)
    return FALSE;
  if (slot->state == PB_STATE_CLOSED) {
    g_set_error (error, PB_ERROR, PB_ERROR_STATE, "stream “%s” is closed",
        stream);
    return FALSE;
  }
  slot->tally = tally;

  return TRUE;
}

static void
pb_session_finalize (GObject *object)
{
  PbSession *self = PB_SESSION (object);

  g_free (self->name);
  g_strfreev (self->streams);
  g_free (self->slots);

  G_OBJECT_CLASS (pb_session_parent_class)->finalize (object);
}

static void
pb_session_init (PbSession *self)
{
}

static void
pb_session_class_init (PbSessionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pb_session_finalize;

  /**
   * PbSession::state-changed:
   * @self: the session
   * @stream: the slot whose state changed
   * @old_state: the state before
   * @new_state: the state it has now
   */
  signals[SIGNAL_STATE_CHANGED] = g_signal_new ("state-changed",
      PB_TYPE_SESSION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 3,
      G_TYPE_STRING, PB_TYPE_STATE, PB_TYPE_STATE);
}
