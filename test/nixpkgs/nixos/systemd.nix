# systemd's part of NixOS: the options of a unit and the text that its file becomes, as nixpkgs' nixos/lib/systemd-lib.nix and
# nixos/lib/systemd-unit-options.nix have them.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption optionalAttrs types;
  option = type: default: mkOption { inherit type default; };
  flag = option types.bool;

  unitName = types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)";
  units = option (types.listOf unitName) [ ];

  # a setting is a value, or a list for a setting that is repeated
  setting = lib.mkOptionType {
    name = "systemd option";
    merge =
      loc: defs:
      if builtins.all (def: builtins.isList def.value) defs then
        lib.concatMap (def: def.value) defs
      else if builtins.any (def: builtins.isList def.value) defs then
        throw "The definitions for systemd unit options should be either all lists, representing repeatable options, or all non-lists, but for the option ${lib.showOption loc}, the definitions are a mix of list and non-list"
      else
        lib.mergeEqualOption loc defs;
  };
  settings = option (types.attrsOf setting) { };

  oneOf =
    name: values: set:
    !(set ? ${name}) || builtins.elem (set.${name}.content or set.${name}) values;
  serviceSettings = mkOption {
    default = { };
    type = types.addCheck (types.attrsOf setting) (
      set:
      oneOf "Type" [ "exec" "simple" "forking" "oneshot" "dbus" "notify" "notify-reload" "idle" ] set
      && oneOf "Restart" [ "no" "on-success" "on-failure" "on-abnormal" "on-abort" "always" ] set
    );
  };

  ofAllUnits =
    { config, options, ... }:
    {
      options = {
        enable = flag true;
        description = option types.singleLineStr "";
        documentation = option (types.listOf types.str) [ ];
        wantedBy = units;
        requiredBy = units;
        requires = units;
        wants = units;
        after = units;
        before = units;
        partOf = units;
        bindsTo = units;
        conflicts = units;
        onFailure = units;
        unitConfig = settings;
        startLimitIntervalSec = mkOption { type = types.int; };
        startLimitBurst = mkOption { type = types.int; };
        restartTriggers = option (types.listOf types.unspecified) [ ];
        name = mkOption {
          type = types.str;
          internal = true;
        };
      };
      config.unitConfig =
        builtins.mapAttrs (_: toString) (
          lib.filterAttrs (_: value: value != [ ]) {
            Documentation = config.documentation;
            Requires = config.requires;
            Wants = config.wants;
            After = config.after;
            Before = config.before;
            PartOf = config.partOf;
            BindsTo = config.bindsTo;
            Conflicts = config.conflicts;
            OnFailure = config.onFailure;
          }
        )
        // optionalAttrs (config.description != "") { Description = config.description; }
        // optionalAttrs (config.restartTriggers != [ ]) {
          X-Restart-Triggers = "${pkgs.writeText "X-Restart-Triggers-${fileName config.name}" (
            toString (map (trigger: "${trigger}") (lib.flatten config.restartTriggers))
          )}";
        }
        // optionalAttrs options.startLimitIntervalSec.isDefined {
          StartLimitIntervalSec = toString config.startLimitIntervalSec;
        }
        // optionalAttrs options.startLimitBurst.isDefined {
          StartLimitBurst = toString config.startLimitBurst;
        };
    };
  fileName = builtins.replaceStrings [ "@" ] [ "-" ];

  ofServices =
    { name, config, ... }:
    {
      options = {
        environment = option (types.attrsOf (
          types.nullOr (
            types.oneOf [
              types.str
              types.path
              types.package
            ]
          )
        )) { };
        path = option (types.listOf (
          types.oneOf [
            types.package
            types.str
          ]
        )) [ ];
        serviceConfig = serviceSettings;
        restartIfChanged = flag true;
        reloadIfChanged = flag false;
        stopIfChanged = flag true;
      };
      config = {
        name = "${name}.service";
        # what every service of NixOS finds
        path = lib.mkAfter [
          pkgs.coreutils
          pkgs.findutils
          pkgs.gnugrep
          pkgs.gnused
          pkgs.systemd
        ];
        environment.PATH = lib.mkIf (config.path != [ ]) (
          lib.mkDefault "${lib.makeBinPath config.path}:${lib.makeSearchPathOutput "bin" "sbin" config.path}"
        );
      };
    };
  of =
    kind:
    { name, ... }:
    {
      options."${kind}Config" = settings;
      config.name = "${name}.${kind}";
    };
  unitsOf =
    kind:
    option (types.attrsOf (
      types.submodule [
        ofAllUnits
        kind
      ]
    )) { };

  value = setting: if builtins.isBool setting then lib.boolToString setting else toString setting;
  section =
    set:
    lib.concatStrings (
      lib.mapAttrsToList (
        name: setting: lib.concatMapStrings (each: "${name}=${value each}\n") (lib.toList setting)
      ) set
    );
  install = unit: lib.optionalString (unit.wantedBy != [ ]) "\n[Install]\nWantedBy=${toString unit.wantedBy}\n";

  text =
    title: body: unit:
    "[Unit]\n${section unit.unitConfig}\n[${title}]\n${body}${install unit}";
  serviceText =
    unit:
    text "Service" (
      lib.concatStrings (
        lib.mapAttrsToList (
          name: each: lib.optionalString (each != null) "Environment=${builtins.toJSON "${name}=${each}"}\n"
        ) unit.environment
      )
      + (
        if unit.reloadIfChanged then
          "X-ReloadIfChanged=true\n"
        else
          lib.optionalString (!unit.restartIfChanged) "X-RestartIfChanged=false\n"
      )
      + lib.optionalString (!unit.stopIfChanged) "X-StopIfChanged=false\n"
      + section unit.serviceConfig
    ) unit;

  rule = path: entry: "'${entry.type}' '${path}' '${entry.mode}' '${entry.user}' '${entry.group}' '${entry.age}' ${entry.argument}\n";
in
{
  options.systemd = {
    package = option types.package pkgs.systemd;
    services = unitsOf ofServices;
    timers = unitsOf (of "timer");
    paths = unitsOf (of "path");
    tmpfiles.settings = option (types.attrsOf (
      types.attrsOf (
        types.attrsOf (
          types.submodule (
            { name, ... }:
            {
              options = {
                type = option types.str name;
                mode = option types.str "-";
                user = option types.str "-";
                group = option types.str "-";
                age = option types.str "-";
                argument = option types.str "";
              };
            }
          )
        )
      )
    )) { };

    # what the files below etc/systemd/system are made of
    units = mkOption {
      type = types.attrsOf types.raw;
      internal = true;
    };
  };

  config = {
    systemd.units =
      let
        file = toText: _: unit: lib.nameValuePair unit.name { inherit (unit) wantedBy requiredBy enable; text = toText unit; };
      in
      lib.mapAttrs' (file serviceText) config.systemd.services
      // lib.mapAttrs' (file (unit: text "Timer" (section unit.timerConfig) unit)) config.systemd.timers
      // lib.mapAttrs' (file (unit: text "Path" (section unit.pathConfig) unit)) config.systemd.paths;

    environment.etc = lib.mapAttrs' (
      name: paths:
      lib.nameValuePair "tmpfiles.d/${name}.conf" {
        text = lib.concatStrings (
          lib.concatLists (
            lib.mapAttrsToList (path: entries: lib.mapAttrsToList (_: rule path) entries) paths
          )
        );
      }
    ) config.systemd.tmpfiles.settings;
  };
}
