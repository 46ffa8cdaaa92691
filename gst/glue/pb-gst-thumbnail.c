/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "glue/pb-gst-thumbnail.h"

#include <gst/video/video.h>

#include "core/pb-limits.h"
#include "glue/pb-gst-debug.h"
#include "glue/pb-gst-jpeg.h"
#include "glue/pb-gst-picture.h"

#define GST_CAT_DEFAULT pb_gst_debug

/* An encoder that makes a keyframe every second or two is left alone; others,
 * browsers' among them, make one when asked only. */
#define KEYFRAME_PATIENCE (2500 * GST_MSECOND)
/* Between a spoilt picture and the next attempt */
#define PAUSE (500 * GST_MSECOND)
/* A decoder's last frame; nobody waits longer, whatever hangs. */
#define SETTLE_US (2 * G_TIME_SPAN_SECOND)

/* Reference counted: its thread holds it as well. */
struct _PbGstThumbnail
{
  GMutex lock;
  GCond changed;
  gboolean is_running;   /* lock: there is a thread */
  gboolean is_wanted;    /* lock: what it takes is */
  PbGstSession *session; /* lock: (nullable), owned, while wanted */
  char *peer;            /* lock: (nullable) */
  PbGstPicture *picture; /* lock: (nullable), owned */

  GstPad *pad; /* the thread's, owned */
};

static void
finalize (gpointer data)
{
  PbGstThumbnail *self = data;

  g_clear_object (&self->session);
  g_free (self->peer);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
}

static void
unref (PbGstThumbnail *self)
{
  g_atomic_rc_box_release_full (self, finalize);
}

/**
 * pb_gst_thumbnail_new: (skip)
 *
 * Returns: (transfer full): nothing yet
 */
PbGstThumbnail *
pb_gst_thumbnail_new (void)
{
  PbGstThumbnail *self = g_atomic_rc_box_new0 (PbGstThumbnail);

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);

  return self;
}

/**
 * pb_gst_thumbnail_free: (skip)
 * @self: (transfer full): a thumbnail
 */
void
pb_gst_thumbnail_free (PbGstThumbnail *self)
{
  pb_gst_thumbnail_cancel (self);
  unref (self);
}

/**
 * pb_gst_thumbnail_is_possible: (skip)
 *
 * Returns: whether what every picture needs is installed
 */
gboolean
pb_gst_thumbnail_is_possible (void)
{
  return pb_gst_picture_is_possible ();
}

/* --- its thread ----------------------------------------------------------- */

static gboolean
is_wanted (PbGstThumbnail *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->is_wanted;
}

/* `picture` (nullable) is the one to cancel from now on. */
static void
set_picture (PbGstThumbnail *self, PbGstPicture *picture)
{
  PbGstPicture *old;
  gboolean wanted;

  g_mutex_lock (&self->lock);
  old = self->picture;
  self->picture = picture != NULL ? pb_gst_picture_ref (picture) : NULL;
  wanted = self->is_wanted;
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&old, pb_gst_picture_unref);
  if (picture != NULL && !wanted)
    pb_gst_picture_cancel (picture);
}

/* The stream's own thread: it only passes by. */
static GstPadProbeReturn
on_passing (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  if ((GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) != 0)
    pb_gst_picture_feed_list (user_data, GST_PAD_PROBE_INFO_BUFFER_LIST (info));
  else
    pb_gst_picture_feed_buffer (user_data, pad,
        GST_PAD_PROBE_INFO_BUFFER (info));

  return GST_PAD_PROBE_OK;
}

static GstClockTime
get_rest (gint64 until_us)
{
  return (GstClockTime) MAX (until_us - g_get_monotonic_time (), 0) *
         GST_USECOND;
}

static PbGstPictureOutcome
attempt (PbGstThumbnail *self, gint64 until_us, GstSample **sample)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (self->pad);
  g_autoptr (GError) error = NULL;
  PbGstPictureOutcome outcome;
  PbGstPicture *picture;
  gulong probe;

  if (caps == NULL)
    return PB_GST_PICTURE_SPOILT; /* nothing has come yet */
  picture = pb_gst_picture_new (caps, &error);
  if (picture == NULL) {
    GST_DEBUG ("no still picture: %s", error->message);
    return PB_GST_PICTURE_IMPOSSIBLE;
  }

  set_picture (self, picture);
  probe = gst_pad_add_probe (self->pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_passing,
      pb_gst_picture_ref (picture), (GDestroyNotify) pb_gst_picture_unref);
  outcome = pb_gst_picture_wait (picture,
      MIN (KEYFRAME_PATIENCE, get_rest (until_us)), sample);
  if (outcome == PB_GST_PICTURE_AWAITED) {
    gst_pad_send_event (self->pad,
        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
            0));
    outcome = pb_gst_picture_wait (picture, get_rest (until_us), sample);
  }
  gst_pad_remove_probe (self->pad, probe);
  set_picture (self, NULL);
  pb_gst_picture_stop (picture);
  pb_gst_picture_unref (picture);

  return outcome;
}

