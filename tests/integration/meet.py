#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pbsrtbin meets pbsrtbin through a real server: media, health, tally, and what happens when one of the three goes away."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import PBCTL, environment, expect, run, test, until  # noqa: E402


def production(scope, **kw):
    server = scope.server(**kw)
    admin = server.create()["token"]
    return server, admin, server.mint(admin, "cam-wide", "send"), server.mint(admin, "cam-wide", "receive")


def stream_of(server, admin):
    return server.show(admin)["streams"][0]


@test("two pbsrtbins meet by ICE and carry decodable video, encrypted with AES-256")
def test_meet(scope):
    server, admin, send, receive = production(scope)
    receiver = scope.receiver(server, receive, stats="pb")
    sender = scope.sender(server, send, stats="pb")
    for end in (receiver, sender):
        peer = end.wait_message("pb-peer", srt="connected")
        expect(peer["path"] == "direct", f"path: {peer}")
        expect(peer["cipher"] == "aes-256", f"cipher: {peer}")
    receiver.wait_count("out", 50)
    slot = until(lambda: (lambda s: s if s["state"] == "CONNECTED" else None)(stream_of(server, admin)), "CONNECTED")
    expect(slot["sender"]["srt"] == "connected" and slot["receivers"][0]["srt"] == "connected", f"slot: {slot}")
    count = [e for e in receiver.events() if e["event"] == "count"][-1]
    expect(count["backwards"] == 0, f"timestamps ran backwards: {count}")
    sender.stop()
    receiver.stop()
    expect(server.stop() == 0, "patchbayd exits 0")


@test("the receiver may come second, and a second receiver joins the same sender")
def test_order(scope):
    server, _, send, receive = production(scope)
    sender = scope.sender(server, send)
    sender.wait_message("pb-session", signalling="connected")
    first = scope.receiver(server, receive)
    first.wait_count("out", 25)
    second = scope.receiver(server, receive)
    second.wait_count("out", 25)
    first.wait_more("out")
    first.stop()
    second.wait_more("out")


@test("whoever joins gets a key frame at once, however rare the encoder makes them")
def test_key_frame(scope):
    server, _, send, receive = production(scope)
    rare = ("videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast "
            f"key-int-max=100000 ! pbsrtbin name=pb uri={server.uri()}")
    scope.pipeline("sender", rare, token=send).wait_message("pb-session", signalling="connected")
    for _ in range(2):
        receiver = scope.receiver(server, receive)
        receiver.wait_count("out", 10)
        receiver.stop()


@test("audio and video through pbsrtbin's own muxer arrive together")
def test_audio_video(scope):
    server, _, send, receive = production(scope)
    receiver = scope.pipeline("receiver", f"pbsrtbin uri={server.uri()} ! tsdemux name=d  d. ! queue ! h264parse ! avdec_h264 ! "
                              "fakesink name=video sync=false  d. ! queue ! aacparse ! avdec_aac ! fakesink name=audio sync=false",
                              token=receive, count=("video", "audio"))
    scope.pipeline("sender", "videotestsrc is-live=true ! video/x-raw,width=320,height=180 ! x264enc tune=zerolatency key-int-max=12 ! "
                   f"pbsrtbin name=pb uri={server.uri()}  audiotestsrc is-live=true ! audioconvert ! avenc_aac ! pb.", token=send)
    receiver.wait_count("audio", 40)
    until(lambda: receiver.count("video") >= 25, "video beside the audio")


@test("both ends and the server learn health; the receiver's measurement reaches the sender")
def test_health(scope):
    server, admin, send, receive = production(scope)
    receiver = scope.receiver(server, receive)
    sender = scope.sender(server, send)
    own = receiver.wait_message("pb-health", direction="receive")
    expect(own["health"] in ("healthy", "warning", "critical"), f"health: {own}")
    far = sender.wait_message("pb-health", direction="receive")
    expect(far["packets"] > 0, f"the receiver's figures: {far}")
    slot = until(lambda: (lambda s: s if s["receivers"] and s["receivers"][0].get("packets") else None)(stream_of(server, admin)),
                 "the receiver's figures at the server")
    expect(slot["receivers"][0]["health"] == "healthy", f"on a perfect network: {slot}")


