// SPDX-License-Identifier: LGPL-2.1-or-later
// The control room's page in Chromium, with a real patchbayd and real media. Run
// by netns.sh.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { GOOD, fakePeers } from './fake-peers.mjs';
import { BUILD, SHOTS, Skipped, axe, expect, run, test, until } from './lab.mjs';

const LAPTOP = { viewport: { width: 1280, height: 720 } };
const DESK = { viewport: { width: 1920, height: 1080 } };
const SIZES = { laptop: [1280, 720], desk: [1920, 1080], wall: [3840, 2160] };

const tile = (page, stream) => page.locator(`.tile[data-stream="${stream}"]`);
const named = (page, name) => page.getByRole('button', { name, exact: true });
const names = (count) => Array.from({ length: count }, (unused, i) => `cam-${i + 1}`);

async function openWall(lab, server, session, token, options = DESK) {
  const page = await lab.page(server, `/s/${session}#t=${token}`, options);

  await page.locator('.tile').first().waitFor();
  return page;
}

// A page with the fake camera that sends on a slot.
async function camera(lab, server, token, stream = 'cam-1', session = 'demo') {
  const page = await lab.bare(server);

  await page.evaluate(async ({ token, stream, session: name }) => {
    window.session = new PbSession({ session: name, token, client: 'test camera' });
    follow(session, 'state', 'tally', 'cue', 'fault', 'peer');
    window.end = session.join({ stream, direction: 'send' });
    await end.publish({ camera: true, microphone: true });
  }, { token, stream, session });
  return page;
}

const saw = (page, type, fields) => until(() => page.evaluate(({ type, fields }) =>
  seen(type, (e) => Object.entries(fields).every(([k, v]) => e[k] === v)), { type, fields }), `${type} ${JSON.stringify(fields)}`);
const decoded = (page, stream) => tile(page, stream).locator('video').evaluate((video) =>
  video.getVideoPlaybackQuality().totalVideoFrames).catch(() => 0);

async function plays(page, stream, n = 10) {
  const before = await decoded(page, stream);

  await until(async () => await decoded(page, stream) >= before + n, `the picture of ${stream}`);
}

const has = (page, stream, attribute, value) => until(() => tile(page, stream).evaluate((node, [a, v]) =>
  node.dataset[a] === v, [attribute, value]), `${stream} to be ${attribute} ${value}`);
const texts = (page, stream, part) => tile(page, stream).locator(part).textContent();

// 50 slots of all kinds without media.
async function crowd(lab, server, session, admin, streams) {
  const fakes = await fakePeers(lab, server, session, admin);
  const peers = {};

  for (const [i, stream] of streams.entries()) {
    if (i % 11 === 5) continue;
    peers[`${stream} send`] = await fakes.add({ stream, direction: 'send',
      figures: { ...GOOD, buffer: 12, bitrate: 6050 + 40 * i } });
    if (i % 11 === 7) continue;
    peers[`${stream} receive`] = await fakes.add({ stream, direction: 'receive', figures: { ...GOOD, bitrate: 6020 + 40 * i,
      ...i % 9 === 2 ? { loss: 3.4 } : {}, ...i % 13 === 4 ? { drop: 2, loss: 12 } : {} } });
  }
  await fakes.report();
  return { ...fakes, peers };
}

test('the wall shows a live picture, what both ends measured, and sets the tally', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam-1', 'cam-2']);
  const phone = await camera(lab, server, await server.mint(admin, 'demo', 'cam-1', 'send'));
  const wall = await openWall(lab, server, 'demo', admin);

  await plays(wall, 'cam-1');
  expect(!await wall.evaluate(() => document.body.innerHTML.includes('p_') || location.hash || document.title.includes('p_')), 'no token anywhere');
  await has(wall, 'cam-2', 'health', 'idle');
  expect(await texts(wall, 'cam-2', '.words') === 'No sender', 'the other slot says why it is black');
  await until(async () => Number(await texts(wall, 'cam-1', '.received td:nth-of-type(1)')) > 0 &&
      Number(await texts(wall, 'cam-1', '.sent td:nth-of-type(1)')) > 0, 'bitrate, received and sent');
  await until(async () => (await texts(wall, 'cam-1', '.way')).startsWith('WebRTC · direct'), 'the way');
  expect(await texts(wall, 'cam-1', '.from') === 'test camera', 'whose picture it is');
  const sizes = await tile(wall, 'cam-1').evaluate((node) => ['.received td', '.sent td'].map((part) =>
    parseFloat(getComputedStyle(node.querySelector(part)).fontSize)));
  expect(sizes[0] > sizes[1], `what the receiver measured is larger: ${sizes}`);

  for (const [state, word] of [['preview', 'Preview'], ['program', 'Program'], ['off', '']]) {
    await tile(wall, 'cam-1').locator(`.to-${state}`).click();
    await saw(phone, 'tally', { state, via: 'server' });
    await has(wall, 'cam-1', 'tally', state);
    expect(await texts(wall, 'cam-1', '.picture .tally') === word, word);
    await until(async () => (await server.slot(admin, 'demo', 'cam-1')).tally === state, 'the tally at the server');
    if (state === 'program') await lab.shot(wall, 'wall-live-program');
  }
  // the sender goes: so does our end, and a WHIP client would not meet it
  await phone.evaluate(() => session.leave());
  await until(async () => (await server.slot(admin, 'demo', 'cam-1')).receivers.length === 0, 'the page to leave the slot');
});

test('only a slot whose sender may speak WebRTC is joined: an SRT end hears of no viewer', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam-1']);
  const fakes = await fakePeers(lab, server, 'demo', admin);

  await fakes.add({ stream: 'cam-1', direction: 'send', figures: { ...GOOD, buffer: 12 } });
  const wall = await openWall(lab, server, 'demo', admin);
  await fakes.report();
  await has(wall, 'cam-1', 'health', 'healthy');
  await wall.waitForTimeout(2500);
  expect((await server.slot(admin, 'demo', 'cam-1')).receivers.length === 0, 'nobody joined');
  expect((await texts(wall, 'cam-1', '.words')).startsWith('SRT'), await texts(wall, 'cam-1', '.words'));
});

test('an SRT slot shows a still picture every few seconds, while it is looked at', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  const fakes = await fakePeers(lab, server, 'demo', admin);

  await fakes.add({ stream: 'cam-1', direction: 'send', figures: { ...GOOD, buffer: 12 } });
  await fakes.add({ stream: 'cam-1', direction: 'receive', thumbnails: true, figures: GOOD });
  await fakes.report();
  const wall = await openWall(lab, server, 'demo', admin);
  const still = tile(wall, 'cam-1').locator('img');
  await still.waitFor();
  const first = await still.getAttribute('src');
  await until(async () => (await texts(wall, 'cam-1', '.from')).startsWith('Still · pbsrtbin'), 'the word that it is a still');
  await lab.shot(wall, 'wall-still');
  await until(async () => await still.getAttribute('src') !== first, 'the next one');
  await tile(wall, 'cam-1').locator('.open').click();
  await until(() => wall.locator('dialog img').evaluate((img) => img.naturalWidth === 320), 'it, large');
  await wall.keyboard.press('Escape');
  await named(wall, 'Pictures on').click();
  await still.waitFor({ state: 'hidden' });
  expect((await server.slot(admin, 'demo', 'cam-1')).receivers.length === 1, 'the page never joined');
});

