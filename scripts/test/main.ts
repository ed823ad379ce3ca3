// npm test [-- PART… PATH… --grep TITLE]: runs the parts that are named, or all of them, one after the other. What they
// print is printed as it comes; the last line is what they came to. PATH keeps only the test files whose path contains it.
import { parseArgs, styleText } from 'node:util';
import { Children } from './children.ts';
import { build, parts, type Part } from './parts.ts';
import { nothing, oneFailed, sum, summary, withoutExcuses, type Tally } from './tally.ts';

interface Asked {
  readonly parts: readonly Part[];
  readonly paths: readonly string[];
  readonly grep: string | undefined;
}

const children = new Children();
process.on('exit', () => {
  children.kill();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // npm and the terminal both send it: once is enough
    if (!children.stopping) void children.stop().then(() => process.exit(130));
  });
}

const asked = parse(process.argv.slice(2));
const everythingMustRun = process.env['CI'] === 'true';
const times: string[] = [];
let total = nothing;
let built: Promise<boolean> | undefined;
for (const part of asked.parts) {
  if (children.stopping) break;
  heading(part.name);
  const start = Date.now();
  const tally = await run(part);
  const time = `${((Date.now() - start) / 1000).toFixed(1)} s`;
  for (const { what, reason } of tally.skipped) console.log(`Skipped: ${what}: ${reason}`);
  const counted = everythingMustRun ? withoutExcuses(tally) : tally;
  times.push(`${part.name.padEnd(8)}${summary(counted)} in ${time}`);
  total = sum([total, counted]);
}
if (children.stopping) await new Promise(() => undefined);
heading('summary');
console.log(times.join('\n'));
if (everythingMustRun && total.failed > 0) console.log('(CI=true: what cannot run on this machine counts as failed)');
console.log(summary(total));
process.exitCode = total.failed === 0 ? 0 : 1;

async function run(part: Part): Promise<Tally> {
  if (part.built) {
    built ??= build(children);
    if (!(await built)) {
      console.log('Failed: the build');
      return oneFailed;
    }
  }
  return part.run({ children, paths: asked.paths, grep: asked.grep });
}

function heading(name: string): void {
  console.log(`\n${styleText('bold', `── ${name} ${'─'.repeat(60 - name.length)}`)}\n`);
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
