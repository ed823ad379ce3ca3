# `system.build.toplevel`: a generation as nix-darwin lays it out (its modules/system/default.nix).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  etc = pkgs.runCommand "etc" { } ''
    mkdir -p $out/etc
    ${lib.concatMapStrings (file: ''
      mkdir -p "$(dirname "$out/etc/"${lib.escapeShellArg file.target})"
      ln -s ${file.source} "$out/etc/"${lib.escapeShellArg file.target}
    '') (lib.attrValues config.environment.etc)}
  '';

  # packages that are the host's own are there anyway
  software = pkgs.runCommand "system-path" { } ''
    mkdir -p $out/bin
    for package in ${
      toString (
        lib.filter (package: lib.hasPrefix builtins.storeDir "${package}") config.environment.systemPackages
      )
    }; do
      ln -s "$package"/bin/* $out/bin/
    done
  '';

  known = names: set: lib.filter (each: lib.elem each.name names) (lib.attrValues set);
  arguments = fields: lib.concatMapStringsSep " " lib.escapeShellArg fields;
in
{
  # no options of nix-darwin: how a test wants an activation to go
  options.standIn.fault = {
    at = mkOption {
      type = types.enum [
        ""
        "before"
        "launchd"
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

  config.system.build.toplevel =
    pkgs.runCommand "darwin-system-26.11"
      {
        settings = ''
          faultAt=${lib.escapeShellArg config.standIn.fault.at}
          faultExit=${toString config.standIn.fault.exit}
          faultHang=${if config.standIn.fault.hang then "1" else ""}
          add_groups() {
            :
            ${lib.concatMapStringsSep "\n  " (group: "add_group ${arguments [ group.name group.gid ]}") (
              known config.users.knownGroups config.users.groups
            )}
          }
          add_users() {
            :
            ${lib.concatMapStringsSep "\n  " (
              user:
              "add_user ${
                arguments [
                  user.name
                  user.uid
                  user.gid
                  (if user.home == null then "/var/empty" else user.home)
                  (if user.shell == null then "/usr/bin/false" else "${user.shell}")
                ]
              }"
            ) (known config.users.knownUsers config.users.users)}
          }
          before_launchd() {
            :
            ${(config.system.activationScripts.launchd or { text = ""; }).text}
          }
        '';
      }
      ''
        mkdir -p $out/Library
        ln -s ${etc}/etc $out/etc
        ln -s ${software} $out/sw
        ln -s ${config.system.build.launchd}/Library/LaunchDaemons $out/Library/LaunchDaemons
        echo "26.11 (stand-in)" > $out/darwin-version
        {
          printf '#!%s\nsystemConfig=%s\n' ${pkgs.runtimeShell} "$out"
          printf '%s' "$settings"
          cat ${./activate.sh}
        } > $out/activate
        chmod +x $out/activate
      '';
}
