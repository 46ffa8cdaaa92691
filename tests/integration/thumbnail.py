#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Still pictures through a real server: who may ask gets one of what a receiver of ours has just received, by each way that it comes."""
import base64
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import environment, expect, run, test, until  # noqa: E402
from pbws import Signalling  # noqa: E402

# What docs/protocol.md, section 5.6, promises
WIDTH, OCTETS = 320, 30720
# Wider than that: half of it red, half of it green, with what compresses badly in between
PICTURE = ("videotestsrc is-live=true pattern=red ! video/x-raw,width=320,height=360,framerate=25/1 ! mix.sink_0 "
           "videotestsrc is-live=true pattern=green ! video/x-raw,width=320,height=360,framerate=25/1 ! mix.sink_1 "
           "videotestsrc is-live=true pattern=snow ! video/x-raw,width=80,height=360,framerate=25/1 ! mix.sink_2 "
           "compositor name=mix sink_1::xpos=320 sink_2::xpos=280 ! video/x-raw,width=640,height=360,framerate=25/1")
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=2000 ! h264parse"
OUT = "pb.video_src_0 ! queue ! fakesink name=out sync=false"

TS = f"{PICTURE} ! {H264} ! pbsrtbin uri={{uri}}"
WEBRTC = f"{PICTURE} ! pbsrcsink uri={{uri}}"
WAYS = {  # how it is sent, how it is received
    "pbsrtbin": (TS, "pbsrtbin uri={uri} thumbnails={gives} ! fakesink name=out sync=false"),
    "srt": (TS, f"pbsrcsink name=pb uri={{uri}} transport=srt direction=receive thumbnails={{gives}} {OUT}"),
    "srt-decoded": (TS, f"pbsrcsink name=pb uri={{uri}} transport=srt direction=receive decode=true thumbnails={{gives}} {OUT}"),
    "webrtc": (WEBRTC, f"pbsrcsink name=pb uri={{uri}} transport=webrtc direction=receive thumbnails={{gives}} {OUT}"),
    "webrtc-decoded": (WEBRTC, f"pbsrcsink name=pb uri={{uri}} transport=webrtc direction=receive decode=true thumbnails={{gives}} {OUT}"),
}


class Production:
    """One slot with a sender and a receiver that media has reached."""

    def __init__(self, scope, way, gives="true"):
        self.scope, self.server = scope, scope.server()
        self.admin = self.server.create(streams=("cam-wide", "cam-back"))["token"]
        sender, receiver = (text.format(uri=self.server.uri(), gives=gives) for text in WAYS[way])
        self.receiver = scope.pipeline("receiver", receiver, token=self.mint("receive"), count=("out",))
        self.sender = scope.pipeline("sender", sender, token=self.mint("send"))
        self.sender.wait_message("pb-peer", srt="connected")
        self.receiver.wait_count("out", 10)

    def mint(self, direction, stream="cam-wide"):
        return self.server.mint(self.admin, stream, direction)

    def slot(self):
        return next(s for s in self.server.show(self.admin)["streams"] if s["stream"] == "cam-wide")

    def observer(self, token):
        signalling = Signalling(self.server, token)
        signalling.say("register", id=1, direction="observe")
        signalling.hear("registered", id=1)
        return signalling


