import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { PANEL_LABELS, type MessageOf, type PanelView, type ToPanel } from '../protocol/panel.ts';
import { parseToPanel } from './border.ts';

const view: PanelView = {
  header: {
    host: 'web-01',
    mark: 'running',
    title: 'Building',
    detail: 'web-01 builds.',
    before: { version: '1', shortRev: null, title: '' },
    after: null,
    afterState: 'none',
    asked: null,
    askedAt: null,
    startedAt: 5,
    endedAt: null,
    lastKnownAt: null,
  },
  stepper: [
    { phase: 'building', label: 'Build', mark: 'running', markLabel: 'in progress', startedAt: 5, endedAt: null },
  ],
  progress: { bars: [{ label: 'l', text: 't', done: 1, total: null }], now: ['n'], more: null },
  problem: {
    mark: 'failed',
    message: 'x',
    advice: null,
    lastLines: ['a'],
    places: [{ label: 'a.nix:1', title: 'no' }],
  },
  warnings: ['w'],
  lock: {
    kind: 'changed',
    text: '1 input changed',
    rows: [
      { input: 'a', change: 'added', before: null, after: { text: 'r', date: 1, title: '' }, note: null, link: null },
    ],
  },
  commits: {
    title: '1',
    commits: [{ shortRev: 'r', subject: 's', author: 'a', at: 1, link: null }],
    more: null,
    link: null,
  },
  packages: { title: 't', rows: [{ name: 'n', before: null, after: '1', size: null }], more: null },
  facts: [{ label: 'l', value: 'v', before: null, title: '', code: true }],
  commands: [{ line: 'l', user: 'u', phase: 'p', mark: 'done', result: 'r', startedAt: 1, durationMs: null }],
  actions: ['cancel', 'open-output'],
};
const output = { revision: 1, rowCount: 1, ended: false, failure: null, tail: null };
const row = { text: 'x', time: null, continued: false };

const good: readonly MessageOf<ToPanel>[] = [
  { type: 'snapshot', labels: PANEL_LABELS, view, output: { ...output, tail: { from: 0, rows: [row] } }, now: 1 },
  { type: 'delta', view: {}, output, now: 1 },
  { type: 'delta', view: { problem: null, warnings: [] }, output: null, now: 1 },
  { type: 'rows', request: 1, revision: 1, from: 0, rows: [row] },
  { type: 'found', request: 1, count: 2, limited: false, searched: true, current: { index: 0, row: 3, column: 4 } },
  { type: 'found', request: 1, count: 0, limited: false, searched: false, current: null },
];

describe('the webview’s border', () => {
  it('lets every message through as it is', () => {
    for (const message of good) assert.deepEqual(parseToPanel(message), { ok: true, message });
  });

  it('lets nothing else through, and says what was wrong', () => {
    const [snapshot] = good;
    for (const nonsense of [
      null,
      'snapshot',
      { type: 'setHtml' },
      { ...snapshot, labels: {} },
      { ...snapshot, view: { ...view, header: null } },
      { ...snapshot, view: { ...view, actions: ['format'] } },
      { type: 'rows', request: 1, revision: 1, from: 0, rows: ['x'] },
    ]) {
      const result = parseToPanel(nonsense);
      assert.ok(!result.ok && result.problem.length > 3, JSON.stringify(nonsense));
    }
  });
});
