// SPDX-License-Identifier: LGPL-2.1-or-later
// The slot where this device is its camera: choose and look, go live, stay
// live, stop. Or an encoder of one's own, and this page is its tally light.

import { PbFaultError, describeFault } from './pb-session.js';
import { checkBrowser } from './pb-media.js';
import { drawId, make, makeButton, makeSoundButton, makeVideo, write,
  writeSpan } from './page-parts.js';
import { advise } from './page-advice.js';
import { EncoderPanel } from './page-encoder.js';
import { AdviceList, Numbers, RECEIVED, SENT } from './page-health.js';
import { askToStop } from './page-over.js';
import { SetupPanel } from './page-setup.js';
import { FrameWatch, Work } from './page-work.js';

const LOOK_MS = 1000;
// A finger that pressed “Go live” twice shall not have stopped it.
const GUARD_MS = 1200;
// That the picture stood still over there is told long enough to be read.
const FROZE_MS = 10000;
// How often what the system took is opened again before a person has to.
const REOPEN_MAX = 3;
const REOPEN_MS = 20000;
const SLOW = 'The camera does not answer. Look for a question of the browser ' +
    'and allow it; close other apps that use the camera. Or try again.';

const LABEL = {
  idle: 'Your camera is off', ready: 'Preview: nothing is sent yet',
  live: 'This is what you send',
};

// A lens, drawn, with what it means beside it.
function makeEmpty() {
  const lens = make('span', 'lens');

  lens.setAttribute('aria-hidden', 'true');
  return make('div', 'empty', lens, make('p', '', 'Your camera is off. ' +
      'Nothing is sent before you go live.'));
}

