# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks to test in: namespaces that are made here and deleted here, whatever happens; nothing leaves them. Needs root; skipped without.

    with Lab() as lab:        two peers behind two routers; the server on the public side
    with relay_lab(scope) as lab:   two peers that reach the server and a coturn, and nothing else

In a lab: lab.server(scope) is a patchbayd in the hub, lab.pipeline(scope, "camera", "pbsrtbin …", token) a pipeline in one of the peers,
lab.run(scope, "studio", argv) any program there, lab.socket("camera") a socket of this process that lives there.
"""
import contextlib
import ctypes
import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
import pbtest  # noqa: E402
import pbws  # noqa: E402
from pbtest import RUNNER, Child, Pipeline, Server, Skipped, environment, expect, need  # noqa: E402

SERVER = "203.0.113.1"
RELAY = "203.0.113.2"
TLS_FRONT = 5350
TURN_SECRET = "a-relay-secret-of-the-tests-that-is-long-enough-0123456789"
PRESET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "presets", "coturn", "turnserver.conf")
CLONE_NEWNET = 0x40000000


class Namespaces:
    """Named network namespaces and cables between them, as a context."""

    def __init__(self, *names):
        self.names = {n: f"pb{os.getpid()}{n}" for n in names}
        self.made = []

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

    def forward(self, name):
        self.inside(name, "tee /proc/sys/net/ipv4/ip_forward", b"1")

    def __enter__(self):
        need("ip", "nft")
        if os.geteuid() != 0:
            raise Skipped("network namespaces need root")
        try:
            for name in self.names.values():
                self.sh(f"ip netns add {name}")
                self.made.append(name)
            # a chroot makes them, but lets nobody in
            self.inside(next(iter(self.names)), "true")
        except subprocess.CalledProcessError:
            self.__exit__()
            raise Skipped("this machine does not allow network namespaces") from None
        try:
            for name in self.names:
                self.inside(name, "ip link set lo up")
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        pass

    def __exit__(self, *exc):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        self.made = []

    # --- what runs in one ---

    def run(self, scope, where, argv, name=None, env=None, **kw):
        return Child(scope, name or where, ["ip", "netns", "exec", self.names[where]] + argv, env, **kw)

    def pipeline(self, scope, where, text, token, cafile=""):
        """cafile: who may sign the certificates of servers; default: who the system trusts."""
        return LabPipeline(scope, self, where, text, token, cafile)

    def server(self, scope, **kw):
        return LabServer(scope, self, **kw)

    @contextlib.contextmanager
    def entered(self, name):
        """This thread is in it; sockets that are made meanwhile stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.names[name]}", "rb") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                if libc.setns(home.fileno(), CLONE_NEWNET) != 0:
                    os._exit(70)  # the rest of the tests would run in the wrong network

    def socket(self, name, kind=socket.SOCK_DGRAM, family=socket.AF_INET):
        with self.entered(name):
            return socket.socket(family, kind)

    def cut(self, name):
        """Nothing goes through it any more, until mend()."""
        self.inside(name, "nft -f -", b"""table ip cut {
  chain through {
    type filter hook forward priority -10
    policy drop
  }
}
""")

    def mend(self, name):
        self.inside(name, "nft delete table ip cut")


class Signalling(pbws.Signalling):
    """A WebSocket from one of the namespaces: it registers, and hears what it is told. A context."""

    def __init__(self, lab, where, server, token, **fields):
        sock = lab.socket(where, socket.SOCK_STREAM)
        sock.settimeout(pbtest.WATCHDOG)
        sock.connect((SERVER, server.port))
        super().__init__(server, token, host=SERVER, connected=sock)
        self.say("register", **fields)


