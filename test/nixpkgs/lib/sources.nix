# What of a folder is a source (nixpkgs' lib.fileset, with lists of paths for file sets), and what fetchers take from outside.
{ lib }:
{
  fileset = {
    unions = lib.flatten;
    maybeMissing = path: lib.optional (builtins.pathExists path) path;
    toSource =
      { root, fileset }:
      let
        wanted = map toString (lib.toList fileset);
        isBelow = folder: path: lib.hasPrefix "${folder}/" "${path}/";
      in
      builtins.path {
        name = "source";
        path = root;
        filter = path: _type: builtins.any (each: isBelow each path || isBelow path each) wanted;
      };
  };

  fetchers.proxyImpureEnvVars = [
    "http_proxy"
    "https_proxy"
    "ftp_proxy"
    "all_proxy"
    "no_proxy"
    "HTTP_PROXY"
    "HTTPS_PROXY"
    "FTP_PROXY"
    "ALL_PROXY"
    "NO_PROXY"
    "NIX_SSL_CERT_FILE"
  ];
}
