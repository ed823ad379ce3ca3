# services.nixfleet-agent for nix-darwin. The agent faces the network, so it is a user of its own that may do nothing but write
# into the inbox. Root watches the inbox: launchd starts `run-inbox` while something lies in it. What the agent shows of the
# checkout is found out by a job with the rights of the checkout's owner.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.nixfleet-agent;
  user = "_nixfleet";
  stateDir = "/var/lib/nixfleet-agent";
  configPath = "/etc/nixfleet/config.json";
  owner = if cfg.owner == null then "root" else cfg.owner;
  # launchd opens a job's logs as the job's user, and does not start a job whose logs it cannot open
  log = name: "/var/log/nixfleet-${name}/${name}.log";

  # names of generations and never of the store: nix-darwin unloads a job whose plist changes, and the runner's must not change
  # under the activation that it performs. At boot `/run/current-system` comes after the daemons, the profile is there with the
  # store. No `/usr/local/bin`: where Homebrew is, a person may write into it
  booted = "/nix/var/nix/profiles/system";
  path = lib.concatStringsSep ":" [
    "/run/current-system/sw/bin"
    "${booted}/sw/bin"
    "/nix/var/nix/profiles/default/bin"
    "/usr/bin"
    "/bin"
    "/usr/sbin"
    "/sbin"
  ];

  daemon = name: more: {
    serviceConfig = {
      Label = "org.nixfleet.${name}";
      WorkingDirectory = "/";
      EnvironmentVariables = {
        PATH = lib.mkDefault path;
        NIX_SSL_CERT_FILE = lib.mkDefault "/etc/ssl/certs/ca-certificates.crt";
      };
      StandardOutPath = log name;
      StandardErrorPath = log name;
    }
    // more;
  };
  # waits for the store's volume, as nix-darwin's own `command` does
  start = arguments: [
    "/bin/sh"
    "-c"
    "/bin/wait4path /nix/store && exec ${lib.escapeShellArgs arguments}"
  ];
  program = "${cfg.package}/bin/nixfleet-agent";

  install = owner: group: mode: folder: ''
    ${pkgs.coreutils}/bin/install -d -o ${owner} -g ${group} -m ${mode} ${lib.escapeShellArg folder}
  '';
in
{
  imports = [
    ../options.nix
    ../owner.nix
  ];

  config = lib.mkIf cfg.enable {
    services.nixfleet-agent = {
      host = lib.mkDefault config.networking.hostName;
      settings = {
        platform = "nix-darwin";
        launcher = "inbox";
        statusBy = "unit";
        inherit stateDir;
      };
    };

    environment.etc = {
      "nixfleet/config.json".source = cfg.configFile;
      "nixfleet/agent.json".source = "${cfg.package}/share/nixfleet/agent.json";
    };
    # a Mac's own git is none: it asks whether to install Xcode
    environment.systemPackages = [
      cfg.package
      pkgs.git
    ];

    users.users.${user} = {
      uid = lib.mkDefault 547;
      gid = config.users.groups.${user}.gid;
      description = "NixFleet agent";
      home = "/var/empty";
      shell = "/usr/bin/false";
      isHidden = true;
    };
    users.knownUsers = [ user ];
    users.groups.${user} = {
      gid = lib.mkDefault 547;
      description = "NixFleet agent";
    };
    users.knownGroups = [ user ];

    # after the users are there, and before launchd starts anything
    system.activationScripts.launchd.text = lib.mkBefore ''
      echo "setting up the folders of the NixFleet agent..." >&2
      ${install "0" user "0751" stateDir}
      ${install user user "0700" "${stateDir}/inbox"}
      ${install user user "0755" "${stateDir}/agent"}
      ${install owner "0" "0755" "${stateDir}/status"}
      ${install "0" user "2751" "${stateDir}/runs"}
      ${install user user "0755" (dirOf (log "agent"))}
      ${install "0" "0" "0755" (dirOf (log "runner"))}
      ${install owner "0" "0755" (dirOf (log "status"))}
    '';

    launchd.daemons.nixfleet-agent = daemon "agent" {
      ProgramArguments = start [
        program
        "--config"
        # the store's name, so that another configuration is another plist and the agent is started anew
        "${cfg.configFile}"
        "serve"
      ];
      UserName = user;
      GroupName = user;
      RunAtLoad = true;
      KeepAlive = true;
      ThrottleInterval = 5;
      ExitTimeOut = 10;
      ProcessType = "Background";
    };

    launchd.daemons.nixfleet-runner = daemon "runner" {
      ProgramArguments = start [
        "${booted}/sw/bin/nixfleet-agent"
        "--config"
        configPath
        "run-inbox"
      ];
      # at boot it takes up the runs that a power loss ended
      RunAtLoad = true;
      QueueDirectories = [ "${stateDir}/inbox" ];
      AbandonProcessGroup = true;
      ThrottleInterval = 1;
    };

    # from time to time; when the agent asks for it, which it does in the inbox, the runner answers
    launchd.daemons.nixfleet-status = daemon "status" (
      {
        ProgramArguments = start [
          program
          "--config"
          configPath
          "status"
          "--write"
        ];
        RunAtLoad = true;
        StartInterval = 300;
        ProcessType = "Background";
        LowPriorityIO = true;
      }
      // lib.optionalAttrs (cfg.owner != null) { UserName = cfg.owner; }
    );
  };
}
