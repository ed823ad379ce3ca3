// A toplevel's bin/switch-to-configuration on a test host without systemd: moves the link of the current system and
// replaces the agent, which is a process that says of itself what a real one says.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

const toplevel = dirname(dirname(process.argv[1]));
const home = dirname(dirname(toplevel));
const action = process.argv[2];
const read = (file, otherwise) =>
  existsSync(join(toplevel, file)) ? readFileSync(join(toplevel, file), 'utf8') : otherwise;
const plan = JSON.parse(read('activation.json', '{}'));
appendFileSync(join(home, 'activations'), `${action} ${toplevel}\n`);

if (plan.at === 'check') finish();
if (action === 'boot') {
  rmSync(join(home, 'boot-default'), { force: true });
  symlinkSync(toplevel, join(home, 'boot-default'));
  process.exit(0);
}
console.error('activating the configuration...');
if (plan.at === 'stopping') finish();
rmSync(join(home, 'current-system'), { force: true });
symlinkSync(toplevel, join(home, 'current-system'));
const state = join(home, 'state/agent/agent.json');
const manifest = JSON.parse(read('etc/nixfleet/agent.json', 'null'));
const pidFile = join(home, 'agent-pid');
const running = existsSync(pidFile) ? JSON.parse(readFileSync(pidFile, 'utf8')) : undefined;
const alive = pid => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
if (!running || !alive(running.pid) || running.storePath !== manifest?.storePath) {
  if (running && alive(running.pid)) process.kill(running.pid, 'SIGKILL');
  rmSync(state, { force: true });
  const kind = read('agent-kind', 'normal');
  if (manifest && kind !== 'crash') {
    const program = join(manifest.storePath, 'bin/agent.mjs');
    const args = [program, state, JSON.stringify(manifest), kind, readFileSync(join(home, 'process-module'), 'utf8')];
    const agent = spawn(process.execPath, args, { detached: true, stdio: 'ignore' });
    agent.unref();
    writeFileSync(pidFile, JSON.stringify({ pid: agent.pid, storePath: manifest.storePath }));
    appendFileSync(join(home, 'agents'), `${agent.pid}\n`);
  }
}
finish();

function finish() {
  if (plan.fills) fill(plan.fills);
  for (let line = 0; line < (plan.lines ?? 0); line++) say(`stopping unit ${line}`);
  // nothing that comes after this is done; a test that failed and left it takes it along with its folder
  while (plan.hang && existsSync(home)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  for (const line of plan.stderr ?? []) console.error(line);
  process.exit(plan.exit ?? 0);
}

/** Writes a file until there is no room for another byte. */
function fill(path) {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(4096));
  } catch {
    // the disk is full
  }
}

/** Whatever becomes of it: the disk may be full. */
function say(line) {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // it was said
  }
}
