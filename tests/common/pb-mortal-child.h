/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <signal.h>
#include <sys/prctl.h>

/* A child setup: a test that aborts takes its children along, or they would go
 * on and hold its output open. Spawn from a thread that lives as long. */
static inline void
pb_die_with_parent (gpointer unused)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}
