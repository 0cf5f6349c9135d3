# The options of NixOS, agenix and podman that the example sets: declared with their real types where the
# tests look at them, as anything elsewhere.
{ lib, ... }:
let
  inherit (lib) mkOption types;

  text = mkOption { type = types.str; };
  texts = mkOption { type = types.listOf types.str; default = [ ]; };
  anything = types.attrsOf types.anything;
  free = mkOption { type = anything; default = { }; };
  code = mkOption { type = types.lines; default = ""; };

  unit = {
    description = mkOption { type = types.str; default = ""; };
  } // lib.genAttrs [ "after" "before" "bindsTo" "partOf" "requiredBy" "requires" "wantedBy" "wants" ] (_: texts);

  service = types.submodule {
    freeformType = anything;
    options = unit // {
      script = code;
      preStart = code;
      postStart = code;
      environment = mkOption { type = types.attrsOf (types.nullOr types.str); default = { }; };
      serviceConfig = free;
    };
  };

  timer = types.submodule {
    freeformType = anything;
    options = unit // { timerConfig = free; };
  };

  secret = types.submodule ({ name, ... }: {
    options = {
      file = mkOption { type = types.path; };
      mode = mkOption { type = types.str; default = "0400"; };
      owner = mkOption { type = types.str; default = "0"; };
      path = mkOption { type = types.str; default = "/run/agenix/${name}"; };
    };
  });
in
{
  imports = [ (import ./oci.nix { current = true; }) ];

  options = {
    age.identityPaths = texts;
    age.secrets = mkOption { type = types.attrsOf secret; default = { }; };
    assertions = mkOption { type = types.listOf types.unspecified; default = [ ]; };
    boot.blacklistedKernelModules = texts;
    boot.kernelModules = texts;
    boot.kernelPackages = mkOption { type = types.unspecified; };
    boot.loader = free;
    environment.sessionVariables = free;
    environment.systemPackages = mkOption { type = types.listOf types.package; default = [ ]; };
    fileSystems = free;
    hardware = free;
    networking = free;
    services = lib.genAttrs [ "couchdb" "nginx" "ollama" "postgresql" "redis" "xserver" ] (_: free);
    system = free;
    systemd.services = mkOption { type = types.attrsOf service; default = { }; };
    systemd.timers = mkOption { type = types.attrsOf timer; default = { }; };
    systemd.tmpfiles.rules = texts;
    time.timeZone = mkOption { type = types.nullOr types.str; default = null; };
    users = free;
    virtualisation.libvirtd = free;
    virtualisation.podman = free;
    warnings = texts;
  };
}
