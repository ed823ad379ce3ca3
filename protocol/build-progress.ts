import * as z from 'zod';

/** How much of something is done. Without a total nobody knows how much there will be. */
const amountSchema = z.object({ done: z.int().nonnegative(), total: z.int().nonnegative().optional() });
export type Amount = z.infer<typeof amountSchema>;

/**
 * How far a build is, by nix's own log. Worth something only while it is new: it is in no journal and on nobody's disk for
 * long, and the next one says all that the one before did. What is absent is not known, or nothing of it is needed.
 */
export const buildProgressSchema = z.object({
  /** Derivations. The total grows while nix finds out what is needed. */
  builds: amountSchema.optional(),
  /** Store paths from binary caches. */
  downloads: amountSchema.optional(),
  /** Bytes of these paths: as they travel, or unpacked where they come from a disk. */
  bytes: amountSchema.optional(),
  /** What is being built and downloaded, builds first, the longest at work first. */
  now: z.array(z.object({ kind: z.enum(['build', 'download']), name: z.string().max(256) })).max(4),
  /** How many more are at work. */
  more: z.int().nonnegative(),
});
export type BuildProgress = z.infer<typeof buildProgressSchema>;
