/** Names the variable that tells the extension host what to run: {@link SuitesInHost} as JSON. */
export const SUITES_VARIABLE = 'NIXFLEET_SUITES';

export interface SuitesInHost {
  /** Bundled suites. */
  readonly files: readonly string[];
  /** The file that gets what mocha prints. */
  readonly output: string;
  /** The Node that relay and agent run on; the extension host's own may be another. */
  readonly node: string;
  /** Only the tests whose title matches. */
  readonly grep?: string;
}
