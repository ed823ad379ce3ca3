import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import type { HostStatus } from '../../protocol/index.ts';
import { agentConfigSchema } from '../config.ts';
import { processIdentity } from '../process.ts';
import { newRunId } from '../testing/agent-rig.ts';
import { TemporaryFolder, until } from '../testing/temporary.ts';
import { collectStatus, readStatus, writeStatus } from './collect.ts';
import { currentGeneration } from './generation.ts';
import { StatusKeeper } from './keeper.ts';
import { describeHost } from './report.ts';

const REV = 'c'.repeat(40);

describe('the generation that runs', () => {
  it('has a number when it is the newest of its profile', () => {
    using folder = new TemporaryFolder();
    const system = { current: folder.join('current'), profile: folder.join('system') };
    assert.equal(currentGeneration(system), undefined);
    for (const name of ['old', 'new']) mkdirSync(folder.join(name));
    symlinkSync(folder.join('old'), system.current);
    assert.deepEqual(currentGeneration(system), { toplevel: folder.join('old') });
    symlinkSync(folder.join('old'), folder.join('system-41-link'));
    symlinkSync('system-41-link', system.profile);
    assert.deepEqual(currentGeneration(system), { toplevel: folder.join('old'), number: 41 });
  });
});

describe("finding a host's status out", () => {
  it('names what is wrong, and keeps the newest revision that was known', async () => {
    using folder = new TemporaryFolder();
    const config = agentConfigSchema.parse({
      host: 'web',
      relayUrl: 'ws://127.0.0.1:1',
      tokenFile: '/none',
      nixcfgPath: folder.join('nixcfg'),
    });
    const upstream = { rev: REV, checkedAt: 1 };
    const status = await collectStatus(config, { upstream: true, previous: { at: 1, problems: [], upstream } });
    assert.deepEqual(status.upstream, upstream);
    assert.equal(status.problems.length, 1);
    assert.match(status.problems[0] ?? '', /holds no flake.*Mend nixcfgPath/);
  });

  it('forgets what was newest before the lock moved, because that may be older now', async () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.join('nixcfg'));
    writeFileSync(folder.join('nixcfg/flake.nix'), '{ }');
    const locked = { type: 'git', url: 'https://example.org/n', rev: REV };
    const nodes = { nixfleet: { locked, original: locked }, root: { inputs: { nixfleet: 'nixfleet' } } };
    writeFileSync(folder.join('nixcfg/flake.lock'), JSON.stringify({ nodes, root: 'root', version: 7 }));
    const config = agentConfigSchema.parse({
      host: 'web',
      relayUrl: 'ws://127.0.0.1:1',
      tokenFile: '/none',
      nixcfgPath: folder.join('nixcfg'),
    });
    const [other, newer] = ['d'.repeat(40), 'e'.repeat(40)];
    const keeps = async (lockedBefore: string, newest: string): Promise<boolean> => {
      const upstream = { rev: newest, checkedAt: 1 };
      const previous = { at: 1, problems: [], input: { rev: lockedBefore }, upstream };
      return (await collectStatus(config, { upstream: false, previous })).upstream?.rev === newest;
    };
    assert.ok(await keeps(REV, newer), 'the lock did not move');
    assert.ok(await keeps(other, REV), 'the lock moved to what was the newest');
    assert.ok(!(await keeps(other, newer)));
  });

  it('is kept in a file, and a broken file is none', () => {
    using folder = new TemporaryFolder();
    assert.equal(readStatus(folder.path), undefined);
    const status: HostStatus = { at: 5, problems: ['x'] };
    writeStatus(folder.path, status);
    assert.deepEqual(readStatus(folder.path), status);
    writeFileSync(folder.join('status/status.json'), '{"at":');
    assert.equal(readStatus(folder.path), undefined);
  });
});

