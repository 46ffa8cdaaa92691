// SPDX-License-Identifier: LGPL-2.1-or-later
// Which camera, which microphone, what quality; and whether sound comes.

import { QUALITIES } from './page-devices.js';
import { drawId, make, write } from './page-parts.js';
import { writeRate } from './page-advice.js';

function makeSelect(text) {
  const id = drawId();
  const label = make('label', '', text);
  const select = make('select');

  label.htmlFor = select.id = id;
  return { select, node: make('div', 'field', label, select) };
}

// Only what is new: a list that is open must not jump under a finger.
function fill(select, choices, chosen) {
  const key = JSON.stringify([choices, chosen]);

  if (select.value !== chosen) select.value = chosen;
  if (select.dataset.key === key) return;
  select.replaceChildren(...choices.map(({ id, label }) => {
    const option = make('option', '', label);

    option.value = id;
    option.selected = id === chosen;
    return option;
  }));
  // shown, so that one sees which one it is, but there is nothing to choose
  select.disabled = choices.length < 2;
  select.dataset.key = key;
}

/** What a person chooses before they go live, and while they are. */
export class SetupPanel {
  node;
  #devices;
  #camera = makeSelect('Camera');
  #microphone = makeSelect('Microphone');
  #bar = make('div', 'fill');
  #meter;
  #heard = make('p', 'heard', '');
  #radios = new Map();

  /**
   * @param {Devices} devices
   * @param {object} choose `camera(id)`, `microphone(id)`, `quality(row)`
   */
  constructor(devices, choose) {
    this.#devices = devices;
    this.#meter = make('div', 'meter', this.#bar);
    this.#meter.setAttribute('role', 'meter');
    this.#meter.setAttribute('aria-label', 'Level of the microphone');
    this.#meter.setAttribute('aria-valuemin', '0');
    this.#meter.setAttribute('aria-valuemax', '100');
    this.#microphone.node.append(this.#meter, this.#heard);
    this.#camera.select.addEventListener('change', (event) =>
      choose.camera(event.target.value));
    this.#microphone.select.addEventListener('change', (event) =>
      choose.microphone(event.target.value));
    this.node = make('div', 'setup', this.#camera.node, this.#microphone.node,
        this.#makeQualities(choose.quality));
    devices.addEventListener('level', () => this.#drawLevel());
  }

  /** The devices have changed. */
  update() {
    const devices = this.#devices;
    const isSilent = devices.sound() === 'none';

    fill(this.#camera.select, devices.cameras, devices.camera);
    fill(this.#microphone.select, isSilent && devices.microphones.length === 0
      ? [{ id: '', label: 'None' }] : devices.microphones, devices.microphone);
    this.#meter.hidden = isSilent;
    this.#radios.get(devices.quality).checked = true;
    this.#drawLevel();
  }

  #makeQualities(choose) {
    const name = drawId();
    const legend = make('legend', '', 'Quality');
    const row = make('div', 'choices');

    for (const quality of QUALITIES) {
      const radio = make('input');

      Object.assign(radio, { type: 'radio', name });
      radio.addEventListener('change', () => choose(quality));
      this.#radios.set(quality, radio);
      row.append(make('label', 'choice', radio, make('span', 'name',
          quality.name), make('span', 'rate', writeRate(quality.bps))));
    }
    return make('fieldset', 'field', legend, row);
  }

  #drawLevel() {
    const { level } = this.#devices;
    const sound = this.#devices.sound();

    this.#bar.style.transform = `scaleX(${level.toFixed(2)})`;
    this.#meter.setAttribute('aria-valuenow', `${Math.round(level * 100)}`);
    write(this.#heard, { ok: level > 0 ? 'Sound comes in.'
        : 'Say something: the bar shows what comes in.',
    silent: 'No sound comes in. Say something, or choose another one.',
    none: 'No microphone: you send a picture only.',
    ended: 'The microphone stopped.',
    paused: 'The device has paused the microphone.' }[sound]);
  }
}
