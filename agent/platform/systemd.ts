import { readProcess } from './proc.ts';
import type { AgentService, Revival, ServiceManager } from './service-manager.ts';
import { askSystemd, type SystemdScope } from './systemctl.ts';

/** The agent as a unit of systemd: the system's, or the user's own. */
export class Systemd implements ServiceManager {
  readonly #unit: string;
  readonly #scope: SystemdScope;

  constructor(unit: string, scope: SystemdScope) {
    this.#unit = unit;
    this.#scope = scope;
  }

  async agent(): Promise<AgentService> {
    const { stdout: text } = await askSystemd(this.#scope, [
      'systemctl',
      'show',
      '--property=LoadState,ActiveState,SubState,Result,MainPID',
      this.#unit,
    ]);
    const { active, state, pid } = parseUnit(text);
    const process = pid === undefined ? undefined : readProcess(pid);
    return { active, state, ...(process && { process }) };
  }

  /**
   * Starts the agent of a home where it rests: an activation of Home Manager (sd-switch) leaves a unit alone that did not run
   * before, also the recorded generation's on the way back. NixOS starts what its targets want.
   */
  async revive({ storePath }: Revival): Promise<string | undefined> {
    if (this.#scope !== 'user') return undefined;
    const { stdout } = await askSystemd(this.#scope, [
      'systemctl',
      'show',
      '--property=LoadState,ActiveState,ExecStart',
      this.#unit,
    ]);
    const state = /^ActiveState=(inactive|failed)$/m.exec(stdout)?.[1];
    if (state === undefined || !/^LoadState=loaded$/m.test(stdout)) return undefined;
    if (storePath !== undefined && !stdout.includes(`${storePath}/`))
      return `${this.#unit} is ${state} and not the generation's: it does not start ${storePath}`;
    const answer = await askSystemd(this.#scope, ['systemctl', 'start', '--no-block', this.#unit]);
    return `${this.#unit} was ${state}: ${answer.ok ? 'started it' : answer.complaint}`;
  }

  async failedUnits(): Promise<readonly string[]> {
    const { stdout: failed } = await askSystemd(this.#scope, [
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
    const { stdout: text } = await askSystemd(this.#scope, [
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
