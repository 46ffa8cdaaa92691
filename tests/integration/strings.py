#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every connection string, run by the program it is for, against an SRT end on loopback: it must be taken, carry media, and name its slot.

Our end is stock GStreamer here, so that this is about the strings alone. OBS and vMix do not run here: FFmpeg stands in for OBS, whose SRT code
has FFmpeg's parser (obs.py runs a real one, where it is installed); what is typed into vMix and what a Larix link sets is given to srt-live-transmit.
"""
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import BUILD, environment, expect, need, run, test, until  # noqa: E402

import gi  # noqa: E402
gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
PRINTER = os.path.join(BUILD, "tests", "integration", "pb-print-string")
PASSPHRASE = "0123456789abcdefABCDEFGHIJKLMNop"
PICTURE = "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! " \
          "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 bitrate=800 ! h264parse ! mpegtsmux alignment=7"
OTHER_MODE = {"caller": "listener", "listener": "caller", "rendezvous": "rendezvous"}
ENOUGH = 60  # packets of 1316 octets: about half a second


def format_string(client, mode, direction, address="127.0.0.1", port=0, local_port=0):
    made = subprocess.run([PRINTER, client, mode, direction, address, str(port), str(local_port)], capture_output=True, text=True,
                          env=environment())
    expect(made.returncode in (0, 3), f"pb-print-string: {made.stderr}")
    return made.stdout.rstrip("\n") if made.returncode == 0 else None


def free_ports(n, family=socket.AF_INET):
    """Different ones: all are held before the first is let go."""
    held = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def is_bound(port):
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with open(table) as lines:
            if any(line.split()[1].endswith(f":{port:04X}") for line in list(lines)[1:]):
                return True
    return False


class End:
    """A pipeline in this process: counts what passes, keeps the stream ids it was shown."""

    def __init__(self, scope, description):
        self.packets, self.stream_ids, self.bad = 0, [], None
        self.lock = threading.Lock()
        self.pipeline = Gst.parse_launch(description)
        for name in ("srt", "out"):
            element = self.pipeline.get_by_name(name)
            if element is None:
                continue
            if name == "srt":
                element.set_property("passphrase", PASSPHRASE)
                element.set_property("pbkeylen", 32)
                element.set_property("latency", 200)
                element.set_property("authentication", True)
                element.connect("caller-connecting", self._on_caller)
            if name == "out":
                element.connect("handoff", self._on_buffer)
        scope.children.append(self)
        self.pipeline.set_state(Gst.State.PLAYING)

    def _on_caller(self, element, address, stream_id):
        with self.lock:
            self.stream_ids.append(stream_id)
        return True

    def _on_buffer(self, element, buffer, pad):
        data = buffer.extract_dup(0, buffer.get_size())
        with self.lock:
            self.packets += 1
            if len(data) % 188 != 0 or any(data[i] != 0x47 for i in range(0, len(data), 188)):
                self.bad = data[:16]

    def wait_media(self):
        until(lambda: self.packets >= ENOUGH, "media from the client")
        expect(self.bad is None, f"not a transport stream: {self.bad}")

    def kill(self):
        self.pipeline.set_state(Gst.State.NULL)

    def tail(self):
        bus, text = self.pipeline.get_bus(), []
        while (message := bus.pop_filtered(Gst.MessageType.ERROR | Gst.MessageType.WARNING)) is not None:
            text.append("end: " + message.get_structure().to_string())
        return "\n".join(text + [f"end: {self.packets} packets, stream ids {self.stream_ids}"])


class Peer:
    """Where a client finds our end: loopback, a port for us, one for a client that needs its own."""

    def __init__(self, mode, host="127.0.0.1"):
        self.mode, self.host = mode, host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.port, self.local_port = free_ports(2, family)
        if mode == "listener":
            self.local_port = self.port  # the client's: it has but one

    def uri(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        ours = OTHER_MODE[self.mode]
        if ours == "rendezvous":
            return f"srt://{host}:{self.local_port}?mode=rendezvous&localaddress={self.host}&localport={self.port}"
        return f"srt://{host}:{self.port}?mode={ours}"

    def string(self, client, direction):
        return format_string(client, self.mode, direction, self.host, self.port, self.local_port)


def clip(scope):
    """input.mp4, as the line for FFmpeg names it."""
    need("ffmpeg", "ffprobe")
    made = scope.run("ffmpeg-clip", ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=30", "-c:v", "libx264",
                                     "-preset", "ultrafast", "-g", "12", "-pix_fmt", "yuv420p", "-b:v", "800k", "input.mp4"], cwd=scope.directory)
    expect(made.wait() == 0, made.tail())


def check_stream_id(end, mode, direction, form="bare"):
    if mode != "caller":
        return
    expected = "demo/cam-wide" if form == "bare" else f"#!::r=demo/cam-wide,m={'publish' if direction == 'send' else 'request'}"
    expect(end.stream_ids and set(end.stream_ids) == {expected}, f"stream ids {end.stream_ids}, not {expected}")


def run_sender(scope, peer, command, form="bare", feed=None):
    """The client sends; ours is the end that receives."""
    def ours():
        return End(scope, f"srtsrc name=srt uri={peer.uri()} ! fakesink name=out signal-handoffs=true sync=false async=false")
    end = ours() if peer.mode != "listener" else None
    scope.shell("client", command)
    if feed:
        feed()
    if end is None:
        until(lambda: is_bound(peer.port), "the client's listening port")
        end = ours()
    end.wait_media()
    check_stream_id(end, peer.mode, "send", form)


def run_receiver(scope, peer, command, kept=None, form="bare", prepare=None):
    """The client receives; ours sends a test picture. `kept`: the file it writes; else it gives UDP to port 5000."""
    sink = prepare() if prepare else None

    def ours():
        return End(scope, f"{PICTURE} ! srtsink name=srt uri={peer.uri()} sync=false wait-for-connection=false")
    end = ours() if peer.mode != "listener" else None
    client = scope.shell("client", command)
    if end is None:
        until(lambda: is_bound(peer.port), "the client's listening port")
        end = ours()
    if sink:
        sink.wait_media()
    else:
        path = scope.path(kept)
        until(lambda: os.path.exists(path) and os.path.getsize(path) > 40000, f"{kept} to grow")
        client.stop()
        probe = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries",
                                "stream=codec_name,nb_read_packets", "-of", "csv=p=0", path], capture_output=True, text=True)
        codec, packets = probe.stdout.strip().split("\n")[0].split(",")[:2]
        expect(codec == "h264" and int(packets) > 5, f"{kept}: {probe.stdout} {probe.stderr}")
    check_stream_id(end, peer.mode, "receive", form)


def feed_udp(scope):
    return End(scope, f"{PICTURE} ! udpsink host=127.0.0.1 port=5000 sync=false async=false")


def take_udp(scope):
    return End(scope, "udpsrc address=127.0.0.1 port=5000 reuse=false ! fakesink name=out signal-handoffs=true sync=false async=false")


def ffmpeg_case(mode, host="127.0.0.1"):
    def send(scope):
        clip(scope)
        peer = Peer(mode, host)
        run_sender(scope, peer, peer.string("ffmpeg", "send"))

    def receive(scope):
        need("ffmpeg", "ffprobe")
        peer = Peer(mode, host)
        run_receiver(scope, peer, peer.string("ffmpeg", "receive"), kept="output.ts")
    return send, receive


def obs_case(mode):
    def send(scope):
        clip(scope)
        peer = Peer(mode)
        run_sender(scope, peer, f'ffmpeg -v error -re -i input.mp4 -c copy -f mpegts "{peer.string("obs", "send")}"')

    def receive(scope):
        need("ffmpeg", "ffprobe")
        peer = Peer(mode)
        run_receiver(scope, peer, f'ffmpeg -v error -f mpegts -i "{peer.string("obs", "receive")}" -c copy output.ts', kept="output.ts")
    return send, receive


def gstreamer_case(mode, host="127.0.0.1"):
    def send(scope):
        need("gst-launch-1.0")
        peer = Peer(mode, host)
        run_sender(scope, peer, peer.string("gstreamer", "send"))

    def receive(scope):
        need("gst-launch-1.0", "ffprobe")
        peer = Peer(mode, host)
        run_receiver(scope, peer, peer.string("gstreamer", "receive"), kept="output.mkv")
    return send, receive


def transmit_case(mode, host="127.0.0.1"):
    def send(scope):
        need("srt-live-transmit")
        peer = Peer(mode, host)
        run_sender(scope, peer, peer.string("srt-live-transmit", "send"), feed=lambda: feed_udp(scope))

    def receive(scope):
        need("srt-live-transmit")
        peer = Peer(mode, host)
        run_receiver(scope, peer, peer.string("srt-live-transmit", "receive"), prepare=lambda: take_udp(scope))
    return send, receive


def transmit_url(host, port, mode, latency, passphrase, length, stream_id):
    url = f"srt://{host}:{port}?mode={mode.lower()}&latency={latency}&passphrase={passphrase}&pbkeylen={length}"
    return url + (f"&streamid={stream_id}" if stream_id else "")


def vmix_case(mode):
    def fields(peer, direction):
        typed = dict(line.split(": ", 1) for line in peer.string("vmix", direction).split("\n"))
        kind = typed.get("Type") or re.fullmatch(r"SRT \((\w+)\)", typed["Stream Type"]).group(1)
        return transmit_url(typed.get("Hostname", "0.0.0.0"), typed["Port"], kind, typed["Latency"], typed["Passphrase"], typed["Key Length"],
                            typed.get("Stream ID"))

    def send(scope):
        need("srt-live-transmit")
        peer = Peer(mode)
        run_sender(scope, peer, f"srt-live-transmit udp://127.0.0.1:5000 '{fields(peer, 'send')}'", form="full", feed=lambda: feed_udp(scope))

    def receive(scope):
        need("srt-live-transmit")
        peer = Peer(mode)
        run_receiver(scope, peer, f"srt-live-transmit '{fields(peer, 'receive')}' udp://127.0.0.1:5000", form="full",
                     prepare=lambda: take_udp(scope))
    return send, receive


def larix_case(mode):
    def send(scope):
        need("srt-live-transmit")
        peer = Peer(mode)
        link = urllib.parse.urlsplit(peer.string("larix", "send"))
        expect((link.scheme, link.netloc, link.path) == ("larix", "set", "/v1"), f"{link}")
        got = {k[7:-1]: v for k, v in urllib.parse.parse_qsl(link.query, strict_parsing=True)}
        target = urllib.parse.urlsplit(got["url"])
        url = transmit_url(target.hostname, target.port, {"c": "caller", "l": "listener"}[got["srtmode"]], got["srtlatency"], got["srtpass"],
                           got["srtpbkl"], got.get("srtstreamid"))
        run_sender(scope, peer, f"srt-live-transmit udp://127.0.0.1:5000 '{url}'", form="full", feed=lambda: feed_udp(scope))
    return send, None


def add(what, mode, case, where=""):
    for verb, function in zip(("sends", "receives"), case):
        if function:
            function.__name__ = f"{what}_{mode}_{verb}{where and '_v6'}".replace("-", "_")
            test(f"{what} {verb} as {mode}{where}")(function)


for srt_mode in ("caller", "listener"):
    add("ffmpeg", srt_mode, ffmpeg_case(srt_mode))
    add("obs", srt_mode, obs_case(srt_mode))
    add("vmix", srt_mode, vmix_case(srt_mode))
    add("larix", srt_mode, larix_case(srt_mode))
for srt_mode in ("caller", "listener", "rendezvous"):
    add("gstreamer", srt_mode, gstreamer_case(srt_mode))
    add("srt-live-transmit", srt_mode, transmit_case(srt_mode))
try:
    free_ports(1, socket.AF_INET6)
except OSError:
    pass
else:
    for srt_mode in ("caller", "listener"):
        add("ffmpeg", srt_mode, ffmpeg_case(srt_mode, "::1"), " over IPv6")
        add("srt-live-transmit", srt_mode, transmit_case(srt_mode, "::1"), " over IPv6")
    for srt_mode in ("caller", "listener", "rendezvous"):
        add("gstreamer", srt_mode, gstreamer_case(srt_mode, "::1"), " over IPv6")


@test("ffmpeg has no rendezvous of its own, and the bridge that its note gives carries")
def ffmpeg_bridge(scope):
    need("srt-live-transmit")
    clip(scope)
    peer = Peer("rendezvous")
    expect(peer.string("ffmpeg", "send") is None, "a string for what cannot work")
    run_sender(scope, peer, peer.string("srt-live-transmit", "send"),
               feed=lambda: scope.shell("ffmpeg", 'ffmpeg -v error -re -i input.mp4 -c copy -f mpegts "udp://127.0.0.1:5000?pkt_size=1316"'))


if __name__ == "__main__":
    run()
