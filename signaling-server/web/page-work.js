// SPDX-License-Identifier: LGPL-2.1-or-later
// The camera at work: one change of it at a time, none of which holds up the
// next for ever; and whether its picture still moves.

import { Devices } from './page-devices.js';

// A camera that takes so long waits for somebody.
const SLOW_MS = 20000;
const FROZEN_MS = 6000;

/** What is open, and what is about to be. */
export class Work {
  /** Others after giveUp(), where something was about to open. */
  devices = new Devices();
  #isBusy = false;
  #busyAt = 0;
  /* counts what was given up: what opens after that is closed again */
  #round = 0;
  #queue = Promise.resolve();

  get isBusy() { return this.#isBusy; }
  /** Whether somebody should look for what it waits for. */
  get isSlow() {
    return this.#isBusy && performance.now() - this.#busyAt > SLOW_MS;
  }

  /**
   * Does it once what was begun before is done.
   *
   * @param {function(Devices): Promise} act
   * @returns {Promise<boolean>} false: given up; throws what `act` does
   */
  run(act) {
    const round = this.#round;
    const work = this.#queue.then(() => this.#runNow(act, round));

    this.#queue = work.catch(() => {});
    if (!this.#isBusy) this.#busyAt = performance.now();
    this.#isBusy = true;
    return work;
  }

  async #runNow(act, round) {
    const { devices } = this;
    const isLate = () => round !== this.#round;

    if (isLate()) return false;
    this.#isBusy = true;
    this.#busyAt = performance.now();
    try {
      await act(devices);
      return !isLate();
    } catch (error) {
      if (isLate()) return false;
      throw error;
    } finally {
      if (isLate()) devices.close();
      else this.#isBusy = false;
    }
  }

  /**
   * Closes what is open. What has yet to open is closed as it does, and nobody
   * waits for it: a browser's question may never be answered.
   *
   * @returns {boolean} whether the devices are others now
   */
  giveUp() {
    const { devices } = this;

    this.#round++;
    devices.close();
    if (!this.#isBusy) return false;
    this.#isBusy = false;
    this.#queue = Promise.resolve();
    this.devices = new Devices();
    this.devices.quality = devices.quality;
    return true;
  }
}

/** A camera that hangs gives the same picture for ever. */
export class FrameWatch {
  #video;
  #count = 0;
  #at = performance.now();
  #painted;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
  }

  /** Something was opened, or is looked at again. */
  begin() {
    this.#at = performance.now();
  }

  /** To be asked each second or so. */
  isFrozen() {
    const count = this.#countFrames();

    if (count === undefined || count !== this.#count || document.hidden ||
        this.#video.paused) {
      this.#count = count;
      this.begin();
    }
    return performance.now() - this.#at > FROZEN_MS;
  }

  // Firefox keeps no count of a live picture: there it is ours.
  #countFrames() {
    const video = this.#video;
    const total = video.getVideoPlaybackQuality?.().totalVideoFrames;
    const count = () => {
      // a browser that counts has only just begun
      if (video.getVideoPlaybackQuality?.().totalVideoFrames) return;
      this.#painted++;
      video.requestVideoFrameCallback(count);
    };

    if (total || !video.requestVideoFrameCallback) return total || undefined;
    if (this.#painted === undefined) {
      this.#painted = 0;
      video.requestVideoFrameCallback(count);
    }
    return this.#painted;
  }
}
