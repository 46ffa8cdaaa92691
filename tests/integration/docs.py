#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every pipeline that the docs and the elements' own SECTION comments print is run as it stands.

A fenced block says in its info string what it does: ```sh send, ```sh receive, ```sh observe (or python, or c); with `plain` the other end is a
third party's program, with `webrtc` a pbsrcsink. In a SECTION comment: |[<!-- send -->. Only the
address of the server is put in, and screens and loudspeakers are replaced: nothing else, or it would not be what the reader pastes.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import expect, foreign_environment, free_port, need, run, test, until  # noqa: E402

VIDEO = ("videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! "
         "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 bitrate=600 ! h264parse")
SENDER_TWO = f"{VIDEO} ! pb.video_0 audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! pb.audio_0 pbsrtbin name=pb"
FEED = f"{VIDEO} ! mpegtsmux alignment=7"
RAW_TWO = ("videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! pb.video_0 audiotestsrc is-live=true ! pb.audio_0 "
           "pbsrcsink name=pb")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def pipelines():
    for path in sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))) + [os.path.join(ROOT, "README.md")]:
        with open(path, encoding="utf-8") as f:
            for language, kind, text in re.findall(r"^```(sh|python|c) ((?:send|receive|observe)(?: plain| webrtc)?)\n(.*?)^```", f.read(), re.S | re.M):
                yield os.path.basename(path), language, kind, text
    for path in sorted(glob.glob(os.path.join(ROOT, "plugins", "*", "gst*.c"))):
        with open(path, encoding="utf-8") as f:
            for kind, text in re.findall(r"\|\[<!-- ((?:send|receive|observe)(?: webrtc)?) -->\n(.*?)^ \* \]\|", f.read(), re.S | re.M):
                yield os.path.basename(path), "sh", kind, re.sub(r"^ \* ?", "", text, flags=re.M)


def start(scope, server, language, text, token):
    """The block as a child of its own: a shell line, a Python script, or a C program that is compiled first."""
    text = text.replace("pb://127.0.0.1:8080/", f"pb://127.0.0.1:{server.port}/")
    if language == "sh":
        text = text.replace("\\\n", " ").replace("\n", " ").strip().removeprefix("./run env ")
        expect(text.startswith("gst-launch-1.0 "), f"a gst-launch-1.0 line: {text}")
        text = text.replace("playbin3 uri", "playbin3 video-sink=fakesink audio-sink=fakesink uri")
        return scope.shell("docs", text.replace("gst-launch-1.0 ", "gst-launch-1.0 -m ", 1), PATCHBAY_TOKEN=token)
    text = text.replace("autovideosink", "fakesink sync=true")
    source = scope.path("docs.py" if language == "python" else "docs.c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(text)
    if language == "python":
        return scope.run("docs", [sys.executable, source], foreign_environment(PATCHBAY_TOKEN=token))
    need("cc", "pkg-config")
    # Ours may be built with a sanitizer, and would be loaded too late into a program without one.
    compiler = scope.run("cc", ["sh", "-c", 'cc -Wall -Werror -o "$1" "$2" $(pkg-config --cflags --libs gstreamer-1.0)', "sh", scope.path("docs"), source])
    expect(compiler.wait() == 0, compiler.tail())
    return scope.run("docs", [scope.path("docs")], foreign_environment(PATCHBAY_TOKEN=token))


def strange_string(server, admin, direction, stream):
    """What /connect prints for srt-live-transmit as the caller."""
    need("srt-live-transmit")
    end = server.wait_ready(admin, direction, stream)
    return next(row["string"] for row in end["strings"] if row["client"] == "srt-live-transmit" and row["mode"] == "caller")


def try_out(where, language, kind, text):
    def body(scope):
        server = scope.server()
        admin = server.create(streams=("cam-wide", "cam-close"))["token"]
        stream = "cam-close" if "cam-close" in text else "cam-wide"
        send, receive = server.mint(admin, stream, "send"), server.mint(admin, stream, "receive")
        if kind == "send webrtc":
            receiver = scope.pipeline("receiver", f"pbsrcsink uri={server.uri(stream)} ! fakesink name=out sync=false", count=("out",), token=receive)
            start(scope, server, language, text, send)
            receiver.wait_count("out", 30)
        elif kind == "send":
            receiver = scope.pipeline("receiver", f"pbsrtbin uri={server.uri(stream)} ! fakesink name=out sync=false", count=("out",), token=receive)
            start(scope, server, language, text, send)
            receiver.wait_count("out", 30)
        elif kind == "send plain":
            docs = start(scope, server, language, text, send)
            scope.shell("player", strange_string(server, admin, "receive", stream))
            docs.wait_line(lambda line: "pb-peer" in line and "srt=(string)connected" in line, "a third-party player")
        elif kind.startswith("receive"):
            # who sends back needs more than to receive
            docs = start(scope, server, language, text, admin if "direction=receive" in text else receive)
            if kind == "receive webrtc":
                scope.pipeline("sender", f"{RAW_TWO} uri={server.uri(stream)}", token=send)
            elif kind == "receive":
                scope.pipeline("sender", f"{SENDER_TWO} uri={server.uri(stream)}", token=send)
            else:
                line = strange_string(server, admin, "send", stream)
                port = free_port()
                scope.pipeline("feed", f"{FEED} ! udpsink host=127.0.0.1 port={port}")
                scope.shell("camera", re.sub(r"udp://\S*?:\d+", f"udp://127.0.0.1:{port}", line))

            def arrived():
                slot = next(s for s in server.show(admin)["streams"] if s["stream"] == stream)
                return slot["receivers"] and slot["receivers"][0].get("packets", 0) > 0
            until(arrived, "packets at the printed receiver")
            expect(docs.process.poll() is None, f"it still runs\n{docs.tail()}")
            expect(not any("ERROR" in line for line in docs.seen), f"no error\n{docs.tail()}")
        else:
            docs = start(scope, server, language, text, admin)
            docs.wait_line(lambda line: "pb-session" in line and "connected" in line, "a pb-session message")
            if "set-tally" in text:
                docs.wait_line(lambda line: line == "tally cam-wide program", "the light that it set")
    test(f"{where}: {kind}: {' '.join(text.split())[:70]}")(body)


FOUND = list(pipelines())
for one in FOUND:
    try_out(*one)


@test("there is a sending, a receiving and an observing pipeline in the docs")
def test_found(_scope):
    expect({"send", "receive", "observe", "send webrtc", "receive webrtc"} <= {kind for _, _, kind, _ in FOUND}, f"{[(w, k) for w, _, k, _ in FOUND]}")


run()
