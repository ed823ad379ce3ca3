/** A runner as a process of its own, for tests that end it: `run-once.ts CONFIG-FILE RUN-ID`. */
import { readFileSync } from 'node:fs';
import type { RunId } from '../../../protocol/index.ts';
import { agentConfigSchema } from '../../config.ts';
import { runRun } from '../run.ts';

const [, , configFile = '', runId = ''] = process.argv;
const config = agentConfigSchema.parse(JSON.parse(readFileSync(configFile, 'utf8')));
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
process.exitCode = await runRun({ config, runId: runId as RunId, signal: stop.signal });
