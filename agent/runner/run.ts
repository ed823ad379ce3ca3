/**
 * The runner: the detached process that executes one run on its host and writes the run directory, which is the truth
 * about it. In comes a run id whose request lies in the inbox, or whose run directory is not at its end; out goes the
 * end of the run, in the journal. It answers to nobody: whoever wants to know reads the run directory.
 */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_DEADLINES, parseRequest, type Phase, type RunId, type UpdateRequest } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import { attributeOf, chooseRebuilder, chooseServices } from '../platform/choose.ts';
import { bootId } from '../process.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { keepReserve, releaseReserve } from '../run-directory/reserve.ts';
import { removeExpiredRuns } from '../run-directory/retention.ts';
import { hasEnded, unfinishedRuns } from '../run-directory/run-list.ts';
import { JournalWriter } from '../run-directory/journal-writer.ts';
import { runPaths, statePaths } from '../run-directory/layout.ts';
import { OutputLog } from '../run-directory/output-log.ts';
import { withoutCredentials } from '../steps/credentials.ts';
import { accessOf } from '../steps/environment.ts';
import { clearInbox, keepRequest, readInbox, readKeptRequest, refuse } from './accept.ts';
import { removeLateMarks, takeCancelMark } from './cancel-mark.ts';
import { RELAY_GRACE_MS } from './confirm-rules.ts';
import type { Ending, Progress, RunContext } from './context.ts';
import { duration, PhaseControl } from './phase-control.ts';
import { publish } from './publishing.ts';
import { asFailure, RunFailure, type RunReason } from './reason.ts';
import { takeRunLock, type LockResult } from './run-lock.ts';
import { writeRunnerFile } from './runner-file-writer.ts';
import { StepRunner } from './step-runner.ts';
import { readLastRunner, resume } from './resume.ts';
import { finalSnapshot } from './snapshot.ts';
import { work } from './update.ts';

export interface RunOptions {
  readonly config: AgentConfig;
  readonly runId: RunId;
  /** Aborted when this process must stop. */
  readonly signal?: AbortSignal;
}

/** Exit code of a runner whose run is at its end, however it ended, or was not begun. */
const DONE = 0;
/** Exit code of a runner that another must finish the run for. */
const UNFINISHED = 75;

/** Milliseconds that a run which has begun waits for another: longer than a service manager counts as failing at once. */
const LOCK_PATIENCE = 60_000;
const LOCK_LOOK = 200;

/** Executes a run, or finishes it where another runner died. Returns the exit code of the process. */
export async function runRun({ config, runId, signal }: RunOptions): Promise<number> {
  const { stateDir } = config;
  const lock = await takeLock(stateDir, runId, signal);
  if (!lock.ok) {
    // the same run at work already: asking twice is asking once
    if (lock.holder?.runId === runId) return DONE;
    // a run that has begun is not refused: whoever started this runner tries again
    if (readKeptRequest(stateDir, runId)) return UNFINISHED;
    const message = lock.holder
      ? `This host is busy with run ${lock.holder.runId}.`
      : 'This host is busy with another run.';
    refuse(stateDir, runId, { kind: 'busy', message, advice: 'Wait until it has ended, or cancel it.' });
    removeLateMarks(stateDir);
    return DONE;
  }
  try {
    const request = takeRequest(config, runId);
    return request ? await execute(config, runId, request, signal) : DONE;
  } finally {
    removeLateMarks(stateDir);
    lock.release();
  }
}

/** The lock, which a run that has begun waits for: after a power loss several may have to be finished, one after another. */
async function takeLock(stateDir: string, runId: RunId, signal: AbortSignal | undefined): Promise<LockResult> {
  const giveUpAt = performance.now() + LOCK_PATIENCE;
  for (;;) {
    const lock = takeRunLock(statePaths(stateDir), runId);
    const isOver = signal?.aborted === true || performance.now() >= giveUpAt;
    if (lock.ok || isOver || lock.holder?.runId === runId || !readKeptRequest(stateDir, runId)) return lock;
    await delay(LOCK_LOOK);
  }
}

/** The request of the run: from its run directory, else from the inbox. Undefined when there is nothing to begin. */
function takeRequest(config: AgentConfig, runId: RunId): UpdateRequest | undefined {
  const { stateDir, host } = config;
  const kept = readKeptRequest(stateDir, runId);
  const intake = readInbox(stateDir, runId, host);
  if (kept) {
    if (intake.kind === 'request' && !Buffer.from(kept).equals(intake.bytes))
      refuse(stateDir, runId, {
        kind: 'other-content',
        message: `Run ${runId} was asked for before with other content.`,
      });
    else if (intake.kind !== 'none') clearInbox(stateDir, runId);
    const parsed = parseRequest(kept, runId);
    return parsed.ok ? parsed.request : undefined;
  }
  if (intake.kind === 'none') return undefined;
  if (readRefusal(stateDir, runId)) {
    // somebody was told that this run will not be
    clearInbox(stateDir, runId);
    return undefined;
  }
  if (intake.kind === 'refused') {
    refuse(stateDir, runId, intake.refusal);
    return undefined;
  }
  try {
    keepRequest(stateDir, runId, intake.entry, intake.bytes);
    keepReserve(runPaths(stateDir, runId));
    return intake.request;
  } catch (error) {
    const { kind, message, advice } = asFailure(error).reason;
    rmSync(runPaths(stateDir, runId).dir, { recursive: true, force: true });
    refuse(stateDir, runId, { kind, message, ...(advice !== undefined && { advice }) });
    return undefined;
  }
}

