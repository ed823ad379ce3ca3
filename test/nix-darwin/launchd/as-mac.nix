# Packages of a Linux host that take themselves for those of a Mac: what is a Mac's own is decided by `isDarwin`, and what has
# to be built is still built by the host. For tests, beside the launchctl that stands in for launchd.
pkgs:
let
  hostPlatform = pkgs.stdenv.hostPlatform // {
    isDarwin = true;
    isLinux = false;
  };
in
if pkgs.stdenv.hostPlatform.isDarwin then
  pkgs
else
  pkgs // { stdenv = pkgs.stdenv // { inherit hostPlatform; }; }
