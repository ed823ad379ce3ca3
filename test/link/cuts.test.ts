import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { cutAgainAndAgain } from './cuts.ts';

describe('output that is cut off on its way', function () {
  this.timeout(180_000);

  it('is at every viewer to the byte after ten cuts of relay and connections', async () => {
    const { cuts } = await cutAgainAndAgain({ cuts: 10, lines: 20_000, viewers: 2, seed: 1 });
    assert.equal(new Set(cuts.map(({ kind }) => kind)).size, 4, 'each kind of cut');
  });
});
