// SPDX-License-Identifier: LGPL-2.1-or-later
// One WebRTC connection to one counterpart: attempts, ICE restarts, media and
// the data channel (docs/protocol.md, sections 5.2 and 10). It knows neither
// the WebSocket nor the page: the end that owns it carries its words.
//
//   waiting → connecting → connected ⇄ interrupted
//      ↑__________|______________________|          closed

import { backoff } from './pb-signal.js';
import { checkCandidate, checkDescription, isBrowsersName } from './pb-sdp.js';
import { limitRate, preferCodecs } from './pb-media.js';
import { CHANNEL_MAX, readChannel, sizeOf } from './pb-wire.js';
import { findPath, readStats } from './pb-stats.js';

// As the elements have it.
const ATTEMPT_MS = 15000;
const ASK_AGAIN_MS = 5000;
// How long packets may stop before somebody acts: most gaps heal by themselves.
const INTERRUPTED_MS = 2000;
const RESTART_MS = 7000;
// Without signalling, or where the other end restarts, there is only waiting.
const LOST_MS = 20000;
const GATHER_MS = 3000;
const CANDIDATES_MAX = 64;
const LINK_MAX = 2 ** 30;
// Attempts of the other end that we follow: eight, and then four a second.
const THEIRS_MAX = 8;
const THEIRS_MS = 250;
const CHANNEL = 'patchbay';

export class PbLink {
  #owner;
  #intro;
  #pc = null;
  #channel = null;
  #state = 'waiting';
  #fault = null;
  #number = 0;
  #attempts = 0;
  #timer = 0;
  #answerTimer = 0;
  #work = Promise.resolve();
  #isCut = false;
  #wantsOffer = null;
  #restartOffer = null;
  #heldOffer = null;
  #early = [];
  #candidates = 0;
  #theirs = [];
  #media = new MediaStream();
  #totals = null;
  #toldAt = 0;
  #path;

  /**
   * @param {object} owner `tracks()`: Map of kind to track, `media()`,
   *   `configuration()`, `videoBps`, `isLocal`, `direction`,
   *   `say(link, kind, number, data)`, `changed(link)`, `heard(link, message)`,
   *   `opened(link)`, `feed(link, media)`, `ended(totals)` of an attempt
   * @param {object} intro the message `peer`
   */
  constructor(owner, intro) {
    this.#owner = owner;
    this.#intro = intro;
  }

