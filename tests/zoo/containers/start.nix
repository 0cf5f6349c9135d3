# Whether it starts at boot, by option; a container that is off; one file that returns a set
# with { }
# with { zoo.backup.atBoot = true; }
{ config, lib, ... }: {
  options.zoo.backup.atBoot = lib.mkEnableOption "backups from the start";
  config.virtualisation = {
    podman.enable = true;
    oci-containers.containers = {
      restic = {
        image = "docker.io/mazzolino/restic:1.8.0";
        autoStart = config.zoo.backup.atBoot;
        environment.BACKUP_CRON = "0 30 3 * * *";
        volumes = [ "/srv:/data:ro" ];
      };
      rclone = lib.mkIf config.zoo.backup.atBoot {
        image = "docker.io/rclone/rclone:1.68.2";
        autoStart = false;
        cmd = [ "sync" "/data" "remote:" ];
      };
      # watchtower = { image = "docker.io/containrrr/watchtower:1.7.1"; };
    };
  };
}
