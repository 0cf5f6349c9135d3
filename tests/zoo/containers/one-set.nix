# Two containers that are one set, and one of them under a condition
# with { zoo.far = false; }
# with { zoo.far = true; }
{ config, lib, ... }:
let
  cache = {
    image = "docker.io/library/redis:7.4";
    cmd = [ "redis-server" "--save" "" ];
    extraOptions = [ "--network=media-network" "--memory=256m" "--read-only" ];
    environment.TZ = "UTC";
  };
in
{
  options.zoo.far = lib.mkEnableOption "a second cache";

  config.virtualisation.oci-containers.containers = {
    near = cache;
    far = lib.mkIf config.zoo.far cache;
  };
}
