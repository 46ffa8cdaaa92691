#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pbsrcsink meets pbsrcsink through a real server: picture and sound in both directions, many consumers, and what happens when one goes away."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import PBCTL, environment, expect, run, test, until  # noqa: E402

PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1"
TONE = "audiotestsrc is-live=true"
LOOK = "pb.video_src_0 ! queue ! fakesink name=video sync=false"
LISTEN = "pb.audio_src_0 ! queue ! fakesink name=audio sync=false"


def production(scope, **kw):
    server = scope.server(**kw)
    admin = server.create()["token"]
    return server, admin, server.mint(admin, "cam-wide", "send"), server.mint(admin, "cam-wide", "receive")


def camera(scope, server, token, more="", **kw):
    return scope.pipeline("sender", f"pbsrcsink name=pb uri={server.uri()} {more} {PICTURE} ! pb.video_0 {TONE} ! pb.audio_0", token=token, **kw)


def viewer(scope, server, token, more="", name="receiver", **kw):
    return scope.pipeline(name, f"pbsrcsink name=pb decode=true uri={server.uri()} {more} {LOOK} {LISTEN}", token=token,
                          count=("video", "audio"), **kw)


@test("two pbsrcsinks meet, and raw picture and sound arrive decoded")
def test_meet(scope):
    server, admin, send, receive = production(scope)
    receiver = viewer(scope, server, receive)
    sender = camera(scope, server, send)
    for end in (receiver, sender):
        peer = end.wait_message("pb-peer", srt="connected")
        expect(peer["path"] == "direct", f"path: {peer}")
        expect(peer["cipher"] == "dtls-srtp", f"cipher: {peer}")
    receiver.wait_count("video", 50)
    receiver.wait_more("audio", 50)
    sender.stop()
    receiver.stop()
    expect(server.stop() == 0, "patchbayd exits 0")


run()
