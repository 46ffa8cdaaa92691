// SPDX-License-Identifier: LGPL-2.1-or-later
// Cameras, microphones, codecs and rates.

import { PbFaultError, faultOfMedia } from './pb-faults.js';

// In this order. Phones encode H.264 in hardware; every browser has VP8.
const VIDEO = [
  { mimeType: 'video/H264', sdp: /packetization-mode=1/, profile: '42e0' },
  { mimeType: 'video/H264', sdp: /packetization-mode=1/, profile: '4200' },
  { mimeType: 'video/VP8' },
  { mimeType: 'video/rtx' },
];
const AUDIO = [{ mimeType: 'audio/opus' }];
/** At most, of a picture and of sound. */
export const VIDEO_BPS = 2500000;
const AUDIO_BPS = 64000;

/**
 * Whether a sender is one that speaks SRT alone. No browser could show it, and
 * it would be told of a viewer that speaks another language.
 *
 * @param {{transport, client}} sender as `session` has it
 */
export function isSrtAlone({ transport, client }) {
  return transport === 'srt' || /^pbsrtbin\b/.test(client);
}

/** Whether this browser can do what the module does. */
export function checkBrowser() {
  if (!globalThis.isSecureContext) return 'insecure-context';
  return globalThis.RTCPeerConnection && globalThis.WebSocket
      ? null : 'no-webrtc';
}

/**
 * Asks for what is to be sent.
 *
 * @param {MediaStream|object} what a stream, which is taken as it is, or which
 *   of `camera`, `microphone` and `screen`: true, or MediaTrackConstraints
 *   that are added to ours; `camera` may have `facing`: `user`, `environment`
 * @returns {Promise<MediaStream>} throws a PbFaultError
 */
export async function openMedia(what) {
  if (what instanceof MediaStream) return what;
  const devices = navigator.mediaDevices;
  const { camera = false, microphone = false, screen = false } = what;
  const stream = new MediaStream();

  if (!devices) throw new PbFaultError('insecure-context');
  try {
    if (screen) {
      const shown = await devices.getDisplayMedia({
        video: { frameRate: { ideal: 15 }, ...asObject(screen) } });
      shown.getTracks().forEach((track) => stream.addTrack(track));
    }
    if (camera || microphone) {
      const { facing, ...more } = asObject(camera);
      const video = { width: { ideal: 1280 }, height: { ideal: 720 },
        frameRate: { ideal: 30, max: 60 }, ...more };

      if (facing) video.facingMode = { ideal: facing };
      const taken = await devices.getUserMedia({ video: camera && video,
        audio: microphone && asObject(microphone) });
      taken.getTracks().forEach((track) => stream.addTrack(track));
    }
  } catch (error) {
    stream.getTracks().forEach((track) => track.stop());
    throw new PbFaultError(faultOfMedia(error));
  }
  for (const track of stream.getVideoTracks())
    track.contentHint = screen ? 'detail' : 'motion';
  if (stream.getTracks().length === 0) throw new PbFaultError('camera-missing');

  return stream;
}

const asObject = (value) => typeof value === 'object' ? value : {};

/**
 * Offers the codecs above and no other: every one more lengthens the offer, and
 * a pair that chose AV1 would leave pbsrcsink out.
 *
 * @param {RTCRtpTransceiver} transceiver
 * @param {'audio'|'video'} kind
 */
export function preferCodecs(transceiver, kind) {
  const capable = [transceiver.direction === 'sendonly'
    ? RTCRtpSender : RTCRtpReceiver][0].getCapabilities?.(kind)?.codecs ?? [];
  const wanted = (kind === 'video' ? VIDEO : AUDIO).flatMap((row) =>
      capable.filter((codec) =>
          codec.mimeType.toLowerCase() === row.mimeType.toLowerCase() &&
          (!row.sdp || row.sdp.test(codec.sdpFmtpLine)) &&
          (!row.profile || new RegExp(`profile-level-id=${row.profile}`, 'i')
              .test(codec.sdpFmtpLine))));
  const isMedia = (codec) => !codec.mimeType.endsWith('/rtx');

  if (wanted.some(isMedia)) transceiver.setCodecPreferences?.(wanted);
}

/**
 * Where there is too little room, video gives way before sound does.
 *
 * @param {RTCRtpSender} sender
 * @param {number} bps at most, of video
 */
export async function limitRate(sender, bps) {
  const parameters = sender.getParameters();
  const isVideo = sender.track?.kind === 'video';

  if (!parameters.encodings?.length) return;
  for (const encoding of parameters.encodings) {
    encoding.maxBitrate = isVideo ? bps : AUDIO_BPS;
    encoding.priority = encoding.networkPriority = isVideo ? 'low' : 'high';
  }
  if (isVideo)
    parameters.degradationPreference = sender.track.contentHint === 'detail'
        ? 'maintain-resolution' : 'maintain-framerate';
  try {
    await sender.setParameters(parameters);
  } catch {
    // an older browser knows fewer of them, and its defaults serve
  }
}
