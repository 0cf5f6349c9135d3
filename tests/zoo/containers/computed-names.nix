# Names and images that only an option knows
# refused name-not-literal
# with { zoo.mirrors = { }; }
# with { zoo.mirrors = { deb = "docker.io/zoo/mirror:1"; rpm = "docker.io/zoo/mirror:2"; }; }
{ config, lib, ... }:
{
  options.zoo.mirrors = lib.mkOption {
    type = lib.types.attrsOf lib.types.str;
    default = { };
  };

  config.virtualisation.oci-containers.containers = lib.mapAttrs (name: image: {
    inherit image;
    volumes = [ "/srv/mirrors/${name}:/data" ];
  }) config.zoo.mirrors;
}
