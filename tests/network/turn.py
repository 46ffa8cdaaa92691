#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""presets/coturn/turnserver.conf in a real coturn: whom it lets in, by what, and whom it never sends to."""
import os
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import RELAY, TURN_SECRET, Signalling, relay_lab  # noqa: E402
from pbtest import WATCHDOG, Failed, expect, run, test  # noqa: E402
from pbturn import TCP, Refused, Turn, credentials, sign  # noqa: E402

# every range of the preset's denials: its first and its last address
DENIED_4 = [
    "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.0.0.5", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.0.0.1",
    "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255",
    "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
    "255.255.255.255"]
DENIED_6 = [
    "::", "::1", "::ffff:0:0", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:255.255.255.255", "::127.0.0.1",
    "::10.0.0.0", "::0.0.1.0", "::0.1.0.0",
    "64:ff9b::7f00:1",
    "2001::1", "2002:7f00:1::1", "fc00::1", "fdff::1", "fe80::1", "ff02::1"]
# their neighbours: the ranges are no wider than they should be
ALLOWED_4 = ["1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
             "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255", "198.51.100.2"]


def client(lab, where, by, username, password, address=RELAY, family=socket.AF_INET):
    sock = lab.socket(where, socket.SOCK_DGRAM if by == "udp" else socket.SOCK_STREAM, family)
    sock.settimeout(WATCHDOG)
    sock.connect((address, 5349 if by == "tls" else 3478))
    if by == "tls":
        context = ssl.create_default_context(cafile=lab.coturn.cafile)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        sock = context.wrap_socket(sock, server_hostname=address)
    return Turn(sock, username, password)


def refusal(action, *numbers):
    """It is refused, with one of these."""
    try:
        action()
    except Refused as e:
        expect(e.code in numbers, f"refused with {e}, not {numbers}")
        return e.code
    raise Failed("it was not refused")


@test("credentials that patchbayd signs open an allocation over UDP, TCP and TLS, and data goes both ways")
def test_transports(scope):
    with relay_lab(scope) as lab, lab.socket("studio") as peer:
        peer.bind(("192.0.2.2", 0))
        peer.settimeout(WATCHDOG)
        for by in ("udp", "tcp", "tls"):
            turn = client(lab, "camera", by, *credentials(TURN_SECRET, "sender-0001"))
            expect(turn.allocate() <= 600, "no allocation outlives a credential")
            expect(turn.relayed[0] == RELAY and turn.relayed[1] >= 49152, turn.relayed)
            expect(turn.mapped[0] == "198.51.100.2", turn.mapped)
            turn.permit("192.0.2.2")
            turn.send("192.0.2.2", peer.getsockname()[1], b"there by " + by.encode())
            data, back = peer.recvfrom(2048)
            expect(data == b"there by " + by.encode() and back == turn.relayed, f"{data} {back}")
            peer.sendto(b"and back", back)
            expect(turn.receive() == ("192.0.2.2", peer.getsockname()[1], b"and back"), "what the peer says")
            turn.refresh(0)
            turn.close()


@test("the server's own words: what `registered` tells opens an allocation")
def test_registered(scope):
    with relay_lab(scope) as lab:
        server = lab.server(scope)
        admin = server.create()["token"]
        told = register(lab, server, server.mint(admin, "cam-wide", "send"))
        expect(told["turn"]["urls"] == lab.urls and told["turn"]["ttl"] == 600, f"{told['turn'].keys()}")
        expect(told["turn"]["username"].endswith(":" + told["peer"]), "it is this peer's")
        turn = client(lab, "camera", "udp", told["turn"]["username"], told["turn"]["credential"])
        turn.allocate()
        turn.close()


def register(lab, server, token):
    with Signalling(lab, "camera", server, token, peer="sender-0001", transports=["webrtc"]) as signalling:
        return signalling.read()


