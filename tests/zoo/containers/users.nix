# Users: by option, by number, by a variable of the image's own, and only one of the two
# with { }
# with { zoo.media.uid = 911; zoo.media.gid = 100; }
{ config, lib, ... }:
let
  inherit (config.zoo) media;
  ids = {
    PUID = toString media.uid;
    PGID = toString media.gid;
  };
in
{
  options.zoo.media = {
    uid = lib.mkOption { type = lib.types.int; default = 1000; };
    gid = lib.mkOption { type = lib.types.int; default = 1000; };
  };

  config.virtualisation.oci-containers.containers = {
    user-by-option = {
      image = "lscr.io/linuxserver/sonarr:4.0.11";
      environment = ids // { UMASK = "002"; };
    };
    user-by-expression = {
      image = "lscr.io/linuxserver/sonarr:4.0.11";
      environment.PUID = toString media.uid;
      environment.PGID = "1000";
    };
    user-half = {
      image = "lscr.io/linuxserver/sonarr:4.0.11";
      environment.PUID = "1000";
    };
    user-odd = {
      image = "docker.io/zoo/tool:1";
      environment = { PUID = "0100"; PGID = "users"; };
    };
    user-flag = {
      image = "docker.io/zoo/tool:1";
      extraOptions = [ "--user" "${toString media.uid}:${toString media.gid}" "--userns=keep-id" ];
    };
  };
}
