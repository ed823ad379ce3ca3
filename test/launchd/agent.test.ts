import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'mocha';
import { plistXml } from '../../agent/launcher/plist.ts';
import { bootstrap, findJob, launchctl } from '../../agent/platform/launchctl.ts';
import { Launchd } from '../../agent/platform/launchd.ts';
import { runsFrom } from '../../agent/platform/service-manager.ts';
import { until as wait } from '../../agent/testing/temporary.ts';
import { TEST_LABEL, useLaunchd } from './here.ts';

const until = <T>(what: string, condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> =>
  wait(what, condition, 30_000);

describe('the agent as a launchd job', function () {
  this.timeout(60_000);
  const here = useLaunchd();
  let services: Launchd;

  /** An agent in a store of the test's own, and a generation that carries it; the plist is what a module's is. */
  const generation = (version: string): { toplevel: string; storePath: string } => {
    const { folder } = here();
    const [toplevel, storePath] = [join(folder, `generation-${version}`), join(folder, `agent-${version}`)];
    mkdirSync(join(toplevel, 'LaunchAgents'), { recursive: true });
    mkdirSync(join(storePath, 'bin'), { recursive: true });
    writeFileSync(
      join(storePath, 'bin/agent'),
      `echo "$(date -u +%Y-%m-%dT%H:%M:%S.000Z) info  agent ${version}" >&2\nwhile :; do sleep 1; done\n`,
    );
    const log = join(folder, 'agent.log');
    writeFileSync(
      join(toplevel, 'LaunchAgents', `${TEST_LABEL}.plist`),
      plistXml({
        Label: TEST_LABEL,
        ProgramArguments: ['/bin/sh', join(storePath, 'bin/agent')],
        RunAtLoad: true,
        KeepAlive: true,
        StandardOutPath: log,
        StandardErrorPath: log,
      }),
    );
    return { toplevel, storePath };
  };
  const installed = (): string => join(here().folder, 'LaunchAgents', `${TEST_LABEL}.plist`);
  const install = ({ toplevel }: { toplevel: string }): void => {
    mkdirSync(join(here().folder, 'LaunchAgents'), { recursive: true });
    writeFileSync(installed(), readFileSync(join(toplevel, 'LaunchAgents', `${TEST_LABEL}.plist`)));
  };
  const runs = async ({ storePath }: { storePath: string }): Promise<boolean> => {
    const { active, process } = await services.agent();
    return active && process !== undefined && runsFrom(process, storePath);
  };
  const domain = async (): Promise<string> => {
    const gui = here().domains[0] ?? '';
    return (await launchctl('print', gui)).code === 0 ? gui : (here().domains[1] ?? '');
  };

  beforeEach(() => {
    services = new Launchd({
      label: TEST_LABEL,
      plists: join(here().folder, 'LaunchAgents'),
      plistsInGeneration: 'LaunchAgents',
      stateDir: here().folder,
      domains: here().domains,
    });
  });

  it('is found by its label, with its process and what it logged', async () => {
    const one = generation('1');
    assert.match((await services.agent()).state, /^not loaded in gui\/\d+ or user\/\d+$/);
    const began = Date.now() - 1000;
    install(one);
    assert.deepEqual(await bootstrap(await domain(), installed()), { ok: true });
    await until('the agent', () => runs(one));
    const { state } = await services.agent();
    assert.equal(state, 'running');
    assert.match(await until('its log', async () => (await services.agentLog(began))[0]), /info {2}agent 1$/);
    assert.deepEqual(await services.agentLog(Date.now() + 60_000), []);
  });

  it('is loaded where launchd lost it, from the plist of the generation', async () => {
    const one = generation('1');
    install(one);
    assert.match((await services.revive(one)) ?? '', new RegExp(`^${TEST_LABEL} was not loaded: loaded it into `));
    await until('the agent', () => runs(one));
    assert.equal(await services.revive(one), undefined);
  });

  it('is not loaded from another plist: that would be an agent which nobody asked for', async () => {
    const [one, two] = [generation('1'), generation('2')];
    install(one);
    assert.match(
      (await services.revive(two)) ?? '',
      /is not the generation's: the activation has put another one there/,
    );
    assert.equal(await findJob(here().domains, TEST_LABEL), undefined);
  });

  it('is an old one that stays where the old plist was put back', async () => {
    const [one, two] = [generation('1'), generation('2')];
    install(one);
    await bootstrap(await domain(), installed());
    await until('the old agent', () => runs(one));
    assert.match((await services.revive(two)) ?? '', /is not the generation's/);
    assert.ok(await runs(one));
  });

  it('is loaded anew where launchd kept the old job under the new plist', async () => {
    const [one, two] = [generation('1'), generation('2')];
    install(one);
    await bootstrap(await domain(), installed());
    await until('the old agent', () => runs(one));
    install(two);
    await until('the new agent', async () => {
      await services.revive(two);
      return runs(two);
    });
  });

  it('is started where it is loaded and rests', async () => {
    const one = generation('1');
    install(one);
    writeFileSync(
      installed(),
      plistXml({ Label: TEST_LABEL, ProgramArguments: ['/bin/sh', join(one.storePath, 'bin/agent')] }),
    );
    writeFileSync(
      join(one.toplevel, 'LaunchAgents', `${TEST_LABEL}.plist`),
      plistXml({ Label: TEST_LABEL, ProgramArguments: ['/bin/sh', join(one.storePath, 'bin/agent')] }),
    );
    await bootstrap(await domain(), installed());
    assert.equal((await services.agent()).active, false);
    assert.match((await services.revive(one)) ?? '', /was loaded, but did not run: started it$/);
    await until('the agent', () => runs(one));
  });

  it('is loaded for the background where nobody is logged in at the screen', async function () {
    const { standIn, domains } = here();
    if (!standIn) this.skip();
    const one = generation('1');
    install(one);
    await standIn.logIn(false);
    assert.match((await services.revive(one)) ?? '', new RegExp(`loaded it into ${domains[1]}$`));
    await until('the agent', () => runs(one));
  });
});
