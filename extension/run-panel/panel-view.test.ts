import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { foldRun, type Outcome, type RunSummary } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { panelView } from './panel-view.ts';
import { SCENARIOS } from './preview/scenarios.ts';
import { AGENT_BEFORE, BEFORE, BEGUN_AT, RUN_ID, Story } from './preview/story.ts';
import type { RunSource } from './run-source.ts';

function sourceOf(story: Story, more: Partial<RunSource> & { summaryWith?: Partial<RunSummary> } = {}): RunSource {
  const { summaryWith, ...rest } = more;
  return {
    runId: RUN_ID,
    host: 'web-01',
    summary: story.summary(summaryWith),
    state: foldRun(story.events),
    lockBefore: undefined,
    lockAfter: undefined,
    gone: false,
    problem: undefined,
    places: [],
    hasNixcfg: false,
    online: true,
    outage: undefined,
    clockAhead: 0,
    ...rest,
  };
}

const viewOf = (...args: Parameters<typeof sourceOf>): ReturnType<typeof panelView> =>
  panelView(sourceOf(...args), ENGLISH);
const marksOf = (...args: Parameters<typeof sourceOf>): string[] => viewOf(...args).stepper.map(step => step.mark);

const updated = (): Story =>
  new Story().begin().pull(['a']).lock().build().built().activate().confirm().commit().end('succeeded');

