import type { LinkConfig } from '../link/socket.ts';
import { openSocket } from '../link/socket.ts';
import type { Trouble } from '../link/trouble.ts';
import { well, wrong, type Finding } from './check.ts';

/** Milliseconds that a relay may take to answer. */
const PATIENCE = 10_000;

/** Connects as the agent does and hangs up before the hello, so that an agent at work keeps its link. */
export async function checkRelay(config: LinkConfig): Promise<Finding> {
  const trouble = await new Promise<Trouble | undefined>(resolve => {
    const opened = openSocket(
      config,
      {
        opened: () => {
          resolve(undefined);
          if (opened.ok) opened.socket.close(1000);
        },
        text: () => undefined,
        heard: () => undefined,
        lost: resolve,
      },
      PATIENCE,
    );
    if (!opened.ok) resolve(opened.trouble);
  });
  return trouble ? describe(trouble, config) : well(`${config.relayUrl} is there and accepts the token`);
}

function describe(trouble: Trouble, config: LinkConfig): Finding {
  switch (trouble.kind) {
    case 'unfit':
      return wrong(trouble.message, trouble.advice);
    case 'unreachable':
      return wrong(trouble.message, `Is the relay up, and is relayUrl ${config.relayUrl} right?`);
    case 'rejected':
      return trouble.status === 401 || trouble.status === 403
        ? wrong(
            `${config.relayUrl} rejects the token (HTTP ${trouble.status})`,
            'Enrol this host again (nixfleet-relay enroll HOST) and put the new token into the token file.',
          )
        : wrong(
            `${config.relayUrl} answers with HTTP ${trouble.status} instead of a WebSocket`,
            'Does relayUrl name a relay, and does a proxy in front of it pass WebSockets on?',
          );
    case 'closed':
      return wrong(`${config.relayUrl} closed the connection (${trouble.code})`, "See the relay's log.");
  }
}
