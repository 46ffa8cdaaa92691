// SPDX-License-Identifier: LGPL-2.1-or-later
// What an admin does by HTTP (docs/protocol.md, section 4): sessions, slots and
// tokens. PbSession is for what goes on meanwhile. Nothing is kept.

import { MESSAGE_MAX, readObject } from './pb-wire.js';

const PATIENCE_MS = 15000;

/** The server said no, or nothing: `reason` for programs, `message` for people. */
export class PbAdminError extends Error {
  /** HTTP status; 0: the server could not be reached. */
  status;
  /** Such as `SESSION_EXISTS` (docs/protocol.md, 4.1). */
  reason;

  constructor(status, reason, sentence) {
    super(sentence);
    this.name = 'PbAdminError';
    this.status = status;
    this.reason = reason;
  }
}

async function call(base, token, method, path, body) {
  const headers = {};
  let answer;
  let text;

  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    answer = await fetch(new URL(path, base), { method, headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS), credentials: 'omit',
      referrerPolicy: 'no-referrer' });
    text = await answer.text();
  } catch {
    throw new PbAdminError(0, 'UNREACHABLE',
        'The server cannot be reached. Check the network, then try again.');
  }
  if (answer.status === 204) return null;
  const value = readObject(text, MESSAGE_MAX);
  if (answer.ok && value !== null) return value;
  const { reason, message } = value?.error ?? {};
  throw new PbAdminError(answer.status,
      typeof reason === 'string' ? reason : 'SERVER_ERROR',
      typeof message === 'string' ? message
          : 'The server answered with something unexpected. Try again.');
}

// A body holds what was given, no more.
const given = (fields) => Object.fromEntries(Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null));

export class PbAdmin {
  #base;
  #path;
  #token;

  /**
   * @param {object} options
   * @param {string} options.session the session's name
   * @param {string} options.token an admin's
   * @param {string} [options.url] the server; default: where the page is from
   */
  constructor({ session, token, url = globalThis.location?.href }) {
    this.#base = new URL('/', url);
    this.#path = `api/session/${encodeURIComponent(session)}`;
    this.#token = token;
  }

  /** What the server says of itself (4.2): `create`, `version`, … */
  static health(url = globalThis.location?.href) {
    return call(new URL('/', url), null, 'GET', 'api/health');
  }

  /**
   * Creates a session (4.3). The answer holds its admin token, this once.
   *
   * @param {{name, streams, latency, ttl, cipher}} fields
   */
  static create(fields, url = globalThis.location?.href) {
    return call(new URL('/', url), null, 'POST', 'api/session', given(fields));
  }

  #call(method, path = '', body = undefined) {
    return call(this.#base, this.#token, method, this.#path + path, body);
  }

  /** The session as it is (4.4). */
  read() {
    return this.#call('GET');
  }

  /**
   * A token for a person (4.5): with `qr` true also as a QR code, SVG text.
   *
   * @param {{stream, direction, ttl, label, qr}} fields
   */
  mint(fields) {
    return this.#call('POST', '/token', given({ role: 'peer', ...fields }));
  }

  /** Those given out, newest first, without the tokens themselves (4.9). */
  tokens(offset = 0) {
    return this.#call('GET', offset > 0 ? `/token?offset=${offset}` : '/token');
  }

  /** Takes one back: what it opened is closed at once. */
  revoke(id) {
    return this.#call('DELETE', `/token/${encodeURIComponent(id)}`);
  }

  /** The session has this many seconds from now on (4.8). */
  extend(ttl) {
    return this.#call('PATCH', '', { ttl });
  }

  /** One more slot (4.8). */
  addStream(stream) {
    return this.#call('POST', '/stream', { stream });
  }

  /** What third-party clients of a slot paste (4.6): it holds passphrases. */
  connect(stream) {
    return this.#call('GET', `/connect?stream=${encodeURIComponent(stream)}`);
  }

  /** Ends the session for everybody. */
  close() {
    return this.#call('DELETE');
  }
}
