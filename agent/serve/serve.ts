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
import { collectStatus, readStatus, writeStatus } from '../status/collect.ts';
import { StatusKeeper } from '../status/keeper.ts';
import { hello } from './hello.ts';
import { HostRuns } from './host-runs.ts';
import { Intake } from './intake.ts';
import { AgentSession } from './session.ts';
import { makeStateFolders, StateFile } from './state-file.ts';
import { Supervisor } from './supervisor.ts';

export interface ServeOptions {
  readonly config: AgentConfig;
  readonly identity: AgentIdentity;
  readonly launcher: Launcher;
  readonly log: Logger;
  /** Ends the service in order. */
  readonly signal: AbortSignal;
  readonly timings?: LinkTimings;
}

/** Milliseconds within which an agent that has just started asks for the newest revision; a fleet must not ask at once. */
const FIRST_UPSTREAM_LOOK = 30_000;

/** Serves until the signal; resolves when the relay has heard the goodbye, 2 s later at the latest. */
export async function serve({ config, identity, launcher, log, signal, timings }: ServeOptions): Promise<void> {
  const { stateDir } = config;
  makeStateFolders(stateDir);
  const instance = randomUUID();
  const stateFile = new StateFile(stateDir, identity, instance, log);
  let session: AgentSession | undefined;

  const status = new StatusKeeper({
    collect: options => collectStatus(config, options),
    onStatus: found => {
      session?.tellStatus(found);
      writeStatus(stateDir, found);
    },
    initial: readStatus(stateDir),
    log,
  });

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

  await runs.start();
  link.start();
  status.refresh('local');
  const first = setTimeout(() => status.refresh('upstream'), Math.random() * FIRST_UPSTREAM_LOOK);
  const interval = setInterval(() => status.refresh('upstream'), config.statusInterval);
  await aborted(signal);
  clearTimeout(first);
  clearInterval(interval);
  log.info('going down');
  await link.stop();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
