import * as z from 'zod';
import {
  MAX_FIND_TEXT,
  MAX_ROWS_PER_REQUEST,
  PANEL_ACTIONS,
  type FromPanel,
  type MessageOf,
} from '../../protocol/panel.ts';

/** What a panel may say. It shows the output of hosts, so what it says is checked like what comes from a network. */
const fromPanelSchema: z.ZodType<MessageOf<FromPanel>> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({
    type: z.literal('rows'),
    request: z.int().nonnegative(),
    from: z.int().nonnegative(),
    count: z.int().min(1).max(MAX_ROWS_PER_REQUEST),
  }),
  z.object({ type: z.literal('follow'), rows: z.int().min(0).max(MAX_ROWS_PER_REQUEST) }),
  z.object({
    type: z.literal('find'),
    request: z.int().nonnegative(),
    text: z.string().max(MAX_FIND_TEXT),
    matchCase: z.boolean(),
    from: z.int().nonnegative(),
  }),
  z.object({ type: z.literal('find-step'), request: z.int().nonnegative(), by: z.literal([1, -1]) }),
  z.object({ type: z.literal('action'), action: z.enum(PANEL_ACTIONS) }),
  z.object({ type: z.literal('open-link'), url: z.url({ protocol: /^https$/ }).max(4096) }),
  z.object({ type: z.literal('open-place'), index: z.int().nonnegative() }),
  z.object({ type: z.literal('trouble'), message: z.string().max(4096) }),
]);

/** The message that something from a panel is; undefined if it is none. */
export function parseFromPanel(message: unknown): MessageOf<FromPanel> | undefined {
  return fromPanelSchema.safeParse(message).data;
}
