# The options of NixOS, agenix and sops-nix that containers and health checks are written with, and a `pkgs` in
# which nothing is built: a package is a store path that depends on its name and its text alone.
{ lib, current ? true, packages ? [ ] }:
let
  inherit (lib) mkOption types;

  built = name: text: {
    type = "derivation";
    inherit name text;
    outPath = "/nix/store/${builtins.substring 0 32 (builtins.hashString "sha256" text)}-${name}";
  };

  anything = types.attrsOf types.anything;
  texts = mkOption { type = types.listOf types.str; default = [ ]; };
  code = mkOption { type = types.lines; default = ""; };

  unit = lib.genAttrs [ "after" "before" "bindsTo" "onFailure" "partOf" "requires" "wantedBy" "wants" ] (_: texts) // {
    description = mkOption { type = types.str; default = ""; };
  };
  service = types.submodule {
    freeformType = anything;
    options = unit // {
      environment = mkOption { type = types.attrsOf (types.nullOr types.str); default = { }; };
      path = mkOption { type = types.listOf (types.either types.package types.str); default = [ ]; };
      preStart = code;
      script = code;
      serviceConfig = mkOption { type = anything; default = { }; };
    };
  };
  timer = types.submodule {
    freeformType = anything;
    options = unit // { timerConfig = mkOption { type = anything; default = { }; }; };
  };
  secret = folder: types.submodule ({ name, ... }: {
    freeformType = anything;
    options.path = mkOption { type = types.str; default = "/run/${folder}/${name}"; };
  });
  # Paths and packages as strings: nothing is to be copied.
  plain = value:
    if builtins.isPath value then toString value
    else if builtins.isList value then map plain value
    else if builtins.isAttrs value then value.outPath or (builtins.mapAttrs (_: plain) value)
    else value;
in
{
  pkgs = lib.genAttrs packages (name: built name name // { meta.mainProgram = name; }) // {
    writeShellScript = built;
    writeText = built;
  };

  module = {
    imports = [ (import ./oci.nix { inherit current; }) ];
    options = {
      age.secrets = mkOption { type = types.attrsOf (secret "agenix"); default = { }; };
      assertions = mkOption { type = types.listOf types.unspecified; default = [ ]; };
      sops.secrets = mkOption { type = types.attrsOf (secret "secrets"); default = { }; };
      systemd.services = mkOption { type = types.attrsOf service; default = { }; };
      systemd.timers = mkOption { type = types.attrsOf timer; default = { }; };
      time.timeZone = mkOption { type = types.nullOr types.str; default = null; };
      warnings = texts;
    };
  };

  # What a configuration comes to, as plain data.
  facts = config: plain {
    inherit (config) warnings;
    inherit (config.virtualisation.oci-containers) backend containers;
    inherit (config.systemd) services timers;
    failed = map (entry: entry.message) (lib.filter (entry: !entry.assertion) config.assertions);
    scripts = builtins.mapAttrs (_: service: service.serviceConfig.ExecStart.text or service.script) config.systemd.services;
  };
}
