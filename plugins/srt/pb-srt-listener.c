/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-listener-private.h"

#include "pb-srt-lib-private.h"

#include <access_control.h>
#include <string.h>

/* One refusal per cause is told in this time, the rest are counted. */
#define REPORT_INTERVAL_US G_USEC_PER_SEC
/* Attempts whose fate is open. A flood beyond that is refused unseen; it also
 * bounds what strangers can make us remember. */
#define ATTEMPTS_MAX 64
/* libsrt takes a socket that passed all checks to srt_accept() at once; one
 * that is neither there nor dead after this time is forgotten. */
#define ATTEMPT_LIFE_US (10 * G_USEC_PER_SEC)

typedef struct
{
  SRTSOCKET sock;
  gint64 since;
  int reason; /* -1: not known (yet) */
  GSocketAddress *caller;
  char *stream_id;
} Attempt;

typedef struct
{
  PbFault fault;
  guint count;
  gint64 reported;
  GSocketAddress *caller;
} Tally;

struct _PbSrtListener
{
  /* set in new, then read-only */
  guint id;
  PbDirection direction;
  char *resource;
  gboolean allow_empty;
  gboolean is_encrypted;
  guint max_links;

  /* registry_lock: libsrt's threads come and go as they please */
  GPtrArray *attempts; /* of Attempt */
  GArray *tallies;     /* of Tally, one per cause */
  guint n_links;       /* accepted and still there */
};

static GMutex registry_lock;
static GHashTable *registry; /* registry_lock; id -> PbSrtListener */
static guint last_id;        /* registry_lock */

static void
attempt_free (gpointer data)
{
  Attempt *attempt = data;

  g_clear_object (&attempt->caller);
  g_free (attempt->stream_id);
  g_free (attempt);
}

static void
tally_clear (gpointer data)
{
  g_clear_object (&((Tally *) data)->caller);
}

/* Where key=value pairs are separated by commas; `key` is one letter. */
static gboolean
find_value (const char *pairs, char key, const char **value, gsize *length)
{
  while (*pairs != '\0') {
    const gsize n = strcspn (pairs, ",");

    if (n >= 2 && pairs[0] == key && pairs[1] == '=') {
      *value = pairs + 2;
      *length = n - 2;
      return TRUE;
    }
    pairs += n;
    if (*pairs == ',')
      pairs++;
  }
  return FALSE;
}

static gboolean
is_word (const char *value, gsize length, const char *word)
{
  return strlen (word) == length && memcmp (value, word, length) == 0;
}

/**
 * pb_srt_listener_check_stream_id:
 * @text: (nullable): what the caller sent
 * @resource: (nullable): "session/slot"; NULL takes any
 * @allow_empty: whether none at all will do
 * @direction: what the listener does
 *
 * Returns: 0, or an SRT_REJX_ code for the caller
 */
int
pb_srt_listener_check_stream_id (const char *text, const char *resource,
    gboolean allow_empty, PbDirection direction)
{
  const char *value;
  gsize length;

  if (text == NULL || *text == '\0')
    return allow_empty || resource == NULL ? 0 : SRT_REJX_NOTFOUND;
  if (resource == NULL)
    return 0;
  if (!g_str_has_prefix (text, "#!::"))
    return strcmp (text, resource) == 0 ? 0 : SRT_REJX_NOTFOUND;

  text += strlen ("#!::");
  if (!find_value (text, 'r', &value, &length) ||
      !is_word (value, length, resource))
    return SRT_REJX_NOTFOUND;

  /* A sender that calls a sender would sit there, connected, for ever. Who
   * says nothing is taken as the one we wait for. */
  if (find_value (text, 'm', &value, &length) &&
      !is_word (value, length, "bidirectional") &&
      !is_word (value, length,
          direction == PB_DIRECTION_RECEIVE ? "publish" : "request"))
    return SRT_REJX_BAD_MODE;
  return 0;
}

