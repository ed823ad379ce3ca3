import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import type { AgentMessage, RunOnHost } from '../../protocol/index.ts';
import { newRunId } from '../testing/agent-rig.ts';
import { until } from '../testing/temporary.ts';
import { AgentSession, type AgentServices } from './session.ts';

describe('a session with the relay', () => {
  const run = (runId = newRunId()): RunOnHost => ({ runId, seq: 1, ended: false, streams: {} });

  function sessionWith(runs: object): { session: AgentSession; said: AgentMessage[] } {
    const said: AgentMessage[] = [];
    const session = new AgentSession(
      {
        welcome: { type: 'welcome', protocol: 1, relayVersion: '1.0.0' },
        send: message => said.push(message),
        sendRaw: () => undefined,
        bufferedAmount: 0,
        progressed: () => undefined,
      },
      {
        stateDir: '/nonexistent',
        runs,
        intake: { isStarting: () => false },
        log: pino({ level: 'silent' }),
        status: () => undefined,
        refreshStatus: () => undefined,
      } as unknown as AgentServices,
    );
    return { session, said };
  }

  it('tells all runs before one that has just appeared: the relay takes the first list for the whole', async () => {
    const [old, fresh] = [run(), run()];
    const all = Promise.withResolvers<RunOnHost[]>();
    const { session, said } = sessionWith({
      describeAll: () => all.promise,
      describe: () => Promise.resolve(fresh),
    });
    session.announce(fresh.runId);
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(said, []);
    all.resolve([old]);
    await until('both messages', () => said.length === 2);
    assert.deepEqual(said, [
      { type: 'runs', runs: [old] },
      { type: 'runs', runs: [fresh] },
    ]);
    session.end();
  });

  it('tells all runs before it answers a cancel: by the list the relay ends a run that never came here', async () => {
    const all = Promise.withResolvers<RunOnHost[]>();
    const { session, said } = sessionWith({ describeAll: () => all.promise, find: () => Promise.resolve(undefined) });
    session.receive({ type: 'cancel', runId: newRunId(), by: 'ana' });
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(said, []);
    all.resolve([]);
    await until('both messages', () => said.length === 2);
    assert.deepEqual(
      said.map(({ type }) => type),
      ['runs', 'cancel-result'],
    );
    session.end();
  });

  it('follows nothing for a link that was lost while the run was looked for', async () => {
    const found = Promise.withResolvers<RunOnHost>();
    const { session } = sessionWith({ describeAll: () => Promise.resolve([]), find: () => found.promise });
    const turn = () => new Promise(resolve => setImmediate(resolve));
    await turn(); // mocha's own timer is there from now on
    const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
    const before = timers();
    const { runId, seq } = run();
    session.receive({ type: 'resume', runId, afterSeq: 0, streams: {} });
    session.end();
    found.resolve({ runId, seq, ended: false, streams: {} });
    await turn();
    assert.equal(timers(), before);
  });
});
