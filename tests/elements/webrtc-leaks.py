#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Five hundred connections, and some ended early, leave no object of
GStreamer's behind: webrtc-leaks.py PROGRAM"""

import os
import re
import subprocess
import sys

# GStreamer keeps one for each certificate that it was given, which is ours
KEPT = {"GstDtlsAgent"}
# What webrtcbin 1.22 forgets of a data channel once in some thousands of
# connections: one that we forgot would be there five hundred times.
RARE = {"GstAppSrc", "GstAppSink", "GstMessage", "GstPad"}
RARE_MOST = 2
CASES = ("many-times", "both-directions-in-one-connection", "a-track-is-added",
         "ends-at-any-moment", "ends-in-a-callback")


def main():
    env = dict(os.environ, GST_TRACERS="leaks", GST_DEBUG="GST_TRACER:7",
               GST_DEBUG_NO_COLOR="1", PB_CYCLES="500")
    # the tracer itself warns of what it finds
    env.pop("G_DEBUG", None)
    print("1..%d" % len(CASES))
    bad = 0
    for number, case in enumerate(CASES, 1):
        run = subprocess.run([sys.argv[1], "-p", "/webrtc-peer/" + case],
                             env=env, capture_output=True, text=True,
                             errors="replace", timeout=500, check=False)
        alive = re.findall(r"object-alive.*?type-name=\(string\)(\w+)",
                           run.stderr + run.stdout)
        left = sorted(kind for kind in set(alive) - KEPT
                      if case != CASES[0] or kind not in RARE or
                      alive.count(kind) > RARE_MOST)
        # that the one is reported shows that the tracer looked
        is_good = run.returncode == 0 and not left and "GstDtlsAgent" in alive
        print("%s %d %s leaves nothing" % ("ok" if is_good else "not ok",
                                           number, case))
        if not is_good:
            bad = 1
            print("# exit %d, alive: %s" % (run.returncode, " ".join(left)))
    return bad


sys.exit(main())
