import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { currentUser } from '../steps/user.ts';
import { queryAs } from '../steps/query.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import { firstLine, lookAtCheckout, type CheckoutStatus } from './checkout.ts';

const REV = 'a'.repeat(40);
const LOCK = JSON.stringify({
  nodes: {
    nixfleet: {
      locked: {
        type: 'github',
        owner: 'o',
        repo: 'nixfleet',
        rev: REV,
        narHash: 'sha256-x',
        lastModified: 1_700_000_000,
      },
      original: { type: 'github', owner: 'o', repo: 'nixfleet' },
    },
    root: { inputs: { nixfleet: 'nixfleet' } },
  },
  root: 'root',
  version: 7,
});

class Checkout implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly path = this.folder.join('nixcfg');

  constructor() {
    mkdirSync(this.path);
    this.git('init', '-q', '-b', 'main');
    this.write('flake.nix', '{}');
    this.write('flake.lock', LOCK);
    this.git('add', '.');
    this.git('commit', '-q', '-m', 'one');
  }

  write(name: string, text: string): void {
    writeFileSync(`${this.path}/${name}`, text);
  }

  git(...args: string[]): string {
    const identity = ['-c', 'user.name=ana', '-c', 'user.email=ana@example.org'];
    return execFileSync('git', [...identity, ...args], { cwd: this.path, encoding: 'utf8' }).trim();
  }

  look(inputName = 'nixfleet'): Promise<CheckoutStatus> {
    return lookAtCheckout(queryAs(currentUser(), this.path, {}), this.path, inputName);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

describe('looking at a checkout', () => {
  it('says commit, branch, cleanliness and what is locked', async () => {
    using checkout = new Checkout();
    const status = await checkout.look();
    assert.deepEqual(status.nixcfg, {
      path: checkout.path,
      head: checkout.git('rev-parse', 'HEAD'),
      branch: 'main',
      dirty: false,
    });
    assert.deepEqual(status.input, {
      rev: REV,
      narHash: 'sha256-x',
      lastModified: 1_700_000_000,
      url: `github:o/nixfleet/${REV}`,
    });
    assert.equal(status.original?.type, 'github');
    assert.deepEqual(status.problems, []);
  });

  it('sees changes and a detached HEAD, and does not touch the index', async () => {
    using checkout = new Checkout();
    checkout.git('checkout', '-q', '--detach');
    checkout.write('flake.nix', '{ }');
    checkout.write('untracked', '');
    const index = () => statSync(`${checkout.path}/.git/index`).mtimeMs;
    const before = index();
    const { nixcfg } = await checkout.look();
    assert.equal(nixcfg.dirty, true);
    assert.equal(nixcfg.branch, undefined);
    assert.equal(index(), before);
  });

  it('says what it cannot find out', async () => {
    using checkout = new Checkout();
    assert.match((await checkout.look('other')).problems[0] ?? '', /no input other/);
    checkout.write('flake.lock', '{ "nodes": <<<<<<< HEAD');
    assert.match((await checkout.look()).problems[0] ?? '', /flake\.lock cannot be read/);

    using folder = new TemporaryFolder();
    writeFileSync(folder.join('flake.nix'), '{}');
    const bare = await lookAtCheckout(queryAs(currentUser(), folder.path, {}), folder.path, 'nixfleet');
    assert.deepEqual(bare.nixcfg, { path: folder.path });
    assert.match(bare.problems[0] ?? '', /git cannot read .*not a git repository/);
    assert.match(bare.problems[1] ?? '', /flake\.lock cannot be read: .*No such file/);
  });
});

describe("the line of a program's complaint that says most", () => {
  it('is the first that names an error, wherever it stands', () => {
    assert.equal(firstLine('warning: x\nfatal: not a git repository\nerror: y'), 'fatal: not a git repository');
    const nix = "error:\n       … while fetching the input 'x'\n\n       error: opening Git repository: no\n";
    assert.equal(firstLine(nix), 'error: opening Git repository: no');
    assert.equal(firstLine('\n  something\n'), 'something');
    assert.equal(firstLine(''), 'no reason given');
  });
});
