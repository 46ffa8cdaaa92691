#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""WebRTC between two ends that reach nothing but the server and a coturn: media goes through the relay, and everybody says so."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import relay_lab  # noqa: E402
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


if __name__ == "__main__":
    run()
