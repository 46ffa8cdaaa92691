#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The QR code is the credential: decoded by zbarimg as a phone would, then used."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import expect, need, run, test  # noqa: E402


@test("scan and go: the picture's address carries a fresh peer token for that slot, and it sends")
def test_scan(scope):
    need("zbarimg")
    server = scope.server()
    admin = server.create(streams=("cam-wide", "cam-close"))["token"]
    status, png = server.call("GET", "/s/demo/qr?format=png&stream=cam-wide&direction=send", token=admin)
    expect(status == 200 and png[:4] == b"\x89PNG", f"a PNG: {status}")
    with open(scope.path("qr.png"), "wb") as f:
        f.write(png)
    zbar = scope.run("zbarimg", ["zbarimg", "--raw", "-q", scope.path("qr.png")], merge=False)
    expect(zbar.wait() == 0, zbar.tail())
    address, _, token = zbar.seen[0].partition("#t=")
    expect(address == server.url + "/s/demo" and token.startswith("p_"), f"address: {address}")
    expect(token != admin, "not the admin's own")
    receiver = scope.receiver(server, server.mint(admin, "cam-wide", "receive"))
    scope.sender(server, token)
    receiver.wait_count("out", 10)
    status, _ = server.call("POST", "/api/session/demo/token", dict(role="peer"), token)
    expect(status == 403, f"a scanned token mints nothing: {status}")


@test("a QR code needs an admin: none, a peer's and a foreign token are refused")
def test_refused(scope):
    server = scope.server()
    admin = server.create()["token"]
    other = server.create(name="other")["token"]
    peer = server.mint(admin, "cam-wide", "send")
    for token, wanted in ((None, 401), (peer, 403), (other, 404)):
        status, answer = server.call("GET", "/s/demo/qr", token=token)
        expect(status == wanted and "error" in answer, f"{status} instead of {wanted}: {answer}")


run()
