#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes messages.json: vectors for every message, body and error.

The tables here are typed in from docs/protocol.md, apart from those in
gst/core/pb-message.c, so that the two can disagree. `--check` writes nothing
and fails where the file is not what the tables give.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
A64 = 'a' * 64


class Kind:
    """Values that are taken, the first being the usual one, and refused."""

    def __init__(self, good, bad, wrong, closed=True):
        self.good, self.bad, self.wrong = good, bad, wrong
        self.closed = closed  # FALSE: a client takes newer words

    def sample(self, full):
        return self.good[0]


NOT_STRINGS = [17, 1.5, True, [], {}]
NOT_NUMBERS = ['17', True, [], {}]

NAME = Kind(['cam-wide', 'A', '0', 'a.b_c-D', A64],
            ['', '-a', '.a', '_a', 'a b', 'a/b', 'é', 'a\n', A64 + 'a'],
            NOT_STRINGS)
PEER = Kind(['Ab3dEf9hIj2kLm4n', 'abcdefgh', '-_-_-_-_', 'x' * 32],
            ['', 'abcdefg', 'x' * 33, 'abcd efgh', 'abcdefg.', 'äbcdefgh'],
            NOT_STRINGS)
CLIENT = Kind(['pbsrtbin/0.1.0 libsrt/1.5.1', '', 'é' * 64, '名前'],
              ['x' * 65, 'é' * 65, 'a\nb', 'a\u001b[2J', 'a\u007f', 'a\u0085',
               'a\u202eb', 'a\u2028b'],
              NOT_STRINGS)
ADDRESS = Kind(['203.0.113.9', '127.0.0.1', '::1', '2001:db8::17',
                '::ffff:192.0.2.1'],
               ['', 'example.org', '1.2.3', '1.2.3.256', '1.2.3.4:5',
                'fe80::1%eth0', '[::1]', ' 127.0.0.1', '127.0.0.1 ', '::1::'],
               NOT_STRINGS)
VERSION = Kind(['1.0', '1.17', '2.0'],
               ['', '1', '1.', '.1', '1.0.0', 'v1.0', '1.0 ', '1000.0', '-1.0'],
               NOT_STRINGS)
FAULT = Kind(['wrong-passphrase', 'no-path', 'version-mismatch'],
             ['Wrong-Passphrase', 'newer-fault', ''], NOT_STRINGS, closed=False)
BOOLEAN = Kind([True, False], [], [0, 1, 'true', [], {}])
FIGURE = Kind([1.5, 0, 0.0, 17, 9007199254740991, 1e-9],
              [-1, -0.001, 1e16], NOT_NUMBERS)


def number(low, high, usual):
    return Kind([usual, low, high], [low - 1, high + 1, usual + 0.5],
                NOT_NUMBERS + [float(usual)])


def text(low, high, usual):
    bad = ['x' * (high + 1), 'a\nb' + 'x' * low, 'a\u0001' + 'x' * low]
    if low:
        bad.append('x' * (low - 1))
    return Kind([usual, 'x' * high], bad, NOT_STRINGS)


def words(*names, closed=True):
    bad = [names[0].swapcase(), names[0] + 'x', 'newer']
    if '' in names:
        bad = [bad[2]]
    return Kind(list(names), bad, NOT_STRINGS, closed)


class Object:
    wrong = ['x', 17, True, []]
    closed = True

    def __init__(self, fields, loose=False):
        self.fields, self.loose = fields, loose

    def sample(self, full):
        return {name: kind.sample(full)
                for name, (kind, needed) in self.fields.items()
                if full or needed}


class List:
    wrong = ['x', 17, True, {}]
    closed = True

    def __init__(self, low, high, kind):
        self.low, self.high, self.kind = low, high, kind

    def sample(self, full):
        return [self.kind.sample(full)] * max(self.low, 1 if full else 0)


class Any:
    wrong = ['x', 17, True, []]
    closed = True
    bad = []

    def __init__(self, good):
        self.good = good

    def sample(self, full):
        return self.good[0]


def needed(kind):
    return (kind, True)


