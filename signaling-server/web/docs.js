// SPDX-License-Identifier: LGPL-2.1-or-later
// The docs are plain HTML. This makes what is wider than the screen reachable
// with the keyboard, and only that: nobody wants a stop at every table.

const boxes = document.querySelectorAll('main pre, main .table');

function mark(box) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute('role', 'group');
    box.setAttribute('aria-label', box.localName === 'pre'
        ? 'Code, wider than the screen' : 'Table, wider than the screen');
  } else {
    for (const name of ['tabindex', 'role', 'aria-label'])
      box.removeAttribute(name);
  }
}

const watch = new ResizeObserver((entries) => {
  for (const { target } of entries) mark(target);
});

for (const box of boxes) watch.observe(box);
