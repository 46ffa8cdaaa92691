// SPDX-License-Identifier: LGPL-2.1-or-later
// The landing page, the docs, and what a first visit costs, in Chromium with a
// real patchbayd. Run by netns.sh.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { axe, expect, run, test, until } from './lab.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const LAPTOP = { viewport: { width: 1280, height: 720 } };
const WALL = { viewport: { width: 3840, height: 2160 } };
const SIZES = { phone: PHONE, laptop: LAPTOP, wall: WALL };
const FIRST_VISIT_MAX = 100_000;

/** Nothing that a person has to look at stands out of the screen's sides. */
async function fits(page, what) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);

  expect(wide <= room, `${what} is ${wide} wide on a screen of ${room}`);
}

const focused = (page) => page.evaluate(() => document.activeElement.id);
const message = (page, where) => page.locator(`#${where}-error`).textContent();

/** Presses the button and waits for words in that place. */
async function refused(page, where) {
  await page.click('#create button');
  return until(() => message(page, where), `what is wrong stands at ${where}`);
}

test('everybody can use the landing page, on every screen', async (lab) => {
  const server = await lab.server();

  for (const [size, options] of Object.entries(SIZES)) {
    const page = await lab.page(server, '/', options);

    await until(() => page.locator('#create button').isVisible(), 'the form');
    await until(async () => /^Patchbay \d.*protocol \d/.test(await page.locator('#version').textContent()), 'its version');
    await lab.shot(page, `home-${size}`);
    await fits(page, `the landing page on a ${size}`);
    await axe(page, `the landing page on a ${size}`);
  }
});

test('axe-core finds what is wrong, in words', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/');
  let said = '';

  await page.evaluate(() => {
    document.querySelector('main').append(document.createElement('img'));
  });
  await axe(page, 'a picture without words').catch((error) => {
    said = error.message;
  });
  expect(/^a picture without words:\nimage-alt: main > img: /.test(said), said);
});

test('one step creates a session and opens its wall', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/', LAPTOP);
  const name = await page.inputValue('#name');

  expect(/^[a-z]+-[a-z]+-\d\d$/.test(name), `a pleasant name: ${name}`);
  let asked;
  let token;
  page.on('request', (request) => {
    if (request.method() === 'POST') asked = request.postDataJSON();
  });
  // the page is left at once, and with it the answer: read it on the way
  await page.route('**/api/session', async (route) => {
    const response = await route.fetch();
    token = (await response.json()).token;
    await route.fulfill({ response });
  });
  await page.selectOption('#ttl', '14400');
  await page.fill('#streams', ' cam-wide, cam-close  goal;bench ');
  await page.focus('#name');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${server.url}/s/${name}`);
  await until(async () => (await page.locator('body').innerText()).includes('cam-close'), 'the wall with its slots');
  expect(JSON.stringify(asked) === JSON.stringify({ name, streams: ['cam-wide', 'cam-close', 'goal', 'bench'], ttl: 14400 }), JSON.stringify(asked));
  // the token is in the page's memory and nowhere else
  const traces = await page.evaluate(() => JSON.stringify([location.href, document.title, document.documentElement.outerHTML,
    { ...localStorage }, { ...sessionStorage }, history.state]));
  expect(token?.startsWith('p_') && !traces.includes(token.slice(0, 20)), 'the token left its traces in the page');
  await page.goBack().catch(() => {});
  expect(!page.url().includes('#') && !page.url().includes(token), page.url());
});

test('a name that is taken is told beside it, and then another one works', async (lab) => {
  const server = await lab.server();
  await server.create('derby', ['cam']);
  const page = await lab.page(server, '/', PHONE);

  await page.fill('#name', 'derby');
  const said = await refused(page, 'name');
  expect(/is running.*another name/i.test(said), said);
  expect(await focused(page) === 'name', 'the name has the focus');
  await until(async () => await page.getAttribute('#name', 'aria-invalid') === 'true', 'it is marked');
  await axe(page, 'a name that is taken');
  await lab.shot(page, 'home-name-taken-phone');
  await page.fill('#name', 'derby-2');
  expect(await message(page, 'name') === '', 'the words go as soon as somebody acts on them');
  await page.click('#create button');
  await page.waitForURL(`${server.url}/s/derby-2`);
});

test('what was typed wrongly is told where it is, before anybody is asked', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/', LAPTOP);
  let posts = 0;
  page.on('request', (request) => {
    posts += request.method() === 'POST';
  });

  for (const [where, value, words] of [
    ['name', '', /needs a name/], ['name', 'two words', /space/], ['name', '-derby', /begin with a letter/], ['name', 'café', /é/],
    ['name', 'a😀b', /😀/],
    ['name', 'derby', null],
    ['streams', ' , ', /one camera/], ['streams', 'cam cam', /twice/], ['streams', 'cam <b>x</b>', /“<b>x<\/b>” must begin/], ['streams', 'a/b', /“\/” does not fit/],
    ['streams', Array.from({ length: 65 }, (unused, i) => `c${i}`).join(' '), /64 cameras/]]) {
    await page.fill(`#${where}`, value);
    if (words === null) continue;
    const said = await refused(page, where);
    expect(words.test(said), `${JSON.stringify(value)}: ${said}`);
    expect(await focused(page) === where, `${where} has the focus`);
  }
  expect(posts === 0, `${posts} were sent`);
  await lab.shot(page, 'home-wrong-laptop');
});

