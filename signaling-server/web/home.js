// SPDX-License-Identifier: LGPL-2.1-or-later
// The landing page: creates a session in one step, where the server lets
// whoever asks.

import { PbAdmin, PbAdminError } from './pb-admin.js';
import { isName } from './pb-wire.js';

const STREAMS_MAX = 64;
const FIELDS = ['name', 'streams', 'ttl'];
const FIRST = ['amber', 'autumn', 'blue', 'bright', 'calm', 'clear', 'copper',
  'early', 'golden', 'green', 'late', 'lucky', 'northern', 'quiet', 'silver',
  'southern', 'spring', 'summer', 'tall', 'winter'];
const SECOND = ['arena', 'bridge', 'coast', 'court', 'derby', 'field', 'forest',
  'garden', 'gallery', 'harbour', 'island', 'market', 'meadow', 'orchard',
  'river', 'square', 'stadium', 'stage', 'summit', 'valley'];

const form = document.getElementById('create');
const button = form.querySelector('button');
const field = (name) => form.elements.namedItem(name);

/* --- what is wrong, beside what it is about ------------------------------ */

function say(where, sentence) {
  document.getElementById(`${where}-error`).textContent = sentence;
  if (FIELDS.includes(where))
    field(where).setAttribute('aria-invalid', String(sentence !== ''));
}

function complain(where, sentence) {
  say(where, sentence);
  (FIELDS.includes(where) ? field(where)
      : document.getElementById(`${where}-error`)).focus();
}

function clear() {
  for (const where of [...FIELDS, 'form']) say(where, '');
}

// By the server's reason: where, and what a person can do about it.
const REFUSALS = {
  SESSION_EXISTS: ['name',
    'A session of this name is running. Choose another name.'],
  // names were read by the server's own rules: the time alone has one of its own
  INVALID_MESSAGE: ['ttl',
    'On this server, sessions may not last that long. Choose a shorter time.'],
  RATE_LIMIT_EXCEEDED: ['form',
    'Too many sessions were created in a short time. Wait a minute, then try again.'],
  SESSION_FULL: ['form',
    'This server has as many sessions as it may. Try again when one has ended.'],
  PERMISSION_DENIED: ['form',
    'This server does not let everybody create sessions. Ask whoever runs it.'],
};

function explain(error) {
  if (!(error instanceof PbAdminError)) throw error;
  const [where, sentence] = REFUSALS[error.reason] ?? ['form', error.message];

  complain(where, sentence);
}

/* --- the form ------------------------------------------------------------ */

// The first character that does not fit, so that nobody has to look for it.
function describeName(name, what) {
  if (name === '') return `${what} needs a name.`;
  if (!/^[A-Za-z0-9]/.test(name))
    return `“${name}” must begin with a letter or a digit.`;
  if (name.length > 64) return `“${name.slice(0, 16)}…” is longer than 64 characters.`;
  const [odd] = name.match(/[^A-Za-z0-9._-]/u) ?? [];

  return odd === undefined ? null : `“${odd === ' ' ? 'space' : odd
  }” does not fit: use letters (a to z), digits, “-”, “_” and “.”.`;
}

/** What was asked for, or null once the first mistake has been told. */
function read() {
  const name = field('name').value.trim();
  const streams = field('streams').value.split(/[\s,;]+/).filter(Boolean);
  const wrong = isName(name) ? null : describeName(name, 'The session');

  if (wrong !== null) {
    complain('name', wrong);
    return null;
  }
  const odd = streams.find((stream) => !isName(stream));
  const twice = streams.find((stream, i) => streams.indexOf(stream) !== i);

  if (streams.length === 0) {
    complain('streams', 'A session needs one camera or more.');
  } else if (odd !== undefined) {
    complain('streams', describeName(odd, 'A camera'));
  } else if (twice !== undefined) {
    complain('streams', `“${twice}” is there twice.`);
  } else if (streams.length > STREAMS_MAX) {
    complain('streams', `A session has ${STREAMS_MAX} cameras at most.`);
  } else {
    return { name, streams, ttl: Number(field('ttl').value) };
  }
  return null;
}

let isBusy = false;

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (isBusy) return;
  clear();
  const asked = read();
  if (asked === null) return;
  // not `disabled`: that would take the focus away
  isBusy = true;
  button.setAttribute('aria-disabled', 'true');
  button.textContent = 'Creating …';
  try {
    const { session, token } = await PbAdmin.create(asked);

    // In place of this entry of the history, and session.js takes the token
    // out of the address: going back never leads to it.
    location.replace(`/s/${encodeURIComponent(session)}#t=${token}`);
  } catch (error) {
    isBusy = false;
    button.removeAttribute('aria-disabled');
    button.textContent = 'Create the session';
    explain(error);
  }
});

for (const name of FIELDS)
  field(name).addEventListener('input', () => say(name, ''));

/* --- what this server is ------------------------------------------------- */

function drawName() {
  const [a, b, c] = crypto.getRandomValues(new Uint32Array(3));

  return `${FIRST[a % FIRST.length]}-${SECOND[b % SECOND.length]}-${10 + c % 90}`;
}

if (field('name').value === '') field('name').value = drawName();

// A server that is slow to say so does not keep the form away.
const show = () => form.classList.remove('asking');
const late = setTimeout(show, 1000);

try {
  const { create, version, protocol } = await PbAdmin.health();

  if (create === false) {
    const closed = document.getElementById('closed');

    closed.textContent = 'On this server, whoever runs it creates the sessions: ask them for a link. On the server’s own machine, “pbctl session create” makes one.';
    form.hidden = true;
    closed.hidden = false;
  }
  if (typeof version === 'string' && typeof protocol === 'string')
    document.getElementById('version').textContent =
        `Patchbay ${version}, protocol ${protocol}`;
} catch (error) {
  // The form stays: trying to create tells what is wrong, and may succeed.
  if (!(error instanceof PbAdminError)) throw error;
} finally {
  clearTimeout(late);
  show();
}
