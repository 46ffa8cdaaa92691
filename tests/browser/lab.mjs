// SPDX-License-Identifier: LGPL-2.1-or-later
// What the browser tests share: patchbayd and pipelines as child processes,
// Chromium, TAP with a watchdog on every wait. netns.sh runs them in a network
// namespace of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { execFileSync } from 'node:child_process';

import { chromium, firefox } from 'playwright-core';

const HERE = new URL('.', import.meta.url).pathname;
export const SOURCE = process.env.PATCHBAY_SRCDIR ?? resolve(HERE, '../..');
export const BUILD = process.env.PATCHBAY_BUILDDIR ?? join(SOURCE, 'build');
export const WATCHDOG = Number(process.env.PB_WATCHDOG ?? 60) * 1000;
/** Pictures of the pages, to be looked at. */
export const SHOTS = join(BUILD, 'browser-shots');
export const OUTSIDE = '10.77.0.1';
const RELAY = '203.0.113.2';
const SECRET = 'a-browser-test-secret-that-is-long-enough-to-be-accepted-0123456789';

export class Failed extends Error {}
export class Skipped extends Error {}

export function expect(condition, what) {
  if (!condition) throw new Failed(what);
}

/** Settles as the promise does, or fails after the watchdog. */
export function within(promise, what, ms = WATCHDOG) {
  let timer;
  const late = new Promise((unused, reject) => {
    timer = setTimeout(() => reject(new Failed(`not in time: ${what}`)), ms);
  });

  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** For what can only be asked, not awaited: asks again until it is so. */
export async function until(ask, what, ms = WATCHDOG) {
  const deadline = Date.now() + ms;

  for (;;) {
    const result = await ask();

    if (result) return result;
    if (Date.now() > deadline) throw new Failed(`not in time: ${what}`);
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

const AXE = readFileSync(createRequire(import.meta.url)
    .resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Fails on the first thing that keeps somebody from using a page as it stands:
 * WCAG 2.2 AA and axe-core's best practices, no exceptions but those named.
 *
 * @param {Page} page
 * @param {string} state what the page shows, for the message
 * @param {object} [options]
 * @param {string[]} [options.without] ids of rules that do not apply, each
 *     with its reason beside the call
 */
export async function axe(page, state, { without = [] } = {}) {
  // evaluated from without: the page's own policy would forbid the script
  await page.evaluate(AXE);
  const found = await within(page.evaluate(async (without) => {
    const { violations, passes } = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
        'best-practice'],
      rules: Object.fromEntries(without.map((id) => [id, { enabled: false }])),
      resultTypes: ['violations'],
    });

    return { passes: passes.length, violations: violations.flatMap((rule) =>
      rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}: ${
        node.failureSummary.replace(/\s+/g, ' ')}`)) };
  }, without), `axe-core on ${state}`);

  expect(found.passes > 0, `axe-core looked at ${state}`);
  expect(found.violations.length === 0,
      `${state}:\n${found.violations.join('\n')}`);
}

class Child {
  constructor(lab, name, argv, env = {}) {
    this.name = name;
    this.lines = [];
    this.process = spawn(argv[0], argv.slice(1), {
      env: { ...process.env, G_DEBUG: 'fatal-criticals', ...env },
      stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = once(this.process, 'exit');
    for (const stream of [this.process.stdout, this.process.stderr])
      createInterface({ input: stream }).on('line', (line) =>
        this.lines.push(line));
    lab.children.push(this);
  }

  line(accept, what) {
    return until(() => {
      const found = this.lines.find(accept);
      if (found === undefined && this.process.exitCode !== null)
        throw new Failed(`${this.name} ended before ${what}\n${this.tail()}`);
      return found;
    }, `${this.name}: ${what}`);
  }

  tail() {
    return this.lines.slice(-30).map((line) =>
      `  ${this.name}| ${line.slice(0, 400)}`).join('\n');
  }

  async stop(signal = 'SIGTERM') {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill(signal);
      await within(this.ended, `the end of ${this.name}`);
    }
  }
}

/** patchbayd on a port of its own; `port` to come back on the same one. */
class Server extends Child {
  static async start(lab, { port = 0, host = '127.0.0.1', more = [] } = {}) {
    const secret = join(lab.directory, 'secret');

    writeFileSync(secret, SECRET, { mode: 0o600 });
    const self = new Server(lab, 'patchbayd', [
      join(BUILD, 'signaling-server/patchbayd'), '--listen', `${host}:${port}`,
      '--secret-file', secret, '--stun', `${host}:0`, ...more]);
    const line = await self.line((text) => text.includes('listening on '),
        'its address');

    self.url = line.split('listening on ')[1].trim();
    self.host = host;
    self.port = Number(self.url.split(':').pop());
    return self;
  }

  async call(method, path, body, token) {
    const answer = await within(fetch(this.url + path, { method,
      body: body && JSON.stringify(body),
      headers: { ...body && { 'Content-Type': 'application/json' },
        ...token && { Authorization: `Bearer ${token}` } } }),
    `${method} ${path}`);
    const text = await answer.text();

    return { status: answer.status, body: text ? JSON.parse(text) : null };
  }

  async create(name, streams, more = {}) {
    const { status, body } = await this.call('POST', '/api/session',
        { name, streams, ...more });

    expect(status === 201, `create: ${status} ${JSON.stringify(body)}`);
    return body.token;
  }

  async mint(admin, name, stream, direction, more = {}) {
    const { status, body } = await this.call('POST',
        `/api/session/${name}/token`,
        { role: 'peer', stream, direction, ...more }, admin);

    expect(status === 201, `mint: ${status} ${JSON.stringify(body)}`);
    return body.token;
  }

  async slot(token, name, stream) {
    const { body } = await this.call('GET', `/api/session/${name}`, undefined,
        token);

    return body?.streams?.find((slot) => slot.stream === stream);
  }
}

/** pb-run-pipeline: events, one JSON object a line. */
class Pipeline extends Child {
  constructor(lab, name, text, { token, count = [] } = {}) {
    super(lab, name, [join(BUILD, 'tests/common/pb-run-pipeline'),
      ...count.flatMap((element) => ['--count', element]), text],
    { PATCHBAY_TOKEN: token, GST_PLUGIN_PATH: join(BUILD, 'plugins'),
      GST_REGISTRY: join(BUILD, 'tests/gst-registry.bin'),
      LD_LIBRARY_PATH: join(BUILD, 'gst') });
  }

  events() {
    return this.lines.filter((line) => line.startsWith('{"ms"'))
        .map((line) => JSON.parse(line));
  }

  event(accept, what) {
    return until(() => {
      const found = this.events().find(accept);
      if (!found && this.process.exitCode !== null)
        throw new Failed(`${this.name} ended before ${what}\n${this.tail()}`);
      return found;
    }, `${this.name}: ${what}\n${this.tail()}`);
  }

  count(element) {
    return Math.max(0, ...this.events().filter((e) => e.event === 'count' &&
        e.element === element).map((e) => e.buffers));
  }

  async more(element, buffers) {
    const now = this.count(element);

    await until(() => {
      if (this.process.exitCode !== null)
        throw new Failed(`${this.name} ended\n${this.tail()}`);
      return this.count(element) >= now + buffers;
    }, `${this.name}: ${buffers} more buffers at ${element}`);
  }
}

/** What one test started and must end. */
export class Lab {
  children = [];
  contexts = [];
  said = [];
  /** What a page may complain of. */
  forgivenErrors = null;
  forgiven = /WebSocket connection|Failed to load resource|Opener-Policy header/;
  directory = mkdtempSync(join(tmpdir(), 'patchbay-browser-'));

  constructor(browser) {
    this.browser = browser;
  }

  server(options) {
    return Server.start(this, options);
  }

  /** Another Chromium, that shares nothing with the first. */
  async second() {
    this.other ??= await launch();
    return this.other;
  }

  pipeline(name, text, options) {
    return new Pipeline(this, name, text, options);
  }

  /** coturn with the preset, on an address that a relay may send to. */
  async relay() {
    const path = join(this.directory, 'turnserver.conf');
    const preset = readFileSync(join(SOURCE, 'presets/coturn/turnserver.conf'), 'utf8')
        .replaceAll('=203.0.113.1\n', `=${RELAY}\n`).replace(/^(cert|pkey)=.*$/gm, '')
        .replace('\nsyslog\nno-stdout-log\n', '\nlog-file=stdout\n');

    execFileSync('ip', ['addr', 'replace', `${RELAY}/32`, 'dev', 'lo']);
    writeFileSync(join(this.directory, 'turn-secret'), SECRET, { mode: 0o600 });
    writeFileSync(join(this.directory, 'patchbayd.conf'),
        `[turn]\nurls = turn:${RELAY}:3478?transport=udp\nsecret-file = ${this.directory}/turn-secret\n`, { mode: 0o600 });
    writeFileSync(path, `${preset}no-tls\nstatic-auth-secret=${SECRET}\npidfile=${this.directory}/turn.pid\n` +
        `userdb=${this.directory}/turndb\n`, { mode: 0o600 });
    const coturn = new Child(this, 'coturn', ['turnserver', '-c', path]);

    await coturn.line((line) => line.includes('Total General servers'), 'its listeners');
    return ['--config', join(this.directory, 'patchbayd.conf')];
  }

  /**
   * A page of its own, as another device would have it.
   *
   * @param {Server} server
   * @param {string} path such as `/s/demo#t=…`
   * @param {object} options of playwright's newContext(), and `browser`
   * @param {function(Page): Promise} [prepare] before it is opened
   */
  async page(server, path, options = {}, prepare = () => {}) {
    const { browser = this.browser, ...how } = options;
    const context = await browser.newContext(how);
    const page = await context.newPage();

    this.contexts.push(context);
    // what a page says unasked is a fault of ours; `forgiven` is not
    page.on('pageerror', (error) => {
      if (!this.forgivenErrors?.test(error.message))
        this.said.push(`${error.message} ${error.stack}`);
    });
    page.on('console', (message) => {
      if (message.type() === 'error' && !this.forgiven.test(message.text()))
        this.said.push(message.text());
    });
    await prepare(page);
    await page.goto(server.url + path);
    return page;
  }

  /** A page that has nothing but the module: window.PbSession. */
  async bare(server, options, prepare) {
    const page = await this.page(server, '/', options, prepare);

    // the server's policy holds here, too: no inline script, its own alone
    await page.evaluate(async () => {
      Object.assign(window, await import('/web/pb-session.js'));
      window.events = [];
      window.follow = (target, ...types) => {
        for (const type of types)
          target.addEventListener(type, ({ detail }) => {
            const { end, media, ...plain } = detail;
            window.events.push({ type, ...plain });
          });
      };
      window.seen = (type, accept = () => true) =>
        window.events.find((e) => e.type === type && accept(e));
      window.frames_of = (video) =>
        video.getVideoPlaybackQuality().totalVideoFrames;
    });
    return page;
  }

  async shot(page, name) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }

  /**
   * nft, in this namespace: what it drops stays dropped until open(). As it
   * arrives, for nobody is told by a network that is gone.
   */
  block(...rules) {
    execFileSync('nft', ['-f', '-'], { input: `table inet pb {
  chain in {
    type filter hook input priority 0
    ${rules.join('\n    ')}
  }
}
` });
  }

  open() {
    try {
      execFileSync('nft', ['delete', 'table', 'inet', 'pb'],
          { stdio: 'ignore' });
    } catch {
      // nothing was blocked
    }
  }

  async close() {
    this.open();
    for (const context of this.contexts)
      await context.close().catch(() => {});
    await this.other?.close();
    for (const child of this.children.reverse()) await child.stop('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** In a page: how many connections it makes (`made`), and ICE restarts. */
export function countConnections() {
  const Real = RTCPeerConnection;

  window.made = 0;
  window.restarts = 0;
  window.RTCPeerConnection = class extends Real {
    constructor(...all) {
      super(...all);
      window.made++;
    }

    createOffer(options) {
      if (options?.iceRestart) window.restarts++;
      return super.createOffer(options);
    }
  };
}

const tests = [];

/** @param {string} sentence what must hold */
export function test(sentence, act) {
  tests.push({ sentence, act });
}

const SKIP = /executable doesn't exist|Failed to launch|Target (page|closed)/i;

export const launch = () => chromium.launch({
  executablePath: process.env.PATCHBAY_CHROMIUM ?? '/usr/bin/chromium',
  chromiumSandbox: false,
  args: ['--use-fake-device-for-media-stream=device-count=2',
    '--use-fake-ui-for-media-stream', '--no-first-run',
    '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'],
});

/** Debian's own Firefox, by WebDriver BiDi: what it does, a phone's does. */
export function launchFirefox() {
  const home = mkdtempSync(join(tmpdir(), 'patchbay-firefox-'));

  process.on('exit', () => rmSync(home, { recursive: true, force: true }));
  return firefox.launch({ channel: 'moz-firefox',
    executablePath: process.env.PATCHBAY_FIREFOX ?? '/usr/bin/firefox-esr',
    env: { ...process.env, HOME: home },
    firefoxUserPrefs: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
    } });
}

/** Runs all, or those whose sentence holds the first argument. */
export async function run(start = launch) {
  const chosen = tests.filter(({ sentence }) =>
      sentence.includes(process.argv[2] ?? ''));
  let browser;
  let bad = 0;

  try {
    browser = await start();
  } catch (error) {
    if (process.env.PATCHBAY_BROWSER !== 'needed' && SKIP.test(error.message)) {
      console.log(`1..0 # SKIP the browser does not start here: ${
        error.message.split('\n')[0]}`);
      return;
    }
    throw error;
  }
  console.log(`1..${chosen.length}`);
  for (const [i, { sentence, act }] of chosen.entries()) {
    const lab = new Lab(browser);
    let line = `ok ${i + 1} ${sentence}`;

    try {
      await within(act(lab), 'the whole test', 3 * WATCHDOG);
      expect(lab.said.length === 0, `a page complained: ${lab.said.join('; ')}`);
    } catch (error) {
      if (error instanceof Skipped) {
        line += ` # SKIP ${error.message}`;
      } else {
        bad++;
        const text = [error instanceof Failed ? error.message : error.stack,
          ...lab.said, ...await dump(lab),
          ...lab.children.map((child) => child.tail())].join('\n');
        line = `not ${line}\n${text.replace(/^/gm, '# ')}`;
        console.error(`${sentence}: ${text}`); // what Meson prints of TAP is this
      }
    } finally {
      await lab.close();
    }
    console.log(line);
  }
  await browser.close();
  process.exit(bad > 0 ? 1 : 0);
}

// A page may show what its person asked for: a report must not.
const hide = (text) => text.replace(/p_[\w-]+\.[\w-]+/g, 'p_…')
    .replace(/(passphrase|srtpass\]?|Passphrase|credential)(["']?[=:]\s*)[^\s&"']+/g,
        '$1$2…');

// What bare pages have seen, for whoever has to find out why.
async function dump(lab) {
  const all = lab.contexts.flatMap((context) => context.pages());

  return Promise.all(all.map((page) => page.evaluate(() =>
    `${location.href}: ${JSON.stringify(window.events ?? document.body.innerText)}`)
      .then(hide, (error) => error.message)));
}
