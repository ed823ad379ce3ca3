// npm test [-- PART… PATH… --grep TITLE]: runs the parts that are named, or all of them, in two lanes at the same time (with
// CI=true one part after the other). What they print is shown part by part; the last line is what they came to. PATH keeps
// only the test files whose path contains it.
import { parseArgs, styleText } from 'node:util';
import { Children } from './children.ts';
import { InOrder } from './in-order.ts';
import { build, parts, type Part } from './parts.ts';
import { oneFailed, sum, summary, withoutExcuses, type Tally } from './tally.ts';

interface Asked {
  readonly parts: readonly Part[];
  readonly paths: readonly string[];
  readonly grep: string | undefined;
}

const asked = parse(process.argv.slice(2));
const everythingMustRun = process.env['CI'] === 'true';
const output = new InOrder(chunk => void process.stdout.write(chunk));
const runs = asked.parts.map(part => {
  const slot = output.slot();
  return { part, slot, children: new Children(chunk => slot.write(chunk)) };
});
let built: Promise<boolean> | undefined;

process.on('exit', () => {
  for (const { children } of runs) children.kill();
});
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // npm and the terminal both send it: once is enough
    if (stop.signal.aborted) return;
    stop.abort();
    void Promise.all(runs.map(({ children }) => children.stop())).then(() => process.exit(130));
  });
}

const start = Date.now();
const results = new Map<Part, { readonly tally: Tally; readonly time: string }>();
// CI has the time: what waits there waits for the product, not for a part beside it
const lanes = Map.groupBy(runs, ({ part }) => (everythingMustRun ? 'all' : part.lane));
await Promise.all(
  [...lanes.values()].map(async lane => {
    for (const one of lane) await runPart(one);
  }),
);
if (stop.signal.aborted) await new Promise(() => undefined);
console.log(heading('summary'));
for (const part of asked.parts) console.log(lineOf(part));
const total = sum([...results.values()].map(({ tally }) => tally));
if (everythingMustRun && total.failed > 0) console.log('(CI=true: what cannot run on this machine counts as failed)');
console.log(`in ${secondsSince(start)}`);
console.log(summary(total));
process.exitCode = total.failed === 0 ? 0 : 1;

async function runPart({ part, slot, children }: (typeof runs)[number]): Promise<void> {
  if (stop.signal.aborted) return;
  children.say(heading(part.name));
  const begin = Date.now();
  const tally = await tallyOf(part, children);
  for (const { what, reason } of tally.skipped) children.say(`Skipped: ${what}: ${reason}`);
  results.set(part, { tally: everythingMustRun ? withoutExcuses(tally) : tally, time: secondsSince(begin) });
  slot.end();
}

async function tallyOf(part: Part, children: Children): Promise<Tally> {
  if (part.built) {
    built ??= build(children);
    if (!(await built)) {
      children.say('Failed: the build');
      return oneFailed;
    }
  }
  return part.run({ children, paths: asked.paths, grep: asked.grep });
}

function lineOf(part: Part): string {
  const result = results.get(part);
  return `${part.name.padEnd(8)}${result ? `${summary(result.tally)} in ${result.time}` : 'did not run'}`;
}

function secondsSince(begin: number): string {
  return `${((Date.now() - begin) / 1000).toFixed(1)} s`;
}

function heading(name: string): string {
  return `\n${styleText('bold', `── ${name} ${'─'.repeat(60 - name.length)}`)}\n`;
}

function parse(args: readonly string[]): Asked {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { grep: { type: 'string', short: 'g' } },
    allowPositionals: true,
  });
  const named = parts.filter(part => positionals.includes(part.name));
  const paths = positionals.filter(positional => !parts.some(part => part.name === positional));
  if (named.length === 0 && paths.length > 0) {
    console.error(`No part is called ${paths[0] ?? ''}. There are: ${parts.map(part => part.name).join(', ')}.`);
    process.exit(2);
  }
  return { parts: named.length === 0 ? parts : named, paths, grep: values.grep };
}
