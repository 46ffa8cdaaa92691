#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""WebRTC between two ends that reach nothing but the server and a coturn: media goes through the relay, and everybody says so."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import RELAY, Signalling, relay_lab  # noqa: E402
from pbtest import expect, run, test, until  # noqa: E402

SENDER = ("videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1 ! "
          "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=400 ! h264parse ! pbsrcsink name=pb")
RECEIVER = "pbsrcsink name=pb direction=receive"
DECODE = " pb.video_src_0 ! queue ! fakesink name=out sync=false"


def media_flows(scope, lab, policy, cafile=""):
    server = lab.server(scope)
    admin = server.create()["token"]
    receiver = lab.pipeline(scope, "studio", f"{RECEIVER} ice-transport-policy={policy} uri={server.uri()}{DECODE}",
                            server.mint(admin, "cam-wide", "receive"), cafile)
    lab.pipeline(scope, "camera", f"{SENDER} ice-transport-policy={policy} uri={server.uri()}", server.mint(admin, "cam-wide", "send"),
                 cafile)
    receiver.wait_count("out", 50)

    def told():
        slot = server.show(admin)["streams"][0]
        ends = [slot["sender"]] + slot["receivers"]
        return slot if slot["state"] == "RELAYING" and all(e["path"] == "relay" and e["transport"] == "webrtc" for e in ends) else None
    until(told, "both ends to say that they are relayed", 15)
    # coturn forwarded it: packets came from and went to a peer
    lab.coturn.wait_line(lambda line: "ALLOCATE processed, success" in line, "an allocation")
    lab.coturn.wait_line(lambda line: ("CREATE_PERMISSION" in line or "CHANNEL_BIND" in line) and "success" in line, "a peer of it")


@test("relay alone is allowed: media comes through coturn over UDP")
def test_udp(scope):
    with relay_lab(scope, transports=("udp",)) as lab:
        media_flows(scope, lab, "relay")


@test("no path but the relay's: it is found without being asked for")
def test_all(scope):
    with relay_lab(scope, transports=("udp",)) as lab:
        media_flows(scope, lab, "all")


@test("a network that lets no UDP out: media comes through coturn over TCP")
def test_tcp(scope):
    with relay_lab(scope, transports=("udp", "tcp"), udp_camera=False) as lab:
        media_flows(scope, lab, "relay")


@test("a network that lets only TLS out: media comes through coturn over TLS")
def test_tls(scope):
    with relay_lab(scope, transports=("tls",), udp_camera=False) as lab:
        media_flows(scope, lab, "relay", lab.coturn.cafile)
        for _ in ("camera", "studio"):
            lab.front.wait_line(lambda line: line.startswith("TLS with "), "a handshake")


@test("a relay whose certificate nobody vouches for: no media, and the reason")
def test_tls_of_a_stranger(scope):
    with relay_lab(scope, transports=("tls",), udp_camera=False) as lab:
        server = lab.server(scope)
        admin = server.create()["token"]
        receiver = lab.pipeline(scope, "studio", f"{RECEIVER} ice-transport-policy=relay uri={server.uri()}{DECODE}",
                                server.mint(admin, "cam-wide", "receive"))
        camera = lab.pipeline(scope, "camera", f"{SENDER} ice-transport-policy=relay uri={server.uri()}", server.mint(admin, "cam-wide", "send"))
        camera.wait_message("pb-fault", timeout=60, code="relay-unreachable")
        expect(not any(line.startswith("TLS with ") for line in lab.front.seen), lab.front.seen)
        expect(receiver.count("out") == 0, "buffers")


@test("relay alone is allowed: what is signalled tells the relay's address and no other")
def test_hidden(scope):
    with relay_lab(scope) as lab:
        server = lab.server(scope)
        admin = server.create()["token"]
        with Signalling(lab, "studio", server, server.mint(admin, "cam-wide", "receive"), peer="studio-0001", direction="receive", ice=True,
                        transports=["webrtc"]) as studio:
            lab.pipeline(scope, "camera", f"{SENDER} ice-transport-policy=relay uri={server.uri()}", server.mint(admin, "cam-wide", "send"),
                         lab.coturn.cafile)
            said = []
            while not said or said[-1].get("kind") != "end-of-candidates":
                said.append(studio.read())
        told = [m["data"]["candidate"] for m in said if m.get("kind") == "candidate"]
        expect(told, "a candidate at the relay")
        for line in told:
            expect(f" {RELAY} " in line and " typ relay " in line, line)
        expect("198.51.100." not in str(said), f"nothing of the camera's own: {said}")


CREDENTIAL_S = 60


@test("credentials for the relay are told again in time: what runs goes on after the first have expired, and who comes then gets in")
def test_refresh(scope):
    with relay_lab(scope, transports=("udp",)) as lab:
        server = lab.server(scope, turn_ttl=CREDENTIAL_S)
        admin = server.create()["token"]
        receive = server.mint(admin, "cam-wide", "receive")
        receiver = lab.pipeline(scope, "studio", f"{RECEIVER} ice-transport-policy=relay uri={server.uri()}{DECODE}", receive)
        camera = lab.pipeline(scope, "camera", f"{SENDER} ice-transport-policy=relay uri={server.uri()}", server.mint(admin, "cam-wide", "send"))
        receiver.wait_count("out", 50)
        camera.wait_message("pb-peer", srt="connected")
        began = time.time()
        # media's own clock: 25 frames a second
        receiver.wait_count("out", int((CREDENTIAL_S + 5) * 25), timeout=2 * CREDENTIAL_S)
        until(lambda: time.time() > began + CREDENTIAL_S + 3, "the first credentials' end", 20)
        late = lab.pipeline(scope, "studio", f"{RECEIVER} ice-transport-policy=relay uri={server.uri()}{DECODE}", receive)
        late.wait_count("out", 25)
        receiver.wait_more("out", 50)
        ends = {}
        for end, name in re.findall(r"username=<(\d+):([^>]+)>", "\n".join(lab.coturn.seen)):
            ends.setdefault(name, set()).add(int(end))
        expect(any(len(of) > 1 for of in ends.values()), f"the camera has been told of others: {ends}")
        bad = [e for child in (camera, receiver, late) for e in child.events() if e["event"] in ("error", "eos")]
        expect(not bad, f"nobody failed: {bad}")


if __name__ == "__main__":
    run()
