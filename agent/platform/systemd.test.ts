import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { readGenerations } from './rebuilder.ts';
import { parseUnit, parseUnitNames } from './systemd.ts';

describe('what systemd says', () => {
  it('of a unit that runs, that failed, and that is not there', () => {
    assert.deepEqual(
      parseUnit('LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nMainPID=42\n'),
      {
        active: true,
        state: 'active (running)',
        pid: 42,
      },
    );
    assert.deepEqual(
      parseUnit('LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\nMainPID=0\n'),
      {
        active: false,
        state: 'activating (auto-restart, exit-code)',
      },
    );
    assert.equal(
      parseUnit('LoadState=not-found\nActiveState=inactive\nSubState=dead\n').state,
      'not there, inactive (dead)',
    );
    assert.equal(parseUnit('').active, false);
  });

  it('of units that failed', () => {
    assert.deepEqual(
      parseUnitNames('● a.service loaded failed failed A thing\n  b@x\\x2dy.mount loaded failed failed B\n\n'),
      ['a.service', 'b@x\\x2dy.mount'],
    );
  });
});

describe('the generations of a host', () => {
  it('are where its links lead, with the number that the profile gives', () => {
    const dir = mkdtempSync(join(tmpdir(), 'nixfleet-profile-'));
    for (const name of ['old', 'new']) mkdirSync(join(dir, name));
    symlinkSync(join(dir, 'old'), join(dir, 'system-8-link'));
    symlinkSync(join(dir, 'new'), join(dir, 'system-12-link'));
    symlinkSync('system-12-link', join(dir, 'system'));
    symlinkSync(join(dir, 'old'), join(dir, 'current'));
    assert.deepEqual(readGenerations(join(dir, 'current'), join(dir, 'system')), {
      running: join(dir, 'old'),
      profile: join(dir, 'new'),
      number: 12,
    });
    assert.deepEqual(readGenerations(join(dir, 'nothing'), join(dir, 'none')), {});
    rmSync(dir, { recursive: true });
  });
});
