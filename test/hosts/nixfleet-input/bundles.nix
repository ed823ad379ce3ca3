# Takes the place of the project's nix/bundles.nix in what test hosts pull: the bundles as they were built on this machine.
_: ../bundles