def may(kind):
    return (kind, False)


ID = may(number(0, 2**31 - 1, 17))
PORT = number(1024, 65535, 20000)
LATENCY = number(20, 8000, 200)
TTL = number(10, 86400, 1800)
EXPIRES = number(0, 2**53 - 1, 1795374000)
EXPIRES.bad.remove(2**53)  # not even JSON to us: test-json has it
PASSPHRASE = text(10, 79, 'abcdefghijklmnopqrstuvwxyz012345')
DIRECTION = words('send', 'receive', 'observe')
MODE = words('caller', 'listener', 'rendezvous')
SRT = words('connecting', 'connected', 'disconnected', 'error')
TALLY = words('off', 'preview', 'program')
STATE = words('WAITING', 'READY', 'CONNECTED', 'RELAYING', 'CLOSED')
CIPHER = words('aes-256', 'aes-128')
OPEN_CIPHER = words('aes-256', 'aes-128', 'dtls-srtp', closed=False)
TRANSPORT = words('srt', 'webrtc')
OPEN_TRANSPORT = words('srt', 'webrtc', closed=False)
PATH = words('direct', 'relay', 'plain', closed=False)
HEALTH = words('healthy', 'warning', 'critical')
CAUSE = words('', 'disconnected', 'stale', 'undecrypted', 'drops', 'loss',
              'rtt', 'buffer', 'bandwidth', closed=False)
KIND = words('end-of-candidates', 'ready', closed=False)
OTHER_FIGURE = Kind([1.5, 0], [-1], ['17', {}])
FIGURES = {'rtt': may(FIGURE)}
FIGURES |= {name: may(OTHER_FIGURE) for name in (
    'jitter', 'loss', 'drop', 'bitrate', 'bandwidth', 'buffer',
    'latency', 'packets', 'packets_lost', 'packets_dropped',
    'packets_retransmitted', 'packets_undecrypted', 'interval', 'frames',
    'frames_dropped', 'freezes')}
FIGURES['connected'] = may(BOOLEAN)
VERDICT = {'health': may(HEALTH), 'cause': may(CAUSE), 'stale': may(BOOLEAN),
           'age': may(FIGURE)}
TURN = {'urls': needed(List(1, 8, text(6, 256, 'turn:203.0.113.9:3478'))),
        'username': needed(text(1, 256, '1795374000:Ab3dEf9hIj2kLm4n')),
        'credential': needed(text(1, 256, 'O7SLX4lUFyQ2/Wloi4C+qnLktyw=')),
        'ttl': needed(number(1, 86400, 600))}
COUNT = number(1, 2**53 - 1, 17)
COUNT.bad.remove(2**53)
FROM_ZERO = EXPIRES
MEDIA = words('send', 'receive')
OPEN_MODE = words('caller', 'listener', 'rendezvous', closed=False)
LINES = Kind(['Port: 20000\nType: Caller', 'x' * 4096], ['', 'a\u0001'],
             NOT_STRINGS)
STRING = Object({'client': needed(text(1, 64, 'ffmpeg')),
                 'mode': needed(text(1, 64, 'caller')),
                 'works': needed(BOOLEAN), 'string': may(LINES),
                 'note': may(text(1, 4096, 'Latency is in microseconds.')),
                 'qr': may(LINES)})
ALARM = {'alarm': needed(COUNT), 'stream': needed(NAME),
         'cause': needed(words('no-feed', 'disconnected', 'stale',
                               'undecrypted', 'drops', 'loss', 'rtt', 'buffer',
                               'bandwidth', closed=False)),
         'level': needed(words('warning', 'critical')),
         'direction': may(MEDIA), 'peer': may(PEER), 'client': may(CLIENT),
         'raised': needed(FROM_ZERO), 'cleared': may(FROM_ZERO),
         'acked': may(FROM_ZERO), 'by': may(text(1, 32, 'Kim'))}
