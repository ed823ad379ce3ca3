import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { TemporaryFolder } from './testing/temporary.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

function agent(...args: string[]): { code: number | null; out: string; err: string } {
  const { NIXFLEET_CONFIG: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env });
  return { code: status, out: stdout, err: stderr };
}

describe('the command line of the agent', function () {
  this.timeout(60_000);

  it('says who it is', () => {
    const { code, out } = agent('--version');
    assert.equal(code, 0);
    assert.match(out, /^nixfleet-agent \S+\nrev \S+\nprotocol 1\nstore path .+\n$/);
  });

  it('checks what is wrong and exits with 1', () => {
    using folder = new TemporaryFolder();
    const missing = agent('check', '--config', folder.join('none.json'));
    assert.equal(missing.code, 1);
    assert.match(missing.out, /✗ configuration .*none\.json.*\n.*→ Mend/);

    const config = {
      host: 'web',
      relayUrl: 'ws://127.0.0.1:1',
      tokenFile: folder.join('token'),
      stateDir: folder.path,
    };
    writeFileSync(folder.join('c.json'), JSON.stringify({ ...config, nixcfgPath: folder.join('nixcfg') }));
    const found = agent('--config', folder.join('c.json'), 'check');
    assert.equal(found.code, 1);
    assert.match(found.out, /✓ configuration .*\n✓ state folder .*\n✗ token .*\n/);
  });

  it('finds the status out and says it', () => {
    using folder = new TemporaryFolder();
    const config = { host: 'web', relayUrl: 'ws://127.0.0.1:1', tokenFile: '/none', stateDir: folder.join('state') };
    writeFileSync(folder.join('c.json'), JSON.stringify({ ...config, nixcfgPath: folder.join('nixcfg') }));
    const { code, out } = agent('status', '--write', '--config', folder.join('c.json'));
    assert.equal(code, 0);
    assert.match(out, /^host +web\n/);
    assert.match(out, /^problem +the configured path of nixcfg holds no flake/m);
  });

  it('names what it does not understand, without a stack', () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.join('c.json'), '{"host":"web","relayURL":"x"}');
    for (const [args, pattern] of [
      [
        ['serve', '--config', folder.join('c.json')],
        /nixfleet-agent: the agent's configuration .* is not valid: .*relayURL/,
      ],
      [['run', '../../etc/passwd'], /\.\.\/\.\.\/etc\/passwd is not a run id/],
      [['dance'], /unknown command 'dance'/],
    ] as const) {
      const { code, err } = agent(...args);
      assert.equal(code, 1, err);
      assert.match(err, pattern);
      assert.doesNotMatch(err, /\n +at /);
    }
  });
});
