# mkIf around single values and list elements, and an `if` for the whole container
# with { zoo.paperless = { public = true; ocr = "deu+eng"; }; }
# with { zoo.paperless.public = false; }
{ config, lib, ... }:
let
  cfg = config.zoo.paperless;
in
{
  options.zoo.paperless = {
    public = lib.mkEnableOption "access from outside";
    ocr = lib.mkOption { type = lib.types.nullOr lib.types.str; default = null; };
  };

  config.virtualisation.oci-containers.containers.paperless = {
    image = "ghcr.io/paperless-ngx/paperless-ngx:2.13.5";
    ports = lib.mkIf cfg.public [ "8000:8000" ];
    environment = {
      PAPERLESS_OCR_LANGUAGE = lib.mkIf (cfg.ocr != null) cfg.ocr;
      PAPERLESS_URL = if cfg.public then "https://paper.example.org" else "http://paper.lan";
      USERMAP_UID = "1000";
    };
    labels = lib.mkIf cfg.public { "traefik.enable" = "true"; };
    extraOptions = lib.mkMerge [
      [ "--network=proxy" ]
      (lib.mkIf cfg.public [ "--dns=1.1.1.1" ])
    ];
  };

  config.virtualisation.oci-containers.containers.tika = lib.mkIf (cfg.ocr != null) {
    image = "docker.io/apache/tika:3.0.0.0";
    extraOptions = [ "--network=proxy" ];
  };
}
