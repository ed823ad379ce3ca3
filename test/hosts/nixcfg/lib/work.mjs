// The builder of `work`: prints what the plan says (see BuildFault in test/hosts/lab/faults.ts), then succeeds or fails.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const { lines = 0, lineBytes = 40, msPerLine = 0, longLineBytes = 0, control = false, hold = '', hang = false, exit = 0 } = JSON.parse(process.env.plan);
const say = async bytes => {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
};

for (let number = 1; number <= lines; number++) {
  await say(`building part ${number} of ${lines} `.padEnd(lineBytes - 1, '.') + '\n');
  if (msPerLine > 0) await delay(msPerLine);
}
// bytes, not characters: C1 and 0xff are no UTF-8
if (control) await say(Buffer.from('\x1b[1;31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H tab\tbell\x07 back\b\b \0nul \x9b31mC1 \xff\n10%\r50%\r100%\n', 'latin1'));
if (longLineBytes > 0) await say('x'.repeat(longLineBytes));
while (hold !== '' && existsSync(hold)) await delay(50);
if (hang) setInterval(() => {}, 1 << 30);
else if (exit === 0) {
  mkdirSync(process.env.out, { recursive: true });
  writeFileSync(`${process.env.out}/done`, `${lines} lines\n`);
} else {
  await say('work: the last part does not fit\n');
  process.exitCode = exit;
}
