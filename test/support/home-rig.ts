/** A fleet of one host that is no NixOS: a home on Linux, or what stands in for a Mac; and how a person finds it. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import type { Phase, RunId, UpdateRequest } from '../../protocol/index.ts';
import { assertNothingWasLost, assertOutcome } from '../fleet/oracle.ts';
import { Homes, type HomeSpec } from '../hosts/lab/homes.ts';
import { OWNER, OWNER_HOME, type TestHost } from '../hosts/lab/host.ts';
import { StandInLaunchd } from '../launchd/launchd.ts';
import { Fleet } from './fleet.ts';
import type { Operator, WatchedRun } from './operator.ts';

export const OWNER_UID = 1000;

/** For an agent that will not come: long enough for the old one to come back. */
export const IMPATIENT: Partial<UpdateRequest> = { deadlines: { confirming: 10_000 } };
const RUNTIME = `/run/user/${OWNER_UID}`;

/** The host as a person would find it. */
export interface HomeFacts {
  /** What was activated, and what the profile points to. */
  readonly current: string;
  readonly profile: string;
  /** What launchd's plist of the agent says, or the user's unit. */
  readonly job: string;
  readonly agentVersion: string;
  readonly head: string;
  readonly lock: string;
  readonly status: string;
  /** What is there of that which only a generation with `brings` has. */
  readonly brought: readonly string[];
}

interface Kind {
  readonly current: string;
  readonly profile: string;
  readonly job: string;
  readonly stateDir: string;
  readonly token: string;
  /** The agent's job below launchd. */
  readonly target?: string;
  /** Where the jobs of runs are, below launchd. */
  readonly domain?: string;
}

const HOME = {
  current: `${OWNER_HOME}/.local/state/home-manager/gcroots/current-home`,
  profile: `${OWNER_HOME}/.local/state/nix/profiles/home-manager`,
  stateDir: `${OWNER_HOME}/.local/state/nixfleet-agent`,
  token: `${OWNER_HOME}/.config/nixfleet/token`,
};
const GUI = `gui/${OWNER_UID}`;
const KINDS: Record<HomeSpec['kind'], Kind> = {
  'linux-home': { ...HOME, job: `${OWNER_HOME}/.config/systemd/user/nixfleet-agent.service` },
  'mac-home': {
    ...HOME,
    job: `${OWNER_HOME}/Library/LaunchAgents/org.nix-community.home.nixfleet-agent.plist`,
    target: `${GUI}/org.nix-community.home.nixfleet-agent`,
    domain: GUI,
  },
  mac: {
    current: '/run/current-system',
    profile: '/nix/var/nix/profiles/system',
    job: '/Library/LaunchDaemons/org.nixfleet.agent.plist',
    stateDir: '/var/lib/nixfleet-agent',
    token: '/etc/nixfleet/token',
    target: 'system/org.nixfleet.agent',
    domain: 'system',
  },
};

