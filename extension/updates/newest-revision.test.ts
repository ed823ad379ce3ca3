import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetHost } from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import { ENGLISH } from '../base/locale.ts';
import type { AskBody, CallResult } from '../connection/calls.ts';
import { NO_FLEET, type FleetChange } from '../fleet/fleet.ts';
import { aHost, anOutdatedHost, NEW_REV, NOW } from '../fleet/samples.ts';
import { resolveNewestRevision, type NewestRevision } from './newest-revision.ts';

const LATER = 'c'.repeat(40);

/** A fleet that a test changes. */
class FakeFleet {
  readonly changes = new Emitter<FleetChange>();
  readonly onDidChange = this.changes.event;
  readonly hosts = new Map<string, FleetHost>();
  readonly asked: AskBody[] = [];
  refused = false;

  readonly calls = {
    ask: (body: AskBody): Promise<CallResult> => {
      this.asked.push(body);
      if (this.refused) return Promise.resolve({ ok: false, reason: { kind: 'offline', message: 'It is offline.' } });
      return Promise.resolve({ ok: true, reply: { type: 'reply', id: 1, ok: true } });
    },
  };

  host(name: string): FleetHost | undefined {
    return this.hosts.get(name);
  }

  put(host: FleetHost): void {
    this.hosts.set(host.host, host);
    this.changes.fire({ fleet: NO_FLEET, previous: NO_FLEET, hosts: new Set([host.host]) });
  }

  resolve(names: readonly string[], within = 5000, signal?: AbortSignal): Promise<NewestRevision> {
    return resolveNewestRevision(names, {
      fleet: this,
      calls: this.calls,
      locale: ENGLISH,
      within,
      ...(signal && { signal }),
    });
  }
}

const checked = (name: string, rev: string, checkedAt: number): FleetHost =>
  aHost(name, { status: { at: NOW, problems: [], upstream: { rev, checkedAt } } });

describe('the newest revision for several hosts', () => {
  it('is asked of one of them that is online, and counts when it was looked up after the question', async () => {
    const fleet = new FakeFleet();
    fleet.put(aHost('off', { online: false }));
    fleet.put(anOutdatedHost('on'));
    fleet.put(anOutdatedHost('other'));
    const answer = fleet.resolve(['off', 'on', 'other']);
    assert.deepEqual(fleet.asked, [{ type: 'refresh', host: 'on' }]);
    let settled = false;
    void answer.then(() => (settled = true));
    fleet.put(checked('other', LATER, NOW + 50));
    fleet.put(checked('on', NEW_REV, NOW));
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(settled, false, 'it is what was known before');
    fleet.put(checked('on', LATER, NOW + 1));
    assert.deepEqual(await answer, { ok: true, rev: LATER, askedHost: 'on' });
    assert.equal(fleet.changes.listenerCount, 0);
  });

  it('is taken from a host that had never looked', async () => {
    const fleet = new FakeFleet();
    fleet.put(aHost('on'));
    const answer = fleet.resolve(['on']);
    fleet.put(aHost('on', { status: { at: NOW, problems: [] } }));
    fleet.put(checked('on', LATER, 5));
    assert.deepEqual(await answer, { ok: true, rev: LATER, askedHost: 'on' });
  });

  it('does not come about when none is online', async () => {
    const fleet = new FakeFleet();
    fleet.put(aHost('off', { online: false }));
    const answer = await fleet.resolve(['off']);
    assert.equal(!answer.ok && answer.reason.kind, 'no-host-online');
    assert.deepEqual(fleet.asked, []);
  });

  it('is waited for no longer than the deadline, and the host’s problem is told', async () => {
    const fleet = new FakeFleet();
    fleet.put(aHost('on', { status: { at: NOW, problems: ['GitHub limits requests'] } }));
    const answer = await fleet.resolve(['on'], 5);
    assert.ok(!answer.ok);
    assert.equal(answer.reason.kind, 'timeout');
    assert.equal(answer.reason.advice, 'It reports: GitHub limits requests');
    assert.equal(fleet.changes.listenerCount, 0);
  });

  it('ends at once when the relay says no, or the person does', async () => {
    const fleet = new FakeFleet();
    fleet.put(aHost('on'));
    const stop = new AbortController();
    const answer = fleet.resolve(['on'], 5000, stop.signal);
    stop.abort();
    const stopped = await answer;
    assert.equal(!stopped.ok && stopped.reason.kind, 'cancelled');
    fleet.refused = true;
    const refused = await fleet.resolve(['on'], 20);
    assert.equal(!refused.ok && refused.reason.kind, 'offline');
  });
});
