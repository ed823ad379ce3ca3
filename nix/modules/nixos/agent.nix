# services.nixfleet-agent on NixOS. The agent faces the network, so it is a user that may do nothing but write requests into
# the inbox and start the template unit nixfleet-run@, which is root and does the work. Who may write where, below the state
# folder, is settled here by tmpfiles.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.nixfleet-agent;
  user = "nixfleet-agent";
  stateDir = "/var/lib/nixfleet-agent";
  agentUnit = "nixfleet-agent.service";

  # units name the link in /etc and not what it points to: it is read anew at every start, by every generation's units
  configPath = "/etc/nixfleet/config.json";
  agent = "${cfg.package}/bin/nixfleet-agent --config ${configPath}";

  # % stands for something in a unit
  tokenFile = builtins.replaceStrings [ "%" ] [ "%%" ] (toString cfg.tokenFile);

  checkoutOwner = if cfg.owner == null then "root" else cfg.owner;

  # what a runner and the status unit call; wrappers and the system's own programs for method "nixos-rebuild" and git's helpers
  tools = [
    config.nix.package
    pkgs.git
    pkgs.openssh
    config.systemd.package
    pkgs.util-linux
    pkgs.coreutils
    "/run/wrappers"
    "/run/current-system/sw"
  ];
in
{
  imports = [
    ../options.nix
    ../owner.nix
  ];

  options.services.nixfleet-agent.method = lib.mkOption {
    type = lib.types.enum [
      "staged"
      "nixos-rebuild"
    ];
    default = "staged";
    example = "nixos-rebuild";
    description = ''
      How a new generation is activated. `"staged"`: it is tried first (`switch-to-configuration test`), and becomes the one that
      boots when its agent is proven, so a host that loses power before that boots its old generation. `"nixos-rebuild"`:
      literally `nixos-rebuild switch`, for people with wrappers around it; a host that loses power in the middle boots the
      new generation.
    '';
  };

  config = lib.mkIf cfg.enable {
    services.nixfleet-agent = {
      # empty where DHCP gives the name
      host = lib.mkIf (config.networking.hostName != "") (lib.mkDefault config.networking.hostName);
      settings = {
        platform = "nixos";
        launcher = "systemd-unit";
        statusBy = "unit";
        inherit stateDir;
        inherit (cfg) method;
        # systemd reads tokenFile as root and hands it over there
        tokenFile = "/run/credentials/${agentUnit}/token";
      };
    };

    assertions = [
      {
        assertion =
          cfg.caFile == null
          || !(lib.any (home: lib.hasPrefix home (toString cfg.caFile)) [
            "/home/"
            "/root/"
            "/run/user/"
          ]);
        message = "services.nixfleet-agent.caFile is ${toString cfg.caFile}, but the agent sees nobody's home: put the certificates below /etc, or into nixcfg itself (they are no secret).";
      }
    ];
    warnings = lib.optional (cfg.owner != null && !(config.users.users ? ${cfg.owner})) "services.nixfleet-agent.owner is \"${cfg.owner}\", which is no user of this configuration (users.users): if there is no such user on the host, updates fail. Write the login name of the person who owns the checkout.";

    environment.etc = {
      "nixfleet/config.json".source = cfg.configFile;
      "nixfleet/agent.json".source = "${cfg.package}/share/nixfleet/agent.json";
      # a file of its own: polkitd reads its rules again when one comes or goes
      "polkit-1/rules.d/50-nixfleet-agent.rules".text = ''
        // The agent of NixFleet may start runs, which are units that do one thing, and nothing else.
        polkit.addRule(function (action, subject) {
          if (
            action.id == "org.freedesktop.systemd1.manage-units" &&
            subject.user == "${user}" &&
            action.lookup("verb") == "start" &&
            /^nixfleet-run@[0-9A-HJKMNP-TV-Z]{26}\.service$/.test(action.lookup("unit"))
          )
            return polkit.Result.YES;
        });
      '';
    };
    security.polkit.enable = true;
    environment.systemPackages = [ cfg.package ];

    users.users.${user} = {
      isSystemUser = true;
      group = user;
      description = "NixFleet agent";
    };
    users.groups.${user} = { };

    systemd.tmpfiles.settings."10-nixfleet-agent" =
      let
        folder = user: group: mode: { d = { inherit user group mode; }; };
      in
      {
        ${stateDir} = folder "root" user "0751";
        "${stateDir}/inbox" = folder user user "0700";
        "${stateDir}/agent" = folder user user "0755";
        "${stateDir}/status" = folder checkoutOwner "root" "0755";
        # what root makes there belongs to the agent's group
        "${stateDir}/runs" = folder "root" user "2751";
      };

    systemd.services.nixfleet-agent = {
      description = "NixFleet agent";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      restartTriggers = [ cfg.configFile ];
      # one restart at the end of an activation, never a stop at its beginning that a failure would leave as it is
      restartIfChanged = true;
      stopIfChanged = false;
      startLimitIntervalSec = 0;
      serviceConfig = import ./sandbox.nix // {
        ExecStart = "${agent} serve";
        Restart = "always";
        RestartSec = 1;
        TimeoutStopSec = 10;
        User = user;
        Group = user;
        # an empty line instead makes a missing file no failure (systemd.exec(5)): the agent says what is missing and goes on trying
        LoadCredential = "token:${tokenFile}";
        SetCredential = "token:\\n";
        ReadWritePaths = [ stateDir ];
        ProtectHome = true;
      };
    };

    systemd.paths.nixfleet-agent-token = {
      description = "The token of the NixFleet agent";
      wantedBy = [ "multi-user.target" ];
      pathConfig.PathChanged = tokenFile;
    };
    systemd.services.nixfleet-agent-token = {
      description = "Give the NixFleet agent its new token";
      # a token that is written in many small steps must not end in a path unit that gave up
      startLimitIntervalSec = 0;
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${config.systemd.package}/bin/systemctl try-restart ${agentUnit}";
      };
    };

    systemd.services."nixfleet-run@" = {
      description = "NixFleet run %i";
      path = tools;
      environment = config.networking.proxy.envVars;
      # it survives the activation that it performs: a change does not restart it, a generation without it does not stop it
      restartIfChanged = false;
      startLimitIntervalSec = 300;
      startLimitBurst = 10;
      unitConfig = {
        X-StopOnRemoval = false;
        CollectMode = "inactive-or-failed";
      };
      serviceConfig = {
        Type = "exec";
        ExecStart = "${agent} run %i";
        Restart = "on-failure";
        RestartSec = 1;
        KillMode = "control-group";
        OOMPolicy = "continue";
        TasksMax = "infinity";
        WorkingDirectory = "/";
      };
    };

    systemd.services.nixfleet-recover = {
      description = "Take up NixFleet runs again that a power loss ended";
      wantedBy = [ "multi-user.target" ];
      path = tools;
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        # once a boot, and not at every activation
        RemainAfterExit = true;
        ExecStart = "${agent} recover";
        TimeoutStartSec = 60;
      };
    };

    systemd.services.nixfleet-status = {
      description = "What the NixFleet agent shows of the checkout";
      path = tools;
      environment = config.networking.proxy.envVars;
      # asked for often, it waits; it does not give up
      startLimitIntervalSec = 0;
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${agent} status --write";
        # what it prints is for a person who asks; what goes wrong is told on stderr
        StandardOutput = "null";
        TimeoutStartSec = 300;
        Nice = 10;
        NoNewPrivileges = true;
        WorkingDirectory = "/";
      }
      // lib.optionalAttrs (cfg.owner != null) { User = cfg.owner; };
    };
    systemd.timers.nixfleet-status = {
      description = "Look at the checkout from time to time";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = 15;
        OnUnitInactiveSec = "5min";
        RandomizedDelaySec = "30s";
      };
    };
    systemd.paths.nixfleet-status = {
      description = "Look at the checkout when the agent asks for it";
      wantedBy = [ "multi-user.target" ];
      pathConfig.PathChanged = "${stateDir}/inbox/refresh";
    };
  };
}
