# The options of `services.nixfleet-agent` that NixOS, Home Manager and nix-darwin have in common, what is wrong with them in
# words, and the agent's configuration file that they become. The module of a platform imports this, adds its own options
# to `settings` (keys and values of config.json, see agent/config.ts) and makes the services.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib)
    literalExpression
    mkDefault
    mkOption
    types
    ;
  inherit (import ./values.nix { inherit lib; })
    dropNulls
    inStore
    isLoopback
    isRelayUrl
    public
    ;
  cfg = config.services.nixfleet-agent;
  name = option: "services.nixfleet-agent.${option}";

  # options take seconds, which people think in; the agent takes milliseconds
  deadline =
    seconds: description:
    mkOption {
      type = types.numbers.positive;
      default = seconds;
      example = seconds * 2;
      inherit description;
    };
  milliseconds = seconds: builtins.floor (seconds * 1000);
  # as in agent/config.ts
  isDeadline = seconds: milliseconds seconds >= 1 && milliseconds seconds <= 7 * 86400 * 1000;

  file =
    args:
    mkOption (
      {
        type = types.nullOr types.path;
        default = null;
      }
      // args
    );

  # a path that whoever can read the store could read
  secret = option: value: {
    assertion = value == null || !inStore value;
    message = "${name option} is ${toString value}, which is or would be copied into the Nix store, where everybody on the host can read it. Keep the file out of nixcfg, and name it by a string such as \"/run/secrets/${baseNameOf option}\" (agenix and sops-nix give you one: config.age.secrets.….path, config.sops.secrets.….path).";
  };
