# optionalAttrs around a container, and around parts of another
# with { zoo.chat = { enable = true; proxy = "http://proxy.lan:3128"; }; }
# with { zoo.chat.enable = true; }
# with { }
{ config, lib, ... }:
let
  inherit (config.zoo) chat;
in
{
  options.zoo.chat = {
    enable = lib.mkEnableOption "chat";
    proxy = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = null;
    };
  };

  config = {
    virtualisation.oci-containers.containers = lib.optionalAttrs chat.enable {
      lobe-chat = {
        image = "docker.io/lobehub/lobe-chat:v1.36.0";
        ports = [ "3210:3210" ];
        environment = {
          ACCESS_CODE_FILE = "/code";
        }
        // lib.optionalAttrs (chat.proxy != null) {
          HTTP_PROXY = chat.proxy;
          HTTPS_PROXY = chat.proxy;
        };
        volumes = [ "/run/keys/lobe:/code:ro" ];
      };
    };
  };
}
