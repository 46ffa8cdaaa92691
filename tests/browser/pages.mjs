// SPDX-License-Identifier: LGPL-2.1-or-later
// Browsers among themselves: the module in Chromium, with a real patchbayd. Run
// by netns.sh.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { SOURCE, countConnections, expect, run, test, until } from './lab.mjs';

// A page sends; another plays. What both need.
async function joinPair(lab, { back = false, admin: useAdmin = false } = {}) {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam', 'other']);
  const sender = await lab.bare(server);
  const receiver = await lab.bare(server);

  await startSender(sender, await server.mint(admin, 'demo', 'cam', 'send'));
  await startReceiver(receiver, useAdmin ? admin
      : await server.mint(admin, 'demo', 'cam', back ? undefined : 'receive'),
  back);
  return { server, admin, sender, receiver };
}

function startSender(page, token, options = {}) {
  return page.evaluate(async ({ token, options }) => {
    const { join, publish = { camera: true, microphone: true }, ...more } = options;
    window.session = new PbSession({ session: 'demo', token, client: 'test', ...more });
    follow(session, 'state', 'tally', 'cue', 'health', 'peer', 'fault', 'status', 'registered');
    window.end = session.join({ stream: 'cam', direction: 'send', ...join });
    end.addEventListener('feed', ({ detail }) => play(detail.media));
    window.play = (media) => {
      window.video ??= Object.assign(document.createElement('video'), { autoplay: true, muted: true });
      video.srcObject = media;
      document.body.append(video);
    };
    await end.publish(publish);
  }, { token, options });
}

function startReceiver(page, token, back = false, options = {}) {
  return page.evaluate(async ({ token, back, options }) => {
    window.session = new PbSession({ session: 'demo', token, client: 'test', ...options });
    follow(session, 'state', 'tally', 'cue', 'health', 'peer', 'fault', 'status', 'registered');
    window.end = session.join({ stream: 'cam', direction: 'receive', back });
    end.addEventListener('feed', ({ detail }) => {
      window.video ??= Object.assign(document.createElement('video'), { autoplay: true, muted: true });
      video.srcObject = detail.media;
      document.body.append(video);
    });
    if (back) await end.publish({ camera: true, microphone: true });
  }, { token, back, options });
}

const frames = (page) => page.evaluate(() => window.video ? frames_of(video) : 0);

/** So many more decoded frames. */
async function play(page, what = 'frames', n = 15) {
  const before = await frames(page);

  return until(async () => await frames(page) >= before + n, `${what} are decoded`);
}

const saw = (page, type, fields, what = `${type} ${JSON.stringify(fields)}`) => until(() => page.evaluate(({ type, fields }) =>
  seen(type, (e) => Object.entries(fields).every(([k, v]) => e[k] === v)), { type, fields }), what);

const fault = (page, code) => saw(page, 'fault', { code });

test('a page publishes, another plays it, and both say how', async (lab) => {
  const { server, admin, sender, receiver } = await joinPair(lab);

  await play(receiver);
  const size = await receiver.evaluate(() => [video.videoWidth, video.videoHeight, video.srcObject.getTracks().map((t) => t.kind).sort()]);
  expect(size[0] > 0 && `${size[2]}` === 'audio,video', `${size}`);
  for (const page of [sender, receiver]) await saw(page, 'peer', { state: 'connected', path: 'direct' });
  const slot = await until(async () => {
    const now = await server.slot(admin, 'demo', 'cam');
    return now?.sender?.frames > 0 && now.receivers[0]?.frames > 0 && now;
  }, 'health of both at the server');
  expect(slot.state === 'CONNECTED' && slot.sender.path === 'direct' && slot.sender.transport === 'webrtc', JSON.stringify(slot));
  expect(slot.sender.bitrate > 0 || slot.sender.packets > 0, JSON.stringify(slot.sender));
  // from the other end, over the data channel, and from the server
  await saw(sender, 'health', { via: 'peer' });
  await saw(sender, 'health', { via: 'server', direction: 'receive' });
});

