#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libpb exports what its headers promise: every PB_API name is there, nothing
else is, and each has a description.

A name is described by a gtk-doc block above its definition; what a macro
declares (get_type) is covered by the block of its type.

usage: check-exports.py SOURCE_ROOT LIBRARY
"""

import os
import re
import subprocess
import sys

DECLARE = re.compile(
    r"^PB_API\s+G_DECLARE_(?:FINAL_TYPE|DERIVABLE_TYPE|INTERFACE)\s*"
    r"\(\s*\w+,\s*(\w+)", re.M)
FUNCTION = re.compile(r"^PB_API\s+(?!G_DECLARE)[^;(]*?\b(pb_\w+)\s*\(", re.M)


def promised(root):
    names = {}
    for room in ("core", "net"):
        folder = os.path.join(root, "gst", room)
        for file in sorted(os.listdir(folder)):
            if not file.endswith(".h"):
                continue
            with open(os.path.join(folder, file), encoding="utf-8") as handle:
                text = handle.read()
            for match in FUNCTION.finditer(text):
                names[match.group(1)] = room + "/" + file
            for match in DECLARE.finditer(text):
                names[match.group(1) + "_get_type"] = room + "/" + file
    return names


def described(root):
    names = set()
    for room in ("core", "net"):
        folder = os.path.join(root, "gst", room)
        for file in sorted(os.listdir(folder)):
            if file.endswith(".c"):
                with open(os.path.join(folder, file),
                          encoding="utf-8") as handle:
                    names.update(re.findall(r"^ \* (pb_\w+):", handle.read(),
                                            re.M))
    return names


def exported(library):
    out = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", library],
        check=True, capture_output=True, text=True).stdout
    names = set()
    for line in out.splitlines():
        name, kind = line.split()[:2]
        # Sanitizers and the linker add names of their own.
        if kind in "TDBR" and not name.startswith("_"):
            names.add(name.split("@")[0])
    return names


def main():
    root, library = sys.argv[1:3]
    want = promised(root)
    have = exported(library)
    tests = []
    missing = sorted(set(want) - have)
    extra = sorted(name for name in have - set(want))
    tests.append((not missing, "every PB_API name is exported", missing))
    tests.append((not extra, "nothing else is exported", extra))
    silent = sorted(name for name in set(want) - described(root)
                    if not name.endswith(("_get_type", "_quark")))
    tests.append((bool(want) and not silent, "every one has a description",
                  silent))
    print("1..%d" % len(tests))
    for number, (good, title, names) in enumerate(tests, 1):
        for name in names:
            print("# %s (%s)" % (name, want.get(name, "in no header")))
        print("%s %d %s" % ("ok" if good else "not ok", number, title))
    return 0 if all(test[0] for test in tests) else 1


if __name__ == "__main__":
    sys.exit(main())
