{
  description = "The NixFleet agent, as the demo publishes it";

  outputs =
    { self }:
    {
      # The demo runs on one machine; its system and its Node are written here when the demo is made.
      packages."@system@".agent = derivation rec {
        version = builtins.replaceStrings [ "\n" ] [ "" ] (builtins.readFile ./VERSION);
        name = "nixfleet-agent-${version}";
        system = "@system@";
        builder = "/bin/sh";
        args = [ ./build.sh ];
        PATH = "@path@";
        node = "@node@";
        bundle = ./agent.mjs;
        rev = self.rev or self.dirtyRev or self.narHash;
      };
    };
}