test('the example of docs/browser.md does what it says', async (lab) => {
  const text = readFileSync(join(SOURCE, 'docs/browser.md'), 'utf8').split('```js\n')[1].split('```')[0];
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const pages = [];

  for (const what of ['send', 'receive']) {
    const page = await lab.bare(server);
    const token = await server.mint(admin, 'demo', 'cam', what);
    await page.evaluate(() => {
      for (const id of ['preview', 'player'])
        window[id] = document.body.appendChild(Object.assign(document.createElement('video'), { autoplay: true, muted: true }));
    });
    // evaluated from without: the page's own policy would forbid it
    await page.evaluate(`(async (token) => {${text.replace(/import (.*) from (.*);/, 'const $1 = await import($2);')};
      await ${what}(); window.session = session; })(${JSON.stringify(token)})`);
    pages.push(page);
  }
  for (const [page, video] of [[pages[0], 'preview'], [pages[1], 'player']])
    await until(() => page.evaluate((name) => frames_of(window[name]) > 15, video), `frames in the ${video}`);
  await pages[1].evaluate(() => session.leave());
});

test('the offer is short and prefers H.264, then VP8, and Opus', async (lab) => {
  const server = await lab.server();
  const page = await lab.bare(server);
  const sdp = await page.evaluate(async () => {
    const { preferCodecs } = await import('/web/pb-media.js');
    const pc = new RTCPeerConnection();
    for (const kind of ['audio', 'video']) preferCodecs(pc.addTransceiver(kind, { direction: 'sendonly' }), kind);
    return (await pc.createOffer()).sdp;
  });
  const codecs = [...sdp.matchAll(/a=rtpmap:\d+ ([\w-]+)\//g)].map(([, codec]) => codec);

  expect(sdp.length < 8192, `${sdp.length} octets`);
  expect(codecs[0] === 'opus' && codecs.indexOf('H264') < codecs.indexOf('VP8') && codecs.includes('VP8'), `${codecs}`);
  expect(codecs.every((codec) => ['opus', 'H264', 'VP8', 'rtx'].includes(codec)), `${codecs}`);
  console.log(`# the offer has ${sdp.length} octets: ${codecs}`);
});

test('tally reaches both, from the server', async (lab) => {
  const { server, admin, sender, receiver } = await joinPair(lab);
  const room = await lab.bare(server);

  await play(receiver);
  await room.evaluate((token) => {
    window.session = new PbSession({ session: 'demo', token });
    follow(session, 'state', 'tally', 'session');
    session.join();
  }, admin);
  await saw(room, 'state', { state: 'joined' });
  await room.evaluate(() => session.setTally('cam', 'program'));
  for (const page of [sender, receiver, room]) await saw(page, 'tally', { stream: 'cam', state: 'program', via: 'server' });
  await room.evaluate(() => session.cue('cam', 'stand by, cam 2'));
  await saw(sender, 'cue', { text: 'stand by, cam 2', via: 'server' });
});

test('the data channel carries tally and cue while the server is away, from an admin alone', async (lab) => {
  const { server, sender, receiver } = await joinPair(lab, { admin: true });

  await play(receiver);
  await server.stop('SIGKILL');
  for (const page of [sender, receiver]) await saw(page, 'state', { state: 'away' });
  await receiver.evaluate(() => {
    session.setTally('cam', 'program');
    session.cue('cam', 'you are on');
  });
  await saw(sender, 'tally', { state: 'program', via: 'peer' });
  await saw(sender, 'cue', { text: 'you are on', via: 'peer' });
  await play(receiver, 'frames without the server');
  // and the admin's word holds once it is back
  const again = await lab.server({ port: server.port });
  const admin = await again.create('demo', ['cam', 'other']);
  await until(async () => (await again.slot(admin, 'demo', 'cam'))?.tally === 'program', 'the tally at the server');

  // the other way nobody listens: a peer's word is not an admin's
  await again.stop('SIGKILL');
  await until(() => sender.evaluate(() => session.state === 'away'), 'away again');
  await sender.evaluate(() => end.tell({ type: 'tally', stream: 'cam', state: 'off' }) || events.push({ type: 'lost' }));
  await sender.evaluate(() => end.tell({ type: 'health', rtt: 4321 }));
  await saw(receiver, 'health', { rtt: 4321 });
  expect(await receiver.evaluate(() => end.tally) === 'program', 'what came before it in order was not heeded');
});

test('the server comes back and media never stopped', async (lab) => {
  const { server, sender, receiver } = await joinPair(lab);

  await play(receiver);
  const before = await sender.evaluate(() => end.peers.map(({ peer }) => peer));
  await server.stop('SIGKILL');
  for (const page of [sender, receiver]) await saw(page, 'state', { state: 'away', code: 'server-unreachable' });
  await play(receiver, 'frames without the server', 30);
  const again = await lab.server({ port: server.port });
  const admin = await again.create('demo', ['cam', 'other']);
  await until(async () => (await again.slot(admin, 'demo', 'cam'))?.state === 'CONNECTED', 'the slot to be up again');
  await play(receiver, 'frames afterwards', 30);
  const after = await sender.evaluate(() => end.peers.map(({ peer, state }) => `${peer} ${state}`));
  expect(`${after}` === `${before} connected`, `${before} became ${after}`);
  const drops = await receiver.evaluate(() => events.filter((e) => e.type === 'peer' && e.state === 'interrupted').length);
  expect(drops === 0, 'the connection was not touched');
});

test('a return feed runs over the same connection', async (lab) => {
  const { sender, receiver } = await joinPair(lab, { back: true });

  await play(receiver, 'frames at the receiver');
  await play(sender, 'frames of the return feed');
  const lines = await sender.evaluate(() => end.peers.length);
  expect(lines === 1, 'one connection');
});

test('packets stop and come back: the same connection goes on, or the next', async (lab) => {
  const { sender, receiver } = await joinPair(lab);

  await play(receiver);
  lab.block('meta l4proto udp drop');
  for (const page of [sender, receiver]) await saw(page, 'peer', { state: 'interrupted', fault: 'peer-lost' });
  await fault(sender, 'peer-lost');
  lab.open();
  const before = await frames(receiver);
  await until(async () => await frames(receiver) > before + 15, 'frames after the interruption');
});

// In a page: while `hold` is set, answers come to nobody; `lose` cuts the WebSocket as well, `release` lets them go.
function holdAnswers() {
  const Real = WebSocket;
  const held = [];

  window.hold = null;
  window.held = () => held.length;
  window.release = () => {
    window.hold = null;
    for (const [socket, data] of held.splice(0)) socket.dispatchEvent(new MessageEvent('message', { data }));
  };
  window.WebSocket = class extends Real {
    constructor(...all) {
      super(...all);
      this.addEventListener('message', (event) => {
        if (!window.hold || JSON.parse(event.data).kind !== 'answer') return;
        event.stopImmediatePropagation();
        held.push([this, event.data]);
        if (window.hold === 'lose') this.close();
      });
    }
  };
}

// A camera without sound, and its answers in our hand.
async function joinHeld(lab, prepare) {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const sender = await lab.bare(server, {}, prepare);
  const receiver = await lab.bare(server);

  for (const page of [sender, receiver]) await page.evaluate(countConnections);
  await sender.evaluate(holdAnswers);
  await startSender(sender, await server.mint(admin, 'demo', 'cam', 'send'), { publish: { camera: true } });
  await startReceiver(receiver, await server.mint(admin, 'demo', 'cam', 'receive'));
  await play(receiver);
  return { sender, receiver, made: async () => `${await sender.evaluate(() => made)} ${await receiver.evaluate(() => made)}` };
}

// Its offer to restart ICE is out, and the answer is held.
async function restartPending(lab, hold) {
  const it = await joinHeld(lab);

  await it.sender.evaluate((how) => { window.hold = how; }, hold);
  lab.block('meta l4proto udp drop');
  await until(() => it.sender.evaluate(() => window.held() > 0), 'the answer to a restart');
  lab.open();
  return it;
}

// Sound is offered as well, and the answer is held, or lost.
async function soundPending(lab, hold, prepare) {
  const it = await joinHeld(lab, prepare);

  await it.sender.evaluate((how) => {
    window.hold = how;
    return end.publish({ camera: true, microphone: true });
  }, hold);
  await until(() => it.sender.evaluate(() => window.held() > 0), 'the answer');
  await it.sender.evaluate(() => { window.hold = null; });
  return it;
}

const hears = (page) => until(() => page.evaluate(() => video.srcObject.getAudioTracks().length === 1), 'sound as well');

test('the answer to an ICE restart is lost with the WebSocket: it is restarted again', async (lab) => {
  const { sender, receiver, made } = await restartPending(lab, 'lose');

  await sender.evaluate(() => { window.hold = null; });
  await saw(sender, 'state', { state: 'away' });
  await until(() => sender.evaluate(() => end.peers[0]?.state === 'connected'), 'the connection again');
  await play(receiver, 'frames after the restart');
  expect(await sender.evaluate(() => window.restarts) >= 2, 'a second restart');
  expect(await made() === '1 1', `over the same connection: ${await made()}`);
});

test('what is published while ICE restarts is offered after it', async (lab) => {
  const { sender, receiver, made } = await restartPending(lab, 'keep');

  await sender.evaluate(() => end.publish({ camera: true, microphone: true }));
  await sender.evaluate(() => window.release());
  await until(() => sender.evaluate(() => end.peers[0]?.state === 'connected'), 'the connection again');
  await play(receiver, 'frames after the restart');
  await hears(receiver);
  expect(await made() === '1 1', `over the same connection: ${await made()}`);
});

test('an offer whose answer is lost with the WebSocket is repeated', async (lab) => {
  const { receiver, made } = await soundPending(lab, 'lose');

  await hears(receiver);
  await play(receiver, 'the picture goes on');
  expect(await made() === '1 1', `over the same connection: ${await made()}`);
});

test('an answer that never comes begins another attempt', async (lab) => {
  const { sender, receiver, made } = await soundPending(lab, 'keep', (page) => page.clock.install());

  await sender.clock.fastForward(16000);
  await hears(receiver);
  await play(receiver, 'frames of the other attempt');
  expect(await made() === '2 2', `another connection: ${await made()}`);
});

test('what a browser never answers holds up no later attempt', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const sender = await lab.bare(server);
  const receiver = await lab.bare(server, {}, (page) => page.clock.install());

  await receiver.evaluate(() => {
    const real = RTCPeerConnection.prototype.setRemoteDescription;

    window.isDeaf = 0;
    RTCPeerConnection.prototype.setRemoteDescription = function (...all) {
      return window.isDeaf++ === 0 ? new Promise(() => {}) : real.apply(this, all);
    };
  });
  await startReceiver(receiver, await server.mint(admin, 'demo', 'cam', 'receive'));
  await startSender(sender, await server.mint(admin, 'demo', 'cam', 'send'));
  await until(() => receiver.evaluate(() => window.isDeaf > 0), 'the first offer');
  await receiver.clock.fastForward(16000);
  await saw(receiver, 'peer', { state: 'waiting', fault: 'timed-out' });
  await play(receiver, 'frames of the next attempt');
});

test('a WebSocket that never opens is given up, and the next one opens', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const page = await lab.bare(server, {}, (one) => one.clock.install());

  await page.evaluate((token) => {
    const Real = WebSocket;

    window.stuck = 0;
    window.shut = 0;
    window.isStuck = true;
    // into a network that is gone: nobody says so for minutes
    window.WebSocket = function (...all) {
      if (!window.isStuck) return new Real(...all);
      window.stuck++;
      return { send() {}, close() { window.shut++; } };
    };
    window.session = new PbSession({ session: 'demo', token });
    follow(session, 'state', 'fault');
    session.join();
  }, admin);
  expect(await page.evaluate(() => stuck === 1 && session.state === 'joining'), 'it opens');
  await page.clock.fastForward(11000);
  await saw(page, 'state', { state: 'away', code: 'server-unreachable' });
  await until(() => page.evaluate(() => stuck > 1 && shut === stuck - 1), 'the next attempt, and only one at a time');

  // another network: what has been opening for long is not waited for
  const before = await page.evaluate(() => {
    dispatchEvent(new Event('online'));
    return stuck;
  });
  await page.clock.fastForward(4000);
  await page.evaluate(() => dispatchEvent(new Event('online')));
  expect(await page.evaluate(() => stuck) === before + 1, 'at once');
  await page.evaluate(() => { window.isStuck = false; });
  await page.clock.fastForward(4000);
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await saw(page, 'state', { state: 'joined' });
  expect(await page.evaluate(() => shut === stuck), 'none is left open');
});

