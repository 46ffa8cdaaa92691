// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of a link that is no admin's: one that may send on a slot makes this
// device a camera; one that may receive shows the pictures; every one shows
// tally, cues, state and health.

import { PbFaultError, PbSession, describeFault } from './pb-session.js';
import { CameraStation } from './page-camera.js';
import { CueBoard } from './page-cues.js';
import { Light, say } from './page-light.js';
import { makeForeign, makeOver } from './page-over.js';
import { drawId, make, write, writeSpan } from './page-parts.js';
import { Tile } from './page-tile.js';

const element = (id) => document.getElementById(id);
const STATE = { new: 'Connecting', joining: 'Connecting', joined: 'Connected',
  away: 'Reconnecting', over: 'Ended' };
// A light that nobody sets any more still looks like one.
const OLD = 'Until then the tally here may be an old one.';
const SOON_S = 300;

class Page {
  #name;
  #token;
  #claims;
  #session = null;
  #watch = null;
  #camera = null;
  #tiles = new Map();
  #light;
  #cues = new CueBoard();
  #kind;
  #role = make('p', 'role');
  #isWarned = false;
  #link = make('p', 'link');
  #left = make('p', 'left');
  #notice = make('p', 'notice');
  #soon = make('p', 'notice');

  constructor({ name, token, claims }) {
    const { stream = null, perm = [] } = claims ?? {};
    const isCamera = claims?.role === 'peer' && stream !== null &&
        perm.includes('send');

    this.#name = name;
    this.#token = token;
    this.#claims = claims;
    this.#kind = isCamera ? 'camera' : perm.includes('receive') ? 'viewer'
        : 'observer';
    this.#light = new Light(stream ?? name);
    this.#drawFrame(stream);
  }

