#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every pipeline that the docs and the elements' own SECTION comments print is run as it stands.

A fenced block says in its info string what it does: ```sh send, ```sh receive, ```sh observe; in a SECTION comment: |[<!-- send -->. Only the
address of the server is put in, and screens and loudspeakers are replaced: nothing else, or it would not be what the reader pastes.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import expect, run, test, until  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def pipelines():
    for path in sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))) + [os.path.join(ROOT, "README.md")]:
        with open(path, encoding="utf-8") as f:
            for kind, text in re.findall(r"^```sh (send|receive|observe)\n(.*?)^```", f.read(), re.S | re.M):
                yield os.path.basename(path), kind, text
    for path in sorted(glob.glob(os.path.join(ROOT, "plugins", "*", "gst*.c"))):
        with open(path, encoding="utf-8") as f:
            for kind, text in re.findall(r"\|\[<!-- (send|receive|observe) -->\n(.*?)^ \* \]\|", f.read(), re.S | re.M):
                yield os.path.basename(path), kind, re.sub(r"^ \* ?", "", text, flags=re.M)


def command(text, server):
    text = text.replace("\\\n", " ").replace("\n", " ").strip()
    expect(text.startswith("gst-launch-1.0 "), f"a gst-launch-1.0 line: {text}")
    text = text.replace("pb://127.0.0.1:8080/", f"pb://127.0.0.1:{server.port}/")
    return text.replace("gst-launch-1.0 ", "gst-launch-1.0 -m ", 1)


def try_out(where, kind, text):
    def body(scope):
        server = scope.server()
        admin = server.create(streams=("cam-wide", "cam-close"))["token"]
        stream = "cam-close" if "cam-close" in text else "cam-wide"
        if kind == "send":
            receiver = scope.pipeline("receiver", f"pbsrtbin uri={server.uri(stream)} ! fakesink name=out sync=false", count=("out",),
                                      token=server.mint(admin, stream, "receive"))
            scope.shell("docs", command(text, server), PATCHBAY_TOKEN=server.mint(admin, stream, "send"))
            receiver.wait_count("out", 30)
        elif kind == "receive":
            scope.sender(server, server.mint(admin, stream, "send"), stream)
            docs = scope.shell("docs", command(text, server), PATCHBAY_TOKEN=server.mint(admin, stream, "receive"))

            def arrived():
                slot = next(s for s in server.show(admin)["streams"] if s["stream"] == stream)
                return slot["receivers"] and slot["receivers"][0].get("packets", 0) > 0
            until(arrived, "packets at the printed receiver")
            expect(docs.process.poll() is None, f"it still runs\n{docs.tail()}")
        else:
            docs = scope.shell("docs", command(text, server), PATCHBAY_TOKEN=admin)
            docs.wait_line(lambda line: "pb-session" in line and "connected" in line, "a pb-session message")
    test(f"{where}: {kind}: {' '.join(text.split())[:70]}")(body)


FOUND = list(pipelines())
for one in FOUND:
    try_out(*one)


@test("there is a sending, a receiving and an observing pipeline in the docs")
def test_found(_scope):
    expect({kind for _, kind, _ in FOUND} == {"send", "receive", "observe"}, f"{[(w, k) for w, k, _ in FOUND]}")


run()
