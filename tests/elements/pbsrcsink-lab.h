/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "fake-webrtc-end.h"

/* What the tests of pbsrcsink by itself share. Beneath it is an end that
 * connects to nobody; tests/integration/webrtc.py has the real one. */

#define NOBODY                                                                 \
  "transport=webrtc uri=pb://127.0.0.1:1/demo/cam-wide token=p_x.y "
#define WATCHDOG (60 * G_TIME_SPAN_SECOND)
#define VIDEO                                                                  \
  "videotestsrc is-live=true ! "                                               \
  "video/x-raw,width=160,height=90,framerate=25/1 "
#define AUDIO "audiotestsrc is-live=true "
#define X264 "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 "

/* Until it holds of what the end below has seen; under its lock. */
#define lab_wait_for(condition)                                                \
  G_STMT_START                                                                 \
  {                                                                            \
    gint64 until_ = g_get_monotonic_time () + WATCHDOG;                        \
                                                                               \
    g_mutex_lock (&fake_end.lock);                                             \
    while (!(condition))                                                       \
      if (!g_cond_wait_until (&fake_end.cond, &fake_end.lock, until_))         \
        g_error ("not in time: %s", #condition);                               \
    g_mutex_unlock (&fake_end.lock);                                           \
  }                                                                            \
  G_STMT_END

typedef struct
{
  const char *name;
  GTestFunc func;
} LabTest;

/* A pipeline over an end that has seen nothing yet; the caller ends it. */
GstElement *lab_launch (const char *line);
void lab_play (GstElement *pipeline);
/* (transfer full): to NULL, and freed */
void lab_end (GstElement *pipeline);
/* (transfer full) */
GstElement *lab_get (GstElement *pipeline, const char *name);

/* (transfer full): the next of these types; never NULL */
GstMessage *lab_wait_message (GstElement *pipeline, GstMessageType types);
/* Warnings or errors that are there already; `text`: of the last. */
guint lab_count_messages (GstElement *pipeline, GstMessageType type,
    char **text);

gboolean lab_has_child (GstElement *bin, const char *factory);
/* The caps of a track that the end below was given. */
char *lab_dup_track (guint i);

/* Waits for `n` more buffers at the end below; their bytes. */
gsize lab_weigh (guint n);

/* Takes a feature out of the registry: as if it were not installed. NULL: it
 * is not. show() gives it back. */
GstPluginFeature *lab_hide (const char *name);
void lab_show (GstPluginFeature *feature);

int lab_run (int argc, char *argv[], const LabTest *tests, gsize n_tests);
