// SPDX-License-Identifier: LGPL-2.1-or-later
// The three ways of working (requirement S24) from the first page to the last,
// as people go them: by what they see and press, with real media, in two
// browsers. Run by netns.sh.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, run, test, until } from './lab.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const LAPTOP = { viewport: { width: 1366, height: 768 } };
const DESK = { viewport: { width: 1920, height: 1080 } };
const RED = 'rgb(179, 18, 29)';

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const reads = (page, text) => page.getByText(text).first().waitFor();
const tile = (page, stream) => page.locator(`.tile[data-stream="${stream}"]`);
const frames = (video) => video.evaluate((v) => v.getVideoPlaybackQuality().totalVideoFrames).catch(() => 0);

async function plays(video, what, n = 20) {
  const before = await frames(video);

  await until(async () => await frames(video) >= before + n, what);
}

async function goLive(page) {
  await press(page, 'Set up camera');
  await press(page, 'Go live');
  await page.getByText(/^Live/).first().waitFor();
}

const isRed = (page) => until(() => page.evaluate((red) => getComputedStyle(document.body).backgroundColor === red, RED), 'the page to turn red');

/** What the landing page makes of a name and slots: the wall. */
async function createByHand(lab, server, name, streams) {
  const wall = await lab.page(server, '/', DESK);

  await wall.getByLabel('Name').fill(name);
  await wall.getByLabel('Cameras').fill(streams);
  await press(wall, 'Create the session');
  await wall.waitForURL(`${server.url}/s/${name}`);
  for (const stream of streams.split(' ')) await tile(wall, stream).waitFor();
  return wall;
}

/** A link for a person, as the wall's People give it, read off its code. */
async function invite(lab, wall, label, { stream, role }) {
  await press(wall, 'People');
  const people = wall.getByRole('dialog', { name: 'People' });
  await people.getByLabel('Who').fill(label);
  await people.getByLabel('What they do').selectOption(role);
  await people.getByLabel('Slot').selectOption(stream);
  await press(people, 'Make the link');
  const code = wall.getByRole('dialog', { name: label });
  const picture = join(lab.directory, 'code.png');
  writeFileSync(picture, await code.locator('img').screenshot());
  const url = execFileSync('zbarimg', ['--quiet', '--raw', picture], { encoding: 'utf8' }).trim();
  await wall.keyboard.press('Escape');
  await code.waitFor({ state: 'detached' });
  await wall.keyboard.press('Escape');
  await people.waitFor({ state: 'detached' });
  return url;
}

/** A page in the other browser: what was scanned there. */
async function scan(lab, server, url, options = PHONE) {
  expect(url.startsWith(`${server.url}/s/`), `a code of this server: ${url.split('#')[0]}`);
  return lab.page(server, url.slice(server.url.length), { ...options, browser: await lab.second() });
}

test('single operator: one person makes a session, scans the code, and sees the own phone on the wall', async (lab) => {
  const server = await lab.server();
  const wall = await createByHand(lab, server, 'street-report', 'phone');
  const phone = await scan(lab, server, await invite(lab, wall, 'Robin', { stream: 'phone', role: 'send' }));

  await reads(phone, 'street-report');
  await goLive(phone);
  await plays(tile(wall, 'phone').locator('video'), 'the phone on the wall');
  await reads(phone, 'Live: one viewer is connected.');
  await tile(wall, 'phone').locator('.to-program').click();
  await reads(phone, 'On air');
  await isRed(phone);
  await lab.shot(phone, 'story-single-phone');
  await lab.shot(wall, 'story-single-wall');
  // over: asked once, in words, and everybody is told
  await press(wall, 'Session');
  await press(wall, 'Close the session …');
  await wall.getByText('On program now: phone.').waitFor();
  await press(wall, 'Close it for everybody');
  await reads(phone, 'The session was closed');
  await reads(wall, 'The session was closed');
});

