# A oneshot with a timer by the calendar
{ pkgs, ... }:
{
  systemd.services.disk-space = {
    description = "Enough room on /srv";
    serviceConfig = {
      Type = "oneshot";
      User = "nobody";
    };
    script = ''
      used=$(${pkgs.coreutils}/bin/df --output=pcent /srv | tail -n 1 | tr -dc 0-9)
      if [ "$used" -gt 90 ]; then
        echo "/srv is $used % full"
        exit 1
      fi
    '';
    onFailure = [ "mail-admin@%n.service" ];
  };

  systemd.timers.disk-space = {
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnCalendar = "*:0/15";
      Persistent = true;
    };
  };
}
