/** A small fleet on this machine: a relay, two hosts of one nixcfg, and a newer agent that they can be updated to. */
export interface Demo extends AsyncDisposable {
  /** What the hosts are, for people. */
  readonly description: string;
  readonly hosts: readonly [string, string];
  /** `ws://127.0.0.1:PORT` */
  readonly relayUrl: string;
  readonly operatorToken: string;
  /** A checkout of nixcfg for the editor. */
  readonly workspace: string;
  /** A folder that goes away with the demo. */
  readonly folder: string;
  /** Where to look when something goes wrong: what it is → path or command. */
  readonly logs: Readonly<Record<string, string>>;
}

/** Says what the demo does, a line at a time. */
export type Say = (line: string) => void;

/** The demo cannot run on this machine; the message says what to install. */
export class CannotDemoError extends Error {
  override readonly name = 'CannotDemoError';
}

/** The versions of the agent that the demo publishes. */
export const DEMO_VERSIONS = { before: '1.0.0', after: '1.1.0' } as const;
