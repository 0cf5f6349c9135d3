# Sonarr: series. Its API key comes from agenix by way of an environment file.
{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.sonarr;
  paths = config.hwc.paths;
  envFile = "/run/sonarr-env/sonarr.env";
in {
  options.hwc.server.containers.sonarr = {
    enable = lib.mkEnableOption "Sonarr series management";
  };

  config = lib.mkIf cfg.enable {
    systemd.services.sonarr-env-setup = {
      description = "Generate the Sonarr environment file";
      before = [ "podman-sonarr.service" ];
      requiredBy = [ "podman-sonarr.service" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
      script = ''
        mkdir -p /run/sonarr-env
        echo "SONARR_API_KEY=$(cat ${config.age.secrets.sonarr-api-key.path})" > ${envFile}
        chmod 600 ${envFile}
      '';
    };

    virtualisation.oci-containers.containers.sonarr = {
      image = "lscr.io/linuxserver/sonarr:4.0.10";
      autoStart = true;
      extraOptions = [ "--network=media-network" ];
      ports = [ "8989:8989" ];
      volumes = [
        "${paths.hot}/containers/sonarr/config:/config"
        "${paths.media}/tv:/tv"
        "${paths.hot}/downloads:/downloads"
      ];
      environmentFiles = [ envFile ];
      environment = {
        PUID = "1000";
        PGID = "100";
        TZ = config.time.timeZone;
      };
    };

    systemd.services."podman-sonarr".after = [ "init-media-network.service" ];
  };
}
