# launchd's daemons as nix-darwin writes them (its modules/launchd/default.nix and modules/system/launchd.nix).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  toPlist = import ./launchd/plist.nix { inherit lib; };
  daemon =
    { name, ... }:
    {
      options.serviceConfig = mkOption {
        type = types.submodule ./launchd/job.nix;
        default = { };
      };
      config.serviceConfig.Label = lib.mkDefault "org.nixos.${name}";
    };
in
{
  options.launchd.daemons = mkOption {
    type = types.attrsOf (types.submodule daemon);
    default = { };
  };

  options.system.build = mkOption {
    type = types.attrsOf types.unspecified;
    default = { };
    internal = true;
  };

  # Nothing of a generation is in /run at boot but what this job links, which launchd starts among all others; here it comes
  # late, so that whoever counts on the link is found out (its modules/services/activate-system).
  config.launchd.daemons.activate-system.serviceConfig = {
    ProgramArguments = [
      "/bin/sh"
      "-c"
      ''
        [ -e /run/current-system ] || /bin/sleep 3
        generation=$(readlink -f /nix/var/nix/profiles/system)
        ln -sfn "$generation" /run/current-system
        ln -sfn "$(readlink -f "$generation/etc")" /etc/static
      ''
    ];
    RunAtLoad = true;
  };

  config.system.build.launchd = pkgs.runCommand "launchd" { } ''
    mkdir -p $out/Library/LaunchDaemons
    ${lib.concatMapStrings (
      { serviceConfig, ... }:
      let
        name = "${serviceConfig.Label}.plist";
      in
      "ln -s ${pkgs.writeText name (toPlist serviceConfig)} $out/Library/LaunchDaemons/${lib.escapeShellArg name}\n"
    ) (lib.attrValues config.launchd.daemons)}
  '';
}
