import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { assertUpdatedTo, runDirectory } from '../../fleet/oracle.ts';
import { Fleet } from '../../support/fleet.ts';
import type { Operator } from '../../support/operator.ts';
import { OWNER, OWNER_HOME, type TestHost } from '../lab/host.ts';

const AGENT = 'nixfleet-agent';
const PRIVATE = `${OWNER_HOME}/private`;
const TEAM = '/srv/team';

describe('An update whose checkout is an ordinary user’s', function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;

  before(async function () {
    this.timeout(600_000);
    fleet = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  const asOwner = (script: string, ...args: string[]) => host.sh(script, { user: OWNER }, args);

  /** nixcfg gets inputs that no lock holds yet, so that the update reads them; the generation shows what is in them. */
  async function addInputs(inputs: Readonly<Record<string, string>>): Promise<void> {
    const { nixcfg } = fleet.lab;
    const flake = nixcfg.path('flake.nix');
    const names = Object.keys(inputs);
    const each = (line: (name: string) => string): string => names.map(name => `${line(name)}\n`).join('');
    const text = nixcfg
      .read(flake)
      .replace(
        /^ {2}outputs =/m,
        `${each(name => `  inputs.${name} = { url = "${inputs[name]}"; flake = false; };`)}$&`,
      )
      .replace('nixfleet,\n', `$&${each(name => `      ${name},`)}`)
      .replace('(import ./lib', `${each(name => `{ environment.etc."of-${name}".source = "\${${name}}/said"; }`)}$&`);
    await nixcfg.commit({ [flake]: text }, 'Take something private');
  }

  it('reads private inputs as that user, with all of that user’s groups, and leaves nothing of root’s', async () => {
    assert.equal(await host.run(['stat', '-c', '%U %a', OWNER_HOME]), `${OWNER} 700`);
    const made = await asOwner(
      `git init --quiet --initial-branch=main "$1"; cd "$1"; echo "for ana alone" > said; git add said
       git commit --quiet --message=Begin`,
      PRIVATE,
    );
    assert.equal(made.exitCode, 0, made.stderr);
    // not the owner's primary group
    await host.run(['groupadd', 'team']);
    await host.run(['usermod', '--append', '--groups', 'team', OWNER]);
    host.writeFile(`${TEAM}/said`, 'for the team\n', { mode: 0o640 });
    await host.run(['chmod', '0750', TEAM]);
    await host.run(['chgrp', '-R', 'team', TEAM]);
    await addInputs({ private: `git+file://${PRIVATE}`, team: `path:${TEAM}` });
    await fleet.lab.nixfleet.publish('1.1.0');

    const run = await operator.finished(await operator.update('h1'));
    await assertUpdatedTo(host, run, '1.1.0');
    assert.equal(host.readFile('/etc/of-private'), 'for ana alone\n');
    assert.equal(host.readFile('/etc/of-team'), 'for the team\n');
    assert.equal(await host.run(['find', OWNER_HOME, '!', '-user', OWNER]), '', 'nothing of root’s in the home');
    assert.ok(run.events.some(event => event.type === 'step-started' && event['user'] === OWNER));
  });

  it('keeps a run directory of root’s that the agent may read and nobody else', async () => {
    const [runId = ''] = [...operator.runs.keys()].sort().reverse();
    const dir = runDirectory(runId as Parameters<typeof runDirectory>[0]);
    const files = (await host.run(['find', dir, '-printf', '%P %y %U:%G %m\n'])).split('\n');
    const uid = async (...argv: string[]): Promise<string> => (await host.run(['id', ...argv])).trim();
    const [agentGroup, owner] = [await uid('-g', AGENT), await uid('-u', OWNER)];
    for (const line of files.filter(file => !/^roots/.test(file) && !/ l /.test(file))) {
      const [, , owners = '', mode = ''] = line.split(' ');
      assert.equal(owners, `0:${agentGroup}`, line);
      assert.match(mode, / ?(?:2751|640|600)$/, line);
    }
    assert.ok(
      files.some(line => line.startsWith(`roots d ${owner}:`)),
      files.join('\n'),
    );
    const reads = await host.sh('cat "$1/journal.ndjson" "$1/output.log"', { user: AGENT, cwd: '/' }, [dir]);
    assert.equal(reads.exitCode, 0, reads.stderr);
    const other = await host.sh('cat "$1/journal.ndjson"', { user: 'nobody', cwd: '/' }, [dir]);
    assert.match(other.stderr, /Permission denied/);
  });

  it('shows the checkout through the status unit, asked anew by whoever wants to know', async () => {
    const rev = await fleet.lab.nixfleet.publish('1.2.0');
    for (const _ of ['once', 'and once more, when nothing has changed']) {
      const asked = Date.now();
      await operator.ask({ type: 'refresh', host: 'h1' });
      // a look that was at work already is told, too, and may not know of what was published since
      await operator.waitFor('the answer', () => (operator.hosts.get('h1')?.status?.at ?? 0) >= asked);
      assert.equal(operator.hosts.get('h1')?.status?.upstream?.rev, rev);
    }
    const { status } = operator.hosts.get('h1') ?? {};
    assert.deepEqual(status?.problems, []);
    assert.equal(status.nixcfg?.path, host.flake);
  });

  it('says so when the status unit does not do its work, and is well again when it does', async function () {
    this.timeout(300_000);
    const problems = () => operator.hosts.get('h1')?.status?.problems ?? [];
    // as a unit that hangs or fails at its start
    host.writeFile('/etc/systemd/system/nixfleet-status.service.d/broken.conf', '[Service]\nExecStartPre=/bin/false\n');
    await host.run(['systemctl', 'daemon-reload']);
    // one that is at work already would be an answer
    await host.waitFor(
      async () => (await host.exec(['systemctl', 'is-active', 'nixfleet-status.service'])).stdout !== 'activating',
      { what: 'the status unit to be idle', deadline: 30_000 },
    );
    await operator.ask({ type: 'refresh', host: 'h1' });
    await operator.waitFor(
      'the problem',
      () => problems().some(problem => /status unit has not answered/.test(problem)),
      150_000,
    );
    await host.run(['rm', '-r', '/etc/systemd/system/nixfleet-status.service.d']);
    await host.run(['systemctl', 'daemon-reload']);
    await operator.ask({ type: 'refresh', host: 'h1' });
    await operator.waitFor('a status', () => problems().length === 0);
  });

  it('is found in order by nixfleet-agent check, as root', async () => {
    const { exitCode, stdout } = await host.exec(['nixfleet-agent', 'check']);
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /✓ polkit +nixfleet-agent may start runs, and nothing else$/m);
    assert.doesNotMatch(stdout, /✗/);
  });

  it('is what others are told to be root for', async () => {
    for (const user of [OWNER, AGENT, 'nobody']) {
      const { exitCode, stdout } = await host.exec(['nixfleet-agent', 'check'], { user, cwd: '/' });
      assert.equal(exitCode, 1, stdout);
      assert.match(
        stdout,
        new RegExp(`✗ you +${user} \\(user \\d+\\) may not see all .*\n +→ sudo nixfleet-agent check`),
      );
      assert.match(stdout, /✓ launcher/);
    }
  });

  it('names what is missing when something of the module is not there', async () => {
    const check = async (): Promise<string> => (await host.exec(['nixfleet-agent', 'check'])).stdout;
    const rule = '/etc/polkit-1/rules.d/50-nixfleet-agent.rules';
    const target = await host.run(['readlink', rule]);
    await host.run(['rm', rule]);
    await host.waitFor(async () => /✗ polkit +polkit does not let nixfleet-agent start runs/.test(await check()), {
      what: 'polkit to have read its rules anew',
    });
    await host.run(['ln', '-s', target, rule]);
    await host.run(['chown', 'root', '/var/lib/nixfleet-agent/inbox']);
    assert.match(await check(), /✗ state folder +\S+inbox belongs to user 0 and not to nixfleet-agent/);
    await host.run(['systemd-tmpfiles', '--create', '/etc/tmpfiles.d/10-nixfleet-agent.conf']);
    await host.run(['mv', '/run/systemd/system/nixfleet-run@.service', '/run/away']);
    await host.run(['systemctl', 'daemon-reload']);
    const told = await check();
    assert.match(told, /✗ launcher +there is no template unit nixfleet-run@\.service/);
    assert.match(told, /✓ state folder/);
    // an operator hears the same
    const run = await operator.finished(await operator.update('h1'));
    assert.match(
      operator.runs.get(run.runId)?.reason?.message ?? '',
      /template unit nixfleet-run@\.service is not there/,
    );
    await host.run(['mv', '/run/away', '/run/systemd/system/nixfleet-run@.service']);
    await host.run(['systemctl', 'daemon-reload']);
  });

  it('tells an operator that polkit does not let it', async () => {
    const rule = '/etc/polkit-1/rules.d/50-nixfleet-agent.rules';
    const target = await host.run(['readlink', rule]);
    await host.run(['rm', rule]);
    await host.waitFor(async () => (await host.exec(['nixfleet-agent', 'check'])).exitCode === 1, { what: 'polkit' });
    const run = await operator.finished(await operator.update('h1'));
    const { delivery, reason } = operator.runs.get(run.runId) ?? {};
    assert.equal(delivery, 'refused');
    assert.match(reason?.message ?? '', /^polkit does not let this agent start nixfleet-run@/);
    assert.ok(!host.exists(`/var/lib/nixfleet-agent/inbox/${run.runId}.json`));
    await host.run(['ln', '-s', target, rule]);
    await host.waitFor(async () => (await host.exec(['nixfleet-agent', 'check'])).exitCode === 0, { what: 'polkit' });
  });
});
