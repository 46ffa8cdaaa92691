// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of a session: what the link allows decides what it is. An admin's
// opens the control room's wall, every other one the operator's page.

import { readToken } from './pb-session.js';

const name = decodeURIComponent(location.pathname.split('/')[2] || '');

// Out of the address at once: history, screenshots and Referer must not have
// it. It stays in this page's memory only.
const token = new URLSearchParams(location.hash.slice(1)).get('t') ||
    new URLSearchParams(location.search).get('t');
history.replaceState(null, '', location.pathname);

const claims = readToken(token);
const isAdmin = claims?.role === 'admin';
// All modules at once, not one import after the other; and those of one page.
document.head.append(document.getElementById(isAdmin ? 'wall-modules'
    : 'operator-modules').content);

const { start } = await import(isAdmin ? './page-wall.js'
    : './page-operator.js');

document.getElementById('name').textContent = name;
document.title = `${name} – Patchbay`;
start({ name, token, claims });
