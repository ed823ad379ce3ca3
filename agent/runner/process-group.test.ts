import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'mocha';
import { endGroup, groupLives } from './process-group.ts';

describe('a process group that is ended', () => {
  it('is waited for after the kill, however late that came', async () => {
    // tail keeps it all: who holds much memory needs a moment to be gone
    const script = 'trap "" TERM; (head -c 100000000 /dev/zero; echo ready >&2; sleep 600) | tail -c 200000000';
    const leader = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    assert.ok(leader.pid !== undefined);
    await once(leader.stderr, 'data');
    const ended = endGroup(leader.pid, 50);
    // a machine that is busy, or asleep
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    await ended;
    assert.equal(groupLives(leader.pid), false);
  });
});
