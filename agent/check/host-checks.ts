import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { AgentConfig } from '../config.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { readToken } from '../link/token.ts';
import { findNixcfg, type FindResult, type Nixcfg } from '../nixcfg/find.ts';
import { statePaths } from '../run-directory/layout.ts';
import { firstLine, lookAtCheckout } from '../status/checkout.ts';
import { queryAs, type Query } from '../steps/query.ts';
import { findUser, type User } from '../steps/user.ts';
import { well, wrong, type Check, type Finding } from './check.ts';
import { checkRelay } from './relay-check.ts';
import { serviceChecks } from './service-checks.ts';
import { checkOwnState, checkSharedState } from './state-checks.ts';
import { userOfUnit } from './unit-checks.ts';

/** Everything that can be looked at once the configuration has been read. */
export function hostChecks(config: AgentConfig, launcher: Launcher): Check[] {
  const found = findNixcfg(config);
  const self = process.getuid?.();
  // what an agent without rights and its runs use is for root to see
  const isShared = config.launcher === 'systemd-unit' || config.launcher === 'inbox';
  const seesAll = !isShared || self === 0;
  const withNixcfg = (name: string, look: (nixcfg: Nixcfg, query: Query) => Promise<Finding>): Check[] => {
    if (!found.ok) return [];
    const { path, owner } = found.nixcfg;
    if (self !== 0 && self !== owner.uid) return [];
    const query = queryAs(owner, path, {
      sshKeyFile: config.git.sshKeyFile,
      knownHosts: config.git.knownHosts,
      accessTokensFile: config.nix.accessTokensFile,
    });
    return [{ name, look: () => look(found.nixcfg, query) }];
  };
  const forRoot: Check[] = [
    { name: 'state folder', look: () => (isShared ? checkShared(config) : checkOwnState(config.stateDir)) },
    { name: 'token', look: () => checkToken(config.tokenFile) },
    { name: 'relay', look: () => checkRelay(config) },
  ];
  return [
    ...(seesAll ? forRoot : [{ name: 'you', look: () => notRoot(self) }]),
    ...serviceChecks(config, launcher, seesAll),
    { name: 'nixcfg', look: () => checkNixcfg(found, self, seesAll) },
    ...withNixcfg('git remote', checkRemote),
    ...withNixcfg('input', (nixcfg, query) => checkInput(nixcfg, query, config.inputName)),
    ...withNixcfg('nix', checkNix),
  ];
}

function notRoot(self: number | undefined): Finding {
  return wrong(
    `${userInfo().username} (user ${self}) may not see all that the agent and its runs use`,
    'sudo nixfleet-agent check',
  );
}

async function checkShared({ stateDir, system, owner, launcher }: AgentConfig): Promise<Finding> {
  // elsewhere nothing says whose the agent is but its folder
  const agent = launcher === 'systemd-unit' ? await userOfUnit(system.unit) : ownerOf(statePaths(stateDir).inbox);
  if (!agent) return wrong(`the user of ${system.unit} does not exist`, 'Was this host rebuilt with the module?');
  return checkSharedState(stateDir, agent, owner === undefined ? undefined : findUser(owner));
}

function ownerOf(path: string): User | undefined {
  const uid = statSync(path, { throwIfNoEntry: false })?.uid;
  return uid === undefined ? undefined : findUser(uid);
}

function checkNixcfg(found: FindResult, self: number | undefined, seesAll: boolean): Finding {
  if (!found.ok) return wrong(found.message, seesAll ? found.advice : 'sudo nixfleet-agent check');
  const { path, owner } = found.nixcfg;
  if (self === 0 || self === owner.uid) return well(`${path} of ${owner.name}`);
  return wrong(`${path} belongs to ${owner.name}`, `Run this as ${owner.name} or root to have it looked at.`);
}

function checkToken(path: string): Finding {
  const token = readToken(path);
  if (!token.ok) return wrong(token.message, token.advice);
  const mode = statSync(path).mode & 0o777;
  if (mode & 0o004) {
    return wrong(`${path} may be read by everybody (mode ${mode.toString(8)})`, `chmod 400 ${path}`);
  }
  return well(path);
}

async function checkRemote({ path, owner }: Nixcfg, query: Query): Promise<Finding> {
  const upstream = await query(['git', 'rev-parse', '--abbrev-ref', '--symbolic-full-name', '@{upstream}']);
  if (upstream.exitCode !== 0) {
    return wrong(
      `the branch of ${path} has no upstream: ${firstLine(upstream.stderr)}`,
      `As ${owner.name}: git -C ${path} branch --set-upstream-to=origin/BRANCH`,
    );
  }
  const remote = await query(['git', 'ls-remote', '--quiet', '--exit-code', '--', ...(await remoteOf(query)), 'HEAD']);
  if (remote.exitCode === 0) return well(`${upstream.stdout.trim()} answers without a prompt`);
  return wrong(
    `the remote of ${path} does not answer without a prompt: ${firstLine(remote.stderr)}`,
    `As ${owner.name}: GIT_TERMINAL_PROMPT=0 git -C ${path} fetch. A service has no ssh-agent: a private remote needs git.sshKeyFile and git.knownHosts.`,
  );
}

async function remoteOf(query: Query): Promise<string[]> {
  const branch = (await query(['git', 'symbolic-ref', '--short', '--quiet', 'HEAD'])).stdout.trim();
  const remote = (await query(['git', 'config', '--get', `branch.${branch}.remote`])).stdout.trim();
  return [remote === '' ? 'origin' : remote];
}

async function checkInput({ path }: Nixcfg, query: Query, inputName: string): Promise<Finding> {
  const { input, problems } = await lookAtCheckout(query, path, inputName);
  return input
    ? well(`${inputName} is locked${input.rev === undefined ? '' : ` at ${input.rev.slice(0, 12)}`}`)
    : wrong(problems.at(-1) ?? `no input ${inputName}`, `Add the input to ${path}/flake.nix and lock it.`);
}

async function checkNix({ path }: Nixcfg, query: Query): Promise<Finding> {
  const version = await query(['nix', '--version']);
  if (version.exitCode !== 0)
    return wrong(`nix cannot be run: ${firstLine(version.stderr)}`, 'Install nix, or mend the PATH of the agent.');
  const name = version.stdout.trim();
  const flake = await query([
    'nix',
    '--extra-experimental-features',
    'nix-command flakes',
    'flake',
    'metadata',
    '--json',
    '--no-write-lock-file',
    '--',
    path,
  ]);
  return flake.exitCode === 0
    ? well(`${name} reads the flake`)
    : wrong(`${name} cannot read the flake: ${firstLine(flake.stderr)}`, `As its owner: nix flake metadata ${path}`);
}
