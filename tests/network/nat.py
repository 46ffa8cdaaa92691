#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two peers behind two NATs, a server on the public side, each in a network namespace of its own.

    camera ── natA ── hub (patchbayd, STUN) ── natB ── studio

The namespaces are made here and deleted here; nothing leaves them. Needs root; skipped without.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import DECODE, RECEIVER, RUNNER, SENDER, Pipeline, Server, Skipped, environment, expect, need, run, test  # noqa: E402

SERVER = "203.0.113.1"


class Lab:
    """The five namespaces, as a context: gone afterwards, whatever happened."""

    def __init__(self, nat_a="masquerade", nat_b="masquerade", udp_a=True):
        self.names = {n: f"pb{os.getpid()}{n}" for n in ("camera", "nata", "hub", "natb", "studio")}
        self.nats, self.udp_a, self.made = dict(nata=nat_a, natb=nat_b), udp_a, []

    def sh(self, line):
        subprocess.run(line.split(), check=True, capture_output=True)

    def inside(self, name, line, stdin=None):
        subprocess.run(["ip", "netns", "exec", self.names[name]] + line.split(), check=True, capture_output=True, input=stdin)

    def link(self, a, address_a, b, address_b):
        """A cable; interfaces are called after the far end."""
        self.sh(f"ip link add {b} netns {self.names[a]} type veth peer name {a} netns {self.names[b]}")
        for here, there, address in ((a, b, address_a), (b, a, address_b)):
            self.inside(here, f"ip addr add {address} dev {there}")
            self.inside(here, f"ip link set {there} up")

    def __enter__(self):
        need("ip", "nft")
        if os.geteuid() != 0:
            raise Skipped("network namespaces need root")
        try:
            for name in self.names.values():
                self.sh(f"ip netns add {name}")
                self.made.append(name)
            # a chroot makes them, but lets nobody in
            self.inside("camera", "true")
        except subprocess.CalledProcessError:
            self.__exit__()
            raise Skipped("this machine does not allow network namespaces") from None
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        for name in self.names:
            self.inside(name, "ip link set lo up")
        self.link("camera", "192.168.10.2/24", "nata", "192.168.10.1/24")
        self.link("nata", "198.51.100.2/24", "hub", "198.51.100.1/24")
        self.link("hub", "192.0.2.1/24", "natb", "192.0.2.2/24")
        self.link("natb", "192.168.20.1/24", "studio", "192.168.20.2/24")
        self.inside("hub", f"ip addr add {SERVER}/32 dev lo")
        for name, via in (("camera", "192.168.10.1"), ("nata", "198.51.100.1"), ("natb", "192.0.2.1"), ("studio", "192.168.20.1")):
            self.inside(name, f"ip route add default via {via}")
        for name in ("hub", "nata", "natb"):
            self.inside(name, "tee /proc/sys/net/ipv4/ip_forward", b"1")
        for name, inner in (("nata", "camera"), ("natb", "studio")):
            # a home router: what was not asked for is dropped before it makes a connection entry
            block = f"iifname \"{inner}\" meta l4proto udp drop" if name == "nata" and not self.udp_a else ""
            rules = f"""table ip home {{
  chain post {{
    type nat hook postrouting priority 100
    oifname "hub" {self.nats[name]}
  }}
  chain fwd_home {{
    type filter hook forward priority 0
    {block}
    iifname "hub" ct state established,related accept
    iifname "hub" drop
  }}
  chain in_home {{
    type filter hook input priority 0
    iifname "hub" meta l4proto udp drop
  }}
}}
"""
            self.inside(name, "nft -f -", rules.encode())

    def __exit__(self, *exc):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        self.made = []

    def server(self, scope):
        return LabServer(scope, self)

    def pipeline(self, scope, where, text, token):
        return LabPipeline(scope, self, where, text, token)


class LabServer(Server):
    """patchbayd in the hub; its HTTP interface is asked from within the hub."""

    def __init__(self, scope, lab):
        import pbtest
        self.directory, self.lab = scope.directory, lab
        with open(os.open(scope.path("secret"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(pbtest.SECRET)
        pbtest.Child.__init__(self, scope, "patchbayd", [
            "ip", "netns", "exec", lab.names["hub"], pbtest.PATCHBAYD, "--listen", f"{SERVER}:8080", "--insecure-plain", "--secret-file",
            scope.path("secret"), "--stun", f"{SERVER}:3478"])
        self.url = self.wait_line(lambda line: line.partition("listening on ")[2].strip(), "its address")
        self.port = 8080

    def call(self, method, path, body=None, token=None, raw=None):
        import json
        script = ("import json,sys,urllib.request as u; m,url,b,t=json.load(sys.stdin); r=u.Request(url,data=b.encode() if b else None,method=m); "
                  "r.add_header('Content-Type','application/json'); t and r.add_header('Authorization','Bearer '+t); "
                  "a=u.build_opener(u.ProxyHandler({})).open(r,timeout=20); print(json.dumps([a.status,a.read().decode()]))")
        done = subprocess.run(["ip", "netns", "exec", self.lab.names["hub"], "/usr/bin/python3", "-c", script],
                              input=json.dumps([method, self.url + path, json.dumps(body) if body is not None else None, token]),
                              capture_output=True, text=True, check=True)
        status, text = json.loads(done.stdout)
        return status, json.loads(text) if text else None

    def uri(self, stream="cam-wide", session="demo"):
        return f"pb://{SERVER}:8080/{session}/{stream} insecure=true"


class LabPipeline(Pipeline):
    def __init__(self, scope, lab, where, text, token):
        import pbtest
        count = ["--count", "out"] if "name=out" in text else []
        pbtest.Child.__init__(self, scope, where, ["ip", "netns", "exec", lab.names[where], RUNNER] + count + [text],
                              environment(PATCHBAY_TOKEN=token))


def production(scope, lab):
    server = lab.server(scope)
    admin = server.create()["token"]
    receiver = lab.pipeline(scope, "studio", f"{RECEIVER} uri={server.uri()}{DECODE}", server.mint(admin, "cam-wide", "receive"))
    sender = lab.pipeline(scope, "camera", f"{SENDER} uri={server.uri()}", server.mint(admin, "cam-wide", "send"))
    return sender, receiver


@test("two ordinary home routers: the ends meet directly, with the server's own STUN, and carry video")
def test_masquerade(scope):
    with Lab() as lab:
        sender, receiver = production(scope, lab)
        for end in (sender, receiver):
            peer = end.wait_message("pb-peer", srt="connected")
            expect(peer["path"] == "direct", f"{peer}")
        receiver.wait_count("out", 50)


@test("two routers that give every destination another port: both ends say that, in words")
def test_symmetric(scope):
    with Lab("masquerade fully-random", "masquerade fully-random") as lab:
        for end in production(scope, lab):
            end.wait_event("message", "nat-symmetric or no-path", where=lambda e: e["name"] == "pb-fault"
                           and e["fields"]["code"] in ("nat-symmetric", "no-path"))


@test("a network that lets no UDP out: both ends say so")
def test_udp_blocked(scope):
    with Lab(udp_a=False) as lab:
        sender, receiver = production(scope, lab)
        sender.wait_message("pb-fault", code="udp-blocked")
        receiver.wait_message("pb-fault", code="udp-blocked")


run()
