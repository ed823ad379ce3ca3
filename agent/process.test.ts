import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'mocha';
import { bootId, isRunning, processIdentity, processStartTime } from './process.ts';

describe('process identity', () => {
  it('names this process the same way each time', () => {
    assert.deepEqual(processIdentity(), processIdentity(process.pid));
    assert.equal(processIdentity()?.bootId, bootId());
  });

  it('does not find a process that ended', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    assert.equal(processStartTime(child.pid!), undefined);
  });

  it('finds a running process, and not after it ended', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const identity = processIdentity(child.pid)!;
    assert.equal(isRunning(identity), true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(isRunning(identity), false);
  });

  it('does not mistake another process with the same pid for it, nor one of another boot', () => {
    const identity = processIdentity()!;
    assert.equal(isRunning({ ...identity, startTime: `${identity.startTime}1` }), false);
    assert.equal(isRunning({ ...identity, bootId: 'another' }), false);
  });
});
