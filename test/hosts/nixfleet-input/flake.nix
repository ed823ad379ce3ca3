{
  description = "The NixFleet agent, as a test publishes it";

  outputs =
    { self }:
    let
      version = builtins.replaceStrings [ "\n" ] [ "" ] (builtins.readFile ./VERSION);
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      agent =
        system:
        derivation {
          inherit system version;
          name = "nixfleet-agent-${version}";
          builder = "/bin/sh";
          args = [ ./build.sh ];
          PATH = "/usr/bin:/bin";
          bundle = ./agent.mjs;
          rev = self.rev or self.dirtyRev or self.narHash;
        };
    in
    {
      inherit version;
      packages = builtins.listToAttrs (
        map (name: {
          inherit name;
          value.agent = agent name;
        }) systems
      );
    };
}
