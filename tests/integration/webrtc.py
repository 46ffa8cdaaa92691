#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pbsrcsink meets pbsrcsink through a real server: picture and sound in both directions, many consumers, and what happens when one goes away."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import PBCTL, RUNNER, environment, expect, need, run, test, until  # noqa: E402

PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1"
# What webrtcbin 1.22 forgets now and then when it goes with a data channel: its SCTP transport and what hangs on that
WEBRTCBIN = "WebRTCSCTPTransport|GstWebRTC\\w+|GstSctp(Enc|Dec)|GstApp(Src|Sink)|GstPad|GstSample|GstBuffer|GstMemory|GstCaps|GstDtlsAgent"
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


@test("encoded media go through as they are, and arrive parsed")
def test_encoded(scope):
    server, _, send, receive = production(scope)
    receiver = scope.pipeline("receiver", f"pbsrcsink name=pb uri={server.uri()} "
                              "pb.video_src_0 ! queue ! video/x-h264,stream-format=byte-stream,alignment=au ! avdec_h264 ! fakesink name=video sync=false "
                              "pb.audio_src_0 ! queue ! audio/x-opus ! opusdec ! fakesink name=audio sync=false", token=receive, count=("video", "audio"))
    scope.pipeline("sender", f"pbsrcsink name=pb uri={server.uri()} {PICTURE} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=100000 ! "
                   f"h264parse ! pb.video_0 {TONE} ! opusenc ! pb.audio_0", token=send)
    receiver.wait_count("video", 50)
    receiver.wait_more("audio", 25)


@test("both directions at once: the control room sees the camera and sends it picture and sound over the same connection")
def test_both(scope):
    server, admin, _, _ = production(scope)
    send = server.mint(admin, "cam-wide", "send")
    # a return feed needs to send as well
    room = scope.pipeline("room", f"pbsrcsink name=pb direction=receive decode=true uri={server.uri()} {LOOK} {LISTEN} {PICTURE} ! pb.video_0 "
                          f"{TONE} ! pb.audio_0", token=admin, count=("video", "audio"))
    field = scope.pipeline("field", f"pbsrcsink name=pb direction=send decode=true uri={server.uri()} {PICTURE} ! pb.video_0 {TONE} ! pb.audio_0 "
                           f"{LOOK.replace('sync=false', 'sync=false async=false')} {LISTEN.replace('sync=false', 'sync=false async=false')}",
                           token=send, count=("video", "audio"))
    for end in (room, field):
        end.wait_count("video", 50)
        end.wait_more("audio", 50)


@test("one sender, five consumers: one is stopped and one killed, and the others' pictures go on")
def test_five(scope):
    server, _, send, receive = production(scope)
    sender = camera(scope, server, send, stats="pb")
    viewers = [viewer(scope, server, receive, name=f"receiver{i}") for i in range(5)]
    for one in viewers:
        one.wait_count("video", 10)
    viewers[0].signal(signal.SIGSTOP)
    viewers[1].kill()
    for one in viewers[2:]:
        # past the time in which a consumer is given up
        one.wait_more("video", 250)
        count = [e for e in one.events() if e["event"] == "count" and e["element"] == "video"][-1]
        expect(count["backwards"] == 0, f"timestamps ran backwards: {count}")
    viewers[0].signal(signal.SIGCONT)
    viewers[0].wait_more("video", 25)
    expect(not [e for e in sender.events() if e["event"] == "error"], "the sender failed")


@test("media runs on while the server is killed and restarted, and both ends sign on again")
def test_server_restarted(scope):
    server, _, send, receive = production(scope)
    receiver, sender = viewer(scope, server, receive), camera(scope, server, send)
    receiver.wait_count("video", 25)
    server.kill()
    for end in (sender, receiver):
        end.wait_message("pb-fault", code="server-unreachable")
    receiver.wait_more("video", 50)
    again = scope.server(port=server.port)
    fresh = again.create()["token"]
    slot = until(lambda: (lambda s: s if s["state"] == "CONNECTED" else None)(again.show(fresh)["streams"][0]), "CONNECTED after the restart")
    expect(slot["sender"] and slot["receivers"], f"both are back: {slot}")
    receiver.wait_more("video", 25)
    bad = [e for e in receiver.events() + sender.events() if e["event"] in ("error", "eos")]
    expect(not bad, f"nobody failed: {bad}")


