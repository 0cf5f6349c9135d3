# A here-document at the margin, `for ((;;))`, and a constant above the loop
{ pkgs, ... }:
{
  systemd.services.temperature-watch = {
    description = "Warn when it gets hot";
    wantedBy = [ "multi-user.target" ];
    path = with pkgs; [ lm_sensors gawk ];
    script = ''
      limit=85
      for ((;;)); do
        now=$(sensors -u | awk '/temp1_input/ { print int($2); exit }')
        if [ "$now" -gt "$limit" ]; then
          cat <<EOT
It is hot in here: $now degrees.
  The limit is $limit.
EOT
        fi
        sleep 2m
      done
    '';
  };
}
