import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Rollout } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { aRollout, NO_COUNTS, NOW, runId } from '../fleet/samples.ts';
import { presentRollout, rolloutText, waitsForHosts } from './rollout-words.ts';

const of = (counts: Partial<Rollout['counts']>, part: Partial<Rollout> = {}): Rollout =>
  aRollout({ counts: { ...NO_COUNTS, ...counts }, ...part });
const failed = (...hosts: string[]) => hosts.map((host, index) => ({ host, runId: runId(index + 1) }));
const says = (rollout: Rollout) => rolloutText(rollout, ENGLISH);

describe('the row of a rollout', () => {
  it('says how many hosts there are and how far they are, and nothing of what there is none of', () => {
    const row = presentRollout(of({ succeeded: 3, running: 2, failed: 1, waiting: 6 }), false, ENGLISH);
    assert.equal(row.label, 'Updating 12 hosts');
    assert.equal(row.description, '1 failed · 3 done · 2 running · 6 waiting');
    assert.equal(row.accessibleLabel, 'Updating 12 hosts, 1 failed · 3 done · 2 running · 6 waiting');
    assert.equal(row.icon.id, 'sync~spin');
    assert.match(row.tooltip, /bbbbbbb\nAsked for by ana\n5 at a time; stops after 3 failures/);
    assert.equal(presentRollout(of({ waiting: 1 }), false, ENGLISH).label, 'Updating 1 host');
  });

  it('does not spin while nobody is at work, nor while the link is down', () => {
    assert.equal(presentRollout(of({ succeeded: 3, offline: 1 }), false, ENGLISH).icon.id, 'watch');
    const stale = presentRollout(aRollout(), true, ENGLISH);
    assert.equal(stale.icon.id, 'sync');
    assert.match(stale.accessibleLabel, /last known/);
  });

  it('offers to stop it once, and to look at what failed', () => {
    assert.equal(presentRollout(aRollout(), false, ENGLISH).contextValue, ';rollout;stoppable;');
    const stopped = of({ running: 1, failed: 1, cancelled: 2 }, { stopped: { at: NOW }, failed: failed('web') });
    const row = presentRollout(stopped, false, ENGLISH);
    assert.equal(row.contextValue, ';rollout;failures;');
    assert.equal(`${row.label} ${row.description}`, 'Rollout stopped 1 failed · 1 running · 2 cancelled');
  });
});

describe('how a rollout went, in words', () => {
  it('counts and names what failed', () => {
    assert.deepEqual(says(of({ succeeded: 2 })), { severity: 'info', text: '2 of 2 hosts updated.' });
    const one = of({ succeeded: 11, failed: 1 }, { failed: failed('web') });
    assert.deepEqual(says(one), { severity: 'error', text: '11 of 12 hosts updated, 1 failed: web.' });
    const many = of({ succeeded: 1, failed: 8 }, { failed: failed('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h') });
    assert.equal(says(many).text, '1 of 9 hosts updated, 8 failed: a, b, c, d, e and 3 more.');
  });

  it('says what was left out: hosts that are offline, and what was cancelled', () => {
    assert.equal(says(of({ succeeded: 1, offline: 2 })).text, '1 of 3 hosts updated, 2 waiting for their host.');
    assert.equal(says(of({ succeeded: 1, cancelled: 2 })).text, '1 of 3 hosts updated, 2 cancelled.');
  });

  it('says who stopped it', () => {
    const counts = { succeeded: 1, failed: 3, cancelled: 4 };
    const alone = of(counts, { stopped: { at: NOW }, failed: failed('a', 'b', 'c') });
    assert.match(
      says(alone).text,
      /^The rollout was stopped after 3 failures\. 1 of 8 hosts updated, 3 failed: a, b, c, /,
    );
    const ben = of({ succeeded: 1, cancelled: 1 }, { stopped: { at: NOW, by: 'ben' } });
    assert.deepEqual(says(ben), {
      severity: 'info',
      text: 'The rollout was stopped by ben. 1 of 2 hosts updated, 1 cancelled.',
    });
  });
});

describe('a rollout', () => {
  it('waits for hosts when only such are left that are offline', () => {
    assert.equal(waitsForHosts(of({ succeeded: 1, offline: 1 })), true);
    assert.equal(waitsForHosts(of({ running: 1, offline: 1 })), false);
    assert.equal(waitsForHosts(of({ succeeded: 1 }, { endedAt: NOW })), false);
  });
});
