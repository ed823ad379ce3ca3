/** Part of the stand-in for launchd: its domains, and what each of launchctl's commands does and answers. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Job, type Surroundings } from './job.ts';
import { checkJob, plain, type JobKeys } from './job-keys.ts';
import { failed, noDomain, noService, usage, well, wordsOf, type Reply } from './messages.ts';
import { parsePlist } from './plist.ts';
import { listJobs, printDomain, printJob } from './print.ts';

export interface Options {
  /** macOS' version: `bootout --wait` is known from 26 on. */
  readonly os: number;
  /** Whether somebody is logged in at the screen: without, there is no domain gui/UID. */
  gui: boolean;
  /** Milliseconds of a second of launchd's: how fast throttling and clearing up go. */
  readonly second: number;
  /** Seconds after a bootout within which the label is not free yet. */
  readonly cleanup: number;
}

/** Who asks. */
export interface Client {
  readonly uid: number;
  readonly cwd: string;
}

/** The next so many commands of a kind are answered with a code and do nothing. */
export interface Fault {
  readonly command: string;
  readonly label?: string;
  /** Only where a plist that the command names holds this text. */
  readonly holding?: string;
  readonly code: number;
  times: number;
}

/** The surroundings of a job of that user's, or, without one, of the system's. */
export type SurroundingsOf = (uid: number | undefined, userName?: string) => Omit<Surroundings, 'second'>;

const REMOVAL_POLL_MS = 10;

export class StandIn {
  readonly options: Options;
  readonly faults: Fault[] = [];
  readonly #surroundings: SurroundingsOf;
  readonly #jobs = new Map<string, Job>();
  /** Labels that were booted out and are not free yet. */
  readonly #clearing = new Set<string>();
  readonly #disabled = new Set<string>();

  constructor(options: Options, surroundings: SurroundingsOf) {
    this.options = options;
    this.#surroundings = surroundings;
  }

  async run(args: readonly string[], client: Client): Promise<Reply> {
    const [command = '', ...rest] = args;
    const fault = this.#faultFor(command, rest);
    if (fault) return failed(VERB[command] ?? command, fault.code);
    switch (command) {
      case 'bootstrap':
        return this.#bootstrap(rest, client);
      case 'bootout':
        return this.#bootout(rest, client);
      case 'kickstart':
        return this.#kickstart(rest, client);
      case 'print':
        return this.#print(rest);
      case 'print-disabled':
        return well(
          `\tdisabled services = {\n${[...this.#disabled].map(label => `\t\t"${label}" => disabled\n`).join('')}\t}\n`,
        );
      case 'list':
        return this.#list(rest, client);
      case 'enable':
      case 'disable':
        return this.#enable(command, rest, client);
      case 'kill':
        return this.#kill(rest, client);
      case 'load':
      case 'unload':
        return this.#legacy(command, rest, client);
      case 'error':
        return well(`${rest[0] ?? ''}: ${wordsOf(Number(rest[0]))}\n`);
      default:
        return usage(`Unrecognized subcommand: ${command}`);
    }
  }

  /** The jobs of a domain end with it. */
  async endDomain(kind: string): Promise<void> {
    const ending = [...this.#jobs].filter(([target]) => target.startsWith(kind));
    await Promise.all(
      ending.map(async ([target, job]) => {
        await job.remove();
        this.#jobs.delete(target);
      }),
    );
  }

  #faultFor(command: string, args: readonly string[]): Fault | undefined {
    const fault = this.faults.find(
      ({ command: of, label, holding, times }) =>
        of === command &&
        times > 0 &&
        (label === undefined || args.some(argument => argument.includes(label))) &&
        (holding === undefined || args.some(argument => textOf(argument).includes(holding))),
    );
    if (fault) fault.times--;
    return fault;
  }

  #bootstrap([domain = '', ...paths]: readonly string[], client: Client): Reply {
    const refused = this.#mayNot(domain, client);
    if (refused !== undefined) return failed('Bootstrap', refused);
    if (paths.length === 0)
      return usage('Usage: launchctl bootstrap <domain-target> [service-path, service-path2, ...]');
    const codes = paths.map(path => this.#load(domain, path, client)).filter(result => result.code !== 0);
    const [first] = codes;
    return first ? failed('Bootstrap', first.code, first.why) : well();
  }

