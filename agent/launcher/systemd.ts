import { join } from 'node:path';
import type { RunId } from '../../protocol/index.ts';
import { askSystemd, isUnitAlive, type SystemdScope } from '../platform/systemctl.ts';
import { writeFileAtomically } from '../run-directory/files.ts';
import { LaunchError, type Launcher, type RunnerProgram } from './launcher.ts';

/**
 * What makes a run's unit outlive everything: it is collected when it ends, also when it failed; it comes back when it was
 * killed, but not for ever; its processes end with it; one of them that runs out of memory does not end the others.
 */
const PROPERTIES = [
  'Type=exec',
  'Restart=on-failure',
  'RestartSec=1',
  'StartLimitIntervalSec=300',
  'StartLimitBurst=10',
  'KillMode=control-group',
  'OOMPolicy=continue',
  'TasksMax=infinity',
  'StandardInput=null',
  'WorkingDirectory=/',
];

/**
 * Transient units `nixfleet-run-<run id>.service`, of the system or of the user's own service manager. They lie in /run, so
 * that a daemon-reload keeps them and an activation does not know them, and they hang on nothing: stopping the agent does not
 * touch them.
 */
export class SystemdLauncher implements Launcher {
  readonly name = 'systemd';
  readonly #program: RunnerProgram;
  readonly #environmentFile: string;
  readonly #scope: SystemdScope;

  constructor(program: RunnerProgram, stateDir: string, scope: SystemdScope) {
    this.#program = program;
    this.#environmentFile = join(stateDir, 'runner.env');
    this.#scope = scope;
  }

  async launch(runId: RunId): Promise<void> {
    if (await this.isAlive(runId)) return;
    const { argv, environment } = this.#program;
    try {
      // everybody may read the environment in a unit's properties, and proxies have passwords
      writeFileAtomically(this.#environmentFile, environmentFile(environment), 0o600);
    } catch (error) {
      throw new LaunchError(`the runner's environment cannot be written: ${(error as Error).message}`);
    }
    const answer = await askSystemd(this.#scope, [
      'systemd-run',
      '--quiet',
      '--collect',
      '--no-ask-password',
      `--unit=${unitName(runId)}`,
      `--description=NixFleet run ${runId}`,
      ...PROPERTIES.map(property => `--property=${property}`),
      `--property=EnvironmentFile=${this.#environmentFile}`,
      '--',
      ...argv,
      'run',
      runId,
    ]);
    if (answer.ok || (await this.isAlive(runId))) return;
    throw new LaunchError(`systemd did not start ${unitName(runId)}: ${answer.complaint}`);
  }

  isAlive(runId: RunId): Promise<boolean> {
    return isUnitAlive(this.#scope, unitName(runId));
  }

  whereToLook(runId: RunId): string {
    return `journalctl ${this.#scope === 'user' ? '--user ' : ''}-u ${unitName(runId)}`;
  }
}

/** The text of an EnvironmentFile= (systemd.exec(5)). */
export function environmentFile(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}="${value.replace(/[\\"$`]/g, '\\$&')}"\n`)
    .join('');
}

function unitName(runId: RunId): string {
  return `nixfleet-run-${runId}.service`;
}