class Lab(Namespaces):
    """Two peers behind two NATs, a server on the public side.

    camera ── natA ── hub (patchbayd, STUN) ── natB ── studio
    """

    def __init__(self, nat_a="masquerade", nat_b="masquerade", udp_a=True):
        super().__init__("camera", "nata", "hub", "natb", "studio")
        self.nats, self.udp_a = dict(nata=nat_a, natb=nat_b), udp_a

    def build(self):
        self.link("camera", "192.168.10.2/24", "nata", "192.168.10.1/24")
        self.link("nata", "198.51.100.2/24", "hub", "198.51.100.1/24")
        self.link("hub", "192.0.2.1/24", "natb", "192.0.2.2/24")
        self.link("natb", "192.168.20.1/24", "studio", "192.168.20.2/24")
        self.inside("hub", f"ip addr add {SERVER}/32 dev lo")
        for name, via in (("camera", "192.168.10.1"), ("nata", "198.51.100.1"), ("natb", "192.0.2.1"), ("studio", "192.168.20.1")):
            self.inside(name, f"ip route add default via {via}")
        for name in ("hub", "nata", "natb"):
            self.forward(name)
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


class RelayLab(Namespaces):
    """Two peers that reach one machine, which forwards nothing; on it a coturn with the preset, and room for a patchbayd.

    camera ── hub (patchbayd 203.0.113.1, coturn 203.0.113.2) ── studio
    """

    def __init__(self, scope, transports=("udp", "tcp", "tls"), udp_camera=True, edit=lambda text: text, relay_6=None):
        super().__init__("camera", "hub", "studio")
        self.scope, self.udp_camera, self.edit, self.relay_6 = scope, udp_camera, edit, relay_6
        every = dict(udp=f"turn:{RELAY}:3478?transport=udp", tcp=f"turn:{RELAY}:3478?transport=tcp", tls=f"turns:{RELAY}:{TLS_FRONT}?transport=tcp")
        self.urls = [every[t] for t in transports]
        self.coturn = None

    def build(self):
        self.link("camera", "198.51.100.2/24", "hub", "198.51.100.1/24")
        self.link("studio", "192.0.2.2/24", "hub", "192.0.2.1/24")
        for address in (SERVER, RELAY):
            self.inside("hub", f"ip addr add {address}/32 dev lo")
        for name, via in (("camera", "198.51.100.1"), ("studio", "192.0.2.1")):
            self.inside(name, f"ip route add default via {via}")
        if not self.udp_camera:
            self.inside("hub", "nft -f -", b"""table ip lab {
  chain input {
    type filter hook input priority 0
    iifname "camera" meta l4proto udp drop
  }
}
""")
        if self.relay_6:
            self.inside("hub", f"ip addr add {self.relay_6}/128 dev lo")
        self.coturn = Coturn(self.scope, self, "hub", self.edit)
        self.front = TlsFront(self.scope, self)

    def server(self, scope, **kw):
        return super().server(scope, turn=self.urls, stun=False, **kw)


def relay_lab(scope, **kw):
    """Two ends, "camera" and "studio", that reach only the coturn (and the server): `with relay_lab(scope) as lab`.

    transports: of "udp", "tcp", "tls", what patchbayd tells the ends; udp_camera=False: the camera's network lets no UDP out;
    edit: changes the preset's text; relay_6: one more address of the hub, IPv6.
    """
    return RelayLab(scope, **kw)