END = Object({'peer': needed(PEER), 'client': may(CLIENT)})
SLOT_PEER = Object({'peer': needed(PEER), 'client': may(CLIENT),
                    'transport': may(OPEN_TRANSPORT),
                    'srt': may(SRT), 'path': may(PATH),
                    'cipher': may(OPEN_CIPHER), 'since': may(FROM_ZERO),
                    **VERDICT, **FIGURES})
SLOT = Object({'stream': needed(NAME), 'state': needed(STATE),
               'tally': may(TALLY), 'port': may(PORT),
               'thumbnails': may(BOOLEAN), 'sender': may(SLOT_PEER),
               'receivers': may(List(0, 16, SLOT_PEER))})
ENVELOPE = Object({'status': needed(text(1, 64, 'NOT_FOUND')),
                   'reason': needed(text(1, 64, 'NOT_FOUND')),
                   'domain': may(text(1, 64, 'patchbay')),
                   'message': needed(text(0, 1024, 'No such session.')),
                   'request_id': may(text(0, 64, 'Q2hlZXJz'))})
SIGNAL = {'from': needed(PEER), 'to': needed(PEER), 'kind': needed(KIND),
          'link': may(number(1, 2**31 - 1, 1)), 'data': may(Any([{}]))}
UFRAG = Kind(['aB3+', 'x' * 256], ['abc', 'x' * 257, 'ab d', 'ab\r\nd'],
             NOT_STRINGS)
PWD = Kind(['abcdefghijklmnopqrst+/', 'x' * 256],
           ['x' * 21, 'x' * 257, 'abcdefghijklmnopqrst=='], NOT_STRINGS)
CANDIDATE = Kind(
    ['candidate:1 1 UDP 2015363327 192.0.2.1 50123 typ host', 'x' * 1024],
    ['', 'x' * 1025, 'candidate:1\r\na=x', 'a\nb'], NOT_STRINGS)
BASE64 = Kind(['/9j/', 'QUJDRA==', 'QUJDREU='],
              ['', 'A', 'AAA', 'AAAAA', 'A===', '====A', 'AA-_', 'AA A', 'AAAA\n',
               '=AAA'], NOT_STRINGS)
SDP = Kind(['v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n', 'v=0'], ['', 'v=0\u0001'],
           NOT_STRINGS)


def signal(kind, data, data_needed=True):
    return {**SIGNAL, 'kind': needed(Kind([kind], [], [])),
            'data': (Object(data, loose=True), data_needed)}