export class HomeRig implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly homes: Homes;
  readonly host: TestHost;
  readonly operator: Operator;
  readonly kind: Kind;
  /** Of a Mac. */
  readonly launchd: StandInLaunchd;
  #version = 0;

  private constructor(
    fleet: Fleet,
    homes: Homes,
    host: TestHost,
    operator: Operator,
    kind: Kind,
    launchd: StandInLaunchd | undefined,
  ) {
    this.fleet = fleet;
    this.homes = homes;
    this.host = host;
    this.operator = operator;
    this.kind = kind;
    this.launchd = launchd as StandInLaunchd;
  }

  /** Boots the host `h1` with an agent 1.0.0 that is connected. */
  static async start(kind: HomeSpec['kind'], spec: Partial<HomeSpec> = {}): Promise<HomeRig> {
    const fleet = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    try {
      const homes = await Homes.of(fleet.lab);
      const host = await fleet.lab.boot('h1');
      const { token } = KINDS[kind];
      const uid = kind === 'mac' ? 0 : OWNER_UID;
      const launchd = kind === 'linux-home' ? undefined : await StandInLaunchd.on(host, uid, { second: 200 });
      if (kind === 'linux-home') await startUserManager(host);
      const options = { ...fleet.optionsOf('h1'), tokenFile: token };
      await homes.configure('h1', { kind, options, ...spec });
      await homes.provision(host);
      // only then a Mac has the agent's user; an agent without a token waits for one
      host.writeFile(token, await fleet.relay.enroll('h1'), {
        owner: kind === 'mac' ? '_nixfleet' : OWNER,
        mode: 0o400,
      });
      const operator = await fleet.operator();
      await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online, 30_000);
      return new HomeRig(fleet, homes, host, operator, KINDS[kind], launchd);
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  /** The host is sound from the next update on, with what else is said of it. */
  async configure(more: Partial<HomeSpec> = {}): Promise<void> {
    const { options, ...rest } = more;
    await this.homes.configure('h1', {
      agent: 'normal',
      standIn: {},
      otherRunner: false,
      brings: false,
      ...rest,
      options: { ...this.fleet.optionsOf('h1'), tokenFile: this.kind.token, ...options },
    });
  }

  /** A new version of the agent; the next update brings it. */
  async publish(): Promise<string> {
    const version = `2.0.${++this.#version}`;
    await this.fleet.lab.nixfleet.publish(version);
    return version;
  }

  /** Asks for an update and follows it to its end. */
  async update(ask: Partial<UpdateRequest> = {}): Promise<WatchedRun> {
    const run = await this.operator.finished(await this.operator.update('h1', ask));
    assertNothingWasLost(this.host, run, this.kind.stateDir);
    return run;
  }

  async facts(): Promise<HomeFacts> {
    const { host, kind } = this;
    const git = (...args: string[]): Promise<string> =>
      host.run(['git', '-C', host.checkout, ...args], { user: OWNER });
    return {
      current: host.realPath(kind.current),
      profile: host.realPath(kind.profile),
      job: host.readFile(kind.job),
      agentVersion: await this.#agentVersion(),
      head: await git('rev-parse', 'HEAD'),
      lock: host.readFile(join(host.flake, 'flake.lock')),
      status: await git('status', '--porcelain'),
      brought: await this.brought(),
    };
  }

  async brought(): Promise<readonly string[]> {
    const { domain } = this.kind;
    const jobs =
      domain === undefined
        ? await this.systemctl('list-units', '--all', '--plain', '--no-legend', 'brought.service')
        : (await this.launchd.launchctl('print', domain)).stdout;
    const folders = [OWNER_HOME, dirname(this.kind.job)].map(folder => `${folder}/*brought*`);
    const { stdout: files } = await this.host.sh(`ls -d ${folders.join(' ')} 2> /dev/null || true`);
    return [...new Set(jobs.match(/\S*brought\S*/g)), ...files.split('\n').filter(Boolean)];
  }

  /** Waits for a phase as the host has it: the agent, which would tell, may be gone. */
  async reached(runId: RunId, phase: Phase): Promise<void> {
    const journal = join(this.kind.stateDir, 'runs', runId, 'journal.ndjson');
    await this.host.waitFor(() => this.host.readFile(journal).includes(`"phase":"${phase}"`), {
      what: `the phase ${phase}`,
      deadline: 90_000,
    });
  }

  /** Starts the user's own systemd, as a boot does where the user lingers. */
  linger(): Promise<void> {
    return startUserManager(this.host);
  }

  async agentPid(): Promise<number> {
    const { target } = this.kind;
    if (target === undefined)
      return Number(await this.systemctl('show', '--property=MainPID', '--value', 'nixfleet-agent.service'));
    const { stdout } = await this.launchd.launchctl('print', target);
    return Number(/^\tpid = (\d+)$/m.exec(stdout)?.[1] ?? 0);
  }

  async #agentVersion(): Promise<string> {
    const pid = await this.agentPid();
    const command = pid === 0 ? '' : await this.host.run(['cat', `/proc/${pid}/cmdline`]);
    return /nixfleet-agent-([0-9.]+)\//.exec(command)?.[1] ?? '';
  }

  /** `systemctl --user` as the owner. */
  systemctl(...args: string[]): Promise<string> {
    return this.host.run(['systemctl', '--user', ...args], { user: OWNER, env: { XDG_RUNTIME_DIR: RUNTIME } });
  }

  /** The new generation is what there is, and its agent the one that runs. */
  async assertUpdatedTo(run: WatchedRun, version: string): Promise<void> {
    assertOutcome(run, 'succeeded');
    const { built } = run.state;
    const facts = await this.facts();
    assert.equal(built?.manifest.version, version);
    assert.deepEqual([facts.current, facts.profile, facts.agentVersion], [built.toplevel, built.toplevel, version]);
    assert.equal(await this.host.run(['find', OWNER_HOME, '!', '-user', OWNER]), '', 'nothing of root’s in the home');
  }

  close(): Promise<void> {
    return this.fleet.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The owner's own systemd, as a login or lingering starts it; there is no logind on a test host, which tells where it lives. */
async function startUserManager(host: TestHost): Promise<void> {
  const unit = `user@${OWNER_UID}.service`;
  host.writeFile(`/etc/systemd/system/${unit}.d/lab.conf`, `[Service]\nEnvironment=XDG_RUNTIME_DIR=${RUNTIME}\n`);
  const begun = await host.sh(`systemctl daemon-reload; systemctl start ${unit}`);
  if (begun.exitCode !== 0) throw new Error(`the user's systemd does not start: ${begun.stderr}`);
}