class Coturn(Child):
    """A real coturn with the preset, but for names, files and the log; `edit` changes its text."""

    def __init__(self, scope, lab, where, edit=lambda text: text, address=RELAY):
        need("turnserver", "openssl")
        self.cafile = scope.path("turn.pem")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                               "-subj", f"/CN={address}", "-addext", f"subjectAltName=IP:{address}", "-keyout", scope.path("turn-key.pem"),
                               "-out", self.cafile], capture_output=True, check=False)
        expect(made.returncode == 0, made.stderr.decode())
        with open(PRESET, encoding="utf-8") as f:
            text = f.read()
        for old, new in (("=203.0.113.1\n", f"={address}\n"), ("/etc/ssl/patchbay/fullchain.pem", self.cafile),
                         ("/etc/ssl/patchbay/key.pem", scope.path("turn-key.pem")), ("\nsyslog\nno-stdout-log\n", "\nlog-file=stdout\nverbose\n")):
            expect(old in text, f"the preset has {old!r}")
            text = text.replace(old, new)
        # the secret as the preset's instructions add it
        text = edit(text) + f"static-auth-secret={TURN_SECRET}\npidfile={scope.path('turn.pid')}\nuserdb={scope.path('turndb')}\n"
        path = scope.path("turnserver.conf")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text)
        super().__init__(scope, "coturn", ["ip", "netns", "exec", lab.names[where], "turnserver", "-c", path])
        # every listener is open then
        self.wait_line(lambda line: "Total General servers" in line, "its listeners")


class TlsFront(Child):
    """What `turns:` leads to: TLS alone, with coturn's certificate."""

    def __init__(self, scope, lab):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tls-front.py")
        super().__init__(scope, "tls-front", ["ip", "netns", "exec", lab.names["hub"], "/usr/bin/python3", script, RELAY, str(TLS_FRONT), "3478",
                                              lab.coturn.cafile, scope.path("turn-key.pem")])
        self.wait_line(lambda line: line == "listening", "its port")


class LabServer(Server):
    """patchbayd in the hub; its HTTP interface is asked from within the hub."""

    def __init__(self, scope, lab, turn=(), turn_ttl=600, stun=True, port=8080):
        self.directory, self.lab = scope.directory, lab
        self._write(scope.path("secret"), pbtest.SECRET)
        argv = ["ip", "netns", "exec", lab.names["hub"], pbtest.PATCHBAYD, "--listen", f"{SERVER}:{port}", "--insecure-plain", "--secret-file",
                scope.path("secret")] + (["--stun", f"{SERVER}:3478"] if stun else ["--no-stun"])
        if turn:
            self._write(scope.path("turn-secret"), TURN_SECRET)
            self._write(scope.path("patchbayd.conf"), f"[turn]\nurls = {' '.join(turn)}\nsecret-file = {scope.path('turn-secret')}\nttl = {turn_ttl}\n")
            argv += ["--config", scope.path("patchbayd.conf")]
        Child.__init__(self, scope, "patchbayd", argv)
        self.url = self.wait_line(lambda line: line.partition("listening on ")[2].strip(), "its address")
        self.port = port

    @staticmethod
    def _write(path, text):
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text)

    def call(self, method, path, body=None, token=None, raw=None):
        script = ("import json,sys,urllib.request as u; m,url,b,t=json.load(sys.stdin); r=u.Request(url,data=b.encode() if b else None,method=m); "
                  "r.add_header('Content-Type','application/json'); t and r.add_header('Authorization','Bearer '+t); "
                  "a=u.build_opener(u.ProxyHandler({})).open(r,timeout=20); print(json.dumps([a.status,a.read().decode()]))")
        done = subprocess.run(["ip", "netns", "exec", self.lab.names["hub"], "/usr/bin/python3", "-c", script],
                              input=json.dumps([method, self.url + path, json.dumps(body) if body is not None else None, token]),
                              capture_output=True, text=True, check=True)
        status, text = json.loads(done.stdout)
        return status, json.loads(text) if text else None

    def uri(self, stream="cam-wide", session="demo"):
        return f"pb://{SERVER}:{self.port}/{session}/{stream} insecure=true"


class LabPipeline(Pipeline):
    def __init__(self, scope, lab, where, text, token, cafile=""):
        count = ["--count", "out"] if "name=out" in text else []
        Child.__init__(self, scope, where, ["ip", "netns", "exec", lab.names[where], RUNNER] + count + [text],
                       environment(PATCHBAY_TOKEN=token, PB_TEST_CA=cafile))
