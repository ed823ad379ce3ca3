/** Part of the stand-in for launchd: what `launchctl print` and `list` show, in macOS' shape (macOS 14 to 26). */
import { signalNumber, type Job } from './job.ts';

export function printJob(job: Job): string {
  const { keys, domain, state, pid, runs } = job;
  const isAgent = domain !== 'system';
  const program = keys.Program ?? keys.ProgramArguments?.[0] ?? '';
  return block(`${domain}/${keys.Label}`, [
    `active count = ${pid === undefined ? 0 : 1}`,
    `path = ${job.plist}`,
    `type = ${isAgent ? 'LaunchAgent' : 'LaunchDaemon'}`,
    `state = ${state}`,
    '',
    `program = ${program}`,
    'arguments = {',
    ...(keys.ProgramArguments ?? []).map(argument => `\t${argument}`),
    '}',
    '',
    ...(keys.WorkingDirectory === undefined ? [] : [`working directory = ${keys.WorkingDirectory}`, '']),
    ...(keys.StandardOutPath === undefined ? [] : [`stdout path = ${keys.StandardOutPath}`]),
    ...(keys.StandardErrorPath === undefined ? [] : [`stderr path = ${keys.StandardErrorPath}`]),
    'default environment = {',
    '\tPATH => /usr/bin:/bin:/usr/sbin:/sbin',
    '}',
    '',
    'environment = {',
    ...Object.entries(keys.EnvironmentVariables ?? {}).map(([name, value]) => `\t${name} => ${value}`),
    `\tXPC_SERVICE_NAME => ${keys.Label}`,
    '}',
    '',
    `domain = ${domain}${isAgent ? ' [100001]' : ''}`,
    `minimum runtime = ${keys.ThrottleInterval ?? 10}`,
    `exit timeout = ${keys.ExitTimeOut ?? 5}`,
    `runs = ${runs}`,
    ...(pid === undefined ? [] : [`pid = ${pid}`, 'immediate reason = speculative']),
    lastExit(job),
    '',
    // deeper lines of the same names, as on a Mac: who reads them for the job's own is wrong
    'resource coalition = {',
    '\tID = 4782',
    '\ttype = resource',
    '\tstate = active',
    '\tactive count = 1',
    `\tname = ${keys.Label}`,
    '}',
    '',
    'spawn type = daemon (3)',
    `properties = ${properties(job)}`,
  ]);
}

function lastExit({ lastExit: ended }: Job): string {
  if (!ended) return 'last exit code = (never exited)';
  if (ended.signal !== null)
    return `last terminating signal = ${SIGNAL_WORDS[ended.signal] ?? ended.signal}: ${signalNumber(ended.signal)}`;
  return `last exit code = ${ended.code === 78 ? '78: EX_CONFIG' : (ended.code ?? 0)}`;
}

const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGTERM: 'Terminated',
  SIGKILL: 'Killed',
  SIGABRT: 'Abort trap',
  SIGSEGV: 'Segmentation fault',
};

function properties({ keys }: Job): string {
  return [
    ...(keys.KeepAlive === true ? ['keepalive'] : []),
    ...(keys.RunAtLoad === true ? ['runatload'] : []),
    ...(keys.LaunchOnlyOnce === true ? ['launch only once'] : []),
    ...(keys.AbandonProcessGroup === true ? ['abandon process group'] : []),
    'inferred program',
  ].join(' | ');
}

export function printDomain(domain: string, jobs: readonly Job[]): string {
  return block(domain, [
    `type = ${domain === 'system' ? 'system' : domain.startsWith('gui/') ? 'login' : 'user'}`,
    'services = {',
    ...jobs.map(
      job =>
        `\t${String(job.pid ?? 0).padStart(8)} ${String(job.lastExit?.code ?? '-').padStart(6)} \t${job.keys.Label}`,
    ),
    '}',
  ]);
}

export function listJobs(jobs: readonly Job[]): string {
  const rows = jobs.map(job => {
    const { lastExit: ended } = job;
    const status = ended?.signal != null ? -signalNumber(ended.signal) : (ended?.code ?? 0);
    return `${job.pid ?? '-'}\t${status}\t${job.keys.Label}`;
  });
  return `${['PID\tStatus\tLabel', ...rows].join('\n')}\n`;
}

function block(name: string, lines: readonly string[]): string {
  return `${name} = {\n${lines.map(line => (line === '' ? '' : `\t${line}`)).join('\n')}\n}\n`;
}
