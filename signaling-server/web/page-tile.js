// SPDX-License-Identifier: LGPL-2.1-or-later
// One slot for those who watch it: its picture, its tally, how it goes.

import { PbFaultError } from './pb-session.js';
import { isSrtAlone } from './pb-media.js';
import { make, makeSoundButton, makeVideo, write } from './page-parts.js';
import { TALLY } from './page-light.js';
import { advise } from './page-advice.js';
import { AdviceList, Numbers, RECEIVED } from './page-health.js';
import { EncoderPanel } from './page-encoder.js';

const STATE = {
  WAITING: 'Waiting for the other end',
  READY: 'Both ends are here, connecting',
  CONNECTED: 'Connected',
  RELAYING: 'Connected through a relay',
  CLOSED: 'Closed',
};
const STILL_MS = 5000;
const ASK_MS = 10000;
// A picture that nobody sees or hears for so long is not asked for.
const HIDDEN_MS = 60000;

/** A slot as a viewer or observer sees it. */
export class Tile {
  stream;
  node;
  /** While it is, a snapshot may be of this slot alone. */
  isAsking = false;
  #session;
  #slot = null;
  #end = null;
  #foreign = null;
  #video = null;
  #sound = null;
  #still = make('img', 'picture still');
  #empty = make('p', 'empty');
  #stage;
  #light = make('p', 'light', TALLY.off);
  #state = make('p', 'state');
  #fault = make('p', 'problem');
  #advice = new AdviceList();
  #numbers = new Numbers('What arrives', RECEIVED);
  #panel = null;
  #timer = 0;
  #hiddenAt = 0;
  #onVisible = () => {
    this.#hiddenAt = document.hidden ? performance.now() : 0;
    if (this.#slot) this.#watch();
  };

