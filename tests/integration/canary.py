#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requirement S30: everything at the loudest log level, then a search for every secret there was."""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import PBCTL, SECRET, environment, expect, run, test  # noqa: E402


def argv_of(child):
    """What ps shows of a process."""
    with open(f"/proc/{child.process.pid}/cmdline", "rb") as f:
        return f.read().decode("utf-8", "replace")


# As an address holds them, as libnice writes them, and as coturn's scheme makes them.
CREDENTIALS = re.compile(r"turns?://[^\s:@/]+:[^\s@/]+@|user/pass\s*:|\b1\d{9}(:|%3A)[\w-]{8,}")


def lend_relay(scope):
    """A configuration with a relay, which need not be there."""
    secret, path = scope.path("turn-secret"), scope.path("turn.conf")
    for name, text in ((secret, "0123456789abcdef0123456789abcdef"),
                       (path, f"[turn]\nurls=turn:127.0.0.1:9?transport=udp\nsecret-file={secret}\n")):
        with open(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as f:
            f.write(text)
    return path


@test("at GST_DEBUG=*:9 and G_MESSAGES_DEBUG=all no passphrase, token or secret is in any log, dump or command line")
def test_canary(scope):
    dots, debug = scope.path("dots"), dict(G_MESSAGES_DEBUG="all", GST_DEBUG="*:9", GST_DEBUG_NO_COLOR="1", NICE_DEBUG="all")
    os.mkdir(dots)
    server = scope.server(debug=True, extra=("--config", lend_relay(scope)), G_MESSAGES_DEBUG="all", SOUP_DEBUG="all")
    answer = server.create(streams=("cam-wide", "cam-back"))
    admin = answer["token"]
    send, receive = server.mint(admin, "cam-wide", "send"), server.mint(admin, "cam-wide", "receive")
    passphrase = server.strings(admin)["passphrase"]
    logs = {name: scope.path(name + ".log") for name in ("sender", "receiver", "director")}
    children = [
        scope.receiver(server, receive, GST_DEBUG_FILE=logs["receiver"], GST_DEBUG_DUMP_DOT_DIR=dots, **debug),
        scope.sender(server, send, GST_DEBUG_FILE=logs["sender"], GST_DEBUG_DUMP_DOT_DIR=dots, **debug),
        scope.pipeline("director", f"pbsignal uri=pb://127.0.0.1:{server.port}/demo", token=admin, GST_DEBUG_FILE=logs["director"], **debug),
    ]
    children[0].wait_count("out", 10, timeout=180)
    # the same over WebRTC, in a slot of its own
    there, back = server.mint(admin, "cam-back", "send"), server.mint(admin, "cam-back", "receive")
    logs["viewer"], logs["camera"] = scope.path("viewer.log"), scope.path("camera.log")
    children += [
        scope.pipeline("viewer", f"pbsrcsink uri={server.uri('cam-back')} ! fakesink name=out sync=false", token=back, count=("out",),
                       GST_DEBUG_FILE=logs["viewer"], GST_DEBUG_DUMP_DOT_DIR=dots, **debug),
        scope.pipeline("camera", f"videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=10/1 ! pbsrcsink uri={server.uri('cam-back')}",
                       token=there, GST_DEBUG_FILE=logs["camera"], GST_DEBUG_DUMP_DOT_DIR=dots, **debug),
    ]
    children[3].wait_count("out", 10, timeout=180)
    pbctl = scope.run("pbctl", [PBCTL, "--server", server.url, "tally", "cam-wide", "program"], env=environment(PATCHBAY_TOKEN=admin, **debug))
    pbctl.wait()
    children[2].wait_message("pb-tally", timeout=180)
    # a wrong token and a wrong passphrase are refused, and refusals are where secrets slip out
    wrong = scope.sender(server, send[:-4] + "AAAA", **debug)
    wrong.wait(180)
    commands = "".join(argv_of(c) for c in children + [server])
    for child in children:
        child.signal(15)
    for child in children:
        child.wait(180)
    server.stop()
    texts = {"command lines": commands}
    for child in scope.children:
        texts[child.name] = "\n".join(child.seen)
    for path in list(logs.values()) + glob.glob(os.path.join(dots, "*")):
        with open(path, encoding="utf-8", errors="replace") as f:
            texts[os.path.basename(path)] = f.read()
    expect(len(texts["sender.log"]) > 100000, "the log is there to be searched")
    for what, secret in (("passphrase", passphrase), ("admin token", admin.split(".")[1]), ("sender's token", send.split(".")[1]),
                         ("receiver's token", receive.split(".")[1]), ("server secret", SECRET), ("token payload", send.split(".")[0]),
                         ("camera's token", there.split(".")[1]), ("viewer's token", back.split(".")[1]), ("private key of DTLS", "PRIVATE KEY-----")):
        for name, text in texts.items():
            at = text.find(secret)
            expect(at < 0, f"the {what} is in {name}: …{text[max(0, at - 200):at]}[HERE]")
    expect("with 1 relays" in texts["camera.log"], "the camera was lent a relay")
    for name, text in texts.items():
        found = CREDENTIALS.search(text)
        expect(found is None, f"credentials of the relay are in {name}: …{text[max(0, found.start() - 200):found.start()] if found else ''}[HERE]")


run()
