import type { BuildProgress, PackageChange, Reason } from '../../../protocol/index.ts';
import type { PanelOutage } from '../run-source.ts';
import { BEGUN_AT, BEFORE, REV, Story } from './story.ts';

/** A run at one moment, as the panel meets it. */
export interface Scenario {
  readonly story: Story;
  readonly summary?: Parameters<Story['summary']>[0];
  readonly output: string;
  readonly outputEnded?: boolean;
  readonly lockBefore?: string;
  readonly lockAfter?: string;
  readonly online?: boolean;
  readonly gone?: boolean;
  readonly outage?: PanelOutage;
}

const COMMITS = [
  'web: serve the new landing page from its own virtual host',
  'backup: keep weekly snapshots for half a year',
  'Bump nixpkgs to the 25.11 release of June',
];

const dim = (text: string): string => `\x1b[2m${text}\x1b[0m`;

const PULLED = `Updating 0c4d7e2..7be1902
Fast-forward
 hosts/web-01.nix | 12 ++++++++\x1b[31m----\x1b[m
 1 file changed, 8 insertions(+), 4 deletions(-)
`;
const LOCKED = `\x1b[35;1mwarning:\x1b[0m updating lock file "/home/ana/Code/nixcfg/flake.lock":
• Updated input '\x1b[1mnixfleet\x1b[0m':
    'github:nixfleet/nixfleet/3b1f6a2' (2026-05-05)
  → 'github:nixfleet/nixfleet/a94c02e' (2026-06-02)
`;

export function buildOutput(lines: number): string {
  const derivations = [
    'nixfleet-agent-2.4.0',
    'unit-nixfleet-agent.service',
    'etc',
    'system-units',
    'nixos-system-web-01-25.11',
  ];
  const text = [
    `\x1b[1mthese ${derivations.length} derivations will be built:\x1b[0m`,
    ...derivations.map(name => `  /nix/store/${'d'.repeat(32)}-${name}.drv`),
  ];
  const steps = [
    'unpacking sources',
    'patching sources',
    'configuring',
    'building',
    'running tests',
    'installing',
    'fixup',
  ];
  for (let i = 0; text.length < lines; i++) {
    const name = derivations[Math.floor(i / 40) % derivations.length] ?? '';
    if (i % 40 === 0) text.push(`\x1b[34;1mbuilding\x1b[0m '/nix/store/${'d'.repeat(32)}-${name}.drv'...`);
    else if (i % 8 === 1)
      text.push(`${dim(`${name}>`)} \x1b[32m${steps[Math.floor(i / 8) % steps.length] ?? ''}\x1b[0m`);
    else if (i % 29 === 7)
      text.push(
        `${dim(`${name}>`)} \x1b[33mwarning:\x1b[0m unused variable \x1b[1m\`retry\`\x1b[0m in src/link/${i}.ts`,
      );
    else
      text.push(
        `${dim(`${name}>`)} cc -O2 -fstack-protector-strong -c src/part-${String(i).padStart(4, '0')}.c -o build/part-${i}.o`,
      );
  }
  return `${text.join('\n')}\n`;
}

/** A lock with these inputs, each at one of two revisions. */
function lockOf(
  inputs: readonly { name: string; owner: string; repo: string; rev: string; at: number; type?: string }[],
): string {
  const nodes = Object.fromEntries(
    inputs.map(({ name, owner, repo, rev, at, type = 'github' }) => [
      name,
      {
        locked: {
          lastModified: at,
          narHash: `sha256-${rev.slice(0, 20)}AAAAAAAAAAAAAAAAAAAAAAA=`,
          owner,
          repo,
          rev,
          type,
        },
        original: { owner, repo, type },
      },
    ]),
  );
  const root = { inputs: Object.fromEntries(inputs.map(({ name }) => [name, name])) };
  return JSON.stringify({ nodes: { ...nodes, root }, root: 'root', version: 7 }, null, 2);
}

const nixfleet = (rev: string, at: number): Parameters<typeof lockOf>[0][number] => ({
  name: 'nixfleet',
  owner: 'nixfleet',
  repo: 'nixfleet',
  rev,
  at,
});
const nixpkgs = { name: 'nixpkgs', owner: 'NixOS', repo: 'nixpkgs', rev: REV.head, at: 1_777_000_000 };
const LOCK_BEFORE = lockOf([nixfleet(REV.old, 1_778_000_000), nixpkgs]);
const LOCK_AFTER = lockOf([nixfleet(REV.new, 1_780_400_000), nixpkgs]);
const LOCKS = { lockBefore: LOCK_BEFORE, lockAfter: LOCK_AFTER };