describe('what the panel says about a run', () => {
  it('that waits: for whom, and whether that one is there', () => {
    assert.equal(viewOf(new Story()).header.title, 'Queued');
    const offline = viewOf(new Story(), { online: false }).header;
    assert.equal(offline.title, 'Queued · host offline');
    assert.match(offline.detail, /web-01 is offline\. The update begins when it comes back\./);
    const held = viewOf(new Story(), { summaryWith: { held: true } }).header;
    assert.equal(held.title, 'Queued · waits its turn');
    assert.match(viewOf(new Story(), { summaryWith: { delivery: 'sent' } }).header.detail, /has not begun yet/);
  });

  it('says until when it was heard of, while it goes on and nothing is', () => {
    const outage = { why: 'The relay refused.', since: 5 };
    assert.equal(viewOf(new Story().begin(), { outage }).header.lastKnownAt, 5);
    assert.equal(viewOf(new Story().begin()).header.lastKnownAt, null);
    assert.equal(viewOf(updated(), { outage }).header.lastKnownAt, null, 'what is over is known');
  });

  it('that nobody has told of yet', () => {
    const view = viewOf(new Story(), { summary: undefined, host: RUN_ID });
    assert.equal(view.header.title, 'Queued');
    assert.equal(view.header.asked, null);
    assert.deepEqual(view.actions, ['cancel', 'open-output']);
  });

  it('that goes on: what happens, and that nothing has happened to the system yet', () => {
    const view = viewOf(new Story().begin().pull(['a']).lock().build());
    assert.deepEqual([view.header.mark, view.header.title], ['running', 'Building']);
    assert.match(view.header.detail, /untouched/);
    assert.deepEqual(view.actions, ['cancel', 'open-output', 'save-output']);
    assert.equal(view.problem, null);
  });

  it('that succeeded: the agent before and after', () => {
    const { header, actions, problem } = viewOf(updated());
    assert.deepEqual([header.mark, header.title], ['done', 'Updated']);
    assert.deepEqual([header.before?.version, header.after?.version, header.afterState], ['2.3.0', '2.4.0', 'proven']);
    assert.equal(header.before?.shortRev, '3b1f6a2');
    assert.deepEqual(actions, ['open-output', 'save-output']);
    assert.equal(problem, null);
  });

  it('that leaves its host in need of a reboot: that, and why', () => {
    const story = (...because: string[]): Story =>
      new Story()
        .begin()
        .pull([])
        .lock()
        .build()
        .built()
        .activate()
        .confirm()
        .commit()
        .reboot(...because);
    assert.deepEqual(viewOf(story().end('succeeded')).warnings, []);
    const view = viewOf(story('kernel', 'initrd').end('succeeded'));
    assert.match(view.warnings[0] ?? '', /web-01 needs a reboot.*\(kernel, initrd\)/);
    assert.equal(view.facts.find(({ label }) => label === 'Reboot')?.value, 'needed for kernel, initrd');
  });

  it('that pulled commits: their pages where the forge is known, and none where it is not', () => {
    const { commits } = viewOf(new Story().begin().pull(['a']));
    assert.match(commits?.link ?? '', /^https:\/\/github\.com\/ana\/nixcfg\/compare\/[0-9a-f]{40}\.\.\.[0-9a-f]{40}$/);
    assert.match(commits?.commits[0]?.link ?? '', /^https:\/\/github\.com\/ana\/nixcfg\/commit\/[0-9a-f]{40}$/);
    const elsewhere = viewOf(new Story().begin().pull(['a'], 0, 'ssh://git@git.example.org/ana/nixcfg')).commits;
    assert.deepEqual([elsewhere?.link, elsewhere?.commits[0]?.link], [null, null]);
    const unknown = viewOf(new Story().begin().pull(['a'], 0, null)).commits;
    assert.deepEqual([unknown?.link, unknown?.commits[0]?.link], [null, null]);
  });

  it('that had nothing to do', () => {
    const { header } = viewOf(new Story().begin().pull([]).lock(false).end('succeeded', { changed: false }));
    assert.deepEqual(
      [header.mark, header.title, header.afterState, header.after],
      ['unchanged', 'Already up to date', 'same', null],
    );
  });

  it('that brought a new generation with the same agent', () => {
    const after = { ...BEFORE, generation: { toplevel: '/nix/store/x-nixos', number: 42 }, agent: AGENT_BEFORE };
    const { header } = viewOf(new Story().begin().pull(['a']).lock(false).end('succeeded', { changed: true, after }));
    assert.equal(header.title, 'Updated');
    assert.equal(header.afterState, 'same');
    assert.match(header.detail, /Its agent is the one from before/);
  });

  it('that failed: why, what to do, and that the host is as it was', () => {
    const view = panelView(sourceOf(SCENARIOS['failed-build']!().story), ENGLISH);
    assert.deepEqual([view.header.mark, view.header.title], ['failed', 'Failed while building']);
    assert.match(view.header.detail, /as they were before/);
    assert.match(view.problem?.message ?? '', /could not be built/);
    assert.match(view.problem?.advice ?? '', /Look at the output/);
    assert.ok(view.problem?.lastLines.every(line => !/[\x00-\x1f\ufffd]/.test(line)));
    assert.deepEqual(view.actions, ['retry', 'open-output', 'save-output']);
  });

  it('that would not try again what was taken back before, until a person says so', () => {
    const reason = { kind: 'failed-before', message: 'the revision was taken back on this host before' };
    const view = viewOf(new Story().begin().pull([]).lock().end('failed', { reason }));
    assert.deepEqual(
      view.actions.filter(action => action.startsWith('retry')),
      ['retry-anyway'],
    );
  });

  it('that failed and left the new generation running', () => {
    const { header } = viewOf(
      new Story().begin().pull([]).lock().build().built().activate().end('failed', { changed: true }),
    );
    assert.match(header.detail, /runs the new generation: it was not taken back/);
    assert.equal(header.afterState, 'unsure');
  });

  it('that failed without a reason, which it says', () => {
    assert.match(viewOf(new Story().begin().end('failed')).problem?.message ?? '', /did not say why/);
  });

  it('that was rolled back: which agent was not kept', () => {
    const { header, problem } = panelView(sourceOf(SCENARIOS['rolled-back']!().story), ENGLISH);
    assert.deepEqual([header.mark, header.afterState, header.after?.version], ['rolled-back', 'taken-back', '2.4.0']);
    assert.equal(problem?.mark, 'rolled-back');
  });

  it('that was left inconsistent: it does not claim to know which agent runs', () => {
    const { header, warnings } = panelView(sourceOf(SCENARIOS['inconsistent']!().story), ENGLISH);
    assert.deepEqual([header.mark, header.afterState], ['attention', 'unsure']);
    assert.equal(warnings.length, 2);
  });

  it('that never began', () => {
    const reason = { kind: 'busy', message: 'web-01 is busy' };
    const refused = viewOf(new Story(), { summaryWith: { delivery: 'refused', reason, endedAt: BEGUN_AT } });
    assert.deepEqual([refused.header.title, refused.problem?.message], ['Refused', 'web-01 is busy']);
    assert.deepEqual(refused.actions, ['retry', 'open-output']);
    const expired = viewOf(new Story(), { summaryWith: { delivery: 'expired', endedAt: BEGUN_AT } });
    assert.match(expired.header.detail, /never touched/);
    const cancelled = viewOf(new Story(), { summaryWith: { delivery: 'cancelled', endedAt: BEGUN_AT } });
    assert.deepEqual([cancelled.header.mark, cancelled.header.title], ['cancelled', 'Cancelled before it began']);
    assert.equal(cancelled.problem, null);
  });

  it('whose end is known before its last events are here', () => {
    const story = new Story().begin();
    const view = viewOf(story, {
      summaryWith: { seq: 99, phase: 'building', outcome: 'failed', endedAt: BEGUN_AT + 9000 },
    });
    assert.equal(view.header.title, 'Failed while building');
    assert.equal(view.header.endedAt, BEGUN_AT + 9000);
  });

  it('that somebody cancels', () => {
    const view = viewOf(new Story().begin().pull([]).lock().build().tell({ type: 'cancel-asked', by: 'jun' }));
    assert.match(view.header.detail, /Cancel was asked for/);
    assert.ok(!view.actions.includes('cancel'));
  });

  it('that cannot be cancelled any more', () => {
    const story = new Story().begin().pull([]).lock().build().built().activate().confirm().phase('committing');
    assert.ok(!viewOf(story).actions.includes('cancel'));
  });

  it('with both of its locks: they can be compared', () => {
    const locks = { lockBefore: 'a', lockAfter: 'b' };
    assert.ok(viewOf(updated(), locks).actions.includes('open-diff'));
    assert.ok(!viewOf(updated(), { ...locks, lockAfter: 'a' }).actions.includes('open-diff'));
    assert.ok(!viewOf(updated(), locks).actions.includes('use-lock'), 'there is no nixcfg to take it over to');
    assert.ok(viewOf(updated(), { ...locks, hasNixcfg: true }).actions.includes('use-lock'));
  });

  it('of which not everything is here any more', () => {
    assert.match(viewOf(updated(), { gone: true }).warnings.join(), /does not keep all of this run/);
    const problem = { kind: 'unknown-run', message: 'The relay does not know this run.', advice: 'It may be too old.' };
    assert.deepEqual(viewOf(updated(), { problem }).warnings, ['The relay does not know this run. It may be too old.']);
    const full = { kind: 'disk', message: 'ENOSPC: no space left on device' };
    assert.deepEqual(viewOf(updated(), { problem: full }).warnings, [
      'The output cannot be kept on this machine: ENOSPC: no space left on device',
    ]);
  });

  it('has a sentence for every outcome in every phase', () => {
    for (const outcome of ['succeeded', 'failed', 'cancelled', 'rolled-back', 'inconsistent'] satisfies Outcome[]) {
      for (const phase of [
        'accepted',
        'pulling',
        'locking',
        'building',
        'activating',
        'confirming',
        'committing',
      ] as const) {
        const { header } = viewOf(new Story().phase(phase).end(outcome));
        assert.ok(header.title.length > 3 && header.detail.endsWith('.'), `${outcome} ${phase}`);
        assert.doesNotMatch(header.title + header.detail, /\{\d\}|undefined/);
      }
    }
  });

  it('does not let a host reorder, hide or colour its text', () => {
    const reason = { kind: 'x', message: 'safe\u202etxt.exe\x1b[31m red\x1b[0m\tend' };
    const { problem } = viewOf(new Story().begin().end('failed', { reason }));
    assert.equal(problem?.message, 'safe\ufffdtxt.exe red  end');
  });
});

