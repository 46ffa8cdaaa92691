/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-call.h"

typedef struct
{
  PbCallFunc func;
  gpointer data;
  GDestroyNotify destroy; /* (nullable) */
  gboolean is_done;       /* lock */
  GMutex *lock;           /* (nullable): it is waited for, as is `done` */
  GCond *done;
} Call;

static gboolean
on_call (gpointer user_data)
{
  Call *call = user_data;

  call->func (call->data);
  if (call->lock != NULL) {
    g_mutex_lock (call->lock);
    call->is_done = TRUE;
    g_cond_signal (call->done);
    g_mutex_unlock (call->lock);
  } else {
    if (call->destroy != NULL)
      call->destroy (call->data);
    g_free (call);
  }

  return G_SOURCE_REMOVE;
}

static void
attach (GMainContext *context, Call *call)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, on_call, call, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
}

/**
 * pb_call: (skip)
 * @context: whose thread runs it
 * @func: what is called once, before other events there
 * @data: for @func
 * @destroy: (nullable): for @data, after the call
 */
void
pb_call (GMainContext *context, PbCallFunc func, gpointer data,
    GDestroyNotify destroy)
{
  Call *call = g_new0 (Call, 1);

  call->func = func;
  call->data = data;
  call->destroy = destroy;
  attach (context, call);
}

/**
 * pb_call_and_wait: (skip)
 * @context: whose thread runs it
 * @func: what is called once
 * @data: for @func
 *
 * Returns when @func has. From the thread that runs @context it is called at
 * once: a bus handler of the application's may have been called from there.
 */
void
pb_call_and_wait (GMainContext *context, PbCallFunc func, gpointer data)
{
  GMutex lock;
  GCond done;
  Call call = { .func = func, .data = data, .lock = &lock, .done = &done };

  if (g_main_context_is_owner (context)) {
    func (data);
    return;
  }

  g_mutex_init (&lock);
  g_cond_init (&done);
  attach (context, &call);
  g_mutex_lock (&lock);
  while (!call.is_done)
    g_cond_wait (&done, &lock);
  g_mutex_unlock (&lock);
  g_mutex_clear (&lock);
  g_cond_clear (&done);
}
