# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of TURN (RFC 8656) that is small enough to be bent: over UDP, TCP or TLS, with long-term credentials.

Raises Refused with the error's number where the server says no."""
import base64
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
import time

COOKIE = 0x2112A442
ALLOCATE, REFRESH, SEND, DATA, PERMIT, BIND, CONNECT = 0x003, 0x004, 0x006, 0x007, 0x008, 0x009, 0x00A
USERNAME, INTEGRITY, ERROR, LIFETIME, PEER, PAYLOAD, REALM, NONCE, RELAYED, FAMILY, TRANSPORT, MAPPED = (
    0x0006, 0x0008, 0x0009, 0x000D, 0x0012, 0x0013, 0x0014, 0x0015, 0x0016, 0x0017, 0x0019, 0x0020)
UDP, TCP = 17, 6


class Refused(Exception):
    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")
        self.code = code


def sign(secret, username):
    """coturn's use-auth-secret."""
    return base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()


def credentials(secret, name, ttl=600):
    username = f"{int(time.time()) + ttl}:{name}"
    return username, sign(secret, username)


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def xor_address(address, port, transaction):
    ip = ipaddress.ip_address(address)
    mask = struct.pack("!I", COOKIE) + transaction
    return struct.pack("!BBH", 0, 1 if ip.version == 4 else 2, port ^ (COOKIE >> 16)) + bytes(a ^ b for a, b in zip(ip.packed, mask))


def plain_address(value, transaction):
    mask = struct.pack("!I", COOKIE) + transaction
    port = struct.unpack("!H", value[2:4])[0] ^ (COOKIE >> 16)
    return str(ipaddress.ip_address(bytes(a ^ b for a, b in zip(value[4:], mask)))), port


class Turn:
    """One five-tuple. `sock` is connected, as a stream or for datagrams."""

    def __init__(self, sock, username, password, timeout=5):
        self.sock, self.username, self.password = sock, username, password
        self.is_stream = sock.type == socket.SOCK_STREAM
        self.realm = self.nonce = None
        self.rest = b""
        self.inbox = []  # (address, port, data)
        self.relayed = self.mapped = None
        sock.settimeout(timeout)

    def close(self):
        self.sock.close()

    def _receive(self):
        if not self.is_stream:
            return self.sock.recv(65536)
        while True:
            if len(self.rest) >= 20:
                length = 20 + struct.unpack("!H", self.rest[2:4])[0]
                if len(self.rest) >= length:
                    message, self.rest = self.rest[:length], self.rest[length:]
                    return message
            chunk = self.sock.recv(65536)
            if not chunk:
                raise ConnectionError("the relay closed the connection")
            self.rest += chunk

    @staticmethod
    def _parse(message):
        kind, length, cookie = struct.unpack("!HHI", message[:8])
        assert cookie == COOKIE and len(message) == 20 + length, message
        found, at = {}, 20
        while at < len(message):
            name, size = struct.unpack("!HH", message[at:at + 4])
            found.setdefault(name, message[at + 4:at + 4 + size])
            at += 4 + size + -size % 4
        return kind, message[8:20], found

    def _key(self):
        return hashlib.md5(f"{self.username}:{self.realm}:{self.password}".encode()).digest()

    def _build(self, kind, transaction, attributes, signed):
        body = b"".join(attribute(k, v(transaction) if callable(v) else v) for k, v in attributes)
        if signed:
            body += attribute(USERNAME, self.username.encode()) + attribute(REALM, self.realm.encode()) + attribute(NONCE, self.nonce)
            head = struct.pack("!HHI", kind, len(body) + 24, COOKIE) + transaction
            body += attribute(INTEGRITY, hmac.new(self._key(), head + body, hashlib.sha1).digest())
        return struct.pack("!HHI", kind, len(body), COOKIE) + transaction + body

    def _ask_once(self, kind, attributes, signed):
        transaction = os.urandom(12)
        message = self._build(kind, transaction, attributes, signed)
        self.sock.sendall(message)
        tries = 1
        while True:
            try:
                answer, who, found = self._parse(self._receive())
            except TimeoutError:
                if self.is_stream or tries == 3:
                    raise
                tries += 1
                self.sock.sendall(message)
                continue
            if answer == 0x0017:
                self.inbox.append((*plain_address(found[PEER], who), found[PAYLOAD]))
            elif who == transaction:
                return answer, found

    def ask(self, kind, *attributes):
        """A request, again with the nonce that the relay wants."""
        for _ in range(3):
            answer, found = self._ask_once(kind, attributes, self.nonce is not None)
            if answer & 0x0110 == 0x0100:
                return {k: v for k, v in found.items()}
            code = found[ERROR][2] * 100 + found[ERROR][3]
            if code == 438 or code == 401 and self.nonce is None:
                self.realm, self.nonce = found[REALM].decode(), found[NONCE]
                continue
            raise Refused(code, found[ERROR][4:].decode())
        raise Refused(438, "the nonce is stale again and again")

    def allocate(self, transport=UDP, family=None, lifetime=None):
        attributes = [(TRANSPORT, struct.pack("!BBH", transport, 0, 0))]
        if family is not None:
            attributes.append((FAMILY, struct.pack("!BBH", family, 0, 0)))
        if lifetime is not None:
            attributes.append((LIFETIME, struct.pack("!I", lifetime)))
        transaction = {}

        def remember(t):
            transaction["id"] = t
            return b""
        found = self.ask(ALLOCATE, *attributes, (0x8022, remember))  # SOFTWARE, empty
        self.relayed = plain_address(found[RELAYED], transaction["id"])
        self.mapped = plain_address(found[MAPPED], transaction["id"])
        return struct.unpack("!I", found[LIFETIME])[0]

    def permit(self, address, port=9):
        self.ask(PERMIT, (PEER, lambda t: xor_address(address, port, t)))

    def bind(self, address, port, channel=0x4000):
        self.ask(BIND, (0x000C, struct.pack("!HH", channel, 0)), (PEER, lambda t: xor_address(address, port, t)))

    def refresh(self, lifetime):
        self.ask(REFRESH, (LIFETIME, struct.pack("!I", lifetime)))

    def send(self, address, port, data):
        transaction = os.urandom(12)
        self.sock.sendall(self._build(0x0016, transaction, [(PEER, xor_address(address, port, transaction)), (PAYLOAD, data)], False))

    def receive(self):
        while not self.inbox:
            kind, who, found = self._parse(self._receive())
            if kind == 0x0017:
                self.inbox.append((*plain_address(found[PEER], who), found[PAYLOAD]))
        return self.inbox.pop(0)
