{ lib, ... }:
{
  virtualisation.oci-containers.containers.dns = {
    image = "docker.io/zoo/dns:3";
    environment.UPSTREAM = lib.mkDefault "9.9.9.9";
  };
}
