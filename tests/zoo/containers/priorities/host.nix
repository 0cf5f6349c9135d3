{ lib, ... }:
{
  virtualisation.oci-containers.containers.dns = {
    ports = lib.mkDefault [ "53:53/udp" ];
    environment.UPSTREAM = "1.1.1.1";
  };
}
