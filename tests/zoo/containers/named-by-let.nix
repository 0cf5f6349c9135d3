# A name that is bound above, used in the unit, too
{ ... }:
let
  name = "syncthing";
  port = 8384;
in
{
  virtualisation.oci-containers.containers.${name} = {
    image = "docker.io/syncthing/syncthing:1.28.1";
    hostname = name;
    ports = [ "${toString port}:8384" "22000:22000/tcp" "22000:22000/udp" ];
    volumes = [ "/srv/${name}:/var/syncthing" ];
    environment = { PUID = "1000"; PGID = "1000"; };
  };

  systemd.services."podman-${name}".serviceConfig.Slice = "files.slice";
}
