/**
 * `nixfleet-agent`: the program on every host. Comes in by the command line, reads the host's configuration and hands over
 * to a room: serve/ is the service, runner/ executes one run, status/ and check/ are for people.
 */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { describeIssues, runIdSchema } from '../protocol/index.ts';
import { goThrough, well, wrong } from './check/check.ts';
import { hostChecks } from './check/host-checks.ts';
import { ConfigError, DEFAULT_CONFIG_PATH, loadConfig, type AgentConfig } from './config.ts';
import { findIdentity, type AgentIdentity } from './identity.ts';
import { chooseLauncher } from './launcher/choose.ts';
import { LaunchdLauncher } from './launcher/launchd.ts';
import type { Launcher } from './launcher/launcher.ts';
import { runnerProgram } from './launcher/program.ts';
import { recover } from './launcher/recover.ts';
import { runInbox, runnerProcess } from './launcher/run-inbox.ts';
import { runnerJob } from './launcher/runner-job.ts';
import { createLog } from './log.ts';
import { runRun } from './runner/run.ts';
import { serve } from './serve/serve.ts';
import { refreshStatus } from './status/collect.ts';
import { printStatus } from './status/print.ts';

/** The command line asks for something that does not exist. */
class UsageError extends Error {}

const identity = findIdentity(import.meta.url);

const program = new Command('nixfleet-agent')
  .description('Updates this host when an operator asks for it.')
  .version(describeIdentity(identity), '--version', 'say who this agent is')
  .option('--config <file>', 'the configuration of this host', process.env['NIXFLEET_CONFIG'] ?? DEFAULT_CONFIG_PATH);

program
  .command('serve')
  .description('connect to the relay and do what it brings; the service')
  .action(async () => {
    const config = loadConfig(configPath());
    const log = createLog(config.logLevel);
    if (identity.problem !== undefined) log.warn(`this agent's manifest cannot be used: ${identity.problem}`);
    const launcher = launcherOf(config);
    log.info(
      `nixfleet-agent ${identity.version} (${identity.rev}) of host ${config.host}; runners are started by ${launcher.name}`,
    );
    await serve({ config, identity, launcher, log, signal: untilTold() });
  });

program
  .command('run')
  .description('execute one run that lies in the inbox, or finish it; started by the service for every run')
  .argument('<id>', 'the run id')
  .action(async (id: string) => {
    const runId = runIdSchema.safeParse(id);
    if (!runId.success) throw new UsageError(`${id} is not a run id: ${describeIssues(runId.error)}`);
    const config = loadConfig(configPath());
    if ((config.launcher === 'systemd-unit' || config.launcher === 'inbox') && process.getuid?.() !== 0)
      throw new UsageError(`the runs of this host are executed by root: sudo nixfleet-agent run ${id}`);
    process.exitCode = await runRun({ config, runId: runId.data, signal: untilTold() });
  });

program
  .command('recover')
  .description('start the runner of every run that is not at its end, and of every request that waits; at boot')
  .action(async () => {
    const config = loadConfig(configPath());
    await recover(config.stateDir, launcherOf(config), createLog(config.logLevel));
  });

program
  .command('run-inbox')
  .description(
    'execute what lies in the inbox, one run after another, until it is empty; for a service manager that watches it',
  )
  .action(async () => {
    const config = loadConfig(configPath());
    const log = createLog(config.logLevel);
    const program = runnerProgram(identity.program, configPath());
    const isDone = await runInbox({
      stateDir: config.stateDir,
      run:
        config.platform === 'nix-darwin'
          ? runnerJob(new LaunchdLauncher(program, config.stateDir), log)
          : runnerProcess(program, log),
      findStatusOut: () => refreshStatus(config),
      log,
      signal: untilTold(),
    });
    // EX_TEMPFAIL of sysexits.h: something is left that could not be done now. launchd starts the job again while it lies there
    if (!isDone) process.exitCode = 75;
  });

program
  .command('status')
  .description('say what this host is')
  .option('--write', 'find it out now, the newest revision upstream included, and keep it for the agent')
  .action(async (options: { write?: boolean }) => {
    await printStatus(loadConfig(configPath()), identity, options.write ?? false);
  });

program
  .command('check')
  .description('go through everything that must be right for an update')
  .action(async () => {
    const path = configPath();
    const print = (line: string) => console.log(line);
    let config: AgentConfig;
    try {
      config = loadConfig(path);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      await goThrough([{ name: 'configuration', look: () => wrong(error.message, `Mend ${path}.`) }], print);
      process.exitCode = 1;
      return;
    }
    const first = { name: 'configuration', look: () => well(`${path}, host ${config.host}`) };
    if (!(await goThrough([first, ...hostChecks(config, launcherOf(config))], print))) process.exitCode = 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof UsageError;
  console.error(`nixfleet-agent: ${expected ? error.message : ((error as Error).stack ?? '')}`);
  process.exitCode = 1;
}
// what a library left open must not keep a finished command
process.exit();

function configPath(): string {
  return resolve(program.opts<{ config: string }>().config);
}

function launcherOf(config: AgentConfig): Launcher {
  return chooseLauncher(config, runnerProgram(identity.program, configPath()));
}

function untilTold(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

function describeIdentity({ version, rev, protocol, manifest }: AgentIdentity): string {
  return [
    `nixfleet-agent ${version}`,
    `rev ${rev}`,
    `protocol ${protocol}`,
    `store path ${manifest?.storePath ?? 'none: not run from its package'}`,
  ].join('\n');
}
