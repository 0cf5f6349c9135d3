# Ports of a container in gluetun's network: podman refuses them, and they must not get lost in silence
{ ... }:
{
  virtualisation.oci-containers.containers = {
    qbittorrent = {
      image = "lscr.io/linuxserver/qbittorrent:5.0.2";
      extraOptions = [ "--network=container:gluetun" ];
      dependsOn = [ "gluetun" ];
      ports = [ "8080:8080" ];
      environment = { PUID = "1000"; PGID = "1000"; WEBUI_PORT = "8080"; };
      volumes = [ "/srv/qbittorrent:/config" ];
    };
    slskd = {
      image = "docker.io/slskd/slskd:0.22.1";
      user = "1000:1000";
      extraOptions = [ "--network=container:gluetun" ];
      environment.SLSKD_REMOTE_CONFIGURATION = "true";
    };
    gluetun = {
      image = "docker.io/qmcgaw/gluetun:v3.39.1";
      ports = [ "8080:8080" "5030:5030" ];
      capabilities.NET_ADMIN = true;
      devices = [ "/dev/net/tun:/dev/net/tun" ];
      environmentFiles = [ "/run/secrets/gluetun.env" ];
      extraOptions = [ "--network=media-network" ];
    };
  };
}
