{ lib, ... }:
{
  virtualisation.oci-containers.containers.nextcloud = {
    ports = lib.mkForce [ "127.0.0.1:8080:80" ];
    environment.PHP_MEMORY_LIMIT = "1G";
  };
}