in
{
  options.services.nixfleet-agent = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to run the NixFleet agent, so that this host can be updated from inside VS Code.
      '';
    };

    package = mkOption {
      type = types.package;
      default =
        pkgs.nixfleet-agent
          or (throw "${name "package"} has no value: import the module from the flake (nixfleet.nixosModules.agent, homeModules.agent or darwinModules.agent), or apply nixfleet.overlays.default.");
      defaultText = literalExpression "nixfleet.packages.\${system}.agent";
      example = literalExpression "pkgs.nixfleet-agent";
      description = ''
        The agent. By default it is that of the flake input which this module comes from, so that updating the input is
        updating the agent.
      '';
    };

    host = mkOption {
      type = types.nullOr (types.strMatching "[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?");
      default = null;
      example = "web1";
      description = ''
        The name this host was enrolled under with the relay. On NixOS and nix-darwin it is `networking.hostName` unless you say
        otherwise; with Home Manager you have to say it.
      '';
    };

    relayUrl = mkOption {
      type = types.str;
      example = "wss://relay.example.org:7780";
      description = ''
        Where the relay is: `wss://`, or `ws://` on this machine itself.
      '';
    };

    allowPlaintext = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to connect by `ws://` to another machine, although this host's token then travels in clear text. For networks
        that are encrypted below, such as a VPN.
      '';
    };

    tokenFile = mkOption {
      type = types.path;
      example = "/run/secrets/nixfleet-token";
      description = ''
        A file that holds this host's token and nothing else, as `nixfleet-relay enroll` prints it. It is read when the agent
        starts, so a secret of agenix or sops-nix is fine. It need not be there yet: until it is, the agent says so in its
        log and tries again. A file in the Nix store is refused, since everybody on the host can read it.
      '';
    };

    caFile = file {
      example = "/etc/ssl/relay-ca.pem";
      description = ''
        Certificates (PEM) to trust for the relay, instead of those the system trusts.
      '';
    };

    fingerprint = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "3B:6C:…:A0";
      description = ''
        SHA-256 of the one certificate that the relay may show, in hex with or without colons. Nothing else is asked of it
        then, so it may be self-signed. `openssl x509 -noout -fingerprint -sha256 -in cert.pem` prints it.
      '';
    };

    nixcfgPath = file {
      example = "/home/ana/Code/nixcfg";
      description = ''
        The folder of this host's checkout of nixcfg that holds `flake.nix`. When it is set and wrong, updates fail and say so.
        When it is `null`, `~/Code/nixcfg` of the checkout's owner is tried, then `/etc/nixos`.
      '';
    };

    inputName = mkOption {
      type = types.strMatching "[A-Za-z_][A-Za-z0-9_'-]*";
      default = "nixfleet";
      example = "fleet";
      description = ''
        The flake input of nixcfg that an update brings up to date: the one that carries the agent.
      '';
    };

    attribute = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "web1";
      description = ''
        The name of this host in `nixosConfigurations`, `homeConfigurations` or `darwinConfigurations` of nixcfg. When it is
        `null`, it is found as `nixos-rebuild`, `home-manager` and `darwin-rebuild` find it.
      '';
    };

    git = {
      sshKeyFile = file {
        example = "/run/secrets/nixcfg-deploy-key";
        description = ''
          A private key for git remotes and inputs that are reached over SSH, readable for the owner of the checkout. A service
          has no ssh-agent.
        '';
      };
      knownHosts = file {
        example = "/etc/ssh/ssh_known_hosts";
        description = ''
          The known hosts file for them. With it only hosts that it lists are spoken to.
        '';
      };
    };

    nix.accessTokensFile = file {
      example = "/run/secrets/nix-access-tokens";
      description = ''
        A file with a line `access-tokens = github.com=…` for private inputs, or against the rate limit of a forge, readable
        for the owner of the checkout.
      '';
    };

    lock.publish = mkOption {
      type = types.enum [
        "none"
        "push"
      ];
      default = "none";
      example = "push";
      description = ''
        What becomes of the new `flake.lock` after an update that succeeded. `"none"`: it stays in this host's checkout. `"push"`:
        it is committed, alone, and pushed to the branch that the checkout follows, never by force.
      '';
    };

    rollback = mkOption {
      type = types.enum [
        "agent"
        "always"
        "never"
      ];
      default = "agent";
      example = "always";
      description = ''
        When an update puts the old generation back: `"agent"` when the new agent is not proven to work, `"always"` also when the
        activation reports any failure, `"never"`.
      '';
    };

    deadlines = {
      accepted = deadline 30 "Seconds from the request until the run has begun.";
      pulling = deadline 120 "Seconds for `git pull`.";
      locking = deadline 300 "Seconds for `nix flake update`.";
      building = deadline 3600 "Seconds for building the new generation.";
      buildSilence = deadline 1200 "Seconds without any output after which a build counts as stuck.";
      activating = deadline 900 "Seconds for activating the new generation.";
      confirming = deadline 90 "Seconds for the new agent to come up and be greeted by the relay.";
      settling = deadline 10 "Seconds that the new agent has to stay up after that.";
      committing = deadline 300 "Seconds for making the new generation the one that boots.";
      publishing = deadline 120 "Seconds for committing and pushing the lock of an update that succeeded, where `lock.publish` says so. Past it the lock stays unpublished.";
    };

    logLevel = import ./log-level.nix {
      inherit lib;
      who = "the agent";
    };

    settings = mkOption {
      type = types.attrsOf types.anything;
      internal = true;
      visible = false;
      description = ''
        What config.json says. Each module fills it in from its options.
      '';
    };

    configFile = mkOption {
      type = types.package;
      internal = true;
      visible = false;
      readOnly = true;
      description = ''
        The agent's configuration file, for the services of a platform.
      '';
    };
  };

  config = {
    services.nixfleet-agent = {
      settings =
        dropNulls {
          inherit (cfg)
            host
            relayUrl
            fingerprint
            attribute
            ;
          caFile = if cfg.caFile == null then null else public cfg.caFile;
          # toString: never a copy in the store
          nixcfgPath = if cfg.nixcfgPath == null then null else toString cfg.nixcfgPath;
        }
        // {
          inherit (cfg)
            allowPlaintext
            inputName
            rollback
            logLevel
            ;
          # a platform may hand the token over in a file of its own
          tokenFile = mkDefault (toString cfg.tokenFile);
          deadlines = builtins.mapAttrs (_: milliseconds) cfg.deadlines;
          git = dropNulls {
            sshKeyFile = if cfg.git.sshKeyFile == null then null else toString cfg.git.sshKeyFile;
            knownHosts = if cfg.git.knownHosts == null then null else public cfg.git.knownHosts;
          };
          nix = builtins.mapAttrs (_: toString) (dropNulls cfg.nix);
          lock = { inherit (cfg.lock) publish; };
        };
      configFile = pkgs.writeText "nixfleet-agent-config.json" (builtins.toJSON cfg.settings);
    };

    assertions = lib.mkIf cfg.enable [
      {
        assertion = cfg.host != null;
        message = "${name "host"} has no value: say the name under which this host was enrolled with the relay, such as \"web1\".";
      }
      {
        assertion = isRelayUrl cfg.relayUrl;
        message = "${name "relayUrl"} is \"${cfg.relayUrl}\", which is no URL of a relay: write wss://HOST:PORT, such as \"wss://relay.example.org:7780\".";
      }
      {
        assertion =
          cfg.allowPlaintext
          || !(isRelayUrl cfg.relayUrl)
          || lib.hasPrefix "wss://" cfg.relayUrl
          || isLoopback cfg.relayUrl;
        message = "${name "relayUrl"} is \"${cfg.relayUrl}\", over which this host's token would travel in clear text. Give the relay a certificate and write wss://, or set ${name "allowPlaintext"} = true on a network that is encrypted below, such as a VPN.";
      }
      {
        assertion = cfg.fingerprint == null || !(lib.hasPrefix "ws://" cfg.relayUrl);
        message = "${name "fingerprint"} is set, but ${name "relayUrl"} is \"${cfg.relayUrl}\", and without TLS a relay shows no certificate: write wss://, or take the fingerprint out.";
      }
      {
        assertion = cfg.caFile == null || cfg.fingerprint == null;
        message = "${name "caFile"} and ${name "fingerprint"} are both set, but they are two ways to trust the relay: keep caFile if its certificate is renewed by an authority of your own, fingerprint if it is one self-signed certificate.";
      }
      {
        assertion =
          cfg.fingerprint == null
          || builtins.match "[0-9A-Fa-f]{64}|([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}" cfg.fingerprint != null;
        message = "${name "fingerprint"} is \"${toString cfg.fingerprint}\", but a SHA-256 fingerprint has 64 hexadecimal digits: take what `openssl x509 -noout -fingerprint -sha256 -in cert.pem` prints behind the equals sign.";
      }
      {
        assertion = cfg.nixcfgPath == null || !inStore cfg.nixcfgPath;
        message = "${name "nixcfgPath"} is ${toString cfg.nixcfgPath}, a copy in the Nix store, which cannot be updated: write the path of the checkout as a string, such as \"/home/ana/Code/nixcfg\".";
      }
      {
        assertion = cfg.attribute == null || cfg.attribute != "" && builtins.stringLength cfg.attribute <= 128;
        message = "${name "attribute"} has 1 to 128 characters: it is a name in nixosConfigurations, homeConfigurations or darwinConfigurations.";
      }
      (
        let
          wrong = builtins.attrNames (lib.filterAttrs (_: seconds: !(isDeadline seconds)) cfg.deadlines);
        in
        {
          assertion = wrong == [ ];
          message = "${
            lib.concatMapStringsSep ", " (each: name "deadlines.${each}") wrong
          }: the agent takes from a thousandth of a second to a week. Deadlines are in seconds, such as 3600 for an hour.";
        }
      )
      (secret "tokenFile" cfg.tokenFile)
      (secret "git.sshKeyFile" cfg.git.sshKeyFile)
      (secret "nix.accessTokensFile" cfg.nix.accessTokensFile)
    ];
  };
}