  // What stays while the rest comes and goes.
  #drawFrame(stream) {
    document.body.classList.add('operator', this.#kind);
    write(element('name'), stream ?? this.#name);
    for (const node of [this.#notice, this.#soon, this.#link])
      node.setAttribute('role', 'status');
    element('top').replaceChildren(
        make('div', 'line', element('name'), this.#link),
        make('div', 'line', this.#role, this.#left));
  }

  start() {
    const claims = this.#claims;

    this.#notice.textContent = '';
    if (claims && claims.session !== this.#name) {
      write(element('name'), this.#name);
      this.#finish(makeForeign(this.#name, claims));
      return;
    }
    try {
      this.#session = new PbSession({ session: this.#name, token: this.#token,
        client: this.#kind === 'camera' ? 'phone page' : 'page' });
      for (const type of ['state', 'session', 'tally', 'health', 'cue', 'fault',
        'feed', 'peer', 'registered', 'thumbnail'])
        this.#session.addEventListener(type, ({ detail }) =>
          this[type](detail));
      this.#draw();
      this.#watch = this.#session.join();
      if (this.#kind === 'camera') this.#drawCamera();
      this.tick();
    } catch (error) {
      this.#end(describeFault(error instanceof PbFaultError ? error.fault
          : 'internal'));
    }
  }

  leave() { this.#session?.leave(); }

  /** Whether somebody would miss what this page sends. */
  get isLive() { return this.#camera?.isLive ?? false; }

  /** Back from the browser's cache: the token was left behind. */
  forget() {
    this.#token = null;
    this.#end(describeFault('token-missing'));
  }

  // --- what stands there -----------------------------------------------------

  #draw() {
    const main = element('slots');
    const { stream = null } = this.#claims ?? {};
    const top = make('div', 'top', this.#notice, this.#soon, this.#cues.node);

    this.#tiles.clear();
    this.#camera = null;
    main.className = this.#kind;
    main.replaceChildren(top);
    const role = { camera: 'camera operator', viewer: 'viewer',
      observer: 'observer' }[this.#kind];
    write(this.#role, stream === null ? `Session, ${role}`
      : `Session ${this.#name}, ${role}`);
    if (this.#kind === 'camera') {
      top.append(this.#light.node);
      return;
    }
    main.append(make('div', 'slots'), this.#cues.past, this.#makeOptions());
    main.classList.toggle('one', stream !== null);
  }

  #drawCamera() {
    this.#camera = new CameraStation(this.#claims.stream, this.#session,
        this.#watch, this.#light);
    this.#camera.panel.append(this.#cues.past,
        this.#makeOptions(this.#camera.figures));
    element('slots').append(this.#camera.stage, this.#camera.panel);
  }

  #makeOptions(...more) {
    const awake = this.#makeSwitch('Keep the screen on', true, (isOn) =>
      this.#light.keepAwake(isOn));
    const parts = [awake, this.#light.lockNote];

    this.#light.keepAwake(true);
    if (navigator.vibrate)
      parts.push(this.#makeSwitch(this.#kind === 'camera'
        ? 'Vibrate on tally and cues (it may shake the picture)'
        : 'Vibrate on tally and cues', this.#light.isTouching, (isOn) => {
        this.#light.isTouching = isOn;
        if (isOn) this.#light.touch([80]);
      }));
    return make('details', 'options', make('summary', '', more.length > 0
      ? 'Options and numbers' : 'Options'), ...parts, ...more);
  }

  #makeSwitch(text, isOn, act) {
    const id = drawId();
    const box = make('input');
    const label = make('label', '', text);

    Object.assign(box, { type: 'checkbox', id, checked: isOn });
    label.htmlFor = id;
    box.addEventListener('change', () => act(box.checked));
    return make('div', 'switch', box, label);
  }

  // An admin's slots come and go; a snapshot for one slot says nothing of them.
  #drawSlots(streams) {
    const isPart = streams.length === 1 &&
        this.#tiles.get(streams[0].stream)?.isAsking;

    for (const [stream, tile] of this.#tiles) {
      if (isPart || streams.some((slot) => slot.stream === stream)) continue;
      tile.close();
      this.#tiles.delete(stream);
    }
    for (const slot of streams) {
      if (!this.#tiles.has(slot.stream)) {
        const tile = new Tile(slot.stream, this.#kind === 'viewer'
          ? this.#session : null);

        this.#tiles.set(slot.stream, tile);
        document.querySelector('#slots .slots').append(tile.node);
      }
      this.#tiles.get(slot.stream).setSlot(slot);
    }
  }

  #finish(box) {
    this.#camera?.close();
    this.#camera = null;
    for (const tile of this.#tiles.values()) tile.close();
    this.#tiles.clear();
    this.#light.clear();
    delete document.body.dataset.mode;
    document.body.dataset.state = 'over';
    for (const node of [this.#link, this.#left, this.#role])
      write(node, '');
    element('slots').className = 'ended';
    element('slots').replaceChildren(box);
    box.querySelector('h2').focus();
  }

  #end(fault) {
    const retry = this.#token === null ? null : () => {
      this.start();
      say('Trying again.');
    };

    // the last tally is none any more
    say('');
    this.#finish(makeOver(fault, retry));
  }

  /** Each second: how long it goes on. */
  tick() {
    const ends = this.#endsAt();

    if (!this.#session || this.#session.state === 'over' || ends === null)
      return;
    const left = ends.at - Date.now() / 1000;
    const isSoon = left < SOON_S;
    write(this.#left, left > 86400 ? `${Math.floor(left / 86400)} days left`
      : `${writeSpan(left)} left`);
    this.#left.classList.toggle('soon', isSoon);
    if (isSoon === this.#isWarned) return;
    this.#isWarned = isSoon;
    write(this.#soon, !isSoon ? '' : ends.isLink
      ? 'Your link ends in less than 5 minutes. Ask the control room for a ' +
        'new one, if you are still needed.'
      : 'The session ends in less than 5 minutes. Ask the control room to ' +
        'extend it, if it goes on.');
  }

  #endsAt() {
    const { expires = 0, linkExpires = 0 } = this.#session ?? {};

    return expires === 0 ? null : { at: Math.min(linkExpires, expires),
      isLink: linkExpires < expires };
  }

  // --- what comes ------------------------------------------------------------

  state({ state, code, sentence, isFatal }) {
    document.body.dataset.state = state;
    write(this.#link, STATE[state]);
    this.#camera?.setState(state);
    if (state === 'joined') write(this.#notice, '');
    else if (state === 'away') write(this.#notice, `${sentence} ${OLD}`);
    else if (state === 'over' && isFatal) this.#end({ code, sentence });
  }

  session({ streams }) {
    const { stream = null } = this.#claims;

    if (this.#camera) {
      const slot = streams.find((one) => one.stream === stream);
      if (slot) this.#camera.setSlot(slot);
      if (slot?.tally) this.#light.set(slot.tally);
      return;
    }
    this.#drawSlots(streams);
    if (stream !== null && streams[0]?.tally)
      this.#light.set(streams[0].tally);
  }

  tally({ stream, state }) {
    if (stream === this.#claims.stream) this.#light.set(state);
    const tile = this.#tiles.get(stream);
    if (!tile || tile.slot?.tally === state) return;
    tile.setTally(state);
    if (stream !== this.#claims.stream) say(`${stream}: ${tile.tallyText}.`);
  }

  health(figures) {
    this.#camera?.setHealth(figures);
    this.#tiles.get(figures.stream)?.setHealth(figures);
  }

  cue({ stream, text }) {
    this.#cues.add(text, this.#claims.stream === null ? stream : undefined);
    this.#light.touch();
  }

  fault(fault) {
    this.#camera?.setFault(fault);
    if (fault.stream) this.#tiles.get(fault.stream)?.setFault(fault);
  }

  feed({ stream, media }) {
    this.#camera?.setFeed(media);
    this.#tiles.get(stream)?.setFeed(media);
  }

  peer(detail) {
    this.#camera?.setPeer(detail);
    this.#tiles.get(detail.stream)?.update();
  }

  registered({ end }) {
    this.#camera?.setRegistered(end);
  }

  thumbnail({ stream, picture }) {
    this.#tiles.get(stream)?.setStill(picture);
  }
}

/**
 * @param {object} link
 * @param {string} link.name the session's
 * @param {string} link.token
 * @param {object|null} link.claims what readToken() made of it
 */
export function start(link) {
  const page = new Page(link);

  page.start();
  setInterval(() => page.tick(), 1000);
  // a page that is loaded again has no token any more
  addEventListener('beforeunload', (event) => {
    if (page.isLive) event.preventDefault();
  });
  // a slot is free again at once, not after the time for coming back
  addEventListener('pagehide', () => page.leave());
  addEventListener('pageshow', (event) => {
    if (event.persisted) page.forget();
  });
}
