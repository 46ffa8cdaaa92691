/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-peer-private.h"

#include <stdlib.h>

#include "pb-webrtc-cert.h"

/* The end of a pipeline, in a thread of its own. */

/* How long webrtcbin may take over what it was asked for */
#define TASKS_US (2 * G_USEC_PER_SEC)
/* One that hangs in there must not hold up the end of the process. */
#define SETTLE_US (10 * G_USEC_PER_SEC)

/* How many are on their way out */
static GMutex ending_lock;
static GCond ending_cond;
static guint n_ending; /* ending_lock */

static GstPadProbeReturn
on_late (GstPad *pad, GstPadProbeInfo *info, gpointer unused)
{
  return GST_PAD_PROBE_DROP;
}

/* sctpdec of 1.22 makes a pad for what comes while it is stopped, and uses it
 * after it was freed: nothing comes any more. */
static void
quieten (const GValue *item, gpointer unused)
{
  GstElement *sctpdec = g_value_get_object (item);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sctpdec, "sink");

  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_late, NULL,
      NULL);
  /* and what is under way has gone through */
  GST_PAD_STREAM_LOCK (pad);
  GST_PAD_STREAM_UNLOCK (pad);
}

typedef struct
{
  gatomicrefcount refs;
  GMutex lock;
  GCond cond;
  gboolean is_done; /* lock */
} Wait;

static void
wait_unref (gpointer data)
{
  Wait *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

static void
on_idle (GstPromise *promise, gpointer user_data)
{
  Wait *self = user_data;

  g_mutex_lock (&self->lock);
  self->is_done = TRUE;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->lock);
}

/* webrtcbin leaks what it is about to add when it is stopped in the middle of
 * that: until it has done what it was asked for. */
static void
wait_for_tasks (GstElement *webrtc)
{
  Wait *wait = g_new0 (Wait, 1);
  gint64 end_us = g_get_monotonic_time () + TASKS_US;
  GstPromise *promise;

  g_atomic_ref_count_init (&wait->refs);
  g_atomic_ref_count_inc (&wait->refs);
  g_mutex_init (&wait->lock);
  g_cond_init (&wait->cond);
  promise = gst_promise_new_with_change_func (on_idle, wait, wait_unref);
  g_signal_emit_by_name (webrtc, "get-stats", NULL, promise);
  g_mutex_lock (&wait->lock);
  while (!wait->is_done && g_cond_wait_until (&wait->cond, &wait->lock, end_us))
    ;
  g_mutex_unlock (&wait->lock);
  gst_promise_unref (promise);
  wait_unref (wait);
}

static gpointer
tear_down (gpointer data)
{
  GstElement *pipeline = data;
  g_autoptr (GstElement) webrtc =
      gst_bin_get_by_name (GST_BIN (pipeline), PB_WEBRTC_BIN);
  g_autoptr (GstIterator) decoders =
      gst_bin_iterate_all_by_element_factory_name (GST_BIN (pipeline),
          "sctpdec");

  if (webrtc != NULL)
    wait_for_tasks (webrtc);
  gst_clear_object (&webrtc);
  while (gst_iterator_foreach (decoders, quieten, NULL) == GST_ITERATOR_RESYNC)
    gst_iterator_resync (decoders);
  g_clear_pointer (&decoders, gst_iterator_free);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_mutex_lock (&ending_lock);
  n_ending--;
  g_cond_broadcast (&ending_cond);
  g_mutex_unlock (&ending_lock);

  return NULL;
}

/* (transfer full); does not wait */
void
pb_webrtc_teardown (GstElement *pipeline)
{
  static gsize is_registered;

  /* or OpenSSL goes away under a thread */
  if (g_once_init_enter (&is_registered)) {
    atexit (pb_webrtc_peer_settle);
    g_once_init_leave (&is_registered, 1);
  }
  g_mutex_lock (&ending_lock);
  n_ending++;
  g_mutex_unlock (&ending_lock);
  g_thread_unref (g_thread_new ("pb-webrtc-end", tear_down, pipeline));
}

/**
 * pb_webrtc_peer_settle: (skip)
 *
 * Waits until the pipelines of all peers that were freed are gone: the owner of
 * the last one calls it before the code may be unloaded, or clocks be compared.
 */
void
pb_webrtc_peer_settle (void)
{
  gint64 end_us = g_get_monotonic_time () + SETTLE_US;

  g_mutex_lock (&ending_lock);
  while (n_ending > 0 && g_cond_wait_until (&ending_cond, &ending_lock, end_us))
    ;
  g_mutex_unlock (&ending_lock);
  pb_webrtc_cert_settle ();
}
