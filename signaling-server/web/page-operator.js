// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of a link that is no admin's: one that may send on a slot makes this
// device a camera; one that may receive shows the pictures; every one shows
// tally, state and health.

import { PbFaultError, PbSession, describeFault } from './pb-session.js';
import { CameraTile } from './page-camera.js';
import { Tile } from './page-tile.js';

const element = (id) => document.getElementById(id);
const tiles = new Map();
let session = null;
let isCamera = false;
let isViewer = false;

function notice(text, isBad = false) {
  element('notice').textContent = text;
  element('notice').classList.toggle('bad', isBad);
}

function finish(fault) {
  tiles.clear();
  element('slots').replaceChildren();
  element('left').textContent = '';
  notice(fault.sentence, true);
}

function tileOf(stream) {
  if (!tiles.has(stream)) {
    const tile = isCamera ? new CameraTile(stream, session)
        : new Tile(stream, isViewer ? session : null);

    tiles.set(stream, tile);
    element('slots').append(tile.node);
  }
  return tiles.get(stream);
}

const handlers = {
  state({ state, sentence, isFatal }) {
    if (state === 'joined') notice('');
    else if (state === 'away') notice(sentence, true);
    else if (state === 'over' && isFatal) finish({ sentence });
  },
  session({ streams }) {
    for (const [stream, tile] of tiles) {
      if (streams.some((slot) => slot.stream === stream)) continue;
      tile.node.remove();
      tiles.delete(stream);
    }
    for (const slot of streams) tileOf(slot.stream).setSlot(slot);
  },
  tally({ stream, state }) {
    const tile = tiles.get(stream);

    tile?.setTally(state);
    // for those who listen: tally as it changes, and nothing else
    if (tile) element('said').textContent = `${stream}: ${tile.tallyText}`;
  },
  health(figures) {
    if (figures.via === 'server')
      tiles.get(figures.stream)?.setHealth(figures);
  },
  cue({ stream, text }) {
    tiles.get(stream)?.setCue(text);
  },
  fault(fault) {
    if (fault.stream) tiles.get(fault.stream)?.setFault(fault);
  },
  feed({ stream, media }) {
    tiles.get(stream)?.setFeed(media);
  },
  peer({ stream }) {
    tiles.get(stream)?.update();
  },
};

function tick() {
  if (!session || session.state === 'over' || session.expires === 0) return;
  const left = Math.max(0, Math.round(session.expires - Date.now() / 1000));
  const two = (number) => String(number).padStart(2, '0');
  element('left').textContent = 'ends in ' +
      `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:` +
      two(left % 60);
}

/**
 * @param {object} link
 * @param {string} link.name the session's
 * @param {string} link.token
 * @param {object|null} link.claims what readToken() made of it
 */
export function start({ name, token, claims }) {
  isCamera = claims?.role === 'peer' && claims.stream !== null &&
      claims.perm.includes('send');
  isViewer = !isCamera && claims?.perm.includes('receive');
  document.body.classList.toggle('camera', isCamera);
  try {
    session = new PbSession({ session: name, token,
      client: isCamera ? 'phone page' : 'page' });
    for (const [type, handle] of Object.entries(handlers))
      session.addEventListener(type, ({ detail }) => handle(detail));
    session.join();
    setInterval(tick, 1000);
    // a slot is free again at once, not after the time for coming back
    addEventListener('pagehide', () => session.leave());
    addEventListener('pageshow', (event) => {
      if (event.persisted) finish(describeFault('token-missing'));
    });
  } catch (error) {
    finish(describeFault(error instanceof PbFaultError ? error.fault
        : 'internal'));
  }
}
