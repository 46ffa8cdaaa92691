// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptions and candidates of the other end are checked here before the
// browser sees them (docs/protocol.md, section 10): a browser sends its checks
// to whatever address it is told. Pure; tests/browser/wire.mjs.

import { readIpv4, readIpv6, sizeOf } from './pb-wire.js';

const LINES_MAX = 1024;
const LINE_MAX = 2048;
const MEDIA_MAX = 16;
const CANDIDATES_MAX = 64;

// Who asks there gets the keys of a machine in a cloud.
const METADATA = [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
// foundation component transport priority address port typ type …
const CANDIDATE = /^(?:a=)?candidate:[A-Za-z0-9+/]{1,32} (\d{1,3}) (udp|tcp) \d{1,10} (\S{1,255}) (\d{1,5}) typ (host|srflx|prflx|relay)((?: [\x21-\x7e]+)*) ?$/i;

/** Whether a host is this machine: only then may a candidate be. */
export function isLoopback(host) {
  return host === 'localhost' || host === '[::1]' || host === '::1' ||
      /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

// As blame_v4() and blame_v6() of core/pb-candidate.c have it.
function isIpv4Fit([a, b], isLocal) {
  if (a === 127) return isLocal;
  return a !== 0 && a < 224 && !(a === 169 && b === 254);
}

function isIpv6Fit(groups, isLocal) {
  const [first] = groups;
  const inner = groups.slice(1, 3).flatMap((g) => [g >> 8, g & 255]);

  if (groups.slice(0, 7).every((g) => g === 0) && groups[7] === 1)
    return isLocal;
  // 0000::/8: unspecified, or an IPv4 address dressed up, be it mapped,
  // compatible, translated or NAT64
  if (first < 0x100) return false;
  // 6to4: what is inside is where the packets go
  if (first === 0x2002 && !isIpv4Fit(inner, false)) return false;
  // link-local and what was site-local; multicast
  if ((first & 0xff80) === 0xfe80 || first >= 0xff00) return false;
  return groups.join() !== METADATA.join();
}

/**
 * Looks at one candidate line, with or without the `a=`.
 *
 * @param {string} line
 * @param {boolean} isLocal the session's server is this machine itself
 * @returns {'good'|'name'|'bad'} `name`: a name instead of an address
 */
export function checkCandidate(line, isLocal) {
  const parts = CANDIDATE.exec(line);

  if (parts === null || sizeOf(line) > 1024) return 'bad';
  const [, component, transport, address, portText, , rest] = parts;
  const port = Number(portText);
  const isActive = / tcptype active\b/i.test(rest);

  if (component < 1 || component > 256 || port > 65535 || port === 0)
    return 'bad';
  if (transport.toLowerCase() === 'tcp' && isActive && port !== 9)
    return 'bad';
  if (/[a-z]/i.test(address) && !address.includes(':'))
    return /^[A-Za-z0-9.-]+$/.test(address) ? 'name' : 'bad';
  const four = readIpv4(address);
  if (four !== null) return isIpv4Fit(four, isLocal) ? 'good' : 'bad';
  if (!address.includes(':')) return 'bad';
  const six = readIpv6(address);
  return six !== null && isIpv6Fit(six, isLocal) ? 'good' : 'bad';
}

/**
 * A browser hides its addresses from pages that use no camera behind names
 * (`….local`), which other browsers, and they alone, look up.
 */
export function isBrowsersName(line) {
  // the address alone counts: what else a line names gets no packet
  return checkCandidate(line, false) === 'name' &&
      /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local$/i
          .test(CANDIDATE.exec(line)[3]);
}

/**
 * Looks at a description.
 *
 * @param {string} sdp
 * @param {boolean} isLocal as in checkCandidate()
 * @returns {string|null} what may be handed to the browser: candidates that are
 *   refused are left out. null: the whole is refused
 */
export function checkDescription(sdp, isLocal) {
  const lines = sdp.split(/\r?\n/);
  let media = 0;
  let candidates = 0;

  if (lines[lines.length - 1] === '') lines.pop();
  if (lines.length > LINES_MAX || lines[0] !== 'v=0') return null;
  for (const line of lines) {
    if (sizeOf(line) > LINE_MAX || !/^[a-z]=/.test(line) ||
        /\p{Cc}/u.test(line))
      return null;
    if (line.startsWith('m=')) media++;
    if (line.startsWith('a=candidate:')) candidates++;
  }
  if (media === 0 || media > MEDIA_MAX || candidates > CANDIDATES_MAX)
    return null;
  const kept = lines.filter((line) => !line.startsWith('a=candidate:') ||
      checkCandidate(line, isLocal) === 'good' || isBrowsersName(line));
  return kept.join('\r\n') + '\r\n';
}