/* registry_lock is held */
static void
count_unlocked (PbSrtListener *self, GSocketAddress *caller, PbFault fault)
{
  Tally *tally = NULL;

  for (guint i = 0; i < self->tallies->len && tally == NULL; i++) {
    Tally *candidate = &g_array_index (self->tallies, Tally, i);

    if (candidate->fault == fault)
      tally = candidate;
  }
  if (tally == NULL) {
    const Tally fresh = { .fault = fault, .reported = -REPORT_INTERVAL_US };

    g_array_append_val (self->tallies, fresh);
    tally = &g_array_index (self->tallies, Tally, self->tallies->len - 1);
  }
  tally->count++;
  g_set_object (&tally->caller, caller);
}

static PbSrtListener *
lookup_unlocked (guint id)
{
  if (registry == NULL)
    return NULL;
  return g_hash_table_lookup (registry, GUINT_TO_POINTER (id));
}

static Attempt *
find_unlocked (PbSrtListener *self, SRTSOCKET sock, guint *index)
{
  for (guint i = 0; i < self->attempts->len; i++) {
    Attempt *attempt = g_ptr_array_index (self->attempts, i);

    if (attempt->sock == sock) {
      *index = i;
      return attempt;
    }
  }
  return NULL;
}

/* Settles the attempts that came to nothing. libsrt is asked without the lock:
 * it calls on_log() with a lock of its own held, and that takes ours. */
static void
settle (guint id)
{
  const gint64 now = g_get_monotonic_time ();
  SRTSOCKET socks[ATTEMPTS_MAX];
  gint64 since[ATTEMPTS_MAX];
  guint n = 0;

  {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
    PbSrtListener *self = lookup_unlocked (id);

    for (guint i = 0; self != NULL && i < self->attempts->len; i++) {
      const Attempt *attempt = g_ptr_array_index (self->attempts, i);

      since[n] = attempt->since;
      socks[n++] = attempt->sock;
    }
  }

  for (guint i = 0; i < n; i++) {
    const gboolean is_dead = srt_getsockstate (socks[i]) >= SRTS_CLOSED;
    g_autoptr (GMutexLocker) locker = NULL;
    PbSrtListener *self;
    const Attempt *attempt;
    guint index;
    PbFault fault;

    if (!is_dead && now - since[i] < ATTEMPT_LIFE_US)
      continue;
    locker = g_mutex_locker_new (&registry_lock);
    self = lookup_unlocked (id);
    attempt = self != NULL ? find_unlocked (self, socks[i], &index) : NULL;
    if (attempt == NULL)
      continue;
    /* Without the log the key is the likeliest cause of what comes after the
     * stream id was found good. */
    if (attempt->reason >= 0)
      fault = pb_srt_lib_fault_from_reason (attempt->reason);
    else
      fault =
          self->is_encrypted ? PB_FAULT_WRONG_PASSPHRASE : PB_FAULT_UNENCRYPTED;
    count_unlocked (self, attempt->caller, fault);
    g_ptr_array_remove_index (self->attempts, index);
  }
}

/* registry_lock is held. 0, or why this caller is not welcome. */
static int
admit_unlocked (PbSrtListener *self, SRTSOCKET sock, int hs_version,
    GSocketAddress *caller, const char *stream_id)
{
  Attempt *attempt;
  int reason;

  /* before 5 there is no stream id, and encryption is proven later */
  reason = hs_version < 5 ? SRT_REJX_VERSION : 0;
  if (reason == 0)
    reason = pb_srt_listener_check_stream_id (stream_id, self->resource,
        self->allow_empty, self->direction);
  if (reason == 0 && self->max_links > 0 &&
      self->n_links + self->attempts->len >= self->max_links)
    reason = SRT_REJX_CONFLICT;
  if (reason == 0 && self->attempts->len >= ATTEMPTS_MAX)
    reason = SRT_REJX_OVERLOAD;
  if (reason != 0) {
    count_unlocked (self, caller, pb_srt_lib_fault_from_reason (reason));
    return reason;
  }

  attempt = g_new0 (Attempt, 1);
  attempt->sock = sock;
  attempt->since = g_get_monotonic_time ();
  attempt->reason = -1;
  attempt->caller = caller != NULL ? g_object_ref (caller) : NULL;
  attempt->stream_id = g_strdup (stream_id);
  g_ptr_array_add (self->attempts, attempt);
  return 0;
}