@test("a sender killed and started again reaches the receiver on the pads it had")
def test_sender_killed(scope):
    server, _, send, receive = production(scope)
    receiver, sender = viewer(scope, server, receive), camera(scope, server, send)
    receiver.wait_count("video", 25)
    sender.kill()
    camera(scope, server, send)
    receiver.wait_message("pb-peer", srt="connected")
    receiver.wait_more("video", 25)
    receiver.wait_more("audio", 25)
    kinds = {e["event"] for e in receiver.events()}
    expect("eos" not in kinds and "error" not in kinds, f"the receiver saw {kinds}")


@test("the end of what is sent ends the sender's pipeline in order, and the receiver waits for the next")
def test_end(scope):
    server, _, send, receive = production(scope)
    receiver = scope.pipeline("receiver", f"pbsrcsink name=pb decode=true uri={server.uri()} {LOOK}", token=receive, count=("video",))
    sender = scope.pipeline("sender", f"pbsrcsink name=pb uri={server.uri()} videotestsrc is-live=true num-buffers=250 ! "
                            "video/x-raw,width=320,height=180,framerate=25/1 ! pb.video_0", token=send)
    sender.wait_event("eos")
    expect(sender.wait() == 0, "the sender ends well")
    receiver.wait_count("video", 25)
    camera(scope, server, send)
    receiver.wait_more("video", 25)


@test("a pipeline goes up and down again and again while the other end stays, and leaves nothing behind")
def test_cycles(scope):
    server, _, send, receive = production(scope)
    camera(scope, server, send).wait_message("pb-session", signalling="connected")
    line = f"pbsrcsink name=pb uri={server.uri()} pb.video_src_0 ! queue ! fakesink name=video sync=false async=false"
    cycles = int(os.environ.get("PB_CYCLES", "25"))
    runner = scope.run("cycles", [RUNNER, "--cycles", str(cycles), "--count", "video", line],
                       environment(PATCHBAY_TOKEN=receive, GST_TRACERS="leaks(check-refs=true)", GST_DEBUG="GST_TRACER:7", GST_DEBUG_NO_COLOR="1"))
    expect(runner.wait(600) == 0, f"every cycle brought a picture\n{runner.tail()}")
    alive = [line for line in runner.seen if "object-alive, type-name" in line and "ref-count=(uint)%u" not in line]
    leaks = [line for line in alive if not re.search(rf"type-name=\(string\)({WEBRTCBIN})[,;]", line)]
    # what is ours would be left by every cycle
    if len(alive) - len(leaks) >= cycles:
        leaks = alive
    expect(not leaks, f"{len(leaks)} left behind: " + "\n".join(leaks[:10]))


PLAYERS = {
    "uridecodebin3": "uridecodebin3 name=d uri={uri}  d. ! queue ! video/x-raw(ANY) ! fakesink name=video sync=false "
                     "d. ! queue ! audio/x-raw(ANY) ! fakesink name=audio sync=false",
    "playbin3": "playbin3 uri={uri} video-sink=\"fakesink name=video sync=true\" audio-sink=\"fakesink name=audio sync=true\"",
}


def play(scope, player):
    server, _, send, receive = production(scope)
    camera(scope, server, send)
    receiver = scope.pipeline("player", PLAYERS[player].format(uri=server.uri()), token=receive, count=("video", "audio"))
    receiver.wait_count("video", 50)
    until(lambda: receiver.count("audio") >= 50, "sound beside the picture")


@test("uridecodebin3 plays a slot by its address")
def test_uridecodebin3(scope):
    play(scope, "uridecodebin3")


@test("playbin3 plays a slot by its address")
def test_playbin3(scope):
    play(scope, "playbin3")


@test("gst-launch-1.0 in both directions, linked by itself")
def test_launch(scope):
    server, _, send, receive = production(scope)
    receiver = scope.shell("receiver", f"gst-launch-1.0 -m pbsrcsink uri={server.uri()} decode=true ! fakesink sync=false", PATCHBAY_TOKEN=receive)
    scope.shell("sender", f"gst-launch-1.0 {PICTURE} ! pbsrcsink uri={server.uri()}", PATCHBAY_TOKEN=send)
    receiver.wait_line(lambda line: "pb-health" in line and "frames=(gint64)" in line.replace("(int64)", "(gint64)") and "connected=(boolean)true" in line,
                       "health of what arrives")


