import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { buildProgressSchema, type BuildProgress } from '../../../protocol/index.ts';
import { BuildTracker } from './build-tracker.ts';
import { NixLogRenderer } from './nix-log.ts';

/** Every progress that a log of real Nix goes through, and the tracker at its end. */
function follow(name: string): { seen: readonly BuildProgress[]; tracker: BuildTracker } {
  const tracker = new BuildTracker();
  const seen: BuildProgress[] = [];
  const renderer = new NixLogRenderer(entry => {
    tracker.take(entry);
    seen.push(buildProgressSchema.parse(tracker.progress()));
  });
  renderer.push(readFileSync(join(import.meta.dirname, 'fixtures', name)));
  return { seen, tracker };
}

const start = (id: number, type: number, more: object = {}): string =>
  `@nix ${JSON.stringify({ action: 'start', id, level: 0, parent: 0, text: '', type, ...more })}\n`;
const result = (id: number, type: number, fields: readonly number[]): string =>
  `@nix ${JSON.stringify({ action: 'result', id, type, fields })}\n`;
const stop = (id: number): string => `@nix {"action":"stop","id":${id}}\n`;

function progressAfter(log: string): BuildProgress {
  const tracker = new BuildTracker();
  new NixLogRenderer(entry => tracker.take(entry)).push(Buffer.from(log));
  return tracker.progress();
}

describe("how far a build is by nix's log", () => {
  it('says how many derivations are built of those that are needed, and which is being built', () => {
    const { seen, tracker } = follow('build.log');
    assert.deepEqual(seen[0], { now: [], more: 0 }, 'nothing is known at first');
    const steps = [...new Set(seen.map(({ builds }) => builds && `${builds.done}/${builds.total}`))];
    assert.deepEqual(steps.slice(-6), ['0/5', '1/5', '2/5', '3/5', '4/5', '5/5']);
    const built = new Set(seen.flatMap(({ now }) => now.map(({ name }) => name)));
    assert.deepEqual(
      [...built].sort(),
      ['hello-2.12.1', 'libbig-1.2.3', 'nixfleet-agent-2.4.0', 'nixos-system-web-25.11', 'small-0.4'].sort(),
    );
    assert.ok(seen.every(({ downloads, bytes }) => !downloads && !bytes));
    assert.deepEqual(tracker.totals(), { builds: 5, downloads: 0, bytes: 0 });
  });

  it('says how many paths are downloaded, and bytes of bytes', () => {
    const { seen, tracker } = follow('http-cache.log');
    const known = seen.filter(({ bytes }) => bytes !== undefined);
    assert.ok(known.length > 10);
    assert.deepEqual(known.at(-1)?.bytes?.done, 3_041_024);
    assert.ok(known.some(({ bytes, downloads }) => bytes?.total === 3_041_024 && downloads?.total === 2));
    const done = known.map(({ bytes }) => bytes?.done ?? 0);
    assert.deepEqual(
      done,
      [...done].sort((a, b) => a - b),
      'bytes only grow',
    );
    assert.ok(known.every(({ bytes }) => bytes?.total === undefined || bytes.done <= bytes.total));
    assert.ok(seen.some(({ now }) => now.some(({ kind, name }) => kind === 'download' && name === 'libbig-1.2.3')));
    assert.deepEqual(tracker.totals(), { builds: 3, downloads: 2, bytes: 3_041_024 });
  });

  it('counts unpacked bytes where the cache is a disk, as far as nix tells of them', () => {
    assert.deepEqual(follow('file-cache.log').tracker.totals(), { builds: 3, downloads: 2, bytes: 3_031_040 });
  });

  it('has nothing to say of a build with nothing to do', () => {
    const { seen, tracker } = follow('nothing-to-do.log');
    assert.deepEqual(seen.at(-1), { now: [], more: 0 });
    assert.deepEqual(tracker.totals(), { builds: 0, downloads: 0, bytes: 0 });
  });

  it('does not count a derivation whose build failed', () => {
    assert.deepEqual(follow('failed-build.log').tracker.totals(), { builds: 0, downloads: 0, bytes: 0 });
  });

  it('adds up builds that an evaluation had to wait for, and those that come after', () => {
    const worker = (id: number, done: number, total: number): string =>
      start(id, 102) + start(id + 1, 104) + result(id + 1, 105, [done, total, 0, 0]);
    const first = worker(1, 2, 2) + stop(2) + stop(1);
    assert.deepEqual(progressAfter(first + worker(11, 1, 4)).builds, { done: 3, total: 6 });
  });

  it('knows no total of bytes where nix does not', () => {
    const log =
      start(1, 103) +
      result(1, 105, [0, 1, 1, 0]) +
      start(2, 100, { fields: ['/nix/store/00000000000000000000000000000000-a-1', 'https://cache', 'local'] }) +
      start(3, 101, { parent: 2 }) +
      result(3, 105, [4096, 0, 0, 0]);
    const { bytes, now } = progressAfter(log);
    assert.deepEqual(bytes, { done: 4096 });
    assert.deepEqual(now, [{ kind: 'download', name: 'a-1' }]);
  });

  it('leaves out of the bytes what nix only asks on its way', () => {
    const log = start(1, 103) + result(1, 105, [0, 1, 0, 0]) + start(3, 101) + result(3, 105, [335, 335, 0, 0]);
    assert.equal(progressAfter(log).bytes, undefined);
  });

  it('names four of many, and says how many more there are', () => {
    const drv = (i: number): object => ({ fields: [`/nix/store/${'0'.repeat(32)}-p${i}.drv`, '', 1, 1] });
    const { now, more } = progressAfter([1, 2, 3, 4, 5, 6].map(i => start(i, 105, drv(i))).join(''));
    assert.deepEqual(
      now.map(({ name }) => name),
      ['p1', 'p2', 'p3', 'p4'],
    );
    assert.equal(more, 2);
  });

  it('tells activities apart whose ids are larger than a number can say', () => {
    const ids = ['13510798882111488', '13510798882111489', '13510798882111490'];
    const log = ids
      .map(
        (id, i) =>
          `@nix {"action":"start","id":${id},"level":0,"parent":0,"text":"","type":105,"fields":["/nix/store/${'0'.repeat(32)}-p${i}.drv"]}\n`,
      )
      .join('');
    assert.equal(progressAfter(log).now.length, 3);
  });
});
