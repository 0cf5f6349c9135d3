{ config, lib, pkgs, ... }:
let
  helpers = import ../_shared { inherit lib pkgs; };
  cfg = config.hwc.server.containers.lidarr;
  paths = config.hwc.paths;
in
{
  options.hwc.server.containers.lidarr.enable = lib.mkEnableOption "Lidarr music management";

  config = lib.mkIf cfg.enable (lib.mkMerge [
    (helpers.mkContainer {
      name = "lidarr";
      image = "lscr.io/linuxserver/lidarr:2.8.2";
      ports = [ "8686:8686" ];
      volumes = [
        "${paths.hot}/containers/lidarr/config:/config"
        "${paths.media}/music:/music"
        "${paths.hot}/downloads:/downloads"
      ];
    })
  ]);
}
