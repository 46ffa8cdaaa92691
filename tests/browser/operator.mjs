// SPDX-License-Identifier: LGPL-2.1-or-later
// The operator's page: every state of it, as a phone upright, a phone on its
// side and a laptop have it, against a real patchbayd. Run by netns.sh.
import { OUTSIDE, axe, expect, run, test, until } from './lab.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const SIZES = { portrait: [390, 844], landscape: [844, 390], laptop: [1366, 768] };
const RECEIVE = 'pbsrcsink name=pb direction=receive decode=true';
const VIDEO_OUT = 'pb.video_src_0 ! queue ! fakesink name=video sync=false async=false';
const AUDIO_OUT = 'pb.audio_src_0 ! queue ! fakesink name=audio sync=false async=false';
const HOSTILE = '<img src=x onerror=document.title=1>';

async function start(lab, slots = ['cam-wide'], options) {
  const server = await lab.server(options);

  return { server, admin: await server.create('demo', slots) };
}

/** The page of a fresh token. */
async function open(lab, { server, admin }, direction = 'send', { stream = 'cam-wide', options = PHONE, mint, token, prepare } = {}) {
  token ??= await server.mint(admin, 'demo', stream, direction, mint);
  const log = [];
  const page = await lab.page(server, `/s/demo#t=${token}`, options, (one) => {
    one.on('console', (message) => log.push(message.text()));
    return prepare?.(one);
  });

  return Object.assign(page, { token, log });
}

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const reads = (page, text) => page.getByText(text).first().waitFor();
const advice = (page, code) => page.locator(`.advice li[data-code="${code}"]`).waitFor();

async function goLive(page) {
  await press(page, 'Set up camera');
  await press(page, 'Go live');
  await page.locator('[data-mode=live] .live .said').filter({ hasText: /^(Live|Waiting)/ }).waitFor();
}

// In a page: cameras that open when they are let, and what they gave.
function holdCameras() {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  let gate = null;

  window.asked = 0;
  window.given = [];
  window.hold = () => {
    gate = new Promise((done) => {
      window.release = () => {
        gate = null;
        done();
      };
    });
  };
  navigator.mediaDevices.getUserMedia = async (what) => {
    window.asked++;
    await gate;
    const media = await real(what);
    window.given.push(...media.getTracks());
    return media;
  };
}

/** Those of `n` tracks at least that were ever opened are all closed. */
const areClosed = (page, n, what) => until(() => page.evaluate((least) => given.length >= least &&
  given.every((track) => track.readyState === 'ended'), n), what);

/** Somebody in the control room, who sees to tally and cues. */
async function room(lab, { server, admin }) {
  const page = await lab.bare(server);

  await page.evaluate((token) => {
    window.session = new PbSession({ session: 'demo', token });
    session.join();
  }, admin);
  await until(() => page.evaluate(() => session.state === 'joined'), 'the control room');
  return { tally: (state, stream = 'cam-wide') => page.evaluate(([s, t]) => session.setTally(s, t), [stream, state]),
    cue: (text, stream = 'cam-wide') => page.evaluate(([s, t]) => session.cue(s, t), [stream, text]) };
}

/** Looked at in every size: a picture, axe-core, and nothing cut off. */
async function look(lab, page, name) {
  const before = page.viewportSize();

  for (const [size, [width, height]] of Object.entries({ narrow: [320, 640], ...SIZES })) {
    await page.setViewportSize({ width, height });
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide <= width, `${name}, ${size}: ${wide} wide, nothing is cut off at the side`);
    const small = await page.evaluate(() => [...document.querySelectorAll('button, a, select, summary, .choice')]
        .map((node) => [node, node.getBoundingClientRect()]).filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44))
        .map(([node, box]) => `${node.textContent.slice(0, 30)} ${box.width}x${box.height}`));
    expect(small.length === 0, `${name}, ${size}: a finger finds it: ${small}`);
    if (size === 'narrow') continue;
    await lab.shot(page, `operator-${name}-${size}`);
    if (size !== 'landscape') await axe(page, `${name}, ${size}`);
  }
  await page.setViewportSize(before);
}

// Whatever a page was given, none of it may be where it can be read later.
async function keepsNothing(page) {
  const kept = await page.evaluate(() => [document.documentElement.outerHTML, document.title, location.href,
    JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie, JSON.stringify(history.state)].join('\n')) + page.log.join('\n');

  expect(!kept.includes(page.token.slice(2, 20)), 'the page does not hold its token');
  expect(/\/s\/[a-z]+$/.test(page.url()), page.url());
}

