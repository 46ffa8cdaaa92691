#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-inspect-1.0 reads as a manual: the plugin loads, each element says what
it is, every property has a description and a default, and no secret can be
read back.

It runs before the other tests of elements, and so fills the registry they
share: they then load what they use, and not every plugin of the system.

usage: inspect.py PLUGIN ELEMENT...
"""

import os
import re
import shutil
import subprocess
import sys

# What a property may be called that holds a secret.
SECRET = re.compile(r"(?<!-)\b(token|passphrase|password|secret|key)$")
PROPERTY = re.compile(r"^  ([a-z][a-z0-9-]*) *: (.*)$", re.M)


def inspect(*names):
    env = dict(os.environ)
    preload = env.get("PATCHBAY_ASAN")
    if preload:
        # gst-inspect-1.0 itself is not instrumented, and is not ours to judge.
        env["LD_PRELOAD"] = preload
        env["ASAN_OPTIONS"] = "detect_leaks=0"
    return subprocess.run(["gst-inspect-1.0", *names], env=env, text=True,
                          capture_output=True, timeout=240, check=False)


class Tap:
    def __init__(self):
        self.number = self.bad = 0

    def check(self, good, title, detail=""):
        self.number += 1
        self.bad += not good
        for line in detail.splitlines()[:20] if not good else []:
            print("# " + line)
        print("%s %d %s" % ("ok" if good else "not ok", self.number, title),
              flush=True)


def element(tap, name):
    out = inspect(name)
    tap.check(out.returncode == 0, name + " is there", out.stderr)
    if out.returncode != 0:
        return
    details = out.stdout.split("Plugin Details", 1)[0]
    tap.check(all(word in details for word in
                  ("Long-name", "Klass", "Description", "Author")),
              name + " says what it is", details)
    _, _, text = out.stdout.partition("Element Properties:")
    text = re.split(r"^Element (?:Signals|Actions):", text, flags=re.M)[0]
    found = PROPERTY.findall(text)
    tap.check(bool(found), name + " has properties", out.stdout)
    silent = [prop for prop, blurb in found
              if len(blurb.split()) < 2 and
              prop not in ("name", "parent")]
    tap.check(not silent, name + ": every property has a description",
              "\n".join(silent))
    readable = []
    for match in PROPERTY.finditer(text):
        rest = text[match.end():].split("\n", 2)
        flags = rest[1] if len(rest) > 1 else ""
        if SECRET.search(match.group(1)) and re.search(r"\breadable", flags):
            readable.append("%s (%s)" % (match.group(1), flags.strip()))
    tap.check(not readable, name + ": no secret can be read back",
              "\n".join(readable))


def main():
    plugin, names = sys.argv[1], sys.argv[2:]
    tap = Tap()
    if not shutil.which("gst-inspect-1.0"):
        print("1..0 # SKIP gst-inspect-1.0 is not installed")
        return 0
    # The first time it scans every plugin of the system.
    out = inspect(plugin)
    tap.check(out.returncode == 0, "the plugin loads", out.stderr)
    tap.check(not re.search(r"CRITICAL|WARNING \*\*", out.stderr),
              "and nothing complains", out.stderr)
    for name in names:
        element(tap, name)
    print("1..%d" % tap.number)
    return 1 if tap.bad else 0


if __name__ == "__main__":
    sys.exit(main())