@test("tally reaches both ends")
def test_tally(scope):
    server, admin, send, receive = production(scope)
    receiver, sender = viewer(scope, server, receive), camera(scope, server, send)
    receiver.wait_count("video", 10)
    pbctl = scope.run("pbctl", [PBCTL, "--server", server.url, "tally", "cam-wide", "program"], env=environment(PATCHBAY_TOKEN=admin))
    expect(pbctl.wait() == 0, "pbctl tally: " + pbctl.tail())
    for end in (receiver, sender):
        end.wait_message("pb-tally", stream="cam-wide", state="program")


@test("transport=srt at both ends: the same pads over a pbsrtbin inside")
def test_srt(scope):
    server, _, send, receive = production(scope)
    receiver, sender = viewer(scope, server, receive, "transport=srt"), camera(scope, server, send, "transport=srt")
    receiver.wait_count("video", 50)
    receiver.wait_more("audio", 50)
    expect(sender.wait_message("pb-peer", srt="connected")["cipher"] == "aes-256", "it is SRT")


@test("transport=auto takes what the other end speaks: a pbsrtbin and a pbsrcsink watch the same sender, each its own way")
def test_auto(scope):
    server, _, send, receive = production(scope)
    sender = camera(scope, server, send, stats="pb")
    old = scope.receiver(server, receive)
    old.wait_count("out", 25)
    # whichever carries it
    sender.wait_event("news", "one consumer, over SRT", where=lambda e: e["state"] == "connected" and e["consumers"] == 1)
    new = viewer(scope, server, receive)
    new.wait_count("video", 25)
    sender.wait_event("news", "two consumers", where=lambda e: e["state"] == "connected" and e["consumers"] == 2)
    peers = {e["fields"]["cipher"] for end in (old, new) for e in end.events()
             if e["event"] == "message" and e["name"] == "pb-peer" and e["fields"]["srt"] == "connected"}
    expect(peers == {"aes-256", "dtls-srtp"}, f"one of each: {peers}")
    old.wait_more("out", 25)
    new.wait_more("video", 25)


@test("transport=auto and a plain SRT client: it is somebody, and its health is the slot's")
def test_auto_plain(scope):
    need("ffmpeg")
    clip = scope.run("clip", ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=30", "-c:v", "libx264", "-preset", "ultrafast",
                              "-tune", "zerolatency", "-g", "12", "-pix_fmt", "yuv420p", "input.mp4"], cwd=scope.directory)
    expect(clip.wait() == 0, clip.tail())
    server, admin, _, receive = production(scope)
    receiver = scope.pipeline("receiver", f"pbsrcsink name=pb decode=true health-interval=500 uri={server.uri()} {LOOK}", token=receive, count=("video",),
                              stats="pb")
    end = server.wait_ready(admin, "send")
    scope.shell("ffmpeg", next(row["string"] for row in end["strings"] if row["client"] == "ffmpeg" and row["mode"] == "caller"))
    receiver.wait_event("news", "connected over SRT", where=lambda e: e["state"] == "connected" and e["consumers"] == 1)
    receiver.wait_count("video", 25)
    told = len(receiver.events())
    until(lambda: (lambda s: s["receivers"] and s["receivers"][0]["health"] == "healthy")(server.show(admin)["streams"][0]), "a healthy receiver")
    receiver.wait_more("video", 100)
    late = [e["fields"] for e in receiver.events()[told:] if e["event"] == "message" and e["name"] in ("pb-fault", "pb-health")]
    expect(not [f for f in late if f.get("code") == "peer-absent"], f"nobody is missed: {late}")
    expect(not [f for f in late if f.get("connected") is False], f"and nothing is called disconnected: {late}")


@test("transport=auto receives from a pbsrtbin")
def test_auto_receive(scope):
    server, _, send, receive = production(scope)
    receiver = scope.pipeline("receiver", f"pbsrcsink name=pb decode=true uri={server.uri()} {LOOK}", token=receive, count=("video",))
    scope.sender(server, send)
    receiver.wait_count("video", 50)


run()
