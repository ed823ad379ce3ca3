/** WebSocket close codes of the house (RFC 6455 leaves 4000–4999 to applications) and what the peer should make of them. */
export const CloseCode = {
  /** Somebody going down in order. Connect again. */
  normal: 1000,
  /** The peer sent something that is not a message. The peer's bug; connect again, later. */
  badMessage: 4400,
  /** The token was revoked. Do not connect again with it. */
  revoked: 4401,
  /** The peer spoke for a host or a run that is not its own. */
  forbidden: 4403,
  /** No hello within the handshake's time. */
  handshakeTimeout: 4408,
  /** The same host connected again; this connection is the old one. */
  replaced: 4409,
  /** The peer did not read fast enough and held too much memory. Connect again and resume. */
  tooSlow: 4413,
  /** The peer's protocol is no longer served. Upgrade it. */
  protocolTooOld: 4426,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