test('a link to a session that was closed before ends in words; one that was here is waited for', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const here = await lab.bare(server);

  await startReceiver(here, admin);
  await saw(here, 'state', { state: 'joined' });
  await server.stop('SIGKILL');
  await saw(here, 'state', { state: 'away' });
  const again = await lab.server({ port: server.port });
  await saw(here, 'state', { state: 'away', code: 'session-unknown' });
  const late = await lab.bare(again);
  await startReceiver(late, admin);
  await saw(late, 'state', { state: 'over', code: 'session-unknown', isFatal: true });
  await again.create('demo', ['cam']);
  await until(() => here.evaluate(() => session.state === 'joined'), 'the one that waited');
});

// A page that may set tallies, of which those are lost that it sends while
// `isDeaf`: the socket is dead, and looks like any other.
async function director(lab, server, token) {
  const page = await lab.bare(server);

  await page.evaluate((token) => {
    const Real = WebSocket;

    window.sent = [];
    window.isDeaf = false;
    window.WebSocket = class extends Real {
      constructor(...all) {
        super(...all);
        window.socket = this;
      }

      send(text) {
        const { type, stream, state } = JSON.parse(text);

        if (type === 'tally') window.sent.push(`${stream} ${state}`);
        if (type !== 'tally' || !window.isDeaf) super.send(text);
      }
    };
    window.session = new PbSession({ session: 'demo', token });
    follow(session, 'state', 'tally', 'registered');
    session.join();
    // as a network does it: not by what the page calls
    window.cut = () => {
      window.isDeaf = false;
      window.events.length = 0;
      socket.close();
    };
  }, token);
  await saw(page, 'state', { state: 'joined' });
  return page;
}

