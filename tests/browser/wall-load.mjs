// SPDX-License-Identifier: LGPL-2.1-or-later
// What the wall costs: 50 slots, 100 ends that report once a second, a real
// patchbayd. Prints figures; what it asserts holds on any machine. Run by netns.sh
// in the suite for a moment, by `./run bench wall` for ten minutes.
import { chromium } from 'playwright-core';

import { GOOD, fakePeers } from './fake-peers.mjs';
import { Lab, expect, run, test, until } from './lab.mjs';

const SECONDS = Number(process.env.PB_WALL_SECONDS ?? 12);
const ROUNDS = Math.max(2, Math.round(SECONDS / 60));
const DESK = { viewport: { width: 1920, height: 1080 } };

// Of the page's renderer, and of all of Chromium: CPU seconds.
async function look(page) {
  const cdp = await page.context().newCDPSession(page);
  const whole = await page.context().browser().newBrowserCDPSession();

  // CPU time: on a busy machine the time that passes says nothing
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async (isHeapWanted = false) => {
    if (isHeapWanted)
      for (let i = 0; i < 3; i++) await cdp.send('HeapProfiler.collectGarbage');
    const { metrics } = await cdp.send('Performance.getMetrics');
    const { processInfo } = await whole.send('SystemInfo.getProcessInfo');
    const of = (type) => processInfo.filter((one) => one.type === type).reduce((sum, one) => sum + one.cpuTime, 0);

    return { at: performance.now() / 1000, ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
      renderer: of('renderer'), gpu: of('GPU'), all: processInfo.reduce((sum, one) => sum + one.cpuTime, 0) };
  };
}

const share = (a, b, name) => 100 * (b[name] - a[name]) / (b.at - a.at);
const line = (what, a, b) => console.log(`# ${what}: main thread ${share(a, b, 'TaskDuration').toFixed(1)} % of a core (script ${
  share(a, b, 'ScriptDuration').toFixed(1)}, style ${share(a, b, 'RecalcStyleDuration').toFixed(1)}, layout ${
  share(a, b, 'LayoutDuration').toFixed(1)}), renderer process ${share(a, b, 'renderer').toFixed(1)}, GPU process ${
  share(a, b, 'gpu').toFixed(1)}, all of Chromium ${share(a, b, 'all').toFixed(1)}`);
const wait = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

test(`50 slots at an update a second, ${SECONDS} s: nothing piles up`, async (lab) => {
  const server = await lab.server();
  const streams = Array.from({ length: 50 }, (unused, i) => `cam-${i + 1}`);
  const admin = await server.create('load', streams, { ttl: 7200 });
  // the ends live in a browser of their own: its work is not the wall's
  const other = new Lab(await chromium.launch({ executablePath: process.env.PATCHBAY_CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: false, args: ['--no-first-run', '--disable-dev-shm-usage'] }));

  try {
    const fakes = await fakePeers(other, server, 'load', admin);
    for (const stream of streams) {
      await fakes.add({ stream, direction: 'send', figures: { ...GOOD, buffer: 12 } });
      await fakes.add({ stream, direction: 'receive', figures: { ...GOOD } });
    }
    const empty = await lab.page(server, '/', DESK);
    const weigh = await look(empty);
    const idle = [await weigh(), (await wait(Math.min(SECONDS, 20)), await weigh())];
    line('an empty page', ...idle);
    await empty.close();

    const wall = await lab.page(server, `/s/load#t=${admin}`, DESK);
    await fakes.every(1000, true);
    await until(() => wall.evaluate(() => document.querySelectorAll('[data-health="healthy"]').length === 50), 'all to be well');
    const measure = await look(wall);
    // five minutes fill the graphs: what a graph holds is no growth
    const fill = SECONDS >= 600 ? 310 : 2;
    await wait(fill);
    const written = await wall.evaluate(() => {
      const seen = { text: 0, attributes: 0, nodes: 0 };
      new MutationObserver((all) => {
        for (const one of all) {
          if (one.type === 'characterData') seen.text++;
          else if (one.type === 'attributes') seen.attributes++;
          else seen.nodes += one.addedNodes.length + one.removedNodes.length;
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
      window.written = seen;
      return seen;
    });
    expect(written.text === 0, 'from now on');
    const first = await measure(true);
    const heaps = [first];
    for (let i = 0; i < ROUNDS; i++) {
      await wait(SECONDS / ROUNDS);
      heaps.push(await measure(true));
    }
    const last = heaps.at(-1);
    const seen = await wall.evaluate(() => window.written);
    const updates = 50 * (last.at - first.at);

    line('the wall', first, last);
    console.log(`# heap after collection, MB: ${heaps.map((one) => (one.JSHeapUsedSize / 1e6).toFixed(2)).join(' ')}`);
    console.log(`# nodes ${heaps.map((one) => one.Nodes).join(' ')}, listeners ${first.JSEventListeners} to ${last.JSEventListeners}`);
    console.log(`# of ${Math.round(updates)} updates of a tile: ${seen.text} texts, ${seen.attributes} attributes, ${seen.nodes} nodes written`);
    expect(seen.text > 0, 'it was at work');
    // a tile has eight figures, of which the fakes change four in a second
    expect(seen.text < 7 * updates, `only what changed is written: ${seen.text}`);
    expect(seen.nodes < 30, `no node comes or goes: ${seen.nodes}`);
    expect(Math.abs(last.Nodes - first.Nodes) < 60, `nodes: ${first.Nodes} became ${last.Nodes}`);
    expect(Math.abs(last.JSEventListeners - first.JSEventListeners) < 10, 'listeners do not pile up');
    expect(last.JSHeapUsedSize < first.JSHeapUsedSize * 1.15 + 3e5, `the heap grew from ${first.JSHeapUsedSize} to ${last.JSHeapUsedSize}`);
    await fakes.stop();
  } finally {
    await other.close();
    await other.browser.close();
  }
});

await run();
