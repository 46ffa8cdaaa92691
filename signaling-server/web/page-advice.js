// SPDX-License-Identifier: LGPL-2.1-or-later
// What the figures mean to the person at the camera, and what to do about it.
// Pure: no clock, no page, no measured number in a sentence, so that one that
// still holds reads the same; tests/browser/advice.mjs is its table.

import { STALE_MS } from './pb-stats.js';

const LEVELS = ['critical', 'warning', 'info', 'good'];

// The estimate of the way out starts low and climbs.
const SETTLED_MS = 10000;
const LOSS = { warning: 2, critical: 10 };
const DROP = { warning: 0, critical: 1 };
// A conversation over talkback is not one any more.
const RTT = { warning: 300, critical: 800 };

/** 2500000: `2.5 Mbit/s`. */
export function writeRate(bps) {
  return `${+(bps / 1e6).toFixed(1)} Mbit/s`;
}

const NEARER = 'choose a lower quality, or move closer to the router or a ' +
    'window';

const CAMERA = {
  ended: 'The camera stopped: it was unplugged, or another app took it. ' +
      'Close that app, then press “Restart camera”.',
  paused: 'The device has paused the camera. Close other apps that use it, ' +
      'and keep this page in front.',
  frozen: 'The picture stands still. Press “Restart camera”.',
};
const SOUND = {
  ended: ['critical', 'The microphone stopped. Press “Restart camera”, or ' +
      'choose another one.'],
  paused: ['warning', 'The device has paused the microphone: a call may have ' +
      'it. End the call.'],
  silent: ['warning', 'No sound comes from the microphone. Say something, or ' +
      'choose another one.'],
  muted: ['info', 'You are muted: nobody hears you.'],
  none: ['info', 'There is no microphone: you send a picture only.'],
};

// How an encoder of one's own fares is for the receiver to say.
const ENCODER = {
  disconnected: ['warning', 'Your encoder is not connected. Start it, and ' +
      'check that the address is as shown here.'],
  stale: ['warning', 'The control room has gone silent: nobody can say ' +
      'whether your picture arrives.'],
  undecrypted: ['critical', 'The passphrase in your encoder is another one: ' +
      'copy it again.'],
  drops: ['critical', 'Pictures are being lost. Lower the bitrate in your ' +
      'encoder, or use a better network.'],
  loss: ['warning', 'The network loses a lot on the way. Lower the bitrate in ' +
      'your encoder, or use a cable.'],
  rtt: ['warning', 'The way is long for the latency of this session. Ask the ' +
      'control room for a longer one.'],
  buffer: ['warning', 'The connection cannot keep up. Lower the bitrate in ' +
      'your encoder.'],
  bandwidth: ['warning', 'The connection is nearly full. Lower the bitrate in ' +
      'your encoder.'],
};
const VIEWER = {
  disconnected: ['critical', 'No picture comes from the camera.'],
  stale: ['warning', 'There is no news of the camera: what you see may be old.'],
  undecrypted: ['critical', 'The keys differ: the camera has another ' +
      'passphrase.'],
  drops: ['warning', 'Pictures are being lost on the way from the camera.'],
  loss: ['warning', 'The network loses a lot on the way from the camera.'],
  rtt: ['warning', 'The way from the camera is slow.'],
  buffer: ['warning', 'The connection of the camera cannot keep up.'],
  bandwidth: ['warning', 'The connection of the camera is nearly full.'],
};

const past = ({ warning, critical }, value) =>
    value >= critical ? 'critical' : value > warning ? 'warning' : null;
const highest = (rows, field) => Math.max(0, ...rows.map((row) =>
    Number.isFinite(row?.[field]) ? row[field] : 0));

// True: the network holds it back, and what is lost is lost there.
function adviseUpload(say, { videoBps, sent, connectedMs }) {
  const { bitrate = 0, bandwidth = 0, limit } = sent ?? {};
  const wanted = videoBps / 1000;
  // an estimate is worth something where what is sent comes near it
  const isFull = bandwidth > 0 && bandwidth < wanted &&
      bitrate * 1.3 >= bandwidth;
  // an encoder says so for a moment after each change, too
  const isHeld = limit === 'bandwidth' && bitrate < 0.8 * wanted &&
      bandwidth < wanted;

  if (!(connectedMs >= SETTLED_MS)) return false;
  if (isFull || isHeld)
    say(Math.max(bitrate, bandwidth) < wanted / 2 ? 'critical' : 'warning',
        'upload', `Your upload is too slow for ${writeRate(videoBps)}: ${
          NEARER}.`);
  else if (limit === 'cpu')
    say('warning', 'cpu', 'This device cannot keep up with this quality: ' +
        'choose a lower one, and close other apps.');
  return isFull || isHeld;
}

