// SPDX-License-Identifier: LGPL-2.1-or-later
// Five minutes of figures as lines on a canvas.

import { BRIDGE_S, Ring, SERIES } from './wall-model.js';

// What a full scale is at least: noise is not to look like news.
const FLOOR = { bitrate: 1000, rtt: 50, loss: 2, buffer: 100 };
const LINE = { receive: '#8fd0ff', send: '#c9a6ff', grid: '#4a545d',
  text: '#b9c4cc' };
const TITLES = { bitrate: ['Bitrate', 'Mb/s', 1000], rtt: ['Round trip', 'ms', 1],
  loss: ['Loss', '%', 1], buffer: ['Buffer', 'ms', 1] };

// A canvas has as many pixels as the screen gives it.
function prepare(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);

  if (canvas.width !== w || canvas.height !== h)
    Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// The top of the scale for these rings: 1, 2 or 5 times a power of ten.
function topOf(name, rings, second) {
  let most = FLOOR[name];

  for (const ring of rings)
    ring.each(second, (unused, value) => { most = Math.max(most, value); });
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= most * 0.999);
}

function drawLine(context, ring, second, top, { x, y, width, height }) {
  let last = -1;

  context.beginPath();
  ring.each(second, (age, value) => {
    const px = x + width * (1 - age / (Ring.SECONDS - 1));
    const py = y + height - height * Math.min(1, value / top);

    if (last >= 0 && last - age <= BRIDGE_S) context.lineTo(px, py);
    else context.moveTo(px, py);
    last = age;
  });
  context.stroke();
}

/**
 * The four figures of a slot side by side, as its tile shows their numbers: what
 * was received, or where nobody receives, what was sent.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{width, height, left}} size in CSS pixels; `left`: of the row's title
 * @param {Slot} slot
 * @param {number} second
 */
export function drawSparks(canvas, { width, height, left }, slot, second) {
  const context = prepare(canvas, width, height);
  const kind = slot.receivers.length > 0 ? 'receive' : 'send';
  const room = (width - left) / SERIES.length;

  context.lineWidth = 1;
  for (const [i, name] of SERIES.entries()) {
    const box = { x: left + room * i + 2, y: 1.5, width: room - 5,
      height: height - 3 };
    const ring = slot.rings[kind][name];

    context.strokeStyle = LINE.grid;
    context.beginPath();
    context.moveTo(box.x, height - 0.5);
    context.lineTo(box.x + box.width, height - 0.5);
    context.stroke();
    context.strokeStyle = LINE[kind];
    context.lineWidth = 1.5;
    drawLine(context, ring, second, topOf(name, [ring], second), box);
    context.lineWidth = 1;
  }
}

/** One figure of both ends, with axes. */
export function drawChart(canvas, { width, height }, name, slot, second) {
  const context = prepare(canvas, width, height);
  const rings = [slot.rings.receive[name], slot.rings.send[name]];
  const top = topOf(name, rings, second);
  const [title, unit, divide] = TITLES[name];
  const box = { x: 52, y: 24, width: width - 62, height: height - 46 };

  context.font = '13px system-ui, sans-serif';
  context.fillStyle = LINE.text;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.fillText(`${title}, ${unit}`, box.x, 10);
  context.textAlign = 'right';
  context.strokeStyle = LINE.grid;
  context.lineWidth = 1;
  for (const part of [0, 0.5, 1]) {
    const y = Math.round(box.y + box.height * (1 - part)) + 0.5;

    context.beginPath();
    context.moveTo(box.x, y);
    context.lineTo(box.x + box.width, y);
    context.stroke();
    context.fillText(String(top * part / divide), box.x - 6, y);
  }
  context.textAlign = 'center';
  for (const minutes of [4, 3, 2, 1])
    context.fillText(`−${minutes} min`,
        box.x + box.width * (1 - minutes / 5), height - 9);
  context.textAlign = 'right';
  context.fillText('now', box.x + box.width, height - 9);
  context.lineWidth = 2;
  for (const kind of ['send', 'receive']) {
    context.strokeStyle = LINE[kind];
    context.setLineDash(kind === 'send' ? [5, 4] : []);
    drawLine(context, slot.rings[kind][name], second, top, box);
  }
  context.setLineDash([]);
}
