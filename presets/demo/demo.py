#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows Patchbay at work on this machine: a server, a session, a sender and a
receiver, each a process of its own, all on loopback.

It is run by `./run demo`, which brings the built programs into reach. Every
command it runs is printed, and can be pasted into another terminal behind
`./run env`. Tokens travel in the environment, never on a command line.
"""

import argparse
import ctypes
import os
import queue
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

SESSION = "demo"
SLOT = "cam-wide"
FRAMES_PER_SECOND = 25
# How long to wait for what should take a fraction of a second.
PATIENCE = 30.0

SENDER = """\
gst-launch-1.0 --messages --verbose
  videotestsrc is-live=true pattern=ball background-color=0xff1c3f60
    ! video/x-raw,width=640,height=360,framerate=25/1
    ! timeoverlay halignment=center valignment=bottom font-desc="Sans 26"
    ! clockoverlay halignment=center valignment=top font-desc="Sans 26"
    ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max=25
    ! h264parse ! identity name=sent silent=false ! pb.video_0
  audiotestsrc is-live=true freq=440 volume=0.2
    ! audioconvert ! avenc_aac bitrate=96000 ! aacparse ! pb.audio_0
  pbsrtbin name=pb uri={uri}
"""

RECEIVER = """\
gst-launch-1.0 --messages --verbose
  pbsrtbin name=pb uri={uri}
    ! identity name=arrived silent=false ! tsdemux name=demux
  demux. ! queue ! h264parse ! avdec_h264
    ! identity name=decoded silent=false ! tee name=picture
  picture. ! queue ! fakesink async=false
  picture. ! queue leaky=downstream max-size-buffers=2
    ! videorate drop-only=true ! video/x-raw,framerate=1/1
    ! videoconvert ! pngenc ! multifilesink async=false location={picture}
  demux. ! queue ! aacparse ! avdec_aac ! audioconvert
    ! level ! fakesink async=false