test('a server that refuses or is away is told in words', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/', LAPTOP);
  const answer = (status, reason) => page.route('**/api/session', (route) => route.fulfill({ status, contentType: 'application/json',
    body: JSON.stringify({ error: { status: reason, reason, domain: 'patchbay', message: 'No.', request_id: 'x' } }) }));

  for (const [status, reason, words] of [[429, 'RATE_LIMIT_EXCEEDED', /Too many.*Wait a minute/], [403, 'PERMISSION_DENIED', /Ask whoever runs it/],
    [429, 'SESSION_FULL', /when one has ended/], [500, 'SERVER_ERROR', /^No\.$/]]) {
    await answer(status, reason);
    const said = await refused(page, 'form');
    expect(words.test(said), `${reason}: ${said}`);
    expect(await focused(page) === 'form-error', 'the words have the focus');
    await page.unroute('**/api/session');
  }
  await axe(page, 'a refusal');
  await server.stop();
  const said = await until(async () => {
    const now = await refused(page, 'form');
    return now !== 'No.' && now;
  }, 'the server is away');
  expect(/cannot be reached/.test(said), said);
  await lab.shot(page, 'home-away-laptop');
  await until(async () => await page.locator('#create button').textContent() === 'Create the session', 'the button can be pressed again');
});

test('a time that is longer than the server allows is told at the time', async (lab) => {
  const path = join(lab.directory, 'patchbayd.conf');
  writeFileSync(path, '[sessions]\nttl-max = 7200\n', { mode: 0o600 });
  const server = await lab.server({ more: ['--config', path] });
  const page = await lab.page(server, '/', PHONE);

  await page.fill('#name', 'derby');
  await page.selectOption('#ttl', '14400');
  const said = await refused(page, 'ttl');
  expect(/shorter time/.test(said) && await focused(page) === 'ttl', said);
  await lab.shot(page, 'home-too-long-phone');
  await page.selectOption('#ttl', '3600');
  expect(await message(page, 'ttl') === '', 'the words go');
  await page.click('#create button');
  await page.waitForURL(`${server.url}/s/derby`);
});

