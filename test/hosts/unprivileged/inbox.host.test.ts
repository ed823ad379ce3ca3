import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { ulid } from 'ulid';
import { sealRequest, runIdSchema, type RunId, type UpdateRequest } from '../../../protocol/index.ts';
import { assertAsBefore, factsOf, runDirectory, type HostFacts } from '../../fleet/oracle.ts';
import { Fleet } from '../../support/fleet.ts';
import type { Operator } from '../../support/operator.ts';
import { OWNER, type TestHost } from '../lab/host.ts';

const AGENT = 'nixfleet-agent';
const STATE = '/var/lib/nixfleet-agent';
const INBOX = `${STATE}/inbox`;

/** The runner is root and reads what the agent's user left. Here that user leaves what it should not. */
describe('What lies in the inbox of an unprivileged agent', function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;
  let facts: HostFacts;

  before(async function () {
    this.timeout(600_000);
    fleet = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
    // something to update to: a request that has an effect would show
    await fleet.lab.nixfleet.publish('1.1.0');
    facts = await factsOf(host);
  });
  after(() => fleet.close());

  const asAgent = async (script: string, ...args: string[]): Promise<void> => {
    const { exitCode, stderr } = await host.sh(script, { user: AGENT, cwd: INBOX }, args);
    assert.equal(exitCode, 0, stderr);
  };
  const start = (runId: RunId): Promise<string> =>
    host.run(['systemctl', 'start', `nixfleet-run@${runId}.service`], { user: AGENT, cwd: '/' });
  const isOver = async (runId: RunId): Promise<void> => {
    await host.waitFor(
      async () =>
        (await host.run(['systemctl', 'show', '-P', 'ActiveState', `nixfleet-run@${runId}.service`])) === 'inactive',
      { what: `the runner of ${runId} to end` },
    );
  };

  /** What the runner says of a request that is not one; nothing may have come of it. */
  async function refusal(runId: RunId): Promise<{ kind: string; message: string }> {
    await start(runId);
    await isOver(runId);
    const path = `${STATE}/runs/${runId}.refused.json`;
    assert.equal(await host.run(['stat', '-c', '%U:%G %a', path]), `root:${AGENT} 640`);
    assert.ok(!host.exists(runDirectory(runId)), 'no run directory');
    assert.ok(!host.exists(`${INBOX}/${runId}.json`), 'nothing is left in the inbox');
    await assertAsBefore(host, facts);
    return JSON.parse(host.readFile(path)) as { kind: string; message: string };
  }

  const newId = (): RunId => runIdSchema.parse(ulid());
  const entry = (runId: RunId, more: object = {}): string => {
    const request = {
      ...{
        format: 1,
        verb: 'update-agent',
        runId,
        host: 'h1',
        requestedAt: Date.now(),
        expiresAt: Date.now() + 60_000,
      },
      ...more,
    };
    const envelope = sealRequest(request as UpdateRequest);
    return JSON.stringify({ format: 1, envelope, broughtBy: 'nobody', receivedAt: Date.now() });
  };

  it('has no effect when it is a link, and is not read', async () => {
    const runId = newId();
    // what is behind the link would be a good request
    host.writeFile('/root/request.json', entry(runId), { mode: 0o600 });
    await asAgent('ln -s /root/request.json "$1.json"', runId);
    const { kind, message } = await refusal(runId);
    assert.equal(kind, 'bad-request');
    assert.match(message, /is a link$/);
    assert.ok(host.exists('/root/request.json'));
    const shadow = newId();
    await asAgent('ln -s /etc/shadow "$1.json"', shadow);
    assert.doesNotMatch((await refusal(shadow)).message, /root:/);
    assert.ok(host.exists('/etc/shadow'));
  });

  it('has no effect when it is a pipe, a folder, or huge, and keeps nobody waiting', async () => {
    const [pipe, folder, huge] = [newId(), newId(), newId()];
    await asAgent('mkfifo "$1.json"', pipe);
    assert.match((await refusal(pipe)).message, /is not a regular file$/);
    await asAgent('mkdir -p "$1.json/x"; ln -s /etc "$1.json/etc"', folder);
    assert.match((await refusal(folder)).message, /is not a regular file$/);
    assert.ok(host.exists('/etc/passwd'));
    const aside = (await host.run(['ls', `${STATE}/rejected`])).split('\n');
    assert.equal(aside.length, 1, 'the folder is put aside');
    assert.equal(await host.run(['stat', '-c', '%U %a', `${STATE}/rejected`]), 'root 700');
    await asAgent('truncate -s 20G "$1.json"', huge);
    assert.match((await refusal(huge)).message, /has 21474836480 bytes; 65536 are allowed$/);
  });

  const smuggled: readonly (readonly [string, object])[] = [
    ['a path', { nixcfgPath: '/root/evil' }],
    ['an owner', { owner: 'root' }],
    ['an attribute', { attribute: 'h2' }],
    ['an input', { inputName: 'nixpkgs' }],
    ['a method', { method: 'nixos-rebuild' }],
    ['a command for a revision', { targetRev: '$(touch /run/evil)' }],
    ['another host', { host: 'h2' }],
    ['another verb', { verb: 'run-command' }],
  ];
  for (const [title, more] of smuggled)
    it(`has no effect when it names ${title}`, async () => {
      const runId = newId();
      host.writeFile(`${INBOX}/${runId}.json`, entry(runId, more), { owner: AGENT });
      assert.match((await refusal(runId)).kind, /^(?:bad-request|wrong-host)$/);
      assert.ok(!host.exists('/run/evil'));
    });

  it('has no effect through a name that is no run’s', async () => {
    await asAgent('echo {} > ..json; echo {} > "$1.json.json"; mkfifo refresh.json', newId());
    await host.run(['nixfleet-agent', 'recover']);
    await asAgent('rm ..json *.json');
    await assertAsBefore(host, facts);
  });

  it('does not let what the agent says of itself stand for a proof', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { agent: 'mute' });
    const run = await operator.watch(await operator.update('h1', { deadlines: { confirming: 5000 } }));
    await operator.waitFor('the proof', () => run.state.phase === 'confirming');
    // the new agent's process is not the agent, and claims to have been greeted
    await asAgent(
      `manifest=$(cat /run/current-system/etc/nixfleet/agent.json)
      pid=$(systemctl show -P MainPID nixfleet-agent.service)
      start=$(cut -d ' ' -f 22 /proc/$pid/stat)
      boot=$(cat /proc/sys/kernel/random/boot_id)
      now=$(date +%s000)
      printf '{"format":1,"pid":%s,"startTime":"%s","bootId":"%s","instance":"x","identity":%s,"startedAt":%s,"helloAt":%s}' \\
        "$pid" "$start" "$boot" "$manifest" "$now" "$now" > ../agent/agent.json`,
    );
    await operator.finished(run.runId);
    assert.equal(run.state.end?.outcome, 'rolled-back', run.output.slice(-2000));
    assert.equal(run.state.end.reason?.kind, 'agent-not-confirmed');
    await assertAsBefore(host, { ...facts, head: facts.head });
    await fleet.lab.nixcfg.setFaults('h1');
  });

  it('cancels no more than its run, whatever the mark is', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 1, hang: true } });
    await fleet.lab.nixfleet.publish('1.2.0');
    const run = await operator.watch(await operator.update('h1'));
    await operator.waitFor('the build', () => run.output.includes('building part 1 of 1'));
    host.writeFile('/root/precious/file', 'precious');
    await asAgent('ln -s /root/precious "$1.cancel"', run.runId);
    await operator.finished(run.runId);
    assert.equal(run.state.end?.outcome, 'cancelled');
    assert.equal(host.readFile('/root/precious/file'), 'precious');
    assert.ok(!host.exists(`${INBOX}/${run.runId}.cancel`));
    await fleet.lab.nixcfg.setFaults('h1');
  });

  it('is an update like any other when it is sound, whoever wrote it', async () => {
    const runId = newId();
    host.writeFile(`${INBOX}/${runId}.json`, entry(runId), { owner: AGENT });
    await start(runId);
    await host.waitFor(() => /"type":"ended"/.test(readJournal(runId)), {
      what: 'the end of the run',
      deadline: 60_000,
    });
    assert.match(readJournal(runId), /"outcome":"succeeded"/);
    assert.equal((await factsOf(host)).agentVersion, '1.2.0');
    assert.equal(await host.run(['find', '/home/ana', '!', '-user', OWNER]), '', 'nothing of root’s in the home');
  });

  function readJournal(runId: RunId): string {
    const path = `${runDirectory(runId)}/journal.ndjson`;
    return host.exists(path) ? host.readFile(path) : '';
  }
});
