// SPDX-License-Identifier: LGPL-2.1-or-later
// pb-wire.js and pb-sdp.js against the vectors of the C library, without a
// browser.
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const SOURCE = process.env.PATCHBAY_SRCDIR ??
    resolve(new URL('.', import.meta.url).pathname, '../..');
const directory = mkdtempSync(join(tmpdir(), 'patchbay-wire-'));
// Node takes a .js for a module only where a package says so
cpSync(join(SOURCE, 'signaling-server/web'), directory, { recursive: true });
writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
const load = (name) => import(pathToFileURL(join(directory, name)).href);
const { readChannel, readMessage, readObject, readToken } = await load('pb-wire.js');
const { checkCandidate, checkDescription, isBrowsersName, isLoopback } = await load('pb-sdp.js');
const { addTotals, joinFigures, readStats } = await load('pb-stats.js');
rmSync(directory, { recursive: true });

const results = [];
function check(sentence, act) {
  const wrong = [];
  act((condition, what) => { if (!condition) wrong.push(what); });
  results.push(wrong.length === 0 ? `ok ${results.length + 1} ${sentence}`
      : `not ok ${results.length + 1} ${sentence}\n${wrong.slice(0, 40).join('\n').replace(/^/gm, '# ')}`);
}

const KNOWN = new Set(['registered', 'peer', 'peer_gone', 'peer_match', 'signal', 'status', 'health', 'tally', 'cue', 'turn', 'session',
  'strings', 'thumbnail', 'alarm', 'alarms',
  'closed', 'error']);

check('every vector of the C library is taken or refused as there', (expect) => {
  // one a line; 17.0 is 17 to JavaScript
  const vectors = readFileSync(join(SOURCE, 'tests/data/messages.json'), 'utf8').split('\n')
      .filter((line) => line.startsWith('{') && !/[^.\d]\d+\.0[^.\d]/.test(line)).map((line) => JSON.parse(line.replace(/,$/, '')))
      .filter((v) => v.way === 'to-peer' && KNOWN.has(v.message?.type));
  expect(vectors.length > 300, `there are ${vectors.length} vectors`);
  for (const { name, message, error } of vectors) {
    // an `ice` is SRT's: its data are never looked at here
    if (message.kind === 'ice' && error !== null) continue;
    const taken = readMessage(JSON.stringify(message)) !== null;
    expect(taken === (error === null), `${name}: ${error ?? 'good'} but ${taken ? 'taken' : 'refused'} ${JSON.stringify(message).slice(0, 300)}`);
  }
});

check('JSON is read as strictly as there', (expect) => {
  const folder = join(SOURCE, 'tests/fuzz/corpus/json');
  for (const name of readdirSync(folder).filter((file) => ['equal-keys', 'deep', 'nul', 'surrogate', 'two', 'comment', 'hex', 'bom']
      .includes(file))) {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(readObject(text, 65536) === null, `${name} is refused: ${text.slice(0, 80)}`);
  }
  const nest = (n) => '{"a":'.repeat(n) + '1' + '}'.repeat(n);
  const many = (n) => `{${Array.from({ length: n }, (unused, i) => `"k${i}":1`)}}`;
  for (const [text, isGood] of [['{}', true], ['[]', false], ['1', false], ['null', false], ['{"a":1,"a":2}', false],
    ['{"a":1,"\\u0061":2}', false], ['{"a":{"b":1},"b":[{"b":"}{"}]}', true], ['{"a":"\\u0000"}', false], ['{"a":"\\ud800"}', false],
    ['{"a":"\\ud83d\\ude00"}', true], [nest(16), true], [nest(17), false], [many(64), true], [many(65), false],
    [`{"a":"${'é'.repeat(32764)}"}`, true], [`{"a":"${'é'.repeat(32765)}"}`, false], ['{"__proto__":{"x":1}}', true]])
    expect((readObject(text, 65536) !== null) === isGood, `${text.slice(0, 60)} is ${isGood ? 'good' : 'refused'}`);
  expect(readObject(new ArrayBuffer(2), 65536) === null, 'binary');
  expect(({}).x === undefined, 'nothing is polluted');
});

check('the data channel takes its three words only', (expect) => {
  for (const [text, isGood] of [['{"type":"tally","stream":"cam","state":"program"}', true], ['{"type":"tally","stream":"cam","state":"red"}', false],
    ['{"type":"tally","state":"off"}', false], ['{"type":"cue","stream":"cam","text":"stand by, cam 2"}', true],
    ['{"type":"cue","stream":"cam","text":""}', false], [`{"type":"cue","stream":"cam","text":"${'x'.repeat(141)}"}`, false],
    ['{"type":"cue","stream":"cam","text":"a\\nb"}', false], ['{"type":"health","rtt":3.5,"newer":[]}', true], ['{"type":"health","rtt":-1}', false],
    ['{"type":"peer"}', false], ['{"type":"__proto__"}', false], [`{"type":"health","x":"${'x'.repeat(4096)}"}`, false], ['x', false]])
    expect((readChannel(text) !== null) === isGood, `${text.slice(0, 60)} is ${isGood ? 'good' : 'refused'}`);
});