function manyInputs(count: number, after: boolean): string {
  const names = [
    'home-manager',
    'nixos-hardware',
    'agenix',
    'disko',
    'impermanence',
    'flake-utils',
    'treefmt-nix',
    'nixvim',
  ];
  return lockOf(
    Array.from({ length: count }, (_, i) => ({
      name: i === 0 ? 'nixfleet' : `${names[i % names.length] ?? ''}${i > 7 ? `-${i}` : ''}`,
      owner: 'nix-community',
      repo: `project-${i}`,
      type: i % 5 === 3 ? 'gitlab' : i % 7 === 5 ? 'sourcehut' : 'github',
      rev: (after ? 'f' : 'e') + String(i).padStart(2, '0') + REV.new.slice(3),
      at: 1_770_000_000 + i * 400_000 + (after ? 2_500_000 : 0),
    })),
  );
}

const failed = (
  kind: string,
  message: string,
  advice: string,
  ...lastLines: string[]
): { reason: Reason; lastLines: string[] } => ({
  reason: { kind, message, advice },
  lastLines,
});

const longName =
  'build-worker-frankfurt-eu-central-1b.rack-17.machines.internal.an-organisation-with-a-long-name.example';
const longPath = `/srv/checkouts/${'infrastructure-as-code-of-the-platform-team/'.repeat(4)}nixcfg`;

const PROGRESS: BuildProgress = {
  builds: { done: 3, total: 12 },
  downloads: { done: 21, total: 38 },
  bytes: { done: 120_400_000, total: 214_300_000 },
  now: [
    { kind: 'build', name: 'nixfleet-agent-2.4.0' },
    { kind: 'build', name: 'unit-nginx.service' },
    { kind: 'download', name: 'firefox-139.0.1' },
    { kind: 'download', name: 'linux-6.12.31-modules' },
  ],
  more: 3,
};

const PACKAGES: readonly PackageChange[] = [
  { name: 'firefox', before: ['138.0.4'], after: ['139.0.1'], bytes: 2_412_544 },
  { name: 'nixfleet-agent', before: ['2.3.0'], after: ['2.4.0'], bytes: 19_148 },
  { name: 'python3', before: ['3.11.9', '3.12.9'], after: ['3.12.10'], bytes: -61_341_696 },
  { name: 'landing-page', before: [], after: [''], bytes: 204_800 },
  { name: 'ntp', before: ['4.2.8p18'], after: [], bytes: -3_145_728 },
  { name: 'nginx', before: [], after: [], bytes: 12_288 },
];

function manyPackages(count: number): PackageChange[] {
  return Array.from({ length: count }, (_, i) => ({
    name: i === 2 ? 'a-package-with-a-name-that-is-longer-than-anybody-would-like-it-to-be' : `package-${i}`,
    before: [`1.${i}.0`],
    after: i === 2 ? ['2.0.0-unstable-2026-05-31+deadbeefdeadbeefdeadbeef'] : [`1.${i}.1`],
    ...(i % 3 === 0 && { bytes: 40_960 * (i % 2 === 0 ? 1 : -1) }),
  }));
}