describe('the stepper', () => {
  it('shows what is done, what goes on and what is to come', () => {
    const marks = marksOf(new Story().begin().pull([]).lock().build());
    assert.deepEqual(marks, ['done', 'done', 'done', 'done', 'running', 'ahead', 'ahead', 'ahead']);
    assert.deepEqual(marksOf(new Story()).slice(0, 2), ['waiting', 'ahead']);
  });

  it('shows where it went wrong and what was not reached', () => {
    const view = viewOf(new Story().begin().pull([]).phase('locking').end('failed'));
    assert.deepEqual(view.stepper.map(step => step.mark).slice(2, 5), ['done', 'failed', 'skipped']);
    assert.equal(view.stepper[4]?.markLabel, 'not reached');
  });

  it('shows what was not needed', () => {
    const view = viewOf(new Story().begin().pull([]).lock(false).end('succeeded', { changed: false }));
    assert.equal(view.stepper[4]?.markLabel, 'not needed');
    assert.ok(view.stepper.every(step => step.mark !== 'failed' && step.mark !== 'running'));
  });

  it('has the time of each phase, also when another runner began it again', () => {
    const story = new Story().begin().wait(1000).phase('building').wait(5000);
    story.tell({ type: 'resumed', bootId: 'b', why: 'power' }).phase('building').wait(2000).phase('activating');
    const building = viewOf(story).stepper.find(step => step.phase === 'building');
    assert.equal((building?.endedAt ?? 0) - (building?.startedAt ?? 0), 7000);
  });

  it('shows times by the clock of whoever looks', () => {
    const step = viewOf(new Story().begin(), { clockAhead: 3_600_000 }).stepper[1];
    assert.equal(step?.startedAt, BEGUN_AT - 3_600_000);
  });

  it('never ends the queue before it began, whatever the clocks say', () => {
    const [queue] = viewOf(new Story().begin(), { clockAhead: 3_600_000 }).stepper;
    assert.ok((queue?.endedAt ?? 0) >= (queue?.startedAt ?? 0));
  });
});

