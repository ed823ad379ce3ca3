# A STAND-IN for nixpkgs' `lib`: the few functions that the project's modules and the other stand-ins use, with the names,
# arguments and meaning that nixpkgs gives them (noogle.dev has all of them). Written for this project; nothing of nixpkgs is
# in it. A nixpkgs `lib` can take its place: see ../flake.nix.
let
  parts = [
    ./lists.nix
    ./attrsets.nix
    ./strings.nix
    ./derivations.nix
    ./sources.nix
    ./options.nix
    ./types.nix
    ./modules.nix
  ];
  lib = builtins.foldl' (sum: part: sum // import part { inherit lib; }) { } parts;
in
lib // { modules = { inherit (lib) evalModules mkIf mkMerge; }; }