  /**
   * @param {string} stream
   * @param {PbSession|null} session to watch the slot with; null: only look on
   */
  constructor(stream, session) {
    this.stream = stream;
    this.#session = session;
    this.#still.hidden = true;
    this.#still.alt = `A still picture of ${stream}`;
    this.#stage = make('div', 'stage', this.#still, this.#empty);
    this.#fault.setAttribute('role', 'status');
    const title = make('h2', 'title', stream);
    this.node = make('section', 'slot', make('div', 'head', title,
        this.#light), this.#stage, make('div', 'words', this.#state,
        this.#fault, this.#advice.node));
    title.id = `slot-${stream}`;
    this.node.setAttribute('aria-labelledby', title.id);
    this.node.dataset.tally = 'off';
    if (session === null) {
      this.#stage.hidden = true;
    } else {
      this.#panel = new EncoderPanel('receive', (direction) =>
        this.#askStrings(direction), stream);
      const details = make('details', 'figures', make('summary', '',
          'Numbers'), this.#numbers.node);
      this.node.append(make('div', 'more', this.#panel.node, details));
      this.#timer = setInterval(() => {
        this.#askStill();
        this.#rest();
      }, STILL_MS);
      document.addEventListener('visibilitychange', this.#onVisible);
      this.#onVisible();
    }
    this.update();
  }

  /** Of the latest snapshot. */
  get slot() { return this.#slot; }
  get tallyText() { return this.#light.textContent; }

  setSlot(slot) {
    const isFirst = this.#slot === null;

    this.#slot = slot;
    this.setTally(slot.tally ?? 'off');
    this.#watch();
    if (isFirst) this.#askStill();
    this.#panel?.refresh();
    this.update();
  }

  setTally(state) {
    if (this.#slot) this.#slot.tally = state;
    this.node.dataset.tally = state;
    write(this.#light, TALLY[state]);
  }

  /** Figures of somebody on this slot: the server's word, or our own. */
  setHealth(figures) {
    const end = [this.#slot?.sender, ...this.#slot?.receivers ?? []]
        .find((one) => one?.peer === figures.peer);

    if (figures.via === 'server' && end) Object.assign(end, figures);
    if (figures.via === 'page') this.#numbers.draw(figures);
    this.update();
  }

  setFault({ sentence }) {
    write(this.#fault, sentence);
  }

  setFeed(media) {
    if (this.#video === null) {
      this.#video = makeVideo('picture');
      this.#video.setAttribute('aria-label', `Live picture of ${this.stream}`);
      this.#sound = makeSoundButton(this.#video);
      this.#stage.append(this.#video, this.#sound);
    }
    if (this.#video.srcObject !== media) this.#video.srcObject = media;
    this.setFault({ sentence: '' });
    this.update();
  }

  setStill(picture) {
    this.#still.src = picture;
    this.#still.hidden = this.#isPlaying;
    this.update();
  }

  /** The slot is no more, or the page is over. */
  close() {
    clearInterval(this.#timer);
    document.removeEventListener('visibilitychange', this.#onVisible);
    this.#panel?.toggle(false);
    this.node.remove();
  }

  /** A connection came, went or changed. */
  update() {
    const { sender, state } = this.#slot ?? {};
    const isPlaying = this.#isPlaying;

    if (isPlaying) this.setFault({ sentence: '' });
    if (this.#video) this.#video.hidden = this.#sound.hidden = !isPlaying;
    if (isPlaying || !sender && state !== 'CONNECTED' && state !== 'RELAYING')
      this.#still.hidden = true;
    this.#empty.hidden = isPlaying || !this.#still.hidden;
    write(this.#empty, this.#whyEmpty());
    write(this.#state, STATE[state] ?? '');
    this.#advice.draw(advise({ role: this.#session ? 'viewer'
      : 'observer', told: this.#told(), isHere: Boolean(sender) }));
  }

  get #isPlaying() {
    return this.#video !== null &&
        (this.#end?.peers.some((peer) => peer.state === 'connected') ?? false);
  }

  #whyEmpty() {
    const { sender, thumbnails } = this.#slot ?? {};

    if (this.#end) return 'Getting the picture …';
    if (thumbnails) return 'Getting a still picture …';
    if (sender && this.#isForeign(sender))
      return 'This camera sends by SRT, which a browser cannot play.';
    return 'No picture yet';
  }

  #isForeign(sender) {
    return sender.peer === this.#foreign || isSrtAlone(sender);
  }

  // Reports of ends that are there; one that has not reported says nothing yet.
  #told() {
    return [this.#slot?.sender, ...this.#slot?.receivers ?? []]
        .filter((end) => end?.age !== undefined && end.health);
  }

  // An SRT camera could not be shown here, and would be told of a viewer that
  // speaks another language: only those that may be of ours are asked.
  #watch() {
    const { sender } = this.#slot;

    if (!this.#session || this.#end || !sender || this.#isForeign(sender) ||
        this.#isUnseen)
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

  // Who switched the sound on may listen from another tab.
  get #isUnseen() {
    return this.#hiddenAt > 0 && (this.#video?.muted ?? true) &&
        performance.now() - this.#hiddenAt > HIDDEN_MS;
  }

  #rest() {
    if (this.#end && this.#isUnseen) this.#end.leave();
  }

  #askStill() {
    if (document.hidden || this.#isPlaying || !this.#slot?.thumbnails ||
        this.#session?.state !== 'joined')
      return;
    this.#session.requestThumbnail(this.stream);
  }

  // For a slot that is not watched, an observer of it asks, and goes again.
  async #askStrings(direction) {
    if (this.#end) return this.#end.strings(direction);
    const gone = new AbortController();
    const { signal } = gone;
    const end = this.#session.join({ stream: this.stream });

    this.isAsking = true;
    try {
      await new Promise((resolve, reject) => {
        const late = setTimeout(() =>
          reject(new PbFaultError('server-unreachable')), ASK_MS);

        signal.addEventListener('abort', () => clearTimeout(late));
        end.addEventListener('left', () =>
          reject(new PbFaultError('denied')), { signal });
        this.#session.addEventListener('registered', ({ detail }) => {
          if (detail.end === end) resolve();
        }, { signal });
      });
      return await end.strings(direction);
    } finally {
      gone.abort();
      end.leave();
      this.isAsking = false;
    }
  }
}
