import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { inboxPaths } from '../run-directory/layout.ts';
import { makeStateFolders } from '../run-directory/state-folders.ts';
import { scopeEnvironment, systemdScope } from '../platform/systemctl.ts';
import { newRunId } from '../testing/agent-rig.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import { InboxLauncher } from './inbox.ts';
import { LaunchError } from './launcher.ts';
import { runnerProgram } from './program.ts';
import { SystemdUnitLauncher, whyNotStarted } from './systemd-unit.ts';
import { SystemdLauncher } from './systemd.ts';

/** Tools of systemd that note how they were called, and say what a test wants. */
class FakeSystemd implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly #path = process.env['PATH'];

  constructor(tools: Readonly<Record<string, string>>) {
    for (const [name, script] of Object.entries(tools)) {
      writeFileSync(
        this.#folder.join(name),
        `#!/bin/sh\necho "${name} $* [$XDG_RUNTIME_DIR]" >> ${this.#log}\n${script}\n`,
      );
      chmodSync(this.#folder.join(name), 0o755);
    }
    process.env['PATH'] = `${this.#folder.path}:${this.#path}`;
  }

  get #log(): string {
    return this.#folder.join('log');
  }

  get calls(): string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').trimEnd().split('\n') : [];
  }

  [Symbol.dispose](): void {
    process.env['PATH'] = this.#path;
    this.#folder[Symbol.dispose]();
  }
}

describe('a launcher of instances of the template unit', () => {
  it('asks for exactly that unit to be started, and waits for nothing', async () => {
    using systemd = new FakeSystemd({ systemctl: 'echo ActiveState=inactive; echo Job=' });
    const runId = newRunId();
    await new SystemdUnitLauncher().launch(runId);
    const runtimeDir = process.env['XDG_RUNTIME_DIR'] ?? '';
    assert.deepEqual(systemd.calls, [
      `systemctl show --property=ActiveState,Job nixfleet-run@${runId}.service [${runtimeDir}]`,
      `systemctl start --no-block --no-ask-password nixfleet-run@${runId}.service [${runtimeDir}]`,
    ]);
  });

  it('leaves a runner alone that is at work, or whose start is in the queue', async () => {
    for (const said of ['ActiveState=active\nJob=', 'ActiveState=activating', 'ActiveState=inactive\nJob=812']) {
      using systemd = new FakeSystemd({ systemctl: `printf '${said.replaceAll('\n', '\\n')}\\n'` });
      await new SystemdUnitLauncher().launch(newRunId());
      assert.equal(systemd.calls.length, 1, said);
    }
  });

  it('says what stands in the way: polkit, no such unit, or whatever systemd says', async () => {
    using _ = new FakeSystemd({
      systemctl: `[ "$1" = show ] && exit 0; echo "Failed to start $4: Interactive authentication required." >&2; exit 1`,
    });
    await assert.rejects(new SystemdUnitLauncher().launch(newRunId()), (error: Error) => {
      assert.ok(error instanceof LaunchError);
      return /^polkit does not let this agent start nixfleet-run@\w{26}\.service: /.test(error.message);
    });
    const unit = 'nixfleet-run@X.service';
    assert.match(
      whyNotStarted(unit, `Failed to start ${unit}: Unit ${unit} not found.`),
      /^the template unit nixfleet-run@\.service is not there: .*lacks the module/,
    );
    assert.match(whyNotStarted(unit, `Failed to start ${unit}: Access denied\nSee system logs`), /^polkit .*denied\)$/);
    assert.equal(
      whyNotStarted(unit, 'Failed to connect to bus: x'),
      `systemd did not start ${unit}: Failed to connect to bus: x`,
    );
  });
});

describe("a launcher of transient units of the user's own", () => {
  it("asks the user's service manager, which it finds without a login", async () => {
    using folder = new TemporaryFolder();
    using systemd = new FakeSystemd({ systemctl: 'echo ActiveState=inactive', 'systemd-run': 'true' });
    const runId = newRunId();
    const before = process.env['XDG_RUNTIME_DIR'];
    delete process.env['XDG_RUNTIME_DIR'];
    try {
      const launcher = new SystemdLauncher(runnerProgram(['/agent']), folder.path, systemdScope('home-manager'));
      await launcher.launch(runId);
      assert.equal(launcher.whereToLook(runId), `journalctl --user -u nixfleet-run-${runId}.service`);
    } finally {
      if (before !== undefined) process.env['XDG_RUNTIME_DIR'] = before;
    }
    const [show = '', run = ''] = systemd.calls;
    const own = `[/run/user/${process.getuid?.()}]`;
    assert.match(show, /^systemctl --user show /);
    assert.match(run, /^systemd-run --user --quiet --collect .* -- \/agent run \w{26} /);
    assert.ok(show.endsWith(own) && run.endsWith(own), run);
  });

  it('takes the place that the login named', () => {
    assert.deepEqual(scopeEnvironment('user', { XDG_RUNTIME_DIR: '/x' }), { XDG_RUNTIME_DIR: '/x' });
    assert.deepEqual(scopeEnvironment('system', { XDG_RUNTIME_DIR: '/x' }), {});
  });
});

describe('a launcher for an inbox that is watched', () => {
  it('leaves a request as it is, and a mark for a run that has begun', async () => {
    using folder = new TemporaryFolder();
    makeStateFolders(folder.path);
    const launcher = new InboxLauncher(folder.path);
    const [waiting, begun] = [newRunId(), newRunId()];
    writeFileSync(inboxPaths(folder.path, waiting).request, '{}');
    for (const runId of [waiting, begun]) await launcher.launch(runId);
    assert.ok(!existsSync(inboxPaths(folder.path, waiting).wake));
    assert.ok(existsSync(inboxPaths(folder.path, begun).wake));
    assert.deepEqual([await launcher.isAlive(begun), await launcher.isAlive(newRunId())], [true, false]);
    await assert.rejects(new InboxLauncher('/nonexistent').launch(begun), LaunchError);
  });
});
