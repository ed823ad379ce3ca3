/** The protocol that this build speaks. It grows by one when a peer that knows only the old one would misunderstand. */
export const PROTOCOL = 1;

/** The oldest operator protocol that a relay of this build still serves. */
export const OLDEST_OPERATOR_PROTOCOL = 1;

/** The oldest protocol of a relay that an operator of this build gets on with. */
export const OLDEST_RELAY_PROTOCOL = 1;

/** The oldest agent protocol that a relay of this build still serves: the first ever, so that an old agent can be updated. */
export const OLDEST_AGENT_PROTOCOL = 1;
