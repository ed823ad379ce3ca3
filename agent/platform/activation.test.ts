import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { activationOf, type Ending } from './activation.ts';

const ended = (exitCode: number | undefined, text = '', more: Partial<Ending> = {}): Ending => ({
  ...(exitCode !== undefined && { exitCode }),
  tail: Buffer.from(text),
  ...more,
});
const INHIBITED = `The new configuration contains changes to packages that were
listed as switch inhibitors.

Pre-switch check 'switchInhibitors' failed
Pre-switch checks failed`;

describe('what the ending of an activation means', () => {
  it('is told by the exit code', () => {
    assert.deepEqual(activationOf(ended(0)), { kind: 'done' });
    assert.deepEqual(activationOf(ended(4, 'warning: the following units failed: x.service')), {
      kind: 'units-failed',
    });
    for (const [code, says] of [
      [1, /exit code 1: oops/],
      [2, /an activation script failed/],
      [3, /did not reload/],
    ] as const) {
      const activation = activationOf(ended(code, 'oops\n'));
      assert.ok(activation.kind === 'failed');
      assert.match(activation.reason.message, says);
    }
  });

  it('is that nothing was touched when it was refused', () => {
    for (const [text, kind] of [
      [INHIBITED, 'needs-reboot'],
      ["Pre-switch check 'blogLocalhostNoHttpError' failed\nPre-switch checks failed", 'activation'],
      ['Could not acquire lock', 'switch-busy'],
    ] as const) {
      const activation = activationOf(ended(1, text));
      assert.ok(activation.kind === 'refused', text);
      assert.equal(activation.reason.kind, kind);
    }
  });

  it('is found in what nixos-rebuild says of the real exit code', () => {
    const ng =
      "warning: the following units failed: x.service\nCommand '['systemd-run', …]' returned non-zero exit status 4.";
    assert.equal(activationOf(ended(1, ng), 'nixos-rebuild').kind, 'units-failed');
    assert.equal(activationOf(ended(1, 'returned non-zero exit status 2.'), 'nixos-rebuild').kind, 'failed');
  });

  it('is a failure when it was ended or could not be started', () => {
    const killed = activationOf(ended(undefined, '', { signal: 'SIGKILL' }));
    assert.match(killed.kind === 'failed' ? killed.reason.message : '', /was ended by SIGKILL/);
    const missing = activationOf(ended(undefined, '', { notStarted: new Error('spawn ENOENT') }));
    assert.match(missing.kind === 'failed' ? missing.reason.message : '', /could not be started \(spawn ENOENT\)/);
  });
});
