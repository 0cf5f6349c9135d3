{ config, lib, ... }:
let
  cfg = config.zoo.pinchflat;
in
{
  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.pinchflat = {
      image = cfg.image;
      autoStart = true;
      extraOptions =
        [ "--memory=1g" "--memory-swap=2g" ]
        ++ (if cfg.network.mode == "vpn"
            then [ "--network=container:gluetun" ]
            else [ "--network=media-network" ])
        ++ lib.optionals cfg.gpu.enable [ "--device=/dev/dri:/dev/dri" ];
      dependsOn = if cfg.network.mode == "vpn" then [ "gluetun" ] else [ ];
      ports = lib.optionals (cfg.network.mode != "vpn") [ "8945:8945" ];
      volumes = [ "/srv/pinchflat:/config" ];
      environment.TZ = "Etc/UTC";
    };

    systemd.services.podman-pinchflat = {
      after =
        if cfg.network.mode == "vpn"
        then [ "podman-gluetun.service" ]
        else [ "init-media-network.service" ];
      wants = if cfg.network.mode == "vpn" then [ "podman-gluetun.service" ] else [ ];
    };
  };
}
