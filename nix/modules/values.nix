# Questions about values of options, without anything of a module.
{ lib }:
let
  # a host name whose last label is a number is an address, or nothing
  endsInNumber = host: builtins.match "(.*[.])?[0-9]+[.]?" host != null;
  isIpv4 =
    host:
    let
      octet = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
    in
    builtins.match "${octet}([.]${octet}){3}" host != null;
  # in brackets: eight groups, of which `::` leaves out some
  isIpv6 =
    host:
    let
      inner = builtins.substring 1 (builtins.stringLength host - 2) host;
      groups = builtins.filter (part: builtins.isString part && part != "") (builtins.split ":" inner);
      gaps = builtins.filter builtins.isList (builtins.split "::" inner);
      count = builtins.length groups;
    in
    builtins.all (group: builtins.match "[0-9A-Fa-f]{1,4}" group != null) groups
    && builtins.match ".*:::.*" inner == null
    && (
      if gaps == [ ] then
        count == 8 && builtins.match ":.*|.*:" inner == null
      else
        builtins.length gaps == 1 && count < 8 && builtins.match ":[^:].*|.*[^:]:" inner == null
    );
in
{
  # the attributes that say something
  dropNulls = lib.filterAttrs (_: value: value != null);

  # a path literal, which is copied into the store as soon as somebody uses it, or a path in there
  inStore = value: builtins.isPath value || lib.hasPrefix builtins.storeDir (toString value);

  # the path of a file that is no secret: a path literal is copied into the store, and is there for as long as it is used
  public = value: if builtins.isPath value then "${value}" else toString value;

  # what the agent's `new URL` takes, without a user, a query or a fragment
  isRelayUrl =
    url:
    let
      parts = builtins.match "wss?://(\\[[0-9A-Fa-f:.]+]|[^][/@:?#%\"$\\^|<>[:space:]]+)(:0*([0-9]{1,5}))?(/[^?#\"$\\[:space:]]*)?" url;
      host = builtins.elemAt parts 0;
      port = builtins.elemAt parts 2;
    in
    parts != null
    && (port == null || builtins.fromJSON port <= 65535)
    && (if lib.hasPrefix "[" host then isIpv6 host else isIpv4 host || !endsInNumber host);

  # as in agent/link/endpoint.ts
  isLoopback =
    url:
    builtins.match "wss?://(localhost|\\[::1]|127(\\.[0-9]{1,3}){3})(:[0-9]+)?(/.*)?" url != null;

  isLoopbackAddress =
    address: builtins.match "localhost|::1|127(\\.[0-9]{1,3}){3}" address != null;

  # words of a command line as ExecStart= takes them (systemd.service(5)): quoted, nothing expanded
  unitArguments = lib.concatMapStringsSep " " (
    word: builtins.toJSON (builtins.replaceStrings [ "%" "$" ] [ "%%" "$$" ] (toString word))
  );
  # a path as settings that take several have it
  unitPath = path: builtins.toJSON (builtins.replaceStrings [ "%" ] [ "%%" ] path);
}
