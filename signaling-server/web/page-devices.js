// SPDX-License-Identifier: LGPL-2.1-or-later
// The camera and the microphone of this device: which there are, which are
// open, whether they still give anything. One MediaStream all the while; its
// tracks change, so that a preview and a connection stay as they are.

import { PbFaultError } from './pb-session.js';
import { openMedia } from './pb-media.js';

/** What a person chooses from, and what it takes of the network. */
export const QUALITIES = [
  { name: '360p', width: 640, height: 360, bps: 800000 },
  { name: '540p', width: 960, height: 540, bps: 1500000 },
  { name: '720p', width: 1280, height: 720, bps: 2500000 },
  { name: '1080p', width: 1920, height: 1080, bps: 5000000 },
];
const USUAL = QUALITIES[2];

const METER_MS = 100;
// Quieter than a quiet room, for so long: nothing comes from there.
const SILENCE = 0.0008;
const SILENT_MS = 8000;
// What the system takes for a moment it mostly gives back.
const PAUSED_MS = 1500;

/**
 * `change`: something was opened, closed or taken away; `level`: `level` is new.
 */
export class Devices extends EventTarget {
  media = new MediaStream();
  quality = USUAL;
  /** `[{id, label}]`; labels are there once a person has allowed one. */
  cameras = [];
  microphones = [];
  /** 0 to 1, of the microphone. */
  level = 0;
  #facing = 'environment';
  #wanted = { video: null, audio: null };
  #hasSound = true;
  #context = null;
  #meter = null;
  #timer = 0;
  #heardAt = 0;
  #pausedAt = { video: 0, audio: 0 };
  #onDevices = () => this.#list();