@test("tally goes from an admin over the server to both ends")
def test_tally(scope):
    server, admin, send, receive = production(scope)
    receiver, sender = scope.receiver(server, receive), scope.sender(server, send)
    receiver.wait_count("out", 10)
    scope.pipeline("director", f"pbsignal name=s uri={server.uri().rsplit('/', 1)[0]}", token=admin).wait_message(
        "pb-session", signalling="connected")
    pbctl = scope.run("pbctl", [PBCTL, "--server", server.url, "tally", "cam-wide", "program"],
                      env=environment(PATCHBAY_TOKEN=admin))
    expect(pbctl.wait() == 0, "pbctl tally: " + pbctl.tail())
    for end in (receiver, sender):
        end.wait_message("pb-tally", stream="cam-wide", state="program")
    expect(stream_of(server, admin)["tally"] == "program", "the server keeps it")


@test("a sender killed with SIGKILL and started again reaches the receiver, which never stopped")
def test_sender_killed(scope):
    server, _, send, receive = production(scope)
    receiver = scope.receiver(server, receive)
    sender = scope.sender(server, send)
    receiver.wait_count("out", 25)
    sender.kill()
    scope.sender(server, send)
    receiver.wait_message("pb-peer", srt="connected")
    receiver.wait_more("out", 25)
    kinds = {e["event"] for e in receiver.events()}
    expect("eos" not in kinds and "error" not in kinds, f"the receiver saw {kinds}")


@test("a receiver killed with SIGKILL and started again is served; the sender never stopped")
def test_receiver_killed(scope):
    server, _, send, receive = production(scope)
    sender, receiver = scope.sender(server, send), scope.receiver(server, receive)
    receiver.wait_count("out", 25)
    receiver.kill()
    again = scope.receiver(server, receive)
    again.wait_count("out", 25)
    expect("error" not in {e["event"] for e in sender.events()}, "the sender saw an error")


@test("media keeps running while the server is killed and restarted, and both ends sign on again")
def test_server_restarted(scope):
    server, admin, send, receive = production(scope)
    receiver, sender = scope.receiver(server, receive), scope.sender(server, send)
    receiver.wait_count("out", 25)
    server.kill()
    for end in (sender, receiver):
        end.wait_message("pb-fault", code="server-unreachable")
    receiver.wait_more("out", 50)
    again = scope.server(port=server.port)
    fresh = again.create()["token"]
    slot = until(lambda: (lambda s: s if s["state"] == "CONNECTED" else None)(stream_of(again, fresh)), "CONNECTED after the restart")
    expect(slot["sender"] and slot["receivers"], f"both are back: {slot}")
    receiver.wait_more("out", 25)
    bad = [e for e in receiver.events() + sender.events() if e["event"] in ("error", "eos")]
    expect(not bad, f"nobody failed: {bad}")
    counts = [e for e in receiver.events() if e["event"] == "count"]
    expect(counts[-1]["discont"] == counts[0]["discont"], "the stream was never interrupted")


@test("closing the session ends both ends with one clear reason")
def test_session_closed(scope):
    server, admin, send, receive = production(scope)
    receiver, sender = scope.receiver(server, receive), scope.sender(server, send)
    receiver.wait_count("out", 10)
    status, _ = server.call("DELETE", "/api/session/demo", token=admin)
    expect(status == 204, f"close: {status}")
    for end in (receiver, sender):
        end.wait_message("pb-fault", code="session-closed")
        end.wait()
        errors = [e for e in end.events() if e["event"] == "error"]
        expect(len(errors) == 1, f"one error, not {errors}")


@test("a live owner is not evicted by another token, and the same token may take over")
def test_slot_taken(scope):
    server, admin, send, receive = production(scope)
    receiver, owner = scope.receiver(server, receive), scope.sender(server, send)
    receiver.wait_count("out", 10)
    other = scope.sender(server, server.mint(admin, "cam-wide", "send"))
    other.wait_message("pb-fault", code="slot-taken")
    receiver.wait_more("out", 25)
    other.stop()
    scope.sender(server, send)
    owner.wait_message("pb-fault", code="replaced")
    receiver.wait_message("pb-peer", srt="connected")
    receiver.wait_more("out", 25)


@test("the first program table names every stream, also where the picture comes later than the sound")
def test_first_table(scope):
    server, _, send, receive = production(scope)
    receiver = scope.receiver(server, receive)
    receiver.wait_message("pb-session", signalling="connected")
    scope.pipeline("sender", "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc tune=zerolatency "
                   "speed-preset=ultrafast key-int-max=12 ! h264parse ! queue min-threshold-time=700000000 max-size-time=2000000000 ! pb.video_0 "
                   f"audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! pb.audio_0 pbsrtbin name=pb uri={server.uri()}", token=send)
    receiver.wait_count("out", 25)


run()
