import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { foldRun } from '../../protocol/index.ts';
import type { LockView } from '../../protocol/panel.ts';
import { ENGLISH } from '../base/locale.ts';
import { lockView } from './lock-view.ts';
import { SCENARIOS, type Scenario } from './preview/scenarios.ts';
import { RUN_ID, Story } from './preview/story.ts';

function viewOf({ story, lockBefore, lockAfter, gone = false }: Partial<Scenario> & { story: Story }): LockView {
  const run = { runId: RUN_ID, host: 'web-01', summary: story.summary(), state: foldRun(story.events) };
  return lockView(
    {
      ...run,
      lockBefore,
      lockAfter,
      gone,
      problem: undefined,
      places: [],
      hasNixcfg: false,
      online: true,
      outage: undefined,
      clockAhead: 0,
    },
    ENGLISH,
  );
}

const scenario = (name: string): Scenario => SCENARIOS[name]!();

describe('the inline diff of the lock', () => {
  it('names each input with its revisions, dates and the page that compares them', () => {
    const view = viewOf(scenario('succeeded'));
    assert.ok(view.kind === 'changed');
    assert.equal(view.text, '1 input changed');
    const [row] = view.rows;
    assert.deepEqual([row?.input, row?.before?.text, row?.after?.text], ['nixfleet', '3b1f6a2', 'a94c02e']);
    assert.equal(row?.after?.date, 1_780_400_000_000);
    assert.match(row.link ?? '', /^https:\/\/github\.com\/nixfleet\/nixfleet\/compare\//);
  });

  it('says that a lock was put back when the run did not keep it', () => {
    for (const name of ['failed-build', 'rolled-back', 'cancelled']) {
      assert.equal((viewOf(scenario(name)) as { text: string }).text, '1 input changed, then put back', name);
    }
  });

  it('has added and removed inputs', () => {
    const { lockBefore, lockAfter, story } = scenario('many-inputs');
    const added = viewOf({ story, lockBefore: lockBefore!, lockAfter: lockAfter! });
    assert.ok(added.kind === 'changed');
    assert.equal(added.rows.length, 21);
    assert.equal(added.rows.filter(row => row.change === 'added' && row.before === null).length, 1);
    const removed = viewOf({ story, lockBefore: lockAfter!, lockAfter: lockBefore! });
    assert.ok(removed.kind === 'changed' && removed.rows.some(row => row.change === 'removed' && row.after === null));
  });

  it('takes an empty lock for one without inputs', () => {
    const { lockAfter, story } = scenario('succeeded');
    const view = viewOf({ story, lockBefore: '', lockAfter: lockAfter! });
    assert.ok(view.kind === 'changed' && view.rows.every(row => row.change === 'added'));
  });

  it('says that nothing changed', () => {
    assert.equal(viewOf(scenario('unchanged')).kind, 'unchanged');
    const { lockBefore, story } = scenario('succeeded');
    const view = viewOf({ story, lockBefore: lockBefore!, lockAfter: lockBefore!.replaceAll('  ', ' ') });
    assert.match((view as { text: string }).text, /no input changed/);
  });

  it('says what is wrong with a lock, and where', () => {
    const view = viewOf(scenario('broken-lock'));
    assert.equal(view.kind, 'broken');
    assert.match(
      (view as { text: string }).text,
      /^The lock after the update cannot be read \(line \d+, column \d+\): /,
    );
  });

  it('takes the runner’s word until the files are here', () => {
    const { story } = scenario('building');
    const view = viewOf({ story });
    assert.ok(view.kind === 'changed');
    assert.deepEqual([view.rows[0]?.input, view.rows[0]?.after?.text], ['nixfleet', 'a94c02e']);
    assert.equal(viewOf({ story: new Story().begin().pull([]).lock(false) }).kind, 'unchanged');
  });

  it('says why there is none', () => {
    const text = (view: LockView): string => (view as { text: string }).text;
    assert.match(text(viewOf({ story: new Story().begin() })), /not come to the lock yet/);
    assert.match(text(viewOf({ story: new Story().begin().end('failed') })), /ended before it had a new lock/);
    assert.match(text(viewOf({ story: new Story().begin().end('failed'), gone: true })), /not kept any more/);
  });

  it('has no links but https', () => {
    const { lockBefore, lockAfter, story } = scenario('succeeded');
    const evil = (lock: string): string =>
      lock.replaceAll('"github"', '"git"').replaceAll('"repo": "nixfleet"', '"url": "javascript:alert(1)"');
    const view = viewOf({ story, lockBefore: evil(lockBefore!), lockAfter: evil(lockAfter!) });
    assert.ok(view.kind !== 'changed' || view.rows.every(row => row.link === null));
  });
});