export const SCENARIOS: Readonly<Record<string, () => Scenario>> = {
  queued: () => ({ story: new Story(), output: '', online: true }),
  'queued-offline': () => ({ story: new Story(), output: '', online: false }),
  building: () => ({
    story: new Story().begin().pull(COMMITS).lock().build(),
    summary: { progress: PROGRESS },
    output: PULLED + LOCKED + buildOutput(260),
    ...LOCKS,
  }),
  'building-unknown': () => ({
    story: new Story().begin().pull(COMMITS).lock().build(3000),
    summary: { progress: { now: [], more: 0 } },
    output: PULLED + LOCKED,
    ...LOCKS,
  }),
  'building-unheard-of': () => ({
    story: new Story().begin().pull(COMMITS).lock().build(3000),
    summary: { progress: { now: [], more: 0 } },
    output: PULLED + LOCKED,
    outage: {
      why: 'relay.example.org:7780 refused the connection. Is the relay running, and is this its port?',
      since: BEGUN_AT + 6_500,
    },
    ...LOCKS,
  }),
  'building-one': () => ({
    story: new Story().begin().pull(COMMITS.slice(0, 1)).lock().build(8000),
    summary: {
      progress: {
        builds: { done: 0, total: 1 },
        now: [{ kind: 'build', name: `nixos-system-${longName}-25.11.20260601.a94c02e` }],
        more: 0,
      },
    },
    output: PULLED + LOCKED + buildOutput(20),
    ...LOCKS,
  }),
  confirming: () => ({
    story: new Story().begin().pull(COMMITS).lock().build().built().activate().phase('confirming').wait(4000),
    output: PULLED + LOCKED + buildOutput(160),
    ...LOCKS,
  }),
  succeeded: () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .build()
      .built()
      .packages(PACKAGES)
      .activate()
      .confirm()
      .commit()
      .reboot()
      .end('succeeded'),
    output: PULLED + LOCKED + buildOutput(340),
    outputEnded: true,
    ...LOCKS,
  }),
  reboot: () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .build()
      .built()
      .packages(manyPackages(300), 120)
      .activate()
      .confirm()
      .commit()
      .reboot('kernel', 'initrd', 'kernel-modules')
      .end('succeeded'),
    output: PULLED + LOCKED + buildOutput(340),
    outputEnded: true,
    ...LOCKS,
  }),
  'no-package-changes': () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .build()
      .built()
      .packages([])
      .activate()
      .confirm()
      .commit()
      .reboot()
      .end('succeeded'),
    output: PULLED + LOCKED + buildOutput(40),
    outputEnded: true,
    ...LOCKS,
  }),
  unchanged: () => ({
    story: new Story().begin().pull([]).lock(false).end('succeeded', { changed: false }),
    output: 'Already up to date.\n',
    outputEnded: true,
    lockBefore: LOCK_BEFORE,
    lockAfter: LOCK_BEFORE,
  }),
  'failed-pull': () => ({
    story: new Story()
      .begin()
      .command(['git', 'pull', '--ff-only'], 2100, 128)
      .end(
        'failed',
        failed(
          'diverged',
          'The branch main of the checkout and origin/main have diverged.',
          'Merge or rebase /home/ana/Code/nixcfg on web-01 by hand, push, and try again.',
          "hint: Diverging branches can't be fast-forwarded, you need to either:",
          'hint: \tgit merge --no-ff',
          'fatal: Not possible to fast-forward, aborting.',
        ),
      ),
    output: 'fatal: Not possible to fast-forward, aborting.\n',
    outputEnded: true,
  }),
  'failed-lock': () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .phase('locking')
      .command(['nix', 'flake', 'update', 'nixfleet'], 2100, 1)
      .end(
        'failed',
        failed(
          'rate-limit',
          'GitHub refused to tell the newest revision of nixfleet: its rate limit is reached (HTTP 403).',
          'Wait an hour, or give nix on web-01 an access token (access-tokens in nix.conf).',
          'error: unable to download',
          "       'https://api.github.com/repos/nixfleet/nixfleet/commits/HEAD': HTTP error 403",
        ),
      ),
    output: `${PULLED}error: HTTP error 403\n`,
    outputEnded: true,
  }),
  'failed-build': () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .build(31_000)
      .tell({ type: 'step-ended', step: 3, exitCode: 1, durationMs: 31_000 })
      .end(
        'failed',
        failed(
          'build',
          'nixfleet-agent-2.4.0 could not be built: its tests failed.',
          'Look at the output above the last lines. The previous version is untouched; nothing needs to be undone.',
          ...buildOutput(14).split('\n').slice(4, 12),
          "error: builder for '/nix/store/dddddddd-nixfleet-agent-2.4.0.drv' failed with exit code 2",
        ),
      ),
    output: PULLED + LOCKED + buildOutput(90),
    outputEnded: true,
    ...LOCKS,
  }),
  'failed-before': () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .end(
        'failed',
        failed(
          'failed-before',
          'the revision 4c0b1e2f9a77 was taken back on this host before (run 01KA0000000000000000000000, 2026-11-27T18:20:11.000Z): the agent 2.4.0 (/nix/store/dddddddd-nixfleet-agent-2.4.0) was not proven within 90 s: the agent runs, but the relay has not greeted it',
          'Publish a revision that mends it, or choose Retry Anyway to try this one once more.',
        ),
      ),
    output: PULLED + LOCKED,
    outputEnded: true,
    ...LOCKS,
  }),
  refused: () => ({
    story: new Story(),
    summary: {
      delivery: 'refused',
      endedAt: BEGUN_AT + 30,
      reason: {
        kind: 'busy',
        message: 'web-01 is busy with another update (01JTEST0THER00000000000000).',
        advice: 'Wait until that one is through, or cancel it.',
      },
    },
    output: '',
    outputEnded: true,
  }),
  cancelled: () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .build(12_000)
      .tell({ type: 'cancel-asked', by: 'jun' })
      .wait(700)
      .end('cancelled', { reason: { kind: 'cancelled', message: 'jun cancelled the update.' } }),
    output: PULLED + LOCKED + buildOutput(40),
    outputEnded: true,
    ...LOCKS,
  }),
  'rolled-back': () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .build()
      .built()
      .activate(4, ['nixfleet-agent.service'])
      .phase('confirming')
      .wait(90_000)
      .end(
        'rolled-back',
        failed(
          'not-proven',
          'The new agent (2.4.0) did not come up within 90 s: nixfleet-agent.service failed.',
          'Read why it failed with journalctl -u nixfleet-agent on web-01, fix its configuration in nixcfg, and try again.',
          'nixfleet-agent.service: Main process exited, code=exited, status=1/FAILURE',
          'nixfleet-agent[4711]: the token file /run/secrets/nixfleet-token is not readable',
        ),
      ),
    output: PULLED + LOCKED + buildOutput(120),
    outputEnded: true,
    ...LOCKS,
  }),
  inconsistent: () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .lock()
      .build()
      .built()
      .activate(1)
      .tell({ type: 'resumed', bootId: 'c11', why: 'power loss' })
      .tell({ type: 'warning', message: 'The previous generation could not be activated again: exit code 1.' })
      .end('inconsistent', {
        changed: true,
        ...failed(
          'rollback-failed',
          'Neither the new nor the previous generation could be activated completely.',
          'Log in to web-01 and run switch-to-configuration of generation 41 by hand. It still boots generation 41.',
          'Failed to restart nginx.service: Unit nginx.service has a bad unit file setting.',
        ),
      }),
    output: PULLED + LOCKED + buildOutput(60),
    outputEnded: true,
    ...LOCKS,
  }),
  warnings: () => ({
    story: new Story()
      .begin()
      .pull(COMMITS, 212)
      .lock()
      .build()
      .built()
      .activate(4, ['smartd.service', 'wg-quick-home.service'])
      .tell({
        type: 'warning',
        message: 'Two units failed that have nothing to do with the agent: smartd.service, wg-quick-home.service.',
      })
      .confirm()
      .commit()
      .end('succeeded'),
    output: PULLED + LOCKED + buildOutput(340),
    outputEnded: true,
    ...LOCKS,
  }),
  'many-inputs': () => ({
    story: new Story().begin().pull(COMMITS).lock().build().built().activate().confirm().commit().end('succeeded'),
    output: PULLED + LOCKED + buildOutput(340),
    outputEnded: true,
    lockBefore: manyInputs(20, false),
    lockAfter: manyInputs(21, true),
  }),
  'broken-lock': () => ({
    story: new Story()
      .begin()
      .pull(COMMITS)
      .phase('locking')
      .wait(900)
      .end(
        'failed',
        failed('lock', 'flake.lock has merge conflict markers.', 'Resolve the conflict in nixcfg and push.'),
      ),
    output: PULLED,
    outputEnded: true,
    lockBefore: LOCK_BEFORE,
    lockAfter: LOCK_BEFORE.replace('"version": 7', '<<<<<<< HEAD\n"version": 7'),
  }),
  'long-names': () => ({
    story: new Story(longName)
      .begin({ nixcfg: longPath, before: { ...BEFORE, branch: 'feature/'.repeat(12) } })
      .pull(['x'.repeat(280)])
      .lock()
      .build(1000)
      .tell({ type: 'step-ended', step: 3, exitCode: 1, durationMs: 1000 })
      .end(
        'failed',
        failed(
          'eval',
          `The configuration cannot be evaluated: attribute '${'very.deeply.nested.option.'.repeat(6)}enable' is missing.`,
          'Fix it in nixcfg and push.',
          `error: at ${longPath}/hosts/worker.nix:17:5: ${'y'.repeat(300)}`,
        ),
      ),
    output: `short\n${'a very long line without any break '.repeat(400)}\nshort again\n`,
    outputEnded: true,
    ...LOCKS,
  }),
};