check('a token tells what its link allows', (expect) => {
  const make = (claims) => `p_${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${'a'.repeat(43)}`;
  const read = (claims) => readToken(make({ session: 's', exp: 2e9, ...claims }));
  expect(read({ role: 'admin' }).perm.length === 3, 'an admin may do all');
  expect(`${read({ role: 'peer', stream: 'cam' }).perm}` === 'send,receive', 'by default');
  expect(`${read({ role: 'peer', stream: null }).perm}` === 'receive,observe', 'the whole session');
  expect(`${read({ role: 'peer', perm: ['send', 'observe'] }).perm}` === 'observe', 'without a stream nobody sends');
  expect(`${read({ role: 'peer', stream: 'cam', perm: ['send'] }).perm}` === 'send', 'as it says');
  for (const token of [null, undefined, '', 'p_', 'p_.x', 'p_e30.x', 'p_!!.x', make({ role: 'peer' }), make({ session: 's', role: 'king', exp: 1 }),
    make([]), `${make({ session: 's', role: 'peer', exp: 1 })}.x`])
    expect(readToken(token) === null, `${token} is none`);
});

check('candidates that lead to bad places are refused', (expect) => {
  const line = (address, port = 5000, more = '', transport = 'udp') =>
      `candidate:1 1 ${transport} 2122260223 ${address} ${port} typ host${more}`;
  for (const [text, verdict, isLocal] of [
    [line('192.0.2.7'), 'good'], [line('10.0.0.1', 9, ' tcptype active', 'TCP'), 'good'], [line('2001:db8::7'), 'good'],
    [`a=${line('192.0.2.7', 5000, ' raddr 0.0.0.0 rport 0 generation 0 ufrag abcd')}`, 'good'],
    [line('0b7b3a4c-2f1d-4c8f-9d6e-0a1b2c3d4e5f.local'), 'name'], [line('camera.example.org'), 'name'],
    [line('127.0.0.1'), 'bad'], [line('127.0.0.1'), 'good', true], [line('::1'), 'bad'], [line('::1'), 'good', true],
    [line('::ffff:127.0.0.1'), 'bad'], [line('::ffff:7f00:1'), 'bad'], [line('::ffff:169.254.169.254'), 'bad'], [line('169.254.169.254'), 'bad'],
    [line('fe80::1'), 'bad'], [line('febf::1'), 'bad'], [line('ff02::1'), 'bad'], [line('224.0.0.251'), 'bad'], [line('255.255.255.255'), 'bad'],
    [line('0.0.0.0'), 'bad'], [line('::'), 'bad'], [line('::1.2.3.4'), 'bad'], [line('192.0.2.256'), 'bad'], [line('1.2.3'), 'bad'],
    [line('192.0.2.7', 0), 'bad'], [line('192.0.2.7', 65536), 'bad'], [line('192.0.2.7', 80, ' tcptype active', 'tcp'), 'bad'],
    [line('192.0.2.7', 5000, '', 'sctp'), 'bad'], [line('192.0.2.7', 5000, '\r\na=x'), 'bad'], [line('192.0.2.7', 5000, ` ${'x'.repeat(1024)}`), 'bad'],
    ['candidate:', 'bad'], ['', 'bad']])
    expect(checkCandidate(text, isLocal ?? false) === verdict, `${text} is ${verdict}, not ${checkCandidate(text, isLocal ?? false)}`);
  expect(isBrowsersName(line('0b7b3a4c-2f1d-4c8f-9d6e-0a1b2c3d4e5f.local')) && !isBrowsersName(line('printer.local')), 'names of browsers');
  expect(isLoopback('localhost') && isLoopback('127.1.2.3') && !isLoopback('127.example.org') && !isLoopback('10.0.0.1'), 'loopback');
});

check('no packet goes where the C library sends none', (expect) => {
  const rows = [...readFileSync(join(SOURCE, 'tests/unit/test-candidate.c'), 'utf8').split('\ntest_where_no_packet_goes')[1].split('};')[0]
      .matchAll(/\{ "([^"]+)", (0|~0|PB_ADDRESS_\w+), (NULL|"[^"]+") \}/g)];
  expect(rows.length > 30, `there are ${rows.length} rows`);
  for (const [, address, flags] of rows) {
    for (const isLocal of [false, true]) {
      const verdict = flags === '0' || (isLocal && flags === 'PB_ADDRESS_LOOPBACK') ? 'good' : 'bad';
      const is = checkCandidate(`candidate:1 1 udp 1 ${address} 5000 typ host`, isLocal);
      expect(is === verdict, `${address}${isLocal ? ', here,' : ''} is ${verdict}, not ${is}`);
    }
  }
});

