// SPDX-License-Identifier: LGPL-2.1-or-later
// The landing page and the docs in Chromium, with a real patchbayd. Run by
// netns.sh.
import { axe, expect, run, test } from './lab.mjs';

test('everybody can use the landing page', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/');

  await axe(page, 'the landing page');
});

test('axe-core finds what is wrong, in words', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/');
  let message = '';

  await page.evaluate(() => {
    document.querySelector('main').append(document.createElement('img'));
  });
  await axe(page, 'a picture without words').catch((error) => {
    message = error.message;
  });
  expect(/^a picture without words:\nimage-alt: img: /.test(message), message);
});

await run();
