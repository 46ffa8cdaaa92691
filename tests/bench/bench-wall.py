#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The control room's page with 50 slots and 100 ends that report once a second:
CPU time of Chromium beside that of an empty page, and what its heap holds after
a collection, over ten minutes. Usage: bench-wall.py [SECONDS]
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BROWSER = os.path.join(HERE, "..", "browser")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    # five minutes more fill the graphs; the watchdog is a third of a test's
    env = dict(os.environ, PB_WALL_SECONDS=str(seconds),
               PB_WATCHDOG=str(max(60, (seconds + 400) // 3 + 60)))
    return subprocess.run([os.path.join(BROWSER, "netns.sh"),
                           os.path.join(BROWSER, "wall-load.mjs")],
                          env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
