{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.calendar;
  root = "${config.hwc.paths.hot}/containers/calendar";
in
{
  options.hwc.server.containers.calendar.enable = lib.mkEnableOption "the family calendar";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.calendar = {
      # Built at home, pushed to the registry in the basement
      image = "registry.home.arpa:5000/family/calendar:2.3.1";
      login = {
        registry = "registry.home.arpa:5000";
        username = "hwc-server";
        passwordFile = "/etc/nixos/registry-password";
      };
      ports = [ "8093:8080/tcp" ];
      volumes = [
        "${root}/data:/data"
        "calendar-cache:/cache"
        "/etc/localtime:/etc/localtime:ro"
      ];
      extraOptions = [
        "--network=media-network"
        "--memory=256m"
        "--read-only"
      ];
    };
  };
}
