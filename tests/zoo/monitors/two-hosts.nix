# Two checks by one function: what it gives serves both
# refused shared-definition
{ lib, pkgs, ... }:
let
  ping = host: {
    description = "${host} is there";
    serviceConfig.Type = "oneshot";
    script = "${pkgs.iputils}/bin/ping -c 1 ${host}";
  };
  every = time: {
    wantedBy = [ "timers.target" ];
    timerConfig.OnCalendar = time;
  };
in
{
  systemd.services = { ping-nas = ping "nas.lan"; ping-gate = ping "gate.lan"; };
  systemd.timers = lib.genAttrs [ "ping-nas" "ping-gate" ] (_: every "minutely");
}
