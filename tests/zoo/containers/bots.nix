# A local function of two arguments, and a set that is put on top of what it gives
{ ... }:
let
  mkBot = name: token: {
    image = "ghcr.io/zoo/bot:4.1";
    environment = {
      BOT_NAME = name;
      BOT_TOKEN_FILE = token;
    };
    volumes = [ "${token}:${token}:ro" ];
    extraOptions = [ "--network=bots" "--read-only" ];
  };
in
{
  virtualisation.oci-containers.containers = {
    bot-weather = mkBot "weather" "/run/keys/weather";
    bot-trains = mkBot "trains" "/run/keys/trains" // {
      cmd = [ "--verbose" ];
      autoStart = false;
    };
  };
}
