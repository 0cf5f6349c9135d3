# A oneshot with a timer that counts from the last run's end
{ pkgs, ... }:
{
  systemd.services.raid-health = {
    description = "RAID is whole";
    serviceConfig.Type = "oneshot";
    script = ''
      if ${pkgs.gnugrep}/bin/grep -q '_' /proc/mdstat; then
        echo "a disk is missing"
        exit 1
      fi
    '';
  };
  systemd.timers.raid-health = {
    description = "Look at the RAID";
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnActiveSec = "2min";
      OnUnitInactiveSec = "10min";
      AccuracySec = "30s";
    };
  };
}