test('a real SRT feed: what pbsrtbin measured at both ends, and its picture', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  const uri = `uri=pb://127.0.0.1:${server.port}/demo/cam-1`;

  if (!existsSync(join(BUILD, 'tests/common/pb-run-pipeline'))) throw new Skipped('built without the plugin');
  lab.pipeline('studio', `pbsrtbin ${uri} ! fakesink`, { token: await server.mint(admin, 'demo', 'cam-1', 'receive') });
  lab.pipeline('camera', `videotestsrc is-live=true pattern=smpte ! video/x-raw,width=640,height=360,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse ! pbsrtbin ${uri}`,
      { token: await server.mint(admin, 'demo', 'cam-1', 'send') });
  const wall = await openWall(lab, server, 'demo', admin);
  await until(async () => (await texts(wall, 'cam-1', '.way')) === 'SRT · direct · AES-256', 'the way');
  for (const row of ['received', 'sent'])
    await until(async () => Number(await texts(wall, 'cam-1', `.${row} td:nth-of-type(1)`)) > 0, `bitrate, ${row}`);
  await has(wall, 'cam-1', 'health', 'healthy');
  const slot = await server.slot(admin, 'demo', 'cam-1');
  expect(slot.receivers.length === 1 && /^pbsrtbin/.test(slot.receivers[0].client), 'the page did not join');
  const still = tile(wall, 'cam-1').locator('img');
  await until(() => still.evaluate((img) => img.naturalWidth > 0 && img.naturalWidth <= 320).catch(() => false), 'a still');
  await lab.shot(wall, 'wall-srt');
  const first = await still.getAttribute('src');
  await until(async () => await still.getAttribute('src') !== first, 'the next one');
});

test('two walls at once: what one does the other shows', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3));
  const phone = await camera(lab, server, await server.mint(admin, 'demo', 'cam-1', 'send'));
  const one = await openWall(lab, server, 'demo', admin);
  const two = await openWall(lab, server, 'demo', admin, LAPTOP);

  await plays(one, 'cam-1');
  await plays(two, 'cam-1');
  await tile(one, 'cam-1').locator('.to-program').click();
  await tile(two, 'cam-2').locator('.to-preview').click();
  for (const page of [one, two]) {
    await has(page, 'cam-1', 'tally', 'program');
    await has(page, 'cam-2', 'tally', 'preview');
  }
  await named(two, 'Cue').click();
  await two.getByLabel('To', { exact: true }).selectOption('cam-1');
  await named(two, 'Stand by').click();
  await saw(phone, 'cue', { text: 'Stand by' });
  await tile(one, 'cam-1').locator('.cue', { hasText: 'Stand by' }).waitFor();
});

test('the server goes and comes back under the wall: the picture stays, the rest looks old', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  const phone = await camera(lab, server, await server.mint(admin, 'demo', 'cam-1', 'send'));
  const wall = await openWall(lab, server, 'demo', admin);

  await plays(wall, 'cam-1');
  await tile(wall, 'cam-1').locator('.to-program').click();
  await server.stop('SIGKILL');
  await wall.locator('.notice', { hasText: 'cannot be reached' }).waitFor();
  await wall.locator('.notice', { hasText: /What you see is 00:0[2-9] old/ }).waitFor();
  await until(async () => await wall.evaluate(() => document.body.dataset.stale) === 'yes', 'it looks old');
  await plays(wall, 'cam-1');
  await lab.shot(wall, 'wall-away');
  await axe(wall, 'the wall without a server');
  const again = await lab.server({ port: server.port });
  const other = await again.create('demo', names(2));
  await until(async () => (await again.slot(other, 'demo', 'cam-1'))?.sender, 'the camera to be back');
  await until(() => wall.evaluate(() => document.body.dataset.stale === 'no'), 'the wall to be fresh');
  await until(async () => await wall.locator('.notice').textContent() === '', 'the notice is gone');
  await plays(wall, 'cam-1', 30);
  const drops = await phone.evaluate(() => events.filter((e) => e.type === 'peer' && e.state === 'gone').length);
  expect(drops === 0, 'the picture was never cut');
  await tile(wall, 'cam-1').locator('.to-preview').click();
  await saw(phone, 'tally', { state: 'preview', via: 'server' });
});

test('a wrong link, and the end of the session, say what to do and leave nothing behind', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('short', names(2), { ttl: 10 });
  const other = await server.create('demo', names(2));
  const wall = await openWall(lab, server, 'short', admin);
  const foreign = await lab.page(server, `/s/short#t=${other}`);

  await foreign.getByRole('heading', { name: 'This link is for another session' }).waitFor();
  await foreign.getByRole('alert').getByText('It opens the session “demo”, and this is “short”.').waitFor();
  await axe(foreign, 'a foreign link');
  await lab.shot(foreign, 'wall-foreign');
  await named(wall, 'People').click();
  await wall.getByRole('alert').getByText(/link has expired|time ran out/).waitFor();
  await until(async () => await wall.locator('.tile, dialog').count() === 0, 'nothing of the session is left');
  await lab.shot(wall, 'wall-expired');
  await axe(wall, 'the wall after its end');
});

test('nothing moves while figures change', async (lab) => {
  const server = await lab.server();
  const streams = names(12);
  const admin = await server.create('demo', streams);
  const fakes = await crowd(lab, server, 'demo', admin, streams);
  const wall = await openWall(lab, server, 'demo', admin);
  const boxes = () => wall.evaluate(() => JSON.stringify([...document.querySelectorAll(
      '.tile, .tile td, .tile th, .tile h2, .tile .health, .tile .picture, .tile .graph, .tile .way, .tile .buttons button, .bar > *, .bar button, .counts li')]
      .map((node) => { const { x, y, width, height } = node.getBoundingClientRect(); return [node.className || node.tagName, x, y, width, height].join(); })));
  const wild = [{ bitrate: 0, rtt: 0, loss: 0, buffer: 0 }, { bitrate: 123456, rtt: 4321, loss: 99.99, buffer: 7999 },
    { bitrate: 7.5, rtt: 0.4, loss: 12.345, buffer: 88 }, { bitrate: 9999999, rtt: 99999, loss: 100, buffer: 123456 }];

  await until(() => wall.evaluate(() => document.querySelectorAll('[data-health="critical"]').length === 1), 'the first figures');
  await wall.waitForTimeout(1500);
  const before = await boxes();
  for (const figures of wild) {
    for (const peer of Object.values(fakes.peers)) await fakes.set(peer, { ...GOOD, ...figures });
    await fakes.report();
    await until(async () => await texts(wall, 'cam-1', '.received td:nth-of-type(4)') === (figures.buffer > 9999 ? '>9999' : String(figures.buffer)), `${figures.buffer}`);
    await wall.waitForTimeout(1100);
    const now = await boxes();
    if (now === before) continue;
    const [a, b] = [before, now].map((text) => JSON.parse(text));
    expect(false, `with ${JSON.stringify(figures)}: ${a.map((box, i) => box === b[i] ? '' : `${box} became ${b[i]}`).filter(Boolean).slice(0, 6).join('; ')}`);
  }
});

