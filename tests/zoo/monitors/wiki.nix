# A script in ExecStart that comes to a verdict, with a oneshot and a timer in nested sets
{ pkgs, ... }:
{
  systemd = {
    services.wiki-probe = {
      description = "The wiki answers";
      after = [ "nginx.service" ];
      requires = [ "nginx.service" ];
      onFailure = [ "tell-somebody.service" ];
      environment.WIKI = "http://127.0.0.1:8080";
      serviceConfig = {
        Type = "oneshot";
        DynamicUser = true;
        ExecStart = pkgs.writeShellScript "wiki-probe" ''
          set -eu
          ${pkgs.curl}/bin/curl -fsS "$WIKI" > /dev/null || exit 1
        '';
      };
    };
    timers.wiki-probe = {
      wantedBy = [ "timers.target" ];
      timerConfig.OnCalendar = "*:0/5";
    };
  };
}
