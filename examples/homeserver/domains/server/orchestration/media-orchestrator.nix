# Media orchestrator: tells the *arr applications that a download is ready.
#
# The program lives in workspace/automation; the install unit puts it where the
# service runs it from, so that it can be edited there while trying things out.
{ config, lib, pkgs, ... }:
let
  cfg = config.hwc.server.orchestration.mediaOrchestrator;
  paths = config.hwc.paths;

  # Standard library only
  pythonEnv = pkgs.python3.withPackages (_: [ ]);
  program = ../../../workspace/automation/media-orchestrator.py;
in {
  options.hwc.server.orchestration.mediaOrchestrator = {
    enable = lib.mkEnableOption "event-driven *arr nudging";

    arrServices = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [
        "podman-radarr.service"
        "podman-sonarr.service"
        "podman-lidarr.service"
        "podman-prowlarr.service"
      ];
      description = "Units that should be up before the first nudge";
    };
  };

  config = lib.mkIf cfg.enable {
    # Download clients append their events here
    systemd.tmpfiles.rules = [
      "d ${paths.hot}/events 0775 root media -"
    ];

    systemd.services.media-orchestrator-install = {
      description = "Install the media orchestrator program";
      before = [ "media-orchestrator.service" ];
      wantedBy = [ "multi-user.target" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
      script = ''
        mkdir -p /var/lib/hwc/media-orchestrator
        install -m 0755 ${program} /var/lib/hwc/media-orchestrator/orchestrator.py

        # systemd looks for the environment file before preStart fills it
        if [ ! -e /var/lib/hwc/media-orchestrator/.env ]; then
          install -m 0600 /dev/null /var/lib/hwc/media-orchestrator/.env
        fi
      '';
    };

    systemd.services.media-orchestrator = {
      description = "Event-driven *Arr nudger (no file moves)";
      after = [
        "agenix.service"
        "network-online.target"
        "media-orchestrator-install.service"
      ] ++ cfg.arrServices;

      serviceConfig = {
        Type = "simple";
        User = "root";
        Restart = "always";
        RestartSec = "3s";
        ExecStart = "${pythonEnv}/bin/python /var/lib/hwc/media-orchestrator/orchestrator.py";
      };

      preStart = ''
        # Create environment file with *arr API keys from agenix
        cat > /var/lib/hwc/media-orchestrator/.env <<EOF
RADARR_API_KEY=$(cat ${config.age.secrets.radarr-api-key.path})
SONARR_API_KEY=$(cat ${config.age.secrets.sonarr-api-key.path})
LIDARR_API_KEY=$(cat ${config.age.secrets.lidarr-api-key.path})
PROWLARR_API_KEY=$(cat ${config.age.secrets.prowlarr-api-key.path})
EOF
        chmod 600 /var/lib/hwc/media-orchestrator/.env
      '';
    };

    # How the program gets the keys that preStart has written
    systemd.services.media-orchestrator.serviceConfig.EnvironmentFile = "/var/lib/hwc/media-orchestrator/.env";
    systemd.services.media-orchestrator.environment.EVENTS_FILE = "${paths.hot}/events/downloads.ndjson";
    systemd.services.media-orchestrator.wantedBy = [ "multi-user.target" ];
  };
}
