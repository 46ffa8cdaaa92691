#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong in the field, and the words for it: one cause, one message, at both ends."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import expect, free_port, run, test  # noqa: E402


def production(scope, **kw):
    server = scope.server()
    admin = server.create(**kw)["token"]
    return server, admin, server.mint(admin, "cam-wide", "send"), server.mint(admin, "cam-wide", "receive")


def fails_with(child, code):
    """The element cannot go on: one fault, one error, and the error is the fault's sentence."""
    fault = child.wait_message("pb-fault", code=code)
    expect(child.wait() == 1, "the pipeline ends with an error")
    errors = [e for e in child.events() if e["event"] == "error"]
    expect(len(errors) == 1, f"one error: {errors}")
    expect(fault["fatal"] is True and fault["sentence"] in errors[0]["text"], f"{errors[0]['text']!r} does not say {fault['sentence']!r}")


@test("a wrong passphrase is named at both ends, and the right one is never shown")
def test_wrong_passphrase(scope):
    server, admin, send, receive = production(scope)
    receiver = scope.receiver(server, receive)
    sender = scope.sender(server, send, more="passphrase=this-is-not-the-one")
    for end in (sender, receiver):
        end.wait_message("pb-fault", code="wrong-passphrase")
    secret = server.strings(admin)["passphrase"]
    for end in (sender, receiver):
        expect(not any(secret in line for line in end.seen), "the passphrase was printed")


@test("a third-party caller's wrong passphrase is named at the receiver")
def test_wrong_passphrase_plain(scope):
    server, admin, _, receive = production(scope)
    receiver = scope.receiver(server, receive)
    end = server.wait_ready(admin, "send")
    scope.run("caller", ["srt-live-transmit", "udp://127.0.0.1:5003",
                         f"srt://127.0.0.1:{end['port']}?mode=caller&passphrase=0123456789abcdef&pbkeylen=32"])
    receiver.wait_message("pb-fault", code="wrong-passphrase")


@test("nobody there is a warning that says so, not an error, and upstream keeps running")
def test_peer_absent(scope):
    server, _, send, receive = production(scope)
    sender = scope.sender(server, send, stats="pb")
    fault = sender.wait_message("pb-fault", code="peer-absent")
    expect(fault["fatal"] is False, f"{fault}")
    sender.wait_event("stats", "dropped packets", where=lambda e: e["fields"].get("packets-dropped", 0) > 50)
    scope.receiver(server, receive).wait_count("out", 25)


@test("a server that is not there is named, and the element signs on when it comes")
def test_server_unreachable(scope):
    first = scope.server()
    admin = first.create()["token"]
    send, receive = first.mint(admin, "cam-wide", "send"), first.mint(admin, "cam-wide", "receive")
    first.stop()
    sender = scope.sender(first, send)
    sender.wait_message("pb-fault", code="server-unreachable")
    server = scope.server(port=first.port)
    sender.wait_message("pb-fault", code="session-unknown")
    server.create()
    scope.receiver(server, receive).wait_count("out", 10)


@test("no token: one error")
def test_no_token(scope):
    server, *_ = production(scope)
    fails_with(scope.sender(server, None), "token-missing")


@test("a forged token: one error")
def test_forged(scope):
    server, _, send, _ = production(scope)
    fails_with(scope.sender(server, send[:-2] + ("AA" if send[-2:] != "AA" else "BB")), "token-invalid")


@test("a token that expires while on air ends the element with that reason")
def test_expires(scope):
    server, admin, _, receive = production(scope)
    sender = scope.sender(server, server.mint(admin, "cam-wide", "send", ttl=10))
    receiver = scope.receiver(server, receive)
    receiver.wait_count("out", 10)
    fails_with(sender, "token-expired")


@test("a token for another slot or direction: one error")
def test_denied(scope):
    server, admin, send, receive = production(scope, streams=("cam-wide", "cam-close"))
    fails_with(scope.sender(server, send, stream="cam-close"), "denied")
    fails_with(scope.sender(server, receive), "denied")


@test("a slot that the session does not have: one error")
def test_slot_unknown(scope):
    server, admin, *_ = production(scope)
    fails_with(scope.sender(server, admin, stream="cam-typo"), "slot-unknown")


@test("bad addresses, no pads and media that cannot be muxed: one clear error each")
def test_settings(scope):
    server, _, send, _ = production(scope)
    for name, pipeline in (
            ("bad-uri", "videotestsrc ! x264enc ! pbsrtbin uri=http://127.0.0.1/demo"),
            ("no-uri", "videotestsrc ! x264enc ! pbsrtbin"),
            ("no-slot", f"videotestsrc ! x264enc ! pbsrtbin uri=pb://127.0.0.1:{server.port}/demo"),
            ("plain-off-loopback", "videotestsrc ! x264enc ! pbsrtbin uri=pb://192.0.2.1:8080/demo/cam-wide"),
            ("unlinked", f"pbsrtbin uri={server.uri()}")):
        child = scope.pipeline(name, pipeline, token=send)
        expect(child.wait() == 1, f"{name} fails\n{child.tail()}")
        errors = [e for e in child.events() if e["event"] == "error"]
        expect(len(errors) == 1, f"{name}: one error: {errors}")
        expect("GStreamer error" not in errors[0]["text"] and len(errors[0]["text"]) > 20, f"{name}: in words: {errors}")


@test("a port that is in use is named, and ICE goes on without it")
def test_port_in_use(scope):
    import socket
    server, _, send, receive = production(scope)
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", port))
        receiver = scope.receiver(server, receive, more=f"local-port={port} local-address=127.0.0.1")
        receiver.wait_message("pb-fault", code="port-in-use")
        scope.sender(server, send)
        receiver.wait_count("out", 10)


run()
