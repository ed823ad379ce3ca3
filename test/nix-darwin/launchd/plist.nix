# A job as the property list that launchd reads, as `lib.generators.toPlist { escape = true; }` of nixpkgs writes it.
{ lib }:
let
  element =
    indent: value:
    if builtins.isBool value then
      "${indent}<${if value then "true" else "false"}/>"
    else if builtins.isInt value then
      "${indent}<integer>${toString value}</integer>"
    else if builtins.isString value || builtins.isPath value then
      "${indent}<string>${lib.escapeXML (toString value)}</string>"
    else if builtins.isList value then
      "${indent}<array>\n${lib.concatMapStringsSep "\n" (element "${indent}\t") value}\n${indent}</array>"
    else if builtins.isAttrs value then
      "${indent}<dict>\n${
        lib.concatStringsSep "\n" (
          lib.mapAttrsToList (
            name: each: "${indent}\t<key>${lib.escapeXML name}</key>\n${element "${indent}\t" each}"
          ) (lib.filterAttrs (_: each: each != null) value)
        )
      }\n${indent}</dict>"
    else
      throw "a property list cannot hold a ${builtins.typeOf value}";
in
job: ''
  <?xml version="1.0" encoding="UTF-8"?>
  <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
  <plist version="1.0">
  ${element "" job}
  </plist>
''
