# A user's launchd jobs as Home Manager writes them (its modules/launchd/default.nix): a property list each, in the generation's
# LaunchAgents, whose program waits for the store to be mounted.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (pkgs.stdenv.hostPlatform) isDarwin;
  toPlist = import ./launchd/plist.nix { inherit lib; };

  agent =
    { name, config, ... }:
    {
      options = {
        enable = lib.mkEnableOption name;
        # since July 2026
        domain = mkOption {
          type = types.enum [
            "gui"
            "user"
          ];
          default = "gui";
        };
        config = mkOption {
          type = types.submodule ./launchd/job.nix;
          default = { };
        };
      };
      config.config = {
        Label = lib.mkDefault "org.nix-community.home.${name}";
        LimitLoadToSessionType = lib.mkIf (config.domain == "user") (lib.mkDefault "Background");
      };
    };
  enabled = lib.filter (each: each.enable) (lib.attrValues config.launchd.agents);

  plist =
    job:
    pkgs.writeText "${job.Label}.plist" (
      toPlist (
        job
        // {
          ProgramArguments = [
            "/bin/sh"
            "-c"
            "/bin/wait4path /nix/store && exec ${lib.escapeShellArgs job.ProgramArguments}"
          ];
        }
      )
    );
in
{
  options.launchd = {
    enable = mkOption {
      type = types.bool;
      default = isDarwin;
    };
    agents = mkOption {
      type = types.attrsOf (types.submodule agent);
      default = { };
    };
  };

  config = lib.mkMerge [
    {
      assertions = [
        {
          assertion = enabled == [ ] || isDarwin;
          message = "Must use Darwin for modules that require Launchd: ${
            lib.concatMapStringsSep ", " (each: "${each.config.Label}.plist") enabled
          }";
        }
      ];
    }
    (lib.mkIf isDarwin {
      home.extraBuilderCommands = ''
        mkdir $out/LaunchAgents $out/LaunchAgentDomains
        ${lib.concatMapStringsSep "\n" (each: ''
          ln -s ${plist each.config} $out/LaunchAgents/${lib.escapeShellArg "${each.config.Label}.plist"}
          echo ${each.domain} > $out/LaunchAgentDomains/${lib.escapeShellArg "${each.config.Label}.domain"}
        '') enabled}
      '';
    })
  ];
}
