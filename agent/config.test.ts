import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { agentConfigSchema } from './config.ts';

describe('the agent’s configuration', () => {
  const taken = (deadlines: Readonly<Record<string, number>>): boolean =>
    agentConfigSchema.safeParse({ host: 'web1', relayUrl: 'wss://relay', tokenFile: '/token', deadlines }).success;

  it('takes no deadline that a timer of Node would take for none', () => {
    assert.ok(taken({ building: 7 * 86_400_000 }));
    for (const building of [2 ** 31, 7 * 86_400_000 + 1, 0, 0.5]) assert.ok(!taken({ building }), String(building));
    assert.ok(!taken({ settling: 2 ** 31 }));
  });
});
