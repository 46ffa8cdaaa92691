/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-timer.h"

/**
 * pb_timer_new: (skip)
 * @context: where it runs
 * @ms: the pause before each call
 * @func: what is called, until it returns %G_SOURCE_REMOVE
 * @user_data: for @func
 *
 * Returns: (transfer full): the timer, for pb_timer_clear()
 */
GSource *
pb_timer_new (GMainContext *context, guint ms, GSourceFunc func,
    gpointer user_data)
{
  GSource *source = g_timeout_source_new (ms);

  g_source_set_callback (source, func, user_data, NULL);
  g_source_attach (source, context);

  return source;
}

/**
 * pb_timer_clear: (skip)
 * @source: a source, which ends here; %NULL afterwards
 */
void
pb_timer_clear (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}
