// Stands in for nix and nix-env where there is none: knows the commands of the runner, and a "flake" whose toplevel depends
// on the checkout's flake.nix and on the locked revision. What goes wrong on purpose
// stands in plan.json.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [name, home, ...args] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(join(home, 'plan.json'), 'utf8'));
const say = text => process.stderr.write(`${text}\n`);
const hang = () => setInterval(() => undefined, 1 << 30);

if (name === 'nix-env' && plan.commit === 'hang') {
  hang();
} else if (name === 'nix-env') {
  const profile = args[args.indexOf('-p') + 1];
  if (plan.commit === 'fail') {
    say('error: cannot lock the profile');
    process.exit(1);
  }
  const number = existsSync(`${profile}.count`) ? Number(readFileSync(`${profile}.count`, 'utf8')) + 1 : 1;
  writeFileSync(`${profile}.count`, String(number));
  symlinkSync(args[args.indexOf('--set') + 1], `${profile}-${number}-link`);
  rmSync(profile, { force: true });
  symlinkSync(`${basename(profile)}-${number}-link`, profile);
} else if (name === 'nix-store') {
  process.exit(0);
} else if (args[0] === '--version') {
  say('');
  process.stdout.write(`nix (Nix) ${plan.version ?? '2.26.3'}\n`);
} else if (args[0] === 'flake') {
  update();
} else if (args[0] === 'store' && args[1] === 'diff-closures' && plan.packages !== undefined) {
  if (plan.packages === 'hang') hang();
  else process.stdout.write(plan.packages);
} else if (args[0] === 'build') {
  build();
} else {
  say(`error: '${args.join(' ')}' is not a recognised command`);
  process.exit(1);
}

function update() {
  for (const line of plan.update?.stderr ?? []) say(line);
  if (plan.update?.hang) return hang();
  if (plan.update?.garbage) writeFileSync('flake.lock', '{ "nodes": ');
  if (plan.update?.exit) process.exit(plan.update.exit);
  if (plan.update?.stale || plan.update?.garbage) return;
  const input = args[1] === 'update' ? args[2] : args[args.indexOf('--update-input') + 1];
  if (input !== 'nixfleet') return say(`warning: '${input}' does not match any input of this flake`);
  const override = args.indexOf('--override-input');
  const rev = override === -1 ? plan.newest : /rev=([0-9a-f]{40})/.exec(args[override + 2])[1];
  const lock = {
    nodes: {
      nixfleet: {
        locked: { type: 'git', url: 'git://example.org/nixfleet', rev, lastModified: 1700000000, narHash: 'sha256-x' },
        original: { type: 'git', url: 'git://example.org/nixfleet' },
      },
      root: { inputs: { nixfleet: 'nixfleet' } },
    },
    root: 'root',
    version: 7,
  };
  writeFileSync('flake.lock', `${JSON.stringify(lock, null, 2)}\n`);
}

function build() {
  const { rev } = JSON.parse(readFileSync('flake.lock', 'utf8')).nodes.nixfleet.locked;
  const drv = '/nix/store/00000000000000000000000000000000-nixos-system-web-1.drv';
  const log = entry => say(`@nix ${JSON.stringify(entry)}`);
  log({ action: 'start', id: 7, level: 0, type: 104, text: '', parent: 0 });
  log({ action: 'result', id: 7, type: 105, fields: [0, 1, 1, 0] });
  log({ action: 'start', id: 1, level: 3, type: 105, text: `building '${drv}'`, fields: [drv, '', 1, 1], parent: 0 });
  for (let i = 1; i <= (plan.build?.lines ?? 3); i++)
    log({ action: 'result', id: 1, type: 101, fields: [`part ${i}`] });
  if (plan.build?.hang) return hang();
  for (const msg of plan.build?.errors ?? []) log({ action: 'msg', level: 0, msg });
  if (plan.build?.exit) process.exit(plan.build.exit);

  log({ action: 'result', id: 7, type: 105, fields: [1, 1, 0, 0] });

  const version = `1.0.${rev.slice(0, 4)}`;
  const key = createHash('sha256')
    .update(readFileSync('flake.nix'))
    .update(rev)
    .update(JSON.stringify(plan.agent ?? ''))
    .digest('hex');
  const agent = join(
    home,
    'store',
    `${createHash('sha256').update(rev).digest('hex').slice(0, 32)}-nixfleet-agent-${version}`,
  );
  const toplevel = join(home, 'store', `${key.slice(0, 32)}-nixos-system-web-${version}`);
  mkdirSync(join(agent, 'bin'), { recursive: true });
  writeFileSync(join(agent, 'bin/agent.mjs'), readFileSync(join(home, 'agent.mjs')));
  mkdirSync(join(toplevel, 'bin'), { recursive: true });
  mkdirSync(join(toplevel, 'etc/nixfleet'), { recursive: true });
  const manifest = { format: 1, storePath: agent, version, rev, protocol: 1 };
  if (plan.agent !== 'none') writeFileSync(join(toplevel, 'etc/nixfleet/agent.json'), JSON.stringify(manifest));
  if (plan.agent) writeFileSync(join(toplevel, 'agent-kind'), plan.agent);
  if (plan.activation) writeFileSync(join(toplevel, 'activation.json'), JSON.stringify(plan.activation));
  const script = join(toplevel, 'bin/switch-to-configuration');
  rmSync(script, { force: true });
  writeFileSync(script, `#!${process.execPath}\n${readFileSync(join(home, 'switch.mjs'), 'utf8')}`);
  chmodSync(script, 0o755);
  writeFileSync(join(toplevel, 'kernel'), '');
  const link = args[args.indexOf('--out-link') + 1];
  rmSync(link, { force: true });
  symlinkSync(toplevel, link);
}