test('choose, look, go live, stop: a real receiver decodes what the phone sends', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await page.getByRole('button', { name: 'Set up camera' }).waitFor();
  await look(lab, page, 'idle');
  await press(page, 'Set up camera');
  await page.getByRole('button', { name: 'Go live' }).waitFor();
  await until(async () => await page.getByLabel('Camera', { exact: true }).locator('option').count() >= 1, 'it names the cameras');
  await reads(page, 'Sound comes in.');
  const meter = page.getByRole('meter');
  await until(async () => Number(await meter.getAttribute('aria-valuenow')) > 20, 'the level of the microphone');
  expect((await it.server.slot(it.admin, 'demo', 'cam-wide')).sender === null, 'nothing is sent before');
  await look(lab, page, 'ready');
  await press(page, 'Go live');
  await reads(page, 'Live. Nobody is watching yet.');
  await look(lab, page, 'alone');

  const studio = lab.pipeline('studio', `${RECEIVE} uri=pb://127.0.0.1:${it.server.port}/demo/cam-wide ${VIDEO_OUT} ${AUDIO_OUT}`,
      { token: await it.server.mint(it.admin, 'demo', 'cam-wide', 'receive'), count: ['video', 'audio'] });
  await studio.more('video', 30);
  await studio.more('audio', 30);
  await reads(page, 'Live: one viewer is connected.');
  await advice(page, 'good');
  await look(lab, page, 'live');

  // another camera, another size, silence: the same connection goes on
  const camera = () => page.evaluate(() => document.querySelector('.preview').srcObject.getVideoTracks()[0]?.label);
  const first = await camera();
  await press(page, 'Other camera');
  await until(async () => ![undefined, first].includes(await camera()), 'the other camera');
  await press(page, 'Settings');
  await page.getByLabel('Camera', { exact: true }).selectOption({ label: first });
  await until(async () => await camera() === first, 'the first camera again');
  await page.getByRole('radio', { name: /360p/ }).check();
  await until(() => page.evaluate(() => document.querySelector('.preview').videoHeight === 360), 'the other size');
  await look(lab, page, 'settings');
  await press(page, 'Settings');
  await press(page, 'Mute');
  await advice(page, 'sound-muted');
  await press(page, 'Unmute');
  await studio.more('video', 30);
  const there = studio.events().filter((e) => e.event === 'message' && e.name === 'pb-peer');
  expect(there.filter((e) => e.fields.state === 'connecting').length <= 1, 'nobody was disconnected');

  await page.getByText('Options and numbers').click();
  await until(async () => /Mbit\/s|kbit\/s/.test(await page.locator('.numbers').first().innerText()), 'numbers');
  await look(lab, page, 'numbers');
  // nothing moves while figures come in, nor with what is said of them
  const high = await page.evaluate(async () => {
    const { advise } = await import('/web/page-advice.js');
    const up = { role: 'camera', isLive: true, links: ['connected'], connectedMs: 60000, videoBps: 2500000 };
    const item = document.querySelector('.advice li');
    const top = () => document.querySelector('.tools').getBoundingClientRect().top;
    const was = [item.className, item.textContent, top()];
    const found = [{}, { told: [{}] }, { told: [{ drop: 1 }] }, { told: [{ loss: 5 }] }, { told: [{ rtt: 400 }] }, { told: [{ froze: true }] },
      { told: [{ stale: true }] }, { links: ['interrupted'] }, { sound: 'paused' }, { sound: 'silent' },
      { sent: { bitrate: 1000, bandwidth: 1000 } }, { sent: { limit: 'cpu' } }].map((facts) => {
      const [{ level, text }] = advise({ ...up, ...facts });
      [item.className, item.textContent] = [level, text];
      return [text, top()];
    });
    [item.className, item.textContent] = was;
    return found.filter(([, at]) => at !== was[2]).map(([text, at]) => `${was[2]} to ${at}: ${text}`);
  });
  expect(high.length === 0, `no sentence moves a button: ${high.join('\n')}`);
  const moved = await page.evaluate(() => new Promise((done) => {
    const moves = [];
    const changes = [];
    const place = ({ node, previousRect: was, currentRect: is }) =>
      `${node?.className || node?.nodeName}: ${was.x},${was.y} ${was.width}x${was.height} to ${is.x},${is.y} ${is.width}x${is.height}`;
    // several sentences may take more room
    const count = () => document.querySelectorAll('.advice li').length;
    let before = count();
    new MutationObserver(() => {
      if (Math.max(before, count()) > 1) changes.push(performance.now());
      before = count();
    }).observe(document.querySelector('.advice'), { childList: true });
    new PerformanceObserver((list) => { moves.push(...list.getEntries()); }).observe({ type: 'layout-shift' });
    setTimeout(() => done(moves.filter((move) => !move.hadRecentInput &&
      !changes.some((at) => move.startTime >= at && move.startTime < at + 500))
        .map(({ value, sources }) => `${value.toFixed(4)} ${sources.map(place).join('; ')}`)), 11000);
  }));
  expect(moved.length === 0, `it moved: ${moved.join('\n')}`);
  await keepsNothing(page);
  await press(page, 'Stop');
  await reads(page, 'Preview: nothing is sent yet');
  await until(async () => (await it.server.slot(it.admin, 'demo', 'cam-wide')).sender === null, 'the slot to be free');
  await press(page, 'Camera off');
  await until(async () => await page.evaluate(() => document.querySelector('.preview').srcObject.getTracks().length) === 0, 'the camera is off');
});

test('tally fills the page, in colour, frame and word; cues stand on top; on air, Stop asks once', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await goLive(page);
  const control = await room(lab, it);
  // it shakes for who wants it to, and for nobody else
  await page.evaluate(() => {
    window.shaken = [];
    navigator.vibrate = (pattern) => window.shaken.push(pattern);
  });
  await control.tally('preview');
  await page.locator('body[data-tally=preview]').waitFor();
  await control.tally('off');
  await page.locator('body[data-tally=off]').waitFor();
  expect(await page.evaluate(() => window.shaken.length) === 0, 'not by itself');
  await page.getByText('Options and numbers').click();
  await page.getByLabel(/^Vibrate/).check();
  await page.getByText('Options and numbers').click();
  for (const [state, colour, word, border, title] of [
    ['preview', 'rgb(11, 107, 52)', 'Preview', 'dashed', 'PREVIEW – cam-wide'],
    ['program', 'rgb(179, 18, 29)', 'On air', 'solid', 'ON AIR – cam-wide']]) {
    await control.tally(state);
    await page.locator(`body[data-tally=${state}] .light`).filter({ hasText: word }).waitFor();
    await until(() => page.evaluate((c) => getComputedStyle(document.body).backgroundColor === c, colour), `${state} is ${colour}`);
    await until(async () => await page.evaluate(() => getComputedStyle(document.body, '::after').borderTopStyle) === border, `${state} has its frame`);
    expect(await page.title() === title, await page.title());
    await until(async () => await page.locator('#said').textContent() === `${word}.`, 'it is said');
    const tall = await page.locator('.light').evaluate((node) => parseFloat(getComputedStyle(node).fontSize));
    expect(tall > 55, `it is read from afar: ${tall}`);
    await look(lab, page, state);
  }
  await until(async () => await page.evaluate(() => JSON.stringify(window.shaken)) === '[[80],[80,80,80],[400]]', 'once as it is switched on, then with the tally');
  await control.cue('Stand by, camera 2');
  await page.locator('.cues .now').filter({ hasText: 'Stand by, camera 2' }).waitFor();
  await until(async () => await page.locator('#said').textContent() === 'Cue: Stand by, camera 2', 'the cue is said');
  await control.cue(HOSTILE);
  await page.locator('.cues .now').filter({ hasText: HOSTILE }).waitFor();
  await reads(page, 'Earlier cues (1)');
  await control.cue('Zoom in slowly on the singer, then hold until I say so');
  await page.locator('.cues .now').filter({ hasText: 'Zoom in' }).waitFor();
  await look(lab, page, 'cue');
  await until(async () => await page.locator('.cues img').count() === 0 && await page.title() === 'ON AIR – cam-wide', 'text is text');
  await press(page, 'Got it');
  await page.getByText('Earlier cues (3)').click();
  await look(lab, page, 'cues');

  await until(async () => {
    await press(page, 'Stop');
    return page.getByText('You are on air. Stop anyway?').isVisible();
  }, 'the question');
  await look(lab, page, 'ask');
  await press(page, 'Stay live');
  expect((await it.server.slot(it.admin, 'demo', 'cam-wide')).sender !== null, 'it goes on');
  await press(page, 'Stop');
  await page.getByRole('dialog').getByRole('button', { name: 'Stop', exact: true }).click();
  await reads(page, 'Preview: nothing is sent yet');
});

