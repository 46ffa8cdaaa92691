// SPDX-License-Identifier: LGPL-2.1-or-later
// Figures of docs/protocol.md, section 6, from RTCPeerConnection.getStats().

const TOTALS = ['packets', 'packets_lost', 'packets_retransmitted', 'frames',
  'frames_dropped', 'freezes'];
const round = (number, digits = 0) =>
    Math.round(number * 10 ** digits) / 10 ** digits;
const sum = (rows, field) =>
    rows.reduce((total, row) => total + (row[field] ?? 0), 0);
const highest = (values) => values.length > 0 ? Math.max(...values) : undefined;
const known = (values) => values.filter((v) => Number.isFinite(v) && v >= 0);

/** The pair of candidates that media takes now, or undefined. */
export function findPair(report) {
  const rows = [...report.values()];
  const transport = rows.find((row) => row.type === 'transport' &&
      row.selectedCandidatePairId);

  return report.get(transport?.selectedCandidatePairId) ??
      rows.find((row) => row.type === 'candidate-pair' && row.nominated &&
          row.state === 'succeeded');
}

/** `direct`, `relay`, or undefined while it is open. */
export function findPath(report) {
  const pair = findPair(report);
  const ends = [report.get(pair?.localCandidateId),
    report.get(pair?.remoteCandidateId)];

  if (!pair) return undefined;
  return ends.some((end) => end?.candidateType === 'relay')
      ? 'relay' : 'direct';
}

// Totals of what we send and of what the other end says about it.
function countSent(rows) {
  const out = rows.filter((row) => row.type === 'outbound-rtp');
  const heard = rows.filter((row) => row.type === 'remote-inbound-rtp');

  return {
    bytes: sum(out, 'bytesSent'),
    packets: sum(out, 'packetsSent'),
    packets_lost: Math.max(0, sum(heard, 'packetsLost')),
    packets_retransmitted: sum(out, 'retransmittedPacketsSent'),
    frames: sum(out.filter((row) => row.kind === 'video'), 'framesSent'),
    jitter: highest(known(heard.map((row) => row.jitter * 1000))),
    fraction: highest(known(heard.map((row) => row.fractionLost * 100))),
  };
}

function countReceived(rows) {
  const into = rows.filter((row) => row.type === 'inbound-rtp');
  const video = into.filter((row) => row.kind === 'video');

  return {
    bytes: sum(into, 'bytesReceived'),
    packets: sum(into, 'packetsReceived'),
    packets_lost: Math.max(0, sum(into, 'packetsLost')),
    packets_retransmitted: sum(into, 'retransmittedPacketsReceived'),
    frames: sum(video, 'framesDecoded'),
    frames_dropped: sum(video, 'framesDropped'),
    freezes: sum(video, 'freezeCount'),
    jitter: highest(known(into.map((row) => row.jitter * 1000))),
    held: sum(into, 'jitterBufferDelay'),
    emitted: sum(into, 'jitterBufferEmittedCount'),
  };
}

// What the browser's own encoder says of itself. It is for the page alone: the
// wire has no such figures.
function readEncoder(rows) {
  const video = rows.find((row) => row.type === 'outbound-rtp' &&
      row.kind === 'video');
  const picture = {};

  if (['bandwidth', 'cpu'].includes(video?.qualityLimitationReason))
    picture.limit = video.qualityLimitationReason;
  for (const [field, name] of [['frameWidth', 'width'],
    ['frameHeight', 'height'], ['framesPerSecond', 'fps']])
    if (Number.isFinite(video?.[field])) picture[name] = round(video[field]);
  return picture;
}

/** After that long a report is no news (docs/protocol.md, section 6). */
export const STALE_MS = 12000;

/**
 * @param {RTCStatsReport} report
 * @param {'send'|'receive'} direction which of the two is told
 * @param {object|null} before what this returned as `totals` the last time
 * @param {number} ms since then
 * @returns {{figures: object, totals: object, picture: object}} `picture`, of
 *   a sender: `limit` (`bandwidth`, `cpu`), `width`, `height`, `fps`
 */
export function readStats(report, direction, before, ms) {
  const rows = [...report.values()];
  const pair = findPair(report);
  const totals = direction === 'send' ? countSent(rows) : countReceived(rows);
  const since = (field) =>
      Math.max(0, totals[field] - (before?.[field] ?? 0));
  const figures = { interval: round(ms), connected: true };

  for (const field of TOTALS)
    if (totals[field] !== undefined) figures[field] = totals[field];
  if (Number.isFinite(pair?.currentRoundTripTime))
    figures.rtt = round(pair.currentRoundTripTime * 1000, 1);
  if (totals.jitter !== undefined) figures.jitter = round(totals.jitter, 1);
  if (before && ms > 0)
    figures.bitrate = round(since('bytes') * 8 / ms);

  if (direction === 'send') {
    if (totals.fraction !== undefined) figures.loss = round(totals.fraction, 2);
    if (pair?.availableOutgoingBitrate > 0)
      figures.bandwidth = round(pair.availableOutgoingBitrate / 1000);
  } else if (before) {
    // What came again was lost on the way too, but not lost in the end.
    const again = since('packets_retransmitted');
    const gone = since('packets_lost');
    const all = since('packets') + gone;

    if (all > 0) {
      figures.loss = round(100 * Math.min(all, gone + again) / all, 2);
      figures.drop = round(100 * gone / all, 2);
    }
    if (since('emitted') > 0)
      figures.buffer = round(1000 * since('held') / since('emitted'));
  }

  return { figures, totals,
    picture: direction === 'send' ? readEncoder(rows) : {} };
}

/**
 * One set of figures for an end with several counterparts: totals and rates are
 * added, of the rest the worst counts, since somebody sees that picture.
 *
 * @param {object[]} all as `figures` above
 * @param {object} [past] totals of connections that are no more
 * @returns {object} with `connected` false where there is none
 */
export function joinFigures(all, past = {}) {
  const figures = { connected: all.length > 0 };
  const add = (values) => values.reduce((a, b) => a + b);
  const pick = (field, choose, more = []) => {
    const values = known([...all.map((one) => one[field]), ...more]);

    if (values.length > 0) figures[field] = choose(values);
  };

  for (const field of TOTALS) pick(field, add, [past[field]]);
  pick('bitrate', add);
  for (const field of ['rtt', 'jitter', 'loss', 'drop', 'buffer', 'interval'])
    pick(field, (values) => Math.max(...values));
  pick('bandwidth', (values) => Math.min(...values));

  return figures;
}

/** Adds the totals of a connection that ended to those before. */
export function addTotals(past, totals) {
  for (const field of TOTALS)
    if (totals[field] !== undefined)
      past[field] = (past[field] ?? 0) + totals[field];
}