  #load(domain: string, path: string, client: Client, whatever = false): { code: number; why: string } {
    const answer = (code: number, why = ''): { code: number; why: string } => ({ code, why });
    let keys: JobKeys;
    let real: string;
    try {
      real = realpathSync(path.startsWith('/') ? path : `${client.cwd}/${path}`);
      const stat = statSync(real);
      if ((stat.mode & 0o022) !== 0 || (stat.uid !== 0 && stat.uid !== client.uid)) return answer(122);
      const parsed = parsePlist(readFileSync(real, 'utf8'));
      const problems = checkJob(parsed);
      if (problems.length > 0) return answer(109, problems.map(problem => `stand-in: ${path}: ${problem}\n`).join(''));
      keys = plain(parsed) as JobKeys;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return answer(5);
      return answer(109, `stand-in: ${path}: ${(error as Error).message}\n`);
    }
    const target = `${domain}/${keys.Label}`;
    if (this.#clearing.has(target)) return answer(5);
    if (this.#jobs.has(target)) return answer(37);
    if (this.#disabled.has(keys.Label) || (keys.Disabled === true && !whatever)) return answer(119);
    if (!fitsSession(domain, keys.LimitLoadToSessionType)) return answer(134);
    const uid = uidOf(domain);
    const here = { ...this.#surroundings(uid, keys.UserName), second: this.options.second };
    const job = new Job(keys, real, domain, here);
    this.#jobs.set(target, job);
    job.load();
    return answer(0);
  }

  async #bootout(args: readonly string[], client: Client): Promise<Reply> {
    const waits = args[0] === '--wait';
    if (waits && this.options.os < 26)
      return usage(
        'Unrecognized target specifier.\nUsage: launchctl bootout <domain-target> [service-path1, service-path2, ...] | <service-target>',
      );
    const target = (waits ? args[1] : args[0]) ?? '';
    const { domain, label } = split(target);
    const refused = this.#mayNot(domain, client);
    if (refused !== undefined) return failed('Boot-out', refused);
    const job = this.#jobs.get(target);
    if (label === '' || !job) return failed('Boot-out', 3);
    if (job.isBeingRemoved) return failed('Boot-out', 36);
    const removed = this.#remove(target, job);
    if (waits) await removed;
    return well();
  }

  /** launchd answers before the process has gone, and sets the label free a while after. */
  async #remove(target: string, job: Job, cleanup = this.options.cleanup): Promise<void> {
    const freeAt = performance.now() + (job.pid === undefined ? 0 : cleanup * this.options.second);
    await job.remove();
    this.#jobs.delete(target);
    if (performance.now() >= freeAt) return;
    this.#clearing.add(target);
    await delay(freeAt - performance.now());
    this.#clearing.delete(target);
  }

  async #kickstart(args: readonly string[], client: Client): Promise<Reply> {
    const flags = args.filter(argument => argument.startsWith('-'));
    const target = args.find(argument => !argument.startsWith('-')) ?? '';
    const { domain, label } = split(target);
    const refused = this.#mayNot(domain, client);
    if (refused !== undefined) return failed('Could not kickstart service', refused);
    const job = this.#jobs.get(target);
    if (!job || job.isBeingRemoved)
      return { ...noService(label, domain), stderr: noService(label, domain).stderr.replace('Bad request.\n', '') };
    if (flags.some(flag => flag.includes('k')) && job.pid !== undefined) {
      const { pid } = job;
      job.signal('SIGKILL');
      while (job.pid === pid) await delay(REMOVAL_POLL_MS);
    }
    if (!job.start()) return failed('Could not kickstart service', 139);
    return well(flags.some(flag => flag.includes('p')) ? `service spawned with pid: ${job.pid ?? 0}\n` : '');
  }

