import { execa } from 'execa';
import { readProcess } from './proc.ts';
import type { AgentService, ServiceManager } from './service-manager.ts';

/** Milliseconds that systemd may take to answer. */
const PATIENCE_MS = 20_000;

/** The agent as a unit of the system's systemd. */
export class Systemd implements ServiceManager {
  readonly #unit: string;

  constructor(unit: string) {
    this.#unit = unit;
  }

  async agent(): Promise<AgentService> {
    const text = await ask([
      'systemctl',
      'show',
      '--property=LoadState,ActiveState,SubState,Result,MainPID',
      this.#unit,
    ]);
    const { active, state, pid } = parseUnit(text);
    const process = pid === undefined ? undefined : readProcess(pid);
    return { active, state, ...(process && { process }) };
  }

  async failedUnits(): Promise<readonly string[]> {
    const failed = await ask([
      'systemctl',
      'list-units',
      '--state=failed',
      '--plain',
      '--no-legend',
      '--no-pager',
      '--full',
    ]);
    return parseUnitNames(failed);
  }

  async agentLog(since: number): Promise<readonly string[]> {
    const from = `@${Math.floor(since / 1000)}`;
    const text = await ask([
      'journalctl',
      '-u',
      this.#unit,
      '--since',
      from,
      '-n',
      '20',
      '-o',
      'cat',
      '--no-pager',
      '-q',
    ]);
    return text.split('\n').filter(line => line.trim() !== '');
  }
}

/** Reads `systemctl show`. */
export function parseUnit(text: string): { active: boolean; state: string; pid?: number } {
  const values = new Map(
    text.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const active = values.get('ActiveState') ?? 'unknown';
  const result = values.get('Result') ?? 'success';
  const notLoaded = values.get('LoadState') === 'not-found' ? 'not there, ' : '';
  const pid = Number(values.get('MainPID') ?? 0);
  return {
    active: active === 'active',
    state: `${notLoaded}${active} (${values.get('SubState') ?? 'unknown'}${result === 'success' ? '' : `, ${result}`})`,
    ...(pid > 0 && { pid }),
  };
}

/** Reads `systemctl list-units --plain`. */
export function parseUnitNames(text: string): string[] {
  return text.split('\n').flatMap(line => /^\s*(?:●\s*)?(\S+\.\w+)/.exec(line)?.[1] ?? []);
}

async function ask(argv: readonly [string, ...string[]]): Promise<string> {
  const [file, ...args] = argv;
  const result = await execa(file, args, {
    reject: false,
    stdin: 'ignore',
    timeout: PATIENCE_MS,
    forceKillAfterDelay: 1000,
    env: { LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0' },
  });
  return result.stdout;
}
