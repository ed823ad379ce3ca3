# Questions about values of options, without anything of a module.
{ lib }:
{
  # the attributes that say something
  dropNulls = lib.filterAttrs (_: value: value != null);

  # a path literal, which is copied into the store as soon as somebody uses it, or a path in there
  inStore = value: builtins.isPath value || lib.hasPrefix builtins.storeDir (toString value);

  # the path of a file that is no secret: a path literal is copied into the store, and is there for as long as it is used
  public = value: if builtins.isPath value then "${value}" else toString value;

  isRelayUrl = url: builtins.match "wss?://([^/@[:space:]]+)(/[^[:space:]]*)?" url != null;

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
