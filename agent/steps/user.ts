import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** Somebody that children run as. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Whom this process runs as. */
export function currentUser(): User {
  const { username, uid, gid, homedir } = userInfo();
  return { name: username, uid, gid, home: process.env['HOME'] ?? homedir };
}

/** The user of that name or number; undefined when the host knows none. */
export function findUser(who: string | number): User | undefined {
  const self = currentUser();
  if (who === self.uid || who === self.name) return self;
  return parsePasswd(lookUp(who), who);
}

/** Finds a user in lines of passwd(5); of macOS's longer lines (`id -P`) the ends are what is read. */
export function parsePasswd(text: string, who: string | number): User | undefined {
  for (const line of text.split('\n')) {
    const parts = line.split(':');
    const [name, , uid, gid] = parts;
    const home = parts.at(-2);
    if (name === undefined || !home || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) continue;
    const user = { name, uid: Number(uid), gid: Number(gid), home };
    if (who === user.name || who === user.uid) return user;
  }
  return undefined;
}

function lookUp(who: string | number): string {
  const ask = process.platform === 'darwin' ? ['id', '-P', String(who)] : ['getent', 'passwd', String(who)];
  try {
    const [command = '', ...args] = ask;
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // no such command or no such user: the file has the local ones
    try {
      return readFileSync('/etc/passwd', 'utf8');
    } catch {
      return '';
    }
  }
}
