// SPDX-License-Identifier: LGPL-2.1-or-later
// What page-advice.js makes of the figures, row by row. Pure: Node alone.
import { advise, writeRate } from '../../signaling-server/web/page-advice.js';

const LIVE = { role: 'camera', isLive: true, links: ['connected'], connectedMs: 60000, videoBps: 2500000,
  sent: { bitrate: 2400, bandwidth: 6000, rtt: 20, loss: 0 }, told: [{ drop: 0, loss: 0, ageMs: 1000 }] };
const live = (more) => ({ ...LIVE, ...more });
const sent = (more) => live({ sent: { ...LIVE.sent, ...more } });
const told = (...rows) => live({ told: rows.map((row) => ({ ...LIVE.told[0], ...row })) });
const judged = (role, health, cause, more = {}) => ({ role, told: [{ health, cause, ...more }] });

// [what holds, the facts, what is said: level and code, the worst first]
const rows = [
  ['a picture that arrives', LIVE, 'good good'],
  ['nothing is sent yet', { role: 'camera' }, 'info ready'],
  ['nobody is watching', live({ links: [], told: [], sent: null }), 'info alone'],
  ['the server has not answered', live({ links: [], told: [], sent: null, isRegistered: false }), 'info joining'],
  ['a viewer is on the way', live({ links: ['connecting'], told: [] }), 'info connecting'],
  ['no report has come yet', live({ told: [], sent: null }), 'info unheard'],
  ['our own figures are no report', live({ told: [] }), 'info unheard'],

  ['the estimate is below what was chosen, and reached', sent({ bitrate: 1400, bandwidth: 1500 }), 'warning upload'],
  ['it is below half of it', sent({ bitrate: 900, bandwidth: 1000 }), 'critical upload'],
  ['a quiet picture needs no more than that', sent({ bitrate: 300, bandwidth: 1500 }), 'good good'],
  ['an estimate of 0 is none', sent({ bandwidth: 0 }), 'good good'],
  ['it has not settled', live({ connectedMs: 5000, sent: { bitrate: 300, bandwidth: 300, limit: 'bandwidth' } }), 'good good'],
  ['the encoder holds back for the network', sent({ bitrate: 1500, bandwidth: 0, limit: 'bandwidth' }), 'warning upload'],
  ['it says so although there is room', sent({ bitrate: 200, bandwidth: 6000, limit: 'bandwidth' }), 'good good'],
  ['it says so, and hardly does', sent({ bitrate: 2300, limit: 'bandwidth' }), 'good good'],
  ['the device is too slow', sent({ bitrate: 2000, limit: 'cpu' }), 'warning cpu'],
  ['the network is worse than the device', sent({ bitrate: 700, bandwidth: 800, limit: 'cpu' }), 'critical upload'],
  ['what is lost where the way is full is not said twice', live({ sent: { bitrate: 900, bandwidth: 1000, loss: 20 }, told: [{ drop: 9 }] }),
    'critical upload'],
  ['a lower quality fits', live({ videoBps: 800000, sent: { bitrate: 750, bandwidth: 900 } }), 'good good'],

  ['a picture is lost now and then', told({ drop: 0.2 }), 'warning drops'],
  ['pictures are lost', told({ drop: 1 }), 'critical drops'],
  ['what was lost came again', told({ loss: 2 }), 'good good'],
  ['much was lost and came again', told({ loss: 3 }), 'warning loss'],
  ['a tenth was lost', told({ loss: 10 }), 'critical loss'],
  ['drops say more than loss', told({ loss: 12, drop: 2 }), 'critical drops'],
  ['our own figure of loss counts as well', sent({ loss: 11 }), 'critical loss'],
  ['one of two receivers is in trouble', told({}, { drop: 4 }), 'critical drops'],
  ['the way is slow', sent({ rtt: 400 }), 'warning rtt'],
  ['the way is very slow', sent({ rtt: 900 }), 'critical rtt'],
  ['it stood still there', told({ froze: true }), 'warning froze'],
  ['no report for long', told({ ageMs: 15000 }), 'warning stale'],
  ['one of two still reports', told({ ageMs: 15000 }, {}), 'good good'],
  ['the server calls it stale', told({ stale: true }), 'warning stale'],
  ['no figures at all are no numbers', told({ drop: undefined, loss: NaN, rtt: null }), 'good good'],

  ['the connection broke off', live({ links: ['interrupted'] }), 'critical interrupted'],
  ['one of two broke off', live({ links: ['interrupted', 'connected'] }), 'good good'],
  ['the camera is gone', live({ camera: 'ended' }), 'critical camera-ended'],
  ['the device took it', live({ camera: 'paused' }), 'critical camera-paused'],
  ['it hangs', live({ camera: 'frozen' }), 'critical camera-frozen'],
  ['it is gone before it went live', { role: 'camera', camera: 'ended' }, 'critical camera-ended'],
  ['the microphone is gone', live({ sound: 'ended' }), 'critical sound-ended'],
  ['a call has it', live({ sound: 'paused' }), 'warning sound-paused'],
  ['it gives nothing', live({ sound: 'silent' }), 'warning sound-silent'],
  ['muted, and all is well', live({ sound: 'muted' }), 'info sound-muted, good good'],
  ['no microphone', live({ sound: 'none' }), 'info sound-none, good good'],
  ['the worst comes first', live({ sound: 'silent', camera: 'frozen', sent: { rtt: 400 } }),
    'critical camera-frozen, warning sound-silent, warning rtt'],

  ['no encoder yet', { role: 'encoder', told: [] }, 'info waiting'],
  ['an encoder that is well', judged('encoder', 'healthy', ''), 'good good'],
  ['a wrong passphrase', judged('encoder', 'critical', 'undecrypted'), 'critical undecrypted'],
  ['an encoder loses pictures', judged('encoder', 'critical', 'drops'), 'critical drops'],
  ['an encoder on a poor network', judged('encoder', 'warning', 'loss'), 'warning loss'],
  ['the same, and worse', judged('encoder', 'critical', 'loss'), 'critical loss'],
  ['the latency is short', judged('encoder', 'warning', 'rtt'), 'warning rtt'],
  ['the receiver went silent', judged('encoder', 'warning', 'stale', { stale: true }), 'warning stale'],
  ['a cause that a newer server knows', judged('encoder', 'warning', 'moonlight'), 'warning other'],
  ['the same cause of two is said once', { role: 'encoder', told: [{ health: 'warning', cause: 'rtt' }, { health: 'warning', cause: 'rtt' }] },
    'warning rtt'],

  ['nobody to watch', { role: 'viewer', told: [] }, 'info waiting'],
  ['a camera that has not reported', { role: 'viewer', told: [], isHere: true }, 'info waiting'],
  ['nobody to hear of', { role: 'observer', told: [] }, 'info waiting'],
  ['a viewer of a good picture', judged('viewer', 'healthy', ''), 'good good'],
  ['a viewer of a bad one', judged('viewer', 'warning', 'drops'), 'warning drops'],
  ['a viewer of none', judged('viewer', 'critical', 'disconnected'), 'critical disconnected'],
];

