import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { rolloutIdSchema, type ToOperatorMessage } from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import { SIGNED_OUT, type ConnectionState } from '../connection/state.ts';
import { aRollout, NOW, runId } from '../fleet/samples.ts';
import { RolloutStore } from './rollout-store.ts';

const FIRST = aRollout();
const SECOND = aRollout({ rolloutId: rolloutIdSchema.parse(runId(2)) });

class FakeLink {
  readonly messages = new Emitter<ToOperatorMessage>();
  readonly states = new Emitter<ConnectionState>();
  readonly onMessage = this.messages.event;
  readonly onDidChangeState = this.states.event;
  url: string | undefined;

  welcome(features?: string[]): void {
    const welcome = { type: 'welcome', protocol: 1, relayVersion: '1', operator: 'ana', now: NOW } as const;
    this.messages.fire({ ...welcome, ...(features && { features }) });
  }

  connect(url: string): void {
    this.url = url;
    this.states.fire(SIGNED_OUT);
  }
}

function setUp() {
  const link = new FakeLink();
  link.connect('wss://a');
  const store = new RolloutStore(link);
  const seen: number[] = [];
  store.onDidChange(() => seen.push(store.all.length));
  link.connect('wss://a');
  return { link, store, seen, ids: () => store.all.map(({ rolloutId }) => rolloutId) };
}

describe('the rollouts of a relay', () => {
  it('are those that it tells of, newest first; those that are over are not live', () => {
    const { link, store, ids, seen } = setUp();
    link.messages.fire({ type: 'rollouts', rollouts: [FIRST] });
    link.messages.fire({ type: 'rollout', rollout: SECOND });
    assert.deepEqual(ids(), [SECOND.rolloutId, FIRST.rolloutId]);
    link.messages.fire({ type: 'reply', id: 1, ok: true, rollout: { ...SECOND, endedAt: NOW } });
    assert.deepEqual(store.live, [FIRST]);
    assert.deepEqual(seen, [1, 2, 2]);
    link.messages.fire({ type: 'rollouts', rollouts: [SECOND] });
    assert.deepEqual(ids(), [SECOND.rolloutId], 'what it does not tell of any more is gone');
  });

  it('stay while the link is down, and go with another relay', () => {
    const { link, ids } = setUp();
    link.messages.fire({ type: 'rollouts', rollouts: [FIRST] });
    link.connect('wss://a');
    assert.equal(ids().length, 1);
    link.connect('wss://b');
    assert.deepEqual(ids(), []);
  });

  it('are none of a relay that does not know them', () => {
    const { link, store, ids } = setUp();
    assert.equal(store.isSupported, false);
    link.welcome(['rollouts', 'novel']);
    link.messages.fire({ type: 'rollouts', rollouts: [FIRST] });
    assert.equal(store.isSupported, true);
    link.welcome();
    assert.equal(store.isSupported, false);
    assert.deepEqual(ids(), []);
  });
});