test('a viewer sees pictures, tally and health of every slot, and has nothing to press wrong', async (lab) => {
  const it = await start(lab, ['cam-wide', 'cam-close', 'stage']);
  const phone = await open(lab, it);

  await goLive(phone);
  const page = await open(lab, it, 'receive', { stream: null, options: { viewport: { width: 1366, height: 768 } } });
  const picture = page.locator('.slot', { hasText: 'cam-wide' }).locator('video');
  await until(() => picture.evaluate((v) => v.getVideoPlaybackQuality().totalVideoFrames > 20).catch(() => false), 'a picture');
  const control = await room(lab, it);
  await control.tally('program');
  await control.tally('preview', 'stage');
  await page.locator('.slot[data-tally=program]', { hasText: 'cam-wide' }).getByText('On air').waitFor();
  await page.locator('.slot[data-tally=preview]', { hasText: 'stage' }).waitFor();
  await control.cue('Standby all', 'stage');
  await reads(page, 'stage: Standby all');
  await page.locator('.slot', { hasText: 'cam-wide' }).locator('.advice li.good').waitFor();
  await look(lab, page, 'viewer');
  expect(await page.getByRole('button', { name: /live|stop|mute/i }).count() === 0, 'no control of anything');

  const one = await open(lab, it, 'receive');
  await until(() => one.locator('video').evaluate((v) => v.getVideoPlaybackQuality().totalVideoFrames > 20).catch(() => false), 'its picture');
  await one.locator('body[data-tally=program]').waitFor();
  await look(lab, one, 'viewer-one');

  const observer = await open(lab, it, 'observe', { stream: null });
  await observer.locator('.slot[data-tally=program]').waitFor();
  await look(lab, observer, 'observer');
  expect(await observer.locator('video').count() === 0, 'an observer is sent no picture');
});

// --- an encoder of one's own -------------------------------------------------

// A server whose answer is known to the letter; all else is the real one's.
const answering = (reply) => async (page) => {
  await page.routeWebSocket(/\/api\/ws\//, (socket) => {
    const server = socket.connectToServer();

    socket.onMessage((text) => {
      const message = JSON.parse(text);
      const answer = message.type === 'strings' && reply(message);
      if (answer) socket.send(JSON.stringify({ type: 'strings', id: message.id, peer: message.peer, stream: 'cam-wide', ...answer }));
      else server.send(text);
    });
    page.hear = (message) => socket.send(JSON.stringify(message));
  });
};

