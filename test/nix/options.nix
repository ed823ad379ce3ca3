# The options of the project's modules, as a list that JSON can hold: what docs/options.md is made of.
let
  inherit (import ./evaluate.nix)
    lib
    nixos
    relay
    home
    darwin
    ;

  text =
    value:
    if value._type or null == "literalExpression" || value._type or null == "literalMD" then
      value.text
    else
      lib.generators.toPretty { } value;

  describe =
    option:
    {
      name = lib.concatStringsSep "." option.loc;
      type = option.type.description;
      inherit (option) description;
    }
    // lib.optionalAttrs (option ? default || option ? defaultText) {
      default = text (option.defaultText or option.default);
    }
    // lib.optionalAttrs (option ? example) { example = text option.example; };

  optionsOf =
    tree:
    if lib.isOption tree then
      lib.optional (!(tree.internal or false)) (describe tree)
    else
      lib.concatMap (name: optionsOf tree.${name}) (builtins.attrNames tree);
in
{
  agent = {
    nixos = optionsOf (nixos { }).options.services.nixfleet-agent;
    home-manager = optionsOf (home { }).options.services.nixfleet-agent;
    nix-darwin = optionsOf (darwin { }).options.services.nixfleet-agent;
  };
  relay.nixos = optionsOf (relay { }).options.services.nixfleet-relay;
}
