// SPDX-License-Identifier: LGPL-2.1-or-later
// The slot's tile where this device is its camera: preview, “Go live”, and what
// comes of it in words. The tally fills the screen.

import { PbFaultError, describeFault } from './pb-session.js';
import { Tile, make, makeSoundButton, makeVideo } from './page-tile.js';

function makeButton(className, text, act) {
  const button = make('button', className, text);

  button.type = 'button';
  button.addEventListener('click', act);
  return button;
}

export class CameraTile extends Tile {
  #session;
  #end = null;
  #facing = 'environment';
  #isBusy = false;
  #wakeLock = null;
  #preview = makeVideo('preview');
  #said = make('p', 'live');
  #return = null;
  #buttons;

  constructor(stream, session) {
    super(stream, null);
    this.#session = session;
    this.#buttons = {
      live: makeButton('golive', 'Go live', () => this.#toggle()),
      turn: makeButton('turn', 'Other camera', () => this.#turn()),
      mute: makeButton('mute', 'Mute', () => this.#mute()),
    };
    this.#said.setAttribute('role', 'status');
    const controls = make('div', 'controls');
    controls.append(...Object.values(this.#buttons));
    this.node.append(this.#preview, this.#said, controls);
    document.addEventListener('visibilitychange', () => this.#stayAwake());
    this.update();
  }

  update() {
    const { live, turn, mute } = this.#buttons;
    const up = this.#end?.peers.filter(({ state }) => state === 'connected')
        .length ?? 0;
    const isLive = this.#end?.media != null;

    if (up > 0) this.setFault({ sentence: '' });
    live.textContent = isLive ? 'Stop' : 'Go live';
    live.disabled = this.#isBusy;
    live.classList.toggle('on', isLive);
    turn.hidden = mute.hidden = !isLive;
    mute.textContent = this.#end?.isMuted('audio') ? 'Unmute' : 'Mute';
    this.#preview.hidden = !isLive;
    if (!isLive) this.#said.textContent = 'Your camera is off.';
    else if (up === 0)
      this.#said.textContent = 'Live. Nobody is watching yet.';
    else
      this.#said.textContent = up === 1 ? 'Live: one viewer is connected.'
          : `Live: ${up} viewers are connected.`;
    if (!isLive && this.#return) this.#return.hidden = true;
  }

  // What the other end sends back.
  setFeed(media) {
    if (this.#return === null) {
      const video = makeVideo('picture');

      this.#return = make('div', 'return');
      this.#return.append(make('p', 'what', 'Return feed'), video,
          makeSoundButton(video));
      this.#preview.after(this.#return);
    }
    this.#return.hidden = false;
    this.#return.querySelector('video').srcObject = media;
  }

  async #toggle() {
    if (this.#end) {
      this.#end.leave();
      return;
    }
    this.setFault({ sentence: '' });
    const end = this.#session.join({ stream: this.stream, direction: 'send' });

    this.#end = end;
    end.addEventListener('left', () => {
      this.#end = null;
      this.#preview.srcObject = null;
      this.#stayAwake();
      this.update();
    });
    if (!await this.#open(true)) end.leave();
  }

  async #open(microphone) {
    this.#isBusy = true;
    this.update();
    try {
      const media = await this.#end.publish({ microphone,
        camera: { facing: this.#facing } });

      this.#preview.srcObject = media;
      this.#preview.classList.toggle('mirror', this.#facing === 'user');
      this.#stayAwake();
      return true;
    } catch (error) {
      this.setFault(describeFault(error instanceof PbFaultError ? error.fault
          : 'internal'));
      return false;
    } finally {
      this.#isBusy = false;
      this.update();
    }
  }

  // Phones open one camera at a time: the first is closed before the second.
  async #turn() {
    this.#facing = this.#facing === 'user' ? 'environment' : 'user';
    this.#end.media.getVideoTracks().forEach((track) => track.stop());
    if (!await this.#open(true)) this.#end?.leave();
  }

  #mute() {
    this.#end.mute('audio', !this.#end.isMuted('audio'));
    this.update();
  }

  // A phone that dims its screen stops its camera.
  async #stayAwake() {
    const isWanted = this.#end?.media != null && !document.hidden;

    if (!isWanted) {
      this.#wakeLock?.release();
      this.#wakeLock = null;
    } else if (!this.#wakeLock || this.#wakeLock.released) {
      this.#wakeLock = await navigator.wakeLock?.request('screen')
          .catch(() => null) ?? null;
    }
  }
}