test('a tally that a dead socket took is told again, unless there is a newer one', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam', 'other']);
  const page = await director(lab, server, admin);
  const second = await director(lab, server, admin);
  const tally = async (stream) => (await server.slot(admin, 'demo', stream)).tally;

  await page.evaluate(() => {
    session.setTally('other', 'preview');
    window.isDeaf = true;
    session.setTally('cam', 'preview');
    session.setTally('cam', 'program');
  });
  await saw(page, 'tally', { stream: 'other', state: 'preview', via: 'server' });
  expect(await tally('cam') === 'off', 'it was lost');
  await page.evaluate(() => cut());
  await until(async () => await tally('cam') === 'program', 'the tally at the server');
  await saw(page, 'tally', { stream: 'cam', state: 'program', via: 'server' });
  // told back, it is owed no more; and each once for a connection
  const all = 'other preview,cam preview,cam program,cam program';
  expect(`${await page.evaluate(() => sent)}` === all, `${await page.evaluate(() => sent)}`);
  await page.evaluate(() => cut());
  await saw(page, 'registered', {});
  expect(`${await page.evaluate(() => sent)}` === all, `${await page.evaluate(() => sent)}`);

  await page.evaluate(() => {
    window.isDeaf = true;
    session.setTally('cam', 'off');
  });
  await second.evaluate(() => session.setTally('cam', 'preview'));
  await saw(page, 'tally', { stream: 'cam', state: 'preview' });
  await page.evaluate(() => cut());
  await saw(page, 'registered', {});
  await page.evaluate(() => session.setTally('other', 'program'));
  await until(async () => await tally('other') === 'program', 'what came after it in order');
  expect(await tally('cam') === 'preview', 'the newer one stands');

  // taken back by whoever set it
  await page.evaluate(() => {
    window.isDeaf = true;
    session.setTally('cam', 'program');
    session.forgetTally('cam');
    cut();
  });
  await saw(page, 'registered', {});
  await page.evaluate(() => session.setTally('other', 'off'));
  await until(async () => await tally('other') === 'off', 'what came after it in order');
  expect(await tally('cam') === 'preview', 'what was taken back is not told');
});

