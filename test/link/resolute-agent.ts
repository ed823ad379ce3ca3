// node resolute-agent.ts serve --config FILE: the agent's service, which takes every connection for a good one. The real one
// stays away for longer and longer when its connections keep breaking within seconds, and a hundred cuts would take an hour.
import { loadConfig } from '../../agent/config.ts';
import { findIdentity } from '../../agent/identity.ts';
import { chooseLauncher } from '../../agent/launcher/choose.ts';
import { runnerProgram } from '../../agent/launcher/program.ts';
import { DEFAULT_TIMINGS } from '../../agent/link/state.ts';
import { createLog } from '../../agent/log.ts';
import { serve } from '../../agent/serve/serve.ts';

const path = process.argv[4] ?? '';
const config = loadConfig(path);
const identity = findIdentity(import.meta.url);
const told = new AbortController();
process.once('SIGTERM', () => told.abort());
await serve({
  config,
  identity,
  launcher: chooseLauncher(config, runnerProgram(identity.program, path)),
  log: createLog(config.logLevel),
  signal: told.signal,
  timings: { ...DEFAULT_TIMINGS, stable: 0 },
});