  #print([target = '']: readonly string[]): Reply {
    const { domain, label } = split(target);
    if (!this.#exists(domain)) return noDomain(domain);
    if (label === '')
      return well(
        printDomain(
          domain,
          [...this.#jobs.values()].filter(job => job.domain === domain),
        ),
      );
    const job = this.#jobs.get(target);
    return job ? well(printJob(job)) : noService(label, domain);
  }

  #list([label]: readonly string[], client: Client): Reply {
    const domain = this.#ownDomain(client);
    const jobs = [...this.#jobs.values()].filter(job => job.domain === domain);
    if (label === undefined) return well(listJobs(jobs));
    const job = jobs.find(({ keys }) => keys.Label === label);
    return job
      ? well(`{\n\t"Label" = "${label}";\n${job.pid === undefined ? '' : `\t"PID" = ${job.pid};\n`}};\n`)
      : { code: 113, stdout: '', stderr: `Could not find service "${label}" in domain for port\n` };
  }

  #enable(command: 'enable' | 'disable', [target = '']: readonly string[], client: Client): Reply {
    const { domain, label } = split(target);
    const refused = this.#mayNot(domain, client);
    if (refused !== undefined) return failed(`Could not ${command} service`, refused);
    if (command === 'enable') this.#disabled.delete(label);
    else this.#disabled.add(label);
    return well();
  }

  #kill([signal = '', target = '']: readonly string[], client: Client): Reply {
    const { domain, label } = split(target);
    const refused = this.#mayNot(domain, client);
    if (refused !== undefined) return failed('Could not signal service', refused);
    const job = this.#jobs.get(target);
    if (!job) return noService(label, domain);
    job.signal((signal.startsWith('SIG') ? signal : `SIG${signal}`) as NodeJS.Signals);
    return well();
  }

  /** `load` and `unload` of old, as nix-darwin uses them: what goes wrong is said, and the exit code is 0. */
  async #legacy(command: 'load' | 'unload', args: readonly string[], client: Client): Promise<Reply> {
    const domain = this.#ownDomain(client);
    const said: string[] = [];
    for (const path of args.filter(argument => !argument.startsWith('-'))) {
      if (command === 'load') {
        if (args.includes('-w')) this.#disabled.delete(labelOf(path));
        const { code, why } = this.#load(domain, path, client, args.includes('-w'));
        if (code !== 0) said.push(`Load failed: ${code}: ${wordsOf(code)}\n${why}`);
        continue;
      }
      const target = `${domain}/${labelOf(path)}`;
      const job = this.#jobs.get(target);
      if (!job) said.push('Unload failed: 5: Input/output error\n');
      else await this.#remove(target, job, 0);
    }
    return { code: 0, stdout: '', stderr: said.join('') };
  }

  #exists(domain: string): boolean {
    if (domain === 'system') return true;
    return domain.startsWith('gui/') ? this.options.gui : domain.startsWith('user/');
  }

  /** The code that refuses a client; undefined where it may change a domain that is there. */
  #mayNot(domain: string, { uid }: Client): number | undefined {
    if (!this.#exists(domain)) return 125;
    return uid === 0 || uid === uidOf(domain) ? undefined : 1;
  }

  #ownDomain({ uid }: Client): string {
    return uid === 0 ? 'system' : this.options.gui ? `gui/${uid}` : `user/${uid}`;
  }
}

const VERB: Readonly<Record<string, string>> = {
  bootstrap: 'Bootstrap',
  bootout: 'Boot-out',
  kickstart: 'Could not kickstart service',
};

function split(target: string): { domain: string; label: string } {
  const parts = target.split('/');
  const length = parts[0] === 'system' ? 1 : 2;
  return { domain: parts.slice(0, length).join('/'), label: parts.slice(length).join('/') };
}

function uidOf(domain: string): number | undefined {
  const uid = Number(domain.split('/')[1]);
  return Number.isInteger(uid) ? uid : undefined;
}

/** Without the key a job is for a login at the screen (launchd.plist(5)). */
function fitsSession(domain: string, type: string | readonly string[] = 'Aqua'): boolean {
  if (domain === 'system') return true;
  return [type].flat().includes(domain.startsWith('gui/') ? 'Aqua' : 'Background');
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function labelOf(path: string): string {
  try {
    const parsed = parsePlist(readFileSync(path, 'utf8'));
    const label = parsed.type === 'dict' ? parsed.value.get('Label') : undefined;
    return label?.type === 'string' ? label.value : '';
  } catch {
    return '';
  }
}
