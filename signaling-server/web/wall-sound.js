// SPDX-License-Identifier: LGPL-2.1-or-later
// The sound of an alarm: two tones, made here, again and again while somebody
// should look.

const EVERY_MS = 4000;
const TONES = [[880, 0], [660, 0.22]];

/** Sounds while it is wanted, and may. */
export class AlarmSound {
  isMuted = false;
  #context = null;
  #timer = 0;
  #onChange;
  #wake = () => this.#unlock();

  /** @param {function()} onChange whether it can be heard has changed */
  constructor(onChange) {
    this.#onChange = onChange;
    // a browser lets a page sound only after a person touched it
    for (const type of ['pointerdown', 'keydown'])
      addEventListener(type, this.#wake, { capture: true });
  }

  /** `on`, `muted`, or `locked`: the browser waits for a click or a key. */
  get state() {
    if (this.isMuted) return 'muted';
    return this.#context?.state === 'running' ? 'on' : 'locked';
  }

  get isSounding() { return this.#timer !== 0 && this.state === 'on'; }

  #unlock() {
    try {
      this.#context ??= new AudioContext();
    } catch {
      return; // no sound card: the words stay
    }
    if (this.#context.state === 'running') this.#onChange();
    else this.#context.resume().then(() => {
      this.#onChange();
    }, () => {});
  }

  /** @param {boolean} isWanted an alarm waits */
  set(isWanted) {
    if (isWanted === (this.#timer !== 0)) return;
    clearInterval(this.#timer);
    this.#timer = isWanted ? setInterval(() => this.#play(), EVERY_MS) : 0;
    if (isWanted) this.#play();
  }

  mute(isMuted) {
    this.isMuted = isMuted;
    this.#onChange();
    if (!isMuted && this.#timer !== 0) this.#play();
  }

  #play() {
    const context = this.#context;

    if (this.state !== 'on') return;
    for (const [hertz, after] of TONES) {
      const tone = new OscillatorNode(context, { frequency: hertz });
      const gain = new GainNode(context, { gain: 0 });
      const at = context.currentTime + after;

      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.25, at + 0.02);
      gain.gain.setValueAtTime(0.25, at + 0.15);
      gain.gain.linearRampToValueAtTime(0, at + 0.2);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + 0.21);
    }
  }

  close() {
    this.set(false);
    for (const type of ['pointerdown', 'keydown'])
      removeEventListener(type, this.#wake, { capture: true });
    this.#context?.close();
    this.#context = null;
  }
}
