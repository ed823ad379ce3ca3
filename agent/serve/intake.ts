/**
 * Takes requests: checks them, puts them into the inbox where the runner finds them, and answers when the runner has
 * begun or refused. Asking twice with one id starts one run.
 */
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import {
  MAX_REQUEST_BYTES,
  parseRequest,
  requestBytes,
  type AgentMessage,
  type Reason,
  type RequestEnvelope,
  type RunId,
} from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { MAX_INBOX_ENTRY_BYTES } from '../runner/accept.ts';
import { readJsonFile, readSmallFile, writeFileAtomically } from '../run-directory/files.ts';
import { inboxEntrySchema, type InboxEntry } from '../run-directory/inbox-entry.ts';
import { inboxPaths, runPaths, statePaths } from '../run-directory/layout.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { readLiveHolder } from '../run-directory/runner-file.ts';
import { JournalReader } from '../tail/journal-reader.ts';
import type { HostRuns } from './host-runs.ts';

export type RequestAnswer = Extract<AgentMessage, { type: 'request-result' }>;

export interface IntakeOptions {
  readonly config: Pick<AgentConfig, 'host' | 'stateDir' | 'relayUrl' | 'deadlines'>;
  readonly launcher: Launcher;
  readonly runs: HostRuns;
  readonly log: Logger;
}

/** Milliseconds between looks for the runner's first word. */
const LOOK = 50;

interface Pending {
  readonly bytes: Uint8Array;
  readonly answer: Promise<RequestAnswer>;
}

export class Intake {
  readonly #options: IntakeOptions;
  /** Requests whose runner has not begun yet; at most one. */
  readonly #pending = new Map<RunId, Pending>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Whether a request has been taken whose runner has not said its first word. */
  isStarting(runId: RunId): boolean {
    return this.#pending.has(runId);
  }

