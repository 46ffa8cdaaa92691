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


def production(scope, lab):
    server = lab.server(scope)
    admin = server.create()["token"]
    receiver = lab.pipeline(scope, "studio", f"{RECEIVER} uri={server.uri()}{DECODE}", server.mint(admin, "cam-wide", "receive"))
    sender = lab.pipeline(scope, "camera", f"{SENDER} uri={server.uri()}", server.mint(admin, "cam-wide", "send"))
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


run()