function adviseCamera(say, facts) {
  const { camera = 'ok', sound = 'ok', isLive, links = [], sent,
    told = [] } = facts;
  const rows = [sent, ...told];

  if (CAMERA[camera]) say('critical', `camera-${camera}`, CAMERA[camera]);
  if (SOUND[sound]) say(SOUND[sound][0], `sound-${sound}`, SOUND[sound][1]);
  if (!isLive) return;
  if (links.includes('interrupted') && !links.includes('connected'))
    say('critical', 'interrupted', 'The connection to the control room broke ' +
        'off. It comes back by itself: stay where your signal is good.');
  if (!links.includes('connected')) return;

  const isFull = adviseUpload(say, facts);
  const drop = past(DROP, highest(told, 'drop'));
  const loss = past(LOSS, highest(rows, 'loss'));
  const rtt = past(RTT, highest(rows, 'rtt'));
  // where the way is full that is said already, and what to do is the same
  if (drop && !isFull)
    say(drop, 'drops', `Pictures are lost on the way to the control room: ${
      NEARER}.`);
  else if (loss && !isFull)
    say(loss, 'loss', `The network loses a lot of what you send: ${NEARER}.`);
  if (rtt)
    say(rtt, 'rtt', 'The way to the control room is slow. Use a cable or ' +
        'another network if you can.');
  if (told.some((row) => row.froze))
    say('warning', 'froze', 'The picture stood still in the control room just ' +
        'now. Keep the phone where its signal is good.');
  if (told.length > 0 && told.every((row) => row.stale ||
      row.ageMs > STALE_MS))
    say('warning', 'stale', 'The control room has gone silent: nobody can say ' +
        'whether your picture arrives.');
}

function adviseByCause(say, table, told) {
  for (const row of told) {
    const cause = row.stale ? 'stale' : row.cause;

    if (row.health === 'healthy') continue;
    // a newer server may know more causes
    if (!Object.hasOwn(table, cause))
      say(row.health, 'other', 'Something is not right on the way.');
    else
      say(row.health === 'critical' ? 'critical' : table[cause][0], cause,
          table[cause][1]);
  }
}

/**
 * What to tell, the worst first; never nothing.
 *
 * @param {object} facts
 * @param {'camera'|'encoder'|'viewer'|'observer'} facts.role
 * @param {boolean} [facts.isLive] camera: it sends
 * @param {boolean} [facts.isRegistered] camera: the server has it on the slot
 * @param {boolean} [facts.isHere] viewer, observer: there is a camera
 * @param {string} [facts.camera] `ok`, `ended`, `paused`, `frozen`
 * @param {string} [facts.sound] `ok`, `ended`, `paused`, `silent`, `muted`,
 *   `none`
 * @param {string[]} [facts.links] states of the connections
 * @param {number} [facts.connectedMs] since the first of them came up
 * @param {number} [facts.videoBps] what was chosen
 * @param {object} [facts.sent] our figures, with `limit`: `bandwidth`, `cpu`
 * @param {object[]} [facts.told] figures of those who receive, with `health`
 *   and `cause` where the server judged them, `ageMs`, and `froze` where the
 *   picture stood still since the report before
 * @returns {{level: string, code: string, text: string}[]}
 */
export function advise(facts) {
  const all = [];
  const say = (level, code, text) => {
    if (!all.some((one) => one.code === code)) all.push({ level, code, text });
  };
  const { role, told = [], links = [] } = facts;

  if (role === 'camera') adviseCamera(say, facts);
  else adviseByCause(say, role === 'encoder' ? ENCODER : VIEWER, told);
  all.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));

  const isBad = all.some(({ level }) => level !== 'info');
  if (isBad) return all;
  if (role === 'camera' && !facts.isLive)
    say('info', 'ready', 'Ready. Nothing is sent before you go live.');
  else if (role === 'camera' && !links.includes('connected'))
    say('info', ...links.length > 0
      ? ['connecting', 'Connecting to the control room …']
      : facts.isRegistered === false
        ? ['joining', 'You need do nothing: it goes on once the server answers.']
        : ['alone', 'You need do nothing: the control room sees you once it ' +
          'is there.']);
  else if (role === 'camera' && told.length === 0)
    say('info', 'unheard', 'Connected: waiting for word of your picture.');
  else if (role === 'camera')
    say('good', 'good', 'All is well: your picture arrives.');
  else if (told.length === 0)
    say('info', 'waiting', role === 'encoder'
      ? 'Your encoder is not connected yet.'
      : facts.isHere
        ? 'The camera is here. There is no news of its picture yet.'
        : `There is no camera here yet.${role === 'observer' ? ''
          : ' The picture comes by itself.'}`);
  else
    say('good', 'good', role === 'encoder' ? 'All is well: your picture arrives.'
        : 'All is well.');
  return all.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}
