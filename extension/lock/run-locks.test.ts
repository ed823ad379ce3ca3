import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { INITIAL_RUN, type RunState, type RunSummary } from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import { ENGLISH } from '../base/locale.ts';
import { aRun, NEW_REV, NOW, OLD_REV, runId } from '../fleet/samples.ts';
import type { OutputStore } from '../output/output-store.ts';
import type { RunSession } from '../runs/run-session.ts';
import { lockUri, parseLockUri } from './lock-uri.ts';
import { fetchRunLocks, lockDiffTitle, type RunLocksResult } from './run-locks.ts';

const lock = (rev: string): string =>
  JSON.stringify({
    version: 7,
    root: 'root',
    nodes: {
      root: { inputs: { nixfleet: 'nixfleet' } },
      nixfleet: {
        locked: { type: 'github', owner: 'nixfleet', repo: 'nixfleet', rev, narHash: 'sha256-AAAA', lastModified: 1 },
        original: { type: 'github', owner: 'nixfleet', repo: 'nixfleet' },
      },
    },
  });

class FakeSession implements RunSession {
  readonly changes = new Emitter<void>();
  readonly runId = runId(1);
  readonly host = 'web';
  readonly onDidChange = this.changes.event;
  readonly problem = undefined;
  summary: RunSummary | undefined = aRun(1);
  state: RunState = { ...INITIAL_RUN, seq: 3, phase: 'locking' };
  lockBefore: string | undefined;
  lockAfter: string | undefined;
  gone = false;
  disposed = false;

  get output(): OutputStore {
    throw new Error('nobody needs the output');
  }

  set(part: Partial<Pick<FakeSession, 'lockBefore' | 'lockAfter' | 'state' | 'gone' | 'summary'>>): void {
    Object.assign(this, part);
    this.changes.fire();
  }

  dispose(): void {
    this.disposed = true;
  }

  fetch(signal = new AbortController().signal): Promise<RunLocksResult> {
    return fetchRunLocks({ open: () => Promise.resolve(this) }, this.runId, signal);
  }
}

describe('the locks of a run', () => {
  it('are waited for until both are there', async () => {
    const session = new FakeSession();
    const result = session.fetch();
    session.set({ lockBefore: 'a' });
    session.set({ lockAfter: 'b' });
    assert.deepEqual(await result, { ok: true, locks: { host: 'web', before: 'a', after: 'b', input: undefined } });
    assert.ok(session.disposed);
  });

  it('are none when the run ended before there was one to compare', async () => {
    const session = new FakeSession();
    const result = session.fetch();
    const end = { at: NOW, outcome: 'failed', changed: false, phase: 'pulling', after: {} } as const;
    session.set({ state: { ...INITIAL_RUN, seq: 5, end } });
    assert.deepEqual(await result, { ok: false, kind: 'none' });
    const refused = new FakeSession();
    refused.set({ state: INITIAL_RUN, summary: aRun(1, { delivery: 'refused', seq: 0 }) });
    assert.deepEqual(await refused.fetch(), { ok: false, kind: 'none' });
    const gone = new FakeSession();
    gone.set({ gone: true });
    assert.deepEqual(await gone.fetch(), { ok: false, kind: 'none' });
  });

  it('are late when they do not come in time, and nobody is kept waiting', async () => {
    const session = new FakeSession();
    const stop = new AbortController();
    const result = session.fetch(stop.signal);
    stop.abort();
    assert.deepEqual(await result, { ok: false, kind: 'late' });
    assert.ok(session.disposed);
    assert.equal(session.changes.listenerCount, 0);
  });

  it('are shown under a title with both revisions', () => {
    const locks = { host: 'web', before: lock(OLD_REV), after: lock(NEW_REV), input: 'nixfleet' };
    assert.equal(lockDiffTitle(locks, ENGLISH), 'flake.lock (web, aaaaaaa → bbbbbbb)');
    assert.equal(lockDiffTitle({ ...locks, input: undefined }, ENGLISH), 'flake.lock (web)');
    assert.equal(lockDiffTitle({ ...locks, after: '<<<<<<< HEAD' }, ENGLISH), 'flake.lock (web)');
    assert.equal(lockDiffTitle({ ...locks, input: 'other' }, ENGLISH), 'flake.lock (web)');
  });
});

describe('the URI of a lock', () => {
  it('carries all that is needed to show it, and looks like a flake.lock', () => {
    const document = { host: 'web-1.example', runId: runId(7), side: 'after' } as const;
    const uri = lockUri(document);
    assert.equal(uri.path, '/web-1.example/flake.lock');
    assert.deepEqual(parseLockUri(uri), document);
  });

  it('names nothing when it is made up', () => {
    const good = lockUri({ host: 'web', runId: runId(7), side: 'before' });
    for (const bad of [
      { ...good, scheme: 'file' },
      { ...good, path: '/flake.lock' },
      { ...good, path: '/a/b/flake.lock' },
      { ...good, query: '' },
      { ...good, query: good.query.replace('before', 'middle') },
      { ...good, query: 'run=../../etc/passwd&side=before' },
    ]) {
      assert.equal(parseLockUri(bad), undefined);
    }
  });
});