describe('the details', () => {
  it('name the commits that were pulled', () => {
    assert.equal(viewOf(new Story().begin().pull([])).commits, null);
    const commits = viewOf(new Story().begin().pull(['one', 'two'], 7)).commits;
    assert.equal(commits?.title, '9 commits pulled');
    assert.equal(commits.more, 'and 7 older ones');
    assert.deepEqual(
      commits.commits.map(commit => commit.subject),
      ['one', 'two'],
    );
  });

  it('show generation and revision before and after', () => {
    const facts = new Map(viewOf(updated()).facts.map(fact => [fact.label, fact]));
    assert.match(facts.get('Generation')?.before ?? '', /no\. 41/);
    assert.match(facts.get('Generation')?.value ?? '', /no\. 42/);
    assert.deepEqual(
      [facts.get('nixcfg revision')?.before, facts.get('nixcfg revision')?.value],
      ['0c4d7e2', '7be1902'],
    );
    assert.equal(facts.get('Branch')?.before, null);
  });

  it('say in one line what became of the lock, on hosts that publish it', () => {
    const rev = '7'.repeat(40);
    const lock = (story: Story): string | undefined => viewOf(story).facts.find(fact => fact.label === 'Lock')?.value;
    assert.equal(lock(updated()), undefined);
    const story = (): Story => new Story().begin().pull([]).lock().build().built();
    assert.equal(
      lock(story().publish({ result: 'pushed', rev }).end('succeeded')),
      'published as 7777777 to origin/main',
    );
    assert.equal(lock(story().publish({ result: 'held', rev }).end('succeeded')), 'origin/main holds the same already');
    assert.equal(lock(story().publish({ result: 'not-published', why: 'it is late' })), 'not published: it is late');
    const begun = story().tell({ type: 'publishing', changed: false });
    assert.equal(lock(begun), 'is being published');
    assert.equal(viewOf(begun).header.title, 'Publishing the lock');
  });

  it('list the programs as a shell takes them, and how they ended', () => {
    const commands = viewOf(
      new Story().begin().command(['echo', `it's`, 'a b', '$HOME'], 500, 3).command(['sleep', '9'], 0),
    ).commands;
    assert.equal(commands[0]?.line, `echo 'it'\\''s' 'a b' '$HOME'`);
    assert.deepEqual([commands[0].result, commands[0].durationMs], ['exit code 3', 500]);
    assert.deepEqual([commands[1]?.mark, commands[1]?.result, commands[1]?.durationMs], ['running', 'running', null]);
  });

  it('do not say that a program still runs when the run is over', () => {
    const [command] = viewOf(new Story().begin().command(['sleep', '9'], 0).end('failed')).commands;
    assert.equal(command?.result, 'end not recorded');
  });
});
