// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes over the WebSocket and the data channel is read here, strictly
// (docs/protocol.md, sections 1, 2 and 5), before anything acts on it. Pure: no
// clock, no network, no page; tests/browser/wire.mjs runs it against the same
// vectors as the C library.

const DEPTH_MAX = 16;
const MEMBERS_MAX = 64;
export const MESSAGE_MAX = 65536;
export const CHANNEL_MAX = 4096;
export const CUE_MAX = 140;
export const BY_MAX = 32;
export const LABEL_MAX = 64;
const SDP_MAX = 32768;
const CANDIDATE_MAX = 1024;
const STRING_MAX = 4096;
const STRING_QR_MAX = 40960;
const THUMBNAIL_MAX = 40960;
const ID_MAX = 2 ** 31 - 1;

const octets = new TextEncoder();

/** Length of a text on the wire. */
export function sizeOf(text) {
  return octets.encode(text).length;
}

// The text is valid JSON by now, so that this only has to keep count: where a
// string stands as a key, and how deep. JSON.parse() itself would take the last
// of two equal keys, and another reader the first.
function checkShape(text) {
  const open = [];
  let isKey = false;

  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const here = open[open.length - 1];

    if (c === '{' || c === '[') {
      if (open.length === DEPTH_MAX) return false;
      open.push(c === '{' ? new Set() : null);
      isKey = c === '{';
    } else if (c === '}' || c === ']') {
      open.pop();
      isKey = false;
    } else if (c === ',') {
      isKey = here instanceof Set;
    } else if (c === '"') {
      let end = i + 1;

      while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
      const string = JSON.parse(text.slice(i, end + 1));
      if (string.includes('\0') || /\p{Surrogate}/u.test(string)) return false;
      if (isKey) {
        if (here.has(string) || here.size === MEMBERS_MAX) return false;
        here.add(string);
        isKey = false;
      }
      i = end;
    }
  }

  return true;
}

/**
 * Reads one JSON object.
 *
 * @param {*} text what came; anything but a string is refused
 * @param {number} max octets at most
 * @returns {object|null} null: it is none, or breaks section 2
 */
export function readObject(text, max) {
  let value;

  if (typeof text !== 'string' || text.length > max || sizeOf(text) > max)
    return null;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isObject(value) && checkShape(text) ? value : null;
}

const isObject = (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value);

// --- addresses ---------------------------------------------------------------

/** Four numbers, or null. */
export function readIpv4(text) {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const numbers = parts?.slice(1).map(Number);

  return numbers?.every((n) => n < 256) ? numbers : null;
}

/** Eight numbers, or null; the URL parser knows all the ways to write them. */
export function readIpv6(text) {
  let host;

  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(text)) return null;
  try {
    host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return null;
  }
  const [left, right] = host.split('::').map((half) =>
      half === '' ? [] : half.split(':').map((group) => parseInt(group, 16)));
  if (right === undefined) return left;
  return [...left, ...Array(8 - left.length - right.length).fill(0), ...right];
}

// --- kinds of fields: each a question ---------------------------------------

const matches = (pattern) => (value) =>
    typeof value === 'string' && pattern.test(value);
const integer = (min, max) => (value) =>
    Number.isSafeInteger(value) && value >= min && value <= max;
const word = (...words) => (value) => words.includes(value);
const list = (min, max, item) => (value) => Array.isArray(value) &&
    value.length >= min && value.length <= max && value.every(item);
// in characters, and with nothing in it that a page or a terminal acts on:
// controls, marks that turn the reading direction, breaks of lines
const text = (min, max) => (value) => typeof value === 'string' &&
    [...value].length >= min && [...value].length <= max &&
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(value);
const lines = (max) => (value) => typeof value === 'string' &&
    value.length > 0 && sizeOf(value) <= max &&
    !/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value);
// RFC 4648, padded: goes into an address of a picture, so nothing else may
const base64 = (max) => (value) => typeof value === 'string' &&
    value.length >= 4 && value.length <= max && value.length % 4 === 0 &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(value);
const flag = (value) => typeof value === 'boolean';
const figure = (value) => value >= 0 && value <= Number.MAX_SAFE_INTEGER &&
    typeof value === 'number';
// A word of a set that may grow
const open = text(0, 64);
const object = (fields) => (value) => isObject(value) && fits(value, fields);