/* libsrt's receiver thread */
static int
on_caller (void *opaque, SRTSOCKET sock, int hs_version,
    const struct sockaddr *peer, const char *stream_id)
{
  const guint id = GPOINTER_TO_UINT (opaque);
  g_autoptr (GSocketAddress) caller = pb_srt_lib_address (peer);
  int reason = SRT_REJ_CLOSE;

  settle (id);
  {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
    PbSrtListener *self = lookup_unlocked (id);

    if (self != NULL)
      reason = admit_unlocked (self, sock, hs_version, caller, stream_id);
  }
  if (reason != 0) {
    srt_setrejectreason (sock, reason);
    return -1;
  }
  pb_srt_lib_begin_attempt (id, sock);
  return 0;
}

void
pb_srt_listener_note_reason (guint id, SRTSOCKET sock, int reason)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
  PbSrtListener *self = lookup_unlocked (id);
  Attempt *attempt;
  guint index;

  if (self == NULL)
    return;
  attempt = find_unlocked (self, sock, &index);
  if (attempt != NULL)
    attempt->reason = reason;
}

char *
pb_srt_listener_accepted (PbSrtListener *self, SRTSOCKET sock)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
  char *stream_id = NULL;
  guint index;
  Attempt *attempt = find_unlocked (self, sock, &index);

  if (attempt != NULL) {
    stream_id = g_steal_pointer (&attempt->stream_id);
    g_ptr_array_remove_index (self->attempts, index);
  }
  self->n_links++;
  return stream_id;
}

void
pb_srt_listener_forget_link (PbSrtListener *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);

  self->n_links--;
}

gboolean
pb_srt_listener_next_refusal (PbSrtListener *self, gint64 now,
    PbSrtRefusal *out)
{
  g_autoptr (GMutexLocker) locker = NULL;

  settle (self->id);
  locker = g_mutex_locker_new (&registry_lock);
  for (guint i = 0; i < self->tallies->len; i++) {
    Tally *tally = &g_array_index (self->tallies, Tally, i);

    if (tally->count == 0 || now - tally->reported < REPORT_INTERVAL_US)
      continue;
    out->fault = tally->fault;
    out->count = tally->count;
    out->caller = g_steal_pointer (&tally->caller);
    tally->count = 0;
    tally->reported = now;
    return TRUE;
  }
  return FALSE;
}

PbSrtListener *
pb_srt_listener_new (PbDirection direction, const char *resource,
    gboolean allow_empty, gboolean is_encrypted, guint max_links)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);
  PbSrtListener *self = g_new0 (PbSrtListener, 1);

  if (registry == NULL)
    registry = g_hash_table_new (NULL, NULL);
  do {
    self->id = ++last_id;
  } while (self->id == 0 ||
           g_hash_table_contains (registry, GUINT_TO_POINTER (self->id)));
  self->direction = direction;
  self->resource = g_strdup (resource);
  self->allow_empty = allow_empty;
  self->is_encrypted = is_encrypted;
  self->max_links = max_links;
  self->attempts = g_ptr_array_new_with_free_func (attempt_free);
  self->tallies = g_array_new (FALSE, FALSE, sizeof (Tally));
  g_array_set_clear_func (self->tallies, tally_clear);
  g_hash_table_insert (registry, GUINT_TO_POINTER (self->id), self);
  return self;
}

void
pb_srt_listener_free (PbSrtListener *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&registry_lock);

  g_hash_table_remove (registry, GUINT_TO_POINTER (self->id));
  if (g_hash_table_size (registry) == 0)
    g_clear_pointer (&registry, g_hash_table_unref);
  g_ptr_array_unref (self->attempts);
  g_array_unref (self->tallies);
  g_free (self->resource);
  g_free (self);
}

gboolean
pb_srt_listener_install (PbSrtListener *self, SRTSOCKET sock)
{
  pb_srt_lib_take_log ();
  return srt_listen_callback (sock, on_caller, GUINT_TO_POINTER (self->id)) ==
             0 &&
         srt_listen (sock, 16) == 0;
}
