import type { Logger } from 'pino';
import type { HostStatus } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import { collectStatus, readStatus, writeStatus } from './collect.ts';
import { StatusKeeper } from './keeper.ts';
import { StatusWatch } from './watch.ts';

/** What the service knows of its host's status. */
export interface HostStatusSource extends Disposable {
  readonly current: HostStatus | undefined;
  /** Asks for a look; `upstream` also for the newest revision. It is told when it is known. */
  refresh(what: 'local' | 'upstream'): void;
}

/** Milliseconds within which an agent that has just started asks for the newest revision; a fleet must not ask at once. */
const FIRST_UPSTREAM_LOOK = 30_000;

/** Finds the status out, now and then, or lets the status unit do it, as the configuration says. */
export function hostStatus(config: AgentConfig, onStatus: (status: HostStatus) => void, log: Logger): HostStatusSource {
  return config.statusBy === 'unit' ? byUnit(config, onStatus, log) : bySelf(config, onStatus, log);
}

function byUnit(config: AgentConfig, onStatus: (status: HostStatus) => void, log: Logger): HostStatusSource {
  const watch = new StatusWatch({
    stateDir: config.stateDir,
    onStatus,
    interval: config.statusInterval,
    whereToLook: process.platform === 'linux' ? 'journalctl -u nixfleet-status' : 'the log of the status job',
    log,
  });
  const first = setTimeout(() => watch.refresh(), Math.random() * FIRST_UPSTREAM_LOOK);
  return {
    get current() {
      return watch.current;
    },
    refresh: () => watch.refresh(),
    [Symbol.dispose]: () => {
      clearTimeout(first);
      watch[Symbol.dispose]();
    },
  };
}

function bySelf(config: AgentConfig, onStatus: (status: HostStatus) => void, log: Logger): HostStatusSource {
  const { stateDir } = config;
  const keeper = new StatusKeeper({
    collect: options => collectStatus(config, options),
    onStatus: status => {
      onStatus(status);
      writeStatus(stateDir, status);
    },
    initial: readStatus(stateDir),
    log,
  });
  keeper.refresh('local');
  const first = setTimeout(() => keeper.refresh('upstream'), Math.random() * FIRST_UPSTREAM_LOOK);
  const interval = setInterval(() => keeper.refresh('upstream'), config.statusInterval);
  return {
    get current() {
      return keeper.current;
    },
    refresh: what => keeper.refresh(what),
    [Symbol.dispose]: () => {
      clearTimeout(first);
      clearInterval(interval);
    },
  };
}