async function execute(
  config: AgentConfig,
  runId: RunId,
  request: UpdateRequest,
  stop: AbortSignal | undefined,
): Promise<number> {
  const paths = runPaths(config.stateDir, runId);
  const { journal, damage } = JournalWriter.open(paths.journal);
  if (hasEnded(journal.events)) {
    journal.close();
    clearInbox(config.stateDir, runId);
    return DONE;
  }
  const last = readLastRunner(paths.runner);
  writeRunnerFile(paths.runner);
  // of a build that nobody watches any more
  rmSync(paths.progress, { force: true });
  const isFirst = journal.events.length === 0;
  const output = OutputLog.open(paths, !isFirst && last?.bootId !== bootId());
  const control = new PhaseControl({
    journal,
    output,
    deadlines: phaseDeadlines(config, request),
    takeCancelMark: () => takeCancelMark(config.stateDir, runId),
    stop,
  });
  const attribute = attributeOf(config);
  const steps = new StepRunner({ paths, runId, journal, output, access: accessOf(config), stuck });
  const run: RunContext = {
    config,
    runId,
    request,
    paths,
    journal,
    output,
    steps,
    control,
    attribute,
    rebuilder: chooseRebuilder(config, attribute),
    services: chooseServices(config),
    rollback: request.rollback ?? config.rollback,
  };
  try {
    if (damage !== undefined) steps.say(`the journal was damaged (${damage}); what could not be read is kept aside`);
    if (isFirst) control.begin('accepted');
    clearInbox(config.stateDir, runId);
    const progress: Progress = { doings: { ownLocks: [], lockInFlight: false } };
    const obstacle = isFirst ? await finishOthers(run, stop) : undefined;
    const ending = obstacle ?? (isFirst ? await work(run, progress, 'pulling') : await resume(run, progress, last));
    if (ending.outcome === 'succeeded') await publish(run, progress, ending.changed);
    releaseReserve(paths);
    steps.say(ending.outcome + (ending.reason ? `: ${ending.reason.message}` : ''));
    output.sync();
    journal.append({ type: 'ended', ...ending, after: await finalSnapshot(run, progress) });
    removeExpiredRuns(config.stateDir);
    return DONE;
  } catch (error) {
    process.stderr.write(`run ${runId} is not at its end: ${withoutCredentials(asFailure(error).message)}\n`);
    return UNFINISHED;
  } finally {
    control.close();
    try {
      output.close();
    } finally {
      journal.close();
    }
  }
}

/**
 * Runs that nobody finished come first: what they left half done must not be recorded as how the host was. Where one cannot
 * be brought to its end, this run ends before it begins.
 */
async function finishOthers(run: RunContext, stop: AbortSignal | undefined): Promise<Ending | undefined> {
  const { config, runId, steps } = run;
  for (const other of unfinishedRuns(config.stateDir)) {
    const kept = other === runId ? undefined : readKeptRequest(config.stateDir, other);
    const parsed = kept && parseRequest(kept, other);
    if (!parsed?.ok) continue;
    steps.say(`run ${other} was not finished; that comes first`);
    const result = await execute(config, other, parsed.request, stop).catch((error: unknown) => asFailure(error));
    if (result === DONE) continue;
    const reason: RunReason = {
      kind: 'interrupted',
      message: `run ${other} is not at its end, and could not be brought there first`,
      advice: `See what ends its runner; \`nixfleet-agent run ${other}\` on the host tries once more.`,
    };
    return { outcome: 'failed', changed: false, reason };
  }
  return undefined;
}

function stuck(milliseconds: number, argv: readonly string[]): RunFailure {
  return new RunFailure({
    kind: 'stuck',
    message: `${argv.slice(0, 2).join(' ')} said nothing for ${duration(milliseconds)} and was ended`,
    advice: 'See what it was waiting for; if such silence is normal here, raise deadlines.buildSilence on the host.',
  });
}

/** Milliseconds for each phase. An agent that is proven at the last moment still has its settling time: confirming ends itself. */
function phaseDeadlines(config: AgentConfig, request: UpdateRequest): Record<Phase, number> {
  const deadlines = { ...DEFAULT_DEADLINES, ...config.deadlines, ...request.deadlines };
  return { ...deadlines, confirming: deadlines.confirming + RELAY_GRACE_MS + config.deadlines.settling + 5000 };
}
