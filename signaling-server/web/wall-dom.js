// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements and dialogs. Text from outside is text: nothing here reads markup.

/**
 * @param {string} name `button.primary`: a tag and classes
 * @param {object} [props] properties; those with a dash are attributes, as is
 *   `role`; `on…` are listeners
 * @param {...(Node|string)} children
 */
export function el(name, props = {}, ...children) {
  const [tag, ...classes] = name.split('.');
  const node = document.createElement(tag);

  node.className = classes.join(' ');
  if (tag === 'button') node.type = 'button';
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined) continue;
    if (key.startsWith('on'))
      node.addEventListener(key.slice(2).toLowerCase(), value);
    else if (key.includes('-') || key === 'role' || key === 'for')
      node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Writes only what changed: an equal text costs a comparison. */
export function setText(node, text) {
  const { firstChild } = node;

  if (firstChild === null) {
    if (text !== '') node.append(text);
  } else if (firstChild.data !== text) {
    firstChild.data = text;
  }
}

/** The same of an attribute `data-…`. */
export function setData(node, key, value) {
  if (node.dataset[key] !== value) node.dataset[key] = value;
}

/** For those who listen only. */
export const hiddenText = (text) => el('span.unseen', {}, text);

const PATIENCE_MS = 10000;
const parts = new Map();
const failures = new Map();

/**
 * A module of the wall that is not needed at first.
 *
 * @param {string} name its file
 * @returns {Promise<object>} throws an Error with words for a person
 */
export async function loadPart(name) {
  if (parts.has(name)) return parts.get(name);
  const tries = failures.get(name) ?? 0;
  let timer;

  try {
    const part = await Promise.race([
      // some browsers keep that an import failed: another address is new
      import(`./${name}${tries > 0 ? `?${tries}` : ''}`),
      new Promise((unused, reject) => {
        timer = setTimeout(reject, PATIENCE_MS);
      })]);

    parts.set(name, part);
    return part;
  } catch {
    failures.set(name, tries + 1);
    throw new Error('This part of the page could not be fetched from the ' +
        'server. Try again once it is back; the tiles and the keys go on.');
  } finally {
    clearTimeout(timer);
  }
}

let lastId = 0;

/** A label, its field, and a line of help. */
export function field(label, input, help = '') {
  input.id = `f${++lastId}`;
  const parts = [el('label', { for: input.id }, label), input];

  if (help !== '') {
    parts.push(el('p.help', { id: `${input.id}h` }, help));
    input.setAttribute('aria-describedby', `${input.id}h`);
  }
  return el('div.field', {}, ...parts);
}

/** A <select> of `[value, text]`. */
export function select(options, value) {
  const node = el('select', {}, ...options.map(([key, text]) =>
    el('option', { value: key }, text)));

  if (value !== undefined) node.value = value;
  return node;
}

/**
 * A modal dialog. Closed, it leaves the page with all that it showed, and the
 * focus goes back to where it was.
 *
 * @param {string} title
 * @param {...Node} children
 * @returns {HTMLDialogElement} open; `closed` is a promise of its returnValue
 */
export function openDialog(title, ...children) {
  const before = document.activeElement;
  const heading = el('h2', { id: `d${++lastId}`, tabIndex: -1 }, title);
  const node = el('dialog', { 'aria-labelledby': heading.id },
      el('header', {}, heading, el('button.close', {
        'aria-label': 'Close', onclick: () => node.close() }, '×')),
      ...children);

  node.closed = new Promise((resolve) => {
    node.addEventListener('close', () => {
      node.remove();
      // as text as well: a picture or a link must not live on in a node
      node.replaceChildren();
      if (before?.isConnected) before.focus({ preventScroll: true });
      else document.querySelector('.tile[tabindex="0"]')?.focus();
      resolve(node.returnValue);
    }, { once: true });
  });
  // a click beside it closes nothing: what was minted would be gone
  document.body.append(node);
  node.showModal();
  return node;
}

/**
 * Asks once, in words that say what will happen to whom.
 *
 * @param {string} title
 * @param {string[]} lines
 * @param {string} action what the button does
 * @param {function(KeyboardEvent): boolean} [isYes] a key that says so, too
 * @returns {Promise<boolean>}
 */
export async function confirmDialog(title, lines, action, isYes) {
  const keep = el('button', { onclick: () => node.close() }, 'Cancel');
  const node = openDialog(title, ...lines.map((line) => el('p', {}, line)),
      el('footer', {}, keep, el('button.danger', {
        onclick: () => node.close('yes') }, action)));

  node.classList.add('ask');
  node.setAttribute('role', 'alertdialog');
  node.addEventListener('keydown', (event) => {
    if (event.repeat || !isYes?.(event)) return;
    event.preventDefault();
    node.close('yes');
  });
  keep.focus();
  return await node.closed === 'yes';
}

/** A form that says what went wrong in itself and cannot be sent twice. */
export function form(fields, action, submit) {
  const problem = el('p.problem', { role: 'alert' });
  const button = el('button.primary', { type: 'submit' }, action);
  const node = el('form', { noValidate: false }, ...fields, problem,
      el('footer', {}, button));

  node.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    setText(problem, '');
    try {
      await submit();
    } catch (error) {
      setText(problem, error.message);
    } finally {
      button.disabled = false;
    }
  });
  return node;
}

/** A button that copies a text and says so. */
export function copyButton(text, what = 'Copy') {
  const button = el('button', { async onclick() {
    try {
      await navigator.clipboard.writeText(text());
      setText(button, 'Copied');
    } catch {
      setText(button, 'Select it and copy');
    }
    setTimeout(() => setText(button, what), 2000);
  } }, what);

  return button;
}