const PASSPHRASE = 'q7Xw2LkT9sVb4NcR8mHd6ZfJ1pYg3QaE';
const WAYS = [
  { client: 'ffmpeg', mode: 'caller', works: true, string: `ffmpeg -re -i input.mp4 -c copy -f mpegts "srt://203.0.113.9:20000?mode=caller&passphrase=${PASSPHRASE}"` },
  { client: 'obs', mode: 'caller', works: true, string: `srt://203.0.113.9:20000?mode=caller&latency=200000&passphrase=${PASSPHRASE}&pbkeylen=32&streamid=demo/cam-wide`,
    note: 'Settings, Stream: Service “Custom…”, this as Server, Stream Key empty.' },
  { client: 'vmix', mode: 'caller', works: true, note: 'Settings, Outputs / NDI / OMT / SRT: the gear of an output, SRT on.',
    string: `Type: Caller\nHostname: 203.0.113.9\nPort: 20000\nLatency: 200\nPassphrase: ${PASSPHRASE}\nKey Length: 32` },
  { client: 'larix', mode: 'caller', works: true, string: `larix://set/v1?conn[][url]=srt%3A%2F%2F203.0.113.9%3A20000&conn[][srtpass]=${PASSPHRASE}`,
    note: 'Open this link on the phone: it holds the passphrase.',
    qr: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29"><path fill="#000" d="M4 4h7v7h-7zM18 4h7v7h-7zM4 18h7v7h-7zM14 14h3v3h-3z"/></svg>' },
  { client: 'gstreamer', mode: 'caller', works: false, note: `It cannot ${HOSTILE}.` },
  { client: 'whip', mode: 'whip', works: true, string: 'URL: https://example.org/whip/demo/cam-wide\nBearer Token: p_abc.def', note: 'Send H.264 without B-frames, or VP8, and Opus.' },
];

test('my encoder: strings when somebody asks, with copying, and gone when folded', async (lab) => {
  const it = await start(lab);
  let ready = false;
  let asked = 0;
  const page = await open(lab, it, 'send', { prepare: answering(({ direction }) => {
    asked++;
    expect(direction === 'send', direction);
    return { direction, ready, note: ready ? undefined : 'Start pbsrtbin at the other end first.',
      strings: ready ? WAYS : WAYS.map((row) => ({ ...row, string: row.string?.replace('203.0.113.9', 'ADDRESS') })) };
  }) });

  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Use my encoder' }).waitFor();
  expect(asked === 0, 'it does not ask before a person does');
  await press(page, 'Use my encoder');
  await reads(page, 'Start pbsrtbin at the other end first.');
  await page.getByText('FFmpeg', { exact: true }).click();
  await page.locator('details[open] .wait').getByText('ADDRESS stands for').waitFor();
  await look(lab, page, 'encoder-wait');

  // the other end comes, and what is shown follows; what was open stays open
  ready = true;
  await it.server.mint(it.admin, 'demo', 'cam-wide', 'receive').then((token) => lab.bare(it.server).then((viewer) =>
    viewer.evaluate((t) => { window.session = new PbSession({ session: 'demo', token: t }); session.join({ stream: 'cam-wide', direction: 'receive' }); }, token)));
  await reads(page, 'The control room’s end is ready.');
  await page.locator('details[data-client=ffmpeg][open]').waitFor();
  expect(!await page.locator('.ways').innerText().then((text) => text.includes('ADDRESS')), 'no word of it any more');
  await page.getByRole('button', { name: 'Copy string for FFmpeg' }).click();
  await page.getByText('Copied', { exact: true }).waitFor();
  await until(async () => await page.locator('#said').textContent() === 'Copied: string for FFmpeg.', 'it is said');
  await until(async () => await page.evaluate(() => navigator.clipboard.readText()) === WAYS[0].string, 'on the clipboard, to the letter');
  await page.getByText('vMix', { exact: true }).click();
  await page.getByRole('button', { name: 'Copy Passphrase for vMix' }).click();
  await until(() => page.evaluate(() => navigator.clipboard.readText()).then((text) => text === PASSPHRASE), 'one field alone');
  await look(lab, page, 'encoder-vmix');
  await page.getByText('Larix Broadcaster', { exact: true }).click();
  await until(async () => await page.getByRole('link', { name: 'Open Larix' }).getAttribute('href') === WAYS[3].string, 'the link');
  await until(() => page.locator('img.qr').evaluate((img) => img.complete && img.naturalWidth > 0), 'the QR code is a picture');
  await look(lab, page, 'encoder-larix');
  await page.getByText('GStreamer', { exact: true }).click();
  await reads(page, `It cannot ${HOSTILE}.`);
  expect(await page.locator('.way img:not(.qr)').count() === 0, 'text is text');
  await page.getByText('OBS Studio', { exact: true }).click();
  await page.evaluate(() => scrollTo(0, 0));
  await look(lab, page, 'encoder');

  // a page that may not write to the clipboard tries the old way
  await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError')); });
  await page.getByRole('button', { name: 'Copy string for OBS Studio' }).click();
  await until(() => page.evaluate(() => navigator.clipboard.readText()).then((text) => text === WAYS[1].string), 'the old way');

  const asks = asked;
  await press(page, 'Use my encoder');
  const html = await page.content();
  expect(!html.includes(PASSPHRASE) && !html.includes('203.0.113.9') && !html.includes('larix://'), 'the passphrase is gone from the page');
  await keepsNothing(page);
  await new Promise((done) => { setTimeout(done, 2000); });
  expect(asked === asks, 'folded, it asks no more');
});

test('my encoder, by the server itself: ready once a receiver is there, with a QR code for Larix', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await press(page, 'Use my encoder');
  await reads(page, 'SRT: the other end is not there yet.');
  lab.pipeline('studio', `pbsrtbin uri=pb://127.0.0.1:${it.server.port}/demo/cam-wide local-address=127.0.0.1 ! fakesink`,
      { token: await it.server.mint(it.admin, 'demo', 'cam-wide', 'receive') });
  await reads(page, 'The control room’s end is ready.');
  for (const [client, name] of [['obs', 'OBS Studio'], ['vmix', 'vMix'], ['ffmpeg', 'FFmpeg'], ['gstreamer', 'GStreamer'],
    ['srt-live-transmit', 'srt-live-transmit']]) {
    await page.locator(`details[data-client="${client}"]`).getByText(name, { exact: true }).first().click();
    await until(async () => await page.locator(`details[data-client="${client}"][open] code`).count() > 0, client);
  }
  await page.locator('details[data-client=obs-whip]').getByText('not here').click();
  await page.locator('details[data-client=obs-whip] .note').getByText('speaks SRT only').waitFor();
  await page.locator('details[data-client=larix] summary').click();
  expect(/^larix:\/\/set/.test(await page.getByRole('link', { name: 'Open Larix' }).getAttribute('href')), 'the link');
  await until(() => page.locator('img.qr').evaluate((img) => img.complete && img.naturalWidth > 0), 'the QR code');
  await look(lab, page, 'encoder-real');
  const { body } = await it.server.call('GET', '/api/session/demo/connect?stream=cam-wide', undefined, it.admin);
  expect((await page.content()).includes(body.streams[0].passphrase), 'the passphrase, since a person asked');
  await press(page, 'Use my encoder');
  expect(!(await page.content()).includes(body.streams[0].passphrase), 'and gone');
  await keepsNothing(page);

  const viewer = await open(lab, it, 'receive', { stream: null });
  await press(viewer, 'Use my player');
  await viewer.locator('details[data-client=ffmpeg] summary').click();
  await viewer.locator('details[data-client=ffmpeg] code').getByText('ffmpeg -i').waitFor();
  await look(lab, viewer, 'player');
  await until(async () => await viewer.locator('.slot').count() === 1, 'the slots stand as they were');
});

test('my encoder, while the server is away or says no: in words', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await page.getByRole('button', { name: 'Use my encoder' }).waitFor();
  await it.server.stop('SIGKILL');
  await reads(page, 'The server cannot be reached.');
  await press(page, 'Use my encoder');
  await page.locator('.ways .problem').getByText('The server cannot be reached').waitFor();
  await look(lab, page, 'encoder-away');
});

// --- what goes wrong ---------------------------------------------------------

