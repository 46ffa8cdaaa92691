#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""WHIP and WHEP with real media: GStreamer's own webrtcbin, driven over HTTP alone, sends to a pbsrcsink and plays one."""
import http.client
import json
import os
import re
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("Nice", "0.1")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC, Nice  # noqa: E402, F401

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import WATCHDOG, expect, run, test, until  # noqa: E402

SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
# under max-bundle there is one of each
STREAM, COMPONENT = 1, 1
VIDEO = ("videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! "
         "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 ! "
         "application/x-rtp,media=video,encoding-name=H264,payload=96 ! w. ")
AUDIO = "audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! w. "
PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1"

KEPT = []


class Client:
    """webrtcbin behind HTTP: what OBS does, or a player. Nothing of ours is in it."""

    def __init__(self, server, token, kind, trickles=False):
        Gst.init(None)
        # a critical of the client's own, common/pb-known-criticals.h, would end the test as well
        GLib.log_set_always_fatal(GLib.LogLevelFlags.LEVEL_ERROR)
        self.server, self.token, self.trickles = server, token, trickles
        self.endpoint, self.location, self.tag = f"/{kind}/demo/cam-wide", None, None
        self.candidates, self.counts = [], {}
        if kind == "whip":
            self.pipeline = Gst.parse_launch("webrtcbin name=w bundle-policy=max-bundle " + VIDEO + AUDIO)
            self.bin = self.pipeline.get_by_name("w")
        else:
            self.pipeline, self.bin = Gst.Pipeline(), Gst.ElementFactory.make("webrtcbin")
            self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
            self.pipeline.add(self.bin)
        # webrtcbin 1.22 holds it by a floating reference, which Python would take and give back
        KEPT.append(self.bin.get_property("ice-agent"))
        self.agent = KEPT[-1].get_property("agent")
        self.agent.set_property("upnp", False)
        # so that a pair whose credentials do not fit is not taken for one that works
        self.agent.set_property("keepalive-conncheck", True)
        address = Nice.Address()
        expect(address.set_from_string("127.0.0.1") and self.agent.add_local_address(address), "candidates on loopback alone")
        self.bin.connect("on-ice-candidate", lambda _, mline, text: self.candidates.append((mline, text)))
        self.bin.connect("pad-added", self._on_pad)
        if kind == "whep":
            for caps in ("application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,packetization-mode=(string)1",
                         "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2"):
                self.bin.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.pipeline.set_state(Gst.State.PLAYING)

    def _on_pad(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        media = pad.get_current_caps().get_structure(0).get_string("media")
        self.counts[media] = 0

        def count(_, __):
            self.counts[media] += 1
            return Gst.PadProbeReturn.OK
        pad.add_probe(Gst.PadProbeType.BUFFER, count)
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def _ask(self, action, *args):
        promise = Gst.Promise.new()
        self.bin.emit(action, *args, promise)
        expect(promise.wait() == Gst.PromiseResult.REPLIED, action)
        return promise.get_reply()

    def call(self, method, path, text=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=WATCHDOG)
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        headers["User-Agent"] = "whip.py/1.0"
        connection.request(method, path, text, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    def is_ready(self):
        return all(pad.get_current_caps() for pad in self.bin.sinkpads)

    def offer(self):
        """POST: the answer as it came."""
        # a sender's have caps once the payloaders run
        until(lambda: self.is_ready(), "caps on both pads")
        reply = self._ask("create-offer", None)
        self._ask("set-local-description", reply.get_value("offer"))
        if self.trickles:
            text = re.sub(r"a=(candidate|end-of-candidates)[^\n]*\n", "", reply.get_value("offer").sdp.as_text())
        else:
            until(lambda: self.bin.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE, "all candidates")
            text = self.bin.get_property("local-description").sdp.as_text()
        return self.call("POST", self.endpoint, text, Content_Type=SDP)

    def connect(self):
        status, headers, text = self.offer()
        expect(status == 201 and headers["Content-Type"] == SDP, f"{status} {headers} {text}")
        expect("a=candidate:" in text, f"the answer has the end's candidates: {text}")
        self.location, self.tag = headers["Location"], headers["ETag"]
        result, sdp = GstSdp.SDPMessage.new_from_text(text)
        expect(result == GstSdp.SDPResult.OK, text)
        self._ask("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp))
        if self.trickles:
            self.trickle()
        until(lambda: self.bin.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED, "DTLS")

    def trickle(self):
        until(lambda: self.bin.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE, "all candidates")
        sdp = self.bin.get_property("local-description").sdp.as_text()
        ufrag, pwd = (re.search(rf"a=ice-{name}:(\S+)", sdp).group(1) for name in ("ufrag", "pwd"))
        mid = re.search(r"a=mid:(\S+)", sdp).group(1)
        lines = [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{pwd}", re.search(r"m=[^\r\n]*", sdp).group(0), f"a=mid:{mid}"]
        lines += [f"a={text}" for mline, text in self.candidates if mline == 0] + ["a=end-of-candidates", ""]
        status, headers, text = self.call("PATCH", self.location, "\r\n".join(lines), Content_Type=FRAGMENT, If_Match=self.tag)
        expect(status == 204 and "ETag" not in headers, f"PATCH: {status} {text}")

    def restart(self):
        """Other ICE credentials: webrtcbin has no word for it, its agent has."""
        sdp = self.bin.get_property("local-description").sdp.as_text()
        expect(self.agent.restart_stream(STREAM), "a restart")
        _, ufrag, pwd = self.agent.get_local_credentials(STREAM)
        lines = [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{pwd}", re.search(r"m=[^\r\n]*", sdp).group(0), "a=mid:" + re.search(r"a=mid:(\S+)", sdp).group(1)]
        own = [self.agent.generate_local_candidate_sdp(c) for c in self.agent.get_local_candidates(STREAM, COMPONENT)
               if c.transport != Nice.CandidateTransport.TCP_ACTIVE]
        status, headers, text = self.call("PATCH", self.location, "\r\n".join(lines + own + ["a=end-of-candidates", ""]), Content_Type=FRAGMENT,
                                          If_Match="*")
        expect(status == 200 and headers["Content-Type"] == FRAGMENT, f"PATCH: {status} {text}")
        expect(headers["ETag"] != self.tag, "another ICE session has another entity tag")
        self.tag = headers["ETag"]
        theirs, password = (re.search(rf"a=ice-{name}:(\S+)", text).group(1) for name in ("ufrag", "pwd"))
        expect(self.agent.set_remote_credentials(STREAM, theirs, password), "their credentials")
        remote = [self.agent.parse_remote_candidate_sdp(STREAM, line) for line in re.findall(r"a=candidate:[^\r\n]*UDP[^\r\n]*", text)]
        expect(remote and self.agent.set_remote_candidates(STREAM, COMPONENT, remote) == len(remote), f"their candidates: {text}")
        return theirs

    def delete(self):
        return self.call("DELETE", self.location)[0]

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)


def slot_of(server, admin):
    return server.show(admin)["streams"][0]


def check_sending(scope, trickles):
    server = scope.server()
    admin = server.create()["token"]
    receiver = scope.pipeline("receiver", f"pbsrcsink name=pb decode=true uri={server.uri()} pb.video_src_0 ! queue ! fakesink name=video sync=false "
                              "pb.audio_src_0 ! queue ! fakesink name=audio sync=false", token=server.mint(admin, "cam-wide", "receive"),
                              count=("video", "audio"))
    until(lambda: slot_of(server, admin)["receivers"], "the receiver")
    client = Client(server, server.mint(admin, "cam-wide", "send"), "whip", trickles)
    client.connect()
    receiver.wait_message("pb-peer", srt="connected")
    receiver.wait_count("video", 50)
    # three seconds: the picture has not only its keyframes
    before = receiver.count("video")
    receiver.wait_more("audio", 150)
    expect(receiver.count("video") - before > 37, f"frames in three seconds: {receiver.count('video') - before}")
    slot = slot_of(server, admin)
    expect(slot["state"] == "CONNECTED" and slot["sender"]["client"] == "whip.py/1.0" and slot["sender"]["srt"] == "connected", f"{slot}")
    expect(client.delete() == 200, "DELETE")
    expect(slot_of(server, admin)["sender"] is None, "the slot is free")
    expect(client.delete() == 404, "it is gone")
    client.stop()
    expect(not [e for e in receiver.events() if e["event"] in ("error", "eos")], "the receiver waits for the next")
    # and gets it
    again = Client(server, server.mint(admin, "cam-wide", "send"), "whip")
    again.connect()
    receiver.wait_more("video", 50)
    again.stop()


@test("a WHIP client sends picture and sound to a pbsrcsink; DELETE frees the slot; the next one comes")
def test_whip(scope):
    check_sending(scope, False)


@test("a WHIP client that trickles: its candidates come by PATCH")
def test_trickle(scope):
    check_sending(scope, True)


@test("a WHIP client restarts ICE by PATCH, twice, and its picture goes on over the same connection")
def test_restart(scope):
    server = scope.server()
    admin = server.create()["token"]
    receiver = scope.pipeline("receiver", f"pbsrcsink name=pb decode=true uri={server.uri()} pb.video_src_0 ! queue ! fakesink name=video sync=false",
                              token=server.mint(admin, "cam-wide", "receive"), count=("video",))
    until(lambda: slot_of(server, admin)["receivers"], "the receiver")
    client = Client(server, server.mint(admin, "cam-wide", "send"), "whip")
    client.connect()
    receiver.wait_message("pb-peer", srt="connected")
    receiver.wait_count("video", 25)
    seen = {re.search(r"a=ice-ufrag:(\S+)", client.bin.get_property("remote-description").sdp.as_text()).group(1)}
    for turn in range(2):
        seen.add(client.restart())
        # longer than a pair lasts that nobody vouches for
        receiver.wait_more("video", 250)
    expect(len(seen) == 3, f"the end has had other credentials each time: {seen}")
    told = [e["fields"]["srt"] for e in receiver.events() if e["event"] == "message" and e["name"] == "pb-peer"]
    expect(told.count("connected") == 1 and "disconnected" not in told and "error" not in told, f"one connection: {told}")
    expect(slot_of(server, admin)["sender"]["srt"] == "connected", "the server knows it as connected")
    client.stop()


@test("a WHEP player gets picture and sound from a pbsrcsink, a second one too; DELETE ends one alone")
def test_whep(scope):
    server = scope.server()
    admin = server.create()["token"]
    scope.pipeline("sender", f"pbsrcsink name=pb uri={server.uri()} {PICTURE} ! pb.video_0 audiotestsrc is-live=true ! pb.audio_0",
                   token=server.mint(admin, "cam-wide", "send"))
    until(lambda: slot_of(server, admin)["sender"], "the sender")
    token = server.mint(admin, "cam-wide", "receive")
    players = [Client(server, token, "whep") for _ in range(2)]
    for player in players:
        player.connect()
        until(lambda p=player: p.counts.get("video", 0) >= 50 and p.counts.get("audio", 0) >= 50, f"packets: {player.counts}")
    expect(len(slot_of(server, admin)["receivers"]) == 2, "two receivers")
    expect(players[0].delete() == 200, "DELETE")
    players[0].stop()
    before = players[1].counts["video"]
    until(lambda: players[1].counts["video"] >= before + 50, "the other's picture goes on")
    players[1].stop()


@test("no token, another's token, and nobody there: each is told")
def test_refused(scope):
    server = scope.server()
    admin = server.create()["token"]
    receive, send = (server.mint(admin, "cam-wide", direction) for direction in ("receive", "send"))
    for kind, token, status, reason in (("whip", None, 401, "TOKEN_MISSING"), ("whip", receive, 403, "PERMISSION_DENIED"),
                                        ("whip", "p_x", 401, "TOKEN_INVALID"), ("whip", send, 503, "PEER_ABSENT"), ("whep", receive, 409, "NOT_LIVE")):
        client = Client(server, token, kind)
        got, _, text = client.offer()
        expect(got == status and json.loads(text)["error"]["reason"] == reason, f"{kind}: {got} {text}")
        client.stop()


run()
