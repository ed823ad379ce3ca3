import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import {
  anyRunEventSchema,
  runSummarySchema,
  type AnyRunEvent,
  type RunId,
  type RunSummary,
} from '../../protocol/index.ts';

/** What was received of a run besides its output, as it lies on disk. */
export interface RunRecordContent {
  readonly summary: RunSummary | undefined;
  readonly events: readonly AnyRunEvent[];
  readonly lockBefore: string | undefined;
  readonly lockAfter: string | undefined;
}

/**
 * Keeps summary, events and lock files of a run beside its output, so that a reload, or a relay that is away, changes
 * nothing of what is shown. Writing is best effort: what is missing is asked for again.
 */
export class RunRecord {
  readonly #base: string;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(folder: string, runId: RunId) {
    this.#base = join(folder, runId);
  }

  async load(): Promise<RunRecordContent> {
    const [summary, events, lockBefore, lockAfter] = await Promise.all(
      ['summary.json', 'events.ndjson', 'lock-before.json', 'lock-after.json'].map(name => readText(this.#path(name))),
    );
    return { summary: parseSummary(summary), events: parseEvents(events), lockBefore, lockAfter };
  }

  saveSummary(summary: RunSummary): void {
    this.#write(() => writeFile(this.#path('summary.json'), JSON.stringify(summary)));
  }

  /** Events that follow on those that were saved before. */
  addEvents(events: readonly AnyRunEvent[]): void {
    const lines = events.map(event => `${JSON.stringify(event)}\n`).join('');
    this.#write(() => appendFile(this.#path('events.ndjson'), lines));
  }

  /** Begins anew, where what lies there did not add up. */
  replaceEvents(events: readonly AnyRunEvent[]): void {
    const lines = events.map(event => `${JSON.stringify(event)}\n`).join('');
    this.#write(() => writeFile(this.#path('events.ndjson'), lines));
  }

  saveLock(side: 'before' | 'after', text: string): void {
    this.#write(() => writeFile(this.#path(`lock-${side}.json`), text));
  }

  /** Resolves when everything is written, or could not be. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  #path(name: string): string {
    return `${this.#base}.${name}`;
  }

  #write(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch(() => undefined);
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

function parseSummary(text: string | undefined): RunSummary | undefined {
  const parsed = runSummarySchema.safeParse(parseJson(text ?? ''));
  return parsed.success ? parsed.data : undefined;
}

/** The events up to the first line that is not whole or not the next one. */
function parseEvents(text: string | undefined): AnyRunEvent[] {
  const events: AnyRunEvent[] = [];
  for (const line of (text ?? '').split('\n')) {
    const parsed = z.safeParse(anyRunEventSchema, parseJson(line));
    if (!parsed.success || parsed.data.seq !== events.length + 1) break;
    events.push(parsed.data);
  }
  return events;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
