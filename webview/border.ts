/** What comes in from the extension is checked here, and nothing behind this file checks it again. */
import * as z from 'zod/mini';
import { AFTER_STATES, MARKS, PANEL_ACTIONS, PANEL_LABELS, type MessageOf, type ToPanel } from '../protocol/panel.ts';

const text = z.string();
const time = z.nullable(z.number());
const mark = z.enum(MARKS);
const version = z.nullable(z.object({ version: text, shortRev: z.nullable(text), title: text }));
const locked = z.nullable(z.object({ text, date: time, title: text }));

const row = z.object({ text, time, continued: z.boolean() });

const sections = {
  header: z.object({
    host: text,
    mark,
    title: text,
    detail: text,
    before: version,
    after: version,
    afterState: z.enum(AFTER_STATES),
    asked: z.nullable(text),
    askedAt: time,
    startedAt: time,
    endedAt: time,
    lastKnownAt: time,
  }),
  stepper: z.array(z.object({ phase: text, label: text, mark, markLabel: text, startedAt: time, endedAt: time })),
  progress: z.nullable(
    z.object({
      bars: z.array(z.object({ label: text, text, done: z.number(), total: time })),
      now: z.array(text),
      more: z.nullable(text),
    }),
  ),
  problem: z.nullable(
    z.object({
      mark,
      message: text,
      advice: z.nullable(text),
      lastLines: z.array(text),
      places: z.array(z.object({ label: text, title: text })),
    }),
  ),
  warnings: z.array(text),
  lock: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('unknown'), text }),
    z.object({ kind: z.literal('unchanged'), text }),
    z.object({
      kind: z.literal('changed'),
      text,
      rows: z.array(
        z.object({
          input: text,
          change: z.enum(['added', 'removed', 'changed']),
          before: locked,
          after: locked,
          note: z.nullable(text),
          link: z.nullable(text),
        }),
      ),
    }),
    z.object({ kind: z.literal('broken'), text }),
  ]),
  commits: z.nullable(
    z.object({
      title: text,
      commits: z.array(
        z.object({ shortRev: text, subject: text, author: text, at: z.number(), link: z.nullable(text) }),
      ),
      more: z.nullable(text),
      link: z.nullable(text),
    }),
  ),
  packages: z.nullable(
    z.object({
      title: text,
      rows: z.array(
        z.object({ name: text, before: z.nullable(text), after: z.nullable(text), size: z.nullable(text) }),
      ),
      more: z.nullable(text),
    }),
  ),
  facts: z.array(z.object({ label: text, value: text, before: z.nullable(text), title: text, code: z.boolean() })),
  commands: z.array(
    z.object({ line: text, user: text, phase: text, mark, result: text, startedAt: z.number(), durationMs: time }),
  ),
  actions: z.array(z.enum(PANEL_ACTIONS)),
};
const view = z.object(sections);

const output = z.object({
  revision: z.number(),
  rowCount: z.number(),
  ended: z.boolean(),
  failure: z.nullable(text),
  tail: z.nullable(z.object({ from: z.number(), rows: z.array(row) })),
});

const labels = z.record(z.enum(Object.keys(PANEL_LABELS) as (keyof typeof PANEL_LABELS)[]), text);

const toPanel: z.ZodMiniType<MessageOf<ToPanel>> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('snapshot'), labels, view, output, now: z.number() }),
  z.object({ type: z.literal('delta'), view: z.partial(view), output: z.nullable(output), now: z.number() }),
  z.object({
    type: z.literal('rows'),
    request: z.number(),
    revision: z.number(),
    from: z.number(),
    rows: z.array(row),
  }),
  z.object({
    type: z.literal('found'),
    request: z.number(),
    count: z.number(),
    limited: z.boolean(),
    searched: z.boolean(),
    current: z.nullable(z.object({ index: z.number(), row: z.number(), column: z.number() })),
  }),
]);

export type ParseResult =
  { readonly ok: true; readonly message: MessageOf<ToPanel> } | { readonly ok: false; readonly problem: string };

/** The message that something from the extension is, or why it is none. */
export function parseToPanel(data: unknown): ParseResult {
  const parsed = toPanel.safeParse(data);
  if (parsed.success) return { ok: true, message: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, problem: `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not a message'}` };
}
