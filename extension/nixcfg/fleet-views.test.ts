import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { aHost, anOutdatedHost, OLD_REV } from '../fleet/samples.ts';
import { FleetViews } from './fleet-views.ts';

describe('what the language server is told of the fleet', () => {
  const state = { known: true, trusted: false };
  const describeHost = (words: string) => () => ({ icon: 'pass', words, idle: true });
  const fleet = (...hosts: ReturnType<typeof aHost>[]) => new Map(hosts.map(host => [host.host, host]));

  it('is everything at first, and what changed from then on', () => {
    const views = new FleetViews();
    const first = views.update(fleet(aHost('ada'), anOutdatedHost('bob')), state, describeHost('1.0'));
    assert.deepEqual(
      first?.hosts.map(({ name, lockedRev }) => [name, lockedRev]),
      [
        ['ada', undefined],
        ['bob', OLD_REV],
      ],
    );
    assert.deepEqual(first.hosts[0]?.built, { kind: 'nixosConfigurations', name: 'web' });
    assert.equal(views.update(fleet(aHost('ada'), anOutdatedHost('bob')), state, describeHost('1.0')), undefined);
    const second = views.update(fleet(aHost('ada')), state, describeHost('1.0'));
    assert.deepEqual([second?.hosts, second?.gone], [[], ['bob']]);
    assert.equal(views.update(fleet(aHost('ada')), state, describeHost('2.0'))?.hosts[0]?.words, '2.0');
  });

  it('is said again when the workspace is trusted', () => {
    const views = new FleetViews();
    views.update(fleet(), state, describeHost(''));
    assert.deepEqual(views.update(fleet(), { known: true, trusted: true }, describeHost('')), {
      known: true,
      trusted: true,
      hosts: [],
      gone: [],
    });
  });
});
