/** Whether the service manager would start runs, and keeps the agent. */
import { execa } from 'execa';
import type { AgentConfig } from '../config.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { domainsOf, explain, launchctl } from '../platform/launchctl.ts';
import { lingerProblem } from '../platform/linger.ts';
import { RUNNER_LABEL } from '../platform/places.ts';
import { unitChecks } from './unit-checks.ts';
import { well, wrong, type Check, type Finding } from './check.ts';

/** @param asRoot whether what is root's to see can be seen */
export function serviceChecks(config: AgentConfig, launcher: Launcher, asRoot: boolean): Check[] {
  if (config.launcher === 'systemd-unit') return unitChecks(config, asRoot);
  const lingers = config.platform === 'home-manager' && process.platform === 'linux';
  return [
    { name: 'launcher', look: () => checkLauncher(config, launcher) },
    ...(lingers ? [{ name: 'linger', look: () => checkLinger(config) }] : []),
  ];
}

function checkLauncher(config: AgentConfig, launcher: Launcher): Promise<Finding> | Finding {
  switch (launcher.name) {
    case 'setsid':
      return well(
        'runs get a session of their own (setsid); with systemd and as root they would get units of their own',
      );
    case 'systemd':
      return checkSystemd();
    case 'launchd':
      return config.platform === 'nix-darwin' ? checkRunnerDaemon() : checkDomain();
  }
}

async function checkSystemd(): Promise<Finding> {
  const answer = await execa('systemctl', ['show', '--property=Version', '--value'], {
    reject: false,
    stdin: 'ignore',
    timeout: 10_000,
  });
  return answer.exitCode === 0
    ? well(`runs get units of their own, systemd ${answer.stdout.trim()}`)
    : wrong('systemd does not answer', 'Is this host booted with systemd? Else set launcher to setsid.');
}

async function checkDomain(): Promise<Finding> {
  const [gui = '', user] = domainsOf(process.getuid?.() ?? 0);
  const screen = await launchctl('print', gui);
  if (screen.code === 0) return well(`runs get launchd jobs of their own in ${gui}`);
  if (user === undefined) return wrong(`launchd does not answer: ${explain(screen)}`, 'Is this a Mac?');
  const background = await launchctl('print', user);
  return background.code === 0
    ? well(`runs get launchd jobs of their own in ${user}: nobody is logged in at the screen (${gui} is not there)`)
    : wrong(`launchd has neither ${gui} nor ${user}: ${explain(background)}`, 'Log in at the screen, or by SSH.');
}

async function checkRunnerDaemon(): Promise<Finding> {
  const answer = await launchctl('print', `system/${RUNNER_LABEL}`);
  return answer.code === 0
    ? well(`the daemon ${RUNNER_LABEL} watches the inbox`)
    : wrong(
        `the daemon ${RUNNER_LABEL}, which starts what lies in the inbox, is not loaded: ${explain(answer)}`,
        `sudo launchctl bootstrap system /Library/LaunchDaemons/${RUNNER_LABEL}.plist`,
      );
}

function checkLinger(config: AgentConfig): Finding {
  const problem = lingerProblem(config);
  return problem ? wrong(problem.message, problem.advice) : well('the agent outlives a logout and starts at boot');
}
