// SPDX-License-Identifier: LGPL-2.1-or-later
// How the wall divides its room, which tiles play and where a key leads: pure
// functions, without a page.

// Of each density: the smallest tile that is readable, in CSS pixels, and the
// tile it was drawn for, with letters of `font` pixels. All of a tile is in
// em: a larger one is the same picture, larger.
const DENSITIES = [
  { density: 'full', minWidth: 380, minHeight: 400, width: 460, height: 470,
    font: 15, most: 40 },
  { density: 'medium', minWidth: 250, minHeight: 266, width: 300, height: 310,
    font: 13.5, most: 36 },
  { density: 'compact', minWidth: 150, minHeight: 172, width: 176, height: 190,
    font: 11, most: 30 },
];
const GAP = 6;
// A large screen is looked at from far away: its letters are at least that part
// of its height, if fewer things in a tile give them.
const LETTER_PART = 1 / 110;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function grid(slots, columns, width, height, kind) {
  const rows = Math.ceil(slots / columns);
  const tileWidth = Math.floor((width - GAP * (columns - 1)) / columns);
  const tileHeight = Math.floor((height - GAP * (rows - 1)) / rows);
  const scale = Math.min(tileWidth / kind.width, tileHeight / kind.height);

  return { density: kind.density, columns, rows, tileWidth, tileHeight, scale,
    fits: tileWidth >= kind.minWidth && tileHeight >= kind.minHeight,
    font: clamp(kind.font * scale, kind.font * 0.86, kind.most) };
}

/**
 * The richest density that shows every slot at once, and in it the columns that
 * give the largest tile. Where none does, compact tiles, and the wall scrolls.
 *
 * @param {{slots: number, width: number, height: number}} room in CSS pixels
 * @returns {{density, columns, rows, tileWidth, tileHeight, font, scrolls}}
 */
export function chooseLayout({ slots, width, height }) {
  const count = Math.max(1, slots);

  for (const kind of DENSITIES) {
    let best = null;

    for (let columns = 1; columns <= count; columns++) {
      const one = grid(count, columns, width, height, kind);

      if (one.fits && (best === null || one.scale > best.scale + 0.001))
        best = one;
    }
    if (best !== null && (kind === DENSITIES.at(-1) ||
        best.font >= height * LETTER_PART))
      return finish(best, false);
  }

  const kind = DENSITIES.at(-1);
  const columns = Math.max(1,
      Math.floor((width + GAP) / (kind.minWidth + GAP)));
  const rows = Math.ceil(count / columns);
  const seen = Math.max(1, Math.floor((height + GAP) / (kind.minHeight + GAP)));
  const one = grid(columns * seen, columns, width, height, kind);

  return finish({ ...one, rows, font: Math.max(one.font, kind.font * 0.86) },
      true);
}

function finish({ scale, fits, ...layout }, scrolls) {
  return { ...layout, font: Math.round(layout.font * 10) / 10, scrolls };
}

/** The space between tiles, in CSS pixels. */
export const TILE_GAP = GAP;

/**
 * Which slots play. At most `most`: first the one that is open or listened to,
 * then those a person asked for (the latest first), then program, preview, those
 * that play already, and the rest in their order.
 *
 * @param {Array<{stream, canPlay, inView, isFirst, askedAt, tally, isPlaying}>}
 *   tiles in the wall's order
 * @param {number} most 0: pictures are off
 * @returns {Set<string>}
 */
export function pickPlaying(tiles, most) {
  const rank = ({ isFirst, askedAt, tally, isPlaying }) => {
    if (isFirst) return 0;
    if (askedAt > 0) return 1;
    if (tally === 'program') return 2;
    if (tally === 'preview') return 3;
    return isPlaying ? 4 : 5;
  };

  return new Set(tiles.map((tile, i) => ({ tile, i }))
      .filter(({ tile }) => tile.canPlay && (tile.inView || tile.isFirst))
      .sort((a, b) => rank(a.tile) - rank(b.tile) ||
          (b.tile.askedAt ?? 0) - (a.tile.askedAt ?? 0) || a.i - b.i)
      .slice(0, Math.max(0, most)).map(({ tile }) => tile.stream));
}

/**
 * Where a key of movement leads in a grid.
 *
 * @param {string} key `ArrowLeft`, …, `Home`, `End`
 * @param {number} at the present tile
 * @param {number} count
 * @param {number} columns
 * @returns {number} the same where it leads nowhere; -1: no such key
 */
export function step(key, at, count, columns) {
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns,
    ArrowDown: at + columns, Home: 0, End: count - 1 }[key];

  if (to === undefined) return -1;
  return to < 0 || to >= count ? at : to;
}

/** How long the second press of a key is waited for. */
export const TWICE_MS = 2500;

/**
 * What a single key does to a light. A stray key must not put a camera on air
 * nor take it off: both want the key twice, except to take what is in preview.
 *
 * @param {string} now the tally as it is
 * @param {string} wanted
 * @param {{stream, wanted, at}|null} asked the key before, if it was asked
 * @param {string} stream
 * @param {number} time milliseconds
 * @returns {'do'|'ask'|'none'}
 */
export function tallyKey(now, wanted, asked, stream, time) {
  if (now === wanted) return 'none';
  if (now !== 'program' && (wanted !== 'program' || now === 'preview'))
    return 'do';
  return asked !== null && asked.stream === stream &&
      asked.wanted === wanted && time - asked.at <= TWICE_MS ? 'do' : 'ask';
}
