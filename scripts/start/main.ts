// npm start: boots a small fleet on this machine, updates its first host in the terminal, then opens VS Code for the second.
import { execa } from 'execa';
import { Lab } from '../../test/hosts/lab/lab.ts';
import { Operator } from '../../test/support/operator.ts';
import { CannotDemoError, type Demo } from './demo.ts';
import { ROOT } from './dist.ts';
import { startLabDemo } from './lab-demo.ts';
import { startLocalDemo } from './local-demo.ts';
import { updateInTerminal } from './terminal.ts';

const once = process.argv.includes('--once');
const local = process.argv.includes('--local');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

process.exitCode = await main();

async function main(): Promise<number> {
  const interrupted = interruption();
  say('Building NixFleet…');
  const built = await execa(process.execPath, ['esbuild.mjs'], {
    cwd: ROOT,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    reject: false,
  });
  if (built.failed) {
    process.stderr.write('The build failed, see above.\n');
    return 1;
  }
  try {
    await using demo = await makeDemo();
    say(`Ready: ${demo.hosts.join(' and ')}: ${demo.description}.\n`);
    const code = await Promise.race([updateFirst(demo), aborted(interrupted)]);
    if (once || code !== 0) return code;
    const { openEditor } = await import('./editor.ts');
    await openEditor(demo, say, interrupted);
    return 0;
  } catch (error) {
    if (!(error instanceof CannotDemoError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

async function makeDemo(): Promise<Demo> {
  const why = local ? 'as asked' : await Lab.unsupported();
  if (why === undefined) return startLabDemo(say);
  say(`Hosts are not booted on this machine (${why}): the demo's hosts are local processes.`);
  return startLocalDemo(say);
}

async function updateFirst(demo: Demo): Promise<number> {
  await using operator = await Operator.connect({ url: demo.relayUrl, token: demo.operatorToken });
  const [first] = demo.hosts;
  await operator.waitFor(`the agent of ${first}`, () => operator.hosts.get(first)?.online, 30_000);
  return await updateInTerminal(operator, first, text => void process.stdout.write(text));
}

/** The exit code of a program that was interrupted, once it is. */
function aborted(signal: AbortSignal): Promise<number> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(130), { once: true }));
}

/** Aborted by the first Ctrl-C (or SIGTERM), which ends the demo in order. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
