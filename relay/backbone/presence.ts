import type { HostClaim, HostCommand } from './backbone.ts';

/** Which session speaks for which host, in this process. */
export class Presence {
  readonly #claims = new Map<string, HostClaim>();

  claim(claim: HostClaim): void {
    const before = this.#claims.get(claim.host);
    this.#claims.set(claim.host, claim);
    before?.onCommand({ kind: 'replaced' });
  }

  /** False when the session does not speak for the host any more. */
  release(host: string, session: string): boolean {
    return this.#claims.get(host)?.session === session && this.#claims.delete(host);
  }

  command(host: string, command: HostCommand): boolean {
    const claim = this.#claims.get(host);
    claim?.onCommand(command);
    return claim !== undefined;
  }

  isOnline(host: string): boolean {
    return this.#claims.has(host);
  }
}