  /** Answers a request. Never rejects. */
  async take(envelope: RequestEnvelope): Promise<RequestAnswer> {
    const { runId } = envelope;
    const bytes = requestBytes(envelope);
    const pending = this.#pending.get(runId);
    if (pending) return sameBytes(pending.bytes, bytes) ? pending.answer : refused(runId, otherContent(runId));
    // from here to the first await nothing else is taken, so that of two requests at once the second finds the first
    const answer = this.#decide(envelope, bytes, this.#pending.keys().next().value).catch((error: unknown) => {
      this.#options.log.error(`run ${runId} could not be taken: ${(error as Error).message}`);
      return refused(runId, failure('agent-failed', error));
    });
    this.#pending.set(runId, { bytes, answer });
    try {
      return await answer;
    } finally {
      this.#pending.delete(runId);
    }
  }

  async #decide(envelope: RequestEnvelope, bytes: Uint8Array, other: RunId | undefined): Promise<RequestAnswer> {
    const { runId } = envelope;
    const known = this.#knownBytes(runId);
    if (known && !sameBytes(known, bytes)) return refused(runId, otherContent(runId));
    const settled = await this.#firstWord(runId);
    if (settled) return settled;
    if (!known) {
      const obstacle = this.#check(bytes, runId) ?? (await this.#obstacle(other));
      if (obstacle) return refused(runId, obstacle);
      const failed = this.#write(envelope);
      if (failed) return refused(runId, failed);
    }
    return this.#launch(runId);
  }

  /** The bytes under which a run id is known on this host: in its run directory, or waiting in the inbox. */
  #knownBytes(runId: RunId): Uint8Array | undefined {
    const { stateDir } = this.#options.config;
    const request = readSmallFile(runPaths(stateDir, runId).request, MAX_REQUEST_BYTES);
    if (request.ok) return request.value;
    const entry = readJsonFile(inboxPaths(stateDir, runId).request, inboxEntrySchema, MAX_INBOX_ENTRY_BYTES);
    return entry.ok ? requestBytes(entry.value.envelope) : undefined;
  }

  #check(bytes: Uint8Array, runId: RunId): Reason | undefined {
    const { host } = this.#options.config;
    const parsed = parseRequest(bytes, runId);
    if (!parsed.ok) return { kind: 'bad-request', message: parsed.message };
    if (parsed.request.host !== host)
      return { kind: 'wrong-host', message: `The request is for host ${parsed.request.host}; this is ${host}.` };
    if (parsed.request.expiresAt <= Date.now()) {
      return {
        kind: 'expired',
        message: `The request expired at ${new Date(parsed.request.expiresAt).toISOString()}, before this host got it.`,
        advice: "Ask again; if it happens at once, compare this host's clock with yours.",
      };
    }
    return undefined;
  }

  async #obstacle(other: RunId | undefined): Promise<Reason | undefined> {
    const { config, runs } = this.#options;
    if (other) return busy(other);
    const live = await runs.live();
    if (live) return busy(live.runId, live.phase);
    const holder = readLiveHolder(statePaths(config.stateDir).holder);
    return holder && busy(holder.runId);
  }

  #write(envelope: RequestEnvelope): Reason | undefined {
    const { config } = this.#options;
    const { runId, request, keyId, signature } = envelope;
    const entry: InboxEntry = {
      format: 1,
      envelope: {
        runId,
        request,
        ...(keyId !== undefined && { keyId }),
        ...(signature !== undefined && { signature }),
      },
      broughtBy: config.relayUrl,
      receivedAt: Date.now(),
    };
    try {
      writeFileAtomically(inboxPaths(config.stateDir, runId).request, `${JSON.stringify(entry)}\n`);
      return undefined;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      return code === 'ENOSPC' || code === 'EDQUOT'
        ? {
            kind: 'disk-full',
            message: `The disk that holds ${config.stateDir} is full; the request could not be kept.`,
            advice: 'Make room on the host (nix-collect-garbage) and ask again.',
          }
        : failure('inbox', error);
    }
  }

  async #launch(runId: RunId): Promise<RequestAnswer> {
    const { launcher, log } = this.#options;
    try {
      await launcher.launch(runId);
    } catch (error) {
      this.#withdraw(runId);
      log.error(`run ${runId}: ${(error as Error).message}`);
      return refused(runId, { ...failure('launch-failed', error), advice: "See the agent's log on the host." });
    }
    return this.#awaitRunner(runId);
  }

  async #awaitRunner(runId: RunId): Promise<RequestAnswer> {
    const { launcher, config } = this.#options;
    const deadline = config.deadlines.accepted;
    let giveUpAt = performance.now() + deadline;
    let isTaken = false;
    for (let look = 1; ; look++) {
      // asked first: a runner that ends in between has said its word by then
      const isGone = look % 10 === 0 && !(await launcher.isAlive(runId));
      const word = await this.#firstWord(runId);
      if (word) return word;
      if (isGone) {
        this.#withdraw(runId);
        return this.#notStarted(runId, 'The runner ended before it began the run.');
      }
      if (performance.now() >= giveUpAt) {
        // a runner that has the request already is slow, not missing
        if (isTaken || this.#withdraw(runId))
          return this.#notStarted(runId, `The runner did not begin within ${Math.round(deadline / 1000)} s.`);
        isTaken = true;
        giveUpAt += deadline;
      }
      await delay(LOOK);
    }
  }

  #notStarted(runId: RunId, message: string): RequestAnswer {
    const place = this.#options.launcher.whereToLook(runId);
    this.#options.log.error(`run ${runId}: ${message} See ${place}`);
    return refused(runId, { kind: 'not-started', message, advice: `On the host: ${place}` });
  }

  /** What the runner has said so far: the first line of a journal, or why it does not want to begin. */
  async #firstWord(runId: RunId): Promise<RequestAnswer | undefined> {
    const { stateDir } = this.#options.config;
    const events = await new JournalReader(runPaths(stateDir, runId).journal).next();
    if (events.length > 0) return { type: 'request-result', runId, accepted: true };
    const refusal = readRefusal(stateDir, runId);
    if (!refusal) return undefined;
    const { kind, message, advice } = refusal;
    return refused(runId, { kind, message, ...(advice !== undefined && { advice }) });
  }

  /** Takes a request back that no runner has taken; false when one has. */
  #withdraw(runId: RunId): boolean {
    const { request, cancel } = inboxPaths(this.#options.config.stateDir, runId);
    const wasThere = existsSync(request);
    rmSync(request, { force: true });
    if (wasThere) rmSync(cancel, { force: true });
    return wasThere;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function refused(runId: RunId, reason: Reason): RequestAnswer {
  return { type: 'request-result', runId, accepted: false, reason };
}

function otherContent(runId: RunId): Reason {
  return {
    kind: 'other-content',
    message: `Run ${runId} is known on this host with other content.`,
    advice: 'Ask again with a run id of its own.',
  };
}

function busy(runId: RunId, phase?: string): Reason {
  return {
    kind: 'busy',
    message: `The host is busy with run ${runId}${phase === undefined ? '' : ` (${phase})`}.`,
    advice: 'Wait until it has ended, or cancel it.',
  };
}

function failure(kind: string, error: unknown): Reason {
  return { kind, message: error instanceof Error ? error.message : String(error) };
}
