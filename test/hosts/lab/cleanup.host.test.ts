import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { after, before, describe, it } from 'mocha';
import { cannotRun } from '../../../scripts/test/cannot-run.ts';
import { labCgroup } from './cgroup.ts';
import { PLACEHOLDER_AGENT } from './for-tests.ts';
import { defaultCache, Lab } from './lab.ts';
import { liveLabs } from './registry.ts';
import { prefix } from './teardown.ts';
import { eventually } from './wait.ts';

const OWNER_PROGRAM = join(import.meta.dirname, 'fixtures', 'owner.ts');
const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Pids of this machine whose command line names the lab. */
function processes(id: string): number[] {
  const folder = join(defaultCache(), 'labs', id);
  return list('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      const command = read(`/proc/${pid}/cmdline`);
      return command.includes(folder) || command.includes(prefix(id)) || isJanitor(command, id);
    });
}

const isJanitor = (command: string, id: string): boolean => command.includes('janitor') && command.includes(id);

/** Everything a lab can leave on a machine, in words. */
function traces(id: string): string[] {
  const named = (folder: string) => list(folder).filter(name => name.startsWith(prefix(id)));
  return [
    ...processes(id).map(pid => `process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`),
    ...named('/run/netns').map(name => `network namespace ${name}`),
    ...list('/run/systemd/nspawn').flatMap(kind =>
      named(join('/run/systemd/nspawn', kind)).map(name => `nspawn’s ${name}`),
    ),
    ...(existsSync(labCgroup(id)) ? ['a cgroup'] : []),
    ...(read('/proc/mounts').includes(`/labs/${id}/`) ? ['a mount'] : []),
    ...list(join(defaultCache(), 'labs'))
      .filter(name => name.startsWith(id))
      .map(name => `folder ${name}`),
  ];
}

/** Starts another process that owns a lab with a host. */
async function owner(): Promise<{ id: string; kill: (signal: NodeJS.Signals) => Promise<void> }> {
  const child = execa(process.execPath, [OWNER_PROGRAM], { reject: false, stdin: 'ignore', buffer: false });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    id: line.toString().trim(),
    async kill(signal) {
      child.kill(signal);
      await child;
    },
  };
}

describe('A lab that is over', function () {
  this.timeout(120_000);
  const usual = process.env['NIXFLEET_LAB_CACHE'];
  let own: string | undefined;
  before(async function () {
    const reason = await Lab.unsupported();
    if (reason !== undefined) cannotRun(this, reason);
    this.timeout(600_000);
    // labs of other tests that come and go beside these lie in another cache
    const rootfs = await Lab.prepare();
    own = mkdtempSync(join(defaultCache(), 'own-'));
    symlinkSync(rootfs, join(own, basename(rootfs)));
    process.env['NIXFLEET_LAB_CACHE'] = own;
  });
  after(() => {
    if (own === undefined) return;
    if (usual === undefined) delete process.env['NIXFLEET_LAB_CACHE'];
    else process.env['NIXFLEET_LAB_CACHE'] = usual;
    rmSync(own, { recursive: true });
  });
  const gone = (id: string) =>
    eventually(() => traces(id).length === 0, { what: 'every trace to be gone', deadline: 30_000 }).catch(
      (error: unknown) => {
        throw new Error(`left: ${traces(id).join('; ')}`, { cause: error });
      },
    );

  it('has left nothing once it is closed, also when its hosts were busy', async () => {
    const lab = await Lab.create({ agent: PLACEHOLDER_AGENT });
    const host = await lab.boot('h1');
    await host.provision();
    await lab.boot('h2').then(other => other.powerLoss());
    await lab.forward({ port: 7400, socket: join(lab.folder, 'x.sock') });
    await Promise.all([lab.forge(), lab.refusingSsh()]);
    const busy = host.sh('while :; do nix build --rebuild nixpkgs#x || :; done');
    busy.catch(() => undefined);
    assert.notDeepEqual(traces(lab.id), []);
    await lab.close();
    assert.deepEqual(traces(lab.id), []);
    await assert.rejects(busy, /h1 went down/);
    await lab.close();
  });

  it('leaves nothing when it could not be made whole', async () => {
    const before = liveLabs(defaultCache());
    await assert.rejects(Lab.create({ agent: '/no/such/agent.mjs' }), /agent\.mjs/);
    assert.deepEqual(liveLabs(defaultCache()), before);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const)
    it(`goes by itself when its owner dies of ${signal}`, async () => {
      const { id, kill } = await owner();
      assert.ok(liveLabs(defaultCache()).includes(id));
      assert.notDeepEqual(traces(id), []);
      await kill(signal);
      await gone(id);
    });

  it('is swept away by the next one when nobody else could do it', async () => {
    const { id, kill } = await owner();
    for (const pid of processes(id).filter(pid => isJanitor(read(`/proc/${pid}/cmdline`), id)))
      process.kill(pid, 'SIGKILL');
    await kill('SIGKILL');
    assert.notDeepEqual(traces(id), []);
    assert.ok(!liveLabs(defaultCache()).includes(id));
    const lines: string[] = [];
    await using _next = await Lab.create({ agent: PLACEHOLDER_AGENT, log: line => lines.push(line) });
    await gone(id);
    assert.ok(lines.some(line => line.includes(id)));
  });

  it('is left alone by others while its owner lives', async () => {
    await using lab = await Lab.create({ agent: PLACEHOLDER_AGENT });
    const host = await lab.boot('h1');
    const { id, kill } = await owner();
    assert.equal(await host.run(['hostname']), 'h1');
    await kill('SIGKILL');
    await gone(id);
    assert.equal(await host.run(['hostname']), 'h1');
  });
});