test('each end of the page says what happened and what to do', async (lab) => {
  const it = await start(lab);
  const admin = await it.server.create('other', ['cam-wide']);
  // of before the server was started again
  const gone = async () => {
    const before = await lab.server();
    const token = await before.mint(await before.create('gone', ['cam-wide']), 'gone', 'cam-wide', 'send');
    const page = await lab.page(it.server, `/s/gone#t=${token}`, PHONE);
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    return Object.assign(page, { token, log: [] });
  };
  const broken = (await it.server.mint(it.admin, 'demo', 'cam-wide', 'send')).replace(/.$/, (c) => c === 'A' ? 'E' : 'A');
  const cases = [
    ['missing', () => lab.page(it.server, '/s/demo', PHONE), 'This page needs its whole link', 'Scan the code again'],
    ['wrong', () => open(lab, it, 'send', { token: broken }), 'This link does not work', 'Ask whoever gave you the link'],
    ['nonsense', () => open(lab, it, 'send', { token: 'p_nonsense' }), 'This link does not work', 'Ask whoever gave you the link'],
    ['foreign', async () => open(lab, it, 'send', { token: await it.server.mint(admin, 'other', 'cam-wide', 'send') }),
      'This link is for another session', 'It opens the session “other”, and this is “demo”.'],
    ['unknown', () => gone(), 'There is no such session now', 'Ask whoever gave you the link whether it goes on'],
    ['expired', () => open(lab, it, 'send', { mint: { ttl: 10 } }), 'This link has expired', 'Ask whoever gave you the link'],
  ];

  for (const [name, load, title, text] of cases) {
    const page = await load();
    await page.getByRole('heading', { name: title }).waitFor();
    await reads(page, text);
    if (['missing', 'foreign', 'unknown', 'expired'].includes(name)) await look(lab, page, `end-${name}`);
    if (page.token) await keepsNothing(page);
  }
  for (const [reason, title] of [['token-revoked', 'This link was withdrawn'], ['session-closed', 'The session was closed'],
    ['session-expired', 'The session has ended']]) {
    const page = await open(lab, it, 'send', { prepare: answering(() => null) });
    await goLive(page);
    page.hear({ type: 'closed', reason });
    await page.getByRole('heading', { name: title }).waitFor();
    await until(() => page.evaluate(() => !document.body.dataset.tally && document.querySelectorAll('video').length === 0), 'no light, no picture');
    await look(lab, page, `end-${reason}`);
  }
});

test('a token that expires while live ends it in words, after a warning', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it, 'send', { mint: { ttl: 15 } });

  await goLive(page);
  await reads(page, 'Your link ends in less than 5 minutes.');
  await look(lab, page, 'soon');
  await page.getByRole('heading', { name: 'This link has expired' }).waitFor();
  await keepsNothing(page);
});

test('a session that ends soon says so; one that is extended takes it back', async (lab) => {
  const it = await start(lab);
  const short = await it.server.call('POST', '/api/session', { name: 'short', streams: ['cam-wide'], ttl: 60 });
  const token = await it.server.mint(short.body.token, 'short', 'cam-wide', 'send');
  const page = await lab.page(it.server, `/s/short#t=${token}`, PHONE, answering(() => null));

  await reads(page, 'The session ends in less than 5 minutes.');
  page.hear({ type: 'session', session: 'short', state: 'WAITING', expires: Math.floor(Date.now() / 1000) + 7200, streams: [] });
  await until(async () => !await page.getByText('less than 5 minutes').isVisible(), 'the warning to go');
  await reads(page, /^1:59:\d\d left$/);
});

test('the camera is refused, busy, missing: what to do, and again', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await page.getByRole('button', { name: 'Set up camera' }).waitFor();
  await page.evaluate(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.failing = 'NotAllowedError';
    navigator.mediaDevices.getUserMedia = (what) => window.failing && (window.failing !== 'NotFoundError' || what.audio)
      ? Promise.reject(new DOMException('no', window.failing)) : real(what);
  });
  await press(page, 'Set up camera');
  await reads(page, 'The camera or microphone was not allowed.');
  await look(lab, page, 'refused');
  await page.evaluate(() => { window.failing = 'NotReadableError'; });
  await press(page, 'Set up camera');
  await reads(page, 'in use by another program');
  // no microphone is no reason to stay away
  await page.evaluate(() => { window.failing = 'NotFoundError'; });
  await press(page, 'Set up camera');
  await reads(page, 'No microphone: you send a picture only.');
  await until(async () => await page.getByText('in use by another').count() === 0, 'the fault is gone');
  await press(page, 'Go live');
  await advice(page, 'sound-none');
});

test('a camera that opens after it was given up is closed at once, and is not asked for again', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it, 'send', { prepare: (one) => one.addInitScript(holdCameras) });

  // while it is chosen
  await press(page, 'Set up camera');
  await page.getByRole('button', { name: 'Go live' }).waitFor();
  await page.evaluate(() => hold());
  await press(page, 'Other camera');
  await until(() => page.evaluate(() => asked === 2), 'the other camera to be asked for');
  await press(page, 'Camera off');
  await page.getByRole('button', { name: 'Set up camera' }).waitFor();
  await page.evaluate(() => release());
  await areClosed(page, 3, 'both are closed');

  // while live
  await goLive(page);
  await page.evaluate(() => hold());
  await press(page, 'Other camera');
  await until(() => page.evaluate(() => asked === 4), 'the other camera once more');
  await until(async () => {
    await press(page, 'Stop');
    return page.getByRole('button', { name: 'Set up camera' }).isVisible();
  }, 'the stop');
  await page.evaluate(() => release());
  await areClosed(page, 6, 'all are closed');
  expect(await page.locator('[data-mode=idle] .problem').textContent() === '', 'and nothing is wrong');

  // and at the end: of a preview, and of one that is about to open
  for (const isOpen of [true, false]) {
    const other = await open(lab, it, 'send', { prepare: async (one) => {
      await one.clock.install();
      await one.addInitScript(holdCameras);
      await answering(() => null)(one);
    } });
    await other.getByRole('button', { name: 'Set up camera' }).waitFor();
    if (!isOpen) await other.evaluate(() => hold());
    await press(other, 'Set up camera');
    await until(() => other.evaluate((n) => asked === 1 && given.length === n, isOpen ? 2 : 0), 'the camera to be asked for');
    other.hear({ type: 'closed', reason: 'session-closed' });
    await other.getByRole('heading', { name: 'The session was closed' }).waitFor();
    if (!isOpen) await other.evaluate(() => release());
    await areClosed(other, 2, 'it is closed');
    await other.clock.fastForward(30000);
    await other.clock.fastForward(30000);
    expect(await other.evaluate(() => asked === 1 && !document.body.dataset.mode), 'it stays closed');
  }
});

