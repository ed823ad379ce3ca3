{
  description = "Update the agent on every Nix host of your fleet from VS Code";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      # `f` gets the packages of nixpkgs for each system
      eachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      # a checkout with changes has a dirtyRev, a folder that is no git repository only its hash: never "unknown"
      rev = self.rev or self.dirtyRev or self.narHash;
      overlay = import ./nix/overlay.nix { inherit rev; };
      modules = import ./nix/modules self;
    in
    {
      overlays.default = overlay;

      packages = eachSystem (
        pkgs:
        let
          ours = overlay pkgs pkgs;
        in
        {
          agent = ours.nixfleet-agent;
          relay = ours.nixfleet-relay;
          extension = ours.nixfleet-extension;
        }
      );

      inherit (modules) nixosModules homeModules darwinModules;

      checks = eachSystem (pkgs: import ./nix/checks.nix { inherit self nixpkgs pkgs; });

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShellNoCC {
          packages = [
            pkgs.nodejs_24
            pkgs.nix
            pkgs.git
            pkgs.nixfmt
          ];
        };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
