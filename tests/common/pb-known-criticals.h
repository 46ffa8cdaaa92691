/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

/* Tests run with G_DEBUG=fatal-criticals. These are libraries' own, none of
 * them for what we do, and none of ours says the same: each with its place.
 *
 * GStreamer 1.22, rtpsession's RTCP thread: it walks its table of sources for a
 * report while a stream that begins adds one (about one start in a hundred).
 * Nothing of ours walks a GHashTable with g_hash_table_foreach(). */
static inline gboolean
pb_is_fatal (const char *domain, GLogLevelFlags level, const char *message,
    gpointer unused)
{
  return g_strcmp0 (domain, "GLib") != 0 || message == NULL ||
         strstr (message, "g_hash_table_foreach: assertion 'version == "
                          "hash_table->version' failed") == NULL;
}

/* Before anything plays, in each case again: GLib forgets it between them. */
static inline void
pb_allow_known_criticals (void)
{
  g_test_log_set_fatal_handler (pb_is_fatal, NULL);
}
