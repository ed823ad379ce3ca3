// The lab by hand: `node test/hosts/lab/cli.ts` says how.
import { execaSync } from 'execa';
import { join } from 'node:path';
import { labCgroup } from './cgroup.ts';
import { enter } from './exec.ts';
import { PLACEHOLDER_AGENT } from './for-tests.ts';
import { defaultCache, Lab } from './lab.ts';
import { leaderOf } from './nspawn.ts';
import { liveLabs } from './registry.ts';

const USAGE = `usage:
  cli.ts up [HOST…]           boots and provisions hosts (h1), until Ctrl-C; AGENT names a bundle, else a placeholder runs
  cli.ts shell HOST [CMD…]    a root shell, or a command, in a host of any lab that is up`;

async function up(names: readonly string[]): Promise<void> {
  await using lab = await Lab.create({
    log: line => console.error(line),
    hosts: names,
    agent: process.env['AGENT'] ?? PLACEHOLDER_AGENT,
  });
  for (const name of names) {
    const host = await lab.boot(name);
    const { toplevel } = await host.provision();
    console.log(`${name} is up at ${host.address} with ${toplevel}\n  its disk: ${host.pathOf('/')}`);
  }
  console.log(`nixcfg, to commit and push in: ${lab.nixcfg.tree}\nCtrl-C takes all of it down`);
  // hosts do not keep this process alive
  const alive = setInterval(() => undefined, 1 << 30);
  await new Promise<void>(resolve => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  clearInterval(alive);
}

function shell(name: string, command: readonly string[]): void {
  const leader = liveLabs(defaultCache())
    .map(id => leaderOf(join(labCgroup(id), `host-${name}`)))
    .find(pid => pid !== undefined);
  if (leader === undefined) throw new Error(`no lab has a host ${name} that is up`);
  const [file = '', ...args] = enter(leader, command.length > 0 ? command : ['bash', '--login']);
  const result = execaSync(file, args, { stdio: 'inherit', reject: false });
  process.exitCode = result.exitCode ?? 255;
}

const [verb, name, ...rest] = process.argv.slice(2);
if (verb === 'up') await up(name === undefined ? ['h1'] : [name, ...rest]);
else if (verb === 'shell' && name !== undefined) shell(name, rest);
else {
  console.error(USAGE);
  process.exitCode = 2;
}
