// SPDX-License-Identifier: LGPL-2.1-or-later
// The picture of one slot: live where the sender speaks WebRTC and there is room
// for one more, else a still that a receiver gives now and then.

import { PbFaultError } from './pb-session.js';
import { isSrtAlone } from './pb-media.js';
import { el, setData, setText } from './wall-dom.js';

// The server asks a receiver every 2 s at most, whoever wants one.
const STILL_MS = 4000;
// An old still would be taken for how it looks now.
const STILL_OLD_MS = 20000;
// How long a sender that left is waited for before our end goes, too: a WHIP
// client that comes back must meet the receiver it is meant for.
const LINGER_MS = 3000;
const LATE_MS = 12000;
// A picture that stands: no camera is that slow, but a shared screen may send one
// frame a second. Where the connection is known to be down, less is waited for.
const FROZEN_MS = 5000;
const CUT_MS = 1500;

/** What stands in the frame of a tile, and why. */
export class Picture {
  /** The frame: video or still, and words where there is neither. */
  node = el('div.picture');
  /** Set by the wall. */
  inView = false;
  isOff = false;
  isShort = false;
  #video = null;
  #still = null;
  #words = el('p.words');
  #ask = el('button.show', { tabIndex: -1 }, 'Show picture');
  #session;
  #stream;
  #slot = null;
  #end = null;
  #joined = 0;
  #foreign = null;
  #stillAt = 0;
  #askedAt = 0;
  #gone = 0;
  #fault = '';
  #isHeard = false;
  #frames = 0;
  #frameAt = 0;
  #isAsking = false;