"""

TOKEN = re.compile(r"p_[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}")

MESSAGE = re.compile(
    r'^Got message #\d+ from (?:element|object|pad) "([^"]*)" \(([a-z-]+)\): '
    r"([A-Za-z][\w-]*), (.*);$")
FIELD = re.compile(r'([\w-]+)=\((\w+)\)("(?:[^"\\]|\\.)*"|[^,;]*)')
BUFFER = re.compile(
    r"GstIdentity:(sent|arrived|decoded): last-message = chain.*?"
    r"pts: ([0-9:.]+|none)")


class Failed(Exception):
    """The demo cannot go on; the text is for a person."""


class Child:
    """A process of ours: its lines go to one queue, with the time they came."""

    def __init__(self, demo, name, argv, token=None):
        env = dict(os.environ)
        env.pop("PATCHBAY_TOKEN", None)
        env["PATCHBAY_SERVER"] = demo.server or ""
        if token is not None:
            env["PATCHBAY_TOKEN"] = token
        self.name = name
        self.tail = []
        try:
            self.process = subprocess.Popen(
                argv, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace",
                # Ctrl-C is the demo's to hear; and no child outlives it.
                start_new_session=True, preexec_fn=die_with_parent)
        except OSError as error:
            raise Failed("cannot run %s: %s" % (argv[0], error.strerror)) \
                from None
        self.reader = threading.Thread(target=self.read, args=(demo.events,),
                                       daemon=True)
        self.reader.start()
        demo.children.append(self)

    def read(self, events):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            events.put((time.monotonic(), self, line))
        events.put((time.monotonic(), self, None))

    def keep(self, line):
        self.tail = (self.tail + [line])[-12:]

    def stop(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def fields_of(text):
    """What gst-launch prints of a structure: values as text."""
    return {name: value.strip('"').replace("\\", "").strip()
            for name, _, value in FIELD.findall(text)}


def seconds_of(text):
    """0:00:01.040000000"""
    if text == "none":
        return None
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def rounded(text):
    try:
        return "%.1f" % float(text)
    except (TypeError, ValueError):
        return "?"


def picture_size(name):
    """(width, height) of a PNG, or None."""
    try:
        with open(name, "rb") as handle:
            head = handle.read(24)
    except OSError:
        return None
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    return struct.unpack(">II", head[16:24])


class End:
    """What one end, a gst-launch, has told so far."""

    def __init__(self):
        self.playing = None
        self.connected = None
        self.first = {}
        self.count = {"sent": 0, "arrived": 0, "decoded": 0}
        self.last_pts = None
        self.missing = 0
        self.peer = {}
        self.health = {}
        self.faults = []
        self.tally = None
        self.tone = None
        self.errors = []


class Demo:
    def __init__(self, args):
        self.args = args
        self.events = queue.Queue()
        self.children = []
        self.ends = {"sender": End(), "receiver": End()}
        self.server = None
        self.interrupted = False
        self.started = time.monotonic()
        self.secrets = tempfile.mkdtemp(prefix="patchbay-demo-")
        os.makedirs(args.output, exist_ok=True)
        self.picture = os.path.join(args.output, "received.png")
        if os.path.exists(self.picture):
            os.unlink(self.picture)
        self.bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    # Output

    def title(self, text):
        print("\n%s%s%s" % ("\033[1m" if self.bold else "== ", text,
                            "\033[0m" if self.bold else ""), flush=True)

    def say(self, text):
        print("%6.1f s  %s" % (time.monotonic() - self.started, text),
              flush=True)

    @staticmethod
    def show(command):
        print("  $ ./run env " + command.strip().replace("\n", " \\\n      "),
              flush=True)

    # Steps

    def run(self, argv, token=None, shown=True):
        """A command that ends soon: its output."""
        if shown:
            self.show(shlex.join(argv))
        env = dict(os.environ, PATCHBAY_SERVER=self.server or "")
        env.pop("PATCHBAY_TOKEN", None)
        if token:
            env["PATCHBAY_TOKEN"] = token
        try:
            out = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True,
                                 timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed("%s: %s" % (argv[0], error)) from None
        if out.returncode != 0:
            raise Failed("%s did not work: %s" %
                         (" ".join(argv[:3]), out.stderr.strip()))
        return out.stdout

    def start_server(self):
        self.title("The signalling server")
        self.show("patchbayd --listen 127.0.0.1:0")
        child = Child(self, "server", ["patchbayd", "--listen", "127.0.0.1:0"])
        deadline = time.monotonic() + PATIENCE
        while self.server is None:
            who, line = self.next_line(deadline)
            if who is None:
                raise Failed("the server did not say that it listens")
            if line is None:
                raise Failed("the server ended: " + " / ".join(child.tail))
            child.keep(line)
            if not line.startswith("{"):  # the audit log
                self.say(line)
            if line.startswith("listening on "):
                self.server = line.split()[2]

    def create_session(self):
        self.title("A session with one slot, and a token for each of us")
        admin = os.path.join(self.secrets, "admin")
        print(self.run(["pbctl", "session", "create", SESSION, SLOT,
                        "--latency", str(self.args.latency), "--ttl", "1h",
                        "--token-out", admin]), end="")
        self.admin = self.read_secret("admin")
        for direction in ("send", "receive"):
            name = os.path.join(self.secrets, direction)
            self.run(["pbctl", "token", SLOT, "--direction", direction,
                      "--token-out", name], self.admin)
        self.title("What the camera operator gets: scan this …")
        print(self.run(["pbctl", "qr", SLOT, "--ttl", "15m"], self.admin))
        self.title("… or paste one of these")
        # this output may be on a projector: the tokens of WHIP stay out of it
        print(TOKEN.sub("p_… (pbctl connect shows it)", self.run(
            ["pbctl", "connect", SLOT, "--direction", "send"], self.admin)))

        self.title("What the control room opens in a browser: its wall")
        # nor does the admin's: whoever has it may do everything
        print("  %s/s/%s#t= and, behind that, what is in %s" % (
            self.server, SESSION, admin))

    def read_secret(self, name):
        with open(os.path.join(self.secrets, name), encoding="ascii") as handle:
            return handle.read().strip()

    def start_end(self, name, text, direction):
        uri = "pb://%s/%s/%s" % (self.server.split("//")[1], SESSION, SLOT)
        text = text.format(uri=uri, picture=shlex.quote(self.picture))
        print("  $ export PATCHBAY_TOKEN=…  # from pbctl token %s "
              "--direction %s" % (SLOT, direction))
        self.show(text)
        Child(self, name, shlex.split(text), self.read_secret(direction))

    # Events

    def next_line(self, deadline):
        """(child, line), line None at its end; (None, None) in time's."""
        while not self.interrupted:
            left = deadline - time.monotonic()
            if left <= 0:
                return None, None
            try:
                # Short, so that a signal is heard.
                self.now, child, line = self.events.get(timeout=min(left, 0.2))
                return child, line
            except queue.Empty:
                continue
        return None, None

    def take(self, child, line):
        """Follows what a child says."""
        if child.name == "watch":
            if line:
                self.say("watch     " + line.partition(" ")[2])
            return
        if line is None:
            if child.name in self.ends or child.name == "server":
                child.process.wait()
                raise Failed("the %s ended by itself (status %d): %s" % (
                    child.name, child.process.returncode,
                    " / ".join(child.tail)))
            return
        if child.name not in self.ends:
            child.keep(line)
            return
        end = self.ends[child.name]
        match = BUFFER.search(line)
        if match:
            self.take_buffer(end, match.group(1), seconds_of(match.group(2)))
            return
        match = MESSAGE.match(line)
        if match:
            self.take_message(child.name, end, *match.groups())
        elif "last-message" not in line and ": caps = " not in line:
            child.keep(line)

    def take_buffer(self, end, where, pts):
        end.count[where] += 1
        if where not in end.first:
            end.first[where] = self.now
            if where == "decoded":
                self.say("receiver  the first picture is here")
        if where != "decoded" or pts is None:
            return
        if end.last_pts is not None:
            gap = round((pts - end.last_pts) * FRAMES_PER_SECOND) - 1
            end.missing += max(0, gap)
        end.last_pts = pts

    def take_message(self, name, end, source, kind, structure, text):
        if kind == "state-changed":
            if source.startswith("pipeline") and \
                    "new-state=(GstState)playing" in text:
                end.playing = self.now
            return
        if kind in ("error", "warning"):
            if kind == "error":
                end.errors.append(text)
            return
        if kind != "element":
            return
        fields = fields_of(text)
        if structure == "pb-peer":
            # A report may leave out what an earlier one said.
            end.peer.update({k: v for k, v in fields.items() if v})
            if fields.get("srt") == "connected" and end.connected is None:
                end.connected = self.now
            self.say("%-9s peer: %s%s" % (
                name, fields.get("srt", "?"),
                " (%s)" % fields["path"] if fields.get("path") else ""))
        elif structure == "pb-health":
            if fields.get("direction") == self.direction_of(name):
                end.health = fields
        elif structure == "pb-tally":
            end.tally = fields.get("state")
            self.say("%-9s tally: %s" % (name, end.tally))
        elif structure == "pb-fault":
            end.faults.append(fields.get("sentence", fields.get("code", "?")))
            self.say("%-9s %s" % (name, end.faults[-1]))
        elif structure == "level":
            rms = re.search(r"rms=.*?(-?[0-9.]+(?:e[-+]?\d+)?)", text)
            if rms:
                end.tone = float(rms.group(1))

    @staticmethod
    def direction_of(name):
        return "send" if name == "sender" else "receive"

    def pump(self, until, ready=lambda: False):
        """Follows everything until a time comes or something is so."""
        while not ready():
            child, line = self.next_line(until)
            if child is None:
                return
            self.take(child, line)

    def wait_media(self):
        receiver = self.ends["receiver"]
        self.pump(time.monotonic() + PATIENCE,
                  lambda: "decoded" in receiver.first)
        if "decoded" in receiver.first or self.interrupted:
            return
        why = [text for end in self.ends.values()
               for text in end.faults[-1:] + end.errors[-1:]]
        raise Failed("no picture arrived within %d seconds. %s" % (
            PATIENCE, " ".join(why) if why else "Nobody said why."))

    def play(self):
        lights = ["preview", "program", "off"]
        end = None
        if self.args.seconds is not None:
            end = time.monotonic() + self.args.seconds
        step = 0
        while not self.interrupted:
            turn = time.monotonic() + (3 if step == 0 else 5)
            if end is not None and turn > end:
                self.pump(end)
                return
            self.pump(turn)
            if self.interrupted:
                return
            light = lights[step % len(lights)]
            self.say("mcr       pbctl tally %s %s" % (SLOT, light))
            self.run(["pbctl", "tally", SLOT, light], self.admin, shown=False)
            step += 1

    # The end

    def stop(self):
        """Ends every process that was started, in order, by its id."""
        for child in reversed(self.children):
            child.stop(signal.SIGTERM if child.name == "server"
                       else signal.SIGINT)
            try:
                child.process.wait(5)
            except subprocess.TimeoutExpired:
                child.stop(signal.SIGKILL)
                child.process.wait()
            child.reader.join(2)
        # What they said while they went still counts, but ends nothing.
        while not self.events.empty():
            self.now, child, line = self.events.get()
            if line is not None and child.name in self.ends:
                try:
                    self.take(child, line)
                except Failed:
                    pass
        shutil.rmtree(self.secrets, ignore_errors=True)

    def summary(self):
        sender, receiver = self.ends["sender"], self.ends["receiver"]
        health = receiver.health
        peer = dict(sender.peer, **receiver.peer)
        size = picture_size(self.picture)

        def after(where):
            if where not in receiver.first or receiver.playing is None:
                return "?"
            return "%d ms" % round(
                1000 * max(0.0, receiver.first[where] - receiver.playing))

        latency = health.get("latency") or peer.get("latency-ms") or "?"
        text = (
            "The sender sent %d frames; the receiver decoded %d, and %d are "
            "missing in between (it joined while the sender was running). SRT "
            "lost %s of %s packets on the way and gave up on %s. From PLAYING "
            "to the first media took %s, to the first picture %s. Latency %s "
            "ms, round trip %s ms, path %s, cipher %s." % (
                sender.count["sent"], receiver.count["decoded"],
                receiver.missing, health.get("packets-lost", "?"),
                health.get("packets", "?"),
                health.get("packets-dropped", "?"),
                after("arrived"), after("decoded"), latency,
                rounded(health.get("rtt")), peer.get("path", "?"),
                peer.get("cipher", "?")))
        if receiver.tone is not None:
            text += " The tone came through at %.0f dB." % receiver.tone
        if size:
            text += " A received picture, %d by %d, is in %s." % (
                size + (os.path.relpath(self.picture),))
        self.title("Summary")
        print(text, flush=True)

    def main(self):
        try:
            self.start_server()
            self.create_session()
            self.title("The camera: a moving picture with a clock, and a tone")
            self.start_end("sender", SENDER, "send")
            self.title("The control room")
            self.start_end("receiver", RECEIVER, "receive")
            self.title("What happens")
            Child(self, "watch", ["pbctl", "watch"], self.admin)
            self.wait_media()
            self.play()
        except Failed as failed:
            self.stop()
            print("\ndemo: %s" % failed, file=sys.stderr)
            return 1
        except BaseException:
            self.stop()
            raise
        self.stop()
        if self.ends["receiver"].count["decoded"] == 0:
            print("\ndemo: stopped before a picture arrived", file=sys.stderr)
            return 130
        self.summary()
        return 0

    def interrupt(self, number, frame):
        self.interrupted = True


def main():
    parser = argparse.ArgumentParser(
        prog="./run demo",
        description="Shows Patchbay at work on this machine. Ctrl-C ends it.")
    parser.add_argument("--seconds", type=float, metavar="N",
                        help="end after N seconds of picture")
    parser.add_argument("--latency", type=int, default=200, metavar="MS",
                        help="what SRT may take to mend losses (%(default)s)")
    parser.add_argument("--output", metavar="FOLDER",
                        default=os.path.join(os.path.dirname(os.path.dirname(
                            os.path.dirname(os.path.abspath(__file__)))),
                            "demo-output"),
                        help="where the received picture goes")
    demo = Demo(parser.parse_args())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, demo.interrupt)
    return demo.main()


if __name__ == "__main__":
    sys.exit(main())
