# What the shipped modules make of a configuration, as plain data.
#
#   nix-instantiate --eval --strict --json shipped.nix --argstr shipped …/codemods/modules \
#     --arg modules '[ { services.hwc.monitor.x = …; } ]'
{ shipped, modules, current ? true, lib ? import ./lib.nix }:
let
  # Nothing is built: a package is a store path that depends on its name and its text alone.
  built = name: text: {
    type = "derivation";
    inherit name text;
    outPath = "/nix/store/${builtins.substring 0 32 (builtins.hashString "sha256" text)}-${name}";
  };
  package = name: built name name;
  pkgs = lib.genAttrs [ "curl" "libvirt" "netcat" "openssh" ] package // { writeShellScript = built; };

  inherit (lib) mkOption types;
  anything = types.attrsOf types.anything;
  texts = mkOption { type = types.listOf types.str; default = [ ]; };
  unit = lib.genAttrs [ "after" "before" "bindsTo" "onFailure" "partOf" "requires" "wantedBy" "wants" ] (_: texts) // {
    description = mkOption { type = types.str; default = ""; };
  };
  service = types.submodule {
    options = unit // {
      environment = mkOption { type = types.attrsOf (types.nullOr types.str); default = { }; };
      path = mkOption { type = types.listOf (types.either types.package types.str); default = [ ]; };
      preStart = mkOption { type = types.lines; default = ""; };
      script = mkOption { type = types.lines; default = ""; };
      serviceConfig = mkOption { type = anything; default = { }; };
    };
  };
  timer = types.submodule {
    options = unit // { timerConfig = mkOption { type = anything; default = { }; }; };
  };
  secret = folder: types.submodule ({ name, ... }: {
    options.path = mkOption { type = types.str; default = "/run/${folder}/${name}"; };
  });

  host = {
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

  inherit (lib.evalModules {
    specialArgs = { inherit pkgs; };
    modules = [ host (/. + "${shipped}/hwc-container.nix") (/. + "${shipped}/hwc-monitor.nix") ] ++ modules;
  }) config;
in
{
  inherit (config) warnings;
  inherit (config.virtualisation.oci-containers) containers;
  inherit (config.systemd) services timers;
  failed = map (entry: entry.message) (lib.filter (entry: !entry.assertion) config.assertions);
  scripts = builtins.mapAttrs (_: service: service.serviceConfig.ExecStart.text or service.script) config.systemd.services;
}
