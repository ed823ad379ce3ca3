/**
 * The service: one link to the relay, the runs of this host, its status. Holds the parts together and knows no detail of
 * theirs.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { AgentConfig } from '../config.ts';
import type { AgentIdentity } from '../identity.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { Link } from '../link/link.ts';
import type { LinkTimings } from '../link/state.ts';
import { hostStatus } from '../status/host-status.ts';
import { hello } from './hello.ts';
import { HostRuns } from './host-runs.ts';
import { Intake } from './intake.ts';
import { AgentSession } from './session.ts';
import { StateFile } from './state-file.ts';
import { Supervisor } from './supervisor.ts';
import { makeStateFolders } from '../run-directory/state-folders.ts';

export interface ServeOptions {
  readonly config: AgentConfig;
  readonly identity: AgentIdentity;
  readonly launcher: Launcher;
  readonly log: Logger;
  /** Ends the service in order. */
  readonly signal: AbortSignal;
  readonly timings?: LinkTimings;
}

/** Serves until the signal; resolves when the relay has heard the goodbye, 2 s later at the latest. */
export async function serve({ config, identity, launcher, log, signal, timings }: ServeOptions): Promise<void> {
  const { stateDir } = config;
  for (const problem of makeStateFolders(stateDir)) log.error(problem);
  const instance = randomUUID();
  const stateFile = new StateFile(stateDir, identity, instance, log);
  let session: AgentSession | undefined;
  using status = hostStatus(config, found => session?.tellStatus(found), log);

  const supervisor = new Supervisor(stateDir, launcher, log);
  using runs = new HostRuns(stateDir, supervisor, log);
  runs.on('appeared', run => session?.announce(run.runId));
  runs.on('ended', run => {
    log.info(`run ${run.runId} has ended`);
    // what is here is known at once; the network may take its time
    status.refresh('local');
    status.refresh('upstream');
  });
  const intake = new Intake({ config, launcher, runs, log });

  const link = new Link({
    config,
    version: identity.version,
    hello: () => hello(config, identity, launcher.name, instance),
    beginSession: connection => {
      stateFile.greeted();
      session = new AgentSession(connection, {
        stateDir,
        runs,
        intake,
        log,
        status: () => status.current,
        refreshStatus: () => status.refresh('upstream'),
      });
      return session;
    },
    log,
    ...(timings && { timings }),
  });

  // what is left of runs that have ended must not keep the service
  launcher.tidy?.().catch((error: unknown) => log.warn(`old runs were not cleared up: ${(error as Error).message}`));
  await runs.start();
  link.start();
  await aborted(signal);
  log.info('going down');
  await link.stop();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
