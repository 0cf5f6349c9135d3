# hwc-server: media, containers and the workshop's small business stack
{ inputs, ... }:
{
  imports = [
    inputs.agenix.nixosModules.default

    ../../domains/paths.nix
    ../../domains/secrets
    ../../domains/infrastructure/hardware/parts/gpu.nix
    ../../domains/infrastructure/winapps/index.nix
    ../../domains/services/ai/ollama.nix
    ../../domains/server
  ];

  networking.hostName = "hwc-server";
  time.timeZone = "America/Denver";

  boot.loader.systemd-boot.enable = true;
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };

  users.users.eric = {
    isNormalUser = true;
    extraGroups = [ "wheel" "media" "libvirtd" ];
  };
  users.groups.media = { };

  hwc = {
    infrastructure.hardware.gpu = {
      type = "nvidia";
      nvidia.enableMonitoring = true;
    };
    infrastructure.winapps.enable = true;
    services.ai.ollama.enable = true;

    server = {
      business.api = {
        enable = true;
        service.enable = true;
      };
      couchdb.enable = true;
      orchestration.mediaOrchestrator.enable = true;

      containers = {
        gluetun.enable = true;
        radarr.enable = true;
        sonarr.enable = true;
        prowlarr.enable = true;
        lidarr.enable = true;
        sabnzbd.enable = true;
        qbittorrent.enable = true;
        jellyfin.enable = true;
        jellyseerr.enable = true;
        pinchflat = {
          enable = true;
          network.mode = "vpn";
          gpu.enable = true;
        };
        exportarr.enable = true;
        sites.enable = true;
        recyclarr.enable = true;
        homepage.enable = true;
        calendar.enable = true;
        frigate.enable = true;
        zigbee2mqtt.enable = true;
        ci-runner.enable = true;
      };
    };
  };

  system.stateVersion = "24.11";
}
