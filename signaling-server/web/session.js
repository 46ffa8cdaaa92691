// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of a session: what the link allows decides what it is. An admin's
// opens the control room's wall, every other one the operator's page.

import { readToken } from './pb-session.js';

const FIRST_MS = 2000;
const LONGEST_MS = 30000;
const ASK_MS = 10000;

const name = decodeURIComponent(location.pathname.split('/')[2] || '');

// Out of the address at once: history, screenshots and Referer must not have
// it. It stays in this page's memory only.
const given = new URLSearchParams(location.hash.slice(1));
const token = given.get('t') || new URLSearchParams(location.search).get('t');
history.replaceState(null, '', location.pathname);

const claims = readToken(token);
const isAdmin = claims?.role === 'admin';
// All modules at once, not one import after the other; and those of one page.
document.head.append(document.getElementById(isAdmin ? 'wall-modules'
    : 'operator-modules').content);

const say = (text) => {
  document.querySelector('#slots p').textContent = text;
};

// Waited for, or shorter where the network comes back.
const pause = (ms) => new Promise((resolve) => {
  setTimeout(resolve, ms);
  addEventListener('online', resolve, { once: true });
});

// A browser may remember for as long as the page lives that a module did not
// come, and whatever imports that one: the page itself has to be loaded again.
// The token goes back into the address for that moment, as the link had it.
async function loadAgain() {
  const tries = Math.min(Number(given.get('again')) || 0, 16);
  let ms = Math.min(FIRST_MS * 2 ** tries, LONGEST_MS);
  let isThere = false;

  say('A part of this page did not come. Trying again …');
  while (!isThere) {
    await pause(ms);
    ms = Math.min(2 * ms, LONGEST_MS);
    isThere = await fetch(location.pathname, { cache: 'no-store',
      signal: AbortSignal.timeout(ASK_MS) }).then(({ ok }) => ok, () => false);
  }
  const again = new URLSearchParams({ t: token ?? '', again: tries + 1 });
  history.replaceState(null, '', `${location.pathname}#${again}`);
  location.reload();
}

async function load() {
  try {
    return await import(isAdmin ? './page-wall.js' : './page-operator.js');
  } catch (error) {
    // what came, and cannot be read, will not be read the next time either
    if (error instanceof SyntaxError)
      say('This browser is too old for this page. Use a current Chrome, Edge, ' +
          'Firefox or Safari.');
    else loadAgain();
    return null;
  }
}

const page = await load();

document.getElementById('name').textContent = name;
document.title = `${name} – Patchbay`;
const wall = await page?.start({ name, token, claims });

// Loaded again, the wall has no token any more. One that is over asks nothing.
if (isAdmin && wall)
  addEventListener('beforeunload', (event) => {
    if (wall.session.state !== 'over') event.preventDefault();
  });
