# services.nixfleet-relay on NixOS: the one process that agents and operators connect to, and its command line for the
# administrator.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) literalExpression mkOption types;
  inherit (import ../values.nix { inherit lib; })
    inStore
    isLoopbackAddress
    isRelayUrl
    public
    unitArguments
    unitPath
    ;
  cfg = config.services.nixfleet-relay;
  user = "nixfleet-relay";
  hasTls = cfg.tls.certFile != null && cfg.tls.keyFile != null;
  address = if lib.hasInfix ":" cfg.listenAddress then "[${cfg.listenAddress}]" else cfg.listenAddress;
  dataDir = toString cfg.dataDir;

  command = pkgs.writeShellScriptBin "nixfleet-relay" ''
    if [ "$(id -u)" != 0 ]; then
      echo "nixfleet-relay: the relay's data are not yours: say sudo nixfleet-relay $*" >&2
      exit 1
    fi
    ${lib.optionalString (cfg.url != null) "export NIXFLEET_RELAY_URL=${lib.escapeShellArg cfg.url}"}
    # as root it acts as the owner of the data
    exec ${cfg.package}/bin/nixfleet-relay --data ${lib.escapeShellArg dataDir} "$@"
  '';
in
{
  options.services.nixfleet-relay = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to run the NixFleet relay here: the one machine of the fleet that all hosts and people connect to.
      '';
    };

    package = mkOption {
      type = types.package;
      default =
        pkgs.nixfleet-relay
          or (throw "services.nixfleet-relay.package has no value: import the module from the flake (nixfleet.nixosModules.relay), or apply nixfleet.overlays.default.");
      defaultText = literalExpression "nixfleet.packages.\${system}.relay";
      example = literalExpression "pkgs.nixfleet-relay";
      description = ''
        The relay.
      '';
    };

    port = mkOption {
      type = types.port;
      default = 7780;
      example = 443;
      description = ''
        The TCP port it listens on.
      '';
    };

    listenAddress = mkOption {
      type = types.str;
      default = if hasTls || cfg.allowPlaintext then "0.0.0.0" else "127.0.0.1";
      defaultText = literalExpression ''"0.0.0.0" with a certificate, "127.0.0.1" without'';
      example = "::";
      description = ''
        The address it listens on, IPv4, IPv6 or a name.
      '';
    };

    url = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "wss://relay.example.org:7780";
      description = ''
        Where hosts reach this relay, for the text to paste into nixcfg that `nixfleet-relay enroll` ends in.
      '';
    };

    tls = {
      certFile = mkOption {
        type = types.nullOr types.path;
        default = null;
        example = "/var/lib/acme/relay.example.org/fullchain.pem";
        description = ''
          The certificate chain (PEM). It must be readable for the user `nixfleet-relay`; with `security.acme` set
          `security.acme.certs.<name>.group = "nixfleet-relay"`. A renewed one is used without a restart.
        '';
      };
      keyFile = mkOption {
        type = types.nullOr types.path;
        default = null;
        example = "/var/lib/acme/relay.example.org/key.pem";
        description = ''
          Its private key (PEM).
        '';
      };
    };

    allowPlaintext = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to take `ws://` from the network too, although tokens then travel in clear text. For networks that are
        encrypted below, such as a VPN. Behind a proxy on this machine that does TLS it is not needed.
      '';
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether to open the port in the firewall.
      '';
    };

    dataDir = mkOption {
      type = types.path;
      default = "/var/lib/nixfleet-relay";
      example = "/data/nixfleet-relay";
      description = ''
        Where it keeps hosts, tokens (as hashes), runs and their output. The folder becomes that of user `nixfleet-relay`.
      '';
    };

    retention = {
      runs = mkOption {
        type = types.ints.positive;
        default = 50;
        example = 200;
        description = ''
          How many runs of each host are kept at the most.
        '';
      };
      days = mkOption {
        type = types.ints.positive;
        default = 30;
        example = 365;
        description = ''
          How many days a run is kept at the most. The newest of each host, and those that are not over, always are.
        '';
      };
    };

    logLevel = import ../log-level.nix {
      inherit lib;
      who = "the relay";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = (cfg.tls.certFile == null) == (cfg.tls.keyFile == null);
        message = "services.nixfleet-relay.tls.certFile and services.nixfleet-relay.tls.keyFile are given together: one of them is missing.";
      }
      {
        assertion = cfg.tls.keyFile == null || !inStore cfg.tls.keyFile;
        message = "services.nixfleet-relay.tls.keyFile is ${toString cfg.tls.keyFile}, which is or would be copied into the Nix store, where everybody on the host can read it. Name it by a string such as \"/var/lib/acme/relay.example.org/key.pem\".";
      }
      {
        assertion = hasTls || cfg.allowPlaintext || isLoopbackAddress cfg.listenAddress;
        message = "services.nixfleet-relay.listenAddress is \"${cfg.listenAddress}\", on which the relay would take tokens in clear text from the network. Set services.nixfleet-relay.tls.certFile and tls.keyFile, or listen on 127.0.0.1 behind a proxy that does TLS, or set services.nixfleet-relay.allowPlaintext = true on a network that is encrypted below, such as a VPN.";
      }
      {
        assertion = cfg.url == null || isRelayUrl cfg.url;
        message = "services.nixfleet-relay.url is \"${toString cfg.url}\", which is no URL of a relay: write wss://HOST:PORT, such as \"wss://relay.example.org:7780\".";
      }
      {
        assertion = !inStore cfg.dataDir;
        message = "services.nixfleet-relay.dataDir is ${dataDir}, which cannot be written to: name a folder such as \"/var/lib/nixfleet-relay\".";
      }
    ];

    users.users.${user} = {
      isSystemUser = true;
      group = user;
      description = "NixFleet relay";
    };
    users.groups.${user} = { };

    systemd.tmpfiles.settings."10-nixfleet-relay".${dataDir}.d = {
      inherit user;
      group = user;
      mode = "0700";
    };

    environment.systemPackages = [ command ];
    networking.firewall.allowedTCPPorts = lib.optional cfg.openFirewall cfg.port;

    systemd.services.nixfleet-relay = {
      description = "NixFleet relay";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      stopIfChanged = false;
      startLimitIntervalSec = 0;
      serviceConfig =
        import ./sandbox.nix
        // {
          ExecStart = unitArguments (
            [
              "${cfg.package}/bin/nixfleet-relay"
              "--data"
              dataDir
              "serve"
              "--listen"
              "${address}:${toString cfg.port}"
              "--keep-runs"
              cfg.retention.runs
              "--keep-days"
              cfg.retention.days
              "--log-level"
              cfg.logLevel
            ]
            ++ lib.optionals hasTls [
              "--cert"
              (public cfg.tls.certFile)
              "--key"
              cfg.tls.keyFile
            ]
            ++ lib.optional cfg.allowPlaintext "--allow-plaintext"
          );
          Restart = "always";
          RestartSec = 1;
          # what a restart does not mend, such as a certificate that is not there yet, is not tried every second for ever
          RestartSteps = 10;
          RestartMaxDelaySec = 30;
          User = user;
          Group = user;
          ReadWritePaths = [ (unitPath dataDir) ];
          ProtectHome = true;
          ProtectProc = "invisible";
          UMask = "0077";
        }
        // lib.optionalAttrs (cfg.port < 1024) {
          AmbientCapabilities = "CAP_NET_BIND_SERVICE";
          CapabilityBoundingSet = "CAP_NET_BIND_SERVICE";
          # a capability of a user namespace does not open a port outside of it
          PrivateUsers = false;
        };
    };
  };
}
