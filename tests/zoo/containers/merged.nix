# mkMerge of sets, each under its own condition
# with { zoo.books = { calibre = true; shelf = true; }; }
# with { zoo.books.shelf = true; }
# with { }
{ config, lib, ... }:
let
  cfg = config.zoo.books;
in
{
  options.zoo.books = {
    calibre = lib.mkEnableOption "Calibre";
    shelf = lib.mkEnableOption "Audiobookshelf";
  };

  config = lib.mkMerge [
    { virtualisation.oci-containers.backend = "podman"; }

    (lib.mkIf cfg.calibre {
      virtualisation.oci-containers.containers.calibre = {
        image = "lscr.io/linuxserver/calibre-web:0.6.24";
        ports = [ "8083:8083" ];
        environment = { PUID = "1001"; PGID = "100"; TZ = "Europe/Rome"; };
        volumes = [ "/srv/calibre:/config" "/srv/books:/books" ];
      };
    })

    (lib.mkIf (cfg.shelf && !cfg.calibre) {
      virtualisation.oci-containers.containers.audiobookshelf = {
        image = "ghcr.io/advplyr/audiobookshelf:2.17.5";
        ports = [ "13378:80" ];
        volumes = [ "/srv/books:/audiobooks" ];
        extraOptions = [ "--pids-limit=100" ];
      };
    })
  ];
}