test('multi-operator production: a producer, two camera operators, and an MCR observer who can only watch', async (lab) => {
  const server = await lab.server();
  const wall = await createByHand(lab, server, 'cup-final', 'cam-1 cam-2');
  const links = {};
  for (const stream of ['cam-1', 'cam-2']) links[stream] = await invite(lab, wall, `Operator of ${stream}`, { stream, role: 'send' });
  links.watch = await invite(lab, wall, 'MCR', { stream: '', role: 'receive' });
  const [one, two] = [await scan(lab, server, links['cam-1']), await scan(lab, server, links['cam-2'])];
  const mcr = await scan(lab, server, links.watch, LAPTOP);

  await goLive(one);
  await goLive(two);
  for (const stream of ['cam-1', 'cam-2']) {
    await plays(tile(wall, stream).locator('video'), `${stream} on the wall`);
    await plays(mcr.locator('.slot', { hasText: stream }).locator('video'), `${stream} at the observer's`);
  }
  await tile(wall, 'cam-1').locator('.to-program').click();
  await tile(wall, 'cam-2').locator('.to-preview').click();
  await reads(one, 'On air');
  await reads(two, 'Preview');
  await isRed(one);
  await mcr.locator('.slot[data-tally=program]', { hasText: 'cam-1' }).waitFor();
  await mcr.locator('.slot[data-tally=preview]', { hasText: 'cam-2' }).waitFor();
  await lab.shot(mcr, 'story-multi-observer');
  await lab.shot(wall, 'story-multi-wall');

  // each hears what is meant for them
  await press(wall, 'Cue');
  await wall.getByLabel('To', { exact: true }).selectOption('cam-2');
  await press(wall, 'Stand by');
  await wall.keyboard.press('Escape');
  await reads(two, 'Stand by');
  expect(await one.getByText('Stand by').count() === 0, 'the other one does not');

  // who watches can do no more than that, whatever is tried
  expect(await mcr.getByRole('button', { name: /live|program|preview|stop|revoke/i }).count() === 0, 'nothing to press');
  const token = (url) => new URLSearchParams(new URL(url).hash.slice(1)).get('t');
  const refused = await mcr.evaluate(async (watch) => {
    const { PbSession } = await import('/web/pb-session.js');
    const session = new PbSession({ session: 'cup-final', token: watch });
    const faults = [];
    session.addEventListener('fault', ({ detail }) => faults.push(detail.code));
    session.join();
    await new Promise((done) => { session.addEventListener('session', done, { once: true }); });
    session.setTally('cam-1', 'off');
    const end = session.join({ stream: 'cam-1', direction: 'send' });
    await new Promise((done) => { end.addEventListener('left', done); });
    session.leave();
    return faults;
  }, token(links.watch));
  expect(refused.includes('denied'), `sending is refused: ${refused}`);
  for (const [method, path, body] of [['POST', '/token', { role: 'peer' }], ['GET', '/token'], ['GET', '/connect'], ['PATCH', '', { ttl: 3600 }],
    ['POST', '/stream', { stream: 'mine' }], ['DELETE', '']]) {
    const { status } = await server.call(method, `/api/session/cup-final${path}`, body, token(links.watch));
    expect(status === 403, `${method} ${path}: ${status}`);
  }
  expect((await server.slot(token(links.watch), 'cup-final', 'cam-1')).tally === 'program', 'the tally is the producer’s');

  // one operator's link is taken back: that phone alone is told, and cut off
  await press(wall, 'People');
  await wall.getByRole('button', { name: 'Revoke the link of Operator of cam-2' }).click();
  await wall.getByText('Operator of cam-2 is connected to cam-2 and will be cut off at once.').waitFor();
  await wall.getByRole('alertdialog').getByRole('button', { name: 'Revoke the link of Operator of cam-2' }).click();
  await reads(two, 'This link was withdrawn');
  await until(async () => (await server.slot(token(links.watch), 'cup-final', 'cam-2')).sender === null, 'the slot to be free');
  await plays(mcr.locator('.slot', { hasText: 'cam-1' }).locator('video'), 'the other one, still');
});

test('scan and go: the code is scanned, the phone goes live, a pbsrcsink decodes it, the light turns red', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam-wide']);
  const answer = await fetch(`${server.url}/s/demo/qr?format=png&stream=cam-wide`, { headers: { Authorization: `Bearer ${admin}` } });
  const picture = join(lab.directory, 'qr.png');
  writeFileSync(picture, Buffer.from(await answer.arrayBuffer()));
  const url = execFileSync('zbarimg', ['--quiet', '--raw', picture], { encoding: 'utf8' }).trim();
  const studio = lab.pipeline('studio', `pbsrcsink name=pb direction=receive decode=true uri=pb://127.0.0.1:${server.port}/demo/cam-wide ` +
      'pb.video_src_0 ! queue ! fakesink name=video sync=false async=false pb.audio_src_0 ! queue ! fakesink name=audio sync=false async=false',
  { token: await server.mint(admin, 'demo', 'cam-wide', 'receive'), count: ['video', 'audio'] });
  const phone = await scan(lab, server, url);

  await goLive(phone);
  await studio.more('video', 50);
  await studio.more('audio', 50);
  await reads(phone, 'Live: one viewer is connected.');
  const wall = await lab.page(server, `/s/demo#t=${admin}`, DESK);
  await tile(wall, 'cam-wide').locator('.to-program').click();
  await reads(phone, 'On air');
  await isRed(phone);
  await lab.shot(phone, 'story-scan-phone');
  expect(phone.url() === `${server.url}/s/demo`, 'the token is out of the address');
});

test('the server is killed under a phone and a wall in two browsers: the picture goes on, and all is back with it', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam-wide']);
  const send = await server.mint(admin, 'demo', 'cam-wide', 'send');
  const phone = await scan(lab, server, `${server.url}/s/demo#t=${send}`);
  const wall = await lab.page(server, `/s/demo#t=${admin}`, DESK);
  const video = tile(wall, 'cam-wide').locator('video');

  await goLive(phone);
  await plays(video, 'the picture');
  await tile(wall, 'cam-wide').locator('.to-program').click();
  await isRed(phone);
  await server.stop('SIGKILL');
  await phone.getByText(/server cannot be reached/i).first().waitFor();
  await wall.getByText(/server cannot be reached/i).first().waitFor();
  await plays(video, 'the picture, without a server');
  // tally reaches the phone all the same, from the wall it is connected to
  await tile(wall, 'cam-wide').locator('.to-preview').click();
  await reads(phone, 'Preview');
  const again = await lab.server({ port: server.port });
  await again.create('demo', ['cam-wide']);
  await until(async () => await phone.getByText(/server cannot be reached/i).isVisible() === false, 'the phone to be back');
  await until(async () => (await again.slot(admin, 'demo', 'cam-wide'))?.sender, 'the sender to be back');
  // the light is the wall's again: what it set while the server was away
  await until(async () => (await again.slot(admin, 'demo', 'cam-wide')).tally === 'preview', 'the tally at the server');
  await plays(video, 'the picture, still the same');
});

await run();