test('a tally that the server does not take is not asked for again', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const page = await director(lab, server, await server.mint(admin, 'demo', null, 'observe'));

  await page.evaluate(() => {
    window.heard = [];
    socket.addEventListener('message', ({ data }) => window.heard.push(JSON.parse(data).type));
    session.setTally('cam', 'program');
  });
  await until(() => page.evaluate(() => heard.includes('error')), 'the refusal');
  await page.evaluate(() => cut());
  await saw(page, 'registered', {});
  expect(`${await page.evaluate(() => sent)}` === 'cam program', `${await page.evaluate(() => sent)}`);
});

test('packets stop for long: a new attempt is begun', async (lab) => {
  const { sender, receiver } = await joinPair(lab);

  await play(receiver);
  lab.block('meta l4proto udp drop');
  await saw(sender, 'peer', { state: 'waiting', fault: 'peer-lost' });
  lab.open();
  const before = await frames(receiver);
  await until(async () => await frames(receiver) !== before, 'another picture');
  await play(receiver, 'frames of the next attempt');
});

test('the network goes altogether, and comes back', async (lab) => {
  const { server, sender, receiver } = await joinPair(lab);

  await play(receiver);
  lab.block('meta l4proto udp drop', `tcp dport ${server.port} reject with tcp reset`, `tcp sport ${server.port} reject with tcp reset`);
  for (const page of [sender, receiver]) {
    await saw(page, 'peer', { state: 'interrupted' });
    await saw(page, 'state', { state: 'away' });
  }
  lab.open();
  const before = await frames(receiver);
  await until(async () => await frames(receiver) !== before, 'another picture');
  await play(receiver, 'frames afterwards');
  for (const page of [sender, receiver]) await until(async () => await page.evaluate(() => session.state) === 'joined', 'both are back');
});

