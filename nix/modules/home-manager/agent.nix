# services.nixfleet-agent for Home Manager, on Linux and on macOS: everything is the user's, the agent as well as the runs it
# starts. On Linux runs are transient units of the user's systemd, on macOS launchd jobs with a label of their own, so neither
# belongs to any generation and an activation leaves them alone.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.nixfleet-agent;
  inherit (pkgs.stdenv.hostPlatform) isDarwin isLinux;
  home = config.home.homeDirectory;
  stateDir = "${config.xdg.stateHome}/nixfleet-agent";
  agent = [
    "${cfg.package}/bin/nixfleet-agent"
    "--config"
    "${cfg.configFile}"
  ];

  profiles = [
    "${home}/.nix-profile/bin"
    "${config.xdg.stateHome}/nix/profile/bin"
    "/etc/profiles/per-user/${config.home.username}/bin"
    "/run/wrappers/bin"
    "/run/current-system/sw/bin"
    "/nix/var/nix/profiles/default/bin"
  ];
  system = [
    "/usr/local/bin"
    "/usr/bin"
    "/bin"
    "/usr/sbin"
    "/sbin"
  ];
  nix = lib.optional (config.nix.package != null) "${config.nix.package}/bin";
  # What the machine brings comes first: its ssh understands its ssh_config, its nix its daemon. A Mac's own git is none:
  # it asks whether to install Xcode.
  path = lib.concatStringsSep ":" (
    nix
    ++ lib.optional isDarwin "${pkgs.git}/bin"
    ++ profiles
    ++ system
    ++ lib.optionals isLinux [
      "${pkgs.git}/bin"
      "${pkgs.openssh}/bin"
    ]
  );

  job = name: {
    RunAtLoad = true;
    ProcessType = "Background";
    WorkingDirectory = "/";
    # launchd gives a job nothing of what a shell has
    EnvironmentVariables = {
      PATH = lib.mkDefault path;
      NIX_SSL_CERT_FILE = lib.mkDefault "${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt";
    };
    StandardOutPath = "${home}/Library/Logs/nixfleet-${name}.log";
    StandardErrorPath = "${home}/Library/Logs/nixfleet-${name}.log";
  };

  command = pkgs.writeShellScriptBin "nixfleet-agent" ''
    # the configuration of this home, unless another is named
    export NIXFLEET_CONFIG="''${NIXFLEET_CONFIG-${cfg.configFile}}"
    exec ${cfg.package}/bin/nixfleet-agent "$@"
  '';
in
{
  imports = [ ../options.nix ];

  config = lib.mkIf cfg.enable {
    services.nixfleet-agent.settings = {
      platform = "home-manager";
      launcher = if isDarwin then "launchd" else "systemd";
      statusBy = "agent";
      inherit stateDir;
    };

    assertions = [
      {
        # `or`: an option that Home Manager has for itself
        assertion = !(config.submoduleSupport.enable or false);
        message = "services.nixfleet-agent is enabled in the home of ${config.home.username}, which is part of a NixOS or nix-darwin configuration and cannot be updated on its own: enable it in that configuration instead, with the module nixfleet.${
          if isDarwin then "darwinModules" else "nixosModules"
        }.agent.";
      }
    ];

    home.packages = [ command ];

    # what a generation says of its agent, for the runner that proves it
    home.extraBuilderCommands = ''
      mkdir -p $out/etc/nixfleet
      ln -s ${cfg.package}/share/nixfleet/agent.json $out/etc/nixfleet/agent.json
    '';

    systemd.user.services = lib.mkIf isLinux {
      nixfleet-agent = {
        Unit = {
          Description = "NixFleet agent";
          StartLimitIntervalSec = 0;
          # one restart at the end of an activation, never a stop at its beginning that a failure would leave as it is
          X-SwitchMethod = "restart";
        };
        Service = {
          ExecStart = lib.escapeShellArgs (agent ++ [ "serve" ]);
          Environment = [ "PATH=${path}" ];
          Restart = "always";
          RestartSec = 1;
          TimeoutStopSec = 10;
        };
        Install.WantedBy = [ "default.target" ];
      };
      nixfleet-recover = {
        Unit = {
          Description = "Take up NixFleet runs again that a power loss ended";
          # once a login (or a boot, with lingering), and not at every activation
          X-SwitchMethod = "keep-old";
        };
        Service = {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = lib.escapeShellArgs (agent ++ [ "recover" ]);
          Environment = [ "PATH=${path}" ];
          TimeoutStartSec = 60;
        };
        Install.WantedBy = [ "default.target" ];
      };
    };

    launchd.agents = lib.mkIf isDarwin {
      nixfleet-agent = {
        enable = true;
        config = job "agent" // {
          ProgramArguments = agent ++ [ "serve" ];
          KeepAlive = true;
          ThrottleInterval = 5;
          ExitTimeOut = 10;
        };
      };
      # at login it takes up the runs that a power loss ended, also where the agent is one that does not work; by a name that is
      # the same in every generation, so that an activation leaves it alone
      nixfleet-recover =
        { options, ... }:
        {
          config = {
            enable = true;
            config = job "recover" // {
              ProgramArguments = [
                "${home}/.nix-profile/bin/nixfleet-agent"
                "recover"
              ];
            };
          }
          # an option of Home Manager since July 2026
          // lib.optionalAttrs (options ? domain) {
            domain = lib.mkDefault config.launchd.agents.nixfleet-agent.domain;
          };
        };
    };
  };
}
