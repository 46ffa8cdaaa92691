// SPDX-License-Identifier: LGPL-2.1-or-later
// The wall's model and layout, without a browser.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const SOURCE = process.env.PATCHBAY_SRCDIR ??
    resolve(new URL('.', import.meta.url).pathname, '../..');
const directory = mkdtempSync(join(tmpdir(), 'patchbay-wall-'));
// Node takes a .js for a module only where a package says so
cpSync(join(SOURCE, 'signaling-server/web'), directory, { recursive: true });
writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
const load = (name) => import(pathToFileURL(join(directory, name)).href);
const { TWICE_MS, chooseLayout, pickPlaying, step, tallyKey } = await load('wall-layout.js');
const { Model, Ring, Slot, pickForgotten } = await load('wall-model.js');
const { bitrateText, causeText, clockText, msText, percentText, spanText } = await load('wall-words.js');
rmSync(directory, { recursive: true });

const results = [];
function check(sentence, act) {
  const wrong = [];
  act((condition, what) => { if (!condition) wrong.push(what); });
  results.push(wrong.length === 0 ? `ok ${results.length + 1} ${sentence}`
      : `not ok ${results.length + 1} ${sentence}\n${wrong.slice(0, 40).join('\n').replace(/^/gm, '# ')}`);
}

check('12 and 50 slots are on one screen of 1920 by 1080, and the richest density that fits is taken', (expect) => {
  for (const [slots, density] of [[1, 'full'], [4, 'full'], [12, 'medium'], [24, 'compact'], [50, 'compact'], [64, 'compact']]) {
    const layout = chooseLayout({ slots, width: 1908, height: 980 });
    expect(!layout.scrolls || slots > 50, `${slots}: ${JSON.stringify(layout)}`);
    expect(layout.density === density, `${slots} is ${layout.density}`);
    expect(layout.columns * layout.rows >= slots, `${slots} have a place`);
  }
  const wall = chooseLayout({ slots: 50, width: 3828, height: 2060 });
  expect(!wall.scrolls && wall.font > 20, `on a large wall the letters grow: ${JSON.stringify(wall)}`);
  expect(chooseLayout({ slots: 12, width: 1268, height: 600 }).scrolls === false, '12 are on a laptop');
});

check('every layout of 1 to 64 slots on any screen keeps tiles inside it and above the smallest', (expect) => {
  for (let slots = 0; slots <= 64; slots++)
    for (const [width, height] of [[320, 400], [900, 600], [1268, 630], [1600, 1000], [1908, 980], [3828, 2060], [2548, 1300]]) {
      const { columns, rows, tileWidth, tileHeight, scrolls, font } = chooseLayout({ slots, width, height });
      const what = `${slots} on ${width} x ${height}: ${columns} x ${rows} of ${tileWidth} x ${tileHeight}, ${font}`;
      expect(columns * tileWidth + (columns - 1) * 6 <= width, `${what}: too wide`);
      expect(scrolls || rows * tileHeight + (rows - 1) * 6 <= height, `${what}: too high`);
      expect(tileWidth >= 150 && tileHeight >= 172 && font >= 9.4, `${what}: too small`);
      expect(columns * rows >= slots, `${what}: not all`);
    }
});

check('of too many alarms the oldest that is over goes, never one that is open', (expect) => {
  const alarms = [{ alarm: 4, cleared: 9 }, { alarm: 3, cleared: 8 }, { alarm: 2 }, { alarm: 1, acked: 7 }];

  expect(pickForgotten(alarms).alarm === 3, 'the oldest that is over');
  expect(pickForgotten(alarms.slice(2)) === undefined, 'all are open');
});

check('at most so many play: first what is open, then what was asked for, then program and preview', (expect) => {
  const make = (stream, more = {}) => ({ stream, canPlay: true, inView: true, isFirst: false, askedAt: 0, tally: 'off', isPlaying: false, ...more });
  const tiles = Array.from({ length: 20 }, (unused, i) => make(`cam-${i}`));

  expect(pickPlaying(tiles, 16).size === 16 && !pickPlaying(tiles, 16).has('cam-16'), 'the first 16');
  expect(pickPlaying(tiles, 0).size === 0, 'pictures are off');
  tiles[19] = make('cam-19', { tally: 'program' });
  tiles[18] = make('cam-18', { askedAt: 5 });
  tiles[17] = make('cam-17', { tally: 'preview' });
  tiles[16] = make('cam-16', { isFirst: true, inView: false });
  tiles[15] = make('cam-15', { isPlaying: true });
  tiles[0] = make('cam-0', { inView: false });
  tiles[1] = make('cam-1', { canPlay: false });
  expect([...pickPlaying(tiles, 6)].join() === 'cam-16,cam-18,cam-19,cam-17,cam-15,cam-2', [...pickPlaying(tiles, 6)].join());
  tiles[14] = make('cam-14', { askedAt: 9 });
  expect([...pickPlaying(tiles, 2)].join() === 'cam-16,cam-14', 'the latest that was asked for');
});

