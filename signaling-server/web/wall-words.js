// SPDX-License-Identifier: LGPL-2.1-or-later
// The wall's words and figures. Every figure has one width: what changes must
// not move what stands beside it.

/** The tally in the words of a control room. */
export const TALLY = { off: 'Off', preview: 'Preview', program: 'Program' };
export const TALLIES = ['off', 'preview', 'program'];
export const LEVELS = ['idle', 'healthy', 'warning', 'critical'];
/** A level, as one reads it. */
export const HEALTH = { idle: 'No feed', healthy: 'Good', warning: 'Warning',
  critical: 'Critical', stale: 'No word' };

const CAUSES = {
  '': '',
  disconnected: 'not connected',
  stale: 'no word from it',
  undecrypted: 'wrong passphrase: the keys differ',
  drops: 'pictures are being lost',
  loss: 'many packets are lost on the way',
  rtt: 'the way is too long for this latency',
  buffer: 'the upload is too slow for the bitrate',
  bandwidth: 'the connection is nearly full',
  frozen: 'the picture on this page stands still',
  'no-feed': 'no feed',
  'no-receiver': 'nobody receives it',
  'no-figures': 'no figures yet',
};
// For a tile: what fits, and is read from three metres.
const SHORT = {
  undecrypted: 'wrong passphrase',
  drops: 'pictures lost',
  loss: 'packets lost',
  rtt: 'way too long',
  buffer: 'upload too slow',
  bandwidth: 'nearly full',
  frozen: 'picture stands still',
};
const DIRECTIONS = { send: 'sender', receive: 'receiver',
  observe: 'observer' };

/** What is wrong, in words; a cause of a newer server as it came. */
export const causeText = (cause) => CAUSES[cause ?? ''] ?? cause;
/** The same for a tile; and which end says it. */
export const shortCause = (cause) => SHORT[cause] ?? causeText(cause);
export const sideText = (direction) => DIRECTIONS[direction] ?? '';

/** What a token lets its bearer do. */
export function roleText({ role, stream, direction }) {
  const verb = { send: 'Sends', receive: 'Watches', observe: 'Sees figures of' };

  if (role === 'admin') return 'Does everything';
  return `${verb[direction] ?? (stream ? 'Sends and watches' : 'Watches')} ${
    stream ?? 'all slots'}`;
}

const two = (number) => String(number).padStart(2, '0');

/** 754 → `12:34`, 11554 → `3:12:34`. */
export function clockText(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(s / 3600);
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;

  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** How long, roughly: `40 s`, `12 min`, `3 h 12 min`. */
export function spanText(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(s / 60);

  if (s < 60) return `${s} s`;
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Time of day of Unix milliseconds. */
export function timeText(ms) {
  const d = new Date(ms);

  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

// Up to `max`, with as many digits after the point as leave `room` characters.
function fit(value, room, max) {
  if (!Number.isFinite(value)) return '–';
  if (value > max) return `>${max}`;
  // 99.99 is rounded to 100 and then has no room for digits after the point
  for (let digits = 2; digits > 0; digits--) {
    const text = value.toFixed(digits);

    if (text.length <= room) return text;
  }
  return value.toFixed(0);
}

/** kbit/s as Mb/s, four characters: `6.02`, `48.1`, `1204`. */
export const bitrateText = (kbps) => fit(kbps / 1000, 4, 9999);
/** Milliseconds, four characters at most. */
export const msText = (ms) => Number.isFinite(ms)
    ? ms > 9999 ? '>9999' : String(Math.round(ms)) : '–';
/** Percent: `0.00`, `2.41`, `12.3`, `100`. */
export const percentText = (percent) => fit(percent, 4, 100);

const CIPHERS = { 'aes-256': 'AES-256', 'aes-128': 'AES-128',
  'dtls-srtp': 'DTLS-SRTP' };
const TRANSPORTS = { srt: 'SRT', webrtc: 'WebRTC' };

const cipherText = (cipher) => CIPHERS[cipher] ?? cipher ?? '';
const transportText = (word) => TRANSPORTS[word] ?? word ?? '';

/** How it gets here: `SRT · direct · AES-256`. */
export const wayText = ({ transport, path, cipher } = {}) =>
    // an end that speaks SRT alone need not say so: its cipher does
    [transportText(transport ?? (/^aes-/.test(cipher) ? 'srt' : '')),
      path ?? '', cipherText(cipher)]
        .filter((part) => part !== '').join(' · ');
