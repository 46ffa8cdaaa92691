/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-session-private.h"

#include "core/pb-random.h"
#include "glue/pb-gst-debug.h"

#define GST_CAT_DEFAULT pb_gst_debug

struct _PbGstSession
{
  GObject parent;

  /* set on construction */
  PbGstEngine *engine;
  GThread *thread;
};

G_DEFINE_FINAL_TYPE (PbGstSession, pb_gst_session, G_TYPE_OBJECT)

/* A job for the session's thread, in the order they come. The engine outlives
 * its jobs: the thread runs them all before it ends. */
typedef struct
{
  PbGstEngine *engine;
  PbGstMember *member;
  PbMessage *message;
  gboolean flag;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  g_clear_pointer (&job->member, pb_gst_member_unref);
  g_clear_pointer (&job->message, pb_message_unref);
  g_free (job);
}

static void
post (PbGstSession *self, GSourceFunc function, Job *job)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  job->engine = self->engine;
  /* Not g_main_context_invoke(): that may run it here and now. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, function, job, job_free);
  g_source_attach (source, self->engine->context);
}

static gboolean
do_join (gpointer data)
{
  Job *job = data;
  PbGstEngine *engine = job->engine;
  gboolean has_left;
  PbClientState state = pb_client_get_state (engine->client);

  g_mutex_lock (&engine->lock);
  has_left = job->member->has_left;
  g_mutex_unlock (&engine->lock);
  if (has_left)
    return G_SOURCE_REMOVE;

  if (state != PB_CLIENT_STATE_CLOSED)
    pb_gst_engine_tell_state (engine, job->member, state);
  pb_client_register (engine->client, job->member->registration);
  pb_client_open (engine->client);

  return G_SOURCE_REMOVE;
}

/* Somebody else's, too: an element that speaks two transports joins twice. */
static gboolean
is_shared_unlocked (PbGstEngine *engine, const char *peer)
{
  for (guint i = 0; i < engine->members->len; i++) {
    PbGstMember *member = g_ptr_array_index (engine->members, i);

    if (g_strcmp0 (member->registration->peer, peer) == 0)
      return TRUE;
  }

  return FALSE;
}

static gboolean
do_leave (gpointer data)
{
  Job *job = data;
  PbGstEngine *engine = job->engine;
  const char *peer = job->member->registration->peer;
  gboolean is_last, is_shared;

  g_mutex_lock (&engine->lock);
  is_last = engine->members->len == 0;
  is_shared = is_shared_unlocked (engine, peer);
  g_mutex_unlock (&engine->lock);
  if (!is_shared)
    pb_client_unregister (engine->client, peer);
  /* the server would close a connection without a registration */
  if (is_last)
    pb_client_close (engine->client);

  return G_SOURCE_REMOVE;
}

static gboolean
do_send (gpointer data)
{
  Job *job = data;

  pb_client_send (job->engine->client, job->message);

  return G_SOURCE_REMOVE;
}

static gboolean
do_allow_plain (gpointer data)
{
  Job *job = data;

  pb_client_set_allow_plain (job->engine->client, job->flag);

  return G_SOURCE_REMOVE;
}

static gboolean
do_end (gpointer data)
{
  Job *job = data;

  job->engine->is_over = TRUE;

  return G_SOURCE_REMOVE;
}

static void
pb_gst_session_finalize (GObject *object)
{
  PbGstSession *self = PB_GST_SESSION (object);

  post (self, do_end, g_new0 (Job, 1));
  /* The goodbye takes a moment at most, and a program that ends now should have
   * said it. The thread cannot wait for itself: it ends on its own. */
  if (self->thread == g_thread_self ())
    g_thread_unref (self->thread);
  else
    g_thread_join (self->thread);
  pb_gst_engine_unref (self->engine);

  G_OBJECT_CLASS (pb_gst_session_parent_class)->finalize (object);
}

static void
pb_gst_session_init (PbGstSession *self)
{
}

static void
pb_gst_session_class_init (PbGstSessionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = pb_gst_session_finalize;
}

/**
 * pb_gst_session_new: (skip)
 * @uri: the server and the session
 * @token: (nullable): the bearer's token
 * @user_agent: (nullable): who we are
 *
 * Returns: (transfer full): a session that nobody has joined yet
 */
PbGstSession *
pb_gst_session_new (const PbUri *uri, const char *token, const char *user_agent)
{
  PbGstSession *self;
  PbGstEngine *engine;

  g_return_val_if_fail (uri != NULL, NULL);

  engine = g_new0 (PbGstEngine, 1);
  engine->ref_count = 2; /* ours and the thread's */
  engine->context = g_main_context_new ();
  engine->uri = pb_uri_copy (uri);
  engine->token = g_strdup (token);
  engine->user_agent = g_strdup (user_agent);
  engine->members =
      g_ptr_array_new_with_free_func ((GDestroyNotify) pb_gst_member_unref);
  engine->state = PB_CLIENT_STATE_CLOSED;
  g_mutex_init (&engine->lock);
  g_cond_init (&engine->returned);

  self = g_object_new (PB_TYPE_GST_SESSION, NULL);
  self->engine = engine;
  self->thread = g_thread_new ("pb-session", pb_gst_engine_run, engine);

  return self;
}

/**
 * pb_gst_session_matches: (skip)
 * @self: a session
 * @uri: an address
 * @token: (nullable): the token that an element has of its own
 *
 * Returns: whether the element may share it
 */