const name = matches(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const peerId = matches(/^[A-Za-z0-9_-]{8,32}$/);
const address = (value) => typeof value === 'string' &&
    (readIpv4(value) ?? readIpv6(value)) !== null;
const direction = word('send', 'receive', 'observe');
const tally = word('off', 'preview', 'program');
const state = word('WAITING', 'READY', 'CONNECTED', 'RELAYING', 'CLOSED');
const srt = word('connecting', 'connected', 'disconnected', 'error');
const cipher = word('aes-256', 'aes-128');
const port = integer(1024, 65535);
const latency = integer(20, 8000);
const id = integer(0, ID_MAX);
const client = text(0, 64);
const count = integer(1, Number.MAX_SAFE_INTEGER);
const fromZero = integer(0, Number.MAX_SAFE_INTEGER);
const media = word('send', 'receive');

const figures = Object.fromEntries(['rtt', 'jitter', 'loss', 'drop', 'bitrate',
  'bandwidth', 'buffer', 'latency', 'packets', 'packets_lost',
  'packets_dropped', 'packets_retransmitted', 'packets_undecrypted',
  'interval', 'frames', 'frames_dropped', 'freezes'].map((f) => [f, figure]));
figures.connected = flag;
const verdict = { health: word('healthy', 'warning', 'critical'), cause: open,
  stale: flag, age: figure };
const turn = { 'urls!': list(1, 8, text(6, 256)), 'username!': text(1, 256),
  'credential!': text(1, 256), 'ttl!': integer(1, 86400) };
const slotPeer = { 'peer!': peerId, client, transport: open, srt, path: open,
  cipher: open, since: fromZero, ...verdict, ...figures };
const slot = { 'stream!': name, 'state!': state, tally, port, thumbnails: flag,
  sender: object(slotPeer), receivers: list(0, 16, object(slotPeer)) };
const string = { 'client!': text(1, 64), 'mode!': text(1, 64), 'works!': flag,
  string: lines(STRING_MAX), note: text(1, STRING_MAX),
  qr: lines(STRING_QR_MAX) };
const alarm = { 'alarm!': count, 'stream!': name, 'cause!': open,
  'level!': word('warning', 'critical'), direction: media, peer: peerId, client,
  'raised!': fromZero, cleared: fromZero, acked: fromZero, by: text(1, BY_MAX) };
const match = object({ 'peer!': peerId, client });

// `!`: a message without it is refused. A null counts as absent, an unknown
// field is passed over.
const MESSAGES = {
  registered: { id, 'peer!': peerId, 'session!': name, stream: name,
    'direction!': direction, state, tally, latency, cipher, port,
    passphrase: text(10, 79),
    stun: object({ 'port!': integer(1, 65535), address }),
    turn: object(turn), expires: integer(0, Number.MAX_SAFE_INTEGER),
    protocol: matches(/^\d{1,3}\.\d{1,3}$/) },
  peer: { 'to!': peerId, 'peer!': peerId, 'stream!': name,
    'direction!': direction, 'role!': word('caller', 'listener'), ice: flag,
    mode: word('caller', 'listener', 'rendezvous'), address, port,
    passphrase: text(10, 79), latency, cipher, client, transport: open,
    back: flag, control: flag, trickle: flag },
  peer_gone: { to: peerId, 'peer!': peerId, stream: name, 'reason!': open },
  peer_match: { 'stream!': name, 'sender!': match, 'receiver!': match },
  signal: { 'from!': peerId, 'to!': peerId, 'kind!': open,
    link: integer(1, ID_MAX), data: isObject },
  status: { id, 'peer!': peerId, 'stream!': name, 'direction!': direction,
    'srt!': srt, with: peerId, code: text(1, 64), path: open, cipher: open,
    latency: integer(0, 65535), transport: open },
  health: { id, 'peer!': peerId, 'stream!': name, 'direction!': direction,
    ...verdict, ...figures },
  tally: { id, 'stream!': name, 'state!': tally },
  cue: { id, 'stream!': name, 'text!': text(1, CUE_MAX) },
  turn,
  strings: { id, 'peer!': peerId, 'stream!': name, 'direction!': media,
    'ready!': flag, address, port, mode: open, note: text(1, STRING_MAX),
    'strings!': list(0, 16, object(string)) },
  thumbnail: { id, 'peer!': peerId, 'stream!': name,
    'jpeg!': base64(THUMBNAIL_MAX) },
  alarm,
  alarms: { 'alarms!': list(0, 100, object(alarm)), more: fromZero },
  session: { 'session!': name, 'state!': state, latency,
    ttl: integer(10, 86400), cipher, created: text(1, 40),
    expires: integer(0, Number.MAX_SAFE_INTEGER),
    'streams!': list(0, 64, object(slot)) },
  closed: { 'reason!': open, retry: flag, peer: peerId },
  error: { id, 'code!': open, peer: peerId,
    'error!': object({ 'status!': text(1, 64), 'reason!': text(1, 64),
      domain: text(1, 64), 'message!': text(0, 1024),
      request_id: text(0, 64) }) },
};

const SIGNALS = {
  candidate: { 'candidate!': text(1, CANDIDATE_MAX), mline: integer(0, 15) },
  offer: { 'sdp!': lines(SDP_MAX) },
  answer: { 'sdp!': lines(SDP_MAX) },
  restart: { code: text(1, 64) },
};

const CHANNEL = {
  tally: { 'stream!': name, 'state!': tally },
  cue: { 'stream!': name, 'text!': text(1, CUE_MAX) },
  health: figures,
};

// Whether the fields that are there are of their kind, and none that is needed
// is missing. Those that are null are taken out.
function fits(value, fields) {
  for (const [key, kind] of Object.entries(fields)) {
    const field = key.replace('!', '');

    if (!Object.hasOwn(value, field) || value[field] === null) {
      if (key !== field) return false;
      delete value[field];
    } else if (!kind(value[field])) {
      return false;
    }
  }

  return true;
}

function readOneOf(table, text, max) {
  const value = readObject(text, max);

  if (value === null || typeof value.type !== 'string' ||
      !Object.hasOwn(table, value.type))
    return null;
  return fits(value, table[value.type]) ? value : null;
}

/**
 * Reads a message of the server's.
 *
 * @param {*} text what the WebSocket brought
 * @returns {object|null} null: to be passed over: of an unknown type, or broken
 */
export function readMessage(text) {
  const message = readOneOf(MESSAGES, text, MESSAGE_MAX);

  if (message?.type !== 'signal' || !Object.hasOwn(SIGNALS, message.kind))
    return message;
  // only `restart` may come without
  if (message.data === undefined)
    return message.kind === 'restart' ? message : null;
  return fits(message.data, SIGNALS[message.kind]) ? message : null;
}

/** Reads a line of the data channel (10.1); null: to be passed over. */
export function readChannel(text) {
  return readOneOf(CHANNEL, text, CHANNEL_MAX);
}

export const isName = name;
export const isPeerId = peerId;
export const isTally = tally;
export const isCue = text(1, CUE_MAX);
export const isBy = text(1, BY_MAX);
export const isLabel = text(1, LABEL_MAX);

/**
 * What a token says of itself (section 3), to decide what to show. It proves
 * nothing: the server alone checks the signature.
 *
 * @param {string} token `p_…`
 * @returns {{role: string, stream: string|null, perm: string[], exp: number}|
 *   null} null: it is no token of this form
 */
export function readToken(token) {
  const [, part] = /^p_([A-Za-z0-9_-]{1,1020})\.[A-Za-z0-9_-]+$/
      .exec(token ?? '') ?? [];
  let claims;

  if (part === undefined) return null;
  try {
    const bytes = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    claims = readObject(new TextDecoder('utf-8', { fatal: true }).decode(
        Uint8Array.from(bytes, (c) => c.charCodeAt(0))), 1024);
  } catch {
    return null;
  }
  if (claims === null || !fits(claims, { 'session!': name,
    'role!': word('admin', 'peer'), stream: name,
    'exp!': integer(1, Number.MAX_SAFE_INTEGER),
    perm: list(1, 3, direction) }))
    return null;

  const stream = claims.stream ?? null;
  const all = ['send', 'receive', 'observe'];
  const usual = stream !== null ? ['send', 'receive'] : ['receive', 'observe'];
  const perm = claims.role === 'admin' ? all
      : (claims.perm ?? usual).filter((p) => p !== 'send' || stream !== null);

  return { role: claims.role, session: claims.session, stream, perm,
    exp: claims.exp };
}
