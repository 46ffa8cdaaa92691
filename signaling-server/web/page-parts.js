// SPDX-License-Identifier: LGPL-2.1-or-later
// Small parts that the pages are made of. Text goes in as text, always.

/**
 * An element with a class, and text or nodes in it.
 *
 * @param {string} tag
 * @param {string} [className]
 * @param {...(string|Node)} content
 */
export function make(tag, className = '', ...content) {
  const node = document.createElement(tag);

  if (className) node.className = className;
  node.append(...content);
  return node;
}

/** A button that does something. */
export function makeButton(className, text, act) {
  const button = make('button', className, text);

  button.type = 'button';
  button.addEventListener('click', act);
  return button;
}

/** A <video> that shows a MediaStream, silent until somebody asks. */
export function makeVideo(className) {
  const video = make('video', className);

  Object.assign(video, { autoplay: true, playsInline: true, muted: true });
  return video;
}

/** Browsers play no sound before somebody touched the page. */
export function makeSoundButton(video) {
  const button = makeButton('sound', 'Sound on', () => {
    video.muted = !video.muted;
    button.textContent = video.muted ? 'Sound on' : 'Sound off';
    video.play();
  });

  return button;
}

/** Writes only what is new: a live region reads out whatever is written. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

let lastId = 0;

/** An id for labels and what they label. */
export function drawId() {
  return `part-${++lastId}`;
}

/** 3725: `1:02:05`. */
export function writeSpan(seconds) {
  const two = (number) => String(number).padStart(2, '0');
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;

  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}`
      : `${minutes}:${two(whole % 60)}`;
}

/** The time of day, as people here write it. */
export function writeClock(date) {
  return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit',
    second: '2-digit', hourCycle: 'h23' });
}

/**
 * Puts a text on the clipboard.
 *
 * @returns {Promise<boolean>} false: this browser does not let us
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // plain http, or no permission: the old way
  }
  const area = make('textarea', 'unseen');
  const { activeElement } = document;
  let isDone = false;

  area.value = text;
  area.setAttribute('aria-hidden', 'true');
  document.body.append(area);
  area.select();
  try {
    isDone = document.execCommand('copy');
  } catch {
    isDone = false;
  }
  area.remove();
  activeElement?.focus?.();
  return isDone;
}
