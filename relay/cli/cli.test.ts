import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { makeCertificate } from '../testing/certificates.ts';
import { newRunId, temporaryFolder } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import { RelayChild } from '../testing/relay-child.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

describe('nixfleet-relay', function () {
  this.timeout(60_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let relay: RelayChild;

  beforeEach(async () => {
    folder = await temporaryFolder();
    relay = new RelayChild(folder.path);
  });
  afterEach(async () => {
    await relay.end('SIGTERM');
    await folder[Symbol.asyncDispose]();
  });

  it('shows a token once, for people or for scripts', async () => {
    const shown = await relay.run('enroll', 'web');
    assert.equal(shown.code, 0);
    const token = /nixfleet_host_\S+/.exec(shown.stdout)?.[0];
    assert.ok(token);
    assert.match(shown.stdout, /\/etc\/nixfleet\/config\.json/);
    const again = await relay.run('enroll', 'web', '--token-only');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /--replace/);
    assert.equal(again.stdout, '');
    const replaced = await relay.run('enroll', 'web', '--token-only', '--replace');
    assert.match(replaced.stdout, /^nixfleet_host_\S{43}\n$/);
    assert.match((await relay.run('revoke', 'host', 'db')).stderr, /there is no host db/);
    const operator = await relay.run('operator', 'ana', '--quiet');
    assert.match(operator.stdout, /^nixfleet_operator_\S{43}\n$/);
  });

  it('ends an enrolment in text to paste, for each kind of nixcfg', async () => {
    const url = 'wss://relay.example.org';
    for (const [platform, module, token] of [
      ['nixos', 'nixosModules', /tokenFile = "\/etc\/nixfleet\/token";/],
      ['home-manager', 'homeModules', /tokenFile = "\$\{config\.home\.homeDirectory\}\/\.config\/nixfleet\/token";/],
      ['nix-darwin', 'darwinModules', /chown _nixfleet \/etc\/nixfleet\/token/],
    ] as const) {
      const { stdout, stderr } = await relay.run(
        ...['enroll', platform, '--for', platform, '--url', url, '--owner', 'bea'],
      );
      assert.equal(stderr, '');
      assert.match(stdout, /\n {2}nixfleet_host_\S{43}\n/);
      assert.ok(stdout.includes(`inputs.nixfleet.${module}.agent\n`));
      assert.match(stdout, /services\.nixfleet-agent = \{\n {4}enable = true;\n {4}host = "/);
      assert.match(stdout, / {4}# nixcfgPath = /);
      assert.equal(/ {4}owner = "bea";/.test(stdout), platform !== 'home-manager');
      if (platform === 'home-manager') assert.match(stdout, /--flake \.#bea\n.*enable-linger bea/);
      assert.doesNotMatch(stdout, /\bana\b/);
      assert.ok(stdout.includes(`relayUrl = "${url}";`));
      assert.match(stdout, token);
      assert.doesNotMatch(stdout, /fingerprint|undefined/);
    }
    const { stdout } = await relay.run('enroll', 'x', '--for', 'nixos');
    assert.match(stdout, /relayUrl = "wss:\/\/relay\.example\.org:7780";/);
    assert.match(stdout, /configuration of x, with this relay's address in relayUrl, and the login name .* in owner:/);
  });

  it('says in one sentence why it cannot begin with a certificate, and ends', async () => {
    const { cert } = makeCertificate(folder.path, 'one');
    const key = `${folder.path}/none.pem`;
    const { code, stdout, stderr } = await relay.run('serve', '--cert', cert, '--key', key);
    assert.deepEqual(
      [code, stdout, stderr],
      [1, '', `nixfleet-relay: the key of the certificate ${key} does not exist\n`],
    );
  });

  it('says by which certificate it is known, at its start and to whoever enrols a host', async () => {
    const { cert, key } = makeCertificate(folder.path, 'relay');
    const { fingerprint256 } = new X509Certificate(readFileSync(cert));
    relay = new RelayChild(folder.path, ['--cert', cert, '--key', key]);
    await relay.start();
    assert.equal(relay.started['fingerprint'], fingerprint256);
    await until('its log', () => relay.log.includes(fingerprint256));
    const line = `    fingerprint = "${fingerprint256}";\n`;
    assert.ok((await relay.run('enroll', 'web', '--for', 'nixos')).stdout.includes(line));
    assert.ok((await relay.run('enroll', 'db')).stdout.includes(`"fingerprint": "${fingerprint256}"`));

    const next = makeCertificate(folder.path, 'next');
    const renewed = new X509Certificate(readFileSync(next.cert)).fingerprint256;
    copyFileSync(next.cert, cert);
    copyFileSync(next.key, key);
    await until('the new certificate', () => relay.log.includes(renewed));
    assert.ok((await relay.run('enroll', 'mail', '--for', 'nixos')).stdout.includes(renewed));
  });

  it('makes a certificate of its own when it is told to, and keeps it', async () => {
    relay = new RelayChild(folder.path, ['--self-signed']);
    await relay.start();
    const { fingerprint } = relay.started;
    assert.match(relay.address, /^wss:/);
    await relay.end('SIGTERM');
    await relay.start();
    assert.equal(relay.started['fingerprint'], fingerprint);
    const { stdout } = await relay.run('enroll', 'web', '--for', 'nixos');
    assert.ok(stdout.includes(`    fingerprint = "${String(fingerprint)}";\n`));
    const both = await relay.run('serve', '--self-signed', '--cert', 'x', '--key', 'y');
    assert.match(both.stderr, /not both/);
  });

  it('keeps as many runs as it is told to', async () => {
    relay = new RelayChild(folder.path, ['--keep-runs', '2', '--keep-days', '1000']);
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const day = 86_400_000;
    const runs = [900, 800, 700].map(age => new HostRun(newRunId(Date.now() - age * day)));
    for (const run of runs) run.event({ type: 'ended', outcome: 'succeeded', changed: true, after: {} });
    await TestAgent.hello({ relay: relay.address, token, host: 'web', runs });
    const kept = async (): Promise<string[]> =>
      (await relay.run('runs', '--json')).stdout
        .split('\n')
        .flatMap(line => (line === '' ? [] : (JSON.parse(line) as { runId: string }).runId));
    const deadline = Date.now() + 10_000;
    while ((await kept()).length < 2 && Date.now() < deadline);
    assert.deepEqual(await kept(), [runs[2]!.runId, runs[1]!.runId]);
  });

  it('says what makes no sense', async () => {
    for (const [args, expected] of [
      [['hosts'], /there is no relay's data in/],
      [['enroll', '../etc'], /not a name/],
      [['enroll'], /missing required argument/],
      [['enroll', 'web', '--owner', 'A B'], /a login name/],
      [['revoke', 'pet', 'web'], /host or operator/],
      [['serve', '--cert', 'x'], /--cert and --key/],
      [['serve', '--listen', '0.0.0.0:0'], /clear text/],
      [['runs', '--limit', '0'], /from 1 on/],
      [['serve', '--keep-days', 'all'], /from 1 on/],
      [['enroll', 'web', '--for', 'windows'], /nixos, home-manager, nix-darwin/],
      [['enroll', 'web', '--url', 'relay.example.org'], /a wss:\/\/ URL/],
      [['dance'], /unknown command/],
    ] as const) {
      const { code, stderr } = await relay.run(...args);
      assert.ok(code === 1 || code === 2, args.join(' '));
      assert.match(stderr, expected);
      assert.equal(stderr.includes('    at '), false, 'no stack trace');
    }
  });

  it('enrols, lists and revokes while a relay serves the same folder', async () => {
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const operatorToken = (await relay.run('operator', 'ana', '--token-only')).stdout.trim();
    const ana = await TestOperator.hello({ relay: relay.address, token: operatorToken });
    const run = new HostRun(newRunId());
    run.event({ type: 'phase', phase: 'building' });
    const agent = await TestAgent.hello({ relay: relay.address, token, host: 'web', runs: [run] });
    await until('the run', () => ana.hosts.get('web')?.runs[0]?.phase === 'building');
    await agent.hear('events-ack');

    assert.match(
      (await relay.run('hosts')).stdout,
      /^HOST +AGENT +LAST SEEN +LAST RUN\nweb +1\.0\.0 +\d{4}-.* building\n$/,
    );
    assert.match((await relay.run('runs', 'web')).stdout, new RegExp(`${run.runId} +web +.* +unknown +building`));
    const [json] = (await relay.run('runs', '--json')).stdout.trim().split('\n');
    assert.equal((JSON.parse(json ?? '') as { runId: string }).runId, run.runId);
    assert.equal((await relay.run('runs', 'nobody')).stdout.split('\n').length, 2);

    assert.equal((await relay.run('revoke', 'host', 'web')).code, 0);
    assert.equal((await agent.closed()).code, 4401);
    await until('the fleet without it', () => !ana.hosts.has('web'));
    assert.equal((await relay.run('revoke', 'operator', 'ana')).code, 0);
    assert.equal((await ana.closed()).code, 4401);
    for (const secret of [token, operatorToken]) assert.equal(relay.log.includes(secret), false, 'no token in the log');
  });

  it('goes down in order when it is told to, and says where it listens when it comes up', async () => {
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const agent = await TestAgent.hello({ relay: relay.address, token, host: 'web' });
    assert.equal(await relay.end('SIGTERM'), 0);
    assert.equal((await agent.closed()).code, 1000);
    for (const line of relay.log.trim().split('\n')) JSON.parse(line);
    assert.match(relay.log, /"msg":"listening"/);
  });

  it('says that its database is damaged, begins anew when told to, and is refilled by its hosts', async () => {
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const operatorToken = (await relay.run('operator', 'ana', '--token-only')).stdout.trim();
    const run = new HostRun(newRunId());
    for (let i = 0; i < 50; i++) run.event({ type: 'note', text: 'x'.repeat(2000) });
    run.write('building\n'.repeat(1000));
    run.write('{}', 'lock-before');
    run.end();
    const connect = () => TestAgent.hello({ relay: relay.address, token, host: 'web', runs: [run] });
    const agent = await connect();
    await agent.hear('events-ack', ({ seq }) => seq === run.events.length);
    await relay.end('SIGTERM');
    const path = join(folder.path, 'relay.db');
    assert.match((await relay.run('start-anew')).stderr, /is not damaged; nothing was changed/);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, bytes.length - 4096);
    writeFileSync(path, bytes);

    await assert.rejects(relay.start(), /relay\.db is damaged .*start-anew/);
    const anew = await relay.run('start-anew');
    assert.match(anew.stdout, /set aside: .*relay\.db\.corrupt-\d{8}T\d{6}Z/);
    assert.match(anew.stdout, /still valid: hosts web; operators ana\n/);
    await relay.start();
    const ana = await TestOperator.hello({ relay: relay.address, token: operatorToken });
    assert.deepEqual((await ana.ask({ type: 'list-runs', host: 'web', limit: 10 })).runs, []);
    await connect();
    await until('the run', () => ana.hosts.get('web')?.runs[0]?.outcome === 'succeeded');
    await ana.watch(run.runId, ['output', 'lock-before']);
    await until(
      'all of it',
      () =>
        ana.copy(run.runId).ended &&
        ana.copy(run.runId, 'lock-before').ended &&
        ana.events.get(run.runId)?.length === run.events.length,
    );
    assert.ok(ana.bytes(run.runId).equals(run.bytes()));
    assert.ok(ana.bytes(run.runId, 'lock-before').equals(run.bytes('lock-before')));
    assert.deepEqual(ana.events.get(run.runId), run.events);
    ana.cut();
  });

  it('is backed up while it serves, and served again from what was restored', async () => {
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const operatorToken = (await relay.run('operator', 'ana', '--token-only')).stdout.trim();
    const run = new HostRun(newRunId());
    run.event({ type: 'phase', phase: 'building' });
    const agent = await TestAgent.hello({ relay: relay.address, token, host: 'web', runs: [run] });
    await agent.hear('resume');
    for (let i = 0; i < 200; i++) {
      run.write(`line ${i}\n`.repeat(100));
      agent.sendMore(run);
    }
    const file = join(folder.path, 'relay.backup');
    assert.match((await relay.run('backup', file)).stdout, /relay\.backup: 1 run, \d+\.\d MB\n/);
    assert.match((await relay.run('backup', file)).stderr, /is there already/);
    assert.match((await relay.run('restore', file)).stderr, /another relay serves/);
    agent.cut();

    await using other = new RelayChild(join(folder.path, 'other'));
    assert.match((await other.run('restore', file)).stdout, /is as it was at 2.* with 1 run\./);
    await other.start();
    run.end();
    await TestAgent.hello({ relay: other.address, token, host: 'web', runs: [run] });
    const ana = await TestOperator.hello({ relay: other.address, token: operatorToken });
    await ana.watch(run.runId);
    await until('the end', () => ana.copy(run.runId).ended && ana.events.get(run.runId)?.length === run.events.length);
    assert.ok(ana.bytes(run.runId).equals(run.bytes()));
    assert.deepEqual(ana.faults, []);
    ana.cut();
    await other.end('SIGTERM');
  });

  it('leaves the database of a newer relay alone, whatever it is asked', async () => {
    await relay.run('enroll', 'web');
    const db = new DatabaseSync(join(folder.path, 'relay.db'));
    db.exec('PRAGMA user_version = 99');
    db.close();
    await assert.rejects(relay.start(), /version 99, and this relay knows versions up to \d+: use the newer relay/);
    for (const args of [['hosts'], ['backup', join(folder.path, 'b')], ['start-anew']]) {
      const { code, stderr } = await relay.run(...args);
      assert.equal(code, 1);
      assert.match(stderr, /use the newer relay\n$/);
    }
  });
});
