// A stand-in for NixOS' switch-to-configuration on a "host" that is a folder: `test` moves current-system and restarts the
// agent when it changed, `boot` moves boot-default, `switch` does both. There is no service manager: the agent's pid is
// in agent.pid.
import { spawn } from 'node:child_process';
import {
  existsSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const { out, root } = process.env;
const action = process.argv[2];
if (!['switch', 'test', 'boot'].includes(action)) {
  console.error('usage: switch-to-configuration switch | test | boot');
  process.exit(1);
}

const current = join(root, 'current-system');
const point = link => {
  rmSync(`${link}.new`, { force: true });
  symlinkSync(out, `${link}.new`);
  renameSync(`${link}.new`, link);
};
const agentOf = toplevel => readlinkSync(join(toplevel, 'agent'));

if (action !== 'test') point(join(root, 'boot-default'));
if (action !== 'boot') {
  console.error('activating the configuration...');
  const before = existsSync(current) ? agentOf(readlinkSync(current)) : undefined;
  point(current);
  if (before !== agentOf(out) || !isAlive(agentPid())) await restart();
}

async function restart() {
  console.error('restarting the following units: nixfleet-agent');
  const old = agentPid();
  if (isAlive(old)) process.kill(old, 'SIGTERM');
  for (let i = 0; i < 100 && isAlive(old); i++) await delay(50);
  const log = openSync(join(root, 'agent.log'), 'a');
  const agent = spawn(join(agentOf(out), 'bin/nixfleet-agent'), ['serve', '--config', join(root, 'config.json')], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  agent.unref();
  writeFileSync(join(root, 'agent.pid'), `${agent.pid}\n`);
}

function agentPid() {
  const file = join(root, 'agent.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

function isAlive(pid) {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
