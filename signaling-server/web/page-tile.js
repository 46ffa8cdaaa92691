// SPDX-License-Identifier: LGPL-2.1-or-later
// One slot on the page: its tally, its state, its health and its picture.

const TALLY = { off: 'Off air', preview: 'Preview', program: 'On air' };
const STATE = {
  WAITING: 'waiting for the other end',
  READY: 'both ends are here',
  CONNECTED: 'connected',
  RELAYING: 'connected through a relay',
  CLOSED: 'closed',
};
const CAUSE = {
  '': 'good',
  disconnected: 'not connected',
  stale: 'no word from it',
  undecrypted: 'the keys differ: wrong passphrase',
  drops: 'pictures are being lost',
  loss: 'many packets are lost on the way',
  rtt: 'the way is long for this latency',
  buffer: 'the connection cannot keep up',
  bandwidth: 'the connection is nearly full',
};
// A cue is for now: an old one would be taken for a new one.
const CUE_MS = 30000;
const LEVELS = ['healthy', 'warning', 'critical'];

/** An element with a class and a text. */
export function make(tag, className, text = '') {
  const node = document.createElement(tag);

  node.className = className;
  node.textContent = text;
  return node;
}

/** A <video> that shows a MediaStream, silent until somebody asks. */
export function makeVideo(className) {
  const video = make('video', className);

  Object.assign(video, { autoplay: true, playsInline: true, muted: true });
  return video;
}

// Browsers play no sound before somebody touched the page.
export function makeSoundButton(video) {
  const button = make('button', 'sound', 'Sound on');

  button.type = 'button';
  button.addEventListener('click', () => {
    video.muted = !video.muted;
    button.textContent = video.muted ? 'Sound on' : 'Sound off';
    video.play();
  });
  return button;
}

export class Tile {
  stream;
  node;
  #session;
  #slot = null;
  #end = null;
  #parts;
  #foreign = null;
  #picture = null;
  #cueTimer = 0;

  /**
   * @param {string} stream
   * @param {PbSession|null} session to watch the slot with; null: only look on
   */
  constructor(stream, session) {
    this.stream = stream;
    this.#session = session;
    this.#parts = { tally: make('p', 'tally'), state: make('p', 'state'),
      health: make('p', 'health'), cue: make('p', 'cue'),
      fault: make('p', 'fault') };
    this.#parts.fault.setAttribute('role', 'status');
    this.#parts.cue.setAttribute('role', 'status');
    this.node = make('section', 'slot off');
    this.node.append(make('h2', 'title', stream),
        ...Object.values(this.#parts));
  }

  /** Of the latest snapshot. */
  get slot() { return this.#slot; }
  get tallyText() { return this.#parts.tally.textContent; }

  setSlot(slot) {
    this.#slot = slot;
    this.setTally(slot.tally ?? 'off');
    this.#parts.state.textContent = STATE[slot.state];
    this.#watch();
    this.#drawHealth();
  }

  setTally(state) {
    if (this.#slot) this.#slot.tally = state;
    this.node.className = `slot ${state}`;
    this.#parts.tally.textContent = TALLY[state];
  }

  setHealth(figures) {
    const end = [this.#slot?.sender, ...this.#slot?.receivers ?? []]
        .find((one) => one?.peer === figures.peer);

    if (end) Object.assign(end, figures);
    this.#drawHealth();
  }

  setCue(text) {
    clearTimeout(this.#cueTimer);
    this.#parts.cue.textContent = text;
    this.#cueTimer = setTimeout(() => {
      this.#parts.cue.textContent = '';
    }, CUE_MS);
  }

  setFault({ sentence }) {
    this.#parts.fault.textContent = sentence;
  }

  setFeed(media) {
    if (this.#picture === null) {
      this.#picture = makeVideo('picture');
      this.#parts.tally.before(this.#picture, makeSoundButton(this.#picture));
    }
    if (this.#picture.srcObject !== media) this.#picture.srcObject = media;
    this.#parts.fault.textContent = '';
  }

  /** A connection came, went or changed. */
  update() {
    if (this.#end?.peers.some(({ state }) => state === 'connected'))
      this.#parts.fault.textContent = '';
  }

  // An SRT camera could not be shown here, and would be told of a viewer that
  // speaks another language: only those that may be of ours are asked.
  #watch() {
    const { sender } = this.#slot;

    if (!this.#session || this.#end || !sender || sender.transport === 'srt' ||
        sender.peer === this.#foreign || /^pbsrtbin\b/.test(sender.client))
      return;
    const end = this.#session.join({ stream: this.stream,
      direction: 'receive' });

    this.#end = end;
    end.addEventListener('left', () => { this.#end = null; });
    end.addEventListener('fault', ({ detail }) => {
      if (detail.code !== 'no-transport') return;
      this.#foreign = sender.peer;
      end.leave();
    });
  }

  #drawHealth() {
    const told = [this.#slot?.sender, ...this.#slot?.receivers ?? []]
        .filter((end) => end?.age !== undefined && end.health);
    const { health } = this.#parts;

    health.textContent = '';
    if (told.length === 0) return;
    const worst = told.reduce((a, b) =>
        LEVELS.indexOf(b.health) > LEVELS.indexOf(a.health) ? b : a);
    health.className = `health ${worst.health}`;
    health.textContent = worst.cause === '' && worst.health !== 'healthy'
        ? worst.health : CAUSE[worst.cause ?? ''] ?? worst.cause;
  }
}