test('a relay carries it where nothing else may, and without one that is said', async (lab) => {
  const server = await lab.server({ more: await lab.relay() });
  const admin = await server.create('demo', ['cam']);
  const sender = await lab.bare(server);
  const receiver = await lab.bare(server);
  const options = { iceTransportPolicy: 'relay' };

  await startReceiver(receiver, await server.mint(admin, 'demo', 'cam', 'receive'), false, options);
  await startSender(sender, await server.mint(admin, 'demo', 'cam', 'send'), options);
  await play(receiver);
  for (const page of [sender, receiver]) await saw(page, 'peer', { state: 'connected', path: 'relay' });
  await until(async () => (await server.slot(admin, 'demo', 'cam')).state === 'RELAYING', 'the server to know');

  const other = await lab.server();
  const page = await lab.bare(other);
  const viewer = await lab.bare(other);
  const key = await other.create('demo', ['cam']);
  await startReceiver(viewer, key);
  await startSender(page, await other.mint(key, 'demo', 'cam', 'send'), options);
  await fault(page, 'relay-unreachable');
});

test('a second viewer does not disturb the first, and each goes alone', async (lab) => {
  const { server, admin, sender, receiver } = await joinPair(lab);
  const second = await lab.bare(server);

  await play(receiver);
  await startReceiver(second, await server.mint(admin, 'demo', 'cam', 'receive'));
  await play(second);
  await until(async () => await sender.evaluate(() => end.peers.length) === 2, 'two connections');
  await second.evaluate(() => session.leave());
  await saw(sender, 'peer', { state: 'gone', reason: 'left' });
  await play(receiver);
});

test('mute, another track, and a new publish need no new connection', async (lab) => {
  const { sender, receiver } = await joinPair(lab);

  await play(receiver);
  await sender.evaluate(async () => {
    end.mute('audio', true);
    end.mute('video', true);
    if (end.media.getTracks().some((t) => t.enabled)) throw new Error('muted');
    end.mute('video', false);
    end.mute('audio', false);
    const other = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
    end.replaceTrack(other.getVideoTracks()[0]);
  });
  await until(() => receiver.evaluate(() => video.videoWidth === 320), 'the other picture');
  await sender.evaluate(() => end.publish({ camera: { width: 160, height: 120 } }));
  await until(() => receiver.evaluate(() => video.videoWidth === 160), 'the third picture');
  const states = await sender.evaluate(() => events.filter((e) => e.type === 'peer').map((e) => e.state));
  expect(states.filter((s) => s === 'connecting').length === 1, `${states}`);
});

test('what a viewer is too late for it gets as well: the sender comes last', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam', 'other']);
  const receiver = await lab.bare(server);
  const sender = await lab.bare(server);

  await startReceiver(receiver, await server.mint(admin, 'demo', 'cam', 'receive'));
  await saw(receiver, 'state', { state: 'joined' });
  await startSender(sender, await server.mint(admin, 'demo', 'cam', 'send'));
  await play(receiver);
  await sender.evaluate(() => end.leave());
  await saw(receiver, 'peer', { state: 'gone', reason: 'left' });
  await startSender(sender, await server.mint(admin, 'demo', 'cam', 'send'));
  await play(receiver, 'frames of the next sender');
});

