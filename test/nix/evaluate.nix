# The scope of expressions that tests evaluate: each of `nixos`, `relay`, `home`, `mac` and `darwin` takes a module and gives
# the configuration of somebody who has that beside the least that is needed.
let
  lib = import (if builtins.pathExists ../nixpkgs/nixpkgs-lib then ../nixpkgs/nixpkgs-lib else ../nixpkgs/lib);
  legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
    system: import ../nixpkgs/pkgs.nix { inherit lib system; }
  );
  pkgs = legacyPackages.${builtins.currentSystem};

  # nothing of an agent: its store path is all that counts here
  package = pkgs.writeTextDir "share/nixfleet/agent.json" "{}";
  modules = import ../../nix/modules {
    packages = lib.genAttrs (builtins.attrNames legacyPackages) (_: {
      agent = package;
      relay = package;
    });
  };

  options = builtins.mapAttrs (_: lib.mkDefault) {
    enable = true;
    relayUrl = "wss://relay.example.org:7780";
    tokenFile = "/run/secrets/nixfleet-token";
  };
  homeManager =
    pkgs: module:
    import ../home-manager/configuration.nix {
      inherit pkgs;
      modules = [
        modules.homeModules.agent
        {
          home.username = "ana";
          home.homeDirectory = "/home/ana";
          home.stateVersion = "26.05";
          services.nixfleet-agent = options // {
            host = lib.mkDefault "web1";
          };
        }
        module
      ];
    };
  nixosSystem =
    modules:
    import ../nixpkgs/nixos { inherit lib legacyPackages; } {
      modules = [
        {
          networking.hostName = "web1";
          nixpkgs.hostPlatform = builtins.currentSystem;
          system.stateVersion = "26.05";
        }
      ]
      ++ modules;
    };
in
{
  inherit lib pkgs package;

  nixos =
    module:
    nixosSystem [
      modules.nixosModules.agent
      { services.nixfleet-agent = options; }
      module
    ];
  relay =
    module:
    nixosSystem [
      modules.nixosModules.relay
      { services.nixfleet-relay.enable = lib.mkDefault true; }
      module
    ];

  home = homeManager pkgs;
  mac = homeManager (import ../nix-darwin/launchd/as-mac.nix pkgs);
  darwin =
    module:
    import ../nix-darwin/darwin-system.nix { nixpkgs = { inherit lib legacyPackages; }; } {
      system = builtins.currentSystem;
      modules = [
        modules.darwinModules.agent
        {
          networking.hostName = lib.mkDefault "mini";
          system.stateVersion = 6;
          services.nixfleet-agent = options;
        }
        module
      ];
    };

  toPlist = import ../nix-darwin/launchd/plist.nix { inherit lib; };
}
