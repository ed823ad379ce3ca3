import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { eventually } from '../connection/fake-relay.ts';
import { evaluateConfigurations, type Evaluation } from './evaluate.ts';
import { findNix, namesCommand, nixProblem, parseNixVersion, updateInputCommand } from './nix.ts';
import { treeKey } from './tree-key.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nixfleet-eval-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program in the place of nix, which notes what it is called with. */
function fakeNix(script: string): string {
  const file = join(folder, 'nix');
  writeFileSync(file, `#!/bin/sh\necho "$@" >> ${folder}/calls\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

async function evaluate(
  script: string,
  options: { deadline?: number; signal?: AbortSignal } = {},
): Promise<Evaluation> {
  const { deadline = 20_000, signal = new AbortController().signal } = options;
  return evaluateConfigurations({ nix: fakeNix(script), folder, deadline, signal });
}

/** A process that was killed may wait for init to take note of it. */
function isRunning(pid: string): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

const calls = (): string[] => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');

describe('the hosts that nix says a flake configures', () => {
  it('are the names of its outputs', async () => {
    const result = await evaluate(
      `case "$*" in
        *nixosConfigurations*) echo '["ada","web-1"]';;
        *homeConfigurations*) echo '["ana@ada"]';;
        *) echo "error: flake 'git+file:///x' does not provide attribute 'darwinConfigurations'" >&2; exit 1;;
      esac`,
    );
    assert.deepEqual(result, {
      ended: 'done',
      hosts: [
        { kind: 'nixosConfigurations', name: 'ada' },
        { kind: 'nixosConfigurations', name: 'web-1' },
        { kind: 'homeConfigurations', name: 'ana@ada' },
      ],
      open: new Set(),
      problem: undefined,
    });
    assert.equal(calls().length, 3);
    assert.ok(calls().every(call => call.includes('--no-update-lock-file')));
  });

  it('are asked for without the dot where nix does not know it', async () => {
    const result = await evaluate(
      `case "$*" in
        *.#.*) echo "error: flake 'x' does not provide attribute 'packages.x86_64-linux..nixosConfigurations' or '.nixosConfigurations'" >&2; exit 1;;
        *) echo '["ada"]';;
      esac`,
    );
    assert.equal(result.ended === 'done' && result.hosts.length, 3);
  });

  it('are not known where nix fails, and it is said why', async () => {
    const result = await evaluate(`echo "warning: dirty" >&2; echo "error: cannot find flake 'x'" >&2; exit 1`);
    assert.ok(result.ended === 'done');
    assert.deepEqual([...result.open], ['nixosConfigurations', 'homeConfigurations', 'darwinConfigurations']);
    assert.equal(result.problem, "cannot find flake 'x'");
  });

  it('are waited for no longer than the deadline, and nothing is left of what ran', async () => {
    const result = await evaluate(`sh -c 'echo $$ > ${folder}/child; exec sleep 300'`, { deadline: 3000 });
    assert.ok(result.ended === 'done');
    assert.match(result.problem ?? '', /longer than 3 s/);
    const child = readFileSync(join(folder, 'child'), 'utf8').trim();
    // it has been sent its signal
    await eventually(() => !isRunning(child));
  });

  it('are not waited for when nobody wants them any more', async () => {
    const cancelled = new AbortController();
    const running = evaluate('sleep 300', { signal: cancelled.signal });
    cancelled.abort();
    assert.deepEqual(await running, { ended: 'cancelled' });
  });

  it('are not known where nix prints something else, or there is none', async () => {
    const odd = await evaluate('echo "{}"');
    assert.equal(odd.ended === 'done' && odd.open.size, 3);
    const signal = new AbortController().signal;
    const none = await evaluateConfigurations({ nix: join(folder, 'none'), folder, deadline: 1000, signal });
    assert.match((none.ended === 'done' && none.problem) || '', /cannot be started/);
  });
});

describe('the key of a tree', () => {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: join(folder, 'cfg'),
      encoding: 'utf8',
    });
  const key = (): Promise<string | undefined> => treeKey(join(folder, 'cfg'), new AbortController().signal);
  const write = (name: string, text: string): void => writeFileSync(join(folder, 'cfg', name), text);

  it('follows what nix would see, and leaves nothing in the repository', async () => {
    mkdirSync(join(folder, 'cfg'));
    git('init', '--quiet');
    write('flake.nix', '{ }');
    write('flake.lock', '{}');
    git('add', '.');
    git('commit', '--quiet', '-m', 'first');
    const objects = (): string[] =>
      readdirSync(join(folder, 'cfg/.git/objects'), { recursive: true, encoding: 'utf8' }).sort();
    const before = { key: await key(), objects: objects(), index: readFileSync(join(folder, 'cfg/.git/index')) };
    assert.ok(before.key);
    assert.equal(await key(), before.key, 'the same');
    write('untracked.nix', '{ }');
    assert.equal(await key(), before.key, 'nix does not see what git does not track');
    write('flake.nix', '{ a = 1; }');
    const changed = await key();
    assert.notEqual(changed, before.key);
    write('flake.nix', '{ }');
    assert.equal(await key(), before.key, 'as it was');
    write('flake.lock', '{ }');
    assert.notEqual(await key(), before.key, 'the lock counts too');
    assert.deepEqual(objects(), before.objects);
    assert.deepEqual(readFileSync(join(folder, 'cfg/.git/index')), before.index);
  });

  it('is not known outside of a repository', async () => {
    mkdirSync(join(folder, 'cfg'));
    assert.equal(await key(), undefined);
  });
});

describe('nix', () => {
  it('is found by its name, in folders only', () => {
    const file = fakeNix('');
    assert.equal(findNix(`relative:${folder}:/nowhere`), file);
    chmodSync(file, 0o644);
    assert.notEqual(findNix(folder), file);
  });

  it('is spoken to by its version', () => {
    assert.deepEqual(parseNixVersion('nix (Nix) 2.26.3'), [2, 26]);
    assert.deepEqual(parseNixVersion('nix (Determinate Nix 3.6.2) 2.29.0'), [2, 29]);
    assert.deepEqual(parseNixVersion('nix (Lix, like Nix) 2.93.0'), [2, 93]);
    assert.equal(parseNixVersion('what?'), undefined);
    assert.match(
      updateInputCommand([2, 26], 'nixfleet', '/x').join(' '),
      /^flake update nixfleet --output-lock-file \/x /,
    );
    assert.match(
      updateInputCommand([2, 18], 'nixfleet', '/x').join(' '),
      /^flake lock --update-input nixfleet --output-lock-file \/x /,
    );
    assert.match(
      namesCommand('nixosConfigurations').join(' '),
      /^eval --json --no-update-lock-file \.#\.nixosConfigurations --apply/,
    );
  });

  it('says what is wrong in the last line that does', () => {
    assert.equal(
      nixProblem("error:\n  … while\n  at x\n\n  error: attribute 'a' missing\n  at y"),
      "attribute 'a' missing",
    );
    assert.equal(nixProblem('\u001b[31;1merror:\u001b[0m no\n'), 'no');
    assert.equal(nixProblem('killed\n'), 'killed');
    assert.equal(nixProblem(''), undefined);
  });
});
