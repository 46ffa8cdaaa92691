/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* rtpbin 1.22, stopped while it learns of a payload type, forgets the row that
 * it has just made and what hangs on it; a payloader, stopped in the middle of
 * a frame, what it kept of the frame's metadata (each seen in one of some
 * runs). Of these programs alone: elsewhere whatever runs beneath them shall
 * be seen, and webrtc-leaks counts packets in its own way. */
const char *__lsan_default_suppressions (void);

const char *
__lsan_default_suppressions (void)
{
  return "leak:libgstrtpmanager\nleak:libgstrtp-1.0\n";
}
