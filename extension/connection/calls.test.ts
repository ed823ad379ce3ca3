import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { runIdSchema, type OperatorMessage, type ToOperatorMessage } from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import { ENGLISH } from '../base/locale.ts';
import { Calls, type CallResult } from './calls.ts';
import { SIGNED_OUT, type ConnectionState } from './state.ts';

const RUN = runIdSchema.parse('01J00000000000000000000001');
const ONLINE: ConnectionState = {
  kind: 'online',
  socket: 1,
  attempt: 0,
  since: 0,
  checkAt: 1,
  relay: { protocol: 1, version: '1', operator: 'ana' },
};
const LOST: ConnectionState = {
  kind: 'reconnecting',
  socket: 1,
  attempt: 1,
  until: 1,
  why: { kind: 'lost', code: 1006 },
  downSince: 0,
};
const REFUSED: ConnectionState = { kind: 'refused', socket: 1, why: { kind: 'token-revoked' }, downSince: 0 };

/** A link that a test moves. */
class FakeLink {
  readonly messages = new Emitter<ToOperatorMessage>();
  readonly states = new Emitter<ConnectionState>();
  readonly said: OperatorMessage[] = [];
  isOnline = false;
  readonly onMessage = this.messages.event;
  readonly onDidChangeState = this.states.event;

  send(message: OperatorMessage): boolean {
    if (this.isOnline) this.said.push(message);
    return this.isOnline;
  }

  move(state: ConnectionState): void {
    this.isOnline = state.kind === 'online';
    this.states.fire(state);
  }

  get lastId(): number {
    const last = this.said.at(-1);
    assert.ok(last && 'id' in last);
    return last.id;
  }

  reply(part: Partial<Extract<ToOperatorMessage, { type: 'reply' }>> = {}): void {
    this.messages.fire({ type: 'reply', id: this.lastId, ok: true, ...part });
  }
}

function setUp(): { link: FakeLink; calls: Calls } {
  const link = new FakeLink();
  return { link, calls: new Calls(link, ENGLISH) };
}

const kindOf = (result: CallResult): string => (result.ok ? 'ok' : result.reason.kind);

describe('a question to the relay', () => {
  it('gets its own reply, whatever the order', async () => {
    const { link, calls } = setUp();
    link.move(ONLINE);
    const first = calls.ask({ type: 'refresh', host: 'a' });
    const firstId = link.lastId;
    const second = calls.ask({ type: 'refresh', host: 'b' });
    link.reply({ message: 'for b' });
    link.reply({ id: firstId, ok: false, error: { kind: 'offline', message: 'a is offline' } });
    link.reply({ id: 999 });
    assert.equal(kindOf(await first), 'offline');
    const reply = await second;
    assert.equal(reply.ok && reply.reply.message, 'for b');
  });

  it('is not asked without a link', async () => {
    const { calls } = setUp();
    assert.equal(kindOf(await calls.ask({ type: 'refresh', host: 'a' })), 'disconnected');
  });

  it('ends when the link is lost before the reply', async () => {
    const { link, calls } = setUp();
    link.move(ONLINE);
    const asked = calls.ask({ type: 'refresh', host: 'a' });
    link.move(LOST);
    assert.equal(kindOf(await asked), 'disconnected');
    link.move(ONLINE);
    assert.equal(link.said.length, 1, 'and is not asked again');
  });
});

describe('a request that is kept up', () => {
  it('is said again in the same words on every link until there is a reply', async () => {
    const { link, calls } = setUp();
    const asked = calls.insist({ type: 'cancel', runId: RUN });
    assert.equal(link.said.length, 0);
    for (let i = 0; i < 3; i++) {
      link.move(ONLINE);
      link.move(LOST);
    }
    link.move(ONLINE);
    assert.equal(link.said.length, 4);
    assert.equal(new Set(link.said.map(message => JSON.stringify(message))).size, 1);
    link.reply();
    assert.equal(kindOf(await asked), 'ok');
    link.move(LOST);
    link.move(ONLINE);
    assert.equal(link.said.length, 4);
  });

  it('is given up when the person signs out or is refused', async () => {
    for (const end of [SIGNED_OUT, REFUSED]) {
      const { link, calls } = setUp();
      link.move(ONLINE);
      const asked = calls.insist({ type: 'cancel', runId: RUN });
      link.move(end);
      assert.equal(kindOf(await asked), 'disconnected');
    }
  });

  it('is given up at the end', async () => {
    const { link, calls } = setUp();
    const asked = calls.insist({ type: 'cancel', runId: RUN });
    calls.dispose();
    assert.equal(kindOf(await asked), 'disconnected');
    assert.equal(kindOf(await calls.insist({ type: 'cancel', runId: RUN })), 'disconnected');
    assert.equal(link.messages.listenerCount + link.states.listenerCount, 0);
  });
});
