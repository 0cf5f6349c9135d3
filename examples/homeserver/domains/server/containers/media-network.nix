# The podman network that the media containers share
{ pkgs, ... }:
{
  virtualisation.podman.enable = true;
  virtualisation.oci-containers.backend = "podman";

  systemd.services.init-media-network = {
    description = "Create the media container network";
    after = [ "network-online.target" ];
    wants = [ "network-online.target" ];
    wantedBy = [ "multi-user.target" ];

    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
    };

    # Root: the network belongs to the system's podman
    script = ''
      if ! ${pkgs.podman}/bin/podman network exists media-network; then
        ${pkgs.podman}/bin/podman network create media-network
      fi
    '';
  };
}
