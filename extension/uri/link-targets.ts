import type { RunId } from '../../protocol/index.ts';

/**
 * What links from outside can lead to: `vscode://nixfleet.nixfleet/connect?relay=wss://…`, `…/host/NAME`, `…/run/ID`. They
 * only show, or ask.
 */
export interface LinkTargets {
  /** The relay that is remembered. */
  readonly relay: () => string | undefined;
  readonly isHost: (host: string) => boolean;
  readonly isRun: (runId: RunId) => boolean;
  /** Asks for the token of a relay, whose URL a person still sees and may change. */
  readonly connect: (url: string) => Promise<void>;
  readonly reveal: (host: string) => Promise<void>;
  readonly showRun: (runId: RunId) => void;
}
