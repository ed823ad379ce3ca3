import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { execa } from 'execa';
import type { AgentConfig } from '../config.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { readToken } from '../link/token.ts';
import { findNixcfg, type Nixcfg } from '../nixcfg/find.ts';
import { firstLine, lookAtCheckout } from '../status/checkout.ts';
import { queryAs, type Query } from '../steps/query.ts';
import { well, wrong, type Check, type Finding } from './check.ts';
import { checkRelay } from './relay-check.ts';

/** Everything that can be looked at once the configuration has been read. */
export function hostChecks(config: AgentConfig, launcher: Launcher): Check[] {
  const found = findNixcfg(config);
  const withNixcfg = (name: string, look: (nixcfg: Nixcfg, query: Query) => Promise<Finding>): Check[] => {
    if (!found.ok) return [];
    const { path, owner } = found.nixcfg;
    const query = queryAs(owner, path, {
      sshKeyFile: config.git.sshKeyFile,
      knownHosts: config.git.knownHosts,
      accessTokensFile: config.nix.accessTokensFile,
    });
    return [{ name, look: () => look(found.nixcfg, query) }];
  };
  return [
    { name: 'state folder', look: () => checkStateFolder(config.stateDir) },
    { name: 'token', look: () => checkToken(config.tokenFile) },
    { name: 'relay', look: () => checkRelay(config) },
    { name: 'launcher', look: () => checkLauncher(launcher) },
    {
      name: 'nixcfg',
      look: () =>
        found.ok ? well(`${found.nixcfg.path} of ${found.nixcfg.owner.name}`) : wrong(found.message, found.advice),
    },
    ...withNixcfg('git remote', checkRemote),
    ...withNixcfg('input', (nixcfg, query) => checkInput(nixcfg, query, config.inputName)),
    ...withNixcfg('nix', checkNix),
  ];
}

function checkStateFolder(path: string): Finding {
  if (!existsSync(path))
    return wrong(`${path} does not exist`, 'Start the agent once; it makes its state folder itself.');
  try {
    accessSync(path, constants.W_OK);
    return well(path);
  } catch {
    return wrong(`${path} may not be written`, 'Run this as the user that the agent runs as.');
  }
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

async function checkLauncher(launcher: Launcher): Promise<Finding> {
  if (launcher.name !== 'systemd')
    return well('runs get a session of their own (setsid); with systemd and as root they would get units of their own');
  const answer = await execa('systemctl', ['show', '--property=Version', '--value'], {
    reject: false,
    stdin: 'ignore',
    timeout: 10_000,
  });
  return answer.exitCode === 0
    ? well(`runs get units of their own, systemd ${answer.stdout.trim()}`)
    : wrong('systemd does not answer', 'Is this host booted with systemd? Else set launcher to setsid.');
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
