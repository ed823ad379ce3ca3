import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { foldRun, knownEvent, type AnyRunEvent, type Phase, type RunId } from '../../protocol/index.ts';
import { decodeIndexRecords } from '../run-directory/output-log.ts';
import { runPaths } from '../run-directory/layout.ts';
import { processesMarked } from './process-group.ts';
import { rendererFor } from './render/renderer.ts';
import { RUN_MARK } from './step-runner.ts';
import { TestHost, type HostState } from './testing/test-host.ts';

describe('a run whose runner is killed', function () {
  this.timeout(60_000);
  let host: TestHost;
  let before_: HostState;
  let release = 0;
  before(async function () {
    host = new TestHost();
    assert.equal((await host.update()).outcome, 'succeeded');
    host.save();
    before_ = host.state();
  });
  afterEach(async () => {
    host.restore();
    // back to the generation of the beginning, so that each test has something to update
    host.release('a');
    await host.update();
    host.save();
    before_ = host.state();
  });
  after(() => host.remove());

  const inPhase =
    (phase: Phase) =>
    (events: readonly AnyRunEvent[]): boolean =>
      foldRun(events).phase === phase;
  const phaseAndOutput =
    (phase: Phase, text: string) =>
    (events: readonly AnyRunEvent[], output: string): boolean =>
      foldRun(events).phase === phase && output.includes(text);
  const something = (): void => {
    release++;
    host.release(`kill-${release}`);
    host.push({ 'hosts.nix': `{ n = ${release}; }\n` }, `change ${release}`);
  };

  /** What must be true of every run directory: numbered events, and each step's part of the output is its raw bytes. */
  function checkRunDirectory(runId: RunId): void {
    const events = host.events(runId);
    assert.deepEqual(
      events.map(event => event.seq),
      events.map((_, i) => i + 1),
    );
    const paths = runPaths(host.config.stateDir, runId);
    const output = readFileSync(paths.output);
    const steps = events.flatMap(event => {
      const known = knownEvent(event);
      return known?.type === 'step-started' ? known : [];
    });
    for (const step of steps) {
      const next = steps.find(other => other.raw === step.raw && other.step > step.step);
      const raw = readFileSync(join(paths.dir, step.raw)).subarray(step.rawOffset, next?.rawOffset);
      const renderer = rendererFor(step.raw);
      const rendered = Buffer.concat([renderer.push(raw), renderer.end()]);
      const shown = output.subarray(step.outputOffset, step.outputOffset + rendered.length);
      assert.ok(shown.equals(rendered), `step ${step.step} is shown as it was: ${shown.toString()}`);
      const rest = output.subarray(step.outputOffset + rendered.length).toString();
      assert.match(rest, /^(?:\$ |nixfleet: |$)/, `nothing of step ${step.step} is shown twice`);
    }
    assert.deepEqual(processesMarked(RUN_MARK, runId), []);
  }

  for (const phase of ['locking', 'building'] as const)
    it(`while ${phase} is finished by the next, which shows every byte once`, async () => {
      something();
      host.plan(
        phase === 'locking'
          ? { update: { hang: true, garbage: true, stderr: ['asking'] } }
          : { build: { hang: true, lines: 500 } },
      );
      const runId = host.ask();
      await host.killWhen(runId, phaseAndOutput(phase, phase === 'locking' ? 'asking\n' : 'part 300\n'));
      host.plan({});
      assert.equal(await host.run(runId), 0);
      const run = foldRun(host.events(runId));
      assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
      assert.equal(run.resumes, 1);
      assert.equal(host.state().running, run.built?.toplevel);
      checkRunDirectory(runId);
    });

  it('between keeping the new lock and saying so stays with that lock', async () => {
    something();
    host.plan({ build: { hang: true } });
    const runId = host.ask();
    await host.killWhen(runId, inPhase('building'));
    const paths = runPaths(host.config.stateDir, runId);
    const [lock, lines] = [readFileSync(paths.lockAfter, 'utf8'), readFileSync(paths.journal, 'utf8').split('\n')];
    const locked = lines.findIndex(line => line.includes('"type":"locked"'));
    writeFileSync(paths.journal, `${lines.slice(0, locked).join('\n')}\n`);
    host.plan({});
    host.release(`newer-${release}`);
    assert.equal(await host.run(runId), 0);
    assert.equal(host.end(runId).outcome, 'succeeded', host.output(runId));
    assert.equal(readFileSync(paths.lockAfter, 'utf8'), lock);
    assert.equal(host.state().lock, lock);
  });

  it('while pulling, with HEAD moved and nothing of it written down, pulls again', async () => {
    something();
    const runId = host.ask();
    await host.killWhen(runId, (_, output) => output.includes('Fast-forward'));
    assert.equal(await host.run(runId), 0);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.equal(run.commits?.listed[0]?.subject, `change ${release}`);
    checkRunDirectory(runId);
  });

  for (const isPowerLoss of [false, true])
    it(`in the middle of a merge${isPowerLoss ? ', with the whole host,' : ''} leaves no file half merged`, async () => {
      release++;
      host.release(`merge-${release}`);
      host.push({ '.gitattributes': 'slow-* filter=slow\n' }, 'attributes');
      host.git('pull', '--quiet');
      host.git('config', 'filter.slow.smudge', 'sleep 600');
      const start = host.state();
      const files = { 'a-new.nix': '{ }\n', 'hosts.nix': `{ n = "m${release}"; }\n`, [`slow-${release}`]: 'slow\n' };
      host.push(files, 'slow');
      const runId = host.ask();
      await host.killWhen(
        runId,
        (_, output) => output.includes('$ git merge') && existsSync(join(host.checkout, 'a-new.nix')),
      );
      if (isPowerLoss) await host.losePower(runId);
      writeFileSync(join(host.checkout, '.git/index.lock'), '');
      host.git('config', '--unset', 'filter.slow.smudge');
      assert.equal(await host.run(runId), 0);
      if (isPowerLoss) assert.equal(host.end(runId).reason?.kind, 'power-loss', host.output(runId));
      else assert.equal(host.end(runId).outcome, 'succeeded', host.output(runId));
      if (isPowerLoss) assert.deepEqual(host.state(), start);
      else assert.equal(host.git('status', '--porcelain'), '?? flake.lock\n');
      checkRunDirectory(runId);
    });

  it('with the whole host, while nix had the index, puts HEAD back all the same', async () => {
    something();
    host.push({ 'hosts.nix': `{ n = "i${release}"; }\n` }, 'index');
    host.plan({ update: { hang: true } });
    const start = host.state();
    const runId = host.ask();
    await host.killWhen(runId, (_, output) => output.includes('$ nix flake update'));
    writeFileSync(join(host.checkout, '.git/index.lock'), '');
    await host.losePower(runId);
    host.plan({});
    assert.equal(await host.run(runId), 0);
    assert.equal(host.end(runId).reason?.kind, 'power-loss', host.output(runId));
    assert.deepEqual(host.state(), start);
    assert.ok(!existsSync(join(host.checkout, '.git/index.lock')));
    checkRunDirectory(runId);
  });

  it('while activating waits for the activation that still runs, and activates again', async () => {
    something();
    host.configure({ deadlines: { settling: 50, confirming: 20_000, activating: 3000 } });
    host.plan({ activation: { hang: true } });
    const runId = host.ask();
    await host.killWhen(runId, phaseAndOutput('activating', 'activating the configuration'));
    const { built } = foldRun(host.events(runId));
    rmSync(join(built!.toplevel, 'activation.json'));
    assert.equal(await host.run(runId), 0);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.equal(host.activations().filter(line => line === `test ${built!.toplevel}`).length, 2);
    checkRunDirectory(runId);
  });

  it('while confirming confirms the agent that runs by now', async () => {
    something();
    host.configure({ deadlines: { settling: 3000, confirming: 20_000 } });
    const runId = host.ask();
    await host.killWhen(runId, phaseAndOutput('confirming', 'has to stay up'));
    host.configure({ deadlines: { settling: 50, confirming: 20_000 } });
    assert.equal(await host.run(runId), 0);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.equal(run.steps.filter(step => step.argv[1] === 'test').length, 1, 'it was not activated twice');
    checkRunDirectory(runId);
  });

  it('while committing commits', async () => {
    something();
    host.plan({ commit: 'hang' });
    const runId = host.ask();
    await host.killWhen(runId, phaseAndOutput('committing', '$ nix-env'));
    host.plan({});
    host.configure({ deadlines: { settling: 50, confirming: 20_000, activating: 500 } });
    assert.equal(await host.run(runId), 0);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.outcome, 'succeeded', host.output(runId));
    assert.equal(host.state().profile, run.built?.toplevel);
    checkRunDirectory(runId);
  });

  it('while it puts the old generation back goes on putting it back, for the reason there was', async () => {
    something();
    host.configure({ deadlines: { settling: 50, confirming: 2000, activating: 2000 } });
    host.plan({ agent: 'crash' });
    const hang = join(before_.running!, 'activation.json');
    writeFileSync(hang, '{ "hang": true }');
    const runId = host.ask();
    await host.killWhen(
      runId,
      (events, output) => events.some(e => e.type === 'undo-decided') && output.endsWith('configuration...\n'),
    );
    rmSync(hang);
    host.configure({ deadlines: { settling: 50, confirming: 10_000, activating: 2000 } });
    assert.equal(await host.run(runId), 0);
    const end = host.end(runId);
    assert.deepEqual([end.outcome, end.reason?.kind], ['rolled-back', 'agent-not-confirmed'], host.output(runId));
    assert.deepEqual({ ...host.state(), agent: before_.agent }, before_);
    checkRunDirectory(runId);
  });

  it('again and again is given up, with everything as it was', async () => {
    something();
    host.plan({ build: { hang: true } });
    const runId = host.ask();
    for (let i = 0; i <= 5; i++) {
      const deaths = i;
      await host.killWhen(runId, events => {
        const run = foldRun(events);
        return run.resumes === deaths && run.steps.filter(step => step.argv[1] === 'build').length === deaths + 1;
      });
    }
    assert.equal(await host.run(runId), 0);
    assert.deepEqual([host.end(runId).outcome, host.end(runId).reason?.kind], ['failed', 'interrupted']);
    assert.deepEqual(host.state(), before_);
    checkRunDirectory(runId);
  });

  it('is finished first when another run begins', async () => {
    something();
    host.plan({ build: { hang: true } });
    const first = host.ask();
    await host.killWhen(first, inPhase('building'));
    host.plan({});
    const second = host.ask();
    assert.equal(await host.run(second), 0);
    assert.equal(host.end(first).outcome, 'succeeded');
    assert.deepEqual([host.end(second).outcome, host.end(second).changed], ['succeeded', false]);
  });

  it('keeps another from beginning when it cannot be finished, which says so', async () => {
    something();
    host.plan({ build: { hang: true } });
    const first = host.ask();
    await host.killWhen(first, inPhase('building'));
    const { journal } = runPaths(host.config.stateDir, first);
    renameSync(journal, `${journal}.aside`);
    mkdirSync(journal);
    const start = host.state();
    const end = await host.update();
    assert.deepEqual([end.outcome, end.reason?.kind], ['failed', 'interrupted']);
    assert.match(end.reason?.message ?? '', new RegExp(`run ${first} is not at its end`));
    assert.deepEqual(host.state(), start);
    rmSync(journal, { recursive: true });
    renameSync(`${journal}.aside`, journal);
    host.plan({});
    await host.run(first);
    assert.equal(host.end(first).outcome, 'succeeded');
  });

  it('while confirming, with the checkout gone by then, gives the host its old generation back and says what is not', async () => {
    something();
    host.configure({ deadlines: { settling: 3000, confirming: 20_000 } });
    const runId = host.ask();
    await host.killWhen(runId, phaseAndOutput('confirming', 'has to stay up'));
    host.configure({ deadlines: { settling: 50, confirming: 20_000 } });
    renameSync(host.checkout, `${host.checkout}.aside`);
    assert.equal(await host.run(runId), 0);
    renameSync(`${host.checkout}.aside`, host.checkout);
    const end = host.end(runId);
    assert.deepEqual([end.outcome, end.changed], ['inconsistent', false], host.output(runId));
    assert.match(end.reason?.message ?? '', /holds no flake.*the checkout could not be put back as it was/);
    assert.equal(host.state().running, before_.running);
    assert.equal(foldRun(host.events(runId)).phases.filter(({ phase }) => phase === 'pulling').length, 1);
  });

  it('and told to stop before it activates puts everything back and ends', async () => {
    something();
    host.plan({ build: { hang: true } });
    const runId = host.ask();
    const stop = new AbortController();
    const run = host.run(runId, stop.signal);
    const deadline = Date.now() + 20_000;
    while (!existsSync(runPaths(host.config.stateDir, runId).output) || !host.output(runId).includes('part 3')) {
      assert.ok(Date.now() < deadline);
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    stop.abort();
    assert.equal(await run, 0);
    assert.deepEqual([host.end(runId).outcome, host.end(runId).reason?.kind], ['failed', 'interrupted']);
    assert.deepEqual(host.state(), before_);
  });

  describe('with the whole host,', () => {
    for (const phase of ['locking', 'building'] as const)
      it(`while ${phase}: everything is as it was, and it says which generation runs`, async () => {
        something();
        host.plan(phase === 'locking' ? { update: { hang: true, garbage: true } } : { build: { hang: true } });
        const runId = host.ask();
        await host.killWhen(
          runId,
          (events, output) =>
            inPhase(phase)(events) && output.includes(phase === 'locking' ? 'flake update' : 'part 3'),
        );
        await host.losePower(runId);
        host.plan({});
        assert.equal(await host.run(runId), 0);
        const end = host.end(runId);
        assert.deepEqual([end.outcome, end.reason?.kind], ['failed', 'power-loss']);
        assert.ok(end.reason?.message.includes(before_.running!));
        assert.deepEqual(host.state(), before_);
      });

    for (const isWayBack of [false, true])
      it(`when HEAD had ${isWayBack ? 'gone back' : 'moved'} and its files were not on the disk yet: all are as they were`, async () => {
        release++;
        host.release(`torn-${release}`);
        const page = '# line of a long file\n'.repeat(1000);
        host.push({ 'long.nix': page, 'gone.nix': '{ }\n' }, 'files');
        host.git('pull', '--quiet');
        const start = host.state();
        rmSync(join(host.remote, '..', 'author', 'gone.nix'));
        host.push({ 'long.nix': `${page}# more\n`, 'hosts.nix': `{ t = ${release}; }\n`, 'new.nix': 'new\n' }, 'move');
        if (isWayBack) host.plan({ build: { exit: 1 } });
        // the disk takes its time
        const sync = join(host.home, 'bin/sync');
        const before = readFileSync(sync);
        const script = isWayBack
          ? `case "$*" in "-f .") if [ -e HOME/first ]; then : > HOME/syncing; sleep 10; else : > HOME/first; fi;; esac`
          : `case "$*" in "-f .") : > HOME/syncing; sleep 10;; esac`;
        for (const name of ['first', 'syncing']) rmSync(join(host.home, name), { force: true });
        writeFileSync(sync, `#!/bin/sh\n${script.replaceAll('HOME', host.home)}\n`);
        const runId = host.ask();
        await host.killWhen(runId, () => existsSync(join(host.home, 'syncing')));
        writeFileSync(sync, before);
        truncateSync(join(host.checkout, 'long.nix'), 4096);
        writeFileSync(join(host.checkout, 'hosts.nix'), '');
        rmSync(join(host.checkout, 'new.nix'), { force: true });
        writeFileSync(join(host.checkout, isWayBack ? 'new.nix' : 'gone.nix'), isWayBack ? 'new\n' : '{ }\n');
        await host.losePower(runId);
        host.plan({});
        assert.equal(await host.run(runId), 0);
        assert.deepEqual([host.end(runId).outcome, host.state()], ['failed', start], host.output(runId));
        assert.deepEqual(foldRun(host.events(runId)).warnings, []);
      });

    it('while confirming: the host booted its old generation, and the checkout goes back to it', async () => {
      something();
      host.configure({ deadlines: { settling: 20_000, confirming: 20_000 } });
      const runId = host.ask();
      await host.killWhen(runId, phaseAndOutput('confirming', 'has to stay up'));
      const paths = runPaths(host.config.stateDir, runId);
      // the end of what was written was not on the disk yet
      truncateSync(paths.output, readFileSync(paths.output).length - 10);
      appendFileSync(paths.journal, '{"v":1,"se');
      await host.losePower(runId);
      assert.equal(await host.run(runId), 0);
      const end = host.end(runId);
      assert.deepEqual(
        [end.outcome, end.reason?.kind, end.changed],
        ['rolled-back', 'power-loss', false],
        host.output(runId),
      );
      assert.deepEqual({ ...host.state(), agent: before_.agent }, before_);
      const epochs = decodeIndexRecords(readFileSync(paths.outputIndex)).map(record => record.epoch);
      assert.deepEqual([...new Set(epochs)], [0, 1]);
      assert.match(host.output(runId), /the journal was damaged/);
      assert.equal(readFileSync(`${paths.journal}.corrupt`, 'utf8'), '{"v":1,"se');
    });
  });
});
