// SPDX-License-Identifier: LGPL-2.1-or-later
// Ends of slots without media: a page holds WebSockets that register, say that
// they are connected, and report figures as SRT ends do. For a wall that has more
// to show than one machine could send.
import { within } from './lab.mjs';

// In the page. At most 64 registrations are one WebSocket's.
function makeFakes({ session, token }) {
  const sockets = [];
  const ends = new Map();
  const draw = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (o) => 'abcdefghijklmnop'[o & 15]).join('');
  const open = () => new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/api/ws/${session}`, ['patchbay.v1', token]);
    socket.count = 0;
    socket.onopen = () => resolve(socket);
    socket.onerror = reject;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const end = ends.get(message.to);
      if (message.type === 'error') window.refused = (window.refused ?? []).concat(data);
      if (message.type === 'registered') ends.get(message.peer)?.registered();
      if (message.type === 'thumbnail_request') end.say({ type: 'thumbnail', jpeg: window.paint() });
      // introduced: SRT is up at once
      if (message.type === 'peer' && end) {
        end.with = message.peer;
        if (end.isUp) end.connect();
      }
    };
    sockets.push(socket);
  });

  // 320 by 180, another colour each time
  let hue = 0;
  window.paint = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const context = canvas.getContext('2d');
    context.fillStyle = `hsl(${hue += 70} 60% 45%)`;
    context.fillRect(0, 0, 320, 180);
    context.fillStyle = '#fff';
    context.font = '40px sans-serif';
    context.fillText(`still ${hue / 70}`, 90, 100);
    return canvas.toDataURL('image/jpeg', 0.7).split(',')[1];
  };

  return {
    async add({ stream, direction, client = 'pbsrtbin/0.1.0 libsrt/1.5.1', isUp = true, path = 'direct', thumbnails, figures = {} }) {
      let socket = sockets.at(-1);
      if (!socket || socket.count >= 60) socket = await open();
      socket.count++;
      const end = { peer: draw(), stream, direction, figures, isUp, socket,
        say: (message) => socket.readyState === 1 && socket.send(JSON.stringify({ peer: end.peer, ...message })),
        connect: () => end.say({ type: 'status', srt: 'connected', with: end.with, path, cipher: 'aes-256', transport: 'srt' }),
        report: () => end.figures && end.say({ type: 'health', ...end.figures }),
        leave: () => { end.say({ type: 'leave' }); ends.delete(end.peer); } };
      ends.set(end.peer, end);
      await new Promise((resolve) => {
        end.registered = resolve;
        end.say({ type: 'register', id: 1, protocol: '1.0', stream, direction, client, ice: true, transports: ['srt'], thumbnails });
      });
      return end.peer;
    },
    set: (peer, figures) => { ends.get(peer).figures = figures; },
    leave: (peer) => ends.get(peer).leave(),
    report: () => { for (const end of ends.values()) end.report(); },
    every(ms, vary) {
      let round = 0;
      this.timer = setInterval(() => {
        round++;
        let i = 0;
        for (const end of ends.values()) {
          if (vary && end.figures) Object.assign(end.figures, {
            bitrate: 5500 + 500 * Math.sin(round / 7 + i), rtt: 30 + 8 * Math.cos(round / 5 + i),
            packets: round * 500 });
          end.report();
          i++;
        }
      }, ms);
    },
    stop() {
      clearInterval(this.timer);
      for (const socket of sockets) socket.close(1000);
    },
  };
}

export const GOOD = { bitrate: 6020, rtt: 24, loss: 0.02, drop: 0, buffer: 118, latency: 200, jitter: 1.2, bandwidth: 45000, packets: 10000, interval: 5000, connected: true };

/** A page with `fakes`: add(), set(), report(), every(), stop(). */
export async function fakePeers(lab, server, session, token) {
  const page = await lab.page(server, '/');

  await page.evaluate(`window.fakes = (${makeFakes})(${JSON.stringify({ session, token })})`);
  return Object.fromEntries(['add', 'set', 'leave', 'report', 'every', 'stop'].map((name) => [name, (...args) =>
    within(page.evaluate(({ name, args }) => window.fakes[name](...args), { name, args }), `fakes.${name}`)])
      .concat([['page', page]]));
}
