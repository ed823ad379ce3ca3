import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'mocha';
import * as z from 'zod';
import { TemporaryFolder } from '../testing/temporary.ts';
import { InboxFolder } from './inbox-folder.ts';
import { statePaths } from './layout.ts';
import { makeStateFolders } from './state-folders.ts';

const anything = z.looseObject({});

/** A state folder with an inbox that belongs to another user, as on a host with an unprivileged agent. */
class State extends TemporaryFolder {
  readonly inbox: string;

  constructor() {
    super();
    makeStateFolders(this.path);
    this.inbox = statePaths(this.path).inbox;
  }

  open(): InboxFolder {
    const opened = InboxFolder.open(this.path);
    assert.ok(opened.ok, opened.ok ? '' : opened.message);
    return opened.inbox;
  }

  why(): string {
    const opened = InboxFolder.open(this.path);
    if (!opened.ok) return `${opened.kind}: ${opened.message}`;
    opened.inbox[Symbol.dispose]();
    return 'nothing is wrong';
  }
}

describe('an inbox whose owner is not trusted', () => {
  it('gives files, and nothing else', async () => {
    using state = new State();
    writeFileSync(`${state.inbox}/file`, '{"a":1}');
    writeFileSync(state.join('secret'), '{"secret":1}');
    writeFileSync(`${state.inbox}/large`, `"${'x'.repeat(200)}"`);
    symlinkSync(state.join('secret'), `${state.inbox}/link`);
    linkSync(state.join('secret'), `${state.inbox}/second-name`);
    mkdirSync(`${state.inbox}/folder`);
    execFileSync('mkfifo', [`${state.inbox}/pipe`]);
    await using server = createServer().listen(`${state.inbox}/socket`);
    await new Promise(resolve => server.once('listening', resolve));
    using inbox = state.open();
    assert.deepEqual(inbox.readJson('file', anything, 100), { ok: true, value: { a: 1 } });
    const why = (name: string): string => {
      const read = inbox.readJson(name, anything, 100);
      return read.ok ? 'read' : read.message;
    };
    assert.equal(why('large'), `${state.inbox}/large has 202 bytes; 100 are allowed`);
    assert.equal(why('link'), `${state.inbox}/link is a link`);
    assert.equal(why('second-name'), `${state.inbox}/second-name has another name elsewhere`);
    for (const name of ['folder', 'pipe', 'socket']) assert.match(why(name), /is not a regular file$/, name);
    assert.equal(why('none'), `${state.inbox}/none does not exist`);
  });

  it('gives no file of a third user', function () {
    if (process.getuid?.() !== 0) this.skip();
    using state = new State();
    chownSync(state.inbox, 1234, 1234);
    for (const [name, uid] of [
      ['agent', 1234],
      ['root', 0],
      ['third', 4321],
    ] as const) {
      writeFileSync(`${state.inbox}/${name}`, '{}');
      chownSync(`${state.inbox}/${name}`, uid, uid);
    }
    using inbox = state.open();
    assert.ok(inbox.readJson('agent', anything, 100).ok);
    assert.ok(inbox.readJson('root', anything, 100).ok);
    const third = inbox.readJson('third', anything, 100);
    assert.match(third.ok ? '' : third.message, /belongs to somebody else$/);
  });

  it('removes a link and not what it leads to, and puts a folder aside as it is', () => {
    using state = new State();
    mkdirSync(state.join('precious'));
    writeFileSync(state.join('precious/file'), 'precious');
    symlinkSync(state.join('precious'), `${state.inbox}/link`);
    mkdirSync(`${state.inbox}/folder`);
    symlinkSync(state.join('precious'), `${state.inbox}/folder/link`);
    {
      using inbox = state.open();
      for (const name of ['link', 'folder', 'not-there']) inbox.remove(name);
    }
    assert.deepEqual(readdirSync(state.inbox), []);
    assert.equal(readFileSync(state.join('precious/file'), 'utf8'), 'precious');
    const [aside = ''] = readdirSync(statePaths(state.path).rejected);
    assert.match(aside, /^folder\.\d+$/);
    assert.ok(existsSync(`${statePaths(state.path).rejected}/${aside}/link/file`));
  });

  it('is not followed to another place, neither before it is opened nor after', function () {
    using state = new State();
    mkdirSync(state.join('elsewhere'));
    writeFileSync(state.join('elsewhere/name'), '{"elsewhere":true}');
    writeFileSync(`${state.inbox}/name`, '{}');
    const replace = (): void => {
      renameSync(state.inbox, state.join('moved'));
      symlinkSync(state.join('elsewhere'), state.inbox);
    };
    {
      using inbox = state.open();
      replace();
      if (process.platform === 'linux') {
        assert.deepEqual(inbox.readJson('name', anything, 100), { ok: true, value: {} });
        inbox.remove('name');
        assert.deepEqual(readdirSync(state.join('moved')), []);
      }
    }
    assert.ok(existsSync(state.join('elsewhere/name')));
    assert.equal(state.why(), `unfit: ${state.inbox} is not a folder`);
  });

  it('must be there, be a folder, and be its owner’s alone to write', () => {
    using state = new State();
    chmodSync(state.inbox, 0o777);
    assert.match(state.why(), /^unfit: .* may be written by others than its owner \(mode 777\)$/);
    chmodSync(state.inbox, 0o700);
    assert.equal(state.why(), 'nothing is wrong');
    renameSync(state.inbox, state.join('moved'));
    assert.match(state.why(), /^missing: /);
    writeFileSync(state.inbox, '');
    assert.match(state.why(), /^unfit: .* is not a folder$/);
  });
});
