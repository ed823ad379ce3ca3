import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { foldRun } from '../../protocol/index.ts';
import type { FromPanel, MessageOf, ToPanel } from '../../protocol/panel.ts';
import { Emitter } from '../base/event.ts';
import { ENGLISH } from '../base/locale.ts';
import { OutputStore } from '../output/output-store.ts';
import type { RunSession } from '../runs/run-session.ts';
import { NO_WORKSPACE, PanelLink, type PanelWorkspace } from './panel-link.ts';
import { SCENARIOS } from './preview/scenarios.ts';
import { RUN_ID, Story } from './preview/story.ts';

type Message<T extends keyof ToPanel = keyof ToPanel> = Extract<MessageOf<ToPanel>, { type: T }>;

describe('the link to a panel', () => {
  let folder: string;
  let output: OutputStore;
  let story: Story;
  let locks: { lockBefore?: string; lockAfter?: string };
  let summary: Parameters<Story['summary']>[0];
  let posts: Message[];
  let warnings: string[];
  let asked: string[];
  let delivery: () => PromiseLike<boolean>;
  let link: PanelLink;
  let workspace: PanelWorkspace;
  let planned: Set<() => void>;
  const changed = new Emitter<void>();

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'panel-link-'));
    output = await OutputStore.open(folder, RUN_ID);
    story = new Story();
    locks = {};
    summary = {};
    posts = [];
    warnings = [];
    workspace = NO_WORKSPACE;
    asked = [];
    planned = new Set();
    delivery = () => Promise.resolve(true);
    const session: RunSession = {
      runId: RUN_ID,
      host: 'web-01',
      output,
      gone: false,
      problem: undefined,
      onDidChange: changed.event,
      get summary() {
        return story.summary(summary);
      },
      get state() {
        return foldRun(story.events);
      },
      get lockBefore() {
        return locks.lockBefore;
      },
      get lockAfter() {
        return locks.lockAfter;
      },
      dispose: () => undefined,
    };
    link = new PanelLink({
      session,
      port: {
        post: message => {
          posts.push(message);
          return delivery();
        },
      },
      locale: ENGLISH,
      now: () => 5_000_000,
      isOnline: () => true,
      outage: () => undefined,
      onDidChangeHosts: () => ({ dispose: () => undefined }),
      workspace: {
        get hasNixcfg() {
          return workspace.hasNixcfg;
        },
        onDidChange: changed.event,
        placesOf: (lines, checkout) => workspace.placesOf(lines, checkout),
      },
      act: action => asked.push(action),
      openLink: url => asked.push(url),
      warn: message => warnings.push(message),
      later: run => {
        planned.add(run);
        return () => planned.delete(run);
      },
    });
  });

  afterEach(async () => {
    link.dispose();
    await output.dispose();
    await rm(folder, { recursive: true });
  });

  function say(message: MessageOf<FromPanel>): void {
    link.receive(message);
  }
  const write = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text);
    output.append({ runId: RUN_ID, stream: 'output', at: output.position, time: 1000, end: false, bytes });
    await output.flush();
  };
  const change = (): void => {
    changed.fire();
  };

  /** The first post, from number `from` on, that is of this type and fits. */
  async function posted<T extends keyof ToPanel>(
    type: T,
    fits: (message: Message<T>) => boolean = () => true,
    from = 0,
  ): Promise<Message<T>> {
    const deadline = Date.now() + 3000;
    while (Date.now() < deadline) {
      const found = posts.slice(from).find(post => post.type === type && fits(post as Message<T>));
      if (found) return found as Message<T>;
      await turn();
    }
    return assert.fail(`no ${type} was posted that fits; posted: ${JSON.stringify(posts).slice(0, 500)}`);
  }

  /** A turn of the event loop, in which what was planned for later happens. */
  async function turn(): Promise<void> {
    for (const run of planned) {
      planned.delete(run);
      run();
    }
    await new Promise(resolve => setImmediate(resolve));
  }

  /** Lets everything happen that would happen by itself. */
  async function settle(): Promise<void> {
    for (let i = 0; i < 100; i++) await turn();
  }

  it('posts nothing before the page is ready', async () => {
    change();
    await write('early\n');
    await settle();
    assert.deepEqual(posts, []);
  });

  it('begins with everything', async () => {
    story.begin().pull(['a']);
    await write('one\ntwo\n');
    say({ type: 'ready' });
    const { view, output: shown, labels, now } = await posted('snapshot');
    assert.equal(view.header.title, 'Pulling nixcfg');
    assert.equal(shown.rowCount, 2);
    assert.equal(labels.cancel, 'Cancel');
    assert.equal(now, 5_000_000);
  });

  it('goes on with what changed, and only that', async () => {
    story.begin().pull(['a']);
    say({ type: 'ready' });
    await posted('snapshot');
    story.lock();
    change();
    const { view, output: shown } = await posted('delta');
    assert.deepEqual(Object.keys(view).sort(), ['commands', 'header', 'lock', 'stepper']);
    assert.equal(shown, null);
    const count = posts.length;
    change();
    await settle();
    assert.equal(posts.length, count, 'nothing is posted when nothing changed');
  });

  it('posts nothing while the page is hidden, and everything when one is ready again', async () => {
    story.begin();
    say({ type: 'ready' });
    await posted('snapshot');
    link.hide();
    const count = posts.length;
    story.pull(['a']).lock().build();
    change();
    await write('hidden\n');
    await settle();
    assert.equal(posts.length, count);
    say({ type: 'ready' });
    const { view, output: shown } = await posted('snapshot', () => true, count);
    assert.equal(view.header.title, 'Building');
    assert.equal(shown.rowCount, 1);
  });

  it('posts nothing when the page is hidden while a post is made ready', async () => {
    say({ type: 'ready' });
    for (const run of planned) run();
    link.hide();
    await settle();
    assert.deepEqual(posts, []);
  });

  it('begins anew for a page that becomes ready while a post for another is under way', async () => {
    story.begin();
    delivery = () => new Promise(() => undefined);
    say({ type: 'ready' });
    await posted('snapshot');
    delivery = () => Promise.resolve(true);
    say({ type: 'ready' });
    await posted('snapshot', () => true, 1);
  });

  it('waits for the page: many changes in the meantime are one post', async () => {
    say({ type: 'ready' });
    await posted('snapshot');
    let deliver: (arrived: boolean) => void = () => undefined;
    delivery = () => new Promise(resolve => (deliver = resolve));
    await write('1\n');
    await posted('delta');
    const count = posts.length;
    for (let i = 2; i <= 50; i++) await write(`${i}\n`);
    await settle();
    assert.equal(posts.length, count);
    delivery = () => Promise.resolve(true);
    deliver(true);
    await posted('delta', message => message.output?.rowCount === 50);
    assert.equal(posts.length, count + 1);
  });

  it('says nothing more to a page that is not there', async () => {
    delivery = () => Promise.resolve(false);
    say({ type: 'ready' });
    await posted('snapshot');
    await write('x\n');
    change();
    await settle();
    assert.equal(posts.length, 1);
  });

  it('sends the end of the output along to who follows it', async () => {
    await write('1\n2\n3\n4\n');
    say({ type: 'ready' });
    assert.equal((await posted('snapshot')).output.tail, null);
    say({ type: 'follow', rows: 2 });
    const first = await posted('delta', message => message.output?.tail !== null);
    assert.deepEqual(
      first.output?.tail?.rows.map(row => row.text),
      ['3', '4'],
    );
    await write('5\n');
    const next = await posted('delta', message => message.output?.rowCount === 5);
    assert.deepEqual([next.output?.tail?.from, next.output?.tail?.rows.map(row => row.text)], [3, ['4', '5']]);
    say({ type: 'follow', rows: 0 });
    await write('6\n');
    assert.equal((await posted('delta', message => message.output?.rowCount === 6)).output?.tail, null);
  });

  it('knows that a run that never began will write nothing', async () => {
    say({ type: 'ready' });
    assert.equal((await posted('snapshot')).output.ended, false);
    summary = { delivery: 'refused' };
    change();
    assert.equal((await posted('delta', message => message.output !== null)).output?.ended, true);
  });

  it('shows a last line that grows', async () => {
    await write('10%');
    say({ type: 'ready' });
    say({ type: 'follow', rows: 5 });
    await posted('snapshot');
    await write('\r20%');
    await posted('delta', message => message.output?.tail?.rows.at(-1)?.text === '10%\r20%');
  });

  it('answers with the rows that were asked for', async () => {
    await write(Array.from({ length: 900 }, (_, i) => `row ${i}\n`).join(''));
    say({ type: 'ready' });
    say({ type: 'rows', request: 7, from: 400, count: 200 });
    const { request, from, rows } = await posted('rows');
    assert.deepEqual([request, from, rows.length, rows[0]?.text], [7, 400, 200, 'row 400']);
    say({ type: 'rows', request: 8, from: 5000, count: 1 });
    assert.deepEqual((await posted('rows', message => message.request === 8)).rows, []);
  });

  it('tells by another revision that output was taken back', async () => {
    await write('one\ntwo\n');
    say({ type: 'ready' });
    const before = (await posted('snapshot')).output.revision;
    output.append({
      runId: RUN_ID,
      stream: 'output',
      at: { epoch: 1, offset: 4 },
      time: 1,
      end: false,
      bytes: Buffer.from('zwei\n'),
    });
    await posted(
      'delta',
      message => message.output !== null && message.output.revision > before && message.output.rowCount === 2,
    );
  });

  it('does what a button says that is there, and nothing else', async () => {
    say({ type: 'action', action: 'cancel' });
    story.begin();
    say({ type: 'ready' });
    await posted('snapshot');
    say({ type: 'action', action: 'retry' });
    say({ type: 'action', action: 'cancel' });
    assert.deepEqual(asked, ['cancel']);
  });

  it('opens the links that it shows, and no others', async () => {
    const { lockBefore = '', lockAfter = '', story: told } = SCENARIOS['succeeded']!();
    story = told;
    locks = { lockBefore, lockAfter };
    say({ type: 'ready' });
    const { lock, commits } = (await posted('snapshot')).view;
    const urls = [
      lock.kind === 'changed' ? (lock.rows[0]?.link ?? '') : '',
      commits?.link ?? '',
      commits?.commits[0]?.link ?? '',
    ];
    for (const url of urls) say({ type: 'open-link', url });
    say({ type: 'open-link', url: 'https://example.org/' });
    assert.deepEqual(asked, urls);
    assert.equal(warnings.length, 1);
  });

  it('is not led astray by what is no message', () => {
    for (const nonsense of [null, 5, 'ready', { type: 'rows', from: -1 }]) link.receive(nonsense);
    assert.equal(warnings.length, 4);
  });

  it('leaves nothing behind', async () => {
    say({ type: 'ready' });
    await posted('snapshot');
    await write('x\n');
    link.dispose();
    const count = posts.length;
    change();
    say({ type: 'ready' });
    await settle();
    assert.equal(posts.length, count);
  });
});
