import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { domainsOf, explain, isBusy, parseJob, readBootstrap } from './launchctl.ts';
import { planRevival, type JobSighting } from './revival.ts';

/** `launchctl print` of macOS 15, cut: what is deeper has lines of the same names. */
const RUNNING = `gui/501/org.nix-community.home.nixfleet-agent = {
\tactive count = 1
\tpath = /Users/ana/Library/LaunchAgents/org.nix-community.home.nixfleet-agent.plist
\ttype = LaunchAgent
\tstate = running

\tprogram = /bin/sh
\targuments = {
\t\t/bin/sh
\t\t-c
\t\t/bin/wait4path /nix/store && exec /nix/store/x-nixfleet-agent/bin/nixfleet-agent serve
\t}

\tstdout path = /Users/ana/.local/state/nixfleet-agent/agent.log
\tstderr path = /Users/ana/.local/state/nixfleet-agent/agent.log
\tenvironment = {
\t\tpid = 1
\t\tstate = bogus
\t}

\tdomain = gui/501 [100002]
\tminimum runtime = 10
\texit timeout = 5
\truns = 3
\tpid = 6289
\timmediate reason = speculative
\tlast exit code = (never exited)

\tresource coalition = {
\t\tID = 4782
\t\tstate = active
\t}
}
`;
const job = (lines: string): string => `gui/501/x = {\n${lines}\n}\n`;

describe('what launchctl says', () => {
  it("is read for the job's own lines, not for those of what hangs on it", () => {
    const log = '/Users/ana/.local/state/nixfleet-agent/agent.log';
    assert.deepEqual(parseJob(RUNNING), { state: 'running', pid: 6289, stdoutPath: log, stderrPath: log });
    assert.ok(isBusy(parseJob(RUNNING)));
  });

  it('tells how a job ended, in all the ways that launchd puts it', () => {
    const stopped = '\tstate = not running\n\truns = 2\n';
    assert.deepEqual(parseJob(job(`${stopped}\tlast exit code = 78: EX_CONFIG`)), {
      state: 'not running',
      lastExit: 'exit code 78: EX_CONFIG',
    });
    assert.equal(parseJob(job(`${stopped}\tlast terminating signal = Killed: 9`)).lastExit, 'Killed: 9');
    assert.equal(
      parseJob(job(`${stopped}\tlast exit reason = JETSAM_REASON_MEMORY_IDLE_EXIT`)).lastExit,
      'JETSAM_REASON_MEMORY_IDLE_EXIT',
    );
    assert.deepEqual(parseJob(''), { state: 'unknown' });
  });

  it('tells a job that is at rest from one that is about to start or to end', () => {
    for (const [state, busy] of [
      ['not running', false],
      ['exited', false],
      ['spawn scheduled', true],
      ['SIGTERMed', true],
    ] as const)
      assert.equal(isBusy({ state }), busy, state);
  });

  it('means of a bootstrap that it worked, may work later, or never will', () => {
    const read = (code: number | undefined): string => {
      const result = readBootstrap({ code, stdout: '', said: `Bootstrap failed: ${code}` });
      return result.ok ? 'ok' : result.kind;
    };
    assert.deepEqual([0, 37].map(read), ['ok', 'ok']);
    assert.deepEqual([5, 36, undefined].map(read), ['pending', 'pending', 'pending']);
    assert.deepEqual([125, 112].map(read), ['no-domain', 'no-domain']);
    assert.deepEqual([109, 119, 122, 134].map(read), ['refused', 'refused', 'refused', 'refused']);
  });

  it('is explained where a person can do something', () => {
    assert.match(explain({ code: 119, stdout: '', said: 'Service is disabled' }), /launchctl enable/);
    assert.match(
      explain({ code: 5, stdout: '', said: 'Bootstrap failed: 5: Input/output error' }),
      /clears up an earlier/,
    );
    assert.equal(explain({ code: 64, stdout: '', said: '' }), 'exit code 64');
  });

  it('is asked in the domains that a user has', () => {
    assert.deepEqual(domainsOf(0), ['system']);
    assert.deepEqual(domainsOf(501), ['gui/501', 'user/501']);
  });
});

describe('what brings the agent back', () => {
  const sees = (more: Partial<JobSighting>): JobSighting => ({
    job: { state: 'running', pid: 7 },
    isWanted: true,
    isSettled: false,
    plist: 'wanted',
    ...more,
  });

  it('is nothing while it runs, or is about to', () => {
    assert.equal(planRevival(sees({})), 'nothing');
    assert.equal(planRevival(sees({ job: { state: 'spawn scheduled' } })), 'nothing');
  });

  it('is loading where launchd has lost it, and only from the plist that the generation carries', () => {
    assert.equal(planRevival(sees({ job: undefined })), 'load');
    assert.equal(planRevival(sees({ job: undefined, plist: 'other' })), 'cannot');
    assert.equal(planRevival(sees({ job: undefined, plist: 'missing' })), 'cannot');
  });

  it('is a start where it is loaded and rests', () => {
    assert.equal(planRevival(sees({ job: { state: 'not running', lastExit: 'exit code 0' } })), 'kickstart');
  });

  it('is loading it anew where launchd kept the old job under the new plist, but not while a shell is about to become it', () => {
    assert.equal(planRevival(sees({ isWanted: false, isSettled: true })), 'reload');
    assert.equal(planRevival(sees({ isWanted: false })), 'nothing');
  });

  it('is not to be had where the old plist was put back', () => {
    assert.equal(planRevival(sees({ isWanted: false, isSettled: true, plist: 'other' })), 'cannot');
  });
});
