# A loop that has a timer already
# refused timer-exists
{ pkgs, ... }:
{
  systemd.services.mail-queue-monitor = {
    description = "The queue is short";
    script = ''
      while true; do
        [ "$(${pkgs.postfix}/bin/postqueue -j | wc -l)" -lt 50 ] || echo "the queue is long"
        sleep 300
      done
    '';
  };
  systemd.timers.mail-queue-monitor = {
    wantedBy = [ "timers.target" ];
    timerConfig.OnBootSec = "1min";
  };
}