gboolean
pb_gst_session_matches (PbGstSession *self, const PbUri *uri, const char *token)
{
  const PbUri *own;

  g_return_val_if_fail (PB_IS_GST_SESSION (self), FALSE);

  own = self->engine->uri;

  return own->is_secure == uri->is_secure && own->port == uri->port &&
         g_ascii_strcasecmp (own->host, uri->host) == 0 &&
         g_strcmp0 (own->session, uri->session) == 0 &&
         (token == NULL || pb_secret_equal (self->engine->token, token));
}

/**
 * pb_gst_session_has_token: (skip)
 * @self: a session
 *
 * Returns: whether it can be joined at all
 */
gboolean
pb_gst_session_has_token (PbGstSession *self)
{
  g_return_val_if_fail (PB_IS_GST_SESSION (self), FALSE);

  return self->engine->token != NULL;
}

/**
 * pb_gst_session_get_context: (skip)
 * @self: a session
 *
 * Returns: (transfer none): the main context of its thread
 */
GMainContext *
pb_gst_session_get_context (PbGstSession *self)
{
  g_return_val_if_fail (PB_IS_GST_SESSION (self), NULL);

  return self->engine->context;
}

/**
 * pb_gst_session_set_allow_plain: (skip)
 * @self: a session
 * @allow: whether pb:// to another machine is fine
 *
 * Before the first join.
 */
void
pb_gst_session_set_allow_plain (PbGstSession *self, gboolean allow)
{
  Job *job;

  g_return_if_fail (PB_IS_GST_SESSION (self));

  job = g_new0 (Job, 1);
  job->flag = allow;
  post (self, do_allow_plain, job);
}

/**
 * pb_gst_session_join: (skip)
 * @self: a session
 * @registration: which end of which slot; copied
 * @callbacks: what to call, on the session's thread; copied
 * @user_data: for them
 *
 * The first one to join opens the connection. Who joins later is told its
 * state first. Members with the same peer id share the registration, which must
 * be the same: the server hears of it once, and that it has ended when the last
 * of them leaves; each is told everything about it.
 *
 * Returns: the handle for pb_gst_session_leave()
 */
PbGstMember *
pb_gst_session_join (PbGstSession *self, const PbRegistration *registration,
    const PbGstSessionCallbacks *callbacks, gpointer user_data)
{
  PbGstMember *member;
  Job *job;

  g_return_val_if_fail (PB_IS_GST_SESSION (self), NULL);
  g_return_val_if_fail (registration != NULL && callbacks != NULL, NULL);

  member = g_new0 (PbGstMember, 1);
  member->ref_count = 2; /* the handle and the list */
  member->callbacks = *callbacks;
  member->user_data = user_data;
  member->registration = pb_registration_copy (registration);

  g_mutex_lock (&self->engine->lock);
  g_ptr_array_add (self->engine->members, member);
  g_mutex_unlock (&self->engine->lock);
  job = g_new0 (Job, 1);
  job->member = pb_gst_member_ref (member);
  post (self, do_join, job);

  return member;
}

/**
 * pb_gst_session_leave: (skip)
 * @self: a session
 * @member: (transfer full): the handle
 *
 * Says `leave` for its registration, unless another member shares it. No
 * callback comes any more; waits for one
 * that runs, unless called from it: do not hold a lock that a callback takes.
 */
void
pb_gst_session_leave (PbGstSession *self, PbGstMember *member)
{
  PbGstEngine *engine;
  Job *job;

  g_return_if_fail (PB_IS_GST_SESSION (self));
  g_return_if_fail (member != NULL);

  engine = self->engine;
  g_mutex_lock (&engine->lock);
  member->has_left = TRUE;
  g_ptr_array_remove (engine->members, member);
  while (engine->running == member && engine->runner != g_thread_self ())
    g_cond_wait (&engine->returned, &engine->lock);
  g_mutex_unlock (&engine->lock);

  job = g_new0 (Job, 1);
  job->member = member;
  post (self, do_leave, job);
}

/**
 * pb_gst_session_send: (skip)
 * @self: a session
 * @message: what to say; the caller does not change it any more
 *
 * Dropped silently where the session is not connected.
 */
void
pb_gst_session_send (PbGstSession *self, PbMessage *message)
{
  Job *job;

  g_return_if_fail (PB_IS_GST_SESSION (self));
  g_return_if_fail (message != NULL);

  job = g_new0 (Job, 1);
  job->message = pb_message_ref (message);
  post (self, do_send, job);
}

/**
 * pb_gst_session_get_state: (skip)
 * @self: a session
 *
 * Returns: whether it is connected
 */
PbClientState
pb_gst_session_get_state (PbGstSession *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (PB_IS_GST_SESSION (self), PB_CLIENT_STATE_CLOSED);

  locker = g_mutex_locker_new (&self->engine->lock);

  return self->engine->state;
}

/**
 * pb_gst_session_get_retry: (skip)
 * @self: a session
 * @attempt: (out): how many attempts failed in a row
 * @retry_in_ms: (out): when the next one comes; 0: never
 *
 * About the last fault, also from within its callback.
 */
void
pb_gst_session_get_retry (PbGstSession *self, guint *attempt,
    guint *retry_in_ms)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_if_fail (PB_IS_GST_SESSION (self));

  locker = g_mutex_locker_new (&self->engine->lock);
  *attempt = self->engine->attempt;
  *retry_in_ms = self->engine->retry_in_ms;
}
