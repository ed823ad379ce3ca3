/** What every backbone holds. A file of tests calls `backboneContract` for each. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import {
  decodeFrame,
  encodeFrame,
  parseRequest,
  planChunk,
  requestBytes,
  rolloutIdSchema,
  START,
  type AnyRunEvent,
  type OutputFrame,
  type Position,
  type RolloutAsk,
  type RunId,
  type RunSummary,
  type StreamName,
  type UpdateRequest,
} from '../../protocol/index.ts';
import type { Ask } from '../runs/ask.ts';
import { CONFIRMATION_GRACE, UNCONFIRMED } from '../runs/delivery.ts';
import { HostRun } from '../testing/host-run.ts';
import { newRunId } from '../testing/harness.ts';
import { AGENT } from '../testing/test-agent.ts';
import { requestFor, rolloutFor } from '../testing/test-operator.ts';
import { readRequests, type RolloutQuestion } from '../rollouts/record.ts';
import type { AppendResult, Backbone, FleetChange, HostCommand, RunNews } from './backbone.ts';

const NOW = 1_800_000_000_000;
const HASH = 'a'.repeat(64);

export interface MadeBackbone extends AsyncDisposable {
  readonly backbone: Backbone;
}

export function backboneContract(name: string, make: () => Promise<MadeBackbone>): void {
  describe(`the ${name} backbone`, () => {
    let made: MadeBackbone;
    let backbone: Backbone;

    beforeEach(async () => {
      made = await make();
      backbone = made.backbone;
    });
    afterEach(() => made[Symbol.asyncDispose]());

    const ask = (host: string, runId = newRunId(), more: Partial<UpdateRequest> = {}): Ask => {
      const envelope = requestFor(host, runId, { expiresAt: NOW + 60_000, requestedAt: NOW, ...more });
      const parsed = parseRequest(requestBytes(envelope), runId);
      assert.ok(parsed.ok);
      return { envelope, request: parsed.request, by: 'ana', at: NOW };
    };
    const enroll = (host: string) => backbone.enrollHost(host, host.padEnd(64, '0'), NOW);
    const fleetNews = (): FleetChange[] => {
      const news: FleetChange[] = [];
      backbone.watchFleet(change => void news.push(change));
      return news;
    };
    const runNews = (runId: RunId): RunNews[] => {
      const news: RunNews[] = [];
      backbone.watchRun(runId, item => void news.push(item));
      return news;
    };
    const claim = (host: string, session: string, at = NOW): { commands: HostCommand[]; done: Promise<void> } => {
      const commands: HostCommand[] = [];
      const onCommand = (command: HostCommand) => void commands.push(command);
      return { commands, done: backbone.claimHost({ host, session, agent: AGENT, at, onCommand }) };
    };

    describe('tokens', () => {
      it('are known by their hash, and nobody else is', async () => {
        await backbone.enrollHost('web', HASH, NOW);
        await backbone.addOperator('web', 'b'.repeat(64), NOW);
        assert.deepEqual(await backbone.tokenOwner(HASH), { kind: 'host', name: 'web' });
        assert.deepEqual(await backbone.tokenOwner('b'.repeat(64)), { kind: 'operator', name: 'web' });
        assert.equal(await backbone.tokenOwner('c'.repeat(64)), undefined);
        assert.equal(await backbone.hasToken({ kind: 'host', name: 'web' }), true);
        assert.equal(await backbone.hasToken({ kind: 'host', name: 'db' }), false);
      });

      it('are one for each: a new one ends the old one, and watchers are told', async () => {
        await backbone.enrollHost('web', HASH, NOW);
        const news = fleetNews();
        await backbone.enrollHost('web', 'b'.repeat(64), NOW + 5);
        assert.equal(await backbone.tokenOwner(HASH), undefined);
        assert.ok(news.some(({ kind }) => kind === 'tokens'));
        assert.equal((await backbone.host('web'))?.enrolledAt, NOW, 'it was in the fleet all the time');
      });

      it('end by revocation, once', async () => {
        await backbone.addOperator('ana', HASH, NOW);
        const news = fleetNews();
        assert.equal(await backbone.revoke({ kind: 'operator', name: 'ana' }, 'root', NOW), true);
        assert.equal(await backbone.tokenOwner(HASH), undefined);
        assert.deepEqual(news, [{ kind: 'tokens' }]);
        assert.equal(await backbone.revoke({ kind: 'operator', name: 'ana' }, 'root', NOW), false);
        assert.equal(await backbone.revoke({ kind: 'host', name: 'ana' }, 'root', NOW), false);
      });
    });

    describe('hosts', () => {
      it('are in the fleet from their enrolment on, sorted, offline until somebody speaks for them', async () => {
        await enroll('web');
        await enroll('db');
        const hosts = await backbone.hosts();
        assert.deepEqual(hosts, [
          { host: 'db', enrolledAt: NOW, online: false },
          { host: 'web', enrolledAt: NOW, online: false },
        ]);
      });

      it('are online while a session speaks for them, and tell what the agent said', async () => {
        await enroll('web');
        const news = fleetNews();
        await claim('web', 's1').done;
        const online = await backbone.host('web');
        assert.deepEqual(online, { host: 'web', enrolledAt: NOW, online: true, lastSeenAt: NOW, agent: AGENT });
        await backbone.putStatus('web', { at: 7, problems: ['none'] }, NOW + 1);
        await backbone.releaseHost('web', 's1', NOW + 2);
        const offline = await backbone.host('web');
        assert.deepEqual(offline, {
          host: 'web',
          enrolledAt: NOW,
          online: false,
          lastSeenAt: NOW + 2,
          agent: AGENT,
          status: { at: 7, problems: ['none'] },
        });
        assert.deepEqual(news.at(0), { kind: 'host', host: online });
        assert.deepEqual(news.at(-1), { kind: 'host', host: offline });
      });

      it('belong to the session that claimed them last, and the one before is told', async () => {
        await enroll('web');
        const first = claim('web', 's1');
        await first.done;
        const second = claim('web', 's2');
        await second.done;
        assert.deepEqual(first.commands, [{ kind: 'replaced' }]);
        await backbone.releaseHost('web', 's1', NOW + 9);
        assert.equal((await backbone.host('web'))?.online, true);
        assert.equal(await backbone.commandHost('web', { kind: 'refresh' }), true);
        assert.deepEqual(second.commands, [{ kind: 'refresh' }]);
        assert.equal(first.commands.length, 1);
      });

      it('that are offline get no commands', async () => {
        await enroll('web');
        assert.equal(await backbone.commandHost('web', { kind: 'deliver' }), false);
      });

      it('can be noted as seen without anybody being told', async () => {
        await enroll('web');
        const news = fleetNews();
        await backbone.touchHosts(['web', 'nobody'], NOW + 77);
        assert.equal((await backbone.host('web'))?.lastSeenAt, NOW + 77);
        assert.deepEqual(news, []);
      });

      it('leave the fleet when they are revoked, with what waits for them, and come back with their history', async () => {
        await enroll('web');
        const queued = ask('web');
        await backbone.askRun(queued);
        const news = fleetNews();
        assert.equal(await backbone.revoke({ kind: 'host', name: 'web' }, 'root', NOW + 1), true);
        assert.equal(await backbone.host('web'), undefined);
        assert.deepEqual(await backbone.hosts(), []);
        assert.equal((await backbone.run(queued.request.runId))?.summary.delivery, 'cancelled');
        assert.ok(news.some(change => change.kind === 'host-removed' && change.host === 'web'));
        await backbone.enrollHost('web', HASH, NOW + 2);
        assert.equal((await backbone.host('web'))?.enrolledAt, NOW + 2);
        assert.equal((await backbone.runs({ host: 'web', limit: 9 })).length, 1);
      });
    });

    describe('a run that is asked for', () => {
      it('is queued, listed and told of', async () => {
        await enroll('web');
        const news = fleetNews();
        const asked = ask('web', newRunId(), { targetRev: 'c'.repeat(40) });
        const result = await backbone.askRun(asked);
        assert.equal(result.kind, 'new');
        assert.ok('run' in result);
        assert.equal(result.run.requestedBy, 'ana');
        assert.equal(result.run.targetRev, 'c'.repeat(40));
        assert.deepEqual(news, [{ kind: 'run', run: result.run }]);
        const [record] = await backbone.liveRuns('web');
        assert.deepEqual(record, { summary: result.run, envelope: asked.envelope });
      });

      it('is one run however often it is asked for with the same bytes', async () => {
        await enroll('web');
        const asked = ask('web');
        await backbone.askRun(asked);
        await backbone.changeRun(asked.request.runId, { kind: 'sent', at: NOW });
        const news = fleetNews();
        const again = await backbone.askRun({ ...asked, by: 'bea' });
        assert.equal(again.kind, 'same');
        assert.equal('run' in again && again.run.delivery, 'sent');
        assert.deepEqual(news, []);
        assert.equal((await backbone.runs({ limit: 9 })).length, 1);
      });

      it('is refused with a reason when it must not be', async () => {
        await enroll('web');
        await enroll('db');
        const first = ask('web');
        await backbone.askRun(first);
        const kind = async (asked: Ask) => {
          const result = await backbone.askRun(asked);
          return result.kind === 'refused' ? result.reason.kind : result.kind;
        };
        assert.equal(await kind(ask('web')), 'busy');
        assert.equal(await kind(ask('web', first.request.runId, { rollback: 'never' })), 'other-content');
        assert.equal(await kind(ask('db', first.request.runId)), 'other-content');
        assert.equal(await kind(ask('nobody')), 'unknown-host');
        assert.equal(await kind(ask('db', newRunId(), { expiresAt: NOW })), 'expired');
        assert.equal(await kind(ask('db')), 'new');
      });

      it('cannot be asked for twice at once', async () => {
        await enroll('web');
        const results = await Promise.all([backbone.askRun(ask('web')), backbone.askRun(ask('web'))]);
        assert.deepEqual(results.map(({ kind }) => kind).sort(), ['new', 'refused']);
      });

      it('expires when its time is over, and is given up some time later if the host was told', async () => {
        await enroll('web');
        await enroll('db');
        const waiting = ask('web', newRunId(), { expiresAt: NOW + 10 });
        const sent = ask('db', newRunId(NOW), { expiresAt: NOW + 10 });
        await backbone.askRun(waiting);
        await backbone.askRun(sent);
        await backbone.changeRun(sent.request.runId, { kind: 'sent', at: NOW });
        assert.equal(await backbone.expireQueued(NOW + 9), 0);
        const news = fleetNews();
        assert.equal(await backbone.expireQueued(NOW + 10), 1);
        assert.equal(await backbone.expireQueued(NOW + 10), 0);
        assert.equal((await backbone.run(waiting.request.runId))?.summary.delivery, 'expired');
        assert.equal((await backbone.run(sent.request.runId))?.summary.delivery, 'sent');
        assert.equal(news.length, 1);
        assert.deepEqual(await backbone.liveRuns('web'), []);
        const givenUpAt = NOW + 10 + CONFIRMATION_GRACE;
        assert.equal(await backbone.expireQueued(givenUpAt - 1), 0);
        assert.equal(await backbone.expireQueued(givenUpAt), 1);
        assert.equal(await backbone.expireQueued(givenUpAt), 0);
        assert.equal((await backbone.run(sent.request.runId))?.summary.reason?.kind, UNCONFIRMED);
        assert.deepEqual(await backbone.liveRuns('db'), []);
        assert.equal((await backbone.askRun({ ...ask('db', newRunId(NOW + 1)), at: NOW })).kind, 'new');
        await backbone.changeRun(sent.request.runId, { kind: 'begun' });
        assert.deepEqual(
          (await backbone.liveRuns('db')).map(({ summary }) => summary.delivery),
          ['begun', 'queued'],
        );
      });

      it('changes as it is told, and says what it is then', async () => {
        await enroll('web');
        const asked = ask('web');
        await backbone.askRun(asked);
        const { runId } = asked.request;
        const news = fleetNews();
        assert.equal((await backbone.changeRun(runId, { kind: 'sent', at: NOW }))?.summary.delivery, 'sent');
        const wished = await backbone.changeRun(runId, { kind: 'cancel', at: NOW, by: 'bea' });
        assert.equal(wished?.cancelAskedBy, 'bea');
        assert.equal((await backbone.liveRuns('web'))[0]?.cancelAskedBy, 'bea');
        assert.equal(news.length, 1, 'a wish to cancel shows in no summary');
        assert.equal(await backbone.changeRun(newRunId(), { kind: 'sent', at: NOW }), undefined);
      });

      it('passes on what the host says to a cancel', async () => {
        await enroll('web');
        const asked = ask('web');
        await backbone.askRun(asked);
        const { runId } = asked.request;
        await backbone.changeRun(runId, { kind: 'sent', at: NOW });
        await backbone.changeRun(runId, { kind: 'cancel', at: NOW, by: 'bea' });
        const news = runNews(runId);
        await backbone.answerCancel(runId, { accepted: true, message: 'yes' });
        assert.deepEqual(news, [{ kind: 'cancel-answered', answer: { accepted: true, message: 'yes' } }]);
        assert.equal((await backbone.run(runId))?.cancelAskedBy, undefined);
      });
    });

    describe('runs', () => {
      it('are taken over from a host once', async () => {
        const news = fleetNews();
        const runId = newRunId(NOW);
        const record = await backbone.adoptRun(runId, 'web');
        assert.equal(record.summary.requestedBy, 'unknown');
        assert.equal(record.summary.requestedAt, NOW);
        assert.equal(record.summary.delivery, 'begun');
        assert.equal((await backbone.adoptRun(runId, 'db')).summary.host, 'web', 'the first host keeps it');
        assert.equal(news.length, 1);
      });

      it('are listed newest first, page by page, of one host or of all', async () => {
        const ids = Array.from({ length: 5 }, (_, i) => newRunId(NOW + i));
        for (const [i, id] of ids.entries()) await backbone.adoptRun(id, i % 2 === 0 ? 'web' : 'db');
        const list = async (query: Parameters<Backbone['runs']>[0]) =>
          (await backbone.runs(query)).map((run: RunSummary) => ids.indexOf(run.runId));
        assert.deepEqual(await list({ limit: 9 }), [4, 3, 2, 1, 0]);
        assert.deepEqual(await list({ limit: 2, host: 'web' }), [4, 2]);
        assert.deepEqual(await list({ limit: 2, host: 'web', before: ids[2]! }), [0]);
        assert.deepEqual(await list({ limit: 9, host: 'nobody' }), []);
      });

      it('go when they are too many or too old, with all that is theirs; never a live one', async () => {
        const day = 86_400_000;
        const old = newRunId(NOW - 40 * day);
        const live = newRunId(NOW - 50 * day);
        await backbone.adoptRun(live, 'web');
        await backbone.adoptRun(old, 'web');
        await backbone.appendEvents(old, [ended(1)]);
        await append(backbone, frame(old, START, 'gone soon'));
        const newest = newRunId(NOW);
        await backbone.adoptRun(newest, 'web');
        const fleet = fleetNews();
        const news = runNews(old);
        assert.equal(await backbone.applyRetention(NOW, 'db'), 0);
        assert.equal(await backbone.applyRetention(NOW), 1);
        assert.deepEqual(
          (await backbone.runs({ limit: 9 })).map(({ runId }) => runId),
          [newest, live],
        );
        assert.deepEqual(news, [{ kind: 'removed' }]);
        assert.deepEqual(fleet, [{ kind: 'run-removed', host: 'web', runId: old }]);
        assert.deepEqual(await backbone.readEvents(old, 0, 1000), []);
        assert.deepEqual(await backbone.readFrame(old, 'output', START), { kind: 'unknown-run' });
        assert.deepEqual(await backbone.streams(old), {});
        // the host may offer it again, and then it begins anew
        await backbone.adoptRun(old, 'web');
        assert.deepEqual(await backbone.readFrame(old, 'output', START), { kind: 'none', at: START, ended: false });
      });
    });

    describe('a rollout', () => {
      const question = (hosts: readonly string[], more: Partial<RolloutAsk> = {}): RolloutQuestion => {
        const requests = hosts.map(host => ask(host).envelope);
        const asked = rolloutFor(hosts, { requests, ...more });
        const read = readRequests(asked);
        assert.ok(read.ok);
        return { ask: asked, requests: read.requests, by: 'ana', at: NOW };
      };
      const deliveries = async () =>
        [...(await backbone.runs({ limit: 100 }))]
          .sort((a, b) => a.host.localeCompare(b.host))
          .map(({ host, delivery, held }) => `${host} ${held ? 'held' : delivery}`);
      const come = (host: string) =>
        backbone.claimHost({ host, session: host, agent: AGENT, at: NOW, onCommand: () => undefined });

      beforeEach(async () => {
        for (const host of ['a', 'b', 'c']) await enroll(host);
      });

      it('queues the runs of all its hosts at once, held, and is told of', async () => {
        const news = fleetNews();
        const asked = question(['a', 'b'], { width: 2, stagger: 7 });
        const result = await backbone.askRollout(asked);
        assert.ok(result.kind === 'new');
        const { rolloutId } = asked.ask;
        assert.deepEqual(await deliveries(), ['a held', 'b held']);
        assert.equal((await backbone.run(asked.requests[0]!.runId))?.summary.rollout, rolloutId);
        assert.deepEqual([result.rollout.width, result.rollout.stagger, result.rollout.requestedBy], [2, 7, 'ana']);
        assert.deepEqual(await backbone.rollouts(), [result.rollout]);
        assert.deepEqual(
          news.map(({ kind }) => kind),
          ['run', 'run', 'rollout'],
        );
      });

      it('is one rollout however often it is asked for in the same words, and refused in others', async () => {
        const asked = question(['a', 'b']);
        await backbone.askRollout(asked);
        const again = await backbone.askRollout({ ...asked, by: 'ben' });
        assert.ok(again.kind === 'same' && again.rollout.requestedBy === 'ana');
        const other = await backbone.askRollout({ ...asked, ask: { ...asked.ask, width: 9 } });
        assert.ok(other.kind === 'refused' && other.reason.kind === 'other-content');
        assert.equal((await backbone.runs({ limit: 100 })).length, 2);
      });

      it('leaves out hosts that may not have a run now, and is refused when none is left', async () => {
        await backbone.askRun(ask('a'));
        const asked = question(['a', 'b', 'x']);
        const result = await backbone.askRollout(asked);
        assert.ok(result.kind === 'new');
        const refused = result.refused.map(({ host, reason }) => `${host} ${reason.kind}`);
        assert.deepEqual(refused, ['a busy', 'x unknown-host']);
        assert.equal(result.rollout.counts.waiting, 1);
        assert.deepEqual(await backbone.askRollout(asked), { ...result, kind: 'same' });
        const none = await backbone.askRollout(question(['a', 'x']));
        assert.ok(none.kind === 'refused' && none.reason.kind === 'busy');
      });

      it('gives turns to hosts that are there, and says whom to tell', async () => {
        await come('b');
        await come('c');
        const asked = question(['a', 'b', 'c'], { stagger: 1000, width: 2 });
        await backbone.askRollout(asked);
        const { rolloutId } = asked.ask;
        assert.deepEqual(await backbone.advanceRollout(rolloutId, NOW), { hosts: ['b'], nextAt: NOW + 1000 });
        assert.deepEqual(await deliveries(), ['a held', 'b queued', 'c held']);
        assert.deepEqual(await backbone.advanceRollout(rolloutId, NOW + 1000), { hosts: ['c'] });
        assert.deepEqual((await backbone.rollouts())[0]?.counts, {
          ...{ waiting: 0, offline: 1, running: 2, succeeded: 0, failed: 0, cancelled: 0 },
        });
        assert.deepEqual(await backbone.advanceRollout(rolloutIdSchema.parse(newRunId()), NOW), { hosts: [] });
      });

      it('that holds a run does not let it be sent', async () => {
        const asked = question(['a']);
        await backbone.askRollout(asked);
        const { runId } = asked.requests[0]!;
        const record = await backbone.changeRun(runId, { kind: 'sent', at: NOW });
        assert.equal(record?.summary.delivery, 'queued');
        await come('a');
        await backbone.advanceRollout(asked.ask.rolloutId, NOW);
        assert.equal((await backbone.changeRun(runId, { kind: 'sent', at: NOW }))?.summary.delivery, 'sent');
      });

      it('is stopped once: what has not begun is cancelled, what has goes on', async () => {
        await come('a');
        const asked = question(['a', 'b']);
        const { rolloutId } = asked.ask;
        await backbone.askRollout(asked);
        await backbone.advanceRollout(rolloutId, NOW);
        await backbone.changeRun(asked.requests[0]!.runId, { kind: 'begun' });
        const stopped = await backbone.stopRollout(rolloutId, 'ben', NOW + 1);
        assert.deepEqual(stopped?.stopped, { at: NOW + 1, by: 'ben' });
        assert.deepEqual(await backbone.stopRollout(rolloutId, 'cem', NOW + 2), stopped);
        assert.deepEqual(await deliveries(), ['a begun', 'b cancelled']);
        const ended = { v: 1, seq: 1, at: 1, type: 'ended', outcome: 'succeeded', changed: true, after: {} };
        await backbone.appendEvents(asked.requests[0]!.runId, [ended]);
        await backbone.advanceRollout(rolloutId, NOW + 3);
        assert.equal((await backbone.rollouts())[0]?.endedAt, NOW + 3);
        assert.equal(await backbone.stopRollout(rolloutIdSchema.parse(newRunId()), 'ben', NOW), undefined);
      });

      it('goes with its last run, when it is over', async () => {
        const asked = question(['a', 'b']);
        const { rolloutId } = asked.ask;
        await backbone.askRollout(asked);
        await backbone.stopRollout(rolloutId, 'ana', NOW);
        const news = fleetNews();
        const removeAll = async () => {
          for (const host of ['a', 'b']) await backbone.adoptRun(newRunId(), host);
          await backbone.applyRetention(NOW, undefined, { runs: 1, age: 1 });
        };
        await backbone.applyRetention(NOW);
        assert.equal((await backbone.rollouts()).length, 1);
        await removeAll();
        assert.deepEqual(await backbone.rollouts(), []);
        assert.deepEqual(news.at(-1), { kind: 'rollout-removed', rolloutId });
      });

      it('of which the last ones that are over are listed, behind those that are not', async () => {
        for (let i = 0; i < 12; i++) {
          const asked = question(['a']);
          await backbone.askRollout(asked);
          await backbone.stopRollout(asked.ask.rolloutId, 'ana', NOW);
        }
        await backbone.askRollout(question(['b']));
        const listed = await backbone.rollouts();
        assert.deepEqual([listed.length, listed[0]?.endedAt], [11, undefined]);
      });
    });

    describe('events', () => {
      it('are kept in order, told of, and add up to the summary', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        const news = runNews(runId);
        const events = [event(1, { type: 'phase', phase: 'pulling' }), event(2, { type: 'from-the-future', x: [1] })];
        assert.deepEqual(await backbone.appendEvents(runId, events), { kind: 'stored', seq: 2 });
        assert.deepEqual(await backbone.appendEvents(runId, [events[1]!, ended(3)]), { kind: 'stored', seq: 3 });
        const stored = await backbone.readEvents(runId, 0, 1e6);
        assert.deepEqual(
          stored.map(({ json }) => JSON.parse(json) as unknown),
          [...events, ended(3)],
        );
        assert.deepEqual(
          news.map(item => item.kind === 'events' && item.events.map(({ seq }) => seq)),
          [[1, 2], [3]],
        );
        const summary = (await backbone.run(runId))?.summary;
        assert.equal(summary?.seq, 3);
        assert.equal(summary.phase, 'pulling');
        assert.equal(summary.outcome, 'succeeded');
        assert.deepEqual(await backbone.liveRuns('web'), []);
      });

      it('that are there already change nothing', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        await backbone.appendEvents(runId, [event(1), event(2)]);
        const news = runNews(runId);
        const fleet = fleetNews();
        assert.deepEqual(await backbone.appendEvents(runId, [event(1, { type: 'other' }), event(2)]), {
          kind: 'stored',
          seq: 2,
        });
        assert.deepEqual([news, fleet], [[], []]);
        assert.match((await backbone.readEvents(runId, 0, 1))[0]?.json ?? '', /"type":"note"/);
      });

      it('behind a gap are left out, and it says up to where they are there', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        assert.deepEqual(await backbone.appendEvents(runId, [event(2)]), { kind: 'gap', seq: 0 });
        assert.deepEqual(await backbone.appendEvents(runId, [event(1), event(2), event(4)]), { kind: 'gap', seq: 2 });
        assert.equal((await backbone.readEvents(runId, 0, 1e6)).length, 2);
      });

      it('of a run that is not known are nobody’s', async () => {
        assert.deepEqual(await backbone.appendEvents(newRunId(), [event(1)]), { kind: 'unknown-run' });
        assert.deepEqual(await backbone.readEvents(newRunId(), 0, 10), []);
      });

      it('come in pages of bounded size, one event at least', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        const text = 'x'.repeat(1000);
        await backbone.appendEvents(runId, [event(1, { type: 'note', text }), event(2, { type: 'note', text })]);
        assert.equal((await backbone.readEvents(runId, 0, 10)).length, 1);
        assert.equal((await backbone.readEvents(runId, 0, 1e6)).length, 2);
        assert.deepEqual(
          (await backbone.readEvents(runId, 1, 10)).map(({ seq }) => seq),
          [2],
        );
      });
    });

    describe('streams', () => {
      const readAll = async (runId: RunId, stream: StreamName = 'output', from: Position = START) => {
        let bytes = Buffer.alloc(0);
        let at = from;
        for (;;) {
          const read = await backbone.readFrame(runId, stream, at);
          if (read.kind !== 'frame') return { bytes, last: read };
          const decoded = decodeFrame(read.data);
          assert.ok(decoded.ok);
          const plan = planChunk(at, decoded.frame.at, decoded.frame.bytes.length);
          assert.equal(plan.kind, 'append');
          bytes = Buffer.concat([bytes, decoded.frame.bytes]);
          at = read.next;
        }
      };

      it('are read back as they were written, with their times, from any position', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        assert.deepEqual(await append(backbone, frame(runId, START, 'abc', { time: 5 })), { kind: 'appended' });
        await append(backbone, frame(runId, { epoch: 0, offset: 3 }, 'defg', { time: 60_000 }));
        const first = await backbone.readFrame(runId, 'output', START);
        assert.ok(first.kind === 'frame');
        const decoded = decodeFrame(first.data);
        assert.ok(decoded.ok);
        assert.equal(decoded.frame.time, 5);
        assert.equal(Buffer.from(decoded.frame.bytes).toString(), 'abc');
        assert.deepEqual(first.next, { epoch: 0, offset: 3 });
        const second = await backbone.readFrame(runId, 'output', { epoch: 0, offset: 4 });
        assert.ok(second.kind === 'frame');
        const rest = decodeFrame(second.data);
        assert.ok(rest.ok);
        assert.equal(rest.frame.time, 60_000);
        assert.equal(Buffer.from(rest.frame.bytes).toString(), 'efg');
        assert.deepEqual((await readAll(runId)).last, { kind: 'none', at: { epoch: 0, offset: 7 }, ended: false });
        assert.deepEqual(await backbone.streams(runId), {
          output: { epochs: [{ epoch: 0, offset: 0 }], size: 7, ended: false },
        });
      });

      it('know what is a duplicate, what overlaps, and what lies behind a gap', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        await append(backbone, frame(runId, START, 'abcd'));
        const news = runNews(runId);
        assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 1 }, 'bc')), { kind: 'duplicate' });
        assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 5 }, 'f')), {
          kind: 'gap',
          have: { epoch: 0, offset: 4 },
        });
        assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 2 }, 'cdef')), { kind: 'appended' });
        assert.equal(news.length, 1);
        assert.ok(news[0]?.kind === 'frame');
        const told = decodeFrame(news[0].data);
        assert.ok(told.ok);
        assert.deepEqual(told.frame.at, { epoch: 0, offset: 4 });
        assert.equal(Buffer.from(told.frame.bytes).toString(), 'ef');
        assert.equal((await readAll(runId)).bytes.toString(), 'abcdef');
      });

      it('pass a frame on as it came when it can be', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        const news = runNews(runId);
        const data = encodeFrame(frame(runId, START, 'abcd'));
        const decoded = decodeFrame(data);
        assert.ok(decoded.ok);
        await backbone.appendFrame(decoded.frame, data);
        assert.ok(news[0]?.kind === 'frame');
        assert.equal(news[0].data, data);
        assert.deepEqual([news[0].at, news[0].next, news[0].end], [START, { epoch: 0, offset: 4 }, false]);
      });

      it('end once, with bytes or without', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        const news = runNews(runId);
        await append(backbone, frame(runId, START, 'abc'));
        await append(backbone, frame(runId, { epoch: 0, offset: 3 }, '', { end: true }));
        assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 3 }, '', { end: true })), {
          kind: 'duplicate',
        });
        assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 3 }, 'more')), { kind: 'duplicate' });
        await append(backbone, frame(runId, START, '', { end: true, stream: 'lock-after' }));
        assert.deepEqual(
          news.map(item => item.kind === 'frame' && item.end),
          [false, true, true],
        );
        const read = await backbone.readFrame(runId, 'output', START);
        assert.ok(read.kind === 'frame' && read.end);
        assert.deepEqual(await backbone.readFrame(runId, 'lock-after', START), {
          kind: 'none',
          at: START,
          ended: true,
        });
        assert.equal((await backbone.streams(runId))['lock-after']?.ended, true);
      });

      it('are cut back by a newer epoch, and lead every reader to the bytes of the host', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        await append(backbone, frame(runId, START, 'abcdefgh', { time: 1 }));
        await append(backbone, frame(runId, { epoch: 2, offset: 5 }, 'XYZ!', { time: 9_000 }));
        assert.deepEqual(await backbone.streams(runId), {
          output: {
            epochs: [
              { epoch: 0, offset: 0 },
              { epoch: 2, offset: 5 },
            ],
            size: 9,
            ended: false,
          },
        });
        assert.equal((await readAll(runId)).bytes.toString(), 'abcdeXYZ!');
        const ahead = await backbone.readFrame(runId, 'output', { epoch: 0, offset: 8 });
        assert.ok(ahead.kind === 'frame');
        const decoded = decodeFrame(ahead.data);
        assert.ok(decoded.ok);
        assert.deepEqual(decoded.frame.at, { epoch: 2, offset: 5 });
        assert.equal(decoded.frame.time, 9_000);
        assert.deepEqual(await append(backbone, frame(runId, { epoch: 0, offset: 9 }, 'old')), { kind: 'duplicate' });
      });

      it('of a run that is not known are nobody’s', async () => {
        const runId = newRunId();
        assert.deepEqual(await append(backbone, frame(runId, START, 'abc')), { kind: 'unknown-run' });
        assert.deepEqual(await backbone.readFrame(runId, 'output', START), { kind: 'unknown-run' });
        assert.deepEqual(await backbone.streams(runId), {});
      });

      it('keep the order of frames that nobody waited for', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        const frames = Array.from({ length: 500 }, (_, i) =>
          frame(runId, { epoch: 0, offset: i * 4 }, `${i}`.padStart(4)),
        );
        const results = await Promise.all(frames.map(item => append(backbone, item)));
        assert.ok(results.every(({ kind }) => kind === 'appended'));
        const expected = frames.map(item => Buffer.from(item.bytes).toString()).join('');
        assert.equal((await readAll(runId)).bytes.toString(), expected);
      });

      it('lead readers who come and go at any time to the bytes of the host, whatever happens to it', async () => {
        await fc.assert(
          fc.asyncProperty(scenario, async steps => {
            const run = new HostRun(newRunId());
            await backbone.adoptRun(run.runId, 'web');
            const readers: { at: Position; bytes: Buffer }[] = [];
            const sendAll = async (size: number) => {
              const have = (await backbone.streams(run.runId)).output;
              const last = have?.epochs.at(-1);
              let at = run.from({ epoch: last?.epoch ?? 0, offset: have?.size ?? 0 }, 'output');
              for (;;) {
                const next = run.frameAt(at, 'output', size);
                if (next.bytes.length === 0) return;
                assert.equal((await append(backbone, next)).kind, 'appended');
                at = { epoch: at.epoch, offset: at.offset + next.bytes.length };
              }
            };
            const readOn = async (reader: { at: Position; bytes: Buffer }, frames: number) => {
              for (let i = 0; i < frames; i++) {
                const read = await backbone.readFrame(run.runId, 'output', reader.at);
                if (read.kind !== 'frame') return;
                const decoded = decodeFrame(read.data);
                assert.ok(decoded.ok);
                const plan = planChunk(reader.at, decoded.frame.at, decoded.frame.bytes.length);
                assert.equal(plan.kind, 'append');
                const kept = plan.cutTo === undefined ? reader.bytes : reader.bytes.subarray(0, plan.cutTo);
                reader.bytes = Buffer.concat([kept, decoded.frame.bytes.subarray(plan.skip)]);
                reader.at = plan.next;
              }
            };
            for (const step of steps) {
              if (step.kind === 'write') run.write(Buffer.from(step.bytes));
              else if (step.kind === 'lose') run.losePower(Math.floor(run.bytes().length * step.keep));
              else if (step.kind === 'send') await sendAll(step.size);
              else if (step.kind === 'reader') readers.push({ at: START, bytes: Buffer.alloc(0) });
              else for (const reader of readers) await readOn(reader, step.frames);
            }
            run.write('the end');
            await sendAll(100);
            readers.push({ at: START, bytes: Buffer.alloc(0) });
            for (const reader of readers) {
              await readOn(reader, Infinity);
              assert.deepEqual(reader.bytes.toString('hex'), run.bytes().toString('hex'));
              assert.equal(reader.at.offset, run.bytes().length);
            }
          }),
          { numRuns: 60 },
        );
      });
    });

    describe('watchers', () => {
      it('are told nothing any more when they stopped watching, also in the middle of being told', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        let told = 0;
        const unwatch = backbone.watchRun(runId, () => {
          told++;
          unwatch();
        });
        const other = runNews(runId);
        await backbone.appendEvents(runId, [event(1)]);
        await backbone.appendEvents(runId, [event(2)]);
        assert.equal(told, 1);
        assert.equal(other.length, 2);
      });

      it('are told how far a build is, whatever the run, and nothing of it is kept', async () => {
        const runId = newRunId();
        const progress = { builds: { done: 1, total: 5 }, now: [], more: 0 };
        const told: FleetChange[] = [];
        const unwatch = backbone.watchFleet(change => told.push(change));
        await backbone.tellProgress('web', runId, progress);
        unwatch();
        assert.deepEqual(told, [{ kind: 'progress', host: 'web', runId, progress }]);
        assert.equal(await backbone.run(runId), undefined);
      });

      it('can read what they are told of', async () => {
        const runId = newRunId();
        await backbone.adoptRun(runId, 'web');
        const reads: Promise<unknown>[] = [];
        backbone.watchRun(runId, news => {
          if (news.kind === 'events') reads.push(backbone.readEvents(runId, 0, 1e6).then(events => events.length));
          if (news.kind === 'frame')
            reads.push(
              backbone.readFrame(runId, 'output', START).then(read => read.kind === 'frame' && read.next.offset),
            );
        });
        await backbone.appendEvents(runId, [event(1)]);
        await append(backbone, frame(runId, START, 'abc'));
        assert.deepEqual(await Promise.all(reads), [1, 3]);
      });
    });

    it('keeps who did what, newest first', async () => {
      await backbone.audit({ at: NOW, who: 'operator ana', action: 'update-agent', subject: 'web', detail: 'x' });
      await backbone.audit({ at: NOW + 1, who: 'command line', action: 'revoke', subject: 'host web' });
      assert.deepEqual(await backbone.readAudit(5), [
        { at: NOW + 1, who: 'command line', action: 'revoke', subject: 'host web' },
        { at: NOW, who: 'operator ana', action: 'update-agent', subject: 'web', detail: 'x' },
      ]);
      assert.equal((await backbone.readAudit(1)).length, 1);
    });

    it('says that it is well', async () => {
      await backbone.check();
    });
  });
}

const scenario = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('write' as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('lose' as const), keep: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('send' as const), size: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reader' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), frames: fc.integer({ min: 1, max: 4 }) }) },
  ),
  { maxLength: 30 },
);

function event(seq: number, more: { type: string } & Record<string, unknown> = { type: 'note' }): AnyRunEvent {
  return { v: 1, seq, at: 1000 + seq, ...more };
}

function ended(seq: number): AnyRunEvent {
  return event(seq, { type: 'ended', outcome: 'succeeded', changed: false, after: {} });
}

function frame(
  runId: RunId,
  at: Position,
  text: string,
  { stream = 'output', time = 0, end = false }: Partial<Pick<OutputFrame, 'stream' | 'time' | 'end'>> = {},
): OutputFrame {
  return { runId, stream, at, time, end, bytes: Buffer.from(text) };
}

function append(backbone: Backbone, item: OutputFrame): Promise<AppendResult> {
  return backbone.appendFrame(item, encodeFrame(item));
}