test('a camera that never answers holds up nothing: words, another attempt, or none', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it, 'send', { prepare: async (one) => {
    await one.clock.install();
    await one.addInitScript(holdCameras);
  } });

  await page.getByRole('button', { name: 'Set up camera' }).waitFor();
  await page.evaluate(() => hold());
  await press(page, 'Set up camera');
  await page.getByRole('button', { name: 'Allow the camera …' }).waitFor();
  await page.clock.fastForward(21000);
  await reads(page, 'The camera does not answer. Look for a question of the browser');
  await look(lab, page, 'no-answer');
  await press(page, 'Camera off');
  await page.getByRole('button', { name: 'Set up camera' }).waitFor();
  expect(await page.getByText('does not answer').count() === 0, 'nobody waits for it');
  // a second question, while the first is still open
  const first = await page.evaluateHandle(() => window.release);
  await page.evaluate(() => hold());
  await press(page, 'Set up camera');
  await until(() => page.evaluate(() => asked === 2), 'the second question');
  const second = await page.evaluateHandle(() => window.release);
  await page.clock.fastForward(21000);
  await reads(page, 'The camera does not answer.');
  await second.evaluate((release) => release());
  await page.getByRole('button', { name: 'Go live' }).waitFor();
  expect(await page.getByText('does not answer').count() === 0, 'it did answer');
  await first.evaluate((release) => release());
  await until(() => page.evaluate(() => given.length === 4 && given.slice(2).every((track) => track.readyState === 'ended') &&
    given.slice(0, 2).every((track) => track.readyState === 'live')), 'the late one is closed, the other stays');
  // the same while live, with what there is to press then
  await press(page, 'Go live');
  await reads(page, 'Live. Nobody is watching yet.');
  await page.evaluate(() => hold());
  await press(page, 'Other camera');
  await until(() => page.evaluate(() => asked === 3), 'the other camera');
  await page.clock.fastForward(21000);
  await reads(page, 'The camera does not answer.');
  const third = await page.evaluateHandle(() => window.release);
  await page.evaluate(() => hold());
  await page.evaluate(() => release());
  await press(page, 'Restart camera');
  await until(() => page.evaluate(() => given.length === 6), 'the camera again');
  await third.evaluate((release) => release());
  await until(() => page.evaluate(() => given.length === 7 && given[6].readyState === 'ended' &&
    document.querySelector('.preview').srcObject.getTracks().every((track) => track.readyState === 'live')), 'it is open, and the late one closed');
  await reads(page, 'This is what you send');
});

test('live is what the server knows: before, it connects', async (lab) => {
  const it = await start(lab);
  const held = [];
  let pass = null;
  const page = await open(lab, it, 'send', { prepare: (one) => one.routeWebSocket(/\/api\/ws\//, (socket) => {
    const server = socket.connectToServer();

    pass = () => held.splice(0).forEach((text) => server.send(text));
    socket.onMessage((text) => {
      const { type, direction } = JSON.parse(text);
      if (type === 'register' && direction === 'send') held.push(text);
      else server.send(text);
    });
  }) });

  await press(page, 'Set up camera');
  await press(page, 'Go live');
  await reads(page, 'Connecting to the server …');
  await advice(page, 'joining');
  await until(() => held.length > 0, 'it asks');
  await look(lab, page, 'joining');
  expect(await page.locator('.live .span').textContent() === '' && await page.getByText('This is what you send').count() === 0, 'it does not count');
  pass();
  await reads(page, 'Live. Nobody is watching yet.');
  await advice(page, 'alone');
  await it.server.stop('SIGKILL');
  await reads(page, 'Connecting to the server …');
});

test('a page that sends asks before it is loaded again; so does the wall, and neither once it is over', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);
  const wall = await lab.page(it.server, `/s/demo#t=${it.admin}`, { viewport: { width: 1366, height: 768 } });
  const asked = [];

  for (const one of [page, wall]) {
    one.on('dialog', (dialog) => {
      asked.push(dialog.type());
      dialog.dismiss();
    });
  }
  const reload = (one) => one.evaluate(() => { setTimeout(() => location.reload()); });
  await goLive(page);
  await reload(page);
  await until(() => `${asked}` === 'beforeunload', 'the question');
  await reads(page, 'Live. Nobody is watching yet.');
  // a pull at the top does not load it anew
  for (const node of ['documentElement', 'body'])
    expect(await page.evaluate((name) => getComputedStyle(document[name]).overscrollBehaviorY, node) === 'none', node);
  await wall.locator('[data-stream], .tile').first().click();
  await reload(wall);
  await until(() => asked.length === 2, 'the question of the wall');
  await it.server.call('DELETE', '/api/session/demo', undefined, it.admin);
  for (const [one, text] of [[page, 'You can close this page'], [wall, 'The session was closed']]) {
    await reads(one, text);
    await reload(one);
    await reads(one, /needs its whole link/);
  }
  expect(asked.length === 2, `asked for nothing: ${asked}`);
});

test('the session ends while it asks whether to stop: the question goes', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await goLive(page);
  await (await room(lab, it)).tally('program');
  await page.locator('body[data-tally=program]').waitFor();
  await until(async () => {
    await press(page, 'Stop');
    return page.getByRole('dialog').isVisible();
  }, 'the question');
  await it.server.call('DELETE', '/api/session/demo', undefined, it.admin);
  await page.getByRole('heading', { name: 'The session was closed' }).waitFor();
  await until(() => page.evaluate(() => document.querySelectorAll('dialog').length === 0 &&
    document.activeElement === document.querySelector('.over h2')), 'the question to go');
});

