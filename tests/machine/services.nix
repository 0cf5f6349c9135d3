# The services of one module: their unit files' settings, and the rules of systemd-tmpfiles. A package is a name in
# the store that the machine makes a link of; files that a module writes are written there by nix.
#
#   nix-instantiate --eval --strict --json --read-write-mode --store FOLDER services.nix --argstr file /x/module.nix
{ file, lib ? import ../nix/lib.nix }:
let
  inherit (lib) mkOption types;
  package = name: {
    type = "derivation";
    inherit name;
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
    meta.mainProgram = name;
  };
  bash = package "bash";
  python3 = package "python3";
  pkgs = lib.genAttrs [ "coreutils" "curl" "docker" "findutils" "gawk" "git" "gnugrep" "gnused" "iproute2" "jq" "nodejs" "sqlite" "systemd" "util-linux" ] package // {
    inherit bash python3;
    runtimeShell = "${bash}/bin/bash";
    writeText = builtins.toFile;
    writeShellScript = name: text: builtins.toFile name "#!${bash}/bin/bash\n${text}";
    writers.writePython3 = name: _: text: builtins.toFile name "#!${python3}/bin/python3\n${text}";
  };
  texts = mkOption { type = types.listOf types.str; default = [ ]; };
  code = mkOption { type = types.lines; default = ""; };
  anything = types.attrsOf types.anything;
  free = mkOption { type = anything; default = { }; };
  service = types.submodule {
    freeformType = anything;
    options = {
      environment = mkOption { type = types.attrsOf (types.nullOr types.str); default = { }; };
      path = mkOption { type = types.listOf (types.either types.package types.str); default = [ ]; };
      preStart = code;
      script = code;
      serviceConfig = free;
    };
  };
  inherit (lib.evalModules {
    specialArgs = { inherit pkgs; };
    modules = [
      (/. + file)
      {
        options = {
          networking = free;
          systemd.services = mkOption { type = types.attrsOf service; default = { }; };
          systemd.tmpfiles.rules = texts;
          users = free;
        };
      }
    ];
  }) config;
  # What NixOS makes of a script: a program of its own (nixos/lib/systemd-lib.nix).
  program = name: text: "${builtins.toFile name "#!${bash}/bin/bash\nset -e\n\n${text}\n"}";
  unit = name: service: {
    environment = { PATH = lib.concatMapStringsSep ":" (package: "${package}/bin") (service.path ++ [ pkgs.coreutils pkgs.systemd ]); } // service.environment;
    settings = service.serviceConfig
      // lib.optionalAttrs (service.script != "") { ExecStart = program "unit-script-${name}-start" service.script; }
      // lib.optionalAttrs (service.preStart != "") { ExecStartPre = program "unit-script-${name}-pre-start" service.preStart; };
  };
in
{
  services = builtins.mapAttrs unit config.systemd.services;
  rules = config.systemd.tmpfiles.rules;
}
