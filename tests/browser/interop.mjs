// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium and pbsrcsink, each at either end, with a real patchbayd. Run by
// netns.sh.
import { OUTSIDE, countConnections, expect, run, test, until } from './lab.mjs';

const RECEIVE = 'pbsrcsink name=pb direction=receive decode=true';
const PICTURE = 'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1';
const TONE = 'audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1';
const VIDEO_OUT = 'pb.video_src_0 ! queue ! fakesink name=video sync=false async=false';
const AUDIO_OUT = 'pb.audio_src_0 ! queue ! fakesink name=audio sync=false async=false';

async function start(lab) {
  const server = await lab.server();

  return { server, admin: await server.create('demo', ['cam']) };
}

const uri = (server) => `uri=pb://127.0.0.1:${server.port}/demo/cam`;

/** A page at one end of the slot; `only` hides all other video codecs. */
async function browse(lab, server, token, direction, { back = false, publish = direction === 'send', only } = {}) {
  const page = await lab.bare(server);

  await page.evaluate(async ({ token, direction, back, publish, only }) => {
    if (only)
      for (const kind of [RTCRtpSender, RTCRtpReceiver]) {
        const all = kind.getCapabilities.bind(kind);
        kind.getCapabilities = (what) => ({ ...all(what), codecs: all(what).codecs.filter((c) =>
          what === 'audio' || c.mimeType === `video/${only}`) });
      }
    window.session = new PbSession({ session: 'demo', token, client: 'test' });
    follow(session, 'state', 'tally', 'cue', 'health', 'peer', 'fault', 'status', 'registered');
    window.video = document.body.appendChild(Object.assign(document.createElement('video'), { autoplay: true, muted: true }));
    window.end = session.join({ stream: 'cam', direction, back });
    end.addEventListener('feed', ({ detail }) => { video.srcObject = detail.media; });
    if (publish) await end.publish({ camera: { width: 320, height: 240 }, microphone: true });
  }, { token, direction, back, publish, only });
  return page;
}

const saw = (page, type, fields) => until(() => page.evaluate(({ type, fields }) =>
  seen(type, (e) => Object.entries(fields).every(([k, v]) => e[k] === v)), { type, fields }), `${type} ${JSON.stringify(fields)}`);

async function plays(page) {
  const before = await page.evaluate(() => frames_of(video));

  await until(() => page.evaluate((n) => frames_of(video) >= n + 15, before), 'decoded frames in the browser');
}

// Health of the browser as the server has it, and sound that arrives.
async function isHeard(page) {
  await until(() => page.evaluate(async () => {
    const stream = video.srcObject;
    return stream?.getAudioTracks().some((track) => !track.muted);
  }), 'sound');
}

for (const only of ['H264', 'VP8']) {
  test(`a browser's camera reaches pbsrcsink: ${only} and Opus`, async (lab) => {
    const { server, admin } = await start(lab);
    const studio = lab.pipeline('studio', `${RECEIVE} ${uri(server)} ${VIDEO_OUT} ${AUDIO_OUT}`,
        { token: await server.mint(admin, 'demo', 'cam', 'receive'), count: ['video', 'audio'] });
    const page = await browse(lab, server, await server.mint(admin, 'demo', 'cam', 'send'), 'send', { only });

    await studio.more('video', 30);
    await studio.more('audio', 30);
    await saw(page, 'peer', { state: 'connected', path: 'direct' });
    const slot = await until(async () => {
      const now = await server.slot(admin, 'demo', 'cam');
      return now.state === 'CONNECTED' && now.receivers[0]?.packets > 0 && now;
    }, 'health of pbsrcsink at the server').catch(async (error) => {
      throw new Error(`${error.message} ${JSON.stringify(await server.slot(admin, 'demo', 'cam'))}`);
    });
    expect(slot.receivers[0].transport === 'webrtc', JSON.stringify(slot));
    await saw(page, 'health', { via: 'peer' });
  });

  test(`pbsrcsink reaches a browser: ${only} and Opus`, async (lab) => {
    const { server, admin } = await start(lab);
    const page = await browse(lab, server, await server.mint(admin, 'demo', 'cam', 'receive'), 'receive');

    lab.pipeline('camera', `pbsrcsink name=pb ${uri(server)} video-codec=${only.toLowerCase()} ${PICTURE} ! pb.video_0 ${TONE} ! pb.audio_0`,
        { token: await server.mint(admin, 'demo', 'cam', 'send') });
    await plays(page);
    await isHeard(page);
    await until(async () => (await server.slot(admin, 'demo', 'cam')).receivers[0]?.frames > 0, 'health of the browser at the server');
  });
}

