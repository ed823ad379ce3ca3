import * as z from 'zod';
import { requestEnvelopeSchema, timeSchema } from '../../protocol/index.ts';

/** What the agent puts into the inbox for the runner: the envelope as it came, and who brought it. */
export const inboxEntrySchema = z.object({
  format: z.literal(1),
  envelope: requestEnvelopeSchema,
  /** The relay's URL, or `local` for a run that was started by hand. */
  broughtBy: z.string().max(4096),
  receivedAt: timeSchema,
});
export type InboxEntry = z.infer<typeof inboxEntrySchema>;
