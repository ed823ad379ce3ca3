import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AGENT, aHost, NEW_REV, OLD_REV } from '../fleet/samples.ts';
import {
  marks,
  notEnrolled,
  NO_NIXCFG,
  parseAttribute,
  type Configurations,
  type NixcfgState,
} from './configurations.ts';

const built = (name: string, attribute = `nixosConfigurations."${name}"`) =>
  aHost(name, { agent: { ...AGENT, attribute } });
const fleet = (...hosts: ReturnType<typeof aHost>[]) => new Map(hosts.map(host => [host.host, host]));

function state(names: readonly string[], part: Partial<Configurations> = {}): NixcfgState {
  const hosts = names.map(name => ({ kind: 'nixosConfigurations', name }) as const);
  return {
    ...NO_NIXCFG,
    folder: 'file:///x',
    configurations: { source: 'evaluation', hosts, open: new Set(), ...part },
  };
}

describe('the name of a configuration', () => {
  it('is read from what an agent says', () => {
    assert.deepEqual(parseAttribute('nixosConfigurations."web"'), { kind: 'nixosConfigurations', name: 'web' });
    assert.deepEqual(parseAttribute('homeConfigurations."ana@web.example.org"'), {
      kind: 'homeConfigurations',
      name: 'ana@web.example.org',
    });
    assert.deepEqual(parseAttribute('darwinConfigurations.mac'), { kind: 'darwinConfigurations', name: 'mac' });
    assert.deepEqual(parseAttribute('nixosConfigurations."a\\"b"'), { kind: 'nixosConfigurations', name: 'a"b' });
    for (const other of [
      'packages."web"',
      'nixosConfigurations."web".config',
      'nixosConfigurations.',
      'nixosConfigurations.""',
    ])
      assert.equal(parseAttribute(other), undefined, other);
  });
});

describe('configured hosts that are not enrolled', () => {
  it('are those that no host is built from', () => {
    const hosts = fleet(built('laptop', 'nixosConfigurations."ada"'), aHost('bob', { agent: undefined }));
    assert.deepEqual(notEnrolled(state(['ada', 'bob', 'cy']), hosts), [{ kind: 'nixosConfigurations', name: 'cy' }]);
    assert.deepEqual(notEnrolled(NO_NIXCFG, hosts), []);
  });

  it('are told apart from those of the same name in another output', () => {
    const hosts = fleet(built('mac', 'homeConfigurations."ana"'));
    assert.deepEqual(notEnrolled(state(['ana']), hosts), [{ kind: 'nixosConfigurations', name: 'ana' }]);
  });
});

describe('marks of hosts', () => {
  it('say that nothing configures a host any longer', () => {
    const hosts = fleet(built('ada'), built('old'));
    assert.deepEqual([...marks(state(['ada']), hosts)], [['old', 'unconfigured']]);
  });

  it('do not say so where there may be more, nor of the hosts of another nixcfg', () => {
    const hosts = fleet(built('ada'), built('old'));
    assert.deepEqual([...marks(state(['ada'], { open: new Set(['nixosConfigurations']) }), hosts)], []);
    assert.deepEqual([...marks(state(['somebody', 'else']), hosts)], []);
    assert.deepEqual([...marks(NO_NIXCFG, hosts)], []);
  });

  it('say that a lock is older than the one of the workspace', () => {
    const withLock = (name: string, rev: string, lastModified?: number) =>
      aHost(name, {
        status: { at: 0, problems: [], input: { rev, ...(lastModified !== undefined && { lastModified }) } },
      });
    const lock = { input: 'nixfleet', rev: NEW_REV, lastModified: 200 };
    const hosts = fleet(
      withLock('same', NEW_REV),
      withLock('older', OLD_REV, 100),
      withLock('newer', OLD_REV, 300),
      withLock('unknown', OLD_REV),
      aHost('silent'),
    );
    assert.deepEqual([...marks({ ...NO_NIXCFG, lock }, hosts).keys()], ['older', 'unknown']);
    assert.deepEqual([...marks({ ...NO_NIXCFG, lock: { input: 'nixfleet' } }, hosts)], []);
  });
});
