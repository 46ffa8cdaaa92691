// SPDX-License-Identifier: LGPL-2.1-or-later
// Why something does not work, in words a person can act on. Codes of
// docs/protocol.md, section 7, where there is one, worded for a page; the
// others never leave this browser.

/** code: [sentence, whether trying again cannot mend it] */
const FAULTS = {
  // the session
  'token-missing': ['This page needs its whole link: scan the code again, or ask for a new link.', true],
  'token-invalid': ['This link does not open this session. Ask for a new one.', true],
  'token-expired': ['This link has expired. Ask for a new one.', true],
  'token-revoked': ['This link was withdrawn. Ask for a new one.', true],
  denied: ['This link is not for that. Ask for one that is.', true],
  'slot-taken': ['Somebody else is sending on this slot. Ask them to stop, or ask for a link to another slot.', false],
  'slot-unknown': ['The session has no such slot. Ask for a new link.', true],
  'session-unknown': ['There is no such session now, or this link is for another one.', false],
  'session-closed': ['The session was closed. You can close this page.', true],
  'session-expired': ['The session has ended: its time ran out.', true],
  'session-full': ['There is no room for another viewer on this slot.', false],
  replaced: ['The same link took this slot over on another device or page.', true],
  'server-unreachable': ['The server cannot be reached. What is connected keeps running. Trying again …', false],
  'server-refused': ['The server answered with something unexpected. Trying again …', false],
  'version-mismatch': ['This page and the other end speak different versions. Load the page again.', true],
  // the other end
  'no-path': ['The two ends found no way to reach each other. Try another network, such as a phone’s, or ask for a relay.', false],
  'peer-lost': ['The other end went silent. It connects again by itself when it is back.', false],
  'timed-out': ['The other end did not answer. Trying again …', false],
  refused: ['The other end sent something that cannot be used. Look there for the reason.', false],
  'no-transport': ['The other end of this slot speaks SRT only, which a browser cannot. Use pbsrcsink there, or a browser.', false],
  'no-codec': ['The two ends have no picture or sound format in common. Send H.264 or VP8, and Opus.', false],
  fingerprint: ['The other end is not who the server said it is. Nothing was sent.', false],
  'relay-unreachable': ['Only a relay is allowed and none answers. Ask whoever runs the server.', false],
  // this browser
  'insecure-context': ['A browser gives a camera only to pages over https. Ask for a link that begins with https.', true],
  'no-webrtc': ['This browser cannot send or show live pictures. Use a current Chrome, Edge, Firefox or Safari.', true],
  'camera-denied': ['The camera or microphone was not allowed. Allow them for this page in the browser’s settings, then try again.', false],
  'camera-missing': ['No camera or microphone was found. Plug one in, then try again.', false],
  'camera-busy': ['The camera or microphone is in use by another program. Close that, then try again.', false],
  'camera-lost': ['The camera or microphone stopped: it was unplugged, or another app took it. Go live again.', false],
  internal: ['Something went wrong inside the page. Load it again.', false],
};

/** The names of the wire: the others are not for the server. */
const OWN = new Set(['insecure-context', 'no-webrtc', 'camera-denied',
  'camera-missing', 'camera-busy', 'camera-lost']);

/**
 * @param {string} code
 * @returns {{code: string, sentence: string, isFatal: boolean}}
 */
export function describeFault(code) {
  const [sentence, isFatal] = FAULTS[code] ?? FAULTS.internal;

  return { code, sentence, isFatal };
}

/** A code as the server takes it, or undefined. */
export function faultOnWire(code) {
  return OWN.has(code) ? undefined : code;
}

/** An Error whose `fault` is a code, thrown by what a page calls itself. */
export class PbFaultError extends Error {
  constructor(code) {
    super(describeFault(code).sentence);
    this.name = 'PbFaultError';
    this.fault = code;
  }
}

/** The fault of an `error` message; `isRegister`: the answer to a register. */
export function faultOfError(reason, isRegister) {
  switch (reason) {
    case 'TOKEN_MISSING': return 'token-missing';
    case 'TOKEN_INVALID': return 'token-invalid';
    case 'TOKEN_EXPIRED': return 'token-expired';
    case 'TOKEN_REVOKED': return 'token-revoked';
    case 'PERMISSION_DENIED': return 'denied';
    case 'NOT_FOUND': return isRegister ? 'slot-unknown' : 'session-unknown';
    case 'STREAM_TAKEN': return 'slot-taken';
    case 'SESSION_EXPIRED': return 'session-expired';
    case 'SESSION_FULL': return 'session-full';
    case 'VERSION_MISMATCH': return 'version-mismatch';
    case 'UNAVAILABLE': return 'server-unreachable';
    default: return 'server-refused';
  }
}

/** The fault of what getUserMedia() threw. */
export function faultOfMedia(error) {
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError': return 'camera-denied';
    case 'NotFoundError':
    case 'OverconstrainedError': return 'camera-missing';
    case 'NotReadableError':
    case 'AbortError': return 'camera-busy';
    default: return error instanceof PbFaultError ? error.fault : 'internal';
  }
}

/** The fault of a `closed` with this reason. */
export function faultOfClosed(reason) {
  return ['session-closed', 'session-expired', 'token-expired',
    'token-revoked', 'replaced']
      .includes(reason) ? reason : 'server-unreachable';
}
