/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

/* Tests run with G_DEBUG=fatal-criticals, and GLib makes warnings fatal in
 * them. These are libraries' own, none of them for what we do, and none of ours
 * says the same: each with its place.
 *
 * GStreamer 1.22, rtpsession's RTCP thread: it walks its table of sources for a
 * report while a stream that begins adds one (about one start in a hundred).
 * Nothing of ours walks a GHashTable with g_hash_table_foreach().
 *
 * GStreamer 1.22, webrtcbin: a stream's first packet comes while an offer with
 * one more track is being answered. It looks through all tracks for what to do
 * about losses; what it does is ours anyway (pb-webrtc-receive.c).
 *
 * GStreamer 1.22, basesrc: stopped while it holds a list of buffers, as
 * pbsrtbin's source gives it, it lets go of the buffer that there is not. The
 * source gives none while it is paused (gstpbsrtsrc.c); what is left is the
 * moment between its giving one and basesrc's looking whether it plays. Only a
 * program that is ending says it. */
static const char *const pb_known_criticals[] = {
  "g_hash_table_foreach: assertion 'version == hash_table->version' failed",
  "jitter_buffer_set_retransmission: code should not be reached",
};

static const char pb_ending_critical[] =
    "gst_mini_object_unref: assertion 'mini_object != NULL' failed";
static gint pb_is_ending; /* atomic */

static inline gboolean
pb_is_fatal (const char *domain, GLogLevelFlags level, const char *message,
    gpointer unused)
{
  for (guint i = 0; i < G_N_ELEMENTS (pb_known_criticals); i++)
    if (message != NULL && strstr (message, pb_known_criticals[i]) != NULL)
      return FALSE;

  return message == NULL || !g_atomic_int_get (&pb_is_ending) ||
         strstr (message, pb_ending_critical) == NULL;
}

/* GLib's own handler in a test says “Bail out!” also of what does not end it,
 * and the harness believes it. */
static GLogFunc pb_log_before;

static inline void
pb_log (const char *domain, GLogLevelFlags level, const char *message,
    gpointer user_data)
{
  if ((level & G_LOG_LEVEL_MASK) <= G_LOG_LEVEL_WARNING &&
      !pb_is_fatal (domain, level, message, NULL))
    g_printerr ("# known: %s\n", message);
  else
    pb_log_before (domain, level, message, user_data);
}

/* Before anything plays, in each case again: GLib forgets it between them. */
static inline void
pb_allow_known_criticals (void)
{
  g_test_log_set_fatal_handler (pb_is_fatal, NULL);
  if (pb_log_before == NULL)
    pb_log_before = g_log_set_default_handler (pb_log, NULL);
}

/* Before the pipeline is stopped for good. */
static inline void
pb_allow_ending_criticals (void)
{
  g_atomic_int_set (&pb_is_ending, TRUE);
}
