# The options of virtualisation.oci-containers, with their types and defaults in nixpkgs: those of a current
# release, or only those that a release of 2022 had.
{ current }:
{ config, lib, ... }:
let
  inherit (lib) mkOption types;

  texts = mkOption { type = types.listOf types.str; default = [ ]; };
  strings = mkOption { type = types.attrsOf types.str; default = { }; };
  textOrNull = mkOption { type = types.nullOr types.str; default = null; };
  switch = default: mkOption { type = types.bool; inherit default; };

  container = types.submodule ({ name, ... }: {
    options = {
      autoStart = switch true;
      cmd = texts;
      dependsOn = texts;
      entrypoint = textOrNull;
      environment = strings;
      environmentFiles = mkOption { type = types.listOf types.path; default = [ ]; };
      extraOptions = texts;
      hostname = textOrNull;
      image = mkOption { type = types.str; };
      imageFile = mkOption { type = types.nullOr types.path; default = null; };
      labels = strings;
      log-driver = mkOption { type = types.str; default = "journald"; };
      login = lib.genAttrs [ "passwordFile" "registry" "username" ] (_: textOrNull);
      ports = texts;
      user = textOrNull;
      volumes = texts;
      workdir = textOrNull;
    } // lib.optionalAttrs current {
      autoRemoveOnStop = switch true;
      capabilities = mkOption { type = types.attrsOf (types.nullOr types.bool); default = { }; };
      devices = texts;
      imageStream = mkOption { type = types.nullOr types.package; default = null; };
      networks = texts;
      podman = mkOption {
        type = types.nullOr (types.submodule {
          options = {
            sdnotify = mkOption { type = types.enum [ "conmon" "healthy" "container" ]; default = "conmon"; };
            user = mkOption { type = types.str; default = "root"; };
          };
        });
        default = null;
      };
      preRunExtraOptions = texts;
      privileged = switch false;
      pull = mkOption { type = types.enum [ "always" "missing" "never" "newer" ]; default = "missing"; };
      serviceName = mkOption {
        type = types.str;
        default = "${config.virtualisation.oci-containers.backend}-${name}";
      };
    };
  });
in
{
  options.virtualisation.oci-containers = {
    backend = mkOption { type = types.enum [ "docker" "podman" ]; default = "podman"; };
    containers = mkOption { type = types.attrsOf container; default = { }; };
  };
}