  /** Whether a camera is open. */
  get isOpen() { return this.#track('video') !== null; }
  get camera() { return this.#idOf('video'); }
  get microphone() { return this.#idOf('audio'); }
  /** A preview of a camera that looks at its person is a mirror. */
  get isMirror() {
    return this.#track('video')?.getSettings().facingMode === 'user';
  }

  #track(kind) {
    return this.media.getTracks().find((track) => track.kind === kind) ?? null;
  }

  #idOf(kind) {
    return this.#track(kind)?.getSettings().deviceId ?? '';
  }

  /** Opens both; throws a PbFaultError. Without a microphone: a picture. */
  async open() {
    const video = this.#videoConstraints();
    const audio = this.#audioConstraints();
    let taken;

    this.#stop('video');
    this.#stop('audio');
    try {
      taken = await openMedia({ camera: video, microphone: audio });
    } catch (error) {
      if (!(error instanceof PbFaultError) || error.fault !== 'camera-missing')
        throw error;
      taken = await openMedia({ camera: video });
    }
    for (const track of taken.getTracks()) this.#add(track);
    this.#hasSound = this.#track('audio') !== null;
    this.#measure();
    navigator.mediaDevices.addEventListener('devicechange', this.#onDevices);
    await this.#list();
  }

  /** Phones open one camera at a time: the first is closed, then the second. */
  async chooseCamera(id) {
    this.#wanted.video = id;
    await this.#reopen('video');
  }

  /** Throws a PbFaultError, as all of these. */
  async chooseMicrophone(id) {
    this.#wanted.audio = id;
    await this.#reopen('audio');
  }

  /** The other side of the phone, or the next camera. */
  async turn() {
    const facing = this.#track('video')?.getSettings().facingMode;

    if (facing) {
      this.#facing = facing === 'user' ? 'environment' : 'user';
      this.#wanted.video = null;
    } else {
      const i = this.cameras.findIndex(({ id }) => id === this.camera);
      this.#wanted.video = this.cameras[(i + 1) % this.cameras.length]?.id;
    }
    await this.#reopen('video');
  }

  /** Another size: of the same track where the camera can, else anew. */
  async chooseQuality(quality) {
    this.quality = quality;
    const track = this.#track('video');

    if (!track) return;
    try {
      const { width, height, frameRate } = this.#videoConstraints();
      await track.applyConstraints({ width, height, frameRate });
    } catch {
      await this.#reopen('video');
    }
  }

  /** What was taken away, opened again; throws a PbFaultError. */
  async reopen() {
    if (!this.isOpen || this.picture() !== 'ok')
      await this.#reopen('video');
    if (this.#hasSound && ['ended', 'paused'].includes(this.sound()))
      await this.#reopen('audio');
  }

  /** @returns {'ok'|'ended'|'paused'} */
  picture() { return this.#stateOf('video'); }

  /** @returns {'ok'|'ended'|'paused'|'silent'|'none'} */
  sound() {
    if (!this.#track('audio')) return 'none';
    const state = this.#stateOf('audio');

    if (state !== 'ok' || !this.#meter) return state;
    return performance.now() - this.#heardAt > SILENT_MS ? 'silent' : 'ok';
  }

  /** Lets go of both. */
  close() {
    navigator.mediaDevices?.removeEventListener('devicechange',
        this.#onDevices);
    clearInterval(this.#timer);
    this.#context?.close();
    this.#context = this.#meter = null;
    this.#stop('video');
    this.#stop('audio');
  }

  #stateOf(kind) {
    const track = this.#track(kind);

    if (!track || track.readyState === 'ended') return 'ended';
    if (!track.muted) this.#pausedAt[kind] = 0;
    else this.#pausedAt[kind] ||= performance.now();
    return track.muted && performance.now() - this.#pausedAt[kind] > PAUSED_MS
        ? 'paused' : 'ok';
  }

  #videoConstraints() {
    const { width, height } = this.quality;
    const { video } = this.#wanted;
    const which = video ? { deviceId: { exact: video } }
        : { facing: this.#facing };

    return { width: { ideal: width }, height: { ideal: height },
      frameRate: { ideal: 30, max: 60 }, ...which };
  }

  #audioConstraints() {
    return this.#wanted.audio ? { deviceId: { exact: this.#wanted.audio } }
        : {};
  }

  async #reopen(kind) {
    this.#stop(kind);
    try {
      const taken = await openMedia(kind === 'video'
        ? { camera: this.#videoConstraints() }
        : { microphone: this.#audioConstraints() });

      for (const track of taken.getTracks()) this.#add(track);
      if (kind === 'audio') this.#measure();
    } finally {
      this.#tell();
    }
  }

  #add(track) {
    for (const type of ['ended', 'mute', 'unmute'])
      track.addEventListener(type, () => this.#tell());
    this.media.addTrack(track);
  }

  #stop(kind) {
    for (const track of this.media.getTracks()) {
      if (track.kind !== kind) continue;
      this.media.removeTrack(track);
      track.stop();
    }
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }

  async #list() {
    const all = await navigator.mediaDevices.enumerateDevices();
    const of = (kind, word) => all.filter((one) => one.kind === kind &&
        one.deviceId).map(({ deviceId, label }, i) =>
      ({ id: deviceId, label: label || `${word} ${i + 1}` }));

    this.cameras = of('videoinput', 'Camera');
    this.microphones = of('audioinput', 'Microphone');
    this.#tell();
  }

  #measure() {
    const track = this.#track('audio');

    clearInterval(this.#timer);
    this.#meter = null;
    this.level = 0;
    if (!track || !globalThis.AudioContext) return;
    this.#context ??= new AudioContext();
    this.#context.resume();
    this.#meter = this.#context.createAnalyser();
    this.#meter.fftSize = 2048;
    this.#context.createMediaStreamSource(new MediaStream([track]))
        .connect(this.#meter);
    this.#heardAt = performance.now();
    const samples = new Float32Array(this.#meter.fftSize);
    this.#timer = setInterval(() => {
      this.#meter.getFloatTimeDomainData(samples);
      const peak = samples.reduce((max, x) => Math.max(max, Math.abs(x)), 0);

      // decibels, as an ear has it: -54 dB is nothing, 0 dB is all
      this.level = Math.max(0, Math.min(1, 1 + 20 * Math.log10(peak || 1e-9) /
          54));
      if (peak > SILENCE || !track.enabled ||
          this.#context.state !== 'running')
        this.#heardAt = performance.now();
      this.dispatchEvent(new Event('level'));
    }, METER_MS);
  }
}
