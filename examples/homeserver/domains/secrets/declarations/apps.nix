# Secrets of applications. The encrypted files are kept out of the example.
{ ... }:
{
  # API keys of the *arr family
  age.secrets.radarr-api-key = {
    file = ../secrets/radarr-api-key.age;
    mode = "400";
  };
  age.secrets.sonarr-api-key = {
    file = ../secrets/sonarr-api-key.age;
    mode = "400";
  };
  age.secrets.lidarr-api-key = {
    file = ../secrets/lidarr-api-key.age;
    mode = "400";
  };
  age.secrets.prowlarr-api-key = {
    file = ../secrets/prowlarr-api-key.age;
    mode = "400";
  };

  # VPN account that gluetun logs in with
  age.secrets.vpn-username = {
    file = ../secrets/vpn-username.age;
    mode = "400";
  };
  age.secrets.vpn-password = {
    file = ../secrets/vpn-password.age;
    mode = "400";
  };

  # KEY=VALUE file with the cameras' RTSP password
  age.secrets.frigate-env = {
    file = ../secrets/frigate-env.age;
    mode = "400";
  };

  # Shared token of the receipt webhook
  age.secrets.business-webhook-token = {
    file = ../secrets/business-webhook-token.age;
    mode = "400";
  };
}
