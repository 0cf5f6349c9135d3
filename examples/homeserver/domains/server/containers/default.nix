# Every container of the host; each has a switch of its own
{
  imports = [
    ./media-network.nix

    ./gluetun/index.nix
    ./radarr/index.nix
    ./sonarr/index.nix
    ./prowlarr/index.nix
    ./lidarr/index.nix
    ./sabnzbd/index.nix
    ./qbittorrent/index.nix
    ./jellyfin/index.nix
    ./jellyseerr/index.nix
    ./pinchflat/index.nix
    ./exportarr/index.nix
    ./sites/index.nix
    ./recyclarr/index.nix
    ./homepage/index.nix
    ./calendar/index.nix
    ./frigate/index.nix
    ./zigbee2mqtt/index.nix
    ./ci-runner/index.nix
  ];
}