test('everything is done by keyboard, and a stray key puts nothing on air', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(12));
  const wall = await openWall(lab, server, 'demo', admin);
  const press = (...keys) => keys.reduce((before, key) => before.then(() => wall.keyboard.press(key)), Promise.resolve());
  const focused = (stream) => until(() => wall.evaluate((name) => document.activeElement.dataset?.stream === name, stream), `the focus on ${stream}`);
  const tally = (stream) => tile(wall, stream).getAttribute('data-tally');

  await press('1');
  await focused('cam-1');
  const columns = await wall.evaluate(() => getComputedStyle(document.querySelector('.grid')).gridTemplateColumns.split(' ').length);
  await press('ArrowRight', 'ArrowDown');
  await focused(`cam-${columns + 2}`);
  await press('End');
  await focused('cam-12');
  await press('Home', '1', '1');
  await focused('cam-11');
  const outline = await tile(wall, 'cam-11').evaluate((node) => parseFloat(getComputedStyle(node).outlineWidth));
  expect(outline >= 2, 'the focus is seen');

  await press('v');
  await has(wall, 'cam-11', 'tally', 'preview');
  await press('p');
  await has(wall, 'cam-11', 'tally', 'program');
  await press('o');
  expect(await tally('cam-11') === 'program', 'one O takes nothing off air');
  await tile(wall, 'cam-11').locator('.note', { hasText: 'Again: off, from program' }).waitFor();
  expect(await tally('cam-11') === 'program', 'it is a question');
  await lab.shot(wall, 'wall-key-again');
  await axe(wall, 'the wall with a question');
  await press('o', 'o');
  await has(wall, 'cam-11', 'tally', 'off');
  await press('p');
  await wall.waitForTimeout(2700);
  await press('p');
  expect(await tally('cam-11') === 'off', 'twice means within two and a half seconds');
  await press('p');
  await has(wall, 'cam-11', 'tally', 'program');
  await until(async () => (await server.slot(admin, 'demo', 'cam-11')).tally === 'program', 'the tally at the server');

  // Tab leaves the tiles: its buttons, then on; nothing holds it
  await tile(wall, 'cam-11').focus();
  const stops = [];
  for (let i = 0; i < 30; i++) {
    await press('Tab');
    stops.push(await wall.evaluate(() => document.activeElement.textContent.slice(0, 20)));
  }
  expect(stops.slice(0, 5).join() === 'Off,Preview,Program,Listen,Open', stops.join());
  expect(stops.includes('People') && stops.includes('Keys'), `Tab comes round to the tools: ${stops.join()}`);

  await tile(wall, 'cam-11').focus();
  await press('Enter');
  await wall.locator('dialog.detail').waitFor();
  await press('v', 'v');
  await until(async () => await tally('cam-11') === 'preview', 'the light of an open tile by key');
  await press('Escape');
  await wall.locator('dialog').waitFor({ state: 'detached' });
  await focused('cam-11');
  await press('c');
  await wall.keyboard.type('pov: stand by');
  expect(await tally('cam-11') === 'preview', 'what is typed is no key');
  await press('Enter', 'Escape');
  await focused('cam-11');
  await tile(wall, 'cam-11').locator('.cue', { hasText: 'pov: stand by' }).waitFor();
  await press('i');
  await named(wall, 'Pictures off').waitFor();

  await press('?');
  await wall.getByRole('dialog', { name: 'Keys' }).waitFor();
  await lab.shot(wall, 'wall-keys');
  await wall.getByRole('checkbox').uncheck();
  await press('Escape');
  await press('o');
  await wall.waitForTimeout(200);
  await press('o');
  expect(await tally('cam-11') === 'preview', 'single keys are off');
  await press('ArrowLeft');
  await focused('cam-10');
  await press('Enter');
  await wall.locator('dialog.detail').waitFor();
});

test('the large tile has all figures and graphs, and secrets only on request', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam-1', 'cam-2']);
  await camera(lab, server, await server.mint(admin, 'demo', 'cam-1', 'send'));
  const wall = await openWall(lab, server, 'demo', admin);

  await plays(wall, 'cam-1');
  await tile(wall, 'cam-1').locator('.open').click();
  const dialog = wall.getByRole('dialog', { name: 'cam-1' });
  await until(() => dialog.locator('video').evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames > 5), 'the large picture');
  await until(() => dialog.locator('.figures').textContent().then((text) => /Bitrate, Mb\/s[0-9.]+/.test(text)), 'figures');
  await until(async () => await tile(wall, 'cam-1').locator('video').count() === 1, 'the small one plays on');
  const secret = () => wall.evaluate(() => /passphrase=|p_[A-Za-z0-9_-]{20}/.test(document.documentElement.innerHTML));
  expect(!await secret(), 'no secret before anybody asks');
  await named(dialog, 'Show the strings').click();
  await dialog.getByText('passphrase=').first().waitFor();
  await wall.waitForTimeout(1500);
  await lab.shot(wall, 'wall-large');
  await axe(wall, 'the large tile');
  await named(dialog, 'Hide the strings').click();
  expect(!await secret(), 'hidden is gone');
  await named(dialog, 'Show the strings').click();
  await dialog.getByText('passphrase=').first().waitFor();
  await wall.keyboard.press('Escape');
  await until(async () => !await secret(), 'closed is gone');
  await wall.setViewportSize({ width: 1280, height: 720 });
  await tile(wall, 'cam-1').locator('.open').click();
  await wall.waitForTimeout(700);
  await lab.shot(wall, 'wall-large-laptop');
});

test('one tile is heard at a time', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  for (const stream of names(2))
    await camera(lab, server, await server.mint(admin, 'demo', stream, 'send'), stream);
  const wall = await openWall(lab, server, 'demo', admin);
  const muted = () => wall.evaluate(() => [...document.querySelectorAll('.tile video')].map((video) => video.muted).join());

  await plays(wall, 'cam-1');
  await plays(wall, 'cam-2');
  expect(await muted() === 'true,true', 'silent at first');
  await tile(wall, 'cam-1').locator('.listen').click();
  expect(await muted() === 'false,true', await muted());
  await tile(wall, 'cam-2').locator('.listen').click();
  expect(await muted() === 'true,false', await muted());
  await wall.keyboard.press('l');
  expect(await muted() === 'true,true', await muted());
  // off is off: nothing is decoded any more
  await named(wall, 'Pictures on').click();
  await until(async () => await wall.locator('.tile video').count() === 0 &&
      (await server.slot(admin, 'demo', 'cam-1')).receivers.length === 0, 'the pictures to go');
  await wall.locator('.words', { hasText: 'Pictures are off' }).first().waitFor();
  await named(wall, 'Pictures off').click();
  await plays(wall, 'cam-1');
});

