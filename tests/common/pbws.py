# SPDX-License-Identifier: LGPL-2.1-or-later
"""A WebSocket by hand, for what a browser or a program of others says to patchbayd: one text frame per message, no extensions."""
import json
import socket
import struct
import time

from pbtest import WATCHDOG, expect

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


class Signalling:
    """Signed on with a token, and nothing said yet. A context; `connected` is a socket that leads to the server, where that is another's business."""

    def __init__(self, server, token, session="demo", host="127.0.0.1", connected=None):
        self.sock = connected or socket.create_connection((host, server.port), WATCHDOG)
        self.sock.settimeout(WATCHDOG)
        self.sock.sendall((f"GET /api/ws/{session} HTTP/1.1\r\nHost: {host}:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n").encode())
        self.stream = self.sock.makefile("rb")
        answer = self.stream.readline()
        expect(b" 101 " in answer, f"an upgrade: {answer}")
        while self.stream.readline() != b"\r\n":
            pass

    def _frame(self, kind, data):
        length = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0x80 | 126, len(data))
        # a mask there must be; one of zeros is one
        self.sock.sendall(bytes([0x80 | kind]) + length + bytes(4) + data)

    def say(self, kind, **fields):
        self._frame(TEXT, json.dumps(dict(type=kind, **fields)).encode())

    def read(self):
        """The next message."""
        while True:
            first, length = self.stream.read(2)
            if length == 126:
                length = struct.unpack("!H", self.stream.read(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self.stream.read(8))[0]
            data = self.stream.read(length)
            if first == 0x80 | TEXT:
                return json.loads(data)
            expect(first != 0x80 | CLOSE, f"the server closes: {data}")
            if first == 0x80 | PING:
                self._frame(PONG, data)

    def hear_until(self, **fields):
        """All messages up to the first whose fields match, that one included. A server that talks of other things only runs into the watchdog."""
        heard, deadline = [], time.monotonic() + WATCHDOG
        while not heard or any(heard[-1].get(k) != v for k, v in fields.items()):
            expect(time.monotonic() < deadline, f"not heard in time: {fields}; but {[m['type'] for m in heard[-20:]]}")
            heard.append(self.read())
        return heard

    def hear(self, kind, **fields):
        """The next message of this type whose fields match; what comes before it is left out."""
        return self.hear_until(type=kind, **fields)[-1]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stream.close()
        self.sock.close()