  get peer() { return this.#intro.peer; }
  get client() { return this.#intro.client; }
  get isControl() { return this.#intro.control === true; }
  get state() { return this.#state; }
  get path() { return this.#path; }
  get fault() { return this.#fault; }
  get media() { return this.#media; }
  /** What the encoder said when it was last measured. */
  picture = {};
  /** Milliseconds to the next attempt; 0: none is planned here. */
  retryIn = 0;

  get #isCaller() { return this.#intro.role === 'caller'; }
  get #canSend() {
    return this.#owner.direction === 'send' || this.#intro.back === true;
  }
  get #canReceive() {
    return this.#owner.direction === 'receive' || this.#intro.back === true;
  }

  /** The server introduces this counterpart, for the first time or again. */
  introduce(intro) {
    const wasCut = this.#isCut;

    this.#intro = intro;
    this.#isCut = false;
    this.#run(this.#pc, (pc) => this.#repeatOffer(pc));
    if (this.#state === 'connected') {
      this.#owner.changed(this);
      if (this.#wantsOffer)
        this.#run(this.#pc, (pc) => this.#offer(pc, this.#wantsOffer ?? {}));
    } else if (this.#state === 'interrupted') {
      this.#reconnect();
    } else if (this.#isCaller && this.#timer === 0 || wasCut) {
      if (this.#isCaller) this.#begin(this.#number + 1);
      else this.#askLater();
    }
  }

  /** The WebSocket is gone: nothing can be said until the next introduction. */
  cut() {
    this.#isCut = true;
    // its answer comes no more
    if (this.#restartOffer)
      this.#wantsOffer = { ...this.#wantsOffer, iceRestart: true };
    this.#restartOffer = null;
  }

  /** What is sent has changed. */
  async refresh() {
    if (this.#heldOffer) {
      const { number, sdp } = this.#heldOffer;

      this.#heldOffer = null;
      this.#takeOffer(number, sdp);
    } else if (this.#pc === null) {
      if (this.#isCaller && this.#timer === 0 && !this.#isCut)
        this.#begin(this.#number + 1);
    } else {
      this.#run(this.#pc, async (pc) => {
        if (await this.#attachTracks(pc) && this.#isCaller)
          await this.#offer(pc, {});
      });
    }
  }

  /** Fresh relay credentials: they count from the next gathering. */
  configure() {
    try {
      this.#pc?.setConfiguration(this.#owner.configuration());
    } catch {
      // it goes on with what it has
    }
  }

  /** A `signal` from this counterpart. */
  receive(kind, number, data) {
    const isOurs = number === this.#number && this.#pc !== null;

    if (number > LINK_MAX || this.#state === 'closed') return;
    if (this.#isCaller && number > this.#number) {
      // it remembers attempts that we do not: we have been away
      this.#number = number;
      if (this.#state !== 'connected' && this.#mayFollow())
        this.#begin(number + 1);
      return;
    }
    if (kind === 'offer' && !this.#isCaller) {
      this.#takeOffer(number, data.sdp);
    } else if (kind === 'answer' && this.#isCaller && isOurs) {
      this.#takeAnswer(data.sdp);
    } else if (kind === 'candidate' && isOurs) {
      this.#takeCandidate(data);
    } else if (kind === 'restart' && this.#isCaller && isOurs &&
        this.#mayFollow()) {
      this.#takeRestart(data?.code ?? 'no-path');
    }
  }

  /** @returns {boolean} whether it went out */
  tell(message) {
    const text = JSON.stringify(message);

    if (this.#channel?.readyState !== 'open' || sizeOf(text) > CHANNEL_MAX)
      return false;
    this.#channel.send(text);
    return true;
  }

  /** @returns {Promise<object|null>} figures of section 6; null: not up */
  async measure() {
    const pc = this.#pc;
    const now = performance.now();

    if (this.#state !== 'connected') return null;
    const report = await pc.getStats();
    if (this.#pc !== pc || this.#state !== 'connected') return null;
    const { figures, totals, picture } = readStats(report,
        this.#owner.direction, this.#totals, now - this.#toldAt);
    this.#totals = totals;
    this.picture = picture;
    this.#toldAt = now;
    this.#notePath(findPath(report));
    return figures;
  }

  close() {
    this.#endAttempt();
    this.#setState('closed', null);
  }

  // --- attempts --------------------------------------------------------------

  #setState(state, fault) {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.#fault = fault;
    if (state !== 'connected') this.#path = undefined;
    this.#owner.changed(this);
  }

  #setTimer(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = act ? setTimeout(() => {
      this.#timer = 0;
      act();
    }, ms) : 0;
  }

  #endAttempt() {
    const pc = this.#pc;

    this.#setTimer(0, null);
    clearTimeout(this.#answerTimer);
    this.retryIn = 0;
    this.#channel = null;
    if (this.#totals) this.#owner.ended(this.#totals);
    this.#totals = null;
    this.#wantsOffer = null;
    this.#restartOffer = null;
    this.#heldOffer = null;
    this.#early = [];
    this.#candidates = 0;
    // what was asked of a connection that is closed is never answered
    this.#work = Promise.resolve();
    this.#pc = null;
    if (pc) {
      pc.onconnectionstatechange = pc.onicecandidate = null;
      pc.ontrack = pc.ondatachannel = null;
      pc.close();
    }
    for (const track of this.#media.getTracks()) this.#media.removeTrack(track);
  }

  // Caller: an attempt of ours.
  #begin(number) {
    if (this.#state === 'closed' || this.#owner.tracks().size === 0) return;
    this.#endAttempt();
    if (number > LINK_MAX) return;
    this.#number = number;
    if (!this.#makeConnection()) return;
    this.#run(this.#pc, async (pc) => {
      this.#attachChannel(pc.createDataChannel(CHANNEL));
      await this.#attachTracks(pc);
      await this.#offer(pc, {});
    });
  }

  // The caller begins again by itself, the listener asks it to.
  #fail(fault, doTell = true) {
    if (this.#state === 'closed') return;
    this.#endAttempt();
    const delay = backoff(this.#attempts++);

    if (this.#isCut) {
      // the next introduction begins it
    } else if (this.#isCaller) {
      this.retryIn = Math.round(delay);
      this.#setTimer(delay, () => {
        if (!this.#isCut) this.#begin(this.#number + 1);
      });
    } else if (this.#intro.trickle !== false) {
      // `peer-lost` would ask it to mend what is no more here
      if (doTell) this.#ask(fault === 'peer-lost' ? 'timed-out' : fault);
      this.#askLater(fault);
    }
    this.#setState('waiting', fault);
  }

  #ask(fault) {
    if (this.#number === 0) return;
    this.#owner.say(this, 'restart', this.#number,
        fault ? { code: fault } : undefined);
  }

  #askLater(fault = this.#fault) {
    this.#setTimer(ASK_AGAIN_MS, () => {
      if (this.#isCut) return;
      this.#ask(fault);
      this.#askLater(fault);
    });
  }

  // Packets have stopped: other addresses may do, over the same keys.
  #reconnect() {
    if (this.#isCut) {
      this.#setTimer(LOST_MS, () => this.#fail('peer-lost'));
      return;
    }
    if (!this.#isCaller) {
      // it may have noticed nothing
      this.#ask('peer-lost');
      this.#setTimer(LOST_MS, () => this.#fail('peer-lost'));
      return;
    }
    this.#setTimer(RESTART_MS, () => this.#fail('peer-lost'));
    this.#candidates = 0;
    this.#run(this.#pc, (pc) => this.#offer(pc, { iceRestart: true }));
  }

  // The path broke one way and ours has not noticed: what runs goes on, over
  // other addresses. Or the attempt is over there, and has to be begun anew.
  #takeRestart(code) {
    if (code !== 'peer-lost') {
      this.#fail(code, false);
    } else if (this.#state === 'connected') {
      this.#candidates = 0;
      this.#run(this.#pc, (pc) => this.#offer(pc, { iceRestart: true }));
    }
  }

  #mayFollow() {
    const now = performance.now();

    this.#theirs = this.#theirs.filter((at) =>
        now - at < THEIRS_MAX * THEIRS_MS);
    return this.#theirs.length < THEIRS_MAX && this.#theirs.push(now) > 0;
  }

  // False: it has failed before it began.
  #makeConnection() {
    const configuration = this.#owner.configuration();
    let pc;

    if (configuration.iceTransportPolicy === 'relay' &&
        !configuration.iceServers.some(({ credential }) => credential)) {
      this.#fail('relay-unreachable');
      return false;
    }
    try {
      pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle',
        rtcpMuxPolicy: 'require', ...configuration });
    } catch {
      this.#fail('internal');
      return false;
    }
    this.#pc = pc;
    pc.onconnectionstatechange = () => this.#follow(pc);
    pc.onicecandidate = ({ candidate }) => this.#sayCandidate(candidate);
    pc.ondatachannel = ({ channel }) => {
      if (channel.label === CHANNEL && !this.#isCaller && !this.#channel)
        this.#attachChannel(channel);
      else channel.close();
    };
    pc.ontrack = ({ track }) => {
      if (!this.#canReceive) return;
      this.#media.addTrack(track);
      this.#owner.feed(this, this.#media);
    };
    this.#setTimer(ATTEMPT_MS, () => this.#fail(
        this.#pc?.remoteDescription ? this.#noPath() : 'timed-out'));
    this.#setState('connecting', null);
    return true;
  }

  #noPath() {
    return this.#owner.configuration().iceTransportPolicy === 'relay'
        ? 'relay-unreachable' : 'no-path';
  }

  #follow(pc) {
    switch (pc.connectionState) {
      case 'connected':
        this.#setTimer(0, null);
        this.#attempts = 0;
        this.#toldAt = performance.now();
        this.#setState('connected', null);
        pc.getStats().then((report) => {
          if (this.#pc === pc) this.#notePath(findPath(report));
        });
        break;
      case 'disconnected':
        if (this.#state !== 'connected') break;
        this.#setState('interrupted', 'peer-lost');
        this.#setTimer(INTERRUPTED_MS, () => this.#reconnect());
        break;
      case 'failed':
        // where there is a path, it is the handshake; Firefox says `checking` of
        // a path that it has just given up
        if (['connected', 'completed'].includes(pc.iceConnectionState))
          this.#fail('fingerprint');
        else if (this.#state === 'connecting') this.#fail(this.#noPath());
        else if (this.#state === 'connected') {
          this.#setState('interrupted', 'peer-lost');
          this.#reconnect();
        }
        break;
      default:
    }
  }

  #notePath(path) {
    if (path === undefined || path === this.#path ||
        this.#state !== 'connected')
      return;
    this.#path = path;
    this.#owner.changed(this);
  }

  // --- descriptions ----------------------------------------------------------

  // One thing at a time; what belongs to an attempt that is over is left.
  #run(pc, act) {
    this.#work = this.#work.then(async () => {
      if (pc === null || this.#pc !== pc) return;
      try {
        await act(pc);
      } catch {
        if (this.#pc === pc) this.#fail('refused');
      }
    });
  }

  // Our tracks to the lines that are for them. True: an offer is due.
  async #attachTracks(pc) {
    const tracks = this.#owner.tracks();
    const how = (hasTrack) => [hasTrack && this.#canSend && 'send',
      this.#canReceive && 'recv'].filter(Boolean).join('');
    const directions = { send: 'sendonly', recv: 'recvonly',
      sendrecv: 'sendrecv' };
    let isNew = false;

    for (const kind of ['audio', 'video']) {
      const track = tracks.get(kind);
      const line = pc.getTransceivers().find((t) => !t.stopped &&
          t.receiver.track.kind === kind);

      if (line) {
        // a line for a return feed stays open for one that comes later
        const direction = directions[how(track || this.#owner.direction ===
            'receive')] ?? 'inactive';

        if (this.#canSend) await line.sender.replaceTrack(track ?? null);
        if (track) line.sender.setStreams?.(this.#owner.media());
        isNew ||= line.direction !== direction;
        line.direction = direction;
      } else if (this.#isCaller && how(track)) {
        const made = pc.addTransceiver(track ?? kind, {
          direction: directions[how(track)],
          streams: track ? [this.#owner.media()] : [] });

        preferCodecs(made, kind);
        isNew = true;
      }
    }
    this.#limit(pc);

    return isNew;
  }

  #limit(pc) {
    for (const sender of pc.getSenders())
      if (sender.track) limitRate(sender, this.#owner.videoBps);
  }

  // Chromium pairs new ports with the addresses it knows at once, and keeps a
  // pair that is answered before the new credentials come (seen with 156): it is
  // under the old ones, and dead. So a restart is set here only when its answer
  // is there.
  async #offer(pc, options) {
    if (pc.signalingState !== 'stable' || this.#restartOffer) {
      this.#wantsOffer = { ...this.#wantsOffer, ...options };
      return;
    }
    this.#wantsOffer = null;
    const offer = await pc.createOffer(options);
    if (options.iceRestart) this.#restartOffer = offer;
    else await pc.setLocalDescription(offer);
    this.#sayOffer(pc, offer);
  }

  // Where a connection runs already, it does not run as it should until the
  // answer is there: refused, or lost on the way.
  #sayOffer(pc, { sdp }) {
    clearTimeout(this.#answerTimer);
    if (pc.remoteDescription) this.#answerTimer = setTimeout(() => {
      if (this.#pc === pc && !this.#isCut) this.#fail('timed-out');
    }, ATTEMPT_MS);
    this.#owner.say(this, 'offer', this.#number, { sdp });
  }

  // It, or its answer, may have been on the way when a WebSocket went, be it
  // that of the other end.
  #repeatOffer(pc) {
    if (this.#restartOffer)
      this.#sayOffer(pc, this.#restartOffer);
    else if (pc.signalingState === 'have-local-offer' && pc.remoteDescription)
      this.#sayOffer(pc, pc.localDescription);
  }

  #takeOffer(number, sdp) {
    const description = checkDescription(sdp, this.#owner.isLocal);

    if (number < this.#number ||
        (number === this.#number && this.#pc === null))
      return;
    if (number > this.#number) {
      if (!this.#mayFollow()) return;
      this.#endAttempt();
      this.#number = number;
      if (this.#owner.direction === 'send' && this.#owner.tracks().size === 0) {
        // it plays what we send: it waits until there is something
        this.#number = number - 1;
        this.#heldOffer = { number, sdp };
        return;
      }
      if (!this.#makeConnection()) return;
    }
    if (description === null) {
      this.#fail('refused');
      return;
    }
    this.#candidates = 0;
    this.#run(this.#pc, async (pc) => {
      await pc.setRemoteDescription({ type: 'offer', sdp: description });
      await this.#flush(pc);
      await this.#attachTracks(pc);
      await pc.setLocalDescription();
      if (this.#intro.trickle === false) await gathered(pc);
      if (this.#pc !== pc) return;
      this.#owner.say(this, 'answer', this.#number,
          { sdp: pc.localDescription.sdp });
      this.#limit(pc);
      this.#checkCodecs(pc);
    });
  }

  #takeAnswer(sdp) {
    const description = checkDescription(sdp, this.#owner.isLocal);

    if (description === null) {
      this.#fail('refused');
      return;
    }
    this.#run(this.#pc, async (pc) => {
      const offer = this.#restartOffer;

      if (pc.signalingState !== 'have-local-offer' && !offer) return;
      this.#restartOffer = null;
      clearTimeout(this.#answerTimer);
      // one after another, with nothing in between
      await Promise.all([
        offer && pc.setLocalDescription(offer),
        pc.setRemoteDescription({ type: 'answer', sdp: description }),
      ]);
      await this.#flush(pc);
      this.#limit(pc);
      this.#checkCodecs(pc);
      if (this.#wantsOffer) await this.#offer(pc, this.#wantsOffer);
    });
  }

  #checkCodecs(pc) {
    const isUsed = (line) => line.currentDirection &&
        !['inactive', 'stopped'].includes(line.currentDirection);

    if (this.#pc === pc && !pc.getTransceivers().some(isUsed))
      this.#fail('no-codec');
  }

  // --- candidates ------------------------------------------------------------

  #sayCandidate(candidate) {
    if (this.#intro.trickle === false) return;
    if (candidate === null)
      this.#owner.say(this, 'end-of-candidates', this.#number, undefined);
    else if (candidate.candidate !== '')
      this.#owner.say(this, 'candidate', this.#number,
          { candidate: candidate.candidate,
            mline: candidate.sdpMLineIndex ?? 0 });
  }

  #takeCandidate({ candidate, mline = 0 }) {
    const verdict = checkCandidate(candidate, this.#owner.isLocal);

    if (++this.#candidates > CANDIDATES_MAX || verdict === 'bad' ||
        (verdict === 'name' && !isBrowsersName(candidate)))
      return;
    this.#early.push({ candidate, sdpMLineIndex: mline });
    this.#run(this.#pc, (pc) => this.#flush(pc));
  }

  // Those that came before the description wait for it.
  async #flush(pc) {
    if (pc.remoteDescription === null) return;
    for (const candidate of this.#early.splice(0)) {
      try {
        await pc.addIceCandidate(candidate);
      } catch {
        // one that this browser cannot use: there may be others
      }
    }
  }

  // --- the data channel ------------------------------------------------------

  #attachChannel(channel) {
    this.#channel = channel;
    channel.onopen = () => this.#owner.opened(this);
    channel.onmessage = ({ data }) => {
      const message = readChannel(data);

      if (message === null || this.#channel !== channel) return;
      if (message.type === 'health' || this.isControl)
        this.#owner.heard(this, message);
    };
  }
}

// For a counterpart that takes no candidates after the answer.
function gathered(pc) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    const look = () => {
      if (pc.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    };

    pc.addEventListener('icegatheringstatechange', look);
    look();
  });
}
