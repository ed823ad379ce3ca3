import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { HostKind } from '../../flake-nix/types.ts';
import { SILENT } from '../base/log.ts';
import { ConfiguredHosts, type ConfiguredHostsParts } from './configured-hosts.ts';
import type { Evaluation } from './evaluate.ts';

const nixos = (...names: string[]) => names.map(name => ({ kind: 'nixosConfigurations', name }) as const);
const ALL: readonly HostKind[] = ['nixosConfigurations', 'homeConfigurations', 'darwinConfigurations'];

function memory(): ConfiguredHostsParts['memory'] {
  const values = new Map<string, unknown>();
  return { get: key => values.get(key), update: (key, value) => Promise.resolve(void values.set(key, value)) };
}

function done(hosts: ReturnType<typeof nixos>, open: readonly HostKind[] = [], problem?: string): Evaluation {
  return { ended: 'done', hosts, open: new Set(open), problem };
}

describe('configured hosts', () => {
  function subject(part: Partial<ConfiguredHostsParts> = {}) {
    const asked: string[] = [];
    const parts: ConfiguredHostsParts = {
      memory: memory(),
      log: SILENT,
      keyOf: () => Promise.resolve('tree-1'),
      evaluate: folder => {
        asked.push(folder);
        return Promise.resolve(done(nixos('ada', 'generated')));
      },
      ...part,
    };
    const current = { parts };
    const hosts = new ConfiguredHosts(() => current.parts);
    const names = (): string[] => (hosts.configurations?.hosts ?? []).map(({ name }) => name);
    return { hosts, names, asked, current };
  }

  it('are those of the text until nix has said more', async () => {
    const { hosts, names } = subject();
    hosts.takeText({ hosts: nixos('ada'), open: ['nixosConfigurations'] });
    assert.deepEqual([names(), hosts.configurations?.source], [['ada'], 'text']);
    await hosts.evaluate('/cfg');
    assert.deepEqual([names(), hosts.configurations?.source], [['ada', 'generated'], 'evaluation']);
    hosts.takeText({ hosts: nixos('typing'), open: [] });
    assert.deepEqual(names(), ['ada', 'generated']);
  });

  it('are not evaluated where that is not allowed', async () => {
    const { hosts, names } = subject({
      evaluate: undefined,
      keyOf: () => Promise.reject(new Error('not even looked at')),
    });
    hosts.takeText({ hosts: nixos('ada'), open: [] });
    await hosts.evaluate('/cfg');
    assert.deepEqual(names(), ['ada']);
  });

  it('are evaluated once for a lock and a tree, also after a reload', async () => {
    const { hosts, asked, current } = subject();
    await hosts.evaluate('/cfg');
    await hosts.evaluate('/cfg');
    assert.equal(asked.length, 1);
    const again = new ConfiguredHosts(() => current.parts);
    await again.evaluate('/cfg');
    assert.equal(asked.length, 1);
    assert.equal(again.configurations?.hosts.length, 2);
    current.parts = { ...current.parts, keyOf: () => Promise.resolve('tree-2') };
    await again.evaluate('/cfg');
    assert.equal(asked.length, 2);
  });

  it('are not kept where nobody can tell what they are of, nor an answer that is not whole', async () => {
    const { hosts, asked, current } = subject({ keyOf: () => Promise.resolve(undefined) });
    await hosts.evaluate('/cfg');
    await hosts.evaluate('/cfg');
    assert.equal(asked.length, 2);
    let times = 0;
    current.parts = {
      ...current.parts,
      keyOf: () => Promise.resolve('tree-3'),
      evaluate: () => {
        times += 1;
        return Promise.resolve(done(nixos('ada'), ['homeConfigurations'], 'no'));
      },
    };
    await hosts.evaluate('/cfg');
    await hosts.evaluate('/cfg');
    assert.equal(times, 2);
  });

  it('are those of the text again where nix fails, and of both where it fails in part', async () => {
    const { hosts, names, current } = subject();
    const home = { kind: 'homeConfigurations', name: 'ana' } as const;
    hosts.takeText({ hosts: [...nixos('typed'), home], open: [] });
    await hosts.evaluate('/cfg');
    current.parts = {
      ...current.parts,
      keyOf: () => Promise.resolve('x'),
      evaluate: () => Promise.resolve(done([], ALL, 'no network')),
    };
    await hosts.evaluate('/cfg');
    assert.deepEqual([names(), hosts.configurations?.source], [['typed', 'ana'], 'text']);
    current.parts = {
      ...current.parts,
      evaluate: () => Promise.resolve(done(nixos('ada'), ['homeConfigurations'], 'no')),
    };
    await hosts.evaluate('/cfg');
    assert.deepEqual(names(), ['ada', 'ana']);
    assert.deepEqual([...(hosts.configurations?.open ?? [])], ['homeConfigurations']);
  });

  it('end an evaluation that another one overtakes, and take nothing of it', async () => {
    const signals: AbortSignal[] = [];
    const { hosts, names, current } = subject({
      evaluate: (_, signal) => {
        signals.push(signal);
        return new Promise(resolve => signal.addEventListener('abort', () => resolve({ ended: 'cancelled' })));
      },
    });
    const first = hosts.evaluate('/cfg');
    await new Promise(resolve => setImmediate(resolve));
    current.parts = { ...current.parts, evaluate: () => Promise.resolve(done(nixos('second'))) };
    await hosts.evaluate('/cfg');
    await first;
    assert.equal(signals[0]?.aborted, true);
    assert.deepEqual(names(), ['second']);
    hosts.dispose();
  });
});
