# What Node and VS Code run: agent.mjs, relay.mjs and the extension's files, the same bytes on every platform. npm fetches the
# build's tools, by the hashes in package-lock.json, so this is a fixed-output derivation: its output must have the hash in
# bundles.json, which `npm run bundles` writes and a unit test compares with the sources. Version and revision are not in
# here: packages/ put them beside the bundles.
{
  lib,
  stdenvNoCC,
  nodejs_24,
  cacert,
}:
let
  bundles = lib.importJSON ./bundles.json;
  root = ../.;
in
stdenvNoCC.mkDerivation {
  pname = "nixfleet-bundles";
  inherit (bundles) version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      ../package.json
      ../package-lock.json
      ../tsconfig.json
      ../esbuild.mjs
      ../scripts/build
      ../protocol
      ../flake-lock
      ../flake-nix
      ../agent
      ../relay
      ../extension
      ../webview
    ];
  };

  nativeBuildInputs = [ nodejs_24 ];

  # certificates and proxies of whoever is behind one, as nixpkgs' own fetchers take them
  impureEnvVars = lib.fetchers.proxyImpureEnvVars;

  buildPhase = ''
    runHook preBuild
    export HOME=$TMPDIR
    # stdenv names a file that is not there in place of the machine's certificates, and in a sandbox those of whoever
    # builds may not be seen
    if ! [ -r "$NIX_SSL_CERT_FILE" ]; then NIX_SSL_CERT_FILE=${cacert}/etc/ssl/certs/ca-bundle.crt; fi
    export NIX_SSL_CERT_FILE SSL_CERT_FILE="$NIX_SSL_CERT_FILE" NODE_EXTRA_CA_CERTS="$NIX_SSL_CERT_FILE"
    npm ci --ignore-scripts --no-audit --no-fund --no-progress
    node esbuild.mjs --release --outdir="$out"
    runHook postBuild
  '';

  dontInstall = true;
  # nothing of the store may get into the output: no shebang is patched
  dontFixup = true;

  outputHashMode = "recursive";
  outputHash = bundles.hash;
}
