# A nested set, an option read through `cfg`, and a flag in two elements
# with { zoo.vaultwarden.enable = true; }
# with { zoo.vaultwarden = { enable = true; signups = true; }; time.timeZone = "Europe/Lisbon"; }
# with { }
{ config, lib, ... }:
let
  cfg = config.zoo.vaultwarden;
in
{
  options.zoo.vaultwarden = {
    enable = lib.mkEnableOption "Vaultwarden";
    signups = lib.mkOption {
      type = lib.types.bool;
      default = false;
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers = {
      backend = "podman";
      containers = {
        vaultwarden = {
          image = "docker.io/vaultwarden/server:1.32.7";
          ports = [ "127.0.0.1:8222:80" ];
          volumes = [ "/srv/vaultwarden:/data" ];
          environment.SIGNUPS_ALLOWED = lib.boolToString cfg.signups;
          extraOptions = [ "--memory" "512m" ];
        };
      };
    };
  };
}