test('a part of the page that does not come is asked for again, in words', async (lab) => {
  const it = await start(lab);
  let failed = 0;
  const page = await open(lab, it, 'send', { prepare: (one) => one.route('**/web/page-camera.js*', (route) => {
    failed++;
    return failed <= 2 ? route.abort() : route.continue();
  }) });

  await reads(page, 'A part of this page did not come. Trying again …');
  expect(!page.url().includes('#'), 'the token is not in the address meanwhile');
  await page.getByRole('button', { name: 'Set up camera' }).waitFor();
  await reads(page, 'Connected');
  await keepsNothing(page);
});

test('the screen may go dark: that is said beside the switch', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it, 'send', { prepare: (one) => one.addInitScript(() => {
    window.isRefused = true;
    window.locks = [];
    Object.defineProperty(navigator, 'wakeLock', { value: { request: async () => {
      if (window.isRefused) throw new DOMException('no', 'NotAllowedError');
      const lock = Object.assign(new EventTarget(), { released: false, release() {
        this.released = true;
        this.dispatchEvent(new Event('release'));
      } });
      window.locks.push(lock);
      return lock;
    } } });
  }) });
  const said = page.getByText('does not let the page keep the screen on');

  await page.getByText('Options and numbers').click();
  await said.waitFor();
  await look(lab, page, 'dark');
  await page.evaluate(() => {
    window.isRefused = false;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await said.waitFor({ state: 'hidden' });
  // a phone that saves its battery takes it back
  await page.evaluate(() => window.locks[0].release());
  await said.waitFor();
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await said.waitFor({ state: 'hidden' });
  expect(await page.evaluate(() => window.locks.length) === 2, 'once each');
  await page.getByLabel('Keep the screen on').uncheck();
  expect(await page.evaluate(() => window.locks.every((lock) => lock.released)) && !await said.isVisible(), 'nobody wants it');
});

test('a fault and the figures of a viewer go with the viewer', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);
  const viewer = await open(lab, it, 'receive');
  const arrives = page.locator('.numbers', { hasText: 'What arrives there' });

  await goLive(page);
  await advice(page, 'good');
  await page.getByText('Options and numbers').click();
  await until(async () => /bit\/s/.test(await arrives.innerText()), 'figures of the viewer');

  // another one, that nothing leads to
  const lost = await lab.bare(it.server);
  await lost.evaluate((token) => {
    window.session = new PbSession({ session: 'demo', token, iceTransportPolicy: 'relay' });
    session.join({ stream: 'cam-wide', direction: 'receive' });
  }, it.admin);
  await page.locator('.panel > .problem').filter({ hasText: /\w/ }).waitFor();
  await lost.evaluate(() => session.leave());
  await page.locator('.panel > .problem').waitFor({ state: 'hidden' });

  await viewer.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide')));
  await reads(page, 'Live. Nobody is watching yet.');
  await until(async () => !/bit\/s/.test(await arrives.innerText()), 'no figures of those who have gone');
});

test('a picture that nobody sees for long is let go of, and comes back', async (lab) => {
  const it = await start(lab);
  const phone = await open(lab, it);

  await goLive(phone);
  const page = await open(lab, it, 'receive', { prepare: (one) => one.clock.install() });
  const plays = () => page.locator('video').evaluate((v) => v.getVideoPlaybackQuality().totalVideoFrames > 15).catch(() => false);
  const receivers = async () => (await it.server.slot(it.admin, 'demo', 'cam-wide')).receivers.length;
  const hide = (isHidden) => page.evaluate((is) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: is });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);

  await until(plays, 'a picture');
  // who listens is there
  await press(page, 'Sound on');
  await hide(true);
  await page.clock.fastForward(70000);
  expect(await page.locator('video').evaluate((v) => !v.hidden), 'it goes on for the ear');
  await hide(false);
  await press(page, 'Sound off');
  await hide(true);
  await page.clock.fastForward(70000);
  await until(async () => await receivers() === 0, 'it is let go of');
  await hide(false);
  await until(async () => await receivers() === 1, 'it is asked for again');
  await until(() => page.locator('video').evaluate((v) => !v.hidden && v.srcObject.active), 'the picture again');
});

test('a page that is not over https says so, and leaves the encoder', async (lab) => {
  const it = await start(lab, ['cam-wide'], { host: OUTSIDE, more: ['--insecure-plain'] });
  const page = await open(lab, it);

  await reads(page, 'only to pages over https');
  expect(await page.getByRole('button', { name: 'Set up camera' }).count() === 0, 'no button that cannot work');
  await page.getByRole('button', { name: 'Use my encoder' }).waitFor();
  await look(lab, page, 'insecure');
});

test('the slot is taken: who has it, and it goes live once it is free', async (lab) => {
  const it = await start(lab);
  const other = await lab.bare(it.server);
  const page = await open(lab, it);

  await other.evaluate(([token, client]) => {
    window.session = new PbSession({ session: 'demo', token, client });
    session.join({ stream: 'cam-wide', direction: 'send' });
  }, [await it.server.mint(it.admin, 'demo', 'cam-wide', 'send'), HOSTILE]);
  await reads(page, `Somebody sends on this slot now: “${HOSTILE}”.`);
  await look(lab, page, 'taken');
  await goLive(page);
  await reads(page, `Waiting: “${HOSTILE}” is sending on this slot.`);
  await look(lab, page, 'waiting');
  await until(async () => await page.locator('img').count() === 0 && await page.title() === 'cam-wide – Patchbay', 'text is text');
  await other.evaluate(() => session.leave());
  await reads(page, 'Live. Nobody is watching yet.');
});

test('the same link on another device takes over, and is taken back', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);
  const second = await open(lab, it, 'send', { token: page.token });

  await goLive(page);
  await goLive(second);
  await reads(page, 'The same link went live on another device or page');
  await look(lab, page, 'replaced');
  await press(page, 'Go live');
  await reads(page, 'Live. Nobody is watching yet.');
  await reads(second, 'The same link went live on another device or page');
});

