# `with lib`, and priorities on single values
# with { }
# with { zoo.gitea.memory = "512m"; }
{ config, lib, ... }:
with lib;
let
  cfg = config.zoo.gitea;
in
{
  options.zoo.gitea.memory = mkOption {
    type = types.str;
    default = "1g";
  };

  config.virtualisation.oci-containers.containers.gitea = {
    image = mkDefault "docker.io/gitea/gitea:1.22.6";
    autoStart = mkForce true;
    ports = mkBefore [ "3000:3000" "2222:22" ];
    environment = mkMerge [
      { USER_UID = "1000"; USER_GID = "1000"; }
      (mkIf (cfg.memory != "1g") { GOMEMLIMIT = "400MiB"; })
    ];
    extraOptions = [ "--memory=${cfg.memory}" ] ++ optionals (cfg.memory == "512m") [ "--memory-swap=1g" ];
  };
}