test('a link for a person: its code is read back, opens the slot, and leaves the page', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3), { ttl: 20000 });
  const wall = await openWall(lab, server, 'demo', admin);

  await named(wall, 'People').focus();
  await wall.keyboard.press('Enter');
  const people = wall.getByRole('dialog', { name: 'People' });
  await people.getByLabel('Who').fill('Kim, camera <b>2</b>');
  await people.getByLabel('Slot').selectOption('cam-2');
  await people.getByLabel('Valid for').selectOption('3600');
  await lab.shot(wall, 'wall-people');
  await axe(wall, 'people');
  await named(people, 'Make the link').click();
  const code = wall.getByRole('dialog', { name: 'Kim, camera <b>2</b>' });
  await code.locator('img').waitFor();
  await code.getByText(/Sends cam-2, until \d\d:\d\d, for (1 h 00|59) min/).waitFor();
  await wall.waitForTimeout(300);
  await lab.shot(wall, 'wall-code');
  await axe(wall, 'a code');
  const picture = join(lab.directory, 'code.png');
  writeFileSync(picture, await code.locator('img').screenshot());
  const url = execFileSync('zbarimg', ['--quiet', '--raw', picture], { encoding: 'utf8' }).trim();
  expect(url === await code.getByLabel('Link').inputValue(), 'the code is the link');
  await wall.keyboard.press('Escape');
  await code.waitFor({ state: 'detached' });
  expect(!await wall.evaluate(() => document.documentElement.outerHTML.includes('data:image/svg')), 'the code is gone');
  expect(!await wall.evaluate((text) => document.documentElement.outerHTML.includes(text), url.slice(-30)), 'the link is gone');
  await wall.keyboard.press('Escape');
  await until(async () => await wall.evaluate(() => document.activeElement.textContent) === 'People', 'the focus is back where it was');

  const token = new URLSearchParams(new URL(url).hash.slice(1)).get('t');
  await camera(lab, server, token, 'cam-2');
  await plays(wall, 'cam-2');
});

test('a sheet for the crew: several codes to a page of A4, each is read back', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('cup-final', names(11));
  const wall = await openWall(lab, server, 'cup-final', admin);

  await named(wall, 'People').click();
  await wall.getByText('Print a sheet of codes').click();
  const dialog = wall.getByRole('dialog', { name: 'A sheet of codes' });
  await until(async () => await dialog.locator('tbody tr').count() === 11, 'an operator for each slot');
  await dialog.getByLabel('Who, row 1', { exact: true }).fill('Kim & <i>Robin</i>, camera 1');
  await dialog.getByLabel('What they do, row 2').selectOption('receive');
  await named(dialog, 'Take out row 11').click();
  await lab.shot(wall, 'wall-sheet-form');
  await axe(wall, 'the form of a sheet');
  await named(dialog, 'Make the codes').click();
  await dialog.getByText('10 codes.').waitFor();
  await wall.waitForTimeout(300);
  await lab.shot(wall, 'wall-sheet');
  await axe(wall, 'a sheet');
  const pdf = join(lab.directory, 'sheet.pdf');
  await wall.pdf({ path: pdf, preferCSSPageSize: true });
  execFileSync('pdftoppm', ['-r', '110', '-png', pdf, join(lab.directory, 'sheet')]);
  const pages = readdirSync(lab.directory).filter((name) => /^sheet-\d+\.png$/.test(name)).sort();
  expect(pages.length === 2, `${pages.length} pages for 10 codes`);
  mkdirSync(SHOTS, { recursive: true });
  for (const [i, name] of pages.entries())
    execFileSync('cp', [join(lab.directory, name), join(SHOTS, `wall-print-${i + 1}.png`)]);
  // each by itself, as a phone sees it: two to a row, four rows
  const codes = Array.from({ length: 10 }, (unused, i) => {
    const page = Math.floor(i / 8) + 1;
    const at = (mm) => String(Math.round(mm / 25.4 * 300));
    const one = join(lab.directory, `code-${i}`);

    execFileSync('pdftoppm', ['-r', '300', '-png', '-f', String(page), '-l', String(page), '-singlefile',
      '-x', at(10 + (i % 2) * 96.8), '-y', at(10 + Math.floor(i % 8 / 2) * 69), '-W', at(58), '-H', at(58), pdf, one]);
    return execFileSync('zbarimg', ['--quiet', '--raw', `${one}.png`], { encoding: 'utf8' }).trim();
  });
  expect(codes.length === 10 && new Set(codes).size === 10 && codes.every((url) => url.startsWith(`${server.url}/s/cup-final#t=p_`)), codes.join('\n'));
  const text = execFileSync('pdftotext', ['-raw', pdf, '-'], { encoding: 'utf8' });
  for (const word of ['Kim & <i>Robin</i>, camera 1', 'Watches cam-2', 'Session cup-final', 'until the session ends'])
    expect(text.replace(/\s+/g, '').includes(word.replace(/\s+/g, '')), `the sheet says ${word}: ${text.slice(0, 400)}`);
  expect(!text.includes('People') && !text.includes('p_'), 'nothing else is printed');
  const leftovers = () => wall.evaluate(() => document.querySelectorAll('.sheet, .card').length);
  expect(await leftovers() > 0, 'it is there');
  await wall.keyboard.press('Escape');
  await until(async () => await leftovers() === 0, 'the codes to leave the page');
});

test('names and lines from others are shown as they are', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  const fakes = await fakePeers(lab, server, 'demo', admin);
  const evil = '<img src=x onerror="document.title=1">&amp;\'"`${1}';

  await fakes.add({ stream: 'cam-1', direction: 'send', client: evil, figures: { ...GOOD, buffer: 12 } });
  await fakes.add({ stream: 'cam-1', direction: 'receive', client: evil, figures: GOOD });
  await fakes.report();
  const wall = await openWall(lab, server, 'demo', admin);
  await until(async () => await texts(wall, 'cam-1', '.from') === evil, 'the name as it is');
  await named(wall, 'Cue').click();
  await wall.getByRole('textbox', { name: 'Cue' }).fill(evil);
  await named(wall, 'Send').click();
  await wall.keyboard.press('Escape');
  await tile(wall, 'cam-1').locator('.cue', { hasText: evil }).waitFor();
  await tile(wall, 'cam-1').locator('.open').click();
  await wall.locator('dialog .client', { hasText: evil }).first().waitFor();
  await until(async () => await wall.locator('img[src="x"]').count() === 0 && await wall.title() === 'demo – Patchbay', 'nothing was read as markup');
});

