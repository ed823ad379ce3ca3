# What nixpkgs' module system and `lib.nixosSystem` are to a real nixcfg, in miniature: hosts/NAME.nix in, a
# `config.system.build` out. No nixpkgs; the builders are the hosts' own /bin/sh and coreutils.
# hosts/NAME.faults.json, where there is one, makes the host fail on purpose; test/hosts/lab/faults.ts says how.
{
  self,
  nixfleet,
  system,
}:
name:
let
  config = import (../hosts + "/${name}.nix");
  faultsFile = ../hosts + "/${name}.faults.json";
  faults =
    if builtins.pathExists faultsFile then
      builtins.fromJSON (builtins.readFile faultsFile)
    else
      { };

  drv =
    args:
    derivation (
      {
        inherit system;
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin";
      }
      // args
    );

  agentKind =
    if config.services.nixfleet-agent.enable or false then faults.agent or "normal" else "none";
  agent = nixfleet.packages.${system}.agent;

  # a step of the build that takes its time, says much, or fails; built anew for every version of the agent
  work = drv {
    name = "work-of-${name}";
    builder = "/usr/local/bin/node";
    args = [ ./work.mjs ];
    plan = builtins.toJSON faults.build;
    for = agent;
  };

  activation = faults.activation or { };
in
{
  config.system.build = {
    toplevel =
      if faults ? evaluation then
        throw faults.evaluation
      else
        drv {
          name = "nixos-system-${name}-26.05.${self.shortRev or self.dirtyShortRev or "dirty"}";
          args = [ ./toplevel.sh ];
          hostName = name;
          agent = if agentKind == "none" then "" else agent;
          inherit agentKind;
          configurationRevision = self.rev or self.dirtyRev or "";
          activate = ./activate.sh;
          switchToConfiguration = ./switch-to-configuration.sh;
          faultAt = activation.at or "";
          faultExit = toString (activation.exit or "");
          faultHang = if activation.hang or false then "1" else "";
          # one line a unit: NAME, a tab, ExecStart
          extraUnits = builtins.concatStringsSep "\n" (
            builtins.attrValues (builtins.mapAttrs (unit: command: "${unit}\t${command}") (faults.units or { }))
          );
          work = if faults ? build then work else "";
        };

    nixos-rebuild = drv {
      name = "nixos-rebuild";
      args = [
        "-c"
        "mkdir -p $out/bin && ln -s /usr/local/bin/nixos-rebuild $out/bin/nixos-rebuild"
      ];
    };
  };
}
