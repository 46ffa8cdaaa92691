#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two peers behind two NATs, a server on the public side, each in a network namespace of its own.

    camera ── natA ── hub (patchbayd, STUN) ── natB ── studio

lab.py makes it and deletes it.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab  # noqa: E402
from pbtest import DECODE, RECEIVER, SENDER, expect, run, test  # noqa: E402

# the same over WebRTC
WEBRTC_SENDER = SENDER.replace("pbsrtbin", "pbsrcsink transport=webrtc")
WEBRTC_RECEIVER = "pbsrcsink name=pb direction=receive transport=webrtc"
WEBRTC_DECODE = " pb.video_src_0 ! queue ! h264parse ! avdec_h264 ! fakesink name=out sync=false"


def production(scope, lab, sender=SENDER, receiver=RECEIVER, decode=DECODE):
    server = lab.server(scope)
    admin = server.create()["token"]
    receiver = lab.pipeline(scope, "studio", f"{receiver} uri={server.uri()}{decode}", server.mint(admin, "cam-wide", "receive"))
    sender = lab.pipeline(scope, "camera", f"{sender} uri={server.uri()}", server.mint(admin, "cam-wide", "send"))
    return sender, receiver


@test("two ordinary home routers: the ends meet directly, with the server's own STUN, and carry video")
def test_masquerade(scope):
    with Lab() as lab:
        sender, receiver = production(scope, lab)
        for end in (sender, receiver):
            peer = end.wait_message("pb-peer", srt="connected")
            expect(peer["path"] == "direct", f"{peer}")
        receiver.wait_count("out", 50)


@test("two routers that give every destination another port: both ends say that, in words")
def test_symmetric(scope):
    with Lab("masquerade fully-random", "masquerade fully-random") as lab:
        for end in production(scope, lab):
            end.wait_event("message", "nat-symmetric or no-path", where=lambda e: e["name"] == "pb-fault"
                           and e["fields"]["code"] in ("nat-symmetric", "no-path"))


@test("a network that lets no UDP out: both ends say so")
def test_udp_blocked(scope):
    with Lab(udp_a=False) as lab:
        sender, receiver = production(scope, lab)
        sender.wait_message("pb-fault", code="udp-blocked")
        receiver.wait_message("pb-fault", code="udp-blocked")


def webrtc(scope, lab):
    sender, receiver = production(scope, lab, WEBRTC_SENDER, WEBRTC_RECEIVER, WEBRTC_DECODE)
    for end in (sender, receiver):
        peer = end.wait_message("pb-peer", srt="connected")
        expect(peer["path"] == "direct" and peer["transport"] == "webrtc", f"{peer}")
    receiver.wait_count("out", 50)
    return sender, receiver


@test("WebRTC between two ordinary home routers: the ends meet directly, and carry video")
def test_webrtc(scope):
    with Lab() as lab:
        webrtc(scope, lab)


@test("WebRTC, and a network that goes altogether for half a minute: the pipelines run on, and the picture comes back")
def test_webrtc_cut(scope):
    with Lab() as lab:
        ends = webrtc(scope, lab)
        lab.cut("nata")
        for end in ends:
            end.wait_message("pb-fault", code="peer-lost")
        # the server is missed as well, once its pings are
        ends[0].wait_message("pb-fault", code="server-unreachable", timeout=90)
        lab.mend("nata")
        ends[1].wait_more("out", 100, timeout=120)
        for end in ends:
            bad = [e for e in end.events() if e["event"] in ("error", "eos")]
            expect(not bad, f"{end.name} runs on: {bad}")


run()
