# The keys of a launchd job that the project's modules set, with the types that nix-darwin and Home Manager give them
# (modules/launchd/launchd.nix there). Others are rejected here, though Home Manager would take them.
{ lib, ... }:
let
  inherit (lib) types;
  key =
    type:
    lib.mkOption {
      type = types.nullOr type;
      default = null;
    };
in
{
  options = {
    Label = lib.mkOption { type = types.str; };
    UserName = key types.str;
    GroupName = key types.str;
    ProgramArguments = key (types.listOf types.str);
    RunAtLoad = key types.bool;
    KeepAlive = key types.bool;
    LaunchOnlyOnce = key types.bool;
    AbandonProcessGroup = key types.bool;
    EnvironmentVariables = key (types.attrsOf types.str);
    WorkingDirectory = key types.str;
    StandardOutPath = key types.path;
    StandardErrorPath = key types.path;
    ThrottleInterval = key types.int;
    ExitTimeOut = key types.int;
    StartInterval = key types.int;
    WatchPaths = key (types.listOf types.path);
    QueueDirectories = key (types.listOf types.str);
    LimitLoadToSessionType = key (types.either types.str (types.listOf types.str));
    LowPriorityIO = key types.bool;
    ProcessType = key (
      types.enum [
        "Background"
        "Standard"
        "Adaptive"
        "Interactive"
      ]
    );
  };
}