test('an alarm is raised, heard, acknowledged by name on every wall, and cleared', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3));
  const wall = await openWall(lab, server, 'demo', admin);
  const other = await openWall(lab, server, 'demo', admin, LAPTOP);
  const rows = (page) => page.locator('.alarms li');
  const sound = (page, text) => page.locator('.tool.sound', { hasText: text }).waitFor();

  await until(() => wall.locator('.alarms').isVisible(), 'the list stands beside 3 slots');
  // on program without a feed: nothing is worse
  await tile(wall, 'cam-2').locator('.to-program').click();
  await rows(wall).first().waitFor();
  expect((await rows(wall).first().textContent()).includes('cam-2') && await rows(wall).first().getAttribute('data-level') === 'critical',
      await rows(wall).first().textContent());
  await sound(wall, 'Sound on');
  await other.locator('.ticker[data-level="critical"]', { hasText: 'cam-2: no feed' }).waitFor();
  // nobody touched the other page: the browser keeps it silent, and it says so
  await until(() => wall.evaluate(() => document.querySelector('[aria-live="assertive"]').textContent.includes('cam-2')), 'the word for those who listen');
  await lab.shot(wall, 'wall-alarm');
  await lab.shot(other, 'wall-alarm-laptop');
  await axe(wall, 'an alarm');
  await axe(other, 'an alarm below');

  await wall.keyboard.press('m');
  await sound(wall, 'Sound muted');
  await until(async () => await wall.locator('.tool.sound').getAttribute('data-warns') === 'yes', 'muted is seen');
  await lab.shot(wall, 'wall-alarm-muted');
  await wall.keyboard.press('m');
  await sound(wall, 'Sound on');

  await tile(wall, 'cam-2').focus();
  await wall.keyboard.press('a');
  const who = wall.getByRole('dialog', { name: 'Who are you?' });
  await lab.shot(wall, 'wall-alarm-name');
  await who.getByLabel('Your name').fill('Robin <b>MCR</b>');
  await wall.keyboard.press('Enter');
  for (const page of [wall, other]) {
    await until(() => page.evaluate(() => document.querySelector('.alarms li')?.dataset.state === 'seen'), 'seen');
    await until(async () => (await page.locator('.alarms li .fate').textContent()).includes('Seen by Robin <b>MCR</b>'), 'by whom');
  }
  await other.locator('.ticker', { hasText: '1 open, all seen' }).waitFor();

  // the name is asked for once
  await tile(wall, 'cam-3').locator('.to-program').click();
  await until(() => rows(wall).count().then((n) => n === 2), 'another');
  expect((await rows(wall).first().textContent()).includes('cam-3'), 'the newest is first');
  await named(wall, 'Acknowledge all').click();
  await until(() => wall.evaluate(() => document.querySelectorAll('.alarms li[data-state="seen"]').length === 2), 'all seen');
  expect(await wall.locator('dialog').count() === 0, 'nobody was asked again');

  await tile(wall, 'cam-2').locator('.to-off').click();
  await until(() => rows(wall).count().then((n) => n === 1), 'the first to be cleared');
  await named(wall, 'All').click();
  await until(() => wall.evaluate(() => document.querySelectorAll('.alarms li[data-state="over"]').length === 1), 'it is history');
  await lab.shot(wall, 'wall-alarm-history');
  await axe(wall, 'alarms that are over');
  // who comes later sees the same
  const late = await openWall(lab, server, 'demo', admin);
  await named(late, 'All').click();
  await until(() => rows(late).count().then((n) => n === 2), 'history on a new page');
});

test('links are listed with who is connected, and one is revoked by itself', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  const kim = await server.mint(admin, 'demo', 'cam-1', 'send', { label: 'Kim, camera 1' });
  const phone = await camera(lab, server, kim);
  await server.mint(admin, 'demo', 'cam-2', 'receive', { label: '<i>Lee</i>' });
  const wall = await openWall(lab, server, 'demo', admin);

  await plays(wall, 'cam-1');
  await named(wall, 'People').click();
  const row = (text) => wall.locator('.tokens tr', { hasText: text });
  await row('Kim').getByText('connected', { exact: true }).waitFor();
  await row('<i>Lee</i>').getByText('not connected').waitFor();
  await lab.shot(wall, 'wall-tokens');
  await axe(wall, 'links given out');
  await row('Kim').getByRole('button').click();
  const ask = wall.getByRole('alertdialog');
  await ask.getByText('Kim, camera 1 is connected to cam-1 and will be cut off at once.').waitFor();
  await until(async () => await wall.evaluate(() => document.activeElement.textContent) === 'Cancel', 'Enter does no harm');
  await lab.shot(wall, 'wall-revoke');
  await axe(wall, 'a question');
  await wall.keyboard.press('Escape');
  expect(await phone.evaluate(() => session.state) === 'joined', 'not yet');
  await row('Kim').getByRole('button').click();
  await named(wall, 'Revoke the link of Kim, camera 1').last().click();
  await saw(phone, 'state', { state: 'over', code: 'token-revoked' });
  await row('Kim').getByText('revoked').waitFor();
  await row('<i>Lee</i>').getByText('not connected').waitFor();
  await wall.keyboard.press('Escape');
  await until(async () => await texts(wall, 'cam-1', '.words') === 'No sender', 'the slot is free');
});

test('the session is extended, gets a slot, and is closed after a question', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam-1'], { ttl: 600 });
  const phone = await camera(lab, server, await server.mint(admin, 'demo', 'cam-1', 'send'));
  const wall = await openWall(lab, server, 'demo', admin);
  const before = (await server.call('GET', '/api/session/demo', undefined, admin)).body.expires;

  await plays(wall, 'cam-1');
  await tile(wall, 'cam-1').locator('.to-program').click();
  await named(wall, 'Session').click();
  await named(wall, '30 minutes more').click();
  await wall.getByText(/Extended. It ends in (39|40) min/).waitFor();
  const after = (await server.call('GET', '/api/session/demo', undefined, admin)).body.expires;
  expect(Math.abs(after - before - 1800) < 10, `${before} became ${after}`);
  await until(async () => /ends in (39|40):/.test(await wall.locator('.left').textContent()), 'the corner says so');
  await wall.getByLabel('Name of a new slot').fill('no spaces, please');
  await named(wall, 'Add the slot').click();
  await wall.getByText('A name begins with').waitFor();
  await wall.getByLabel('Name of a new slot').fill('cam-2');
  await named(wall, 'Add the slot').click();
  await wall.getByText('cam-2 is there.').waitFor();
  await lab.shot(wall, 'wall-session');
  await axe(wall, 'the session');
  await tile(wall, 'cam-2').waitFor();
  await plays(wall, 'cam-1');
  await wall.getByRole('button', { name: 'Close the session' }).click();
  const ask = wall.getByRole('alertdialog');
  await ask.getByText('On program now: cam-1.').waitFor();
  await ask.getByText('1 slot is in use (cam-1): whoever is connected there is cut off at once.').waitFor();
  await lab.shot(wall, 'wall-close');
  await named(ask, 'Close it for everybody').click();
  await saw(phone, 'state', { state: 'over', code: 'session-closed' });
  await wall.getByRole('alert').getByText('session was closed').waitFor();
  await lab.shot(wall, 'wall-closed');
});

