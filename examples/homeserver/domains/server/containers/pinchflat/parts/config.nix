{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.pinchflat;
  paths = config.hwc.paths;
in
{
  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.pinchflat = {
      image = cfg.image;
      autoStart = true;
      extraOptions = [ "--memory=1g" ]
        ++ (if cfg.network.mode == "vpn"
            then [ "--network=container:gluetun" ]
            else [ "--network=media-network" ])
        ++ lib.optionals cfg.gpu.enable [ "--device=/dev/dri:/dev/dri" ];
      dependsOn = lib.optionals (cfg.network.mode == "vpn") [ "gluetun" ];
      ports = lib.optionals (cfg.network.mode != "vpn") [ "8945:8945" ];
      volumes = [
        "${paths.hot}/containers/pinchflat:/config"
        "${paths.media}/channels:/downloads"
      ];
      environment.TZ = config.time.timeZone;
    };

    systemd.services.podman-pinchflat = {
      after = if cfg.network.mode == "vpn"
        then [ "podman-gluetun.service" ]
        else [ "init-media-network.service" ];
      serviceConfig.TimeoutStopSec = lib.mkForce 30;
    };
  };
}
