import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { foldRun, type BuildProgress, type PackageChange } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { packagesView, progressView, totalsText } from './build-view.ts';
import { RUN_ID, Story } from './preview/story.ts';
import type { RunSource } from './run-source.ts';

function source(story: Story, progress?: BuildProgress): RunSource {
  return {
    runId: RUN_ID,
    host: 'web-01',
    summary: story.summary(progress && { progress }),
    state: foldRun(story.events),
    lockBefore: undefined,
    lockAfter: undefined,
    gone: false,
    problem: undefined,
    online: true,
    places: [],
    hasNixcfg: false,
    clockAhead: 0,
    outage: undefined,
  };
}

const building = (): Story => new Story().begin().pull([]).lock().build();

describe('how far the build is in the panel', () => {
  it('is downloads and builds, of how many, and what is at work', () => {
    const view = progressView(
      source(building(), {
        builds: { done: 3, total: 12 },
        downloads: { done: 21, total: 38 },
        bytes: { done: 120_400_000, total: 214_300_000 },
        now: [
          { kind: 'build', name: 'hello' },
          { kind: 'download', name: 'firefox' },
        ],
        more: 3,
      }),
      ENGLISH,
    );
    assert.deepEqual(view, {
      bars: [
        { label: 'Downloaded', text: '21 of 38 paths · 120.4 of 214.3 MB', done: 120_400_000, total: 214_300_000 },
        { label: 'Built', text: '3 of 12 derivations', done: 3, total: 12 },
      ],
      now: ['building hello', 'downloading firefox'],
      more: 'and 3 more',
    });
  });

  it('does not pretend to know what nobody knows', () => {
    const unknown = progressView(source(building()), ENGLISH);
    assert.deepEqual(
      unknown?.bars.map(({ total, text }) => [total, text]),
      [[null, 'How much there is to build is not known yet.']],
    );
    const bytes = { downloads: { done: 1 }, bytes: { done: 5_000_000 }, now: [], more: 0 };
    assert.deepEqual(progressView(source(building(), bytes), ENGLISH)?.bars, [
      { label: 'Downloaded', text: '1 paths · 5.0 MB', done: 5_000_000, total: null },
    ]);
  });

  it('is there only while the host builds, whatever the relay said last', () => {
    const progress = { builds: { done: 1, total: 2 }, now: [], more: 0 };
    assert.equal(progressView(source(building().built().activate(), progress), ENGLISH), null);
    assert.equal(progressView(source(building().end('failed'), progress), ENGLISH), null);
    assert.equal(progressView(source(new Story()), ENGLISH), null);
  });
});

describe('what a build came to', () => {
  const totals = (builds: number, downloads: number, bytes: number): string | undefined =>
    totalsText(foldRun(building().tell({ type: 'build-totals', builds, downloads, bytes }).events), ENGLISH);

  it('is what was built and downloaded', () => {
    assert.equal(totals(12, 38, 214_300_000), '12 derivations built, 38 paths downloaded, 214.3 MB');
    assert.equal(totals(1, 0, 0), '1 derivation built');
    assert.equal(totals(0, 1, 4000), '1 path downloaded, 4 kB');
    assert.equal(totals(0, 0, 0), 'nothing to build or to download');
    assert.equal(totalsText(foldRun(building().events), ENGLISH), undefined);
  });
});

describe('the packages that a run changes', () => {
  const view = (changes: readonly PackageChange[], more = 0) =>
    packagesView(source(building().packages(changes, more)), ENGLISH);

  it('are a row each: what goes, what comes, and the size', () => {
    assert.deepEqual(
      view(
        [
          { name: 'python3', before: ['3.11', '3.12'], after: ['3.13'], bytes: -61_341_696 },
          { name: 'etc', before: [], after: [''], bytes: 20_275 },
          { name: 'gone', before: ['1'], after: [] },
        ],
        4,
      ),
      {
        title: '7 packages change',
        rows: [
          { name: 'python3', before: '3.11, 3.12', after: '3.13', size: '−61.3 MB' },
          { name: 'etc', before: null, after: 'no version', size: '+20 kB' },
          { name: 'gone', before: '1', after: null, size: null },
        ],
        more: 'and 4 more',
      },
    );
  });

  it('may be none, which is said, or not known, which is not', () => {
    assert.deepEqual(view([]), { title: 'no package changes', rows: [], more: null });
    assert.equal(packagesView(source(building()), ENGLISH), null);
  });

  it('cannot hide or reorder text with their names', () => {
    const [row] = view([{ name: 'a\u202eb', before: ['\x1b[2J1'], after: ['2'] }])?.rows ?? [];
    assert.ok(!/[\x00-\x1f\u202e]/.test(`${row?.name} ${row?.before}`));
  });
});
