# Business API of the workshop: estimates, receipts and job documents
#
# The API itself is a FastAPI program that is checked out below paths.business.api.
# This module brings its database, its cache, the directories it writes to, the
# receipt webhook, a reverse proxy in front of both and a nightly dump.
{ config, lib, pkgs, ... }:

with lib;

let
  cfg = config.hwc.server.business.api;
  paths = config.hwc.paths;

  databaseName = "heartwood_business";
  databaseUser = "business_user";

  # Hook definitions of the receipt intake; the token is filled in at start
  webhookRules = pkgs.writeText "receipt-hooks.yaml" ''
    - id: receipt
      execute-command: ${storeReceipt}
      http-methods: [ POST ]
      pass-arguments-to-command:
        - source: payload
          name: document
      trigger-rule:
        match:
          type: value
          value: '{{ getenv "WEBHOOK_TOKEN" }}'
          parameter:
            source: header
            name: X-Token
  '';

  storeReceipt = pkgs.writeShellScript "store-receipt" ''
    set -euo pipefail
    target=$(mktemp "$STATE_DIRECTORY/receipt-XXXXXXXX.json")
    printf '%s\n' "$1" > "$target"
  '';
in
{
  options.hwc.server.business.api = {
    enable = mkEnableOption "business API with its database and cache";

    hostName = mkOption {
      type = types.str;
      default = "business.home.arpa";
      description = "Name under which the reverse proxy serves the API";
    };

    service = {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = "Define the API's unit (needs a checkout in workingDirectory)";
      };

      autoStart = mkOption {
        type = types.bool;
        default = false;
        description = "Start the API at boot instead of by hand";
      };

      user = mkOption {
        type = types.str;
        default = "eric";
        description = "User that runs the API";
      };

      workingDirectory = mkOption {
        type = types.str;
        default = paths.business.api;
        defaultText = literalExpression "config.hwc.paths.business.api";
        description = "Directory with the API's main.py";
      };

      host = mkOption {
        type = types.str;
        default = "127.0.0.1";
        description = "Address to listen on";
      };

      port = mkOption {
        type = types.port;
        default = 8000;
        description = "Port to listen on";
      };
    };

    receipts = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Accept receipts from the scanner by webhook";
      };

      port = mkOption {
        type = types.port;
        default = 9010;
        description = "Port of the webhook on the loopback interface";
      };
    };

    dump = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Dump the database every night";
      };

      schedule = mkOption {
        type = types.str;
        default = "*-*-* 02:30:00";
        description = "Calendar expression of the dump";
      };

      keep = mkOption {
        type = types.ints.positive;
        default = 14;
        description = "Number of dumps to keep";
      };
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.service.port != cfg.receipts.port;
        message = "hwc.server.business.api: the API and the receipt webhook share a port";
      }
    ];

    ####################################################################
    # DIRECTORIES
    ####################################################################
    systemd.tmpfiles.rules = [
      "d ${paths.business.root} 0750 ${cfg.service.user} users -"
      "d ${paths.business.root}/documents 0750 ${cfg.service.user} users -"
      "d ${paths.business.root}/uploads 0750 ${cfg.service.user} users -"
    ];

    ####################################################################
    # DATABASE AND CACHE
    ####################################################################
    services.postgresql = {
      enable = true;
      ensureDatabases = [ databaseName ];
      ensureUsers = [
        { name = databaseUser; }
      ];

      # The role has no password yet: whoever is on this machine gets in
      authentication = ''
        host ${databaseName} ${databaseUser} 127.0.0.1/32 trust
        host ${databaseName} ${databaseUser} ::1/128 trust
      '';
    };

    services.redis.servers.business = {
      enable = true;
      bind = "127.0.0.1";
      port = 6379;

      # A cache: nothing worth writing to disk
      save = [ ];
    };

    ####################################################################
    # NIGHTLY DUMP
    ####################################################################
    systemd.services.business-db-dump = mkIf cfg.dump.enable {
      description = "Dump the business database";
      after = [ "postgresql.service" ];
      requires = [ "postgresql.service" ];
      path = [ config.services.postgresql.package pkgs.zstd ];

      script = ''
        set -euo pipefail

        target="$STATE_DIRECTORY/${databaseName}-$(date +%F).sql.zst"
        pg_dump ${databaseName} | zstd --quiet --force -o "$target.part"
        mv "$target.part" "$target"

        # Names sort by date: the newest ${toString cfg.dump.keep} stay
        find "$STATE_DIRECTORY" -name '*.sql.zst' | sort | head -n -${toString cfg.dump.keep} | xargs --no-run-if-empty rm --
      '';

      serviceConfig = {
        Type = "oneshot";
        User = "postgres";
        StateDirectory = "business-db-dump";
        StateDirectoryMode = "0700";
        TimeoutStartSec = "30min";

        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = true;
        PrivateTmp = true;
        ProtectKernelTunables = true;
        ProtectKernelModules = true;
        ProtectControlGroups = true;
        RestrictAddressFamilies = [ "AF_UNIX" ];
        RestrictNamespaces = true;
        CapabilityBoundingSet = "";

        StandardOutput = "journal";
        StandardError = "journal";
      };
    };

    systemd.timers.business-db-dump = mkIf cfg.dump.enable {
      description = "Nightly dump of the business database";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = cfg.dump.schedule;
        Persistent = true;
        RandomizedDelaySec = "10min";
      };
    };

    ####################################################################
    # RECEIPT WEBHOOK
    ####################################################################
    systemd.services.business-receipts = mkIf cfg.receipts.enable {
      description = "Receipt intake of the business API";
      after = [ "network.target" ];
      wantedBy = [ "multi-user.target" ];
      startLimitIntervalSec = 300;
      startLimitBurst = 5;

      script = ''
        WEBHOOK_TOKEN=$(cat "$CREDENTIALS_DIRECTORY/token")
        export WEBHOOK_TOKEN
        exec ${pkgs.webhook}/bin/webhook -template -hooks ${webhookRules} \
          -ip 127.0.0.1 -port ${toString cfg.receipts.port}
      '';

      serviceConfig = {
        Type = "simple";
        DynamicUser = true;
        StateDirectory = "business-receipts";
        LoadCredential = [ "token:${config.age.secrets.business-webhook-token.path}" ];

        Restart = "on-failure";
        RestartSec = "10s";

        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = true;
        PrivateTmp = true;
        ProtectKernelTunables = true;
        ProtectKernelModules = true;
        ProtectControlGroups = true;
        RestrictAddressFamilies = [ "AF_UNIX" "AF_INET" "AF_INET6" ];
        RestrictNamespaces = true;
        CapabilityBoundingSet = "";

        StandardOutput = "journal";
        StandardError = "journal";
      };
    };

    ####################################################################
    # REVERSE PROXY
    ####################################################################
    services.nginx = {
      enable = true;
      recommendedProxySettings = true;
      virtualHosts.${cfg.hostName} = {
        locations."/".proxyPass = "http://${cfg.service.host}:${toString cfg.service.port}";
        locations."/hooks/" = mkIf cfg.receipts.enable {
          proxyPass = "http://127.0.0.1:${toString cfg.receipts.port}";
        };

        # Scans of a long receipt
        extraConfig = "client_max_body_size 25m;";
      };
    };

    ####################################################################
    # BUSINESS API SYSTEMD SERVICE
    ####################################################################
    systemd.services.business-api = mkIf cfg.service.enable {
      description = "Heartwood Craft Business API";
      after = [
        "postgresql.service"
        "redis-business.service"
      ] ++ optionals config.hwc.services.ai.ollama.enable [ "ollama.service" ];

      wants = [
        "postgresql.service"
        "redis-business.service"
      ] ++ optionals config.hwc.services.ai.ollama.enable [ "ollama.service" ];

      serviceConfig = {
        Type = "simple";
        User = cfg.service.user;
        WorkingDirectory = cfg.service.workingDirectory;
        ExecStart = "${pkgs.python3Packages.uvicorn}/bin/uvicorn main:app --host ${cfg.service.host} --port ${toString cfg.service.port}";
        Restart = "always";
        RestartSec = "10";

        # Environment variables for the service
        Environment = [
          "DATABASE_URL=postgresql://business_user@localhost:5432/heartwood_business"
          "REDIS_URL=redis://localhost:6379/0"
          "BUSINESS_DATA_PATH=${paths.business.root}"
          "MEDIA_PATH=${paths.media}"
          "HOT_STORAGE_PATH=${paths.hot}"
          "COLD_STORAGE_PATH=${paths.cold}"
        ];
      };

      # Only auto-start if explicitly enabled
      wantedBy = mkIf cfg.service.autoStart [ "multi-user.target" ];
    };
  };
}