// One of the page's parts that are fetched after it is up.
const PART = /wall-(cue|people|session|detail|sheet)\.js/;

test('what is opened later is here before the server goes; where it is not, the page says so and the keys stay right', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3));
  const cut = await lab.page(server, `/s/demo#t=${admin}`, LAPTOP, (page) => page.route(PART, (route) => route.abort()));
  const wall = await openWall(lab, server, 'demo', admin);
  const told = () => cut.locator('.notice', { hasText: 'could not be fetched' }).waitFor();

  await tile(cut, 'cam-1').locator('.open').click();
  await told();
  await lab.shot(cut, 'wall-part-missing');
  await tile(cut, 'cam-2').focus();
  await cut.keyboard.press('v');
  await has(cut, 'cam-2', 'tally', 'preview');
  expect(await tile(cut, 'cam-1').getAttribute('data-tally') === 'off', 'the key was for the tile that is selected');
  for (const key of ['c', 't', 'Enter']) {
    await until(async () => await cut.locator('.notice').textContent() === '', 'the notice goes by itself');
    await cut.keyboard.press(key);
    await told();
  }
  await cut.unroute(PART);
  await cut.keyboard.press('Enter');
  await cut.getByRole('dialog', { name: 'cam-2' }).waitFor();
  await cut.keyboard.press('Escape');
  await named(cut, 'People').click();
  await cut.getByRole('dialog', { name: 'People' }).waitFor();

  await until(() => wall.evaluate(() => performance.getEntriesByType('resource').some((e) => e.name.endsWith('/wall-sheet.js'))), 'the rest is fetched');
  await server.stop('SIGKILL');
  await wall.locator('.notice', { hasText: 'cannot be reached' }).waitFor();
  for (const name of ['People', 'Cue', 'Session']) {
    await named(wall, name).click();
    await wall.getByRole('dialog', { name }).waitFor();
    await wall.keyboard.press('Escape');
    await wall.locator('dialog').waitFor({ state: 'detached' });
  }
  await tile(wall, 'cam-1').locator('.open').click();
  await wall.getByRole('dialog', { name: 'cam-1' }).waitFor();
});

test('a held key is no second press', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3));
  const wall = await openWall(lab, server, 'demo', admin);
  const hold = async (key, times) => {
    for (let i = 0; i < times; i++) await wall.keyboard.down(key);
    await wall.keyboard.up(key);
  };

  await tile(wall, 'cam-1').focus();
  await hold('p', 6);
  await tile(wall, 'cam-1').locator('.note', { hasText: 'Again: to program' }).waitFor();
  // what comes after it on the same socket is there, so the key did nothing
  await hold('ArrowRight', 1);
  await wall.keyboard.press('v');
  await has(wall, 'cam-2', 'tally', 'preview');
  expect(await tile(wall, 'cam-1').getAttribute('data-tally') === 'off', 'not on air');
  await hold('ArrowRight', 2);
  await until(() => wall.evaluate(() => document.activeElement.dataset?.stream === 'cam-3'), 'arrows go on');
  await wall.keyboard.press('p');
  await wall.keyboard.press('p');
  await has(wall, 'cam-3', 'tally', 'program');
  await hold('o', 6);
  await tile(wall, 'cam-3').locator('.note', { hasText: 'Again: off' }).waitFor();
  await wall.keyboard.press('ArrowLeft');
  await wall.keyboard.press('o');
  await has(wall, 'cam-2', 'tally', 'off');
  expect(await tile(wall, 'cam-3').getAttribute('data-tally') === 'program', 'still on air');
});

test('the alarm that is shown is the one that is acknowledged; all of them only after a question', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(4));
  const fakes = await fakePeers(lab, server, 'demo', admin);
  const wall = await openWall(lab, server, 'demo', admin, LAPTOP);
  const ticker = wall.locator('.ticker');
  const state = (stream) => wall.evaluate((name) => [...document.querySelectorAll('.alarms li')].find((node) => node.textContent.includes(name))?.dataset.state, stream);
  const is = (stream, wanted) => until(async () => await state(stream) === wanted, `the alarm of ${stream} is ${wanted}`);
  const warn = async (stream) => {
    for (const direction of ['send', 'receive'])
      await fakes.add({ stream, direction, figures: { ...GOOD, ...direction === 'receive' ? { loss: 3.4 } : { buffer: 12 } } });
    await fakes.report();
    await is(stream, 'waiting');
  };

  await tile(wall, 'cam-1').locator('.to-program').click();
  await is('cam-1', 'waiting');
  await fakes.every(1000);
  await warn('cam-2');
  await ticker.filter({ hasText: /cam-1: no feed .* and 1 more/ }).waitFor();
  expect(await wall.evaluate(() => getComputedStyle(document.querySelector('[data-health="critical"] > header > .shape')).animationIterationCount) === '5', 'it blinks five seconds');

  // a name of spaces is none
  await named(ticker, 'Acknowledge').click();
  const who = wall.getByRole('dialog', { name: 'Who are you?' });
  await who.getByLabel('Your name').fill('   ');
  await wall.keyboard.press('Enter');
  await who.getByRole('alert').getByText('A name of 1 to 32 characters').waitFor();
  await who.getByLabel('Your name').fill(' Robin ');
  await wall.keyboard.press('Enter');
  await is('cam-1', 'seen');
  expect(await state('cam-2') === 'waiting', 'the newest one waits');

  // so does the key, on a tile without an alarm
  await tile(wall, 'cam-3').locator('.to-program').click();
  await is('cam-3', 'waiting');
  await warn('cam-4');
  await tile(wall, 'cam-1').focus();
  await wall.keyboard.press('a');
  await is('cam-3', 'seen');
  expect(await state('cam-2') === 'waiting' && await state('cam-4') === 'waiting', 'the others wait');

  await wall.keyboard.press('Shift+A');
  const ask = wall.getByRole('alertdialog', { name: 'Acknowledge all 2 alarms?' });
  await ask.getByText('They are of cam-4, cam-2; none of them critical.').waitFor();
  await lab.shot(wall, 'wall-acknowledge-all');
  await axe(wall, 'a question about all alarms');
  await wall.keyboard.press('Escape');
  await ask.waitFor({ state: 'detached' });
  expect(await state('cam-2') === 'waiting' && await state('cam-4') === 'waiting', 'a question takes nothing');
  await wall.keyboard.press('Shift+A');
  await ask.waitFor();
  await wall.keyboard.press('Shift+A');
  await is('cam-2', 'seen');
  await is('cam-4', 'seen');

  await server.stop('SIGKILL');
  await wall.locator('.notice', { hasText: 'cannot be reached' }).waitFor();
  await tile(wall, 'cam-1').focus();
  await wall.evaluate(() => document.querySelector('.alarms li .ack').click());
  await wall.locator('.notice', { hasText: 'nothing was acknowledged' }).waitFor();
  await fakes.stop();
});

