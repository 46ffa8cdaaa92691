// SPDX-License-Identifier: LGPL-2.1-or-later
// The operator's page: joins its session as an observer over the same
// protocol as everybody else (docs/protocol.md, section 5).

const FIRST_MS = 250;
const LONGEST_MS = 10000;
const FINAL = {
  'session-closed': 'The session was closed. You can close this page.',
  'session-expired': 'The session has ended: its time ran out.',
  'token-expired': 'This link has expired. Ask for a new one.',
};
const REFUSED = {
  AUTH_FAILED: 'This link does not open this session. Ask for a new one.',
  SESSION_EXPIRED: 'The session has ended.',
};
const TALLY = { off: 'Off air', preview: 'Preview', program: 'On air' };
const STATE = {
  WAITING: 'waiting for the other end',
  READY: 'both ends are here',
  CONNECTED: 'connected',
  RELAYING: 'connected through a relay',
  CLOSED: 'closed',
};
const CAUSE = {
  '': 'good',
  disconnected: 'not connected',
  stale: 'no word from it',
  undecrypted: 'the keys differ: wrong passphrase',
  drops: 'pictures are being lost',
  loss: 'many packets are lost on the way',
  rtt: 'the way is long for this latency',
  buffer: 'the connection cannot keep up',
  bandwidth: 'the connection is nearly full',
};

const element = (id) => document.getElementById(id);
const name = decodeURIComponent(location.pathname.split('/')[2] || '');

// Out of the address at once: history, screenshots and Referer must not have
// it. It stays in this page's memory only.
const token = new URLSearchParams(location.hash.slice(1)).get('t') ||
    new URLSearchParams(location.search).get('t');
history.replaceState(null, '', location.pathname);

const slots = new Map();
let expires = 0;
let delay = FIRST_MS;
let isOver = false;
let peer = '';

function notice(text, isBad = false) {
  element('notice').textContent = text;
  element('notice').classList.toggle('bad', isBad);
}

function finish(text) {
  isOver = true;
  slots.clear();
  draw();
  element('left').textContent = '';
  notice(text, true);
}

function healthOf(slot) {
  const ends = [...(slot.sender ? [slot.sender] : []), ...slot.receivers];
  const order = ['healthy', 'warning', 'critical'];
  const told = ends.filter((end) => end.age !== undefined);
  if (told.length === 0) return null;
  return told.reduce((a, b) =>
      order.indexOf(b.health) > order.indexOf(a.health) ? b : a);
}

function line(className, text) {
  const node = document.createElement(className === 'title' ? 'h2' : 'p');
  node.className = className;
  node.textContent = text;
  return node;
}

function drawSlot(slot) {
  const box = document.createElement('section');
  const health = healthOf(slot);
  box.className = `slot ${slot.tally}`;
  box.append(line('title', slot.stream), line('tally', TALLY[slot.tally]),
      line('state', STATE[slot.state]));
  if (health) {
    const word = health.cause === '' && health.health !== 'healthy'
        ? health.health : CAUSE[health.cause] ?? health.cause;
    box.append(line(`health ${health.health}`, word));
  }
  return box;
}

function draw() {
  element('slots').replaceChildren(...[...slots.values()].map(drawSlot));
}

function end(slot, id) {
  if (slot.sender && slot.sender.peer === id) return slot.sender;
  return slot.receivers.find((receiver) => receiver.peer === id);
}

const handlers = {
  registered(message) {
    peer = message.peer;
    expires = message.expires;
    delay = FIRST_MS;
    notice('');
  },
  session(message) {
    slots.clear();
    for (const slot of message.streams) slots.set(slot.stream, slot);
    expires = message.expires;
    draw();
  },
  tally(message) {
    const slot = slots.get(message.stream);
    if (slot) slot.tally = message.state;
    element('said').textContent =
        `${message.stream}: ${TALLY[message.state]}`;
    draw();
  },
  health(message) {
    const slot = slots.get(message.stream);
    const found = slot && end(slot, message.peer);
    if (found) Object.assign(found, message);
    draw();
  },
  closed(message) {
    if (message.peer === undefined && FINAL[message.reason])
      finish(FINAL[message.reason]);
  },
  error(message) {
    finish(REFUSED[message.code] || message.error.message);
  },
};

async function explain() {
  // A browser hides why a WebSocket was refused; plain HTTP tells.
  try {
    const answer = await fetch(`/api/session/${encodeURIComponent(name)}`,
        { headers: { Authorization: `Bearer ${token}` } });
    if (answer.ok) return;
    const { error } = await answer.json();
    if (error.reason === 'TOKEN_EXPIRED') finish(FINAL['token-expired']);
    else if (error.reason === 'NOT_FOUND')
      finish('There is no such session, or this link is for another one.');
    else if (answer.status === 401 || answer.status === 403)
      finish(REFUSED.AUTH_FAILED);
    else if (answer.status === 410) finish(FINAL['session-expired']);
  } catch {
    // the server is away: try again
  }
}

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(
      `${scheme}//${location.host}/api/ws/${encodeURIComponent(name)}`,
      ['patchbay.v1', token]);
  let wasOpen = false;

  socket.onopen = () => {
    wasOpen = true;
    const message = { type: 'register', direction: 'observe',
      client: 'page', protocol: '1.0' };
    if (peer) message.peer = peer;
    socket.send(JSON.stringify(message));
  };
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (!isOver && Object.hasOwn(handlers, message.type))
      handlers[message.type](message);
  };
  socket.onclose = async () => {
    if (!wasOpen && !isOver) await explain();
    if (isOver) return;
    notice('The server cannot be reached. Trying again …', true);
    setTimeout(connect, delay * (1 - 0.3 * Math.random()));
    delay = Math.min(delay * 2, LONGEST_MS);
  };
}

function tick() {
  if (isOver || expires === 0) return;
  const left = Math.max(0, Math.round(expires - Date.now() / 1000));
  const two = (number) => String(number).padStart(2, '0');
  element('left').textContent = 'ends in ' +
      `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:` +
      two(left % 60);
}

element('name').textContent = name;
document.title = `${name} – Patchbay`;
setInterval(tick, 1000);
if (token) connect();
else finish('This page needs its whole link: scan the code again, or ask ' +
    'for a new link.');