/* Until the time, or nobody wants it any more */
static void
hold_on (PbGstThumbnail *self)
{
  const gint64 end_us = g_get_monotonic_time () + PAUSE / GST_USECOND;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (self->is_wanted &&
         g_cond_wait_until (&self->changed, &self->lock, end_us))
    ;
}

static void
send_jpeg (PbGstThumbnail *self, GBytes *jpeg)
{
  g_autoptr (PbMessage) message = pb_message_new (PB_MESSAGE_THUMBNAIL);
  g_autoptr (PbGstSession) session = NULL;
  g_autofree char *base64 = NULL, *peer = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (jpeg, &size);

  g_mutex_lock (&self->lock);
  session = g_steal_pointer (&self->session);
  peer = g_steal_pointer (&self->peer);
  g_mutex_unlock (&self->lock);
  if (session == NULL)
    return;

  base64 = g_base64_encode (data, size);
  pb_message_set_string (message, "peer", peer);
  pb_message_set_string (message, "jpeg", base64);
  pb_gst_session_send (session, message);
}

static void
take_and_send (PbGstThumbnail *self)
{
  const gint64 until_us =
      g_get_monotonic_time () + PB_THUMBNAIL_WAIT_S * G_TIME_SPAN_SECOND;
  PbGstPictureOutcome outcome = PB_GST_PICTURE_SPOILT;
  g_autoptr (GstSample) sample = NULL;

  while (is_wanted (self) && outcome == PB_GST_PICTURE_SPOILT &&
         g_get_monotonic_time () < until_us) {
    outcome = attempt (self, until_us, &sample);
    if (outcome == PB_GST_PICTURE_SPOILT)
      hold_on (self);
  }
  gst_clear_object (&self->pad);
  if (sample != NULL && is_wanted (self)) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) jpeg =
        pb_gst_jpeg_print (sample, PB_THUMBNAIL_MAX, &error);

    if (jpeg != NULL)
      send_jpeg (self, jpeg);
    else
      GST_DEBUG ("no still picture: %s", error->message);
  }
}

static gpointer
run (gpointer data)
{
  PbGstThumbnail *self = data;
  PbGstSession *session;

  take_and_send (self);
  g_mutex_lock (&self->lock);
  session = g_steal_pointer (&self->session);
  self->is_wanted = FALSE;
  g_mutex_unlock (&self->lock);
  g_clear_object (&session);

  /* whoever settles finds that nothing is held any more */
  g_mutex_lock (&self->lock);
  self->is_running = FALSE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  unref (self);

  return NULL;
}

/* --- what others see ------------------------------------------------------ */

/**
 * pb_gst_thumbnail_ask: (skip)
 * @self: a thumbnail
 * @pad: a src pad where what is received passes
 * @session: where the picture goes
 * @peer: who gives it
 */
void
pb_gst_thumbnail_ask (PbGstThumbnail *self, GstPad *pad, PbGstSession *session,
    const char *peer)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  if (self->is_running) {
    GST_DEBUG ("one still picture at a time");
    return;
  }
  g_set_object (&self->session, session);
  g_free (self->peer);
  self->peer = g_strdup (peer);
  self->pad = gst_object_ref (pad);
  self->is_running = self->is_wanted = TRUE;
  thread = g_thread_try_new ("pb-thumbnail", run,
      g_atomic_rc_box_acquire (self), &error);
  if (thread != NULL) {
    g_thread_unref (thread);
    return;
  }

  GST_DEBUG ("no still picture: %s", error->message);
  self->is_running = self->is_wanted = FALSE;
  gst_clear_object (&self->pad);
  g_clear_object (&self->session);
  g_atomic_rc_box_release (self); /* never the last */
}

/**
 * pb_gst_thumbnail_cancel: (skip)
 * @self: a thumbnail
 */
void
pb_gst_thumbnail_cancel (PbGstThumbnail *self)
{
  g_autoptr (PbGstSession) session = NULL;
  PbGstPicture *picture;

  g_mutex_lock (&self->lock);
  self->is_wanted = FALSE;
  session = g_steal_pointer (&self->session);
  picture = self->picture != NULL ? pb_gst_picture_ref (self->picture) : NULL;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  if (picture == NULL)
    return;
  pb_gst_picture_cancel (picture);
  pb_gst_picture_unref (picture);
}

/**
 * pb_gst_thumbnail_settle: (skip)
 * @self: a thumbnail that was cancelled
 */
void
pb_gst_thumbnail_settle (PbGstThumbnail *self)
{
  const gint64 end_us = g_get_monotonic_time () + SETTLE_US;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (self->is_running &&
         g_cond_wait_until (&self->changed, &self->lock, end_us))
    ;
}