test('where not everybody may create sessions there is no form, and it says why', async (lab) => {
  const path = join(lab.directory, 'patchbayd.conf');
  writeFileSync(path, '[sessions]\ncreate = local\n', { mode: 0o600 });
  const server = await lab.server({ more: ['--config', path] });
  // as somebody from elsewhere sees it
  const page = await lab.page(server, '/', { ...LAPTOP, extraHTTPHeaders: { 'X-Forwarded-For': '203.0.113.9' } });
  await until(() => page.locator('#closed').isVisible(), 'the reason');
  expect(!await page.locator('#create').isVisible(), 'there is no form');
  expect(/ask them for a link/.test(await page.locator('#closed').textContent()), 'it says what to do');
  await axe(page, 'no form');
  await lab.shot(page, 'home-closed-laptop');
  // on the machine itself it is there, and works
  const here = await lab.page(server, '/', LAPTOP);

  await until(() => here.locator('#create').isVisible(), 'the form');
  await here.fill('#name', 'derby');
  await here.click('#create button');
  await here.waitForURL(`${server.url}/s/derby`);
});

test('the docs are read on every screen, and by everybody', async (lab) => {
  const server = await lab.server();
  const list = await lab.page(server, '/docs', LAPTOP);
  const paths = await list.evaluate(() => [...document.querySelectorAll('.index a')].map((link) => link.pathname));

  expect(paths.length === 7, `${paths}`);
  for (const path of ['/docs', ...paths]) {
    for (const [size, options] of Object.entries(SIZES)) {
      const page = await lab.page(server, path, options);
      const name = path.split('/')[2] ?? 'index';

      await fits(page, `${path} on a ${size}`);
      if (size !== 'wall') await axe(page, `${path} on a ${size}`);
      if (size !== 'wall' || name === 'protocol') await lab.shot(page, `docs-${name}-${size}`);
      if (name === 'protocol' && size === 'phone') {
        await page.click('.contents summary');
        await lab.shot(page, 'docs-contents-phone');
      }
      await page.close();
    }
  }
});

test('the docs are read with the keyboard', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/docs/elements', PHONE);

  await page.keyboard.press('Tab');
  await until(() => page.evaluate(() => document.activeElement.className === 'skip'), 'the first stop skips to the text');
  await page.keyboard.press('Enter');
  await until(async () => await focused(page) === 'text', 'the text has the focus');
  // the next stops: links, and code that is wider than the screen
  const stop = await until(async () => {
    await page.keyboard.press('Tab');
    return page.evaluate(() => document.activeElement.localName === 'pre');
  }, 'a stop at the code');
  expect(stop, 'code that is too wide');
  await page.keyboard.press('ArrowRight');
  await until(() => page.evaluate(() => document.activeElement.scrollLeft > 0), 'it scrolls by itself');
  await lab.shot(page, 'docs-code-phone');
  await page.goto(`${server.url}/docs/protocol#section-6`);
  await lab.shot(page, 'docs-table-phone');
});

test('every link in the docs leads somewhere', async (lab) => {
  const server = await lab.server();
  const page = await lab.page(server, '/docs');
  const broken = [];
  const ids = new Map();
  const todo = ['/', '/docs'];
  const links = [];

  while (todo.length > 0) {
    const path = todo.shift();
    if (ids.has(path)) continue;
    const answer = await fetch(server.url + path);
    if (!answer.ok) broken.push(`${path}: ${answer.status}`);
    expect(/^text\/html/.test(answer.headers.get('content-type')) || !answer.ok, `${path}: ${answer.headers.get('content-type')}`);
    const found = await page.evaluate((text) => {
      const parsed = new DOMParser().parseFromString(text, 'text/html');

      return { ids: [...parsed.querySelectorAll('[id]')].map((e) => e.id), links: [...parsed.querySelectorAll('a')].map((a) => a.getAttribute('href')) };
    }, await answer.text());
    expect(new Set(found.ids).size === found.ids.length, `${path}: an id is there twice`);
    ids.set(path, new Set(found.ids));
    for (const href of found.links) {
      const url = new URL(href, server.url + path);
      if (url.origin !== server.url) continue;
      links.push([path, url.pathname, decodeURIComponent(url.hash.slice(1))]);
      todo.push(url.pathname);
    }
  }
  for (const [from, to, id] of links)
    if (id && !ids.get(to)?.has(id)) broken.push(`${from}: ${to}#${id}`);
  expect(broken.length === 0, broken.join('\n'));
  expect(links.length > 200 && ids.size === 9, `${links.length} links on ${ids.size} pages`);
  const across = links.filter(([from, to, id]) => id && to !== from);
  expect(across.length >= 5, `${across.length} links into other pages`);
});

