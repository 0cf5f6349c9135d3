# A GPU under a condition, another `--device` value than the documented one
# with { zoo.jellyfin = { enable = true; gpu.enable = true; }; }
# with { zoo.jellyfin = { enable = true; }; }
# with { }
{ config, lib, ... }:
let
  cfg = config.zoo.jellyfin;
in
{
  options.zoo.jellyfin = {
    enable = lib.mkEnableOption "Jellyfin";
    gpu.enable = lib.mkEnableOption "decoding by the GPU";
  };

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.jellyfin = {
      image = "docker.io/jellyfin/jellyfin:10.10.3";
      extraOptions =
        [ "--network=media-network" "--memory=4g" "--memory-swap=6g" ]
        ++ lib.optionals cfg.gpu.enable [ "--device=/dev/dri:/dev/dri" ];
      ports = [ "8096:8096" ];
      volumes = [ "/srv/jellyfin:/config" "/srv/media:/media:ro" ];
      environment.JELLYFIN_PublishedServerUrl = "http://tv.lan:8096";
    };
  };
}