check('arrows stay in the grid', (expect) => {
  for (const [key, at, to] of [['ArrowLeft', 0, 0], ['ArrowRight', 0, 1], ['ArrowDown', 1, 5], ['ArrowDown', 9, 9], ['ArrowUp', 5, 1],
    ['ArrowUp', 2, 2], ['End', 3, 9], ['Home', 3, 0], ['ArrowRight', 9, 9], ['x', 3, -1]])
    expect(step(key, at, 10, 4) === to, `${key} from ${at}: ${step(key, at, 10, 4)}`);
});

check('a single key puts nothing on air and takes nothing off it', (expect) => {
  const states = ['off', 'preview', 'program'];
  for (const now of states)
    for (const wanted of states) {
      const first = tallyKey(now, wanted, null, 'cam', 1000);
      const risky = now !== wanted && (now === 'program' || (wanted === 'program' && now !== 'preview'));
      expect(first === (now === wanted ? 'none' : risky ? 'ask' : 'do'), `${now} to ${wanted}: ${first}`);
      if (!risky) continue;
      const asked = { stream: 'cam', wanted, at: 1000 };
      expect(tallyKey(now, wanted, asked, 'cam', 1000 + TWICE_MS) === 'do', 'twice');
      expect(tallyKey(now, wanted, asked, 'cam', 1001 + TWICE_MS) === 'ask', 'too late');
      expect(tallyKey(now, wanted, asked, 'other', 1100) === 'ask', 'another slot');
      expect(tallyKey(now, wanted, { ...asked, wanted: 'x' }, 'cam', 1100) === 'ask', 'another key');
    }
});

check('a ring keeps five minutes and forgets what is older', (expect) => {
  const ring = new Ring();
  const read = (second) => { const all = []; ring.each(second, (age, value) => all.push([age, value])); return all; };
  expect(read(10).length === 0, 'empty');
  for (let second = 1000; second < 1400; second += 5) ring.put(second, second);
  expect(read(1399).length === 60 && read(1399)[0][1] === 1100 && read(1399).at(-1)[1] === 1395, JSON.stringify(read(1399)));
  expect(read(1500)[0][1] === 1205, 'time goes on without news');
  expect(read(1900).length === 0, 'all of it is old');
  ring.put(9000, 1);
  expect(JSON.stringify(read(9000)) === '[[0,1]]', 'after a long gap nothing of before');
  ring.put(8990, 5);
  expect(read(9000).length === 1, 'what comes late is passed over');
  ring.put(9001, undefined);
  expect(read(9001).length === 1, 'no figure is no point');
});

const END = { peer: 'A'.repeat(8), client: 'pbsrtbin/0.1.0', health: 'healthy', cause: '', age: 0 };

check('a slot is as its worst end says, and silence is not health', (expect) => {
  const slot = new Slot('cam');
  const take = (sender, receivers, tally) => slot.take({ state: 'CONNECTED', tally, sender, receivers }, 1e6);
  const is = (now, level, cause, age = 0) => {
    const verdict = slot.verdict(now);
    expect(verdict.level === level && verdict.cause === cause && verdict.age === age, `${JSON.stringify(verdict)}, not ${level} ${cause} ${age}`);
  };

  take(null, []);
  is(1e6, 'idle', 'no-sender');
  take(null, [], 'program');
  is(1e6, 'critical', 'no-feed');
  take({ ...END, age: undefined, health: undefined }, []);
  is(1e6, 'idle', 'no-receiver');
  take(END, [{ ...END, peer: 'B'.repeat(8), health: 'warning', cause: 'loss' }]);
  is(1e6, 'warning', 'loss');
  is(1e6 + 14000, 'warning', 'stale', 14);
  slot.report({ peer: 'B'.repeat(8), health: 'healthy', cause: '', age: 0, bitrate: 5000 }, 1e6 + 1000);
  is(1e6 + 1000, 'healthy', '');
  is(1e6 + 12500, 'warning', 'stale', 12);
  slot.report({ peer: 'A'.repeat(8), health: 'critical', cause: 'stale', stale: true, age: 18000 }, 1e6 + 18000);
  is(1e6 + 18000, 'critical', 'stale', 18);
  expect(slot.report({ peer: 'C'.repeat(8), health: 'healthy' }, 1e6) === false, 'a stranger');
});

