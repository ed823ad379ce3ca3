# `activationPackage`: a generation as Home Manager lays it out (its modules/home-environment.nix).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.home;

  files = pkgs.runCommand "home-manager-files" { } ''
    mkdir -p $out
    ${lib.concatStrings (
      lib.mapAttrsToList (name: file: ''
        mkdir -p "$(dirname "$out"/${lib.escapeShellArg name})"
        ln -s ${file.source} "$out"/${lib.escapeShellArg name}
      '') cfg.file
    )}
  '';

  path = pkgs.runCommand "home-manager-path" { } ''
    mkdir -p $out/bin
    for package in ${toString (lib.filter (package: lib.hasPrefix builtins.storeDir "${package}") cfg.packages)}; do
      for program in "$package"/bin/*; do
        if [ -e "$program" ]; then ln -s "$program" $out/bin/; fi
      done
    done
  '';
in
{
  # no options of Home Manager: how a test wants an activation to go
  options.standIn = {
    # what becomes of an agent that launchd does not load. "aborts": Home Manager up to 25.05, which ends there and then;
    # "ignores": up to 26.05; "restores": since July 2026 (home-manager#9579), which puts the old property list back and fails
    unloadedAgent = mkOption {
      type = types.enum [
        "aborts"
        "ignores"
        "restores"
      ];
      default = "restores";
    };
    # whether activate leaves the profile to whoever says --driver-version 1 (gen-version 1, Home Manager since 25.11)
    genVersion = mkOption {
      type = types.enum [
        0
        1
      ];
      default = 1;
    };
    fault = {
      at = mkOption {
        type = types.enum [
          ""
          "before"
          "links"
          "after"
        ];
        default = "";
      };
      exit = mkOption {
        type = types.int;
        default = 1;
      };
      hang = mkOption {
        type = types.bool;
        default = false;
      };
    };
  };

  config.home.activationPackage =
    pkgs.runCommand "home-manager-generation"
      {
        settings = ''
          isMac=${if pkgs.stdenv.hostPlatform.isDarwin then "1" else ""}
          username=${lib.escapeShellArg cfg.username}
          homeDirectory=${lib.escapeShellArg cfg.homeDirectory}
          unitsFolder=${
            lib.escapeShellArg "${lib.removePrefix "${cfg.homeDirectory}/" config.xdg.configHome}/systemd/user"
          }
          unloadedAgent=${config.standIn.unloadedAgent}
          genVersion=${toString config.standIn.genVersion}
          faultAt=${lib.escapeShellArg config.standIn.fault.at}
          faultExit=${toString config.standIn.fault.exit}
          faultHang=${if config.standIn.fault.hang then "1" else ""}
        '';
      }
      ''
        mkdir -p $out
        echo "26.11 (stand-in)" > $out/hm-version
        ${lib.optionalString (config.standIn.genVersion > 0) "echo ${toString config.standIn.genVersion} > $out/gen-version"}
        ln -s ${files} $out/home-files
        ln -s ${path} $out/home-path
        {
          printf '#!%s\n' ${pkgs.runtimeShell}
          printf 'newGenPath=%s\n' "$out"
          printf '%s' "$settings"
          cat ${./activate.sh} ${./units.sh} ${./launch-agents.sh} ${./main.sh}
        } > $out/activate
        chmod +x $out/activate
        ${cfg.extraBuilderCommands}
      '';
}
