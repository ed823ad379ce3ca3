{ lib }:
{
  inherit (builtins)
    attrNames
    attrValues
    catAttrs
    hasAttr
    intersectAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    zipAttrsWith
    ;

  nameValuePair = name: value: { inherit name value; };
  mapAttrs' = f: set: builtins.listToAttrs (map (name: f name set.${name}) (builtins.attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
  attrsToList = lib.mapAttrsToList lib.nameValuePair;
  filterAttrs =
    predicate: set:
    builtins.removeAttrs set (
      builtins.filter (name: !predicate name set.${name}) (builtins.attrNames set)
    );
  concatMapAttrs = f: set: lib.mergeAttrsList (lib.mapAttrsToList f set);
  mergeAttrsList = builtins.foldl' (a: b: a // b) { };
  genAttrs = names: f: builtins.listToAttrs (map (name: lib.nameValuePair name (f name)) names);
  optionalAttrs = condition: set: if condition then set else { };

  attrByPath =
    path: default: set:
    if path == [ ] then
      set
    else if builtins.isAttrs set && set ? ${builtins.head path} then
      lib.attrByPath (builtins.tail path) default set.${builtins.head path}
    else
      default;
  hasAttrByPath =
    path: set:
    path == [ ]
    || builtins.isAttrs set && set ? ${builtins.head path} && lib.hasAttrByPath (builtins.tail path) set.${builtins.head path};
  getAttrFromPath =
    path: lib.attrByPath path (throw "cannot find attribute `${builtins.concatStringsSep "." path}'");
  setAttrByPath =
    path: value:
    if path == [ ] then value else { ${builtins.head path} = lib.setAttrByPath (builtins.tail path) value; };

  recursiveUpdate =
    a: b:
    a
    // builtins.mapAttrs (
      name: value:
      if a ? ${name} && builtins.isAttrs a.${name} && builtins.isAttrs value then
        lib.recursiveUpdate a.${name} value
      else
        value
    ) b;
}