test('a picture that stands still looks old, and nothing good stands over it', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  const fakes = await fakePeers(lab, server, 'demo', admin);
  await camera(lab, server, await server.mint(admin, 'demo', 'cam-1', 'send'));
  const wall = await openWall(lab, server, 'demo', admin);
  const frozen = (value) => until(() => tile(wall, 'cam-1').locator('.picture').evaluate((node, v) => node.dataset.frozen === v, value), `frozen: ${value}`);

  // a receiver that is well whatever becomes of the page's own picture
  const studio = await fakes.add({ stream: 'cam-1', direction: 'receive', figures: GOOD });
  await fakes.set(studio, GOOD);
  await fakes.every(1000);
  await plays(wall, 'cam-1');
  await frozen('no');
  lab.block('meta l4proto udp drop');
  await frozen('yes');
  await until(async () => /^Stands still for \d+ s$/.test(await texts(wall, 'cam-1', '.words')), 'how old it is');
  expect(await texts(wall, 'cam-1', '.health') !== 'Good', await texts(wall, 'cam-1', '.health'));
  await lab.shot(wall, 'wall-frozen');
  await axe(wall, 'a picture that stands');
  await tile(wall, 'cam-1').locator('.open').click();
  await wall.locator('dialog .picture[data-frozen="yes"]').waitFor();
  await lab.shot(wall, 'wall-frozen-large');
  await wall.keyboard.press('Escape');
  lab.open();
  await frozen('no');
  await plays(wall, 'cam-1');
  await fakes.stop();
});

test('a tile that is listened to is heard when its picture comes, and comes back', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(2));
  const token = await server.mint(admin, 'demo', 'cam-1', 'send');
  const wall = await openWall(lab, server, 'demo', admin);
  const heard = () => until(() => tile(wall, 'cam-1').locator('video').evaluate((video) => !video.muted && !video.paused).catch(() => false), 'it is heard');

  await tile(wall, 'cam-1').locator('.listen').click();
  const phone = await camera(lab, server, token);
  await plays(wall, 'cam-1');
  await heard();
  await phone.evaluate(() => session.leave());
  await until(() => tile(wall, 'cam-1').locator('video').count().then((n) => n === 0), 'the picture is gone');
  await camera(lab, server, token);
  await plays(wall, 'cam-1');
  await heard();
  await tile(wall, 'cam-1').locator('.listen').click();
  await until(() => tile(wall, 'cam-1').locator('video').evaluate((video) => video.muted), 'silent again');
});

test('without the server: what is known is old, in words, and after ten seconds it is heard; nothing is covered', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3));
  const count = (page) => page.addInitScript(() => {
    const Real = OscillatorNode;
    window.tones = 0;
    window.OscillatorNode = class extends Real { constructor(...all) { super(...all); window.tones++; } };
  });
  const wall = await lab.page(server, `/s/demo#t=${admin}`, LAPTOP, count);
  const desk = await openWall(lab, server, 'demo', admin);
  const never = await lab.page(server, `/s/demo#t=${admin}`, LAPTOP, (page) => page.addInitScript(() => {
    window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({ code: 1006 }), 20); } close() {} };
  }));
  const boxes = () => wall.evaluate(() => JSON.stringify([...document.querySelectorAll('.bar button, .identity, .grid, .ticker')].map((node) => {
    const { x, y, width, height } = node.getBoundingClientRect(); return [node.className, x, y, width, height].join(); })));

  await tile(wall, 'cam-2').locator('.to-preview').click();
  await has(wall, 'cam-2', 'tally', 'preview');
  await wall.locator('.ticker', { hasText: 'No open alarm' }).waitFor();
  await until(() => desk.locator('.alarms').isVisible(), 'the list beside the tiles');
  await never.locator('.ticker', { hasText: 'Alarms are not known' }).waitFor();
  await never.locator('.notice', { hasText: 'cannot be reached' }).waitFor();
  await lab.shot(never, 'wall-never');
  const before = await boxes();
  expect(await wall.evaluate(() => window.tones) === 0, 'silent while all is well');
  await server.stop('SIGKILL');
  await wall.locator('.notice', { hasText: /cannot be reached.* What you see is/ }).waitFor();
  await wall.locator('.ticker', { hasText: /^\d\d:\d\d old: No open alarm/ }).waitFor();
  await until(async () => /^Alarms, \d\d:\d\d old$/.test(await desk.locator('#alarms-title').textContent()), 'the list says so, too');
  expect(await boxes() === before, 'nothing moved');
  for (const width of [1280, 1100, 900]) {
    await wall.setViewportSize({ width, height: 720 });
    const covered = await wall.evaluate(() => [...document.querySelectorAll('.bar button, .ticker button:not([hidden])')].filter((node) => {
      const { x, y, width, height } = node.getBoundingClientRect();
      return [0.02, 0.5, 0.98].some((part) => !node.contains(document.elementFromPoint(x + width * part, y + height / 2)));
    }).map((node) => node.textContent));
    expect(covered.length === 0, `${width}: covered: ${covered}`);
    const cut = await wall.locator('.notice').evaluate((node) => node.scrollHeight > node.clientHeight || node.scrollWidth > node.clientWidth);
    expect(!cut, `${width}: the whole sentence is there`);
    await lab.shot(wall, `wall-away-${width}`);
  }
  await wall.setViewportSize(LAPTOP.viewport);
  await lab.shot(wall, 'wall-away-laptop');
  await lab.shot(desk, 'wall-away-list');
  await axe(desk, 'alarms that are old');
  await until(() => wall.evaluate(() => window.tones > 0), 'the sound');
  await wall.keyboard.press('m');
  await wall.locator('.tool.sound', { hasText: 'Sound muted' }).waitFor();
  await axe(wall, 'a wall that lost the server');
  const again = await lab.server({ port: server.port });
  await again.create('demo', names(3));
  await wall.locator('.ticker', { hasText: /^No open alarm/ }).waitFor();
});

