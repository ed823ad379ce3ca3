/**
 * A runner that only writes: `node fake-runner.ts run ID` takes the request from the inbox as the real one does, and fills a
 * run directory by the plan in `NIXFLEET_FAKE_PLAN` (a JSON file). It resumes where a killed one stopped.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseRequest, requestBytes, runIdSchema, type RunId } from '../../protocol/index.ts';
import { loadConfig } from '../config.ts';
import { processIdentity } from '../process.ts';
import { readJsonFile, writeFileAtomically } from '../run-directory/files.ts';
import { inboxEntrySchema } from '../run-directory/inbox-entry.ts';
import { JournalWriter } from '../run-directory/journal-writer.ts';
import { inboxPaths, runPaths, type RunPaths } from '../run-directory/layout.ts';
import { OutputLog } from '../run-directory/output-log.ts';
import { refusalPath } from '../run-directory/refusal.ts';

export interface FakePlan {
  /** Refuse with this kind instead of beginning. */
  readonly refuse?: string;
  /** End at once with this exit code, before anything is written. */
  readonly exit?: number;
  /** Wait for this file before the run directory is made. */
  readonly startWhen?: string;
  readonly lockBefore?: string;
  readonly lockAfter?: string;
  readonly steps: readonly FakeStep[];
}

export interface FakeStep {
  /** This text, so many times, with the number of the line for `#`, and the time of writing in ms for `@milliseconds`. */
  readonly text: string;
  readonly times: number;
  /** Lines to a flush; all at once without it. */
  readonly chunk?: number;
  /** Milliseconds between flushes. */
  readonly pause?: number;
  /** Wait for this file when the step is done. */
  readonly waitFor?: string;
}

/** What a plan's output is, to the byte. */
export function plannedOutput(plan: FakePlan): string {
  return plan.steps.map(step => stepText(step)).join('');
}

function stepText(step: FakeStep): string {
  let text = '';
  for (let line = 0; line < step.times; line++) text += step.text.replace('#', String(line));
  return text;
}

async function main(runId: RunId): Promise<void> {
  const config = loadConfig(process.env['NIXFLEET_CONFIG'] ?? '');
  const plan = JSON.parse(readFileSync(process.env['NIXFLEET_FAKE_PLAN'] ?? '', 'utf8')) as FakePlan;
  if (plan.exit !== undefined) process.exit(plan.exit);
  const paths = runPaths(config.stateDir, runId);
  if (plan.startWhen !== undefined) await fileExists(plan.startWhen);
  if (!existsSync(paths.journal) && !begin(config.stateDir, runId, paths, plan)) return;
  await work(paths, plan);
}

function begin(stateDir: string, runId: RunId, paths: RunPaths, plan: FakePlan): boolean {
  const { request } = inboxPaths(stateDir, runId);
  const entry = readJsonFile(request, inboxEntrySchema, 1024 * 1024);
  if (!entry.ok) throw new Error(entry.message);
  const bytes = requestBytes(entry.value.envelope);
  const parsed = parseRequest(bytes, runId);
  const refusal = parsed.ok ? plan.refuse : 'bad-request';
  if (refusal !== undefined) {
    const reason = { format: 1, at: Date.now(), kind: refusal, message: `refused: ${refusal}` };
    writeFileAtomically(refusalPath(stateDir, runId), JSON.stringify(reason));
    rmSync(request);
    return false;
  }
  mkdirSync(paths.dir);
  writeFileAtomically(paths.request, bytes);
  rmSync(request);
  return true;
}

async function work(paths: RunPaths, plan: FakePlan): Promise<void> {
  writeFileAtomically(paths.runner, JSON.stringify({ ...processIdentity(), format: 1 }));
  const { journal } = JournalWriter.open(paths.journal);
  const output = OutputLog.open(paths, false);
  if (journal.events.length === 0) {
    journal.append({ type: 'phase', phase: 'accepted' });
    if (plan.lockBefore !== undefined) writeFileSync(paths.lockBefore, plan.lockBefore);
    journal.append({ type: 'recorded', before: {} });
    if (plan.lockAfter !== undefined) writeFileSync(paths.lockAfter, plan.lockAfter);
    journal.append({ type: 'locked', input: 'nixfleet', after: {}, changed: true });
  } else {
    journal.append({ type: 'resumed', bootId: 'x', why: 'the runner died' });
  }
  const done = journal.events.filter(event => event.type === 'step-ended').length;
  let offset = Buffer.byteLength(plannedOutput({ steps: plan.steps.slice(0, done) }));
  for (const [index, step] of plan.steps.entries()) {
    if (index < done) continue;
    const started = { step: index + 1, argv: ['fake'], user: 'nobody', raw: 'none', rawOffset: 0 };
    journal.append({ type: 'step-started', ...started, outputOffset: offset });
    await writeStep(output, step, output.size - offset);
    if (step.waitFor !== undefined) await fileExists(step.waitFor);
    output.sync();
    journal.append({ type: 'step-ended', step: index + 1, exitCode: 0, durationMs: 1 });
    offset += Buffer.byteLength(stepText(step));
  }
  output.close();
  journal.append({ type: 'ended', outcome: 'succeeded', changed: true, after: {} });
  rmSync(paths.runner);
}

async function writeStep(output: OutputLog, step: FakeStep, skip: number): Promise<void> {
  let left = skip;
  const chunk = step.chunk ?? step.times;
  for (let line = 0; line < step.times; line += chunk) {
    let text = '';
    for (let i = line; i < Math.min(line + chunk, step.times); i++) text += step.text.replace('#', String(i));
    // of the same length, so that what is planned is as long as what is written
    const bytes = Buffer.from(text.replaceAll('@milliseconds', String(Date.now())));
    output.write(bytes.subarray(Math.min(left, bytes.length)));
    left = Math.max(0, left - bytes.length);
    if (step.pause !== undefined && left === 0) await delay(step.pause);
  }
  output.flush();
}

/** Waits for a file; where the test has gone with its folder nobody will make it any more. */
async function fileExists(path: string): Promise<void> {
  while (!existsSync(path)) {
    if (!existsSync(dirname(path))) process.exit(1);
    await delay(10);
  }
}

if (import.meta.main) await main(runIdSchema.parse(process.argv[3]));
