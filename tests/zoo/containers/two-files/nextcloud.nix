{ ... }:
{
  virtualisation.oci-containers.containers.nextcloud = {
    image = "docker.io/library/nextcloud:30.0.2-apache";
    ports = [ "8080:80" ];
    volumes = [ "/srv/nextcloud:/var/www/html" ];
  };
}