def measure(scope, message):
    """(width, height, red, green, blue of the left, of the right): what a decoder of JPEG makes of it."""
    jpeg = base64.b64decode(message["jpeg"], validate=True)
    expect(len(jpeg) <= OCTETS, f"{len(jpeg)} octets")
    there, back = scope.path("picture.jpg"), scope.path("picture.rgb")
    with open(there, "wb") as f:
        f.write(jpeg)
    decoder = scope.run("jpegdec", ["gst-launch-1.0", "-q", "filesrc", f"location={there}", "!", "jpegdec", "!", "videoconvert", "!",
                                    "video/x-raw,format=RGBA", "!", "filesink", f"location={back}"], environment())
    expect(decoder.wait() == 0, "a JPEG that decodes\n" + decoder.tail())
    at = jpeg.index(b"\xff\xc0")  # its start of frame
    height, width = struct.unpack("!HH", jpeg[at + 5:at + 9])
    with open(back, "rb") as f:
        pixels = f.read()
    expect(len(pixels) == 4 * width * height, f"{len(pixels)} octets for {width} x {height}")

    def mean(left, right):
        rows = [pixels[4 * (width * y + left):4 * (width * y + right)] for y in range(height)]
        return [sum(sum(row[c::4]) for row in rows) / (height * (right - left)) for c in range(3)]
    return width, height, mean(width // 16, width * 3 // 8), mean(width * 5 // 8, width * 15 // 16)


def looks_right(scope, message):
    width, height, left, right = measure(scope, message)
    expect((width, height) == (WIDTH, 180), f"{width} x {height}")
    for what, colour, wanted in (("left", left, (255, 0, 0)), ("right", right, (0, 255, 0))):
        expect(all(abs(a - b) < 16 for a, b in zip(colour, wanted)), f"{what}: {colour}, not {wanted}")


def gives_one(scope, way):
    production = Production(scope, way)
    slot = production.slot()
    expect(slot["thumbnails"] is True, f"the slot offers pictures: {slot}")
    giver = slot["receivers"][0]["peer"]
    n_before = production.receiver.count("out")
    with production.observer(production.mint("receive")) as watcher, production.observer(production.admin) as idle:
        watcher.say("thumbnail_request", stream="cam-wide")
        picture = watcher.hear("thumbnail")
        expect((picture["stream"], picture["peer"]) == ("cam-wide", giver), f"of whom: {picture['stream']} {picture['peer']}")
        looks_right(scope, picture)
        # one request, one picture: what comes between it and an answer to another question is none
        watcher.say("thumbnail_request", id=2, stream="cam-nowhere")
        expect("thumbnail" not in [m["type"] for m in watcher.hear_until(id=2)], "a second picture")
        # sooner than every 2 s: not refused, but served when the time has come
        watcher.say("thumbnail_request", stream="cam-wide")
        looks_right(scope, watcher.hear("thumbnail"))
        # and who did not ask got nothing
        idle.say("thumbnail_request", id=3, stream="cam-nowhere")
        expect("thumbnail" not in [m["type"] for m in idle.hear_until(id=3)], "a picture for who did not ask")
    # the picture is taken beside the stream
    production.receiver.wait_count("out", n_before + 25)
    for end in (production.receiver, production.sender):
        bad = [e for e in end.events() if e["event"] in ("error", "eos")]
        expect(not bad, f"{end.name}: {bad}")
        expect(end.stop() == 0, f"{end.name} ends well")


@test("a picture of the transport stream that a pbsrtbin receives")
def test_pbsrtbin(scope):
    gives_one(scope, "pbsrtbin")


@test("a picture of what a pbsrcsink receives over SRT, by the pbsrtbin inside it")
def test_srt(scope):
    gives_one(scope, "srt")


@test("a picture of what a pbsrcsink receives over SRT and decodes")
def test_srt_decoded(scope):
    gives_one(scope, "srt-decoded")


@test("a picture of what a pbsrcsink receives over WebRTC")
def test_webrtc(scope):
    gives_one(scope, "webrtc")


@test("a picture of what a pbsrcsink receives over WebRTC and decodes")
def test_webrtc_decoded(scope):
    gives_one(scope, "webrtc-decoded")


def gives_none(scope, way):
    production = Production(scope, way, gives="false")
    slot = production.slot()
    expect(slot["receivers"] and slot["thumbnails"] is False, f"a receiver that offers none: {slot}")
    with production.observer(production.admin) as watcher:
        watcher.say("thumbnail_request", id=2, stream="cam-wide")
        answer = watcher.hear("error", id=2)
        expect(answer["error"]["reason"] == "NOT_LIVE", f"{answer}")


@test("thumbnails=false: a pbsrtbin offers none, and who asks is told NOT_LIVE")
def test_pbsrtbin_off(scope):
    gives_none(scope, "pbsrtbin")


@test("thumbnails=false: nor does a pbsrcsink over SRT")
def test_srt_off(scope):
    gives_none(scope, "srt")


@test("thumbnails=false: nor does a pbsrcsink over WebRTC")
def test_webrtc_off(scope):
    gives_none(scope, "webrtc")


@test("a picture goes to no token that lacks receive for that slot, also while another's is on its way")
def test_refused(scope):
    production = Production(scope, "pbsrtbin")
    with production.observer(production.mint("receive")) as watcher:
        for direction, stream in (("observe", "cam-wide"), ("send", "cam-wide"), ("receive", "cam-back")):
            token = production.mint(direction, stream)
            with Signalling(production.server, token) as other:
                other.say("register", id=1, direction="observe")
                other.hear("registered", id=1)
                watcher.say("thumbnail_request", stream="cam-wide")
                other.say("thumbnail_request", id=2, stream="cam-wide")
                answer = other.hear("error", id=2)
                expect(answer["code"] == "AUTH_FAILED" and answer["error"]["reason"] == "PERMISSION_DENIED", f"{direction} {stream}: {answer}")
                looks_right(scope, watcher.hear("thumbnail"))
                # what it hears after everybody else's picture has gone out
                other.say("thumbnail_request", id=3, stream="cam-wide")
                expect("thumbnail" not in [m["type"] for m in other.hear_until(id=3)], f"{direction} {stream}: a picture")


@test("the slot offers pictures as long as a receiver that gives them is there")
def test_offer_ends(scope):
    production = Production(scope, "pbsrtbin")
    with production.observer(production.admin) as watcher:
        production.receiver.stop()
        until(lambda: production.slot()["thumbnails"] is False, "no offer once the receiver has left")
        watcher.say("thumbnail_request", id=2, stream="cam-wide")
        expect(watcher.hear("error", id=2)["error"]["reason"] == "NOT_LIVE", "nobody there")


run()
