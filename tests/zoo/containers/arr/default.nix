# A helper in another file, reached through a re-export, with defaults, a `let` and a `rec` around it
# with { zoo.arr.enable = true; }
# with { zoo.arr = { enable = true; mode = "vpn"; gpu = true; memory = "3g"; }; time.timeZone = "Asia/Seoul"; }
{ config, lib, pkgs, ... }:
let
  cfg = config.zoo.arr;
  helpers = import ../arr/shared/x.nix { inherit lib pkgs; };
in
{
  options.zoo.arr = {
    enable = lib.mkEnableOption "the downloaders";
    mode = lib.mkOption { type = lib.types.str; default = "media"; };
    gpu = lib.mkEnableOption "a GPU";
    memory = lib.mkOption { type = lib.types.str; default = "1g"; };
    lidarr.image = lib.mkOption { type = lib.types.str; default = "lscr.io/linuxserver/lidarr:2.8.2"; };
  };

  config = lib.mkIf cfg.enable (lib.mkMerge [
    # Plain values
    (helpers.mkContainer {
      name = "prowlarr";
      image = "lscr.io/linuxserver/prowlarr:1.28.2";
      ports = [ "9696:9696" ];
    })

    # Expressions as arguments
    (helpers.mkContainer {
      name = "lidarr";
      image = cfg.lidarr.image;
      networkMode = cfg.mode;
      gpuEnable = cfg.gpu;
      memory = cfg.memory;
      timeZone = config.time.timeZone;
      volumes = [ "/srv/lidarr:/config" "/srv/music:/music" ];
      environment = { DOCKER_MODS = "ghcr.io/zoo/mod:lidarr-extended"; };
    })
  ]);
}
