# The option `logLevel`, which agent and relay have in common.
{
  lib,
  # who logs, as in "How much the agent says"
  who,
}:
lib.mkOption {
  type = lib.types.enum [
    "debug"
    "info"
    "warn"
    "error"
  ];
  default = "info";
  example = "debug";
  description = ''
    How much ${who} says in its log.
  '';
}