describe('keeping the status', () => {
  it('looks one at a time, and once more for all that was asked meanwhile', async () => {
    const asked: boolean[] = [];
    const answers: ((status: HostStatus) => void)[] = [];
    const told: HostStatus[] = [];
    const keeper = new StatusKeeper({
      collect: ({ upstream }) => {
        asked.push(upstream);
        return new Promise(resolve => answers.push(resolve));
      },
      onStatus: status => told.push(status),
      initial: undefined,
      log: pino({ level: 'silent' }),
    });
    keeper.refresh('local');
    for (const what of ['local', 'upstream', 'local'] as const) keeper.refresh(what);
    assert.deepEqual(asked, [false]);
    answers.shift()?.({ at: 1, problems: [] });
    await until('the second look', () => asked.length === 2);
    assert.deepEqual(asked, [false, true]);
    answers.shift()?.({ at: 2, problems: [] });
    await until('the second status', () => told.length === 2);
    assert.equal(keeper.current?.at, 2);
    keeper.refresh('local');
    assert.equal(asked.length, 3);
  });

  it('goes on after a look that failed', async () => {
    let looks = 0;
    const keeper = new StatusKeeper({
      collect: () => (looks++ === 0 ? Promise.reject(new Error('x')) : Promise.resolve({ at: 9, problems: [] })),
      onStatus: () => undefined,
      initial: { at: 1, problems: [] },
      log: pino({ level: 'silent' }),
    });
    keeper.refresh('local');
    keeper.refresh('upstream');
    await until('the second look', () => keeper.current?.at === 9);
  });
});

describe('saying what a host is', () => {
  const config = { host: 'web', relayUrl: 'wss://relay.example.org', inputName: 'nixfleet' };
  const identity = { version: '1.2.0', rev: 'abc', protocol: 1, program: [] };

  it('names everything that is known', () => {
    const self = processIdentity();
    assert.ok(self);
    const text = describeHost({
      config,
      identity,
      state: { ...self, format: 1, instance: 'x', identity: null, startedAt: 1, helloAt: 40_000_000 },
      status: {
        at: 39_000_000,
        nixcfg: { path: '/home/ana/Code/nixcfg', head: REV, branch: 'main', dirty: true },
        input: { rev: REV, lastModified: 1_700_000_000 },
        upstream: { rev: 'd'.repeat(40), checkedAt: 1 },
        generation: { toplevel: '/nix/store/x-nixos', number: 42 },
        problems: ['something is off'],
      },
      runs: [{ runId: newRunId(), summary: 'succeeded' }],
      now: 40_000_000,
    });
    assert.match(text, /^host {8}web$/m);
    assert.match(text, /^at work {5}pid \d+, of unknown version, greeted just now$/m);
    assert.match(text, /^nixcfg {6}\/home\/ana\/Code\/nixcfg main at cccccccccccc, with changes$/m);
    assert.match(text, /^input {7}nixfleet cccccccccccc of 2023-11-14$/m);
    assert.match(text, /^newest {6}dddddddddddd, asked 11 h ago$/m);
    assert.match(text, /^generation {2}42, \/nix\/store\/x-nixos$/m);
    assert.match(text, /^problem {5}something is off$/m);
    assert.match(text, /^run .*succeeded$/m);
    assert.match(text, /^found out {3}17 min ago$/m);
  });

  it('lets nobody who wrote something of it steer the terminal', () => {
    const status: HostStatus = { at: 1, problems: ['\u001b]0;x\u0007\u009b2J\nhost evil\u202e'] };
    const text = describeHost({ config, identity, state: undefined, status, runs: [], now: 1 });
    assert.match(text, /^problem {5}\?\]0;x\?\?2J\?host evil\?$/m);
  });

  it('tells who may not look at the runs that there may be some', () => {
    const text = describeHost({ config, identity, state: undefined, status: undefined, runs: undefined, now: 1 });
    assert.match(text, /^runs {8}for root and the group of the agent to see$/m);
  });

  it('says so when nothing is', () => {
    const text = describeHost({ config, identity, state: undefined, status: undefined, runs: [], now: 1 });
    assert.match(text, /no agent is running/);
    assert.match(text, /not found out yet/);
  });
});
