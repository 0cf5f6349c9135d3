# OnBootSec and OnUnitActiveSec, a random delay, all below one set
{ pkgs, ... }:
{
  systemd = {
    services = {
      ups-monitor = {
        description = "Battery of the UPS";
        after = [ "upsd.service" ];
        serviceConfig = {
          Type = "oneshot";
          DynamicUser = true;
          ExecStart = "${pkgs.nut}/bin/upsc ups@localhost battery.charge";
        };
      };
    };
    timers.ups-monitor = {
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = "5min";
        OnUnitActiveSec = "1min";
        RandomizedDelaySec = "10s";
        Unit = "ups-monitor.service";
      };
    };
  };
}
