import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { foldRun } from '../../protocol/index.ts';
import { runPaths } from '../run-directory/layout.ts';
import { revision, TestHost } from './testing/test-host.ts';

let host: TestHost;
beforeEach(() => (host = new TestHost()));
afterEach(() => host.remove());

describe('an update', function () {
  this.timeout(30_000);

  it('goes through all phases, and the host ends with the new generation, its agent, profile and boot default', async () => {
    host.push({ 'hosts.nix': '{ web = 1; }\n' }, 'give web a number');
    const runId = host.ask();
    assert.equal(await host.run(runId), 0);
    const run = foldRun(host.events(runId));
    assert.equal(run.end?.reason, undefined, host.output(runId));
    assert.equal(run.end?.outcome, 'succeeded');
    assert.equal(run.end.changed, true);
    assert.deepEqual(
      run.phases.map(span => span.phase),
      ['accepted', 'pulling', 'locking', 'building', 'activating', 'confirming', 'committing'],
    );
    assert.equal(run.commits?.listed[0]?.subject, 'give web a number');
    assert.equal(run.lock?.after.rev, revision('a'));
    const state = host.state();
    assert.equal(state.running, run.built?.toplevel);
    assert.equal(state.profile, run.built?.toplevel);
    assert.equal(state.agent, run.built?.manifest.storePath);
    assert.equal(run.confirmed?.proof, 'hello');
    assert.deepEqual(host.activations(), [`test ${run.built?.toplevel ?? ''}`, `boot ${run.built?.toplevel ?? ''}`]);
    assert.match(host.output(runId), /\$ git fetch origin refs\/heads\/main\n/);
    assert.match(host.output(runId), /nixos-system-web>.* part 3\n/);
    const paths = runPaths(host.config.stateDir, runId);
    assert.equal(readFileSync(paths.lockAfter, 'utf8'), state.lock);
  });
});
