# CouchDB: note synchronization for the phones, with a check that it still answers
{ config, lib, pkgs, ... }:

with lib;

let
  cfg = config.hwc.server.couchdb;
in
{
  options.hwc.server.couchdb = {
    enable = mkEnableOption "CouchDB";

    port = mkOption {
      type = types.port;
      default = 5984;
      description = "Port on the loopback interface";
    };
  };

  config = mkIf cfg.enable {
    # The admin account stands in /var/lib/couchdb/local.ini, written by hand
    services.couchdb = {
      enable = true;
      bindAddress = "127.0.0.1";
      port = cfg.port;
    };

    systemd.services.couchdb-health-monitor = {
      description = "CouchDB health check";
      after = [ "couchdb.service" ];
      wantedBy = [ "multi-user.target" ];
      path = [ pkgs.curl ];

      script = ''
        set -u
        url=http://127.0.0.1:${toString cfg.port}/_up

        while true; do
          if ! curl --fail --silent --max-time 10 "$url" > /dev/null; then
            echo "couchdb does not answer at $url" >&2
          fi
          sleep 300
        done
      '';

      serviceConfig = {
        Restart = "always";
        RestartSec = 10;
      };
    };
  };
}