test('a first visit is under 100 kB, and nothing is asked for twice or in vain', async (lab) => {
  const server = await lab.server();
  const admin = await server.create('demo', ['cam']);
  const peer = await server.mint(admin, 'demo', 'cam', 'send');
  const visits = { 'the landing page': '/', 'the operator’s page': `/s/demo#t=${peer}`, 'the wall': `/s/demo#t=${admin}`, docs: '/docs',
    ...Object.fromEntries(['protocol', 'elements', 'operating'].map((name) => [`docs/${name}`, `/docs/${name}`])) };

  for (const [what, path] of Object.entries(visits)) {
    const context = await lab.browser.newContext(PHONE);
    lab.contexts.push(context);
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    const seen = new Map();
    const wrong = [];
    let bytes = 0;

    await cdp.send('Network.enable');
    await cdp.send('Log.enable');
    cdp.on('Network.requestWillBeSent', ({ requestId, request }) => {
      const { pathname } = new URL(request.url);
      if (request.url.startsWith('data:') || pathname.startsWith('/api/')) return;
      // the icon of the tab and the one on the page are two requests
      if ([...seen.values()].includes(pathname) && pathname !== '/web/icon.svg') wrong.push(`${pathname} is asked for twice`);
      seen.set(requestId, pathname);
    });
    cdp.on('Network.responseReceived', ({ requestId, response }) => {
      if (!seen.has(requestId)) return;
      if (response.status !== 200) wrong.push(`${response.url}: ${response.status}`);
      if (!/^gzip$/i.test(response.headers['Content-Encoding'] ?? response.headers['content-encoding'] ?? '')) wrong.push(`${response.url} came as it is`);
    });
    cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      if (seen.has(requestId)) bytes += encodedDataLength;
    });
    // what Chromium says of preloads that nobody used, and of the policy
    cdp.on('Log.entryAdded', ({ entry }) => {
      if (/preload|Content Security Policy|favicon/i.test(entry.text)) wrong.push(entry.text);
    });
    page.on('console', (line) => {
      if (/preload|Content.Security.Policy/i.test(line.text())) wrong.push(line.text());
    });
    await page.goto(server.url + path, { waitUntil: 'load' });
    if (path.startsWith('/s/')) await until(() => page.evaluate(() => document.title.endsWith(' – Patchbay')), 'the page has begun');
    // as many as were preloaded, and no module that was not
    const [loaded, listed] = await until(() => page.evaluate(() => {
      const modules = performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname).filter((name) => name.endsWith('.js')).sort();
      const links = [...document.querySelectorAll('link[rel=modulepreload], script[src]')].map((e) => new URL(e.href || e.src).pathname);
      return modules.length > 0 && modules.length >= new Set(links).size && [[...new Set(modules)], [...new Set(links)].sort()];
    }), `${what}: all modules are there`);
    expect(`${loaded}` === `${listed}`, `${what}: loaded ${loaded}, listed ${listed}`);
    await until(() => seen.size >= loaded.length + 2, 'all has been asked for');
    expect(wrong.length === 0, `${what}: ${wrong.join('; ')}`);
    expect(bytes > 1000 && bytes < FIRST_VISIT_MAX, `${what}: ${bytes} octets`);
    console.log(`# ${what}: ${bytes} octets in ${seen.size} files`);
    await context.close();
  }
});

await run();
