# Four times a second
# refused interval-below-one-second
{ ... }:
{
  systemd.services.button-monitor = {
    description = "The button is held";
    wantedBy = [ "multi-user.target" ];
    script = ''
      while true; do
        [ "$(cat /sys/class/gpio/gpio17/value)" = 0 ] && echo "held"
        sleep 0.25
      done
    '';
  };
}
