# docker as the backend, and a unit that has more than an order
{ pkgs, ... }:
{
  virtualisation.oci-containers.backend = "docker";

  virtualisation.oci-containers.containers.unifi = {
    image = "lscr.io/linuxserver/unifi-network-application:8.6.9";
    environment = {
      PUID = "998";
      PGID = "998";
      MEM_LIMIT = "1024";
      MONGO_HOST = "unifi-db";
    };
    ports = [ "8443:8443" "3478:3478/udp" ];
    extraOptions = [ "--net=unifi" "--memory=1536m" ];
    dependsOn = [ "unifi-db" ];
  };

  virtualisation.oci-containers.containers.unifi-db = {
    image = "docker.io/library/mongo:7.0";
    volumes = [ "/srv/unifi/db:/data/db" "${./init-mongo.js}:/docker-entrypoint-initdb.d/init.js:ro" ];
    extraOptions = [ "--net=unifi" ];
  };

  systemd.services.docker-unifi-db = {
    preStart = "${pkgs.docker}/bin/docker network create unifi || true";
    unitConfig.RequiresMountsFor = "/srv/unifi";
    serviceConfig.TimeoutStopSec = 60;
  };
}
