{ config, lib, ... }:
let
  cfg = config.hwc.services.ai.ollama;
in
{
  options.hwc.services.ai.ollama.enable = lib.mkEnableOption "local language models";

  config = lib.mkIf cfg.enable {
    services.ollama = {
      enable = true;
      host = "127.0.0.1";
    };
  };
}
