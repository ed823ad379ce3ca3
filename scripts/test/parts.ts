// The parts of `npm test`. Each prints as it goes and says what it came to.
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureChromium, ensureServer } from '../../test/vscode/setup.ts';
import type { Children } from './children.ts';
import { root, testFiles } from './files.ts';
import { counted, runMocha } from './mocha.ts';
import { nothing, oneFailed, onePassed, oneSkipped, sum, type Tally } from './tally.ts';

export interface Request {
  readonly children: Children;
  /** Only the test files whose path contains one of these; all when empty. */
  readonly paths: readonly string[];
  /** Only the tests whose title matches. */
  readonly grep: string | undefined;
}

export interface Part {
  readonly name: string;
  /** Whether it needs what `esbuild.mjs` builds. */
  readonly built: boolean;
  /** Parts of different lanes run at the same time, except in CI. */
  readonly lane: 'source' | 'hosts';
  run(request: Request): Promise<Tally>;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const parts: readonly Part[] = [
  {
    name: 'lint',
    built: false,
    lane: 'source',
    run: ({ children }) =>
      oneTest(children, [
        ['eslint/bin/eslint.js', '.'],
        ['prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
      ]),
  },
  {
    name: 'types',
    built: false,
    lane: 'source',
    run: ({ children }) =>
      oneTest(children, [
        ['typescript/bin/tsc', '--noEmit', '--pretty', '--project', '.'],
        ['typescript/bin/tsc', '--noEmit', '--pretty', '--project', 'webview'],
      ]),
  },
  {
    name: 'unit',
    built: false,
    lane: 'source',
    run: ({ children, paths, grep }) =>
      runMocha(children, {
        files: testFiles('unit', paths),
        timeout: 30 * SECOND,
        // ws gives the other side 30 s to end a connection that is being closed
        grace: 40 * SECOND,
        reporter: 'dot',
        grep,
      }),
  },
  {
    name: 'hosts',
    built: true,
    lane: 'hosts',
    run: runHosts,
  },
  // after the hosts: a window that waits for a busy machine is no test of the window
  { name: 'vscode', built: true, lane: 'hosts', run: runVscode },
];

/** Builds what ships, as the tests of hosts and of VS Code use it. */
export async function build(children: Children): Promise<boolean> {
  const exit = await children.run({ file: process.execPath, args: ['esbuild.mjs'], cwd: root });
  return exit.code === 0;
}

/** Several tools that count as one test: all of them speak, all must be content. */
async function oneTest(children: Children, tools: readonly (readonly [string, ...string[]])[]): Promise<Tally> {
  let content = true;
  for (const [tool, ...args] of tools) {
    const file = `node_modules/${tool}`;
    const exit = await children.run({ file: process.execPath, args: [file, ...args], cwd: root });
    content &&= exit.code === 0;
  }
  return content ? onePassed : oneFailed;
}

/** How many labs stand side by side: hosts wait more than they work. */
const LABS = 2;

/** The files of a folder share a process, and with it a host where they only evaluate. The longest folders come first. */
async function runHosts({ children, paths, grep }: Request): Promise<Tally> {
  const folders = [...Map.groupBy(testFiles('host', paths), dirname).values()].sort((a, b) => bytes(b) - bytes(a));
  const run = { timeout: 3 * MINUTE, reporter: 'spec', grep } as const;
  // which files have such a test is not known
  if (folders.length < 2 || grep !== undefined) return runMocha(children, { files: folders.flat(), ...run });
  const jobs = children.beside(folders.length).map((place, index) => ({ place, files: folders[index] ?? [] }));
  const waiting = jobs.values();
  const tallies: Tally[] = [];
  await Promise.all(
    Array.from({ length: LABS }, async () => {
      for (const { place, files } of waiting) {
        tallies.push(await runMocha(place.children, { files, ...run }));
        place.end();
      }
    }),
  );
  return sum(tallies);
}

function bytes(files: readonly string[]): number {
  return files.reduce((total, file) => total + statSync(join(root, file)).size, 0);
}

async function runVscode({ children, paths, grep }: Request): Promise<Tally> {
  const server = await ensureServer(command => children.run(command));
  if (!server.ok) return oneSkipped('VS Code', server.reason);
  const chromium = await ensureChromium(command => children.run(command));
  if (!chromium.ok) return oneSkipped('VS Code', chromium.reason);
  const env = { CHROMIUM_PATH: chromium.value };

  const suites = testFiles('suite', paths);
  const windows = testFiles('ui', paths);
  const filtered = paths.length > 0;
  return sum([
    filtered && suites.length === 0 && windows.length > 0
      ? nothing
      : await counted(children, record =>
          children.run({
            file: process.execPath,
            args: ['test/vscode/run.ts', ...suites],
            cwd: root,
            env: { ...env, NIXFLEET_TEST_RECORD: record, NIXFLEET_TEST_GREP: grep },
          }),
        ),
    filtered && windows.length === 0 && suites.length > 0
      ? nothing
      : await runMocha(children, { files: windows, timeout: 3 * MINUTE, reporter: 'spec', grep, env }),
  ]);
}