test('a tally that the server has not told back is no tally yet, and a cue that nobody got is not sent', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3));
  await camera(lab, server, await server.mint(admin, 'demo', 'cam-3', 'send'), 'cam-3');
  const wall = await openWall(lab, server, 'demo', admin);
  const note = (stream, text) => tile(wall, stream).locator('.note', { hasText: text }).waitFor();

  await plays(wall, 'cam-3');
  await tile(wall, 'cam-2').locator('.to-preview').click();
  await has(wall, 'cam-2', 'tally', 'preview');
  await has(wall, 'cam-2', 'pending', '');
  // the server hears and does not answer
  server.process.kill('SIGSTOP');
  await tile(wall, 'cam-1').locator('.to-program').click();
  await has(wall, 'cam-1', 'pending', 'program');
  await tile(wall, 'cam-1').locator('.pending', { hasText: 'Program: sending …' }).waitFor();
  expect(await tile(wall, 'cam-1').getAttribute('data-tally') === 'off', 'not yet');
  expect(await tile(wall, 'cam-1').evaluate((node) => getComputedStyle(node).borderTopStyle) === 'dashed', 'it looks so');
  await lab.shot(wall, 'wall-tally-pending');
  await axe(wall, 'a tally that is not told');
  await note('cam-1', 'Program was not set: the server does not confirm it');
  await has(wall, 'cam-1', 'pending', '');
  await lab.shot(wall, 'wall-tally-not-set');
  server.process.kill('SIGCONT');
  await has(wall, 'cam-1', 'tally', 'program');
  expect(await texts(wall, 'cam-1', '.note') === '', 'what is so after all is not denied');

  await wall.keyboard.press('c');
  await wall.getByLabel('To', { exact: true }).selectOption('cam-1');
  await named(wall, 'Stand by').click();
  await wall.getByRole('alert').getByText('Nobody is on cam-1: nobody got it.').waitFor();
  await wall.getByLabel('To', { exact: true }).selectOption('');
  await named(wall, 'Send').click();
  await wall.locator('dialog').getByText('Sent to cam-3: Stand by. Nobody is on cam-1, cam-2.').waitFor();
  await lab.shot(wall, 'wall-cue-sent');
  await wall.keyboard.press('Escape');

  await server.stop('SIGKILL');
  await wall.locator('.notice', { hasText: 'cannot be reached' }).waitFor();
  await tile(wall, 'cam-2').locator('.to-program').click();
  await tile(wall, 'cam-3').locator('.to-program').click();
  await tile(wall, 'cam-2').locator('.pending', { hasText: 'Program: waits for the server' }).waitFor();
  await note('cam-2', 'Program was not set: the server is away');
  await has(wall, 'cam-2', 'tally', 'preview');
  // the camera that is connected to this page has it, and it is still owed
  await has(wall, 'cam-3', 'pending', 'program');
  const again = await lab.server({ port: server.port });
  const other = await again.create('demo', names(3));
  await has(wall, 'cam-3', 'tally', 'program');
  await has(wall, 'cam-3', 'pending', '');
  expect((await again.slot(other, 'demo', 'cam-2')).tally !== 'program', 'what was taken back is not set later');
});

test('a sheet that fails half-way shows the codes that are made, and makes the others', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(3));
  let asked = 0;
  const wall = await lab.page(server, `/s/demo#t=${admin}`, LAPTOP, (page) => page.route('**/api/session/demo/token', (route) =>
    route.request().method() === 'POST' && ++asked === 3 ? route.abort() : route.continue()));
  const made = async () => (await server.call('GET', '/api/session/demo/token', undefined, admin)).body.tokens.filter((one) => one.role === 'peer').length;

  await named(wall, 'People').click();
  await wall.getByText('Print a sheet of codes').click();
  const dialog = wall.getByRole('dialog', { name: 'A sheet of codes' });
  await named(dialog, 'Make the codes').click();
  await dialog.getByText('2 of 3 codes are made. Not made: Operator of cam-3.').waitFor();
  expect(await dialog.locator('.card img').count() === 2 && await made() === 2, 'two codes');
  await named(dialog, 'Print these 2').waitFor();
  await lab.shot(wall, 'wall-sheet-half');
  await axe(wall, 'half a sheet');
  await named(dialog, 'Make the missing one').click();
  await dialog.getByText('3 codes.').waitFor();
  expect(await dialog.locator('.card img').count() === 3 && await made() === 3, 'each once');
  expect(await wall.locator('.sheet .card').count() === 3, 'all are printed');
});

test('a device whose clock is wrong shows and gives the right time', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', names(1), { ttl: 7200 });
  const wall = await lab.page(server, `/s/demo#t=${admin}`, DESK, (page) => page.addInitScript(() => {
    const real = Date.now;
    Date.now = () => real() + 3600000;
  }));
  const expires = async () => (await server.call('GET', '/api/session/demo', undefined, admin)).body.expires;
  const before = await expires();

  await until(async () => /ends in 1:59:/.test(await wall.locator('.left').textContent()), 'the time left');
  await named(wall, 'Session').click();
  await named(wall, '30 minutes more').click();
  await wall.getByText(/Extended. It ends in 2 h (29|30) min/).waitFor();
  const after = await expires();
  expect(Math.abs(after - before - 1800) < 20, `${before} became ${after}`);
});

for (const count of [1, 12, 50]) {
  test(`${count} slots are readable on one screen, on a laptop, a desk and a wall`, async (lab) => {
    const server = await lab.server();
    const streams = names(count).map((name, i) => i === 3 ? 'helicopter-downlink-north-2' : name);
    const admin = await server.create('cup-final', streams, { ttl: 20000 });
    const fakes = await crowd(lab, server, 'cup-final', admin, streams);
    const wall = await openWall(lab, server, 'cup-final', admin);

    await fakes.every(1000, true);
    for (const [i, state] of [[0, 'program'], [1, 'preview'], [2, 'program'], [4, 'program']])
      if (streams[i]) await tile(wall, streams[i]).locator(`.to-${state}`).click();
    await wall.waitForTimeout(12000);
    for (const [name, [width, height]] of Object.entries(SIZES)) {
      await wall.setViewportSize({ width, height });
      await wall.waitForTimeout(1200);
      await lab.shot(wall, `wall-${count}-${name}`);
      const lay = await wall.evaluate(() => {
        const grid = document.querySelector('.grid');
        const inside = grid.getBoundingClientRect();
        const tiles = [...document.querySelectorAll('.tile')];
        return { scrolls: grid.scrollHeight > grid.clientHeight + 1, wide: document.documentElement.scrollWidth > innerWidth,
          whole: tiles.every((node) => { const b = node.getBoundingClientRect(); return b.bottom <= inside.bottom && b.right <= inside.right; }),
          cut: tiles.flatMap((node) => [...node.querySelectorAll('td, .health, .buttons button, .way')].filter((cell) =>
            cell.offsetWidth > 0 && cell.scrollWidth > cell.clientWidth + 1).map((cell) => `${node.dataset.stream} ${cell.textContent}`)),
          letters: Math.min(...[...document.querySelectorAll('.tile td')].map((cell) => parseFloat(getComputedStyle(cell).fontSize))) };
      });
      expect(!lay.wide, `${name}: nothing sticks out at the side`);
      expect(lay.cut.length === 0, `${name}: cut off: ${lay.cut.slice(0, 8).join('; ')}`);
      if (name !== 'laptop' || count < 50) expect(!lay.scrolls && lay.whole, `${name}: all on one screen`);
      expect(lay.letters >= (name === 'wall' ? 18 : 9.4), `${name}: letters of ${lay.letters} px`);
      await axe(wall, `${count} slots, ${name}`);
    }
    await fakes.stop();
  });
}

await run();
