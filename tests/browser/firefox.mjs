// SPDX-License-Identifier: LGPL-2.1-or-later
// What another browser does differently: Firefox as the phone and as the wall,
// with a real patchbayd and pbsrcsink. Run by netns.sh.
import { OUTSIDE, countConnections, expect, launchFirefox, run, test, until } from './lab.mjs';

const PHONE = { viewport: { width: 390, height: 844 } };
const PICTURE = 'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1';
const TONE = 'audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1';
// Firefox neither calls loopback addresses nor has one.
const PLACE = `local-address=${OUTSIDE}`;

async function start(lab) {
  // of a path that was cut; of the style that Playwright's screenshots put in
  lab.forgiven = lab.forgivenErrors = /ICE failed, add a|blocked an inline style/;
  const server = await lab.server();

  return { server, admin: await server.create('demo', ['cam']) };
}

const uri = (server) => `uri=pb://127.0.0.1:${server.port}/demo/cam`;
const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const reads = (page, text) => page.getByText(text).first().waitFor();

async function receive(lab, { server, admin }) {
  return lab.pipeline('studio', `pbsrcsink name=pb direction=receive decode=true ${PLACE} ${uri(server)}
    pb.video_src_0 ! queue ! fakesink name=video sync=false async=false
    pb.audio_src_0 ! queue ! fakesink name=audio sync=false async=false`,
  { token: await server.mint(admin, 'demo', 'cam', 'receive'), count: ['video', 'audio'] });
}

async function goLive(lab, { server, admin }) {
  const page = await lab.page(server, `/s/demo#t=${await server.mint(admin, 'demo', 'cam', 'send')}`, PHONE,
      (page) => page.addInitScript(countConnections));

  await press(page, 'Set up camera');
  await press(page, 'Go live');
  return page;
}

test('a phone goes live: picture and sound reach pbsrcsink, and the page says so and nothing else', async (lab) => {
  const made = await start(lab);
  const studio = await receive(lab, made);
  const page = await goLive(lab, made);

  await studio.more('video', 30);
  await studio.more('audio', 30);
  // longer than a camera may stand still: Firefox counts no frames of it
  await reads(page, /0:1\d/);
  await reads(page, 'This is what you send');
  await reads(page, 'Live: one viewer is connected.');
  expect(await page.getByText(/stands still/).count() === 0, 'its camera works');
  await lab.shot(page, 'firefox-live');
});

test('packets that stop: it goes on over the same connection', async (lab) => {
  const made = await start(lab);
  const { server } = made;
  const studio = await receive(lab, made);
  const page = await goLive(lab, made);

  await studio.more('video', 30);
  lab.block('meta l4proto udp drop', `tcp dport != ${server.port} tcp sport != ${server.port} ip daddr ${OUTSIDE} drop`);
  await until(() => page.evaluate(() => window.restarts > 0), 'an offer that restarts ICE');
  lab.open();
  await studio.more('video', 30);
  await reads(page, 'Live: one viewer is connected.');
  expect(await page.evaluate(() => window.made) === 1, 'the same');
});

test('the wall plays what pbsrcsink sends', async (lab) => {
  const { server, admin } = await start(lab);

  lab.pipeline('camera', `pbsrcsink name=pb ${PLACE} video-codec=vp8 ${uri(server)} ${PICTURE} ! pb.video_0 ${TONE} ! pb.audio_0`,
      { token: await server.mint(admin, 'demo', 'cam', 'send') });
  const wall = await lab.page(server, `/s/demo#t=${admin}`, { viewport: { width: 1366, height: 768 } });
  await wall.locator('.tile video').waitFor();
  await wall.locator('.tile video').evaluate((video) => new Promise((done) => {
    let n = 0;
    const count = () => (++n < 30 ? video.requestVideoFrameCallback(count) : done());

    video.requestVideoFrameCallback(count);
  }));
  await wall.locator('.tile').getByText('Good', { exact: true }).waitFor();
  await lab.shot(wall, 'firefox-wall');
});

// Debian's has no H.264 encoder of its own and, without the network, gets none.
test('what Firefox cannot play is refused, and the rest plays', async (lab) => {
  const { server, admin } = await start(lab);
  const camera = lab.pipeline('camera', `pbsrcsink name=pb ${PLACE} video-codec=h264 ${uri(server)} ${PICTURE} ! pb.video_0 ${TONE} ! pb.audio_0`,
      { token: await server.mint(admin, 'demo', 'cam', 'send') });
  const page = await lab.bare(server);

  await page.evaluate((token) => {
    window.session = new PbSession({ session: 'demo', token });
    follow(session, 'peer', 'fault');
    window.end = session.join({ stream: 'cam', direction: 'receive' });
    end.addEventListener('feed', ({ detail }) => { window.media = detail.media; });
  }, await server.mint(admin, 'demo', 'cam', 'receive'));
  await until(() => page.evaluate(() => window.media?.getAudioTracks().some((track) => !track.muted)), 'sound');
  await camera.event((e) => e.name === 'pb-peer' && e.fields.srt === 'connected', 'the connection');
  expect(await page.evaluate(() => window.media.getVideoTracks().every((track) => track.muted)), 'no picture');
});

test('where there is no way, it is no way: nobody is called a stranger', async (lab) => {
  const { server, admin } = await start(lab);

  // only its loopback address, which Firefox does not call
  lab.pipeline('camera', `pbsrcsink name=pb video-codec=vp8 ${uri(server)} ${PICTURE} ! pb.video_0`,
      { token: await server.mint(admin, 'demo', 'cam', 'send') });
  const wall = await lab.page(server, `/s/demo#t=${admin}`);
  const said = await until(() => wall.evaluate(() => document.body.innerText.match(/found no way to reach each other|not who the server said/)?.[0]), 'why');
  expect(said === 'found no way to reach each other', said);
});

await run(launchFirefox);
