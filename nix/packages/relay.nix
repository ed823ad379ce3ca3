# The relay.
{ program }:
program {
  name = "nixfleet-relay";
  bundle = "relay.mjs";
  description = "What the hosts of a fleet and the people who update them connect to";
}
