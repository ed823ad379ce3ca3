import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetHost, Outcome, RunSummary } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { AGENT, aHost, anEndedRun, aRun, HOUR, NEW_REV, NOW, OLD_REV } from '../fleet/samples.ts';
import { detailsText, hostDetails, hostFacts, presentRun } from './details.ts';

const full: FleetHost = aHost('web', {
  status: {
    at: NOW - HOUR,
    nixcfg: { path: '/home/ana/Code/nixcfg', head: OLD_REV, branch: 'main', dirty: true },
    input: { rev: OLD_REV, lastModified: NOW / 1000 - 3 * 24 * 3600, url: 'github:nixfleet/nixfleet' },
    upstream: { rev: NEW_REV, checkedAt: NOW },
    generation: { toplevel: '/nix/store/00000000000000000000000000000000-nixos-system-web-25.11', number: 42 },
    problems: ['no key for a private remote'],
  },
  runs: [
    anEndedRun(1, {
      outcome: 'failed',
      phase: 'building',
      reason: { kind: 'x', message: 'It broke.', advice: 'Mend it.' },
    }),
  ],
});

const said = (host: FleetHost): Record<string, string> =>
  Object.fromEntries(hostDetails(host, NOW, ENGLISH).map(row => [row.key, row.description]));

describe('what stands below a host', () => {
  it('is also that it needs a reboot, and for which parts', () => {
    const host = aHost('web', { status: { at: NOW, problems: [], reboot: ['kernel', 'initrd'] } });
    assert.equal(said(host)['reboot'], 'kernel, initrd');
    assert.equal(said(aHost('web', { status: { at: NOW, problems: [], reboot: [] } }))['reboot'], undefined);
    assert.ok(hostFacts(host, NOW, ENGLISH).some(([name]) => name === 'Needs a reboot'));
  });

  it('is agent, nixcfg, lock, system, and what could not be found out', () => {
    assert.deepEqual(said(full), {
      agent: '2.3.0 · aaaaaaa',
      nixcfg: 'main · aaaaaaa · uncommitted changes',
      lock: 'aaaaaaa · 3 d old · bbbbbbb available',
      system: 'generation 42 · nixos-system-web-25.11',
      'problem/0': '',
    });
    assert.equal(hostDetails(full, NOW, ENGLISH).at(-1)?.label, 'no key for a private remote');
  });

  it('is unknown where nothing was said, and leaves no empty line', () => {
    const { agent: _, ...never } = aHost('new');
    assert.deepEqual(said(never), { agent: 'unknown', nixcfg: 'unknown', lock: 'unknown', system: 'unknown' });
    assert.equal(said(aHost('web', { agent: { ...AGENT, rev: 'sha256-AAAA' } }))['agent'], '2.3.0');
  });

  it('names places in full on a second look', () => {
    assert.deepEqual(
      hostDetails(full, NOW, ENGLISH).map(row => row.tooltip),
      [
        AGENT.storePath,
        '/home/ana/Code/nixcfg',
        'github:nixfleet/nixfleet',
        full.status?.generation?.toplevel,
        'no key for a private remote',
      ],
    );
  });
});

describe('what stands below a host, as a whole', () => {
  const text = (host: FleetHost, now = NOW): string => detailsText(host, now, ENGLISH);

  it('is the same text while it reads the same', () => {
    assert.equal(text(full), text({ ...full, lastSeenAt: NOW + 5 }));
    assert.equal(text(full), text(full, NOW + 1000));
  });

  it('is another when a run or a line reads otherwise', () => {
    assert.notEqual(text(full), text({ ...full, runs: [] }));
    assert.notEqual(text(full), text({ ...full, runs: [...full.runs, aRun(2)] }));
    assert.notEqual(text(full), text(full, NOW + HOUR), 'the run was longer ago');
    const moved = { ...full.status!, generation: { toplevel: full.status!.generation!.toplevel, number: 43 } };
    assert.notEqual(text(full), text({ ...full, status: moved }));
  });
});

describe('the tooltip of a host', () => {
  it('has all that is known, and the last run with its reason', () => {
    const facts = Object.fromEntries(hostFacts(full, NOW, ENGLISH));
    assert.deepEqual(facts, {
      Platform: 'nixos · x86_64-linux',
      Attribute: 'nixosConfigurations."web"',
      Agent: '2.3.0 · aaaaaaa',
      nixcfg: 'main · aaaaaaa · uncommitted changes',
      'flake.lock': 'aaaaaaa · 3 d old · bbbbbbb available',
      System: 'generation 42 · nixos-system-web-25.11',
      Checked: '1 h ago',
      'Last run': 'failed while building · 1 min ago',
      Now: 'The host is as it was before.',
      Reason: 'It broke.\nMend it.',
      Problem: 'no key for a private remote',
    });
  });

  it('leaves out what is not known', () => {
    const { agent: _, lastSeenAt: __, ...never } = aHost('new', { online: false });
    assert.deepEqual(hostFacts(never, NOW, ENGLISH), []);
    assert.deepEqual(hostFacts({ ...never, lastSeenAt: NOW - HOUR }, NOW, ENGLISH), [['Last seen', '1 h ago']]);
  });
});

describe('a run below its host', () => {
  it('says how it went, with the versions when they differ, and when', () => {
    const run = presentRun(
      anEndedRun(1, { versionBefore: '2.3.0', versionAfter: '2.4.0', endedAt: NOW - HOUR }),
      NOW,
      ENGLISH,
    );
    assert.equal(`${run.label} | ${run.description} | ${run.icon.id}`, 'updated | 2.3.0 → 2.4.0 · 1 h ago | pass');
    const same = presentRun(
      anEndedRun(1, { changed: false, versionBefore: '2.3.0', versionAfter: '2.3.0', endedAt: NOW }),
      NOW,
      ENGLISH,
    );
    assert.equal(`${same.label} | ${same.description}`, 'nothing to update | just now');
    assert.equal(presentRun(anEndedRun(1, { outcome: 'cancelled' }), NOW, ENGLISH).icon.id, 'circle-slash');
    assert.equal(presentRun(aRun(1, { delivery: 'expired', seq: 0 }), NOW, ENGLISH).label, 'expired');
  });

  it('says what state the host is in now, however it ended', () => {
    const says = (run: RunSummary): string => presentRun(run, NOW, ENGLISH).tooltip.split('\n')[0] ?? '';
    const ended = (outcome: Outcome, more: Partial<RunSummary> = {}): RunSummary => anEndedRun(1, { outcome, ...more });
    assert.equal(says(ended('failed', { changed: false })), 'The host is as it was before.');
    assert.match(says(ended('failed', { changed: true })), /runs the new generation/);
    assert.equal(says(ended('cancelled')), 'The host is as it was before.');
    assert.match(says(ended('rolled-back')), /runs its old generation again/);
    assert.match(says(ended('inconsistent')), /between its old state and the new one/);
    for (const delivery of ['refused', 'expired', 'cancelled'] as const)
      assert.equal(says(aRun(1, { delivery, seq: 0 })), 'The host was not touched.');
  });

  it('says where it is while it goes on', () => {
    const run = presentRun(aRun(1), NOW, ENGLISH);
    assert.equal(`${run.label} | ${run.description} | ${run.icon.id}`, 'building | 40 s | sync~spin');
    assert.equal(presentRun(aRun(1, { delivery: 'queued', seq: 0 }), NOW, ENGLISH).label, 'queued');
  });
});