test('the server goes and comes under two pages while media runs', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);
  const viewer = await open(lab, it, 'receive');
  const frames = () => viewer.locator('video').evaluate((v) => v.getVideoPlaybackQuality().totalVideoFrames).catch(() => 0);

  await goLive(page);
  await until(async () => await frames() > 15, 'a picture');
  await it.server.stop('SIGKILL');
  await reads(page, 'The server cannot be reached. What is connected keeps running. Trying again … Until then the tally here may be an old one.');
  await reads(page, 'Reconnecting');
  const before = await frames();
  await until(async () => await frames() > before + 30, 'the picture goes on');
  await look(lab, page, 'away');
  await look(lab, viewer, 'viewer-away');
  const again = await lab.server({ port: it.server.port });
  const admin = await again.create('demo', ['cam-wide']);
  await until(async () => (await again.slot(admin, 'demo', 'cam-wide'))?.state === 'CONNECTED', 'both are back');
  for (const one of [page, viewer]) await until(async () => !await one.getByText('cannot be reached').isVisible(), 'the notice to go');
  const after = await frames();
  await until(async () => await frames() > after + 30, 'the picture after it');
});

test('the network goes and comes back: words, and the picture again', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);
  const viewer = await open(lab, it, 'receive');
  const frames = () => viewer.locator('video').evaluate((v) => v.getVideoPlaybackQuality().totalVideoFrames).catch(() => 0);

  await goLive(page);
  await until(async () => await frames() > 15, 'a picture');
  lab.block('meta l4proto udp drop');
  await advice(page, 'interrupted');
  await look(lab, page, 'interrupted');
  lab.open();
  const before = await frames();
  await until(async () => await frames() > before + 15, 'the picture again');
  await page.locator('.advice li.critical').waitFor({ state: 'detached' });
});

test('the upload is too slow for what was chosen: it says so, and a lower quality mends it', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);
  const viewer = await open(lab, it, 'receive');

  await goLive(page);
  await viewer.locator('video').waitFor();
  lab.block('meta l4proto udp limit rate over 30 kbytes/second drop');
  await page.locator('.advice li').filter({ hasText: 'Your upload is too slow for 2.5 Mbit/s: choose a lower quality' }).waitFor({ timeout: 60000 });
  await look(lab, page, 'slow');
  lab.open();
  await press(page, 'Settings');
  await page.getByRole('radio', { name: /360p/ }).check();
  await page.locator('.advice li.good').waitFor({ timeout: 60000 });
});

test('the phone sleeps, the system takes the camera, the server restarts: it is live again by itself', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);
  const studio = lab.pipeline('studio', `${RECEIVE} uri=pb://127.0.0.1:${it.server.port}/demo/cam-wide ${VIDEO_OUT}`,
      { token: await it.server.mint(it.admin, 'demo', 'cam-wide', 'receive'), count: ['video'] });

  await goLive(page);
  await studio.more('video', 15);
  // what a call does to a camera: its track is over
  await page.evaluate(() => document.querySelector('.preview').srcObject.getVideoTracks()[0].stop());
  await until(() => page.evaluate(() => document.querySelector('.preview').srcObject.getVideoTracks()[0]?.readyState === 'live'), 'the camera again');
  await studio.more('video', 30);

  const life = await page.context().newCDPSession(page);
  await life.send('Page.setWebLifecycleState', { state: 'frozen' });
  await it.server.stop('SIGKILL');
  const again = await lab.server({ port: it.server.port });
  const admin = await again.create('demo', ['cam-wide']);
  await life.send('Page.setWebLifecycleState', { state: 'active' });
  await until(async () => (await again.slot(admin, 'demo', 'cam-wide'))?.sender, 'it is back');
  await studio.more('video', 30);
  await reads(page, 'Live: one viewer is connected.');
});

test('a camera that the system does not give back says so, with a button', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await goLive(page);
  await page.evaluate(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.allow = () => { navigator.mediaDevices.getUserMedia = real; };
    window.refused = 0;
    navigator.mediaDevices.getUserMedia = () => {
      window.refused++;
      return Promise.reject(new DOMException('no', 'NotReadableError'));
    };
    document.querySelector('.preview').srcObject.getVideoTracks()[0].stop();
  });
  await advice(page, 'camera-ended');
  await reads(page, 'in use by another program');
  // the page tries three times by itself; after that it is a person's turn
  await until(() => page.evaluate(() => window.refused === 3), 'three attempts');
  await look(lab, page, 'lost');
  await page.evaluate(() => window.allow());
  await press(page, 'Restart camera');
  await until(() => page.evaluate(() => document.querySelector('.preview').srcObject.getVideoTracks()[0]?.readyState === 'live'), 'the camera again');
  await page.locator('.advice [data-code=camera-ended]').waitFor({ state: 'detached' });
});

test('a page that comes back from the cache of the browser has no token any more', async (lab) => {
  const it = await start(lab);
  const page = await open(lab, it);

  await goLive(page);
  await page.evaluate(() => {
    dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  });
  await page.getByRole('heading', { name: 'This page needs its whole link' }).waitFor();
  await until(async () => (await it.server.slot(it.admin, 'demo', 'cam-wide')).sender === null, 'the slot to be free');
});

test('a camera that speaks SRT only is left alone by the page', async (lab) => {
  const it = await start(lab);
  const camera = lab.pipeline('camera', 'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! ' +
      `x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! pbsrtbin uri=pb://127.0.0.1:${it.server.port}/demo/cam-wide`,
  { token: await it.server.mint(it.admin, 'demo', 'cam-wide', 'send') });

  await until(async () => (await it.server.slot(it.admin, 'demo', 'cam-wide')).sender, 'the camera');
  const page = await open(lab, it, 'receive');
  await reads(page, 'This camera sends by SRT, which a browser cannot play.');
  await page.locator('.advice li').filter({ hasText: /\w/ }).waitFor();
  await look(lab, page, 'viewer-srt');
  expect((await it.server.slot(it.admin, 'demo', 'cam-wide')).receivers.length === 0, 'the page does not ask it');
  // that nobody is there it says in any case
  expect(!camera.lines.some((line) => line.includes('no-transport')), 'and it hears of no viewer that speaks another language');
});

await run();