test('both ways over one connection: the browser is the camera', async (lab) => {
  const { server, admin } = await start(lab);
  const studio = lab.pipeline('studio', `${RECEIVE} ${uri(server)} ${VIDEO_OUT} ${PICTURE} ! pb.video_0 ${TONE} ! pb.audio_0`,
      { token: await server.mint(admin, 'demo', 'cam'), count: ['video'] });
  const page = await browse(lab, server, await server.mint(admin, 'demo', 'cam', 'send'), 'send');

  await studio.more('video', 30);
  await plays(page);
  await isHeard(page);
  expect(await page.evaluate(() => end.peers.length) === 1, 'one connection');
});

test('both ways over one connection: pbsrcsink is the camera', async (lab) => {
  const { server, admin } = await start(lab);
  const camera = lab.pipeline('camera', `pbsrcsink name=pb direction=send decode=true ${uri(server)} ${PICTURE} ! pb.video_0 ${VIDEO_OUT}`,
      { token: await server.mint(admin, 'demo', 'cam', 'send'), count: ['video'] });
  const page = await browse(lab, server, await server.mint(admin, 'demo', 'cam'), 'receive', { back: true, publish: true });

  await plays(page);
  await camera.more('video', 30);
});

test('tally reaches pbsrcsink from a browser while the server is away', async (lab) => {
  const { server, admin } = await start(lab);
  const camera = lab.pipeline('camera', `pbsrcsink name=pb ${uri(server)} ${PICTURE} ! pb.video_0`,
      { token: await server.mint(admin, 'demo', 'cam', 'send') });
  const page = await browse(lab, server, admin, 'receive');

  await plays(page);
  await page.evaluate(() => session.setTally('cam', 'preview'));
  const light = (state, what) => camera.event((e) => e.event === 'message' && e.name === 'pb-tally' && e.fields.state === state, what);
  await light('preview', 'the light by way of the server');
  await server.stop('SIGKILL');
  await saw(page, 'state', { state: 'away' });
  await page.evaluate(() => { session.setTally('cam', 'program'); session.cue('cam', 'you are on'); });
  await light('program', 'the light by way of the data channel');
  await camera.event((e) => e.event === 'message' && e.name === 'pb-cue' && e.fields.text === 'you are on', 'the cue');
  await plays(page);
});

test('a browser that reloads gets the picture again; pbsrcsink goes on', async (lab) => {
  const { server, admin } = await start(lab);

  lab.pipeline('camera', `pbsrcsink name=pb local-address=${OUTSIDE} ${uri(server)} ${PICTURE} ! pb.video_0`,
      { token: await server.mint(admin, 'demo', 'cam', 'send') });
  for (let i = 0; i < 3; i++) {
    const page = await browse(lab, server, await server.mint(admin, 'demo', 'cam', 'receive'), 'receive');
    await plays(page);
    await page.close();
  }
});

// Two seconds after it noticed, whatever the path then is.
test('a browser whose packets stop restarts ICE, and goes on over the same connection', async (lab) => {
  const { server, admin } = await start(lab);
  const studio = lab.pipeline('studio', `${RECEIVE} local-address=${OUTSIDE} ${uri(server)} ${VIDEO_OUT}`,
      { token: await server.mint(admin, 'demo', 'cam', 'receive'), count: ['video'] });
  const page = await lab.bare(server);

  await page.evaluate(countConnections);
  await page.evaluate(async (token) => {
    window.session = new PbSession({ session: 'demo', token, client: 'test' });
    follow(session, 'peer', 'fault');
    window.end = session.join({ stream: 'cam', direction: 'send' });
    await end.publish({ camera: { width: 320, height: 240 }, microphone: true });
  }, await server.mint(admin, 'demo', 'cam', 'send'));
  await studio.more('video', 30);
  lab.block('meta l4proto udp drop', `tcp dport != ${server.port} tcp sport != ${server.port} drop`);
  await saw(page, 'peer', { state: 'interrupted' });
  await until(() => page.evaluate(() => window.restarts > 0), 'an offer that restarts ICE');
  lab.open();
  await studio.more('video', 30);
  await until(() => page.evaluate(() => end.peers[0]?.state === 'connected'), 'the connection again');
  expect(await page.evaluate(() => window.made) === 1, 'no other connection');
});

test('a screen that a browser shares reaches pbsrcsink', async (lab) => {
  const { server, admin } = await start(lab);
  const studio = lab.pipeline('studio', `${RECEIVE} ${uri(server)} ${VIDEO_OUT}`,
      { token: await server.mint(admin, 'demo', 'cam', 'receive'), count: ['video'] });
  const page = await browse(lab, server, await server.mint(admin, 'demo', 'cam', 'send'), 'send', { publish: false });

  const hint = await page.evaluate(async () => {
    const media = await end.publish({ screen: true });
    return media.getVideoTracks().map((track) => track.contentHint);
  });
  expect(`${hint}` === 'detail', `text stays sharp: ${hint}`);
  await studio.more('video', 5);
});

