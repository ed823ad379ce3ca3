/**
 * A stand-in for launchd, for tests on machines that are no Mac. Started as `daemon.ts FOLDER`; `launchctl.mjs` asks it through
 * FOLDER/socket. It lives until it is told to end, or, with `--leashed`, as long as its standard input is open; its jobs end first.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { userInfo, type UserInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StandIn, type Client, type Fault, type Options } from './commands.ts';
import type { Surroundings } from './job.ts';

interface Request {
  readonly args: readonly string[];
  readonly client: Client;
  /** From the test, not from launchctl: what goes wrong on purpose. */
  readonly control?: { readonly fault?: Fault; readonly mend?: boolean; readonly gui?: boolean };
}

const folder = process.argv[2] ?? '';
const bin = join(folder, 'bin');
const options = JSON.parse(readFileSync(join(folder, 'options.json'), 'utf8')) as Options & {
  readonly environment: Readonly<Record<string, string>>;
  /** What is loaded at the start, as at a boot and a login: domain → folder of plists. */
  readonly boot: Readonly<Record<string, string>>;
};
const standIn = new StandIn(options, surroundings);

mkdirSync(bin, { recursive: true });
program('launchctl', `exec '${process.execPath}' '${join(import.meta.dirname, 'launchctl.mjs')}' '${folder}' "$@"`);
// what it waits for is there on every machine that tests run on, or nothing needs it
program('wait4path', 'exit 0');
program('sw_vers', `echo ${options.os}.0`);

for (const [domain, plists] of Object.entries(options.boot))
  for (const name of existsSync(plists) ? readdirSync(plists) : [])
    void standIn.run(['bootstrap', domain, join(plists, name)], { uid: statSync(join(plists, name)).uid, cwd: '/' });

const server = createServer(socket => void serve(socket));
server.listen(join(folder, 'socket'), () => {
  chmodSync(join(folder, 'socket'), 0o666);
  process.stdout.write('ready\n');
});
if (process.argv.includes('--leashed')) process.stdin.resume().on('end', () => void end());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end());

async function serve(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  try {
    for await (const line of createInterface({ input: socket })) await answer(socket, JSON.parse(line) as Request);
  } catch (error) {
    // a launchctl that was killed with its job reads no answer
    if (error !== socket.errored) throw error;
  }
}

async function answer(socket: Socket, { args, client, control }: Request): Promise<void> {
  if (control?.fault) standIn.faults.push(control.fault);
  if (control?.mend) standIn.faults.length = 0;
  if (control?.gui !== undefined) await logIn(control.gui);
  const reply = control ? { code: 0, stdout: '', stderr: '' } : await standIn.run(args, client);
  socket.end(`${JSON.stringify(reply)}\n`);
}

async function logIn(gui: boolean): Promise<void> {
  standIn.options.gui = gui;
  if (!gui) await standIn.endDomain('gui/');
}

async function end(): Promise<void> {
  server.close();
  await standIn.endDomain('');
  process.exit();
}

/** Whose processes a domain's jobs are, and what launchd gives them. */
function surroundings(uid: number | undefined, userName?: string): Omit<Surroundings, 'second'> {
  const self = userInfo({ encoding: 'utf8' });
  const who = userName ?? uid ?? 0;
  const user = who === self.uid || who === self.username ? fromSelf(self) : lookUp(String(who));
  const other = user.uid !== self.uid && self.uid === 0;
  const { environment } = options;
  return {
    bin,
    environment: { HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: '/bin/sh', ...environment },
    ...(other && { uid: user.uid, gid: user.gid }),
  };
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

function fromSelf({ username, uid, gid, homedir }: UserInfo<string>): User {
  return { name: username, uid, gid, home: homedir };
}

function lookUp(who: string): User {
  const [name = who, , uid, gid, , home = '/'] = execFileSync('getent', ['passwd', who], { encoding: 'utf8' })
    .trim()
    .split(':');
  return { name, uid: Number(uid), gid: Number(gid), home };
}

function program(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}
