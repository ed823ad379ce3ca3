/** Whether the units of the NixOS module are there, and whether the agent may do with them what it must, and no more. */
import { execa } from 'execa';
import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunId } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import { runUnit } from '../launcher/systemd-unit.ts';
import { askSystemd } from '../platform/systemctl.ts';
import { processStartTime } from '../process.ts';
import { statePaths } from '../run-directory/layout.ts';
import { findProgram } from '../steps/as-user.ts';
import { findUser, type User } from '../steps/user.ts';
import { well, wrong, type Check, type Finding } from './check.ts';

/** The id of no run. */
const NO_RUN = '00000000000000000000000000' as RunId;
const REBUILD = 'Is services.nixfleet-agent.enable set in nixcfg, and was this host rebuilt since?';

/** @param asRoot whether what is root's to see can be seen */
export function unitChecks(config: AgentConfig, asRoot: boolean): Check[] {
  return [
    { name: 'agent', look: () => checkAgent(config.system.unit) },
    { name: 'launcher', look: checkTemplate },
    ...(asRoot ? [{ name: 'polkit', look: () => checkPolkit(config.system.unit) }] : []),
    { name: 'status', look: () => checkStatus(config) },
  ];
}

/** The user that a unit's processes have; undefined when there is none of that name. */
export async function userOfUnit(unit: string): Promise<User | undefined> {
  const name = (await show(unit))['User'] ?? '';
  return findUser(name === '' ? 'root' : name);
}

async function checkAgent(unit: string): Promise<Finding> {
  const { LoadState, ActiveState = 'unknown', SubState = '', User = '' } = await show(unit);
  if (LoadState !== 'loaded') return wrong(`there is no unit ${unit}`, REBUILD);
  return ActiveState === 'active'
    ? well(`${unit} runs as ${User === '' ? 'root' : User}`)
    : wrong(`${unit} is ${ActiveState} (${SubState})`, `journalctl -u ${unit}`);
}

async function checkTemplate(): Promise<Finding> {
  const unit = runUnit(NO_RUN);
  return (await show(unit))['LoadState'] === 'loaded'
    ? well('runs are units of their own, of the template nixfleet-run@.service')
    : wrong('there is no template unit nixfleet-run@.service', REBUILD);
}

/** Asks polkit what it would answer systemd when the agent starts a run, and when it starts something else. */
async function checkPolkit(unit: string): Promise<Finding> {
  const user = await userOfUnit(unit);
  if (!user) return wrong(`the user of ${unit} does not exist`, REBUILD);
  if (user.uid === 0) return well(`${unit} is root’s and needs no permission`);
  const pkcheck = findProgram('pkcheck', `${process.env['PATH'] ?? ''}:/run/current-system/sw/bin`);
  if (pkcheck === undefined)
    return wrong('there is no pkcheck', 'Without polkit no run can be started: set security.polkit.enable in nixcfg.');
  const may = async (verb: string, what: string): Promise<boolean | string> => {
    // this process, as if it were the agent's user's: root may ask in anybody's name
    const subject = `${process.pid},${processStartTime(process.pid) ?? ''},${user.uid}`;
    const action = ['--action-id', 'org.freedesktop.systemd1.manage-units', '--process', subject];
    const details = ['--detail', 'unit', what, '--detail', 'verb', verb];
    const answer = await execa(pkcheck, [...action, ...details], { reject: false, stdin: 'ignore', timeout: 20_000 });
    const { exitCode } = answer;
    // pkcheck(1): 0 authorized, 1 not, 2 and 3 not without a question; 127 an error
    return exitCode === undefined || exitCode > 3 ? answer.stderr || 'no answer' : exitCode === 0;
  };
  const run = await may('start', runUnit(NO_RUN));
  if (typeof run === 'string') return wrong(`polkit does not answer: ${run}`, 'systemctl status polkit');
  if (!run)
    return wrong(
      `polkit does not let ${user.name} start runs`,
      `Its rule is /etc/polkit-1/rules.d/50-nixfleet-agent.rules. ${REBUILD}`,
    );
  const other = await may('start', 'sshd.service');
  if (other !== false)
    return wrong(
      `polkit lets ${user.name} start any unit`,
      'Look for another rule in /etc/polkit-1/rules.d that is too broad.',
    );
  return well(`${user.name} may start runs, and nothing else`);
}

/** Milliseconds that the first status of a host that was set up just now may take. */
const FIRST_STATUS = 30_000;

async function checkStatus({ stateDir, statusInterval }: AgentConfig): Promise<Finding> {
  const { status } = statePaths(stateDir);
  const foundAt = (): number | undefined => statSync(status, { throwIfNoEntry: false })?.mtimeMs;
  const giveUpAt = performance.now() + FIRST_STATUS;
  while (foundAt() === undefined && performance.now() < giveUpAt && (await isFindingOut())) await delay(200);
  const at = foundAt();
  const advice = 'sudo systemctl start nixfleet-status, and journalctl -u nixfleet-status';
  if (at === undefined) return wrong(`${status} is not there: nobody has looked at the checkout yet`, advice);
  const minutes = Math.round((Date.now() - at) / 60_000);
  return Date.now() - at > 5 * statusInterval
    ? wrong(`what the agent shows of the checkout is ${minutes} min old`, advice)
    : well(`found out ${minutes} min ago`);
}

/** Whether a look may still be under way: the unit is there, and has not failed. */
async function isFindingOut(): Promise<boolean> {
  const { LoadState, ActiveState } = await show('nixfleet-status.service');
  return LoadState === 'loaded' && ActiveState !== 'failed';
}

async function show(unit: string): Promise<Partial<Record<string, string>>> {
  const properties = '--property=LoadState,ActiveState,SubState,User';
  const { stdout } = await askSystemd('system', ['systemctl', 'show', properties, unit]);
  const pairs = stdout.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  return Object.fromEntries(pairs) as Partial<Record<string, string>>;
}
