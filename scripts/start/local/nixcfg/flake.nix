{
  description = "Two demo hosts that are folders of this machine";

  inputs.nixfleet.url = "@nixfleet@";

  outputs =
    { self, nixfleet }:
    let
      # What nixpkgs.lib.nixosSystem is to a real nixcfg: a name in, a toplevel out.
      host = name: {
        config.system.build.toplevel = derivation {
          name = "demo-system-${name}-${self.shortRev or self.dirtyShortRev or "dirty"}";
          system = "@system@";
          builder = "/bin/sh";
          args = [ ./toplevel.sh ];
          PATH = "@path@";
          agent = nixfleet.packages."@system@".agent;
          root = "@hosts@/${name}";
          node = "@node@";
          switchToConfiguration = ./switch-to-configuration.mjs;
        };
      };
    in
    {
      nixosConfigurations = {
        ada = host "ada";
        grace = host "grace";
      };
    };
}