@test("a wrong credential, one of another name, one whose time is up and none at all open nothing")
def test_wrong_credentials(scope):
    with relay_lab(scope) as lab:
        good = credentials(TURN_SECRET, "sender-0001")
        late = f"{int(time.time()) - 5}:sender-0001"
        for username, password in ((good[0], "x" + good[1]), (good[0], ""), (good[0] + "x", good[1]), (late, sign(TURN_SECRET, late)),
                                   ("sender-0001", sign(TURN_SECRET, "sender-0001")), credentials("another-secret" * 4, "sender-0001"), ("", "")):
            for by in ("udp", "tcp"):
                turn = client(lab, "camera", by, username, password)
                refusal(turn.allocate, 401, 400)
                turn.close()


@test("every denied address is refused, mapped and translated ones too, and no neighbour of theirs")
def test_denied(scope):
    with relay_lab(scope) as lab:
        turn = client(lab, "camera", "udp", *credentials(TURN_SECRET, "sender-0001"))
        turn.allocate()
        for address in DENIED_4:
            refusal(lambda a=address: turn.permit(a), 403)
            refusal(lambda a=address: turn.bind(a, 5000), 403)
        # the allocation is one of IPv4: it refuses the family before it looks further
        for address in DENIED_6:
            refusal(lambda a=address: turn.permit(a), 403, 443)
            refusal(lambda a=address: turn.bind(a, 5000), 403, 443, 400)
        for address in ALLOWED_4:
            turn.permit(address)
        turn.close()


@test("where somebody gives coturn an IPv6 relay all the same, mapped and translated addresses are refused there, too")
def test_denied_6(scope):
    six = "2001:db8::2"
    with relay_lab(scope, edit=lambda text: text + f"relay-ip={six}\n", relay_6=six) as lab:
        turn = client(lab, "camera", "udp", *credentials(TURN_SECRET, "sender-0001"))
        turn.allocate(family=2)
        expect(turn.relayed[0] == six, turn.relayed)
        for address in DENIED_6:
            refusal(lambda a=address: turn.permit(a), 403)
            refusal(lambda a=address: turn.bind(a, 5000), 403)
        turn.permit("2001:db8::99")
        turn.close()


@test("it relays neither TCP nor from IPv6, and a user has so many allocations")
def test_limits(scope):
    with relay_lab(scope) as lab:
        turn = client(lab, "camera", "tcp", *credentials(TURN_SECRET, "sender-0003"))
        refusal(lambda: turn.allocate(transport=TCP), 442, 400, 403)
        turn.close()
        turn = client(lab, "camera", "udp", *credentials(TURN_SECRET, "sender-0004"))
        refusal(lambda: turn.allocate(family=2), 440)
        turn.close()
        held = []
        # fresh credentials of one peer are the same user
        for n in range(12):
            held.append(client(lab, "camera", "udp", *credentials(TURN_SECRET, "sender-0001", 500 + n)))
            held[-1].allocate()
        more = client(lab, "camera", "udp", *credentials(TURN_SECRET, "sender-0001"))
        refusal(more.allocate, 486)
        other = client(lab, "camera", "udp", *credentials(TURN_SECRET, "sender-0002"))
        other.allocate()
        for turn in held + [more, other]:
            turn.close()


@test("it answers no STUN, and its log holds no secret and no credential")
def test_quiet(scope):
    with relay_lab(scope) as lab:
        username, password = credentials(TURN_SECRET, "sender-0001")
        turn = client(lab, "camera", "udp", username, password)
        turn.allocate()
        with lab.socket("camera") as sock:
            sock.connect((RELAY, 3478))
            sock.settimeout(1)
            sock.send(struct.pack("!HHI", 0x0001, 0, 0x2112A442) + b"0123456789ab")
            try:
                sock.recv(2048)
                raise Failed("it answered a binding request")
            except TimeoutError:
                pass
        turn.refresh(0)
        turn.close()
        lab.coturn.wait_line(lambda line: "sender-0001" in line, "who was there")
        text = "\n".join(lab.coturn.seen)
        expect(password not in text and TURN_SECRET not in text, "a secret in the log")


if __name__ == "__main__":
    run()