const checks = rows.map(([what, facts, expected]) => {
  const said = advise(facts).map(({ level, code }) => `${level} ${code}`).join(', ');

  return [`${what}: ${expected}`, said === expected, said];
});
const all = rows.flatMap(([, facts]) => advise(facts));
checks.push(['a sentence ends as one, and holds no measured number', all.every(({ text }) => /^[A-Z].*[.…]$/.test(text) &&
    !/\d/.test(text.replace('2.5 Mbit/s', ''))), '']);
checks.push(['the chosen rate is in the sentence about it', advise(sent({ bitrate: 1400, bandwidth: 1500 }))[0].text ===
    'Your upload is too slow for 2.5 Mbit/s: choose a lower quality, or move closer to the router or a window.', '']);
checks.push(['rates are written as people say them', [800000, 1500000, 5000000].map(writeRate).join() === '0.8 Mbit/s,1.5 Mbit/s,5 Mbit/s',
  '']);

console.log(`1..${checks.length}`);
let bad = 0;
for (const [i, [what, isGood, said]] of checks.entries()) {
  console.log(`${isGood ? '' : 'not '}ok ${i + 1} ${what}`);
  if (isGood) continue;
  bad++;
  console.log(`# said: ${said}`);
}
process.exit(bad > 0 ? 1 : 0);