  /**
   * @param {string} stream
   * @param {PbSession} session
   * @param {function()} onAsk somebody wants this one
   */
  constructor(stream, session, onAsk) {
    this.#stream = stream;
    this.#session = session;
    this.#ask.addEventListener('click', (event) => {
      event.stopPropagation();
      onAsk();
    });
    this.#ask.hidden = true;
    this.node.append(this.#words, this.#ask);
  }

  get askButton() { return this.#ask; }
  get isPlaying() { return this.#end !== null; }
  /** Whether the sender is connected to this page, with or without a server. */
  get isConnected() {
    return this.#end?.peers.some(({ state }) => state === 'connected') ?? false;
  }
  get media() { return this.#video?.srcObject ?? null; }
  get still() { return this.#still?.hidden === false ? this.#still.src : ''; }
  /** Why there is no picture. */
  get words() { return this.#words.textContent; }
  get hasSound() {
    return (this.media?.getAudioTracks().length ?? 0) > 0;
  }

  /** Only senders that may be of our kind are asked. */
  get canPlay() {
    const sender = this.#slot?.sender;

    return !!sender && sender.peer !== this.#foreign && !isSrtAlone(sender);
  }

  setSlot(slot, now) {
    this.#slot = slot;
    if (slot.sender !== null) this.#gone = 0;
    else if (this.#gone === 0) this.#gone = now;
    if (this.#end !== null && slot.sender !== null && !this.canPlay)
      this.stop();
  }

  /** Joins the slot as a viewer. */
  play(now) {
    if (this.#end !== null || !this.canPlay) return;
    try {
      this.#end = this.#session.join({ stream: this.#stream,
        direction: 'receive' });
    } catch (error) {
      if (!(error instanceof PbFaultError)) throw error;
      return; // the session is over, which the page says in large letters
    }
    const end = this.#end;
    const { sender } = this.#slot;

    this.#joined = now;
    this.#fault = '';
    end.addEventListener('left', () => this.#drop(end));
    end.addEventListener('feed', ({ detail }) => this.#show(detail.media));
    end.addEventListener('fault', ({ detail }) => {
      this.#fault = detail.sentence;
      if (detail.code !== 'no-transport') return;
      this.#foreign = sender.peer;
      this.#fault = '';
      this.stop();
    });
    end.addEventListener('peer', ({ detail }) => {
      if (detail.state === 'connected') this.#fault = '';
    });
  }

  stop() {
    this.#end?.leave();
  }

  #drop(end) {
    if (this.#end !== end) return;
    this.#end = null;
    this.#video?.remove();
    if (this.#video) this.#video.srcObject = null;
    this.#video = null;
    this.#isAsking = false;
  }

  #show(media) {
    if (this.#video === null) {
      this.#video = el('video', { autoplay: true, playsInline: true,
        muted: true, 'aria-label': `Picture of ${this.#stream}` });
      this.node.prepend(this.#video);
      this.#frames = 0;
      this.#frameAt = performance.now();
    }
    if (this.#video.srcObject !== media) this.#video.srcObject = media;
    this.#sound();
  }

  /** Whether it is heard, also when its picture comes later, or again. */
  listen(isOn) {
    this.#isHeard = isOn;
    this.#sound();
  }

  #sound() {
    if (this.#video === null || this.#video.muted === !this.#isHeard) return;
    this.#video.muted = !this.#isHeard;
    if (this.#isHeard) this.#video.play().catch(() => {});
  }

  // A look a second: a callback for each frame of 16 pictures would cost more
  // than all else on the page.
  #lookForFrames(now) {
    const video = this.#video;
    const frames = video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;

    // a browser draws nothing that it knows is not seen
    if (frames !== this.#frames || !this.inView || document.hidden)
      this.#frameAt = now;
    this.#frames = frames;
    // Firefox counts no frames of a live picture
    if (this.#isAsking || !video.requestVideoFrameCallback) return;
    this.#isAsking = true;
    video.requestVideoFrameCallback(() => {
      this.#isAsking = false;
      this.#frameAt = performance.now();
    });
  }

  /** The page was not looked at: its pictures begin anew. */
  freshen(now) {
    this.#frameAt = now;
  }

  /** Seconds that a live picture has stood still; 0: it moves, or there is none. */
  frozenFor(now) {
    const video = this.#video;

    if (video === null || video.videoWidth === 0 || this.isOff) return 0;
    // neither way to tell: the connection's word is all there is
    const canTell = this.#frames > 0 || video.requestVideoFrameCallback;
    const most = !this.isConnected ? CUT_MS : canTell ? FROZEN_MS : Infinity;
    const still = now - this.#frameAt;

    return still > most ? Math.floor(still / 1000) : 0;
  }

  /** A still came: a `data:` address. */
  setStill(address, now) {
    this.#stillAt = now;
    if (this.#still === null) {
      this.#still = el('img', { alt: `Still picture of ${this.#stream}` });
      this.node.prepend(this.#still);
    }
    this.#still.src = address;
  }

  /** Now and then: asks for a still, lets go of what is over, says why not. */
  tick(now) {
    const { sender = null, thumbnails = false } = this.#slot ?? {};

    // a sender that misses the server only is still connected to us
    if (this.#gone > 0 && now - this.#gone > LINGER_MS &&
        !this.isConnected)
      this.stop();
    if (sender === null || now - this.#stillAt > STILL_OLD_MS)
      this.#stillAt = 0;
    const isLive = this.#video !== null && this.#video.videoWidth > 0;
    if (isLive) this.#lookForFrames(now);
    const frozen = this.frozenFor(now);
    setData(this.node, 'frozen', frozen > 0 ? 'yes' : 'no');
    if (thumbnails && sender && this.inView && !isLive && !this.isOff &&
        now - this.#askedAt >= STILL_MS &&
        this.#session.requestThumbnail(this.#stream))
      this.#askedAt = now;
    const hasStill = this.#stillAt > 0 && !isLive && !this.isOff;
    if (this.#still) {
      this.#still.hidden = !hasStill;
      // no picture of earlier stays in memory or on the page
      if (!hasStill && this.#stillAt === 0) {
        this.#still.remove();
        this.#still = null;
      }
    }
    const isAsked = !this.isOff && !this.isPlaying && this.canPlay &&
        this.isShort && !hasStill;
    if (this.#ask.hidden === isAsked) this.#ask.hidden = !isAsked;
    setText(this.#words, frozen > 0 ? `Stands still for ${frozen} s`
        : isLive || hasStill || isAsked ? ''
        : this.#explain(sender, thumbnails, now));
  }

  #explain(sender, thumbnails, now) {
    if (sender === null) return 'No sender';
    if (this.isOff) return 'Pictures are off';
    if (this.#fault !== '' && this.isPlaying) return this.#fault;
    if (this.isPlaying)
      return now - this.#joined < LATE_MS ? 'Waiting for the picture …'
          : 'No picture comes to this page';
    if (thumbnails) return 'Waiting for a still picture …';
    return this.canPlay ? '' : 'SRT: no picture here';
  }
}