/** What a camera operator has before them, from the first look to the stop. */
export class CameraStation {
  stream;
  /** What stands in the page: the picture, and all that is said and done. */
  stage;
  panel;
  figures;
  #session;
  #light;
  #slot = null;
  #end = null;
  #mode = 'idle';
  #isClosed = false;
  #gone = new AbortController();
  #timer = 0;
  #work = new Work();
  #isHeld = false;
  #isRegistered = false;
  #question = null;
  #liveAt = 0;
  /* since when the server has had us; 0: not yet */
  #heldAt = 0;
  #upAt = 0;
  #reopened = 0;
  #reopenedAt = 0;
  #sent = null;
  #told = new Map();
  #shown = null;
  #preview = makeVideo('preview');
  #frames = new FrameWatch(this.#preview);
  #badge = make('p', 'badge');
  #empty = makeEmpty();
  #back = null;
  #live = make('p', 'said');
  #span = make('p', 'span');
  #note = make('p', 'note');
  #problem = make('p', 'problem');
  /* whose fault stands there: a counterpart's, our own end's, or null */
  #blamed = null;
  #advice = new AdviceList();
  #numbers = { sent: new Numbers('What you send', SENT),
    told: new Numbers('What arrives there', RECEIVED) };
  #buttons;
  #setup = null;
  #setupId = drawId();
  #encoder;

  /**
   * @param {string} stream
   * @param {PbSession} session
   * @param {PbEnd} watch the end that watches the slot, and asks for strings
   * @param {Light} light
   */
  constructor(stream, session, watch, light) {
    this.stream = stream;
    this.#session = session;
    this.#light = light;
    this.#encoder = new EncoderPanel('send', (direction) =>
      watch.strings(direction));
    this.#encoder.onToggle = () => this.update();
    this.#follow();
    this.#makeNodes();
    for (const [target, type] of [[document, 'visibilitychange'],
      [document, 'resume'], [globalThis, 'pageshow']])
      target.addEventListener(type, () => this.#wake(),
          { signal: this.#gone.signal });
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.update();
  }

  // What hangs on the devices, which are others after what never opened.
  #follow() {
    const devices = this.#devices;
    const setup = new SetupPanel(devices, {
      camera: (id) => this.#change((it) => it.chooseCamera(id)),
      microphone: (id) => this.#change((it) => it.chooseMicrophone(id)),
      quality: (row) => this.#change((it) => it.chooseQuality(row)),
    });

    devices.addEventListener('change', () => {
      if (devices === this.#devices) this.update();
    });
    this.#preview.srcObject = devices.media;
    setup.node.id = this.#setupId;
    this.#setup?.node.replaceWith(setup.node);
    this.#setup = setup;
  }

  get isLive() { return this.#mode === 'live'; }

  #makeNodes() {
    this.#buttons = {
      go: makeButton('primary', 'Set up camera', () => this.#go()),
      mute: makeButton('mute', 'Mute', () => this.#mute()),
      turn: makeButton('turn', 'Other camera', () =>
        this.#change((devices) => devices.turn())),
      settings: makeButton('unfold', 'Settings', () => this.#fold()),
      restart: makeButton('restart', 'Restart camera', () => this.#restart()),
      stop: makeButton('stop', 'Stop', () => this.#stop()),
      off: makeButton('plain', 'Camera off', () => this.#close()),
    };
    this.#buttons.settings.setAttribute('aria-controls', this.#setupId);
    this.#buttons.settings.setAttribute('aria-expanded', 'false');
    this.#live.setAttribute('role', 'status');
    this.#span.setAttribute('role', 'timer');
    this.#problem.setAttribute('role', 'alert');
    this.#preview.setAttribute('aria-label', 'Your own picture');

    const { go, mute, turn, settings, restart, stop, off } = this.#buttons;
    this.stage = make('section', 'stage', this.#preview, this.#empty,
        this.#badge);
    this.stage.setAttribute('aria-label', 'Your camera');
    this.panel = make('section', 'panel', make('div', 'live', this.#live,
        this.#span), this.#problem, this.#advice.node,
        make('div', 'row tools', mute, turn, settings, restart),
        this.#setup.node, make('div', 'go', go), this.#note,
        make('div', 'row end', stop, off), this.#encoder.node);
    this.panel.setAttribute('aria-label', 'Camera controls');
    this.figures = make('div', 'tables', this.#numbers.sent.node,
        this.#numbers.told.node);
  }

  // --- what comes from the session -------------------------------------------

  setSlot(slot) {
    this.#slot = slot;
    this.#encoder.refresh();
    this.#forgetGone();
    this.update();
  }

  /** What somebody reports of this slot; from the server, with its word. */
  setHealth(figures) {
    if (figures.via === 'page' && figures.end === this.#end) {
      this.#sent = figures;
      this.#numbers.sent.draw(figures);
    } else if (figures.via !== 'page' && figures.direction !== 'send') {
      const before = this.#told.get(figures.peer);
      const row = { ...before, ...figures, at: performance.now() };

      if (before !== undefined && figures.freezes > before.freezes)
        row.frozeAt = row.at;
      this.#told.set(figures.peer, row);
      this.#showTold(row);
    }
    this.update();
  }

  /** A connection came, went or changed. */
  setPeer({ end, peer, state }) {
    if (end === this.#end && state === 'connected')
      this.#upAt ||= performance.now();
    if (this.#blamed === peer && ['connected', 'gone'].includes(state))
      this.#say('');
    this.#forgetGone();
    this.update();
  }

  setFault({ code, end, peer, side, sentence }) {
    if (!end || end !== this.#end) return;
    if (side === 'server') this.#isRegistered = false;
    // the camera is looked after here, and the rest is in #live
    if (['camera-lost', 'slot-taken', 'peer-lost'].includes(code)) {
      if (code === 'slot-taken') this.#isHeld = true;
    } else {
      this.#say(code === 'replaced' ? 'The same link went live on another ' +
          'device or page, and that one has the slot now. To take it back, ' +
          'go live here.' : sentence, peer ?? end.id);
    }
    this.update();
  }

  /** The server took us: also after somebody else had the slot. */
  setRegistered(end) {
    if (end !== this.#end) return;
    this.#isHeld = false;
    this.#isRegistered = true;
    this.#heldAt ||= performance.now();
    if (this.#blamed === end.id) this.#say('');
    this.update();
  }

  /** The session's state: one that is away has to take us again. */
  setState(state) {
    if (state === 'joined') return;
    this.#isRegistered = false;
    this.update();
  }

  /** What the other end sends back. */
  setFeed(media) {
    if (this.#back === null) {
      const video = makeVideo('picture');

      video.setAttribute('aria-label', 'What the control room sends back');
      this.#back = make('div', 'return', make('p', 'badge', 'Return feed'),
          video, makeSoundButton(video));
      this.stage.after(this.#back);
    }
    this.#back.querySelector('video').srcObject = media;
    this.update();
  }

  /** The session is over. */
  close() {
    this.#isClosed = true;
    this.#gone.abort();
    this.#question?.abort();
    clearInterval(this.#timer);
    this.#encoder.toggle(false);
    this.#giveUp();
    this.#mode = 'idle';
    this.#preview.srcObject = null;
  }

  // --- what a person does ----------------------------------------------------

  async #go() {
    if (this.#work.isBusy && !this.#work.isSlow) return;
    if (this.#work.isBusy) {
      this.#giveUp();
      this.#mode = 'idle';
    }
    if (this.#mode === 'idle') {
      this.#encoder.toggle(false);
      if (await this.#change((devices) => devices.open()))
        this.#mode = 'ready';
      this.update();
      // what is looked at now is the picture
      this.#buttons.go.focus({ preventScroll: true });
      return;
    }
    this.#say('');
    try {
      this.#end = this.#session.join({ stream: this.stream,
        direction: 'send' });
    } catch (error) {
      this.#fail(error);
      return;
    }
    const end = this.#end;
    end.videoBps = this.#devices.quality.bps;
    end.addEventListener('left', () => this.#noteLeft(end));
    this.#mode = 'live';
    this.#liveAt = performance.now();
    this.#isRegistered = false;
    this.#heldAt = 0;
    this.#reopened = 0;
    this.#frames.begin();
    this.#buttons.settings.setAttribute('aria-expanded', 'false');
    this.update();
    this.#buttons.mute.focus({ preventScroll: true });
    scrollTo(0, 0);
    await this.#publish();
  }

  async #publish() {
    const end = this.#end;

    if (!end) return;
    try {
      end.videoBps = this.#devices.quality.bps;
      await end.publish(this.#devices.media);
    } catch (error) {
      if (end !== this.#end) return;
      this.#fail(error);
      end.leave();
    }
  }

  // One change of what is open at a time; what is sent follows. True: it went.
  async #change(act) {
    try {
      return await this.#work.run(async (devices) => {
        this.#say('');
        this.update();
        await act(devices);
        if (devices !== this.#devices) return;
        this.#unsaySlow();
        this.#frames.begin();
        await this.#publish();
      });
    } catch (error) {
      this.#fail(error);
      return false;
    } finally {
      this.update();
    }
  }

  get #devices() { return this.#work.devices; }

  #giveUp() {
    if (!this.#work.giveUp()) return;
    this.#unsaySlow();
    this.#follow();
  }

  async #restart() {
    if (this.#work.isBusy) this.#giveUp();
    await this.#change((devices) => devices.open());
  }

  #fail(error) {
    this.#say(describeFault(error instanceof PbFaultError ? error.fault
        : 'internal').sentence);
  }

  #say(text, blamed = null) {
    this.#blamed = text === '' ? null : blamed;
    write(this.#problem, text);
  }

  #unsaySlow() {
    if (this.#problem.textContent === SLOW) this.#say('');
  }

  #mute() {
    this.#end.mute('audio', !this.#end.isMuted('audio'));
    this.update();
  }

  #fold() {
    const { settings } = this.#buttons;
    const isOpen = settings.getAttribute('aria-expanded') !== 'true';

    settings.setAttribute('aria-expanded', String(isOpen));
    this.update();
  }

  async #stop() {
    if (performance.now() - this.#liveAt < GUARD_MS) return;
    const end = this.#end;

    if (this.#light.state === 'program') {
      this.#question = new AbortController();
      const isSure = await askToStop(this.#question.signal);

      this.#question = null;
      if (!isSure) return;
    }
    end?.leave();
    this.#buttons.go.focus();
  }

  #noteLeft(end) {
    if (end !== this.#end) return;
    this.#end = null;
    this.#isHeld = this.#isRegistered = false;
    this.#question?.abort();
    if (this.#isClosed) return;
    // a camera that was about to open is not wanted any more
    if (!this.#devices.isOpen) this.#giveUp();
    this.#mode = this.#devices.isOpen ? 'ready' : 'idle';
    this.#upAt = 0;
    this.#sent = null;
    this.#numbers.sent.draw({});
    this.#told.clear();
    this.#showTold(null);
    // leaving mutes nothing that somebody looks at
    for (const track of this.#devices.media.getTracks()) track.enabled = true;
    if (this.#back) {
      this.#back.remove();
      this.#back = null;
    }
    this.update();
  }

  #close() {
    this.#giveUp();
    this.#mode = 'idle';
    this.#say('');
    this.update();
    this.#buttons.go.focus();
  }

  // --- what the device does --------------------------------------------------

  // After sleeping: what the system took is opened again.
  async #wake() {
    if (document.hidden || this.#mode === 'idle') return;
    this.#reopened = 0;
    this.#preview.play().catch(() => {});
    this.#frames.begin();
    this.#look();
  }

  async #look() {
    if (this.#work.isSlow) {
      this.#say(SLOW);
      this.update();
    }
    if (this.#mode === 'idle') return;
    const isTaken = [this.#devices.picture(), this.#devices.sound()]
        .some((state) => state === 'ended' || state === 'paused');

    if (!isTaken) {
      if (performance.now() - this.#reopenedAt > REOPEN_MS) this.#reopened = 0;
    } else if (!document.hidden && !this.#work.isBusy &&
        this.#reopened < REOPEN_MAX) {
      this.#reopened++;
      this.#reopenedAt = performance.now();
      await this.#change((devices) => devices.reopen());
    }
    this.update();
  }

  #picture() {
    const state = this.#devices.picture();
    const isFrozen = this.#frames.isFrozen();

    return state === 'ok' && isFrozen ? 'frozen' : state;
  }

  #sound() {
    return this.#end?.isMuted('audio') ? 'muted' : this.#devices.sound();
  }

  // --- what stands there -----------------------------------------------------

  #forgetGone() {
    const here = new Set([...this.#slot?.receivers ?? [],
      ...this.#end?.peers ?? []].map(({ peer }) => peer));

    for (const [peer, row] of this.#told) {
      if (here.has(peer)) continue;
      this.#told.delete(peer);
      if (row === this.#shown)
        this.#showTold([...this.#told.values()].at(-1) ?? null);
    }
  }

  // Whose figures stand in the table; null: nobody's.
  #showTold(row) {
    this.#shown = row;
    this.#numbers.told.draw(row ?? {});
  }

  // Somebody else on this slot, or null; their name is their word.
  #other() {
    const { sender } = this.#slot ?? {};

    return sender && sender.peer !== this.#end?.id ? sender : null;
  }

  /** Draws what has changed. */
  update() {
    if (this.#isClosed) return;
    const isLive = this.#mode === 'live';
    const { isBusy, isSlow } = this.#work;
    const isWaiting = isBusy && !isSlow;
    const { go, mute, turn, settings, restart, stop, off } = this.#buttons;
    const picture = this.#mode === 'idle' ? 'ok' : this.#picture();
    const isFolded = isLive &&
        settings.getAttribute('aria-expanded') !== 'true';
    const cannot = checkBrowser() ??
        (navigator.mediaDevices ? null : 'insecure-context');

    // with an encoder of one's own, this page is the light of it
    const isLight = this.#mode === 'idle' && this.#encoder.isOpen;

    document.body.dataset.mode = isLight ? 'light' : this.#mode;
    this.stage.dataset.mode = this.#mode;
    this.stage.hidden = isLight;
    write(this.#badge, picture !== 'ok' ? 'No picture is sent'
      : this.#isHeld ? 'Waiting: nothing is sent yet'
      : isLive && !this.#isSending ? 'Connecting: nothing is sent yet'
      : LABEL[this.#mode]);
    this.#badge.hidden = this.#mode === 'idle';
    this.#empty.hidden = this.#mode !== 'idle';
    this.#preview.hidden = this.#mode === 'idle';
    this.#preview.classList.toggle('mirror', this.#devices.isMirror);

    go.hidden = isLive || cannot !== null;
    go.disabled = isWaiting;
    write(go, this.#mode === 'ready' && !isSlow ? 'Go live' : isWaiting
      ? 'Allow the camera …' : isSlow ? 'Try again'
        : isLight ? 'Use this camera' : 'Set up camera');
    go.className = isLight ? 'second' : 'primary';
    mute.hidden = !isLive;
    mute.setAttribute('aria-pressed', String(this.#sound() === 'muted'));
    write(mute, this.#sound() === 'muted' ? 'Unmute' : 'Mute');
    turn.hidden = this.#mode === 'idle' || this.#devices.cameras.length < 2;
    settings.hidden = !isLive;
    restart.hidden = this.#mode === 'idle' || picture === 'ok' &&
        !['ended', 'paused'].includes(this.#devices.sound());
    stop.hidden = !isLive;
    write(stop, this.#isHeld ? 'Stop waiting' : 'Stop');
    off.hidden = this.#mode !== 'ready' &&
        !(this.#mode === 'idle' && isSlow);
    turn.disabled = isBusy;
    restart.disabled = isWaiting;
    this.#setup.node.hidden = this.#mode === 'idle' || isFolded;
    // what was chosen last stays in sight while it is being opened
    if (this.#mode !== 'idle' && !isBusy) this.#setup.update();
    this.#encoder.node.hidden = this.#mode !== 'idle';
    if (cannot && this.#mode === 'idle')
      this.#say(describeFault(cannot).sentence);

    write(this.#live, this.#sayLive());
    write(this.#span, isLive && !this.#isHeld && this.#heldAt > 0
      ? writeSpan((performance.now() - this.#heldAt) / 1000) : '');
    write(this.#note, this.#sayNote());
    const advice = this.#advise(picture);
    this.#advice.draw(advice);
    // of the preview that is said on the picture
    this.#advice.node.hidden = this.#mode === 'idle' ? !this.#encoder.isOpen
        : advice[0].code === 'ready';
  }

  get #viewers() {
    return (this.#end?.peers ?? []).filter(({ state }) =>
      state === 'connected').length;
  }

  // Who is connected stays so without the server; nobody else comes.
  get #isSending() {
    return this.#isRegistered || this.#viewers > 0;
  }

  #sayLive() {
    const up = this.#viewers;

    if (this.#mode !== 'live') return '';
    if (this.#isHeld) {
      const other = this.#other();

      return `Waiting: ${other?.client ? `“${other.client}”` : 'somebody else'
      } is sending on this slot. You go live by yourself once it is free.`;
    }
    if (!this.#isSending) return 'Connecting to the server …';
    return up === 0 ? 'Live. Nobody is watching yet.'
        : `Live: ${up === 1 ? 'one viewer is'
          : `${up} viewers are`} connected.`;
  }

  #sayNote() {
    const other = this.#other();

    if (this.#mode === 'live') return '';
    if (!other)
      return this.#mode === 'ready' || this.#encoder.isOpen || checkBrowser()
        ? ''
          : 'First you choose camera, microphone and quality, and see your ' +
            'picture. Then you go live.';
    return `Somebody sends on this slot now${other.client
      ? `: “${other.client}”` : ''}. If you go live, you wait until they stop.`;
  }

  #advise(picture) {
    const now = performance.now();
    const told = [...this.#told.values()].map((row) => ({ ...row,
      ageMs: now - row.at, froze: now - row.frozeAt < FROZE_MS }));

    if (this.#encoder.isOpen)
      return advise({ role: 'encoder', told: this.#slot?.receivers?.filter(
          (end) => end.health && end.srt === 'connected') ?? [] });
    return advise({ role: 'camera', isLive: this.#mode === 'live' &&
        !this.#isHeld, isRegistered: this.#isRegistered, camera: picture,
    sound: this.#sound(),
    links: (this.#end?.peers ?? []).map(({ state }) => state),
    connectedMs: this.#upAt ? now - this.#upAt : 0,
    videoBps: this.#devices.quality.bps, sent: this.#sent, told });
  }
}
