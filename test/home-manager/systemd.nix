# A user's units as Home Manager writes them (its modules/systemd.nix): one file below ~/.config/systemd/user each, and a link
# for every target that wants it. The keys are those the project's module sets; Home Manager itself takes any.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  key =
    type:
    mkOption {
      type = types.nullOr type;
      default = null;
    };
  repeated = mkOption {
    type = types.coercedTo types.str lib.toList (types.listOf types.str);
    default = [ ];
  };

  service = types.submodule {
    options = {
      Unit = {
        Description = key types.str;
        StartLimitIntervalSec = key types.int;
        X-SwitchMethod = key (
          types.enum [
            "reload"
            "restart"
            "stop-start"
            "keep-old"
          ]
        );
      };
      Service = {
        Type = key types.str;
        ExecStart = repeated;
        Environment = repeated;
        RemainAfterExit = key types.bool;
        Restart = key types.str;
        RestartSec = key types.int;
        TimeoutStartSec = key types.int;
        TimeoutStopSec = key types.int;
      };
      Install.WantedBy = repeated;
    };
  };

  value = each: if builtins.isBool each then lib.boolToString each else toString each;
  lines =
    name: each:
    if builtins.isList each then
      lib.concatMapStrings (one: "${name}=${value one}\n") each
    else
      lib.optionalString (each != null) "${name}=${value each}\n";
  section = keys: lib.concatStrings (lib.mapAttrsToList lines keys);
  text =
    unit:
    lib.concatStringsSep "\n" (
      lib.mapAttrsToList (name: keys: "[${name}]\n${section keys}") (
        lib.filterAttrs (_: keys: section keys != "") unit
      )
    );

  files =
    name: unit:
    let
      file = "${name}.service";
      source = "${pkgs.writeTextDir file (text unit)}/${file}";
    in
    [ (lib.nameValuePair "systemd/user/${file}" { inherit source; }) ]
    ++ map (
      target: lib.nameValuePair "systemd/user/${target}.wants/${file}" { inherit source; }
    ) unit.Install.WantedBy;
in
{
  options.systemd.user.services = mkOption {
    type = types.attrsOf service;
    default = { };
  };

  config = lib.mkIf (config.systemd.user.services != { }) {
    assertions = [
      {
        assertion = pkgs.stdenv.hostPlatform.isLinux;
        message = "This module is only available on Linux.";
      }
    ];
    xdg.configFile = lib.listToAttrs (
      lib.concatLists (lib.mapAttrsToList files config.systemd.user.services)
    );
  };
}
