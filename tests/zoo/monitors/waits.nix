# It waits until something is true, and then ends
# refused loop-waits-for-condition
{ pkgs, ... }:
{
  systemd.services.database-health = {
    description = "The database has come up";
    wantedBy = [ "multi-user.target" ];
    serviceConfig.Type = "oneshot";
    script = ''
      until ${pkgs.postgresql}/bin/pg_isready -q; do
        sleep 1
      done
    '';
  };
}
