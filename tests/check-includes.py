#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads every #include and fails on one that looks the wrong way.

The arrows of the design: core <- net <- glue <- plugins; core <- the server;
core, net <- cli. What a room may include is RULES below; a folder that is in
no rule is an error too, so that a new room gets its line.
"""

import os
import re
import sys

# Headers by who provides them. Anything else in angle brackets is the C
# library's or the system's and is free to all.
FAMILIES = [
    ("gst", re.compile(r"^gst/")),
    ("soup", re.compile(r"^libsoup/")),
    ("srt", re.compile(r"^srt/")),
    ("nice", re.compile(r"^(nice|agent)[./]|^nice\.h$|^interfaces\.h$")),
    ("stun", re.compile(r"^stun/")),
    ("wslay", re.compile(r"^wslay/")),
    ("qrencode", re.compile(r"^qrencode\.h$")),
    ("sqlite", re.compile(r"^sqlite3\.h$")),
    ("openssl", re.compile(r"^openssl/")),
    ("json", re.compile(r"^json-glib/")),
    ("sockets", re.compile(
        r"^(sys/socket|netinet/.*|arpa/.*|netdb|sys/epoll|sys/un)(\.h)?$")),
]

# room: (folder, own rooms it may see, families it may not see)
RULES = [
    ("core", "gst/core", {"core"},
     {"gst", "soup", "srt", "nice", "stun", "wslay", "qrencode", "sqlite",
      "sockets"}),
    ("net", "gst/net", {"core", "net"},
     {"gst", "srt", "nice", "stun", "wslay", "qrencode", "sqlite"}),
    ("glue", "gst/glue", {"core", "net", "glue"},
     {"srt", "nice", "wslay", "qrencode", "sqlite", "soup"}),
    ("plugins", "plugins", {"core", "net", "glue", "plugins"},
     {"wslay", "qrencode", "sqlite", "soup"}),
    ("cli", "signaling-server/cli", {"core", "net", "cli"},
     {"gst", "srt", "nice", "stun", "wslay", "sqlite", "soup"}),
    ("server", "signaling-server", {"core", "server"},
     {"gst", "srt"}),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
OWN = re.compile(r"^(core|net|glue)/")
SPDX = "/* SPDX-License-Identifier: LGPL-2.1-or-later */"


def room_of(path):
    best = None
    for name, folder, sees, shuns in RULES:
        if path.startswith(folder + os.sep):
            if best is None or len(folder) > len(best[1]):
                best = (name, folder, sees, shuns)
    return best


def target_room(root, path, name):
    """The room a quoted include lands in, or None where it is not ours."""
    own = OWN.match(name)
    if own:
        return own.group(1)
    if name == "pb.h":
        return "net"
    for base in (os.path.dirname(os.path.join(root, path)),
                 os.path.join(root, "plugins"),
                 os.path.join(root, "signaling-server"),
                 os.path.join(root, "gst")):
        found = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(found):
            room = room_of(os.path.relpath(found, root))
            return room[0] if room else None
    return None


def check(root, path, text):
    room = room_of(path)
    if room is None:
        return ["%s: in no room that tests/check-includes.py knows" % path]
    name, _, sees, shuns = room
    wrong = []
    if not text.startswith(SPDX):
        wrong.append("%s:1: the first line is not the licence" % path)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        bracket, header = match.groups()
        if bracket == '"':
            other = target_room(root, path, header)
            if other is not None and other not in sees:
                wrong.append("%s:%d: %s may not include %s (%s)" %
                             (path, line, name, other, header))
                continue
            if other is not None:
                continue
        for family, pattern in FAMILIES:
            if family in shuns and pattern.match(header):
                wrong.append("%s:%d: %s may not use %s (%s)" %
                             (path, line, name, family, header))
    return wrong


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.getcwd()
    wrong = []
    seen = 0
    for top in ("gst", "plugins", "signaling-server"):
        for folder, dirs, files in os.walk(os.path.join(root, top)):
            dirs.sort()
            for file in sorted(files):
                if not file.endswith((".c", ".h")):
                    continue
                full = os.path.join(folder, file)
                path = os.path.relpath(full, root)
                if path == os.path.join("gst", "pb.h"):
                    continue
                with open(full, encoding="utf-8") as handle:
                    wrong += check(root, path, handle.read())
                seen += 1
    if seen == 0:
        wrong.append("no source found below %s" % root)
    print("1..1")
    for line in wrong:
        print("# " + line)
    print("%s 1 %d files look the right way" %
          ("not ok" if wrong else "ok", seen))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