check('a name of a browser is one where the address stands, nowhere else', (expect) => {
  const name = '0b7b3a4c-2f1d-4c8f-9d6e-0a1b2c3d4e5f.local';
  const line = (address, more = '', port = 5000) => `candidate:1 1 udp 1 ${address} ${port} typ host${more}`;
  const sdp = (text) => `v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=${text}\r\n`;
  for (const [text, isGood] of [[line(name), true], [line(name.toUpperCase()), true], [`a=${line(name)}`, true],
    [line('169.254.169.254', ` raddr ${name} rport 9`), false], [line('printer.local', ` raddr ${name} rport 9`), false],
    [line('::ffff:127.0.0.1', ` raddr ${name} rport 9 `), false], [line(name, '', 0), false], [line(`${name}.`), false],
    [line(`x${name}`), false]]) {
    expect(isBrowsersName(text) === isGood, `${text} is ${isGood ? 'one' : 'none'}`);
    expect(checkDescription(sdp(text.replace(/^a=/, '')), false).includes('candidate') === isGood, `${text} is ${isGood ? 'kept' : 'left out'}`);
  }
});

check('descriptions are measured before the browser sees them', (expect) => {
  const head = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=video 9 UDP/TLS/RTP/SAVPF 96'];
  const sdp = (...more) => [...head, ...more].join('\r\n') + '\r\n';
  const times = (n, line) => Array.from({ length: n }, () => line);
  const candidate = 'a=candidate:1 1 udp 1 192.0.2.7 5000 typ host';
  for (const [text, isGood] of [[sdp(), true], [sdp(candidate), true], [sdp().replaceAll('\r', ''), true], ['', false], ['v=0\r\n', false],
    [sdp('nonsense'), false], [sdp(`a=${'x'.repeat(2046)}`), true], [sdp(`a=${'x'.repeat(2047)}`), false], [sdp(...times(1019, 'a=x')), true],
    [sdp(...times(1020, 'a=x')), false], [sdp(...times(15, head[4])), true], [sdp(...times(16, head[4])), false],
    [sdp(...times(64, candidate)), true], [sdp(...times(65, candidate)), false], [sdp('a=x\0'), false], [sdp('a=x\x1b'), false]])
    expect((checkDescription(text, false) !== null) === isGood, `${text.slice(-40)} is ${isGood ? 'good' : 'refused'}`);
  const clean = checkDescription(sdp(candidate, candidate.replace('192.0.2.7', '169.254.169.254')), false);
  expect(clean.includes('192.0.2.7') && !clean.includes('169.254'), 'a bad candidate is left out');
});

check('figures are rates and shares of an interval', (expect) => {
  const report = (bytes, packets, lost, again) => new Map([
    ['T', { id: 'T', type: 'transport', selectedCandidatePairId: 'P' }],
    ['P', { id: 'P', type: 'candidate-pair', currentRoundTripTime: 0.02, availableOutgoingBitrate: 3e6 }],
    ['I', { id: 'I', type: 'inbound-rtp', kind: 'video', bytesReceived: bytes, packetsReceived: packets, packetsLost: lost,
      retransmittedPacketsReceived: again, jitter: 0.003, framesDecoded: 7, framesDropped: 1, freezeCount: 0 }]]);
  const first = readStats(report(1000, 100, 0, 0), 'receive', null, 5000);
  const { figures } = readStats(report(626000, 290, 4, 6), 'receive', first.totals, 5000);
  expect(first.figures.bitrate === undefined && first.figures.rtt === 20, JSON.stringify(first.figures));
  expect(figures.bitrate === 1000 && figures.loss === 5.15 && figures.drop === 2.06 && figures.jitter === 3 && figures.frames === 7,
      JSON.stringify(figures));
  const all = joinFigures([{ ...figures, bandwidth: 900 }, { rtt: 90, packets: 10, bandwidth: 400, bitrate: 10 }]);
  expect(all.rtt === 90 && all.packets === 300 && all.bandwidth === 400 && all.connected && all.bitrate === 1010, JSON.stringify(all));
  expect(joinFigures([]).connected === false, 'nobody is there');
  const past = {};
  addTotals(past, { packets: 5, frames: 2, bytes: 9 });
  addTotals(past, { packets: 6 });
  const total = joinFigures([{ packets: 100 }], past);
  expect(total.packets === 111 && total.frames === 2 && !('bytes' in total), JSON.stringify(total));
});

console.log(`1..${results.length}\n${results.join('\n')}`);
process.exit(results.some((line) => line.startsWith('not')) ? 1 : 0);