test('a token that expires ends it in words; so does one that never was good', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam', 'other']);
  const page = await lab.bare(server);

  // an observer has no time to come back in
  await startSender(page, await server.mint(admin, 'demo', 'cam', 'send', { ttl: 10 }));
  await fault(page, 'token-expired');
  const end = await page.evaluate(() => [session.state, session.fault.sentence, end.media]);
  expect(end[0] === 'over' && /expired/.test(end[1]) && end[2] === null, `${end}`);
  for (const [token, code] of [[admin.replace(/.$/, (c) => c === 'A' ? 'E' : 'A'), 'token-invalid'],
    [await server.mint(admin, 'demo', 'other', 'send'), 'denied']]) {
    const other = await lab.bare(server);
    await startSender(other, token).catch(() => {});
    await fault(other, code);
  }
  for (const [options, code] of [[{ session: 'demo', token: '' }, 'token-missing'], [{ session: 'demo', token: 'nonsense' }, 'token-invalid'],
    [{ session: '../x', token: admin }, 'session-unknown']])
    expect(await page.evaluate((o) => { try { new PbSession(o); } catch (e) { return e.fault; } }, options) === code, code);
});

test('two cameras on one slot: the second is told, and follows when the first goes', async (lab) => {
  const { server, admin, sender, receiver } = await joinPair(lab);
  const other = await lab.bare(server);

  await play(receiver);
  await startSender(other, await server.mint(admin, 'demo', 'cam', 'send'));
  await fault(other, 'slot-taken');
  await play(receiver);
  await sender.evaluate(() => session.leave());
  await saw(other, 'peer', { state: 'connected' });
  await play(receiver);
});

test('a session closed by its admin ends the page', async (lab) => {
  const { server, admin, sender } = await joinPair(lab);

  await saw(sender, 'peer', { state: 'connected' });
  await server.call('DELETE', '/api/session/demo', undefined, admin);
  await fault(sender, 'session-closed');
  await until(async () => await sender.evaluate(() => session.state) === 'over', 'over');
});

test('no secret is in what events tell, or in storage', async (lab) => {
  const { sender, receiver } = await joinPair(lab);

  await play(receiver);
  for (const bare of [sender, receiver]) {
    const text = await bare.evaluate(() => JSON.stringify(events));
    expect(!/p_[A-Za-z0-9]{8}|passphrase|credential|a=ice-pwd/.test(text), text);
  }
  const kept = await sender.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie, history.state]);
  expect(`${kept}` === '0,0,,', `${kept}`);
});

// A client of WHIP or WHEP, as a browser writes it: one offer, one answer.
const knock = (page, kind, token) => page.evaluate(async ({ kind, token }) => {
  const pc = new RTCPeerConnection();
  window.client = pc;
  window.video = document.body.appendChild(Object.assign(document.createElement('video'), { autoplay: true, muted: true }));
  if (kind === 'whep') {
    pc.ontrack = ({ streams, track }) => { video.srcObject = streams[0] ?? new MediaStream([track]); };
    for (const what of ['audio', 'video']) pc.addTransceiver(what, { direction: 'recvonly' });
  } else {
    const media = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 }, audio: true });
    for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
  }
  await pc.setLocalDescription();
  await new Promise((done) => {
    pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
    if (pc.iceGatheringState === 'complete') done();
  });
  const answer = await fetch(`/${kind}/demo/cam`, { method: 'POST', body: pc.localDescription.sdp,
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` } });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
}, { kind, token });

test('a camera in a browser is played by a WHEP client', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const sender = await lab.bare(server);
  const player = await lab.bare(server);

  await startSender(sender, await server.mint(admin, 'demo', 'cam', 'send'));
  await saw(sender, 'state', { state: 'joined' });
  await knock(player, 'whep', await server.mint(admin, 'demo', 'cam', 'receive'));
  await play(player);
  await saw(sender, 'peer', { state: 'connected' });
});

test('a viewer in a browser plays what a WHIP client sends', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const receiver = await lab.bare(server);
  const client = await lab.bare(server);

  await startReceiver(receiver, await server.mint(admin, 'demo', 'cam', 'receive'));
  await saw(receiver, 'state', { state: 'joined' });
  await knock(client, 'whip', await server.mint(admin, 'demo', 'cam', 'send'));
  await play(receiver);
});

await run();