test('packets stop and come back between pbsrcsink and a browser', async (lab) => {
  const { server, admin } = await start(lab);
  const page = await browse(lab, server, await server.mint(admin, 'demo', 'cam', 'receive'), 'receive');

  lab.pipeline('camera', `pbsrcsink name=pb local-address=${OUTSIDE} ${uri(server)} ${PICTURE} ! pb.video_0`,
      { token: await server.mint(admin, 'demo', 'cam', 'send') });
  await plays(page);
  lab.block('meta l4proto udp drop', `tcp dport != ${server.port} tcp sport != ${server.port} drop`);
  await saw(page, 'peer', { state: 'interrupted' });
  lab.open();
  await until(() => page.evaluate(() => end.peers[0]?.state === 'connected'), 'the connection again');
  await plays(page);
});

const RED = 'videotestsrc is-live=true pattern=red ! video/x-raw,width=640,height=360,framerate=25/1';
const H264 = 'x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse';

// Asks until one comes, and measures it: [width, height, red, green, blue].
const still = (page) => until(() => page.evaluate(async () => {
  const picture = await new Promise((done) => {
    session.addEventListener('thumbnail', ({ detail }) => done(detail.picture), { once: true });
    session.requestThumbnail('cam');
    setTimeout(done, 4000, null);
  });
  if (!picture) return null;
  const image = Object.assign(new Image(), { src: picture });
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  return [image.width, image.height, ...context.getImageData(image.width / 2, image.height / 2, 1, 1).data.slice(0, 3)];
}), 'a still picture');

for (const [what, sender, receiver] of [
  ['pbsrtbin over SRT', `${RED} ! ${H264} ! pbsrtbin`, 'pbsrtbin thumbnails=%s ! fakesink name=out'],
  ['pbsrcsink over SRT', `${RED} ! ${H264} ! pbsrtbin`, `pbsrcsink name=pb transport=srt direction=receive thumbnails=%s ${VIDEO_OUT}`],
  ['pbsrcsink over WebRTC', `${RED} ! pbsrcsink`, `pbsrcsink name=pb transport=webrtc direction=receive thumbnails=%s ${VIDEO_OUT}`],
]) {
  test(`a still picture of what arrives at ${what}, for who asks and may`, async (lab) => {
    const { server, admin } = await start(lab);
    const receive = await server.mint(admin, 'demo', 'cam', 'receive');
    const place = receiver.replace(/(pbsrtbin|pbsrcsink)/, `$1 ${uri(server)}`);
    const studio = lab.pipeline('studio', place.replace('%s', 'true'), { token: receive });

    lab.pipeline('camera', `${sender} ${uri(server)}`, { token: await server.mint(admin, 'demo', 'cam', 'send') });
    await until(async () => (await server.slot(admin, 'demo', 'cam')).thumbnails === true, 'the slot to give pictures');
    const page = await lab.bare(server);
    const observe = (token) => page.evaluate((t) => {
      window.session?.leave();
      window.events = [];
      window.session = new PbSession({ session: 'demo', token: t });
      follow(session, 'state', 'thumbnail');
      session.join({ stream: 'cam' });
    }, token);
    await observe(receive);
    await saw(page, 'state', { state: 'joined' });
    const [width, height, red, green, blue] = await still(page);
    expect(width === 320 && height === 180, `${width} by ${height}`);
    expect(red > 200 && green < 50 && blue < 50, `it is red: ${red}, ${green}, ${blue}`);

    // who may not see pictures, sees none; nor does anybody where it is switched off
    await observe(await server.mint(admin, 'demo', 'cam', 'observe'));
    await saw(page, 'state', { state: 'joined' });
    await page.evaluate(() => session.requestThumbnail('cam'));
    await studio.stop();
    lab.pipeline('studio', place.replace('%s', 'false'), { token: receive });
    await until(async () => (await server.slot(admin, 'demo', 'cam')).thumbnails === false, 'the slot to give none');
    expect(await page.evaluate(() => seen('thumbnail')) === undefined, 'no picture for an observer');
  });
}

test('a camera that speaks SRT only is named by the module', async (lab) => {
  const { server, admin } = await start(lab);

  lab.pipeline('camera', `${PICTURE} ! x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! pbsrtbin ${uri(server)}`,
      { token: await server.mint(admin, 'demo', 'cam', 'send') });

  await until(async () => (await server.slot(admin, 'demo', 'cam')).sender, 'the camera');
  const viewer = await browse(lab, server, admin, 'receive');
  await saw(viewer, 'fault', { code: 'no-transport' });
});

await run();