TO_SERVER = {
    'register': {'id': ID, 'stream': may(NAME), 'direction': may(DIRECTION),
                 'peer': may(PEER), 'ice': may(BOOLEAN), 'port': may(PORT),
                 'address': may(ADDRESS), 'mode': may(MODE),
                 'client': may(CLIENT), 'protocol': may(VERSION),
                 'transports': may(List(1, 2, TRANSPORT)),
                 'back': may(BOOLEAN), 'thumbnails': may(BOOLEAN)},
    'leave': {'id': ID, 'peer': needed(PEER)},
    'ready': {'id': ID, 'peer': needed(PEER), 'mode': needed(MODE),
              'port': needed(PORT), 'address': may(ADDRESS),
              'local_port': may(PORT)},
    'signal': SIGNAL,
    'signal ice': signal('ice', {'ufrag': needed(UFRAG), 'pwd': needed(PWD)}),
    'signal candidate': signal('candidate', {'candidate': needed(CANDIDATE),
                                             'mline': may(number(0, 15, 0))}),
    'signal restart': signal('restart', {'code': may(FAULT)}, False),
    'signal offer': signal('offer', {'sdp': needed(SDP)}),
    'signal answer': signal('answer', {'sdp': needed(SDP)}),
    'status': {'id': ID, 'peer': needed(PEER), 'srt': needed(SRT),
               'with': may(PEER), 'code': may(FAULT), 'path': may(PATH),
               'cipher': may(OPEN_CIPHER),
               'latency': may(number(0, 65535, 200)),
               'transport': may(OPEN_TRANSPORT)},
    'health': {'id': ID, 'peer': needed(PEER), **FIGURES},
    'tally': {'id': ID, 'stream': needed(NAME), 'state': needed(TALLY)},
    'cue': {'id': ID, 'stream': needed(NAME),
            'text': needed(text(1, 140, 'Stand by, cam 2'))},
    'ack': {'id': ID, 'alarm': needed(COUNT), 'by': may(text(1, 32, 'Kim'))},
    'strings': {'id': ID, 'peer': needed(PEER), 'direction': may(MEDIA)},
    'thumbnail_request': {'id': ID, 'stream': needed(NAME)},
    'thumbnail': {'id': ID, 'peer': needed(PEER), 'jpeg': needed(BASE64)},
}
TO_PEER = {
    **{name: fields for name, fields in TO_SERVER.items()
       if name.startswith('signal')},
    'status': {**TO_SERVER['status'], 'stream': needed(NAME),
               'direction': needed(DIRECTION)},
    'health': {**TO_SERVER['health'], 'stream': needed(NAME),
               'direction': needed(DIRECTION), **VERDICT},
    'tally': TO_SERVER['tally'],
    'cue': TO_SERVER['cue'],
    'turn': TURN,
    'strings': {
        'id': ID, 'peer': needed(PEER), 'stream': needed(NAME),
        'direction': needed(MEDIA), 'ready': needed(BOOLEAN),
        'address': may(ADDRESS), 'port': may(PORT), 'mode': may(OPEN_MODE),
        'note': may(text(1, 4096, 'Nobody is here yet.')),
        'strings': needed(List(0, 16, STRING))},
    'thumbnail_request': {'id': ID, 'to': needed(PEER), 'stream': needed(NAME)},
    'thumbnail': {'id': ID, 'peer': needed(PEER), 'stream': needed(NAME),
                  'jpeg': needed(BASE64)},
    'alarm': ALARM,
    'alarms': {'alarms': needed(List(0, 100, Object(ALARM))),
               'more': may(FROM_ZERO)},
    'registered': {
        'id': ID, 'peer': needed(PEER), 'session': needed(NAME),
        'stream': may(NAME), 'direction': needed(DIRECTION),
        'state': may(STATE), 'tally': may(TALLY), 'latency': may(LATENCY),
        'cipher': may(CIPHER), 'port': may(PORT),
        'passphrase': may(PASSPHRASE),
        'stun': may(Object({'port': needed(number(1, 65535, 3478)),
                            'address': may(ADDRESS)})),
        'turn': may(Object(TURN)),
        'expires': may(EXPIRES), 'protocol': may(VERSION)},
    'peer': {
        'to': needed(PEER), 'peer': needed(PEER), 'stream': needed(NAME),
        'direction': needed(DIRECTION),
        'role': needed(words('caller', 'listener')), 'ice': may(BOOLEAN),
        'mode': may(MODE), 'address': may(ADDRESS), 'port': may(PORT),
        'passphrase': may(PASSPHRASE), 'latency': may(LATENCY),
        'cipher': may(CIPHER), 'client': may(CLIENT),
        'transport': may(OPEN_TRANSPORT), 'back': may(BOOLEAN),
        'control': may(BOOLEAN), 'trickle': may(BOOLEAN)},
    'peer_gone': {
        'to': may(PEER), 'peer': needed(PEER), 'stream': may(NAME),
        'reason': needed(words('left', 'lost', 'replaced', 'closed',
                               closed=False))},
    'peer_match': {'stream': needed(NAME), 'sender': needed(END),
                   'receiver': needed(END)},
    'session': {
        'session': needed(NAME), 'state': needed(STATE),
        'latency': may(LATENCY), 'ttl': may(TTL), 'cipher': may(CIPHER),
        'created': may(text(1, 40, '2026-11-22T19:00:00Z')),
        'expires': may(EXPIRES), 'streams': needed(List(0, 64, SLOT))},
    'closed': {
        'reason': needed(words('session-closed', 'session-expired',
                               'token-expired', 'token-revoked', 'replaced', 'shutdown',
                               closed=False)),
        'retry': may(BOOLEAN), 'peer': may(PEER)},
    'error': {
        'id': ID,
        'code': needed(words('SESSION_FULL', 'SESSION_EXPIRED', 'STREAM_TAKEN',
                             'AUTH_FAILED', 'INVALID_MESSAGE', 'SERVER_ERROR',
                             closed=False)),
        'peer': may(PEER), 'error': needed(ENVELOPE)},
}
BODIES = {
    'session-create': {
        'name': needed(NAME), 'streams': may(List(1, 64, NAME)),
        'latency': may(LATENCY), 'ttl': may(TTL), 'cipher': may(CIPHER)},
    'token-mint': {
        'role': needed(words('peer')), 'stream': may(NAME),
        'direction': may(DIRECTION), 'ttl': may(TTL),
        'label': may(text(1, 64, 'Kim, camera 2')), 'qr': may(BOOLEAN)},
    'session-extend': {'ttl': needed(TTL)},
    'stream-add': {'stream': needed(NAME)},
}
# docs/protocol.md, section 4.1
ERRORS = [
    (400, 'INVALID_ARGUMENT', 'INVALID_MESSAGE', 'INVALID_MESSAGE'),
    (401, 'UNAUTHENTICATED', 'TOKEN_MISSING', 'AUTH_FAILED'),
    (401, 'UNAUTHENTICATED', 'TOKEN_INVALID', 'AUTH_FAILED'),
    (401, 'UNAUTHENTICATED', 'TOKEN_EXPIRED', 'AUTH_FAILED'),
    (401, 'UNAUTHENTICATED', 'TOKEN_REVOKED', 'AUTH_FAILED'),
    (403, 'PERMISSION_DENIED', 'PERMISSION_DENIED', 'AUTH_FAILED'),
    (404, 'NOT_FOUND', 'NOT_FOUND', 'INVALID_MESSAGE'),
    (405, 'INVALID_ARGUMENT', 'METHOD_NOT_ALLOWED', 'INVALID_MESSAGE'),
    (409, 'ALREADY_EXISTS', 'SESSION_EXISTS', 'INVALID_MESSAGE'),
    (409, 'ALREADY_EXISTS', 'STREAM_EXISTS', 'INVALID_MESSAGE'),
    (409, 'FAILED_PRECONDITION', 'WRONG_STATE', 'INVALID_MESSAGE'),
    (409, 'FAILED_PRECONDITION', 'STREAM_TAKEN', 'STREAM_TAKEN'),
    (409, 'FAILED_PRECONDITION', 'NOT_LIVE', 'INVALID_MESSAGE'),
    (410, 'FAILED_PRECONDITION', 'SESSION_EXPIRED', 'SESSION_EXPIRED'),
    (412, 'FAILED_PRECONDITION', 'PRECONDITION_FAILED', 'INVALID_MESSAGE'),
    (413, 'INVALID_ARGUMENT', 'TOO_LARGE', 'INVALID_MESSAGE'),
    (415, 'INVALID_ARGUMENT', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID_MESSAGE'),
    (422, 'FAILED_PRECONDITION', 'UNPROCESSABLE', 'INVALID_MESSAGE'),
    (426, 'FAILED_PRECONDITION', 'VERSION_MISMATCH', 'INVALID_MESSAGE'),
    (428, 'FAILED_PRECONDITION', 'PRECONDITION_REQUIRED', 'INVALID_MESSAGE'),
    (429, 'RESOURCE_EXHAUSTED', 'SESSION_FULL', 'SESSION_FULL'),
    (429, 'RESOURCE_EXHAUSTED', 'RATE_LIMIT_EXCEEDED', 'SERVER_ERROR'),
    (500, 'INTERNAL', 'SERVER_ERROR', 'SERVER_ERROR'),
    (503, 'UNAVAILABLE', 'PEER_ABSENT', 'SERVER_ERROR'),
    (503, 'UNAVAILABLE', 'UNAVAILABLE', 'SERVER_ERROR'),
]


def variants(base, path, kind, is_needed, tolerant):
    """(what, message, text of the error or None), for one field of `base`,
    a message that is taken; `path` leads to it."""
    name = path[-1]

    def put(value, drop=False):
        copy = json.loads(json.dumps(base))
        at = copy
        for step in path[:-1]:
            at = at[step]
        if drop:
            del at[name]
        else:
            at[name] = value
        return copy

    where = '.'.join(str(step) for step in path)
    label = [step for step in path if isinstance(step, str)][-1]
    must = f'{label} must be'
    # deep inside, one of each: the same kinds are tried in full elsewhere
    few = slice(1) if len(path) > 2 else slice(None)
    if isinstance(name, str):
        missing = f'{name} is missing' if is_needed else None
        yield f'{where} missing', put(None, drop=True), missing
        yield f'{where} null', put(None), missing
    for value in kind.wrong[few]:
        yield f'{where} of a wrong kind', put(value), must
    if isinstance(kind, Object):
        unknown = {**kind.sample(False), 'newer': 1}
        yield (f'{where} with an unknown field', put(unknown),
               None if tolerant or kind.loose else 'newer is not a known field')
        for inner, (inner_kind, inner_needed) in kind.fields.items():
            yield from variants(
                put({**kind.sample(False), inner: inner_kind.sample(False)
                     or inner_kind.sample(True)}),
                path + [inner], inner_kind, inner_needed, tolerant)
    elif isinstance(kind, List):
        one = kind.kind.sample(False)
        yield f'{where} at most', put([one] * kind.high), None
        yield f'{where} too many', put([one] * (kind.high + 1)), must
        yield (f'{where} empty', put([]), must if kind.low else None)
        yield f'{where} with a null', put([None]), must
        yield from variants(put([one]), path + [0], kind.kind, True, tolerant)
    else:
        for value in kind.good[few]:
            yield f'{where} taken', put(value), None
        for value in kind.bad[few]:
            newer = not kind.closed and tolerant and value != ''
            yield f'{where} out of range', put(value), None if newer else must


def vectors(fields, type_name, tolerant):
    whole = Object(fields)
    extra = {'type': type_name} if type_name else {}
    full = {**extra, **whole.sample(True)}
    yield 'minimal', {**extra, **whole.sample(False)}, None
    yield 'full', full, None
    yield ('an unknown field', {**full, 'newer': [1]},
           None if tolerant else 'newer is not a known field')
    yield ('an unknown field that hurts a terminal', {**full, '\u001b[2J': 1},
           None if tolerant else 'unknown field')
    for name, (kind, is_needed) in fields.items():
        base = {**extra, **whole.sample(False), name: kind.sample(True)}
        if isinstance(kind, (Object, List)):
            base[name] = kind.sample(False) or kind.sample(True)
        yield from variants(base, [name], kind, is_needed, tolerant)


def rows():
    for way, table in (('to-server', TO_SERVER), ('to-peer', TO_PEER)):
        for name, fields in table.items():
            type_name = name.split()[0]
            for what, message, error in vectors(fields, type_name,
                                                way == 'to-peer'):
                yield {'way': way, 'type': type_name,
                       'name': f'{name}: {what}', 'message': message,
                       'error': error}
    for name, fields in BODIES.items():
        for what, message, error in vectors(fields, None, False):
            yield {'body': name, 'name': f'{name}: {what}',
                   'message': message, 'error': error}
    for http, status, reason, code in ERRORS:
        envelope = {'status': status, 'reason': reason, 'domain': 'patchbay',
                    'message': 'What happened.', 'request_id': 'Q2hlZXJz'}
        yield {'way': 'to-peer', 'type': 'error', 'name': f'error {reason}',
               'message': {'type': 'error', 'id': 17, 'code': code,
                           'error': envelope},
               'error': None, 'http': http}


def main():
    lines = [json.dumps(row, ensure_ascii=True) for row in rows()]
    whole = '[\n' + ',\n'.join(lines) + '\n]\n'
    path = HERE / 'messages.json'
    if sys.argv[1:] == ['--check']:
        if path.read_text() != whole:
            sys.exit('tests/data/messages.json is stale: run make-vectors.py')
        return
    path.write_text(whole)
    print(f'{len(lines)} vectors')


main()