check('the receiver that counts is a real one, not a page like this', (expect) => {
  const slot = new Slot('cam');
  const page = { ...END, peer: 'P'.repeat(8), client: 'control room', health: 'critical', cause: 'drops' };
  const real = { ...END, peer: 'R'.repeat(8) };
  slot.take({ state: 'CONNECTED', sender: END, receivers: [page, real] }, 1e6);
  expect(slot.receiver.peer === real.peer && slot.verdict(1e6).level === 'healthy', JSON.stringify(slot.receiver));
  slot.take({ state: 'CONNECTED', sender: END, receivers: [page] }, 1e6);
  expect(slot.verdict(1e6).level === 'critical', 'where it is the only one, its word counts');
  // a snapshot that leaves the figures out takes none away
  slot.take({ state: 'CONNECTED', sender: END, receivers: [real] }, 1e6);
  slot.report({ ...real, bitrate: 77 }, 1e6);
  slot.take({ state: 'CONNECTED', sender: END, receivers: [{ peer: real.peer, client: real.client }] }, 1e6 + 50);
  expect(slot.receiver.bitrate === 77, JSON.stringify(slot.receiver));
});

check('a tally that was pressed is one only when the server says so', (expect) => {
  const slot = new Slot('cam');
  const is = (tally, pending, wanted) => expect(slot.tally === tally && (slot.pending?.state ?? '') === pending && slot.wanted === wanted,
      `${slot.tally}, ${JSON.stringify(slot.pending)}, not ${tally}, ${pending}`);
  const snapshot = (tally) => slot.take({ state: 'WAITING', tally, sender: null, receivers: [] }, 0);

  slot.want('off', 1, true);
  is('off', '', 'off');
  slot.want('program', 1, true);
  is('off', 'program', 'program');
  snapshot('off');
  is('off', 'program', 'program');
  expect(slot.verdict(0).level === 'idle', 'nothing is on air yet');
  slot.noteTally('preview');
  is('preview', 'program', 'program');
  snapshot('program');
  is('program', '', 'program');
  // back to what is known, while something else is on its way
  slot.want('off', 1, true);
  slot.want('program', 2, true);
  is('program', 'program', 'program');
  slot.noteTally('off');
  is('off', 'program', 'program');
  slot.noteTally('program');
  is('program', '', 'program');
  slot.want('off', 5, false);
  slot.sendAgain(90);
  expect(slot.pending.isSent && slot.pending.at === 90, 'the time begins when it goes out');
});

check('a picture that stands still is not good, and a page like this is nobody to tell', (expect) => {
  const slot = new Slot('cam');
  const real = { ...END, peer: 'R'.repeat(8) };
  slot.take({ state: 'CONNECTED', sender: END, receivers: [real] }, 1e6);
  slot.frozen = 6;
  expect(slot.verdict(1e6).level === 'warning' && slot.verdict(1e6).cause === 'frozen', JSON.stringify(slot.verdict(1e6)));
  slot.take({ state: 'CONNECTED', sender: END, receivers: [{ ...real, health: 'critical', cause: 'drops' }] }, 1e6);
  expect(slot.verdict(1e6).cause === 'drops', 'what is worse stands');
  expect(slot.hasPeople, 'a sender');
  slot.take({ state: 'WAITING', sender: null, receivers: [{ ...END, client: 'control room' }] }, 1e6);
  expect(!slot.hasPeople && slot.verdict(1e6).cause !== 'frozen', 'a wall alone');
  slot.take({ state: 'WAITING', sender: null, receivers: [real] }, 1e6);
  expect(slot.hasPeople, 'a receiver');
});

check('slots come and go in the model', (expect) => {
  const model = new Model();
  const of = (...names) => names.map((stream) => ({ stream, state: 'WAITING' }));
  expect(model.take(of('a', 'b'), 0) === true && model.take(of('a', 'b'), 0) === false, 'news once');
  expect(model.take(of('b', 'c'), 0) === true && model.all.map((s) => s.stream).join() === 'b,c', 'a went, c came');
  expect(model.count(0).idle === 2, 'both are idle');
});

check('figures have one width', (expect) => {
  for (const [text, wanted] of [[bitrateText(6024), '6.02'], [bitrateText(48123), '48.1'], [bitrateText(123456), '123'], [bitrateText(0), '0.00'],
    [bitrateText(undefined), '–'], [bitrateText(9.9e7), '>9999'], [msText(12.6), '13'], [msText(123456), '>9999'], [percentText(2.412), '2.41'],
    [percentText(12.34), '12.3'], [percentText(100), '100'], [clockText(754), '12:34'], [clockText(11554), '3:12:34'], [clockText(-5), '00:00'],
    [spanText(40), '40 s'], [spanText(725), '12 min'], [spanText(11554), '3 h 12 min'], [causeText('new-cause'), 'new-cause']])
    expect(text === wanted, `${text}, not ${wanted}`);
});

console.log(`1..${results.length}\n${results.join('\n')}`);
process.exit(results.some((line) => line.startsWith('not')) ? 1 : 0);
