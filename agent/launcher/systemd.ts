import { join } from 'node:path';
import { execa } from 'execa';
import type { RunId } from '../../protocol/index.ts';
import { writeFileAtomically } from '../run-directory/files.ts';
import { LaunchError, type Launcher, type RunnerProgram } from './launcher.ts';

/** Milliseconds that systemd may take to answer. */
const DEADLINE = 20_000;

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
 * Transient units `nixfleet-run-<run id>.service`. They lie in /run, so that a daemon-reload keeps them and an activation
 * does not know them, and they hang on nothing: stopping the agent does not touch them.
 */
export class SystemdLauncher implements Launcher {
  readonly name = 'systemd';
  readonly #program: RunnerProgram;
  readonly #environmentFile: string;

  constructor(program: RunnerProgram, stateDir: string) {
    this.#program = program;
    this.#environmentFile = join(stateDir, 'runner.env');
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
    const result = await execa(
      'systemd-run',
      [
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
      ],
      { reject: false, stdin: 'ignore', all: true, timeout: DEADLINE, forceKillAfterDelay: 1000 },
    );
    if (result.exitCode === 0 || (await this.isAlive(runId))) return;
    const said = result.timedOut ? `no answer within ${DEADLINE / 1000} s` : result.all || result.code;
    throw new LaunchError(`systemd did not start ${unitName(runId)}: ${said ?? `exit code ${result.exitCode}`}`);
  }

  async isAlive(runId: RunId): Promise<boolean> {
    const { stdout } = await execa('systemctl', ['show', '--property=ActiveState', '--value', unitName(runId)], {
      reject: false,
      stdin: 'ignore',
      timeout: DEADLINE,
      forceKillAfterDelay: 1000,
    });
    // `activating` is also the second before a restart
    return ['active', 'activating', 'reloading', 'deactivating'].includes(stdout.trim());
  }

  whereToLook(runId: RunId): string {
    return `journalctl -u ${unitName(runId)}`;
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
