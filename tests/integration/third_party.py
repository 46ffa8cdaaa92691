#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other people's programs: the strings that /connect prints, extracted and run as a person would paste them."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import expect, need, run, test  # noqa: E402


def production(scope):
    server = scope.server()
    admin = server.create()["token"]
    return server, admin, server.mint(admin, "cam-wide", "send"), server.mint(admin, "cam-wide", "receive")


def string(end, client, mode):
    row = next(r for r in end["strings"] if r["client"] == client and r["mode"] == mode)
    expect(row["works"], f"{client} {mode}: {row['note']}")
    return row["string"]


def clip(scope, seconds=20):
    """input.mp4, as the printed ffmpeg line names it, with picture and sound."""
    need("ffmpeg")
    made = scope.run("ffmpeg-clip", ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size=320x180:rate=25:duration={seconds}", "-f", "lavfi",
                                     "-i", f"sine=duration={seconds}", "-c:v", "libx264", "-preset", "ultrafast", "-g", "12", "-pix_fmt", "yuv420p",
                                     "-c:a", "aac", "input.mp4"], cwd=scope.directory)
    expect(made.wait() == 0, made.tail())


@test("ffmpeg sends with the very line that /connect prints, and pbsrtbin receives it")
def test_ffmpeg_sends(scope):
    clip(scope)
    server, admin, _, receive = production(scope)
    receiver = scope.receiver(server, receive)
    end = server.wait_ready(admin, "send")
    scope.shell("ffmpeg", string(end, "ffmpeg", "caller"))
    peer = receiver.wait_message("pb-peer", srt="connected")
    expect(peer["path"] == "plain" and peer["cipher"] == "aes-256", f"peer: {peer}")
    receiver.wait_count("out", 50)


@test("ffmpeg receives with the very line that /connect prints what pbsrtbin sends as a listener")
def test_ffmpeg_receives(scope):
    need("ffmpeg", "ffprobe")
    server, admin, send, _ = production(scope)
    sender = scope.sender(server, send, more="mode=listener")
    end = server.wait_ready(admin, "receive")
    ffmpeg = scope.shell("ffmpeg", string(end, "ffmpeg", "caller"))
    sender.wait_message("pb-peer", srt="connected")
    ffmpeg.wait_line(lambda line: re.search(r"frame= *(\d+)", line) and int(re.findall(r"frame= *(\d+)", line)[-1]) > 50, "50 frames")
    ffmpeg.stop()
    probe = scope.run("ffprobe", ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=nb_read_frames",
                                  "-of", "csv=p=0", "output.ts"], cwd=scope.directory)
    probe.wait()
    expect(int(re.sub(r"\D", "", probe.seen[0])) > 25, f"frames in the file: {probe.seen}")


@test("pbsrtbin calls an ffmpeg that listens")
def test_ffmpeg_listens(scope):
    clip(scope)
    server, admin, _, receive = production(scope)
    port = server.strings(admin)["port"]
    receiver = scope.receiver(server, receive, more=f"mode=caller peer-address=127.0.0.1:{port}")
    scope.shell("ffmpeg", string(server.wait_ready(admin, "send"), "ffmpeg", "listener"))
    receiver.wait_count("out", 50)


def transmit_feed(scope):
    """A transport stream into UDP port 5000, which the printed srt-live-transmit line reads."""
    return scope.pipeline("feed", "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc tune=zerolatency "
                          "key-int-max=12 bitrate=600 ! mpegtsmux alignment=7 ! udpsink host=127.0.0.1 port=5000")


@test("srt-live-transmit calls pbsrtbin with the line that /connect prints")
def test_transmit_caller(scope):
    need("srt-live-transmit")
    server, admin, _, receive = production(scope)
    receiver = scope.receiver(server, receive)
    end = server.wait_ready(admin, "send")
    scope.shell("srt-live-transmit", string(end, "srt-live-transmit", "caller"))
    transmit_feed(scope)
    receiver.wait_count("out", 50)


@test("srt-live-transmit meets pbsrtbin in rendezvous, both on different loopback addresses and the same port")
def test_transmit_rendezvous(scope):
    need("srt-live-transmit")
    server, admin, _, receive = production(scope)
    port = server.strings(admin)["port"]
    receiver = scope.receiver(server, receive, more=f"mode=rendezvous local-address=127.0.0.1 peer-address=127.0.0.2:{port}")
    end = server.wait_ready(admin, "send")
    line = string(end, "srt-live-transmit", "rendezvous")
    expect("adapter=0.0.0.0" in line, f"the line binds every address: {line}")
    # one machine has one port per address: the client gets an address of its own
    scope.shell("srt-live-transmit", line.replace("adapter=0.0.0.0", "adapter=127.0.0.2"))
    transmit_feed(scope)
    receiver.wait_count("out", 50)


@test("pbsrtbin sends to srt-live-transmit, which calls it")
def test_transmit_receives(scope):
    need("srt-live-transmit")
    server, admin, send, _ = production(scope)
    scope.sender(server, send, more="mode=listener")
    end = server.wait_ready(admin, "receive")
    sink = scope.pipeline("sink", "udpsrc address=127.0.0.1 port=5000 ! tsdemux ! h264parse ! avdec_h264 ! fakesink name=out sync=false async=false", count=("out",))
    sink.wait_event("state", where=lambda e: e["state"] == "PLAYING")
    scope.shell("srt-live-transmit", string(end, "srt-live-transmit", "caller"))
    sink.wait_count("out", 50)


@test("GStreamer's own srtsink sends to pbsrtbin with the line that /connect prints")
def test_srtsink(scope):
    server, admin, _, receive = production(scope)
    receiver = scope.receiver(server, receive)
    end = server.wait_ready(admin, "send")
    scope.shell("srtsink", string(end, "gstreamer", "caller"))
    receiver.wait_count("out", 50)


@test("GStreamer's own srtsrc receives from pbsrtbin with the line that /connect prints")
def test_srtsrc(scope):
    server, admin, send, _ = production(scope)
    sender = scope.sender(server, send, more="mode=listener", stats="pb")
    end = server.wait_ready(admin, "receive")
    scope.shell("srtsrc", string(end, "gstreamer", "caller"))
    sender.wait_message("pb-peer", srt="connected")
    sender.wait_event("stats", "packets sent", where=lambda e: e["fields"].get("packets-sent", 0) > 100)


@test("unencrypted, foreign and late callers are refused, each with its reason, and the stream that runs is not disturbed")
def test_refused(scope):
    need("srt-live-transmit")
    server, admin, _, receive = production(scope)
    receiver = scope.receiver(server, receive)
    end = server.wait_ready(admin, "send")
    base = f"srt://127.0.0.1:{end['port']}?mode=caller"
    good = f"{base}&passphrase={server.strings(admin)['passphrase']}&pbkeylen=32"
    for name, url, code in (("plain", base, "unencrypted"), ("foreign", f"{good}&streamid=other/cam", "stream-unknown")):
        caller = scope.run(name, ["srt-live-transmit", "udp://127.0.0.1:5001", url])
        receiver.wait_message("pb-fault", code=code)
        caller.kill()
    scope.shell("srtsink", string(end, "gstreamer", "caller"))
    receiver.wait_count("out", 10)
    scope.run("late", ["srt-live-transmit", "udp://127.0.0.1:5001", good])
    receiver.wait_message("pb-fault", code="slot-taken")
    receiver.wait_more("out", 25)


run()
